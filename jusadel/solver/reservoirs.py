"""What reservoirs hold fixed: the frames of their nodes, and of those behind barriers."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from jusadel.action.connectivity import Layout
from jusadel.action.homogeneous import bulk_value
from jusadel.action.mesh_action import DiscreteAction
from jusadel.action.nambu import bcs, phase_turn
from jusadel.action.nambu.frames import frame_to_green, green_to_frame
from jusadel.common.differentiability import numpy_if_few, with_rows
from jusadel.device.boundary import ELECTRODE_FIELDS, Reservoir
from jusadel.device.device import Device

Array = jax.Array


def reservoir_frames(device: Device, layout: Layout, omega: Any) -> list[tuple[np.ndarray, Any]]:
    """Pairs of nodes (k,) and their frames (b, k, 4, 4): those on reservoirs, and those behind barriers.

    Behind a node of a seam stands the value as its owner sees it, turned back: the barrier's term acts on the owner.
    """
    found: list[tuple[np.ndarray, Any]] = []
    for name, reservoir in device.reservoirs().items():
        nodes = device.mesh.boundary_nodes(name)
        found.append((nodes, _reservoir_frames(device, reservoir, nodes, omega)))
    for name, (nodes, behind) in layout.ghosts.items():
        back = layout.seam.turns(nodes).swapaxes(1, 2)
        reservoir = device.electrodes()[name]
        found.append((behind, back @ _reservoir_frames(device, reservoir, nodes, omega)))
    return found


def with_reservoirs(device: Device, layout: Layout, V: np.ndarray, omega: np.ndarray) -> np.ndarray:
    """Frames (b, N, 4, 4) with the reservoirs' bulk values at their nodes, and behind barriers."""
    V = np.array(V)
    for nodes, frames in reservoir_frames(device, layout, omega):
        V[:, nodes] = np.asarray(frames)
    return V


def held_frames(device: Device, system: DiscreteAction, omega: Any) -> Any:
    """As `with_reservoirs`, of nodes that are normal elsewhere, as a function that JAX may trace."""
    V = np.tile(np.eye(4), (len(omega), len(system.free), 1, 1))
    for at, frames in reservoir_frames(device, system.layout, omega):
        V = _placed(V, at, frames)
    return V


@numpy_if_few
def _placed(xp: Any, V: Any, nodes: Any, frames: Any) -> Any:
    return with_rows(xp, V, (slice(None), nodes), frames)


def refuse_torn_reservoirs(device: Device, system: DiscreteAction, omega: np.ndarray) -> None:
    """A reservoir that meets a seam must have, on both sides of it, one value up to the seam's turn."""
    seam, normal = system.layout.seam, np.broadcast_to(np.eye(4), (1, len(system.free), 4, 4))
    torn = seam.slaves[device.fixed_nodes()[seam.slaves]]
    if not len(torn):
        return
    V = with_reservoirs(device, system.layout, normal, omega[:1])
    given, turned = (np.asarray(frame_to_green(np.asarray(frames)[0, torn])) for frames in (V, seam.turned(V)))
    apart = np.abs(given - turned).max(axis=(1, 2))
    if apart.max() > 1e-6:
        node = torn[apart.argmax()]
        raise ValueError(
            f"the reservoir at the node {node} at {np.asarray(device.mesh.points)[node].tolist()}, on a periodic "
            "boundary, is not the one on the other side with that boundary's phase and rotation; give it a phase that "
            "is a function of points, or leave an insulating edge between them"
        )


def _reservoir_frames(device: Device, reservoir: Reservoir, nodes: np.ndarray, omega: Any) -> Array:
    """Frames (b, k, 4, 4) of a reservoir at these nodes."""
    G = _electrode(reservoir, omega)  # (b, 4, 4) at phase 0
    return _turned_frames(G, reservoir.phase_at(device.mesh.points[nodes]))


@numpy_if_few
def _turned_frames(xp: Any, G: Any, phase: Any) -> Any:
    """Frames (b, k, 4, 4) of G (b, 4, 4) with Delta turned by exp(i phase), (k,)."""
    return green_to_frame(phase_turn(phase) @ G[:, None] @ phase_turn(-phase))


def _electrode(reservoir: Reservoir, omega: Any) -> Array:
    """The electrode's bulk value; it is BCS's where nothing breaks pairs: Gamma alone does not touch singlets."""
    fields = {name: getattr(reservoir, name) for name in ELECTRODE_FIELDS}
    breaking = [value for name, value in fields.items() if name != "Gamma"]
    if not any(isinstance(x, jax.core.Tracer) or np.any(np.asarray(x)) for x in breaking):
        return bcs(omega, reservoir.Delta)
    return bulk_value(omega, reservoir.Delta, **fields)
