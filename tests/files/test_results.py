"""Current-phase relations, critical temperatures and fits in files: exact round trips, and files that do not fit."""

import json
from dataclasses import fields, replace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jusadel as ju
from jusadel.common.archive import Arrays
from jusadel.common.stored import Stored
from jusadel.fitting.result import History

PHASES = np.linspace(0, 2 * np.pi, 12, endpoint=False)
CURVE = ju.CurrentPhaseRelation(
    PHASES, np.sin(PHASES - 0.3) + 0.2 * np.sin(2 * PHASES), -np.cos(PHASES - 0.3) / 2 - 0.05 * np.cos(2 * PHASES)
)
VOLTAGES = ju.CurrentVoltage(
    current=np.array([0.1, 0.2]), voltage=np.array([0.0, 1 / 3]), error=np.array([0.0, 1e-3]), photon=0.1 + 0.2
)
TRANSITION = ju.CriticalTemperature(
    T=0.1 + 0.2,
    mode=np.array([1.0, 0.5 - 0.25j, 0.1j]),
    eigenvalue=1e-9,
    slope=float("nan"),
    frequencies=20,
    evaluations=5,
    units=ju.Units(Tc=1.2, D=60.0),
)


def line(p):
    return {"up": p["a"] + p["b"][0] * jnp.arange(4.0), "flat": p["b"][1] * jnp.ones(2)}


@pytest.fixture(scope="module")
def fitted():
    data = {"up": np.array([0.1, 1.2, 1.9, 3.1]), "flat": np.array([0.4, 0.6])}
    return ju.fit(line, data, start={"a": 1.0, "b": np.array([0.3, 0.2])})


@pytest.fixture(scope="module")
def descended():
    """Of a loss of its own, with a model that returns a collection."""
    return ju.fit(
        lambda p: (line(p), [p["a"], None, "word"]),
        None,
        {"a": 1.0, "b": np.array([0.3, 0.2])},
        optimizer=optax.adam(0.05),
        loss=lambda found, _: jnp.sum(found[0]["up"] ** 2) + jnp.sum((found[0]["flat"] - 1) ** 2),
        max_steps=3,
        throw=False,
    )


def undetermined(fitted):
    """What the data say nothing about, and what a bound stops."""
    nothing = np.full((3, 3), np.nan)
    nothing[0] = np.inf
    errors = {"a": float("inf"), "b": np.array([np.nan, 0.1])}
    stopped = {"degenerate": ("a + b[0]",), "at_bound": ("b[1]",), "distance": float("nan"), "loss": np.float64("inf")}
    stopped["history"] = replace(fitted.history, refused=np.arange(len(fitted.history)))
    return replace(fitted, errors=errors, covariance=nothing, correlation=nothing, chi2=np.float64(2), dof=0, **stopped)


def identical(one, other):
    """To the last bit and type, whether a number came as Python's or numpy's, or an array as JAX's."""
    if isinstance(one, History | ju.Units):
        one, other = ({f.name: getattr(x, f.name) for f in fields(x)} for x in (one, other))
    if isinstance(one, dict | list | tuple):
        assert type(one) is type(other)
        keys, others = (list(x) if isinstance(x, dict) else list(range(len(x))) for x in (one, other))
        assert keys == others
        for key in keys:
            identical(one[key], other[key])
    elif one is None or isinstance(one, str | bool):
        assert one == other
        assert type(one) is type(other)
    else:
        assert np.asarray(one).dtype == np.asarray(other).dtype
        assert np.asarray(one).tobytes() == np.asarray(other).tobytes()
        assert isinstance(other, np.ndarray) == (np.ndim(one) > 0)


def again(result, path):
    ju.save(result, path)
    return ju.load(path)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "result.npz"


@pytest.fixture(
    params=["curve", "driven", "voltages", "transition", "normal", "fit", "loss", "undetermined", "points"],
)
def result(request, fitted, descended):
    return {
        "curve": CURVE,
        "driven": VOLTAGES,
        "voltages": replace(VOLTAGES, photon=None),
        "transition": TRANSITION,
        "normal": replace(TRANSITION, T=0.0, mode=None),
        "fit": fitted,
        "loss": descended,
        "undetermined": undetermined(fitted),
        "points": replace(fitted, errors=None, covariance=None, correlation=None, dof=-1),
    }[request.param]


def test_everything_comes_back(result, path):
    found = again(result, path)
    assert type(found) is type(result)
    for field in fields(result):
        identical(getattr(result, field.name), getattr(found, field.name))
    assert repr(found) == repr(result)
    with np.load(path, allow_pickle=False) as held:
        header = json.loads(str(held["header"]))
    assert header["kind"] == type(result).__name__
    twice = again(found, path)
    for field in fields(result):
        identical(getattr(found, field.name), getattr(twice, field.name))


def test_what_follows_from_a_curve_is_the_same(path):
    found = again(CURVE, path)
    assert found.critical_current == CURVE.critical_current
    assert found.phi0 == CURVE.phi0
    assert found.diode_efficiency == CURVE.diode_efficiency
    np.testing.assert_array_equal(found.harmonics(3), CURVE.harmonics(3))


def test_things_inside_that_cannot_be_saved(fitted, path):
    with pytest.raises(TypeError, match="prediction 0 is object; expected numbers"):
        ju.save(replace(fitted, prediction=(object(),)), path)
    with pytest.raises(TypeError, match=r"prediction has the names \[3\]; expected words"):
        ju.save(replace(fitted, prediction={3: 1.0}), path)
    with pytest.raises(ValueError, match=r"save has no derivatives: call it outside of jax\.grad"):
        jax.grad(lambda x: ju.save(replace(CURVE, current=x * jnp.ones(12)), path))(1.0)
    assert not path.exists()


def header_change(*keys, value):
    def change(header, arrays):
        part = header["content"]
        for key in keys[:-1]:
            part = part[key]
        part[keys[-1]] = value

    return change


def array_change(name, change):
    def changing(header, arrays):
        arrays[name] = change(arrays[name])

    return changing


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        (
            "curve",
            array_change("current", lambda x: x[1:]),
            r"content, current has the shape \(11,\) .* expected \(12,",
        ),
        (
            "curve",
            array_change("energy", lambda x: x + 0j),
            r"content, energy has .* type complex128; expected .* type f",
        ),
        ("curve", array_change("phases", lambda x: x[:0]), "content has no phases"),
        ("curve", header_change("phases", value=3), "content, phases has no 'array'"),
        ("transition", header_change("T", value="cold"), "content, T is 'cold'; expected a number"),
        ("transition", header_change("slope", value=True), "content, slope is True; expected a number"),
        (
            "transition",
            header_change("frequencies", value=2.5),
            r"content, frequencies is 2\.5; expected a whole number",
        ),
        ("transition", array_change("mode", np.real), r"content, mode has .* type float64; expected .* of type c"),
        ("fit", header_change("names", value="abc"), "content, names is 'abc'; expected a list of words"),
        ("fit", header_change("scaled", value=1), "content, scaled is 1; expected true or false"),
        ("fit", header_change("params", value={"dict": {"a": "x"}}), "content, params are no numbers by name"),
        (
            "fit",
            header_change("params", value={"dict": {"a": 1}}),
            "content, params are not one for each of the 3 names",
        ),
        ("fit", header_change("errors", value={"list": [1]}), "content, errors are no numbers by name"),
        (
            "fit",
            header_change("prediction", value={"set": []}),
            r"content, prediction is \{'set': \[\]\}; expected numb",
        ),
        ("fit", header_change("prediction", value={}), r"content, prediction is \{\}; expected numbers, a word"),
        ("fit", array_change("covariance", lambda x: x[1:]), r"content, covariance has the shape \(2, 3\)"),
        ("fit", array_change("history refused", lambda x: x[1:]), "content, history, refused has the shape"),
        ("fit", array_change("history b", lambda x: x[1:]), r"content, history, params, b has no \d rows of numbers"),
        ("fit", header_change("history", value=None), "content, history has no 'loss'"),
        ("fit", header_change("reason", value=None), "content, reason is None; expected a word"),
    ],
)
def test_files_that_do_not_fit_are_refused(kind, change, message, fitted, path):
    ju.save({"curve": CURVE, "transition": TRANSITION, "fit": fitted}[kind], path)
    with np.load(path) as held:
        arrays = dict(held)
    header = json.loads(str(arrays.pop("header")))
    change(header, arrays)
    np.savez(path, header=np.array(json.dumps(header)), **arrays)
    with pytest.raises(ValueError, match=message) as caught:
        ju.load(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("value", [{}, [], (), {"array": 1.0}, {"dict": {"list": [None, True, 2**60, float("-inf")]}}])
def test_collections_that_look_like_ours(value):
    arrays = Arrays()
    packed = json.loads(json.dumps(arrays.nested("x", value)))
    found = Stored(packed, arrays.held).nested()
    assert found == value
    assert type(found) is type(value)
