"""Nested dissection of a mesh: the order in which a sparse matrix of its nodes is eliminated, front by front.

The nodes are cut into halves again and again; the nodes along each cut are eliminated after both halves. A front is one
such set of nodes, its pivots, with the later nodes that its elimination couples, its border.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

LEAF = 24
"""Nodes that are not cut any more."""


@dataclass(frozen=True)
class Front:
    """Nodes that are eliminated together.

    Attributes:
        pivots: how many nodes of the front are eliminated; they stand first.
        size: how many nodes it has.
        children: (number of an earlier front, places (b,) of that one's border in this front).
        slots, rows, columns: where the matrix's own blocks (k,) of the pivots' rows go.
        turned, below, left: where those of the border's rows go, in the pivots' columns.
    """

    pivots: int
    size: int
    children: tuple[tuple[int, np.ndarray], ...]
    slots: np.ndarray
    rows: np.ndarray
    columns: np.ndarray
    turned: np.ndarray
    below: np.ndarray
    left: np.ndarray


class Branch(NamedTuple):
    """Pivots, and the branches that are eliminated before them."""

    pivots: np.ndarray
    before: tuple[Branch, ...]


def dissected(indices: np.ndarray, indptr: np.ndarray, points: np.ndarray) -> list[Front]:
    """The fronts in the order of elimination, of a symmetric pattern in compressed rows and nodes at points (n, 2)."""
    n = len(points)
    adjacency = sp.csr_matrix((np.arange(1, len(indices) + 1), indices, indptr), shape=(n, n))
    mirror = sp.csr_matrix(adjacency.T)
    mirror.sort_indices()
    fronts: list[Front] = []
    _eliminate(_cut(np.arange(n), adjacency, points), adjacency, mirror.data - 1, np.zeros(n, bool), fronts)
    return fronts


def _cut(nodes: np.ndarray, adjacency: sp.csr_matrix, points: np.ndarray) -> Branch:
    """Nodes across their longer extension cut into halves, with the thinner side of the cut as separator."""
    if len(nodes) <= LEAF:
        return Branch(nodes, ())
    here = points[nodes]
    order = np.argsort(here[:, np.argmax(np.ptp(here, axis=0))], kind="stable")
    halves = nodes[order[: len(nodes) // 2]], nodes[order[len(nodes) // 2 :]]
    between = adjacency[halves[0]][:, halves[1]]
    touching = [np.diff(between.indptr) > 0, np.bincount(between.indices, minlength=len(halves[1])) > 0]
    side = int(touching[1].sum() < touching[0].sum())
    rest = halves[side][~touching[side]], halves[1 - side]
    before = tuple(_cut(part, adjacency, points) for part in rest if len(part))
    return Branch(halves[side][touching[side]], before)


def _eliminate(
    branch: Branch, adjacency: sp.csr_matrix, mirror: np.ndarray, done: np.ndarray, fronts: list[Front]
) -> tuple[int, np.ndarray]:
    """Append the fronts of a branch; the number of the last and its border."""
    before = [_eliminate(b, adjacency, mirror, done, fronts) for b in branch.before]
    own = np.concatenate([np.zeros(0, int), *(np.arange(*adjacency.indptr[i : i + 2]) for i in branch.pivots)])
    done[branch.pivots] = True
    reached = np.unique(np.concatenate([adjacency.indices[own], *(border for _, border in before)]))
    border = reached[~done[reached]]
    place = np.full(len(done), -1)
    place[branch.pivots] = np.arange(len(branch.pivots))
    place[border] = len(branch.pivots) + np.arange(len(border))
    rows = np.repeat(place[branch.pivots], np.diff(adjacency.indptr)[branch.pivots])
    columns = place[adjacency.indices[own]]
    outward = columns >= len(branch.pivots)
    fronts.append(
        Front(
            pivots=len(branch.pivots),
            size=len(branch.pivots) + len(border),
            children=tuple((number, place[theirs]) for number, theirs in before),
            slots=own[columns >= 0],
            rows=rows[columns >= 0],
            columns=columns[columns >= 0],
            turned=mirror[own[outward]],
            below=columns[outward],
            left=rows[outward],
        )
    )
    return len(fronts) - 1, border


def downwards(fronts: Sequence[Front]) -> Iterator[tuple[int, Front]]:
    """The fronts with their numbers, the last one first."""
    return reversed(list(enumerate(fronts)))
