"""Meshes that are fine where the solution needs it: an error estimate per triangle, and the device refined by it.

P1 elements know the gradient of G to first order; its average over the triangles round a node is known better
(Zienkiewicz and Zhu, 1987). The difference of the two, in the norm of the free energy, is the error estimate.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.action.matrices.links import middle_links
from jusadel.action.mesh_action import Cells, DiscreteAction
from jusadel.action.terms import GRADIENT
from jusadel.common.differentiability import DIFFERENCES, without_derivatives
from jusadel.device.device import Device
from jusadel.mesh.mesh import Mesh
from jusadel.mesh.refinement import MAX_NODES, refine_to
from jusadel.mesh.smoothing import smoothed
from jusadel.solver.states.solution import Solution

Array = jax.Array

FRACTION = 0.5
"""Share of the squared error in the triangles that are refined unless told otherwise."""
FINEST = 16
"""Largest number of pieces per triangle in one step: an estimate says little about much smaller triangles."""
FLUX_FIELDS = ("nu", *GRADIENT)
"""Material fields at whose jumps the gradient of G jumps."""


@without_derivatives(DIFFERENCES)
def error_estimate(sol: Solution) -> np.ndarray:
    """How wrong the gradient of G is in each triangle, as (m,) square roots of free energies.

    eta^2 = pi T Sum_p w_p Int nu/4 D_kj Tr(e_k^T e_j), e_k = D_k G - (its recovery): the difference between the
    covariant gradient, constant on a triangle, and its area-weighted mean over the triangles round each node, carried
    there by the links of the vector potential and the spin field and interpolated. So it is gauge invariant, and
    counts frequencies as observables do. Means stay on one side of borders where D, nu, gamma, theta or kappa change,
    and of barriers, since the gradient jumps there. Squares add up; halved edges reduce the root of their sum by two
    where G is smooth. It does not know of fields that vary faster than the mesh can see, nor of the straight edges of
    a curved border.

    Returns:
        (m,) [sqrt(nu) energy length].
    """
    return np.sqrt(_squares(sol)[0])


@without_derivatives(DIFFERENCES)
def adapt(
    device: Device,
    sol: Solution,
    fraction: float | None = None,
    tolerance: float | None = None,
    max_nodes: int = MAX_NODES,
    smooth: bool = True,
) -> Device:
    """The device on a mesh that is finer where the solution needs it; solve again on that.

        for _ in range(4):
            device = ju.adapt(device, sol)
            sol = ju.solve(device, T=0.1, pair_potential=..., start=sol)

    Triangles are bisected (see `refine_at`), and with them regions, boundaries, both sides of barriers and periodic
    boundaries; then edges are flipped and nodes moved until triangles are regular again, except on these borders; no
    angle gets below 20 degrees by that. Nodes that `polygon` was asked for move too. New nodes on curved borders lie on
    the chord: the adapted device has the shape that the mesh at the start had. No triangle gets coarser: start from a
    mesh that is coarse where little happens. Each mesh compiles its programs anew, for 5 to 30 seconds; the solution on
    the mesh before is a `start` that halves the number of Newton steps.

    Args:
        device: the Device, or the one of the solution.
        sol: its Solution.
        fraction: the triangles with the largest errors of G itself, their size times `error_estimate`, that hold this
            share of the sum of squares have their edges halved (Doerfler), default 0.5.
        tolerance: instead, the relative error of the gradient that is wanted, the square root of
            (sum of `error_estimate`^2)/(the same norm of the gradient). The mesh is then the smallest one that should
            have it, a triangle being cut into 16 at most; a device that has it already is returned as it is.
        max_nodes: largest number of nodes allowed.
        smooth: False leaves all nodes of the mesh where they are, at the price of larger errors.

    Raises:
        ValueError: a solution of another mesh or not certified, fraction or tolerance out of range or both given, more
            nodes than allowed.
    """
    _check(device, sol, fraction, tolerance)
    squares, gradient = _squares(sol)
    if tolerance is not None:
        pieces = _pieces_for(squares, tolerance**2 * gradient.sum())
    else:
        of_fields = squares * np.asarray(sol.mesh.areas)  # size times the error of the gradient
        pieces = np.where(_bulk(of_fields, FRACTION if fraction is None else fraction), 4.0, 1.0)
    if pieces.max() <= 1:
        return device
    mesh = sol.mesh
    periodic = [(b.partner, name) for name, b in device.periodic().items()]
    finer = refine_to(mesh, np.asarray(mesh.areas) / pieces, periodic, max_nodes)
    return replace(sol.device, mesh=smoothed(finer) if smooth else finer)


def _bulk(squares: np.ndarray, fraction: float) -> np.ndarray:
    """(m,) bool: the fewest triangles that hold this fraction of the sum."""
    order = np.argsort(-squares, kind="stable")
    held = np.cumsum(squares[order])
    chosen = np.zeros(len(squares), bool)
    chosen[order[: 1 + int(np.searchsorted(held, fraction * held[-1] * (1 - 1e-12)))]] = squares.max() > 0
    return chosen


def _pieces_for(squares: np.ndarray, goal: float) -> np.ndarray:
    """(m,) the fewest pieces 1, 2, 4 ... FINEST per triangle whose squares should sum up to no more than the goal.

    Cut into k pieces, a triangle keeps 1/k of its square, k pieces with 1/k^2 each; the sum is least for given number
    of pieces where all of them have the same.
    """
    exponents = np.arange(1, int(np.log2(FINEST)) + 1)
    gain = squares[:, None] / 4.0 ** (exponents - 1)  # what the next bisection of all pieces saves, per piece, times 2
    limits = np.sort(gain.ravel())[::-1]

    def pieces(limit: float) -> np.ndarray:
        return 2.0 ** (gain >= limit).sum(axis=1)

    if squares.sum() <= goal:
        return np.ones(len(squares))
    low, high = 0, len(limits) - 1  # the first limit that is enough
    while low < high:
        middle = (low + high) // 2
        enough = (squares / pieces(limits[middle])).sum() <= goal
        low, high = (low, middle) if enough else (middle + 1, high)
    return pieces(limits[low])


# --- the estimate --------------------------------------------------------------------------------


def _squares(sol: Solution) -> tuple[np.ndarray, np.ndarray]:
    """Squares of the error estimate, and of the gradient itself in the same norm, (m,) each."""
    m = len(sol.mesh.triangles)
    cells = jax.tree.map(lambda x: x[:m], sol.system.cells)  # without edges that have terms of their own
    nodes = np.asarray(sol.system.triangles[:m])
    side = _sides(sol.device)
    _, patch = np.unique(side[:, None] * (nodes.max() + 1) + nodes, return_inverse=True)
    weights = np.pi * sol.T * jnp.asarray(sol.weights)
    given = (sol.system, cells, jnp.asarray(nodes), jnp.asarray(patch.reshape(-1, 3)), sol.all_G, weights)
    squares, gradient = _summed(*given, n_patches=int(patch.max()) + 1)
    return np.asarray(squares), np.asarray(gradient)


def _sides(device: Device) -> np.ndarray:
    """(m,) the same number in regions across whose borders the gradient does not jump."""
    number = np.zeros(len(device.mesh.triangles), int)
    known: list[Any] = []
    for region, triangles in device.mesh.regions.items():
        material = device.materials[region]  # type: ignore[index]
        same = [k for k, other in enumerate(known) if _same_fluxes(material, other)]
        number[triangles] = same[0] if same else len(known)
        known.append(material)
    return number


def _same_fluxes(one: Any, other: Any) -> bool:
    for name in FLUX_FIELDS:
        a, b = getattr(one, name), getattr(other, name)
        if a is not b and (callable(a) or callable(b) or not np.array_equal(np.asarray(a), np.asarray(b))):
            return False
    return True


@partial(jax.jit, static_argnames="n_patches")
def _summed(
    system: DiscreteAction, cells: Cells, nodes: Array, patch: Array, all_G: Array, weights: Array, n_patches: int
) -> tuple[Array, Array]:
    area = jax.ops.segment_sum(jnp.repeat(cells.area, 3), patch.ravel(), n_patches)
    links = jax.vmap(lambda cell: middle_links(cell, 4, all_G.dtype))(cells) if system.links else None

    def carried(X: Array, forward: bool) -> Array:
        """Matrices (m, 3, ..., 4, 4) at the vertices to the centroid, or back."""
        if links is None:
            return X
        U = links if forward else links.swapaxes(2, 3)
        return jnp.einsum("mvij,mv...jk,mvlk->mv...il", U, X, U)

    def add(total: tuple[Array, Array], item: tuple[Array, Array]) -> tuple[tuple[Array, Array], None]:
        G, weight = item
        gradient = jnp.einsum("mvk,mvij->mkij", cells.gradients, carried(G[nodes], True))
        at_vertices = carried(jnp.broadcast_to(gradient[:, None], (len(nodes), 3, *gradient.shape[1:])), False)
        share = cells.area[:, None, None, None, None] * at_vertices
        mean = jax.ops.segment_sum(share.reshape(-1, *share.shape[2:]), patch.ravel(), n_patches)
        recovered = carried((mean / area[:, None, None, None])[patch], True)
        error = recovered - gradient[:, None]
        # Int of the square of a linear function: area/12 (Sum of squares at the vertices + square of the sum)
        square = (_energy(cells, error).sum(axis=1) + _energy(cells, error.sum(axis=1, keepdims=True))[:, 0]) / 12
        return (total[0] + weight * square, total[1] + weight * _energy(cells, gradient[:, None])[:, 0]), None

    nothing = jnp.zeros(len(nodes))
    return jax.lax.scan(add, (nothing, nothing), (all_G, weights))[0]


def _energy(cells: Cells, e: Array) -> Array:
    """area nu/4 D_kj Tr(e_k^T e_j) of e (m, v, 2, 4, 4), (m, v)."""
    return jnp.einsum("m,mkj,mvkab,mvjab->mv", cells.area * cells.nu / 4, cells.fields["D"], e, e)


# --- checks ------------------------------------------------------------------------------------


def _check(device: Device, sol: Solution, fraction: float | None, tolerance: float | None) -> None:
    if fraction is not None and tolerance is not None:
        raise ValueError(f"fraction = {fraction} and tolerance = {tolerance}; expected one of them")
    if fraction is not None and not 0 < fraction <= 1:
        raise ValueError(f"fraction = {fraction}; expected a share of the error, in (0, 1]")
    if tolerance is not None and not (np.isfinite(tolerance) and tolerance > 0):
        raise ValueError(f"tolerance = {tolerance}; expected a relative error > 0")
    if not _same_mesh(device.mesh, sol.mesh):
        raise ValueError(
            f"the solution is of another mesh ({sol.mesh}) than that of the device ({device.mesh}): solve this device"
        )
    bad = np.flatnonzero(~(np.asarray(sol.converged) & np.asarray(sol.stable)))
    if bad.size:
        raise ValueError(
            f"{bad.size} of {len(sol.omega)} frequencies of the solution are not certified, first omega = "
            f"{sol.omega[bad[0]]:.3g}: its errors say nothing about the mesh; see `sol.stats`"
        )


def _same_mesh(one: Mesh, other: Mesh) -> bool:
    return one.topology == other.topology and np.array_equal(np.asarray(one.points), np.asarray(other.points))
