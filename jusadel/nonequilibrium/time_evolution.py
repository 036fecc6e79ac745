"""Charge and spin in the normal state as functions of time: the equations of `diffuse` with d/dt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp

from jusadel.common.arguments import is_number, real
from jusadel.common.differentiability import is_traced, summed_rows, waits, with_rows, worked_out
from jusadel.common.errors import SolveError
from jusadel.common.types import ArrayLike
from jusadel.device.contact import Contact
from jusadel.device.device import Device
from jusadel.nonequilibrium.derivatives.evolution import Evolution, attached_slopes, states
from jusadel.nonequilibrium.derivatives.flows import traced_contacts, traced_flow
from jusadel.nonequilibrium.derivatives.transport import Transport, unknown_places
from jusadel.nonequilibrium.diffusion import NormalProblem, normal_problem, normal_transport
from jusadel.nonequilibrium.flow import Flow
from jusadel.nonequilibrium.linear.factors import Factors, spread
from jusadel.solver.derivatives.tracing import still
from jusadel.solver.derivatives.whole import called_whole

GAMMA = 1 - 1 / np.sqrt(2)
"""Alexander's two-stage scheme: implicit, second order, and what is fast dies out at once (L-stable)."""
SHARES = 1 - GAMMA, GAMMA
"""Of a step, by which the slopes of its stages move f."""
MOST_STEPS = 2**14
"""Between two of the times."""


def spin_dynamics(
    device: Device,
    contacts: Mapping[str, Contact],
    times: ArrayLike,
    *,
    start: Flow | ArrayLike | None = None,
    tol: float = 1e-4,
) -> list[Flow]:
    """How charge and spin in the normal state develop: M df/dt + B f = load with constant contacts.

    At times[0] everything is at `start`, except where contacts hold it: they are switched on then. Each interval
    between the times is divided into equal steps, their number doubled until the result changes by less than `tol`.
    Arguments not named here are those of `diffuse`.

    Args:
        device: the Device.
        contacts: {boundary: Contact}.
        times: increasing, (k,), k >= 2 [1/energy].
        start: None for mu = 0 and S = 0; a Flow on the same mesh; or (mu (n,), S (n, 3)), numbers and vectors included.
        tol: largest error of mu and S in an interval, relative to the largest of them so far.

    Returns:
        A Flow for each time. Its `current_through` is what flows at that time. Under `jax.grad` and its kin they have
        derivatives with respect to all numbers of the device, the contacts, the times and the start, those of the
        scheme with the steps that it took. Inside `jax.jit` and `jax.vmap` they are of first order, and all is NaN
        where what depends on numbers would be refused.

    Raises:
        ValueError: as `diffuse`, except that nothing needs to fix potential or spin; times that do not increase; start
            of another shape.
        SolveError: an interval needs more steps than are allowed: put more times where things change.
    """
    if waits(asked := locals()):
        return worked_out(spin_dynamics, asked)
    if not is_number(tol) or not 0 < tol < 1:
        raise ValueError(f"tol = {tol!r}; expected a relative error between 0 and 1")
    if not is_traced((device, contacts, times, start)):
        problem, times = normal_problem(device, contacts, floating=True), _checked_times(times)
        each = _evolved(_Stepper(problem), _started(problem, start), times, tol)
        return [problem.flow(f, float(t)) for (f, _), t in zip(each, times, strict=True)]
    return _differentiated(device, contacts, real("times", times), start, tol)


def _started(problem: NormalProblem, start: Any) -> np.ndarray:
    return _started_at(problem, _first(start, len(problem.device.mesh.points), problem.given.shape))


def _started_at(problem: NormalProblem, f: np.ndarray) -> np.ndarray:
    return _begun(f, unknown_places(problem.unknown, problem.together), problem.given)


@dataclass(frozen=True)
class _Begun:
    """All f (N, 4) to start from."""

    f: Any


def _differentiated(device: Device, contacts: Mapping[str, Contact], times: Any, start: Any, tol: float) -> list[Flow]:
    """As `spin_dynamics`, with numbers that JAX traces."""
    device, contacts, transport = normal_transport(device, contacts, floating=True)
    first = _first(start, len(device.mesh.points), transport.given.shape[1:])
    if is_traced((still(device), traced_contacts(contacts, still), still((times, first)))):
        like = np.zeros((len(times), *first.shape))
        found = called_whole("spin_dynamics", partial(_evolution_of, tol), (device, contacts, times, first), like)
    else:
        found = _attached(device, contacts, transport, times, first, tol)
    return [traced_flow(device, contacts, transport, f, t) for f, t in zip(found, times, strict=True)]


def _evolution_of(tol: float, given: Any) -> Any:
    """f (k, N, 4) at all times, of a device, contacts, times and the first f."""
    device, contacts, times, first = given
    checked = traced_contacts(contacts, lambda number: number)
    flows = spin_dynamics(device, checked, times, start=_Begun(first), tol=tol)  # type: ignore[arg-type]
    return (jnp if is_traced(flows) else np).stack([flow.f for flow in flows])


def _attached(device: Device, contacts: Any, transport: Transport, times: Any, first: Any, tol: float) -> Any:
    """f (k, N, 4) at all times, by the steps that the numbers take."""
    problem = normal_problem(still(device), traced_contacts(contacts, still), floating=True)
    stepper, f, at = _Stepper(problem), _started_at(problem, still(first)), _checked_times(still(times))
    steps = np.array([n for _, n in _evolved(stepper, f, at, tol)[1:]])
    marched = _Marched(stepper, f, np.repeat(np.diff(at) / steps, steps))
    dt = jnp.repeat(jnp.diff(times) / steps, 2 * steps, total_repeat_length=2 * sum(steps))
    evolution = Evolution(
        system=transport.system,
        start=_begun(first, np.asarray(transport.place[0]), transport.given[0]),
        load=transport.load[0] + transport.forced[0],
        place=transport.place[0],
        dt=dt,
        share=dt * np.tile(SHARES, sum(steps)),
        gamma=GAMMA,
    )
    return states(evolution, attached_slopes(evolution, marched.slopes, marched))[2 * np.cumsum([0, *steps])]


def _checked_times(given: Any) -> np.ndarray:
    times = np.asarray(real("times", given))
    if times.ndim != 1 or len(times) < 2 or not np.isfinite(times).all() or not (np.diff(times) > 0).all():
        raise ValueError(f"times = {times.tolist()}; expected at least two finite increasing numbers")
    return times


def _evolved(stepper: _Stepper, f: np.ndarray, times: np.ndarray, tol: float) -> list[tuple[np.ndarray, int]]:
    """f (N, 4) at every time, and the steps that led there from the time before."""
    each, size, steps = [(f, 1)], np.abs(f).max(), 1
    for begin, end in pairwise(times):
        f, steps = _interval(stepper, f, begin, end, tol, size, max(steps // 2, 1))
        size = max(size, np.abs(f).max())
        each.append((f, steps))
    return each


class _Stepper:
    """Steps of the unknown f, with factors kept for each length of a step."""

    def __init__(self, problem: NormalProblem) -> None:
        self.problem, self.spread = problem, spread(problem.unknown, problem.together)
        self.B = sp.csr_matrix(self.spread.T @ problem.equations.B)
        self.square = sp.csc_matrix(self.B @ self.spread)
        self.mass = sp.diags(self.spread.T @ problem.mass.ravel())
        self.factors: dict[float, Factors] = {}

    def factors_of(self, dt: float) -> Factors:
        """Of M + gamma dt B."""
        if dt not in self.factors:
            self.factors[dt] = Factors.of(self.mass + GAMMA * dt * self.square)
        return self.factors[dt]

    def step(self, f: np.ndarray, dt: float) -> tuple[np.ndarray, list[np.ndarray]]:
        """f (N, 4) after the time dt, and the slopes k with (M + gamma dt B) k = load - B f at both stages."""
        load = self.spread.T @ (self.problem.load + self.problem.forced).ravel()
        out, slopes = f.copy(), []
        flat = out.reshape(-1)
        for share in SHARES:
            slopes.append(self.factors_of(dt).solve(load - self.B @ flat))
            flat += share * dt * (self.spread @ slopes[-1])
        return out, slopes

    def march(self, f: np.ndarray, begin: float, end: float, steps: int) -> np.ndarray:
        """So many equal steps."""
        for _ in range(steps):
            f, _ = self.step(f, (end - begin) / steps)
        return f


class _Marched:
    """All stages of steps of the lengths dt, begun at f (N, 4): their slopes, and those of other loads."""

    def __init__(self, stepper: _Stepper, f: np.ndarray, dt: np.ndarray) -> None:
        self.stepper, self.dt, slopes = stepper, np.repeat(dt, 2), []
        for step in dt:
            f, found = stepper.step(f, step)
            slopes += found
        self.share = self.dt * np.tile(SHARES, len(dt))
        self.slopes = np.stack([stepper.spread @ k for k in slopes])

    def solve(self, r: np.ndarray) -> np.ndarray:
        """Slopes (J, N 4) of loads (J, N 4) at the unknowns."""
        S, B, found = self.stepper.spread, self.stepper.square, []
        moved = np.zeros(B.shape[0])
        for load, dt, share in zip(r, self.dt, self.share, strict=True):
            k = self.stepper.factors_of(dt).solve(S.T @ load - B @ moved)
            moved = moved + share * k
            found.append(S @ k)
        return np.stack(found)

    def solve_transposed(self, r: np.ndarray) -> np.ndarray:
        """That of the transposed equations, from the last stage to the first."""
        S, B, found = self.stepper.spread, self.stepper.square, []
        after = np.zeros(B.shape[0])
        for load, dt, share in zip(r[::-1], self.dt[::-1], self.share[::-1], strict=True):
            later = share * (B.T @ after)
            k = self.stepper.factors_of(dt).solve_transposed(S.T @ load - later)
            after = after + k
            found.append(S @ k)
        return np.stack(found[::-1])


def _interval(
    stepper: _Stepper, f: np.ndarray, begin: float, end: float, tol: float, size: float, steps: int
) -> tuple[np.ndarray, int]:
    """f at the end, and the steps it took; a scheme of second order errs by a third of what doubling them changes."""
    coarse = stepper.march(f, begin, end, steps)
    while steps < MOST_STEPS:
        steps *= 2
        fine = stepper.march(f, begin, end, steps)
        change = np.abs(fine - coarse).max() / 3
        if change <= tol * max(size, np.abs(fine).max(), 1e-300):
            return fine, steps
        coarse = fine
    raise SolveError(
        f"between the times {begin:g} and {end:g} mu and S still change by {change:.1e} with {steps} steps (tol = "
        f"{tol:.0e}); give more times there, such as numpy.geomspace after switching on"
    )


def _first(start: Any, n: int, shape: tuple[int, ...]) -> Any:
    """The f (N, 4) that was given to start from."""
    if isinstance(start, _Begun):
        return start.f
    if isinstance(start, Flow):
        if start.f.shape != shape:
            raise ValueError(f"start is a Flow with {len(start.f)} nodes; expected {shape[0]}, on the same mesh")
        return start.f
    if start is None:
        return np.zeros(shape)
    xp: Any = jnp if is_traced(start) else np
    f = xp.zeros(shape)
    try:
        mu, S = start
        f = with_rows(xp, f, (slice(n), slice(1)), xp.broadcast_to(real("start's mu", mu), (n,))[:, None])
        f = with_rows(xp, f, (slice(n), slice(1, 4)), real("start's S", S))
    except (TypeError, ValueError) as error:
        raise ValueError(f"start is not a pair mu ({n},), S ({n}, 3), nor a Flow: {error}") from error
    if not is_traced(f) and not np.isfinite(f).all():
        raise ValueError("start is not finite")
    return f


def _begun(f: Any, place: np.ndarray, given: Any) -> Any:
    """The first f (N, 4) with what contacts hold; an electrode that floats begins with the mean of what it covers."""
    xp: Any = jnp if is_traced((f, given)) else np
    at, size = np.maximum(place, 0), np.bincount(place[place >= 0], minlength=len(place))
    share = np.where(place >= 0, 1 / np.maximum(size[at], 1), 0.0)
    mean = summed_rows(xp, at, share * xp.asarray(f).ravel(), len(place))
    return xp.where(place.reshape(f.shape) >= 0, mean[at].reshape(f.shape), given)
