"""A case described in a file (TOML): geometry, materials, boundaries, solve; `jusadel.files.case_run` carries it out.

Numbers may be strings with a unit, such as "20 nm" or "1.5 K", where the table [units] says what the units of the case
are (`jusadel.files.case_units`); plain numbers are in those of the code. See docs/case.md for all tables.
"""

from __future__ import annotations

import copy
import inspect
import os
import tomllib
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from jusadel.common.arguments import is_number
from jusadel.device.boundary import CONDITIONS, Reservoir, SpinActive, Tunnel
from jusadel.device.device import Device
from jusadel.device.material.material import ROWS, Material
from jusadel.device.material.tensors import chiral, dresselhaus, rashba
from jusadel.device.pair_potential import vortex, vortices
from jusadel.device.units.units import Units
from jusadel.device.vector_potential import uniform_field
from jusadel.files.case_units import PlainNumberWarning, dimension, number, plain_numbers
from jusadel.mesh import layouts, polygons, shapes
from jusadel.mesh.formats.reading import read_mesh
from jusadel.mesh.mesh import Mesh
from jusadel.solver.equilibrium import solve
from jusadel.solver.states.solution import Solution

TABLES = ("units", "geometry", "materials", "boundaries", "field", "solve", "sweep", "output")
TEXTURES = {"rashba": rashba, "dresselhaus": dresselhaus, "chiral": chiral}


class CaseError(ValueError):
    """A case file that says something that cannot be done, and where."""


MANY = 6
"""Plain numbers that a warning names."""


@dataclass(frozen=True)
class Case:
    """A case file, read and checked as far as it goes without solving.

    Attributes:
        tables: what stands in the file.
        folder: where it stands; files it names are looked for there.
    """

    tables: Mapping[str, Any]
    folder: Path

    @property
    def units(self) -> Units | None:
        """What [units] says."""
        given = self.tables.get("units")
        return None if given is None else self._called(Units, given, "units")

    def device(self) -> Device:
        """The device of the tables geometry, materials, boundaries and field."""
        field = self._plain("field")
        known = {name: self._boundary(name, table) for name, table in self.tables.get("boundaries", {}).items()}
        return Device(
            mesh=self._mesh(),
            materials={name: self._material(name) for name in self._required("materials")},
            boundaries=known,
            vector_potential=self._called(uniform_field, field, "field") if field else None,
            units=self.units,
        )

    def solution(self, device: Device, start: Solution | None) -> Solution:
        """The solution, from that of the point before where it has one."""
        given = dict(self._plain("solve"))
        given["pair_potential"] = self._pair_potential(given.pop("pair_potential", None))
        return self._called(solve, {"device": device, "start": start} | given, "solve")

    def with_value(self, where: str, value: Any) -> Case:
        """The same with another value at a dotted place such as "boundaries.left.phase"."""
        tables = copy.deepcopy(dict(self.tables))
        *path, last = where.split(".")
        table: Any = tables
        for k, key in enumerate(path):
            table = table.get(key) if isinstance(table, dict) else None
            if not isinstance(table, dict):
                raise CaseError(f"[sweep] parameter = {where!r}: there is no table {'.'.join(path[: k + 1])!r}")
        table[last] = value
        return Case(tables, self.folder)

    def check_quantities(self) -> None:
        """Raise CaseError for numbers in units of another dimension than theirs, anywhere in the case."""
        for table in ("units", "geometry", "materials", "boundaries", "field", "solve"):
            if table in self.tables:
                self.quantity(self.tables[table], table)
        swept = self.tables.get("sweep", {})
        if isinstance(swept.get("parameter"), str):
            self.quantity(swept.get("values"), swept["parameter"])

    def quantity(self, given: Any, where: str) -> Any:
        """Numbers and strings with units, also inside lists and tables, as numbers of the code; words stay.

        Raises:
            CaseError: a unit that is none, or of another dimension than what stands at this dotted place.
        """
        if isinstance(given, Mapping):
            return {key: self.quantity(value, f"{where}.{key}") for key, value in given.items()}
        if isinstance(given, list):
            return [self.quantity(value, where) for value in given]
        if not isinstance(given, str):
            return given
        try:
            return number(given, where, dimension(where.split("."), self.tables), self.units)
        except ValueError as error:
            raise CaseError(str(error)) from error

    def _called(self, function: Callable[..., Any], given: Mapping[str, Any], where: str) -> Any:
        """The function with these arguments; errors name the table, and what stands there with a unit."""
        table: Any = self.tables
        for key in where.split("."):
            table = table.get(key, {}) if isinstance(table, Mapping) else {}
        return _called(function, given, where, {key: text for key, text in table.items() if isinstance(text, str)})

    def _plain(self, table: str) -> Any:
        return self.quantity(self.tables.get(table, {}), table)

    def _required(self, table: str) -> Any:
        if not self.tables.get(table):
            raise CaseError(f"the case has no table [{table}]")
        return self.tables[table]

    def _mesh(self) -> Mesh:
        self._required("geometry")
        given = self._plain("geometry")
        if len(given) != 1:
            raise CaseError(f"[geometry] has {list(given)}; expected one of a file, or one shape with its sizes")
        kind, value = next(iter(given.items()))
        if kind == "file":
            return read_mesh(self.folder / value)
        if kind not in SHAPES:
            raise CaseError(f"[geometry] {kind}: unknown shape; expected 'file' or one of {list(SHAPES)}")
        if kind == "rectangle" and "regions" in value:
            return self._called(shapes.rectangle, _layers(value), "geometry.rectangle")
        return self._called(SHAPES[kind], value, f"geometry.{kind}")

    def _material(self, name: str) -> Material:
        given = self.quantity(self.tables["materials"][name], f"materials.{name}")
        for key in (name for name, row in ROWS.items() if row.indices == "sx"):
            if isinstance(given.get(key), dict):
                given[key] = _texture(given[key], f"materials.{name}.{key}")
        for key, field in (("spin_hall_angle", "theta"), ("spin_diffusion_length", "Gamma")):
            if key in given and field in given:
                raise CaseError(f"[materials.{name}] has both {key} and {field}; expected one of them")
        if "spin_hall_angle" in given:
            given["theta"] = (0.0, 0.0, given.pop("spin_hall_angle"))
        if "spin_diffusion_length" in given:
            D = given.get("D", 1.0)
            if np.ndim(D):
                raise CaseError(
                    f"[materials.{name}] has a spin_diffusion_length and D = {D}; with a tensor D give Gamma"
                )
            given["Gamma"] = D / given.pop("spin_diffusion_length") ** 2
        return self._called(Material.of_group if "group" in given else Material, given, f"materials.{name}")

    def _boundary(self, name: str, table: Any) -> Any:
        where, given = f"boundaries.{name}", dict(self.quantity(table, f"boundaries.{name}"))
        kind = given.pop("kind", "Reservoir")
        if kind not in CONDITIONS:
            raise CaseError(f"{where}.kind = {kind!r}; expected one of {list(CONDITIONS)}")
        if isinstance(given.get("conductance"), dict):
            given["conductance"] = self._called(SpinActive, given["conductance"], f"{where}.conductance")
        if kind == "Tunnel":
            own = {f.name: given.pop(f.name) for f in fields(Tunnel) if f.name in given}
            given = own | {"reservoir": self._called(Reservoir, given, where)}
        return self._called(CONDITIONS[kind], given, where)

    def _pair_potential(self, given: Any) -> Any:
        if isinstance(given, dict) and "vortex" in given:
            return self._called(vortex, given["vortex"], "solve.pair_potential.vortex")
        if isinstance(given, dict) and "vortices" in given:
            return self._called(vortices, given["vortices"], "solve.pair_potential.vortices")
        return given


SHAPES: dict[str, Callable[..., Mesh]] = {
    function.__name__: function
    for function in (
        shapes.disk,
        shapes.rectangle,
        polygons.polygon,
        layouts.strip,
        layouts.ring,
        layouts.corbino,
        layouts.t_junction,
        layouts.cross_junction,
        layouts.squid_loop,
    )
}


def _layers(given: dict[str, Any]) -> dict[str, Any]:
    """Arguments of a rectangle whose regions are intervals of x, with mesh lines at their ends."""
    where, intervals = "geometry.rectangle", given["regions"]
    for name, ends in intervals.items():
        if not (isinstance(ends, list) and len(ends) == 2 and all(is_number(x) for x in ends) and ends[0] < ends[1]):
            raise CaseError(f"[{where}] regions.{name} = {ends!r}; expected [from, to] along x, from < to")
    borders = {x for ends in intervals.values() for x in ends if 0 < x < given.get("width", np.inf)}
    lines: dict[str, Any] = {} if "x" in given else {"x_lines": sorted({*given.get("x_lines", ()), *borders})}
    regions = {name: _between(*ends) for name, ends in intervals.items()}
    return given | lines | {"regions": regions}


def _between(low: float, high: float) -> Callable[[Any], Any]:
    return lambda points: (points[:, 0] > low) & (points[:, 0] < high)


def _texture(given: Mapping[str, Any], where: str) -> Any:
    unknown = set(given) - set(TEXTURES)
    if unknown:
        raise CaseError(f"{where} has {sorted(unknown)}; expected a (3, 2) list, or some of {list(TEXTURES)}")
    return sum(TEXTURES[name](value) for name, value in given.items())


def _called(function: Callable[..., Any], given: Mapping[str, Any], where: str, written: Mapping[str, str]) -> Any:
    taken = inspect.signature(function).parameters
    open_ended = any(p.kind is p.VAR_KEYWORD for p in taken.values())
    unknown = set() if open_ended else set(given) - set(taken)
    if unknown:
        raise CaseError(f"[{where}] has the unknown names {sorted(unknown)}; expected some of {list(taken)}")
    missing = [
        n for n, p in taken.items() if p.default is p.empty and p.kind not in (p.VAR_KEYWORD,) and n not in given
    ]
    if missing:
        raise CaseError(f"[{where}] lacks {missing}")
    try:
        return function(**given)
    except (ValueError, TypeError) as error:
        named = " and ".join(f"{key} = {text!r}" for key, text in written.items() if f"{key} = " in str(error))
        told = f", where {named}, which is shown in units of the code" if named else ""
        error.add_note(f"in the table [{where}] of the case{told}")
        raise


def known(table: Mapping[str, Any], name: str, where: str) -> Any:
    """The entry of this name, or CaseError with those that there are."""
    if name not in table:
        raise CaseError(f"{where}: unknown {name!r}; expected some of {list(table)}")
    return table[name]


def read_case(path: str | os.PathLike[str]) -> Case:
    """The case in a TOML file.

    Raises:
        FileNotFoundError: no such file.
        CaseError: not TOML, or a table that means nothing.
    """
    file = Path(path)
    try:
        tables = tomllib.loads(file.read_text())
    except tomllib.TOMLDecodeError as error:
        raise CaseError(f"{file} is not TOML: {error}") from error
    unknown = set(tables) - set(TABLES)
    if unknown:
        raise CaseError(f"{file} has the unknown tables {sorted(unknown)}; expected some of {list(TABLES)}")
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise CaseError(f"{file} has {name} = {table!r}; expected a table [{name}]")
    case = Case(tables, file.parent)
    case.check_quantities()
    _warn_of_plain_numbers(case)
    return case


def _warn_of_plain_numbers(case: Case) -> None:
    plain = [] if case.units is None else plain_numbers(case.tables, case.units)
    if plain:
        more = f" and {len(plain) - MANY} more" if len(plain) > MANY else ""
        warnings.warn(
            f"the case has [units], and these numbers have no unit and are taken in those of the code: "
            f'{", ".join(plain[:MANY])}{more}; write the unit, as in "4.2 K"',
            PlainNumberWarning,
            stacklevel=3,
        )
