"""The K and L of Keldysh matrices [[R, K], [L, A]] in the sixteen real numbers that each of them has.

X^ = -R3 X^+ R3 is an adjoint: it turns products round. A is R^, and K = R F - F A and L = w R - A w, with F and w that
are their own adjoints, have K^ = -K and L^ = -L. So in X = odd + i even, the parts that change sign, or do not, as X
goes to -R3 X^T R3, both are real. Bilinear in these numbers, the equations for distributions are real: in sums over
products of matrices two modes go as one complex one, and come out as real and imaginary part.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.action.matrices.own_rules.off_diagonal import OffDiagonal
from jusadel.action.matrices.products import transpose, with_axes_of
from jusadel.action.nambu import R

Array = jax.Array

_OF_R3 = R[2].sum(axis=1)
_SIGNS = np.outer(_OF_R3, _OF_R3)
"""R3 has one number in each row, on the diagonal that goes up."""


def blocks_of(R: Array, A: Array, K: Array | None = None, L: Array | None = None) -> Any:
    """[[R, K], [L, A]], of which a density takes the coefficient of K and L."""
    return OffDiagonal(R, A, K, L)


def reflected(X: Array) -> Array:
    """-R3 X^T R3 of matrices (4, 4, ...)."""
    return with_axes_of(X, jnp.asarray(_SIGNS, X.real.dtype)) * transpose(X[::-1, ::-1])


def adjoint(X: Array) -> Array:
    """-R3 X^+ R3 of matrices (4, 4, ...): A of R."""
    return jnp.conj(reflected(X))


def as_real(X: Array) -> Array:
    """odd + even, real, of matrices X = odd + i even (4, 4, ...)."""
    return jnp.real((1 - 1j) * X - (1 + 1j) * reflected(X)) / 2


def as_complex(x: Array) -> Array:
    """odd + i even of odd + even (4, 4, ...); linear, also where two go as one."""
    return ((1 + 1j) * x - (1 - 1j) * reflected(x)) / 2


def two_as_one(x: Array) -> Array:
    """x_a + i x_(a + b/2), of real numbers whose last axis has an even length b."""
    half = x.shape[-1] // 2
    return x[..., :half] + 1j * x[..., half:]


def one_as_two(x: Array) -> Array:
    """The inverse."""
    return jnp.concatenate([x.real, x.imag], axis=-1)


def factors(linear: Callable[..., Array], *like: Any) -> Any:
    """What a linear function, whose value is a number, multiplies each number of its arguments with."""
    number = jax.eval_shape(linear, *like)
    return jax.linear_transpose(linear, *like)(jnp.ones((), number.dtype))
