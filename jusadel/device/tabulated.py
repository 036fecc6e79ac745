"""Functions of points that are known as a table: what a file keeps of the functions in a device."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import jax
import numpy as np
import scipy

SAME = 1e-9
"""Largest distance of a point from that of the table, in widths of the table."""


class Sampled:
    """A function of points (k, 2) -> (k, ...) by its values at some of them; it knows no others.

    Args:
        points: (K, 2), where it is known [length].
        values: (K, ...), its values there.
        what: its name in error messages.

    Raises:
        ValueError: when it is called with a point that is not in the table.
    """

    def __init__(self, points: Any, values: Any, what: str = "the function") -> None:
        self.points, self.values, self.what = np.asarray(points), np.asarray(values), what

    def __call__(self, points: Any) -> Any:
        """The values at these points (k, 2), (k, ...)."""
        if not isinstance(points, jax.core.Tracer):
            return self._looked_up(np.asarray(points))
        like = jax.ShapeDtypeStruct((len(points), *self.values.shape[1:]), self.values.dtype)
        return jax.pure_callback(lambda p: self._looked_up(np.asarray(p)), like, points, vmap_method="sequential")

    def _looked_up(self, points: np.ndarray) -> np.ndarray:
        if not len(points):
            return self.values[:0]
        distance, row = self._tree.query(points)
        limit = SAME * max(np.ptp(self.points, axis=0).max(), np.abs(self.points).max() * 1e-3)
        if not distance.max() <= limit:
            far = points[np.argmax(distance)].tolist()
            raise ValueError(
                f"{self.what} comes from a file, which keeps no functions but their values at the {len(self.points)} "
                f"points where its own mesh needs them; {far} is none of them: give the function again "
                "(dataclasses.replace), or solve on the mesh of the file"
            )
        return self.values[row]

    @cached_property
    def _tree(self) -> scipy.spatial.cKDTree:
        return scipy.spatial.cKDTree(self.points)

    def __repr__(self) -> str:
        return f"Sampled({len(self.points)} points, values of shape {self.values.shape[1:]})"
