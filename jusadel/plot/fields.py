"""Fields on the mesh: colours, arrows, streamlines, spin textures."""

from __future__ import annotations

from typing import Any

import numpy as np

from jusadel.observables import charge_current, spin_density
from jusadel.plot.canvas import (
    CYCLIC,
    DIVERGING,
    SEQUENTIAL,
    Values,
    at_points,
    mesh_of,
    plane,
    raster,
    real_values,
    triangulation,
)


def field(of: Any, values: Any = None, label: str = "", ax: Any = None, unit: str = "", **colours: Any) -> Any:
    """A map of a real field.

    Args:
        of: what has the mesh: Mesh, Device, Solution, Spectrum, Flow or Kinetics.
        values: one a node (n,) or one a triangle (m,); default |Delta| of a Solution.
        label: of the colour bar.
        ax: matplotlib axes; default a new figure.
        unit: of length.
        colours: for matplotlib's tripcolor, such as cmap, vmin, vmax. Values of both signs get a symmetric, diverging
            map, others a sequential one; label="phase" a cyclic one from -pi to pi.

    Raises:
        ValueError: values of another shape, complex, or not finite.
    """
    if values is None:
        values, label = np.abs(np.asarray(of.Delta)), label or r"$|\Delta|$"
    shown, ax = real_values(of, values), plane(ax, of, unit)
    shading = "gouraud" if len(shown) == len(mesh_of(of).points) else "flat"
    image = ax.tripcolor(triangulation(of), shown, shading=shading, **_scale(shown, label) | colours)
    ax.figure.colorbar(image, ax=ax, label=label)
    return ax


def _scale(values: Values, label: str) -> dict[str, Any]:
    if label == "phase":
        return {"cmap": CYCLIC, "vmin": -np.pi, "vmax": np.pi}
    largest = float(np.abs(values).max())
    if values.min() < -1e-9 * largest and values.max() > 1e-9 * largest:
        return {"cmap": DIVERGING, "vmin": -largest, "vmax": largest}
    return {"cmap": SEQUENTIAL}


def arrows(
    of: Any, vectors: Any = None, ax: Any = None, unit: str = "", columns: int = 24, same_length: bool = False
) -> Any:
    """Arrows of a vector field, on a grid; default the charge current of a Solution, over its modulus.

    Args:
        of, ax, unit: as in `field`.
        vectors: one a node (n, 2) or one a triangle (m, 2).
        columns: arrows along the longer side.
        same_length: show directions only.
    """
    if vectors is None:
        vectors = charge_current(of, at="nodes")
        ax = field(of, np.linalg.norm(np.asarray(vectors), axis=1), "|j|", ax, unit)
    shown, ax = real_values(of, vectors, (2,)), plane(ax, of, unit)
    x, y = (grid.ravel() for grid in np.meshgrid(*raster(of, columns)))
    v = at_points(of, shown, np.stack([x, y], axis=1))
    length = np.linalg.norm(v, axis=1)
    seen = length > 1e-6 * np.nanmax(length)  # False outside the mesh
    x, y, v = x[seen], y[seen], v[seen] / (length[seen, None] if same_length else 1)
    ax.quiver(x, y, *v.T, pivot="middle", color="white", edgecolor="black", linewidth=0.4)
    return ax


def streamlines(of: Any, vectors: Any = None, ax: Any = None, unit: str = "", columns: int = 80) -> Any:
    """Lines along a vector field, over a map of its modulus; default the charge current of a Solution.

    Args:
        of, ax, unit: as in `field`.
        vectors: one a node (n, 2) or one a triangle (m, 2).
        columns: points of the grid along the longer side.
    """
    shown = real_values(of, charge_current(of, at="nodes") if vectors is None else vectors, (2,))
    ax = field(of, np.linalg.norm(shown, axis=1), "|j|" if vectors is None else "", ax, unit)
    x, y = raster(of, columns)
    points = np.stack(np.meshgrid(x, y), axis=-1)
    v = at_points(of, shown, points.reshape(-1, 2)).reshape(points.shape)
    ax.streamplot(x, y, v[..., 0], v[..., 1], color="white", linewidth=0.8, density=1.2)
    return ax


def spin_texture(of: Any, spin: Any = None, ax: Any = None, unit: str = "", columns: int = 24) -> Any:
    """The spin density: arrows in the plane over the component out of it; default that of a Solution.

    Args:
        of, ax, unit, columns: as in `arrows`.
        spin: one a node (n, 3) or one a triangle (m, 3).
    """
    shown = real_values(of, spin_density(of) if spin is None else spin, (3,))
    largest = float(np.abs(shown).max()) or 1.0
    ax = field(of, shown[:, 2], "$S_z$", ax, unit, cmap=DIVERGING, vmin=-largest, vmax=largest)
    if np.abs(shown[:, :2]).max() > 1e-9 * largest:
        arrows(of, shown[:, :2], ax, unit, columns)
    return ax
