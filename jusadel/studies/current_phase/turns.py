"""Phases modulo a turn."""

from __future__ import annotations

from typing import Any

import numpy as np

SAME = 1e-9
"""Phases closer than this are one."""


def whole_turn(phases: np.ndarray) -> np.ndarray | None:
    """Indices of the phases in one turn, ascending modulo 2 pi, where they cover it uniformly; else None.

    A phase that comes twice, as the two ends of a closed grid do, is taken once.
    """
    reduced = np.mod(phases - phases.min() + SAME / 2, 2 * np.pi)
    order = np.argsort(reduced, kind="stable")
    new = np.diff(reduced[order], prepend=-1.0) > SAME
    turn = order[new]
    if len(turn) < 3:
        return None
    gaps = np.diff(reduced[turn], append=reduced[turn[0]] + 2 * np.pi)
    return turn if np.ptp(gaps) < 1e-6 * gaps.mean() else None


def half_turn(phases: Any) -> np.ndarray:
    """Phases in (-pi, pi]; within round-off of -pi they are pi."""
    return np.pi - np.maximum(np.mod(np.pi - np.asarray(phases) + SAME, 2 * np.pi) - SAME, 0)


def within_turn(phase: Any, known: np.ndarray) -> np.ndarray:
    """Phases within the ascending known ones, to which they belong up to a number of turns."""
    turns = np.ceil((known[0] - SAME - np.max(phase)) / (2 * np.pi))
    return np.clip(phase + 2 * np.pi * turns, known[0], known[-1])
