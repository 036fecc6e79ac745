"""Where current flows in the normal state, and with which weight interference at each node changes the conductance.

With e = - grad of the potential of unit voltage between two contacts and C the Cooperon (Texier and Montambaux,
cond-mat/0312060: the weight that conserves the current),

    delta G = (4/pi) Sum_n w_n e_n.D e_n tr_8 C_nn     [e^2/hbar]

On a mesh diffusion is a network of links; a barrier is one more, with the Cooperon between its two sides, which in the
metal is that at either. Open channels have that at the sides themselves (Golubev and Zaikin, PRB 74, 245329 (2006);
Brouwer and Beenakker, J. Math. Phys. 37, 4904 (1996)).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import numpy as np

from jusadel.action.mesh_action import DiscreteAction, to_nodes
from jusadel.common.differentiability import numpy_if_few
from jusadel.corrections.cooperon import CooperonWeights
from jusadel.device.boundary import Periodic
from jusadel.device.contact import Contact
from jusadel.device.device import Device
from jusadel.device.material.material import Material
from jusadel.nonequilibrium.diffusion import diffuse
from jusadel.nonequilibrium.flow import Flow

PER_COOPERON = 2 * math.pi * 4 / math.pi
"""4/pi e^2/hbar, in e^2/h."""


def conductance_weights(device: Device, system: DiscreteAction, across: tuple[str, str]) -> CooperonWeights:
    """(8 w_n e_n.D e_n) of unit voltage between two electrodes; no current flows through the others [e^2/h].

    And of barriers 8 times half the conductance times the square of the voltage: with channels of transmissions T the
    part F = Sum T (1 - T)/Sum T goes with the Cooperon between the two sides, 1 - F with those at either.
    """
    mu = _flow(device, across).f[:, 0]
    mesh, D = device.mesh, device.centroid_field("D")
    corners = _corners(system, device)
    power = mesh.areas * device.centroid_field("nu") * _power(mesh.shape_gradients, mu, corners, D)
    nodes, pairs = PER_COOPERON * _summed(system, power), [np.zeros(0)]
    for joint in system.joints:
        one, other = np.asarray(joint.pairs).T
        taken = PER_COOPERON * joint.conductance / 2 * _squared_difference(mu, one, other)
        fano = 1.0 if joint.transmissions is None else 1 - _mean_transmission(joint.transmissions)
        pairs.append(fano * taken)
        nodes = nodes + to_nodes(joint.pairs, (1 - fano) / 2 * taken[:, None] * np.ones(2), len(nodes))
    return CooperonWeights(nodes, _joined(*pairs))


@numpy_if_few
def _power(xp: Any, gradients: Any, mu: Any, corners: Any, D: Any) -> Any:
    """e.D e in each triangle, (m,)."""
    e = -xp.einsum("tik,ti->tk", gradients, mu[corners])
    return xp.einsum("tj,tjk,tk->t", e, D, e)


@numpy_if_few
def _squared_difference(xp: Any, mu: Any, one: Any, other: Any) -> Any:
    return (mu[one] - mu[other]) ** 2


@numpy_if_few
def _joined(xp: Any, *parts: Any) -> Any:
    return xp.concatenate(parts)


def _mean_transmission(T: Any) -> Any:
    """Sum T^2/Sum T."""
    return (T**2).sum() / T.sum()


def classical_potential(device: Device, across: tuple[str, str]) -> Any:
    """The potential (n,) of unit voltage between two electrodes; no current flows through the others."""
    return _flow(device, across).mu


def _flow(device: Device, across: tuple[str, str]) -> Flow:
    return diffuse(_charge_alone(device), _contacts(device, across))


def conductivity_weights(device: Device, system: DiscreteAction) -> Any:
    """(8 nu D_n), (N,), with the mean of D over directions, averaged over the node's triangles [e^2/h]."""
    D, areas = device.centroid_field("D"), device.mesh.areas
    conducting = areas * device.centroid_field("nu") * (D[:, 0, 0] + D[:, 1, 1]) / 2
    return PER_COOPERON * _summed(system, conducting) / _summed(system, areas)


def integrated_rates(system: DiscreteAction, device: Device, rate: Any = None) -> Any:
    """Rates of dephasing times nu and a third of the area, (N,): the materials' own, or one rate everywhere."""
    if rate is not None:
        return rate * system.nodes.weight
    share = (device.mesh.areas * device.centroid_field("nu") / 3)[:, None]
    return to_nodes(_corners(system, device), share * device.vertex_field("dephasing"), len(system.free))


def _summed(system: DiscreteAction, values: Any) -> Any:
    """A third of the values (m,) of triangles at each of their corners, (N,)."""
    corners = system.triangles[: len(values)]
    return to_nodes(corners, values[:, None] / 3 * np.ones(3), len(system.free))


def _corners(system: DiscreteAction, device: Device) -> Any:
    return system.triangles[: len(device.mesh.triangles)]


def _charge_alone(device: Device) -> Device:
    """The device as far as charge diffuses: spins take no part at this order in the disorder."""
    materials: Any = device.materials
    metals = {region: Material(D=m.D, nu=m.nu, Tc=0.0) for region, m in materials.items()}
    seams: dict[str, Any] = {name: Periodic(b.partner) for name, b in device.periodic().items()}
    barriers: Any = {
        name: replace(cast("Any", b), surface=None) for name, b in device.boundaries.items() if b.barrier is not None
    }
    return Device(mesh=device.mesh, materials=metals, boundaries=seams | barriers)


def _contacts(device: Device, across: tuple[str, str]) -> Mapping[str, Contact]:
    """Unit voltage between two electrodes; the others float."""
    floating = {name: Contact(voltage="floating") for name in device.electrodes() if name not in across}
    return {across[0]: Contact(voltage=1.0), across[1]: Contact(voltage=0.0)} | floating
