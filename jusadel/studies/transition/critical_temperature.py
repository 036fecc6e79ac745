"""The critical temperature of a structure, from the linearised gap equation.

In the normal state G = R3 the second derivative of the free energy with respect to the pair potential has the smallest
eigenvalue lambda(T), J x = lambda w x (`gap`). Where it vanishes, at the uppermost T, superconductivity sets in by a
transition of second order, with x as its shape; in a uniform metal lambda = ln(T/Tc). The Green's functions are known,
so that nothing is iterated but T.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.common.arguments import is_number
from jusadel.common.differentiability import first_only, waits, worked_out
from jusadel.common.errors import SolveError
from jusadel.common.types import ArrayLike
from jusadel.device.device import Device
from jusadel.device.pair_potential import as_pairs
from jusadel.solver.derivatives.implicit_function import hessian_product
from jusadel.solver.derivatives.tracing import is_traced, still
from jusadel.solver.derivatives.under_grad import Stated, equations
from jusadel.solver.derivatives.whole import called_whole
from jusadel.solver.gap.response import PairResponse
from jusadel.solver.linear import LinearSolver
from jusadel.solver.problem import Problem
from jusadel.studies.transition.search import CriticalTemperature, Search, SearchPoint

Array = jax.Array

ONCE = (
    "critical_temperature has first derivatives only: of its second ones, the change of the mode is left out; take "
    "central differences of its gradient"
)


def critical_temperature(
    device: Device,
    *,
    accuracy: float = 1e-6,
    frequencies: int | Callable[[float], tuple[ArrayLike, ArrayLike]] | None = None,
    lowest: float = 0.01,
    linear_solver: LinearSolver | None = None,
) -> CriticalTemperature:
    """The temperature below which the normal state of a device is unstable, by a transition of second order.

    Where several temperatures fit, as in strong exchange fields, it is the uppermost one. A transition of first order
    may lie above it: compare free energies of `solve(..., pair_potential="self-consistent")`.

    Where superconductors of different Tc touch, or touch a normal metal, without a barrier, the pair potential at the
    border depends on the highest frequency as it does on the Debye energy, slowly and for ever: T then carries an error
    of the order of the mesh size there (measured: 3e-3 of T between 32 and 128 frequencies on triangles of half a
    coherence length). Give `frequencies` to keep that the same along a sweep.

    JAX differentiates `.T` once, forward or backward, with respect to everything in the device; inside `jax.jit` and
    `jax.vmap` too, where all is NaN if it fails.

    Args:
        device: the Device, with a region of Tc > 0. Electrodes must be normal (Delta = 0).
        accuracy: relative, of T for the given mesh.
        frequencies: None (as many as `accuracy` needs), the number of quadrature nodes, or a function of T that
            returns (omega, weights) with omega in proportion to T, such as lambda T: matsubara.plain_sum(T, 200).
        lowest: fraction of the largest Tc down to which a transition is looked for.
        linear_solver: as in `solve`.

    Raises:
        ValueError: superconducting electrodes, no region with Tc > 0, arguments out of range.
        StabilityError: the normal state is not stable against the material's tensors.
        SolveError: the search does not end, or the sums over frequencies do not converge.
        NotDifferentiableError: in a second derivative.
    """
    if waits(asked := locals()):
        return worked_out(critical_temperature, asked)
    if not is_traced(device):
        _check(device, accuracy, lowest)
        return Search(device, accuracy, frequencies, lowest, linear_solver).result()
    plain = still(device)
    if is_traced(plain):
        options = {"accuracy": accuracy, "frequencies": frequencies, "lowest": lowest, "linear_solver": linear_solver}
        return _in_program(device, options)
    _check(plain, accuracy, lowest)
    search = Search(plain, accuracy, frequencies, lowest, linear_solver)
    return _differentiated(device, search, search.result())


def _in_program(device: Device, options: dict[str, Any]) -> CriticalTemperature:
    """As `critical_temperature`, of numbers that have no values; the mode is zero where T = 0."""
    numbers = "T", "eigenvalue", "slope", "frequencies", "evaluations"

    def of(given: Any) -> dict[str, Any]:
        found = critical_temperature(given[0], **options)
        mode = np.zeros(given[0].mesh.n_nodes) if found.mode is None else found.mode
        return {name: getattr(found, name) for name in numbers} | {"mode": mode}

    like = {name: np.zeros(()) for name in numbers} | {"mode": np.zeros(len(device.mesh.points), complex)}
    return CriticalTemperature(**called_whole("critical_temperature", of, (device,), like), units=device.units)


def _check(device: Device, accuracy: Any, lowest: Any) -> None:
    if not isinstance(device, Device):
        raise TypeError(f"device is {type(device).__name__}; expected a jusadel.Device (mesh and materials together)")
    if not is_number(accuracy) or not 1e-12 <= accuracy < 1:
        raise ValueError(f"accuracy = {accuracy!r}; expected a relative error between 1e-12 and 1")
    if not is_number(lowest) or not 1e-4 <= lowest < 1:
        raise ValueError(f"lowest = {lowest!r}; expected a fraction of the largest Tc, between 1e-4 and 1")
    if not (np.asarray(device.vertex_field("Tc")) > 0).any():
        raise ValueError("a critical temperature needs a region with Tc > 0; every Tc is 0 here")
    for name, electrode in device.electrodes().items():
        if float(electrode.Delta) > 0:
            raise ValueError(
                f"the electrode {name!r} has Delta = {float(electrode.Delta):g}: it keeps the device superconducting "
                "at every temperature; only normal electrodes (Delta = 0) leave a transition"
            )


def _differentiated(device: Device, search: Search, found: CriticalTemperature) -> CriticalTemperature:
    """T as a function of what JAX traces, by dT/T = - dlambda/slope at the temperature that was found."""
    if found.mode is None:
        raise SolveError(
            f"no derivative of a critical temperature: the device is normal down to T = {search.lowest:.3g} "
            "(lower `lowest`, or start where it superconducts)"
        )
    change = first_only(eigenvalue_with_derivatives(device, search.problem, search.last), ONCE)
    return replace(found, T=found.T * (1 - (change - jax.lax.stop_gradient(change)) / found.slope))


def eigenvalue_with_derivatives(device: Device, problem: Problem, at: SearchPoint) -> Array:
    """lambda as a function of the device, right to first order: the mode and its G stay, as both are stationary.

    lambda = (1/2) x.H x / mode.w mode, x being the mode together with the response of G.
    """
    omega, weights = np.asarray(at.omega), np.asarray(at.weights)
    problem = replace(problem, T=at.T, omega=omega, weights=weights)
    normal = np.broadcast_to(np.eye(4), (len(omega), len(problem.system.free), 4, 4))
    steps = PairResponse(problem, at.where, normal, 1e-10).steps(at.mode)
    x = (jnp.asarray(steps), jnp.asarray(as_pairs(at.mode)))
    eq = equations(Stated(device, at.T, None, (omega, weights)), omega, weights, at.where)
    assert eq.gap is not None
    curvature = hessian_product(eq, (jnp.asarray(normal), jnp.zeros_like(x[1])), x)
    quadratic = sum(jnp.sum(a * b) for a, b in zip(x, curvature, strict=True)) / 2
    return quadratic / jnp.sum(eq.gap.weight[:, None] * x[1] ** 2)
