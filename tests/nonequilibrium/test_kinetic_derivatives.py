"""Gradients through `kinetics`: currents, densities and distributions with respect to every kind of number."""

from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import brentq
from shared import load

import jusadel as ju
from jusadel.nonequilibrium.derivatives.pairing import Mixture, moved
from jusadel.nonequilibrium.linear import multigrid, solving
from jusadel.nonequilibrium.linear.batched.energies import Batch

uses = load("first_uses", Path(__file__).parents[2] / "benchmarks")

pytestmark = [
    pytest.mark.filterwarnings("ignore:the mesh is too coarse:jusadel.CoarseMeshWarning"),
    pytest.mark.filterwarnings("ignore:the bath at T:jusadel.BathWarning"),
]

PLAIN = ju.rectangle(1.2, 0.6, 0.6, x_lines=[0.6], regions={"a": lambda c: c[:, 0] < 0.6, "b": lambda c: c[:, 0] > 0.6})
MESH = ju.with_cut_between(PLAIN, "a", "b", "wall")
VALUES = {
    "D": np.array(1.2),
    "h": np.array([0.1, 0.6, 0.4]),
    "Gamma": np.diag([0.7, 0.8, 0.9]),
    "spin_field": np.asarray(ju.rashba(0.3)),
    "Delta": np.array(0.6),
    "points": np.array(MESH.points),
    "wall": np.array(1.5),
    "tunnel": np.array(2.0),
    "electrode's phase": np.array(0.8),
    "eta": np.array(0.2),
    "energies": np.array([0.3, 0.9]),
    "weights": np.array([0.4, 0.7]),
    "voltage": np.array(0.7),
    "spin": np.array([0.1, 0.2, -0.1]),
    "spin at zero": np.zeros(3),
    "temperature": np.array(0.2),
    "bath": np.array(0.3),
}


def driven(p, linear_solver=None, **top):
    material = ju.Material(Tc=0.0, **{name: p[name] for name in ("D", "h", "Gamma", "spin_field")})
    device = ju.Device(
        mesh=MESH.with_points(p["points"]),
        materials={"a": material, "b": ju.Material(Tc=1.0, Gamma=0.5)},
        boundaries={
            "wall": ju.Interface(p["wall"]),
            "left": ju.Tunnel(ju.Reservoir(0.0), p["tunnel"]),
            "right": ju.Reservoir(0.9, phase=p["electrode's phase"]),
            "top": ju.Tunnel(ju.Reservoir(0.0), 0.7),
        },
    )
    sol = ju.solve(device, T=0.2, pair_potential={"b": p["Delta"]}, frequencies=([3.0], [1.0]), tol=1e-12)
    contacts = {
        "left": ju.Contact(voltage=p["voltage"], spin=p["spin"], temperature=p["temperature"]),
        "right": ju.Contact(voltage=0.0),
        "top": ju.Contact(**({"voltage": 0.1, "spin": p["spin at zero"], "temperature": 0.1} | top)),
    }
    spec = ju.spectrum(sol, p["energies"], eta=p["eta"], tol=1e-12)
    return ju.kinetics(spec, contacts, bath=p["bath"], weights=p["weights"], linear_solver=linear_solver)


QUANTITIES = {
    "current": lambda x: ju.current_through(x, "right"),
    "current over a wall": lambda x: ju.current_through(x, "wall"),
    "spin current": lambda x: ju.spin_current_through(x, "left")[1],
    "energy current": lambda x: ju.energy_current_through(x, "left"),
    "over a cut": lambda x: ju.spin_current_across(x, (0.2, -1), (0.2, 1))[2],
    "potential": lambda x: x.mu[3],
    "spin": lambda x: ju.spin_density(x)[4, 0],
    "distribution": lambda x: x.f[1, 3, 5],
    "source": lambda x: x.pairing_source[0, -1],
    "bath": lambda x: x.bath_current,
    "dissipation": lambda x: x.dissipation,
}


def all_of(p, linear_solver=None):
    found = driven(p, linear_solver)
    return jnp.stack([quantity(found) for quantity in QUANTITIES.values()])


def direction(name, value):
    along = np.random.default_rng(sum(map(ord, name))).normal(size=value.shape)
    if name == "points":
        edges = np.concatenate([*MESH.boundaries.values()]).ravel()
        return along * ~np.isin(np.arange(len(value)), edges)[:, None]
    return along + along.T if name == "Gamma" else along


@pytest.fixture(scope="module")
def gradients():
    return jax.tree.map(np.asarray, jax.jacrev(all_of)(jax.tree.map(jnp.asarray, VALUES)))


@pytest.mark.parametrize("name", VALUES)
def test_gradients(gradients, name):
    value, step = VALUES[name], 4e-5
    along = direction(name, value)
    ahead, behind = (np.asarray(all_of(VALUES | {name: value + s * step * along})) for s in (1, -1))
    expected = (ahead - behind) / (2 * step)
    found = np.tensordot(gradients[name], along, value.ndim)
    assert np.abs(expected).max() > 1e-4
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6 * np.abs(expected).max(), err_msg=name)


def test_by_iterations_of_both_energies_together(gradients, monkeypatch):
    """Nothing falls back. On more levels than so few nodes need."""
    monkeypatch.setattr(multigrid, "COARSEST", 5)
    monkeypatch.setattr(Batch, "factors", None)
    monkeypatch.setattr(solving, "Reduced", None)
    together = partial(all_of, linear_solver=ju.linear.Krylov(width=2))
    found = jax.jacrev(together)(jax.tree.map(jnp.asarray, VALUES))
    for name, expected in gradients.items():
        np.testing.assert_allclose(found[name], expected, rtol=0, atol=1e-8 * np.abs(expected).max(), err_msg=name)


def test_forward_and_reverse_agree(gradients):
    along = {name: jnp.asarray(direction(name, value)) for name, value in VALUES.items()}
    forward = np.asarray(jax.jvp(all_of, (jax.tree.map(jnp.asarray, VALUES),), (along,))[1])
    reverse = sum(np.tensordot(gradients[name], along[name], VALUES[name].ndim) for name in VALUES)
    np.testing.assert_allclose(reverse, forward, rtol=1e-10, atol=1e-12)


def test_inside_programs(gradients):
    """With respect to what stands outside of the Spectrum, of which everything else is known."""
    spec = driven(VALUES).spectrum

    def current(V, S, T, bath, weights):
        top = ju.Contact(voltage=0.1, spin=VALUES["spin at zero"], temperature=0.1)
        contacts = {"left": ju.Contact(voltage=V, spin=S, temperature=T), "right": ju.Contact(voltage=0.0), "top": top}
        return ju.current_through(ju.kinetics(spec, contacts, bath=bath, weights=weights), "right")

    names = "voltage", "spin", "temperature", "bath", "weights"
    value, slopes = jax.jit(jax.value_and_grad(current, tuple(range(5))))(*(VALUES[name] for name in names))
    assert float(value) == pytest.approx(float(ju.current_through(driven(VALUES), "right")), rel=1e-12)
    for name, slope in zip(names, slopes, strict=True):
        np.testing.assert_allclose(slope, gradients[name][0], rtol=1e-9, atol=1e-13, err_msg=name)


def test_a_step_has_no_derivatives():
    of = lambda V: ju.Contact(voltage=V, temperature=0.0).distribution(0.3)[0]  # noqa: E731
    with pytest.raises(ju.NotDifferentiableError, match="temperature 0 is a step"):
        jax.grad(of)(0.2)


def probe(V, D):
    """What a floating electrode settles at, and what flows."""
    at = driven(VALUES | {"voltage": V, "D": D}, voltage="floating", spin="floating", temperature="floating")
    top = at.contacts["top"]
    return jnp.stack([top.voltage, *top.spin, top.temperature, ju.current_through(at, "right")])


def test_floating_contact():
    """Along a change of both the voltage and D."""
    at, along, step = np.array([0.7, 1.2]), np.array([1.0, -0.7]), 1e-4
    found = np.asarray(jax.jvp(lambda x: probe(*x), (jnp.asarray(at),), (jnp.asarray(along),))[1])
    ahead, behind = (np.asarray(probe(*(at + s * step * along))) for s in (1, -1))
    expected = (ahead - behind) / (2 * step)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)


def test_floating_contact_inside_a_program():
    """Of a Spectrum that is known, with a voltage that is not."""
    spec = driven(VALUES).spectrum

    def settled(V):
        left = ju.Contact(voltage=V, spin=VALUES["spin"], temperature=VALUES["temperature"])
        top = ju.Contact(voltage="floating", spin="floating", temperature="floating")
        contacts = {"left": left, "right": ju.Contact(voltage=0.0), "top": top}
        kin = ju.kinetics(spec, contacts, bath=VALUES["bath"], weights=VALUES["weights"])
        return jnp.stack([kin.contacts["top"].voltage, ju.current_through(kin, "right")])

    np.testing.assert_allclose(jax.jit(settled)(0.7), probe(0.7, 1.2)[np.array([0, -1])], rtol=1e-9)


def test_gradient_by_iterations(gradients):
    spec = driven(VALUES).spectrum

    def currents(V):
        left = ju.Contact(voltage=V, spin=VALUES["spin"], temperature=VALUES["temperature"])
        top = ju.Contact(voltage=0.1, spin=VALUES["spin at zero"], temperature=0.1)
        contacts = {"left": left, "right": ju.Contact(voltage=0.0), "top": top}
        options = {"bath": VALUES["bath"], "weights": VALUES["weights"], "linear_solver": ju.linear.Krylov()}
        return ju.current_through(ju.kinetics(spec, contacts, **options), "right")

    assert float(jax.grad(currents)(0.7)) == pytest.approx(float(gradients["voltage"][0]), rel=1e-9)


def settled_along(at):
    """`test_floating_contact` at another point."""
    return jax.jvp(lambda x: probe(*x), (jnp.asarray(at),), (jnp.asarray([1.0, -0.7]),))[1]


def test_the_next_gradient_compiles_nothing(gradients):
    """In a fit there are many."""
    other = jax.tree.map(jnp.asarray, VALUES | {"voltage": np.array(0.65), "D": np.array(1.15)})
    settled_along([0.72, 1.2])
    with uses.Heard() as heard:
        jax.jacrev(all_of)(other)
        settled_along([0.68, 1.25])
    assert heard.programs == 0


INSIDE = 5
"""A node that no electrode holds."""


def feeding(x):
    """What distributions at a voltage make of a superconducting strip: Delta, a current, what is fed in."""
    D, h, V, eta = x
    mesh = ju.rectangle(1.2, 0.3, 10.0, x=np.linspace(0, 1.2, 4), y=np.array([0.0, 0.3]))
    ends = {"left": ju.Reservoir(0.0), "right": ju.Reservoir(1.7)}
    device = ju.Device(mesh=mesh, materials=ju.Material(Tc=1.0, D=D, h=h * np.array([0, 0, 1.0])), boundaries=ends)
    sol = ju.solve(device, 0.3, pair_potential=0.8, frequencies=([3.0], [1.0]))
    u, w = np.polynomial.legendre.leggauss(6)
    s = (u + 1) / 2
    contacts = {"left": ju.Contact(voltage=V, temperature=0.3), "right": ju.Contact(voltage=0.0, temperature=0.3)}
    options = {"eta": eta, "weights": w / (1 - s) ** 2, "tol": 1e-12}
    kin = ju.self_consistent_kinetics(sol, 2 * s / (1 - s), contacts, **options)
    at = kin.spectrum.Delta[INSIDE]
    return jnp.stack([at.real, at.imag, ju.current_through(kin, "right"), kin.pairing_source[1, INSIDE]])


def test_a_fixed_point_has_first_derivatives():
    """x = cos(p x): x' = - x sin(p x)/(1 + p sin(p x)); a second derivative is refused, not left incomplete."""
    change, p = (lambda p, x: jnp.cos(p * x) - x), 0.7
    x = np.full(1, brentq(lambda x: np.cos(p * x) - x, 0, 1, xtol=1e-15))
    mixture = Mixture(partial(change, p), x)
    solved = lambda p: (x + moved(change(p, jnp.asarray(x)), mixture))[0]  # noqa: E731
    expected = (-x * np.sin(p * x) / (1 + p * np.sin(p * x)))[0]
    for by in (jax.grad, jax.jacfwd):
        assert float(by(solved)(p)) == pytest.approx(expected, rel=1e-10)
    with pytest.raises(ju.NotDifferentiableError, match="self_consistent_kinetics has first derivatives only"):
        jax.grad(jax.grad(solved))(p)


def test_self_consistent_pair_potential(monkeypatch):
    """Along a change of D, h, voltage and eta; with linear responses that are as rough as one lets them be, too."""
    at, along, step = np.array([1.2, 0.3, 0.4, 0.5]), np.array([0.6, -0.5, 1.0, 0.4]), 1e-4
    values = np.asarray(feeding(at))
    assert abs(values[0] + 1j * values[1]) > 1e-3
    np.testing.assert_allclose(jax.jit(feeding)(at), values, rtol=1e-9, atol=1e-12)
    slopes = np.asarray(jax.jacrev(feeding)(jnp.asarray(at)))
    assert (np.abs(slopes) > 1e-4).all(axis=1).any()
    ahead, behind = (np.asarray(feeding(at + s * step * along)) for s in (1, -1))
    expected = (ahead - behind) / (2 * step)
    np.testing.assert_allclose(slopes @ along, expected, rtol=1e-6, atol=1e-7)
    with_rough_responses(monkeypatch, 1e-7)
    np.testing.assert_allclose(jax.jacrev(feeding)(jnp.asarray(at)), slopes, rtol=1e-6, atol=1e-8)


def with_rough_responses(monkeypatch, derivatives):
    """Linear responses off by as much as is asked of them, as iterations give them; unasked by `derivatives`."""
    exact, numbers = ju.linear.SuperLU.response, np.random.default_rng(0)

    def response(solver, prepared, V, omega, tol):
        of = exact(solver, prepared, V, omega, tol)
        return lambda rhs: (x := np.asarray(of(rhs))) * (1 + tol * numbers.normal(size=x.shape))

    monkeypatch.setattr(ju.linear.SuperLU, "response", response)
    monkeypatch.setattr(ju.linear.SuperLU, "derivatives", derivatives)


@pytest.mark.parametrize(("error", "refused"), [(1e-10, False), (1e-5, True)])
def test_a_fixed_point_whose_products_are_rough(error, refused):
    """GMRES cannot do better than they are: good enough is taken, and what is not is refused."""
    numbers = np.random.default_rng(1)
    H, r = np.eye(6) + 0.3 * numbers.normal(size=(6, 6)), numbers.normal(size=6)
    mixture = Mixture(lambda x: H @ x, np.zeros(6))
    mixture.__dict__["_forward"] = lambda x: H @ x * (1 + error * numbers.normal(size=6))
    if refused:
        with pytest.raises(ju.SolveError, match=r"is known to .* only, after 200 steps of GMRES at most"):
            mixture.solve(r)
    else:
        np.testing.assert_allclose(mixture.solve(r), np.linalg.solve(H, r), rtol=1e-7)


@pytest.mark.slow
def test_gradient_of_a_self_consistent_pair_potential_inside_a_program():
    """The same as outside, where differences hold it above; how programs call gradients back is in `test_whole`."""
    at, real_part = jnp.array([1.2, 0.3, 0.4, 0.5]), lambda x: feeding(x)[0]
    found, expected = (np.asarray(of(at)) for of in (jax.jit(jax.grad(real_part)), jax.grad(real_part)))
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
