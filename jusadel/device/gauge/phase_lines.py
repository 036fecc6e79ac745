"""The gauge of a vector potential against the phases that boundaries fix: the mismatch, and what mends it.

What is physical along an electrode is phase gradient - 2 A, its supercurrent. An electrode whose phase does not follow
A carries one, which no bulk value knows of. A completed potential is A + grad chi, with chi (n,) at the nodes and
linear in each triangle, such that

    chi_j - chi_i = (phase_j - phase_i)/2 - Int_i^j A.dl      along every edge of a superconducting electrode,

that both sides of a barrier have the same chi, and that chi differs between a periodic boundary and its partner by what
the phase between them asks for, up to a constant. Of all these it is the one with the smallest Int |A + grad chi|^2: no
divergence, no component out of the sample where it is free, no net flux into any electrode. It depends on the field
alone, not on the gauge that A was given in, and so do the phases of electrodes that are stated in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.device.boundary import Boundary, Reservoir
from jusadel.mesh.interfaces import matching_nodes
from jusadel.mesh.mesh import Mesh

Array = Any
Integrals = Callable[[np.ndarray], Any]
"""Int A.dl along the straight lines between pairs of nodes (k, 2), (k,)."""
TOLERANCE = 1e-6
"""Radians by which the phase along a boundary may fail to follow A,"""
RELATIVE = 0.01
"""and of the turn that A asks for: phases of a smooth line on a mesh of straight edges."""


class GaugeError(ValueError):
    """The phases of electrodes or periodic boundaries do not follow the vector potential along them."""


# --- what the boundaries ask for -------------------------------------------------------------------


@dataclass(frozen=True)
class PhaseLine:
    """A boundary that fixes phases: what chi has to gain along its edges.

    For a periodic boundary it is the difference of chi between it and its partner that has to gain this.
    """

    name: str
    edges: np.ndarray  # (k, 2) nodes
    steps: Array  # (k,)
    line_A: Array  # (k,) Int A.dl, less that of the partner
    partners: np.ndarray | None = None  # (k, 2)


def phase_lines(
    mesh: Mesh,
    boundaries: Mapping[str, Boundary],
    integrals: Integrals,
    *,
    uniform: bool = False,
    bridged: bool = False,
) -> list[PhaseLine]:
    """All boundaries that fix phases, without those of normal electrodes.

    With `uniform`, what chi has to gain for phases that do not vary along the boundaries, whatever is given. With
    `bridged` an electrode goes on from one of its pieces to the next along a straight line, inside a superconductor.
    """
    found = []
    for name, boundary in boundaries.items():
        if boundary.partner is not None:
            pairs, _ = matching_nodes(mesh, boundary.partner, name)
            partner = np.zeros(len(mesh.points), int)
            partner[pairs[:, 1]] = pairs[:, 0]
            edges = mesh.boundaries[name]
            line_A = integrals(edges) - integrals(partner[edges])
            found.append(PhaseLine(name, edges, _steps(mesh, boundary, edges, line_A, uniform), line_A, partner[edges]))
        reservoir = boundary.electrode
        if reservoir is not None and _is_superconducting(reservoir):
            edges = mesh.boundaries[name]
            edges = np.concatenate([edges, bridges(mesh, edges)]) if bridged else edges
            line_A = integrals(edges)
            found.append(PhaseLine(name, edges, _steps(mesh, reservoir, edges, line_A, uniform), line_A))
    return found


def refuse_pieces(mesh: Mesh, found: list[PhaseLine]) -> None:
    """Refuse electrodes of several pieces."""
    for line in found:
        pieces = len(bridges(mesh, line.edges)) + 1
        if line.partners is None and pieces > 1:
            raise GaugeError(
                f"the electrode {line.name!r} has {pieces} pieces apart from each other, and each a phase of its own "
                "against the others; give each piece a name (mesh.with_boundaries)"
            )


def bridges(mesh: Mesh, edges: np.ndarray) -> np.ndarray:
    """Pairs of nodes (k, 2), the closest ones, that join the pieces of a boundary, edges (e, 2), one by one."""
    forest = Forest.of(edges)
    first, *others = (forest.nodes[forest.root == root] for root in np.unique(forest.root))
    if not others:
        return np.zeros((0, 2), int)
    if isinstance(points := jax.lax.stop_gradient(mesh.points), jax.core.Tracer):  # no values: any nodes do
        return np.array([[first[0], piece[0]] for piece in others])
    points = np.asarray(points)
    found: list[list[int]] = []
    while others:
        gaps = [np.linalg.norm(points[first][:, None] - points[piece], axis=-1) for piece in others]
        nearest = int(np.argmin([gap.min() for gap in gaps]))
        i, j = np.unravel_index(gaps[nearest].argmin(), gaps[nearest].shape)
        piece = others.pop(nearest)
        found.append([first[i], piece[j]])
        first = np.concatenate([first, piece])
    return np.array(found, int).reshape(-1, 2)


def _is_superconducting(reservoir: Reservoir) -> bool:
    Delta = jax.lax.stop_gradient(reservoir.Delta) if isinstance(reservoir.Delta, jax.core.Tracer) else reservoir.Delta
    return isinstance(Delta, jax.core.Tracer) or float(Delta) > 0


def _steps(mesh: Mesh, boundary: Any, edges: np.ndarray, line_A: Array, uniform: bool) -> Array:
    """(phase_j - phase_i)/2 - Int A.dl of edges (k, 2), less whole turns of the phase."""
    if callable(boundary.phase) and not uniform:
        phase = boundary.phase_at(mesh.points[edges.ravel()]).reshape(-1, 2)
        steps = (phase[:, 1] - phase[:, 0]) / 2 - line_A
    else:
        steps = -line_A
    plain = jax.lax.stop_gradient(steps)
    if isinstance(plain, jax.core.Tracer):
        return steps - jnp.pi * jnp.round(plain / jnp.pi)
    return steps - np.pi * np.round(np.asarray(plain) / np.pi)


def refuse_misfit(found: list[PhaseLine]) -> None:
    """Refuse a vector potential that turns the phase along a boundary which does not follow.

    Raises:
        GaugeError: with the boundary, by how much, and the remedies.
    """
    for line in found:
        if isinstance(line.steps, jax.core.Tracer):
            continue
        forest = Forest.of(line.edges)
        turn, asked = (_largest_turn(forest, x) for x in (line.steps, line.line_A))
        if turn > TOLERANCE + RELATIVE * asked:
            against = "" if line.partners is None else " against its partner"
            raise GaugeError(
                f"the gauge of the vector potential does not fit the boundary {line.name!r}: along it A asks for a "
                f"phase that turns by {asked:.4g} rad (2 Int A.dl){against}, and the given one misses this by "
                f"{turn:.4g} rad, which means a current along it. Expected jusadel.uniform_field(B) in its default "
                "gauge, or jusadel.electrode_gauge(A), which add the gradient that fits; or the phase of "
                f"{line.name!r} as a function of points that turns by 2 Int A.dl along it"
            )


def _largest_turn(forest: Forest, halves: Array) -> float:
    """The largest phase between two nodes of a line, or round it, from half the phases along its edges."""
    phases = 2 * np.asarray(halves)
    value = forest.offsets @ phases
    apart = [np.ptp(value[forest.root == root]) for root in np.unique(forest.root)]
    return float(max(*apart, np.abs(forest.cycles @ phases).max(initial=0.0)))


# --- graphs of differences ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Forest:
    """Differences x_j - x_i = step along pairs (i, j): x at each node from that at the root of its tree.

    x at `nodes` is x[root] + offsets @ steps; where pairs close a cycle, `cycles @ steps` has to vanish.
    """

    nodes: np.ndarray  # (t,) that pairs touch
    root: np.ndarray  # (t,) the place among `nodes` of the root of each one's tree
    offsets: np.ndarray  # (t, k)
    cycles: np.ndarray  # (c, k)

    @classmethod
    def of(cls, pairs: np.ndarray) -> Forest:
        """From pairs (k, 2) of nodes."""
        nodes, ends = np.unique(pairs, return_inverse=True)
        ends = ends.reshape(-1, 2)
        offsets, root, cycles = np.zeros((len(nodes), len(pairs))), np.full(len(nodes), -1), []
        for start in range(len(nodes)):
            if root[start] < 0:
                root[start] = start
                cycles += _grown(start, ends, offsets, root)
        return cls(nodes, root, offsets, np.array(cycles).reshape(-1, len(pairs)))


def _grown(start: int, ends: np.ndarray, offsets: np.ndarray, root: np.ndarray) -> list[np.ndarray]:
    """Fill the tree of `start` with `offsets` and `root`; what the other pairs between its nodes ask for."""
    at: dict[int, list[int]] = {}
    for k, (i, j) in enumerate(ends.tolist()):
        at.setdefault(i, []).append(k)
        at.setdefault(j, []).append(k)
    waiting, used, cycles = [start], set(), []
    while waiting:
        here = waiting.pop()
        for k in at[here]:
            if k in used:
                continue
            used.add(k)
            i, j = ends[k]
            there, sign = (j, 1.0) if i == here else (i, -1.0)
            reached = offsets[here].copy()
            reached[k] += sign
            if root[there] < 0:
                root[there], offsets[there] = start, reached
                waiting.append(int(there))
            else:
                cycles.append(reached - offsets[there])
    return cycles
