"""Arguments that users give, checked: numbers, and arrays of real numbers."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def real(name: str, value: Any) -> Any:
    """The value as an array of real numbers: JAX's where JAX holds any of them (it may be tracing), else numpy's."""
    try:
        array = value if isinstance(value, jax.Array) else _as_array(value)
    except (TypeError, ValueError) as error:  # rows of different length, say
        raise ValueError(f"{name} = {value!r}; expected an array of real numbers") from error
    if array.dtype.kind not in "biuf":
        shown = f"array of {array.dtype}" if array.ndim else repr(value)
        raise ValueError(f"{name} = {shown}; expected real numbers")
    return array if array.dtype == float else array.astype(float)


def _as_array(value: Any) -> Any:
    held = any(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(value))
    return _stacked(value) if held else np.asarray(value)


@jax.jit
def _stacked(value: Any) -> jax.Array:
    """One program, where JAX traces parts of a list, for what would be one for each of them."""
    array = jnp.asarray(value)
    return array.astype(float) if array.dtype.kind in "biuf" else array


def is_count(value: Any) -> bool:
    """Whether it is one whole number >= 1."""
    return is_number(value, at_least=1) and float(value).is_integer()


def is_number(value: Any, at_least: float = -np.inf) -> bool:
    """Whether it is one finite real number; traced values have none to look at."""
    if isinstance(value, jax.core.Tracer):
        return True
    try:
        array = np.asarray(value)
    except ValueError:  # rows of different length
        return False
    return array.ndim == 0 and array.dtype.kind in "iuf" and bool(np.isfinite(array) and array >= at_least)


def check_temperature(T: Any) -> None:
    """Raise ValueError unless it is a temperature > 0, as far as JAX does not trace it."""
    if not is_number(T) or (not isinstance(T, jax.core.Tracer) and T <= 0):
        raise ValueError(f"T = {T!r}; expected a finite temperature > 0, in the units of Delta (k_B = 1)")
