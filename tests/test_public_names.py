"""What users see of the package: its names, where they come from, and what `dir` and `help` show of them."""

import importlib
import pkgutil
import pydoc
from pathlib import Path
from types import ModuleType

import pytest

import jusadel as ju

KNOWN = (Path(__file__).parent / "data" / "public_names.txt").read_text().split()
"""Names that users' scripts may hold; none of them may go."""
MODULES = {
    found.name: importlib.import_module(found.name)
    for found in pkgutil.walk_packages(ju.__path__, "jusadel.")
    if found.name != "jusadel.__main__"
}
ROOMS = {name: module for name, module in MODULES.items() if name.count(".") == 1}


def test_no_name_has_gone():
    assert set(KNOWN) <= set(ju.__all__)
    assert len(ju.__all__) == len(set(ju.__all__))


def test_dir_shows_the_public_names_and_nothing_else():
    assert dir(ju) == sorted([*ju.__all__, "__version__"])
    assert all(hasattr(ju, name) for name in ju.__all__)


def test_rooms_add_up_to_the_package():
    handed_on = {name for room in ROOMS.values() if room is not ju.plot for name in room.__all__}
    assert handed_on | {"action", "plot"} == set(ju.__all__)
    for room in ROOMS.values():
        for name in room.__all__:
            assert getattr(ju.plot if room is ju.plot else ju, name) is getattr(room, name)


def test_help_has_a_line_for_every_name_under_its_room():
    lines = pydoc.plain(pydoc.render_doc(ju)).splitlines()
    begin = {name: next(k for k, line in enumerate(lines) if line.strip().startswith(f"{name}: ")) for name in ROOMS}
    ends = [*sorted(begin.values())[1:], len(lines)]
    for (room, start), end in zip(sorted(begin.items(), key=lambda item: item[1]), ends, strict=True):
        said = {line.strip().split(": ")[0] for line in lines[start:end] if ": " in line}
        assert set(ROOMS[room].__all__) <= said


def test_errors_and_warnings_are_public():
    """But for what is caught inside."""
    inside = {"FailedPoint"}
    ours = {
        thing.__name__
        for module in MODULES.values()
        for thing in vars(module).values()
        if isinstance(thing, type) and issubclass(thing, Exception) and thing.__module__.startswith("jusadel")
    }
    assert ours - inside <= set(ju.__all__)


@pytest.mark.parametrize("name", MODULES)
def test_no_module_hides_behind_what_its_folder_hands_on(name):
    """Where a folder hands on a function with the name of one of its files, the file cannot be imported by name."""
    folder, _, leaf = name.rpartition(".")
    assert isinstance(getattr(importlib.import_module(folder), leaf), ModuleType)
