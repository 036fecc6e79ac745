"""A model with its Jacobian at one point of a fit, in forward or adjoint mode, and what counts as a failed solve."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.common.errors import SolveError
from jusadel.fitting.data import Measured, StructureError
from jusadel.fitting.parameters import Parameters, traced

FAILURES = (SolveError, ValueError, ArithmeticError, jax.errors.JaxRuntimeError)
"""What a model may raise where it has no solution; StabilityError is a ValueError."""
BLOCK = 64
"""Tangents or cotangents that go through the model's linearisation together."""
MODES = ("forward", "adjoint")


class FailedPoint(Exception):
    """The model has no value, or no derivative, at a point; the cause is the reason."""


@dataclass(frozen=True, eq=False)
class ModelPoint:
    """A model at parameters that it could be solved for.

    Attributes:
        x: variables without bounds, (p,).
        predicted: what the model says, (N,).
        residual: (model - data)/sigma, (N,).
        tangent: the linear map of the model there, by columns or by rows.
    """

    x: np.ndarray
    predicted: np.ndarray
    residual: np.ndarray
    tangent: Callable[[], np.ndarray]

    @property
    def chi2(self) -> float:
        """Sum of squared residuals."""
        return float(self.residual @ self.residual)


@dataclass(frozen=True, eq=False)
class Differentiated:
    """The function x -> ModelPoint of a model."""

    model: Callable[[dict[str, jax.Array]], Any]
    parameters: Parameters
    measured: Measured
    mode: str

    def __call__(self, x: np.ndarray) -> ModelPoint:
        """The model at x, with what its Jacobian needs.

        Raises:
            FailedPoint: the model has no solution there, or one that is not finite.
        """
        with failures_named():
            linearise = jax.linearize if self.mode == "forward" else jax.vjp
            value, linear = linearise(self._flat, traced(self.parameters.values(x)))
            predicted = np.asarray(value)
        if complaint := self.measured.unusable(predicted):
            raise FailedPoint(complaint)
        return ModelPoint(x, predicted, self.measured.residual(predicted), lambda: self._tangent(linear))

    def jacobian(self, point: ModelPoint) -> np.ndarray:
        """d residual/dx at a point, (N, p).

        Raises:
            FailedPoint: the derivative has no solution, or one that is not finite.
        """
        with failures_named():
            J = np.where(self.measured.inverse[:, None] > 0, point.tangent(), 0.0) * self.measured.inverse[:, None]
        if not np.isfinite(J).all():
            raise FailedPoint("the model's derivative is not finite")
        return J * self.parameters.slope(point.x)

    def _flat(self, values: jax.Array) -> jax.Array:
        return self.measured.vector(self.model(self.parameters.split(values)))

    def _tangent(self, linear: Callable[[jax.Array], Any]) -> np.ndarray:
        """The Jacobian (N, p) of the model, from columns or from rows."""
        forward = self.mode == "forward"
        directions = np.eye(len(self.parameters.labels) if forward else len(self.measured.values))
        # in a function of ours: JAX writes out the whole program of its own one for a name
        one = (lambda column: linear(column)) if forward else (lambda row: linear(row)[0])
        blocks = [
            np.asarray(jax.vmap(one)(jnp.asarray(directions[k : k + BLOCK]))) for k in range(0, len(directions), BLOCK)
        ]
        rows = np.concatenate(blocks)
        return rows.T if forward else rows


@contextmanager
def failures_named() -> Iterator[None]:
    """Turns what a model raises without a solution into FailedPoint; mistakes in the model go through."""
    try:
        yield
    except StructureError:
        raise
    except FAILURES as error:
        raise FailedPoint(f"{type(error).__name__}: {error}") from error


def refused_start(failed: FailedPoint, what: str, values: str) -> Exception:
    """What the model raised where a search of this name begins, with the parameters in its message."""
    cause = failed.__cause__
    message = f"{what} cannot start at {values}: {failed if cause is None else cause}"
    kind = type(cause) if isinstance(cause, Exception) else ValueError
    try:
        return kind(message)
    except TypeError:  # an error that is made of more than a message
        return ValueError(message)


def chosen_mode(mode: str | None, parameters: int, data: int) -> str:
    """The cheaper of the two, unless it is given: one linear solve a parameter, or one a data point."""
    return mode or ("forward" if parameters <= data else "adjoint")
