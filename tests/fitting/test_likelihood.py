"""Likelihoods of formulas: normal densities, posteriors known in closed form, unknown noise, failures, samplers."""

from math import erf, exp, pi, sqrt

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jusadel as ju

RNG = np.random.default_rng(4)
X = RNG.normal(size=(12, 3))
SIGMA = RNG.uniform(0.5, 2.0, 12)
Y = X @ [1.0, -2.0, 0.5] + SIGMA * RNG.normal(size=12)


def linear(p):
    return X @ jnp.append(p["a"], p["c"])


START = {"a": np.zeros(2), "c": 0.3}
SOME = np.array([0.7, -1.0, 0.2])


def log_normal(y, mean, sigma):
    """Sum of the logarithms of the densities of independent normal numbers, typed."""
    return sum(-(((a - m) / s) ** 2) / 2 - np.log(s * sqrt(2 * pi)) for a, m, s in zip(y, mean, sigma, strict=True))


def named(values):
    return {"a": values[:2], "c": values[2]}


def test_it_is_the_sum_of_normal_densities():
    L = ju.log_likelihood(linear, Y, START, SIGMA)
    expected = log_normal(Y, X @ SOME, SIGMA)
    assert L.names == ("a[0]", "a[1]", "c")
    assert float(L(named(SOME))) == pytest.approx(expected, rel=1e-13)
    assert float(L.log_density(SOME)) == pytest.approx(expected, rel=1e-13)  # no bounds: the variables themselves
    np.testing.assert_array_equal(L.start, [0, 0, 0.3])


def test_the_posterior_of_a_linear_model():
    """Normal, with the mean and the covariance of the normal equations: value, slope and curvature everywhere."""
    L = ju.log_likelihood(linear, Y, START, SIGMA)
    inverse = X.T @ (X / SIGMA[:, None] ** 2)
    mean = np.linalg.solve(inverse, X.T @ (Y / SIGMA**2))
    np.testing.assert_allclose(jax.hessian(L.log_density)(SOME), -inverse, rtol=1e-12)
    np.testing.assert_allclose(jax.grad(L.log_density)(SOME), -inverse @ (SOME - mean), rtol=1e-11)
    below = -(SOME - mean) @ inverse @ (SOME - mean) / 2
    assert float(L.log_density(SOME) - L.log_density(mean)) == pytest.approx(below, rel=1e-12)
    fitted = ju.fit(linear, Y, START, SIGMA, tol=1e-10)
    np.testing.assert_allclose(np.linalg.inv(inverse), fitted.covariance, rtol=1e-9)


@pytest.mark.parametrize("range_", [ju.positive, ju.below(1.0), ju.bounded(-0.2, 1.1)], ids=repr)
def test_a_flat_prior_inside_a_range(range_):
    """Weight and mean of a normal distribution cut off at the bounds, from the density in the variables."""
    y, s = 0.4, 0.7
    L = ju.log_likelihood(lambda p: p["b"][None], [y], {"b": 0.5}, s, transforms={"b": range_})
    x = np.linspace(-40.0, 40.0, 4001)
    weight = np.exp(jax.jit(jax.vmap(L.log_density))(x[:, None])) * (x[1] - x[0])
    a, b = ((limit - y) / s for limit in (range_.low, range_.high))
    inside = (erf(b / sqrt(2)) - erf(a / sqrt(2))) / 2
    mean = y + s * (exp(-(a**2) / 2) - exp(-(b**2) / 2)) / sqrt(2 * pi) / inside
    assert weight.sum() == pytest.approx(inside, rel=1e-6)
    assert weight @ L.parameters(x[:, None])["b"] / weight.sum() == pytest.approx(mean, rel=1e-5)
    assert float(L.variables(L.parameters(np.array([0.8])))[0]) == pytest.approx(0.8, rel=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
def test_unknown_noise_is_a_parameter(weighted):
    weights = np.append(1 / SIGMA[:-1] ** 2, 0.0) if weighted else None
    spread, counted = (SIGMA if weighted else np.ones(12)), 11 if weighted else 12
    L = ju.log_likelihood(linear, Y, START, weights=weights)
    expected = log_normal(Y[:counted], (X @ SOME)[:counted], 0.3 * spread[:counted])
    assert L.names[-1] == "noise"
    assert float(L(named(SOME) | {"noise": 0.3})) == pytest.approx(expected, rel=1e-13)
    x = np.append(SOME, np.log(0.3))
    assert float(L.log_density(x)) == pytest.approx(expected + np.log(0.3), rel=1e-13)
    r = ((Y - X @ [0, 0, 0.3]) / spread)[:counted]
    assert L.start[-1] == pytest.approx(np.log(np.sqrt(np.mean(r**2))), rel=1e-13)


def test_several_sets_under_jit_and_vmap():
    """The sum over the sets, a map among them, each with its sigma."""
    data = {"curve": Y[:4], "map": Y[4:].reshape(2, 4)}
    sigma = {"curve": 0.5, "map": SIGMA[4:].reshape(2, 4)}
    model = lambda p: {"curve": linear(p)[:4], "map": linear(p)[4:].reshape(2, 4)}  # noqa: E731
    L = ju.log_likelihood(model, data, START, sigma)
    expected = log_normal(Y, X @ SOME, np.append(np.full(4, 0.5), SIGMA[4:]))
    both = jax.jit(jax.vmap(lambda x: L(named(x))))(jnp.stack([SOME, 2 * SOME]))
    assert float(both[0]) == pytest.approx(expected, rel=1e-13)
    assert float(both[1]) == pytest.approx(float(L(named(2 * SOME))), rel=1e-13)


# --- what fails ---------------------------------------------------------------------------------------


def failing(error):
    def model(p):
        if float(jax.lax.stop_gradient(p["c"])) > 1.0:
            raise error
        return linear(p)

    return model


@pytest.mark.parametrize("error", [ju.SolveError("no branch"), ju.StabilityError("unstable"), ValueError("bad")])
def test_no_solution_is_impossible(error):
    """Minus infinity, whose slope is zero, and as before elsewhere; at the start it is raised."""
    L, plain = (ju.log_likelihood(model, Y, START, SIGMA) for model in (failing(error), linear))
    there = np.array([0.0, 0.0, 1.5])
    assert float(L.log_density(there)) == -np.inf
    np.testing.assert_array_equal(jax.grad(L.log_density)(there), 0.0)
    np.testing.assert_array_equal(jax.grad(L.log_density)(SOME), jax.grad(plain.log_density)(SOME))
    with pytest.raises(type(error), match=rf"the sampler cannot start at a\[0\] = 0, a\[1\] = 0, c = 2: {error}"):
        ju.log_likelihood(failing(error), Y, START | {"c": 2.0}, SIGMA)


def test_what_is_not_finite_is_impossible_inside_programs():
    L = ju.log_likelihood(lambda p: linear(p) * jnp.sqrt(1 - p["c"]), Y, START, SIGMA)
    assert float(jax.jit(L)(named(np.array([0.0, 0.0, 1.5])))) == -np.inf
    assert np.isfinite(float(jax.jit(L)(named(SOME))))
    with pytest.raises(ValueError, match=r"cannot start at .* c = 2: the model returned values that are not finite"):
        ju.log_likelihood(lambda p: linear(p) * jnp.sqrt(1 - p["c"]), Y, START | {"c": 2.0}, SIGMA)


def test_a_mistake_is_no_failed_solve():
    """A model that cannot be traced, parameters of another structure, a program that cannot be."""

    def not_for_programs(p):
        ju.above(p["c"])
        return linear(p)

    L = ju.log_likelihood(not_for_programs, Y, START, SIGMA)
    for transformed in (jax.grad, jax.jit):
        with pytest.raises(ju.NotDifferentiableError):
            transformed(L.log_density)(jnp.asarray(SOME))
    with pytest.raises(ju.StructureError, match="expected"):
        L({"a": np.zeros(2)})
    with pytest.raises(ju.StructureError, match="expected"):
        L({"a": np.zeros(3), "c": 0.0})
    raises = ju.log_likelihood(failing(ju.SolveError("never")), Y, START, SIGMA)
    with pytest.raises(jax.errors.ConcretizationTypeError):
        jax.jit(raises.log_density)(jnp.asarray(SOME))
    with pytest.raises(ValueError, match="name that parameter otherwise"):
        ju.log_likelihood(lambda p: p["noise"] * X[:, 0], Y, {"noise": 1.0})


def test_errors_while_a_program_is_traced_are_raised():
    """They say nothing of the numbers to come."""
    L = ju.log_likelihood(linear, Y, START, SIGMA)
    object.__setattr__(L, "model", lambda p: (_ for _ in ()).throw(ValueError("cannot be traced")))
    assert float(L(named(SOME))) == -np.inf
    with pytest.raises(ValueError, match="cannot be traced"):
        jax.jit(L)(named(SOME))


# --- samplers -----------------------------------------------------------------------------------------


def test_chains_of_a_sampler():
    """Mean and covariance of the linear model from 2000 samples: each known to a few per cent of its error."""
    blackjax = pytest.importorskip("blackjax")
    L = ju.log_likelihood(linear, Y, START, SIGMA)
    kernel = blackjax.nuts(L.log_density, 0.4, jnp.ones(3))

    @jax.jit
    def chain(keys):
        step = lambda state, key: (kernel.step(key, state)[0],) * 2  # noqa: E731
        return jax.lax.scan(step, kernel.init(jnp.asarray(L.start)), keys)[1].position

    found = np.asarray(chain(jax.random.split(jax.random.key(0), 2200)))[200:]
    covariance = np.linalg.inv(X.T @ (X / SIGMA[:, None] ** 2))
    errors = np.sqrt(np.diag(covariance))
    mean = covariance @ (X.T @ (Y / SIGMA**2))
    np.testing.assert_allclose((found.mean(axis=0) - mean) / errors, 0.0, atol=0.12)
    np.testing.assert_allclose(
        np.cov(found.T) / np.outer(errors, errors), covariance / np.outer(errors, errors), atol=0.15
    )
