"""Quaternion basis of Nambu x spin space, moving frames, and the way to and from the usual 4x4 matrices.

With i sigma_k -> L_k and i tau_j -> R_j (real 4x4 matrices, left and right multiplication by the quaternion
units), a Matsubara Green's function is g = -i G with G real and G^2 = -1. All functions accept any
leading axes (frequencies, nodes); the last two axes are the matrix.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from jusadel.common.differentiability import numpy_if_few

Array = jax.Array


def _quaternion_product_matrices() -> tuple[np.ndarray, np.ndarray]:
    """Left and right multiplication by i, j, k as real 4x4 matrices, (3, 4, 4) each."""
    table = np.zeros((4, 4, 4))  # e_a e_b = sum_c table[a, b, c] e_c
    table[0] = np.eye(4)
    table[1:, 0] = np.eye(4)[1:]
    for a, b, c in ((1, 2, 3), (2, 3, 1), (3, 1, 2)):
        table[a, b, c], table[b, a, c] = 1.0, -1.0
        table[a, a, 0] = -1.0
    return np.einsum("abc->acb", table)[1:], np.einsum("bac->acb", table)[1:]


_LEFT, _RIGHT = _quaternion_product_matrices()
L = -_LEFT
"""i sigma_k as real matrices, (3, 4, 4); the minus sign makes them multiply as i sigma_k do."""
R = _RIGHT
"""i tau_j as real matrices, (3, 4, 4)."""
TANGENT = np.concatenate([R[:2], L @ R[0], L @ R[1]])
"""B_a, (8, 4, 4): the directions that anticommute with R_3; two singlets, then six triplets."""
SIGNATURE = np.array([1.0, 1.0] + [-1.0] * 6)
"""Sign of the normal-state Hessian along each tangent direction (singlet +, triplet -)."""

SIGMA = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
"""The Pauli matrices, (3, 2, 2)."""


def _basis_pairs() -> tuple[np.ndarray, np.ndarray]:
    """The 16 products (1, R_j) x (1, L_k) and the same in the usual basis (tau x sigma)."""
    one = np.eye(2)
    taus, sigmas = [one, *(1j * SIGMA)], [one, *(1j * SIGMA)]
    real = np.array([r @ s for r in (np.eye(4), *R) for s in (np.eye(4), *L)])
    usual = np.array([np.kron(t, s) for t in taus for s in sigmas])
    return real, usual


_REAL, _USUAL = _basis_pairs()


def units(n: int, dtype: np.dtype | type = float) -> tuple[Array, Array]:
    """`constants` as JAX arrays of the given type."""
    left, right = constants(n)
    return jnp.asarray(left, dtype), jnp.asarray(right, dtype)


@cache
def constants(n: int) -> tuple[np.ndarray, np.ndarray]:
    """L and R as (3, n, n) matrices: n = 4, or block-diagonal for Keldysh matrices (n = 8)."""
    blocks = np.eye(n // 4)
    return np.array([np.kron(blocks, x) for x in L]), np.array([np.kron(blocks, x) for x in R])


def trace(a: ArrayLike) -> Array:
    """Trace over the last two axes."""
    return jnp.trace(jnp.asarray(a), axis1=-2, axis2=-1)


def to_nambu(G: ArrayLike) -> Array:
    """The usual complex g = -i G in the basis (psi_up, psi_down, psi_down^+, -psi_up^+).

    Args:
        G: (..., 4, 4), real on the Matsubara axis, complex at real energies.

    Returns:
        (..., 4, 4) complex; tau acts on the 2x2 blocks, sigma inside them (physics.md, section 2).
    """
    G = _checked_matrix(G, "G")
    coefficients = jnp.einsum("cij,...ij->...c", _REAL, G) / 4
    return -1j * jnp.einsum("...c,cij->...ij", coefficients, _USUAL)


def from_nambu(g: ArrayLike) -> Array:
    """G = i g in the quaternion basis; complex (its imaginary part vanishes for a Matsubara g).

    Args:
        g: (..., 4, 4) in the basis (psi_up, psi_down, psi_down^+, -psi_up^+).
    """
    g = _checked_matrix(g, "g")
    coefficients = jnp.einsum("cij,...ij->...c", _USUAL.conj(), 1j * g) / 4
    return jnp.einsum("...c,cij->...ij", coefficients, _REAL)


def _checked_matrix(a: ArrayLike, name: str) -> Array:
    a = jnp.asarray(a)
    if a.shape[-2:] != (4, 4):
        raise ValueError(f"{name} has shape {a.shape}; expected (..., 4, 4), Nambu x spin matrices last")
    return a


# --- moving frames: G = V R3 V^-1 --------------------------------------------------------------


def _minors(m: Any) -> tuple[Any, Any]:
    """The 2x2 minors of the first and of the last two rows, antisymmetric (..., 4, 4)."""
    a = m[..., 0, :, None] * m[..., 1, None, :]
    b = m[..., 2, :, None] * m[..., 3, None, :]
    return a - a.swapaxes(-1, -2), b - b.swapaxes(-1, -2)


def _dual(s: Any) -> Any:
    """1/2 eps_ijkl s_kl of an antisymmetric 4x4 matrix."""
    xp: Any = np if isinstance(s, np.ndarray) else jnp
    z = xp.zeros_like(s[..., 0, 0])
    s01, s02, s03 = s[..., 0, 1], s[..., 0, 2], s[..., 0, 3]
    s12, s13, s23 = s[..., 1, 2], s[..., 1, 3], s[..., 2, 3]
    rows = [[z, s23, -s13, s12], [-s23, z, s03, -s02], [s13, -s03, z, s01], [-s12, s02, -s01, z]]
    return xp.stack([xp.stack(row, axis=-1) for row in rows], axis=-2)


# --- checks ------------------------------------------------------------------------------------


def _smallest_eigenvalue(M: Array) -> Array:
    """The smallest eigenvalue of Hermitian matrices (..., n, n), by bisection on the sign of the pivots of M - x.

    In a batch this is many times quicker than LAPACK, matrix by matrix; NaN where M is not finite.
    """
    n = M.shape[-1]
    entries = jnp.moveaxis(M, (-2, -1), (0, 1))
    diagonal = jnp.stack([entries[i, i].real for i in range(n)])
    radius = jnp.sum(jnp.abs(entries), axis=1) - jnp.abs(diagonal)
    low, high = jnp.min(diagonal - radius, axis=0), jnp.min(diagonal, axis=0)

    def halve(_: int, bounds: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = bounds
        middle = (low + high) / 2
        above = _is_positive_definite(entries, middle)
        return jnp.where(above, middle, low), jnp.where(above, high, middle)

    low, high = jax.lax.fori_loop(0, 50, halve, (low, high))
    return (low + high) / 2


def _is_positive_definite(entries: Array, shift: Array) -> Array:
    """Whether all pivots of M - shift are positive, M as (n, n, ...)."""
    n = len(entries)
    a = {(i, j): entries[i, j] - (shift if i == j else 0) for i in range(n) for j in range(i + 1)}
    good = jnp.ones(shift.shape, bool)
    for k in range(n):
        pivot = a[k, k].real
        good &= pivot > 0
        safe = jnp.where(pivot > 0, pivot, 1)
        for i in range(k + 1, n):
            for j in range(k + 1, i + 1):
                a[i, j] = a[i, j] - a[i, k] * jnp.conj(a[j, k]) / safe
    return good


def chronological_conjugate(g: ArrayLike) -> Array:
    """-tau3 g^+ tau3: the usual g at -omega from that at omega (Kokkeler et al., Eq. (3), one frequency)."""
    g = _checked_matrix(g, "g")
    tau3 = np.kron(SIGMA[2], np.eye(2))
    return -jnp.asarray(tau3) @ jnp.conj(jnp.swapaxes(g, -1, -2)) @ tau3


def charge_conjugate(g: ArrayLike) -> Array:
    """tau1 sigma2 g^T sigma2 tau1: the usual g at -omega from that at omega (Eq. (2), one frequency)."""
    g = _checked_matrix(g, "g")
    C = np.kron(SIGMA[0], SIGMA[1])
    return jnp.asarray(C) @ jnp.swapaxes(g, -1, -2) @ C


def phase_turn(phase: ArrayLike) -> Any:
    """W = exp(R3 phase/2), (..., 4, 4): W G W^-1 has Delta times exp(i phase). The inverse is that of -phase."""
    xp: Any = jnp if isinstance(phase, jax.Array) else np
    half = xp.asarray(phase)[..., None, None] / 2
    return xp.cos(half) * np.eye(4) + xp.sin(half) * R[2]


@numpy_if_few
def bcs(xp: Any, omega: Any, Delta: Any) -> Any:
    """Bulk singlet superconductor G = (omega R3 + Re Delta R2 + Im Delta R1)/sqrt(omega^2 + |Delta|^2).

    Args:
        omega: frequencies (...), real, or eta - i E.
        Delta: complex pair potential, broadcast against omega.
    """
    omega, Delta = xp.asarray(omega), xp.asarray(Delta)
    re, im = xp.real(Delta), xp.imag(Delta)
    vector = omega[..., None, None] * R[2] + re[..., None, None] * R[1] + im[..., None, None] * R[0]
    return vector / xp.sqrt(omega**2 + re**2 + im**2)[..., None, None]


@numpy_if_few
def advanced(xp: Any, G: Any) -> Any:
    """G^A = -R3 (G^R)^+ R3 of retarded functions (..., 4, 4)."""
    R3 = xp.asarray(R[2])
    return -R3 @ xp.conj(xp.swapaxes(G, -1, -2)) @ R3
