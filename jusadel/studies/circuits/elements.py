"""What circuits are made of: current-phase relations as periodic tables, shunted junctions, SQUIDs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import scipy.constants

from jusadel.common.arguments import is_number, real
from jusadel.common.differentiability import refuse_traced
from jusadel.common.types import ArrayLike
from jusadel.studies.current_phase.result import CurrentPhaseRelation

QUANTUM = scipy.constants.physical_constants["mag. flux quantum"][0] * 1e15
"""h/2e [uV ns]."""
PER_RADIAN = QUANTUM / (2 * np.pi)
"""hbar/2e [uV ns]: V = PER_RADIAN dphase/dt."""
BOLTZMANN = scipy.constants.k * 1e21
"""Thermal energy of a kelvin [uA uV ns]."""
PF, PH = 1e-3, 1e-3
"""Of a capacitance in uA ns/uV, and of an inductance in uV ns/uA."""
POINTS = 4096
"""Of the table of a relation over a turn."""
CLOSED = 1e-6
"""Of the largest current: by how much a relation may miss itself after a turn."""
HOW = "draw circuits from numbers; derivatives of critical currents are those of `critical_current`"

Relation = CurrentPhaseRelation | Sequence[float] | Callable[[np.ndarray], Any]
"""A relation that was solved for; amplitudes of sin(k phase), k = 1, 2, ...; or a function of phases."""


@dataclass(frozen=True, eq=False)
class ShuntedJunction:
    """A Josephson junction with its resistor and capacitor in parallel (RCSJ model).

        C (hbar/2e) phase'' + (hbar/2e R) phase' + I(phase) = I_bias + noise,   <noise noise> = 2 k_B T/R delta(t - t').

    Args:
        relation: a `CurrentPhaseRelation` over a whole turn; or amplitudes (k,) of sin(phase), sin(2 phase), ...; or a
            function of phases (n,) -> (n,), periodic in 2 pi.
        resistance: R [Ohm].
        capacitance: C [pF]; 0 is the overdamped junction.
        unit: what one unit of the relation's current is [uA]: `units.to_uA(1.0)` for a relation that was solved for.

    Raises:
        ValueError: not positive or not finite numbers; a relation that does not close after a turn, or is zero.
    """

    relation: Relation = field(repr=False)
    resistance: float
    capacitance: float = 0.0
    unit: float = 1.0

    def __post_init__(self) -> None:
        refuse_traced("ShuntedJunction", HOW, **vars(self))
        for name, least in (("resistance", True), ("capacitance", False), ("unit", True)):
            value = getattr(self, name)
            if not is_number(value, 0.0) or (least and value == 0):
                raise ValueError(f"{name} = {value!r}; expected a finite number {'> 0' if least else '>= 0'}")
        self.table  # noqa: B018  # checks the relation

    @cached_property
    def table(self) -> np.ndarray:
        """The current at `POINTS` phases from 0 on, [uA]."""
        phases = 2 * np.pi * np.arange(POINTS + 1) / POINTS
        values = self.unit * real("relation(phases)", _function(self.relation)(phases))
        if values.shape != phases.shape or not np.isfinite(values).all():
            raise ValueError(
                f"the relation gives {values.shape} currents, of which {np.isfinite(values).sum()} are finite, for "
                f"{phases.shape} phases; expected a finite current at each, so phases that cover a whole turn"
            )
        if not abs(values[-1] - values[0]) <= CLOSED * np.ptp(values) or not np.ptp(values):
            raise ValueError(
                f"the relation goes from {values[0]:.4g} to {values[-1]:.4g} in a turn; expected a current that varies "
                "and is periodic in 2 pi"
            )
        return values[:-1]

    @property
    def critical_current(self) -> tuple[float, float]:
        """The largest currents in positive and in negative direction, both as positive magnitudes [uA]."""
        return float(self.table.max()), float(-self.table.min())

    @property
    def damping(self) -> float:
        """Stewart's and McCumber's 2e Ic R^2 C/hbar, with the larger critical current."""
        return max(self.critical_current) * self.resistance**2 * self.capacitance * PF / PER_RADIAN

    @cached_property
    def rising(self) -> tuple[np.ndarray, np.ndarray]:
        """Phases and currents of the branch through the least energy on which the current rises."""
        turns = np.arange(-POINTS, 2 * POINTS)
        current, energy = self.table[turns % POINTS], np.cumsum(self.table - self.table.mean())
        lowest = POINTS + int(np.argmin(energy))
        falls = np.flatnonzero(np.diff(current) <= 0)
        first, last = falls[falls < lowest].max() + 1, falls[falls > lowest].min()
        return 2 * np.pi * turns[first : last + 1] / POINTS, current[first : last + 1]

    def phase_at_rest(self, currents: ArrayLike) -> np.ndarray:
        """The stable phase at currents of any shape, that of the largest one beyond it."""
        phases, values = self.rising
        return np.interp(np.asarray(currents), values, phases)


@dataclass(frozen=True, eq=False)
class Squid:
    """Two junctions in a loop, each with an inductance in series; the bias current is fed in between.

    Args:
        one, other: `ShuntedJunction`s. Phases and currents count in the same direction, from feed to drain.
        inductance: of either arm, a number for both or (one, other) [pH].

    Raises:
        ValueError: negative or not finite inductance, or one junction with a capacitor and one without.
    """

    one: ShuntedJunction
    other: ShuntedJunction
    inductance: float | tuple[float, float] = 0.0

    def __post_init__(self) -> None:
        refuse_traced("Squid", HOW, inductance=self.inductance)
        arms = np.asarray(real("inductance", self.inductance))
        if arms.shape not in ((), (2,)) or not np.isfinite(arms).all() or arms.min() < 0:
            raise ValueError(f"inductance = {self.inductance!r}; expected numbers >= 0, one or two of them")
        if (self.one.capacitance > 0) != (self.other.capacitance > 0):
            raise ValueError(
                f"capacitances {self.one.capacitance} and {self.other.capacitance}; expected both > 0 or both 0"
            )

    @property
    def arms(self) -> np.ndarray:
        """Inductances (2,) [uV ns/uA]."""
        return PH * np.broadcast_to(np.asarray(self.inductance, float), (2,))


Circuit = ShuntedJunction | Squid


def junctions_of(circuit: Any) -> list[ShuntedJunction]:
    """The junctions of a circuit.

    Raises:
        TypeError: it is none.
    """
    if isinstance(circuit, Squid):
        return [circuit.one, circuit.other]
    if isinstance(circuit, ShuntedJunction):
        return [circuit]
    raise TypeError(f"circuit is {type(circuit).__name__}; expected a jusadel.ShuntedJunction or a jusadel.Squid")


def _function(relation: Any) -> Callable[[np.ndarray], Any]:
    if isinstance(relation, CurrentPhaseRelation):
        return relation.current_at
    if callable(relation):
        return relation
    amplitudes = np.asarray(real("relation", relation))
    if amplitudes.ndim != 1:
        raise ValueError(f"relation has shape {amplitudes.shape}; expected amplitudes (k,) of sin(k phase)")
    return lambda phases: amplitudes @ np.sin(np.arange(1, len(amplitudes) + 1)[:, None] * phases)
