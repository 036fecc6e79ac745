"""Vector potentials made of edge integrals: the lowest-order Whitney elements of a device's mesh.

The unknowns are a_e = Int_e A.dl. In a triangle A = Sum a_ij (phi_i grad phi_j - phi_j grad phi_i) over its edges, so
that the integral along the straight line from the point with the barycentric coordinates lambda to the corner v is
exactly Sum_j lambda_j a_jv, and a gradient, a_ij = chi_j - chi_i, gives chi_v less the interpolated chi: gauge
transformations are exact on the mesh. The circulation of A round a triangle over its area is the field in it, and that
round a hole over its area the uniform field in the hole.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as sla
from scipy.sparse.csgraph import connected_components

from jusadel.action.mesh_action import DiscreteAction
from jusadel.common.differentiability import is_traced, one_program
from jusadel.device.device import Device
from jusadel.mesh.interfaces import matching_nodes, paired_edges
from jusadel.mesh.mesh import Mesh
from jusadel.mesh.point_search import PointSearch
from jusadel.mesh.topology import SIDES, edge_rows, split_lines


@dataclass(frozen=True)
class EdgeSpace:
    """The edge integrals of a device: which are independent, and what follows from them."""

    mesh: Mesh
    independent: sp.csr_matrix  # (e, x): all edge integrals from the independent ones, but for the offset
    own: np.ndarray  # (x,) the edges that are the independent ones
    offset: np.ndarray  # (e,) by which seams turn, and what electrodes fix
    along_cells: sp.csr_matrix  # (3 c, e): Int A.dl along the three edges of each cell
    turned: np.ndarray  # (3 c,) half the phases by which seams turn the end of each more than its start
    curl: sp.csr_matrix  # (m + holes, e): circulation over area
    areas: np.ndarray  # (m + holes,)
    held: np.ndarray = field(default_factory=lambda: np.zeros(0, int))  # nodes whose phase electrodes fix (`leads`)
    stated: sp.csr_matrix | None = None  # (e, e): the offset from what is stated of edges, where there are such

    @property
    def count(self) -> int:
        """Of the independent ones."""
        return int(self.independent.shape[1])

    @property
    def kinds(self) -> tuple[int, ...]:
        """How many unknowns there are of each kind."""
        return (self.count,)

    @property
    def idle(self) -> sp.csr_matrix:
        """Changes of the unknowns that change no edge integral, (x, k)."""
        return sp.csr_matrix((self.count, 0))

    def change(self, x: np.ndarray) -> np.ndarray:
        """Of all edge integrals (e,), with the independent ones' (x,)."""
        return self.independent @ x

    def gathered(self, values: np.ndarray) -> np.ndarray:
        """The transpose of `change`."""
        return self.independent.T @ values

    def edges(self, x: np.ndarray) -> np.ndarray:
        """All edge integrals (e,) from the independent ones (x,)."""
        return self.change(x) + self.offset

    def chosen(self, edges: np.ndarray) -> np.ndarray:
        """The independent ones (x,) among all (e,)."""
        return edges[self.own]

    def potential(self, edges: Any, applied: Any = None) -> WhitneyField:
        """The vector potential with these edge integrals (e,)."""
        return WhitneyField(self.mesh, edges)

    def turns(self, device: Device) -> sp.csr_matrix:
        """What turns chi of the nodes' phases change of the unknowns, (x, N), of nodes that are copies once."""
        steps = steps_of_turns(device)
        free = np.ones(steps.shape[1])
        free[merged_nodes(device)[self.held]] = 0
        return sp.csr_matrix(steps[self.own] @ sp.diags(free))

    def line_A(self, edges: np.ndarray) -> np.ndarray:
        """Line integrals along the edges of the cells, as `Cells` has them, (c, 3)."""
        return (self.along_cells @ edges - self.turned).reshape(-1, 3)


def edge_space(device: Device, system: DiscreteAction) -> EdgeSpace:
    """Those of a device with its action; on its seams and along the two sides of a doubled line they are the same."""
    mesh, layout = device.mesh, system.layout
    independent, own, offset = _identified(device)
    corners = np.concatenate([mesh.triangles, mesh.triangles[layout.beside]])
    following = np.roll(corners, -1, axis=1)
    row, sign = signed_rows(mesh, np.stack([corners, following], axis=-1).reshape(-1, 2))
    along_cells = sp.csr_matrix((sign, (np.arange(corners.size), row)), (corners.size, len(mesh.edges)))
    phase = np.asarray(layout.seam.phase)
    turned = (phase[following] - phase[corners]).ravel() / 2
    return EdgeSpace(mesh, independent, own, offset, along_cells, turned, *_curl(device))


def signed_rows(mesh: Mesh, pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rows (k,) of directed edges (k, 2), and 1 or -1 by their direction."""
    return edge_rows(mesh.edges, pairs), np.where(pairs[:, 0] < pairs[:, 1], 1.0, -1.0)


def _identified(device: Device) -> tuple[sp.csr_matrix, np.ndarray, np.ndarray]:
    mesh, count = device.mesh, len(device.mesh.edges)
    owner, sign, offset = np.arange(count), np.ones(count), np.zeros(count)
    for pairs, partners, phases in _copies(device):
        row, direction = signed_rows(mesh, pairs)
        other, others = signed_rows(mesh, partners)
        owner[row], sign[row] = other, direction * others
        offset[row] = direction * (phases[:, 1] - phases[:, 0]) / 2
    own, column = np.unique(owner, return_inverse=True)
    return sp.csr_matrix((sign, (np.arange(count), column)), (count, len(own))), own, offset


def _copies(device: Device) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Edges (k, 2) that are others (k, 2), and the phases (k, 2) by which their ends are turned."""
    mesh, found = device.mesh, []
    for name, boundary in device.periodic().items():
        pairs, _ = matching_nodes(mesh, boundary.partner, name)
        partner = np.zeros(len(mesh.points), int)
        partner[pairs[:, 1]] = pairs[:, 0]
        edges = mesh.boundaries[name]
        phases = np.asarray(boundary.phase_at(np.asarray(mesh.points)[edges.ravel()])).reshape(-1, 2)
        found.append((edges, partner[edges], phases))
    for name in split_lines(mesh.boundaries):
        left, right = paired_edges(mesh, name)
        found.append((right, left, np.zeros(right.shape)))
    return found


def _curl(device: Device) -> tuple[sp.csr_matrix, np.ndarray]:
    mesh = device.mesh
    m = len(mesh.triangles)
    row, sign = signed_rows(mesh, mesh.topology.directed_edges)
    parts = [(np.repeat(np.arange(m), 3), row, sign)]
    areas = list(np.asarray(mesh.areas))
    for loop, area in holes(device):
        row, sign = signed_rows(mesh, loop)
        parts.append((np.full(len(loop), len(areas)), row, -sign))
        areas.append(area)
    where, column, value = (np.concatenate(x) for x in zip(*parts, strict=True))
    shape = (len(areas), len(mesh.edges))
    return sp.csr_matrix((value / np.array(areas)[where], (where, column)), shape), np.array(areas)


def holes(device: Device) -> list[tuple[np.ndarray, float]]:
    """The holes: the directed edges (k, 2) round each, the sample on their left, and its area.

    Loops that close only by running round a periodic device are outer boundaries.
    """
    mesh = device.mesh
    points, edges, label = np.asarray(mesh.points), open_edges(device), merged_nodes(device)
    leaving: dict[int, list[int]] = {}
    for k, node in enumerate(label[edges[:, 0]].tolist()):
        leaving.setdefault(node, []).append(k)
    found = []
    while leaving:
        at = start = next(iter(leaving))
        loop: list[int] = []
        while at in leaving:
            loop.append(leaving[at].pop())
            if not leaving[at]:
                del leaving[at]
            at = int(label[edges[loop[-1], 1]])
            if at == start:
                break
        steps = points[edges[loop, 1]] - points[edges[loop, 0]]
        corner = np.cumsum(steps, axis=0)
        area = np.sum(corner[:-1, 0] * steps[1:, 1] - corner[:-1, 1] * steps[1:, 0]) / 2
        if np.abs(corner[-1]).max() < 1e-9 * np.ptp(points, axis=0).max() and area < 0:
            found.append((edges[loop], -float(area)))
    return found


def open_edges(device: Device) -> np.ndarray:
    """Outer edges that are no seams and no sides of doubled lines, the sample on their left."""
    mesh = device.mesh
    periodic = [(name, b.partner) for name, b in device.periodic().items()]
    sides = [tuple(name + side for side in SIDES) for name in split_lines(mesh.boundaries)]
    joined = np.concatenate([np.zeros((0, 2), int), *(mesh.boundaries[n] for both in periodic + sides for n in both)])
    outer = mesh.boundary_edges
    return outer[~np.isin(edge_rows(mesh.edges, outer), edge_rows(mesh.edges, joined))]


def merged_nodes(device: Device) -> np.ndarray:
    """A number for each node, the same for nodes that are one another's copies, (n,)."""
    n = len(device.mesh.points)
    copies = [(a.ravel(), b.ravel()) for a, b, _ in _copies(device)]
    one, other = (np.concatenate([np.zeros(0, int), *x]) for x in (zip(*copies, strict=True) if copies else ((), ())))
    return connected_components(sp.coo_array((np.ones(len(one)), (one, other)), (n, n)), directed=False)[1]


def field_of_currents(device: Device, space: EdgeSpace, currents: np.ndarray) -> np.ndarray:
    """B in triangles and holes, (m + holes,), with the derivative `currents` (x,) of Int B curl A with respect to A.

    The edges that are neither electrodes nor round holes fall into pieces with a field outside each, of mean zero.
    Least squares, where the currents are not conserved.
    """
    incidence = (sp.diags(space.areas) @ space.curl @ space.independent).T
    pieces, fixed = _outer_pieces(device)
    outside = (pieces @ space.independent).T
    used = np.flatnonzero(fixed @ abs(space.independent) == 0)
    matrix = sp.hstack([incidence, -outside]).tocsr()[used]
    one = np.concatenate([np.zeros(len(space.areas)), np.ones(outside.shape[1])])
    normal = matrix.T @ matrix + sp.csr_matrix(np.outer(one, one)) + 1e-14 * sp.eye_array(len(one))
    return sla.spsolve(normal.tocsc(), matrix.T @ currents[used])[: len(space.areas)]


def gauge_changes(device: Device, space: EdgeSpace, sites: Any, Delta: np.ndarray) -> sp.csr_matrix:
    """What a turn chi of a node's phase changes, (2 K + x, N): Delta (K,) by 2 i chi, and the unknowns of A."""
    label, of_edges = merged_nodes(device), space.turns(device)
    free = np.ones(of_edges.shape[1])
    free[label[space.held]] = 0
    nodes = np.zeros(0, int) if sites is None else label[sites.nodes]
    turn = sp.csr_matrix((free[nodes], (np.arange(len(nodes)), nodes)), (len(nodes), len(free)))
    parts = [sp.diags(-2 * Delta.imag) @ turn, sp.diags(2 * Delta.real) @ turn] if len(nodes) else []
    return sp.csr_matrix(sp.vstack([*parts, of_edges]))


def steps_of_turns(device: Device) -> sp.csr_matrix:
    """(e, N): differences of chi along the edges, of nodes that are one another's copies once."""
    label, edges = merged_nodes(device), device.mesh.edges
    row = np.arange(len(edges)).repeat(2)
    shape = (len(edges), int(label.max()) + 1)
    return sp.csr_matrix((np.tile([-1.0, 1.0], len(edges)), (row, label[edges].ravel())), shape)


def _outer_pieces(device: Device) -> tuple[sp.csr_matrix, np.ndarray]:
    """The outer edges without electrodes and holes: circulations along each connected piece (k, e); electrodes (e,)."""
    mesh = device.mesh
    fixed = np.zeros(len(mesh.edges))
    for name in device.electrodes():
        fixed[edge_rows(mesh.edges, mesh.boundaries[name])] = 1
    round_holes = np.concatenate([np.zeros((0, 2), int), *(loop for loop, _ in holes(device))])
    edges = open_edges(device)
    rows = edge_rows(mesh.edges, edges)
    edges = edges[(fixed[rows] == 0) & ~np.isin(rows, edge_rows(mesh.edges, round_holes))]
    label, n = merged_nodes(device)[edges], len(mesh.points)
    piece = connected_components(sp.coo_array((np.ones(len(edges)), label.T), (n, n)), directed=False)[1][label[:, 0]]
    row, sign = signed_rows(mesh, edges)
    which = np.unique(piece, return_inverse=True)[1]
    return sp.csr_matrix((sign, (which, row)), (int(which.max(initial=-1)) + 1, len(mesh.edges))), fixed


# --- as a function of points -----------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class WhitneyField:
    """The vector potential of edge integrals as a function of points (k, 2) -> (k, 2), for a Device on the same mesh.

    Args:
        mesh: the mesh, with concrete points.
        edges: Int A.dl along `mesh.edges`, from the smaller node to the larger, (e,).
        stated: of a film with its own field, the edge integrals (e,) of the applied one alone, whose gauge is that of
            the phases of electrodes.
    """

    mesh: Mesh
    edges: Any
    stated: Any = None

    def __call__(self, points: Any) -> np.ndarray:
        """A at points (k, 2); outside the mesh that of the nearest triangle, continued."""
        points, mesh = np.asarray(points), self.mesh
        triangle, edges = self._search.found(points), self.edges
        slope = np.asarray(mesh.shape_gradients)[triangle]
        phi = 1 / 3 + np.einsum("kvi,ki->kv", slope, points - np.asarray(mesh.centroids)[triangle])
        after = np.array([1, 2, 0])
        forms = phi[:, :, None] * slope[:, after] - phi[:, after, None] * slope
        return _combined(edges if is_traced(edges) else np.asarray(edges), *self._signed_rows, triangle, forms)

    @cached_property
    def _signed_rows(self) -> tuple[np.ndarray, np.ndarray]:
        return signed_rows(self.mesh, self.mesh.topology.directed_edges)

    @cached_property
    def _search(self) -> PointSearch:
        return PointSearch(self.mesh)


@one_program
def _combined(edges: Any, row: Any, sign: Any, triangle: Any, forms: Any) -> Any:
    """The sum over the edges of triangles (k,) of their integrals times their forms (k, 3, 2)."""
    xp: Any = jnp if is_traced(edges) else np
    return xp.einsum("ke,kei->ki", (sign * edges[row]).reshape(-1, 3)[triangle], forms)
