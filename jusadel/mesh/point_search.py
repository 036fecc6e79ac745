"""The triangle in which a point lies, or which is nearest to it, and the shares of its corners there."""

from __future__ import annotations

import numpy as np
import scipy

from jusadel.mesh.mesh import Mesh
from jusadel.mesh.topology import Integers

NEAREST = 12
"""Triangles looked at first, those whose centres are closest."""
OUTSIDE = -1e-9
"""A share of a corner below this lies outside the triangle."""


class PointSearch:
    """Looks for points in some triangles of a mesh.

    Args:
        mesh: the mesh, with concrete points.
        triangles: numbers of the triangles to look at, (r,); None for all.
    """

    def __init__(self, mesh: Mesh, triangles: Integers | None = None) -> None:
        self._number = np.arange(len(mesh.triangles)) if triangles is None else np.asarray(triangles)
        self._corners = np.asarray(mesh.points)[mesh.triangles[self._number]]
        self._slopes = np.asarray(mesh.shape_gradients)[self._number]
        self._tree = scipy.spatial.cKDTree(self._corners.mean(axis=1))

    def found(self, points: np.ndarray) -> Integers:
        """Numbers (k,) of the triangles in which points (k, 2) lie; of those nearest to them where there are none."""
        near = self._tree.query(points, k=min(NEAREST, len(self._number)))[1].reshape(len(points), -1)
        least = self._barycentric(points[:, None], near).min(axis=-1)
        best = near[np.arange(len(points)), least.argmax(axis=1)]
        for k in np.flatnonzero(least.max(axis=1) < OUTSIDE):
            best[k] = self._among_all(points[k])
        return self._number[best]

    def _among_all(self, point: np.ndarray) -> int:
        """For points outside, and for meshes so strongly graded that small triangles surround a large one."""
        least = self._barycentric(point[None], np.arange(len(self._number))).min(axis=-1)
        if least.max() >= OUTSIDE:
            return int(least.argmax())
        return int(_distances(point, self._corners).min(axis=1).argmin())

    def _barycentric(self, points: np.ndarray, rows: np.ndarray) -> np.ndarray:
        away = points - self._corners[rows].mean(axis=-2)
        return 1 / 3 + np.einsum("...vi,...i->...v", self._slopes[rows], away)


def corner_shares(mesh: Mesh, triangles: Integers, points: np.ndarray) -> np.ndarray:
    """Shares (k, 3) of the corners of triangles (k,) at points (k, 2), or at the points of them nearest to these."""
    corners = np.asarray(mesh.points)[mesh.triangles[triangles]]
    away = points - corners.mean(axis=1)
    shares = 1 / 3 + np.einsum("kvi,ki->kv", np.asarray(mesh.shape_gradients)[triangles], away)
    outside = np.flatnonzero(shares.min(axis=1) < 0)
    shares[outside] = _on_sides(points[outside], corners[outside])
    return shares


def _on_sides(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Shares (k, 3) of the corners (k, 3, 2) at the points of the sides that are nearest to points (k, 2)."""
    row, side = np.arange(len(points)), _distances(points[:, None], corners).argmin(axis=1)
    along = _along(points[:, None], corners)[row, side]
    shares = np.zeros((len(points), 3))
    shares[row, side], shares[row, (side + 1) % 3] = 1 - along, along
    return shares


def _along(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """How far along each side of triangles (k, 3, 2) the point nearest to points (..., 2) lies, 0 to 1, (k, 3)."""
    step = np.roll(corners, -1, axis=1) - corners
    return (((points - corners) * step).sum(axis=-1) / (step**2).sum(axis=-1)).clip(0, 1)


def _distances(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Of points (..., 2) from the sides of triangles (k, 3, 2), (k, 3)."""
    step = np.roll(corners, -1, axis=1) - corners
    return np.linalg.norm(points - corners - _along(points, corners)[..., None] * step, axis=-1)
