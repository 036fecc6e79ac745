"""Distributions at several energies by iterations that they go through together, on any device.

As for one energy: GMRES with a multigrid cycle in single precision, sets of modes apart, refined in double precision
until nothing is left of the whole equations. Every energy ends on its own, and one that does not is left to factors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import jax
import numpy as np
import scipy.sparse as sp

from jusadel.nonequilibrium.linear.batched.levels import MeshLevels, block_levels, mesh_levels
from jusadel.nonequilibrium.linear.batched.programs import at_nodes, exact_rows, in_slots, left_over, one_round
from jusadel.nonequilibrium.linear.factors import Reduced, UnknownEquations
from jusadel.nonequilibrium.linear.iterations import (
    ACCURACY,
    OF_ONE_ROUND,
    MultigridGmres,
    only_round_off,
    scale_and_unit,
    warn_of_stagnation,
)
from jusadel.nonequilibrium.linear.modes_apart import largest_couplings, sets_of_modes
from jusadel.nonequilibrium.linear.multigrid import inverses

Array = jax.Array
RESTART = 30
"""Most iterations between two residuals in double precision."""


@dataclass(frozen=True)
class BatchedGmres:
    """What iterates in place of factors, for the equations of all energies of a device.

    Args:
        by: the levels of one energy, and how far to iterate.
        width: energies that go together at most.
        device: where.
    """

    by: MultigridGmres
    width: int
    device: Any

    @cached_property
    def mesh(self) -> MeshLevels:
        """The levels that all energies share, on the device."""
        return self.put(mesh_levels(self.by.pattern, self.by.ways))

    def put(self, x: Any) -> Any:
        """On the device."""
        return jax.device_put(x, self.device)

    def together(self, matrices: Sequence[sp.bsr_matrix], unknown: Sequence[np.ndarray], size: int) -> Batch:
        """For matrices (N b, N b) of energies and what is unknown of each, (N, b) bool; in programs for `size`."""
        return Batch(matrices, unknown, self, size)


class Batch:
    """The equations of the unknowns that are not given, at energies that go together.

    Args:
        matrices: (N b, N b) real, in blocks, one for each energy.
        unknown: (N, b) bool, one for each.
        by: the levels, and how far to iterate.
        size: energies in a program; where there are fewer, nothing is asked of the rest.
    """

    def __init__(
        self, matrices: Sequence[sp.bsr_matrix], unknown: Sequence[np.ndarray], by: BatchedGmres, size: int
    ) -> None:
        self.matrices, self.unknown, self.by, self.size = list(matrices), list(unknown), by, size
        self._direct: dict[int, Reduced] = {}
        scales = [scale_and_unit(B, at, by.by.pattern) for B, at in zip(matrices, unknown, strict=True)]
        self.scale, self.unit = (np.stack(x) for x in zip(*scales, strict=True))

    def solutions(self, cases: Sequence[Sequence[tuple[np.ndarray, np.ndarray]]]) -> list[list[np.ndarray | None]]:
        """f (N, b) of every energy for each case of its load and what is given; None, with a warning, if not found.

        Args:
            cases: of pairs (N, b), (N, b) for every energy.
        """
        kept = [[np.where(at, 0.0, f) for at, (_, f) in zip(self.unknown, case, strict=True)] for case in cases]
        loads = [
            np.stack([r.ravel() - B @ f.ravel() for B, (r, _), f in zip(self.matrices, case, fixed, strict=True)])
            for case, fixed in zip(cases, kept, strict=True)
        ]
        return [
            [None if x is None else f + x.reshape(f.shape) for x, f in zip(found, fixed, strict=True)]
            for found, fixed in zip(self.responses(loads), kept, strict=True)
        ]

    def factors(self, number: int) -> Reduced:
        """Those of one energy, made when they are first needed."""
        if number not in self._direct:
            self._direct[number] = Reduced(self.matrices[number], self.unknown[number])
        return self._direct[number]

    def responses(self, cases: Sequence[np.ndarray], transposed: bool = False) -> list[list[np.ndarray | None]]:
        """For each case of loads (energies, N b) the x (N b,) of every energy; None, with a warning, if not found."""
        system = OnDevice(self, transposed)
        return [system.found(loads.reshape(len(loads), *self.unknown[0].shape)) for loads in cases]

    @cached_property
    def sets(self) -> list[np.ndarray]:
        """Sets of modes: those of two of them couple at no energy."""
        of_each = zip(self.matrices, self.unknown, self.scale, self.unit, strict=True)
        couplings = [largest_couplings(B.data, self.by.by.pattern, s * at) / unit for B, at, s, unit in of_each]
        return sets_of_modes(np.max(couplings, axis=0))

    def filled(self, values: Sequence[np.ndarray] | np.ndarray) -> np.ndarray:
        """One for each energy, and the last once more for each that is missing: (size, ...)."""
        return np.stack([*values, *[values[-1]] * (self.size - len(values))])


class OnDevice:
    """A batch's matrices, or the transposed, on the device: for as long as right-hand sides come."""

    def __init__(self, batch: Batch, transposed: bool) -> None:
        self._batch, self._by, self._transposed = batch, batch.by, transposed
        by, put = self._by.by, self._by.put
        blocks = [by.pattern.transposed(B.data) if transposed else B.data for B in batch.matrices]
        self._slots, self._blocks = self._by.mesh.slots[0], put(batch.filled(blocks))
        self._rows, self._unit = exact_rows(self._slots, self._blocks), put(batch.filled(batch.unit))
        self._unknown = put(batch.filled(batch.unknown))
        self._among = in_slots(self._slots, self._unknown)
        self._scale = in_slots(self._slots, put(batch.filled(batch.scale)), 1)
        self._levels: dict[int, Any] = {}

    def found(self, loads: np.ndarray) -> list[np.ndarray | None]:
        """The x (N b,) of every energy for loads (energies, N, b), or None."""
        missing = self._batch.size - len(loads)
        load = in_slots(self._slots, self._by.put(np.pad(loads, [(0, missing), (0, 0), (0, 0)])))
        x, stuck = self._refined(load)
        found = np.asarray(at_nodes(self._slots, x)).reshape(self._batch.size, -1)
        known = [(k, why) for k, why in stuck.items() if k < len(loads)]
        lost = {k: why for k, why in known if not self._only_round_off(k, found[k], loads[k])}
        for reason in lost.values():
            warn_of_stagnation(reason, stacklevel=6)
        return [None if k in lost else found[k] for k in range(len(loads))]

    def _refined(self, load: Array) -> tuple[Array, dict[int, str]]:
        """x for a load (slots, b, w), and why it is not good enough for energies for which it is not."""
        left_of = partial(left_over, self._slots, self._rows, self._among, self._scale, load)
        x, used = 0 * load, np.zeros(load.shape[-1], int)
        stuck: dict[int, str] = {}
        left, squares = left_of(x)
        size = error = np.sqrt(np.asarray(squares).sum(axis=0))
        while (going := ~(error <= ACCURACY * size) & ~np.isin(np.arange(len(size)), list(stuck))).any():
            x, taken = self._round(x, left, np.sqrt(np.asarray(squares)), np.where(going, ACCURACY * size, np.inf))
            used, before = used + taken, error
            left, squares = left_of(x)
            error = np.sqrt(np.asarray(squares).sum(axis=0))
            for k in np.flatnonzero(going & ~(error <= ACCURACY * size)):
                if not error[k] < before[k] / 2:
                    stuck[int(k)] = f"the residual stays at {error[k] / size[k]:.1e}"
                elif used[k] >= self._by.by.limit:
                    stuck[int(k)] = f"a residual of {error[k] / size[k]:.1e} after {used[k]} iterations"
        return x, stuck

    def _round(self, x: Array, left: Array, of_modes: np.ndarray, wanted: np.ndarray) -> tuple[Array, np.ndarray]:
        """x changed in every set of modes of which there is something left (b, w), and the iterations, (w,)."""
        most = np.zeros(len(wanted), int)
        for number, modes in enumerate(self._batch.sets):
            before = np.linalg.norm(of_modes[modes], axis=0)
            asked = np.maximum(OF_ONE_ROUND, 0.3 * wanted / np.where(before == 0, 1, before))
            accuracy = np.where(before > wanted / len(self._batch.sets), asked, np.inf)
            if np.isfinite(accuracy).any():
                x, count = self._changed(number, x, left, before, accuracy)
                most = np.maximum(most, count)
        return x, most

    def _changed(self, number: int, x: Array, left: Array, before: np.ndarray, accuracy: np.ndarray) -> Any:
        modes, put, limit = self._by.put(self._batch.sets[number]), self._by.put, min(self._by.by.limit, RESTART)
        if number not in self._levels:
            made = block_levels(self._by.mesh, self._blocks, modes, self._unknown, self._unit, self._by.by.dtype)
            self._levels[number] = made[0], put(inverses(np.asarray(made[1])))
        of_step = modes, self._unit, self._among, self._scale, left, x, put(before), put(accuracy)
        x, count = one_round(self._by.mesh, *self._levels[number], *of_step, limit)
        return x, np.asarray(count)

    def _only_round_off(self, k: int, x: np.ndarray, load: np.ndarray) -> bool:
        """Whether what is left of one energy is that of double precision."""
        B = self._batch.matrices[k].T if self._transposed else self._batch.matrices[k]
        return only_round_off(B, self._batch.unknown[k].ravel(), self._batch.scale[k].ravel(), x, load.ravel())


@dataclass(frozen=True)
class OneOfBatch:
    """The equations of one energy, solved as by `Reduced`."""

    batch: Batch
    number: int

    @property
    def unknown(self) -> np.ndarray:
        """(N, b) bool."""
        return self.batch.unknown[self.number]

    def solve(self, load: np.ndarray, given: np.ndarray) -> np.ndarray:
        """As `Reduced.solve`."""
        nothing = [(np.zeros_like(load), np.zeros_like(given))] * len(self.batch.matrices)
        nothing[self.number] = load, given
        found = self.batch.solutions([nothing])[0][self.number]
        return self.batch.factors(self.number).solve(load, given) if found is None else found

    def respond(self, r: np.ndarray, transposed: bool = False) -> np.ndarray:
        """As `Reduced.respond`."""
        return responses_of_all([self], r[None], transposed)[0]


def responses_of_all(each: Sequence[UnknownEquations], r: np.ndarray, transposed: bool) -> np.ndarray:
    """What every energy's equations respond to r (n_E, N b), those of a batch together."""
    found: list[np.ndarray | None] = [None] * len(each)
    batches = {id(one.batch): one.batch for one in each if isinstance(one, OneOfBatch)}
    for batch in batches.values():
        own = [(k, one.number) for k, one in enumerate(each) if isinstance(one, OneOfBatch) and one.batch is batch]
        loads = np.zeros((len(batch.matrices), r.shape[1]))
        for k, number in own:
            loads[number] = r[k]
        responses = batch.responses([loads], transposed)[0]
        for k, number in own:
            x = responses[number]
            found[k] = batch.factors(number).respond(r[k], transposed) if x is None else x
    rest = [one.respond(b, transposed) if x is None else x for one, b, x in zip(each, r, found, strict=True)]
    return np.stack(rest)
