"""Newton directions by multigrid-preconditioned Krylov iterations: matrix-free, all frequencies at once, on any device.

The gradient is evaluated in double precision, the linear system iterated in single precision: Newton's next gradient
corrects it. How far to iterate follows from how fast the gradient falls (Eisenstat and Walker 1996, choice 2).
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, PartitionSpec

from jusadel.lifted import (
    Hessian,
    LiftedAction,
    at_frames,
    cast,
    gradient_change,
    green,
    in_frames,
    inverse,
    slope_in_frames,
    stiffness,
)
from jusadel.linear.direct import SuperLU
from jusadel.linear.iterations import Iterate, Operator, fgmres, norm, sqmr
from jusadel.linear.multigrid import Level, hierarchy, preconditioner, screenings
from jusadel.linear.protocol import Direction, StagnationWarning

Array = jax.Array

WIDTH = 8
"""Frequencies per device on CPUs: a vector register of single precision; more would only crowd the cache."""
BYTES = 4000
"""Memory per node and frequency."""
LOOSEST, TIGHTEST = 0.1, 1e-6
"""Relative residuals that a step may be asked for."""
TRUSTED = 1e-3
"""Relative error that a step of single precision may have, whatever its iteration says of its residual."""
USEFUL = 0.3
"""Relative residual with which a step still brings Newton's method on."""
CYCLE, CYCLES = 20, 5
"""Of the restarted GMRES that takes over where SQMR stagnates."""


@dataclass(frozen=True)
class PreparedKrylov:
    """The action in both precisions, the multigrid hierarchy, and the devices that share the frequencies."""

    lifted: LiftedAction
    inner: LiftedAction
    levels: tuple[Level, ...]
    width: int
    devices: tuple[Any, ...]

    @property
    def batch(self) -> int:
        """One program serves the whole width."""
        return self.width


class Krylov:
    """SQMR, and GMRES where it stagnates, with a multigrid cycle as the preconditioner.

    Args:
        width: frequencies per device that are iterated together; default 8 on CPUs, all on others, fewer where the
            memory asks for it.
        inner: precision of the iterations, float32 or float64.
        limit: most SQMR iterations per Newton step.
        devices: share the frequencies among these; default all devices of this process.
        fallback: the direct solver that takes over with a StagnationWarning; default SuperLU.

    Raises:
        ValueError: width or limit below one, or another precision.
    """

    name = "SQMR with multigrid"

    def __init__(
        self,
        width: int | None = None,
        inner: Any = jnp.float32,
        limit: int = 150,
        devices: Any = None,
        fallback: Any = None,
    ) -> None:
        if (width is not None and width < 1) or limit < 1:
            raise ValueError(f"width = {width}, limit = {limit}; expected whole numbers >= 1")
        if jnp.dtype(inner) not in (jnp.float32, jnp.float64):
            raise ValueError(f"inner = {inner!r}; expected float32 or float64")
        self.width, self.inner, self.limit = width, jnp.dtype(inner), limit
        self.devices = tuple(devices or jax.local_devices())
        self.fallback = fallback or SuperLU()

    def prepare(self, lifted: LiftedAction, count: int = 1) -> PreparedKrylov:
        """The multigrid hierarchy, and how many of `count` frequencies to take together."""
        system = lifted.system
        each = self.width or _affordable_width(len(system.free), self.devices[0])
        share = -(-count // len(self.devices))  # frequencies of one device
        rounds = -(-share // each)
        levels = hierarchy(stiffness(system), np.asarray(system.free))
        width = -(-share // rounds) * len(self.devices)
        return PreparedKrylov(lifted, cast(lifted, self.inner), cast(levels, self.inner), width, self.devices)

    def directions(
        self,
        prepared: PreparedKrylov,
        V: Any,
        omega: np.ndarray,
        active: np.ndarray,
        target: np.ndarray,
        memory: list[dict[str, Any]],
    ) -> Direction:
        """Iterate for all frequencies together; those that stagnate go to GMRES, and then to the direct solver."""
        before = np.array([m.get("residual", np.nan) for m in memory])
        found = _run(prepared, partial(sqmr, limit=self.limit), V, omega, before, np.where(active, target, np.inf))
        for m, r, iterations in zip(memory, found.residual, found.iterations, strict=True):
            m["residual"], m["iterations"] = float(r), m.get("iterations", 0) + int(iterations)
        step, accuracy = found.step, found.accuracy
        for second in (_by_gmres, self._by_direct_solver):
            stuck = active & ~(accuracy <= USEFUL) & np.isfinite(found.residual)
            if stuck.any():
                better, reached = second(prepared, V, omega, stuck, target, accuracy)
                step, accuracy = np.where(stuck[:, None, None], better, step), np.where(stuck, reached, accuracy)
        return Direction(step, np.maximum(accuracy, TRUSTED) if self.inner == jnp.float32 else accuracy)

    def _by_direct_solver(
        self,
        prepared: PreparedKrylov,
        V: Any,
        omega: np.ndarray,
        stuck: np.ndarray,
        target: np.ndarray,
        accuracy: np.ndarray,
    ) -> tuple[Any, np.ndarray]:
        warnings.warn(
            f"the Krylov iterations stagnated at omega = {np.round(omega[stuck], 4).tolist()} (relative residual "
            f"{np.nanmax(accuracy[stuck]):.1e}, wanted below {USEFUL}); {self.fallback.name} takes over there. Where "
            "this happens often, pass linear_solver=jusadel.linear.SuperLU()",
            StagnationWarning,
            stacklevel=2,
        )
        direct = self.fallback.prepare(prepared.lifted, int(stuck.sum()))
        found = self.fallback.directions(direct, V, omega, stuck, target, [{} for _ in omega])
        return found.step, found.accuracy


def _by_gmres(
    prepared: PreparedKrylov, V: Any, omega: np.ndarray, stuck: np.ndarray, target: np.ndarray, _: np.ndarray
) -> tuple[Any, np.ndarray]:
    anew = np.full(len(omega), np.nan)
    method = partial(fgmres, size=CYCLE, cycles=CYCLES)
    found = _run(prepared, method, V, omega, anew, np.where(stuck, target, np.inf))
    return found.step, found.accuracy


def _run(
    prepared: PreparedKrylov,
    method: partial[Iterate],
    V: Any,
    omega: np.ndarray,
    before: np.ndarray,
    target: np.ndarray,
) -> Found:
    """The compiled program for frequencies (b,), filled up to its width with copies of the last."""
    b = len(omega)
    pad = np.minimum(np.arange(prepared.width), b - 1)
    program = _on_devices(prepared.devices, method.func, **method.keywords)
    here = (jnp.asarray(V)[pad], omega[pad], before[pad], target[pad])
    found = program(prepared.lifted, prepared.inner, prepared.levels, *here)
    return Found(found.step[:b], *(np.array(x)[:b] for x in found[1:]))


def _affordable_width(nodes: int, device: Any) -> int:
    """Frequencies for which half of the device's free memory is enough."""
    if device.platform != "cpu":
        stats = device.memory_stats() or {}
        free = stats.get("bytes_limit", 8e9) - stats.get("bytes_in_use", 0)
        return max(1, int(free / 2 / (BYTES * nodes)))
    free = _free_memory() / len(jax.local_devices())
    return int(np.clip(free / 2 / (BYTES * nodes), 1, WIDTH))


def _free_memory() -> float:
    """Bytes of main memory that nobody uses; 8 GB where the system does not say."""
    try:
        return float(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (ValueError, OSError, AttributeError):
        return 8e9


# --- the compiled program -----------------------------------------------------------------------


class Found(NamedTuple):
    """What one program returns."""

    step: Any  # (b, n, 8)
    residual: Any  # (b,)
    accuracy: Any  # (b,)
    iterations: Any  # (b,)


Method = Callable[[Operator, Operator, Array, Array], Iterate]


@cache
def _on_devices(devices: tuple[Any, ...], method: Callable[..., Iterate], **limits: int) -> Any:
    """The program on one device, or the same program on several, each with its own frequencies."""
    one: Any = partial(_directions, method=partial(method, **limits))
    if len(devices) > 1:
        everywhere, split = PartitionSpec(), PartitionSpec("frequency")
        mesh = Mesh(np.array(devices), ("frequency",))
        specs = (everywhere,) * 3 + (split,) * 4
        one = jax.shard_map(one, mesh=mesh, in_specs=specs, out_specs=split, check_vma=False)
    return jax.jit(one)


def _directions(
    lifted: LiftedAction,
    inner: LiftedAction,
    levels: tuple[Level, ...],
    V: Array,
    omega: Array,
    before: Array,
    target: Array,
    *,
    method: Method,
) -> Found:
    """Newton directions at V (b, n, 4, 4), given the norms of the gradients `before` the last step, else NaN."""
    V = jnp.moveaxis(V, 0, -1)
    V_inverse, _, Phi = at_frames(lifted, V, omega)
    r, _ = slope_in_frames(lifted, V, V_inverse, Phi)
    size = norm(r)
    wanted = jnp.where(size > target, _forcing(size, before, target), 2.0)  # nothing to do above one
    b = jnp.where(size == 0, 0, -r / jnp.where(size == 0, 1, size))
    V, Phi, b, omega, wanted = (_in_precision_of(inner, x) for x in (V, Phi, b, omega, wanted))
    V_inverse = inverse(V)
    H = in_frames(inner, V, V_inverse, Phi, gradient_change(inner, green(V, V_inverse), omega))
    screening = screenings(levels, *_screening(inner, H, omega))
    found = method(H.apply, lambda r: preconditioner(levels, screening, r), b, wanted)
    accuracy = jnp.where(wanted > 1, 0.0, found.accuracy)
    return Found(jnp.moveaxis(found.x * size, -1, 0), size, accuracy, found.iterations)


def _in_precision_of(lifted: LiftedAction, x: Array) -> Array:
    real = lifted.system.cells.area.dtype
    return x.astype(jnp.result_type(real, jnp.complex64) if jnp.iscomplexobj(x) else real)


def _forcing(size: Array, before: Array, target: Array) -> Array:
    """The relative residual to iterate to: Eisenstat and Walker's, and never beyond the target."""
    eta = jnp.where(jnp.isnan(before), LOOSEST, 0.9 * (size / before) ** 2)
    return jnp.clip(jnp.maximum(eta, 0.3 * target / size), TIGHTEST, LOOSEST)


def _screening(lifted: LiftedAction, H: Hessian, omega: Array) -> tuple[Array, Array]:
    """s of the operators 8 K + s that stand for the singlet and the triplet directions, (n, w) each.

    The mean diagonal of the Hessian beside 8 K; in the normal state 8 omega for singlets, and the relaxation of
    triplets besides. Never below 8 omega.
    """
    nodes = lifted.system.nodes
    local = -4 * jnp.trace(H.curvature, axis1=1, axis2=2)
    relaxation = jnp.trace(nodes.fields["Gamma"], axis1=1, axis2=2)[:, None]
    floor = 8 * nodes.weight[:, None] * omega
    return jnp.maximum(local - relaxation, floor), jnp.maximum(local + relaxation / 3, floor)
