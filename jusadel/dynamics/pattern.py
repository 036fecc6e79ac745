"""Where the blocks of nodes, neighbours, cells and barriers go in the sparse matrix of the free nodes."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from jusadel.action.mesh_action import DiscreteAction


class PairPattern:
    """Made once a device, for all pairs of frequencies.

    Args:
        system: the discrete action.
        groups: nodes of rows and columns (e, p) and (e, q) of the blocks (e, p, q) of each kind.
    """

    def __init__(self, system: DiscreteAction, groups: list[tuple[Any, Any]]) -> None:
        self.free = np.flatnonzero(np.asarray(system.free))
        number = np.full(len(system.free), -1)
        number[self.free] = np.arange(len(self.free))
        n = len(self.free)
        rows, columns = (np.concatenate([_spread(g, k) for g in groups]) for k in (0, 1))
        rows, columns = number[rows], number[columns]
        kept = np.flatnonzero((rows >= 0) & (columns >= 0))
        places, slot = np.unique(rows[kept].astype(np.int64) * n + columns[kept], return_inverse=True)
        self.indices = places % n
        self.indptr = np.concatenate([[0], np.cumsum(np.bincount(places // n, minlength=n))])
        self._into = sp.csr_matrix((np.ones(len(kept)), (slot, kept)), (len(places), len(rows)))

    def summed(self, blocks: list[np.ndarray]) -> np.ndarray:
        """The blocks (e, p, q, a, b) of all kinds as those of the matrix, (k, a, b)."""
        flat = np.concatenate([b.reshape(-1, *b.shape[-2:]) for b in blocks])
        return (self._into @ flat.reshape(len(flat), -1)).reshape(-1, *flat.shape[1:])

    def matrix(self, blocks: np.ndarray) -> sp.csc_matrix:
        """The sparse matrix of blocks (k, a, a)."""
        size = len(self.free) * blocks.shape[-1]
        return sp.bsr_matrix((blocks, self.indices, self.indptr), shape=(size, size)).tocsc()


def _spread(group: tuple[Any, Any], which: int) -> np.ndarray:
    """The nodes of rows, or of columns, of all blocks of a group, in the order of its blocks."""
    rows, columns = (np.asarray(x) for x in group)
    full = (len(rows), rows.shape[1], columns.shape[1])
    return np.broadcast_to(rows[:, :, None] if which == 0 else columns[:, None, :], full).ravel()
