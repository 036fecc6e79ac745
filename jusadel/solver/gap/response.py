"""How the pair potential acts back on itself through G, to first order: what Newton inverts for the gap equation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse.linalg as sla

from jusadel.action.matrices.node_matrices import TWO_B_R3
from jusadel.action.matrices.padding import few_sizes, with_spare_frames, with_zeros
from jusadel.action.nambu import SIGNATURE, R
from jusadel.action.nambu.frames import frame_to_green, inverse
from jusadel.common.differentiability import on_device
from jusadel.device.pair_potential import as_vector, from_pairs, from_vector
from jusadel.solver.gap.lanczos import MOST, downhill, smallest_eigenvalue
from jusadel.solver.gap.sites import Sites
from jusadel.solver.problem import Problem

Array = jax.Array

RESPONSE, EIGENVALUE = 1e-3, 1e-3
"""Relative accuracies of linear responses, and of the smallest eigenvalue relative to a."""


_PAIRS = np.stack([R[1], R[0]])  # go with Re Delta and Im Delta


@jax.jit
def amplitudes(V: Array, weights: Array) -> Array:
    """Sum_p w_p f(omega_p) at the nodes, (N, 2), from frames (b, N, 4, 4)."""
    one = lambda v: -jnp.einsum("sij,nji->ns", _PAIRS, frame_to_green(v)) / 4  # noqa: E731
    add = lambda total, x: (total + x[1] * one(x[0]), None)  # noqa: E731
    return jax.lax.scan(add, jnp.zeros((V.shape[1], 2)), (V, weights))[0]


@jax.jit
def couplings(V: Array) -> Array:
    """c = d Tr(R_j G)/du_a, (b, N, 8, 2)."""
    B = jnp.moveaxis(jnp.asarray(TWO_B_R3), -1, 0)
    one = lambda v: jnp.einsum("nij,ajk,nkl,sli->nas", v, B, inverse(v), _PAIRS)  # noqa: E731
    return jax.lax.map(one, V)


@jax.jit
def pushed(c: Array, s: Array) -> Array:
    """The gradient c s with respect to the steps, (b, N, 8), of a pair potential times area s (N, 2)."""
    return jnp.einsum("bnas,ns->bna", c, s)


@jax.jit
def felt(c: Array, x: Array, weights: Array) -> Array:
    """(1/4) Sum_p w_p c.x, (N, 2)."""
    return jnp.einsum("bnas,bna,b->ns", c, x, weights) / 4


class PairResponse:
    """The derivative of the gap residual, J dDelta = w (a dDelta - 2 pi T Sum_p w_p df), as a symmetric operator."""

    def __init__(
        self,
        problem: Problem,
        where: Sites,
        V: np.ndarray,
        tol: float = RESPONSE,
        solve: Callable[[Any], Any] | None = None,
    ) -> None:
        self.problem, self.sites, self.count = problem, where, 0
        self._size = few_sizes(V.shape[1] + 1)
        self._couplings = couplings(on_device(with_spare_frames(np.asarray(V), self._size)))
        self._solve = solve or problem.response(V, tol)
        self._free = np.asarray(problem.system.free)

    def __call__(self, Delta: np.ndarray) -> np.ndarray:
        """J Delta, (K,) complex as real pairs in one."""
        where, p = self.sites, self.problem
        self.count += 1
        x = self._solve(self._pushed(where.on_nodes(Delta, len(self._free))))
        x = with_zeros(x, self._size, axis=1)
        df = np.asarray(felt(self._couplings, *on_device((x, p.weights))))[where.nodes]
        return where.weight * (where.a * Delta - 2 * np.pi * p.T * from_pairs(df))

    def steps(self, Delta: np.ndarray) -> np.ndarray:
        """The response of G to a pair potential (K,), as steps (b, N, 8)."""
        return -np.asarray(self._solve(self._pushed(self.sites.on_nodes(Delta, len(self._free)))))

    def _pushed(self, s: np.ndarray) -> np.ndarray:
        at_nodes = np.asarray(pushed(self._couplings, on_device(with_zeros(s, self._size))))[:, : len(s)]
        return at_nodes * self._free[:, None]

    def _scaled(self, scale: np.ndarray, shift: float = 0.0) -> sla.LinearOperator:
        """scale J scale - shift on real vectors (2 K,)."""

        def product(z: np.ndarray) -> np.ndarray:
            z = np.ravel(z)
            return as_vector(scale * self(scale * from_vector(z))) - shift * z

        n = 2 * len(scale)
        return sla.LinearOperator((n, n), matvec=product, dtype=float)

    def solve(self, rhs: np.ndarray, tol: float) -> np.ndarray:
        """J x = rhs, by MINRES in the metric of w a."""
        scale = self._metric
        x, _ = sla.minres(self._scaled(scale), as_vector(scale * rhs), rtol=tol, maxiter=MOST)
        return scale * from_vector(x)

    def leaves(self, change: np.ndarray, residual: np.ndarray) -> float:
        """What a change (K,) leaves of a residual, relative to it: MINRES may stop before it resolves a soft mode."""
        left = residual + self(change)
        return float(np.linalg.norm(self._metric * left) / np.linalg.norm(self._metric * residual))

    def downhill(self, residual: np.ndarray, longest: float) -> np.ndarray:
        """The change (K,), nowhere above `longest`, that lowers the free energy along every mode in the residual."""
        back = lambda z: self._metric * from_vector(z)  # noqa: E731
        allowed = lambda z: bool(np.abs(back(z)).max() <= longest)  # noqa: E731
        return back(downhill(self._scaled(self._metric), as_vector(self._metric * residual), allowed))

    @property
    def _metric(self) -> np.ndarray:
        return 1 / np.sqrt(self.sites.weight * self.sites.a)

    def smallest(
        self, Delta: np.ndarray, tol: float | None = None, near: np.ndarray | None = None, margin: float | None = None
    ) -> tuple[float, np.ndarray]:
        """The smallest eigenvalue of J x = lambda w x at Delta, accurate to tol (`EIGENVALUE` times a), and its x (K,).

        Args:
            Delta: of the state, (K,).
            tol: absolute.
            near: a vector like x, (K,), where there is one better than the direction of the common phase.
            margin: no other eigenvalue is smaller by so much, absolute; tol where not given.
        """
        scale = 1 / np.sqrt(self.sites.weight)
        tol = EIGENVALUE * float(self.sites.a.mean()) if tol is None else tol
        start = np.random.default_rng(0).normal(size=2 * len(scale))
        known = as_vector((1j * Delta if near is None else near) / scale)  # the common phase costs nothing
        known = known / max(np.linalg.norm(known), 1e-300)
        if near is not None:
            start += np.linalg.norm(start) * known
        free = known if near is None and known.any() else None
        value, vector = smallest_eigenvalue(self._scaled(scale), start, tol, margin or tol, free)
        return value, scale * from_vector(vector)

    def slope(self, mode: np.ndarray) -> float:
        """d lambda/d ln T of an eigenvalue in the normal state, from its x (K,); omega goes with T, the weights do not.

        The normal state's Hessian depends on omega by 16 omega times each node's weight, negative for triplets.
        """
        where, p = self.sites, self.problem
        b = self._pushed(where.on_nodes(mode, len(self._free)))
        x = np.asarray(self._solve(b))
        per_node = 16 * np.asarray(p.system.nodes.weight)[:, None] * SIGNATURE
        each = np.sum(b * x, axis=(1, 2)) - p.omega * np.sum(per_node * x**2, axis=(1, 2))
        return float(1 - 2 * np.pi * p.T * (p.weights @ each) / 4 / np.sum(where.weight * np.abs(mode) ** 2))
