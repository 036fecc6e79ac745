"""The density of states: at points, over the plane, along a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jusadel.device.units.shown import with_unit
from jusadel.observables.cuts import point
from jusadel.observables.spectroscopy import density_of_states, mean_density_of_states
from jusadel.plot.canvas import (
    SEQUENTIAL,
    Unit,
    along,
    at_points,
    colour,
    colour_bar,
    crossings,
    length_unit,
    on_line,
    refuse_on_barrier,
    region_at,
)
from jusadel.plot.fields import field
from jusadel.plot.scales import labelled, quantity_unit
from jusadel.solver.spectra import Spectrum


def spectrum(
    spec: Spectrum,
    at: Sequence[Any] | Mapping[str, Any] = (),
    regions: Sequence[str] = (),
    ax: Any = None,
    unit: Unit = "",
) -> Any:
    """The density of states against energy, at points and averaged over regions.

    Args:
        spec: the Spectrum.
        at: points (2,) of the mesh, or places by what the legend calls them, as {"S, middle": (1.0, 0.5)}.
        unit: of the coordinates in the legend, as in `field`.
        regions: names; without points and regions the mean over everything.
        ax: matplotlib axes; default a new figure.

    Raises:
        ValueError: a point outside the mesh, or on a barrier, where there are two densities.
    """
    energy = quantity_unit("energy", spec)
    ax = along(ax, labelled("E", energy), ylabel="density of states / normal state's")
    places = at if isinstance(at, Mapping) else {_place(spec, p, length_unit(unit, spec)): p for p in at}
    curves = {name: _states_at(spec, p) for name, p in places.items()}
    curves |= {f"{name}, mean": np.asarray(mean_density_of_states(spec, name)) for name in regions}
    curves = curves or {"mean": np.asarray(mean_density_of_states(spec))}
    for k, (label, N) in enumerate(curves.items(), start=len(ax.lines)):  # behind those that are there
        ax.plot(energy[0] * np.asarray(spec.energies), N, color=colour(k), label=label)
    ax.legend()
    return ax


def _place(spec: Spectrum, where: Any, unit: tuple[float, str]) -> str:
    """The region of a point and its coordinates, as "S at (120, 40) nm"."""
    x, y = unit[0] * point("at", where)
    name = region_at(spec, where)
    return f"{name}{' ' * bool(name)}at ({x:.4g}, {y:.4g}){unit[1].translate({91: None, 93: None})}"


def _states_at(spec: Spectrum, where: Any) -> np.ndarray:
    place = point("at", where)
    refuse_on_barrier(spec, place)
    found = at_points(spec, np.asarray(density_of_states(spec)).T, place[None])[0]
    if np.isnan(found).any():
        raise ValueError(f"the point {list(where)} is outside the mesh")
    return found


def density_map(spec: Spectrum, energy: float, ax: Any = None, unit: Unit = "", **colours: Any) -> Any:
    """A map of the local density of states at the energy of the spectrum nearest to the given one (a number of the
    code), relative to the normal state's."""
    k = int(np.argmin(np.abs(np.asarray(spec.energies) - energy)))
    N, shown = np.asarray(density_of_states(spec))[k], quantity_unit("energy", spec)
    return field(
        spec, N, f"N(E = {with_unit(spec.energies[k], shown, 4)})", ax, unit, **{"vmin": min(0.0, N.min())} | colours
    )


def density_along(
    spec: Spectrum, start: Any, end: Any, ax: Any = None, unit: Unit = "", samples: int = 200, **colours: Any
) -> Any:
    """The density of states over energy and the distance along the line from start to end, as an image.

    Barriers that the line crosses are white lines.

    Args:
        spec: the Spectrum, with at least two energies, rising.
        start, end: points (2,).
        ax, unit: as in `field`.
        samples: points along the line.
        colours: for matplotlib's pcolormesh.
    """
    energies = np.asarray(spec.energies)
    if len(energies) < 2 or not (np.diff(energies) > 0).all():
        raise ValueError(f"the spectrum has the energies {energies.tolist()}; expected at least two, rising")
    start, end = point("start", start), point("end", end)
    share, N = on_line(spec, np.asarray(density_of_states(spec)).T, start, end, samples, gaps=False)
    (factor, name), shown = length_unit(unit, spec), quantity_unit("energy", spec)
    ax = along(ax, f"distance{name}", ylabel=labelled("E", shown))
    length = factor * np.linalg.norm(end - start)
    distance = share * length
    image = ax.pcolormesh(distance, shown[0] * energies, N.T, shading="nearest", **{"cmap": SEQUENTIAL} | colours)
    for crossed in crossings(spec, start, end):
        ax.axvline(crossed * length, color="white", linewidth=1.2)
    colour_bar(ax, image, "N(E)")
    return ax
