"""Meshes against the lengths over which G varies: what is warned about, and that the warning comes in time."""

import warnings

import jax.numpy as jnp
import numpy as np
import pytest

import jusadel as ju
from jusadel.pair_potential import at_vertices
from jusadel.resolution import warn_if_coarse
from jusadel.solution import CoarseMeshWarning

ONE = ([1.0], [1.0])  # one frequency
DELTA = 0.1  # small against D/size^2, so that a coarse mesh is fine enough


@pytest.fixture(scope="module")
def device():
    return ju.Device(mesh=ju.rectangle(1.0, 1.0, 0.5), materials=ju.Material())


def test_coarse_mesh_warns_the_caller_with_numbers(device):
    message = (
        r"too coarse: 18 of 18 triangles have edges longer than half the coherence length sqrt\(D/2 Delta\); worst "
        r"edge 0.471 against 0.224 near \[.*\], where this may cost 89 % of a result; use a mesh with size <= 0.112 "
        r"there, or see with ju.converge"
    )
    with pytest.warns(ju.CoarseMeshWarning, match=message) as caught:
        ju.solve(device, T=0.1, pair_potential=10.0, frequencies=ONE)
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"h": (0.0, 0.0, 10.0)}, r"longer than half the exchange length sqrt\(D/2h\); worst edge 0.471 against 0.224"),
        (
            {"Gamma": 20.0},
            r"half the spin relaxation length sqrt\(D/Gamma\); worst edge 0.471 against 0.224",
        ),
        (
            {"spin_field": ju.rashba(5.0)},
            r"longer than half the spin precession length 1/2\|a\|; worst edge 0.471 against 0.1 ",
        ),
    ],
)
def test_every_length_is_compared_with_the_mesh(device, given, message):
    coarse = ju.Device(mesh=device.mesh, materials=ju.Material(Tc=1.0, **given))
    with pytest.warns(ju.CoarseMeshWarning, match=message):
        warn_if_coarse(coarse, at_vertices(coarse, DELTA), 0.1)


def test_fine_mesh_does_not_warn(device):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_if_coarse(device, at_vertices(device, DELTA), 0.1)
    assert not caught


@pytest.mark.parametrize(
    ("material", "boundary", "field", "T", "name"),
    [
        ({}, {}, None, 20.0, "thermal length"),
        ({"h": (0, 0, 40.0)}, {}, None, 0.1, "exchange length"),
        ({"Gamma": 80.0}, {}, None, 0.1, "spin relaxation length"),
        ({"gamma": ju.rashba(8.0)}, {}, None, 0.1, "spin-galvanic length"),
        ({"spin_field": ju.chiral(8.0)}, {}, None, 0.1, "spin precession length"),
        ({}, {"left": ju.Reservoir(40.0)}, None, 0.1, "of the reservoir"),
        ({}, {"left": ju.Reservoir(0.1, h=(0, 40.0, 0))}, None, 0.1, "of the reservoir"),
        ({"D": np.diag([10.0, 1e-3])}, {}, None, 0.1, "thermal length"),
        ({}, {}, lambda p: jnp.stack([-60 * p[:, 1], 0 * p[:, 0]], axis=1), 0.1, "magnetic length"),
    ],
)
def test_each_short_length_is_warned_about(device, material, boundary, field, T, name):
    given = ju.Material(Tc=0.0, **material)
    coarse = ju.Device(mesh=device.mesh, materials=given, boundaries=boundary, vector_potential=field)
    with pytest.warns(CoarseMeshWarning, match=name):
        warn_if_coarse(coarse, at_vertices(coarse, 0.0), T)


def test_pure_gauge_vector_potential_needs_no_fine_mesh(device):
    gauged = ju.Device(
        mesh=device.mesh, materials=device.materials, vector_potential=lambda p: 0 * p + np.array([30.0, -50.0])
    )
    assert np.abs(gauged.magnetic_field()).max() < 1e-11
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_if_coarse(gauged, at_vertices(gauged, DELTA), 0.1)
