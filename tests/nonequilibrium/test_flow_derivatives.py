"""Gradients through `diffuse`: every current and density with respect to every kind of number, against differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jusadel as ju

pytestmark = [pytest.mark.filterwarnings("ignore:the mesh is too coarse:jusadel.CoarseMeshWarning")]

PLAIN = ju.rectangle(1.6, 0.8, 0.4, x_lines=[0.8], regions={"a": lambda c: c[:, 0] < 0.8, "b": lambda c: c[:, 0] > 0.8})
MESH = ju.with_cut_between(PLAIN, "a", "b", "wall")
K = np.zeros((3, 2, 2))
K[0], K[2] = [[0.4, 0.2], [0.2, -0.4]], [[0.2, 0.0], [0.0, 0.2]]
MATERIAL = {
    "D": np.array([[1.2, 0.2], [0.2, 0.9]]),
    "h": np.array([0.1, 0.6, 0.4]),
    "Gamma": np.diag([0.7, 0.8, 0.9]),
    "spin_field": np.asarray(ju.rashba(0.3)),
    "gamma": np.asarray(ju.dresselhaus(0.2)),
    "theta": np.array([0.0, 0.1, 0.2]),
    "kappa": np.array([0.0, 0.1, 0.1]),
    "nu": np.array(1.3),
    "magnetic_Gamma": np.diag([0.1, 0.1, 0.3]),
    "P": K / 2,
    "K": K[::-1],
    "hall": np.array(0.2),
}
OTHERS = {
    "points": np.array(MESH.points),
    "wall": np.array(1.5),
    "polarisation of the wall": np.array([0.1, 0.2, 0.3]),
    "surface": np.array(0.4),
    "voltage": np.array(0.7),
    "spin": np.array([0.1, 0.2, -0.1]),
    "current": np.array(0.3),
    "spin current": np.array([0.2, 0.1, 0.1]),
    "tunnel": np.array(2.0),
    "polarisation of a contact": np.array([0.2, 0.0, 0.4]),
}
VALUES = MATERIAL | OTHERS
SYMMETRIC = ("D", "Gamma", "magnetic_Gamma", "P", "K")


def flow(p):
    material = ju.Material(Tc=0.0, **{name: p[name] for name in MATERIAL})
    boundaries = {
        "wall": ju.Interface(p["wall"], polarisation=p["polarisation of the wall"]),
        "bottom": ju.Surface(Gamma=p["surface"]),
    }
    device = ju.Device(
        mesh=MESH.with_points(p["points"]),
        materials={"a": material, "b": ju.Material(Tc=0.0, Gamma=0.5)},
        boundaries=boundaries,
    )
    contacts = {
        "left": ju.Contact(
            voltage=p["voltage"],
            spin=p["spin"],
            tunnel=p["tunnel"],
            polarisation=p["polarisation of a contact"],
        ),
        "right": ju.Contact(voltage=0.0),
        "top": ju.Contact(current=p["current"], spin_current=p["spin current"]),
    }
    return ju.diffuse(device, contacts)


QUANTITIES = {
    "current": lambda x: ju.current_through(x, "right"),
    "current over a wall": lambda x: ju.current_through(x, "wall"),
    "spin current": lambda x: ju.spin_current_through(x, "left")[1],
    "over a cut": lambda x: ju.spin_current_across(x, (0.4, -1), (0.4, 1))[2],
    "potential": lambda x: x.mu[3],
    "spin": lambda x: ju.spin_density(x)[4, 0],
    "density of current": lambda x: ju.charge_current(x)[3, 1],
    "dissipation": lambda x: x.dissipation,
}


def all_of(p):
    found = flow(p)
    return jnp.stack([quantity(found) for quantity in QUANTITIES.values()])


def direction(name, value):
    along = np.random.default_rng(sum(map(ord, name))).normal(size=value.shape)
    if name in SYMMETRIC:
        return along + np.swapaxes(along, -1, -2)
    if name == "points":
        edges = np.concatenate([*MESH.boundaries.values()]).ravel()
        return along * ~np.isin(np.arange(len(value)), edges)[:, None]
    return along


@pytest.fixture(scope="module")
def gradients():
    return jax.tree.map(np.asarray, jax.jacrev(all_of)(jax.tree.map(jnp.asarray, VALUES)))


@pytest.mark.parametrize("name", VALUES)
def test_gradients(gradients, name):
    """Each quantity; where the equations are linear in what moves, differences are exact."""
    value, step = VALUES[name], 2e-5
    along = direction(name, value)
    ahead, behind = (np.asarray(all_of(VALUES | {name: value + s * step * along})) for s in (1, -1))
    expected = (ahead - behind) / (2 * step)
    found = np.tensordot(gradients[name], along, value.ndim)
    assert np.abs(expected).max() > 1e-4
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7 * np.abs(expected).max(), err_msg=name)


def test_forward_and_reverse_agree(gradients):
    along = {name: jnp.asarray(direction(name, value)) for name, value in VALUES.items()}
    forward = np.asarray(jax.jvp(all_of, (jax.tree.map(jnp.asarray, VALUES),), (along,))[1])
    reverse = sum(np.tensordot(gradients[name], along[name], VALUES[name].ndim) for name in VALUES)
    np.testing.assert_allclose(reverse, forward, rtol=1e-10, atol=1e-12)


def test_inside_jit_and_vmap():
    """The same numbers and the same gradient; a voltage that is NaN gives a Flow that is NaN."""

    def scalar(D, V):
        device = ju.Device(mesh=PLAIN, materials=ju.Material(Tc=0.0, D=D, gamma=ju.rashba(0.3), Gamma=0.3))
        contacts = {"left": ju.Contact(voltage=V), "right": ju.Contact(voltage=0.0, tunnel=1.5 * D)}
        return ju.current_through(ju.diffuse(device, contacts), "right")

    D, V = 1.3, np.array([0.7, 0.2])
    found = jax.vmap(jax.jit(jax.value_and_grad(scalar)), (None, 0))(D, V)
    for k in range(2):
        value, gradient = jax.value_and_grad(scalar)(jnp.asarray(D), jnp.asarray(V[k]))
        np.testing.assert_allclose(found[0][k], value, rtol=1e-10)
        np.testing.assert_allclose(found[1][k], gradient, rtol=1e-8)
    assert np.isnan(jax.jit(scalar)(D, np.nan))


def test_floating_contact():
    """An island's potential and spin, and the current that is forced through it, against differences."""

    def settled(g, current):
        contacts = {
            "left": ju.Contact(voltage=0.0),
            "right": ju.Contact(voltage="floating", spin="floating", current=current, spin_current=(0.1, 0.0, 0.0)),
        }
        device = ju.Device(mesh=PLAIN, materials=ju.Material(Tc=0.0, gamma=ju.rashba(g), Gamma=0.3))
        found = ju.diffuse(device, contacts)
        right = found.contacts["right"]
        return jnp.stack(
            [right.voltage, right.spin[1], ju.current_through(found, "left"), ju.current_through(found, "right")]
        )

    at = (jnp.asarray(0.3), jnp.asarray(0.8))
    found = np.stack(jax.jacrev(settled, (0, 1))(*at), axis=1)
    for k, step in enumerate(np.eye(2) * 1e-4):
        ahead, behind = (np.asarray(settled(*(x + s * d for x, d in zip(at, step, strict=True)))) for s in (1, -1))
        np.testing.assert_allclose(found[:, k], (ahead - behind) / 2e-4, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(found[2:, 1], [1, -1], rtol=1e-9)


DYNAMIC = {
    "D": np.array(1.2),
    "Gamma": np.array(0.7),
    "h": np.array([0.1, 0.6, 0.4]),
    "voltage": np.array(0.7),
    "current": np.array(0.3),
    "times": np.array([0.0, 0.1, 0.3]),
    "start": np.random.default_rng(1).normal(size=(len(PLAIN.points), 3)),
    "points": np.array(PLAIN.points),
}


def relaxing(p):
    """After two times: a potential, a spin, and a current; one electrode floats."""
    material = ju.Material(Tc=0.0, D=p["D"], Gamma=p["Gamma"], h=p["h"], gamma=ju.rashba(0.3))
    contacts = {
        "left": ju.Contact(voltage=p["voltage"]),
        "right": ju.Contact(voltage="floating", spin=None, current=p["current"]),
    }
    device = ju.Device(mesh=PLAIN.with_points(p["points"]), materials=material)
    _, early, late = ju.spin_dynamics(device, contacts, p["times"], start=(0.2, p["start"]), tol=0.02)
    found = [early.mu[4], late.S[4, 1], ju.current_through(early, "left"), ju.spin_current_through(late, "left")[0]]
    return jnp.stack([*found, late.contacts["right"].voltage])


@pytest.fixture(scope="module")
def in_time():
    return jax.tree.map(np.asarray, jax.jacrev(relaxing)(jax.tree.map(jnp.asarray, DYNAMIC)))


@pytest.mark.parametrize("name", DYNAMIC)
def test_gradients_in_time(in_time, name):
    """Of the scheme with its steps, which small changes of the numbers leave as they are."""
    value, step = DYNAMIC[name], 2e-5
    along = np.random.default_rng(sum(map(ord, name))).normal(size=value.shape)
    if name == "points":
        along[np.unique(np.concatenate([*PLAIN.boundaries.values()]))] = 0
    ahead, behind = (np.asarray(relaxing(DYNAMIC | {name: value + s * step * along})) for s in (1, -1))
    expected = (ahead - behind) / (2 * step)
    found = np.tensordot(in_time[name], along, value.ndim)
    assert np.abs(expected).max() > 1e-4
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7 * np.abs(expected).max())


def test_inside_programs(in_time):
    """All numbers have no values there; the gradient is that of a spin with respect to the start."""
    late = lambda start, p: relaxing(p | {"start": start})[1]  # noqa: E731
    slope = jax.jit(jax.grad(late))(DYNAMIC["start"], DYNAMIC)
    np.testing.assert_allclose(slope, in_time["start"][1], rtol=1e-9, atol=1e-12)


def test_forward_and_reverse_agree_in_time(in_time):
    along = {name: np.random.default_rng(2).normal(size=value.shape) for name, value in DYNAMIC.items()}
    forward = np.asarray(jax.jvp(relaxing, (jax.tree.map(jnp.asarray, DYNAMIC),), (along,))[1])
    reverse = sum(np.tensordot(in_time[name], along[name], DYNAMIC[name].ndim) for name in DYNAMIC)
    np.testing.assert_allclose(reverse, forward, rtol=1e-10, atol=1e-12)
