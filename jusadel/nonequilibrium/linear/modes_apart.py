"""Which modes take part in each other in the equations of one energy."""

from __future__ import annotations

import numpy as np
from scipy.sparse.csgraph import connected_components

from jusadel.nonequilibrium.linear.node_blocks import NodeBlocks, pieces

APART = 1e-8
"""Couplings below this part of the diagonal, which has been scaled to one, are left to the rounds of refinement."""


def largest_couplings(blocks: np.ndarray, pattern: NodeBlocks, scale: np.ndarray) -> np.ndarray:
    """Of every mode by every mode the largest modulus anywhere, (b, b).

    Args:
        blocks: (k, b, b).
        pattern: where they are.
        scale: (n, b) of rows and columns, for a diagonal of one.
    """
    largest, scale = np.zeros(blocks.shape[1:], blocks.dtype), scale.astype(blocks.dtype)
    for part in pieces(len(blocks)):
        of_rows = np.abs(blocks[part]) * scale[pattern.rows[part]][:, :, None]
        np.maximum(largest, (of_rows * scale[pattern.columns[part]][:, None]).max(axis=0), out=largest)
    return largest


def sets_of_modes(largest: np.ndarray) -> list[np.ndarray]:
    """Those that do not couple, each an array of numbers below b, from `largest_couplings`."""
    count, belongs = connected_components(largest > APART, directed=False)
    return [np.flatnonzero(belongs == number) for number in range(count)]
