"""What solve() returns and raises."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import jax
import numpy as np

from jusadel.action.mesh_action import DiscreteAction
from jusadel.device.device import Device
from jusadel.mesh.mesh import Mesh

Array = jax.Array


@dataclass(frozen=True, kw_only=True)
class Solution:
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
        stats: Newton steps, residuals, inertia, ladder rungs, seconds, tol, name of the linear solver. Where the
            pair potential is self-consistent: "state" ("superconducting", "normal", "unstable": stationary, but no
            minimum, "not converged" after throw=False), "gap_residual", "gap_tol", "gap_steps", and "gap_eigenvalue",
            the smallest of the free energy's second derivative with respect to Delta per 2 nu area, zero where only the
            common phase is free.
    """

    device: Device
    T: float
    omega: np.ndarray
    weights: np.ndarray
    all_G: Array = field(repr=False)  # (n_w, N, 4, 4), behind the mesh's nodes those of reservoirs behind barriers
    Delta: Array
    converged: np.ndarray
    stable: np.ndarray
    margin: np.ndarray
    stats: dict[str, Any]
    vertex_Delta: Array = field(repr=False)  # (m, 3), may jump between regions
    system: DiscreteAction = field(repr=False)

    @property
    def G(self) -> Array:
        """Green's functions at the nodes, (n_w, n, 4, 4) real."""
        return self.all_G[:, : len(self.mesh.points)]

    @property
    def mesh(self) -> Mesh:
        """The mesh that was solved on."""
        return self.device.mesh

    def __repr__(self) -> str:
        size = f"Solution: {len(self.Delta)} nodes, {len(self.omega)} frequencies"
        if "steps" not in self.stats:
            return f"{size}, solved under jax.jit or read from a sweep: without statistics"
        steps, seconds = self.stats["steps"], self.stats["seconds"]
        good = int((self.converged & self.stable).sum())
        return (
            f"{size} ({self.omega.min():.3g} to {self.omega.max():.3g}), T = {self.T:g}\n"
            f"  {good} of {len(self.omega)} certified, positivity margin {self.margin.min():.3g}, "
            f"residual {self.stats['residual'].max():.1e}\n"
            f"  {steps.min()} to {steps.max()} Newton steps, {int((self.stats['ladder'] > 0).sum())} by ladder, "
            f"{self.stats['linear_solver']}{self._iterations()}, {seconds:.1f} s{self._gap()}"
        )

    def _gap(self) -> str:
        s = self.stats
        if "state" not in s:
            return ""
        largest = np.abs(np.asarray(self.Delta)).max()
        return (
            f"\n  self-consistent: {s['state']}, max |Delta| = {largest:.5g}, {s['gap_steps']} steps, residual "
            f"{s['gap_residual']:.1e}, smallest eigenvalue {s['gap_eigenvalue']:.2g}"
        )

    def _iterations(self) -> str:
        iterations = self.stats["iterations"]
        return f" ({iterations.min()} to {iterations.max()} iterations)" if iterations.any() else ""


class Solved(Protocol):
    """What currents can be taken of: a Solution, a Flow."""

    @property
    def device(self) -> Device:
        """As it was solved."""

    @property
    def mesh(self) -> Mesh:
        """Its mesh."""

    @property
    def system(self) -> DiscreteAction:
        """The discrete action."""
