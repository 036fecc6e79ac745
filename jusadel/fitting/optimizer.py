"""Minimisation with an optax optimizer: for many parameters, and for losses that are no sum of squares."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.fitting.model import FailedPoint, failures_named
from jusadel.fitting.parameters import Parameters, traced

if TYPE_CHECKING:
    import optax

GROWTH = 1.2
"""Of the part of its steps that an optimizer may go after one was halved."""
MOST_HALVINGS = 4
"""Times that a step into a failed solve is halved."""


class Sloped(NamedTuple):
    """A loss with its gradient at variables x (p,), and what the model said there."""

    x: np.ndarray
    loss: float
    gradient: np.ndarray
    prediction: Any


class Descended(NamedTuple):
    """The best point of a descent, and how it ended."""

    best: Sloped
    converged: bool
    stuck: bool
    reason: str
    steps: int
    refused: int


Loss = Callable[[jax.Array], tuple[jax.Array, Any]]


def descend(
    loss: Loss,
    parameters: Parameters,
    x: np.ndarray,
    optimizer: optax.GradientTransformation,
    *,
    mode: str,
    tol: float,
    max_steps: int,
    accepted: Callable[[np.ndarray, float, int], None],
) -> Descended:
    """Follow an optimizer's steps in the variables without bounds, by parameter name, and keep the best point.

    A step into a failed solve is halved, and those after it are longer again by and by; where that does not help, the
    optimizer forgets its momentum and begins anew.

    Args:
        loss: from parameters (p,) to a number and what the model said, differentiable.
        mode: "adjoint" or "forward".
        tol: ends the search where the largest slope is below this part of the largest that was met.
        accepted: called with each point, its loss and the number of refused ones before it.

    Raises:
        FailedPoint: no loss at the start.
    """
    import optax  # when it is first needed

    here = best = _sloped(loss, parameters, x, mode)
    accepted(here.x, here.loss, 0)
    optimizer = optax.with_extra_args_support(optimizer)
    state = optimizer.init(_named(parameters, x))
    steps = refused = 0
    steepest, part, fresh = 0.0, 1.0, True
    while steps < max_steps:
        slope = float(np.abs(here.gradient).max())
        steepest = max(steepest, slope)
        if slope <= tol * steepest:
            return Descended(best, True, False, f"the slope fell to {tol:g} of its largest", steps, refused)
        gradient = _named(parameters, here.gradient)
        position = _named(parameters, here.x)
        update, state = optimizer.update(gradient, state, position, value=here.loss, grad=gradient)
        found, now, failure = _reached(loss, parameters, here.x, part * parameters.join(update), mode)
        refused, part = refused + now, min(1.0, GROWTH * part / 2**now)
        if found is not None:
            here, steps, fresh = found, steps + 1, False
            best = min(best, here, key=lambda point: point.loss)
            accepted(here.x, here.loss, now)
        elif fresh:
            return Descended(best, False, True, f"every step downhill failed, the last with {failure}", steps, refused)
        else:
            state, fresh = optimizer.init(position), True
    return Descended(best, False, False, f"took all max_steps = {max_steps} steps", steps, refused)


def _reached(
    loss: Loss, parameters: Parameters, x: np.ndarray, step: np.ndarray, mode: str
) -> tuple[Sloped | None, int, str]:
    """The point after a step, halved as often as necessary; how often; why not at all."""
    failure = ""
    for halvings in range(MOST_HALVINGS + 1):
        try:
            return _sloped(loss, parameters, x + step / 2**halvings, mode), halvings, ""
        except FailedPoint as error:
            failure = str(error)
    return None, MOST_HALVINGS + 1, failure


def _named(parameters: Parameters, vector: np.ndarray) -> dict[str, jax.Array]:
    return parameters.split(jnp.asarray(vector, float))


def _sloped(loss: Loss, parameters: Parameters, x: np.ndarray, mode: str) -> Sloped:
    values = traced(parameters.values(x))
    with failures_named():
        if mode == "adjoint":
            number, pull, prediction = jax.vjp(loss, values, has_aux=True)
            (slope,) = pull(jnp.ones_like(number))
        else:
            number, push, prediction = jax.linearize(loss, values, has_aux=True)
            slope = jax.vmap(push)(jnp.eye(len(values)))
        height, gradient = float(number), np.asarray(slope) * parameters.slope(x)
    if not (np.isfinite(height) and np.isfinite(gradient).all()):
        bad = "" if np.isfinite(gradient).all() else ", and its slope is not finite"
        raise FailedPoint(f"the loss is {height:g}{bad}")
    return Sloped(x, height, gradient, prediction)
