"""Edge lengths as functions of position: uniform, or fine near points and lines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jusadel.common.differentiability import SHAPES, without_derivatives
from jusadel.mesh.generator.geometry import checked_line, distance_to, pieces_of, place
from jusadel.mesh.shapes import _check_positive

SizeFunction = Callable[[NDArray[np.float64]], NDArray[np.float64]]


@without_derivatives(SHAPES)
def graded(size: float, near: Sequence[tuple[ArrayLike, float]], growth: float = 0.3) -> SizeFunction:
    """Edge lengths that are fine near points and lines and grow with the distance d from them.

    size(r) = min(size, fine + growth d(r)), the smallest of these over all places: a vortex core, a contact, an
    interface between two regions.

        size = ju.graded(0.5, [((0, 0), 0.05), ([(2, -1), (2, 1)], 0.1)])
        mesh = ju.polygon(outline, size)

    Args:
        size: largest edge, far away.
        near: pairs (place, fine): a point (2,) or a line through points (k, 2), and the largest edge there. Repeat
            the first point of a line to close it.
        growth: how much longer edges get per length; at most 1, and 0.5 or less keeps angles large.

    Returns:
        A function of points (k, 2) that returns sizes (k,).
    """
    _check_positive(size=size, growth=growth)
    if growth > 1:
        raise ValueError(f"growth = {growth}; expected at most 1 (edges that grow faster have bad angles)")
    fine_places = [_fine_place(number, pair, size) for number, pair in enumerate(near)]

    def local_size(points: NDArray[np.float64]) -> NDArray[np.float64]:
        result = np.full(len(points), float(size))
        for segments, fine in fine_places:
            result = np.minimum(result, fine + growth * distance_to(points, segments))
        return result

    return local_size


def _fine_place(number: int, pair: Any, size: float) -> tuple[NDArray[np.float64], float]:
    try:
        where, fine = pair
    except (TypeError, ValueError):
        raise ValueError(f"near[{number}] is {pair!r}; expected a pair (place, size there)") from None
    _check_positive(**{f"the size of near[{number}]": fine})
    if fine > size:
        raise ValueError(f"near[{number}] has the size {fine}, larger than size = {size}; expected it smaller")
    one_point = np.ndim(where) == 1
    line = checked_line(f"near[{number}]", [where] if one_point else where, 1)
    return pieces_of(line) if len(line) > 1 else np.stack([line, line], axis=1), fine


def size_function(size: Any, extent: float) -> SizeFunction:
    """`size`, a number or a function of points, as a function whose values are checked."""
    if not callable(size):
        _check_positive(size=size)
        if size > extent:
            raise ValueError(f"size = {size} is larger than the film (extent {extent:.6g}); give a smaller size")
        return lambda points: np.full(len(points), float(size))

    def checked(points: NDArray[np.float64]) -> NDArray[np.float64]:
        values = np.asarray(size(points), dtype=float)
        if values.shape != (len(points),):
            raise ValueError(
                f"the function size returned shape {values.shape} for points ({len(points)}, 2); "
                f"expected ({len(points)},)"
            )
        bad = np.flatnonzero(~(np.isfinite(values) & (values > 0)))
        if bad.size:
            raise ValueError(
                f"the function size returned {values[bad[0]]} at {place(points[bad[0]])}; expected finite numbers > 0"
            )
        return values

    return checked
