"""Frames V with G = V R3 V^-1, in which Newton steps: conversions, steps, inverses, positivity."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from jusadel.action.nambu.basis import TANGENT, Array, R, _dual, _minors, _smallest_eigenvalue
from jusadel.common.differentiability import numpy_if_few


def inverse(m: Any) -> Any:
    """Inverse of 4x4 matrices by cofactors (a LAPACK call inside a jitted batch can hang XLA's CPU backend)."""
    xp: Any = np if isinstance(m, np.ndarray) else jnp
    s, c = _minors(m)
    # complementary minors: dual(c)_ij = 1/2 eps_ijkl c_kl, and the same of s
    sd, cd = _dual(s), _dual(c)
    det = 0.5 * xp.sum(s * cd, axis=(-2, -1))
    rows = [
        xp.einsum("...ij,...j->...i", cd, m[..., 1, :]),
        -xp.einsum("...ij,...j->...i", cd, m[..., 0, :]),
        xp.einsum("...ij,...j->...i", sd, m[..., 3, :]),
        -xp.einsum("...ij,...j->...i", sd, m[..., 2, :]),
    ]
    return xp.stack(rows, axis=-1) / det[..., None, None]


def determinant(m: Array) -> Array:
    """Determinants (...) of 4x4 matrices, without a LAPACK call."""
    s, c = _minors(m)
    return 0.5 * jnp.sum(s * _dual(c), axis=(-2, -1))


@numpy_if_few
def frame_to_green(xp: Any, V: Any) -> Any:
    """G = V R3 V^-1, (..., 4, 4); one Newton-Schulz step removes the round-off of the inverse from G^2 = -1."""
    G = V @ xp.asarray(R[2], V.dtype) @ inverse(V)
    return 0.5 * G @ (3.0 * xp.eye(4, dtype=V.dtype) + G @ G)


@numpy_if_few
def green_to_frame(xp: Any, G: Any) -> Any:
    """A frame V with G = V R3 V^-1: V = 1 - G R3, scaled; regular wherever -G R3 has a positive real part."""
    V = xp.eye(4, dtype=G.dtype) - G @ xp.asarray(R[2], G.dtype)
    return V / 2


def generator(u: Any) -> Any:
    """Y = sum_a u_a B_a, (..., 4, 4) from (..., 8)."""
    if isinstance(u, np.ndarray):
        return np.tensordot(u, TANGENT, 1)
    return jnp.einsum("...a,aij->...ij", u, jnp.asarray(TANGENT, u.dtype))


def expand(u: Array, V: Array, V_inverse: Array) -> Array:
    """G(u) = V (1 + 2Y + 2Y^2) R3 V^-1: exact to second order at u = 0, which is what Newton needs."""
    Y = generator(u)
    return V @ (jnp.eye(4, dtype=u.dtype) + 2 * Y + 2 * Y @ Y) @ jnp.asarray(R[2], u.dtype) @ V_inverse


def retract(V: Any, u: Any) -> Any:
    """The new frame V (1 + Y), scaled (G does not feel it) so that many steps cannot overflow."""
    V = V + V @ generator(u)
    scale = abs(V).max(axis=(-2, -1), keepdims=True)
    return V / scale


def cap_step(u: Any, limit: float) -> Any:
    """Shorten every node's u (last axis) to the length `limit`; the retraction is singular at length one."""
    xp: Any = np if isinstance(u, np.ndarray) else jnp
    length = (abs(u) ** 2).sum(axis=-1, keepdims=True) ** 0.5
    return u * xp.minimum(1.0, limit / xp.maximum(length, 1e-300))


def normalisation_error(G: Array) -> Array:
    """Largest entry of |G^2 + 1|, over everything."""
    return jnp.max(jnp.abs(G @ G + jnp.eye(4, dtype=G.dtype)))


ROUND_OFF = 1e-9
"""At real energies inside a gap `positivity` is as small as eta: so far below zero it counts as round-off."""


@numpy_if_few
def positivity(xp: Any, G: Any) -> Any:
    """Smallest eigenvalue of the Hermitian part of g tau3, (...): > 0 on the physical branch for Re omega > 0.

    It is an integral over a positive spectral function; a stationary point that violates it is not the
    physical Green's function, however small its residual.
    """
    M = -G @ xp.asarray(R[2], G.dtype)
    M = (M + xp.conj(xp.swapaxes(M, -1, -2))) / 2
    if xp is jnp:
        return _smallest_eigenvalue(M)
    finite = np.isfinite(M).all(axis=(-2, -1))
    return np.where(finite, np.linalg.eigvalsh(np.where(finite[..., None, None], M, 0))[..., 0], np.nan)
