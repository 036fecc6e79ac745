"""Inelastic rates of materials: Dynes' states, the transition, relaxation towards the bath, beside eta."""

import jax
import numpy as np
import pytest
import scipy.special
from scipy.constants import hbar
from scipy.optimize import brentq

import jusadel as ju

pytestmark = [pytest.mark.filterwarnings("ignore:the mesh is too coarse:jusadel.CoarseMeshWarning")]

RATE = 0.15


def wire(length, nodes, ends, **material):
    mesh = ju.rectangle(length, 0.1, 10.0, x=np.linspace(0, length, nodes), y=np.array([0.0, 0.1]))
    return ju.Device(mesh=mesh, materials=ju.Material(**material), boundaries=ends)


def test_states_are_those_of_dynes():
    """Re (E + i Gamma)/sqrt((E + i Gamma)^2 - Delta^2), inside the gap too."""
    E = np.array([0.0, 0.7, 1.0, 1.6])
    sol = ju.solve(wire(1.0, 3, {}, Tc=1.0, inelastic=RATE), 0.2, pair_potential=1.0, frequencies=3)
    found = ju.density_of_states(ju.spectrum(sol, E, eta=1e-9))[:, 1]
    z = E + 1j * (RATE + 1e-9)
    np.testing.assert_allclose(found, (z / np.sqrt(z**2 - 1)).real, atol=1e-9)


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_transition_is_that_of_broken_pairs(rate):
    """ln T/Tc = psi(1/2) - psi(1/2 + Gamma/(2 pi T)): omega + Gamma stands where Abrikosov and Gorkov's rate does."""
    digamma = scipy.special.digamma
    mismatch = lambda T: np.log(T) + digamma(0.5 + rate / (2 * np.pi * T)) - digamma(0.5)  # noqa: E731
    expected = brentq(mismatch, 1e-2, 1.0)
    assert ju.film_critical_temperature(ju.Material(Tc=1.0, inelastic=rate)) == pytest.approx(expected, rel=1e-10)


ENDS = {"left": ju.Reservoir(1.0), "right": ju.Reservoir(1.0, phase=1.2, inelastic=0.3)}


def test_current_at_real_energies_is_that_of_matsubara():
    """A rate at some places only, in a material and in an electrode: one function of the frequency, on both axes."""
    step = lambda p: 0.5 * (p[:, 0] > 0.5)  # noqa: E731
    sol = ju.solve(wire(1.0, 9, ENDS, Tc=0.0, inelastic=step), 0.3, accuracy=1e-8)
    u, w = np.polynomial.legendre.leggauss(40)
    s = (u + 1) / 2
    spec = ju.spectrum(sol, 3 * s / (1 - s), eta=0.5)
    found = ju.equilibrium_current(spec, "left", weights=3 * w / 2 / (1 - s) ** 2)
    assert found == pytest.approx(float(ju.current_through(sol, "left")), rel=1e-6)
    bare = ju.solve(wire(1.0, 9, ENDS, Tc=0.0), 0.3, frequencies=8)
    assert abs(float(ju.current_through(bare, "left")) / found - 1) > 0.05


def test_distributions_relax_over_a_length():
    """D f'' = 2 Gamma (f - f_bath) in a normal wire: the charge mode decays as sinh, energy stays that of the bath."""
    length, E, V, T = 2.0, 0.4, 0.5, 0.2
    ends = {"left": ju.Reservoir(0.0), "right": ju.Reservoir(0.0)}
    device = wire(length, 81, ends, Tc=0.0, D=1.3, inelastic=RATE)
    spec = ju.spectrum(ju.solve(device, T, frequencies=3), [E], eta=1e-9)
    contacts = {"left": ju.Contact(voltage=V), "right": ju.Contact(voltage=0.0)}
    with pytest.warns(ju.BathWarning, match="inelastic"):
        kin = ju.kinetics(spec, contacts, bath=T, weights=[1.0])
    k, x = np.sqrt(2 * RATE / 1.3), device.mesh.points[:, 0]
    profile = np.sinh(k * (length - x)) / np.sinh(k * length)
    held = (np.tanh((E - V) / (2 * T)) - np.tanh((E + V) / (2 * T))) / 2
    np.testing.assert_allclose(kin.f[0, :, 1], held * profile, atol=1e-4 * abs(held))
    free = ju.kinetics(spec, contacts, weights=[1.0])  # a bath that is the local distribution takes nothing
    np.testing.assert_allclose(free.f[0, :, 1], held * (1 - x / length), atol=1e-8)


@pytest.mark.filterwarnings("ignore:the bath:jusadel.BathWarning")
def test_the_same_everywhere_is_eta():
    """Green's functions and distributions, electrodes too, and their derivatives."""
    contacts = {"left": ju.Contact(voltage=0.0), "right": ju.Contact(voltage=0.4, spin=(0.1, 0.0, 0.2))}

    def driven(rate, eta, of_electrodes):
        ends = {"left": ju.Reservoir(0.8, inelastic=of_electrodes), "right": ju.Reservoir(0.0, inelastic=of_electrodes)}
        sol = ju.solve(wire(1.0, 5, ends, Tc=0.0, h=(0, 0, 0.3), inelastic=rate), 0.2, frequencies=([3.0], [1.0]))
        return ju.kinetics(ju.spectrum(sol, [0.3, 0.9], eta=eta), contacts, bath=0.1, weights=[0.5, 0.5])

    apart, together = driven(RATE, 0.05, RATE), driven(0.0, 0.05 + RATE, 0.0)
    np.testing.assert_allclose(apart.f, together.f, atol=1e-11)
    np.testing.assert_allclose(apart.taken, together.taken, atol=1e-11)
    current = lambda rate, eta: ju.current_through(driven(rate, eta, RATE), "right")  # noqa: E731
    slope, step = float(jax.grad(current)(RATE, 0.05)), 1e-3
    at = {k: float(current(RATE + k * step, 0.05)) for k in (-2, -1, 1, 2)}
    assert slope == pytest.approx((8 * (at[1] - at[-1]) - (at[2] - at[-2])) / (12 * step), rel=1e-6)


def test_rates_from_times():
    """hbar/(2 tau); a negative one is refused."""
    units = ju.Units(energy_scale=0.2, length_scale=50.0)
    energy = 0.2e-3 * 1.602176634e-19
    assert units.inelastic(ps=30.0) == pytest.approx(hbar / (2 * 30e-12) / energy, rel=1e-9)
    with pytest.raises(ValueError, match=r"inelastic = -0.1; a rate of inelastic"):
        ju.Material(inelastic=-0.1)
