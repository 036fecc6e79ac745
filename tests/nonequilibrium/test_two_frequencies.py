"""The equations of two frequencies: closed forms of their blocks, and Krylov iterations against factors."""

import numpy as np
import pytest

import jusadel as ju
from jusadel.nonequilibrium.dynamics.drives import voltage
from jusadel.nonequilibrium.dynamics.followers import Followers
from jusadel.nonequilibrium.dynamics.frequency_pairs import real_pairs, summed_pairs
from jusadel.nonequilibrium.dynamics.kernel import Kernel
from jusadel.nonequilibrium.dynamics.retarded import Retarded
from jusadel.nonequilibrium.dynamics.two_frequencies import krylov
from jusadel.nonequilibrium.dynamics.two_frequencies.doubled import Frames
from jusadel.nonequilibrium.dynamics.two_frequencies.krylov import PairKrylov
from jusadel.nonequilibrium.dynamics.two_frequencies.linearised import DoubledAction
from jusadel.nonequilibrium.dynamics.two_frequencies.solvers import PairFactors

pytestmark = pytest.mark.filterwarnings("ignore:the mesh is too coarse:jusadel.CoarseMeshWarning")

T, OMEGA, ETA = 0.3, 0.7, 0.02


@pytest.fixture(scope="module")
def sol():
    """A film with exchange and Rashba coupling in a field, a gap of one, between a superconductor and a barrier."""
    metal = ju.Material(D=[[1.2, 0.2], [0.2, 0.9]], h=(0.2, 0.0, 0.1), spin_field=ju.rashba(0.4), nu=1.4, Tc=1.0)
    ends = {"left": ju.Reservoir(1.0), "right": ju.Tunnel(ju.Reservoir(1.0, 0.8), 2.0)}
    device = ju.Device(
        mesh=ju.rectangle(2.0, 1.0, 0.3), materials=metal, boundaries=ends, vector_potential=ju.uniform_field(0.4)
    )
    return ju.solve(device, T, pair_potential=1.0, frequencies=4)


@pytest.fixture(scope="module")
def green(sol):
    return Retarded(sol, ju.linear.SuperLU(), 1e-11)


@pytest.fixture(scope="module")
def action(sol):
    return DoubledAction(sol.system)


def test_diffusion_with_links_is_the_action(sol, green, action):
    """Its closed form, and the terms of the action on doubled matrices, between a retarded and an advanced function."""
    G = green(np.array([ETA - 1.4j, ETA - 0.7j]))
    at, terms = Frames.of(G[0], G[1], True), DoubledAction(sol.system, closed_form=False)
    drives = [voltage(sol, name) for name in ("left", "right")]
    omega = (np.full(action.nodes, ETA - 1.4j), np.full(action.nodes, -ETA - 0.7j))
    np.testing.assert_allclose(action.blocks(at, omega), terms.blocks(at, omega), atol=1e-12)
    np.testing.assert_allclose(action.driven(at, drives[0]), terms.driven(at, drives[0]), atol=1e-12)
    assert action.own(at, *drives) == pytest.approx(terms.own(at, *drives), rel=1e-12)


def answered(sol, action, green, solver):
    """What drives and potentials answer, pair by pair: energies inside, at and above the gap, and both retarded."""
    weight, free = np.asarray(sol.system.nodes.weight), np.asarray(sol.system.free)
    followers = Followers.of(weight, np.flatnonzero(free & (weight > 0)), None)
    kernel = Kernel(action, (voltage(sol, "left"),), followers, green, solver)
    joined = kernel.of(real_pairs(T, OMEGA, ETA, np.array([0.1, 0.3, 1.0, 2.5]), np.ones(4)))
    joined += kernel.of(summed_pairs(T, sol.omega[:2], sol.weights[:2], -1j * OMEGA, ETA))
    return kernel.of_drives(joined), kernel.products(joined, np.linspace(-1, 1, len(followers.nodes)))


@pytest.fixture(scope="module")
def factored(sol, action, green):
    return answered(sol, action, green, PairFactors(ju.linear.SuperLU()))


def test_iterations_find_what_factors_do(sol, action, green, factored):
    found = answered(sol, action, green, PairKrylov(action, ju.linear.Krylov(width=4), 1e-10))
    for one, other in zip([*found[0], found[1]], [*factored[0], factored[1]], strict=True):
        np.testing.assert_allclose(one, other, atol=1e-8 * np.abs(other).max())


def test_factors_take_over_where_iterations_stagnate(sol, action, green, factored, monkeypatch):
    monkeypatch.setattr(krylov, "MISSED", 0.0)
    with pytest.warns(ju.StagnationWarning, match="a direct solver takes over"):
        found = answered(sol, action, green, PairKrylov(action, ju.linear.Krylov(width=4), 1e-3))
    np.testing.assert_allclose(found[1], factored[1], atol=1e-11 * np.abs(factored[1]).max())


@pytest.mark.filterwarnings("ignore::jusadel.ChargeWarning")
def test_admittance_by_either_solver(sol):
    """On the imaginary axis, neutral, to the accuracy that was asked for."""
    one, other = (
        ju.admittance(sol, 2 * np.pi * T, axis="imaginary", frequencies=3, linear_solver=solver)
        for solver in (ju.linear.SuperLU(), ju.linear.Krylov(width=4))
    )
    assert pytest.approx(other.Q, rel=1e-6) == one.Q
    with pytest.raises(TypeError, match="linear_solver = "):
        ju.admittance(sol, 2 * np.pi * T, axis="imaginary", linear_solver="fast")
