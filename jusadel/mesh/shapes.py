"""Meshes of simple shapes: the rectangle and the disk."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from jusadel.common.differentiability import SHAPES, without_derivatives
from jusadel.mesh.checks import _check_node_count, signed_areas
from jusadel.mesh.mesh import Chooser, Mesh
from jusadel.mesh.topology import Integers

SAME = 1e-9
"""Lines closer than this, in units of the side, are one."""


@without_derivatives(SHAPES)
def rectangle(
    width: float | None = None,
    height: float | None = None,
    size: float | None = None,
    *,
    x: ArrayLike | None = None,
    y: ArrayLike | None = None,
    x_lines: ArrayLike = (),
    y_lines: ArrayLike = (),
    regions: Mapping[str, tuple[float, float] | ArrayLike | Chooser] | None = None,
) -> Mesh:
    """Mesh of x in [0, width], y in [0, height], with diagonals of alternating direction.

        mesh = ju.rectangle(3.0, 1.0, size=0.2, regions={"S": (0.0, 1.3), "N": (1.3, 2.0), "F": (2.0, 3.0)})

    Args:
        width, height: the sides; they may be left out where `x` (`y`) says where the mesh ends.
        size: longest edge allowed; it may be left out where `x` and `y` are given.
        x, y: all mesh lines of that direction, increasing from 0 to width (height), for graded strips; in that
            direction they replace `size`, and diagonals may then exceed it.
        x_lines, y_lines: (k,) positions in [0, width] (in [0, height]) where mesh lines must lie, such as region
            borders: nodes lie at exactly these numbers. Between them mesh lines are evenly spaced as `size` asks;
            lines closer than that make a strip as narrow as they say. Lines closer than 1e-9 of the side are one.
        regions: by name, (start, stop) along x, where mesh lines are then put; or functions of the centroids (m, 2),
            as in `Mesh.with_regions`, whose borders must be among the mesh lines. Default {"film": everything}.

    Returns:
        A mesh with boundaries "left", "right", "bottom", "top".

    Raises:
        ValueError: a side or size that is missing or not positive, lines outside the rectangle, `x_lines` beside `x`,
            regions that overlap, leave a gap or have borders that are not mesh lines.
    """
    width, height = _side("width", width, "x", x), _side("height", height, "y", y)
    size = _size_of_edges(size, x, y)
    intervals = {name: at for name, at in (regions or {}).items() if isinstance(at, tuple)}
    if x is None and intervals:
        x_lines = np.append(x_lines, [_interval(name, at, width) for name, at in intervals.items()])
    xs, ys = _mesh_lines("x", x, x_lines, width, size), _mesh_lines("y", y, y_lines, height, size)
    nx, ny = len(xs) - 1, len(ys) - 1
    _check_node_count(len(xs) * len(ys))
    node = np.arange((nx + 1) * (ny + 1)).reshape(ny + 1, nx + 1)
    a, b, c, d = node[:-1, :-1], node[:-1, 1:], node[1:, 1:], node[1:, :-1]
    rising = (np.add.outer(np.arange(ny), np.arange(nx)) % 2 == 0)[..., None, None]
    triangles = np.where(
        rising,
        np.stack([np.stack([a, b, c], -1), np.stack([a, c, d], -1)], -2),
        np.stack([np.stack([a, b, d], -1), np.stack([b, c, d], -1)], -2),
    ).reshape(-1, 3)
    gx, gy = np.meshgrid(xs, ys)
    lines = {"left": node[:, 0], "right": node[:, -1], "bottom": node[0], "top": node[-1]}
    mesh = Mesh(
        points=np.stack([gx.ravel(), gy.ravel()], axis=1),
        triangles=triangles,
        boundaries={k: np.stack([v[:-1], v[1:]], axis=1) for k, v in lines.items()},
    )
    between = {name: _between(*_interval(name, at, width)) for name, at in intervals.items()}
    return mesh if regions is None else mesh.with_regions({**regions, **between})


def _side(name: str, given: float | None, lines_name: str, lines: ArrayLike | None) -> float:
    """The length of a side: as given, or the last of the mesh lines."""
    if given is None:
        if lines is None:
            raise ValueError(f"{name} is missing; expected a length, or the mesh lines {lines_name} = [0, ..., {name}]")
        numbers = np.asarray(lines, dtype=float).ravel().tolist()
        if not numbers:
            raise ValueError(f"{lines_name} must be a list of at least two increasing numbers, got {lines!r}")
        given = numbers[-1]
    _check_positive(**{name: given})
    return float(given)


def _size_of_edges(given: float | None, x: ArrayLike | None, y: ArrayLike | None) -> float:
    """As given; it is asked for where the mesh lines of a direction are not."""
    if given is None and (x is None or y is None):
        without = " and ".join(name for name, lines in (("x", x), ("y", y)) if lines is None)
        raise ValueError(f"size is missing; expected the longest edge allowed, or all mesh lines {without}")
    _check_positive(size=1.0 if given is None else given)
    return 1.0 if given is None else float(given)


def _interval(name: str, at: tuple[float, float], width: float) -> tuple[float, float]:
    if not (_are_numbers(at, (2,)) and -SAME * width <= at[0] < at[1] <= (1 + SAME) * width):
        raise ValueError(f"region {name!r} is {at}; expected (start, stop) along x with 0 <= start < stop <= {width}")
    return at


def _between(start: float, stop: float) -> Chooser:
    return lambda c: (c[:, 0] > start) & (c[:, 0] < stop)


@without_derivatives(SHAPES)
def disk(
    radius: float,
    size: float,
    core_size: float | None = None,
    center: tuple[float, float] = (0.0, 0.0),
) -> Mesh:
    """Mesh of a disk, fine at its centre: region "film", boundary "rim", a node on the centre.

    Concentric rings at distance h(r) = core + (rim - core) (1 - (1 - r/radius)^q) from each
    other, triangulated by Delaunay. q = 6 where size - core_size < radius / 20, less for steeper
    disks; at fixed q both sizes halved halve h everywhere, so that disk(R, s, c),
    disk(R, s/2, c/2), ... is a family for convergence studies.

    Args:
        radius: radius; the rim nodes lie on the circle.
        size: longest edge allowed.
        core_size: edge at the centre; default `size` (uniform).
        center: position of the centre.
    """
    core = size if core_size is None else core_size
    _check_positive(radius=radius, size=size, core_size=core)
    if size > radius:
        raise ValueError(f"size = {size} is larger than radius = {radius}; give a smaller size")
    if core > size:
        raise ValueError(f"core_size = {core} is larger than size = {size}; it must be <= size")
    _check_center(center)
    spacing = 0.9 * size  # between rings at the rim; edges across rings are up to 1.45 longer
    while True:
        rings = _rings(radius, spacing, min(core, spacing))
        points = np.concatenate([np.zeros((1, 2)), *rings])
        triangles = _delaunay(points)
        x = points[triangles]
        longest = np.sqrt(((x - x[:, [1, 2, 0]]) ** 2).sum(-1).max())
        if longest <= size:
            break
        spacing *= min(0.995, size / longest)
    rim = np.arange(len(points) - len(rings[-1]), len(points))
    edges = np.stack([rim, np.roll(rim, -1)], axis=1)
    return Mesh(points=points + np.asarray(center), triangles=triangles, boundaries={"rim": edges})


def _rings(radius: float, size: float, core: float) -> list[NDArray[np.float64]]:
    """Points of the rings round a centre; spacing `core` at the centre, `size` at the rim."""
    growth = size - core
    # q = 6 leaves most of the disk at `size`; steeper than 0.3 per length spoils the angles
    q = min(6.0, max(1.0, 0.3 * radius / growth)) if growth > 0 else 1.0
    core /= 1 + 0.5 * q * growth / radius  # h grows within the first step, which should be `core`
    r = np.linspace(0, radius, 20001)
    h = core + (size - core) * (1 - (1 - r / radius) ** q)
    count = np.concatenate([[0], np.cumsum(0.5 * (1 / h[1:] + 1 / h[:-1]) * np.diff(r))])
    _check_node_count(2 * np.pi * np.sum(r / h**2) * r[1])
    n_rings = max(1, int(np.ceil(count[-1] - 1e-9)))
    at = np.interp(np.arange(n_rings + 1) * count[-1] / n_rings, count, r)
    step = np.gradient(at)
    rings = []
    for k in range(1, n_rings + 1):
        n = max(6, round(6 * at[k] / step[k]))  # six equilateral triangles round the centre
        angle = 2 * np.pi * (np.arange(n) + 0.5 * (k % 2)) / n
        rings.append(at[k] * np.stack([np.cos(angle), np.sin(angle)], axis=1))
    return rings


def _delaunay(points: NDArray[np.float64]) -> Integers:
    """Counterclockwise triangles, smallest node first, sorted; the library's order follows round-off."""
    triangles = scipy.spatial.Delaunay(points).simplices.astype(np.int64)
    clockwise = signed_areas(points[triangles]) < 0
    triangles[clockwise] = triangles[clockwise][:, [0, 2, 1]]
    turn = (triangles.argmin(axis=1)[:, None] + np.arange(3)) % 3
    triangles = np.take_along_axis(triangles, turn, axis=1)
    return triangles[np.lexsort(triangles.T[::-1])]


def _mesh_lines(name: str, given: ArrayLike | None, through: ArrayLike, end: float, size: float) -> NDArray[np.float64]:
    """All mesh lines of one direction: those given, or evenly spaced ones between the stops."""
    stops = _stops(f"{name}_lines", through, end)
    if given is None:
        return _spaced(stops, size)
    if len(stops) > 2:
        raise ValueError(f"{name} and {name}_lines are both given; {name} is all mesh lines: put those of both into it")
    lines = np.asarray(given, dtype=float)
    if lines.ndim != 1 or len(lines) < 2 or not np.all(np.diff(lines) > 0):
        raise ValueError(f"{name} must be a list of at least two increasing numbers, got {given}")
    if abs(lines[0]) > 1e-12 * end or abs(lines[-1] - end) > 1e-12 * end:
        raise ValueError(f"{name} runs from {lines[0]} to {lines[-1]}; expected 0 to {end}")
    return lines


def _stops(what: str, through: ArrayLike, end: float) -> NDArray[np.float64]:
    """0, the lines between and `end`, increasing; lines that only round-off parts are one."""
    lines, same = np.asarray(through, dtype=float), SAME * end
    if lines.ndim != 1 or not np.all(np.isfinite(lines)):
        raise ValueError(f"{what} = {through!r}; expected a list of finite numbers, from 0 to {end}")
    outside = lines[(lines < -same) | (lines > end + same)]
    if outside.size:
        raise ValueError(f"{what} has lines at {outside.tolist()}, outside the rectangle; expected 0 to {end}")
    inner = np.unique(lines[(lines > same) & (lines < end - same)])
    apart = np.diff(inner, prepend=0.0) > same
    return np.concatenate([[0.0], inner[apart], [end]])


def _spaced(stops: NDArray[np.float64], size: float) -> NDArray[np.float64]:
    """The stops, and between them as many evenly spaced lines as edges of `size` need."""
    pieces = np.ceil(np.diff(stops) * np.sqrt(2) / size - 1e-9)  # the diagonal is the longest edge
    _check_node_count(pieces.sum())
    counts = np.maximum(pieces, 1).astype(int)
    place = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.append(np.repeat(stops[:-1], counts) + place * np.repeat(np.diff(stops) / counts, counts), stops[-1])


def _check_positive(**values: float) -> None:
    for name, value in values.items():
        if not (_are_numbers(value, ()) and value > 0):
            raise ValueError(f"{name} = {value!r}; expected a finite number > 0")


def _check_center(center: ArrayLike) -> None:
    if not _are_numbers(center, (2,)):
        raise ValueError(f"center = {center!r}; expected two finite numbers (x, y)")


def _are_numbers(given: ArrayLike, shape: tuple[int, ...]) -> bool:
    """Whether it is an array of finite real numbers of this shape."""
    array = np.asarray(given)
    return array.shape == shape and array.dtype.kind in "biuf" and bool(np.isfinite(array).all())
