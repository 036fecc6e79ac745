"""What is asked of a linear response: arguments that are checked, and the settings that follow from them."""

from __future__ import annotations

from typing import Any

import numpy as np

from jusadel.action import matsubara
from jusadel.common.arguments import is_count, is_number, real
from jusadel.common.differentiability import is_traced
from jusadel.nonequilibrium.dynamics.evaluation import Settings
from jusadel.solver.checks import refuse_bad_input
from jusadel.solver.derivatives.tracing import still
from jusadel.solver.problem import largest_energy
from jusadel.solver.states.solution import Solution

REAL, IMAGINARY = "real", "imaginary"
BOSONIC = 1e-6
"""Relative distance from a bosonic Matsubara frequency that counts as round-off."""
RESOLVED = 0.5
"""Of omega: what eta may be at most."""


def checked_settings(
    sol: Any,
    omega: Any,
    axis: str,
    eta: Any,
    neutral: bool,
    gap: bool | None,
    maps: bool,
    accuracy: float,
    most_energies: Any,
    frequencies: Any,
    tol: float,
) -> Settings:
    """The settings of a response to sol at frequencies omega; arguments as in `response`.

    Raises:
        ValueError: as `response`.
    """
    refuse_bad_input(still(sol.device), tol)
    values = np.atleast_1d(np.asarray(real("omega", omega)))
    if values.ndim != 1 or not values.size or not np.isfinite(values).all() or (values < 0).any():
        raise ValueError(f"omega = {omega!r}; expected finite frequencies >= 0, a number or (n_omega,)")
    if axis not in (REAL, IMAGINARY):
        raise ValueError(f"axis = {axis!r}; expected 'real' or 'imaginary'")
    if not is_number(accuracy) or not 0 < accuracy < 1:
        raise ValueError(f"accuracy = {accuracy!r}; expected a relative error between 0 and 1")
    if not is_count(most_energies):
        raise ValueError(f"most_energies = {most_energies!r}; expected a whole number >= 1")
    positive = values[values > 0]
    if positive.size:
        _refuse_frequencies(positive, axis, eta, float(still(sol).T))
    consistent = sol.stats.get("state") in ("superconducting", "unstable")
    plain = still(sol)
    return Settings(
        eta=0.0 if axis == IMAGINARY else float(eta),
        imaginary=axis == IMAGINARY,
        accuracy=float(accuracy),
        most_energies=int(most_energies),
        frequencies=_frequencies(plain, float(values.max()), accuracy, frequencies),
        neutral=bool(neutral),
        gap=consistent if gap is None else bool(gap),
        maps=bool(maps),
    )


def refuse_without_response(sol: Any) -> None:
    """Raise unless sol is a Solution that is certified."""
    if not isinstance(sol, Solution):
        raise TypeError(f"sol is {type(sol).__name__}; expected the Solution that jusadel.solve(device, ...) returns")
    if is_traced((sol.converged, sol.stable)):
        return
    bad = ~(np.asarray(sol.converged) & np.asarray(sol.stable))
    if bad.any():
        raise ValueError(
            f"the Solution is not certified at omega = {np.asarray(sol.omega)[bad][0]:.4g}, and has no response; "
            "see what jusadel.solve says with throw=True"
        )


def _refuse_frequencies(omega: np.ndarray, axis: str, eta: Any, T: float) -> None:
    if axis == IMAGINARY:
        m = omega / (2 * np.pi * T)
        bad = np.abs(m - np.round(m)) > BOSONIC * m
        if bad.any():
            near = 2 * np.pi * T * max(1, round(float(m[bad][0])))
            raise ValueError(
                f"omega = {omega[bad][0]:.6g} on the imaginary axis; expected 2 pi T m, the nearest being {near:.6g}"
            )
        return
    if not is_number(eta) or not 0 < float(eta) <= RESOLVED * omega.min():
        raise ValueError(
            f"eta = {eta!r} does not resolve omega = {omega.min():.4g}; expected a number > 0 well below it (at most "
            f"{RESOLVED:g} of it)"
        )


def _frequencies(sol: Solution, omega: float, accuracy: float, given: Any) -> tuple[np.ndarray, np.ndarray]:
    """Those given, or those of the Solution, or more where the response feels higher ones."""
    if given is not None:
        return matsubara.given_sum(sol.T, given)
    if omega == 0:
        return np.asarray(sol.omega), np.asarray(sol.weights)
    highest = largest_energy(sol.device, sol.vertex_Delta) + omega
    count = matsubara.enough_frequencies(sol.T, highest, accuracy)
    if count <= len(sol.omega):
        return np.asarray(sol.omega), np.asarray(sol.weights)
    return matsubara.quadrature(sol.T, count)
