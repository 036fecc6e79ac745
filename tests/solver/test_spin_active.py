"""Barriers that scatter spins, to all orders: their functional, its limits, what crosses them, files, derivatives."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jusadel as ju
from jusadel.action.barriers import barrier
from jusadel.action.nambu import R
from jusadel.action.nambu.frames import frame_to_green

pytestmark = [pytest.mark.filterwarnings("ignore:the mesh is too coarse:jusadel.CoarseMeshWarning")]

UP, DOWN, MIXING, AXIS = 0.7, 0.2, (0.8, 0.3), (0.6, 0.0, 0.8)
MAGNET = ju.SpinActive(up=UP, down=DOWN, mixing=MIXING, axis=AXIS)


def term(connector, G, other):
    """The barrier's term of one unit of length."""
    b = connector.barrier
    p = SimpleNamespace(conductance=b.conductance, transmissions=None, polarisation=None, scattering=b.scattering)
    return barrier(jnp.asarray(G), jnp.asarray(other), p)


def scattering(s):
    """S (2, 2) of one spin."""
    T, d = (UP, DOWN)[s < 0], np.exp(0.25j * s * np.array(MIXING))
    return np.outer(d, d) * np.array([[np.sqrt(1 - T), 1j * np.sqrt(T)], [1j * np.sqrt(T), np.sqrt(1 - T)]])


# --- the functional --------------------------------------------------------------------------------


def test_K_is_the_cayley_transform_of_the_scattering_matrix():
    """S = (1 + iK)/(1 - iK) for either spin, K real and symmetric; its numbers for these parameters."""
    plain = ju.SpinActive(up=UP, down=DOWN, mixing=MIXING).matrices()[0]
    for s in (1, -1):
        K = plain[..., 0] - s * plain[..., 3]  # sigma_z tau3 = -M_z
        np.testing.assert_allclose((np.eye(2) + 1j * K) @ np.linalg.inv(np.eye(2) - 1j * K), scattering(s), atol=1e-14)
    up = plain[..., 0] - plain[..., 3]
    np.testing.assert_allclose(up, [[0.225672, 0.555598], [0.555598, 0.134978]], atol=1e-6)


def test_functional_of_two_sides():
    """-(n/pi) ln det(1 - K G), worked out apart: -0.155071268609 and, in the normal state, -0.230331157325."""
    G = R[2] * np.cos(0.4) + R[1] * np.sin(0.4)
    other = R[2] * np.cos(1.1) + (R[1] * np.cos(0.5) + R[0] * np.sin(0.5)) * np.sin(1.1)
    assert term(MAGNET, G, other) == pytest.approx(-0.155071268609, abs=1e-12)
    assert term(MAGNET, R[2], R[2]) == pytest.approx(-0.230331157325, abs=1e-12)


@pytest.mark.parametrize("T", [0.1, 0.6, 1.0])
def test_without_spin_it_is_the_barrier_of_nazarov(T):
    """Of the conductance T/pi of a channel of two spins, but for a constant."""
    G = frame_to_green(jnp.asarray(np.eye(4) + 0.2 * np.random.default_rng(1).normal(size=(2, 4, 4))))
    known = SimpleNamespace(conductance=T / np.pi, transmissions=jnp.array([T]), polarisation=None, scattering=None)
    connector = ju.SpinActive(up=T, down=T)
    assert connector.barrier.conductance == pytest.approx(T / np.pi, rel=1e-14)
    normal = jnp.asarray(R[2])
    expected = barrier(G[0], G[1], known) - barrier(normal, normal, known)
    assert term(connector, *G) - term(connector, normal, normal) == pytest.approx(float(expected), abs=1e-12)


# --- what crosses it ---------------------------------------------------------------------------------


def behind(connector, **held):
    """What flows out of a metal whose spins relax at once, with a contact behind the barrier on its left."""
    mesh = ju.rectangle(0.4, 0.5, 0.25)
    boundaries = {"left": ju.Tunnel(ju.Reservoir(0.0), connector)}
    device = ju.Device(mesh=mesh, materials=ju.Material(Tc=0.0, Gamma=1e9), boundaries=boundaries)
    return ju.diffuse(device, {"left": ju.Contact(**held), "right": ju.Contact(voltage=0.0)})


def test_normal_conductances():
    """Landauer and Brataas, Nazarov, Bauer: n (T_up + T_down)/2 pi for charge, n (T_up - T_down)/2 pi from charge to
    spin along the axis, and n (1 - r_up r_down*)/pi for spins across it on the side of the electrode that holds them.
    """
    n, W = 1e-4, 0.5
    connector = ju.SpinActive(up=UP, down=DOWN, mixing=MIXING, channels=n)
    flow = behind(connector, voltage=1.0)
    assert ju.current_through(flow, "left") == pytest.approx(-n * W * (UP + DOWN) / (2 * np.pi), rel=1e-3)
    np.testing.assert_allclose(
        ju.spin_current_through(flow, "left"), [0, 0, -n * W * (UP - DOWN) / (2 * np.pi)], rtol=1e-3, atol=1e-9
    )
    across = behind(connector, voltage=0.0, spin=(1, 0, 0))
    x, y, z = ju.spin_current_through(across, "left")
    mixed = n * W / np.pi * (1 - scattering(1)[1, 1] * np.conj(scattering(-1)[1, 1]))
    assert x == pytest.approx(-mixed.real, rel=1e-3)
    assert abs(y) == pytest.approx(abs(mixed.imag), rel=1e-3)
    assert abs(z) < 1e-9
    turned = behind(
        ju.SpinActive(up=UP, down=DOWN, mixing=MIXING, axis=(0, 0, -1), channels=n), voltage=0.0, spin=(1, 0, 0)
    )
    assert float(ju.spin_current_through(turned, "left")[1]) == pytest.approx(-float(y), rel=1e-6)


def junction(connector, **fields):
    mesh = ju.rectangle(1.2, 0.6, 1.0, x=np.linspace(0, 1.2, 5), y=np.linspace(0, 0.6, 3))
    ends = {"left": ju.Reservoir(1.0), "right": ju.Tunnel(ju.Reservoir(1.0, phase=1.1), connector)}
    material = ju.Material(Tc=0.0, gamma=ju.rashba(0.2), h=(0.1, 0.2, 0.3), **fields)
    return ju.Device(mesh=mesh, materials=material, boundaries=ends)


def test_current_is_conserved():
    connector = ju.SpinActive(up=[UP, 0.3], down=[DOWN, 0.4], mixing=(0.8, [0.3, -0.2]), axis=AXIS, channels=[3.0, 2.0])
    sol = ju.solve(junction(connector, P=0.2 * np.ones((3, 2, 2))), 0.2, frequencies=3, tol=1e-11)
    assert sol.stable.all()
    left, right = (float(ju.current_through(sol, name)) for name in ("left", "right"))
    assert abs(left) > 0.05
    assert left == pytest.approx(-right, abs=1e-9)


def test_a_ferromagnetic_insulator_is_an_exchange_field_at_small_angles():
    """h = n k/pi along the edge with k_a = -tan(angle/4) m_a of the side, to first order."""
    angle, n = 1e-3, 2.0
    insulator = ju.SpinActive(up=0.0, down=0.0, mixing=(angle, 0.0), axis=AXIS, channels=n)
    h = -n * np.tan(angle / 4) / np.pi * np.array(AXIS)
    found = []
    for condition in (ju.Tunnel(ju.Reservoir(0.0), insulator), ju.Surface(h=h)):
        mesh = ju.rectangle(1.0, 0.5, 0.5)
        boundaries = {"left": ju.Reservoir(1.0), "top": condition}
        device = ju.Device(mesh=mesh, materials=ju.Material(Tc=0.0), boundaries=boundaries)
        found.append(np.asarray(ju.spin_density(ju.solve(device, 0.2, frequencies=3, tol=1e-12))))
    assert np.abs(found[1]).max() > 1e-5
    np.testing.assert_allclose(found[0], found[1], atol=1e-5 * np.abs(found[1]).max())


def test_derivatives():
    """Of a current with respect to transmissions, angles, axis and channels, against central differences."""

    def current(p):
        connector = ju.SpinActive(up=p[0], down=p[1], mixing=(p[2], p[3]), axis=p[4:7], channels=p[7])
        return ju.current_through(ju.solve(junction(connector), 0.2, frequencies=2, tol=1e-12), "left")

    at = jnp.array([UP, DOWN, *MIXING, *AXIS, 3.0])
    along = np.random.default_rng(2).normal(size=8)
    slope = np.asarray(jax.grad(current)(at))
    assert (np.abs(slope) > 1e-5).all()
    expected = (float(current(at + 1e-4 * along)) - float(current(at - 1e-4 * along))) / 2e-4
    assert slope @ along == pytest.approx(expected, rel=1e-6)


# --- files, errors -----------------------------------------------------------------------------------


def test_a_device_with_it_comes_back(tmp_path):
    mesh = ju.with_cut_between(
        ju.rectangle(1.0, 0.5, 0.5, x_lines=[0.5]).with_regions(
            {"S": lambda c: c[:, 0] < 0.5, "F": lambda c: c[:, 0] > 0.5}
        ),
        "S",
        "F",
        "wall",
    )
    material = ju.Material(Tc=0.0)
    boundaries = {
        "left": ju.Reservoir(1.0),
        "wall": ju.Interface(MAGNET),
        "right": ju.Tunnel(ju.Reservoir(0.0), MAGNET),
    }
    ju.save(
        ju.Device(mesh=mesh, materials={"S": material, "F": material}, boundaries=boundaries), tmp_path / "device.npz"
    )
    again = ju.load(tmp_path / "device.npz").boundaries
    for name in ("wall", "right"):
        found = again[name].conductance
        np.testing.assert_array_equal(found.matrices(), MAGNET.matrices())
        assert str(found) == str(MAGNET)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"up": 1.2, "down": 0.1}, r"SpinActive up = 1\.2; expected numbers from 0 to 1"),
        (
            {"up": 0.2, "down": 0.1, "mixing": (4.0, 0)},
            r"SpinActive mixing\[0\] = 4\.0; expected numbers from -3\.142 to 3\.142",
        ),
        ({"up": 0.2, "down": 0.1, "mixing": (0, 0, 0)}, r"expected two angles \(left, right\)"),
        ({"up": 0.2, "down": 0.1, "mixing": 0.5}, r"mixing = 0\.5; expected two angles \(left, right\)"),
        ({"up": [0.2, 0.3], "down": [0.1] * 3}, r"SpinActive up has shape \(2,\); expected a number or \(3,\)"),
        ({"up": 0.2, "down": 0.1, "axis": (0, 0, 0)}, r"axis = \(0, 0, 0\); expected a direction \(3,\)"),
    ],
)
def test_refused(given, message):
    with pytest.raises(ValueError, match=message):
        ju.SpinActive(**given)


def test_no_other_condition_stands_for_a_conductance():
    with pytest.raises(ValueError, match="expected a finite number >= 0, conductance per length, or a SpinActive"):
        ju.Interface(ju.Tunnel(ju.Reservoir(1.0), 1.0))


def test_a_spin_active_barrier_is_no_condition_by_itself():
    with pytest.raises((TypeError, ValueError), match="SpinActive"):
        ju.Device(mesh=ju.rectangle(1.0, 0.5, 0.5), materials=ju.Material(Tc=0.0), boundaries={"left": MAGNET})


def test_it_says_all_of_a_barrier():
    with pytest.raises(ValueError, match="expected the SpinActive alone"):
        ju.Tunnel(ju.Reservoir(1.0), MAGNET, transmissions=[0.2])
    with pytest.raises(ValueError, match="expected the SpinActive alone"):
        ju.Interface(MAGNET, polarisation=(0, 0, 0.2))
    boundaries = {"left": ju.Tunnel(ju.Reservoir(1.0), MAGNET), "top": ju.Periodic("bottom", rotation=(0, 0, 0.3))}
    device = ju.Device(mesh=ju.rectangle(1.0, 0.5, 0.5), materials=ju.Material(Tc=0.0), boundaries=boundaries)
    with pytest.raises(ValueError, match="a SpinActive barrier in a device with a periodic boundary that turns spins"):
        ju.solve(device, 0.2)
