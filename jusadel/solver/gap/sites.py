"""Where the gap equation is solved: superconducting nodes and the weights of their pair potential."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np

from jusadel.action.mesh_action import to_nodes
from jusadel.action.periodic import Seams
from jusadel.device.device import Device
from jusadel.device.pair_potential import as_pairs
from jusadel.solver.problem import Problem
from jusadel.solver.states.base import Solved
from jusadel.solver.states.solution import Solution

Array = jax.Array


@dataclass(frozen=True)
class Sites:
    """Where the pair potential is unknown: each node of each superconducting region."""

    nodes: np.ndarray  # (K,)
    weight: np.ndarray  # (K,) nu times area
    a: np.ndarray  # (K,)
    Tc: np.ndarray  # (K,)
    at: np.ndarray  # (m, 3) site of each triangle's vertex, K where there is none
    phase: Any  # (m, 3) by which a seam turns the vertex

    def on_nodes(self, Delta: np.ndarray, n: int) -> np.ndarray:
        """Delta times its weight summed into n nodes, (n, 2)."""
        total = np.zeros(n, complex)
        np.add.at(total, self.nodes, self.weight * Delta)
        return as_pairs(total)

    def on_vertices(self, Delta: np.ndarray) -> np.ndarray:
        """(m, 3) complex, zero in normal metals."""
        return np.append(Delta, 0)[self.at] * np.exp(1j * np.asarray(self.phase))

    def from_vertices(self, values: Any) -> np.ndarray:
        """(K,) complex from values (m, 3): the last of a site's."""
        out = np.zeros(len(self.nodes) + 1, complex)
        out[self.at] = np.asarray(values) * np.exp(-1j * np.asarray(self.phase))
        return out[:-1]


def refuse_normal_metals(device: Device) -> None:
    """Raise ValueError where no region has Tc > 0, so that there is no gap equation."""
    if not (np.asarray(device.vertex_field("Tc")) > 0).any():
        raise ValueError(
            "a self-consistent pair potential needs a region with Tc > 0; every Tc is 0 here: "
            "where a function takes a pair potential, give pair_potential=0.0"
        )


def weighted_sites(posed: Problem | Solution) -> Sites:
    """The sites of a device at a temperature, with these sums over frequencies.

    Raises:
        ValueError: no region has Tc > 0, or the frequencies do not reach far enough for the gap equation.
    """
    where, T, omega, weights = superconducting_sites(posed), posed.T, posed.omega, posed.weights
    a = np.log(T / where.Tc) + 2 * np.pi * T * np.sum(weights / omega)
    if a.min() <= 0:
        raise ValueError(
            f"the frequencies end at {omega.max():.3g}, too low for the gap equation at T = {T:g} and Tc = "
            f"{where.Tc.max():.3g}; take more of them (frequencies=None chooses)"
        )
    return replace(where, a=a)


def superconducting_sites(posed: Problem | Solved) -> Sites:
    """The sites of a device with their weights and Tc; ValueError where no region has Tc > 0."""
    device = posed.device
    refuse_normal_metals(device)
    where = bare_sites(device, posed.system.layout.seam, np.asarray(device.vertex_field("Tc")) > 0)
    weight, Tc = (np.asarray(x) for x in site_fields(device, where))
    return replace(where, weight=weight, Tc=Tc)


def bare_sites(device: Device, seam: Seams, superconducting: np.ndarray) -> Sites:
    """Sites without numbers, given which of the triangles' vertices (m, 3) are superconducting."""
    mesh = device.mesh
    key = mesh.region_of_triangle[:, None] * len(mesh.points) + seam.owner[mesh.triangles]
    kept, site = np.unique(key[superconducting], return_inverse=True)
    at = np.full(key.shape, len(kept))
    at[superconducting] = site
    nothing = np.zeros(0)
    return Sites(kept % len(mesh.points), nothing, nothing, nothing, at, seam.phase[mesh.triangles])


def site_fields(device: Device, where: Sites) -> tuple[Array, Array]:
    """nu times area, and Tc, of each site, (K,) each."""
    count = len(where.nodes)
    share = (device.centroid_field("nu") * device.mesh.areas)[:, None] / 3 * np.ones((1, 3))
    last = np.zeros(count + 1, int)
    last[where.at.ravel()] = np.arange(where.at.size)
    Tc = device.vertex_field("Tc").ravel()[last[:count]]
    return to_nodes(where.at, share, count + 1)[:count], Tc
