"""The documentation: its code runs, its reference is complete, its pages and links exist."""

import ast
import re
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy.constants import e, hbar
from shared import load

import jusadel as ju

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
MODULES = {"action", "linear", "matsubara", "nambu", "plot", "symmetry"}
IMAGE_LIMIT = 60_000
"""Bytes of a picture that is kept."""


def blocks(page):
    return re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)


@pytest.mark.filterwarnings("ignore:the mesh is too coarse")
def test_first_steps_run_as_printed(tmp_path, monkeypatch, capsys):
    """The device of the first page, solved as printed."""
    monkeypatch.chdir(tmp_path)
    names = {}
    source = blocks("index.md")[0]
    assert len(source.splitlines()) <= 20
    exec(compile(source, "index.md", "exec"), names)
    plt.close("all")
    printed = capsys.readouterr().out
    assert "12 of 12 certified" in printed
    current = float(re.search(r"current = (\S+)", printed)[1])
    electrode = float(ju.current_through(names["sol"], "right"))
    assert current > 10 * electrode > 0  # along the phase gradient; the given Delta takes it up on the way
    assert (tmp_path / "current.png").stat().st_size > 10_000


@pytest.mark.filterwarnings("ignore:the mesh is too coarse")
def test_the_mesh_check_runs_as_printed(capsys):
    """As in trust.md, on a coarse strip, where the order of a flux is still on its way to two."""
    ends = {"left": ju.Reservoir(1.5), "right": ju.Reservoir(1.5, phase=1.0)}
    mesh = ju.rectangle(1.0, 0.3, 1.0, x=np.linspace(0, 1, 5), y=[0, 0.3])
    strip = ju.Device(mesh=mesh, materials=ju.Material(Tc=1.0), boundaries=ends)
    exec(compile(blocks("trust.md")[0], "trust.md", "exec"), {"ju": ju, "device": strip, "pairs": {"film": 1.5}})
    *_, last = capsys.readouterr().out.splitlines()
    order, limit, error = map(float, re.findall(r"\d\S*\d", last))
    assert order == pytest.approx(2.0, abs=0.5)
    assert 0.005 < error / limit < 0.05


# --- how-to guides ------------------------------------------------------------------------------------


def junction(found):
    """A sine at the higher temperature; at the lower one its maximum has grown and moved beyond pi/2."""
    assert found["phase_over_pi_T4"] == pytest.approx(0.5, abs=0.01)
    assert found["phase_over_pi_T1"] > 0.55
    assert found["Ic_T1"] > 3 * found["Ic_T4"] > 0


def tc(found):
    """The formula for a disk without exchange field."""
    exact = load("fit_tc_field").exact_Tc
    fields = [float(name.removeprefix("Tc_B")) for name in found]
    assert list(found.values()) == pytest.approx([exact({"D": 1.0, "h": 0.0}, B) for B in fields], abs=0.02)


def diode(found):
    plus, minus = found["j_plus"], found["j_minus"]
    assert found["efficiency"] == pytest.approx((plus - minus) / (plus + minus), abs=1e-4)
    assert minus > 1.05 * plus > 0


def spectrum(found):
    """The minigap of half an SNS junction, 3.12/4 D/L^2, to the distance of the energies."""
    assert found["certified"] == 31
    assert found["gap"] == pytest.approx(0.78, abs=0.1)
    assert 0 <= found["dIdV_at_0"] < 0.1
    assert found["dIdV_at_1.5"] > 1


def normal(found):
    """Closed forms."""
    k = np.sqrt(1 + 0.3**2)
    assert found["S_z_edge"] == pytest.approx(0.2 * np.tanh(1.5), rel=0.01)
    assert found["S_y"] == pytest.approx(-0.3, rel=1e-4)
    assert found["current"] == pytest.approx(6 * (1 + 0.3**2), rel=1e-4)
    assert found["inverse_voltage"] == pytest.approx(-0.3 * np.tanh(8 * k) / k, rel=0.01)


def film_in_field(found):
    """The fluxoid over the current; the strip's kinetic inductance mu0 lambda^2/d times 2 pi over ln(500/300), with the
    bulk's lambda at 0.4 K, 105 nm sqrt(rho/Tc) within what is left of Delta; its geometric one that of a strip."""
    total = 2067.83 / found["current_uA"]
    assert found["geometric_pH"] + found["kinetic_pH"] == pytest.approx(total, rel=1e-3)
    squares = 2 * np.pi / np.log(5 / 3)
    assert found["kinetic_pH"] == pytest.approx(4e-7 * np.pi * (105e-9**2 * 4 / 1.3) / 50e-9 * squares * 1e12, rel=0.1)
    low, high = (4e-7 * np.pi * 400e-9 * x * 1e12 for x in (np.log(32 * 2) - 2, np.log(8 * 2) - 0.5))
    assert 0.95 * low < found["geometric_pH"] < 1.05 * high
    assert 0 < found["flux_in_quanta"] < 0.2
    assert 0.8 < found["screened_to"] < 1


def film_current(found):
    """Kinetic: 3/2 squares of mu0 lambda^2/d as in `film_in_field`; geometric: that of uniform currents (Ruehli), less
    by crowding; B above the middle that of a rectangle, less too."""
    assert found["current_uA"] == pytest.approx(200.0, rel=1e-6)
    kinetic = found["inductance_pH"] - found["geometric_pH"]
    assert kinetic == pytest.approx(1.5 * 4e-7 * np.pi * (105e-9**2 * 2 / 1.3) / 100e-9 * 1e12, rel=0.05)
    u = 900 / 600
    tape = 3 * np.log(u + np.sqrt(u**2 + 1)) + u**2 + 1 / u + 3 * u * np.log(1 / u + np.sqrt(1 / u**2 + 1))
    uniform = 4e-7 * np.pi * 900e-9 / (6 * np.pi) * (tape - (u ** (4 / 3) + u ** (-2 / 3)) ** 1.5) * 1e12
    assert 0.95 * uniform < found["geometric_pH"] < uniform
    assert 1.1 < found["crowding"] < 1.5
    sheet = 4e-7 * np.pi * 200e-6 / 600e-9 / np.pi * np.arctan(0.9 * 0.6 / (0.2 * np.sqrt(0.9**2 + 0.6**2 + 0.2**2)))
    assert 0.9 < -found["stray_mT"] / (1e3 * sheet) < 1


def localisation(found):
    """The fit finds the lengths that went in, within its own error bars."""
    for name, length in {"spin_length": 300.0, "phase_length": 700.0}.items():
        assert 0 < found[f"{name}_error"] < 0.1 * length
        assert found[name] == pytest.approx(length, abs=3 * found[f"{name}_error"])
    assert found["change_uS"] < 0


def nanosquid(found):
    """Kinetic: mu0 lambda^2/d as in `film_in_field`, for the squares of four arms, with corners of 0.559 each and leads
    as wide; geometric: a round strip's of the same length; an area between hole and outline."""
    sheet = 4e-7 * np.pi * (105e-9**2 * 4 / 1.3) / 50e-9 * 1e12
    squares = 4 * (400 / 150 + 0.559)
    assert 0.85 * sheet * squares < found["kinetic_pH"] < 1.1 * sheet * squares
    radius = 4 * 550e-9 / (2 * np.pi)
    strip = 4e-7 * np.pi * radius * (np.log(8 * radius / 150e-9) - 0.5) * 1e12
    assert 0.75 * strip < found["geometric_pH"] < strip
    assert 0.4**2 < found["effective_area_um2"] < 0.7**2
    assert found["period_mT"] == pytest.approx(2.0678 / found["effective_area_um2"], rel=1e-3)
    assert 0.2 < found["depth"] < 0.8


def fluctuations(found):
    """A strip as wide as a pair: between the laws of films and wires, and the transition is lower than the film's."""
    assert found["lambda"] > np.log(1.03)
    eps, pair = np.log(1.03), np.sqrt(np.pi * 0.5e-4 * 7.638e-12 / 8 / 10.3)  # hbar/k_B in K s
    film, wire = (243.4 / 160 * x for x in (20 / (16 * eps), np.pi * pair * 1e9 / (16 * eps**1.5)))
    assert film < found["paraconductivity_uS"] < wire
    assert found["heat_kB"] > 1 / found["lambda"] ** 2
    assert found["moment_meV_per_T"] < 0


def fraunhofer(found):
    """A slit: |sin(pi f)/(pi f)|, to what the length is of the width."""
    patterns = [found[f"Ic_uA_{f:.2f}"] / found["Ic_uA_0.00"] for f in (0.5, 1.0, 1.5)]
    assert patterns == pytest.approx([2 / np.pi, 0.0, 2 / (3 * np.pi)], abs=0.03)


def wide_junction(found):
    """A small phase decays from the sides over the depth: tanh(x)/x of the current with x = width/2 depth."""
    x = 3000 / (2 * found["josephson_depth_nm"])
    assert found["share_of_current"] == pytest.approx(np.tanh(x) / x, rel=0.01)
    assert found["current_uA_0"] > 100
    assert abs(found["current_uA_2"]) < 0.01


def bias(found):
    """The inductance of nearly a sine is hbar/2e Ic cos(phase)."""
    assert found["largest_uA"] == pytest.approx(found["Ic_uA"], rel=1e-6)
    assert 0 < found["phase_at_10uA"] < np.arcsin(10 / found["Ic_uA"]) * 1.3
    sine = 329.1 / (found["Ic_uA"] * np.cos(found["phase_at_10uA"]))
    assert found["inductance_pH_at_10uA"] == pytest.approx(sine, rel=0.2)


def circuit(found):
    """Overdamped: less than R I, more than without fluctuations below; steps at whole photons."""
    ohmic = 1.5e-8 * 800e-9 / (200e-9 * 20e-9) * 60
    assert found["V_uV_at_60uA"] == pytest.approx(np.sqrt(1 - (found["Ic_uA"] / 60) ** 2) * ohmic, rel=0.02)
    assert 0 < found["step_uA"] < 2 * found["Ic_uA"]
    assert 0 < found["Ic_uA"] - found["switching_uA"] < 30 * found["spread_uA"]


def pictures(found):
    """hbar D/L^2 in SI, and e R_N Ic below that of a long bridge without barriers (Dubos et al., PRB 63, 064502)."""
    assert found["Thouless_energy_meV"] == pytest.approx(1e3 * hbar * 100e-4 / (200e-9) ** 2 / e, rel=1e-4)
    assert 1 < found["e_R_N_Ic_meV"] / found["Thouless_energy_meV"] < 10.82
    ohm = found["e_R_N_Ic_meV"] / found["Ic_uA"] * 1e3
    assert ohm == pytest.approx(4e-8 / 30e-9 * 200 / 400, rel=1e-3)
    assert Path("field.gif").stat().st_size > 10_000


def sweep(found):
    assert ju.bulk_gap(0.2) > found["gap_T0.20"] > found["gap_T0.35"] > found["gap_T0.50"] > 0.5
    assert found["points_solved_again"] == 0


def solver(found):
    assert found["current_SuperLU"] == pytest.approx(found["current_Krylov"], rel=1e-7)


def symmetry(found):
    assert found == {"gyrotropic_groups": 18, "gamma_yx": -0.2}


def mesh_file(found):
    assert found == {}
    assert ju.read_mesh("copy.msh").regions.keys() == {"left", "normal", "right"}


def shapes(found):
    """Two squares, a bridge of 2 x 1, four fillets of radius 0.4, less a disk of 64 sides; to nm in the file."""
    disk, fillets = 32 * 0.8**2 * np.sin(np.pi / 32), 4 * 0.4**2 * (1 - np.pi / 4)
    assert found["area"] == pytest.approx(34 + fillets - disk, abs=0.003)  # arcs of 16 sides a quarter
    assert found["area"] == pytest.approx(found["area_of_shapely"], rel=1e-12)
    assert found["area_in_nm2"] == pytest.approx(1e6 * found["area"], rel=2e-5)


CHECKS = {
    check.__name__: check
    for check in (
        junction,
        fraunhofer,
        bias,
        circuit,
        tc,
        diode,
        spectrum,
        normal,
        localisation,
        fluctuations,
        film_current,
        film_in_field,
        wide_junction,
        pictures,
        nanosquid,
        sweep,
        solver,
        symmetry,
        mesh_file,
        shapes,
    )
}
SLOW = {
    "bias",
    "circuit",
    "diode",
    "film_current",
    "film_in_field",
    "fluctuations",
    "fraunhofer",
    "localisation",
    "pictures",
    "nanosquid",
    "spectrum",
    "solver",
    "tc",
    "wide_junction",
}
"""Ten seconds of compilation and more, for calls that other tests make too."""


def test_every_script_has_its_page_and_check():
    assert {path.stem for path in (DOCS / "howto").glob("*.py")} == CHECKS.keys()
    for name in CHECKS:
        assert f'--8<-- "docs/howto/{name}.py"' in (DOCS / "howto" / f"{name}.md").read_text()


@pytest.mark.filterwarnings("ignore:the mesh is too coarse")
@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.slow] if n in SLOW else []) for n in CHECKS])
def test_how_to(name, tmp_path, monkeypatch, capsys):
    """Each script runs as shown; its numbers obey what is known, and it draws the picture of its page."""
    if name == "shapes":
        pytest.importorskip("gdstk", reason='needs the extra: python -m pip install "jusadel[gds]"')
    monkeypatch.chdir(tmp_path)
    (tmp_path / "meshes").symlink_to(ROOT / "meshes")
    exec(compile((DOCS / "howto" / f"{name}.py").read_text(), f"{name}.py", "exec"), {})
    plt.close("all")
    printed = capsys.readouterr().out
    CHECKS[name]({key: float(x) for key, x in re.findall(r"^(\w[\w.]*) = (-?\d\S*)$", printed, re.MULTILINE)})
    assert (tmp_path / f"{name}.png").exists() == (f"]({name}.png)" in (DOCS / "howto" / f"{name}.md").read_text())


# --- pages --------------------------------------------------------------------------------------------


def test_the_reference_names_everything_public_once():
    pages = (DOCS / "reference").glob("*.md")
    named = [x for page in pages for x in re.findall(r"^::: (jusadel\.[\w.]+)$", page.read_text(), re.MULTILINE)]
    assert len(named) == len(set(named))
    plots = [x.split(".")[-1] for x in named if x.startswith("jusadel.plot.")]
    others = [x.split(".")[-1] for x in named if not x.startswith("jusadel.plot.")]
    assert sorted(plots) == sorted(ju.plot.__all__)
    for name in set(ju.__all__) - MODULES:
        assert others.count(name) == 1, name


def test_pages_stand_in_the_navigation_and_links_lead_somewhere():
    nav = (ROOT / "mkdocs.yml").read_text().split("nav:")[1]
    listed = re.findall(r"([\w/]+\.md)", nav)
    assert sorted(listed) == sorted(str(page.relative_to(DOCS)) for page in PAGES)
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)", page.read_text()):
            assert target.startswith("http") or (page.parent / target).exists(), (page.name, target)


def test_code_and_files_that_pages_name_exist():
    for page in PAGES:
        text = page.read_text()
        for path in re.findall(r"`((?:examples|validation|benchmarks|jusadel|docs)/[\w/.]+\.\w+)`", text):
            assert (ROOT / path).is_file(), (page.name, path)
        for path, _, section in re.findall(r'^--8<-- "([^":]+)(:(\w+))?"$', text, re.MULTILINE):
            assert not section or f"<!-- --8<-- [start:{section}] -->\n```python" in (ROOT / path).read_text()
    for picture in DOCS.rglob("*.png"):
        assert picture.stat().st_size < IMAGE_LIMIT, picture.name


# --- architecture ------------------------------------------------------------------------------------


def test_what_the_architecture_page_names_is_there():
    """`file.py`: `name`, ... in tables and text: each name is defined in this file, at its top."""
    named = re.findall(r"`([\w/]+\.py)`: ((?:`\w+`(?:, )?)+)", (DOCS / "architecture.md").read_text())
    assert len(named) > 25
    for file, names in named:
        module = ast.parse((ROOT / "jusadel" / file).read_text())
        defined = {name.id for node in module.body for name in ast.walk(node) if isinstance(name, ast.Name)}
        defined |= {node.name for node in module.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        missing = set(re.findall(r"\w+", names)) - defined
        assert not missing, f"{file} has no {missing}"


def test_the_picture_of_the_rooms_is_of_these_rooms():
    """Every file and every number of names: else run docs/rooms.py."""
    rooms, drawn = load("rooms", DOCS), (DOCS / "rooms.svg").read_text()
    for room in rooms.ROOMS:
        assert "  ".join(rooms.entries(room)) in drawn
    for count in rooms.counts().values():
        assert f">{count}</text>" in drawn
