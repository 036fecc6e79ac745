"""Points of a sweep: what the function of a value returns, as arrays by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from jusadel.common.differentiability import refuse_traced
from jusadel.common.types import ArrayLike

RESULT = "result"
"""The name of results that come without one."""

Record = dict[str, np.ndarray]
PointFunction = Callable[[Any, Any], Any]
"""From a value and what came before to results, which may be with the start of the next one in a pair."""


def results_and_start(given: object, start: Any) -> tuple[Record, Any]:
    """Results as arrays by name, and the start of the next point.

    Raises:
        TypeError: they are no numbers, or neither results nor the pair (results, start).
    """
    if isinstance(given, tuple) and len(given) != 2:
        raise TypeError(f"the function returned {len(given)} values; expected results, or (results, start of the next)")
    results, following = given if isinstance(given, tuple) else (given, start)
    named = results if isinstance(results, Mapping) else {RESULT: results}
    if not named:
        raise TypeError("the function returned no results; expected a number, an array, or a dict of them")
    return {str(name): _numbers(str(name), value) for name, value in named.items()}, following


def by_itself(point: PointFunction, start: Any, total: int, number: int, value: ArrayLike) -> Record:
    """The results of a point of `total` that others neither wait for nor follow.

    Raises:
        TypeError: as `results_and_start`; the point hands on a start.
    """
    with noted(value, number, total):
        record, following = results_and_start(point(value, start), start)
        if following is not start:
            raise TypeError(
                "the function returned a start of the next point, but points of a sweep in parallel all begin with "
                "`start`: return the results alone, or leave out workers and client to follow a branch"
            )
    return record


def _numbers(name: str, value: Any) -> np.ndarray:
    refuse_traced("sweep", "take derivatives inside a point, or use jax.vmap on `solve`", **{name: value})
    array = np.asarray(float(value) if hasattr(value, "__float__") and not hasattr(value, "shape") else value)
    if array.dtype.kind not in "biufc":
        raise TypeError(f"{name} is {type(value).__name__}; expected a number or an array of numbers")
    return array


def check_same(first: Record, record: Record) -> None:
    """Raise ValueError unless both have the same names and shapes."""
    before, now = ({name: x.shape for name, x in r.items()} for r in (first, record))
    if before != now:
        raise ValueError(f"the results have the shapes {now}; those of the first point have {before}")


def shown(record: Record) -> str:
    """Numbers, and the shapes of arrays, in one line."""
    return ", ".join(f"{name} = {x:.6g}" if x.ndim == 0 else f"{name} {x.shape}" for name, x in record.items())


def written(value: object) -> str:
    """A value of a sweep, or a row of values, without the round-off in the last digits."""
    array = np.asarray(value)
    if array.ndim:
        return f"[{', '.join(map(written, array))}]"
    return repr(float(f"{value:.10g}")) if array.dtype.kind == "f" else str(value)


@contextmanager
def noted(value: ArrayLike, number: int, total: int) -> Iterator[None]:
    """Say at which point, counted from zero, an error was raised."""
    try:
        yield
    except Exception as error:
        error.add_note(f"in the sweep at value {written(value)}, point {number + 1} of {total}")
        raise
