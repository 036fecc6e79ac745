"""The sums of a discrete action over the neighbours of each node, made once a mesh on concrete numbers.

The terms on edges and at corners, summed over triangles, need two things at each node i alone: G_i, and weighted sums
of its neighbours' G carried there,

    (K G)_i = Sum_j K_ij U_ij G_j U_ij^-1,    H_ci = Sum_j B_c,ij U_ij G_j U_ij^-1.

K is the stiffness matrix. A term with one gradient is linear in it and in its field, so that for each component c of
the field Sum_T (nu |T|/3) field_ck d_k phi_j is one such matrix B_c: jumps of a field between triangles are in it, and
so are links that differ between the two triangles of an edge (`carrying`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.action.connectivity import vanishes
from jusadel.action.matrices import carrying, stiffness
from jusadel.action.matrices.carrying import Parts, Weights, matrices, parts_of, summed, summed_over
from jusadel.action.matrices.pairs import NodePairs, PaddedPlaces, links_of_corners, pairs_of
from jusadel.action.matrices.products import quickly_compiled
from jusadel.action.mesh_action import Cells, DiscreteAction
from jusadel.action.periodic import rotated_back
from jusadel.device.material.material import SHAPES

Array = jax.Array
Matrices = tuple[Array, ...]
"""One for each of the B_c."""

BLOCK = 512
"""Nodes that are worked on together."""
COMPONENTS = 2
"""Of a field with one gradient that are summed for at least."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Neighbours:
    """The neighbours k of each node i, itself among them, in blocks of s nodes that fit the cache.

    What fills up has no weight and points at the node itself; the last block is filled up with such nodes.
    """

    index: Array  # (blocks, s, k) the neighbour j
    weights: Weights  # (blocks, s, 1 + c, k, ...) of the stiffness matrix K, then of the B_c
    back: Weights  # (blocks, s, c, k, ...) of the transposed B_c
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
    n, (pairs, of_corners, places) = len(system.free), pairs_of(triangles, len(system.free))
    corner = _corner_weights(system, cells)
    on_edges = [stiffness.of_cells(cells, t.field) for t in system.cell_terms if t.sampled == "edges"]
    each = [sum(on_edges, start=np.zeros((len(triangles), 3, 3))), *(w for _, found in corner.values() for w in found)]
    of_links = carrying.weights_of(links_of_corners(cells) if system.links else None, triangles.size * 3)
    of_places = of_corners.swapaxes(1, 2)  # of the pairs of corners turned round
    weights = _in_rows(each, of_links, of_corners, places)
    back = _in_rows(each[1:], of_links.transposed, of_places, places)
    index, weights, back = in_blocks((pairs.index, weights, back), BLOCK)
    near = Neighbours(index, weights, back, tuple(name for name, (_, each) in corner.items() for _ in each), n)
    units = jax.device_put({name: unit for name, (unit, _) in corner.items()})
    of_cells = np.full((len(spare), 3, 3), -1)
    of_cells[~spare] = places.flat[of_corners]
    return Found(near, units, pairs, of_cells)


def _in_rows(each: list[np.ndarray], of_links: Weights, number: np.ndarray, places: PaddedPlaces) -> Weights:
    """Weights (m, 3, 3), each summed over the corners of a pair: (n, components, k, ...)."""
    rows = [
        jax.tree.map(places.rows, carrying.totals(w.ravel(), of_links, number.ravel(), len(places.node))) for w in each
    ]
    if not rows:
        return jax.tree.map(lambda x: np.zeros((places.n, 0, places.width, *x.shape[1:])), of_links)
    return jax.tree.map(lambda *x: np.stack(x, axis=1), *rows)


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
    blocks, size = near.index.shape[:2]
    filled = jnp.concatenate([x, jnp.zeros((blocks * size - len(x), *x.shape[1:]), x.dtype)])
    return filled.reshape(blocks, size, *x.shape[1:])


# --- sums ---------------------------------------------------------------------------------------


def weighted_sums(near: Neighbours, X: Array) -> tuple[Array, Matrices]:
    """(K X)_i and the H_ci of X (n, 4, 4, w), of the same shape each."""
    parts, soon = parts_of(near.weights, X), quickly_compiled(X)

    def of(block: Neighbours) -> tuple[Array, ...]:
        if soon:
            found = summed_over("nck,nk->nc", block.weights, [x[block.index] for x in parts])
            return tuple(jnp.moveaxis(matrices(block.weights, found), 1, 0))
        return tuple(_over_neighbours(block.weights, block.index, {c: parts}) for c in range(1 + len(near.fields)))

    KX, *H = (joined(x, near.nodes) for x in jax.lax.map(of, near))
    return KX, tuple(H)


def sums_back(near: Neighbours, M: Matrices) -> Array:
    """The transposed of the H_c: Sum_cj B_c,ji U_ij M_cj U_ij^-1, (n, 4, 4, w) from as many for each c."""
    parts, soon = {c: parts_of(near.back, m) for c, m in enumerate(M)}, quickly_compiled(M[0])

    def of(block: Neighbours) -> Array:
        if soon:
            stacked = [jnp.stack(x, axis=1)[block.index] for x in zip(*parts.values(), strict=True)]
            return matrices(block.back, summed_over("nck,nkc->n", block.back, stacked))
        return _over_neighbours(block.back, block.index, parts)

    return joined(jax.lax.map(of, near), near.nodes)


def _over_neighbours(weights: Weights, index: Array, parts: dict[int, Parts]) -> Array:
    """Sum_ck W_ck X_ck in a block of nodes, from the parts of X_c at all nodes."""
    terms = (
        (weights.at(slice(None), c, e), [x[index[:, e]] for x in X])
        for c, X in parts.items()
        for e in range(index.shape[1])
    )
    return matrices(weights, summed(terms))


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
