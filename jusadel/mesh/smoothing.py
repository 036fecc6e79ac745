"""Bisected meshes made regular again: edges flipped, and inner nodes moved to the middle of their triangles.

Bisection leaves nodes with four or eight neighbours and sizes that jump by two, on which averages over the triangles
round a node are only as good as the elements. Borders stay as they are: edges of boundaries, between regions, and of
lines with a name, with all their nodes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jusadel.mesh.checks import signed_areas
from jusadel.mesh.generator.delaunay import cosines_of, edge_keys, opposite_nodes
from jusadel.mesh.generator.geometry import Points
from jusadel.mesh.generator.refinement import SMALLEST_ANGLE, centers_around
from jusadel.mesh.mesh import Mesh
from jusadel.mesh.topology import Integers, Topology, edge_rows, frozen

SWEEPS = 10


def smoothed(mesh: Mesh) -> Mesh:
    """The mesh with the same borders, regions and number of nodes, and more regular triangles."""
    held = _held_edges(mesh)
    fixed = np.zeros(mesh.n_nodes, bool)
    fixed[held] = True
    points, triangles = np.array(mesh.points), np.array(mesh.triangles)
    for _ in range(SWEEPS):
        triangles = flipped(points, triangles, held)
        points = _centered(points, triangles, fixed)
    triangles = flipped(points, triangles, held)
    topology = Topology(triangles, mesh.topology.regions, mesh.topology.boundaries)
    return Mesh.unchecked(frozen(points), topology)


def _held_edges(mesh: Mesh) -> Integers:
    """(k, 2) edges that must stay: with one triangle, with a name, or between two regions."""
    rows, of = mesh.triangle_edges.ravel(), mesh.region_of_triangle.repeat(3)
    count, total, squares = (np.bincount(rows, w, len(mesh.edges)) for w in (np.ones(len(rows)), of, of**2))
    held = (count == 1) | (2 * squares != total**2)
    for edges in mesh.boundaries.values():
        held[edge_rows(mesh.edges, edges)] = True
    found: Integers = mesh.edges[held]
    return found


@dataclass(frozen=True)
class Pairs:
    """Triangles (e,) on both sides of an edge, and which of their corners lies opposite to it."""

    first: Integers
    first_corner: Integers
    second: Integers
    second_corner: Integers


def flipped(points: Points, triangles: Integers, held: Integers) -> Integers:
    """(m, 3) Delaunay triangles within the held edges: an edge that two obtuse angles see is exchanged for the other
    diagonal. Triangles keep their numbers, two that are exchanged stay in the place of the two."""
    while True:  # every flip raises the smallest angles of the two, so that this ends
        pairs = _neighbours(triangles, held, len(points))
        bad = _cotangents(points, triangles, pairs)
        which = _independent(bad, pairs, len(triangles))
        if not which.size:
            return triangles
        one, two = pairs.first[which], pairs.second[which]
        turn = (pairs.first_corner[which, None] + np.arange(3)) % 3
        a, b, c = np.take_along_axis(triangles[one], turn, axis=1).T
        d = triangles[two, pairs.second_corner[which]]
        triangles = triangles.copy()
        triangles[one], triangles[two] = np.stack([a, b, d], axis=1), np.stack([a, d, c], axis=1)


def _neighbours(triangles: Integers, held: Integers, n: int) -> Pairs:
    """Triangles that share an edge which is not held."""
    keys = edge_keys(opposite_nodes(triangles), n).ravel()
    order = np.argsort(keys, kind="stable")
    same = np.flatnonzero(keys[order][1:] == keys[order][:-1])
    same = same[~np.isin(keys[order[same]], edge_keys(held, n))]
    one, two = order[same], order[same + 1]
    return Pairs(one // 3, one % 3, two // 3, two % 3)


def _cotangents(points: Points, triangles: Integers, pairs: Pairs) -> NDArray[np.float64]:
    """(e,) sum of the cotangents of the two angles that see an edge: negative if they are more than 180 degrees."""
    cosine = cosines_of(points[triangles])
    cotangent = cosine / np.sqrt(np.maximum(1 - cosine**2, 1e-30))
    return np.asarray(cotangent[pairs.first, pairs.first_corner] + cotangent[pairs.second, pairs.second_corner])


def _independent(bad: NDArray[np.float64], pairs: Pairs, m: int) -> Integers:
    """Edges to flip at once: the worst one of both of its triangles."""
    which = np.flatnonzero(bad < -1e-9)
    which = which[np.argsort(bad[which], kind="stable")]
    rank, worst = np.arange(len(which)), np.full(m, len(which))
    for triangle in (pairs.first[which], pairs.second[which]):
        np.minimum.at(worst, triangle, rank)
    return which[(worst[pairs.first[which]] == rank) & (worst[pairs.second[which]] == rank)]


def _centered(points: Points, triangles: Integers, fixed: NDArray[np.bool_]) -> Points:
    """Nodes at the area-weighted centre of the triangles round them, except where an angle would get too small."""
    moved = np.where(fixed[:, None], points, centers_around(points, triangles))
    allowed = np.minimum(_smallest_angles(points[triangles]), SMALLEST_ANGLE)
    while True:
        corners = moved[triangles]
        worse = (signed_areas(corners) <= 0) | (_smallest_angles(corners) < allowed - 1e-9)
        back = np.zeros(len(points), bool)
        back[triangles[worse]] = True
        back &= (moved != points).any(axis=1)
        if not back.any():
            return moved
        moved[back] = points[back]


def _smallest_angles(corners: Points) -> NDArray[np.float64]:
    return np.degrees(np.arccos(cosines_of(corners).max(axis=-1)))
