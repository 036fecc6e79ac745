"""Nodes numbered by colours, so that those of one colour, none of which are neighbours, are smoothed at once.

Every colour has as many slots as the most frequent one, and a slot without a node behind holds zeros.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import jax
import numpy as np
import scipy.sparse as sp

from jusadel.action.matrices.padded_rows import places
from jusadel.action.matrices.padding import few_sizes
from jusadel.nonequilibrium.linear.node_blocks import NodeBlocks

Array = jax.Array
PASSES = 3
"""In which every node takes the colour that is least frequent so far."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Slots:
    """Where the nodes of a `NodeBlocks` stand, the colours one behind the other, and their rows of blocks, padded."""

    node: Array  # (slots,), n where there is none
    slot: Array  # (n,) of every node
    neighbours: Array  # (slots, s) slots
    numbers: Array  # (slots, s) of the blocks with them, k where there is none
    own: Array  # (slots,) of those with themselves
    rows: Array  # (k,) nodes
    columns: Array  # (k,) nodes
    diagonal: Array  # (n,) numbers of blocks
    colours: int = field(metadata={"static": True})


def slots_of(pattern: NodeBlocks, colour: np.ndarray) -> Slots:
    """Those of nodes with these colours (n,), as NumPy's arrays."""
    count, n, k = int(colour.max()) + 1, pattern.nodes, len(pattern.columns)
    each = np.bincount(colour)
    order = np.argsort(colour, kind="stable")
    slot = np.empty(n, np.int32)
    slot[order] = colour[order] * each.max() + np.arange(n) - np.repeat(np.cumsum(each) - each, each)
    row, place = places(sp.csr_matrix((np.ones(k, bool), pattern.columns, pattern.starts), shape=(n, n)))
    shape = (count * each.max(), few_sizes(place.max() + 1))
    node, own = np.full(shape[0], n, np.int32), np.full(shape[0], k, np.int32)
    neighbours, numbers = np.zeros(shape, np.int32), np.full(shape, k, np.int32)
    node[slot], own[slot] = np.arange(n), pattern.diagonal
    neighbours[slot[row], place], numbers[slot[row], place] = slot[pattern.columns], np.arange(k)
    rows, columns, diagonal = (x.astype(np.int32) for x in (pattern.rows, pattern.columns, pattern.diagonal))
    return Slots(*(node, slot, neighbours, numbers, own, rows, columns, diagonal), colours=count)  # type: ignore[arg-type]


def even_colours(pattern: NodeBlocks) -> np.ndarray:
    """A colour (n,) for every node that no neighbour has: one more than first come needs, so that all are as frequent.

    (Where the diagonals of squares form stars half of the nodes would get one of three colours.)
    """
    near = [pattern.columns[a:b].tolist() for a, b in pairwise(pattern.starts.tolist())]
    colour = [-1] * len(near)
    for node, others in enumerate(near):
        taken = {colour[other] for other in others}
        colour[node] = next(c for c in range(len(others)) if c not in taken)
    used = [*np.bincount(colour).tolist(), 0]
    for node, others in [*enumerate(near)] * PASSES:
        used[colour[node]] -= 1
        taken = {colour[other] for other in others if other != node}
        colour[node] = min((c for c in range(len(used)) if c not in taken), key=used.__getitem__)
        used[colour[node]] += 1
    return np.array(colour)
