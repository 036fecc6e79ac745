"""In which unit a number of the code is shown: laboratory units of a kind of quantity, where they are known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

if TYPE_CHECKING:
    from jusadel.device.units.units import Units

SHOWN: Mapping[str, tuple[str, str]] = {
    "length": ("nm", "to_nm"),
    "energy": ("meV", "to_meV"),
    "temperature": ("K", "to_kelvin"),
    "voltage": ("mV", "to_mV"),
    "time": ("ps", "to_ps"),
    "field": ("mT", "to_mT"),
    "diffusion": ("cm^2/s", "to_cm2_per_s"),
    "current": ("uA", "to_uA"),
    "current density": ("uA/um", "to_uA_per_um"),
    "conductance": ("mS", "to_mS"),
    "frequency": ("GHz", "to_GHz"),
    "inductance": ("pH", "to_pH"),
    "resistance": ("mOhm", "to_mOhm"),
    "spin density": ("1/nm^3", "to_spins_per_nm3"),
    "spins": ("spins", "to_spins"),
    "free energy": ("eV", "to_eV"),
}
"""By kind of quantity: its unit in pictures, prints, tables and files, and the conversion of `Units`."""
CODE = "code units"
"""What is shown for the unit where the conversion needs what the Units were made without."""
Scale = tuple[float, str]


def scale(units: Units | None, kind: str) -> Scale:
    """By how much a number of the code is multiplied to be shown, and the unit that it then has.

    (1, "") without Units, and (1, "code units") where these do not tell, as currents without a resistivity.

    Raises:
        ValueError: an unknown kind of quantity.
    """
    if kind not in SHOWN:
        raise ValueError(f"quantity = {kind!r}; expected one of {list(SHOWN)}")
    if units is None:
        return 1.0, ""
    unit, conversion = SHOWN[kind]
    try:
        return float(getattr(units, conversion)(1.0)), unit
    except ValueError:  # says what is missing
        return 1.0, CODE


def of_powers(units: Units | None, powers: tuple[int, int]) -> Scale:
    """The same of what has these powers of energy and length; in meV and nm."""
    if units is None or powers in ((0, 0), (-1, -2)):  # nu is relative to that of the Units
        return 1.0, ""
    one = [scale(units, kind) for kind in ("energy", "length")]
    factor = float(np.prod([f**p for (f, _), p in zip(one, powers, strict=True)]))
    return factor, " ".join(u if p == 1 else f"{u}^{p}" for (_, u), p in zip(one, powers, strict=True) if p)


def with_unit(number: Any, shown: Scale, digits: int = 5) -> str:
    """A number of the code as text with its unit, such as "1.234 K"."""
    factor, unit = shown
    if isinstance(number, jax.core.Tracer):
        return "traced"
    return f"{factor * float(number):.{digits}g}{' ' * bool(unit)}{unit}"


def between(low: Any, high: Any, shown: Scale, digits: int = 3, word: str = "to") -> str:
    """Two numbers of the code as text, such as "0.1 to 2 meV"."""
    return f"{with_unit(low, (shown[0], ''), digits)} {word} {with_unit(high, shown, digits)}"


def in_brackets(shown: Scale) -> str:
    """The unit as it stands behind the name of an axis or a column."""
    return f" [{shown[1]}]" if shown[1] else ""
