"""What things show at the end of a notebook's cell: what they print, and a thumbnail beside it."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Callable
from typing import Any

import numpy as np

from jusadel.common.differentiability import NotDifferentiableError
from jusadel.corrections.result import Localisation
from jusadel.device import Device
from jusadel.fitting.result import FitResult
from jusadel.mesh.mesh import Mesh
from jusadel.nonequilibrium.flow import Flow
from jusadel.nonequilibrium.kinetic_result import Kinetics
from jusadel.plot.devices import device, mesh
from jusadel.plot.fields import arrows, field
from jusadel.plot.lines import current_phase, fit_history, magnetoconductance
from jusadel.plot.spectra import spectrum
from jusadel.solver import Solution, Spectrum
from jusadel.studies.current_phase.result import CurrentPhaseRelation

Draw = Callable[[Any, Any], Any]
SIZE, DPI = (3.6, 2.7), 100

THUMBNAILS: dict[type, Draw] = {
    Mesh: lambda of, ax: _named_below(mesh(of, ax)),
    Device: lambda of, ax: _named_below(device(of, ax)),
    Solution: lambda of, ax: field(of, ax=ax) if np.any(np.asarray(of.Delta)) else arrows(of, ax=ax),
    Spectrum: lambda of, ax: spectrum(of, ax=ax),
    Flow: lambda of, ax: field(of, of.mu, "potential", ax, quantity="voltage"),
    Kinetics: lambda of, ax: field(of, of.mu, "potential", ax, quantity="voltage"),
    CurrentPhaseRelation: lambda of, ax: current_phase(of, ax=ax),
    FitResult: lambda of, ax: fit_history(of, ax=ax),
    Localisation: lambda of, ax: magnetoconductance(of, ax=ax),
}
"""What is drawn of each kind of thing."""


def _named_below(ax: Any) -> Any:
    """The legend under the picture and not on it, names without the numbers that stand in the text."""
    handles, labels = ax.get_legend_handles_labels()
    names = [label.split(":")[0] for label in labels]
    ax.get_legend().remove()
    ax.figure.legend(handles, names, loc="outside lower center", ncols=4, fontsize="x-small", frameon=False)
    return ax


def for_notebooks(kinds: dict[type, Draw]) -> None:
    """Give each kind the method that notebooks ask for; nothing is drawn, and matplotlib not loaded, before they do."""
    for kind, draw in kinds.items():
        kind._repr_html_ = lambda self, draw=draw: page(self, draw)  # type: ignore[attr-defined]


def page(of: Any, draw: Draw) -> str:
    """HTML of what a thing prints, beside its thumbnail; without one where JAX traces it or matplotlib is missing."""
    text = f'<pre style="margin:0; text-align:left">{html.escape(str(of))}</pre>'
    try:
        picture = f'<img alt="{type(of).__name__}" src="data:image/png;base64,{thumbnail(of, draw)}">'
    except (ImportError, NotDifferentiableError):
        return text
    return f'<div style="display:flex; gap:1em; align-items:center; flex-wrap:wrap">{picture}{text}</div>'


def thumbnail(of: Any, draw: Draw) -> str:
    """The picture as PNG in base64, apart from the figures that the user has open."""
    from matplotlib.figure import Figure

    figure, file = Figure(figsize=SIZE, layout="constrained"), io.BytesIO()
    draw(of, figure.add_subplot())
    figure.savefig(file, format="png", dpi=DPI)
    return base64.b64encode(file.getvalue()).decode()
