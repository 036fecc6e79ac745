"""Meshes against the lengths over which G varies: what is warned about, and that the warning comes in time."""

import warnings

import jax.numpy as jnp
import numpy as np
import pytest

import jusadel as ju
from jusadel.common.errors import CoarseMeshWarning
from jusadel.device.pair_potential import at_vertices
from jusadel.solver.resolution import warn_if_coarse

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
        ({"magnetic_Gamma": 60.0}, {}, None, 0.1, "magnetic relaxation length"),
        ({"depairing": 40.0}, {}, None, 0.1, "depairing length"),
        ({"magnetic_gamma": ju.rashba(8.0)}, {}, None, 0.1, r"spin-galvanic length D/\|magnetic_gamma\|"),
        ({"mu": ju.rashba(8.0)}, {}, None, 0.1, r"spin-galvanic length D/\|mu\|"),
        (
            {"h": (0, 0, 1.0), "P": 0.99 * np.multiply.outer([0, 0, 1], np.eye(2))},
            {},
            None,
            0.1,
            "exchange",
        ),
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


# --- in time: what edges of half a length cost -----------------------------------------------------------


def names_of(device, T, Delta=0.0):
    """The lengths that are warned about."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_if_coarse(device, at_vertices(device, Delta), T)
    return [str(w.message).split("longer than half the ")[1].split(";")[0] for w in caught]


def long_junction(pieces):
    """Ten thermal lengths of normal metal at T = 1, and its current at pi/2; the longest edge is a diagonal."""
    length = 10 / np.sqrt(2 * np.pi)
    x = np.linspace(0, length, pieces + 1)
    ends = {"left": ju.Reservoir(2.0), "right": ju.Reservoir(2.0, phase=np.pi / 2)}
    mesh = ju.rectangle(length, x[1], 1.0, x=x, y=x[:2])
    device = ju.Device(mesh=mesh, materials=ju.Material(Tc=0.0), boundaries=ends)
    sol = ju.solve(device, T=1.0, frequencies=4, linear_solver=ju.linear.SuperLU())
    return ju.current_through(sol, "right") / x[1]


def closed_form(length, T=1.0, Delta=2.0):
    """Critical current of a long SNS junction a width, D = nu = 1: Zaikin and Zharkov, JETP Lett. 35, 184 (1982)."""
    omega = np.pi * T * (2 * np.arange(30) + 1)
    Omega, decay = np.hypot(omega, Delta), length * np.sqrt(2 * omega)
    terms = decay * Delta**2 * np.exp(-decay) / (omega + Omega + np.sqrt(2 * Omega * (Omega + omega))) ** 2
    return 64 * np.pi * T * terms.sum() * 2 / length


def test_a_warning_comes_before_a_critical_current_is_off_by_a_fifth():
    exact = closed_form(10 / np.sqrt(2 * np.pi))
    with pytest.warns(ju.CoarseMeshWarning, match=r"thermal length sqrt\(D/2 pi T\); worst edge 0.353 against 0.399"):
        coarse = long_junction(16)  # edges of 0.88 thermal lengths
    assert coarse / exact - 1 == pytest.approx(0.22, abs=0.02)
    assert abs(long_junction(32) / exact - 1) < 0.06  # 0.44, without a warning


@pytest.mark.parametrize(("size", "warned"), [(0.1, True), (0.05, True), (0.025, False)])
def test_a_field_across_a_stiff_direction(size, warned):
    """Currents along a strip of 0.4 are 18, 5 and 1.4 per cent low on these meshes."""
    device = ju.Device(
        mesh=ju.rectangle(2.0, 0.4, size=size),
        materials=ju.Material(Tc=0.0, D=np.diag([1.0, 100.0])),
        vector_potential=ju.uniform_field(3.0),
    )
    assert ("magnetic length 1/(|B| xi), xi = sqrt(D/2 pi T) across" in names_of(device, 0.5)) == warned


def test_the_stiff_direction_counts_by_its_diffusion_field_and_temperature():
    """The shortest length is sqrt(2 pi T/D_yy)/B, whatever D_xx is: triangles of half of it pass, longer ones fail."""
    for D, B, T in ((100.0, 3.0, 0.5), (1000.0, 3.0, 0.5), (400.0, 1.5, 0.2)):
        half = np.sqrt(2 * np.pi * T / D) / B / 2
        for factor, warned in ((0.98, False), (1.02, True)):
            x = np.array([0.0, factor * half])
            device = ju.Device(
                mesh=ju.rectangle(x[1], 0.01 * half, 1.0, x=x, y=np.array([0.0, 0.01 * half])),
                materials=ju.Material(Tc=0.0, D=np.diag([1.0, D])),
                vector_potential=ju.uniform_field(B),
            )
            assert any("1/(|B| xi)" in name for name in names_of(device, T)) == warned


def test_triangles_may_be_as_long_as_diffusion_lets_them():
    """Each edge is measured along its direction: long ones along the stiff axis are fine, across it they are not."""
    mesh = ju.rectangle(4.0, 0.4, 1.0, x=np.linspace(0, 4, 9), y=np.linspace(0, 0.4, 9))
    for D, warned in ((np.diag([100.0, 1.0]), False), (np.diag([1.0, 100.0]), True)):
        device = ju.Device(mesh=mesh, materials=ju.Material(Tc=0.0, D=D))
        assert any("thermal" in name for name in names_of(device, 0.5)) == warned


def test_barriers_have_no_length_of_their_own():
    """Behind a barrier, however transparent, G varies over the thermal length: errors are those without one."""
    ends = {"left": ju.Tunnel(ju.Reservoir(0.1), 1e4), "right": ju.Tunnel(ju.Reservoir(0.1), 1e-4)}
    device = ju.Device(mesh=ju.rectangle(1.0, 1.0, 0.5), materials=ju.Material(Tc=0.0), boundaries=ends)
    assert not names_of(device, 0.1)
