"""The slopes of the terms with gradients where they are sampled, from the densities alone."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from functools import reduce
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp

from jusadel.action.matrices.own_rules.slopes import slopes_of
from jusadel.action.matrices.products import materialise
from jusadel.action.mesh_action import Cells, mean_and_gradient, middle_density
from jusadel.action.terms import Term, density

Array = jax.Array


def corner_energy(
    terms: tuple[Term, ...], fields: tuple[str, ...], units: dict[str, Array]
) -> Callable[[Array, Sequence[Array] | Array], Array]:
    """The terms with one gradient at one node, from G (4, 4, ...) and the H (c of such).

    Args:
        terms: those that are there.
        fields: the field of each H, (c,).
        units: by field, (..., c): which component of it each of its H belongs to.
    """
    own = {t: [c for c, name in enumerate(fields) if name == t.field] for t in terms}

    def energy(G: Array, H: Sequence[Array] | Array) -> Array:
        unit = lambda t: SimpleNamespace(**{t.field: units[t.field]})  # noqa: E731
        each = (density((t,), G, [H[c] for c in numbers], unit(t)) for t, numbers in own.items())
        return sum(each, start=jnp.zeros(G.shape[2:], G.dtype))

    return energy


def corner_slopes(energy: Callable[..., Any], G: Array, H: Sequence[Array]) -> tuple[Array, tuple[Array, ...]]:
    """The slopes of such an energy at G and at the H."""
    own, *back = slopes_of(lambda g, *h: energy(g, h), G, *H)
    return own, tuple(back)


def middle_slopes(terms: tuple[Term, ...], cell: Cells, mean: Array, *dG: Array) -> tuple[Array, ...]:
    """The slopes of the terms in the middle of a cell at G and D_k G there, (4, 4, ...) each."""
    return tuple(slopes_of(lambda mean, *dG: middle_density(terms, mean, dG, cell), mean, *dG))


def at_the_corners(cell: Cells, mean: Array, *dG: Array) -> list[Array]:
    """The slopes at the three matrices that have been carried there, from those at their mean and gradient."""
    middle, slope = jnp.asarray(cell.middle), jnp.asarray(cell.gradients)
    each = lambda i: [middle[i] * mean, *(slope[i, k] * d for k, d in enumerate(dG))]  # noqa: E731
    return [materialise(reduce(operator.add, each(i))) for i in range(3)]


def slopes_of_triangle(terms: tuple[Term, ...], cell: Cells, *G: Array) -> list[Array]:
    """The slopes of the terms in the middle of a cell at its three matrices, which have been carried there."""
    mean, dG = mean_and_gradient(G, cell)
    return at_the_corners(cell, *middle_slopes(terms, cell, mean, *dG))
