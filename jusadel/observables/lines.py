"""Named lines that are no electrodes, and what flows across them.

A barrier is a term of the action, so that what crosses it is known exactly (`barrier_at`). Through any other inner line
flows, of currents j that balance at every node, on its left bank the sum of Int j.grad(phi_n) over the triangles there,
phi_n the shape functions of its nodes, and minus that on its right bank: `Line` has the mean of both. So what leaves a
part of the device through lines and electrodes adds up to zero. A node on an electrode counts wholly to that.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.common.types import Values
from jusadel.device.device import Device
from jusadel.mesh.interfaces import paired_edges, split
from jusadel.mesh.mesh import Mesh
from jusadel.mesh.topology import SIDES, Integers, Topology, edge_rows

Array = jax.Array


@dataclass(frozen=True)
class Line:
    """What turns currents of triangles into the flux across a line."""

    weights: np.ndarray  # (m, 3) of Int j.grad(phi) at the corners of triangles
    steps: Any  # (m, 2) of j itself, where the line ends inside the sample or an electrode

    def flux(self, current: Values, area: Values, gradients: Values, beside: np.ndarray) -> Array:
        """Of the currents (m + k, ..., 2) of cells with areas (m + k,) and gradients (m + k, 3, 2).

        The k last cells are edges with terms of their own, at the triangles `beside` (k,).
        """
        weights = jnp.asarray(np.concatenate([self.weights, self.weights[beside]]))
        across = jnp.einsum("m,m...k,mik,mi->...", area, current, gradients, weights)
        return across + jnp.einsum("m...k,mk->...", current[: len(self.weights)], jnp.asarray(self.steps))


def names_of_lines(device: Device) -> list[str]:
    """What a flux can be asked of: the boundaries of the mesh, and barriers inside it by their own names."""
    return [*device.mesh.boundaries, *_barriers(device)]


def barrier_at(device: Device, name: str) -> tuple[int, int] | None:
    """Of a barrier inside the mesh, "b", "b:left" or "b:right": its number among the joints of the discrete action, and
    the side (0 left, 1 right) into which flows what is asked for; None for other names."""
    barriers = _barriers(device)
    for into, side in ((1, ""), (1, SIDES[0]), (0, SIDES[1])):
        if name.endswith(side) and name.removesuffix(side) in barriers:
            first = len(device.electrodes()) - len(device.reservoirs())
            return first + barriers.index(name.removesuffix(side)), into
    return None


def _barriers(device: Device) -> list[str]:
    return [name for name, b in device.boundaries.items() if b.doubled]


def line_at(device: Device, name: str, held: Collection[str], others: Collection[str] = ()) -> Line | None:
    """The Line of a name that is neither an electrode nor a barrier; None for vacuum, through which nothing flows.

    Through an inner line from its left to its right as `jusadel.Interface` has them; through a periodic boundary, or
    the partner of one, out of the mesh.

    Args:
        device: the Device.
        name: of the line.
        held: electrodes at whose nodes the distribution is given.
        others: those through whose edges something flows at free nodes.

    Raises:
        ValueError: unknown name; branches; outer edges that are an electrode's; an end at the last node of one of
            `others`, whose current there belongs to one bank.
    """
    mesh = device.mesh
    if name not in mesh.boundaries:
        raise ValueError(f"the mesh has no boundary {name!r}; its boundaries are {names_of_lines(device)}")
    for one, boundary in device.periodic().items():
        if name in (one, boundary.partner):
            other = boundary.partner if name == one else one
            return _through_seam(mesh, name, other, _on_edges(mesh, held) > 0)
    edges = mesh.boundaries[name]
    outer = mesh.topology.edge_counts[edge_rows(mesh.edges, edges)] == 1
    _refuse_edges_of_electrodes(mesh, name, edges[outer], [*held, *others])
    return None if outer.all() else _inner_line(mesh, name, edges[~outer], held, others)


def _through_seam(mesh: Mesh, name: str, other: str, held: np.ndarray) -> Line:
    weights, steps = np.zeros(mesh.triangles.shape), 0.0
    for side, sign in ((name, 0.5), (other, -0.5)):
        edges, nodes = mesh.boundaries[side], mesh.boundary_nodes(side)
        weights += sign * np.isin(mesh.triangles, nodes[~held[nodes]])
        steps = steps + sign * _half_edges(mesh, edges, edges, held[edges])
    return Line(weights, steps)


def _inner_line(mesh: Mesh, name: str, edges: Integers, held: Collection[str], others: Collection[str]) -> Line:
    opened = _opened(mesh, name, edges)
    left, right = paired_edges(opened, name)
    node = np.zeros(int(opened.triangles.max()) + 1, int)
    node[opened.triangles] = mesh.triangles
    _refuse_ends_of_electrodes(mesh, name, np.unique(node[left]), others)
    on_held, inside = (_on_edges(mesh, held)[node] >= count for count in (1, 2))
    counted = (left != right) & ~on_held[left]
    weights = sum(s * np.isin(opened.triangles, x[counted]) for x, s in ((left, 0.5), (right, -0.5)))
    ends = (left == right) | (inside & on_held)[left]
    steps = sum(_half_edges(opened, x, left, ends) / 2 for x in (left, right))
    return Line(np.asarray(weights), steps)


def _opened(mesh: Mesh, name: str, edges: Integers) -> Mesh:
    """The mesh, of whose names it has this alone, with nodes doubled along these edges."""
    alone = Mesh.unchecked(mesh.points, Topology(mesh.triangles, mesh.regions, {name: edges}))
    try:
        return split(alone, name)
    except ValueError as error:
        raise ValueError(
            f"what flows through the line {name!r} has no direction ({error}); `current_across` takes any straight cut"
        ) from error


def _half_edges(mesh: Mesh, edges: Integers, along: Integers, ends: np.ndarray) -> Any:
    """Half of each edge's normal, times its length, for each of its `ends` (k, 2), at the triangle there, (m, 2).

    The normals are those to the right of `along` (k, 2); the triangle is the one of an outer edge.
    """
    step = mesh.points[along[:, 1]] - mesh.points[along[:, 0]]
    xp: Callable[..., Any] = np.stack if isinstance(step, np.ndarray) else jnp.stack
    normal = xp([step[:, 1], -step[:, 0]], axis=1) * (ends.sum(axis=1) / 2)[:, None]
    rows = edge_rows(mesh.edges, edges)
    at = np.array([np.flatnonzero((mesh.triangle_edges == row).any(axis=1))[0] for row in rows])
    return jnp.zeros((len(mesh.triangles), 2)).at[at].add(normal)


def _on_edges(mesh: Mesh, names: Collection[str]) -> Integers:
    """How many edges of these boundaries meet at each node, (n,)."""
    edges = [mesh.boundaries[name].ravel() for name in names]
    return np.bincount(np.concatenate([np.zeros(0, int), *edges]), minlength=len(mesh.points))


# --- checks ----------------------------------------------------------------------------------------


def _refuse_edges_of_electrodes(mesh: Mesh, name: str, edges: Integers, electrodes: Collection[str]) -> None:
    for other in electrodes:
        shared = np.isin(edge_rows(mesh.edges, edges), edge_rows(mesh.edges, mesh.boundaries[other]))
        if shared.any():
            raise ValueError(
                f"boundary {name!r} has {shared.sum()} edges in common with the electrode {other!r}, through which the "
                f"current flows: ask for that through {other!r}"
            )


def _refuse_ends_of_electrodes(mesh: Mesh, name: str, nodes: Integers, electrodes: Collection[str]) -> None:
    for other in electrodes:
        last = nodes[_on_edges(mesh, [other])[nodes] == 1]
        if len(last):
            raise ValueError(
                f"the line {name!r} ends where the contact {other!r} does, at the node {last[0]}, and what enters "
                "there does so on either side of it: let them keep an edge apart, or give start and end of a cut to "
                "`current_across`"
            )
