"""The discrete action of matrices at two frequencies: the same terms on 8x8 matrices, to second order off the diagonal.

At every node, with V_1 and V_2 the frames of solutions at two frequencies,

    G = V (1 + 2Y + 2Y^2) R3 V^-1,     V = [[V_1, 0], [0, V_2]],     Y = [[0, q_a B_a], [p_a B_a, 0]].

A drive stands off the diagonal as well. What couples to G at a node, such as a scalar potential or an exchange field,
is part of the matrix in the place of the frequency. A vector potential turns the corners of a cell as seen from its
middle, by W = exp(-S R3), S = [[0, s], [t, 0]] times the line integral from there: in U(1) every term is a product of
matrices at one place, so that links need not know of it. Each term is bilinear in (q, s) and (p, t), whatever it is in
G, since nothing else comes back to the diagonal; so its derivative with respect to p and t at p = t = 0 is linear.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.action.barriers import barrier
from jusadel.action.matrices.products import product
from jusadel.action.mesh_action import Cells, DiscreteAction, Nodes, cell_action, node_action
from jusadel.action.nambu import TANGENT, R, advanced
from jusadel.action.nambu.frames import green_to_frame, inverse

Array = jax.Array
STEPS, MODES = 8, 9
"""Steps of a node, and with the turn of what stands at a corner."""


class Frames(NamedTuple):
    """Those of both frequencies and their inverses, (n, 4, 4) complex each."""

    first: Any
    first_inverse: Any
    second: Any
    second_inverse: Any

    @classmethod
    def of(cls, first: np.ndarray, second: np.ndarray, backward: bool) -> Frames:
        """From G (n, 4, 4) at two frequencies above the real axis; `backward` takes the second to below it."""
        V, W = (np.asarray(green_to_frame(G + 0j)) for G in (first, second))
        if backward:
            G = advanced(second) + 0j
            W = (np.eye(4) + G @ R[2]) / 2 @ R[0]
        return cls(V, inverse(V), W, inverse(W))

    @property
    def swapped(self) -> Frames:
        """The second frequency first."""
        return Frames(self.second, self.second_inverse, self.first, self.first_inverse)

    def at(self, nodes: np.ndarray) -> Frames:
        """Those of these nodes."""
        return Frames(*(x[nodes] for x in self))

    @property
    def matrices(self) -> tuple[np.ndarray, np.ndarray]:
        """G at both frequencies, (n, 4, 4)."""
        return self.first @ R[2] @ self.first_inverse, self.second @ R[2] @ self.second_inverse


def doubled(at: Frames, p: Array, q: Array) -> Array:
    """The matrices (8, 8, c) of one node or corner, from its frames and from p and q, (9, c) each: steps and a turn."""
    one, R3 = jnp.eye(4, dtype=q.dtype)[..., None], jnp.asarray(R[2], q.dtype)
    y, z = (jnp.tensordot(jnp.asarray(TANGENT, q.dtype), x[:STEPS], ((0,), (0,))) for x in (q, p))
    first = _within(at.first, one + 2 * _times(y, z), R3 @ at.first_inverse)
    second = _within(at.second, one + 2 * _times(z, y), R3 @ at.second_inverse)
    upper = _within(at.first, 2 * y, R3 @ at.second_inverse)
    lower = _within(at.second, 2 * z, R3 @ at.first_inverse)
    G = jnp.concatenate([jnp.concatenate([first, upper], 1), jnp.concatenate([lower, second], 1)], 0)
    return product(product(_turn(q[STEPS], p[STEPS]), G), _turn(-q[STEPS], -p[STEPS]))


def _within(left: Array, middle: Array, right: Array) -> Array:
    """left (4, 4) middle (4, 4, c) right (4, 4)."""
    return jnp.einsum("ij,jkc,kl->ilc", left, middle, right)


def _times(a: Array, b: Array) -> Array:
    return jnp.einsum("ijc,jkc->ikc", a, b)


def _turn(s: Array, t: Array) -> Array:
    """exp(-S R3) to second order, S^2 = s t, (8, 8, c)."""
    one, R3 = jnp.eye(4, dtype=s.dtype)[..., None], jnp.asarray(R[2], s.dtype)[..., None]
    diagonal = (1 - s * t / 2) * one
    upper, lower = jnp.concatenate([diagonal, -s * R3], 1), jnp.concatenate([-t * R3, diagonal], 1)
    return jnp.concatenate([upper, lower], 0)


def _slope(action: Callable[[list[Array]], Array], at: Frames, q: Array) -> Array:
    """The derivative with respect to p at p = 0, (k, 9, c), of an action of k nodes, from q (k, 9, c)."""

    def of(p: Array) -> Array:
        return jnp.sum(action([doubled(Frames(*(x[i] for x in at)), p[i], q[i]) for i in range(len(q))]))

    return jax.grad(of, holomorphic=True)(jnp.zeros_like(q))


def forces_of_node(bare: DiscreteAction, at: Frames, q: Array, node: Nodes) -> Array:
    """Of the terms of one node that hold no frequency, (1, 9, c)."""
    return _slope(lambda G: node_action(bare, G[0], node, jnp.zeros(())), at, q)


def forces_of_cell(bare: DiscreteAction, at: Frames, q: Array, cell: Cells) -> Array:
    """Of the gradient terms of one cell, (3, 9, c)."""
    return _slope(lambda G: cell_action(bare, G, cell), at, q)


def forces_of_sides(bare: DiscreteAction, at: Frames, q: Array, pair: dict[str, Any]) -> Array:
    """Of a barrier between two nodes, (2, 9, c)."""
    return _slope(lambda G: barrier(G[0], G[1], SimpleNamespace(**pair)), at, q)


@partial(jax.jit, static_argnums=0)
def doubled_forces(of: Callable[..., Array], bare: DiscreteAction, at: Frames, q: Array, elements: Any) -> Array:
    """One of the three for many elements and one q each, (e, k, 9)."""
    return jax.vmap(lambda a, x, e: of(bare, a, x[..., None], e)[..., 0])(at, q, elements)


@partial(jax.jit, static_argnums=0)
def stiffness_of(of: Callable[..., Array], bare: DiscreteAction, at: Frames, elements: Any) -> Array:
    """Of the steps alone, the matrices (e, k, 8, k, 8): the forces of unit steps, all together."""
    k = at.first.shape[1]
    units = np.zeros((k, MODES, k, STEPS), complex)
    units[np.arange(k)[:, None], np.arange(STEPS), np.arange(k)[:, None], np.arange(STEPS)] = 1.0
    q = jnp.asarray(units.reshape(k, MODES, k * STEPS))
    found = jax.vmap(lambda a, e: of(bare, a, q, e)[:, :STEPS])(at, elements)
    return found.reshape(*found.shape[:3], k, STEPS)
