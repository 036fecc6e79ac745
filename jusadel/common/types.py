"""Types of what users give and get, where a name says more than the union."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import jax
import numpy as np
from numpy.typing import ArrayLike as ArrayLike  # numbers, sequences of them, arrays of NumPy and of JAX

Values = np.ndarray | jax.Array
"""An array of NumPy, or one of JAX, which may be tracing it."""
Number = float | Values
"""A real number, or an array () that holds one."""
Field = ArrayLike | Callable[[Values], ArrayLike]
"""A number or an array, or a function of points (k, 2) -> (k, ...)."""
PairPotential = Field | Mapping[str, Field] | None
"""Complex, at nodes or as a function of points, or by region; a string asks for the gap equation."""
Frequencies = int | tuple[ArrayLike, ArrayLike] | None
"""Of a Matsubara sum: as many as the accuracy needs, a number of quadrature nodes, or (omega, weights)."""
Point = ArrayLike
"""x and y of a point, (2,) [length]."""
