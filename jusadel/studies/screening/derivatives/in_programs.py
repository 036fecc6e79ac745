"""`solve_screened` inside `jax.jit` and `jax.vmap`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import numpy as np

from jusadel.action.assembly import discretise
from jusadel.device.device import Device
from jusadel.device.pair_potential import nodal_values
from jusadel.solver.derivatives.under_grad import Stated
from jusadel.solver.derivatives.under_jit import like_numbers, numbers_of, stated_solution, sums_in_program
from jusadel.solver.derivatives.whole import called_whole
from jusadel.solver.states.solution import Solution
from jusadel.studies.screening.edge_elements import WhitneyField, holes
from jusadel.studies.screening.result import ScreenedSolution

FIELDS = "magnetic_field", "hole_fields", "edges", "areas"


def screened_in_program(
    solve_screened: Callable[..., ScreenedSolution], given: tuple[Any, ...], start: Any, options: dict[str, Any]
) -> ScreenedSolution:
    """As `solve_screened`, of numbers that have no values; NaN where it fails.

    `given` has device, T, H, permeability, pair potential and frequencies.
    """
    device, T, H, permeability, pair_potential, frequencies = given
    stated = Stated(device, T, None, frequencies)
    sums = sums_in_program(stated)

    def of(given: Any) -> dict[str, Any]:
        *arguments, start = given
        sol = solve_screened(*arguments, start=start, **options)
        return numbers_of(sol) | {name: getattr(sol, name) for name in FIELDS} | {"A": sol.system.cells.line_A}

    bare = discretise(replace(device, vector_potential=None), np.zeros(device.mesh.triangles.shape), ("A", "Delta"))
    values = start if isinstance(start, Solution) else nodal_values(device.mesh, start)
    arguments = device, T, H, permeability, nodal_values(device.mesh, pair_potential), frequencies, values
    like = like_numbers(device, len(sums[0]), len(bare.free)) | _like_fields(device)
    like["A"] = np.zeros((len(bare.triangles), 3))
    found = called_whole("solve_screened", of, arguments, like)
    system = discretise(replace(device, vector_potential=None), found["vertex"], ("A",))
    system = replace(system, cells=replace(system.cells, line_A=found["A"]))
    sol = stated_solution(stated, sums, system, found)
    there = replace(device, vector_potential=WhitneyField(device.mesh, found["edges"]))
    return ScreenedSolution(
        **{f.name: getattr(sol, f.name) for f in fields(Solution)} | {"device": there},
        applied_field=H,
        permeability=permeability,
        **{name: found[name] for name in FIELDS},
    )


def _like_fields(device: Device) -> dict[str, np.ndarray]:
    mesh, inside = device.mesh, len(holes(device))
    m = len(mesh.triangles)
    sizes = {"magnetic_field": m, "hole_fields": inside, "edges": len(mesh.edges), "areas": m + inside}
    return {name: np.zeros(size) for name, size in sizes.items()}
