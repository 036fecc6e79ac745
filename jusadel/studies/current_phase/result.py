"""What a current-phase relation tells: critical currents, the phase of the ground state, harmonics."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.interpolate import CubicHermiteSpline, CubicSpline
from scipy.optimize import brentq, minimize_scalar

from jusadel.solver.derivatives.tracing import is_traced, still
from jusadel.studies.current_phase.errors import LARGE, SMALL, error_at, error_near, warn_of_end, warn_of_grid
from jusadel.studies.current_phase.errors import PhaseRangeWarning as PhaseRangeWarning
from jusadel.studies.current_phase.turns import SAME, half_turn, whole_turn, within_turn

Curve = Callable[[Any], np.ndarray]

EXTREMA = ("largest positive current", "largest negative current", "lowest energy")
FINE = 32
"""Points of the search for extrema, per phase."""
BRANCH = 0.05
"""Of the range of energies: the trigonometric interpolation of a current that jumps misses them by more."""


@dataclass(frozen=True, eq=False)
class CurrentPhaseRelation:
    """Current and energy of a junction against its phase difference, interpolated.

    Phases that cover 2 pi uniformly are interpolated by trigonometric polynomials, others by cubic splines, which
    know nothing beyond their ends: what lies there is NaN, with a `PhaseRangeWarning`. The latter also serve where a
    self-consistent solution, followed over a turn, has not come back to itself. What phases leave unknown between them
    shows in the energies, which the interpolated current must change as they are: that is the error of each result.
    Where one is below its error, or a critical current is not known to 5 %, a `PhaseGridWarning` says so.

    JAX may differentiate current and energy, their interpolation, and once `critical_current`, `diode_efficiency` and
    `phi0`; `critical_phase` is a number.

    Attributes:
        phases: phase differences, (k,), in the order that was given.
        current: (k,) [nu D energy], positive from the first electrode to the second.
        energy: free energy, (k,) [nu energy^2 length^2]; current = 2 d energy/d phase.
    """

    phases: Any
    current: Any
    energy: Any

    def current_at(self, phase: Any) -> np.ndarray:
        """The interpolated current; NaN outside phases that do not cover a turn."""
        return self._curves[0](np.asarray(phase, float))

    def energy_at(self, phase: Any) -> np.ndarray:
        """The interpolated free energy."""
        return self._curves[1](np.asarray(phase, float))

    @property
    def critical_current(self) -> tuple[Any, Any]:
        """The largest currents in positive and in negative direction, both as positive magnitudes."""
        self._warn_of_ends(*self._phases_of_extrema)
        self._warn_of_large_errors()
        return self._critical

    @property
    def critical_phase(self) -> tuple[float, float]:
        """Where the critical currents are reached."""
        self._warn_of_ends(*self._phases_of_extrema)
        return self._phases_of_extrema

    @cached_property
    def critical_current_error(self) -> tuple[float, float]:
        """How well the phases tell the critical currents, an estimate; NaN where there are none."""
        plus, minus = self._phases_of_extrema
        return self._doubt(plus), self._doubt(minus)

    @property
    def diode_efficiency(self) -> Any:
        """(Ic+ - Ic-)/(Ic+ + Ic-)."""
        self._warn_of_ends(*self._phases_of_extrema)
        self._warn_of_large_errors()
        plus, minus = self._critical
        found, error = (plus - minus) / (plus + minus), self.diode_efficiency_error
        self._warn_if_nothing("diode efficiency", float(still(found)), error)
        return found

    @property
    def diode_efficiency_error(self) -> float:
        """How well the phases tell the diode efficiency, an estimate."""
        (plus, minus), errors = self._values._critical, self.critical_current_error
        return float(2 * (minus * errors[0] + plus * errors[1]) / (plus + minus) ** 2)

    @property
    def phi0(self) -> Any:
        """The phase of lowest free energy, in (-pi, pi]; one of them where there are several."""
        lowest = self._values._lowest
        self._warn_of_ends(lowest=lowest)
        self._warn_if_nothing("phase of lowest energy", lowest, self.phi0_error, (0.0, np.pi))
        return self._phi0

    @cached_property
    def _phi0(self) -> Any:
        phase, step = self._values._lowest, 1e-4
        if self._values is self:
            return phase
        slope = (self._values.current_at(phase + step) - self._values.current_at(phase - step)) / (2 * step)
        change = self.current_at(phase)
        return phase - (change - still(change)) / slope

    @cached_property
    def phi0_error(self) -> float:
        """How well the phases tell phi0, an estimate."""
        phase, step = self._values._lowest, 1e-4
        ends = np.array([phase - step, phase + step])
        if self._turn is None:
            ends = within_turn(ends, self._branch[0])
        slope = np.diff(self._values.current_at(ends))[0] / np.diff(ends)[0]
        return error_at(phase, *self._values._mismatch) / abs(float(slope)) if slope else float("nan")

    def harmonics(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Sine and cosine amplitudes, (n,) each: I = Sum_k sine[k-1] sin(k phi) + cosine[k-1] cos(k phi).

        Raises:
            ValueError: the phases do not cover a turn uniformly, or are too few for n harmonics.
        """
        if self._turn is None:
            raise ValueError(
                "harmonics need phases that cover 2 pi uniformly, such as np.linspace(0, 2 * np.pi, 24, endpoint=False)"
            )
        count = len(self._turn)
        if not 1 <= n <= (count - 1) // 2:
            raise ValueError(f"n = {n} harmonics of {count} phases; expected 1 to {(count - 1) // 2}")
        phases = self.phases[self._turn]
        waves = np.exp(1j * np.arange(1, n + 1)[:, None] * phases) @ self.current[self._turn] * 2 / count
        return waves.imag, waves.real

    @cached_property
    def interpolation_error(self) -> float:
        """Largest mismatch between energies and the integral of the interpolated current, relative to their range.

        Where it is not small, take more phases (or the solution jumped between two branches).
        """
        return float(np.ptp(self._mismatch[1]) / max(np.ptp(self.energy), 1e-300))

    def __repr__(self) -> str:
        (plus, minus), phases = self._critical, self._phases_of_extrema
        errors = (*self.critical_current_error, self.diode_efficiency_error, self.phi0_error)
        return (
            f"CurrentPhaseRelation: {len(self.phases)} phases from {self.phases.min():.4g} to "
            f"{self.phases.max():.4g}\n"
            f"  critical currents {plus:.6g} and {minus:.6g} at {phases[0]:.4f} and {phases[1]:.4f}, "
            f"diode efficiency {(plus - minus) / (plus + minus):.3g}\n"
            f"  phi0 = {round(self._phi0, 5) + 0.0:.5f}, interpolation error {self.interpolation_error:.1e}\n"
            f"  known to {errors[0]:.1e} and {errors[1]:.1e}, efficiency {errors[2]:.1e}, phi0 {errors[3]:.1e}"
        )

    @cached_property
    def _values(self) -> CurrentPhaseRelation:
        """The same as numbers."""
        given = (self.phases, self.current, self.energy)
        return CurrentPhaseRelation(*map(still, given)) if is_traced(given) else self

    # --- extrema, kept without their warnings, so that each access warns; errors -----------------------

    @cached_property
    def _critical(self) -> tuple[Any, Any]:
        if self._values is self:
            return self._extrema[0][1], self._extrema[1][1]
        plus, minus = self._phases_of_extrema  # at an extremum a change of the phase does not count
        return self.current_at(plus), -self.current_at(minus)

    @property
    def _phases_of_extrema(self) -> tuple[float, float]:
        return self._values._extrema[0][0], self._values._extrema[1][0]

    @cached_property
    def _extrema(self) -> tuple[tuple[float, float], tuple[float, float]]:
        return self._largest(1), self._largest(-1)

    @cached_property
    def _lowest(self) -> float:
        """The phase of lowest energy, where the current rises through zero."""
        grid = self._grid
        k = int(np.argmin(self.energy_at(grid)))
        for reach in (1, FINE):  # the minimum of the energies' curve may miss the zero of the current's
            if self._turn is not None:
                low, high = grid[k] + (grid[1] - grid[0]) * np.array([-reach, reach])
            else:
                low, high = grid[max(k - reach, 0)], grid[min(k + reach, len(grid) - 1)]
            if self.current_at(low) < 0 < self.current_at(high):
                return float(half_turn(brentq(self.current_at, low, high, xtol=1e-13)))
        at_rest = abs(self.current_at(grid[k])) <= 1e-6 * np.abs(self.current).max()
        return float(half_turn(grid[k])) if at_rest else float("nan")

    def _doubt(self, phase: float) -> float:
        """How well the current is known near a phase."""
        return error_near(phase, *self._values._mismatch)

    @cached_property
    def _mismatch(self) -> tuple[np.ndarray, np.ndarray]:
        """Phases, ascending, a turn closed, and the energies there less the integral of the interpolated current."""
        if self._turn is None:
            phases, kept = self._branch
            return phases, self.energy[kept] - CubicSpline(phases, self.current[kept]).antiderivative()(phases) / 2
        first = self.phases.min()
        phases = np.append(first + np.mod(self.phases[self._turn] - first + SAME, 2 * np.pi) - SAME, first + 2 * np.pi)
        return phases, self.energy[np.append(self._turn, self._turn[0])] - self._trigonometric[1](phases)

    def _warn_of_ends(self, plus: float = 0.0, minus: float = 0.0, lowest: float = 0.0) -> None:
        for what, phase in zip(EXTREMA, (plus, minus, lowest), strict=True):
            if np.isnan(phase):
                warn_of_end(what, self._branch[0])

    def _warn_of_large_errors(self) -> None:
        share = np.nan_to_num(self.critical_current_error) / max(*np.nan_to_num(self._values._critical), 1e-300)
        if share.max() > LARGE:
            warn_of_grid(f"the critical currents are known to {100 * share.max():.2g} % only", len(self.phases))

    def _warn_if_nothing(self, what: str, found: float, error: float, nothing: tuple[float, ...] = (0.0,)) -> None:
        for value in nothing:
            if SMALL < abs(abs(found) - value) < error:
                text = f"the {what}, {found:.2g}, is known to {error:.1g} only, and may be {value:.4g}"
                warn_of_grid(text, len(self.phases))

    # --- interpolation --------------------------------------------------------------------------------

    @cached_property
    def _turn(self) -> np.ndarray | None:
        """Phases of one turn to interpolate periodically; None where there are none, or where a branch ends."""
        if self._values is not self:
            return self._values._turn
        turn = whole_turn(self.phases)
        if turn is None:
            return None
        current, energy = self._trigonometric_of(turn)
        jump = np.abs(self.current - current(self.phases)).max() > 1e-6 * np.abs(self.current).max()
        mismatch = np.abs(self.energy - energy(self.phases)).max() > BRANCH * np.ptp(self.energy)
        return None if jump or mismatch else turn

    @cached_property
    def _branch(self) -> tuple[np.ndarray, np.ndarray]:
        """Ascending phases without repetition, and their indices: where splines interpolate."""
        if self._values is not self:
            return self._values._branch
        phases = half_turn(self.phases) if whole_turn(self.phases) is not None else self.phases
        return np.unique(phases, return_index=True)

    @cached_property
    def _grid(self) -> np.ndarray:
        if self._turn is not None:
            count = FINE * len(self._turn)
            return self.phases.min() + 2 * np.pi * np.arange(count) / count
        phases = self._branch[0]
        return np.linspace(phases[0], phases[-1], FINE * len(phases))

    @cached_property
    def _trigonometric(self) -> tuple[Curve, Curve]:
        assert self._turn is not None
        return self._trigonometric_of(self._turn)

    def _trigonometric_of(self, turn: np.ndarray) -> tuple[Curve, Curve]:
        """Current, and the energy from its integral."""
        phases, current, energy = self._values.phases[turn], self.current[turn], self.energy[turn]
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
        if self._turn is not None:
            return self._trigonometric
        phases, first = self._branch
        if len(phases) < 3:
            raise ValueError(f"{len(phases)} different phases; an interpolation needs three, and better many more")
        current, energy = self.current[first], self.energy[first]
        one, nothing = np.eye(len(phases)), np.zeros((len(phases),) * 2)  # splines are linear in their values
        spline = CubicSpline(phases, one, extrapolate=False)
        values = CubicHermiteSpline(phases, one, nothing, extrapolate=False)
        slopes = CubicHermiteSpline(phases, nothing, one, extrapolate=False)
        return lambda phi: spline(phi) @ current, lambda phi: values(phi) @ energy + slopes(phi) @ current / 2

    def _largest(self, sign: int) -> tuple[float, float]:
        """Phase and value of the largest of sign times the current; NaN at an end or beyond."""
        grid = self._grid
        values = sign * self.current_at(grid)
        k = int(np.argmax(values))
        if self._turn is None and k in (0, len(grid) - 1):
            return float("nan"), float("nan")
        step = grid[1] - grid[0]
        best = minimize_scalar(
            lambda phi: -sign * float(self.current_at(phi)),
            bounds=(grid[k] - step, grid[k] + step),
            method="bounded",
            options={"xatol": 1e-9},
        )
        return float(half_turn(best.x)), float(-best.fun)
