"""Devices whose numbers JAX is tracing: whether they are, and the same ones without derivatives.

Under `jax.grad` and `jax.jvp` every traced number has a value, which `jax.lax.stop_gradient` gives back; under
`jax.jit` and `jax.vmap` it has none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

import jax
import numpy as np

from jusadel.action.mesh_action import DiscreteAction
from jusadel.common.differentiability import is_traced as is_traced, leaf_is_traced
from jusadel.device.boundary import Boundary
from jusadel.device.device import Device
from jusadel.device.material.material import Material
from jusadel.device.tabulated import Sampled
from jusadel.device.vector_potential import electrode_gauge
from jusadel.mesh.mesh import Mesh
from jusadel.solver.states.base import States


@leaf_is_traced.register
def _device_is_traced(device: Device) -> bool:
    """Functions of points may close over traced numbers, which only their values show."""
    inside = device.mesh.points[device.mesh.triangles[:1]].mean(axis=1)  # at a node a field may be singular
    return is_traced((*jax.tree.leaves(device), [f(inside) for f in _functions(device)]))


def still(x: Any) -> Any:
    """The same without derivatives: traced numbers that have a value become this value."""
    if isinstance(x, Device):
        parts = {name: still(getattr(x, name)) for name in ("mesh", "materials", "boundaries", "vector_potential")}
        found = _rebuilt(Device, parts | {"units": x.units})
        if is_traced(x) and not is_traced(found):
            found.check_gauge()  # its numbers had no values when the device was made
        return found
    if isinstance(x, Mesh):
        return Mesh.unchecked(still(x.points), x.topology)
    if isinstance(x, Material | Boundary):
        return _rebuilt(type(x), {f.name: still(getattr(x, f.name)) for f in fields(x)})
    if isinstance(x, States):
        return replace(x, **{f.name: still(getattr(x, f.name)) for f in fields(x) if f.name != "stats"})
    if isinstance(x, DiscreteAction):
        return jax.tree.map(still, x)
    if isinstance(x, Mapping):
        return {key: still(value) for key, value in x.items()}
    if isinstance(x, tuple | list):
        values = [still(value) for value in x]
        return type(x)(*values) if hasattr(x, "_fields") else type(x)(values)
    if isinstance(x, jax.core.Tracer):
        value = jax.lax.stop_gradient(x)
        return value if isinstance(value, jax.core.Tracer) else np.asarray(value)
    return _still_function(x) if callable(x) else x


def _still_function(f: Callable[..., Any]) -> Callable[..., Any]:
    if is_dataclass(f):  # the kind of a vector potential says whether it is completed
        return _rebuilt(type(f), {part.name: still(getattr(f, part.name)) for part in fields(f)})
    return lambda *points: still(f(*points))


def _rebuilt(kind: type, values: Mapping[str, Any]) -> Any:
    """Without checks: what is valid stays so."""
    new: Any = object.__new__(kind)
    for name, value in values.items():
        object.__setattr__(new, name, value)
    return new


def _functions(device: Device) -> list[Callable[[Any], Any]]:
    """The fields of a device that are functions of points, but for tables of numbers, which are never traced."""
    A = device.vector_potential
    values: list[Any] = [A.function if isinstance(A, electrode_gauge) else A]
    for material in device.materials.values():  # type: ignore[union-attr]
        values += [getattr(material, f.name) for f in fields(material)]
    values += [getattr(b, "phase", None) for b in (*device.electrodes().values(), *device.boundaries.values())]
    return [v for v in values if callable(v) and not isinstance(v, Sampled)]
