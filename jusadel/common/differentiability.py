"""Whether JAX traces a number; functions of concrete numbers only, which say so in words; and functions of either kind,
for which nothing is compiled where NumPy has little to do."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from functools import partial, singledispatch, wraps
from typing import Any, ParamSpec, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Primitive
from jax.interpreters import mlir

P = ParamSpec("P")
R = TypeVar("R")

DIFFERENCES = "take central differences of it, or derivatives of `solve` and of what is computed from its Solution"
"""What to do instead where nothing nearer has derivatives."""
FEW = 2**20
"""Numbers that NumPy works through sooner than XLA compiles a program for them."""
SHAPES = "derivatives of a shape are those with respect to the `points` of a mesh that is there"


class NotDifferentiableError(TypeError, ValueError):
    """A number that JAX traces came to a function without derivatives; the message says which, and what to do."""


@singledispatch
def leaf_is_traced(leaf: object) -> bool:
    """Whether JAX traces this, or anything in a dataclass into which JAX does not look, such as a Solution."""
    if is_dataclass(leaf) and not isinstance(leaf, type):
        return any(is_traced(getattr(leaf, f.name)) for f in fields(leaf))
    return isinstance(leaf, jax.core.Tracer)


def is_traced(x: object) -> bool:
    """Whether JAX traces any number of a Device, a Solution or the like, a number, an array or a collection of them."""
    return any(map(leaf_is_traced, jax.tree.leaves(x, is_leaf=_has_own_way)))


def _has_own_way(x: object) -> bool:
    return leaf_is_traced.dispatch(type(x)) is not leaf_is_traced.dispatch(object)


def values_of(x: Any) -> Any:
    """The numbers of a traced array, as NumPy's, where they have any (under `jax.grad`, not inside `jax.jit`)."""
    value = jax.lax.stop_gradient(x) if isinstance(x, jax.core.Tracer) else x
    return value if isinstance(value, jax.core.Tracer | float | int | None) else np.asarray(value)


def without_derivatives(instead: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Marks a function of concrete numbers: where JAX traces one of them it raises NotDifferentiableError.

    Args:
        instead: what to do, the end of the message.
    """

    def marked(function: Callable[P, R]) -> Callable[P, R]:
        names = list(inspect.signature(function).parameters)

        @wraps(function)
        def checked(*args: P.args, **kwargs: P.kwargs) -> R:
            refuse_traced(function.__name__, instead, **dict(zip(names, args, strict=False)), **kwargs)
            return function(*args, **kwargs)

        return checked

    return marked


def refuse_traced(function: str, instead: str, /, **given: object) -> None:
    """Raise NotDifferentiableError in the name of a function where JAX traces any of what it was given."""
    traced = [name for name, value in given.items() if is_traced(value)]
    if traced:
        raise NotDifferentiableError(
            f"{function} has no derivatives: call it outside of jax.grad, jax.jit, jax.vmap and their kin, not with "
            f"{' and '.join(traced)} traced by JAX; {instead}"
        )


def refuse_in_program(function: str, remedy: str, **given: object) -> None:
    """Raise NotDifferentiableError where any of what a function was given has no value: inside jax.jit or jax.vmap."""
    unknown = [name for name, value in given.items() if is_traced(value)]
    if unknown:
        raise NotDifferentiableError(
            f"{function} cannot stand inside jax.jit or jax.vmap with {' and '.join(unknown)} traced by JAX, which has "
            f"no value there; {remedy}"
        )


_here = Primitive("here")
_here.def_impl(lambda: np.zeros(()))
_here.def_abstract_eval(lambda: jax.core.ShapedArray((), jnp.dtype(float)))
mlir.register_lowering(_here, mlir.lower_fun(lambda: jnp.zeros(()), multiple_results=False))


def at_once(function: Callable[..., R], *given: Any) -> R:
    """What a function of numbers returns, before a program that JAX may be tracing around it runs."""
    if not isinstance(_here.bind(), jax.core.Tracer):
        return function(*given)
    with jax.ensure_compile_time_eval():
        return function(*given)


def waits(given: Mapping[str, object]) -> bool:
    """Whether a function stands inside of `jax.jit` and its kin with arguments that are all numbers."""
    return isinstance(_here.bind(), jax.core.Tracer) and not is_traced(dict(given))


def worked_out(function: Callable[..., R], given: Mapping[str, Any]) -> R:
    """What a function of numbers returns, before the program that JAX is tracing runs."""
    with jax.ensure_compile_time_eval():
        return function(**given)


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def once(x: Any, refusal: str) -> Any:
    """x as it is, inside of a rule for first derivatives: a derivative of it, a second one, raises this message."""
    return x


@once.defjvp
def _refused(refusal: str, *_: Any) -> Any:
    raise NotDifferentiableError(refusal)


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def first_only(x: Any, refusal: str) -> Any:
    """x with its first derivatives; a second one raises this message."""
    return x


@first_only.defjvp
def _first(refusal: str, primals: Any, tangents: Any) -> Any:
    (x,), (along,) = primals, tangents
    return x, along + 0 * once(x, refusal)


def numpy_if_few(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of (xp, *arrays, **static) that works with xp = np on few numbers.

    Where they are many, or JAX traces any of them, it is one compiled program, with xp = jax.numpy, of which gradients
    keep the arguments alone and work out the rest again. `static` has sizes.
    """

    @wraps(function)
    def with_jax(static: tuple[tuple[str, Any], ...], *arrays: Any) -> Any:
        return function(jnp, *arrays, **dict(static))

    compiled = jax.jit(jax.checkpoint(with_jax, static_argnums=0), static_argnums=0)

    @wraps(function)
    def chosen(*arrays: Any, **static: Any) -> Any:
        leaves = jax.tree.leaves(arrays)
        if any(isinstance(x, jax.core.Tracer) for x in leaves) or sum(map(np.size, leaves)) > FEW:
            return compiled(tuple(sorted(static.items())), *arrays)
        with np.errstate(all="ignore"):  # as XLA, which has no such warnings
            return function(np, *jax.tree.map(_of_numpy, arrays), **static)

    return chosen


def one_program(function: Callable[..., R]) -> Callable[..., R]:
    """A function of arrays: where any of them is JAX's, one program in place of one for each operation."""
    compiled = jax.jit(function)

    @wraps(function)
    def chosen(*arrays: Any) -> R:
        return (compiled if any(isinstance(x, jax.Array) for x in arrays) else function)(*arrays)

    return chosen


def _of_numpy(x: Any) -> Any:
    return np.asarray(x) if isinstance(x, jax.Array) else x


def on_device(x: Any) -> Any:
    """NumPy's arrays as those of JAX, with values inside `jax.jit` too; `jnp.asarray` would compile for each shape."""
    with jax.ensure_compile_time_eval():
        return jax.tree.map(lambda leaf: leaf if isinstance(leaf, jax.Array) else jax.device_put(leaf), x)


def with_rows(xp: Any, values: Any, rows: Any, new: Any) -> Any:
    """Values (n, ...) with these rows replaced; those of NumPy themselves, which are the caller's own."""
    if xp is jnp:
        return jnp.asarray(values).at[rows].set(new)
    values[rows] = new
    return values


def summed_rows(xp: Any, rows: Any, values: Any, n: int) -> Any:
    """Sums (n, ...) of the values (k, ...) with the same number of a row (k,)."""
    if xp is jnp:
        return jax.ops.segment_sum(values, jnp.asarray(rows), num_segments=n)
    total = np.zeros((n, *values.shape[1:]), values.dtype)
    np.add.at(total, rows, values)
    return total
