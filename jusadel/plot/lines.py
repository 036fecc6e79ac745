"""Curves: a field along a line, current-phase relations, how a solve or a fit converged."""

from __future__ import annotations

from typing import Any

import numpy as np

from jusadel.corrections.result import Localisation
from jusadel.fitting.result import FitResult
from jusadel.observables.cuts import point
from jusadel.plot.canvas import COLOURS, Unit, along, length_unit, on_line, real_values
from jusadel.studies.current_phase.result import CurrentPhaseRelation


def line_cut(
    of: Any, values: Any, start: Any, end: Any, label: str = "", ax: Any = None, unit: Unit = "", samples: int = 400
) -> Any:
    """A real field against the distance along the straight line from start to end.

    There are gaps where there is no mesh, and where a barrier is crossed, at which fields jump.

    Args:
        of: what has the mesh.
        values: one a node (n,) or one a triangle (m,).
        start, end: points (2,).
        label: of the curve and, first of all, of the axis.
        ax, unit: as in `field`.
        samples: points along the line.
    """
    start, end = point("start", start), point("end", end)
    share, shown = on_line(of, real_values(of, values), start, end, samples)
    ax = along(ax, "distance", unit)
    ax.plot(
        length_unit(unit)[0] * share * np.linalg.norm(end - start), shown, color=_next_colour(ax), label=label or None
    )
    return _named(ax, label)


def current_phase(cpr: CurrentPhaseRelation, label: str = "", ax: Any = None) -> Any:
    """A current-phase relation: what was computed, its interpolation, and both critical currents."""
    phases, ax = np.asarray(cpr.phases, float), along(ax, r"phase difference / $\pi$", ylabel="current")
    colour = _next_colour(ax)
    fine = np.linspace(phases.min(), phases.max(), 400)
    ax.axhline(0, color="0.8", linewidth=0.8, zorder=0)
    ax.plot(fine / np.pi, cpr.current_at(fine), color=colour, label=label or None)
    ax.plot(phases / np.pi, cpr.current, "o", color=colour, markersize=4)
    extrema = np.stack([cpr.critical_phase, np.array(cpr.critical_current) * [1, -1]])
    begin, turns = phases.min(), phases.max() - phases.min() > 2 * np.pi * (1 - 1e-9)
    extrema[0] = begin + (extrema[0] - begin) % (2 * np.pi) if turns else extrema[0]
    seen = np.isfinite(extrema).all(axis=0)
    ax.plot(extrema[0, seen] / np.pi, extrema[1, seen], "x", color="black", markersize=7)
    return _named(ax, label, vertical=False)


def magnetoconductance(found: Localisation, label: str = "", xlabel: str = "B", ax: Any = None) -> Any:
    """The change of a conductance by weak (anti)localisation against the fields, [e^2/h]; zero at zero field."""
    fields = np.asarray(found.fields, float)
    ax = along(ax, xlabel, ylabel=r"change of conductance [$e^2/h$]")
    order = np.argsort(fields)
    ax.axhline(0, color="0.8", linewidth=0.8, zorder=0)
    ax.plot(
        fields[order], np.asarray(found.change)[order], "o-", markersize=3, color=_next_colour(ax), label=label or None
    )
    return _named(ax, label, vertical=False)


def convergence(sol: Any, ax: Any = None) -> Any:
    """Residuals of a Solution or a Spectrum after the last step, per frequency or energy, with the Newton steps."""
    spectral = hasattr(sol, "energies")
    where = np.asarray(sol.energies if spectral else sol.omega)
    ax = along(ax, "E" if spectral else r"$\omega$", ylabel="residual", yscale="log")
    ax.plot(where, np.maximum(sol.stats["residual"], 1e-17), "o", color=COLOURS[0], label="residual")
    bad = ~(sol.converged & sol.stable)
    ax.plot(where[bad], np.maximum(sol.stats["residual"][bad], 1e-17), "x", color=COLOURS[5], label="not certified")
    other = ax.twinx()
    other.plot(where, sol.stats["steps"], "+", color=COLOURS[1])
    other.set_ylabel("Newton steps", color=COLOURS[1])
    if not spectral:
        ax.set_xscale("log")
    ax.legend()
    return ax


def fit_history(result: FitResult, ax: Any = None) -> Any:
    """The loss of a fit and, dashed, its parameters relative to their last values, against the accepted points."""
    ax = along(ax, "accepted points", ylabel="loss")
    ax.plot(result.history.loss, "o-", color=COLOURS[0])
    if (result.history.loss > 0).all():
        ax.set_yscale("log")
    other = ax.twinx()
    columns = np.concatenate([np.reshape(v, (len(v), -1)) for v in result.history.params.values()], axis=1)
    for k, (name, column) in enumerate(zip(result.names, columns.T, strict=True)):
        other.plot(column / (column[-1] or 1.0), "--", color=COLOURS[1 + k % (len(COLOURS) - 1)], label=name)
    other.set_ylabel("parameter / last value")
    other.legend()
    return ax


def _next_colour(ax: Any) -> str:
    return COLOURS[sum(line.get_label()[0] != "_" for line in ax.lines) % len(COLOURS)]


def _named(ax: Any, label: str, vertical: bool = True) -> Any:
    named = [line for line in ax.lines if line.get_label()[0] != "_"]
    if vertical and len(named) == 1:
        ax.set_ylabel(label)
    if len(named) > 1:
        ax.legend()
    return ax
