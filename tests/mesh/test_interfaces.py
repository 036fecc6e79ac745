"""Split lines: which side gets the copies, what is carried along, every refusal; and periodic images."""

import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from jusadel.mesh.formats.reading import read_mesh
from jusadel.mesh.formats.writing import FORMATS
from jusadel.mesh.interfaces import matching_nodes, paired_edges, paired_nodes, split, with_cut_between
from jusadel.mesh.mesh import Mesh
from jusadel.mesh.shapes import disk, rectangle

LINES = {"x": np.linspace(0, 2, 9), "y": np.linspace(0, 1, 5)}


def halves(first="left", second="right"):
    """A 2 x 1 strip with a border at x = 1; the region at smaller x comes first if it is called `first`."""
    place = {"left": lambda c: c[:, 0] < 1, "right": lambda c: c[:, 0] > 1}
    return rectangle(2, 1, 1, **LINES, regions={name: place[name] for name in (first, second)})


def edges_along(mesh, on_line):
    """Edges whose both ends satisfy a condition on the points."""
    return mesh.edges[on_line(mesh.points)[mesh.edges].all(axis=1)]


def strip_with(**lines):
    """The strip with inner lines; each a condition on the points."""
    mesh = rectangle(2, 1, 1, **LINES)
    return mesh.with_boundaries({name: edges_along(mesh, on_line) for name, on_line in lines.items()})


def near(a, b):
    return np.abs(a - b) < 1e-9


def island():
    """A disk with an inner disk of another region, whose border is the line "coast"."""
    mesh, coast = disk(1.0, 0.2), 4 / 7  # the fourth of seven rings of nodes
    place = {"sea": lambda c: np.hypot(*c.T) >= coast, "island": lambda c: np.hypot(*c.T) < coast}
    mesh = mesh.with_regions(place)
    return with_cut_between(mesh, "island", "sea", "coast")


def across(mesh):
    return split(with_cut_between(mesh, "left", "right", "barrier"), "barrier")


def slit():
    """A line from the lower rim up to (1, 0.5)."""
    return strip_with(slit=lambda p: near(p[:, 0], 1) & (p[:, 1] < 0.6))


def both_ends_inside():
    return strip_with(slit=lambda p: near(p[:, 1], 0.5) & (np.abs(p[:, 0] - 1) < 0.6))


def two_pieces():
    return strip_with(slit=lambda p: near(p[:, 0], 0.5) | near(p[:, 0], 1.5))


ALL = {
    "barrier": (lambda: with_cut_between(halves(), "left", "right", "barrier"), 5, 2),
    "coast": (island, None, 2),
    "slit": (slit, 2, 1),
    "inside": (both_ends_inside, 3, 1),
    "pieces": (two_pieces, 10, 3),
}
"""By name: the mesh before, the number of new nodes (None: all of the line), the pieces after."""


@pytest.fixture(scope="module", params=ALL)
def case(request):
    make, new, pieces = ALL[request.param]
    mesh = make()
    name = list(mesh.boundaries)[-1]
    new = len(mesh.boundary_nodes(name)) if new is None else new
    return mesh, split(mesh, name), name, new, pieces


def n_pieces(mesh):
    a, b = mesh.edges.T
    return connected_components(coo_array((np.ones(len(a)), (a, b)), shape=(mesh.n_nodes,) * 2))[0]


def owners(mesh, edges):
    """The one triangle at each of these outer edges, found by its direction."""
    of = {tuple(e): row // 3 for row, e in enumerate(mesh.topology.directed_edges.tolist())}
    return np.array([of[tuple(e)] for e in edges.tolist()])


def check_pairs(mesh, name):
    """Both sides are outer edges at the same place, each with the triangles of its own side."""
    left, right = paired_edges(mesh, name)
    assert np.array_equal(mesh.points[left], mesh.points[right])
    assert np.array_equal(left, mesh.boundaries[f"{name}:left"])
    step = mesh.points[left[:, 1]] - mesh.points[left[:, 0]]
    for edges, sign in ((left, 1), (right[:, ::-1], -1)):
        inward = mesh.centroids[owners(mesh, edges)] - mesh.points[left[:, 0]]
        assert np.all(sign * (step[:, 0] * inward[:, 1] - step[:, 1] * inward[:, 0]) > 0)
        keys = {tuple(e) for e in mesh.boundary_edges.tolist()}
        assert keys.issuperset(tuple(e) for e in edges.tolist())
    pairs = paired_nodes(mesh, name)
    assert np.array_equal(mesh.points[pairs[:, 0]], mesh.points[pairs[:, 1]])
    assert np.all(pairs[:, 0] != pairs[:, 1])
    assert set(map(tuple, pairs)) <= set(map(tuple, np.stack([left.ravel(), right.ravel()], 1)))
    return pairs


# --- what a split mesh is -------------------------------------------------------------------------


def test_a_split_only_adds_copies(case):
    before, after, name, new, pieces = case
    n = before.n_nodes
    assert after.n_nodes == len(after.points) == n + new
    assert np.array_equal(after.points[:n], before.points)
    original = [np.flatnonzero(np.all(before.points == point, axis=1))[0] for point in after.points[n:]]
    assert np.all(np.diff(original) > 0)
    assert np.array_equal(after.points[after.triangles], before.points[before.triangles])
    assert after.areas.sum() == pytest.approx(before.areas.sum(), rel=1e-14)
    assert n_pieces(after) == pieces
    assert len(after.edges) == len(before.edges) + len(before.boundaries[name])
    for region in before.regions:
        assert np.array_equal(after.regions[region], before.regions[region])
    assert [b for b in after.boundaries if not b.startswith(f"{name}:")] == [b for b in before.boundaries if b != name]
    assert len(check_pairs(after, name)) == new
    assert split(after, name) is after


def test_refinement_keeps_the_pairs(case):
    _, after, name, new, pieces = case
    fine = after.refined(2)
    assert len(paired_edges(fine, name)[0]) == 4 * len(paired_edges(after, name)[0])
    assert len(check_pairs(fine, name)) == new + 3 * len(paired_edges(after, name)[0])
    assert n_pieces(fine) == pieces


def test_split_and_refined_commute(case):
    before, after, name, _, _ = case
    one, other = split(before.refined(), name), after.refined()
    assert np.array_equal(one.points[one.triangles], other.points[other.triangles])
    for side in ("left", "right"):
        edges = (m.points[m.boundaries[f"{name}:{side}"]].reshape(-1, 4) for m in (one, other))
        assert np.array_equal(*(np.unique(e, axis=0) for e in edges))  # direction is kept, order need not be


def test_other_boundaries_stay_with_their_triangles(case):
    before, after, name, _, _ = case
    for other in set(before.boundaries) - {name}:
        was, now = before.boundaries[other], after.boundaries[other]
        assert np.array_equal(after.points[now], before.points[was])
        assert np.array_equal(owners(after, now), owners(before, was))


def test_a_split_mesh_passes_the_checks_of_a_mesh(case):
    _, after, name, new, _ = case
    low = after.centroids[:, 1] < 0.3
    regions = {"low": np.flatnonzero(low), "high": np.flatnonzero(~low)}
    moved = after.points @ np.array([[1.0, 0.2], [0.1, 0.9]])
    for again in (
        after.with_points(after.points),
        after.with_points(moved),
        after.with_regions(regions),
        after.with_boundaries({"low": lambda x: x[:, 1] < 0.1}),
        pickle.loads(pickle.dumps(after)),
    ):
        assert np.array_equal(again.triangles, after.triangles)
        assert np.array_equal(paired_edges(again, name), paired_edges(after, name))
        assert len(check_pairs(again, name)) == new


@pytest.mark.parametrize("file_format", FORMATS)
def test_files_keep_a_split_mesh(case, tmp_path, file_format):
    _, after, name, _, _ = case
    path = tmp_path / f"split{FORMATS[file_format][0]}"
    after.write(path, file_format=file_format)
    again = read_mesh(path)
    assert np.array_equal(again.points, after.points)
    assert np.array_equal(check_pairs(again, name), check_pairs(after, name))


def test_coinciding_points_off_the_line_are_refused_as_before():
    mesh = across(halves())
    names = {key: edges for key, edges in mesh.boundaries.items() if ":" not in key}
    with pytest.raises(ValueError, match="lie on top of each other"):
        Mesh(points=mesh.points, triangles=mesh.triangles, boundaries=names)
    left, right = (mesh.boundaries[f"barrier:{side}"] for side in ("left", "right"))
    for some_left, some_right in ((left[:2], right[2:]), (left[[0, 1, 3]], right)):
        with pytest.raises(ValueError, match="lie on top of each other"):
            mesh.with_boundaries({"barrier:left": some_left, "barrier:right": some_right})
    only_left = mesh.points.copy()
    only_left[right.ravel(), 0] += 0.05
    with pytest.raises(ValueError, match="2 unconnected pieces"):
        mesh.with_points(only_left)


def test_ordinary_boundaries_may_have_such_names():
    mesh = halves()
    named = mesh.with_boundaries({"a:left": mesh.boundaries["left"], "a:right": mesh.boundaries["right"]})
    assert np.array_equal(named.boundaries["a:right"], mesh.boundaries["right"])
    with pytest.raises(ValueError, match=r"'a:left' and 'a:right' lie up to 2 apart"):
        paired_edges(named, "a")
    named = mesh.with_boundaries({"a:left": mesh.boundaries["left"], "a:right": mesh.boundaries["top"]})
    with pytest.raises(ValueError, match=r"'a:left' has 4 edges and 'a:right' has 8"):
        paired_nodes(named, "a")
    line = mesh.edges_between("left", "right")
    named = mesh.with_boundaries({"a:left": line, "a:right": line})
    with pytest.raises(ValueError, match=r"'a:left' and 'a:right' lie up to 1 apart"):
        paired_edges(named, "a")


# --- which side is which --------------------------------------------------------------------------


@pytest.mark.parametrize("order", [("left", "right"), ("right", "left")])
def test_the_first_region_is_left(order):
    mesh = across(halves(*order))
    for side, region in zip(("left", "right"), order, strict=True):
        triangles = owners(mesh, mesh.boundaries[f"barrier:{side}"])
        assert np.isin(triangles, mesh.regions[region]).all()
        assert np.isin(mesh.boundary_nodes(f"barrier:{side}"), mesh.triangles[mesh.regions[region]]).all()
    # the strip is two pieces now, each with nodes of its own
    assert not np.intersect1d(*(mesh.triangles[index] for index in mesh.regions.values())).size


def test_an_island_gets_the_copies_when_its_region_comes_second():
    before = island()
    mesh = split(before, "coast")
    copies = np.arange(before.n_nodes, mesh.n_nodes)
    assert np.isin(copies, mesh.triangles[mesh.regions["island"]]).all()
    assert np.array_equal(np.sort(copies), mesh.boundary_nodes("coast:right"))
    assert np.array_equal(mesh.boundaries["rim"], before.boundaries["rim"])


@pytest.mark.parametrize("start", [0, 2])
@pytest.mark.parametrize("turn", [1, -1])
def test_without_regions_each_piece_runs_like_its_first_edge(turn, start):
    mesh = rectangle(2, 1, 1, **LINES)
    line = edges_along(mesh, lambda p: near(p[:, 0], 1))
    line = np.roll(line[::turn], start, axis=0)
    first = mesh.points[line[0, ::turn]]
    tangled = np.where([[True], [False], [False], [True]], line[:, ::turn], line[:, ::-turn])
    cut = split(mesh.with_boundaries({"cut": tangled}), "cut")
    left = cut.points[paired_edges(cut, "cut")[0]]
    assert np.array_equal(left[0], first)
    assert np.all(np.sign(left[:, 1, 1] - left[:, 0, 1]) == turn)
    check_pairs(cut, "cut")
    right = np.setdiff1d(cut.boundary_nodes("cut:right"), cut.boundary_nodes("cut:left"))
    assert np.array_equal(right, np.arange(mesh.n_nodes, cut.n_nodes))


def test_outer_boundaries_take_the_copy_of_their_own_side():
    before = halves()
    mesh = across(before)
    for name, y in (("bottom", 0), ("top", 1)):
        nodes = mesh.boundary_nodes(name)
        assert len(nodes) == len(before.boundary_nodes(name)) + 1
        assert np.sum(near(mesh.points[nodes, 0], 1)) == 2
        assert np.all(mesh.points[nodes, 1] == y)
        edges = mesh.boundaries[name]
        in_left = np.isin(owners(mesh, edges), mesh.regions["left"])
        assert np.array_equal(in_left, mesh.points[edges].mean(axis=1)[:, 0] < 1)
    assert len(mesh.boundary_edges) == len(before.boundary_edges) + 2 * 4


# --- lines that meet ------------------------------------------------------------------------------


def test_crossing_lines_are_split_one_after_the_other():
    mesh = strip_with(up=lambda p: near(p[:, 0], 1), along=lambda p: near(p[:, 1], 0.5))
    quarters = split(split(mesh, "up"), "along")
    assert n_pieces(quarters) == 4
    assert quarters.n_nodes == mesh.n_nodes + 5 + 10
    assert np.sum(near(quarters.points, [1, 0.5]).all(axis=1)) == 4
    for name in ("up", "along"):
        check_pairs(quarters, name)
        assert len(check_pairs(quarters.refined(), name)) > 5
    again = quarters.with_points(quarters.points)
    assert again.topology == quarters.topology


def test_a_line_that_ends_on_a_split_line():
    mesh = strip_with(up=lambda p: near(p[:, 0], 1), along=lambda p: near(p[:, 1], 0.5) & (p[:, 0] < 1.1))
    for order in (("up", "along"), ("along", "up")):
        cut = split(split(mesh, order[0]), order[1])
        assert n_pieces(cut) == 3
        assert np.sum(near(cut.points, [1, 0.5]).all(axis=1)) == 3
        for name in order:
            check_pairs(cut, name)
        assert cut.with_points(cut.points).topology == cut.topology


def test_a_line_that_touches_the_outer_boundary_on_its_way():
    mesh = rectangle(2, 1, 1, **LINES)
    zigzag = [[0, 0.5], [0.25, 0.25], [0.5, 0], [0.75, 0.25], [1, 0.5], [1.25, 0.75], [1.5, 1]]
    node = [int(np.flatnonzero(near(mesh.points, p).all(axis=1))[0]) for p in zigzag]
    line = np.stack([node[:-1], node[1:]], axis=1)
    cut = split(mesh.with_boundaries({"zigzag": line}), "zigzag")
    assert n_pieces(cut) == 3
    assert np.sum(near(cut.points, [0.5, 0]).all(axis=1)) == 3
    check_pairs(cut, "zigzag")
    assert cut.with_points(cut.points).topology == cut.topology


# --- JAX ------------------------------------------------------------------------------------------


def test_points_may_be_traced():
    mesh = with_cut_between(halves(), "left", "right", "barrier")

    def area(scale):
        cut = split(mesh.with_points(mesh.points * scale), "barrier")
        assert paired_nodes(cut, "barrier").shape == (5, 2)
        return cut.areas.sum()

    assert jax.grad(area)(jnp.array(1.0)) == pytest.approx(4.0, rel=1e-6)


# --- refusals -------------------------------------------------------------------------------------

T_SHAPED = {"T": lambda p: near(p[:, 0], 1) | (near(p[:, 1], 0.5) & (p[:, 0] < 1.1))}
REFUSED = {
    "unknown": (halves, "cut", r"no boundary 'cut'; its boundaries are \['left', 'right', 'bottom', 'top'\]"),
    "outer": (halves, "top", r"'top' holds 8 outer edges, such as .*leave those edges out"),
    "T": (lambda: strip_with(**T_SHAPED), "T", r"'T' branches at nodes \[22\] at \[\[1.0, 0.5\]\]: give each line a"),
    "short": (
        lambda: strip_with(s=lambda p: near(p[:, 1], 0.5) & (np.abs(p[:, 0] - 0.6) < 0.2)),
        "s",
        r"of 's' at \[\[0.5, 0.5\], \[0.75, 0.5\]\] have both ends inside the sample",
    ),
    "shared": (
        lambda: strip_with(a=lambda p: near(p[:, 0], 1), b=lambda p: near(p[:, 0], 1) & (p[:, 1] < 0.6)),
        "a",
        r"boundary 'b' shares 2 edges, such as .*leave them out of 'b'",
    ),
}


@pytest.mark.parametrize(("make", "name", "message"), REFUSED.values(), ids=REFUSED)
def test_refused(make, name, message):
    mesh = make()
    with pytest.raises(ValueError, match=message):
        split(mesh, name)


def test_a_traced_mesh_is_refused_without_positions():
    mesh = strip_with(**T_SHAPED)
    with pytest.raises(ValueError, match=r"branches at nodes \[22\] \(positions are being traced\)"):
        jax.jit(lambda p: split(mesh.with_points(p), "T").points)(mesh.points)


def test_no_such_split_line():
    with pytest.raises(ValueError, match=r"no split line 'cut'; its split lines are \['barrier'\]"):
        paired_nodes(across(halves()), "cut")


def test_regions_without_a_border():
    mesh = rectangle(
        3,
        1,
        1,
        x=np.arange(4.0),
        regions={"a": lambda c: c[:, 0] < 1, "b": lambda c: np.abs(c[:, 0] - 1.5) < 0.5, "c": lambda c: c[:, 0] > 2},
    )
    for second in ("c", "a"):
        with pytest.raises(ValueError, match=r"'a' and '.' share no edge: name two neighbours of \['a', 'b', 'c'\]"):
            with_cut_between(mesh, "a", second, "cut")
    cut = with_cut_between(mesh, "b", "a", "cut")
    assert np.array_equal(cut.points[cut.boundary_nodes("cut"), 0], np.ones(3))


# --- periodic images ------------------------------------------------------------------------------


def test_opposite_sides_match():
    mesh = rectangle(2, 1, 0.3)
    pairs, shift = matching_nodes(mesh, "left", "right")
    np.testing.assert_allclose(shift, [2, 0], atol=1e-14)
    assert np.array_equal(pairs[:, 0], mesh.boundary_nodes("left"))
    np.testing.assert_allclose(mesh.points[pairs[:, 1]], mesh.points[pairs[:, 0]] + shift, atol=1e-14)
    back, shift = matching_nodes(mesh, "top", "bottom")
    np.testing.assert_allclose(shift, [0, -1], atol=1e-14)
    np.testing.assert_allclose(mesh.points[back[:, 1]], mesh.points[back[:, 0]] + shift, atol=1e-14)


def test_sides_of_a_skew_cell_match():
    mesh = rectangle(2, 1, 0.3)
    mesh = mesh.with_points(mesh.points @ np.array([[1.0, 0.1], [0.5, 1.0]]))
    for first, second, expected in (("left", "right", [2, 0.2]), ("bottom", "top", [0.5, 1])):
        pairs, shift = matching_nodes(mesh, first, second)
        np.testing.assert_allclose(shift, expected, atol=1e-14)
        np.testing.assert_allclose(mesh.points[pairs[:, 1]] - mesh.points[pairs[:, 0]], shift + 0 * pairs, atol=1e-14)


@pytest.mark.parametrize("turn", [1, -1])
def test_doubled_nodes_match_on_their_own_side(turn):
    mesh = rectangle(2, 1, 1, **LINES)
    line = edges_along(mesh, lambda p: near(p[:, 1], 0.5))
    mesh = split(mesh.with_boundaries({"along": line[:, ::turn]}), "along")
    pairs, _ = matching_nodes(mesh, "left", "right")
    assert len(pairs) == 6
    a, b = mesh.edges.T
    label = connected_components(coo_array((np.ones(len(a)), (a, b)), shape=(mesh.n_nodes,) * 2))[1]
    assert np.array_equal(label[pairs[:, 0]], label[pairs[:, 1]])
    assert sorted(label[pairs[:, 0]].tolist()) == [0, 0, 0, 1, 1, 1]


def test_a_line_split_on_one_side_only_does_not_match():
    mesh = strip_with(s=lambda p: near(p[:, 1], 0.5) & (p[:, 0] < 1))
    with pytest.raises(ValueError, match="'left' has 6 nodes and 'right' has 5: mesh both boundaries"):
        matching_nodes(split(mesh, "s"), "left", "right")


def bent(amount):
    mesh = rectangle(2, 1, 1, **LINES)
    points = mesh.points.copy()
    points[near(points, [2, 0.5]).all(axis=1), 1] += amount
    return mesh.with_points(points)


def test_boundaries_that_do_not_match():
    with pytest.raises(ValueError, match="'left' has 5 nodes and 'top' has 9: mesh both boundaries with the same"):
        matching_nodes(bent(0), "left", "top")
    message = (
        r"1 of 5 nodes of 'left' have no partner on 'right': shifted by \[2.0, 0.0\], node 18 at \[0.0, 0.5\] is "
        r"0.1 from the nearest node there \(limit 2e-09\)"
    )
    with pytest.raises(ValueError, match=message):
        matching_nodes(bent(0.1), "left", "right")
    assert len(matching_nodes(bent(1e-10), "left", "right")[0]) == 5
    with pytest.raises(ValueError, match="no partner"):
        matching_nodes(bent(1e-8), "left", "right")
    assert len(matching_nodes(bent(1e-8), "left", "right", tol=1e-7)[0]) == 5
    square = rectangle(1, 1, 0.5)
    with pytest.raises(ValueError, match=r"'left' and 'top' share the nodes \[\d+\]"):
        matching_nodes(square, "left", "top")
    with pytest.raises(ValueError, match="no boundary 'rim'"):
        matching_nodes(square, "left", "rim")


def test_lines_split_at_different_places_do_not_match():
    mesh = rectangle(2, 1, 1, x=LINES["x"], y=np.linspace(0, 1, 9))
    middle, up = mesh.points[mesh.edges].mean(axis=1).T
    for name, side, offset in (("a", middle < 0.6, 0.25), ("b", middle > 1.4, 0.125)):
        slits = mesh.edges[side & near(np.abs(up - 0.5), offset) & near(mesh.edge_lengths, 0.25)]
        mesh = mesh.with_boundaries({name: slits})
    mesh = split(split(mesh, "a"), "b")
    with pytest.raises(ValueError, match=r"lie at the same places, but the edges between them differ"):
        matching_nodes(mesh, "left", "right")


def test_traced_points_do_not_match():
    mesh = rectangle(2, 1, 0.5)
    with pytest.raises(ValueError, match="pair the nodes outside the traced function"):
        jax.jit(lambda p: matching_nodes(mesh.with_points(p), "left", "right")[1])(mesh.points)
