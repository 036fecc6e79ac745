"""The Hessian of the discrete action as a sparse matrix, one frequency at a time, for the direct solvers.

The same derivatives as in `matrix_free`, with the eight tangents of a node on the trailing axis instead of frequencies:
an 8x8 block per node, one per neighbour, and nine per triangle where terms are left to triangles.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp

from jusadel.action.matrices.neighbours import Neighbours, carried_there, joined, weighted_sums
from jusadel.action.matrices.node_matrices import TWO_B_R3, product, transposed
from jusadel.action.matrix_free import (
    LiftedAction,
    TriangleBlocks,
    at_frames,
    carried_from_corners,
    corner_slope,
    joint_slope,
    node_slope,
    phi_at_corners,
    slope_in_frames,
    slope_of_triangles,
)
from jusadel.action.mesh_action import DiscreteAction, Joint, action
from jusadel.action.nambu import TANGENT
from jusadel.action.nambu.frames import expand, inverse
from jusadel.mesh.topology import pairs_of_corners

Array = jax.Array

_BB = np.einsum("aij,bjk->abik", TANGENT, TANGENT)
_CURVATURE = 2 * (_BB + _BB.swapaxes(0, 1))  # 2 {B_a, B_b}


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class HessianBlocks:
    """Gradient and Hessian of one frequency's action at the current frames."""

    residual: Array  # (n, 8), zero on reservoirs
    node_blocks: Array  # (n, 8, 8)
    edge_blocks: Array  # (n, k, 8, 8) for the neighbours of each node; they stand for themselves and their transposed
    cell_blocks: Array | None  # (m, 3, 8, 3, 8)
    joint_blocks: tuple[Array, ...]  # (k, 2, 8, 2, 8) for each barrier


def action_of_steps(system: DiscreteAction, u: Array, V: Array, omega: Array) -> Array:
    """The action at the steps u (n, 8) away from the frames V: the plain reference for everything below."""
    return action(system, expand(u, V, inverse(V)), omega)


@jax.jit
def hessian_blocks(lifted: LiftedAction, V: Array, omega: Array) -> HessianBlocks:
    """Gradient and Hessian of one frequency.

    Args:
        lifted: the discrete action.
        V: frames (n, 4, 4), real or complex.
        omega: the frequency.
    """
    V = jnp.asarray(V)[..., None]
    omega = jnp.reshape(omega, 1)
    V_inverse, G, Phi = at_frames(lifted, V, omega)
    slope, R3_Q = slope_in_frames(lifted, V, V_inverse, Phi)
    T = product(product(V, jnp.broadcast_to(jnp.asarray(TWO_B_R3, V.dtype), (len(V), 4, 4, 8))), V_inverse)
    G = jnp.broadcast_to(G, T.shape)
    change, back = _local_change(lifted, G, T, omega)
    curvature = jnp.einsum("abij,nji->nab", jnp.asarray(_CURVATURE, V.dtype), R3_Q[..., 0])
    return HessianBlocks(
        residual=slope[..., 0],
        node_blocks=_contracted(T, change) + curvature,
        edge_blocks=_edge_blocks(lifted, T, back),
        cell_blocks=None if lifted.blocks is None else _cell_blocks(lifted, G, T),
        joint_blocks=tuple(_joint_blocks(joint, G, T) for joint in lifted.system.joints),
    )


def _contracted(left: Array, right: Array) -> Array:
    """Tr(left_a right_b), (..., 8, 8)."""
    return jnp.einsum("nija,njib->nab", left, right)


def _local_change(lifted: LiftedAction, G: Array, T: Array, omega: Array) -> tuple[Array, Array]:
    """The changes of Phi at the nodes, (n, 4, 4, 8), and of what goes back to neighbours, (n, c, 4, 4, 8), along T."""
    change = jax.jvp(lambda g: node_slope(lifted.system, g, omega), (G,), (T,))[1]
    H = weighted_sums(lifted.near, G[..., :1])[1]
    H = jnp.broadcast_to(H, (*H.shape[:-1], T.shape[-1]))
    if not lifted.at_corners:
        return change, H
    own, back = jax.jvp(corner_slope(lifted), (G, H), (T, jnp.zeros_like(H)))[1]
    return change + transposed(own), back


def _edge_blocks(lifted: LiftedAction, T: Array, back: Array) -> Array:
    """Half of diffusion, whose transposed is the other half, and the terms with one gradient of the node itself."""

    def of(x: tuple[Neighbours, Array, Array]) -> Array:
        block, own, slopes = x
        Y, columns = carried_there(block, T[block.index]), []
        for e in range(block.index.shape[1]):
            by_components = jnp.sum(block.B[:, :, e, None, None, None] * slopes, axis=1)
            columns.append(
                _contracted(by_components - block.K[:, e, None, None, None] / 4 * transposed(own), transposed(Y[:, e]))
            )
        return jnp.stack(columns, axis=1)

    at_nodes = jax.tree.map(lambda x: _blocked(x, lifted.near.K.shape[:2]), (T, back))
    return joined(jax.lax.map(of, (lifted.near, *at_nodes)), len(T))


def _blocked(x: Array, shape: tuple[int, ...]) -> Array:
    filled = jnp.concatenate([x, jnp.zeros((shape[0] * shape[1] - len(x), *x.shape[1:]), x.dtype)])
    return filled.reshape(*shape, *x.shape[1:])


def _joint_blocks(joint: Joint, G: Array, T: Array) -> Array:
    """(k, 2, 8, 2, 8): derivatives along the tangents of either side, contracted with those of both."""
    at, along = ([x[joint.pairs[:, side]] for side in (0, 1)] for x in (G, T))
    slope = lambda *g: joint_slope(joint, *g)  # noqa: E731
    columns = []
    for side in (0, 1):
        direction = tuple(x if side == s else jnp.zeros_like(x) for s, x in enumerate(along))
        change = jax.jvp(slope, tuple(at), direction)[1]
        columns.append(jnp.stack([_contracted(along[s], change[s]) for s in (0, 1)], axis=1))
    return jnp.stack(columns, axis=3)


def _cell_blocks(lifted: LiftedAction, G: Array, T: Array) -> Array:
    """(m, 3, 8, 3, 8): each corner in its turn is the first, so that one program serves all three."""

    def of(block: TriangleBlocks) -> Array:
        turn = lambda shift: jnp.roll(_columns(lifted, _turned(block, -shift), G, T), shift, axis=1)  # noqa: E731
        return jax.lax.map(turn, jnp.arange(3)).transpose(1, 2, 3, 0, 4)

    blocks = jax.lax.map(of, lifted.blocks)
    return blocks.reshape(-1, *blocks.shape[2:])[: len(lifted.system.triangles)]


def _turned(block: TriangleBlocks, shift: Array) -> TriangleBlocks:
    """The same triangles with their corners counted from another one."""
    turn = lambda x: jnp.roll(x, shift, axis=1)  # noqa: E731
    cells = replace(block.cells, gradients=turn(block.cells.gradients), middle=turn(block.cells.middle))
    return TriangleBlocks(turn(block.triangles), cells, None if block.links is None else turn(block.links))


def _columns(lifted: LiftedAction, block: TriangleBlocks, G: Array, T: Array) -> Array:
    """The derivatives along the tangents of the first corner, contracted with those of all three, (k, 3, 8, 8)."""
    at, along = carried_from_corners(block, G), carried_from_corners(block, T)[0]
    slope = slope_of_triangles(lifted, block)
    change = phi_at_corners(block, jax.jvp(lambda g: slope(g, *at[1:]), (at[0],), (along,))[1])
    return jnp.stack([_contracted(T[block.triangles[:, i]], change[:, i]) for i in range(3)], axis=1)


def _pairs(lifted: LiftedAction) -> list[tuple[np.ndarray, np.ndarray]]:
    """Nodes i and j of all pairs (i, j) that some term couples: neighbours, in cells, across barriers."""
    index = neighbours_of_nodes(lifted)
    found = [(np.repeat(np.arange(len(index)), index.shape[1]), index.ravel())]
    if lifted.blocks is not None:
        found.append(pairs_of_corners(lifted.system.triangles))
    across = [np.asarray(joint.pairs) for joint in lifted.system.joints]
    return found + [(np.repeat(p, 2, axis=1).ravel(), np.tile(p, (1, 2)).ravel()) for p in across]


def neighbours_of_nodes(lifted: LiftedAction) -> np.ndarray:
    """The neighbours (n, k) of all nodes; padded with the nodes themselves."""
    return joined(np.asarray(lifted.near.index), lifted.near.nodes)


class Pattern:
    """Where the blocks go in the sparse matrix of the free nodes; made once a mesh."""

    def __init__(self, lifted: LiftedAction) -> None:
        free = np.asarray(lifted.system.free)
        self.free, self.n_free = np.nonzero(free)[0], int(free.sum())
        pairs = _pairs(lifted)
        row, column = (np.concatenate(x) for x in zip(*pairs, strict=True))
        number = np.cumsum(free) - 1
        kept = np.nonzero(free[row] & free[column])[0]
        where = sp.csr_matrix(
            (np.arange(1, len(kept) + 1), (number[row[kept]], number[column[kept]])), shape=(self.n_free,) * 2
        )
        where.sort_indices()
        where.data[:] = np.arange(len(where.data))  # a slot for each pair of neighbours, in row order
        self.indices, self.indptr = where.indices, where.indptr
        slot = np.full(len(row), -1)
        slot[kept] = np.asarray(where[number[row[kept]], number[column[kept]]]).ravel()
        self._slots = np.split(slot, np.cumsum([len(p[0]) for p in pairs])[:-1])
        self._diagonal = where.diagonal()
        self._mirrored = _mirrored(where)

    def matrix(self, lin: HessianBlocks) -> sp.csc_matrix:
        """The Hessian of the free nodes, (8 n_free, 8 n_free)."""
        nodes = np.asarray(lin.node_blocks)
        slots = iter(self._slots)
        edges = self._summed(next(slots), np.asarray(lin.edge_blocks).reshape(-1, 64))
        data = edges + edges[self._mirrored].swapaxes(1, 2)
        for blocks in (*(() if lin.cell_blocks is None else (lin.cell_blocks,)), *lin.joint_blocks):
            data += self._summed(next(slots), np.asarray(blocks).transpose(0, 1, 3, 2, 4).reshape(-1, 64))
        data[self._diagonal] += nodes[self.free]
        return sp.bsr_matrix((data, self.indices, self.indptr), shape=(8 * self.n_free,) * 2).tocsc()

    def _summed(self, slot: np.ndarray, blocks: np.ndarray) -> np.ndarray:
        """Blocks (k, 64) summed into the slots (k,) of the matrix, -1 for none, (slots, 8, 8)."""
        kept = np.flatnonzero(slot >= 0)
        into = sp.csr_matrix((np.ones(len(kept)), (slot[kept], kept)), (len(self.indices), len(slot)))
        return (into @ blocks).reshape(-1, 8, 8)


def _mirrored(where: sp.csr_matrix) -> np.ndarray:
    """The slot (j, i) of each slot (i, j)."""
    back = where.T.tocsr()
    back.sort_indices()
    return back.data
