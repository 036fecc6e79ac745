"""The equations of several pairs of frequencies by GMRES with the multigrid cycle of Newton's method, all together.

H is symmetric at one frequency alone. Beside 8 K it has what the frequencies give at the nodes, whose modulus the cycle
takes, as at real energies. GMRES runs in single precision, and solves for what double precision finds to be left.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import cached_property, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp

from jusadel.action.matrices.padded_rows import places
from jusadel.action.matrices.padding import few_sizes, filled_up, with_zeros
from jusadel.action.matrices.products import materialise
from jusadel.action.matrices.stiffness import stiffness, with_joints
from jusadel.action.matrix_free import cast
from jusadel.action.nambu import SIGNATURE
from jusadel.common.differentiability import on_device
from jusadel.nonequilibrium.dynamics.two_frequencies.linearised import DoubledAction
from jusadel.nonequilibrium.dynamics.two_frequencies.solvers import FactoredPair, PairEquations
from jusadel.solver.linear import Krylov, StagnationWarning, SuperLU
from jusadel.solver.linear.krylov import SAFE
from jusadel.solver.linear.krylov_programs import iteratively_refined
from jusadel.solver.linear.multigrid import Level, cycle, hierarchy
from jusadel.solver.linear.sqmr_gmres import energy, fgmres

Array = jax.Array

WIDTH = 8
"""Pairs that are iterated together on CPUs; elsewhere more."""
MISSED = 30.0
"""Factor by which the accuracy may be missed before a direct solver takes over."""
SIZE, CYCLES, ROUNDS = 12, 4, 10
"""Iterations of GMRES before it restarts, restarts, and rounds of iterative refinement, at most."""
SIGNS = np.asarray(SIGNATURE)
BLOCK = 8.0
"""Of the stiffness matrix in H."""


class PairKrylov:
    """Made once a device.

    Args:
        action: the doubled action.
        settings: width, precision, and the direct solver that takes over.
        accuracy: relative error of the steps, in the energy norm.
    """

    direct = False

    def __init__(self, action: DoubledAction, settings: Krylov, accuracy: float) -> None:
        self.action, self._settings, self._accuracy = action, settings, accuracy
        self.width = settings.width or (WIDTH if jax.default_backend() == "cpu" else 8 * WIDTH)
        matrix, free = with_joints(stiffness(action.system), action.system), np.asarray(action.system.free)
        self._diagonal = BLOCK * matrix.diagonal()
        self._levels = hierarchy(matrix, free)
        self._inner = cast(self._levels, settings.inner if _safe(self._diagonal) else np.float64)

    def prepare(self, equations: PairEquations) -> IteratedPair:
        """The blocks, and what the cycle has beside 8 K."""
        return IteratedPair(equations, self._diagonal)

    def solve(self, prepared: Sequence[IteratedPair], rhs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Together, as far as the same modes take part; where iterations stagnate, directly."""
        found: list[Any] = [None] * len(prepared)
        groups: dict[bytes, list[int]] = {}
        for k, pair in enumerate(prepared):
            groups.setdefault(pair.equations.modes.tobytes(), []).append(k)
        for group in groups.values():
            alike = [prepared[k] for k in group]
            columns = [self._column(alike, [rhs[k][..., c] for k in group]) for c in range(rhs[0].shape[2])]
            for k, pair, x in zip(group, alike, np.stack(columns, axis=-1), strict=True):
                found[k] = pair.equations.whole(x[self.action.pattern.free])
        return found

    def _column(self, pairs: list[IteratedPair], rhs: list[np.ndarray]) -> np.ndarray:
        """x (b, N, a) of right-hand sides (N, 8) of pairs with the same modes."""
        modes = pairs[0].equations.modes
        if not len(modes):
            return np.zeros((len(pairs), self.action.nodes, 0), complex)
        r = np.where(self.action.system.free[:, None], np.stack(rhs)[..., modes], 0)
        blocks = with_zeros(np.stack([p.equations.blocks for p in pairs]), len(self.action.pattern.indices) + 1, axis=1)
        tol = np.full(len(pairs), self._accuracy)
        given = (blocks, np.stack([p.screening for p in pairs]), r, tol)
        x, reached = _solutions(
            self._levels, self._inner, *self._places, jnp.asarray(SIGNS[modes]), *self._filled(given)
        )
        x, reached = np.array(x)[: len(pairs)], np.asarray(reached)[: len(pairs)]
        poor = np.flatnonzero(~(reached <= MISSED * self._accuracy))
        if poor.size:
            self._told(reached[poor])
            for k in poor:
                x[k] = self._directly(pairs[k], rhs[k])
        return x

    def _filled(self, given: tuple[np.ndarray, ...]) -> Any:
        return on_device(tuple(np.moveaxis(filled_up(x, self.width), 0, -1) for x in given))

    def _told(self, reached: np.ndarray) -> None:
        warnings.warn(
            f"the Krylov iterations for the response stagnated at a relative error of {np.max(reached):.1e} (wanted "
            f"{self._accuracy:.0e}) for {len(reached)} pairs of energies; a direct solver takes over there. Where this "
            "happens often, pass linear_solver=jusadel.linear.SuperLU()",
            StagnationWarning,
            stacklevel=2,
        )

    def _directly(self, pair: IteratedPair, rhs: np.ndarray) -> np.ndarray:
        fallback = self._settings.fallback
        solver = fallback if getattr(fallback, "complex", False) and hasattr(fallback, "factorise") else SuperLU()
        return FactoredPair(pair.equations, solver)(rhs[..., None])[:, pair.equations.modes, 0]

    @cached_property
    def _places(self) -> tuple[Array, Array]:
        """Neighbours (N, s), and the numbers of the blocks with them: where there is none, of a zero behind all."""
        pattern, N = self.action.pattern, self.action.nodes
        numbers = sp.csr_matrix((np.arange(len(pattern.indices)), pattern.indices, pattern.indptr))
        row, place = places(numbers)
        shape = (N, few_sizes(place.max(initial=0) + 1))
        neighbour, block = np.zeros(shape, np.int32), np.full(shape, len(pattern.indices), np.int32)
        neighbour[pattern.free[row], place] = pattern.free[numbers.indices]
        block[pattern.free[row], place] = numbers.data
        return on_device((neighbour, block))


def _safe(diagonal: np.ndarray) -> bool:
    """Whether single precision holds such numbers, in the user's units, with room for products."""
    sizes = np.abs(diagonal[diagonal != 0])
    return bool(((sizes < SAFE) & (sizes > 1 / SAFE)).all())


class IteratedPair:
    """One pair with the screening of the cycle, (N, a)."""

    def __init__(self, equations: PairEquations, diagonal: np.ndarray) -> None:
        self.equations, self.screening = equations, _screening(equations, diagonal)
        self.size = equations.blocks.nbytes


def _screening(equations: PairEquations, diagonal: np.ndarray) -> np.ndarray:
    """The modulus of what H has on its diagonal beside 8 K, the mean over singlets and over triplets, (N, a)."""
    pattern, signs = equations.pattern, SIGNS[equations.modes]
    rows = np.repeat(np.arange(len(pattern.free)), np.diff(pattern.indptr))
    own = np.einsum("naa->na", equations.blocks[rows == pattern.indices])
    local = np.zeros((equations.count, len(signs)), complex)
    local[pattern.free] = signs * own - diagonal[pattern.free, None]
    found = np.zeros(local.shape)
    for sign in np.unique(signs):
        found[:, signs == sign] = np.abs(local[:, signs == sign].mean(axis=1))[:, None]
    return np.maximum(found, BLOCK * equations.lowest[:, None])


# --- the program ---------------------------------------------------------------------------------------


@jax.jit
def _solutions(
    levels: tuple[Level, ...],
    inner: tuple[Level, ...],
    neighbours: Array,
    numbers: Array,
    signs: Array,
    blocks: Array,
    screening: Array,
    rhs: Array,
    tol: Array,
) -> tuple[Array, Array]:
    """x (b, N, a) and its relative errors (b,), of blocks (k + 1, a, a, b), screening and rhs (N, a, b), tol (b,)."""
    H = blocks[numbers]  # (N, s, a, a, b)
    real = inner[0].diagonal.dtype
    rough = lambda x: x.astype(jnp.result_type(real, jnp.complex64))  # noqa: E731
    down = _on_levels(inner, screening.astype(real))
    precondition = lambda r: _preconditioned(inner, down, signs.astype(real), r)  # noqa: E731
    approximate = partial(_product, rough(H), neighbours)
    size = jnp.linalg.norm(rhs, axis=(0, 1))
    b = rhs / jnp.where(size == 0, 1, size)
    solve = lambda r, tol: fgmres(  # noqa: E731
        approximate, precondition, rough(r), tol.astype(real), SIZE, CYCLES, signs.astype(real)
    )
    measure = lambda r: energy(r, precondition(rough(r)), signs)  # noqa: E731
    x, reached = iteratively_refined(partial(_product, H, neighbours), solve, measure, b, tol, ROUNDS)
    return jnp.moveaxis(x * size, -1, 0), reached


def _product(H: Array, neighbours: Array, x: Array) -> Array:
    """H x of x (N, a, b)."""
    return materialise(jnp.sum(H * x[neighbours][:, :, None], axis=(1, 3)))


def _on_levels(levels: tuple[Level, ...], screening: Array) -> list[Array]:
    """The screening on all levels, for real and imaginary parts side by side."""
    both = [jnp.concatenate([screening, screening], axis=-1)]
    for level in levels[1:]:
        both.append(materialise(jnp.maximum(level.down @ both[-1], 0.0)))
    return both


def _preconditioned(levels: tuple[Level, ...], screening: list[Array], signs: Array, r: Array) -> Array:
    parts = cycle(levels, screening, materialise(jnp.concatenate([r.real, r.imag], axis=-1)))
    return jax.lax.complex(*jnp.split(signs[:, None] * parts, 2, axis=-1))
