"""Proximity at real energies: densities of states and minigaps of normal layers and junctions, vortex cores."""

import numpy as np
import pytest
import scipy.integrate

import jusadel as ju

N_LINES = 41
GRADED = 1 - np.cos(np.pi / 2 * np.linspace(0, 1, N_LINES))  # dense at the superconductor
BOTH = (1 - np.cos(np.pi * np.linspace(0, 1, N_LINES))) / 2
NORMAL = ju.Material(D=1.0, Tc=0.0)
ONE = {"T": 1.0, "frequencies": ([3.0], [1.0])}


def wire(lines, ends, **fields):
    """A strip of length 1, so that E_Th = 1."""
    mesh = ju.rectangle(1.0, 0.04, 1.0, x=lines, y=[0, 0.04])
    return ju.solve(ju.Device(mesh=mesh, materials=NORMAL, boundaries=ends, **fields), **ONE)


def states_along(sol, energies, eta):
    """N along the strip, (n_E, lines)."""
    spec = ju.spectrum(sol, energies, eta=eta)
    return np.asarray(ju.density_of_states(spec)).reshape(len(energies), 2, N_LINES).mean(axis=1)


def layers(references):
    """The references' densities of states of a normal layer on a superconductor, (E, edge, middle)."""
    entries = [e for e in references.values() if e["name"].startswith("B1c DOS")]
    assert all("Delta=10, eta=0.01" in e["parameters"] for e in entries)
    rows = [(float(e["parameters"].split("E=")[1]), e["value"]["edge"], e["value"]["middle"]) for e in entries]
    return np.array(sorted(rows)).T


def test_density_of_states_of_a_normal_layer_against_references(references):
    """Within 1 % at the edge of the minigap, where N rises from nothing, and 0.2 % elsewhere."""
    E, edge, middle = layers(references)
    assert len(E) >= 9
    N = states_along(wire(GRADED, {"left": ju.Reservoir(10.0)}), E, 0.01)
    accuracy = np.where(np.isclose(E, 0.74), 0.01, 0.002)
    assert np.all(np.abs(N[:, -1] / edge - 1) < accuracy)
    halfway = [np.interp(0.5, GRADED, n) for n in N]
    assert np.all(np.abs(halfway / middle - 1) < accuracy)


@pytest.mark.parametrize(("Delta", "entry"), [(50.0, "R067"), (10.0, "R068"), (1.0, "R070")])
def test_minigap_of_a_normal_layer(references, Delta, entry):
    """Nothing half a percent below the gap, a steep edge half a percent above."""
    gap = references[entry]["value"]
    assert f"Delta/E_Th={Delta}" in references[entry]["parameters"]
    below, above = states_along(wire(GRADED, {"left": ju.Reservoir(Delta)}), gap * np.array([0.995, 1.005]), 1e-5)
    assert below.max() < 0.01
    assert above[-1] > 0.1


def junction(phase, Delta=200.0, **fields):
    return wire(BOTH, {"left": ju.Reservoir(Delta), "right": ju.Reservoir(Delta, phase=phase)}, **fields)


def assert_minigap(sol, low, high):
    """States in the middle begin between these energies."""
    below, above = states_along(sol, [low, high], 1e-5)[:, N_LINES // 2]
    assert below < 0.02 < above


def test_minigap_of_a_long_junction_against_phase(references):
    """3.12 E_Th for Delta >> E_Th (half a wire is a layer, four times its E_Th), less by 0.0921 phase^2, none at pi."""
    exact = 4 * references["R067"]["value"]  # Delta = 50 D/(L/2)^2
    assert_minigap(junction(0.0), 0.997 * exact, 1.003 * exact)
    less = exact * (1 - 0.0921 * 0.8**2)
    assert_minigap(junction(0.8), 0.993 * less, 1.007 * less)
    limit = np.pi**2 / 4 * 0.05  # towards pi; 0.88 of it at pi - 0.2
    assert_minigap(junction(np.pi - 0.05), 0.93 * limit, limit)
    closed = states_along(junction(np.pi), [1e-3, 0.3], 1e-4)
    np.testing.assert_allclose(closed[0, N_LINES // 2], 1.0, rtol=1e-3)
    assert closed[0, 1] < 0.2


def test_spectrum_does_not_depend_on_the_gauge():
    """A along the wire turns the phase difference by 2 A L, with links instead of the stiffness matrix."""
    A, energies = 0.7, [0.5, 2.0, 2.9, 3.4, 20.0]
    turned = junction(1.0 + 2 * A, vector_potential=lambda x: np.array([A, 0.0]) + 0 * x)
    plain, gauged = (ju.spectrum(s, energies, eta=1e-3) for s in (junction(1.0), turned))
    N = [ju.density_of_states(s) for s in (plain, gauged)]
    np.testing.assert_allclose(*N, rtol=1e-7, atol=1e-10)
    currents = [ju.spectral_current(s, "right") for s in (plain, gauged)]
    np.testing.assert_allclose(*currents, rtol=1e-7, atol=1e-10)
    assert np.abs(currents[0]).max() > 0.01


def test_every_energy_descends_to_where_the_chain_leads():
    """Near the edges of the minigap and of the superconductors, from high above the axis and from the one before."""
    sol = junction(2.0)
    energies = np.array([0.5, 1.0, 1.9, 1.95, 2.0, 2.05, 3.0, 8.0])
    chain = ju.spectrum(sol, energies, eta=1e-4)
    alone = [ju.spectrum(sol, [E], eta=1e-4) for E in energies[[0, 3, 5, 6]]]
    assert all(spec.stats["ladder"].all() for spec in alone)
    assert (chain.stats["ladder"] == 0).sum() >= 3
    for k, spec in zip((0, 3, 5, 6), alone, strict=True):
        np.testing.assert_allclose(spec.G[0], chain.G[k], rtol=1e-6, atol=1e-7)


def test_sum_rule_at_every_node():
    """Int (N - 1) dE = 0: states are moved, none are made. G - R3 falls as 1/E^2, so with any eta."""
    u, w = np.polynomial.legendre.leggauss(40)
    s = (u + 1) / 2
    energies, weights = 10 * s / (1 - s), 5 * w / (1 - s) ** 2
    N = states_along(wire(GRADED, {"left": ju.Reservoir(10.0)}), energies, 2.0)
    assert np.abs(weights @ np.abs(N - 1)).max() > 1.0
    np.testing.assert_allclose(weights @ (N - 1), 0, atol=2e-3)


# --- vortex --------------------------------------------------------------------------------------


def radial_vortex(omega, r, D, Delta):
    """cos theta of a vortex of uniform modulus, D (theta'' + theta'/r - sin 2 theta/2r^2) = 2 (w sin - Delta cos).

    Followed from high above the real axis; real and imaginary parts apart.
    """

    def slopes(r, y):
        theta, slope = y[0] + 1j * y[1], y[2] + 1j * y[3]
        s, c = np.sin(theta), np.cos(theta)
        bent = s * c / r**2 - slope / r + 2 / D * (w * s - Delta * c)
        return np.stack([slope.real, slope.imag, bent.real, bent.imag])

    ends = lambda a, b: np.concatenate([a[2:] - a[:2] / r[0], b[2:]])  # noqa: E731  theta ~ r; vacuum outside
    start = np.arctan(Delta / (omega + 3.0)) * np.stack([np.tanh(r), 1 / np.cosh(r) ** 2])
    y = np.stack([start[0].real, start[0].imag, start[1].real, start[1].imag])
    for rung in (3.0, 1.0, 0.3, 0.1, 0.03, 0.0):
        w = omega + rung
        found = scipy.integrate.solve_bvp(slopes, ends, r, y, tol=1e-6, max_nodes=20_000)
        assert found.success
        y = found.sol(r)
    return np.cos(y[0] + 1j * y[1])


def test_density_of_states_of_a_vortex(vortex_disk):
    """Normal in the core, gapped outside; against the radial equation."""
    spec = vortex_disk
    N, distance = np.asarray(ju.density_of_states(spec)), np.linalg.norm(spec.mesh.points, axis=1)
    r = np.geomspace(1e-2, 2.5, 200)
    assert N[0, distance.argmin()] == pytest.approx(1.0, abs=0.01)
    assert N[0, distance > 2.4].max() < 0.4
    for k, E in enumerate(spec.energies):
        exact = radial_vortex(spec.eta - 1j * E, r, 2.0, 1.0).real
        np.testing.assert_allclose(N[k], np.interp(distance, r, exact), atol=0.02)


@pytest.fixture(scope="module")
def vortex_disk():
    device = ju.Device(mesh=ju.disk(2.5, 0.4, 0.12), materials=ju.Material(D=2.0))
    sol = ju.solve(device, pair_potential=ju.vortex(1.0), T=0.1, frequencies=([0.3], [1.0]))
    return ju.spectrum(sol, [0.0, 0.5], eta=0.05)
