"""A Spectrum as a function of what JAX traces: the rule of Matsubara frequencies at omega = eta - i E."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.action.mesh_action import DiscreteAction
from jusadel.action.nambu.frames import frame_to_green
from jusadel.common.differentiability import on_device
from jusadel.solver.derivatives.callback import UNKNOWN, Host, called
from jusadel.solver.derivatives.implicit_function import Equations, attached
from jusadel.solver.derivatives.under_grad import function_of
from jusadel.solver.linear import LinearSolver
from jusadel.solver.problem import Problem
from jusadel.solver.real_energies import accepted, solve_energies
from jusadel.solver.reservoirs import HeldNodes, held_frames, held_nodes, with_held
from jusadel.solver.states.solution import Solution

Array = jax.Array


def differentiated_green(sol: Solution, energies: Any, eta: Any, problem: Problem, V: np.ndarray) -> Array:
    """G (n_E, N, 4, 4) at the energies, of the Solution, the energies and eta that JAX traces.

    Args:
        sol: with traced numbers.
        energies: (n_E,), of either sign, and eta; traced or not.
        problem: of the absolute values of the energies, all numbers.
        V: its solution, (n_E, N, 4, 4).
    """
    negative = np.asarray(jax.lax.stop_gradient(energies)) < 0
    omega = eta - 1j * jnp.where(negative, -1.0, 1.0) * energies
    held = on_device(held_frames(sol.device, sol.system, omega))
    (found,) = function_of(Equations(system=sol.system, omega=omega, held=held), problem, V)
    return with_sign(negative, _greens(sol.system.layout.seam.turned(found)))


@jax.jit
@jax.checkpoint
def _greens(V: Array) -> Array:
    """G (n_E, N, 4, 4) of frames, one energy after the other: what a gradient needs of all at once would be large."""
    return jax.lax.map(frame_to_green, V)


def with_sign(negative: np.ndarray, G: Any) -> Any:
    """G (n_E, ...) of |E| at energies E: the conjugate where they are negative."""
    xp: Any = jnp if isinstance(G, jax.Array) else np
    return xp.where(negative.reshape(-1, 1, 1, 1), G.conj(), G)


def problem_of(found: Problem, rows: np.ndarray) -> Problem:
    """The problem of these of its frequencies, which may repeat."""
    return replace(found, omega=found.omega[rows], weights=found.weights[rows])


# --- inside programs ---------------------------------------------------------------------------------


class InProgram(NamedTuple):
    """What is found inside `jax.jit` and `jax.vmap`."""

    G: Array  # (n_E, N, 4, 4)
    residual: Array
    converged: Array
    margin: Array


def green_in_program(sol: Solution, energies: Array, eta: Any, solver: LinearSolver, tol: float) -> InProgram:
    """G at energies (n_E,) of a Solution whose numbers have no values; NaN where nothing was found."""
    sign = jnp.where(energies < 0, -1.0, 1.0)
    omega = eta - 1j * sign * energies
    system, seam = sol.system, sol.system.layout.seam
    eq = Equations(system=system, omega=omega, held=on_device(held_frames(sol.device, system, omega)))
    electrodes = held_nodes(sol.device, system.layout)
    numbers = jax.lax.stop_gradient((eq, jnp.ones(len(energies)), jnp.asarray(sol.T), (jnp.zeros(0), jnp.zeros(0))))
    host, b, N = SpectralHost(None, solver, tol, 0.0), len(energies), len(system.free)
    like = (jnp.zeros((b, N, 4, 4), complex), jnp.zeros(b), jnp.zeros(b, bool), jnp.zeros(b))
    V, *quality = called(host.solve_energies, like, numbers, jax.lax.stop_gradient(electrodes))
    (found,) = attached(eq, (V,), host.linear, (UNKNOWN, numbers, V, jnp.zeros((0, 2))))
    G = _greens(seam.turned(found))
    return InProgram(jnp.where((energies < 0)[:, None, None, None], G.conj(), G), *quality)


class SpectralHost(Host):
    """The solver at real energies, called with numpy's arrays."""

    def solve_energies(self, numbers: Any, electrodes: list[HeldNodes]) -> Any:
        """V (n_E, N, 4, 4), residual, converged and margin; V is NaN where it is not certified."""
        eq, weights, T, _ = numbers
        order = np.argsort(-np.asarray(eq.omega).imag)
        problem = problem_of(self._problem(eq, weights, T, check=False), order)
        found = solve_energies(
            problem.prepared,
            -problem.omega.imag,
            float(problem.omega.real[0]),
            problem.solver,
            lambda V, omega: with_held(electrodes, V, omega),
            nodes=len(eq.system.free),
            highest=_highest_energy(eq.system, electrodes),
            tol=self.tol,
        )[np.argsort(order)]
        V = np.where(accepted(found)[:, None, None, None], found.V, np.nan)
        return V, found.residual, found.converged, found.margin


def _highest_energy(system: DiscreteAction, electrodes: list[HeldNodes]) -> float:
    """At least the largest energy of the problem, from its numbers alone."""
    weight = np.asarray(system.nodes.weight)
    sizes = [np.abs(x.reshape(len(weight), -1)).sum(axis=1) for x in map(np.asarray, system.nodes.fields.values())]
    inside = max([float((x / np.where(weight > 0, weight, np.inf)).max()) for x in sizes], default=0.0)
    numbers = [np.abs(np.asarray(x)).sum() for held in electrodes for x in (held.Delta, *held.fields.values())]
    return max([inside, *map(float, numbers)])
