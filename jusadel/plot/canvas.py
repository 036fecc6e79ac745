"""What all pictures share: matplotlib at the last moment, axes, colours, and fields at any point of a mesh."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from jusadel.concrete import refuse_traced
from jusadel.mesh import Mesh

Values = NDArray[np.float64]

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000")
"""Okabe and Ito: safe for colour-blind readers."""
SEQUENTIAL, DIVERGING, CYCLIC = "cividis", "PuOr", "twilight"


def pyplot() -> Any:
    """matplotlib.pyplot.

    Raises:
        ImportError: matplotlib is missing; says how to install it.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError('plots need matplotlib: python -m pip install "jusadel[plot]"') from error
    return plt


def axes(ax: Any) -> Any:
    """The axes given, or those of a new figure."""
    return pyplot().subplots(layout="constrained")[1] if ax is None else ax


def plane(ax: Any, of: Any, unit: str) -> Any:
    """Axes for a picture of the plane: equal scales, the names of the coordinates, the whole mesh in view."""
    ax = axes(ax)
    ax.set(xlabel=f"x{_in(unit)}", ylabel=f"y{_in(unit)}", aspect="equal")
    low, high = np.asarray(mesh_of(of).points).min(axis=0), np.asarray(mesh_of(of).points).max(axis=0)
    margin = 0.03 * (high - low).max()
    ax.set(xlim=(low[0] - margin, high[0] + margin), ylim=(low[1] - margin, high[1] + margin))
    return ax


def along(ax: Any, quantity: str, unit: str = "", **labels: str) -> Any:
    """Axes for curves over a quantity."""
    ax = axes(ax)
    ax.set(xlabel=f"{quantity}{_in(unit)}", **labels)
    return ax


def _in(unit: str) -> str:
    return f" [{unit}]" if unit else ""


def mesh_of(of: Any) -> Mesh:
    """The mesh of a mesh, a device, a solution or a spectrum.

    Raises:
        TypeError: there is none.
    """
    refuse_traced("plot", "draw what a concrete calculation returns", of=of)
    found = of if isinstance(of, Mesh) else getattr(of, "mesh", None)
    if not isinstance(found, Mesh):
        raise TypeError(
            f"{type(of).__name__} has no mesh; expected a Mesh, Device, Solution, Spectrum, Flow or Kinetics"
        )
    return found


def triangulation(of: Any) -> Any:
    """The mesh as matplotlib wants it."""
    pyplot()
    from matplotlib.tri import Triangulation

    mesh = mesh_of(of)
    x, y = np.asarray(mesh.points).T
    return Triangulation(x, y, mesh.triangles)


def real_values(of: Any, values: Any, components: tuple[int, ...] = ()) -> Values:
    """Values per node or per triangle, (n, ...) or (m, ...), real and finite.

    Raises:
        ValueError: neither a value a node nor one a triangle, complex, or not finite.
    """
    refuse_traced("plot", "draw what a concrete calculation returns", values=values)
    mesh, array = mesh_of(of), np.asarray(values)
    counts = (len(mesh.points), len(mesh.triangles))
    if array.shape not in [(count, *components) for count in counts]:
        expected = " or ".join(str((count, *components)) for count in counts)
        raise ValueError(f"values have shape {array.shape}; expected {expected}: one a node or one a triangle")
    if np.iscomplexobj(array):
        raise ValueError("values are complex; draw their modulus, np.abs, or their phase, np.angle")
    if not np.isfinite(array).all():
        bad = np.argwhere(~np.isfinite(array))[0]
        raise ValueError(
            f"values are not finite, first at {'node' if len(array) == counts[0] else 'triangle'} {bad[0]}"
        )
    return array.astype(float)


def at_points(of: Any, values: Values, points: Any) -> Values:
    """Values at points (k, 2): linear between nodes, constant on triangles; NaN outside the mesh. (k, ...)."""
    grid, points = triangulation(of), np.asarray(points, float)
    inside = grid.get_trifinder()(*points.T)
    if len(values) == len(mesh_of(of).triangles):
        found = values[inside]
    else:
        corners = grid.triangles[inside]
        shares = _barycentric(np.stack([grid.x, grid.y], axis=1)[corners], points)
        found = np.einsum("ki,ki...->k...", shares, values[corners])
    found[inside < 0] = np.nan
    return found


def _barycentric(corners: Values, points: Values) -> Values:
    """Shares (k, 3) of the corners (k, 3, 2) at points (k, 2)."""
    sides = np.stack([corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]], axis=2)
    two = np.linalg.solve(sides, (points - corners[:, 0])[..., None])[..., 0]
    return np.concatenate([1 - two.sum(axis=1, keepdims=True), two], axis=1)


def raster(of: Any, columns: int) -> tuple[Values, Values]:
    """Coordinates x and y of a grid over the mesh, `columns` along its longer side, inside by half a step."""
    points = np.asarray(mesh_of(of).points)
    low, high = points.min(axis=0), points.max(axis=0)
    step = (high - low).max() / columns
    count = np.maximum(np.round((high - low) / step).astype(int), 1)
    middle = [low[k] + (np.arange(count[k]) + 0.5) * (high - low)[k] / count[k] for k in range(2)]
    return middle[0], middle[1]
