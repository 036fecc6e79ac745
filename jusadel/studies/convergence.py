"""What the triangles cost: a quantity on meshes that get finer, its order in the mesh size, and its limit."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy

from jusadel.common.differentiability import refuse_traced, without_derivatives
from jusadel.device.device import Device
from jusadel.mesh.mesh import Mesh

ORDERS = (0.1, 12.0)
"""Between these a measured order is believed."""
EXACT = 1e-13
"""Relative differences of this size are round-off."""


class ConvergenceWarning(UserWarning):
    """Values on finer and finer meshes that do not approach a limit."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Convergence:
    """A quantity on finer and finer meshes, and where it is going; print it.

    Attributes:
        values: (k, ...), coarse to fine.
        nodes: (k,) numbers of nodes.
        sizes: (k,) mesh sizes, square roots of the mean area of a triangle [length].
        order: p of value = limit + constant x size^p, measured on the last three, or as it was given. NaN where they do
            not approach a limit, infinite where they do not depend on the mesh.
        estimate: the limit, extrapolated from the last two with this order (Richardson); where there is none, the value
            on the finest mesh.
        error: what the finest mesh is off, |estimate - values[-1]|; where there is no order, the last step.
    """

    values: np.ndarray
    nodes: np.ndarray
    sizes: np.ndarray
    order: float
    estimate: float | np.ndarray
    error: float | np.ndarray

    def __repr__(self) -> str:
        several = self.values.ndim > 1
        rows = [f"{'nodes':>8}  {'size':>10}  {'norm' if several else 'value':>18}  {'step':>10}"]
        norms = np.sqrt((self.values.reshape(len(self.values), -1) ** 2).sum(axis=1)) if several else self.values
        for k, (nodes, size) in enumerate(zip(self.nodes, self.sizes, strict=True)):
            step = f"{np.linalg.norm(self.values[k] - self.values[k - 1]):10.3g}" if k else " " * 10
            rows.append(f"{nodes:8d}  {size:10.4g}  {norms[k]:18.10g}  {step}".rstrip())
        limit = f"norm {np.linalg.norm(self.estimate):.10g}" if several else f"{self.estimate:.10g}"
        rows.append(f"order {self.order:.3g}, limit {limit}, error of the finest {np.linalg.norm(self.error):.2g}")
        return "\n".join(rows)


@without_derivatives("take derivatives on each mesh, inside the function whose values converge")
def converge(
    value_of: Callable[[Any], Any],
    meshes: Mesh | Device | Sequence[Mesh | Device],
    levels: int = 3,
    order: float | None = None,
) -> Convergence:
    """A quantity on finer and finer meshes, its order in the mesh size and its limit (Richardson).

        def current(device):
            sol = ju.solve(device, T=0.1, pair_potential={"S": 1.0})
            return ju.current_through(sol, "left")

        print(ju.converge(current, device, levels=3))

    Args:
        value_of: function of a Mesh or a Device, whatever was given, that returns a real number or an array, whose
            shape must not depend on the mesh. The order of an array is that of the norm of its steps. It is called from
            coarse to fine, so that it may keep its Solution as the `start` on the next mesh.
        meshes: a Mesh or a Device, whose mesh is then refined uniformly (h halved) from level to level, or several,
            from coarse to fine.
        levels: number of meshes where one is given, that one included.
        order: None to measure it, which takes three meshes, or a number; 2 is that of smooth observables.

    Warns:
        ConvergenceWarning: the last three values go to and fro, or their steps do not shrink.

    Raises:
        ValueError: fewer than three meshes (two with `order`), meshes that do not get finer, values of different shapes
            or not finite.
    """
    several = _levels(meshes, levels, 3 if order is None else 2)
    if order is not None and not (np.isfinite(order) and order > 0):
        raise ValueError(f"order = {order}; expected None or a number > 0")
    nodes = np.array([_mesh_of(each).n_nodes for each in several])
    sizes = np.array([_size(_mesh_of(each)) for each in several])
    if not np.all(np.diff(sizes) < 0):
        raise ValueError(f"mesh sizes are {sizes.round(6).tolist()}; expected meshes from coarse to fine")
    values = _stacked([value_of(each) for each in several])
    found = _measured_order(values, sizes) if order is None else float(order)
    limit, error = _extrapolated(values, sizes, found)
    return Convergence(values=values, nodes=nodes, sizes=sizes, order=found, estimate=limit, error=error)


def _levels(meshes: Any, levels: int, least: int) -> list[Any]:
    if isinstance(meshes, Mesh | Device):
        if levels != int(levels) or levels < least:
            raise ValueError(f"levels = {levels}; expected a whole number >= {least}{_remedy(least)}")
        first = meshes
        fine = [_mesh_of(first).refined(k) for k in range(1, int(levels))]
        return [first, *(mesh if isinstance(first, Mesh) else replace(first, mesh=mesh) for mesh in fine)]
    several = list(meshes)
    if len(several) < least:
        raise ValueError(f"{len(several)} meshes; expected at least {least}{_remedy(least)}")
    for each in several:
        if not isinstance(each, Mesh | Device):
            raise TypeError(f"meshes hold a {type(each).__name__}; expected jusadel.Mesh or jusadel.Device")
    return several


def _remedy(least: int) -> str:
    return " (two are enough for a given order, such as order=2)" if least == 3 else ""


def _mesh_of(given: Mesh | Device) -> Mesh:
    return given if isinstance(given, Mesh) else given.mesh


def _size(mesh: Mesh) -> float:
    return float(np.sqrt(np.mean(mesh.areas)))


def _stacked(given: list[Any]) -> np.ndarray:
    refuse_traced("converge", "take derivatives inside the function whose values converge", values=given)
    values = [np.asarray(value) for value in given]
    shapes = [value.shape for value in values]
    if len(set(shapes)) > 1:
        raise ValueError(
            f"the values have shapes {shapes}; expected the same on each mesh: sums, or values at fixed places"
        )
    if values[0].dtype.kind not in "iuf" or not all(np.isfinite(value).all() for value in values):
        raise ValueError(f"the values are not finite real numbers: {[value.tolist() for value in values]!s:.300}")
    return np.stack(values).astype(float)


def _measured_order(values: np.ndarray, sizes: np.ndarray) -> float:
    """The order of the last three values; NaN, with a warning, where there is none."""
    first, last = (step.ravel() for step in np.diff(values[-3:], axis=0))
    one, two = np.linalg.norm(first), np.linalg.norm(last)
    if max(one, two) <= EXACT * np.linalg.norm(values[-1]):
        return np.inf
    h = sizes[-3:] / sizes[-1]

    def ratio(p: float) -> float:
        return float((h[0] ** p - h[1] ** p) / (h[1] ** p - h[2] ** p))

    if first @ last > 0 and ratio(ORDERS[0]) < one / two < ratio(ORDERS[1]):
        return float(scipy.optimize.brentq(lambda p: ratio(p) - one / two, *ORDERS))
    kind = "go to and fro" if first @ last <= 0 else "do not shrink as a power of the mesh size"
    warnings.warn(
        f"the last two steps, {one:.3g} and {two:.3g} at sizes {sizes[-2]:.3g} and {sizes[-1]:.3g}, {kind}: there is "
        "no order to extrapolate with; start from a finer mesh",
        ConvergenceWarning,
        stacklevel=3,
    )
    return np.nan


def _extrapolated(values: np.ndarray, sizes: np.ndarray, order: float) -> tuple[Any, Any]:
    step = values[-1] - values[-2]
    if not np.isfinite(order):
        return values[-1][()], np.abs(step)[()]
    further = step / ((sizes[-2] / sizes[-1]) ** order - 1)
    return (values[-1] + further)[()], np.abs(further)[()]
