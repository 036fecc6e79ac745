"""Linear responses at frequencies in files: what is packed, and how it is read."""

from __future__ import annotations

from typing import Any

import numpy as np

from jusadel.common.archive import Arrays
from jusadel.common.stored import Stored
from jusadel.files.devices import device_of, packed_device
from jusadel.files.solutions import Content
from jusadel.nonequilibrium.dynamics.result import Admittance, AtFrequencies, DynamicResponse

SHAPES: dict[str, tuple[int | None, ...]] = {
    "phi": (None,),
    "pairing": (None, 2),
    "current": (None, 2),
    "spin": (None, 3),
}
"""Of what may be None, behind the axis of frequencies."""


def packed_admittance(found: Admittance, arrays: Arrays) -> tuple[Content, Content]:
    """An Admittance, with its device: its content, and what the header says about it."""
    content, about = _packed(found, arrays)
    between = {"between": list(found.between)}
    return content | between, about | between


def admittance_of(part: Stored) -> Admittance:
    """The Admittance again."""
    one, other = part["between"].words()
    return Admittance(between=(one, other), **_common(part))


def packed_response(found: DynamicResponse, arrays: Arrays) -> tuple[Content, Content]:
    """A DynamicResponse, with its device: its content, and what the header says about it."""
    content, about = _packed(found, arrays)
    return content | {"drive": found.drive}, about | {"drive": found.drive}


def response_of(part: Stored) -> DynamicResponse:
    """The DynamicResponse again."""
    return DynamicResponse(drive=part["drive"].text(), **_common(part))


def _packed(found: AtFrequencies, arrays: Arrays) -> tuple[Content, Content]:
    content: Content = {"device": packed_device(found.device, arrays), "axis": found.axis, "T": float(found.T)}
    content |= {"energies": int(found.energies)}
    content |= {name: arrays.put(name, getattr(found, name)) for name in ("omega", "Q")}
    for name in SHAPES:
        values = getattr(found, name)
        content[name] = None if values is None else arrays.put(name, values)
    return content, {"T": content["T"], "axis": found.axis, "frequencies": int(np.size(found.omega))}


def _common(part: Stored) -> dict[str, Any]:
    omega = part["omega"].any()
    rows = np.shape(omega)
    if len(rows) > 1:
        raise ValueError(f"omega has the shape {rows}; expected a number or (k,)")
    maps: dict[str, Any] = {
        name: None if part[name].missing else part[name].array((*rows, *shape), "fc") for name, shape in SHAPES.items()
    }
    return {
        "device": device_of(part["device"]),
        "axis": part["axis"].text(),
        "T": part["T"].number(),
        "omega": part["omega"].array(rows),
        "Q": part["Q"].array(rows, "fc")[()],
        "energies": part["energies"].whole(),
        **maps,
    }
