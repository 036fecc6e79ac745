"""python -m jusadel test: numbers that are known from elsewhere, computed by what is installed, in about a minute."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import jax
import numpy as np

from jusadel.action.matsubara import bulk_gap
from jusadel.device import Contact, Device, Material, Reservoir
from jusadel.mesh import rectangle
from jusadel.nonequilibrium import diffuse
from jusadel.observables import current_through, density_of_states
from jusadel.solver import solve, spectrum


class Known(NamedTuple):
    """A number that was computed, the value that is known, how far they may lie apart, and where the value is from."""

    name: str
    value: Callable[[], float]
    expected: float
    within: float
    source: str


def _bulk_gap() -> float:
    return bulk_gap(0.02)


def _ferromagnetic_junction() -> float:
    """e R_N I in D/L^2 of an SFS wire at a phase of pi/2: T = 1, Delta = 20, h = 3 in that unit."""
    mesh = rectangle(1.0, 0.15, 0.05, x=np.linspace(0, 1, 41))
    ends = {"left": Reservoir(20.0), "right": Reservoir(20.0, phase=np.pi / 2)}
    device = Device(mesh=mesh, materials=Material(D=1.0, Tc=0.0, h=(0, 0, 3.0)), boundaries=ends)
    return float(current_through(solve(device, T=1.0, frequencies=16), "right")) / (2 * 0.15)


def _states_below_the_minigap() -> float:
    """Density of states in the middle of an SNS wire just below 3.122 D/L^2, over that just above."""
    x = (1 - np.cos(np.pi * np.linspace(0, 1, 31))) / 2
    mesh = rectangle(1.0, 0.04, 1.0, x=x, y=[0.0, 0.04])
    ends = {name: Reservoir(200.0) for name in ("left", "right")}
    wire = Device(mesh=mesh, materials=Material(Tc=0.0), boundaries=ends)
    spec = spectrum(solve(wire, T=1.0, frequencies=2), [0.97 * 3.122, 1.03 * 3.122], eta=1e-3)
    below, above = np.asarray(density_of_states(spec))[:, len(x) // 2]
    return float(below / above)


def _resistance() -> float:
    """Current of a normal strip, twice as long as wide, between contacts at voltages 0 and 1."""
    device = Device(mesh=rectangle(2.0, 1.0, 0.4), materials=Material(D=3.0, nu=1.5))
    flow = diffuse(device, {"left": Contact(voltage=1.0), "right": Contact(voltage=0.0)})
    return float(current_through(flow, "right"))


def _spin_decay() -> float:
    """What is left of an injected spin after two relaxation lengths in a strip of five."""
    x = np.linspace(0, 5.0, 201)
    device = Device(mesh=rectangle(5.0, 0.1, 1.0, x=x, y=[0.0, 0.1]), materials=Material(D=1.0, Gamma=1.0))
    flow = diffuse(device, {"left": Contact(voltage=0.0, spin=(0, 0, 1)), "right": Contact(voltage=0.0)})
    at = np.argmin(np.abs(np.asarray(device.mesh.points) - [2.0, 0.0]).sum(axis=1))
    return float(flow.S[at, 2])


def _gradient() -> float:
    """A derivative of the current of a junction over the difference of two currents."""
    mesh = rectangle(1.0, 0.3, 0.25)

    def current(D: float) -> jax.Array:
        ends = {"left": Reservoir(4.0), "right": Reservoir(4.0, phase=1.0)}
        device = Device(mesh=mesh, materials=Material(D=D, Tc=0.0), boundaries=ends)
        return current_through(solve(device, T=1.0, frequencies=3, tol=1e-12), "right")

    return float(jax.grad(current)(2.0)) / (float(current(2.0001) - current(1.9999)) / 2e-4)


KNOWN = (
    Known("gap of a bulk superconductor, T = 0, over Tc", _bulk_gap, 1.763877, 1e-5, "pi exp(-0.5772)"),
    Known("current of an SFS junction", _ferromagnetic_junction, 5.16993, 0.05, "the same wire in one dimension"),
    Known("states below the minigap of an SNS wire", _states_below_the_minigap, 0.0, 0.02, "Ivanov et al. 2002"),
    Known("current of a normal strip", _resistance, 2 * 1.5 * 3.0 / 2.0, 1e-10, "Ohm"),
    Known("spin after two relaxation lengths", _spin_decay, float(np.sinh(3) / np.sinh(5)), 1e-3, "sinh(3)/sinh(5)"),
    Known("gradient over difference", _gradient, 1.0, 1e-6, "the definition"),
)


def passed(known: Known, found: float) -> bool:
    """Whether it is as near as it has to be; NaN is not."""
    return abs(found - known.expected) <= known.within


def measured_numbers() -> Iterator[tuple[Known, float, float]]:
    """Each with the number that was found and the seconds that it took."""
    for known in KNOWN:
        began = time.perf_counter()
        found = known.value()
        yield known, found, time.perf_counter() - began
