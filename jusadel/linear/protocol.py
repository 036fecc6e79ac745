"""What Newton asks of a linear solver."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import numpy as np

from jusadel.discrete import DiscreteAction


class Direction(NamedTuple):
    """Newton directions of a batch of frequencies."""

    step: np.ndarray  # (b, n, 8), zero on reservoirs; NaN where the matrix is singular
    residual: np.ndarray  # (b,) norm of the gradient before the step
    inertia: np.ndarray | None  # (b, 2) positive and negative eigenvalues, where the method gives them
    exact: np.ndarray  # (b,) bool: with the Hessian at V itself, so that the next error is the step's square


class LinearSolver(Protocol):
    """Solves H step = - gradient for frequencies that share a mesh."""

    name: str

    @property
    def chunk(self) -> int:
        """How many frequencies to take through Newton's method together."""

    def prepare(self, system: DiscreteAction) -> Any:
        """Whatever is needed once per mesh: sparsity pattern, ordering, hierarchy."""

    def directions(
        self, prepared: Any, system: DiscreteAction, V: Any, omega: Any, memory: list[dict[str, Any]]
    ) -> Direction:
        """Newton directions at the frames V (b, n, 4, 4) and frequencies omega (b,).

        `memory` holds one dictionary a frequency, empty at its first step, in which the solver may keep what
        serves the next ones; Newton writes the length of the last step into it as "length".
        """
