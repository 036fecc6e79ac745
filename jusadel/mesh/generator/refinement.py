"""From first points to a good mesh: smoothing, and new points where angles are small or edges long."""

from __future__ import annotations

import numpy as np
import scipy
from numpy.typing import NDArray

from jusadel.mesh.checks import signed_areas
from jusadel.mesh.generator.constraints import ACUTE, Border, MeshingError
from jusadel.mesh.generator.delaunay import Triangulation, triangulated
from jusadel.mesh.generator.geometry import Film, Points, meetings, place
from jusadel.mesh.generator.initial_points import apart, interior_points, split_border
from jusadel.mesh.generator.sizes import SizeFunction

SMALLEST_ANGLE = 20.0
"""Degrees: what a mesh must have, except in corners of the input that are sharper."""
AIM = 24.0
"""Degrees: what refinement asks for, as long as it gets there."""
ROUNDS = 80


def good_mesh(border: Border, size: SizeFunction, film: Film) -> Triangulation:
    """A triangulation of the film with all angles and sizes as they should be, or MeshingError."""
    border = split_border(border, size, film)
    mesh = triangulated(border, interior_points(border, size), film)
    for _ in range(4):
        mesh = relaxed(mesh, film)
    mesh = refined(mesh, size, film)
    try:
        return refined(relaxed(mesh, film), size, film)
    except MeshingError:  # smoothing has spoilt what was good already
        return mesh


def relaxed(mesh: Triangulation, film: Film, sweeps: int = 3) -> Triangulation:
    """Interior points moved to the centre of the triangles round them."""
    points, first = mesh.points, len(mesh.border.points)
    if len(mesh.interior) == 0:
        return mesh
    for _ in range(sweeps):  # with the same triangles: new ones cost more
        points = np.concatenate([points[:first], centers_around(points, mesh.triangles)[first:]])
    return triangulated(mesh.border, points[first:], film)


def centers_around(points: Points, triangles: NDArray[np.int64]) -> Points:
    """(n, 2) the area-weighted centre of the triangles round each node."""
    corners, node = points[triangles], triangles.ravel()
    weight = np.abs(signed_areas(corners))
    total, x, y = (np.bincount(node, w.repeat(3), len(points)) for w in (weight, *(weight * corners.mean(axis=1).T)))
    return np.asarray(np.stack([x, y], axis=1) / total[:, None])


def refined(mesh: Triangulation, size: SizeFunction, film: Film) -> Triangulation:
    """Points added at circumcentres of bad triangles, or on border edges in their way, until none is bad.

    Where angles of AIM are out of reach, the first mesh with angles of SMALLEST_ANGLE.
    """
    good, most = None, 3 * len(mesh.points) + 1000
    for _ in range(ROUNDS):
        score = badness(mesh, size)
        bad = np.flatnonzero(score > 1)
        if not bad.size:
            return mesh
        if good is None and badness(mesh, size, SMALLEST_ANGLE).max() <= 1:
            good = mesh
        if len(mesh.points) > most:
            break
        bad = bad[np.argsort(-np.round(score[bad], 6), kind="stable")][:2000]
        try:
            mesh = triangulated(*_with_circumcenters(mesh, size, bad), film)
        except MeshingError:
            if good is None:
                raise
            break
    return _checked(mesh, size) if good is None else good


def _checked(mesh: Triangulation, size: SizeFunction) -> Triangulation:
    """The mesh, if its angles and sizes are as promised; else MeshingError with the worst place."""
    score = badness(mesh, size, SMALLEST_ANGLE)
    if score.max() <= 1:
        return mesh
    worst = int(score.argmax())
    angle = np.degrees(np.arccos(mesh.cosines[worst].max()))
    raise MeshingError(
        f"no mesh with all angles above {SMALLEST_ANGLE:.0f} degrees was found: {angle:.1f} degrees and edges of "
        f"{mesh.sides[worst].max():.3g} near {place(mesh.corners[worst].mean(axis=0))}. Give a smaller size there, or "
        "move borders that meet at a small angle or almost touch"
    )


def badness(mesh: Triangulation, size: SizeFunction, aim: float = AIM) -> NDArray[np.float64]:
    """(m,) wanted / smallest angle, or longest edge / size, whichever is worse: above 1 for bad triangles."""
    sides, angles = mesh.sides, np.degrees(np.arccos(mesh.cosines))
    middles = mesh.points[mesh.opposite].mean(axis=2)
    allowed = size(middles.reshape(-1, 2)).reshape(sides.shape) * (1 + 1e-9)
    corner = input_angles(mesh)
    wanted = np.where(corner < SMALLEST_ANGLE + 1e-6, 0, np.where(corner < ACUTE, SMALLEST_ANGLE, aim))
    return np.maximum(wanted / angles.min(axis=1), (sides / allowed).max(axis=1))


def input_angles(mesh: Triangulation) -> NDArray[np.float64]:
    """(m,) angle in degrees of the input's corner that a triangle's smallest angle lies in, or right across; or 360."""
    number, least = np.arange(len(mesh.triangles)), mesh.sides.argmin(axis=1)
    corner = np.concatenate([mesh.border.corner, np.full(len(mesh.interior), 360.0)])
    node = mesh.triangles[number, least]  # with the smallest angle, opposite to the shortest side
    return np.minimum(corner[node], mesh.border.across_corner(*mesh.opposite[number, least].T))


def _with_circumcenters(mesh: Triangulation, size: SizeFunction, bad: NDArray[np.int64]) -> tuple[Border, Points]:
    """The border and the interior points after one round of insertions for the triangles `bad`, worst first."""
    border = mesh.border
    center, radius = circumcircles(mesh.corners[bad])
    ends = np.stack([mesh.corners[bad].mean(axis=1), center], axis=1)
    edges = border.points[border.edges]
    split = border.lengths > size(border.middles) * (1 + 1e-9)
    blocked = np.zeros(len(bad), dtype=bool)
    # edges that the way to the new point crosses, the first of them
    found = meetings(ends, edges, 0.0)
    way = np.hypot(*(found.point - ends[found.first, 0]).T)
    order = np.lexsort((way, found.first))
    who, first = np.unique(found.first[order], return_index=True)
    split[found.second[order[first]]] = True
    blocked[who] = True
    # edges that the new point would see under an obtuse angle
    seen = scipy.spatial.cKDTree(center).query_ball_point(border.middles, 0.5 * border.lengths * (1 - 1e-9))
    for_edge = np.array([len(s) for s in seen])
    split |= for_edge > 0
    blocked[np.concatenate([np.asarray(s, dtype=int) for s in seen])] = True
    center, radius = center[~blocked], radius[~blocked]
    if len(center):
        center = center[apart(center, radius, np.arange(len(center)))]
    return border.split(split), np.concatenate([mesh.interior, center])


def circumcircles(corners: Points) -> tuple[Points, NDArray[np.float64]]:
    """Centres (m, 2) and radii (m,) of the circles through the corners (m, 3, 2)."""
    u, v = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    u2, v2 = (u**2).sum(axis=1), (v**2).sum(axis=1)
    twice = 4 * signed_areas(corners)
    off = np.stack([v[:, 1] * u2 - u[:, 1] * v2, u[:, 0] * v2 - v[:, 0] * u2], axis=1) / twice[:, None]
    return corners[:, 0] + off, np.hypot(*off.T)
