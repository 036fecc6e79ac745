"""The Cooperon of a device: the inverse of the action's Hessian in the normal state (`quadratic_form`).

For the pairs of time-reversed paths that interfere in a normal metal it is

    [ D (-i nabla - 2 A)^2 + 1/tau_phi + ... ] C = 1,     1/tau_phi = 2 omega,

with all terms of the action; singlets stand with +, triplets with -. Where electrodes hold G it vanishes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import jax
import numpy as np
import scipy.sparse as sp

from jusadel.action.matrices.padding import in_few_sizes, without_layout
from jusadel.action.mesh_action import DiscreteAction
from jusadel.corrections.dissection import Front, dissected
from jusadel.corrections.quadratic_form import SIGNS, all_corners, all_turns, cell_blocks, joint_blocks, node_blocks
from jusadel.corrections.selected_inverse import selected_inverse

PER_RATE = 8.0
"""Of a rate 1/tau_phi = 2 omega in the Hessian, beside signs and weights; -Tr(Lambda g) gives 16 omega."""


@dataclass(frozen=True)
class BlockPattern:
    """Where the blocks of cells and nodes go in the sparse matrix of the free nodes; made once a mesh.

    Attributes:
        free: numbers (n_free,) of the nodes.
        indices, indptr: the columns of the k blocks, row by row.
        slots: of the pairs of corners (m, 3, 3) among the k blocks; -1 where one of them is held. Pairs across barriers
            stand behind the cells, as triangles two of whose corners are one.
        fronts: the order of elimination.
    """

    free: np.ndarray
    indices: np.ndarray
    indptr: np.ndarray
    slots: np.ndarray
    fronts: list[Front]

    @classmethod
    def of(cls, triangles: np.ndarray, free: np.ndarray, points: np.ndarray) -> BlockPattern:
        """The pattern of cells (m, 3) between nodes, of which some are free (N,), at points (N, 2)."""
        number = np.where(free, np.cumsum(free) - 1, -1)[triangles]
        rows, columns = np.broadcast_arrays(number[:, :, None], number[:, None, :])
        inside, n = (rows >= 0) & (columns >= 0), int(free.sum())
        pairs, slot = np.unique(rows[inside].astype(np.int64) * n + columns[inside], return_inverse=True)
        slots = np.full(rows.shape, -1)
        slots[inside] = slot
        indptr = np.concatenate([[0], np.cumsum(np.bincount(pairs // n, minlength=n))])
        nodes, indices = np.flatnonzero(free), pairs % n
        return cls(nodes, indices, indptr, slots, dissected(indices, indptr, points[nodes]))

    @cached_property
    def diagonal(self) -> np.ndarray:
        """The blocks of free nodes with themselves, (n_free,)."""
        rows = np.repeat(np.arange(len(self.free)), np.diff(self.indptr))
        return np.flatnonzero(rows == self.indices)

    @cached_property
    def into(self) -> sp.csr_matrix:
        """What sums blocks of cells (9 m) into those of the matrix (k)."""
        given = np.flatnonzero(self.slots.ravel() >= 0)
        places = self.slots.ravel()[given], given
        return sp.csr_matrix((np.ones(len(given)), places), shape=(len(self.indices), self.slots.size))

    def on_cells(self, blocks: np.ndarray) -> np.ndarray:
        """The blocks (k, 4, 4) of the matrix between the corners of cells, (m, 3, 3, 4, 4); zero where one is held."""
        return np.where((self.slots >= 0)[..., None, None], blocks[self.slots], 0)


class CooperonWeights(NamedTuple):
    """What multiplies the traces of the Cooperon."""

    nodes: Any  # (N,) of a node with itself
    pairs: Any  # (P,) from one side of barriers to the other


@dataclass(frozen=True)
class Cooperon:
    """The Hermitian Hessian of a discrete action in the normal state, without dephasing, ready to be inverted."""

    system: DiscreteAction
    pattern: BlockPattern
    of_nodes: np.ndarray  # (N, 4, 4)
    of_cells: np.ndarray  # (m, 3, 3, 4, 4) without vector potential

    def inverse(self, dephasing: np.ndarray, along: CooperonWeights | None = None) -> np.ndarray:
        """Blocks of the Cooperon C, (1, k, 4, 4), where the Hessian has its own.

        Args:
            dephasing: rates 1/tau_phi times the nodes' weights, (N,).
            along: with them the derivative - C along C stands behind C, (2, k, 4, 4).
        """
        hessian, pattern = self.hessian(dephasing), self.pattern
        if along is None:
            return selected_inverse(pattern.fronts, hessian[None])
        change = np.zeros_like(hessian)
        change[pattern.diagonal] = along.nodes[pattern.free][:, None, None] * np.eye(4)
        for slots in (self.across, self.across_back):
            inside = slots >= 0
            np.add.at(change, slots[inside], along.pairs[inside][:, None, None] / 2 * np.eye(4))
        return selected_inverse(pattern.fronts, np.stack([hessian, change]))

    def hessian(self, dephasing: np.ndarray) -> np.ndarray:
        """Its blocks (k, 4, 4), real where nothing is imaginary: without a field and what is odd in time."""
        turned = self.of_cells * np.asarray(all_turns(self.system))[..., None, None]
        blocks = (self.pattern.into @ turned.reshape(-1, 16)).reshape(-1, 4, 4)
        rates = PER_RATE * dephasing[:, None, None] * np.diag(SIGNS)
        blocks[self.pattern.diagonal] += (self.of_nodes + rates)[self.pattern.free]
        return blocks if blocks.imag.any() else blocks.real

    def traces(self, blocks: np.ndarray) -> np.ndarray:
        """The trace over all eight tangents of the blocks (k, 4, 4) of each node with itself, (N,); zero where held."""
        found = np.zeros(len(self.system.free))
        found[self.pattern.free] = 2 * np.trace(blocks[self.pattern.diagonal], axis1=1, axis2=2).real
        return found

    @property
    def across(self) -> np.ndarray:
        """Where the blocks from one side of barriers to the other stand, (P,); -1 where one side is held."""
        return self.pattern.slots[len(self.system.triangles) :, 0, 1]

    @property
    def across_back(self) -> np.ndarray:
        """And the adjoint ones."""
        return self.pattern.slots[len(self.system.triangles) :, 1, 0]

    def traces_across(self, blocks: np.ndarray) -> np.ndarray:
        """The trace over all eight tangents of the blocks (k, 4, 4) across barriers, real part, (P,)."""
        inside = np.where(self.across >= 0, 2.0, 0.0)
        return inside * np.trace(blocks[self.across], axis1=1, axis2=2).real


def cooperon_of(system: DiscreteAction, points: np.ndarray, before: Cooperon | None = None) -> Cooperon:
    """The Cooperon of an action whose nodes are at points (N, 2).

    Args:
        system: the action.
        points: of its nodes.
        before: that of another action, of which all is kept that did not change.
    """
    if before is not None and _same(_without_field(before.system), _without_field(system)):
        return replace(before, system=system)
    corners, free = all_corners(system), np.asarray(system.free)
    if before is not None and _same((all_corners(before.system), before.system.free), (corners, free)):
        pattern = before.pattern
    else:
        pattern = BlockPattern.of(corners, free, points)
    filled = in_few_sizes(system)
    of_nodes, of_cells = (np.asarray(f(filled)) for f in (node_blocks, cell_blocks))
    joints = [_as_cells(np.asarray(joint_blocks(joint))) for joint in system.joints]
    of_cells = np.concatenate([of_cells[: len(system.triangles)], *joints])
    return Cooperon(system, pattern, of_nodes[: len(free)], of_cells)


def _as_cells(blocks: np.ndarray) -> np.ndarray:
    """Blocks (k, 2, 2, 4, 4) of pairs as those of cells, (k, 3, 3, 4, 4)."""
    return np.pad(blocks, ((0, 0), (0, 1), (0, 1), (0, 0), (0, 0)))


def _without_field(system: DiscreteAction) -> DiscreteAction:
    """The action without what a vector potential changes of it."""
    bare, nothing = without_layout(system), np.zeros(0)
    return replace(bare, links=False, cells=replace(bare.cells, line_A=nothing))  # type: ignore[arg-type]


def _same(one: Any, other: Any) -> bool:
    leaves, others = jax.tree.leaves(one), jax.tree.leaves(other)
    trees: list[Any] = [jax.tree.structure(x) for x in (one, other)]
    return bool(trees[0] == trees[1]) and all(map(np.array_equal, leaves, others))
