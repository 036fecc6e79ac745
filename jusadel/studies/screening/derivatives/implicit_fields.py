"""A screened solution as a function of what JAX traces: frames, pair potential and edge integrals at once.

    R = (dE/du, dE/dDelta, dE/dx) = 0

of the energy E of `solve`, whose second derivative is symmetric. What it leaves free, a change of gauge, is in nothing
that can be observed, and is left out of derivatives.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.action.assembly import discretise
from jusadel.action.mesh_action import DiscreteAction
from jusadel.action.nambu.frames import frame_to_green, generator
from jusadel.common.differentiability import on_device
from jusadel.common.errors import SolveError
from jusadel.device.pair_potential import as_pairs, from_pairs
from jusadel.solver import gap
from jusadel.solver.derivatives.callback import called
from jusadel.solver.derivatives.implicit_function import Equations, slopes
from jusadel.solver.derivatives.rule import Residual, implicit
from jusadel.solver.derivatives.under_grad import Stated, gap_terms, placed
from jusadel.solver.reservoirs import held_frames
from jusadel.studies.screening.derivatives.edge_fields import FieldOfEdges, Linear
from jusadel.studies.screening.edge_elements import gauge_changes
from jusadel.studies.screening.model import ScreeningModel, State, link_force
from jusadel.studies.screening.response import FieldResponse
from jusadel.studies.screening.stability import without_part_along

Array = jax.Array
Unknowns = tuple[Array, ...]
"""(V, x) or (V, Delta, x): frames (b, N, 4, 4), pair potential (K, 2) at the sites, independent edge integrals."""

REFINEMENTS = 30
ACCURACY = 1e-11


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class ScreenedEquations:
    """All numbers that a screened solution depends on."""

    own: Equations  # whose line integrals are not used
    scale: Array  # (b,) pi T w_p
    links: Linear  # line integrals along the edges of the cells (3 c,) of those along all edges
    field: FieldOfEdges

    def at(self, x: Array) -> DiscreteAction:
        """The action with these unknowns of A, without the pair potential where it is an unknown."""
        cells = self.own.system.cells
        return replace(self.own.system, cells=replace(cells, line_A=self.links(self.field.edges(x)).reshape(-1, 3)))


@jax.jit
def _slopes(eq: ScreenedEquations, unknowns: Unknowns) -> Unknowns:
    """Derivatives of the energy with respect to steps, pair potential and edge integrals."""
    *own, x = unknowns
    found = slopes(replace(eq.own, system=eq.at(x)), tuple(own))
    if eq.own.gap is None:
        found = (eq.scale[:, None, None] * found[0],)
    V = jnp.where(eq.own.system.free[:, None, None], own[0], eq.own.held)
    pull = jax.vjp(lambda x: eq.links(eq.field.edges(x)), x)[1](_forces(eq, V, x).ravel())[0]
    return *found, pull + jax.grad(eq.field.energy)(x)


def _forces(eq: ScreenedEquations, V: Array, x: Array) -> Array:
    """dF/dline_A (c, 3)."""
    return forces_of_cells(eq.at(x), frame_to_green(V), eq.scale)


def forces_of_cells(system: DiscreteAction, G: Array, scale: Array) -> Array:
    """dF/dline_A (c, 3)."""

    def add(total: Array, at: Any) -> tuple[Array, None]:
        each = jax.vmap(lambda G, cell: link_force(system, G, cell))(at[0][system.triangles], system.cells)
        return total + at[1] * each, None

    return jax.lax.scan(jax.checkpoint(add), jnp.zeros((len(system.triangles), 3)), (G, scale))[0]


@jax.jit
def _product(eq: ScreenedEquations, unknowns: Unknowns, change: Unknowns) -> Unknowns:
    def moved(change: Unknowns) -> Unknowns:
        V = unknowns[0] + unknowns[0] @ generator(change[0])
        return _slopes(eq, (V, *(a + b for a, b in zip(unknowns[1:], change[1:], strict=True))))

    return jax.jvp(moved, (jax.tree.map(jnp.zeros_like, change),), (change,))[1]


@jax.jit
def _moved(_: ScreenedEquations, unknowns: Unknowns, change: Unknowns) -> Unknowns:
    return unknowns[0] @ generator(change[0]), *change[1:]


SCREENED = Residual(_slopes, _product, _moved, symmetric=True)
"""The equations of a screened solution."""


def attached_fields(eq: ScreenedEquations, model: ScreeningModel, state: State) -> Unknowns:
    """Frames, pair potential if any, and edge integrals of a state that was found, as functions of their numbers."""
    Delta, x = model.split(state.z)
    own = () if model.where is None else (as_pairs(Delta),)
    response = _Response(model, state)
    unknowns = (jnp.asarray(state.newton.V), *map(jnp.asarray, own), jnp.asarray(x))
    found = implicit(SCREENED, eq, unknowns, lambda r: called(response, r, r))
    return jnp.where(eq.own.system.free[:, None, None], found[0], eq.own.held), *found[1:]


def differentiated_fields(
    stated: Stated, model: ScreeningModel, state: State, sol: Any, field: FieldOfEdges, given: dict[str, Any]
) -> Any:
    """The ScreenedSolution or ScreenedFilm that was found, as a function of what JAX traces."""
    omega, weights = stated.sums(sol.omega, sol.weights, sol.T)
    eq = _equations(stated, model, omega, weights, field)
    V, *Delta, x = attached_fields(eq, model, state)
    own = replace(eq.own, system=eq.at(x))
    found: Any = placed(stated, own, (V, *Delta), replace(sol, omega=omega, weights=weights), model.where)
    device = replace(
        stated.device, vector_potential=model.space.potential(field.edges(x), getattr(field, "applied", None))
    )
    on_edges = lambda: jax.vjp(eq.links, field.edges(x))[1](_forces(eq, V, x).ravel())[0]  # noqa: E731
    return replace(found, device=device, **given, **field.results(x, on_edges))


def _equations(
    stated: Stated, model: ScreeningModel, omega: Any, weights: Any, field: FieldOfEdges
) -> ScreenedEquations:
    device, where = stated.device, model.where
    Delta = jnp.zeros((len(device.mesh.triangles), 3), complex) if stated.Delta is None else stated.Delta
    system = discretise(device, Delta, ("A",) if where is None else ("A", "Delta"))
    own = Equations(
        system=system,
        omega=on_device(omega),
        held=on_device(held_frames(device, system, omega)),
        gap=None if where is None else gap_terms(stated, where, omega, weights),
    )
    return ScreenedEquations(
        own=own,
        scale=jnp.pi * stated.T * jnp.asarray(weights),
        links=Linear.of(model.space.along_cells, -model.space.turned),
        field=field,
    )


class _Response:
    """H^-1 at a state: the steps first, then Delta and A by what is left, with iterative refinement."""

    def __init__(self, model: ScreeningModel, state: State) -> None:
        self.model, self.state = model, state
        self.accuracy = min(state.problem.solver.derivatives, ACCURACY)

    @cached_property
    def _exact(self) -> FieldResponse:
        return FieldResponse(self.model, self.state, self.accuracy)

    @cached_property
    def _quick(self) -> FieldResponse:
        return FieldResponse(self.model, self.state)

    def __call__(self, r: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
        r_u, *r_Delta, r_x = r
        scale = np.pi * self.state.problem.T * self.state.problem.weights
        u = self._exact.steps_of(r_u / scale[:, None, None])
        of_gap = from_pairs(r_Delta[0]) if r_Delta else np.zeros(0, complex)
        given, felt = self.model.joined(of_gap, r_x), self._exact.felt(u)
        z = self._solved(given - felt, float(np.linalg.norm(given) + np.linalg.norm(felt)))
        Delta, x = self.model.split(z)
        own = (as_pairs(Delta),) if r_Delta else ()
        return u - self._exact.steps_of(self._exact.pushed(z)), *own, x

    def _solved(self, r: np.ndarray, size: float) -> np.ndarray:
        """z of what is left of terms of this size."""
        left, z = self._without_gauge(r), np.zeros_like(r)
        for _ in range(REFINEMENTS):
            before = np.linalg.norm(left)
            if not before > self.accuracy * size:
                return z
            z = z + before * self._quick.solve(left / before, self.state.metric, gap.RESPONSE)
            left = self._without_gauge(r - self._exact(z))
        raise SolveError(
            f"the derivative of field and pair potential is known to {np.linalg.norm(left) / size:.0e} only, after "
            f"{REFINEMENTS} refinements: the state is close to an instability, where derivatives diverge"
        )

    @cached_property
    def _without_gauge(self) -> Callable[[np.ndarray], np.ndarray]:
        """The part of a gradient that does not depend on the gauge: round-off has more, and MINRES would follow it."""
        model, state = self.model, self.state
        if model.where is None and np.any(np.asarray(state.problem.system.nodes.fields["Delta"])):
            return lambda r: r  # a pair potential that is given says which gauge
        return without_part_along(
            gauge_changes(state.problem.device, model.space, model.where, model.split(state.z)[0])
        )
