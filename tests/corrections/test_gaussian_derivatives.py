"""Derivatives of the eigenvalues of fluctuations, against closed forms and central differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import digamma, polygamma

import jusadel as ju

pytestmark = pytest.mark.filterwarnings("ignore:the mesh is too coarse:jusadel.CoarseMeshWarning")

T = 1.2
NAMES = ("D", "Tc", "h", "Gamma", "rashba", "B", "conductance", "T")
AT = jnp.array([1.0, 1.0, 0.4, 0.5, 0.3, 0.5, 0.7, T])


@pytest.fixture(scope="module")
def mesh():
    return ju.rectangle(1.5, 0.75, 0.75)


@pytest.fixture(scope="module")
def lowest(mesh):
    """Three eigenvalues at a frequency of pairs, of a sample with everything, as a function of numbers."""

    def values(p):
        D, Tc, h, Gamma, rashba, B, conductance, temperature = p
        metal = ju.Material(D=D, Tc=Tc, h=(0.0, h, 0.3), Gamma=Gamma, spin_field=rashba * ju.rashba(1.0))
        ends = {"left": ju.Reservoir(0.0), "right": ju.Tunnel(ju.Reservoir(0.0), conductance)}
        device = ju.Device(mesh=mesh, materials=metal, boundaries=ends, vector_potential=ju.uniform_field(B))
        return ju.fluctuation_eigenvalues(device, temperature, 0.3, modes=3)

    return values


@pytest.fixture(scope="module")
def slopes(lowest):
    return np.asarray(jax.jacrev(lowest)(AT))


@pytest.mark.parametrize("k", range(len(NAMES)), ids=NAMES)
def test_gradients_are_those_of_differences(lowest, slopes, k):
    step = 1e-4 * np.eye(len(NAMES))[k]
    differences = (np.asarray(lowest(np.asarray(AT) + step)) - lowest(np.asarray(AT) - step)) / 2e-4
    assert abs(differences).max() > 1e-4
    np.testing.assert_allclose(slopes[:, k], differences, rtol=1e-5, atol=1e-7)


def test_tangents_are_those_of_gradients(lowest, slopes):
    along = np.linspace(-1.0, 1.0, len(NAMES))
    np.testing.assert_allclose(jax.jvp(lowest, (AT,), (jnp.asarray(along),))[1], slopes @ along, rtol=1e-9)


def test_depairing_and_the_nodes_of_the_mesh(mesh):
    """Abrikosov and Gorkov's digamma function, and a wire between contacts: lambda goes with the inverse square."""

    def of(rate, stretch):
        points, tree = jax.tree.flatten(mesh)
        stretched = jax.tree.unflatten(tree, [stretch * points[0]])
        metal = ju.Material(D=1.0, Tc=1.0, depairing=rate)
        ends = {"left": ju.Reservoir(0.0), "right": ju.Reservoir(0.0)}
        device = ju.Device(mesh=stretched, materials=metal, boundaries=ends)
        return ju.fluctuation_eigenvalues(device, T, modes=1)[0]

    value, found = jax.value_and_grad(of, argnums=(0, 1))(0.4, 1.0)
    y = float(_argument(value))
    slope = polygamma(1, y) / (2 * np.pi * T)
    assert found[0] == pytest.approx(slope, rel=1e-4)
    assert found[1] == pytest.approx(-2 * slope * (2 * np.pi * T * (y - 0.5) - 0.4), rel=1e-4)


def _argument(value):
    """y of ln T + psi(y) - psi(1/2) = value."""
    return brentq(lambda y: np.log(T) + digamma(y) - digamma(0.5) - float(value), 0.5, 20)


def test_second_derivatives_are_refused(lowest):
    with pytest.raises(ju.NotDifferentiableError, match="fluctuation_eigenvalues has first derivatives only"):
        jax.jacfwd(jax.grad(lambda p: lowest(p)[0]))(AT)


def test_the_frequency_of_pairs_is_no_variable(mesh):
    device = ju.Device(mesh=mesh, materials=ju.Material(D=1.0, Tc=1.0))
    with pytest.raises(
        ju.NotDifferentiableError, match=r"not with Omega traced by JAX; at Omega = 0 they are the `times`"
    ):
        jax.grad(lambda x: ju.fluctuation_eigenvalues(device, T, x)[0])(0.3)
