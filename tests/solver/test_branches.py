"""Wrong stationary points are caught, right ones are found: the certificate, the ladder, the refusals."""

from dataclasses import replace

import jax
import numpy as np
import pytest
from shared import DELTA, bare_frequency, vortex_material

import jusadel as ju
from jusadel.action.nambu.frames import frame_to_green
from jusadel.solver import newton

LOW = 0.157079632679


def sns(phase, h=0.0):
    """S(3) - N(3) - S(3) with a rigid pair potential in the S parts, lengths in xi = sqrt(D/2 Delta)."""
    x = np.concatenate([np.linspace(0, 3, 13)[:-1], np.linspace(3, 6, 25)[:-1], np.linspace(6, 9, 13)])
    where = {
        "left": lambda c: c[:, 0] < 3,
        "normal": lambda c: abs(c[:, 0] - 4.5) < 1.5,
        "right": lambda c: c[:, 0] > 6,
    }
    mesh = ju.rectangle(9.0, 0.3, 0.3, x=x, regions=where)
    S, N = ju.Material(D=2 * DELTA), ju.Material(D=2 * DELTA, Tc=0.0, h=(0, 0, h))
    device = ju.Device(mesh=mesh, materials={"left": S, "normal": N, "right": S})
    Delta = {"left": DELTA * np.exp(-0.5j * phase), "right": DELTA * np.exp(0.5j * phase)}
    return device, Delta


@pytest.fixture(scope="module")
def wrong_vortex(vortex_meshes):
    device = ju.Device(mesh=vortex_meshes[0], materials=vortex_material("weak"))
    return device, ju.solve(device, pair_potential=ju.vortex(DELTA), start="bulk", throw=False, **bare_frequency(LOW))


@pytest.mark.filterwarnings("ignore:the mesh is too coarse:jusadel.CoarseMeshWarning")  # positivity tells on any mesh
def test_bulk_start_of_a_vortex_is_caught(wrong_vortex, vortex_solutions):
    """It converges, residual and all, to another stationary point; positivity tells."""
    device, wrong = wrong_vortex
    right = vortex_solutions["weak"][0]
    assert wrong.converged.all()
    assert np.abs(wrong.G - right.G).max() > 0.5
    assert not wrong.stable.any()
    assert wrong.margin[0] < -0.01
    assert right.margin[0] > 0.05
    with pytest.raises(ju.SolveError, match=r"unphysical stationary point.*leave out start"):
        ju.solve(device, pair_potential=ju.vortex(DELTA), start="bulk", **bare_frequency(LOW))


@pytest.mark.parametrize("guess", ["one electrode's bulk", "phase ramp"])
def test_bulk_start_of_an_sns_junction_near_pi_is_caught(guess):
    """At 0.99 pi, from the bulk value everywhere: of the left electrode, or turning its phase across the junction."""
    device, Delta = sns(0.99 * np.pi)
    across = np.clip((device.mesh.points[:, 0] - 3) / 3, 0, 1) if guess == "phase ramp" else 0.0
    phase = 0.99 * np.pi * (across - 0.5) + 0 * device.mesh.points[:, 0]
    start = ju.nambu.bcs(LOW, DELTA * np.exp(1j * phase))[None]
    right = ju.solve(device, pair_potential=Delta, **bare_frequency(LOW))
    forced = ju.solve(device, pair_potential=Delta, start=start, throw=False, **bare_frequency(LOW))
    assert right.stable.all()
    assert forced.converged.all()
    assert np.abs(forced.G - right.G).max() > 0.5
    assert forced.margin[0] < -0.1
    with pytest.raises(ju.SolveError, match="unphysical stationary point"):
        ju.solve(device, pair_potential=Delta, start=start, **bare_frequency(LOW))


@pytest.mark.parametrize("phase", [0.0, 0.9 * np.pi, 0.999 * np.pi])
@pytest.mark.parametrize("h", [0.0, 3 * DELTA])
def test_default_start_equals_continuation_from_high_frequency(phase, h):
    """Right by construction: small steps down from 60, each starting from the last."""
    device, Delta = sns(phase, h)
    ladder = np.geomspace(60, 0.02, 33)
    start = None
    for omega in ladder:
        start = ju.solve(device, pair_potential=Delta, start=start, **bare_frequency(omega))
    direct = ju.solve(device, pair_potential=Delta, **bare_frequency(0.02))
    assert np.abs(direct.G - start.G).max() < 1e-7


@pytest.mark.filterwarnings("ignore:the mesh is too coarse:jusadel.CoarseMeshWarning")  # so do ladders
def test_ladder_recovers_a_frequency_whose_start_fails(wrong_vortex, vortex_solutions):
    """A warm start from the wrong saddle is not accepted, and the ladder climbs down from above."""
    device, wrong = wrong_vortex
    healed = ju.solve(device, pair_potential=ju.vortex(DELTA), start=wrong, **bare_frequency(LOW))
    assert healed.stats["ladder"][0] > 0
    assert np.abs(healed.G - vortex_solutions["weak"][0].G).max() < 1e-7


def test_newton_that_stops_early_says_where(monkeypatch):
    monkeypatch.setattr(newton, "MAX_STEPS", 2)
    device, Delta = sns(1.0)
    with pytest.raises(ju.SolveError, match=r"Newton stopped after 2 steps at omega = 0\.02.*refine"):
        ju.solve(device, pair_potential=Delta, **bare_frequency(0.02))
    sol = ju.solve(device, pair_potential=Delta, throw=False, **bare_frequency(0.02))
    assert not sol.converged.any()


def test_derivatives_of_what_is_not_certified_are_warned_of(monkeypatch):
    monkeypatch.setattr(newton, "MAX_STEPS", 2)
    device, Delta = sns(1.0)

    def nothing(T):
        ju.solve(device, T, pair_potential=Delta, frequencies=([0.02], [1.0]), throw=False)
        return 0.0 * T

    with pytest.warns(ju.UncertifiedDerivativeWarning, match="1 of 1 frequencies are not certified.*mean nothing"):
        jax.grad(nothing)(1 / np.pi)


def test_dense_and_superlu_agree():
    device, Delta = sns(2.0, h=1.0)
    a = ju.solve(device, pair_potential=Delta, **bare_frequency(0.3))
    b = ju.solve(device, pair_potential=Delta, linear_solver=ju.linear.Dense(), **bare_frequency(0.3))
    assert np.abs(a.G - b.G).max() < 1e-12
    assert a.stats["inertia"].tolist() == b.stats["inertia"].tolist()
    assert "dense" in repr(b)


class Watched(ju.linear.SuperLU):
    """One frequency after the other, with the G from which each begins."""

    together = 1

    def __init__(self):
        super().__init__(threads=1)
        self.begun = []

    def directions(self, prepared, V, omega, active, target, memory):
        if not memory[0]:
            self.begun.append((omega[0], frame_to_green(V[0])))
        return super().directions(prepared, V, omega, active, target, memory)


def test_each_frequency_begins_where_the_one_above_has_ended():
    """The highest in the normal state; of two phases each has its own; what is given is never replaced.

    With direct solvers: iterations, which have no inertia to tell, begin in the normal state.
    """
    device, Delta = sns(1.0)
    device = replace(device, boundaries={"left": ju.Reservoir(DELTA), "right": ju.Reservoir(DELTA, phase=2.0)})
    sums = {"T": 0.1, "frequencies": ([0.3, 2.0, 0.9], [1.0, 1.0, 1.0])}
    watched, free = Watched(), ~device.fixed_nodes()
    sol = ju.solve(device, pair_potential=Delta, linear_solver=watched, **sums)
    found = np.asarray(sol.G)[[1, 2, 0]][:, free]
    assert [omega for omega, _ in watched.begun] == [2.0, 0.9, 0.3]
    begun = np.array([G[: len(free)][free] for _, G in watched.begun])
    assert np.abs(begun[0] - ju.nambu.R[2]).max() == 0
    assert np.abs(begun[1:] - found[:2]).max() < 1e-12

    iterated = Watched()
    iterated.inertia = False
    ju.solve(device, pair_potential=Delta, linear_solver=iterated, **sums)
    assert all(np.array_equal(G[: len(free)][free], begun[0]) for _, G in iterated.begun)

    again = Watched()
    ju.solve(device, pair_potential=Delta, linear_solver=again, start=sol, **sums)
    assert np.abs([G[: len(free)][free] for _, G in again.begun] - found).max() < 1e-12

    both = Watched()
    ju.current_phase_relation(device, [0.5, 2.0], pair_potential=Delta, linear_solver=both, **sums)
    lowest = [G for omega, G in both.begun if omega == 0.3][1]
    assert np.abs(lowest[: len(free)][free] - found[1]).max() < 1e-8
