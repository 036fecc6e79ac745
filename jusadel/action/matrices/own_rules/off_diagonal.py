"""Matrices in two by two blocks, [[R, K], [L, A]], to first order in K and in L.

Sums and products of them, and what is traced, keep four more than the diagonal: K, L, and what is of first order in
both, P and Q in the places of R and A,

    (G G')_K = R K' + K A',    (G G')_P = R P' + P R' + K L',
    (G G')_L = A L' + L R',    (G G')_Q = A Q' + Q A' + L K'.

The terms of the action, given these in place of matrices, give d2S/dK dL, the coefficient of K and L in the action of
the matrices of twice the size: no product with a zero block is worked out, and those of R and A once for all K and L,
which stand on trailing axes. None is a zero.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp

from jusadel.action.matrices.own_rules.base import OwnRules
from jusadel.action.matrices.products import product, trace_of_product

Array = jax.Array
Part = Array | None


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class OffDiagonal(OwnRules):
    """Such matrices, (n, n, ...) each; a plain matrix beside them stands for itself in both places of the diagonal."""

    R: Array
    A: Array
    K: Part = None
    L: Part = None
    P: Part = None
    Q: Part = None
    __array_ufunc__ = None  # so that NumPy leaves sums and products to what stands here

    def __len__(self) -> int:
        return len(self.R)

    def __getitem__(self, index: Any) -> OffDiagonal:
        return jax.tree.map(lambda x: x[index], self)

    @property
    def dtype(self) -> Any:
        """That of the numbers."""
        return self.R.dtype

    @property
    def ndim(self) -> int:
        """Axes."""
        return self.R.ndim

    @property
    def shape(self) -> tuple[int, ...]:
        """Of all parts together."""
        return jnp.broadcast_shapes(*(x.shape for x in jax.tree.leaves(self)))

    def __add__(self, other: Any) -> OffDiagonal:
        if not isinstance(other, OffDiagonal):  # a sum begins with the number zero, and a plain matrix is diagonal
            return replace(self, R=self.R + other, A=self.A + other)
        off = ((self.K, other.K), (self.L, other.L), (self.P, other.P), (self.Q, other.Q))
        return OffDiagonal(self.R + other.R, self.A + other.A, *(_sum(*parts) for parts in off))

    __radd__ = __add__

    def __neg__(self) -> OffDiagonal:
        return jax.tree.map(operator.neg, self)

    def __sub__(self, other: Any) -> OffDiagonal:
        return self + -other

    def __mul__(self, number: Any) -> OffDiagonal:
        if isinstance(number, OffDiagonal):
            raise TypeError("expected a number; matrices are multiplied by `product`")
        return jax.tree.map(lambda x: number * x, self)

    __rmul__ = __mul__

    @staticmethod
    def bilinear(a: Any, b: Any, sign: int) -> OffDiagonal:
        """a b + sign b a."""
        forward = _product(_in_blocks(a), _in_blocks(b))
        return forward + sign * _product(_in_blocks(b), _in_blocks(a)) if sign else forward

    @staticmethod
    def trace(a: Any, b: Any) -> Array:
        """What is of first order in K and L of Tr(a b)."""
        a, b = _in_blocks(a), _in_blocks(b)
        pairs = ((a.R, b.P), (a.P, b.R), (a.K, b.L), (a.A, b.Q), (a.Q, b.A), (a.L, b.K))
        found = [trace_of_product(x, y) for x, y in pairs if x is not None and y is not None]
        return sum(found[1:], start=found[0]) if found else jnp.zeros((), a.dtype)


def _in_blocks(x: Any) -> OffDiagonal:
    return x if isinstance(x, OffDiagonal) else OffDiagonal(x, x)


def _product(a: OffDiagonal, b: OffDiagonal) -> OffDiagonal:
    return OffDiagonal(
        product(a.R, b.R),
        product(a.A, b.A),
        _products((a.R, b.K), (a.K, b.A)),
        _products((a.A, b.L), (a.L, b.R)),
        _products((a.R, b.P), (a.P, b.R), (a.K, b.L)),
        _products((a.A, b.Q), (a.Q, b.A), (a.L, b.K)),
    )


def _products(*pairs: tuple[Part, Part]) -> Part:
    total = None
    for x, y in pairs:
        total = _sum(total, None if x is None or y is None else product(x, y))
    return total


def _sum(a: Part, b: Part) -> Part:
    if a is None or b is None:
        return b if a is None else a
    return a + b
