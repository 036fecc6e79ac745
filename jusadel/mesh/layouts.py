"""Meshes of what people measure: strips, rings, Corbino disks, T- and cross-junctions, SQUID loops."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from jusadel.common.differentiability import SHAPES, without_derivatives
from jusadel.mesh.generator.geometry import Points
from jusadel.mesh.generator.sizes import SizeFunction
from jusadel.mesh.mesh import Mesh
from jusadel.mesh.polygons import arc, circle, polygon
from jusadel.mesh.shapes import _check_positive

Size = float | SizeFunction
"""Largest edge, or a function of points (k, 2) such as `jusadel.graded`."""


@without_derivatives(SHAPES)
def strip(lengths: Mapping[str, float] | float, width: float, size: Size) -> Mesh:
    """A strip along x with named regions one after another: x from 0, y in [0, width].

        mesh = ju.strip({"S1": 3.0, "N": 1.0, "S2": 3.0}, width=1.0, size=0.2)

    Args:
        lengths: length along x of each region, from left to right; a number for one region "film".
        width: extent along y.
        size: largest edge, or a function of points.

    Returns:
        A mesh with boundaries "left", "right", "bottom", "top".
    """
    parts = dict(lengths) if isinstance(lengths, Mapping) else {"film": lengths}
    if not parts:
        raise ValueError("lengths is empty; expected a length or {region: length}")
    _check_positive(width=width, **{f"the length of {name!r}": length for name, length in parts.items()})
    ends = np.concatenate([[0.0], np.cumsum(list(parts.values()))])
    length = float(ends[-1])
    regions = {name: _box(a, 0, b, width) for name, a, b in zip(parts, ends[:-1], ends[1:], strict=True)}
    corners = _box(0, 0, length, width)
    sides = {name: corners[[k, (k + 1) % 4]] for k, name in enumerate(("bottom", "right", "top", "left"))}
    return polygon(corners, size, regions=regions, boundaries=sides, rest=_unused_name(regions))


@without_derivatives(SHAPES)
def ring(
    inner_radius: float,
    outer_radius: float,
    size: Size,
    sectors: Mapping[str, tuple[float, float]] | None = None,
) -> Mesh:
    """A ring round the origin, with named sectors such as weak links.

        half = 0.2  # radians
        mesh = ju.ring(1.0, 2.0, size=0.2, sectors={"link": (-half, half)})

    Args:
        inner_radius, outer_radius: radii of the two circles, on which their nodes lie.
        size: largest edge, or a function of points.
        sectors: (start, stop) angles in radians by name, counter-clockwise from the x axis, stop - start < 2 pi.

    Returns:
        A mesh with boundaries "inner" and "outer"; the region "film" is what no sector covers.
    """
    sectors = sectors or {}
    _check_radii(inner_radius, outer_radius)
    for name, (start, stop) in sectors.items():
        if not 0 < stop - start < 2 * np.pi:
            raise ValueError(f"sector {name!r} is ({start}, {stop}); expected start < stop < start + 2 pi (radians)")
    angles = np.array([angle for pair in sectors.values() for angle in pair])
    outer, inner = (_circle_through(r, _length_on(size, r), angles) for r in (outer_radius, inner_radius))
    regions = {name: _sector(0.5 * inner_radius, 2 * outer_radius, *pair) for name, pair in sectors.items()}
    mesh = polygon(outer, size, {"inner": inner}, regions)
    return _renamed(mesh, {"outline": "outer"})


@without_derivatives(SHAPES)
def corbino(
    inner_radius: float,
    outer_radius: float,
    size: Size,
    rings: Mapping[str, tuple[float, float]] | None = None,
) -> Mesh:
    """A Corbino disk round the origin: contacts "inner" and "outer", named rings between them.

        mesh = ju.corbino(1.0, 4.0, size=0.2, rings={"N": (2.0, 3.0)})

    Args:
        inner_radius, outer_radius: radii of the contacts, on which their nodes lie.
        size: largest edge, or a function of points.
        rings: (from, to) radii of regions by name, in increasing order.

    Returns:
        A mesh with boundaries "inner" and "outer"; the region "film" is what no ring covers.
    """
    rings = rings or {}
    _check_radii(inner_radius, outer_radius)
    disks: dict[str, Points] = {}
    gaps, last = [], inner_radius
    for name, (a, b) in rings.items():
        if not last * (1 - 1e-12) <= a < b <= outer_radius * (1 + 1e-12):
            raise ValueError(
                f"ring {name!r} goes from {a} to {b}; expected increasing radii in [{last}, {outer_radius}], and "
                "rings in increasing order that do not overlap"
            )
        if a > last * (1 + 1e-12):
            gaps.append(f"inside of {name}")
            disks[gaps[-1]] = circle(a, _length_on(size, a))
        disks[name] = circle(b, _length_on(size, b))
        last = b
    regions = dict(reversed(disks.items()))  # the smaller disks later: they win
    inner = circle(inner_radius, _length_on(size, inner_radius))
    mesh = polygon(circle(outer_radius, _length_on(size, outer_radius)), size, {"inner": inner}, regions)
    return _renamed(_merged_into(mesh, gaps, "film"), {"outline": "outer"})


@without_derivatives(SHAPES)
def t_junction(arms: Mapping[str, float] | float, width: float, size: Size) -> Mesh:
    """A T of straight wires that meet at the origin, with arms "left", "right" and "bottom".

    Args:
        arms: length of each arm, from the edge of the central square to its end; a number for all of them.
        width: width of the wires.
        size: largest edge, or a function of points.

    Returns:
        A mesh with regions "center", "left", "right", "bottom"; boundaries of the same names at the ends of the arms
        (contacts), and "outline".
    """
    return _wires(("left", "right", "bottom"), arms, width, size)


@without_derivatives(SHAPES)
def cross_junction(arms: Mapping[str, float] | float, width: float, size: Size) -> Mesh:
    """A cross of straight wires that meet at the origin, with arms "left", "right", "bottom" and "top".

    Args and result as for `t_junction`.
    """
    return _wires(("left", "right", "bottom", "top"), arms, width, size)


@without_derivatives(SHAPES)
def squid_loop(
    inner_width: float,
    inner_height: float,
    arm_width: float,
    link_length: float,
    lead_length: float,
    size: Size,
    lead_width: float | None = None,
) -> Mesh:
    """A rectangular loop round the origin with a weak link in its upper and lower arm, and a lead on either side.

    Args:
        inner_width, inner_height: the hole's extent along x and y.
        arm_width: width of the film round the hole.
        link_length: length along x of each weak link, which lies at x = 0 across the whole arm.
        lead_length: length of the leads, along x.
        size: largest edge, or a function of points.
        lead_width: width of the leads; default `arm_width`.

    Returns:
        A mesh with regions "upper", "lower" (the links) and "left electrode", "right electrode" (with their leads);
        boundaries "left", "right" (the leads' ends), "hole" and "outline".
    """
    lead = arm_width if lead_width is None else lead_width
    _check_positive(inner_width=inner_width, inner_height=inner_height, arm_width=arm_width, link_length=link_length)
    _check_positive(lead_length=lead_length, lead_width=lead)
    x, y, link, half = inner_width / 2, inner_height / 2, link_length / 2, lead / 2
    if link >= x:
        raise ValueError(f"link_length = {link_length}; expected less than inner_width = {inner_width}")
    out_x, out_y = x + arm_width, y + arm_width
    if half >= out_y:
        raise ValueError(f"lead_width = {lead}; expected less than the loop's height {2 * out_y}")
    end = out_x + lead_length
    quarter = [(out_x, out_y), (out_x, half), (end, half)]
    right = np.array(quarter + [(a, -b) for a, b in reversed(quarter)])
    outline = np.concatenate([right, -right])
    regions = {
        "left electrode": _box(-2 * end, -2 * out_y, -link, 2 * out_y),
        "right electrode": _box(link, -2 * out_y, 2 * end, 2 * out_y),
        "upper": _box(-link, 0, link, 2 * out_y),
        "lower": _box(-link, -2 * out_y, link, 0),
    }
    contacts = {name: [(s * end, -half), (s * end, half)] for name, s in (("left", -1), ("right", 1))}
    return polygon(outline, size, {"hole": _box(-x, -y, x, y)}, regions, boundaries=contacts, rest="film")


# --- parts ---------------------------------------------------------------------------------------


def _wires(names: tuple[str, ...], arms: Mapping[str, float] | float, width: float, size: Size) -> Mesh:
    lengths: dict[str, Any] = dict(arms) if isinstance(arms, Mapping) else dict.fromkeys(names, arms)
    if set(lengths) != set(names):
        raise ValueError(f"arms has the names {list(lengths)}; expected a number, or all of {list(names)}")
    _check_positive(width=width, **{f"the length of arm {name!r}": length for name, length in lengths.items()})
    h = width / 2
    directions = {"right": (1, 0), "top": (0, 1), "left": (-1, 0), "bottom": (0, -1)}
    outline, regions, contacts = [], {"center": _box(-h, -h, h, h)}, {}
    for name, d in directions.items():  # counter-clockwise; each arm begins where the one before ends
        along, across = np.array(d), np.array([-d[1], d[0]])
        foot = np.array([h * along - h * across, h * along + h * across])
        outline.append(foot[0])
        if name in names:
            tip = foot + lengths[name] * along
            outline += [tip[0], tip[1]]
            regions[name], contacts[name] = np.array([foot[0], tip[0], tip[1], foot[1]]), tip
    return polygon(outline, size, regions=regions, boundaries=contacts)


def _box(x0: float, y0: float, x1: float, y1: float) -> Points:
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], dtype=float)


def _length_on(size: Size, radius: float) -> float:
    """Longest side of a polygon on a circle: `size`, at its smallest on that circle."""
    if callable(size):
        return float(np.min(size(arc(radius, 0, 2 * np.pi, 256))))
    _check_positive(size=size)
    return float(size)


def _circle_through(radius: float, size: float, angles: Any) -> Points:
    """Vertices on a circle at all `angles`, and others between them, with sides at most `size` long."""
    stops = np.unique(np.asarray(angles, dtype=float) % (2 * np.pi))
    stops = stops[np.append(True, np.diff(stops) > 1e-9)] if len(stops) else np.zeros(1)
    steps = np.diff(np.append(stops, stops[0] + 2 * np.pi))
    counts = np.maximum(1, np.ceil(steps * max(radius / size, 2) - 1e-9)).astype(int)
    parts = [arc(radius, a, a + step, n)[:-1] for a, step, n in zip(stops, steps, counts, strict=True)]
    return np.concatenate(parts)


def _sector(inner: float, outer: float, start: float, stop: float) -> Points:
    n = max(2, int(np.ceil(4 * (stop - start))))
    return np.concatenate([arc(outer, start, stop, n), arc(inner, stop, start, n)])


def _check_radii(inner: float, outer: float) -> None:
    _check_positive(inner_radius=inner, outer_radius=outer)
    if inner >= outer:
        raise ValueError(f"inner_radius = {inner} is not smaller than outer_radius = {outer}")


def _unused_name(names: Any) -> str:
    return "film" if "film" not in names else "no film"


def _renamed(mesh: Mesh, names: Mapping[str, str]) -> Mesh:
    boundaries = {names.get(name, name): edges for name, edges in mesh.boundaries.items()}
    return Mesh(points=mesh.points, triangles=mesh.triangles, regions=mesh.regions, boundaries=boundaries)


def _merged_into(mesh: Mesh, parts: list[str], name: str) -> Mesh:
    """The same mesh with the regions `parts`, as far as they exist, made part of the last, `name`; others reversed."""
    kept = [key for key in reversed(list(mesh.regions)) if key not in (*parts, name)]
    regions = {key: mesh.regions[key] for key in kept}
    together = [mesh.regions[key] for key in (*parts, name) if key in mesh.regions]
    if together:
        regions[name] = np.concatenate(together)
    return Mesh(points=mesh.points, triangles=mesh.triangles, regions=regions, boundaries=mesh.boundaries)
