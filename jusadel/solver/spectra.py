"""spectrum(): the retarded Green's functions of a device at real energies, certified, on the mesh of a Solution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from jusadel.action.matrices.padding import in_few_sizes
from jusadel.action.matrix_free import lift
from jusadel.action.nambu import advanced
from jusadel.action.nambu.frames import frame_to_green
from jusadel.common.arguments import is_number, real
from jusadel.common.differentiability import DIFFERENCES, on_device, without_derivatives
from jusadel.common.errors import SolveError
from jusadel.common.programs.compilation import Stopwatch
from jusadel.common.progress import ProgressOption, reporter
from jusadel.common.types import ArrayLike
from jusadel.device.device import Device
from jusadel.solver.checks import refuse_bad_input
from jusadel.solver.linear import LinearSolver, SuperLU
from jusadel.solver.linear.choice import checked_linear_solver
from jusadel.solver.newton import NewtonResult
from jusadel.solver.problem import largest_energy
from jusadel.solver.real_energies import certified, solve_energies
from jusadel.solver.reservoirs import with_reservoirs
from jusadel.solver.resolution import decay_metric, warn_where_coarse
from jusadel.solver.states.base import States
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
        return (
            f"Spectrum: {len(self.Delta)} nodes, {len(E)} energies ({E.min():.3g} to {E.max():.3g}), eta = "
            f"{self.eta:g}\n{self._how_found('by descent')}"
        )


@without_derivatives(DIFFERENCES)
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
        linear_solver: default `linear.SuperLU()`.
        throw: raise where an energy is not certified; otherwise look at `spec.converged`, `spec.stable`.
        progress: True for a bar where tqdm is installed (extra "progress") and stderr is a terminal, else for lines of
            text on the "jusadel" logger and stderr; "bar" or "lines"; or a function of a line.

    Raises:
        SolveError: an energy did not converge, or converged to an unphysical stationary point.
        ValueError: eta not positive, energies not finite.
    """
    watch = Stopwatch()
    if not isinstance(sol, Solution):
        raise TypeError(f"sol is {type(sol).__name__}; expected the Solution that jusadel.solve(device, ...) returns")
    refuse_bad_input(sol.device, tol)
    E, solver, layout = _checked(energies, eta), _checked_solver(linear_solver), sol.system.layout
    once, place = np.unique(np.abs(E), return_inverse=True)
    highest = largest_energy(sol.device, sol.vertex_Delta)
    _warn_if_coarse(sol.device, min(once.max(), highest))
    found = solve_energies(
        solver.prepare(lift(in_few_sizes(sol.system)), len(once)),
        once,
        float(eta),
        solver,
        lambda V, omega: with_reservoirs(sol.device, layout, V, omega),
        nodes=len(sol.system.free),
        highest=highest,
        tol=tol,
        progress=reporter(progress),
    )
    if throw:
        _refuse_uncertified(once, found, eta, tol)
    found = found[place]
    G = np.asarray(frame_to_green(layout.seam.turned(found.V)))
    return Spectrum(
        device=sol.device,
        T=sol.T,
        energies=E,
        eta=float(eta),
        all_G=on_device(np.where((E < 0)[:, None, None, None], G.conj(), G)),
        Delta=sol.Delta,
        vertex_Delta=sol.vertex_Delta,
        converged=found.converged,
        stable=certified(found),
        margin=found.margin,
        system=sol.system,
        stats={name: getattr(found, name) for name in ("steps", "residual", "ladder", "iterations")}
        | {"linear_solver": solver.name, "seconds": watch.seconds, "compile_seconds": watch.compiling, "tol": tol},
    )


def _checked(energies: Any, eta: Any) -> np.ndarray:
    E = np.atleast_1d(np.asarray(real("energies", energies)))
    if E.ndim != 1 or not E.size or not np.isfinite(E).all():
        raise ValueError(f"energies has shape {E.shape}; expected finite numbers (n_E,), from the Fermi level")
    if not is_number(eta) or not eta > 0:
        raise ValueError(f"eta = {eta!r}; expected a number > 0, small against the energies to be resolved")
    return E


def _checked_solver(given: Any) -> LinearSolver:
    solver = checked_linear_solver(SuperLU() if given is None else given, 0, 0)
    if not getattr(solver, "complex", False):  # a solver of the user's own may say nothing
        raise TypeError(
            f"linear_solver = {solver.name}; at real energies expected jusadel.linear.SuperLU() or .Dense()"
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
