"""The Hessian of the discrete action as a sparse matrix, one frequency at a time, for the direct solvers."""

from __future__ import annotations

from collections.abc import Sequence
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
        slot = np.asarray(where[number[row[kept]], number[column[kept]]]).ravel()
        self._into = sp.csr_matrix((np.ones(len(kept)), (slot, kept)), (len(where.data), len(row)))
        self._sparse = CompressedBlocks(where.indices, where.indptr, 8)

    def slope_and_matrix(self, lifted: LiftedAction, V: Any, omega: Any) -> tuple[np.ndarray, sp.csc_matrix]:
        """The gradient (n, 8), zero where nodes are held, and the Hessian at frames V (n, 4, 4) and one frequency."""
        slopes, matrices = self.slopes_and_matrices(lifted, np.asarray(V)[None], np.reshape(omega, 1))
        return slopes[0], matrices[0]

    def slopes_and_matrices(
        self, lifted: LiftedAction, V: np.ndarray, omega: np.ndarray, batch: int = 1, wanted: Sequence[bool] = (True,)
    ) -> tuple[np.ndarray, list[Any]]:
        """The same of up to `batch` frequencies in programs that take as many: (b, n, 8), and Hessians where wanted."""
        rows = np.minimum(np.arange(batch), len(omega) - 1)
        V, count, omega = V[rows], len(omega), omega[rows]
        slope, R3_Q = slope_and_curvature(lifted, V, omega)
        matrices: list[Any] = [None] * count
        if any(wanted):
            found = jax.tree.map(np.asarray, hessian_blocks(lifted, V, R3_Q, omega))
            matrices = [self.matrix(found, k) if wanted[k] else None for k in range(count)]
        return np.asarray(slope)[:count], matrices

    def matrices(self, lifted: LiftedAction, V: np.ndarray, omega: np.ndarray, batch: int) -> list[sp.csc_matrix]:
        """The Hessians of any number of frequencies up to `batch`."""
        return self.slopes_and_matrices(lifted, V, omega, batch, [True] * len(omega))[1] if len(omega) else []

    def matrix(self, found: HessianBlocks, k: int = 0) -> sp.csc_matrix:
        """The Hessian of the free nodes, (8 n_free, 8 n_free), of one of the frequencies."""
        joints = [np.asarray(b)[..., k].transpose(0, 1, 3, 2, 4).reshape(-1, 64) for b in found.joints]
        blocks = np.concatenate([np.asarray(found.blocks)[..., k].reshape(-1, 64), *joints])
        return self._sparse.matrix(self._into @ blocks)


class CompressedBlocks:
    """Which blocks (a, a) a sparse matrix has, by rows, and where their numbers stand by columns; made once."""

    def __init__(self, indices: np.ndarray, indptr: np.ndarray, a: int) -> None:
        self.size = a * (len(indptr) - 1)
        numbers = np.arange(1.0, 1 + len(indices) * a * a).reshape(-1, a, a)  # no zero, which might be left out
        csc = sp.bsr_matrix((numbers, indices, indptr), shape=(self.size,) * 2).tocsc()
        self._order, self._indices, self._indptr = csc.data.astype(csc.indices.dtype) - 1, csc.indices, csc.indptr

    def matrix(self, blocks: np.ndarray) -> sp.csc_matrix:
        """The matrix of these blocks, as many numbers in their order."""
        return sp.csc_matrix((blocks.ravel()[self._order], self._indices, self._indptr), shape=(self.size,) * 2)


def _pairs(lifted: LiftedAction) -> tuple[np.ndarray, np.ndarray]:
    """Nodes i and j of all pairs (i, j) that some term couples: neighbours, then across barriers."""
    index = np.asarray(lifted.pairs.index)
    rows, columns = [np.repeat(np.arange(len(index)), index.shape[1])], [index.ravel()]
    for joint in lifted.system.joints:
        pairs = np.asarray(joint.pairs)
        rows.append(np.repeat(pairs, 2, axis=1).ravel())
        columns.append(np.tile(pairs, (1, 2)).ravel())
    return np.concatenate(rows), np.concatenate(columns)
