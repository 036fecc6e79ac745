"""The levels of the multigrid cycle for the matrices of several energies: blocks (..., w), the energies last.

The coarse equations are P^T B P, as for one energy; what sums their blocks is made once a mesh.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp

from jusadel.action.matrices.padded_rows import Rows, padded, places
from jusadel.nonequilibrium.linear.batched.slots import Slots, even_colours, slots_of
from jusadel.nonequilibrium.linear.multigrid import Coarsening
from jusadel.nonequilibrium.linear.node_blocks import NodeBlocks

Array = jax.Array


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class BlockSums:
    """A sparse matrix whose rows are of very different lengths: in groups of similar ones, each of them padded."""

    groups: tuple[Rows, ...]
    order: Array  # (rows,) where each row is among those of all groups

    def __matmul__(self, x: Array) -> Array:
        """The product with x (columns, ...), term by term, so that nothing as long as all terms is ever there."""
        return jnp.concatenate([_term_by_term(group, x) for group in self.groups])[self.order]


def _term_by_term(rows: Rows, x: Array) -> Array:
    def add(k: Any, total: Array) -> Array:
        weight = rows.value[:, k].reshape(-1, *[1] * (x.ndim - 1))
        return total + weight * x[rows.index[:, k]]

    return jax.lax.fori_loop(0, rows.index.shape[1], add, jnp.zeros((len(rows.index), *x.shape[1:]), x.dtype))


def sums_of(matrix: sp.csr_matrix) -> BlockSums:
    """Rows of up to 4, 8, 16 terms and so on go together."""
    length = np.diff(matrix.indptr)
    group = np.ceil(np.log2(np.maximum(length, 4))).astype(int)
    order = np.argsort(group, kind="stable")
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    made = [_padded_exactly(matrix[np.flatnonzero(group == g)]) for g in np.unique(group)]
    return BlockSums(tuple(made), back.astype(np.int32))  # type: ignore[arg-type]


def _padded_exactly(matrix: sp.csr_matrix) -> Rows:
    row, place = places(matrix)
    index = np.zeros((matrix.shape[0], place.max(initial=0) + 1), np.int32)
    value = np.zeros(index.shape, matrix.dtype)
    index[row, place], value[row, place] = matrix.indices, matrix.data
    return Rows(index, value)  # type: ignore[arg-type]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Way:
    """From one level to the next coarser one."""

    up: Rows  # P (slots, coarse slots)
    down: Rows  # P^T
    sums: BlockSums  # of blocks


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class MeshLevels:
    """What all energies share: the slots of every level, and the ways between them."""

    slots: tuple[Slots, ...]
    ways: tuple[Way, ...]


def mesh_levels(pattern: NodeBlocks, ways: Sequence[Coarsening]) -> MeshLevels:
    """From those of one energy, on the host; the coarsest level, which is inverted, in one colour."""
    patterns = [pattern, *(way.pattern for way in ways)]
    colours = [even_colours(each) for each in patterns[:-1]] + [np.zeros(patterns[-1].nodes, int)]
    slots = [slots_of(*each) for each in zip(patterns, colours, strict=True)]
    made = [_way(way, *each) for way, *each in zip(ways, slots, slots[1:], strict=False)]
    return MeshLevels(tuple(slots), tuple(made))


def _way(way: Coarsening, fine: Slots, coarse: Slots) -> Way:
    P = way.up.tocoo()
    place = np.asarray(fine.slot)[P.row], np.asarray(coarse.slot)[P.col]
    up = sp.csr_matrix((P.data, place), shape=(len(fine.node), len(coarse.node)))
    return Way(padded(up), padded(sp.csr_matrix(up.T)), sums_of(way.sums))


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class BlockLevel:
    """Rows of blocks (slots, s, b, b, w), and the inverse of those on the diagonal, (slots, b, b, w)."""

    rows: Array
    inverse: Array


@partial(jax.jit, static_argnums=5)
def block_levels(
    mesh: MeshLevels, blocks: Array, modes: Array, unknown: Array, unit: Array, dtype: Any
) -> tuple[tuple[BlockLevel, ...], Array]:
    """All levels, and the matrices (w, n b, n b) of the coarsest, which the host inverts.

    Args:
        mesh: the levels.
        blocks: (w, k, 8, 8) of the matrices.
        modes: (b,) those that are iterated.
        unknown: (w, n, 8) bool.
        unit: (w,) by which the blocks are divided.
        dtype: of the iterations.
    """
    slots, among = mesh.slots[0], jnp.moveaxis(unknown[:, :, modes], 0, -1)
    inside = jnp.moveaxis(blocks[:, :, modes][:, :, :, modes], 0, -1) / unit
    inside = jnp.where(among[slots.rows][:, :, None] & among[slots.columns][:, None], inside, 0).astype(dtype)
    made = []
    for number, slots in enumerate(mesh.slots):
        inside = mesh.ways[number - 1].sums @ inside if number else inside
        held = _held(slots, inside)
        made.append(BlockLevel(rows_of(slots, held), _inverses(_taken(held, slots.own))))
    return tuple(made), _dense(mesh.slots[-1], held)


def rows_of(slots: Slots, blocks: Array) -> Array:
    """Blocks (k, b, b, w) as padded rows (slots, s, b, b, w)."""
    return _taken(blocks, slots.numbers)


def _taken(blocks: Array, numbers: Array) -> Array:
    """Those of these numbers, zeros for k."""
    return jnp.take(blocks, numbers, axis=0, mode="fill", fill_value=0)


def _held(slots: Slots, blocks: Array) -> Array:
    """With ones on the diagonal where a row has nothing: what no unknown takes part in."""
    mode = np.arange(blocks.shape[1])
    at = slots.diagonal[:, None], mode, mode
    return blocks.at[at].set(jnp.where(blocks[at] == 0, 1, blocks[at]))


def _dense(slots: Slots, blocks: Array) -> Array:
    n, (_, b, _, w) = len(slots.slot), blocks.shape
    full = jnp.zeros((n, n, b, b, w), blocks.dtype).at[slots.rows, slots.columns].set(blocks)
    return full.transpose(4, 0, 2, 1, 3).reshape(w, n * b, n * b)


def _inverses(blocks: Array) -> Array:
    """Of blocks (n, b, b, w), by Gauss and Jordan in double precision; that of the diagonal where a pivot vanishes.

    Pivots are not searched for: the symmetric part is positive.
    """
    exact, b = blocks.astype(float), blocks.shape[1]
    diagonal = jnp.einsum("naaw->naw", exact)
    own = jnp.where(diagonal == 0, 1, diagonal)
    exact = exact + jnp.eye(b)[:, :, None] * (own - diagonal)[:, :, None]
    found = jax.lax.fori_loop(0, b, _exchanged, exact)
    good = jnp.isfinite(found).all(axis=(1, 2), keepdims=True)
    return jnp.where(good, found, jnp.eye(b)[:, :, None] / own[:, :, None]).astype(blocks.dtype)


def _exchanged(k: Any, M: Array) -> Array:
    """The unknown k exchanged for its equation, in all blocks (n, b, b, w)."""
    pivot, row, column = M[:, k, k], M[:, k], M[:, :, k]
    M = M - column[:, :, None] * row[:, None] / pivot[:, None, None]
    M = M.at[:, k].set(row / pivot[:, None]).at[:, :, k].set(-column / pivot[:, None])
    return M.at[:, k, k].set(1 / pivot)
