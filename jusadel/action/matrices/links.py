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
    spin = cos * jnp.eye(n, dtype=dtype) - sinc * sum(line_a[k] * L[k] for k in range(3))
    return product(jnp.cos(line_A) * jnp.eye(n, dtype=dtype) - jnp.sin(line_A) * R[2], spin)


def from_middle(middle: Any, along: Any) -> Array:
    """What lies between the point of sampling and the corners, (3, ...), from what lies along the edges (3, ...)."""
    before = jnp.stack([middle[i - 1] * along[i - 1] for i in range(3)])
    after = jnp.stack([middle[(i + 1) % 3] * along[i] for i in range(3)])
    return before - after


def corner_links(cell: Any, n: int = 4, dtype: Any = float) -> list[Array]:
    """U from the corners to the point of sampling, three (n, n); the inverse is the transposed."""
    lines = (from_middle(cell.middle, x) for x in (cell.line_A, cell.line_a))
    return [link(line_A, line_a, n, dtype) for line_A, line_a in zip(*lines, strict=True)]


def edge_links(cell: Any, n: int = 4, dtype: Any = float) -> list[Array]:
    """U from corner i + 1 to corner i, by way of the point of sampling, three (n, n)."""
    U = corner_links(cell, n, dtype)
    return [product(U[i].T, U[(i + 1) % 3]) for i in range(3)]


def seam_turns(cell: Any, n: int = 4, dtype: Any = float) -> list[Array]:
    """What turns the owners' matrices at the corners, where seams turn spins: three (n, n); transposed, the inverse."""
    return [link(jnp.zeros(()), cell.turn[i] / 2, n, dtype) for i in range(3)]


def middle_links(cell: Any, n: int = 4, dtype: Any = float) -> list[Array]:
    """U from the owners of the corners to the point of sampling, three (n, n), seams included."""
    U = corner_links(cell, n, dtype)
    return U if cell.turn is None else [product(u, w) for u, w in zip(U, seam_turns(cell, n, dtype), strict=True)]


def carried(U: Array, G: Array) -> Array:
    """U G U^-1 for orthogonal U (n, n) and G (n, n, ...)."""
    there, back = with_axes_of(G, U), with_axes_of(G, jnp.swapaxes(U, 0, 1))
    return product(product(there, G), back)


def over_seams(G: Matrices, cell: Any) -> Matrices:
    """The matrices at the corners from those of their owners."""
    if cell.turn is None:
        return G
    return [carried(u, g) for u, g in zip(seam_turns(cell, len(G[0]), G[0].dtype), G, strict=True)]


def to_middle(G: Matrices, cell: Any) -> list[Array]:
    """The matrices of the corners' owners, carried to the point of sampling, each (n, n, ...)."""
    return [carried(u, g) for u, g in zip(middle_links(cell, len(G[0]), G[0].dtype), G, strict=True)]


all_middle_links = jax.jit(jax.vmap(lambda cell: jnp.stack(middle_links(cell))))
"""`middle_links` of all cells, (m, 3, 4, 4)."""
