"""Mesh convergence: known orders and limits, values that have none, and wrong input."""

import numpy as np
import pytest

import jusadel as ju

SQUARE = ju.rectangle(1.0, 1.0, 0.5)


def trapezoid(mesh):
    """Int exp(x + 2y) by values at the nodes: order 2."""
    x, y = mesh.points.T
    return mesh.nodal_areas @ np.exp(x + 2 * y)


def at_corners(mesh):
    """Int exp(x + 2y) by the value where x and y are least in each triangle: order 1."""
    x, y = mesh.points[mesh.triangles].min(axis=1).T
    return mesh.areas @ np.exp(x + 2 * y)


EXACT = (np.exp(1) - 1) * (np.exp(2) - 1) / 2


@pytest.mark.parametrize(("rule", "order"), [(trapezoid, 2), (at_corners, 1)])
def test_order_and_limit_are_found(rule, order):
    found = ju.converge(rule, SQUARE, levels=5)
    assert found.order == pytest.approx(order, abs=0.1)
    assert abs(found.estimate - EXACT) < 0.1 * abs(found.values[-1] - EXACT)
    assert found.error == pytest.approx(abs(found.values[-1] - EXACT), rel=0.1)
    np.testing.assert_allclose(found.sizes[:-1] / found.sizes[1:], 2)


def test_order_given_takes_two_meshes_and_arrays_are_extrapolated_entry_by_entry():
    pair = lambda mesh: np.array([trapezoid(mesh), 2 * trapezoid(mesh)])  # noqa: E731
    found = ju.converge(pair, [SQUARE.refined(2), SQUARE.refined(3)], order=2)
    np.testing.assert_allclose(found.estimate, [EXACT, 2 * EXACT], rtol=1e-5)
    assert found.nodes.tolist() == [SQUARE.refined(2).n_nodes, SQUARE.refined(3).n_nodes]


def test_a_device_is_refined_with_what_it_is_made_of():
    device = ju.Device(mesh=SQUARE, materials=ju.Material(nu=1.7), boundaries={"left": ju.Reservoir(1.0)})
    weights = lambda device: float(device.centroid_field("nu") @ np.asarray(device.mesh.areas))  # noqa: E731
    found = ju.converge(weights, device)
    assert found.order == np.inf
    assert found.estimate == pytest.approx(1.7)


def test_the_table_says_all_of_it():
    text = repr(ju.converge(trapezoid, SQUARE, levels=3))
    assert text.splitlines()[0].split() == ["nodes", "size", "value", "step"]
    assert len(text.splitlines()) == 5
    assert "order " in text
    assert "limit " in text


@pytest.mark.parametrize(
    ("values", "message"), [((1.0, 2.0, 1.5), "go to and fro"), ((1.0, 1.1, 2.0), "do not shrink as a power")]
)
def test_values_without_a_limit_are_named(values, message):
    table = dict(zip((SQUARE.refined(k).n_nodes for k in range(3)), values, strict=True))
    with pytest.warns(ju.ConvergenceWarning, match=message):
        found = ju.converge(lambda mesh: table[mesh.n_nodes], SQUARE)
    assert np.isnan(found.order)
    assert found.estimate == values[-1]
    assert found.error == pytest.approx(abs(values[-1] - values[-2]))


@pytest.mark.parametrize(
    ("meshes", "given", "message"),
    [
        (SQUARE, {"levels": 2}, "levels = 2; expected a whole number >= 3 .two are enough"),
        (SQUARE, {"order": -1.0}, "order = -1.0; expected None or a number > 0"),
        ([SQUARE], {"order": 2}, "1 meshes; expected at least 2"),
        ([SQUARE.refined(), SQUARE, SQUARE], {}, "expected meshes from coarse to fine"),
    ],
)
def test_wrong_meshes(meshes, given, message):
    with pytest.raises(ValueError, match=message):
        ju.converge(trapezoid, meshes, **given)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (lambda mesh: mesh.areas, "the values have shapes .* expected the same on each mesh"),
        (lambda mesh: np.nan, "not finite real numbers"),
        (lambda mesh: 1j, "not finite real numbers"),
    ],
)
def test_wrong_values(value, message):
    with pytest.raises(ValueError, match=message):
        ju.converge(value, SQUARE)


def test_things_that_are_no_mesh():
    with pytest.raises(TypeError, match="meshes hold a int"):
        ju.converge(trapezoid, [1, 2, 3])
