"""The compiled programs for distributions at several energies: matrices, what is left, and one round of GMRES.

How many there are does not depend on energies or iterations: one set for a mesh, one for each number of modes.
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp

from jusadel.nonequilibrium.linear.batched.cycle import block_product, colour_cycle
from jusadel.nonequilibrium.linear.batched.levels import BlockLevel, MeshLevels, rows_of
from jusadel.nonequilibrium.linear.batched.slots import Slots
from jusadel.solver.linear.sqmr_gmres import krylov_step, norm

Array = jax.Array


@jax.jit
def exact_rows(slots: Slots, blocks: Array) -> Array:
    """Rows (slots, s, 8, 8, w) of blocks (w, k, 8, 8), in double precision."""
    return rows_of(slots, jnp.moveaxis(blocks, 0, -1))


@partial(jax.jit, static_argnums=2)
def in_slots(slots: Slots, values: Array, missing: float = 0) -> Array:
    """Values (w, n, 8) of nodes as (slots, 8, w), and of what stands where there is none."""
    return jnp.take(jnp.moveaxis(values, 0, -1), slots.node, axis=0, mode="fill", fill_value=missing)


@jax.jit
def at_nodes(slots: Slots, x: Array) -> Array:
    """The other way."""
    return jnp.moveaxis(x[slots.slot], -1, 0)


@jax.jit
def left_over(slots: Slots, rows: Array, among: Array, scale: Array, load: Array, x: Array) -> tuple[Array, Array]:
    """load - B x at the unknowns (slots, 8, w), and the sums over nodes of its squares, scaled, (8, w)."""
    left = jnp.where(among, load - block_product(rows, slots.neighbours, x), 0)
    return left, jnp.sum((scale * left) ** 2, axis=0)


@partial(jax.jit, static_argnums=11)
def one_round(
    mesh: MeshLevels,
    levels: tuple[BlockLevel, ...],
    coarsest: Array,
    modes: Array,
    unit: Array,
    among: Array,
    scale: Array,
    left: Array,
    x: Array,
    before: Array,
    accuracy: Array,
    limit: int,
) -> tuple[Array, Array]:
    """x (slots, 8, w) with a change of some modes that takes most of what is left of them away; iterations (w,).

    Args:
        mesh, levels, coarsest: of the cycle, for the matrix divided by the unit (w,).
        modes: (b,) which.
        unit: (w,).
        among: (slots, 8, w) bool, what is unknown.
        scale: (slots, 8, w) of the rows.
        left: (slots, 8, w) from `left_over`.
        x: (slots, 8, w).
        before: (w,) norm of what is left of these modes.
        accuracy: (w,) what is asked for, relative to it; nothing is done where it is infinite.
        limit: most iterations.
    """
    dtype = coarsest.dtype
    scale, among = scale[:, modes].astype(dtype), among[:, modes]
    b = (scale * left[:, modes] / jnp.where(before == 0, 1, before)).astype(dtype)
    rows, neighbours = levels[0].rows, mesh.slots[0].neighbours
    step, count = krylov_step(
        lambda y: scale * block_product(rows, neighbours, y),
        lambda r: colour_cycle(mesh, levels, coarsest, among, r / scale),
        b,
        jnp.where(jnp.isfinite(accuracy), norm(b) * accuracy, jnp.inf).astype(dtype),
        limit,
    )
    change = jnp.where(count > 0, before / unit * step.astype(x.dtype), 0)
    return x.at[:, modes].add(change), count
