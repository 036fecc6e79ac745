"""Meshes that are finer in places: triangles bisected at their longest edge (Rivara), neighbours as far as needed.

A triangle of which any edge is to be halved has its longest edge halved first. So the mesh stays conforming, its nodes
stay where they are, and no angle gets smaller than half the smallest one of the mesh that it comes from. New nodes lie
in the middle of straight edges: on the chord of a curved border, not on the curve.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from numpy.typing import ArrayLike, NDArray

from jusadel.mesh.interfaces import matching_nodes, paired_edges
from jusadel.mesh.mesh import Chooser, Mesh
from jusadel.mesh.topology import Integers, Topology, edge_rows, frozen, split_lines

MAX_NODES = 200_000
"""Above this a mesh is refused unless asked for: most likely too small a tolerance."""

Partners = Sequence[tuple[str, str]]


def refine_at(
    mesh: Mesh, triangles: ArrayLike | Chooser, times: int = 1, periodic: Partners = (), max_nodes: int = MAX_NODES
) -> Mesh:
    """The same mesh, finer at some triangles: their edges are halved `times` times.

    Args:
        mesh: the Mesh. Both sides of its split lines ("x:left", "x:right") are refined alike.
        triangles: those to be refined: their numbers, (m,) booleans, or a function of the centroids (m, 2) that returns
            (m,) booleans. Neighbours are cut too where that keeps the mesh conforming and its angles wide.
        times: how often.
        periodic: pairs of names of boundaries that are each other's periodic image, whose nodes go on matching.
        max_nodes: largest number of nodes allowed.

    Raises:
        ValueError: numbers outside the mesh, a larger mesh than allowed, periodic boundaries that do not match.
    """
    if times < 0 or times != int(times):
        raise ValueError(f"times = {times}; expected a whole number >= 0")
    _check_concrete(mesh)
    areas = np.array(mesh.areas)
    areas[_chosen(mesh, triangles)] /= 4.0 ** int(times)
    return refine_to(mesh, areas, periodic, max_nodes)


def refine_to(mesh: Mesh, areas: ArrayLike, periodic: Partners = (), max_nodes: int = MAX_NODES) -> Mesh:
    """The same mesh with its triangles bisected until none is larger than allowed where it lies.

    Args:
        mesh, periodic, max_nodes: as in `refine_at`.
        areas: (m,) largest area wanted inside each triangle of the given mesh [length^2].

    Raises:
        ValueError: as in `refine_at`; areas that are not (m,) positive numbers.
    """
    _check_concrete(mesh)
    limit = np.asarray(areas, dtype=float)
    if limit.shape != (len(mesh.triangles),) or not np.all(np.isfinite(limit) & (limit > 0)):
        raise ValueError(
            f"areas have shape {limit.shape}; expected ({len(mesh.triangles)},) finite numbers > 0, one per triangle"
        )
    limit = limit * (1 + 1e-9)  # halves of halves differ by round-off
    while (large := mesh.areas > limit).any():
        longest = mesh.topology.triangle_edges[np.flatnonzero(large), _longest_edges(mesh)[large]]
        marked = np.zeros(len(mesh.edges), bool)
        marked[longest] = True
        mesh, parents = _bisected(mesh, marked, periodic, max_nodes)
        limit = limit[parents]
    return mesh


def _longest_edges(mesh: Mesh) -> Integers:
    """(m,) which of its edges (0, 1), (1, 2), (2, 0) is each triangle's longest; neighbours agree on ties."""
    length = np.asarray(mesh.edge_lengths) * (1 - 1e-9 * np.arange(len(mesh.edges)) / len(mesh.edges))
    found: Integers = length[mesh.triangle_edges].argmax(axis=1)
    return found


def _bisected(mesh: Mesh, marked: NDArray[np.bool_], periodic: Partners, max_nodes: int) -> tuple[Mesh, Integers]:
    """The mesh with at least the marked edges (e,) halved, and the triangle (m',) that each new one comes from."""
    longest = _longest_edges(mesh)
    marked = _closed(mesh, marked, longest, _matched_rows(mesh, periodic))
    n = mesh.n_nodes
    if n + marked.sum() > max_nodes:
        raise ValueError(
            f"the refined mesh would have {n + marked.sum()} nodes or more (limit {max_nodes}): refine less (a larger "
            "tolerance, a smaller fraction), or give a larger max_nodes"
        )
    middle = np.where(marked, n - 1 + np.cumsum(marked), -1)
    triangles, parents = _cut(mesh, longest, middle)
    place = np.searchsorted(parents, np.arange(len(mesh.triangles) + 1))
    regions = {
        name: np.concatenate([np.arange(place[t], place[t + 1]) for t in index]) for name, index in mesh.regions.items()
    }
    boundaries = {name: _halved(edges, middle[edge_rows(mesh.edges, edges)]) for name, edges in mesh.boundaries.items()}
    points = frozen(np.concatenate([mesh.points, mesh.points[mesh.edges[marked]].mean(axis=1)]))
    return Mesh.unchecked(points, Topology(triangles, regions, boundaries)), parents


def _matched_rows(mesh: Mesh, periodic: Partners) -> tuple[Integers, Integers]:
    """Rows of edges that must be halved together: the sides of split lines, and periodic images."""
    pairs = [paired_edges(mesh, name) for name in split_lines(mesh.boundaries)]
    for first, second in periodic:
        nodes, _ = matching_nodes(mesh, first, second)
        image = np.zeros(mesh.n_nodes, dtype=np.int64)
        image[nodes[:, 0]] = nodes[:, 1]
        edges = mesh.boundaries[first]
        pairs.append((edges, image[edges]))
    if not pairs:
        return np.zeros(0, int), np.zeros(0, int)
    one, other = (np.concatenate(edges) for edges in zip(*pairs, strict=True))
    return edge_rows(mesh.edges, one), edge_rows(mesh.edges, other)


def _closed(
    mesh: Mesh, marked: NDArray[np.bool_], longest: Integers, matched: tuple[Integers, Integers]
) -> NDArray[np.bool_]:
    """Marked edges and those that have to follow: the longest edges of their triangles, and their images."""
    marked = marked.copy()
    longest_row = np.take_along_axis(mesh.triangle_edges, longest[:, None], axis=1)[:, 0]
    one, other = matched
    count = -1
    while count < (count := int(marked.sum())):
        marked[longest_row[marked[mesh.triangle_edges].any(axis=1)]] = True
        both = marked[one] | marked[other]
        marked[one] |= both
        marked[other] |= both
    return marked


def _cut(mesh: Mesh, longest: Integers, middle: Integers) -> tuple[Integers, Integers]:
    """New triangles, those of a parent next to each other, and their parents; `middle` is the node on an edge or -1."""
    turn = (longest[:, None] + np.arange(3)) % 3
    a, b, c = np.take_along_axis(mesh.triangles, turn, axis=1).T  # (a, b) is the longest edge
    on_ab, on_bc, on_ca = np.take_along_axis(middle[mesh.triangle_edges], turn, axis=1).T
    cut, cut_b, cut_a = on_ab >= 0, on_bc >= 0, on_ca >= 0
    pieces: list[tuple[Any, Any]] = [
        (~cut, mesh.triangles.T),
        (cut & ~cut_a, (a, on_ab, c)),
        (cut_a, (a, on_ab, on_ca)),
        (cut_a, (on_ab, c, on_ca)),
        (cut & ~cut_b, (on_ab, b, c)),
        (cut_b, (on_ab, b, on_bc)),
        (cut_b, (on_ab, on_bc, c)),
    ]
    triangles = np.concatenate([np.stack(corners, axis=1)[which] for which, corners in pieces])
    parents = np.concatenate([np.flatnonzero(which) for which, _ in pieces])
    order = np.argsort(parents, kind="stable")
    return triangles[order], parents[order]


def _halved(edges: Integers, middle: Integers) -> Integers:
    """Edges (k, 2) in their order and direction, in two pieces where there is a node (k,) in the middle, not -1."""
    cut = middle >= 0
    start, end = edges.T
    halves = np.stack([start, np.where(cut, middle, end), middle, end], axis=1).reshape(-1, 2)
    keep = np.stack([np.ones_like(cut), cut], axis=1).ravel()
    return halves[keep]


# --- checks ------------------------------------------------------------------------------------


def _check_concrete(mesh: Mesh) -> None:
    if isinstance(mesh.points, jax.core.Tracer):
        raise ValueError("points are being traced by JAX: refine the mesh outside the traced function")


def _chosen(mesh: Mesh, which: Any) -> Integers:
    m = len(mesh.triangles)
    array = np.asarray(which(mesh.centroids) if callable(which) else which)
    if array.dtype == bool and array.shape == (m,):
        return np.flatnonzero(array)
    if callable(which) or array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise ValueError(
            f"triangles to refine have shape {array.shape} and type {array.dtype}; expected numbers of triangles or "
            f"({m},) of bool"
        )
    numbers = array.astype(np.int64)
    if numbers.size and (numbers.min() < 0 or numbers.max() >= m):
        raise ValueError(f"triangles to refine go from {numbers.min()} to {numbers.max()}; the mesh has 0 ... {m - 1}")
    return numbers
