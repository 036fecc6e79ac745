"""What a Device is given, checked: a material for every region, conditions for boundaries that there are."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import jax

from jusadel.device.boundary import Boundary
from jusadel.device.material.material import ASKED_TC, UNSTATED_TC, AssumedTcWarning, Material
from jusadel.device.units.units import Units
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


def checked_units(units: Any) -> None:
    """Raise TypeError for anything but None or Units."""
    if units is not None and not isinstance(units, Units):
        raise TypeError(
            f"units is {type(units).__name__}; expected the jusadel.Units from which the numbers of the device are"
        )


def warn_if_Tc_is_missing(materials: Mapping[str, Material]) -> None:
    """Warn of materials without Tc beside a superconductor whose Tc was given."""
    missing = [name for name, material in materials.items() if material.Tc is UNSTATED_TC]
    given = {name: m.Tc for name, m in materials.items() if m.Tc is not UNSTATED_TC and m.Tc is not ASKED_TC}
    known = {name: float(Tc) for name, Tc in given.items() if not callable(Tc) and not isinstance(Tc, jax.core.Tracer)}
    if missing and (len(known) < len(given) or max(known.values(), default=0.0) > 0):
        warnings.warn(
            f"the materials of {missing} have no Tc, beside {list(given)} whose Tc was given, and are taken as "
            "superconductors of Tc = 1; write Tc=0.0 for normal metals, or Tc=1.0 to keep this",
            AssumedTcWarning,
            stacklevel=4,
        )
