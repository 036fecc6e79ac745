"""Files that earlier versions have written: the same results are read, and observables are what they were then.

Those in tests/data ending in `_1` are of version 0.1.0 with one module for each thing, before there were rooms; packed
more tightly since, with the same arrays. The numbers here are what that version found before it saved.
"""

from pathlib import Path

import numpy as np
import pytest

import jusadel as ju
from jusadel.device.tabulated import Sampled

DATA = Path(__file__).parents[1] / "data"


def close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-14)


@pytest.fixture(scope="module")
def sol():
    return ju.load(DATA / "solution_1.npz")


def test_device_of_a_solution(sol):
    """Every tensor, a field and a phase that were functions, channels, terms on edges and on one side of a line."""
    left, barrier, top = (sol.device.boundaries[name] for name in ("left", "barrier", "top"))
    assert sol.device.vector_potential == ju.uniform_field(0.4, center=(0.1, 0.2))
    assert isinstance(sol.device.materials["F"].h, Sampled)
    close(left.reservoir.phase_at(np.array([[0.0, 0.2]])), 0.46)
    close(left.transmissions, [0.5, 0.9])
    edge, other = barrier.surface
    assert other is None
    for surface in (left.surface, edge):
        close(surface.beta, 0.01 * np.ones((3, 3, 2)))
        assert surface.rashba == 0.05
    assert (barrier.conductance, top.rashba) == (2.0, 0.1)


def test_observables_of_a_solution(sol):
    assert ju.free_energy(sol) == pytest.approx(1.0036728060560274, rel=1e-4)  # see below
    close(ju.current_through(sol, "left"), 0.6213682631120592)
    close(ju.current_through(sol, "barrier"), -0.18360103146874)
    close(ju.spin_current_through(sol, "left")[:2], [-0.00566603309127766, -0.04054378293493866])
    close(ju.spin_density(sol).sum(axis=0), [-2.9330965084739136, 7.406807419084489, 2.9409156420053435])
    others = ["diffusion", "spin_hall", "spin_swapping"]
    close(ju.charge_current(sol, terms=others).sum(axis=0), [-6.243133631407326, 0.5634667343859902])
    whole = ju.charge_current(sol).sum(axis=0)  # the share of gamma was taken at centroids then, and is at vertices now
    np.testing.assert_allclose(whole, [-6.253500074046361, 0.6120295964280266], atol=0.03)


def test_kinetics_on_a_spectrum():
    """With contacts, and a periodic boundary that turns phases and spins."""
    kin = ju.load(DATA / "kinetics_1.npz")
    top = kin.spectrum.device.boundaries["top"]
    assert (top.partner, top.phase) == ("bottom", 0.3)
    close(top.rotation, [0.0, 0.1, 0.2])
    assert kin.contacts["right"] == ju.Contact(voltage=0.3, temperature=0.2)
    close(ju.current_through(kin, "left"), 0.019885829385256154)
    close(ju.energy_current_through(kin, "right"), 0.0015466509827496478)
    spin = [0.0007664568183068897, -0.00010388503668089778, -0.00022175050864113797]
    close(ju.spin_current_through(kin, "left"), spin)
    close(kin.mu.sum(), 0.45029963487078206)
    close(ju.mean_density_of_states(kin.spectrum), [0.9599992151916388])


def test_fit():
    fit = ju.load(DATA / "fit_1.npz")
    close(fit.params["a"], 0.12000897040153856)
    close(fit.errors["a"], 0.12124355665315455)
    close(fit.chi2, 0.06300000012817153)
    close(fit.history.loss, [2.5500000000000007, 0.06304580028021184, 0.06300000012817153])
    assert fit.names == ("a", "b[0]", "b[1]")
    assert repr(fit).endswith("the minimum is within 0.0001 standard errors")
