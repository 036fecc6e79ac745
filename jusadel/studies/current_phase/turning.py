"""How phases follow those of the electrodes and the gauge: the solution of one device as a guess for the next one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as sla

from jusadel.action.nambu import phase_turn
from jusadel.action.periodic import seams
from jusadel.device.device import Device
from jusadel.mesh.topology import summed_over_triangles
from jusadel.solver.derivatives.tracing import still
from jusadel.solver.states.solution import Solution

NEGLIGIBLE = 1e-9
"""Of the stiffness: what holds the phase of parts that no electrode holds."""


def turned(sol: Solution, phase: np.ndarray, triangles: np.ndarray) -> Solution:
    """The solution on these triangles with its pair potential turned by a phase at each node (n,)."""
    behind = np.zeros(sol.all_G.shape[1] - len(phase))  # barriers' far sides, written anew
    everywhere, share = np.concatenate([phase, behind]), np.exp(1j * phase)
    sol = still(sol)
    G = phase_turn(everywhere) @ sol.all_G @ phase_turn(-everywhere)
    return replace(sol, Delta=sol.Delta * share, vertex_Delta=sol.vertex_Delta * share[triangles], all_G=G)


def phase_change(before: Device, after: Device) -> np.ndarray:
    """The phase chi (n,) by which a solution turns from one device to another on the same mesh, as smoothly as can be.

    It minimises Int |grad chi - 2 (A_after - A_before)|^2, with the change of phase given at superconducting electrodes
    and across periodic boundaries: what a change of gauge leaves of a solution is exact.
    """
    mesh, seam, n = after.mesh, seams(after), len(after.mesh.points)
    triangles, owner = np.asarray(mesh.triangles), seam.owner
    jump = np.asarray(seam.phase) - np.asarray(seams(before).phase)
    local = np.asarray(mesh.local_stiffness)
    K = summed_over_triangles(local, owner[triangles], n)
    known_part = jump[triangles] - 2 * _change_of_gauge(before, after)
    force = -np.bincount(owner[triangles].ravel(), np.einsum("tij,tj->ti", local, known_part).ravel(), n)
    chi = _change_at_electrodes(before, after, owner, jump)
    free = np.isnan(chi) & (owner == np.arange(n))
    middle = (np.nanmin(chi) + np.nanmax(chi)) / 2 if not np.isnan(chi).all() else 0.0
    chi = np.where(np.isnan(chi), 0, chi)
    if free.any():
        small = NEGLIGIBLE * abs(K.diagonal()).max()  # parts that touch no electrode turn by half
        matrix = K[free][:, free] + small * sp.identity(int(free.sum()))
        chi[free] = sla.spsolve(matrix.tocsc(), small * middle + force[free] - K[free] @ chi)
    return chi[owner] + jump


def _change_of_gauge(before: Device, after: Device) -> np.ndarray:
    """Int (A_after - A_before).dl from the middle of each triangle to its corners, (m, 3)."""
    if before.vector_potential is None and after.vector_potential is None:
        return np.zeros(np.shape(after.mesh.triangles))
    return np.asarray(after.line_integrals()) - np.asarray(before.line_integrals())


def _change_at_electrodes(before: Device, after: Device, owner: np.ndarray, jump: np.ndarray) -> np.ndarray:
    """By how much the phase of superconducting electrodes changes, at the owners of their nodes, else NaN, (n,)."""
    change, points, old = np.full(len(owner), np.nan), np.asarray(after.mesh.points), before.electrodes()
    for name, electrode in after.electrodes().items():
        if float(electrode.Delta) > 0 and name in old:
            nodes = after.mesh.boundary_nodes(name)
            phases = [np.asarray(r.phase_at(points[nodes])) for r in (old[name], electrode)]
            change[owner[nodes]] = phases[1] - phases[0] - jump[nodes]
    return change
