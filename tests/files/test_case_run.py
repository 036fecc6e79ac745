"""Cases from point to point: warm starts that turn with the phases, tables that grow, points without solution."""

import re
import warnings
from functools import partial
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import case_files
import meshio
import numpy as np
import pytest

import jusadel as ju
from jusadel.__main__ import main
from jusadel.files.case_run import FailedPointWarning
from jusadel.studies.current_phase.turning import phase_change, turned

pytestmark = pytest.mark.filterwarnings("ignore:the mesh is too coarse:jusadel.CoarseMeshWarning")  # small ones
DOCS = Path(__file__).parents[2] / "docs"
JUNCTION = """
[geometry.rectangle]
width = 2.0
height = 0.4
size = 0.5

[materials.film]
Tc = 1.0

[boundaries.left]
Delta = 1.7

[boundaries.right]
Delta = 1.7
phase = 0.0

[solve]
T = 0.4
pair_potential = "self-consistent"
frequencies = 3

[sweep]
parameter = "boundaries.right.phase"
values = [0.0, 0.6, 1.2]

[output]
numbers = ["free_energy", "spin_current_through right"]
"""


read = partial(case_files.read, text=JUNCTION)


def rows(folder):
    return np.loadtxt(folder / "numbers.csv", delimiter=",", skiprows=1, ndmin=2)


@pytest.fixture
def solved(monkeypatch):
    """Starts of all solutions, and a place for what is raised at a phase instead."""
    seen, failing = [], {}

    def solve(device, T, start=None, **given):
        phase = device.boundaries["right"].phase
        seen.append((phase, start))
        if phase in failing:
            raise failing[phase]
        return ju.solve(device, T, start=start, **given)

    monkeypatch.setattr("jusadel.files.case.solve", solve)
    return seen, failing


# --- the documented case --------------------------------------------------------------------------


def test_the_documented_case_runs_as_printed(tmp_path, monkeypatch, capsys):
    """Three points of two electrodes; the current into the second is odd in its phase, and most of it sin(phase)."""
    (tmp_path / "film.toml").write_text(re.search(r"```toml\n(.*?)```", (DOCS / "case.md").read_text(), re.DOTALL)[1])
    monkeypatch.chdir(tmp_path)
    assert main(["run", "film.toml"]) == 0
    head = (tmp_path / "film" / "numbers.csv").read_text().splitlines()[0]
    assert head.startswith(
        "boundaries.right.phase,free_energy [eV],largest_gap [meV],largest_spin [1/nm^3],current_through right [uA],"
    )
    phase, _, gap, _, current, *_ = rows(tmp_path / "film").T
    assert 0.5 < gap[0] < 1.4  # meV, of niobium beside electrodes of 1.4 meV
    np.testing.assert_array_equal(phase, [0.0, 0.5, 1.0])
    assert abs(current[0]) < 1e-3 * current[2]
    assert current[1] / current[2] == pytest.approx(np.sin(0.5) / np.sin(1.0), rel=0.1)
    assert "warning" not in capsys.readouterr().err
    for k in range(3):
        assert ju.load(tmp_path / "film" / f"point_00{k}.npz").device.boundaries["right"].reservoir.phase == phase[k]


def test_a_table_in_laboratory_units(tmp_path):
    """A uniform superconductor of 9.2 K: gaps in meV, temperatures as they were written, and the solution knows."""
    text = """
[units]
Tc = 9.2
D = 5.0

[geometry.rectangle]
width = "20 nm"
height = "10 nm"
size = "10 nm"

[materials.film]
Tc = "9.2 K"

[solve]
T = "1 K"
pair_potential = "1.2 meV"
frequencies = 2

[sweep]
parameter = "solve.pair_potential"
values = ["1.2 meV", "0.8 meV"]

[output]
numbers = ["largest_gap", "free_energy"]
save = true
vtu = true
"""
    (tmp_path / "case.toml").write_text(text)
    ju.run_case(ju.read_case(tmp_path / "case.toml"), tmp_path / "out")
    head, *_ = (tmp_path / "out" / "numbers.csv").read_text().splitlines()
    assert head == "solve.pair_potential [meV],largest_gap [meV],free_energy [code units]"  # no density of states
    np.testing.assert_allclose(rows(tmp_path / "out")[:, :2], [[1.2, 1.2], [0.8, 0.8]])
    sol = ju.load(tmp_path / "out" / "point_000.npz")
    assert sol.units == ju.Units(Tc=9.2, D=5.0)
    assert "T = 1 K" in repr(sol)
    seen = meshio.read(tmp_path / "out" / "point_000.vtu")
    assert seen.points[:, 0].max() == pytest.approx(20.0)
    np.testing.assert_allclose(seen.point_data["Delta_abs [meV]"], 1.2)
    assert "charge_current [code units]" in seen.point_data


# --- warm starts ----------------------------------------------------------------------------------


def test_each_start_has_turned_with_the_electrode(tmp_path, solved):
    """A uniform superconductor: the phase is linear in x from one electrode to the other."""
    ju.run_case(read(tmp_path), tmp_path / "out")
    (_, none), (_, second), (_, third) = solved[0]
    assert none is None
    x = read(tmp_path).device().mesh.points[:, 0]
    np.testing.assert_allclose(np.angle(second.Delta), 0.6 * x / 2, atol=1e-6)
    np.testing.assert_allclose(np.angle(third.Delta), 1.2 * x / 2, atol=0.02)


def test_a_start_after_an_interrupt_has_turned_too(tmp_path, solved):
    seen, failing = solved
    failing[0.6] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        ju.run_case(read(tmp_path), tmp_path / "out")
    assert len(rows(tmp_path / "out")) == 1
    failing.clear()
    ju.run_case(read(tmp_path), tmp_path / "out")
    np.testing.assert_allclose(seen[2][1].Delta, seen[1][1].Delta, rtol=1e-12)
    assert len(rows(tmp_path / "out")) == 3


def test_a_change_of_gauge_turns_a_solution_into_that_of_the_new_one():
    """From the symmetric gauge to A along x: chi = -B x y, and the electrodes with it."""
    B, mesh = 0.4, ju.rectangle(2.0, 1.0, 0.5)
    bent = lambda p: 0.3 + B * p[:, 0] * p[:, 1]  # noqa: E731
    devices = [
        ju.Device(
            mesh=mesh,
            materials=ju.Material(Tc=1.0),
            boundaries={"left": ju.Reservoir(1.7, phase=0.3), "right": ju.Reservoir(1.7, phase=phase)},
            vector_potential=ju.uniform_field(B, gauge=gauge),
        )
        for phase, gauge in ((bent, "symmetric"), (0.3, "x"))
    ]
    chi = phase_change(*devices)
    np.testing.assert_allclose(chi, 0.3 - bent(mesh.points), atol=1e-7)
    given = [lambda p: np.exp(0.2j * p[:, 0] + 1j * bent(p)), lambda p: np.exp(0.2j * p[:, 0] + 0.3j)]
    old, new = (ju.solve(device, 0.4, gap, frequencies=1) for device, gap in zip(devices, given, strict=True))
    np.testing.assert_allclose(turned(old, chi, mesh.triangles).G, new.G, atol=1e-6)


def test_a_phase_across_a_seam_turns_evenly():
    """A ring cut open, whose flux changes: the phase spreads over its length."""
    mesh = ju.rectangle(2.0, 0.4, 0.3)
    ring = lambda phase: ju.Device(  # noqa: E731
        mesh=mesh, materials=ju.Material(), boundaries={"right": ju.Periodic("left", phase=phase)}
    )
    chi = phase_change(ring(0.2), ring(0.8))
    np.testing.assert_allclose(chi - chi.mean(), 0.6 * (mesh.points[:, 0] - 1.0) / 2, atol=0.05)
    left, right = (np.sort(mesh.boundary_nodes(name)) for name in ("left", "right"))
    np.testing.assert_allclose(chi[right] - chi[left], 0.6, atol=1e-12)


def test_a_sweep_over_meshes_starts_each_from_scratch(tmp_path, solved):
    case = read(
        tmp_path,
        ('parameter = "boundaries.right.phase"\nvalues = [0.0, 0.6, 1.2]', 'parameter = "geometry.rectangle.width"\n'),
        ("\n[output]", "values = [2.0, 3.0]\n[output]"),
    )
    assert ju.run_case(case, tmp_path / "out")["free_energy"].shape == (2,)
    assert [start for _, start in solved[0]] == [None, None]


# --- points without solution ----------------------------------------------------------------------


def test_a_point_without_solution_is_named_and_the_others_are_kept(tmp_path, solved, capsys):
    seen, failing = solved
    failing[0.6] = ju.SolveError("no luck")
    with pytest.warns(FailedPointWarning, match=r"1 of 3 points have no solution.*right.phase = 0.6: no luck"):
        found = ju.run_case(read(tmp_path), tmp_path / "out")
    np.testing.assert_array_equal(np.isnan(found["free_energy"]), [False, True, False])
    table = rows(tmp_path / "out")
    np.testing.assert_array_equal(np.isnan(table), np.outer([0, 1, 0], [0, 1, 1, 1, 1]).astype(bool))
    assert (tmp_path / "out" / "point_001_failed.txt").read_text() == "boundaries.right.phase = 0.6: no luck\n"
    x = read(tmp_path).device().mesh.points[:, 0]
    np.testing.assert_allclose(np.angle(seen[2][1].Delta), 1.2 * x / 2, atol=1e-6)
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        assert main(["run", str(tmp_path / "case.toml"), "--folder", str(tmp_path / "out")]) == 1
    printed = capsys.readouterr()
    assert "0.6,nan,nan,nan,nan\n" in printed.out
    assert "jusadel: warning: 1 of 3 points have no solution" in printed.err
    assert len(seen) == 3


def test_a_first_point_without_solution(tmp_path, solved):
    seen, failing = solved
    failing[0.0] = ju.SolveError("no luck")
    with pytest.warns(FailedPointWarning, match="right.phase = 0: no luck"):
        found = ju.run_case(read(tmp_path), tmp_path / "out")
    assert np.isnan(found["spin_current_through right"][0]).all()
    assert np.isfinite(found["spin_current_through right"][1:]).all()
    assert seen[1][1] is None


def test_no_point_with_a_solution_is_an_error(tmp_path, solved):
    solved[1].update(dict.fromkeys((0.0, 0.6, 1.2), ju.SolveError("no luck")))
    with pytest.raises(ju.SolveError, match="3 of 3 points have no solution"):
        ju.run_case(read(tmp_path), tmp_path / "out")


def test_an_error_leaves_the_rows_before_it(tmp_path, solved):
    solved[1][1.2] = ValueError("nonsense")
    with pytest.raises(ValueError, match="nonsense"):
        ju.run_case(read(tmp_path), tmp_path / "out")
    np.testing.assert_array_equal(rows(tmp_path / "out")[:, 0], [0.0, 0.6])


def test_a_value_that_comes_twice_has_files_of_its_own(tmp_path):
    case = read(tmp_path, ("0.0, 0.6, 1.2", "0.0, 0.6, 0.0"), ('"free_energy", ', '"free_energy"]\nsave = true #'))
    ju.run_case(case, tmp_path / "out")
    assert len(list((tmp_path / "out").glob("point_*.npz"))) == 3
    assert rows(tmp_path / "out")[2, 1] == pytest.approx(rows(tmp_path / "out")[0, 1], rel=1e-7)


# --- what is refused before anything is solved ------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ("Delta = 1.7\nphase = 0.0", 'kind = "Tunnel"\nconductance = 0.0\nDelta = 1.7\nphase = 0.0'),
            r"are \['left'\]",
        ),
        (
            ("[boundaries.left]\nDelta = 1.7", "[boundaries.left]\nDelta = 0.0"),
            r"are \['right'\]\. Without two .* gauge",
        ),
        (("[boundaries.left]\nDelta = 1.7\n", ""), r"are \['right'\]\. Without two of them the phase is a gauge"),
        (("Delta = 1.7\nphase = 0.0", "Delta = 0.0\nphase = 0.0"), r"are \['left'\]"),
        (
            ('"free_energy", ', '"free_energy left", '),
            "'free_energy left': free_energy takes no boundary; expected 'free",
        ),
        (
            ('"free_energy", ', '"spin_current_through", '),
            "through which boundary. Expected 'spin_current_through NAME'",
        ),
        (
            ('["free_energy", "spin_current_through right"]', '"free_energy"'),
            "numbers = 'free_energy'; expected a list",
        ),
        (('["free_energy", "spin_current_through right"]', "[]"), "numbers is empty; expected some of"),
        (("[output]", '[output]\nsave = "false"'), "save = 'false'; expected true or false, without quotes"),
        (("[output]", "[output]\npictures = 1"), "pictures = 1; expected a list"),
        (("values = [0.0, 0.6, 1.2]", "values = []"), r"values = \[\]; expected a list of numbers"),
        (("values = [0.0, 0.6, 1.2]", "values = 0.6"), "values = 0.6; expected a list of numbers"),
        (("values = [0.0, 0.6, 1.2]", "values = [0.6, nan]"), "expected numbers, and nan is none"),
        (("values = [0.0, 0.6, 1.2]", "values = [0.6, [1.0]]"), r"expected numbers, and \[1.0\] is none"),
        (('parameter = "boundaries.right.phase"', "parameter = 1"), "parameter = 1; expected a dotted name"),
    ],
)
def test_refused_at_once(tmp_path, solved, change, message):
    with pytest.raises(ju.CaseError, match=message):
        ju.run_case(read(tmp_path, change), tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert not solved[0]


def test_a_phase_against_a_given_pair_potential_is_no_gauge(tmp_path):
    changes = ("[boundaries.left]\nDelta = 1.7\n", ""), ('"self-consistent"', "1.0")
    found = ju.run_case(read(tmp_path, *changes), tmp_path / "out")
    assert np.ptp(found["free_energy"]) > 1e-3


# --- regions of rectangles ------------------------------------------------------------------------

LAYERS = JUNCTION.replace("size = 0.5", "size = 0.5\nregions = { S = [0, 0.7], film = [0.7, 2.0] }").replace(
    "[boundaries.left]", "[materials.S]\nTc = 1.0\n[boundaries.left]"
)


def test_regions_of_a_rectangle_end_on_mesh_lines(tmp_path):
    mesh = read(tmp_path, text=LAYERS).device().mesh
    assert mesh.areas[mesh.regions["S"]].sum() == pytest.approx(0.7 * 0.4, rel=1e-12)
    assert mesh.areas[mesh.regions["film"]].sum() == pytest.approx(1.3 * 0.4, rel=1e-12)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("S = [0, 0.7]", "S = [0.7, 0]"), r"regions.S = \[0.7, 0\]; expected \[from, to\] along x, from < to"),
        (("S = [0, 0.7]", "S = [0.7]"), r"regions.S = \[0.7\]; expected \[from, to\]"),
        (("S = [0, 0.7]", "S = 0.7"), r"regions.S = 0.7; expected \[from, to\]"),
        (("size = 0.5", "size = 0.5\nx = [0, 1, 2]"), "the border of region 'S' cuts 4 of 8 triangles"),
    ],
)
def test_regions_that_cannot_be(tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        read(tmp_path, change, text=LAYERS).device()
