"""Functions called back as a whole inside programs: values, derivatives and failures of a root known exactly."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jusadel as ju
from jusadel.common.errors import SolveError
from jusadel.solver.derivatives.tracing import still
from jusadel.solver.derivatives.whole import called_whole


def root(given):
    """x = sqrt(a + b_1) and z = (a + i b_0) x; none where x^2 < 0."""
    numbers, word = given
    a, b = numbers["a"], numbers["b"]
    assert word == "floating"
    square = a + b[1]
    if not still(square) > 0:
        raise SolveError("no root")
    x = jnp.sqrt(square)
    return {"x": x, "z": jnp.stack([(a + 1j * b[0]) * x])}


def called(a, b):
    like = {"x": np.zeros(()), "z": np.zeros(1, complex)}
    found = called_whole("root", root, ({"a": a, "b": b}, "floating"), like)
    return jnp.stack([found["x"], found["z"][0].real, found["z"][0].imag])


A, B = 0.7, np.array([0.4, 0.9])
X = np.sqrt(A + B[1])
VALUES = np.array([X, A * X, B[0] * X])
SLOPES = np.array(
    [
        [1 / (2 * X), 0, 1 / (2 * X)],
        [X + A / (2 * X), 0, A / (2 * X)],
        [B[0] / (2 * X), X, B[0] / (2 * X)],
    ]
)
"""With respect to a, b_0 and b_1."""


@pytest.mark.parametrize("by", [jax.jacrev, jax.jacfwd])
def test_values_and_derivatives(by):
    np.testing.assert_allclose(jax.jit(called)(A, B), VALUES, rtol=1e-14)
    for way in (jax.jit(by(called, (0, 1))), by(jax.jit(called), (0, 1))):
        np.testing.assert_allclose(np.column_stack(way(A, jnp.asarray(B))), SLOPES, rtol=1e-13, atol=1e-14)


def test_one_number_alone_may_move():
    found = jax.jit(jax.grad(lambda a, b: called(a, b)[1]))(A, jnp.asarray(B))
    assert float(found) == pytest.approx(SLOPES[1, 0], rel=1e-13)


def test_many_at_once_and_those_that_fail():
    """A failure is NaN, in its derivative too, and nothing else is."""
    many = jnp.array([0.7, -2.0, 1.1])
    for function in (called, lambda a, b: jax.grad(lambda a: called(a, b)[0])(a)):
        found = np.asarray(jax.jit(jax.vmap(function, (0, None)))(many, B))
        assert np.isnan(found[1]).all()
        assert np.isfinite(found[[0, 2]]).all()
    np.testing.assert_allclose(found[2], 1 / (2 * np.sqrt(2.0)), rtol=1e-13)


def test_a_second_derivative_is_refused():
    with pytest.raises(ju.NotDifferentiableError, match="root has first derivatives only inside"):
        jax.jit(jax.grad(jax.grad(lambda a: called(a, B)[0])))(A)
