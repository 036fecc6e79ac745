"""Corrections of weak localisation in files: what is packed, and how it is read."""

from __future__ import annotations

from jusadel.common.archive import Arrays
from jusadel.common.stored import Stored
from jusadel.files.devices import device_of, packed_device
from jusadel.files.solutions import Content
from jusadel.fluctuations.result import Localisation


def packed_localisation(found: Localisation, arrays: Arrays) -> tuple[Content, Content]:
    """A Localisation, with its device: its content, and what the header says about it."""
    content = {
        "device": packed_device(found.device, arrays),
        "across": list(found.across),
        "mesh_size": float(found.mesh_size),
    }
    content |= {name: arrays.put(name, getattr(found, name)) for name in ("correction", "fields")}
    for name in ("dephasing", "local"):
        values = getattr(found, name)
        content[name] = None if values is None else arrays.put(name, values)
    return content, {"fields": len(found.fields), "across": content["across"]}


def localisation_of(part: Stored) -> Localisation:
    """The Localisation again."""
    device, correction = device_of(part["device"]), part["correction"].array((None,))
    count = len(correction)
    start, end = part["across"].words()
    return Localisation(
        correction=correction,
        fields=part["fields"].array((count,)),
        dephasing=None if part["dephasing"].missing else part["dephasing"].array((count,)),
        across=(start, end),
        mesh_size=part["mesh_size"].number(),
        device=device,
        local=None if part["local"].missing else part["local"].array((count, len(device.mesh.points))),
    )
