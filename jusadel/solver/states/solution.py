"""What solve() returns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jusadel.device.units.shown import between, scale, with_unit
from jusadel.solver.states.base import States


@dataclass(frozen=True, kw_only=True)
class Solution(States):
    """Green's functions of a device in equilibrium and how they were found.

    Attributes:
        device: the Device; `mesh` is the mesh that was solved on.
        T: temperature [energy].
        omega, weights: frequencies and weights, (n_w,); every sum is T Sum_p w_p F(omega_p).
        G: (n_w, n, 4, 4) real in the quaternion basis; `to_nambu(sol.G)` gives the usual g.
        Delta: nodal pair potential, (n,) complex.
        converged, stable: per frequency, (n_w,): residual below tol, and that of a self-consistent pair potential below
            gap_tol; positivity at every node.
        margin: smallest eigenvalue of the Hermitian part of g tau3 over the nodes, (n_w,).
        stats: Newton steps, residuals, inertia, ladder rungs, seconds, "compile_seconds" (those of them in which
            programs were compiled, or loaded where they are kept), tol, name of the linear solver. Where the
            pair potential is self-consistent: "state" ("superconducting", "normal", "unstable": stationary, but no
            minimum, "not converged" after throw=False), "gap_residual", "gap_tol", "gap_steps", and "gap_eigenvalue",
            the smallest of the free energy's second derivative with respect to Delta per 2 nu area, zero where only the
            common phase is free.
    """

    omega: np.ndarray
    weights: np.ndarray

    def __repr__(self) -> str:
        size = f"Solution: {len(self.Delta)} nodes, {len(self.omega)} frequencies"
        if "steps" not in self.stats:
            return f"{size}, solved under jax.jit or read from a sweep: without statistics"
        energy, temperature = scale(self.units, "energy"), scale(self.units, "temperature")
        frequencies = (
            f"({between(self.omega.min(), self.omega.max(), energy)}), T = {with_unit(self.T, temperature, 6)}"
        )
        return f"{size} {frequencies}\n{self._how_found('by ladder', self._iterations())}{self._gap()}"

    def _gap(self) -> str:
        s = self.stats
        if "state" not in s:
            return ""
        largest = with_unit(np.abs(np.asarray(self.Delta)).max(), scale(self.units, "energy"))
        return (
            f"\n  self-consistent: {s['state']}, max |Delta| = {largest}, {s['gap_steps']} steps, residual "
            f"{s['gap_residual']:.1e}, smallest eigenvalue {s['gap_eigenvalue']:.2g}"
        )

    def _iterations(self) -> str:
        iterations = self.stats["iterations"]
        return f" ({iterations.min()} to {iterations.max()} iterations)" if iterations.any() else ""
