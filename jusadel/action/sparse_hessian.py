"""The Hessian of the discrete action as a sparse matrix, one frequency at a time, for the direct solvers."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import scipy.sparse as sp

from jusadel.action.block_hessian import HessianBlocks, hessian_blocks
from jusadel.action.matrix_free import LiftedAction, slope_and_curvature
from jusadel.action.mesh_action import DiscreteAction, action
from jusadel.action.nambu.frames import expand, inverse

Array = jax.Array


def action_of_steps(system: DiscreteAction, u: Array, V: Array, omega: Array) -> Array:
    """The action at the steps u (n, 8) away from the frames V: the plain reference for all Hessians."""
    return action(system, expand(u, V, inverse(V)), omega)


class Pattern:
    """Where the blocks go in the sparse matrix of the free nodes; made once a mesh."""

    def __init__(self, lifted: LiftedAction) -> None:
        free = np.asarray(lifted.system.free)
        self.free, self.n_free = np.nonzero(free)[0], int(free.sum())
        row, column = _pairs(lifted)
        number = np.cumsum(free) - 1
        kept = np.nonzero(free[row] & free[column])[0]
        where = sp.csr_matrix(
            (np.arange(1, len(kept) + 1), (number[row[kept]], number[column[kept]])), shape=(self.n_free,) * 2
        )
        where.sort_indices()
        where.data[:] = np.arange(len(where.data))  # a slot for each pair of neighbours, in row order
        self.indices, self.indptr = where.indices, where.indptr
        slot = np.asarray(where[number[row[kept]], number[column[kept]]]).ravel()
        self._into = sp.csr_matrix((np.ones(len(kept)), (slot, kept)), (len(self.indices), len(row)))

    def slope_and_matrix(self, lifted: LiftedAction, V: Any, omega: Any) -> tuple[np.ndarray, sp.csc_matrix]:
        """The gradient (n, 8), zero where nodes are held, and the Hessian at frames V (n, 4, 4) and one frequency."""
        here = np.asarray(V)[None], np.reshape(omega, 1)
        slope, R3_Q = slope_and_curvature(lifted, *here)
        return np.asarray(slope)[0], self.matrix(hessian_blocks(lifted, here[0], R3_Q, here[1]))

    def matrix(self, found: HessianBlocks) -> sp.csc_matrix:
        """The Hessian of the free nodes, (8 n_free, 8 n_free), of the first frequency."""
        joints = [np.asarray(b)[..., 0].transpose(0, 1, 3, 2, 4).reshape(-1, 64) for b in found.joints]
        blocks = np.concatenate([np.asarray(found.blocks)[..., 0].reshape(-1, 64), *joints])
        data = (self._into @ blocks).reshape(-1, 8, 8)
        return sp.bsr_matrix((data, self.indices, self.indptr), shape=(8 * self.n_free,) * 2).tocsc()


def _pairs(lifted: LiftedAction) -> tuple[np.ndarray, np.ndarray]:
    """Nodes i and j of all pairs (i, j) that some term couples: neighbours, then across barriers."""
    index = np.asarray(lifted.pairs.index)
    rows, columns = [np.repeat(np.arange(len(index)), index.shape[1])], [index.ravel()]
    for joint in lifted.system.joints:
        pairs = np.asarray(joint.pairs)
        rows.append(np.repeat(pairs, 2, axis=1).ravel())
        columns.append(np.tile(pairs, (1, 2)).ravel())
    return np.concatenate(rows), np.concatenate(columns)
