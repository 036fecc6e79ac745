"""Green's functions of a Solution's device at complex frequencies above the real axis, certified."""

from __future__ import annotations

from typing import Any

import numpy as np

from jusadel.action.matrices.padding import few_sizes
from jusadel.action.nambu.frames import frame_to_green
from jusadel.common.errors import SolveError
from jusadel.solver.linear import LinearSolver
from jusadel.solver.newton import NewtonResult, newton
from jusadel.solver.problem import largest_energy
from jusadel.solver.real_energies import accepted, solve_energies
from jusadel.solver.reservoirs import with_reservoirs
from jusadel.solver.spectra import at_frequencies
from jusadel.solver.states.solution import Solution


class Retarded:
    """G at frequencies z, Re z > 0, with the pair potential of a Solution: z = omega on the Matsubara axis, eta - i E
    at real energies, and anything between.

    Args:
        sol: of concrete numbers.
        solver: one for complex systems.
        tol: relative residual.
    """

    def __init__(self, sol: Solution, solver: LinearSolver, tol: float) -> None:
        self.sol, self.tol = sol, tol
        self._problem = at_frequencies(sol, np.ones(8, complex), solver, tol, None)
        self._highest = largest_energy(sol.device, sol.vertex_Delta)

    def __call__(self, z: Any) -> np.ndarray:
        """G (b, N, 4, 4) complex at the frequencies (b,); G(-E) = conj G(E).

        Raises:
            SolveError: one of them is not certified.
        """
        z = np.asarray(z, complex)
        once, place = np.unique(z.real - 1j * np.abs(z.imag), return_inverse=True)
        found = self._on_a_line(once) if np.ptp(once.real) == 0 else self._anywhere(once)
        bad = np.flatnonzero(~accepted(found))
        if bad.size:
            raise SolveError(
                f"no certified Green's function at energy {-once[bad[0]].imag:.4g}, {once[bad[0]].real:.3g} above the "
                f"real axis (relative residual {found.residual[bad[0]]:.1e}): raise eta, or refine the mesh"
            )
        G = np.asarray(frame_to_green(found.V))[place]
        return np.where((z.imag > 0)[:, None, None, None], G.conj(), G)

    def _on_a_line(self, z: np.ndarray) -> NewtonResult:
        """All at one distance from the real axis; with energies in ascending order each starts from the one before."""
        order = np.argsort(-z.imag)
        found = self._descended(-z.imag[order], float(z.real[0]))
        return found[np.argsort(order)]

    def _anywhere(self, z: np.ndarray) -> NewtonResult:
        """From the normal state; where that is no start, by a descent from far above."""
        p = self._problem
        normal = np.broadcast_to(np.eye(4, dtype=complex), (len(z), len(p.system.free), 4, 4))
        size = few_sizes(len(z))
        padded = np.concatenate([z, np.full(size - len(z), z[-1])])
        V = np.concatenate([normal, normal[:1].repeat(size - len(z), axis=0)])
        found = newton(p.prepared.lifted, padded, self._held(V, padded), p.solver, prepared=p.prepared, tol=self.tol)[
            : len(z)
        ]
        for k in np.flatnonzero(~accepted(found)):
            again = self._descended(-z.imag[k : k + 1], float(z.real[k]))
            for name in ("V", "residual", "converged", "margin"):
                getattr(found, name)[k] = getattr(again, name)[0]
        return found

    def _held(self, V: np.ndarray, omega: np.ndarray) -> np.ndarray:
        return with_reservoirs(self.sol.device, self._problem.system.layout, V, omega)

    def _descended(self, energies: np.ndarray, eta: float) -> NewtonResult:
        p = self._problem
        return solve_energies(
            p.prepared,
            energies,
            eta,
            p.solver,
            self._held,
            nodes=len(p.system.free),
            highest=self._highest,
            tol=self.tol,
        )
