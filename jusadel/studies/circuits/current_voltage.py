"""Current-voltage curves: of junctions and SQUIDs, with noise and under microwaves."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from jusadel.common.arguments import is_count, is_number, real
from jusadel.common.differentiability import without_derivatives
from jusadel.common.types import ArrayLike
from jusadel.studies.circuits.dynamics import Motion, mean_rates
from jusadel.studies.circuits.elements import HOW, PER_RADIAN, QUANTUM, Circuit, junctions_of

STEPS = 64
"""In the period of the fastest rate."""
SETTLED = 0.25
"""Of the time that is averaged over, which is waited before,"""
DECAYS = 12
"""and decay times of a capacitor's charge."""
ON_A_STEP = 1e-3
"""Of the voltage of a photon: how near to a step a voltage is on it."""
FEW, AT_REST = 10.0, 1e-2
"""Turns of the phase in the time of averaging that are few, and none."""


@dataclass(frozen=True, kw_only=True, eq=False)
class CurrentVoltage:
    """Mean voltages at given currents.

    Attributes:
        current: (n,) [uA].
        voltage: (n,) [uV].
        error: standard error of the voltages from the copies, (n,) [uV]; zero without noise.
        photon: h f/2e of the microwaves, the voltage between Shapiro steps [uV]; None without them.
    """

    current: np.ndarray
    voltage: np.ndarray
    error: np.ndarray
    photon: float | None = None

    def step_width(self, n: int) -> float:
        """Range of currents on the Shapiro step V = n h f/2e, to the distance of the currents [uA].

        Zero where none of them lies on it.

        Raises:
            ValueError: no microwaves.
        """
        if self.photon is None:
            raise ValueError("a curve without microwaves has no Shapiro steps; give drive=(amplitude, frequency)")
        on = self.current[np.abs(self.voltage / self.photon - n) < ON_A_STEP]
        return float(np.ptp(on)) if len(on) else 0.0


@without_derivatives(HOW)
def current_voltage(
    circuit: Circuit,
    currents: ArrayLike,
    T: float = 0.0,
    *,
    flux: float = 0.0,
    drive: tuple[float, float] | None = None,
    start: str = "rest",
    turns: float = 300.0,
    copies: int = 64,
    seed: int = 0,
) -> CurrentVoltage:
    """The mean voltage of a circuit at bias currents, all of them at once.

    Args:
        circuit: a `ShuntedJunction` or a `Squid`.
        currents: bias currents (n,) [uA].
        T: temperature of the resistors [K]; 0 is without noise.
        flux: through the loop of a Squid [flux quanta].
        drive: None, or microwaves as (amplitude [uA], frequency [GHz]) of an alternating bias current.
        start: "rest": each current is reached from zero voltage, as on the way up; "running": from a voltage above
            R I, as on the way down. They differ where a capacitor makes the curve hysteretic.
        turns: time of averaging, in periods of a junction at the voltage R Ic (of the microwaves, if longer). Near Ic,
            where the phase turns slowly, more are better.
        copies: with noise, independent ones at each current, at least two.
        seed: of the noise.

    Returns:
        A `CurrentVoltage` with its statistical errors.

    Raises:
        ValueError: arguments out of range; a Squid without inductance, whose two phases are one.

    Warns:
        UserWarning: without noise and microwaves, a phase that turns a few times only while it is averaged, as just
            above Ic.
    """
    bias = np.asarray(real("currents", currents))
    if bias.ndim != 1 or not len(bias) or not np.isfinite(bias).all():
        raise ValueError(f"currents have shape {bias.shape}; expected (n,) finite numbers [uA]")
    check_circuit(circuit, T)
    if start not in ("rest", "running"):
        raise ValueError(f"start = {start!r}; expected 'rest' or 'running'")
    if not is_count(copies) or copies < 2 or not is_number(turns, 10) or not is_number(flux):
        raise ValueError(f"copies = {copies!r}, turns = {turns!r}, flux = {flux!r}; expected >= 2, >= 10, a number")
    motion = Motion.of(circuit, T, flux, _drive(drive))
    noisy, copies = T > 0, int(copies) if T > 0 else 1
    each = np.repeat(bias, copies)
    dt = 2 * np.pi / (STEPS * motion.fastest(float(np.abs(bias).max())))
    slowest = motion.friction.max() / np.abs(motion.tables).max()
    time = 2 * np.pi * turns * max(slowest, 1 / motion.frequency if drive else 0.0)
    waiting = SETTLED * time + DECAYS * float((motion.mass / motion.friction).max())
    rates = mean_rates(
        motion,
        beginning(circuit, motion, each, start == "running"),
        each,
        dt,
        int(waiting / dt),
        int(time / dt) + 1,
        jax.random.key(seed),
        noisy,
    )
    if not noisy and drive is None:
        _warn_of_few_turns(bias, np.asarray(rates).mean(axis=1) * time / (2 * np.pi), turns)
    voltages = PER_RADIAN * np.asarray(rates).mean(axis=1).reshape(len(bias), copies)
    error = voltages.std(axis=1, ddof=1) / np.sqrt(copies) if noisy else np.zeros(len(bias))
    return CurrentVoltage(
        current=bias,
        voltage=voltages.mean(axis=1),
        error=error,
        photon=QUANTUM * drive[1] if drive else None,
    )


def _warn_of_few_turns(bias: np.ndarray, found: np.ndarray, turns: float) -> None:
    few = (np.abs(found) > AT_REST) & (np.abs(found) < FEW)
    if few.any():
        at, least = bias[few], np.abs(found[few]).min()
        warnings.warn(
            f"at {few.sum()} currents, {at.min():.5g} to {at.max():.5g} uA, the phase turns {least:.2g} to "
            f"{np.abs(found[few]).max():.2g} times while it is averaged over, so that the voltage there is known to "
            f"one of these: give more than turns={turns:g}",
            stacklevel=4,
        )


def check_circuit(circuit: Circuit, T: Any) -> None:
    """Raise ValueError for what cannot move, or is no temperature."""
    if not is_number(T, 0.0):
        raise ValueError(f"T = {T!r}; expected a temperature >= 0 [K]")
    if len(junctions_of(circuit)) == 2 and not circuit.arms.sum() > 0:  # type: ignore[union-attr]
        raise ValueError("a Squid without inductance has one phase; give a small one, or take its squid_pattern")


def _drive(drive: Any) -> tuple[float, float]:
    if drive is None:
        return 0.0, 0.0
    if (
        not isinstance(drive, tuple | list)
        or len(drive) != 2
        or not all(is_number(x, 0.0) for x in drive)
        or not drive[1]
    ):
        raise ValueError(f"drive = {drive!r}; expected (amplitude [uA], frequency [GHz] > 0)")
    return float(drive[0]), float(drive[1])


def beginning(circuit: Circuit, motion: Motion, bias: np.ndarray, running: bool) -> tuple[np.ndarray, ...]:
    """Phases (copies, k) at rest, and with capacitors their rates: zero, or more than where they settle running."""
    parts = junctions_of(circuit)
    x = np.stack([part.phase_at_rest(bias * s) for part, s in zip(parts, motion.share, strict=True)], axis=1)
    if not motion.mass.any():
        return (x,)
    fast = bias + np.sign(bias) * np.abs(motion.tables).max(axis=1).sum()
    return x, (fast / motion.friction.sum())[:, None] * np.ones(len(parts)) if running else np.zeros_like(x)
