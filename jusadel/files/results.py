"""Results without a device in files: current-phase relations, current-voltage curves, critical temperatures, fits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from jusadel.common.archive import Arrays, concrete
from jusadel.common.stored import Stored
from jusadel.files.devices import packed_units, stored_units
from jusadel.fitting.result import FitResult, History
from jusadel.studies.circuits.current_voltage import CurrentVoltage
from jusadel.studies.current_phase.result import CurrentPhaseRelation
from jusadel.studies.transition.search import CriticalTemperature

Content = dict[str, Any]

CURVE = ("phases", "current", "energy")
MEASURED = ("current", "voltage", "error")
TRANSITION = ("eigenvalue", "slope", "frequencies", "evaluations")
SEARCHED = ("chi2", "dof", "scaled", "loss", "steps", "refused", "converged", "stuck", "reason", "distance")


def _packed_curve(curve: CurrentPhaseRelation, arrays: Arrays) -> tuple[Content, Content]:
    content: Content = {name: arrays.put(name, getattr(curve, name)) for name in CURVE}
    return content | {"units": packed_units(curve.units)}, {"phases": len(curve.phases)}


def _curve_of(part: Stored) -> CurrentPhaseRelation:
    phases = part["phases"].array((None,))
    if not len(phases):
        raise ValueError(f"{part.name} has no phases")
    current, energy = (part[name].array(phases.shape) for name in CURVE[1:])
    return CurrentPhaseRelation(phases, current, energy, stored_units(part))


def _packed_transition(found: CriticalTemperature, arrays: Arrays) -> tuple[Content, Content]:
    content = {name: arrays.any(name, getattr(found, name)) for name in TRANSITION}
    content |= {"T": float(concrete("T", found.T)), "units": packed_units(found.units)}
    content["mode"] = None if found.mode is None else arrays.put("mode", found.mode)
    return content, {"T": content["T"]}


def _transition_of(part: Stored) -> CriticalTemperature:
    return CriticalTemperature(
        T=part["T"].number(),
        mode=None if part["mode"].missing else part["mode"].array((None,), "c"),
        eigenvalue=part["eigenvalue"].any_number(),
        slope=part["slope"].any_number(),
        frequencies=part["frequencies"].whole(),
        evaluations=part["evaluations"].whole(),
        units=stored_units(part),
    )


def _packed_voltages(curve: CurrentVoltage, arrays: Arrays) -> tuple[Content, Content]:
    content = {name: arrays.put(name, getattr(curve, name)) for name in MEASURED}
    return {**content, "photon": curve.photon}, {"currents": len(curve.current), "photon": curve.photon}


def _voltages_of(part: Stored) -> CurrentVoltage:
    current = part["current"].array((None,))
    rest = {name: part[name].array(current.shape) for name in MEASURED[1:]}
    photon = None if part["photon"].missing else part["photon"].number()
    return CurrentVoltage(current=current, photon=photon, **rest)


def _packed_fit(result: FitResult, arrays: Arrays) -> tuple[Content, Content]:
    content = {name: arrays.any(name, getattr(result, name)) for name in SEARCHED}
    content |= {name: arrays.nested(name, getattr(result, name)) for name in ("params", "errors", "prediction")}
    content |= {name: list(getattr(result, name)) for name in ("names", "degenerate", "at_bound")}
    for name in ("covariance", "correlation"):
        matrix = getattr(result, name)
        content[name] = None if matrix is None else arrays.put(name, matrix)
    past = result.history
    content["history"] = {
        "loss": arrays.put("history loss", past.loss),
        "params": {name: arrays.put(f"history {name}", values) for name, values in past.params.items()},
        "refused": arrays.put("history refused", past.refused),
    }
    return content, {"names": content["names"], "chi2": content["chi2"], "dof": content["dof"]}


def _fit_of(part: Stored) -> FitResult:
    names = part["names"].words()
    params = _by_name(part["params"], len(names))
    errors = None if part["errors"].missing else _by_name(part["errors"], len(names))
    if not all(np.isfinite(x).all() for x in params.values()):
        raise ValueError(f"{part.name}, params are not finite")
    if errors is not None and any(np.less(x, 0).any() for x in errors.values()):
        raise ValueError(f"{part.name}, errors are negative")
    square = (len(names),) * 2
    return FitResult(
        params=params,
        errors=errors,
        names=names,
        covariance=None if part["covariance"].missing else part["covariance"].array(square),
        correlation=None if part["correlation"].missing else part["correlation"].array(square),
        chi2=None if part["chi2"].missing else part["chi2"].any_number(),
        dof=None if part["dof"].missing else part["dof"].whole(),
        scaled=part["scaled"].yes(),
        prediction=part["prediction"].nested(),
        loss=part["loss"].any_number(),
        history=_history_of(part["history"]),
        steps=part["steps"].whole(),
        refused=part["refused"].whole(),
        converged=part["converged"].yes(),
        stuck=part["stuck"].yes(),
        reason=part["reason"].text(),
        distance=part["distance"].any_number(),
        degenerate=part["degenerate"].words(),
        at_bound=part["at_bound"].words(),
    )


def _by_name(part: Stored, count: int) -> dict[str, Any]:
    values = part.nested()
    if not isinstance(values, dict) or any(np.asarray(x).dtype.kind not in "fiu" for x in values.values()):
        raise ValueError(f"{part.name} are no numbers by name")
    if sum(np.size(x) for x in values.values()) != count:
        raise ValueError(f"{part.name} are not one for each of the {count} names")
    return values


def _history_of(part: Stored) -> History:
    loss = part["loss"].array((None,))
    params = {name: _rows(values, len(loss)) for name, values in part["params"].items()}
    return History(loss, params, part["refused"].array(loss.shape, "iu"))


def _rows(part: Stored, count: int) -> np.ndarray:
    array = part.any()
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiu" or len(array) != count:
        raise ValueError(f"{part.name} has no {count} rows of numbers")
    return array


RESULTS: dict[str, tuple[type, Callable[..., tuple[Content, Content]], Callable[[Stored], Any]]] = {
    "CurrentPhaseRelation": (CurrentPhaseRelation, _packed_curve, _curve_of),
    "CurrentVoltage": (CurrentVoltage, _packed_voltages, _voltages_of),
    "CriticalTemperature": (CriticalTemperature, _packed_transition, _transition_of),
    "FitResult": (FitResult, _packed_fit, _fit_of),
}
"""As `files.KINDS`."""
