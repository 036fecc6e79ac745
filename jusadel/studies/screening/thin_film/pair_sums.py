"""Sums over all triangles of a mesh of integrals of 1/|r - r'|, at a cost in proportion to their number.

    s_i = Sum_j Int_i Int_j 1/|r - r'| q_j        i: the triangles, then the edges; j: the triangles

Pairs of leaves of a tree of clusters that are not far apart are summed one by one. Between clusters that are far 1/|r
- r'| is a polynomial in r and r', Chebyshev's of a total degree below `ORDER` in the boxes of both (the black-box
multipole method, Fong and Darve, J. Comput. Phys. 228, 8712 (2009)): of the sources it needs the moments of the
polynomials, which pass from clusters to those of which they are halves, and the sums at the targets go down the same
way. A triangle stands there as four points with its second moments, as in the monopoles and quadrupoles of all far
pairs.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import scipy.sparse as sp
from numpy.polynomial.chebyshev import chebvander

from jusadel.studies.screening.thin_film.clusters import Clusters, clusters, pairs_of_clusters, pairs_of_members
from jusadel.studies.screening.thin_film.triangle_potentials import (
    BLOCK,
    NEAR,
    Moments,
    NearPairs,
    far_integrals,
)

ORDER = 7
"""Degrees of the polynomials."""
LEAF = 48
"""Members of a leaf."""
DEGREES = np.array([(i, j) for i in range(ORDER) for j in range(ORDER - i)])
_NODES = np.cos(np.pi * (np.arange(ORDER) + 0.5) / ORDER)
_TO_SERIES = np.where(np.arange(ORDER) > 0, 2, 1)[:, None] / ORDER * chebvander(_NODES, ORDER - 1).T
"""Coefficients of Chebyshev's polynomials from values at the nodes, (ORDER, ORDER)."""


@dataclass(frozen=True)
class PairSums:
    """The sums as products with sparse matrices."""

    near: sp.csr_matrix  # (m + e, m)
    moments: sp.csr_matrix = field(repr=False)  # (clusters x polynomials, m + e)
    passed_up: tuple[sp.bsr_matrix, ...] = field(repr=False)  # of each depth, the deepest first
    between: sp.bsr_matrix = field(repr=False)  # clusters that are far

    def times(self, q: np.ndarray) -> np.ndarray:
        """s (m + e, k) of q (m, k)."""
        sources = self.moments[:, : len(q)] @ q
        return self.near @ q + self.moments.T @ self._passed(sources)

    def transposed(self, s: np.ndarray) -> np.ndarray:
        """Sum_i s_i Int_i Int_j 1/|r - r'|, (m, k)."""
        m = self.near.shape[1]
        return self.near.T @ s + self.moments[:, :m].T @ self._passed(self.moments @ s)

    def _passed(self, w: np.ndarray) -> np.ndarray:
        for up in self.passed_up:
            w = w + up @ w
        w = self.between @ w
        for up in self.passed_up[::-1]:
            w = w + up.T @ w
        return w


def pair_sums(members: Moments, near: NearPairs) -> PairSums:
    """Those of triangles and edges, with the exact integrals of near pairs."""
    points = _four_points(members)
    spread = np.abs(points - members.middle[:, None]).max(axis=1)
    tree = clusters(members.middle, spread, NEAR * members.size, LEAF)
    far, close = pairs_of_clusters(tree)
    return PairSums(
        _one_by_one(members, near, tree, close), _moments(members, points, tree), _ups(tree), _far(tree, far)
    )


def _four_points(members: Moments) -> np.ndarray:
    """(N, 4, 2), with the members' second moments and no third ones."""
    values, vectors = np.linalg.eigh(members.second)
    along = np.sqrt(2 * np.maximum(values, 0))[:, None] * vectors
    steps = np.concatenate([along, -along], axis=2).swapaxes(1, 2)
    return members.middle[:, None] + steps


def _one_by_one(members: Moments, near: NearPairs, tree: Clusters, close: tuple[np.ndarray, ...]) -> sp.csr_matrix:
    m = near.triangles
    parts = []
    for some in np.array_split(np.arange(len(close[0])), max(1, len(close[0]) * LEAF**2 // BLOCK)):
        i, j = pairs_of_members(tree, close[0][some], close[1][some])
        i, j = i[j < m], j[j < m]
        parts.append((i, j, far_integrals(members.of(i), members.of(j))))
    i, j, value = (np.concatenate(x) for x in zip(*parts, strict=True))
    shape = (len(members.middle), m)
    value[near.among(i, j)] = 0.0
    matrix = sp.csr_matrix((value, (i, j)), shape) + sp.csr_matrix((near.values, (near.first, near.second)), shape)
    return sp.csr_matrix(matrix)


def _products(x: np.ndarray) -> np.ndarray:
    """The polynomials (..., polynomials) at points (..., 2) of [-1, 1]^2."""
    along = chebvander(x, ORDER - 1)
    return np.asarray(along[..., 0, DEGREES[:, 0]] * along[..., 1, DEGREES[:, 1]])


def _moments(members: Moments, points: np.ndarray, tree: Clusters) -> sp.csr_matrix:
    leaves = np.flatnonzero(tree.is_leaf)
    count = (tree.last - tree.first)[leaves]
    of = np.empty(len(points), int)
    of[np.concatenate([tree.order[a:b] for a, b in zip(tree.first[leaves], tree.last[leaves], strict=True)])] = (
        np.repeat(leaves, count)
    )
    inside = (points - tree.middle[of][:, None]) / tree.half[of][:, None]
    value = members.measure[:, None] * _products(inside).mean(axis=1)
    row = of[:, None] * len(DEGREES) + np.arange(len(DEGREES))
    column = np.broadcast_to(np.arange(len(points))[:, None], row.shape)
    shape = (len(tree.first) * len(DEGREES), len(points))
    return sp.csr_matrix((value.ravel(), (row.ravel(), column.ravel())), shape)


def _ups(tree: Clusters) -> tuple[sp.bsr_matrix, ...]:
    parent = np.full(len(tree.first), -1)
    split = np.flatnonzero(~tree.is_leaf)
    parent[tree.halves[split].ravel()] = split.repeat(2)
    found = []
    for depth in range(int(tree.depth.max()), 0, -1):
        child = np.flatnonzero(tree.depth == depth)
        found.append(_blocks(parent[child], child, _steps_up(tree, parent[child], child), len(parent)))
    return tuple(found)


def _steps_up(tree: Clusters, parent: np.ndarray, child: np.ndarray) -> np.ndarray:
    """The polynomials of the parent in those of the child, (k, polynomials, polynomials)."""
    shift = (tree.middle[child] - tree.middle[parent]) / tree.half[parent]
    values = chebvander(shift[..., None] + (tree.half[child] / tree.half[parent])[..., None] * _NODES, ORDER - 1)
    x, y = np.moveaxis(np.einsum("cq,kiqp->kipc", _TO_SERIES, values), 1, 0)
    i, j = DEGREES.T
    return np.asarray(x[:, i[:, None], i] * y[:, j[:, None], j])


def _far(tree: Clusters, far: tuple[np.ndarray, ...]) -> sp.bsr_matrix:
    """1/|r - r'| in the polynomials of both."""
    grid = np.stack(np.meshgrid(_NODES, _NODES, indexing="ij"), axis=-1).reshape(-1, 2)
    series = (_TO_SERIES[DEGREES[:, 0], :, None] * _TO_SERIES[DEGREES[:, 1], None, :]).reshape(len(DEGREES), -1)
    values = np.empty((len(far[0]), len(DEGREES), len(DEGREES)))
    step = max(1, BLOCK // len(grid) ** 2)
    for first in range(0, len(values), step):
        a, b = (x[first : first + step] for x in far)
        one, other = (tree.middle[x][:, None] + tree.half[x][:, None] * grid for x in (a, b))
        away = one[:, :, None] - other[:, None]
        values[first : first + step] = series @ (1 / np.sqrt(away[..., 0] ** 2 + away[..., 1] ** 2)) @ series.T
    return _blocks(far[0], far[1], values, len(tree.first))


def _blocks(row: np.ndarray, column: np.ndarray, values: np.ndarray, count: int) -> sp.bsr_matrix:
    order = np.lexsort((column, row))
    start = np.searchsorted(row[order], np.arange(count + 1))
    return sp.bsr_matrix((values[order], column[order], start), shape=(count * len(DEGREES),) * 2)
