"""How many programs a first number needs: compilation is what a user waits for, and it must not grow unnoticed."""

from pathlib import Path

import jax
import pytest
from shared import load

uses = load("first_uses", Path(__file__).parents[1] / "benchmarks")

MOST = {
    "value": 3,
    "next mesh": 3,
    "next point": 0,
    "gradient": 36,
    "converge": 9,
    "current phase": 5,
    "bilayer": 6,
    "spectrum": 19,
    "diffuse": 24,
}
"""Programs that each use needs, from nothing or, the three after "value", after that. Lower them as they come down."""
SIZE = 0.4
"""Of coarse meshes: the programs are those of fine ones."""
NEXT_POINT = uses.Use("another point of a sweep", lambda size: uses.current(uses.strip(size, h=0.5)), uses.value)
USES = {name: use for name, use in uses.USES.items() if "sweep" not in use.words} | {"next point": NEXT_POINT}


@pytest.fixture(scope="module")
def programs():
    """How many each use asks for, whether they are then compiled or found in the folder that keeps them, by name.

    What comes after something else comes after it here too.
    """
    found = {}
    with uses.Heard() as heard:
        for name in MOST:
            if not USES[name].before:
                jax.clear_caches()
            first = heard.programs
            USES[name].run(SIZE)
            found[name] = heard.programs - first
    return found


@pytest.mark.filterwarnings("ignore:the mesh is too coarse")
@pytest.mark.parametrize("name", MOST)
def test_programs_of_a_first_number(name, programs):
    assert programs[name] <= MOST[name]


def test_every_use_has_its_number():
    assert USES.keys() == MOST.keys()
