"""Magnets: closed forms of diffusion, junctions, spin and Tc with the terms of broken time reversal.

Where no source is named, the closed form is worked out from the equations of docs/physics.md in the docstring.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from random_device import magnetic
from scipy.integrate import solve_bvp
from scipy.optimize import brentq
from scipy.special import digamma

import jusadel as ju

pytestmark = [pytest.mark.filterwarnings("ignore:the mesh is too coarse:jusadel.CoarseMeshWarning")]

T = 1 / np.pi
"""With one frequency of weight one, sums over frequencies are that of one."""


def along_z(tensor):
    """Spin along z times a tensor of space."""
    return np.array([np.zeros((2, 2)), np.zeros((2, 2)), tensor])


D_WAVE = along_z([[1.0, 0.0], [0.0, -1.0]])
TURNED = along_z([[0.0, 1.0], [1.0, 0.0]])
EVERY_WAY = along_z(np.eye(2))


def metal(**fields):
    return ju.Material(Tc=0.0, **fields)


def one_frequency(device, omega):
    return ju.solve(device, T, frequencies=(np.array([omega]), np.array([1.0])))


def driven(mesh, material, right=None):
    contacts = {"left": ju.Contact(voltage=1.0), "right": right or ju.Contact(voltage=0.0)}
    return ju.diffuse(ju.Device(mesh=mesh, materials=material), contacts)


# --- normal metals -----------------------------------------------------------------------------------


def test_spin_splitter():
    """A d-wave magnet turned by 45 degrees: S_z(y) = -P mu' l sinh(y/l)/cosh(w/2l), l^2 = D/Gamma, and so much less
    current, I = -2 nu D mu' w [1 - P^2 (2l/w) tanh(w/2l)].
    """
    P, w, Gamma, errors = 0.3, 1.0, 4.0, []
    length = np.sqrt(1 / Gamma)
    for size in (0.2, 0.1):
        mesh = ju.rectangle(4.0, w, size)
        flow = driven(mesh, metal(Gamma=Gamma, P=P * TURNED))
        x, y = np.asarray(mesh.points).T
        within = np.abs(x - 2.0) < 0.25  # spins that the contacts draw have decayed
        reduced = 1 - P**2 * (2 * length / w) * np.tanh(w / (2 * length))
        slope = -float(ju.current_through(flow, "right")) / (2 * w * reduced)
        assert np.polyfit(x[within], flow.mu[within], 1)[0] == pytest.approx(slope, rel=2e-3)
        expected = -P * slope * length * np.sinh((y - w / 2) / length) / np.cosh(w / (2 * length))
        errors.append(np.abs(flow.S[:, 2] - expected)[within].max() / np.abs(expected).max())
    assert errors[-1] < 1e-2
    assert errors[0] > 2.5 * errors[1]


def test_resistance_of_a_ferromagnet_beside_a_metal():
    """Valet and Fert: P^2/(sigma [(1 - P^2)/l_F + 1/l_N]) more, l_F^2 = D (1 - P^2)/Gamma; none at the contacts, which
    hold no spin, as there is none far inside.
    """
    P, of_F, of_N, L, W = 0.5, 6.0, 3.0, 2.0, 0.25
    mesh = ju.rectangle(2 * L, W, 0.125, x_lines=[L], regions={"F": lambda c: c[:, 0] < L, "N": lambda c: c[:, 0] > L})
    flow = driven(mesh, {"F": metal(Gamma=of_F, P=P * EVERY_WAY), "N": metal(Gamma=of_N)})
    current = abs(float(ju.current_through(flow, "right")))
    in_F, in_N = 2 * (1 - P**2) / np.sqrt((1 - P**2) / of_F), 2 / np.sqrt(1 / of_N)
    excess = P**2 / (in_F + in_N)
    assert 1 / current == pytest.approx((L + excess) / W, rel=3e-4)
    assert W / current - L > 0.9 * excess
    at = np.abs(np.asarray(mesh.points)[:, 0] - L) < 1e-9
    np.testing.assert_allclose(np.abs(flow.S[at, 2]), P * current / W / (in_F + in_N), rtol=1e-2)


def test_polarised_current_without_relaxation():
    """Contacts that hold no spin: I_s = P I, the resistance unchanged. One that lets none out: (1 - P^2) I, S = P V."""
    P, mesh = 0.5, ju.rectangle(2.0, 0.4, 0.2)
    magnet = metal(P=np.array([P * np.eye(2), np.zeros((2, 2)), np.zeros((2, 2))]))
    flow = driven(mesh, magnet)
    current = ju.current_through(flow, "right")
    assert current == pytest.approx(0.4, rel=1e-12)
    np.testing.assert_allclose(ju.spin_current_through(flow, "right") / current, [P, 0, 0], atol=1e-12)
    blocked = driven(mesh, magnet, ju.Contact(voltage=0.0, spin=None))
    assert ju.current_through(blocked, "right") == pytest.approx(0.4 * (1 - P**2), rel=1e-12)
    end = np.asarray(mesh.points)[:, 0] > 2 - 1e-9
    np.testing.assert_allclose(blocked.S[end, 0], P, rtol=1e-12)


def test_hall_bar():
    """No current across: d_y mu/d_x mu = hall, and j_x = -D (1 + hall^2) d_x mu."""
    hall, mesh = 0.4, ju.rectangle(5.0, 1.0, 0.2)
    flow = driven(mesh, metal(Gamma=1.0, hall=hall))
    x, y = np.asarray(mesh.points).T
    within = np.abs(x - 2.5) < 0.6
    columns = np.stack([x, y, np.ones_like(x)], axis=1)[within]
    along, across, _ = np.linalg.lstsq(columns, flow.mu[within], rcond=None)[0]
    assert across / along == pytest.approx(hall, rel=2e-3)
    assert ju.current_through(flow, "right") == pytest.approx(-2 * (1 + hall**2) * along, rel=2e-3)


def test_spin_galvanic_effects_of_magnets():
    """Uniform: S_l = s g_lx E/[(Gamma_aa - Gamma_ll)/2] with s = -1 for gamma^m, which is even under time reversal, and
    1 for mu, which is odd; both add g_ix S_i to the current (Onsager). Gamma^m relaxes spins as Gamma does.
    """
    Gamma, magnetic = np.diag([0.5, 0.9, 1.3]), np.diag([0.2, 0.1, 0.4])
    rates = (np.trace(Gamma + magnetic) - np.diag(Gamma + magnetic)) / 2
    tensor = 0.3 * np.random.default_rng(0).normal(size=(3, 2))
    for name, sign in (("magnetic_gamma", -1.0), ("mu", 1.0)):
        material = metal(Gamma=Gamma, magnetic_Gamma=magnetic, **{name: tensor})
        mesh = ju.rectangle(2.0, 1.0, 0.5)
        device = ju.Device(mesh=mesh, materials=material, boundaries={"top": ju.Periodic("bottom")})
        contacts = {"left": ju.Contact(voltage=0.0, spin=None), "right": ju.Contact(voltage=2.0, spin=None)}
        flow = ju.diffuse(device, contacts)
        S = sign * tensor[:, 0] / rates
        np.testing.assert_allclose(flow.S, np.tile(S, (len(flow.S), 1)), atol=1e-12)
        np.testing.assert_allclose(ju.charge_current(flow)[:, 0], 2 * (-1 + tensor[:, 0] @ S), atol=1e-12)
        np.testing.assert_allclose(ju.charge_current(flow)[:, 1], 2 * tensor[:, 1] @ S, atol=1e-12)


# --- superconductors -----------------------------------------------------------------------------


@pytest.mark.parametrize("K", [0.5, 1.0, -1.0])
def test_altermagnet_between_weak_barriers(K):
    """Pairs of either spin decay with D (1 +- iK): I/I(K = 0) = Re[1/(z sinh kL/z)] sinh kL, z^2 = 1 + iK,
    k^2 = 2 omega/D, to lowest order of the barriers.
    """
    omega, L, mesh = 0.5, 3.0, ju.rectangle(3.0, 0.2, 0.1)

    def current(K):
        ends = {
            "left": ju.Tunnel(ju.Reservoir(1.0), 0.02),
            "right": ju.Tunnel(ju.Reservoir(1.0, phase=np.pi / 2), 0.02),
        }
        device = ju.Device(mesh=mesh, materials=metal(K=K * D_WAVE), boundaries=ends)
        return float(ju.current_through(one_frequency(device, omega), "right"))

    z, k = np.sqrt(1 + 1j * K), np.sqrt(2 * omega)
    closed = (1 / (z * np.sinh(k * L / z))).real * np.sinh(k * L)
    assert abs(closed - 1) > 0.05
    assert current(K) / current(0.0) == pytest.approx(closed, rel=1e-3)


@pytest.mark.filterwarnings("ignore::jusadel.StrongPrecessionWarning")
def test_transparent_junction_with_exchange_field():
    """One spin: D (1 + iK cos th) th'' = 2 (omega + ih) sin th + (D/2) i K sin th th'^2, K = K_xx, from the action."""
    omega, L, K, h = 0.4, 2.0, 1.5, 0.6
    end = np.arctan(1 / omega)

    def slopes(x, y):
        th, d = y[0] + 1j * y[1], y[2] + 1j * y[3]
        bend = 2 * (omega + 1j * h) * np.sin(th) + 0.5j * K * np.sin(th) * d**2
        bend = bend / (1 + 1j * K * np.cos(th))
        return np.array([d.real, d.imag, bend.real, bend.imag])

    ends = lambda a, b: np.array([a[0] - end, a[1], b[0] - end, b[1]])  # noqa: E731
    x, start = np.linspace(0, L, 101), np.tile([[end], [0], [0], [0]], 101)
    exact = solve_bvp(slopes, ends, x, start, tol=1e-8, max_nodes=20000)
    middle = np.cos(exact.sol(L / 2)[0] + 1j * exact.sol(L / 2)[1])
    assert middle == pytest.approx(0.710004 + 0.048862j, abs=1e-6)
    errors = []
    for size in (0.2, 0.1):
        mesh = ju.rectangle(L, 0.2, size)
        magnet = metal(K=along_z([[K, 0.0], [0.0, -0.4]]), h=(0, 0, h))
        ends_of = {"left": ju.Reservoir(1.0), "right": ju.Reservoir(1.0)}
        sol = one_frequency(ju.Device(mesh=mesh, materials=magnet, boundaries=ends_of), omega)
        th = exact.sol(np.asarray(mesh.points)[:, 0])
        up = np.asarray(ju.to_nambu(np.asarray(sol.G)[0]))[:, 0, 0]
        errors.append(np.abs(up - np.cos(th[0] + 1j * th[1])).max())
    assert errors[-1] < 5e-4
    assert errors[0] > 2.5 * errors[1]


def test_spin_that_pairs_bring_into_an_altermagnet():
    """S_z = -2 Im f^2 of one frequency, f = A cosh k(L - x)/cosh kL the pairs behind a weak barrier, c = G_B/4:
    A = 2c F/(D' k tanh kL + 2c C), D' = D (1 + iK), k^2 = 2 omega/D', F = Delta/E, C = omega/E.
    """
    omega, L, K, c, mesh = 0.5, 3.0, 0.8, 0.1 / 4, ju.rectangle(3.0, 0.2, 0.1)
    ends = {"left": ju.Tunnel(ju.Reservoir(1.0), 4 * c)}
    sol = one_frequency(ju.Device(mesh=mesh, materials=metal(K=K * D_WAVE), boundaries=ends), omega)
    x, E = np.asarray(mesh.points)[:, 0], np.hypot(omega, 1)
    D = 1 + 1j * K
    k = np.sqrt(2 * omega / D)
    A = 2 * c / E / (D * k * np.tanh(k * L) + 2 * c * omega / E)
    expected = -2 * ((A * np.cosh(k * (L - x)) / np.cosh(k * L)) ** 2).imag
    found = np.asarray(ju.spin_density(sol, pauli=False))[:, 2]
    np.testing.assert_allclose(found, expected, atol=1e-2 * np.abs(expected).max())
    assert expected[x < 1e-9][0] == pytest.approx(1.779e-3, rel=1e-3)


def test_spin_of_a_supercurrent():
    """Uniform, momentum along x: S_z = 4 Im cos th, 0.16797525 at omega = 0.5, Delta = 1, A = 0.6, K = 0.5, from
    2 omega sin th - 2 Delta cos th + 2 D A^2 [2 sin th cos th (1 + iK cos th) - iK sin^3 th] = 0.
    """
    G = np.asarray(ju.bulk_value(0.5, 1.0, A=[0.6, 0.0], K=0.5 * D_WAVE))
    cos = np.asarray(ju.to_nambu(G))[[0, 1], [0, 1]]
    assert 2 * (cos[0] - cos[1]).imag == pytest.approx(0.16797525, abs=1e-8)
    assert cos[0] == pytest.approx(np.conj(cos[1]), abs=1e-12)


@pytest.mark.parametrize(("magnetic_Gamma", "Tc"), [(0.8, 0.4728181), (np.diag([0, 0, 0.8]), 0.8386070)])
def test_critical_temperature_of_abrikosov_and_gorkov(magnetic_Gamma, Tc):
    """ln t + psi(1/2 + a/2 pi t) = psi(1/2) with the pair breaking a = tr Gamma^m/4."""
    a = np.trace(magnetic_Gamma * np.eye(3)) / 4
    closed = brentq(lambda t: np.log(t) + digamma(0.5 + a / (2 * np.pi * t)) - digamma(0.5), 0.1, 1.0)
    assert closed == pytest.approx(Tc, abs=1e-7)
    for fields in ({"magnetic_Gamma": magnetic_Gamma}, {"depairing": a}):
        device = ju.Device(mesh=ju.rectangle(0.6, 0.6, 0.5), materials=ju.Material(Tc=1.0, **fields))
        found = ju.critical_temperature(device).T, ju.film_critical_temperature(device.materials["film"])
        assert found == pytest.approx((Tc, Tc), abs=2e-7)


def test_derivatives_of_all_fields():
    """The reverse gradient of a current and a spin against central differences, along a random direction of each."""
    rng = np.random.default_rng(3)
    given = magnetic(rng) | {k: 0.2 * rng.normal(size=(3, 2)) for k in ("magnetic_gamma", "mu")}
    given |= {"hall": 0.2, "v": 0.1 * rng.normal(size=3), "polarisation": [0.2, 0.1, -0.3]}
    given |= {"surface": 0.2 * rng.normal(size=(3, 2)), "edge": 0.1 * np.eye(3)}
    mesh = ju.rectangle(1.2, 0.8, 0.6)

    def measured(p):
        fields = {k: v for k, v in p.items() if k not in ("polarisation", "surface", "edge")}
        ends = {
            "left": ju.Reservoir(1.0),
            "right": ju.Tunnel(ju.Reservoir(1.0, phase=1.0), 2.0, polarisation=p["polarisation"]),
            "top": ju.Surface(magnetoelectric=p["surface"], magnetic_Gamma=p["edge"]),
        }
        device = ju.Device(mesh=mesh, materials=metal(h=(0.2, 0.1, 0.3), **fields), boundaries=ends)
        sol = ju.solve(device, 0.2, frequencies=2, tol=1e-12)
        return ju.current_through(sol, "left") + jnp.sum(ju.spin_density(sol)[4] * jnp.array([1.0, 2.0, -1.0]))

    parameters = {k: np.asarray(v, float) for k, v in given.items()}
    gradient = jax.grad(measured)(jax.tree.map(jnp.asarray, parameters))
    for name, value in parameters.items():
        along = rng.normal(size=value.shape)
        if name in ("P", "K"):
            along = along + np.swapaxes(along, -1, -2)
        if name in ("magnetic_Gamma", "edge"):
            along = along + along.T
        step = 1e-4
        up, down = (float(measured(parameters | {name: value + s * step * along})) for s in (1, -1))
        expected = (up - down) / (2 * step)
        assert abs(expected) > 1e-6, name
        assert np.sum(np.asarray(gradient[name]) * along) == pytest.approx(expected, rel=1e-5, abs=1e-9), name


# --- barriers ------------------------------------------------------------------------------------


def test_a_ferromagnetic_contact_injects_spin():
    """Behind a barrier that filters, strong relaxation holds S = 0 in the metal: I_s = P I. A detector that draws no
    current has the voltage mu + P.S of the metal.
    """
    mesh, P = ju.rectangle(1.0, 0.5, 0.25), np.array([0.3, 0.0, -0.5])
    injector = ju.Contact(voltage=1.0, tunnel=0.7, polarisation=P)
    device = ju.Device(mesh=mesh, materials=metal(Gamma=1e9))
    flow = ju.diffuse(device, {"left": injector, "right": ju.Contact(voltage=0.0)})
    current = ju.current_through(flow, "left")
    assert current == pytest.approx(-1 / (1 / (0.7 * 0.5) + 1.0 / (2 * 0.5)), rel=1e-6)
    np.testing.assert_allclose(ju.spin_current_through(flow, "left") / current, P, atol=1e-6)
    held = {
        "left": ju.Contact(voltage=0.2, spin=(0.1, 0.4, 0.3)),
        "right": ju.Contact(voltage="floating", tunnel=0.01, polarisation=P),
    }
    probe = ju.diffuse(ju.Device(mesh=mesh, materials=metal()), held)
    assert ju.current_through(probe, "right") == pytest.approx(0.0, abs=1e-12)
    assert probe.contacts["right"].voltage == pytest.approx(0.2 + P @ (0.1, 0.4, 0.3), abs=5e-3)


def test_thermoelectric_current_of_a_spin_split_superconductor():
    """Ozaeta et al. (2014): between a normal metal and a superconductor with exchange field h, a barrier that filters
    drives G_B P Int dE N_z(E) [f_N(E) - f_S(E)] where the two sides differ in temperature alone.
    """
    Delta, h, P, conductance, hot, cold, eta = 1.0, 0.3, 0.6, 1e-3, 0.4, 0.2, 0.02
    electrode = ju.Reservoir(Delta, h=(0, 0, h))
    mesh = ju.rectangle(0.2, 0.2, 0.2)
    boundaries = {"left": ju.Reservoir(0.0), "right": ju.Tunnel(electrode, conductance, polarisation=(0, 0, P))}
    device = ju.Device(mesh=mesh, materials=metal(), boundaries=boundaries)
    E = np.linspace(0.005, 4, 100)
    spec = ju.spectrum(ju.solve(device, cold, frequencies=4), E, eta=eta)
    contacts = {"left": ju.Contact(voltage=0.0, temperature=hot), "right": ju.Contact(voltage=0.0, temperature=cold)}
    found = ju.current_through(ju.kinetics(spec, contacts), "left")
    split = [
        ((E + s * h + 1j * eta) / np.sqrt((E + s * h + 1j * eta) ** 2 - Delta**2)) for s in (-1, 1)
    ]  # H = + h.sigma
    up, down = (np.abs(x.real) for x in split)
    fermi = lambda T: 1 / (np.exp(E / T) + 1)  # noqa: E731
    into_S = 0.2 * conductance * P * 2 * np.trapezoid((up - down) / 2 * (fermi(hot) - fermi(cold)), E)
    assert into_S < -1e-6
    assert found == pytest.approx(-into_S, rel=2e-2)
