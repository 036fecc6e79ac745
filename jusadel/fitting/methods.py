"""Three ways to fit, by damped Gauss-Newton steps or an optimizer, and the results that they end in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.common.progress import Event, Progress
from jusadel.common.types import Number
from jusadel.fitting.data import Data, Measured, StructureError
from jusadel.fitting.error_bars import at_bound, covariance
from jusadel.fitting.levenberg_marquardt import Linearised, minimise
from jusadel.fitting.model import Differentiated, ModelPoint, chosen_mode
from jusadel.fitting.optimizer import Descended, Loss, descend
from jusadel.fitting.parameters import Parameters, as_given
from jusadel.fitting.result import FitResult, History

if TYPE_CHECKING:
    import optax

LONGEST = 3.0
"""Largest step of the variable behind a bounded parameter: a factor of 20 in a positive one."""
CLOSE = 0.1
"""Standard errors from the minimum where an optimizer has found it: error bars there are those of the minimum."""


@dataclass(eq=False)
class Recorder:
    """The history of a search, as it is made, and its events."""

    known: Parameters
    quantity: str
    report: Progress | None
    rows: list[tuple[float, np.ndarray, int]] = field(default_factory=list)

    def __call__(self, x: np.ndarray, loss: float, refused: int) -> None:
        """Note an accepted point, and the number of refused ones before it."""
        self.rows.append((loss, self.known.values(x), refused))
        if self.report:
            before = f"({refused} refused)" if refused else ""
            detail = f"{self.quantity} = {loss:.6g}: {self.known.shown(x)}"
            self.report(Event("fit", len(self.rows) - 1, None, before, detail))

    def history(self) -> History:
        """Everything so far."""
        loss, values, refused = zip(*self.rows, strict=True)
        return History(np.array(loss), self.known.split(np.array(values)), np.array(refused))


class Task(NamedTuple):
    """What is fitted, from where, and for how long; arguments as in `fit`."""

    model: Callable[[dict[str, jax.Array]], Any]
    known: Parameters
    x: np.ndarray
    mode: str | None
    tol: float
    max_steps: int
    recorder: Recorder

    def differentiated(self, sets: Measured) -> Differentiated:
        """The model's distance from the data as a function of x."""
        mode = chosen_mode(self.mode, len(self.x), len(sets.values))
        return Differentiated(self.model, self.known, sets, mode)

    @property
    def cap(self) -> np.ndarray:
        """The longest step of each variable, (p,)."""
        return np.where(self.known.bounded, LONGEST, np.inf)


class Ending(NamedTuple):
    """How a search ended; attributes as in FitResult."""

    converged: bool
    stuck: bool
    reason: str
    steps: int
    refused: int
    distance: float = float("nan")


# --- the three ways ---------------------------------------------------------------------------------


def by_steps(task: Task, sets: Measured) -> FitResult:
    """Least squares by damped Gauss-Newton steps."""
    count, p = sets.count, len(task.x)
    if count < p:
        raise ValueError(
            f"{count} data points for {p} parameters: there is no unique minimum; give more data, fix parameters in "
            "the model, or give an optimizer"
        )
    found = minimise(
        task.differentiated(sets),
        task.x,
        cap=task.cap,
        unit=lambda chi2: sets.unit(chi2, max(count - p, 1)),
        size=sets.size,
        tol=task.tol,
        max_steps=task.max_steps,
        accepted=lambda point, refused: task.recorder(point.x, point.chi2, refused),
    )
    ending = Ending(found.converged, found.stuck, found.reason, found.steps, found.refused, found.distance)
    return _of_squares(task, sets, found.point, found.J, ending)


def by_optimizer(task: Task, sets: Measured, optimizer: optax.GradientTransformation) -> FitResult:
    """Least squares by an optimizer, then one Jacobian for the error bars."""

    def chi2(values: jax.Array) -> tuple[jax.Array, None]:
        predicted = sets.vector(task.model(task.known.split(values)))
        weighted = jnp.where(sets.inverse > 0, (predicted - sets.values) * sets.inverse, 0.0)
        return jnp.sum(weighted**2), None

    found, function = _descended(task, chi2, optimizer), task.differentiated(sets)
    point, ending = function(found.best.x), Ending(*found[1:])
    if sets.count < len(task.x):
        return _of_squares(task, sets, point, None, ending)
    J = function.jacobian(point)
    unit = sets.unit(point.chi2, max(sets.count - len(task.x), 1))
    distance = Linearised(J, point.residual, task.cap).distance(unit)
    ending = ending._replace(converged=distance <= CLOSE, distance=distance)
    return _of_squares(task, sets, point, J, ending)


def by_loss(
    task: Task, loss: Callable[[Any, Any], Number], data: Data | None, optimizer: optax.GradientTransformation
) -> FitResult:
    """Whatever loss there is, by an optimizer."""

    def number(values: jax.Array) -> tuple[jax.Array, Any]:
        prediction = task.model(task.known.split(values))
        found = loss(prediction, data)
        if jnp.shape(found) or jnp.iscomplexobj(found):
            raise StructureError(
                f"the loss has shape {jnp.shape(found)}, {jnp.result_type(found)}; expected one number"
            )
        return jnp.asarray(found, float), prediction

    found = _descended(task, number, optimizer)
    return _result(task, found.best.x, found.best.loss, found.best.prediction, Ending(*found[1:]))


def _descended(task: Task, loss: Loss, optimizer: optax.GradientTransformation) -> Descended:
    mode = task.mode or "adjoint"
    return descend(
        loss,
        task.known,
        task.x,
        optimizer,
        mode=mode,
        tol=task.tol,
        max_steps=task.max_steps,
        accepted=task.recorder,
    )


# --- results ----------------------------------------------------------------------------------------


def _of_squares(task: Task, sets: Measured, point: ModelPoint, J: np.ndarray | None, ending: Ending) -> FitResult:
    """The result at a point, with error bars from its Jacobian (N, p) in x, where there is one."""
    known, prediction = task.known, sets.as_given(point.predicted)
    given: dict[str, Any] = {"chi2": point.chi2, "scaled": not sets.absolute, "dof": sets.count - len(task.x)}
    if J is None:
        return _result(task, point.x, point.chi2, prediction, ending, **given)
    J = J / known.slope(point.x)
    unit = sets.unit(point.chi2, given["dof"])
    stopped = at_bound(J, point.residual, unit, known.to_bound(point.x))
    if stopped.any():
        given["dof"] += int(stopped.sum())
        unit = sets.unit(point.chi2, given["dof"])
    labels, values = known.labels, known.values(point.x)
    kept = np.nonzero(~stopped)[0]
    found = covariance(J[:, kept], unit, values[kept], tuple(labels[k] for k in kept))
    return _result(
        task,
        point.x,
        point.chi2,
        prediction,
        ending,
        errors=as_given(known.split(_among(found.errors, kept, len(values)))),
        covariance=_among(found.matrix, kept, len(values)),
        correlation=_among(found.correlation, kept, len(values)),
        degenerate=found.degenerate,
        at_bound=tuple(labels[k] for k in np.nonzero(stopped)[0]),
        **given,
    )


def _among(part: np.ndarray, kept: np.ndarray, count: int) -> np.ndarray:
    """A vector or matrix of some parameters as one of all, NaN elsewhere."""
    whole = np.full((count,) * part.ndim, np.nan)
    whole[np.ix_(*(kept,) * part.ndim)] = part
    return whole


def _result(task: Task, x: np.ndarray, loss: float, prediction: Any, ending: Ending, **given: Any) -> FitResult:
    nothing: dict[str, Any] = dict.fromkeys(("errors", "covariance", "correlation", "chi2", "dof"))
    return FitResult(
        params=as_given(task.known.split(task.known.values(x))),
        names=task.known.labels,
        prediction=prediction,
        loss=loss,
        history=task.recorder.history(),
        **ending._asdict(),
        **nothing | {"scaled": False, "degenerate": (), "at_bound": ()} | given,
    )
