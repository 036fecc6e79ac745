"""Where a solve starts: the frames of G, and a first pair potential, the bulk gap with phases between electrodes'."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as sla

from jusadel.action.assembly import interface_joints
from jusadel.action.matrices.stiffness import coupling
from jusadel.action.matsubara import bulk_gap
from jusadel.action.mesh_action import DiscreteAction
from jusadel.action.nambu import bcs
from jusadel.action.nambu.frames import green_to_frame
from jusadel.action.periodic import seams
from jusadel.device.device import Device
from jusadel.device.pair_potential import at_vertices, from_pairs
from jusadel.mesh.topology import summed_over_triangles
from jusadel.solver.states.other_mesh import carried_frames, carried_pair_potential, on_same_mesh
from jusadel.solver.states.solution import Solution

WEAK = 1e-4
"""Coupling of the guess across an interface, at least, in electrodes' fields; what an electrode's phase fades to."""


def first_guess(device: Device, T: float, start: Any) -> tuple[Any, Any]:
    """The pair potential (m, 3) to start from, and the start for G, from what the user gave as `start`."""
    if isinstance(start, Solution):
        if not on_same_mesh(start, device):
            return carried_pair_potential(start, device), start
        return pair_potential_of(start, device), start
    if start is None or (isinstance(start, str) and start == "bulk"):
        return at_vertices(device, bulk_with_phases(device, T)), None
    return at_vertices(device, start), None


def pair_potential_of(start: Solution, device: Device) -> Any:
    """The pair potential (m, 3) of a solution on the same mesh; ValueError where it has other triangles."""
    if start.vertex_Delta.shape != device.mesh.triangles.shape:
        raise ValueError(
            f"start was solved on {len(start.vertex_Delta)} triangles, this mesh has {len(device.mesh.triangles)}: "
            "read from a sweep, or inside a program, a solution is no start on another mesh; give a pair potential"
        )
    return start.vertex_Delta


def bulk_with_phases(device: Device, T: float) -> np.ndarray:
    """Nodal pair potential (n,): per region the bulk gap at T, times a phase factor that follows the electrodes."""
    modulus = np.zeros(device.mesh.triangles.shape)
    Tc = np.asarray(device.vertex_field("Tc"))
    for value in np.unique(Tc[Tc > T]):
        modulus[value == Tc] = bulk_gap(T, float(value))
    nodal = np.zeros(len(device.mesh.points))
    np.maximum.at(nodal, device.mesh.triangles, modulus)
    return nodal * phase_factor(device)


def phase_factor(device: Device) -> np.ndarray:
    """psi (n,) that minimises Int |(grad - 2iA) psi|^2: phase factors given on electrodes, else the lowest mode.

    In a magnetic field without electrodes the lowest mode is that in which superconductivity nucleates. Across
    interfaces psi is continuous but for the conductance's share of a jump that electrodes impose.
    """
    n, seam, given = len(device.mesh.points), seams(device), _given_phases(device)
    imposed = not np.isnan(given.real).all()
    K = _covariant_laplacian(device, seam) + _across_interfaces(device, seam, WEAK if imposed else 1.0)
    free = (seam.owner == np.arange(n)) & np.isnan(given.real)
    psi = np.where(np.isnan(given.real), 0, given)
    if imposed:
        if free.any():
            within = K[free][:, free]
            within = within + WEAK**2 * abs(within.diagonal()).mean() * sp.identity(within.shape[0])
            psi[free] = sla.spsolve(within.tocsc(), -(K[free] @ psi))
        lost = np.abs(psi) < WEAK  # a piece of the mesh that no electrode reaches
        psi = np.where(lost, 1, psi) / np.where(lost, 1, np.abs(psi))
    else:
        psi[free] = _lowest_mode(K[free][:, free])
    return psi[seam.owner] * np.exp(1j * np.asarray(seam.phase))


def _across_interfaces(device: Device, seam: Any, least: float) -> sp.csr_matrix:
    """Sum of G_B length/(2 nu D) |psi_i - psi_j|^2 over the pairs of nodes at interfaces, (n, n), at least `least`."""
    n = len(device.mesh.points)
    diffusion = np.linalg.eigvalsh(np.asarray(device.centroid_field("D"))).mean()
    conductivity = 2 * diffusion * float(np.mean(device.centroid_field("nu")))
    total = sp.csr_matrix((n, n))
    for joint in interface_joints(device, seam):
        weight = np.maximum(np.asarray(joint.conductance) / conductivity, least)
        total = total + coupling(joint.pairs, weight, n)
    return total


def _lowest_mode(K: sp.csr_matrix) -> np.ndarray:
    scale = abs(K.diagonal()).mean()
    if K.shape[0] < 20:
        mode = np.linalg.eigh(K.toarray())[1][:, 0]
    else:
        start = np.ones(K.shape[0], complex)
        mode = sla.eigsh(K.tocsc(), k=1, sigma=-1e-6 * scale, v0=start)[1][:, 0]
    largest = mode[np.argmax(np.abs(mode))]
    return mode / largest


def _given_phases(device: Device) -> np.ndarray:
    """exp(i phase) at nodes of superconducting electrodes, else NaN, (n,)."""
    given = np.full(len(device.mesh.points), np.nan, complex)
    for name, reservoir in device.electrodes().items():
        if float(reservoir.Delta) > 0:
            nodes = device.mesh.boundary_nodes(name)
            given[nodes] = np.exp(1j * np.asarray(reservoir.phase_at(np.asarray(device.mesh.points)[nodes])))
    return given


def _covariant_laplacian(device: Device, seam: Any) -> sp.csr_matrix:
    """Int (grad - 2iA) phi_i^* . (grad - 2iA) phi_j, with the links of the action, (n, n)."""
    mesh, n = device.mesh, len(device.mesh.points)
    line = np.asarray(device.line_integrals()) - np.asarray(seam.phase)[mesh.triangles] / 2
    carried = np.exp(-2j * line)
    local = np.asarray(mesh.local_stiffness) * carried.conj()[:, :, None] * carried[:, None, :]
    return summed_over_triangles(local, seam.owner[mesh.triangles], n)


def starting_frames(device: Device, system: DiscreteAction, start: Any) -> Callable[[np.ndarray], np.ndarray]:
    """The function that gives the starting frames (b, n, 4, 4) of frequencies (b,)."""
    n, total = len(device.mesh.points), len(system.free)
    if start is None:
        return lambda omega: np.broadcast_to(np.eye(4), (len(omega), total, 4, 4))
    if isinstance(start, str) and start == "bulk":
        weight = np.asarray(system.nodes.weight)[:, None]
        local = from_pairs(np.asarray(system.nodes.fields["Delta"]) / np.where(weight == 0, 1.0, weight))
        return lambda omega: np.asarray(green_to_frame(bcs(omega[:, None], local[None])))
    if isinstance(start, Solution):
        return _from_solution(start, device, total)
    G = start if isinstance(start, jax.Array) else np.asarray(start)
    if G.ndim != 4 or G.shape[1:] != (n, 4, 4) or G.dtype.kind != "f":
        what = f"an array of shape {G.shape} and type {G.dtype}" if G.ndim else repr(start)
        raise ValueError(f"start is {what}; expected None, 'bulk', a Solution, or real G of shape (n_w, {n}, 4, 4)")
    if not np.isfinite(G).all():
        raise ValueError("start is not finite; expected G of a converged solution")
    frames = _filled(np.asarray(green_to_frame(np.asarray(G))), total)

    def given(omega: np.ndarray) -> np.ndarray:
        if len(omega) != len(frames):
            raise ValueError(f"start holds {len(frames)} frequencies, but {len(omega)} are to be solved")
        return frames

    return given


def _filled(frames: np.ndarray, total: int) -> np.ndarray:
    """Frames with those that are not given, behind barriers, at the normal state."""
    missing = np.broadcast_to(np.eye(4), (len(frames), total - frames.shape[1], 4, 4))
    return np.concatenate([frames, missing], axis=1)


def _from_solution(start: Solution, device: Device, total: int) -> Callable[[np.ndarray], np.ndarray]:
    order = np.argsort(start.omega)
    if on_same_mesh(start, device):
        frames = _own_frames(start, total)[order]
    else:
        frames = _filled(carried_frames(start, device), total)[order]

    def nearest(omega: np.ndarray) -> np.ndarray:
        return frames[np.argmin(np.abs(np.log(omega[:, None] / start.omega[order])), axis=1)]

    return nearest


def _own_frames(start: Solution, total: int) -> np.ndarray:
    if start.all_G.shape[1] != total:
        raise ValueError(f"start was solved on {start.all_G.shape[1]} nodes, this device has {total}")
    return np.asarray(green_to_frame(np.asarray(start.all_G)))
