"""Residual and Hessian of the discrete action in the moving frames, split as (polynomial in G) o (node map).

With G_i(u) = V (1 + 2Y + 2Y^2) R3 V^-1 the Hessian at u = 0 is T^t (d2S/dG2) T + (dS/dG).(d2G/du2): the first
part is a directional derivative of the polynomial gradient along the eight tangents T of each node, triangle
by triangle; the second is an 8x8 block per node. Both by automatic differentiation of the action.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp

from jusadel.discrete import Cells, DiscreteAction, Nodes, action, cell_action, node_action
from jusadel.nambu import TANGENT, R, expand, inverse

Array = jax.Array
Scalar = Callable[[Array], Array]

# {B_a, B_b} R3, the second derivative of 2 Y^2 R3
_CURVATURE = 2 * np.einsum("aij,bjk,kl->abil", TANGENT, TANGENT, R[2])
_CURVATURE = _CURVATURE + _CURVATURE.swapaxes(0, 1)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Linearisation:
    """Gradient and Hessian of one frequency's action at the current frames."""

    residual: Array  # (n, 8), zero on reservoirs
    cell_blocks: Array  # (m, 3, 8, 3, 8)
    node_blocks: Array  # (n, 8, 8)


def action_of_steps(system: DiscreteAction, u: Array, V: Array, omega: Array) -> Array:
    """The action at the steps u (n, 8) away from the frames V: the plain reference for everything below."""
    return action(system, expand(u, V, inverse(V)), omega)


def tangents(V: Array, V_inverse: Array) -> Array:
    """dG/du_a at u = 0: 2 V B_a R3 V^-1, (..., 8, 4, 4)."""
    directions = jnp.asarray(2 * TANGENT @ R[2], V.dtype)
    return V[..., None, :, :] @ directions @ V_inverse[..., None, :, :]


def _gradient(system: DiscreteAction, G: Array, omega: Array) -> Array:
    return jax.grad(lambda g: action(system, g, omega), holomorphic=jnp.iscomplexobj(G))(G)


@jax.jit
def residual(system: DiscreteAction, V: Array, omega: Array) -> Array:
    """Gradient of the action with respect to the steps, (n, 8), zero on reservoirs."""
    V_inverse = inverse(V)
    G = V @ jnp.asarray(R[2], V.dtype) @ V_inverse
    r = jnp.einsum("nij,naij->na", _gradient(system, G, omega), tangents(V, V_inverse))
    return jnp.where(system.free[:, None], r, 0.0)


@jax.jit
def linearise(system: DiscreteAction, V: Array, omega: Array) -> Linearisation:
    """Residual and Hessian of one frequency.

    Args:
        system: the discrete action.
        V: frames (n, 4, 4), real or complex.
        omega: the frequency.
    """
    V_inverse = inverse(V)
    G = V @ jnp.asarray(R[2], V.dtype) @ V_inverse
    T, F = tangents(V, V_inverse), _gradient(system, G, omega)
    in_frame = jnp.einsum("nki,nkl,njl->nij", V, F, V_inverse)  # V^t F V^-t
    curvature = jnp.einsum("nij,abij->nab", in_frame, jnp.asarray(_CURVATURE, V.dtype))
    node = jax.vmap(partial(_node_block, system, omega))(G, T, system.nodes)
    t = system.triangles
    cell = jax.vmap(partial(_cell_block, system))(G[t], T[t], system.cells)
    r = jnp.where(system.free[:, None], jnp.einsum("nij,naij->na", F, T), 0.0)
    return Linearisation(r, cell, node + curvature)


def _node_block(system: DiscreteAction, omega: Array, G: Array, T: Array, node: Nodes) -> Array:
    f = lambda g: node_action(system, g, node, omega)  # noqa: E731
    return _contracted_hessian(f, G, T, T)


def _cell_block(system: DiscreteAction, G: Array, T: Array, cell: Cells) -> Array:
    moved = jnp.einsum("ij,jaxy->jaixy", jnp.eye(3, dtype=T.dtype), T).reshape(24, 3, 4, 4)
    f = lambda g: cell_action(system, g, cell)  # noqa: E731
    change = _gradient_changes(f, G, moved)  # (24, 3, 4, 4)
    return jnp.einsum("jbixy,iaxy->iajb", change.reshape(3, 8, 3, 4, 4), T)


def _contracted_hessian(f: Scalar, G: Array, left: Array, right: Array) -> Array:
    return jnp.einsum("bxy,axy->ab", _gradient_changes(f, G, right), left)


def _gradient_changes(f: Scalar, G: Array, directions: Array) -> Array:
    gradient = jax.grad(f, holomorphic=jnp.iscomplexobj(G))
    return jax.vmap(lambda t: jax.jvp(gradient, (G,), (t,))[1])(directions)


class Pattern:
    """Where the blocks of the triangles and nodes go in the sparse matrix of the free nodes; made once a mesh."""

    def __init__(self, system: DiscreteAction) -> None:
        triangles, free = np.asarray(system.triangles), np.asarray(system.free)
        self.free, self.n_free = np.nonzero(free)[0], int(free.sum())
        row, column = np.repeat(triangles, 3, axis=1).ravel(), np.tile(triangles, (1, 3)).ravel()
        number = np.cumsum(free) - 1
        kept = np.nonzero(free[row] & free[column])[0]
        where = sp.csr_matrix(
            (np.arange(1, len(kept) + 1), (number[row[kept]], number[column[kept]])),
            shape=(self.n_free,) * 2,
        )
        where.data[:] = np.arange(len(where.data))  # a slot for each pair of neighbours, in row order
        where.sort_indices()
        where.data[:] = np.arange(len(where.data))
        self.indices, self.indptr = where.indices, where.indptr
        slot = np.asarray(where[number[row[kept]], number[column[kept]]]).ravel()
        self._sum = sp.csr_matrix((np.ones(len(kept)), (slot, kept)), shape=(len(where.data), len(row)))
        self._diagonal = where.diagonal()

    def matrix(self, lin: Linearisation) -> sp.csc_matrix:
        """The Hessian of the free nodes, (8 n_free, 8 n_free)."""
        blocks = np.asarray(lin.cell_blocks).transpose(0, 1, 3, 2, 4).reshape(-1, 64)
        data = (self._sum @ blocks).reshape(-1, 8, 8)
        data[self._diagonal] += np.asarray(lin.node_blocks)[self.free]
        return sp.bsr_matrix((data, self.indices, self.indptr), shape=(8 * self.n_free,) * 2).tocsc()
