"""The density of states: at points, over the plane, along a line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from jusadel.observables.cuts import point
from jusadel.observables.spectroscopy import density_of_states, mean_density_of_states
from jusadel.plot.canvas import (
    COLOURS,
    SEQUENTIAL,
    Unit,
    along,
    at_points,
    colour_bar,
    crossings,
    length_unit,
    on_line,
    refuse_on_barrier,
)
from jusadel.plot.fields import field
from jusadel.solver.spectra import Spectrum


def spectrum(spec: Spectrum, at: Sequence[Any] = (), regions: Sequence[str] = (), ax: Any = None) -> Any:
    """The density of states against energy, at points and averaged over regions.

    Args:
        spec: the Spectrum.
        at: points (2,) of the mesh.
        regions: names; without points and regions the mean over everything.
        ax: matplotlib axes; default a new figure.

    Raises:
        ValueError: a point outside the mesh, or on a barrier, where there are two densities.
    """
    ax = along(ax, "E", ylabel="density of states / normal state's")
    curves = {f"at ({p[0]:g}, {p[1]:g})": _states_at(spec, p) for p in at}
    curves |= {name: np.asarray(mean_density_of_states(spec, name)) for name in regions}
    for k, (label, N) in enumerate((curves or {"mean": np.asarray(mean_density_of_states(spec))}).items()):
        ax.plot(spec.energies, N, color=COLOURS[k % len(COLOURS)], label=label)
    ax.legend()
    return ax


def _states_at(spec: Spectrum, where: Any) -> np.ndarray:
    place = point("at", where)
    refuse_on_barrier(spec, place)
    found = at_points(spec, np.asarray(density_of_states(spec)).T, place[None])[0]
    if np.isnan(found).any():
        raise ValueError(f"the point {list(where)} is outside the mesh")
    return found


def density_map(spec: Spectrum, energy: float, ax: Any = None, unit: Unit = "", **colours: Any) -> Any:
    """A map of the local density of states at the energy of the spectrum nearest to the given one."""
    k = int(np.argmin(np.abs(np.asarray(spec.energies) - energy)))
    N = np.asarray(density_of_states(spec))[k]
    return field(spec, N, f"N(E = {spec.energies[k]:.4g})", ax, unit, **{"vmin": min(0.0, N.min())} | colours)


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
    ax = along(ax, "distance", unit, ylabel="E")
    length = length_unit(unit)[0] * np.linalg.norm(end - start)
    distance = share * length
    image = ax.pcolormesh(distance, energies, N.T, shading="nearest", **{"cmap": SEQUENTIAL} | colours)
    for crossed in crossings(spec, start, end):
        ax.axvline(crossed * length, color="white", linewidth=1.2)
    colour_bar(ax, image, "N(E)")
    return ax
