"""What a grid of phases leaves unknown of a current between them."""

from __future__ import annotations

import warnings

import numpy as np

from jusadel.studies.current_phase.turns import within_turn

SMALL = 1e-6
"""Efficiencies and phases below this are zero: what a solution's own tolerance leaves of them."""
LARGE = 0.05
"""Of a critical current: a larger error is told."""


class PhaseRangeWarning(UserWarning):
    """An extremum lies at the end of the phases, or beyond."""


class PhaseGridWarning(UserWarning):
    """The phases are too few for what is asked: it is not known better than its error."""


def warn_of_grid(text: str, count: int) -> None:
    """Say what is not known from so many phases, and what to take instead."""
    warnings.warn(
        f"{text}: {count} phases say no more; take more of them, best over a whole turn, such as "
        f"np.linspace(0, 2 * np.pi, {max(24, 2 * count)}, endpoint=False)",
        PhaseGridWarning,
        stacklevel=4,
    )


def warn_of_end(what: str, phases: np.ndarray) -> None:
    """Say what lies at an end of the phases (k,), ascending, or beyond."""
    warnings.warn(
        f"the {what} is at an end of the phases, {phases[0]:.4g} to {phases[-1]:.4g}, or beyond: "
        "take phases that go further, or cover 2 pi uniformly",
        PhaseRangeWarning,
        stacklevel=4,
    )


def error_near(phase: float, phases: np.ndarray, mismatch: np.ndarray) -> float:
    """Largest error of an interpolated current in the interval of a phase and its neighbours.

    Args:
        phase: one of those that are known, up to turns.
        phases: where current and energy are known, ascending, (k,).
        mismatch: energies less the integral of half the interpolated current, (k,): its difference over an interval is
            that of the mean current, and twice as much in the middle, since the error vanishes at the ends.
    """
    if np.isnan(phase):
        return float("nan")
    error = 4 * np.abs(np.diff(mismatch)) / np.diff(phases)
    k = int(np.searchsorted(phases, within_turn(phase, phases)))
    return float(error[max(k - 2, 0) : k + 1].max())


def error_at(phase: float, phases: np.ndarray, mismatch: np.ndarray) -> float:
    """The error at a phase itself, which vanishes at the known ones and is full between; arguments as above."""
    if np.isnan(phase):
        return float("nan")
    at = within_turn(phase, phases)
    k = int(np.clip(np.searchsorted(phases, at), 1, len(phases) - 1))
    share = float((at - phases[k - 1]) / (phases[k] - phases[k - 1]))
    return min(1.0, 8 * share * (1 - share)) * error_near(phase, phases, mismatch)
