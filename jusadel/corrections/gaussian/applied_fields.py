"""What fields change of a device's vector potential: line integrals along the edges of its cells, (m, 3)."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as sla

from jusadel.action.assembly import discretise
from jusadel.action.mesh_action import DiscreteAction
from jusadel.action.periodic import seams
from jusadel.corrections.classical import classical_potential
from jusadel.device.boundary import Periodic
from jusadel.device.device import Device
from jusadel.device.vector_potential import uniform_field

WEAK = 1e-3
"""Flux quanta, about, in a field in which a device's gauge has no jumps of 2 pi."""


def closed_on_itself(device: Device, across: tuple[str, str]) -> bool:
    """Whether the two boundaries are one, so that current flows round."""
    return any({name, b.partner} == set(across) for name, b in device.periodic().items())


def of_unit_voltage(device: Device, system: DiscreteAction, across: tuple[str, str]) -> np.ndarray:
    """Of e = - grad mu, the field of one volt between two electrodes, or round the device."""
    turned = closed_on_itself(device, across)
    mu = _round_trip(device, across) if turned else np.asarray(classical_potential(device, across))
    at_corners = mu[_corners(device, system)]
    return at_corners - np.roll(at_corners, -1, axis=1)


def of_unit_field(device: Device) -> np.ndarray:
    """Of a further perpendicular field B = 1.

    Raises:
        ValueError: periodic boundaries that no uniform field fits.
    """
    mesh, nothing = device.mesh, np.zeros((len(device.mesh.triangles), 3), complex)
    weak = WEAK / float(np.ptp(np.asarray(mesh.points), axis=0).max()) ** 2
    bare, in_field = (
        Device(mesh=mesh, materials=device.materials, boundaries=device.boundaries, vector_potential=A)
        for A in (None, uniform_field(weak))
    )
    lines = [np.asarray(discretise(d, nothing).cells.line_A) for d in (bare, in_field)]
    return (lines[1] - lines[0]) / weak


def mean_power(device: Device, system: DiscreteAction, line_e: np.ndarray) -> float:
    """The mean of e.D e over the device."""
    mesh = device.mesh
    along = line_e[: len(mesh.triangles)]
    mu = np.stack([np.zeros(len(along)), -along[:, 0], along[:, 2]], axis=1)
    e = -np.einsum("tik,ti->tk", np.asarray(mesh.shape_gradients), mu)
    power = np.einsum("tj,tjk,tk->t", e, np.asarray(device.centroid_field("D")), e)
    areas = np.asarray(mesh.areas)
    return float(np.sum(areas * power) / areas.sum())


def _round_trip(device: Device, across: tuple[str, str]) -> np.ndarray:
    """The potential (n,) that falls by one from either side of a seam to the other."""
    mesh = device.mesh
    jumps: Any = {n: Periodic(b.partner, phase=float(n in across)) for n, b in device.periodic().items()}
    seam = seams(Device(mesh=mesh, materials=device.materials, boundaries=jumps))
    jump, n = np.asarray(seam.phase), len(mesh.points)
    conducting = np.asarray(mesh.areas) * np.asarray(device.centroid_field("nu"))
    slopes = np.asarray(mesh.shape_gradients)
    blocks = np.einsum("t,tik,tkl,tjl->tij", conducting, slopes, np.asarray(device.centroid_field("D")), slopes)
    rows, columns = np.broadcast_arrays(mesh.triangles[:, :, None], mesh.triangles[:, None, :])
    K = sp.coo_matrix((blocks.ravel(), (rows.ravel(), columns.ravel())), shape=(n, n)).tocsr()
    owned = sp.csr_matrix((np.ones(n), (np.arange(n), seam.owner)), shape=(n, n))
    unknown = np.unique(seam.owner)[1:]  # one of them is zero
    phi = np.zeros(n)
    phi[unknown] = sla.spsolve((owned.T @ K @ owned)[unknown][:, unknown].tocsc(), -(owned.T @ (K @ jump))[unknown])
    return phi[seam.owner] + jump


def _corners(device: Device, system: DiscreteAction) -> np.ndarray:
    """The mesh's nodes at the corners of all cells, before seams make them one, (m, 3)."""
    triangles = np.asarray(device.mesh.triangles)
    return np.concatenate([triangles, triangles[np.asarray(system.layout.beside, int)]])
