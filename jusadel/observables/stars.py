"""The stars of a mesh: the edges and triangles round each node in order, and what a stream function has to do there.

A spoke is an edge seen from one of its ends: spoke 2 e + k starts at `edges[e, k]`. The spokes of a node in the inside
close round it; at an outer edge they are a fan (several, where pieces of the mesh touch in a node).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from jusadel.mesh.topology import Integers, Topology, edge_rows


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Stars:
    """How a stream function goes from the midpoints of spokes to their nodes; corners are those of the triangles.

    The gain from a spoke to its node is that of the way over the corners to the mean of the spokes, plus the mean of
    what each of them gains on its own half edge. A star whose ends are both vacuum takes those ends for the mean.
    """

    spoke: Any  # (p,) pairs of a spoke and
    corner: Any  # (p,) a corner, a place in triangles.ravel(), of one star,
    share: Any  # (p,) and how much of the gain over this corner there is between spoke and mean
    star: Any  # (2 e,) number of each spoke's,
    around: Any  # (3 m,) and of each corner's
    halves: Any  # (3 m, 2) weights of the half edges before and after each corner in the mean; zero along vacuum
    patch: Any  # (m, 3) number of each corner's node and region


@lru_cache(maxsize=8)
def stars(topology: Topology, passable: frozenset[str] | None) -> Stars:
    """The stars of a mesh in which current can pass the boundaries of these names alone; None for all outer edges."""
    beside = _beside(topology)
    begins, ends = np.full((2, 2 * len(topology.edges)), -1)  # the corners after and before each spoke
    begins[beside[:, 0]], ends[beside[:, 1]] = np.arange(len(beside)), np.arange(len(beside))
    fans = np.flatnonzero(ends < 0)
    star, rank = _walked(topology.edges.ravel(), fans, beside, begins)
    weight, sealed = _weights(star, (begins < 0) | (ends < 0), np.repeat(_tight(topology, passable), 2))
    around = star[beside[:, 0]]
    spoke, corner = _pairs(star, around)
    place, size = rank[beside[corner, 0]], np.bincount(star)[star[spoke]]
    round_it = (size - 1 - 2 * ((place - rank[spoke]) % size)) / (2 * size)
    along = _later(star, rank, weight)[beside[corner, 0]] - (place < rank[spoke])
    share = np.where(star[spoke] < len(fans), along, round_it)
    halves = (np.where(sealed, 0.0, weight) / np.bincount(beside.ravel()))[beside]
    return Stars(spoke, corner, share, star, around, halves, _patches(topology))


def _beside(topology: Topology) -> Integers:
    """The spokes before and after each corner, counter-clockwise, (3 m, 2)."""
    edges, triangles, rows = topology.edges, topology.triangles, topology.triangle_edges
    sides = [rows, np.roll(rows, 1, axis=1)]
    return np.stack([(2 * row + (edges[row, 1] == triangles)).ravel() for row in sides], axis=1)


def _walked(node: Integers, fans: Integers, beside: Integers, begins: Integers) -> tuple[Integers, Integers]:
    """Star and place in it of each spoke (2 e,): all stars at a time, from spoke to spoke; first come the fans."""
    whole = np.flatnonzero(~np.isin(node, node[fans]))
    at = np.concatenate([fans, whole[np.unique(node[whole], return_index=True)[1]]])
    star, rank, number, place = np.full(len(node), -1), np.zeros(len(node), int), np.arange(len(at)), 0
    while len(at):
        star[at], rank[at] = number, place
        corner, place = begins[at], place + 1
        following = beside[corner, 1]
        fresh = (corner >= 0) & (star[following] < 0)
        at, number = following[fresh], number[fresh]
    return star, rank


def _tight(topology: Topology, passable: frozenset[str] | None) -> NDArray[np.bool_]:
    """The outer edges that nothing passes, (e,)."""
    tight = (topology.edge_counts == 1) & (passable is not None)
    for name in passable or ():
        tight[edge_rows(topology.edges, topology.boundaries[name])] = False
    return tight


def _weights(
    star: Integers, outermost: NDArray[np.bool_], tight: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Weights (2 e,) of the spokes in the mean of their star, and whether it is that of vacuum edges alone."""
    vacuum = (outermost & tight).astype(float)
    total = np.bincount(star, vacuum)[star]
    sealed = total > 0
    return np.where(sealed, vacuum / np.where(sealed, total, 1), 1 / np.bincount(star)[star]), sealed


def _later(star: Integers, rank: Integers, weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """The weight of the spokes that come after each one in its star, (2 e,)."""
    order = np.lexsort((rank, star))
    later = np.empty(len(star))
    later[order] = 1 + star[order] - np.cumsum(weight[order])  # the weights of each star add up to one
    return later


def _pairs(of_spokes: Integers, of_corners: Integers) -> tuple[Integers, Integers]:
    """All pairs of a spoke and a corner with the same star."""
    order = np.argsort(of_corners, kind="stable")
    count = np.bincount(of_corners, minlength=of_spokes.max() + 1)
    first = np.cumsum(count) - count
    spoke = np.repeat(np.arange(len(of_spokes)), count[of_spokes])
    own = np.cumsum(count[of_spokes]) - count[of_spokes]
    return spoke, order[first[of_spokes[spoke]] + np.arange(len(spoke)) - own[spoke]]


def _patches(topology: Topology) -> Integers:
    keys = topology.triangles * len(topology.regions) + topology.region_of_triangle[:, None]
    return np.unique(keys, return_inverse=True)[1].reshape(-1, 3)
