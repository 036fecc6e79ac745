"""Meshes of polygons: exact areas, angles, sizes, borders and names, and every refusal."""

import warnings

import numpy as np
import pytest

import jusadel as ju
from jusadel.mesh.generator.constraints import MeshingError
from jusadel.mesh.generator.geometry import area_of, inside
from jusadel.mesh.polygons import SharpCornerWarning, circle

SQUARE = np.array([(0.0, 0), (4, 0), (4, 4), (0, 4)])
HOLE = np.array([(2.5, 1.0), (3.5, 1.0), (3.5, 2.0), (2.5, 2.0)])
LEAD = [(0, 0), (1, 0), (1, 4), (0, 4)]


@pytest.fixture(scope="module")
def device():
    """A square with two holes, three regions and a contact; the region "bar" sticks out and crosses a hole."""
    return ju.polygon(
        SQUARE[::-1],
        0.3,
        {"window": HOLE, "round": ju.circle(0.5, 0.2, center=(2, 3))},
        {"lead": LEAD, "bar": [(0.5, 1.3), (5, 1.3), (5, 1.6), (0.5, 1.6)]},
        boundaries={"source": [(0, 0), (0, 4)], "drain": [(4, 1), (4, 0), (3, 0)]},
        rest="dot",
        nodes=[(3.1, 3.3)],
    )


def angles(mesh):
    """(m, 3) angles of all triangles in degrees, from the corners."""
    x = mesh.points[mesh.triangles]
    u, v = np.roll(x, -1, axis=1) - x, np.roll(x, 1, axis=1) - x
    cosine = (u * v).sum(-1) / np.linalg.norm(u, axis=-1) / np.linalg.norm(v, axis=-1)
    return np.degrees(np.arccos(cosine))


def on_line(points, a, b):
    a, b = np.asarray(a, float), np.asarray(b, float)
    t = np.clip((points - a) @ (b - a) / ((b - a) @ (b - a)), 0, 1)
    return np.linalg.norm(points - a - t[:, None] * (b - a), axis=1) < 1e-9


def covered(mesh, a, b):
    """Length of the straight line a-b that mesh edges run along."""
    on = on_line(mesh.points, a, b)[mesh.edges].all(axis=1)
    return mesh.edge_lengths[on].sum()


def euler(mesh):
    return mesh.n_nodes - len(mesh.edges) + len(mesh.triangles)


# --- what a mesh must be -------------------------------------------------------------------------


def test_areas_are_exact(device):
    round_hole = area_of(ju.circle(0.5, 0.2))
    area = {name: device.areas[index].sum() for name, index in device.regions.items()}
    assert area == pytest.approx({"lead": 3.85, "bar": 0.75, "dot": 12 - 0.6 - 1 - round_hole}, rel=1e-12)


def test_holes_are_open(device):
    assert euler(device) == -1
    middle = device.centroids
    assert not inside(middle, HOLE).any()


def test_angles_and_sizes(device):
    assert angles(device).min() >= 20
    assert device.edge_lengths.max() <= 0.3 * (1 + 1e-9)
    assert device.edge_lengths.mean() > 0.2


def test_every_border_is_made_of_mesh_lines(device):
    lines = [(SQUARE[k], SQUARE[k - 1]) for k in range(4)] + [(HOLE[k], HOLE[k - 1]) for k in range(4)]
    lines += [((1, 0), (1, 1.3)), ((1, 1.6), (1, 4)), ((0.5, 1.3), (2.5, 1.3)), ((3.5, 1.6), (4, 1.6))]
    for a, b in lines:
        assert covered(device, a, b) == pytest.approx(np.linalg.norm(np.subtract(a, b)), rel=1e-12)


def test_boundaries_by_name(device):
    assert set(device.boundaries) == {"outline", "window", "round", "source", "drain"}
    assert sum(map(len, device.boundaries.values())) == len(device.boundary_edges)
    lengths = {}
    for name, edges in device.boundaries.items():
        a, b = device.points[edges].transpose(1, 0, 2)
        lengths[name] = np.linalg.norm(b - a, axis=1).sum()
    assert lengths == pytest.approx(
        {"outline": 10, "window": 4, "round": 16 * 2 * 0.5 * np.sin(np.pi / 16), "source": 4, "drain": 2}
    )
    np.testing.assert_array_equal(device.points[device.boundary_nodes("source"), 0], 0)


def test_wanted_nodes_and_vertices_are_nodes(device):
    for point in [(3.1, 3.3), (0.5, 1.3), (1, 1.6), *SQUARE, *HOLE]:
        assert (device.points == point).all(axis=1).sum() == 1


def test_later_regions_win_and_earlier_ones_may_be_split():
    mesh = ju.polygon(SQUARE, 1.0, regions={"all": SQUARE, "bar": [(1, -1), (2, -1), (2, 5), (1, 5)]})
    assert {name: mesh.areas[index].sum() for name, index in mesh.regions.items()} == pytest.approx(
        {"all": 12, "bar": 4}
    )


def test_the_same_again():
    first, second = (ju.polygon(SQUARE, ju.graded(0.5, [((1, 1), 0.1)]), [HOLE]) for _ in range(2))
    assert first.topology == second.topology
    assert np.array_equal(first.points, second.points)


@pytest.mark.parametrize("holes", [[], [HOLE]])
@pytest.mark.parametrize("size", [ju.graded(0.5, [((1, 1), 0.1)]), 0.3, 0.5, 4])
def test_round_off_in_the_input_does_not_change_the_triangles(size, holes):
    """Another machine differs by round-off: moves of 1e-15 must not decide anything."""
    move = 1e-15 * np.random.default_rng(3).normal(size=SQUARE.shape)
    first, second = ju.polygon(SQUARE, size, holes), ju.polygon(SQUARE + move, size, holes)
    assert first.topology == second.topology
    np.testing.assert_allclose(first.points, second.points, atol=1e-7)


@pytest.mark.parametrize("seed", range(5))
def test_four_points_on_a_circle_are_no_tie_for_round_off(seed):
    """A strip whose nodes are all on its border: squares, with two diagonals each."""
    strip = np.array([(0.0, 0), (4, 0), (4, 1), (0, 1)])
    move = 1e-15 * np.random.default_rng(seed).normal(size=strip.shape)
    assert ju.polygon(strip, 1.5).topology == ju.polygon(strip + move, 1.5).topology


def test_the_interior_of_a_uniform_mesh_is_a_regular_lattice():
    mesh = ju.polygon(SQUARE, 0.2)
    middle = np.abs(mesh.centroids - 2).max(axis=1) < 1
    assert angles(mesh)[middle].min() > 50


def test_meshes_of_half_the_size_are_a_family():
    nodes = [ju.polygon(SQUARE, size, [HOLE]).n_nodes for size in (0.4, 0.2, 0.1)]
    assert nodes[1] / nodes[0] == pytest.approx(4, rel=0.2)
    assert nodes[2] / nodes[1] == pytest.approx(4, rel=0.1)


def test_interpolation_converges_at_second_order():
    """int x^4 y^2 by P1 over a film with a hole: exact value by the same over boxes."""
    exact = (4**5 / 5) * (4**3 / 3) - (3.5**5 - 2.5**5) / 5 * (8 - 1) / 3
    errors = []
    for size in (0.4, 0.2, 0.1):
        mesh = ju.polygon(SQUARE, size, [HOLE])
        x, y = mesh.points.T
        errors.append(abs(mesh.nodal_areas @ (x**4 * y**2) - exact))
    order = -np.polyfit(np.log([1, 2, 4]), np.log(errors), 1)[0]
    assert order == pytest.approx(2, abs=0.25)


# --- graded sizes --------------------------------------------------------------------------------


def test_graded_is_the_smallest_of_its_cones():
    size = ju.graded(1.0, [((0, 0), 0.1), ([(2, 0), (2, 2)], 0.2)], growth=0.5)
    points = np.array([(0.0, 0), (0.4, 0.3), (2, 1), (2, 3), (2.2, 0), (-9, -9)])
    np.testing.assert_allclose(size(points), [0.1, 0.35, 0.2, 0.7, 0.3, 1.0])


def test_grading_is_obeyed():
    size = ju.graded(0.5, [((1, 1), 0.01), ([(2, 3), (3.5, 2.5)], 0.05)])
    mesh = ju.polygon(SQUARE, size, nodes=[(1, 1)])
    middles = mesh.points[mesh.edges].mean(axis=1)
    ratio = mesh.edge_lengths / size(middles)
    assert ratio.max() <= 1 + 1e-9
    assert np.quantile(ratio, 0.1) > 0.5  # and not much finer than asked for
    assert angles(mesh).min() >= 20
    assert (mesh.points == 1).all(axis=1).any()
    assert mesh.n_nodes < 1400


def test_sizes_that_jump_are_smoothed_by_the_mesh():
    mesh = ju.polygon(SQUARE, lambda p: np.where(p[:, 0] < 2, 0.8, 0.1))
    assert angles(mesh).min() >= 20


# --- hard cases ----------------------------------------------------------------------------------


def star(rng, center, radius, vertices):
    angle = np.sort(rng.uniform(0, 2 * np.pi, vertices))
    r = radius * rng.uniform(0.4, 1, vertices)
    return np.asarray(center) + np.stack([r * np.cos(angle), r * np.sin(angle)], axis=1)


def angle_at(ring, k):
    """Angle in degrees inside a counter-clockwise polygon at vertex k."""
    before, after = ring[k - 1] - ring[k], ring[(k + 1) % len(ring)] - ring[k]
    turn = np.arctan2(after[0] * before[1] - after[1] * before[0], after @ before)
    return np.degrees(turn % (2 * np.pi))


@pytest.mark.parametrize("seed", range(30))
def test_random_stars_with_holes(seed):
    """Angles of 20 degrees away from the corners that are sharper themselves, or an error that says where."""
    rng = np.random.default_rng(seed)
    outline = star(rng, (0, 0), 1, rng.integers(6, 14))
    if not inside(np.zeros((1, 2)), outline)[0] or min(np.linalg.norm(outline, axis=1)) < 0.3:
        outline *= 1.5
    holes = [h for h in (star(rng, (0.1, 0.05), 0.1, 6), star(rng, (-0.1, -0.1), 0.08, 5)) if valid(h, outline)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SharpCornerWarning)
        try:
            mesh = ju.polygon(outline, 0.15, holes)
        except MeshingError as error:
            assert "near (" in str(error)  # noqa: PT017
            return
    rings = [outline, *holes]
    areas = [abs(area_of(ring)) for ring in rings]
    assert mesh.areas.sum() == pytest.approx(areas[0] - sum(areas[1:]), rel=1e-10)
    assert euler(mesh) == 1 - len(holes)
    assert mesh.edge_lengths.max() <= 0.15 * (1 + 1e-9)
    for ring in rings:
        for k in range(len(ring)):
            assert covered(mesh, ring[k - 1], ring[k]) == pytest.approx(np.linalg.norm(ring[k] - ring[k - 1]))
    small = mesh.triangles[angles(mesh).min(axis=1) < 20 - 1e-9]
    corners = [outline[k] for k in range(len(outline)) if angle_at(outline, k) < 20]
    corners += [hole[k] for hole in holes for k in range(len(hole)) if 360 - angle_at(hole, k) < 20]
    if len(small):
        assert corners
        near = np.linalg.norm(mesh.points[small][:, :, None] - np.array(corners), axis=-1).min(axis=(1, 2))
        assert near.max() < 0.15  # in or right across a corner


def valid(hole, outline):
    """Whether the hole surrounds its centre, as a star must, and lies well inside the outline."""
    steps = np.diff(np.unwrap(np.arctan2(*(hole - hole.mean(axis=0)).T[::-1])))
    return np.all(steps > 0) and area_of(hole) > 0 and inside(1.3 * hole, outline).all() and inside(hole, outline).all()


@pytest.mark.parametrize("corner", [75, 60, 45, 30, 25, 22, 20.5])
def test_acute_corners_down_to_the_bound(corner):
    a = np.radians(corner)
    mesh = ju.polygon([(0, 0), (1, 0), (np.cos(a), np.sin(a))], 0.2)
    assert angles(mesh).min() >= 20


@pytest.mark.parametrize(("corner", "leg"), [(30, 0.55), (28, 0.6), (35, 0.45)])
def test_legs_of_unequal_length_at_an_acute_corner(corner, leg):
    """Edges cut in the middle would make each other too long for ever."""
    a = np.radians(corner)
    mesh = ju.polygon([(0, 0), (1, 0), (leg * np.cos(a), leg * np.sin(a))], 0.2)
    assert angles(mesh).min() >= 20


@pytest.mark.parametrize("corner", [15, 6])
def test_sharper_corners_are_kept_with_a_warning(corner):
    a = np.radians(corner)
    with pytest.warns(SharpCornerWarning, match=rf"{corner} degrees at \(0, 0\)"):
        mesh = ju.polygon([(0, 0), (1, 0), (np.cos(a), np.sin(a))], 0.2)
    assert mesh.areas.sum() == pytest.approx(np.sin(a) / 2)
    assert angles(mesh).min() == pytest.approx(corner, rel=0.15)


def test_a_sharp_notch_outside_the_film_is_no_corner():
    mesh = ju.polygon([(0, 0), (4, 0), (4, 4), (2.1, 4), (2, 0.5), (1.9, 4), (0, 4)], 0.5)
    assert angles(mesh).min() >= 20


def test_narrow_places_are_refined_and_only_they():
    mesh = ju.polygon(SQUARE, 0.5, [[(0.01, 1), (1, 1), (1, 1.5), (0.01, 1.5)]])
    assert angles(mesh).min() >= 20
    assert mesh.n_nodes < 1200
    assert mesh.edge_lengths.max() > 0.4


def test_any_unit_of_length():
    """Triangles that do not depend on the unit; a mesh in metres."""
    small = ju.polygon(1e-9 * SQUARE, 0.5e-9)
    assert small.n_nodes == ju.polygon(SQUARE, 0.5).n_nodes


def test_points_within_the_tolerance_are_one():
    mesh = ju.polygon(SQUARE, 1.0, regions={"left": [(1e-10, 0), (2, 0), (2, 4 + 1e-10), (0, 4)]})
    assert mesh.areas[mesh.regions["left"]].sum() == pytest.approx(8)


# --- shapes --------------------------------------------------------------------------------------


def region_areas(mesh):
    return {name: float(mesh.areas[index].sum()) for name, index in mesh.regions.items()}


def length_of(mesh, name):
    a, b = mesh.points[mesh.boundaries[name]].transpose(1, 0, 2)
    return np.linalg.norm(b - a, axis=1).sum()


def test_strip():
    mesh = ju.strip({"S1": 3, "N": 1, "S2": 2}, width=0.5, size=0.2)
    assert region_areas(mesh) == pytest.approx({"S1": 1.5, "N": 0.5, "S2": 1.0})
    assert {k: length_of(mesh, k) for k in mesh.boundaries} == pytest.approx(
        {"left": 0.5, "right": 0.5, "bottom": 6, "top": 6}
    )
    np.testing.assert_array_equal(mesh.points[mesh.boundary_nodes("right"), 0], 6)
    assert len(mesh.edges_between("S1", "N")) > 1
    assert list(ju.strip(2.0, 1.0, 0.5).regions) == ["film"]


def test_ring_with_sectors():
    mesh = ju.ring(1, 2, 0.2, {"link": (-0.25, 0.25), "far": (3, 3.5)})
    assert euler(mesh) == 0
    assert region_areas(mesh)["link"] == pytest.approx(0.75, rel=5e-3)
    for name, radius in (("inner", 1), ("outer", 2)):
        np.testing.assert_allclose(np.hypot(*mesh.points[mesh.boundary_nodes(name)].T), radius, rtol=0.01)
    assert set(mesh.boundaries) == {"inner", "outer"}
    assert list(mesh.regions) == ["link", "far", "film"]


def test_corbino():
    mesh = ju.corbino(1, 4, 0.2, {"A": (1, 2), "N": (2.5, 3), "M": (3, 4)})
    expected = {"A": 3, "N": 2.75, "M": 7, "film": 2.25}
    assert region_areas(mesh) == pytest.approx({k: np.pi * v for k, v in expected.items()}, rel=1e-2)
    assert set(mesh.boundaries) == {"inner", "outer"}
    assert list(ju.corbino(1, 2, ju.graded(0.5, [((1, 0), 0.1)])).regions) == ["film"]


def test_junctions():
    tee = ju.t_junction({"left": 2, "right": 3, "bottom": 1}, width=0.5, size=0.2)
    assert region_areas(tee) == pytest.approx({"center": 0.25, "right": 1.5, "left": 1, "bottom": 0.5})
    cross = ju.cross_junction(2, width=0.5, size=0.2)
    assert region_areas(cross) == pytest.approx({"center": 0.25} | dict.fromkeys(["right", "top", "left", "bottom"], 1))
    for mesh, ends in ((tee, 3), (cross, 4)):
        assert len(mesh.boundaries) == ends + 1
        assert all(length_of(mesh, name) == pytest.approx(0.5) for name in mesh.boundaries if name != "outline")
        assert angles(mesh).min() >= 20
    np.testing.assert_allclose(tee.points[tee.boundary_nodes("bottom"), 1], -1.25)
    np.testing.assert_allclose(cross.points[cross.boundary_nodes("top"), 1], 2.25)


def test_squid_loop():
    mesh = ju.squid_loop(3, 2, 0.6, 0.4, 1.5, 0.2, lead_width=0.5)
    electrode = (4.2 * 3.2 - 6) / 2 - 0.24 + 0.75
    expected = {"left electrode": electrode, "right electrode": electrode, "upper": 0.24, "lower": 0.24}
    assert region_areas(mesh) == pytest.approx(expected)
    assert set(mesh.boundaries) == {"outline", "hole", "left", "right"}
    assert euler(mesh) == 0
    assert length_of(mesh, "left") == length_of(mesh, "right") == pytest.approx(0.5)
    assert len(mesh.edges_between("upper", "left electrode")) > 1
    assert len(mesh.edges_between("left electrode", "right electrode")) == 0


def test_a_current_flows_through_the_loop():
    """The upper and lower arm carry half each, in the normal state."""
    mesh = ju.squid_loop(1.0, 1.0, 0.5, 0.3, 0.5, 0.25)
    device = ju.Device(mesh=mesh, materials=ju.Material(D=1.0, Tc=0))
    flow = ju.diffuse(device, {"left": ju.Contact(voltage=1.0), "right": ju.Contact(voltage=0.0)})
    through = ju.current_through(flow, "right")
    upper = ju.current_across(flow, (0.0, 1.0), (0.0, 0.5))
    assert abs(float(upper)) == pytest.approx(abs(float(through)) / 2, rel=0.02)


# --- refusals ------------------------------------------------------------------------------------

BOW = [(0, 0), (1, 1), (1, 0), (0, 1)]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ju.polygon(BOW, 0.1), r"the outline meets itself at \(0.5, 0.5\) \(sides 0 and 2\)"),
        (lambda: ju.polygon([(0, 0), (2, 0), (1, 0), (1, 1)], 0.1), r"the outline meets itself at"),
        (lambda: ju.polygon([(0, 0), (2, 0), (2, 2), (1, 0), (0, 2)], 0.1), r"meets itself at \(1, 0\)"),
        (lambda: ju.polygon([(0, 0), (1, 0)], 0.1), r"the outline has shape \(2, 2\); expected \(k, 2\), 3 or more"),
        (lambda: ju.polygon([(0, 0), (1, 0), (0, 0)], 0.1), "the outline has 2 different vertices"),
        (lambda: ju.polygon("abc", 0.1), "the outline is 'abc'; expected 3 or more points"),
        (lambda: ju.polygon([(0, 0), (1, 0), (1, np.nan)], 0.1), r"point 2 is \(1, nan\); expected finite"),
        (lambda: ju.polygon([(0, 0), (1, 0), (1, 0), (0, 1)], 0.1), r"points 1 and 2 are both \(1, 0\); drop one"),
        (lambda: ju.polygon([(0, 0), (1e300, 0), (0, 1)], 1), r"point 1 is \(1e\+300, 0\); expected .* below 1e\+100"),
        (lambda: ju.polygon(SQUARE, 0), "size = 0; expected a finite number > 0"),
        (lambda: ju.polygon(SQUARE, np.inf), "size = inf"),
        (lambda: ju.polygon(SQUARE, 5), r"size = 5 is larger than the film \(extent 4\)"),
        (lambda: ju.polygon(SQUARE, 1e-4), "nodes.*give a larger size"),
        (lambda: ju.polygon(SQUARE, lambda p: p), r"size returned shape \(\d+, 2\) for points \(\d+, 2\)"),
        (lambda: ju.polygon(SQUARE, lambda p: p[:, 0] - 9), r"size returned -.* at \(.*; expected finite numbers > 0"),
        (lambda: ju.polygon(SQUARE, 1, [HOLE, HOLE - 0.5]), r"hole 'hole1' meets hole 'hole0' at \("),
        (lambda: ju.polygon(SQUARE, 1, [HOLE + 1]), r"hole 'hole0' meets the outline at \(4"),
        (lambda: ju.polygon(SQUARE, 1, [HOLE + np.array([0.5, 0])]), "meets the outline at"),
        (lambda: ju.polygon(SQUARE, 1, {"far": HOLE + 9}), r"hole 'far' lies outside the outline, at \(11.5, 10\)"),
        (
            lambda: ju.polygon(SQUARE, 1, {"a": HOLE, "b": (HOLE + np.array([3, 1.5])) / 2}),
            "hole 'b' lies inside hole 'a'",
        ),
        (lambda: ju.polygon(SQUARE, 1, regions={"a": HOLE + 9}), "region 'a' covers no film"),
        (lambda: ju.polygon(SQUARE, 1, [HOLE], {"a": HOLE}), "region 'a' covers no film"),
        (lambda: ju.polygon(SQUARE, 1, regions={"a": HOLE, "b": SQUARE}), "region 'a' covers no film.*later regions"),
        (lambda: ju.polygon(SQUARE, 1, regions={"a": BOW}), "region 'a' meets itself"),
        (lambda: ju.polygon(SQUARE, 1, regions={"film": HOLE}), r"\['film'\] must not stand for two things"),
        (lambda: ju.polygon(SQUARE, 1, {"outline": HOLE}), r"\['outline'\] must not stand for two things"),
        (lambda: ju.polygon(SQUARE, 1, [HOLE], boundaries={"hole0": [(0, 0), (1, 0)]}), "'hole0'.*rename one"),
        (lambda: ju.polygon(SQUARE, 1, {" ": HOLE}), "' ' is among the names of outline, holes and boundaries"),
        (
            lambda: ju.polygon(SQUARE, 1, boundaries={"a": [(0, 0), (1, 1)]}),
            r"boundary 'a' runs from \(0, 0\) to \(1, 1\), which is not on the outline or on a hole",
        ),
        (lambda: ju.polygon(SQUARE, 1, boundaries={"a": [(3, 0), (5, 0)]}), r"'a' runs from \(4, 0\) to \(5, 0\)"),
        (
            lambda: ju.polygon(SQUARE, 1, boundaries={"a": [(0, 0), (2, 0)], "b": [(1, 0), (3, 0)]}),
            r"boundary 'b' runs from \(2, 0\) to \(1, 0\), where another boundary lies",
        ),
        (lambda: ju.polygon(SQUARE, 1, boundaries={"a": [(0, 0)]}), r"boundary 'a' has shape \(1, 2\)"),
        (lambda: ju.polygon(SQUARE, 1, nodes=[(9, 9)]), r"nodes\[0\] = \(9, 9\) lies outside the film"),
        (lambda: ju.graded(1, [((0, 0), 2)]), r"near\[0\] has the size 2, larger than size = 1"),
        (lambda: ju.graded(1, [((0, 0), -1)]), r"the size of near\[0\] = -1"),
        (lambda: ju.graded(1, [0.3]), r"near\[0\] is 0.3; expected a pair"),
        (lambda: ju.graded(1, [], growth=2), "growth = 2; expected at most 1"),
        (lambda: ju.circle(-1, 0.1), "radius = -1"),
        (lambda: ju.strip({}, 1, 0.1), "lengths is empty"),
        (lambda: ju.strip({"N": -1}, 1, 0.1), "the length of 'N' = -1"),
        (lambda: ju.ring(2, 1, 0.1), "inner_radius = 2 is not smaller than outer_radius = 1"),
        (lambda: ju.ring(1, 2, 0.1, {"a": (1, 0)}), r"sector 'a' is \(1, 0\); expected start < stop"),
        (lambda: ju.corbino(1, 2, 0.1, {"a": (1.5, 3)}), r"ring 'a' goes from 1.5 to 3; expected increasing radii"),
        (lambda: ju.t_junction({"left": 1}, 1, 0.1), r"arms has the names \['left'\]; expected a number, or all of"),
        (lambda: ju.squid_loop(1, 1, 1, 2, 1, 0.1), "link_length = 2; expected less than inner_width = 1"),
        (lambda: ju.squid_loop(1, 1, 1, 0.5, 1, 0.1, 3), "lead_width = 3; expected less than the loop's height 3"),
    ],
)
def test_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_failure_says_where():
    with pytest.raises(MeshingError, match=r"near \(.*move them apart"):
        ju.polygon(SQUARE, 0.2, regions={"almost on the outline": [(1e-7, 0), (4, 0), (4, 4), (1e-7, 4)]})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (((0, 0), 2, 0.4), r"radius = \(0, 0\); expected a finite number > 0"),
        ((2, (0, 0), 0.4), r"size = \(0, 0\); expected a finite number > 0"),
        (("2", 0.4), r"radius = '2'; expected a finite number > 0"),
        ((2, 0.4, 1.0), r"center = 1.0; expected two finite numbers \(x, y\)"),
    ],
)
def test_circles_of_what_is_no_number_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        circle(*given)
