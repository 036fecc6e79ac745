"""Devices in files: numbers as they are, functions of points by their values wherever the mesh needs them."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import fields, replace
from typing import Any

import numpy as np

from jusadel.action.connectivity import edge_sides
from jusadel.common.archive import Arrays, concrete, numbers
from jusadel.common.stored import Stored
from jusadel.device.boundary import PARTS, Boundary, phase_at
from jusadel.device.contact import Contact
from jusadel.device.device import Device
from jusadel.device.gauge.phase_lines import GaugeError, bridges
from jusadel.device.material.material import SHAPES, Material
from jusadel.device.tabulated import Sampled
from jusadel.device.units.units import Units
from jusadel.device.vector_potential import electrode_gauge, gauss_points, uniform_field, values_at
from jusadel.mesh.mesh import Mesh
from jusadel.mesh.topology import Topology, checked_edges, checked_regions, edge_rows, frozen
from jusadel.studies.screening.edge_elements import WhitneyField

CONTACT = tuple(f.name for f in fields(Contact))


def packed_device(device: Device, arrays: Arrays) -> dict[str, Any]:
    """The header's part about a device."""
    concrete("the device", device)
    mesh = device.mesh
    return {
        "mesh": {
            "points": arrays.put("points", mesh.points),
            "triangles": arrays.put("triangles", mesh.triangles),
            "regions": {name: arrays.put("region", index) for name, index in mesh.regions.items()},
            "boundaries": {name: arrays.put("boundary", edges) for name, edges in mesh.boundaries.items()},
        },
        "materials": {
            region: {field: _packed_field(mesh, region, material, field, arrays) for field in SHAPES}
            for region, material in device.materials.items()  # type: ignore[union-attr]
        },
        "boundaries": _packed_boundaries(device, arrays),
        "vector_potential": _packed_potential(device, arrays),
        "units": packed_units(device.units),
    }


def device_of(part: Stored) -> Device:
    """The device again, checked as any other, but for a gauge that does not fit: what is in a file was solved in it."""
    mesh = _mesh_of(part["mesh"])
    device = Device(
        mesh=mesh,
        materials={name: _material_of(name, material) for name, material in part["materials"].items()},
        boundaries=_boundaries_of(part["boundaries"]),
        units=stored_units(part),
    )
    potential = _potential_of(part["vector_potential"], mesh)
    try:
        return replace(device, vector_potential=potential)
    except GaugeError as error:
        warnings.warn(f"the file holds a device that would be refused today: {error}", stacklevel=2)
    return Device.unchecked(device.mesh, device.materials, device.boundaries, potential, device.units)


def packed_units(units: Units | None) -> dict[str, float] | None:
    """What Units were made of, for a header."""
    return None if units is None else {name: float(x) for name, x in vars(units).items() if x is not None}


def stored_units(part: Stored) -> Units | None:
    """The Units of a part that has them; files of earlier versions have none."""
    if "units" not in part or part["units"].missing:
        return None
    return Units(**{name: value.number() for name, value in part["units"].items()})


def _table(name: str, where: str, points: Any, values: Any, arrays: Arrays) -> dict[str, Any]:
    """A function of points by its values."""
    return {"points": arrays.put(f"points {where}", points), "values": arrays.put(name, values)}


def _function_of(part: Stored, shape: tuple[int, ...], what: str) -> Sampled:
    points = part["points"].array((None, 2))
    values = part["values"].array((len(points), *shape))
    if not len(points) or not np.isfinite(points).all():
        raise ValueError(f"{part.name} has no points, or some that are not finite")
    return Sampled(points, values, what)


def refuse_unknown(part: Stored, known: Iterable[str]) -> None:
    """Raise ValueError for a name that stands in the file and that we do not know."""
    unknown = [name for name, _ in part.items() if name not in known]
    if unknown:
        raise ValueError(f"{part.name} has the field {unknown[0]!r}, which this version of jusadel does not know")


# --- meshes ------------------------------------------------------------------------------------------


def _mesh_of(part: Stored) -> Mesh:
    """Node for node and in the same order, which building it anew does not keep along doubled lines."""
    points, triangles = part["points"].array((None, 2)), part["triangles"].array((None, 3), "iu").astype(np.int64)
    if not len(triangles) or not np.array_equal(np.unique(triangles), np.arange(len(points))):
        raise ValueError(f"{part.name}: its triangles do not use each of its {len(points)} points")
    if not np.isfinite(points).all():
        raise ValueError(f"{part.name}: its points are not finite")
    regions = {name: index.array((None,), "iu") for name, index in part["regions"].items()}
    boundaries = {name: edges.array((None, 2), "iu").astype(np.int64) for name, edges in part["boundaries"].items()}
    bare = Topology(triangles, {}, {})
    for name, edges in boundaries.items():
        if not len(edges) or edges.min() < 0 or (edge_rows(bare.edges, edges) < 0).any():
            raise ValueError(f"{part.name}: boundary {name!r} is not made of edges of the mesh")
    checked_edges(boundaries, bare)
    mesh = Mesh.unchecked(frozen(points), Topology(triangles, checked_regions(regions, len(triangles)), boundaries))
    if np.min(mesh.areas) <= 0:
        raise ValueError(f"{part.name}: triangle {int(np.argmin(mesh.areas))} is flat or runs clockwise")
    return mesh


# --- materials ---------------------------------------------------------------------------------------


def _packed_field(mesh: Mesh, region: str, material: Material, field: str, arrays: Arrays) -> Any:
    value = getattr(material, field)
    if not callable(value):
        return numbers(field, value)
    rows = mesh.regions[region]
    corners = mesh.triangles[rows].ravel()
    first = np.unique(corners, return_index=True)[1]
    centroids, vertices = mesh.centroids[rows], mesh.points[corners]  # as Device asks for them, to the last digit
    at = [np.asarray(concrete(field, material.at(field, points))) for points in (centroids, vertices)]
    points = np.concatenate([np.asarray(centroids), np.asarray(vertices)[first]])
    return _table(field, "in region", points, np.concatenate([at[0], at[1][first]]), arrays)


def _material_of(region: str, part: Stored) -> Material:
    """A field that an older file lacks has its default."""
    refuse_unknown(part, SHAPES)
    return Material(**{name: _field_of(region, name, part[name]) for name in SHAPES if name in part})


def _field_of(region: str, name: str, part: Stored) -> Any:
    if isinstance(part.tree, dict):
        return _function_of(part, SHAPES[name], f"{name} of region {region!r}")
    return part.numbers()


# --- boundaries --------------------------------------------------------------------------------------


def _packed_boundaries(device: Device, arrays: Arrays) -> dict[str, Any]:
    """By name; one object under several names stays one, as reservoirs that share a node must be."""
    out: dict[str, Any] = {}
    first: dict[int, str] = {}
    for name, boundary in device.boundaries.items():
        if first.setdefault(id(boundary), name) != name:
            out[name] = {"same as": first[id(boundary)]}
            continue
        names = [other for other, b in device.boundaries.items() if b is boundary and other in device.mesh.boundaries]
        nodes = np.unique(np.concatenate([np.zeros(0, int), *(device.mesh.boundary_nodes(other) for other in names)]))
        out[name] = _packed_boundary(boundary, device.mesh.points[nodes], arrays)
    return out


def _packed_boundary(value: Any, points: Any, arrays: Arrays, name: str = "") -> Any:
    """A condition field by field: others in it, pairs of them, words, functions of its points, numbers."""
    if isinstance(value, Boundary):
        packed = {f.name: _packed_boundary(getattr(value, f.name), points, arrays, f.name) for f in fields(value)}
        return {"is": type(value).__name__} | packed
    if isinstance(value, tuple):
        return [_packed_boundary(side, points, arrays, name) for side in value]
    if callable(value):
        return _table(name, "on boundary", points, concrete(name, phase_at(value, points, "a boundary")), arrays)
    return value if isinstance(value, str) else numbers(name, value)


def _boundaries_of(part: Stored) -> dict[str, Boundary]:
    found: dict[str, Boundary] = {}
    for name, condition in part.items():
        if "same as" not in condition:
            found[name] = _boundary_of(name, condition)
            continue
        other = condition["same as"].text()
        if other not in found:
            raise ValueError(f"{condition.name} is the same as {other!r}, which does not come before it")
        found[name] = found[other]
    return found


def _boundary_of(where: str, part: Stored) -> Any:
    """What `_packed_boundary` made; a field that an older file lacks has its default."""
    kind = part["is"].text()
    if kind not in PARTS:
        raise ValueError(f"{part.name} is a {kind!r}, which this version of jusadel does not know")
    known = [f.name for f in fields(PARTS[kind])]
    refuse_unknown(part, ["is", *known])
    return PARTS[kind](**{name: _given_of(where, name, part[name]) for name in known if name in part})


def _given_of(where: str, name: str, part: Stored) -> Any:
    if isinstance(part.tree, dict):
        return _boundary_of(where, part) if "is" in part else _function_of(part, (), f"the {name} at {where!r}")
    if isinstance(part.tree, str):
        return part.text()
    if isinstance(part.tree, list) and all(side is None or isinstance(side, dict) for side in part.tree):
        sides = [side and _boundary_of(where, Stored(side, part.arrays, part.name)) for side in part.tree]
        return tuple(sides[part.tree.index(side)] for side in part.tree)  # those that are alike are one
    return part.numbers()


# --- vector potentials -------------------------------------------------------------------------------


def _packed_potential(device: Device, arrays: Arrays) -> Any:
    potential, mesh = device.vector_potential, device.mesh
    if potential is None:
        return None
    if isinstance(potential, uniform_field):
        given = {"B": numbers("B", potential.B), "gauge": potential.gauge, "center": list(potential.center)}
        return {"is": "uniform_field"} | given
    if isinstance(potential, WhitneyField) and _same_mesh(potential.mesh, mesh):
        stated = {} if potential.stated is None else {"stated": arrays.put("stated_edges", potential.stated)}
        return {"is": "WhitneyField", "edges": arrays.put("edges", potential.edges)} | stated
    points = _points_of_lines(device)
    at = [concrete("vector_potential", values_at(potential, batch)) for batch in points]
    table = _table(
        "vector_potential", "on lines", np.concatenate([np.asarray(p) for p in points]), np.concatenate(at), arrays
    )
    return {"is": "electrode_gauge", "of": table} if isinstance(potential, electrode_gauge) else table


def _same_mesh(one: Mesh, other: Mesh) -> bool:
    return one.topology == other.topology and np.array_equal(one.points, other.points)


def _points_of_lines(device: Device) -> list[Any]:
    """Where line integrals of A are taken: from centroids to corners, along edges, from edges with surface terms."""
    mesh, at = device.mesh, [s for s in edge_sides(device) if s.cells]
    corners, ends = mesh.points[mesh.triangles], mesh.points[mesh.edges]
    lines = [(mesh.centroids[:, None], corners), (ends[:, :1], ends[:, 1:])]
    lines += [(mesh.points[s.edges].mean(axis=1)[:, None], corners[s.triangles]) for s in at]
    if isinstance(device.vector_potential, electrode_gauge):
        between = [bridges(mesh, mesh.boundaries[name]) for name in device.electrodes()]
        lines += [(mesh.points[pairs[:, :1]], mesh.points[pairs[:, 1:]]) for pairs in between if len(pairs)]
    return [gauss_points(*line).reshape(-1, 2) for line in lines]


def _potential_of(part: Stored, mesh: Mesh) -> Any:
    if part.missing:
        return None
    if "is" not in part:
        return _function_of(part, (2,), "the vector potential")
    kind = part["is"].text()
    if kind == "uniform_field":
        x, y = np.ravel(part["center"].numbers())
        return uniform_field(part["B"].numbers(), part["gauge"].text(), (float(x), float(y)))
    if kind == "WhitneyField":
        of_edges = lambda name: part[name].array((len(mesh.edges),))  # noqa: E731
        return WhitneyField(mesh, of_edges("edges"), of_edges("stated") if "stated" in part else None)
    if kind == "electrode_gauge":
        return electrode_gauge(_function_of(part["of"], (2,), "the vector potential"))
    raise ValueError(f"{part.name} is a {kind!r}, which this version of jusadel does not know")


# --- contacts ----------------------------------------------------------------------------------------


def packed_contacts(contacts: Any) -> dict[str, Any]:
    """The header's part about contacts."""
    return {name: {key: numbers(key, getattr(c, key)) for key in CONTACT} for name, c in contacts.items()}


def contacts_of(part: Stored) -> dict[str, Contact]:
    """The contacts again."""
    return {name: Contact(**{key: c[key].numbers() for key in CONTACT if key in c}) for name, c in part.items()}
