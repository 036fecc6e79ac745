"""spectrum(): the retarded Green's functions of a device at real energies, certified, on the mesh of a Solution."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np

from jusadel.action.matrices.padding import in_few_sizes
from jusadel.action.matrix_free import lift
from jusadel.action.nambu import advanced
from jusadel.action.nambu.frames import ROUND_OFF, frame_to_green
from jusadel.common.arguments import is_number, real
from jusadel.common.differentiability import is_traced, on_device, waits, worked_out
from jusadel.common.errors import SolveError
from jusadel.common.programs.compilation import Stopwatch
from jusadel.common.progress import Progress, ProgressOption, reporter
from jusadel.common.types import ArrayLike
from jusadel.device.device import Device
from jusadel.device.recurrence import times_to_come
from jusadel.device.units.shown import between, scale, with_unit
from jusadel.solver.checks import refuse_bad_input
from jusadel.solver.derivatives.real_energies import differentiated_green, green_in_program, problem_of, with_sign
from jusadel.solver.derivatives.tracing import still
from jusadel.solver.linear import LinearSolver
from jusadel.solver.linear.choice import checked_linear_solver
from jusadel.solver.problem import Problem, largest_energy
from jusadel.solver.real_energies import certified, solve_energies
from jusadel.solver.reservoirs import with_reservoirs
from jusadel.solver.resolution import decay_metric, warn_where_coarse
from jusadel.solver.states.base import States
from jusadel.solver.states.newton_result import NewtonResult
from jusadel.solver.states.solution import Solution

Array = jax.Array


@dataclass(frozen=True, kw_only=True)
class Spectrum(States):
    """Retarded Green's functions of a device at real energies and how they were found.

    Attributes:
        device: the Device; `mesh` is the mesh that was solved on.
        T: temperature of the Solution that the pair potential is from [energy].
        energies: (n_E,), from the Fermi level.
        eta: distance from the real axis [energy].
        G: (n_E, n, 4, 4) complex in the quaternion basis, G^2 = -1; `to_nambu(spec.G)` gives the usual g.
        Delta: nodal pair potential, (n,) complex.
        converged, stable: per energy, (n_E,): residual below tol; positivity at every node.
        margin: smallest eigenvalue of the Hermitian part of g tau3 over the nodes, (n_E,).
        stats: Newton steps in all, residuals, stations of a descent from high above the real axis where the energy
            before was no start ("ladder"), seconds, those of them for compilation, name of the linear solver, tol.
    """

    energies: np.ndarray
    eta: float

    @property
    def advanced(self) -> Array:
        """Advanced Green's functions at the nodes, G^A = -R3 (G^R)^+ R3, (n_E, n, 4, 4) complex."""
        return advanced(self.G)

    @property
    def omega(self) -> np.ndarray:
        """eta - i E, which stands where the Matsubara frequency stood, (n_E,)."""
        return self.eta - 1j * self.energies

    def __repr__(self) -> str:
        E = self.energies
        if "steps" not in self.stats:
            return f"Spectrum: {len(self.Delta)} nodes, {len(E)} energies, found inside a program: without statistics"
        energy = scale(self.units, "energy")
        return (
            f"Spectrum: {len(self.Delta)} nodes, {len(E)} energies ({between(E.min(), E.max(), energy)}), eta = "
            f"{with_unit(self.eta, energy, 6)}\n{self._how_found('by descent')}"
        )


def spectrum(
    sol: Solution,
    energies: ArrayLike,
    eta: float = 0.01,
    tol: float = 1e-9,
    linear_solver: LinearSolver | None = None,
    throw: bool = True,
    progress: ProgressOption = False,
) -> Spectrum:
    """The retarded Green's function at real energies E + i eta, with the pair potential and the fields of a Solution.

    omega -> eta - i E in the same discrete action. Only |E| is solved for: the action's coefficients are real, so that
    G(-E) = conj G(E). Each energy starts from the one before; where that is no start, from the normal state high above
    the real axis.

    Args:
        sol: from `solve`, with a given or a self-consistent pair potential.
        energies: E (n_E,), from the Fermi level, in any order, of either sign [energy]. Close to each other they are
            found in fewer steps.
        eta: distance from the real axis, > 0, also in the reservoirs: Dynes' parameter, or a small number against
            every energy that is to be resolved [energy].
        tol: relative norm of the residual, per energy.
        linear_solver: `linear.SuperLU()`, or `linear.Krylov()` for large meshes; default by the number of nodes times
            energies, as in `solve`.
        throw: raise where an energy is not certified; otherwise look at `spec.converged`, `spec.stable`.
        progress: True for a bar where tqdm is installed (extra "progress") and stderr is a terminal, else for lines of
            text on the "jusadel" logger and stderr; "bar" or "lines"; or a function of a line.

    Returns:
        A Spectrum; under `jax.grad` and its kin with derivatives with respect to all that the Solution, the energies
        and eta depend on, by the implicit function theorem. Inside `jax.jit` and `jax.vmap` nothing is raised: energies
        that fail are NaN, and `converged` says so.

    Raises:
        SolveError: an energy did not converge, or converged to an unphysical stationary point.
        ValueError: eta not positive, energies not finite.
    """
    if waits(asked := locals()):
        return worked_out(spectrum, asked)
    watch = Stopwatch()
    if not isinstance(sol, Solution):
        raise TypeError(f"sol is {type(sol).__name__}; expected the Solution that jusadel.solve(device, ...) returns")
    given: Any = real("energies", energies)
    given = given.reshape(1) if given.ndim == 0 else given
    plain, E, distance = still((sol, given, eta))
    if is_traced((plain, E, distance)):
        return _in_program(sol, given, eta, _checked_solver(linear_solver, sol, given.size), tol)
    E, distance = _checked(E, distance)
    solver = _checked_solver(linear_solver, sol, E.size)
    refuse_bad_input(plain.device, tol)
    once, place = np.unique(np.abs(E), return_inverse=True)
    problem = at_frequencies(plain, distance - 1j * once, solver, tol, reporter(progress))
    found = _solved(problem, once, distance, largest_energy(plain.device, plain.vertex_Delta))
    if throw:
        _refuse_uncertified(once, found, distance, tol)
    found = found[place]
    traced, V = is_traced((sol, given, eta)), found.V
    if traced:
        G = differentiated_green(sol, given, eta, problem_of(problem, place), V)
    else:
        G = on_device(with_sign(E < 0, np.asarray(frame_to_green(plain.system.layout.seam.turned(V)))))
    spec = Spectrum(
        device=plain.device,
        T=plain.T,
        energies=E,
        eta=distance,
        all_G=G,
        Delta=plain.Delta,
        vertex_Delta=plain.vertex_Delta,
        converged=found.converged,
        stable=certified(found),
        margin=found.margin,
        system=plain.system,
        stats={name: getattr(found, name) for name in ("steps", "residual", "ladder", "iterations")}
        | {"linear_solver": solver.name, "seconds": watch.seconds, "compile_seconds": watch.compiling, "tol": tol},
    )
    return replace(spec, **_shared(sol), energies=given, eta=eta) if traced else spec


def _shared(sol: Solution) -> dict[str, Any]:
    """What a Spectrum has from its Solution."""
    return {name: getattr(sol, name) for name in ("device", "T", "Delta", "vertex_Delta", "system")}


def _in_program(sol: Solution, energies: Array, eta: Any, solver: LinearSolver, tol: float) -> Spectrum:
    found = green_in_program(sol, energies, eta, solver, tol)
    return Spectrum(
        **_shared(sol),
        energies=energies,  # type: ignore[arg-type]
        eta=eta,
        all_G=found.G,
        converged=found.converged,  # type: ignore[arg-type]
        stable=found.margin > -ROUND_OFF,  # type: ignore[arg-type]
        margin=found.margin,  # type: ignore[arg-type]
        stats={"residual": found.residual, "linear_solver": solver.name},
    )


def at_frequencies(
    sol: Solution, omega: np.ndarray, solver: LinearSolver, tol: float, progress: Progress | None
) -> Problem:
    """The equations of a Solution at other frequencies; their weights do not count."""
    return Problem(
        device=sol.device,
        T=float(sol.T),
        omega=omega,
        weights=np.ones(len(omega)),
        system=sol.system,
        solver=solver,
        prepared=solver.prepare(lift(in_few_sizes(sol.system)), len(omega)),
        tol=tol,
        progress=progress,
    )


def _solved(problem: Problem, energies: np.ndarray, eta: float, highest: float) -> NewtonResult:
    """At energies >= 0 and eta, where the largest energy of the problem is `highest`."""
    device, layout = problem.device, problem.system.layout
    _warn_if_coarse(device, min(energies.max(), highest))
    return solve_energies(
        problem.prepared,
        energies,
        eta,
        problem.solver,
        lambda V, omega: with_reservoirs(device, layout, V, omega),
        nodes=len(problem.system.free),
        highest=highest,
        tol=problem.tol,
        progress=problem.progress,
    )


def _checked(energies: Any, eta: Any) -> tuple[np.ndarray, float]:
    E = np.asarray(energies)
    if E.ndim != 1 or not E.size or not np.isfinite(E).all():
        raise ValueError(f"energies has shape {E.shape}; expected finite numbers (n_E,), from the Fermi level")
    if not is_number(eta) or not eta > 0:
        raise ValueError(f"eta = {eta!r}; expected a number > 0, small against the energies to be resolved")
    return E, float(eta)


def _checked_solver(given: Any, sol: Solution, energies: int) -> LinearSolver:
    solver = checked_linear_solver(given, len(sol.system.free), energies, times_to_come())
    if not getattr(solver, "complex", False):  # a solver of the user's own may say nothing
        raise TypeError(
            f"linear_solver = {solver.name}; at real energies expected jusadel.linear.SuperLU(), .Krylov() or .Dense() "
            "(PARDISO solves real systems alone, as the fallback of Krylov too)"
        )
    return solver


def _warn_if_coarse(device: Device, energy: float) -> None:
    """Warn where edges are longer than half of sqrt(D/2E), the length over which pairs at this energy decay."""
    if energy > 0:
        name = f"decay length sqrt(D/2E) of pairs at E = {energy:.3g}"
        warn_where_coarse(device, name, decay_metric(device, energy))


def _refuse_uncertified(energies: np.ndarray, found: NewtonResult, eta: float, tol: float) -> None:
    """Raise for the first energy that did not converge, or converged to an unphysical stationary point."""
    for k in np.flatnonzero(~found.converged):
        raise SolveError(
            f"Newton stopped after {found.steps[k]} steps at E = {energies[k]:.4g}, eta = {eta:g} (relative residual "
            f"{found.residual[k]:.1e}, tol {tol:.0e}); {int((~found.converged).sum())} of {len(energies)} energies did "
            "not converge: raise eta, or refine the mesh"
        )
    for k in np.flatnonzero(~certified(found)):
        raise SolveError(
            f"E = {energies[k]:.4g} converged to an unphysical stationary point: the Hermitian part of g tau3 has the "
            f"eigenvalue {found.margin[k]:.3g} (must be > 0 at every node); raise eta, or refine the mesh"
        )
