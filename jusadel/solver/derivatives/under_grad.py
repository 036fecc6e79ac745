"""A solution as a function of what JAX traces: its numbers are known, their derivatives come when they are used."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.action.assembly import discretise
from jusadel.action.mesh_action import nodal_mean
from jusadel.action.nambu.frames import frame_to_green
from jusadel.common.arguments import real
from jusadel.common.differentiability import on_device
from jusadel.device.device import Device
from jusadel.device.pair_potential import as_pairs, from_pairs
from jusadel.solver.derivatives.callback import Host, keep
from jusadel.solver.derivatives.implicit_function import Equations, GapTerms, Unknowns, attached
from jusadel.solver.derivatives.linear_response import LinearProblem
from jusadel.solver.gap.sites import Sites, site_fields
from jusadel.solver.problem import Problem
from jusadel.solver.reservoirs import held_frames
from jusadel.solver.states.solution import Solution

Array = jax.Array


class Stated(NamedTuple):
    """What is to be solved, with whatever JAX traces in it."""

    device: Device
    T: Any
    Delta: Any  # (m, 3) at the triangles' vertices; None where the gap equation determines it
    frequencies: Any

    def sums(self, omega: np.ndarray, weights: np.ndarray, T: float) -> tuple[Any, Any]:
        """Frequencies and weights; those that were not given move with the temperature, from omega at T."""
        if isinstance(self.frequencies, tuple | list):
            return real("omega", self.frequencies[0]), real("weights", self.frequencies[1])
        return omega / T * self.T, weights


class FoundState(NamedTuple):
    """The numbers of a solution."""

    problem: Problem
    V: Any  # (b, N, 4, 4)
    Delta: Any  # (m, 3) complex at the triangles' vertices
    sites: Sites | None = None
    at_sites: Any = None  # (K,) complex


def equations(stated: Stated, omega: Any, weights: Any, sites: Sites | None) -> Equations:
    """What the solution depends on. The pair potential stays out where it is an unknown."""
    device = stated.device
    Delta = jnp.zeros((len(device.mesh.triangles), 3), complex) if stated.Delta is None else stated.Delta
    system = discretise(device, Delta, ("Delta",) if sites is not None else ())
    gap = None if sites is None else gap_terms(stated, sites, omega, weights)
    return Equations(system=system, omega=on_device(omega), held=on_device(held_frames(device, system, omega)), gap=gap)


def gap_terms(stated: Stated, sites: Sites, omega: Any, weights: Any) -> GapTerms:
    """What the gap equation adds to the equations."""
    weight, Tc = site_fields(stated.device, sites)
    a = jnp.log(stated.T / Tc) + 2 * jnp.pi * stated.T * jnp.sum(jnp.asarray(weights) / jnp.asarray(omega))
    scale = jnp.pi * stated.T * jnp.asarray(weights)
    return GapTerms(nodes=jnp.asarray(sites.nodes), weight=weight, a=a, scale=scale)


def differentiated(stated: Stated, found: FoundState, sol: Solution) -> Solution:
    """The solution that was found, as a function of what JAX traces."""
    omega, weights = stated.sums(sol.omega, sol.weights, sol.T)
    eq = equations(stated, omega, weights, found.sites)
    unknowns = function_of(eq, found.problem, found.V, found.sites, found.at_sites)
    return placed(stated, eq, unknowns, replace(sol, omega=omega, weights=weights), found.sites)


def function_of(eq: Equations, problem: Problem, V: Any, sites: Sites | None = None, at_sites: Any = None) -> Unknowns:
    """A solution, the frames V (b, N, 4, 4) and the pair potential at the sites (K,) if any, as a function of `eq`."""
    known = keep(LinearProblem(problem, V, sites, at_sites))
    Delta = np.zeros((0, 2)) if sites is None else as_pairs(at_sites)
    at = (np.zeros(0), np.zeros(0)) if sites is None else (sites.Tc, np.asarray(sites.phase))
    numbers = (jax.lax.stop_gradient(eq), np.asarray(problem.weights), np.asarray(problem.T), at)
    host = Host(sites, problem.solver, problem.tol, 0.0)
    unknowns: Any = (V,) if sites is None else (V, Delta)
    return attached(eq, unknowns, host.linear, (known, numbers, V, Delta))


def placed(stated: Stated, eq: Equations, unknowns: Unknowns, sol: Solution, sites: Sites | None) -> Solution:
    """A Solution with the frames V and, where it is an unknown, the pair potential (K, 2) at the sites."""
    device, vertex, system, seam = stated.device, stated.Delta, eq.system, eq.system.layout.seam
    if sites is not None:
        Delta = unknowns[1]
        turn = jnp.exp(1j * seam.phase[device.mesh.triangles])
        vertex = jnp.append(from_pairs(Delta), 0)[sites.at] * turn
        system = eq.at(Delta)
    return replace(
        sol,
        device=device,
        T=stated.T,
        all_G=frame_to_green(seam.turned(unknowns[0])),
        Delta=nodal_mean(device.mesh, vertex),
        vertex_Delta=vertex,
        system=system,
    )
