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

from jusadel.action.matrices.carrying import (
    matrices,
    parts_of,
)
from jusadel.action.matrices.gradient_terms import corner_energy, corner_slopes, middle_slopes
from jusadel.action.matrices.neighbours import Neighbours, neighbours, sums_back, weighted_sums
from jusadel.action.matrices.node_matrices import (
    TANGENTS,
    TWO_B_R3,
    anticommutator,
    generated,
    green,
    inverse_of_frames,
    left_R3,
    product,
    traces,
)
from jusadel.action.matrices.padded_rows import Rows, padded
from jusadel.action.matrices.pairs import NodePairs
from jusadel.action.matrices.products import code_for, materialise
from jusadel.action.matrices.triangles import (
    Seen,
    TriangleBlocks,
    blocks_of_triangles,
    cut,
    given_to_corners,
    in_block_of_triangles,
    in_triangles,
)
from jusadel.action.mesh_action import DiscreteAction, local_slope
from jusadel.action.terms import Term

Array = jax.Array
Change = Callable[[Array], Array]

# --- the action in this layout ------------------------------------------------------------------


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
        weighty = np.asarray(system.cells.nu)[:, None] != 0  # not what fills up
        corners = padded(_columns(np.where(weighty, triangles, -1), n))
        blocks = blocks_of_triangles(system)
        sides = padded(_columns(np.stack([of_cells[:, i, (i + 1) % 3] for i in range(3)], 1), pairs.index.size))
    return LiftedAction(system, near, units, pairs, corners, sides, blocks)


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
    if (blocks := lifted.blocks) is None:
        return materialise(total)
    parts, slope = parts_of(blocks.links, G), middle_slope(lifted)
    return _with_triangles(lifted, total, blocks, lambda block: slope(block, *in_block_of_triangles(block, parts)))


def gradient_change(lifted: LiftedAction, G: Array, omega: Array) -> Change:
    """The derivative of `gradient` at G, a function of the direction X (n, 4, 4, w).

    What depends on G alone, but for its sums over neighbours, its mean in triangles and its gradient, is worked out
    again for each direction: on CPUs that is quicker than to read it.
    """
    H, blocks = weighted_sums(lifted.near, G)[1] if lifted.at_corners else (), lifted.blocks
    at = () if blocks is None else in_triangles(blocks, G)

    def change(X: Array) -> Array:
        KX, HX = weighted_sums(lifted.near, X)
        total = jax.jvp(lambda g: local_slope(lifted.system, g, omega), (G,), (X,))[1] - KX / 2
        if lifted.at_corners:
            own, back = jax.jvp(corner_slope(lifted), (G, H), (X, HX))[1]
            total = total + own + sums_back(lifted.near, back)
        if blocks is None:
            return materialise(total)
        parts, slope = parts_of(blocks.links, X), middle_slope(lifted)
        in_block = lambda block, at: jax.jvp(partial(slope, block), at, in_block_of_triangles(block, parts))[1]  # noqa: E731
        return _with_triangles(lifted, total, blocks, in_block, at)

    return change


def corner_slope(lifted: LiftedAction) -> Callable[[Array, Sequence[Array]], tuple[Array, tuple[Array, ...]]]:
    """The slope of the terms with one gradient at G and at the H_c, (n, 4, 4, w) each, as a function of these."""
    return jax.vmap(partial(corner_slopes, lifted.corner_energy))


def middle_slope(lifted: LiftedAction) -> Callable[..., Seen]:
    """The slopes of the terms in triangles at what `in_triangles` gives, as a function of a block and of that."""
    each = jax.vmap(partial(middle_slopes, lifted.in_the_middle))
    return lambda block, *at: each(cut(block.cells), *at)


def _with_triangles(
    lifted: LiftedAction, total: Array, blocks: TriangleBlocks, slope: Callable[..., Seen], *at: Seen
) -> Array:
    """The total with what triangles give to their corners, from the slopes in each block, with what is there."""
    total = materialise(total)
    forces = jax.lax.map(lambda x: given_to_corners(x[0], slope(x[0], *cut(x[1:]))), (blocks, *at))
    return materialise(total + matrices(blocks.links, lifted.corners @ forces.reshape(-1, *total.shape[1:])))


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
    R3_Q = left_R3(Q)
    return jnp.where(lifted.system.free[:, None, None], traces((TWO_B_R3, Q)), 0), R3_Q


def in_frames(lifted: LiftedAction, V: Array, V_inverse: Array, Phi: Array, change: Change) -> Hessian:
    """The gradient Phi and its derivative `change` as functions of the steps."""
    free = lifted.system.free[:, None, None]
    slope, R3_Q = slope_in_frames(lifted, V, V_inverse, Phi)

    def apply(x: Array) -> Array:
        x = materialise(jnp.where(free, x, 0))
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
