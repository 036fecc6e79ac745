"""Dense solver by eigenvalues: for tests and very small meshes."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from jusadel.linear.direct import SuperLU


class Dense(SuperLU):
    """The same Hessian as a dense matrix; solution by LAPACK, inertia by its eigenvalues."""

    name = "dense"

    def solve(self, matrix: sp.csc_matrix, rhs: np.ndarray) -> tuple[np.ndarray, tuple[int, int]]:
        """Solution and inertia (positive, negative)."""
        dense = matrix.toarray()
        eigenvalues = np.linalg.eigvalsh((dense + dense.T.conj()) / 2)
        inertia = (int((eigenvalues > 0).sum()), int((eigenvalues < 0).sum()))
        try:
            return np.linalg.solve(dense, rhs), inertia
        except np.linalg.LinAlgError:
            return np.full_like(rhs, np.nan), inertia
