"""Ranges of fitted parameters, and the variable without bounds that stands for a parameter inside its range."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jusadel.common.concrete import without_derivatives

FARTHEST = 300.0
"""Beyond it, x is at the bound as far as double precision tells."""


@dataclass(frozen=True)
class Range:
    """The open interval (low, high) of a parameter p, and a variable x that covers it from -inf to inf.

    p = x without bounds, p = low + exp(x) or high - exp(-x) with one, p = low + (high - low)/(1 + exp(-x)) with two: p
    grows with x. Take `positive`, `above`, `below` or `bounded`.
    """

    low: float = -np.inf
    high: float = np.inf

    def __post_init__(self) -> None:
        low, high = self.low, self.high
        if np.ndim(low) or np.ndim(high) or not low < high:
            raise ValueError(f"a range from {low!r} to {high!r}; expected two numbers, the lower one first")

    def inside(self, value: np.ndarray) -> np.ndarray:
        """Whether each value lies between the bounds, not on them."""
        return (value > self.low) & (value < self.high)

    def free(self, value: np.ndarray) -> np.ndarray:
        """The variable x of a parameter inside its range."""
        if not self.is_bounded:
            return np.asarray(value, float)
        rising = np.log(value - self.low) if np.isfinite(self.low) else 0.0
        falling = np.log(self.high - value) if np.isfinite(self.high) else 0.0
        return np.asarray(rising - falling)

    def value(self, x: np.ndarray) -> np.ndarray:
        """The parameter p of the variable x."""
        if not self.is_bounded:
            return np.asarray(x, float)
        down, up = self.to_bound(x)
        if not np.isfinite(self.high):
            return self.low + down
        if not np.isfinite(self.low):
            return self.high - up
        return np.where(down < up, self.low + down, self.high - up)

    def slope(self, x: np.ndarray) -> np.ndarray:
        """dp/dx."""
        if not self.is_bounded:
            return np.ones_like(x, float)
        down, up = self.to_bound(x)
        return 1 / (1 / down + 1 / up)

    def to_bound(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The way from p down to the lower and up to the upper bound, without cancellation; inf where there is none."""
        x = np.clip(x, -FARTHEST, FARTHEST)
        if np.isfinite(self.low) and np.isfinite(self.high):
            width = self.high - self.low
            return width / (1 + np.exp(-x)), width / (1 + np.exp(x))
        nothing = np.full(np.shape(x), np.inf)
        return (np.exp(x) if np.isfinite(self.low) else nothing, np.exp(-x) if np.isfinite(self.high) else nothing)

    @property
    def is_bounded(self) -> bool:
        """Whether there is a bound on either side."""
        return bool(np.isfinite(self.low) or np.isfinite(self.high))

    def __repr__(self) -> str:
        return f"({self.low:g}, {self.high:g})"


RANGES = "give the range of a parameter by concrete numbers"

unbounded = Range()
"""Any number."""
positive = Range(0.0)
"""Parameters > 0: fitted through their logarithm."""


@without_derivatives(RANGES)
def above(low: float) -> Range:
    """Parameters > low."""
    return Range(low, np.inf)


@without_derivatives(RANGES)
def below(high: float) -> Range:
    """Parameters < high."""
    return Range(-np.inf, high)


@without_derivatives(RANGES)
def bounded(low: float, high: float) -> Range:
    """Parameters between low and high."""
    return Range(low, high)
