"""A solution carried to another mesh, as a start: linear in the triangles of its own, region by region."""

from __future__ import annotations

import numpy as np

from jusadel.action.nambu.frames import green_to_frame
from jusadel.device.device import Device
from jusadel.mesh.mesh import Mesh
from jusadel.mesh.point_search import PointSearch, corner_shares
from jusadel.solver.states.solution import Solution

INWARD = 1e-6
"""How far from a vertex towards the centre of its triangle is looked, so that both sides of a barrier see their own."""


def on_same_mesh(start: Solution, device: Device) -> bool:
    """Whether nodes and triangles of the solution are those of the device; read from a sweep it has no mesh to ask."""
    return start.device is None or start.mesh.topology == device.mesh.topology


def carried_frames(start: Solution, device: Device) -> np.ndarray:
    """Frames V with G = V R3 V^-1 at the nodes of the device, from those of the solution, (n_w, n, 4, 4).

    V = (1 - G R3)/2 is linear in G, so that G^2 = -1 and positivity survive the interpolation.

    Raises:
        ValueError: a region that the solution's mesh does not have.
    """
    place, triangle, shares = _places(start.mesh, device.mesh)
    at = np.zeros(len(device.mesh.points), int)
    at[device.mesh.triangles] = place  # any one of a node's places
    nodes, shares = np.asarray(start.mesh.triangles)[triangle[at]], shares[at]
    frames = np.asarray(green_to_frame(np.asarray(start.G)))
    return sum(shares[:, v, None, None] * frames[:, nodes[:, v]] for v in range(3))


def carried_pair_potential(start: Solution, device: Device) -> np.ndarray:
    """The pair potential at the vertices of the device's triangles, (m, 3) complex.

    Raises:
        ValueError: a region that the solution's mesh does not have, or that is superconducting only here.
    """
    place, triangle, shares = _places(start.mesh, device.mesh)
    _check_superconductors(start.device, device)
    return (shares * np.asarray(start.vertex_Delta)[triangle]).sum(axis=1)[place]


def _places(old: Mesh, new: Mesh) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where the new mesh's vertices are in the old one.

    Returns:
        place (m, 3) of each vertex, one for each node and region; old triangle (K,) and shares of its corners (K, 3).
    """
    _check_regions(old, new)
    key = new.region_of_triangle[:, None] * len(new.points) + new.triangles
    _, first, place = np.unique(key, return_index=True, return_inverse=True)
    row, node = first // 3, new.triangles.ravel()[first]
    points = np.asarray(new.points)[node]
    inward = points + INWARD * (np.asarray(new.centroids)[row] - points)
    triangle = np.zeros(len(first), int)
    for number, name in enumerate(new.regions):
        mine = new.region_of_triangle[row] == number
        triangle[mine] = PointSearch(old, old.regions[name]).found(inward[mine])
    return place.reshape(key.shape), triangle, corner_shares(old, triangle, points)


def _check_regions(old: Mesh, new: Mesh) -> None:
    unknown = [name for name in new.regions if name not in old.regions]
    if unknown:
        raise ValueError(
            f"start was solved on another mesh, which has the regions {list(old.regions)} and not {unknown}: a "
            "solution is carried over region by region; name the regions alike, or leave out start"
        )


def _check_superconductors(old: Device, new: Device) -> None:
    new_ones = [name for name in _superconductors(new) if name not in _superconductors(old)]
    if new_ones:
        raise ValueError(
            f"regions {new_ones} have Tc > 0, but not in start, which was solved on another mesh and has no pair "
            "potential there to carry over: give a pair potential to start from, such as {region: number}"
        )


def _superconductors(device: Device) -> list[str]:
    Tc = np.asarray(device.vertex_field("Tc"))
    return [name for name, rows in device.mesh.regions.items() if (Tc[rows] > 0).any()]
