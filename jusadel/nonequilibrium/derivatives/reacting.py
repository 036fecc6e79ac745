"""Distributions and what flows because of them, q = B f + r0 at all nodes, as one implicit function.

    q gathered into the unknowns = load,     B f + r0 - q = 0.

A gradient then goes through B and r0 once, for the distributions and for the currents that are measured, and neither
is worked out again: both are known. With x the unknown f and C x the change of q by them, H (x, y) = (A x, C x - y).
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from jusadel.nonequilibrium.derivatives.transport import (
    Transport,
    TransportHost,
    change_by_unknowns,
    completed,
    gathered,
    reactions,
    spread_unknowns,
)
from jusadel.solver.derivatives.rule import Residual, implicit

Array = jax.Array
Both = tuple[Array, Array]


@jax.jit
def _left_over(transport: Transport, solution: Both) -> Both:
    f, q = solution
    found = reactions(transport, completed(transport, f))
    return gathered(transport, found - transport.load - transport.forced), found - q


@jax.jit
def _products(transport: Transport, _: Both, x: Both) -> Both:
    change = change_by_unknowns(transport, x[0])
    return gathered(transport, change), change - x[1]


def _moved(transport: Transport, solution: Both, x: Both) -> Both:
    return spread_unknowns(transport, solution[0], x[0]), x[1]


@jax.jit
def _pulled_back(transport: Transport, q: Array) -> Array:
    """C^T q."""
    unknowns = jnp.zeros_like(transport.place, float)
    return jax.vjp(partial(change_by_unknowns, transport), unknowns)[1](q)[0]


def _solve(r: Both, known: Any, numbers: Transport) -> Both:
    x = TransportHost().linear(r[0], known, numbers)
    return x, change_by_unknowns(numbers, x) - r[1]


def _transposed(r: Both, known: Any, numbers: Transport) -> Both:
    return TransportHost().transposed(r[0] + _pulled_back(numbers, r[1]), known, numbers), -r[1]


REACTING = Residual(_left_over, _products, _moved)
"""The equations for distributions beside those that say what flows."""


def attached_reactions(transport: Transport, f: Any, q: Any, known: int) -> Both:
    """The distributions f and B f + r0 (b, N, m), which solve the equations, as functions of their numbers.

    `known` is what `callback.keep` said of their `Factorised`.
    """
    numbers = jax.lax.stop_gradient(transport)
    found, q = implicit(REACTING, transport, (f, q), _solve, (known, numbers), _transposed)
    return completed(transport, found), q
