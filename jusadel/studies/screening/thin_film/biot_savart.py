"""Fields of sheet currents (m, 2) that are constant in the triangles of a mesh, exactly; A = (mu/4 pi) Int K/|r - r'|.

B_z is a sum over the edges, along which the current jumps; B_x and B_y over the solid angles of the triangles.
"""

from __future__ import annotations

import numpy as np

from jusadel.mesh.mesh import Mesh
from jusadel.studies.screening.thin_film.triangle_potentials import BLOCK, along_segments, solid_angles


def field_above(mesh: Mesh, K: np.ndarray, mu: float, points: np.ndarray, z: float) -> np.ndarray:
    """(B_x, B_y, B_z) at points (k, 2) at a height z, (k, 3); z = 0 is the upper side."""
    corners = np.asarray(mesh.points)[mesh.triangles]
    B = np.empty((len(points), 3))
    for some in _blocks(len(points), len(corners)):
        seen = solid_angles(points[some, None], corners, z)
        B[some, 0], B[some, 1] = seen @ K[:, 1], -seen @ K[:, 0]
    B[:, :2] *= mu / (4 * np.pi)
    B[:, 2] = normal_field(mesh, K, mu, points, z)
    return B


def normal_field(mesh: Mesh, K: np.ndarray, mu: float, points: np.ndarray, z: float = 0.0) -> np.ndarray:
    """B_z at points (k, 2) at a height z, (k,); at z = 0 infinite on edges along which the current jumps."""
    nodes, edges, directed = np.asarray(mesh.points), mesh.edges, mesh.topology.directed_edges
    step = nodes[directed[:, 1]] - nodes[directed[:, 0]]
    along = np.sum(K.repeat(3, axis=0) * step, axis=1) / np.linalg.norm(step, axis=1)
    jumps = -np.bincount(mesh.topology.triangle_edges.ravel(), along)
    start, end = nodes[edges[:, 0]], nodes[edges[:, 1]]
    parts = [along_segments(points[some, None], start, end, z) @ jumps for some in _blocks(len(points), len(edges))]
    return mu / (4 * np.pi) * np.concatenate([np.zeros(0), *parts])


def _blocks(count: int, each: int) -> list[slice]:
    rows = max(1, BLOCK // (4 * each))
    return [slice(first, first + rows) for first in range(0, count, rows)]
