"""Local refinement: conforming meshes, nested nodes, angles, names, matched sides."""

import jax
import numpy as np
import pytest

import jusadel as ju
from jusadel.mesh.interfaces import matching_nodes, paired_edges, split
from jusadel.mesh.refinement import refine_to
from jusadel.mesh.topology import edge_rows


def crooked(seed=0):
    """A rectangle of two regions with an inner line, no two triangles alike."""
    plain = ju.rectangle(
        3.0,
        2.0,
        0.5,
        regions={"left": lambda c: c[:, 0] < 1.5, "right": lambda c: c[:, 0] > 1.5},
        x=np.linspace(0, 3, 7),
        y=np.linspace(0, 2, 5),
    )
    line = plain.edges_between("left", "right")
    inner = np.setdiff1d(np.arange(plain.n_nodes), np.union1d(plain.boundary_edges, line))
    points = np.array(plain.points)
    points[inner] += np.random.default_rng(seed).uniform(-0.15, 0.15, (len(inner), 2))
    return plain.with_boundaries({"line": line}).with_points(points)


def refined_at_random(mesh, rounds, seed=1, **given):
    rng = np.random.default_rng(seed)
    for _ in range(rounds):
        mesh = ju.refine_at(mesh, rng.random(len(mesh.triangles)) < 0.15, **given)
    return mesh


def length(mesh, edges):
    return np.linalg.norm(np.diff(mesh.points[edges], axis=1)[:, 0], axis=1).sum()


def checked(mesh):
    """Passes every check of a mesh given by a user, without a warning."""
    return ju.Mesh(points=mesh.points, triangles=mesh.triangles, regions=mesh.regions, boundaries=mesh.boundaries)


def test_areas_regions_lengths_and_names_stay():
    mesh = crooked()
    fine = checked(refined_at_random(mesh, 4))
    assert fine.n_nodes > 3 * mesh.n_nodes
    assert list(fine.regions) == list(mesh.regions)
    assert list(fine.boundaries) == list(mesh.boundaries)
    for name, triangles in mesh.regions.items():
        assert fine.areas[fine.regions[name]].sum() == pytest.approx(mesh.areas[triangles].sum(), rel=1e-14)
    for name, edges in mesh.boundaries.items():
        assert length(fine, fine.boundaries[name]) == pytest.approx(length(mesh, edges), rel=1e-14)
    assert set(map(tuple, np.sort(fine.edges_between("left", "right")))) == set(
        map(tuple, np.sort(fine.boundaries["line"]))
    )


def test_nodes_are_nested_and_new_ones_are_midpoints():
    mesh = crooked()
    fine = ju.refine_at(mesh, [3, 4])
    np.testing.assert_array_equal(fine.points[: mesh.n_nodes], mesh.points)
    middles = mesh.points[mesh.edges].mean(axis=1)
    apart = np.abs(fine.points[mesh.n_nodes :, None] - middles).max(axis=2).min(axis=1)
    assert len(apart) >= 6
    # the longest edges' midpoints are halved again in the children: all others lie on old edges or inside old triangles
    assert (apart < 1e-14).sum() >= 5


def test_triangles_get_as_small_as_wanted_and_others_stay():
    mesh = ju.rectangle(8.0, 8.0, 1.0)
    corner = lambda c: (c < 4 / 3).all(axis=1)  # noqa: E731 - a line of the mesh
    fine = ju.refine_at(mesh, corner, times=3)
    assert fine.areas[corner(fine.centroids)].max() <= mesh.areas.min() / 64 * (1 + 1e-9)
    assert fine.areas.max() == mesh.areas.max()
    assert fine.n_nodes < mesh.refined(3).n_nodes / 8


def test_uniform_refinement_of_right_triangles_needs_no_more_nodes_than_cutting_into_four():
    mesh = ju.rectangle(2.0, 2.0, 1.0)
    assert ju.refine_at(mesh, np.arange(len(mesh.triangles))).n_nodes == mesh.refined().n_nodes


@pytest.mark.parametrize("seed", range(4))
def test_angles_stay_above_half_the_smallest(seed):
    mesh = crooked(seed)
    smallest = mesh.quality().smallest_angle
    for _ in range(12):
        mesh = ju.refine_at(mesh, np.argsort(np.hypot(*(mesh.centroids - [1.1, 0.7]).T))[:6])
    assert mesh.n_nodes > 100
    assert mesh.areas.min() < 1e-5 * mesh.areas.max()
    assert mesh.quality().smallest_angle >= smallest / 2


def test_both_sides_of_a_split_line_stay_matched():
    mesh = split(crooked(), "line")
    fine = checked(refined_at_random(mesh, 4))
    left, back = paired_edges(fine, "line")
    assert len(left) > len(mesh.boundaries["line:left"])
    np.testing.assert_array_equal(fine.points[left], fine.points[back])
    assert (left != back).all()
    one_sided = ju.refine_at(mesh, mesh.regions["left"])
    assert len(one_sided.boundaries["line:right"]) == 2 * len(mesh.boundaries["line:right"])


def test_a_line_that_ends_inside_stays_closed_there():
    mesh = crooked()
    mesh = mesh.with_boundaries({"line": mesh.boundaries["line"][1:]})
    fine = checked(refined_at_random(split(mesh, "line"), 3))
    left, back = paired_edges(fine, "line")
    assert (left == back).sum() == 1


def test_periodic_boundaries_stay_matched():
    mesh = crooked()
    corner = lambda c: (c[:, 0] < 0.5) & (c[:, 1] < 0.5)  # noqa: E731
    both = [("left", "right"), ("bottom", "top")]
    fine = checked(ju.refine_at(mesh, corner, times=2, periodic=both))
    for first, second in both:
        assert len(matching_nodes(fine, first, second)[0]) > len(mesh.boundaries[first]) + 1
    with pytest.raises(ValueError, match=r"has .* nodes and"):
        matching_nodes(ju.refine_at(mesh, corner, times=2), "left", "right")


def test_boundary_edges_keep_order_and_direction():
    mesh = ju.rectangle(1.0, 1.0, 0.6)
    fine = ju.refine_at(mesh, [0])
    assert (edge_rows(fine.edges, fine.boundaries["bottom"]) >= 0).all()
    bottom = fine.boundaries["bottom"]
    assert (bottom[1:, 0] == bottom[:-1, 1]).all()
    assert (np.diff(fine.points[bottom[:, 0], 0]) > 0).all()


def test_nothing_marked_changes_nothing():
    mesh = crooked()
    for same in (ju.refine_at(mesh, []), ju.refine_at(mesh, [0], times=0)):
        assert same.topology == mesh.topology


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"triangles": [0, 48]}, r"triangles to refine go from 0 to 48; the mesh has 0 \.\.\. 47"),
        ({"triangles": [0.5]}, r"triangles to refine have shape \(1,\) and type float64; expected numbers of"),
        ({"triangles": np.ones(3, bool)}, r"shape \(3,\) and type bool; expected .* \(48,\) of bool"),
        ({"triangles": lambda c: c[:, 0]}, r"shape \(48,\) and type float64"),
        ({"triangles": [0], "times": -1}, "times = -1; expected a whole number >= 0"),
        (
            {"triangles": [0], "times": 9, "max_nodes": 60},
            r"the refined mesh would have \d+ nodes or more \(limit 60\)",
        ),
        ({"triangles": [0], "periodic": [("left", "top")]}, "nodes of 'left'|has 5 nodes and 'top' has 7"),
    ],
)
def test_refusals(given, message):
    with pytest.raises(ValueError, match=message):
        ju.refine_at(crooked(), **given)


@pytest.mark.parametrize("areas", [[1.0], -np.ones(48), np.full(48, np.nan)])
def test_refuses_areas(areas):
    with pytest.raises(ValueError, match=r"expected \(48,\) finite numbers > 0, one per triangle"):
        refine_to(crooked(), areas)


def test_refuses_traced_points():
    mesh = crooked()
    with pytest.raises(ValueError, match="points are being traced by JAX: refine the mesh outside"):
        jax.jit(lambda p: ju.refine_at(mesh.with_points(p), [0]).points)(mesh.points)
