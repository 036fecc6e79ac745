"""The table of contents of the package: its public names by room, one line each."""

from __future__ import annotations

import inspect
import reprlib
from types import ModuleType

ROOMS = (
    "common",
    "mesh",
    "device",
    "action",
    "solver",
    "observables",
    "nonequilibrium",
    "corrections",
    "studies",
    "fitting",
    "plot",
    "files",
)
"""The folders of the package, each importing from itself and from those before it, never in a circle."""


def contents(*rooms: ModuleType) -> str:
    """Every public name with the first line of its documentation, under the first line of its room's."""
    return "".join(f"\n{_title(room)}\n\n{_lines(room)}" for room in rooms)


def _title(room: ModuleType) -> str:
    return f"{room.__name__}: {_first_line(room)}"


def _lines(room: ModuleType) -> str:
    return "".join(f"    {name}: {_first_line(getattr(room, name))}\n" for name in room.__all__)


def _first_line(thing: object) -> str:
    """Of its documentation, or, where it is data, of what it prints."""
    documented = inspect.ismodule(thing) or inspect.isclass(thing) or inspect.isroutine(thing)
    return ((inspect.getdoc(thing) or "") if documented else reprlib.repr(thing)).split("\n")[0]
