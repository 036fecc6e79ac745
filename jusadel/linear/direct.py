"""Sparse direct solver: SuperLU without pivoting on the quasi-definite Hessian, frequencies in threads."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as sla

from jusadel.discrete import DiscreteAction
from jusadel.hessian import Pattern, linearise
from jusadel.linear.protocol import Direction


class SuperLU:
    """scipy's SuperLU in symmetric mode with minimum-degree ordering: the pivots' signs are the inertia.

    On the physical branch the Hessian is quasi-definite, so no pivoting is needed in any symmetric order.

    Args:
        threads: frequencies factorised side by side; default the number of cores, at most 8.
    """

    name = "SuperLU"

    def __init__(self, threads: int | None = None) -> None:
        self.threads = threads or min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 4)

    def prepare(self, system: DiscreteAction) -> Pattern:
        """The sparsity pattern."""
        return Pattern(system)

    def directions(self, prepared: Pattern, system: DiscreteAction, V: Any, omega: Any) -> Direction:
        """Factorise and solve frequency by frequency."""
        with ThreadPoolExecutor(self.threads) as pool:
            results = list(pool.map(lambda k: self._one(prepared, system, V[k], omega[k]), range(len(omega))))
        steps, norms, inertia = zip(*results, strict=True)
        return Direction(np.stack(steps), np.array(norms), np.array(inertia))

    def _one(self, pattern: Pattern, system: DiscreteAction, V: Any, omega: Any) -> tuple[Any, float, Any]:
        lin = linearise(system, V, omega)
        r = np.asarray(lin.residual)
        step = np.zeros_like(r)
        solution, inertia = self.solve(pattern.matrix(lin), -r[pattern.free].ravel())
        step[pattern.free] = solution.reshape(-1, 8)
        return step, float(np.linalg.norm(r)), inertia

    def solve(self, matrix: sp.csc_matrix, rhs: np.ndarray) -> tuple[np.ndarray, tuple[int, int]]:
        """Solution and inertia (positive, negative); NaN and (0, 0) where a pivot vanishes."""
        try:
            lu = sla.splu(
                matrix,
                permc_spec="MMD_AT_PLUS_A",
                diag_pivot_thresh=0.0,
                options={"SymmetricMode": True},
            )
        except RuntimeError:  # SuperLU's word for an exactly singular matrix
            return np.full_like(rhs, np.nan), (0, 0)
        pivots = lu.U.diagonal().real
        return lu.solve(rhs), (int((pivots > 0).sum()), int((pivots < 0).sum()))
