"""Flows at several times as a function of what JAX traces: all stages of all steps are one set of linear equations.

With slopes k_j, f_j = f_0 + Sum_(i < j) c_i k_i and steps dt_j

    M k_j + B (f_j + gamma dt_j k_j) = load.

The steps are those that the numbers took: what is differentiated is the scheme, which is as exact as its result.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.action.mesh_action import DiscreteAction
from jusadel.nonequilibrium.derivatives.transport import of_all, of_all_nodes
from jusadel.nonequilibrium.flow import normal_matrices
from jusadel.nonequilibrium.keldysh import CHARGE_AND_SPIN, frequency_matrix
from jusadel.solver.derivatives.callback import called
from jusadel.solver.derivatives.rule import Residual, implicit

Array = jax.Array


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Evolution:
    """All numbers that the slopes of J stages depend on."""

    system: DiscreteAction
    start: Array  # (N, 4) the first f
    load: Array  # (N, 4) half of what is fed in
    place: Array  # (N 4,) as in `Transport`
    dt: Array  # (J,) length of the step
    share: Array  # (J,) by which a slope moves f
    gamma: float = field(metadata={"static": True})


class Stages(Protocol):
    """The same equations with numbers."""

    def solve(self, r: np.ndarray) -> np.ndarray:
        """Slopes (J, N 4) of loads (J, N 4), both at the unknowns."""

    def solve_transposed(self, r: np.ndarray) -> np.ndarray:
        """That of the transposed equations."""


def states(evolution: Evolution, k: Array) -> Array:
    """f (J + 1, N, 4) before the first stage and after each, of slopes (J, N 4)."""
    moves = evolution.share[:, None, None] * _spread(evolution, k)
    return jnp.concatenate([evolution.start[None], evolution.start + jnp.cumsum(moves, axis=0)])


def attached_slopes(evolution: Evolution, slopes: np.ndarray, stages: Stages) -> Array:
    """The slopes (J, N 4) as a function of the numbers of their equations."""
    solve = lambda r: called(stages.solve, r, r)  # noqa: E731
    transposed = lambda r: called(stages.solve_transposed, r, r)  # noqa: E731
    return implicit(STAGES, evolution, slopes, solve, (), transposed)


@jax.jit
def _unbalanced(evolution: Evolution, k: Array) -> Array:
    """M k + B f - load at every stage, summed into the unknowns, (J, N 4)."""
    slope, before = _spread(evolution, k), states(evolution, k)[:-1]
    within = before + evolution.gamma * evolution.dt[:, None, None] * slope
    left = jax.lax.map(jax.checkpoint(lambda x: _of_stage(evolution, *x)), (slope, within))
    flat = jnp.where(evolution.place >= 0, left.reshape(k.shape), 0.0)
    return jnp.zeros_like(flat).at[:, jnp.maximum(evolution.place, 0)].add(flat)


def _of_stage(evolution: Evolution, slope: Array, f: Array) -> Array:
    system, retarded = evolution.system, jnp.asarray(np.array(normal_matrices(len(slope))[0]))
    everywhere = (len(slope), 8, 8)
    growing, at_rest = (jnp.broadcast_to(frequency_matrix(x, -x), everywhere) for x in (0.5, 0.0))
    mass, rest = (of_all_nodes(system, CHARGE_AND_SPIN, slope, retarded, w) for w in (growing, at_rest))
    return mass - rest + of_all(system, CHARGE_AND_SPIN, f, retarded, at_rest) - evolution.load


@jax.jit
def _product(evolution: Evolution, k: Array, x: Array) -> Array:
    return jax.jvp(lambda k: _unbalanced(evolution, k), (k,), (x,))[1]


def _spread(evolution: Evolution, k: Array) -> Array:
    """Slopes (J, N, 4) of all f from those of the unknowns (J, N 4)."""
    place = evolution.place
    return jnp.where(place >= 0, k[:, jnp.maximum(place, 0)], 0.0).reshape(len(k), -1, 4)


def _same(_: Any, __: Array, x: Array) -> Array:
    return x


STAGES = Residual(_unbalanced, _product, _same)
"""The equations of all stages."""
