"""Currents at nodes: exact where they are uniform, second order where they are smooth, no eddies where terms cancel."""

import jax
import jax.numpy as jnp
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pytest

import jusadel as ju
from jusadel.mesh.interfaces import split
from jusadel.observables.recovery import recovered

STRIP = ju.strip({"A": 1.0, "B": 1.0}, 1.0, 0.3)


def with_slit():
    """A rectangle 2 x 1 with a slit of length 1 along its middle that ends inside."""
    mesh = ju.rectangle(2.0, 1.0, 0.4, x=np.linspace(0, 2, 9), y=np.linspace(0, 1, 5))
    x, y = np.moveaxis(np.asarray(mesh.points)[mesh.edges], 2, 0)
    inner = (np.abs(y - 0.5) < 1e-9).all(axis=1) & (x > 0.4).all(axis=1) & (x < 1.6).all(axis=1)
    return split(mesh.with_boundaries({"cut": mesh.edges[inner]}), "cut")


@pytest.mark.parametrize("mesh", [STRIP, with_slit()], ids=["two regions", "slit"])
def test_currents_that_are_uniform_in_each_region_are_exact(mesh):
    """Along x with vacuum above and below; its component along the border of regions may jump."""
    along = np.where(mesh.region_of_triangle == 0, 1.0, 3.0)
    closed = np.stack([np.full(len(along), 2.0), 0 * along], axis=1)
    ends = ("left", "right")
    np.testing.assert_allclose(recovered(mesh, closed, ends) - closed[:, None], 0, atol=1e-12)
    jumping = np.stack([np.full(len(along), 2.0), along], axis=1)
    np.testing.assert_allclose(recovered(mesh, jumping, None) - jumping[:, None], 0, atol=1e-12)


def test_all_components_and_derivatives():
    spins = np.random.default_rng(0).normal(size=(len(STRIP.triangles), 3, 2))
    found = recovered(STRIP, spins, ("left",))
    np.testing.assert_allclose(found[:, :, 1], recovered(STRIP, spins[:, 1], ("left",)), atol=1e-12)
    mean = lambda s: jnp.sum(recovered(STRIP.with_points(s * STRIP.points), spins, ("left",)) ** 2)  # noqa: E731
    assert abs(jax.grad(mean)(1.0)) < 1e-9 * mean(1.0)  # densities do not change with the scale of the mesh


def turning(points):
    x, y = np.asarray(points).T
    return np.stack([-y, x], axis=1) * np.cos(1.5 * np.hypot(x, y))[:, None]


def test_smooth_currents_converge_at_second_order():
    sizes, errors = [0.2, 0.1, 0.05], []
    for size in sizes:
        mesh = ju.disk(1.0, size)
        found = np.asarray(recovered(mesh, turning(mesh.centroids), ()))
        nodes = mesh.triangles[np.hypot(*np.asarray(mesh.centroids).T) < 0.7]
        inside = found[np.hypot(*np.asarray(mesh.centroids).T) < 0.7]
        errors.append(np.sqrt(np.mean((inside - turning(mesh.points)[nodes]) ** 2)))
    assert np.polyfit(np.log(sizes), np.log(errors), 1)[0] > 1.8
    assert errors[-1] < 2e-3


def strip(left, size=0.15):
    """A magnet with spin-orbit coupling beside a normal metal: in it an anomalous current against a phase gradient."""
    magnet = ju.Material(Tc=0.0, h=(0, 3.0, 0), gamma=ju.rashba(0.3), Gamma=0.5)
    device = ju.Device(
        mesh=ju.strip({"F": 1.0, "N": 1.0}, 1.0, size),
        materials={"F": magnet, "N": ju.Material(Tc=0.0)},
        boundaries={"right": ju.Reservoir(1.7)} | left,
    )
    return ju.solve(device, 0.3, frequencies=4)


@pytest.fixture(scope="module")
def driven():
    return strip({"left": ju.Reservoir(1.7)})


@pytest.fixture(scope="module")
def closed():
    return strip({})


def columns(sol):
    x = np.asarray(sol.mesh.points)[:, 0]
    return {"left end": x < 1e-9, "border": np.abs(x - 1.0) < 1e-9, "right end": x > 2 - 1e-9}


def test_what_flows_along_a_strip_is_the_same_at_every_place(driven):
    """The strip is 1 wide and the same at every height, so that the density is the current through its ends."""
    flows = -float(ju.current_through(driven, "left"))
    j = np.asarray(ju.charge_current(driven, at="nodes"))
    border = j[columns(driven)["border"], 0] / flows
    assert np.abs(border.mean() - 1) < 1e-4
    assert border.std() < 1e-3
    for where, nodes in columns(driven).items():
        assert j[nodes, 0].mean() == pytest.approx(flows, rel=1e-2), where
    assert np.linalg.norm(j, axis=1).max() < 1.05 * abs(flows)
    assert np.abs(j[:, 1]).max() < 0.05 * abs(flows)


def test_no_current_is_drawn_where_a_closed_strip_lets_none_flow(driven, closed):
    flows = abs(float(ju.current_through(driven, "left")))
    assert abs(ju.current_across(closed, (0.6, -1), (0.6, 2))) < 1e-9 * flows
    j = np.asarray(ju.charge_current(closed, at="nodes"))
    assert np.abs(j[columns(closed)["border"], 0].mean()) < 5e-4 * flows
    assert np.linalg.norm(j, axis=1).max() < 2e-3 * flows
    assert np.abs(j[columns(closed)["left end"], 0]).max() < 2e-5 * flows


def test_pictures_say_where_they_show_the_mesh_alone(driven, closed):
    with pytest.warns(ju.CoarseMeshWarning, match=r"eddies of the mesh: .* of single triangles differ from it by"):
        ju.plot.arrows(closed)
    plt.close("all")
    ju.plot.streamlines(driven)  # no warning, which would be an error
    plt.close("all")
