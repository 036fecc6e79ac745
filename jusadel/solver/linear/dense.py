"""Dense solver by eigenvalues: for tests and very small meshes."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from jusadel.solver.linear.superlu import UNKNOWN, Solve, SuperLU


class Dense(SuperLU):
    """The same Hessian as a dense matrix; solution by LAPACK, inertia by its eigenvalues."""

    name = "dense"

    def factorise(self, matrix: sp.csc_matrix) -> tuple[Solve, tuple[int, int]]:
        """A function that solves, and the inertia (positive, negative); NaN and (0, 0) where numbers are not finite."""
        dense = matrix.toarray()
        if not np.isfinite(dense).all():  # for which LAPACK raises, in a program too
            return lambda rhs: np.full_like(rhs, np.nan), (0, 0)
        if np.iscomplexobj(dense):
            return lambda rhs: np.linalg.solve(dense, rhs), UNKNOWN
        eigenvalues = np.linalg.eigvalsh((dense + dense.T) / 2)
        inertia = (int((eigenvalues > 0).sum()), int((eigenvalues < 0).sum()))
        if 0.0 in eigenvalues:
            return lambda rhs: np.full_like(rhs, np.nan), inertia
        return lambda rhs: np.linalg.solve(dense, rhs), inertia
