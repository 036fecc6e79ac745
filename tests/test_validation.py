"""The registry of validation cases, its report, and the cases that cost little."""

import json
from pathlib import Path

import numpy as np
import pytest

import validation.topics  # noqa: F401  fills the registry
from validation import __main__ as command, report
from validation.literature import FAMILIES, LITERATURE, WITHOUT
from validation.registry import CASES, REFERENCES, Case, row, tolerance_of, worst
from validation.running import Result, run
from validation.spectra import minigap_near_pi, slope_at_pi
from validation.vortex import MESHES


def one(name, *rows, references="1"):
    return Case(name=name, topic="bulk", title="A title", references=tuple(references.split()), rows=lambda: iter(rows))


def test_registry_covers_many_known_entries_once():
    held = [name for c in CASES.values() for name in c.references]
    assert set(held) <= set(REFERENCES) | set(LITERATURE)
    computed = [name for name in held if name in REFERENCES]
    assert len(computed) == len(set(computed)) > 90
    for c in CASES.values():
        assert len(c.references) == len(set(c.references)), c.name
        assert c.topic in report.TITLES
    assert {*LITERATURE, *REFERENCES} - set(held) == set(WITHOUT)
    assert all(WITHOUT.values())
    assert sum(c.fast for c in CASES.values()) >= 4


def test_every_entry_has_a_published_tolerance():
    for name in (*LITERATURE, *REFERENCES):
        assert tolerance_of(name) <= 0.04 or name == "19"
    assert set(FAMILIES.values()) <= set(LITERATURE)


def test_a_row_is_held_to_the_published_tolerance():
    assert row("9", "I", 10.82 * 1.0099, 10.82).passes
    assert not row("9", "I", 10.82 * 1.0101, 10.82).passes
    assert not row("9", "I", np.nan, 10.82).passes
    profile = worst("12", "theta", [1.0, 0.008, 0.5], [1.0, 0.0, 0.5], "2 nodes")
    assert (profile.value, profile.expected, profile.deviation) == (0.008, 0.0, 0.008)


def test_a_miss_fails_the_case_the_run_and_stands_in_the_report(tmp_path, monkeypatch, capsys):
    good, bad = row("1", "gap", 1.763877, 1.763877), row("1", "wrong gap", 1.8, 1.763877, note="because")
    monkeypatch.setattr("validation.registry.CASES", {})
    cases = {"good": one("good", good), "bad": one("bad", bad), "broken": one("broken", good, references="1 R000")}
    for module in (command, report):
        monkeypatch.setattr(module, "CASES", cases)
    assert command.main(["--only", "good", "--folder", str(tmp_path)]) == 0
    assert command.main(["--only", "bad", "broken", "--folder", str(tmp_path)]) == 1
    assert "MISS 1     wrong gap: 1.8, expected 1.763877" in capsys.readouterr().out
    text = (tmp_path / "REPORT.md").read_text()
    assert "* 1, wrong gap: 2.0e-02 instead of 1e-05. because" in text
    assert "* case broken: gave no number for R000." in text
    assert "3 numbers are held against 1 reference entries; 2 are within tolerance, 1 are not." in text
    assert "| R000 | its case has not been run |" in text
    assert f"| #19 | {WITHOUT['19']} |" in text
    tables = [line for line in text.split("## Bulk")[1].splitlines() if line.startswith("|")]
    assert {line.count("|") for line in tables} == {report.HEADER.count("|")}
    assert sum("| **miss** |" in line for line in tables) == 1


def test_an_exception_is_a_miss_and_keeps_what_came_before():
    def rows():
        yield row("1", "gap", 1.763877, 1.763877)
        raise ValueError("no state")

    found = run(Case(name="x", topic="bulk", title="x", references=("1",), rows=rows))
    assert (len(found.rows), found.passes, found.error) == (1, False, "ValueError: no state")
    assert Result.of(json.loads(json.dumps(found.as_dict()))) == found


def test_the_report_that_is_kept_is_made_from_its_results():
    folder = Path(report.__file__).parent
    results = report.read(folder)
    assert len({r.reference for x in results.values() for r in x.rows}) >= 40
    text = (folder / "REPORT.md").read_text()
    for found in results.values():
        assert all(report.line(r) in text for r in found.rows)


@pytest.mark.parametrize("name", ["D2", "D4", "B2a"])
def test_a_fast_case_is_within_tolerance(name, tmp_path, monkeypatch):
    monkeypatch.setattr("validation.registry.Pictures.folder", tmp_path)
    assert CASES[name].fast
    found = run(CASES[name])
    assert found.passes, "\n".join(found.lines())


def test_pair_breaking_at_the_phase_pi_is_a_correction_to_the_linear_minigap():
    d = np.array([0.02, 0.01, 0.005])
    assert slope_at_pi(d, minigap_near_pi(d)) == pytest.approx(np.pi**2 / 4, rel=1e-6)
    off = 1 - minigap_near_pi(d) / (np.pi**2 / 4 * d)
    np.testing.assert_allclose(off, 1.5 * ((16 - 1.5 * np.pi**2) / (4 * np.pi) * d) ** (2 / 3), rtol=0.01)


def test_rings_of_the_vortex_are_fine_where_the_current_changes():
    radius, count = np.unique(np.round(np.hypot(*MESHES[0].points.T), 9), return_counts=True)
    assert radius[-1] == pytest.approx(8.0)
    between = (radius > 0.25) & (radius < 2)
    assert np.all((count[between] >= 32) & (count[between] < 1.25 * 32))  # rings grow by 20 %
    assert MESHES[0].areas.sum() == pytest.approx(np.pi * 8**2, rel=0.02)
    assert MESHES[0].n_nodes < MESHES[1].n_nodes < 5000
