"""What Newton asks of a linear solver."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np

from jusadel.action.matrix_free import LiftedAction

SMALL = 1e-10
"""Error of the steps at which Newton's method stops; relative to the deviation from the normal state below one."""


DERIVATIVES = 1e-10
"""Relative accuracy of the linear responses behind derivatives, for solvers to which digits cost nothing."""


class StagnationWarning(UserWarning):
    """A Krylov method did not reach its tolerance; a direct solver took over."""


class Direction(NamedTuple):
    """Newton directions of a batch of frequencies."""

    step: Any  # (b, n, 8), zero on reservoirs and for frequencies that are done; NaN where the matrix is singular
    accuracy: np.ndarray  # (b,) error of the step relative to its length; one where an older Hessian served
    inertia: np.ndarray | None = None  # (b, 2) positive and negative eigenvalues, where the method gives them


LinearResponse = Callable[[Any], Any]
"""From right-hand sides (b, n, 8) to the solutions of H x = b, (b, n, 8), zero on reservoirs."""


class Prepared(Protocol):
    """What a solver keeps per mesh: sparsity pattern, ordering, hierarchy."""

    lifted: LiftedAction

    width: int
    """How many frequencies go through Newton's method together."""
    batch: int
    """How many of them share one evaluation: the residual is compiled for this many."""


class LinearSolver(Protocol):
    """Solves H step = - gradient for frequencies that share a mesh."""

    name: str
    derivatives: float
    """Relative accuracy of the linear responses behind a solution's derivatives."""
    inertia: bool = False
    """Whether its directions come with the inertia of the Hessian."""
    complex: bool = False
    """Whether it solves complex symmetric systems too, those of real energies."""

    def prepare(self, lifted: LiftedAction, count: int) -> Any:
        """Whatever is needed once per mesh, for `count` frequencies in all."""

    def directions(
        self,
        prepared: Any,
        V: Any,
        omega: np.ndarray,
        active: np.ndarray,
        target: np.ndarray,
        memory: list[dict[str, Any]],
    ) -> Direction:
        """Newton directions at the frames V (b, n, 4, 4) and frequencies omega (b,).

        Args:
            prepared: from `prepare`.
            V, omega: where.
            active: (b,) bool, the frequencies that still need a step.
            target: (b, n) gradient of the nodes below which a frequency may be left as it is.
            memory: one dictionary a frequency, empty at its first step, in which the solver may keep what serves
                the next ones; Newton writes the length of the last step into it as "length", and reads
                "iterations" (in all) where a method iterates.
        """

    def with_nodes(self, prepared: Any, lifted: LiftedAction) -> Any:
        """What was prepared, for an action that differs in the fields at the nodes and in the links alone."""

    def response(self, prepared: Any, V: Any, omega: np.ndarray, tol: float) -> LinearResponse:
        """The linear response at the frames V (b, n, 4, 4) of frequencies omega (b,), to the relative accuracy tol."""
