"""A correction as a function of what JAX traces: its number is known, its derivatives come when they are used.

    d Sum_n W_n tr C_nn = Sum_n dW_n tr C_nn - tr( C W C dH )

needs C W C only where the Hessian H has blocks, and these came with C. A second derivative would need more, and is
refused.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.action.mesh_action import DiscreteAction
from jusadel.corrections.cooperon import PER_RATE, Cooperon, CooperonWeights
from jusadel.corrections.quadratic_form import SIGNS, all_turns, gradient_blocks, node_blocks
from jusadel.solver.derivatives.rule import first_order

Array = jax.Array
ONCE = (
    "localisation has first derivatives only; take central differences of them, or in fits the Gauss-Newton matrix of "
    "first derivatives, as `fit` does"
)


class Response(NamedTuple):
    """Numbers that give the derivatives of one correction."""

    traces: CooperonWeights  # tr_8 C_nn, and across barriers
    at_nodes: np.ndarray  # (N, 4, 4) blocks of - C W C
    in_cells: np.ndarray  # (m, 3, 3, 4, 4) between corners

    @classmethod
    def of(cls, cooperon: Cooperon, traces: CooperonWeights, change: np.ndarray) -> Response:
        """From the blocks (k, 4, 4) of - C W C."""
        pattern = cooperon.pattern
        at_nodes = np.zeros((len(traces.nodes), 4, 4), change.dtype)
        at_nodes[pattern.free] = change[pattern.diagonal]
        return cls(traces, at_nodes, pattern.on_cells(change))


class Inputs(NamedTuple):
    """What a correction is a function of."""

    system: DiscreteAction
    weights: CooperonWeights
    rates: Any  # (N,) of dephasing, times the nodes' weights


def known_correction(value: float, response: Response, inputs: Inputs) -> Array:
    """The number as a function of what it was computed from."""
    return first_order(inputs, response, jnp.asarray(value), _first_order, ONCE)


@jax.jit
def _first_order(inputs: Inputs, response: Response) -> Array:
    """What changes as the correction does. The trace over eight tangents is twice that over four complex ones."""
    system, weights, rates = inputs
    turned = gradient_blocks(system) * all_turns(system)[..., None, None]
    at_nodes = node_blocks(system) + PER_RATE * rates[:, None, None] * jnp.diag(SIGNS)
    hessian = _paired(response.in_cells, turned) + _paired(response.at_nodes, at_nodes)
    traced = sum(jnp.sum(w * t) for w, t in zip(weights, response.traces, strict=True))
    return traced + 2 * hessian


def _paired(given: Any, blocks: Array) -> Array:
    """Re tr(A B), from the conjugates of the blocks of a Hermitian A."""
    return jnp.sum((jnp.conj(given) * blocks).real)
