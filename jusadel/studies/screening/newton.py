"""Newton's method for the pair potential and the vector potential together, and what kind of state it found."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from jusadel.common.errors import SolveError, UnstableStateWarning
from jusadel.common.progress import Event
from jusadel.solver import gap
from jusadel.studies.screening.model import ScreeningModel, State, largest_turn, state_at
from jusadel.studies.screening.response import FieldResponse
from jusadel.studies.screening.stability import least_curvature, smallest_curvature

MAX_STEPS = 40
CAP = 1.0
"""Of the change in a step of twice the line integrals along the edges of a triangle, which are phases."""
NEARLY_NORMAL = 0.05
"""Of max |Delta| over Tc, below which the normal state in the applied field is looked at: if it is stable, it is it."""


def converged(model: ScreeningModel, state: State, tol: float) -> tuple[State, FieldResponse | None, dict[str, Any]]:
    """The state where the gradient is below `tol`, the response of one next to it, and numbers for `sol.stats`."""
    responses, looked_at_normal = 0, model.where is None or model.space.stated is not None
    nearby: FieldResponse | None = None
    for step in range(MAX_STEPS + 1):
        _report(state, step)
        if not looked_at_normal and _largest(model, state) < NEARLY_NORMAL:
            looked_at_normal, normal = True, _normal(model, state, tol)
            state, nearby = (state, nearby) if normal is None else (normal, None)
        if state.error < tol:
            break
        if step == MAX_STEPS:
            raise SolveError(
                f"gap equation and field did not converge in {MAX_STEPS} steps: residual {state.error:.1e}, wanted "
                f"{tol:.0e} (gap_tol; gap_tol={1.1 * state.error:.1e} accepts what was found); start from a nearby "
                "solution (start=...), or refine the mesh"
            )
        response = FieldResponse(model, state)
        change = response.solve(-state.gradient, state.metric, min(model.forcing, max(gap.RESPONSE, state.error)))
        responses += response.count
        before, state = state, _improved(model, state, change)
        nearby = response if _distance(model, before, state) < -least_curvature(model, state.problem.T) else None
    return state, nearby, {"screening_residual": state.error, "screening_steps": step, "screening_responses": responses}


def _report(state: State, step: int) -> None:
    if state.problem.progress:
        of_gap, of_field, of_links = state.errors
        detail = f"residuals {of_gap:.1e} (gap), {of_field:.1e} (field), {of_links:.1e} (links)"
        state.problem.progress(Event("screening", step, detail=detail))


def _largest(model: ScreeningModel, state: State) -> float:
    """max |Delta| over Tc."""
    return float(np.abs(model.split(state.z)[0]).max() / model.where.Tc.max())  # type: ignore[union-attr]


def _normal(model: ScreeningModel, state: State, tol: float) -> State | None:
    """The normal state in the applied field, where it is stable: the phases of a small Delta, which still follow A in
    small steps only, no longer matter."""
    at = lambda z: state_at(model, state.problem, z, lambda omega: np.broadcast_to(np.eye(4), state.newton.V.shape))  # noqa: E731
    Delta, x = model.split(state.z)
    normal = at(model.joined(0 * Delta, model.unscreened(x)))
    for _ in range(MAX_STEPS):
        if normal.error < tol:  # at Delta = 0 nothing couples it to A
            of_gap = gap.PairResponse(normal.problem, model.where, normal.newton.V)  # type: ignore[arg-type]
            return normal if of_gap.smallest(0 * Delta)[0] > 0 else None
        normal = at(normal.z - normal.metric.solve(normal.gradient))
    return None


def _improved(model: ScreeningModel, state: State, change: np.ndarray) -> State:
    again = lambda z: state_at(model, state.problem, z, lambda omega: state.newton.V)  # noqa: E731
    change = change * _fraction(model, state, change)
    for fraction in (1.0, 0.5, 0.25):
        new = again(state.z + fraction * change)
        if new.error < state.error:
            return new
    change = -state.metric.solve(state.gradient)
    return again(state.z + 0.5 * _fraction(model, state, change) * change)


def _distance(model: ScreeningModel, one: State, other: State) -> float:
    """The largest turn of pairs from one state to the other, or change of Delta relative to the largest."""
    (Delta, x), (other_Delta, other_x) = model.split(one.z), model.split(other.z)
    changed = np.abs(other_Delta - Delta).max(initial=0.0) / max(np.abs(Delta).max(initial=0.0), 1e-300)
    return float(max(largest_turn(model, other_x - x), changed))


def _fraction(model: ScreeningModel, state: State, change: np.ndarray) -> float:
    """What is left of a step when neither Delta nor A may change too much."""
    dDelta, dx = model.split(change)
    allowed = [1.0, CAP / max(largest_turn(model, dx), 1e-300)]
    if model.where is not None:
        Delta = model.split(state.z)[0]
        longest = gap.CAP * max(np.abs(Delta).max(), 0.1 * model.where.Tc.max())
        allowed.append(longest / max(np.abs(dDelta).max(), 1e-300))
    return min(allowed)


def classified(model: ScreeningModel, state: State, nearby: FieldResponse | None) -> tuple[State, dict[str, Any]]:
    """The state with its name and smallest eigenvalue; a vanishing pair potential is set to zero.

    `nearby` is the response of a state next to it, if there is one.
    """
    where, name = model.where, "superconducting"
    Delta, x = model.split(state.z)
    if where is not None and np.abs(Delta).max() < gap.SMALLEST * where.Tc.max() and model.space.stated is None:
        normal = np.broadcast_to(np.eye(4), state.newton.V.shape)
        state, name = state_at(model, state.problem, model.joined(0 * Delta, x), lambda omega: normal), "normal"
        nearby = None
    eigenvalue = smallest_curvature(model, state, nearby or FieldResponse(model, state))
    stable = eigenvalue >= least_curvature(model, state.problem.T)
    if not stable:
        _warn_of_saddle(model, eigenvalue)
    found = {"screening_eigenvalue": eigenvalue, "screening_stable": stable}
    if where is None:
        return state, found
    name = name if stable else "unstable"
    return state, found | {"state": name, "gap_residual": state.errors[0], "gap_eigenvalue": eigenvalue}


def _warn_of_saddle(model: ScreeningModel, eigenvalue: float) -> None:
    what = "currents and field" if model.where is None else "pair potential and field"
    warnings.warn(
        f"{what} are stationary but not stable: the energy's second derivative has the eigenvalue {eigenvalue:.3g}; "
        "another start leads to a lower state: a solution nearby (start=...), reached in small steps of field and "
        "phases, or another vector potential of the device, which breaks a symmetry",
        UnstableStateWarning,
        stacklevel=5,
    )
