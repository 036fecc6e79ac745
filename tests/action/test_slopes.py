"""Slopes in the pairing of the trace against JAX's gradients of the same densities, for every term with gradients."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.action.matrices import products
from jusadel.action.matrices.own_rules.slopes import slopes_of
from jusadel.action.terms import TERMS, density
from jusadel.device.material.material import SHAPES

WITH_GRADIENTS = tuple(t for t in TERMS if t.sampled in ("corners", "middle"))
DRAW = np.random.default_rng(7).normal
FIELDS = SimpleNamespace(D=np.diag([1.2, 0.7]), **{t.field: DRAW(size=SHAPES[t.field]) for t in WITH_GRADIENTS})


def matrices(kind, seed=0):
    """G, Dx G and Dy G, (4, 4, 3) each, no special ones."""
    found = np.random.default_rng(seed).normal(size=(2, 3, 4, 4, 3))
    return tuple(found[0] + 1j * found[1]) if kind is complex else tuple(found[0])


def energies(*G):
    """Of each term."""
    return [density((t,), G[0], G[1:], FIELDS, 0.7) for t in WITH_GRADIENTS]


def test_slopes_are_transposed_gradients():
    """Of complex matrices, and so are their derivatives along a direction."""
    G, along = matrices(complex), matrices(complex, seed=1)

    def slopes(*G):
        return [slopes_of(lambda *g, k=k: energies(*g)[k], *G) for k in range(len(WITH_GRADIENTS))]

    def transposed_gradients(*G):
        total = lambda k: lambda *g: jnp.sum(energies(*g)[k])  # noqa: E731
        each = (jax.grad(total(k), argnums=(0, 1, 2), holomorphic=True) for k in range(len(WITH_GRADIENTS)))
        return [[jnp.swapaxes(x, 0, 1) for x in f(*G)] for f in each]

    found, expected = (
        jax.jit(lambda *x, f=f: jax.jvp(f, x[:3], x[3:]))(*G, *along) for f in (slopes, transposed_gradients)
    )
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-13 * max(np.abs(b).max(), 1))
    assert all(max(np.abs(x).max() for x in of_term) > 0.01 for of_term in expected[1])


def test_what_is_followed_adds_up():
    """Constant maps, sums, differences and numbers beside matrices, and a matrix that is met on two ways."""
    a, b, _ = matrices(float)
    constant = DRAW(size=(4, 4, 4, 4))

    def energy(a, b):
        c = 2.0 * products.recombined(constant, a) - products.product(a, b) + np.eye(4)[..., None]
        return -(products.trace_of_product(c, products.anticommutator(c, b)) * 0.5) - products.trace_of_product(a, b)

    with_arrays = lambda a, b: jnp.sum(energy(a, b))  # noqa: E731
    expected = jax.grad(with_arrays, argnums=(0, 1))(jnp.asarray(a), jnp.asarray(b))
    for x, y in zip(slopes_of(energy, jnp.asarray(a), jnp.asarray(b)), expected, strict=True):
        np.testing.assert_allclose(x, jnp.swapaxes(y, 0, 1), atol=1e-12 * np.abs(y).max())


def test_what_does_not_stand_in_an_energy_has_no_slope():
    a, b, _ = matrices(float)
    found = slopes_of(lambda a, b: products.trace_of_product(a, a), a, b)
    np.testing.assert_allclose(found[0], 2 * a)
    np.testing.assert_array_equal(found[1], np.zeros_like(b))
