"""Elements of a mesh worked on in chunks of few sizes, so that programs do not depend on the mesh."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

CHUNKS = (16, 64, 256)
"""Elements that one program works on, whatever the mesh: it is compiled at most thus often for each set of terms."""


def chunked(function: Any, *elements: Any) -> Any:
    """function(*elements) for `CHUNKS` elements at a time, the last ones filled up with the first."""
    elements = jax.tree.map(np.asarray, elements)
    count = len(jax.tree.leaves(elements)[0])
    size = next((size for size in CHUNKS if size >= count), CHUNKS[-1])
    parts = []
    for start in range(0, count, size):
        rows = np.arange(start, start + size)
        rows[rows >= count] = 0
        parts.append(function(*jax.tree.map(lambda x, r=rows: x[r], elements)))
    return jax.tree.map(lambda *x: np.concatenate(x)[:count], *parts)
