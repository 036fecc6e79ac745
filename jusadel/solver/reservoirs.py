"""What reservoirs hold fixed: the frames of their nodes, and of those behind barriers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
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


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class HeldNodes:
    """Nodes that an electrode holds, and all numbers that say at which values."""

    nodes: Any  # (k,)
    phase: Any  # (k,)
    Delta: Any
    fields: dict[str, Any]  # as `bulk_value` takes them
    back: Any  # (k, 4, 4) what turns the value back, or None

    def frames(self, omega: Any) -> Any:
        """Their frames at the frequencies (b,), (b, k, 4, 4)."""
        frames = _turned_frames(_electrode(self.Delta, self.fields, omega), self.phase)
        return frames if self.back is None else self.back @ frames


def held_nodes(device: Device, layout: Layout) -> list[HeldNodes]:
    """Those on reservoirs, and those behind barriers.

    Behind a node of a seam stands the value as its owner sees it, turned back: the barrier's term acts on the owner.
    """
    found, points = [], device.mesh.points
    for name, reservoir in device.reservoirs().items():
        nodes = device.mesh.boundary_nodes(name)
        found.append(_held_by(reservoir, nodes, points[nodes]))
    for name, (nodes, behind) in layout.ghosts.items():
        back = layout.seam.turns(nodes).swapaxes(1, 2)
        found.append(_held_by(device.electrodes()[name], behind, points[nodes], back))
    return found


def _held_by(reservoir: Reservoir, nodes: np.ndarray, points: Any, back: Any = None) -> HeldNodes:
    fields = {name: getattr(reservoir, name) for name in ELECTRODE_FIELDS}
    return HeldNodes(nodes, reservoir.phase_at(points), reservoir.Delta, fields, back)


def with_reservoirs(device: Device, layout: Layout, V: np.ndarray, omega: np.ndarray) -> np.ndarray:
    """Frames (b, N, 4, 4) with the reservoirs' bulk values at their nodes, and behind barriers."""
    return with_held(held_nodes(device, layout), V, omega)


def with_held(electrodes: Sequence[HeldNodes], V: np.ndarray, omega: np.ndarray) -> np.ndarray:
    """The same from what is held."""
    V = np.array(V)
    for held in electrodes:
        V[:, held.nodes] = np.asarray(held.frames(omega))
    return V


def held_frames(device: Device, system: DiscreteAction, omega: Any) -> Any:
    """As `with_reservoirs`, of nodes that are normal elsewhere, as a function that JAX may trace."""
    V: Any = np.tile(np.eye(4, dtype=jnp.result_type(omega, float)), (len(omega), len(system.free), 1, 1))
    for held in held_nodes(device, system.layout):
        V = _placed(V, held.nodes, held.frames(omega))
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


@numpy_if_few
def _turned_frames(xp: Any, G: Any, phase: Any) -> Any:
    """Frames (b, k, 4, 4) of G (b, 4, 4) with Delta turned by exp(i phase), (k,)."""
    return green_to_frame(phase_turn(phase) @ G[:, None] @ phase_turn(-phase))


def _electrode(Delta: Any, fields: dict[str, Any], omega: Any) -> Array:
    """An electrode's bulk value at phase 0, (b, 4, 4); BCS's where nothing breaks pairs: Gamma alone does not."""
    breaking = [value for name, value in fields.items() if name != "Gamma"]
    if not any(isinstance(x, jax.core.Tracer) or np.any(np.asarray(x)) for x in breaking):
        return bcs(omega, Delta)
    return bulk_value(omega, Delta, **fields)
