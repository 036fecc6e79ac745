"""First points of a mesh: borders split to the wanted lengths, and lattice points thinned to the wanted density."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from jusadel.mesh.checks import _check_node_count
from jusadel.mesh.generator.constraints import Border, divided
from jusadel.mesh.generator.delaunay import triangulated
from jusadel.mesh.generator.geometry import Film, Points, extent_of
from jusadel.mesh.generator.sizes import SizeFunction
from jusadel.mesh.topology import Integers

SPACING = 0.82
"""Distance of interior points in units of the size, which is the longest edge allowed."""
THIN = 0.73
"""Points kept this far apart, in units of the spacing wanted, have the density of a lattice of that spacing."""
DROP = 0.7
"""Distance that interior points keep from those on the border, in units of the spacing."""
BORDER = 0.9
"""Longest edge on the border in units of the size, so that interior edges near it do not get longer."""
GROWTH = 0.4
"""Edges become longer by at most this per length, away from narrow places."""


def split_border(border: Border, size: SizeFunction, film: Film) -> Border:
    """Edges as long as `size` allows, short in narrow places, growing away from them."""
    _lattice(border.points, size)  # refuses too many nodes before they cost time
    border = divided(border, lambda points: BORDER * size(points))
    most = 10 * len(border.points) + 2000
    while True:
        found = triangulated(border, np.zeros((0, 2)), film)
        border = found.border
        which = found.encroached()
        if not which.any():
            which = border.lengths > 1.5 * _length_nearby(border, border.middles)
        if not which.any():
            return border
        if len(border.points) > most:
            border.refuse(which)
        border = border.split(which)


def _length_nearby(border: Border, points: Points) -> NDArray[np.float64]:
    """(k,) length of border edges near the points, growing with the distance from the border."""
    shortest, node = np.full(len(border.points), np.inf), border.edges
    for end in (0, 1):
        np.minimum.at(shortest, node[:, end], border.lengths)
    used = np.flatnonzero(np.isfinite(shortest))
    k = min(8, len(used))
    distance, near = scipy.spatial.cKDTree(border.points[used]).query(points, k=k)
    return (shortest[used][near.reshape(-1, k)] + GROWTH * distance.reshape(-1, k)).min(axis=1)


def interior_points(border: Border, size: SizeFunction) -> Points:
    """Lattice points (i, 2) at the distance that `size` asks for, off the border; some may lie outside the film."""

    def spacing(points: Points) -> NDArray[np.float64]:
        return SPACING * np.minimum(size(points), 1.2 * _length_nearby(border, points))

    points, lattice = _lattice(border.points, spacing)
    wanted = spacing(points)
    distance, _ = scipy.spatial.cKDTree(border.points).query(points)
    keep = distance > DROP * wanted
    points, wanted, lattice = points[keep], wanted[keep], lattice[keep]
    if len(points) == 0:
        return points
    random = np.random.default_rng(1)
    points = points + 0.02 * lattice[:, None] * random.uniform(-1, 1, points.shape)  # no four points on a circle
    crowded = (lattice < 0.9 * wanted).any()
    return points[apart(points, THIN * wanted, random.random(len(points)))] if crowded else points


def _lattice(border: Points, spacing: SizeFunction) -> tuple[Points, NDArray[np.float64]]:
    """Points of nested triangular lattices, at most `spacing` apart, and the distance of their neighbours.

    Starts from two triangles round the film and cuts triangles into four while they are too large. The largest spacing
    at the border is one of the lattices: uniform sizes give a uniform lattice.
    """
    extent, base = extent_of(border), float(spacing(border).max())
    levels = int(np.ceil(np.log2(4 * extent / base)))
    side = base * 2.0**levels
    basis = np.array([[1.0, 0.0], [0.5, np.sqrt(3) / 2]])
    center = 0.5 * (border.min(axis=0) + border.max(axis=0))
    origin = center - 0.5 * side * basis.sum(axis=0) + base * np.array([0.137, 0.291])  # off symmetric positions
    unit = 2**40
    corners = np.array([[[0, 0], [1, 0], [0, 1]], [[1, 1], [0, 1], [1, 0]]]) * unit
    done: list[Integers] = []
    while True:
        x = origin + (corners.mean(axis=1) / unit * side) @ basis
        step = np.abs(corners[0, 1] - corners[0, 0]).sum() / unit * side
        near = (np.abs(x - center) < 0.5 * np.ptp(border, axis=0) + step).all(axis=1)  # the film's box
        corners, x = corners[near], x[near]
        large = step > 1.05 * spacing(x)
        done.append(corners[~large])
        if not large.any():
            break
        _check_node_count(2 * large.sum())
        corners = _quartered(corners[large])
    triangles = np.concatenate(done[::-1])  # finest first
    steps = np.abs(triangles[:, 1] - triangles[:, 0]).sum(axis=1)
    nodes, first = np.unique(triangles.reshape(-1, 2), axis=0, return_index=True)
    return origin + (nodes / unit * side) @ basis, steps[first // 3] / unit * side


def _quartered(corners: Integers) -> Integers:
    a, b, c = corners.transpose(1, 0, 2)
    ab, bc, ca = (a + b) // 2, (b + c) // 2, (c + a) // 2
    return np.stack([[a, ab, ca], [ab, b, bc], [ca, bc, c], [bc, ca, ab]]).transpose(0, 2, 1, 3).reshape(-1, 3, 2)


def apart(points: Points, radius: NDArray[np.float64], rank: NDArray[Any]) -> NDArray[np.bool_]:
    """Which points (n,) to keep: none within `radius` (n,) of another; lower `rank` (n,) goes first."""
    n = len(points)
    distance, near = scipy.spatial.cKDTree(points).query(points, k=min(24, n))
    distance, near = distance.reshape(n, -1), near.reshape(n, -1)
    i, k = np.nonzero(distance < np.maximum(radius[:, None], radius[near]))
    j = near[i, k]
    i, j = i[i != j], j[i != j]
    i, j = np.concatenate([i, j]), np.concatenate([j, i])
    order = np.argsort(np.argsort(rank, kind="stable"))
    open_, kept = np.ones(n, dtype=bool), np.zeros(n, dtype=bool)
    while open_.any():
        live = open_[i] & open_[j]
        i, j = i[live], j[live]
        best = np.full(n, n)
        np.minimum.at(best, i, order[j])
        now = open_ & (order < best)
        kept |= now
        open_ &= ~now
        open_[j[now[i]]] = False
    return kept
