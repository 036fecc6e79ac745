"""A function of numbers inside `jax.jit` and `jax.vmap`, as a whole: called back there when the program runs.

What drives a search of its own has no equations that a program could hold. It is called with the numbers as outside,
and so are its own tangents and gradients, of the first order.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero

from jusadel.common.differentiability import NotDifferentiableError, once
from jusadel.common.errors import SolveError, StabilityError
from jusadel.solver.derivatives.callback import called, called_linear
from jusadel.solver.derivatives.tracing import put_together, refuse_hidden, taken_apart

Array = jax.Array

NOTHING = complex(np.nan, np.nan)


def called_whole(name: str, function: Callable[[Any], Any], given: Any, like: Any) -> Any:
    """What a function returns of arguments with traced numbers that have no values; with its first derivatives.

    Args:
        name: of the function, for messages.
        function: of `given` with numbers, or with numbers that `jax.grad` traces; it must not close over traced ones.
        given: its arguments, as one tuple.
        like: real or complex arrays of the shapes of what it returns; NaN where it raises what depends on numbers.

    Raises:
        NotDifferentiableError: a function of points closes over traced numbers; a second derivative.
    """
    refuse_hidden(name, given)
    skeleton, numbers = taken_apart(given)
    shapes = tuple((x.shape, x.dtype) for x in jax.tree.leaves(like))
    found = _found([jnp.asarray(x) for x in numbers], Whole(name, function, skeleton, shapes))
    return jax.tree.unflatten(jax.tree.structure(like), found)


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def _found(numbers: list[Array], whole: Whole) -> list[Array]:
    like = [jax.ShapeDtypeStruct(*shape) for shape in whole.shapes]
    return called(whole.values, like, *numbers)


@partial(_found.defjvp, symbolic_zeros=True)
def _rule(whole: Whole, primals: Any, tangents: Any) -> Any:
    (numbers,), (along,) = primals, tangents
    moving = tuple(k for k, change in enumerate(along) if not isinstance(change, SymbolicZero))
    there, back = partial(whole.pushed, moving), partial(whole.pulled, moving)
    known = tuple(once(x, whole.refusal) for x in numbers)
    change = called_linear(there, back, _packed([along[k] for k in moving]), _length(whole.shapes), known)
    return _found(numbers, whole), _unpacked(whole.shapes, change)


@dataclass(frozen=True, eq=False)
class Whole:
    """A function called with NumPy's arrays, and its tangents and gradients as vectors of real numbers."""

    name: str
    function: Callable[[Any], Any]
    skeleton: Any
    shapes: tuple[Any, ...]
    last: dict[Any, Any] = field(default_factory=dict)  # the linear function asked for last

    @property
    def refusal(self) -> str:
        """Of a second derivative."""
        return (
            f"{self.name} has first derivatives only inside jax.jit and jax.vmap; take it outside, or central "
            "differences of its gradient"
        )

    def values(self, *numbers: Any) -> list[Any]:
        """What it returns; NaN where it fails."""
        try:
            return [np.asarray(x) for x in self._of(numbers)]
        except (SolveError, StabilityError, ValueError) as error:
            self._refuse(error)
            return [np.full(shape, NOTHING if dtype.kind == "c" else np.nan) for shape, dtype in self.shapes]

    def pushed(self, moving: tuple[int, ...], x: np.ndarray, *numbers: Any) -> np.ndarray:
        """The change of what it returns with a change x of the numbers that move."""
        return self._linear(_forward, moving, numbers, x, _length(self.shapes))

    def pulled(self, moving: tuple[int, ...], x: np.ndarray, *numbers: Any) -> np.ndarray:
        """Gradients likewise."""
        return self._linear(_backward, moving, numbers, x, _length(_shapes([numbers[k] for k in moving])))

    def _linear(self, way: Any, moving: tuple[int, ...], numbers: Any, x: np.ndarray, size: int) -> np.ndarray:
        key = way, moving, *(number.tobytes() for number in numbers)
        try:
            if key not in self.last:
                self.last.clear()
                self.last[key] = way(partial(self._moved, moving, numbers), _packed([numbers[k] for k in moving]))
            return np.asarray(self.last[key](jnp.asarray(x)))
        except (SolveError, StabilityError, ValueError) as error:
            self._refuse(error)
            return np.full(size, np.nan)

    def _moved(self, moving: tuple[int, ...], numbers: Sequence[Any], x: Array) -> Array:
        new = dict(zip(moving, _unpacked(_shapes([numbers[k] for k in moving]), x), strict=True))
        return _packed(self._of([new.get(k, number) for k, number in enumerate(numbers)]))

    def _of(self, numbers: Sequence[Any]) -> list[Any]:
        with warnings.catch_warnings():  # programs say nothing that depends on numbers
            warnings.simplefilter("ignore")
            found = jax.tree.leaves(self.function(put_together(self.skeleton, numbers)))
        return [jnp.asarray(x, dtype).reshape(shape) for x, (shape, dtype) in zip(found, self.shapes, strict=True)]

    @staticmethod
    def _refuse(error: Exception) -> None:
        if isinstance(error, NotDifferentiableError):
            raise error


def _forward(of: Callable[[Array], Array], at: Array) -> Callable[[Array], Array]:
    return jax.linearize(of, at)[1]


def _backward(of: Callable[[Array], Array], at: Array) -> Callable[[Array], Array]:
    pull = jax.vjp(of, at)[1]
    return lambda x: pull(x)[0]


def _shapes(numbers: Sequence[Any]) -> tuple[Any, ...]:
    return tuple((np.shape(x), x.dtype) for x in numbers)


def _length(shapes: Sequence[Any]) -> int:
    return sum(int(np.prod(shape)) * (2 if np.issubdtype(dtype, np.complexfloating) else 1) for shape, dtype in shapes)


@jax.jit
def _packed(numbers: Sequence[Any]) -> Array:
    """All real and imaginary parts, (k,)."""
    parts = []
    for x in numbers:
        parts += [jnp.real(x).ravel(), jnp.imag(x).ravel()] if jnp.iscomplexobj(x) else [jnp.ravel(x)]
    return jnp.concatenate([jnp.zeros(0), *parts])


def _unpacked(shapes: Sequence[Any], x: Array) -> list[Array]:
    found, first = [], 0
    for shape, dtype in shapes:
        n = int(np.prod(shape))
        part = x[first : first + n].reshape(shape)
        first += n
        if np.issubdtype(dtype, np.complexfloating):
            part = part + 1j * x[first : first + n].reshape(shape)
            first += n
        found.append(part)
    return found
