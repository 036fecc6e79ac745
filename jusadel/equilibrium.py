"""solve(): the Matsubara Green's functions of a device in equilibrium, all frequencies, certified."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.device import Device
from jusadel.gap import refuse_normal_metals, sites, solve_gap
from jusadel.guess import first_guess
from jusadel.linear import LinearSolver
from jusadel.material import is_number
from jusadel.pair_potential import at_vertices
from jusadel.problem import Problem, pose, refuse_uncertified
from jusadel.solution import Solution, SolveError, UnstableStateWarning
from jusadel.solve_input import default_pair_potential, starting_frames

Array = jax.Array
logger = logging.getLogger("jusadel")

SELF_CONSISTENT = "self-consistent"
SMALLEST_TOL = 1e-12
"""Below it round-off decides."""


def solve(
    device: Device,
    T: float,
    pair_potential: Any = None,
    frequencies: Any = None,
    tol: float = 1e-9,
    start: Any = None,
    linear_solver: LinearSolver | None = None,
    throw: bool = True,
    accuracy: float = 1e-4,
    gap_tol: float = 1e-8,
    progress: bool | Callable[[str], None] = False,
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
        start: None (the normal state, with the frequency ladder as fallback), a Solution on the same mesh
            (warm start, same fallback), "bulk" (local bulk value) or frames given as G (n_w, n, 4, 4):
            the last two are followed wherever they lead, without fallback. With a self-consistent pair potential a
            Solution (pair potential and G), or a guess of the pair potential in any of the forms above; None takes the
            bulk gap with phases between those of the reservoirs.
        linear_solver: default `linear.Krylov()` (multigrid) for large problems and on GPUs, `linear.SuperLU()` for
            small ones; also `linear.Pardiso()` (extra "mkl").
        throw: raise where a frequency is not certified; otherwise look at `sol.converged`, `sol.stable`.
        gap_tol: largest residual of the gap equation, relative to the bulk gap at T = 0.
        accuracy: relative accuracy of the frequency sums when `frequencies` is None.
        progress: True for lines of text on the "jusadel" logger and stderr, or a function of a line.

    Raises:
        SolveError: a frequency did not converge, or converged to an unphysical stationary point; the gap equation did
            not converge (`throw` does not change that).
        StabilityError: the normal state is not stable against the material's tensors.
        ValueError: T <= 0, NaN, wrong shapes, missing pair potential.
    """
    refuse_bad_input(device, tol, gap_tol)
    began = time.perf_counter()
    consistent, Delta, start = first_pair_potential(device, T, pair_potential, start)
    problem = pose(
        device,
        T,
        Delta,
        frequencies=frequencies,
        accuracy=accuracy,
        tol=tol,
        linear_solver=linear_solver,
        progress=reporter(progress),
        unknown=("Delta",) if consistent else (),
    )
    frames = starting_frames(device, problem.system, start)
    if consistent:
        return _self_consistent(problem, Delta, frames, gap_tol, began)
    result = problem.newton(frames, ladder=start is None or isinstance(start, Solution))
    if throw:
        refuse_uncertified(problem, result, forced=start is not None)
    return problem.solution(result, Delta, time.perf_counter() - began)


def refuse_bad_input(device: Any, tol: Any, gap_tol: Any = 1e-8) -> None:
    """Raise without double precision, for anything but a Device, and for a tolerance out of range."""
    if not jax.config.read("jax_enable_x64"):
        raise SolveError(
            "double precision is off (jax_enable_x64 is False): unset JUSADEL_NO_X64, or call "
            'jax.config.update("jax_enable_x64", True) before solving'
        )
    if not isinstance(device, Device):
        raise TypeError(f"device is {type(device).__name__}; expected a jusadel.Device (mesh and materials together)")
    if not is_number(tol) or not SMALLEST_TOL <= tol < 1:
        raise ValueError(f"tol = {tol!r}; expected a relative residual between {SMALLEST_TOL:g} and 1")
    if not is_number(gap_tol) or not 0 < gap_tol < 1:
        raise ValueError(f"gap_tol = {gap_tol!r}; expected a residual relative to the bulk gap, between 0 and 1")


def first_pair_potential(device: Device, T: float, pair_potential: Any, start: Any) -> tuple[bool, Array, Any]:
    """Whether it is to be self-consistent, the pair potential (m, 3) given or to start from, and the start for G."""
    if not (isinstance(pair_potential, str) and pair_potential == SELF_CONSISTENT):
        return False, at_vertices(device, default_pair_potential(device, pair_potential)), start
    refuse_normal_metals(device)
    return True, *first_guess(device, T, start)


def _self_consistent(
    problem: Problem, Delta: Array, frames: Callable[[np.ndarray], np.ndarray], tol: float, began: float
) -> Solution:
    where = sites(problem.device, problem.T, problem.omega, problem.weights)
    found = solve_gap(problem, where, where.from_vertices(Delta), frames, tol)
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
        "state": found.state,
    }
    vertex = jnp.asarray(where.on_vertices(found.Delta))
    return found.problem.solution(found.newton, vertex, time.perf_counter() - began, **gap)


def reporter(progress: bool | Callable[[str], None]) -> Callable[[str], None] | None:
    """Where the lines of text go that `progress` asks for."""
    if callable(progress):
        return progress
    if not progress:
        return None
    if not logger.handlers:
        logger.addHandler(logging.StreamHandler())
        logger.setLevel(logging.INFO)
    return logger.info
