"""Algebraic multigrid for the scalar screened operators 8 K + s, one hierarchy for all frequencies and components.

K is the stiffness matrix of the mesh; the screening s = 8 (omega + ...) x area differs by node, frequency, and
between singlet and triplet. Smoothed aggregation (pyamg) sets up K's hierarchy on the host, once a mesh; s is summed
down the levels with the prolongation's weights. All of a cycle is padded rows times blocks of (8, frequencies).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp

from jusadel.action.matrices.padded_rows import Rows, padded
from jusadel.action.matrices.products import materialise
from jusadel.action.nambu import SIGNATURE

Array = jax.Array

DEGREE = 3
"""Of the Chebyshev smoother."""
SPREAD, SAFETY = 6.0, 1.1
"""It smooths the upper part of the spectrum of the Jacobi-preconditioned operator: the largest eigenvalue, with some
room above since it is estimated, over the smallest to be damped."""
COARSEST, SWEEPS = 20, 3
"""Unknowns on the coarsest level, and smoothings there."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Level:
    """One level: 8 K, its diagonal, and the way to the next finer level and back (nothing on the finest)."""

    matrix: Rows
    diagonal: Array
    largest: Array  # eigenvalue of the Jacobi-preconditioned matrix
    up: Rows  # prolongation to the finer level
    down: Rows  # its transpose


def hierarchy(stiffness: sp.csr_matrix, free: np.ndarray) -> tuple[Level, ...]:
    """The levels of 8 K on the free nodes; the others, with a unit diagonal, stand alone."""
    levels = aggregated(8 * stiffness, free, COARSEST)
    nowhere = sp.csr_matrix((1, len(free)))
    return tuple(_level(level.A, levels[k - 1].P if k else nowhere) for k, level in enumerate(levels))


def aggregated(stiffness: sp.csr_matrix, free: np.ndarray, coarsest: int) -> list[Any]:
    """pyamg's levels of a matrix on the free nodes, where the others stand alone: A, and P to it from the next."""
    import pyamg  # when it is first needed

    inside = sp.diags(free.astype(float))
    matrix = sp.csr_matrix(inside @ stiffness @ inside + sp.diags((~free).astype(float)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # K without reservoirs is singular, which s cures
        return pyamg.smoothed_aggregation_solver(
            matrix, strength=("symmetric", {"theta": 0.0}), max_coarse=coarsest, max_levels=20
        ).levels


def _level(matrix: Any, up: Any) -> Level:
    from pyamg.util.linalg import approximate_spectral_radius

    matrix = sp.csr_matrix(matrix)
    diagonal = matrix.diagonal()
    largest = float(approximate_spectral_radius(sp.diags(1 / diagonal) @ matrix, initial_guess=_guess(len(diagonal))))
    return Level(
        padded(matrix),
        jax.device_put(diagonal),
        jax.device_put(np.float64(max(largest, 1.0))),
        padded(up),
        padded(sp.csr_matrix(up).T),
    )


def _guess(n: int) -> np.ndarray:
    """The same start for every run, so that every run gives the same."""
    return np.random.default_rng(0).random((n, 1))


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
    """One symmetric W-cycle for (8 K + s) x = r with r (n, 8, w).

    The coarse levels, where the work is small, are visited twice: with V-cycles the iterations grow with the mesh.
    """
    level, s = levels[0], screening[0]
    inverse = 1 / (level.diagonal[:, None, None] + s)
    apply = lambda x: level.matrix @ x + s * x  # noqa: E731
    x = _smoothed(level, apply, inverse, r)
    if len(levels) == 1:
        again = lambda _, x: x + _smoothed(level, apply, inverse, r - apply(x))  # noqa: E731
        return jax.lax.fori_loop(0, SWEEPS, again, x)

    def corrected(_: int, x: Array) -> Array:
        coarse = cycle(levels[1:], screening[1:], levels[1].down @ (r - apply(x)))
        return materialise(x + levels[1].up @ coarse)

    x = jax.lax.fori_loop(0, 2, corrected, x)  # a loop compiles once: unrolled it would double with each level
    return materialise(x + _smoothed(level, apply, inverse, r - apply(x)))


def _smoothed(level: Level, apply: Callable[[Array], Array], inverse: Array, r: Array) -> Array:
    """Chebyshev's polynomial of Jacobi's method (Saad 2003, algorithm 12.1), for the upper part of the spectrum."""
    top = SAFETY * level.largest
    middle, half = top * (1 + 1 / SPREAD) / 2, top * (1 - 1 / SPREAD) / 2
    sigma = (SPREAD + 1) / (SPREAD - 1)
    rho = 1 / sigma
    step = materialise(inverse * r / middle)
    x = step
    for _ in range(DEGREE - 1):
        rho_new = 1 / (2 * sigma - rho)
        step = materialise(rho_new * rho * step + 2 * rho_new / half * inverse * (r - apply(x)))
        x, rho = materialise(x + step), rho_new
    return x


def preconditioner(levels: tuple[Level, ...], screening: list[Array], r: Array) -> Array:
    """The cycle with the normal state's signature: + for the singlet, - for the triplet directions.

    Real and imaginary parts go side by side: XLA's complex arithmetic takes three times as long.
    """
    signed = lambda x: jnp.asarray(SIGNATURE, x.dtype)[:, None] * x  # noqa: E731
    if not jnp.iscomplexobj(r):
        return signed(cycle(levels, screening, r))
    twice = [jnp.concatenate([s, s], axis=-1) for s in screening]
    parts = signed(cycle(levels, twice, materialise(jnp.concatenate([r.real, r.imag], axis=-1))))
    return jax.lax.complex(*jnp.split(parts, 2, axis=-1))
