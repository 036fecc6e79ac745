"""The energy of a pair potential and edge integrals together, with G at its stationary point: gradient and metric.

The action feels A through the line integrals along the edges of its cells alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as sla

from jusadel.action.matsubara import GAP_RATIO
from jusadel.action.mesh_action import Cells, DiscreteAction, cell_action
from jusadel.action.nambu.frames import frame_to_green
from jusadel.common.errors import SolveError
from jusadel.device.pair_potential import as_vector, from_vector
from jusadel.solver import gap
from jusadel.solver.problem import Problem, refuse_uncertified
from jusadel.solver.states.newton_result import NewtonResult
from jusadel.solver.states.solution import Solution
from jusadel.studies.screening.edge_elements import EdgeSpace

Array = jax.Array

FLOOR = 1e-4
"""Of the mean London term, or of the field's own stiffness where that is larger, added to London's in the
preconditioner: normal metals have none, and gauge transformations cost no field."""


@dataclass(frozen=True)
class ScreeningModel:
    """What stays the same while Delta and A change. Vectors z are Re Delta, Im Delta (K,) each, then the edges (x,)."""

    space: EdgeSpace
    where: gap.Sites | None  # None where Delta is given
    H: float
    permeability: float

    @property
    def sites(self) -> int:
        """The number K of sites with an unknown pair potential."""
        return 0 if self.where is None else len(self.where.nodes)

    def split(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Delta (K,) complex and the edges' part (x,)."""
        K = self.sites
        return from_vector(z[: 2 * K]), z[2 * K :]

    def joined(self, Delta: np.ndarray, x: np.ndarray) -> np.ndarray:
        """The inverse of `split`."""
        return np.concatenate([as_vector(Delta), x])

    def links(self, x: np.ndarray) -> np.ndarray:
        """The change (c, 3) of the line integrals with the independent edges' (x,)."""
        return (self.space.along_cells @ self.space.change(x)).reshape(-1, 3)

    def from_links(self, values: Any) -> np.ndarray:
        """The transpose of `links`."""
        return self.space.gathered(self.space.along_cells.T @ np.asarray(values).ravel())

    def curl(self, x: np.ndarray) -> np.ndarray:
        """The change of B in triangles and holes."""
        return self.space.curl @ self.space.change(x)

    def field_gradient(self, x: np.ndarray) -> np.ndarray:
        """The derivative of the field's energy with respect to the independent edges, (x,)."""
        return self._weighted(self.space.curl @ self.space.edges(x) - self.H)

    def field_change(self, x: np.ndarray) -> np.ndarray:
        """Its second derivative times a change (x,)."""
        return self._weighted(self.curl(x))

    def _weighted(self, B: np.ndarray) -> np.ndarray:
        """The transpose of `curl` of B areas/mu0, (x,)."""
        return self.space.gathered(self.space.curl.T @ (self.space.areas * B / self.permeability))

    def unscreened(self, x: np.ndarray) -> np.ndarray:
        """Where to look for the normal state's, from those (x,) of another one."""
        return x

    @property
    def softest_field(self) -> float:
        """The second derivative of the field's energy along a vector potential as long as the sample."""
        return float(1 / (self.permeability * self.space.areas.sum()))

    @property
    def forcing(self) -> float:
        """What a Newton step may leave of the gradient, relative to the step times the norm of its response."""
        return 1e-2

    def factored(self, london: sp.bsr_matrix) -> Callable[[np.ndarray], np.ndarray]:
        """What solves the second derivative of the field's energy and London's (3 c, 3 c) along the cells' edges."""
        curl, onto_links = (part @ self.space.independent for part in (self.space.curl, self.space.along_cells))
        field = curl.T @ sp.diags(self.space.areas / self.permeability) @ curl
        return factor((onto_links.T @ london @ onto_links + field).tocsc()).solve


class State(NamedTuple):
    """Delta and A with their G, the gradient of the energy, and how far it is from zero."""

    problem: Problem
    newton: NewtonResult
    z: np.ndarray
    gradient: np.ndarray
    metric: Metric
    errors: tuple[float, float, float]  # of the gap, the field and the links

    @property
    def error(self) -> float:
        """The largest."""
        return max(self.errors)


class Metric:
    """The preconditioner: the second derivative of the energy with G as it is, Delta and A each for itself."""

    def __init__(self, model: ScreeningModel, london: np.ndarray) -> None:
        where, count = model.where, len(london)
        self.london = london
        blocks = sp.bsr_matrix((_positive(london, model.softest_field), np.arange(count), np.arange(count + 1)))
        self._solve = model.factored(blocks)
        self._sites = np.zeros(0) if where is None else np.tile(2 * where.weight * where.a, 2)

    def solve(self, gradient: np.ndarray) -> np.ndarray:
        """The step that belongs to a gradient."""
        K = len(self._sites)
        return np.concatenate([gradient[:K] / self._sites, self._solve(gradient[K:])])


def factor(matrix: sp.csc_matrix) -> sla.SuperLU:
    """The factors of a positive matrix of edges.

    Raises:
        SolveError: it is singular.
    """
    try:
        return sla.splu(matrix, permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True})
    except RuntimeError as error:  # SuperLU's word for an exactly singular matrix
        raise SolveError(
            "the equations of the field are singular: give the permeability and H in units in which neither is "
            "extremely large or small, and see whether the mesh has degenerate triangles"
        ) from error


def _positive(london: np.ndarray, of_field: float) -> np.ndarray:
    """Matrices (c, 3, 3) with their eigenvalues' moduli and a floor."""
    values, vectors = np.linalg.eigh(london)
    floor = FLOOR * max(np.abs(np.trace(london, axis1=1, axis2=2)).mean(), of_field)
    return np.einsum("tik,tk,tjk->tij", vectors, np.abs(values), vectors) + floor * np.eye(3)


def first_state(
    model: ScreeningModel, problem: Problem, Delta: Array, start: Callable[[np.ndarray], np.ndarray]
) -> State:
    """The state at the device's own vector potential and at Delta (m, 3), from these starting frames."""
    a = np.asarray(problem.device.between_nodes(model.space.mesh.edges))
    own = np.zeros(0, complex) if model.where is None else model.where.from_vertices(Delta)
    return state_at(model, problem, model.joined(own, model.space.chosen(a)), start)


def state_at(
    model: ScreeningModel, problem: Problem, z: np.ndarray, start: Callable[[np.ndarray], np.ndarray]
) -> State:
    """The state at z, with G from these starting frames.

    Raises:
        SolveError: a frequency is not certified.
    """
    Delta, x = model.split(z)
    where, edges = model.where, model.space.edges(x)
    posed = problem.with_line_A(jnp.asarray(model.space.line_A(edges)))
    if where is not None:
        posed = posed.with_pairing(jnp.asarray(where.on_nodes(Delta, len(problem.system.free))))
    result = posed.newton(start)
    refuse_uncertified(posed, result, forced=False)
    V, weights = jnp.asarray(result.V), jnp.asarray(np.pi * posed.T * posed.weights)
    B = model.space.curl @ edges
    forces, london = (np.asarray(x) for x in forces_and_london(posed.system, frame_to_green(V), weights))
    force = model.from_links(forces) + model.field_gradient(x)
    r = np.zeros(0, complex) if where is None else gap.gap_residual(posed, where, V, Delta)
    metric = Metric(model, london)
    gradient = model.joined(2 * r, force)
    of_gap = 0.0 if where is None else np.abs(r / (where.weight * where.a)).max() / (GAP_RATIO * where.Tc.max())
    step = model.split(metric.solve(gradient))[1]
    largest = max(np.abs(B).max(), abs(model.H), 1e-3 * np.pi / model.space.areas.sum())
    errors = (float(of_gap), float(np.abs(model.curl(step)).max() / largest), largest_turn(model, step))
    return State(posed, result, z, gradient, metric, errors)


def largest_turn(model: ScreeningModel, x: np.ndarray) -> float:
    """The largest phase by which a change of A turns a corner's pairs."""
    return float(2 * np.abs(model.links(x)).max())


def penetration_depths(problem: Problem | Solution, london: np.ndarray, permeability: float) -> np.ndarray:
    """London's penetration depth at each triangle, (m,), along the direction in which it is shortest."""
    m, cells = len(problem.device.mesh.triangles), problem.system.cells
    steps, area = np.asarray(cells.steps)[:m], np.asarray(cells.area)[:m]
    stiffness = np.einsum("tik,tij,tjl->tkl", steps, london[:m], steps) / area[:, None, None]
    with np.errstate(divide="ignore"):
        return 1 / np.sqrt(permeability * np.maximum(np.linalg.eigvalsh(stiffness)[:, -1], 0))


@jax.jit
def forces_and_london(system: DiscreteAction, G: Array, weights: Array) -> tuple[Array, Array]:
    """dF/dline_A, (c, 3), and d2F/dline_A2 with G as it is, (c, 3, 3)."""

    def of_cell(G: Array, cell: Cells) -> tuple[Array, Array]:
        value, along = jax.linearize(lambda line: link_force(system, G, replace(cell, line_A=line)), cell.line_A)
        return value, jax.vmap(along, out_axes=1)(jnp.eye(3))

    def add(total: Any, x: tuple[Array, Array]) -> tuple[Any, None]:
        found = jax.vmap(of_cell)(x[0][system.triangles], system.cells)
        return jax.tree.map(lambda t, new: t + x[1] * new, total, found), None

    count = len(system.cells.area)
    return jax.lax.scan(add, (jnp.zeros((count, 3)), jnp.zeros((count, 3, 3))), (G, weights))[0]


def link_force(system: DiscreteAction, G: Array, cell: Cells) -> Array:
    """dS/dline_A (3,) of a cell from the matrices of its corners."""
    return jax.grad(lambda line: cell_action(system, G, replace(cell, line_A=line), links=True))(cell.line_A)
