"""The batched, matrix-free gradient and Hessian product against jax.hessian of the plain action, to 1e-10."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from random_device import ALL, EVERY, dense, frames, make, small_mesh, vector_potential

import jusadel as ju
from jusadel.action import block_hessian, matrix_free as lifted
from jusadel.action.matrices import neighbours, node_matrices, products, triangles
from jusadel.action.matrices.carrying import merged, parts_of
from jusadel.action.nambu.frames import inverse

OMEGA = np.array([0.8, 0.3, 1.7])
LEFT_OUT = {
    "every term": (),
    "no links": ("spin_field",),
    "no gamma, theta, kappa, links": ("spin_field", "gamma", "theta", "kappa"),
    "links only": ("gamma", "theta", "kappa"),
}


def system_without(names):
    given = {region: {k: v for k, v in fields.items() if k not in names} for region, fields in ALL.items()}
    A = None if "spin_field" in names else vector_potential
    return make(small_mesh(), given, A=A, boundaries={"left": ju.Reservoir(1.0)})


@jax.jit
def gradient_and_product(action, V, omega, x):
    hessian = lifted.matrix_free_hessian(action, V, omega)
    return hessian.residual, hessian.apply(x)


def batched(kind):
    """Different frames for each of three frequencies, (n, 4, 4, 3), and steps (n, 8, 3)."""
    V = frames(small_mesh(), kind)
    rng = np.random.default_rng(8)
    turned = [V + 0.1 * rng.normal(size=V.shape) for _ in OMEGA]
    x = rng.normal(size=(len(V), 8, 3)) + (1j * rng.normal(size=(len(V), 8, 3)) if kind is complex else 0)
    return jnp.stack(turned, axis=-1), jnp.asarray(x)


@pytest.mark.parametrize("kind", [float, complex], ids=["Matsubara", "real energies"])
@pytest.mark.parametrize("case", LEFT_OUT)
def test_product_is_that_of_the_dense_hessian(case, kind):
    system = system_without(LEFT_OUT[case])
    V, x = batched(kind)
    omega = jnp.asarray(OMEGA) if kind is float else jnp.asarray(0.1 - 1j * OMEGA)
    residual, product = gradient_and_product(lifted.lift(system), V, omega, x)
    free = np.asarray(system.free)[:, None]
    for k in range(3):
        slope, hessian = (np.asarray(a) for a in dense(system, V[..., k], omega[k]))
        expected = np.where(free, (hessian @ np.where(free, x[..., k], 0).ravel()).reshape(-1, 8), 0)
        assert np.abs(product[..., k] - expected).max() < 1e-10 * np.abs(expected).max()
        assert np.abs(residual[..., k] - np.where(free, slope, 0)).max() < 1e-10 * np.abs(slope).max()


def test_product_with_the_terms_of_magnets():
    """And the Hessian's blocks, as test_mesh_action has them."""
    system = make(small_mesh(), EVERY, A=vector_potential, boundaries={"left": ju.Reservoir(1.0)})
    V, x = batched(float)
    _, product = gradient_and_product(lifted.lift(system), V[..., :1], jnp.asarray(OMEGA[:1]), x[..., :1])
    free = np.asarray(system.free)[:, None]
    _, hessian = (np.asarray(a) for a in dense(system, V[..., 0], OMEGA[0]))
    expected = np.where(free, (hessian @ np.where(free, x[..., 0], 0).ravel()).reshape(-1, 8), 0)
    assert np.abs(product[..., 0] - expected).max() < 1e-10 * np.abs(expected).max()


def test_blocks_of_several_frequencies_are_those_of_each():
    """Assembled for all frequencies at once, against one after the other."""
    action = lifted.lift(system_without(()))
    V, omega = jnp.moveaxis(batched(float)[0], -1, 0), jnp.asarray(OMEGA)
    of = lambda v, w: block_hessian.hessian_blocks(action, v, lifted.slope_and_curvature(action, v, w)[1], w).blocks  # noqa: E731
    together = of(V, omega)
    for k in range(len(omega)):
        alone = of(V[k : k + 1], omega[k : k + 1])[..., 0]
        np.testing.assert_allclose(together[..., k], alone, atol=1e-12 * np.abs(alone).max())


def test_blocks_of_triangles_change_nothing(monkeypatch):
    """Small blocks, the last of them filled up with triangles of no weight."""
    system = system_without(())
    V, x = batched(float)
    whole = gradient_and_product(lifted.lift(system), V, jnp.asarray(OMEGA), x)
    monkeypatch.setattr(triangles, "TRIANGLES", 5)
    monkeypatch.setattr(neighbours, "BLOCK", 5)
    in_blocks = lifted.lift(system)
    assert in_blocks.blocks.triangles.shape[0] > 3
    assert in_blocks.blocks.triangles.size > system.triangles.size
    for a, b in zip(whole, gradient_and_product(in_blocks, V, jnp.asarray(OMEGA), x), strict=True):
        np.testing.assert_allclose(b, a, atol=1e-12 * np.abs(a).max())


def test_single_precision_follows_double():
    system = system_without(())
    V, x = batched(float)
    double = lifted.lift(system)
    single = lifted.cast(double, jnp.float32)
    exact = gradient_and_product(double, V, jnp.asarray(OMEGA), x)
    rough = gradient_and_product(single, *(jnp.asarray(a, jnp.float32) for a in (V, OMEGA, x)))
    for a, b in zip(exact, rough, strict=True):
        assert b.dtype == jnp.float32
        assert np.abs(a - b).max() < 1e-4 * np.abs(a).max()


def test_product_is_vmapped_over_parameters():
    """The exchange field as one more axis, as a sweep has it."""
    action = lifted.lift(system_without(()))
    V, x = batched(float)

    def scaled(factor):
        nodes = action.system.nodes
        fields = nodes.fields | {"h": factor * nodes.fields["h"]}
        changed = replace(action, system=replace(action.system, nodes=replace(nodes, fields=fields)))
        hessian = lifted.matrix_free_hessian(changed, V, jnp.asarray(OMEGA))
        return hessian.residual, hessian.apply(x)

    factors = jnp.array([0.0, 2.0])
    together, alone = jax.jit(jax.vmap(scaled))(factors), jax.jit(scaled)
    for k, factor in enumerate(factors):
        for found, expected in zip(together, alone(factor), strict=True):
            np.testing.assert_allclose(found[k], expected, atol=1e-12 * np.abs(expected).max())


@pytest.mark.usefixtures("both_forms")
def test_sums_over_tangents():
    rng = np.random.default_rng(9)
    patterns, x, Z = rng.normal(size=(2, 4, 4, 8)), rng.normal(size=(5, 8, 3)), rng.normal(size=(2, 5, 4, 4, 3))
    expected = np.einsum("ija,naw->nijw", patterns[0], x)
    np.testing.assert_allclose(node_matrices.generated(patterns[0], jnp.asarray(x)), expected, atol=1e-13)
    found = node_matrices.traces(*zip(patterns, jnp.asarray(Z), strict=True))
    np.testing.assert_allclose(found, np.einsum("pija,pnjiw->naw", patterns, Z), atol=1e-13)


def test_absent_terms_cost_nothing():
    bare = lifted.lift(system_without(LEFT_OUT["no gamma, theta, kappa, links"]))
    assert not bare.near.weights.turns
    assert bare.blocks is None
    assert not bare.near.fields
    full = lifted.lift(system_without(LEFT_OUT["no links"]))
    assert full.near.fields
    assert full.blocks is not None


@pytest.mark.parametrize("kind", [float, complex])
def test_inverse_in_closed_form(kind):
    V, _ = batched(kind)
    expected = np.moveaxis(np.asarray(inverse(jnp.moveaxis(V, -1, 0))), 0, -1)
    np.testing.assert_allclose(node_matrices.inverse_of_frames(V), expected, atol=1e-12 * np.abs(expected).max())
    unity = node_matrices.product(V, node_matrices.inverse_of_frames(V))
    np.testing.assert_allclose(unity, np.broadcast_to(np.eye(4)[None, :, :, None], unity.shape), atol=1e-12)


@pytest.mark.parametrize("places", ["neighbours", "triangles", "pairs"])
def test_sums_written_out_are_those_of_library_calls(places, monkeypatch):
    """What links carry, as large meshes have it, against the form that is soon compiled."""
    action = lifted.lift(system_without(()))
    near, block = action.near, jax.tree.map(lambda x: x[0], action.blocks)
    X = jnp.asarray(np.random.default_rng(3).normal(size=(near.nodes, len(near.fields), 4, 4, 1)))

    def everything():
        if places == "neighbours":
            return neighbours.weighted_sums(near, X[:, 0]), neighbours.sums_back(near, tuple(jnp.moveaxis(X, 1, 0)))
        if places == "triangles":
            there = triangles.in_block_of_triangles(block, parts_of(block.links, X[:, 0]))
            return there, triangles.given_to_corners(block, there)
        T = jnp.stack([X[:, 0] + a for a in range(8)], axis=3)
        here = [T[: near.index.shape[1]] + c for c in range(1 + len(near.fields))]
        components = merged(near.weights, parts_of(near.weights, T.reshape(*T.shape[:3], -1)))
        return block_hessian.across_pairs(jax.tree.map(lambda x: x[0], near), here, components)

    soon = jax.jit(everything)()
    monkeypatch.setattr(products, "FEW", 0)
    for a, b in zip(jax.tree.leaves(soon), jax.tree.leaves(jax.jit(lambda: everything())()), strict=True):
        assert np.abs(a).max() > 0.1
        np.testing.assert_allclose(b, a, atol=1e-13 * np.abs(a).max())
