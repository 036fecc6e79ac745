"""What goes into solve(): frequencies, starting frames, reservoirs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.action import matsubara
from jusadel.action.assembly import ghosts
from jusadel.action.homogeneous import bulk_value
from jusadel.action.mesh_action import DiscreteAction
from jusadel.action.nambu import bcs, frame_to_green, green_to_frame, phase_turn
from jusadel.action.periodic import seams
from jusadel.device.boundary import Reservoir
from jusadel.device.device import Device
from jusadel.device.material.material import is_number, real
from jusadel.solver.linear import LinearSolver, chosen
from jusadel.solver.solution import Solution

Array = jax.Array


def checked_linear_solver(given: Any, nodes: int, frequencies: int) -> LinearSolver:
    """The given linear solver, or the one that suits the problem's size; anything else is refused."""
    if given is None:
        return chosen(nodes, frequencies)
    if isinstance(given, type) or not all(callable(getattr(given, name, None)) for name in ("prepare", "directions")):
        raise TypeError(
            f"linear_solver = {given!r}; expected an instance such as jusadel.linear.Krylov() or .SuperLU()"
        )
    return given


def default_pair_potential(device: Device, pair_potential: Any) -> Any:
    """The given pair potential, or zero where no region is superconducting; else ask for one."""
    if pair_potential is not None:
        return pair_potential
    superconducting = [
        name
        for name, m in device.materials.items()  # type: ignore[union-attr]
        if callable(m.Tc) or np.any(np.asarray(m.Tc) > 0)
    ]
    if superconducting:
        raise ValueError(
            f"regions {superconducting} have Tc > 0 but no pair_potential was given; pass one (a number, an array, "
            "a function, a dict by region, ju.vortex), or set Tc = 0 for a normal metal"
        )
    return 0.0


def chosen_frequencies(
    device: Device, T: float, Delta: Array, frequencies: Any, accuracy: float
) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies and weights, (n_w,) each, from what the user gave (see `solve`)."""
    if not is_number(T) or T <= 0:
        raise ValueError(f"T = {T!r}; expected a finite temperature > 0, in the units of Delta (k_B = 1)")
    if frequencies is None:
        return matsubara.quadrature(T, matsubara.enough_frequencies(T, largest_energy(device, Delta), accuracy))
    if is_number(frequencies, at_least=1) and float(frequencies).is_integer():
        return matsubara.quadrature(T, int(frequencies))
    if not isinstance(frequencies, tuple | list) or len(frequencies) != 2:
        raise ValueError(
            f"frequencies = {frequencies!r}; expected None, a whole number >= 1 of quadrature nodes, or a pair "
            "(omega, weights) of arrays (n_w,)"
        )
    omega, weights = (np.asarray(real(f"frequencies[{k}]", x)) for k, x in enumerate(frequencies))
    if omega.ndim != 1 or omega.shape != weights.shape or not omega.size:
        raise ValueError(
            f"frequencies = (omega, weights) with shapes {omega.shape} and {weights.shape}; expected two arrays (n_w,)"
        )
    if not np.all((omega > 0) & np.isfinite(omega) & np.isfinite(weights)):
        bad = int(np.nonzero(~((omega > 0) & np.isfinite(omega) & np.isfinite(weights)))[0][0])
        raise ValueError(
            f"frequency {bad} has omega = {omega[bad]:g} and weight {weights[bad]:g}; expected finite numbers with "
            "omega > 0"
        )
    return omega, weights


def largest_energy(device: Device, Delta: Array) -> float:
    """The scale above which G is close to normal: pairing, exchange, and an eighth of the spin relaxation."""
    h = np.linalg.norm(np.asarray(device.vertex_field("h")), axis=-1).max()
    Gamma = np.abs(np.asarray(device.vertex_field("Gamma"))).max()
    electrodes = [
        float(max(r.Delta, np.linalg.norm(r.h)) + np.abs(np.asarray(r.Gamma)).max() / 8)
        for r in device.electrodes().values()
    ]
    return float(max(np.abs(np.asarray(Delta)).max(), h, *electrodes, 0.0) + Gamma / 8)


def reservoir_frames(device: Device, omega: Any) -> list[tuple[np.ndarray, Array]]:
    """Pairs of nodes (k,) and their frames (b, k, 4, 4): those on reservoirs, and those behind barriers.

    Behind a node of a seam stands the value as its owner sees it, turned back: the barrier's term acts on the owner.
    """
    seam, found = seams(device), []
    for name, reservoir in device.reservoirs().items():
        nodes = device.mesh.boundary_nodes(name)
        found.append((nodes, _reservoir_frames(device, reservoir, nodes, omega)))
    for name, (nodes, behind) in ghosts(device).items():
        back = jnp.swapaxes(seam.turns(nodes), 1, 2)
        reservoir = device.boundaries[name].reservoir  # type: ignore[attr-defined]
        found.append((behind, back @ _reservoir_frames(device, reservoir, nodes, omega)))
    return found


def with_reservoirs(device: Device, V: np.ndarray, omega: np.ndarray) -> np.ndarray:
    """Frames (b, N, 4, 4) with the reservoirs' bulk values at their nodes, and behind barriers."""
    V = np.array(V)
    for nodes, frames in reservoir_frames(device, omega):
        V[:, nodes] = np.asarray(frames)
    return V


def held_frames(device: Device, nodes: int, omega: Any) -> Array:
    """As `with_reservoirs`, of `nodes` nodes that are normal elsewhere, as a function that JAX may trace."""
    V = jnp.broadcast_to(jnp.eye(4), (len(omega), nodes, 4, 4))
    for at, frames in reservoir_frames(device, omega):
        V = V.at[:, at].set(frames)
    return V


def refuse_torn_reservoirs(device: Device, nodes: int, omega: np.ndarray) -> None:
    """A reservoir that meets a seam must have, on both sides of it, one value up to the seam's turn; `nodes` of all."""
    seam = seams(device)
    torn = seam.slaves[device.fixed_nodes()[seam.slaves]]
    if not len(torn):
        return
    V = with_reservoirs(device, np.broadcast_to(np.eye(4), (1, nodes, 4, 4)), omega[:1])
    given, turned = (np.asarray(frame_to_green(jnp.asarray(frames)[0, torn])) for frames in (V, seam.turned(V)))
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
    phase = reservoir.phase_at(jnp.asarray(device.mesh.points[nodes]))
    return _turned_frames(G, phase, len(nodes))


@partial(jax.jit, static_argnums=2)
def _turned_frames(G: Array, phase: Any, k: int) -> Array:
    """Frames (b, k, 4, 4) of G (b, 4, 4) with Delta turned by exp(i phase), (k,) or a number."""
    phase = jnp.broadcast_to(phase, k)
    return green_to_frame(phase_turn(phase) @ G[:, None] @ phase_turn(-phase))


def _electrode(reservoir: Reservoir, omega: Any) -> Array:
    """The electrode's bulk value; without exchange field it is BCS's, since Gamma does not touch singlets."""
    if not isinstance(reservoir.h, jax.core.Tracer) and not np.any(np.asarray(reservoir.h)):
        return bcs(omega, reservoir.Delta)
    return bulk_value(omega, reservoir.Delta, reservoir.h, reservoir.Gamma)


def starting_frames(device: Device, system: DiscreteAction, start: Any) -> Callable[[np.ndarray], np.ndarray]:
    """The function that gives the starting frames (b, n, 4, 4) of frequencies (b,)."""
    n, total = len(device.mesh.points), len(system.free)
    if start is None:
        return lambda omega: np.broadcast_to(np.eye(4), (len(omega), total, 4, 4))
    if isinstance(start, str) and start == "bulk":
        weight = system.nodes.weight[:, None]
        Delta = system.nodes.fields["Delta"] / jnp.where(weight == 0, 1.0, weight)
        local = Delta[:, 0] + 1j * Delta[:, 1]
        return lambda omega: np.asarray(green_to_frame(bcs(jnp.asarray(omega)[:, None], local[None])))
    if isinstance(start, Solution):
        return _from_solution(start, total)
    G = start if isinstance(start, jax.Array) else np.asarray(start)
    if G.ndim != 4 or G.shape[1:] != (n, 4, 4) or G.dtype.kind != "f":
        what = f"an array of shape {G.shape} and type {G.dtype}" if G.ndim else repr(start)
        raise ValueError(
            f"start is {what}; expected None, 'bulk', a Solution on this mesh, or real G of shape (n_w, {n}, 4, 4)"
        )
    if not np.isfinite(G).all():
        raise ValueError("start is not finite; expected G of a converged solution")
    frames = _filled(np.asarray(green_to_frame(jnp.asarray(G))), total)

    def given(omega: np.ndarray) -> np.ndarray:
        if len(omega) != len(frames):
            raise ValueError(f"start holds {len(frames)} frequencies, but {len(omega)} are to be solved")
        return frames

    return given


def _filled(frames: np.ndarray, total: int) -> np.ndarray:
    """Frames with those that are not given, behind barriers, at the normal state."""
    missing = np.broadcast_to(np.eye(4), (len(frames), total - frames.shape[1], 4, 4))
    return np.concatenate([frames, missing], axis=1)


def _from_solution(start: Solution, total: int) -> Callable[[np.ndarray], np.ndarray]:
    nodes = start.all_G.shape[1]
    if nodes != total:
        raise ValueError(f"start was solved on {nodes} nodes, this mesh has {total}")
    order = np.argsort(start.omega)
    frames = np.asarray(green_to_frame(start.all_G))[order]

    def nearest(omega: np.ndarray) -> np.ndarray:
        return frames[np.argmin(np.abs(np.log(omega[:, None] / start.omega[order])), axis=1)]

    return nearest
