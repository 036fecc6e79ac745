"""What a current-phase relation tells: critical currents, the phase of the ground state, harmonics."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from jusadel.common.differentiability import first_only
from jusadel.common.types import ArrayLike, Number, Values
from jusadel.device.units.shown import between, scale
from jusadel.device.units.units import Units
from jusadel.solver.derivatives.tracing import still
from jusadel.studies.current_phase.interpolation import Interpolation
from jusadel.studies.current_phase.turns import within_turn
from jusadel.studies.current_phase.uncertainty import (
    LARGE,
    SMALL,
    PhaseRangeWarning as PhaseRangeWarning,
    error_at,
    error_near,
    warn_of_end,
    warn_of_grid,
)

ONCE = (
    "an extremum of a current-phase relation has first derivatives only: of its second ones, the change of its phase "
    "is left out; take central differences of its gradient"
)
EXTREMA = ("largest positive current", "largest negative current", "lowest energy")


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
        units: those of the device, in which it prints and is drawn: uA and eV.
    """

    phases: Values
    current: Values
    energy: Values
    units: Units | None = None

    @property
    def closed(self) -> bool:
        """Whether the phases cover a turn, over which current and energy are interpolated periodically."""
        return self._curve.turn is not None

    def current_at(self, phase: ArrayLike) -> np.ndarray:
        """The interpolated current; NaN outside phases that do not cover a turn."""
        return self._curve.current_at(np.asarray(phase, float))

    def energy_at(self, phase: ArrayLike) -> np.ndarray:
        """The interpolated free energy."""
        return self._curve.energy_at(np.asarray(phase, float))

    @property
    def critical_current(self) -> tuple[Number, Number]:
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
        """How well the phases tell the two critical currents, an estimate of each; NaN where there are none."""
        plus, minus = self._phases_of_extrema
        return self._doubt(plus), self._doubt(minus)

    @property
    def diode_efficiency(self) -> Number:
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
        (plus, minus), errors = self._known, self.critical_current_error
        return float(2 * (minus * errors[0] + plus * errors[1]) / (plus + minus) ** 2)

    @property
    def phi0(self) -> Number:
        """The phase of lowest free energy, in (-pi, pi]; one of them where there are several."""
        lowest = self._curve.numbers.lowest
        self._warn_of_ends(lowest=lowest)
        self._warn_if_nothing("phase of lowest energy", lowest, self.phi0_error, (0.0, np.pi))
        return self._phi0

    @cached_property
    def _phi0(self) -> Any:
        phase, step = self._curve.numbers.lowest, 1e-4
        if not self._curve.traced:
            return phase
        slope = (self._curve.numbers.current_at(phase + step) - self._curve.numbers.current_at(phase - step)) / (
            2 * step
        )
        change = first_only(self.current_at(phase), ONCE)
        return phase - (change - still(change)) / slope

    @cached_property
    def phi0_error(self) -> float:
        """How well the phases tell phi0, an estimate."""
        phase, step = self._curve.numbers.lowest, 1e-4
        ends = np.array([phase - step, phase + step])
        if self._curve.turn is None:
            ends = within_turn(ends, self._curve.branch[0])
        slope = np.diff(self._curve.numbers.current_at(ends))[0] / np.diff(ends)[0]
        return error_at(phase, *self._curve.numbers.mismatch) / abs(float(slope)) if slope else float("nan")

    def harmonics(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Sine and cosine amplitudes, (n,) each: I = Sum_k sine[k-1] sin(k phi) + cosine[k-1] cos(k phi).

        Raises:
            ValueError: the phases do not cover a turn uniformly, or are too few for n harmonics.
        """
        if self._curve.turn is None:
            raise ValueError(
                "harmonics need phases that cover 2 pi uniformly, such as np.linspace(0, 2 * np.pi, 24, endpoint=False)"
            )
        count = len(self._curve.turn)
        if not 1 <= n <= (count - 1) // 2:
            raise ValueError(f"n = {n} harmonics of {count} phases; expected 1 to {(count - 1) // 2}")
        phases = self.phases[self._curve.turn]
        waves = np.exp(1j * np.arange(1, n + 1)[:, None] * phases) @ self.current[self._curve.turn] * 2 / count
        return waves.imag, waves.real

    @cached_property
    def interpolation_error(self) -> float:
        """Largest mismatch between energies and the integral of the interpolated current, relative to their range.

        Where it is not small, take more phases (or the solution jumped between two branches).
        """
        return float(np.ptp(self._curve.mismatch[1]) / max(np.ptp(self.energy), 1e-300))

    def __repr__(self) -> str:
        (plus, minus), phases = self._critical, self._phases_of_extrema
        current = scale(self.units, "current")
        errors = (*self.critical_current_error, self.diode_efficiency_error, self.phi0_error)
        known = between(errors[0], errors[1], current, 2, "and")
        return (
            f"CurrentPhaseRelation: {len(self.phases)} phases from {self.phases.min():.4g} to "
            f"{self.phases.max():.4g}\n"
            f"  critical currents {between(plus, minus, current, 6, 'and')} at {phases[0]:.4f} and {phases[1]:.4f}, "
            f"diode efficiency {(plus - minus) / (plus + minus):.3g}\n"
            f"  phi0 = {round(self._phi0, 5) + 0.0:.5f}, interpolation error {self.interpolation_error:.1e}\n"
            f"  known to {known}, efficiency {errors[2]:.1e}, phi0 {errors[3]:.1e}"
        )

    # --- extrema, kept without their warnings, so that each access warns; errors -----------------------

    @cached_property
    def _curve(self) -> Interpolation:
        return Interpolation(self.phases, self.current, self.energy)

    @cached_property
    def _critical(self) -> tuple[Any, Any]:
        if not self._curve.traced:
            return self._known
        plus, minus = self._phases_of_extrema  # at an extremum a change of the phase does not count
        return first_only(self.current_at(plus), ONCE), -first_only(self.current_at(minus), ONCE)

    @property
    def _known(self) -> tuple[float, float]:
        """The critical currents as numbers."""
        plus, minus = self._curve.numbers.extrema
        return plus[1], minus[1]

    @property
    def _phases_of_extrema(self) -> tuple[float, float]:
        return self._curve.numbers.extrema[0][0], self._curve.numbers.extrema[1][0]

    def _doubt(self, phase: float) -> float:
        """How well the current is known near a phase."""
        return error_near(phase, *self._curve.numbers.mismatch)

    def _warn_of_ends(self, plus: float = 0.0, minus: float = 0.0, lowest: float = 0.0) -> None:
        for what, phase in zip(EXTREMA, (plus, minus, lowest), strict=True):
            if np.isnan(phase):
                warn_of_end(what, self._curve.branch[0])

    def _warn_of_large_errors(self) -> None:
        share = np.nan_to_num(self.critical_current_error) / max(*np.nan_to_num(self._known), 1e-300)
        if share.max() > LARGE:
            warn_of_grid(f"the critical currents are known to {100 * share.max():.2g} % only", len(self.phases))

    def _warn_if_nothing(self, what: str, found: float, error: float, nothing: tuple[float, ...] = (0.0,)) -> None:
        for value in nothing:
            if SMALL < abs(abs(found) - value) < error:
                text = f"the {what}, {found:.2g}, is known to {error:.1g} only, and may be {value:.4g}"
                warn_of_grid(text, len(self.phases))
