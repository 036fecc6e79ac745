"""Newton's method at real energies: omega = eta - i E in the same action, with everything complex and symmetric.

Near the edge of a gap the normal state is no safe start. Far above the real axis it is, and on the way down, at
omega = eta' - i E with eta' from the largest energy of the problem to eta, nothing bifurcates. So energies go in
chains, each from the one before; the first of a chain, and any that is not accepted, descends. The certificate is
positivity at every node, as on the imaginary axis.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from jusadel.action.nambu.frames import ROUND_OFF
from jusadel.common.programs.compilation import compilation_told
from jusadel.common.progress import Event, Progress
from jusadel.solver.linear import LinearSolver
from jusadel.solver.newton import newton
from jusadel.solver.states.newton_result import NewtonResult, nothing_yet

Run = Callable[[np.ndarray, np.ndarray], NewtonResult]
"""Newton's method from complex frequencies (b,) and frames (b, n, 4, 4)."""

NORMAL = np.eye(4)
"""The frame of the normal state."""
STRIDE = 30.0
"""Ratio of successive distances from the real axis; its root is taken where a step fails."""
CLOSEST = 1.01
"""Ratio at which a descent is given up."""
TRIES = 5
"""A descent begins up to ten times to this power (less one) above the largest energy of the problem."""


def certified(result: NewtonResult) -> np.ndarray:
    """Positivity at every node up to round-off, (b,)."""
    return result.margin > -ROUND_OFF


def accepted(result: NewtonResult) -> np.ndarray:
    """Converged and certified, (b,)."""
    return result.converged & certified(result)


def solve_energies(
    prepared: Any,
    energies: np.ndarray,
    eta: float,
    solver: LinearSolver,
    boundary: Callable[[np.ndarray, np.ndarray], np.ndarray],
    *,
    nodes: int,
    highest: float,
    tol: float = 1e-9,
    progress: Progress | None = None,
) -> NewtonResult:
    """The retarded function at energies (b,) + i eta.

    Args:
        prepared: what the linear solver has prepared for the discrete action.
        energies: ascending, not negative.
        eta: distance from the real axis, > 0.
        solver: the linear solver.
        boundary: writes the reservoirs' frames of frequencies (b,) into frames (b, n, 4, 4).
        nodes: how many stand in frames, n.
        highest: the largest energy of the problem.
        tol: relative residual.
        progress: called with each Event.

    Returns:
        Steps are those of all attempts; `ladder` is the number of stations of a descent, 0 where there was none.
    """
    run = lambda w, V: newton(prepared.lifted, w, boundary(V, w), solver, prepared=prepared, tol=tol)  # noqa: E731
    total = nothing_yet(np.zeros((len(energies), nodes, 4, 4), complex))
    chains = np.array_split(np.arange(len(energies)), min(prepared.width, len(energies)))
    for k in range(len(chains[0])):
        at = np.array([chain[k] for chain in chains if k < len(chain)])
        with compilation_told(progress):
            if k:
                _put(total, at, run(eta - 1j * energies[at], total.V[at - 1]))
            left = at[~accepted(total)[at]]
            if len(left):
                _put(total, left, _descend(run, energies[left], eta, highest, total.V[left]))
        if progress:
            progress(Event("energies", int(np.isfinite(total.residual).sum()), len(energies)))
    return total


def _put(total: NewtonResult, at: np.ndarray, found: NewtonResult) -> None:
    for name in ("V", "residual", "converged", "margin", "ladder"):
        getattr(total, name)[at] = getattr(found, name)
    for name in ("steps", "iterations"):
        getattr(total, name)[at] += getattr(found, name)


def _descend(run: Run, energies: np.ndarray, eta: float, highest: float, V: np.ndarray) -> NewtonResult:
    """From the normal state far above the real axis down to eta, for energies (b,); of V only the shape counts."""
    V = np.broadcast_to(NORMAL.astype(complex), V.shape)
    height, total = _first_station(run, energies, np.maximum(np.maximum(highest, energies), eta), V)
    ratio, stations = np.full(len(energies), STRIDE), np.ones(len(energies), int)
    moving = accepted(total) & (height > eta)
    while moving.any():
        at = np.flatnonzero(moving)
        target = np.maximum(height[at] / ratio[at], eta)
        trial = run(target - 1j * energies[at], total.V[at])
        good = accepted(trial)
        ratio[at] = np.where(good, np.minimum(ratio[at] ** 1.5, STRIDE), np.sqrt(ratio[at]))
        stations[at] += 1
        stuck = ~good & (ratio[at] < CLOSEST)
        _put(total, at[good | stuck], trial[good | stuck])
        total.steps[at[~good & ~stuck]] += trial.steps[~good & ~stuck]
        height[at[good]] = target[good]
        moving[at] = ~stuck & (height[at] > eta)
    total.ladder[:] = stations
    return total


def _first_station(
    run: Run, energies: np.ndarray, height: np.ndarray, V: np.ndarray
) -> tuple[np.ndarray, NewtonResult]:
    """Distances from the real axis (b,) at which the normal state is a safe start, and what it leads to."""
    total = nothing_yet(np.array(V))
    for k in range(TRIES):
        at = np.flatnonzero(~accepted(total))
        if not at.size:
            break
        height[at] *= 10 if k else 1
        _put(total, at, run(height[at] - 1j * energies[at], V[at]))
    return height, total
