"""The action to second order around the normal state, G = R3 at every node: blocks of nodes and of cells.

The normal state does not change as its phase turns, so that the components R1 and R2 of the tangents are one complex
number x = x_R1 + i x_R2 for the singlet and each of three triplets, and the second derivative is Hermitian,

    Sum_ab x_a^* H_ab x_b,     H = d2S/dR1 dR1 + i d2S/dR2 dR1,

blocks of 4x4 instead of 8x8. Every term of a cell carries its corners to the point of sampling, so that a vector
potential turns the block between corners i and j by exp(2 i Int A.dl) from i by way of that point to j.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.action.matrices.links import from_middle
from jusadel.action.matrices.products import code_for, product
from jusadel.action.mesh_action import Cells, DiscreteAction, Joint, Nodes, cell_action, joint_action, node_action
from jusadel.action.nambu import SIGNATURE, TANGENT, R

Array = jax.Array

R1, R2 = np.array([0, 2, 3, 4]), np.array([1, 5, 6, 7])
"""Where the singlet and the three triplets of either component stand among the eight tangents."""
SIGNS = np.asarray(SIGNATURE)[R1]
"""Singlets are positive, triplets negative, (4,)."""
TOGETHER = 512
"""Cells and nodes that are worked on together: what bounds the memory."""


def near_normal(u: Array) -> Array:
    """G (4, 4) at the step u (8,) from R3, to second order: (1 + 2Y + 2Y^2) R3."""
    Y, normal = jnp.einsum("a,aij->ij", u, jnp.asarray(TANGENT)), jnp.asarray(R[2])
    return normal + 2 * product(Y + product(Y, Y), normal)


@jax.jit
def node_blocks(system: DiscreteAction) -> Array:
    """Of the terms without gradients at omega = 0, (n, 4, 4) complex."""

    def of(node: Nodes) -> Array:
        return second_derivative(lambda u: node_action(system, near_normal(u[0]), node, jnp.zeros(())), 1)[0, 0]

    with code_for(128 * len(system.free)):
        return jax.lax.map(of, system.nodes, batch_size=TOGETHER)


@jax.jit
def cell_blocks(system: DiscreteAction) -> Array:
    """Of the terms with gradients, between the corners of cells, (m, 3, 3, 4, 4) complex; without vector potential."""

    def of(cell: Cells) -> Array:
        still = replace(cell, line_A=jnp.zeros_like(cell.line_A))
        return second_derivative(lambda u: cell_action(system, [near_normal(x) for x in u], still), 3)

    with code_for(128 * len(system.free)):
        return jax.lax.map(of, system.cells, batch_size=TOGETHER)


def second_derivative(f: Callable[[Array], Array], corners: int) -> Array:
    """The second derivative of a function of steps (corners, 8), between corners, (corners, corners, 4, 4) complex."""
    at_rest = jnp.zeros((corners, 8))
    along = np.zeros((corners, 4, corners, 8))
    for k in range(corners):
        along[k, np.arange(4), k, R1] = 1.0
    slope = jax.linearize(jax.grad(f), at_rest)[1]
    rows = jax.vmap(slope)(jnp.asarray(along.reshape(-1, corners, 8))).reshape(corners, 4, corners, 8)
    return jnp.transpose(rows[..., R1] + 1j * rows[..., R2], (2, 0, 3, 1))


def gradient_blocks(system: DiscreteAction) -> Array:
    """Of cells, and behind them of the pairs of barriers, without vector potential, (m + k, 3, 3, 4, 4) complex.

    A pair i, j is a cell with the corners i, j, j, of which the last has nothing.
    """
    joints = [jnp.pad(joint_blocks(joint), ((0, 0), (0, 1), (0, 1), (0, 0), (0, 0))) for joint in system.joints]
    return jnp.concatenate([cell_blocks(system), *joints])


def all_corners(system: DiscreteAction) -> np.ndarray:
    """The nodes at the corners of these, (m + k, 3)."""
    pairs = [np.asarray(joint.pairs)[:, [0, 1, 1]] for joint in system.joints]
    return np.concatenate([np.asarray(system.triangles), *pairs])


def all_turns(system: DiscreteAction) -> Array:
    """`turns` of these, (m + k, 3, 3): barriers turn nothing."""
    pairs = sum(len(joint.pairs) for joint in system.joints)
    return jnp.concatenate([turns(system.cells), jnp.ones((pairs, 3, 3), complex)])


@jax.jit
def turns(cells: Cells) -> Array:
    """exp(2 i Int A.dl) from corner i by way of the point of sampling to corner j, (m, 3, 3)."""
    return jnp.exp(2j * corner_turns(cells, cells.line_A))


@jax.jit
def corner_turns(cells: Cells, line_A: Array) -> Array:
    """Int A.dl from corner i by way of the point of sampling to corner j, (m, 3, 3), from those along edges (m, 3)."""
    to_corner = jax.vmap(from_middle)(cells.middle, line_A)
    return to_corner[:, None, :] - to_corner[:, :, None]


@jax.jit
def joint_blocks(joint: Joint) -> Array:
    """Of a barrier, between the nodes of each pair, (k, 2, 2, 4, 4) complex."""

    def of(u: Array) -> Array:
        """Of the steps (k, 2, 8): pairs do not know of each other."""
        G = jax.vmap(jax.vmap(near_normal))(u)
        return jnp.sum(joint_action(joint, G[:, 0], G[:, 1]))

    at_rest = jnp.zeros((len(joint.conductance), 2, 8))
    slope = jax.linearize(jax.grad(of), at_rest)[1]

    def along(node: Any, component: Any) -> Array:
        return slope(at_rest.at[:, node, component].set(1.0))  # (k, 2, 8)

    found = jnp.stack([jnp.stack([along(node, a) for a in R1]) for node in range(2)])  # (2, 4, k, 2, 8)
    return jnp.transpose(found[..., R1] + 1j * found[..., R2], (2, 3, 0, 4, 1))
