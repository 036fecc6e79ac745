"""Vector potentials of a uniform field, pair potentials with vortices, windings and fluxoids."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jusadel as ju
from jusadel.device.pair_potential import vortices
from jusadel.device.vector_potential import uniform_field
from jusadel.observables.vorticity import fluxoid, winding

RNG = np.random.default_rng(3)
POINTS = RNG.normal(size=(7, 2))
GAUGES = ("symmetric", "x", "y")

# --- uniform field ---------------------------------------------------------------------------------


@pytest.mark.parametrize("gauge", GAUGES)
def test_the_curl_is_the_field_and_the_divergence_zero(gauge):
    A = uniform_field(0.7, gauge, center=(0.4, -0.3))
    slopes = jax.vmap(jax.jacobian(lambda p: A(p[None])[0]))(jnp.asarray(POINTS))
    assert np.asarray(slopes[:, 1, 0] - slopes[:, 0, 1]) == pytest.approx(0.7)
    assert np.asarray(slopes[:, 0, 0] + slopes[:, 1, 1]) == pytest.approx(0.0)
    assert np.asarray(A(np.array([[0.4, -0.3]]))) == pytest.approx(0.0)


def test_gauges_point_where_they_say():
    x, y = POINTS.T
    assert np.asarray(uniform_field(2.0, "x")(POINTS)) == pytest.approx(np.stack([-2 * y, 0 * x], axis=1))
    assert np.asarray(uniform_field(2.0, "y")(POINTS)) == pytest.approx(np.stack([0 * y, 2 * x], axis=1))
    assert np.asarray(uniform_field(2.0)(POINTS)) == pytest.approx(np.stack([-y, x], axis=1))


def test_a_device_sees_the_field():
    device = ju.Device(mesh=DISK, materials=ju.Material(), vector_potential=uniform_field(0.3, "x", (0.2, 0.1)))
    assert np.asarray(device.magnetic_field()) == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"gauge": "landau"}, r"gauge = 'landau'; expected one of \['electrodes', 'symmetric', 'x', 'y'\]"),
        ({"B": np.nan}, "B = nan; expected a finite number"),
        ({"B": (0, 0, 1)}, r"B = \(0, 0, 1\); expected a finite number"),
        ({"center": (0, 0, 1)}, "center = .* expected two finite numbers"),
    ],
)
def test_bad_fields_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        uniform_field(**({"B": 1.0} | arguments))


# --- vortices --------------------------------------------------------------------------------------

CENTERS = [(0.5, 0.1), (-0.4, 0.3), (0.0, -0.6)]


def test_one_of_them_is_the_rigid_vortex():
    expected = np.asarray(ju.vortex(1.3, winding=-2, center=(0.2, 0.1))(POINTS))
    assert np.asarray(vortices(1.3, [(0.2, 0.1)], -2)(POINTS)) == pytest.approx(expected)


def test_phases_add_and_cores_multiply():
    windings = (1, -1, 2)
    phase = sum(w * np.arctan2(POINTS[:, 1] - y, POINTS[:, 0] - x) for w, (x, y) in zip(windings, CENTERS, strict=True))
    core = np.prod([np.tanh(np.linalg.norm(POINTS - c, axis=1) / 0.4) for c in CENTERS], axis=0)
    bare, dressed = (np.asarray(vortices(1.3, CENTERS, windings, core=c)(POINTS)) for c in (None, 0.4))
    assert bare == pytest.approx(1.3 * np.exp(1j * phase))
    assert dressed == pytest.approx(1.3 * core * np.exp(1j * phase))
    for core in (None, 0.4):
        assert np.asarray(vortices(1.3, CENTERS, core=core)(np.array(CENTERS))) == pytest.approx(0.0)


def test_equal_vortices_are_equal():
    """Plain numbers inside, so that they can be compared and hashed."""
    a, b = vortices(1.0, np.array(CENTERS), np.array([1, 1, 1])), vortices(1.0, CENTERS)
    assert a == b
    assert hash(a) == hash(b)
    assert hash(uniform_field(1.0, center=[0, 1])) == hash(uniform_field(1.0, center=(0.0, 1.0)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"positions": (0.1, 0.2)}, r"positions = .* expected finite numbers, shape \(k, 2\)"),
        ({"positions": []}, "positions = .* expected finite numbers"),
        ({"positions": [(0, np.inf)]}, "positions = .* expected finite numbers"),
        ({"windings": (1, 2)}, r"windings = \(1, 2\); expected one integer, or one for each of 3"),
        ({"windings": 0.5}, "winding = 0.5; the phase of a vortex turns an integer number of times"),
        ({"core": 0.0}, "core = 0.0; expected None or a length > 0"),
    ],
)
def test_bad_vortices_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        vortices(**({"Delta": 1.0, "positions": CENTERS} | arguments))


# --- windings and fluxoids -------------------------------------------------------------------------

DISK = ju.disk(1.0, 0.2)
B = 0.9


def annulus():
    """A square with a square hole, the outer edges named by side or all together, and a line round the hole."""
    full = ju.rectangle(2.0, 2.0, 0.15)
    points = np.asarray(full.points) - 1
    keep = np.abs(np.asarray(full.centroids) - 1).max(axis=1) > 0.4
    used = np.unique(full.triangles[keep])
    number = np.full(len(points), -1)
    number[used] = np.arange(len(used))
    mesh = ju.Mesh(points=points[used], triangles=number[full.triangles[keep]])
    level = np.unique(np.abs(mesh.points).max(axis=1).round(9))[2]
    on_ring = np.abs(np.abs(mesh.points).max(axis=1) - level) < 1e-8
    step = np.abs(np.diff(mesh.points[mesh.edges], axis=1)[:, 0])
    ring = mesh.edges[on_ring[mesh.edges].all(axis=1) & (step.min(axis=1) < 1e-9)]
    return mesh.with_boundaries(
        {
            "hole": lambda m: np.abs(m).max(axis=1) < 0.9,
            "outline": lambda m: np.abs(m).max(axis=1) > 0.9,
            "left": lambda m: m[:, 0] < -0.99,
            "others": lambda m: (m[:, 0] > -0.99) & (np.abs(m).max(axis=1) > 0.9),
            "both": lambda m: m[:, 0] < 5,
            "ring": ring,
            "backwards": ring[:, ::-1],
        }
    )


ANNULUS = annulus()


@pytest.fixture(scope="module")
def solved():
    """Any solution on the annulus; `holding` gives it another pair potential and vector potential."""
    return ju.solve(
        ju.Device(mesh=ANNULUS, materials=ju.Material()), T=0.5, pair_potential=1.0, frequencies=([1.0], [1.0])
    )


def holding(solved, Delta, A=None):
    device = ju.Device(mesh=ANNULUS, materials=ju.Material(), vector_potential=A)
    return replace(solved, device=device, Delta=Delta(jnp.asarray(ANNULUS.points)))


@pytest.mark.parametrize("turns", [-3, 0, 1, 2])
def test_winding_counts_turns(solved, turns):
    sol = holding(solved, ju.vortex(1.0, winding=turns, center=(0.05, -0.1)))
    assert winding(sol, "outline") == winding(sol, ["left", "others"]) == turns
    assert winding(sol, "ring") == winding(sol, "backwards") == turns
    assert winding(sol, "hole") == turns
    assert isinstance(winding(sol, "hole"), int)


def test_windings_differ_by_the_vortices_in_the_sample(solved):
    sol = holding(solved, vortices(1.0, [(0.72, 0.11), (-0.71, -0.13), (0.0, 0.0)], (1, 1, -2)))
    assert winding(sol, "outline") == 0
    assert winding(sol, "hole") == -2


@pytest.mark.parametrize("gauge", GAUGES)
def test_fluxoid_is_the_winding_minus_the_flux(solved, gauge):
    """Flux B x area over the flux quantum pi."""
    sol = holding(solved, ju.vortex(1.0, winding=2), uniform_field(B, gauge, (0.3, 0.4)))
    assert winding(sol, "outline") == 2
    assert fluxoid(sol, "outline") == pytest.approx(2 - 4 * B / np.pi, abs=1e-12)
    x, y = np.asarray(ANNULUS.points)[np.unique(ANNULUS.boundaries["hole"])].T
    hole = np.ptp(x) * np.ptp(y)
    assert fluxoid(sol, "hole") == pytest.approx(2 - hole * B / np.pi, abs=1e-12)


def test_gauge_invariance(solved):
    """chi as large as one likes between neighbours: Delta exp(2 i chi), A + grad chi."""
    strong = 6.0
    chi = lambda p: strong * jnp.sin(1.3 * p[:, 0] + 0.4) * p[:, 1] + 2 * p[:, 0]  # noqa: E731
    slope = jax.vmap(jax.grad(lambda p: chi(p[None])[0]))
    A, Delta = uniform_field(B), ju.vortex(1.0, winding=1, center=(0.1, 0.0))
    plain = holding(solved, Delta, A)
    turned = holding(solved, lambda p: Delta(p) * jnp.exp(2j * chi(p)), lambda p: A(p) + slope(jnp.asarray(p)))
    for name in ("outline", "hole", "ring"):
        assert fluxoid(turned, name) == pytest.approx(fluxoid(plain, name), abs=1e-10)
        assert winding(turned, name) == winding(plain, name)
    assert abs(fluxoid(holding(solved, Delta, turned.device.vector_potential), "ring") - 1) > 1e-3


def test_a_screened_ring_of_one_flux_quantum_has_no_fluxoid(solved):
    """The flux inside one line equals its winding: nothing is left to drive a current."""
    sol = holding(solved, ju.vortex(1.0), uniform_field(np.pi / 4))
    assert fluxoid(sol, "outline") == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(
    ("Delta", "boundary", "message"),
    [
        (ju.vortex(1.0), "rim", "no boundary 'rim'; its boundaries are"),
        (ju.vortex(1.0), "left", r"boundary \['left'\] is no closed line: 2 of its nodes"),
        (ju.vortex(1.0), ["outline", "left"], "is no closed line: .* do not have two neighbours"),
        (ju.vortex(1.0), [], "is no closed line; name all"),
        (ju.vortex(1.0), "both", "is more than one closed line"),
        (ju.vortex(1.0, center=(1.0, 1.0)), "outline", r"Delta vanishes on the boundary 'outline', .*\[1.0, 1.0\]"),
        (ju.vortex(1.0, winding=9), "hole", "the phase turns by .* more than pi/2, .* refine the mesh"),
    ],
)
def test_windings_that_cannot_be_counted_are_refused(solved, Delta, boundary, message):
    sol = holding(solved, Delta)
    for count in (winding, fluxoid):
        with pytest.raises(ValueError, match=message):
            count(sol, boundary)
