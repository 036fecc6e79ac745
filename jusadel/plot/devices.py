"""Meshes and devices, to look at before solving."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from jusadel.device import device as devices
from jusadel.device.material.material import SHAPES, unit_of_field
from jusadel.device.units.shown import Scale, with_unit
from jusadel.device.units.units import Units
from jusadel.mesh.topology import SIDES
from jusadel.plot.canvas import COLOURS, Unit, colour, length_unit, mesh_of, plane, triangulation

BELOW: dict[str, Any] = {"loc": "upper center", "bbox_to_anchor": (0.5, 0.0), "borderaxespad": 5.0}
"""Where a legend stands: below the axes and what is written at them."""
SHORT = 26
"""Letters of a name in a legend inside the axes."""


def mesh(of: Any, ax: Any = None, unit: Unit = "", edges: bool = True) -> Any:
    """A mesh with its regions in colours, its boundaries as thick lines, and the names of both.

    Args:
        of: what has the mesh.
        ax: matplotlib axes; default a new figure.
        unit: of length, as in `field`.
        edges: whether the triangles' edges are drawn.
    """
    found, inside, ax = mesh_of(of), ax is not None, plane(ax, of, unit)
    _draw_regions(ax, of, edges, unit)
    for k, (name, lines) in enumerate(found.boundaries.items()):
        _draw_boundary(ax, of, lines, colour(-1 - k), name, unit)
    return _with_names(ax, inside)


def device(of: devices.Device, ax: Any = None, unit: Unit = "") -> Any:
    """A check before solving: materials in colours, boundaries with what they are; unnamed edges are vacuum."""
    inside, ax = ax is not None, plane(ax, of, unit)
    names = {name: f"{name}: {_short(m, of.units)}" for name, m in of.materials.items()}  # type: ignore[union-attr]
    _draw_regions(ax, of, False, unit, names)
    for k, (name, boundary) in enumerate(of.boundaries.items()):
        sides = [of.mesh.boundaries.get(name + side, np.zeros((0, 2), int)) for side in ("", *SIDES[:1])]
        what = f"{name}: {_shortened(_rounded(boundary.printed(of.units)))}"
        _draw_boundary(ax, of, np.concatenate(sides), colour(-1 - k), what, unit)
    return _with_names(ax, inside)


def _draw_regions(ax: Any, of: Any, edges: bool, unit: Unit, names: dict[str, str] | None = None) -> None:
    found, grid = mesh_of(of), triangulation(of, unit)
    region = np.asarray(found.region_of_triangle)
    from matplotlib.colors import ListedColormap, to_rgb

    colours = [tuple(0.5 + 0.5 * np.array(to_rgb(COLOURS[k % len(COLOURS)]))) for k in range(len(found.regions))]
    limits = {"vmin": -0.5, "vmax": len(colours) - 0.5}
    line = {"edgecolors": "white", "linewidth": 0.4} if edges else {}
    ax.tripcolor(grid, region.astype(float), cmap=ListedColormap(colours), **limits, **line)
    for shade, name in zip(colours, found.regions, strict=True):
        ax.fill([], [], color=shade, label=(names or {}).get(name, name))


def _draw_boundary(ax: Any, of: Any, lines: np.ndarray, shade: str, label: str, unit: Unit) -> None:
    from matplotlib.collections import LineCollection

    points = length_unit(unit, of)[0] * np.asarray(mesh_of(of).points)[np.asarray(lines)]
    ax.add_collection(LineCollection(list(points), colors=shade, linewidths=3, label=label, zorder=4))


def _short(material: Any, units: Units | None) -> str:
    """The fields of a material that are not zero."""
    present = []
    for name in dict.fromkeys(("Tc", "D", "nu", *SHAPES)):
        value = getattr(material, name)
        if callable(value):
            present.append(f"{name}(r)")
        elif np.any(np.asarray(value)):
            present.append(_number(name, np.asarray(value), unit_of_field(units, name)))
    return _shortened(", ".join(present))


def _number(name: str, value: np.ndarray, shown: Scale) -> str:
    isotropic = (
        value.ndim == 2 and value.shape[0] == value.shape[1] and np.allclose(value, value[0, 0] * np.eye(len(value)))
    )
    if value.ndim == 0 or isotropic:
        return f"{name} = {with_unit(value.ravel()[0], shown)}"
    return name


def _shortened(text: str, most: int = 90) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _rounded(text: str) -> str:
    """The numbers in a text with five digits at most."""
    return re.sub(r"\d+\.\d+(?:e[+-]?\d+)?", lambda number: f"{float(number[0]):.5g}", text)


def _with_names(ax: Any, inside: bool) -> Any:
    """A legend below the axes of a figure of our own, which grows by it; inside those that are given, where others may
    be beside them."""
    handles, names = ax.get_legend_handles_labels()
    if inside:
        short = [_shortened(name, SHORT) for name in names]
        ax.legend(handles=handles, labels=short, loc="best", fontsize="x-small", framealpha=0.8)
        return ax
    columns = 1 if max(map(len, names)) > 20 else min(len(names), 4)
    legend = ax.legend(handles=handles, labels=names, ncols=columns, fontsize="small", frameon=False, **BELOW)
    _make_room(ax.figure, legend)
    return ax


def _make_room(figure: Any, legend: Any) -> None:
    """Let the figure grow by a legend below its axes, which keep their size."""
    legend.set_in_layout(False)
    width, height = figure.get_size_inches()
    figure.draw_without_rendering()
    wide, high = legend.get_window_extent().size / figure.dpi + [0.1, 0.35]
    figure.set_size_inches(max(width, wide + 1.0), height + high)
    figure.get_layout_engine().set(rect=(0.0, high / (height + high), 1.0, height / (height + high)))
