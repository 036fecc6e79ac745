"""What [output] of a case asks for: numbers, files and pictures of each solution."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from jusadel.action.connectivity import ghosts
from jusadel.device.device import Device
from jusadel.device.units.shown import in_brackets, scale
from jusadel.device.units.units import Units
from jusadel.files.case import Case, CaseError, known
from jusadel.files.saving import save
from jusadel.files.vtu import write_vtu
from jusadel.observables.currents import current_through, spin_current_through
from jusadel.observables.densities import spin_density
from jusadel.observables.lines import barrier_at, line_at, names_of_lines
from jusadel.observables.thermodynamics import free_energy
from jusadel.plot import PICTURES
from jusadel.plot.canvas import pyplot
from jusadel.solver.states.solution import Solution
from jusadel.studies.sweeps.sweep import Sweep


@dataclass(frozen=True)
class Measure:
    """A number of a solution, or several, and its kind; those through a boundary take its name as well."""

    of: Callable[..., Any]
    kind: str
    shape: tuple[int, ...] = ()
    through: bool = False


NUMBERS = {
    "free_energy": Measure(free_energy, "free energy"),
    "largest_gap": Measure(lambda sol: np.abs(np.asarray(sol.Delta)).max(), "energy"),
    "largest_spin": Measure(lambda sol: np.linalg.norm(np.asarray(spin_density(sol)), axis=1).max(), "spin density"),
    "current_through": Measure(current_through, "current", through=True),
    "spin_current_through": Measure(spin_current_through, "current", (3,), through=True),
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
        """That of the case, with all names checked but those of boundaries."""
        given = dict(case.tables.get("output", {}))
        unknown = set(given) - set(cls.__dataclass_fields__)
        if unknown:
            raise CaseError(f"[output] has the unknown names {sorted(unknown)}; expected numbers, pictures, save, vtu")
        for name in given.keys() & {"numbers", "pictures"}:
            given[name] = _names(name, given[name])
        for name in given.keys() & {"save", "vtu"}:
            if not isinstance(given[name], bool):
                raise CaseError(f"[output] {name} = {given[name]!r}; expected true or false, without quotes")
        output = cls(**given)
        for name in output.numbers:
            _measure(name)
        for name in output.pictures:
            known(PICTURES, name, "[output] pictures")
        return output

    def check_boundaries(self, device: Device) -> None:
        """Raise CaseError for numbers through a boundary or line that the device has not, or that has no flux."""
        lines, electrodes = dict.fromkeys(names_of_lines(device)), device.electrodes()
        for name in self.numbers:
            for boundary in _measure(name)[1]:
                known(lines, boundary, f"[output] numbers = {name!r}")
                if boundary not in electrodes and not barrier_at(device, boundary):
                    _check_line(device, boundary, f"[output] numbers = {name!r}")

    def measured(self, sol: Solution) -> dict[str, np.ndarray]:
        """The numbers by name."""
        found = {}
        for name in self.numbers:
            measure, boundary = _measure(name)
            found[name] = np.asarray(measure.of(sol, *boundary))
        return found

    def missing(self) -> dict[str, np.ndarray]:
        """The numbers of a point without solution: NaN."""
        return {name: np.full(_measure(name)[0].shape, np.nan) for name in self.numbers}

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


def _check_line(device: Device, name: str, where: str) -> None:
    try:
        line_at(device, name, list(device.reservoirs()), list(ghosts(device)))
    except ValueError as error:
        raise CaseError(f"{where}: {error}") from error


Swept = tuple[Mapping[float, float], str]


def table(found: Sweep, parameter: str, names: Sequence[str], units: Units | None, swept: Swept) -> str:
    """The numbers of a sweep as comma-separated text, one line a point; vectors have a column for each component.

    With `units` they are in the unit that stands behind the name of their column, and the parameter is as `swept`: its
    numbers by those of the code, and their unit.
    """
    numbers, unit_of_parameter = swept
    columns = [np.array([numbers[float(x)] for x in found.values])[:, None]]
    heads = [parameter + in_brackets((1.0, unit_of_parameter))]
    for name in names:
        unit = scale(units, _measure(name)[0].kind)
        values = unit[0] * np.asarray(found[name], float)
        columns.append(values.reshape(len(values), -1))
        each = [name] if values.ndim == 1 else [f"{name}[{k}]" for k in range(columns[-1].shape[1])]
        heads += [head + in_brackets(unit) for head in each]
    rows = np.concatenate(columns, axis=1)
    return "\n".join([",".join(heads), *(",".join(f"{x:.10g}" for x in row) for row in rows)]) + "\n"


def _names(what: str, given: Any) -> tuple[str, ...]:
    if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
        raise CaseError(f"[output] {what} = {given!r}; expected a list of names")
    if what == "numbers" and not given:
        raise CaseError(f"[output] numbers is empty; expected some of {list(NUMBERS)}")
    return tuple(given)


def _measure(name: str) -> tuple[Measure, tuple[str, ...]]:
    """What a name of `numbers` such as "current_through left" stands for, and the boundary if it takes one."""
    function, *boundary = name.split(" ", 1)
    measure = known(NUMBERS, function, "[output] numbers")
    if measure.through and not boundary:
        raise CaseError(f"[output] numbers = {name!r}: through which boundary? Expected '{function} NAME'")
    if boundary and not measure.through:
        raise CaseError(f"[output] numbers = {name!r}: {function} takes no boundary; expected {function!r}")
    return measure, tuple(boundary)
