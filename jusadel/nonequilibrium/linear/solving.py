"""Which solver the equations of an energy get, which of their unknowns there are, and their solutions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import scipy.sparse as sp

from jusadel.action.mesh_action import DiscreteAction
from jusadel.common.errors import SolveError
from jusadel.nonequilibrium.linear.equations import LinearEquations
from jusadel.nonequilibrium.linear.factors import Factors, Reduced
from jusadel.nonequilibrium.linear.iterations import MultigridGmres
from jusadel.nonequilibrium.linear.multigrid import coarsenings
from jusadel.nonequilibrium.linear.node_blocks import NodeBlocks, pieces
from jusadel.solver.linear import Krylov, LinearSolver, SuperLU

NO_STATES = 1e-10
"""Of the largest column of B at a node: a smaller one is round-off, and its f is in nothing that can be observed."""
WORTH = 3000
"""Nodes from which on iterations are taken unasked."""


class UnknownEquations(Protocol):
    """The equations of the unknowns: `Reduced`, or what iterates."""

    unknown: np.ndarray  # (N, b) bool

    def solve(self, load: np.ndarray, given: np.ndarray) -> np.ndarray:
        """As `Reduced.solve`."""

    def respond(self, r: np.ndarray, transposed: bool = False) -> np.ndarray:
        """As `Reduced.respond`."""


KineticSolver = Callable[[sp.bsr_matrix, np.ndarray], UnknownEquations]
"""From B (N b, N b) and what is unknown, (N, b) bool, to the equations of the unknowns."""


def kinetic_solver(given: LinearSolver | None, system: DiscreteAction, pattern: NodeBlocks) -> KineticSolver:
    """Factors for SuperLU, iterations for Krylov; by the number of nodes where none is given.

    Args:
        given: what is asked for.
        system: the discrete action.
        pattern: of its equations, `Assembly.pattern`.

    Raises:
        TypeError: for any other.
    """
    if given is None:
        given = Krylov() if int(np.asarray(system.free).sum()) >= WORTH else SuperLU()
    if isinstance(given, Krylov):
        dtype = np.dtype(given.inner)
        return MultigridGmres(pattern, coarsenings(system, pattern, dtype), given.limit, dtype)
    if type(given) is SuperLU:  # PARDISO, which is one, has symmetric matrices alone
        return Reduced
    raise TypeError(
        f"linear_solver = {given!r}; for distributions, whose equations are not symmetric, expected "
        "jusadel.linear.SuperLU(), .Krylov(), or None for what suits the size"
    )


def solved(
    equations: LinearEquations,
    solver: KineticSolver,
    free: np.ndarray,
    start: np.ndarray,
    units: list[np.ndarray],
    energy: tuple[Any, float],
) -> tuple[UnknownEquations, list[tuple[np.ndarray, np.ndarray]]]:
    """The equations of the unknowns, and f (N, 8) with its source r0 (N, 8) for what is given, and for units without a
    source. `start` stays where it is given and where there are no states: inside a hard gap F of some modes drops out
    of K = R F - F A, and so do their equations. The energy and eta are for messages.
    """
    size = _largest_of_columns(equations.B).reshape(start.shape)
    unknown = free[:, None] & (size > NO_STATES * size.max(axis=1, keepdims=True))
    cases = [(start, equations.source), *((unit, np.zeros_like(unit)) for unit in units)]
    try:
        return _by_either(equations.B, unknown, cases, solver)
    except SolveError as error:
        raise SolveError(
            f"nothing fixes the distributions at E = {energy[0]:.4g}, eta = {energy[1]:g} ({error}): raise eta, or "
            "leave this energy out"
        ) from error


def _by_either(
    B: sp.bsr_matrix, unknown: np.ndarray, cases: list[tuple[np.ndarray, np.ndarray]], quick: KineticSolver
) -> tuple[UnknownEquations, list[tuple[np.ndarray, np.ndarray]]]:
    """By what is quick, else by pivoted factors; for each case of what is given and a source the solution and this."""
    try:
        return _of_cases(quick(B, unknown), cases)
    except SolveError:
        return _of_cases(Reduced(B, unknown, Factors.pivoted), cases)


def _of_cases(
    equations: UnknownEquations, cases: list[tuple[np.ndarray, np.ndarray]]
) -> tuple[UnknownEquations, list[tuple[np.ndarray, np.ndarray]]]:
    return equations, [(equations.solve(-r0, given), r0) for given, r0 in cases]


def _largest_of_columns(B: sp.bsr_matrix) -> np.ndarray:
    """The largest entry of every column, (N, b), regardless of its sign."""
    largest = np.concatenate([np.abs(B.data[part]).max(axis=1) for part in pieces(len(B.data))])
    by_column = np.argsort(B.indices, kind="stable")
    starts = np.searchsorted(B.indices[by_column], np.arange(len(B.indptr) - 1))  # each has one, on the diagonal
    return np.maximum.reduceat(largest[by_column], starts)
