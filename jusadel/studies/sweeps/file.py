"""The file of a sweep: all finished points, and the start of the next one; it is whole at any moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from jusadel.common.archive import Arrays, described, plain_arrays, write_archive
from jusadel.common.stored import Stored
from jusadel.common.types import ArrayLike
from jusadel.solver.states.solution import Solution
from jusadel.solver.states.stored import FREQUENCIES, packed_state, stored_state
from jusadel.studies.sweeps.flat_file import from_flat
from jusadel.studies.sweeps.records import Record

KIND = "Sweep"


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
    numbers, arrays = sorted(course.records), Arrays()
    results = stacked([course.records[k] for k in numbers])
    content = {
        "values": arrays.put("values", course.table),
        "both_directions": course.both_directions,
        "points": arrays.put("points", np.array(numbers)),
        "results": {name: arrays.put(f"result {name}", x) for name, x in results.items()},
        "start": _packed(course.previous, arrays) if course.handing_on else {"is": "given"},
    }
    about = {"points": len(numbers), "of": len(course.order), "results": list(results)}
    write_archive(path, KIND, about, content, arrays)


def _packed(previous: Any, arrays: Arrays) -> dict[str, Any]:
    if previous is None:
        return {"is": "none"}
    if isinstance(previous, Solution):
        return {"is": "solution"} | packed_state(previous, FREQUENCIES, arrays, "solution ")
    array = np.asarray(previous)
    if array.dtype.kind not in "biufc":
        raise TypeError(
            f"the start of the next point is {type(previous).__name__}; a sweep with path= can store a Solution, an "
            "array or a number"
        )
    return {"is": "array", "value": arrays.put("previous", array)}


def read_course(path: Path | None, table: np.ndarray, both_directions: bool, start: Any) -> Course:
    """What the file holds of this sweep; nothing where there is no file.

    Raises:
        ValueError: it is no file of a sweep, damaged, or of a sweep over other values.
    """
    course = Course(table, both_directions, start, start)
    if path is None or not path.exists():
        return course
    with _as_no_readable_file(path):
        content = _content(path)
        same = content["both_directions"].yes() == both_directions and _equal(content["values"].any(), table)
    if not same:
        raise ValueError(
            f"{path} holds a sweep over other values; give another path, move the file away, or use its values"
        )
    with _as_no_readable_file(path):
        course.records = _records(content, len(course.order))
        course.previous = _unpacked(content["start"], start)
    return course


@contextmanager
def _as_no_readable_file(path: Path) -> Iterator[None]:
    try:
        yield
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path} is no readable file of a sweep ({error}); give another path, or move the file away to begin anew"
        ) from error


def _content(path: Path) -> Stored:
    held = plain_arrays(path)
    if "header" not in held:
        return from_flat(held)
    kind, content = described(path, held)
    if kind != KIND:
        raise ValueError("it has another format")
    return content


def _records(content: Stored, total: int) -> dict[int, Record]:
    numbers = np.asarray(content["points"].any())
    results = {name: np.asarray(x.any()) for name, x in content["results"].items()}
    if not results:
        raise ValueError("it has no results")
    _check_points(numbers, results, total)
    return {int(n): {name: x[k] for name, x in results.items()} for k, n in enumerate(numbers)}


def _equal(stored: ArrayLike, table: np.ndarray) -> bool:
    return np.asarray(stored).dtype.kind in "biufc" and np.array_equal(stored, table)


def _check_points(numbers: np.ndarray, results: Record, total: int) -> None:
    if numbers.ndim != 1 or numbers.dtype.kind not in "iu" or len(set(numbers.tolist())) != len(numbers):
        raise ValueError("its list of points is no list of different whole numbers")
    if not len(numbers) or numbers.min() < 0 or numbers.max() >= total:
        raise ValueError(f"its points are not among the {total} of this sweep")
    for name, x in results.items():
        if x.ndim == 0 or len(x) != len(numbers) or x.dtype.kind not in "biufc":
            raise ValueError(f"the results {name!r} are not one for each of its {len(numbers)} points")


def _unpacked(part: Stored, start: Any) -> Any:
    kind = part["is"].text()
    if kind in ("given", "none"):
        return start if kind == "given" else None
    if kind == "array":
        return part["value"].any()
    if kind != "solution":
        raise ValueError("its start is of an unknown kind")
    return Solution(device=None, system=None, stats={}, **stored_state(part, FREQUENCIES, "f"))  # type: ignore[arg-type]
