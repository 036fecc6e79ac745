"""Vector potentials that are given: the uniform field, and any function in the gauge that fits the electrodes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.common.arguments import is_number, real
from jusadel.common.differentiability import is_traced, refuse_traced
from jusadel.common.types import ArrayLike, Number, Values

Array = jax.Array

LINE_POINTS, LINE_WEIGHTS = (
    (np.polynomial.legendre.leggauss(10)[0] + 1) / 2,
    np.polynomial.legendre.leggauss(10)[1] / 2,
)
ELECTRODES = "electrodes"
"""The gauge that a Device completes on its mesh."""
GAUGES = {ELECTRODES: (-0.5, 0.5), "symmetric": (-0.5, 0.5), "x": (-1.0, 0.0), "y": (0.0, 1.0)}
"""A = B (c_x (y - y0), c_y (x - x0)): the factors c by the name of the gauge."""


@dataclass(frozen=True)
class uniform_field:
    """The vector potential of a uniform field, d_x A_y - d_y A_x = B, as a function of points (k, 2) -> (k, 2).

    Args:
        B: field along z, in units where the flux quantum is pi [1/length^2].
        gauge: "electrodes": a Device adds the gradient with which A fits the phases of its electrodes and periodic
            boundaries (`Device.gauge`); without such boundaries it is the symmetric gauge. The others are taken as
            they are, and refused by a Device whose electrodes they do not fit: "symmetric", B (-y, x)/2; "x", along x,
            (-B y, 0); "y", along y, (0, B x).
        center: where A = 0, (x, y) [length].

    Raises:
        ValueError: unknown gauge, B or center not finite numbers.
    """

    B: Number
    gauge: str = ELECTRODES
    center: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        refuse_traced(
            "uniform_field", "write the function of points yourself, which JAX then traces", center=self.center
        )
        if self.gauge not in GAUGES:
            raise ValueError(f"gauge = {self.gauge!r}; expected one of {list(GAUGES)}")
        if not is_number(self.B):
            raise ValueError(f"B = {self.B!r}; expected a finite number")
        center = np.asarray(real("center", self.center))
        if center.shape != (2,) or not np.isfinite(center).all():
            raise ValueError(f"center = {self.center!r}; expected two finite numbers (x, y)")
        object.__setattr__(self, "center", (float(center[0]), float(center[1])))

    def __call__(self, points: Values) -> Values:
        """A at points (k, 2), (k, 2), without what a Device adds."""
        xp: Any = np if isinstance(points, np.ndarray) and not isinstance(self.B, jax.Array) else jnp
        x, y = points[:, 0] - self.center[0], points[:, 1] - self.center[1]
        along_x, along_y = GAUGES[self.gauge]
        return self.B * xp.stack([along_x * y, along_y * x], axis=-1)


@dataclass(frozen=True)
class electrode_gauge:
    """Any vector potential, to be completed by the gradient with which it fits a device's electrodes.

    Args:
        function: A as a function of points (k, 2) -> (k, 2).
    """

    function: Callable[[Values], ArrayLike]

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise TypeError(f"electrode_gauge({self.function!r}); expected a function of points (k, 2) -> (k, 2)")

    def __call__(self, points: Values) -> Values:
        """A at points (k, 2), (k, 2), without what a Device adds."""
        return cast(Values, self.function(points))


def is_completed(vector_potential: Any) -> bool:
    """Whether a Device adds a gradient to it."""
    return isinstance(vector_potential, electrode_gauge) or getattr(vector_potential, "gauge", None) == ELECTRODES


def has_own_field(vector_potential: Any) -> bool:
    """Whether it holds the field of a film's own currents, which electrodes do not screen."""
    return getattr(vector_potential, "stated", None) is not None


# --- line integrals ------------------------------------------------------------------------------


def integrated(vector_potential: Any, start: Any, end: Any) -> Array:
    """Int A.dl along straight lines from start to end, (m, 3) for points (m, 3, 2), by Gauss quadrature."""
    step, points = end - start, gauss_points(start, end)
    A = values_at(vector_potential, points.reshape(-1, 2)).reshape(points.shape)
    xp: Any = np if all(isinstance(x, np.ndarray) for x in (A, step)) else jnp
    return xp.einsum("tiqk,tik,q->ti", A, step, LINE_WEIGHTS)


def gauss_points(start: Any, end: Any) -> Any:
    """The points (..., q, 2) of the quadrature along straight lines from start to end, (..., 2) each."""
    return start[..., None, :] + (end - start)[..., None, :] * LINE_POINTS[:, None]


def values_at(vector_potential: Any, points: Any) -> Array:
    """A at points (k, 2), (k, 2), checked for its shape."""
    A = real("vector_potential(points)", vector_potential(points))
    if A.shape != (len(points), 2):
        raise ValueError(f"vector_potential(points) returned shape {A.shape}; expected ({len(points)}, 2)")
    return A if is_traced(A) else np.asarray(A)  # type: ignore[return-value]
