"""Straight cuts through a mesh: the triangles that one crosses, its path through them, and what flows across.

The path joins the midpoints of the edges that the segment crosses, so that currents which balance at every node give
the same flux through every cut between the same electrodes.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.common.arguments import real
from jusadel.common.differentiability import is_traced, one_program, refuse_in_program, values_of
from jusadel.common.types import Point
from jusadel.mesh.mesh import Mesh

Array = jax.Array


def flux_through_triangles(mesh: Mesh, current: Array, start: Point, end: Point) -> tuple[Array, np.ndarray]:
    """Sum of j x step over the pieces of the cut, for currents (m, ..., 2), and the triangles that it crosses."""
    rows, steps = _path(mesh, point("start", start), point("end", end))
    return _through_steps(current, rows, steps), rows


@one_program
def _through_steps(current: Array, rows: np.ndarray, steps: Any) -> Array:
    across = jnp.stack([steps[:, 1], -steps[:, 0]], axis=1)
    return jnp.einsum("t...k,tk->...", current[rows], across)


def _path(mesh: Mesh, start: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, Any]:
    """Triangles (k,) that the segment crosses and the path's steps (k, 2) through them.

    Seen along the segment, nodes to the right of its line count as 1, others as 0. The path enters a triangle over
    the edge from 0 to 1, counter-clockwise, and leaves it over the one from 1 to 0; both neighbours of an edge agree.
    """
    points = values_of(mesh.points)
    refuse_in_program("a cut", "take a mesh whose points are numbers", mesh=points)
    xp: Any = jnp if is_traced(mesh.points) else np
    extent = np.ptp(points, axis=0).max()
    along, distance = coordinates(points, start, end, 1e-12 * extent)
    margin = 1e-10 * extent / np.linalg.norm(end - start)
    for right in (distance > 0, distance >= 0):  # the second for a cut along the sample's border
        rows = np.nonzero(np.ptp(right[mesh.triangles].astype(int), axis=1))[0]
        corners = mesh.triangles[rows]
        following = np.roll(corners, -1, axis=1)
        (t_in, q_in), (t_out, q_out) = (
            _crossing(
                mesh.points, along, distance, corners, following, right[following].astype(int) - right[corners] == k
            )
            for k in (1, -1)
        )
        met = (t_out >= -margin) & (t_in <= 1 + margin)
        if met.any():
            q_in = xp.where((t_in < -margin)[:, None], start, q_in)
            q_out = xp.where((t_out > 1 + margin)[:, None], end, q_out)
            return rows[met], (q_out - q_in)[met]
    low, high = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    raise ValueError(f"the cut {start.tolist()} -> {end.tolist()} meets no triangle; the mesh spans {low} to {high}")


def coordinates(points: np.ndarray, start: np.ndarray, end: np.ndarray, tie: float) -> tuple[np.ndarray, np.ndarray]:
    """Place along the segment (0 to 1) and distance to the right of its line, 0 within `tie`, (n,) each."""
    step = end - start
    length = np.linalg.norm(step)
    if not length > tie:
        raise ValueError(f"start = {start.tolist()} and end = {end.tolist()} are the same point; a cut has a length")
    distance = (points - start) @ np.array([step[1], -step[0]]) / length
    return (points - start) @ step / length**2, np.where(np.abs(distance) <= tie, 0.0, distance)


def _crossing(
    points: Any,
    along: np.ndarray,
    distance: np.ndarray,
    corners: np.ndarray,
    following: np.ndarray,
    which: np.ndarray,
) -> tuple[np.ndarray, Any]:
    """Where the line crosses the one edge of each triangle that `which` (k, 3) picks: place along it, and midpoint."""
    a, b = corners[which], following[which]
    share = distance[a] / (distance[a] - distance[b])
    return along[a] + share * (along[b] - along[a]), (points[a] + points[b]) / 2


def point(name: str, given: Point) -> np.ndarray:
    """An end of a cut (2,), checked."""
    point = np.asarray(real(name, given))
    if point.shape != (2,) or not np.isfinite(point).all():
        raise ValueError(f"{name} = {given!r}; expected two finite numbers (x, y)")
    return point
