"""Gradients through `solve_screened` of thin films: moments, fluxes, energies, against differences and identities."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jusadel as ju
from jusadel.studies.screening.derivatives.edge_fields import HostInduction
from jusadel.studies.screening.thin_film import induction
from jusadel.studies.screening.thin_film.sheet_currents import sheet_currents

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


@pytest.mark.parametrize("name", [name for name in VALUES if name != "permeability"])
def test_gradients(gradient, name):
    step = 1e-4 * min(1.0, float(np.abs(VALUES[name]).max()))
    above, below = (float(measured(VALUES | {name: VALUES[name] + k * step * along(name)})) for k in (1, -1))
    expected = (above - below) / (2 * step)
    assert abs(expected) > 1e-4
    assert np.tensordot(gradient[name], along(name), VALUES[name].ndim) == pytest.approx(expected, rel=1e-6)


def test_permeability_and_thickness_are_one_number(gradient):
    """All depends on mu0 d alone."""
    of_mu, of_d = (gradient[name] * VALUES[name] for name in ("permeability", "thickness"))
    assert of_mu == pytest.approx(of_d, rel=1e-12)


def test_forward_and_reverse_agree(gradient):
    directions = {name: jnp.asarray(along(name)) for name in VALUES}
    forward = float(jax.jvp(measured, (jax.tree.map(jnp.asarray, VALUES),), (directions,))[1])
    assert sum(np.tensordot(gradient[n], along(n), VALUES[n].ndim) for n in VALUES) == pytest.approx(forward, rel=1e-9)


@pytest.mark.slow
def test_large_films_have_the_same_gradient(gradient, monkeypatch):
    """By sums over pairs of triangles instead of matrices, as above 3000 nodes; they differ by their accuracy."""
    monkeypatch.setattr(induction, "DENSE", 0)
    found = jax.grad(lambda H: measured(VALUES | {"H": H}))(0.2)
    assert float(found) == pytest.approx(float(gradient["H"]), rel=1e-4)


def test_sums_outside_of_programs_are_linear_functions(monkeypatch):
    """What JAX makes of the sums is what the matrices say, its transposed too."""
    monkeypatch.setattr(induction, "DENSE", 0)
    currents, random = sheet_currents(ju.Device(mesh=MESH, materials=ju.Material())), np.random.default_rng(1)
    sums = HostInduction(found := induction.induction_of(MESH, currents, 2.0), len(MESH.edges))
    both = lambda g: jnp.concatenate(sums(g))  # noqa: E731
    g, y = random.normal(size=currents.current.shape[1]), random.normal(size=currents.current.shape[1] + sums.edges)
    value, pull = jax.vjp(both, jnp.asarray(g))
    np.testing.assert_allclose(value, np.concatenate(found.times(g)), rtol=1e-12)
    assert float(y @ value) == pytest.approx(float(pull(jnp.asarray(y))[0] @ g), rel=1e-10)
    np.testing.assert_allclose(jax.jit(both)(g), value, rtol=1e-12)


def test_derivatives_inside_programs_are_refused():
    with pytest.raises(ju.NotDifferentiableError, match=r"solve_screened of a film cannot stand inside jax.jit"):
        jax.jit(lambda H: screened(VALUES | {"H": H}).magnetic_moment)(0.1)
