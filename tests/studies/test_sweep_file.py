"""The file of a sweep: what is in it, former formats, and what does not fit."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

import jusadel as ju
from jusadel.common.archive import read_archive
from jusadel.studies.sweeps.sweep import sweep

VALUES = [0.5, 1.0, 1.5, 2.0, 2.5]
OLD = Path(__file__).parents[1] / "data" / "sweep_2.npz"
"""Written by the last version that wrote "jusadel sweep 2", after two of the points of `film`."""


def wave(v, previous):
    return {"sine": np.sin(v), "row": [v, previous or 0.0]}


class Stopped:
    """A function of values, for so many calls."""

    def __init__(self, calls, point=wave):
        self.calls, self.point, self.seen = calls, point, []

    def __call__(self, v, previous):
        if len(self.seen) == self.calls:
            raise KeyboardInterrupt
        self.seen.append(v)
        return self.point(v, previous)


def interrupted(path, calls, point=wave, **options):
    with pytest.raises(KeyboardInterrupt):
        sweep(Stopped(calls, point), VALUES, path=path, **options)


def same(found, other):
    assert list(found) == list(other)
    for name in found:
        np.testing.assert_array_equal(found[name], other[name])
        assert found[name].dtype == other[name].dtype


def test_content(tmp_path):
    interrupted(tmp_path / "s.npz", 2, lambda v, previous: (wave(v, previous), 3.0))
    kind, content = read_archive(tmp_path / "s.npz")
    assert kind == "Sweep"
    np.testing.assert_array_equal(content["values"].array((5,)), VALUES)
    np.testing.assert_array_equal(content["points"].array((2,), "i"), [0, 1])
    np.testing.assert_array_equal(content["results"]["sine"].array((2,)), np.sin(VALUES[:2]))
    assert not content["both_directions"].yes()
    assert (content["start"]["is"].text(), content["start"]["value"].any()) == ("array", 3.0)


def test_any_name_will_do(tmp_path):
    interrupted(tmp_path / "wave.sweep", 2)
    rest = Stopped(9)
    same(sweep(rest, VALUES, path=tmp_path / "wave.sweep"), sweep(wave, VALUES))
    assert rest.seen == VALUES[2:]


# --- former formats --------------------------------------------------------------------------------


def flat(path):
    """The content of a file in the layout of "jusadel sweep 2"."""
    with np.load(path) as held:
        content = dict(held)
    header = json.loads(str(content.pop("header")))["content"]
    start = header["start"]["is"]
    return content | {
        "format": "jusadel sweep 2",
        "both_directions": header["both_directions"],
        "start": start,
    }


def test_file_of_the_first_version_is_read(tmp_path):
    """It had no list of points: those that are there are the first ones."""
    path = tmp_path / "s.npz"
    interrupted(path, 3)
    older = flat(path) | {"format": "jusadel sweep 1"}
    del older["points"]
    np.savez(path, **older)
    rest = Stopped(9)
    found = sweep(rest, VALUES, path=path)
    assert rest.seen == VALUES[3:]
    same(found, sweep(wave, VALUES))


@pytest.mark.parametrize("form", ["jusadel sweep 1", "jusadel sweep 2"])
@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ({"start": "given"}, 7.0),
        ({"start": "none"}, None),
        ({"start": "array", "previous": 1.5}, 1.5),
        ({"start": "array", "previous": np.arange(3) * 1j}, np.arange(3) * 1j),
    ],
)
def test_files_of_former_formats_are_continued(tmp_path, form, start, expected):
    path, seen = tmp_path / "s.npz", []
    done = {"values": VALUES, "both_directions": True, "result a": [1, 2], "result b": [[1.0, 2.0], [3.0, 4.0]]}
    listed = {} if form.endswith("1") else {"points": [0, 1]}
    np.savez(path, format=form, **done, **listed, **start)

    def point(v, previous):
        seen.append((v, previous))
        return {"a": 10, "b": [v, v]}

    found = sweep(point, VALUES, path=path, start=7.0, both_directions=True)
    assert [v for v, _ in seen] == VALUES[2:] + VALUES[-2::-1]
    np.testing.assert_array_equal(seen[0][1], expected)
    assert type(seen[0][1]) is type(expected)
    np.testing.assert_array_equal(found["a"], [1, 2, 10, 10, 10])
    np.testing.assert_array_equal(found["b"][:3], [[1, 2], [3, 4], [1.5, 1.5]])
    np.testing.assert_array_equal(found.back["a"], [10, 10, 10, 10, 10])
    assert read_archive(path)[0] == "Sweep"


@pytest.mark.filterwarnings("ignore:the mesh is too coarse:jusadel.CoarseMeshWarning")  # counts starts
def test_solution_in_a_file_of_the_former_format(tmp_path):
    """It is the start of the next point as if there had been no break."""
    device = ju.Device(mesh=ju.rectangle(0.4, 0.4, 0.3), materials=ju.Material())
    path, seen = tmp_path / "s.npz", []

    def film(T, previous):
        sol = ju.solve(device, T, "self-consistent", start=previous, frequencies=4)
        seen.append((T, previous, sol.stats["gap_steps"]))
        return {"gap": np.abs(sol.Delta).max()}, sol

    temperatures = [0.5, 0.52, 0.54]
    whole = sweep(film, temperatures)
    last = seen[2]
    shutil.copy(OLD, path)
    seen.clear()
    found = sweep(film, temperatures, path=path)
    assert [T for T, _, _ in seen] == [0.54]
    assert seen[0][2] == last[2]
    np.testing.assert_allclose(seen[0][1].all_G, last[1].all_G, atol=1e-9)
    assert seen[0][1].T == 0.52
    np.testing.assert_allclose(found["gap"], whole["gap"], rtol=1e-9)


# --- what does not fit -----------------------------------------------------------------------------

POINTS = [
    ({"points": np.array([0, 0, 1])}, "its list of points is no list of different whole numbers"),
    ({"points": np.array([0.0, 1.0, 2.0])}, "its list of points is no list of different whole numbers"),
    ({"points": np.array([0, 1, 5])}, "its points are not among the 5 of this sweep"),
    ({"points": np.array([0, 1, -1])}, "its points are not among the 5 of this sweep"),
    ({"points": np.array([0, 1])}, "the results 'sine' are not one for each of its 2 points"),
    ({"result sine": np.array(0.5)}, "is no readable file of a sweep"),
]


def refused(path, content, message):
    np.savez(path, **content)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=message):
        sweep(wave, VALUES, path=path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        *POINTS,
        ({"start": np.array("magic")}, "its start is of an unknown kind"),
        ({"start": np.array("array")}, re.escape("is no readable file of a sweep ('previous')")),
        ({"start": np.array("solution")}, re.escape("is no readable file of a sweep ('solution T')")),
        ({"format": "jusadel sweep 9"}, "it has another format"),
    ],
)
def test_files_of_former_formats_that_do_not_fit_are_refused(tmp_path, change, message):
    path = tmp_path / "s.npz"
    interrupted(path, 3)
    refused(path, flat(path) | change, message)


@pytest.mark.parametrize(("change", "message"), POINTS)
def test_arrays_that_do_not_fit_are_refused(tmp_path, change, message):
    path = tmp_path / "s.npz"
    interrupted(path, 3)
    with np.load(path) as held:
        refused(path, dict(held) | change, message)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "Flow"}, "is no readable file of a sweep .it has another format"),
        ({"version": 2}, "has the format version 2"),
        ({"format": "other"}, "is not in the format 'jusadel'"),
        ({"start": {"is": "magic"}}, "its start is of an unknown kind"),
        ({"start": {"is": "array"}}, "content, start has no 'value'"),
        ({"start": {"is": "solution", "omega": {"array": "values"}}}, "content, start has no 'T'"),
        ({"start": {}}, "content, start has no 'is'"),
        ({"results": {}}, "it has no results"),
        ({"both_directions": 1}, "content, both_directions is 1; expected true or false"),
    ],
)
def test_headers_that_do_not_fit_are_refused(tmp_path, change, message):
    path = tmp_path / "s.npz"
    interrupted(path, 3)
    with np.load(path) as held:
        arrays = dict(held)
    header = json.loads(str(arrays.pop("header")))
    for name, value in change.items():
        (header if name in header else header["content"])[name] = value
    refused(path, arrays | {"header": np.array(json.dumps(header))}, message)
