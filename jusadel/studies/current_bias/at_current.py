"""solve_at_current(): the solution that carries given currents, and its derivatives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.common.arguments import is_number
from jusadel.common.differentiability import first_only, is_traced, refuse_in_program, values_of, waits, worked_out
from jusadel.common.errors import SolveError
from jusadel.common.types import Number, PairPotential
from jusadel.device.device import Device
from jusadel.device.recurrence import recurring
from jusadel.solver.derivatives.tracing import still
from jusadel.solver.states.solution import Solution
from jusadel.studies.current_bias.branch import carrying, climb, rise, top
from jusadel.studies.current_bias.in_programs import biased_in_program
from jusadel.studies.current_bias.kirchhoff import HALVINGS, resting, share_that_flows
from jusadel.studies.current_bias.phases import (
    Biased,
    BiasedState,
    Terminal,
    currents_of,
    solved_with,
    superconducting,
    terminal_between,
    with_phases,
)

OFTEN = 20
"""Solutions of one search, about."""
BALANCE = 1e-9
"""Of the largest current: what all of them may add up to."""
ONCE = "solve_at_current has first derivatives only: take central differences of its gradient"
REMEDY = "jax.grad and jax.jvp can be used"


class CriticalCurrentError(SolveError):
    """A current that is larger than the device carries without a voltage.

    Attributes:
        critical: the critical current in this direction; of several contacts the share of all currents that flows.
    """

    def __init__(self, message: str, critical: float) -> None:
        super().__init__(message)
        self.critical = critical


def solve_at_current(
    device: Device,
    current: Number | Mapping[str, Number],
    T: Number,
    between: tuple[str, str] = ("left", "right"),
    pair_potential: PairPotential = None,
    **solve_arguments: Any,
) -> Solution:
    """The solution that carries a given current: the phase of an electrode, or of a seam, is what is solved for.

    Of all that do it is on the branch of stable states, dI/dphase > 0, through the least energy that lies downhill from
    the phases of the device itself: a 0 junction and a pi junction from their own minimum, a ring from the winding that
    it has. The phases found are those of `sol.device`, `sol.device.electrodes()["right"].phase`.

    JAX differentiates it once, forward or backward: all of the solution, its phases too, with respect to the currents,
    T and everything in the device. Inside `jax.jit` and `jax.vmap` the number of frequencies must be given, and all is
    NaN where it fails.

    Args:
        device: with at least two electrodes of Delta > 0, each a Reservoir or a Tunnel, or with a `Periodic` boundary.
        current: I from the first of `between` to the second [nu D energy]; or {boundary: I} for several electrodes, I
            out of the device as in `current_through`. Electrodes of Delta > 0 that it does not name keep their phases
            and take up the rest. Where it names all of them, the currents must add up to zero and the first keeps its
            phase.
        T: temperature > 0 [energy].
        between: names (a, b) of the electrodes' boundaries, of which b's phase is found; or of a Periodic boundary and
            its partner: then it is the phase round the device, which counts the turns of a long wire. Not used with
            several currents.
        pair_potential: as in `solve`.
        solve_arguments: of `solve`, but for `throw`: frequencies, tol, start (of the first state), linear_solver,
            accuracy, gap_tol, progress. With `permeability` and H, for a film model="film" and thickness too, the
            states are those of `solve_screened`, with the field of the current itself.

    Raises:
        CriticalCurrentError: no state carries it; the message and `critical` have the largest current that flows.
        ValueError: names that are not joined electrodes with Delta > 0, currents that are not finite or do not add up.
        SolveError: as in `solve`.
        NotDifferentiableError: differentiated twice; of screened states inside `jax.jit` or `jax.vmap`.
    """
    if waits(asked := locals()):
        return worked_out(solve_at_current, asked | asked.pop("solve_arguments"))
    refuse_throw("solve_at_current", solve_arguments)
    terminals, currents = _asked(device, current, between)
    given = device, current, T, pair_potential
    if is_traced(still((given, solve_arguments))):
        if "permeability" in solve_arguments:
            refuse_in_program("solve_at_current with screening", REMEDY, numbers=(given, solve_arguments))
        return biased_in_program(solve_at_current, terminals, given, between, solve_arguments)
    plain = still((device, T, pair_potential, solve_arguments))
    values = values_of(currents)
    traced = is_traced((device, T, pair_potential, solve_arguments, currents))
    biased = Biased(plain[0], terminals, *plain[1:])
    with recurring(OFTEN):
        state = _found(biased, np.asarray(values, float))
    state.warn(2)
    if not traced:
        return state.sol
    x = phases_with_derivatives(biased, state, device, T, pair_potential, solve_arguments, currents)
    return solved_from(biased, state, with_phases(device, terminals, x), T, pair_potential, solve_arguments)


def refuse_throw(name: str, arguments: Mapping[str, Any]) -> None:
    """A search needs states that are certified; and a field that is screened a permeability."""
    if "throw" in arguments:
        raise TypeError(f"{name} has no argument throw: a state that is not certified carries no known current")
    if "permeability" in arguments and "H" not in arguments:
        raise TypeError(f"{name} was given a permeability without H: expected the applied field too, H=0.0 for none")
    of_screening = sorted({"H", "model", "thickness"} & set(arguments))
    if of_screening and "permeability" not in arguments:
        raise TypeError(
            f"{name} was given {of_screening} without a permeability: expected one too, for states as of "
            "solve_screened, or the field as the device's vector_potential"
        )


def _asked(device: Device, current: Any, between: Any) -> tuple[list[Terminal], Any]:
    """The terminals whose phases are unknown, and their currents (k,)."""
    if not isinstance(current, Mapping):
        _refuse_bad_numbers({"current": current})
        return [terminal_between(device, between)], jnp.stack([current]) if is_traced(current) else np.array([current])
    electrodes = {name: Terminal.of(device, name) for name in superconducting(device)}
    named = {name: next((t for t in electrodes.values() if name in t.names), None) for name in current}
    unknown = [name for name, terminal in named.items() if terminal is None]
    if unknown or len({id(t) for t in named.values()}) < len(named) or len(electrodes) < 2 or not current:
        raise ValueError(f"currents at {list(current)}; expected electrodes with Delta > 0, each once: {[*electrodes]}")
    _refuse_bad_numbers(current)
    names = list(current)
    if len(current) == len(electrodes):
        _refuse_unbalanced(current)
        names = names[1:]
    xp: Any = jnp if is_traced(dict(current)) else np
    return [named[name] for name in names], xp.stack([current[name] for name in names])  # type: ignore[misc]


def _refuse_bad_numbers(currents: Mapping[str, Any]) -> None:
    for name, value in currents.items():
        if not is_number(value):
            raise ValueError(f"{name}: current = {value!r}; expected a finite number, or {{boundary: number}}")


def _refuse_unbalanced(currents: Mapping[str, Any]) -> None:
    values = [values_of(value) for value in currents.values()]
    if not is_traced(values) and abs(sum(values)) > BALANCE * max(map(abs, values)):
        raise ValueError(
            f"the currents {dict(zip(currents, map(float, values), strict=True))} out of all superconducting contacts "
            f"add up to {float(sum(values)):.4g}; expected zero, or one contact left out, which takes up the rest"
        )


# --- the search --------------------------------------------------------------------------------------


def _found(biased: Biased, currents: np.ndarray) -> BiasedState:
    if len(currents) > 1:
        return _of_several(biased, currents)
    current, start = float(currents[0]), rise(biased)
    way = 1 if current >= 0 else -1
    before, after, fell = climb(biased, start, way, way * current)
    if fell:
        best = top(biased, before, after, way, start.step)
        if way * best.current < way * current:
            raise CriticalCurrentError(
                f"current = {current:.6g} is beyond the critical current {best.current:.6g} in this direction, which "
                f"flows at a phase of {best.phase:+.4f} from that of the device; expected less",
                best.current,
            )
        after = best
    return carrying(biased, before, after, current)


def _of_several(biased: Biased, currents: np.ndarray) -> BiasedState:
    state = resting(biased, currents)
    if state is None:
        share = share_that_flows(biased, currents)
        raise CriticalCurrentError(
            f"no phases carry the currents {currents.tolist()} out of "
            f"{[terminal.names[0] for terminal in biased.terminals]}; the critical currents in these proportions are "
            f"{share:.2f} to {share + 0.5**HALVINGS:.2f} times as large",
            share,
        )
    return state


# --- derivatives ---------------------------------------------------------------------------------------


def solved_from(
    biased: Biased, state: BiasedState, device: Device, T: Any, Delta: Any, arguments: Mapping[str, Any]
) -> Solution:
    """The solution of a device at the phases of a state, as a function of what JAX traces."""
    given = {**arguments, "start": state.sol}
    if given.get("frequencies") is None:
        given["frequencies"] = len(state.sol.omega)  # which move with T
    return solved_with(device, T, Delta, given)


def phases_with_derivatives(
    biased: Biased, state: BiasedState, device: Device, T: Any, Delta: Any, arguments: Mapping[str, Any], currents: Any
) -> Any:
    """x (k,) at which the currents (k,) flow: dI/dx dx = what these change by, less what those at fixed x do."""
    terminals, x = biased.terminals, state.x

    def plainly(x: Any) -> Any:
        there = with_phases(biased.device, terminals, x)
        return currents_of(terminals, solved_from(biased, state, there, biased.T, biased.pair_potential, biased.given))

    slopes = jax.jacfwd(plainly)(jnp.asarray(x))
    here = currents_of(terminals, solved_from(biased, state, with_phases(device, terminals, x), T, Delta, arguments))
    missing = first_only(currents - here, ONCE)
    return jnp.asarray(x) + jnp.linalg.solve(slopes, missing - jax.lax.stop_gradient(missing))


def at_fixed_phase(biased: Biased, state: BiasedState, device: Device, T: Any, Delta: Any, arguments: Any) -> Any:
    """The current of a single terminal at the phase of a state, as a function of what JAX traces."""
    sol = solved_from(biased, state, with_phases(device, biased.terminals, state.x), T, Delta, arguments)
    return first_only(currents_of(biased.terminals, sol)[0], ONCE)
