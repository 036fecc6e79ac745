"""Delaunay triangulations that contain a border: its edges are split until they all are in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from jusadel.mesh.checks import _check_node_count, signed_areas
from jusadel.mesh.generator.constraints import Border
from jusadel.mesh.generator.geometry import Film, Points
from jusadel.mesh.topology import Integers

NUDGE = 1e-11
"""Points move by this many extents in the library's eyes: four on a circle are no tie for round-off."""
GRID = 2.0**-32
"""Interior points lie on a grid of this spacing, in units of the extent: differences of round-off between machines
do not add up."""


@dataclass(frozen=True, kw_only=True)
class Triangulation:
    """The triangles in the film, of border points and then interior points."""

    border: Border
    interior: Points  # (i, 2)
    triangles: Integers  # (m, 3) counter-clockwise, smallest node first, sorted
    face: Integers  # (m,) number of the piece of film, between border lines, that a triangle lies in

    @property
    def points(self) -> Points:
        """(n, 2) border points, then interior ones."""
        return np.concatenate([self.border.points, self.interior])

    @property
    def corners(self) -> Points:
        """(m, 3, 2) corners of the triangles."""
        return self.points[self.triangles]

    @property
    def sides(self) -> NDArray[np.float64]:
        """(m, 3) lengths of the sides opposite to each corner."""
        return sides_of_triangles(self.corners)

    @property
    def cosines(self) -> NDArray[np.float64]:
        """(m, 3) cosines of the angles at the corners."""
        return cosines_of(self.corners)

    @property
    def opposite(self) -> Integers:
        """(m, 3, 2) nodes of the sides opposite to each corner."""
        return opposite_nodes(self.triangles)

    def encroached(self) -> NDArray[np.bool_]:
        """(s,) border edges that some triangle sees under an obtuse angle."""
        sides = self.opposite[self.cosines < -1e-6]
        keys, n = edge_keys(self.border.edges, len(self.points)), len(self.points)
        return np.isin(keys, edge_keys(sides, n))


def sides_of_triangles(corners: Points) -> NDArray[np.float64]:
    """(m, 3) lengths of the sides opposite to each of the corners (m, 3, 2)."""
    return np.asarray(np.sqrt(((corners[:, [2, 0, 1]] - corners[:, [1, 2, 0]]) ** 2).sum(axis=-1)))


def cosines_of(corners: Points) -> NDArray[np.float64]:
    """(m, 3) cosines of the angles at the corners (m, 3, 2)."""
    a = sides_of_triangles(corners)
    b, c = a[:, [1, 2, 0]], a[:, [2, 0, 1]]
    return np.clip((b**2 + c**2 - a**2) / (2 * b * c), -1, 1)


def opposite_nodes(triangles: Integers) -> Integers:
    """(m, 3, 2) nodes of the sides opposite to each corner."""
    return triangles[:, [[1, 2], [2, 0], [0, 1]]]


def edge_keys(pairs: Integers, n: int) -> Integers:
    """(k,) one number for each pair (k, 2) of n nodes, whatever their order."""
    return pairs.min(axis=-1) * n + pairs.max(axis=-1)


def triangulated(border: Border, interior: Points, film: Film) -> Triangulation:
    """The Delaunay triangulation of the film, border edges split until all are in it; drops points outside."""
    interior = np.round(interior / (GRID * border.unit)) * (GRID * border.unit)
    while True:  # ends, since Border.split refuses to go on for ever
        _check_node_count(len(border.points) + len(interior))
        simplices, neighbors = _delaunay(np.concatenate([border.points, interior]))
        n = int(simplices.max()) + 1
        sides = edge_keys(simplices[:, [[1, 2], [2, 0], [0, 1]]], n)
        keys = edge_keys(border.edges, n)
        missing = ~np.isin(keys, sides)
        if not missing.any():
            break
        border = border.split(missing)
    on_border = np.isin(sides, keys)
    face = _faces(simplices, neighbors, on_border)
    points = np.concatenate([border.points, interior, guards(border.points)])
    inside = _faces_inside(points[simplices], face, film)
    simplices, face = simplices[inside], face[inside]
    return _tidy(border, interior, simplices, face)


def guards(points: Points) -> Points:
    """Points far round the film, so that it does not touch the hull, whose triangles follow round-off."""
    center, radius = points.mean(axis=0), 2 * np.hypot(*np.ptp(points, axis=0))
    angle = 2 * np.pi * np.arange(12) / 12 + 0.1
    return center + radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def _delaunay(points: Points) -> tuple[Integers, Integers]:
    every = np.concatenate([points, guards(points)])
    nudge = NUDGE * np.random.default_rng(0).uniform(-1, 1, every.shape)
    found = scipy.spatial.Delaunay((every - every.mean(axis=0)) / np.ptp(every) + nudge)
    return found.simplices.astype(np.int64), found.neighbors.astype(np.int64)


def _faces(simplices: Integers, neighbors: Integers, on_border: NDArray[np.bool_]) -> Integers:
    """(m,) connected components of triangles, not across border edges."""
    row, side = np.nonzero(~on_border & (neighbors >= 0))
    m = len(simplices)
    graph = coo_array((np.ones(len(row)), (row, neighbors[row, side])), shape=(m, m))
    return connected_components(graph, directed=False)[1].astype(np.int64)


def _faces_inside(corners: Points, face: Integers, film: Film) -> NDArray[np.bool_]:
    """(m,) whether the face lies in the film, as the centre of its largest triangle does."""
    area = np.abs(signed_areas(corners))
    order = np.lexsort((-area, face))
    _, first = np.unique(face[order], return_index=True)
    return film(corners[order[first]].mean(axis=1))[face]


def _tidy(border: Border, interior: Points, triangles: Integers, face: Integers) -> Triangulation:
    """Counter-clockwise and sorted triangles, since the library's order follows round-off; unused points dropped."""
    n = len(border.points)
    used = np.zeros(n + len(interior), dtype=bool)
    used[triangles] = True
    used[:n] = True
    triangles = (np.cumsum(used) - 1)[triangles]
    interior = interior[used[n:]]
    points = np.concatenate([border.points, interior])
    clockwise = signed_areas(points[triangles]) < 0
    triangles[clockwise] = triangles[clockwise][:, [0, 2, 1]]
    turn = (triangles.argmin(axis=1)[:, None] + np.arange(3)) % 3
    triangles = np.take_along_axis(triangles, turn, axis=1)
    order = np.lexsort(triangles.T[::-1])
    _, first, number = np.unique(face[order], return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))
    return Triangulation(border=border, interior=interior, triangles=triangles[order], face=rank[number.ravel()])
