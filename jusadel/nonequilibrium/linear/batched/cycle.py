"""A multigrid V-cycle for several energies at once: Gauss-Seidel by blocks of a node's modes, colour after colour.

Vectors are (slots, b, w). It is the cycle of one energy with another order of the nodes.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from jusadel.action.matrices.products import materialise
from jusadel.nonequilibrium.linear.batched.levels import BlockLevel, MeshLevels
from jusadel.nonequilibrium.linear.batched.slots import Slots

Array = jax.Array


def block_product(rows: Array, neighbours: Array, x: Array) -> Array:
    """The product of rows of blocks (m, s, b, b, w) with x (slots, b, w), (m, b, w)."""
    return materialise(jnp.sum(rows * x[neighbours][:, :, None], axis=(1, 3)))


def colour_cycle(mesh: MeshLevels, levels: tuple[BlockLevel, ...], coarsest: Array, among: Array, r: Array) -> Array:
    """About the solution for the right-hand sides r (slots, b, w).

    Args:
        mesh, levels: from `levels.block_levels`.
        coarsest: (w, n b, n b) inverses of the coarsest level.
        among: (slots, b, w) bool, what is unknown; the rest stays zero.
        r: zero there.
    """
    return _from(0, mesh, levels, coarsest, among, r)


def _from(
    number: int, mesh: MeshLevels, levels: tuple[BlockLevel, ...], coarsest: Array, among: Array, r: Array
) -> Array:
    if number == len(mesh.ways):
        return jnp.einsum("wij,jw->iw", coarsest, r.reshape(-1, r.shape[-1])).reshape(r.shape)
    level, slots, way = levels[number], mesh.slots[number], mesh.ways[number]
    x = _swept(level, slots, jnp.zeros_like(r), r, forward=True)
    left = r - block_product(level.rows, slots.neighbours, x)
    change = way.up @ _from(number + 1, mesh, levels, coarsest, among, way.down @ left)
    x = materialise(x + (change if number else jnp.where(among, change, 0)))
    return _swept(level, slots, x, r, forward=False)


def _swept(level: BlockLevel, slots: Slots, x: Array, r: Array, forward: bool) -> Array:
    """x after one colour after the other was solved for."""
    by_colour = lambda y: y.reshape(slots.colours, -1, *y.shape[1:])  # noqa: E731
    rows, inverse, neighbours, r = (by_colour(y) for y in (level.rows, level.inverse, slots.neighbours, r))

    def solved(k: Any, x: Array) -> Array:
        c = k if forward else slots.colours - 1 - k
        left = r[c] - block_product(rows[c], neighbours[c], x.reshape(-1, *x.shape[2:]))
        return x.at[c].add(materialise(jnp.sum(inverse[c] * left[:, None], axis=2)))

    return jax.lax.fori_loop(0, slots.colours, solved, by_colour(x)).reshape(x.shape)
