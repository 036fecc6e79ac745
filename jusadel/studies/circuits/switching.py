"""Switching to a finite voltage: rates of escape over the barrier of the tilted potential, and ramps of the current."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from jusadel.common.arguments import is_count, is_number, real
from jusadel.common.differentiability import without_derivatives
from jusadel.common.types import ArrayLike
from jusadel.studies.circuits.current_voltage import STEPS, beginning, check_circuit
from jusadel.studies.circuits.dynamics import Motion, first_passages
from jusadel.studies.circuits.elements import BOLTZMANN, HOW, PER_RADIAN, PF, POINTS, ShuntedJunction

SAMPLES = 4000
"""Currents of a distribution, up to the critical one."""
CAPTURE = 0.999999
"""Share of the critical current up to which there is a barrier."""
BEYOND = 1.5
"""Critical currents at which a ramp ends."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SwitchingDistribution:
    """The currents at which a ramp ends in a finite voltage.

    Attributes:
        current: (n,) [uA].
        density: probability per current, (n,) [1/uA].
        escape_rate: (n,) [1/ns].
    """

    current: np.ndarray
    density: np.ndarray
    escape_rate: np.ndarray

    @property
    def mean(self) -> float:
        """[uA]."""
        return float(np.trapezoid(self.density * self.current, self.current))

    @property
    def spread(self) -> float:
        """Standard deviation [uA]."""
        return float(np.sqrt(np.trapezoid(self.density * (self.current - self.mean) ** 2, self.current)))


def escape_barrier(junction: ShuntedJunction, currents: ArrayLike) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Height of the barrier and slopes of the current at its foot and top, for bias currents below the critical one.

    Args:
        junction: any relation.
        currents: (n,) [uA], between zero and the critical current.

    Returns:
        Height (n,) [uA uV ns], dI/dphase at the minimum (n,) and at the maximum, as a positive number (n,) [uA].

    Raises:
        ValueError: currents out of this range.
    """
    bias = np.asarray(real("currents", currents))
    phases, values = junction.rising
    if bias.ndim != 1 or not ((bias >= 0) & (bias < values[-1])).all():
        raise ValueError(f"currents have shape {bias.shape}; expected (n,) from 0 to below Ic = {values[-1]:.6g} uA")
    turn = phases[-1] + 2 * np.pi * np.arange(POINTS) / POINTS
    after = np.interp(turn, *_table(junction))
    last = 1 + int(np.flatnonzero(np.diff(after) > 0)[0]) if (np.diff(after) > 0).any() else len(after)
    top = np.interp(-bias, -after[:last], turn[:last])
    foot = junction.phase_at_rest(bias)
    energy, at = _integral(junction)
    height = np.interp(top, at, energy) - np.interp(foot, at, energy) - bias * (top - foot)
    return PER_RADIAN * height, _slope(junction, foot), -_slope(junction, top)


@without_derivatives(HOW)
def switching_distribution(
    junction: ShuntedJunction, rate: float, T: float, samples: int = SAMPLES
) -> SwitchingDistribution:
    """The distribution of switching currents of a slow ramp from zero, by Kramers' rate of thermal escape.

    Gamma = (sqrt(1 + a^2) - a) w/2 pi sqrt(.) exp(-dU/k_B T), with the frequencies of foot and top of the barrier and
    a = 1/(2 R C w_top): from strong to moderate damping (Kramers 1940). A junction without capacitor has the limit of
    strong damping. Quantum tunnelling, below T = hbar w/2 pi k_B, and the energy diffusion of very weakly damped
    junctions are not in it.

    Args:
        junction: a `ShuntedJunction` with any relation.
        rate: dI/dt > 0 of the ramp [uA/ns]: 1e-6 is a milliampere per second.
        T: temperature > 0 [K].
        samples: currents between zero and the critical one.

    Raises:
        ValueError: arguments out of range; T so high that it has switched before it begins.
    """
    if not is_number(rate, 0.0) or not rate > 0 or not is_number(T, 0.0) or not T > 0 or not is_count(samples):
        raise ValueError(f"rate = {rate!r}, T = {T!r}, samples = {samples!r}; expected > 0, > 0, and a count")
    highest = CAPTURE * junction.rising[1][-1]
    current = highest * (1 - (1 - np.linspace(0, 1, int(samples))) ** 2)  # dense near the critical one
    height, foot, top = escape_barrier(junction, current)
    escapes = _prefactor(junction, foot, top) * np.exp(-height / (BOLTZMANN * T))
    steps = np.diff(current) * (escapes[1:] + escapes[:-1]) / 2
    survival = np.exp(-np.append(0.0, np.cumsum(steps)) / rate)
    return SwitchingDistribution(current=current, density=survival * escapes / rate, escape_rate=escapes)


def _prefactor(junction: ShuntedJunction, foot: np.ndarray, top: np.ndarray) -> np.ndarray:
    """Attempts per ns, with the recrossings of the top."""
    foot, top = np.maximum(foot, 0), np.maximum(top, 0)
    friction, mass = PER_RADIAN / junction.resistance, PER_RADIAN * PF * junction.capacitance
    if mass == 0:
        return np.sqrt(foot * top) / (2 * np.pi * friction)
    at_foot, at_top = np.sqrt(foot / mass), np.sqrt(top / mass)
    decay = friction / (2 * mass)
    return at_foot / (2 * np.pi) * at_top / (np.sqrt(at_top**2 + decay**2) + decay)


@without_derivatives(HOW)
def switching_currents(
    junction: ShuntedJunction, rate: float, T: float, count: int = 200, first: float = 0.0, seed: int = 0
) -> np.ndarray:
    """Switching currents of simulated ramps: those at which the phase has gone on by a turn for the first time.

    What `switching_distribution` takes from Kramers is not assumed here; ramps that are slow take long, so that this
    is for fast ones.

    Args:
        junction, T: as there; T = 0 gives one ramp without noise.
        rate: dI/dt [uA/ns].
        count: number of ramps.
        first: where they begin [uA].
        seed: of the noise.

    Returns:
        Currents (count,) [uA]; NaN for those that have not switched at 1.5 critical currents.

    Raises:
        ValueError: arguments out of range.
    """
    if not isinstance(junction, ShuntedJunction):
        raise TypeError(f"junction is {type(junction).__name__}; expected a jusadel.ShuntedJunction")
    check_circuit(junction, T)
    highest = junction.rising[1][-1]
    if not is_number(rate, 0.0) or not rate > 0 or not is_count(count) or not is_number(first) or not first < highest:
        raise ValueError(
            f"rate = {rate!r}, count = {count!r}, first = {first!r}; expected > 0, >= 1, and below the critical "
            f"current {highest:.6g} uA"
        )
    motion = Motion.of(junction, T, 0.0, (0.0, 0.0))
    y = beginning(junction, motion, np.full(int(count) if T > 0 else 1, float(first)), False)
    dt = 2 * np.pi / (STEPS * motion.fastest(BEYOND * highest))
    steps = int((BEYOND * highest - first) / (rate * dt))
    beyond = float(y[0][0, 0]) + 2 * np.pi
    return np.asarray(first_passages(motion, y, first, rate, beyond, dt, steps, jax.random.key(seed), T > 0))


# --- the potential -----------------------------------------------------------------------------------


def _table(junction: ShuntedJunction) -> tuple[np.ndarray, np.ndarray]:
    """Phases from minus a turn to three, and currents."""
    k = np.arange(-POINTS, 3 * POINTS + 1)
    return 2 * np.pi * k / POINTS, junction.table[k % POINTS]


def _integral(junction: ShuntedJunction) -> tuple[np.ndarray, np.ndarray]:
    """The integral of the current over the phase, and where."""
    phases, values = _table(junction)
    steps = (values[1:] + values[:-1]) / 2 * np.diff(phases)
    return np.append(0.0, np.cumsum(steps)), phases


def _slope(junction: ShuntedJunction, at: Any) -> np.ndarray:
    phases, values = _table(junction)
    return np.interp(at, phases, np.gradient(values, phases))
