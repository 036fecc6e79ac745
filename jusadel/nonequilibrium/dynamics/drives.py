"""What drives a device: a voltage between electrodes, a vector potential, an exchange field; each of unit amplitude."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as sla
from scipy.sparse.csgraph import connected_components

from jusadel.action.matrices.stiffness import stiffness
from jusadel.action.mesh_action import DiscreteAction
from jusadel.common.arguments import real
from jusadel.device.device import Device
from jusadel.device.vector_potential import integrated
from jusadel.nonequilibrium.dynamics.two_frequencies.linearised import Drive
from jusadel.solver.states.solution import Solution

INSULATING = 1e-12
"""Of the mean conductance between neighbours, added to ground, where parts of a device do not conduct."""


def checked_between(device: Device, between: Any) -> tuple[str, str]:
    """The names of two electrodes.

    Raises:
        ValueError: not two, the same, or no electrodes.
    """
    names = tuple(between) if isinstance(between, tuple | list) else ()
    if len(names) != 2 or not all(isinstance(name, str) for name in names) or names[0] == names[1]:
        raise ValueError(f"between = {between!r}; expected the names of two electrodes, such as ('left', 'right')")
    electrodes = device.electrodes()
    for name in names:
        if name not in electrodes:
            raise ValueError(
                f"between {name!r}, which is none of the device's electrodes, {list(electrodes)}; give the device "
                f"boundaries={{{name!r}: jusadel.Reservoir(...)}}, or a Tunnel to one"
            )
    return names[0], names[1]


def voltage(sol: Solution, name: str) -> Drive:
    """A field of unit voltage of one electrode, all others grounded, as A = - grad chi, chi from one to zero.

    chi is harmonic, and the same on both sides of barriers: by neutrality a potential takes the rest.
    """
    chi = harmonic(sol, name)
    return Drive(-chi[np.asarray(sol.system.triangles)], np.zeros((len(chi), 3)))


def turn_of_pairs(sol: Solution, name: str) -> Drive | None:
    """A turn of the pair potential inside the device by twice the potential of one electrode; None without it.

    A pair potential that does not follow takes charge: what answers this drive is the current through the device, in
    the mean with which an admittance has it, less that through the electrode's surface.
    """
    system = sol.system
    given = np.asarray(system.nodes.fields["Delta"])
    if not given[np.asarray(system.free)].any():
        return None
    pairing = 2 * harmonic(sol, name)[:, None] * np.stack([-given[:, 1], given[:, 0]], axis=1)
    return Drive(np.zeros(np.shape(system.triangles)), np.zeros((len(given), 3)), pairing)


def harmonic(sol: Solution, name: str) -> np.ndarray:
    """The normal state's potential (N,), without resistance of barriers, with this electrode at one, others at zero."""
    system, mesh = sol.system, sol.mesh
    K, group = stiffness(system), _joined_by_barriers(system)
    onto = sp.csr_matrix((np.ones(len(group)), (np.arange(len(group)), group)))
    K, x = (onto.T @ K @ onto).tocsr(), np.zeros(onto.shape[1])
    held = np.zeros(len(x), bool)
    for electrode in sol.device.electrodes():
        held[group[system.layout.nodes_of_contact(mesh, electrode)]] = True
    x[group[system.layout.nodes_of_contact(mesh, name)]] = 1.0
    free = np.flatnonzero(~held & (K.diagonal() > 0))
    own = K[free][:, free]
    own = own + INSULATING * own.diagonal().mean() * sp.identity(len(free))
    x[free] = sla.spsolve(own.tocsc(), -(K[free] @ x))
    return np.asarray(onto @ x)


def _joined_by_barriers(system: DiscreteAction) -> np.ndarray:
    """A number for each node (N,), the same on both sides of barriers."""
    pairs = np.concatenate([np.zeros((0, 2), int), *(np.asarray(joint.pairs) for joint in system.joints)])
    n = len(system.free)
    graph = sp.csr_matrix((np.ones(len(pairs)), pairs.T), shape=(n, n))
    return np.asarray(connected_components(graph, directed=False)[1])


def vector_potential(sol: Solution, A: Any) -> Drive:
    """A uniform A (2,), or a function of points (k, 2) -> (k, 2).

    Raises:
        ValueError: neither, or zero.
    """
    if callable(A):
        function: Callable[[Any], Any] = A
    else:
        value = np.asarray(real("A", A))
        if value.shape != (2,) or not np.isfinite(value).all() or not value.any():
            raise ValueError(f"A = {A!r}; expected two finite numbers (A_x, A_y), not both zero, or a function")
        function = lambda points: np.broadcast_to(value, (len(points), 2))  # noqa: E731
    system, mesh = sol.system, sol.mesh
    corners = np.asarray(mesh.triangles)
    start = np.asarray(mesh.points)[np.concatenate([corners, corners[system.layout.beside]])]
    along = np.asarray(integrated(function, start, np.roll(start, -1, axis=1)))
    return Drive(to_corners(system, along), np.zeros((len(system.free), 3)))


def to_corners(system: DiscreteAction, along: np.ndarray) -> np.ndarray:
    """Line integrals from the middle of cells to their corners, (m, 3, ...), from those along their edges."""
    share = np.asarray(system.cells.middle).reshape(-1, 3, *(1,) * (along.ndim - 2))
    before, after = np.roll(share * along, 1, axis=1), np.roll(share, -1, axis=1) * along
    return before - after


def exchange_field(sol: Solution, h: Any) -> Drive:
    """A uniform h (3,), values at the nodes (n, 3), or a function of points (k, 2) -> (k, 3).

    Raises:
        ValueError: none of these, zero, or seams that turn spins.
    """
    system, points = sol.system, np.asarray(sol.mesh.points)
    if system.layout.seam.spin is not None:
        raise ValueError("an exchange field as a drive, in a device with a periodic boundary that rotates spins")
    value = np.asarray(real("h(points)" if callable(h) else "h", h(points) if callable(h) else h))
    if value.shape not in ((3,), (len(points), 3)) or not np.isfinite(value).all() or not value.any():
        raise ValueError(f"h has shape {value.shape}; expected finite numbers (3,) or ({len(points)}, 3), not all zero")
    everywhere = np.zeros((len(system.free), 3))
    everywhere[: len(points)] = value
    return Drive(np.zeros(np.shape(system.triangles)), everywhere)
