"""The equations of a device at a temperature, ready for Newton's method: what all solvers of this room share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np

from jusadel.action import matsubara
from jusadel.action.assembly import discretise
from jusadel.action.homogeneous import field_energies
from jusadel.action.matrices.padding import in_few_sizes, with_spare_frames, with_zeros
from jusadel.action.matrix_free import lift
from jusadel.action.mesh_action import DiscreteAction, nodal_mean, with_pairing
from jusadel.action.nambu.frames import frame_to_green
from jusadel.common.arguments import check_temperature
from jusadel.common.differentiability import on_device
from jusadel.common.errors import SolveError
from jusadel.common.progress import Progress
from jusadel.device.boundary import Reservoir
from jusadel.device.device import Device
from jusadel.device.recurrence import times_to_come
from jusadel.solver.checks import refuse_unstable_tensors
from jusadel.solver.linear import LinearSolver
from jusadel.solver.linear.choice import checked_linear_solver
from jusadel.solver.linear.protocol import LinearResponse
from jusadel.solver.newton import solve_frequencies
from jusadel.solver.reservoirs import refuse_torn_reservoirs, with_reservoirs
from jusadel.solver.resolution import warn_if_coarse
from jusadel.solver.states.newton_result import NewtonResult
from jusadel.solver.states.solution import Solution

Array = jax.Array


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A device at temperature T, discretised, with the linear solver's preparations."""

    device: Any  # None where only a compiled program knows it
    T: float
    omega: np.ndarray  # (b,)
    weights: np.ndarray  # (b,)
    system: DiscreteAction
    solver: LinearSolver
    prepared: Any
    tol: float
    progress: Progress | None = None
    boundary: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None  # instead of the device's reservoirs

    def newton(self, start: Callable[[np.ndarray], np.ndarray], ladder: bool = True) -> NewtonResult:
        """All frequencies from their starting frames, certified or not."""
        return solve_frequencies(
            self.prepared,
            self.omega,
            start,
            self.solver,
            boundary=self.boundary or (lambda V, w: with_reservoirs(self.device, self.system.layout, V, w)),
            ladder=ladder,
            tol=self.tol,
            progress=self.progress,
        )

    def with_pairing(self, Delta: Array) -> Problem:
        """The same with the pair potential times the area at each node, (N, 2) real and imaginary part."""
        system = with_pairing(self.system, Delta)
        lifted = self.prepared.lifted
        filled = on_device(with_zeros(Delta, len(lifted.system.free)))
        lifted = replace(lifted, system=with_pairing(lifted.system, filled))
        return replace(self, system=system, prepared=self.solver.with_nodes(self.prepared, lifted))

    def with_line_A(self, line_A: Array) -> Problem:
        """The same with other line integrals of the vector potential to the cells' corners; links must be there."""
        system = replace(self.system, cells=replace(self.system.cells, line_A=line_A))
        return replace(self, system=system, prepared=self.solver.with_nodes(self.prepared, lift(in_few_sizes(system))))

    def response(self, V: Any, tol: float) -> LinearResponse:
        """H^-1 at the frames V (b, N, 4, 4), a function of right-hand sides (b, N, 8), to the relative error tol."""
        size = len(self.prepared.lifted.system.free)
        respond = self.solver.response(self.prepared, with_spare_frames(np.asarray(V), size), self.omega, tol)
        return lambda rhs: np.asarray(respond(with_zeros(rhs, size, axis=1)))[:, : np.shape(rhs)[1]]

    def solution(self, result: NewtonResult, Delta: Array, seconds: float, **stats: Any) -> Solution:
        """What was found, with the pair potential Delta (m, 3) at the triangles' vertices."""
        return Solution(
            device=self.device,
            T=float(self.T),
            omega=self.omega,
            weights=self.weights,
            all_G=on_device(frame_to_green(self.system.layout.seam.turned(result.V))),
            Delta=nodal_mean(self.device.mesh, Delta),
            vertex_Delta=on_device(Delta),
            converged=result.converged,
            stable=result.stable,
            margin=result.margin,
            system=self.system,
            stats={
                "steps": result.steps,
                "residual": result.residual,
                "inertia": result.inertia,
                "ladder": result.ladder,
                "linear_solver": self.solver.name,
                "iterations": result.iterations,
                "seconds": seconds,
                "tol": self.tol,
            }
            | stats,
        )


def pose(
    device: Device,
    T: float,
    Delta: Array,
    *,
    frequencies: Any,
    accuracy: float,
    tol: float,
    linear_solver: LinearSolver | None,
    progress: Progress | None,
    unknown: tuple[str, ...] = (),
    together: int = 1,
) -> Problem:
    """The problem of a device with the pair potential Delta (m, 3); arguments as in `solve`.

    Args:
        unknown: fields that may change later, so that their terms stay although they are zero now.
        together: how many problems the frequencies are of.

    Raises:
        ValueError: nothing is left to solve, or bad frequencies; StabilityError: unstable tensors.
    """
    omega, weights = chosen_frequencies(device, T, Delta, frequencies, accuracy)
    system = discretise(device, Delta, unknown)
    if not np.asarray(system.free).any():
        raise ValueError(
            f"all {len(system.free)} nodes of the mesh lie on reservoirs, so that nothing is left to solve; "
            "refine the mesh, or leave a boundary to the vacuum"
        )
    refuse_torn_reservoirs(device, system, omega)
    warn_if_coarse(device, Delta, T)
    free, times = int(np.asarray(system.free).sum()), together * times_to_come()
    solver = checked_linear_solver(linear_solver, free, len(omega) // together, times)
    prepared = solver.prepare(lift(in_few_sizes(system)), len(omega))
    refuse_unstable_tensors(system, float(omega.min()), solver, prepared)
    return Problem(
        device=device,
        T=T,
        omega=omega,
        weights=weights,
        system=system,
        solver=solver,
        prepared=prepared,
        tol=tol,
        progress=progress,
    )


def refuse_uncertified(problem: Problem, result: NewtonResult, forced: bool) -> None:
    """Raise for the first frequency that did not converge, or converged to an unphysical stationary point."""
    omega = problem.omega
    for k in np.nonzero(~result.converged)[0]:
        raise SolveError(
            f"Newton stopped after {result.steps[k]} steps at omega = {omega[k]:.3g} (relative residual "
            f"{result.residual[k]:.1e}, tol {problem.tol:.0e}); {int((~result.converged).sum())} of {len(omega)} "
            "frequencies did not converge: start from a nearby solution (start=...), or refine the mesh; where gamma/D "
            "times the mesh size is above one, the tensors are too strong for this mesh"
        )
    for k in np.nonzero(~result.stable)[0]:
        remedy = "leave out start=..., so that the normal state is the start" if forced else "refine the mesh"
        raise SolveError(
            f"omega = {omega[k]:.3g} converged to an unphysical stationary point: the Hermitian part of g tau3 "
            f"has the eigenvalue {result.margin[k]:.3g} (must be > 0 at every node); {remedy}"
        )


def chosen_frequencies(
    device: Device, T: float, Delta: Array, frequencies: Any, accuracy: float
) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies and weights, (n_w,) each, from what the user gave (see `solve`)."""
    check_temperature(T)
    if frequencies is None:
        frequencies = matsubara.enough_frequencies(T, largest_energy(device, Delta), accuracy)
    omega, weights = matsubara.given_sum(T, frequencies)
    return np.asarray(omega), np.asarray(weights)


def largest_energy(device: Device, Delta: Array) -> float:
    """The scale above which G is close to normal: pairing, exchange, and an eighth of the spin relaxation."""
    splitting, relaxation = field_energies(device.vertex_field)
    electrodes = [_energy_of(r) for r in device.electrodes().values()]
    return float(max(np.abs(np.asarray(Delta)).max(), splitting, *electrodes, 0.0) + relaxation)


def _energy_of(electrode: Reservoir) -> float:
    relaxation = sum(np.abs(np.asarray(getattr(electrode, name))).max() for name in ("Gamma", "magnetic_Gamma"))
    rates = electrode.depairing, electrode.inelastic
    energies = [float(np.linalg.norm(np.asarray(x))) for x in (electrode.Delta, electrode.h, *rates)]
    return max(energies) + float(relaxation) / 8
