"""What a fit found: parameters with error bars, how good they are and how they were reached."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

ROWS = 40
"""Components in a printed table."""


class FitError(RuntimeError):
    """A fit that did not reach a minimum; `result` is how far it came.

    Attributes:
        result: the FitResult that `throw=False` returns.
    """

    result: FitResult | None = None


class FitWarning(UserWarning):
    """Error bars that say less than they seem to."""


class DegeneracyWarning(FitWarning):
    """A combination of parameters that the data do not determine."""


@dataclass(frozen=True, eq=False)
class History:
    """The accepted points of a fit, the start first.

    Attributes:
        loss: chi2, or the loss that was given, (k,).
        params: {name: (k, ...)}.
        refused: trial points refused before each, (k,).
    """

    loss: np.ndarray
    params: dict[str, np.ndarray]
    refused: np.ndarray

    def __len__(self) -> int:
        return len(self.loss)


@dataclass(frozen=True, kw_only=True, eq=False)
class FitResult:
    """The outcome of `fit`; print it for a table. p parameters in all, counted by component, N data points.

    Where a loss other than the sum of squares was minimised, or the data are fewer than the parameters, there are no
    error bars: errors, covariance and correlation are None.

    Attributes:
        params: {name: number or array}, the structure of the start.
        errors: their standard errors, in the same structure; inf where the data do not determine a parameter, NaN where
            a bound stops it.
        names: a name for each component, (p,), such as "Gamma" or "gamma[0, 1]".
        covariance: (p, p) [units of the parameters].
        correlation: (p, p), between -1 and 1.
        chi2: sum of ((data - model)/sigma)^2, or of weight (data - model)^2; None for another loss.
        dof: degrees of freedom, N - p less those at a bound.
        scaled: whether sigma was unknown and the errors are scaled with the root of chi2/dof.
        prediction: what the model says, in the structure of the data.
        loss: the loss at `params`: chi2, unless another one was given.
        history: the accepted points.
        steps, refused: accepted steps, and trial points that were refused, each with one solve of the model.
        converged, reason: whether the search ended at a minimum, and why it ended.
        stuck: whether it ended because no step led further.
        distance: way to the minimum of the linearised model, in standard errors; NaN where there are none.
        degenerate: combinations of parameters that the data do not determine, as text.
        at_bound: names of the parameters that a bound stops.
    """

    params: dict[str, float | np.ndarray]
    errors: dict[str, float | np.ndarray] | None
    names: tuple[str, ...]
    covariance: np.ndarray | None = field(repr=False)
    correlation: np.ndarray | None = field(repr=False)
    chi2: float | None
    dof: int | None
    scaled: bool
    prediction: Any = field(repr=False)
    loss: float
    history: History = field(repr=False)
    steps: int
    refused: int
    converged: bool
    stuck: bool
    reason: str
    distance: float
    degenerate: tuple[str, ...]
    at_bound: tuple[str, ...]

    @property
    def reduced_chi2(self) -> float:
        """chi2/dof; near one where the model is right and sigma too. NaN without degrees of freedom."""
        return self.chi2 / self.dof if self.chi2 is not None and self.dof else float("nan")

    def __repr__(self) -> str:
        lines = [self._title(), *self._table(), self._ending()]
        lines += [f"not determined by the data: {what}" for what in self.degenerate]
        return "\n".join(lines)

    def _title(self) -> str:
        if self.chi2 is None or self.dof is None:
            return f"Fit: loss = {self.loss:.6g}"
        reduced = f" = {self.reduced_chi2:.3g}" if self.dof else ""
        scaling = ", errors scaled with its root" if self.scaled and self.errors is not None else ""
        return f"Fit: chi2/dof = {self.chi2:.4g}/{self.dof}{reduced}{scaling}"

    def _table(self) -> list[str]:
        width = max(map(len, self.names))
        values = _components(self.params)
        errors = _components(self.errors) if self.errors is not None else [None] * len(values)
        lines = [
            f"  {name:{width}} = {self._entry(name, value, error)}"
            for name, value, error in zip(self.names, values, errors, strict=True)
        ]
        return lines if len(lines) <= ROWS else [*lines[: ROWS - 1], f"  and {len(lines) - ROWS + 1} more"]

    def _entry(self, name: str, value: float, error: float | None) -> str:
        if name in self.at_bound:
            return f"{value:.6g} (at its bound)"
        return with_error(value, error)

    def _ending(self) -> str:
        state = "converged" if self.converged else "not converged"
        near = f", {self.distance:.1g} standard errors from the minimum" if np.isfinite(self.distance) else ""
        return f"{state} in {self.steps} steps ({self.refused} refused){near}: {self.reason}"


def _components(parts: dict[str, float | np.ndarray]) -> list[float]:
    return [float(x) for value in parts.values() for x in np.ravel(value)]


def with_error(value: float, error: float | None) -> str:
    """Value and error with as many digits as two of the error's are worth: "0.3012 +- 0.0043"."""
    if error is None or np.isnan(error):
        return f"{value:.6g}"
    if error == 0 or np.isinf(error):
        return f"{value:.6g} +- {error:g}"
    last = int(np.floor(np.log10(error))) - 1  # place of the error's second digit
    top = int(np.floor(np.log10(max(abs(value), error))))
    if top >= 6 or last < -9:
        return f"{value:.{min(max(top - last, 0), 16)}e} +- {error:.1e}"
    return f"{value:.{max(-last, 0)}f} +- {error:.{max(-last, 0)}f}"
