"""Dataclasses that JAX looks into: numbers are leaves, words and functions of points are static."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, TypeVar

import jax

T = TypeVar("T", bound=type)


def as_pytree(cls: T) -> T:
    """Register a dataclass: JAX differentiates with respect to the numbers in its fields, and rebuilds it unchecked."""

    def flatten(given: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        values = [getattr(given, f.name) for f in fields(cls)]
        static = tuple(v if callable(v) or isinstance(v, str) else None for v in values)
        return tuple(v if s is None else None for v, s in zip(values, static, strict=True)), static

    def unflatten(static: tuple[Any, ...], leaves: tuple[Any, ...]) -> Any:
        new: Any = object.__new__(cls)  # without checks: the leaves may be tracers
        for f, leaf, s in zip(fields(cls), leaves, static, strict=True):
            object.__setattr__(new, f.name, leaf if s is None else s)
        return new

    jax.tree_util.register_pytree_node(cls, flatten, unflatten)
    return cls
