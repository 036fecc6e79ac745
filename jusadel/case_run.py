"""Carry a case out, point by point: its numbers, solutions and pictures, in a folder."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from jusadel import plot
from jusadel.atomic import checked_target, replacing
from jusadel.case import Case, CaseError, known
from jusadel.files import save
from jusadel.fluxes import current_through, spin_current_through
from jusadel.mesh import Mesh
from jusadel.observables import free_energy, spin_density
from jusadel.plot.canvas import pyplot
from jusadel.progress import ProgressOption
from jusadel.solution import Solution
from jusadel.sweep import Sweep, sweep
from jusadel.vtu import write_vtu

NUMBERS: dict[str, Callable[..., Any]] = {
    "free_energy": free_energy,
    "largest_gap": lambda sol: np.abs(np.asarray(sol.Delta)).max(),
    "largest_spin": lambda sol: np.linalg.norm(np.asarray(spin_density(sol)), axis=1).max(),
    "current_through": current_through,
    "spin_current_through": spin_current_through,
}
"""Numbers of a solution; those through a boundary are followed by its name: "current_through left"."""
PICTURES: dict[str, Callable[[Solution], Any]] = {
    "device": lambda sol: plot.device(sol.device),
    "mesh": plot.mesh,
    "gap": plot.field,
    "current": plot.arrows,
    "streamlines": plot.streamlines,
    "spin": plot.spin_texture,
}


@dataclass(frozen=True)
class Output:
    """What [output] asks for."""

    numbers: tuple[str, ...] = ("free_energy", "largest_gap")
    pictures: tuple[str, ...] = ()
    save: bool = False
    vtu: bool = False

    @classmethod
    def of(cls, case: Case) -> Output:
        """That of the case, with all names checked."""
        given = dict(case.tables.get("output", {}))
        unknown = set(given) - set(cls.__dataclass_fields__)
        if unknown:
            raise CaseError(f"[output] has the unknown names {sorted(unknown)}; expected numbers, pictures, save, vtu")
        for names in ("numbers", "pictures"):
            given[names] = tuple(given.get(names, getattr(cls, names)))
        output = cls(**given)
        for name in output.numbers:
            _measure(name)
        for name in output.pictures:
            known(PICTURES, name, "[output] pictures")
        return output

    def check_boundaries(self, mesh: Mesh) -> None:
        """Raise CaseError for numbers through a boundary that is none of the mesh."""
        for name in self.numbers:
            _, *of = name.split(" ", 1)
            for boundary in of:
                known(mesh.boundaries, boundary, f"[output] numbers = {name!r}")

    def measured(self, sol: Solution) -> dict[str, np.ndarray]:
        """The numbers by name."""
        return {name: np.asarray(_measure(name)(sol)) for name in self.numbers}

    def write(self, sol: Solution, stem: Path) -> None:
        """The files of a solution, which begin with `stem`."""
        if self.save:
            save(sol, f"{stem}.npz")
        if self.vtu:
            write_vtu(sol, f"{stem}.vtu")
        for name in self.pictures:
            figure = PICTURES[name](sol).figure
            figure.savefig(f"{stem}_{name}.png", dpi=150)
            pyplot().close(figure)


@dataclass(frozen=True)
class Point:
    """A point of the sweep of a case, as `sweep` calls it; it can be sent to other processes."""

    case: Case
    parameter: str
    values: tuple[float, ...]
    folder: Path
    output: Output
    alone: bool

    def __call__(self, value: Any, previous: Any) -> Any:
        """The numbers, and unless it stands alone the solution that the next one starts from."""
        case = self.case.with_value(self.parameter, float(value)) if self.parameter else self.case
        sol = case.solution(case.device(), previous)
        name = f"point_{self.values.index(value):03d}" if self.parameter else "solution"
        self.output.write(sol, self.folder / name)
        numbers = self.output.measured(sol)
        return numbers if self.alone else (numbers, sol)


def run_case(
    case: Case,
    folder: str | os.PathLike[str],
    progress: ProgressOption = False,
    workers: int | None = None,
) -> Sweep:
    """Solve the case, point by point, and leave its output in a folder; goes on where it was interrupted.

    numbers.npz holds the finished points, numbers.csv the table, and case.json what was asked for: a folder with the
    output of another case is refused. Files of solutions and pictures, where [output] asks for them, are named by the
    point.

    Args:
        case: the Case.
        folder: where to; made if it is missing.
        progress: as in `solve`.
        workers: so many processes share the points of [sweep], as in `sweep`; each point then starts from scratch, not
            from the one before.

    Raises:
        CaseError: what the file asks for cannot be done, or the folder holds another case. What `solve` and `sweep`
            raise.
    """
    out, output = Path(folder), Output.of(case)
    parameter, values = _sweep_of(case)
    first = case.with_value(parameter, values[0]) if parameter else case
    output.check_boundaries(first.device().mesh)  # what can be refused is, before anything is left in the folder
    out.mkdir(parents=True, exist_ok=True)
    _claim(out, case)
    point = Point(case, parameter, tuple(values), out, output, alone=workers is not None)
    found = sweep(point, values, path=out / "numbers.npz", workers=workers, progress=progress)
    with replacing(checked_target(out / "numbers.csv")) as partial:
        partial.write_text(table(found, parameter or "point", output.numbers))
    return found


def table(found: Sweep, parameter: str, names: Sequence[str]) -> str:
    """The numbers of a sweep as comma-separated text, one line a point; vectors have a column for each component."""
    columns, heads = [np.asarray(found.values, float)[:, None]], [parameter]
    for name in names:
        values = np.asarray(found[name], float)
        columns.append(values.reshape(len(values), -1))
        heads += [name] if values.ndim == 1 else [f"{name}[{k}]" for k in range(columns[-1].shape[1])]
    rows = np.concatenate(columns, axis=1)
    return "\n".join([",".join(heads), *(",".join(f"{x:.10g}" for x in row) for row in rows)]) + "\n"


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


def _sweep_of(case: Case) -> tuple[str, list[float]]:
    given = dict(case.tables.get("sweep", {}))
    if not given:
        return "", [0.0]
    if set(given) != {"parameter", "values"}:
        raise CaseError(f"[sweep] has {sorted(given)}; expected parameter and values")
    values = case.quantity(given["values"], given["parameter"])
    case.with_value(given["parameter"], values[0])
    return given["parameter"], [float(value) for value in values]


def _measure(name: str) -> Callable[[Solution], Any]:
    function, *of = name.split(" ", 1)
    measure = known(NUMBERS, function, "[output] numbers")
    return lambda sol: measure(sol, *of)
