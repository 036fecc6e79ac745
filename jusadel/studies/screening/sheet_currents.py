"""Currents of a thin film by their stream function, K = curl(g z): continuous, linear in triangles, 0 on the outer rim.

Round a hole g is one number, the current that flows round it. Seen through the hats phi_n of the unknown values of g, a
vector potential is Int A.curl(phi_n z), which no gauge transformation changes: the flux through the hat, the hole
included. That of the currents themselves is Q g with the inductances, exact but for near pairs of triangles
(`triangle_potentials`),

    Q_nn' = (mu0 d/4 pi) Int Int curl(phi_n z).curl(phi_n' z)/|r - r'|.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from jusadel.device.device import Device
from jusadel.mesh.mesh import Mesh
from jusadel.studies.screening.edge_elements import holes, merged_nodes, open_edges, signed_rows
from jusadel.studies.screening.triangle_potentials import double_integrals


@dataclass(frozen=True)
class SheetCurrents:
    """The unknown values (K,) of a stream function, and what follows from them."""

    on_nodes: sp.csr_matrix  # (n, K): g at all nodes
    current: sp.csr_matrix  # (2 m, K): K_x, then K_y of each triangle
    through_hats: sp.csr_matrix  # (K, e): Int A.curl(phi z) of edge integrals
    of_holes: np.ndarray  # (holes,) the value of g round each; -1 where it is 0
    corners: np.ndarray  # (m, 3, 2)
    triangles: np.ndarray  # (m, 3), equal nodes where triangles touch

    def inductances(self, permeability: float) -> np.ndarray:
        """Q (K, K), of a film for which A = (permeability/4 pi) Int K/|r - r'|."""
        m = len(self.triangles)
        Q = np.zeros((self.current.shape[1],) * 2)
        parts = self.current[:m].tocsr(), self.current[m:].tocsr()
        for rows, pairs in double_integrals(self.triangles, self.corners):
            for part in parts:
                Q += part[rows].T @ (part.T @ pairs.T).T
        return permeability / (8 * np.pi) * (Q + Q.T)


def sheet_currents(device: Device) -> SheetCurrents:
    """Those of a device's mesh; nodes that are one another's copies have one value."""
    mesh, label = device.mesh, merged_nodes(device)
    on_nodes, of_holes = _stream_values(device, label)
    curl = _curl_of_hats(mesh)
    current = sp.csr_matrix(curl @ on_nodes)
    area = np.tile(np.asarray(mesh.areas), 2)
    through = sp.csr_matrix(current.T @ sp.diags(area) @ _mean_of_edges(mesh))
    triangles = label[mesh.triangles]
    return SheetCurrents(on_nodes, current, through, of_holes, np.asarray(mesh.points)[mesh.triangles], triangles)


def _stream_values(device: Device, label: np.ndarray) -> tuple[sp.csr_matrix, np.ndarray]:
    edges, count = label[open_edges(device)], int(label.max()) + 1
    piece = connected_components(sp.coo_array((np.ones(len(edges)), edges.T), (count, count)), directed=False)[1]
    loops = [label[loop] for loop, _ in holes(device)]
    round_holes = np.concatenate([np.zeros((0, 2), int), *loops])
    key = lambda pairs: pairs[:, 0] * count + pairs[:, 1]  # noqa: E731
    outer = np.unique(piece[edges[~np.isin(key(edges), key(round_holes))][:, 0]])
    value = np.full(len(piece), -1)
    own, column = np.unique(piece[~np.isin(piece, outer)], return_inverse=True)
    value[~np.isin(piece, outer)] = column
    columns = value[label]
    inside = np.flatnonzero(columns >= 0)
    shape = (len(label), len(own))
    matrix = sp.csr_matrix((np.ones(len(inside)), (inside, columns[inside])), shape)
    return matrix, np.array([value[loop[0, 0]] for loop in loops], int)


def _curl_of_hats(mesh: Mesh) -> sp.csr_matrix:
    """(2 m, n): curl(phi z) = (d_y phi, -d_x phi) in each triangle."""
    slopes, m = np.asarray(mesh.shape_gradients), len(mesh.triangles)
    values = np.concatenate([slopes[..., 1].ravel(), -slopes[..., 0].ravel()])
    row = np.arange(m).repeat(3)
    where = np.concatenate([row, row + m]), np.tile(mesh.triangles.ravel(), 2)
    return sp.csr_matrix((values, where), (2 * m, len(mesh.points)))


def _mean_of_edges(mesh: Mesh) -> sp.csr_matrix:
    """(2 m, e): the mean of A over each triangle, that at its centroid, from edge integrals."""
    slopes, m = np.asarray(mesh.shape_gradients), len(mesh.triangles)
    each = (np.roll(slopes, -1, axis=1) - slopes) / 3
    row, sign = signed_rows(mesh, mesh.topology.directed_edges)
    values = np.concatenate([each[..., i].ravel() * sign for i in range(2)])
    start = np.arange(m).repeat(3)
    return sp.csr_matrix((values, (np.concatenate([start, start + m]), np.tile(row, 2))), (2 * m, len(mesh.edges)))


def edges_round_holes(device: Device) -> sp.csr_matrix:
    """(holes, e): the circulation of edge integrals round each hole, counter-clockwise."""
    mesh, rows = device.mesh, []
    for loop, _ in holes(device):
        row, sign = signed_rows(mesh, loop)
        rows.append(sp.csr_matrix((-sign, (np.zeros(len(row), int), row)), (1, len(mesh.edges))))
    return sp.csr_matrix(sp.vstack([sp.csr_matrix((0, len(mesh.edges))), *rows]))
