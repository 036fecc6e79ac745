"""Fits: linear algebra, certified values, scatter over seeds, failing models, degenerate ones, and what is told.

The models are formulas; what a fit of a device needs beyond them is that the model may raise and has its own
derivative.
"""

import json
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jusadel as ju
from jusadel.fitting.levenberg_marquardt import Linearised
from jusadel.fitting.parameters import Range
from jusadel.fitting.result import with_error

TIMES = np.linspace(0.0, 5.0, 40)
TRUE = {"A": 2.0, "k": 0.7, "b": 0.1}
START = {"A": 1.0, "k": 3.0, "b": 0.0}
NOISE = 0.02


@jax.jit
def decay(p):
    return p["A"] * jnp.exp(-p["k"] * TIMES) + p["b"]


def noisy(seed, sigma=NOISE):
    return np.asarray(decay(TRUE)) + sigma * np.random.default_rng(seed).normal(size=TIMES.shape)


@pytest.fixture(scope="module")
def fitted():
    return ju.fit(decay, noisy(0), START, NOISE, transforms={"k": ju.positive})


# --- known answers --------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [None, "forward", "adjoint"])
@pytest.mark.parametrize("known", ["sigma", "weights", "nothing"])
def test_linear_regression(mode, known):
    """The normal equations; where sigma is unknown the covariance carries chi2/dof."""
    rng = np.random.default_rng(1)
    X, sigma = rng.normal(size=(30, 4)), rng.uniform(0.5, 2.0, 30)
    y = X @ [1.0, -2.0, 0.5, 3.0] + sigma * rng.normal(size=30)
    if known == "nothing":
        sigma = np.ones(30)
    given = {"sigma": {"sigma": sigma}, "weights": {"weights": 7 / sigma**2}, "nothing": {}}[known]
    result = ju.fit(
        lambda p: X @ jnp.concatenate([p["a"][:, 0], p["c"][None]]),
        y,
        {"a": np.ones((3, 1)), "c": 0},
        **given,
        mode=mode,
        tol=1e-11,
    )
    inverse = np.linalg.inv(X.T @ (X / sigma[:, None] ** 2))
    best = inverse @ (X.T @ (y / sigma**2))
    chi2 = (((y - X @ best) / sigma) ** 2).sum()
    expected = inverse if known == "sigma" else inverse * chi2 / 26
    np.testing.assert_allclose([*result.params["a"][:, 0], result.params["c"]], best, rtol=1e-10)
    np.testing.assert_allclose(result.covariance, expected, rtol=1e-10)
    np.testing.assert_allclose([*result.errors["a"][:, 0], result.errors["c"]], np.diag(expected) ** 0.5, rtol=1e-10)
    root = np.diag(expected) ** 0.5
    np.testing.assert_allclose(result.correlation, expected / np.outer(root, root), rtol=1e-10)
    assert result.names == ("a[0, 0]", "a[1, 0]", "a[2, 0]", "c")
    assert result.dof == 26
    assert result.chi2 == pytest.approx(chi2 * (7 if known == "weights" else 1), rel=1e-10)
    np.testing.assert_allclose(result.prediction, X @ best, rtol=1e-9)


NIST = json.loads((Path(__file__).parents[1] / "data" / "nist_strd.json").read_text())["problems"]
NIST_MODELS = {
    "Misra1a": lambda x, b: b[0] * (1 - jnp.exp(-b[1] * x)),
    "MGH09": lambda x, b: b[0] * (x**2 + b[1] * x) / (x**2 + b[2] * x + b[3]),
    "Thurber": lambda x, b: (b[0] + x * (b[1] + x * (b[2] + x * b[3]))) / (1 + x * (b[4] + x * (b[5] + x * b[6]))),
    "Eckerle4": lambda x, b: b[0] / b[1] * jnp.exp(-(((x - b[2]) / b[1]) ** 2) / 2),
}


@pytest.mark.parametrize("start", [0, 1])
@pytest.mark.parametrize("name", NIST_MODELS)
def test_certified_values(name, start):
    """Statistical Reference Datasets of NIST, https://www.itl.nist.gov/div898/strd/, from both of their starts."""
    problem = NIST[name]
    model = jax.jit(partial(NIST_MODELS[name], np.array(problem["x"])))
    begin = np.array(problem["starts"][start], float)
    result = ju.fit(lambda p: model(p["b"]), problem["y"], {"b": begin}, tol=1e-7, max_steps=150)
    np.testing.assert_allclose(result.params["b"], problem["certified"], rtol=1e-6)
    np.testing.assert_allclose(result.errors["b"], problem["standard_errors"], rtol=1e-5)
    assert result.chi2 == pytest.approx(problem["residual_sum_of_squares"], rel=1e-9)


def test_scatter_over_seeds_is_the_quoted_error():
    """200 fits: the scatter of a parameter is known to 5 % from them."""
    fits = [ju.fit(decay, noisy(seed), TRUE, NOISE, transforms={"k": ju.positive}) for seed in range(200)]
    for name, true in TRUE.items():
        pulls = [(fit.params[name] - true) / fit.errors[name] for fit in fits]
        assert 0.9 < np.std(pulls) < 1.1
        assert abs(np.mean(pulls)) < 3 / np.sqrt(200)


@pytest.mark.parametrize("start", [START, {"A": 10.0, "k": 0.01, "b": -3.0}, {"A": 0.3, "k": 20.0, "b": 1.0}])
def test_known_parameters_come_back_from_everywhere(start):
    """Without noise, to what double precision makes of them."""
    result = ju.fit(decay, decay(TRUE), start, transforms={"k": ju.positive})
    assert result.params == pytest.approx(TRUE, rel=1e-8)
    assert result.converged


# --- transforms -----------------------------------------------------------------------------------

RANGES = [Range(), ju.positive, ju.above(-2.0), ju.below(3.0), ju.bounded(-2.0, 3.0)]


@pytest.mark.parametrize("range_", RANGES, ids=repr)
def test_ranges(range_):
    x = np.linspace(-12, 12, 49)
    value, h = range_.value(x), 1e-6
    assert range_.inside(value).all()
    np.testing.assert_allclose(range_.free(value), x, atol=1e-9)
    np.testing.assert_allclose(
        range_.slope(x), (range_.value(x + h) - range_.value(x - h)) / (2 * h), rtol=1e-6, atol=1e-9
    )
    assert (np.diff(value) > 0).all()
    down, up = range_.to_bound(x)
    np.testing.assert_allclose(down, value - range_.low, atol=1e-14)
    np.testing.assert_allclose(up, range_.high - value, atol=1e-14)
    assert not range_.inside(np.array([range_.low, range_.high])).any()


@pytest.mark.parametrize("range_", [ju.positive, ju.above(0.1), ju.below(5.0), ju.bounded(0.0, 4.0)], ids=repr)
def test_errors_are_those_of_the_parameters_not_of_their_transforms(fitted, range_):
    """The minimum and its curvature do not depend on the variable it is found in."""
    result = ju.fit(decay, noisy(0), START, NOISE, transforms={"k": range_}, tol=1e-8)
    assert result.params == pytest.approx(fitted.params, rel=1e-6)
    assert result.errors == pytest.approx(fitted.errors, rel=1e-5)


def test_a_parameter_at_its_bound():
    """The others are as if it were fixed there."""
    limits = {"k": ju.positive, "b": ju.bounded(-1.0, 0.05)}
    with pytest.warns(ju.FitWarning, match="b ended at a bound"):
        result = ju.fit(decay, noisy(0), START, NOISE, transforms=limits, tol=1e-6)
    fixed = ju.fit(lambda p: decay(p | {"b": 0.05}), noisy(0), {"A": 1.0, "k": 3.0}, NOISE, tol=1e-6)
    assert result.at_bound == ("b",)
    assert result.params == pytest.approx(fixed.params | {"b": 0.05}, rel=1e-6)
    assert result.errors | {"b": 0.0} == pytest.approx(fixed.errors | {"b": 0.0}, rel=1e-5)
    assert np.isnan(result.errors["b"])
    assert result.dof == fixed.dof == 38
    assert "b = 0.05 (at its bound)" in str(result)


# --- several data sets ----------------------------------------------------------------------------


def both(p):
    return {"decay": p["A"] * jnp.exp(-p["k"] * TIMES), "map": p["A"] * jnp.outer(jnp.arange(3.0), p["c"])}


SETS = {"decay": 2.0 * np.exp(-0.7 * TIMES), "map": 2.0 * np.outer(np.arange(3.0), [0.5, -1.0])}
SETS_START = {"A": 1.0, "k": 1.0, "c": np.ones(2)}


@pytest.mark.parametrize(
    "sigma", [0.1, {"decay": 0.1, "map": 0.1}, {"decay": np.full(40, 0.1), "map": np.full((3, 2), 0.1)}]
)
def test_several_data_sets(sigma):
    rng = np.random.default_rng(2)
    data = {name: x + 0.1 * rng.normal(size=x.shape) for name, x in SETS.items()}
    result = ju.fit(both, data, SETS_START, sigma)
    flat = ju.fit(
        lambda p: jnp.concatenate([x.reshape(-1) for x in both(p).values()]),
        np.concatenate([x.reshape(-1) for x in data.values()]),
        SETS_START,
        0.1,
    )
    np.testing.assert_array_equal(result.covariance, flat.covariance)
    assert result.dof == 46 - 4
    assert {name: x.shape for name, x in result.prediction.items()} == {"decay": (40,), "map": (3, 2)}
    assert result.params["c"].shape == result.errors["c"].shape == (2,)
    np.testing.assert_allclose(result.prediction["map"], both(result.params)["map"])


def test_sigma_of_each_set_and_weights_of_zero():
    """A set with a weight of zero is not there, whatever the model says of it."""

    def with_nothing(p):
        return {"decay": decay(p), "other": jnp.full(3, jnp.nan) * p["A"]}

    data, weights = {"decay": noisy(0), "other": np.zeros(3)}, {"decay": 2.0, "other": 0.0}
    result = ju.fit(with_nothing, data, START, weights=weights)
    alone = ju.fit(decay, noisy(0), START)
    assert result.dof == alone.dof == 37
    np.testing.assert_allclose(result.covariance, alone.covariance, rtol=1e-9)


def test_each_set_has_its_sigma():
    sigma = {"decay": 0.1, "map": np.linspace(0.2, 0.4, 6).reshape(3, 2)}
    result = ju.fit(both, SETS, SETS_START, sigma)
    flat = ju.fit(
        lambda p: jnp.concatenate([x.reshape(-1) for x in both(p).values()]),
        np.concatenate([x.reshape(-1) for x in SETS.values()]),
        SETS_START,
        np.concatenate([np.full(40, 0.1), np.linspace(0.2, 0.4, 6)]),
    )
    np.testing.assert_array_equal(result.covariance, flat.covariance)


# --- models that fail -----------------------------------------------------------------------------


def failing(error, limit=1.5):
    """The decay, from a solver that raises where k > limit, with its own derivative."""

    @jax.custom_jvp
    def solved(A, k, b):
        if float(k) > limit:
            if error is None:
                return decay({"A": A, "k": jnp.nan, "b": b})
            raise error
        return decay({"A": A, "k": k, "b": b})

    @solved.defjvp
    def _(primals, tangents):
        plain = jax.jvp(lambda A, k, b: decay({"A": A, "k": k, "b": b}), primals, tangents)[1]
        return solved(*primals), plain

    return lambda p: solved(p["A"], p["k"], p["b"])


FAILURES = [ju.SolveError("no branch"), ju.StabilityError("unstable"), ValueError("bad tensor"), None]


@pytest.mark.parametrize("mode", ["forward", "adjoint"])
@pytest.mark.parametrize("error", FAILURES, ids=repr)
def test_a_failed_solve_is_a_refused_step(fitted, error, mode):
    """Where nothing fails the first step from here goes too far."""
    start = {"A": 0.5, "k": 0.3, "b": 0.5}
    assert ju.fit(decay, noisy(0), start, NOISE, max_steps=1, throw=False).params["k"] > 1.9
    result = ju.fit(failing(error), noisy(0), start, NOISE, mode=mode)
    assert result.refused > 0
    assert result.history.refused.sum() == result.refused
    assert result.params == pytest.approx(fitted.params, rel=1e-3)
    assert np.isfinite(result.history.loss).all()
    assert (result.history.params["k"] <= 1.5).all()


@pytest.mark.parametrize("error", FAILURES[:3], ids=repr)
def test_a_failed_solve_at_the_start_is_raised_with_the_parameters(error):
    with pytest.raises(type(error), match=rf"cannot start at A = 1, k = 3, b = 0: {error}"):
        ju.fit(failing(error), noisy(0), START)
    with pytest.raises(type(error), match="cannot start at A = 1, k = 3"):
        ju.fit(failing(error), noisy(0), START, optimizer=optax.adam(0.1))


def test_a_start_without_a_finite_value():
    with pytest.raises(ValueError, match=r"cannot start at A = 1: .* not finite: 39 of 40 in data"):
        ju.fit(lambda p: p["A"] * jnp.sqrt(-TIMES), noisy(0), {"A": 1.0})


def test_a_model_that_fails_everywhere_else():
    """A wall just beside the start, in the direction of all improvement."""
    given = failing(ju.SolveError("no branch"), limit=0.5 + 1e-12), noisy(0), {"A": 2.0, "k": 0.5, "b": 0.1}
    with pytest.raises(
        ju.FitError, match="12 trial steps in a row failed, the last with SolveError: no branch"
    ) as caught:
        ju.fit(*given, NOISE)
    assert caught.value.result.stuck
    result = ju.fit(*given, NOISE, throw=False)
    assert (result.converged, result.stuck, result.refused) == (False, True, 12)
    assert result.params["k"] == 0.5


def test_a_wrong_derivative_is_told():
    @jax.custom_jvp
    def wrong(k):
        return decay({"A": 2.0, "k": k, "b": 0.1})

    wrong.defjvp(lambda primals, tangents: (wrong(*primals), TIMES * jnp.exp(-TIMES) * tangents[0]))
    with pytest.raises(ju.FitError, match="its derivative is not its own"):
        ju.fit(lambda p: wrong(p["k"]), noisy(0), {"k": 1.0}, NOISE)


def test_a_mistake_in_the_model_is_no_failed_solve():
    with pytest.raises(TypeError):
        ju.fit(lambda p: decay(p) + None, noisy(0), START)


def test_one_solve_a_trial_step_and_one_jacobian_an_accepted_one():
    """Solves and tangents are counted where host code would run them."""
    counts = {"solves": 0, "tangents": 0}

    @jax.custom_jvp
    def solved(v):
        counts["solves"] += 1
        return decay({"A": v[0], "k": v[1], "b": v[2]})

    def linear(v, t):
        counts["tangents"] += 1
        return np.asarray(
            jax.vmap(lambda one: jax.jvp(lambda v: decay({"A": v[0], "k": v[1], "b": v[2]}), (v,), (one,))[1])(t)
        )

    @solved.defjvp
    def _(primals, tangents):
        v = primals[0]
        out = jax.pure_callback(
            linear, jax.ShapeDtypeStruct((1, 40), float), v, tangents[0][None], vmap_method="sequential"
        )
        return solved(v), out[0]

    result = ju.fit(lambda p: solved(p["v"]), noisy(0), {"v": np.array([1.0, 3.0, 0.0])}, NOISE)
    assert result.refused > 0
    assert counts["solves"] == 1 + result.steps + result.refused
    assert counts["tangents"] == 3 * (1 + result.steps)


# --- degenerate and undetermined ------------------------------------------------------------------


def test_degenerate_parameters():
    """Only A B is determined: along A : B = -1 : 1 at A = B nothing changes, k and b are as without B."""
    with pytest.warns(ju.DegeneracyWarning, match="along A : B = -?1 : -?1:") as caught:
        result = ju.fit(lambda p: decay(p | {"A": p["A"] * p["B"]}), noisy(0), START | {"B": 1.0}, NOISE)
    assert len(caught) == 1
    alone = ju.fit(decay, noisy(0), START, NOISE)
    assert result.params["A"] * result.params["B"] == pytest.approx(alone.params["A"], rel=1e-5)
    assert result.errors["A"] == result.errors["B"] == np.inf
    assert result.errors["k"] == pytest.approx(alone.errors["k"], rel=1e-4)
    assert result.errors["b"] == pytest.approx(alone.errors["b"], rel=1e-4)
    assert abs(result.correlation[0, 3]) == pytest.approx(1.0, abs=1e-9)
    assert "not determined by the data: A : B" in str(result)


def test_a_parameter_that_does_nothing():
    with pytest.warns(ju.DegeneracyWarning, match="along z alone"):
        result = ju.fit(lambda p: decay(p) + 0 * p["z"], noisy(0), START | {"z": 3.0}, NOISE)
    assert result.params["z"] == 3.0
    assert result.errors["z"] == np.inf
    assert np.isfinite(result.errors["k"])


@pytest.mark.parametrize(
    ("spread", "sigma", "warns"), [(1e-4, 1e-3, True), (1e-4, 1e-7, True), (0.03, 0.1, True), (0.03, 1e-5, False)]
)
def test_nearly_degenerate_parameters(spread, sigma, warns):
    """Two decays with nearly the same rate: told where errors are a thousand times enlarged, or exceed the values."""

    def model(p):
        return p["A"] * jnp.exp(-TIMES) + p["C"] * jnp.exp(-(1 + spread) * TIMES)

    data = np.asarray(model({"A": 1.0, "C": 1.0})) + sigma * np.random.default_rng(3).normal(size=40)
    if warns:
        with pytest.warns(ju.DegeneracyWarning, match="along A : C = -?1 : -?1"):
            result = ju.fit(model, data, {"A": 0.5, "C": 0.5}, sigma)
    else:
        result = ju.fit(model, data, {"A": 0.5, "C": 0.5}, sigma)
    J = np.stack([np.exp(-TIMES), np.exp(-(1 + spread) * TIMES)], 1) / sigma
    np.testing.assert_allclose(result.covariance, np.linalg.inv(J.T @ J), rtol=1e-4)
    assert bool(result.degenerate) == warns


def test_as_many_parameters_as_data():
    """The errors are those of sigma, and unknown without it."""

    def line(p):
        return p["a"] + p["c"] * jnp.arange(2.0)

    result = ju.fit(line, [1.0, 3.0], {"a": 0.0, "c": 0.0}, 0.1)
    assert result.params == pytest.approx({"a": 1.0, "c": 2.0})
    assert result.errors == pytest.approx({"a": 0.1, "c": 0.1 * 2**0.5})
    with pytest.warns(ju.FitWarning, match="unknown without sigma"):
        result = ju.fit(line, [1.0, 3.0], {"a": 0.0, "c": 0.0})
    assert result.errors == {"a": np.inf, "c": np.inf}
    with pytest.raises(ValueError, match="1 data points for 2 parameters"):
        ju.fit(lambda p: line(p)[:1], [1.0], {"a": 0.0, "c": 0.0}, 0.1)


# --- optax ----------------------------------------------------------------------------------------


NEARBY = {"A": 1.8, "k": 0.9, "b": 0.2}


def test_an_optimizer_finds_the_same_minimum(fitted):
    result = ju.fit(
        decay, noisy(0), NEARBY, NOISE, transforms={"k": ju.positive}, optimizer=optax.adam(0.05), max_steps=120
    )
    assert result.params == pytest.approx(fitted.params, rel=5e-3)
    assert result.errors == pytest.approx(fitted.errors, rel=5e-3)
    assert result.chi2 == pytest.approx(fitted.chi2, abs=0.01)
    assert result.converged
    assert result.distance == pytest.approx((result.chi2 - fitted.chi2) ** 0.5, rel=0.05)
    assert len(result.history) == result.steps + 1


def test_an_optimizer_that_ends_too_early_says_so():
    """Columns or one row, the slope is the same."""
    for mode in ("forward", "adjoint"):
        with pytest.warns(ju.FitWarning, match="standard errors from the minimum"):
            result = ju.fit(decay, noisy(0), START, NOISE, optimizer=optax.sgd(1e-5), max_steps=3, mode=mode)
        assert not result.converged
        assert result.steps == 3
        assert result.chi2 == pytest.approx(result.history.loss.min(), rel=1e-12)
        slope = jax.grad(lambda p: (((decay(p) - noisy(0)) / NOISE) ** 2).sum())(START)
        step = {name: x[1] - x[0] for name, x in result.history.params.items()}
        assert step == pytest.approx({name: -1e-5 * float(x) for name, x in slope.items()}, rel=1e-9)


def test_an_optimizer_goes_around_failed_solves(fitted):
    """Momentum carries it beyond the minimum, into the wall behind."""
    start, wall = {"A": 2.0, "k": 0.3, "b": 0.1}, failing(ju.SolveError("no branch"), limit=0.9)
    result = ju.fit(wall, noisy(0), start, NOISE, optimizer=optax.adam(0.2), max_steps=140)
    assert 0 < result.refused < 30
    assert result.params == pytest.approx(fitted.params, rel=0.02)
    assert 0.89 < result.history.params["k"].max() <= 0.9


def test_an_optimizer_gives_up_in_a_corner():
    given = failing(ju.SolveError("no branch"), limit=0.5 + 1e-12), noisy(0), {"A": 2.0, "k": 0.5, "b": 0.1}
    with pytest.raises(ju.FitError, match="every step downhill failed, the last with SolveError: no branch"):
        ju.fit(*given, NOISE, optimizer=optax.adam(0.1))


def test_another_loss():
    """Least absolute deviations do not see an outlier; there are no error bars."""
    data = noisy(0, 0.0)
    data[3] += 50.0
    result = ju.fit(
        decay,
        data,
        NEARBY,
        optimizer=optax.adam(optax.exponential_decay(0.05, 40, 0.3)),
        loss=lambda prediction, y: jnp.abs(prediction - y).mean(),
        max_steps=200,
    )
    assert result.params == pytest.approx(TRUE, abs=0.01)
    assert result.errors is result.covariance is result.chi2 is None
    assert result.loss == pytest.approx(50 / 40, rel=0.01)
    np.testing.assert_allclose(result.prediction, decay(result.params))
    assert "+-" not in str(result)


def test_a_design_without_data():
    """The highest of a function of many parameters."""
    result = ju.fit(
        lambda p: jnp.exp(-jnp.sum((p["x"] - 0.3) ** 2)),
        None,
        {"x": np.full((4, 5), 0.5)},
        transforms={"x": ju.bounded(0.0, 1.0)},
        optimizer=optax.adam(0.1),
        loss=lambda height, _: -height,
    )
    np.testing.assert_allclose(result.params["x"], 0.3, atol=1e-3)
    assert result.converged
    assert result.history.params["x"].shape == (result.steps + 1, 4, 5)


def test_fewer_data_than_parameters_for_an_optimizer():
    with pytest.warns(ju.FitWarning, match="fewer data than parameters"):
        result = ju.fit(lambda p: p["x"].sum(), 3.0, {"x": np.zeros(5)}, 0.1, optimizer=optax.sgd(1e-3))
    assert result.errors is None
    assert result.prediction == pytest.approx(3.0)
    np.testing.assert_allclose(result.params["x"], 0.6)


# --- what the user sees ---------------------------------------------------------------------------


def test_history_starts_at_the_start_and_falls(fitted):
    assert {name: x[0] for name, x in fitted.history.params.items()} == pytest.approx(START, abs=1e-12)
    assert {name: x[-1] for name, x in fitted.history.params.items()} == fitted.params
    assert (np.diff(fitted.history.loss) < 0).all()
    assert len(fitted.history) == fitted.steps + 1
    assert fitted.history.loss[-1] == fitted.chi2 == fitted.loss
    assert fitted.history.loss[0] == pytest.approx((((noisy(0) - decay(START)) / NOISE) ** 2).sum())


def test_the_table(fitted):
    lines = str(fitted).splitlines()
    assert lines[0] == f"Fit: chi2/dof = {fitted.chi2:.4g}/37 = {fitted.reduced_chi2:.3g}"
    assert [line.split(" = ")[0].strip() for line in lines[1:4]] == ["A", "k", "b"]
    for line, name in zip(lines[1:4], "Akb", strict=True):
        value, error = map(float, line.split(" = ")[1].split(" +- "))
        assert value == pytest.approx(fitted.params[name], abs=fitted.errors[name] / 20)
        assert error == pytest.approx(fitted.errors[name], rel=0.05)
    assert lines[4].startswith(f"converged in {fitted.steps} steps")


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (0.30124, 0.00432, "0.3012 +- 0.0043"),
        (-1234.5678, 56.0, "-1235 +- 56"),
        (12.0, 350.0, "12 +- 350"),
        (5.0e7, 2.0e5, "5.000e+07 +- 2.0e+05"),
        (5.5e-12, 2.0e-13, "5.50e-12 +- 2.0e-13"),
        (1.5, np.inf, "1.5 +- inf"),
        (0.0, 0.1, "0.00 +- 0.10"),
    ],
)
def test_digits(value, error, text):
    assert with_error(value, error) == text


def test_progress_shows_loss_and_parameters():
    lines = []
    result = ju.fit(decay, noisy(0), START, NOISE, transforms={"k": ju.positive}, progress=lines.append)
    assert len(lines) == result.steps + 1
    assert lines[0] == f"fit: step 0, chi2 = {result.history.loss[0]:.6g}: A = 1, k = 3, b = 0"
    assert f"chi2 = {result.chi2:.6g}: A = {result.params['A']:.6g}, k = {result.params['k']:.6g}" in lines[-1]


def test_too_few_steps():
    with pytest.raises(ju.FitError, match="stopped after max_steps = 2 steps") as caught:
        ju.fit(decay, noisy(0), START, NOISE, max_steps=2)
    assert len(caught.value.result.history) == 3
    assert not ju.fit(decay, noisy(0), START, NOISE, max_steps=2, throw=False).converged


WRONG = [
    ({"transforms": {"q": ju.positive}}, ValueError, r"transforms name 'q'; the parameters are \['A', 'k', 'b'\]"),
    ({"transforms": {"k": "positive"}}, TypeError, "expected ju.positive"),
    ({"transforms": {"b": ju.positive}}, ValueError, r"b = 0.0 is not inside its range \(0, inf\)"),
    ({"start": START | {"k": np.nan}}, ValueError, "start: k = nan; expected a finite number"),
    ({"start": {}}, ValueError, "expected parameters by name"),
    ({"start": [1.0]}, ValueError, "expected parameters by name"),
    ({"data": np.full(40, np.nan)}, ValueError, "data: 40 of 40 values are not finite"),
    ({"data": 1j * TIMES}, ValueError, "expected real numbers"),
    ({"data": {}}, ValueError, "no data"),
    ({"data": TIMES[1:]}, ValueError, r"returned shape \(40,\) for data of shape \(39,\)"),
    ({"data": {"I": TIMES}}, ValueError, r"returned one array; the data are a dict with \['I'\]"),
    ({"sigma": 0.0}, ValueError, "sigma: 1 of 1 values like 0; expected standard deviations above zero"),
    ({"sigma": TIMES - 1}, ValueError, "sigma: 8 of 40 values like -1"),
    ({"sigma": np.ones(3)}, ValueError, r"sigma has shape \(3,\); the data have \(40,\)"),
    ({"sigma": {"I": 1.0}}, ValueError, "sigma is given for"),
    ({"weights": -1.0}, ValueError, "weights: 1 of 1 values like -1"),
    ({"weights": 0.0}, ValueError, "all weights are zero"),
    ({"weights": 1.0, "sigma": 1.0}, ValueError, "both given"),
    ({"mode": "reverse"}, ValueError, "expected None, 'forward' or 'adjoint'"),
    ({"tol": 0.0}, ValueError, "tol = 0.0"),
    ({"max_steps": 0.5}, ValueError, "max_steps = 0.5"),
    ({"optimizer": "adam"}, TypeError, "expected one of optax"),
    ({"loss": lambda prediction, data: 0.0}, ValueError, "needs an optimizer"),
    ({"loss": lambda p, d: p, "optimizer": optax.sgd(0.1)}, ValueError, r"the loss has shape \(40,\)"),
    ({"loss": lambda p, d: p[0], "optimizer": optax.sgd(0.1), "sigma": 1.0}, ValueError, "put them into the loss"),
]


@pytest.mark.parametrize(("given", "error", "message"), WRONG)
def test_mistakes_are_named(given, error, message):
    with pytest.raises(error, match=message):
        ju.fit(decay, **{"data": noisy(0), "start": START} | given)


NAMED = [
    (SETS | {"map": np.zeros((2, 2))}, None, r"returned shape \(3, 2\) for data set 'map' of shape \(2, 2\)"),
    ({"decay": SETS["decay"]}, None, r"the model returned \['decay', 'map'\]; the data have \['decay'\]"),
    (SETS | {"map": np.full((3, 2), np.inf)}, None, "data set 'map': 6 of 6 values are not finite"),
    (SETS, {"decay": 0.1}, r"sigma is given for \['decay'\]; the data are \['decay', 'map'\]"),
    (SETS, np.ones(40), "give a dict with one entry each"),
    (SETS, {"decay": 0.1, "map": np.zeros((3, 2))}, r"sigma\['map'\]: 6 of 6 values like 0"),
]


@pytest.mark.parametrize(("data", "sigma", "message"), NAMED)
def test_mistakes_in_a_data_set_name_it(data, sigma, message):
    with pytest.raises(ValueError, match=message):
        ju.fit(both, data, SETS_START, sigma)


def test_steps_stop_at_their_caps_and_the_others_make_up_for_it():
    """Least squares in a box, by hand: x at its cap of 1, then y alone."""
    J, r = np.array([[1.0, 1.0], [0.0, 1.0], [1.0, 0.0]]), np.array([-9.0, -1.0, -8.0])
    step = Linearised(J, r, np.array([1.0, np.inf])).full
    np.testing.assert_allclose(step, [1.0, (8.0 + 1.0) / 2])


UPHILL = np.array([[1.0, -0.6], [1.8, -1.3]]), np.array([-2.0, 2.8])
"""J and r for which the step whose components are held at 1, one after the other, leads uphill."""


def test_a_capped_step_that_leads_uphill_is_no_minimum():
    """The best of the box is found by trying its points."""
    J, r = UPHILL
    linear, grid = Linearised(J, r, np.ones(2)), np.linspace(-1, 1, 401)
    squares = ((J @ np.stack(np.meshgrid(grid, grid)).reshape(2, -1) + r[:, None]) ** 2).sum(axis=0)
    assert linear.gain(linear.full) < 0
    assert linear.most == pytest.approx(r @ r - squares.min(), rel=1e-3)
    assert linear.distance(1.0) > 0.1
