"""Integrals of 1/|r - r'| over flat triangles: potentials, solid angles, and double integrals between triangles.

    Int_e dl'/|r - r'| = ln((R1 + R2 + L)/(R1 + R2 - L))     along an edge of length L, R1 and R2 from its ends to r
    Int_T d2r'/|r - r'| = Sum_e p_e Int_e dl'/|r - r'|        r in the plane of T, p_e to its edges, > 0 inside

(Wilton et al., IEEE Trans. Antennas Propag. 32, 276 (1984)). The second integral over the same triangle, of area A and
half perimeter s, is (4/3) A^2 Sum_e ln(s/(s - L_e))/L_e (Eibert and Hansen, ibid. 43, 1499 (1995)). Over a triangle
that touches it is a sum over 16 parts with 7 points each, over one that is close 7 points; far pairs have monopoles
and quadrupoles, with an error of the order (size/distance)^3, typically 1e-4 for the nearest.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import scipy

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
    middle = corners.mean(axis=1)
    u = corners - middle[:, None]
    size, area = np.sqrt((u**2).sum(axis=-1).max(axis=1)), _areas(corners)
    moments = np.einsum("mvi,mvj->mij", u, u) / 12  # of 1 per area, about the centroid
    near = _near_pairs(middle, size)
    values = _near_integrals(triangles, corners, near)
    rows = max(1, BLOCK // len(middle))
    for first in range(0, len(middle), rows):
        block = slice(first, first + rows)
        far = _far(middle[block], moments[block], area[block], middle, moments, area)
        begin, end = np.searchsorted(near[0], [first, first + rows])
        far[near[0][begin:end] - first, near[1][begin:end]] = values[begin:end]
        yield block, far


def _areas(corners: np.ndarray) -> np.ndarray:
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    return (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]) / 2


def _far(x: np.ndarray, M: np.ndarray, A: np.ndarray, y: np.ndarray, N: np.ndarray, B: np.ndarray) -> np.ndarray:
    """A B (1/R + (M + N):(3 R R - R^2)/(2 R^5)) of places (k, 2), moments (k, 2, 2) and areas (k,) against (m, ...)."""
    X, Y = x[:, None, 0] - y[:, 0], x[:, None, 1] - y[:, 1]
    R2 = X**2 + Y**2
    with np.errstate(divide="ignore", invalid="ignore"):
        inverse = 1 / np.sqrt(R2)
        xx, yy, xy = (M[:, None, i, j] + N[:, i, j] for i, j in ((0, 0), (1, 1), (0, 1)))
        second = 3 * (xx * X**2 + 2 * xy * X * Y + yy * Y**2) - (xx + yy) * R2
        return A[:, None] * B * inverse * (1 + second / (2 * R2**2))


def _near_pairs(middle: np.ndarray, size: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ordered pairs of triangles, (p,) each, that are near, by the first."""
    tree = scipy.spatial.cKDTree(middle)
    found = tree.query_ball_point(middle, 2 * NEAR * size)  # the larger of two sees the smaller
    first = np.repeat(np.arange(len(middle)), [len(x) for x in found])
    second = np.concatenate([np.asarray(x, int) for x in found])
    distance = np.linalg.norm(middle[first] - middle[second], axis=1)
    keep = distance < NEAR * (size[first] + size[second])
    first, second, m = first[keep], second[keep], len(middle)
    key = np.unique(np.concatenate([first * m + second, second * m + first]))
    return key // m, key % m


def _near_integrals(triangles: np.ndarray, corners: np.ndarray, near: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Of near pairs (p,), the mean of both orders of integration."""
    first, second = near
    touching = (triangles[first][:, :, None] == triangles[second][:, None, :]).any(axis=(1, 2))
    values = np.zeros(len(first))
    for which, rule in ((touching, FINE), (~touching, SEVEN)):
        values[which] = _averaged(corners, first[which], second[which], rule)
    m = len(corners)
    swapped = np.searchsorted(first * m + second, second * m + first)
    values = (values + values[swapped]) / 2
    same = first == second
    values[same] = _with_itself(corners)
    return values


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
