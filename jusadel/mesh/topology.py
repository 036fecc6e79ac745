"""The integers and names of a mesh: triangles, edges, regions and boundaries, without positions, and their checks."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array, csr_matrix
from scipy.sparse.csgraph import connected_components

Integers = NDArray[np.int64]

SIDES = (":left", ":right")
"""A line of doubled nodes called "cut" is the two boundaries "cut:left" and "cut:right"; see `interfaces`."""


class Topology:
    """The static part of a mesh (integers and names): equal by content, hashed once."""

    def __init__(
        self,
        triangles: Integers,
        regions: Mapping[str, Integers],
        boundaries: Mapping[str, Integers],
    ):
        self.triangles = frozen(triangles)
        self.regions = MappingProxyType({k: frozen(v) for k, v in regions.items()})
        self.boundaries = MappingProxyType({k: frozen(v) for k, v in boundaries.items()})
        digest = hashlib.blake2b(digest_size=8)
        for name, array in self._items():
            digest.update(f"{name}{array.shape}".encode())
            digest.update(array.tobytes())
        self._hash = int.from_bytes(digest.digest(), "little", signed=True)

    def _items(self) -> list[tuple[str, Integers]]:
        return [
            ("triangles", self.triangles),
            *((f"region {name}", index) for name, index in self.regions.items()),
            *((f"boundary {name}", edges) for name, edges in self.boundaries.items()),
        ]

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Topology) or self._hash != other._hash:
            return False
        mine, theirs = self._items(), other._items()
        return len(mine) == len(theirs) and all(
            a == b and np.array_equal(x, y) for (a, x), (b, y) in zip(mine, theirs, strict=True)
        )

    @cached_property
    def _edge_table(self) -> tuple[Integers, Integers, Integers]:
        """Unique edges (e, 2), the edges of each triangle (m, 3), triangles per edge (e,)."""
        directed = self.directed_edges
        low, high = directed.min(axis=1), directed.max(axis=1)
        base = int(self.triangles.max()) + 1
        key, inverse, count = np.unique(low * base + high, return_inverse=True, return_counts=True)
        edges = np.stack([key // base, key % base], axis=1)
        return frozen(edges), frozen(inverse.reshape(-1, 3)), frozen(count)

    @cached_property
    def directed_edges(self) -> Integers:
        """(3m, 2) edges (0, 1), (1, 2), (2, 0) of each triangle, triangle after triangle."""
        return self.triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2)

    @property
    def edges(self) -> Integers:
        """(e, 2) all edges once, smaller node first, sorted."""
        return self._edge_table[0]

    @property
    def triangle_edges(self) -> Integers:
        """(m, 3) rows of `edges`."""
        return self._edge_table[1]

    @property
    def edge_counts(self) -> Integers:
        """(e,) number of triangles at each edge."""
        return self._edge_table[2]

    @cached_property
    def boundary_edges(self) -> Integers:
        """(b, 2) edges of one triangle, in the direction in which it runs through them."""
        return frozen(self.directed_edges[self.edge_counts[self.triangle_edges.ravel()] == 1])

    @cached_property
    def region_of_triangle(self) -> Integers:
        """(m,) place of each triangle's region in the order of `regions`."""
        region = np.full(len(self.triangles), -1)
        for number, index in enumerate(self.regions.values()):
            region[index] = number
        return frozen(region)

    def refined(self) -> Topology:
        """Each triangle cut into four; the new node of edge k has the number n_nodes + k."""
        n, edges = int(self.triangles.max()) + 1, self.edges
        a, b, c = self.triangles.T
        ab, bc, ca = n + self.triangle_edges.T
        children = [[a, ab, ca], [ab, b, bc], [ca, bc, c], [ab, bc, ca]]
        triangles = np.array(children).transpose(2, 0, 1).reshape(-1, 3)
        regions = {name: (4 * index[:, None] + np.arange(4)).ravel() for name, index in self.regions.items()}
        boundaries = {}
        for name, pairs in self.boundaries.items():
            middle = n + edge_rows(edges, pairs)
            halves = np.stack([pairs[:, 0], middle, middle, pairs[:, 1]], axis=1)
            boundaries[name] = halves.reshape(-1, 2)
        return Topology(triangles, regions, boundaries)


def frozen(array: Any) -> Any:
    """A copy that cannot be written to."""
    copy = np.array(array)
    copy.flags.writeable = False
    return copy


def edge_rows(edges: Integers, pairs: Integers) -> Integers:
    """Rows of the sorted `edges` that hold `pairs`, in any direction; -1 where there is none."""
    base = max(int(edges.max()), int(pairs.max(initial=0))) + 1
    keys = edges[:, 0] * base + edges[:, 1]
    wanted = pairs.min(axis=1) * base + pairs.max(axis=1)
    row = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[row] == wanted, row, -1)


# --- checks ------------------------------------------------------------------------------------


def pairs_of_corners(triangles: Any) -> tuple[np.ndarray, np.ndarray]:
    """The nodes i and j of the nine pairs (i, j) of each triangle (m, 3), (9 m,) each."""
    triangles = np.asarray(triangles)
    return np.repeat(triangles, 3, axis=1).ravel(), np.tile(triangles, (1, 3)).ravel()


def summed_over_triangles(local: np.ndarray, triangles: Any, n: int) -> csr_matrix:
    """The matrix (n, n) of a form on nodes, from those (m, 3, 3) of triangles (m, 3)."""
    return csr_matrix((local.ravel(), pairs_of_corners(triangles)), (n, n))


def some(index: ArrayLike) -> str:
    """The first few of a list of numbers, and how many there are."""
    numbers = np.asarray(index).tolist()
    more = f", ... ({len(numbers)} in all)" if len(numbers) > 5 else ""
    return f"[{', '.join(map(str, numbers[:5]))}{more}]"


def integers(what: str, given: Any, columns: int) -> Integers:
    """The given numbers as int64, (k,) or (k, columns); ValueError for anything else."""
    array = np.asarray(given)
    shape_ok = array.ndim == 1 if columns == 1 else array.shape[1:] == (columns,)
    if not shape_ok or array.size == 0 or not np.issubdtype(array.dtype, np.integer):
        want = "(k,)" if columns == 1 else f"(k, {columns})"
        raise ValueError(f"{what} has shape {array.shape} and type {array.dtype}; expected {want} integers, k > 0")
    return array.astype(np.int64)


def check_connected(topology: Topology, joined: tuple[Integers, Integers] | None = None) -> None:
    """Everything hangs together by shared edges, or by edges (k, 2) that are `joined` to others (k, 2)."""
    m = len(topology.triangles)
    same_as = np.arange(len(topology.edges))
    if joined is not None:
        first, second = (edge_rows(topology.edges, pairs) for pairs in joined)
        same_as[second] = first
    edge_of_corner = same_as[topology.triangle_edges.ravel()]
    order = np.argsort(edge_of_corner, kind="stable")
    edge = edge_of_corner[order]
    same = np.flatnonzero(edge[1:] == edge[:-1])
    one, other = order[same] // 3, order[same + 1] // 3
    graph = coo_array((np.ones(len(one)), (one, other)), shape=(m, m))
    pieces, label = connected_components(graph, directed=False)
    if pieces > 1:
        sizes = np.sort(np.bincount(label))[::-1]
        raise ValueError(
            f"the mesh falls into {pieces} unconnected pieces of {some(sizes)} triangles: join "
            "them along shared edges, or solve each piece as its own mesh"
        )


def split_lines(boundaries: Mapping[str, Any]) -> list[str]:
    """Names of which both sides are among the boundaries."""
    left, right = SIDES
    names = [name.removesuffix(left) for name in boundaries if name.endswith(left)]
    return [name for name in names if name + right in boundaries]


def _check_name(what: str, name: Any) -> None:
    if not isinstance(name, str) or not name.strip():
        raise ValueError(f"{what} has the name {name!r}; expected a string that is not blank")


def checked_regions(
    given: Mapping[str, Any], m: int, centers: NDArray[np.float64] | None = None
) -> dict[str, Integers]:
    """Sorted triangle numbers by name, each of the m triangles (with these centers) in exactly one region."""
    if not given:
        return {"film": np.arange(m)}
    times = np.zeros(m, dtype=int)
    regions = {}
    for name, which in given.items():
        _check_name("a region", name)
        index = integers(f"region {name!r}", which, 1)
        if index.min() < 0 or index.max() >= m:
            raise ValueError(f"region {name!r} names triangles outside 0 ... {m - 1}")
        np.add.at(times, index, 1)
        regions[name] = np.sort(index)
    for bad, fault, remedy in (
        (times > 1, "in more than one region", "take those out of all but one"),
        (times == 0, "in no region", "name a region for the rest, or let one of these reach further"),
    ):
        if bad.any():
            where = f" (the first at ({', '.join(f'{x:.6g}' for x in centers[bad][0])}))" if centers is not None else ""
            raise ValueError(
                f"triangles {some(np.flatnonzero(bad))} are {fault} of {list(given)}{where}; each "
                f"triangle must be in exactly one: {remedy}"
            )
    return regions


def checked_edges(given: Mapping[str, Any], topology: Topology) -> dict[str, Integers]:
    """Edges (k, 2) by name; outer ones turned so that the domain lies on their left."""
    outer = topology.boundary_edges
    direction = np.zeros((len(topology.edges), 2), dtype=int)
    direction[edge_rows(topology.edges, outer)] = outer
    boundaries = {}
    for name, which in given.items():
        _check_name("a boundary", name)
        pairs = integers(f"boundary {name!r}", which, 2)
        rows = edge_rows(topology.edges, pairs)
        if np.any(rows < 0):
            raise ValueError(
                f"boundary {name!r} names node pairs {some(pairs[rows < 0])} that are not edges of the mesh"
            )
        if len(np.unique(rows)) < len(rows):
            raise ValueError(f"boundary {name!r} names an edge more than once")
        is_outer = topology.edge_counts[rows] == 1
        boundaries[name] = np.where(is_outer[:, None], direction[rows], pairs)
    return boundaries
