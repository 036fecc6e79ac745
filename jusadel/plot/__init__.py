"""Pictures of devices, solutions and spectra, one call each (extra `plot`: matplotlib, loaded at the first picture).

Every function draws into `ax` (a new figure without one) and returns the axes. Lengths, energies and currents are in
the units of the device; `unit` names that of length on the axes. Colours are safe for colour-blind readers.
"""

from collections.abc import Callable
from typing import Any

from jusadel.plot.devices import device, mesh
from jusadel.plot.fields import arrows, field, spin_texture, streamlines
from jusadel.plot.lines import convergence, current_phase, fit_history, line_cut, magnetoconductance
from jusadel.plot.notebooks import THUMBNAILS, for_notebooks
from jusadel.plot.spectra import density_along, density_map, spectrum

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
]
