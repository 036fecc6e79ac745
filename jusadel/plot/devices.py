"""Meshes and devices, to look at before solving."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from jusadel.device import device as devices
from jusadel.device.material.material import SHAPES
from jusadel.mesh.mesh import Mesh
from jusadel.mesh.topology import SIDES
from jusadel.plot.canvas import COLOURS, Unit, length_unit, mesh_of, plane, triangulation


def mesh(of: Any, ax: Any = None, unit: Unit = "", edges: bool = True) -> Any:
    """A mesh with its regions in colours, its boundaries as thick lines, and the names of both.

    Args:
        of: what has the mesh.
        ax: matplotlib axes; default a new figure.
        unit: of length, as in `field`.
        edges: whether the triangles' edges are drawn.
    """
    found, inside, ax = mesh_of(of), ax is not None, plane(ax, of, unit)
    _draw_regions(ax, found, edges, unit)
    for k, (name, lines) in enumerate(found.boundaries.items()):
        _draw_boundary(ax, found, lines, COLOURS[-1 - k % len(COLOURS)], name, unit)
    return _with_names(ax, inside)


def device(of: devices.Device, ax: Any = None, unit: Unit = "") -> Any:
    """A check before solving: materials in colours, boundaries with what they are; unnamed edges are vacuum."""
    inside, ax = ax is not None, plane(ax, of.mesh, unit)
    names = {name: f"{name}: {_short(m)}" for name, m in of.materials.items()}  # type: ignore[union-attr]
    _draw_regions(ax, of.mesh, False, unit, names)
    for k, (name, boundary) in enumerate(of.boundaries.items()):
        sides = [of.mesh.boundaries.get(name + side, np.zeros((0, 2), int)) for side in ("", *SIDES[:1])]
        what = f"{name}: {_shortened(_rounded(repr(boundary)))}"
        _draw_boundary(ax, of.mesh, np.concatenate(sides), COLOURS[-1 - k % len(COLOURS)], what, unit)
    return _with_names(ax, inside)


def _draw_regions(ax: Any, found: Mesh, edges: bool, unit: Unit, names: dict[str, str] | None = None) -> None:
    grid, region = triangulation(found, unit), np.asarray(found.region_of_triangle)
    from matplotlib.colors import ListedColormap, to_rgb

    colours = [tuple(0.5 + 0.5 * np.array(to_rgb(COLOURS[k % len(COLOURS)]))) for k in range(len(found.regions))]
    limits = {"vmin": -0.5, "vmax": len(colours) - 0.5}
    line = {"edgecolors": "white", "linewidth": 0.4} if edges else {}
    ax.tripcolor(grid, region.astype(float), cmap=ListedColormap(colours), **limits, **line)
    for colour, name in zip(colours, found.regions, strict=True):
        ax.fill([], [], color=colour, label=(names or {}).get(name, name))


def _draw_boundary(ax: Any, found: Mesh, lines: np.ndarray, colour: str, label: str, unit: Unit) -> None:
    from matplotlib.collections import LineCollection

    points = length_unit(unit)[0] * np.asarray(found.points)[np.asarray(lines)]
    ax.add_collection(LineCollection(list(points), colors=colour, linewidths=3, label=label, zorder=4))


def _short(material: Any) -> str:
    """The fields of a material that are not zero."""
    present = []
    for name in dict.fromkeys(("Tc", "D", "nu", *SHAPES)):
        value = getattr(material, name)
        if callable(value):
            present.append(f"{name}(r)")
        elif np.any(np.asarray(value)):
            present.append(_number(name, np.asarray(value)))
    return _shortened(", ".join(present))


def _number(name: str, value: np.ndarray) -> str:
    isotropic = (
        value.ndim == 2 and value.shape[0] == value.shape[1] and np.allclose(value, value[0, 0] * np.eye(len(value)))
    )
    if value.ndim == 0 or isotropic:
        return f"{name} = {float(value.ravel()[0]):g}"
    return name


def _shortened(text: str, most: int = 60) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _rounded(text: str) -> str:
    """The numbers in a text with five digits at most."""
    return re.sub(r"\d+\.\d+(?:e[+-]?\d+)?", lambda number: f"{float(number[0]):.5g}", text)


def _with_names(ax: Any, inside: bool) -> Any:
    """A legend beside the axes of a figure of our own; inside those that are given, where others may be beside them."""
    if inside:
        ax.legend(loc="best", fontsize="x-small", framealpha=0.8)
    else:
        ax.legend(loc="upper left", bbox_to_anchor=(1.02, 1.0), fontsize="small", frameon=False)
    return ax
