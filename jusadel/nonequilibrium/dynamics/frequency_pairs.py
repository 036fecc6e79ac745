"""Which pairs of frequencies a response sums over, and with which weights.

With R(1, 2) of the functional linearised between two frequencies, the upper one first, the response at a bosonic
Matsubara frequency is

    Q(i Omega) = (1/2) pi T Sum_n R(omega_n + Omega, omega_n).

Both above or both below zero are the same by charge conjugation: they make a sum over omega_n > 0, which Gaussian
quadrature does. At a real frequency Omega -> - i omega that sum stays one, R being analytic above the real axis; what
is left are those pairs of which one is below, an integral over the energies between which occupations differ:

    Q(omega) = pi T Sum_{omega_n > 0} R(omega_n - i omega, omega_n)
             - (i/4) Int_{-omega/2}^inf dE [tanh((E + omega)/2T) - tanh(E/2T)] R(G^R(E + omega), G^A(E)).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

TAIL = 30.0
"""Energies in temperatures beyond which occupations do not differ."""


@dataclass(frozen=True)
class FrequencyPairs:
    """(b,) each: G at `first`, G at `second` or, where backward, what belongs to it below the real axis."""

    first: np.ndarray
    second: np.ndarray
    weights: np.ndarray
    backward: bool


def summed_pairs(T: float, omega: np.ndarray, weights: np.ndarray, shift: complex, eta: float) -> FrequencyPairs:
    """Both above the real axis, of a quadrature of the Matsubara sum; the shift is Omega or - i omega."""
    second = omega + eta + 0j
    return FrequencyPairs(second + shift, second, np.pi * T * weights + 0j, False)


def crossing_pairs(T: float, Omega: float) -> FrequencyPairs:
    """One on either side, at a Matsubara frequency Omega = 2 pi T m."""
    below = np.pi * T * (2 * np.arange(round(Omega / (2 * np.pi * T))) + 1.0)
    weight = np.full(len(below), np.pi * T / 2 + 0j)
    return FrequencyPairs(Omega - below + 0j, below + 0j, weight, True)


def real_pairs(T: float, omega: float, eta: float, E: np.ndarray, weights: np.ndarray) -> FrequencyPairs:
    """One on either side, at energies E (b,) >= -omega/2 with the weights of a quadrature over them."""
    occupied = np.tanh((E + omega) / (2 * T)) - np.tanh(E / (2 * T))
    return FrequencyPairs(eta - 1j * (E + omega), eta - 1j * E, -0.25j * weights * occupied, True)


def energy_range(T: float, omega: float) -> tuple[float, float]:
    """The energies of `real_pairs` where occupations differ."""
    return -omega / 2, TAIL * T
