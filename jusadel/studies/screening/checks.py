"""What `solve_screened` refuses."""

from __future__ import annotations

from typing import Any

from jusadel.common.arguments import is_number
from jusadel.device.device import Device

BULK, FILM = "bulk", "film"


def check_screening(device: Device, H: Any, permeability: Any, model: str, thickness: Any) -> None:
    """Raise ValueError unless these make a sample that screens, and a field."""
    check_sample(device, permeability, model, thickness)
    if model == BULK:
        _refuse_superconducting(device)
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


def _refuse_superconducting(device: Device) -> None:
    leads = [name for name, r in device.electrodes().items() if float(r.Delta) > 0]
    if leads:
        raise ValueError(
            f"electrodes {leads} are superconducting: a current through them makes the field outside differ from one "
            "side to the other; make them regions of the mesh"
        )


def _check_film(device: Device, thickness: Any) -> None:
    if not is_number(thickness) or thickness <= 0:
        raise ValueError(f"thickness = {thickness!r}; expected a finite number > 0, the thickness of the film")
    _refuse_superconducting(device)
    if periodic := list(device.periodic()):
        raise ValueError(
            f"boundaries {periodic} are periodic, and a film that repeats itself has currents in all its copies, whose "
            "field is not summed here: mesh a finite film"
        )
