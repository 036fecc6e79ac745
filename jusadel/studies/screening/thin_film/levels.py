"""A preconditioner for a film's inductances: stream functions on a few levels, ever smoother.

Q g = (mu/2)|k| g for waves of wave number k, and London's term at their vector potential, (mu g/2)^2/(mu lambda^2) an
area, is local. On each level but the last the diagonal of both stands for them, on the last, of some hundred
functions and the currents round holes and through electrodes, the whole matrix: the sum is equivalent to Q and London's
term at any mesh size (Bramble, Pasciak and Xu, Math. Comp. 55, 1 (1990)).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
import scipy
import scipy.sparse as sp

from jusadel.studies.screening.thin_film.sheet_currents import SheetCurrents

COARSEST = 400
"""Functions of the last level."""
AT_ONCE = 32
"""Whose fluxes are summed at a time."""
SHIFT = 1e-10
"""Of the largest entry, that keeps functions apart that hardly differ."""


class _Sums(Protocol):
    def times(self, g: np.ndarray) -> tuple[np.ndarray, np.ndarray]: ...


class Levels(NamedTuple):
    """Stream functions of each level (K, .), the finest first, the diagonals of Q there; Q and M of the last."""

    functions: tuple[sp.csr_matrix, ...]
    diagonals: tuple[np.ndarray, ...]
    fluxes: np.ndarray
    edges: np.ndarray

    def solver(self, london: np.ndarray, on_edges: sp.csr_matrix) -> Callable[[np.ndarray], np.ndarray]:
        """With a local term (K,) at the hats, and its matrix (e, e) at edge integrals."""
        last = self.fluxes + self.edges.T @ (on_edges @ self.edges)
        factors = scipy.linalg.cho_factor(last + SHIFT * last.diagonal().max() * np.eye(len(last)))
        weights = [d + f.multiply(f).T @ london for d, f in zip(self.diagonals, self.functions, strict=False)]

        def solve(r: np.ndarray) -> np.ndarray:
            fine = sum(f @ ((f.T @ r) / w) for f, w in zip(self.functions, weights, strict=False))
            return np.asarray(fine + self.functions[-1] @ scipy.linalg.cho_solve(factors, self.functions[-1].T @ r))

        return solve


def levels_of(currents: SheetCurrents, near: sp.csr_matrix, sums: _Sums) -> Levels:
    """Those of a film, with the integrals of near triangles (m, m) times mu/4 pi."""
    m = len(currents.triangles)
    x, y = currents.current[:m], currents.current[m:]
    own = sp.csr_matrix(x.T @ near @ x + y.T @ near @ y)
    functions = _functions(currents)
    diagonals = tuple(f.multiply(own @ f).sum(axis=0) for f in functions[:-1])
    last = functions[-1].toarray()
    parts = [sums.times(last[:, k : k + AT_ONCE]) for k in range(0, last.shape[1], AT_ONCE)]
    fluxes, edges = (np.concatenate(p, axis=1) for p in zip(*parts, strict=True))
    return Levels(functions, tuple(np.asarray(d).ravel() for d in diagonals), last.T @ fluxes, edges)


def _functions(currents: SheetCurrents) -> tuple[sp.csr_matrix, ...]:
    """Smoothed aggregates of the hats, by the energy of uniform kinetic inductance."""
    import pyamg  # when it is first needed

    areas = np.tile(currents.areas, 2)
    stiffness = sp.csr_matrix(currents.current.T @ sp.diags(areas) @ currents.current)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = pyamg.smoothed_aggregation_solver(
            stiffness, strength=("symmetric", {"theta": 0.0}), max_coarse=COARSEST, max_levels=20
        ).levels
    found = [sp.eye_array(stiffness.shape[0], format="csr")]
    for level in made[:-1]:
        found.append(sp.csr_matrix(found[-1] @ level.P))
    own = np.concatenate([currents.of_holes[currents.of_holes >= 0], currents.of_sides])
    alone = sp.csr_matrix((np.ones(len(own)), (own, np.arange(len(own)))), (stiffness.shape[0], len(own)))
    found[-1] = sp.csr_matrix(sp.hstack([found[-1], alone]))
    return tuple(sp.csr_matrix(f) for f in found)
