"""Vortices, counted: windings and fluxoids. (Pair potentials with vortices are in `jusadel.device.pair_potential`.)"""

from __future__ import annotations

from collections.abc import Sequence

import jax
import numpy as np

from jusadel.common.differentiability import DIFFERENCES, without_derivatives
from jusadel.mesh.mesh import Mesh
from jusadel.solver.states.solution import Solution

Array = jax.Array


@without_derivatives(DIFFERENCES)
def winding(sol: Solution, boundary: str | Sequence[str]) -> int:
    """How many times the phase of Delta turns along a closed boundary, counter-clockwise.

    The number of vortices inside the line; that of the outline less those of the holes is the number of vortices in the
    sample. Between neighbours the gauge-invariant difference is taken as small, as on the mesh's links.

    Args:
        sol: the Solution.
        boundary: name of a boundary that is one closed line, or names of boundaries that make one together.

    Raises:
        ValueError: no closed line, Delta = 0 on it, or neighbours whose phases differ by more than pi/2.
    """
    steps, line_A = _phase_steps(sol, boundary)
    return round(float((steps + 2 * line_A).sum()) / (2 * np.pi))


@without_derivatives(DIFFERENCES)
def fluxoid(sol: Solution, boundary: str | Sequence[str]) -> float:
    """Gauge-invariant number of flux quanta, (1/2 pi) times the loop integral of (grad phase - 2 A).dl.

    It is the winding minus the enclosed flux over the flux quantum pi, so what is left to drive a current round
    the line. Arguments, direction and errors as in `winding`.
    """
    return float(_phase_steps(sol, boundary)[0].sum()) / (2 * np.pi)


def _phase_steps(sol: Solution, boundary: str | Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Gauge-invariant phase differences along the loop and Int A.dl of its edges, (k,) each."""
    loop = _closed_loop(sol.mesh, [boundary] if isinstance(boundary, str) else list(boundary))
    following = np.roll(loop, -1)
    Delta, points = np.asarray(sol.Delta), np.asarray(sol.mesh.points)
    vanishing = loop[np.abs(Delta[loop]) <= 1e-12 * np.abs(Delta).max()]
    if len(vanishing):
        raise ValueError(
            f"Delta vanishes on the boundary {boundary!r}, first at node {vanishing[0]} "
            f"({points[vanishing[0]].tolist()}): it has no phase there"
        )
    line_A = np.asarray(sol.device.between_nodes(np.stack([loop, following], axis=1)))
    steps = np.angle(Delta[following] * np.conj(Delta[loop]) * np.exp(-2j * line_A))
    worst = int(np.argmax(np.abs(steps)))
    if np.abs(steps[worst]) > np.pi / 2:
        raise ValueError(
            f"the phase turns by {steps[worst]:.2f} between neighbours on the boundary {boundary!r}, near "
            f"{points[loop[worst]].tolist()}: more than pi/2, too much to count turns; refine the mesh there"
        )
    return steps, line_A


def _closed_loop(mesh: Mesh, names: list[str]) -> np.ndarray:
    """The nodes (k,) of one closed line in order, counter-clockwise."""
    for name in names:
        mesh.boundary_nodes(name)  # names the known ones where this is unknown
    edges = np.concatenate([np.zeros((0, 2), int), *(mesh.boundaries[name] for name in names)])
    neighbours: dict[int, list[int]] = {}
    for a, b in edges.tolist():
        neighbours.setdefault(a, []).append(b)
        neighbours.setdefault(b, []).append(a)
    ends = [node for node, others in neighbours.items() if len(others) != 2]
    if ends or not len(edges):
        where = f": {len(ends)} of its nodes do not have two neighbours on it, first {ends[0]}" if ends else ""
        raise ValueError(f"boundary {names} is no closed line{where}; name all boundaries that make one together")
    loop = _walked(neighbours, *edges[0].tolist())
    if len(loop) != len(neighbours):
        raise ValueError(f"boundary {names} is more than one closed line; name them separately (mesh.with_boundaries)")
    return loop if _is_counter_clockwise(mesh, loop) else loop[::-1]


def _walked(neighbours: dict[int, list[int]], first: int, second: int) -> np.ndarray:
    loop = [first, second]
    while True:
        before, here = loop[-2:]
        a, b = neighbours[here]
        ahead = b if a == before else a
        if ahead == first:
            return np.array(loop)
        loop.append(ahead)


def _is_counter_clockwise(mesh: Mesh, loop: np.ndarray) -> bool:
    x, y = np.asarray(mesh.points)[loop].T
    return bool(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)) > 0)
