"""Currents of a normal metal behind a tunnel barrier to a superconductor, and warnings where they cannot be trusted."""

import numpy as np
import pytest
from scipy.integrate import quad

import jusadel as ju

pytestmark = pytest.mark.filterwarnings("ignore:the mesh is too coarse:jusadel.CoarseMeshWarning")
V, T, G_B = 0.9, 0.043, 1e-3
ENDS = {"left": ju.Contact(voltage=V), "right": ju.Contact(voltage=0.0)}


def metal(conductance):
    """A normal metal 2 x 1 whose resistance is nothing beside that of the barrier."""
    mesh = ju.rectangle(2.0, 1.0, 1.0)
    ends = {"left": ju.Reservoir(0.0), "right": ju.Tunnel(ju.Reservoir(1.0), conductance)}
    return ju.solve(ju.Device(mesh=mesh, materials=ju.Material(Tc=0.0), boundaries=ends), T=T, frequencies=3)


@pytest.fixture(scope="module")
def normal():
    return metal(G_B)


def graded(eta):
    """Energies from nearly 0 to 2.5, eta apart at the gap's edge and in proportion to the distance from it beyond."""
    u = np.linspace(-np.arcsinh(0.998 / eta), np.arcsinh(1.5 / eta), 161)
    return 1 + eta * np.sinh(u)


def tunnel_integral(eta):
    """G_B Int N(E) [f(E - V) - f(E)] dE, with Dynes' density of states of a superconductor, Delta = 1."""
    N = lambda E: abs(((E + 1j * eta) / np.sqrt((E + 1j * eta) ** 2 - 1)).real)  # noqa: E731
    fermi = lambda E: (1 - np.tanh(E / (2 * T))) / 2  # noqa: E731
    steps = sorted([0.0, V, *(s * (1 + x * eta) for s in (-1, 1) for x in (-30, -3, 0, 3, 30))])
    return G_B * quad(lambda E: N(E) * (fermi(E - V) - fermi(E)), -3, 3, points=steps, limit=2000, epsabs=1e-12)[0]


@pytest.mark.parametrize(
    ("eta", "known", "conductance", "accuracy"),
    [(1e-3, 2.64e-5, G_B, 0.025), (1e-4, 2.44e-5, G_B, 0.025), (1e-3, 2.64e-5, 1e-5, 5e-3)],
)
def test_current_below_the_gap_is_the_tunnel_integral(eta, known, conductance, accuracy):
    """What enters leaves. Pairs add a share of the order of the barrier's conductance over the metal's, two per cent
    of what little flows below the gap."""
    expected = tunnel_integral(eta)
    assert expected == pytest.approx(known, rel=3e-3)
    kin = ju.kinetics(ju.spectrum(metal(conductance), graded(eta), eta=eta), ENDS)
    through = float(ju.current_through(kin, "right"))
    assert through == pytest.approx(expected * conductance / G_B, rel=accuracy)
    assert ju.current_through(kin, "left") == pytest.approx(-through, rel=1e-7)
    assert kin.bath_current == 0
    assert "; no bath" in repr(kin)


def test_a_bath_that_drains_charge_says_how_much(normal):
    """2 eta times the charge 2 mu of all of the metal, which is at V."""
    spec = ju.spectrum(normal, graded(1e-3), eta=1e-3)
    with pytest.warns(ju.BathWarning, match=r"bath at T = 0.043 takes charge, 1 of .* eta = 0.001: .*bath='elastic'"):
        kin = ju.kinetics(spec, ENDS, bath="grounded")
    left, right = (float(ju.current_through(kin, name)) for name in ENDS)
    assert kin.bath_current == pytest.approx(4 * 1e-3 * V * 2.0, rel=0.01)
    assert left + right == pytest.approx(-kin.bath_current, rel=1e-8)
    assert right == pytest.approx(tunnel_integral(1e-3), rel=0.02)
    assert "together -0.0072 and a bath at T = 0.043 takes 0.0072; the bath takes 1.0e+00 of the largest" in repr(kin)


def test_energies_too_far_apart_for_eta(normal):
    """An even grid that misses the peak of the density of states."""
    E = np.arange(0.01, 2.5, 0.02)
    spec = ju.spectrum(normal, E, eta=1e-3)
    with pytest.warns(ju.CoarseEnergiesWarning, match=r"current through '.*' is uncertain by .* near E = (0.99|1.01),"):
        kin = ju.kinetics(spec, ENDS)
    assert abs(float(ju.current_through(kin, "right")) / tunnel_integral(1e-3) - 1) > 0.05
    weighted = ju.kinetics(spec, ENDS, weights=np.full(len(E), 0.02))  # a quadrature is the user's own
    assert ju.current_through(weighted, "right") == pytest.approx(float(ju.current_through(kin, "right")), rel=0.1)
