"""Triangle meshes with named regions and boundaries, their P1 geometry, and two generators.

A `Mesh` is a JAX pytree whose only leaf is `points`: derivatives with respect to the shape come
for free, and everything else (triangles, names) is static and compared by content, so that
compiled functions are reused for equal meshes.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import Delaunay, cKDTree

Integers = NDArray[np.int64]
Chooser = Callable[[NDArray[np.float64]], ArrayLike]

MAX_NODES = 5_000_000
SLIVER = 1e-14  # smallest area of a triangle, in squares of its longest edge


class Topology:
    """The static part of a mesh (integers and names): equal by content, hashed once."""

    def __init__(
        self,
        triangles: Integers,
        regions: Mapping[str, Integers],
        boundaries: Mapping[str, Integers],
    ):
        self.triangles = _frozen(triangles)
        self.regions = MappingProxyType({k: _frozen(v) for k, v in regions.items()})
        self.boundaries = MappingProxyType({k: _frozen(v) for k, v in boundaries.items()})
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
        return _frozen(edges), _frozen(inverse.reshape(-1, 3)), _frozen(count)

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
        return _frozen(self.directed_edges[self.edge_counts[self.triangle_edges.ravel()] == 1])

    @cached_property
    def region_of_triangle(self) -> Integers:
        """(m,) place of each triangle's region in the order of `regions`."""
        region = np.full(len(self.triangles), -1)
        for number, index in enumerate(self.regions.values()):
            region[index] = number
        return _frozen(region)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Mesh:
    """A 2D triangle mesh; its regions and boundaries carry names.

    Args:
        points: (n, 2) node positions; the only pytree leaf. Kept as float64 numpy.
        triangles: (m, 3) node numbers. Clockwise triangles are turned round, with a warning.
        regions: triangle numbers by name, each triangle in exactly one; default {"film": all}.
        boundaries: (k, 2) edges (node pairs) by name. Inner edges are allowed. Outer edges are
            turned so that the domain lies on their left. Outer edges without a name are vacuum.

    Raises:
        ValueError: for anything that is not one conforming, connected triangulation; the
            message says which points or triangles are at fault. Nothing is checked where JAX
            rebuilds the mesh from tracers.
    """

    points: Any
    triangles: Integers
    regions: Mapping[str, Integers] = field(default_factory=dict)
    boundaries: Mapping[str, Integers] = field(default_factory=dict)
    topology: Topology = field(init=False)

    def __post_init__(self) -> None:
        points = _checked_points(self.points)
        triangles = _checked_triangles(points, self.triangles)
        bare = Topology(triangles, {}, {})
        _check_conforming(points, bare)
        regions = _checked_regions(self.regions, len(triangles))
        boundaries = _checked_boundaries(self.boundaries, bare)
        self._fill(points, Topology(triangles, regions, boundaries))

    def _fill(self, points: Any, topology: Topology) -> None:
        for name in ("triangles", "regions", "boundaries"):
            object.__setattr__(self, name, getattr(topology, name))
        object.__setattr__(self, "points", points)
        object.__setattr__(self, "topology", topology)

    @classmethod
    def unchecked(cls, points: Any, topology: Topology) -> Mesh:
        """A mesh without any check: for tracers, and for doubled nodes along interfaces."""
        mesh = object.__new__(cls)
        mesh._fill(points, topology)
        return mesh

    def __reduce__(self) -> tuple[Any, ...]:
        static = (self.triangles, dict(self.regions), dict(self.boundaries))
        return _unpickled, (self.points, *static)

    def __repr__(self) -> str:
        names = f"regions {list(self.regions)}, boundaries {list(self.boundaries)}"
        return f"Mesh({self.n_nodes} nodes, {len(self.triangles)} triangles, {names})"

    # --- topology -------------------------------------------------------------------------

    @property
    def n_nodes(self) -> int:
        """Number of nodes."""
        return int(self.triangles.max()) + 1

    @property
    def edges(self) -> Integers:
        """(e, 2) all edges once, smaller node first, sorted."""
        return self.topology.edges

    @property
    def triangle_edges(self) -> Integers:
        """(m, 3) rows of `edges` that are the edges (0, 1), (1, 2), (2, 0) of each triangle."""
        return self.topology.triangle_edges

    @property
    def boundary_edges(self) -> Integers:
        """(b, 2) outer edges, the domain on their left: counter-clockwise, clockwise at holes."""
        return self.topology.boundary_edges

    @property
    def region_of_triangle(self) -> Integers:
        """(m,) place of each triangle's region in the order of `regions`."""
        return self.topology.region_of_triangle

    def boundary_nodes(self, name: str) -> Integers:
        """Sorted node numbers of the boundary with this name."""
        if name not in self.boundaries:
            raise ValueError(f"the mesh has no boundary {name!r}; its boundaries are {list(self.boundaries)}")
        return np.unique(self.boundaries[name])

    def edges_between(self, first: str, second: str) -> Integers:
        """(k, 2) edges that region `first` shares with region `second`; `first` on their left."""
        for name in (first, second):
            if name not in self.regions:
                raise ValueError(f"the mesh has no region {name!r}; its regions are {list(self.regions)}")
        a = self.topology.triangle_edges[self.regions[first]].ravel()
        b = self.topology.triangle_edges[self.regions[second]].ravel()
        directed = self.topology.directed_edges.reshape(-1, 3, 2)[self.regions[first]].reshape(-1, 2)
        shared = np.isin(a, b) if first != second else np.zeros(len(a), bool)
        return directed[shared]

    # --- geometry: functions of `points`, so JAX differentiates them -------------------------

    @property
    def _corners(self) -> Any:
        points = self.points if isinstance(self.points, np.ndarray) else jnp.asarray(self.points)
        return points[self.triangles]

    @property
    def areas(self) -> Any:
        """(m,) areas of the triangles."""
        u, v = _sides(self._corners)
        return 0.5 * (u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0])

    @property
    def centroids(self) -> Any:
        """(m, 2) centres of gravity of the triangles."""
        return self._corners.mean(axis=1)

    @property
    def shape_gradients(self) -> Any:
        """(m, 3, 2) gradients of the three P1 shape functions, constant on each triangle.

        grad phi_i = (y_j - y_k, x_k - x_j) / (2 area), with i, j, k counter-clockwise.
        """
        x = self._corners
        across = x[:, [1, 2, 0]] - x[:, [2, 0, 1]]
        xp = np if isinstance(x, np.ndarray) else jnp
        turned = xp.stack([across[..., 1], -across[..., 0]], axis=-1)
        return turned / (2 * self.areas[:, None, None])

    @property
    def edge_lengths(self) -> Any:
        """(e,) lengths of `edges`."""
        points = self.points if isinstance(self.points, np.ndarray) else jnp.asarray(self.points)
        step = points[self.edges[:, 1]] - points[self.edges[:, 0]]
        return (step**2).sum(axis=1) ** 0.5

    @property
    def nodal_areas(self) -> Any:
        """(n,) a third of the area of the triangles round each node (lumped mass)."""
        n, corner, third = self.n_nodes, self.triangles.ravel(), (self.areas / 3).repeat(3)
        if isinstance(third, np.ndarray):
            return np.bincount(corner, weights=third, minlength=n)
        return jnp.zeros(n, third.dtype).at[corner].add(third)

    def quality(self, length: ArrayLike | None = None) -> MeshQuality:
        """Report on angles and sizes; print it.

        Args:
            length: shortest physical length, a number or one per triangle (m,). The report then
                compares the longest edge of each triangle with it.
        """
        return _quality(self, length)

    # --- new meshes from this one -------------------------------------------------------------

    def with_points(self, points: Any) -> Mesh:
        """The same mesh with its nodes at `points` (n, 2), which JAX may be tracing."""
        if np.shape(points) != (self.n_nodes, 2):
            raise ValueError(f"points have shape {np.shape(points)}; the mesh needs {(self.n_nodes, 2)}")
        if isinstance(points, jax.core.Tracer):
            return Mesh.unchecked(points, self.topology)
        return Mesh(
            points=points,
            triangles=self.triangles,
            regions=self.regions,
            boundaries=self.boundaries,
        )

    def with_regions(self, regions: Mapping[str, ArrayLike | Chooser]) -> Mesh:
        """The same mesh with other regions.

        Args:
            regions: by name, triangle numbers or a function of the centroids (m, 2) that
                returns (m,) booleans. Each triangle must end up in exactly one region.
        """
        chosen = {name: _chosen(f"region {name!r}", which, self.centroids) for name, which in regions.items()}
        if not chosen:
            raise ValueError("no regions given; expected {name: triangle numbers or function}")
        return Mesh(
            points=self.points,
            triangles=self.triangles,
            regions=chosen,
            boundaries=self.boundaries,
        )

    def with_boundaries(self, boundaries: Mapping[str, ArrayLike | Chooser]) -> Mesh:
        """The same mesh with these boundaries added; a name that exists is replaced.

        Args:
            boundaries: by name, (k, 2) edges or a function of the midpoints (b, 2) of the outer
                edges that returns (b,) booleans.
        """
        outer = self.boundary_edges
        middle = np.asarray(self.points)[outer].mean(axis=1)
        chosen = {
            name: outer[_chosen(f"boundary {name!r}", which, middle)] if callable(which) else np.asarray(which)
            for name, which in boundaries.items()
        }
        return Mesh(
            points=self.points,
            triangles=self.triangles,
            regions=self.regions,
            boundaries={**self.boundaries, **chosen},
        )

    def refined(self, times: int = 1) -> Mesh:
        """Each triangle cut into four at its edge midpoints, `times` times; names carried along.

        New nodes stay on the straight edges: the refined mesh covers the same polygon.
        """
        if times < 0 or times != int(times):
            raise ValueError(f"times = {times}; expected a whole number >= 0")
        mesh = self
        for _ in range(int(times)):
            mesh = _refined_once(mesh)
        return mesh

    def write(
        self,
        path: Any,
        point_data: Mapping[str, ArrayLike] | None = None,
        cell_data: Mapping[str, ArrayLike] | None = None,
        file_format: str | None = None,
    ) -> None:
        """Write a .msh (Gmsh) or .vtu (ParaView) file; see `jusadel.mesh_io.write_mesh`."""
        from .mesh_io import write_mesh  # meshio is loaded only where files are touched

        write_mesh(self, path, point_data, cell_data, file_format)


def _rebuilt(topology: Topology, children: Any) -> Mesh:
    (points,) = children
    return Mesh.unchecked(points, topology)


jax.tree_util.register_pytree_with_keys(
    Mesh,
    lambda mesh: (((jax.tree_util.GetAttrKey("points"), mesh.points),), mesh.topology),
    _rebuilt,
)


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


# --- generators -----------------------------------------------------------------------------


def rectangle(
    width: float,
    height: float,
    size: float,
    *,
    x: ArrayLike | None = None,
    y: ArrayLike | None = None,
    regions: Mapping[str, ArrayLike | Chooser] | None = None,
) -> Mesh:
    """Mesh of x in [0, width], y in [0, height], with diagonals of alternating direction.

    Args:
        width, height: the sides.
        size: longest edge allowed.
        x, y: increasing mesh lines from 0 to width (height), for graded strips and for region
            borders; in that direction they replace `size`, and diagonals may then exceed it.
        regions: functions of the centroids (m, 2) by name, as in `Mesh.with_regions`; choose
            borders on mesh lines. Default {"film": everything}.

    Returns:
        A mesh with boundaries "left", "right", "bottom", "top".
    """
    _check_positive(width=width, height=height, size=size)
    xs, ys = _mesh_lines("x", x, width, size), _mesh_lines("y", y, height, size)
    nx, ny = len(xs) - 1, len(ys) - 1
    _check_node_count(len(xs) * len(ys))
    node = np.arange((nx + 1) * (ny + 1)).reshape(ny + 1, nx + 1)
    a, b, c, d = node[:-1, :-1], node[:-1, 1:], node[1:, 1:], node[1:, :-1]
    rising = (np.add.outer(np.arange(ny), np.arange(nx)) % 2 == 0)[..., None, None]
    triangles = np.where(
        rising,
        np.stack([np.stack([a, b, c], -1), np.stack([a, c, d], -1)], -2),
        np.stack([np.stack([a, b, d], -1), np.stack([b, c, d], -1)], -2),
    ).reshape(-1, 3)
    gx, gy = np.meshgrid(xs, ys)
    lines = {"left": node[:, 0], "right": node[:, -1], "bottom": node[0], "top": node[-1]}
    mesh = Mesh(
        points=np.stack([gx.ravel(), gy.ravel()], axis=1),
        triangles=triangles,
        boundaries={k: np.stack([v[:-1], v[1:]], axis=1) for k, v in lines.items()},
    )
    return mesh if regions is None else mesh.with_regions(regions)


def disk(
    radius: float,
    size: float,
    core_size: float | None = None,
    center: tuple[float, float] = (0.0, 0.0),
) -> Mesh:
    """Mesh of a disk, fine at its centre: region "film", boundary "rim", a node on the centre.

    Concentric rings at distance h(r) = core + (rim - core) (1 - (1 - r/radius)^q) from each
    other, triangulated by Delaunay. q = 6 where size - core_size < radius / 20, less for steeper
    disks; at fixed q both sizes halved halve h everywhere, so that disk(R, s, c),
    disk(R, s/2, c/2), ... is a family for convergence studies.

    Args:
        radius: radius; the rim nodes lie on the circle.
        size: longest edge allowed.
        core_size: edge at the centre; default `size` (uniform).
        center: position of the centre.
    """
    core = size if core_size is None else core_size
    _check_positive(radius=radius, size=size, core_size=core)
    if size > radius:
        raise ValueError(f"size = {size} is larger than radius = {radius}; give a smaller size")
    if core > size:
        raise ValueError(f"core_size = {core} is larger than size = {size}; it must be <= size")
    if np.shape(center) != (2,) or not np.all(np.isfinite(center)):
        raise ValueError(f"center = {center}; expected two finite numbers (x, y)")
    spacing = 0.9 * size  # between rings at the rim; edges across rings are up to 1.45 longer
    while True:
        rings = _rings(radius, spacing, min(core, spacing))
        points = np.concatenate([np.zeros((1, 2)), *rings])
        triangles = _delaunay(points)
        x = points[triangles]
        longest = np.sqrt(((x - x[:, [1, 2, 0]]) ** 2).sum(-1).max())
        if longest <= size:
            break
        spacing *= min(0.995, size / longest)
    rim = np.arange(len(points) - len(rings[-1]), len(points))
    edges = np.stack([rim, np.roll(rim, -1)], axis=1)
    return Mesh(points=points + np.asarray(center), triangles=triangles, boundaries={"rim": edges})


def _rings(radius: float, size: float, core: float) -> list[NDArray[np.float64]]:
    """Points of the rings round a centre; spacing `core` at the centre, `size` at the rim."""
    growth = size - core
    # q = 6 leaves most of the disk at `size`; steeper than 0.3 per length spoils the angles
    q = min(6.0, max(1.0, 0.3 * radius / growth)) if growth > 0 else 1.0
    core /= 1 + 0.5 * q * growth / radius  # h grows within the first step, which should be `core`
    r = np.linspace(0, radius, 20001)
    h = core + (size - core) * (1 - (1 - r / radius) ** q)
    count = np.concatenate([[0], np.cumsum(0.5 * (1 / h[1:] + 1 / h[:-1]) * np.diff(r))])
    _check_node_count(2 * np.pi * np.sum(r / h**2) * r[1])
    n_rings = max(1, int(np.ceil(count[-1] - 1e-9)))
    at = np.interp(np.arange(n_rings + 1) * count[-1] / n_rings, count, r)
    step = np.gradient(at)
    rings = []
    for k in range(1, n_rings + 1):
        n = max(6, round(6 * at[k] / step[k]))  # six equilateral triangles round the centre
        angle = 2 * np.pi * (np.arange(n) + 0.5 * (k % 2)) / n
        rings.append(at[k] * np.stack([np.cos(angle), np.sin(angle)], axis=1))
    return rings


def _delaunay(points: NDArray[np.float64]) -> Integers:
    triangles = Delaunay(points).simplices.astype(np.int64)
    u, v = _sides(points[triangles])
    clockwise = u[:, 0] * v[:, 1] < u[:, 1] * v[:, 0]
    triangles[clockwise] = triangles[clockwise][:, [0, 2, 1]]
    return triangles


def _mesh_lines(name: str, given: ArrayLike | None, end: float, size: float) -> NDArray[np.float64]:
    if given is None:
        pieces = np.ceil(end * np.sqrt(2) / size - 1e-9)  # the diagonal is the longest edge
        _check_node_count(pieces)
        return np.linspace(0, end, int(pieces) + 1)
    lines = np.asarray(given, dtype=float)
    if lines.ndim != 1 or len(lines) < 2 or not np.all(np.diff(lines) > 0):
        raise ValueError(f"{name} must be a list of at least two increasing numbers, got {given}")
    if abs(lines[0]) > 1e-12 * end or abs(lines[-1] - end) > 1e-12 * end:
        raise ValueError(f"{name} runs from {lines[0]} to {lines[-1]}; expected 0 to {end}")
    return lines


def _check_positive(**values: float) -> None:
    for name, value in values.items():
        if not (np.ndim(value) == 0 and np.isfinite(value) and value > 0):
            raise ValueError(f"{name} = {value}; expected a finite number > 0")


def _check_node_count(nodes: float) -> None:
    if nodes > MAX_NODES:
        raise ValueError(f"this mesh would have about {nodes:.1e} nodes (limit {MAX_NODES:.0e}); give a larger size")


# --- quality and refinement --------------------------------------------------------------------


def _sides(corners: Any) -> tuple[Any, Any]:
    return corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]


def _quality(mesh: Mesh, length: ArrayLike | None) -> MeshQuality:
    lengths = np.asarray(mesh.edge_lengths)[mesh.triangle_edges]
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
        nodes=mesh.n_nodes,
        triangles=len(mesh.triangles),
        area=float(np.sum(mesh.areas)),
        smallest_angle=float(smallest),
        h_min=float(a.min()),
        h_max=float(c.max()),
        worst_ratio=worst,
        too_coarse=coarse,
    )


def _refined_once(mesh: Mesh) -> Mesh:
    n, edges = mesh.n_nodes, mesh.edges
    a, b, c = mesh.triangles.T
    ab, bc, ca = n + mesh.triangle_edges.T
    children = [[a, ab, ca], [ab, b, bc], [ca, bc, c], [ab, bc, ca]]
    triangles = np.array(children).transpose(2, 0, 1).reshape(-1, 3)
    regions = {name: (4 * index[:, None] + np.arange(4)).ravel() for name, index in mesh.regions.items()}
    boundaries = {}
    for name, pairs in mesh.boundaries.items():
        middle = n + _edge_rows(edges, pairs)
        halves = np.stack([pairs[:, 0], middle, middle, pairs[:, 1]], axis=1)
        boundaries[name] = halves.reshape(-1, 2)
    xp = np if isinstance(mesh.points, np.ndarray) else jnp
    points = xp.concatenate([mesh.points, mesh.points[edges].mean(axis=1)])
    return Mesh.unchecked(points, Topology(triangles, regions, boundaries))


def _edge_rows(edges: Integers, pairs: Integers) -> Integers:
    """Rows of the sorted `edges` that hold `pairs`, in any direction; -1 where there is none."""
    base = max(int(edges.max()), int(pairs.max(initial=0))) + 1
    keys = edges[:, 0] * base + edges[:, 1]
    wanted = pairs.min(axis=1) * base + pairs.max(axis=1)
    row = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[row] == wanted, row, -1)


# --- checks at construction --------------------------------------------------------------------


def _frozen(array: Any) -> Any:
    copy = np.array(array)
    copy.flags.writeable = False
    return copy


def _unpickled(points: Any, *static: Any) -> Mesh:
    return Mesh.unchecked(points, Topology(*static))


def _some(index: ArrayLike) -> str:
    """The first few of a list of numbers, and how many there are."""
    numbers = np.asarray(index).tolist()
    more = f", ... ({len(numbers)} in all)" if len(numbers) > 5 else ""
    return f"[{', '.join(map(str, numbers[:5]))}{more}]"


def _chosen(what: str, which: Any, places: Any) -> Integers:
    if not callable(which):
        return np.asarray(which)
    mask = np.asarray(which(np.asarray(places)))
    if mask.shape != (len(places),) or mask.dtype != bool:
        raise ValueError(
            f"the function for {what} returned shape {mask.shape} of {mask.dtype}; expected ({len(places)},) of bool"
        )
    return np.flatnonzero(mask)


def _integers(what: str, given: Any, columns: int) -> Integers:
    array = np.asarray(given)
    shape_ok = array.ndim == 1 if columns == 1 else array.shape[1:] == (columns,)
    if not shape_ok or array.size == 0 or not np.issubdtype(array.dtype, np.integer):
        want = "(k,)" if columns == 1 else f"(k, {columns})"
        raise ValueError(f"{what} has shape {array.shape} and type {array.dtype}; expected {want} integers, k > 0")
    return array.astype(np.int64)


def _checked_points(given: Any) -> NDArray[np.float64]:
    if isinstance(given, jax.core.Tracer):
        raise ValueError(
            "points are being traced by JAX: build the mesh outside the traced function and use "
            "mesh.with_points(points) inside"
        )
    raw = np.asarray(given)
    if raw.ndim != 2 or raw.shape[1] != 2 or raw.dtype.kind not in "fiu":
        raise ValueError(f"points have shape {raw.shape} and type {raw.dtype}; expected real (n, 2)")
    points: NDArray[np.float64] = _frozen(raw.astype(np.float64))
    bad = np.flatnonzero(~np.isfinite(points).all(axis=1))
    if bad.size:
        raise ValueError(f"points {_some(bad)} are not finite (NaN or infinity)")
    return points


def _checked_triangles(points: NDArray[np.float64], given: Any) -> Integers:
    """Triangles as int64, counter-clockwise."""
    triangles = _integers("triangles", given, 3)
    n = len(points)
    bad = np.flatnonzero((triangles < 0).any(axis=1) | (triangles >= n).any(axis=1))
    if bad.size:
        raise ValueError(f"triangles {_some(bad)} name points outside 0 ... {n - 1}")
    unused = np.setdiff1d(np.arange(n), triangles)
    if unused.size:
        raise ValueError(f"points {_some(unused)} belong to no triangle: remove and renumber")
    x = points[triangles]
    u, v = _sides(x)
    double_area = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
    longest2 = ((x - x[:, [1, 2, 0]]) ** 2).sum(-1).max(axis=1)
    flat = np.flatnonzero(np.abs(double_area) <= 2 * SLIVER * longest2)
    if flat.size:
        raise ValueError(f"triangles {_some(flat)} have zero area: remove or move their corners")
    _, first, count = np.unique(np.sort(triangles, axis=1), axis=0, return_index=True, return_counts=True)
    if np.any(count > 1):
        raise ValueError(f"triangles {_some(first[count > 1])} are given more than once")
    clockwise = double_area < 0
    if clockwise.any():
        warnings.warn(
            f"{clockwise.sum()} of {len(triangles)} triangles were clockwise and were turned round",
            UserWarning,
            stacklevel=4,  # the call of Mesh(...)
        )
        triangles[clockwise] = triangles[clockwise][:, [0, 2, 1]]
    return triangles


def _check_conforming(points: NDArray[np.float64], topology: Topology) -> None:
    """Neighbours meet edge to edge, once, and everything hangs together."""
    edges, count = topology.edges, topology.edge_counts
    crowded = edges[count > 2]
    if len(crowded):
        raise ValueError(f"edges {_some(crowded)} belong to more than two triangles")
    directed = topology.directed_edges
    keys, times = np.unique(directed[:, 0] * len(points) + directed[:, 1], return_counts=True)
    folded = keys[times > 1]
    if folded.size:
        pairs = np.stack([folded // len(points), folded % len(points)], axis=1)
        raise ValueError(f"the two triangles at edges {_some(pairs)} lie on the same side: the mesh folds over")
    length = np.sqrt(((points[edges[:, 1]] - points[edges[:, 0]]) ** 2).sum(axis=1))
    twins = cKDTree(points).query_pairs(1e-6 * length.min(), output_type="ndarray")
    if len(twins):
        raise ValueError(
            f"points {_some(twins)} lie on top of each other: merge them, so that the triangles "
            "on both sides share nodes"
        )
    _check_hanging(points, topology.boundary_edges)
    _check_connected(topology)


def _check_hanging(points: NDArray[np.float64], outer: Integers) -> None:
    nodes = np.unique(outer)
    start, end = points[outer[:, 0]], points[outer[:, 1]]
    half = 0.5 * np.sqrt(((end - start) ** 2).sum(axis=1))
    near = cKDTree(points[nodes]).query_ball_point(0.5 * (start + end), half * (1 - 1e-9))
    row = np.repeat(np.arange(len(outer)), [len(found) for found in near])
    node = nodes[np.concatenate([np.asarray(found, dtype=int) for found in near])]
    along, off = (end - start)[row], points[node] - start[row]
    distance = np.abs(along[:, 0] * off[:, 1] - along[:, 1] * off[:, 0]) / (2 * half[row])
    bad = distance < 1e-9 * half[row]
    if bad.any():
        raise ValueError(
            f"points {_some(node[bad])} hang inside the edges {_some(outer[row[bad]])} of other "
            "triangles: split those triangles"
        )


def _check_connected(topology: Topology) -> None:
    m = len(topology.triangles)
    order = np.argsort(topology.triangle_edges.ravel(), kind="stable")
    edge = topology.triangle_edges.ravel()[order]
    same = np.flatnonzero(edge[1:] == edge[:-1])
    one, other = order[same] // 3, order[same + 1] // 3
    graph = coo_array((np.ones(len(one)), (one, other)), shape=(m, m))
    pieces, label = connected_components(graph, directed=False)
    if pieces > 1:
        sizes = np.sort(np.bincount(label))[::-1]
        raise ValueError(
            f"the mesh falls into {pieces} unconnected pieces of {_some(sizes)} triangles: join "
            "them along shared edges, or solve each piece as its own mesh"
        )


def _check_name(what: str, name: Any) -> None:
    if not isinstance(name, str) or not name.strip():
        raise ValueError(f"{what} has the name {name!r}; expected a string that is not blank")


def _checked_regions(given: Mapping[str, Any], m: int) -> dict[str, Integers]:
    if not given:
        return {"film": np.arange(m)}
    times = np.zeros(m, dtype=int)
    regions = {}
    for name, which in given.items():
        _check_name("a region", name)
        index = _integers(f"region {name!r}", which, 1)
        if index.min() < 0 or index.max() >= m:
            raise ValueError(f"region {name!r} names triangles outside 0 ... {m - 1}")
        np.add.at(times, index, 1)
        regions[name] = np.sort(index)
    for bad, fault in ((times > 1, "in more than one region"), (times == 0, "in no region")):
        if bad.any():
            raise ValueError(
                f"triangles {_some(np.flatnonzero(bad))} are {fault} of {list(given)}; each "
                "triangle must be in exactly one"
            )
    return regions


def _checked_boundaries(given: Mapping[str, Any], topology: Topology) -> dict[str, Integers]:
    outer = topology.boundary_edges
    direction = np.zeros((len(topology.edges), 2), dtype=int)
    direction[_edge_rows(topology.edges, outer)] = outer
    boundaries = {}
    for name, which in given.items():
        _check_name("a boundary", name)
        pairs = _integers(f"boundary {name!r}", which, 2)
        rows = _edge_rows(topology.edges, pairs)
        if np.any(rows < 0):
            raise ValueError(
                f"boundary {name!r} names node pairs {_some(pairs[rows < 0])} that are not edges of the mesh"
            )
        if len(np.unique(rows)) < len(rows):
            raise ValueError(f"boundary {name!r} names an edge more than once")
        is_outer = topology.edge_counts[rows] == 1
        boundaries[name] = np.where(is_outer[:, None], direction[rows], pairs)
    return boundaries
