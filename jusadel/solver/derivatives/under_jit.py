"""Solving inside `jax.jit` and `jax.vmap`, where the numbers come only when the program runs.

The solver is called back with the numbers of the discrete action. It knows no device there, so that it starts from the
normal state without the ladder, and nothing is raised: frequencies that fail are NaN, and `converged` says so.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.action import matsubara
from jusadel.action.mesh_action import DiscreteAction
from jusadel.action.periodic import seams
from jusadel.common.arguments import is_number, real
from jusadel.device.device import Device
from jusadel.solver.derivatives.callback import UNKNOWN, Host, called
from jusadel.solver.derivatives.implicit_function import attached
from jusadel.solver.derivatives.tracing import is_traced
from jusadel.solver.derivatives.under_grad import Stated, equations, placed
from jusadel.solver.gap.sites import Sites, bare_sites, site_fields
from jusadel.solver.linear import LinearSolver
from jusadel.solver.states.solution import Solution

Array = jax.Array


def solved_in_program(
    stated: Stated, start: Any, linear_solver: LinearSolver | None, tol: float, gap_tol: float
) -> Solution:
    """As `solve`, with traced numbers that have no values.

    Args:
        stated: what is asked.
        start: the pair potential (m, 3) to start from where it is an unknown.
        linear_solver, tol, gap_tol: as in `solve`.

    Raises:
        ValueError: frequencies=None.
    """
    omega, weights = sums_in_program(stated)
    where = None if stated.Delta is not None else _sites(stated)
    eq = equations(stated, omega, weights, where)
    nothing = jnp.zeros(0)
    at_sites = (nothing, nothing) if where is None else (site_fields(stated.device, where)[1], jnp.asarray(where.phase))
    numbers = jax.lax.stop_gradient((eq, jnp.asarray(weights), jnp.asarray(stated.T), at_sites))
    host = Host(where, linear_solver, tol, gap_tol)
    b, N = len(omega), len(eq.system.free)
    like = (jnp.zeros((b, N, 4, 4)), jnp.zeros((len(at_sites[0]), 2)), jnp.zeros(b, bool), jnp.zeros(b), jnp.zeros(b))
    first = nothing if where is None else jax.lax.stop_gradient(jnp.asarray(start))
    V, Delta, *quality = called(host.solve, like, numbers, first)
    found = (V,) if where is None else (V, Delta)

    sol = _bare_solution(stated, omega, weights, quality, host)
    return placed(stated, eq, attached(eq, found, host.linear, (UNKNOWN, numbers, V, Delta)), sol, where)


def sums_in_program(stated: Stated) -> tuple[Any, Any]:
    """Frequencies and weights, whose number must be given."""
    given = stated.frequencies
    if isinstance(given, tuple | list):
        omega, weights = (real(f"frequencies[{k}]", x) for k, x in enumerate(given))
        return omega, weights
    if given is None or not is_number(given, at_least=1) or isinstance(given, jax.core.Tracer):
        raise ValueError(
            f"frequencies = {given!r}; inside jax.jit and jax.vmap, where no number has a value, expected how many "
            "they are or a pair (omega, weights)"
        )
    x, weights = matsubara.quadrature(1.0, int(given))
    return x * stated.T, weights


def _sites(stated: Stated) -> Sites:
    """Those of vertices that may be superconducting: where Tc has no value, it is taken to be above zero."""
    mesh, found = stated.device.mesh, np.zeros(stated.device.mesh.triangles.shape, bool)
    for region, material in stated.device.materials.items():  # type: ignore[union-attr]
        rows = mesh.regions[region]
        Tc = material.at("Tc", mesh.points[mesh.triangles[rows]].reshape(-1, 2))
        found[rows] = True if is_traced(Tc) else np.asarray(Tc).reshape(-1, 3) > 0
    return bare_sites(stated.device, seams(stated.device), found)


# --- solutions that something else found -------------------------------------------------------------


def numbers_of(sol: Solution) -> dict[str, Any]:
    """What a program needs of a Solution."""
    parts = {"G": sol.all_G, "Delta": sol.Delta, "vertex": sol.vertex_Delta}
    return parts | {"converged": sol.converged, "margin": sol.margin}


def like_numbers(device: Device, frequencies: int, nodes: int) -> dict[str, np.ndarray]:
    """Arrays like `numbers_of`, of a device whose discrete action has so many nodes."""
    mesh, b = device.mesh, frequencies
    shapes = {"Delta": (len(mesh.points),), "vertex": mesh.triangles.shape}
    like = {"G": np.zeros((b, nodes, 4, 4)), "converged": np.zeros(b), "margin": np.zeros(b)}
    return like | {name: np.zeros(shape, complex) for name, shape in shapes.items()}


def stated_solution(stated: Stated, sums: tuple[Any, Any], system: DiscreteAction, found: dict[str, Any]) -> Solution:
    """The Solution of these numbers at frequencies and weights; `system` is its discrete action."""
    return Solution(
        device=stated.device,
        T=stated.T,
        omega=sums[0],
        weights=sums[1],
        all_G=found["G"],
        Delta=found["Delta"],
        vertex_Delta=found["vertex"],
        converged=found["converged"] == 1,
        stable=found["margin"] > 0,
        margin=found["margin"],
        stats={},
        system=system,
    )


def _bare_solution(stated: Stated, omega: Any, weights: Any, quality: Any, host: Host) -> Solution:
    converged, margin, residual = quality
    nothing = jnp.zeros(0)
    return Solution(
        device=stated.device,
        T=stated.T,
        omega=omega,
        weights=weights,
        all_G=nothing,
        Delta=nothing,
        converged=converged,
        stable=margin > 0,
        margin=margin,
        stats={"residual": residual, "linear_solver": getattr(host.linear_solver, "name", "chosen by size")},
        vertex_Delta=nothing,
        system=None,  # type: ignore[arg-type]
    )
