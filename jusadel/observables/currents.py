"""Currents of charge and spin through boundaries, lines and cuts.

At every free node the currents per triangle balance exactly, so that the current which leaves through an electrode is
the derivative of F as the G of its nodes turns (`torques`).
"""

from __future__ import annotations

from dataclasses import replace
from functools import singledispatch
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.common.differentiability import numpy_if_few, on_device, one_program, values_of
from jusadel.common.types import Point
from jusadel.observables.cuts import coordinates, flux_through_triangles, point
from jusadel.observables.densities import charge_currents_of_cells, spin_currents_of_cells
from jusadel.observables.lines import Line, barrier_at, line_at
from jusadel.observables.torques import (
    charge_torques,
    charge_torques_of_joints,
    matsubara_sum,
    spin_torques,
    spin_torques_of_joints,
)
from jusadel.solver.states.base import Solved
from jusadel.solver.states.solution import Solution

Array = jax.Array


@singledispatch
def current_through(sol: Solved, name: str) -> Array:
    """Charge current out of the device through a boundary, exact where it is an electrode: 2 dF/dphase.

    In a Flow the held potentials take the place of the phase: what the equations of their nodes leave over.

    Through a Tunnel it is what crosses the barrier. A node on a reservoir counts wholly to it (to the first, where one
    reservoir has several names), so that nothing leaves through vacuum. The currents of all electrodes add up to what a
    pair potential that does not solve the gap equation feeds in.

    Through a named line inside the device it is what flows from its left to its right, as `Interface` has them: also
    the name of a barrier, "b"; "b:left" is what leaves that side, the same, and "b:right" the opposite. Through a
    periodic boundary, or its partner, it is what flows out over the seam. What flows into a part of the device between
    lines and electrodes flows out of it. A line that ends inside the sample has the accuracy of the triangles there.

    Args:
        sol: the Solution, or the Flow of `diffuse`, or the Kinetics of `kinetics`.
        name: of the boundary, or of the line.

    Returns:
        A number [nu D energy].

    Raises:
        ValueError: unknown boundary; a line with branches, or of edges of an electrode, or one that ends where a
            barrier to an electrode or a contact that feeds in a current does.
    """
    return on_device(_leaving(sol, name, _charge_of_cells, charge_torques, charge_torques_of_joints)[0])


@singledispatch
def spin_current_through(sol: Solved, name: str) -> Array:
    """Spin current out of the device through a boundary, (3,): dF/ds as its G turns by exp(s.L).

    Half of it (a spin is hbar/2) is the torque on a magnetic electrode. All electrodes together take up the integral
    of `spin_torque` over the device. Through a barrier that itself turns spins (polarisation, SpinActive) it is what
    arrives in the electrode. Args, lines inside the device, nodes shared by boundaries and errors as in
    `current_through`; where something turns spins, lines have the accuracy of `spin_current_across`.
    """
    return on_device(_leaving(sol, name, spin_currents_of_cells, spin_torques, spin_torques_of_joints))


def current_across(sol: Solved, start: Point, end: Point) -> Array:
    """Charge current through the straight cut from start to end, positive along (dy, -dx) of end - start.

    Exactly the same for every cut that separates the same electrodes, where nothing feeds in charge (see
    `current_through`). The path joins the midpoints of the edges that the segment crosses. An end inside the sample is
    the path's own end: pieces of a cut add up, but such a piece has the accuracy of the triangles' currents.

    Args:
        sol: the Solution, or the Flow of `diffuse`.
        start, end: points (2,) [length]; on vacuum edges or beyond them for a whole cut.

    Returns:
        A number [nu D energy].

    Raises:
        ValueError: start = end, not two finite numbers each, or a cut that meets no triangle.
    """
    return _across(sol, charge_currents_of_cells(sol), start, end)


def spin_current_across(sol: Solved, start: Point, end: Point) -> Array:
    """Spin current through a straight cut, (3,); arguments, sign and errors as in `current_across`.

    Cuts between the same electrodes differ by the integral of `spin_torque` between them. Where a spin field turns the
    spins, that of a Solution, -dF/da, and that of a Flow or Kinetics, of one point of each triangle, differ by a share
    of order (spin field x size of the triangles)^2.
    """
    return _across(sol, spin_currents_of_cells(sol), start, end)


def _charge_of_cells(sol: Solution) -> Array:
    return charge_currents_of_cells(sol)[:, None]


def _leaving(sol: Any, name: str, currents: Any, of_all: Any, of_joints: Any) -> Array:
    """dF/ds of a boundary, (generators,): of all terms at a reservoir; of one barrier; else the currents of cells
    through the line."""
    system, behind, reservoirs = sol.system, sol.system.layout.ghosts, list(sol.device.reservoirs())
    if name in reservoirs:
        return _sum_of_rows(matsubara_sum(sol, system, of_all), _own_nodes(sol, name))
    if name in behind:
        return _sum_of_rows(matsubara_sum(sol, system, of_joints), behind[name][1])
    if barrier := barrier_at(sol.device, name):
        joint = system.joints[barrier[0]]
        alone = replace(system, joints=(joint,))
        return _sum_of_rows(matsubara_sum(sol, alone, of_joints), np.unique(np.asarray(joint.pairs)[:, barrier[1]]))
    return flux_of_cells(sol, currents(sol), line_at(sol.device, name, reservoirs, list(behind)))


@numpy_if_few
def _sum_of_rows(xp: Any, values: Any, rows: Any) -> Any:
    return values[rows].sum(axis=0)


def flux_of_cells(sol: Solved, current: Array, line: Line | None) -> Array:
    """The flux of the cells' currents (m + k, ..., 2) through a line; nothing through vacuum."""
    if line is None:
        return jnp.zeros(current.shape[1:-1])
    cells = sol.system.cells
    return line.flux(current, cells.area, cells.gradients, sol.system.layout.beside)


def _own_nodes(sol: Solution, name: str) -> np.ndarray:
    """The nodes of a reservoir without those of one that comes before it."""
    nodes = sol.mesh.boundary_nodes(name)
    for other in sol.device.reservoirs():
        if other == name:
            break
        nodes = np.setdiff1d(nodes, sol.mesh.boundary_nodes(other))
    return nodes


# --- cuts ------------------------------------------------------------------------------------------


def _across(sol: Solved, current: Array, start: Any, end: Any) -> Array:
    """The flux of the cells' currents: through triangles, and along the edges at those that the cut crosses."""
    flux, rows = flux_through_triangles(sol.mesh, current, start, end)
    return flux + _along_edges(sol, current, rows, point("start", start), point("end", end))


def _along_edges(sol: Solved, current: Array, rows: np.ndarray, start: np.ndarray, end: np.ndarray) -> Array:
    """Int j.grad(chi) over edges with terms of their own at these triangles, chi = 1 at nodes on the cut's right."""
    triangles, cells, beside = sol.mesh.triangles, sol.system.cells, sol.system.layout.beside
    met = np.flatnonzero(np.isin(beside, rows))
    right = coordinates(values_of(sol.mesh.points), start, end, 0.0)[1] > 0
    chi = jnp.asarray(right[triangles[beside[met]]].astype(float))
    at = len(triangles) + met
    return _through(cells.area, current, cells.gradients, at, chi)


@one_program
def _through(area: Any, current: Any, gradients: Any, at: Any, chi: Any) -> Array:
    return jnp.einsum("m,m...k,mik,mi->...", area[at], current[at], gradients[at], chi)
