"""Sweeps: one calculation at many values, along a branch, kept on disk as it goes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.archive import plain_arrays
from jusadel.atomic import alone, checked_target, replacing
from jusadel.equilibrium import reporter
from jusadel.solution import Solution

FORMAT = "jusadel sweep 1"
RESULT = "result"
"""The name of results that come without one."""
STORED = ("T", "omega", "weights", "all_G", "Delta", "converged", "stable", "margin", "vertex_Delta")
"""What a Solution needs to be a start."""

Record = dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Sweep:
    """Results by name, one a value: sweep["Tc"] is (k, ...).

    Attributes:
        values: what was swept, (k, ...).
        results: {name: (k, ...)}; "result" where the function returned no names.
        back: the same on the way back, in the order of `values`; None where there was none.
    """

    values: np.ndarray
    results: Record
    back: Sweep | None = None

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self.results:
            raise KeyError(f"no result {name!r}; the sweep has {list(self.results)}")
        return self.results[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.results)

    def __len__(self) -> int:
        return len(self.results)


def sweep(
    point: Callable[[Any, Any], Any],
    values: Sequence[Any] | np.ndarray,
    *,
    path: str | os.PathLike[str] | None = None,
    start: Any = None,
    both_directions: bool = False,
    progress: bool | Callable[[str], None] = False,
) -> Sweep:
    """Call point(value, previous) for one value after the other.

        def point(T, previous):
            sol = ju.solve(device, T, "self-consistent", start=previous)
            return {"gap": abs(sol.Delta).max(), "F": ju.free_energy(sol)}, sol

        ju.sweep(point, np.linspace(0.1, 0.9, 17), path="gap.npz")["gap"]

    Args:
        point: returns results, or the pair (results, start of the next point). Results are a number, an array, or a
            dict of them, with the same names and shapes at every value. The start, a Solution, an array or a number,
            is `previous` at the next value; without one, previous is `start`.
        values: numbers (k,), or rows (k, ...).
        path: a file (.npz) that holds all finished points as soon as they are finished. If it exists the sweep goes on
            where that one ended; an interrupt loses the point under way and nothing else. A Solution read from it
            serves as a start and for nothing else. One call at a time may go on with a file; of the processes of
            `jax.distributed`, which make all points together and must all see the file, the first writes.
        start: `previous` of the first point.
        both_directions: go back afterwards from the last value to the first, as `.back` (hysteresis).
        progress: as in `solve`, one line a point.

    Raises:
        ValueError: no values; results that change their names or shapes; a file of another sweep or an unreadable one.
        TypeError: results that are no numbers; with a path, a start that cannot be stored.
        jusadel.atomic.InUseError: another process is writing the file. What `jusadel.save` raises for bad paths.
    """
    table = np.asarray(values)
    if table.ndim == 0 or not len(table) or table.dtype.kind not in "biufc":
        raise ValueError(f"values = {values!r}; expected a list of numbers, or of rows of numbers of one length")
    order = [*range(len(table)), *(range(len(table) - 2, -1, -1) if both_directions else ())]
    source = None if path is None else Path(path)
    finished = _stored(source, table, both_directions, start)[0]
    if len(finished) == len(order):
        return _made(table, finished, both_directions)
    target = checked_target(source) if source is not None and jax.process_index() == 0 else None
    report = reporter(progress)
    with alone(target) if target else nullcontext():
        records, previous = _stored(source, table, both_directions, start)
        for k in order[len(records) :]:
            try:
                given = point(values[k], previous)
                record, previous = _split(given, start)
                _check_same(records, record)
            except Exception as error:
                error.add_note(f"in the sweep at value {values[k]}, point {len(records) + 1} of {len(order)}")
                raise
            records.append(record)
            if target:
                _write(target, table, both_directions, records, previous, start)
            if report:
                report(f"sweep: {len(records)} of {len(order)} points, value {values[k]}: {_shown(record)}")
    return _made(table, records, both_directions)


def _made(table: np.ndarray, records: list[Record], both_directions: bool) -> Sweep:
    there = _stacked(records[: len(table)])
    if not both_directions:
        return Sweep(table, there)
    return Sweep(table, there, Sweep(table, _stacked(records[len(table) - 1 :][::-1])))


def _stacked(records: list[Record]) -> Record:
    return {name: np.stack([record[name] for record in records]) for name in records[0]}


# --- what a point returns ---------------------------------------------------------------------------


def _split(given: Any, start: Any) -> tuple[Record, Any]:
    """Results as arrays by name, and the start of the next point."""
    if isinstance(given, tuple) and len(given) != 2:
        raise TypeError(f"the function returned {len(given)} values; expected results, or (results, start of the next)")
    results, following = given if isinstance(given, tuple) else (given, start)
    named = results if isinstance(results, Mapping) else {RESULT: results}
    if not named:
        raise TypeError("the function returned no results; expected a number, an array, or a dict of them")
    return {str(name): _numbers(str(name), value) for name, value in named.items()}, following


def _numbers(name: str, value: Any) -> np.ndarray:
    array = np.asarray(float(value) if hasattr(value, "__float__") and not hasattr(value, "shape") else value)
    if array.dtype.kind not in "biufc":
        raise TypeError(f"{name} is {type(value).__name__}; expected a number or an array of numbers")
    return array


def _check_same(records: list[Record], record: Record) -> None:
    if not records:
        return
    before, now = ({name: x.shape for name, x in r.items()} for r in (records[0], record))
    if before != now:
        raise ValueError(f"the results have the shapes {now}; those of the first point have {before}")


def _shown(record: Record) -> str:
    return ", ".join(f"{name} = {x:.6g}" if x.ndim == 0 else f"{name} {x.shape}" for name, x in record.items())


# --- on disk ----------------------------------------------------------------------------------------


def _write(
    path: Path, table: np.ndarray, both_directions: bool, records: list[Record], previous: Any, start: Any
) -> None:
    """Everything so far: the file is always a whole one."""
    content: dict[str, Any] = {"format": FORMAT, "values": table, "both_directions": both_directions}
    content |= {f"result {name}": x for name, x in _stacked(records).items()}
    content |= {"start": "given"} if previous is start else _packed(previous)
    with replacing(path) as partial, open(partial, "wb") as file:
        np.savez(file, **content)


def _packed(previous: Any) -> dict[str, Any]:
    if previous is None:
        return {"start": "none"}
    if isinstance(previous, Solution):
        return {"start": "solution"} | {f"solution {name}": np.asarray(getattr(previous, name)) for name in STORED}
    array = np.asarray(previous)
    if array.dtype.kind not in "biufc":
        raise TypeError(
            f"the start of the next point is {type(previous).__name__}; a sweep with path= can store a Solution, an "
            "array or a number"
        )
    return {"start": "array", "previous": array}


def _stored(path: Path | None, table: np.ndarray, both_directions: bool, start: Any) -> tuple[list[Record], Any]:
    """The points in the file, and the start of the next one."""
    if path is None or not path.exists():
        return [], start
    content = _read(path)
    if content.pop("both_directions") != both_directions or not np.array_equal(content.pop("values"), table):
        raise ValueError(
            f"{path} holds a sweep over other values; give another path, move the file away, or use its values"
        )
    results = {key.removeprefix("result "): x for key, x in content.items() if key.startswith("result ")}
    count = len(next(iter(results.values())))
    return [{name: x[k] for name, x in results.items()} for k in range(count)], _unpacked(content, start)


def _read(path: Path) -> dict[str, np.ndarray]:
    try:
        content = plain_arrays(path)
        if content.pop("format", None) != FORMAT:
            raise ValueError("it has another format")
    except ValueError as error:
        raise ValueError(
            f"{path} is no readable file of a sweep ({error}); give another path, or move the file away to begin anew"
        ) from error
    return content


def _unpacked(content: dict[str, np.ndarray], start: Any) -> Any:
    kind = content["start"]
    if kind in ("given", "none"):
        return start if kind == "given" else None
    if kind == "array":
        array = content["previous"]
        return array if array.ndim else array.item()
    stored: dict[str, Any] = {name: content[f"solution {name}"] for name in STORED}
    stored |= {name: jnp.asarray(stored[name]) for name in ("all_G", "Delta", "vertex_Delta")}
    return Solution(device=None, system=None, stats={}, **stored | {"T": float(stored["T"])})  # type: ignore[arg-type]
