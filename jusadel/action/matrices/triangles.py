"""Matrices at the corners of triangles, carried to where the triangles are sampled, and slopes back to the corners."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.action.matrices.carrying import (
    Parts,
    Weights,
    components,
    matrices,
    parted,
    parts_of,
    summed,
    summed_over,
    weights_of,
)
from jusadel.action.matrices.gradient_terms import at_the_corners
from jusadel.action.matrices.links import all_middle_links
from jusadel.action.matrices.neighbours import in_blocks
from jusadel.action.matrices.products import materialise, quickly_compiled
from jusadel.action.mesh_action import Cells, DiscreteAction, mean_and_gradient

Array = jax.Array
Seen = tuple[Array, ...]
"""What there is in the middle of triangles of G, Dx G and Dy G."""

TRIANGLES = 2048
"""Of them that are worked on together."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TriangleBlocks:
    """The triangles, (blocks, k, ...); the last block is filled up with triangles of no weight."""

    triangles: Array  # (blocks, k, 3)
    cells: Cells
    links: Weights  # (blocks, k, 3, ...) to the point of sampling


def blocks_of_triangles(system: DiscreteAction) -> TriangleBlocks:
    """Those of an action."""
    return in_blocks(TriangleBlocks(system.triangles, system.cells, _to_the_middle(system)), TRIANGLES)


def _to_the_middle(system: DiscreteAction) -> Weights:
    """What carries the matrices of a triangle's corners to the point of sampling, (m, 3, ...)."""
    links = np.asarray(all_middle_links(system.cells)).reshape(-1, 4, 4) if system.links else None
    found = weights_of(links, 3 * len(system.triangles))
    return jax.tree.map(lambda x: x.reshape(-1, 3, *x.shape[1:]), found)


def in_triangles(blocks: TriangleBlocks, G: Array) -> Seen:
    """G, Dx G and Dy G where triangles are sampled, (blocks, k, 4, 4, w) each."""
    parts = parts_of(blocks.links, G)
    return jax.lax.map(lambda block: in_block_of_triangles(block, parts), blocks)


def in_block_of_triangles(block: TriangleBlocks, X: Parts) -> Seen:
    """The same of one block, from the parts at the nodes."""
    mean, dX = jax.vmap(mean_and_gradient)(_carried(block, X), cut(block.cells))
    return tuple(matrices(block.links, x) for x in (mean, *dX))


def carried_from_corners(block: TriangleBlocks, X: Parts) -> list[Array]:
    """The three matrices (k, 4, 4, w) of each triangle, carried to its centroid, from their parts at the nodes."""
    return [matrices(block.links, x) for x in _carried(block, X)]


def _carried(block: TriangleBlocks, X: Parts) -> list[Array]:
    """Their components."""
    links = cut(block.links)
    if quickly_compiled(X[0]):
        return list(jnp.moveaxis(summed_over("kc,kc->kc", links, [x[block.triangles] for x in X]), 1, 0))
    return [summed([(links.at(slice(None), i), [x[block.triangles[:, i]] for x in X])]) for i in range(3)]


def given_to_corners(block: TriangleBlocks, slopes: Seen) -> Array:
    """Slopes in the middle as the components of Phi at the corners, (k, 3, 4, 4, w)."""
    back = cut(block.links).transposed
    forces = jax.vmap(at_the_corners)(cut(block.cells), *(components(back, x) for x in slopes))
    if quickly_compiled(forces[0]):
        return summed_over("kc,kc->kc", back, parted(back, jnp.stack(forces, axis=1)))
    each = (summed([(back.at(slice(None), i), parted(back, f))]) for i, f in enumerate(forces))
    return jnp.stack(list(each), axis=1)


def cut(slices: Any) -> Any:
    """Slices of blocked arrays, stored; else they would be cut anew for every use."""
    return jax.tree.map(materialise, slices)
