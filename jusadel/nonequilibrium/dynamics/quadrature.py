"""Adaptive integration over energies, all new energies of a round together: Gauss and Kronrod's rule of 15 points."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Generic, TypeVar

import numpy as np

from jusadel.common.errors import CoarseEnergiesWarning

X = TypeVar("X")

_HALF = np.array(
    [
        [0.991455371120812639206854697526329, 0.022935322010529224963732008058970, 0.0],
        [0.949107912342758524526189684047851, 0.063092092629978553290700663189204, 0.129484966168869693270611432679082],
        [0.864864423359769072789712788640926, 0.104790010322250183839876322541518, 0.0],
        [0.741531185599394439863864773280788, 0.140653259715525918745189590510238, 0.279705391489276667901467771423780],
        [0.586087235467691130294144691258430, 0.169004726639267902826583426598550, 0.0],
        [0.405845151377397166906606412076961, 0.190350578064785409913256402421014, 0.381830050505118944950369775488975],
        [0.207784955007898467600689403773245, 0.204432940075298892414161999234649, 0.0],
        [0.0, 0.209482141084727828012999174891714, 0.417959183673469387755102040816327],
    ]
)
POINTS = np.concatenate([-_HALF[:, 0], _HALF[-2::-1, 0]])
KRONROD, GAUSS = (np.concatenate([_HALF[:, k], _HALF[-2::-1, k]]) for k in (1, 2))
"""Their weights on (-1, 1)."""
MOST_ROUNDS = 24


@dataclass
class Panel(Generic[X]):
    """An interval, what was found at its points, its integral and its error."""

    start: float
    end: float
    found: list[X]
    value: np.ndarray
    error: float

    @property
    def width(self) -> float:
        """Of the interval."""
        return self.end - self.start


def points_of(start: float, end: float) -> tuple[np.ndarray, np.ndarray]:
    """The energies of an interval and their weights, (15,) each."""
    half = (end - start) / 2
    return (start + end) / 2 + half * POINTS, half * KRONROD


def integrated_adaptively(
    evaluate: Callable[[np.ndarray, np.ndarray], list[X]],
    value: Callable[[X], np.ndarray],
    stops: np.ndarray,
    tolerance: Callable[[np.ndarray], float],
    most: int,
) -> list[X]:
    """What was found at all energies of the last intervals.

    Args:
        evaluate: from energies and weights (b,) what is found there.
        value: of it what the integral adds up, with its weight in, any shape.
        stops: ends of the first intervals, ascending.
        tolerance: of the integral, the error allowed.
        most: energies after which to stop, with a CoarseEnergiesWarning.
    """
    panels: list[Panel[X]] = []
    todo, count = list(pairwise(stops)), 0
    for _ in range(MOST_ROUNDS):
        count += len(POINTS) * len(todo)
        panels += _evaluated(evaluate, value, todo)
        total, error = sum(p.value for p in panels), sum(p.error for p in panels)
        allowed = tolerance(np.asarray(total))
        if error <= allowed:
            break
        poor = sorted(panels, key=lambda p: -p.error)
        left = np.cumsum([p.error for p in poor][::-1])[::-1]  # of those from here on
        poor = [p for p, rest in zip(poor, left, strict=True) if rest > allowed]
        if count + 2 * len(POINTS) * len(poor) > most:
            break
        panels = [p for p in panels if not any(p is bad for bad in poor)]
        todo = [half for p in poor for half in _halves(p)]
    if error > allowed:
        worst = max(panels, key=lambda p: p.error)
        warnings.warn(
            f"the integral over energies is uncertain by {error:.1e} (allowed {allowed:.1e}) after {count} energies, "
            f"most of it between E = {worst.start:.4g} and {worst.end:.4g}: raise eta, or most_energies, or accuracy",
            CoarseEnergiesWarning,
            stacklevel=5,
        )
    return [x for p in panels for x in p.found]


def _halves(p: Panel[X]) -> list[tuple[float, float]]:
    middle = (p.start + p.end) / 2
    return [(p.start, middle), (middle, p.end)]


def _evaluated(
    evaluate: Callable[[np.ndarray, np.ndarray], list[X]],
    value: Callable[[X], np.ndarray],
    intervals: list[tuple[float, float]],
) -> list[Panel[X]]:
    each = [points_of(*interval) for interval in intervals]
    if not each:
        return []
    found = evaluate(np.concatenate([E for E, _ in each]), np.concatenate([w for _, w in each]))
    panels, b = [], len(POINTS)
    for k, (start, end) in enumerate(intervals):
        here = found[k * b : (k + 1) * b]
        values = np.stack([value(x) for x in here])
        coarse = np.tensordot(GAUSS / KRONROD, values, 1)
        total = values.sum(axis=0)
        spread = float((np.abs(values - total * KRONROD.reshape(-1, *[1] * total.ndim) / 2).sum(axis=0)).max())
        panels.append(Panel(start, end, here, total, _error(float(np.abs(total - coarse).max()), spread)))
    return panels


def _error(difference: float, spread: float) -> float:
    """Of Kronrod's rule, from what Gauss's misses and how much the integrand varies (QUADPACK's estimate)."""
    return spread * min(1.0, (200 * difference / spread) ** 1.5) if spread else 0.0
