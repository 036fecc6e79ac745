"""Points in triangles: linear functions are carried exactly, and outside the nearest point of the mesh counts."""

import numpy as np
import pytest

import jusadel as ju
from jusadel.mesh.point_search import PointSearch, corner_shares


def plane(points):
    return 2.0 - 0.7 * points[..., 0] + 1.3 * points[..., 1]


def carried(mesh, points, rows=None):
    """The plane at points, from its values at the nodes."""
    triangle = PointSearch(mesh, rows).found(points)
    return (corner_shares(mesh, triangle, points) * plane(mesh.points)[mesh.triangles[triangle]]).sum(axis=1)


@pytest.fixture(scope="module")
def graded():
    """Columns whose width grows from 0.001 to 2: long triangles, whose centres are far from most of their points."""
    return ju.rectangle(4.0, 1.0, 1.0, x=[0, 0.001, *np.linspace(0.01, 0.1, 12), 2.0, 4.0], y=[0, 0.01, 0.02, 1.0])


def test_a_linear_function_is_carried_exactly(graded):
    points = np.random.default_rng(1).uniform((0, 0), (4, 1), (400, 2))
    assert carried(graded, points) == pytest.approx(plane(points), abs=1e-12)


def test_outside_the_nearest_point_of_the_mesh_counts(graded):
    far = np.array([(1.2, 1.5), (-0.3, 0.4), (4.3, -0.2), (0.003, 7.0)])
    assert carried(graded, far) == pytest.approx(plane(far.clip((0, 0), (4, 1))), abs=1e-12)


def test_some_of_the_triangles_only(graded):
    right = np.flatnonzero(graded.centroids[:, 0] > 2.0)
    points = np.array([(1.0, 0.5), (3.0, 0.25)])
    assert carried(graded, points, right) == pytest.approx(plane(points.clip((2, 0), None)), abs=1e-12)
