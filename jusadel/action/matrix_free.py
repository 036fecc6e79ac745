"""The gradient and the Hessian product of the discrete action, matrix-free, for all frequencies at once.

With G_i(u) = V (1 + 2Y + 2Y^2) R3 V^-1 and dS = Tr(Phi dG) the Hessian at u = 0, applied to steps x, is

    (H x)_a = Tr( 2 B_a R3 V^-1 dPhi(X) V ) + Tr( 2 B_a {Y, R3 Q} ),     X = 2 V Y R3 V^-1,     Q = V^-1 Phi V,

with Y = x_a B_a and dPhi(X) the derivative of Phi along X. Diffusion and the terms with one gradient work on sums over
the neighbours of each node (`neighbours`), gathers over padded rows in blocks of nodes that fit the cache; what is
left goes triangle by triangle. Real or complex, in any precision; fields are (nodes, 4, 4, frequencies), steps (nodes,
8, frequencies).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp

from jusadel.action.matrices.carrying import Parts, Weights, matrices, parts_of, summed, summed_over, weights_of
from jusadel.action.matrices.gradient_terms import corner_energy, corner_slopes, middle_slopes
from jusadel.action.matrices.links import all_middle_links
from jusadel.action.matrices.neighbours import Neighbours, in_blocks, neighbours, sums_back, weighted_sums
from jusadel.action.matrices.node_matrices import (
    TANGENTS,
    TWO_B_R3,
    anticommutator,
    generated,
    green,
    inverse_of_frames,
    product,
    times_constant,
    traces,
    transposed,
)
from jusadel.action.matrices.padded_rows import Rows, padded
from jusadel.action.matrices.pairs import NodePairs
from jusadel.action.matrices.products import code_for, materialise, quickly_compiled
from jusadel.action.mesh_action import Cells, DiscreteAction, local_slope
from jusadel.action.nambu import R
from jusadel.action.terms import Term

Array = jax.Array
Change = Callable[[Array], Array]

TRIANGLES = 2048
"""Of them that are worked on together."""


# --- the action in this layout ------------------------------------------------------------------


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TriangleBlocks:
    """The triangles, (blocks, k, ...); the last block is filled up with triangles of no weight."""

    triangles: Array  # (blocks, k, 3)
    cells: Cells
    links: Weights  # (blocks, k, 3, ...) to the point of sampling


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class LiftedAction:
    """A discrete action with its sums over neighbours; made once a mesh by `lift`."""

    system: DiscreteAction
    near: Neighbours
    units: dict[str, Array]  # as `neighbours` has them
    pairs: NodePairs
    corners: Rows | None  # (n, 3 m): the sum of what the triangles give to their corners
    sides: Rows | None  # (n p, 3 m): and to pairs of a corner and the following one
    blocks: TriangleBlocks | None  # where there are terms in the middle of triangles

    @property
    def at_corners(self) -> tuple[Term, ...]:
        """Terms with one gradient."""
        return tuple(t for t in self.system.cell_terms if t.sampled == "corners")

    @property
    def corner_energy(self) -> Callable[[Array, Sequence[Array] | Array], Array]:
        """Their sum at one node."""
        return corner_energy(self.at_corners, self.near.fields, self.units)

    @property
    def in_the_middle(self) -> tuple[Term, ...]:
        """Terms that are left to the triangles."""
        return tuple(t for t in self.system.cell_terms if t.sampled == "middle")


def cast(tree: Any, dtype: Any) -> Any:
    """All real numbers of a pytree in another precision."""
    other = lambda x: jax.device_put(np.asarray(x).astype(dtype)) if jnp.issubdtype(x.dtype, jnp.floating) else x  # noqa: E731
    return jax.tree.map(other, tree)


def lift(system: DiscreteAction) -> LiftedAction:
    """The discrete action with the neighbour lists that the batched operations need."""
    system = _in_order_of_nodes(system)
    n, triangles = len(system.free), np.asarray(system.triangles)
    near, units, pairs, of_cells = neighbours(system)
    corners = sides = blocks = None
    if any(t.sampled == "middle" for t in system.cell_terms):
        links = _to_the_middle(system)
        weighty = np.asarray(system.cells.nu)[:, None] != 0  # not what fills up
        corners = padded(_columns(np.where(weighty, triangles, -1), n))
        blocks = in_blocks(TriangleBlocks(system.triangles, system.cells, links), TRIANGLES)
        sides = padded(_columns(np.stack([of_cells[:, i, (i + 1) % 3] for i in range(3)], 1), pairs.index.size))
    return LiftedAction(system, near, units, pairs, corners, sides, blocks)


def _to_the_middle(system: DiscreteAction) -> Weights:
    """What carries the matrices of a triangle's corners to the point of sampling, (m, 3, ...)."""
    links = np.asarray(all_middle_links(system.cells)).reshape(-1, 4, 4) if system.links else None
    found = weights_of(links, 3 * len(system.triangles))
    return jax.tree.map(lambda x: x.reshape(-1, 3, *x.shape[1:]), found)


def _columns(row: np.ndarray, rows: int) -> sp.csr_matrix:
    """One in each column, at these rows; nothing where they are negative."""
    column = np.flatnonzero(row.ravel() >= 0)
    return sp.csr_matrix((np.ones(len(column)), (row.ravel()[column], column)), (rows, row.size))


def _in_order_of_nodes(system: DiscreteAction) -> DiscreteAction:
    """The triangles sorted by their first node, so that what they share is still in the cache."""
    order = np.argsort(np.asarray(system.triangles).min(axis=1), kind="stable")
    triangles, cells = jax.tree.map(lambda x: jax.device_put(np.asarray(x)[order]), (system.triangles, system.cells))
    return replace(system, triangles=triangles, cells=cells)


# --- gradient -----------------------------------------------------------------------------------


def gradient(lifted: LiftedAction, G: Array, omega: Array) -> Array:
    """Phi with dS = Tr(Phi dG) for the action S, (n, 4, 4, w)."""
    KG, H = weighted_sums(lifted.near, G)
    total = local_slope(lifted.system, G, omega) - KG / 2
    if lifted.at_corners:
        own, back = corner_slope(lifted)(G, H)
        total = total + own + sums_back(lifted.near, back)
    parts = _parts_in_triangles(lifted, G)
    return _with_triangles(lifted, materialise(total), lambda block: _middle_slope(lifted, block, parts))


def gradient_change(lifted: LiftedAction, G: Array, omega: Array) -> Change:
    """The derivative of `gradient` at G, a function of the direction X (n, 4, 4, w).

    What depends on G alone, but for its sums over neighbours, is worked out again for each direction: on CPUs that is
    quicker than to read it.
    """
    H = weighted_sums(lifted.near, G)[1] if lifted.at_corners else ()
    at = _parts_in_triangles(lifted, G)

    def change(X: Array) -> Array:
        KX, HX = weighted_sums(lifted.near, X)
        total = jax.jvp(lambda g: local_slope(lifted.system, g, omega), (G,), (X,))[1] - KX / 2
        if lifted.at_corners:
            own, back = jax.jvp(corner_slope(lifted), (G, H), (X, HX))[1]
            total = total + own + sums_back(lifted.near, back)
        along = _parts_in_triangles(lifted, X)
        return _with_triangles(lifted, materialise(total), lambda block: _middle_change(lifted, block, at, along))

    return change


def corner_slope(lifted: LiftedAction) -> Callable[[Array, Sequence[Array]], tuple[Array, tuple[Array, ...]]]:
    """The slope of the terms with one gradient at G and at the H_c, (n, 4, 4, w) each, as a function of these."""
    return jax.vmap(partial(corner_slopes, lifted.corner_energy))


def _with_triangles(lifted: LiftedAction, total: Array, change: Callable[[TriangleBlocks], Array]) -> Array:
    """The total with what triangles give to their corners, (blocks, k, 3, 4, 4, w)."""
    if lifted.blocks is None:
        return total
    forces = lifted.corners @ jax.lax.map(change, lifted.blocks).reshape(-1, *total.shape[1:])
    return materialise(total + matrices(lifted.blocks.links, forces))


def _parts_in_triangles(lifted: LiftedAction, X: Array) -> Parts:
    return [] if lifted.blocks is None else parts_of(lifted.blocks.links, X)


def _middle_slope(lifted: LiftedAction, block: TriangleBlocks, G: Parts) -> Array:
    return phi_at_corners(block, slope_of_triangles(lifted, block)(*carried_from_corners(block, G)))


def _middle_change(lifted: LiftedAction, block: TriangleBlocks, G: Parts, X: Parts) -> Array:
    at, along = (tuple(carried_from_corners(block, field)) for field in (G, X))
    return phi_at_corners(block, jax.jvp(slope_of_triangles(lifted, block), at, along)[1])


def slope_of_triangles(lifted: LiftedAction, block: TriangleBlocks) -> Callable[..., tuple[Array, ...]]:
    """The slopes of the terms in the middle as a function of three carried matrices, each (triangles, 4, 4, w)."""
    cells, slope = _cut(block.cells), partial(middle_slopes, lifted.in_the_middle)
    return lambda *g: jax.vmap(slope)(cells, *g)


def carried_from_corners(block: TriangleBlocks, X: Parts) -> list[Array]:
    """The three matrices (k, 4, 4, w) of each triangle, carried to its centroid, from their parts at the nodes."""
    links = _cut(block.links)
    if quickly_compiled(X[0]):
        carried = matrices(links, summed_over("kc,kc->kc", links, [x[block.triangles] for x in X]))
        return list(jnp.moveaxis(carried, 1, 0))
    at = lambda i: [(links.at(slice(None), i), [x[block.triangles[:, i]] for x in X])]  # noqa: E731
    return [matrices(links, summed(at(i))) for i in range(3)]


def phi_at_corners(block: TriangleBlocks, forces: tuple[Array, ...]) -> Array:
    """Slopes of carried matrices as Phi at the corners, (k, 3, 4, 4, w), as `merged` gives it."""
    back = _cut(block.links).transposed
    if quickly_compiled(forces[0]):
        return summed_over("kc,kc->kc", back, parts_of(back, jnp.stack(forces, axis=1)))
    each = (summed([(back.at(slice(None), i), parts_of(back, f))]) for i, f in enumerate(forces))
    return jnp.stack(list(each), axis=1)


def _cut(slices: Any) -> Any:
    """Slices of blocked arrays, stored; else they would be cut anew for every use."""
    return jax.tree.map(materialise, slices)


# --- Hessian ------------------------------------------------------------------------------------


class Hessian(NamedTuple):
    """Gradient and Hessian product at given frames, as functions of the steps."""

    residual: Array  # (n, 8, w), zero on reservoirs
    curvature: Array  # R3 Q, (n, 4, 4, w)
    apply: Change  # (n, 8, w) to (n, 8, w)


def matrix_free_hessian(lifted: LiftedAction, V: Array, omega: Array) -> Hessian:
    """Gradient and Hessian product at the frames V (n, 4, 4, w) and the frequencies omega (w,)."""
    V_inverse, G, Phi = at_frames(lifted, V, omega)
    return in_frames(lifted, V, V_inverse, Phi, gradient_change(lifted, G, omega))


def at_frames(lifted: LiftedAction, V: Array, omega: Array) -> tuple[Array, Array, Array]:
    """V^-1, G and `gradient` at the frames V (n, 4, 4, w)."""
    V_inverse = inverse_of_frames(V)
    G = green(V, V_inverse)
    return V_inverse, G, gradient(lifted, G, omega)


def slope_in_frames(lifted: LiftedAction, V: Array, V_inverse: Array, Phi: Array) -> tuple[Array, Array]:
    """The gradient with respect to the steps, (n, 8, w), zero on reservoirs, and R3 Q."""
    Q = product(product(V_inverse, Phi), V)
    R3_Q = transposed(times_constant(transposed(Q), R[2].T))
    return jnp.where(lifted.system.free[:, None, None], traces((TWO_B_R3, Q)), 0), R3_Q


def in_frames(lifted: LiftedAction, V: Array, V_inverse: Array, Phi: Array, change: Change) -> Hessian:
    """The gradient Phi and its derivative `change` as functions of the steps."""
    free = lifted.system.free[:, None, None]
    slope, R3_Q = slope_in_frames(lifted, V, V_inverse, Phi)

    def apply(x: Array) -> Array:
        x = jnp.where(free, x, 0)
        X = product(product(V, generated(TWO_B_R3, x)), V_inverse)
        bent = anticommutator(generated(TANGENTS, x), R3_Q)
        turned = product(product(V_inverse, change(X)), V)
        return jnp.where(free, traces((TWO_B_R3, turned), (2 * TANGENTS, bent)), 0)

    return Hessian(slope, R3_Q, apply)


@jax.jit
def slope_and_curvature(lifted: LiftedAction, V: Array, omega: Array) -> tuple[Array, Array]:
    """Gradient (b, n, 8) with respect to the steps at frames V (b, n, 4, 4) and omega (b,), and R3 Q (n, 4, 4, b)."""
    V = jnp.moveaxis(V, 0, -1)
    with code_for(V.size):
        V_inverse, _, Phi = at_frames(lifted, V, omega)
        slope, R3_Q = slope_in_frames(lifted, V, V_inverse, Phi)
    return jnp.moveaxis(slope, -1, 0), R3_Q


def residual(lifted: LiftedAction, V: Any, omega: Any) -> Array:
    """The gradient alone."""
    return slope_and_curvature(lifted, V, omega)[0]
