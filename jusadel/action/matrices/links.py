"""Link matrices: what carries G within a triangle, exp(-Int A.dl R3 - Int a_j.dl L_j).

A cell has the line integrals along its three edges, from corner i to corner i + 1. Inside the triangle they are those
of a constant field: from the point with barycentric coordinates lambda to the corner i the integral is Sum_j lambda_j
(that from j to i). A gradient, chi_j - chi_i, gives chi_i less the interpolated chi: U(1) and constant SU(2) gauge
transformations are exact. From corner to corner G goes by way of the point of sampling: what is carried round the
triangle comes back as it was. (Straight along the edges it would feel the field's flux, which breaks pairs, twice as
much as the field within the triangle does.)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jusadel.action.matrices.products import product, with_axes_of
from jusadel.action.nambu import units

Array = jax.Array
Matrices = Sequence[Array] | Array
"""Three matrices (n, n, ...), or the stack of them."""


def _cos_and_sinc(s: Array) -> tuple[Array, Array]:
    """cos(sqrt s) and sin(sqrt s)/sqrt s, smooth at s = 0 in value and derivatives."""
    small = s < 1e-4
    root = jnp.sqrt(jnp.where(small, 1.0, s))
    cos = jnp.where(small, 1 - s / 2 + s**2 / 24 - s**3 / 720, jnp.cos(root))
    sinc = jnp.where(small, 1 - s / 6 + s**2 / 120 - s**3 / 5040, jnp.sin(root) / root)
    return cos, sinc


def link(line_A: Array, line_a: Array, n: int, dtype: Any) -> Array:
    """exp(-line_A R3 - line_a.L), (n, n): carries G to the start of a line from its end; -line gives the inverse.

    Args:
        line_A: Int A.dl, a number.
        line_a: Int a_j.dl, (3,).
        n: matrix size, 4 or 8.
        dtype: of the result.
    """
    L, R = units(n, dtype)
    cos, sinc = _cos_and_sinc(jnp.sum(line_a**2))
    spin = cos * jnp.eye(n, dtype=dtype) - sinc * jnp.tensordot(jnp.asarray(line_a, dtype), L, 1)
    return product(jnp.cos(line_A) * jnp.eye(n, dtype=dtype) - jnp.sin(line_A) * R[2], spin)


def from_middle(middle: Any, along: Any) -> Array:
    """What lies between the point of sampling and the corners, (3, ...), from what lies along the edges (3, ...)."""
    middle, along = jnp.asarray(middle), jnp.asarray(along)
    weights = lambda turns: jnp.roll(middle, turns).reshape(-1, *(1,) * (along.ndim - 1))  # noqa: E731
    return weights(1) * jnp.roll(along, 1, axis=0) - weights(-1) * along


def ways_of(middle: Any, steps: Array) -> tuple[Array, Array, Array]:
    """How the matrices of `Seen` came, (3, 2) each: from the following corner, the previous one, and to the middle."""
    return steps, -of_previous(steps), from_middle(middle, steps)


def corner_links(cell: Any, n: int = 4, dtype: Any = float) -> Array:
    """U from the corners to the point of sampling, (3, n, n); the inverse is the transposed."""
    lines = (from_middle(cell.middle, x) for x in (cell.line_A, cell.line_a))
    return jax.vmap(lambda line_A, line_a: link(line_A, line_a, n, dtype))(*lines)


def edge_links(cell: Any, n: int = 4, dtype: Any = float) -> Array:
    """U from corner i + 1 to corner i, by way of the point of sampling, (3, n, n)."""
    U = corner_links(cell, n, dtype)
    return jax.vmap(product)(jnp.swapaxes(U, 1, 2), of_following(U))


def seam_turns(cell: Any, n: int = 4, dtype: Any = float) -> Array:
    """What turns the owners' matrices at the corners, where seams turn spins: (3, n, n); transposed, the inverse."""
    return jax.vmap(lambda turn: link(jnp.zeros(()), turn / 2, n, dtype))(cell.turn)


def middle_links(cell: Any, n: int = 4, dtype: Any = float) -> Array:
    """U from the owners of the corners to the point of sampling, (3, n, n), seams included."""
    U = corner_links(cell, n, dtype)
    return U if cell.turn is None else jax.vmap(product)(U, seam_turns(cell, n, dtype))


def carried(U: Array, G: Array) -> Array:
    """U G U^-1 for orthogonal U (n, n) and G (n, n, ...)."""
    there, back = with_axes_of(G, U), with_axes_of(G, jnp.swapaxes(U, 0, 1))
    return product(product(there, G), back)


def as_stack(G: Matrices) -> Array:
    """Three matrices as one array, (3, n, n, ...)."""
    return G if isinstance(G, jax.Array) else jnp.stack(list(G))


def of_following(x: Array) -> Array:
    """What stands at the corners, (3, ...), as each has it of the following one."""
    return jnp.roll(x, -1, axis=0)


def of_previous(x: Array) -> Array:
    """And of the previous one."""
    return jnp.roll(x, 1, axis=0)


def over_seams(G: Array, cell: Any) -> Array:
    """The matrices at the corners from those of their owners, (3, n, n, ...)."""
    return G if cell.turn is None else jax.vmap(carried)(seam_turns(cell, G.shape[1], G.dtype), G)


def to_middle(G: Array, cell: Any) -> Array:
    """The matrices of the corners' owners, carried to the point of sampling, (3, n, n, ...)."""
    return jax.vmap(carried)(middle_links(cell, G.shape[1], G.dtype), G)


all_middle_links = jax.jit(jax.vmap(middle_links))
"""`middle_links` of all cells, (m, 3, 4, 4)."""
