"""Charge and spin in the normal state as functions of time: the equations of `diffuse` with d/dt."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import scipy.sparse as sp

from jusadel.common.arguments import is_number, real
from jusadel.common.differentiability import DIFFERENCES, without_derivatives
from jusadel.common.errors import SolveError
from jusadel.common.types import ArrayLike
from jusadel.device.contact import Contact
from jusadel.device.device import Device
from jusadel.nonequilibrium.diffusion import NormalProblem, normal_problem
from jusadel.nonequilibrium.flow import Flow
from jusadel.nonequilibrium.linear_equations import Factors, spread

GAMMA = 1 - 1 / np.sqrt(2)
"""Alexander's two-stage scheme: implicit, second order, and what is fast dies out at once (L-stable)."""
MOST_STEPS = 2**14
"""Between two of the times."""


@without_derivatives(DIFFERENCES)
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
        A Flow for each time. Its `current_through` is what flows at that time.

    Raises:
        ValueError: as `diffuse`, except that nothing needs to fix potential or spin; times that do not increase; start
            of another shape.
        SolveError: an interval needs more steps than are allowed: put more times where things change.
    """
    if not is_number(tol) or not 0 < tol < 1:
        raise ValueError(f"tol = {tol!r}; expected a relative error between 0 and 1")
    times = np.asarray(real("times", times))
    if times.ndim != 1 or len(times) < 2 or not np.isfinite(times).all() or not (np.diff(times) > 0).all():
        raise ValueError(f"times = {times.tolist()}; expected at least two finite increasing numbers")
    problem = normal_problem(device, contacts, floating=True)
    stepper, f = _Stepper(problem), _started(problem, start)
    flows, size, steps = [problem.flow(f, float(times[0]))], np.abs(f).max(), 1
    for begin, end in pairwise(times):
        f, steps = _interval(stepper, f, begin, end, tol, size, max(steps // 2, 1))
        size = max(size, np.abs(f).max())
        flows.append(problem.flow(f, float(end)))
    return flows


class _Stepper:
    """Steps of the unknown f, with factors kept for each length of a step."""

    def __init__(self, problem: NormalProblem) -> None:
        self.problem, self.spread = problem, spread(problem.unknown, problem.together)
        self.B = sp.csr_matrix(self.spread.T @ problem.equations.B)
        self.square = sp.csc_matrix(self.B @ self.spread)
        self.mass = sp.diags(self.spread.T @ problem.mass.ravel())
        self.factors: dict[float, Factors] = {}

    def step(self, f: np.ndarray, dt: float) -> np.ndarray:
        """f (N, 4) after the time dt: slopes k with (M + gamma dt B) k = load - B f at two stages."""
        if dt not in self.factors:
            self.factors[dt] = Factors.of(self.mass + GAMMA * dt * self.square)
        load = self.spread.T @ (self.problem.load + self.problem.forced).ravel()
        out = f.copy()
        flat = out.reshape(-1)
        first = self.factors[dt].solve(load - self.B @ flat)
        flat += (1 - GAMMA) * dt * (self.spread @ first)
        flat += GAMMA * dt * (self.spread @ self.factors[dt].solve(load - self.B @ flat))
        return out

    def march(self, f: np.ndarray, begin: float, end: float, steps: int) -> np.ndarray:
        """So many equal steps."""
        for _ in range(steps):
            f = self.step(f, (end - begin) / steps)
        return f


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


def _started(problem: NormalProblem, start: Any) -> np.ndarray:
    """The first f (N, 4): what was given, and what contacts hold."""
    n, f = len(problem.device.mesh.points), np.zeros(problem.given.shape)
    if isinstance(start, Flow):
        if start.f.shape != f.shape:
            raise ValueError(f"start is a Flow with {len(start.f)} nodes; expected {len(f)}, on the same mesh")
        f[:] = start.f
    elif start is not None:
        try:
            mu, S = start
            f[:n, 0], f[:n, 1:] = real("start's mu", mu), real("start's S", S)
        except (TypeError, ValueError) as error:
            raise ValueError(f"start is not a pair mu ({n},), S ({n}, 3), nor a Flow: {error}") from error
        if not np.isfinite(f).all():
            raise ValueError("start is not finite")
    f = np.where(problem.unknown, f, problem.given)
    for group in problem.together:  # an electrode begins with the mean of what it covers
        f.reshape(-1)[group] = f.reshape(-1)[group].mean()
    return f
