"""What solves H q = - b of many pairs of frequencies: factors of each, or Krylov iterations of several together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from jusadel.common.distributed import processors
from jusadel.nonequilibrium.dynamics.two_frequencies.doubled import STEPS
from jusadel.nonequilibrium.dynamics.two_frequencies.linearised import DoubledAction
from jusadel.solver.linear.superlu import SuperLU, in_threads, threads_for

THREADS = 8
APART = 1e-12
"""Of the largest block: modes that couple by less do not couple."""


class PairEquations:
    """H of one pair of frequencies, on the modes that take part."""

    def __init__(self, action: DoubledAction, blocks: np.ndarray, forced: np.ndarray, lowest: np.ndarray) -> None:
        """Blocks (k, 8, 8) of the free nodes; `forced` (8,) has the size of what drives each mode.

        `lowest` (N,) is what the terms without gradients have at least, an energy times the nodes' weights.
        """
        self.pattern, self.count, self.lowest = action.pattern, action.nodes, lowest
        self.modes = _taking_part(np.abs(blocks).max(axis=0), forced)
        self.blocks = np.ascontiguousarray(blocks[:, self.modes][:, :, self.modes])

    def reduced(self, rhs: np.ndarray) -> np.ndarray:
        """Of values (N, 8, c) those of free nodes and modes that take part, (n, a, c)."""
        return rhs[self.pattern.free][:, self.modes]

    def whole(self, x: np.ndarray) -> np.ndarray:
        """Values (n, a, c) among all (N, 8, c)."""
        total = np.zeros((self.count, STEPS, x.shape[2]), complex)
        total[np.ix_(self.pattern.free, self.modes)] = x
        return total


class PairSolver(Protocol):
    """Solves the equations of pairs of frequencies."""

    direct: bool
    """Whether further right-hand sides cost next to nothing."""
    width: int
    """How many pairs it takes together."""

    def prepare(self, equations: PairEquations) -> Any:
        """What is needed for any right-hand side; its `size` are bytes."""

    def solve(self, prepared: Sequence[Any], rhs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The steps q (N, 8, c) of H q = rhs (N, 8, c), of each pair."""


class PairFactors:
    """A direct solver, pair by pair in threads."""

    direct, width = True, THREADS

    def __init__(self, solver: Any) -> None:
        self._solver = solver.another() if hasattr(solver, "factorise") else SuperLU(threads=1)

    def prepare(self, equations: PairEquations) -> FactoredPair:
        """Its factors, which are all that is kept."""
        found = FactoredPair(equations, self._solver)
        equations.blocks = equations.blocks[:0]
        return found

    def solve(self, prepared: Sequence[FactoredPair], rhs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """By the factors, in threads."""
        return in_pair_threads(lambda k: prepared[k](rhs[k]), len(prepared), len(rhs[0]))


class FactoredPair:
    """H^-1 of one pair, for many right-hand sides."""

    def __init__(self, equations: PairEquations, solver: SuperLU) -> None:
        self._reduced, self._whole = equations.reduced, equations.whole
        self._solve = None
        if equations.blocks.size:
            self._solve = solver.factorise(equations.pattern.matrix(equations.blocks))[0]
        self.size = int(getattr(self._solve, "size", 0))

    def __call__(self, rhs: np.ndarray) -> np.ndarray:
        """The steps (N, 8, c) of H q = rhs (N, 8, c)."""
        given = self._reduced(rhs)
        if self._solve is None:
            return self._whole(given)
        found = self._solve(np.ascontiguousarray(given.reshape(-1, rhs.shape[2])))
        return self._whole(found.reshape(given.shape))


def in_pair_threads(task: Callable[[int], Any], count: int, nodes: int) -> list[Any]:
    """The tasks of pairs 0 to count - 1, several at a time where the nodes are not few."""
    return in_threads(task, range(count), threads_for(nodes, min(THREADS, processors())))


def _taking_part(coupling: np.ndarray, forced: np.ndarray) -> np.ndarray:
    """The modes that are driven, and those that couple to them."""
    joined = (coupling + coupling.T) > APART * coupling.max()
    taking = forced > APART * forced.max(initial=0.0)
    for _ in coupling:
        taking = taking | joined[taking].any(axis=0)
    return np.flatnonzero(taking)
