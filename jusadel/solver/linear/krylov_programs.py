"""The compiled programs of the Krylov solver: Newton directions and linear responses of many frequencies at once.

One program serves both, and whatever follows from either: it takes the longest to compile, and stays in memory.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, PartitionSpec

from jusadel.action.matrices.node_matrices import green, inverse_of_frames
from jusadel.action.matrix_free import Hessian, LiftedAction, at_frames, gradient_change, in_frames, slope_in_frames
from jusadel.common.programs.memory import give_back
from jusadel.solver.linear.multigrid import Level, preconditioner, screenings
from jusadel.solver.linear.sqmr_gmres import Iterate, Operator, norm

Array = jax.Array

KEPT = 32
"""Programs, each of a mesh's shapes, that wait for the next."""
_kept: OrderedDict[Any, Any] = OrderedDict()
LOOSEST, TIGHTEST = 0.1, 1e-4
"""Relative errors that a step may be asked for."""


class KrylovSteps(NamedTuple):
    """What one program returns."""

    step: Any  # (b, n, 8)
    residual: Any  # (b,) norms of the gradients, or of the right-hand sides
    accuracy: Any  # (b,)
    iterations: Any  # (b,)
    energy: Any  # (b,) as `sqmr_gmres.energy`, of the right-hand sides


Method = Callable[[Operator, Operator, Array, Array], Iterate]


@cache
def steps_on(devices: tuple[Any, ...], method: Callable[..., Iterate], **limits: int) -> Any:
    """The program for Newton directions, and for linear responses, with this method."""
    return _shared(devices, partial(_steps, method=partial(method, **limits)), 3, 7)


@cache
def left_over_on(devices: tuple[Any, ...]) -> Any:
    """The program for what is left of right-hand sides, in double precision."""
    return _shared(devices, _left_over, 1, 4)


def run_program(devices: tuple[Any, ...], program: Any, *arguments: Any) -> Any:
    """What a program returns.

    It is made before it runs: what making it leaves behind is given back in between. And JAX would make another one of
    the same where a derivative asks for it, since it is called in another context there.
    """
    if len(devices) > 1:
        return program(*arguments)
    leaves, tree = jax.tree.flatten(arguments)
    shapes = tuple((jnp.shape(x), jnp.result_type(x)) for x in leaves)
    return _made(program, arguments, (program, tree, shapes))(*arguments)


def _made(program: Any, arguments: Any, of: Any) -> Any:
    """The program for arguments of these shapes; some are kept."""
    if of not in _kept:
        _kept[of] = program.lower(*arguments).compile()
        give_back()
    _kept.move_to_end(of)
    while len(_kept) > KEPT:
        _kept.popitem(last=False)
    return _kept[of]


def _shared(devices: tuple[Any, ...], one: Any, common: int, split_arguments: int) -> Any:
    """A program on one device, or the same program on several, each with its own frequencies."""
    if len(devices) > 1:
        everywhere, split = PartitionSpec(), PartitionSpec("frequency")
        mesh = Mesh(np.array(devices), ("frequency",))
        specs = (everywhere,) * common + (split,) * split_arguments
        one = jax.shard_map(one, mesh=mesh, in_specs=specs, out_specs=split, check_vma=False)
    return jax.jit(one)


def _steps(
    lifted: LiftedAction,
    inner: LiftedAction,
    levels: tuple[Level, ...],
    V: Array,
    omega: Array,
    before: Array,
    enough: Array,
    target: Array,
    rhs: Array,
    given: Array,
    *,
    method: Method,
) -> KrylovSteps:
    """What solves H x = b at V (b, n, 4, 4), for Newton directions or for right-hand sides.

    Args:
        before: norms of the gradients at the last step, else NaN, (b,).
        enough: relative error below which nothing is gained, or, of a right-hand side, that is wanted, (b,).
        target: gradients (b, n) below which nothing needs to be done.
        rhs: b where it is `given` (b,) bool, (b, n, 8); elsewhere it is minus the gradient.
    """
    V, rhs = jnp.moveaxis(V, 0, -1), jnp.moveaxis(rhs, 0, -1)
    V_inverse, _, Phi = at_frames(lifted, V, omega)
    slope, _ = slope_in_frames(lifted, V, V_inverse, Phi)
    r = jnp.where(given, -jnp.where(lifted.system.free[:, None, None], rhs, 0), slope)
    size = norm(r)
    moving = jnp.any(jnp.linalg.norm(r, axis=1) > target.T, axis=0)
    wanted = jnp.where(moving, _forcing(size, before, enough), 2.0)  # nothing to do above one
    wanted = jnp.where(given, enough, wanted)
    b = jnp.where(size == 0, 0, -r / jnp.where(size == 0, 1, size))
    apply, precondition = _operators(inner, levels, V, Phi, omega)
    b, wanted = (_in_precision_of(inner, x) for x in (b, wanted))
    found = method(apply, precondition, b, wanted)
    accuracy = jnp.where(wanted > 1, 0.0, found.accuracy)
    return KrylovSteps(jnp.moveaxis(found.x * size, -1, 0), size, accuracy, found.iterations, found.start * size)


def _left_over(lifted: LiftedAction, V: Array, omega: Array, x: Array, rhs: Array) -> Array:
    """rhs - H x (b, n, 8)."""
    V, x, rhs = (jnp.moveaxis(y, 0, -1) for y in (V, x, rhs))
    V_inverse, G, Phi = at_frames(lifted, V, omega)
    H = in_frames(lifted, V, V_inverse, Phi, gradient_change(lifted, G, omega))
    return jnp.moveaxis(jnp.where(lifted.system.free[:, None, None], rhs, 0) - H.apply(x), -1, 0)


def _operators(
    inner: LiftedAction, levels: tuple[Level, ...], V: Array, Phi: Array, omega: Array
) -> tuple[Operator, Operator]:
    """The Hessian and its preconditioner in the precision of `inner`, at V (n, 4, 4, w) with the gradient Phi."""
    V, Phi, omega = (_in_precision_of(inner, x) for x in (V, Phi, omega))
    V_inverse = inverse_of_frames(V)
    H = in_frames(inner, V, V_inverse, Phi, gradient_change(inner, green(V, V_inverse), omega))
    screening = screenings(levels, *_screening(inner, H, omega))
    return H.apply, lambda r: preconditioner(levels, screening, r)


def iteratively_refined(
    exact: Operator, solve: Callable[..., Iterate], measure: Operator, b: Array, tol: Array, rounds: int
) -> tuple[Array, Array]:
    """x of exact(x) = b, and its relative error, by iterative refinement with a solver of lower precision."""
    start = measure(b)

    def unfinished(state: Any) -> Array:
        k, _, _, error, before = state
        return (k < rounds) & jnp.any((error > tol) & (error < before / 2))

    def refine(state: Any) -> Any:
        k, x, left, error, _ = state
        scale = norm(left)
        wanted = jnp.where(error > tol, jnp.clip(tol / error / 2, TIGHTEST, LOOSEST), 2.0)  # nothing to do above one
        x = x + solve(left / jnp.where(scale == 0, 1, scale), wanted).x * scale
        left = b - exact(x)
        return k + 1, x, left, measure(left) / jnp.where(start == 0, 1, start), error

    ones = jnp.where(start == 0, 0.0, 1.0)
    _, x, _, error, _ = jax.lax.while_loop(unfinished, refine, (0, jnp.zeros_like(b), b, ones, jnp.inf * ones))
    return x, error


def _in_precision_of(lifted: LiftedAction, x: Array) -> Array:
    real = lifted.system.cells.area.dtype
    return x.astype(jnp.result_type(real, jnp.complex64) if jnp.iscomplexobj(x) else real)


def _forcing(size: Array, before: Array, enough: Array) -> Array:
    """The relative error to iterate to, as Eisenstat and Walker have it for the residual, but not beyond `enough`."""
    eta = jnp.where(jnp.isnan(before), LOOSEST, 0.9 * (size / before) ** 2)
    return jnp.clip(jnp.maximum(eta, enough), TIGHTEST, LOOSEST)


def _screening(lifted: LiftedAction, H: Hessian, omega: Array) -> tuple[Array, Array]:
    """s of the operators 8 K + s that stand for the singlet and the triplet directions, (n, w) each.

    The mean diagonal of the Hessian beside 8 K; in the normal state 8 omega, and besides 4/3 of the trace of Gamma for
    triplets, and of that of Gamma^m 2 for singlets and 2/3 for triplets. Never below 8 omega.

    At real energies the modulus of all that, and 8 eta: with z on the right half of the complex plane, K + z over
    K + |z| lies between 1 and z/|z|, at least 0.7 from the origin, and the cycle stays real and positive.
    """
    nodes = lifted.system.nodes
    local = -4 * jnp.trace(H.curvature, axis1=1, axis2=2)
    difference = nodes.fields["Gamma"] - nodes.fields["magnetic_Gamma"]
    relaxation = jnp.trace(difference, axis1=1, axis2=2)[:, None]
    floor = 8 * nodes.weight[:, None] * omega.real
    singlet, triplet = local - relaxation, local + relaxation / 3
    if jnp.iscomplexobj(local):
        singlet, triplet = jnp.abs(singlet), jnp.abs(triplet)
    return jnp.maximum(singlet, floor), jnp.maximum(triplet, floor)
