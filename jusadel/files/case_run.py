"""Carry a case out, point by point: its numbers, solutions and pictures, in a folder."""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from jusadel.common.arguments import is_number
from jusadel.common.atomic import checked_target, replacing
from jusadel.common.errors import SolveError
from jusadel.common.progress import ProgressOption
from jusadel.device.device import Device
from jusadel.files.case import Case, CaseError
from jusadel.files.case_output import Output, table
from jusadel.files.case_units import WRITTEN
from jusadel.solver.equilibrium import SELF_CONSISTENT
from jusadel.solver.states.solution import Solution
from jusadel.studies.current_phase.turning import phase_change, turned
from jusadel.studies.sweeps.sweep import Sweep, sweep

FAILED = "_failed.txt"
"""How the file of a point ends that says why it has no solution."""


class FailedPointWarning(UserWarning):
    """Points of a case have no solution: their numbers are NaN."""


class Step(float):
    """A value of the sweep with its number, since a value may come twice."""

    number: int


@dataclass(frozen=True)
class CasePoint:
    """A point of the sweep of a case, as `sweep` calls it; it can be sent to other processes."""

    case: Case
    parameter: str
    values: tuple[Step, ...]
    folder: Path
    output: Output
    alone: bool

    def __call__(self, value: Step, previous: Any) -> Any:
        """The numbers, and unless it stands alone the solution that the next one starts from."""
        case, stem = self._case(value), self.folder / (f"point_{value.number:03d}" if self.parameter else "solution")
        device = case.device()
        start = self._start(value, device, previous)
        try:
            sol = case.solution(device, start)
        except SolveError as error:
            if not self.parameter:
                raise
            self._say(error, value, stem)
            return self.output.missing() if self.alone else (self.output.missing(), start)
        numbers = self.output.measured(sol)
        self.output.write(sol, stem)
        return numbers if self.alone else (numbers, sol)

    def _case(self, value: float) -> Case:
        return self.case.with_value(self.parameter, float(value)) if self.parameter else self.case

    def _start(self, value: Step, device: Device, previous: Solution | None) -> Solution | None:
        """The solution of the point before, turned with the phases; none where the mesh has changed."""
        if previous is None:
            return None
        before = self._case(self.values[value.number - 1]).device()
        triangles = np.asarray(device.mesh.triangles)
        if not np.array_equal(before.mesh.triangles, triangles):
            return None
        return turned(previous, phase_change(before, device), triangles)

    def _say(self, error: SolveError, value: Step, stem: Path) -> None:
        reason = " ".join([str(error), *(f"({note})" for note in getattr(error, "__notes__", ()))])
        with replacing(checked_target(f"{stem}{FAILED}")) as partial:
            partial.write_text(f"{self.parameter} = {float(value):.10g}: {reason}\n")


def run_case(
    case: Case,
    folder: str | os.PathLike[str],
    progress: ProgressOption = False,
    workers: int | None = None,
) -> Sweep:
    """Solve the case, point by point, and leave its output in a folder; goes on where it was interrupted.

    numbers.npz and the table numbers.csv hold the finished points as soon as they are finished, and case.json what was
    asked for: a folder with the output of another case is refused. Files of solutions and pictures, where [output] asks
    for them, are named by the point. A point of a sweep that has no solution has NaN for numbers, and a file that ends
    in "_failed.txt" says why; the next one starts from the last that has one.

    Args:
        case: the Case.
        folder: where to; made if it is missing.
        progress: as in `solve`.
        workers: so many processes share the points of [sweep], as in `sweep`; each point then starts from scratch, not
            from the one before.

    Raises:
        CaseError: what the file asks for cannot be done, or the folder holds another case.
        SolveError: no point has a solution. What `solve` and `sweep` raise.
    """
    out, output = Path(folder), Output.of(case)
    parameter, values = _sweep_of(case)
    swept = _as_written(case, values)
    first = case.with_value(parameter, float(values[0])) if parameter else case
    device = first.device()  # what can be refused is, before anything is left in the folder
    output.check_boundaries(device)
    _refuse_a_phase_of_gauge(first, parameter, device)
    out.mkdir(parents=True, exist_ok=True)
    _claim(out, case)
    point = CasePoint(case, parameter, tuple(values), out, output, alone=workers is not None)

    def written(found: Sweep) -> Sweep:
        with replacing(checked_target(out / "numbers.csv")) as partial:
            partial.write_text(table(found, parameter or "point", output.numbers, case.units, swept))
        return found

    found = sweep(point, values, path=out / "numbers.npz", workers=workers, progress=progress, each=written)
    _report_failures(out, len(values))
    return written(found)


def _report_failures(out: Path, count: int) -> None:
    reasons = [path.read_text().strip() for path in sorted(out.glob(f"*{FAILED}"))]
    if not reasons:
        return
    text = f"{len(reasons)} of {count} points have no solution, and nan for numbers: {'; '.join(reasons)}"
    if len(reasons) == count:
        raise SolveError(text)
    warnings.warn(text, FailedPointWarning, stacklevel=3)


def _refuse_a_phase_of_gauge(case: Case, parameter: str, device: Device) -> None:
    """A phase that stands alone turns the whole solution, and no number with it."""
    electrodes, place = device.electrodes(), parameter.split(".")
    free = case.tables.get("solve", {}).get("pair_potential", 0) in (0, SELF_CONSISTENT)
    if place[0] != "boundaries" or place[-1] != "phase" or place[1] not in electrodes or not free:
        return
    with_phase = [name for name, r in electrodes.items() if float(r.Delta) > 0 and not _is_closed(device, name)]
    if with_phase != [place[1]] and place[1] in with_phase:
        return
    raise CaseError(
        f"[sweep] parameter = {parameter!r}: the electrodes that have a phase, with Delta > 0 and through no closed "
        f"barrier, are {with_phase}. Without two of them the phase is a gauge: all values give the same numbers. Give "
        f"another boundary a Delta, or sweep something else"
    )


def _is_closed(device: Device, name: str) -> bool:
    barrier = device.boundaries[name].barrier
    return barrier is not None and float(barrier.conductance) == 0


def _claim(out: Path, case: Case) -> None:
    """Leave in the folder which case it holds, or refuse another one, whose numbers would be taken for this one's."""
    mesh = case.tables.get("geometry", {}).get("file")
    digest = hashlib.sha256((case.folder / mesh).read_bytes()).hexdigest() if mesh else None
    text = json.dumps({"case": case.tables, "mesh": digest}, sort_keys=True, indent=1, default=str)
    record = checked_target(out / "case.json")
    if not record.exists() and not (out / "numbers.npz").exists():
        with replacing(record) as partial:
            partial.write_text(text)
    elif not record.exists() or record.read_text() != text:
        raise CaseError(f"the folder {str(out)!r} holds the output of another case; give another folder, or delete it")


def _sweep_of(case: Case) -> tuple[str, list[Step]]:
    given = dict(case.tables.get("sweep", {}))
    if not given:
        return "", _steps([0.0])
    if set(given) != {"parameter", "values"}:
        raise CaseError(f"[sweep] has {sorted(given)}; expected parameter and values")
    parameter, values = given["parameter"], given["values"]
    if not isinstance(parameter, str):
        raise CaseError(f"[sweep] parameter = {parameter!r}; expected a dotted name such as 'solve.T'")
    if not isinstance(values, list) or not values:
        raise CaseError(f"[sweep] values = {values!r}; expected a list of numbers")
    numbers = case.quantity(values, parameter)
    for value in numbers:
        if isinstance(value, bool) or not is_number(value):
            raise CaseError(f"[sweep] values = {values!r}; expected numbers, and {value!r} is none")
    case.with_value(parameter, numbers[0])
    return parameter, _steps(numbers)


def _as_written(case: Case, values: Sequence[float]) -> tuple[dict[float, float], str]:
    """The numbers of [sweep] by those of the code, and their unit, where they were all written with the same one."""
    given = case.tables.get("sweep", {}).get("values", [])
    written = [WRITTEN.fullmatch(value) for value in given if isinstance(value, str)]
    units = {match[2] for match in written if match}
    if len(written) < len(given) or len(units) != 1:
        return {float(value): float(value) for value in values}, ""
    return {float(x): float(match[1]) for x, match in zip(values, written, strict=True) if match}, units.pop()


def _steps(values: Sequence[float]) -> list[Step]:
    steps = [Step(value) for value in values]
    for number, step in enumerate(steps):
        step.number = number
    return steps
