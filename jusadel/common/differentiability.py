"""Whether JAX traces a number, and functions that take concrete numbers only: they say so in words."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import singledispatch, wraps
from typing import ParamSpec, TypeVar

import jax

P = ParamSpec("P")
R = TypeVar("R")

DIFFERENCES = "take central differences of it, or derivatives of `solve` and of what is computed from its Solution"
"""What to do instead where nothing nearer has derivatives."""
SHAPES = "derivatives of a shape are those with respect to the `points` of a mesh that is there"


class NotDifferentiableError(TypeError, ValueError):
    """A number that JAX traces came to a function without derivatives; the message says which, and what to do."""


@singledispatch
def leaf_is_traced(leaf: object) -> bool:
    """Whether JAX traces this, or anything in a dataclass into which JAX does not look, such as a Solution."""
    if is_dataclass(leaf) and not isinstance(leaf, type):
        return any(is_traced(getattr(leaf, f.name)) for f in fields(leaf))
    return isinstance(leaf, jax.core.Tracer)


def is_traced(x: object) -> bool:
    """Whether JAX traces any number of a Device, a Solution or the like, a number, an array or a collection of them."""
    return any(map(leaf_is_traced, jax.tree.leaves(x, is_leaf=_has_own_way)))


def _has_own_way(x: object) -> bool:
    return leaf_is_traced.dispatch(type(x)) is not leaf_is_traced.dispatch(object)


def without_derivatives(instead: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Marks a function of concrete numbers: where JAX traces one of them it raises NotDifferentiableError.

    Args:
        instead: what to do, the end of the message.
    """

    def marked(function: Callable[P, R]) -> Callable[P, R]:
        names = list(inspect.signature(function).parameters)

        @wraps(function)
        def checked(*args: P.args, **kwargs: P.kwargs) -> R:
            refuse_traced(function.__name__, instead, **dict(zip(names, args, strict=False)), **kwargs)
            return function(*args, **kwargs)

        return checked

    return marked


def refuse_traced(function: str, instead: str, /, **given: object) -> None:
    """Raise NotDifferentiableError in the name of a function where JAX traces any of what it was given."""
    traced = [name for name, value in given.items() if is_traced(value)]
    if traced:
        raise NotDifferentiableError(
            f"{function} has no derivatives: call it outside of jax.grad, jax.jit, jax.vmap and their kin, not with "
            f"{' and '.join(traced)} traced by JAX; {instead}"
        )
