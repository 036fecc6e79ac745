"""A multigrid cycle over nodes, each with all of its modes, for the equations of distributions.

Around a gap's edge the modes diffuse at rates that differ by decades, from each other and from place to place, and turn
into each other. So a node's modes are smoothed together (Gauss-Seidel by blocks), and the coarse equations are
P^T B P: B itself for smooth f. P is that of the mesh's stiffness matrix, one for all modes and energies, and so is what
sums the blocks of P^T B P from those of B. What is constant everywhere, the equilibrium, which always solves the
equations, is among what it gives.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from jusadel.action.matrices.stiffness import stiffness, with_joints
from jusadel.action.mesh_action import DiscreteAction
from jusadel.nonequilibrium.linear.node_blocks import NodeBlocks
from jusadel.solver.linear.multigrid import aggregated

COARSEST = 50
"""Nodes of the coarsest level at most, whose equations are inverted."""


@dataclass(frozen=True)
class Coarsening:
    """The way from one level to the next coarser one."""

    up: sp.csr_matrix  # P (n, coarse nodes)
    down: sp.csr_matrix  # P^T
    sums: sp.csr_matrix  # of blocks, `NodeBlocks.coarsened`
    pattern: NodeBlocks  # of the coarse level

    def coarse(self, blocks: np.ndarray) -> np.ndarray:
        """The blocks of P^T B P."""
        b = blocks.shape[1]
        return (self.sums @ blocks.reshape(-1, b * b)).reshape(-1, b, b)


def coarsenings(system: DiscreteAction, pattern: NodeBlocks, dtype: np.dtype) -> list[Coarsening]:
    """From the mesh on down, for all energies; in a precision of its own."""
    made: list[Coarsening] = []
    for level in aggregated(with_joints(stiffness(system), system), np.asarray(system.free), COARSEST)[:-1]:
        P = sp.csr_matrix(level.P)
        sums, pattern = pattern.coarsened(P)
        made.append(Coarsening(P.astype(dtype), sp.csr_matrix(P.T, dtype=dtype), sums.astype(dtype), pattern))
    return made


class Cycle:
    """One V-cycle for a matrix of n nodes with b modes each, in the precision of its blocks.

    Args:
        pattern: of the matrix.
        blocks: (k, b, b), zero in rows and columns of what is not unknown, which stays zero.
        unknown: (n, b) bool.
        ways: the coarsenings from it.
    """

    def __init__(self, pattern: NodeBlocks, blocks: np.ndarray, unknown: np.ndarray, ways: list[Coarsening]) -> None:
        self.matrix = matrix = _held(pattern, blocks)
        self._unknown, self._levels = unknown.ravel(), []
        for way in ways:
            self._levels.append((_Level(pattern, matrix), way))
            pattern, blocks = way.pattern, way.coarse(blocks)
            matrix = _held(pattern, blocks)
        self._coarsest = inverses(matrix.toarray()[None])[0]

    def __call__(self, r: np.ndarray) -> np.ndarray:
        """About the solution for the right-hand side r (n b,)."""
        return self._from(0, r)

    def _from(self, number: int, r: np.ndarray) -> np.ndarray:
        if number == len(self._levels):
            return self._coarsest @ r
        level, way = self._levels[number]
        x = np.zeros_like(r)
        level.smooth(x, r, "forward")
        left, (fine, coarse) = r - level.matrix @ x, way.up.shape
        below = self._from(number + 1, (way.down @ left.reshape(fine, -1)).ravel())
        change = (way.up @ below.reshape(coarse, -1)).ravel()
        x += change if number else np.where(self._unknown, change, 0)
        level.smooth(x, r, "backward")
        return x


class _Level:
    """A matrix in blocks of a node's modes, and the inverse of those on its diagonal."""

    def __init__(self, pattern: NodeBlocks, matrix: sp.bsr_matrix) -> None:
        self._inverse = inverses(matrix.data[pattern.diagonal])
        self.matrix = matrix.tocsr() if self._inverse.shape[1] == 1 else matrix

    def smooth(self, x: np.ndarray, r: np.ndarray, sweep: str) -> None:
        """x, by Gauss-Seidel in one direction, in place."""
        from pyamg.relaxation.relaxation import block_gauss_seidel, gauss_seidel  # when it is first needed

        if self._inverse.shape[1] == 1:  # three times as quick as blocks of one
            gauss_seidel(self.matrix, x, r, 1, sweep)
        else:
            block_gauss_seidel(self.matrix, x, r, 1, sweep, self._inverse.shape[1], self._inverse)


def _held(pattern: NodeBlocks, blocks: np.ndarray) -> sp.bsr_matrix:
    """The matrix (n b, n b), with ones on the diagonal where a row has nothing: what no unknown takes part in."""
    held, mode = blocks.copy(), np.arange(blocks.shape[1])
    at = pattern.diagonal[:, None], mode, mode
    held[at] = np.where(held[at] == 0, 1, held[at])
    return pattern.matrix(held)


def inverses(blocks: np.ndarray) -> np.ndarray:
    """Of blocks (k, b, b), where they have one, worked out in double precision."""
    try:
        return np.linalg.inv(blocks.astype(float)).astype(blocks.dtype)
    except np.linalg.LinAlgError:
        return np.linalg.pinv(blocks.astype(float)).astype(blocks.dtype)
