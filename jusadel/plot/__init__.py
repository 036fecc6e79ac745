"""Pictures of devices, solutions and spectra, one call each (extra `plot`: matplotlib, loaded at the first picture).

Every function draws into `ax` (a new figure without one) and returns the axes. Lengths, energies and currents are in
nm, meV and uA of a Device with `Units`, else in the units of the device; `unit` names that of length on the axes.
Colours are safe for colour-blind readers; black turns white in a dark style, `plt.style.use("dark_background")`.
"""

from collections.abc import Callable
from typing import Any

from jusadel.plot.animation import animate
from jusadel.plot.devices import device, mesh
from jusadel.plot.fields import arrows, field, spin_texture, streamlines
from jusadel.plot.lines import convergence, current_phase, fit_history, line_cut, magnetoconductance
from jusadel.plot.notebooks import THUMBNAILS, for_notebooks
from jusadel.plot.spectra import density_along, density_map, spectrum
from jusadel.plot.surfaces import surface

for_notebooks(THUMBNAILS)

PICTURES: dict[str, Callable[..., Any]] = {
    "device": lambda sol: device(sol.device),
    "mesh": mesh,
    "gap": field,
    "current": arrows,
    "streamlines": streamlines,
    "spin": spin_texture,
}
"""Pictures of a Solution, by the names that cases have for them."""

__all__ = [
    "animate",
    "arrows",
    "convergence",
    "current_phase",
    "density_along",
    "density_map",
    "device",
    "field",
    "fit_history",
    "line_cut",
    "magnetoconductance",
    "mesh",
    "spectrum",
    "spin_texture",
    "streamlines",
    "surface",
]
