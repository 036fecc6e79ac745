"""From a Device to its discrete action: what stands at nodes, on triangles, along edges and across barriers."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.action.connectivity import EDGE_GRADIENT, EDGE_NODAL, Layout, Side, edge_sides, vanishes
from jusadel.action.mesh_action import Cells, DiscreteAction, Joint, Nodes, scaled, to_nodes
from jusadel.action.periodic import Seams, rotated_back
from jusadel.action.terms import GRADIENT, NODAL, TERMS
from jusadel.common.differentiability import numpy_if_few, on_device, one_program
from jusadel.device.device import Device
from jusadel.device.material.material import SHAPES
from jusadel.device.pair_potential import as_pairs
from jusadel.device.recurrence import with_earlier
from jusadel.mesh.interfaces import paired_edges
from jusadel.mesh.mesh import Mesh
from jusadel.mesh.topology import edge_rows

Array = jax.Array


def discretise(device: Device, Delta: Any, unknown: tuple[str, ...] = ()) -> DiscreteAction:
    """The discrete action of a device with the pair potential Delta (m, 3) complex, at each triangle's vertices.

    Terms whose field is zero everywhere are left out here, on concrete numbers, so that they cost nothing, but not
    those of the fields `unknown`, of which "A" stands for the links of the vector potential, nor those that were there
    earlier in a recurrence. Behind the nodes of the mesh stand those of the reservoirs behind barriers, in the order of
    `layout.ghosts`.
    """
    mesh, sides = device.mesh, edge_sides(device)
    layout = Layout.of(device, sides)
    seam, behind = layout.seam, sum(len(nodes) for nodes, _ in layout.ghosts.values())
    triangles = seam.owner[mesh.triangles]
    cells = _joined([_triangle_cells(device, seam), *(_edge_cells(device, seam, side) for side in sides)])
    vertex = {name: device.vertex_field(name) for name in NODAL}
    vertex = _turned_back(vertex, Delta, seam, mesh)
    nodes = _integrate(triangles, mesh.areas * device.centroid_field("nu"), vertex, n=len(mesh.points) + behind)
    for side in sides:
        nodes = _with_surface(nodes, device, seam, side)
    present = {"omega", "D", *unknown} | {k for k, v in (nodes.fields | cells.fields).items() if not vanishes(v)}
    if not (vanishes(cells.line_A) and vanishes(cells.line_a) and cells.turn is None):
        present.add("A")
    present = with_earlier(present)
    free = ~device.fixed_nodes() & (seam.owner == np.arange(len(seam.owner)))
    return DiscreteAction(
        triangles=on_device(np.concatenate([triangles, triangles[layout.beside]])),
        free=on_device(np.concatenate([free, np.zeros(behind, bool)])),
        nodes=on_device(nodes),
        cells=on_device(cells),
        joints=on_device(_joints(device, layout)),
        layout=layout,
        node_terms=tuple(t for t in TERMS if not t.gradient and t.field in present),
        cell_terms=tuple(t for t in TERMS if t.gradient and t.field in present),
        links="A" in present,
    )


@numpy_if_few
def _integrate(xp: Any, triangles: Any, volumes: Any, vertex: dict[str, Any], n: int) -> Nodes:
    """Fields (m, 3, ...) at the triangles' vertices times a third of the volumes (m,), summed into n nodes."""
    share = volumes[:, None] / 3 * xp.ones((1, 3))
    return Nodes(
        weight=to_nodes(triangles, share, n),
        fields={k: to_nodes(triangles, scaled(share, v), n) for k, v in vertex.items()},
    )


# --- seams ---------------------------------------------------------------------------------------


def _turned_back(vertex: dict[str, Array], Delta: Array, seam: Seams, mesh: Mesh) -> dict[str, Array]:
    """Nodal fields (m, 3, ...) and Delta (m, 3) at the vertices, in the frame of the nodes that own them."""
    if not len(seam.slaves):
        return vertex | {"Delta": as_pairs(Delta)}
    nodes = mesh.triangles
    back = {"Delta": as_pairs((jnp if isinstance(seam.phase, jax.Array) else np).exp(-1j * seam.phase)[nodes] * Delta)}
    for name in NODAL if seam.spin is not None else ():
        flat = jnp.reshape(vertex[name], (nodes.size, *SHAPES[name]))
        back[name] = _back(name, flat, seam, nodes.ravel()).reshape(vertex[name].shape)
    return vertex | back


def _links(device: Device, seam: Seams, corners: np.ndarray, spin_field: Any) -> dict[str, Any]:
    """Steps and line integrals along the edges of triangles (c, 3), less the seams' phases, and the seams' rotations.

    The spin field (c, 3, 3, 2) at the corners is linear along each edge.
    """
    following = np.roll(corners, -1, axis=1)
    pairs = np.stack([corners, following], axis=-1).reshape(-1, 2)
    sign = np.where(pairs[:, 0] < pairs[:, 1], 1.0, -1.0)
    rows = edge_rows(device.mesh.edges, pairs)
    steps, line_A, line_a = _along_edges(
        device.mesh.points, corners, following, sign, device.between_nodes(device.mesh.edges), rows, spin_field
    )
    turn = None
    if len(seam.slaves):
        line_A = line_A - (seam.phase[following] - seam.phase[corners]) / 2
        turn = None if seam.spin is None else seam.spin[corners]
    return {"steps": steps, "line_A": line_A, "line_a": line_a, "turn": turn}


@one_program
def _along_edges(points: Any, corners: Any, following: Any, sign: Any, A: Any, rows: Any, spin_field: Any) -> Any:
    """The edges of triangles, and the line integrals of both potentials along them."""
    steps = points[following] - points[corners]
    mean = (spin_field + spin_field[:, np.array([1, 2, 0])]) / 2
    return steps, (sign * A[rows]).reshape(corners.shape), (mean * steps[:, :, None]).sum(axis=-1)


# --- cells ---------------------------------------------------------------------------------------


def _triangle_cells(device: Device, seam: Seams) -> Cells:
    mesh = device.mesh
    fields = {name: device.centroid_field(name) for name in GRADIENT}
    return Cells(
        area=mesh.areas,
        nu=device.centroid_field("nu"),
        gradients=mesh.shape_gradients,
        middle=np.full((len(mesh.triangles), 3), 1 / 3),
        fields=fields | {"mean_D": _mean(fields["D"])},
        **_links(device, seam, mesh.triangles, device.vertex_field("spin_field")),
    )


@one_program
def _mean(D: Any) -> Any:
    return (D[:, 0, 0] + D[:, 1, 1]) / 2


def _edge_cells(device: Device, seam: Seams, side: Side) -> Cells | None:
    """The gradient terms of a surface, sampled at the edges' midpoints with the gradients of the triangles there."""
    if not side.cells:
        return None
    mesh, at = device.mesh, side.triangles
    corners = mesh.triangles[at]
    on_edge = (corners[:, :, None] == side.edges[:, None, :]).any(axis=2)
    fields: dict[str, Any] = {name: np.zeros((len(at), *SHAPES[name])) for name in GRADIENT}
    fields |= {name: side.surface.at(name, side.normals) for name in EDGE_GRADIENT}
    return Cells(
        area=side.share * side.lengths,
        nu=device.centroid_field("nu")[at],
        gradients=mesh.shape_gradients[at],
        middle=on_edge / 2,
        fields=fields | {"mean_D": _mean(device.centroid_field("D")[at])},
        **_links(device, seam, corners, device.vertex_field("spin_field")[at]),
    )


def _joined(cells: list[Cells | None]) -> Cells:
    present = [c for c in cells if c is not None]
    return present[0] if len(present) == 1 else _concatenated(*present)


@numpy_if_few
def _concatenated(xp: Any, *cells: Cells) -> Cells:
    return jax.tree.map(lambda *x: xp.concatenate(x), *cells)


def _with_surface(nodes: Nodes, device: Device, seam: Seams, side: Side) -> Nodes:
    """The terms of a surface that have no gradient, half of each edge's at either end."""
    share = device.centroid_field("nu")[side.triangles] * side.share * side.lengths / 2
    fields = dict(nodes.fields)
    for name in EDGE_NODAL:
        value = scaled(share, side.surface.at(name, side.normals))
        for end in side.edges.T:
            at_end = _back(name, value, seam, end)[:, None]
            fields[name] = fields[name] + to_nodes(seam.owner[end][:, None], at_end, len(nodes.weight))
    return Nodes(weight=nodes.weight, fields=fields)


def _back(name: str, value: Array, seam: Seams, nodes: np.ndarray) -> Array:
    return value if seam.spin is None else rotated_back(name, value, seam.spin[nodes])


# --- barriers ------------------------------------------------------------------------------------


def _joints(device: Device, layout: Layout) -> tuple[Joint, ...]:
    """All barriers of a device."""
    mesh, seam, found = device.mesh, layout.seam, []
    for name, (nodes, numbers) in layout.ghosts.items():
        other = np.zeros(len(mesh.points), int)
        other[nodes] = numbers
        edges = mesh.boundaries[name]
        found.append(_joint(mesh, seam, device.boundaries[name].barrier, edges, other[edges]))
    return (*found, *interface_joints(device, seam))


def interface_joints(device: Device, seam: Seams) -> tuple[Joint, ...]:
    """The barriers between two sides of the mesh."""
    mesh = device.mesh
    barriers = {name: b.barrier for name, b in device.boundaries.items() if b.doubled}
    return tuple(_joint(mesh, seam, b, *paired_edges(mesh, name)) for name, b in barriers.items())


def _joint(mesh: Mesh, seam: Seams, barrier: Any, edges: np.ndarray, others: np.ndarray) -> Joint:
    """Half of each edge's length goes to the pair at either end; the end of a slit, one node, pairs with itself."""
    pairs, which = np.unique(np.stack([edges.ravel(), others.ravel()], axis=1), axis=0, return_inverse=True)
    half = _half_lengths(mesh.points, edges)
    length = to_nodes(which.reshape(-1, 1), half[:, None], len(pairs))
    first = pairs[:, 0]
    if len(seam.slaves):
        mine = np.concatenate([seam.owner, np.arange(len(seam.owner), pairs.max() + 1)])
        pairs = mine[pairs]
    return Joint(
        pairs=pairs,
        conductance=barrier.conductance * length,
        transmissions=barrier.transmissions,
        polarisation=_filtering(barrier, seam, first),
        scattering=_scattering(barrier, seam, length),
    )


@one_program
def _half_lengths(points: Any, edges: Any) -> Any:
    """Half the length of each edge, for either end."""
    step = points[edges[:, 1]] - points[edges[:, 0]]
    return ((step**2).sum(axis=1) ** 0.5 / 2).repeat(2)


def _filtering(barrier: Any, seam: Seams, nodes: np.ndarray) -> Any:
    """The polarisation of a barrier in the frames of the nodes' owners, (k, 3), or None."""
    if barrier.polarisation is None:
        return None
    xp: Any = np if isinstance(barrier.polarisation, np.ndarray) else jnp
    everywhere = xp.broadcast_to(barrier.polarisation, (len(nodes), 3))
    return everywhere if seam.spin is None else rotated_back("h", everywhere, seam.spin[nodes])


def _scattering(barrier: Any, seam: Seams, length: Any) -> Any:
    """K (c, 2, 2, 4) and the channels of each pair (k, c), or None."""
    if barrier.scattering is None:
        return None
    if seam.spin is not None:
        raise ValueError(
            "a SpinActive barrier in a device with a periodic boundary that turns spins; expected rotation (0, 0, 0) "
            "there, or a barrier with a polarisation in the tunnel limit"
        )
    K, channels = barrier.scattering
    return K, length[:, None] * channels
