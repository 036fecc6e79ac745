"""Distributions in superconductors: equilibrium, reentrance, the normal limit, closed forms, conservation, refusals."""

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
from random_device import ALL, magnetic, small_mesh

import jusadel as ju
from jusadel.action.assembly import discretise

pytestmark = [
    pytest.mark.filterwarnings("ignore:the mesh is too coarse:jusadel.CoarseMeshWarning"),
]
ONE = {"T": 0.1, "frequencies": ([3.0], [1.0])}
"""For the spectra the Matsubara frequencies do not matter."""


def strip(lines, width, ends, **material):
    mesh = ju.rectangle(lines[-1], width, 10.0, x=lines, y=np.array([0.0, width]))
    return ju.Device(mesh=mesh, materials=ju.Material(**material), boundaries=ends)


def quadrature(n=24, scale=4.0):
    """Nodes and weights from zero to infinity."""
    u, w = np.polynomial.legendre.leggauss(n)
    s = (u + 1) / 2
    return scale * s / (1 - s), scale * w / 2 / (1 - s) ** 2


def bcs_states(E, eta, Delta=1.0):
    z = np.asarray(E) + 1j * eta
    return (z / np.sqrt(z**2 - Delta**2)).real


# --- a normal wire on a superconductor ------------------------------------------------------------------

REENTRANCE = {0.1: 1.0000, 1: 1.017, 2: 1.064, 3: 1.122, 4: 1.160, 5: 1.1729, 6: 1.1707, 8: 1.154, 12: 1.129}


@pytest.fixture(scope="module")
def wire():
    """Length 1, so that E_Th = 1, on a superconductor with Delta = 50."""
    ends = {"left": ju.Reservoir(0.0), "right": ju.Reservoir(50.0)}
    sol = ju.solve(strip(np.linspace(0, 1, 81), 0.05, ends, Tc=0.0), **ONE)
    return ju.spectrum(sol, list(REENTRANCE), eta=1e-6)


def test_reentrance_of_a_wire_on_a_superconductor(wire):
    """dI/dV at T = 0 and eV = E over that of the normal wire, 2 nu D W/L (Nazarov and Stoof; Golubov et al.)."""
    cold = {"left": ju.Contact(voltage=20.0, temperature=0.0), "right": ju.Contact(voltage=0.0, temperature=0.0)}
    kin = ju.kinetics(wire, cold, bath="grounded")
    out = kin.currents_through("right")[:, 1]
    np.testing.assert_allclose(out / (2 * 0.05), list(REENTRANCE.values()), rtol=7e-4)
    left, bath = kin.currents_through("left")[:, 1], kin.taken[:, 1]
    np.testing.assert_allclose(left + out + bath, 0, atol=1e-13)
    assert np.abs(bath).max() < 2e-6 * out.max()
    assert kin.bath_share == pytest.approx(np.abs(bath).sum() / np.abs(left).sum(), rel=0.3)
    assert np.all(kin.pairing_source == 0)
    elastic = ju.kinetics(wire, cold)
    np.testing.assert_allclose(elastic.currents_through("left")[:, 1], -elastic.currents_through("right")[:, 1], 1e-11)
    assert elastic.bath_share == 0
    assert "no bath" in repr(elastic)


def test_wire_at_a_voltage_and_temperature(wire):
    """Small voltages: G(T) = Int g(E) / (2 T cosh^2(E/2T)) dE over E > 0, with the same energies and weights."""
    E, weights = wire.energies, np.linspace(0.5, 1.5, 9)
    ends = {"left": ju.Contact(voltage=1e-4, temperature=2.0), "right": ju.Contact(voltage=0.0, temperature=2.0)}
    kin = ju.kinetics(wire, ends, weights=weights)
    expected = 0.1 * weights @ (np.array(list(REENTRANCE.values())) / (4 * np.cosh(E / 4) ** 2)) * 1e-4
    assert ju.current_through(kin, "right") == pytest.approx(expected, rel=1e-3)
    assert ju.current_across(kin, (0.3, 0.05), (0.3, 0.0)) == pytest.approx(-expected, rel=1e-3)
    assert kin.dissipation == pytest.approx(1e-4 * expected, rel=1e-3)


# --- equilibrium -------------------------------------------------------------------------------------

T, ETA = 1.0, 2.0
CUT = ((0.5, 0.0), (0.5, 0.1))


@pytest.fixture(scope="module")
def junction():
    """A junction with every term, those of magnets too, barriers of which one filters spins and one turns them, and
    levels broadened by pi T or so.
    """
    x = (1 - np.cos(np.pi * np.linspace(0, 1, 9))) / 2
    film = {"h": (0, 0.5, 0.2), "gamma": ju.rashba(0.3), "Gamma": 0.3, "spin_field": ju.rashba(0.4)}
    film |= magnetic(np.random.default_rng(5)) | {"hall": 0.2, "v": (0.1, 0, 0.2)}
    film |= {"magnetic_gamma": ju.dresselhaus(0.2), "mu": ju.rashba(0.2)}
    turning = ju.SpinActive(up=0.6, down=0.3, mixing=(0.5, 0.2), axis=(0.6, 0, 0.8), channels=30.0)
    ends = {
        "left": ju.Tunnel(ju.Reservoir(4.0), turning),
        "right": ju.Reservoir(4.0, phase=1.2),
        "bottom": ju.Tunnel(ju.Reservoir(0.0), conductance=0.5, polarisation=(0.3, 0, 0.4)),
    }
    device = strip(x, 0.1, ends, Tc=0.0, theta=(0, 0, 0.1), kappa=(0, 0, 0.1), **film)
    return ju.spectrum(ju.solve(device, **ONE), quadrature()[0], eta=ETA)


@pytest.fixture(scope="module")
def balanced(junction):
    contacts = {name: ju.Contact(voltage=0.0, temperature=T) for name in ("left", "right", "bottom")}
    return ju.kinetics(junction, contacts, bath="grounded", weights=quadrature()[1])


def test_equilibrium_is_the_same_distribution_everywhere(junction, balanced):
    expected = np.zeros(balanced.f.shape)
    expected[..., 0] = np.tanh(junction.energies / (2 * T))[:, None]
    np.testing.assert_allclose(balanced.f, expected, atol=1e-7)
    assert balanced.f.shape == (24, 18, 8)


def test_equilibrium_current_is_the_matsubara_one(junction, balanced):
    """With the broadening eta everywhere it is pi T Sum F(omega_n + eta): tanh has its poles at i omega_n."""
    omega, weights = ju.matsubara.quadrature(T, 60)
    sol = ju.solve(junction.device, T=T, frequencies=(omega + ETA, weights))
    current = float(ju.current_through(sol, "right"))
    assert abs(current) > 0.01
    for name, sign in (("right", 1), ("left", -1)):
        assert ju.current_through(balanced, name) == pytest.approx(sign * current, rel=5e-5)
    assert ju.current_across(balanced.only("energy"), *CUT) == pytest.approx(current, rel=5e-5)
    assert abs(ju.current_through(balanced, "bottom")) < 1e-8
    # -dF/da of a Solution is not the spin current at one point of a triangle: see test_keldysh on how they approach
    spin, S = np.asarray(ju.spin_current_across(sol, *CUT)), np.asarray(ju.spin_density(sol))
    np.testing.assert_allclose(ju.spin_current_across(balanced, *CUT), spin, atol=0.03 * np.abs(spin).max())
    # at the fixed end, where a magnet's spin falls off slowly with energy, the quadrature costs 3e-4 (1e-4 with 48)
    np.testing.assert_allclose(ju.spin_density(balanced), S, atol=4e-4 * np.abs(S).max())
    assert np.abs(ju.spin_density(sol, pauli=False)).max() > 1e-3
    assert np.abs(spin).max() > 1e-5
    np.testing.assert_allclose(balanced.mu, 0, atol=1e-7)
    assert abs(ju.energy_current_through(balanced, "right")) < 1e-7


# --- conservation and entropy -----------------------------------------------------------------------


DRIVES = [
    {"left": {}, "right": {}, "bottom": {"voltage": 1.5}},
    {"left": {"temperature": 0.5}, "right": {"temperature": 1.5}, "bottom": {"spin": (0.5, -1.0, 2.0)}},
    {"left": {"temperature": 1.5}, "right": {}, "bottom": {"voltage": -0.7, "temperature": 0.4}},
]


@pytest.mark.parametrize("drive", DRIVES)
def test_charge_and_energy_are_conserved_and_entropy_grows(junction, drive):
    """Delta = 0 inside, superconductors with a phase difference at the ends, every tensor, nothing that relaxes.

    At each energy the electrodes gain the entropy Sum (E I_0 - V I_1 - S.I_k)/T: tanh grows with its argument.
    """
    few = np.array([1, 9, 12, 15])
    spec = replace(junction, energies=junction.energies[few], all_G=junction.all_G[few])
    contacts = {name: ju.Contact(**({"voltage": 0.0, "temperature": T} | given)) for name, given in drive.items()}
    kin = ju.kinetics(spec, contacts, weights=np.ones(4), bath="elastic")
    out = {name: kin.currents_through(name) for name in contacts}
    assert max(np.abs(x[:, 1]).max() for x in out.values()) > 0.02
    np.testing.assert_allclose(sum(out.values())[:, :2], 0, atol=1e-10)
    between = np.abs(junction.mesh.points[junction.mesh.boundary_nodes("bottom"), 0] - 0.5) < 0.2
    behind = junction.system.layout.nodes_of_contact(junction.mesh, "bottom")[between]
    left, right = (float(ju.current_across(kin, (x, 0.0), (x, 0.1))) for x in (0.3, 0.7))
    assert left == pytest.approx(right + kin.reactions[:, behind, 1].sum(), abs=1e-9)
    assert abs(left - right) > 1e-5
    entropy = sum(
        (spec.energies * out[name][:, 0] - c.voltage * out[name][:, 1] - out[name][:, 2:5] @ c.spin) / c.temperature
        for name, c in contacts.items()
    )
    assert np.all(entropy > 1e-6)


# --- the normal limit ---------------------------------------------------------------------------------


def test_normal_limit_is_diffusion():
    """Delta = 0, random tensors, two materials, a barrier: mu, S and all currents of `diffuse`, energies summed."""
    materials = {name: ju.Material(Tc=0.0, **fields) for name, fields in ALL.items()}
    ends = {"left": ju.Reservoir(0.0), "right": ju.Tunnel(ju.Reservoir(0.0), 0.8)}
    device = ju.Device(mesh=small_mesh(), materials=materials, boundaries=ends)
    spec = ju.spectrum(ju.solve(device, **ONE), [0.3, 1.1], eta=0.05)
    left, right = ju.Contact(voltage=0.4, spin=(0.1, 0.2, 0.3), temperature=0.3), ju.Contact(voltage=-0.2)
    weights = np.array([0.7, 1.9])
    kin = ju.kinetics(spec, {"left": left, "right": right}, bath="elastic", weights=weights)
    assert kin.contacts["right"].temperature == 0.1
    sums = {name: -weights @ c.distribution(spec.energies) for name, c in kin.contacts.items()}
    same = {name: ju.Contact(voltage=f[1], spin=f[2:5]) for name, f in sums.items()}
    flow = ju.diffuse(device, same)
    np.testing.assert_allclose(kin.mu, flow.mu, atol=1e-9)
    np.testing.assert_allclose(kin.S, flow.S, atol=1e-9)
    for name in ends:
        assert ju.current_through(kin, name) == pytest.approx(float(ju.current_through(flow, name)), rel=1e-8)
        np.testing.assert_allclose(ju.spin_current_through(kin, name), ju.spin_current_through(flow, name), atol=1e-9)
    for current in (ju.charge_current, ju.spin_current):
        np.testing.assert_allclose(current(kin), current(flow), atol=1e-9)


def test_heat_of_a_normal_wire():
    """Wiedemann and Franz: I_E = G (pi^2/6) (T_1^2 - T_2^2); half of Joule's heat goes either way; F has two steps."""
    ends = {"left": ju.Reservoir(0.0), "right": ju.Reservoir(0.0)}
    E, weights = quadrature(24, 1.0)
    spec = ju.spectrum(ju.solve(strip(np.linspace(0, 2.0, 3), 0.5, ends, Tc=0.0), **ONE), E, eta=1e-9)
    hot, cold = ju.Contact(voltage=0.0, temperature=0.6), ju.Contact(voltage=0.0, temperature=0.2)
    warm, G = ju.kinetics(spec, {"left": hot, "right": cold}, weights=weights), 2 * 0.5 / 2.0
    assert ju.energy_current_through(warm, "right") == pytest.approx(G * np.pi**2 / 6 * (0.36 - 0.04), rel=1e-3)
    assert abs(ju.current_through(warm, "right")) < 1e-12
    driven = ju.kinetics(spec, {"left": ju.Contact(voltage=1.0, temperature=0.2), "right": cold}, weights=weights)
    assert ju.current_through(driven, "right") == pytest.approx(G, rel=1e-3)
    assert ju.energy_current_through(driven, "right") == pytest.approx(G / 2, rel=1e-3)
    assert driven.dissipation == pytest.approx(G, rel=1e-3)
    middle = np.abs(spec.mesh.points[:, 0] - 1.0) < 1e-9
    np.testing.assert_allclose(driven.mu[middle], 0.5, rtol=1e-3)
    step = lambda V: np.tanh((E - V) / 0.4) / 2  # noqa: E731
    expected = (step(1) + step(-1)) / 2 + step(0)
    np.testing.assert_allclose(driven.f[:, middle, 0], expected[:, None] * [1, 1], atol=1e-8)


# --- floating contacts ----------------------------------------------------------------------------------


def test_floating_contact_on_a_normal_dot():
    """It has the charge, the spin and the energy of what the others bring: V and S are means, and so is
    pi^2 T^2/3 + V^2 + S^2, weighted with the barriers' conductances.
    """
    ends = {name: ju.Tunnel(ju.Reservoir(0.0), c) for name, c in (("left", 3.0), ("right", 5.0), ("bottom", 0.7))}
    device = strip(np.linspace(0, 0.5, 3), 0.5, ends, Tc=0.0, D=1e4)
    E, weights = quadrature(40, 1.0)
    spec = ju.spectrum(ju.solve(device, **ONE), E, eta=1e-9)
    left = ju.Contact(voltage=0.5, spin=(0.3, 0.0, 0.2), temperature=0.4)
    right = ju.Contact(voltage=-0.2, spin=(0.0, 0.1, 0.0), temperature=0.7)
    probe = ju.Contact(voltage="floating", spin="floating", temperature="floating")
    kin = ju.kinetics(spec, {"left": left, "right": right, "bottom": probe}, weights=weights, bath="elastic")
    found, V, S = kin.contacts["bottom"], (3 * 0.5 - 5 * 0.2) / 8, np.array([0.9, 0.5, 0.6]) / 8
    assert found.voltage == pytest.approx(V, rel=1e-3)
    np.testing.assert_allclose(found.spin, S, rtol=1e-3)
    energy = (3 * (np.pi**2 / 3 * 0.4**2 + 0.38) + 5 * (np.pi**2 / 3 * 0.7**2 + 0.05)) / 8
    assert found.temperature**2 == pytest.approx((energy - V**2 - S @ S) * 3 / np.pi**2, rel=1e-3)
    assert abs(ju.current_through(kin, "bottom")) < 1e-7
    fed = ju.Contact(voltage="floating", temperature="floating", current=0.1)
    kin = ju.kinetics(spec, {"left": left, "right": right, "bottom": fed}, weights=weights, bath="elastic")
    assert ju.current_through(kin, "bottom") == pytest.approx(-0.1, rel=1e-6)
    found, raised = kin.contacts["bottom"], 0.1 / 0.5 * (1 / 8.0 + 1 / 0.7)
    assert found.voltage == pytest.approx(V + raised, rel=1e-3)
    squared = energy + 2 * found.voltage * raised - found.voltage**2  # the source heats it
    assert found.temperature**2 == pytest.approx(squared * 3 / np.pi**2, rel=1e-3)


def test_floating_contact_on_a_superconducting_junction(junction):
    """A hot electrode drives charge into the others, in a spin field also spin: none of it into the floating one,
    and the same contacts with the numbers that were found give the same."""
    few = np.arange(0, 24, 3)
    spec = replace(junction, energies=junction.energies[few], all_G=junction.all_G[few])
    ends = {"left": ju.Contact(voltage=0.0, temperature=0.4), "right": ju.Contact(voltage=0.0, temperature=1.5)}
    probe = ju.Contact(voltage="floating", spin="floating", temperature="floating")
    given = {"weights": 3 * quadrature()[1][few]}
    kin = ju.kinetics(spec, ends | {"bottom": probe}, **given)
    through = np.array([ju.current_through(kin, "bottom"), *ju.spin_current_through(kin, "bottom")])
    held = ju.kinetics(spec, ends | {"bottom": ju.Contact(voltage=0.0, temperature=1.0)}, **given)
    driven = np.array([ju.current_through(held, "bottom"), *ju.spin_current_through(held, "bottom")])
    assert np.abs(through).max() < 1e-5 * np.abs(driven).max()
    assert 0.4 < kin.contacts["bottom"].temperature < 1.5
    assert np.linalg.norm(kin.contacts["bottom"].spin) > 1e-5
    again = ju.kinetics(spec, kin.contacts, **given)
    np.testing.assert_allclose(again.all_f, kin.all_f, atol=1e-9)
    np.testing.assert_allclose(again.reactions, kin.reactions, atol=1e-9)


# --- barriers and seams -------------------------------------------------------------------------------


def blonder(E, T):
    """Conductance of a channel between a normal metal and a superconductor (Delta = 1), over the normal one, T.

    Blonder, Tinkham, Klapwijk 1982: Andreev reflection below the gap, quasiparticles above.
    """
    below = 2 * T / (T**2 + 4 * (1 - T) * (1 - np.minimum(E, 1) ** 2))
    above = 2 / (T + (2 - T) * np.sqrt(1 - 1 / np.maximum(E, 1) ** 2))
    return np.where(E < 1, below, above)


def test_conductance_of_channels():
    """Between two metals without resistance, at an interface inside the mesh."""
    channels, E = np.array([0.3, 0.9]), np.array([0.2, 0.6, 0.9, 1.1, 1.5, 3.0])
    left, right = (lambda c: c[:, 0] < 0.5), (lambda c: c[:, 0] > 0.5)
    mesh = ju.rectangle(1.0, 0.2, 1.0, x=np.linspace(0, 1, 3), y=[0, 0.2], regions={"N": left, "S": right})
    mesh = ju.with_cut_between(mesh, "N", "S", "cut")
    metals = {"N": ju.Material(Tc=0.0, D=1e4), "S": ju.Material(Tc=1.0, D=1e4)}
    ends = {"left": ju.Reservoir(0.0), "right": ju.Reservoir(1.0), "cut": ju.Interface(3.0, transmissions=channels)}
    device = ju.Device(mesh=mesh, materials=metals, boundaries=ends)
    spec = ju.spectrum(ju.solve(device, pair_potential={"N": 0.0, "S": 1.0}, **ONE), E, eta=1e-6)
    out = driven(spec).currents_through("left")[:, 1] / (0.2 * 3.0)
    expected = sum(T * blonder(E, T) for T in channels) / channels.sum()
    np.testing.assert_allclose(-out, expected, rtol=2e-3)


def helical(twist, phase, spread):
    """Distributions on a strip closed to a tube, with a barrier across it, where everything turns round the tube: by a
    seam with `spread`, else by the vector potential and the spin field."""
    W, regions = 0.4, {"a": lambda c: c[:, 0] < 0.5, "b": lambda c: c[:, 0] > 0.5}
    mesh = ju.rectangle(1.0, W, 1.0, x=np.linspace(0, 1, 5), y=[0, 0.15, 0.25, W], regions=regions)
    mesh = ju.with_cut_between(mesh, "a", "b", "cut")
    y = lambda p: p[:, 1] / W * spread  # noqa: E731
    h = lambda p: jnp.stack([jnp.cos(twist * y(p)), jnp.sin(twist * y(p)), 0.4 + 0 * y(p)], axis=1)  # noqa: E731
    film = {"h": h, "Gamma": np.diag([0.5, 0.5, 0.3]), "gamma": [[0, 0], [0, 0], [0.3, 0.5]]}
    ends = {
        "left": ju.Reservoir(0.0),
        "right": ju.Reservoir(4.0, phase=lambda p: phase * y(p)),
        "cut": ju.Interface(6.0, transmissions=[0.3, 0.9]),
        "top": ju.Periodic("bottom", phase=phase * spread, rotation=(0.0, 0.0, twist * spread)),
    }
    A, a = (0.0, -phase / (2 * W) * (1 - spread)), [[0, 0], [0, 0], [0, twist / (2 * W) * (1 - spread)]]
    device = ju.Device(mesh=mesh, materials=ju.Material(Tc=0.0, spin_field=a, **film), boundaries=ends)
    field = None if spread else lambda p: jnp.asarray(A) + 0 * p
    device = ju.Device.unchecked(device.mesh, device.materials, ends, field)  # a current along an electrode, on purpose
    spec = ju.spectrum(ju.solve(device, **ONE), [0.7, 5.0], eta=0.3)
    contacts = {"left": ju.Contact(voltage=3.0, temperature=0.5), "right": ju.Contact(voltage=0.0, temperature=1.0)}
    return ju.kinetics(spec, contacts, weights=np.ones(2))


def test_seam_that_turns_phases_and_spins():
    """It is the gauge A = -phase/2W, a = twist/2W of a plain one: the same currents, spins turned by twist y/W."""
    twist, phase = 1.1, 0.8
    seam, plain = (helical(twist, phase, spread) for spread in (1, 0))
    angle = np.asarray(seam.mesh.points)[:, 1] / 0.4 * twist
    turned = plain.f.copy()
    for x, y in ((2, 3), (5, 6)):
        turned[..., x] = np.cos(angle) * plain.f[..., x] - np.sin(angle) * plain.f[..., y]
        turned[..., y] = np.sin(angle) * plain.f[..., x] + np.cos(angle) * plain.f[..., y]
    assert np.abs(turned - plain.f).max() > 1e-3
    np.testing.assert_allclose(seam.f, turned, atol=1e-8)
    N = [ju.density_of_states(kin.spectrum) for kin in (seam, plain)]
    np.testing.assert_allclose(*N, atol=1e-8)
    for name in ("left", "right"):
        modes = [0, 1, 4, 7]  # the others turn within the boundary
        each = [kin.currents_through(name)[:, modes] for kin in (seam, plain)]
        np.testing.assert_allclose(*each, atol=1e-8)
        assert np.abs(each[0]).max() > 1e-2
    across = [ju.current_across(kin, (0.3, 0.0), (0.3, 0.4)) for kin in (seam, plain)]
    assert across[0] == pytest.approx(float(across[1]), rel=1e-8)
    leaving = [float(ju.current_through(seam, name)) for name in ("left", "right")]
    assert sum(leaving) == pytest.approx(0.0, abs=1e-9)
    round_the_tube = [float(ju.current_through(seam, name)) for name in ("top", "bottom")]
    assert sum(round_the_tube) == pytest.approx(0.0, abs=1e-9)
    assert ju.current_through(seam, "cut") == pytest.approx(leaving[1], abs=1e-9)


# --- superconducting strips ------------------------------------------------------------------------------

WEAK = 1e-6
"""Conductance of barriers that disturb nothing behind them."""


def film(lines, eta, energies, Delta=1.0, **material):
    """A uniform superconductor behind a weak barrier to a normal electrode, on an electrode like itself."""
    own = {k: v for k, v in material.items() if k in ("h", "Gamma")}
    ends = {"left": ju.Tunnel(ju.Reservoir(0.0), WEAK), "right": ju.Reservoir(Delta, **own)}
    sol = ju.solve(strip(lines, 0.2, ends, Tc=1.0, **material), pair_potential=Delta, **ONE)
    return ju.spectrum(sol, energies, eta=eta)


def driven(spec, voltage=50.0, spin=(0.0, 0.0, 0.0), **options):
    cold = {"voltage": voltage, "spin": spin, "temperature": 0.0}
    return ju.kinetics(spec, {"left": ju.Contact(**cold), "right": ju.Contact(voltage=0.0, temperature=0.0)}, **options)


LINES = np.linspace(0, 3.0, 61)


@pytest.fixture(scope="module")
def below_and_above():
    return driven(film(LINES, 0.002, [0.3, 0.8, 1.3, 3.0]))


def test_tunnelling_measures_the_density_of_states(below_and_above):
    """dI/dV = G_B N(eV) of the superconductor with its broadening."""
    kin = below_and_above
    expected = bcs_states(kin.energies, 0.002)
    np.testing.assert_allclose(kin.currents_through("left")[:, 1] / (0.2 * WEAK), -expected, rtol=3e-4)


def test_charge_below_the_gap_becomes_supercurrent(below_and_above):
    """f_1 decays as exp(-k x), k^2 = 2 sqrt(Delta^2 - E^2)/D: D_T f_1'' = 2 Delta Re(f) f_1, D_T = D f^2, while above
    the gap charge reaches the electrode and f_1 is linear, with D_T = D N^2."""
    kin, x = below_and_above, LINES
    f = kin.f.reshape(4, 2, len(x), 8).mean(axis=1)[..., 1]
    for k in (0, 1):
        decay = np.sqrt(2 * np.sqrt(1 - kin.energies[k] ** 2))
        expected = np.sinh(decay * (3.0 - x)) / np.sinh(decay * 3.0)
        np.testing.assert_allclose(f[k] / f[k, 0], expected, atol=0.01)
    for k in (2, 3):
        injected, N = WEAK * bcs_states(kin.energies[k], 0.002), bcs_states(kin.energies[k], 0.0)
        np.testing.assert_allclose(f[k], -injected * (3.0 - x) / (2 * N**2), rtol=0.03, atol=1e-12)
    out, total = -kin.currents_through("left")[:, 1], kin.pairing_source.sum(axis=1)
    assert kin.currents_through("right")[2, 1] == pytest.approx(out[2], rel=0.03)
    assert -total[0] == pytest.approx(out[0] - kin.currents_through("right")[0, 1], rel=0.05)


def test_charge_balance_with_a_given_pair_potential(below_and_above):
    """And with a bath, which takes more than one per cent: f_1 reaches the other electrode at two energies only."""
    with pytest.warns(ju.BathWarning, match="takes charge"):
        drained = driven(below_and_above.spectrum, bath="grounded")
    for kin in (below_and_above, drained):
        out = sum(kin.currents_through(name)[:, 1] for name in kin.contacts)
        np.testing.assert_allclose(out + kin.taken[:, 1], kin.fed.sum(axis=1), atol=1e-14)
        assert np.abs(kin.fed.sum(axis=1)).max() > 1e-10
    assert np.all(below_and_above.taken[:, 1] == 0)
    assert np.abs(drained.taken[:, 1]).max() > 1e-10


def test_a_self_consistent_pair_potential_feeds_in_nothing():
    """In equilibrium with a supercurrent: at each energy it does, and the integral vanishes at every free node.

    The gap equation of the frequencies omega_n + eta belongs to levels that are broadened by eta.
    """
    E, weights = quadrature(30, 2.0)
    omega, w = ju.matsubara.quadrature(0.3, 40)
    ends = {"left": ju.Reservoir(1.7), "right": ju.Reservoir(1.7, phase=1.0)}
    device = strip(np.linspace(0, 2.0, 7), 0.2, ends, Tc=1.0)
    sol = ju.solve(device, T=0.3, pair_potential="self-consistent", frequencies=(omega + 0.5, w))
    ground = {name: ju.Contact(voltage=0.0) for name in ends}
    kin = ju.kinetics(ju.spectrum(sol, E, eta=0.5), ground, weights=weights)
    inside = np.asarray(kin.system.free)
    each, total = weights @ np.abs(kin.pairing_source[:, inside]), kin.integrated(kin.pairing_source[:, inside])
    assert each[np.abs(sol.mesh.points[inside, 0] - 1.0) > 0.1].min() > 1e-3
    assert np.abs(total).max() < 1e-3 * each.max()
    assert ju.current_through(kin, "right") == pytest.approx(float(ju.current_through(sol, "right")), rel=1e-3)


def normal_on_superconductor(T, Tc=1.0):
    """A superconducting strip between a normal electrode and a superconducting one, self-consistent in equilibrium."""
    omega, w = ju.matsubara.quadrature(T, 40)
    device = strip(np.linspace(0, 2.0, 7), 0.2, {"left": ju.Reservoir(0.0), "right": ju.Reservoir(1.7)}, Tc=Tc)
    return ju.solve(device, T=T, pair_potential="self-consistent", frequencies=(omega + 0.5, w))


@pytest.fixture(scope="module")
def cold():
    return normal_on_superconductor(0.3)


def test_current_is_conserved_where_the_distributions_make_the_pair_potential(cold):
    """Through every cut, normal at one end and supercurrent at the other; in that of equilibrium it is not.

    The smooth spectrum of levels broadened by 0.5, which take nothing up.
    """
    E, weights = quadrature(16, 2.0)
    contacts = {"left": ju.Contact(voltage=0.8), "right": ju.Contact(voltage=0.0)}
    given = {"weights": weights, "bath": "elastic"}
    kin = ju.self_consistent_kinetics(cold, E, contacts, eta=0.5, tol=1e-8, **given)
    rigid = ju.kinetics(ju.spectrum(cold, E, eta=0.5), contacts, **given)
    into = -float(ju.current_through(kin, "left"))
    assert into > 0.05
    assert ju.current_through(kin, "right") == pytest.approx(into, rel=1e-6)
    across, rigidly, paired = (
        np.array([float(ju.current_across(k, (x, 0.2), (x, 0.0))) for x in (0.2, 0.9, 1.5, 1.9)])
        for k in (kin, rigid, kin.only("energy"))
    )
    np.testing.assert_allclose(across, -into, rtol=1e-6)
    assert np.ptp(rigidly) > 0.05 * into
    assert np.all(np.diff(np.abs(paired)) > 0)
    assert np.abs(paired[-1] - paired[0]) > 0.2 * into
    assert np.ptp(np.angle(np.asarray(kin.spectrum.Delta))) > 0.01


def test_pair_potential_of_hot_electrodes_is_that_of_their_temperature(cold):
    """That of the Matsubara sum does not change. The coupling is that of Tc with levels broadened by eta, which `solve`
    is not told: there the sum over omega_n + eta needs another Tc, by psi(1/2 + eta/(2 pi T))."""
    E, weights = quadrature(30, 2.0)
    hot = {name: ju.Contact(voltage=0.0, temperature=0.6) for name in ("left", "right")}
    psi = lambda T: scipy.special.digamma(0.5 + 0.5 / (2 * np.pi * T))  # noqa: E731
    exact = replace(normal_on_superconductor(0.6, np.exp(psi(1.0) - psi(0.6))), device=cold.device)
    given = {"eta": 0.5, "weights": weights, "max_steps": 0}
    kin = ju.self_consistent_kinetics(exact, E, hot, tol=1e-4, **given)
    np.testing.assert_array_equal(kin.spectrum.Delta, exact.Delta)
    with pytest.raises(ju.SolveError, match=r"still changes by .* after 0 steps .*float a contact"):
        ju.self_consistent_kinetics(cold, E, hot, tol=0.05, **given)
    with pytest.raises(ValueError, match="needs a region with Tc > 0"):
        ju.self_consistent_kinetics(replace(cold, device=strip(LINES[:2], 0.2, {}, Tc=0.0)), E, {})


def test_spin_relaxes():
    """Above the gap spin-orbit scattering relaxes f_k over sqrt(D/Gamma), as in a normal metal; no charge flows."""
    spec = film(LINES, 1e-4, [1.2, 2.0], Gamma=4.0)
    kin = driven(spec, voltage=0.0, spin=(0.0, 0.0, 5.0))
    f = kin.f.reshape(2, 2, len(LINES), 8).mean(axis=1)
    expected = np.sinh(2.0 * (3.0 - LINES)) / np.sinh(6.0)
    np.testing.assert_allclose(f[..., 4] / f[:, :1, 4], [expected, expected], atol=0.01)
    assert np.all(f[:, 0, 4] < 0)
    np.testing.assert_allclose(
        kin.currents_through("left")[:, 4] / (0.2 * WEAK), -bcs_states([1.2, 2.0], 1e-4), rtol=1e-3
    )
    others = kin.f[..., [1, 2, 3, 5, 6, 7]]
    assert np.abs(others).max() < 1e-7 * np.abs(f[..., 4]).max()
    assert np.abs(kin.currents_through("left")[:, 1]).max() < 1e-12


# --- what is refused ---------------------------------------------------------------------------------

GROUND = ju.Contact(voltage=0.0)


@pytest.mark.parametrize(
    ("contacts", "message"),
    [
        ({"left": GROUND}, "electrode at 'right' and contacts has none"),
        (
            {"left": GROUND, "right": GROUND, "top": GROUND},
            r"'top' is none of the device's electrodes.*Reservoir\(0.0\)",
        ),
        ({"left": GROUND, "right": ju.Contact(voltage=0.1)}, r"'right' is superconducting.*rate 2 V"),
        ({"left": GROUND, "right": ju.Contact(voltage=0.0, spin=(0, 0, 1))}, "spins would break its pairs"),
        ({"left": ju.Contact(current=1.0), "right": GROUND}, "expected an electrode that holds both"),
        ({"left": ju.Contact(voltage=1.0, spin=None), "right": GROUND}, "expected an electrode that holds both"),
        ({"left": GROUND, "right": ju.Contact(voltage="floating")}, "'right' is superconducting.*has voltage = float"),
        ({"left": ju.Contact(voltage=1.0, tunnel=2.0), "right": GROUND}, r"the barrier belongs to the device.*Tunnel"),
    ],
)
def test_contacts_are_refused(wire, contacts, message):
    with pytest.raises(ValueError, match=message):
        ju.kinetics(wire, contacts)


def test_spectra_baths_and_weights_are_refused(wire):
    contacts = {"left": ju.Contact(voltage=0.1), "right": GROUND}
    for E in (0.0, -1.0):
        with pytest.raises(ValueError, match=f"has E = {E:g}; expected energies > 0"):
            ju.kinetics(replace(wire, energies=np.append(wire.energies[1:], E)), contacts)
    bad = replace(wire, stable=np.arange(9) != 2)
    with pytest.raises(ValueError, match="not certified at E = 2"):
        ju.kinetics(bad, contacts)
    with pytest.raises(ValueError, match="bath = 'warm'; expected 'grounded', 'elastic', or a temperature"):
        ju.kinetics(wire, contacts, bath="warm")
    with pytest.raises(ValueError, match=r"weights has shape \(2,\); expected \(9,\)"):
        ju.kinetics(wire, contacts, weights=[1.0, 2.0])
    with pytest.raises(TypeError, match="spec is Device; expected the Spectrum"):
        ju.kinetics(wire.device, contacts)
    with pytest.raises(TypeError, match=r"contacts is list; expected \{name"):
        ju.kinetics(wire, [1])
    with pytest.raises(TypeError, match=r"contacts\['left'\] is float; expected a jusadel.Contact"):
        ju.kinetics(wire, {"left": 0.1, "right": GROUND})


def of_other_device(wire, boundaries):
    """The Green's functions of `wire` under another device's name."""
    device = replace(wire.device, boundaries=boundaries)
    return replace(wire, device=device, system=discretise(device, wire.vertex_Delta))


def test_spins_at_a_rotated_seam_and_shared_nodes_are_refused(wire):
    """The first before anything is computed, so that another device's Green's functions serve."""
    ends = wire.device.boundaries | {"top": ju.Periodic("bottom", rotation=(0, 0, 0.5))}
    turned = of_other_device(wire, ends)
    with pytest.raises(ValueError, match="'left' has a spin and reaches a periodic boundary that rotates spins"):
        ju.kinetics(turned, {"left": ju.Contact(voltage=0.0, spin=(0, 0, 1)), "right": GROUND})
    one = ju.Reservoir(0.0)
    corner = of_other_device(wire, {"left": one, "bottom": one})
    with pytest.raises(ValueError, match=r"contacts 'left' and 'bottom' share the node 0 at .* different"):
        ju.kinetics(corner, {"left": ju.Contact(voltage=0.1), "bottom": GROUND})


def test_floating_contacts_that_nothing_balances(wire):
    """At T = 0 currents jump at every energy of the grid."""
    cold = {"left": ju.Contact(voltage="floating", current=1.0, temperature=0.0), "right": ju.Contact(voltage=0.0)}
    with pytest.raises(ju.SolveError, match=r"floating contacts \['left'\] balances .* is left over"):
        ju.kinetics(wire, cold)


def test_energies_that_end_too_soon_are_no_grid(wire):
    kin = ju.kinetics(wire, {"left": ju.Contact(voltage=20.0), "right": GROUND})
    with pytest.raises(ValueError, match=r"end at 12, where .* contact 'left' .* up to 20.8 or beyond, or weights"):
        ju.current_through(kin, "left")
    assert "not integrated" in repr(kin)
    with pytest.raises(ValueError, match=r"modes = \('heat',\); expected some of"):
        kin.only("heat")


@pytest.mark.parametrize("bath", ["elastic", 0.1])
def test_hard_gap(bath):
    """Without states the energy mode drops out and stands at equilibrium; charge decays as it should."""
    spec = film(LINES, 1e-9, [0.3, 0.8])
    kin = driven(spec, bath=bath)
    free = np.asarray(spec.system.free)[: len(spec.mesh.points)]
    np.testing.assert_allclose(
        kin.f[:, free, 0], np.tanh(spec.energies / 0.2)[:, None] * np.ones(free.sum()), rtol=1e-12
    )
    for k, E in enumerate(spec.energies):
        decay, f = np.sqrt(2 * np.sqrt(1 - E**2)), kin.f[k, :, 1].reshape(2, -1).mean(axis=0)
        np.testing.assert_allclose(
            f, f[0] * np.sinh(decay * (3.0 - LINES)) / np.sinh(decay * 3.0), atol=1e-3 * abs(f[0])
        )
