"""Circuits against closed forms: curves with and without noise, microwaves, SQUIDs, switching. Ic = 2 uA, R = 3 Ohm."""

import numpy as np
import pytest
from scipy.constants import e, h, hbar, k
from scipy.integrate import quad, solve_ivp
from scipy.optimize import fsolve
from scipy.special import jv

import jusadel as ju
from jusadel.studies.circuits.switching import escape_barrier

IC, R = 2.0, 3.0
JUNCTION = ju.ShuntedJunction([IC], R)
HEAVY = ju.ShuntedJunction([IC], R, capacitance=25 * hbar / (2 * e * IC * 1e-6 * R**2) * 1e12)
"""With Stewart's and McCumber's parameter 25."""
QUANTUM = h / (2 * e) * 1e15
"""[uV ns], and [pH uA] over 1000."""


def at_noise(gamma):
    """T at which hbar Ic/2e k_B T = gamma."""
    return hbar * IC * 1e-6 / (2 * e * k * gamma)


# --- current-voltage curves ------------------------------------------------------------------------


@pytest.mark.parametrize("way", [1, -1])
def test_overdamped_without_noise(way):
    """V = R sqrt(I^2 - Ic^2)."""
    I = IC * np.array([0.3, 0.99, 1.01, 1.1, 1.5, 4.0])  # noqa: E741
    exact = R * np.sqrt(np.maximum(I**2 - IC**2, 0))
    found = ju.current_voltage(JUNCTION, way * I)
    assert found.voltage == pytest.approx(way * exact, rel=2e-5, abs=1e-9)
    assert not found.error.any()


def modulus_of_bessel(y, x):
    """|I_{iy}(x)|, by its integrals."""
    wave = quad(lambda a: np.exp(x * np.cos(a)) * np.cosh(y * a), 0, np.pi)[0]
    decay = [quad(lambda u, f=f: np.exp(-x * np.cosh(u)) * f(y * u), 0, 8)[0] for f in (np.cos, np.sin)]
    return abs(wave - 1j * np.sinh(np.pi * y) * (decay[0] - 1j * decay[1])) / np.pi


def test_overdamped_with_noise():
    """Ivanchenko and Zil'berman, Ambegaokar and Halperin 1969: V = R Ic sinh(pi y)/(pi g |I_{iy}(g)|^2), y = g I/Ic."""
    gamma, i = 4.0, np.array([0.3, 0.6, 0.9, 1.2])
    exact = [R * IC * np.sinh(np.pi * y) / (np.pi * gamma * modulus_of_bessel(y, gamma) ** 2) for y in gamma * i]
    found = ju.current_voltage(JUNCTION, IC * i, T=at_noise(gamma), turns=200)
    assert (np.abs(found.voltage - exact) < 4 * found.error).all()
    assert found.error.max() < 0.005 * R * IC


def test_hysteresis_of_an_underdamped_junction():
    """At rest up to Ic; running down to 4 Ic/(pi sqrt(beta_c)) for weak damping, with the voltage of an orbit."""
    assert HEAVY.damping == pytest.approx(25.0)
    i = np.array([0.2, 0.3, 0.9, 1.1])
    up, down = (ju.current_voltage(HEAVY, IC * i, start=start, turns=100).voltage for start in ("rest", "running"))
    assert up[:3] == pytest.approx(0, abs=1e-6)
    assert down[0] == pytest.approx(0, abs=1e-4)  # 0.2 < 4/(pi 5) = 0.255 < 0.3
    assert down[1:] == pytest.approx([R * IC * orbit(x, 25.0) for x in i[1:]], rel=1e-5)
    assert up[3] == pytest.approx(down[3], rel=1e-6)


def orbit(i, beta):
    """V/R Ic of the running state: phase' as a function of the phase, followed until it repeats itself."""
    turns = 2 * np.pi * np.array([79, 80])

    def slopes(phase, y):
        return (i - np.sin(phase) - y[0]) / (beta * y[0]), 1 / y[0]

    at = solve_ivp(slopes, (0, turns[1]), (1 + i, 0.0), t_eval=turns, rtol=1e-10, atol=1e-12)
    return 2 * np.pi / np.diff(at.y[1])[0]


def test_shapiro_steps():
    """At high frequency, V = n h f/2e for a range of currents of 2 Ic |J_n(2e R I_ac/h f)|."""
    f, a, spacing = 8 * IC * R / QUANTUM, 1.3, 0.02 * IC
    photon = QUANTUM * f
    for n in (0, 1, 2):
        I = n * photon / R + np.arange(-1.1 * IC, 1.1 * IC, spacing)  # noqa: E741
        found = ju.current_voltage(JUNCTION, I, drive=(a * photon / R, f), turns=25)
        assert found.photon == pytest.approx(photon, rel=1e-8)
        assert found.step_width(n) == pytest.approx(2 * IC * abs(jv(n, a)), abs=2 * spacing)


# --- SQUIDs -----------------------------------------------------------------------------------------


def squid(beta):
    """With 2 L Ic/Phi_0 = beta, L that of the whole loop."""
    return ju.Squid(JUNCTION, JUNCTION, beta * QUANTUM / (2 * IC) * 1e3 / 2)


def test_pattern_of_a_squid():
    """|cos(pi flux)| without inductance; unequal junctions sqrt(I1^2 + I2^2 + 2 I1 I2 cos)."""
    f = np.linspace(-1.2, 1.2, 13)
    plus, minus = ju.squid_pattern(squid(0.0), f)
    assert plus == pytest.approx(2 * IC * np.abs(np.cos(np.pi * f)), abs=1e-5 * IC)
    assert minus == pytest.approx(plus, abs=1e-5 * IC)
    weak = ju.ShuntedJunction([0.7], R)
    exact = np.sqrt(IC**2 + 0.7**2 + 2 * IC * 0.7 * np.cos(2 * np.pi * f))
    assert ju.squid_pattern(ju.Squid(JUNCTION, weak), f)[0] == pytest.approx(exact, abs=1e-5 * IC)


@pytest.mark.parametrize(("beta", "flux"), [(0.5, 0.2), (2.0, 0.5), (20.0, 0.5)])
def test_inductance_of_a_squid(beta, flux):
    """Largest sin x + sin y at x - y + c (sin x - sin y) = 2 pi flux: cos x + cos y + 2 c cos x cos y = 0."""
    c = np.pi * beta / 2

    def equations(at):
        (x, y), (cx, cy) = at, np.cos(at)
        return x - y + c * (np.sin(x) - np.sin(y)) - 2 * np.pi * flux, cx + cy + 2 * c * cx * cy

    x, y = fsolve(equations, (np.pi / 2 + 0.1, 0.5))
    assert np.abs(equations((x, y))).max() < 1e-9
    plus, minus = ju.squid_pattern(squid(beta), [flux, 0.0])
    assert plus == pytest.approx([IC * (np.sin(x) + np.sin(y)), 2 * IC], rel=1e-6)
    assert minus == pytest.approx(plus, rel=1e-6)


def test_a_squid_in_time_switches_at_its_pattern():
    """Unequal arms, so that the pattern is not even in the flux."""
    device = ju.Squid(JUNCTION, ju.ShuntedJunction([0.6 * IC, 0.3 * IC], 2 * R), (200.0, 50.0))
    flux = 0.3
    Ic, other = ju.squid_pattern(device, [flux, -flux])[0]
    assert abs(Ic - other) > 0.1 * IC
    voltage = ju.current_voltage(device, Ic * np.array([0.98, 1.02]), flux=flux, turns=100).voltage
    assert voltage[0] == pytest.approx(0, abs=1e-3)
    assert voltage[1] > 0.02 * R * IC
    assert ju.squid_pattern(device, [-flux])[1] == pytest.approx([Ic], rel=1e-9)  # time reversed


def test_a_squid_of_a_small_loop_is_one_junction():
    """V = (R/2) sqrt(I^2 - Ic(flux)^2)."""
    flux, i = 0.3, np.array([0.7, 1.1, 2.0])
    exact = R * IC * np.sqrt(i**2 - np.cos(np.pi * flux) ** 2)
    assert ju.current_voltage(squid(0.02), 2 * IC * i, flux=flux, turns=100).voltage == pytest.approx(exact, rel=5e-3)


# --- switching ---------------------------------------------------------------------------------------


def test_barrier_of_a_sine():
    """2 E_J (sqrt(1 - i^2) - i acos i), and the slopes Ic sqrt(1 - i^2)."""
    i = np.array([0.1, 0.5, 0.9])
    height, foot, top = escape_barrier(JUNCTION, IC * i)
    exact = 2 * IC * QUANTUM / (2 * np.pi) * (np.sqrt(1 - i**2) - i * np.arccos(i))
    assert height == pytest.approx(exact, rel=1e-5)
    assert foot == pytest.approx(IC * np.sqrt(1 - i**2), rel=1e-5)
    assert top == pytest.approx(foot, rel=1e-5)


@pytest.mark.parametrize("junction", [JUNCTION, HEAVY])
def test_switching_of_fast_ramps_follows_kramers(junction):
    """Mean and spread, to the error of 100 ramps and Kramers' own of some kT over the barrier."""
    T, rate, count = at_noise(60.0), 2e-3, 100
    expected = ju.switching_distribution(junction, rate, T)
    found = ju.switching_currents(junction, rate, T, count=count, first=0.6 * IC)
    assert np.trapezoid(expected.density, expected.current) == pytest.approx(1, abs=1e-3)
    assert abs(found.mean() - expected.mean) < 4 * expected.spread / np.sqrt(count) + 0.005 * IC
    assert found.std() == pytest.approx(expected.spread, rel=4 / np.sqrt(2 * count))


def test_attempts_from_strong_to_weak_damping():
    """A small capacitor changes nothing; with a large one they come with the frequency of the foot."""
    T, i = at_noise(60.0), 0.7
    rates = {
        C: ju.switching_distribution(ju.ShuntedJunction([IC], R, capacitance=C), 1e-6, T, samples=400)
        for C in (0.0, 1e-3, 1e7)
    }
    at = lambda C: np.interp(i * IC, rates[C].current, np.log(rates[C].escape_rate))  # noqa: E731
    assert at(1e-3) == pytest.approx(at(0.0), abs=1e-3)
    plasma = np.sqrt(2 * e * IC * 1e-6 / (hbar * 1e7 * 1e-12)) * (1 - i**2) ** 0.25 * 1e-9  # [1/ns]
    barrier = 60.0 * 2 * (np.sqrt(1 - i**2) - i * np.arccos(i))
    assert at(1e7) == pytest.approx(np.log(plasma / (2 * np.pi)) - barrier, abs=2e-2)


def test_switching_without_noise_is_at_the_critical_current():
    """Late by 2.338 2^(1/3) (r tau)^(2/3): the passage of a saddle node that moves (the zero of Airy's function)."""
    rate, tau = 1e-3, QUANTUM / (2 * np.pi * IC * R)
    (found,) = ju.switching_currents(JUNCTION, rate, 0.0, first=0.9 * IC)
    late = 2.338 * (rate / IC * tau) ** (2 / 3) * 2 ** (1 / 3)
    assert found / IC - 1 == pytest.approx(late, rel=0.06)  # and the turn after it


def test_slow_ramps_against_the_cubic_potential():
    """Kurkijarvi 1972: the spread of a sine's switching currents goes as T^(2/3)."""
    spreads = [ju.switching_distribution(HEAVY, 1e-6, T).spread for T in (0.05, 0.4)]
    assert spreads[1] / spreads[0] == pytest.approx(8 ** (2 / 3), rel=0.1)


# --- relations, refusals ----------------------------------------------------------------------------


def test_a_relation_that_was_solved_for():
    """Scaled to uA: its critical current, and a kinked one as a function."""
    phases = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    relation = ju.CurrentPhaseRelation(
        phases, np.sin(phases) - 0.3 * np.sin(2 * phases), -np.cos(phases) / 2 + 0.075 * np.cos(2 * phases)
    )
    junction = ju.ShuntedJunction(relation, R, unit=5.0)
    assert junction.critical_current == pytest.approx(5.0 * np.array(relation.critical_current), rel=1e-5)
    same = ju.ShuntedJunction([5.0, -1.5], R)
    assert junction.table == pytest.approx(same.table, abs=1e-9)
    assert ju.ShuntedJunction(lambda p: np.sin(p / 2) * np.sign(np.cos(p / 2)), R).critical_current[0] > 0.999
    anomalous = ju.ShuntedJunction(lambda p: IC * np.sin(p - 0.4), R)
    assert anomalous.phase_at_rest([0.0, IC / 2]) == pytest.approx([0.4, 0.4 + np.pi / 6], abs=1e-3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ju.ShuntedJunction([1.0], 0.0), "resistance = 0.0; expected a finite number > 0"),
        (lambda: ju.ShuntedJunction(lambda p: p, R), "goes from 0 to 6.283 in a turn; expected a current that varies"),
        (lambda: ju.ShuntedJunction([0.0], R), "expected a current that varies"),
        (lambda: ju.ShuntedJunction(lambda p: np.nan * p, R), "expected a finite current at each"),
        (lambda: ju.Squid(JUNCTION, HEAVY), "expected both > 0 or both 0"),
        (lambda: ju.current_voltage(squid(0.0), [1.0]), "a Squid without inductance has one phase"),
        (lambda: ju.current_voltage(JUNCTION, [1.0], T=-1.0), r"T = -1.0; expected a temperature >= 0 \[K\]"),
        (lambda: ju.current_voltage(JUNCTION, [1.0], T=0.1, copies=1), "copies = 1, .* expected >= 2"),
        (lambda: ju.current_voltage(JUNCTION, [1.0], drive=(1.0, 0.0)), "expected .amplitude"),
        (lambda: ju.current_voltage(JUNCTION, [1.0]).step_width(1), "without microwaves has no Shapiro steps"),
        (lambda: ju.switching_distribution(JUNCTION, -1.0, 1.0), "rate = -1.0"),
        (lambda: ju.switching_currents(JUNCTION, 1.0, 1.0, first=3.0), "below the critical current 2 uA"),
    ],
)
def test_what_makes_no_sense_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_phase_that_hardly_turns_is_warned_of():
    """R sqrt(I^2 - Ic^2) just above Ic is wrong in a short time and said to be; in a long one it is right."""
    junction, above = ju.ShuntedJunction([1.0], 10.0), [1.0005]
    with pytest.warns(UserWarning, match=r"at 1 currents, 1.0005 to 1.0005 uA, the phase turns .* more than turns=100"):
        ju.current_voltage(junction, above, turns=100)
    found = ju.current_voltage(junction, above, turns=3000)
    assert found.voltage[0] == pytest.approx(10 * np.sqrt(1.0005**2 - 1), rel=0.02)
