"""Gradients through spectra: every quantity with respect to every kind of number, against central differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jusadel as ju

pytestmark = [pytest.mark.filterwarnings("ignore:the mesh is too coarse:jusadel.CoarseMeshWarning")]

MESH = ju.rectangle(1.2, 0.6, 0.4, x=np.array([0, 0.5, 0.8, 1.2]), y=np.array([0, 0.25, 0.6]))
K = np.zeros((3, 2, 2))
K[0], K[2] = [[0.4, 0.2], [0.2, -0.4]], [[0.2, 0.0], [0.0, 0.2]]
MATERIAL = {
    "D": np.array([[1.2, 0.2], [0.2, 0.9]]),
    "h": np.array([0.1, 0.2, 0.4]),
    "Gamma": np.diag([0.3, 0.4, 0.5]),
    "spin_field": np.asarray(ju.rashba(0.3)),
    "gamma": np.array([[0.2, 0.1], [-0.1, -0.2], [0.1, 0.05]]),
    "nu": np.array(1.3),
    "magnetic_Gamma": np.diag([0.1, 0.1, 0.3]),
    "K": K,
}
OTHERS = {
    "pair potential": np.array(0.3),
    "points": np.array(MESH.points),
    "conductance": np.array(2.0),
    "polarisation": np.array([0.2, 0.1, 0.4]),
    "electrode's Delta": np.array(1.0),
    "electrode's depairing": np.array(0.1),
    "phase": np.array(0.8),
    "eta": np.array(0.1),
    "T": np.array(0.05),
}
VALUES = MATERIAL | OTHERS
ENERGIES = np.array([0.0, 0.9])
CUT = (0.6, -1.0), (0.6, 1.0)
SYMMETRIC = ("D", "Gamma", "magnetic_Gamma", "K")


PLAIN = ("D", "h", "Gamma")
"""Fields whose terms compile soon."""


def spectrum(p, energies=ENERGIES, fields=tuple(MATERIAL)):
    ends = {
        "left": ju.Reservoir(p["electrode's Delta"], depairing=p["electrode's depairing"]),
        "right": ju.Tunnel(ju.Reservoir(1.0, phase=p["phase"]), p["conductance"], polarisation=p["polarisation"]),
    }
    material = ju.Material(Tc=0.0, **{name: p[name] for name in fields})
    device = ju.Device(mesh=MESH.with_points(p["points"]), materials=material, boundaries=ends)
    sol = ju.solve(device, T=p["T"], pair_potential=p["pair potential"], frequencies=1)
    return ju.spectrum(sol, energies, eta=p["eta"], tol=1e-12)


QUANTITIES = {
    "density of states": lambda s: ju.density_of_states(s)[1, 5],
    "spin-resolved": lambda s: ju.density_of_states(s, spin=True)[1, 5, 1],
    "mean": lambda s: ju.mean_density_of_states(s)[1],
    "tunnelling": lambda s: ju.tunnelling_spectrum(s, voltages=[0.3], polarisation=(0.1, 0.2, 0.3))[0, 6],
    "spectral current": lambda s: ju.spectral_current(s, "left")[1],
    "spectral spin current": lambda s: ju.spectral_spin_current(s, *CUT)[1, 0],
    "density of current": lambda s: ju.spectral_current_density(s)[1, 3, 0],
    "density of spin current": lambda s: ju.spectral_spin_current_density(s, at="nodes")[1, 4, 1, 0],
    "equilibrium current": lambda s: ju.equilibrium_current(s, "left"),
    "equilibrium spin current": lambda s: ju.equilibrium_spin_current(s, *CUT)[2],
}


def observed(p):
    """All of them at once."""
    spec = spectrum(p)
    return jnp.stack([quantity(spec) for quantity in QUANTITIES.values()])


WEIGHTS = np.random.default_rng(0).uniform(0.5, 1.5, len(QUANTITIES))
"""Of a sum in which nothing cancels by symmetry."""


def direction(name, value):
    """A random one, symmetric where the field is, short for T; along it only nodes inside of edges move."""
    along = np.random.default_rng(sum(map(ord, name))).normal(size=value.shape)
    if name == "T":
        return along * value
    if name in SYMMETRIC:
        return along + np.swapaxes(along, -1, -2)
    if name == "points":
        inner = np.setdiff1d(np.arange(len(value)), MESH.boundary_edges)
        return along * np.isin(np.arange(len(value)), inner)[:, None]
    return along


ALONG = {name: direction(name, value) for name, value in VALUES.items()}


@pytest.fixture(scope="module")
def linearised():
    """What pushes directions of all numbers forward to the quantities, and what pulls weights of those back."""
    push = jax.linearize(observed, jax.tree.map(jnp.asarray, VALUES))[1]
    pull = jax.linear_transpose(push, jax.tree.map(jnp.asarray, VALUES))
    return push, lambda weights: jax.tree.map(np.asarray, pull(jnp.asarray(weights))[0])


@pytest.fixture(scope="module")
def gradient(linearised):
    """Of the weighted sum of all quantities."""
    return linearised[1](WEIGHTS)


def difference(step, *names):
    """Central, of all quantities, with the named numbers moved along their directions."""
    moved = lambda s: VALUES | {name: VALUES[name] + s * ALONG[name] for name in names}  # noqa: E731
    above, below = (np.asarray(observed(moved(s))) for s in (step, -step))
    return (above - below) / (2 * step)


@pytest.mark.parametrize("name", VALUES)
def test_gradients(gradient, name):
    expected = WEIGHTS @ difference(1e-5, name)
    assert abs(expected) > 1e-3
    assert np.sum(gradient[name] * ALONG[name]) == pytest.approx(expected, rel=1e-6)


@pytest.fixture(scope="module")
def differences_along_all():
    return dict(zip(QUANTITIES, difference(1e-5, *VALUES), strict=True))


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_gradient_of_each_quantity(linearised, differences_along_all, quantity):
    """Along one direction in all numbers together."""
    expected = differences_along_all[quantity]
    assert abs(expected) > 1e-4
    slope = linearised[1](np.array([name == quantity for name in QUANTITIES], float))
    assert sum(np.sum(slope[name] * ALONG[name]) for name in VALUES) == pytest.approx(expected, rel=1e-6)


def test_forward_and_reverse_agree(linearised, gradient):
    forward = WEIGHTS @ np.asarray(linearised[0](jax.tree.map(jnp.asarray, ALONG)))
    reverse = sum(np.sum(gradient[name] * ALONG[name]) for name in VALUES)
    assert reverse == pytest.approx(forward, rel=1e-10)


def test_inside_a_program():
    """Density of states under jit, and vmapped over phases, as outside."""

    def states(phase):
        return ju.density_of_states(spectrum(VALUES | {"phase": phase}, fields=PLAIN))[1, 5]

    phases = np.array([0.8, 1.3])
    outside = [jax.value_and_grad(states)(phase) for phase in phases]
    inside = jax.vmap(jax.value_and_grad(states))(phases)
    np.testing.assert_allclose(inside, np.transpose(outside), rtol=1e-9)


def test_current_over_a_cut_with_respect_to_points():
    """The middles of edges that the cut goes through move with the mesh; the flux stays that of an electrode."""

    def currents(points):
        spec = spectrum(VALUES | {"points": points, "pair potential": np.array(0.0)}, fields=PLAIN)
        return ju.spectral_current(spec, *CUT)[1], ju.spectral_current(spec, "left")[1]

    _, (across, out) = jax.jvp(currents, (VALUES["points"],), (ALONG["points"],))
    assert abs(float(out)) > 1e-6
    assert float(across) == pytest.approx(-float(out), rel=1e-8)


def test_gradients_with_respect_to_energies():
    """Of either sign, and of a voltage between them."""

    def seen(x):
        spec = spectrum(VALUES, jnp.array([0.1, 0.4 + x, -0.5 + 2 * x, 0.9 - x]), PLAIN)
        tip = ju.tunnelling_spectrum(spec, voltages=jnp.array([0.3 - x]), T=0.05 + x)[0, 5]
        return jnp.append(ju.density_of_states(spec)[1:, 5], tip)

    expected = (np.asarray(seen(1e-5)) - np.asarray(seen(-1e-5))) / 2e-5
    assert np.abs(expected).max() > 1
    np.testing.assert_allclose(np.asarray(jax.jvp(seen, (0.0,), (1.0,))[1]), expected, atol=1e-6)


def test_what_would_be_refused_is_not_a_number_inside_programs():
    """Voltages too near the last energy, eta above the first pole of tanh."""
    device = ju.Device(mesh=MESH, materials=ju.Material(Tc=0.0), boundaries={"left": ju.Reservoir(1.0)})
    spec = ju.spectrum(ju.solve(device, T=0.1, frequencies=1), ENERGIES, eta=0.1)
    tip = jax.jit(lambda V: ju.tunnelling_spectrum(spec, voltages=V, T=0.05)[:, 0])(np.array([0.2, 0.8]))
    assert np.isnan(tip).tolist() == [False, True]
    current = jax.jit(lambda T: ju.equilibrium_current(spec, "left", T=T))
    assert np.isnan([current(0.1), current(0.01)]).tolist() == [False, True]


def test_what_needs_numbers_says_so_inside_programs():
    def refused(points, energies):
        spec = spectrum(VALUES | {"points": points}, energies, fields=())
        with pytest.raises(
            ju.NotDifferentiableError, match=r"tunnelling_spectrum cannot stand inside .* with energies"
        ):
            ju.tunnelling_spectrum(spec, voltages=[0.1])
        with pytest.raises(ju.NotDifferentiableError, match="a cut cannot stand inside"):
            ju.spectral_current(spec, *CUT)
        return 1.0

    assert jax.jit(refused)(VALUES["points"], ENERGIES) == 1
