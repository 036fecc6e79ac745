"""Sparse direct solver: MKL PARDISO, symmetric indefinite, all cores on one factor (optional extra `mkl`)."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from jusadel.solver.linear.superlu import Solve, SuperLU

ANALYSE, FACTORISE, SOLVE = 11, 22, 33
POSITIVE, NEGATIVE, PERTURBED = 22, 23, 14
"""Where PARDISO reports the inertia and the number of pivots it had to perturb (1-based iparm)."""


class Pardiso(SuperLU):
    """MKL's PARDISO on the upper triangle; several times faster than SuperLU, with the inertia.

    Raises:
        ImportError: pypardiso is not installed.
    """

    name = "PARDISO"
    together = 1  # there is one factor at a time
    complex = False  # its type of matrix here is the real symmetric one

    def __init__(self) -> None:
        try:
            import pypardiso
        except ImportError as error:
            raise ImportError('PARDISO needs the extra: python -m pip install "jusadel[mkl]"') from error
        super().__init__(threads=1)  # PARDISO takes all cores for one factor
        self._pardiso: Any = pypardiso.PyPardisoSolver(mtype=-2)
        self._indices = np.zeros(0, int)  # the pattern that was analysed

    def another(self) -> Pardiso:
        """PARDISO keeps one factor a solver."""
        return Pardiso()

    def factorise(self, matrix: sp.csc_matrix) -> tuple[Solve, tuple[int, int]]:
        """A function that solves, valid until the next factorisation, and the inertia (positive, negative)."""
        upper = sp.triu(matrix, format="csr")
        upper.sort_indices()
        zero, pattern = np.zeros(upper.shape[0]), np.concatenate([upper.indptr, upper.indices])
        if not np.array_equal(pattern, self._indices):
            self._pardiso.free_memory(everything=True)
            self._run(ANALYSE, upper, zero)
            self._indices = pattern
        self._run(FACTORISE, upper, zero)
        if self._pardiso.get_iparm(PERTURBED):
            return lambda rhs: np.full_like(rhs, np.nan), (0, 0)
        inertia = (int(self._pardiso.get_iparm(POSITIVE)), int(self._pardiso.get_iparm(NEGATIVE)))
        return lambda rhs: self._run(SOLVE, upper, rhs), inertia

    def _run(self, phase: int, upper: sp.csr_matrix, rhs: np.ndarray) -> np.ndarray:
        self._pardiso.set_phase(phase)
        return self._pardiso._call_pardiso(upper, rhs)
