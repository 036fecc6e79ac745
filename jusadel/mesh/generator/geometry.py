"""Polygons in the plane: checks, what lies inside, and how their edges cut each other into pieces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from jusadel.mesh.topology import Integers

Points = NDArray[np.float64]
Film = Callable[[Points], NDArray[np.bool_]]
"""Tells which points (k, 2) lie in the film."""

SAME = 1e-9
"""Points closer than this, in units of the film's extent, are one point."""


def place(point: Any) -> str:
    """A position for messages: (x, y) with six digits."""
    return f"({point[0]:.6g}, {point[1]:.6g})"


FARTHEST = 1e100
"""Products of larger coordinates overflow."""


def checked_line(what: str, given: Any, least: int) -> Points:
    """The given points as float64 (k, 2); at least `least`, finite, and no two neighbours equal."""
    try:
        points = np.array(given, dtype=float)
    except (TypeError, ValueError):
        raise ValueError(f"{what} is {given!r}; expected {least} or more points (x, y)") from None
    if points.ndim != 2 or points.shape[1] != 2 or len(points) < least:
        raise ValueError(f"{what} has shape {points.shape}; expected (k, 2), {least} or more points (x, y)")
    bad = np.flatnonzero(~(np.abs(points) < FARTHEST).all(axis=1))
    if bad.size:
        raise ValueError(
            f"{what}: point {bad[0]} is {place(points[bad[0]])}; expected finite numbers, below {FARTHEST:g}"
        )
    same = np.flatnonzero((np.abs(np.diff(points, axis=0)) <= SAME * extent_of(points)).all(axis=1))
    if same.size:
        raise ValueError(f"{what}: points {same[0]} and {same[0] + 1} are both {place(points[same[0]])}; drop one")
    return points


def checked_ring(what: str, given: Any) -> Points:
    """A simple polygon (k, 2), counter-clockwise; a last vertex that repeats the first is dropped."""
    points = checked_line(what, given, 3)
    if np.abs(points[0] - points[-1]).max() <= SAME * extent_of(points):
        points = points[:-1]
    if len(points) < 3:
        raise ValueError(f"{what} has {len(points)} different vertices; expected 3 or more")
    sides = sides_of(points)
    found = meetings(sides, sides, SAME * extent_of(points))
    apart = (found.second - found.first) % len(points)
    bad = np.flatnonzero((apart > 1) & (apart < len(points) - 1))
    if not bad.size:  # neighbours may share one vertex, but not turn back on each other
        bad = np.flatnonzero((apart == 1) & (_gap(found.point, points[found.second % len(points)]) > 0))
    if bad.size:
        k = bad[0]
        raise ValueError(
            f"{what} meets itself at {place(found.point[k])} (sides {found.first[k]} and {found.second[k]}); "
            "expected a polygon whose sides meet only at shared vertices, given in order"
        )
    return points if area_of(points) > 0 else points[::-1]


def _gap(a: Points, b: Points) -> NDArray[np.float64]:
    """Distances (k,), those within the tolerance counted as zero."""
    distance = np.hypot(*(a - b).T)
    return np.where(distance > 10 * SAME * extent_of(b), distance, 0)


def extent_of(points: Points) -> float:
    """Longer side of the bounding box."""
    return float(np.ptp(points, axis=0).max())


def area_of(ring: Points) -> float:
    """Area of a polygon, positive if it runs counter-clockwise."""
    x, y = (ring - ring[0]).T
    return float(0.5 * np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)))


def sides_of(ring: Points) -> Points:
    """(k, 2, 2) sides of a polygon with vertices (k, 2)."""
    return np.stack([ring, np.roll(ring, -1, axis=0)], axis=1)


def pieces_of(line: Points) -> Points:
    """(k - 1, 2, 2) pieces of an open line with points (k, 2)."""
    return np.stack([line[:-1], line[1:]], axis=1)


def inside(points: Points, *rings: Points) -> NDArray[np.bool_]:
    """Which points (n, 2) lie in a polygon, or between the outline and the holes of a film: in an odd number of rings.

    Points on a border may go either way.
    """
    start, end = np.concatenate([sides_of(ring) for ring in rings]).transpose(1, 2, 0)[..., None, :]
    result = np.zeros(len(points), dtype=bool)
    block = max(1, 1_000_000 // start.shape[-1])
    for begin in range(0, len(points), block):
        x, y = points[begin : begin + block].T[..., None]
        (x0, y0), (x1, y1) = start, end
        left_of_side = ((x1 - x0) * (y - y0) > (x - x0) * (y1 - y0)) == (y1 > y0)
        crossings = left_of_side & ((y0 > y) != (y1 > y))  # of a ray to the right with the side
        result[begin : begin + block] = crossings.sum(axis=1) % 2 == 1
    return result


def distance_to(points: Points, segments: Points) -> NDArray[np.float64]:
    """Distances (n,) of points (n, 2) to the nearest of the segments (s, 2, 2)."""
    result = np.full(len(points), np.inf)
    for start, end in segments:
        along = end - start
        t = np.clip((points - start) @ along / max(along @ along, 1e-300), 0, 1)
        result = np.minimum(result, np.hypot(*(points - start - t[:, None] * along).T))
    return result


@dataclass(frozen=True)
class Meetings:
    """Where segments `first` (k,) and `second` (k,) meet: at `point` (k, 2), several where they overlap."""

    first: Integers
    second: Integers
    point: Points


def meetings(a: Points, b: Points, tol: float) -> Meetings:
    """Common points of the segments a (n, 2, 2) and b (m, 2, 2), within `tol`: crossings, and ends on segments."""
    i, j = _overlapping_boxes(a, b, tol)
    p, q = a[i], b[j]
    found = []
    for segment, other in ((p, q), (q, p)):
        for end in (0, 1):
            on = _distance(other[:, end], segment) <= tol
            found.append((i[on], j[on], other[on, end]))
    touching = np.zeros(len(i), dtype=bool)
    u, v, w = p[:, 1] - p[:, 0], q[:, 1] - q[:, 0], q[:, 0] - p[:, 0]
    det = _cross(u, v)
    with np.errstate(divide="ignore", invalid="ignore"):
        s, t = _cross(w, v) / det, _cross(w, u) / det
        touching = (s > 0) & (s < 1) & (t > 0) & (t < 1)  # false where parallel (NaN, infinity)
    found.append((i[touching], j[touching], (p[:, 0] + np.where(touching, s, 0)[:, None] * u)[touching]))
    first, second, point = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return Meetings(first, second, point)


def _overlapping_boxes(a: Points, b: Points, tol: float) -> tuple[Integers, Integers]:
    low_a, high_a, low_b, high_b = a.min(axis=1) - tol, a.max(axis=1), b.min(axis=1) - tol, b.max(axis=1)
    pairs = []
    for begin in range(0, len(a), 512):
        rows = slice(begin, begin + 512)
        apart = (low_a[rows, None] > high_b) | (low_b > high_a[rows, None])
        i, j = np.nonzero(~apart.any(axis=-1))
        pairs.append((i + begin, j))
    first, second = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
    return first, second


def _distance(points: Points, segments: Points) -> NDArray[np.float64]:
    """Distance of each point (k, 2) to its own segment (k, 2, 2)."""
    along, off = segments[:, 1] - segments[:, 0], points - segments[:, 0]
    length2 = np.maximum((along**2).sum(axis=1), 1e-300)
    t = np.clip((off * along).sum(axis=1) / length2, 0, 1)
    return np.hypot(*(off - t[:, None] * along).T)


def _cross(u: Points, v: Points) -> NDArray[np.float64]:
    return u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]


def arranged(
    segments: Points, label: Integers, extra: Points, tol: float
) -> tuple[Points, Integers, NDArray[np.bool_]]:
    """All segments cut where they meet, equal pieces joined.

    Args:
        segments: (s, 2, 2).
        label: (s,) a number for each, 0 ... n_labels - 1.
        extra: (p, 2) more points, cutting segments that they lie on.
        tol: points closer than this are one.

    Returns:
        vertices (v, 2), the given coordinates wherever there are any; pieces (q, 2) of vertex numbers; and (q,
        n_labels) booleans: which labels' segments run along the piece.
    """
    crossing = meetings(segments, segments, tol).point
    vertices = _merged(np.concatenate([segments.reshape(-1, 2), extra, crossing]), tol)
    points_as_segments = np.stack([vertices, vertices], axis=1)
    i, j = _overlapping_boxes(segments, points_as_segments, 2 * tol)
    on = _distance(vertices[j], segments[i]) <= 2 * tol
    i, j = i[on], j[on]
    along = segments[i, 1] - segments[i, 0]
    order = np.lexsort((((vertices[j] - segments[i, 0]) * along).sum(axis=1), i))
    i, j = i[order], j[order]
    together = i[1:] == i[:-1]
    ends, owner = np.stack([j[:-1], j[1:]], axis=1)[together], i[1:][together]
    pieces, row = np.unique(np.sort(ends, axis=1), axis=0, return_inverse=True)
    member = np.zeros((len(pieces), int(label.max()) + 1), dtype=bool)
    member[row.ravel(), label[owner]] = True
    return vertices, pieces, member


def _merged(points: Points, tol: float) -> Points:
    """Points without repetition, the first of each cluster, in the order given."""
    pairs = scipy.spatial.cKDTree(points).query_pairs(tol, output_type="ndarray")
    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(points), len(points)))
    _, cluster = connected_components(graph, directed=False)
    _, first = np.unique(cluster, return_index=True)
    return points[np.sort(first)]
