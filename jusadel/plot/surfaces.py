"""A field as a surface over the mesh."""

from __future__ import annotations

from typing import Any

import numpy as np

from jusadel.plot.canvas import SEQUENTIAL, Unit, at_corners, length_unit, mesh_of, pyplot, real_values, triangulation
from jusadel.plot.scales import labelled, quantity_unit

FLAT = 0.45
"""Height of the box over its longer side."""


def surface(
    of: Any,
    values: Any = None,
    label: str = "",
    ax: Any = None,
    unit: Unit = "",
    quantity: str | None = None,
    **colours: Any,
) -> Any:
    """A real field as a surface over the plane; it is cut along barriers, and triangles of constant values are flat.

        plot.surface(sol)                                                                     # |Delta|
        plot.surface(spec, density_of_states(spec)[k], "N(E)")                                # a map of states

    Args:
        of, unit, quantity: as in `field`.
        values: one a node (n,) or one a triangle (m,); default |Delta| of a Solution.
        label: of the upright axis.
        ax: matplotlib axes with projection="3d"; default a new figure.
        colours: for matplotlib's plot_trisurf, such as cmap, vmin, vmax.

    Raises:
        ValueError: as in `field`; axes that are not three-dimensional.
    """
    if values is None:
        values, label, quantity = np.abs(np.asarray(of.Delta)), label or r"$|\Delta|$", "energy"
    shown = quantity_unit(quantity, of)
    height = at_corners(of, shown[0] * real_values(of, values)).ravel()
    ax = _in_space(ax)
    grid, name = triangulation(of, unit, corners=True), length_unit(unit, of)[1]
    look = {"cmap": SEQUENTIAL, "linewidth": 0, "antialiased": False, "shade": False}
    ax.plot_trisurf(grid, height, **look | colours)
    size = np.ptp(np.asarray(mesh_of(of).points), axis=0)
    size = np.maximum(size / size.max(), 0.25)
    ax.set_box_aspect((*size, FLAT), zoom=0.9)
    ax.set(xlabel=f"x{name}", ylabel=f"y{name}", zlabel=labelled(label, shown))
    return ax


def _in_space(ax: Any) -> Any:
    if ax is None:
        return pyplot().subplots(subplot_kw={"projection": "3d"}, figsize=(7.0, 5.0), layout="constrained")[1]
    if getattr(ax, "name", "") != "3d":
        raise ValueError('ax has two dimensions; expected one of plt.subplots(subplot_kw={"projection": "3d"})')
    return ax
