"""save() and load(): a result in one file with everything that is needed to go on with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.action.assembly import discretise
from jusadel.action.mesh_action import DiscreteAction
from jusadel.common.archive import SUFFIXES, Arrays, Stored, read_archive, write_archive
from jusadel.common.atomic import Target, checked_target
from jusadel.common.concrete import without_derivatives
from jusadel.device.device import Device
from jusadel.files.devices import contacts_of, device_of, packed_contacts, packed_device
from jusadel.files.results import RESULTS
from jusadel.nonequilibrium.diffusion import normal_equations
from jusadel.nonequilibrium.flow import Flow
from jusadel.nonequilibrium.kinetics import Kinetics
from jusadel.observables.currents import current_through
from jusadel.observables.local import free_energy
from jusadel.solver.solution import Solution
from jusadel.solver.spectrum import Spectrum
from jusadel.solver.stored_states import ENERGIES, FREQUENCIES, packed_state, stored_state
from jusadel.studies.screening.edge_elements import WhitneyField, edge_space
from jusadel.studies.screening.solve import ScreenedSolution
from jusadel.studies.sweeps.file import KIND as SWEEP

Array = jax.Array
Content = dict[str, Any]


@without_derivatives("save what a concrete calculation returns")
def save(result: Any, path: Target) -> None:
    """Save a result, with its device and how it was solved, to one file that `load` reads.

    Numbers are kept exactly. Functions of points (fields of materials, phases, a vector potential) are kept as their
    values wherever the mesh of the device needs them; nothing else of the file is code either. The file is written
    under another name and takes its place when it is complete: whatever interrupts that leaves the old file, or none.

    Args:
        result: a Solution, ScreenedSolution, Spectrum, Flow, Kinetics or Device; or a CurrentPhaseRelation,
            CriticalTemperature or FitResult, which have no device to go on with.
        path: ends in .npz; an existing file is replaced.

    Raises:
        TypeError: anything else. ValueError: numbers that JAX is tracing; a path that does not end in .npz.
        IsADirectoryError, FileNotFoundError, PermissionError: the path is a folder, in no folder, or write-protected.
    """
    kind = type(result).__name__
    if kind not in KINDS or not isinstance(result, KINDS[kind][0]):
        raise TypeError(f"cannot save {kind}; expected one of {list(KINDS)}")
    if getattr(result, "device", result) is None:
        raise ValueError("this Solution was read from the file of a sweep and has no device; save those of `solve`")
    checked_target(path, SUFFIXES)
    arrays = Arrays()
    content, about = KINDS[kind][1](result, arrays)
    write_archive(path, kind, about, content, arrays)


def load(path: Target) -> Any:
    """What `save` wrote: the same type with the same numbers, to compute observables, plot, or start from.

    Nothing in a file is ever executed. Where a field of the device was a function of points it is a table now, which
    serves on the mesh of the file and raises elsewhere.

    Raises:
        FileNotFoundError, IsADirectoryError: no such file.
        ValueError: not a file of `save`, damaged, from a later version of the format, or with arrays that are missing
            or do not fit; double precision is off.
    """
    if not jax.config.read("jax_enable_x64"):
        raise ValueError(
            "double precision is off (jax_enable_x64 is False), which would round what is loaded: unset "
            'JUSADEL_NO_X64, or call jax.config.update("jax_enable_x64", True) before loading'
        )
    kind, content = read_archive(path)
    try:
        if kind == SWEEP:
            raise ValueError("a sweep keeps its own file: give it to sweep(path=...)")
        if kind not in KINDS:
            raise ValueError(
                f"it holds a {kind!r}, which this version of jusadel does not know; expected {list(KINDS)}"
            )
        return KINDS[kind][2](content)
    except (ValueError, TypeError, KeyError, IndexError, OverflowError) as error:
        raise ValueError(f"{str(path)!r} cannot be loaded: {error}") from error


# --- solutions ---------------------------------------------------------------------------------------

MAGNETIC = ("magnetic_field", "hole_fields", "edges", "areas")


def _packed_solution(sol: Solution, arrays: Arrays) -> tuple[Content, Content]:
    content = _packed_state(sol, FREQUENCIES, arrays)
    about = _certificate(sol) | {
        "T": content["T"],
        "frequencies": len(sol.omega),
        "pair_potential": "self-consistent" if "state" in sol.stats else "given",
        "free_energy": _finite(free_energy(sol)),
    }
    return content, about


def _solution_of(part: Stored) -> Solution:
    return Solution(**_state_of(part, FREQUENCIES, "f"))


def _packed_screened(sol: ScreenedSolution, arrays: Arrays) -> tuple[Content, Content]:
    content, about = _packed_solution(sol, arrays)
    magnetic = {name: arrays.put(name, getattr(sol, name)) for name in MAGNETIC}
    numbers = {"applied_field": float(sol.applied_field), "permeability": float(sol.permeability)}
    return content | numbers | magnetic, about | numbers


def _screened_of(part: Stored) -> ScreenedSolution:
    sol, holes = _solution_of(part), part["hole_fields"].array((None,))
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


def _packed_spectrum(spec: Spectrum, arrays: Arrays) -> tuple[Content, Content]:
    content = _packed_state(spec, ENERGIES, arrays) | {"eta": float(spec.eta)}
    return content, _certificate(spec) | {"T": content["T"], "eta": content["eta"], "energies": len(spec.energies)}


def _spectrum_of(part: Stored) -> Spectrum:
    return Spectrum(**_state_of(part, ENERGIES, "c"), eta=part["eta"].number())


def _packed_state(found: Solution | Spectrum, axes: tuple[str, ...], arrays: Arrays) -> Content:
    content = {"device": packed_device(found.device, arrays)} | packed_state(found, axes, arrays)
    return content | {"stats": {name: arrays.any(f"stats {name}", value) for name, value in found.stats.items()}}


def _state_of(part: Stored, axes: tuple[str, ...], kind: str) -> dict[str, Any]:
    """What solutions and spectra share: the device, how it was solved, and the states at their `axes`."""
    device = device_of(part["device"])
    n, m = len(device.mesh.points), len(device.mesh.triangles)
    behind = sum(len(device.mesh.boundary_nodes(x)) for x in set(device.electrodes()) - set(device.reservoirs()))
    found = stored_state(part, axes, kind, n, n + behind, m)
    stats = {name: value.any() for name, value in part["stats"].items()}
    return found | {"device": device, "stats": stats, "system": _system(device, found["vertex_Delta"])}


def _system(device: Device, Delta: Array) -> DiscreteAction:
    """The discrete action, which follows from the device and the pair potential (m, 3)."""
    system, potential = discretise(device, Delta), device.vector_potential
    if not isinstance(potential, WhitneyField):
        return system
    line_A = jnp.asarray(edge_space(device).line_A(potential.edges))  # as `solve_screened` has them
    return replace(system, cells=replace(system.cells, line_A=line_A))


def _certificate(found: Any) -> Content:
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


# --- distributions -----------------------------------------------------------------------------------


def _packed_flow(flow: Flow, arrays: Arrays) -> tuple[Content, Content]:
    content = {
        "device": packed_device(flow.device, arrays),
        "contacts": packed_contacts(flow.contacts),
        "f": arrays.put("f", flow.f),
        "load": arrays.put("load", flow.load),
        "time": None if flow.time is None else float(flow.time),
    }
    currents = {name: float(current_through(flow, name)) for name in flow.contacts}
    return content, {"nodes": len(flow.mesh.points), "currents": currents, "time": content["time"]}


def _flow_of(part: Stored) -> Flow:
    device = device_of(part["device"])
    system = discretise(device, jnp.zeros((len(device.mesh.triangles), 3), complex))
    shape = (len(system.free), 4)
    return Flow(
        device=device,
        contacts=contacts_of(part["contacts"]),
        f=part["f"].array(shape),
        load=part["load"].array(shape),
        equations=normal_equations(system)[0],
        system=system,
        time=None if part["time"].missing else part["time"].number(),
    )


def _packed_kinetics(kin: Kinetics, arrays: Arrays) -> tuple[Content, Content]:
    spectrum, about = _packed_spectrum(kin.spectrum, arrays)
    content: Content = {
        "spectrum": spectrum,
        "contacts": packed_contacts(kin.contacts),
        "bath": None if kin.bath is None else float(kin.bath),
        "integration": None if kin.weights is None else arrays.put("integration", kin.weights),
    }
    return content | {k: arrays.put(k, getattr(kin, k)) for k in ("all_f", "reactions", "fed", "taken")}, about


def _kinetics_of(part: Stored) -> Kinetics:
    spectrum = _spectrum_of(part["spectrum"])
    count, N = spectrum.all_G.shape[:2]
    return Kinetics(
        spectrum=spectrum,
        contacts=contacts_of(part["contacts"]),
        bath=None if part["bath"].missing else part["bath"].number(),
        weights=None if part["integration"].missing else part["integration"].array((count,)),
        all_f=part["all_f"].array((count, N, 8)),
        reactions=part["reactions"].array((count, N, 8)),
        fed=part["fed"].array((count, N)),
        taken=part["taken"].array((count, 8)),
    )


# --- devices -----------------------------------------------------------------------------------------


def _packed_bare_device(device: Device, arrays: Arrays) -> tuple[Content, Content]:
    return {"device": packed_device(device, arrays)}, {"nodes": len(device.mesh.points)}


def _bare_device_of(part: Stored) -> Device:
    return device_of(part["device"])


KINDS: dict[str, tuple[type, Callable[..., tuple[Content, Content]], Callable[[Stored], Any]]] = {
    "Solution": (Solution, _packed_solution, _solution_of),
    "ScreenedSolution": (ScreenedSolution, _packed_screened, _screened_of),
    "Spectrum": (Spectrum, _packed_spectrum, _spectrum_of),
    "Flow": (Flow, _packed_flow, _flow_of),
    "Kinetics": (Kinetics, _packed_kinetics, _kinetics_of),
    "Device": (Device, _packed_bare_device, _bare_device_of),
    **RESULTS,
}
"""By name: the type, what of it goes into a file and what the header says about it, and the way back."""
