"""Solving B f + r0 = load for the unknown f: factorised, refined, checked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as sla

from jusadel.common.errors import SolveError

TOLERANCE = 1e-10
"""Largest residual of the scaled equations, relative to what adds up in them."""
SMALLEST_PIVOT = 1e-12
"""Of the scaled matrix; below it nothing holds some of the unknowns."""


class Solves(Protocol):
    """What solves the equations of the unknowns."""

    def solve(self, rhs: np.ndarray) -> np.ndarray:
        """The solution; SolveError where there is none."""

    def solve_transposed(self, rhs: np.ndarray) -> np.ndarray:
        """That of the transposed matrix."""


class UnknownEquations(Protocol):
    """The equations of the unknowns: `Reduced`, or what iterates."""

    @property
    def unknown(self) -> np.ndarray:
        """(N, b) bool."""

    def solve(self, load: np.ndarray, given: np.ndarray) -> np.ndarray:
        """The f (N, b) with B f = load at the unknowns and the given values elsewhere; load, given (N, b)."""

    def respond(self, r: np.ndarray, transposed: bool = False) -> np.ndarray:
        """The change (N b,) of all f by loads (N b,) at the unknowns; or what the transposed equations give."""


Factorise = Callable[[sp.spmatrix], Solves]


class SingularError(SolveError):
    """Some unknowns are held by nothing."""


@dataclass(frozen=True)
class Factors:
    """A square sparse matrix, its rows and columns scaled, and factorised.

    Raises:
        SingularError: it is singular to the accuracy of the computer.
    """

    matrix: sp.csc_matrix
    rows: np.ndarray
    columns: np.ndarray
    solve_scaled: Callable[..., np.ndarray]

    @classmethod
    def of(cls, matrix: sp.spmatrix) -> Factors:
        """Unit diagonal, minimum degree, weak pivoting: for a positive symmetric part beside a skew one."""
        scale = scale_of(matrix)
        order = {"permc_spec": "MMD_AT_PLUS_A", "diag_pivot_thresh": 0.1, "options": {"SymmetricMode": True}}
        return cls._scaled(matrix, scale, scale, order)

    @classmethod
    def pivoted(cls, matrix: sp.spmatrix) -> Factors:
        """Rows and columns of largest entry one, full pivoting: for any matrix, slower."""
        rows, columns, size = np.ones(matrix.shape[0]), np.ones(matrix.shape[0]), abs(sp.csr_matrix(matrix))
        for _ in range(3):
            for axis, scale in ((1, rows), (0, columns)):
                largest = (sp.diags(rows) @ size @ sp.diags(columns)).max(axis=axis).toarray().ravel()
                scale /= np.where(largest > 0, largest, 1.0)
        return cls._scaled(matrix, rows, columns, {"permc_spec": "COLAMD", "diag_pivot_thresh": 1.0})

    @classmethod
    def _scaled(cls, matrix: sp.spmatrix, rows: np.ndarray, columns: np.ndarray, order: dict[str, Any]) -> Factors:
        scaled = sp.csc_matrix(sp.diags(rows) @ matrix @ sp.diags(columns))
        try:
            lu = sla.splu(scaled, **order)
        except RuntimeError as error:  # SuperLU's word for an exactly singular matrix
            raise SingularError("a pivot vanishes") from error
        smallest = np.abs(lu.U.diagonal()).min(initial=1.0)
        if not smallest > SMALLEST_PIVOT:
            raise SingularError(f"a pivot is {smallest:.1e} of the matrix")
        return cls(scaled, rows, columns, lu.solve)

    def solve(self, rhs: np.ndarray) -> np.ndarray:
        """The solution, refined once.

        Raises:
            SolveError: its residual is not that of round-off.
        """
        return self.columns * _refined(self.matrix, self.solve_scaled, self.rows * rhs)

    def solve_transposed(self, rhs: np.ndarray) -> np.ndarray:
        """That of the transposed matrix."""
        return self.rows * _refined(self.matrix.T, lambda b: self.solve_scaled(b, "T"), self.columns * rhs)


def scale_of(matrix: sp.spmatrix) -> np.ndarray:
    """Of rows and columns, for a unit diagonal."""
    diagonal = np.abs(matrix.diagonal())
    largest = diagonal.max(initial=0.0)
    return 1 / np.sqrt(np.where(diagonal > 1e-14 * largest, diagonal, max(largest, 1e-300)))


def _refined(matrix: sp.spmatrix, solve: Callable[[np.ndarray], np.ndarray], b: np.ndarray) -> np.ndarray:
    x = solve(b)
    x = x + solve(b - matrix @ x)
    error = np.abs(b - matrix @ x).max(initial=0.0)
    size = (abs(matrix) @ np.abs(x) + np.abs(b)).max(initial=0.0)
    if not error <= TOLERANCE * size:
        raise SolveError(f"the linear equations are solved to {error / size:.1e} only (expected {TOLERANCE:.0e})")
    return x


class Reduced:
    """The equations of the unknowns that are not given, factorised once for many right-hand sides.

    Args:
        B: (N b, N b).
        unknown: (N, b) bool.
        factorise: `Factors.of`, `Factors.pivoted`, or what iterates.
        together: flat indices of unknowns that are one, as those of a floating electrode, an array for each.
    """

    def __init__(
        self,
        B: sp.spmatrix,
        unknown: np.ndarray,
        factorise: Factorise = Factors.of,
        together: Sequence[np.ndarray] = (),
    ) -> None:
        self.unknown, self.spread = unknown, spread(unknown, together)
        self.B = sp.csr_matrix(self.spread.T @ B)
        self.factors = factorise(self.B @ self.spread)

    def solve(self, load: np.ndarray, given: np.ndarray) -> np.ndarray:
        """The f (N, b) with B f = load at the unknowns and the given values elsewhere; load, given (N, b)."""
        f = np.array(given, float)
        flat = f.reshape(-1)
        flat[self.spread.indptr[1:] > self.spread.indptr[:-1]] = 0
        flat += self.spread @ self.factors.solve(self.spread.T @ load.ravel() - self.B @ flat)
        return f

    def respond(self, r: np.ndarray, transposed: bool = False) -> np.ndarray:
        """The change (N b,) of all f by loads (N b,) at the unknowns; or what the transposed equations give."""
        solve = self.factors.solve_transposed if transposed else self.factors.solve
        return self.spread @ solve(self.spread.T @ r)


def spread(unknown: np.ndarray, together: Sequence[np.ndarray] = ()) -> sp.csr_matrix:
    """What gives all f (N b) from the unknown ones (k): each its own, then those that are one; as in `Reduced`."""
    alone = np.setdiff1d(np.flatnonzero(unknown.ravel()), np.concatenate([np.zeros(0, int), *together]))
    row = np.concatenate([alone, *together])
    column = np.repeat(np.arange(len(alone) + len(together)), [1] * len(alone) + [len(g) for g in together])
    return sp.csr_matrix((np.ones(len(row)), (row, column)), shape=(unknown.size, len(alone) + len(together)))
