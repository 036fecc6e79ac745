"""A solution in the field that its own currents screen, where nothing depends on z."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.common.differentiability import is_traced
from jusadel.observables.thermodynamics import free_energy
from jusadel.solver.states.solution import Solution
from jusadel.studies.screening.model import ScreeningModel, State

Array = jax.Array


@dataclass(frozen=True, kw_only=True, repr=False)
class ScreenedSolution(Solution):
    """A Solution in the field that its own currents screen; `device.vector_potential` is the one found.

    Its stats have "screening_residual", "screening_steps" and "screening_responses"; "screening_stable", whether it is
    a minimum of the energy; and "screening_eigenvalue", the smallest eigenvalue of the energy's second derivative with
    respect to A, and Delta where that is self-consistent, relative to that at fixed G, as far as its sign is known: the
    true one is no larger. "gap_eigenvalue" is the same of a self-consistent one.

    Attributes:
        applied_field: H along z, the field at the outer edge [1/length^2].
        permeability: mu0.
        magnetic_field: B in each triangle, (m,).
        hole_fields: B in each hole, (holes,).
        edges: Int A.dl along `mesh.edges`, from the smaller node to the larger, (e,).
        areas: of the triangles and the holes, (m + holes,).
    """

    applied_field: float
    permeability: float
    magnetic_field: np.ndarray
    hole_fields: np.ndarray
    edges: np.ndarray = field(repr=False)
    areas: np.ndarray = field(repr=False)

    @property
    def magnetic_energy(self) -> float:
        """(1/2 mu0) Int (B - H)^2 dA, holes included."""
        return as_float(self.areas @ (self._all_fields - self.applied_field) ** 2 / (2 * self.permeability))

    @property
    def gibbs_energy(self) -> float:
        """What is stationary: free and magnetic energy, less those of the normal state in the field H."""
        return as_float(free_energy(self) + self.magnetic_energy)

    @property
    def magnetic_moment(self) -> float:
        """Int (B - H) dA/mu0 per length along z, holes included: negative where the field is kept out."""
        return as_float(self.areas @ (self._all_fields - self.applied_field) / self.permeability)

    @property
    def _all_fields(self) -> np.ndarray:
        xp: Any = jnp if is_traced(self.magnetic_field) else np
        return xp.concatenate([self.magnetic_field, self.hole_fields])


def as_float(x: Any) -> Any:
    """A float, unless JAX traces it."""
    return x if is_traced(x) else float(x)


def screened_solution(
    model: ScreeningModel, state: State, Delta: Array, seconds: float, stats: dict[str, Any]
) -> ScreenedSolution:
    """That of a state that was found; Delta (m, 3) is used where it is given."""
    sol, edges = in_its_field(model, state, Delta, seconds, stats)
    m = len(model.space.mesh.triangles)
    B = model.space.curl @ edges
    return ScreenedSolution(
        **{f.name: getattr(sol, f.name) for f in fields(Solution)},
        applied_field=model.H,
        permeability=model.permeability,
        magnetic_field=B[:m],
        hole_fields=B[m:],
        edges=edges,
        areas=model.space.areas,
    )


def in_its_field(
    model: ScreeningModel, state: State, Delta: Array, seconds: float, stats: dict[str, Any]
) -> tuple[Solution, np.ndarray]:
    """The Solution of a state, with the vector potential found as its device's, and the edge integrals (e,)."""
    own, x = model.split(state.z)
    edges = model.space.edges(x)
    if model.where is not None:
        Delta = jnp.asarray(model.where.on_vertices(own))
        stats["gap_steps"] = stats["screening_steps"]
    device = replace(state.problem.device, vector_potential=model.space.potential(edges))
    return replace(state.problem, device=device).solution(state.newton, Delta, seconds, **stats), edges
