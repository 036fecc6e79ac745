"""Meshes: geometry against analytic values, every refusal, files of each format."""

import importlib.util
import pickle
import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jusadel.mesh.formats.reading import read_mesh
from jusadel.mesh.formats.writing import FORMATS
from jusadel.mesh.mesh import Mesh
from jusadel.mesh.polygons import circle, polygon
from jusadel.mesh.shapes import disk, rectangle

MESHES = Path(__file__).parents[2] / "meshes"
SQUARE = {
    "points": np.array([[0.0, 0], [1, 0], [1, 1], [0, 1]]),
    "triangles": np.array([[0, 1, 2], [0, 2, 3]]),
}
MSH_FORMATS = [name for name in FORMATS if name != "vtu"]


def square(**changes):
    return Mesh(**{**SQUARE, **changes})


@pytest.fixture(scope="module")
def strip():
    """Three regions, four outer boundaries and an inner line; names with a blank, and shared."""
    mesh = rectangle(
        3,
        1,
        0.3,
        x=np.linspace(0, 3, 13),
        regions={
            "right": lambda c: c[:, 0] > 2,
            "left": lambda c: c[:, 0] < 1,
            "the middle": lambda c: np.abs(c[:, 0] - 1.5) < 0.5,
        },
    )
    return mesh.with_boundaries({"cut": mesh.edges_between("left", "the middle")})


@pytest.fixture(scope="module")
def graded():
    return disk(8, 0.4, 0.05)


def euler(mesh):
    return mesh.n_nodes - len(mesh.edges) + len(mesh.triangles)


def test_defaults():
    mesh = square()
    assert mesh.points.dtype == np.float64
    assert list(mesh.regions) == ["film"]
    assert mesh.regions["film"].tolist() == [0, 1]
    assert dict(mesh.boundaries) == {}
    assert repr(mesh) == "Mesh(4 nodes, 2 triangles, regions ['film'], boundaries [])"
    with pytest.raises(ValueError, match="read-only"):
        mesh.points[0, 0] = 2.0
    with pytest.raises(TypeError):
        mesh.regions["film"] = np.array([0])


# --- geometry -----------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [lambda: disk(1.0, 0.2), lambda: rectangle(2.0, 0.7, 0.2)])
def test_gradients_of_linear_functions_are_exact(make):
    mesh = make()
    values = 3.0 + mesh.points @ np.array([0.7, -1.9])
    slope = np.einsum("mi,mix->mx", values[mesh.triangles], mesh.shape_gradients)
    np.testing.assert_allclose(slope, np.broadcast_to([0.7, -1.9], slope.shape), atol=1e-12)


def test_areas_and_euler_characteristic(strip, graded):
    assert strip.areas.sum() == pytest.approx(3.0, rel=1e-14)
    n = len(graded.boundaries["rim"])
    polygon = 0.5 * n * 64 * np.sin(2 * np.pi / n)
    assert graded.areas.sum() == pytest.approx(polygon, rel=1e-12)
    assert graded.nodal_areas.sum() == pytest.approx(polygon, rel=1e-12)
    assert np.all(graded.areas > 0)
    assert euler(strip) == euler(graded) == 1


def test_annulus_has_euler_characteristic_zero_and_a_clockwise_hole():
    whole = rectangle(3, 3, 1.5, x=range(4), y=range(4))
    keep = np.abs(whole.centroids - 1.5).max(axis=1) > 0.5
    ring = Mesh(points=whole.points, triangles=whole.triangles[keep])
    assert euler(ring) == 0
    a, b = (ring.points[ring.boundary_edges[:, k]] for k in (0, 1))
    twice = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    inner = np.abs(a + b - 3).max(axis=1) < 2
    assert (0.5 * twice[~inner].sum(), 0.5 * twice[inner].sum()) == pytest.approx((9, -1))


def test_nodal_areas_and_centroids_integrate_linear_functions(strip):
    x = strip.points[:, 0]
    assert strip.nodal_areas @ x == pytest.approx(4.5)
    assert strip.areas @ strip.centroids == pytest.approx([4.5, 1.5])


def test_edges(strip):
    assert np.array_equal(strip.edges, np.unique(strip.edges, axis=0))
    assert np.all(strip.edges[:, 0] < strip.edges[:, 1])
    ends = strip.points[strip.edges]
    np.testing.assert_allclose(strip.edge_lengths, np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1))
    for corner in range(3):
        pair = np.sort(strip.triangles[:, [corner, (corner + 1) % 3]], axis=1)
        assert np.array_equal(strip.edges[strip.triangle_edges[:, corner]], pair)


def test_outer_boundaries_have_the_domain_on_their_left():
    mesh = square(boundaries={"all": [[1, 0], [1, 2], [3, 2], [0, 3]], "diagonal": [[2, 0]]})
    assert mesh.boundaries["all"].tolist() == [[0, 1], [1, 2], [2, 3], [3, 0]]
    assert mesh.boundaries["diagonal"].tolist() == [[2, 0]]


def test_boundary_nodes_and_edges_between(strip):
    nodes = strip.boundary_nodes("cut")
    np.testing.assert_allclose(strip.points[nodes, 0], 1.0)
    step = np.diff(strip.points[strip.boundaries["cut"]], axis=1)[:, 0]
    assert np.all(step[:, 1] > 0)  # region "left" on the left
    assert strip.edges_between("left", "right").shape == (0, 2)
    with pytest.raises(ValueError, match=r"no boundary 'cot'.*\['left', 'right', 'bottom', 'top'"):
        strip.boundary_nodes("cot")
    with pytest.raises(ValueError, match="no region 'cot'"):
        strip.edges_between("left", "cot")


def test_region_of_triangle_counts_in_the_order_of_regions(strip):
    for number, name in enumerate(["right", "left", "the middle"]):
        assert np.array_equal(np.flatnonzero(strip.region_of_triangle == number), strip.regions[name])


# --- JAX ----------------------------------------------------------------------------------------


def test_pytree_has_one_leaf_and_equal_meshes_share_compiled_code():
    traces = []

    @jax.jit
    def area(mesh):
        traces.append(mesh)
        return mesh.areas.sum()

    for mesh, expected in ((square(), 1.0), (square(points=2 * SQUARE["points"]), 4.0)):
        assert jax.tree.leaves(mesh)[0] is mesh.points
        assert area(mesh) == pytest.approx(expected)
    assert len(traces) == 1
    area(square(boundaries={"bottom": [[0, 1]]}))
    assert len(traces) == 2


def test_topology_is_compared_by_content():
    mesh = square(boundaries={"a": [[0, 1]]})
    assert mesh.topology == square(boundaries={"a": [[0, 1]]}).topology
    assert hash(mesh.topology) == hash(square(boundaries={"a": [[0, 1]]}).topology)
    for other in (square(boundaries={"b": [[0, 1]]}), square(boundaries={"a": [[1, 2]]}), square()):
        assert mesh.topology != other.topology


def test_pickled_mesh_is_the_same(strip):
    again = pickle.loads(pickle.dumps(strip))
    assert again.topology == strip.topology
    assert np.array_equal(again.points, strip.points)


def test_unflattening_checks_nothing():
    leaves, structure = jax.tree.flatten(square())
    sentinel = object()
    assert jax.tree.unflatten(structure, [sentinel]).points is sentinel
    stacked = jnp.stack([leaves[0], 3 * leaves[0]])
    areas = jax.vmap(lambda p: square().with_points(p).areas.sum())(stacked)
    np.testing.assert_allclose(areas, [1, 9], rtol=1e-6)


@pytest.mark.parametrize("quantity", ["areas", "shape_gradients", "nodal_areas", "edge_lengths", "centroids"])
def test_shape_derivatives(quantity):
    mesh = disk(1.0, 0.5)
    move = np.random.default_rng(0).normal(size=mesh.points.shape)

    def value(step):
        return getattr(mesh.with_points(mesh.points + step * move), quantity)

    eps = 1e-6
    by_difference = (value(eps) - value(-eps)) / (2 * eps)
    with jax.enable_x64(True):
        _, by_jax = jax.jvp(value, (jnp.array(0.0),), (jnp.array(1.0),))
    np.testing.assert_allclose(by_jax, by_difference, atol=1e-7 * np.abs(by_difference).max())


def test_refined_under_jit_agrees_with_numpy(strip):
    points = jax.jit(lambda mesh: mesh.refined().points)(strip)
    np.testing.assert_allclose(points, strip.refined().points, rtol=1e-6)


# --- new meshes from old ------------------------------------------------------------------------


def test_refined_carries_everything_along(strip):
    fine = strip.refined(2)
    # all checks of the constructor, on a mesh that was built without them
    Mesh(
        points=fine.points,
        triangles=fine.triangles,
        regions=fine.regions,
        boundaries=fine.boundaries,
    )
    assert len(fine.triangles) == 16 * len(strip.triangles)
    assert fine.quality().smallest_angle == pytest.approx(strip.quality().smallest_angle)
    assert fine.quality().h_max == pytest.approx(strip.quality().h_max / 4)
    for name in strip.regions:
        area = strip.areas[strip.regions[name]].sum()
        assert fine.areas[fine.regions[name]].sum() == pytest.approx(area)
    assert len(fine.boundaries["cut"]) == 4 * len(strip.boundaries["cut"])
    np.testing.assert_allclose(fine.points[fine.boundary_nodes("top"), 1], 1.0)
    assert strip.refined(0) is strip
    with pytest.raises(ValueError, match="times = -1"):
        strip.refined(-1)


def test_with_boundaries_adds_and_replaces(strip):
    mesh = strip.with_boundaries({"cut": lambda x: x[:, 0] == 3, "half": lambda x: (x[:, 1] == 0) & (x[:, 0] < 1.5)})
    assert np.array_equal(mesh.boundary_nodes("cut"), strip.boundary_nodes("right"))
    assert strip.points[mesh.boundary_nodes("half")].max(axis=0).tolist() == [1.5, 0]
    assert np.array_equal(mesh.boundaries["top"], strip.boundaries["top"])


def test_with_points_checks_shape_and_geometry():
    with pytest.raises(ValueError, match=r"shape \(3, 2\); the mesh needs \(4, 2\)"):
        square().with_points(np.zeros((3, 2)))
    with pytest.raises(ValueError, match="zero area"):
        square().with_points(np.zeros((4, 2)))


# --- refusals -----------------------------------------------------------------------------------

TWO = {"points": [[0, 0], [1, 0], [0, 1], [5, 5], [6, 5], [5, 6]], "triangles": [[0, 1, 2]]}
HANGING = {  # node 3 lies on the edge 0-1 of the lower triangle
    "points": [[0, 0], [2, 0], [1, -1], [1, 0], [1, 1]],
    "triangles": [[0, 2, 1], [0, 3, 4], [3, 1, 4]],
}
FOLDED = {"points": [[0, 0], [1, 0], [0.5, 1], [0.5, 2]], "triangles": [[0, 1, 2], [0, 1, 3]]}
SLIT = {
    "points": [[0, 0], [1, 0], [1, 1], [0, 1], [0, 0], [1, 1]],
    "triangles": [[0, 1, 2], [4, 5, 3]],
}
BOOK = {
    "points": [[0, 0], [1, 0], [0, 1], [0, -1], [1, 2]],
    "triangles": [[0, 1, 2], [0, 1, 3], [0, 1, 4]],
}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"points": [[0, 0], [1, 0], [1, np.nan], [0, 1]]}, r"points \[2\] are not finite"),
        ({"points": [[0, 0, 0]] * 4}, r"points have shape \(4, 3\).*expected real \(n, 2\)"),
        ({"points": SQUARE["points"] * 1j}, "complex128; expected real"),
        ({"triangles": [[0, 1, 2, 3]]}, r"triangles has shape \(1, 4\).*\(k, 3\) integers"),
        ({"triangles": [[0.0, 1, 2]]}, "type float64; expected"),
        ({"triangles": np.empty((0, 3), int)}, "k > 0"),
        ({"triangles": [[0, 1, 2], [0, 2, 4]]}, r"triangles \[1\] name points outside 0 \.\.\. 3"),
        ({"triangles": [[0, 1, 2], [0, 2, -1]]}, r"triangles \[1\] name points outside"),
        ({"triangles": [[0, 1, 2]]}, r"points \[3\] belong to no triangle"),
        ({"triangles": [[0, 1, 2], [0, 2, 3], [1, 2, 0]]}, r"triangles \[0\] are given more than"),
        ({"points": [[0, 0], [1, 0], [1, 1], [0.5, 0.5]]}, r"triangles \[1\] have zero area"),
        ({"points": [[0, 0], [1, 0], [1, 1], [0.5, 0.5 + 1e-15]]}, "zero area"),
        (FOLDED, r"edges \[\[0, 1\]\] lie on the same side"),
        (BOOK, r"edges \[\[0, 1\]\] belong to more than two"),
        (SLIT, r"points \[\[0, 4\], \[2, 5\]\] lie on top of each other"),
        (HANGING, r"points \[3\] hang inside the edges \[\[1, 0\]\]"),
        (
            TWO | {"triangles": [[0, 1, 2], [3, 4, 5]]},
            r"2 unconnected pieces of \[1, 1\] triangles",
        ),
        ({"regions": {"a": [0]}}, r"triangles \[1\] are in no region of \['a'\]"),
        ({"regions": {"a": [0, 1], "b": [1]}}, r"triangles \[1\] are in more than one region"),
        ({"regions": {"a": [0, 2]}}, r"region 'a' names triangles outside 0 \.\.\. 1"),
        ({"regions": {"a": [0, 1], "b": np.array([], int)}}, r"region 'b' has shape \(0,\)"),
        ({"regions": {" ": [0, 1]}}, "a region has the name ' '"),
        ({"boundaries": {"a": [[0, 1], [1, 3]]}}, r"boundary 'a' names node pairs \[\[1, 3\]\]"),
        ({"boundaries": {"a": [[0, 1], [1, 0]]}}, "boundary 'a' names an edge more than once"),
        ({"boundaries": {"a": [0, 1]}}, r"boundary 'a' has shape \(2,\)"),
        ({"boundaries": {3: [[0, 1]]}}, "a boundary has the name 3"),
    ],
)
def test_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        square(**changes)


def test_traced_points_are_sent_to_with_points():
    with pytest.raises(ValueError, match=r"use mesh\.with_points"):
        jax.jit(lambda p: square(points=p).areas)(SQUARE["points"])


def test_clockwise_triangles_are_turned():
    mesh = Mesh(points=SQUARE["points"], triangles=[[0, 1, 2], [0, 3, 2]])
    assert mesh.areas.tolist() == [0.5, 0.5]
    assert mesh.triangles.tolist() == [[0, 1, 2], [0, 2, 3]]


@pytest.mark.parametrize("offset", [1e5, 1e6])
def test_a_mesh_far_from_the_origin_keeps_its_areas(offset):
    plain = disk(1.0, 0.5, center=(0.3, 0.1))
    far = Mesh(points=plain.points + offset, triangles=plain.triangles, boundaries=plain.boundaries)
    np.testing.assert_allclose(far.areas, plain.areas, rtol=1e-13 * offset)
    hanging = np.array(HANGING["points"]) @ [[0.8, 0.6], [-0.6, 0.8]] + offset  # no edge along an axis
    with pytest.raises(ValueError, match=r"points \[3\] hang inside"):
        Mesh(points=hanging, triangles=HANGING["triangles"])


@pytest.mark.parametrize(
    "make", [lambda: disk(1.0, 0.5, center=(1e9, 0)), lambda: square(points=1e9 * (SQUARE["points"] * 1e-9 + [0, 1]))]
)
def test_an_offset_that_eats_the_digits_is_told(make):
    with pytest.raises(
        ValueError, match=r"numbers are 1.2e-07 apart.*triangles as small as .*move the mesh to the origin"
    ):
        make()


def test_regions_by_function_are_checked():
    with pytest.raises(ValueError, match=r"region 'a' returned shape \(2, 2\).*\(2,\) of bool"):
        square().with_regions({"a": lambda c: c > 0})
    with pytest.raises(ValueError, match="no regions given"):
        square().with_regions({})


CUT = r"the border of region 'S' cuts \d+ of \d+ triangles, the first at \(2, 0\.\d+\).*x_lines.*strip.*polygon"


@pytest.mark.parametrize(
    "regions",
    [
        {"S": lambda p: p[:, 0] < 2, "N": lambda p: p[:, 0] > 2},  # some centres lie on the border: neither has them
        {"S": lambda p: p[:, 0] < 2, "N": lambda p: p[:, 0] >= 2},  # covers everything, with a zigzag
        {"N": np.arange(4), "S": lambda p: p[:, 0] < 2},
    ],
)
def test_borders_of_regions_that_cut_triangles_are_refused(regions):
    with pytest.raises(ValueError, match=CUT):
        rectangle(3, 1, 0.2, regions=regions)
    exact = rectangle(3, 1, 0.2, x_lines=[2], regions={"S": regions["S"], "N": lambda p: p[:, 0] > 2})
    assert exact.areas[exact.regions["S"]].sum() == pytest.approx(2, rel=1e-14)


@pytest.mark.parametrize("angle", [0.3, 2.0])
def test_slanting_and_round_borders_are_refused_wherever_they_cut(angle):
    mesh = rectangle(2, 2, 0.5)
    along = np.array([np.cos(angle), np.sin(angle)])
    with pytest.raises(ValueError, match="the border of region 'half' cuts") as slanting:
        mesh.with_regions({"half": lambda p: (p - 1) @ along > 0.1, "rest": lambda p: (p - 1) @ along <= 0.1})
    with pytest.raises(ValueError, match="the border of region 'dot' cuts") as round_one:
        mesh.with_regions({"dot": lambda p: np.hypot(*(p - 1).T) < 0.6, "rest": lambda p: np.hypot(*(p - 1).T) >= 0.6})
    for error, distance in (
        (slanting, lambda p: (p - 1) @ along - 0.1),
        (round_one, lambda p: np.hypot(*(p - 1)) - 0.6),
    ):
        place = re.search(r"the first at \((\S+), (\S+)\)", str(error.value)).groups()
        assert distance(np.array(place, float)) == pytest.approx(0, abs=1e-5)


def test_round_borders_along_mesh_lines_are_taken():
    mesh = disk(2.0, 0.4)
    ring = np.unique(np.round(np.hypot(*mesh.points.T), 9))[3]  # nodes lie on it, edges are its chords
    again = mesh.with_regions({"core": lambda p: np.hypot(*p.T) < ring, "shell": lambda p: np.hypot(*p.T) >= ring})
    n = np.sum(np.isclose(np.hypot(*mesh.points.T), ring))
    assert again.areas[again.regions["core"]].sum() == pytest.approx(0.5 * n * ring**2 * np.sin(2 * np.pi / n))


@pytest.mark.parametrize(("inner", "size"), [(0.4, 0.4), (0.4, 0.25), (0.55, 0.4), (0.2, 0.4)])
def test_round_borders_whose_chords_are_mesh_lines_are_taken(inner, size):
    """The region is the polygon of the chords, also where the mesh has nodes between their ends."""
    polygon_area = 0.5 * (n := len(circle(1.0, inner))) * np.sin(2 * np.pi / n)
    mesh = polygon(circle(2.0, size), size, regions={"in": circle(1.0, inner)})
    again = mesh.with_regions({"a": lambda p: np.hypot(*p.T) < 1, "b": lambda p: np.hypot(*p.T) >= 1})
    assert again.areas[again.regions["a"]].sum() == pytest.approx(polygon_area, rel=1e-12)


@pytest.mark.parametrize("radius", [0.97, 1.03])
def test_round_borders_beside_mesh_lines_are_refused(radius):
    mesh = polygon(circle(2.0, 0.4), 0.4, regions={"in": circle(1.0, 0.4)})
    with pytest.raises(ValueError, match="the border of region 'a' cuts"):
        mesh.with_regions({"a": lambda p: np.hypot(*p.T) < radius, "b": lambda p: np.hypot(*p.T) >= radius})


@pytest.mark.parametrize(("off", "turn"), [(0.01, 0), (-0.01, 0), (0, 0.04), (0, -0.04)])
def test_straight_borders_beside_mesh_lines_are_refused(off, turn):
    """Parallel ones, a twentieth of an edge away, and those turned about a node."""
    side = lambda p: p[:, 0] - 2 - off - turn * p[:, 1]  # noqa: E731
    with pytest.raises(ValueError, match="the border of region 'S' cuts"):
        rectangle(3, 1, 0.2, x_lines=[2], regions={"S": lambda p: side(p) < 0, "N": lambda p: side(p) >= 0})


def test_gaps_overlaps_and_empty_choices_say_where():
    mesh = rectangle(3, 1, 0.5, x_lines=[1, 2])
    with pytest.raises(ValueError, match=r"in no region of \['S', 'N'\] \(the first at \(1\.\d+, 0\.\d+\)\)"):
        mesh.with_regions({"S": lambda p: p[:, 0] < 1, "N": lambda p: p[:, 0] > 2})
    with pytest.raises(
        ValueError, match=r"in more than one region of \['S', 'N'\] \(the first at \(1\.\d+, 0\.\d+\)\)"
    ):
        mesh.with_regions({"S": lambda p: p[:, 0] < 2, "N": lambda p: p[:, 0] > 1})
    with pytest.raises(
        ValueError, match=r"function for region 'S' chooses none of \d+ places, from \(0\.\d+, 0\.\d+\)"
    ):
        mesh.with_regions({"N": lambda p: p[:, 0] > -1, "S": lambda p: p[:, 0] > 200})
    with pytest.raises(ValueError, match=r"boundary 'end' chooses none of \d+ places, from \(0, 0\) to \(3, 1\)"):
        mesh.with_boundaries({"end": lambda p: p[:, 0] > 3})


# --- quality ------------------------------------------------------------------------------------


def test_quality_of_the_square():
    report = square().quality()
    assert (report.nodes, report.triangles, report.area) == (4, 2, 1.0)
    assert (report.h_min, report.h_max) == pytest.approx((1, 2**0.5))
    assert report.smallest_angle == pytest.approx(45)
    assert report.too_coarse is None
    assert "smallest angle 45.0 degrees" in str(report)


def test_quality_compares_with_a_length():
    scalar = square().quality(length=0.5)
    assert (scalar.worst_ratio, scalar.too_coarse) == (pytest.approx(8**0.5), 2)
    each = square().quality(length=[1.0, 2.0])
    assert (each.worst_ratio, each.too_coarse) == (pytest.approx(2**0.5), 1)
    assert "above 1 in 1 triangles" in str(each)
    with pytest.raises(ValueError, match="length must be"):
        square().quality(length=-1)


# --- generators ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("width", "height", "size"), [(1, 1, 0.1), (3, 0.5, 0.11), (0.1, 7, 0.3)])
def test_rectangle(width, height, size):
    mesh = rectangle(width, height, size)
    report = mesh.quality()
    assert report.area == pytest.approx(width * height)
    assert report.h_max <= size * (1 + 1e-12)
    assert len(mesh.boundary_edges) == sum(len(edges) for edges in mesh.boundaries.values())
    sides = {"left": (0, 0), "right": (0, width), "bottom": (1, 0), "top": (1, height)}
    for name, (axis, value) in sides.items():
        np.testing.assert_allclose(mesh.points[mesh.boundary_nodes(name), axis], value)


def test_a_rectangle_asks_for_no_size_that_its_mesh_lines_tell():
    x, y = [0.0, 0.5, 2.0], [0.0, 1.0]
    for mesh in (rectangle(x=x, y=y), rectangle(2.0, y=y, x=x), rectangle(x=x, height=1.0, size=3.0)):
        np.testing.assert_array_equal(mesh.points, rectangle(2.0, 1.0, 9.0, x=x, y=y).points)
    for given, message in (
        ({"x": x}, r"height is missing; expected a length, or the mesh lines y = \[0, ..., height\]"),
        ({"width": 2.0, "y": y}, "size is missing; expected the longest edge allowed, or all mesh lines x"),
        ({"width": 2.0, "height": 1.0}, "or all mesh lines x and y"),
        ({"x": x, "y": []}, "y must be a list of at least two increasing numbers"),
        ({"x": [0.0, -1.0], "y": y}, "width = -1.0; expected a finite number > 0"),
        ({"width": 3.0, "x": x, "y": y}, "x runs from 0.0 to 2.0; expected 0 to 3"),
    ):
        with pytest.raises(ValueError, match=message):
            rectangle(**given)


def test_rectangle_prefers_no_diagonal():
    mesh = rectangle(1, 1, 0.1)
    step = np.diff(mesh.points[mesh.edges], axis=1)[:, 0]
    product = step[:, 0] * step[:, 1]
    assert np.sum(product > 1e-9) == pytest.approx(np.sum(product < -1e-9), abs=1)


def test_rectangle_with_mesh_lines():
    x = np.array([0, 0.1, 0.3, 1.0])
    mesh = rectangle(1, 0.5, 0.3, x=x)
    assert np.array_equal(np.unique(mesh.points[:, 0]), x)
    with pytest.raises(ValueError, match="x must be a list of at least two increasing"):
        rectangle(1, 1, 0.3, x=[0, 0.5, 0.5, 1])
    with pytest.raises(ValueError, match=r"y runs from 0.0 to 2.0; expected 0 to 1"):
        rectangle(1, 1, 0.3, y=[0, 2])


def test_rectangle_has_nodes_exactly_on_its_lines_and_edges_as_long_as_asked():
    mesh = rectangle(200.0, 50.0, 12.0, x_lines=[137.3, 100 / 3], y_lines=[7.7])
    for axis, line in ((0, 100 / 3), (0, 137.3), (1, 7.7)):
        assert line in mesh.points[:, axis]
    assert 0.6 * 12 < mesh.quality().h_max <= 12 * (1 + 1e-12)
    widths = np.diff(np.unique(mesh.points[:, 0]))
    assert widths.max() <= 12 / 2**0.5
    assert widths.min() > 0.75 * widths.max()
    assert mesh.areas.sum() == pytest.approx(200 * 50, rel=1e-14)


def test_rectangle_with_regions_at_its_lines_has_their_areas():
    mesh = rectangle(3, 1, 0.4, x_lines=[1.37], regions={"S": lambda c: c[:, 0] < 1.37, "N": lambda c: c[:, 0] > 1.37})
    areas = {name: mesh.areas[index].sum() for name, index in mesh.regions.items()}
    assert areas == pytest.approx({"S": 1.37, "N": 1.63}, rel=1e-14)
    layers = rectangle(3, 1, 0.4, regions={"S": (0, 1.37), "N": (1.37, 3.0)})
    for name in ("points", "triangles"):
        assert np.array_equal(getattr(layers, name), getattr(mesh, name))
    assert all(np.array_equal(layers.regions[name], mesh.regions[name]) for name in ("S", "N"))
    own = rectangle(3, 1, 1, x=[0, 1.37, 3], regions={"S": (0, 1.37), "N": lambda c: c[:, 0] > 1.37})
    assert {name: len(which) for name, which in own.regions.items()} == {"S": 4, "N": 4}
    with pytest.raises(
        ValueError, match=r"region 'N' is \(1.37, 4.0\); expected \(start, stop\) along x with 0 <= start"
    ):
        rectangle(3, 1, 0.4, regions={"S": (0, 1.37), "N": (1.37, 4.0)})
    with pytest.raises(ValueError, match=r"the border of region 'S' cuts"):
        rectangle(3, 1, 0.4, x=[0, 1, 3], regions={"S": (0, 1.37), "N": (1.37, 3.0)})


def test_lines_of_a_rectangle_may_be_close_repeated_or_on_its_sides():
    thin = rectangle(1, 1, 0.5, x_lines=[0.5, 0.501])
    assert set(thin.points[:, 0]) >= {0.5, 0.501}
    np.testing.assert_allclose(thin.edge_lengths.min(), 0.001)
    plain = rectangle(1, 1, 0.5)
    for lines in ([0, 1], [-1e-12, 1 + 1e-12], []):
        assert np.array_equal(rectangle(1, 1, 0.5, x_lines=lines, y_lines=lines).points, plain.points)
    once, twice = (rectangle(1, 1, 0.5, y_lines=lines) for lines in ([0.3], [0.1 + 0.2, 0.3, 0.3]))
    assert len(once.triangles) == len(twice.triangles)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"x_lines": [1.0, 2.5]}, r"x_lines has lines at \[2.5\], outside the rectangle; expected 0 to 2"),
        ({"y_lines": [-0.5]}, r"y_lines has lines at \[-0.5\], outside the rectangle; expected 0 to 1"),
        ({"x_lines": [np.nan]}, r"x_lines = \[nan\]; expected a list of finite numbers, from 0 to 2"),
        ({"x_lines": 1.0}, "x_lines = 1.0; expected a list"),
        ({"x": [0, 2], "x_lines": [1.0]}, "x and x_lines are both given"),
        ({"x_lines": np.linspace(0, 2, 4_000_000)}, "nodes.*give a larger size"),
    ],
)
def test_lines_of_a_rectangle_that_cannot_be(given, message):
    with pytest.raises(ValueError, match=message):
        rectangle(2, 1, 0.5, **given)


@pytest.mark.parametrize(
    ("radius", "size", "core"),
    [(8, 0.4, 0.05), (6, 0.3, 0.05), (10, 0.5, 0.05), (1, 0.1, None), (1, 1, 1), (3, 1.5, 0.003)],
)
def test_disk(radius, size, core):
    mesh = disk(radius, size, core, center=(2.0, -1.0))
    report = mesh.quality()
    assert report.h_max <= size
    assert report.h_max > 0.6 * size
    assert report.smallest_angle > 30
    from_center = mesh.points - [2.0, -1.0]
    r = np.hypot(*from_center.T)
    assert r[0] == 0
    np.testing.assert_allclose(r[mesh.boundary_nodes("rim")], radius)
    rim = {tuple(edge) for edge in mesh.boundaries["rim"].tolist()}
    assert rim == {tuple(edge) for edge in mesh.boundary_edges.tolist()}
    if core and core < size / 2:
        spokes = np.sort(r)[1:7]
        np.testing.assert_allclose(spokes, core, rtol=0.15)


def test_disk_grows_smoothly(graded):
    length = graded.edge_lengths
    r = np.hypot(*graded.points[graded.edges].mean(axis=1).T)
    means = [length[(r > a) & (r <= a + 0.5)].mean() for a in np.arange(0, 8, 0.5)]
    assert np.all(np.diff(means) > -0.02)
    assert means[-1] > 3 * means[0]


def test_disks_of_half_the_size_are_a_family():
    nodes = [disk(3, size, size / 4).n_nodes for size in (0.3, 0.15, 0.075)]
    assert nodes[1] / nodes[0] == pytest.approx(4, rel=0.1)
    assert nodes[2] / nodes[1] == pytest.approx(4, rel=0.1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: disk(-1, 0.1), "radius = -1; expected a finite number > 0"),
        (lambda: disk(1, np.nan), "size = nan"),
        (lambda: disk(1, 0.1, 0), "core_size = 0"),
        (lambda: disk(1, 0.1, 0.2), "core_size = 0.2 is larger than size = 0.1"),
        (lambda: disk(1, 2), "size = 2 is larger than radius = 1"),
        (lambda: disk(1, 0.1, center=(0, np.inf)), "center"),
        (lambda: disk(1, 1e-5), "nodes.*give a larger size"),
        (lambda: rectangle(1, 0, 0.1), "height = 0"),
        (lambda: rectangle(1, np.inf, 0.1), "height = inf"),
        (lambda: rectangle(1, 1, 1e-5), "nodes.*give a larger size"),
    ],
)
def test_bad_generator_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# --- files --------------------------------------------------------------------------------------


def corners(mesh, triangles):
    """The triangles as sets of points, in any order."""
    return np.unique(np.sort(mesh.triangles[triangles], axis=1), axis=0)


@pytest.mark.parametrize("fields", [False, True])
@pytest.mark.parametrize("file_format", FORMATS)
def test_round_trip(strip, tmp_path, file_format, fields, capfd):
    path = tmp_path / f"strip{FORMATS[file_format][0]}"
    data = {"point_data": {"Delta": np.exp(1j * strip.points[:, 0])}} if fields else {}
    if fields:
        data["cell_data"] = {"j": strip.centroids, "spin": np.ones((len(strip.triangles), 3, 2))}
    strip.write(path, file_format=file_format, **data)
    again = read_mesh(path)
    assert np.array_equal(again.points, strip.points)
    assert set(again.regions) == set(strip.regions)
    assert set(again.boundaries) == set(strip.boundaries)
    for name, index in strip.regions.items():
        assert np.array_equal(corners(again, again.regions[name]), corners(strip, index))
    for name, edges in strip.boundaries.items():
        assert np.array_equal(
            np.unique(np.sort(again.boundaries[name], axis=1), axis=0),
            np.unique(np.sort(edges, axis=1), axis=0),
        )
    assert list(tmp_path.iterdir()) == [path]
    assert capfd.readouterr() == ("", "")


def test_round_trip_of_a_mesh_without_boundaries(tmp_path):
    for file_format, (ending, _, _) in FORMATS.items():
        square().write(tmp_path / f"a{ending}", file_format=file_format)
        again = read_mesh(tmp_path / f"a{ending}")
        assert again.topology == square().topology


@pytest.mark.parametrize("file_format", ["gmsh41", "gmsh41-ascii"])
def test_fields_in_msh_are_what_meshio_reads(strip, tmp_path, file_format):
    import meshio

    value = np.sin(strip.points[:, 0])
    strip.write(
        tmp_path / "a.msh",
        point_data={"z": value + 2j},
        cell_data={"c": strip.centroids},
        file_format=file_format,
    )
    raw = meshio.gmsh.read(tmp_path / "a.msh")
    np.testing.assert_allclose(raw.point_data["z_re"], value)
    np.testing.assert_allclose(raw.point_data["z_im"], 2)
    for block, c in zip(raw.cells, raw.cell_data["c"], strict=True):
        if block.type == "triangle":
            np.testing.assert_allclose(c, raw.points[block.data].mean(axis=1), atol=1e-14)


def test_fields_in_vtu_are_what_meshio_reads(strip, tmp_path):
    import meshio

    spin = np.arange(6.0 * len(strip.triangles)).reshape(-1, 3, 2)
    strip.write(tmp_path / "a.vtu", point_data={"Delta": strip.points[:, 0] * 1j}, cell_data={"s": spin})
    raw = meshio.vtu.read(tmp_path / "a.vtu")
    assert np.array_equal(raw.point_data["Delta_im"], strip.points[:, 0])
    assert np.array_equal(raw.cell_data["s"][0], spin.reshape(-1, 6))


GMSH41 = """$MeshFormat
4.1 0 8
$EndMeshFormat
$PhysicalNames
3
1 1 "source"
1 2 "drain"
2 1 "metal"
$EndPhysicalNames
$Entities
4 2 2 0
1 0 0 0 0
2 2 0 0 0
3 2 1 0 0
4 0 1 0 0
4 0 0 0 0 1 0 1 1 2 4 -1
2 2 0 0 2 1 0 1 2 2 2 -3
1 0 0 0 1 1 0 1 1 1 4
2 1 0 0 2 1 0 1 1 1 2
$EndEntities
$Nodes
4 6 1 12
0 1 0 1
1
0 0 0
1 4 0 1
4
0 1 0
1 2 0 2
2
3
2 0 0
2 1 0
2 1 0 2
11
12
1 0 0
1 1 0
$EndNodes
$Elements
4 6 1 6
1 4 1 1
1 4 1
1 2 1 1
2 2 3
2 1 2 2
3 1 11 12
4 1 12 4
2 2 2 2
5 11 2 3
6 11 3 12
$EndElements
"""

GMSH22 = """$MeshFormat
2.2 0 8
$EndMeshFormat
$PhysicalNames
3
1 3 "edge"
2 1 "S"
2 2 "N"
$EndPhysicalNames
$Nodes
7
1 0 0 0.5
2 1 0 0.5
3 1 1 0.5
4 0 1 0.5
5 2 0 0.5
6 2 1 0.5
7 9 9 0.5
$EndNodes
$Elements
8
1 15 2 0 1 1
2 1 2 3 1 4 1
3 1 2 -3 2 5 6
4 2 2 1 1 1 2 3
5 2 2 1 1 1 3 4
6 2 2 2 2 2 5 6
7 2 2 2 2 2 6 3
8 1 2 0 9 2 3
$EndElements
"""


def typed(tmp_path, text, name="a.msh"):
    path = tmp_path / name
    path.write_text(text)
    return path


def test_gmsh_41_file_joins_entities_of_one_group(tmp_path):
    mesh = read_mesh(typed(tmp_path, GMSH41))
    assert (mesh.n_nodes, len(mesh.triangles), mesh.areas.sum()) == (6, 4, 2.0)
    assert list(mesh.regions) == ["metal"]
    assert mesh.points[mesh.boundary_nodes("source"), 0].tolist() == [0, 0]
    assert mesh.points[mesh.boundary_nodes("drain"), 0].tolist() == [2, 2]


def test_gmsh_22_file(tmp_path):
    mesh = read_mesh(typed(tmp_path, GMSH22))  # a point of no triangle, z = 0.5, a reversed curve
    assert (mesh.n_nodes, mesh.areas.sum()) == (6, 2.0)
    assert mesh.regions["S"].tolist() == [0, 1]
    assert mesh.regions["N"].tolist() == [2, 3]
    assert list(mesh.boundaries) == ["edge"]
    assert sorted(mesh.points[mesh.boundary_nodes("edge"), 0]) == [0, 0, 2, 2]


def test_groups_without_names(tmp_path):
    text = GMSH22.replace('3\n1 3 "edge"\n2 1 "S"\n2 2 "N"', '1\n2 1 "S"')
    mesh = read_mesh(typed(tmp_path, text))
    assert list(mesh.regions) == ["S", "surface 2"]
    assert list(mesh.boundaries) == ["curve 3"]


def test_triangles_in_no_group(tmp_path):
    some = GMSH22.replace("2 2 2 2 ", "2 2 0 2 ").replace("3\n1 3", "2\n1 3").replace('2 2 "N"\n', "")
    with pytest.warns(UserWarning, match=r"2 of 4 triangles are in none of the regions \['S'\]"):
        mesh = read_mesh(typed(tmp_path, some))
    assert mesh.regions["unnamed"].tolist() == [2, 3]
    mesh = read_mesh(
        typed(tmp_path, some.replace("2 2 1 1 ", "2 2 0 1 ").replace("2\n1 3", "1\n1 3").replace('2 1 "S"\n', ""))
    )
    assert list(mesh.regions) == ["film"]


def test_gmsh_file_with_partial_fields(tmp_path):
    data = '$ElementData\n1\n"a"\n1\n0.0\n3\n0\n1\n1\n4 2.5\n$EndElementData\n'
    assert len(read_mesh(typed(tmp_path, GMSH41 + data)).triangles) == 4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hello", "cannot be read as .msh"),
        (GMSH22[:300], r"cannot be read as .msh: there is no complete section \$Elements"),
        (GMSH22.replace("3 1 1 0.5", "3 1 1 0.6"), r"not flat: z runs from 0.5 to 0.6"),
        (GMSH22.replace("2 2 2 2 2 6 3", "4 2 2 2 2 5 6 3"), r"holds \['tetra'\] beside triangles"),
        (GMSH22.replace("2 2 2 2 2 5 6", "2 2 2 2 2 5 99"), r"triangle has the node 99, which is not in \$Nodes"),
        (
            GMSH22.split("$Elements")[0] + "$Elements\n1\n1 4 2 1 1 1 2 3 4\n$EndElements\n",
            r"no triangles; it holds \['tetra'\]",
        ),
        (GMSH22.replace("3 1 2 -3 2 5 6", "3 1 2 -3 2 1 6"), r"'a.msh': boundary 'edge' names"),
    ],
)
def test_bad_msh_files(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        read_mesh(typed(tmp_path, text))


def test_bad_paths(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no mesh file"):
        read_mesh(tmp_path / "nowhere.msh")
    with pytest.raises(ValueError, match=r"cannot read 'a.xyz': expected a name that ends in .msh"):
        read_mesh(typed(tmp_path, GMSH22, "a.xyz"))
    with pytest.raises(ValueError, match=r"cannot be read as \.vtu"):
        read_mesh(typed(tmp_path, "<VTKFile>", "a.vtu"))
    for name, file_format in (("a.xyz", None), ("a.msh", "vtu"), ("a.vtu", "gmsh41")):
        with pytest.raises(ValueError, match=f"cannot write '{name}'"):
            square().write(tmp_path / name, file_format=file_format)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"point_data": {"a": np.zeros(3)}}, r"point_data 'a' has shape \(3,\).*\(4, \.\.\.\)"),
        ({"cell_data": {"a": np.array(["x", "y"])}}, "cell_data 'a'.*expected numbers"),
        ({"point_data": {'a"b': np.zeros(4)}}, "cannot be written: leave out quotes"),
        ({"point_data": {"a": np.zeros((4, 4, 4))}}, "16 components; Gmsh takes at most 9"),
    ],
)
def test_bad_fields_leave_the_old_file_alone(tmp_path, data, message):
    path = typed(tmp_path, "old")
    with pytest.raises(ValueError, match=message):
        square().write(path, **data)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


# --- the committed meshes -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "radius", "nodes", "h_max", "core"),
    [("vortex_disk", 4, 2540, 0.215, 0.03), ("vortex_disk_4k", 8, 4300, 0.33, 0.04)],
)
def test_vortex_disks(name, radius, nodes, h_max, core):
    mesh = read_mesh(MESHES / f"{name}.msh")
    report = mesh.quality()
    assert list(mesh.regions) == ["film"]
    np.testing.assert_allclose(np.hypot(*mesh.points[mesh.boundary_nodes("rim")].T), radius)
    assert report.nodes == pytest.approx(nodes, rel=0.1)
    assert report.h_max <= h_max
    assert report.smallest_angle > 35
    assert np.sort(np.hypot(*mesh.points.T))[:7] == pytest.approx([0] + 6 * [core], rel=0.1)


def test_sns():
    mesh = read_mesh(MESHES / "sns.msh")
    assert set(mesh.regions) == {"left", "normal", "right"}
    areas = {name: mesh.areas[index].sum() for name, index in mesh.regions.items()}
    assert areas == pytest.approx({"left": 2.5, "normal": 1.0, "right": 2.5})
    np.testing.assert_allclose(mesh.points[mesh.boundary_nodes("source"), 0], 0)
    np.testing.assert_allclose(mesh.points[mesh.boundary_nodes("drain"), 0], 6)
    assert mesh.n_nodes == pytest.approx(1000, rel=0.1)


def test_committed_files_are_those_of_the_script(tmp_path, capsys):
    spec = importlib.util.spec_from_file_location("make_meshes", MESHES / "make_meshes.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    script.main(tmp_path)
    for path in tmp_path.glob("*.msh"):
        fresh, committed = read_mesh(path), read_mesh(MESHES / path.name)
        assert fresh.topology == committed.topology
        np.testing.assert_allclose(fresh.points, committed.points, atol=1e-12)
    assert "vortex_disk_4k" in capsys.readouterr().out
