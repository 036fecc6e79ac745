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
    ink,
    length_unit,
    mesh_of,
    plane,
    pyplot,
    raster,
    real_values,
    triangulation,
)
from jusadel.plot.scales import Scale, labelled, quantity_unit

LINES = 21
"""Streamlines that have room beside each other along the longer side: so many that arrowheads do not touch."""
SAME = 1e-9
"""Values that differ by less, relative to the largest, are one."""
SELDOM = 0.01
"""The share of the area that may lie beyond the colours of a current map."""


def field(
    of: Any,
    values: Any = None,
    label: str = "",
    ax: Any = None,
    unit: Unit = "",
    quantity: str | None = None,
    **colours: Any,
) -> Any:
    """A map of a real field. Black lines are barriers, across which it may jump.

    A field that is the same everywhere says so above the picture, and one that vanishes is white.

    Args:
        of: what has the mesh: Mesh, Device, Solution, Spectrum, Flow or Kinetics.
        values: one a node (n,) or one a triangle (m,); default |Delta| of a Solution.
        label: of the colour bar.
        ax: matplotlib axes; default a new figure.
        unit: of length on the axes: the name of the device's own, or (name, how many of it that is), by which the
            coordinates are multiplied, such as ("um", 0.0213). Of a Device with `Units` the default is nm, and "um"
            does too.
        quantity: what the values are, if they are to be shown in the unit of a Device with `Units`: "energy",
            "temperature", "voltage", "current density", "spin density" and so on.
        colours: for matplotlib's tripcolor, such as cmap, vmin, vmax. Values of both signs get a symmetric, diverging
            map, others a sequential one; label="phase" a cyclic one from -pi to pi.

    Raises:
        ValueError: values of another shape, complex, or not finite; a laboratory unit without its number.
    """
    if values is None:
        values, label, quantity = np.abs(np.asarray(of.Delta)), label or r"$|\Delta|$", "energy"
    shown_as = quantity_unit(quantity, of)
    shown, ax = shown_as[0] * real_values(of, values), plane(ax, of, unit)
    shading = "gouraud" if len(shown) == len(mesh_of(of).points) else "flat"
    image = ax.tripcolor(triangulation(of, unit), shown, shading=shading, **_scale(shown, label) | colours)
    colour_bar(ax, image, labelled(label, shown_as))
    if np.ptp(shown) <= SAME * np.abs(shown).max():
        if not np.any(shown):
            image.colorbar.set_ticks([0.0])
        ax.set_title(f"{float(shown[0]):.4g}{' ' * bool(shown_as[1])}{shown_as[1]} everywhere", fontsize="small")
    return ax


def _scale(values: Values, label: str) -> dict[str, Any]:
    if label == "phase":
        return {"cmap": CYCLIC, "vmin": -np.pi, "vmax": np.pi}
    largest = float(np.abs(values).max())
    if not largest or (values.min() < -SAME * largest and values.max() > SAME * largest):
        return {"cmap": DIVERGING, "vmin": -(largest or 1.0), "vmax": largest or 1.0}
    if np.ptp(values) < SAME * largest:  # round-off has no colours
        return {"cmap": SEQUENTIAL, "vmin": min(0.0, 2 * float(values[0])), "vmax": max(0.0, 2 * float(values[0]))}
    return {"cmap": SEQUENTIAL}


def arrows(
    of: Any,
    vectors: Any = None,
    ax: Any = None,
    unit: Unit = "",
    columns: int = 20,
    same_length: bool = False,
    quantity: str | None = None,
    key: bool = True,
) -> Any:
    """Arrows of a vector field, on a grid; default the charge current of a solution, over its modulus.

    That current is what follows from the conserved fluxes, as charge_current(at="nodes"), but one-sided at borders of
    regions, where its component along the border may jump. Its colours leave out what less than one per cent of the
    area would add to them, such as single cells at a sharp corner; the colour bar then ends in an arrow, and arrows
    grow no longer. The key above the picture says how long an arrow is. A CoarseMeshWarning says where the current is
    below the scatter of single triangles: there is only the mesh to see.

    Args:
        of, ax, unit: as in `field`.
        vectors: one a node (n, 2) or one a triangle (m, 2).
        columns: arrows along the longer side.
        same_length: show directions only.
        quantity: of given vectors, as in `field`.
        key: whether there is one.
    """
    corners, shown = _vectors(of, vectors, quantity)
    ax = _modulus(of, corners, ax, unit, shown) if vectors is None else plane(ax, of, unit)
    largest = _limits(of, np.linalg.norm(corners, axis=2))[0]
    points, v = _on_grid(of, corners, columns)
    length = np.linalg.norm(v, axis=1)
    seen = length > 1e-6 * np.nanmax(length)  # False outside the mesh
    points, v, length = points[seen], v[seen], length[seen]
    v = v / length[:, None] if same_length else v * np.minimum(1.0, largest / length)[:, None]
    longest = 1.0 if same_length else largest
    _quiver(ax, length_unit(unit, of)[0] * points, v, longest, columns, shown if key and not same_length else None)
    return ax


def _on_grid(of: Any, corners: Values, columns: int) -> tuple[Values, Values]:
    """Points (k, 2) of a grid, and the vectors there."""
    x, y = (grid.ravel() for grid in np.meshgrid(*raster(of, columns)))
    points = np.stack([x, y], axis=1)
    return points, between_corners(of, corners, points)


HEAD = {"width": 0.0045, "headwidth": 3.6, "headlength": 4.0, "headaxislength": 3.6, "minlength": 0.5}
"""Of arrows, in widths of theirs, and that in widths of the axes."""


def _quiver(ax: Any, points: Values, v: Values, longest: float, columns: int, key: Scale | None) -> None:
    """White arrows with an edge, the longest as long as from one point of the grid to the next; and their key."""
    step = np.ptp(points, axis=0).max() / (columns - 1)
    size: dict[str, Any] = {"angles": "xy", "scale_units": "xy", "scale": longest / (0.95 * step)} | HEAD
    ax.quiver(*points.T, *v.T, pivot="middle", color="white", edgecolor="black", linewidth=0.5, **size)
    if key is not None:
        _key(ax, longest, key, size)


def _key(ax: Any, longest: float, shown: Scale, size: dict[str, Any]) -> None:
    """An arrow of a round length, above the right end of the axes: in their coordinates, as the others are."""
    nice = float(f"{longest:.1g}")
    nice = nice if nice <= longest * (1 + 1e-9) else float(f"{longest / 2:.1g}")
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    above = high + 0.03 * max(high - low, 0.6 * (right - left))
    ax.quiver([right], [above], [nice], [0.0], pivot="tip", color=ink(), clip_on=False, **size)
    text = f"{nice:.6g}{' ' * bool(shown[1])}{shown[1]} "
    ax.text(right - nice / size["scale"], above, text, ha="right", va="center", clip_on=False)
    ax.set_title(ax.get_title() or " ")  # whose room it takes


def streamlines(
    of: Any, vectors: Any = None, ax: Any = None, unit: Unit = "", columns: int = 80, quantity: str | None = None
) -> Any:
    """Lines along a vector field, over a map of its modulus; default the charge current, as in `arrows`.

    Args:
        of, ax, unit: as in `field`.
        vectors: one a node (n, 2) or one a triangle (m, 2).
        columns: points of the grid along the longer side.
        quantity: of given vectors, as in `field`.
    """
    pyplot()
    from matplotlib.patheffects import withStroke

    corners, shown = _vectors(of, vectors, quantity)
    if vectors is None:
        ax = _modulus(of, corners, ax, unit, shown)
    else:
        ax = field(of, np.linalg.norm(np.asarray(vectors), axis=1), "", ax, unit, quantity)
    x, y = raster(of, columns)
    points = np.stack(np.meshgrid(x, y), axis=-1)
    v = between_corners(of, corners, points.reshape(-1, 2)).reshape(points.shape)
    factor = length_unit(unit, of)[0]
    apart = LINES / 30 * np.array([len(x), len(y)]) / max(len(x), len(y))  # as far along x as along y
    density = np.maximum(apart, 2.01 / 30)  # matplotlib counts in thirtieths, and wants two
    drawn = ax.streamplot(
        factor * x, factor * y, v[..., 0], v[..., 1], color="white", linewidth=0.8, arrowsize=0.8, density=density
    )
    drawn.lines.set_path_effects([withStroke(linewidth=2.0, foreground="0.25")])  # seen on bright colours too
    return ax


def _vectors(of: Any, given: Any, quantity: str | None) -> tuple[Values, Scale]:
    """Vectors at the corners of triangles, (m, 3, 2): those given, or the charge current; and how they are shown."""
    if given is None:
        shown, cells = quantity_unit("current density", of), charge_currents_of_cells(of)
        corners = np.asarray(one_sided(of, cells))
        _warn_of_eddies(of, np.asarray(cells)[: len(corners)], corners.mean(axis=1))
        return shown[0] * corners, shown
    shown = quantity_unit(quantity, of)
    return shown[0] * at_corners(of, real_values(of, given, (2,))), shown


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


def _modulus(of: Any, corners: Values, ax: Any, unit: Unit, shown: Scale = (1.0, "")) -> Any:
    """A map of the modulus of a current, (m, 3, 2) at corners, from zero."""
    length, ax = np.linalg.norm(corners, axis=2), plane(ax, of, unit)
    largest, beyond = _limits(of, length)
    grid = triangulation(of, unit, corners=True)
    image = ax.tripcolor(grid, length.ravel(), shading="gouraud", cmap=SEQUENTIAL, vmin=0.0, vmax=largest)
    colour_bar(ax, image, labelled("|j|", shown), extend="max" if beyond else "neither")
    return ax


def _limits(of: Any, length: Values) -> tuple[float, bool]:
    """The largest of the lengths (m, 3) that counts, and whether single cells go beyond it."""
    largest = _largest(length.mean(axis=1), np.asarray(mesh_of(of).areas))
    beyond = bool(length.max() > 1.5 * largest)
    return (largest if beyond and largest else float(length.max()) or 1.0), beyond


def _largest(values: Values, areas: Values) -> float:
    """The largest of the triangles' values (m,) but for the share SELDOM of the area."""
    order = np.argsort(values)[::-1]
    return float(values[order][np.searchsorted(np.cumsum(areas[order]), SELDOM * areas.sum(), side="right")])


def spin_texture(of: Any, spin: Any = None, ax: Any = None, unit: Unit = "", columns: int = 20) -> Any:
    """The spin density: arrows in the plane over the component out of it; default that of a Solution.

    White is no spin out of the plane, on the scale of the whole spin. A texture that is round-off against what the
    energies of the device would polarise is drawn as zero.

    Args:
        of, ax, unit, columns: as in `arrows`.
        spin: one a node (n, 3) or one a triangle (m, 3).
    """
    shown_as = quantity_unit("spin density", of)
    shown = shown_as[0] * real_values(of, spin_density(of) if spin is None else spin, (3,))
    largest = float(np.abs(shown).max())
    if spin is None and largest < SAME * shown_as[0] * _spin_scale(of):
        shown, largest = 0 * shown, 0.0
    limits: dict[str, Any] = {"cmap": DIVERGING, "vmin": -(largest or 1.0), "vmax": largest or 1.0}
    ax = field(of, shown[:, 2], labelled("$S_z$", shown_as), ax, unit, **limits)
    if np.abs(shown[:, :2]).max() > SAME * largest:
        corners = at_corners(of, shown[:, :2])
        points, v = _on_grid(of, corners, columns)
        length = np.linalg.norm(v, axis=1)
        seen = length > 1e-3 * np.nanmax(length)
        longest = float(np.nanmax(length))
        _quiver(ax, length_unit(unit, of)[0] * points[seen], v[seen], longest, columns, shown_as)
    return ax


def _spin_scale(of: Any) -> float:
    """The spin density that the temperature, or a pair potential of this size, would polarise: 2 nu energy."""
    nu = float(np.max(np.asarray(of.device.centroid_field("nu"))))
    Delta = float(np.abs(np.asarray(getattr(of, "Delta", 0.0))).max())
    return 2 * nu * max(float(getattr(of, "T", 0.0)), Delta)
