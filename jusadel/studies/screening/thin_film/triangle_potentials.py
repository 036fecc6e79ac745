"""Integrals of 1/|r - r'| over flat triangles: potentials, solid angles, and double integrals between triangles.

    Int_e dl'/|r - r'| = ln((R1 + R2 + L)/(R1 + R2 - L))     along an edge of length L, R1 and R2 from its ends to r
    Int_T d2r'/|r - r'| = Sum_e p_e Int_e dl'/|r - r'|        r in the plane of T, p_e to its edges, > 0 inside

(Wilton et al., IEEE Trans. Antennas Propag. 32, 276 (1984)). The second integral over the same triangle, of area A and
half perimeter s, is (4/3) A^2 Sum_e ln(s/(s - L_e))/L_e (Eibert and Hansen, ibid. 43, 1499 (1995)). Over a triangle
that touches it is a sum over 16 parts with 7 points each, over one that is close 7 points; far pairs have monopoles
and quadrupoles, with an error of the order (size/distance)^3, typically 1e-4 for the nearest.
Pairs of triangles that touch are good to 3e-4.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import scipy

from jusadel.device.vector_potential import LINE_WEIGHTS, gauss_points

NEAR = 3.0
"""Sums of two triangles' sizes (farthest corner from the centroid) between centroids, up to which pairs are near."""
BLOCK = 2_000_000
"""Numbers of an array at a time."""
_A, _B = (6 - np.sqrt(15)) / 21, (6 + np.sqrt(15)) / 21
SEVEN = np.array([[1 / 3] * 3, *(np.roll([1 - 2 * a, a, a], k) for a in (_A, _B) for k in range(3))])
SEVEN_WEIGHTS = np.array([9 / 40, *[(155 - np.sqrt(15)) / 1200] * 3, *[(155 + np.sqrt(15)) / 1200] * 3])
"""Radon's rule of degree 5: barycentric coordinates (7, 3) and weights."""


def _quartered(corners: np.ndarray) -> np.ndarray:
    """The four parts (4 k, 3, ...) of triangles (k, 3, ...)."""
    middle = (corners + np.roll(corners, -1, axis=1)) / 2
    parts = [np.stack([corners[:, i], middle[:, i], middle[:, i - 1]], axis=1) for i in range(3)]
    return np.concatenate([*parts, middle])


FINE = np.concatenate([SEVEN @ part for part in _quartered(_quartered(np.eye(3)[None]))])
"""The rule on 16 parts, (112, 3)."""


def along_segments(points: np.ndarray, start: np.ndarray, end: np.ndarray, z: float = 0.0) -> np.ndarray:
    """Int dl'/|r - r'| along segments from points at a height z above them, by broadcasting (..., 2); inf on them."""
    away = lambda end: np.sqrt(np.sum((points - end) ** 2, axis=-1) + z**2)  # noqa: E731
    total, length = away(start) + away(end), np.sqrt(np.sum((end - start) ** 2, axis=-1))
    with np.errstate(divide="ignore"):
        return np.log((total + length) / np.maximum(total - length, 0.0))


def potentials(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Int_T d2r'/|r - r'| at points (..., 2) in the plane, of triangles (..., 3, 2) counter-clockwise."""
    total: np.ndarray | float = 0.0
    for i in range(3):
        start, end = corners[..., i, :], corners[..., (i + 1) % 3, :]
        step, along = end - start, along_segments(points, start, end)
        p = step[..., 0] * (points - start)[..., 1] - step[..., 1] * (points - start)[..., 0]
        on_line = np.isinf(along)  # p ln p -> 0
        total = total + np.where(on_line, 0.0, p * np.where(on_line, 0.0, along)) / np.sqrt(np.sum(step**2, axis=-1))
    return np.asarray(total)


def solid_angles(points: np.ndarray, corners: np.ndarray, z: float) -> np.ndarray:
    """Of triangles (..., 3, 2) from points (..., 2) at a height z, > 0 from above (van Oosterom, Strackee (1983))."""
    u = corners - points[..., None, :]
    length, (a, b, c) = np.sqrt(np.sum(u**2, axis=-1) + z**2), (u[..., i, :] for i in range(3))
    a_, b_, c_ = (length[..., i] for i in range(3))
    dot = lambda u, v: np.sum(u * v, axis=-1) + z**2  # noqa: E731
    volume = z * ((b - a)[..., 0] * (c - a)[..., 1] - (b - a)[..., 1] * (c - a)[..., 0])
    return 2 * np.arctan2(volume, a_ * b_ * c_ + dot(a, b) * c_ + dot(b, c) * a_ + dot(c, a) * b_)


def double_integrals(triangles: np.ndarray, corners: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Int_T Int_T' 1/|r - r'| of all pairs of a mesh's triangles, some rows (k, m) at a time.

    Args:
        triangles: nodes (m, 3), equal where triangles touch.
        corners: their places (m, 3, 2), counter-clockwise.
    """
    own = moments(corners)
    yield from _rows(own, own, near_triangles(triangles, corners))


def line_integrals(start: np.ndarray, end: np.ndarray, corners: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Int dl Int_T d2r' 1/|r - r'| of segments (e, 2) and triangles (m, 3, 2), some rows (k, m) at a time."""
    lines = moments(np.stack([start, end], axis=1))
    yield from _rows(lines, moments(corners), near_lines(start, end, corners))


class Moments(NamedTuple):
    """Of triangles or segments."""

    middle: np.ndarray  # (k, 2)
    second: np.ndarray  # (k, 2, 2) of 1 per measure, about the middle
    measure: np.ndarray  # (k,) area or length
    size: np.ndarray  # (k,) of the farthest corner from the middle

    def of(self, which: np.ndarray | slice) -> Moments:
        """Those of some."""
        return Moments(*(x[which] for x in self))

    def joined(self, other: Moments) -> Moments:
        """These and others."""
        return Moments(*(np.concatenate(x) for x in zip(self, other, strict=True)))


class NearPairs(NamedTuple):
    """Pairs that are near, in the order of the first, and their integrals (p,)."""

    first: np.ndarray
    second: np.ndarray
    values: np.ndarray
    triangles: int  # among which the second are

    def among(self, i: np.ndarray, j: np.ndarray) -> np.ndarray:
        """Which of the pairs (k,) are among them."""
        key, own = i * self.triangles + j, self.first * self.triangles + self.second
        return own[np.minimum(np.searchsorted(own, key), len(own) - 1)] == key


def moments(corners: np.ndarray) -> Moments:
    """Of triangles (k, 3, 2) or segments (k, 2, 2)."""
    middle = corners.mean(axis=1)
    u = corners - middle[:, None]
    is_segment = corners.shape[1] == 2
    second = np.einsum("mvi,mvj->mij", u, u) / (6 if is_segment else 12)
    size = np.sqrt((u**2).sum(axis=-1).max(axis=1))
    return Moments(middle, second, 2 * size if is_segment else _areas(corners), size)


def _rows(one: Moments, other: Moments, near: NearPairs) -> Iterator[tuple[slice, np.ndarray]]:
    """All pairs, with the integrals of the near ones."""
    rows = max(1, BLOCK // len(other.middle))
    for first in range(0, len(one.middle), rows):
        block = slice(first, first + rows)
        integrals = far_integrals(Moments(*(x[block, None] for x in one)), other)
        begin, end = np.searchsorted(near.first, [first, first + rows])
        integrals[near.first[begin:end] - first, near.second[begin:end]] = near.values[begin:end]
        yield block, integrals


def _areas(corners: np.ndarray) -> np.ndarray:
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    return (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]) / 2


def far_integrals(one: Moments, other: Moments) -> np.ndarray:
    """A B (1/R + (M + N):(3 R R - R^2)/(2 R^5)) of measures A, B and second moments M, N, by broadcasting."""
    M, N = one.second, other.second
    X, Y = (one.middle[..., i] - other.middle[..., i] for i in (0, 1))
    R2 = X**2 + Y**2
    with np.errstate(divide="ignore", invalid="ignore"):
        xx, yy, xy = (M[..., i, j] + N[..., i, j] for i, j in ((0, 0), (1, 1), (0, 1)))
        second = 3 * (xx * X**2 + 2 * xy * X * Y + yy * Y**2) - (xx + yy) * R2
        return np.asarray(one.measure * other.measure / np.sqrt(R2) * (1 + second / (2 * R2**2)))


def _near_pairs(one: Moments, other: Moments) -> tuple[np.ndarray, np.ndarray]:
    """Pairs (p,) of one and other that are near, in the order of the first."""
    tree = scipy.spatial.cKDTree(other.middle)
    found = tree.query_ball_point(one.middle, NEAR * (one.size + other.size.max()))
    first = np.repeat(np.arange(len(found)), [len(x) for x in found])
    second = np.concatenate([np.sort(np.asarray(x, int)) for x in found])
    distance = np.linalg.norm(one.middle[first] - other.middle[second], axis=1)
    keep = distance < NEAR * (one.size[first] + other.size[second])
    return first[keep], second[keep]


def near_triangles(triangles: np.ndarray, corners: np.ndarray) -> NearPairs:
    """Of triangles with each other, the mean of both orders of integration; arguments as in `double_integrals`."""
    own, m = moments(corners), len(corners)
    first, second = _near_pairs(own, own)
    touching = (triangles[first][:, :, None] == triangles[second][:, None, :]).any(axis=(1, 2))
    values = np.zeros(len(first))
    for which, rule in ((touching, FINE), (~touching, SEVEN)):
        values[which] = _averaged(corners, first[which], second[which], rule)
    swapped = np.searchsorted(first * m + second, second * m + first)
    values = (values + values[swapped]) / 2
    values[first == second] = _with_itself(corners)
    return NearPairs(first, second, values, m)


def near_lines(start: np.ndarray, end: np.ndarray, corners: np.ndarray) -> NearPairs:
    """Of segments (e, 2) with triangles."""
    lines = moments(np.stack([start, end], axis=1))
    first, second = _near_pairs(lines, moments(corners))
    at = gauss_points(start, end)
    values, count = np.zeros(len(first)), max(1, BLOCK // at.shape[1])
    for begin in range(0, len(values), count):
        i, j = first[begin : begin + count], second[begin : begin + count]
        values[begin : begin + count] = lines.measure[i] * (potentials(at[i], corners[j][:, None]) @ LINE_WEIGHTS)
    return NearPairs(first, second, values, len(corners))


def _averaged(corners: np.ndarray, first: np.ndarray, second: np.ndarray, rule: np.ndarray) -> np.ndarray:
    weights = np.tile(SEVEN_WEIGHTS, len(rule) // 7) / (len(rule) // 7)
    area, count = _areas(corners), max(1, BLOCK // len(rule))
    values = np.zeros(len(first))
    for begin in range(0, len(first), count):
        i, j = first[begin : begin + count], second[begin : begin + count]
        at = np.einsum("qv,pvi->pqi", rule, corners[i])
        values[begin : begin + count] = area[i] * (potentials(at, corners[j][:, None]) @ weights)
    return values


def _with_itself(corners: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(corners - np.roll(corners, -1, axis=1), axis=-1)
    s = length.sum(axis=1, keepdims=True) / 2
    return 4 / 3 * _areas(corners) ** 2 * np.sum(np.log(s / (s - length)) / length, axis=1)
