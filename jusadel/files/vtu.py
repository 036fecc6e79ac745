"""Results as VTU files for ParaView: named real columns on the mesh that was solved on."""

from __future__ import annotations

from collections.abc import Mapping
from functools import singledispatch
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from jusadel.common.atomic import Target, checked_target
from jusadel.common.differentiability import without_derivatives
from jusadel.device.units.shown import in_brackets, scale, with_unit
from jusadel.device.units.units import Units
from jusadel.mesh.formats.writing import write_mesh
from jusadel.mesh.mesh import Mesh
from jusadel.nonequilibrium.flow import Flow
from jusadel.nonequilibrium.kinetic_result import Kinetics
from jusadel.observables.densities import charge_current, pair_amplitude, spin_current, spin_density
from jusadel.observables.spectroscopy import density_of_states
from jusadel.observables.spin import spin_at_vertices
from jusadel.solver.spectra import Spectrum
from jusadel.solver.states.solution import Solution

Columns = dict[str, Any]


@without_derivatives("write what a concrete calculation returns")
def write_vtu(
    result: Solution | Spectrum | Flow | Kinetics,
    path: Target,
    point_data: Mapping[str, ArrayLike] | None = None,
    cell_data: Mapping[str, ArrayLike] | None = None,
) -> None:
    """Write a result for ParaView: columns with names at the nodes and on the triangles of its mesh.

    Of a Solution at nodes: Delta_abs, Delta_phase, Delta_re, Delta_im; singlet and triplet pair amplitudes, _re and
    _im each; spin_density; charge_current, and spin_current_x (y, z), the current of the spins along x (y, z), as
    `charge_current` gives them at nodes, to look at. On triangles: both currents as they balance at nodes,
    first-order accurate each, magnetisation (the mean spin density with the triangle's own nu and
    h), region (its place in `mesh.regions`). Of a Spectrum: density_of_states at each energy. Of a Flow: mu, S, spin
    density and currents; of Kinetics also pairing_source. Vectors have three components. Of a device with `Units`
    points are in nm and columns in the units behind their names, such as "charge_current [uA/um]".

    Args:
        result: a Solution, Spectrum, Flow or Kinetics.
        path: ends in .vtu; the file appears whole or not at all.
        point_data, cell_data: further columns (n, ...) and (m, ...), as in `Mesh.write`.

    Raises:
        TypeError: another result. ValueError: another ending, or columns that do not fit.
    """
    checked_target(path, (".vtu",))
    at_nodes, on_triangles = columns(result)
    mesh, units = result.mesh, result.units
    at_nodes, on_triangles = _in_laboratory(at_nodes, units), _in_laboratory(on_triangles, units)
    on_triangles["region"] = mesh.region_of_triangle
    if units is not None:
        mesh = Mesh.unchecked(scale(units, "length")[0] * np.asarray(mesh.points), mesh.topology)
    write_mesh(mesh, path, at_nodes | dict(point_data or {}), on_triangles | dict(cell_data or {}), "vtu")


QUANTITIES = {
    "Delta": "energy",
    "Delta_abs": "energy",
    "mu": "voltage",
    "S": "voltage",
    "spin_density": "spin density",
    "magnetisation": "spin density",
    "charge_current": "current density",
} | dict.fromkeys((f"spin_current_{axis}" for axis in "xyz"), "current density")
"""Of columns that have a unit."""


def _in_laboratory(given: Columns, units: Units | None) -> Columns:
    """The columns in the units of a laboratory, which stand behind their names."""
    if units is None:
        return given
    shown = {name: scale(units, QUANTITIES[name]) for name in given if name in QUANTITIES}
    named = {name: name + in_brackets(unit) for name, unit in shown.items()}
    return {named.get(name, name): shown.get(name, (1.0, ""))[0] * np.asarray(x) for name, x in given.items()}


@singledispatch
def columns(result: Any) -> tuple[Columns, Columns]:
    """The columns of a result at nodes, and on triangles."""
    raise TypeError(f"cannot write {type(result).__name__}; expected a Solution, Spectrum, Flow or Kinetics")


@columns.register
def _(sol: Solution) -> tuple[Columns, Columns]:
    singlet, triplet = pair_amplitude(sol)
    nodes, triangles = _currents(sol)
    nodes = _of_Delta(sol.Delta) | {"singlet": singlet, "triplet": triplet, "spin_density": spin_density(sol)} | nodes
    return nodes, triangles | {"magnetisation": np.asarray(spin_at_vertices(sol)).mean(axis=1)}


@columns.register
def _(spec: Spectrum) -> tuple[Columns, Columns]:
    states, energy = np.asarray(density_of_states(spec)), scale(spec.units, "energy")
    return _of_Delta(spec.Delta) | {
        f"density_of_states {k:03d} E={with_unit(E, energy, 6)}": N
        for k, (E, N) in enumerate(zip(spec.energies, states, strict=True))
    }, {}


@columns.register
def _(flow: Flow) -> tuple[Columns, Columns]:
    nodes, triangles = _currents(flow)
    return {"mu": flow.mu, "S": flow.S, "spin_density": spin_density(flow)} | nodes, triangles


@columns.register
def _(kin: Kinetics) -> tuple[Columns, Columns]:
    nodes, triangles = _currents(kin)
    nodes = {"mu": kin.mu, "S": kin.S, "spin_density": spin_density(kin)} | nodes
    return _of_Delta(kin.spectrum.Delta) | nodes | {"pairing_source": kin.integrated(kin.pairing_source)}, triangles


def _of_Delta(Delta: Any) -> Columns:
    Delta = np.asarray(Delta)
    return {"Delta": Delta, "Delta_abs": np.abs(Delta), "Delta_phase": np.angle(Delta)}


def _currents(result: Any) -> tuple[Columns, Columns]:
    """Charge and spin currents at nodes, and on triangles."""
    at_nodes, on_triangles = (
        {"charge_current": charge_current(result, at=at)}
        | {f"spin_current_{axis}": j for axis, j in zip("xyz", _by_spin(spin_current(result, at=at)), strict=True)}
        for at in ("nodes", "triangles")
    )
    return at_nodes, on_triangles


def _by_spin(currents: Any) -> np.ndarray:
    """(3, k, 2) from (k, 3, 2)."""
    return np.moveaxis(np.asarray(currents), 1, 0)
