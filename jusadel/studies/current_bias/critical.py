"""critical_current(): the largest currents that a device carries without a voltage, both ways."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from jusadel.common.differentiability import is_traced, refuse_in_program, waits, worked_out
from jusadel.common.types import Number, PairPotential
from jusadel.device.device import Device
from jusadel.device.recurrence import recurring
from jusadel.device.units.shown import scale, with_unit
from jusadel.solver.derivatives.tracing import still
from jusadel.solver.states.solution import Solution
from jusadel.studies.current_bias.at_current import REMEDY, at_fixed_phase, refuse_throw
from jusadel.studies.current_bias.branch import largest, rise
from jusadel.studies.current_bias.phases import Biased, terminal_between

OFTEN = 60
"""Solutions of one search, about."""


@dataclass(frozen=True, kw_only=True)
class CriticalCurrent:
    """The largest supercurrents of a device both ways.

    Attributes:
        plus: largest current from a to b, > 0 [nu D energy].
        minus: largest current from b to a, > 0.
        phase_plus: by how much the phase of b is turned from that of the device where `plus` flows.
        phase_minus: the same for `minus`.
        sol_plus, sol_minus: the solutions there; where JAX traces, without derivatives.
    """

    plus: Number
    minus: Number
    phase_plus: float
    phase_minus: float
    sol_plus: Solution = field(repr=False)
    sol_minus: Solution = field(repr=False)

    def __repr__(self) -> str:
        unit = scale(self.sol_plus.units, "current")
        currents = f"{with_unit(self.plus, unit, 6)} and {with_unit(self.minus, unit, 6)} the other way"
        turned = f"{self.phase_plus:.4f} and {self.phase_minus:.4f}"
        return f"CriticalCurrent: {currents}, where the phase is turned by {turned}"

    @property
    def diode_efficiency(self) -> Number:
        """(plus - minus)/(plus + minus)."""
        return (self.plus - self.minus) / (self.plus + self.minus)


def critical_current(
    device: Device,
    T: Number,
    between: tuple[str, str] = ("left", "right"),
    pair_potential: PairPotential = None,
    **solve_arguments: Any,
) -> CriticalCurrent:
    """The critical currents of a junction, a bridge, a constriction or a strip, in both directions.

    The branch of stable states (`solve_at_current`) is followed from the least energy both ways until the current has
    passed its largest value. With "self-consistent" this is where superconductivity gives way, at the places where the
    current crowds; without, the maximum of the current-phase relation. A uniform strip, periodic along the current,
    has width times `depairing_current`.

    JAX differentiates `plus`, `minus` and `diode_efficiency` once with respect to T and everything in the device.

    Args:
        device, T, between, pair_potential, solve_arguments: as for `solve_at_current`.

    Raises:
        ValueError: names that are not joined electrodes with Delta > 0, nor a periodic boundary and its partner.
        SolveError: as in `solve`; no current flows at all.
        NotDifferentiableError: inside `jax.jit` or `jax.vmap`, or differentiated twice.
    """
    if waits(asked := locals()):
        return worked_out(critical_current, asked | asked.pop("solve_arguments"))
    refuse_throw("critical_current", solve_arguments)
    stated = device, T, pair_potential, solve_arguments
    plain = still(stated)
    refuse_in_program("critical_current", REMEDY, device=plain[0], T=plain[1], numbers=plain[2:])
    biased = Biased(plain[0], [terminal_between(device, between)], *plain[1:])
    with recurring(OFTEN):
        start = rise(biased)
        states = [largest(biased, start, way) for way in (1, -1)]
    for state in states:
        state.warn(2)
    plus, minus = (state.current for state in states)
    if is_traced(stated):
        plus, minus = (at_fixed_phase(biased, state, *stated) for state in states)
    return CriticalCurrent(
        plus=plus,
        minus=-minus,
        phase_plus=states[0].phase,
        phase_minus=states[1].phase,
        sol_plus=states[0].sol,
        sol_minus=states[1].sol,
    )
