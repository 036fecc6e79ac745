"""Solutions, spectra, screened solutions and films in files: what is packed, and how it is read."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.action.assembly import discretise
from jusadel.action.connectivity import ghosts
from jusadel.action.mesh_action import DiscreteAction
from jusadel.common.archive import Arrays
from jusadel.common.stored import Stored
from jusadel.device.device import Device
from jusadel.files.devices import device_of, packed_device
from jusadel.observables.thermodynamics import free_energy
from jusadel.solver.spectra import Spectrum
from jusadel.solver.states.base import States
from jusadel.solver.states.solution import Solution
from jusadel.solver.states.stored import ENERGIES, FREQUENCIES, packed_state, stored_state
from jusadel.studies.screening.edge_elements import WhitneyField, edge_space
from jusadel.studies.screening.result import ScreenedSolution
from jusadel.studies.screening.thin_film.film_model import edges_of
from jusadel.studies.screening.thin_film.film_result import ScreenedFilm

Array = jax.Array
Content = dict[str, Any]
"""The part of a file's header that says what is where."""

MAGNETIC = ("magnetic_field", "hole_fields", "edges", "areas")
OF_FILMS = ("magnetic_field", "hole_fluxes", "hole_currents", "stream_function", "edges")
NUMBERS_OF_FILMS = ("permeability", "thickness", "magnetic_energy", "magnetic_moment")


def packed_solution(sol: Solution, arrays: Arrays) -> tuple[Content, Content]:
    """A Solution: its content, and what the header says about it."""
    content = _packed_state(sol, FREQUENCIES, arrays)
    about = _certificate(sol) | {
        "T": content["T"],
        "frequencies": len(sol.omega),
        "pair_potential": "self-consistent" if "state" in sol.stats else "given",
        "free_energy": _finite(free_energy(sol)),
    }
    return content, about


def solution_of(part: Stored) -> Solution:
    """The Solution again."""
    return Solution(**_state_of(part, FREQUENCIES, "f"))


def packed_screened(sol: ScreenedSolution, arrays: Arrays) -> tuple[Content, Content]:
    """A Solution with its magnetic field."""
    content, about = packed_solution(sol, arrays)
    magnetic = {name: arrays.put(name, getattr(sol, name)) for name in MAGNETIC}
    numbers = {"applied_field": float(sol.applied_field), "permeability": float(sol.permeability)}
    return content | numbers | magnetic, about | numbers


def screened_of(part: Stored) -> ScreenedSolution:
    """The ScreenedSolution again."""
    sol, holes = solution_of(part), part["hole_fields"].array((None,))
    m = len(sol.mesh.triangles)
    return ScreenedSolution(
        **{f.name: getattr(sol, f.name) for f in fields(Solution)},
        applied_field=part["applied_field"].number(),
        permeability=part["permeability"].number(),
        magnetic_field=part["magnetic_field"].array((m,)),
        hole_fields=holes,
        edges=part["edges"].array((len(sol.mesh.edges),)),
        areas=part["areas"].array((m + len(holes),)),
    )


def packed_screened_film(sol: ScreenedFilm, arrays: Arrays) -> tuple[Content, Content]:
    """A Solution with its sheet currents; an applied field that is a function, by its integrals along edges."""
    content, about = packed_solution(sol, arrays)
    H, numbers = sol.applied_field, {name: float(getattr(sol, name)) for name in NUMBERS_OF_FILMS}
    applied = {"applied_edges": arrays.put("applied_edges", edges_of(sol.device, H))} if callable(H) else {}
    numbers |= {} if callable(H) else {"applied_field": float(np.asarray(H))}
    return content | numbers | applied | {
        name: arrays.put(name, getattr(sol, name)) for name in OF_FILMS
    }, about | numbers


def screened_film_of(part: Stored) -> ScreenedFilm:
    """The ScreenedFilm again; an applied field that was a function is one that serves on its mesh."""
    sol = solution_of(part)
    m, e, holes = len(sol.mesh.triangles), len(sol.mesh.edges), part["hole_fluxes"].array((None,))
    shapes = dict(zip(OF_FILMS, (m, len(holes), len(holes), len(sol.mesh.points), e), strict=True))
    given: dict[str, Any] = {name: part[name].array((count,)) for name, count in shapes.items()}
    given |= {name: part[name].number() for name in NUMBERS_OF_FILMS}
    if "applied_edges" in part:
        given["applied_field"] = WhitneyField(sol.mesh, part["applied_edges"].array((e,)))
    else:
        given["applied_field"] = part["applied_field"].number()
    return ScreenedFilm(**{f.name: getattr(sol, f.name) for f in fields(Solution)}, **given)


def packed_spectrum(spec: Spectrum, arrays: Arrays) -> tuple[Content, Content]:
    """A Spectrum."""
    content = _packed_state(spec, ENERGIES, arrays) | {"eta": float(spec.eta)}
    return content, _certificate(spec) | {"T": content["T"], "eta": content["eta"], "energies": len(spec.energies)}


def spectrum_of(part: Stored) -> Spectrum:
    """The Spectrum again."""
    return Spectrum(**_state_of(part, ENERGIES, "c"), eta=part["eta"].number())


def _packed_state(found: States, axes: tuple[str, ...], arrays: Arrays) -> Content:
    content = {"device": packed_device(found.device, arrays)} | packed_state(found, axes, arrays)
    return content | {"stats": {name: arrays.any(f"stats {name}", value) for name, value in found.stats.items()}}


def _state_of(part: Stored, axes: tuple[str, ...], kind: str) -> dict[str, Any]:
    """What solutions and spectra share: the device, how it was solved, and the states at their `axes`."""
    device = device_of(part["device"])
    n, m = len(device.mesh.points), len(device.mesh.triangles)
    behind = sum(len(nodes) for nodes, _ in ghosts(device).values())
    found = stored_state(part, axes, kind, n, n + behind, m)
    stats = {name: value.any() for name, value in part["stats"].items()}
    return found | {"device": device, "stats": stats, "system": _system(device, found["vertex_Delta"])}


def _system(device: Device, Delta: Array) -> DiscreteAction:
    """The discrete action, which follows from the device and the pair potential (m, 3)."""
    system, potential = discretise(device, Delta), device.vector_potential
    if not isinstance(potential, WhitneyField):
        return system
    line_A = jnp.asarray(edge_space(device, system).line_A(potential.edges))  # as `solve_screened` has them
    return replace(system, cells=replace(system.cells, line_A=line_A))


def _certificate(found: Any) -> Content:
    """What the header says of a solution's quality."""
    return {
        "nodes": len(found.mesh.points),
        "triangles": len(found.mesh.triangles),
        "tol": found.stats.get("tol"),
        "linear_solver": found.stats.get("linear_solver"),
        "converged": bool(np.all(found.converged)),
        "stable": bool(np.all(found.stable)),
        "state": found.stats.get("state"),
    }


def _finite(value: Any) -> float | None:
    return float(value) if np.isfinite(float(value)) else None
