"""The gap equation: the pair potential that is stationary together with G, by Newton-Krylov with exact response.

At each site (a node of a superconducting region) the discrete functional asks for

    r = w (a Delta - 2 pi T Sum_p w_p f(omega_p)) = 0,    a = ln(T/Tc) + 2 pi T Sum_p w_p / omega_p,

w being the site's area times nu, f the singlet amplitude (physics.md, section 1). Its derivative, with f's response
df = (1/4) c.H^-1 c w dDelta and c = d Tr(R G)/du, is symmetric: the second derivative of the free energy with respect
to Delta at stationary G. Its smallest eigenvalue tells whether the state is a minimum; in a uniform metal at Delta = 0
it is ln(T/Tc).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from jusadel.action.matrices.padding import few_sizes, with_spare_frames
from jusadel.action.matsubara import GAP_RATIO
from jusadel.common.differentiability import on_device
from jusadel.common.errors import SolveError
from jusadel.common.programs.compilation import compilation_told
from jusadel.common.progress import Event
from jusadel.device.pair_potential import from_pairs
from jusadel.solver.gap.response import RESPONSE, PairResponse, amplitudes
from jusadel.solver.gap.sites import Sites
from jusadel.solver.problem import Problem, refuse_uncertified
from jusadel.solver.states.newton_result import NewtonResult

Array = jax.Array

MAX_STEPS = 40
CAP, TRUST = 0.5, 0.2
"""Of the largest change of Delta in a step, relative to the largest |Delta|: of any, and of one along soft modes."""
STUCK = 0.5
"""Of a residual, what a step leaves, and leaves of the linear equations, where a soft mode is not resolved."""
SMALLEST = 1e-4
"""Of max |Delta| over Tc, below which the state is taken to be normal."""
RELATIVE = 1e-5
"""Largest residual relative to max |Delta|: near Tc a small one says little about a small Delta."""
ZERO = 5e-5, 1e-3
"""How large eigenvalues are that vanish within their accuracy, as that of the common phase: near Tc, elsewhere."""


class GapResult(NamedTuple):
    """A pair potential and the Green's functions that belong to it."""

    problem: Problem
    newton: NewtonResult
    Delta: np.ndarray  # (K,) complex, at the sites
    residual: float  # largest |r| / (w a), relative to the bulk gap at T = 0
    steps: int
    responses: int
    eigenvalue: float
    growing: np.ndarray  # (K,) complex, the mode that belongs to it
    state: str  # "superconducting", "normal", "unstable" or, where it may be, "not converged"


def gap_residual(posed: Problem, where: Sites, V: Any, Delta: np.ndarray) -> np.ndarray:
    """w (a Delta - 2 pi T Sum_p w_p f), (K,) complex, with f from the frames V."""
    V = with_spare_frames(np.asarray(V), few_sizes(V.shape[1] + 1))
    f = np.asarray(amplitudes(*on_device((V, posed.weights))))[where.nodes]
    return where.weight * (where.a * Delta - 2 * np.pi * posed.T * from_pairs(f))


def solve_gap(
    problem: Problem,
    where: Sites,
    Delta: np.ndarray,
    start: Callable[[np.ndarray], np.ndarray],
    tol: float,
    throw: bool = True,
) -> GapResult:
    """Delta and G together, from the guess Delta (K,).

    Each step is capped and, where the residual grows, halved; then a step of the fixed-point iteration is taken. Where
    a soft mode is all that is left, such as vortices that turn against what little pins them, steps lead downhill along
    it, as long as they are trusted: the residual grows on the way.

    Raises:
        SolveError: a frequency is not certified, or the gap equation does not converge, unless throw=False, which
            returns what has the smallest residual.
    """
    found = _converged(problem, where, Delta, start, tol, throw)
    if found.state == "unstable" and not found.Delta.any():  # no minimum: follow the growing mode
        mode = found.growing / np.abs(found.growing).max()
        grown = _grown(found.problem, where, mode, lambda omega: found.newton.V)
        found = _converged(found.problem, where, grown.Delta, lambda omega: grown.newton.V, tol, throw)
    return found


def _grown(problem: Problem, where: Sites, mode: np.ndarray, start: Callable[[np.ndarray], np.ndarray]) -> Trial:
    """The growing mode with about the amplitude at which it stops growing: from there Newton finds the minimum."""
    amplitude, limit = 0.1 * where.Tc.max(), 4 * GAP_RATIO * where.Tc.max()
    trial = Trial.of(problem, where, amplitude * mode, start)
    while np.vdot(mode, trial.residual).real < 0 and amplitude < limit:
        amplitude *= 1.4
        trial = trial.again(where, amplitude * mode)
    return trial


def _converged(
    problem: Problem,
    where: Sites,
    Delta: np.ndarray,
    start: Callable[[np.ndarray], np.ndarray],
    tol: float,
    throw: bool,
) -> GapResult:
    responses, stuck = 0, False
    found = best = Trial.of(problem, where, Delta, start)
    for step in range(MAX_STEPS + 1):
        if problem.progress:
            error, largest = found.error(where), np.abs(found.Delta).max()
            detail = f"residual {error:.1e}, max |Delta| = {largest:.5g}"
            problem.progress(Event("gap equation", step, detail=detail))
        best = min(found, best, key=lambda trial: trial.size)
        if found.meets(tol, where) or step == MAX_STEPS:
            break
        with compilation_told(problem.progress):
            response = PairResponse(found.problem, where, found.newton.V)
            found, stuck = _next(found, where, response, stuck)
        responses += response.count
    if found.meets(tol, where):
        return _classified(found, where, step, responses)
    if throw:
        raise SolveError(_not_converged(best, where, tol))
    return _classified(best, where, step, responses)._replace(state="not converged")


def _next(found: Trial, where: Sites, response: PairResponse, stuck: bool) -> tuple[Trial, bool]:
    """The trial after a step, and whether steps of Newton's method are stuck at a soft mode."""
    if stuck:
        longest = TRUST * max(np.abs(found.Delta).max(), 0.1 * where.Tc.max())
        return found.again(where, found.Delta + response.downhill(found.residual, longest)), True
    change = response.solve(-found.residual, min(1e-2, max(RESPONSE, found.error(where))))
    new = _improved(found, where, change)
    return new, new.size > STUCK * found.size and response.leaves(change, found.residual) > STUCK


def _not_converged(best: Trial, where: Sites, tol: float) -> str:
    error = best.error(where)
    accepted = f"gap_tol={1.1 * error:.1e} accepts what was found, " if best.meets(1.1 * error, where) else ""
    return (
        f"the gap equation did not converge in {MAX_STEPS} steps: residual {error:.1e} of the bulk gap, wanted "
        f"{tol:.0e} (gap_tol); start from a nearby solution (start=...), or refine the mesh; {accepted}throw=False "
        "returns it"
    )


class Trial(NamedTuple):
    """A pair potential with its G and its residual."""

    problem: Problem
    newton: NewtonResult
    Delta: np.ndarray
    residual: np.ndarray  # (K,) complex
    size: float  # largest |r| / (w a)

    def error(self, where: Sites) -> float:
        """The residual relative to the bulk gap at T = 0."""
        return float(self.size / (GAP_RATIO * where.Tc.max()))

    def meets(self, tol: float, where: Sites) -> bool:
        """Whether the residual is small beside the bulk gap and beside Delta itself."""
        largest = max(np.abs(self.Delta).max(), SMALLEST * where.Tc.max())
        return bool(self.error(where) < tol and self.size < RELATIVE * largest)

    @classmethod
    def of(cls, problem: Problem, where: Sites, Delta: np.ndarray, start: Callable[[np.ndarray], np.ndarray]) -> Trial:
        """The trial at Delta, with G from this start."""
        posed = problem.with_pairing(on_device(where.on_nodes(Delta, len(problem.system.free))))
        result = posed.newton(start)
        refuse_uncertified(posed, result, forced=False)
        residual = gap_residual(posed, where, result.V, Delta)
        return cls(posed, result, Delta, residual, float(np.abs(residual / (where.weight * where.a)).max()))

    def again(self, where: Sites, Delta: np.ndarray) -> Trial:
        """Another pair potential, with G from here as the start."""
        return Trial.of(self.problem, where, Delta, lambda omega: self.newton.V)


def _improved(found: Trial, where: Sites, change: np.ndarray) -> Trial:
    longest = CAP * max(np.abs(found.Delta).max(), 0.1 * where.Tc.max())
    change = change * min(1.0, longest / max(np.abs(change).max(), 1e-300))
    for fraction in (1.0, 0.5, 0.25):
        new = found.again(where, found.Delta + fraction * change)
        if new.size < found.size:
            return new
    return found.again(where, found.Delta - found.residual / (where.weight * where.a))


def lowest_stable(where: Sites, T: float) -> float:
    """Eigenvalues below belong to a saddle: all of them scale with ln(T/Tc) near Tc."""
    return -float(np.clip(0.05 * abs(np.log(T / where.Tc.max())), *ZERO))


def _classified(found: Trial, where: Sites, step: int, responses: int) -> GapResult:
    """The state with its smallest eigenvalue; a vanishing pair potential is set to zero."""
    error = found.error(where)
    if np.abs(found.Delta).max() < SMALLEST * where.Tc.max():
        normal = np.broadcast_to(np.eye(4), found.newton.V.shape)
        found = Trial.of(found.problem, where, np.zeros_like(found.Delta), lambda omega: normal)
        state = "normal"
    else:
        state = "superconducting"
    response = PairResponse(found.problem, where, found.newton.V)
    lowest = lowest_stable(where, found.problem.T)
    eigenvalue, mode = response.smallest(found.Delta, margin=-lowest)
    state = "unstable" if eigenvalue < lowest else state
    count = responses + response.count
    return GapResult(found.problem, found.newton, found.Delta, error, step, count, eigenvalue, mode, state)
