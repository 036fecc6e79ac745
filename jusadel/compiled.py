"""Solving inside `jax.jit` and `jax.vmap`, where the numbers come only when the program runs.

The solver is called back with the numbers of the discrete action. It knows no device there, so that it starts from the
normal state without the ladder, and nothing is raised: frequencies that fail are NaN, and `converged` says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jusadel import matsubara
from jusadel.differentiated import Stated, equations, placed
from jusadel.gap import Sites, layout, site_fields, solve_gap
from jusadel.implicit import Equations, attached, called
from jusadel.lifted import lift
from jusadel.linear import LinearSolver, chosen
from jusadel.linear_response import LinearProblem
from jusadel.material import is_number, real
from jusadel.problem import Problem
from jusadel.solution import Solution, SolveError, StabilityError
from jusadel.stability import refuse_unstable_tensors
from jusadel.traced import is_traced

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
    omega, weights = _sums(stated)
    where = None if stated.Delta is not None else layout(stated.device, _superconducting(stated))
    eq = equations(stated, omega, weights, where)
    Tc = jnp.zeros(0) if where is None else site_fields(stated.device, where)[1]
    numbers = jax.lax.stop_gradient((eq, jnp.asarray(weights), jnp.asarray(stated.T), Tc))
    host = _Host(where, linear_solver, tol, gap_tol)
    b, N = len(omega), len(eq.system.free)
    like = (jnp.zeros((b, N, 4, 4)), jnp.zeros((len(Tc), 2)), jnp.zeros(b, bool), jnp.zeros(b), jnp.zeros(b))
    first = jnp.zeros(0) if where is None else jax.lax.stop_gradient(jnp.asarray(start))
    V, Delta, *quality = called(_over_batches(host.solve, (numbers, first)), like, numbers, first)
    found = (V,) if where is None else (V, Delta)

    def solve(r: Any, numbers: Any, V: Any, Delta: Any) -> Any:
        return called(_over_batches(host.respond, (numbers, V, Delta, r)), r, numbers, V, Delta, r)

    sol = _bare_solution(stated, omega, weights, quality, host)
    return placed(stated, eq, attached(eq, found, solve, (numbers, V, Delta)), sol, where)


def _sums(stated: Stated) -> tuple[Any, Any]:
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


def _superconducting(stated: Stated) -> np.ndarray:
    """Which of the triangles' vertices (m, 3) may be: where Tc has no value, it is taken to be above zero."""
    mesh, found = stated.device.mesh, np.zeros(stated.device.mesh.triangles.shape, bool)
    for region, material in stated.device.materials.items():  # type: ignore[union-attr]
        rows = mesh.regions[region]
        Tc = material.at("Tc", mesh.points[mesh.triangles[rows]].reshape(-1, 2))
        found[rows] = True if is_traced(Tc) else np.asarray(Tc).reshape(-1, 3) > 0
    return found


def _bare_solution(stated: Stated, omega: Any, weights: Any, quality: Any, host: _Host) -> Solution:
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


# --- what runs on numbers ---------------------------------------------------------------------------


@dataclass(frozen=True)
class _Host:
    """The solver, called with numpy's arrays."""

    where: Sites | None
    linear_solver: LinearSolver | None
    tol: float
    gap_tol: float

    def solve(self, numbers: Any, first: Any) -> Any:
        """V, Delta (K, 2), converged, margin and residual; NaN where nothing was found."""
        eq, weights, T, Tc = numbers
        b, N = len(weights), len(eq.system.free)
        failed = (np.full((b, N, 4, 4), np.nan), np.full((len(Tc), 2), np.nan), np.zeros(b, bool))
        normal = lambda omega: np.broadcast_to(np.eye(4), (len(omega), N, 4, 4))  # noqa: E731
        try:
            problem = self._problem(eq, weights, T, check=True)
            if self.where is None:
                result, Delta = problem.newton(normal, ladder=False), np.zeros((0, 2))
            else:
                where = self._sites(eq, Tc)
                found = solve_gap(problem, where, where.from_vertices(first), normal, self.gap_tol)
                result, Delta = found.newton, np.stack([found.Delta.real, found.Delta.imag], axis=1)
        except (SolveError, StabilityError):
            return *failed, np.full(b, -np.inf), np.full(b, np.inf)
        V = np.where(result.accepted[:, None, None, None], result.V, np.nan)
        return V, Delta, result.converged, result.margin, result.residual

    def respond(self, numbers: Any, V: Any, Delta: Any, r: Any) -> Any:
        """H^-1 r at the solution."""
        if not all(np.isfinite(x).all() for x in (V, Delta, *r)):
            return tuple(np.full_like(x, np.nan) for x in r)
        eq, weights, T, Tc = numbers
        problem = self._problem(eq, weights, T, check=False)
        if self.where is None:
            return LinearProblem(problem, V)(r)
        where, at = self._sites(eq, Tc), Delta[:, 0] + 1j * Delta[:, 1]
        problem = problem.with_pairing(jnp.asarray(where.on_nodes(at, len(eq.system.free))))
        return LinearProblem(problem, V, where, at)(r)

    def _problem(self, eq: Equations, weights: Any, T: Any, check: bool) -> Problem:
        system, free = eq.system, np.asarray(eq.system.free)
        solver = self.linear_solver or chosen(int(free.sum()), len(weights))
        if check:
            refuse_unstable_tensors(system, float(eq.omega.min()), solver)
        return Problem(
            device=None,
            T=float(T),
            omega=np.asarray(eq.omega),
            weights=np.asarray(weights),
            system=system,
            solver=solver,
            prepared=solver.prepare(lift(system), len(weights)),
            tol=self.tol,
            boundary=lambda V, omega: np.where(free[:, None, None], V, eq.held),
        )

    def _sites(self, eq: Equations, Tc: np.ndarray) -> Sites:
        assert self.where is not None
        assert eq.gap is not None
        return replace(self.where, weight=np.asarray(eq.gap.weight), a=np.asarray(eq.gap.a), Tc=np.asarray(Tc))


def _over_batches(function: Callable[..., Any], like: Any) -> Callable[..., Any]:
    """The function over all axes that stand in front of those of `like`, one after the other."""
    ranks = [jnp.ndim(x) for x in jax.tree.leaves(like)]

    def batched(*arguments: Any) -> Any:
        leaves = [np.asarray(x) for x in jax.tree.leaves(arguments)]
        tree = jax.tree.structure(arguments)
        axes = np.broadcast_shapes(*(x.shape[: x.ndim - rank] for x, rank in zip(leaves, ranks, strict=True)))
        leaves = [np.broadcast_to(x, axes + x.shape[x.ndim - rank :]) for x, rank in zip(leaves, ranks, strict=True)]
        with jax.default_device(jax.local_devices()[0]):
            found = [function(*jax.tree.unflatten(tree, [x[k] for x in leaves])) for k in np.ndindex(axes)]
        return jax.tree.map(lambda *x: np.stack(x).reshape(axes + np.shape(x[0])), *found)

    return batched
