"""Devices: every refusal with its message, fields that jump between regions, the pytree."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jusadel as ju
from jusadel import Device, Material, Reservoir, rashba, rectangle


@pytest.fixture(scope="module")
def square():
    return rectangle(1.0, 1.0, 0.5)


@pytest.fixture(scope="module")
def bilayer():
    regions = {"S": lambda c: c[:, 0] < 0.5, "N": lambda c: c[:, 0] > 0.5}
    return rectangle(1.0, 1.0, 0.5, x=[0.0, 0.5, 1.0], regions=regions)


# --- materials -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("materials", "error", "message"),
    [
        ({"flim": Material()}, ValueError, r"material for unknown region 'flim'; the mesh has regions \['S', 'N'\]"),
        ({"S": Material()}, ValueError, r"region 'N' has no material; the mesh has regions \['S', 'N'\]"),
        ({}, ValueError, "region 'S' has no material"),
        ({"S": Material(), "N": 1.0}, TypeError, r"materials\['N'\] is float; expected a jusadel.Material"),
        (1.0, TypeError, r"materials is float; expected a jusadel.Material or {region: Material} .* \['S', 'N'\]"),
        ([Material(), Material()], TypeError, "materials is list; expected a jusadel.Material or"),
    ],
)
def test_bad_materials(bilayer, materials, error, message):
    with pytest.raises(error, match=message):
        Device(mesh=bilayer, materials=materials)


def test_a_region_without_Tc_beside_a_superconductor(bilayer):
    message = (
        r"materials of \['N'\] have no Tc, beside \['S'\] whose Tc was given, .* superconductors of Tc = 1; write Tc"
    )
    with pytest.warns(ju.AssumedTcWarning, match=message) as caught:
        Device(mesh=bilayer, materials={"S": Material(Tc=9.2), "N": Material(D=2.0)})
    assert caught[0].filename == __file__
    Device(mesh=bilayer, materials={"S": Material(), "N": Material(D=2.0)})
    Device(mesh=bilayer, materials={"S": Material(), "N": Material(Tc=0.0)})


def test_not_a_mesh(square):
    with pytest.raises(TypeError, match=r"mesh is ndarray; expected a jusadel.Mesh \(rectangle, disk, read_mesh\)"):
        Device(mesh=square.points, materials=Material())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"h": lambda p: p}, r"h\(points\) returned shape \(\d+, 2\) for \d+ points; expected \(\d+, 3\)"),
        ({"h": lambda p: np.full((len(p), 3), np.nan)}, r"h in region 'N' is not finite: \[nan nan nan\]"),
        ({"Tc": lambda p: np.where(p[:, 0] > 0.9, np.inf, 1.0)}, "Tc in region 'N' is not finite"),
        ({"Tc": lambda p: 0.7 - p[:, 0]}, r"Tc in region 'N' = -0.3; expected >= 0"),
        ({"D": lambda p: 0.9 - p[:, 0]}, "D in region 'N' has the eigenvalue -0.1"),
        ({"Gamma": lambda p: -p[:, 0]}, r"Gamma in region 'N' = \[\[-1.0, .* makes a spin grow"),
        ({"kappa": lambda p: np.outer(p[:, 0], [0, 0, 2])}, r"kappa in region 'N' = \[0.0, 0.0, 2.0\] has length 2"),
        ({"nu": lambda p: p[:, 0] - 0.5}, "nu in region 'N' = 0; a density of states must be positive"),
    ],
)
def test_functions_are_checked_on_their_region(bilayer, given, message):
    with pytest.raises(ValueError, match=message):
        Device(mesh=bilayer, materials={"S": Material(Tc=1.0), "N": Material(**{"Tc": 1.0} | given)})


def test_functions_see_only_their_region(bilayer):
    only_right = Material(Tc=1.0, h=lambda p: np.where(p[:, :1] < 0.5, np.nan, [0.0, 0.0, 1.0]))
    device = Device(mesh=bilayer, materials={"S": Material(Tc=1.0), "N": only_right})
    h = np.asarray(device.vertex_field("h"))[..., 2]
    assert np.array_equal(h[bilayer.regions["N"]], np.ones((len(bilayer.regions["N"]), 3)))
    assert not np.any(h[bilayer.regions["S"]])


def test_fields_jump_between_regions(bilayer):
    device = Device(mesh=bilayer, materials={"N": Material(D=3.0), "S": Material(gamma=rashba(0.1))})
    assert list(device.materials) == ["S", "N"]
    in_s = bilayer.region_of_triangle == 0
    np.testing.assert_array_equal(device.centroid_field("D")[:, 0, 0], np.where(in_s, 1.0, 3.0))
    np.testing.assert_array_equal(device.vertex_field("gamma")[in_s][0], np.stack(3 * [rashba(0.1)]))
    assert not np.any(device.vertex_field("gamma")[~in_s])


# --- boundaries ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("boundaries", "error", "message"),
    [
        ({"lft": Reservoir(0.1)}, ValueError, r"unknown boundary 'lft'; the mesh has boundaries \['left', 'right', "),
        ({"left": 0.1}, TypeError, r"boundaries\['left'\] is float; expected .* \(leave the name out for vacuum\)"),
        (Reservoir(0.1), TypeError, r"boundaries is Reservoir; expected {name: .*\['left', .*leave it out for vacuum"),
        (None, TypeError, "boundaries is NoneType; expected {name: "),
        (
            {"left": Reservoir(0.1), "top": Reservoir(0.1)},
            ValueError,
            r"reservoirs 'left' and 'top' share the node 12 at \[0.0, 1.0\]; leave an insulating edge between them",
        ),
        ({"left": Reservoir(0.1, phase=lambda p: p)}, ValueError, r"phase\(points\) returned shape \(4, 2\)"),
        ({"left": Reservoir(0.1, phase=lambda p: np.nan * p[:, 0])}, ValueError, "phase.* is not finite"),
    ],
)
def test_bad_boundaries(square, boundaries, error, message):
    with pytest.raises(error, match=message):
        Device(mesh=square, materials=Material(), boundaries=boundaries)


def test_one_reservoir_may_meet_itself_in_a_corner(square):
    reservoir = Reservoir(0.1)
    device = Device(mesh=square, materials=Material(), boundaries={"left": reservoir, "top": reservoir})
    x, y = square.points.T
    np.testing.assert_array_equal(device.fixed_nodes(), (x == 0) | (y == 1))
    assert list(device.reservoirs()) == ["left", "top"]


# --- vector potential ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("A", "error", "message"),
    [
        (lambda p: p[:, 0], ValueError, r"vector_potential\(points\) returned shape \(\d+,\); expected \(\d+, 2\)"),
        (lambda p: np.nan * p, ValueError, r"vector_potential\(points\) is not finite, first in triangle 0 near \["),
        (lambda p: np.where(p > 0.9, np.inf, 1.0), ValueError, "is not finite, first in triangle 4 near"),
        (lambda p: 1j * p, ValueError, r"vector_potential\(points\) = array of complex128; expected real numbers"),
        (np.zeros((16, 2)), TypeError, r"vector_potential is ndarray; expected None or a function of points"),
        (0.1, TypeError, r"vector_potential is float; expected None or a function of points \(k, 2\) -> \(k, 2\)"),
    ],
)
def test_bad_vector_potential(square, A, error, message):
    with pytest.raises(error, match=message):
        Device(mesh=square, materials=Material(), vector_potential=A)


def test_line_integrals_of_a_gradient_are_differences(square):
    slope = lambda p: jnp.stack([2 * p[:, 0] * p[:, 1], p[:, 0] ** 2], axis=1)  # noqa: E731
    value = lambda p: p[..., 0] ** 2 * p[..., 1]  # noqa: E731
    device = Device(mesh=square, materials=Material(), vector_potential=slope)
    expected = value(square.points[square.triangles]) - value(square.centroids)[:, None]
    np.testing.assert_allclose(device.line_integrals(), expected, atol=1e-14)
    assert not np.any(replace(device, vector_potential=None).line_integrals())


# --- pytree --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def junction(bilayer):
    return Device(
        mesh=bilayer,
        materials={"S": Material(Tc=1.0, h=(0, 0, 0.5)), "N": Material(D=2.0, Tc=1.0)},
        boundaries={"left": Reservoir(0.1, phase=0.3)},
    )


def test_pytree_round_trip(junction):
    leaves, structure = jax.tree.flatten(junction)
    again = jax.tree.unflatten(structure, leaves)
    assert again.mesh.topology is junction.mesh.topology
    assert set(again.materials) == {"S", "N"}
    assert (again.boundaries["left"].Delta, again.boundaries["left"].phase) == (0.1, 0.3)
    np.testing.assert_array_equal(again.centroid_field("D"), junction.centroid_field("D"))
    negative = jax.tree.unflatten(structure, [-leaf for leaf in leaves])  # unchecked
    assert negative.boundaries["left"].Delta == -0.1


def test_gradient_with_respect_to_a_whole_device(junction):
    def value(device):
        return jnp.sum(device.mesh.areas * device.centroid_field("h")[:, 2]) + 3 * device.boundaries["left"].Delta

    slope = jax.grad(value)(junction)
    for region in ("S", "N"):
        np.testing.assert_allclose(slope.materials[region].h, [0, 0, 0.5])  # the region's area
        assert not np.any(slope.materials[region].D)
    assert slope.boundaries["left"].Delta == 3
    # h area grows with the edge x = 0.5, on which S ends, at 0.5 per unit of height 1
    on_edge = junction.mesh.points[:, 0] == 0.5
    assert np.sum(slope.mesh.points[on_edge, 0]) == pytest.approx(0.5)


def test_device_of_traced_points_is_not_checked(junction):
    def area(points):
        device = Device(mesh=junction.mesh.with_points(points), materials=junction.materials)
        return jnp.sum(device.mesh.areas * device.centroid_field("D")[:, 0, 0])

    assert jax.jit(area)(2 * junction.mesh.points) == pytest.approx(4 * (0.5 + 2 * 0.5))


@pytest.mark.parametrize("h", [(0, 0, 1.0), lambda p: jnp.ones((len(p), 3))])
def test_a_magnet_without_Tc_beside_a_superconductor_is_told_once(bilayer, h):
    with pytest.warns(ju.AssumedTcWarning) as caught:
        device = Device(mesh=bilayer, materials={"S": Material(Tc=9.2), "N": Material(h=h)})
    assert len(caught) == 1
    assert float(device.materials["N"].Tc) == 1.0
    with pytest.warns(ju.AssumedTcWarning, match=r"materials of \['N'\] have no Tc"):  # h came later: not told yet
        Device(mesh=bilayer, materials={"S": Material(Tc=9.2), "N": replace(Material(), h=(0, 0, 1.0))})
