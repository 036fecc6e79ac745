"""What is given away: the archive of the sources holds what pages tell people to run, and both archives the types."""

import importlib.util
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

import jusadel as ju

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
INCLUDED = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
ALWAYS = {"jusadel", "tests", "examples", "meshes", "docs", "validation", "benchmarks"}


def named(text):
    """Files and folders of ours that a text names, by path from the root or as `python -m`."""
    modules = {name.replace(".", "/") for name in re.findall(r"python -m ([\w.]*\w)", text)}
    paths = set(re.findall(r"(?<![\w./])(?:\.?\w[\w-]*/)+[\w.-]*\w|mkdocs\.yml|[A-Z]+\.md", text))
    found = {path for path in paths | modules if (ROOT / path).exists() or (ROOT / f"{path}.py").exists()}
    return {path if (ROOT / path).exists() else f"{path}.py" for path in found}


NAMED = set().union(*(named(page.read_text()) for page in PAGES))


def test_one_version_everywhere():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    cited = (ROOT / "CITATION.cff").read_text()
    dated = re.search(
        rf"^## \[{re.escape(version)}\] - (\d{{4}}-\d\d-\d\d)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE
    )
    assert dated
    assert ju.__version__ == version
    assert f"\nversion: {version}\ndate-released: {dated[1]}\n" in cited


def test_names_are_found():
    text = "`python -m benchmarks` and `python examples/vortex.py`; [a](validation/REPORT.md), `.ci/run`, no/such.py"
    assert named(text) == {"benchmarks", "examples/vortex.py", "validation/REPORT.md", ".ci/run"}
    assert {"benchmarks/gradients.py", "validation", "jusadel", "examples/vortex.py", ".ci/run"} <= NAMED


def test_the_archive_of_the_sources_holds_what_pages_name():
    missing = {path.split("/")[0] for path in NAMED | ALWAYS} - set(INCLUDED)
    assert not missing
    assert all((ROOT / name).exists() for name in INCLUDED)


def built(kind, folder):
    """Names in an archive as hatchling makes it."""
    code = f"import sys; from hatchling.build import build_{kind} as build; print(build(sys.argv[1]))"
    done = subprocess.run([sys.executable, "-c", code, str(folder)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    file = folder / done.stdout.split()[-1]
    if kind == "wheel":
        return zipfile.ZipFile(file).namelist()
    with tarfile.open(file) as archive:
        return [name.split("/", 1)[1] for name in archive.getnames()]


@pytest.mark.skipif(importlib.util.find_spec("hatchling") is None, reason="needs hatchling")
def test_built_archives(tmp_path):
    sources, wheel = built("sdist", tmp_path), built("wheel", tmp_path)
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "jusadel").rglob("*.py")} | {"jusadel/py.typed"}
    assert modules <= set(sources)
    assert modules == {name for name in wheel if not name.startswith("jusadel-")}
    for path in NAMED:
        assert any(name == path or name.startswith(f"{path}/") for name in sources), path
    assert not [name for name in sources if "__pycache__" in name or name.startswith((".git/", ".venv"))]
