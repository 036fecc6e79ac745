"""Solutions, spectra and screened solutions in files: what is packed, and how it is read."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.action.assembly import discretise
from jusadel.action.mesh_action import DiscreteAction
from jusadel.common.archive import Arrays, Stored, concrete
from jusadel.device.device import Device
from jusadel.files.devices import device_of, packed_device
from jusadel.observables.thermodynamics import free_energy
from jusadel.solver.solution import Solution
from jusadel.solver.spectrum import Spectrum
from jusadel.studies.screening.edge_elements import WhitneyField, edge_space
from jusadel.studies.screening.solve import ScreenedSolution

Array = jax.Array
Content = dict[str, Any]
"""The part of a file's header that says what is where."""

PER_FREQUENCY = {"converged": "b", "stable": "b", "margin": "f"}
MAGNETIC = ("magnetic_field", "hole_fields", "edges", "areas")


def packed_solution(sol: Solution, arrays: Arrays) -> tuple[Content, Content]:
    """A Solution: its content, and what the header says about it."""
    names = ("omega", "weights", "all_G", "Delta", "vertex_Delta", *PER_FREQUENCY)
    content: Content = {"device": packed_device(sol.device, arrays), "T": float(concrete("T", sol.T))}
    content |= {name: arrays.put(name, getattr(sol, name)) for name in names}
    content["stats"] = {name: arrays.any(f"stats {name}", value) for name, value in sol.stats.items()}
    about = _certificate(sol) | {
        "T": content["T"],
        "frequencies": len(sol.omega),
        "pair_potential": "self-consistent" if "state" in sol.stats else "given",
        "free_energy": _finite(free_energy(sol)),
    }
    return content, about


def solution_of(part: Stored) -> Solution:
    """The Solution again."""
    device, omega = device_of(part["device"]), part["omega"].array((None,))
    found = _states(part, device, len(omega), "f")
    return Solution(omega=omega, weights=part["weights"].array(omega.shape), **found)


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


def packed_spectrum(spec: Spectrum, arrays: Arrays) -> tuple[Content, Content]:
    """A Spectrum."""
    names = ("energies", "all_G", "Delta", "vertex_Delta", *PER_FREQUENCY)
    content: Content = {"device": packed_device(spec.device, arrays), "T": float(spec.T), "eta": float(spec.eta)}
    content |= {name: arrays.put(name, getattr(spec, name)) for name in names}
    content["stats"] = {name: arrays.any(f"stats {name}", value) for name, value in spec.stats.items()}
    return content, _certificate(spec) | {"T": content["T"], "eta": content["eta"], "energies": len(spec.energies)}


def spectrum_of(part: Stored) -> Spectrum:
    """The Spectrum again."""
    device, energies = device_of(part["device"]), part["energies"].array((None,))
    return Spectrum(energies=energies, eta=part["eta"].number(), **_states(part, device, len(energies), "c"))


def _states(part: Stored, device: Device, count: int, kind: str) -> dict[str, Any]:
    """What solutions and spectra share: the device, T, G, the pair potential and the certificates, `count` of them."""
    n, m = len(device.mesh.points), len(device.mesh.triangles)
    behind = sum(len(device.mesh.boundary_nodes(x)) for x in set(device.electrodes()) - set(device.reservoirs()))
    if not count:
        raise ValueError(f"{part.name} has no frequencies")
    Delta = jnp.asarray(part["vertex_Delta"].array((m, 3), "c"))
    found: dict[str, Any] = {
        "device": device,
        "T": part["T"].number(),
        "stats": {name: value.any() for name, value in part["stats"].items()},
        "system": _system(device, Delta),
        "all_G": jnp.asarray(part["all_G"].array((count, n + behind, 4, 4), kind)),
        "Delta": jnp.asarray(part["Delta"].array((n,), "c")),
        "vertex_Delta": Delta,
    }
    return found | {name: part[name].array((count,), k) for name, k in PER_FREQUENCY.items()}


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
