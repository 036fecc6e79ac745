"""Meshes and devices, to look at before solving."""

from __future__ import annotations

from typing import Any

import numpy as np

from jusadel import device as devices
from jusadel.mesh import Mesh
from jusadel.plot.canvas import COLOURS, mesh_of, plane, triangulation


def mesh(of: Any, ax: Any = None, unit: str = "", edges: bool = True) -> Any:
    """A mesh with its regions in colours, its boundaries as thick lines, and the names of both.

    Args:
        of: what has the mesh.
        ax: matplotlib axes; default a new figure.
        unit: of length.
        edges: whether the triangles' edges are drawn.
    """
    found, ax = mesh_of(of), plane(ax, of, unit)
    _draw_regions(ax, found, edges)
    for k, (name, lines) in enumerate(found.boundaries.items()):
        _draw_boundary(ax, found, lines, COLOURS[-1 - k % len(COLOURS)], name)
    return _with_names(ax)


def device(of: devices.Device, ax: Any = None, unit: str = "") -> Any:
    """A check before solving: materials in colours, boundaries with what they are; unnamed edges are vacuum."""
    ax = plane(ax, of.mesh, unit)
    _draw_regions(ax, of.mesh, False, {name: f"{name}: {_short(m)}" for name, m in of.materials.items()})  # type: ignore[union-attr]
    for k, (name, boundary) in enumerate(of.boundaries.items()):
        lines = of.mesh.boundaries.get(name, np.zeros((0, 2), int))
        _draw_boundary(ax, of.mesh, lines, COLOURS[-1 - k % len(COLOURS)], f"{name}: {_shortened(repr(boundary))}")
    return _with_names(ax)


def _draw_regions(ax: Any, found: Mesh, edges: bool, names: dict[str, str] | None = None) -> None:
    grid, region = triangulation(found), np.asarray(found.region_of_triangle)
    from matplotlib.colors import ListedColormap, to_rgb

    colours = [tuple(0.5 + 0.5 * np.array(to_rgb(COLOURS[k % len(COLOURS)]))) for k in range(len(found.regions))]
    limits = {"vmin": -0.5, "vmax": len(colours) - 0.5}
    line = {"edgecolors": "white", "linewidth": 0.4} if edges else {}
    ax.tripcolor(grid, region.astype(float), cmap=ListedColormap(colours), **limits, **line)
    for colour, name in zip(colours, found.regions, strict=True):
        ax.fill([], [], color=colour, label=(names or {}).get(name, name))


def _draw_boundary(ax: Any, found: Mesh, lines: np.ndarray, colour: str, label: str) -> None:
    from matplotlib.collections import LineCollection

    points = np.asarray(found.points)[np.asarray(lines)]
    ax.add_collection(LineCollection(list(points), colors=colour, linewidths=3, label=label))


def _short(material: Any) -> str:
    """The fields of a material that are not zero."""
    present = []
    for name in ("Tc", "D", "nu", "h", "Gamma", "spin_field", "gamma", "theta", "kappa"):
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


def _with_names(ax: Any) -> Any:
    ax.legend(loc="upper left", bbox_to_anchor=(1.02, 1.0), fontsize="small", frameon=False)
    return ax
