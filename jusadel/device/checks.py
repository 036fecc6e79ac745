"""What a Device is given, checked: a material for every region, conditions for boundaries that there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jusadel.device.boundary import Boundary
from jusadel.device.material.material import Material
from jusadel.mesh.mesh import Mesh


def checked_materials(materials: Any, regions: list[str]) -> dict[str, Material]:
    """Materials by region, in the order of the regions; anything else is refused."""
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


def checked_boundaries(boundaries: Any, mesh: Mesh) -> dict[str, Boundary]:
    """Conditions by the name of their boundary; unknown names and other things are refused."""
    if not isinstance(boundaries, Mapping):
        raise TypeError(
            f"boundaries is {type(boundaries).__name__}; expected {{name: jusadel.Reservoir(...)}} with names of "
            f"{list(mesh.boundaries)} (leave it out for vacuum everywhere)"
        )
    for name, boundary in boundaries.items():
        doubled = isinstance(boundary, Boundary) and boundary.inner and f"{name}:left" in mesh.boundaries
        if name not in mesh.boundaries and not doubled:
            raise ValueError(f"unknown boundary {name!r}; the mesh has boundaries {list(mesh.boundaries)}")
        if not isinstance(boundary, Boundary) or boundary.scatters:
            raise TypeError(
                f"boundaries[{name!r}] is {type(boundary).__name__}; expected a boundary condition such as "
                "jusadel.Reservoir (leave the name out for vacuum)"
            )
        if boundary.partner is not None:
            _check_partner(name, boundary.partner, boundaries, mesh)
    return dict(boundaries)


def _check_partner(name: str, partner: str, boundaries: Mapping[str, Any], mesh: Mesh) -> None:
    if partner not in mesh.boundaries or partner == name:
        raise ValueError(f"boundary {name!r} is Periodic({partner!r}); expected another one of {list(mesh.boundaries)}")
    if partner in boundaries:
        raise ValueError(
            f"boundary {partner!r} is the partner of {name!r}, which is periodic; it cannot have a condition of its own"
        )
