"""Superconducting electrodes of screened devices: thick superconductors, which feed a current and keep the field out.

Deep inside such an electrode no current flows, and at its edge only what screens, within a depth that is not resolved.
So A follows the phase along the edge,

    Int A.dl = (phase_j - phase_i)/2      along each of its edges,

and the field there is free. A current that flows from one electrode to another returns far away on all sides alike, in
planes that do not depend on z either: with the field H_p along the vacuum side p of the sample, from one electrode to
the next, the fields on the two sides of an electrode differ by mu0 times the current through it, and the mean of all
H_p is H. In the energy they are Lagrange's multipliers of

    Int_p (A - A_given).dl      the same along all sides p of an outline, counter-clockwise,

with the vector potential A_given in whose gauge phases are stated: what is given are the phase differences between
electrodes on the average over the sides. Half the current is the energy's derivative with respect to them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from jusadel.common.differentiability import is_traced, with_rows
from jusadel.device.boundary import Reservoir
from jusadel.device.device import Device
from jusadel.mesh.topology import SIDES, edge_rows, split_lines
from jusadel.solver.derivatives.tracing import still
from jusadel.studies.screening.edge_elements import EdgeSpace, holes, merged_nodes, open_edges, signed_rows


def lead_names(device: Device) -> list[str]:
    """The names of the electrodes that hold a phase, those behind barriers too."""
    return [name for name, r in device.electrodes().items() if is_traced(r.Delta) or float(r.Delta) > 0]


def with_leads(space: EdgeSpace, device: Device) -> EdgeSpace:
    """The edge integrals that superconducting electrodes leave free."""
    if not lead_names(device):
        return space
    rows = lead_rows(device)
    inside = np.flatnonzero(~np.isin(space.own, rows))
    independent, own = space.independent[:, inside], space.own[inside]
    sums = differences_of_sides(device)
    closing, count = sums @ independent, len(own)
    last = _one_of_each(closing)
    rest = np.setdiff1d(np.arange(count), last)
    others, closed = _columns(count, rest), _columns(count, last) @ sp.diags(_entries(closing, last))
    along = _columns(len(space.offset), rows)
    stated = along @ along.T + independent @ closed @ sums
    return replace(
        space,
        independent=sp.csr_matrix(independent @ (others - closed @ closing @ others)),
        own=own[rest],
        offset=space.offset + stated @ np.asarray(given_edges(device)),
        held=np.unique(device.mesh.edges[rows]),
        stated=sp.csr_matrix(stated),
    )


def given_edges(device: Device) -> Any:
    """Int A.dl along all edges (e,) in the gauge in which phases are stated; along electrodes as these have it."""
    mesh, a = device.mesh, getattr(device.vector_potential, "stated", None)
    a = device.between_nodes(mesh.edges) if a is None else a
    for name in lead_names(device):
        rows = edge_rows(mesh.edges, mesh.boundaries[name])
        phases = [device.electrodes()[name].phase_at(mesh.points[nodes]) for nodes in mesh.edges[rows].T]
        xp: Any = jnp if is_traced((a, phases)) else np
        a = with_rows(xp, xp.array(a), rows, (phases[1] - phases[0]) / 2)
    return a


def as_leads_have_it(device: Device, Delta: Any) -> Any:
    """A given pair potential at the triangles' corners (m, 3), with the phases of electrodes at their nodes.

    Elsewhere its phase chooses a gauge; there another one would feed a current in.

    Raises:
        ValueError: one that is not zero next to a barrier, behind which it has a phase of its own.
    """
    mesh = device.mesh
    for name in lead_names(device):
        nodes = mesh.boundary_nodes(name)
        there, at = np.isin(mesh.triangles, nodes), np.searchsorted(nodes, mesh.triangles).clip(max=len(nodes) - 1)
        if not isinstance(device.boundaries[name], Reservoir) and np.any(np.asarray(still(Delta))[there]):
            raise ValueError(
                f"a given pair potential that is not zero next to the barrier at {name!r}: how its phase differs from "
                "that of the electrode is not known. Expected a self-consistent one, or zero there"
            )
        phase = device.electrodes()[name].phase_at(mesh.points[nodes])
        xp: Any = jnp if is_traced((phase, Delta)) else np
        Delta = xp.where(there, xp.abs(Delta) * xp.exp(1j * phase[at]), Delta)
    return Delta


def refuse_given_on_both_sides(device: Device, Delta: Any) -> None:
    """Raise ValueError where a given pair potential (m, 3) has a phase on both sides of a barrier.

    A gauge turns both sides alike, so that the phase across the barrier would stay as given, and another current go
    through it than runs up to it.
    """
    for name in split_lines(device.mesh.boundaries):
        sides = [device.mesh.boundary_nodes(name + side) for side in SIDES]
        if all(np.any(np.asarray(Delta)[np.isin(device.mesh.triangles, nodes)]) for nodes in sides):
            raise ValueError(
                f"a given pair potential that is not zero on both sides of the barrier {name!r}: how the phase changes "
                "across it is what the currents decide. Expected a self-consistent one, or zero on one side"
            )


def lead_rows(device: Device) -> np.ndarray:
    """The edges of superconducting electrodes."""
    edges = [np.zeros((0, 2), int), *(device.mesh.boundaries[name] for name in lead_names(device))]
    return np.unique(edge_rows(device.mesh.edges, np.concatenate(edges)))


def differences_of_sides(device: Device) -> sp.csr_matrix:
    """Int A.dl along each vacuum side less that along the first one of the same outline, for all others, (k, e)."""
    sums, outline = _vacuum_sides(device)
    _, first, back = np.unique(outline, return_index=True, return_inverse=True)
    others = np.setdiff1d(np.arange(len(outline)), first)
    return sp.csr_matrix(sums[others] - sums[first[back[others]]])


def closed_outlines(device: Device) -> list[str]:
    """The superconducting electrodes on outlines that have no vacuum side."""
    label, outer = merged_nodes(device), _outline(device)
    outline = _joined(label[outer], len(label))
    vacuum = outer[~np.isin(edge_rows(device.mesh.edges, outer), lead_rows(device))]
    open_ones = outline[label[vacuum[:, 0]]]
    first = {name: outline[label[device.mesh.boundaries[name][0, 0]]] for name in lead_names(device)}
    return [name for name, own in first.items() if own not in open_ones]


def _vacuum_sides(device: Device) -> tuple[sp.csr_matrix, np.ndarray]:
    """The outer edges between electrodes: circulations along each connected side (k, e), and its outline (k,)."""
    mesh, outer, label = device.mesh, _outline(device), merged_nodes(device)
    vacuum = outer[~np.isin(edge_rows(mesh.edges, outer), lead_rows(device))]
    outline, side = (_joined(label[edges], len(label))[label[vacuum[:, 0]]] for edges in (outer, vacuum))
    _, one, which = np.unique(side, return_index=True, return_inverse=True)
    row, sign = signed_rows(mesh, vacuum)
    return sp.csr_matrix((sign, (which, row)), (len(one), len(mesh.edges))), outline[one]


def _outline(device: Device) -> np.ndarray:
    """The outer edges that lie round no hole, the sample on their left, (k, 2)."""
    edges, outer = device.mesh.edges, open_edges(device)
    round_holes = np.concatenate([outer[:0], *(loop for loop, _ in holes(device))])
    return outer[~np.isin(edge_rows(edges, outer), edge_rows(edges, round_holes))]


def _joined(edges: np.ndarray, n: int) -> np.ndarray:
    """A number for each node (n,), the same for all that these edges (k, 2) join."""
    return connected_components(sp.coo_array((np.ones(len(edges)), edges.T), (n, n)), directed=False)[1]


def _one_of_each(sums: sp.csr_matrix) -> np.ndarray:
    """For each row a column that no other row has."""
    alone = sp.csr_matrix(sums @ sp.diags(1.0 * (np.asarray((sums != 0).sum(axis=0)).ravel() == 1)))
    alone.eliminate_zeros()
    return alone.indices[alone.indptr[:-1]]


def _entries(matrix: sp.csr_matrix, columns: np.ndarray) -> np.ndarray:
    """One of each row."""
    return np.asarray(matrix[np.arange(len(columns)), columns]).ravel()


def _columns(n: int, which: np.ndarray) -> sp.csr_matrix:
    """Those of the unit matrix (n, n)."""
    return sp.csr_matrix((np.ones(len(which)), (which, np.arange(len(which)))), (n, len(which)))


def check_leads(device: Device) -> None:
    """Refuse superconducting electrodes whose currents have no way round the sample.

    Raises:
        ValueError: a periodic device; an electrode in a hole or on an inner line, or of several pieces; two that touch.
    """
    names, mesh, label = lead_names(device), device.mesh, merged_nodes(device)
    if not names:
        return
    if periodic := list(device.periodic()):
        raise ValueError(
            f"boundaries {periodic} are periodic and electrodes {names} superconducting: what flows into these has no "
            "way back round the device; expected a finite sample, or the electrodes as regions of the mesh"
        )
    piece = _joined(np.concatenate([label[mesh.boundaries[name]] for name in names]), len(label))[label]
    owner: dict[int, str] = {}
    for name in names:
        if not np.isin(edge_rows(mesh.edges, mesh.boundaries[name]), edge_rows(mesh.edges, _outline(device))).all():
            raise ValueError(
                f"the superconducting electrode {name!r} lies in a hole or inside of the sample, where its current has "
                "no way back; expected it on the outline, or as a region of the mesh"
            )
        pieces = np.unique(piece[mesh.boundaries[name]])
        if len(pieces) > 1:
            raise ValueError(
                f"the superconducting electrode {name!r} has {len(pieces)} pieces, and what flux is between them is "
                "not known; give each piece a name (mesh.with_boundaries), or make it a region of the mesh"
            )
        if (other := owner.setdefault(int(pieces[0]), name)) != name:
            raise ValueError(
                f"the superconducting electrodes {other!r} and {name!r} touch each other, so that no side is between "
                "them along which their phases differ; leave an insulating edge between them, or give them one name"
            )
