"""What the numbers of a case are: the dimension of each quantity by name, and the units that strings may carry."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from jusadel.device.boundary import ADDED, CONDITIONS, EDGE_FIELDS, Boundary, Reservoir
from jusadel.device.material.material import ROWS
from jusadel.device.units.units import Units


@dataclass(frozen=True)
class Dimension:
    """A kind of quantity.

    Attributes:
        name: what it is.
        units: how a number of each unit becomes one of the code; where there are none, numbers stand alone.
        shown: a number of the code in a unit, as text, where that takes no more than units of energy and length.
        words: whether text that is no number may stand for one.
    """

    name: str
    units: Mapping[str, Callable[[Units, float], Any]] = field(default_factory=dict)
    shown: Callable[[Units, float], str] | None = None
    words: bool = False


LENGTH = Dimension(
    "a length",
    {"nm": lambda u, x: u.length(nm=x), "um": lambda u, x: u.length(nm=1e3 * x)},
    lambda u, x: f"{u.to_nm(x):.4g} nm",
)
ENERGY = Dimension(
    "an energy or a temperature",
    {
        "K": lambda u, x: u.energy(K=x),
        "mK": lambda u, x: u.energy(K=1e-3 * x),
        "meV": lambda u, x: u.energy(meV=x),
        "ueV": lambda u, x: u.energy(meV=1e-3 * x),
    },
    lambda u, x: f"{u.to_kelvin(x):.4g} K",
)
FIELD = Dimension(
    "a magnetic field",
    {"mT": lambda u, x: u.field(mT=x), "T": lambda u, x: u.field(mT=1e3 * x)},
    lambda u, x: f"{u.to_mT(x):.4g} mT",
)
DIFFUSION = Dimension(
    "a diffusion coefficient",
    {"cm^2/s": lambda u, x: u.diffusion(cm2_per_s=x)},
    lambda u, x: f"{u.to_cm2_per_s(x):.4g} cm^2/s",
)
CONDUCTANCE = Dimension(
    "a barrier, as resistance times area or times width",
    {
        "Ohm um^2": lambda u, x: u.conductance(ohm_um2=x),
        "Ohm um": lambda u, x: u.conductance(ohm_um=x),
    },
)
NUMBER = Dimension("a plain number")
PRODUCT = Dimension("a plain number in the units of the code, of which [energy] and [length] make its own")
ANGLE = Dimension("a plain number of radians")
WORD = Dimension("a word", words=True)
UNITS = {unit: kind for kind in (LENGTH, ENERGY, FIELD, DIFFUSION, CONDUCTANCE) for unit in kind.units}
"""Of which dimension each unit is."""

KINDS = {(0, 0): NUMBER, (1, 0): ENERGY, (0, 1): LENGTH}
"""What a field is whose unit has these powers of energy and length; PRODUCT where there are others."""
OF_CONDITIONS = {
    "Delta": ENERGY,
    "phase": ANGLE,
    "h": ENERGY,
    "Gamma": ENERGY,
    "magnetic_Gamma": ENERGY,
    "depairing": ENERGY,
    "inelastic": ENERGY,
    "conductance": CONDUCTANCE,
    "transmissions": NUMBER,
    "polarisation": NUMBER,
    "partner": WORD,
    "rotation": ANGLE,
}
"""What fields of boundary conditions are, where they are no plain numbers."""


OF_SCATTERING = {"up": NUMBER, "down": NUMBER, "mixing": ANGLE, "axis": NUMBER, "channels": PRODUCT}
"""What stands in a SpinActive, a table in the place of a conductance."""


def _of_condition(kind: type[Boundary]) -> dict[str, Dimension]:
    """By field; an electrode's numbers stand beside those of the barrier before it."""
    names = {f.name for f in fields(kind)}
    names |= {f.name for f in fields(Reservoir)} if "reservoir" in names else set()
    return {"kind": WORD} | {name: OF_CONDITIONS.get(name, PRODUCT) for name in names - {"reservoir", "surface"}}


QUANTITIES: dict[str, dict[str, Dimension]] = {
    "units": {"": NUMBER},
    "geometry": {"": LENGTH, "file": WORD, "rest": WORD, "sectors": ANGLE},
    "materials": {name: KINDS.get(given.unit, PRODUCT) for name, given in ROWS.items()}
    | {
        "D": DIFFUSION,
        "nu": NUMBER,
        "spin_diffusion_length": LENGTH,
        "spin_hall_angle": NUMBER,
        "group": WORD,
        "orientation": NUMBER,
    },
    **{name: _of_condition(kind) for name, kind in CONDITIONS.items()},
    "Surface": {"kind": WORD}
    | dict.fromkeys(ADDED, PRODUCT)
    | {name: KINDS.get((ROWS[name].unit[0], ROWS[name].unit[1] + 1), PRODUCT) for name in EDGE_FIELDS},
    "field": {"B": FIELD, "gauge": WORD, "center": LENGTH},
    "solve": {
        "T": ENERGY,
        "pair_potential": replace(ENERGY, words=True),
        "start": replace(ENERGY, words=True),
        "center": LENGTH,
        "positions": LENGTH,
        "core": LENGTH,
        "progress": WORD,
    }
    | dict.fromkeys(("winding", "windings", "frequencies", "tol", "accuracy", "gap_tol"), NUMBER),
}
"""By table, of boundaries by their kind: what each name is, and with it all that stands inside it; "" is the rest."""

WRITTEN = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)(?![\d.,])\s*(.*?)\s*")
"""A number and its unit, with or without a blank between them."""


class PlainNumberWarning(UserWarning):
    """A number without unit, for a quantity that has one, in a case that says what it is measured in."""


def dimension(path: Sequence[str], tables: Mapping[str, Any]) -> Dimension | None:
    """What stands at a place such as ("solve", "T") of a case; None where nothing of that name is known."""
    group, *names = path
    if group in ("materials", "boundaries"):
        owner, names = "".join(names[:1]), names[1:]
        if group == "boundaries":
            table = tables.get(group, {}).get(owner, {})
            group = table.get("kind", "Reservoir") if isinstance(table, Mapping) else ""
    of = QUANTITIES.get(group, {})
    if names[:1] == ["conductance"] and len(names) > 1:
        of = OF_SCATTERING
    return next((of[name] for name in reversed(names) if name in of), of.get(""))


def number(given: str, where: str, what: Dimension | None, units: Units | None) -> Any:
    """Text with a unit as a number of the code; words stay where words may stand, and where no name is known.

    Raises:
        ValueError: another dimension than that of the quantity, an unknown unit, no unit, none that the case is
            measured in.
    """
    match = WRITTEN.fullmatch(given)
    if what is WORD or (match is None and what is not None and what.words):
        return given
    if what is None and (match is None or match[2] not in UNITS):
        return given  # an unknown name, which whoever takes the table refuses
    expected = _expected(what)
    if match is None:
        raise ValueError(f"{where} = {given!r} is no number; expected {expected}")
    value, unit = match.groups()
    if not unit:
        raise ValueError(f"{where} = {given!r} is text without a unit; expected {expected}; numbers without quotes")
    if unit not in UNITS:
        raise ValueError(f"{where} = {given!r}: unknown unit {unit!r}; expected one of {list(UNITS)}, here {expected}")
    if what is not None and unit not in what.units:
        raise ValueError(f"{where} = {given!r} is {UNITS[unit].name}; expected {expected}")
    if units is None:
        raise ValueError(f"{where} = {given!r}: there is no table [units] that says what the case is measured in")
    return float(UNITS[unit].units[unit](units, float(value)))


def plain_numbers(tables: Mapping[str, Any], units: Units) -> list[str]:
    """Numbers other than zero that lack a unit, with what they are taken for, such as "solve.T = 4.2 (38.64 K)"."""
    given = {name: tables.get(name, {}) for name in ("geometry", "materials", "boundaries", "field", "solve")}
    swept = tables.get("sweep", {})
    if isinstance(swept, Mapping) and isinstance(swept.get("parameter"), str):
        given[swept["parameter"]] = swept.get("values", [])
    found = []
    for where, table in given.items():
        for path, value in _numbers(tuple(where.split(".")), table):
            what = dimension(path, tables)
            if value and what is not None and what.units:
                taken = f" ({what.shown(units, value)})" if what.shown else ""
                found.append(f"{'.'.join(path)} = {value:g}{taken}")
    return found


def _expected(what: Dimension | None) -> str:
    if what is None or not what.units:
        return what.name if what else "a number"
    return f"{what.name}, in one of {list(what.units)}, or a plain number in the units of the code"


def _numbers(path: tuple[str, ...], given: Any) -> Iterator[tuple[tuple[str, ...], float]]:
    """All plain numbers in there, with the names that lead to them."""
    if isinstance(given, Mapping):
        for name, value in given.items():
            yield from _numbers((*path, name), value)
    elif isinstance(given, list):
        for value in given:
            yield from _numbers(path, value)
    elif isinstance(given, int | float) and not isinstance(given, bool):
        yield path, float(given)
