"""Levenberg's and Marquardt's method for models that are expensive and may fail.

The step d minimises |J d + r|^2 + lambda |S d|^2 with the lengths S of J's columns (Marquardt). The damping lambda
follows the gain ratio, actual over predicted decrease (Nielsen), and a step that was refused, because the sum of
squares did not fall or the model has no solution there, is tried again at less than half its length: no solve is spent
on a damping too small to matter. The Jacobian is asked for at accepted points alone.

scipy.optimize.least_squares ("trf", x_scale="jac") in its place takes a tenth fewer solves over the tests of fits
(1,308, not 1,420), but follows directions that the data do not see (which one test forbids), sets out with steps too
short for nine more, ends half of the NIST fits before they are within 1e-7 standard errors, and leaves this file as
long as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import scipy

from jusadel.fitting.model import FailedPoint, ModelPoint

DEGENERATE = 1e-7
"""Singular values of the scaled Jacobian below this part of the largest one are those of directions that the data do
not see: what the derivatives have there is round-off."""
FIRST_DAMPING = 1e-3
LARGEST_DAMPING = 1e30
SHORTER = 0.4
"""A refused step is followed by one of at most this length."""
MOST_REFUSALS = 12
UNRESOLVED = 1e-9
"""A decrease of chi2 by this part, or an rms residual of this part of the data, is beyond what solves resolve."""
EXACT = 1e-12
"""An rms residual of this part of the data is round-off."""
NEAR = 0.01
"""Standard errors from the minimum: a search that gets no further than this has found it."""
ROUNDOFF = 1e-14
"""Part of chi2 that a decrease may be off by."""
SAME = 1e-12
"""Parameters that change by this part stay where they are."""


class Model(Protocol):
    """What is minimised: points from variables x (p,), and the Jacobian (N, p) of their residuals in these."""

    def __call__(self, x: np.ndarray) -> ModelPoint:
        """The point at x."""

    def jacobian(self, point: ModelPoint) -> np.ndarray:
        """Its Jacobian."""


@dataclass(frozen=True, eq=False)
class Minimum:
    """Where the search ended, and why.

    Attributes:
        point: the best point. J: its Jacobian (N, p) in x.
        distance: way to the minimum of the linearised model there, in standard errors.
        converged, reason: whether the search ended at a minimum, and why it ended.
        stuck: whether it ended because no step led further.
        steps, refused: accepted steps, and trial points that were refused.
    """

    point: ModelPoint
    J: np.ndarray
    distance: float
    converged: bool
    stuck: bool
    reason: str
    steps: int
    refused: int


class Linearised:
    """A model, linearised at one point: r + J d for a step d.

    Only the triangular factor R of J and the residual q in its basis are kept: |J d + r|^2 is |R d + q|^2 plus a
    constant.
    """

    def __init__(self, J: np.ndarray, residual: np.ndarray, cap: np.ndarray, metric: np.ndarray | float = 0.0):
        p = J.shape[1]
        triangle: Any = np.linalg.qr(np.column_stack([J, residual]), mode="r")
        self.R, self.q, self.cap = triangle[:p, :p], triangle[:p, p], cap
        lengths = np.linalg.norm(self.R, axis=0)
        self.lengths = np.where(lengths > 0, lengths, 1.0)
        # What was steep stays stiff (More), else parameters run off to where the model is flat; bounds may be reached
        self.metric = np.where(np.isfinite(cap), self.lengths, np.maximum(metric, self.lengths))
        self.full = self.step(0.0)

    def step(self, damping: float) -> np.ndarray:
        """The damped Gauss-Newton step (p,); components that reach their cap stay there, the others make up for it."""
        step, free = np.zeros(len(self.q)), np.ones(len(self.q), bool)
        while free.any():
            U, s, Vt = np.linalg.svd((self.R / self.lengths)[:, free], full_matrices=False)
            seen = s > DEGENERATE * s[0]
            aim = U.T @ (-self.q - self.R[:, ~free] @ step[~free])
            held = np.sqrt(damping) * (self.metric / self.lengths)[free, None] * Vt[seen].T
            both = np.concatenate([np.diag(s[seen]), held]), np.concatenate([aim[seen], np.zeros(len(held))])
            step[free] = Vt[seen].T @ np.linalg.lstsq(*both, rcond=None)[0] / self.lengths[free]
            over = free & (np.abs(step) > self.cap)
            if not over.any():
                break
            step[over] = np.sign(step[over]) * self.cap[over]
            free &= ~over
        return step

    def gain(self, step: np.ndarray) -> float:
        """By how much the sum of squares falls along a step."""
        change = self.R @ step
        return float(-change @ (2 * self.q + change))

    def length(self, step: np.ndarray) -> float:
        """Length of a step in the metric of the damping."""
        return float(np.linalg.norm(self.metric * step))

    @cached_property
    def most(self) -> float:
        """By how much the sum of squares can fall within the caps.

        Where `full` meets a cap it may lead uphill, which does not mean that there is no way down.
        """
        gain = max(self.gain(self.full), 0.0)
        if (np.abs(self.full) < self.cap).all():
            return gain
        box = self.cap * self.lengths
        best = scipy.optimize.lsq_linear(self.R / self.lengths, -self.q, (-box, box)).x / self.lengths
        return max(gain, self.gain(best))

    def distance(self, unit: float) -> float:
        """The way to the minimum, in standard errors of residuals whose square is `unit`."""
        return float(np.sqrt(self.most / unit)) if unit > 0 else np.inf * (self.most > 0)


@dataclass(frozen=True, eq=False)
class _Place:
    """An accepted point with its linearised model, and the damping of the next step."""

    point: ModelPoint
    J: np.ndarray
    linear: Linearised
    damping: float = FIRST_DAMPING

    def shorter(self, step: np.ndarray) -> tuple[np.ndarray, _Place]:
        """The step to try after a refused one, and the same place with its damping."""
        longest, damping = SHORTER * self.linear.length(step), self.damping
        while self.linear.length(new := self.linear.step(damping)) > longest:
            damping = max(2 * damping, 1e-6)
            if damping > LARGEST_DAMPING:
                return np.zeros_like(step), self
        return new, replace(self, damping=damping)


def minimise(
    model: Model,
    x: np.ndarray,
    *,
    cap: np.ndarray,
    unit: Callable[[float], float],
    size: float,
    tol: float,
    max_steps: int,
    accepted: Callable[[ModelPoint, int], None],
) -> Minimum:
    """The least sum of squares that is found downhill from x.

    Args:
        model: points and Jacobians.
        x: start, (p,).
        cap: largest change of each variable in one step, (p,), inf where there is none.
        unit: from chi2 to the square of one standard error of a residual.
        size: chi2 of a model that is zero.
        tol: distance to the minimum that is enough, in standard errors.
        accepted: called with each accepted point, and the number of refused ones before it.

    Raises:
        FailedPoint: no solution at the start.
    """
    place = _placed(model, model(x), cap, 0.0, FIRST_DAMPING)
    accepted(place.point, 0)
    refused, stuck = 0, False
    for steps in range(max_steps + 1):
        distance = place.linear.distance(unit(place.point.chi2))
        reason, following, now = _arrived(place, distance, tol, size), None, 0
        converged = bool(reason)
        if not converged and steps == max_steps:
            reason = f"stopped after max_steps = {max_steps} steps"
        elif not converged:
            following, now, reason = _next(model, place, size)
            stuck = following is None
            converged = stuck and (distance <= NEAR or _unresolved(place, size))
        refused += now
        if following is None:
            break
        place = following
        accepted(place.point, now)
    return Minimum(place.point, place.J, distance, converged, stuck and not converged, reason, steps, refused)


def _placed(model: Model, point: ModelPoint, cap: np.ndarray, metric: np.ndarray | float, damping: float) -> _Place:
    J = model.jacobian(point)
    return _Place(point, J, Linearised(J, point.residual, cap, metric), damping)


def _arrived(place: _Place, distance: float, tol: float, size: float) -> str:
    """Why there is nothing left to do; empty if there is."""
    if place.point.chi2 <= EXACT**2 * size:
        return "the model passes through the data"
    if distance <= tol:
        return f"the minimum is within {tol:g} standard errors"
    scale = np.where(np.isfinite(place.linear.cap), 1.0, np.abs(place.point.x))
    if (np.abs(place.linear.full) <= SAME * scale).all():
        return f"the parameters change by less than {SAME:g} of themselves"
    return ""


def _unresolved(place: _Place, size: float) -> bool:
    """Whether the decrease that is left is lost in the model's own error."""
    return place.linear.most <= UNRESOLVED * place.point.chi2 + UNRESOLVED**2 * size


def _next(model: Model, place: _Place, size: float) -> tuple[_Place | None, int, str]:
    """The next accepted point, the number of refused ones, and why there is none."""
    step, failure = place.linear.step(place.damping), ""
    for refused in range(MOST_REFUSALS):
        while place.linear.gain(step) <= 0:  # caps may turn a step uphill; short ones do not reach them
            step, place = place.shorter(step)
            if not step.any():
                return None, refused, "no step leads downhill in the linearised model"
        try:
            point = model(place.point.x + step)
            fell, roundoff = place.point.chi2 - point.chi2, ROUNDOFF * place.point.chi2
            if fell > -roundoff:
                gain = place.linear.gain(step)
                ratio = min(max(fell / gain, 0.0), 1.0) if gain > roundoff else 1.0
                damping = place.damping * max(1 / 3, 1 - (2 * ratio - 1) ** 3)
                return _placed(model, point, place.linear.cap, place.linear.metric, damping), refused, ""
            failure = ""
        except FailedPoint as error:
            failure = str(error)
        if not failure and _unresolved(place, size):
            return None, refused + 1, "the sum of squares falls by no more than what the model resolves"
        step, place = place.shorter(step)
    return None, MOST_REFUSALS, _stuck(failure)


def _stuck(failure: str) -> str:
    if failure:
        return f"{MOST_REFUSALS} trial steps in a row failed, the last with {failure}"
    return (
        f"the sum of squares did not fall in {MOST_REFUSALS} ever shorter steps downhill: the model is not smooth, or "
        "its derivative is not its own"
    )
