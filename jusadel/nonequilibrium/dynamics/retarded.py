"""Green's functions of a Solution's device at complex frequencies above the real axis, certified."""

from __future__ import annotations

from typing import Any

import numpy as np

from jusadel.action.nambu.frames import frame_to_green
from jusadel.common.errors import SolveError
from jusadel.solver.linear import LinearSolver
from jusadel.solver.newton import newton
from jusadel.solver.problem import largest_energy
from jusadel.solver.real_energies import accepted, solve_energies
from jusadel.solver.reservoirs import with_reservoirs
from jusadel.solver.spectra import at_frequencies
from jusadel.solver.states.newton_result import NewtonResult
from jusadel.solver.states.solution import Solution

KEPT = 2**28
"""Bytes of frames that are kept, to start from."""


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
        self._known: dict[complex, np.ndarray] = {}
        self._highest = largest_energy(sol.device, sol.vertex_Delta)

    def __call__(self, z: Any) -> np.ndarray:
        """G (b, N, 4, 4) complex at the frequencies (b,); G(-E) = conj G(E).

        Raises:
            SolveError: one of them is not certified.
        """
        z = np.asarray(z, complex)
        once, place = np.unique(z.real - 1j * np.abs(z.imag), return_inverse=True)
        V = np.stack(self._frames(once))
        G = np.asarray(frame_to_green(V))[place]
        return np.where((z.imag > 0)[:, None, None, None], G.conj(), G)

    def _frames(self, z: np.ndarray) -> list[np.ndarray]:
        """Those at frequencies with Im z <= 0, each started from the nearest that is known, and kept."""
        new = np.array([x for x in z if complex(x) not in self._known], complex)
        if len(new):
            found = self._solved(new)
            bad = np.flatnonzero(~accepted(found))
            if bad.size:
                raise SolveError(
                    f"no certified Green's function at energy {-new[bad[0]].imag:.4g}, {new[bad[0]].real:.3g} above "
                    f"the real axis (relative residual {found.residual[bad[0]]:.1e}): raise eta, or refine the mesh"
                )
            self._known |= dict(zip(map(complex, new), found.V, strict=True))
        V = [self._known[complex(x)] for x in z]
        for old in list(self._known)[: max(0, len(self._known) - max(len(z), KEPT // V[0].nbytes))]:
            del self._known[old]
        return V

    def _solved(self, z: np.ndarray) -> NewtonResult:
        if not self._known:
            return self._on_a_line(z) if np.ptp(z.real) == 0 else self._anywhere(z, None)
        known = np.array(list(self._known))
        nearest = np.abs(z[:, None] - known).argmin(axis=1)
        return self._anywhere(z, np.stack([self._known[complex(known[k])] for k in nearest]))

    def _on_a_line(self, z: np.ndarray) -> NewtonResult:
        """All at one distance from the real axis; with energies in ascending order each starts from the one before."""
        order = np.argsort(-z.imag)
        found = self._descended(-z.imag[order], float(z.real[0]))
        return found[np.argsort(order)]

    def _anywhere(self, z: np.ndarray, start: np.ndarray | None) -> NewtonResult:
        """From these frames, or from the normal state; where neither is a start, by a descent from far above."""
        p = self._problem
        normal = np.broadcast_to(np.eye(4, dtype=complex), (len(z), len(p.system.free), 4, 4))
        V = self._held(normal if start is None else start, z)
        found = newton(p.prepared.lifted, z, V, p.solver, prepared=p.prepared, tol=self.tol)
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
