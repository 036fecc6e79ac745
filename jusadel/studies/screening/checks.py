"""What `solve_screened` refuses."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from jusadel.common.arguments import is_number
from jusadel.common.errors import CoarseMeshWarning
from jusadel.device.device import Device
from jusadel.studies.screening.leads import check_leads, closed_outlines

BULK, FILM = "bulk", "film"
LONG = 20.0
"""Length over height of triangles at a film's rim, from which the sheet current there is too large by a quarter."""


def check_screening(device: Device, H: Any, permeability: Any, model: str, thickness: Any) -> None:
    """Raise ValueError unless these make a sample that screens, and a field."""
    check_sample(device, permeability, model, thickness)
    if model == BULK:
        check_leads(device)
        if not is_number(H):
            raise ValueError(f"H = {H!r}; expected a finite number, the field along z outside the sample")
    elif not callable(H) and not is_number(H):
        raise ValueError(
            f"H = {H!r}; expected a finite number, the applied field along z, or its vector potential as a function of "
            "points (k, 2) -> (k, 2), such as coil_field(...)"
        )


def check_sample(device: Device, permeability: Any, model: str, thickness: Any) -> None:
    """Raise ValueError unless a field can be found with these."""
    if model not in (BULK, FILM):
        raise ValueError(
            f"model = {model!r}; expected {BULK!r}, nothing depends on z, or {FILM!r}, a thin film with a thickness"
        )
    if not is_number(permeability) or permeability <= 0:
        raise ValueError(f"permeability = {permeability!r}; expected a finite number > 0")
    if model == FILM:
        _check_film(device, thickness)
    elif thickness is not None:
        raise ValueError(f"thickness = {thickness!r} is that of a film: give model={FILM!r} too, or leave it out")


def _check_film(device: Device, thickness: Any) -> None:
    if not is_number(thickness) or thickness <= 0:
        raise ValueError(f"thickness = {thickness!r}; expected a finite number > 0, the thickness of the film")
    if periodic := list(device.periodic()):
        raise ValueError(
            f"boundaries {periodic} are periodic, and a film that repeats itself has currents in all its copies, whose "
            "field is not summed here: mesh a finite film"
        )
    check_leads(device)
    if closed := closed_outlines(device):
        raise ValueError(
            f"the superconducting electrodes {closed} close round the film, through which no field would pass; "
            "expected an insulating edge between their ends, or the electrode as a region of the mesh"
        )


def warn_of_long_rims(device: Device) -> None:
    """Warn of triangles that lie along the rim of a film and are much longer than high."""
    mesh = device.mesh
    ends, own = np.asarray(mesh.points)[mesh.edges], mesh.topology.triangle_edges.reshape(-1, 3)
    is_outer = np.bincount(own.ravel(), minlength=len(ends)) == 1
    lengths = np.where(is_outer, np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1), 0.0)
    ratio = (lengths[own] ** 2).max(axis=1) / (2 * np.asarray(mesh.areas))
    if ratio.max() > LONG:
        worst = np.asarray(mesh.centroids)[ratio.argmax()]
        warnings.warn(
            f"{np.sum(ratio > LONG)} triangles at the rim of the film are more than {LONG:g} times longer than high, "
            f"{ratio.max():.3g} times near {np.round(worst, 3).tolist()}: the sheet current in them, and the field "
            "close to them, are too large (moments and energies are not): make them shorter along the rim",
            CoarseMeshWarning,
            stacklevel=4,
        )
