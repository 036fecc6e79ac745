"""Smoothed meshes: what must stay, and what gets better."""

from dataclasses import replace

import numpy as np
import pytest

import jusadel as ju
from jusadel.mesh.generator.refinement import SMALLEST_ANGLE
from jusadel.mesh.refinement import refine_at
from jusadel.mesh.smoothing import _centered, _held_edges, flipped, smoothed

SQUARE = [(0, 0), (4, 0), (4, 4), (0, 4)]


def corner(centroids):
    return np.hypot(*(centroids - [1.5, 1.5]).T) < 1.0


def with_line(mesh, place, name):
    """The mesh with a name for the edges round the node next to a place."""
    node = int(np.hypot(*(mesh.points - np.array(place)).T).argmin())
    edges = mesh.edges[(mesh.edges == node).any(axis=1)]
    return ju.Mesh(
        points=mesh.points, triangles=mesh.triangles, regions=mesh.regions, boundaries=mesh.boundaries | {name: edges}
    )


@pytest.fixture(scope="module")
def bisected():
    """A polygon with a hole, a region, a contact and a cut, finer round a corner of the region."""
    mesh = ju.polygon(
        SQUARE,
        0.5,
        holes={"hole": [(2.5, 2.5), (3.2, 2.5), (3.2, 3.2), (2.5, 3.2)]},
        regions={"lead": [(0, 0), (1.5, 0), (1.5, 1.5), (0, 1.5)], "patch": [(1.5, 1), (2.2, 1), (2.2, 2), (1.5, 2)]},
        boundaries={"contact": [(0, 0), (0, 1)]},
        rest="film",
    )
    mesh = with_line(ju.with_cut_between(mesh, "lead", "film", "cut"), (1.0, 2.6), "line")
    return refine_at(refine_at(mesh, corner), corner)


def test_borders_and_regions_stay(bisected):
    mesh = smoothed(bisected)
    assert mesh.n_nodes == bisected.n_nodes
    for name, edges in bisected.boundaries.items():
        np.testing.assert_array_equal(mesh.boundaries[name], edges)
        np.testing.assert_array_equal(mesh.points[edges], bisected.points[edges])
    for name, index in bisected.regions.items():
        assert mesh.areas[mesh.regions[name]].sum() == pytest.approx(bisected.areas[index].sum(), rel=1e-12)
    moved = (mesh.points != bisected.points).any(axis=1)
    assert moved.sum() > mesh.n_nodes / 3


def test_no_triangle_folds_at_a_corner_that_points_inwards():
    """The centre of a chevron lies outside it: a node inside stays where it is."""
    points = np.array([[-3.0, -3.0], [0.0, 0.0], [3.0, -3.0], [0.0, 1.0], [0.0, 0.5]])
    triangles = np.array([[0, 1, 4], [1, 2, 4], [2, 3, 4], [3, 0, 4]])
    fixed = np.arange(5) < 4
    np.testing.assert_array_equal(_centered(points, triangles, fixed), points)
    square = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0], [0.3, 0.1]])
    np.testing.assert_allclose(_centered(square, triangles, fixed)[4], 0, atol=0.2)


def test_the_result_is_a_mesh(bisected):
    """All checks of a new mesh: orientation, no folds and overlaps, boundaries on edges, cuts with two sides."""
    mesh = smoothed(bisected)
    assert mesh.areas.min() > 0
    assert mesh.quality().smallest_angle > min(SMALLEST_ANGLE, bisected.quality().smallest_angle) - 1e-6
    again = ju.Mesh(
        points=np.array(mesh.points),
        triangles=np.array(mesh.triangles),
        regions=dict(mesh.regions),
        boundaries=dict(mesh.boundaries),
    )
    assert again.topology == mesh.topology


def test_edges_that_may_flip_are_delaunay(bisected):
    """No corner of a neighbour lies inside a triangle's circumcircle, but across held edges."""
    mesh = smoothed(bisected)
    held = {tuple(sorted(edge)) for edge in _held_edges(mesh)}
    sides = {}
    for number, triangle in enumerate(mesh.triangles):
        for k in range(3):
            sides.setdefault(tuple(sorted((triangle[k - 2], triangle[k - 1]))), []).append((number, triangle[k]))
    pairs = [pair for edge, pair in sides.items() if len(pair) == 2 and edge not in held]
    assert len(pairs) > 100
    for (number, _), (_, other) in pairs:
        u = np.asarray(mesh.points)[mesh.triangles[number]] - np.asarray(mesh.points)[other]
        in_circle = np.linalg.det(np.column_stack([u, (u**2).sum(axis=1)]))
        assert in_circle < 1e-9


def test_a_flip_exchanges_the_diagonal():
    points = np.array([[0.0, 0.0], [2.0, -0.2], [4.0, 0.0], [2.0, 0.2]])
    long_diagonal = np.array([[0, 1, 2], [0, 2, 3]])
    nothing, diagonal = np.zeros((0, 2), int), np.array([[0, 2]])
    flat = {tuple(sorted(t)) for t in flipped(points, long_diagonal, nothing).tolist()}
    assert flat == {(0, 1, 3), (1, 2, 3)}
    np.testing.assert_array_equal(flipped(points, long_diagonal, diagonal), long_diagonal)


def test_averages_at_nodes_get_better():
    """The gradient of x^2 + x y, averaged round the nodes, is exact where triangles are regular."""
    bisected = refine_at(ju.polygon(SQUARE, 0.4), lambda c: np.hypot(*(c - 2).T) < 1.0, 2)
    errors = []
    for mesh in (bisected, smoothed(bisected)):
        points = np.asarray(mesh.points)
        value = points[:, 0] ** 2 + points[:, 0] * points[:, 1]
        slope = np.einsum("tik,ti->tk", np.asarray(mesh.shape_gradients), value[mesh.triangles])
        inner = np.hypot(*(points - 2).T) < 1.5
        exact = np.stack([2 * points[:, 0] + points[:, 1], points[:, 0]], axis=1)
        recovered = (
            np.stack([np.bincount(mesh.triangles.ravel(), (mesh.areas * s).repeat(3)) for s in slope.T], axis=1)
            / np.bincount(mesh.triangles.ravel(), mesh.areas.repeat(3))[:, None]
        )
        errors.append(np.sqrt(((recovered - exact)[inner] ** 2).mean()))
    assert errors[1] < 0.6 * errors[0]


def test_periodic_sides_stay_matched():
    mesh = refine_at(ju.rectangle(2.0, 1.0, 0.25), lambda c: c[:, 0] < 0.4, 2, periodic=[("left", "right")])
    found = smoothed(mesh)
    device = ju.Device(mesh=found, materials=ju.Material(), boundaries={"right": ju.Periodic(partner="left")})
    assert replace(device).mesh is found
