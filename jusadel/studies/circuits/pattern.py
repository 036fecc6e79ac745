"""The critical current of two junctions in a loop against the flux."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from jusadel.common.arguments import real
from jusadel.common.differentiability import without_derivatives
from jusadel.common.types import ArrayLike
from jusadel.studies.circuits.elements import HOW, PER_RADIAN, POINTS, Squid


@without_derivatives(HOW)
def squid_pattern(squid: Squid, fluxes: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """The largest currents that a SQUID carries without a voltage, both ways, against the flux through its loop.

    The largest I_1 + I_2 of all phases with phase_1 - phase_2 = 2 pi flux + (2 pi/Phi_0)(L_2 I_2 - L_1 I_1).
    The phase across an arm, phase + (2 pi L/Phi_0) I(phase), is that of its junction and of its inductance; where it is
    not single valued, all of its branches count.

    Args:
        squid: a `Squid`, with inductance or without.
        fluxes: (n,) [flux quanta].

    Returns:
        Critical currents (n,) along the bias and (n,) against it, both > 0 [uA].

    Raises:
        ValueError: fluxes that are not (n,) finite numbers.
    """
    f = np.asarray(real("fluxes", fluxes))
    if f.ndim != 1 or not np.isfinite(f).all():
        raise ValueError(f"fluxes have shape {f.shape}; expected (n,) finite numbers [flux quanta]")
    one, other = (_across(part.table, L) for part, L in zip((squid.one, squid.other), squid.arms, strict=True))
    plus = [_largest(one, other, 2 * np.pi * flux, 1) for flux in f]
    minus = [_largest(one, other, 2 * np.pi * flux, -1) for flux in f]
    return np.array(plus), np.array(minus)


def _across(table: np.ndarray, L: float) -> tuple[np.ndarray, np.ndarray]:
    """The phase across an arm over a turn of its junction's, closed, and the current."""
    k = np.arange(POINTS + 1)
    current = table[k % POINTS]
    return 2 * np.pi * k / POINTS + L / PER_RADIAN * current, current


def _largest(one: tuple[np.ndarray, np.ndarray], other: tuple[np.ndarray, np.ndarray], flux: float, way: int) -> float:
    """The largest way (I_1 + I_2) where the arms' phases differ by the flux, up to turns."""
    wanted, (phase, current) = one[0] - flux, other
    best, turns = -np.inf, np.arange(np.floor(phase.min() / (2 * np.pi)), np.ceil(phase.max() / (2 * np.pi)) + 1)
    for low, high in _monotonic(phase):
        x, y = phase[low : high + 1], current[low : high + 1]
        x, y = (x, y) if x[-1] > x[0] else (x[::-1], y[::-1])
        for turn in turns:
            at = np.mod(wanted, 2 * np.pi) + 2 * np.pi * turn
            inside = (at >= x[0]) & (at <= x[-1])
            if inside.any():
                best = max(best, float((way * (one[1][inside] + np.interp(at[inside], x, y))).max()))
    return best


def _monotonic(x: np.ndarray) -> list[tuple[int, int]]:
    """First and last indices of the stretches on which x rises or falls."""
    rising = np.diff(x) > 0
    ends = [0, *(1 + np.flatnonzero(rising[1:] != rising[:-1])), len(x) - 1]
    return list(pairwise(ends))
