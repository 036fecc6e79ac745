"""Distributions by iterations: GMRES with a multigrid cycle in single precision, refined in double.

Modes that take no part in each other, as energy and charge without spins, are iterated apart, and those that nothing
drives not at all. What the iterations leave out, digits or such couplings, is in the residual of the whole equations,
for which they are called again until nothing is left.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from jusadel.common.errors import SolveError
from jusadel.nonequilibrium.linear.factors import Reduced
from jusadel.nonequilibrium.linear.gmres import flexible_gmres
from jusadel.nonequilibrium.linear.modes_apart import largest_couplings, sets_of_modes
from jusadel.nonequilibrium.linear.multigrid import Coarsening, Cycle
from jusadel.nonequilibrium.linear.node_blocks import NodeBlocks, pieces
from jusadel.solver.linear import StagnationWarning

ACCURACY, ROUND_OFF = 1e-11, 4e-15
"""Residual of the scaled equations relative to their right-hand side, or to all that adds up in them: far below what
`Factors` ask for, since a smooth error has a small residual."""
OF_ONE_ROUND, RESTART = 2e-5, 50
"""Relative residual of GMRES between two residuals in double precision, and its most iterations there."""


@dataclass(frozen=True)
class MultigridGmres:
    """What iterates in place of factors, for the equations of all energies of a device.

    Args:
        pattern: of their blocks.
        ways: from level to level.
        limit: most iterations for one right-hand side.
        dtype: of the iterations.
    """

    pattern: NodeBlocks
    ways: list[Coarsening]
    limit: int
    dtype: np.dtype

    def __call__(self, B: sp.bsr_matrix, unknown: np.ndarray) -> Iterated:
        """For the equations of what is unknown, (N, b) bool."""
        return Iterated(B, unknown, self)


def scale_and_unit(B: sp.bsr_matrix, unknown: np.ndarray, pattern: NodeBlocks) -> tuple[np.ndarray, float]:
    """What makes the diagonal the same for all unknowns when rows and columns are multiplied by it (N, b): the unit."""
    diagonal = np.abs(np.einsum("naa->na", B.data[pattern.diagonal])) * unknown
    unit = float(diagonal.max(initial=0.0)) or 1.0
    return np.sqrt(unit / np.where(diagonal > 1e-14 * unit, diagonal, unit)), unit


def only_round_off(B: sp.spmatrix, among: np.ndarray, scale: np.ndarray, x: np.ndarray, b: np.ndarray) -> bool:
    """Whether the scaled b - B x of the unknowns is no more than what adds up in it says; all of them (N b,)."""
    left, size = b - B @ x, abs(B) @ np.abs(x) + np.abs(b)
    return bool(np.linalg.norm((scale * left)[among]) <= ROUND_OFF * np.linalg.norm(scale * size))


def warn_of_stagnation(reason: SolveError | str, stacklevel: int) -> None:
    """That factors take over, and why."""
    warnings.warn(
        f"the Krylov iterations for distributions stagnated ({reason}); a direct solver takes over there. "
        "Where this happens often, pass linear_solver=jusadel.linear.SuperLU()",
        StagnationWarning,
        stacklevel=stacklevel,
    )


class Iterated:
    """The equations of the unknowns that are not given, solved as by `Reduced`.

    Where the iterations do not converge factors take over, with a StagnationWarning.

    Args:
        B: (N b, N b) real, in blocks.
        unknown: (N, b) bool.
        by: the levels, and how far to iterate.
    """

    def __init__(self, B: sp.bsr_matrix, unknown: np.ndarray, by: MultigridGmres) -> None:
        self.unknown, self._B, self._by = unknown, B, by
        self._scale, self._unit = scale_and_unit(B, unknown, by.pattern)
        self._cycles: dict[tuple[int, bool], Cycle] = {}

    def solve(self, load: np.ndarray, given: np.ndarray) -> np.ndarray:
        """As `Reduced.solve`."""
        f = np.where(self.unknown, 0.0, given)
        try:
            return f + self._found(load.ravel() - self._B @ f.ravel(), False).reshape(f.shape)
        except SolveError as error:
            return self._warned(error).solve(load, given)

    def respond(self, r: np.ndarray, transposed: bool = False) -> np.ndarray:
        """As `Reduced.respond`."""
        try:
            return self._found(r, transposed)
        except SolveError as error:
            return self._warned(error).respond(r, transposed)

    def _warned(self, error: SolveError) -> Reduced:
        warn_of_stagnation(error, stacklevel=4)
        return self._direct

    @cached_property
    def _direct(self) -> Reduced:
        return Reduced(self._B, self.unknown)

    def _found(self, load: np.ndarray, transposed: bool) -> np.ndarray:
        """The x (N b,) of the unknowns for a load (N b,).

        Raises:
            SolveError: the iterations do not converge.
        """
        B = self._by.pattern.matrix(self._by.pattern.transposed(self._B.data)) if transposed else self._B
        among, scale, used = self.unknown.ravel(), self._scale.ravel(), 0
        left = b = np.where(among, load, 0.0)
        x, size = np.zeros_like(b), float(np.linalg.norm(scale * b))
        error = size
        while not error <= ACCURACY * size:
            if used >= self._by.limit:
                raise SolveError(f"a residual of {error / size:.1e} after {used} iterations")
            change, taken = self._round(left, ACCURACY * size, self._by.limit - used, transposed)
            x, used, before = x + change, used + taken, error
            left = np.where(among, b - B @ x, 0.0)
            error = float(np.linalg.norm(scale * left))
            if not error < before / 2:
                if only_round_off(B, among, scale, x, b):
                    break
                raise SolveError(f"the residual stays at {error / size:.1e}")
        return x

    def _round(self, left: np.ndarray, wanted: float, limit: int, transposed: bool) -> tuple[np.ndarray, int]:
        """A change (N b,) of the unknowns that takes most of what is left (N b,) away, and the iterations for it."""
        change, most = np.zeros(self.unknown.shape), 0
        scaled = self._scale * left.reshape(change.shape)
        for number, modes in enumerate(self._apart):
            size = float(np.linalg.norm(scaled[:, modes]))
            if size > wanted / len(self._apart):
                cycle, accuracy = self._cycle(number, transposed), max(OF_ONE_ROUND, 0.3 * wanted / size)
                found, taken = self._iterated(cycle, modes, scaled[:, modes] / size, accuracy, min(limit, RESTART))
                change[:, modes], most = size / self._unit * found, max(most, taken)
        return change.ravel(), most

    def _iterated(
        self, cycle: Cycle, modes: np.ndarray, b: np.ndarray, accuracy: float, limit: int
    ) -> tuple[np.ndarray, int]:
        """What solves the scaled equations of some modes for b (N, modes), as far as asked, and the iterations."""
        scale = self._scale[:, modes].ravel().astype(self._by.dtype)
        found, taken = flexible_gmres(
            lambda x: scale * (cycle.matrix @ x),
            lambda r: cycle(r / scale),
            b.ravel().astype(self._by.dtype),
            accuracy,
            limit,
        )
        return found.reshape(b.shape).astype(float), taken

    def _cycle(self, number: int, transposed: bool) -> Cycle:
        """Of one of the sets of modes, made when it is first needed."""
        if (number, transposed) not in self._cycles:
            modes, pattern = self._apart[number], self._by.pattern
            blocks = self._rounded if len(modes) == self.unknown.shape[1] else self._rounded[:, modes][:, :, modes]
            blocks = pattern.transposed(blocks) if transposed else np.ascontiguousarray(blocks)
            self._cycles[number, transposed] = Cycle(pattern, blocks, self.unknown[:, modes], self._by.ways)
        return self._cycles[number, transposed]

    @cached_property
    def _apart(self) -> list[np.ndarray]:
        return sets_of_modes(largest_couplings(self._rounded, self._by.pattern, self._scale))

    @cached_property
    def _rounded(self) -> np.ndarray:
        """The blocks (k, b, b) among the unknowns, in the precision of the iterations and in a unit of their own."""
        rows, columns, data = self._by.pattern.rows, self._by.pattern.columns, self._B.data
        rounded, among = np.empty(data.shape, self._by.dtype), self.unknown.astype(float)
        for part in pieces(len(data)):
            of_rows = data[part] * (among[rows[part]] / self._unit)[:, :, None]
            np.multiply(of_rows, among[columns[part]][:, None], out=rounded[part], casting="same_kind")
        return rounded
