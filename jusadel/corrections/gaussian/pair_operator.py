"""J, the second derivative of the free energy with respect to the pair potential in the normal state, and its changes.

With the Hessian H of the action at omega_p + |Omega|/2, w the sites' weights, and pairs s = w u as singlets at nodes,

    J u = w a u - 2 pi T Sum_p w_p 16 w (H_p^-1 s),     a = ln(T/Tc) + 2 pi T Sum_p w_p/omega_p:

one complex number a site, for the normal state keeps its charge. Each change of H changes J, between modes, by

    dJ_ij = 2 pi T Sum_p w_p 16 x_i^+ dH x_j,     x_p = H_p^-1 s.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from types import SimpleNamespace
from typing import Any

import numpy as np
import scipy.sparse as sp

from jusadel.common.distributed import processors
from jusadel.common.errors import StabilityError
from jusadel.corrections.cooperon import PER_RATE
from jusadel.corrections.gaussian.pair_hessian import PairHessian
from jusadel.solver.gap.sites import superconducting_sites
from jusadel.solver.linear.superlu import Factor, in_threads, one_thread_each

PAIRED = 16.0
"""Of the singlet's response in J."""
KEPT = 2**31
"""Bytes of factors that stay; the others are made again each time."""


@dataclass(frozen=True, eq=False)
class PairSites:
    """Where pairs fluctuate: nodes of superconducting regions that no electrode holds."""

    at: np.ndarray  # (K,) among the free nodes
    weight: np.ndarray  # (K,)
    Tc: np.ndarray  # (K,)
    superconducting: np.ndarray  # (m, 3) bool, of the triangles' vertices

    @classmethod
    def of(cls, device: Any, hessian: PairHessian) -> PairSites:
        """The sites of a device."""
        where: Any = superconducting_sites(SimpleNamespace(device=device, system=hessian.system))
        number = np.full(len(np.asarray(hessian.system.free)), -1)
        number[hessian.nodes] = np.arange(len(hessian.nodes))
        kept = number[where.nodes] >= 0
        superconducting = np.asarray(device.vertex_field("Tc")) > 0
        return cls(number[where.nodes][kept], where.weight[kept], where.Tc[kept], superconducting)

    @property
    def count(self) -> int:
        """How many they are."""
        return len(self.at)

    def to_nodes(self, U: np.ndarray, n: int) -> np.ndarray:
        """Sums (n, m) at the free nodes of values (K, m) times the weights."""
        return self._incidence(n) @ (self.weight[:, None] * U)

    def from_nodes(self, X: np.ndarray) -> np.ndarray:
        """The weights times values (n, m) of the nodes, (K, m)."""
        return self.weight[:, None] * X[self.at]

    def _incidence(self, n: int) -> sp.csr_matrix:
        return sp.csr_matrix((np.ones(self.count), (self.at, np.arange(self.count))), shape=(n, self.count))


@dataclass(frozen=True, eq=False)
class PairOperator:
    """J at a temperature and a frequency Omega of the pairs."""

    hessian: PairHessian
    sites: PairSites
    T: float
    omega: np.ndarray  # (b,) of the sum that a has
    weights: np.ndarray  # (b,)
    Omega: float = 0.0

    @cached_property
    def a(self) -> np.ndarray:
        """a (K,)."""
        return np.log(self.T / self.sites.Tc) + 2 * np.pi * self.T * np.sum(self.weights / self.omega)

    def __call__(self, U: np.ndarray) -> np.ndarray:
        """J U, (K, m)."""
        c = self.hessian.components
        paired = self._summed(U, lambda p, B, X: self.sites.from_nodes(X[::c]))
        return (self.sites.weight * self.a)[:, None] * U - paired

    def between(self, U: np.ndarray, change: Callable[[int], Any]) -> np.ndarray:
        """U^+ dJ U, (m, m), of the change of H at each frequency: a sparse matrix."""
        return self._summed(U, lambda p, B, X: X.conj().T @ (change(p) @ X))

    def delay(self, U: np.ndarray) -> np.ndarray:
        """U^+ (dJ/dOmega) U at Omega = 0, (m, m) [1/energy]; pi/8T without pair breaking."""
        return self.between(U, lambda p: sp.diags(self.hessian.weight / 2))

    def warming(self, U: np.ndarray) -> np.ndarray:
        """U^+ (dJ/d ln T) U, (m, m), at Omega = 0; one in a uniform metal."""

        def kernel(p: int, B: np.ndarray, X: np.ndarray) -> np.ndarray:
            return X.conj().T @ (self.omega[p] * self.hessian.weight[:, None] * X) - B.conj().T @ X

        return self.overlaps(U) + self._summed(U, kernel)

    def overlaps(self, U: np.ndarray) -> np.ndarray:
        """U^+ w U, (m, m)."""
        return U.conj().T @ (self.sites.weight[:, None] * U)

    def responses(self, U: np.ndarray) -> np.ndarray:
        """x_p of the modes, (b, n components, m)."""
        return np.stack(self._each(U, lambda p, B, X: X))

    def _summed(self, U: np.ndarray, of: Callable[[int, np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
        """2 pi T Sum_p w_p 16 of(p, s, x_p)."""
        scale = 2 * np.pi * self.T * PAIRED * self.weights
        return np.tensordot(scale, np.stack(self._each(U, of)), 1)

    def _each(self, U: np.ndarray, of: Callable[[int, np.ndarray, np.ndarray], np.ndarray]) -> list[np.ndarray]:
        n, c = len(self.hessian.nodes), self.hessian.components
        B = np.zeros((n * c, U.shape[1]), np.result_type(U, self.hessian.bare))
        B[::c] = self.sites.to_nodes(U, n)
        with one_thread_each():
            return in_threads(lambda p: of(p, B, self._factor(p).solve(B)), range(len(self.omega)), _threads())

    def _factor(self, p: int) -> Factor:
        if p in self._factors:
            return self._factors[p]
        factor = Factor(self.hessian.at(self.omega[p] + self.Omega / 2))
        if (len(self._factors) + 1) * factor.count * (self.hessian.bare.dtype.itemsize + 4) <= KEPT:
            self._factors[p] = factor
        return factor

    @cached_property
    def _factors(self) -> dict[int, Factor]:
        return {}

    def refuse_unstable(self) -> None:
        """Raise StabilityError unless singlets are positive and triplets negative at the lowest frequency."""
        n, c = len(self.hessian.nodes), self.hessian.components
        expected = (n, (c - 1) * n)
        with one_thread_each():
            found = in_threads(lambda p: self._factor(p).inertia, [int(np.argmin(self.omega))], _threads())[0]
        if found != expected:
            raise StabilityError(
                f"the normal state is unstable: the Hessian at omega = {self.omega.min():.3g} must have {expected[0]} "
                f"positive and {expected[1]} negative eigenvalues, and has {found[0]} and {found[1]}; reduce the "
                "spin-orbit and magnetic tensors, or check their units and their jumps"
            )


def singlet_cooperon(hessian: PairHessian, sites: PairSites, U: np.ndarray) -> np.ndarray:
    """<i|D (-i nabla - 2 A)^2|i>, (m,), of modes (K, m) with u^+ w u = 1 [energy]."""
    c = hessian.components
    at_nodes = np.zeros((len(hessian.nodes), U.shape[1]), U.dtype)
    at_nodes[sites.at] = U
    return np.sum(at_nodes.conj() * (hessian.bare[::c, ::c] @ at_nodes), axis=0).real / PER_RATE


def _threads() -> int:
    return min(processors(), 8)
