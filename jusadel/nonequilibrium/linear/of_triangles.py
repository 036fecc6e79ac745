"""What the terms in the middle of triangles give to the equations for distributions, corner by corner.

The coefficients of L and K of the three corners in the action of [[R, K], [L, A]], as derivatives of the densities.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.action.matrices.carrying import parts_of
from jusadel.action.matrices.neighbours import in_blocks
from jusadel.action.matrices.triangles import TriangleBlocks, carried_from_corners
from jusadel.action.matrix_free import LiftedAction
from jusadel.action.mesh_action import Cells, middle_action
from jusadel.nonequilibrium.linear.real_matrices import adjoint, as_complex, blocks_of, factors, one_as_two

Array = jax.Array

TOGETHER = 32
"""Triangles whose numbers stay in the cache."""


def few_together(blocks: TriangleBlocks) -> TriangleBlocks:
    """The triangles of an action in blocks of `TOGETHER`."""
    joined = jax.tree.map(lambda x: np.asarray(x).reshape(-1, *x.shape[2:]), blocks)
    return in_blocks(joined, TOGETHER)


def of_triangles(lifted: LiftedAction, blocks: TriangleBlocks, R: Array, K: Array, L: Array) -> Array:
    """d2S / dL_a dK_b between the corners of each triangle, (m, 3, 3, b, b).

    Args:
        lifted: the action.
        blocks: its triangles, as `few_together` has them.
        R: at the nodes, (n, 4, 4, 1).
        K: the same, (n, 4, 4, b/2), two as one.
        L: the same, (n, 4, 4, b), in real numbers.
    """
    parts = [parts_of(blocks.links, x) for x in (R, K, L)]

    def of(block: TriangleBlocks) -> Array:
        at = (jnp.stack(carried_from_corners(block, x), axis=1) for x in parts)
        return jax.vmap(lambda *x: _of_triangle(lifted, *x))(block.cells, *at)

    found = jax.lax.map(of, blocks)
    return found.reshape(-1, *found.shape[2:])


def _of_triangle(lifted: LiftedAction, cell: Cells, R: Array, K: Array, L: Array) -> Array:
    """From the matrices carried to the middle, (3, 4, 4, ...)."""
    A, each = jax.vmap(adjoint)(R), _one_by_one(K)

    def action(below: Array) -> Array:
        parts = zip(R, A, each, jax.vmap(as_complex)(below), strict=True)
        return jnp.sum(middle_action(lifted.in_the_middle, [blocks_of(*x) for x in parts], cell))

    (forces,) = factors(action, each)
    return jnp.einsum("pija,pijqb->pqab", L, one_as_two(forces.reshape(*K.shape[:3], 3, -1)))


def _one_by_one(K: Array) -> Array:
    """K (3, 4, 4, w) as (3, 4, 4, 3 w): that of each corner beside zeros."""
    of = jnp.eye(3)[:, None, None, :, None]
    return (of * K[:, :, :, None]).reshape(*K.shape[:3], -1)
