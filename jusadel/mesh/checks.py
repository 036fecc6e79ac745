"""What the points of a mesh must satisfy: real, finite, no flat, folded or overlapping triangles, no hanging nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from jusadel.common.differentiability import one_program
from jusadel.mesh.topology import SIDES, Integers, Topology, check_connected, frozen, integers, some, split_lines

SLIVER = 1e-14
"""Smallest area of a triangle, in squares of its longest edge."""
DIGITS = 1e-8
"""Largest rounding of a coordinate, in edges: below that, lengths and areas are known to seven digits."""


@one_program
def signed_areas(corners: Any) -> Any:
    """(m,) areas of triangles with corners (m, 3, 2), negative where they run clockwise."""
    u, v = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    return 0.5 * (u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0])


def checked_points(given: Any) -> NDArray[np.float64]:
    """Points as float64 (n, 2) that cannot be written to."""
    if isinstance(given, jax.core.Tracer):
        raise ValueError(
            "points are being traced by JAX: build the mesh outside the traced function and use "
            "mesh.with_points(points) inside"
        )
    raw = np.asarray(given)
    if raw.ndim != 2 or raw.shape[1] != 2 or raw.dtype.kind not in "fiu":
        raise ValueError(f"points have shape {raw.shape} and type {raw.dtype}; expected real (n, 2)")
    points: NDArray[np.float64] = frozen(raw.astype(np.float64))
    bad = np.flatnonzero(~np.isfinite(points).all(axis=1))
    if bad.size:
        raise ValueError(f"points {some(bad)} are not finite (NaN or infinity)")
    return points


def checked_triangles(points: NDArray[np.float64], given: Any) -> Integers:
    """Triangles as int64, counter-clockwise; those that run clockwise are turned."""
    triangles = integers("triangles", given, 3)
    n = len(points)
    bad = np.flatnonzero((triangles < 0).any(axis=1) | (triangles >= n).any(axis=1))
    if bad.size:
        raise ValueError(f"triangles {some(bad)} name points outside 0 ... {n - 1}")
    unused = np.setdiff1d(np.arange(n), triangles)
    if unused.size:
        raise ValueError(f"points {some(unused)} belong to no triangle: remove and renumber")
    x = points[triangles]
    area = signed_areas(x)
    longest2 = ((x - x[:, [1, 2, 0]]) ** 2).sum(-1).max(axis=1)
    _check_digits(points, np.sqrt(longest2))
    flat = np.flatnonzero(np.abs(area) <= SLIVER * longest2)
    if flat.size:
        raise ValueError(f"triangles {some(flat)} have zero area: remove or move their corners")
    _, first, count = np.unique(np.sort(triangles, axis=1), axis=0, return_index=True, return_counts=True)
    if np.any(count > 1):
        raise ValueError(f"triangles {some(first[count > 1])} are given more than once")
    clockwise = area < 0  # as many a mesh generator writes them; the same triangles
    triangles[clockwise] = triangles[clockwise][:, [0, 2, 1]]
    return triangles


def joined_sides(
    points: NDArray[np.float64], boundaries: Mapping[str, Integers]
) -> tuple[dict[str, Integers], tuple[Integers, Integers] | None]:
    """Boundaries with the two sides of each split line in step, and all edges that lie on top of each other.

    Files do not keep the order of edges. Two boundaries "x:left" and "x:right" that do not cover each other edge by
    edge are left as they are: ordinary boundaries.
    """
    found, pairs = dict(boundaries), []
    for name in split_lines(boundaries):
        left, right = (boundaries[name + side] for side in SIDES)
        back = right[:, ::-1]
        here, there = (points[edges].reshape(-1, 4) for edges in (left, back))
        distance, row = scipy.spatial.cKDTree(there).query(here)
        limit = 1e-6 * np.sqrt(((here[:, :2] - here[:, 2:]) ** 2).sum(axis=1).min())
        if len(left) == len(right) and distance.max() <= limit:
            found[name + SIDES[1]] = right[row[::-1]]
            pairs.append((left, back[row]))
    if not pairs:
        return found, None
    first, second = (np.concatenate(edges) for edges in zip(*pairs, strict=True))
    return found, (first, second)


def check_conforming(
    points: NDArray[np.float64], topology: Topology, joined: tuple[Integers, Integers] | None = None
) -> None:
    """Neighbours meet edge to edge, once, and everything hangs together.

    Args:
        points, topology: the mesh.
        joined: edges (k, 2) and those on top of them (k, 2) along split lines; only their nodes may coincide.
    """
    edges, count = topology.edges, topology.edge_counts
    crowded = edges[count > 2]
    if len(crowded):
        raise ValueError(f"edges {some(crowded)} belong to more than two triangles")
    directed = topology.directed_edges
    keys, times = np.unique(directed[:, 0] * len(points) + directed[:, 1], return_counts=True)
    folded = keys[times > 1]
    if folded.size:
        pairs = np.stack([folded // len(points), folded % len(points)], axis=1)
        raise ValueError(f"the two triangles at edges {some(pairs)} lie on the same side: the mesh folds over")
    length = np.sqrt(((points[edges[:, 1]] - points[edges[:, 0]]) ** 2).sum(axis=1))
    twins = scipy.spatial.cKDTree(points).query_pairs(1e-6 * length.min(), output_type="ndarray")
    if joined is not None:
        one, other = (pairs.ravel() for pairs in joined)
        graph = coo_array((np.ones(len(one)), (one, other)), shape=(len(points), len(points)))
        _, place = connected_components(graph, directed=False)
        twins = twins[place[twins[:, 0]] != place[twins[:, 1]]]
    if len(twins):
        raise ValueError(
            f"points {some(twins)} lie on top of each other: merge them, so that the triangles "
            "on both sides share nodes"
        )
    _check_hanging(points, topology.boundary_edges)
    check_connected(topology, joined)


def _check_digits(points: NDArray[np.float64], longest: NDArray[np.float64]) -> None:
    """The place of the mesh leaves enough digits for its triangles, of which the longest edges are given."""
    rounding, smallest = np.spacing(np.abs(points).max()), longest[longest > 0].min(initial=np.inf)
    if rounding > DIGITS * smallest:
        low, high = points.min(axis=0), points.max(axis=0)
        raise ValueError(
            f"the mesh lies at x = {low[0]:.6g} ... {high[0]:.6g}, y = {low[1]:.6g} ... {high[1]:.6g}, where numbers "
            f"are {rounding:.1e} apart: too coarse for triangles as small as {smallest:.3g}. The offset eats digits "
            "of their shape: move the mesh to the origin (subtract its corner from all points)"
        )


def _check_hanging(points: NDArray[np.float64], outer: Integers) -> None:
    nodes = np.unique(outer)
    start, end = points[outer[:, 0]], points[outer[:, 1]]
    half = 0.5 * np.sqrt(((end - start) ** 2).sum(axis=1))
    near = scipy.spatial.cKDTree(points[nodes]).query_ball_point(0.5 * (start + end), half * (1 - 1e-9))
    row = np.repeat(np.arange(len(outer)), [len(found) for found in near])
    node = nodes[np.concatenate([np.asarray(found, dtype=int) for found in near])]
    along, off = (end - start)[row], points[node] - start[row]
    distance = np.abs(along[:, 0] * off[:, 1] - along[:, 1] * off[:, 0]) / (2 * half[row])
    rounding = 4 * np.spacing(np.abs(points).max())  # an offset must neither hide a node nor find an edge's own ends
    own = (node == outer[row, 0]) | (node == outer[row, 1])
    bad = (distance < np.maximum(1e-9 * half[row], rounding)) & ~own
    if bad.any():
        raise ValueError(
            f"points {some(node[bad])} hang inside the edges {some(outer[row[bad]])} of other "
            "triangles: split those triangles"
        )


MAX_NODES = 5_000_000
"""Above this a mesh is refused: most likely a wrong unit of length."""


def _check_node_count(nodes: float) -> None:
    if nodes > MAX_NODES:
        raise ValueError(f"this mesh would have about {nodes:.1e} nodes (limit {MAX_NODES:.0e}); give a larger size")


@dataclass(frozen=True, kw_only=True)
class MeshQuality:
    """Sizes and angles of a mesh, and the comparison with a physical length if one was given."""

    nodes: int
    triangles: int
    area: float
    smallest_angle: float  # degrees
    h_min: float  # shortest edge
    h_max: float  # longest edge
    worst_ratio: float | None = None  # largest (longest edge of a triangle) / length
    too_coarse: int | None = None  # triangles with an edge longer than that length

    def __str__(self) -> str:
        lines = [
            f"{self.nodes} nodes, {self.triangles} triangles, area {self.area:.6g}",
            f"edges {self.h_min:.4g} ... {self.h_max:.4g}, smallest angle {self.smallest_angle:.1f} degrees",
        ]
        if self.worst_ratio is not None:
            lines.append(
                f"longest edge / length: at worst {self.worst_ratio:.3g}, above 1 in {self.too_coarse} triangles"
            )
        return "\n".join(lines)


def quality_of(nodes: int, area: float, lengths: NDArray[np.float64], length: ArrayLike | None) -> MeshQuality:
    """The report on triangles with sides `lengths` (m, 3), compared with `length` (a number or (m,)) if given."""
    a, b, c = np.sort(lengths, axis=1).T
    # the smallest angle lies between the two longer sides
    smallest = np.degrees(np.arccos(np.clip((b**2 + c**2 - a**2) / (2 * b * c), -1, 1)).min())
    worst, coarse = None, None
    if length is not None:
        limit = np.asarray(length, dtype=float)
        if limit.shape not in ((), c.shape) or not np.all(np.isfinite(limit) & (limit > 0)):
            raise ValueError(f"length must be a finite number > 0 or one per triangle {c.shape}, got {length}")
        worst, coarse = float((c / limit).max()), int((c > limit).sum())
    return MeshQuality(
        nodes=nodes,
        triangles=len(lengths),
        area=area,
        smallest_angle=float(smallest),
        h_min=float(a.min()),
        h_max=float(c.max()),
        worst_ratio=worst,
        too_coarse=coarse,
    )
