"""The Newton loop over all frequencies at once, its certificate, and the ladder that helps where it fails.

Design: start from the normal state, or from the frequency above, full steps, each node's step capped at 0.5. At fixed
pair potential and exchange field the physical solution is analytic for omega > 0, so a ladder from high frequencies
meets no bifurcation (on a mesh far too coarse for its tensors it may still end). Convergence of the residual proves
nothing about the branch; positivity does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import numpy as np

from jusadel.action.matrices.padding import few_sizes, filled_up, with_spare_frames
from jusadel.action.matrix_free import LiftedAction, residual
from jusadel.action.mesh_action import DiscreteAction, to_nodes
from jusadel.action.nambu import R
from jusadel.action.nambu.frames import cap_step, frame_to_green, positivity, retract
from jusadel.common.differentiability import numpy_if_few
from jusadel.common.distributed import shared_out
from jusadel.common.programs.compilation import compilation_told
from jusadel.common.progress import Event, Progress
from jusadel.solver.linear import LinearSolver
from jusadel.solver.linear.protocol import SMALL
from jusadel.solver.states.newton_result import NewtonResult, nothing_yet

Array = jax.Array

CAP = 0.5
MAX_STEPS = 30
ROUND_OFF = 2e-15
"""Gradient relative to the forces at which a node has come to rest: what double precision leaves."""
MAX_RUNGS = 40
NEARLY_NORMAL = 0.1
"""Entries of G - R3 below which the next frequency starts from the normal state."""
MORE = 3
"""Times that steps go on where they are small and the residual is not: each gains a digit or more."""


def forces(system: DiscreteAction, omega: Any) -> np.ndarray:
    """What a residual is measured against: the size of the forces that balance at each node, (b, n).

    They are nu area (omega + |Delta| + |h|), the diffusion term's nu area grad phi.D.grad phi / 2, whose round-off is
    all that is left on a fine mesh, and a quarter of the conductance of barriers.
    """
    return 8 * (np.abs(omega)[:, None] * np.asarray(system.nodes.weight) + _balanced(system))


def _balanced(system: DiscreteAction) -> np.ndarray:
    system = jax.tree.map(np.asarray, system)
    cells, n = system.cells, len(system.free)
    stiffness = np.einsum("tik,tkj,tij->ti", cells.gradients, cells.fields["D"], cells.gradients) / 2
    balanced = to_nodes(system.triangles, (cells.nu * cells.area)[:, None] * stiffness, n)
    for values in system.nodes.fields.values():
        if values.ndim < 3:  # relaxation is no force of its own
            balanced = balanced + np.linalg.norm(values.reshape(n, -1), axis=-1)
    for joint in system.joints:
        for end in joint.pairs.T:
            np.add.at(balanced, end, joint.conductance / 4)
    return balanced


def newton(
    lifted: LiftedAction,
    omega: np.ndarray,
    V: np.ndarray,
    solver: LinearSolver,
    *,
    prepared: Any = None,
    tol: float = 1e-9,
    progress: Progress | None = None,
) -> NewtonResult:
    """Newton's method from the frames V (b, n, 4, 4) for the frequencies omega (b,), without any fallback.

    Frequencies that are close to each other go together, from the highest down: they take about as many iterations.
    In place of the normal state each starts from what was found above it where a step costs factors: iterations are
    hardly fewer from there.
    """
    b = len(omega)
    prepared = solver.prepare(lifted, b) if prepared is None else prepared
    local = forces(lifted.system, omega)
    scale = np.linalg.norm(local, axis=1)
    result, nodes = nothing_yet(np.array(V)), V.shape[1]
    V, order = with_spare_frames(V, len(lifted.system.free)), np.argsort(-omega, kind="stable")
    free = np.asarray(lifted.system.free)
    direct = getattr(solver, "inertia", False)  # a solver of the user's own may say nothing
    normal = direct and np.isrealobj(V) and bool((V[:, free] == np.eye(4)).all())
    for first in range(0, b, prepared.width):
        part = order[first : first + prepared.width]
        sizes = local[part], scale[part]
        for k in part if normal else ():
            _start_from_above(V[k, :nodes], omega, result, omega[k], free[:nodes])
        found = _iterate(omega[part], V[part], solver, prepared, *sizes)
        for _ in range(MORE):  # a small tol asks for more than small steps
            poor = found["converged"] & (found["residual"] > tol)
            if not poor.any():
                break
            more = _iterate(omega[part][poor], found["V"][poor], solver, prepared, *(x[poor] for x in sizes))
            _insert_better(found, poor, more)
        found["converged"] &= found["residual"] <= tol
        for name, value in (found | {"V": found["V"][:, :nodes]}).items():
            getattr(result, name)[part] = value
        result.margin[part] = certificate(result.V[part])
        if progress:
            done, steps = min(first + prepared.width, b), found["steps"].max()
            progress(Event("Newton", done, b, "frequencies", f"{steps} steps"))
    known = result.inertia is not None and bool((result.inertia >= 0).all())
    return result if known else replace(result, inertia=None)


def _start_from_above(V: np.ndarray, omega: np.ndarray, found: NewtonResult, at: float, free: np.ndarray) -> None:
    """Put into the frames V (n, 4, 4) of the frequency `at` those of the nearest higher one that is accepted, if any.

    Of several, as of several phases, those with the nearest values on reservoirs, which V keeps. Where they are nearly
    those of the normal state that remains the start: as few steps lead from there, with less round-off.
    """
    above = found.accepted & (omega > at)
    if above.any():
        near = found.V[above & (omega == omega[above].min())]
        near = near[np.abs(near - V)[:, ~free].sum(axis=(1, 2, 3)).argmin()][free]
        if np.abs(near @ R[2] - R[2] @ near).max() > NEARLY_NORMAL:
            V[free] = near


def _iterate(
    omega: np.ndarray, V: np.ndarray, solver: LinearSolver, prepared: Any, local: np.ndarray, scale: np.ndarray
) -> dict[str, np.ndarray]:
    """Newton's method for frequencies that are solved together, until the steps are small; forces as in `forces`."""
    memory: list[dict[str, Any]] = [{} for _ in omega]
    frames, active = V, np.ones(len(omega), bool)
    done, steps, inertia = np.zeros(len(omega), bool), np.zeros(len(omega), int), np.full((len(omega), 2), -1)
    target = ROUND_OFF * local
    for _ in range(MAX_STEPS):
        direction = solver.directions(prepared, frames, omega, active, target, memory)
        if direction.inertia is not None:
            inertia[active] = direction.inertia[active]
        frames, longest, deviation = _advance(frames, direction.step)
        length, small = np.asarray(longest), SMALL * np.clip(deviation, ROUND_OFF, 1)  # a normal metal is at rest
        active = active & np.isfinite(length)  # a singular Hessian gives NaN: that frequency has failed
        steps[active] += length[active] > 0
        for m, value in zip(memory, length, strict=True):
            m["length"] = value
        # what is left is of the order of the step's square, or of its own error
        left = np.maximum(length**2, np.where(length > 0, np.minimum(direction.accuracy, 1), 0) * length)
        done |= active & ((length == 0) | (left < small))
        active = active & ~done
        if not active.any():
            break
    iterations = np.array([m.get("iterations", 0) for m in memory])
    relative = _norms(prepared.lifted, frames, omega, prepared.batch) / scale
    found = {"V": frames, "residual": relative, "steps": steps, "iterations": iterations, "converged": done}
    return {name: np.array(value) for name, value in found.items()} | {"inertia": inertia}


def _insert_better(found: dict[str, np.ndarray], where: np.ndarray, more: dict[str, np.ndarray]) -> None:
    """Put further steps of these frequencies (b,) into what was found, if they were steps towards the solution."""
    for name in ("steps", "iterations"):
        found[name][where] += more[name]
    better = more["converged"] & (more["residual"] < found["residual"][where])
    at = np.flatnonzero(where)[better]
    for name in ("V", "residual"):
        found[name][at] = more[name][better]


@numpy_if_few
def _advance(xp: Any, V: Any, step: Any) -> tuple[Any, Any, Any]:
    """The frames after the capped step, the longest step of a node before the cap, and the largest |[V, R3]|, (b,).

    NaN steps are left out. The frames' entries are at most one, so that [V, R3] is the size of G - R3.
    """
    length = xp.max(xp.linalg.norm(step, axis=-1), axis=-1)
    good = xp.isfinite(length)[:, None, None]
    V = retract(V, cap_step(xp.where(good, step, 0), CAP))
    return V, length, xp.max(abs(V @ R[2] - R[2] @ V), axis=(1, 2, 3))


def _norms(lifted: LiftedAction, V: Any, omega: np.ndarray, batch: int) -> np.ndarray:
    """Norms of the gradients, (b,), in batches of one shape."""
    V, norms = np.asarray(V), []
    for first in range(0, len(omega), batch):
        part = np.minimum(np.arange(first, first + batch), len(omega) - 1)
        norms.append(np.linalg.norm(residual(lifted, V[part], omega[part]), axis=(1, 2)))
    return np.concatenate(norms)[: len(omega)]


@numpy_if_few
def _margins(xp: Any, V: Any) -> Any:
    return xp.min(positivity(frame_to_green(V)), axis=-1)


def certificate(V: np.ndarray) -> np.ndarray:
    """Smallest eigenvalue of the Hermitian part of g tau3 over the nodes, (b,); NaN frames give -inf."""
    margins = np.asarray(_margins(filled_up(V, few_sizes(V.shape[1]), axis=1)))
    return np.where(np.isfinite(margins), margins, -np.inf)


def solve_frequencies(
    prepared: Any,
    omega: np.ndarray,
    start: Callable[[np.ndarray], np.ndarray],
    solver: LinearSolver,
    *,
    boundary: Callable[[np.ndarray, np.ndarray], np.ndarray],
    ladder: bool = True,
    tol: float = 1e-9,
    progress: Progress | None = None,
) -> NewtonResult:
    """All frequencies from their start; those not accepted again by the ladder from higher frequencies.

    Args:
        prepared: what the linear solver has prepared for the discrete action.
        omega: frequencies (b,).
        start: gives the starting frames (b, n, 4, 4) for frequencies (b,).
        solver: the linear solver.
        boundary: writes the reservoirs' frames of frequencies (b,) into frames (b, n, 4, 4).
        ladder: whether to use the fallback.
        tol: relative residual.
        progress: called with each Event.
    """
    run = lambda w, V: newton(prepared.lifted, w, boundary(V, w), solver, prepared=prepared, tol=tol, progress=progress)  # noqa: E731
    with compilation_told(progress):
        result = shared_out(run, omega, start(omega))
    if not ladder or result.accepted.all():
        return result
    for k in np.argsort(-omega):
        if not result.accepted[k]:
            if progress:
                progress(Event(f"omega = {omega[k]:.4g} was not accepted", detail="ladder from higher frequencies"))
            result = _insert(result, k, *_climb(run, result, omega, k))
    return result


def _climb(run: Any, result: NewtonResult, omega: np.ndarray, k: int) -> tuple[NewtonResult, int]:
    """Solve frequency k from the nearest accepted higher one, with geometric midpoints where a rung fails.

    Where none is accepted, from the normal state at a frequency far above all.
    """
    above = [j for j in np.nonzero(result.accepted)[0] if omega[j] > omega[k]]
    if above:
        nearest = min(above, key=lambda j: omega[j])
        high, V = omega[nearest], result.V[nearest : nearest + 1]
    else:
        high = 64 * max(omega[k], omega.max())
        V = run(np.array([high]), np.broadcast_to(np.eye(4), result.V[:1].shape)).V
    target = omega[k]
    for rung in range(1, MAX_RUNGS + 1):
        trial = run(np.array([target]), V)
        if trial.accepted[0] and target == omega[k]:
            return trial, rung
        if trial.accepted[0]:
            high, V, target = target, trial.V, omega[k]
        else:
            target = np.sqrt(target * high)
        if high / target < 1.001:
            break
    return run(omega[k : k + 1], V), rung


def _insert(result: NewtonResult, k: int, one: NewtonResult, rungs: int) -> NewtonResult:
    """The result with frequency k replaced."""

    def put(into: np.ndarray | None, value: np.ndarray | None) -> np.ndarray | None:
        if into is None or value is None:
            return into
        out = into.copy()
        out[k] = value[0]
        return out

    names = ("V", "residual", "steps", "iterations", "converged", "margin", "inertia")
    changed: dict[str, Any] = {name: put(getattr(result, name), getattr(one, name)) for name in names}
    climbed = result.ladder.copy()
    climbed[k] = rungs
    return replace(result, **changed, ladder=climbed)
