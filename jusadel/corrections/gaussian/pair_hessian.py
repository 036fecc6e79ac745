"""The Hessian of the normal state between free nodes, a sparse Hermitian matrix, barriers and all (`quadratic_form`).

Between frequencies omega_1 and omega_2 of the same sign the action couples pairs as at their mean, since all of it but
omega is local in time: at omega + |Omega|/2 it is the Hessian of pairs with the frequency Omega.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import jax
import numpy as np
import scipy.sparse as sp

from jusadel.action.matrices.padding import in_few_sizes
from jusadel.action.mesh_action import DiscreteAction
from jusadel.corrections.cooperon import PER_RATE
from jusadel.corrections.quadratic_form import (
    SIGNS,
    cell_blocks,
    corner_turns,
    joint_blocks,
    node_blocks,
    turns,
)

Array = jax.Array


@dataclass(frozen=True)
class PairHessian:
    """Blocks of the singlet and, where something mixes them with it, of the three triplets.

    Attributes:
        system: the discrete action.
        nodes: numbers (n,) of the free nodes.
        components: 1, singlets alone, or 4.
        bare: the matrix at omega = 0, real where nothing is imaginary.
        weight: of omega in it, (n components,): 16 times the nodes' weights, negative for triplets.
        of_cells: blocks between corners, turned by the vector potential, (m, 3, 3, components, components).
    """

    system: DiscreteAction
    nodes: np.ndarray
    components: int
    bare: sp.csc_matrix
    weight: np.ndarray
    of_cells: np.ndarray

    @classmethod
    def of(cls, system: DiscreteAction) -> PairHessian:
        """That of a discrete action."""
        m, count = len(system.triangles), len(system.free)
        filled = in_few_sizes(system)
        cells = np.asarray(cell_blocks(filled))[:m] * np.asarray(turns(system.cells))[..., None, None]
        nodes = np.asarray(node_blocks(filled))[:count, None, None]
        joints = [np.asarray(joint_blocks(joint)) for joint in system.joints]
        c = 4 if any(_mixing(blocks) for blocks in (cells, nodes, *joints)) else 1
        free = np.flatnonzero(np.asarray(system.free))
        bare = cls(system, free, c, sp.csc_matrix((0, 0)), np.zeros(0), cells[..., :c, :c])
        places = [
            np.asarray(system.triangles),
            np.arange(count)[:, None],
            *(np.asarray(j.pairs) for j in system.joints),
        ]
        parts = zip(places, (cells, nodes, *joints), strict=True)
        matrix = sum(bare.assembled(where, blocks[..., :c, :c]) for where, blocks in parts)
        weight = 2 * PER_RATE * np.asarray(system.nodes.weight)[free, None] * SIGNS[:c]
        return replace(bare, bare=_real(matrix), weight=weight.ravel())

    def at(self, omega: float) -> sp.csc_matrix:
        """The matrix at a frequency."""
        return (self.bare + sp.diags(omega * self.weight)).tocsc()

    def along(self, line_A: np.ndarray) -> sp.csc_matrix:
        """Its derivative as line integrals (m, 3) along the cells' edges are added to those of the vector potential."""
        change = 2j * np.asarray(corner_turns(self.system.cells, line_A))
        return self.assembled(np.asarray(self.system.triangles), change[..., None, None] * self.of_cells)

    def assembled(self, places: np.ndarray, blocks: np.ndarray) -> sp.csc_matrix:
        """The sum of blocks (m, k, k, c, c) between nodes (m, k), as far as these are free."""
        c, n = self.components, len(self.nodes)
        number = np.full(len(np.asarray(self.system.free)), -1)
        number[self.nodes] = np.arange(n)
        at = number[places]
        at = np.where(at[..., None] < 0, -1, at[..., None] * c + np.arange(c))  # (m, k, c)
        rows = np.broadcast_to(at[:, :, None, :, None], blocks.shape).ravel()
        columns = np.broadcast_to(at[:, None, :, None, :], blocks.shape).ravel()
        kept = (rows >= 0) & (columns >= 0)
        values = blocks.ravel()[kept]
        return sp.coo_matrix((values, (rows[kept], columns[kept])), shape=(n * c,) * 2).tocsc()


def _mixing(blocks: np.ndarray) -> bool:
    """Whether they couple singlets with triplets."""
    return bool(np.any(blocks[..., 0, 1:]) or np.any(blocks[..., 1:, 0]))


def _real(matrix: sp.csc_matrix) -> sp.csc_matrix:
    return matrix if matrix.data.imag.any() else matrix.real.tocsc()
