"""Currents of a thin film by their stream function, K = curl(g z): continuous, linear in triangles, 0 on the outer rim.

Round a hole g is one number, the current that flows round it. With superconducting electrodes g is one number on each
insulating side between them, 0 on the first one of an outline: it jumps by the current through an electrode, along
whose edge it is free. Seen through the hats phi_n of the unknown values of g, a vector potential is Int A.curl(phi_n
z), which no gauge transformation changes: the flux through the hat, the hole included. That of the currents themselves
is Q g with the inductances (`triangle_potentials`)

    Q_nn' = (mu0 d/4 pi) Int Int curl(phi_n z).curl(phi_n' z)/|r - r'|.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from jusadel.device.device import Device
from jusadel.mesh.mesh import Mesh
from jusadel.mesh.topology import edge_rows
from jusadel.studies.screening.edge_elements import holes, merged_nodes, open_edges, signed_rows
from jusadel.studies.screening.leads import lead_rows
from jusadel.studies.screening.thin_film.triangle_potentials import double_integrals, line_integrals


@dataclass(frozen=True)
class SheetCurrents:
    """The unknown values (K,) of a stream function, and what follows from them."""

    on_nodes: sp.csr_matrix  # (n, K): g at all nodes
    current: sp.csr_matrix  # (2 m, K): K_x, then K_y of each triangle
    through_hats: sp.csr_matrix  # (K, e): Int A.curl(phi z) of edge integrals
    of_holes: np.ndarray  # (holes,) the value of g round each; -1 where it is 0
    of_sides: np.ndarray  # (sides,) the value of g on each between electrodes where it is not 0
    corners: np.ndarray  # (m, 3, 2)
    triangles: np.ndarray  # (m, 3), equal nodes where triangles touch
    nodes: np.ndarray  # (m, 3), the mesh's own

    def inductances(self, permeability: float) -> np.ndarray:
        """Q (K, K), of a film for which A = (permeability/4 pi) Int K/|r - r'|."""
        Q = np.zeros((self.current.shape[1],) * 2)
        for rows, pairs in double_integrals(self.triangles, self.corners):
            for part in self._parts:
                Q += part[rows].T @ (part.T @ pairs.T).T
        return permeability / (8 * np.pi) * (Q + Q.T)

    def along_edges(self, mesh: Mesh, permeability: float) -> np.ndarray:
        """Int A.dl along the edges of the mesh from the smaller node to the larger, (e, K)."""
        start, end = (np.asarray(mesh.points)[mesh.edges[:, i]] for i in (0, 1))
        A = np.empty((len(mesh.edges), self.current.shape[1]))
        direction = (end - start) / np.linalg.norm(end - start, axis=1)[:, None]
        for rows, pairs in line_integrals(start, end, self.corners):
            A[rows] = sum(
                t[:, None] * (part.T @ pairs.T).T for t, part in zip(direction[rows].T, self._parts, strict=True)
            )
        return permeability / (4 * np.pi) * A

    @cached_property
    def areas(self) -> np.ndarray:
        """Of the triangles, (m,)."""
        a, b = self.corners[:, 1] - self.corners[:, 0], self.corners[:, 2] - self.corners[:, 0]
        return np.asarray(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]) / 2

    @property
    def hats(self) -> sp.csr_matrix:
        """A third of a triangle's area for each of its corners, (m, K)."""
        m = len(self.triangles)
        row, column = np.arange(m).repeat(3), self.nodes.ravel()
        third = sp.csr_matrix((self.areas.repeat(3) / 3, (row, column)), (m, self.on_nodes.shape[0]))
        return sp.csr_matrix(third @ self.on_nodes)

    @property
    def _parts(self) -> tuple[sp.csr_matrix, sp.csr_matrix]:
        """(m, K): K_x and K_y."""
        m = len(self.triangles)
        return self.current[:m].tocsr(), self.current[m:].tocsr()


def sheet_currents(device: Device) -> SheetCurrents:
    """Those of a device's mesh; nodes that are one another's copies have one value."""
    mesh, label = device.mesh, merged_nodes(device)
    on_nodes, of_holes, of_sides = _stream_values(device, label)
    curl = _curl_of_hats(mesh)
    current = sp.csr_matrix(curl @ on_nodes)
    area = np.tile(np.asarray(mesh.areas), 2)
    through = sp.csr_matrix(current.T @ sp.diags(area) @ _mean_of_edges(mesh))
    triangles = label[mesh.triangles]
    nodes = np.asarray(mesh.triangles)
    corners = np.asarray(mesh.points)[nodes]
    return SheetCurrents(on_nodes, current, through, of_holes, of_sides, corners, triangles, nodes)


def _stream_values(device: Device, label: np.ndarray) -> tuple[sp.csr_matrix, np.ndarray, np.ndarray]:
    """g at the nodes (n, K), and its values round holes and on the sides of outlines where it is not zero."""
    edges, insulating = open_edges(device), _insulating(device)
    sides = _pieces(label, edges[insulating])
    loops = [loop for loop, _ in holes(device)]
    round_holes = np.concatenate([np.zeros((0, 2), int), *loops])
    of_outline = ~np.isin(edge_rows(device.mesh.edges, edges), edge_rows(device.mesh.edges, round_holes))
    outer = label[edges[insulating & of_outline, 0]]
    zero = sides[outer[np.unique(_pieces(label, edges[of_outline])[outer], return_index=True)[1]]]
    value, others = np.full(len(sides), -1), ~np.isin(sides, zero)
    own, value[others] = np.unique(sides[others], return_inverse=True)
    columns = value[label]
    inside = np.flatnonzero(columns >= 0)
    matrix = sp.csr_matrix((np.ones(len(inside)), (inside, columns[inside])), (len(label), len(own)))
    of_sides = np.unique(value[outer])
    return matrix, np.array([value[label[loop[0, 0]]] for loop in loops], int), of_sides[of_sides >= 0]


def _insulating(device: Device) -> np.ndarray:
    """Which of the open edges carry no superconducting electrode."""
    return ~np.isin(edge_rows(device.mesh.edges, open_edges(device)), lead_rows(device))


def _pieces(label: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """A number for each merged node, the same for those that these edges join."""
    count = int(label.max()) + 1
    return connected_components(sp.coo_array((np.ones(len(edges)), label[edges].T), (count, count)), directed=False)[1]


def _curl_of_hats(mesh: Mesh) -> sp.csr_matrix:
    """(2 m, n): curl(phi z) = (d_y phi, -d_x phi) in each triangle."""
    slopes, m = np.asarray(mesh.shape_gradients), len(mesh.triangles)
    values = np.concatenate([slopes[..., 1].ravel(), -slopes[..., 0].ravel()])
    row = np.arange(m).repeat(3)
    where = np.concatenate([row, row + m]), np.tile(mesh.triangles.ravel(), 2)
    return sp.csr_matrix((values, where), (2 * m, len(mesh.points)))


def mean_of_links(mesh: Mesh) -> np.ndarray:
    """(m, 2, 3): the mean of A over each triangle, that at its centroid, from Int A.dl along its edges."""
    slopes = np.asarray(mesh.shape_gradients)
    return (np.roll(slopes, -1, axis=1) - slopes).swapaxes(1, 2) / 3


def _mean_of_edges(mesh: Mesh) -> sp.csr_matrix:
    """(2 m, e): the same from edge integrals, all x first."""
    each, m = mean_of_links(mesh), len(mesh.triangles)
    row, sign = signed_rows(mesh, mesh.topology.directed_edges)
    values = np.concatenate([each[:, i].ravel() * sign for i in range(2)])
    start = np.arange(m).repeat(3)
    return sp.csr_matrix((values, (np.concatenate([start, start + m]), np.tile(row, 2))), (2 * m, len(mesh.edges)))
