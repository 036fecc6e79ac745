"""Which nodes are neighbours: the pairs of corners of all cells, those of the same nodes taken together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import numpy as np

from jusadel.action.matrices.links import edge_links, seam_turns
from jusadel.action.matrices.padding import few_sizes
from jusadel.action.mesh_action import Cells

Array = jax.Array


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class NodePairs:
    """The neighbours of each node, each once, and the node itself; what fills up points at the node itself."""

    index: Array  # (n, p)
    itself: Array  # (n, p) one where it is the node itself
    mirror: Array  # (n, p) which of all pairs (n p) is this one turned round


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

    def rows(self, values: np.ndarray, filled: Any = 0.0) -> np.ndarray:
        """The numbers in the padded rows, filled up."""
        out = np.empty((self.n, self.width, *values.shape[1:]), values.dtype)
        out[...] = filled
        out[self.node, self.place] = values
        return out


def pairs_of(triangles: np.ndarray, n: int) -> tuple[NodePairs, np.ndarray, PaddedPlaces]:
    """The pairs of nodes (n, p), the number (m, 3, 3) of those that the corners of each cell are, and their places."""
    first, second = np.repeat(triangles, 3, axis=1).ravel(), np.tile(triangles, (1, 3)).ravel()
    both, number = np.unique(first.astype(np.int64) * n + second, return_inverse=True)
    number = number.reshape(-1, 3, 3)
    places, opposite = PaddedPlaces.of(both // n, n), np.empty(len(both), int)
    opposite[number] = number.swapaxes(1, 2)
    mirror = np.arange(n * places.width).reshape(n, places.width)
    mirror[places.node, places.place] = places.flat[opposite]
    index = places.rows((both % n).astype(np.int32), np.arange(n, dtype=np.int32)[:, None])
    arrays = {
        "index": index,
        "itself": places.rows((both // n == both % n).astype(float)),
        "mirror": mirror.astype(np.int32),
    }
    return NodePairs(**jax.device_put(arrays)), number, places


def links_of_corners(cells: Cells) -> np.ndarray:
    """The links from the second to the first of all pairs of corners, (9 m, 4, 4)."""
    between = np.broadcast_to(np.eye(4), (len(cells.area), 3, 3, 4, 4)).copy()
    along = np.asarray(_all_edge_links(cells))
    turns = None if cells.turn is None else np.asarray(_all_seam_turns(cells))
    for i in range(3):
        j = (i + 1) % 3
        U = along[:, i] if turns is None else turns[:, i].swapaxes(1, 2) @ along[:, i] @ turns[:, j]
        between[:, i, j], between[:, j, i] = U, U.swapaxes(1, 2)
    return between.reshape(-1, 4, 4)


_all_edge_links = jax.jit(jax.vmap(edge_links))
_all_seam_turns = jax.jit(jax.vmap(seam_turns))
