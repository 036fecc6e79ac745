"""Lines along which the nodes of a mesh are doubled, and boundaries that are one another's periodic image.

A field may jump across a tunnel interface. `split` gives the two sides of a named inner line their own nodes: the
line "cut" becomes the boundaries "cut:left" and "cut:right", at the same place. Their edges are stored as one walks
out along the left side (edge by edge in the order in which the line was given) and back along the right one, the
sample always on the left:

    left:  (a, b), (b, c), (c, d)          right:  (d', c'), (c', b'), (b', a')

so that `right[::-1, ::-1]` lies opposite `left`, on any refinement too. `paired_edges` and `paired_nodes` read it off.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from jusadel.common.differentiability import SHAPES, without_derivatives
from jusadel.mesh.mesh import Mesh
from jusadel.mesh.topology import SIDES, Integers, Topology, edge_rows, some, split_lines


@without_derivatives(SHAPES)
def with_cut_between(mesh: Mesh, first_region: str, second_region: str, name: str) -> Mesh:
    """The same mesh with the border of two regions as the inner boundary `name`, ready for `split`."""
    border = mesh.edges_between(first_region, second_region)
    if not len(border):
        raise ValueError(
            f"regions {first_region!r} and {second_region!r} share no edge: name two neighbours of "
            f"{list(mesh.regions)} that are not split from each other yet"
        )
    return mesh.with_boundaries({name: border})


# --- split lines -------------------------------------------------------------------------------


def split(mesh: Mesh, name: str) -> Mesh:
    """Double the nodes along an inner line, so that fields may jump across it.

    Triangles and regions stay as they are; the triangles on the right of the line get copies of its nodes, which
    come after all other points. Where a piece of the line is a border of regions, those that come first in
    `mesh.regions` are on its left; a piece of which this is not true all along runs in the direction of its first
    edge in `mesh.boundaries[name]`. A piece is a closed loop, or ends on the outer boundary (or on a line that is
    split already), where the sides separate, or ends inside the sample, where the last node stays single.

    Args:
        mesh: the mesh; JAX may be tracing its points.
        name: one of `mesh.boundaries`, all of inner edges and without branches.

    Returns:
        The mesh with boundaries "NAME:left" and "NAME:right" in place of `name`; see the top of this module for
        their order. Other boundaries keep to their own triangles. A mesh that has "NAME:left" is returned as it is.

    Raises:
        ValueError: for an unknown name, outer edges, branches, a single edge with both ends inside the sample, and a
            line that shares edges with another boundary.
    """
    if name + SIDES[0] in mesh.boundaries:
        return mesh
    topology = mesh.topology
    line = _oriented(mesh, name)
    rows = edge_rows(topology.edges, line)
    _check_no_other_name(mesh, name, rows)
    corner, origin = _new_corners(topology, line, np.isin(topology.triangle_edges.ravel(), rows))
    left, right = (corner[_ends(_half_edges(topology, edges))] for edges in (line, line[:, ::-1]))
    same = np.all(left == right[:, ::-1], axis=1)
    if same.any():
        raise ValueError(
            f"the edges {some(line[same])} of {name!r} {_where(mesh, line[same].ravel())} have both ends inside the "
            "sample, which leaves no node to double: refine the mesh first, or make the line longer"
        )
    boundaries: dict[str, Integers] = {}
    for other, edges in mesh.boundaries.items():
        if other == name:
            boundaries |= {name + SIDES[0]: left, name + SIDES[1]: right[::-1]}
        else:
            boundaries[other] = corner[_ends(_half_edges(topology, edges))]
    xp = np if isinstance(mesh.points, np.ndarray) else jnp
    points = xp.concatenate([mesh.points, mesh.points[origin]])
    return Mesh.unchecked(points, Topology(corner.reshape(-1, 3), mesh.regions, boundaries))


def paired_edges(mesh: Mesh, name: str) -> tuple[Integers, Integers]:
    """(k, 2) edges of the left side and (k, 2) of the right side of a split line.

    `right[j, 0]` is opposite `left[j, 0]` and `right[j, 1]` opposite `left[j, 1]`; the left side's triangles are on the
    left of its edges. At an end inside the sample both hold the same node.
    """
    if name not in split_lines(mesh.boundaries):
        raise ValueError(f"the mesh has no split line {name!r}; its split lines are {split_lines(mesh.boundaries)}")
    left, right = (mesh.boundaries[name + side] for side in SIDES)
    if len(left) != len(right):
        raise ValueError(
            f"boundary '{name}:left' has {len(left)} edges and '{name}:right' has {len(right)}: they are not the two "
            "sides of one line; leave these names to `split`"
        )
    back = right[::-1, ::-1]
    if not isinstance(mesh.points, jax.core.Tracer):
        points = np.asarray(mesh.points)
        apart = np.abs(points[left] - points[back]).max()
        if apart > 1e-6 * np.abs(points[left[:, 0]] - points[left[:, 1]]).max():
            raise ValueError(
                f"boundaries '{name}:left' and '{name}:right' lie up to {apart:.3g} apart: they are not the two sides "
                "of one line; leave these names to `split`, and move both sides together"
            )
    return left, back


def paired_nodes(mesh: Mesh, name: str) -> Integers:
    """(p, 2) nodes of a split line, left and right, each pair once, sorted; without ends that stayed single."""
    left, right = paired_edges(mesh, name)
    pairs = np.unique(np.stack([left.ravel(), right.ravel()], axis=1), axis=0)
    return pairs[pairs[:, 0] != pairs[:, 1]]


def _oriented(mesh: Mesh, name: str) -> Integers:
    """The edges of the line in their order, each piece in one direction."""
    if name not in mesh.boundaries:
        raise ValueError(f"the mesh has no boundary {name!r}; its boundaries are {list(mesh.boundaries)}")
    topology, line = mesh.topology, mesh.boundaries[name]
    outer = topology.edge_counts[edge_rows(topology.edges, line)] == 1
    if outer.any():
        raise ValueError(
            f"boundary {name!r} holds {outer.sum()} outer edges, such as {some(line[outer])}; only inner lines can be "
            "split: leave those edges out"
        )
    degree = np.bincount(line.ravel())
    branching = np.flatnonzero(degree > 2)
    if branching.size:
        raise ValueError(
            f"boundary {name!r} branches at nodes {some(branching)} {_where(mesh, branching)}: give each line a name "
            "of its own and split one after the other"
        )
    piece, line = _chained(line)
    region = topology.region_of_triangle
    left, right = (region[_half_edges(topology, edges) // 3] for edges in (line, line[:, ::-1]))
    for number in np.unique(piece):
        mine = piece == number
        if np.all(left[mine] > right[mine]):
            line[mine] = line[mine][:, ::-1]
    return line


def _chained(line: Integers) -> tuple[Integers, Integers]:
    """(k,) piece of each edge of an unbranched line, and its edges turned to run along with the first of the piece."""
    line = line.copy()
    at: dict[int, list[int]] = {}
    for row, ends in enumerate(line.tolist()):
        for node in ends:
            at.setdefault(node, []).append(row)
    piece = np.full(len(line), -1)
    for first in range(len(line)):
        if piece[first] >= 0:
            continue
        piece[first] = first
        for side in (1, 0):  # on from its end, then back from its start
            row = first
            while fresh := [other for other in at[int(line[row, side])] if piece[other] < 0]:
                node, row = line[row, side], fresh[0]
                piece[row] = first
                if line[row, 1 - side] != node:
                    line[row] = line[row, ::-1]
    return piece, line


def _half_edges(topology: Topology, directed: Integers) -> Integers:
    """Rows of `topology.directed_edges` that hold these edges in this direction; -1 where there is none."""
    base = int(topology.triangles.max()) + 1
    keys = topology.directed_edges @ np.array([base, 1])
    order = np.argsort(keys)
    wanted = directed @ np.array([base, 1])
    row = order[np.minimum(np.searchsorted(keys, wanted, sorter=order), len(keys) - 1)]
    return np.where(keys[row] == wanted, row, -1)


def _ends(half_edge: Integers) -> Integers:
    """(k, 2) places in `triangles.ravel()` at which half-edges start and end."""
    return np.stack([half_edge, 3 * (half_edge // 3) + (half_edge + 1) % 3], axis=1)


def _new_corners(topology: Topology, line: Integers, on_line: NDArray[np.bool_]) -> tuple[Integers, Integers]:
    """(3m,) nodes of the triangles after the split, and the node (c,) of which each new one is a copy.

    The line cuts the triangles round each of its nodes into sectors, each of which gets a node of its own. On a line's
    way there are two, left and right; at an end inside the sample one; more where it touches the outer boundary.
    """
    old = topology.triangles.ravel()
    inner = topology.edge_counts[topology.triangle_edges.ravel()] == 2
    half = np.flatnonzero(inner & ~on_line)
    across = _half_edges(topology, topology.directed_edges[half][:, ::-1])
    # the triangles on both sides of an edge share its nodes: start meets end
    one, other = _ends(half).ravel(), _ends(across)[:, ::-1].ravel()
    graph = coo_array((np.ones(len(one)), (one, other)), shape=(len(old), len(old)))
    n_sectors, sector = connected_components(graph, directed=False)
    node = np.zeros(n_sectors, dtype=np.int64)
    node[sector] = old
    on_left, on_right = (np.unique(sector[_ends(_half_edges(topology, e))]) for e in (line, line[:, ::-1]))
    _, first = np.unique(node[on_left], return_index=True)
    moved = np.setdiff1d(np.union1d(on_left, on_right), on_left[first])
    moved = moved[np.argsort(node[moved], kind="stable")]
    origin = node[moved]
    node[moved] = int(old.max()) + 1 + np.arange(len(moved))
    return node[sector], origin


def _check_no_other_name(mesh: Mesh, name: str, rows: Integers) -> None:
    for other, edges in mesh.boundaries.items():
        shared = np.isin(edge_rows(mesh.edges, edges), rows)
        if other != name and shared.any():
            raise ValueError(
                f"boundary {other!r} shares {shared.sum()} edges, such as {some(edges[shared])}, with {name!r}, which "
                f"is to be split; each will be two edges then: leave them out of {other!r}"
            )


def _where(mesh: Mesh, nodes: Integers) -> str:
    if isinstance(mesh.points, jax.core.Tracer):
        return "(positions are being traced)"
    return "at " + some(np.round(np.asarray(mesh.points)[nodes], 6))


# --- periodic images ---------------------------------------------------------------------------


def matching_nodes(mesh: Mesh, first: str, second: str, tol: float = 1e-9) -> tuple[Integers, NDArray[np.float64]]:
    """Pair the nodes of two boundaries of which the second is the first, shifted.

    The nodes are paired edge by edge, so that doubled nodes, where a split line meets the boundary, find the partner
    on their own side.

    Args:
        mesh: the mesh, with concrete points.
        first, second: names of two boundaries that share no node.
        tol: largest distance between a shifted node and its partner, in widths of the mesh.

    Returns:
        (k, 2) nodes of `first` and their partners on `second`, sorted, and the shift (2,) from the one to the other.

    Raises:
        ValueError: if the numbers of nodes differ or any node has no partner.
    """
    if isinstance(mesh.points, jax.core.Tracer):
        raise ValueError("points are being traced by JAX: pair the nodes outside the traced function")
    points = np.asarray(mesh.points)
    nodes, images = mesh.boundary_nodes(first), mesh.boundary_nodes(second)
    remedy = "mesh both boundaries with the same nodes (for `rectangle`: the same mesh lines)"
    if len(nodes) != len(images):
        raise ValueError(f"boundary {first!r} has {len(nodes)} nodes and {second!r} has {len(images)}: {remedy}")
    shared = np.intersect1d(nodes, images)
    if shared.size:
        raise ValueError(f"boundaries {first!r} and {second!r} share the nodes {some(shared)}: expected two places")
    middle, image = (0.5 * (points[side].min(axis=0) + points[side].max(axis=0)) for side in (nodes, images))
    shift = image - middle
    limit = tol * np.ptp(points, axis=0).max()
    distance = scipy.spatial.cKDTree(points[images]).query(points[nodes] + shift)[0]
    if distance.max() > limit:
        worst = nodes[distance.argmax()]
        raise ValueError(
            f"{np.sum(distance > limit)} of {len(nodes)} nodes of {first!r} have no partner on {second!r}: shifted by "
            f"{some(shift)}, node {worst} at {some(points[worst])} is {distance.max():.3g} from the nearest node there "
            f"(limit {limit:.3g}): {remedy}; the boundaries must be equal up to a shift"
        )
    pairs = _paired_along(points, mesh.boundaries[first], mesh.boundaries[second], shift)
    if len(pairs) != len(nodes) or any(len(np.unique(side)) != len(nodes) for side in pairs.T):
        raise ValueError(
            f"the nodes of {first!r} and {second!r} lie at the same places, but the edges between them differ: "
            f"{remedy}, and let the same split lines end on both"
        )
    return pairs, (points[pairs[:, 1]] - points[pairs[:, 0]]).mean(axis=0)


def _paired_along(points: NDArray[np.float64], first: Integers, second: Integers, shift: Any) -> Integers:
    """Node pairs of the edges whose midpoints agree up to the shift."""
    middle, image = points[first].mean(axis=1) + shift, points[second].mean(axis=1)
    second = second[scipy.spatial.cKDTree(image).query(middle)[1]]
    straight, swapped = (
        np.abs(points[first] + shift - points[edges]).max(axis=(1, 2)) for edges in (second, second[:, ::-1])
    )
    second = np.where((straight <= swapped)[:, None], second, second[:, ::-1])
    return np.unique(np.stack([first.ravel(), second.ravel()], axis=1), axis=0)
