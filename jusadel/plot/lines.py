"""Curves: a field along a line, current-phase relations, how a solve or a fit converged."""

from __future__ import annotations

from typing import Any

import numpy as np

from jusadel.corrections.result import Localisation
from jusadel.device.units.shown import CODE
from jusadel.fitting.result import FitResult
from jusadel.observables.cuts import point
from jusadel.plot.canvas import COLOURS, Unit, along, colour, ink, length_unit, on_line, real_values
from jusadel.plot.scales import labelled, quantity_unit, units_of
from jusadel.studies.current_phase.result import CurrentPhaseRelation


def line_cut(
    of: Any,
    values: Any,
    start: Any,
    end: Any,
    label: str = "",
    ax: Any = None,
    unit: Unit = "",
    samples: int = 400,
    quantity: str | None = None,
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
        quantity: as in `field`.
    """
    start, end = point("start", start), point("end", end)
    shown_as, (factor, name) = quantity_unit(quantity, of), length_unit(unit, of)
    share, shown = on_line(of, shown_as[0] * real_values(of, values), start, end, samples)
    ax = along(ax, f"distance{name}")
    distance = factor * share * np.linalg.norm(end - start)
    ax.plot(distance, shown, color=_next_colour(ax), label=label or None)
    return _named(ax, labelled(label, shown_as))


def current_phase(cpr: CurrentPhaseRelation, label: str = "", ax: Any = None) -> Any:
    """A current-phase relation: what was computed, its interpolation, and both critical currents.

    Over the full period where the phases cover it, else between the first and the last of them.
    """
    shown = quantity_unit("current", cpr)
    phases, ax = (
        np.asarray(cpr.phases, float),
        along(ax, r"phase difference / $\pi$", ylabel=labelled("current", shown)),
    )
    own, begin = _next_colour(ax), phases.min()
    fine = np.linspace(begin, begin + 2 * np.pi if cpr.closed else phases.max(), 400)
    ax.axhline(0, color="0.8", linewidth=0.8, zorder=0)
    ax.plot(fine / np.pi, shown[0] * cpr.current_at(fine), color=own, label=label or None)
    ax.plot(phases / np.pi, shown[0] * np.asarray(cpr.current), "o", color=own, markersize=4)
    extrema = np.stack([cpr.critical_phase, shown[0] * np.array(cpr.critical_current) * [1, -1]])
    extrema[0] = begin + (extrema[0] - begin) % (2 * np.pi) if cpr.closed else extrema[0]
    seen = np.isfinite(extrema).all(axis=0)
    ax.plot(extrema[0, seen] / np.pi, extrema[1, seen], "x", color=ink(), markersize=7)
    return _named(ax, label, vertical=False)


def magnetoconductance(
    found: Localisation, label: str = "", xlabel: str = "B", ax: Any = None, quantity: str | None = None
) -> Any:
    """The change of a conductance by weak (anti)localisation, in e^2/h, against the fields; zero at zero field.

    Args:
        found: the Localisation.
        label: of the curve.
        xlabel: of the axis of the fields.
        ax: matplotlib axes; default a new figure.
        quantity: "field" where the fields are perpendicular ones, and not what a function of devices takes, and are to
            be in mT. Without it the axis of a device with Units says that these are the numbers of the code.
    """
    shown = quantity_unit(quantity, found)
    if quantity is None and xlabel == "B" and units_of(found) is not None:
        shown = 1.0, CODE
    fields = shown[0] * np.asarray(found.fields, float)
    ax = along(ax, labelled(xlabel, shown), ylabel=r"change of conductance [$e^2/h$]")
    order = np.argsort(fields)
    ax.axhline(0, color="0.8", linewidth=0.8, zorder=0)
    ax.plot(
        fields[order], np.asarray(found.change)[order], "o-", markersize=3, color=_next_colour(ax), label=label or None
    )
    return _named(ax, label, vertical=False)


def convergence(sol: Any, ax: Any = None) -> Any:
    """Residuals of a Solution or a Spectrum after the last step, per frequency or energy, with the Newton steps."""
    spectral = hasattr(sol, "energies")
    energy = quantity_unit("energy", sol)
    where = energy[0] * np.asarray(sol.energies if spectral else sol.omega)
    ax = along(ax, labelled("E" if spectral else r"$\omega$", energy), ylabel="residual", yscale="log")
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
    return colour(sum(line.get_label()[0] != "_" for line in ax.lines))


def _named(ax: Any, label: str, vertical: bool = True) -> Any:
    named = [line for line in ax.lines if line.get_label()[0] != "_"]
    if vertical and len(named) == 1:
        ax.set_ylabel(label)
    if len(named) > 1:
        ax.legend()
    return ax
