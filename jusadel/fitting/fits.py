"""fit(): parameters of a differentiable model from data, with error bars."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import jax

from jusadel.common.arguments import is_number
from jusadel.common.differentiability import without_derivatives
from jusadel.common.programs.compilation import compilation_told
from jusadel.common.progress import ProgressOption, reporter
from jusadel.common.types import ArrayLike, Number
from jusadel.fitting.data import Data, measured
from jusadel.fitting.methods import CLOSE, Recorder, Task, by_loss, by_optimizer, by_steps
from jusadel.fitting.model import MODES, FailedPoint, refused_start
from jusadel.fitting.parameters import Range, parameters
from jusadel.fitting.result import DegeneracyWarning, FitError, FitResult, FitWarning

if TYPE_CHECKING:
    import optax

TOL, OPTIMIZER_TOL = 1e-4, 1e-6
MAX_STEPS, MAX_OPTIMIZER_STEPS = 100, 300


@without_derivatives("the covariance of its result says how the data move the parameters")
def fit(
    model: Callable[[dict[str, jax.Array]], Any],
    data: Data | None,
    start: Mapping[str, ArrayLike],
    sigma: Data | None = None,
    *,
    weights: Data | None = None,
    transforms: Mapping[str, Range] | None = None,
    optimizer: optax.GradientTransformation | None = None,
    loss: Callable[[Any, Any], Number] | None = None,
    mode: str | None = None,
    tol: float | None = None,
    max_steps: int | None = None,
    progress: ProgressOption = False,
    throw: bool = True,
) -> FitResult:
    """Fit parameters of a model to data by least squares, with standard errors.

        def model(p):
            device = ju.Device(mesh=mesh, materials=ju.Material(Tc=0.0, Gamma=p["Gamma"]), boundaries=ends)
            return {f"T = {T}": ju.current_phase_relation(device, phases, T).current for T in (0.1, 0.3)}

        result = ju.fit(model, data, start={"Gamma": 0.5}, sigma=0.01, transforms={"Gamma": ju.positive})
        print(result)

    Minimises chi2 = Sum ((data - model)/sigma)^2 by the method of Levenberg and Marquardt with exact derivatives, one
    solve of the model a trial step; where that raises an error or is not finite, the step is taken back and shortened.

    Args:
        model: from {name: number or array} to an array, or a dict of arrays, of the structure of `data`, in JAX. It is
            called outside jit.
        data: real array, or {name of the data set: array}.
        start: {name: number or array}, where the search begins.
        sigma: standard deviations of the data: a number, an array like the data, or {data set: either}. None: unknown,
            the same for all points, and estimated from the scatter about the fit.
        weights: instead of sigma, relative weights >= 0 (1/sigma^2 up to a factor) in the same forms.
        transforms: {name: ju.positive, ju.bounded(low, high), ju.above(low) or ju.below(high)}; start inside.
        optimizer: an optax optimizer such as optax.adam(0.05) instead: for many parameters, or for a `loss`. It moves
            the variables behind the transforms, as a dict by parameter name, and the best point on its way is kept. Its
            learning rate is the step, and max_steps is where it usually ends: `converged` says whether at a minimum.
            None with a line search of its own, which needs the model inside jit: optax.lbfgs(linesearch=None).
        loss: what the optimizer minimises instead of chi2: a function of (what the model returned, data), real and
            differentiable. Then data may be None, and there are no error bars.
        mode: "forward", one linear solve a parameter and step, or "adjoint", one a data point (with an optimizer one
            in all, but the error bars of least squares cost the smaller of the two once). None takes the cheaper one.
        tol: where the search ends: the distance to the minimum of the linearised model in standard errors, 1e-4; with
            an optimizer, the largest slope relative to the largest that was met, 1e-6.
        max_steps: accepted steps; 100, with an optimizer 300.
        progress: as in `solve`, one line an accepted step with the loss and the parameters.
        throw: raise where no minimum was reached; otherwise look at `result.converged`. A descent with an optimizer
            raises only where it is stuck.

    Returns:
        FitResult: .params, .errors, .covariance, .correlation, .chi2, .dof, .prediction, .history, .converged.

    Raises:
        FitError: no minimum: max_steps were not enough, or every trial step failed; error.result is the best point.
        ValueError: bad data, sigma, weights, start, transforms; other shapes from the model than those of the data;
            fewer data than parameters. At the start, also whatever the model raises, with the parameters.

    Warns:
        DegeneracyWarning: the data do not determine a combination of parameters.
        FitWarning: a parameter ended at its bound; no degrees of freedom; an optimizer ended away from the minimum.
    """
    _refuse_bad_options(optimizer, loss, mode, tol, max_steps)
    known, x = parameters(start, transforms)
    tol = tol or (TOL if optimizer is None else OPTIMIZER_TOL)
    longest = int(max_steps or (MAX_STEPS if optimizer is None else MAX_OPTIMIZER_STEPS))
    report = reporter(progress)
    recorder = Recorder(known, "chi2" if loss is None else "loss", report)
    task = Task(model, known, x, mode, tol, longest, recorder)
    try:
        with compilation_told(report):
            if loss is not None:
                _refuse_uncertainties(sigma, weights)
                result = by_loss(task, loss, data, optimizer)
            elif optimizer is not None:
                result = by_optimizer(task, measured(data, sigma, weights), optimizer)
            else:
                result = by_steps(task, measured(data, sigma, weights))
    except FailedPoint as failed:  # anywhere but at the start it is a refused step
        raise refused_start(failed, "the fit", known.shown(x)) from failed.__cause__
    if throw and (result.stuck or (optimizer is None and not result.converged)):
        raise _not_converged(result)
    _warn_of(result, optimizer is not None)
    return result


def _refuse_bad_options(
    optimizer: object, loss: object, mode: str | None, tol: float | None, max_steps: int | None
) -> None:
    if optimizer is not None and not (hasattr(optimizer, "init") and hasattr(optimizer, "update")):
        raise TypeError(f"optimizer is {type(optimizer).__name__}; expected one of optax, such as optax.adam(0.05)")
    if loss is not None and optimizer is None:
        raise ValueError("a loss of its own needs an optimizer, such as optax.adam(0.05): it is no sum of squares")
    if mode is not None and mode not in MODES:
        raise ValueError(f"mode = {mode!r}; expected None, {' or '.join(map(repr, MODES))}")
    if tol is not None and not (is_number(tol) and 0 < tol < 1):
        raise ValueError(f"tol = {tol!r}; expected a number between 0 and 1")
    if max_steps is not None and not (is_number(max_steps, 1) and max_steps == int(max_steps)):
        raise ValueError(f"max_steps = {max_steps!r}; expected a number of steps, 1 or more")


def _refuse_uncertainties(sigma: Data | None, weights: Data | None) -> None:
    if sigma is not None or weights is not None:
        raise ValueError("sigma and weights belong to the sum of squares; put them into the loss")


def _not_converged(result: FitResult) -> FitError:
    error = FitError(f"no minimum was reached: {result.reason}; throw=False returns the best point\n{result}")
    error.result = result
    return error


def _warn_of(result: FitResult, optimizer: bool) -> None:
    """Everything that makes error bars say less than they seem to."""
    if result.chi2 is None:
        return
    texts: list[tuple[str, type[FitWarning]]] = []
    if result.errors is None:
        texts.append(("there are fewer data than parameters, and so no error bars", FitWarning))
    elif result.scaled and not result.dof:
        texts.append(("as many parameters as data: the errors are unknown without sigma", FitWarning))
    if result.at_bound:
        texts.append((f"{', '.join(result.at_bound)} ended at a bound, where error bars have no meaning", FitWarning))
    for what in result.degenerate:
        texts.append((f"the data hardly change along {what}: give data that do, or fix a parameter", DegeneracyWarning))
    if optimizer and result.distance > CLOSE:
        ended = f"the optimizer ended {result.distance:.2g} standard errors from the minimum of the linearised model"
        texts.append((f"{ended}; give it more steps, or go on without it from there", FitWarning))
    for text, kind in texts:
        warnings.warn(text, kind, stacklevel=3)
