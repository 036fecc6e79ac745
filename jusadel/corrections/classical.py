"""Where current flows in the normal state, and with which weight interference at each node changes the conductance.

With e = - grad of the potential of unit voltage between two contacts and C the Cooperon (Texier and Montambaux,
cond-mat/0312060: the weight that conserves the current),

    delta G = (4/pi) Sum_n w_n e_n.D e_n tr_8 C_nn     [e^2/hbar]
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp

from jusadel.action.mesh_action import DiscreteAction, to_nodes
from jusadel.device.boundary import Periodic
from jusadel.device.contact import Contact
from jusadel.device.device import Device
from jusadel.device.material.material import Material
from jusadel.nonequilibrium.diffusion import diffuse

PER_COOPERON = 2 * math.pi * 4 / math.pi
"""4/pi e^2/hbar, in e^2/h."""


def conductance_weights(device: Device, system: DiscreteAction, across: tuple[str, str]) -> Any:
    """(8 w_n e_n.D e_n), (N,), of unit voltage between two electrodes; no current flows through the others [e^2/h]."""
    mu = classical_potential(device, across)
    mesh, D = device.mesh, device.centroid_field("D")
    e = -jnp.einsum("tik,ti->tk", mesh.shape_gradients, jnp.asarray(mu)[mesh.triangles])
    power = mesh.areas * device.centroid_field("nu") * jnp.einsum("tj,tjk,tk->t", e, D, e)
    return PER_COOPERON * _summed(system, power)


def classical_potential(device: Device, across: tuple[str, str]) -> Any:
    """The potential (n,) of unit voltage between two electrodes; no current flows through the others."""
    return diffuse(_charge_alone(device), _contacts(device, across)).mu


def conductivity_weights(device: Device, system: DiscreteAction) -> Any:
    """(8 nu D_n), (N,), with the mean of D over directions, averaged over the node's triangles [e^2/h]."""
    D = jnp.asarray(device.centroid_field("D"))
    areas = jnp.asarray(device.mesh.areas)
    conducting = areas * device.centroid_field("nu") * (D[:, 0, 0] + D[:, 1, 1]) / 2
    return PER_COOPERON * _summed(system, conducting) / _summed(system, areas)


def integrated_rates(system: DiscreteAction, device: Device, rate: Any = None) -> Any:
    """Rates of dephasing times nu and a third of the area, (N,): the materials' own, or one rate everywhere."""
    if rate is not None:
        return rate * system.nodes.weight
    share = (jnp.asarray(device.mesh.areas) * device.centroid_field("nu") / 3)[:, None]
    return to_nodes(_corners(system, device), share * device.vertex_field("dephasing"), len(system.free))


def _summed(system: DiscreteAction, values: Any) -> Any:
    """A third of the values (m,) of triangles at each of their corners, (N,)."""
    corners = system.triangles[: len(values)]
    return to_nodes(corners, jnp.broadcast_to(values[:, None] / 3, corners.shape), len(system.free))


def _corners(system: DiscreteAction, device: Device) -> Any:
    return system.triangles[: len(device.mesh.triangles)]


def _charge_alone(device: Device) -> Device:
    """The device as far as charge diffuses: spins take no part at this order in the disorder."""
    materials: Any = device.materials
    metals = {region: Material(D=m.D, nu=m.nu, Tc=0.0) for region, m in materials.items()}
    seams = {name: Periodic(b.partner) for name, b in device.periodic().items()}
    return Device(mesh=device.mesh, materials=metals, boundaries=seams)


def _contacts(device: Device, across: tuple[str, str]) -> Mapping[str, Contact]:
    """Unit voltage between two electrodes; the others float."""
    floating = {name: Contact(voltage="floating") for name in device.electrodes() if name not in across}
    return {across[0]: Contact(voltage=1.0), across[1]: Contact(voltage=0.0)} | floating
