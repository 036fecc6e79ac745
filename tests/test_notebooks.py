"""The notebooks run from top to bottom, leave pictures, and their numbers are those of theory."""

import json
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import pytest

FOLDER = Path(__file__).parents[1] / "examples" / "notebooks"
SLOW = {"vortex", "first_device"}
"""Their parts have tests in every run."""


def first_device(names):
    """One per cent of diffusion against a difference."""
    more, less = (float(names["of_diffusion"](D)) for D in (1.001, 0.999))
    assert float(names["slope"]) == pytest.approx((more - less) / 0.002, rel=1e-4)
    assert names["critical"] > names["current"] > 0


def vortex(names):
    """The spin of a circular current is radial, and a vortex costs energy."""
    assert abs(names["radial"]).max() > 20 * abs(names["round_"]).max()
    assert names["cost"] > 0


def fit(names):
    """Each parameter within three of its errors."""
    for name, value in names["truth"].items():
        found = names["result"]
        assert abs(float(found.params[name]) - value) < 3 * float(found.errors[name])


def spectrum(names):
    """0.78 E_Th, a little less with a gap of 30 E_Th."""
    assert names["ratio"] == pytest.approx(0.78, abs=0.03)


def transport(names):
    """The maximum of the reentrance, 17 per cent at 5 E_Th; what goes in comes out."""
    assert names["g"].max() == pytest.approx(1.17, abs=0.01)
    assert 4 < names["energies"][names["g"].argmax()] < 6
    assert names["into"] == pytest.approx(-names["out"], rel=1e-6)


def own_mesh(names):
    """Current through both barriers, and the mesh in the file."""
    assert names["left"] == pytest.approx(-names["right"], rel=1e-6)
    assert len(names["again"].points) == len(names["cut"].points)


CHECKS = {check.__name__: check for check in (first_device, vortex, fit, spectrum, transport, own_mesh)}


def test_every_notebook_is_checked():
    assert {path.stem for path in FOLDER.glob("*.ipynb")} == CHECKS.keys()


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.slow] if n in SLOW else []) for n in CHECKS])
def test_notebook(name, tmp_path, monkeypatch):
    """Cell by cell as Jupyter runs them; kept without results, which would age."""
    monkeypatch.chdir(tmp_path)
    notebook, names = json.loads((FOLDER / f"{name}.ipynb").read_text()), {}
    assert (notebook["nbformat"], notebook["cells"][0]["cell_type"]) == (4, "markdown")
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            exec(compile("".join(cell["source"]), f"{name}, cell {cell['id']}", "exec"), names)
    assert plt.get_fignums()
    plt.close("all")
    CHECKS[name](names)


def test_a_badge_of_the_readme_opens_each():
    readme = (FOLDER.parents[1] / "README.md").read_text()
    for notebook in FOLDER.glob("*.ipynb"):
        badge = f"docs/badges/{notebook.stem}.svg"
        assert f"({badge})](examples/notebooks/{notebook.name})" in readme
        assert (FOLDER.parents[1] / badge).exists()
