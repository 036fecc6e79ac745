"""How the nodes of a device hang together: seams, nodes behind barriers, edges with terms of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.action.periodic import Seams, seams
from jusadel.action.terms import GRADIENT, NODAL
from jusadel.device.boundary import EDGE_FIELDS, Surface
from jusadel.device.device import Device
from jusadel.mesh.mesh import Mesh
from jusadel.mesh.topology import SIDES, edge_rows

EDGE_NODAL, EDGE_GRADIENT = (tuple(k for k in fields if k in EDGE_FIELDS) for fields in (NODAL, GRADIENT))
"""Fields that act along edges, of terms without and with gradients."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Layout:
    """Made once, with the discrete action of a device, which carries it."""

    seam: Seams
    ghosts: dict[str, tuple[np.ndarray, np.ndarray]]  # by boundary, as `ghosts` has them
    beside: np.ndarray  # (k,) the triangle of each cell on an edge

    @classmethod
    def of(cls, device: Device, sides: Sequence[Side]) -> Layout:
        """The layout of a device, and of these edges that have terms of their own."""
        beside = [np.zeros(0, int), *(side.triangles for side in sides if side.cells)]
        return cls(seams(device), ghosts(device), np.concatenate(beside))

    def nodes_of_contact(self, mesh: Mesh, name: str) -> np.ndarray:
        """Nodes of an electrode: behind its barrier, or on the boundary; those of a seam as their owners."""
        return self.ghosts[name][1] if name in self.ghosts else np.unique(self.seam.owner[mesh.boundary_nodes(name)])


def ghosts(device: Device) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Nodes (k,) at each barrier to a reservoir, and the numbers (k,) of those behind it."""
    first, found = len(device.mesh.points), {}
    for name, boundary in device.boundaries.items():
        if boundary.electrode and boundary.barrier:
            nodes = device.mesh.boundary_nodes(name)
            found[name] = (nodes, first + np.arange(len(nodes)))
            first += len(nodes)
    return found


# --- edges with terms of their own ---------------------------------------------------------------


@dataclass(frozen=True)
class Side:
    """Edges with surface terms, as the triangles at them see them."""

    surface: Surface
    edges: np.ndarray  # (k, 2)
    triangles: np.ndarray  # (k,)
    share: float  # of the length: a half where triangles stand on both sides
    normals: Any  # (k, 2), to the right of the edges: outward at outer ones
    lengths: Any  # (k,)

    @property
    def cells(self) -> bool:
        """Whether there are gradient terms."""
        return any(not vanishes(part) for name in EDGE_GRADIENT for part in self.surface.parts(name))


def edge_sides(device: Device) -> list[Side]:
    """The edges of a device that have terms of their own."""
    mesh, sides = device.mesh, []
    for name, boundary in device.boundaries.items():
        names = (SIDES if boundary.doubled else ("",)) if boundary.surfaces else ()
        for surface, side in zip(boundary.surfaces, names, strict=True):  # one for each side, none left out
            sides += _sides(mesh, surface, mesh.boundaries[name + side]) if surface else []
    return sides


def _sides(mesh: Mesh, surface: Surface, edges: np.ndarray) -> list[Side]:
    rows = edge_rows(mesh.edges, edges)
    beside = [np.flatnonzero((mesh.triangle_edges == row).any(axis=1)) for row in rows]
    step = mesh.points[edges[:, 1]] - mesh.points[edges[:, 0]]
    lengths = (step**2).sum(axis=1) ** 0.5
    xp = np if isinstance(step, np.ndarray) else jnp
    normals = xp.stack([step[:, 1], -step[:, 0]], axis=1) / lengths[:, None]
    sides = []
    for count in (1, 2):
        at = np.array([k for k, b in enumerate(beside) if len(b) == count], int)
        for place in range(count) if len(at) else ():
            triangles = np.array([beside[k][place] for k in at])
            sides.append(Side(surface, edges[at], triangles, 1 / count, normals[at], lengths[at]))
    return sides


def vanishes(values: Any) -> bool:
    """Whether all of them are zero, as far as JAX does not trace them."""
    return not isinstance(values, jax.core.Tracer) and not np.any(np.asarray(values))
