"""Current-phase relations: the current between two electrodes against their phase difference, and what follows.

The phase enters through the electrodes alone. At a given pair potential all phases and frequencies are therefore
independent equations of one action and go through Newton's method together; a self-consistent pair potential is
followed from phase to phase.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import jax.numpy as jnp
import numpy as np

from jusadel.action.periodic import refuse_apart
from jusadel.common.arguments import real
from jusadel.common.differentiability import NotDifferentiableError, waits, worked_out
from jusadel.common.errors import SolveError
from jusadel.common.progress import ProgressOption, reporter
from jusadel.common.types import ArrayLike, PairPotential
from jusadel.device.device import Device
from jusadel.device.pair_potential import at_vertices, default_pair_potential
from jusadel.device.recurrence import recurring
from jusadel.observables.currents import current_through
from jusadel.observables.thermodynamics import free_energy
from jusadel.solver.checks import refuse_bad_input
from jusadel.solver.derivatives.tracing import is_traced, still
from jusadel.solver.derivatives.under_grad import Stated, equations, function_of, placed
from jusadel.solver.equilibrium import SELF_CONSISTENT, solve
from jusadel.solver.linear import LinearSolver
from jusadel.solver.newton import solve_frequencies
from jusadel.solver.problem import Problem, chosen_frequencies, pose, refuse_uncertified
from jusadel.solver.reservoirs import held_frames, with_reservoirs
from jusadel.solver.states.newton_result import NewtonResult
from jusadel.solver.states.solution import Solution
from jusadel.studies.current_phase.heard import each_once
from jusadel.studies.current_phase.result import CurrentPhaseRelation
from jusadel.studies.current_phase.turning import phase_change, turned
from jusadel.studies.current_phase.turns import half_turn, whole_turn

MEMORY = 2**28
"""Bytes of frames, 128 a node, frequency and phase, that are solved together."""
IN_PROGRAM = "current_phase_relation cannot stand inside jax.jit or jax.vmap; jax.grad and jax.jvp can be used"


def current_phase_relation(
    device: Device,
    phases: ArrayLike,
    T: float,
    across: tuple[str, str] = ("left", "right"),
    pair_potential: PairPotential = None,
    **solve_arguments: Any,
) -> CurrentPhaseRelation:
    """Current from electrode a to b, I = 2 dF/dphi, and free energy F against phi = phase(b) - phase(a).

    F contains the electrodes' phases alone as what drives the current, so that the relation I = 2 dF/dphi holds to
    solver tolerance on any mesh. Where a given pair potential does not solve the gap equation, or where there are more
    than two electrodes, I is the current into b.

    Args:
        device: with the electrodes a and b, each a Reservoir or a Tunnel with Delta > 0. The phase of a stays; b's is
            that of a plus phi. A phase of b that is a function of points (in a magnetic field) stays and has phi added.
        phases: the phase differences (k,). A uniform grid over 2 pi, such as
            `np.linspace(0, 2 * np.pi, 24, endpoint=False)`, gives all results by trigonometric interpolation.
        T: temperature > 0 [energy].
        across: names (a, b) of the electrodes' boundaries.
        pair_potential: as in `solve`; a given one is the same for all phases. With "self-consistent" the solution is
            followed outwards from the phase next to zero, over half a turn each way where `phases` are a uniform
            grid over 2 pi, else as far as they go.
        solve_arguments: of `solve`: frequencies, tol, linear_solver, throw, accuracy, progress; with
            "self-consistent" also gap_tol and start (for the first phase).

    Returns:
        A `CurrentPhaseRelation`: current [nu D energy], where a strip of length L and width W has
        1/R_N = 2 nu D W/L; energy [nu energy^2 length^2].

    Raises:
        ValueError: names that are not two joined electrodes with Delta > 0, phases that are not (k,) finite numbers.
        SolveError: as in `solve`; a note says at which phase.
    """
    if waits(asked := locals()):
        return worked_out(current_phase_relation, asked | asked.pop("solve_arguments"))
    path = _checked_phases(phases)
    if is_traced(still(device)):
        raise NotDifferentiableError(IN_PROGRAM)
    junction = _Junction.of(device, across)
    consistent = isinstance(pair_potential, str) and pair_potential == SELF_CONSISTENT
    heard: list[warnings.WarningMessage] = []
    try:
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            if consistent:
                with recurring(len(path)):
                    return _followed(junction, path, T, solve_arguments)
            return _together(junction, path, T, pair_potential, **solve_arguments)
    finally:
        for text, kind in each_once(heard):
            warnings.warn(text, kind, stacklevel=2)


@dataclass(frozen=True)
class _Junction:
    """A device, and the names of the boundaries that belong to the electrode whose phase varies."""

    device: Device
    across: tuple[str, str]
    names: tuple[str, ...]

    @classmethod
    def of(cls, device: Device, across: Any) -> _Junction:
        electrodes = still(device).electrodes()
        good = [name for name, r in electrodes.items() if float(r.Delta) > 0]
        pair = tuple(across) if isinstance(across, tuple | list) else (across,)
        wanted = f"expected two different ones of the electrodes with Delta > 0, which are {good}"
        if len(pair) != 2 or not all(name in good for name in pair):
            raise ValueError(f"across = {across!r}; {wanted} (a boundary with a Reservoir, or with a Tunnel to one)")
        first, second = (device.boundaries[name] for name in pair)
        if first is second:
            raise ValueError(f"across = {across!r} is one electrode; {wanted}")
        refuse_apart(still(device), pair)
        return cls(device, pair, tuple(name for name, b in device.boundaries.items() if b is second))

    def at(self, phi: float) -> Device:
        """The device with this phase difference."""
        electrodes = self.device.electrodes()
        first, old = (electrodes[name] for name in self.across)
        reservoir = replace(old, phase=_sum(old.phase if callable(old.phase) else first.phase, phi))
        new = self.device.boundaries[self.across[1]].with_electrode(reservoir)
        return replace(self.device, boundaries={**self.device.boundaries, **dict.fromkeys(self.names, new)})

    def still(self) -> _Junction:
        """The same without derivatives."""
        return replace(self, device=still(self.device))

    def measured(self, sol: Solution) -> tuple[Any, Any]:
        """The current into the electrode, and the free energy."""
        return sum(current_through(sol, name) for name in self.names), free_energy(sol)


def _relation(junction: _Junction, phases: Any, measured: Any) -> CurrentPhaseRelation:
    current, energy = (jnp if is_traced(measured) else np).asarray(measured).T
    return CurrentPhaseRelation(phases, current, energy, junction.device.units)


def _sum(phase: Any, phi: float) -> Any:
    return (lambda points: phase(points) + phi) if callable(phase) else phase + phi


def _checked_phases(phases: Any) -> Any:
    values = real("phases", phases)
    if is_traced(known := still(values)):
        raise NotDifferentiableError(IN_PROGRAM)
    if values.ndim != 1 or not len(values) or not np.isfinite(known).all():
        raise ValueError(f"phases have shape {values.shape}; expected (k,) finite phase differences in radians")
    return values if is_traced(values) else np.asarray(values)


# --- all phases together --------------------------------------------------------------------------


def _together(
    junction: _Junction,
    phases: np.ndarray,
    T: float,
    pair_potential: Any,
    *,
    frequencies: Any = None,
    tol: float = 1e-9,
    linear_solver: LinearSolver | None = None,
    throw: bool = True,
    accuracy: float = 1e-4,
    progress: ProgressOption = False,
) -> CurrentPhaseRelation:
    device = junction.device
    refuse_bad_input(device, tol)
    stated = Stated(device, T, at_vertices(device, default_pair_potential(still(device), pair_potential)), frequencies)
    traced = is_traced((stated, phases))
    plain, values = still(stated), np.asarray(still(phases))
    omega, weights = chosen_frequencies(plain.device, plain.T, plain.Delta, plain.frequencies, accuracy)
    a_phase = 128 * len(omega) * len(device.mesh.points)
    blocks = np.array_split(np.arange(len(values)), -(-len(values) * a_phase // MEMORY))
    problem = pose(
        plain.device,
        plain.T,
        plain.Delta,
        frequencies=(np.tile(omega, len(blocks[0])), np.tile(weights, len(blocks[0]))),
        accuracy=accuracy,
        tol=tol,
        linear_solver=linear_solver,
        progress=reporter(progress),
    )
    problem, measured = replace(problem, omega=omega, weights=weights), []
    for block in blocks:
        found = list(_solved(junction.still(), values[block], problem))
        if throw:
            for phi, one, result in found:
                _refuse_uncertified(one, result, phi)
        solutions = [one.solution(result, plain.Delta, 0.0) for _, one, result in found]
        if traced:
            V = np.concatenate([result.V for _, _, result in found])
            solutions = _differentiated(junction, stated, phases[block], problem, V, solutions)
        measured += [junction.measured(sol) for sol in solutions]
    return _relation(junction, phases, measured)


def _differentiated(
    junction: _Junction, stated: Stated, phases: Any, problem: Problem, V: np.ndarray, solutions: list[Solution]
) -> list[Solution]:
    """The solutions of several phases, frames V (k b, N, 4, 4), as functions of what JAX traces."""
    b, count = len(problem.omega), len(solutions)
    omega, weights = stated.sums(problem.omega, problem.weights, problem.T)
    each = [stated._replace(device=junction.at(phi)) for phi in phases]
    held = [held_frames(one.device, problem.system, omega) for one in each]
    eq = equations(each[0], omega, weights, None)
    eq = replace(eq, omega=jnp.tile(jnp.asarray(omega), count), held=jnp.concatenate(held))
    together = replace(problem, omega=np.tile(problem.omega, count), weights=np.tile(problem.weights, count))
    (frames,) = function_of(eq, together, V)
    rows = [slice(k * b, (k + 1) * b) for k in range(count)]
    with_sums = [replace(sol, omega=omega, weights=weights) for sol in solutions]
    return [placed(one, eq, (frames[row],), sol, None) for one, row, sol in zip(each, rows, with_sums, strict=True)]


def _solved(junction: _Junction, phases: np.ndarray, problem: Problem) -> Iterator[tuple[float, Problem, NewtonResult]]:
    """Each phase with its problem and what Newton's method found, all of them from the normal state at once.

    The ladder of higher frequencies is that of one phase, so it comes afterwards, for the phases that need it.
    """
    problems = [replace(problem, device=junction.at(phi)) for phi in phases]
    normal = np.broadcast_to(np.eye(4), (len(problem.omega), len(problem.system.free), 4, 4))
    V = np.concatenate([with_reservoirs(one.device, one.system.layout, normal, problem.omega) for one in problems])
    everything = solve_frequencies(
        problem.prepared,
        np.tile(problem.omega, len(phases)),
        lambda omega: V,
        problem.solver,
        boundary=lambda V, omega: V,  # written already: it is not the frequency that tells the phase
        ladder=False,
        tol=problem.tol,
        progress=problem.progress,
    )
    for k, (phi, one) in enumerate(zip(phases, problems, strict=True)):
        result = everything[k * len(one.omega) : (k + 1) * len(one.omega)]
        if not result.accepted.all():
            known = np.where(result.accepted[:, None, None, None], result.V, np.eye(4))
            result = one.newton(lambda omega, known=known: known)  # type: ignore[misc]
        yield float(phi), one, result


def _refuse_uncertified(problem: Problem, result: NewtonResult, phi: float) -> None:
    try:
        refuse_uncertified(problem, result, forced=False)
    except SolveError as error:
        error.add_note(f"at the phase difference {phi:.6g}")
        raise


# --- phase after phase ----------------------------------------------------------------------------


def _followed(junction: _Junction, phases: np.ndarray, T: float, arguments: dict[str, Any]) -> CurrentPhaseRelation:
    path = half_turn(phases) if whole_turn(phases) is not None else phases
    order = np.argsort(path)
    first = int(np.argmin(np.abs(path[order])))
    measured: list[Any] = [None] * len(phases)
    turning = _turning_share(junction.still())
    arguments = dict(arguments)
    given, nearest = arguments.pop("start", None), None
    for steps in (order[first:], order[first::-1]):
        sol, at = nearest, path[order[first]]
        for k in steps:
            if sol is None or k != order[first]:
                start = given if sol is None else turned(sol, (path[k] - at) * turning, sol.mesh.triangles)
                sol, at = _solve(junction, path[k], T, arguments | {"start": start}), path[k]
                arguments["frequencies"] = (sol.omega, sol.weights)  # the same for all phases
                nearest = sol if nearest is None else nearest
            measured[k] = junction.measured(sol)
    return _relation(junction, phases, measured)


def _solve(junction: _Junction, phi: float, T: float, arguments: dict[str, Any]) -> Solution:
    try:
        return solve(junction.at(float(phi)), T, SELF_CONSISTENT, **arguments)
    except SolveError as error:
        error.add_note(f"at the phase difference {phi:.6g}")
        raise


def _turning_share(junction: _Junction) -> np.ndarray:
    """By how much each node's phase follows that of b, (n,): harmonic, 1 there and 0 at the other electrodes."""
    return phase_change(junction.at(0.0), junction.at(1.0))
