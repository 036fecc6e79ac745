"""Devices whose numbers JAX is tracing: whether they are, and the same ones without derivatives.

Under `jax.grad` and `jax.jvp` every traced number has a value, which `jax.lax.stop_gradient` gives back; under
`jax.jit` and `jax.vmap` it has none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import partial
from typing import Any

import jax
import numpy as np

from jusadel.action.mesh_action import DiscreteAction
from jusadel.common.differentiability import NotDifferentiableError, is_traced as is_traced, leaf_is_traced
from jusadel.device.boundary import Boundary
from jusadel.device.contact import Contact
from jusadel.device.device import Device
from jusadel.device.material.material import Material
from jusadel.device.tabulated import Sampled
from jusadel.device.vector_potential import electrode_gauge
from jusadel.mesh.mesh import Mesh
from jusadel.solver.states.base import States


@dataclass(frozen=True)
class Slot:
    """Where a number stood that JAX traces, and where its values come later."""

    place: int


@leaf_is_traced.register
def _slot_is_traced(_: Slot) -> bool:
    return True


@leaf_is_traced.register
def _device_is_traced(device: Device) -> bool:
    """Functions of points may close over traced numbers, which only their values show."""
    if is_traced(jax.tree.leaves(device)):
        return True
    inside = device.mesh.points[device.mesh.triangles[:1]].mean(axis=1)  # at a node a field may be singular
    return is_traced([f(inside) for f in _functions(device)])


def still(x: Any) -> Any:
    """The same without derivatives: traced numbers that have a value become this value."""
    return _each_number(_without_derivative, x)


def taken_apart(x: Any) -> tuple[Any, list[Any]]:
    """The same with a `Slot` for each traced number, and these numbers; functions stay as they are."""
    numbers: list[Any] = []

    def taken(number: Any) -> Any:
        if isinstance(number, jax.core.Tracer):
            numbers.append(number)
            return Slot(len(numbers) - 1)
        return number

    return _each_number(taken, x), numbers


def put_together(x: Any, numbers: Sequence[Any]) -> Any:
    """What was taken apart, with other numbers."""
    return _each_number(lambda at: numbers[at.place] if isinstance(at, Slot) else at, x)


def refuse_hidden(function: str, given: Any) -> None:
    """Raise NotDifferentiableError where a function of points of a Device closes over numbers without a value."""
    devices = [x for x in jax.tree.leaves(given, is_leaf=lambda x: isinstance(x, Device)) if isinstance(x, Device)]
    if any(map(_hides, still(devices))):
        raise NotDifferentiableError(
            f"{function} cannot stand inside jax.jit or jax.vmap with a function of points that closes over numbers "
            "traced by JAX, which have no values there: give the field as numbers (Material(D=x), or a map of values), "
            "or call it outside; jax.grad and jax.jvp can be used"
        )


def _each_number(of: Callable[[Any], Any], x: Any) -> Any:
    """The same with another number for each; what several names share stays shared."""
    each = partial(_each_number, of)
    if isinstance(x, Device):
        parts = {name: each(getattr(x, name)) for name in ("mesh", "materials", "boundaries", "vector_potential")}
        found = _rebuilt(Device, parts | {"units": x.units})
        if is_traced(x) and not is_traced(found):
            found.check_gauge()  # its numbers had no values when the device was made
        return found
    if isinstance(x, Mesh):
        return Mesh.unchecked(each(x.points), x.topology)
    if isinstance(x, Material | Boundary | Contact):
        return _rebuilt(type(x), {f.name: each(getattr(x, f.name)) for f in fields(x)})
    if isinstance(x, States):
        stats = {name: value for name, value in x.stats.items() if not is_traced(value)}
        return replace(x, stats=stats, **{f.name: each(getattr(x, f.name)) for f in fields(x) if f.name != "stats"})
    if isinstance(x, DiscreteAction):
        return jax.tree.map(each, x, is_leaf=lambda leaf: isinstance(leaf, Slot))
    if isinstance(x, Mapping):
        known = {id(value): each(value) for value in x.values()}
        return {key: known[id(value)] for key, value in x.items()}
    if isinstance(x, tuple | list):
        values = [each(value) for value in x]
        return type(x)(*values) if hasattr(x, "_fields") else type(x)(values)
    return _each_of_function(of, x) if callable(x) and not isinstance(x, jax.core.Tracer) else of(x)


def _each_of_function(of: Callable[[Any], Any], f: Callable[..., Any]) -> Callable[..., Any]:
    if is_dataclass(f):  # the kind of a vector potential says whether it is completed
        return _rebuilt(type(f), {part.name: _each_number(of, getattr(f, part.name)) for part in fields(f)})
    return (lambda *points: still(f(*points))) if of is _without_derivative else f


def _without_derivative(x: Any) -> Any:
    if not isinstance(x, jax.core.Tracer):
        return x
    value = jax.lax.stop_gradient(x)
    return value if isinstance(value, jax.core.Tracer) else np.asarray(value)


def _rebuilt(kind: type, values: Mapping[str, Any]) -> Any:
    """Without checks: what is valid stays so."""
    new: Any = object.__new__(kind)
    for name, value in values.items():
        object.__setattr__(new, name, value)
    return new


def _hides(device: Device) -> bool:
    """Whether a function of points closes over traced numbers, which are in no field of it either."""
    inside = np.zeros((1, 2)) if is_traced(device.mesh.points) else device.mesh.points[device.mesh.triangles[:1, 0]]
    return is_traced([f(inside) for f in _functions(device) if not is_dataclass(f)])


def _functions(device: Device) -> list[Callable[[Any], Any]]:
    """The fields of a device that are functions of points, but for tables of numbers, which are never traced."""
    A = device.vector_potential
    values: list[Any] = [A.function if isinstance(A, electrode_gauge) else A]
    for material in device.materials.values():  # type: ignore[union-attr]
        values += [getattr(material, f.name) for f in fields(material)]
    values += [getattr(b, "phase", None) for b in (*device.electrodes().values(), *device.boundaries.values())]
    return [v for v in values if callable(v) and not isinstance(v, Sampled)]
