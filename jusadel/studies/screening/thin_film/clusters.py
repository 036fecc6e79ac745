"""Clusters of points in the plane, halved again and again, and which pairs of them are far from each other."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy

APART = 2.0
"""Sums of two clusters' radii between their middles, from which they are far from each other."""

Pairs = tuple[np.ndarray, np.ndarray]


class Clusters(NamedTuple):
    """A tree of clusters, each before its two halves. The members of one are `order[first:last]`."""

    order: np.ndarray  # (N,)
    first: np.ndarray  # (k,)
    last: np.ndarray  # (k,)
    halves: np.ndarray  # (k, 2); -1 where it is not halved
    depth: np.ndarray  # (k,)
    middle: np.ndarray  # (k, 2)
    half: np.ndarray  # (k, 2) half the sides of its box
    close: np.ndarray  # (k,) the farthest from a member at which something is close to it

    @property
    def is_leaf(self) -> np.ndarray:
        """Which are not halved, (k,)."""
        return self.halves[:, 0] < 0


def clusters(points: np.ndarray, spread: np.ndarray, close: np.ndarray, largest: int) -> Clusters:
    """Of points (N, 2), that reach as far as `spread` (N, 2) in x and y, with at most `largest` members in a leaf."""
    tree = scipy.spatial.cKDTree(points, leafsize=largest)
    nodes, depth, halves = [tree.tree], [0], []
    for k, node in enumerate(nodes):  # which grows as it goes
        halves.append((-1, -1) if node.lesser is None else (len(nodes), len(nodes) + 1))
        if node.lesser is not None:
            nodes += [node.lesser, node.greater]
            depth += [depth[k] + 1] * 2
    order, members = tree.indices, [slice(node.start_idx, node.end_idx) for node in nodes]
    low, high, close = (points - spread)[order], (points + spread)[order], close[order]
    low, high = (np.array([f(x[i], axis=0) for i in members]) for f, x in ((np.min, low), (np.max, high)))
    return Clusters(
        order=order,
        first=np.array([i.start for i in members]),
        last=np.array([i.stop for i in members]),
        halves=np.array(halves),
        depth=np.array(depth),
        middle=(low + high) / 2,
        half=np.maximum((high - low) / 2, 1e-12 * np.ptp(points)),
        close=np.array([close[i].max() for i in members]),
    )


def pairs_of_clusters(tree: Clusters) -> tuple[Pairs, Pairs]:
    """Ordered pairs that make up all pairs of members once: of clusters that are far, and of leaves that are not."""
    far, near = [], []
    a = b = np.zeros(1, int)
    while len(a):
        apart = _far(tree, a, b)
        far.append((a[apart], b[apart]))
        a, b = a[~apart], b[~apart]
        ends = tree.is_leaf[a] & tree.is_leaf[b]
        near.append((a[ends], b[ends]))
        a, b = _halved(tree, a[~ends], b[~ends])
    return _joined(far), _joined(near)


def _far(tree: Clusters, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    radii = np.linalg.norm(tree.half[a], axis=1) + np.linalg.norm(tree.half[b], axis=1)
    away = np.linalg.norm(tree.middle[a] - tree.middle[b], axis=1)
    return (away >= APART * radii) & (away - radii >= tree.close[a] + tree.close[b])


def _halved(tree: Clusters, a: np.ndarray, b: np.ndarray) -> Pairs:
    """The larger of each pair in halves."""
    size = np.linalg.norm(tree.half, axis=1)
    first = tree.is_leaf[b] | (~tree.is_leaf[a] & (size[a] >= size[b]))
    of_a, of_b = tree.halves[a[first]].ravel(), tree.halves[b[~first]].ravel()
    return np.concatenate([of_a, a[~first].repeat(2)]), np.concatenate([b[first].repeat(2), of_b])


def _joined(parts: list[Pairs]) -> Pairs:
    one, other = (np.concatenate(x) for x in zip(*parts, strict=True))
    return one, other


def pairs_of_members(tree: Clusters, a: np.ndarray, b: np.ndarray) -> Pairs:
    """All pairs (p,) of a member of a and one of b, for pairs of clusters."""
    rows, columns = tree.last[a] - tree.first[a], tree.last[b] - tree.first[b]
    count = rows * columns
    which = np.repeat(np.arange(len(a)), count)
    at = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    row, column = np.divmod(at, columns[which])
    return tree.order[tree.first[a][which] + row], tree.order[tree.first[b][which] + column]
