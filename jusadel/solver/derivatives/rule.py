"""The implicit function theorem, once: what solves R(p, x) = 0 as a function of all numbers p in the equations.

    H x' = - dR/dp p',     H = dR/dx.

Whatever found the solution, tangents cost one linear solve and gradients one with the transposed of H, which JAX asks
for. Since the rule is written with R, H and the solution itself, JAX differentiates it again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero

from jusadel.common.differentiability import on_device, once

Array = jax.Array
Solve = Callable[..., Any]


@dataclass(frozen=True)
class Residual:
    """Equations R(p, x) = 0, whatever solves them.

    Args:
        value: R of the equations' numbers and the unknowns.
        product: H dx of the numbers, the unknowns, and a change of them in some coordinates.
        moved: the change of the unknowns themselves, of the same arguments.
        symmetric: whether H is.
    """

    value: Callable[[Any, Any], Any]
    product: Callable[[Any, Any, Any], Any]
    moved: Callable[[Any, Any, Any], Any]
    symmetric: bool = False


def implicit(
    residual: Residual, equations: Any, solution: Any, solve: Solve, given: Any = (), transposed: Solve | None = None
) -> Any:
    """The solution as a function of the equations that it solves.

    Args:
        residual: what kind of equations.
        equations: their numbers, with whatever JAX is tracing in them.
        solution: the numbers x.
        solve: dx of H dx = r in the coordinates of `Residual.product`, called with r and what is given.
        given: whatever JAX may be tracing in `solve`. It must not close over that: where the derivative is taken
            outside of jax.jit or jax.vmap, the rule runs after their traces have ended.
        transposed: as `solve`, with the transposed of H; not asked for where H is symmetric.
    """
    return _known(equations, on_device(solution), given, residual, solve, transposed)


@partial(jax.custom_jvp, nondiff_argnums=(3, 4, 5))
def _known(equations: Any, solution: Any, given: Any, residual: Residual, solve: Solve, transposed: Any) -> Any:
    return solution


@partial(_known.defjvp, symbolic_zeros=True)
def _rule(residual: Residual, solve: Solve, transposed: Any, primals: Any, tangents: Any) -> Any:
    equations, _, given = primals
    found = _known(*primals, residual, solve, transposed)
    pull = _pulls(residual.value, equations, found, _moving(tangents[0]))
    x = jax.lax.custom_linear_solve(
        partial(residual.product, equations, found),
        pull,
        lambda _, r: solve(r, *given),
        None if transposed is None else lambda _, r: transposed(r, *given),
        symmetric=residual.symmetric,
    )
    return found, residual.moved(equations, found, x)


@partial(jax.jit, static_argnums=0)
def _pulls(value: Callable[[Any, Any], Any], equations: Any, solution: Any, along: list[Any]) -> Any:
    """Changes of R with the equations, with a minus; one program: R itself is not worked out.

    `along` has the change of each number in the equations, or None where it stays.

    JAX transposes a linear solve only where its right-hand sides all depend on what is differentiated. The barrier
    makes it so: D does not stand in the gap equation itself, nor Tc in the others.
    """
    change = _changed(lambda new: value(new, solution), equations, along)
    return jax.lax.optimization_barrier(jax.tree.map(jnp.negative, change))


def _moving(tangents: Any) -> list[Any]:
    """The change of each number, or None where it stays."""
    return [None if isinstance(t, SymbolicZero) else t for t in jax.tree.leaves(tangents)]


def _changed(function: Callable[[Any], Any], numbers: Any, along: list[Any]) -> Any:
    """How a function of many numbers changes with those that have a change `along`; the others are None."""
    leaves, tree = jax.tree.flatten(numbers)
    moving = [k for k, change in enumerate(along) if change is not None]

    def at(*moved: Any) -> Any:
        new = dict(zip(moving, moved, strict=True))
        return function(jax.tree.unflatten(tree, [new.get(k, x) for k, x in enumerate(leaves)]))

    return jax.jvp(at, tuple(leaves[k] for k in moving), tuple(along[k] for k in moving))[1]


# --- numbers whose change is known ---------------------------------------------------------------------


@partial(jax.custom_jvp, nondiff_argnums=(3, 4))
def first_order(inputs: Any, given: Any, value: Any, likewise: Callable[[Any, Any], Any], refusal: str) -> Any:
    """A value that was found, with first derivatives: those of `likewise`, of the inputs and what else is given.

    A second derivative raises `refusal`.
    """
    return value


@partial(first_order.defjvp, symbolic_zeros=True)
def _first_order_rule(likewise: Callable[[Any, Any], Any], refusal: str, primals: Any, tangents: Any) -> Any:
    inputs, given, value = primals
    change = _changed(lambda new: likewise(new, given), once(inputs, refusal), _moving(tangents[0]))
    return value, change


# --- few unknowns ------------------------------------------------------------------------------------


@cache
def of_numbers(value: Callable[[Any, Array], Array]) -> Residual:
    """Equations (k,) of as many numbers x (k,)."""
    product = jax.jit(lambda p, x, dx: jax.jvp(partial(value, p), (x,), (dx,))[1])
    return Residual(value, product, lambda _, __, dx: dx)


@partial(jax.jit, static_argnums=(0, 1))
def _densely(value: Callable[[Any, Array], Array], transposed: bool, r: Array, p: Any, x: Array) -> Array:
    H = jax.jacfwd(partial(value, p))(x)
    return jnp.linalg.solve(H.T if transposed else H, r)


def implicit_numbers(value: Callable[[Any, Array], Array], equations: Any, x: Array) -> Array:
    """The numbers x (k,) that solve as many equations, `value` of their numbers and x."""
    solve, transposed = (partial(_densely, value, flag) for flag in (False, True))
    known = jax.lax.stop_gradient((equations, x))
    return implicit(of_numbers(value), equations, x, solve, known, transposed)
