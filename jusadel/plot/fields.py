"""Fields on the mesh: colours, arrows, streamlines, spin textures."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from jusadel.common.errors import CoarseMeshWarning
from jusadel.observables.densities import charge_currents_of_cells, one_sided, spin_density
from jusadel.plot.canvas import (
    CYCLIC,
    DIVERGING,
    SEQUENTIAL,
    Unit,
    Values,
    at_corners,
    between_corners,
    colour_bar,
    length_unit,
    mesh_of,
    plane,
    pyplot,
    raster,
    real_values,
    triangulation,
)

LINES = 21
"""Streamlines that have room beside each other along the longer side: so many that arrowheads do not touch."""
SELDOM = 0.01
"""The share of the area that may lie beyond the colours of a current map."""


def field(of: Any, values: Any = None, label: str = "", ax: Any = None, unit: Unit = "", **colours: Any) -> Any:
    """A map of a real field. Black lines are barriers, across which it may jump.

    Args:
        of: what has the mesh: Mesh, Device, Solution, Spectrum, Flow or Kinetics.
        values: one a node (n,) or one a triangle (m,); default |Delta| of a Solution.
        label: of the colour bar.
        ax: matplotlib axes; default a new figure.
        unit: of length on the axes: the name of the device's own, or (name, how many of it that is), by which the
            coordinates are multiplied, such as ("nm", units.to_nm(1.0)).
        colours: for matplotlib's tripcolor, such as cmap, vmin, vmax. Values of both signs get a symmetric, diverging
            map, others a sequential one; label="phase" a cyclic one from -pi to pi.

    Raises:
        ValueError: values of another shape, complex, or not finite; a laboratory unit without its number.
    """
    if values is None:
        values, label = np.abs(np.asarray(of.Delta)), label or r"$|\Delta|$"
    shown, ax = real_values(of, values), plane(ax, of, unit)
    shading = "gouraud" if len(shown) == len(mesh_of(of).points) else "flat"
    image = ax.tripcolor(triangulation(of, unit), shown, shading=shading, **_scale(shown, label) | colours)
    colour_bar(ax, image, label)
    return ax


def _scale(values: Values, label: str) -> dict[str, Any]:
    if label == "phase":
        return {"cmap": CYCLIC, "vmin": -np.pi, "vmax": np.pi}
    largest = float(np.abs(values).max())
    if values.min() < -1e-9 * largest and values.max() > 1e-9 * largest:
        return {"cmap": DIVERGING, "vmin": -largest, "vmax": largest}
    return {"cmap": SEQUENTIAL}


def arrows(
    of: Any, vectors: Any = None, ax: Any = None, unit: Unit = "", columns: int = 24, same_length: bool = False
) -> Any:
    """Arrows of a vector field, on a grid; default the charge current of a solution, over its modulus.

    That current is what follows from the conserved fluxes, as charge_current(at="nodes"), but one-sided at borders of
    regions, where its component along the border may jump. Its colours leave out what less than one per cent of the
    area would add to them, such as single cells at a sharp corner; the colour bar then ends in an arrow. A
    CoarseMeshWarning says where the current is below the scatter of single triangles: there is only the mesh to see.

    Args:
        of, ax, unit: as in `field`.
        vectors: one a node (n, 2) or one a triangle (m, 2).
        columns: arrows along the longer side.
        same_length: show directions only.
    """
    corners = _vectors(of, vectors)
    ax = _modulus(of, corners, ax, unit) if vectors is None else plane(ax, of, unit)
    x, y = (grid.ravel() for grid in np.meshgrid(*raster(of, columns)))
    v = between_corners(of, corners, np.stack([x, y], axis=1))
    length = np.linalg.norm(v, axis=1)
    seen = length > 1e-6 * np.nanmax(length)  # False outside the mesh
    factor = length_unit(unit)[0]
    x, y, v = factor * x[seen], factor * y[seen], v[seen] / (length[seen, None] if same_length else 1)
    ax.quiver(x, y, *v.T, pivot="middle", color="white", edgecolor="black", linewidth=0.4)
    return ax


def streamlines(of: Any, vectors: Any = None, ax: Any = None, unit: Unit = "", columns: int = 80) -> Any:
    """Lines along a vector field, over a map of its modulus; default the charge current, as in `arrows`.

    Args:
        of, ax, unit: as in `field`.
        vectors: one a node (n, 2) or one a triangle (m, 2).
        columns: points of the grid along the longer side.
    """
    pyplot()
    from matplotlib.patheffects import withStroke

    corners = _vectors(of, vectors)
    if vectors is None:
        ax = _modulus(of, corners, ax, unit)
    else:
        ax = field(of, np.linalg.norm(np.asarray(vectors), axis=1), "", ax, unit)
    x, y = raster(of, columns)
    points = np.stack(np.meshgrid(x, y), axis=-1)
    v = between_corners(of, corners, points.reshape(-1, 2)).reshape(points.shape)
    factor = length_unit(unit)[0]
    apart = LINES / 30 * np.array([len(x), len(y)]) / max(len(x), len(y))  # as far along x as along y
    density = np.maximum(apart, 2.01 / 30)  # matplotlib counts in thirtieths, and wants two
    drawn = ax.streamplot(
        factor * x, factor * y, v[..., 0], v[..., 1], color="white", linewidth=0.8, arrowsize=0.8, density=density
    )
    drawn.lines.set_path_effects([withStroke(linewidth=2.0, foreground="0.25")])  # seen on bright colours too
    return ax


def _vectors(of: Any, given: Any) -> Values:
    """Vectors at the corners of triangles, (m, 3, 2): those given, or the charge current."""
    if given is None:
        cells = charge_currents_of_cells(of)
        corners = np.asarray(one_sided(of, cells))
        _warn_of_eddies(of, np.asarray(cells)[: len(corners)], corners.mean(axis=1))
        return corners
    return at_corners(of, real_values(of, given, (2,)))


def _warn_of_eddies(of: Any, single: Values, carried: Values) -> None:
    """Warn where the triangles' own currents (m, 2) scatter by more than the conserved ones (m, 2) are."""
    areas = np.asarray(mesh_of(of).areas)
    scatter, size = (float(np.sqrt(areas @ (v**2).sum(axis=1) / areas.sum())) for v in (single - carried, carried))
    if scatter > size:
        warnings.warn(
            f"the current, {size:.2g} in the mean, is below the eddies of the mesh: those of single triangles differ "
            f"from it by {scatter:.2g}; nothing but these may flow: compare with `current_across`, or refine",
            CoarseMeshWarning,
            stacklevel=4,
        )


def _modulus(of: Any, corners: Values, ax: Any, unit: Unit) -> Any:
    """A map of the modulus of a current, (m, 3, 2) at corners, from zero."""
    length, ax = np.linalg.norm(corners, axis=2), plane(ax, of, unit)
    largest = _largest(length.mean(axis=1), np.asarray(mesh_of(of).areas))
    beyond = length.max() > 1.5 * largest
    limits = {"vmin": 0.0, "vmax": largest if beyond else length.max() or 1.0}
    grid = triangulation(of, unit, corners=True)
    image = ax.tripcolor(grid, length.ravel(), shading="gouraud", cmap=SEQUENTIAL, **limits)
    colour_bar(ax, image, "|j|", extend="max" if beyond else "neither")
    return ax


def _largest(values: Values, areas: Values) -> float:
    """The largest of the triangles' values (m,) but for the share SELDOM of the area."""
    order = np.argsort(values)[::-1]
    return float(values[order][np.searchsorted(np.cumsum(areas[order]), SELDOM * areas.sum(), side="right")])


def spin_texture(of: Any, spin: Any = None, ax: Any = None, unit: Unit = "", columns: int = 24) -> Any:
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
