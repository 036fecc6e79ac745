"""Devices in the fields that are swept, with normal electrodes where the conductance is measured."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

from jusadel.common.types import Values
from jusadel.device.boundary import Reservoir
from jusadel.device.device import Device
from jusadel.device.vector_potential import electrode_gauge, is_completed, uniform_field


def in_field(device: Device | Callable[[Any], Device], value: Any) -> Device:
    """The device in a further perpendicular field; or what the function of devices returns for the value."""
    if not isinstance(device, Device):
        found = device(value)
        if not isinstance(found, Device):
            raise TypeError(f"device({value!r}) returned {type(found).__name__}; expected a jusadel.Device")
        return found
    if not isinstance(value, jax.core.Tracer) and value == 0:
        return device
    return Device(
        mesh=device.mesh,
        materials=device.materials,
        boundaries=device.boundaries,
        vector_potential=_with_field(device.vector_potential, value),
        units=device.units,
    )


def _with_field(given: Any, B: Any) -> Any:
    if given is None:
        return uniform_field(B)
    further = uniform_field(B, gauge="symmetric")

    def both(points: Values) -> Values:
        return given(points) + further(points)

    return electrode_gauge(both) if is_completed(given) else both


def with_electrodes(device: Device, across: tuple[str, str]) -> Device:
    """The device with normal electrodes on these boundaries, where it has nothing.

    Raises:
        ValueError: no such boundary, or one that is something else.
    """
    missing = [name for name in across if name not in device.electrodes()]
    for name in missing:
        if name not in device.mesh.boundaries:
            raise ValueError(f"across {name!r}, which is no boundary; the mesh has {list(device.mesh.boundaries)}")
        if name in device.boundaries:
            raise ValueError(f"across {name!r}, which is {device.boundaries[name]}; expected an electrode")
    if not missing:
        return device
    return Device(
        mesh=device.mesh,
        materials=device.materials,
        boundaries=dict(device.boundaries) | {name: Reservoir(0.0) for name in missing},
        vector_potential=device.vector_potential,
        units=device.units,
    )
