"""Response at real frequencies: Mattis and Bardeen, the wire between superconductors, sum rules, passivity."""

from dataclasses import replace

import numpy as np
import pytest
from random_device import mild
from scipy.special import ellipe, ellipk

import jusadel as ju
from jusadel.action.matrix_free import lift
from jusadel.action.nambu.frames import green_to_frame
from jusadel.action.sparse_hessian import Pattern
from jusadel.nonequilibrium.dynamics.evaluation import Evaluation, Settings
from jusadel.nonequilibrium.dynamics.retarded import Retarded
from jusadel.nonequilibrium.dynamics.two_frequencies.doubled import Frames
from jusadel.nonequilibrium.dynamics.two_frequencies.linearised import DoubledAction, Drive

pytestmark = pytest.mark.filterwarnings("ignore:the mesh is too coarse:jusadel.CoarseMeshWarning")

D, NU, LENGTH, WIDTH = 1.3, 0.7, 1.0, 0.25
AREA, NORMAL = LENGTH * WIDTH, 2 * NU * D


@pytest.fixture(scope="module")
def mesh():
    return ju.rectangle(LENGTH, WIDTH, 1.0, x=np.linspace(0, LENGTH, 4), y=[0.0, WIDTH])


def film(mesh, T, **fields):
    """A piece of a uniform film, periodic along x, with Delta = 1."""
    material = ju.Material(D=D, nu=NU, Tc=1.0, **fields)
    device = ju.Device(mesh=mesh, materials=material, boundaries={"right": ju.Periodic("left")})
    return ju.solve(device, T, pair_potential=1.0)


@pytest.mark.parametrize("omega", [3.0, 5.0])
def test_mattis_and_bardeen(mesh, omega):
    """(1 + 2/w) E(k) - (4/w) K(k) and (1/2)[(1 + 2/w) E(k') - (1 - 2/w) K(k')], k = (w - 2)/(w + 2), at T = 0."""
    response = ju.response(film(mesh, 0.04), omega, A=(1.0, 0.0), eta=1e-3, accuracy=1e-3)
    found = response.sigma / NORMAL
    k2 = ((omega - 2) / (omega + 2)) ** 2
    one = (1 + 2 / omega) * ellipe(k2) - 4 / omega * ellipk(k2)
    two = ((1 + 2 / omega) * ellipe(1 - k2) - (1 - 2 / omega) * ellipk(1 - k2)) / 2
    assert one == pytest.approx({3.0: 0.47579, 5.0: 0.77317}[omega], abs=1e-5)
    assert found.real == pytest.approx(one, rel=5e-3)
    assert found.imag == pytest.approx(two, rel=5e-3)
    assert response.quality == pytest.approx(two / one, rel=1e-2)


def test_sum_rule_and_the_other_axis(mesh):
    """(2/pi) Int (sigma_N - Re sigma) = Q(0), and with Omega^2/(omega^2 + Omega^2) what Q loses up to i Omega."""
    T = 0.3
    sol, (x, w) = film(mesh, T, depairing=0.4), np.polynomial.legendre.leggauss(9)
    t = (x + 1) / 2
    omega, weights = 2 * t / (1 - t), w / (1 - t) ** 2
    missing = NORMAL - ju.response(sol, omega, A=(1.0, 0.0), eta=5e-3, accuracy=5e-3).sigma.real
    stiffness = float(ju.response(sol, 0.0, A=(1.0, 0.0)).Q) / AREA
    assert 2 / np.pi * weights @ missing == pytest.approx(stiffness, rel=1e-2)
    Omega = 2 * np.pi * T * np.array([1, 3])
    there = ju.response(sol, Omega, A=(1.0, 0.0), axis="imaginary").Q / AREA
    kernel = Omega[:, None] ** 2 / (omega**2 + Omega[:, None] ** 2)
    expected = stiffness + Omega * NORMAL - 2 / np.pi * (kernel * weights) @ missing
    np.testing.assert_allclose(there, expected, rtol=3e-3)


def test_spins_without_relaxation_do_not_follow(mesh):
    """The whole spin is conserved: a uniform field h(t) does nothing at omega > 0 but for eta."""
    found = ju.response(film(mesh, 0.3), 1.7, h=(0.0, 0.0, 1.0), eta=1e-2, accuracy=5e-3).Q
    assert abs(found) < 2e-2 * 2 * NU * AREA


def test_damping_of_ferromagnetic_resonance(mesh):
    """Silaev, arXiv:2007.04372: spin-orbit scattering, the retarded continuation of the sum by quadrature here."""
    T, omega, Gamma, eta, nu = 0.3, 0.8, 0.9, 2e-2, NU
    found = ju.response(film(mesh, T, Gamma=Gamma), omega, h=(1.0, 0.0, 0.0), eta=eta, accuracy=1e-3)
    E = np.linspace(-40.0, 40.0, 400_001)
    one, two = (_bulk(eta - 1j * x) for x in (E + omega, E))
    below, above = ([f(g) for f, g in zip(_ADVANCED, x, strict=True)] for x in (two, one))
    occupied, excited = np.tanh(E / (2 * T)), np.tanh((E + omega) / (2 * T))
    kernel = (
        occupied * _spins(one, two, Gamma)
        + (excited - occupied) * _spins(one, below, Gamma)
        - excited * _spins(above, below, Gamma)
    )
    expected = -2 * nu - 0.5j * nu * np.trapezoid(kernel, E)
    assert pytest.approx(expected, rel=5e-3) == found.Q / AREA
    assert found.absorption > 0


@pytest.mark.parametrize("omega", [1.2, 3.0])
def test_amplitude_and_phase_of_the_pair_potential(mesh, omega):
    """2 nu (4 - omega^2) C and - 2 nu omega^2 C with C = Int dxi tanh(E/2T)/(E (4 E^2 - omega^2)), Delta = 1.

    The functional's second derivatives K with respect to |Delta| and to its phase, of the BCS theory. Without the gap
    equation a change of Delta is answered by R = K - a; with it Delta follows by y = - R/K, and Q = R (1 + y).
    """
    T, eta = 0.3, 5e-3
    sol, solver = film(mesh, T), ju.linear.SuperLU()
    xi, z = np.linspace(0, 60, 600_001), omega + 2j * eta
    E = np.hypot(xi, 1)
    C = np.trapezoid(np.tanh(E / (2 * T)) / (E * (4 * E**2 - z**2)), xi)
    settings = Settings(eta, False, 3e-3, 3000, (sol.omega, sol.weights), neutral=False, gap=True, maps=False)
    for part, expected in enumerate((4 - z**2, -(z**2))):
        change = np.zeros((len(sol.system.free), 2))
        change[:, part] = sol.system.nodes.weight
        drive = Drive(np.zeros(np.shape(sol.system.triangles)), np.zeros((len(change), 3)), change)
        found = Evaluation(sol, (drive,), settings, Retarded(sol, solver, 1e-9), solver).at(omega)
        y = found.pairs[:, part]
        np.testing.assert_allclose(found.pairs[:, 1 - part], 0, atol=1e-3)  # they do not mix
        np.testing.assert_allclose(-found.Q[0] / (y * (1 + y)) / AREA, 2 * NU * expected * C, rtol=2e-2)


def test_a_longitudinal_field_is_a_gauge():
    """grad chi exp(-i omega t) in a superconductor of its own: potential i omega chi and phase answer, nothing else."""
    mesh = ju.rectangle(2.0, 0.5, 1.0, x=np.linspace(0, 2, 6), y=[0.0, 0.5])
    sol = ju.solve(ju.Device(mesh=mesh, materials=ju.Material(Tc=1.0)), 0.3, "self-consistent", frequencies=12)
    gradient = lambda x: np.stack([np.cos(x[:, 0]), 0 * x[:, 0]], axis=1)  # noqa: E731
    given = {"A": gradient, "eta": 1e-2, "accuracy": 1e-2}
    found = ju.response(sol, 1.0, **given)
    assert abs(found.Q) < 2e-2 < abs(ju.response(sol, 0.0, A=gradient, gap=False).Q) / 50
    chi = np.sin(np.asarray(mesh.points)[:, 0])
    np.testing.assert_allclose(np.abs(found.phi - found.phi[0]), np.abs(chi - chi[0]), atol=2e-2)


_ADVANCED = (lambda c: -np.conj(c), np.conj, np.conj)


def _bulk(z):
    """cos, sin and root of a bulk superconductor at the frequency z."""
    root = np.sqrt(z**2 + 1)
    root = np.where(root.real < 0, -root, root)
    return z / root, 1 / root, root


def _spins(one, two, Gamma):
    (c, s, E), (c1, s1, E1) = one, two
    return (1 - c * c1 + s * s1) / (E + E1 + Gamma)


# --- a wire between superconductors --------------------------------------------------------------------


@pytest.fixture(scope="module")
def junction():
    mesh = ju.rectangle(1.0, 0.5, 1.0, x=np.linspace(0, 1, 31), y=[0.0, 0.5])

    def at(phase):
        ends = {name: ju.Reservoir(100.0, sign * phase / 2) for name, sign in (("left", -1), ("right", 1))}
        device = ju.Device(mesh=mesh, materials=ju.Material(D=1.0, Tc=0.0), boundaries=ends)
        return ju.solve(device, 0.05, frequencies=100)

    return at


@pytest.mark.parametrize(
    ("phase", "omega", "expected"),
    [(0.0, 20.0, 0.7211 + 0.1184j), (2.0, 4.0, 0.1282 - 1.0586j)],
)
def test_admittance_of_a_junction(junction, phase, omega, expected):
    """Y/G_N of a separate one-dimensional code, 31 nodes, energies up to 600 E_Th; the lattices differ a little."""
    found = ju.admittance(junction(phase), omega, eta=0.05, frequencies=50, accuracy=5e-3).Y / (2 * 0.5)
    assert found == pytest.approx(expected, rel=2e-2)


def test_absorption_peaks_where_the_minigap_closes():
    """Tikhonov and Feigel'man, arXiv:1412.2879, for omega and T up to the Thouless energy."""
    mesh = ju.rectangle(1.0, 0.5, 1.0, x=np.linspace(0, 1, 9), y=[0.0, 0.5])

    def absorbed(phase):
        ends = {name: ju.Reservoir(100.0, sign * phase / 2) for name, sign in (("left", -1), ("right", 1))}
        device = ju.Device(mesh=mesh, materials=ju.Material(D=1.0, Tc=0.0), boundaries=ends)
        sol = ju.solve(device, 0.2, frequencies=30)
        return ju.admittance(sol, 1.0, eta=0.05, frequencies=30, accuracy=3e-2).absorption

    assert absorbed(3.1) > 10 * absorbed(2.6) > 0


# --- everything at once ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rich():
    """Junctions with spin-orbit and magnetic terms, a field, a barrier inside and a spin-active one at their end."""
    mesh = ju.rectangle(
        1.0,
        0.3,
        1.0,
        x=np.linspace(0, 1, 5),
        y=[0.0, 0.3],
        regions={"a": lambda c: c[:, 0] < 0.5, "b": lambda c: c[:, 0] > 0.5},
    )
    mesh = ju.with_cut_between(mesh, "a", "b", "cut")

    def of(seed):
        rng = np.random.default_rng(seed)
        h, axis, random = rng.normal(size=3), rng.normal(size=3), rng.random(6)
        materials = {
            "a": ju.Material(Tc=0.0, h=0.5 * h, **mild(2 * seed)),
            "b": ju.Material(Tc=0.0, depairing=random[0], **mild(2 * seed + 1)),
        }
        active = ju.SpinActive(
            up=0.9 * random[1], down=0.9 * random[2], mixing=tuple(h[:2]), axis=axis / np.linalg.norm(axis), channels=2
        )
        boundaries = {
            "left": ju.Reservoir(3.0),
            "right": ju.Tunnel(ju.Reservoir(3.0, 6.0 * random[3]), active),
            "cut": ju.Interface(1 + 3 * random[4], transmissions=[0.8, 0.3]),
        }
        field = ju.uniform_field(random[5])
        return ju.Device(mesh=mesh, materials=materials, boundaries=boundaries, vector_potential=field)

    return of


def test_one_frequency_of_a_rich_junction(rich):
    """H is Newton's Hessian."""
    sol = ju.solve(rich(0), 0.3, frequencies=8)
    action, G = DoubledAction(sol.system), np.asarray(sol.all_G)
    at = Frames.of(G[0], G[0], False)
    H = action.pattern.matrix(action.blocks(at, (np.full(action.nodes, sol.omega[0]),) * 2)).toarray()
    lifted = lift(sol.system)
    _, expected = Pattern(lifted).slope_and_matrix(lifted, green_to_frame(G[0]), sol.omega[0])
    np.testing.assert_allclose(H, expected.toarray(), atol=1e-11 * abs(expected).max())
    assert ju.admittance(sol, 2 * np.pi * 0.3, axis="imaginary", frequencies=8).Y > 0


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_amplified(rich, seed):
    """Re Y >= 0 of random devices with everything on."""
    sol = ju.solve(rich(seed), 0.3, frequencies=8)
    omega = 1 + 5 * np.random.default_rng(seed).random()
    assert ju.admittance(sol, omega, eta=0.2, accuracy=5e-2, frequencies=8).absorption > 0


def test_maps_and_iterations_are_the_same_response(junction, monkeypatch):
    """Currents of the triangles through every column of them, and GMRES in the place of a matrix."""
    sol, Omega = junction(1.0), 2 * np.pi * 0.05 * 60
    found = ju.admittance(sol, Omega, axis="imaginary", frequencies=30, maps=True)
    mesh = sol.mesh
    along = np.asarray(mesh.areas) * found.current[: len(mesh.triangles), 0].real
    columns = np.bincount((np.asarray(mesh.centroids)[:, 0] * 30).astype(int), along) * 30
    assert -columns.mean() == pytest.approx(found.Q.real, rel=1e-9)
    np.testing.assert_allclose(-columns, found.Q.real, rtol=2e-3)  # conserved as far as the sum over frequencies goes
    assert np.abs(found.phi).max() > 0
    monkeypatch.setattr("jusadel.nonequilibrium.dynamics.evaluation.DENSE", 0)
    again = ju.admittance(sol, Omega, axis="imaginary", frequencies=30)
    assert pytest.approx(found.Q, rel=1e-6) == again.Q
    np.testing.assert_allclose(again.phi, found.phi, atol=1e-6 * np.abs(found.phi).max())


# --- what is refused -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("omega", "given", "message"),
    [
        (-1.0, {}, "expected finite frequencies >= 0"),
        (np.nan, {}, "expected finite frequencies >= 0"),
        (0.1, {"eta": 0.09}, "does not resolve omega = 0.1"),
        (1.0, {"eta": 0.0}, "does not resolve"),
        (1.0, {"axis": "imaginary"}, "expected 2 pi T m, the nearest being 0.942"),
        (1.0, {"axis": "both"}, "expected 'real' or 'imaginary'"),
        (1.0, {"accuracy": 0.0}, "expected a relative error"),
        (1.0, {"between": ("left", "top")}, "'top', which is none of the device's electrodes"),
        (1.0, {"between": "left"}, "expected the names of two electrodes"),
    ],
)
def test_bad_questions(normal, omega, given, message):
    with pytest.raises(ValueError, match=message):
        ju.admittance(normal, omega, **given)


@pytest.fixture(scope="module")
def normal():
    mesh = ju.rectangle(1.0, 0.5, 1.0, x=np.linspace(0, 1, 4), y=[0.0, 0.5])
    ends = {name: ju.Reservoir(0.0) for name in ("left", "right")}
    return ju.solve(ju.Device(mesh=mesh, materials=ju.Material(Tc=0.0), boundaries=ends), 0.15, frequencies=3)


def test_a_normal_wire_is_ohmic(normal):
    """Y = 2 nu D W/L at every frequency, all of it absorbed."""
    found = ju.admittance(normal, (0.5, 3.0), eta=1e-6)
    np.testing.assert_allclose(found.Y, 2 * 0.5, atol=1e-5)
    assert "2 frequencies" in repr(found)


def test_every_result_of_a_row_is_a_row(normal, recwarn):
    """One number in a row stays in it; the static response has no maps, which take none away from other frequencies."""
    Omega = 2 * np.pi * 0.15
    one = ju.admittance(normal, [Omega], axis="imaginary")
    assert one.Q.shape == one.Y.shape == one.inductance.shape == one.omega.shape == (1,)
    both = ju.admittance(normal, [0.0, Omega], axis="imaginary", maps=True)
    assert both.Y[1] == pytest.approx(2 * 0.5)
    assert f"Y({Omega:.4g}) = 1;" in repr(both)
    assert "nan" not in repr(both)
    assert np.isnan(both.current[0]).all()
    moved = np.asarray(normal.mesh.areas) * both.current[1, : len(normal.mesh.triangles), 0].real
    assert -moved.sum() == pytest.approx(both.Q[1].real)
    assert not [w for w in recwarn if issubclass(w.category, RuntimeWarning)]


@pytest.mark.parametrize("axis", ["real", "imaginary"])
def test_a_barrier_is_in_series(axis):
    """1/Y = L/(2 nu D W) + 1/(g W), by the potential phi: i omega chi + phi is that of the current, chi = 1 - x/L."""
    x, g = np.linspace(0, 1, 4), 3.0
    mesh = ju.rectangle(1.0, 0.5, 1.0, x=x, y=[0.0, 0.5])
    ends = {"left": ju.Reservoir(0.0), "right": ju.Tunnel(ju.Reservoir(0.0), g)}
    sol = ju.solve(ju.Device(mesh=mesh, materials=ju.Material(D=1.0, Tc=0.0), boundaries=ends), 0.15, frequencies=3)
    omega = 2 * np.pi * 0.15 * 2
    found = ju.admittance(sol, omega, axis=axis, eta=1e-6)
    wire, whole = 1 / (2 * 0.5), 1 / (2 * 0.5) + 1 / (0.5 * g)
    assert pytest.approx(1 / whole, abs=1e-5) == found.Y
    x = np.asarray(mesh.points)[:, 0]
    rate = 1j * omega if axis == "real" else -omega
    expected = rate * ((1 - x * wire / whole) - (1 - x))
    np.testing.assert_allclose(found.phi, np.where(x > 0, expected, 0.0), atol=1e-5)


def test_other_refusals(normal):
    with pytest.raises(ValueError, match="give one drive"):
        ju.response(normal, 1.0)
    with pytest.raises(ValueError, match="expected two finite numbers"):
        ju.response(normal, 1.0, A=(0.0, 0.0))
    with pytest.raises(ValueError, match="h has shape"):
        ju.response(normal, 1.0, h=(1.0, 0.0))
    with pytest.raises(TypeError, match="expected the Solution"):
        ju.response(None, 1.0, A=(1.0, 0.0))
    bad = replace(normal, converged=np.zeros(3, bool))
    with pytest.raises(ValueError, match="not certified"):
        ju.admittance(bad, 1.0)
    ends = {name: ju.Reservoir(1.0) for name in ("left", "right")}
    device = ju.Device(mesh=normal.mesh, materials=ju.Material(Tc=0.0), boundaries=ends)
    gapped = ju.solve(device, 0.15, frequencies=3)
    with pytest.warns(ju.CoarseEnergiesWarning, match="uncertain by"):
        ju.admittance(gapped, 1.0, eta=1e-3, most_energies=60, accuracy=1e-9)
