"""Sparse direct solver: SuperLU without pivoting on the quasi-definite Hessian, frequencies in threads."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as sla

from jusadel.discrete import DiscreteAction
from jusadel.hessian import Pattern, linearise, residual
from jusadel.linear.protocol import Direction

Solve = Callable[[np.ndarray], np.ndarray]

CHORD = 0.1
"""Once a step is shorter than this, its factors serve the following ones, which then shrink at about this rate."""


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

    @property
    def chunk(self) -> int:
        """As many frequencies as threads: their factors are all the memory that is needed."""
        return self.threads

    def directions(
        self, prepared: Pattern, system: DiscreteAction, V: Any, omega: Any, memory: list[dict[str, Any]]
    ) -> Direction:
        """Factorise and solve frequency by frequency."""
        one = lambda k: self._one(prepared, system, V[k], omega[k], memory[k])  # noqa: E731
        with ThreadPoolExecutor(self.threads) as pool:
            results = list(pool.map(one, range(len(omega))))
        steps, norms, inertia, exact = zip(*results, strict=True)
        return Direction(np.stack(steps), np.array(norms), np.array(inertia), np.array(exact))

    def _one(
        self, pattern: Pattern, system: DiscreteAction, V: Any, omega: Any, memory: dict[str, Any]
    ) -> tuple[np.ndarray, float, tuple[int, int], bool]:
        length, before = memory.get("length", np.inf), memory.get("before", np.inf)
        exact = not length < min(CHORD, before / 5)  # large steps, or kept factors that no longer pay
        memory["before"] = length
        if exact:
            lin = linearise(system, V, omega)
            memory["solve"], memory["inertia"] = self.factorise(pattern.matrix(lin))
        r = np.asarray(lin.residual if exact else residual(system, V, omega))
        step = np.zeros_like(r)
        step[pattern.free] = memory["solve"](-r[pattern.free].ravel()).reshape(-1, 8)
        return step, float(np.linalg.norm(r)), memory["inertia"], exact

    def factorise(self, matrix: sp.csc_matrix) -> tuple[Solve, tuple[int, int]]:
        """A function that solves, and the inertia (positive, negative); NaN and (0, 0) where a pivot vanishes."""
        try:
            lu = sla.splu(matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
        except RuntimeError:  # SuperLU's word for an exactly singular matrix
            return lambda rhs: np.full_like(rhs, np.nan), (0, 0)
        pivots = lu.U.diagonal().real
        return lu.solve, (int((pivots > 0).sum()), int((pivots < 0).sum()))
