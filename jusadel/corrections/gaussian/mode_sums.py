"""Sums over slow modes, and what the modes beyond them would add.

All in the classical limit, Omega = 0: F = T Sum_i ln lambda_i over complex modes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import scipy.linalg

SMOOTH = 7.0
"""exp(-SMOOTH) is left of the last mode in a smooth sum."""
SLOWEST_DECAY = 1.25
"""The power p that is taken where it is less, or cannot be told."""


class ModeSum(NamedTuple):
    """A sum, and an estimate of what is missing in it relative to it."""

    value: float
    rest: float


def cut_sum(terms: np.ndarray, complete: bool) -> ModeSum:
    """The sum of terms (m,) or (m, m) over the lowest modes, as it is.

    What the number n of a mode adds is taken to fall as n^-p, with p from the last two quarters of the modes: p = 2 in
    films, where a sum up to the momentum q misses 1/q^2. NaN for fewer than four modes, which do not tell.
    """
    total, count = float(terms.sum().real), len(terms)
    if complete or not total:
        return ModeSum(total, 0.0)
    if count < 4:
        return ModeSum(total, np.nan)
    cuts = np.array([1.0, 0.75, 0.5]) * count
    whole, more, less = (float(terms[(slice(round(n)),) * terms.ndim].sum().real) for n in cuts)
    last, before = abs(whole - more), abs(more - less)
    power = np.log(before / last) / np.log(0.875 / 0.625) if last and before else SLOWEST_DECAY
    return ModeSum(total, last / (0.75 ** (1 - max(power, SLOWEST_DECAY)) - 1) / abs(total))


def smooth_sum(terms: Callable[[np.ndarray], float], values: np.ndarray, complete: bool) -> ModeSum:
    """Sum of terms with weights that go to zero smoothly: where the modes beyond a sharp cut would cancel.

    Args:
        terms: the sum with weights (m,).
        values: eigenvalues (m,).
        complete: whether there are no other modes.
    """
    if complete:
        return ModeSum(terms(np.ones(len(values))), 0.0)
    x = (values - values[0]) / max(values[-1] - values[0], 1e-300)
    total = terms(np.exp(-SMOOTH * x**2))
    less = terms(np.exp(-SMOOTH * (1.4 * x) ** 2))
    return ModeSum(total, abs(total - less) / abs(total) if total else 0.0)


# --- thermodynamics --------------------------------------------------------------------------------


def heat_of_modes(values: np.ndarray, warming: np.ndarray, complete: bool) -> ModeSum:
    """Sum_ij |dJ_ij/d ln T|^2/(lambda_i lambda_j), the most singular part of -T d2F/dT2."""
    return cut_sum(np.abs(warming) ** 2 / np.outer(values, values), complete)


def moment(values: np.ndarray, along_field: np.ndarray, T: float, complete: bool) -> ModeSum:
    """-T Sum_i (d lambda_i/dB)/lambda_i = -dF/dB, from dJ_ij/dB."""
    slope = np.diagonal(along_field).real
    return smooth_sum(lambda share: float(T * np.sum(-share * slope / values)), values, complete)


# --- conductance -----------------------------------------------------------------------------------


def aslamazov_larkin(values: np.ndarray, delay: np.ndarray, vertices: np.ndarray, T: float, complete: bool) -> ModeSum:
    """T Sum_ij |V_ij|^2/(g_i g_j (g_i + g_j)), in e^2/hbar.

    The rates g are those of delay du/dt = - lambda u, and V is meant between their modes; where all modes are delayed
    by the same tau, g = lambda/tau and the sum is T tau Sum |V_ij|^2/(lambda_i lambda_j (lambda_i + lambda_j)).

    Args:
        values: lambda (m,).
        delay: dJ/dOmega between modes (m, m) [1/energy].
        vertices: dJ/ds between modes, the vector potential being s times the field of unit voltage, (m, m).
        T: temperature [energy].
        complete: whether there are no other modes.
    """
    rates, Y = scipy.linalg.eigh(np.diag(values), delay)
    V = np.abs(Y.conj().T @ vertices @ Y) ** 2
    terms = T * V / (np.outer(rates, rates) * np.add.outer(rates, rates))
    return cut_sum(terms, complete)


def maki_thompson(values: np.ndarray, dephasing: np.ndarray, squared_field: float, complete: bool) -> ModeSum:
    """pi e.D e Sum_i 1/(2 lambda_i H_i), in e^2/hbar: of a film, whose modes have a singlet Cooperon 1/H_i each.

    Args:
        values: lambda (m,).
        dephasing: H (m,) [energy].
        squared_field: e.D e of unit voltage, the same everywhere.
        complete: whether there are no other modes.
    """
    return cut_sum(np.pi * squared_field / (2 * values * dephasing), complete)
