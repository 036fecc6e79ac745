"""Gradients through `solve_screened` of thin films: moments, fluxes, energies, against differences and identities."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jusadel as ju
from jusadel.studies.screening.thin_film import induction

pytestmark = [pytest.mark.filterwarnings("ignore:the mesh is too coarse")]

T = 0.5
MESH = ju.ring(0.7, 1.6, 0.8)
SHEAR = np.array([[0.0, -0.3], [0.5, 0.2]])
VALUES = {
    "D": np.array(1.2),
    "Tc": np.array(1.1),
    "h": np.array([0.0, 0.2, 0.1]),
    "T": np.array(T),
    "H": np.array(0.2),
    "permeability": np.array(2.0),
    "thickness": np.array(0.05),
}
WEIGHTS = np.random.default_rng(3).normal(size=6)
START = {}


def applied(H):
    """A field that varies, of which only H is traced."""
    return lambda p: H * (p @ SHEAR.T + 0.1 * jnp.stack([0 * p[:, 0], p[:, 0] ** 2], axis=1))


def screened(p, field=applied):
    """From the solution before, so that differences are exact."""
    film = ju.Material(**{name: p[name] for name in ("D", "Tc", "h")})
    device = ju.Device(mesh=MESH, materials=film)
    options = {"frequencies": 3, "gap_tol": 1e-12, "tol": 1e-12, "start": START.get("sol", ju.vortex(1.0))}
    return ju.solve_screened(
        device, p["T"], field(p["H"]), p["permeability"], model="film", thickness=p["thickness"], **options
    )


def measured(p):
    sol = screened(p)
    found = [sol.magnetic_moment, sol.gibbs_energy, sol.magnetic_energy, sol.hole_fluxes[0], sol.hole_currents[0]]
    return jnp.stack([jnp.asarray(x) for x in [*found, sol.magnetic_field[3] + sol.sheet_current[5, 1]]]) @ WEIGHTS


@pytest.fixture(scope="module")
def gradient():
    START["sol"] = screened(VALUES)
    return jax.tree.map(np.asarray, jax.grad(measured)(jax.tree.map(jnp.asarray, VALUES)))


def along(name):
    return np.random.default_rng(sum(map(ord, name))).normal(size=VALUES[name].shape)


@pytest.mark.parametrize("name", VALUES)
def test_gradients(gradient, name):
    step = 1e-3 * min(1.0, float(np.abs(VALUES[name]).max()))
    at = {k: float(measured(VALUES | {name: VALUES[name] + k * step * along(name)})) for k in (-2, -1, 1, 2)}
    expected = (8 * (at[1] - at[-1]) - (at[2] - at[-2])) / (12 * step)
    assert abs(expected) > 1e-4
    assert np.tensordot(gradient[name], along(name), VALUES[name].ndim) == pytest.approx(expected, rel=1e-6)
