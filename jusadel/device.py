"""A Device joins a mesh, materials by region, boundaries by name and a vector potential, and checks them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.boundary import Boundary, Interface, Periodic, Reservoir, Tunnel
from jusadel.doubling import matching_nodes, split
from jusadel.material import (
    SHAPES,
    UNSTATED_TC,
    AssumedTcWarning,
    Material,
    check_field,
    check_swapping_limit,
    real,
)
from jusadel.mesh import Mesh

Array = jax.Array
LINE_POINTS, LINE_WEIGHTS = (
    (np.polynomial.legendre.leggauss(10)[0] + 1) / 2,
    np.polynomial.legendre.leggauss(10)[1] / 2,
)


@dataclass(frozen=True, kw_only=True)
class Device:
    """What is solved: geometry, materials, electrodes, field.

    Args:
        mesh: the Mesh.
        materials: one Material for all regions, or {region: Material}.
        boundaries: {boundary name: Reservoir, Tunnel, Surface, Periodic, or Interface(...)}, the last for an inner
            line; boundaries not named are vacuum.
        vector_potential: None or a function of points (k, 2) -> (k, 2), in units where the flux quantum is pi
            (phase gradient minus 2 A is gauge invariant).

    Raises:
        ValueError: unknown region or boundary, region without material, fields that are not finite or not
            stable, two different reservoirs that share a node, an interface that is no inner line, periodic
            boundaries whose nodes do not match.

    Warns:
        AssumedTcWarning: a material without Tc beside a superconductor whose Tc was given.

    Attributes:
        mesh: the mesh with the nodes along barriers doubled; a line "barrier" has become the two boundaries
            "barrier:left" and "barrier:right".
    """

    mesh: Mesh
    materials: Material | Mapping[str, Material]
    boundaries: Mapping[str, Boundary] = field(default_factory=dict)
    vector_potential: Callable[[Any], Any] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.mesh, Mesh):
            raise TypeError(f"mesh is {type(self.mesh).__name__}; expected a jusadel.Mesh (rectangle, disk, read_mesh)")
        regions = list(self.mesh.regions)
        materials = self.materials
        if isinstance(materials, Material):
            materials = dict.fromkeys(regions, materials)
        object.__setattr__(self, "materials", _checked_materials(materials, regions))
        _warn_if_Tc_is_missing(self.materials)  # type: ignore[arg-type]
        object.__setattr__(self, "boundaries", _checked_boundaries(self.boundaries, self.mesh))
        for name, boundary in self.boundaries.items():
            if isinstance(boundary, Interface) and boundary.conductance is not None:
                object.__setattr__(self, "mesh", split(self.mesh, name))
        if not isinstance(self.mesh.points, jax.core.Tracer):
            self._check_fields()
            self._check_shared_nodes()
            self._check_phases()
            self._check_seams()
            self._check_vector_potential()

    def centroid_field(self, name: str) -> Array:
        """A material field at the triangles' centroids, (m, ...)."""
        return self._by_region(name, self.mesh.centroids)

    def vertex_field(self, name: str) -> Array:
        """A material field at each triangle's own vertices, (m, 3, ...): discontinuous between regions."""
        points = self.mesh.points[self.mesh.triangles]
        flat = self._by_region(name, points.reshape(-1, 2), repeat=3)
        return flat.reshape(len(self.mesh.triangles), 3, *SHAPES[name])

    def _by_region(self, name: str, points: Any, repeat: int = 1) -> Array:
        rows, values = [], []
        for region, triangles in self.mesh.regions.items():
            rows.append((np.asarray(triangles)[:, None] * repeat + np.arange(repeat)).ravel())
            values.append(self.materials[region].at(name, points[rows[-1]]))  # type: ignore[index]
        order = np.argsort(np.concatenate(rows))
        xp = np if all(isinstance(v, np.ndarray) for v in values) else jnp
        return xp.concatenate(values)[order]

    def line_integrals(self) -> Array:
        """Int A.dl from each triangle's centroid to its three vertices, (m, 3); zero without a field."""
        corners = self.mesh.points[self.mesh.triangles]
        return self.integrate_A(self.mesh.centroids[:, None], corners)

    def magnetic_field(self) -> Array:
        """Mean of d_x A_y - d_y A_x over each triangle, (m,): the circulation of A round it over its area."""
        corners = self.mesh.points[self.mesh.triangles]
        round_trip = self.integrate_A(corners, corners[:, np.array([1, 2, 0])])
        return round_trip.sum(axis=1) / self.mesh.areas

    def integrate_A(self, start: Any, end: Any) -> Array:
        """Int A.dl along straight lines from start to end, (m, 3) for points (m, 3, 2), by Gauss quadrature."""
        step = end - start
        if self.vector_potential is None:
            return np.zeros(step.shape[:2])  # type: ignore[return-value]
        points = gauss_points(start, end)
        A = self.potential_at(points.reshape(-1, 2)).reshape(points.shape)
        return jnp.einsum("tiqk,tik,q->ti", A, step, LINE_WEIGHTS)

    def potential_at(self, points: Any) -> Array:
        """The vector potential at points (k, 2), (k, 2); there must be one."""
        A = jnp.asarray(real("vector_potential(points)", self.vector_potential(points)))  # type: ignore[misc]
        if A.shape != (len(points), 2):
            raise ValueError(f"vector_potential(points) returned shape {A.shape}; expected ({len(points)}, 2)")
        return A

    def reservoirs(self) -> dict[str, Reservoir]:
        """The boundaries that fix G."""
        return {name: b for name, b in self.boundaries.items() if isinstance(b, Reservoir)}

    def electrodes(self) -> dict[str, Reservoir]:
        """All reservoirs by the name of their boundary, those behind barriers too."""
        behind = {name: b.reservoir for name, b in self.boundaries.items() if isinstance(b, Tunnel)}
        return self.reservoirs() | behind

    def fixed_nodes(self) -> np.ndarray:
        """Nodes on reservoirs, (n,) bool."""
        fixed = np.zeros(len(self.mesh.points), bool)
        for name in self.reservoirs():
            fixed[self.mesh.boundary_nodes(name)] = True
        return fixed

    def _check_fields(self) -> None:
        for region, material in self.materials.items():  # type: ignore[union-attr]
            triangles = self.mesh.regions[region]
            corners = np.asarray(self.mesh.points)[self.mesh.triangles[triangles]].reshape(-1, 2)
            points = np.concatenate([np.asarray(self.mesh.centroids)[triangles], corners])
            for name in SHAPES:
                if callable(getattr(material, name)):
                    check_field(name, material.at(name, points), f"region {region!r}")
            check_swapping_limit(material.at("D", points), material.at("kappa", points), f"region {region!r}")

    def _check_shared_nodes(self) -> None:
        owner: dict[int, str] = {}
        for name, reservoir in self.reservoirs().items():
            for node in self.mesh.boundary_nodes(name):
                other = owner.setdefault(int(node), name)
                if other != name and self.boundaries[other] is not reservoir:
                    raise ValueError(
                        f"reservoirs {other!r} and {name!r} share the node {int(node)} at "
                        f"{np.asarray(self.mesh.points)[node].tolist()}; leave an insulating edge between them"
                    )

    def _check_phases(self) -> None:
        for name, reservoir in self.electrodes().items():
            reservoir.phase_at(np.asarray(self.mesh.points)[self.mesh.boundary_nodes(name)])

    def _check_seams(self) -> None:
        for name, boundary in self.boundaries.items():
            if isinstance(boundary, Periodic):
                matching_nodes(self.mesh, boundary.partner, name)

    def _check_vector_potential(self) -> None:
        if self.vector_potential is not None and not callable(self.vector_potential):
            raise TypeError(
                f"vector_potential is {type(self.vector_potential).__name__}; expected None or a function of points "
                "(k, 2) -> (k, 2)"
            )
        integrals = self.line_integrals()  # all that is ever used of it
        if not isinstance(integrals, jax.core.Tracer) and not np.isfinite(integrals).all():
            bad = int(np.nonzero(~np.isfinite(integrals).all(axis=1))[0][0])
            where = np.asarray(self.mesh.centroids)[bad].round(6).tolist()
            raise ValueError(f"vector_potential(points) is not finite, first in triangle {bad} near {where}")


def gauss_points(start: Any, end: Any) -> Any:
    """The points (..., q, 2) of the quadrature along straight lines from start to end, (..., 2) each."""
    return start[..., None, :] + (end - start)[..., None, :] * LINE_POINTS[:, None]


def _checked_materials(materials: Any, regions: list[str]) -> dict[str, Material]:
    if not isinstance(materials, Mapping):
        raise TypeError(
            f"materials is {type(materials).__name__}; expected a jusadel.Material or {{region: Material}} for the "
            f"regions {regions}"
        )
    for name, material in materials.items():
        if name not in regions:
            raise ValueError(f"material for unknown region {name!r}; the mesh has regions {regions}")
        if not isinstance(material, Material):
            raise TypeError(f"materials[{name!r}] is {type(material).__name__}; expected a jusadel.Material")
    missing = [name for name in regions if name not in materials]
    if missing:
        raise ValueError(f"region {missing[0]!r} has no material; the mesh has regions {regions}")
    return {name: materials[name] for name in regions}


def _warn_if_Tc_is_missing(materials: Mapping[str, Material]) -> None:
    missing = [name for name, material in materials.items() if material.Tc is UNSTATED_TC]
    given = {name: m.Tc for name, m in materials.items() if m.Tc is not UNSTATED_TC}
    known = {name: float(Tc) for name, Tc in given.items() if not callable(Tc) and not isinstance(Tc, jax.core.Tracer)}
    if missing and (len(known) < len(given) or max(known.values(), default=0.0) > 0):
        warnings.warn(
            f"the materials of {missing} have no Tc, beside {list(given)} whose Tc was given, and are taken as "
            "superconductors of Tc = 1; write Tc=0.0 for normal metals, or Tc=1.0 to keep this",
            AssumedTcWarning,
            stacklevel=4,
        )


def _checked_boundaries(boundaries: Any, mesh: Mesh) -> dict[str, Boundary]:
    if not isinstance(boundaries, Mapping):
        raise TypeError(
            f"boundaries is {type(boundaries).__name__}; expected {{name: jusadel.Reservoir(...)}} with names of "
            f"{list(mesh.boundaries)} (leave it out for vacuum everywhere)"
        )
    for name, boundary in boundaries.items():
        doubled = isinstance(boundary, Interface) and f"{name}:left" in mesh.boundaries
        if name not in mesh.boundaries and not doubled:
            raise ValueError(f"unknown boundary {name!r}; the mesh has boundaries {list(mesh.boundaries)}")
        if not isinstance(boundary, Boundary):
            raise TypeError(
                f"boundaries[{name!r}] is {type(boundary).__name__}; expected a boundary condition such as "
                "jusadel.Reservoir (leave the name out for vacuum)"
            )
        if isinstance(boundary, Periodic):
            _check_partner(name, boundary, boundaries, mesh)
    return dict(boundaries)


def _check_partner(name: str, boundary: Periodic, boundaries: Mapping[str, Any], mesh: Mesh) -> None:
    if boundary.partner not in mesh.boundaries or boundary.partner == name:
        raise ValueError(
            f"boundary {name!r} is Periodic({boundary.partner!r}); expected another one of {list(mesh.boundaries)}"
        )
    if boundary.partner in boundaries:
        raise ValueError(
            f"boundary {boundary.partner!r} is the partner of {name!r}, which is periodic; it cannot have a condition "
            "of its own"
        )


def _flatten(device: Device) -> tuple[tuple[Any, ...], Any]:
    return (device.mesh, device.materials, device.boundaries), device.vector_potential


def _unflatten(vector_potential: Any, children: tuple[Any, ...]) -> Device:
    device = object.__new__(Device)
    for name, value in zip(("mesh", "materials", "boundaries"), children, strict=True):
        object.__setattr__(device, name, value)
    object.__setattr__(device, "vector_potential", vector_potential)
    return device


jax.tree_util.register_pytree_node(Device, _flatten, _unflatten)
