"""`solve_at_current` inside `jax.jit` and `jax.vmap`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from jusadel.action.assembly import discretise
from jusadel.device.device import Device
from jusadel.device.pair_potential import nodal_values
from jusadel.solver.derivatives.under_grad import Stated
from jusadel.solver.derivatives.under_jit import like_numbers, numbers_of, stated_solution, sums_in_program
from jusadel.solver.derivatives.whole import called_whole
from jusadel.solver.states.solution import Solution
from jusadel.studies.current_bias.phases import Terminal, with_phases


def biased_in_program(
    solve_at_current: Callable[..., Solution],
    terminals: Sequence[Terminal],
    given: tuple[Any, ...],
    between: tuple[str, str],
    arguments: Mapping[str, Any],
) -> Solution:
    """As `solve_at_current`, of numbers that have no values; NaN where no state carries the currents.

    `given` has device, currents, T and pair potential.
    """
    device, current, T, pair_potential = given
    sums = sums_in_program(Stated(device, T, None, arguments.get("frequencies")))

    def of(given: Any) -> dict[str, Any]:
        (device, current, T, Delta), arguments = given
        sol = solve_at_current(device, current, T, between, Delta, **arguments)
        return numbers_of(sol) | {"x": _turned_by(device, sol.device, terminals)}

    start = arguments.get("start")
    options = dict(arguments) | {"start": start if isinstance(start, Solution) else nodal_values(device.mesh, start)}
    numbers = device, current, T, nodal_values(device.mesh, pair_potential)
    bare = discretise(device, np.zeros(device.mesh.triangles.shape), ("Delta",))
    like = like_numbers(device, len(sums[0]), len(bare.free)) | {"x": np.zeros(len(terminals))}
    found = called_whole("solve_at_current", of, (numbers, options), like)
    there = with_phases(device, terminals, found["x"])
    return stated_solution(Stated(there, T, None, None), sums, discretise(there, found["vertex"]), found)


def _turned_by(old: Device, new: Device, terminals: Sequence[Terminal]) -> Any:
    """x (k,) by which the phases of terminals differ, as `with_phases` takes it."""
    found: list[Any] = []
    for terminal in terminals:
        name = terminal.names[0]
        at = old.mesh.points[old.mesh.boundary_nodes(name)[:1]]
        before, after = (_phase(device, name, at) for device in (old, new))
        found.append((after - before) * (terminal.sign if old.boundaries[name].partner else 1))
    return jnp.stack([jnp.asarray(x, float) for x in found])


def _phase(device: Device, name: str, at: Any) -> Any:
    boundary: Any = device.boundaries[name]
    phase = (boundary.electrode or boundary).phase
    return jnp.asarray(phase(at))[0] if callable(phase) else phase
