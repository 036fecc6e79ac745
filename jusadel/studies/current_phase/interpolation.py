"""Current and energy of a junction between the phases at which they are known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy

from jusadel.solver.derivatives.tracing import is_traced, still
from jusadel.studies.current_phase.turns import SAME, half_turn, whole_turn

Curve = Callable[[Any], np.ndarray]

FINE = 32
"""Points of the search for extrema, per phase."""
BRANCH = 0.05
"""Of the range of energies: the trigonometric interpolation of a current that jumps misses them by more."""


@dataclass(frozen=True, eq=False)
class Interpolation:
    """Trigonometric polynomials where phases cover a turn uniformly, else cubic splines between the ends.

    The energies serve as the integral of the current, and to tell how well the phases resolve it.

    Attributes:
        phases: (k,) in any order.
        current, energy: (k,) each; JAX may trace them.
    """

    phases: Any
    current: Any
    energy: Any

    @property
    def traced(self) -> bool:
        """Whether JAX follows the values."""
        return self.numbers is not self

    @cached_property
    def numbers(self) -> Interpolation:
        """The same as numbers."""
        given = (self.phases, self.current, self.energy)
        return Interpolation(*map(still, given)) if is_traced(given) else self

    def current_at(self, phase: Any) -> np.ndarray:
        """The current at phases of any shape; NaN outside a branch."""
        return self._curves[0](phase)

    def energy_at(self, phase: Any) -> np.ndarray:
        """The free energy at phases of any shape; NaN outside a branch."""
        return self._curves[1](phase)

    # --- phases that stand out -------------------------------------------------------------------------

    @cached_property
    def extrema(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Phase and value of the largest current in either direction; NaN where there is none."""
        return self._largest(1), self._largest(-1)

    def _largest(self, sign: int) -> tuple[float, float]:
        """Phase and value of the largest of sign times the current; NaN at an end or beyond."""
        grid = self.grid
        values = sign * self.current_at(grid)
        k = int(np.argmax(values))
        if self.turn is None and k in (0, len(grid) - 1):
            return float("nan"), float("nan")
        step = grid[1] - grid[0]
        best = scipy.optimize.minimize_scalar(
            lambda phi: -sign * float(self.current_at(phi)),
            bounds=(grid[k] - step, grid[k] + step),
            method="bounded",
            options={"xatol": 1e-9},
        )
        return float(half_turn(best.x)), float(-best.fun)

    @cached_property
    def lowest(self) -> float:
        """The phase of lowest energy, where the current rises through zero."""
        grid = self.grid
        k = int(np.argmin(self.energy_at(grid)))
        for reach in (1, FINE):  # the minimum of the energies' curve may miss the zero of the current's
            if self.turn is not None:
                low, high = grid[k] + (grid[1] - grid[0]) * np.array([-reach, reach])
            else:
                low, high = grid[max(k - reach, 0)], grid[min(k + reach, len(grid) - 1)]
            if self.current_at(low) < 0 < self.current_at(high):
                return float(half_turn(scipy.optimize.brentq(self.current_at, low, high, xtol=1e-13)))
        at_rest = abs(self.current_at(grid[k])) <= 1e-6 * np.abs(self.current).max()
        return float(half_turn(grid[k])) if at_rest else float("nan")

    @cached_property
    def mismatch(self) -> tuple[np.ndarray, np.ndarray]:
        """Phases, ascending, a turn closed, and the energies there less the integral of the interpolated current."""
        if self.turn is None:
            phases, kept = self.branch
            spline = scipy.interpolate.CubicSpline(phases, self.current[kept])
            return phases, self.energy[kept] - spline.antiderivative()(phases) / 2
        first = self.phases.min()
        phases = np.append(first + np.mod(self.phases[self.turn] - first + SAME, 2 * np.pi) - SAME, first + 2 * np.pi)
        return phases, self.energy[np.append(self.turn, self.turn[0])] - self._trigonometric[1](phases)

    # --- which curve, and the curves ---------------------------------------------------------------------

    @cached_property
    def turn(self) -> np.ndarray | None:
        """Phases of one turn to interpolate periodically; None where there are none, or where a branch ends."""
        if self.traced:
            return self.numbers.turn
        turn = whole_turn(self.phases)
        if turn is None:
            return None
        current, energy = self._trigonometric_of(turn)
        jump = np.abs(self.current - current(self.phases)).max() > 1e-6 * np.abs(self.current).max()
        mismatch = np.abs(self.energy - energy(self.phases)).max() > BRANCH * np.ptp(self.energy)
        return None if jump or mismatch else turn

    @cached_property
    def branch(self) -> tuple[np.ndarray, np.ndarray]:
        """Ascending phases without repetition, and their indices: where splines interpolate."""
        if self.traced:
            return self.numbers.branch
        phases = half_turn(self.phases) if whole_turn(self.phases) is not None else self.phases
        return np.unique(phases, return_index=True)

    @cached_property
    def grid(self) -> np.ndarray:
        """Phases of the search for extrema, ascending."""
        if self.turn is not None:
            count = FINE * len(self.turn)
            return self.phases.min() + 2 * np.pi * np.arange(count) / count
        phases = self.branch[0]
        return np.linspace(phases[0], phases[-1], FINE * len(phases))

    @cached_property
    def _trigonometric(self) -> tuple[Curve, Curve]:
        assert self.turn is not None
        return self._trigonometric_of(self.turn)

    def _trigonometric_of(self, turn: np.ndarray) -> tuple[Curve, Curve]:
        """Current, and the energy from its integral."""
        phases, current, energy = self.numbers.phases[turn], self.current[turn], self.energy[turn]
        k = np.arange(1, len(turn) // 2 + 1)
        share = np.where(2 * k == len(turn), 1, 2) / len(turn)
        wave = (share[:, None] * np.exp(-1j * k[:, None] * phases)) @ current
        slope = current.mean()

        def current_at(phi: Any) -> np.ndarray:
            return slope + (np.exp(1j * np.multiply.outer(phi, k)) @ wave).real

        def integral(phi: Any) -> np.ndarray:
            return (np.exp(1j * np.multiply.outer(phi, k)) @ (wave / (2j * k))).real

        level = (energy - integral(phases)).mean()
        return current_at, lambda phi: level + integral(phi)

    @cached_property
    def _curves(self) -> tuple[Curve, Curve]:
        if self.turn is not None:
            return self._trigonometric
        phases, first = self.branch
        if len(phases) < 3:
            raise ValueError(f"{len(phases)} different phases; an interpolation needs three, and better many more")
        current, energy = self.current[first], self.energy[first]
        one, nothing = np.eye(len(phases)), np.zeros((len(phases),) * 2)  # splines are linear in their values
        spline = scipy.interpolate.CubicSpline(phases, one, extrapolate=False)
        values = scipy.interpolate.CubicHermiteSpline(phases, one, nothing, extrapolate=False)
        slopes = scipy.interpolate.CubicHermiteSpline(phases, nothing, one, extrapolate=False)
        return lambda phi: spline(phi) @ current, lambda phi: values(phi) @ energy + slopes(phi) @ current / 2
