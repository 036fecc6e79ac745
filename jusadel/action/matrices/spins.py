"""Constant spin matrices beside and on both sides of matrices: w_k L_k, w_ij L_i G L_j, and what conjugates.

Every G is L_a M_a, a = 0..3, with L_0 = 1 and M_a that commute with the spin; maps such as G -> w_ij L_i G L_j act on
the index a alone. So two constant changes of basis and one 4x4 product replace a sum over pairs of spins.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.action.matrices.products import (
    materialise,
    of_components,
    product,
    recombined,
    to_components,
    trace_of_product,
    with_axes_of,
)
from jusadel.action.nambu import L, R, constants, units

Array = jax.Array

_L = np.concatenate([np.eye(4)[None], L])
_SANDWICH = np.einsum("bxw,ixy,ayz,jzw->ijba", _L, L, _L, L) / 4
"""t_ijba with L_i L_a L_j = t_ijba L_b, (3, 3, 4, 4)."""
_BETWEEN_R3 = np.einsum("ik,jl->ijkl", R[2], R[2].T)
_CONJUGATION = -(np.einsum("ik,jl->ijkl", np.eye(4), np.eye(4)) + np.einsum("sik,slj->ijkl", L, L)) / 2


def weighted_spin(weights: Any, like: Array) -> Array:
    """w_k L_k, (n, n, 1, ...) with as many axes as `like`."""
    return with_axes_of(like, materialise(jnp.tensordot(weights, units(len(like), like.dtype)[0], 1)))


def weighted_magnet(weights: Any, like: Array) -> Array:
    """w_k M_k with M_k = L_k R3, (n, n, 1, ...) with as many axes as `like`."""
    L, R = constants(len(like))
    return with_axes_of(like, materialise(jnp.tensordot(weights, jnp.asarray(L @ R[2], like.dtype), 1)))


def between_spins(weights: Any, G: Array) -> Array:
    """w_ij L_i G L_j for weights (3, 3)."""
    if len(G) == 8:
        return _joined(between_spins(weights, _blocks(G)))
    return of_components(product(with_axes_of(G, _on_spin(weights, G)), to_components(G)))


def spin_conjugate(G: Array) -> Array:
    """G with the sign of its triplet part turned, -(G + L_k G L_k)/2."""
    if len(G) == 8:
        return _joined(spin_conjugate(_blocks(G)))
    return recombined(_CONJUGATION, G)


def between_R3(G: Array) -> Array:
    """R3 G R3."""
    if len(G) == 8:
        return _joined(between_R3(_blocks(G)))
    return recombined(_BETWEEN_R3, G)


def trace_between_spins(weights: Any, G: Array) -> Array:
    """w_ij Tr(L_i G L_j G) for weights (3, 3)."""
    if len(G) == 8:
        return trace_of_product(between_spins(weights, G), G)
    x = to_components(G)
    return jnp.sum(product(with_axes_of(G, _on_spin(weights, G)), x) * with_axes_of(G, _squares(G)) * x, (0, 1))


def _on_spin(weights: Any, like: Array) -> Array:
    """The matrix (4, 4) of G -> w_ij L_i G L_j on the index a."""
    return jnp.tensordot(jnp.asarray(weights, like.dtype), jnp.asarray(_SANDWICH, like.dtype), 2)


def _squares(like: Array) -> Array:
    """(L_a R_b)^2 = +-1, (4, 4)."""
    sign = np.array([1.0, -1.0, -1.0, -1.0])
    return jnp.asarray(np.outer(sign, sign), like.dtype)


def _blocks(G: Array) -> Array:
    """The four 4x4 blocks of Keldysh matrices, (4, 4, 2, 2, ...)."""
    return jnp.moveaxis(G.reshape(2, 4, 2, 4, *G.shape[2:]), (1, 3), (0, 1))


def _joined(blocks: Array) -> Array:
    return jnp.moveaxis(blocks, (0, 1), (1, 3)).reshape(8, 8, *blocks.shape[4:])
