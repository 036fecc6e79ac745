"""The data of a fit: one array or several by name, with their uncertainties, as one vector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.common.types import ArrayLike

Data = ArrayLike | Mapping[str, ArrayLike]
"""One array, or several by name; what a model returns has the same form."""

ONLY = "data"
"""The name of data that come as one array."""


class StructureError(ValueError):
    """The model returned something of another structure than the data."""


@dataclass(frozen=True, eq=False)
class Measured:
    """Data y and the factors 1/sigma of their residuals.

    Attributes:
        shapes: {name of the data set: its shape}, in the order of the vectors.
        named: whether data came by name; else there is one array.
        values: (N,), all data.
        inverse: 1/sigma, or the root of the weight, (N,); zero leaves a point out.
        absolute: whether sigma was given, so that chi2 has its own scale.
    """

    shapes: dict[str, tuple[int, ...]]
    named: bool
    values: np.ndarray
    inverse: np.ndarray
    absolute: bool

    @property
    def count(self) -> int:
        """Number of data points that count."""
        return int((self.inverse > 0).sum())

    @property
    def size(self) -> float:
        """The residuals of a model that is zero, squared and summed: the scale of round-off in chi2."""
        return float(np.square(self.values * self.inverse).sum())

    def unit(self, chi2: float, dof: int) -> float:
        """The square of one standard error of a weighted residual: 1 where sigma is known, else chi2/dof (or inf)."""
        return 1.0 if self.absolute else chi2 / dof if dof else float("inf")

    def vector(self, prediction: Any) -> jax.Array:
        """What the model returned as a vector (N,).

        Raises:
            StructureError: other data sets or shapes than those of the data.
        """
        if isinstance(prediction, Mapping) is not self.named:
            given = "one array" if self.named else f"a dict with {list(prediction)}"
            raise StructureError(f"the model returned {given}; the data are {self._structure}")
        parts = prediction if self.named else {ONLY: prediction}
        if set(parts) != set(self.shapes):
            raise StructureError(f"the model returned {list(parts)}; the data have {list(self.shapes)}")
        for name, shape in self.shapes.items():
            if jnp.shape(parts[name]) != shape:
                raise StructureError(
                    f"the model returned shape {jnp.shape(parts[name])} for {self._shown(name)} of shape {shape}"
                )
            if jnp.iscomplexobj(parts[name]):
                raise StructureError(f"the model returned complex numbers for {self._shown(name)}; expected real ones")
        return jnp.concatenate([jnp.reshape(jnp.asarray(parts[name], float), -1) for name in self.shapes])

    def residual(self, vector: np.ndarray) -> np.ndarray:
        """(model - data)/sigma, (N,); zero where the weight is."""
        return np.where(self.inverse > 0, (vector - self.values) * self.inverse, 0.0)

    def as_given(self, vector: np.ndarray) -> np.ndarray | dict[str, np.ndarray]:
        """A vector (N,) in the structure of the data."""
        sets = self._sets(vector)
        return sets if self.named else sets[ONLY]

    def _sets(self, vector: np.ndarray) -> dict[str, np.ndarray]:
        ends = np.cumsum([np.prod(shape, dtype=int) for shape in self.shapes.values()])
        parts = zip(self.shapes.items(), np.split(vector, ends[:-1]), strict=True)
        return {name: part.reshape(shape) for (name, shape), part in parts}

    def unusable(self, vector: np.ndarray) -> str:
        """Where a model's prediction is not finite, as text; empty if it is usable."""
        bad = ~np.isfinite(vector) & (self.inverse > 0)
        if not bad.any():
            return ""
        counts = [
            f"{int(x.sum())} of {x.size} in {self._shown(name)}" for name, x in self._sets(bad).items() if x.any()
        ]
        return f"the model returned values that are not finite: {', '.join(counts)}"

    @property
    def _structure(self) -> str:
        return f"a dict with {list(self.shapes)}" if self.named else "one array"

    def _shown(self, name: str) -> str:
        return f"data set {name!r}" if self.named else "data"


def measured(data: Data | None, sigma: Data | None = None, weights: Data | None = None) -> Measured:
    """Data with their uncertainties.

    Args:
        data: array, or {name: array}.
        sigma: standard deviations: a number, an array like the data, or {name: either}; None if they are unknown.
        weights: the same for relative weights 1/sigma^2 >= 0 whose scale is unknown.

    Raises:
        ValueError: data that are no finite real numbers; sigma <= 0, weights < 0; other shapes than those of the data;
            both sigma and weights.
    """
    if sigma is not None and weights is not None:
        raise ValueError("sigma and weights are both given; weights are 1/sigma^2 where only their ratios are known")
    named = isinstance(data, Mapping)
    sets = {name: _finite(f"data set {name!r}" if named else "data", x) for name, x in _by_name(data).items()}
    if not sets or not sum(x.size for x in sets.values()):
        raise ValueError("no data; expected an array, or a dict of arrays")
    shapes = {name: x.shape for name, x in sets.items()}
    values = np.concatenate([x.reshape(-1) for x in sets.values()])
    if sigma is not None:
        inverse = 1 / _spread("sigma", sigma, shapes, named)
    elif weights is not None:
        inverse = np.sqrt(_spread("weights", weights, shapes, named))
    else:
        inverse = np.ones_like(values)
    if not (inverse > 0).any():
        raise ValueError("all weights are zero; expected some data with a weight above zero")
    return Measured(shapes, named, values, inverse, sigma is not None)


def _by_name(data: Data | None) -> dict[str, ArrayLike | None]:
    return dict(data) if isinstance(data, Mapping) else {ONLY: data}


def _finite(what: str, value: ArrayLike | None) -> np.ndarray:
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise ValueError(
            f"{what}: {array.dtype} of shape {array.shape}; expected real numbers (two data sets if complex)"
        )
    bad = ~np.isfinite(array)
    if bad.any():
        raise ValueError(f"{what}: {int(bad.sum())} of {bad.size} values are not finite; leave such points out")
    return array.astype(float)


def _spread(what: str, given: Data, shapes: dict[str, tuple[int, ...]], named: bool) -> np.ndarray:
    """sigma or weights for every data point, (N,)."""
    if isinstance(given, Mapping):
        if not named or set(given) != set(shapes):
            have = list(shapes) if named else "one array without a name"
            raise ValueError(f"{what} is given for {list(given)}; the data are {have}")
        parts = given
    else:
        if named and np.ndim(given):
            raise ValueError(f"{what} is one array for the data sets {list(shapes)}; give a dict with one entry each")
        parts = dict.fromkeys(shapes, given)
    return np.concatenate([_like(what, name, parts[name], shape, named).reshape(-1) for name, shape in shapes.items()])


def _like(what: str, name: str, given: ArrayLike, shape: tuple[int, ...], named: bool) -> np.ndarray:
    label = f"{what}[{name!r}]" if named else what
    array = _finite(label, given)
    wrong = array <= 0 if what == "sigma" else array < 0
    if wrong.any():
        expected = "standard deviations above zero" if what == "sigma" else "weights of zero or above"
        raise ValueError(
            f"{label}: {int(wrong.sum())} of {wrong.size} values like {array[wrong][0]:g}; expected {expected}"
        )
    if array.shape not in ((), shape):
        raise ValueError(f"{label} has shape {array.shape}; the data have {shape}")
    return np.broadcast_to(array, shape)
