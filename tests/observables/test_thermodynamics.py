"""Entropy and specific heat against derivatives of the free energy and BCS theory."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import zeta

import jusadel as ju
from jusadel.observables.thermodynamics import entropy, specific_heat

NU = 1.3
SQUARE = ju.rectangle(0.5, 0.4, 0.4)
FILM = ju.Device(mesh=SQUARE, materials=ju.Material(D=4.0, nu=NU))
AREA = 0.2


def normal_specific_heat(T):
    """Of electrons with nu states per spin, (2 pi^2/3) nu T; the normal state's entropy is the same number."""
    return 2 * np.pi**2 / 3 * NU * T * AREA


def film(T, frequencies=60):
    return ju.solve(FILM, T=T, pair_potential=ju.bulk_gap(T), frequencies=frequencies)


@pytest.mark.parametrize("T", [0.25, 0.8])
def test_entropy_is_the_derivative_of_the_free_energy_along_the_bulk_gap(T):
    """Also through Delta(T), which makes F stationary."""
    step = 1e-3
    F = [float(ju.free_energy(film(T + s * step, 30))) for s in (1, -1)]
    assert float(entropy(film(T, 30))) == pytest.approx(-(F[0] - F[1]) / (2 * step), rel=2e-5)


def test_a_cold_superconductor_has_no_entropy():
    """Its own is of the order exp(-Delta/T) = 5e-16."""
    assert float(entropy(film(0.05, 120))) == pytest.approx(-normal_specific_heat(0.05), rel=1e-4)


def test_entropy_is_continuous_at_the_critical_temperature():
    """S_s - S_n falls linearly to zero with Tc - T."""
    near, nearer = (float(entropy(film(T))) for T in (0.99, 0.999))
    assert near / nearer == pytest.approx(10, rel=0.03)


def test_specific_heat_jumps_by_12_over_7_zeta_3():
    """1.426 C_n at Tc, and less below by a share of the order 1 - T/Tc."""
    jump = specific_heat(FILM, 0.9995, ju.bulk_gap, step=2e-4, frequencies=60)
    assert float(jump) / normal_specific_heat(0.9995) == pytest.approx(12 / (7 * zeta(3)), rel=4e-3)


def test_specific_heat_is_the_second_derivative_of_the_free_energy():
    T, step = 0.6, 4e-3
    F = [float(ju.free_energy(film(T + s * step, 30))) for s in (1, 0, -1)]  # with 60, round-off shows
    expected = -T * (F[0] - 2 * F[1] + F[2]) / step**2
    assert float(specific_heat(FILM, T, ju.bulk_gap, frequencies=30)) == pytest.approx(expected, rel=1e-3)


# --- a junction: electrodes, exchange field, spin relaxation, fixed pair potential -----------------------

STRIP = ju.rectangle(1.0, 0.4, 0.3)
MATERIAL = ju.Material(nu=NU, h=(0.3, -0.2, 0.4), Gamma=0.5, Tc=lambda p: 1 + 0 * p[:, 0])
JUNCTION = ju.Device(
    mesh=STRIP,
    materials=MATERIAL,
    boundaries={"left": ju.Reservoir(1.4), "right": ju.Reservoir(1.1, phase=lambda p: 1 + p[:, 1], h=(0, 0.3, 0.2))},
)


def pair_potential(p):
    return 0.7 * jnp.exp(1j * p[:, 0])


def junction(T, frequencies):
    return ju.solve(JUNCTION, T=T, pair_potential=pair_potential, frequencies=frequencies, tol=1e-11)


def test_entropy_of_a_junction_at_fixed_pair_potential():
    """The electrodes' G follows the frequency; without that the entropy would be off by far more than the tolerance."""
    T, step = 0.4, 1e-4
    F = [float(ju.free_energy(junction(T + s * step, 3))) for s in (1, -1)]
    assert float(entropy(junction(T, 3))) == pytest.approx(-(F[0] - F[1]) / (2 * step), rel=1e-6)


def test_given_frequencies_move_with_the_temperature():
    """omega_p/T and the weights stay, also where the frequencies are no Matsubara frequencies of T."""
    T, step, x, weights = 0.4, 1e-4, np.array([1.1, 4.0, 9.0]), np.array([1.0, 0.7, 2.0])
    F = [float(ju.free_energy(junction(t, (x * t, weights)))) for t in (T + step, T - step)]
    S = entropy(junction(T, (x * T, weights)))
    assert float(S) == pytest.approx(-(F[0] - F[1]) / (2 * step), rel=1e-6)
    C = specific_heat(JUNCTION, T, lambda _: pair_potential, step=1e-3, frequencies=(x * T, weights), tol=1e-11)
    S = [float(entropy(junction(t, (x * t, weights)))) for t in (T + 2e-3, T - 2e-3)]
    assert float(C) == pytest.approx(T * (S[0] - S[1]) / 4e-3, rel=1e-4)


# --- what is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"T": 0.0}, "T = 0.0; expected a finite temperature > 0"),
        ({"T": 0.5, "step": 0.5}, "step = 0.5; expected a number between 0 and T = 0.5"),
        ({"T": 0.5, "step": -1e-3}, "step = -0.001; expected"),
    ],
)
def test_temperatures_out_of_range_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        specific_heat(FILM, pair_potential=1.0, **arguments)


@pytest.mark.parametrize("given", [ju.vortex(1.0), pair_potential])
def test_functions_of_points_are_refused(given):
    with pytest.raises(TypeError, match=r"pair_potential\(T\) failed at T = 0.4995: .*expected a function of the temp"):
        specific_heat(FILM, 0.5, given)
