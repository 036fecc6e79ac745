"""Newton directions by multigrid-preconditioned Krylov iterations: matrix-free, all frequencies at once, on any device.

At real energies, omega = eta - i E, the same iterations run with complex numbers.

The gradient is evaluated in double precision, the linear system iterated in single precision: Newton's next gradient
corrects it. Where that does not bring Newton's method on, the iterations go to double precision as well. How far to
iterate follows from how fast the gradient falls (Eisenstat and Walker 1996, choice 2).
"""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.action.matrices.padding import filled_up
from jusadel.action.matrices.stiffness import stiffness, with_joints
from jusadel.action.matrix_free import LiftedAction, cast
from jusadel.common.differentiability import on_device
from jusadel.solver.linear.krylov_programs import KrylovSteps, run_program, steps_on
from jusadel.solver.linear.multigrid import Level, hierarchy
from jusadel.solver.linear.protocol import SMALL, Direction, LinearResponse, StagnationWarning
from jusadel.solver.linear.refinement import krylov_response
from jusadel.solver.linear.sqmr_gmres import Iterate, fgmres, sqmr
from jusadel.solver.linear.superlu import SuperLU

Array = jax.Array

WIDTH = 8
"""Frequencies per device on CPUs: a vector register of single precision; more would only crowd the cache."""
BYTES = 10_000
"""Memory per node and frequency at real energies; Matsubara frequencies take half of it."""
TRUSTED = 1e-3
"""Relative error that a step of single precision may have, whatever its iteration says of its residual."""
USEFUL = 0.3
"""Relative error with which a step still brings Newton's method on."""
NEAR, NEAR_REAL, SLOW = 0.1, 0.01, 0.5
"""Steps below the first that shrink by less than the last, from one to the next, are too inaccurate; at real energies,
where the first steps from one station to the next are short, those below the second."""
SAFE = 1e15
"""Numbers of the action above this, or below its inverse, might overflow in single precision."""
REFINEMENTS, NEARLY = 12, 30.0
"""Rounds of iterative refinement at most, and the factor by which a response may miss its tolerance."""
CYCLE, CYCLES = 20, 5
"""Of the restarted GMRES that takes over where SQMR stagnates."""


@dataclass(frozen=True)
class PreparedKrylov:
    """The action in both precisions, the multigrid hierarchy, and the devices that share the frequencies."""

    lifted: LiftedAction
    exact_levels: tuple[Level, ...]
    inner: LiftedAction
    levels: tuple[Level, ...]
    width: int
    devices: tuple[Any, ...]

    def in_double(self) -> PreparedKrylov:
        """The same with the iterations in double precision."""
        return replace(self, inner=self.lifted, levels=self.exact_levels)

    @property
    def batch(self) -> int:
        """One program serves the whole width."""
        return self.width


class Krylov:
    """SQMR, and GMRES where it stagnates, with a multigrid cycle as the preconditioner.

    Args:
        width: frequencies, or energies, per device that are iterated together; default 8 on CPUs, all on others, fewer
            where the memory asks for it. For the distributions of `kinetics` default 16 on the first device if that is
            no CPU; on CPUs one after the other, which is quicker there, unless a width above one is given.
        inner: precision of the iterations, float32 or float64.
        limit: most SQMR iterations per Newton step.
        devices: share the frequencies among these; default all devices of this process.
        fallback: the direct solver that takes over with a StagnationWarning; default SuperLU. At real energies it has
            to solve complex systems, which Pardiso does not.
        derivatives: relative accuracy of the linear responses behind a solution's derivatives (in the energy norm): a
            gradient costs iterations in proportion to its digits. 1e-10 or better with any gap equation.

    Raises:
        ValueError: width or limit below one, another precision, or derivatives outside of 1e-12 to 1e-3.
    """

    name = "SQMR with multigrid"
    inertia = False
    complex = True

    def __init__(
        self,
        width: int | None = None,
        inner: Any = jnp.float32,
        limit: int = 150,
        devices: Any = None,
        fallback: Any = None,
        derivatives: float = 1e-7,
    ) -> None:
        for name, value in (("width", 1 if width is None else width), ("limit", limit)):
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
                raise ValueError(f"{name} = {value!r}; expected a whole number >= 1")
        if inner not in (jnp.float32, jnp.float64, np.dtype("float32"), np.dtype("float64"), "float32", "float64"):
            raise ValueError(f"inner = {inner!r}; expected float32 or float64")
        if not isinstance(derivatives, float | np.floating) or not 1e-12 <= derivatives <= 1e-3:
            raise ValueError(f"derivatives = {derivatives!r}; expected a relative accuracy from 1e-12 to 1e-3")
        self.width, self.inner, self.limit, self.derivatives = width, jnp.dtype(inner), limit, float(derivatives)
        self.devices = tuple(jax.local_devices() if devices is None else devices)
        if not self.devices:
            raise ValueError("devices is empty; expected some of jax.local_devices(), or None for all")
        self.fallback = SuperLU() if fallback is None else fallback
        if not callable(getattr(self.fallback, "directions", None)):
            raise ValueError(f"fallback = {fallback!r}; expected a solver such as jusadel.linear.SuperLU()")
        self.complex = bool(getattr(self.fallback, "complex", False))

    def prepare(self, lifted: LiftedAction, count: int = 1) -> PreparedKrylov:
        """The multigrid hierarchy, and how many of `count` frequencies to take together."""
        system = lifted.system
        each = self.width or affordable_width(len(system.free), self.devices[0])
        share = -(-count // len(self.devices))  # frequencies of one device
        rounds = -(-share // each)
        levels = hierarchy(with_joints(stiffness(system), system), np.asarray(system.free))
        width = -(-share // rounds) * len(self.devices)
        inner = self.inner if _safe(lifted) else jnp.dtype(jnp.float64)
        return PreparedKrylov(lifted, levels, cast(lifted, inner), cast(levels, inner), width, self.devices)

    def directions(
        self,
        prepared: PreparedKrylov,
        V: Any,
        omega: np.ndarray,
        active: np.ndarray,
        target: np.ndarray,
        memory: list[dict[str, Any]],
    ) -> Direction:
        """Iterate for all frequencies together, in single precision where that is enough.

        Those that stagnate are iterated in double precision, then by GMRES, and then go to the direct solver.
        """
        before = np.array([m.get("residual", np.nan) for m in memory])
        asked = Asked(V, omega, before, np.array([_enough(m) for m in memory]), target)
        near = NEAR_REAL if np.iscomplexobj(omega) else NEAR
        double = np.array([_needs_double(m, near) for m in memory]) & active
        step = np.zeros((len(omega), len(prepared.lifted.system.free), 8), omega.dtype)
        accuracy = np.full(len(omega), np.inf)
        short, long = partial(sqmr, limit=self.limit), partial(fgmres, size=CYCLE, cycles=CYCLES)
        attempts = (
            (active & ~double, lambda at: _found(prepared, short, asked, at, memory)),
            (active, lambda at: _found(prepared.in_double(), short, asked, at, memory)),
            (active, lambda at: _found(prepared.in_double(), long, asked, at, memory)),
            (active, lambda at: self._by_direct_solver(prepared, asked, at, accuracy)),
        )
        for wanted, attempt in attempts:
            left = wanted & ~(accuracy <= USEFUL)
            if left.any():
                better, reached = attempt(left)
                step = better if left.all() else np.where(left[:, None, None], better, step)
                accuracy = np.where(left, reached, accuracy)
        for m, poor, reached in zip(memory, double, accuracy, strict=True):
            m["double"], m["earlier"], m["accuracy"] = bool(poor), m.get("length", np.inf), float(reached)
        single = prepared.inner.system.cells.area.dtype == jnp.float32
        return Direction(step, np.maximum(accuracy, TRUSTED) if single else accuracy)

    def with_nodes(self, prepared: PreparedKrylov, lifted: LiftedAction) -> PreparedKrylov:
        """The same hierarchy for other fields at the nodes."""
        inner = prepared.inner.system.cells.area.dtype if _safe(lifted) else jnp.dtype(jnp.float64)
        return replace(prepared, lifted=lifted, inner=cast(lifted, inner), levels=cast(prepared.exact_levels, inner))

    def response(self, prepared: PreparedKrylov, V: Any, omega: np.ndarray, tol: float) -> LinearResponse:
        """Iterations for every right-hand side, in single precision where that is enough."""
        V, single = np.asarray(V), tol >= TRUSTED
        order, starts = np.argsort(omega), range(0, len(omega), prepared.width)
        parts: Any = [order[k : k + prepared.width] for k in starts] if len(starts) > 1 else [slice(None)]  # no copies

        def respond(rhs: Any) -> Any:
            rhs = np.asarray(rhs)
            x = np.zeros_like(rhs)
            for part in parts:
                x[part] = self._responded(prepared, single, V[part], omega[part], rhs[part], tol)
            return x

        return respond

    def _responded(
        self, prepared: PreparedKrylov, single: bool, V: Any, omega: np.ndarray, rhs: Any, tol: float
    ) -> Any:
        """H x = rhs for frequencies (b,) that are iterated together; in double precision, then directly, if need be.

        Beyond single precision its iterations solve for what double precision finds to be left.
        """
        rounds, here = 1 if single else REFINEMENTS, [filled_up(x, prepared.width) for x in (V, omega, rhs)]
        for at in (prepared, prepared.in_double()):
            x, reached = (y[: len(omega)] for y in krylov_response(at, self.limit, rounds, tol, *on_device(here)))
            if (reached <= tol).all():
                return x
        if (reached <= (USEFUL * np.sqrt(tol) if single else NEARLY * tol)).all():
            return x
        warnings.warn(
            f"the Krylov iterations for a linear response stagnated at a relative error of {np.max(reached):.1e} "
            f"(wanted {tol:.0e}); {self.fallback.name} takes over there",
            StagnationWarning,
            stacklevel=2,
        )
        direct = self.fallback.prepare(prepared.lifted, len(omega))
        return self.fallback.response(direct, V, omega, tol)(rhs)

    def _by_direct_solver(
        self, prepared: PreparedKrylov, asked: Asked, stuck: np.ndarray, accuracy: np.ndarray
    ) -> tuple[Any, np.ndarray]:
        omega = asked.omega
        warnings.warn(
            f"the Krylov iterations stagnated at omega = {omega[stuck].round(4).tolist()} (relative error "
            f"{np.max(accuracy[stuck]):.1e}, wanted below {USEFUL}); {self.fallback.name} takes over there. Where "
            "this happens often, pass linear_solver=jusadel.linear.SuperLU()",
            StagnationWarning,
            stacklevel=2,
        )
        direct = self.fallback.prepare(prepared.lifted, int(stuck.sum()))
        found = self.fallback.directions(direct, asked.V, omega, stuck, asked.target, [{} for _ in omega])
        return found.step, found.accuracy


class Asked(NamedTuple):
    """Where Newton's method stands: what the compiled program gets."""

    V: Any  # (b, n, 4, 4)
    omega: np.ndarray  # (b,)
    before: np.ndarray  # (b,) norms of the gradients at the last step, else NaN
    enough: np.ndarray  # (b,) relative error below which nothing is gained
    target: np.ndarray  # (b, n)


def _safe(lifted: LiftedAction) -> bool:
    """Whether single precision holds the numbers of the action, in the user's units, with room for products."""
    sizes = np.array(
        [np.abs(x).max(initial=0) for x in jax.tree.leaves(lifted) if jnp.issubdtype(x.dtype, jnp.floating)]
    )
    return bool(((sizes == 0) | (sizes < SAFE) & (sizes > 1 / SAFE)).all())


def _enough(m: dict[str, Any]) -> float:
    """The relative error that suffices for a last step, from what the step before it has left."""
    length = m.get("length", np.inf)
    left = max(length**2, min(m.get("accuracy", 1.0), 1.0) * length)
    return 0.3 * SMALL / max(left, 1e-300)


def _needs_double(m: dict[str, Any], near: float) -> bool:
    """Whether the steps of a frequency hardly shrink although they are small."""
    length = m.get("length", np.inf)
    return m.get("double", False) or SLOW * m.get("earlier", np.inf) < length < near


def _found(
    prepared: PreparedKrylov, method: partial[Iterate], asked: Asked, at: np.ndarray, memory: list[dict[str, Any]]
) -> tuple[Any, np.ndarray]:
    """Steps and their accuracy, inf where the iteration broke down; what else was found, into the memory."""
    found = _run(prepared, method, asked._replace(target=np.where(at[:, None], asked.target, np.inf)))
    for m, r, iterations in zip(memory, found.residual, found.iterations, strict=True):
        m["residual"], m["iterations"] = float(r), m.get("iterations", 0) + int(iterations)
    accuracy = np.where(np.isfinite(found.accuracy), found.accuracy, np.inf)
    return found.step, np.where(np.isfinite(found.residual), accuracy, 0)  # nobody can help where the gradient is NaN


def _run(prepared: PreparedKrylov, method: partial[Iterate], asked: Asked) -> KrylovSteps:
    """The compiled program for frequencies (b,), filled up to its width with copies of the last."""
    b, program = len(asked.omega), steps_on(prepared.devices, method.func, **method.keywords)
    if b < prepared.width:
        asked = Asked(*(filled_up(x, prepared.width) for x in asked))
    nothing = np.zeros((*asked.V.shape[:2], 8), asked.omega.dtype), np.zeros(prepared.width, bool)
    here = on_device((*asked, *nothing))  # what is solved for are minus the gradients
    found = run_program(prepared.devices, program, prepared.lifted, prepared.inner, prepared.levels, *here)
    step = found.step if b == prepared.width else np.asarray(found.step)[:b]
    return KrylovSteps(step, *(np.array(x)[:b] for x in found[1:]))


def affordable_width(nodes: int, device: Any, each: int = BYTES) -> int:
    """Frequencies for which half of the device's free memory is enough, of as many bytes per node."""
    if device.platform != "cpu":
        stats = device.memory_stats() or {}
        free = stats.get("bytes_limit", 8e9) - stats.get("bytes_in_use", 0)
        return max(1, int(free / 2 / (each * nodes)))
    free = _free_memory() / len(jax.local_devices())
    return int(np.clip(free / 2 / (each * nodes), 1, WIDTH))


def _free_memory() -> float:
    """Bytes of main memory that nobody uses; 8 GB where the system does not say."""
    try:
        return float(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (ValueError, OSError, AttributeError):
        return 8e9
