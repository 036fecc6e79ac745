"""A Device joins a mesh, materials by region, boundaries by name and a vector potential, and checks them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np

from jusadel.common.differentiability import numpy_if_few, refuse_traced, with_rows
from jusadel.common.types import ArrayLike, Values
from jusadel.device.boundary import Boundary, Periodic, Reservoir
from jusadel.device.checks import checked_boundaries, checked_materials, checked_units, warn_if_Tc_is_missing
from jusadel.device.gauge.completion import completion, refuse_impossible
from jusadel.device.gauge.phase_lines import PhaseLine, phase_lines, refuse_misfit, refuse_pieces
from jusadel.device.material.material import SHAPES, Material, check_field
from jusadel.device.material.printed import in_lines
from jusadel.device.material.stability import check_spin_diffusion
from jusadel.device.units.units import Units
from jusadel.device.vector_potential import electrode_gauge, has_own_field, integrated, is_completed
from jusadel.mesh.interfaces import matching_nodes, split
from jusadel.mesh.mesh import Mesh

Array = jax.Array


@dataclass(frozen=True, kw_only=True, repr=False)
class Device:
    """What is solved: geometry, materials, electrodes, field.

    Args:
        mesh: the Mesh.
        materials: one Material for all regions, or {region: Material}.
        boundaries: {boundary name: Reservoir, Tunnel, Surface, Periodic, or Interface(...)}, the last for an inner
            line; boundaries not named are vacuum.
        vector_potential: None or a function of points (k, 2) -> (k, 2), in units where the flux quantum is pi
            (phase gradient minus 2 A is gauge invariant). `uniform_field` and `electrode_gauge` are completed by a
            gradient (`gauge`), so that A fits the electrodes; others are taken as they are.
        units: None, or the `Units` whose numbers all others are. Prints, warnings, pictures and files of the device
            and of what is computed of it are then in nm, meV, K, mT, uA; numbers that functions return stay those of
            the code, for `units.to_...` (docs/units.md).

    Raises:
        ValueError: unknown region or boundary, region without material, fields that are not finite or not
            stable, two different reservoirs that share a node, an interface that is no inner line, periodic
            boundaries whose nodes do not match, a vector potential whose gauge does not fit the phases of a
            superconducting electrode or a periodic boundary, or which no gradient can fit to them.

    Warns:
        AssumedTcWarning: a material without Tc beside a superconductor whose Tc was given.

    Attributes:
        mesh: the mesh with the nodes along barriers doubled; a line "barrier" has become the two boundaries
            "barrier:left" and "barrier:right".
    """

    mesh: Mesh
    materials: Material | Mapping[str, Material]
    boundaries: Mapping[str, Boundary] = field(default_factory=dict)
    vector_potential: Callable[[Values], ArrayLike] | None = None
    units: Units | None = None
    __repr__ = in_lines

    def __post_init__(self) -> None:
        if not isinstance(self.mesh, Mesh):
            raise TypeError(f"mesh is {type(self.mesh).__name__}; expected a jusadel.Mesh (rectangle, disk, read_mesh)")
        regions = list(self.mesh.regions)
        materials = self.materials
        if isinstance(materials, Material):
            materials = dict.fromkeys(regions, materials)
        object.__setattr__(self, "materials", checked_materials(materials, regions))
        warn_if_Tc_is_missing(self.materials)  # type: ignore[arg-type]
        object.__setattr__(self, "boundaries", checked_boundaries(self.boundaries, self.mesh))
        checked_units(self.units)
        for name, boundary in self.boundaries.items():
            if boundary.doubled:
                object.__setattr__(self, "mesh", split(self.mesh, name))
        if not isinstance(self.mesh.points, jax.core.Tracer):
            self._check_fields()
            self._check_shared_nodes()
            self._check_phases()
            self._check_seams()
            self._check_vector_potential()
            self.check_gauge()

    @classmethod
    def unchecked(
        cls, mesh: Mesh, materials: Any, boundaries: Any, vector_potential: Any, units: Units | None = None
    ) -> Device:
        """The Device of parts that were checked before, of which some may be traced by JAX now."""
        device = object.__new__(cls)
        parts = {"mesh": mesh, "materials": materials, "boundaries": boundaries, "vector_potential": vector_potential}
        device.__dict__.update(parts, units=units)
        return device

    def centroid_field(self, name: str) -> Array:
        """A material field at the triangles' centroids, (m, ...)."""
        return self._by_region(name, self.mesh.centroids)

    def vertex_field(self, name: str) -> Array:
        """A material field at each triangle's own vertices, (m, 3, ...): discontinuous between regions."""
        return self._by_region(name, self.mesh.points[self.mesh.triangles])

    def _by_region(self, name: str, points: Any) -> Array:
        """A material field at points (m, ..., 2) of the triangles, (m, ..., *shape)."""
        shape, rows, values = SHAPES[name], list(self.mesh.regions.values()), []
        for region, row in self.mesh.regions.items():
            value = getattr(self.materials[region], name)  # type: ignore[index]
            if callable(value):
                at = points[row]
                flat = self.materials[region].at(name, at.reshape(-1, 2))  # type: ignore[index]
                value = flat.reshape(*at.shape[:-1], *shape)
            values.append(value)
        return _in_place(rows, values, shape=(*points.shape[:-1], *shape))

    def gauge(self) -> Array:
        """chi (n,): the vector potential of the device is the given one plus its gradient, linear in each triangle.

        Zero unless the potential asks to be completed (`uniform_field` in its default gauge, `electrode_gauge`) and a
        boundary fixes a phase. G and Delta are in this gauge: in that of the given potential they would be turned by
        the phase -2 chi.
        """
        if "_gauge" in self.__dict__:
            return self.__dict__["_gauge"]
        phases = self._fixed_phases() if is_completed(self.vector_potential) else []
        none: Any = np.zeros(len(self.mesh.points))
        keep = isinstance(self.vector_potential, electrode_gauge)
        chi = completion(self.mesh, phases, self._given_to_corners(), keep) if phases else none
        if not isinstance(chi, jax.core.Tracer):
            self.__dict__["_gauge"] = chi  # worked out once
        return chi

    def _given_to_corners(self) -> Array:
        return self.integrate_A(self.mesh.centroids[:, None], self.mesh.points[self.mesh.triangles])

    def _fixed_phases(self) -> list[PhaseLine]:
        bridged = is_completed(self.vector_potential)
        return phase_lines(self.mesh, self.boundaries, self._given_between, bridged=bridged)

    def _given_between(self, pairs: np.ndarray) -> Array:
        return self.integrate_A(*(self.mesh.points[end][:, None] for end in pairs.T))[:, 0]

    def electrode_phases(self) -> dict[str, float]:
        """The phases of superconducting electrodes and periodic boundaries in the gauge of the smallest Int A^2.

        Those of periodic boundaries, and differences between electrodes, do not depend on the gauge that A was given
        in, nor on how phases vary along the boundaries. With `uniform_field` in its default gauge, and without a field,
        constant phases are these.

        Raises:
            GaugeError: no gauge fits; a vector potential that is taken as it is, and an electrode of several pieces,
                between which it says nothing: give each a name.
            NotDifferentiableError: numbers that JAX traces.
        """
        refuse_traced("electrode_phases", "take those of `solve` with its device", device=self)
        phases = phase_lines(
            self.mesh, self.boundaries, self.between_nodes, uniform=True, bridged=is_completed(self.vector_potential)
        )
        refuse_impossible(self.mesh, phases)
        if not is_completed(self.vector_potential) and self.vector_potential is not None:
            refuse_pieces(self.mesh, phases)
        chi = completion(self.mesh, phases, self.line_integrals()) if phases else []
        found = {}
        for line in phases:
            boundary: Any = self.electrodes().get(line.name, self.boundaries[line.name])
            node, less = line.edges[0, 0], 0.0 if line.partners is None else chi[line.partners[0, 0]]
            given = boundary.phase_at(self.mesh.points[line.edges[0, :1]])[0]
            found[line.name] = float(given + 2 * (chi[node] - less))
        return found

    def line_integrals(
        self, corners: np.ndarray | None = None, weights: Values | None = None, start: Values | None = None
    ) -> Array:
        """Int A.dl to the corners (c, 3) of triangles from the points `start` (c, 2), which have these weights of them.

        From the centroid of each triangle where nothing is said; zero without a field.
        """
        if corners is None or weights is None or start is None:
            corners, start = self.mesh.triangles, self.mesh.centroids
            weights = np.full(corners.shape, 1 / 3)
        chi = self.gauge()[corners]
        here = (chi * weights).sum(axis=1)
        return self.integrate_A(start[:, None], self.mesh.points[corners]) + chi - here[:, None]

    def between_nodes(self, pairs: np.ndarray) -> Array:
        """Int A.dl along the straight lines between neighbouring nodes (k, 2), (k,)."""
        chi = self.gauge()
        return self._given_between(pairs) + chi[pairs[:, 1]] - chi[pairs[:, 0]]

    def magnetic_field(self) -> Array:
        """Mean of d_x A_y - d_y A_x over each triangle, (m,): the circulation of A round it over its area."""
        corners = self.mesh.points[self.mesh.triangles]
        round_trip = self.integrate_A(corners, corners[:, np.array([1, 2, 0])])
        return round_trip.sum(axis=1) / self.mesh.areas

    def integrate_A(self, start: Values, end: Values) -> Array:
        """Int A.dl of the given A along straight lines from start to end, (m, 3) for points (m, 3, 2)."""
        if self.vector_potential is None:
            return np.zeros((end - start).shape[:2])  # type: ignore[return-value]
        return integrated(self.vector_potential, start, end)

    def reservoirs(self) -> dict[str, Reservoir]:
        """The boundaries that fix G."""
        return {name: b.electrode for name, b in self.boundaries.items() if b.electrode and b.barrier is None}

    def electrodes(self) -> dict[str, Reservoir]:
        """All reservoirs by the name of their boundary, those behind barriers too."""
        behind = {name: b.electrode for name, b in self.boundaries.items() if b.electrode and b.barrier is not None}
        return self.reservoirs() | behind

    def periodic(self) -> dict[str, Periodic]:
        """The boundaries that are others, shifted."""
        return {name: b for name, b in self.boundaries.items() if b.partner is not None}  # type: ignore[misc]

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
            D, kappa, P = (material.at(name, points) for name in ("D", "kappa", "P"))
            check_spin_diffusion(D, kappa, P, f"region {region!r}")

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
        for name, boundary in self.periodic().items():
            matching_nodes(self.mesh, boundary.partner, name)

    def _check_vector_potential(self) -> None:
        if self.vector_potential is not None and not callable(self.vector_potential):
            raise TypeError(
                f"vector_potential is {type(self.vector_potential).__name__}; expected None or a function of points "
                "(k, 2) -> (k, 2)"
            )
        integrals = self._given_to_corners()
        if not isinstance(integrals, jax.core.Tracer) and not np.isfinite(integrals).all():
            bad = int(np.nonzero(~np.isfinite(integrals).all(axis=1))[0][0])
            where = np.asarray(self.mesh.centroids)[bad].round(6).tolist()
            raise ValueError(f"vector_potential(points) is not finite, first in triangle {bad} near {where}")

    def check_gauge(self) -> None:
        """Refuse a vector potential that does not fit the boundaries, as far as its numbers have values."""
        if self.vector_potential is None or has_own_field(self.vector_potential):
            return
        phases = self._fixed_phases()
        if not is_completed(self.vector_potential):
            refuse_misfit(phases)
        else:
            refuse_impossible(self.mesh, phases)


@numpy_if_few
def _in_place(xp: Any, rows: list[Any], values: list[Any], shape: tuple[int, ...]) -> Any:
    """Values of these rows of an array with this shape, or one value for all of them."""
    out = xp.zeros(shape)
    for row, value in zip(rows, values, strict=True):
        out = with_rows(xp, out, row, xp.asarray(value).reshape((1,) * (len(shape) - np.ndim(value)) + np.shape(value)))
    return out


def _flatten(device: Device) -> tuple[tuple[Any, ...], Any]:
    return (device.mesh, device.materials, device.boundaries), (device.vector_potential, device.units)


def _unflatten(static: tuple[Any, Units | None], children: tuple[Any, ...]) -> Device:
    return Device.unchecked(children[0], children[1], children[2], static[0], static[1])


jax.tree_util.register_pytree_node(Device, _flatten, _unflatten)
