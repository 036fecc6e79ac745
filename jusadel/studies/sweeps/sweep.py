"""Sweeps: one calculation at many values, along a branch, kept on disk as it goes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jusadel.common.arguments import is_number
from jusadel.common.atomic import alone, checked_target
from jusadel.common.differentiability import without_derivatives
from jusadel.common.distributed import everyones
from jusadel.common.programs.compilation import compilation_told
from jusadel.common.progress import Event, ProgressOption, reporter
from jusadel.common.types import ArrayLike
from jusadel.device.recurrence import recurring
from jusadel.studies.sweeps.file import Course, read_course, stacked, write_course
from jusadel.studies.sweeps.records import (
    PointFunction,
    Record,
    by_itself,
    check_same,
    noted,
    results_and_start,
    shown,
    written,
)
from jusadel.studies.sweeps.workers import (
    Client,
    Jobs,
    Records,
    check_sendable,
    over_client,
    over_processes,
    over_workers,
)

DISTRIBUTED = "jax.distributed"


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


@without_derivatives("take derivatives inside a point, or use jax.vmap on `solve`")
def sweep(
    point: PointFunction,
    values: Sequence[ArrayLike] | np.ndarray,
    *,
    path: str | os.PathLike[str] | None = None,
    start: Any = None,
    both_directions: bool = False,
    workers: int | str | None = None,
    client: Client | None = None,
    progress: ProgressOption = False,
    each: Callable[[Sweep], object] | None = None,
) -> Sweep:
    """Call point(value, previous) for one value after the other, or for all of them in parallel.

        def point(T, previous):
            sol = ju.solve(device, T, "self-consistent", start=previous)
            return {"gap": abs(sol.Delta).max(), "F": ju.free_energy(sol)}, sol

        ju.sweep(point, np.linspace(0.1, 0.9, 17), path="gap.npz")["gap"]

    With `workers` or `client` every point begins with `start` and hands nothing on. The results are those of the same
    sweep without.

    Args:
        point: returns results, or the pair (results, start of the next point). Results are a number, an array, or a
            dict of them, with the same names and shapes at every value. The start, a Solution, an array or a number,
            is `previous` at the next value; without one, previous is `start`.
        values: numbers (k,), or rows (k, ...).
        path: a file (.npz) that holds all finished points as soon as they are finished. If it exists the sweep goes on
            where that one ended; an interrupt loses the points under way and nothing else. A Solution read from it
            serves as a start and for nothing else. One call at a time may go on with a file. The processes of
            `jax.distributed` must all see the file, and the first writes.
        start: `previous` of the first point, in parallel of all.
        both_directions: go back afterwards from the last value to the first, as `.back` (hysteresis).
        workers: a number of processes on this machine among which the points are shared out, each with its share of
            the processors. `point` must be defined at the top level of a module, and a script that calls this must do
            so under `if __name__ == "__main__":`. Or "jax.distributed": each process of the program, which all call
            this, takes points of its own; without it they share the frequencies of each solve.
        client: a `dask.distributed.Client`, or anything else whose submit(function, *arguments) returns futures with
            result, cancel and add_done_callback, such as an executor of `concurrent.futures` or mpi4py.
        progress: as in `solve`, one line a point.
        each: called as each point ends, and its file is written, with the Sweep of the points that are there so far.

    Raises:
        ValueError: no values; results that change their names or shapes; a file of another sweep or an unreadable one;
            workers together with client, both_directions, or a file in which points follow one another.
        TypeError: results that are no numbers; with a path, a start that cannot be stored; in parallel, a point that
            hands on a start, or cannot be sent to other processes.
        RuntimeError: a worker process was killed. Whatever a point raises, with a note that says at which value.
        jusadel.atomic.InUseError: another process is writing the file. What `jusadel.save` raises for bad paths.
    """
    table = np.asarray(values)
    if table.ndim == 0 or not len(table) or table.dtype.kind not in "biufc":
        raise ValueError(f"values = {values!r}; expected a list of numbers, or of rows of numbers of one length")
    _check_ways(workers, client, both_directions)
    source = None if path is None else Path(path)
    course = read_course(source, table, both_directions, start)
    if not course.missing:
        return _made(course)
    if is_number(workers):
        check_sendable(point, start)
    target = checked_target(source) if source is not None and jax.process_index() == 0 else None
    report = reporter(progress)
    with alone(target) if target else nullcontext():
        course = read_course(source, table, both_directions, start)
        total = len(course.order)
        points = partial(_points, point, values, course, workers, client)
        with recurring(total), compilation_told(report), closing(points()) as found:
            for number, record in found:
                value = values[course.order[number]]
                with noted(value, number, total):
                    check_same(next(iter(course.records.values()), record), record)
                course.records[number] = record
                if target:
                    write_course(target, course)
                if each:
                    each(_made(course))
                if report:
                    detail = f"value {written(value)}: {shown(record)}"
                    report(Event("sweep", len(course.records), total, "points", detail))
    return _made(course)


def _check_ways(workers: int | str | None, client: object, both_directions: bool) -> None:
    if workers is None and client is None:
        return
    if workers is not None and client is not None:
        raise ValueError("workers and client are two ways of one thing; give one of them")
    if both_directions:
        raise ValueError(
            "both_directions follows a branch, each point from the one before, and workers and client do all points at "
            "once: give one of them"
        )
    if client is not None and not callable(getattr(client, "submit", None)):
        raise TypeError(f"client is {type(client).__name__}, which has no submit(); expected a dask.distributed.Client")
    if workers is not None and workers != DISTRIBUTED and not (is_number(workers, 1) and workers == int(workers)):
        raise ValueError(f"workers = {workers!r}; expected a number of processes, 1 or more, or {DISTRIBUTED!r}")
    if is_number(workers) and jax.process_count() > 1:
        raise ValueError(f"this program runs in several processes already: give workers={DISTRIBUTED!r}")


def _points(
    point: PointFunction,
    values: Sequence[ArrayLike] | np.ndarray,
    course: Course,
    workers: int | str | None,
    client: Client | None,
) -> Records:
    """The missing points as they are finished, each with its number."""
    jobs = [(number, values[course.order[number]]) for number in course.missing]
    if workers is None and client is None and not course.has_holes:
        return _one_from_the_other(point, jobs, course)
    if course.handing_on:
        raise ValueError("the file holds a sweep in which each point starts from the one before: leave out workers")
    call = partial(by_itself, point, course.start, len(course.order))
    if client is not None:
        return over_client(client, call, jobs)
    if workers == DISTRIBUTED:
        everyones(b"")  # nobody writes before all have read
        return over_processes(call, jobs)
    return over_workers(int(workers), call, jobs) if workers else ((k, call(k, value)) for k, value in jobs)


def _one_from_the_other(point: PointFunction, jobs: Jobs, course: Course) -> Records:
    for number, value in jobs:
        with noted(value, number, len(course.order)):
            record, course.previous = results_and_start(point(value, course.previous), course.start)
        yield number, record


def _made(course: Course) -> Sweep:
    """The points that are there: all of them in the end."""
    count, there = len(course.table), sorted(course.records)
    back = [k for k in reversed(there) if k >= count - 1] if course.both_directions else []
    return _part(course, [k for k in there if k < count], _part(course, back) if back else None)


def _part(course: Course, numbers: list[int], back: Sweep | None = None) -> Sweep:
    rows = [course.order[k] for k in numbers]
    return Sweep(course.table[rows], stacked([course.records[k] for k in numbers]), back)
