"""Spin: torques, divergence of its current, total spin, and the triplets' ranges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.action.mesh_action import DiscreteAction, nodal_mean
from jusadel.action.terms import TERMS
from jusadel.common.arguments import real
from jusadel.common.types import ArrayLike
from jusadel.observables.densities import pair_amplitude, spin_currents_of_cells, spin_density
from jusadel.observables.torques import matsubara_sum, outflow, per_area, spin_torques_of_cells, spin_torques_of_nodes
from jusadel.solver.states.solution import Solution

Array = jax.Array

SPIN_TERMS = tuple(t.name for t in TERMS if t.field not in ("omega", "Delta"))
"""Terms that can turn spins; singlet pairing and the frequency cannot."""


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
    torque = matsubara_sum(sol, system, spin_torques_of_nodes)
    if gradient:
        torque = torque + matsubara_sum(sol, system, spin_torques_of_cells)
        torque = torque - outflow(sol, spin_currents_of_cells(sol, gradient))
    return per_area(sol, torque)


def spin_divergence(sol: Solution) -> Array:
    """Divergence d_k j_ak of the spin current at the nodes, (n, 3): minus Int j.grad(phi_n) over the node's area.

    Equal to `spin_torque` at every free node to the solver's tolerance; on an electrode less by what it takes up.
    """
    return -per_area(sol, outflow(sol, spin_currents_of_cells(sol)))


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


def triplet_components(sol: Solution, axis: ArrayLike | None = None, omega: int | None = None) -> tuple[Array, Array]:
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


def _restricted(system: DiscreteAction, terms: Sequence[str]) -> DiscreteAction:
    if isinstance(terms, str) or not set(terms) <= set(SPIN_TERMS):
        raise ValueError(f"terms = {terms!r}; expected a sequence of names from {list(SPIN_TERMS)}")
    chosen = [t for t in TERMS if t.name in terms]
    return replace(
        system,
        node_terms=tuple(t for t in chosen if not t.gradient),
        cell_terms=tuple(t for t in chosen if t.gradient),
    )
