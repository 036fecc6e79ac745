"""The lines that a mesh must follow: pieces of the outline, of holes and region borders, split into edges."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jusadel.mesh.checks import _check_node_count
from jusadel.mesh.generator.geometry import Film, Points, extent_of, place
from jusadel.mesh.generator.sizes import SizeFunction
from jusadel.mesh.topology import Integers

SHORTEST = 1e-7
"""Edges shorter than this, in units of the film's extent, are not split any more."""
ACUTE = 75.0
"""Degrees: edges at input corners sharper than this are split at equal distances from the corner."""


class MeshingError(ValueError):
    """No mesh with good angles was found; the message says where it failed, and what to change."""


@dataclass(frozen=True, kw_only=True)
class Border:
    """Edges that the mesh must contain, and the straight pieces of the input that they are parts of."""

    points: Points  # (n, 2); the vertices of the input come first
    edges: Integers  # (s, 2)
    piece: Integers  # (s,) the piece that each edge is a part of
    on_piece: Integers  # (n,) the piece inside which a point lies; -1 at vertices
    pieces: Integers  # (q, 2) vertices at the ends of each piece
    corner: NDArray[np.float64]  # (n,) smallest angle of film at a vertex, in degrees; 360 elsewhere
    acute: NDArray[np.bool_]  # (n,) vertices at which two pieces enclose less than ACUTE, film between them or not
    unit: float  # a length: corners are cut at powers of two of it

    @property
    def lengths(self) -> NDArray[np.float64]:
        """(s,) lengths of the edges."""
        return np.hypot(*(self.points[self.edges[:, 1]] - self.points[self.edges[:, 0]]).T)

    @property
    def middles(self) -> Points:
        """(s, 2) midpoints of the edges."""
        return self.points[self.edges].mean(axis=1)

    def split(self, which: NDArray[np.bool_]) -> Border:
        """The same lines with the edges `which` (s,) cut in two.

        In the middle; but at an acute corner at a power of two (times `unit`) from it, so that the edges on both of
        its sides become equally long: otherwise each would make the other too long for ever.
        """
        if (self.lengths[which] < SHORTEST * self.unit).any():
            self.refuse(which)
        start, end = self.edges[which].T
        acute = self.acute
        turn = acute[end] & ~acute[start]
        start, end = np.where(turn, end, start), np.where(turn, start, end)
        a, along = self.points[start], self.points[end] - self.points[start]
        length = np.hypot(*along.T)
        shell = self.unit * 2.0 ** np.round(np.log2(length / (2 * self.unit)))
        t = np.where(acute[start] & ~acute[end], shell / length, 0.5)
        return self._cut(which, a + t[:, None] * along)

    def refuse(self, which: NDArray[np.bool_]) -> None:
        """Raises MeshingError with the place of the shortest of the edges `which` (s,)."""
        where = self.middles[which][self.lengths[which].argmin()]
        raise MeshingError(
            f"the border near {place(where)} needs ever shorter edges: look for lines or corners that almost touch "
            "or meet at a small angle there, and join them or move them apart"
        )

    def _cut(self, which: NDArray[np.bool_], new: Points) -> Border:
        number = len(self.points) + np.arange(len(new))
        start, end = self.edges[which].T
        halves = [np.stack([start, number], axis=1), np.stack([number, end], axis=1)]
        piece = self.piece[which]
        return replace(
            self,
            points=np.concatenate([self.points, new]),
            edges=np.concatenate([self.edges[~which], *halves]),
            piece=np.concatenate([self.piece[~which], piece, piece]),
            on_piece=np.concatenate([self.on_piece, piece]),
            **self._no_corners(len(new)),
        )

    def _no_corners(self, more: int) -> dict[str, Any]:
        straight = {"corner": np.full(more, 360.0), "acute": np.zeros(more, dtype=bool)}
        return {name: np.concatenate([getattr(self, name), new]) for name, new in straight.items()}

    def across_corner(self, u: Integers, v: Integers) -> NDArray[np.float64]:
        """(k,) angle in degrees of the acute corner on whose two sides the nodes u, v (k,) lie, equally far from it.

        The corner fixes how far such a pair is apart. 360 for all other pairs, interior nodes among them.
        """
        n = len(self.points)
        result = np.full(len(u), 360.0)
        both = np.flatnonzero((u < n) & (v < n))
        a, b = self.on_piece[u[both]], self.on_piece[v[both]]
        both, a, b = (x[(a >= 0) & (b >= 0) & (a != b)] for x in (both, a, b))
        for i in (0, 1):
            for j in (0, 1):
                corner = self.pieces[a, i]
                one, other = (np.hypot(*(self.points[x[both]] - self.points[corner]).T) for x in (u, v))
                same = (corner == self.pieces[b, j]) & self.acute[corner] & (np.abs(one - other) < 1e-6 * one)
                result[both[same]] = self.corner[corner[same]]
        return result


def border_of(vertices: Points, pieces: Integers, film: Film) -> Border:
    """The border before it is split, each piece (q, 2) one edge."""
    angle, in_film = _wedges(vertices, pieces, film)
    return Border(
        points=vertices,
        edges=pieces,
        piece=np.arange(len(pieces)),
        on_piece=np.full(len(vertices), -1),
        pieces=pieces,
        corner=in_film,
        acute=angle < ACUTE,
        unit=extent_of(vertices),
    )


def _wedges(vertices: Points, pieces: Integers, film: Film) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Smallest angle (n,) in degrees between neighbouring pieces at each vertex: of all, and of those in the film."""
    node = np.concatenate([pieces[:, 0], pieces[:, 1]])
    along = vertices[np.concatenate([pieces[:, 1], pieces[:, 0]])] - vertices[node]
    direction, length = np.arctan2(along[:, 1], along[:, 0]), np.hypot(*along.T)
    order = np.lexsort((direction, node))
    node, direction, length = node[order], direction[order], length[order]
    first = np.append(True, node[1:] != node[:-1])
    start = np.flatnonzero(first)
    following = np.arange(1, len(node) + 1)
    following[np.append(start[1:], len(node)) - 1] = start  # the last piece of a vertex is followed by its first
    angle = (direction[following] - direction) % (2 * np.pi)
    angle[angle == 0] = 2 * np.pi  # the only piece
    middle, reach = direction + 0.5 * angle, 1e-3 * np.minimum.reduceat(length, start)[np.cumsum(first) - 1]
    within = film(vertices[node] + reach[:, None] * np.stack([np.cos(middle), np.sin(middle)], axis=1))
    results = np.full((2, len(vertices)), 360.0)
    np.minimum.at(results[0], node, np.degrees(angle))
    np.minimum.at(results[1], node[within], np.degrees(angle[within]))
    return results[0], results[1]


def divided(border: Border, size: SizeFunction) -> Border:
    """Each piece cut into edges that are as long as `size` allows, changing in length as it does."""
    ends, owner = _bisected(border, size)
    length = np.hypot(*(ends[:, 1] - ends[:, 0]).T)
    count = length / size(ends.mean(axis=1))
    where, new = [np.zeros(0, dtype=int)], [np.zeros((0, 2))]
    starts = np.concatenate([np.searchsorted(owner, np.arange(len(border.edges))), [len(owner)]])
    for number, (first, last) in enumerate(pairwise(starts)):
        total = np.concatenate([[0], np.cumsum(count[first:last])])
        n = max(1, int(np.ceil(total[-1] - 1e-9)))
        at = np.concatenate([ends[first:last, 0], ends[last - 1 : last, 1]])
        wanted = np.arange(1, n) * (total[-1] / n)
        new.append(np.stack([np.interp(wanted, total, at[:, axis]) for axis in (0, 1)], axis=1))
        where.append(np.full(n - 1, number))
    return _chained(border, np.concatenate(new), np.concatenate(where))


def _bisected(border: Border, size: SizeFunction) -> tuple[Points, Integers]:
    """Parts of the edges (k, 2, 2), at most half as long as `size`, in order along each edge; their edges (k,)."""
    begin, end = np.zeros(len(border.edges)), np.ones(len(border.edges))
    owner = np.arange(len(border.edges))
    start = border.points[border.edges[:, 0]]
    along = border.points[border.edges[:, 1]] - start
    while True:
        middle = 0.5 * (begin + end)
        length = (end - begin) * np.hypot(*along[owner].T)
        limit = np.min([size(start[owner] + t[:, None] * along[owner]) for t in (begin, middle, end)], axis=0)
        long = length > 0.501 * limit  # no ties for halves, which round-off would decide
        if not long.any():
            break
        _check_node_count(len(owner) + long.sum())
        begin = np.concatenate([begin, middle[long]])
        end = np.concatenate([np.where(long, middle, end), end[long]])
        owner = np.concatenate([owner, owner[long]])
        order = np.lexsort((begin, owner))
        begin, end, owner = begin[order], end[order], owner[order]
    parts = np.stack([begin, end], axis=1)[..., None]
    return start[owner][:, None] + parts * along[owner][:, None], owner


def _chained(border: Border, new: Points, where: Integers) -> Border:
    """New points put between the ends of the edges `where` (k,) that they lie on, in order along each."""
    number = len(border.points) + np.arange(len(new))
    last = np.append(where[1:] != where[:-1], True)[: len(where)]
    first = np.append(True, where[1:] != where[:-1])[: len(where)]
    before = np.where(first, border.edges[where, 0], number - 1)
    whole = np.setdiff1d(np.arange(len(border.edges)), where)
    closing = np.stack([number[last], border.edges[where[last], 1]], axis=1)
    edges = [border.edges[whole], np.stack([before, number], axis=1), closing]
    piece = [border.piece[whole], border.piece[where], border.piece[where[last]]]
    return replace(
        border,
        points=np.concatenate([border.points, new]),
        edges=np.concatenate(edges),
        piece=np.concatenate(piece),
        on_piece=np.concatenate([border.on_piece, border.piece[where]]),
        **border._no_corners(len(new)),
    )
