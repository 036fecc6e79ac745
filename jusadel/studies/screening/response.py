"""The linear response of G to the pair potential and the vector potential: the Hessian of the energy of both.

With E_a the gradient in Delta and A, E_u that in the steps of G and S its Hessian, the second derivative is
E_aa - E_au S^-1 E_ua: one linear response for all frequencies. See `jusadel.studies.screening.solve`.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse.linalg as sla

from jusadel.action.matrices.node_matrices import TWO_B_R3
from jusadel.action.mesh_action import Cells, DiscreteAction
from jusadel.action.nambu.frames import frame_to_green, inverse
from jusadel.device.pair_potential import from_pairs
from jusadel.solver import gap
from jusadel.studies.screening.model import Metric, ScreeningModel, State, link_force

Array = jax.Array

MAX_KRYLOV = 400


# --- derivatives with respect to the links --------------------------------------------------------------


@jax.jit
def _couplings(system: DiscreteAction, V: Array) -> Array:
    """d2S/dline_A du, (b, c, 3, 3, 8): line integral, corner, step."""
    B = jnp.moveaxis(jnp.asarray(TWO_B_R3), -1, 0)

    def of_cell(G: Array, X: Array, cell: Cells) -> Array:
        moved = lambda u: link_force(system, G + jnp.einsum("ia,iajk->ijk", u, X), cell)  # noqa: E731
        return jax.jacfwd(moved)(jnp.zeros((3, 8)))

    def one(v: Array) -> Array:
        tangents = jnp.einsum("nij,ajk,nkl->nail", v, B, inverse(v))
        return jax.vmap(of_cell)(frame_to_green(v)[system.triangles], tangents[system.triangles], system.cells)

    return jax.lax.map(one, V)


@jax.jit
def _pushed(c: Array, line_A: Array, triangles: Array, zero: Array) -> Array:
    """The gradient with respect to the steps (b, N, 8) of a change of line_A (c, 3)."""
    one = lambda k: zero.at[triangles].add(jnp.einsum("mlia,ml->mia", k, line_A))  # noqa: E731
    return jax.lax.map(one, c)


@jax.jit
def _felt(c: Array, x: Array, triangles: Array, weights: Array) -> Array:
    """Sum_p w_p c.x, (c, 3)."""
    return jnp.einsum("bmlia,bmia,b->ml", c, x[:, triangles], weights)


class FieldResponse:
    """The second derivative of the energy with respect to Delta and A, G following them, as a symmetric operator."""

    def __init__(self, model: ScreeningModel, state: State, tol: float = gap.RESPONSE) -> None:
        problem, V = state.problem, jnp.asarray(state.newton.V)
        self.model, self.problem, self.count = model, problem, 0
        self._triangles, self._free = problem.system.triangles, jnp.asarray(problem.system.free)[:, None]
        self._weights = jnp.asarray(np.pi * problem.T * problem.weights)
        self._london = state.metric.london
        self._couplings = _couplings(problem.system, V)
        self._of_gap = None if model.where is None else gap.couplings(V)
        self._solve = problem.response(state.newton.V, tol)

    def __call__(self, z: np.ndarray) -> np.ndarray:
        """The change of the gradient with z."""
        self.count += 1
        model, where = self.model, self.model.where
        Delta, x = model.split(z)
        followed = self.felt(self.steps_of(self.pushed(z)))
        force = model.from_links(np.einsum("mlk,mk->ml", self._london, model.links(x)))
        own = np.zeros(0, complex) if where is None else 2 * where.weight * where.a * Delta
        return model.joined(own, force + model.field_change(x)) - followed

    def pushed(self, z: np.ndarray) -> np.ndarray:
        """The change (b, N, 8) with z of each frequency's slope along the steps."""
        Delta, x = self.model.split(z)
        zero, links = jnp.zeros((len(self._free), 8)), jnp.asarray(self.model.links(x))
        rhs = _pushed(self._couplings, links, self._triangles, zero)
        if self.model.where is not None:
            rhs = rhs + gap.pushed(self._of_gap, jnp.asarray(self.model.where.on_nodes(Delta, len(self._free))))
        return np.asarray(rhs * self._free)

    def steps_of(self, r: np.ndarray) -> np.ndarray:
        """S^-1 r of each frequency, (b, N, 8)."""
        return np.asarray(self._solve(r))

    def felt(self, steps: np.ndarray) -> np.ndarray:
        """The change of the gradient with steps (b, N, 8)."""
        where, y = self.model.where, jnp.asarray(steps)
        links = np.asarray(_felt(self._couplings, y, self._triangles, self._weights))
        own = np.zeros(0, complex)
        if where is not None:
            df = np.asarray(gap.felt(self._of_gap, y, self._weights))[where.nodes]
            own = 4 * where.weight * from_pairs(df)
        return self.model.joined(own, self.model.from_links(links))

    def solve(self, gradient: np.ndarray, metric: Metric, tol: float) -> np.ndarray:
        """The step z at which the gradient changes by this, by preconditioned MINRES."""
        precondition = self._operator(len(gradient), metric.solve)
        return sla.minres(self._operator(len(gradient), self), gradient, M=precondition, rtol=tol, maxiter=MAX_KRYLOV)[
            0
        ]

    @staticmethod
    def _operator(n: int, product: Callable[[np.ndarray], np.ndarray]) -> sla.LinearOperator:
        return sla.LinearOperator((n, n), matvec=lambda z: product(np.ravel(z)), dtype=float)
