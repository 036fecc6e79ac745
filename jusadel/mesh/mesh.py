"""Triangle meshes with named regions and boundaries, and their P1 geometry.

A `Mesh` is a JAX pytree whose only leaf is `points`: derivatives with respect to the shape come for free, and
everything else (triangles, names) is static and compared by content, so that compiled functions are reused for
equal meshes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike, NDArray

from jusadel.common.differentiability import one_program
from jusadel.common.types import Values
from jusadel.mesh.checks import (
    MeshQuality,
    check_conforming,
    checked_points,
    checked_triangles,
    joined_sides,
    quality_of,
    signed_areas,
)
from jusadel.mesh.formats.writing import write_mesh
from jusadel.mesh.region_borders import chosen_edges, chosen_triangles
from jusadel.mesh.topology import Integers, Topology, checked_edges, checked_regions

Chooser = Callable[[NDArray[np.float64]], ArrayLike]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Mesh:
    """A 2D triangle mesh; its regions and boundaries carry names.

    Args:
        points: (n, 2) node positions; the only pytree leaf. Kept as float64 numpy.
        triangles: (m, 3) node numbers. Clockwise triangles are turned round.
        regions: triangle numbers by name, each triangle in exactly one; default {"film": all}.
        boundaries: (k, 2) edges (node pairs) by name. Inner edges are allowed. Outer edges are turned so that the
            domain lies on their left. Outer edges without a name are vacuum. Only where "x:left" and "x:right" are
            the two sides of a line (see `jusadel.mesh.interfaces.split`) may points lie on top of each other.

    Raises:
        ValueError: for anything that is not one conforming, connected triangulation; the message says which points
            or triangles are at fault. Nothing is checked where JAX rebuilds the mesh from tracers.
    """

    points: Values
    triangles: Integers
    regions: Mapping[str, Integers] = field(default_factory=dict)
    boundaries: Mapping[str, Integers] = field(default_factory=dict)
    topology: Topology = field(init=False)

    def __post_init__(self) -> None:
        points = checked_points(self.points)
        triangles = checked_triangles(points, self.triangles)
        bare = Topology(triangles, {}, {})
        boundaries, joined = joined_sides(points, checked_edges(self.boundaries, bare))
        check_conforming(points, bare, joined)
        regions = checked_regions(self.regions, len(triangles), points[triangles].mean(axis=1))
        self._fill(points, Topology(triangles, regions, boundaries))

    def _fill(self, points: Any, topology: Topology) -> None:
        for name in ("triangles", "regions", "boundaries"):
            object.__setattr__(self, name, getattr(topology, name))
        object.__setattr__(self, "points", points)
        object.__setattr__(self, "topology", topology)

    @classmethod
    def unchecked(cls, points: Values, topology: Topology) -> Mesh:
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
        return _rows(self.points, self.triangles)

    @property
    def areas(self) -> Values:
        """(m,) areas of the triangles."""
        return signed_areas(self._corners)

    @property
    def centroids(self) -> Values:
        """(m, 2) centres of gravity of the triangles."""
        return self._corners.mean(axis=1)

    @property
    def shape_gradients(self) -> Values:
        """(m, 3, 2) gradients of the three P1 shape functions, constant on each triangle.

        grad phi_i = (y_j - y_k, x_k - x_j) / (2 area), with i, j, k counter-clockwise.
        """
        return _shape_gradients(self._corners)

    @property
    def local_stiffness(self) -> Values:
        """(m, 3, 3) Int grad phi_i . grad phi_j over each triangle."""
        g, areas = self.shape_gradients, self.areas
        xp = np if isinstance(g, np.ndarray) else jnp
        return areas[:, None, None] * xp.einsum("tik,tjk->tij", g, g)

    @property
    def edge_lengths(self) -> Values:
        """(e,) lengths of `edges`."""
        points = self.points if isinstance(self.points, np.ndarray) else jnp.asarray(self.points)
        step = points[self.edges[:, 1]] - points[self.edges[:, 0]]
        return (step**2).sum(axis=1) ** 0.5

    @property
    def nodal_areas(self) -> Values:
        """(n,) a third of the area of the triangles round each node (lumped mass)."""
        n, corner, third = self.n_nodes, self.triangles.ravel(), (self.areas / 3).repeat(3)
        if isinstance(third, np.ndarray):
            return np.bincount(corner, weights=third, minlength=n)
        return jnp.zeros(n, third.dtype).at[corner].add(third)

    def quality(self, length: ArrayLike | None = None) -> MeshQuality:
        """Report on angles and sizes; print it.

        Args:
            length: shortest physical length, a number or one per triangle (m,); the report then compares the
                longest edge of each triangle with it.
        """
        lengths = np.asarray(self.edge_lengths)[self.triangle_edges]
        return quality_of(self.n_nodes, float(np.sum(self.areas)), lengths, length)

    # --- new meshes from this one -------------------------------------------------------------

    def with_points(self, points: Values) -> Mesh:
        """The same mesh with its nodes at `points` (n, 2), which JAX may be tracing."""
        if np.shape(points) != (self.n_nodes, 2):
            raise ValueError(f"points have shape {np.shape(points)}; the mesh needs {(self.n_nodes, 2)}")
        if isinstance(points, jax.core.Tracer):
            return Mesh.unchecked(points, self.topology)
        return Mesh(points=points, triangles=self.triangles, regions=self.regions, boundaries=self.boundaries)

    def with_regions(self, regions: Mapping[str, ArrayLike | Chooser]) -> Mesh:
        """The same mesh with other regions.

        Args:
            regions: by name, triangle numbers or a function of positions (m, 2) that returns (m,) booleans; it is asked
                about centres of triangles and near their corners. Each triangle must end up in exactly one region.

        Raises:
            ValueError: a border that is no line of the mesh, nor a curve of which such lines are chords; triangles in
                several regions or in none.
        """
        if not regions:
            raise ValueError("no regions given; expected {name: triangle numbers or function}")
        found = {
            name: chosen_triangles(name, which, self.points, self.topology) if callable(which) else np.asarray(which)
            for name, which in regions.items()
        }
        return Mesh(points=self.points, triangles=self.triangles, regions=found, boundaries=self.boundaries)

    def with_boundaries(self, boundaries: Mapping[str, ArrayLike | Chooser]) -> Mesh:
        """The same mesh with these boundaries added; a name that exists is replaced.

        Args:
            boundaries: by name, (k, 2) edges or a function of the midpoints (b, 2) of the outer
                edges that returns (b,) booleans.
        """
        outer = self.boundary_edges
        middle = np.asarray(self.points)[outer].mean(axis=1)
        found = {
            name: outer[chosen_edges(name, which, middle)] if callable(which) else np.asarray(which)
            for name, which in boundaries.items()
        }
        together: dict[str, Any] = {**self.boundaries, **found}
        return Mesh(points=self.points, triangles=self.triangles, regions=self.regions, boundaries=together)

    def refined(self, times: int = 1) -> Mesh:
        """Each triangle cut into four at its edge midpoints, `times` times; names carried along.

        New nodes stay on the straight edges: the refined mesh covers the same polygon.
        """
        if times < 0 or times != int(times):
            raise ValueError(f"times = {times}; expected a whole number >= 0")
        mesh = self
        for _ in range(int(times)):
            xp = np if isinstance(mesh.points, np.ndarray) else jnp
            points = xp.concatenate([mesh.points, mesh.points[mesh.edges].mean(axis=1)])
            mesh = Mesh.unchecked(points, mesh.topology.refined())
        return mesh

    def write(
        self,
        path: str | os.PathLike[str],
        point_data: Mapping[str, ArrayLike] | None = None,
        cell_data: Mapping[str, ArrayLike] | None = None,
        file_format: str | None = None,
    ) -> None:
        """Write a .msh (Gmsh) or .vtu (ParaView) file; see `jusadel.mesh.formats.writing.write_mesh`."""
        write_mesh(self, path, point_data, cell_data, file_format)


def _rebuilt(topology: Topology, children: Any) -> Mesh:
    (points,) = children
    return Mesh.unchecked(points, topology)


def _unpickled(points: Any, *static: Any) -> Mesh:
    return Mesh.unchecked(points, Topology(*static))


jax.tree_util.register_pytree_with_keys(
    Mesh,
    lambda mesh: (((jax.tree_util.GetAttrKey("points"), mesh.points),), mesh.topology),
    _rebuilt,
)


@one_program
def _rows(values: Any, at: Any) -> Any:
    return (values if isinstance(values, np.ndarray) else jnp.asarray(values))[at]


@one_program
def _shape_gradients(x: Any) -> Any:
    """Of triangles with corners (m, 3, 2)."""
    across = x[:, [1, 2, 0]] - x[:, [2, 0, 1]]
    xp = np if isinstance(x, np.ndarray) else jnp
    turned = xp.stack([across[..., 1], -across[..., 0]], axis=-1)
    return turned / (2 * signed_areas(x)[:, None, None])
