"""Gradients through `solve_screened`: fields, moments and energies, against differences and what is stationary."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jusadel as ju

pytestmark = [pytest.mark.filterwarnings("ignore:the mesh is too coarse:jusadel.CoarseMeshWarning")]

T, H = 0.5, 0.2
MESH = ju.with_cut_between(
    ju.rectangle(2.0, 2.0, 1.0, x_lines=[1.0], regions={"a": lambda c: c[:, 0] < 1, "b": lambda c: c[:, 0] > 1}),
    "a",
    "b",
    "wall",
)
VALUES = {
    "D": np.array(1.2),
    "Tc": np.array(1.1),
    "h": np.array([0.0, 0.2, 0.1]),
    "gamma": np.asarray(ju.rashba(0.2)),
    "nu": np.array(1.1),
    "wall": np.array(3.0),
    "T": np.array(T),
    "H": np.array(H),
    "permeability": np.array(0.1),
}
START = {}


def screened(p):
    """From the solution before, so that differences are exact."""
    film = ju.Material(**{name: p[name] for name in ("D", "Tc", "h", "gamma", "nu")})
    device = ju.Device(
        mesh=MESH, materials={"a": film, "b": ju.Material(Tc=1.0)}, boundaries={"wall": ju.Interface(p["wall"])}
    )
    options = {"frequencies": 3, "gap_tol": 1e-12, "tol": 1e-12}
    return ju.solve_screened(device, p["T"], p["H"], p["permeability"], start=START.get("sol"), **options)


def all_of(p):
    sol = screened(p)
    found = [sol.magnetic_moment, sol.gibbs_energy, sol.magnetic_energy, sol.magnetic_field[3], jnp.abs(sol.Delta[2])]
    found += [ju.current_across(sol, (0.5, -0.1), (0.5, 1.1)), ju.spin_density(sol)[4, 1]]
    return jnp.stack([jnp.asarray(x) for x in found])


@pytest.fixture(scope="module")
def gradients():
    START["sol"] = screened(VALUES)
    return jax.tree.map(np.asarray, jax.jacrev(all_of)(jax.tree.map(jnp.asarray, VALUES)))


def along(name):
    return np.random.default_rng(sum(map(ord, name))).normal(size=VALUES[name].shape)


@pytest.mark.parametrize("name", VALUES)
def test_gradients(gradients, name):
    step = 1e-4
    above, below = (np.asarray(all_of(VALUES | {name: VALUES[name] + k * step * along(name)})) for k in (1, -1))
    expected = (above - below) / (2 * step)
    found = np.tensordot(gradients[name], along(name), VALUES[name].ndim)
    assert np.abs(expected).max() > 1e-4
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6 * np.abs(expected).max())


def test_forward_and_reverse_agree(gradients):
    directions = {name: jnp.asarray(along(name)) for name in VALUES}
    forward = np.asarray(jax.jvp(all_of, (jax.tree.map(jnp.asarray, VALUES),), (directions,))[1])
    reverse = sum(np.tensordot(gradients[name], directions[name], VALUES[name].ndim) for name in VALUES)
    np.testing.assert_allclose(reverse, forward, rtol=1e-10, atol=1e-10)


def test_energy_is_stationary(gradients):
    """dG/dH = -M and mu0 dG/dmu0 = -(magnetic energy): what answers does not count."""
    sol = START["sol"]
    assert gradients["H"][1] == pytest.approx(-sol.magnetic_moment, rel=1e-8)
    assert gradients["permeability"][1] * VALUES["permeability"] == pytest.approx(-sol.magnetic_energy, rel=1e-8)


def test_given_pair_potentials():
    """A given phase says which gauge: what a change of gauge would undo counts."""
    given = lambda p: 1.2 * np.exp(0.5j * p[:, 0] * p[:, 1]) * (1 + 0.3 * p[:, 1])  # noqa: E731

    def field(slope):
        film = ju.Material(Tc=1.0, D=lambda p: 1.0 + slope * p[:, 0] ** 2)
        device = ju.Device(mesh=ju.rectangle(2.0, 2.0, 1.0), materials=film)
        sol = ju.solve_screened(device, T, H, 0.1, given, frequencies=3, tol=1e-12, gap_tol=1e-12)
        return sol.magnetic_field @ np.arange(len(sol.magnetic_field))

    a, b, c, d = (float(field(0.3 + k * 2e-3)) for k in (-2, -1, 1, 2))
    assert float(jax.grad(field)(0.3)) == pytest.approx((8 * (c - b) - (d - a)) / 24e-3, rel=1e-7)


def test_inside_programs(gradients):
    """Values and gradients are those outside; a permeability that is none gives NaN."""
    moment = lambda H, mu: screened(VALUES | {"H": H, "permeability": mu}).magnetic_moment  # noqa: E731
    values, (slopes, _) = jax.jit(jax.vmap(jax.value_and_grad(moment, (0, 1)), (None, 0)))(H, np.array([0.1, -0.1]))
    assert float(values[0]) == pytest.approx(START["sol"].magnetic_moment, rel=1e-9)
    assert float(slopes[0]) == pytest.approx(gradients["H"][0], rel=1e-9)
    assert np.isnan(values[1])
    assert np.isnan(slopes[1])


@pytest.mark.parametrize("what", ["points", "phases of seams"])
def test_what_has_none_is_refused(what):
    if what == "phases of seams":
        ring = lambda x: ju.Device(mesh=MESH, materials=ju.Material(), boundaries={"right": ju.Periodic("left", x)})  # noqa: E731
        with pytest.raises(ju.NotDifferentiableError, match=r"solve_screened has no derivatives: .* phases"):
            jax.grad(lambda x: ju.solve_screened(ring(x), T, H, 0.1, frequencies=3).magnetic_moment)(1.0)
        return
    move = lambda x: ju.Device(mesh=MESH.with_points(x * MESH.points), materials=ju.Material(Tc=1.0))  # noqa: E731
    with pytest.raises(ju.NotDifferentiableError, match=r"solve_screened has no derivatives: .* points"):
        jax.grad(lambda x: ju.solve_screened(move(x), T, H, 0.1, frequencies=3).magnetic_moment)(1.0)
