"""Frequencies and weights of the Matsubara sum, and the bulk gap Delta(T)."""

from __future__ import annotations

import numpy as np
import scipy.linalg
import scipy.optimize
from scipy.special import psi

GAP_RATIO = np.pi * np.exp(-np.euler_gamma)
"""Delta(0)/Tc of a BCS superconductor, 1.76388."""


def quadrature(T: float, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Gaussian quadrature of T Sum_{omega_n > 0} F(omega_n) = T Sum_p w_p F(omega_p).

    The poles and residues of the continued fraction of tanh: Ozaki, PRB 75, 035123 (2007). The first
    nodes are the Matsubara frequencies themselves with weight one.

    Args:
        T: temperature > 0 [energy].
        n: number of frequencies.

    Returns:
        omega (n,) ascending [energy] and weights (n,).
    """
    _check_temperature(T)
    _check_count(n)
    i = np.arange(1, 2 * n)
    eigenvalues, vectors = scipy.linalg.eigh_tridiagonal(
        np.zeros(2 * n), 1 / (2 * np.sqrt((2 * i - 1.0) * (2 * i + 1)))
    )
    positive = eigenvalues > 0
    x, w = 1 / eigenvalues[positive], vectors[0, positive] ** 2 / (4 * eigenvalues[positive] ** 2)
    order = np.argsort(x)
    return T * x[order], w[order]


def plain_sum(T: float, n: int) -> tuple[np.ndarray, np.ndarray]:
    """The first n Matsubara frequencies (2k + 1) pi T with weight one: for checks, it converges slowly."""
    _check_temperature(T)
    _check_count(n)
    return np.pi * T * (2 * np.arange(n) + 1), np.ones(n)


def enough_frequencies(T: float, energy: float, accuracy: float = 1e-4) -> int:
    """The smallest number of quadrature nodes (within about a tenth) that sums test functions to the accuracy.

    They are 1/(omega^2 + E^2), whose sum is tanh(E/2T)/(4 E T), and E^2/(omega^2 + E^2)^(3/2), the
    pair-amplitude response of a bulk superconductor, with E the largest energy of the problem.

    Args:
        T: temperature > 0 [energy].
        energy: largest of the pair potential, exchange field, ... [energy].
        accuracy: relative error allowed in both sums.
    """
    _check_temperature(T)
    if not 0 < accuracy < 1:
        raise ValueError(f"accuracy = {accuracy}; expected a relative error between 0 and 1")
    energy = max(float(energy), np.pi * T)
    largest = int(16 + 40 * np.sqrt(energy / T))
    reference = _root_sum(*quadrature(T, largest), energy)
    n = 4
    while n < largest:
        omega, w = quadrature(T, n)
        pole = T * np.sum(w / (omega**2 + energy**2)) * 4 * energy / np.tanh(energy / (2 * T))
        root = _root_sum(omega, w, energy) / reference
        if max(abs(pole - 1), abs(root - 1)) < accuracy:
            return n
        n += max(1, n // 10)
    return largest


def _root_sum(omega: np.ndarray, w: np.ndarray, energy: float) -> float:
    return float(np.sum(w * energy**2 / np.hypot(omega, energy) ** 3))


def bulk_gap(T: float, Tc: float = 1.0) -> float:
    """Delta(T) of a BCS superconductor [energy]: ln(T/Tc) = 2 pi T Sum (1/sqrt(omega^2 + Delta^2) - 1/omega).

    Args:
        T: temperature > 0; at and above Tc the gap is zero.
        Tc: critical temperature > 0.
    """
    _check_temperature(T)
    if Tc <= T:
        return 0.0
    omega, w = quadrature(T, int(16 + 6 * np.sqrt(GAP_RATIO * Tc / T)))

    def mismatch(Delta: float) -> float:
        # omega/(omega^2 + Delta^2/2) has the same 1/omega^3 tail as 1/hypot and sums to a digamma function
        half = Delta / np.sqrt(2)
        analytic = psi(0.5 + 0.5j * half / (np.pi * T)).real - psi(0.5)
        rest = omega / (omega**2 + half**2) - 1 / np.hypot(omega, Delta)
        return float(np.log(T / Tc) + analytic + 2 * np.pi * T * np.sum(w * rest))

    return float(scipy.optimize.brentq(mismatch, 1e-9 * Tc, 1.01 * GAP_RATIO * Tc, xtol=1e-15 * Tc, rtol=1e-14))


def _check_temperature(T: float) -> None:
    if not np.isfinite(T) or T <= 0:
        raise ValueError(f"T = {T}; expected a finite temperature > 0, in the units of Delta (k_B = 1)")


def _check_count(n: int) -> None:
    if int(n) != n or n < 1:
        raise ValueError(f"the number of frequencies is {n}; expected an integer >= 1")
