"""Seconds of compilation apart from those of solving, and a word where a user waits for it."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import pytest

import jusadel as ju
from jusadel.common.programs import compilation
from jusadel.common.programs.compilation import Stopwatch, compilation_told
from jusadel.common.progress import Event

SAID = "compiling (first time on this machine) ..."


class Impatient:
    """A timer that has run out when it is started."""

    def __init__(self, seconds, say):
        self.say = say

    def start(self):
        self.say()

    def cancel(self):
        pass


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(compilation, "Timer", Impatient)


def compiled(*shapes):
    """Programs that this process has not."""
    for shape in shapes:
        jax.jit(lambda x: jnp.sin(x))(jnp.ones(shape))


def test_what_happens_inside_something_else_counts_once(monkeypatch):
    spent, clock = compilation._Spent(), [0.0]
    monkeypatch.setattr(compilation.time, "perf_counter", lambda: clock[0])
    for ended, seconds in ((1.0, 0.25), (2.0, 0.5), (2.0, 1.5), (3.0, 0.5), (4.0, 4.0), (5.0, 1.0)):
        clock[0] = ended
        spent.add(seconds)
    assert spent.seconds == 5.0


def test_a_stopwatch_knows_the_share_of_compilation():
    watch, later = Stopwatch(), Stopwatch()
    compiled(3)
    before = watch.compiling
    assert 0 < later.compiling <= before < watch.seconds
    assert Stopwatch().compiling == 0
    compiled(3)
    jnp.ones(3)


@pytest.mark.usefixtures("impatient")
def test_compilation_is_announced_once_to_whom_it_concerns():
    outer, inner = [], []
    compiled(4)
    with compilation_told(outer.append):
        compiled(5, 6)
        with compilation_told(None):
            compiled(7)
        assert outer == [Event(SAID)]
        with compilation_told(inner.append):
            compiled(8, 9)
    compiled(10)
    assert outer == inner == [Event(SAID)]
    assert str(outer[0]) == SAID


@pytest.mark.usefixtures("impatient")
def test_without_a_folder_it_may_not_be_the_first_time(monkeypatch):
    lines = []
    monkeypatch.setattr(compilation, "cache_folder", lambda: None)
    with compilation_told(lines.append):
        compiled(11)
    assert lines == [Event("compiling ...")]


def test_short_waits_are_not_announced(monkeypatch):
    """A timer that is still running when XLA is through says nothing."""
    begun, cancelled, lines = [], [], []

    class Patient(Impatient):
        def start(self):
            begun.append(self)

        def cancel(self):
            cancelled.append(self)

    monkeypatch.setattr(compilation, "Timer", Patient)
    with compilation_told(lines.append):
        compiled(12)
    assert not lines
    assert begun
    assert set(begun) <= set(cancelled)


@pytest.mark.usefixtures("impatient")
@pytest.mark.filterwarnings("ignore:the mesh is too coarse")
def test_a_solution_says_how_much_of_its_time_was_compilation():
    ends = {"left": ju.Reservoir(1.0), "right": ju.Reservoir(1.0, phase=1.0)}
    device = ju.Device(mesh=ju.rectangle(1.0, 0.5, 0.5), materials=ju.Material(Tc=0.0), boundaries=ends)
    jax.clear_caches()
    lines = []
    sol = ju.solve(device, T=1.0, frequencies=2, progress=lines.append)
    assert lines[0] == SAID
    assert lines[-1].startswith("Newton: 2 of 2")
    assert 0 < sol.stats["compile_seconds"] < sol.stats["seconds"]
    lines.clear()
    spec = ju.spectrum(sol, [0.5], eta=0.5, progress=lines.append)
    assert lines == [SAID, "energies: 1 of 1"]
    assert 0 < spec.stats["compile_seconds"] < spec.stats["seconds"]
    for found in (sol, spec):
        printed = replace(found, stats=found.stats | {"seconds": 12.4, "compile_seconds": 11.3})
        assert repr(printed).endswith(", SuperLU, 1.1 s and 11.3 s of compilation")
    known = {name: value for name, value in sol.stats.items() if name != "compile_seconds"}
    assert repr(replace(sol, stats=known | {"seconds": 12.4})).endswith(", SuperLU, 12.4 s")
