"""Shapes as they are given, as vertices or as geometries of shapely, taken apart into rings and lines of vertices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from jusadel.mesh.generator.geometry import SAME, Points, checked_line, checked_ring, extent_of


class PlanarShape(Protocol):
    """A geometry of shapely: Polygon, MultiPolygon, LineString, MultiLineString."""

    @property
    def geom_type(self) -> str:
        """Its kind."""


Rings = list[Points]
"""The outline of a polygon, counter-clockwise, and its holes."""


def checked_polygons(what: str, given: Any) -> list[Rings]:
    """The polygons that are given: one of vertices (k, 2), or those of a geometry of shapely."""
    if not _is_shape(given):
        return [[checked_ring(what, given)]]
    parts = _parts(what, given, ("Polygon",), "a Polygon or a MultiPolygon")
    return [[checked_ring(what, _vertices(ring)) for ring in (part.exterior, *part.interiors)] for part in parts]


def checked_lines(what: str, given: Any, film: list[Points]) -> list[Points]:
    """The lines that are given: one of points (k, 2), those of a geometry, or the border that its polygons cover.

    Args:
        what: named in messages.
        given: points (k, 2), or a LineString, MultiLineString, Polygon or MultiPolygon of shapely.
        film: the outline of the film and its holes.
    """
    if not _is_shape(given):
        return [checked_line(what, given, 2)]
    if "Polygon" in given.geom_type:
        given = _covered(what, given, film)
    parts = _parts(what, given, ("LineString", "LinearRing"), "lines or polygons")
    return [checked_line(what, _vertices(part), 2) for part in parts]


def outline_and_holes(outline: Any, holes: Any) -> list[tuple[str, Points]]:
    """Names and rings of the outline and of all holes, those in a geometry before those that are given beside it."""
    film = checked_polygons("the outline", outline)
    if len(film) > 1:
        raise ValueError(
            f"the outline consists of {len(film)} separate polygons; expected one: join them (shapely.union_all, "
            "after buffer where gaps are thin), or mesh each"
        )
    found = [("outline", film[0][0]), *((f"hole{k}", ring) for k, ring in enumerate(film[0][1:]))]
    if isinstance(holes, Mapping):
        for name, given in holes.items():
            rings = _without_islands(f"hole {name!r}", given)
            found += [(f"{name}{k}" if len(rings) > 1 else name, ring) for k, ring in enumerate(rings)]
        return found
    for given in [holes] if _is_shape(holes) else holes:
        first = len(found) - 1
        rings = _without_islands(f"hole 'hole{first}'", given)
        found += [(f"hole{k}", ring) for k, ring in enumerate(rings, first)]
    return found


def _without_islands(what: str, given: Any) -> list[Points]:
    found = checked_polygons(what, given)
    if any(len(rings) > 1 for rings in found):
        raise ValueError(f"{what} has a hole itself, an island of film; expected one connected film: drop it")
    return [rings[0] for rings in found]


def _is_shape(given: Any) -> bool:
    return hasattr(given, "geom_type")


def _parts(what: str, given: Any, kinds: tuple[str, ...], expected: str) -> list[Any]:
    """The parts of these kinds of a geometry, of which there must be some, and no others but points."""
    parts = [part for part in getattr(given, "geoms", [given]) if not part.is_empty]
    kept = [part for part in parts if part.geom_type in kinds]
    if not kept or not {part.geom_type for part in parts} <= {*kinds, "Point"}:
        fault = "an empty" if given.is_empty else "a"
        raise ValueError(f"{what} is {fault} {given.geom_type} of shapely; expected {expected}")
    return kept


def _vertices(line: Any) -> Points:
    """Its points (k, 2), those left out that booleans of shapely repeat within round-off."""
    points = np.asarray(line.coords, dtype=float)[:, :2]
    apart = np.abs(np.diff(points, axis=0)).max(axis=1) > SAME * max(extent_of(points), 1e-300)
    return points[np.append(True, apart)]


def _covered(what: str, given: Any, film: list[Points]) -> Any:
    """The part of the film's border that lies in polygons, as lines."""
    import shapely  # whoever gives such a polygon has it

    found = given.intersection(shapely.Polygon(film[0], film[1:]).boundary)
    lines = [part for part in getattr(found, "geoms", [found]) if part.geom_type == "LineString" and part.length > 0]
    if not lines:
        raise ValueError(
            f"{what} is a {given.geom_type} that covers no part of the film's border; move it over an edge"
        )
    return shapely.line_merge(shapely.MultiLineString(lines))
