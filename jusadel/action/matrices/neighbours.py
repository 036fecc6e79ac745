"""The sums of a discrete action over the neighbours of each node, made once a mesh on concrete numbers.

The terms on edges and at corners, summed over triangles, need two things at each node i alone: G_i, and weighted sums
of its neighbours' G carried there,

    (K G)_i = Sum_j K_ij U_ij G_j U_ij^-1,    H_ci = Sum_j B_c,ij U_ij G_j U_ij^-1.

K is the stiffness matrix. A term with one gradient is linear in it and in its field, so that for each component c of
the field Sum_T (nu |T|/3) field_ck d_k phi_j is one such matrix B_c: jumps of a field between triangles are in it.
Where the links of two triangles along their common edge differ, the edge counts twice.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.action.connectivity import vanishes
from jusadel.action.links import edge_links, seam_turns
from jusadel.action.matrices.node_matrices import product, transposed
from jusadel.action.matrices.padding import few_sizes
from jusadel.action.matrices.products import materialise
from jusadel.action.mesh_action import Cells, DiscreteAction
from jusadel.action.periodic import rotated_back
from jusadel.device.material.material import SHAPES

Array = jax.Array

BLOCK = 256
"""Nodes that are worked on together."""
COMPONENTS = 2
"""Of a field with one gradient that are summed for at least."""
SAME = 1e-11
"""Difference of entries up to which two links are one."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Neighbours:
    """The entries k of each node i, in blocks of s nodes that fit the cache.

    Entries that fill up have no weight and point at the node itself; the last block is filled up with such nodes.
    """

    index: Array  # (blocks, s, k) the neighbour j
    K: Array  # (blocks, s, k) entries of the stiffness matrix
    B: Array  # (blocks, s, c, k)
    B_back: Array  # (blocks, s, c, k) those of j for i
    links: Array | None  # (blocks, s, k, 4, 4) U_ij, where there are any
    itself: Array  # (blocks, s, k) one at the entry of the node itself
    mirror: Array  # (blocks, s, k) which of all entries (n k) is that of i as a neighbour of j
    fields: tuple[str, ...] = field(metadata={"static": True})  # (c,) the field of each B
    nodes: int = field(metadata={"static": True})

    @property
    def entries(self) -> int:
        """The number of all entries, n k."""
        return self.nodes * self.index.shape[-1]


class Found(NamedTuple):
    """What `neighbours` finds."""

    near: Neighbours
    units: dict[str, Array]  # by field, (..., c): which component of it each of its own B belongs to
    pairs: np.ndarray  # (m, 3, 3): the entry (of n k) of each pair of corners of a cell, -1 where it has no weight


def neighbours(system: DiscreteAction) -> Found:
    """The neighbour lists of an action."""
    spare = np.asarray(system.cells.nu) == 0  # what fills up
    triangles, cells = jax.tree.map(lambda x: np.asarray(x)[~spare], (system.triangles, system.cells))
    groups = _groups(_pairs(triangles, cells, system.links))
    corner = _corner_weights(system, cells)
    weights = [_stiffness(system, cells), *(w for _, each in corner.values() for w in each)]
    of, back = (
        [np.bincount(number, w.ravel(), len(groups.first_node)) for w in weights]
        for number in (groups.number, groups.mirrored)
    )
    n = len(system.free)
    place, width = _places(groups.first_node, n)

    def padded(values: np.ndarray, filled: Any = 0.0) -> np.ndarray:
        out = np.empty((n, width, *values.shape[1:]), np.asarray(values).dtype)
        out[...] = filled
        out[groups.first_node, place] = values
        return out

    stacked = lambda x: np.stack([padded(w) for w in x[1:]], 1) if corner else np.zeros((n, 0, width))  # noqa: E731
    entry = groups.first_node * width + place
    mirror = np.arange(n * width).reshape(n, width)
    mirror[groups.first_node, place] = entry[groups.opposite]
    itself = (groups.first_node == groups.second_node) & groups.straight
    arrays = (
        padded(groups.second_node.astype(np.int32), np.arange(n, dtype=np.int32)[:, None]),
        padded(of[0]),
        stacked(of),
        stacked(back),
        None if groups.links is None else padded(groups.links, np.eye(4)),
        padded(itself.astype(float)),
        mirror.astype(np.int32),
    )
    units = jax.device_put({name: unit for name, (unit, _) in corner.items()})
    fields = tuple(name for name, (_, each) in corner.items() for _ in each)
    names = ("index", "K", "B", "B_back", "links", "itself", "mirror")
    near = Neighbours(**dict(zip(names, in_blocks(arrays, BLOCK), strict=True)), fields=fields, nodes=n)
    of_pairs = np.full((len(spare), 3, 3), -1)
    of_pairs[~spare] = entry[groups.number].reshape(-1, 3, 3)
    return Found(near, units, of_pairs)


def in_blocks(everything: Any, size: int) -> Any:
    """The leaves (count, ...) of a pytree as (blocks, k, ...) with k up to `size`, filled up with zeros."""

    def split(x: Any) -> Array:
        blocks = -(-len(x) // size)
        filled = np.concatenate([x, np.zeros((-len(x) % blocks, *x.shape[1:]), x.dtype)])
        return jax.device_put(filled.reshape(blocks, len(filled) // blocks, *x.shape[1:]))

    return jax.tree.map(split, everything)


def joined(blocks: Any, count: int) -> Any:
    """The inverse of `in_blocks` for one array."""
    return blocks.reshape(blocks.shape[0] * blocks.shape[1], *blocks.shape[2:])[:count]


def split_like(near: Neighbours, x: Array) -> Array:
    """An array (n, ...) in the blocks of the nodes, filled up with zeros."""
    blocks, size = near.K.shape[:2]
    filled = jnp.concatenate([x, jnp.zeros((blocks * size - len(x), *x.shape[1:]), x.dtype)])
    return filled.reshape(blocks, size, *x.shape[1:])


# --- sums ---------------------------------------------------------------------------------------


def weighted_sums(near: Neighbours, X: Array) -> tuple[Array, Array]:
    """(K X)_i and the H_ci of X (n, 4, 4, w): (n, 4, 4, w) and (n, c, 4, 4, w)."""

    def of(block: Neighbours) -> tuple[Array, Array]:
        each = [block.B[:, c] for c in range(block.B.shape[1])]
        if block.links is None:
            KX, *H = (_gathered(weights, block.index, X) for weights in (block.K, *each))
        else:
            Y = carried_there(block, X[block.index])
            KX, *H = (_weighted(weights, Y) for weights in (block.K, *each))
        return KX, jnp.stack(H, axis=1) if H else jnp.zeros((len(KX), 0, *KX.shape[1:]), X.dtype)

    return jax.tree.map(lambda x: joined(x, near.nodes), jax.lax.map(of, near))


def sums_back(near: Neighbours, M: Array) -> Array:
    """The transposed of the H_c: Sum_cj B_c,ji U_ij M_cj U_ij^-1, (n, 4, 4, w) from (n, c, 4, 4, w)."""

    def of(block: Neighbours) -> Array:
        entries, components = range(block.index.shape[1]), range(M.shape[1])
        zero = jnp.zeros((), M.dtype)
        weighted = lambda e, c: block.B_back[:, c, e, None, None, None] * M[block.index[:, e], c]  # noqa: E731
        each = [sum((weighted(e, c) for c in components), start=zero) for e in entries]
        if block.links is None:
            return materialise(sum(each, start=zero))
        return jnp.sum(carried_there(block, materialise(jnp.stack(each, axis=1))), axis=1)

    return joined(jax.lax.map(of, near), near.nodes)


def carried_there(block: Neighbours, Y: Array) -> Array:
    """Neighbours' matrices (s, k, 4, 4, w) carried to the nodes of a block."""
    if block.links is None:
        return Y
    flat, U = Y.reshape(-1, *Y.shape[2:]), block.links.reshape(-1, 4, 4, 1)
    return product(product(U, flat), transposed(U)).reshape(Y.shape)


def _gathered(weights: Array, index: Array, X: Array) -> Array:
    terms = (weights[:, e, None, None, None] * X[index[:, e]] for e in range(index.shape[1]))
    return materialise(sum(terms, start=jnp.zeros((), X.dtype)))


def _weighted(weights: Array, Y: Array) -> Array:
    terms = (weights[:, e, None, None, None] * Y[:, e] for e in range(Y.shape[1]))
    return materialise(sum(terms, start=jnp.zeros((), Y.dtype)))


# --- how they are made --------------------------------------------------------------------------


class _Pairs(NamedTuple):
    """All ordered pairs of corners of all cells, (m, 3, 3): flat arrays; U carries from the second to the first."""

    first: np.ndarray  # (9 m,)
    second: np.ndarray
    links: np.ndarray | None  # (9 m, 4, 4)


class _Groups(NamedTuple):
    """Pairs of the same two nodes and link."""

    number: np.ndarray  # (9 m,) of each pair
    mirrored: np.ndarray  # (9 m,) of each pair turned round
    first_node: np.ndarray  # (count,) in rising order
    second_node: np.ndarray  # (count,)
    opposite: np.ndarray  # (count,) the group turned round
    straight: np.ndarray  # (count,) bool: no link
    links: np.ndarray | None  # (count, 4, 4)


def _pairs(triangles: np.ndarray, cells: Cells, links: bool) -> _Pairs:
    m = len(triangles)
    first, second = np.repeat(triangles, 3, axis=1).ravel(), np.tile(triangles, (1, 3)).ravel()
    if not links:
        return _Pairs(first, second, None)
    between = np.broadcast_to(np.eye(4), (m, 3, 3, 4, 4)).copy()
    along, turns = _links_of_cells(cells)
    for i in range(3):
        j = (i + 1) % 3
        U = along[:, i] if turns is None else turns[:, i].swapaxes(1, 2) @ along[:, i] @ turns[:, j]
        between[:, i, j], between[:, j, i] = U, U.swapaxes(1, 2)
    return _Pairs(first, second, between.reshape(-1, 4, 4))


def _links_of_cells(cells: Cells) -> tuple[np.ndarray, np.ndarray | None]:
    along = np.asarray(_all_edge_links(cells))
    return along, None if cells.turn is None else np.asarray(_all_seam_turns(cells))


_all_edge_links = jax.jit(jax.vmap(lambda cell: jnp.stack(edge_links(cell))))
_all_seam_turns = jax.jit(jax.vmap(lambda cell: jnp.stack(seam_turns(cell))))


def _groups(pairs: _Pairs) -> _Groups:
    order = np.lexsort((pairs.second, pairs.first))
    first, second = pairs.first[order], pairs.second[order]
    new = np.ones(len(order), bool)
    new[1:] = (first[1:] != first[:-1]) | (second[1:] != second[:-1])
    if pairs.links is not None:
        links = pairs.links[order]
        new[1:] |= np.abs(links[1:] - links[:-1]).max(axis=(1, 2)) > SAME
    number = np.empty(len(order), int)
    number[order] = np.cumsum(new) - 1
    mirrored = number.reshape(-1, 3, 3).swapaxes(1, 2).ravel()
    opposite = np.empty(int(new.sum()), int)
    opposite[number] = mirrored
    kept = None if pairs.links is None else links[new]
    straight = np.ones(len(opposite), bool) if kept is None else np.abs(kept - np.eye(4)).max(axis=(1, 2)) < SAME
    return _Groups(number, mirrored, first[new], second[new], opposite, straight, kept)


def _places(first_node: np.ndarray, n: int) -> tuple[np.ndarray, int]:
    count = np.bincount(first_node, minlength=n)
    place = np.arange(len(first_node)) - np.repeat(np.cumsum(count) - count, count)
    return place, few_sizes(int(count.max(initial=1)))


def _stiffness(system: DiscreteAction, cells: Cells) -> np.ndarray:
    """nu |T| grad phi_i.D.grad phi_j, (m, 3, 3), of all terms on edges."""
    total = np.zeros((len(cells.area), 3, 3))
    for t in system.cell_terms:
        if t.sampled == "edges":
            slope = cells.gradients
            total += np.einsum("t,tik,tkl,tjl->tij", cells.nu * cells.area, slope, cells.fields[t.field], slope)
    return total


def _corner_weights(system: DiscreteAction, cells: Cells) -> dict[str, tuple[np.ndarray, list[np.ndarray]]]:
    """Sum_k nu |T| lambda_i field_ck d_k phi_j, (m, 3, 3), by field, of its components c that are not zero everywhere.

    With them, ones at these components (..., c). There are at least `COMPONENTS`: fewer would be another program.
    """
    found, weight = {}, (cells.nu * cells.area)[:, None] * cells.middle
    for t in system.cell_terms:
        if t.sampled == "corners":
            values = _at_corners(t.field, cells)
            size = values.shape[2]
            here = [c for c in range(size) if not vanishes(values[:, :, c])]
            here += [c for c in range(size) if c not in here][: max(0, COMPONENTS - len(here))]
            unit = np.eye(size)[:, here].reshape(*SHAPES[t.field][:-1], len(here))
            each = [np.einsum("ti,tik,tjk->tij", weight, values[:, :, c], cells.gradients) for c in here]
            found[t.field] = unit, each
    return found


def _at_corners(name: str, cells: Cells) -> np.ndarray:
    """The field in the frames of the corners' owners, (m, 3, components, 2)."""
    values = np.repeat(cells.fields[name][:, None], 3, axis=1)
    if cells.turn is not None:
        flat = rotated_back(name, jnp.asarray(values.reshape(-1, *SHAPES[name])), cells.turn.reshape(-1, 3))
        values = np.asarray(flat)
    return values.reshape(len(cells.area), 3, -1, 2)
