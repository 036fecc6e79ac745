"""Weak localisation and Gaussian fluctuations in files: what is packed, and how it is read."""

from __future__ import annotations

import numpy as np

from jusadel.common.archive import Arrays
from jusadel.common.stored import Stored
from jusadel.corrections.gaussian.result import Fluctuations
from jusadel.corrections.result import Localisation
from jusadel.files.devices import device_of, packed_device
from jusadel.files.solutions import Content

SUMS = ("magnetisation", "paraconductivity", "maki_thompson")
"""Numbers that may be None."""


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


def packed_gaussian(found: Fluctuations, arrays: Arrays) -> tuple[Content, Content]:
    """Fluctuations, with their device: their content, and what the header says about them."""
    content: Content = {"device": packed_device(found.device, arrays), "frequencies": found.frequencies}
    content |= {name: float(getattr(found, name)) for name in ("T", "slope", "specific_heat")}
    content |= {name: arrays.put(name, getattr(found, name)) for name in ("eigenvalues", "times", "modes")}
    for name in SUMS:
        value = getattr(found, name)
        content[name] = None if value is None else float(value)
    content |= {
        "across": None if found.across is None else list(found.across),
        "rest": {"names": list(found.rest), "values": arrays.put("rest", np.array(list(found.rest.values())))},
        "left_out": {"names": list(found.left_out), "reasons": list(found.left_out.values())},
    }
    return content, {"T": content["T"], "modes": len(found.eigenvalues)}


def gaussian_of(part: Stored) -> Fluctuations:
    """The Fluctuations again."""
    device, eigenvalues = device_of(part["device"]), part["eigenvalues"].array((None,))
    count = len(eigenvalues)
    names = part["rest"]["names"].words()
    rest = part["rest"]["values"].array((len(names),))
    ends = None if part["across"].missing else part["across"].words()
    sums = {name: None if part[name].missing else part[name].number() for name in SUMS}
    left_out = zip(part["left_out"]["names"].words(), part["left_out"]["reasons"].words(), strict=True)
    return Fluctuations(
        T=part["T"].number(),
        eigenvalues=eigenvalues,
        times=part["times"].array((count,)),
        modes=part["modes"].array((count, len(device.mesh.points)), "c"),
        slope=part["slope"].number(),
        specific_heat=part["specific_heat"].number(),
        across=None if ends is None else (ends[0], ends[1]),
        rest={name: float(value) for name, value in zip(names, rest, strict=True)},
        left_out=dict(left_out),
        frequencies=part["frequencies"].whole(),
        device=device,
        **sums,
    )
