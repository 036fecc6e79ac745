"""Algebraic multigrid for the scalar screened operators 8 K + s, one hierarchy for all frequencies and components.

K is the stiffness matrix of the mesh; the screening s = 8 (omega + ...) x area differs by node, frequency, and
between singlet and triplet. Smoothed aggregation (pyamg) sets up K's hierarchy on the host, once a mesh; s is summed
down the levels with the prolongation's weights. All of a cycle is padded rows times blocks of (8, frequencies).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp

from jusadel.matrices import materialise
from jusadel.nambu import SIGNATURE
from jusadel.rows import Rows, padded

Array = jax.Array

DAMPING = 0.7
"""Of the Jacobi smoother."""
COARSEST, SWEEPS = 20, 6
"""Unknowns on the coarsest level, and smoothing steps there."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Level:
    """One level: 8 K, its diagonal, and the way to the next finer level and back (nothing on the finest)."""

    matrix: Rows
    diagonal: Array
    up: Rows  # prolongation to the finer level
    down: Rows  # its transpose


def hierarchy(stiffness: sp.csr_matrix, free: np.ndarray) -> tuple[Level, ...]:
    """The levels of 8 K on the free nodes; the others, with a unit diagonal, stand alone."""
    import pyamg

    inside = sp.diags(free.astype(float))
    matrix = sp.csr_matrix(8 * inside @ stiffness @ inside + sp.diags((~free).astype(float)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # K without reservoirs is singular, which s cures
        levels = pyamg.smoothed_aggregation_solver(
            matrix, strength=("symmetric", {"theta": 0.0}), max_coarse=COARSEST, max_levels=20
        ).levels
    nowhere = sp.csr_matrix((1, matrix.shape[0]))
    return tuple(_level(level.A, levels[k - 1].P if k else nowhere) for k, level in enumerate(levels))


def _level(matrix: Any, up: Any) -> Level:
    matrix = sp.csr_matrix(matrix)
    return Level(padded(matrix), jnp.asarray(matrix.diagonal()), padded(up), padded(sp.csr_matrix(up).T))


def screenings(levels: tuple[Level, ...], singlet: Array, triplet: Array) -> list[Array]:
    """s on all levels, (nodes, 8, w), from its values (n, w) on the mesh."""
    both = [jnp.stack([singlet, triplet], axis=1)]
    for level in levels[1:]:
        both.append(jnp.maximum(level.down @ both[-1], 0.0))
    return [
        materialise(jnp.concatenate([jnp.repeat(s[:, :1], 2, axis=1), jnp.repeat(s[:, 1:], 6, axis=1)], 1))
        for s in both
    ]


def cycle(levels: tuple[Level, ...], screening: list[Array], r: Array) -> Array:
    """One V(1,1) cycle for (8 K + s) x = r with r (n, 8, w)."""
    level, s = levels[0], screening[0]
    inverse = DAMPING / (level.diagonal[:, None, None] + s)
    defect = lambda x: r - level.matrix @ x - s * x  # noqa: E731
    x = materialise(inverse * r)
    if len(levels) > 1:
        coarse = cycle(levels[1:], screening[1:], levels[1].down @ defect(x))
        x = materialise(x + levels[1].up @ coarse)
    for _ in range(1 if len(levels) > 1 else SWEEPS):
        x = materialise(x + inverse * defect(x))
    return x


def preconditioner(levels: tuple[Level, ...], screening: list[Array], r: Array) -> Array:
    """The cycle with the normal state's signature: + for the singlet, - for the triplet directions."""
    return jnp.asarray(SIGNATURE, r.dtype)[:, None] * cycle(levels, screening, r)
