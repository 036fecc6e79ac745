"""Derivatives of densities with respect to their matrices in the pairing of the trace, df = Tr(Phi dG).

They are followed backwards through products, commutators, constant maps and traces. In this pairing no matrix is ever
transposed, which costs much on CPUs: of a commutator z = [a, b] with the slope Phi, Tr(Phi dz) = Tr([b, Phi] da) +
Tr([Phi, a] db). What comes out is made of products once more, so that JAX differentiates it forwards.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.action.matrices.own_rules.base import OwnRules
from jusadel.action.matrices.products import anticommutator, commutator, materialise, product

Array = jax.Array
Pull = Callable[[Array], Array]
_numbers = count()
_BILINEAR = {0: product, -1: commutator, 1: anticommutator}


class Recorded(OwnRules):
    """A matrix (n, n, ...) and what it was made of: each, and how a slope goes back to it."""

    __array_ufunc__ = None  # so that NumPy leaves sums and products to what stands here

    def __init__(self, value: Array, made_of: tuple[tuple[Recorded, Pull], ...] = ()) -> None:
        self.value, self.made_of, self.number = value, made_of, next(_numbers)
        self.ndim, self.dtype, self.shape = value.ndim, value.dtype, value.shape

    def __len__(self) -> int:
        return len(self.value)

    def __add__(self, other: Any) -> Recorded:
        either = [x for x in (self, other) if isinstance(x, Recorded)]
        return Recorded(materialise(self.value + _value(other)), tuple((x, lambda slope: slope) for x in either))

    __radd__ = __add__

    def __neg__(self) -> Recorded:
        return -1.0 * self

    def __sub__(self, other: Any) -> Recorded:
        return self + -other

    def __mul__(self, number: Any) -> Recorded:
        return Recorded(number * self.value, ((self, lambda slope: number * slope),))

    __rmul__ = __mul__

    def recombined(self, recombine: Callable[[np.ndarray, Any], Any], constant: np.ndarray) -> Recorded:
        """Tr(Phi C(G)) = Tr(C^T(Phi) G) with the indices of C in the opposite order."""
        back = np.transpose(constant, (3, 2, 1, 0))
        return Recorded(recombine(constant, self.value), ((self, lambda slope: recombine(back, slope)),))

    @staticmethod
    def bilinear(a: Any, b: Any, sign: int) -> Recorded:
        """a b + sign b a."""
        of, x, y = _BILINEAR[sign], _value(a), _value(b)
        ways: tuple[tuple[Any, Pull], ...] = ((a, lambda slope: of(y, slope)), (b, lambda slope: of(slope, x)))
        return Recorded(of(x, y), tuple((m, pull) for m, pull in ways if isinstance(m, Recorded)))

    @staticmethod
    def trace(a: Any, b: Any) -> Traced:
        """Tr(a b)."""
        slopes = ((a, _value(b)), (b, _value(a)))
        return Traced(tuple((m, slope) for m, slope in slopes if isinstance(m, Recorded)))


@dataclass(frozen=True)
class Traced:
    """A number as far as its slope goes: what it is traced from, and the slopes there."""

    slopes: tuple[tuple[Recorded, Array], ...]
    __array_ufunc__ = None

    def __add__(self, other: Any) -> Traced:
        return Traced(self.slopes + other.slopes) if isinstance(other, Traced) else self

    __radd__ = __add__

    def __mul__(self, number: Any) -> Traced:
        return Traced(tuple((m, number * slope) for m, slope in self.slopes))

    __rmul__ = __mul__

    def __neg__(self) -> Traced:
        return -1.0 * self

    def __sub__(self, other: Any) -> Traced:
        return self + -other


def slopes_of(energy: Callable[..., Any], *G: Array) -> list[Array]:
    """Phi_k with d energy(G_1, G_2, ...) = Sum_k Tr(Phi_k dG_k), shaped as the G_k."""
    given = [Recorded(g) for g in G]
    found = _followed_back(energy(*given))
    return [jnp.broadcast_to(found.get(g.number, jnp.zeros((), g.dtype)), g.shape) for g in given]


def _followed_back(traced: Any) -> dict[int, Array]:
    """The slopes of what nothing was made from, by number."""
    left: dict[int, tuple[Recorded, Array]] = {}

    def add(m: Recorded, slope: Array) -> None:
        left[m.number] = m, slope if m.number not in left else materialise(left[m.number][1] + slope)

    for m, slope in traced.slopes if isinstance(traced, Traced) else ():
        add(m, slope)
    found = {}
    while left:
        number = max(left)  # all that is made of it has a higher number, and has been
        m, slope = left.pop(number)
        if not m.made_of:
            found[number] = slope
        for source, pull in m.made_of:
            add(source, pull(slope))
    return found


def _value(x: Any) -> Any:
    return x.value if isinstance(x, Recorded) else x
