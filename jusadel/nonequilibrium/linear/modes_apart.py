"""Which modes take part in each other in the equations of one energy."""

from __future__ import annotations

import numpy as np
from scipy.sparse.csgraph import connected_components

from jusadel.nonequilibrium.linear.node_blocks import NodeBlocks, pieces

APART = 1e-8
"""Couplings below this part of the diagonal, which has been scaled to one, are left to the rounds of refinement."""


def modes_apart(blocks: np.ndarray, pattern: NodeBlocks, scale: np.ndarray) -> list[np.ndarray]:
    """The sets of modes, each an array of numbers below b.

    Args:
        blocks: (k, b, b).
        pattern: where they are.
        scale: (n, b) of rows and columns, for a diagonal of one.
    """
    largest, scale = np.zeros(blocks.shape[1:], blocks.dtype), scale.astype(blocks.dtype)
    for part in pieces(len(blocks)):
        of_rows = np.abs(blocks[part]) * scale[pattern.rows[part]][:, :, None]
        np.maximum(largest, (of_rows * scale[pattern.columns[part]][:, None]).max(axis=0), out=largest)
    count, belongs = connected_components(largest > APART, directed=False)
    return [np.flatnonzero(belongs == number) for number in range(count)]
