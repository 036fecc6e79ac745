"""Static response and that on the imaginary axis, against closed forms and differences."""

import warnings

import jax
import numpy as np
import pytest

import jusadel as ju
from jusadel.action.matrices.stiffness import stiffness
from jusadel.action.nambu import R
from jusadel.nonequilibrium.dynamics.drives import voltage
from jusadel.nonequilibrium.dynamics.followers import Followers
from jusadel.nonequilibrium.dynamics.frequency_pairs import crossing_pairs, summed_pairs
from jusadel.nonequilibrium.dynamics.kernel import Kernel
from jusadel.nonequilibrium.dynamics.two_frequencies.linearised import DoubledAction, Drive
from jusadel.nonequilibrium.dynamics.two_frequencies.solvers import PairFactors

pytestmark = pytest.mark.filterwarnings("ignore:the mesh is too coarse:jusadel.CoarseMeshWarning")

D, NU, GAMMA, T, LENGTH, WIDTH = 1.3, 0.7, 0.9, 0.3, 1.0, 0.25
AREA = LENGTH * WIDTH
FACTORS = PairFactors(ju.linear.SuperLU())


@pytest.fixture(scope="module")
def mesh():
    return ju.rectangle(LENGTH, WIDTH, 1.0, x=np.linspace(0, LENGTH, 5), y=[0.0, WIDTH])


def film(mesh, **fields):
    """A piece of a uniform film, periodic along x."""
    material = ju.Material(D=D, nu=NU, **{"Tc": 0.0} | fields)
    return ju.Device(mesh=mesh, materials=material, boundaries={"right": ju.Periodic("left")})


@pytest.fixture(scope="module")
def superconductor(mesh):
    return ju.solve(film(mesh, Gamma=GAMMA, Tc=1.0), T, pair_potential=1.0, accuracy=1e-6)


@pytest.fixture(scope="module")
def junction():
    """SNS, L = D = 1, of as many lattice points along as the reference has."""
    mesh = ju.rectangle(1.0, 0.5, 1.0, x=np.linspace(0, 1, 31), y=[0.0, 0.5])

    def at(phase, T=2.0, D=1.0):
        ends = {name: ju.Reservoir(50.0, sign * phase / 2) for name, sign in (("left", -1), ("right", 1))}
        return ju.solve(ju.Device(mesh=mesh, materials=ju.Material(D=D, Tc=0.0), boundaries=ends), T)

    return at


def matsubara(T, n=20000):
    return np.pi * T * (2 * np.arange(-n, n) + 1)


def bulk(omega, Delta=1.0):
    """cos and sin of the pairing angle, and their root, for either sign of omega."""
    root = np.hypot(omega, Delta)
    return omega / root, Delta / root, root


# --- static ------------------------------------------------------------------------------------------


def test_london_stiffness_of_a_film(superconductor):
    """Q(0) = 2 nu D pi Delta tanh(Delta/2T) per area."""
    found = ju.response(superconductor, 0.0, A=(1.0, 0.0)).Q / AREA
    assert found == pytest.approx(2 * NU * D * np.pi * np.tanh(1 / (2 * T)), rel=1e-6)


def test_spin_susceptibility_with_spin_orbit_scattering(superconductor):
    """Abrikosov and Gorkov: - 2 nu [1 - 2 pi T Sum Delta^2/(E^2 (E + Gamma/2))], E^2 = omega^2 + Delta^2."""
    _, s, E = bulk(matsubara(T))
    expected = -2 * NU * (1 - np.pi * T * np.sum(s**2 / (E + GAMMA / 2)))
    for h in ((1.0, 0.0, 0.0), (0.0, 0.6, 0.8)):
        assert pytest.approx(expected, rel=1e-5) == ju.response(superconductor, 0.0, h=h).Q / AREA


def test_static_response_of_a_junction(junction):
    """15.0411 = 4 F'' of the reference of 31 nodes; twice the slope of the current; its derivative by differences."""
    Q = lambda D: ju.admittance(junction(1.0, D=D), 0.0).Q  # noqa: E731
    at_one, step = float(Q(1.0)), 1e-3
    assert at_one / 0.5 == pytest.approx(15.0411, rel=1e-3)  # of another lattice
    current = lambda phase: float(ju.current_through(junction(phase), "right"))  # noqa: E731
    assert at_one == pytest.approx((current(1 + step) - current(1 - step)) / step, rel=1e-5)
    sol = junction(1.0)
    action, G = DoubledAction(sol.system), np.asarray(sol.all_G)
    nothing = Followers.of(action.system.nodes.weight, np.zeros(0, int), None)
    kernel = Kernel(action, (voltage(sol, "left"),), nothing, lambda z: np.concatenate([G, G]).astype(complex), FACTORS)
    joined = kernel.of(summed_pairs(sol.T, sol.omega, sol.weights, 0.0, 0.0))
    assert sum(kernel.matrices(joined))[0, 0] == pytest.approx(at_one, rel=1e-9)
    slope = (float(Q(1 + step)) - float(Q(1 - step))) / (2 * step)
    inductance = lambda D: ju.admittance(junction(1.0, D=D), 0.0).inductance  # noqa: E731
    assert jax.grad(inductance)(1.0) == pytest.approx(-slope / at_one**2, rel=1e-5)


def test_a_longitudinal_static_field_gives_nothing():
    """A = grad chi in a superconductor of its own: its phase follows. Without the gap equation the field is felt."""
    mesh = ju.rectangle(2.0, 0.5, 1.0, x=np.linspace(0, 2, 6), y=[0.0, 0.5])
    sol = ju.solve(ju.Device(mesh=mesh, materials=ju.Material(Tc=1.0)), 0.3, "self-consistent", frequencies=12)
    gradient = lambda x: np.stack([np.cos(x[:, 0]), 0 * x[:, 0]], axis=1)  # noqa: E731
    alone = ju.response(sol, 0.0, A=gradient, gap=False).Q
    assert alone > 1
    assert abs(ju.response(sol, 0.0, A=gradient).Q) < 1e-6 * alone
    moving = ju.response(sol, 2 * np.pi * 0.3, A=gradient, axis="imaginary", accuracy=1e-8)
    assert abs(moving.Q) < 1e-6 * alone  # a gauge, with phi and the phase in it


def test_a_given_pair_potential_takes_charge():
    """As much as the current at an electrode's surface, by differences in A, misses of the mean; else no warning."""
    mesh = ju.rectangle(2.0, 0.5, 1.0, x=np.linspace(0, 2, 5), y=[0.0, 0.5])
    ends = {"left": ju.Reservoir(1.0, -0.35), "right": ju.Reservoir(1.0, 0.35)}

    def at(a):
        field = lambda p: np.stack([0.5 * a + 0 * p[:, 0], 0 * p[:, 0]], axis=1)  # noqa: E731
        device = ju.Device(mesh=mesh, materials=ju.Material(Tc=1.0), boundaries=ends, vector_potential=field)
        return ju.solve(device, 0.3, pair_potential=lambda p: 1 + 0.2 * p[:, 0], frequencies=8)

    one, other = (float(ju.current_through(at(a), "right")) for a in (1e-3, -1e-3))
    sol = at(0.0)
    with pytest.warns(ju.ChargeWarning) as warned:
        mean = float(ju.admittance(sol, 0.0).Q)
    missing = abs((one - other) / 2e-3 + mean) / mean
    assert missing > 1e-2
    assert f"differ by {100 * missing:.2g} %" in str(warned[0].message)
    normal = ju.Device(mesh=mesh, materials=ju.Material(Tc=0.0), boundaries=ends)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ju.ChargeWarning)
        ju.admittance(ju.solve(normal, 0.3, frequencies=8), 0.0)


# --- the imaginary axis --------------------------------------------------------------------------------


def test_density_response_of_a_normal_metal(mesh):
    """2 nu w Omega (K + Omega w)^-1 w with stiffness K and weights w; 2 nu Omega/(D q^2 + Omega) of one mode."""
    ends = {name: ju.Reservoir(0.0) for name in ("left", "right")}
    device = ju.Device(mesh=mesh, materials=ju.Material(D=D, nu=NU, Tc=0.0), boundaries=ends)
    action, Omega = DoubledAction(ju.solve(device, T, frequencies=2).system), 6 * np.pi * T
    w, free = action.system.nodes.weight, np.flatnonzero(action.system.free)
    normal = lambda z: np.broadcast_to(R[2].astype(complex), (len(z), action.nodes, 4, 4))  # noqa: E731
    nothing = Drive(np.zeros(np.shape(action.system.triangles)), np.zeros((action.nodes, 3)))
    kernel = Kernel(action, (nothing,), Followers.of(w, free, None), normal, FACTORS)
    found = sum(kernel.matrices(kernel.of(crossing_pairs(T, Omega))))[1:, 1:]
    K = stiffness(action.system).toarray()[np.ix_(free, free)]
    expected = 2 * Omega * w[free] * np.linalg.solve(K + Omega * np.diag(w[free]), np.diag(w[free])).T
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_transverse_spins_precess_and_relax(mesh):
    """Q_xx = 2 nu Omega (Omega + Gamma)/[(Omega + Gamma)^2 + 4 h^2] - 2 nu and Q_yx with 2 h Omega above."""
    h, Gamma = 0.6, 0.4
    sol = ju.solve(film(mesh, h=(0, 0, h), Gamma=Gamma), T, frequencies=3)
    Omega = 2 * np.pi * T * 4
    found = ju.response(sol, Omega, h=(1.0, 0.0, 0.0), axis="imaginary", maps=True)
    below = (Omega + Gamma) ** 2 + 4 * h**2
    expected = 2 * NU * Omega * (Omega + Gamma) / below - 2 * NU
    assert pytest.approx(expected, abs=1e-9) == found.Q / AREA
    np.testing.assert_allclose(found.spin[:, 0], expected, atol=1e-9)
    np.testing.assert_allclose(np.abs(found.spin[:, 1]), 2 * NU * Omega * 2 * h / below, atol=1e-9)
    with pytest.raises(ValueError, match="sigma of an exchange field"):
        _ = found.sigma


def test_conductivity_and_spin_susceptibility_of_a_superconductor(superconductor):
    """Mattis and Bardeen's kernel, and Silaev's with spin-orbit scattering, as sums over Matsubara frequencies."""
    Omega, omega = 2 * np.pi * T * 3, matsubara(T)
    (c, s, E), (c1, s1, E1) = bulk(omega), bulk(omega + Omega)
    found = ju.response(superconductor, Omega, A=(1.0, 0.0), axis="imaginary", accuracy=1e-6)
    expected = np.pi * T * D * NU * 2 * np.sum(1 - c * c1 + s * s1)
    assert pytest.approx(expected, rel=1e-5) == found.Q / AREA
    assert found.sigma == pytest.approx(expected / Omega, rel=1e-5)
    found = ju.response(superconductor, Omega, h=(0.0, 1.0, 0.0), axis="imaginary", accuracy=1e-6)
    expected = -2 * NU + 2 * np.pi * T * NU * np.sum((1 - c * c1 + s * s1) / (E + E1 + GAMMA))
    assert pytest.approx(expected, rel=1e-5) == found.Q / AREA
