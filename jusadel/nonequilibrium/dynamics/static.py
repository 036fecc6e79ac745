"""The static response, d2F/da2 with G, and a self-consistent pair potential, following: it is differentiable.

The derivative of F with respect to a drive's amplitude a is a function of the solution, whose derivative along a the
implicit function theorem gives; both are functions of whatever JAX traces in the solution.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.action.mesh_action import Cells, DiscreteAction, cell_action
from jusadel.action.nambu import R
from jusadel.action.nambu.frames import frame_to_green, green_to_frame
from jusadel.action.terms import TERMS
from jusadel.common.differentiability import on_device
from jusadel.nonequilibrium.dynamics.two_frequencies.linearised import EXCHANGE, PAIRS, Drive
from jusadel.solver.derivatives.implicit_function import Equations, GapTerms
from jusadel.solver.derivatives.tracing import still
from jusadel.solver.derivatives.under_grad import function_of
from jusadel.solver.gap.sites import Sites, site_fields, weighted_sites
from jusadel.solver.linear import LinearSolver
from jusadel.solver.problem import Problem
from jusadel.solver.reservoirs import held_frames
from jusadel.solver.spectra import at_frequencies
from jusadel.solver.states.solution import Solution

Array = jax.Array


def static_response(sol: Solution, drives: tuple[Drive, ...], gap: bool, solver: LinearSolver, tol: float) -> Array:
    """d2F/da_0 da_k of the drives, the last of which is the first but for a device with more electrodes, a number.

    The change of dF/da of the last drive with the amplitude of the first one.
    """
    plain = still(sol)
    problem = _posed(plain, solver, tol)
    sites = weighted_sites(plain) if gap else None
    at_sites = None if sites is None else sites.from_vertices(plain.vertex_Delta)
    V = np.asarray(green_to_frame(np.asarray(plain.all_G)))
    first, last = drives[0], drives[-1]
    held = on_device(held_frames(sol.device, sol.system, jnp.asarray(sol.omega)))

    pairing = np.zeros((len(plain.system.free), 2)) if last.pairing is None else last.pairing

    def force(a: Array) -> Array:
        system = _driven(sol.system, first, a)
        terms = None if sites is None else _gap_terms(sol, sites)
        eq = Equations(system=system, omega=jnp.asarray(sol.omega), held=held, gap=terms)
        found = function_of(eq, problem, V, sites, at_sites)
        at = system if sites is None else eq.at(found[1])
        weights = jnp.pi * sol.T * jnp.asarray(sol.weights)
        return _force(at, frame_to_green(found[0]), weights, (last.turns, last.exchange, pairing))

    slope = jax.jvp(force, (jnp.zeros(()),), (jnp.ones(()),))[1]
    weight = jnp.asarray(sol.system.nodes.weight)
    return slope - 2 * jnp.sum(weight[:, None] * first.exchange * last.exchange)


def _posed(plain: Solution, solver: LinearSolver, tol: float) -> Problem:
    problem = at_frequencies(plain, plain.omega, solver, tol, None)
    return replace(problem, weights=plain.weights)


def _gap_terms(sol: Solution, sites: Sites) -> GapTerms:
    weight, Tc = site_fields(sol.device, sites)
    weights = jnp.asarray(sol.weights)
    a = jnp.log(sol.T / Tc) + 2 * jnp.pi * sol.T * jnp.sum(weights / jnp.asarray(sol.omega))
    scale = jnp.pi * sol.T * weights
    return GapTerms(nodes=jnp.asarray(sites.nodes), weight=jnp.asarray(weight), a=a, scale=scale)


def _driven(system: DiscreteAction, drive: Drive, a: Any) -> DiscreteAction:
    """The action with a drive of amplitude a: the line integrals of A, and h times the weights."""
    cells, nodes = system.cells, system.nodes
    if drive.turns.any():
        along = np.roll(drive.turns, -1, axis=1) - drive.turns
        cells = replace(cells, line_A=jnp.asarray(cells.line_A) + a * along)
        return replace(system, cells=cells, links=True)
    h = jnp.asarray(nodes.fields["h"]) + a * jnp.asarray(nodes.weight)[:, None] * drive.exchange
    terms = tuple(t for t in TERMS if t in system.node_terms or t.field == "h")  # left out where h = 0
    return replace(system, nodes=replace(nodes, fields=nodes.fields | {"h": h}), node_terms=terms)


@jax.jit
def _force(system: DiscreteAction, G: Array, weights: Array, drive: Any) -> Array:
    """dF/da at a = 0 of a drive, from G (b, N, 4, 4)."""
    turns, exchange, pairing = drive

    def of_cell(turns: Array, G: Array, cell: Cells) -> Array:
        turned = lambda s: cell_action(system, [_turned(G[i], s * turns[i]) for i in range(3)], cell)  # noqa: E731
        return jax.jvp(turned, (0.0,), (1.0,))[1]

    def of(G: Array) -> Array:
        cells = jnp.sum(jax.vmap(of_cell)(turns, G[system.triangles], system.cells))
        pulled = jnp.einsum("nk,kij,nji->", system.nodes.weight[:, None] * exchange, EXCHANGE, G)
        return cells + pulled + jnp.einsum("nk,kij,nji->", pairing, PAIRS, G)

    total, _ = jax.lax.scan(lambda t, x: (t + x[1] * of(x[0]), None), jnp.zeros(()), (G, weights))
    return total


def _turned(G: Array, s: Any) -> Array:
    """W G W^-1 with W = exp(-s R3), to first order."""
    R3 = jnp.asarray(R[2])
    return G - s * (R3 @ G - G @ R3)
