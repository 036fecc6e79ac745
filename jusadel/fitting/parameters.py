"""The parameters of a fit: numbers and arrays by name, and the one vector that an optimiser moves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.common.differentiability import without_derivatives
from jusadel.common.types import ArrayLike

V = TypeVar("V", np.ndarray, jax.Array)

SHOWN = 8
"""Components in a line of text."""


@dataclass(frozen=True)
class Parameters:
    """Names, shapes and ranges of the parameters; p components in all.

    Attributes:
        shapes: {name: shape}, in the order of the vector.
        ranges: {name: Range}.
    """

    shapes: dict[str, tuple[int, ...]]
    ranges: dict[str, Range]

    @property
    def labels(self) -> tuple[str, ...]:
        """A name for each component, (p,): "Gamma", "gamma[0, 1]"."""
        return tuple(
            name if not shape else f"{name}[{', '.join(map(str, index))}]"
            for name, shape in self.shapes.items()
            for index in np.ndindex(shape)
        )

    def split(self, vector: V) -> dict[str, V]:
        """{name: number or array} of a vector (..., p)."""
        parts: dict[str, V] = {}
        begin = 0
        for name, shape in self.shapes.items():
            size = int(np.prod(shape, dtype=int))
            parts[name] = vector[..., begin : begin + size].reshape(vector.shape[:-1] + shape)
            begin += size
        return parts

    def join(self, parts: Mapping[str, Any], leading: tuple[int, ...] = ()) -> Any:
        """The vector (p,) of {name: number or array}, or (*leading, p) where they have these axes in front."""
        given = [parts[name] for name in self.shapes]
        xp = _arrays_of(*given)
        return xp.concatenate([xp.asarray(x, float).reshape(*leading, -1) for x in given], axis=-1)

    def free(self, values: V) -> V:
        """The variables without bounds, (..., p), of parameters (..., p)."""
        return self._each("free", values)

    def values(self, x: V) -> V:
        """The parameters (..., p) of the variables without bounds."""
        return self._each("value", x)

    def slope(self, x: V) -> V:
        """d parameter/d variable, (..., p)."""
        return self._each("slope", x)

    def to_bound(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The way to the lower and to the upper bound, (p,) each."""
        pairs = {name: self.ranges[name].to_bound(part) for name, part in self.split(x).items()}
        return self.join({name: down for name, (down, _) in pairs.items()}), self.join(
            {name: up for name, (_, up) in pairs.items()}
        )

    @property
    def bounded(self) -> np.ndarray:
        """Whether each component has a bound, (p,)."""
        return self.join({n: np.full(s, self.ranges[n].is_bounded) for n, s in self.shapes.items()}).astype(bool)

    def shown(self, x: np.ndarray) -> str:
        """The parameters as text, "Gamma = 0.3, D = 1", as many as fit on a line."""
        pairs = list(zip(self.labels, self.values(x), strict=True))
        more = f", and {len(pairs) - SHOWN} more" if len(pairs) > SHOWN else ""
        return ", ".join(f"{label} = {value:.6g}" for label, value in pairs[:SHOWN]) + more

    def _each(self, method: str, vector: V) -> V:
        parts = {name: getattr(self.ranges[name], method)(part) for name, part in self.split(vector).items()}
        return self.join(parts, vector.shape[:-1])


def parameters(start: Mapping[str, ArrayLike], transforms: Mapping[str, Range] | None) -> tuple[Parameters, np.ndarray]:
    """The parameters, and the variables (p,) that they start from.

    Raises:
        ValueError: no parameters; a start that is no finite number, or not inside its range; a range for a parameter
            that does not exist. TypeError: a range that is none.
    """
    if not isinstance(start, Mapping) or not start:
        raise ValueError(f'start = {start!r}; expected parameters by name, such as {{"Gamma": 0.1, "D": 1.0}}')
    given = {str(name): _real(name, value) for name, value in start.items()}
    chosen = dict(transforms or {})
    for name, range_ in chosen.items():
        if name not in given:
            raise ValueError(f"transforms name {name!r}; the parameters are {list(given)}")
        if not isinstance(range_, Range):
            raise TypeError(f"transforms[{name!r}] = {range_!r}; expected ju.positive, ju.bounded(0, 1) or the like")
    found = Parameters({n: v.shape for n, v in given.items()}, {n: chosen.get(n, unbounded) for n in given})
    for name, value in given.items():
        if not found.ranges[name].inside(value).all():
            raise ValueError(
                f"start: {name} = {value} is not inside its range {found.ranges[name]}; start between the bounds, "
                "not on them"
            )
    return found, found.free(found.join(given))


def _real(name: object, value: ArrayLike) -> np.ndarray:
    array = np.asarray(value)
    if array.dtype.kind not in "iuf" or not array.size or not np.isfinite(array).all():
        raise ValueError(f"start: {name} = {value!r}; expected a finite number, or an array of them")
    return array.astype(float)


def as_given(parts: Mapping[str, np.ndarray]) -> dict[str, float | np.ndarray]:
    """Numbers as floats, arrays as numpy's."""
    return {name: float(x) if np.ndim(x) == 0 else np.asarray(x) for name, x in parts.items()}


def traced(vector: np.ndarray) -> jax.Array:
    """The vector as one that JAX can differentiate with respect to."""
    return jnp.asarray(vector, float)


def _arrays_of(*given: object) -> Any:
    """jax.numpy for arrays of JAX, else NumPy."""
    return jnp if any(isinstance(x, jax.Array) for x in given) else np


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

    def free(self, value: V) -> V:
        """The variable x of a parameter inside its range."""
        xp = _arrays_of(value)
        if not self.is_bounded:
            return xp.asarray(value, float)
        rising = xp.log(value - self.low) if np.isfinite(self.low) else 0.0
        falling = xp.log(self.high - value) if np.isfinite(self.high) else 0.0
        return xp.asarray(rising - falling)

    def value(self, x: V) -> V:
        """The parameter p of the variable x."""
        xp = _arrays_of(x)
        if not self.is_bounded:
            return xp.asarray(x, float)
        down, up = self.to_bound(x)
        if not np.isfinite(self.high):
            return self.low + down
        if not np.isfinite(self.low):
            return self.high - up
        return xp.where(down < up, self.low + down, self.high - up)

    def slope(self, x: V) -> V:
        """dp/dx."""
        if not self.is_bounded:
            return _arrays_of(x).ones_like(x, float)
        down, up = self.to_bound(x)
        return 1 / (1 / down + 1 / up)

    def to_bound(self, x: V) -> tuple[V, V]:
        """The way from p down to the lower and up to the upper bound, without cancellation; inf where there is none."""
        xp = _arrays_of(x)
        x = xp.clip(x, -FARTHEST, FARTHEST)
        if np.isfinite(self.low) and np.isfinite(self.high):
            width = self.high - self.low
            return width / (1 + xp.exp(-x)), width / (1 + xp.exp(x))
        nothing = xp.full(np.shape(x), np.inf)
        return (xp.exp(x) if np.isfinite(self.low) else nothing, xp.exp(-x) if np.isfinite(self.high) else nothing)

    @property
    def is_bounded(self) -> bool:
        """Whether there is a bound on either side."""
        return bool(np.isfinite(self.low) or np.isfinite(self.high))

    def __repr__(self) -> str:
        return f"({self.low:g}, {self.high:g})"


unbounded = Range()
"""Any number."""

RANGES = "give the range of a parameter by concrete numbers"


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
