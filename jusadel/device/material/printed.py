"""What a material prints: the fields that are not zero, isotropic tensors as one number."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import jax
import numpy as np

from jusadel.device.units.shown import Scale

PLAIN: Scale = (1.0, "")
"""Of a number that is shown as it is."""


def present(of: Any, names: Iterable[str], shown: Callable[[str], Scale] = lambda name: PLAIN) -> str:
    """The fields of these names that are not zero everywhere, as "h=[0, 0.8, 0], gamma=...", in the units `shown`."""
    values = {name: getattr(of, name) for name in names}
    return ", ".join(f"{name}={in_short(x, shown(name))}" for name, x in values.items() if not_zero(x))


def in_short(value: Any, shown: Scale = PLAIN) -> str:
    """A field in one line, with five digits and its unit; a function of points and what JAX traces by name."""
    if callable(value):
        return "function of points"
    if isinstance(value, jax.core.Tracer):
        return "traced"
    array = shown[0] * np.asarray(value, float)
    if array.ndim == 2 and array.shape[0] == array.shape[1] and np.allclose(array, array[0, 0] * np.eye(len(array))):
        array = array[0, 0]
    return f"{_numbers(array.tolist())}{' ' * bool(shown[1])}{shown[1]}"


def _numbers(x: Any) -> str:
    return f"[{', '.join(map(_numbers, x))}]" if isinstance(x, list) else f"{x:.5g}"


def not_zero(value: Any) -> bool:
    """Whether a field is a function of points, traced, or anything but zero."""
    return callable(value) or isinstance(value, jax.core.Tracer) or bool(np.any(np.asarray(value)))


def in_lines(device: Any) -> str:
    """A Device: its mesh, then a line for each material, condition and the vector potential, in its units."""
    one = not isinstance(device.materials, Mapping)
    materials = {"": device.materials} if one else device.materials
    texts = {name: x.printed(device.units) for name, x in (*materials.items(), *device.boundaries.items())}
    lines = [f"{name}: {text}" if name else text for name, text in texts.items()]
    field = [] if device.vector_potential is None else ["in a vector potential"]
    units = [] if device.units is None else [repr(device.units)]
    return "\n  ".join([f"Device: {device.mesh!r}", *lines, *field, *units])
