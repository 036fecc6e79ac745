"""The linear response of the normal state to a homogeneous pair potential: its rates, and what a frequency sum misses.

A small Delta turns G by u with the action u.(omega P + M) u/2 + Delta b.u, eight numbers u a frequency, so that

    f_s/Delta = (1/4) b.(omega P + M)^-1 b = Sum_i r_i/(omega + lam_i):

poles, whose Matsubara sum is a sum of digamma functions (Abrikosov and Gorkov for eight modes).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy

from jusadel.action.homogeneous import frame_density
from jusadel.action.terms import TERMS, Term
from jusadel.common.differentiability import is_traced
from jusadel.device.material.material import SHAPES, Material

Array = jax.Array
PAIRING = tuple(t for t in TERMS if t.field in ("omega", "Delta"))
"""The terms that give P and b."""
SOON = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
"""Code that is quick to compile, for a program that works on few numbers and once for each material."""


@dataclass(frozen=True)
class PairingResponse:
    """P, M, b of the action u.(omega P + M) u/2 + Delta b.u of a small step u from the normal state.

    P is diagonal. M is a polynomial of q and h: the coefficients of its monomials are (9, 8, 8).
    """

    P: np.ndarray
    b: np.ndarray
    coefficients: np.ndarray

    @classmethod
    def of(cls, fields: dict[str, np.ndarray]) -> PairingResponse:
        """From the material's tensors: M at nine points gives the coefficients of its nine monomials."""
        unit = 1 / np.sqrt(np.trace(fields["D"]))
        q = unit * np.array([[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1], [1, 1], [0, 0], [0, 0], [0, 0]])
        h = np.concatenate([np.zeros((6, 3)), np.eye(3)])
        P, b, M = (np.asarray(a) for a in _stiffness(np.column_stack([q, h]), fields, terms_present(fields)))
        design = np.array([_monomials(q, h) for q, h in zip(q, h, strict=True)])
        return cls(P[0], b[0], np.einsum("mk,kab->mab", np.linalg.inv(design), M))

    def modes(self, q: np.ndarray, h: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rates lam and shares r of f_s/Delta = Sum_i r_i/(omega + lam_i) at q (k, 2): (k, 8) complex each."""
        monomials = np.array([_monomials(one, h) for one in q])
        N = np.einsum("km,mab->kab", monomials, self.coefficients) / self.P[:, None]
        rates, vectors = np.linalg.eig(N.astype(complex))
        merged = np.linalg.cond(vectors) > 1e6  # two modes become one, at h = Gamma/4 say: keep them apart
        if merged.any():
            N[merged] += 1e-11 * np.abs(N[merged]).max() * np.diag(np.arange(8.0))
            rates[merged], vectors[merged] = np.linalg.eig(N[merged].astype(complex))
        source = np.broadcast_to((self.b / self.P)[:, None], (len(q), 8, 1))
        return rates, np.einsum("i,kij->kj", self.b, vectors) * np.linalg.solve(vectors, source)[..., 0] / 4


def _monomials(q: Any, h: Any, xp: Any = np) -> Any:
    """Those of which the normal state's linear response consists, (9,)."""
    return xp.stack([1.0, q[0], q[1], q[0] ** 2, q[0] * q[1], q[1] ** 2, h[0], h[1], h[2]])


def stiffness_at(q: Array, h: Array, fields: dict[str, Array], terms: tuple[Term, ...]) -> tuple[Array, Array, Array]:
    """The diagonal of P (8,), b (8,) and M (8, 8) at q (2,) and h (3,)."""

    def action(u: Array, Delta: float, omega: float, terms: tuple[Term, ...] = PAIRING) -> Array:
        at = {"Delta": jnp.array([Delta, 0.0]), "A": -q / 2, "h": h}
        return frame_density(u, jnp.eye(4), jnp.asarray(omega), fields | at, terms)

    u = jnp.zeros(8)
    P, b = jax.hessian(action)(u, 0.0, 1.0), jax.grad(action)(u, 1.0, 0.0)
    return jnp.diag(P), b, jax.hessian(action)(u, 0.0, 0.0, terms)


def terms_present(fields: Mapping[str, Any]) -> tuple[Term, ...]:
    """The terms to compile: costly ones only where the material has them, whatever q is."""
    return tuple(t for t in TERMS if not t.gradient or is_traced(fields[t.field]) or np.any(fields[t.field]))


@cache
def pairing_vectors() -> dict[str, np.ndarray]:
    """P and b (8,), which are the same for all films."""
    fields = {name: np.asarray(getattr(Material(), name), float) for name in SHAPES if name not in ("Tc", "nu")}
    with jax.ensure_compile_time_eval():
        P, b, _ = _stiffness(np.zeros((1, 5)), fields, PAIRING)
    return {"P": np.asarray(P)[0], "b": np.asarray(b)[0]}


@partial(jax.jit, static_argnums=2, compiler_options=SOON)
def _stiffness(points: Array, fields: dict[str, Array], terms: tuple[Term, ...]) -> tuple[Array, Array, Array]:
    """P, b and M, (k, ...), at points (k, 5) = (q, h)."""
    return jax.vmap(lambda x: stiffness_at(x[:2], x[2:], fields, terms))(points)


@jax.jit
def cubic_tails(points: Array, P: Array, b: Array, coefficients: Array) -> tuple[Array, Array, Array]:
    """Delta^4/4 - c Delta^2 and its derivatives at points (k, 6) = (Delta, q, h).

    Returns:
        Value (k,), slope along (Delta, q, h) (k, 6), curvature along (Delta, q) (k, 3, 3).

    f_s/Delta = (1/4) b.(omega P + M)^-1 b - Delta^2/(2 omega^3) to third order in 1/omega, so that 1/omega - f_s/Delta
    has the term (Delta^2/2 - c)/omega^3 with 4 c = b P^-1 M P^-1 M P^-1 b.
    """

    def tail(x: Array) -> Array:
        second = jnp.tensordot(_monomials(x[1:3], x[3:], jnp), coefficients, 1) @ (b / P)
        return x[0] ** 4 / 4 - second @ (second / P) / 4 * x[0] ** 2

    return jax.vmap(lambda x: (tail(x), jax.grad(tail)(x), jax.hessian(tail)(x)[:3, :3]))(points)


def pole_sum(rates: np.ndarray, shares: np.ndarray, T: np.ndarray) -> np.ndarray:
    """2 pi T Sum (1/omega - Sum_i r_i/(omega + lam_i)), modes on the last axis."""
    digamma = scipy.special.digamma
    return np.sum(shares * (digamma(0.5 + rates / (2 * np.pi * T[..., None])) - digamma(0.5)), axis=-1).real
