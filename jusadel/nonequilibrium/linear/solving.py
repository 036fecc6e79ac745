"""Which solver the equations of an energy get, which of their unknowns there are, and their solutions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from jusadel.action.mesh_action import DiscreteAction
from jusadel.common.errors import SolveError
from jusadel.nonequilibrium.linear.batched.energies import BatchedGmres, OneOfBatch
from jusadel.nonequilibrium.linear.equations import LinearEquations
from jusadel.nonequilibrium.linear.factors import Factors, Reduced, UnknownEquations
from jusadel.nonequilibrium.linear.iterations import MultigridGmres
from jusadel.nonequilibrium.linear.multigrid import coarsenings
from jusadel.nonequilibrium.linear.node_blocks import NodeBlocks, pieces
from jusadel.solver.linear import Krylov, LinearSolver, SuperLU
from jusadel.solver.linear.krylov import affordable_width

NO_STATES = 1e-10
"""Of the largest column of B at a node: a smaller one is round-off, and its f is in nothing that can be observed."""
WORTH = 3000
"""Nodes from which on iterations are taken unasked."""
WIDTH = 16
"""Energies that are iterated together at most, where that is not on a CPU and no width is given."""
BYTES = 20_000
"""Memory per node and energy of those."""


OneByOne = Callable[[sp.bsr_matrix, np.ndarray], UnknownEquations]
"""From B (N b, N b) and what is unknown, (N, b) bool, to the equations of the unknowns."""
KineticSolver = OneByOne | BatchedGmres


def kinetic_solver(given: LinearSolver | None, system: DiscreteAction, pattern: NodeBlocks) -> KineticSolver:
    """Factors for SuperLU, iterations for Krylov; by the number of nodes where none is given.

    On CPUs one energy after the other is iterated, unless Krylov was told of a width.

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
        one = MultigridGmres(pattern, coarsenings(system, pattern, dtype), given.limit, dtype)
        width, device = given.width, given.devices[0]
        if device.platform == "cpu" and (width or 1) == 1:
            return one
        return BatchedGmres(one, width or min(WIDTH, affordable_width(pattern.nodes, device, BYTES)), device)
    if type(given) is SuperLU:  # PARDISO, which is one, has symmetric matrices alone
        return Reduced
    raise TypeError(
        f"linear_solver = {given!r}; for distributions, whose equations are not symmetric, expected "
        "jusadel.linear.SuperLU(), .Krylov(), or None for what suits the size"
    )


def kinetic_energies(solver: KineticSolver, count: int) -> Iterator[tuple[range, int]]:
    """Which of `count` energies go together, and for how many the programs are made."""
    width = solver.width if isinstance(solver, BatchedGmres) else 1
    size = -(-count // -(-count // width))  # evenly
    return ((range(k, min(k + size, count)), size) for k in range(0, count, size))


@dataclass(frozen=True)
class PosedEnergy:
    """What there is to solve at one energy.

    `start` stays where it is given and where there are no states: inside a hard gap F of some modes drops out of
    K = R F - F A, and so do their equations.
    """

    equations: LinearEquations
    start: np.ndarray  # (N, 8) what is given, and equilibrium elsewhere
    energy: Any
    eta: float  # as the energy for messages

    def unknown(self, free: np.ndarray) -> np.ndarray:
        """(N, 8) bool."""
        size = _largest_of_columns(self.equations.B).reshape(self.start.shape)
        return free[:, None] & (size > NO_STATES * size.max(axis=1, keepdims=True))

    def cases(self, units: list[np.ndarray]) -> list[Case]:
        """The start with the source, and units (N, 8) without one."""
        return [(self.start, self.equations.source), *((unit, np.zeros_like(unit)) for unit in units)]


Case = tuple[np.ndarray, np.ndarray]
"""What is given, or f, and a source r0, (N, 8) each."""
Solved = tuple[UnknownEquations, list[Case]]
"""The equations of the unknowns, and f with its source for each case."""


def solved(
    posed: Sequence[PosedEnergy], solver: KineticSolver, free: np.ndarray, units: list[np.ndarray], size: int
) -> list[Solved]:
    """For energies that go together, in programs for `size`; as `PosedEnergy.cases` has them.

    Raises:
        SolveError: nothing fixes the distributions at one of them.
    """
    if isinstance(solver, BatchedGmres):
        return _solved_together(posed, solver, free, units, size)
    return [_solved_by(one, solver, one.unknown(free), units) for one in posed]


def _solved_together(
    posed: Sequence[PosedEnergy], solver: BatchedGmres, free: np.ndarray, units: list[np.ndarray], size: int
) -> list[Solved]:
    """All cases of all energies; what the iterations do not find at an energy, by factors."""
    cases, unknown = [one.cases(units) for one in posed], [one.unknown(free) for one in posed]
    batch = solver.together([one.equations.B for one in posed], unknown, size)
    found = batch.solutions([[(-r0, given) for given, r0 in of_one] for of_one in zip(*cases, strict=True)])
    answers: list[Solved] = []
    for k, (one, at, of_one) in enumerate(zip(posed, unknown, cases, strict=True)):
        good = [(f, r0) for f, (_, r0) in zip((f[k] for f in found), of_one, strict=True) if f is not None]
        answers.append(
            (OneOfBatch(batch, k), good) if len(good) == len(of_one) else _solved_by(one, Reduced, at, units)
        )
    return answers


def _solved_by(
    one: PosedEnergy, quick: Callable[..., UnknownEquations], unknown: np.ndarray, units: list[np.ndarray]
) -> Solved:
    """By what is quick, else by pivoted factors."""
    B, cases = one.equations.B, one.cases(units)
    try:
        try:
            return _of_cases(quick(B, unknown), cases)
        except SolveError:
            return _of_cases(Reduced(B, unknown, Factors.pivoted), cases)
    except SolveError as error:
        raise SolveError(
            f"nothing fixes the distributions at E = {one.energy:.4g}, eta = {one.eta:g} ({error}): raise eta, or "
            "leave this energy out"
        ) from error


def _of_cases(equations: UnknownEquations, cases: list[Case]) -> Solved:
    return equations, [(equations.solve(-r0, given), r0) for given, r0 in cases]


def _largest_of_columns(B: sp.bsr_matrix) -> np.ndarray:
    """The largest entry of every column, (N, b), regardless of its sign."""
    largest = np.concatenate([np.abs(B.data[part]).max(axis=1) for part in pieces(len(B.data))])
    by_column = np.argsort(B.indices, kind="stable")
    starts = np.searchsorted(B.indices[by_column], np.arange(len(B.indptr) - 1))  # each has one, on the diagonal
    return np.maximum.reduceat(largest[by_column], starts)
