"""The Cooperon of a device: the inverse of the action's Hessian in the normal state (`quadratic_form`).

For the pairs of time-reversed paths that interfere in a normal metal it is

    [ D (-i nabla - 2 A)^2 + 1/tau_phi + ... ] C = 1,     1/tau_phi = 2 omega,

with all terms of the action; singlets stand with +, triplets with -. Where electrodes hold G it vanishes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import jax
import numpy as np
import scipy.sparse as sp

from jusadel.action.matrices.padding import in_few_sizes, without_layout
from jusadel.action.mesh_action import DiscreteAction
from jusadel.corrections.dissection import Front, dissected
from jusadel.corrections.quadratic_form import SIGNS, cell_blocks, node_blocks, turns
from jusadel.corrections.selected_inverse import selected_inverse

PER_RATE = 8.0
"""Of a rate 1/tau_phi = 2 omega in the Hessian, beside signs and weights; -Tr(Lambda g) gives 16 omega."""


@dataclass(frozen=True)
class BlockPattern:
    """Where the blocks of cells and nodes go in the sparse matrix of the free nodes; made once a mesh.

    Attributes:
        free: numbers (n_free,) of the nodes.
        indices, indptr: the columns of the k blocks, row by row.
        slots: of the pairs of corners (m, 3, 3) among the k blocks; -1 where one of them is held.
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


@dataclass(frozen=True)
class Cooperon:
    """The Hermitian Hessian of a discrete action in the normal state, without dephasing, ready to be inverted."""

    system: DiscreteAction
    pattern: BlockPattern
    of_nodes: np.ndarray  # (N, 4, 4)
    of_cells: np.ndarray  # (m, 3, 3, 4, 4) without vector potential

    def inverse(self, dephasing: np.ndarray, along: np.ndarray | None = None) -> np.ndarray:
        """Blocks of the Cooperon C, (1, k, 4, 4), where the Hessian has its own.

        Args:
            dephasing: rates 1/tau_phi times the nodes' weights, (N,).
            along: numbers (N,) at the nodes; with them the derivative - C along C stands behind C, (2, k, 4, 4).
        """
        hessian, pattern = self.hessian(dephasing), self.pattern
        if along is None:
            return selected_inverse(pattern.fronts, hessian[None])
        change = np.zeros_like(hessian)
        change[pattern.diagonal] = along[pattern.free][:, None, None] * np.eye(4)
        return selected_inverse(pattern.fronts, np.stack([hessian, change]))

    def hessian(self, dephasing: np.ndarray) -> np.ndarray:
        """Its blocks (k, 4, 4), real where nothing is imaginary: without a field and what is odd in time."""
        turned = self.of_cells * np.asarray(turns(self.system.cells))[..., None, None]
        blocks = (self.pattern.into @ turned.reshape(-1, 16)).reshape(-1, 4, 4)
        rates = PER_RATE * dephasing[:, None, None] * np.diag(SIGNS)
        blocks[self.pattern.diagonal] += (self.of_nodes + rates)[self.pattern.free]
        return blocks if blocks.imag.any() else blocks.real

    def traces(self, blocks: np.ndarray) -> np.ndarray:
        """The trace over all eight tangents of the blocks (k, 4, 4) of each node with itself, (N,); zero where held."""
        found = np.zeros(len(self.system.free))
        found[self.pattern.free] = 2 * np.trace(blocks[self.pattern.diagonal], axis1=1, axis2=2).real
        return found


def cooperon_of(system: DiscreteAction, points: np.ndarray, before: Cooperon | None = None) -> Cooperon:
    """The Cooperon of an action whose nodes are at points (N, 2).

    Args:
        system: the action.
        points: of its nodes.
        before: that of another action, of which all is kept that did not change.
    """
    if before is not None and _same(_without_field(before.system), _without_field(system)):
        return replace(before, system=system)
    triangles, free = np.asarray(system.triangles), np.asarray(system.free)
    if before is not None and _same((before.system.triangles, before.system.free), (triangles, free)):
        pattern = before.pattern
    else:
        pattern = BlockPattern.of(triangles, free, points)
    filled = in_few_sizes(system)
    of_nodes, of_cells = (np.asarray(f(filled)) for f in (node_blocks, cell_blocks))
    return Cooperon(system, pattern, of_nodes[: len(free)], of_cells[: len(triangles)])


def _without_field(system: DiscreteAction) -> DiscreteAction:
    """The action without what a vector potential changes of it."""
    bare, nothing = without_layout(system), np.zeros(0)
    return replace(bare, links=False, cells=replace(bare.cells, line_A=nothing))  # type: ignore[arg-type]


def _same(one: Any, other: Any) -> bool:
    leaves, others = jax.tree.leaves(one), jax.tree.leaves(other)
    trees: list[Any] = [jax.tree.structure(x) for x in (one, other)]
    return bool(trees[0] == trees[1]) and all(map(np.array_equal, leaves, others))
