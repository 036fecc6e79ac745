"""Periodic boundaries: each node of a seam is another node, turned by a phase and a spin rotation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from jusadel.action.nambu import L, phase_turn
from jusadel.common.differentiability import numpy_if_few, with_rows
from jusadel.common.types import Values
from jusadel.device.device import Device
from jusadel.device.material.material import ROWS
from jusadel.mesh.interfaces import matching_nodes, paired_edges

Array = jax.Array


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Seams:
    """G at node i is that of owner[i], turned: Delta by exp(i phase[i]), spins by the rotation vector spin[i]."""

    owner: np.ndarray  # (n,) nodes
    phase: Values  # (n,)
    spin: Values | None  # (n, 3), None where nothing is turned

    @property
    def slaves(self) -> np.ndarray:
        """Nodes that are others."""
        return np.flatnonzero(self.owner != np.arange(len(self.owner)))

    def turns(self, nodes: np.ndarray) -> Values:
        """The orthogonal matrices W (k, 4, 4) of G = W G_owner W^-1 at these nodes (k,)."""
        spin = np.zeros((len(self.owner), 3)) if self.spin is None else self.spin
        return turning(self.phase[nodes], spin[nodes])

    def turned(self, V: Any) -> Any:
        """Frames (b, n, 4, 4) with those of the seams' nodes from their owners."""
        if not len(self.slaves):
            return V
        return _with_slaves(V, self.turns(self.slaves), self.slaves, self.owner[self.slaves])


@numpy_if_few
def _with_slaves(xp: Any, V: Any, turns: Any, slaves: Any, owners: Any) -> Any:
    return with_rows(xp, xp.array(V), (slice(None), slaves), turns @ V[:, owners])


def seams(device: Device) -> Seams:
    """The seams of a device.

    Raises:
        ValueError: nodes that do not match, or a reservoir on one side only.
    """
    n = len(device.mesh.points)
    owner, phase, spin, all_pairs = np.arange(n), np.zeros(n), np.zeros((n, 3)), {}
    for name, boundary in device.periodic().items():
        pairs, _ = matching_nodes(device.mesh, boundary.partner, name)
        all_pairs[name] = pairs
        pairs = pairs[owner[pairs[:, 1]] == pairs[:, 1]]  # a corner has its owner already
        owner[pairs[:, 1]] = pairs[:, 0]
        phase = _replaced(phase, pairs[:, 1], boundary.phase_at(device.mesh.points[pairs[:, 1]]))
        spin = _replaced(spin, pairs[:, 1], boundary.rotation)
    while (owner[owner] != owner).any():  # the corner of two seams; their turns add up
        phase, spin = (
            phase + phase[owner] * (owner[owner] != owner),
            spin + spin[owner] * (owner[owner] != owner)[:, None],
        )
        owner = owner[owner]
    _check_reservoirs(device, owner)
    turned = isinstance(spin, jax.core.Tracer) or bool(np.any(np.asarray(spin)))
    found = Seams(owner, phase, spin if turned else None)
    if len(all_pairs) > 1 and not isinstance(phase, jax.core.Tracer) and not isinstance(spin, jax.core.Tracer):
        for name, pairs in all_pairs.items():
            _check_closed(device, found, name, pairs)
    return found


def _replaced(values: Any, rows: np.ndarray, new: Any) -> Any:
    """Values with other rows, as arrays of JAX where it knows any of them."""
    return with_rows(jnp if any(isinstance(x, jax.Array) for x in (values, new)) else np, values, rows, new)


def refuse_apart(device: Device, across: tuple[str, ...]) -> None:
    """Raise ValueError where two boundaries are on parts of the device that nothing joins, not even a barrier."""
    part = _parts(device)
    first, second = (set(part[device.mesh.boundary_nodes(name)].tolist()) for name in across)
    if not first & second:
        raise ValueError(
            f"across = {across!r}: nothing joins the parts of the device that these electrodes touch, so that no "
            "current flows between them, and the phase difference is a gauge"
        )


def _parts(device: Device) -> np.ndarray:
    """The number of the part of the device that each node is in, (n,)."""
    mesh, owner = device.mesh, seams(device).owner
    joined = [(np.asarray(mesh.triangles)[:, i], np.asarray(mesh.triangles)[:, (i + 1) % 3]) for i in range(3)]
    joined.append((np.arange(len(owner)), owner))
    for name, boundary in device.boundaries.items():
        if boundary.doubled:
            joined.append(paired_edges(mesh, name))
    row, column = (np.concatenate([np.ravel(pair[k]) for pair in joined]) for k in (0, 1))
    graph = coo_matrix((np.ones(len(row)), (row, column)), shape=(len(owner),) * 2)
    return connected_components(graph, directed=False)[1]


def _check_reservoirs(device: Device, owner: np.ndarray) -> None:
    fixed = device.fixed_nodes()
    bad = np.flatnonzero(fixed != fixed[owner])
    if len(bad):
        raise ValueError(
            f"node {bad[0]} at {np.asarray(device.mesh.points)[bad[0]].tolist()} lies on a periodic boundary; it is on "
            "a reservoir on one side and not on the other"
        )


def _check_closed(device: Device, seam: Seams, name: str, pairs: np.ndarray) -> None:
    """Two seams that meet turn a corner the same way in either order."""
    boundary, points = device.periodic()[name], np.asarray(device.mesh.points)
    phase = boundary.phase_at(points[pairs[:, 1]])
    over = turning(phase, np.broadcast_to(boundary.rotation, (len(pairs), 3)))
    one, other = np.asarray(over @ seam.turns(pairs[:, 0])), np.asarray(seam.turns(pairs[:, 1]))
    apart = np.minimum(*(np.abs(one - sign * other).max(axis=(1, 2)) for sign in (1, -1)))
    if apart.max() > 1e-6:
        node = pairs[apart.argmax(), 1]
        raise ValueError(
            f"the periodic boundary {name!r} and the other one at the node {node} at {points[node].tolist()} turn it "
            "differently in either order: phases must close up to 2 pi (a whole number of flux quanta), and rotations "
            "must be about one axis"
        )


@numpy_if_few
def turning(xp: Any, phase: Any, spin: Any) -> Any:
    """W (..., 4, 4) of G -> W G W^-1 that turn Delta by exp(i phase) and spins by the rotation vectors (..., 3)."""
    size = xp.sqrt(xp.sum(spin**2, axis=-1))[..., None]
    axis = xp.einsum("...k,kij->...ij", spin / xp.where(size == 0, 1.0, size), L)
    half = size[..., None] / 2
    return phase_turn(phase) @ (xp.cos(half) * np.eye(4) - xp.sin(half) * axis)


def rotated_back(name: str, values: Array, spin: Array) -> Array:
    """A field (n, ...) of the material, each index of spin turned back by the rotation vectors (n, 3)."""
    return _rotated_back(values, spin, axes=tuple(k for k, i in enumerate(ROWS[name].indices, 1) if i == "s"))


@numpy_if_few
def _rotated_back(xp: Any, values: Any, spin: Any, axes: tuple[int, ...]) -> Any:
    turn = rotation_matrices(spin)
    for axis in axes:
        values = xp.moveaxis(xp.einsum("nba,nb...->na...", turn, xp.moveaxis(values, axis, 1)), 1, axis)
    return values


@numpy_if_few
def rotation_matrices(xp: Any, spin: Any) -> Any:
    """Rotation matrices (n, 3, 3) of rotation vectors (n, 3), by Rodrigues' formula."""
    angle = xp.linalg.norm(spin, axis=-1)[:, None, None]
    axis = spin / xp.where(angle[..., 0] == 0, 1.0, angle[..., 0])
    cross = xp.cross(np.eye(3)[None], axis[:, None])  # K_ij = -eps_ijk n_k
    return np.eye(3) + xp.sin(angle) * cross + (1 - xp.cos(angle)) * cross @ cross
