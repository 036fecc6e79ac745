"""python -m jusadel: what it prints, the cases it runs, and what it says of bad ones."""

import re
import subprocess
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import case_files
import numpy as np
import pytest

import jusadel as ju
from jusadel.__main__ import main
from jusadel.files import self_test
from jusadel.files.case import Case

pytestmark = pytest.mark.filterwarnings("ignore:the mesh is too coarse:jusadel.CoarseMeshWarning")  # small ones
MESHES = Path(__file__).parents[2] / "meshes"
KNOWN_GAP = "gap of a bulk superconductor, T = 0, over Tc"
CASE = """
[geometry.rectangle]
width = 0.6
height = 0.4
size = 0.4

[materials.film]
Tc = 1.0

[solve]
T = 0.5
pair_potential = "self-consistent"
accuracy = 1e-6
"""
SWEEP = """
[sweep]
parameter = "solve.T"
values = [0.4, 0.6]

[output]
numbers = ["largest_gap", "free_energy"]
pictures = ["device", "gap"]
save = true
vtu = true
"""
JUNCTION = (
    case_files.NIOBIUM_STRIP
    + """
[materials.film]
Tc = 0.0
D = "5 cm^2/s"
spin_diffusion_length = "30 nm"
gamma = { rashba = 0.2 }

[boundaries.left]
Delta = "1.4 meV"

[boundaries.right]
kind = "Tunnel"
Delta = "1.4 meV"
phase = 0.5
conductance = "0.01 Ohm um^2"

[solve]
T = "4.2 K"
frequencies = 3
"""
)


# --- info, mesh, symmetry -------------------------------------------------------------------------


def test_info_names_versions_devices_and_precision():
    done = subprocess.run([sys.executable, "-m", "jusadel", "info"], capture_output=True, text=True, check=True)
    assert f"jusadel {ju.__version__}" in done.stdout
    assert re.search(r"jax \d+\.\d+", done.stdout)
    assert "devices: cpu:0" in done.stdout
    assert "precision: float64" in done.stdout
    assert float(re.search(r"memory: (\S+) GiB", done.stdout)[1]) > 0.5


def test_mesh_says_what_the_file_holds(tmp_path, capsys):
    picture = tmp_path / "sns.png"
    assert main(["mesh", str(MESHES / "sns.msh"), "--picture", str(picture)]) == 0
    out = capsys.readouterr().out
    assert re.search(r"region normal: \d+ triangles, area 1\n", out)
    assert re.search(r"boundary source: \d+ edges, length 1\n", out)
    assert matplotlib.image.imread(picture)[..., :3].std() > 0.02


def test_symmetry_prints_the_allowed_forms(capsys):
    assert main(["symmetry", "C4v"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"gamma: 1 free\n +0 +a +0\n +-a +0 +0\n +0 +0 +0\n", out)
    assert re.search(r"D: 2 free\n +a +0 +0\n +0 +a +0\n +0 +0 +b\n", out)
    assert main(["symmetry", "D4h"]) == 0
    out = capsys.readouterr().out
    assert "gamma: forbidden" in out
    assert out.index("odd under time reversal, in a magnet of this group") < out.index("\nh: forbidden")


def test_symmetry_of_a_magnet(capsys):
    assert main(["symmetry", "4'/mmm'"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"\nP: 2 free\n   x .*\n.*\n.*\n   y .*\n.*\n.*\n   z +0 +b +0\n +b +0 +0\n +0 +0 +0\n", out)
    assert "h: forbidden" in out
    assert "odd under time reversal" not in out
    assert main(["symmetry", "4/mm'm'"]) == 0
    assert re.search(r"\nh: 1 free\n +0 +0 +a\n", capsys.readouterr().out)
    assert main(["symmetry", "4/mm'm"]) == 1
    assert "no group has these primes" in capsys.readouterr().err


def test_symmetry_of_a_spin_group(capsys):
    """Collinear moments without spin-orbit coupling: the d-wave altermagnet, and a ferromagnet along x."""
    assert main(["symmetry", "D4h", "--swaps", "4z mx"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"\nP: 1 free\n   x .*\n.*\n.*\n   y .*\n.*\n.*\n   z +0 +a +0\n +a +0 +0\n +0 +0 +0\n", out)
    assert "h: forbidden" in out
    assert main(["symmetry", "D4h", "--swaps", "", "--along", "1 0 0"]) == 0
    assert re.search(r"\nh: 1 free\n +a +0 +0\n", capsys.readouterr().out)
    assert main(["symmetry", "D4h", "--along", "1 0 0"]) == 1
    assert "--along 1 0 0 without --swaps" in capsys.readouterr().err


# --- run ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """(folder, exit status, what was printed) of the sweep over temperatures."""
    folder = tmp_path_factory.mktemp("case")
    (folder / "bulk.toml").write_text(CASE + SWEEP)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        status = main(["run", "bulk.toml"])
    return folder, status


def test_run_leaves_the_numbers_of_every_point(swept):
    folder, status = swept
    assert status == 0
    lines = (folder / "bulk" / "numbers.csv").read_text().splitlines()
    assert lines[0] == "solve.T,largest_gap,free_energy"
    T, gap, energy = np.array([line.split(",") for line in lines[1:]], float).T
    np.testing.assert_allclose(T, [0.4, 0.6])
    np.testing.assert_allclose(gap, [ju.bulk_gap(t) for t in T], rtol=1e-5)
    assert (energy < 0).all()


def test_run_leaves_solutions_and_pictures(swept):
    folder, _ = swept
    names = {path.name for path in (folder / "bulk").iterdir() if not path.name.startswith(".")}
    kinds = (".npz", ".vtu", "_device.png", "_gap.png")
    assert names == {"numbers.npz", "numbers.csv", "case.json"} | {f"point_00{k}{end}" for k in (0, 1) for end in kinds}
    assert ju.load(folder / "bulk" / "point_001.npz").T == 0.6


def test_run_goes_on_where_it_ended(swept, monkeypatch, capsys):
    """All points are known: nothing is solved again."""
    folder, _ = swept
    monkeypatch.chdir(folder)
    monkeypatch.setattr("jusadel.files.case.solve", None)
    assert main(["run", "bulk.toml"]) == 0
    assert capsys.readouterr().out.startswith("solve.T,largest_gap,free_energy\n0.4,")


def test_points_in_parallel_are_those_one_by_one(swept, tmp_path, monkeypatch):
    folder, _ = swept
    monkeypatch.chdir(folder)
    assert main(["run", "bulk.toml", "--folder", str(tmp_path / "out"), "--workers", "2"]) == 0
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted(p.name for p in (folder / "bulk").iterdir())
    one_by_one, parallel = (np.load(where / "numbers.npz") for where in (folder / "bulk", tmp_path / "out"))
    np.testing.assert_allclose(parallel["result largest_gap"], one_by_one["result largest_gap"], rtol=1e-7)


@pytest.mark.parametrize("workers", ["two", "0", "-1", "1.5"])
def test_numbers_of_workers_that_are_none(swept, tmp_path, workers, capsys):
    folder, _ = swept
    given = ["run", str(folder / "bulk.toml"), "--folder", str(tmp_path / "out"), f"--workers={workers}"]
    assert main(given) == 1
    assert capsys.readouterr().err == f"jusadel: --workers {workers}; expected a number of processes, 1 or more\n"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["current_through rigth", "spin_current_through rigth"])
def test_numbers_through_unknown_boundaries_are_refused_at_once(swept, tmp_path, name):
    tables = ju.read_case(swept[0] / "bulk.toml").tables | {"output": {"numbers": [name]}}
    with pytest.raises(ju.CaseError, match=rf"numbers = '{name}': unknown 'rigth'; expected some of .*'right'"):
        ju.run_case(Case(tables, tmp_path), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_numbers_through_lines_of_a_mesh_file(tmp_path):
    """A barrier, an inner line, and one that is an electrode's, which is refused at once."""
    x, halves = np.linspace(0, 2, 9), {"A": lambda c: c[:, 0] < 1, "B": lambda c: c[:, 0] > 1}
    mesh = ju.with_cut_between(ju.rectangle(2.0, 0.5, 0.5, x=x, y=[0, 0.5], regions=halves), "A", "B", "b")
    line = mesh.edges[(mesh.points[mesh.edges][:, :, 0] == 0.5).all(axis=1)]
    mesh.with_boundaries({"c": line, "outline": mesh.boundary_edges}).write(tmp_path / "film.msh")
    leads = {"left": {"Delta": 1.0}, "right": {"Delta": 1.0, "phase": 1.0}}
    tables = {
        "geometry": {"file": "film.msh"},
        "materials": {name: {"Tc": 0.0} for name in halves},
        "boundaries": leads | {"b": {"kind": "Interface", "conductance": 3.0}},
        "solve": {"T": 0.3, "frequencies": 3, "pair_potential": 0.0},
        "output": {"numbers": [f"current_through {name}" for name in ("right", "b", "c", "b:right")]},
    }
    found = ju.run_case(Case(tables, tmp_path), tmp_path / "out")
    right, b, c, back = (float(found[name][0]) for name in tables["output"]["numbers"])
    assert right > 1e-3
    np.testing.assert_allclose([b, np.abs(c), -back], right, rtol=1e-8)
    tables["output"]["numbers"] = ["current_through outline"]
    with pytest.raises(ju.CaseError, match=r"_through outline': .* in common with the electrode 'left'"):
        ju.run_case(Case(tables, tmp_path), tmp_path / "other")
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    "change",
    [("Tc = 1.0", "Tc = 1.1"), ("values = [0.4, 0.6]", "values = [0.4, 0.7]"), ("save = true", "save = false")],
)
def test_a_changed_case_does_not_take_old_numbers_for_its_own(swept, change):
    folder, _ = swept
    text = (CASE + SWEEP).replace(*change)
    assert text != CASE + SWEEP
    (folder / "changed.toml").write_text(text)
    with pytest.raises(ju.CaseError, match="holds the output of another case; give another folder, or delete it"):
        ju.run_case(ju.read_case(folder / "changed.toml"), folder / "bulk")


def test_a_changed_mesh_file_is_another_case(tmp_path):
    (tmp_path / "case.toml").write_text('[geometry]\nfile = "film.msh"\n' + CASE[CASE.index("[materials") :])
    ju.rectangle(0.6, 0.4, 0.4).write(tmp_path / "film.msh")
    ju.run_case(ju.read_case(tmp_path / "case.toml"), tmp_path / "out")
    ju.rectangle(0.6, 0.3, 0.4).write(tmp_path / "film.msh")
    with pytest.raises(ju.CaseError, match="holds the output of another case"):
        ju.run_case(ju.read_case(tmp_path / "case.toml"), tmp_path / "out")


def test_numbers_without_their_case_are_refused(tmp_path):
    (tmp_path / "case.toml").write_text(CASE)
    (tmp_path / "numbers.npz").write_bytes(b"")
    with pytest.raises(ju.CaseError, match="holds the output of another case"):
        ju.run_case(ju.read_case(tmp_path / "case.toml"), tmp_path)


def test_units_textures_and_barriers(tmp_path):
    (tmp_path / "sns.toml").write_text(JUNCTION)
    case = ju.read_case(tmp_path / "sns.toml")
    device, units = case.device(), ju.Units(Tc=9.2, D=5.0, thickness=20.0, resistivity=10.0)
    film, tunnel = device.materials["film"], device.boundaries["right"]
    assert device.mesh.points[:, 0].max() == pytest.approx(units.length(nm=60.0))
    assert film.D[0, 0] == pytest.approx(1.0)
    assert film.Gamma[0, 0] == pytest.approx(units.spin_relaxation(nm=30.0, cm2_per_s=5.0))
    np.testing.assert_allclose(film.gamma, ju.rashba(0.2))
    assert tunnel.conductance == pytest.approx(units.conductance(ohm_um2=0.01))
    assert tunnel.reservoir.Delta == pytest.approx(units.energy(meV=1.4))
    assert case.quantity("4.2 K", "") == pytest.approx(4.2 / 9.2)


def test_the_documented_case_can_be_built(tmp_path):
    page = (MESHES.parent / "docs" / "case.md").read_text()
    (tmp_path / "film.toml").write_text(re.search(r"```toml\n(.*?)```", page, re.DOTALL)[1])
    case = ju.read_case(tmp_path / "film.toml")
    device = case.with_value("boundaries.right.phase", 0.25).device()
    assert set(device.materials) == {"S", "N"}
    assert device.boundaries["right"].reservoir.phase == 0.25
    assert device.magnetic_field().mean() == pytest.approx(case.units.field(mT=10.0))


def test_polygons_in_a_case(tmp_path):
    """A square with a hole and a region, its left edge a contact."""
    text = (
        CASE.replace(
            "[geometry.rectangle]\nwidth = 0.6\nheight = 0.4\nsize = 0.4",
            """
[geometry.polygon]
size = 0.3
outline = [[0, 0], [2, 0], [2, 2], [0, 2]]
holes = { window = [[0.5, 0.5], [1, 0.5], [1, 1], [0.5, 1]] }
regions = { lead = [[1.5, 0], [2, 0], [2, 2], [1.5, 2]] }
boundaries = { source = [[0, 0], [0, 2]] }
""",
        )
        + "[materials.lead]\nTc = 0.0\n"
    )
    (tmp_path / "square.toml").write_text(text)
    mesh = ju.read_case(tmp_path / "square.toml").device().mesh
    assert mesh.areas[mesh.regions["lead"]].sum() == pytest.approx(1.0)
    assert mesh.areas[mesh.regions["film"]].sum() == pytest.approx(2.75)
    assert {"source", "window"} <= set(mesh.boundaries)


# --- bad cases ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("[materials.film]", "[material.film]"), r"unknown tables \['material'\]; expected some of \['units', "),
        (("Tc = 1.0", "Tc = "), "is not TOML"),
        (("Tc = 1.0", "tc = 1.0"), r"\[materials.film\] has the unknown names \['tc'\]"),
        (("Tc = 1.0", 'Tc = "9 K"'), r"materials.film.Tc = '9 K': there is no table \[units\]"),
        (("Tc = 1.0", 'D = "9 yards"'), r"materials.film.D = '9 yards': unknown unit 'yards'; expected one of \['nm'"),
        (
            ("Tc = 1.0", "Gamma = 1.0\nspin_diffusion_length = 2.0"),
            "both spin_diffusion_length and Gamma; expected one",
        ),
        (("Tc = 1.0", "theta = [0, 0, 1]\nspin_hall_angle = 0.1"), "both spin_hall_angle and theta; expected one"),
        (("Tc = 1.0", "D = [[1, 0], [0, 2]]\nspin_diffusion_length = 2.0"), "with a tensor D give Gamma"),
        (("Tc = 1.0", "gamma = {weyl = 1.0}"), r"\['weyl'\]; expected a \(3, 2\) list, or some of \['rashba'"),
        (("[geometry.rectangle]", "[geometry.blob]"), r"\[geometry\] blob: unknown shape"),
        (("height = 0.4\n", ""), r"height is missing; expected a length.*in the table \[geometry.rectangle\]"),
        (("height = 0.4", "height = -0.4"), r"in the table \[geometry.rectangle\]"),
        (
            ("height = 0.4", "regions = {S = [0.0, 0.2]}\nheight = 0.4"),
            r"in no region of \['S'\].*name a region for the rest",
        ),
        (("[solve]", '[solve]\nfrequencie = "3"'), r"\[solve\] has the unknown names \['frequencie'\]; expected some"),
        (("T = 0.5", ""), r"\[solve\] lacks \['T'\]"),
        (("[solve]", '[boundaries.left]\nkind = "Wall"\n[solve]'), r"boundaries.left.kind = 'Wall'; expected one of"),
        (("[solve]", '[sweep]\nparameter = "solve.T"\n[solve]'), r"\[sweep\] has \['parameter'\]; expected"),
        (("[solve]", '[sweep]\nparameter = "a.b"\nvalues = [1.0]\n[solve]'), "there is no table 'a'"),
        (
            ("[solve]", '[output]\nnumbers = ["charge"]\n[solve]'),
            r"numbers: unknown 'charge'; expected some of \['free",
        ),
        (("[solve]", "[output]\nfile = 1\n[solve]"), r"\[output\] has the unknown names \['file'\]"),
    ],
)
def test_what_is_wrong_with_a_case(tmp_path, capsys, monkeypatch, change, message):
    assert change[0] in CASE
    (tmp_path / "case.toml").write_text(CASE.replace(*change))
    monkeypatch.chdir(tmp_path)
    assert main(["run", "case.toml"]) == 1
    assert re.search(message, capsys.readouterr().err)


def test_files_and_groups_that_are_not_there(capsys):
    assert main(["mesh", "nowhere.msh"]) == 1
    assert "nowhere.msh" in capsys.readouterr().err
    assert main(["symmetry", "C17"]) == 1
    assert "C17" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (('width = "60 nm"', 'width = "-60 nm"'), r"\[geometry.rectangle\] of the case, where width = '-60 nm', which"),
        (('T = "4.2 K"', 'T = "-4.2 K"'), r"\[solve\] of the case, where T = '-4.2 K', which is shown in units of"),
    ],
)
def test_numbers_with_units_are_told_as_they_stand(tmp_path, change, place):
    assert change[0] in JUNCTION
    (tmp_path / "sns.toml").write_text(JUNCTION.replace(*change))
    case = ju.read_case(tmp_path / "sns.toml")
    with pytest.raises(ValueError, match=r" = -\d\.\d+; expected a finite number > 0|T = -") as refused:
        case.solution(case.device(), None)
    assert re.search(place, "".join(refused.value.__notes__))
    assert "float64" not in str(refused.value)


def test_known_numbers_are_computed(monkeypatch, capsys):
    """Those that need no solve, one of them made wrong; the others run in the README's installation."""
    quick = [known for known in self_test.KNOWN if known.name in ("current of a normal strip", KNOWN_GAP)]
    assert len(quick) == 2
    monkeypatch.setattr(self_test, "KNOWN", quick)
    assert main(["test"]) == 0
    assert capsys.readouterr().out.endswith("all as known\n")
    monkeypatch.setattr(self_test, "KNOWN", [quick[0]._replace(expected=1.7), quick[1]._replace(value=lambda: np.nan)])
    assert main(["test"]) == 1
    out = capsys.readouterr().out
    assert out.count("WRONG") == 2
    assert "2 wrong: report it" in out
