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
from jusadel.action.matrices import stiffness
from jusadel.action.matrices.node_matrices import product, transposed
from jusadel.action.matrices.pairs import NodePairs, PaddedPlaces, grouped, pairs_of
from jusadel.action.matrices.products import materialise
from jusadel.action.mesh_action import Cells, DiscreteAction
from jusadel.action.periodic import rotated_back
from jusadel.device.material.material import SHAPES

Array = jax.Array

BLOCK = 256
"""Nodes that are worked on together."""
COMPONENTS = 2
"""Of a field with one gradient that are summed for at least."""


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
    fields: tuple[str, ...] = field(metadata={"static": True})  # (c,) the field of each B
    nodes: int = field(metadata={"static": True})


class Found(NamedTuple):
    """What `neighbours` finds."""

    near: Neighbours
    units: dict[str, Array]  # by field, (..., c): which component of it each of its own B belongs to
    pairs: NodePairs
    of_cells: np.ndarray  # (m, 3, 3): which of the pairs (n p) two corners of a cell are, -1 where it has no weight


def neighbours(system: DiscreteAction) -> Found:
    """The neighbour lists of an action."""
    spare = np.asarray(system.cells.nu) == 0  # what fills up
    triangles, cells = jax.tree.map(lambda x: np.asarray(x)[~spare], (system.triangles, system.cells))
    groups = grouped(triangles, cells, system.links)
    corner = _corner_weights(system, cells)
    on_edges = [stiffness.of_cells(cells, t.field) for t in system.cell_terms if t.sampled == "edges"]
    weights = [sum(on_edges, start=np.zeros((len(triangles), 3, 3))), *(w for _, each in corner.values() for w in each)]
    n, count = len(system.free), len(groups.first)
    of, back = ([np.bincount(k, w.ravel(), count) for w in weights] for k in (groups.number, groups.mirrored))
    rows = PaddedPlaces.of(groups.first, n)
    stacked = lambda x: np.stack([rows(w) for w in x[1:]], 1) if corner else np.zeros((n, 0, rows.width))  # noqa: E731
    arrays = {
        "index": rows(groups.second.astype(np.int32), np.arange(n, dtype=np.int32)[:, None]),
        "K": rows(of[0]),
        "B": stacked(of),
        "B_back": stacked(back),
        "links": None if groups.links is None else rows(groups.links, np.eye(4)),
    }
    fields = tuple(name for name, (_, each) in corner.items() for _ in each)
    near = Neighbours(**in_blocks(arrays, BLOCK), fields=fields, nodes=n)
    units = jax.device_put({name: unit for name, (unit, _) in corner.items()})
    pairs, of_groups = pairs_of(groups, rows, n)
    of_cells = np.full((len(spare), 3, 3), -1)
    of_cells[~spare] = of_groups[groups.number].reshape(-1, 3, 3)
    return Found(near, units, pairs, of_cells)


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
