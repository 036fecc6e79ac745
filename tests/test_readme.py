"""What the README prints: its commands name files that exist, its example runs and obeys time reversal."""

import re
import shlex
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
SOURCES = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
COMMANDS = (
    'python -m pip install -e ".[plot]" && python examples/vortex.py',
    'python -m pip install -e ".[test]" && python -m pytest',
)


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_stand_on_one_line_and_their_files_exist(command):
    assert command in (line.strip() for line in README.splitlines())
    extra = re.search(r"\[(\w+)\]", command)[1]
    assert re.search(rf"^{extra} = \[", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    for word in shlex.split(command):
        assert not word.endswith(".py") or (ROOT / word).is_file()


def test_the_first_command_comes_first():
    assert README.index(COMMANDS[0]) < README.index(COMMANDS[1])


def test_files_and_names_exist():
    import jusadel

    for name in re.findall(r"`(\S+\.(?:md|py)|LICENSE)`", README):
        assert (ROOT / name).is_file()
    for name in re.findall(r"\bju\.(\w+)", README):
        assert hasattr(jusadel, name)


def test_example_runs_as_printed(capsys):
    """Currents of time-reversed junctions are opposite: I(phi, h) = -I(-phi, -h); here I(0) is not zero."""
    source = SOURCES[0]
    assert "h=(0, 0.8, 0)" in source
    currents = []
    for code in (source, source.replace("h=(0, 0.8, 0)", "h=(0, -0.8, 0)")):
        exec(compile(code, "README.md", "exec"), {})
        currents.append([float(line.split(" = ")[1]) for line in capsys.readouterr().out.splitlines()])
    up, down = currents
    assert len(up) == 3
    assert up == pytest.approx([-current for current in reversed(down)], abs=2e-4)
    assert up[0] < 0 < up[2]
    assert abs(up[1]) > 0.05 * max(map(abs, up))


def test_gradient_runs_as_printed(capsys):
    """To first order the current at zero phase is a product of gamma and h, and it rises with the phase."""
    exec(compile(SOURCES[1], "README.md", "exec"), {})
    along_gamma, along_h, along_phase = map(float, re.findall(r"-?\d+\.\d+(?:e-?\d+)?", capsys.readouterr().out))
    assert along_gamma * 0.3 == pytest.approx(along_h * 0.8, rel=0.5)
    assert along_phase > 0


def test_fit_runs_as_printed(capsys):
    """Within four errors of what the data were made with."""
    exec(compile(SOURCES[2], "README.md", "exec"), {})
    out = capsys.readouterr().out
    for name, true in (("gamma", 0.6), ("conductance", 5.0)):
        value, error = map(float, re.search(rf"{name} += (\S+) \+- (\S+)", out).groups())
        assert abs(value - true) < 4 * error < 2 * true


def test_units_run_as_printed(capsys):
    """0.1 mV on 5 Ohm, and the gap of aluminium far below Tc."""
    exec(compile(SOURCES[3], "README.md", "exec"), {})
    current, gap = map(float, re.findall(r" = (\S+)", capsys.readouterr().out))
    assert current == pytest.approx(20.0, abs=1e-3)
    assert gap == pytest.approx(0.1824, abs=2e-4)
