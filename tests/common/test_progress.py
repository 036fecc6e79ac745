"""Events of calculations: as text to a function, in the log, or as a bar."""

import io
import logging
import sys

import pytest

from jusadel.common.progress import Event, reporter
from jusadel.studies.sweeps.sweep import sweep


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def logger():
    """Ours without handlers, and as it was afterwards."""
    log = logging.getLogger("jusadel")
    before, level = log.handlers[:], log.level
    log.handlers.clear()
    yield log
    log.handlers[:], log.level = before, level


LINES = {
    Event("energies", 3, 5): "energies: 3 of 5",
    Event("Newton", 8, 20, "frequencies", "5 steps"): "Newton: 8 of 20 frequencies, 5 steps",
    Event("gap equation", 0, detail="residual 1e-03, max |Delta| = 1.7"): (
        "gap equation: step 0, residual 1e-03, max |Delta| = 1.7"
    ),
    Event("fit", 3, None, "(2 refused)", "chi2 = 0.5: k = 1"): "fit: step 3 (2 refused), chi2 = 0.5: k = 1",
    Event("omega = 0.1 was not accepted", detail="ladder"): "omega = 0.1 was not accepted: ladder",
}


def test_functions_get_lines_of_text_and_nobody_nothing():
    lines = []
    report = reporter(lines.append)
    for event in LINES:
        report(event)
    assert lines == list(LINES.values())
    assert reporter(False) is None


@pytest.mark.parametrize("progress", [True, "lines"])
def test_lines_where_there_is_no_terminal(progress, logger, monkeypatch):
    stream = io.StringIO() if progress is True else Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    sweep(lambda v, previous: v, [1.0, 2.0], progress=progress)
    assert (
        stream.getvalue()
        == "sweep: 1 of 2 points, value 1.0: result = 1\nsweep: 2 of 2 points, value 2.0: result = 2\n"
    )


@pytest.mark.parametrize("progress", [True, "bar"])
def test_bars_on_a_terminal(progress, logger, monkeypatch):
    stream = Terminal() if progress is True else io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    sweep(lambda v, previous: v, [1.0, 2.0], progress=progress)
    last = stream.getvalue().rstrip().split("\r")[-1]
    assert last.startswith("sweep: 100%|")
    assert "| 2/2 [" in last
    assert last.endswith("points, value 2.0: result = 2]")
    assert not logger.handlers


def test_bars_of_a_solve(monkeypatch):
    """Steps without an end, then a count of another kind, which is taken away when it is complete."""
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    show = reporter("bar")
    show(Event("gap equation", 3, detail="residual 1e-03, max |Delta| = 1.7"))
    assert (show._bar.n, show._bar.total) == (3, None)
    assert show._bar.postfix == "residual 1e-03, max |Delta| = 1.7"
    show(Event("Newton", 8, 20, "frequencies", "5 steps"))
    assert (show._bar.n, show._bar.total, show._bar.postfix) == (8, 20, "frequencies, 5 steps")
    show(Event("omega = 0.1 was not accepted", detail="ladder from higher frequencies"))
    assert (show._bar.desc, show._bar.n) == ("omega = 0.1 was not accepted", 0)
    assert show._bar.postfix == "ladder from higher frequencies"
    show(Event("Newton", 20, 20, "frequencies", "5 steps"))
    assert show._bar is None
    assert stream.getvalue().endswith("\r")


def test_bars_without_tqdm(logger, monkeypatch):
    """True draws none even on a terminal: lines instead."""
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with pytest.raises(ModuleNotFoundError, match=r'progress="bar" needs tqdm: pip install "jusadel\[progress\]"'):
        reporter("bar")
    monkeypatch.setitem(sys.modules, "tqdm", None)
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    reporter(True)(Event("energies", 1, 3))
    assert stream.getvalue() == "energies: 1 of 3\n"


@pytest.mark.parametrize("progress", ["bars", 3, object()])
def test_other_wishes(progress):
    with pytest.raises(ValueError, match=r"progress = .*; expected True, False, 'bar', 'lines', or a function"):
        reporter(progress)
