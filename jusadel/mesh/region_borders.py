"""Regions and boundaries as functions of position; the borders of regions must run along edges of triangles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from jusadel.mesh.topology import Integers, Topology

INSET = 0.01
"""How far inside of its corners a triangle is looked at, in distances from the corner to the centre: a border may miss
its mesh line by about 0.3 % of an edge."""

SAGITTA = 0.07
"""How far a curved border may bulge from a mesh line that is its chord, in lengths of the chord: a twelfth of a circle
does by 0.066."""

Mask = NDArray[np.bool_]


def chosen_triangles(name: str, which: Callable[..., Any], points: Any, topology: Topology) -> Integers:
    """Numbers of the triangles in a region, whose border must not cut any of them, but may bulge from its chords.

    Raises:
        ValueError: the function chooses only a part of a triangle.
    """
    corners = np.asarray(points)[topology.triangles]
    what, center = f"region {name!r}", corners.mean(axis=1)
    mask = _chosen(what, which, center)
    ends = corners + INSET * (center[:, None] - corners)
    near = np.stack([_chosen(what, which, ends[:, k]) for k in range(3)], axis=1)
    cut = near != mask[:, None]
    if cut.any():
        cut &= ~_on_chords(lambda places: _chosen(what, which, places), mask, near, np.asarray(points), topology)
    if cut.any():
        number = cut.any(axis=1).argmax()
        x, y = _border(what, which, center, ends[:, cut[number].argmax()])[number]
        raise ValueError(
            f"the border of region {name!r} cuts {cut.any(axis=1).sum()} of {len(corners)} triangles, the first at "
            f"({x:.6g}, {y:.6g}): the mesh has no line there, and the region would end in a zigzag. Make its border a "
            "mesh line: rectangle(..., x_lines=[...], y_lines=[...]), strip({name: length, ...}, ...), or "
            "polygon(..., regions={name: polygon, ...}) for any shape"
        )
    return _some(what, mask, center)


def chosen_edges(name: str, which: Callable[..., Any], middles: NDArray[np.float64]) -> Integers:
    """Numbers of the edges (middles (b, 2)) in a boundary."""
    what = f"boundary {name!r}"
    return _some(what, _chosen(what, which, middles), middles)


def _on_chords(which: Callable[..., Mask], mask: Mask, near: Mask, points: Any, topology: Topology) -> Mask:
    """(m, 3) corners on chords of the border: straight mesh lines whose ends lie on it, from which it bulges little.

    Args:
        mask: what is chosen of the centres of triangles, (m,).
        near: what is chosen close to their corners, (m, 3).
    """
    triangles, count = topology.triangles, len(points)
    inner, outer = (np.isin(np.arange(len(topology.edges)), topology.triangle_edges[side]) for side in (mask, ~mask))
    edges = topology.edges[inner & outer]
    on, off = np.zeros(count, bool), np.zeros(count, bool)
    on[triangles[near]], off[triangles[~near]] = True, True
    met = on & off  # the border passes through these
    straight = _straight(edges, points) & ~met
    chord = _joined(edges, straight)
    good, length = _chord_lengths(edges, chord, straight | met, points)
    middle, along = points[edges].mean(axis=1), np.diff(points[edges], axis=1)[:, 0]
    across = along[:, ::-1] * [1, -1] / np.linalg.norm(along, axis=1)[:, None]
    sides = [which(middle + sign * SAGITTA * length[chord][:, None] * across) for sign in (1, -1)]
    np.logical_and.at(good, chord, sides[0] != sides[1])
    explained = np.zeros(count, bool)
    explained[edges[good[chord]]] = True
    return explained[triangles]


def _straight(edges: Integers, points: Any) -> Mask:
    """(n,) nodes at which just two of the edges (b, 2) meet, in one line."""
    step = np.diff(points[edges], axis=1)[:, 0]
    step /= np.linalg.norm(step, axis=1)[:, None]
    ways = np.zeros((len(points), 2))
    np.add.at(ways, edges[:, 0], step)
    np.add.at(ways, edges[:, 1], -step)
    degree = np.bincount(edges.ravel(), minlength=len(points))
    return (degree == 2) & (np.abs(ways).max(axis=1) < 1e-6)


def _joined(edges: Integers, nodes: Mask) -> Integers:
    """(b,) number of the line that each of the edges (b, 2) belongs to: those that share one of the nodes are one."""
    row = np.repeat(np.arange(len(edges)), 2)
    kept = nodes[edges.ravel()]
    meets = coo_array((np.ones(kept.sum()), (row[kept], edges.ravel()[kept])), (len(edges), len(nodes)))
    return connected_components(meets @ meets.T)[1]


def _chord_lengths(edges: Integers, chord: Integers, nodes: Mask, points: Any) -> tuple[Mask, Any]:
    """(c,) which chords consist of these nodes only, and their lengths: straight lines add up."""
    good = np.ones(chord.max(initial=-1) + 1, bool)
    np.logical_and.at(good, chord, nodes[edges].all(axis=1))
    length = np.linalg.norm(np.diff(points[edges], axis=1)[:, 0], axis=1)
    return good, np.bincount(chord, weights=length, minlength=len(good))


def _some(what: str, mask: Mask, places: NDArray[np.float64]) -> Integers:
    """Numbers of the places (k, 2) chosen, of which there must be some."""
    if not mask.any():
        low, high = places.min(axis=0), places.max(axis=0)
        raise ValueError(
            f"the function for {what} chooses none of {len(places)} places, from ({low[0]:.6g}, {low[1]:.6g}) to "
            f"({high[0]:.6g}, {high[1]:.6g}); allow for round-off where it compares, such as x < 1e-9"
        )
    return np.flatnonzero(mask)


def _border(what: str, which: Callable[..., Any], start: NDArray[np.float64], end: NDArray[np.float64]) -> Any:
    """(k, 2) where on the ways from `start` to `end` the choice changes, by halving."""
    before = _chosen(what, which, start)
    for _ in range(40):
        middle = 0.5 * (start + end)
        same = (_chosen(what, which, middle) == before)[:, None]
        start, end = np.where(same, middle, start), np.where(same, end, middle)
    return end


def _chosen(what: str, which: Callable[..., Any], places: NDArray[np.float64]) -> Mask:
    """(k,) what a function of places (k, 2) chooses of them, or ValueError."""
    mask = np.asarray(which(places))
    if mask.shape != (len(places),) or mask.dtype != bool:
        raise ValueError(
            f"the function for {what} returned shape {mask.shape} of {mask.dtype}; expected ({len(places)},) of bool"
        )
    return mask
