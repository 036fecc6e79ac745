"""Which pairs of nodes have a block in a matrix: made once, for the blocks of all energies and numbers of modes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp

AT_ONCE = 4096
"""Blocks that are worked on together, so that they stay in the cache."""


@dataclass(frozen=True)
class NodeBlocks:
    """The blocks of a sparse matrix between n nodes, row by row; with each block also its transposed is there."""

    starts: np.ndarray  # (n + 1,) where the rows begin
    columns: np.ndarray  # (k,) ascending in each row; the diagonal is among them

    @classmethod
    def of(cls, nodes: int, row: np.ndarray, column: np.ndarray) -> NodeBlocks:
        """That of pairs of nodes, and of every node with itself; they may come more than once."""
        ones = sp.csr_matrix((np.ones(len(row), np.int8), (row, column)), (nodes, nodes), dtype=bool)
        whole = sp.csr_matrix(ones + ones.T + sp.eye(nodes, dtype=bool))
        whole.sort_indices()
        return cls(whole.indptr, whole.indices)

    @property
    def nodes(self) -> int:
        """n."""
        return len(self.starts) - 1

    @cached_property
    def rows(self) -> np.ndarray:
        """The row of every block, (k,)."""
        return np.repeat(np.arange(self.nodes, dtype=self.columns.dtype), np.diff(self.starts))

    @cached_property
    def diagonal(self) -> np.ndarray:
        """Which blocks are those of nodes with themselves, (n,)."""
        return np.flatnonzero(self.rows == self.columns)

    @cached_property
    def turned(self) -> np.ndarray:
        """Which block is the transposed place of each, (k,)."""
        return np.lexsort((self.rows, self.columns))

    def transposed(self, blocks: np.ndarray) -> np.ndarray:
        """The blocks (k, b, b) of the transposed matrix."""
        return np.ascontiguousarray(blocks[self.turned].swapaxes(1, 2))

    def matrix(self, blocks: np.ndarray) -> sp.bsr_matrix:
        """The sparse matrix of blocks (k, b, b)."""
        return sp.bsr_matrix((blocks, self.columns, self.starts), shape=(self.nodes * blocks.shape[1],) * 2)

    def places(self, row: np.ndarray, column: np.ndarray) -> np.ndarray:
        """Which block each pair has."""
        key = self.rows.astype(np.int64) * self.nodes + self.columns
        return np.searchsorted(key, row.astype(np.int64) * self.nodes + column)

    def sums(self, row: np.ndarray, column: np.ndarray) -> sp.csr_matrix:
        """What sums values of pairs into their blocks, (k, pairs)."""
        ones = np.ones(len(row)), (self.places(row, column), np.arange(len(row)))
        return sp.csr_matrix(ones, shape=(len(self.columns), len(row)))

    def coarsened(self, P: sp.csr_matrix) -> tuple[sp.csr_matrix, NodeBlocks]:
        """What sums the blocks of P^T B P from those of B, for a P (n, coarse nodes) of all modes, and its pattern.

        The block of I and J is the sum of P_iI P_jJ B_ij.
        """
        of_rows, of_columns = np.diff(P.indptr)[self.rows], np.diff(P.indptr)[self.columns]
        block = np.repeat(np.arange(len(self.columns)), of_rows * of_columns)
        within = np.arange(len(block)) - np.searchsorted(block, np.arange(len(self.columns)))[block]
        left = P.indptr[self.rows[block]] + within // of_columns[block]
        right = P.indptr[self.columns[block]] + within % of_columns[block]
        coarse = NodeBlocks.of(P.shape[1], P.indices[left], P.indices[right])
        weights = P.data[left] * P.data[right], (coarse.places(P.indices[left], P.indices[right]), block)
        return sp.csr_matrix(weights, shape=(len(coarse.columns), len(self.columns))), coarse


def pieces(blocks: int) -> Iterator[slice]:
    """Of as many blocks, each of AT_ONCE."""
    return (slice(k, k + AT_ONCE) for k in range(0, blocks, AT_ONCE))
