"""Which solver the equations of an energy get, which of their unknowns there are, and their solutions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from jusadel.action.mesh_action import DiscreteAction
from jusadel.common.errors import SolveError
from jusadel.nonequilibrium.linear.equations import LinearEquations
from jusadel.nonequilibrium.linear.factors import Factorise, Factors, Reduced, solved_by_either
from jusadel.nonequilibrium.linear.multigrid import Coarsening
from jusadel.solver.linear import Krylov, LinearSolver, SuperLU

NO_STATES = 1e-10
"""Of the largest column of B at a node: a smaller one is round-off, and its f is in nothing that can be observed."""
WORTH = 8000
"""Nodes from which on iterations are taken unasked."""

KineticSolver = Callable[[np.ndarray], Factorise]
"""From what is unknown, (N, 8) bool, to what solves for it; else pivoted factors do."""


def kinetic_solver(given: LinearSolver | None, system: DiscreteAction) -> KineticSolver:
    """Factors for SuperLU, iterations for Krylov; by the number of nodes where none is given.

    Raises:
        TypeError: for any other.
    """
    if given is None:
        given = Krylov() if int(np.asarray(system.free).sum()) >= WORTH else SuperLU()
    if isinstance(given, Krylov):
        return Coarsening(system, given.limit).factors
    if type(given) is SuperLU:  # PARDISO, which is one, has symmetric matrices alone
        return lambda _: Factors.of
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
) -> tuple[Reduced, list[tuple[np.ndarray, np.ndarray]]]:
    """The equations of the unknowns, and f (N, 8) with its source r0 (N, 8) for what is given, and for units without a
    source. `start` stays where it is given and where there are no states: inside a hard gap F of some modes drops out
    of K = R F - F A, and so do their equations. The energy and eta are for messages.
    """
    size = abs(equations.B).max(axis=0).toarray().reshape(start.shape)
    unknown = free[:, None] & (size > NO_STATES * size.max(axis=1, keepdims=True))
    cases = [(start, equations.source), *((unit, np.zeros_like(unit)) for unit in units)]
    try:
        return solved_by_either(equations.B, unknown, cases, solver(unknown))
    except SolveError as error:
        raise SolveError(
            f"nothing fixes the distributions at E = {energy[0]:.4g}, eta = {energy[1]:g} ({error}): raise eta, or "
            "leave this energy out"
        ) from error
