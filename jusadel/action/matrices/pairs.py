"""Which nodes are neighbours: the pairs of corners of all cells, those of the same nodes and link taken together.

Cells that share an edge have the same link along it, unless a magnetic field or the curvature of a spin field goes
through them, or the spin field jumps. Then the two nodes have two entries in the sums over neighbours, and still one
block in a Hessian.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp

from jusadel.action.links import edge_links, seam_turns
from jusadel.action.matrices.padded_rows import Rows, padded
from jusadel.action.matrices.padding import few_sizes
from jusadel.action.mesh_action import Cells

Array = jax.Array

SAME = 1e-11
"""Difference of entries up to which two links are one."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class NodePairs:
    """The neighbours of each node, each once, and the node itself; what fills up points at the node itself."""

    index: Array  # (n, p)
    itself: Array  # (n, p) one where it is the node itself
    mirror: Array  # (n, p) which of all pairs (n p) is this one turned round
    entries: Rows | None  # (n p, n k) the sum over the entries of a pair, where there is more than one


class Groups(NamedTuple):
    """Pairs of corners (9 m,) of the same two nodes and link, in the order of the first node, then of the second."""

    number: np.ndarray  # (9 m,) of each pair of corners
    mirrored: np.ndarray  # (9 m,) of each pair of corners turned round
    first: np.ndarray  # (count,) nodes
    second: np.ndarray  # (count,)
    links: np.ndarray | None  # (count, 4, 4) from the second to the first


class PaddedPlaces(NamedTuple):
    """Where numbers (count,) that belong to nodes in rising order go in padded rows (n, width)."""

    node: np.ndarray
    place: np.ndarray
    n: int
    width: int

    @classmethod
    def of(cls, node: np.ndarray, n: int) -> PaddedPlaces:
        """One place after the other for each node."""
        count = np.bincount(node, minlength=n)
        place = np.arange(len(node)) - np.repeat(np.cumsum(count) - count, count)
        return cls(node, place, n, few_sizes(int(count.max(initial=1))))

    @property
    def flat(self) -> np.ndarray:
        """Their places among all (n width)."""
        return self.node * self.width + self.place

    def __call__(self, values: np.ndarray, filled: Any = 0.0) -> np.ndarray:
        """The rows, filled up."""
        out = np.empty((self.n, self.width, *values.shape[1:]), values.dtype)
        out[...] = filled
        out[self.node, self.place] = values
        return out


def pairs_of(groups: Groups, entries: PaddedPlaces, n: int) -> tuple[NodePairs, np.ndarray]:
    """The pairs of nodes, and which of them (n p) each group (count,) is; the entries stand at these places."""
    new = np.ones(len(groups.first), bool)
    new[1:] = (np.diff(groups.first) != 0) | (np.diff(groups.second) != 0)
    of_group = np.cumsum(new) - 1
    first, second = groups.first[new], groups.second[new]
    rows = PaddedPlaces.of(first, n)
    flat, mirror = rows.flat, np.arange(n * rows.width).reshape(n, rows.width)
    opposite = np.empty(len(first), int)
    opposite[of_group[groups.number]] = of_group[groups.mirrored]
    mirror[rows.node, rows.place] = flat[opposite]
    index = rows(second.astype(np.int32), np.arange(n, dtype=np.int32)[:, None])
    several = None
    if len(first) < len(groups.first):
        shape = (n * rows.width, n * entries.width)
        several = padded(sp.csr_matrix((np.ones(len(of_group)), (flat[of_group], entries.flat)), shape))
    itself = rows((first == second).astype(float))
    arrays = jax.device_put({"index": index, "itself": itself, "mirror": mirror.astype(np.int32)})
    return NodePairs(**arrays, entries=several), flat[of_group]


def grouped(triangles: np.ndarray, cells: Cells, links: bool) -> Groups:
    """The pairs of corners of all cells."""
    first, second, U = _corners(triangles, cells, links)
    order = np.lexsort((second, first))
    a, b = first[order], second[order]
    new = np.ones(len(order), bool)
    new[1:] = (np.diff(a) != 0) | (np.diff(b) != 0)
    if U is not None:
        U = U[order]
        new[1:] |= np.abs(U[1:] - U[:-1]).max(axis=(1, 2)) > SAME
    number = np.empty(len(order), int)
    number[order] = np.cumsum(new) - 1
    mirrored = number.reshape(-1, 3, 3).swapaxes(1, 2).ravel()
    return Groups(number, mirrored, a[new], b[new], None if U is None else U[new])


def _corners(triangles: np.ndarray, cells: Cells, links: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """All ordered pairs of corners of all cells, (9 m,) each, and the links from the second to the first."""
    first, second = np.repeat(triangles, 3, axis=1).ravel(), np.tile(triangles, (1, 3)).ravel()
    if not links:
        return first, second, None
    between = np.broadcast_to(np.eye(4), (len(triangles), 3, 3, 4, 4)).copy()
    along = np.asarray(_all_edge_links(cells))
    turns = None if cells.turn is None else np.asarray(_all_seam_turns(cells))
    for i in range(3):
        j = (i + 1) % 3
        U = along[:, i] if turns is None else turns[:, i].swapaxes(1, 2) @ along[:, i] @ turns[:, j]
        between[:, i, j], between[:, j, i] = U, U.swapaxes(1, 2)
    return first, second, between.reshape(-1, 4, 4)


_all_edge_links = jax.jit(jax.vmap(lambda cell: jnp.stack(edge_links(cell))))
_all_seam_turns = jax.jit(jax.vmap(lambda cell: jnp.stack(seam_turns(cell))))
