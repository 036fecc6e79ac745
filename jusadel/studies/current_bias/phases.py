"""A device as a function of the phases of some of its boundaries: states at given phases, each from the nearest known.

x is what is added to these phases. On any state the current out through such a boundary is 2 dF/dx.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import jax.numpy as jnp
import numpy as np

from jusadel.action.periodic import refuse_apart
from jusadel.common.differentiability import is_traced
from jusadel.common.errors import SolveError
from jusadel.device.boundary import Boundary, Reservoir
from jusadel.device.device import Device
from jusadel.observables.currents import current_through
from jusadel.solver.derivatives.tracing import still
from jusadel.solver.equilibrium import SELF_CONSISTENT, solve
from jusadel.solver.states.solution import Solution
from jusadel.studies.current_phase.turning import phase_change, turned
from jusadel.studies.screening.solve import solve_screened

KEPT = 6
"""States from which others start: none that has given way, normal or unstable."""


@dataclass(frozen=True)
class Terminal:
    """An electrode, or a seam, whose phase may move: all boundaries that share it."""

    names: tuple[str, ...]
    sign: int = 1  # of the current that the user asks for, against that out through these boundaries

    @classmethod
    def of(cls, device: Device, name: str, sign: int = 1) -> Terminal:
        """The one with this boundary."""
        it = device.boundaries[name]
        return cls(tuple(other for other, b in device.boundaries.items() if b is it), sign)

    def current(self, sol: Solution) -> Any:
        """What flows out through it, times its sign."""
        return self.sign * sum(current_through(sol, name) for name in self.names)


def superconducting(device: Device) -> list[str]:
    """Boundaries with an electrode of Delta > 0, one name for each electrode."""
    found: dict[int, str] = {}
    for name, reservoir in still(device).electrodes().items():
        if _superconducts(reservoir):
            found.setdefault(id(device.boundaries[name]), name)
    return list(found.values())


def terminal_between(device: Device, between: Any) -> Terminal:
    """What moves the phase difference of two electrodes, or round a periodic device.

    Raises:
        ValueError: not two superconducting electrodes that something joins, nor a periodic boundary and its partner.
    """
    good = [name for name, r in still(device).electrodes().items() if _superconducts(r)]
    pair = tuple(between) if isinstance(between, tuple | list) else (between,)
    for name, seam in device.periodic().items():
        if sorted(map(str, pair)) == sorted((name, seam.partner)):
            return Terminal((name,), 1 if pair[1] == name else -1)
    wanted = f"expected two different ones of the electrodes with Delta > 0, which are {good}"
    if len(pair) != 2 or not all(name in good for name in pair):
        raise ValueError(f"between = {between!r}; {wanted}, or a periodic boundary and its partner")
    if device.boundaries[pair[0]] is device.boundaries[pair[1]]:
        raise ValueError(f"between = {between!r} is one electrode; {wanted}")
    refuse_apart(still(device), pair)
    return Terminal.of(device, pair[1])


def _superconducts(reservoir: Reservoir) -> bool:
    """Whether Delta > 0; where it has no value, it is taken to be."""
    return is_traced(reservoir.Delta) or float(reservoir.Delta) > 0


def with_phases(device: Device, terminals: Sequence[Terminal], x: Any) -> Device:
    """The device with x (k,) added to the phases of its terminals."""
    boundaries: dict[str, Boundary] = dict(device.boundaries)
    for k, terminal in enumerate(terminals):
        old: Any = boundaries[terminal.names[0]]
        holder = old.electrode or old
        phase = _sum(holder.phase, terminal.sign * x[k] if old.partner else x[k])
        new = replace(holder, phase=phase)
        boundaries |= dict.fromkeys(terminal.names, old.with_electrode(new) if old.electrode else new)
    return replace(device, boundaries=boundaries)


def solved_with(device: Device, T: Any, pair_potential: Any, arguments: Mapping[str, Any]) -> Solution:
    """By `solve`, or by `solve_screened` where the arguments have a permeability."""
    by: Any = solve_screened if "permeability" in arguments else solve
    return by(device, T, pair_potential=pair_potential, **arguments)


def _sum(phase: Any, x: Any) -> Any:
    return (lambda points: phase(points) + x) if callable(phase) else phase + x


@dataclass(frozen=True, eq=False)
class BiasedState:
    """A solution at phases x (k,), with the currents of the terminals (k,)."""

    x: np.ndarray
    currents: np.ndarray
    sol: Solution
    heard: Sequence[warnings.WarningMessage] = ()

    @property
    def current(self) -> float:
        """Of a single terminal."""
        return float(self.currents[0])

    @property
    def phase(self) -> float:
        """Of a single terminal."""
        return float(self.x[0])

    def warn(self, level: int) -> None:
        """Say again what its solution said, which is not said of states on the way."""
        for w in self.heard:
            warnings.warn(str(w.message), w.category, stacklevel=level + 1)


@dataclass(eq=False)
class Biased:
    """A device of which some phases are looked for.

    Args:
        device: without tracers.
        terminals: what moves, (k,).
        T, pair_potential, given: as for `solve`, or `solve_screened`.
    """

    device: Device
    terminals: Sequence[Terminal]
    T: float
    pair_potential: Any
    given: Mapping[str, Any]
    known: list[BiasedState] = field(default_factory=list)
    solved: int = 0

    def at(self, x: Any) -> BiasedState:
        """The state at phases x (k,)."""
        x = np.atleast_1d(np.asarray(x, float))
        for state in self.known:
            if np.array_equal(state.x, x):
                return state
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            try:
                there = with_phases(self.device, self.terminals, x)
                sol = solved_with(there, self.T, self.pair_potential, self._arguments(x))
            except SolveError as error:
                error.add_note(f"at phases that were turned by {x.round(6).tolist()}")
                raise
        self.solved += 1
        state = BiasedState(x, np.array([float(terminal.current(sol)) for terminal in self.terminals]), sol, heard)
        if not self.known or not (is_unstable(sol) or sol.stats.get("state") == "normal"):
            self.known = [state, *self.known][:KEPT]
        return state

    def at_phase(self, x: float) -> BiasedState:
        """The state of a single terminal at this phase."""
        return self.at([x])

    @property
    def is_screened(self) -> bool:
        """Whether the current's own field is found with it."""
        return "permeability" in self.given

    def go_on_from(self, *states: BiasedState) -> None:
        """Let others start from these alone."""
        self.known = list(states)

    def _arguments(self, x: np.ndarray) -> dict[str, Any]:
        if not self.known:
            return dict(self.given)
        near = min(self.known, key=lambda state: float(np.linalg.norm(state.x - x)))
        start = turned(near.sol, (x - near.x) @ self._shares, near.sol.mesh.triangles)
        if "start" in self.given and self.pair_potential != SELF_CONSISTENT:
            start = self.given["start"]
        return {**self.given, "start": start, "frequencies": (near.sol.omega, near.sol.weights)}

    @cached_property
    def _shares(self) -> np.ndarray:
        """By how much each node's phase follows those of the terminals, (k, n)."""
        still_there = with_phases(self.device, self.terminals, np.zeros(len(self.terminals)))
        each = np.eye(len(self.terminals))
        return np.stack([phase_change(still_there, with_phases(self.device, self.terminals, x)) for x in each])


def is_unstable(sol: Solution) -> bool:
    """Whether a solution is stationary, but no minimum of the energy."""
    return sol.stats.get("state") == "unstable" or not sol.stats.get("screening_stable", True)


def currents_of(terminals: Sequence[Terminal], sol: Solution) -> Any:
    """(k,), as arrays of JAX."""
    return jnp.stack([jnp.asarray(terminal.current(sol)) for terminal in terminals])
