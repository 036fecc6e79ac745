"""Matsubara frequencies: the quadrature against closed sums, how many are enough, and the bulk gap."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from jusadel.action.matsubara import GAP_RATIO, bulk_gap, enough_frequencies, plain_sum, quadrature

REFERENCES = json.loads((Path(__file__).parents[1] / "data" / "references.json").read_text())
GAPS = {
    float(r["parameters"].removeprefix("T/Tc=")): r["absolute_over_Tc"]
    for r in REFERENCES
    if r["name"] == "A1 Delta(T)/Delta0"
}
# temperature, largest energy, accuracy
CASES = [(0.05, 1.764, 1e-4), (0.02, 1.764, 1e-3), (0.3, 5.0, 1e-6), (0.05, 17.6, 1e-4), (1.0, 1.0, 1e-5)]


def pole_sum(T, E):
    """T Sum_{omega > 0} 1/(omega^2 + E^2)."""
    return np.tanh(E / (2 * T)) / (4 * E)


def root_sum(T, E):
    """T Sum_{omega > 0} E^2/(omega^2 + E^2)^(3/2): a long plain sum and the integral beyond it (midpoint rule)."""
    n = 200_000
    omega = np.pi * T * (2 * np.arange(n) + 1)
    last = 2 * np.pi * T * n
    tail = E**2 / (np.hypot(last, E) * (np.hypot(last, E) + last))  # 1 - last/hypot, without cancellation
    return T * np.sum(E**2 / np.hypot(omega, E) ** 3) + tail / (2 * np.pi)


def worst_error(T, E, n):
    omega, w = quadrature(T, n)
    pole = T * np.sum(w / (omega**2 + E**2)) / pole_sum(T, E) - 1
    root = T * np.sum(w * E**2 / np.hypot(omega, E) ** 3) / root_sum(T, E) - 1
    return max(abs(pole), abs(root))


@pytest.mark.parametrize(("n", "exact"), [(12, 4), (40, 20), (200, 100)])
def test_first_nodes_are_the_matsubara_frequencies(n, exact):
    T = 0.37
    omega, w = quadrature(T, n)
    assert omega.shape == w.shape == (n,)
    assert np.all(np.diff(omega) > 0)
    assert np.all(w > 0)
    np.testing.assert_allclose(omega[:exact], np.pi * T * (2 * np.arange(exact) + 1), rtol=1e-10)
    np.testing.assert_allclose(w[:exact], 1.0, rtol=1e-8)
    assert w[-1] > 2  # the last ones stand for the tail


@pytest.mark.parametrize("T", [0.05, 0.5, 3.0])
@pytest.mark.parametrize("E", [0.2, 1.0, 4.0])
def test_quadrature_sums_a_pole_to_tanh(T, E):
    omega, w = quadrature(T, int(10 + 5 * E / T))
    assert T * np.sum(w / (omega**2 + E**2)) == pytest.approx(pole_sum(T, E), rel=1e-12)


def test_quadrature_beats_the_plain_sum():
    """A sum with the 1/omega^3 tail of the gap equation (physics.md, section 7), at Delta/T = 1.764/0.05."""
    T, E = 0.05, 1.764
    errors = {}
    for rule in (quadrature, plain_sum):
        for n in (16, 32):
            omega, w = rule(T, n)
            errors[rule.__name__, n] = abs(T * np.sum(w * E**2 / np.hypot(omega, E) ** 3) / root_sum(T, E) - 1)
    assert errors["quadrature", 32] < 0.2 * errors["quadrature", 16] < 1e-2 * errors["plain_sum", 16]


def test_plain_sum():
    omega, w = plain_sum(0.25, 4)
    np.testing.assert_allclose(omega, np.pi * 0.25 * np.array([1, 3, 5, 7]))
    np.testing.assert_array_equal(w, np.ones(4))
    omega, w = plain_sum(0.5, 100_000)
    assert 0.5 * np.sum(w / (omega**2 + 1)) == pytest.approx(pole_sum(0.5, 1.0), rel=1e-5)


@pytest.mark.parametrize(("T", "energy", "accuracy"), CASES)
def test_enough_frequencies_are_enough_and_not_many_more(T, energy, accuracy):
    energy = max(energy, np.pi * T)
    n = enough_frequencies(T, energy, accuracy)
    assert worst_error(T, energy, n) < accuracy
    needed = next(m for m in range(2, n + 1) if worst_error(T, energy, m) < accuracy)
    assert n <= 1.25 * needed


@pytest.mark.parametrize(("T", "energy", "accuracy"), [(0.05, 1.764, 1e-8), (0.05, 1.764, 1e-10), (0.001, 1.764, 1e-4)])
def test_enough_frequencies_deliver_high_accuracy(T, energy, accuracy):
    assert 0.6 * accuracy < worst_error(T, energy, enough_frequencies(T, energy, accuracy)) < accuracy


@pytest.mark.parametrize(("T", "accuracy"), [(0.05, 1e-11), (1e-5, 1e-4)])
def test_enough_frequencies_refuse_what_they_cannot_deliver(T, accuracy):
    with pytest.raises(
        ValueError, match=rf"accuracy = {accuracy:.3g} at energy/T = .* needs more than 1000 freq"
    ) as refused:
        enough_frequencies(T, 1.764, accuracy)
    offered = float(re.search(r"\(1000 reach (.*)\)", str(refused.value))[1])
    assert worst_error(T, 1.764, 1000) == pytest.approx(offered, rel=0.05)


@pytest.mark.parametrize(("T", "energy"), [(1.0, np.nan), (1.0, np.inf), (1e-320, 1.0)])
def test_energies_that_no_sum_can_hold_are_refused(T, energy):
    with pytest.raises(ValueError, match=r"energy/T = .* is not finite"):
        enough_frequencies(T, energy)


def test_enough_frequencies_counts_the_temperature_as_an_energy():
    assert enough_frequencies(1.0, 0.0) == enough_frequencies(1.0, np.pi)
    assert enough_frequencies(0.01, 1.0) > enough_frequencies(0.1, 1.0) > enough_frequencies(0.1, 1.0, 1e-2)
    assert enough_frequencies(2.0, 6.0) == enough_frequencies(0.2, 0.6)
    assert enough_frequencies(1e-300, 1e-299) == enough_frequencies(1e299, 1e300) == enough_frequencies(1.0, 10.0)


@pytest.mark.parametrize("T", sorted(GAPS))
def test_bulk_gap_against_references(T):
    assert len(GAPS) == 5
    assert bulk_gap(T) == pytest.approx(GAPS[T], abs=1e-9)
    assert bulk_gap(2.5 * T, Tc=2.5) == pytest.approx(2.5 * GAPS[T], abs=1e-9)


def test_bulk_gap_limits():
    """exp(-gamma_E) pi Tc at T = 0, and Delta^2 = 8 pi^2 Tc (Tc - T)/(7 zeta(3)) near Tc."""
    assert pytest.approx(1.7638769888) == GAP_RATIO
    assert bulk_gap(0.01) == pytest.approx(GAP_RATIO, abs=1e-9)
    assert bulk_gap(1e-300) == GAP_RATIO
    assert bulk_gap(2e300, Tc=4e300) == pytest.approx(4e300 * bulk_gap(0.5), rel=1e-14)
    assert bulk_gap(1.0) == bulk_gap(7.0) == 0.0
    zeta3 = 1.2020569031595942
    slope = bulk_gap(1 - 1e-4) ** 2 / 1e-4
    assert slope == pytest.approx(8 * np.pi**2 / (7 * zeta3), rel=2e-4)


def test_bulk_gap_has_no_seams():
    """Below 0.03 Tc and within 1e-9 of Tc the limits stand for the equation."""
    assert bulk_gap(0.03 - 1e-9) == pytest.approx(bulk_gap(0.03 + 1e-9), rel=1e-12)
    inside, outside = (bulk_gap(1 - d) / np.sqrt(d) for d in (0.99e-9, 1.01e-9))
    assert inside == pytest.approx(outside, rel=1e-6)
    assert 0 < bulk_gap(np.nextafter(1.0, 0.0)) < 1e-7


@pytest.mark.parametrize("T", [0.0, -0.1, np.nan, np.inf])
@pytest.mark.parametrize(
    "call", [lambda T: quadrature(T, 4), lambda T: plain_sum(T, 4), lambda T: enough_frequencies(T, 1.0), bulk_gap]
)
def test_impossible_temperatures_are_refused(call, T):
    with pytest.raises(ValueError, match=f"T = {T}; expected a finite temperature > 0"):
        call(T)


@pytest.mark.parametrize("n", [0, -3, 2.5])
@pytest.mark.parametrize("rule", [quadrature, plain_sum])
def test_impossible_counts_are_refused(rule, n):
    with pytest.raises(ValueError, match=f"number of frequencies is {n}"):
        rule(1.0, n)


@pytest.mark.parametrize("accuracy", [0.0, -1e-3, 1.0, 2.0])
def test_impossible_accuracies_are_refused(accuracy):
    with pytest.raises(ValueError, match=f"accuracy = {accuracy}; expected"):
        enough_frequencies(1.0, 1.0, accuracy)
