"""solve(): the Matsubara Green's functions of a device in equilibrium, all frequencies, certified."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.action import Term
from jusadel.device import Device
from jusadel.discrete import DiscreteAction, discretise, nodal_mean
from jusadel.lifted import lift
from jusadel.linear import LinearSolver, SuperLU
from jusadel.material import is_number
from jusadel.nambu import frame_to_green
from jusadel.newton import NewtonResult, solve_frequencies
from jusadel.pair_potential import at_vertices
from jusadel.solution import Solution, SolveError, StabilityError
from jusadel.solve_input import (
    checked_linear_solver,
    chosen_frequencies,
    default_pair_potential,
    starting_frames,
    warn_if_coarse,
    with_reservoirs,
)

Array = jax.Array
logger = logging.getLogger("jusadel")

SMALLEST_TOL = 1e-12
"""Below it round-off decides."""

INERTIA_LIMIT, EXTRA_FACTOR_LIMIT = 20_000, 2_000
"""Nodes up to which the normal state's inertia is checked before solving: by the direct solver that is used anyway, and
by one that is called for this alone."""


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
    progress: bool | Callable[[str], None] = False,
) -> Solution:
    """Solve the nonlinear Usadel equation at given pair potential for all Matsubara frequencies.

    Args:
        device: mesh, materials, boundaries, vector potential.
        T: temperature > 0 [energy].
        pair_potential: `ju.vortex(...)`, a number, an array (n,), a function of points, or a dict by region;
            may be left out where every Tc is 0.
        frequencies: None (Gaussian quadrature with as many nodes as `accuracy` needs), the number of
            quadrature nodes, or (omega, weights) such as `matsubara.plain_sum(T, n)`.
        tol: relative norm of the residual, per frequency.
        start: None (the normal state, with the frequency ladder as fallback), a Solution on the same mesh
            (warm start, same fallback), "bulk" (local bulk value) or frames given as G (n_w, n, 4, 4):
            the last two are followed wherever they lead, without fallback.
        linear_solver: default `linear.Krylov()` (multigrid) for large problems and on GPUs, `linear.SuperLU()` for
            small ones; also `linear.Pardiso()` (extra "mkl").
        throw: raise where a frequency is not certified; otherwise look at `sol.converged`, `sol.stable`.
        accuracy: relative accuracy of the frequency sums when `frequencies` is None.
        progress: True for lines of text on the "jusadel" logger and stderr, or a function of a line.

    Raises:
        SolveError: a frequency did not converge, or converged to an unphysical stationary point.
        StabilityError: the normal state is not stable against the material's tensors.
        ValueError: T <= 0, NaN, wrong shapes, missing pair potential.
    """
    if not jax.config.read("jax_enable_x64"):
        raise SolveError(
            "double precision is off (jax_enable_x64 is False): unset JUSADEL_NO_X64, or call "
            'jax.config.update("jax_enable_x64", True) before solving'
        )
    if not isinstance(device, Device):
        raise TypeError(f"device is {type(device).__name__}; expected a jusadel.Device (mesh and materials together)")
    if not is_number(tol) or not SMALLEST_TOL <= tol < 1:
        raise ValueError(f"tol = {tol!r}; expected a relative residual between {SMALLEST_TOL:g} and 1")
    began, say = time.perf_counter(), _reporter(progress)
    Delta = at_vertices(device, default_pair_potential(device, pair_potential))
    omega, weights = chosen_frequencies(device, T, Delta, frequencies, accuracy)
    system = discretise(device, Delta)
    if not np.asarray(system.free).any():
        raise ValueError(
            f"all {len(system.free)} nodes of the mesh lie on reservoirs, so that nothing is left to solve; "
            "refine the mesh, or leave a boundary to the vacuum"
        )
    warn_if_coarse(device, Delta, T)
    solver = checked_linear_solver(linear_solver, int(np.asarray(system.free).sum()), len(omega))
    refuse_unstable_tensors(system, float(omega.min()), solver)
    result = solve_frequencies(
        system,
        omega,
        starting_frames(device, system, start),
        solver,
        boundary=lambda V, w: with_reservoirs(device, V, w),
        ladder=start is None or isinstance(start, Solution),
        tol=tol,
        progress=say,
    )
    solution = _solution(device, T, omega, weights, Delta, system, result, solver, time.perf_counter() - began)
    if throw:
        _raise_unless_certified(solution, result, tol, forced=start is not None)
    return solution


def _reporter(progress: bool | Callable[[str], None]) -> Callable[[str], None] | None:
    if callable(progress):
        return progress
    if not progress:
        return None
    if not logger.handlers:
        logger.addHandler(logging.StreamHandler())
        logger.setLevel(logging.INFO)
    return logger.info


# --- what comes out ------------------------------------------------------------------------------


def _solution(
    device: Device,
    T: float,
    omega: np.ndarray,
    weights: np.ndarray,
    Delta: Array,
    system: DiscreteAction,
    result: NewtonResult,
    solver: LinearSolver,
    seconds: float,
) -> Solution:
    return Solution(
        device=device,
        T=float(T),
        omega=omega,
        weights=weights,
        G=frame_to_green(jnp.asarray(result.V)),
        Delta=nodal_mean(device.mesh, Delta),
        vertex_Delta=Delta,
        converged=result.converged,
        stable=result.stable,
        margin=result.margin,
        system=system,
        stats={
            "steps": result.steps,
            "residual": result.residual,
            "inertia": result.inertia,
            "ladder": result.ladder,
            "linear_solver": solver.name,
            "iterations": result.iterations,
            "seconds": seconds,
        },
    )


def _raise_unless_certified(sol: Solution, result: NewtonResult, tol: float, forced: bool) -> None:
    for k in np.nonzero(~sol.converged)[0]:
        raise SolveError(
            f"Newton stopped after {result.steps[k]} steps at omega = {sol.omega[k]:.3g} (relative residual "
            f"{result.residual[k]:.1e}, tol {tol:.0e}); {int((~sol.converged).sum())} of {len(sol.omega)} frequencies "
            "did not converge: start from a nearby solution (start=...), or refine the mesh; where gamma/D times the "
            "mesh size is above one, the tensors are too strong for this mesh"
        )
    for k in np.nonzero(~sol.stable)[0]:
        remedy = "leave out start=..., so that the normal state is the start" if forced else "refine the mesh"
        raise SolveError(
            f"omega = {sol.omega[k]:.3g} converged to an unphysical stationary point: the Hermitian part of g tau3 "
            f"has the eigenvalue {sol.margin[k]:.3g} (must be > 0 at every node); {remedy}"
        )


def refuse_unstable_tensors(system: DiscreteAction, omega: float, solver: LinearSolver) -> None:
    """Refuse tensors for which the normal state is unstable: its Hessian must have inertia (2N, 6N).

    Diffusion, relaxation and the SU(2) field alone cannot break this (their values were checked point by
    point), so meshes without gamma, theta and kappa skip it, and so do meshes too large for one factor.
    """
    optional = [t for t in system.cell_terms if t.field != "D"]
    free = int(np.asarray(system.free).sum())
    solver, limit = (solver, INERTIA_LIMIT) if isinstance(solver, SuperLU) else (SuperLU(), EXTRA_FACTOR_LIMIT)
    if not optional or not 0 < free <= limit or normal_state_is_stable(system, omega, solver, free):
        return
    guilty = [t.field for t in optional if normal_state_is_stable(_without(system, t), omega, solver, free)]
    names = " or ".join(guilty) if guilty else " together with ".join(t.field for t in optional)
    raise StabilityError(
        f"the normal state is unstable at omega = {omega:.3g}: {names} too large (the Hessian there must have "
        f"2 positive and 6 negative eigenvalues a node); reduce {names}, or check its units and its jumps"
    )


def _without(system: DiscreteAction, term: Term) -> DiscreteAction:
    return replace(system, cell_terms=tuple(t for t in system.cell_terms if t is not term))


def normal_state_is_stable(system: DiscreteAction, omega: float, solver: LinearSolver, free: int) -> bool:
    """Whether the Hessian at G = R3 has 2 positive and 6 negative eigenvalues for each of `free` nodes."""
    normal = np.broadcast_to(np.eye(4), (1, len(system.free), 4, 4))
    prepared = solver.prepare(lift(system), 1)
    inertia = solver.directions(prepared, normal, np.array([omega]), np.ones(1, bool), np.zeros((1, 1)), [{}]).inertia
    return inertia is None or tuple(inertia[0]) == (2 * free, 6 * free)
