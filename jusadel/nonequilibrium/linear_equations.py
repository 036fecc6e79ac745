"""The sparse linear equations for distributions, B f + r0 = load: put together, factorised, checked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as sla

from jusadel.action.matrices.stiffness import diffusion_pairs
from jusadel.action.mesh_action import DiscreteAction
from jusadel.common.errors import SolveError
from jusadel.nonequilibrium.keldysh import ALL_MODES, KeldyshBlocks, Modes

REALITY = 1e-8
"""Largest imaginary part of B, relative to its entries, that counts as round-off."""
TOLERANCE = 1e-10
"""Largest residual of the scaled equations, relative to what adds up in them."""
SMALLEST_PIVOT = 1e-12
"""Of the scaled matrix; below it nothing holds some of the unknowns."""


@dataclass(frozen=True)
class LinearEquations:
    """B f + r0 for the f (N, b) of all nodes, those behind barriers included."""

    B: sp.csr_matrix  # (N b, N b) real
    source: np.ndarray  # (N, b) r0

    def __call__(self, f: np.ndarray) -> np.ndarray:
        """B f + r0, (N, b): zero at free nodes; where f is given, half the current into the device."""
        return self.of(f) + self.source

    def of(self, f: np.ndarray) -> np.ndarray:
        """B f, (N, b)."""
        return (self.B @ np.ravel(f)).reshape(self.source.shape)


class Assembly:
    """Where the blocks go in the sparse matrix: made once a mesh and number of modes, for all energies."""

    def __init__(self, system: DiscreteAction, modes: Modes = ALL_MODES) -> None:
        self.nodes, self.b = len(system.free), len(modes)
        itself, corners = np.arange(self.nodes)[:, None], np.asarray(system.triangles)
        row, column, _ = diffusion_pairs(system)
        between = [(itself, itself), (row[:, None], column[:, None]), (corners, corners)]
        between += [(np.asarray(joint.pairs),) * 2 for joint in system.joints]
        self._places = [self._entries(*nodes) for nodes in between]

    def _entries(self, of: np.ndarray, by: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns of the blocks (e, p, b, q, b) of equations of nodes (e, p) and f of nodes (e, q)."""
        mode = np.arange(self.b)
        row, column = ((nodes[:, :, None] * self.b + mode).reshape(len(nodes), -1) for nodes in (of, by))
        return np.repeat(row, column.shape[1], axis=1).ravel(), np.tile(column, (1, row.shape[1])).ravel()

    def equations(self, found: KeldyshBlocks) -> LinearEquations:
        """The sparse matrix and the source.

        Raises:
            ValueError: they are not real, so R and A are not retarded and advanced solutions of one energy.
        """
        parts = (found.nodes, found.neighbours, found.cells, *found.joints)
        present = [(x.ravel(), *place) for x, place in zip(parts, self._places, strict=True) if x is not None]
        data, row, column = (np.concatenate(x) for x in zip(*present, strict=True))
        data, source = (_real_part(x) for x in (data, found.source))
        size = self.nodes * self.b
        return LinearEquations(sp.csr_matrix((data, (row, column)), shape=(size, size)), source)


def _real_part(x: np.ndarray) -> np.ndarray:
    largest = np.abs(x).max(initial=0.0)
    if not np.isfinite(largest) or np.abs(x.imag).max(initial=0.0) > REALITY * max(largest, 1e-300):
        raise ValueError(
            f"the kinetic equations have an imaginary part of {np.abs(x.imag).max():.1e} beside entries of "
            f"{largest:.1e}: R and A must be the retarded and advanced matrices of one energy, A = -R3 R^+ R3"
        )
    return x.real


# --- solving ---------------------------------------------------------------------------------------


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
        diagonal = np.abs(matrix.diagonal())
        largest = diagonal.max(initial=0.0)
        scale = 1 / np.sqrt(np.where(diagonal > 1e-14 * largest, diagonal, max(largest, 1e-300)))
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
        factorise: `Factors.of`, or `Factors.pivoted`.
        together: flat indices of unknowns that are one, as those of a floating electrode, an array for each.
    """

    def __init__(
        self,
        B: sp.spmatrix,
        unknown: np.ndarray,
        factorise: Callable[..., Factors] = Factors.of,
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


def solved_by_either(
    B: sp.spmatrix, unknown: np.ndarray, cases: list[tuple[np.ndarray, np.ndarray]]
) -> tuple[Reduced, list[tuple[np.ndarray, np.ndarray]]]:
    """The equations of the unknowns by the quick factors, else by pivoted ones, and for each case of what is given and
    a source r0 (N, b) the solution and this source."""
    for factorise in (Factors.of, Factors.pivoted):
        try:
            reduced = Reduced(B, unknown, factorise)
            return reduced, [(reduced.solve(-r0, given), r0) for given, r0 in cases]
        except SolveError:
            if factorise == Factors.pivoted:
                raise
    raise AssertionError


def spread(unknown: np.ndarray, together: Sequence[np.ndarray] = ()) -> sp.csr_matrix:
    """What gives all f (N b) from the unknown ones (k): each its own, then those that are one; as in `Reduced`."""
    alone = np.setdiff1d(np.flatnonzero(unknown.ravel()), np.concatenate([np.zeros(0, int), *together]))
    row = np.concatenate([alone, *together])
    column = np.repeat(np.arange(len(alone) + len(together)), [1] * len(alone) + [len(g) for g in together])
    return sp.csr_matrix((np.ones(len(row)), (row, column)), shape=(unknown.size, len(alone) + len(together)))
