"""Gradients through homogeneous films: states, transition and depairing currents, against differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jusadel as ju

VALUES = {
    "D": np.array([[1.2, 0.2], [0.2, 0.9]]),
    "h": np.array([0.1, 0.4, 0.0]),
    "Gamma": np.diag([0.3, 0.2, 0.25]),
    "gamma": np.asarray(ju.rashba(0.3)),
    "spin_field": np.asarray(ju.rashba(0.2)),
    "Tc": np.array(1.1),
    "nu": np.array(1.3),
    "T": np.array(0.4),
    "q": np.array([0.2, -0.1]),
}
MATERIAL = ("D", "h", "Gamma", "gamma", "spin_field", "Tc", "nu")


def film(p):
    return ju.Material(**{name: p[name] for name in MATERIAL})


def state(p):
    found = ju.film_state(film(p), p["T"], p["q"], frequencies=5)
    return jnp.stack([found.Delta, found.free_energy, *found.current, *found.spin])


def transition(p):
    return jnp.stack([jnp.asarray(ju.film_critical_temperature(film(p), q)) for q in (p["q"], None)])


CASES = {"state": state, "transition": transition}


@pytest.fixture(scope="module")
def gradients():
    return {}


def gradient(known, case):
    if case not in known:
        known[case] = jax.tree.map(np.asarray, jax.jacrev(CASES[case])(jax.tree.map(jnp.asarray, VALUES)))
    return known[case]


def along(name):
    direction = np.random.default_rng(sum(map(ord, name))).normal(size=VALUES[name].shape)
    return direction + direction.T if name in ("D", "Gamma") else direction


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("case", CASES)
def test_gradients(gradients, case, name):
    f, step = CASES[case], 1e-3
    if (case, name) == ("transition", "T"):
        pytest.skip("a transition has no temperature of its own")
    at = {k: np.asarray(f(VALUES | {name: VALUES[name] + k * step * along(name)})) for k in (-2, -1, 1, 2)}
    expected = (8 * (at[1] - at[-1]) - (at[2] - at[-2])) / (12 * step)
    found = np.tensordot(gradient(gradients, case)[name], along(name), VALUES[name].ndim)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6 * max(np.abs(expected).max(), 1e-3))


@pytest.mark.parametrize("case", CASES)
def test_forward_and_reverse_agree(gradients, case):
    at, directions = jax.tree.map(jnp.asarray, VALUES), {name: along(name) for name in VALUES}
    forward = np.asarray(jax.jvp(CASES[case], (at,), (directions,))[1])
    reverse = sum(np.tensordot(gradient(gradients, case)[name], directions[name], VALUES[name].ndim) for name in VALUES)
    np.testing.assert_allclose(reverse, forward, rtol=1e-10, atol=1e-11)


def test_a_transition_inside_jit_and_vmap():
    """The same numbers and gradients; NaN of a number that is none, 0 where nothing is superconducting."""
    f = lambda Gamma: ju.film_critical_temperature(ju.Material(Tc=1.0, magnetic_Gamma=Gamma), (0.1, 0.0))  # noqa: E731
    Gamma = np.array([0.3, 0.6])
    found = jax.vmap(jax.jit(jax.value_and_grad(f)))(Gamma)
    for k in range(2):
        np.testing.assert_allclose([x[k] for x in found], jax.value_and_grad(f)(Gamma[k]), rtol=1e-10)
    assert np.isnan(jax.jit(f)(np.nan))
    np.testing.assert_array_equal(jax.jit(jax.value_and_grad(f))(9.0), [0, 0])


def test_a_state_inside_jit_and_vmap():
    f = lambda h: ju.film_state(ju.Material(Tc=1.0, h=(0, 0, h)), 0.4, frequencies=12).Delta  # noqa: E731
    h = np.array([0.1, 0.3, 2.0])
    found = jax.vmap(jax.jit(jax.value_and_grad(f)))(h)
    expected = [jax.value_and_grad(f)(x) for x in h]
    np.testing.assert_allclose(np.stack(found, axis=1), np.array(expected, float), rtol=1e-10, atol=1e-12)
    assert found[0][2] == found[1][2] == 0  # normal
    assert np.isnan(jax.jit(f)(np.nan))


def test_gap_of_temperature():
    """Of a film without pair breaking it is the bulk gap."""
    plain = VALUES | {"h": np.zeros(3), "gamma": np.zeros((3, 2)), "spin_field": np.zeros((3, 2)), "q": np.zeros(2)}
    at = np.array([0.4, 0.9])
    slope = jax.jacrev(lambda T: ju.gap_of_temperature(film(plain), T, frequencies=80))(jnp.asarray(at))
    np.testing.assert_allclose(np.diag(slope), [float(jax.grad(ju.bulk_gap)(T, 1.1)) for T in at], rtol=1e-6)


def depairing(x):
    """Both currents, where they flow, and where none does, of a field along y and a temperature."""
    film = ju.Material(Tc=1.0, h=jnp.array([0.0, 1.0, 0.0]) * x[0], gamma=ju.rashba(0.3))
    found = ju.depairing_current(film, x[1], (1.0, 0.3), frequencies=4, samples=13)
    return jnp.stack([found.plus, found.minus, found.q_plus, found.q_minus, found.q0])


@pytest.mark.slow
def test_depairing_currents():
    """Forward and reverse. Third derivatives of the density: minutes of compilation."""
    at, step = np.array([0.4, 0.45]), 1e-3
    forward, reverse = (np.asarray(by(depairing)(jnp.asarray(at))) for by in (jax.jacfwd, jax.jacrev))
    np.testing.assert_allclose(reverse, forward, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(jax.jit(jax.jacrev(depairing))(at), forward, rtol=1e-9, atol=1e-12)
    for k, along in enumerate(np.eye(2)):
        moved = {s: np.asarray(depairing(at + s * step * along)) for s in (-2, -1, 1, 2)}
        expected = (8 * (moved[1] - moved[-1]) - (moved[2] - moved[-2])) / (12 * step)
        np.testing.assert_allclose(forward[:, k], expected, rtol=1e-6, atol=1e-8)
