"""Interpolated current-phase relations, on curves that are known."""

import re
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jusadel as ju
from jusadel.studies.current_phase.result import CurrentPhaseRelation, PhaseRangeWarning
from jusadel.studies.current_phase.turns import half_turn, whole_turn
from jusadel.studies.current_phase.uncertainty import PhaseGridWarning

TURN = np.linspace(0, 2 * np.pi, 16, endpoint=False)


def curve(phases, sine=(1.0, -0.3), cosine=(0.2, 0.1)):
    k = np.arange(1, len(sine) + 1)
    waves = np.multiply.outer(np.asarray(phases), k)
    current = np.sin(waves) @ sine + np.cos(waves) @ cosine
    energy = (-np.cos(waves) @ (sine / k) + np.sin(waves) @ (cosine / k)) / 2
    return CurrentPhaseRelation(np.asarray(phases), current, energy + 3.0)


FINE = np.linspace(-np.pi, np.pi, 200001)


@pytest.mark.parametrize(
    "phases",
    [TURN, TURN - 3.0, np.roll(TURN, 5), np.append(TURN, 2 * np.pi), np.linspace(-np.pi, np.pi, 18), TURN + 40.0],
)
def test_a_whole_turn_is_interpolated_exactly(phases):
    cpr, exact = curve(phases), curve(FINE)
    plus, minus = cpr.critical_current
    assert plus == pytest.approx(exact.current.max(), abs=1e-8)
    assert minus == pytest.approx(-exact.current.min(), abs=1e-8)
    assert cpr.critical_phase[0] == pytest.approx(FINE[exact.current.argmax()], abs=1e-4)
    assert cpr.diode_efficiency == pytest.approx((plus - minus) / (plus + minus))
    assert abs(cpr.diode_efficiency) > 0.05
    assert cpr.phi0 == pytest.approx(FINE[exact.energy.argmin()], abs=1e-4)
    assert cpr.current_at(cpr.phi0) == pytest.approx(0, abs=1e-10)
    assert cpr.energy_at(FINE[::9999]) == pytest.approx(exact.energy[::9999], abs=1e-12)
    sine, cosine = cpr.harmonics(3)
    assert sine == pytest.approx([1.0, -0.3, 0.0], abs=1e-12)
    assert cosine == pytest.approx([0.2, 0.1, 0.0], abs=1e-12)
    assert cpr.interpolation_error < 1e-12


def test_the_highest_harmonic_of_an_even_number_of_phases_counts_once():
    """cos(8 phi) on 16 phases: what is known of it fits the one wave that is there."""
    cosine = (*[0.0] * 7, 0.1)
    cpr, exact = curve(TURN, (1.0, *[0.0] * 7), cosine), curve(FINE, (1.0, *[0.0] * 7), cosine)
    assert cpr.current_at(FINE[::9999]) == pytest.approx(exact.current[::9999], abs=1e-12)
    assert cpr.critical_current[0] == pytest.approx(exact.current.max(), abs=1e-8)


def test_a_pi_junction_has_phi0_pi():
    assert curve(TURN - np.pi, (-1.0, 0.1), (0.0, 0.0)).phi0 == pytest.approx(np.pi, abs=1e-9)
    assert curve(TURN, (1.0, 0.1), (0.0, 0.0)).phi0 == pytest.approx(0.0, abs=1e-9)


def test_other_phases_are_interpolated_by_splines():
    phases = np.linspace(0, 2.8, 40) ** 1.01
    cpr = curve(phases, (1.0, -0.1), (0.0, 0.0))
    exact = curve(FINE, (1.0, -0.1), (0.0, 0.0))
    with pytest.warns(PhaseRangeWarning, match=r"largest negative current.*0 to 2.8"):
        plus, minus = cpr.critical_current
    assert plus == pytest.approx(exact.current.max(), abs=1e-5)
    assert np.isnan(minus)
    assert cpr.phi0 == 0.0  # at the end, but at rest
    assert np.isnan(cpr.current_at(-0.1))
    assert cpr.energy_at(1.234) == pytest.approx(curve([1.234], (1.0, -0.1), (0.0, 0.0)).energy[0], abs=1e-6)
    with pytest.raises(ValueError, match="2 pi uniformly"):
        cpr.harmonics(1)


def test_lowest_energy_outside_the_phases_is_unknown():
    cpr = curve(np.linspace(0.5, 2.5, 20))
    with pytest.warns(PhaseRangeWarning, match="lowest energy"):
        assert np.isnan(cpr.phi0)


def test_a_branch_that_does_not_close_is_not_periodic():
    """The current of a long wire, phi over its length, followed half a turn each way."""
    cpr = CurrentPhaseRelation(TURN, half_turn(TURN), half_turn(TURN) ** 2 / 4)
    assert cpr.phi0 == pytest.approx(0, abs=1e-9)
    assert cpr.current_at(1.0) == pytest.approx(1.0, abs=1e-9)
    with pytest.warns(PhaseRangeWarning, match="2.749 to 3.142"):
        assert np.isnan(cpr.critical_current[0])


def test_too_few_phases_and_harmonics():
    with pytest.raises(ValueError, match="2 different phases"):
        curve([0.0, 1.0]).phi0  # noqa: B018
    with pytest.raises(ValueError, match="expected 1 to 7"):
        curve(TURN).harmonics(8)


def test_half_turn_and_whole_turn():
    assert half_turn(np.array([0, np.pi, -np.pi, 3 * np.pi, 4.0])) == pytest.approx(
        [0, np.pi, np.pi, np.pi, 4.0 - 2 * np.pi], abs=1e-12
    )
    assert whole_turn(TURN[:-1]) is None
    assert whole_turn(np.array([0.0, np.pi])) is None
    assert list(whole_turn(np.array([2.0, 1.0, 0.0]) * 2 * np.pi / 3)) == [2, 1, 0]


# --- what the phases leave unknown ------------------------------------------------------------------


def skew(phases, r=0.3, shift=0.0):
    """I = sin(x)/(1 + 2 r cos(x) + r^2), odd in x = phi - shift, so that neither direction is larger."""
    phases = np.asarray(phases, float)
    below = 1 + 2 * r * np.cos(phases - shift) + r**2
    return CurrentPhaseRelation(phases, np.sin(phases - shift) / below, -np.log(below) / (4 * r))


SKEW_MAXIMUM = 1 / (1 - 0.3**2)
"""Of the above: where cos(x) = -2 r/(1 + r^2)."""
GRIDS = [
    np.arange(7.0),
    np.arange(7.0)[::-1],
    np.arange(7.0) + 0.5,
    np.linspace(0, 6.2, 13),
    np.linspace(0, 6, 25),
    np.linspace(0.1, 0.1 + 2 * np.pi, 6, endpoint=False),
    np.linspace(0.1, 0.1 + 2 * np.pi, 7, endpoint=False),
    np.linspace(0.1, 0.1 + 2 * np.pi, 12, endpoint=False),
]


@pytest.mark.parametrize("phases", GRIDS)
@pytest.mark.parametrize("r", [1e-9, 0.3])
@pytest.mark.filterwarnings("ignore::jusadel.PhaseGridWarning")
def test_errors_cover_what_is_wrong(phases, r):
    """The current of a symmetric junction: both maxima are 1/(1 - r^2), and its efficiency and phi0 are zero."""
    cpr, exact = skew(phases, r), 1 / (1 - r**2)
    for found, error in zip(cpr.critical_current, cpr.critical_current_error, strict=True):
        assert abs(found - exact) < 2 * error + 1e-8
        assert error < 0.3
    assert abs(cpr.diode_efficiency) < cpr.diode_efficiency_error + 1e-8
    assert abs(cpr.phi0) <= 2 * cpr.phi0_error + 1e-8


@pytest.mark.parametrize("phases", [np.arange(7.0), GRIDS[5], GRIDS[7]])
def test_an_efficiency_below_its_error_is_told(phases):
    with pytest.warns(PhaseGridWarning) as heard:
        assert abs(skew(phases).diode_efficiency) > 1e-5
    texts = [str(w.message) for w in heard]
    assert any(
        re.search(r"the diode efficiency, .* is known to .* only, and may be 0: \d+ phases say", x) for x in texts
    )
    assert all("np.linspace(0, 2 * np.pi, 24, endpoint=False)" in x for x in texts)


def test_a_phase_of_the_ground_state_below_its_error_is_told():
    with pytest.warns(PhaseGridWarning, match=r"phase of lowest energy, .* is known to .* only, and may be 0"):
        assert 1e-4 < abs(skew(np.arange(7.0) + 0.5, 1e-9).phi0) < 0.1
    with pytest.warns(PhaseGridWarning, match=r"lowest energy, .* may be 3.142"):
        skew(np.arange(7.0) + 0.5, 1e-9, np.pi).phi0  # noqa: B018


def test_a_small_phi0_next_to_a_phase_that_is_known_is_known():
    """The interpolation is exact at the phases, and nearly so beside them."""
    cpr = skew(np.linspace(-np.pi, np.pi, 6, endpoint=False), 0.1, 0.01)
    assert cpr.phi0 == pytest.approx(0.01, rel=0.2)
    assert abs(cpr.phi0 - 0.01) < cpr.phi0_error < 0.005


def test_enough_phases_say_nothing_of_errors():
    """Warnings are errors here: a symmetric junction, and a diode whose efficiency is more than its error."""
    fine = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    assert skew(fine).critical_current[0] == pytest.approx(SKEW_MAXIMUM, rel=1e-5)
    assert abs(skew(fine).diode_efficiency) < 1e-9
    assert curve(np.linspace(0, 6.5, 30)).diode_efficiency == pytest.approx(curve(TURN).diode_efficiency, abs=1e-4)
    assert curve(TURN).diode_efficiency_error < 1e-12


@pytest.mark.filterwarnings("ignore::jusadel.PhaseRangeWarning")
@pytest.mark.parametrize("phases", [np.linspace(0.2, 2.9, 3), np.linspace(0, 2 * np.pi, 4, endpoint=False)])
def test_very_few_phases_are_told(phases):
    with pytest.warns(PhaseGridWarning, match=r"critical currents are known to .* % only: [34] phases"):
        skew(phases).critical_current  # noqa: B018


def test_a_jump_between_branches_is_told():
    """A sawtooth, of which phases that are no whole turn see the jump only between two of them."""
    phases = np.linspace(0, 6, 25)
    current = np.where(phases < 3.6, phases, phases - 2 * np.pi)
    with pytest.warns(PhaseGridWarning, match=r"critical currents are known to"):
        CurrentPhaseRelation(phases, current, current**2 / 4).critical_current  # noqa: B018


def test_printed_numbers():
    text = repr(curve(TURN))
    assert "16 phases" in text
    assert "diode efficiency" in text
    assert "phi0 = -0." in text
    assert "known to" in text
    assert "nan" in repr(curve(np.linspace(0.5, 2.5, 20)))


@pytest.mark.parametrize("phases", [np.arange(7.0), [0.0, 0.5, 1.0], [0.5, 1.0, 2.0]])
def test_printing_keeps_the_warnings(phases):
    """What was computed to be printed still warns where it is used, and each time."""
    cpr, said = skew(phases), []
    repr(cpr)
    for name in ("critical_current", "critical_current", "critical_phase", "diode_efficiency", "phi0"):
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            printed = getattr(cpr, name)
        with warnings.catch_warnings(record=True) as fresh:
            warnings.simplefilter("always")
            np.testing.assert_array_equal(printed, getattr(skew(phases), name))
        assert all(w.filename == __file__ for w in heard)
        said.append([str(w.message) for w in heard])
        assert said[-1] == [str(w.message) for w in fresh]
    assert said[0]
    assert said[0] == said[1]


def shifted(x):
    """I = x sin(phi - x) + x^2 sin 2(phi - x), which is 2 dE/dphi, over a turn."""
    phi = 2 * np.pi * np.arange(16) / 16
    current = x * jnp.sin(phi - x) + x**2 * jnp.sin(2 * (phi - x))
    energy = -(x * jnp.cos(phi - x) + x**2 * jnp.cos(2 * (phi - x)) / 2) / 2
    return CurrentPhaseRelation(phi, current, energy)


EXTREMA = {
    "critical current": lambda x: shifted(x).critical_current[0],
    "diode efficiency": lambda x: shifted(x).diode_efficiency,
    "phi0": lambda x: shifted(x).phi0,
}


@pytest.mark.parametrize("name", EXTREMA)
@pytest.mark.filterwarnings("ignore:the diode efficiency of:jusadel.PhaseGridWarning")
def test_extrema_have_first_derivatives_alone(name):
    """The maximum is at phi - x = t, where cos t + 2 x cos 2t = 0, and there dI/dx = sin t + 2 x sin 2t."""
    x = 0.4
    cosine = (-1 + np.sqrt(1 + 32 * x**2)) / (8 * x)  # of 4 x c^2 + c - 2 x = 0
    t = np.arccos(cosine)
    expected = {"critical current": np.sin(t) + 2 * x * np.sin(2 * t), "diode efficiency": 0.0, "phi0": 1.0}[name]
    assert float(jax.grad(EXTREMA[name])(x)) == pytest.approx(expected, rel=1e-6, abs=1e-6)
    for again in (jax.grad, jax.jacfwd):
        with pytest.raises(ju.NotDifferentiableError, match="extremum of a current-phase relation has first derivativ"):
            again(jax.grad(EXTREMA[name]))(x)
