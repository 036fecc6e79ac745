"""Regions and boundaries as functions of position; the borders of regions must run along edges of triangles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jusadel.topology import Integers

INSET = 0.01
"""How far inside of its corners a triangle is looked at, in distances from the corner to the centre: a border may miss
its mesh line by about 0.3 % of an edge."""

Mask = NDArray[np.bool_]


def chosen_triangles(name: str, which: Callable[..., Any], corners: NDArray[np.float64]) -> Integers:
    """Numbers of the triangles (corners (m, 3, 2)) in a region, whose border must not cut any of them.

    Raises:
        ValueError: the function chooses only a part of a triangle.
    """
    what, center = f"region {name!r}", corners.mean(axis=1)
    mask = _chosen(what, which, center)
    ends = corners + INSET * (center[:, None] - corners)
    cut = np.stack([_chosen(what, which, ends[:, k]) != mask for k in range(3)], axis=1)
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
