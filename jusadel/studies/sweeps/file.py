"""The file of a sweep: all finished points, and the start of the next one; it is whole at any moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from jusadel.common.archive import plain_arrays
from jusadel.common.atomic import replacing
from jusadel.solver.solution import Solution
from jusadel.studies.sweeps.records import Record

FORMAT, OLDER = "jusadel sweep 2", "jusadel sweep 1"
"""In the older one the points that are there are the first ones."""
STORED = ("T", "omega", "weights", "all_G", "Delta", "converged", "stable", "margin", "vertex_Delta")
"""What a Solution needs to be a start."""


@dataclass(eq=False)
class Course:
    """A sweep on its way.

    Attributes:
        table: the values, (k, ...).
        both_directions: whether it goes back afterwards.
        start: `previous` of the first point.
        previous: of the next point; `start` itself where points hand nothing on.
        records: {number of the point on the way: results}.
    """

    table: np.ndarray
    both_directions: bool
    start: Any
    previous: Any
    records: dict[int, Record] = field(default_factory=dict)

    @property
    def order(self) -> list[int]:
        """The index of the value of each point, there and, where asked for, back."""
        k = len(self.table)
        return [*range(k), *(range(k - 2, -1, -1) if self.both_directions else ())]

    @property
    def missing(self) -> list[int]:
        """The numbers of the points that are still to do."""
        return [number for number in range(len(self.order)) if number not in self.records]

    @property
    def handing_on(self) -> bool:
        """Whether a point has left a start for the next one."""
        return self.previous is not self.start

    @property
    def has_holes(self) -> bool:
        """Whether points are there that come after missing ones, as a sweep in parallel leaves them."""
        return max(self.records, default=-1) >= len(self.records)


def stacked(records: list[Record]) -> Record:
    """Results by name, one row a point."""
    return {name: np.stack([record[name] for record in records]) for name in records[0]}


def write_course(path: Path, course: Course) -> None:
    """Everything so far."""
    numbers = sorted(course.records)
    content: dict[str, Any] = {"format": FORMAT, "values": course.table, "both_directions": course.both_directions}
    content |= {"points": np.array(numbers)}
    content |= {f"result {name}": x for name, x in stacked([course.records[k] for k in numbers]).items()}
    content |= _packed(course.previous) if course.handing_on else {"start": "given"}
    with replacing(path) as partial, open(partial, "wb") as file:
        np.savez(file, allow_pickle=False, **content)


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


def read_course(path: Path | None, table: np.ndarray, both_directions: bool, start: Any) -> Course:
    """What the file holds of this sweep; nothing where there is no file.

    Raises:
        ValueError: it is no file of a sweep, damaged, or of a sweep over other values.
    """
    course = Course(table, both_directions, start, start)
    if path is None or not path.exists():
        return course
    with _as_no_readable_file(path):
        content = plain_arrays(path)
        form = str(content.pop("format", None))
        if form not in (FORMAT, OLDER):
            raise ValueError("it has another format")
        same = bool(content["both_directions"]) == both_directions and _equal(content["values"], table)
    if not same:
        raise ValueError(
            f"{path} holds a sweep over other values; give another path, move the file away, or use its values"
        )
    with _as_no_readable_file(path):
        course.records = _records(content, len(course.order), form)
        course.previous = _unpacked(content, start)
    return course


@contextmanager
def _as_no_readable_file(path: Path) -> Iterator[None]:
    try:
        yield
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path} is no readable file of a sweep ({error}); give another path, or move the file away to begin anew"
        ) from error


def _records(content: Record, total: int, form: str) -> dict[int, Record]:
    results = {key.removeprefix("result "): x for key, x in content.items() if key.startswith("result ")}
    if not results:
        raise ValueError("it has no results")
    count = np.size(next(iter(results.values())), 0)
    numbers = np.arange(count) if form == OLDER else content["points"]
    _check_points(numbers, results, total)
    return {int(n): {name: x[k] for name, x in results.items()} for k, n in enumerate(numbers)}


def _equal(stored: np.ndarray, table: np.ndarray) -> bool:
    return stored.dtype.kind in "biufc" and np.array_equal(stored, table)


def _check_points(numbers: np.ndarray, results: Record, total: int) -> None:
    if numbers.ndim != 1 or numbers.dtype.kind not in "iu" or len(set(numbers.tolist())) != len(numbers):
        raise ValueError("its list of points is no list of different whole numbers")
    if not len(numbers) or numbers.min() < 0 or numbers.max() >= total:
        raise ValueError(f"its points are not among the {total} of this sweep")
    for name, x in results.items():
        if x.ndim == 0 or len(x) != len(numbers) or x.dtype.kind not in "biufc":
            raise ValueError(f"the results {name!r} are not one for each of its {len(numbers)} points")


def _unpacked(content: Record, start: Any) -> Any:
    kind = content["start"]
    if kind in ("given", "none"):
        return start if kind == "given" else None
    if kind == "array":
        array = content["previous"]
        return array if array.ndim else array.item()
    if kind != "solution":
        raise ValueError("its start is of an unknown kind")
    stored: dict[str, Any] = {name: content[f"solution {name}"] for name in STORED}
    stored |= {name: jnp.asarray(stored[name]) for name in ("all_G", "Delta", "vertex_Delta")}
    return Solution(device=None, system=None, stats={}, **stored | {"T": float(stored["T"])})  # type: ignore[arg-type]
