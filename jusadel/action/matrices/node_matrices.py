"""Small matrices of all nodes and frequencies at once, (n, 4, 4, w), and steps of their frames, (n, 8, w)."""

from __future__ import annotations

from itertools import permutations

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.action.matrices import products
from jusadel.action.matrices.products import materialise, quickly_compiled
from jusadel.action.nambu import TANGENT, R

Array = jax.Array

product = jax.vmap(products.product)
anticommutator = jax.vmap(products.anticommutator)

TANGENTS = TANGENT.transpose(1, 2, 0)
"""B_a, (4, 4, 8)."""
TWO_B_R3 = (2 * TANGENT @ R[2]).transpose(1, 2, 0)
"""2 B_a R3, (4, 4, 8): a step turns G by V x_a (2 B_a R3) V^-1."""

ENTRIES_OF_R3 = [(int(k), float(R[2][i, k])) for i, k in enumerate(np.abs(R[2]).argmax(1))]
"""Where each row of R3, which is antisymmetric, has its only entry, and that."""
DUAL = np.zeros((4, 4, 4, 4))
for _order in permutations(range(4)):
    DUAL[_order] = np.linalg.det(np.eye(4)[list(_order)]) / 2


def generated(pattern: np.ndarray, x: Array) -> Array:
    """x_a pattern_a, (n, 4, 4, w) from (n, 8, w)."""
    P = jnp.asarray(pattern, x.dtype)
    if quickly_compiled(x):
        return jnp.einsum("ija,naw->nijw", P, x)
    terms = (P[None, :, :, a, None] * x[:, a, None, None] for a in range(8))
    return materialise(sum(terms, start=jnp.zeros((), x.dtype)))


def traces(*pairs: tuple[np.ndarray, Array]) -> Array:
    """The sum of Tr(pattern_a Z) over pairs of pattern and Z, (n, 8, w) from Z (n, 4, 4, w)."""
    P, zero = [jnp.asarray(pattern, Z.dtype) for pattern, Z in pairs], jnp.zeros((), pairs[0][1].dtype)
    if quickly_compiled(pairs[0][1]):
        return sum((jnp.einsum("ija,njiw->naw", p, Z) for p, (_, Z) in zip(P, pairs, strict=True)), start=zero)
    entries = [(p, i, j) for p in range(len(pairs)) for i in range(4) for j in range(4)]
    terms = (P[p][None, i, j, :, None] * pairs[p][1][:, j, i, None] for p, i, j in entries)
    return materialise(sum(terms, start=zero))


def transposed(Z: Array) -> Array:
    """The transposed matrices."""
    return jnp.swapaxes(Z, 1, 2)


def times_R3(Z: Array) -> Array:
    """Z R3."""
    return materialise(jnp.stack([-sign * Z[:, :, k] for k, sign in ENTRIES_OF_R3], axis=2))


def left_R3(Z: Array) -> Array:
    """R3 Z."""
    return materialise(jnp.stack([sign * Z[:, k] for k, sign in ENTRIES_OF_R3], axis=1))


def inverse_of_frames(V: Array) -> Array:
    """The inverse of frames (n, 4, 4, w), by complementary minors of the first and the last two rows."""
    a, b, c, d = (V[:, i] for i in range(4))
    first, last = (materialise(x[:, :, None] * y[:, None] - y[:, :, None] * x[:, None]) for x, y in ((a, b), (c, d)))
    other, own = (dual(x) for x in (last, first))
    zero = jnp.zeros_like(a)
    columns = [materialise(jnp.stack(x, axis=2)) for x in ((b, -a, zero, zero), (zero, zero, d, -c))]
    determinant = materialise(jnp.sum(first * other, axis=(1, 2), keepdims=True) / 2)
    return materialise((product(other, columns[0]) + product(own, columns[1])) / determinant)


def dual(M: Array) -> Array:
    """1/2 eps_ijkl M_kl of antisymmetric matrices."""
    return jax.vmap(lambda m: products.recombined(DUAL, m))(M)


def green(V: Array, V_inverse: Array) -> Array:
    """G = V R3 V^-1, (n, 4, 4, w)."""
    return product(times_R3(V), V_inverse)
