"""Interpolated current-phase relations, on curves that are known."""

import numpy as np
import pytest

from jusadel.phase_curve import CurrentPhaseRelation, PhaseRangeWarning, half_turn, whole_turn

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


def test_printed_numbers():
    text = repr(curve(TURN))
    assert "16 phases" in text
    assert "diode efficiency" in text
    assert "phi0 = -0." in text
    assert "nan" in repr(curve(np.linspace(0.5, 2.5, 20)))
