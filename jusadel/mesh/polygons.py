"""Meshes of polygons with holes, named regions and named pieces of border."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jusadel.common.differentiability import SHAPES, without_derivatives
from jusadel.mesh.generator.constraints import Border, border_of
from jusadel.mesh.generator.delaunay import Triangulation
from jusadel.mesh.generator.geometry import (
    SAME,
    Film,
    Points,
    arranged,
    checked_line,
    distance_to,
    extent_of,
    inside,
    meetings,
    pieces_of,
    place,
    sides_of,
)
from jusadel.mesh.generator.refinement import SMALLEST_ANGLE, good_mesh
from jusadel.mesh.generator.shapely_input import (
    PlanarShape,
    Rings,
    checked_lines,
    checked_polygons,
    outline_and_holes,
)
from jusadel.mesh.generator.sizes import SizeFunction, size_function
from jusadel.mesh.mesh import Mesh
from jusadel.mesh.shapes import _check_center, _check_positive
from jusadel.mesh.topology import Integers


class SharpCornerWarning(UserWarning):
    """The film has a corner sharper than the smallest angle that a mesh is otherwise held to."""


@without_derivatives(SHAPES)
def polygon(
    outline: ArrayLike | PlanarShape,
    size: float | SizeFunction,
    holes: Sequence[ArrayLike | PlanarShape] | Mapping[str, ArrayLike | PlanarShape] | PlanarShape = (),
    regions: Mapping[str, ArrayLike | PlanarShape] | None = None,
    *,
    boundaries: Mapping[str, ArrayLike | PlanarShape] | None = None,
    rest: str = "film",
    nodes: ArrayLike = (),
) -> Mesh:
    """Mesh of a polygon with holes; mesh lines follow the borders of regions.

        square = [(0, 0), (4, 0), (4, 4), (0, 4)]
        mesh = ju.polygon(square, size=0.2, holes=[ju.circle(1.0, 0.2, center=(2, 2))],
                          regions={"lead": [(0, 0), (1, 0), (1, 4), (0, 4)]},
                          boundaries={"source": [(0, 0), (0, 4)]})

    All shapes may be geometries of shapely (extra "shapes"), and so unions, differences, intersections and buffers of
    others:

        film = shapely.box(0, 0, 4, 4) - shapely.Point(2, 2).buffer(0.5)
        mesh = ju.polygon(film, size=0.2, boundaries={"source": shapely.box(-0.1, 0, 0.1, 4)})

    All angles are at least 20 degrees, or MeshingError says where that failed. Corners of the input that are sharper
    themselves are exempt, and so are the triangles right across such a corner; SharpCornerWarning names them. No edge
    is longer than `size` at its midpoint (to 1e-9). Borders are split as `size` and narrow places require. Points
    closer than 1e-9 of the film's extent are taken as one.

    Args:
        outline: (k, 2) vertices in order, either way round, or a Polygon, whose holes are holes.
        size: largest edge; or, for graded meshes, a function of points (k, 2) that returns sizes (k,), such as
            `ju.graded`. Keep it smooth: it is looked at on edges and triangles, and fine spots may hide between them.
        holes: polygons inside the outline that touch neither it nor each other; a dict gives them names. Of a
            MultiPolygon each part is a hole, numbered behind the name.
        regions: polygons by name, or a Polygon with holes, or a MultiPolygon. Where two overlap the later one wins;
            what lies outside the film is cut off.
        boundaries: lines (k, 2) by name that run along the outline or a hole: contacts. A LineString or several; of a
            Polygon or MultiPolygon what it covers of the border.
        rest: name of the region that no polygon of `regions` covers.
        nodes: (k, 2) points in the film that shall be nodes.

    Returns:
        A mesh whose boundaries are "outline" and "hole0", "hole1", ... (or the holes' names), less what `boundaries`
        names, and those. What is named completely leaves no "outline" (or hole).

    Raises:
        ValueError: for polygons that cross themselves or each other, names used twice, lines that lie on no border.
        MeshingError: where no mesh with good angles was found, a ValueError.
    """
    rings, region_rings, lines = _checked_shapes(outline, holes, regions or {}, boundaries or {}, rest)
    around, hole_rings = rings["outline"], [ring for name, ring in rings.items() if name != "outline"]

    def film(points: Points) -> NDArray[np.bool_]:
        return inside(points, around, *hole_rings)

    tol = SAME * extent_of(around)
    wanted = _checked_nodes(nodes, film, around, hole_rings)
    segments = [sides_of(ring) for ring in rings.values()]
    segments += [np.concatenate([sides_of(ring) for ring in cover]) for cover in region_rings.values()]
    segments += [np.concatenate([pieces_of(line) for line in several]) for several in lines.values()]
    label = np.repeat(np.arange(len(segments)), [len(part) for part in segments])
    vertices, pieces, member = arranged(np.concatenate(segments), label, wanted, tol)
    names = _piece_names(vertices, pieces, member, list(rings), list(lines))
    keep = (names != "") | film(vertices[pieces].mean(axis=1))
    vertices, pieces, names = _without_unused(vertices, pieces[keep], names[keep], wanted)
    border = border_of(vertices, pieces, film)
    _warn_of_sharp_corners(border)
    mesh = good_mesh(border, size_function(size, extent_of(around)), film)
    edges = {name: mesh.border.edges[names[mesh.border.piece] == name] for name in (*rings, *lines)}
    return Mesh(
        points=mesh.points,
        triangles=mesh.triangles,
        regions=_regions(mesh, region_rings, rest),
        boundaries={name: pairs for name, pairs in edges.items() if len(pairs)},
    )


@without_derivatives(SHAPES)
def circle(radius: float, size: float, center: tuple[float, float] = (0.0, 0.0)) -> Points:
    """Vertices (k, 2) of a regular polygon on a circle, with sides at most `size` long and at least 12 of them."""
    _check_positive(radius=radius, size=size)
    _check_center(center)
    n = max(12, int(np.ceil(2 * np.pi * radius / size)))
    return arc(radius, 0.0, 2 * np.pi, n)[:-1] + np.asarray(center, dtype=float)


def arc(radius: float, start: float, stop: float, n: int) -> Points:
    """(n + 1, 2) points on a circle round the origin between two angles (radians)."""
    angle = np.linspace(start, stop, n + 1)
    return radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)


# --- checks of the input -------------------------------------------------------------------------


def _checked_shapes(
    outline: Any, holes: Any, regions: Any, boundaries: Any, rest: str
) -> tuple[dict[str, Points], dict[str, Rings], dict[str, list[Points]]]:
    """The outline and holes, the rings of each region, and the lines of each boundary, by name."""
    named = outline_and_holes(outline, holes)
    _check_names([*(name for name, _ in named), *boundaries], "outline, holes and boundaries")
    _check_names([rest, *regions], "rest and regions")
    rings = dict(named)
    _check_holes(rings)
    covers = {name: list(chain(*checked_polygons(f"region {name!r}", given))) for name, given in regions.items()}
    film = list(rings.values())
    return rings, covers, {name: checked_lines(f"boundary {name!r}", line, film) for name, line in boundaries.items()}


def _check_names(names: list[Any], what: str) -> None:
    for name in names:
        if not isinstance(name, str) or not name.strip():
            raise ValueError(f"{name!r} is among the names of {what}; expected strings that are not blank")
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"the names of {what} are {names}; {sorted(twice)} must not stand for two things: rename one")


def _check_holes(rings: dict[str, Points]) -> None:
    """Holes lie inside the outline, and neither touch each other nor lie inside each other."""
    names = ["the outline" if name == "outline" else f"hole {name!r}" for name in rings]
    sides = np.concatenate([sides_of(ring) for ring in rings.values()])
    owner = np.repeat(np.arange(len(names)), [len(ring) for ring in rings.values()])
    found = meetings(sides, sides, SAME * extent_of(rings["outline"]))
    bad = np.flatnonzero(owner[found.first] < owner[found.second])
    if bad.size:
        first, second = names[owner[found.first[bad[0]]]], names[owner[found.second[bad[0]]]]
        raise ValueError(
            f"{second} meets {first} at {place(found.point[bad[0]])}; expected polygons that do not touch: join them "
            "into one polygon"
        )
    starts = np.array([ring[0] for ring in rings.values()])
    for number, (name, ring) in enumerate(rings.items()):
        within = inside(starts, ring)
        if name == "outline" and not within[1:].all():
            k = 1 + int(within[1:].argmin())
            raise ValueError(f"{names[k]} lies outside the outline, at {place(starts[k])}; drop it or move it")
        within[number] = False
        if name != "outline" and within.any():
            other = names[within.argmax()]
            raise ValueError(f"{other} lies inside {names[number]}; drop the inner one")


def _checked_nodes(nodes: Any, film: Film, outline: Points, holes: list[Points]) -> Points:
    if np.size(nodes) == 0:
        return np.zeros((0, 2))
    points = checked_line("nodes", nodes, 1)
    on_border = distance_to(points, np.concatenate([sides_of(ring) for ring in (outline, *holes)]))
    outside = np.flatnonzero(~film(points) & (on_border > SAME * extent_of(outline)))
    if outside.size:
        raise ValueError(f"nodes[{outside[0]}] = {place(points[outside[0]])} lies outside the film")
    return points


def _warn_of_sharp_corners(border: Border) -> None:
    sharp = np.flatnonzero(border.corner < SMALLEST_ANGLE)
    if sharp.size:
        where = ", ".join(f"{border.corner[k]:.3g} degrees at {place(border.points[k])}" for k in sharp[:5])
        warnings.warn(
            f"the film or a region has corners sharper than {SMALLEST_ANGLE:.0f} degrees ({where}): triangles there "
            "are as sharp, and small",
            SharpCornerWarning,
            stacklevel=3,
        )


# --- names ---------------------------------------------------------------------------------------


def _piece_names(
    vertices: Points, pieces: Integers, member: NDArray[np.bool_], rings: list[str], lines: list[str]
) -> NDArray[Any]:
    """(q,) boundary that each piece belongs to, "" for inner ones."""
    names = np.full(len(pieces), "", dtype=object)
    for number, name in enumerate(rings):
        names[member[:, number]] = name
    on_border = names != ""
    taken = np.zeros(len(pieces), dtype=bool)
    for number, name in enumerate(lines, start=member.shape[1] - len(lines)):
        along = member[:, number]
        for bad, fault in (
            (along & ~on_border, "which is not on the outline or on a hole; give points of that border, in order"),
            (along & taken, "where another boundary lies already; let them share end points only"),
        ):
            if bad.any():
                a, b = vertices[pieces[bad][0]]
                raise ValueError(f"boundary {name!r} runs from {place(a)} to {place(b)}, {fault}")
        names[along], taken = name, taken | along
    return names


def _without_unused(vertices: Points, pieces: Integers, names: Any, wanted: Points) -> tuple[Points, Integers, Any]:
    """Without the vertices that are on no piece, other than the wanted ones."""
    used = np.zeros(len(vertices), dtype=bool)
    used[pieces] = True
    for point in wanted:
        used[np.hypot(*(vertices - point).T).argmin()] = True
    return vertices[used], (np.cumsum(used) - 1)[pieces], names


def _regions(mesh: Triangulation, regions: dict[str, Rings], rest: str) -> dict[str, Integers]:
    """Triangle numbers by name; each face between border lines lies in one region."""
    center = mesh.corners.mean(axis=1)
    order = np.lexsort((-mesh.sides.min(axis=1), mesh.face))
    _, first = np.unique(mesh.face[order], return_index=True)
    number = np.full(len(first), -1)
    for k, rings in enumerate(regions.values()):
        number[inside(center[order[first]], *rings)] = k
    found = {name: np.flatnonzero(number[mesh.face] == k) for k, name in enumerate(regions)}
    for name, index in found.items():
        if len(index) == 0:
            raise ValueError(
                f"region {name!r} covers no film: it lies outside the outline or in a hole, or later regions cover it"
            )
    uncovered = np.flatnonzero(number[mesh.face] == -1)
    return found | ({rest: uncovered} if len(uncovered) else {})
