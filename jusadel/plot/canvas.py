"""What all pictures share: matplotlib at the last moment, axes, colours, and fields at any point of a mesh."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from jusadel.common.differentiability import refuse_traced
from jusadel.mesh.generator.geometry import distance_to
from jusadel.mesh.mesh import Mesh
from jusadel.mesh.topology import SIDES, split_lines
from jusadel.plot.scales import Unit, length_unit

Values = NDArray[np.float64]

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000")
"""Okabe and Ito: safe for colour-blind readers."""
SEQUENTIAL, DIVERGING, CYCLIC = "cividis", "PuOr", "twilight"

WIDTH, HEIGHTS = 5.0, (2.4, 7.0)
"""Of pictures of the plane [inch]: that of the mesh, and heights of the figure."""
LOW = 2.2
"""Axes that are not as high have few numbers [inch]."""


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


def plane(ax: Any, of: Any, unit: Unit) -> Any:
    """Axes for a picture of the plane: equal scales, the names of the coordinates, the whole mesh in view.

    Lines of doubled nodes, across which fields may jump, are drawn in black.
    """
    factor, name = length_unit(unit, of)
    ax = _of_its_shape(of) if ax is None else ax
    from matplotlib.collections import LineCollection

    ax.set(xlabel=f"x{name}", ylabel=f"y{name}", aspect="equal")
    points = factor * np.asarray(mesh_of(of).points)
    low, high = points.min(axis=0), points.max(axis=0)
    margin = 0.03 * (high - low).max()
    ax.set(xlim=(low[0] - margin, high[0] + margin), ylim=(low[1] - margin, high[1] + margin))
    barriers = barrier_edges(of)
    if len(barriers):
        ax.add_collection(LineCollection(list(points[barriers]), colors="black", linewidths=1.2, zorder=3))
    return ax


def _of_its_shape(of: Any) -> Any:
    """Axes of a new figure that has about the shape of the mesh, so that little of it stays empty."""
    width, height = np.ptp(np.asarray(mesh_of(of).points), axis=0)
    tall = float(np.clip(WIDTH * height / width + 0.9, *HEIGHTS))
    return pyplot().subplots(layout="constrained", figsize=(WIDTH + 1.4, tall))[1]


def ink() -> str:
    """The colour of text: black, or white in a dark style."""
    return str(pyplot().rcParams["text.color"])


def colour(number: int) -> str:
    """One of COLOURS, the last of which is that of text."""
    found = COLOURS[number % len(COLOURS)]
    return ink() if found == "#000000" else found


def colour_bar(ax: Any, image: Any, label: str, extend: str = "neither") -> None:
    """A colour bar beside the axes, as tall as what is drawn in them, with as many numbers as have room."""
    bar = ax.figure.colorbar(image, cax=ax.inset_axes((1.03, 0.0, 0.04, 1.0)), label=label, extend=extend)
    bar.ax.locator_params(nbins=4 if ax.get_window_extent().height < LOW * ax.figure.dpi else 8)


def along(ax: Any, quantity: str, **labels: str) -> Any:
    """Axes for curves over a quantity."""
    ax = axes(ax)
    ax.set(xlabel=quantity, **labels)
    return ax


def barrier_edges(of: Any) -> NDArray[np.int64]:
    """The edges (k, 2) of lines with doubled nodes, each once."""
    boundaries = mesh_of(of).boundaries
    sides = [boundaries[name + SIDES[0]] for name in split_lines(boundaries)]
    return np.concatenate([np.zeros((0, 2), int), *sides])


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


def triangulation(of: Any, unit: Unit = "", corners: bool = False) -> Any:
    """The mesh as matplotlib wants it, in the unit of the axes; with `corners` no two triangles share a node."""
    pyplot()
    from matplotlib.tri import Triangulation

    mesh = mesh_of(of)
    points = length_unit(unit, of)[0] * np.asarray(mesh.points)
    triangles = np.arange(mesh.triangles.size).reshape(-1, 3) if corners else mesh.triangles
    x, y = (points[mesh.triangles.ravel()] if corners else points).T
    return Triangulation(x, y, triangles)


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


def at_corners(of: Any, values: Values) -> Values:
    """Values per node or per triangle, (n, ...) or (m, ...), at the corners of the triangles, (m, 3, ...)."""
    triangles = mesh_of(of).triangles
    return np.repeat(values[:, None], 3, axis=1) if len(values) == len(triangles) else values[triangles]


def at_points(of: Any, values: Values, points: Any) -> Values:
    """Values at points (k, 2): linear between nodes, constant on triangles; NaN outside the mesh. (k, ...)."""
    return between_corners(of, at_corners(of, values), points)


def between_corners(of: Any, values: Values, points: Any) -> Values:
    """As `at_points` from values at the corners, (m, 3, ...): a barrier's two sides keep to themselves."""
    points = np.asarray(points, float)
    inside = _finder(of)(*points.T)
    place = np.asarray(mesh_of(of).points)[mesh_of(of).triangles[inside]]
    found = np.einsum("ki,ki...->k...", _barycentric(place, points), values[inside])
    found[inside < 0] = np.nan
    return found


def region_at(of: Any, where: Any) -> str:
    """The region of a point; "" outside the mesh."""
    inside = int(_finder(of)(*np.asarray(where, float)))
    found = mesh_of(of)
    return "" if inside < 0 else list(found.regions)[int(found.region_of_triangle[inside])]


def _finder(of: Any) -> Any:
    """matplotlib's search for the triangle of a point, which takes no doubled nodes: here they are one."""
    pyplot()
    from matplotlib.tri import Triangulation

    mesh = mesh_of(of)
    points = np.asarray(mesh.points)
    step = 1e-9 * np.ptp(points, axis=0).max()
    _, first, number = np.unique(np.round(points / step), axis=0, return_index=True, return_inverse=True)
    if not len(barrier_edges(of)):
        first = number = np.arange(len(points))
    x, y = points[first].T
    return Triangulation(x, y, number.ravel()[mesh.triangles]).get_trifinder()


def crossings(of: Any, start: Values, end: Values) -> Values:
    """Where the straight line from start to end crosses lines of doubled nodes: shares of its length, sorted."""
    ends = np.asarray(mesh_of(of).points)[barrier_edges(of)] - start
    step = end - start
    side = ends[..., 0] * step[1] - ends[..., 1] * step[0]
    side = np.where(np.abs(side) < 1e-9 * (step @ step), 0.0, side)
    met = side[:, 0] * side[:, 1] <= 0
    met &= side[:, 0] != side[:, 1]  # a line along the barrier does not cross it
    weight = side[met, 0] / (side[met, 0] - side[met, 1])
    place = ends[met, 0] + weight[:, None] * (ends[met, 1] - ends[met, 0])
    share = place @ step / (step @ step)
    return np.unique(np.round(share[(share > 0) & (share < 1)], 9))


def on_line(
    of: Any, values: Values, start: Values, end: Values, samples: int, gaps: bool = True
) -> tuple[Values, Values]:
    """Shares (k,) of the way from start to end and the values there, (k, ...); with `gaps`, NaN where it jumps.

    Raises:
        ValueError: a line that does not meet the mesh.
    """
    share, jumps = np.linspace(0, 1, samples), np.zeros(0)
    if gaps:
        jumps = crossings(of, start, end)
        share = np.unique(np.concatenate([share, jumps, jumps - 1e-7, jumps + 1e-7]).clip(0, 1))
    found = at_points(of, values, start + share[:, None] * (end - start))
    if np.isnan(found).all():
        raise ValueError(f"the line from {start.tolist()} to {end.tolist()} does not meet the mesh")
    found[np.isin(share, jumps)] = np.nan
    return share, found


def refuse_on_barrier(of: Any, place: Values) -> None:
    """Raise ValueError where a point (2,) lies on a line of doubled nodes."""
    points = np.asarray(mesh_of(of).points)
    ends = points[barrier_edges(of)]
    if len(ends) and distance_to(place[None], ends).min() < 1e-9 * np.ptp(points, axis=0).max():
        raise ValueError(
            f"the point {place.tolist()} lies on a barrier, where there is a value on either side: move it to one"
        )


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
