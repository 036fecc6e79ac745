"""The terms of barriers: what couples the matrices on two sides, to lowest order of the transmission or to all."""

from __future__ import annotations

from types import SimpleNamespace

import jax
import jax.numpy as jnp

from jusadel.action.matrices.products import anticommutator, product, trace_of_product, with_axes_of
from jusadel.action.matrices.spins import weighted_magnet
from jusadel.action.nambu import units
from jusadel.action.nambu.frames import determinant, inverse

Array = jax.Array


def barrier(G: Array, other: Array, p: SimpleNamespace) -> Array:
    """-(G_B/4) Tr(g g') between two sides (Kupriyanov and Lukichev), or Nazarov's form with transmissions T_n.

    One that filters spins has -(G_B/4) Tr(W g W g'), W = u + v m.sigma tau3 with u^2 + v^2 = 1 and 2 u v m = P.

    Nazarov's is -(G_B/(2 Sum T_n)) Sum_n Tr ln(1 - T_n A/4), A = {G, G'} + 2 = 2 - {g, g'}, whose eigenvalues, since
    A commutes with G and G', come in pairs: Tr ln(1 - t A) = 2 ln(1 - t a + t^2 b), a = Tr A/2, b = a^2/2 - Tr A^2/4.
    Keldysh matrices have four such pairs: there the determinant itself.

    One that scatters spins is -(n/pi) Sum ln det(1 - K diag(G, G')), S = (1 + iK)/(1 - iK) its scattering matrix.
    """
    if p.scattering is not None:
        return _scattered(G, other, p)
    if p.transmissions is None:
        return p.conductance / 4 * trace_of_product(_filtered(G, p), _filtered(other, p))
    A = anticommutator(G, other) + 2 * with_axes_of(G, jnp.eye(len(G), dtype=G.dtype))
    if len(G) == 8:
        each = [_log_determinant(with_axes_of(G, jnp.eye(8, dtype=G.dtype)) - t / 4 * A) for t in p.transmissions]
        return -p.conductance / (2 * jnp.sum(p.transmissions)) * sum(each)
    a = jnp.trace(A) / 2
    b = a**2 / 2 - trace_of_product(A, A) / 4
    t = (p.transmissions / 4).reshape(-1, *(1,) * a.ndim)
    return -p.conductance / jnp.sum(p.transmissions) * jnp.sum(jnp.log(1 - t * a + t**2 * b), axis=0)


def _filtered(G: Array, p: SimpleNamespace) -> Array:
    """W G of a barrier with the polarisation P."""
    if p.polarisation is None:
        return G
    u = jnp.sqrt((1 + jnp.sqrt(1 - jnp.sum(p.polarisation**2))) / 2)
    unit = with_axes_of(G, jnp.eye(len(G), dtype=G.dtype))
    return product(u * unit - weighted_magnet(p.polarisation / (2 * u), G), G)


def _scattered(G: Array, other: Array, p: SimpleNamespace) -> Array:
    """-(n/pi) Sum ln det(1 - K diag(G, G')) by Schur's formula, p.scattering = (K (c, 2, 2, 4), n (c,)).

    K is given by its parts 1 and M_k, k = 1, 2, 3, with M_k = L_k R3.
    """
    G, other = (jnp.moveaxis(x, (0, 1), (-2, -1)) for x in (G, other))
    one, total = jnp.eye(G.shape[-1], dtype=G.dtype), jnp.zeros((), G.dtype)
    L, R = units(G.shape[-1], G.dtype)
    for K, channels in zip(*p.scattering, strict=True):
        parts = jnp.concatenate([one[None], L @ R[2]])
        (a, b), (c, d) = jnp.tensordot(K.astype(G.dtype), parts, 1)
        first = one - a @ G
        second = one - d @ other - c @ G @ _inverse(first) @ b @ other
        total = total - channels / jnp.pi * (_log_of(first) + _log_of(second))
    return total


def _inverse(M: Array) -> Array:
    """Inverse of matrices (..., 4, 4) or (..., 8, 8), by blocks."""
    if M.shape[-1] == 4:
        return inverse(M)
    a, b, c, d = _blocks(M)
    left = inverse(a)
    corner = inverse(d - c @ left @ b)
    right = left @ b @ corner
    return jnp.block([[left + right @ c @ left, -right], [-corner @ c @ left, corner]])


def _log_of(M: Array) -> Array:
    """ln det of matrices (..., 4, 4) or (..., 8, 8)."""
    if M.shape[-1] == 4:
        return jnp.log(determinant(M))
    a, b, c, d = _blocks(M)
    return jnp.log(determinant(a)) + jnp.log(determinant(d - c @ inverse(a) @ b))


def _blocks(M: Array) -> tuple[Array, ...]:
    return tuple(M[..., i : i + 4, j : j + 4] for i in (0, 4) for j in (0, 4))


def _log_determinant(M: Array) -> Array:
    """ln det of Keldysh matrices (8, 8, ...)."""
    return _log_of(jnp.moveaxis(M, (0, 1), (-2, -1)))
