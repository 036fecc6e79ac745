"""The solver called back by JAX with numpy's arrays: for derivatives, and inside `jax.jit` and `jax.vmap`."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from jusadel.action.matrices.padding import in_few_sizes
from jusadel.action.matrix_free import lift
from jusadel.common.differentiability import on_device
from jusadel.common.errors import SolveError, StabilityError
from jusadel.common.programs.memory import without_remains
from jusadel.device.pair_potential import as_pairs, from_pairs
from jusadel.solver.checks import refuse_unstable_tensors
from jusadel.solver.derivatives.implicit_function import Equations
from jusadel.solver.derivatives.linear_response import LinearProblem
from jusadel.solver.gap.equation import solve_gap
from jusadel.solver.gap.sites import Sites
from jusadel.solver.linear import LinearSolver, chosen
from jusadel.solver.problem import Problem

LARGE = 2**20
"""Bytes of right-hand sides before whose solution memory is given back."""


@dataclass(frozen=True)
class Host:
    """The solver, called with numpy's arrays."""

    where: Sites | None  # its numbers may be traced; those of a call come with it
    linear_solver: LinearSolver | None
    tol: float
    gap_tol: float

    def solve(self, numbers: Any, first: Any) -> Any:
        """V, Delta (K, 2), converged, margin and residual; NaN where nothing was found."""
        eq, weights, T, at_sites = numbers
        b, N = len(weights), len(eq.system.free)
        failed = (np.full((b, N, 4, 4), np.nan), np.full((len(at_sites[0]), 2), np.nan), np.zeros(b, bool))
        normal = lambda omega: np.broadcast_to(np.eye(4), (len(omega), N, 4, 4))  # noqa: E731
        try:
            problem = self._problem(eq, weights, T, check=True)
            if self.where is None:
                result, Delta = problem.newton(normal, ladder=False), np.zeros((0, 2))
            else:
                where = self._sites(eq, *at_sites)
                found = solve_gap(problem, where, where.from_vertices(first), normal, self.gap_tol)
                result, Delta = found.newton, as_pairs(found.Delta)
        except (SolveError, StabilityError):
            return *failed, np.full(b, -np.inf), np.full(b, np.inf)
        V = np.where(result.accepted[:, None, None, None], result.V, np.nan)
        return V, Delta, result.converged, result.margin, result.residual

    def linear(self, r: Any, known: Any, numbers: Any, V: Any, Delta: Any) -> Any:
        """H^-1 r at a solution, for `implicit.attached`; `known` is what `keep` has said of it, or UNKNOWN."""
        return called(self.respond, r, known, numbers, V, Delta, r)

    def respond(self, known: Any, numbers: Any, V: Any, Delta: Any, r: Any) -> Any:
        """H^-1 r for numbers."""
        if not all(np.isfinite(x).all() for x in (V, Delta, *r)):
            return tuple(np.full_like(x, np.nan) for x in r)
        solve = kept(known) or self._linear_problem(numbers, V, Delta)
        return solve(r) if sum(np.asarray(x).nbytes for x in r) < LARGE else without_remains(solve, r)

    def _linear_problem(self, numbers: Any, V: Any, Delta: Any) -> LinearProblem:
        eq, weights, T, at_sites = numbers
        problem = self._problem(eq, weights, T, check=False)
        if self.where is None:
            return LinearProblem(problem, V)
        where, at = self._sites(eq, *at_sites), from_pairs(Delta)
        problem = problem.with_pairing(jnp.asarray(where.on_nodes(at, len(eq.system.free))))
        return LinearProblem(problem, V, where, at)

    def _problem(self, eq: Equations, weights: Any, T: Any, check: bool) -> Problem:
        system, free = eq.system, np.asarray(eq.system.free)
        solver = self.linear_solver or chosen(int(free.sum()), len(weights))
        prepared = solver.prepare(lift(in_few_sizes(system)), len(weights))
        if check:
            refuse_unstable_tensors(system, float(eq.omega.min()), solver, prepared)
        return Problem(
            device=None,
            T=float(T),
            omega=np.asarray(eq.omega),
            weights=np.asarray(weights),
            system=system,
            solver=solver,
            prepared=prepared,
            tol=self.tol,
            boundary=lambda V, omega: np.where(free[:, None, None], V, eq.held),
        )

    def _sites(self, eq: Equations, Tc: np.ndarray, phase: np.ndarray) -> Sites:
        assert self.where is not None
        assert eq.gap is not None
        if not (np.asarray(eq.gap.a) > 0).all():  # as `gap.sites` refuses
            raise SolveError("the frequencies end too low for the gap equation")
        numbers = {"weight": eq.gap.weight, "a": eq.gap.a, "Tc": Tc, "phase": phase}
        return replace(self.where, **{name: np.asarray(value) for name, value in numbers.items()})


def called(function: Callable[..., Any], like: Any, *arguments: Any) -> Any:
    """What a function of numbers returns, of the shapes of `like`; over all axes by which JAX batches its arguments."""
    leaves, tree = [jnp.asarray(x) for x in jax.tree.leaves(arguments)], jax.tree.structure(arguments)
    shapes = tuple((x.shape, jnp.result_type(x)) for x in jax.tree.leaves(like))
    batched = partial(_over_batches, function, tree, tuple(x.ndim for x in leaves))
    return jax.tree.unflatten(jax.tree.structure(like), _call.bind(*leaves, function=batched, shapes=shapes, axes=()))


def _over_batches(function: Callable[..., Any], tree: Any, ranks: tuple[int, ...], *leaves: Any) -> list[np.ndarray]:
    """The function over all axes in front of arguments with these ranks, one after the other."""
    leaves = tuple(np.asarray(x) for x in leaves)
    axes = np.broadcast_shapes(*(x.shape[: x.ndim - rank] for x, rank in zip(leaves, ranks, strict=True)))
    leaves = tuple(np.broadcast_to(x, axes + x.shape[x.ndim - rank :]) for x, rank in zip(leaves, ranks, strict=True))
    with jax.default_device(jax.local_devices()[0]):  # a callback would have it on the CPU
        found = [jax.tree.leaves(function(*jax.tree.unflatten(tree, [x[k] for x in leaves]))) for k in np.ndindex(axes)]
    return [np.stack(x).reshape(axes + np.shape(x[0])) for x in zip(*found, strict=True)]


def _called_back(*leaves: Any, function: Any, shapes: Any, axes: tuple[int, ...]) -> Any:
    results = [jax.ShapeDtypeStruct(axes + shape, dtype) for shape, dtype in shapes]
    return jax.pure_callback(function, results, *leaves)


def _call_batched(leaves: Any, dims: Any, *, function: Any, shapes: Any, axes: tuple[int, ...]) -> Any:
    size, in_front = _in_front(leaves, dims)
    found = _call.bind(*in_front, function=function, shapes=shapes, axes=(size, *axes))
    return found, [0] * len(found)


def _in_front(leaves: Any, dims: Any) -> tuple[int, list[Any]]:
    """How many there are of what JAX batches, and all with this axis in front."""
    size = next(x.shape[d] for x, d in zip(leaves, dims, strict=True) if d is not None)
    moved = [
        jnp.broadcast_to(x, (size, *jnp.shape(x))) if d is None else jnp.moveaxis(x, d, 0)
        for x, d in zip(leaves, dims, strict=True)
    ]
    return size, moved


_call = Primitive("host_call")
"""As `jax.pure_callback`, which would compile a program even where all arguments are numbers, and keep it for good."""
_call.multiple_results = True
_call.def_impl(lambda *leaves, function, shapes, axes: on_device(function(*leaves)))
_call.def_abstract_eval(
    lambda *leaves, function, shapes, axes: [jax.core.ShapedArray(axes + shape, dtype) for shape, dtype in shapes]
)
mlir.register_lowering(_call, mlir.lower_fun(_called_back, multiple_results=True))
batching.primitive_batchers[_call] = _call_batched


# --- linear functions of numbers ----------------------------------------------------------------------


def called_linear(
    forward: Callable[..., Any], transposed: Callable[..., Any], x: Any, size: int | None = None, given: Any = ()
) -> Any:
    """A linear function of a vector (k,) and of numbers, (size,) or (k,), and that of gradients, called likewise."""
    leaves, rows = [jnp.asarray(leaf) for leaf in jax.tree.leaves(given)], x.shape[-1]
    ways = tuple(
        (partial(_over_batches, function, jax.tree.structure((x, *given)), (1, *(leaf.ndim for leaf in leaves))), n)
        for function, n in ((forward, rows if size is None else size), (transposed, rows))
    )
    return _linear.bind(x, *leaves, ways=ways, axes=())


def _linear_called_back(*leaves: Any, ways: Any, axes: tuple[int, ...]) -> Any:
    function, size = ways[0]
    return jax.pure_callback(lambda *x: function(*x)[0], jax.ShapeDtypeStruct((*axes, size), float), *leaves)


def _linear_batched(leaves: Any, dims: Any, *, ways: Any, axes: tuple[int, ...]) -> Any:
    size, in_front = _in_front(leaves, dims)
    return _linear.bind(*in_front, ways=ways, axes=(size, *axes)), 0


def _linear_moved(primals: Any, tangents: Any, **how: Any) -> Any:
    found, along = _linear.bind(*primals, **how), tangents[0]
    if isinstance(along, ad.Zero):
        return found, ad.Zero(jax.typeof(found).to_tangent_aval())
    return found, _linear.bind(along, *primals[1:], **how)


def _linear_transposed(gradient: Any, _: Any, *given: Any, ways: Any, axes: tuple[int, ...]) -> Any:
    if isinstance(gradient, ad.Zero):
        return [None] * (1 + len(given))
    return [_linear.bind(gradient, *given, ways=ways[::-1], axes=axes), *[None] * len(given)]


_linear = Primitive("host_linear")
_linear.def_impl(lambda *leaves, ways, axes: on_device(ways[0][0](*leaves)[0]))
_linear.def_abstract_eval(lambda *_, ways, axes: jax.core.ShapedArray((*axes, ways[0][1]), jnp.dtype(float)))
mlir.register_lowering(_linear, mlir.lower_fun(_linear_called_back, multiple_results=False))
ad.primitive_jvps[_linear] = _linear_moved
ad.primitive_transposes[_linear] = _linear_transposed
batching.primitive_batchers[_linear] = _linear_batched


# --- solutions whose preparations serve again ---------------------------------------------------------

UNKNOWN = -1
KEPT = 4
"""Solutions whose factors or hierarchies are kept for their derivatives; others are prepared anew when asked for."""
_kept: OrderedDict[int, Any] = OrderedDict()
_numbers = count()


def keep(problem: Any) -> int:
    """A number by which `kept` finds what solves the linear problem, for a while."""
    number = next(_numbers)
    _kept[number] = problem
    while len(_kept) > KEPT:
        _kept.popitem(last=False)
    return number


def kept(number: Any) -> Any:
    """What solves the linear problem with this number, while it is kept; else None."""
    return _kept.get(int(number))
