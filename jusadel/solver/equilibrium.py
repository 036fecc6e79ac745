"""solve(): the Matsubara Green's functions of a device in equilibrium, all frequencies, certified."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import numpy as np

from jusadel.common.differentiability import waits, worked_out
from jusadel.common.errors import UncertifiedDerivativeWarning, UnstableStateWarning
from jusadel.common.programs.compilation import Stopwatch
from jusadel.common.progress import ProgressOption, reporter
from jusadel.common.types import Frequencies, PairPotential
from jusadel.device.device import Device
from jusadel.device.pair_potential import at_vertices, default_pair_potential
from jusadel.solver.checks import refuse_bad_input
from jusadel.solver.derivatives.tracing import is_traced, still
from jusadel.solver.derivatives.under_grad import FoundState, Stated, differentiated
from jusadel.solver.derivatives.under_jit import solved_in_program
from jusadel.solver.gap.equation import solve_gap
from jusadel.solver.gap.sites import refuse_normal_metals, weighted_sites
from jusadel.solver.linear import LinearSolver
from jusadel.solver.problem import Problem, pose, refuse_uncertified
from jusadel.solver.start import first_guess, pair_potential_of, starting_frames
from jusadel.solver.states.newton_result import NewtonResult
from jusadel.solver.states.solution import Solution

Array = jax.Array

SELF_CONSISTENT = "self-consistent"


def solve(
    device: Device,
    T: float,
    pair_potential: PairPotential = None,
    frequencies: Frequencies = None,
    tol: float = 1e-9,
    start: Solution | PairPotential = None,
    linear_solver: LinearSolver | None = None,
    throw: bool = True,
    accuracy: float = 1e-4,
    gap_tol: float = 1e-8,
    progress: ProgressOption = False,
) -> Solution:
    """Solve the nonlinear Usadel equation at given pair potential for all Matsubara frequencies.

    Args:
        device: mesh, materials, boundaries, vector potential.
        T: temperature > 0 [energy].
        pair_potential: `ju.vortex(...)`, a number, an array (n,), a function of points, or a dict by region;
            may be left out where every Tc is 0. "self-consistent" solves the gap equation in every region with Tc > 0;
            where superconductors of different Tc touch, or touch a normal metal, without a barrier, Delta at the border
            drifts with the highest frequency, slowly and for ever, as in `critical_temperature`: compare such devices
            at the same `frequencies`.
        frequencies: None (Gaussian quadrature with as many nodes as `accuracy` needs), the number of
            quadrature nodes, or (omega, weights) such as `matsubara.plain_sum(T, n)`.
        tol: relative norm of the residual, per frequency.
        start: None (the normal state, with the frequency ladder as fallback), a Solution (warm start, same fallback;
            of another mesh with regions of the same names it is interpolated, region by region, and what lies outside
            of it takes the nearest value), "bulk" (local bulk value) or frames given as G (n_w, n, 4, 4):
            the last two are followed wherever they lead, without fallback. With a self-consistent pair potential a
            Solution (pair potential and G), or a guess of the pair potential in any of the forms above; None takes the
            bulk gap with phases between those of the reservoirs.
        linear_solver: default `linear.Krylov()` (multigrid) for large problems and on GPUs, `linear.SuperLU()` for
            small ones; also `linear.Pardiso()` (extra "mkl").
        throw: raise where a frequency is not certified or the gap equation not converged; otherwise look at
            `sol.converged`, `sol.stable`: of an unconverged gap equation, what had the smallest residual, nowhere
            `converged`.
        gap_tol: largest residual of the gap equation, relative to the bulk gap at T = 0.
        accuracy: relative accuracy of the frequency sums when `frequencies` is None.
        progress: True for a bar where tqdm is installed (extra "progress") and stderr is a terminal, else for lines of
            text on the "jusadel" logger and stderr; "bar" or "lines"; or a function of a line.

    Raises:
        SolveError: a frequency did not converge, or converged to an unphysical stationary point (on the way to a
            self-consistent pair potential `throw` does not change that); the gap equation did not converge.
        StabilityError: the normal state is not stable against the material's tensors.
        ValueError: T <= 0, NaN, wrong shapes, missing pair potential; a start of another mesh without regions, or
            without superconductors, of this one.
    """
    if waits(asked := locals()):
        return worked_out(solve, asked)
    refuse_bad_input(device, tol, gap_tol)
    watch = Stopwatch()
    stated, consistent = _stated(device, T, pair_potential, frequencies)
    traced = is_traced(stated)
    plain = still(stated) if traced else stated
    if traced and is_traced(plain):
        guess = _guess_in_program(device, start) if consistent else None
        return solved_in_program(stated, guess, linear_solver, tol, gap_tol)
    first, start = _first_pair_potential(plain, still(start))
    problem = pose(
        plain.device,
        plain.T,
        first,
        frequencies=plain.frequencies,
        accuracy=accuracy,
        tol=tol,
        linear_solver=linear_solver,
        progress=reporter(progress),
        unknown=("Delta",) if consistent else (),
    )
    frames = starting_frames(plain.device, problem.system, start)
    if consistent:
        found, result, stats = _self_consistent(problem, first, frames, gap_tol, throw)
    else:
        result, stats = problem.newton(frames, ladder=start is None or isinstance(start, Solution)), {}
        if throw:
            refuse_uncertified(problem, result, forced=start is not None)
        found = FoundState(problem, result.V, first)
    stats["compile_seconds"] = watch.compiling
    sol = found.problem.solution(result, found.Delta, watch.seconds, **stats)
    if not traced:
        return sol
    _warn_of_uncertified(sol)
    return differentiated(stated, found, sol)


def _warn_of_uncertified(sol: Solution) -> None:
    bad = np.flatnonzero(~(sol.converged & sol.stable))
    if bad.size:
        warnings.warn(
            f"{bad.size} of {len(sol.omega)} frequencies are not certified, first omega = {sol.omega[bad[0]]:.3g}: "
            "derivatives of this solution mean nothing; leave out throw=False to have it refused",
            UncertifiedDerivativeWarning,
            stacklevel=3,
        )


def first_pair_potential(device: Device, T: float, pair_potential: Any, start: Any) -> tuple[bool, Array, Any]:
    """Whether it is to be self-consistent, the pair potential (m, 3) given or to start from, and the start for G."""
    stated, consistent = _stated(device, T, pair_potential, None)
    return consistent, *_first_pair_potential(stated, start)


def _stated(device: Device, T: Any, pair_potential: Any, frequencies: Any) -> tuple[Stated, bool]:
    """What is asked, and whether the pair potential is to be self-consistent."""
    if isinstance(pair_potential, str) and pair_potential == SELF_CONSISTENT:
        return Stated(device, T, None, frequencies), True
    Delta = at_vertices(device, default_pair_potential(still(device), pair_potential))
    return Stated(device, T, Delta, frequencies), False


def _guess_in_program(device: Device, start: Any) -> Array:
    """The pair potential (m, 3) to start from, which must be given where no number has a value."""
    if start is None or isinstance(start, str):
        raise ValueError(
            f"start = {start!r}; inside jax.jit and jax.vmap, where no number has a value, a self-consistent pair "
            "potential needs a guess: a number, an array (n,), a function of points, or a Solution"
        )
    return pair_potential_of(start, device) if isinstance(start, Solution) else at_vertices(device, start)


def _first_pair_potential(stated: Stated, start: Any) -> tuple[Array, Any]:
    """The pair potential (m, 3) given or to start from, and the start for G."""
    if stated.Delta is not None:
        return stated.Delta, start
    refuse_normal_metals(stated.device)
    return first_guess(stated.device, stated.T, start)


def _self_consistent(
    problem: Problem, Delta: Array, frames: Callable[[np.ndarray], np.ndarray], tol: float, throw: bool
) -> tuple[FoundState, NewtonResult, dict[str, Any]]:
    where = weighted_sites(problem)
    found = solve_gap(problem, where, where.from_vertices(Delta), frames, tol, throw)
    if found.state == "unstable":
        warnings.warn(
            f"the pair potential is stationary but not stable: the free energy's second derivative has the eigenvalue "
            f"{found.eigenvalue:.3g}; another start (start=...) leads to a lower state",
            UnstableStateWarning,
            stacklevel=3,
        )
    gap = {
        "gap_residual": found.residual,
        "gap_steps": found.steps,
        "gap_responses": found.responses,
        "gap_eigenvalue": found.eigenvalue,
        "gap_tol": tol,
        "state": found.state,
    }
    vertex = where.on_vertices(found.Delta)
    result = found.newton
    if found.state == "not converged":  # G belongs to Delta, but Delta not to G
        result = replace(result, converged=np.zeros_like(result.converged))
    return FoundState(found.problem, result.V, vertex, where, found.Delta), result, gap
