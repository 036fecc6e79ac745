"""The response of a device at one frequency: the sum over pairs of frequencies, and the elimination of what follows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from jusadel.nonequilibrium.dynamics.drives import to_corners
from jusadel.nonequilibrium.dynamics.followers import DENSE, Followers, eliminated, iterated
from jusadel.nonequilibrium.dynamics.frequency_pairs import (
    crossing_pairs,
    energy_range,
    real_pairs,
    summed_pairs,
)
from jusadel.nonequilibrium.dynamics.kernel import Joined, Kernel
from jusadel.nonequilibrium.dynamics.quadrature import integrated_adaptively
from jusadel.nonequilibrium.dynamics.retarded import Retarded
from jusadel.nonequilibrium.dynamics.two_frequencies.doubled import Frames
from jusadel.nonequilibrium.dynamics.two_frequencies.krylov import PairKrylov
from jusadel.nonequilibrium.dynamics.two_frequencies.linearised import (
    EXCHANGE,
    PAIRS,
    DoubledAction,
    Drive,
    joining_tangents,
)
from jusadel.nonequilibrium.dynamics.two_frequencies.solvers import PairFactors
from jusadel.solver.gap.sites import Sites, weighted_sites
from jusadel.solver.linear import Krylov, LinearSolver
from jusadel.solver.states.solution import Solution

FOLLOWED, STEPPED = 1e-3, 1e-4
"""Relative errors of what follows, by GMRES, and of the steps of G, by Krylov iterations, in that of the response."""


@dataclass(frozen=True)
class Settings:
    """How a response is worked out."""

    eta: float  # zero on the imaginary axis
    imaginary: bool
    accuracy: float
    most_energies: int
    frequencies: tuple[np.ndarray, np.ndarray]
    neutral: bool
    gap: bool
    maps: bool


@dataclass(frozen=True)
class FoundResponse:
    """Of one frequency: second derivatives of the drives and the first of them, and what follows that one."""

    Q: Any  # (d,)
    phi: np.ndarray  # (n,)
    pairs: np.ndarray | None  # (K, 2) of the sites
    current: np.ndarray | None  # (m + k, 2) of the cells
    spin: np.ndarray | None  # (n, 3)
    energies: int

    @classmethod
    def static(cls, Q: list[Any], nodes: int) -> FoundResponse:
        """Of omega = 0, where no potential is needed."""
        return cls(Q, np.zeros(nodes, complex), None, None, None, 0)


class Evaluation:
    """The response of a Solution to drives, prepared for any frequency."""

    def __init__(
        self, sol: Solution, drives: tuple[Drive, ...], settings: Settings, green: Retarded, solver: LinearSolver
    ) -> None:
        self.sol, self.drives, self.settings, self.green = sol, drives, settings, green
        self.action = DoubledAction(sol.system)
        self.solver = (
            PairKrylov(self.action, solver, STEPPED * settings.accuracy)
            if isinstance(solver, Krylov)
            else PairFactors(solver)
        )
        self.scales = _edges(sol)

    def at(self, omega: float) -> FoundResponse:
        """The response at a frequency > 0 of the axis of the settings."""
        s, sol, followers = self.settings, self.sol, self._followers()
        iterative = len(followers.nodes) > DENSE or not self.solver.direct
        kernel = Kernel(self.action, self.drives, followers, self.green, self.solver, 0 if iterative else -1)
        shift = omega if s.imaginary else -1j * omega
        joined = kernel.of(summed_pairs(sol.T, *s.frequencies, shift, s.eta))
        values = _values(kernel, joined)
        if s.imaginary:
            crossing = kernel.of(crossing_pairs(sol.T, omega))
            joined, values = joined + crossing, values + _values(kernel, crossing)
        else:
            found = self._integrated(kernel, omega, sum(values))
            joined, values = joined + [x for x, _ in found], values + [v for _, v in found]
        return self._closed(kernel, joined, sum(values))

    # --- sums -----------------------------------------------------------------------------------

    def _integrated(self, kernel: Kernel, omega: float, rest: Any) -> list[tuple[Joined, np.ndarray]]:
        s, sol, d = self.settings, self.sol, len(self.drives)

        def evaluate(E: np.ndarray, weights: np.ndarray) -> list[tuple[Joined, np.ndarray]]:
            joined = kernel.of(real_pairs(sol.T, omega, s.eta, E, weights))
            return list(zip(joined, _values(kernel, joined), strict=True))

        size = np.abs(rest[:d, 0]).max()
        return integrated_adaptively(
            evaluate,
            lambda found: found[1][:d, 0],
            _stops(*energy_range(sol.T, omega), self.scales, omega),
            lambda total: s.accuracy * max(size, float(np.abs(total).max())),
            s.most_energies,
        )

    def _closed(self, kernel: Kernel, joined: list[Joined], Q: Any) -> FoundResponse:
        """With the potential and the pair potential eliminated."""
        followers, d, n = kernel.followers, len(self.drives), len(self.sol.mesh.points)
        own = Q[:d, 0] + [self.action.pauli(one, self.drives[0]) for one in self.drives]
        y = np.zeros(len(followers.nodes), complex)
        if len(y) and kernel.kept >= 0:
            product = lambda v: kernel.products(joined, v)[d:] + followers.local * v  # noqa: E731
            y = iterated(followers, product, Q[d:, 0], FOLLOWED * self.settings.accuracy)
            own = own + kernel.products(joined, y)[:d]
        elif len(y):
            y = eliminated(followers, Q[d:, 1:] + np.diag(followers.local), Q[d:, 0])
            own = own + Q[:d, 1:] @ y
        current, spin = self._maps(kernel, joined, y) if self.settings.maps else (None, None)
        pairs = None if followers.sites is None else followers.pairing(y)
        return FoundResponse(own, followers.potential(y, n), pairs, current, spin, len(joined))

    # --- what follows ---------------------------------------------------------------------------

    def _followers(self) -> Followers:
        s, system = self.settings, self.sol.system
        weight = np.asarray(system.nodes.weight)
        charged = np.flatnonzero(np.asarray(system.free) & (weight > 0)) if s.neutral else np.zeros(0, int)
        return Followers.of(weight, charged, self._sites() if s.gap else None)

    def _sites(self) -> Sites:
        """With a for which Delta solves the gap equation at eta and with these frequencies: its phase stays free."""
        s, sol = self.settings, self.sol
        omega, weights = s.frequencies
        where = weighted_sites(replace(sol, omega=omega, weights=weights))
        G = self.green(omega + s.eta + 0j)[:, where.nodes]
        f = -np.einsum("p,sij,pkji->ks", weights, PAIRS, G).real / 4
        Delta = where.from_vertices(sol.vertex_Delta)
        size = np.abs(Delta)
        held = size > 1e-6 * size.max(initial=0.0)
        along = (f[:, 0] * Delta.real + f[:, 1] * Delta.imag) / np.where(held, size, 1.0) ** 2
        return replace(where, a=np.where(held, 2 * np.pi * sol.T * along, where.a))

    # --- maps -----------------------------------------------------------------------------------

    def _maps(self, kernel: Kernel, joined: list[Joined], y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Current densities of the cells (m + k, 2) and spin densities (n, 3) that answer the first drive."""

        def of(at: Frames, steps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            turned = self.action.felt(at, steps, self.drives[0])
            return turned, np.einsum("naij,kji,na->nk", joining_tangents(at), EXCHANGE, steps, optimize=True)

        each = kernel.steps(joined, y, of)
        turned, spin = (sum(x.weight * e[k] for x, e in zip(joined, each, strict=True)) for k in (0, 1))
        cells = self.action.system.cells
        lever = to_corners(self.action.system, np.asarray(cells.steps))
        current = -np.einsum("mi,mik->mk", turned, lever) / np.asarray(cells.area)[:, None]
        return current, self._spin(np.asarray(spin))

    def _spin(self, per_nu: np.ndarray) -> np.ndarray:
        sol = self.sol
        owner, n = sol.system.layout.seam.owner, len(sol.mesh.points)
        weight, area = np.asarray(sol.system.nodes.weight), np.asarray(sol.mesh.nodal_areas)
        total = np.zeros(len(weight))
        np.add.at(total, owner, area)
        nu = (weight[:n] / np.where(total[:n] > 0, total[:n], 1.0))[owner]
        return nu[:, None] * (per_nu[owner] - 2 * self.drives[0].exchange[owner])


def _values(kernel: Kernel, joined: list[Joined]) -> list[np.ndarray]:
    """Of each pair its matrix times the weight, (d + s, 1 + s), or where it is large the column of the drive alone."""
    return kernel.of_drives(joined) if kernel.kept >= 0 else kernel.matrices(joined)


def _edges(sol: Solution) -> np.ndarray:
    """Energies at which something may change at once: gaps of electrodes and of the device."""
    gaps = [float(np.abs(np.asarray(r.Delta))) for r in sol.device.electrodes().values()]
    inside = np.abs(np.asarray(sol.vertex_Delta))
    gaps += [float(inside.max()), float(inside.min())]
    return np.unique([g for g in gaps if g > 0])


def _stops(low: float, high: float, edges: np.ndarray, omega: float) -> np.ndarray:
    """Ends of the first intervals of energy: the edges of gaps for either frequency, and zero."""
    inside = np.concatenate([[0.0], edges, -edges, edges - omega, -edges - omega])
    return np.unique([low, *inside[(inside > low) & (inside < high)], high])
