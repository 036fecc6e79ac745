"""Electrodes in which pairs are broken: Abrikosov and Gorkov's homogeneous solution at the edge of a device."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import brentq, newton

import jusadel as ju

pytestmark = [pytest.mark.filterwarnings("ignore:the mesh is too coarse:jusadel.CoarseMeshWarning")]

DEPAIRING, MAGNETIC = 0.2, 0.16
RATE = DEPAIRING + 3 / 4 * MAGNETIC
BROKEN = ju.Reservoir(1.0, depairing=DEPAIRING, magnetic_Gamma=MAGNETIC)


def device(electrode):
    return ju.Device(mesh=ju.rectangle(0.6, 0.4, 0.4), materials=ju.Material(Tc=0.0), boundaries={"left": electrode})


def balance(theta, omega, rate=RATE):
    """Abrikosov and Gorkov: omega sin - Delta cos + rate sin cos = 0 for G = cos tau3 + sin tau2."""
    return omega * np.sin(theta) - np.cos(theta) + rate * np.sin(theta) * np.cos(theta)


def test_an_electrode_has_the_solution_of_abrikosov_and_gorkov():
    omega = 0.5
    sol = ju.solve(device(BROKEN), 1 / np.pi, frequencies=([omega], [1.0]))
    at = sol.device.mesh.boundary_nodes("left")
    cos = np.asarray(ju.to_nambu(sol.G[0, at]))[:, 0, 0]
    expected = np.cos(brentq(balance, 0, np.pi / 2, args=(omega,)))
    np.testing.assert_allclose(cos, expected, atol=1e-12)
    assert expected > np.cos(np.arctan(1 / omega)) + 0.05


def test_its_gap_is_that_of_abrikosov_and_gorkov():
    """(Delta^(2/3) - rate^(2/3))^(3/2), and the density of states above it."""
    gap, eta = (1 - RATE ** (2 / 3)) ** 1.5, 1e-4
    energies = np.array([0.9 * gap, 1.1 * gap, 1.5])
    spec = ju.spectrum(ju.solve(device(BROKEN), 0.2, frequencies=4), energies, eta=eta)
    at = spec.device.mesh.boundary_nodes("left")[0]
    found = np.asarray(ju.density_of_states(spec))[:, at]
    roots = [newton(balance, 1j * np.arctanh(1 / 3.0), args=(eta - 1j * 3.0,))]
    for E in np.linspace(3.0, energies[-1], 400):
        roots.append(newton(balance, roots[-1], args=(eta - 1j * E,)))
    assert found[2] == pytest.approx(np.cos(roots[-1]).real, abs=1e-6)
    assert found[0] < 1e-2
    assert found[1] > 0.1


def test_derivatives_with_respect_to_it():
    def spin(p):
        electrode = ju.Reservoir(1.0, h=(0, 0, 0.3), depairing=p[0], magnetic_Gamma=p[1] * jnp.eye(3))
        sol = ju.solve(device(electrode), 0.2, frequencies=2, tol=1e-12)
        return ju.spin_density(sol)[-1, 2]

    at, step = jnp.array([DEPAIRING, MAGNETIC]), 1e-4
    slope = np.asarray(jax.grad(spin)(at))
    for k, along in enumerate(np.eye(2)):
        expected = (float(spin(at + step * along)) - float(spin(at - step * along))) / (2 * step)
        assert abs(expected) > 1e-4
        assert slope[k] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("given", [{"depairing": -0.1}, {"magnetic_Gamma": -0.1}, {"magnetic_Gamma": np.ones(2)}])
def test_refused(given):
    with pytest.raises(ValueError, match=next(iter(given))):
        ju.Reservoir(1.0, **given)


def test_an_electrode_comes_back_from_a_file(tmp_path):
    ju.save(device(BROKEN), tmp_path / "device.npz")
    again = ju.load(tmp_path / "device.npz").boundaries["left"]
    assert float(again.depairing) == DEPAIRING
    np.testing.assert_array_equal(again.magnetic_Gamma, MAGNETIC * np.eye(3))
