"""Weighted sums of matrices that links carry, W G = Sum_T w_T U_T G U_T^-1, in the components of G (`to_components`).

A link turns the components R_1, R_2 by an angle and the spins by a rotation S, and leaves the rest: so G splits into
parts, and whatever is summed over, a sum stays a few numbers. The sums over the two triangles of an edge, whose links
differ where a magnetic field goes through them, are taken once, before any matrix is seen.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.action.matrices import products
from jusadel.action.matrices.products import materialise
from jusadel.action.nambu import L, R

Array = jax.Array
Parts = Sequence[Array]
"""Of matrices (..., 4, 4, w): all of them, or their components by what turns them."""
EVERY, REST, TURNING = slice(None), slice(None, None, 3), slice(1, 3)
SCALAR, VECTOR = slice(0, 1), slice(1, 4)

SAME = 1e-13
"""Below this an angle or a rotation is none."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Weights:
    """What stands for Sum_T w_T U_T ( ) U_T^-1; none where no link turns so."""

    straight: Any  # (...): Sum w
    crossed: tuple[Any, Any] | None  # (...) each: Sum w cos, Sum w sin of the angle in the plane of R_1, R_2
    spin: Any | None  # (..., 3, 3): Sum w S
    crossed_spin: tuple[Any, Any] | None  # (..., 3, 3) each: Sum w cos S, Sum w sin S

    @property
    def turns(self) -> bool:
        """Whether anything is turned: else matrices are summed as they are."""
        return self.crossed is not None or self.spin is not None

    @property
    def transposed(self) -> Weights:
        """Sum w U^-1 ( ) U."""
        crossed = None if self.crossed is None else (self.crossed[0], -self.crossed[1])
        if self.spin is None:
            return Weights(self.straight, crossed, None, None)
        back = lambda x: jnp.swapaxes(x, -1, -2)  # noqa: E731
        both = None if self.crossed_spin is None else (back(self.crossed_spin[0]), -back(self.crossed_spin[1]))
        return Weights(self.straight, crossed, back(self.spin), both)

    def at(self, *index: Any) -> Weights:
        """Those at an index of the leading axes."""
        return jax.tree.map(lambda x: x[index], self)

    def each(self) -> list[tuple[slice, slice, tuple[Any, Any | None]]]:
        """Rows and columns of each part's components, and its weights without and with a quarter turn of R_1, R_2."""
        found = []
        for rows, plain, mixed in (
            (EVERY if self.spin is None else SCALAR, self.straight, self.crossed),
            (VECTOR, self.spin, self.crossed_spin),
        ):
            if plain is not None:
                found.append((rows, EVERY if mixed is None else REST, (plain, None)))
                found += [] if mixed is None else [(rows, TURNING, mixed)]
        return found


def parts_of(weights: Weights, X: Array) -> Parts:
    """The parts of matrices (..., 4, 4, w)."""
    return parted(weights, components(weights, X))


def components(weights: Weights, X: Array) -> Array:
    """The components of matrices (..., 4, 4, w), or the matrices where nothing turns: linear maps may act on either."""
    return _of_each(products.to_components, X) if weights.turns else X


def parted(weights: Weights, x: Array) -> Parts:
    """The parts of such components."""
    return [materialise(x[..., rows, columns, :]) for rows, columns, _ in weights.each()] if weights.turns else [x]


def merged(weights: Weights, parts: Sequence[Any]) -> Array:
    """The components of matrices from their parts, as `components` has them."""
    left = list(parts)
    if weights.crossed is not None:
        pairs = zip(left[::2], left[1::2], strict=True)
        left = [jnp.concatenate([rest[..., :1, :], two, rest[..., 1:, :]], axis=-2) for rest, two in pairs]
    return left[0] if len(left) == 1 else jnp.concatenate(left, axis=-3)


def matrices(weights: Weights, merged: Array) -> Array:
    """The inverse of `components`."""
    return _of_each(products.of_components, merged) if weights.turns else merged


def _of_each(f: Callable[[Array], Array], X: Array) -> Array:
    """f of matrices (4, 4, w), from and to (..., 4, 4, w)."""
    return jax.vmap(f)(X.reshape(-1, *X.shape[-3:])).reshape(X.shape)


def summed(terms: Iterable[tuple[Weights, Parts]]) -> Array:
    """The components of Sum_e W_e X_e, as `merged` gives them, from weights (n, ...) and the parts of matrices."""
    weights, parts = zip(*terms, strict=True)
    each = zip(
        *([_applied(*x) for x in zip(w.each(), X, strict=True)] for w, X in zip(weights, parts, strict=True)),
        strict=True,
    )
    return merged(weights[0], [materialise(reduce(operator.add, part)) for part in each])


def summed_over(axes: str, weights: Weights, parts: Parts) -> Array:
    """The same in a few library calls: weights and parts have further axes, and `axes` says what becomes of them.

    With "nck,nk->nc" the components (n, c, 4, 4, w) of Sum_k W_nck X_nk.
    """
    one, other, out = axes.replace("->", ",").split(",")

    def on(rows: slice, w: Array, y: Array) -> Array:
        turned = rows == VECTOR
        return jnp.einsum(f"{one}{'ab' if turned else ''},{other}{'b' if turned else 'a'}qw->{out}aqw", w, y)

    def applied(part: tuple[slice, slice, tuple[Any, Any | None]], y: Array) -> Array:
        rows, _, (plain, mixed) = part
        return on(rows, plain, y) if mixed is None else on(rows, plain, y) + on(rows, mixed, _quarter_turned(y))

    return merged(weights, [applied(*x) for x in zip(weights.each(), parts, strict=True)])


def _applied(part: tuple[slice, slice, tuple[Any, Any | None]], y: Array) -> Array:
    """One part of W X, (n, rows, columns, w), from that of X."""
    rows, _, (plain, mixed) = part
    on = _rotated if rows == VECTOR else lambda w, x: w[:, None, None, None] * x
    if mixed is None:
        return on(plain, y)
    return on(plain, y) + on(mixed, _quarter_turned(y))


def _quarter_turned(y: Array) -> Array:
    """By 90 degrees in the plane of R_1 and R_2."""
    return jnp.asarray([-1.0, 1.0], y.dtype)[:, None] * jnp.flip(y, axis=-2)


def _rotated(S: Array, y: Array) -> Array:
    terms = (S[:, :, k, None, None] * y[:, k, None] for k in range(3))
    return sum(terms, start=jnp.zeros((), y.dtype))


# --- how they are made --------------------------------------------------------------------------


def weights_of(links: np.ndarray | None, count: int) -> Weights:
    """Those of links (count, 4, 4) themselves, on concrete numbers."""
    straight = np.ones(count)
    if links is None:
        return Weights(straight, None, None, None)
    turned = lambda basis, to: np.einsum("bij,nik,akl,njl->nba", to, links, basis, links, optimize=True) / 4  # noqa: E731
    S, (cos, sin) = turned(L, L), turned(R[:1], R[:2])[:, :, 0].T
    crossed = (cos, sin) if np.abs(sin).max() > SAME or np.abs(cos - 1).max() > SAME else None
    if np.abs(S - np.eye(3)).max() <= SAME:
        return Weights(straight, crossed, None, None)
    both = None if crossed is None else (cos[:, None, None] * S, sin[:, None, None] * S)
    return Weights(straight, crossed, S, both)


def totals(weights: np.ndarray, carrying: Weights, number: np.ndarray, count: int) -> Weights:
    """The sums of weights (m,) and what carries, (m, ...), over all with the same number, (count, ...)."""

    def of(x: np.ndarray) -> np.ndarray:
        columns = [np.bincount(number, weights * y, count) for y in x.reshape(len(x), -1).T]
        return np.stack(columns, axis=1).reshape(count, *x.shape[1:])

    return jax.tree.map(of, carrying)
