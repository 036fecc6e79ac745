"""Sizes and angles of a mesh, to be printed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, kw_only=True)
class MeshQuality:
    """Sizes and angles of a mesh, and the comparison with a physical length if one was given."""

    nodes: int
    triangles: int
    area: float
    smallest_angle: float  # degrees
    h_min: float  # shortest edge
    h_max: float  # longest edge
    worst_ratio: float | None = None  # largest (longest edge of a triangle) / length
    too_coarse: int | None = None  # triangles with an edge longer than that length

    def __str__(self) -> str:
        lines = [
            f"{self.nodes} nodes, {self.triangles} triangles, area {self.area:.6g}",
            f"edges {self.h_min:.4g} ... {self.h_max:.4g}, smallest angle {self.smallest_angle:.1f} degrees",
        ]
        if self.worst_ratio is not None:
            lines.append(
                f"longest edge / length: at worst {self.worst_ratio:.3g}, above 1 in {self.too_coarse} triangles"
            )
        return "\n".join(lines)


def measured(nodes: int, area: float, lengths: NDArray[np.float64], length: ArrayLike | None) -> MeshQuality:
    """The report on triangles with sides `lengths` (m, 3), compared with `length` (a number or (m,)) if given."""
    a, b, c = np.sort(lengths, axis=1).T
    # the smallest angle lies between the two longer sides
    smallest = np.degrees(np.arccos(np.clip((b**2 + c**2 - a**2) / (2 * b * c), -1, 1)).min())
    worst, coarse = None, None
    if length is not None:
        limit = np.asarray(length, dtype=float)
        if limit.shape not in ((), c.shape) or not np.all(np.isfinite(limit) & (limit > 0)):
            raise ValueError(f"length must be a finite number > 0 or one per triangle {c.shape}, got {length}")
        worst, coarse = float((c / limit).max()), int((c > limit).sum())
    return MeshQuality(
        nodes=nodes,
        triangles=len(lengths),
        area=area,
        smallest_angle=float(smallest),
        h_min=float(a.min()),
        h_max=float(c.max()),
        worst_ratio=worst,
        too_coarse=coarse,
    )
