"""The documentation: its code runs, its reference is complete, its pages and links exist."""

import re
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import pytest

import jusadel as ju

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").glob("*.md"))
MODULES = {"action", "linear", "matsubara", "nambu", "plot", "symmetry", "materials"}


def blocks(page):
    return re.findall(r"```python\n(.*?)```", (ROOT / "docs" / page).read_text(), re.DOTALL)


@pytest.mark.filterwarnings("ignore:the mesh is too coarse")
def test_first_steps_run_as_printed(tmp_path, monkeypatch, capsys, quick_compilation):
    """The device of the first page, solved as printed."""
    monkeypatch.chdir(tmp_path)
    names = {}
    source = blocks("index.md")[0]
    assert len(source.splitlines()) <= 21
    exec(compile(source, "index.md", "exec"), names)
    plt.close("all")
    printed = capsys.readouterr().out
    assert "12 of 12 certified" in printed
    current = float(re.search(r"current = (\S+)", printed)[1])
    left = float(ju.current_through(names["sol"], "left"))
    assert abs(current) > 0.01
    assert left != pytest.approx(-current, rel=1e-9)  # a given Delta feeds in what the gap equation would not
    assert (tmp_path / "current.png").stat().st_size > 10_000


def test_the_reference_names_everything_public():
    text = (ROOT / "docs" / "reference.md").read_text()
    named = set(re.findall(r"^::: jusadel\.[\w.]+\.(\w+)$", text, re.MULTILINE))
    assert set(ju.__all__) - MODULES <= named
    assert set(ju.plot.__all__) <= named


def test_pages_stand_in_the_navigation_and_links_lead_somewhere():
    nav = (ROOT / "mkdocs.yml").read_text().split("nav:")[1]
    assert set(re.findall(r"(\w+\.md)", nav)) == {page.name for page in PAGES}
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)", page.read_text()):
            assert target.startswith("http") or (page.parent / target).exists(), (page.name, target)
