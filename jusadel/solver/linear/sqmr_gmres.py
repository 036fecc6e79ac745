"""Krylov methods for batches of symmetric indefinite systems, all frequencies in step: SQMR and restarted GMRES.

Vectors are (n, 8, w); every frequency has its own scalars (w,) and stops moving when it has converged.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jusadel.action.nambu import SIGNATURE

Array = jax.Array
PATIENCE = 40
"""SQMR iterations without halving the residual after which nothing more is expected, as at the end of a precision."""
GAIN = 0.1
"""By which a cycle of GMRES lowers the residual's norm at least, if it can."""
Operator = Callable[[Array], Array]


class Iterate(NamedTuple):
    """Where an iteration ended."""

    x: Array  # (n, 8, w)
    accuracy: Array  # (w,) energy of the residual over that of b: about the relative error of x
    iterations: Array  # (w,)
    start: Array  # (w,) energy of b


def dot(a: Array, b: Array) -> Array:
    """a . b without conjugation, (w,)."""
    return jnp.sum(a * b, axis=(0, 1))


def norm(a: Array) -> Array:
    """Euclidean norm, (w,) real."""
    return jnp.sqrt(jnp.sum(a.real**2 + a.imag**2 if jnp.iscomplexobj(a) else a**2, axis=(0, 1)))


def energy(r: Array, z: Array, signs: Any = SIGNATURE) -> Array:
    """sqrt(r C r) for the residual r and z = S C r, with the preconditioner's positive part C and signs S, (w,).

    C is about the inverse of |H|, so that this is about the energy norm of the error.
    """
    return jnp.sqrt(jnp.abs(dot(jnp.conj(r), jnp.asarray(signs, r.dtype)[:, None] * z)))


def _ratio(a: Array, b: Array) -> Array:
    return a / jnp.where(b == 0, 1, b)


def sqmr(apply: Operator, precondition: Operator, b: Array, tol: Array, limit: int) -> Iterate:
    """Symmetric QMR (Freund and Nachtigal 1994) with a symmetric, possibly indefinite preconditioner.

    Args:
        apply: the symmetric operator.
        precondition: an approximation of its inverse, symmetric.
        b: right-hand side.
        tol: relative `energy` of the residual wanted, (w,), which is also what is minimised: the residual's own norm
            would say little about soft modes, whose forces are weak.
        limit: most iterations; also stops after `PATIENCE` of them without progress.
    """
    zero, z = jnp.zeros_like(b), precondition(b)
    start = energy(b, z)

    def unfinished(k: Any, tau: Array, since: Array) -> Array:
        return (tau > tol * start) & (k - since < PATIENCE)

    def running(state: Any) -> Array:
        return (state[0] < limit) & jnp.any(unfinished(state[0], state[7], state[-1]))

    def body(state: Any) -> Any:
        k, x, d, r, z, q, rho, tau, theta, count, mark, since = state
        active = unfinished(k, tau, since)
        keep = lambda new, old: jnp.where(active, new, old)  # noqa: E731
        rho_new = dot(r, z)
        q = z + jnp.where(k > 0, _ratio(rho_new, rho), 0) * q
        t = apply(q)
        alpha = jnp.where(active, _ratio(rho_new, dot(q, t)), 0)
        r = r - alpha * t
        z = precondition(r)
        theta_new = _ratio(energy(r, z), tau)
        c2 = 1 / (1 + theta_new**2)
        d = c2 * theta**2 * d + c2 * alpha * q
        x = keep(x + d, x)
        tau_new = keep(tau * theta_new * jnp.sqrt(c2), tau)
        halved = tau_new < mark / 2
        mark, since = jnp.where(halved, tau_new, mark), jnp.where(halved, k, since)
        rho, theta = keep(rho_new, rho), keep(theta_new, theta)
        return k + 1, x, d, r, z, q, rho, tau_new, theta, count + active, mark, since

    no = jnp.zeros(b.shape[-1:], int)
    state = (0, zero, zero, b, z, zero, dot(b, zero), start, jnp.zeros_like(start), no, start, no)
    end = jax.lax.while_loop(running, body, state)
    return Iterate(end[1], _ratio(end[7], start), end[9], start)


def fgmres(
    apply: Operator,
    precondition: Operator,
    b: Array,
    tol: Array,
    size: int,
    cycles: int,
    signs: Any = SIGNATURE,
) -> Iterate:
    """Flexible GMRES (Saad 1993), restarted every `size` iterations; the preconditioner may be an iteration itself.

    Args:
        apply: the operator.
        precondition: an approximation of its inverse.
        b: right-hand side.
        tol: relative `energy` of the residual wanted, (w,); every cycle makes the residual's own norm small.
        size: iterations per cycle, all of whose vectors are kept.
        cycles: most cycles.
        signs: of the components of vectors, as in `energy`.
    """
    measure = lambda r: energy(r, precondition(r), signs)  # noqa: E731
    start, whole = norm(b), measure(b)

    def cycle(state: Any) -> Any:
        k, x, r, error, count = state
        target = jnp.where(error > tol, jnp.minimum(tol * start, GAIN * norm(r)), jnp.inf)
        step, used = krylov_step(apply, precondition, r, target, size)
        x = jnp.where(used > 0, x + step, x)
        r = b - apply(x)
        return k + 1, x, r, _ratio(measure(r), whole), count + used

    unfinished = lambda state: (state[0] < cycles) & jnp.any(state[3] > tol)  # noqa: E731
    no, error = jnp.zeros(b.shape[-1:], int), jnp.where(whole == 0, 0, jnp.ones_like(whole))
    end = jax.lax.while_loop(unfinished, cycle, (0, jnp.zeros_like(b), b, error, no))
    return Iterate(end[1], end[3], end[4], whole)


def krylov_step(apply: Operator, precondition: Operator, r: Array, target: Array, size: int) -> tuple[Array, Array]:
    """The step that minimises the norm of a residual over its Krylov space, and the iterations used, (w,).

    Args:
        apply, precondition: as in `fgmres`.
        r: residual, (n, a, w).
        target: norm to reach, (w,); each column ends there on its own, whatever the others still do.
        size: most iterations.
    """
    w, dtype = r.shape[-1], r.dtype
    beta = norm(r)
    basis = jnp.zeros((size + 1, *r.shape), dtype).at[0].set(_ratio(r, beta))
    images = jnp.zeros((size, *r.shape), dtype)
    H = jnp.zeros((size + 1, size, w), dtype)  # upper triangular after the rotations
    rotations = jnp.zeros((2, size, w), dtype)
    g = jnp.zeros((size + 1, w), dtype).at[0].set(beta)

    def running(state: Any) -> Array:
        return (state[0] < size) & jnp.any(jnp.abs(state[5][state[0]]) > target)

    def body(state: Any) -> Any:
        j, basis, images, H, rotations, g, count = state
        active = jnp.abs(g[j]) > target
        z = precondition(basis[j])
        h, v = _orthogonalised(basis, apply(z), j + 1)
        for_column = lambda i, h: _rotated(h, i, rotations[0, i], rotations[1, i])  # noqa: E731
        h = jax.lax.fori_loop(0, j, for_column, h)
        length = jnp.sqrt(jnp.abs(h[j]) ** 2 + jnp.abs(h[j + 1]) ** 2)
        cosine, sine = jnp.where(length == 0, 1, _ratio(h[j], length)), _ratio(h[j + 1], length)
        return (
            j + 1,
            basis.at[j + 1].set(v),
            images.at[j].set(z),
            H.at[:, j].set(_rotated(h, j, cosine, sine)),
            rotations.at[:, j].set(jnp.stack([cosine, sine])),
            _rotated(g, j, cosine, sine),
            count + active,
        )

    start = (0, basis, images, H, rotations, g, jnp.zeros(w, int))
    used, _, images, H, _, g, count = jax.lax.while_loop(running, body, start)
    y = _back_substituted(H, g, used, count)
    return _combined(y, images, used), count


def _orthogonalised(basis: Array, v: Array, count: Any) -> tuple[Array, Array]:
    """Coefficients of v in the first `count` of a basis, with the length of the rest behind them, and the rest at
    length one.

    Twice, as Gram-Schmidt needs in single precision.
    """
    total = jnp.zeros((len(basis), v.shape[-1]), v.dtype)
    for _ in range(2):
        h = _dots(basis, v, count)
        v, total = v - _combined(h, basis, count), total + h
    length = norm(v)
    return total.at[count].set(length), _ratio(v, length)


def _dots(basis: Array, v: Array, count: Any) -> Array:
    """conj(basis_k) . v of the first of them, (k, w)."""
    one = lambda k, h: h.at[k].set(dot(jnp.conj(basis[k]), v))  # noqa: E731
    return jax.lax.fori_loop(0, count, one, jnp.zeros((len(basis), v.shape[-1]), v.dtype))


def _combined(h: Array, basis: Array, count: Any) -> Array:
    """The sum of h_k basis_k of the first of them."""
    add = lambda k, total: total + h[k] * basis[k]  # noqa: E731
    return jax.lax.fori_loop(0, count, add, jnp.zeros_like(basis[0]))


def _rotated(h: Array, i: Any, cosine: Array, sine: Array) -> Array:
    """A Givens rotation of the entries i and i + 1."""
    rotated = jnp.conj(cosine) * h[i] + jnp.conj(sine) * h[i + 1]
    return h.at[i].set(rotated).at[i + 1].set(cosine * h[i + 1] - sine * h[i])


def _back_substituted(H: Array, g: Array, used: Any, count: Array) -> Array:
    """The coefficients, of the first `count` of each column."""

    def step(k: Any, y: Array) -> Array:
        i = used - 1 - k
        value = _ratio(g[i] - jnp.sum(H[i] * y, axis=0), H[i, i])
        return y.at[i].set(jnp.where(i < count, value, 0))

    size = H.shape[1]
    return jax.lax.fori_loop(0, used, step, jnp.zeros((size, H.shape[-1]), H.dtype))
