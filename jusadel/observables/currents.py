"""Currents through boundaries and cuts, the torque on the spins, total spin, and the triplets' ranges.

Turn the G of one node by exp(chi R3) or exp(s.L): the free energy of the gradient terms changes by Int j.grad(phi_n),
phi_n the node's shape function, plus what breaks the symmetry. So at every free node the currents per triangle balance
exactly, and the current that leaves through an electrode is the derivative of F at its nodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial, singledispatch
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.action.assembly import edge_sides, ghosts
from jusadel.action.mesh_action import (
    Cells,
    DiscreteAction,
    Joint,
    Nodes,
    cell_action,
    joint_action,
    nodal_mean,
    node_action,
    to_nodes,
)
from jusadel.action.nambu import L, R, commutator
from jusadel.action.periodic import rotation_matrices, seams
from jusadel.action.terms import TERMS
from jusadel.device.material.material import real
from jusadel.observables.cuts import coordinates, flux_through_triangles, point
from jusadel.observables.lines import Line, barrier_at, line_at
from jusadel.observables.local import (
    by_real_numbers,
    charge_currents_of_cells,
    pair_amplitude,
    spin_currents_of_cells,
    spin_density,
    weighted_sum,
)
from jusadel.solver.solution import Solution, Solved

Array = jax.Array


# --- charge and spin through boundaries and cuts -----------------------------------------------------


@singledispatch
def current_through(sol: Any, name: str) -> Array:
    """Charge current out of the device through a boundary, exact where it is an electrode: 2 dF/dphase.

    In a Flow the held potentials take the place of the phase: what the equations of their nodes leave over.

    Through a Tunnel it is what crosses the barrier. A node on a reservoir counts wholly to it (to the first, where one
    reservoir has several names), so that nothing leaves through vacuum. The currents of all electrodes add up to what a
    pair potential that does not solve the gap equation feeds in.

    Through a named line inside the device it is what flows from its left to its right, as `Interface` has them: also
    the name of a barrier, "b"; "b:left" is what leaves that side, the same, and "b:right" the opposite. Through a
    periodic boundary, or its partner, it is what flows out over the seam. What flows into a part of the device between
    lines and electrodes flows out of it. A line that ends inside the sample has the accuracy of the triangles there.

    Args:
        sol: the Solution, or the Flow of `diffuse`, or the Kinetics of `kinetics`.
        name: of the boundary, or of the line.

    Returns:
        A number [nu D energy].

    Raises:
        ValueError: unknown boundary; a line with branches, or of edges of an electrode, or one that ends where a
            barrier to an electrode or a contact that feeds in a current does.
    """
    return _leaving(sol, name, _charge_of_cells, _charge_at_nodes, _charge_torques_of_joints)[0]


@singledispatch
def spin_current_through(sol: Any, name: str) -> Array:
    """Spin current out of the device through a boundary, (3,): dF/ds as its G turns by exp(s.L).

    Half of it (a spin is hbar/2) is the torque on a magnetic electrode. All electrodes together take up the integral
    of `spin_torque` over the device. Args, lines inside the device, nodes shared by boundaries and errors as in
    `current_through`; where something turns spins, lines have the accuracy of `spin_current_across`.
    """
    return _leaving(sol, name, spin_currents_of_cells, _spin_at_nodes, _spin_torques_of_joints)


def current_across(sol: Solved, start: Any, end: Any) -> Array:
    """Charge current through the straight cut from start to end, positive along (dy, -dx) of end - start.

    Exactly the same for every cut that separates the same electrodes, where nothing feeds in charge (see
    `current_through`). The path joins the midpoints of the edges that the segment crosses. An end inside the sample is
    the path's own end: pieces of a cut add up, but such a piece has the accuracy of the triangles' currents.

    Args:
        sol: the Solution, or the Flow of `diffuse`.
        start, end: points (2,) [length]; on vacuum edges or beyond them for a whole cut.

    Returns:
        A number [nu D energy].

    Raises:
        ValueError: start = end, not two finite numbers each, or a cut that meets no triangle.
    """
    return _across(sol, charge_currents_of_cells(sol), start, end)


def spin_current_across(sol: Solved, start: Any, end: Any) -> Array:
    """Spin current through a straight cut, (3,); arguments, sign and errors as in `current_across`.

    Cuts between the same electrodes differ by the integral of `spin_torque` between them. Where a spin field turns the
    spins, that of a Solution, -dF/da, and that of a Flow or Kinetics, of one point of each triangle, differ by a share
    of order (spin field x size of the triangles)^2.
    """
    return _across(sol, spin_currents_of_cells(sol), start, end)


# --- what makes and turns spin ---------------------------------------------------------------------


def spin_torque(sol: Solution, terms: Sequence[str] | None = None) -> Array:
    """Torque density on the spins at the nodes, d_k j_ak = torque_a, (n, 3), in the units of S [nu energy^2].

    From the action, turned by exp(s.L) at one node: exchange gives 2 h x S, the others relaxation, precession in the
    spin field and the torques of gamma, theta and kappa (physics.md, section 5, has them in the normal state).

    Args:
        sol: the Solution.
        terms: names of terms of the action whose share is wanted, of "exchange", "spin_relaxation", "diffusion" (the
            spin field), "spin_galvanic", "spin_hall", "spin_swapping"; None for all. The share of a term with
            gradients is the torque beside its own share of the spin current.

    Raises:
        ValueError: unknown term.
    """
    system = sol.system if terms is None else _restricted(sol.system, terms)
    gradient = [t.name for t in system.cell_terms]
    torque = _total(sol, system, _spin_torques_of_nodes)
    if gradient:
        torque += _of_cells(sol, system) - _gathered(sol, spin_currents_of_cells(sol, gradient))
    return _density(sol, torque)


def spin_divergence(sol: Solution) -> Array:
    """Divergence d_k j_ak of the spin current at the nodes, (n, 3): minus Int j.grad(phi_n) over the node's area.

    Equal to `spin_torque` at every free node to the solver's tolerance; on an electrode less by what it takes up.
    """
    return -_density(sol, _gathered(sol, spin_currents_of_cells(sol)))


def magnetisation(sol: Solution, region: str | None = None) -> Array:
    """Total spin Int S dA, (3,), up minus down with the Pauli term, as `spin_density` [nu energy length^2].

    Args:
        sol: the Solution.
        region: its name, for the integral over it alone; None for the whole device.

    Raises:
        ValueError: unknown region.
    """
    mesh = sol.mesh
    if region is not None and region not in mesh.regions:
        raise ValueError(f"the mesh has no region {region!r}; its regions are {list(mesh.regions)}")
    rows = slice(None) if region is None else mesh.regions[region]
    return jnp.einsum("t,tia->a", jnp.asarray(mesh.areas)[rows] / 3, spin_at_vertices(sol)[rows])


def spin_at_vertices(sol: Solution) -> Array:
    """The spin density at each triangle's own vertices, with its own nu and h, (m, 3, 3), the vertex first."""
    mesh, device = sol.mesh, sol.device
    nu = jnp.asarray(device.centroid_field("nu"))[:, None, None] * jnp.ones((1, 3, 1))
    per_nu = spin_density(sol, pauli=False) / nodal_mean(mesh, nu)
    return nu * (per_nu[mesh.triangles] - 2 * device.vertex_field("h"))


def triplet_components(sol: Solution, axis: Any = None, omega: int | None = None) -> tuple[Array, Array]:
    """Triplet pair amplitude along the exchange field (short-range) and across it (long-range).

    Args:
        sol: the Solution.
        axis: instead of the local h, one direction (3,) or one a node (n, 3). Where it is zero, as h is
            outside magnets, nothing dephases pairs and all of the triplet counts as long-range.
        omega: index of one frequency; None for the sum (see `pair_amplitude`).

    Returns:
        Short-range component (n,) along the axis, long-range rest (n, 3), complex.

    Raises:
        ValueError: no exchange field and no axis, or an axis of the wrong shape, not finite or zero everywhere.
    """
    triplet = pair_amplitude(sol, omega)[1]
    n = _directions(sol, axis)
    short = jnp.einsum("na,na->n", n, triplet)
    return short, triplet - n * short[:, None]


def _directions(sol: Solution, axis: Any) -> Array:
    """Unit vectors (n, 3), zero where there is no direction."""
    count = len(sol.Delta)
    vectors = np.asarray(sol.system.nodes.fields["h"][:count] if axis is None else real("axis", axis))
    if vectors.shape not in ((3,), (count, 3)) or not np.isfinite(vectors).all():
        raise ValueError(f"axis has shape {vectors.shape}; expected three finite numbers or ({count}, 3), one a node")
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    if not length.any():
        missing = "no exchange field: give axis=(x, y, z)" if axis is None else "a zero axis: give a direction"
        raise ValueError(f"triplets cannot be split along {missing}")
    exists = length > 1e-12 * length.max()
    return jnp.broadcast_to(np.where(exists, vectors, 0) / np.where(exists, length, 1), (count, 3))


# --- derivatives of F under turns of single nodes -----------------------------------------------------


def _turned(G: Array, s: Array, generators: np.ndarray) -> Array:
    """G turned by exp(s_a X_a), to first order."""
    return G + commutator(jnp.einsum("a,aij->ij", s, generators), G)


def _torques_of_nodes(generators: np.ndarray, system: DiscreteAction, G: Array) -> Array:
    """dS/ds of the terms without gradients, (n, generators); the frequency does not feel these turns."""

    def at(s: Array, g: Array, node: Nodes) -> Array:
        return node_action(system, _turned(g, s, generators), node, jnp.zeros(()))

    return jax.vmap(by_real_numbers(at), (None, 0, 0))(jnp.zeros(len(generators)), G, system.nodes)


def _torques_of_joints(generators: np.ndarray, system: DiscreteAction, G: Array) -> Array:
    """dS/ds of the barriers, (N, generators)."""

    def of(s: Array, joint: Joint) -> Array:
        turn = jax.vmap(partial(_turned, generators=generators))
        return jnp.sum(joint_action(joint, *(turn(G[joint.pairs[:, k]], s[k]) for k in range(2))))

    total = jnp.zeros((len(G), len(generators)), G.dtype)
    for joint in system.joints:
        zero = jnp.zeros((2, len(joint.pairs), len(generators)))
        for pair, slope in zip(joint.pairs.T, by_real_numbers(of)(zero, joint), strict=True):
            total = total.at[pair].add(slope)
    return total


_charge_torques_of_joints = partial(_torques_of_joints, R[2:])
_spin_torques_of_joints = partial(_torques_of_joints, L)
_charge_torques_of_nodes = partial(_torques_of_nodes, R[2:])
_spin_torques_of_nodes = partial(_torques_of_nodes, L)


def _spin_torques_of_cells(system: DiscreteAction, G: Array) -> Array:
    """dS/ds of the gradient terms for a turn at each corner of each triangle, (m, 3, 3), corner first."""

    def at(s: Array, g: Array, cell: Cells) -> Array:
        return cell_action(system, [_turned(g[i], s[i], L) for i in range(3)], cell, links=True)

    return jax.vmap(by_real_numbers(at), (None, 0, 0))(jnp.zeros((3, 3)), G[system.triangles], system.cells)


def _total(sol: Solution, system: DiscreteAction, derivative: Any) -> Array:
    return jnp.pi * sol.T * weighted_sum(system, derivative, sol.all_G, jnp.asarray(sol.weights))


def _of_cells(sol: Solution, system: DiscreteAction) -> Array:
    return to_nodes(system.triangles, _total(sol, system, _spin_torques_of_cells), len(system.free))


def _gathered(sol: Solution, current: Array) -> Array:
    """Int j.grad(phi_n), (N, ...) from the cells' currents (m + k, ..., 2)."""
    cells = sol.system.cells
    flow = jnp.einsum("m,m...k,mik->mi...", cells.area, current, cells.gradients)
    return to_nodes(sol.system.triangles, flow, len(sol.system.free))


def _density(sol: Solution, total: Array) -> Array:
    """Integrals (N, 3) round the nodes over their areas, (n, 3); nodes of a seam turn with it."""
    mesh, seam = sol.mesh, seams(sol.device)
    corners = seam.owner[mesh.triangles]
    area = to_nodes(corners, jnp.asarray(mesh.areas)[:, None] / 3 * jnp.ones((1, 3)), len(total))
    values = (total / jnp.where(area == 0, 1.0, area)[:, None])[seam.owner]
    return values if seam.spin is None else jnp.einsum("nij,nj->ni", rotation_matrices(seam.spin), values)


SPIN_TERMS = tuple(t.name for t in TERMS if t.field not in ("omega", "Delta"))
"""Terms that can turn spins; singlet pairing and the frequency cannot."""


def _restricted(system: DiscreteAction, terms: Sequence[str]) -> DiscreteAction:
    if isinstance(terms, str) or not set(terms) <= set(SPIN_TERMS):
        raise ValueError(f"terms = {terms!r}; expected a sequence of names from {list(SPIN_TERMS)}")
    chosen = [t for t in TERMS if t.name in terms]
    return replace(
        system,
        node_terms=tuple(t for t in chosen if not t.gradient),
        cell_terms=tuple(t for t in chosen if t.gradient),
    )


def _charge_of_cells(sol: Solution) -> Array:
    return charge_currents_of_cells(sol)[:, None]


def _charge_at_nodes(sol: Solution) -> Array:
    """dF/ds of the terms of cells and nodes, (N, 1)."""
    return _gathered(sol, _charge_of_cells(sol)) + _total(sol, sol.system, _charge_torques_of_nodes)


def _spin_at_nodes(sol: Solution) -> Array:
    return _of_cells(sol, sol.system) + _total(sol, sol.system, _spin_torques_of_nodes)


def _leaving(sol: Solution, name: str, currents: Any, at_nodes: Any, of_joints: Any) -> Array:
    """dF/ds of a boundary, (generators,): of cells and nodes, and barriers, at a reservoir; of one barrier; else the
    currents of cells through the line."""
    system, behind, reservoirs = sol.system, ghosts(sol.device), list(sol.device.reservoirs())
    if name in reservoirs:
        return (at_nodes(sol) + _total(sol, system, of_joints))[_own_nodes(sol, name)].sum(axis=0)
    if name in behind:
        return _total(sol, system, of_joints)[behind[name][1]].sum(axis=0)
    if barrier := barrier_at(sol.device, name):
        joint = system.joints[barrier[0]]
        alone = replace(system, joints=(joint,))
        return _total(sol, alone, of_joints)[np.unique(joint.pairs[:, barrier[1]])].sum(axis=0)
    return flux_of_cells(sol, currents(sol), line_at(sol.device, name, reservoirs, list(behind)))


def flux_of_cells(sol: Solved, current: Array, line: Line | None) -> Array:
    """The flux of the cells' currents (m + k, ..., 2) through a line; nothing through vacuum."""
    if line is None:
        return jnp.zeros(current.shape[1:-1])
    beside = np.concatenate([np.zeros(0, int), *(s.triangles for s in edge_sides(sol.device) if s.cells)])
    return line.flux(current, sol.system.cells.area, sol.system.cells.gradients, beside)


def _own_nodes(sol: Solution, name: str) -> np.ndarray:
    """The nodes of a reservoir without those of one that comes before it."""
    nodes = sol.mesh.boundary_nodes(name)
    for other in sol.device.reservoirs():
        if other == name:
            break
        nodes = np.setdiff1d(nodes, sol.mesh.boundary_nodes(other))
    return nodes


# --- cuts ------------------------------------------------------------------------------------------


def _across(sol: Solved, current: Array, start: Any, end: Any) -> Array:
    """The flux of the cells' currents: through triangles, and along the edges at those that the cut crosses."""
    flux, rows = flux_through_triangles(sol.mesh, current, start, end)
    return flux + _along_edges(sol, current, rows, point("start", start), point("end", end))


def _along_edges(sol: Solved, current: Array, rows: np.ndarray, start: np.ndarray, end: np.ndarray) -> Array:
    """Int j.grad(chi) over edges with terms of their own at these triangles, chi = 1 at nodes on the cut's right."""
    triangles, cells = sol.mesh.triangles, sol.system.cells
    beside = np.concatenate([np.zeros(0, int), *(s.triangles for s in edge_sides(sol.device) if s.cells)])
    met = np.flatnonzero(np.isin(beside, rows))
    right = coordinates(np.asarray(sol.mesh.points), start, end, 0.0)[1] > 0
    chi = jnp.asarray(right[triangles[beside[met]]].astype(float))
    at = len(triangles) + met
    return jnp.einsum("m,m...k,mik,mi->...", cells.area[at], current[at], cells.gradients[at], chi)
