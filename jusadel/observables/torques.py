"""Derivatives of the free energy as the G of single nodes turns: where charge and spin are left over.

Turn the G of one node by exp(chi R3) or exp(s.L): the free energy of the gradient terms changes by Int j.grad(phi_n),
phi_n the node's shape function, plus what breaks the symmetry.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.action.mesh_action import (
    Cells,
    DiscreteAction,
    Joint,
    Nodes,
    cell_action,
    joint_action,
    node_action,
    to_nodes,
)
from jusadel.action.nambu import L, R
from jusadel.action.periodic import rotation_matrices
from jusadel.observables.densities import by_real_numbers, charge_currents, weighted_sum
from jusadel.solver.states.solution import Solution

Array = jax.Array


def _turned(G: Array, s: Array, generators: np.ndarray) -> Array:
    """G turned by exp(s_a X_a), to first order."""
    W = jnp.einsum("a,aij->ij", s, generators)
    return G + W @ G - G @ W


def _torques_of_nodes(generators: np.ndarray, system: DiscreteAction, G: Array) -> Array:
    """dS/ds of the terms without gradients, (n, generators); the frequency does not feel these turns."""

    def at(s: Array, g: Array, node: Nodes) -> Array:
        return node_action(system, _turned(g, s, generators), node, jnp.zeros(()))

    return jax.vmap(by_real_numbers(at), (None, 0, 0))(jnp.zeros(len(generators)), G, system.nodes)


def _torques_of_joints(generators: np.ndarray, system: DiscreteAction, G: Array) -> Array:
    """dS/ds of the barriers, (N, generators)."""

    def of(s: Array, joint: Joint) -> Array:
        turn = jax.vmap(partial(_turned, generators=generators))
        return jnp.sum(joint_action(joint, *(turn(G[joint.pairs[:, k]], s[k]) for k in range(2))))

    total = jnp.zeros((len(G), len(generators)), G.dtype)
    for joint in system.joints:
        zero = jnp.zeros((2, len(joint.pairs), len(generators)))
        for pair, slope in zip(joint.pairs.T, by_real_numbers(of)(zero, joint), strict=True):
            total = total.at[pair].add(slope)
    return total


charge_torques_of_joints = partial(_torques_of_joints, R[2:])
spin_torques_of_joints = partial(_torques_of_joints, L)
charge_torques_of_nodes = partial(_torques_of_nodes, R[2:])
spin_torques_of_nodes = partial(_torques_of_nodes, L)


def spin_torques_of_cells(system: DiscreteAction, G: Array) -> Array:
    """dS/ds of the gradient terms for a turn at each node, (N, 3)."""

    def at(s: Array, g: Array, cell: Cells) -> Array:
        return cell_action(system, [_turned(g[i], s[i], L) for i in range(3)], cell, links=True)

    each = jax.vmap(by_real_numbers(at), (None, 0, 0))(jnp.zeros((3, 3)), G[system.triangles], system.cells)
    return to_nodes(system.triangles, each, len(system.free))


def charge_torques(system: DiscreteAction, G: Array) -> Array:
    """dS/ds of all terms, (N, 1); what the gradient terms leave over is what flows out of the triangles."""
    cells = _outflow(system, -charge_currents(system, G)[:, None])
    return cells + charge_torques_of_nodes(system, G) + charge_torques_of_joints(system, G)


def spin_torques(system: DiscreteAction, G: Array) -> Array:
    """dS/ds of all terms, (N, 3)."""
    nodes = spin_torques_of_nodes(system, G) + spin_torques_of_joints(system, G)
    return spin_torques_of_cells(system, G) + nodes


def matsubara_sum(sol: Solution, system: DiscreteAction, derivative: Any) -> Any:
    """2 pi T Sum_omega of a derivative of the action of one frequency with respect to turns of the nodes, (N, ...)."""
    return weighted_sum(system, derivative, sol.all_G, np.pi * sol.T * sol.weights, len(system.free))


def outflow(sol: Solution, current: Any) -> Any:
    """Int j.grad(phi_n), (N, ...) from the cells' currents (m + k, ..., 2)."""
    return _outflow(sol.system, current)


@jax.jit
def _outflow(system: DiscreteAction, current: Array) -> Array:
    flow = jnp.einsum("m,m...k,mik->mi...", system.cells.area, current, system.cells.gradients)
    return to_nodes(system.triangles, flow, len(system.free))


def per_area(sol: Solution, total: Array) -> Array:
    """Integrals (N, 3) round the nodes over their areas, (n, 3); nodes of a seam turn with it."""
    mesh, seam = sol.mesh, sol.system.layout.seam
    corners = seam.owner[mesh.triangles]
    area = to_nodes(corners, jnp.asarray(mesh.areas)[:, None] / 3 * jnp.ones((1, 3)), len(total))
    values = (total / jnp.where(area == 0, 1.0, area)[:, None])[seam.owner]
    return values if seam.spin is None else jnp.einsum("nij,nj->ni", rotation_matrices(seam.spin), values)
