"""Files of sweeps before they had a header: arrays under fixed names, and words for what the arrays are."""

from __future__ import annotations

from typing import Any

import numpy as np

from jusadel.common.stored import Stored
from jusadel.solver.states.stored import FREQUENCIES, STATE
from jusadel.studies.sweeps.records import Record

FORMAT, FIRST = "jusadel sweep 2", "jusadel sweep 1"
"""In the first format the points that are there are the first ones."""


def from_flat(held: Record) -> Stored:
    """The arrays of such a file as the content that files have now.

    Raises:
        ValueError: it is of another format. KeyError: something is missing.
    """
    form = str(held.get("format"))
    if form not in (FORMAT, FIRST):
        raise ValueError("it has another format")
    results = [name for name in held if name.startswith("result ")]
    points = held["points"] if form == FORMAT else np.arange(np.size(held[results[0]], 0) if results else 0)
    content = {
        "values": _reference(held, "values"),
        "both_directions": bool(held["both_directions"]),
        "points": {"array": "points"},
        "results": {name.removeprefix("result "): {"array": name} for name in results},
        "start": _start(held, str(held["start"])),
    }
    return Stored(content, held | {"points": points})


def _start(held: Record, kind: str) -> dict[str, Any]:
    if kind == "array":
        return {"is": kind, "value": _reference(held, "previous")}
    if kind != "solution":
        return {"is": kind}
    T = float(held["solution T"])
    return {"is": kind, "T": T} | {name: _reference(held, f"solution {name}") for name in (*FREQUENCIES, *STATE)}


def _reference(held: Record, name: str) -> dict[str, str]:
    if name not in held:
        raise KeyError(name)
    return {"array": name}
