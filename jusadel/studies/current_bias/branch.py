"""The branch of stable states of one phase: where the current rises with it, between its two largest currents.

At a given current a state is stable where dI/dx > 0. The branch is the one through the least energy that lies downhill
from the phases of the device itself; a step along it is checked by nothing but the current, which has to rise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

from jusadel.common.errors import SolveError
from jusadel.studies.current_bias.phases import Biased, BiasedState, is_unstable

STEP = 0.3
"""Radians, along a branch; twice as much after each step on which the slope stayed."""
EVEN = 1.5
"""By which a current changes more over a step than over half of it, at least, where the step is short enough."""
STAYS = 0.9
"""Share of the slope before, from which on it has stayed."""
SHORTEST = 1e-5
"""Radians, of a step that is shortened where a state is not found."""
AT_REST = 1e-7
"""Currents below this, over that at a step from there, are zero."""
EXACT = 1e-12
"""Radians to which a phase is searched."""
PLACE = 1e-4
"""Of the step, to which that of a largest current is."""


@dataclass(frozen=True, eq=False)
class Rise:
    """States on either side of a minimum of energy: the current rises from <= 0 to > 0."""

    low: BiasedState
    high: BiasedState
    step: float  # that suits the branch [rad]


def rise(biased: Biased) -> Rise:
    """The minimum downhill of the device's own phase.

    Raises:
        SolveError: no current anywhere.
    """
    here = biased.at_phase(0.0)
    ahead = _ahead(biased, here)
    step, way = ahead.phase, -int(np.sign(here.current))
    if abs(here.current) <= AT_REST * abs(ahead.current):
        if ahead.current > 0:
            return Rise(here, ahead, step)
        here, way = ahead, 1
    for _ in range(int(4 * np.pi / step)):
        new = biased.at_phase(here.phase + way * step)
        if way * new.current > 0:
            return Rise(*((here, new) if way > 0 else (new, here)), step)
        here = new
    raise SolveError(
        f"no phase in two turns at which the current rises through zero; it is {here.current:.3g} at the last: "
        "expected a device that carries a supercurrent at this temperature"
    )


def _ahead(biased: Biased, here: BiasedState) -> BiasedState:
    """A state at a phase in steps of which the current changes evenly, short ones where a device is short."""
    step = STEP
    while step > SHORTEST:
        half, whole = (biased.at_phase(here.phase + part * step) for part in (0.5, 1.0))
        if EVEN * abs(half.current - here.current) < abs(whole.current - here.current):
            return whole
        step /= 4
    raise SolveError(
        f"the current hardly changes with the phase; it is {here.current:.3g} at that of the device: expected a device "
        "that carries a supercurrent at this temperature"
    )


def climb(biased: Biased, start: Rise, way: int, target: float = np.inf) -> tuple[BiasedState, BiasedState, bool]:
    """States on either side of the target, or of the largest current if that is lower; and whether it is.

    Args:
        biased, start: the device, and where its current rises.
        way: 1 to the largest current, -1 to the lowest.
        target: `way` times a current.
    """
    before, here = (start.low, start.high) if way > 0 else (start.high, start.low)
    biased.go_on_from(before, here)
    step, slope = start.step, (here.current - before.current) / (here.phase - before.phase)
    while way * here.current < target:
        new, step = _next(biased, here, way, step)
        if not way * (new.current - here.current) > 0 or is_unstable(new.sol):
            return before, new, True
        now = (new.current - here.current) / (new.phase - here.phase)
        step = 2 * step if now > STAYS * slope and not biased.is_screened else step  # whose branches fold
        before, here, slope = here, new, now
    return before, here, False


def _next(biased: Biased, here: BiasedState, way: int, step: float) -> tuple[BiasedState, float]:
    """The state a step on, and the step, which is halved where there is none."""
    while True:
        try:
            return biased.at_phase(here.phase + way * step), step
        except SolveError:
            step /= 2
            if step < SHORTEST:
                raise


def carrying(biased: Biased, low: BiasedState, high: BiasedState, current: float) -> BiasedState:
    """The state with this current, which lies between those of two others."""
    low, high = sorted((low, high), key=lambda state: state.phase)
    for end, beyond in ((low, low.current - current), (high, current - high.current)):
        if beyond >= 0:  # as far as the solutions go
            return end
    ends = low.phase, high.phase
    place = scipy.optimize.brentq(lambda x: biased.at_phase(x).current - current, *ends, xtol=EXACT)
    return biased.at_phase(place)


def largest(biased: Biased, start: Rise, way: int) -> BiasedState:
    """The state of the largest current, or of the lowest with way = -1."""
    before, after, _ = climb(biased, start, way)
    return top(biased, before, after, way, start.step)


def top(biased: Biased, before: BiasedState, after: BiasedState, way: int, step: float) -> BiasedState:
    """The state of the largest current between two, on a branch with this step."""
    found = [before]

    def current(x: float) -> float:
        try:
            found.append(biased.at_phase(x))
        except SolveError:  # a device with an inductance has no state there: the phase has turned back
            return abs(before.current)
        return -way * found[-1].current

    ends = sorted((before.phase, after.phase))
    scipy.optimize.minimize_scalar(current, bounds=ends, method="bounded", options={"xatol": PLACE * step})
    return max(found, key=lambda state: way * state.current)
