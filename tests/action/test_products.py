"""Products of products whose axes come first: values, derivatives, batches, and that storing changes nothing."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jusadel.action.matrices import products, spins
from jusadel.action.matrices.padded_rows import padded
from jusadel.action.nambu import constants

LEVI_CIVITA = np.array([[[(i - j) * (j - k) * (k - i) / 2 for k in range(3)] for j in range(3)] for i in range(3)])
OPERATIONS = {
    "product": lambda a, b: a @ b,
    "commutator": lambda a, b: a @ b - b @ a,
    "anticommutator": lambda a, b: a @ b + b @ a,
}


def draw(seed, *shape, kind=float):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=shape)
    return values + 1j * rng.normal(size=shape) if kind is complex else values


def last(a):
    """Matrix axes behind the others, for numpy."""
    return np.moveaxis(np.asarray(a), (0, 1), (-2, -1))


@pytest.mark.parametrize("kind", [float, complex])
@pytest.mark.parametrize("n", [4, 8])
@pytest.mark.parametrize("name", OPERATIONS)
def test_products_are_those_of_numpy(name, n, kind):
    a, b = draw(0, n, n, 3, kind=kind), draw(1, n, n, 3, kind=kind)
    np.testing.assert_allclose(last(getattr(products, name)(a, b)), OPERATIONS[name](last(a), last(b)), atol=1e-13)
    one = draw(2, n, n, 1, kind=kind)
    np.testing.assert_allclose(last(getattr(products, name)(one, b)), OPERATIONS[name](last(one), last(b)), atol=1e-13)


@pytest.mark.usefixtures("both_forms")
def test_products_in_programs():
    """With the matrix axes in front and behind."""
    a, b = draw(15, 4, 4, 3), draw(16, 4, 4, 3)
    basis = draw(17, 4, 4, 4, 4)
    both = lambda f, axis: jax.jit(jax.vmap(f, axis, axis))(*(np.moveaxis(x, -1, axis) for x in (a, b)))  # noqa: E731
    for axis in (0, 2):
        for name in OPERATIONS:
            found = np.moveaxis(both(getattr(products, name), axis), axis, 0)
            np.testing.assert_allclose(found, OPERATIONS[name](last(a), last(b)), atol=1e-13)
        found = np.moveaxis(both(lambda x, y: products.recombined(basis, x) + y, axis), axis, -1)
        np.testing.assert_allclose(found, np.einsum("ijkl,klp->ijp", basis, a) + b, atol=1e-13)


@pytest.mark.parametrize("name", OPERATIONS)
def test_derivatives_are_those_of_plain_products(name):
    """Gradient, directional derivative of the gradient, and the gradient of that, in both arguments."""

    def function(product):
        def value(a, b):
            c = product(product(a, b), a)
            return jnp.sum(jnp.sin(c) * product(b, c))

        return value

    plain = function(lambda a, b: jnp.moveaxis(OPERATIONS[name](*(jnp.moveaxis(x, -1, 0) for x in (a, b))), 0, -1))
    ours = function(getattr(products, name))
    a, b = draw(3, 4, 4, 2) / 2, draw(4, 4, 4, 2) / 2
    along = (draw(5, 4, 4, 2), draw(6, 4, 4, 2))

    def second(f):
        gradient = jax.grad(f, argnums=(0, 1))
        return jax.jvp(gradient, (a, b), along)

    def third(f):
        return jax.grad(lambda a, b: jax.jvp(jax.grad(f), (a, b), along)[1].sum(), argnums=(0, 1))(a, b)

    for derivative in (second, third):
        expected, found = (jax.tree.leaves(derivative(f)) for f in (plain, ours))
        for x, y in zip(expected, found, strict=True):
            np.testing.assert_allclose(y, x, rtol=1e-10, atol=1e-10 * np.abs(x).max())


@pytest.mark.parametrize("axes", [(0, 0), (2, None), (None, 1), (1, 2)])
def test_batches_along_any_axis(axes):
    shapes = [(4, 4, 3) if k is None else tuple(np.insert([4, 4, 3], k, 5)) for k in axes]
    a, b = draw(7, *shapes[0]), draw(8, *shapes[1])
    found = jax.vmap(products.commutator, axes)(a, b)
    pick = lambda x, k, m: x if k is None else np.take(x, m, axis=k)  # noqa: E731
    for m in range(5):
        expected = products.commutator(pick(a, axes[0], m), pick(b, axes[1], m))
        np.testing.assert_allclose(found[m], expected, atol=1e-14)


@pytest.mark.parametrize("first", [1.0, np.nan, np.inf, -0.0])
def test_storing_changes_nothing(first):
    x = jnp.asarray(draw(9, 3, 5)).at[0, 0].set(first)
    stored = jax.jit(lambda x: products.materialise(2 * x))
    np.testing.assert_array_equal(stored(x), 2 * x)
    np.testing.assert_array_equal(jax.jit(jax.vmap(products.materialise))(x), x)
    assert products.materialise(jnp.zeros((0, 3))).shape == (0, 3)
    np.testing.assert_array_equal(jax.grad(lambda x: products.materialise(x)[1].sum())(x)[1], 1)


@pytest.mark.parametrize("n", [4, 8])
def test_spin_matrices_from_both_sides(n):
    L, _ = constants(n)
    G, weights = draw(10, n, n, 3), draw(11, 3, 3)
    g = last(G)
    expected = sum(weights[i, j] * L[i] @ g @ L[j] for i in range(3) for j in range(3))
    np.testing.assert_allclose(last(spins.between_spins(weights, G)), expected, atol=1e-13)
    traces = np.trace(expected @ g, axis1=-2, axis2=-1)
    np.testing.assert_allclose(spins.trace_between_spins(weights, G), traces, atol=1e-12)
    np.testing.assert_allclose(spins.weighted_spin(weights[0], G)[..., 0], np.tensordot(weights[0], L, 1), atol=1e-14)


@pytest.mark.parametrize("n", [4, 8])
def test_spin_conjugate_turns_the_triplets_and_serves_the_spin_galvanic_sandwich(n):
    L, _ = constants(n)
    G, gamma = draw(13, n, n, 2), draw(14, 3)
    g, turned = last(G), last(spins.spin_conjugate(G))
    singlet = (g - sum(L[k] @ g @ L[k] for k in range(3))) / 4
    np.testing.assert_allclose(turned, 2 * singlet - g, atol=1e-14)
    for k in range(3):
        np.testing.assert_allclose(singlet @ L[k], L[k] @ singlet, atol=1e-14)
    weights = np.einsum("ijl,l->ij", LEVI_CIVITA, gamma)
    spin_of = np.tensordot(gamma, L, 1)
    np.testing.assert_allclose(last(spins.between_spins(weights, G)), -spin_of @ turned - turned @ spin_of, atol=1e-13)


@pytest.mark.usefixtures("both_forms")
def test_padded_rows_multiply_like_the_matrix():
    import scipy.sparse as sp

    matrix = sp.random(17, 11, density=0.2, random_state=0, format="csr")
    matrix = sp.vstack([matrix, sp.csr_matrix((1, 11))])  # an empty row
    x = draw(12, 11, 4, 3)
    np.testing.assert_allclose(padded(matrix) @ jnp.asarray(x), np.tensordot(matrix.toarray(), x, 1), atol=1e-14)
    assert (padded(sp.csr_matrix((3, 5))) @ jnp.ones((5, 2))).tolist() == [[0.0, 0.0]] * 3
