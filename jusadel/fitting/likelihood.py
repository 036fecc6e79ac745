"""log_likelihood(): what data say of all values of the parameters, for samplers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.common.differentiability import NotDifferentiableError, is_traced, without_derivatives
from jusadel.common.types import ArrayLike
from jusadel.fitting.data import Data, Measured, StructureError, measured
from jusadel.fitting.model import FAILURES, FailedPoint, failures_named, refused_start
from jusadel.fitting.parameters import Parameters, Range, parameters, positive, traced

NOISE = "noise"
"""The name of the parameter that sigma is where it is unknown."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LogLikelihood:
    """ln p(data | parameters), a pure function with derivatives; from `log_likelihood`.

    Attributes:
        start: variables without bounds at the start, (p,), where a chain may begin.
    """

    model: Callable[[dict[str, jax.Array]], Any]
    known: Parameters
    measured: Measured
    start: np.ndarray

    @property
    def names(self) -> tuple[str, ...]:
        """A name for each component, (p,), such as "Gamma" or "gamma[0, 1]"; "noise" where sigma is unknown."""
        return self.known.labels

    def __call__(self, params: Mapping[str, ArrayLike]) -> jax.Array:
        """The log-likelihood, a number; -inf where the model has no solution or one that is not finite.

        Args:
            params: {name: number or array}, the structure of the start.
        """
        self._refuse_others(params)
        given = {name: jnp.asarray(params[name], float) for name in self.known.shapes}
        try:
            predicted = self.measured.vector(self.model({n: x for n, x in given.items() if n != self._noise}))
        except (StructureError, NotDifferentiableError):
            raise
        except FAILURES:
            if is_traced(jax.lax.stop_gradient(given)):  # of the program, whatever the numbers will be
                raise
            return jnp.asarray(-jnp.inf)
        value = self._gaussian(predicted, given[NOISE] if self._noise else 1.0)
        return jnp.where(jnp.isnan(value), -jnp.inf, value)

    def log_density(self, x: ArrayLike) -> jax.Array:
        """ln p(data | parameters) + ln |d parameters/dx|: the posterior of a flat prior, as a density of x (p,).

        Another prior is added as ln p(parameters): `L.log_density(x) + log_prior(L.parameters(x))`.
        """
        return self(self.parameters(x)) + self.log_jacobian(x)

    def log_jacobian(self, x: ArrayLike) -> jax.Array:
        """ln |d parameters/dx| at variables x (p,): a flat prior in the ranges, as a density of x, up to a factor."""
        return jnp.sum(jnp.log(self.known.slope(jnp.asarray(x, float))))

    def parameters(self, x: ArrayLike) -> dict[str, jax.Array]:
        """{name: (..., shape)} of variables x (..., p), such as a chain."""
        return self.known.split(self.known.values(jnp.asarray(x, float)))

    def variables(self, params: Mapping[str, ArrayLike]) -> jax.Array:
        """x (p,) of parameters inside their ranges."""
        self._refuse_others(params)
        return self.known.free(self.known.join({name: jnp.asarray(params[name], float) for name in self.known.shapes}))

    @property
    def _noise(self) -> str | None:
        return None if self.measured.absolute else NOISE

    def _gaussian(self, predicted: jax.Array, unit: Any) -> jax.Array:
        """Sum of ln of the normal densities of all data that count, with standard deviations unit/inverse."""
        counts = self.measured.inverse > 0
        inverse = self.measured.inverse[counts] / unit
        r = (predicted[counts] - self.measured.values[counts]) * inverse
        return jnp.sum(jnp.log(inverse) - r**2 / 2) - self.measured.count * np.log(2 * np.pi) / 2

    def _refuse_others(self, params: Mapping[str, ArrayLike]) -> None:
        shapes = {name: np.shape(value) for name, value in params.items()}
        if shapes != self.known.shapes:
            raise StructureError(f"parameters of shapes {shapes}; expected {self.known.shapes}")


@without_derivatives("make it once, outside; it is the LogLikelihood that JAX differentiates")
def log_likelihood(
    model: Callable[[dict[str, jax.Array]], Any],
    data: Data | None,
    start: Mapping[str, ArrayLike],
    sigma: Data | None = None,
    *,
    weights: Data | None = None,
    transforms: Mapping[str, Range] | None = None,
) -> LogLikelihood:
    """The logarithm of the likelihood of a model's parameters, for samplers of their posterior.

        L = ju.log_likelihood(model, data, {"Gamma": 0.5}, sigma=0.01, transforms={"Gamma": ju.positive})
        L({"Gamma": 0.4})                                 # numpyro: numpyro.factor("data", L({"Gamma": Gamma}))
        blackjax.nuts(L.log_density, step_size, mass)     # a flat prior; a chain starts at L.start
        emcee.EnsembleSampler(walkers, len(L.names), L.log_density)
        L.parameters(chain)["Gamma"]

    ln p = - Sum [ (data - model)^2/(2 sigma^2) + ln sigma + ln(2 pi)/2 ]: independent normal errors. The model is
    solved once, at the start. Samplers that run inside jit (all of blackjax and numpyro) need a model that may stand
    there.

    Args:
        model, data, start, sigma, weights, transforms: as in `fit`. Without sigma, the standard deviation is one more
            parameter, "noise" > 0, which the model is not given; with weights that of a weight of one.

    Returns:
        LogLikelihood: a function of {name: number or array}, and `log_density`, of variables x (p,) without bounds.
        Both can be differentiated and stand inside jit and vmap where the model can. Where the model raises an error
        of its solution, or is not finite, they are -inf, at which samplers turn round; the gradient there is zero, or
        NaN inside jit.

    Raises:
        ValueError: bad data, sigma, weights, start, transforms; other shapes from the model than those of the data.
            At the start, also whatever the model raises, with the parameters.
    """
    known, x = parameters(start, transforms)
    sets = measured(data, sigma, weights)
    try:
        with failures_named():
            predicted = np.asarray(sets.vector(model(known.split(traced(known.values(x))))))
        if complaint := sets.unusable(predicted):
            raise FailedPoint(complaint)
    except FailedPoint as failed:
        raise refused_start(failed, "the sampler", known.shown(x)) from failed.__cause__
    if not sets.absolute:
        spread = float(np.sqrt(np.square(sets.residual(predicted)).sum() / sets.count)) or 1.0
        if NOISE in known.shapes:
            raise ValueError(
                f"start names {NOISE!r}, which is sigma where it is unknown; name that parameter otherwise"
            )
        known, x = parameters({**start, NOISE: spread}, {**(transforms or {}), NOISE: positive})
    return LogLikelihood(model=model, known=known, measured=sets, start=x)
