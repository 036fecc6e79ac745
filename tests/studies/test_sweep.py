"""Sweeps: branches, hysteresis, and files that survive whatever happens."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest

import jusadel as ju
from jusadel.studies.sweeps.sweep import sweep

VALUES = [0.5, 1.0, 1.5, 2.0, 2.5]


def test_results_by_name_have_one_row_a_value():
    found = sweep(lambda v, previous: {"square": v**2, "pair": [v, -v], "none": previous is None}, VALUES)
    assert list(found) == ["square", "pair", "none"]
    np.testing.assert_array_equal(found.values, VALUES)
    np.testing.assert_array_equal(found["square"], np.square(VALUES))
    assert found["pair"].shape == (5, 2)
    assert found["none"].all()
    assert found.back is None


@pytest.mark.parametrize("result", [2.5, np.float64(2.5), np.array(2.5), ju.bulk_gap(0.5), np.array([1.0, 2.0j])])
def test_results_without_a_name(result):
    found = sweep(lambda v, previous: result, VALUES[:2])
    np.testing.assert_array_equal(found["result"], [result, result])


def test_rows_of_values_arrive_as_they_were_given():
    seen = []
    found = sweep(lambda v, previous: seen.append(v) or sum(v), [(1, 2), (3, 4)])
    assert seen == [(1, 2), (3, 4)]
    assert found.values.shape == (2, 2)
    np.testing.assert_array_equal(found["result"], [3, 7])


def test_each_point_starts_from_the_last():
    seen = []
    sweep(lambda v, previous: (seen.append(previous) or v, 10 * v), VALUES[:3], start="first")
    assert seen == ["first", 5.0, 10.0]


def test_without_a_start_to_hand_on_all_points_get_the_first():
    seen = []
    sweep(lambda v, previous: seen.append(previous) or v, VALUES[:3], start="first")
    assert seen == ["first"] * 3


def hysteretic(v, previous):
    """Jumps up at 2 and down at 1."""
    up = v >= 2 or (previous > 0 and v > 1)
    return {"state": float(up)}, float(up)


def test_both_directions_show_hysteresis():
    found = sweep(hysteretic, VALUES, start=0.0, both_directions=True)
    np.testing.assert_array_equal(found["state"], [0, 0, 0, 1, 1])
    np.testing.assert_array_equal(found.back["state"], [0, 0, 1, 1, 1])
    np.testing.assert_array_equal(found.back.values, VALUES)


# --- errors ----------------------------------------------------------------------------------------


def test_unknown_result_is_named():
    with pytest.raises(KeyError, match="no result 'Tc'; the sweep has \\['result'\\]"):
        sweep(lambda v, previous: v, VALUES)["Tc"]


@pytest.mark.parametrize("values", [[], 3.0, ["a", "b"]])
def test_values_that_are_none(values):
    with pytest.raises(ValueError, match="expected a list of numbers"):
        sweep(lambda v, previous: v, values)


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        ("word", "result is str; expected a number"),
        (None, "result is NoneType"),
        ((1, 2, 3), "returned 3 values"),
        ({}, "returned no results"),
    ],
)
def test_results_that_are_no_numbers(returned, message):
    with pytest.raises(TypeError, match=message):
        sweep(lambda v, previous: returned, VALUES)


def test_results_that_change():
    with pytest.raises(ValueError, match="the results have the shapes") as caught:
        sweep(lambda v, previous: np.ones(int(2 * v)), VALUES)
    assert caught.value.__notes__ == ["in the sweep at value 1.0, point 2 of 5"]


def test_start_that_cannot_be_stored(tmp_path):
    with pytest.raises(TypeError, match="the start of the next point is object"):
        sweep(lambda v, previous: (v, object()), VALUES, path=tmp_path / "s.npz")
    assert sweep(lambda v, previous: (v, object()), VALUES)["result"].shape == (5,)


# --- on disk ---------------------------------------------------------------------------------------


class Interrupted:
    """hysteretic, until the given call."""

    def __init__(self, last):
        self.last, self.calls = last, []

    def __call__(self, v, previous):
        if len(self.calls) == self.last:
            raise KeyboardInterrupt
        self.calls.append(v)
        return hysteretic(v, previous)


@pytest.mark.parametrize("last", [1, 4, 7])
def test_interrupted_and_resumed_equals_uninterrupted(tmp_path, last):
    path, options = tmp_path / "s.npz", {"start": 0.0, "both_directions": True}
    whole = sweep(hysteretic, VALUES, **options)
    with pytest.raises(KeyboardInterrupt):
        sweep(Interrupted(last), VALUES, path=path, **options)
    rest = Interrupted(np.inf)
    found = sweep(rest, VALUES, path=path, **options)
    assert rest.calls == (VALUES + VALUES[-2::-1])[last:]
    np.testing.assert_array_equal(found["state"], whole["state"])
    np.testing.assert_array_equal(found.back["state"], whole.back["state"])
    again = sweep(Interrupted(0), VALUES, path=path, **options)  # nothing is left to compute
    np.testing.assert_array_equal(again.back["state"], whole.back["state"])
    assert [p.name for p in tmp_path.iterdir()] == ["s.npz"]


@pytest.mark.parametrize("handed", [None, 1.5, np.arange(3) * 1j])
def test_start_is_the_same_after_a_break(tmp_path, handed):
    path = tmp_path / "s.npz"

    def failing(v, previous):
        if v == VALUES[1]:
            raise RuntimeError("no luck")
        return v, handed

    with pytest.raises(RuntimeError):
        sweep(failing, VALUES, path=path, start="first")
    seen = []
    sweep(lambda v, previous: seen.append(previous) or v, VALUES, path=path, start="first")
    np.testing.assert_array_equal(seen[0], handed)
    assert seen[1:] == ["first"] * 3


KILLED = """
import sys, time
from jusadel.studies.sweeps.sweep import sweep
def point(v, previous):
    print(v, flush=True)
    if v == 1.5:
        time.sleep(60)
    return {"v": v, "rows": [[v] * 50] * 50}, (previous or 0) + v
sweep(point, [0.5, 1.0, 1.5, 2.0], path=sys.argv[1])
"""


def test_killed_process_leaves_its_points(tmp_path):
    path = tmp_path / "s.npz"
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True)
    assert [process.stdout.readline() for _ in range(3)] == ["0.5\n", "1.0\n", "1.5\n"]
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    seen = []

    def point(v, previous):
        seen.append((v, previous))
        return {"v": v, "rows": [[v] * 50] * 50}, previous + v

    found = sweep(point, [0.5, 1.0, 1.5, 2.0], path=path)
    assert seen == [(1.5, 1.5), (2.0, 3.0)]
    np.testing.assert_array_equal(found["rows"][:, 7, 3], [0.5, 1.0, 1.5, 2.0])


def test_half_a_write_does_no_harm(tmp_path, monkeypatch):
    path, calls = tmp_path / "s.npz", []

    def failing(source, target):
        calls.append(source)
        if len(calls) == 2:
            raise OSError("disk full")
        os.rename(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", failing)
        with pytest.raises(OSError, match="disk full"):
            sweep(lambda v, previous: v, VALUES, path=path)
    seen = []
    found = sweep(lambda v, previous: seen.append(v) or v, VALUES, path=path)
    assert seen == VALUES[1:]
    np.testing.assert_array_equal(found["result"], VALUES)


def test_other_values_are_refused(tmp_path):
    path = tmp_path / "s.npz"
    sweep(lambda v, previous: v, VALUES, path=path)
    for values, options in ((VALUES[:4], {}), ([*VALUES[:4], 2.6], {}), (VALUES, {"both_directions": True})):
        with pytest.raises(ValueError, match="holds a sweep over other values"):
            sweep(lambda v, previous: v, values, path=path, **options)


def test_other_results_are_refused(tmp_path):
    path = tmp_path / "s.npz"
    with pytest.raises(KeyboardInterrupt):
        sweep(Interrupted(2), VALUES, path=path, start=0.0)
    with pytest.raises(ValueError, match="the results have the shapes"):
        sweep(lambda v, previous: v, VALUES, path=path)


@pytest.mark.parametrize("content", [b"", b"PK nonsense", b"\x80\x04"])
def test_unreadable_file_is_refused_and_kept(tmp_path, content):
    path = tmp_path / "s.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="is no readable file of a sweep"):
        sweep(lambda v, previous: v, VALUES, path=path)
    assert path.read_bytes() == content


def test_other_npz_and_cut_files_are_refused(tmp_path):
    path = tmp_path / "s.npz"
    np.savez(path, values=VALUES)
    with pytest.raises(ValueError, match="is no readable file of a sweep"):
        sweep(lambda v, previous: v, VALUES, path=path)
    path.unlink()
    sweep(lambda v, previous: v, VALUES, path=path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="is no readable file of a sweep"):
        sweep(lambda v, previous: v, VALUES, path=path)


def test_values_in_lines_of_progress_are_short():
    lines = []
    values = [(0.43999999999999995, 0.0), (0.43999999999999995, 1.0)]
    sweep(lambda v, previous: 1.0, values, progress=lines.append)
    assert lines[1] == "sweep: 2 of 2 points, value [0.44, 1.0]: result = 1"


def test_lines_of_progress():
    lines = []
    sweep(lambda v, previous: {"a": v, "b": [1, 2]}, VALUES[:2], progress=lines.append)
    assert lines[1] == "sweep: 2 of 2 points, value 1.0: a = 1, b (2,)"


@pytest.mark.filterwarnings("ignore:the mesh is too coarse:jusadel.CoarseMeshWarning")  # counts points and starts
def test_solutions_along_a_branch_and_after_a_break(tmp_path):
    """A Solution is stored and serves as the start of the next point."""
    film = ju.Device(mesh=ju.rectangle(0.4, 0.4, 0.3), materials=ju.Material())
    steps = []

    def point(T, previous):
        sol = ju.solve(film, T, "self-consistent", start=previous, frequencies=20)
        steps.append(sol.stats["gap_steps"])
        return {"gap": np.abs(sol.Delta).max()}, sol

    temperatures = [0.5, 0.52, 0.54]

    def broken(T, previous):
        if temperatures[1] == T:
            raise KeyboardInterrupt
        return point(T, previous)

    whole = sweep(point, temperatures)
    np.testing.assert_allclose(whole["gap"], [ju.bulk_gap(T) for T in temperatures], rtol=1e-4)
    with pytest.raises(KeyboardInterrupt):
        sweep(broken, temperatures, path=tmp_path / "s.npz")
    found = sweep(point, temperatures, path=tmp_path / "s.npz")
    np.testing.assert_array_equal(found["gap"], whole["gap"])
    assert steps[4:] == steps[1:3]


def test_each_point_is_told_as_it_ends(tmp_path):
    """The points so far, with the file written; on the way back too."""
    seen = []

    def note(found):
        with np.load(tmp_path / "s.npz") as held:
            seen.append((found.values.tolist(), found["state"].tolist(), len(held["points"])))
            seen.append(None if found.back is None else found.back["state"].tolist())

    options = {"start": 0.0, "both_directions": True, "path": tmp_path / "s.npz"}
    sweep(hysteretic, [1.5, 2.5], each=note, **options)
    assert seen[:4] == [([1.5], [0.0], 1), None, ([1.5, 2.5], [0.0, 1.0], 2), [1.0]]
    assert seen[4:] == [([1.5, 2.5], [0.0, 1.0], 3), [1.0, 1.0]]
