"""Units of pictures: of lengths on the axes, and of what colour bars, keys and curves show."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from jusadel.common.arguments import is_number
from jusadel.device.units.shown import Scale, in_brackets, scale
from jusadel.device.units.units import Units

Unit = str | tuple[str, float]
"""What users give as the unit of length; see `length_unit`."""
NANOMETRES = {
    r"nm|nanomet(er|re)s?": 1.0,
    r"[uµμ]m|mum|microns?|micromet(er|re)s?": 1e-3,
    r"mm|millimet(er|re)s?": 1e-6,
    r"cm|centimet(er|re)s?": 1e-7,
    r"m|met(er|re)s?": 1e-9,
    r"[åa]ngstr[öo]ms?|å": 10.0,
    r"pm|picomet(er|re)s?": 1e3,
    r"km|kilomet(er|re)s?": 1e-12,
}
"""Laboratory units of length, without what typesetting puts round them: how many of each a nanometre is."""
SIGNS = re.compile(r"\\(mathrm|text|rm|,)|[\s\[\](){}$\\]")


def units_of(of: Any) -> Units | None:
    """The Units of a device, or of what was computed of one."""
    return getattr(of, "units", None)


def length_unit(unit: Unit, of: Any = None) -> tuple[float, str]:
    """How many of the axes' units a unit of length of the device is, and the unit as it stands on the axes.

    Raises:
        ValueError: the name of a laboratory unit, without how many of it a unit of length is, where no Units tell.
    """
    if isinstance(unit, str):
        return _by_name(unit, units_of(of))
    if not isinstance(unit, tuple | list) or len(unit) != 2 or not isinstance(unit[0], str) or not is_number(unit[1]):
        raise ValueError(f"unit = {unit!r}; expected a name, or (name, how many of it one unit of length is)")
    if not 0 < float(unit[1]) < np.inf:
        raise ValueError(f"unit = {unit!r}; expected (name, a number > 0)")
    return float(unit[1]), f" [{unit[0]}]"


def _by_name(unit: str, units: Units | None) -> tuple[float, str]:
    bare = SIGNS.sub("", unit)
    each = [many for pattern, many in NANOMETRES.items() if re.fullmatch(pattern, bare, re.IGNORECASE)]
    if units is not None and (each or not unit):
        return units.to_nm(1.0) * (each or [1.0])[0], f" [{unit or 'nm'}]"
    if each:
        raise ValueError(
            f"unit = {unit!r}; a mesh has its numbers in the device's own unit of length, and this would relabel "
            f"them, not convert: give unit=({unit!r}, how many {unit} one unit of length is), which multiplies "
            "them; of ju.Units u for nm that is u.to_nm(1.0), and 1.0 where the mesh is in this unit already. Or give "
            "the Device its units=u once"
        )
    return 1.0, f" [{unit}]" if unit else ""


def quantity_unit(quantity: str | None, of: Any) -> Scale:
    """What values of this kind are multiplied by, and their unit; those of no kind stay as they are."""
    return (1.0, "") if quantity is None else scale(units_of(of), quantity)


def labelled(label: str, shown: Scale) -> str:
    """A label with the unit behind it."""
    return f"{label}{in_brackets(shown)}".strip()
