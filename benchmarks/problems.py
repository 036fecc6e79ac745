"""The devices that are timed: the vortex and an SNS junction, spin-orbit terms on and off, by number of nodes."""

from typing import NamedTuple

import numpy as np

import jusadel as ju
from jusadel.action.assembly import discretise
from jusadel.action.matrix_free import LiftedAction, lift
from jusadel.device.pair_potential import at_vertices
from jusadel.solver.reservoirs import with_reservoirs

DELTA = ju.bulk_gap(0.05)
T = 0.05

SPIN_ORBIT = {
    "on": {"gamma": ju.rashba(0.3), "spin_field": ju.rashba(0.15), "theta": (0, 0, 0.2), "kappa": (0, 0, 0.1)},
    "off": {},
}


class Problem(NamedTuple):
    """A device ready for Newton's method."""

    name: str
    spin_orbit: str
    device: ju.Device
    lifted: LiftedAction

    @property
    def nodes(self):
        return len(self.device.mesh.points)

    def start(self, omega):
        """The normal state with the reservoirs' values, (b, n, 4, 4)."""
        normal = np.broadcast_to(np.eye(4), (len(omega), self.nodes, 4, 4))
        return with_reservoirs(self.device, self.lifted.system.layout, normal, omega)


def vortex(nodes, spin_orbit):
    """A rigid vortex in a graded disk of radius 6 xi."""
    size = 0.25 * np.sqrt(4141 / nodes)
    material = ju.Material(D=2 * DELTA, Gamma=2 * DELTA, **SPIN_ORBIT[spin_orbit])
    device = ju.Device(mesh=ju.disk(6.0, size, size / 5), materials=material)
    return device, ju.vortex(DELTA)


def junction(nodes, spin_orbit):
    """A normal strip, 6 xi by 3 xi with an exchange field, between reservoirs at the phase difference 2."""
    material = ju.Material(D=2 * DELTA, Tc=0.0, h=(0, 0.5, 0.5), Gamma=0.5, **SPIN_ORBIT[spin_orbit])
    ends = {"left": ju.Reservoir(DELTA), "right": ju.Reservoir(DELTA, phase=2.0)}
    mesh = ju.rectangle(6.0, 3.0, np.sqrt(36 / nodes))
    return ju.Device(mesh=mesh, materials=material, boundaries=ends), 0.0


MAKERS = {"vortex": vortex, "junction": junction}


def problem(name, nodes, spin_orbit):
    """The named problem with about this many nodes."""
    device, pair_potential = MAKERS[name](nodes, spin_orbit)
    return Problem(name, spin_orbit, device, lift(discretise(device, at_vertices(device, pair_potential))))
