"""Homogeneous films: gap, free energy, spin, currents and transitions against references, theory and differences."""

import json
import re
from pathlib import Path

import jax
import numpy as np
import pytest

import jusadel as ju
from jusadel.action.matsubara import GAP_RATIO, plain_sum
from jusadel.studies.film.depairing import depairing_current
from jusadel.studies.film.states import film_state, gap_of_temperature
from jusadel.studies.film.transition import film_critical_temperature

pytestmark = pytest.mark.usefixtures("fast_code")
REFERENCES = json.loads((Path(__file__).parents[1] / "data" / "references.json").read_text())
BARE = ju.Material()
XI = 1 / np.sqrt(GAP_RATIO)  # sqrt(D/Delta0) for D = Tc = 1
SIGMA = 2.0  # 2 nu D


def family(name):
    """References as (numbers in `parameters`, in their order, and the value)."""
    records = [r for r in REFERENCES if r["name"].startswith(name)]
    assert records
    numbers = [[float(x) for x in re.findall(r"=([0-9.]+)", r["parameters"].split("(")[0])] for r in records]
    return [pytest.param(n, r["value"], id=r["id"]) for n, r in zip(numbers, records, strict=True)]


def rashba_film(h=(0.0, 0.0, 0.0), g=0.3):
    """All films of this material compile the same code."""
    return ju.Material(Tc=1.0, h=h, gamma=ju.rashba(g), Gamma=1.0)


# --- references ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("numbers", "expected"), family("A1 "))
def test_gap_of_a_bulk_superconductor(numbers, expected):
    state = film_state(BARE, numbers[0])
    assert state.Delta / GAP_RATIO == pytest.approx(expected, rel=1e-8)
    assert state.stable
    assert state.superconducting
    assert np.abs(state.current).max() == 0


@pytest.mark.parametrize(("numbers", "expected"), family("A2 "))
def test_phase_gradient_lowers_the_transition(numbers, expected):
    """Abrikosov and Gorkov with pair breaking q.D.q/2, along any direction."""
    D = np.array([[1.5, 0.2], [0.2, 1.0]])
    direction = np.array([0.6, -0.8])
    q = np.sqrt(2 * numbers[0] / (direction @ D @ direction)) * direction
    assert film_critical_temperature(ju.Material(D=D), q) == pytest.approx(expected, abs=1e-12)


def test_critical_pair_breaking():
    for breaking, survives in ((0.8819, True), (0.8820, False)):  # 0.8819385 Tc
        assert (film_critical_temperature(BARE, (0, np.sqrt(2 * breaking))) > 0) is survives


@pytest.mark.parametrize(("numbers", "expected"), family("A3 "))
def test_exchange_field_lowers_the_transition(numbers, expected):
    h, Gamma = numbers
    material = ju.Material(Tc=1.0, h=(0.6 * h, 0, 0.8 * h), Gamma=Gamma)
    assert film_critical_temperature(material) == pytest.approx(expected, abs=1e-11)
    assert film_critical_temperature(material, q=None) == pytest.approx(expected, abs=1e-8)


def test_transition_where_two_modes_merge():
    """At h = Gamma/4 the triplet and singlet rates coincide; the response is (w + Gamma/2)/(w + Gamma/4)^2."""
    near = [film_critical_temperature(ju.Material(Tc=1.0, h=(0, h, 0), Gamma=2.0)) for h in (0.499, 0.5, 0.501)]
    assert near[1] == pytest.approx((near[0] + near[2]) / 2, abs=1e-6)
    T, omega = near[1], np.pi * near[1] * (2 * np.arange(200_000) + 1)
    total = 2 * np.pi * T * np.sum(1 / omega - (omega + 1) / (omega + 0.5) ** 2)  # terms fall as 1/omega^3
    assert np.log(1 / T) == pytest.approx(total, abs=1e-8)


@pytest.mark.parametrize(("numbers", "expected"), family("A4 "))
def test_gap_free_energy_and_spin_in_an_exchange_field(numbers, expected):
    """The references themselves are good to 1.7e-7 or better."""
    T, h, Gamma = numbers
    state = film_state(ju.Material(Tc=1.0, h=(0, -h, 0), Gamma=Gamma, nu=0.7), T)
    assert state.Delta == pytest.approx(expected["Delta"], abs=2e-7)
    assert state.free_energy == pytest.approx(0.7 * expected["dF_over_nu"], abs=2e-7)
    along = 2 * 0.7 * h * expected["S_phys_over_2nu_h"]
    np.testing.assert_allclose(state.spin, [0, along, 0], atol=2e-7)


@pytest.mark.parametrize(("numbers", "expected"), family("A5 "))
def test_linear_spin_susceptibility(numbers, expected):
    """Yosida's function without relaxation; relaxation brings back the response at T -> 0."""
    T, Gamma = numbers
    h = np.array([0.6, 0.0, 0.8]) * 1e-3
    state = film_state(ju.Material(Tc=1.0, h=h, Gamma=Gamma, nu=0.7), T)
    np.testing.assert_allclose(state.spin / (-2 * 0.7 * h[2]), expected * h / h[2], atol=2e-6)


@pytest.mark.parametrize(("numbers", "expected"), family("B6a depairing"))
def test_depairing_current(numbers, expected):
    (T,) = numbers
    found = depairing_current(BARE, T, direction=(3.0, -4.0))
    assert found.plus * XI / (SIGMA * GAP_RATIO) == pytest.approx(expected["jc"], rel=1e-7)
    assert found.q_plus * XI == pytest.approx(expected["q_xi0"], abs=2e-6)
    assert found.minus == pytest.approx(found.plus, rel=1e-10)
    assert found.q_minus == pytest.approx(-found.q_plus, rel=1e-8)
    assert abs(found.q0) < 1e-12
    at_most = film_state(BARE, T, found.q_plus * np.array([0.6, -0.8]))
    assert at_most.Delta / GAP_RATIO == pytest.approx(expected["Delta_over_Delta0"], abs=2e-6)
    np.testing.assert_allclose(at_most.current, found.plus * np.array([0.6, -0.8]), atol=1e-9)


@pytest.mark.parametrize(("numbers", "expected"), family("B6a uniform"))
def test_state_with_a_given_phase_gradient(numbers, expected):
    T, breaking = numbers
    q = np.sqrt(2 * breaking)
    state = film_state(BARE, T, (0, q))
    assert state.Delta == pytest.approx(expected["Delta"], abs=3e-8)
    assert state.current[1] / (SIGMA * q) == pytest.approx(expected["sum_sin2"], abs=3e-8)


def test_depairing_current_at_low_temperature():
    """Maki; Kupriyanov and Lukichev: T -> 0."""
    found = depairing_current(BARE, 0.02)
    assert found.plus * XI / (SIGMA * GAP_RATIO) == pytest.approx(0.745687, abs=1e-6)
    assert found.q_plus * XI == pytest.approx(0.688851, abs=2e-6)
    assert film_state(BARE, 0.02, (found.q_plus, 0)).Delta / GAP_RATIO == pytest.approx(0.789842, abs=2e-6)


def test_depairing_currents_inside_programs():
    """For many temperatures at once; NaN above the transition, and behind the branch as it was sampled."""
    (T,), expected = family("B6a depairing")[1].values
    found = jax.jit(jax.vmap(lambda T: depairing_current(BARE, T, samples=15)))(np.array([T, 1.5]))
    assert float(found.plus[0]) * XI / (SIGMA * GAP_RATIO) == pytest.approx(expected["jc"], rel=1e-7)
    alone = depairing_current(BARE, T, samples=15)
    np.testing.assert_allclose(found.current[0, : len(alone.q)], alone.current, atol=1e-12)
    assert np.isnan(found.current[0, len(alone.q) :]).all()
    assert np.isnan(found.plus[1])


# --- units ---------------------------------------------------------------------------------------


def test_units_of_the_user():
    """Energies in units of 0.7, lengths of 30, density of states 5."""
    E, length, nu = 0.7, 30.0, 5.0
    ours = {"Tc": 1.0, "h": np.array([0.1, 0.5, 0]), "Gamma": 1.0, "gamma": ju.rashba(0.3)}
    theirs = {"h": E * ours["h"], "Gamma": E, "gamma": E * length * ours["gamma"], "D": E * length**2, "Tc": E}
    plain, scaled = (
        depairing_current(ju.Material(**ours), 0.3, samples=9),
        depairing_current(ju.Material(nu=nu, **theirs), 0.3 * E, samples=9),
    )
    assert scaled.plus == pytest.approx(nu * E**2 * length * plain.plus, rel=1e-8)
    assert scaled.q_minus * length == pytest.approx(plain.q_minus, rel=1e-7)
    assert scaled.free_energy.min() == pytest.approx(nu * E**2 * plain.free_energy.min(), rel=1e-9)
    Tc = film_critical_temperature(ju.Material(**ours), None)
    assert film_critical_temperature(ju.Material(**theirs), None) == pytest.approx(E * Tc, rel=1e-9)


# --- derivatives of the free energy -------------------------------------------------------------

EVERYTHING = {
    "D": ((1.0, 0.2), (0.2, 1.5)),
    "Tc": 1.0,
    "h": np.array([0.2, 0.3, 0.1]),
    "Gamma": np.diag([0.5, 1.0, 1.2]),
    "spin_field": ju.rashba(0.3),
    "gamma": ((0.1, 0.4), (-0.3, 0.2), (0.3, 0.0)),
    "theta": (0.1, 0.2, 0.1),
    "kappa": (0.1, 0.2, 0.1),
    "nu": 2.0,
}
POINT = np.array([0.3, 0.2])


def slope(function, step=2e-3):
    """Central difference of fourth order."""
    by = lambda s: (function(s) - function(-s)) / (2 * s)  # noqa: E731
    return (4 * by(step / 2) - by(step)) / 3


def test_current_is_twice_the_slope_of_the_free_energy():
    """j = -dF/dA with A = -q/2, Delta following q; the frequencies stay the same."""
    material = ju.Material(**EVERYTHING)
    state = film_state(material, 0.3, POINT)
    for axis in np.eye(2):
        expected = 2 * slope(lambda s, axis=axis: film_state(material, 0.3, POINT + s * axis).free_energy)
        assert state.current @ axis == pytest.approx(expected, abs=1e-7)
        assert abs(expected) > 0.1


def test_spin_is_the_slope_of_the_free_energy():
    """S = dF/dh - 2 nu h; given frequencies, for their number follows h."""
    at = {"T": 0.3, "q": POINT, "frequencies": 12}
    state = film_state(ju.Material(**EVERYTHING), **at)
    for axis in np.eye(3):
        move = lambda s, axis=axis: ju.Material(**EVERYTHING | {"h": EVERYTHING["h"] + s * axis})  # noqa: E731
        expected = slope(lambda s, move=move: film_state(move(s), **at).free_energy)
        assert state.spin @ axis + 4 * EVERYTHING["h"] @ axis == pytest.approx(expected, abs=1e-7)
        assert abs(expected) > 0.05


def test_the_extremum_is_one():
    """No sampled nor neighbouring current is larger, and the free energy is least at q0, where none flows."""
    material = rashba_film(h=(0, 0.8, 0.3))
    found = depairing_current(material, 0.2)
    current = lambda q: film_state(material, 0.2, (q, 0)).current[0]  # noqa: E731
    assert current(found.q_plus) == pytest.approx(found.plus, rel=1e-9)
    assert current(found.q_minus) == pytest.approx(-found.minus, rel=1e-9)
    assert found.current.max() <= found.plus < found.current.max() * 1.02
    assert -found.current.min() <= found.minus < -found.current.min() * 1.02
    for q in (found.q_plus, found.q_minus):
        assert abs(slope(lambda s, q=q: current(q + s))) < 1e-5
    assert abs(current(found.q0)) < 1e-9
    assert film_state(material, 0.2, (found.q0, 0)).free_energy <= found.free_energy.min()
    np.testing.assert_allclose(np.gradient(found.free_energy, found.q)[3:-3] * 2, found.current[3:-3], atol=0.05)


# --- numerics -------------------------------------------------------------------------------------


def test_two_ways_to_sum():
    """The quadrature with its closed-form tail, and N plain Matsubara frequencies, which err by 1/N."""
    material = ju.Material(**EVERYTHING)
    exact = film_state(material, 0.3, POINT)
    coarse, fine = (film_state(material, 0.3, POINT, frequencies=plain_sum(0.3, n)) for n in (300, 600))
    limit = lambda name: 2 * getattr(fine, name) - getattr(coarse, name)  # noqa: E731
    assert exact.Delta == pytest.approx(limit("Delta"), abs=4e-6)
    np.testing.assert_allclose(exact.current, limit("current"), atol=1e-4)
    assert np.abs(exact.current - fine.current).max() > 2e-3
    better = film_state(material, 0.3, POINT, accuracy=1e-10)
    assert better.Delta == pytest.approx(exact.Delta, abs=2e-8)
    assert better.free_energy == pytest.approx(exact.free_energy, abs=2e-8)
    np.testing.assert_allclose(better.current, exact.current, atol=2e-7)


def test_frequencies_as_in_solve():
    """The gap equation holds with the given frequencies, and f is that of the bulk value."""
    T, n = 0.3, 12
    omega, w = ju.matsubara.quadrature(T, n)
    state = film_state(ju.Material(**EVERYTHING), T, POINT, frequencies=n)
    fields = {k: v for k, v in EVERYTHING.items() if k not in ("nu", "Tc")}
    G = np.asarray(ju.bulk_value(omega, state.Delta, A=-POINT / 2, **fields))
    f = -np.einsum("ab,nba->n", ju.nambu.R[1], G) / 4
    balance = 2 * np.pi * T * np.sum(w * (f - state.Delta / omega))
    assert state.Delta * np.log(T) == pytest.approx(balance, abs=1e-11)
    phase = np.einsum("ab,nba->n", ju.nambu.R[0], G)
    assert abs(np.sum(w * phase)) < 1e-10  # Delta stays real: no charge is lost


# --- branches -------------------------------------------------------------------------------------


def test_temperature_sweep_ends_at_the_transition():
    material = ju.Material(Tc=1.0, h=(0, 0, 0.6), Gamma=0.5)
    Tc = next(p.values[1] for p in family("A3 ") if p.values[0] == [0.6, 0.5])
    gaps = gap_of_temperature(material, [0.1, 0.5, Tc - 1e-3, Tc + 1e-3, 1.2])
    assert (np.diff(gaps[:4]) < 0).all()
    assert (gaps[3:] == 0).all()
    assert gaps[2] == pytest.approx(gap_of_temperature(material, [Tc - 2.5e-4])[0] * 2, rel=2e-3)  # sqrt(Tc - T)


def test_clogston_limit():
    """At T -> 0 and without relaxation F = nu (h^2 - Delta0^2/2) up to 1e-9 at 0.08 Tc; both states are minima."""
    T, Delta0 = 0.08, GAP_RATIO
    for h, sign in ((0.69 * Delta0, -1), (0.72 * Delta0, 1)):
        state = film_state(ju.Material(Tc=1.0, h=(0, 0, h)), T)
        assert state.stable
        assert np.sign(state.free_energy) == sign
        assert film_state(ju.Material(Tc=1.0, h=(0, 0, h)), T, start=0.0).stable


def test_three_solutions_in_a_strong_field():
    material = ju.Material(Tc=1.0, h=(0, 0, 1.25))
    upper, middle, normal = (film_state(material, 0.1, start=start) for start in (1.7, 0.9, 0.0))
    assert upper.Delta > middle.Delta > normal.Delta == 0
    assert (upper.stable, middle.stable, normal.stable) == (True, False, True)
    assert middle.free_energy > max(upper.free_energy, 0)
    assert film_state(material, 0.1).Delta == upper.Delta
    assert normal.free_energy == 0
    np.testing.assert_allclose(normal.spin, [0, 0, -2.5])


def test_normal_states():
    state = film_state(BARE, 1.1)
    assert (state.Delta, state.superconducting, state.stable) == (0, False, True)
    assert film_state(BARE, 0.1, (1.4, 0)).Delta == 0
    assert not film_state(BARE, 0.1, start=0.0).stable
    assert film_critical_temperature(ju.Material(Tc=1.0, h=(3.0, 0, 0))) == 0.0


# --- spin-galvanic coupling: helical state and diode ------------------------------------------------


def test_helical_phase_gradient():
    """h_k + gamma_kl q_l/2 couples to the spin: to first order q0 = -gamma_kl h_k (1 - chi)/(D pi/2 Delta tanh).

    chi is the susceptibility of references.json (A5) in units of the normal one, and j = sigma q (pi/2) Delta
    tanh(Delta/2T) that of a dirty superconductor.
    """
    T, Gamma = 0.5, 1.764
    chi = next(p.values[1] for p in family("A5 ") if p.values[0] == [T, Gamma])
    Delta, h, gamma = ju.bulk_gap(T), np.array([0.014, 0.008, 0.0]), np.array([0.03, -0.04, 0.02])
    material = ju.Material(Tc=1.0, h=h, gamma=np.column_stack([gamma, 0 * gamma]), Gamma=Gamma)
    expected = -(gamma @ h) * (1 - chi) / (np.pi / 2 * Delta * np.tanh(Delta / (2 * T)))
    assert depairing_current(material, T, samples=15).q0 == pytest.approx(expected, rel=1e-3)


@pytest.fixture(scope="module")
def diode():
    """Rashba film, field perpendicular to the current."""
    return depairing_current(rashba_film((0, 0.5, 0)), 0.1, samples=9, frequencies=12)


def test_no_diode_without_field_or_coupling_or_with_the_wrong_symmetry():
    cases = (
        (rashba_film((0, 0, 0)), (1, 0)),
        (rashba_film((0, 0.5, 0), g=0.0), (1, 0)),
        (rashba_film((0.5, 0, 0)), (1, 0)),  # mirror perpendicular to y: q_x -> q_x, h_x -> -h_x
        (rashba_film((0, 0, 0.5)), (0.6, 0.8)),  # turning by pi about z
        (rashba_film((0, 0.5, 0)), (0, 1)),
    )
    for material, direction in cases:
        found = depairing_current(material, 0.3, direction, samples=9, frequencies=12)
        assert abs(found.diode_efficiency) < 1e-8
        assert abs(found.q0) < 1e-8


def test_diode_is_odd_in_field_and_coupling(diode):
    assert abs(diode.diode_efficiency) > 0.02
    for h, g, direction, sign in (
        (-0.5, 0.3, (1, 0), -1),
        (0.5, -0.3, (1, 0), -1),
        (-0.5, -0.3, (1, 0), 1),
        (0.5, 0.3, (-1, 0), -1),
    ):
        other = depairing_current(rashba_film((0, h, 0), g), 0.1, direction, samples=9, frequencies=12)
        assert other.diode_efficiency == pytest.approx(sign * diode.diode_efficiency, abs=1e-9)
        assert other.q0 == pytest.approx(sign * diode.q0, abs=1e-9)
    turned = depairing_current(rashba_film((-0.5, 0, 0)), 0.1, (0, 1), samples=9, frequencies=12)  # all by 90 degrees
    assert turned.diode_efficiency == pytest.approx(diode.diode_efficiency, abs=1e-9)


def test_helical_state_has_the_highest_transition():
    material = rashba_film((0, 1.0, 0))
    highest = film_critical_temperature(material, None)
    along = [film_critical_temperature(material, (q, 0)) for q in np.linspace(-0.4, 0.4, 81)]
    assert max(along) <= highest <= max(along) + 1e-4
    assert highest > film_critical_temperature(material) + 1e-4
    q = np.linspace(-0.4, 0.4, 81)[np.argmax(along)]
    assert film_state(material, highest - 2e-4, (q, 0)).superconducting
    assert not film_state(material, highest + 1e-5, (q, 0)).superconducting


# --- refusals -------------------------------------------------------------------------------------


def test_refusals():
    varying = ju.Material(h=lambda p: np.zeros((len(p), 3)), Tc=lambda p: np.ones(len(p)))
    for call in (film_state, depairing_current, lambda m, T: film_critical_temperature(m)):
        with pytest.raises(ValueError, match="Tc, h of the material are functions of points; a homogeneous film needs"):
            call(varying, 0.1)
        with pytest.raises(ValueError, match="Tc = 0: a normal metal has no gap"):
            call(ju.Material(Tc=0.0), 0.1)
    with pytest.raises(ValueError, match=r"T = -1; expected a finite temperature > 0"):
        film_state(BARE, -1)
    with pytest.raises(ValueError, match=r"q = \(1, 2, 3\); expected two finite numbers"):
        film_state(BARE, 0.1, (1, 2, 3))
    with pytest.raises(ValueError, match="start = -1; expected a pair potential >= 0"):
        film_state(BARE, 0.1, start=-1)
    with pytest.raises(ValueError, match=r"frequencies = 2\.5; expected None, a whole number"):
        film_state(BARE, 0.1, frequencies=2.5)
    with pytest.raises(ValueError, match="expected a non-zero vector and at least 9"):
        depairing_current(BARE, 0.1, (0, 0))
    for material, T in ((BARE, 1.0), (rashba_film((0, 2.5, 0)), 0.1)):
        with pytest.raises(ValueError, match="no superconducting state at T = "):
            depairing_current(material, T, samples=15)
