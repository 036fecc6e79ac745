"""What a mesh file holds: elements with names, checked in words of files and made a mesh."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jusadel.mesh.formats.straightening import Block, Groups, straight_triangles
from jusadel.mesh.mesh import Mesh
from jusadel.mesh.topology import Integers


@dataclass(frozen=True, kw_only=True)
class Content:
    """A mesh file as it is.

    Args:
        points: (n, 3) or (n, 2).
        blocks: all elements.
        listed: names of groups that the file announces, with their dimension.
        lost: what to say and to do where elements do not arrive in such a group.
    """

    points: NDArray[np.float64]
    blocks: list[Block]
    listed: list[tuple[int, str]]
    lost: str


def mesh_of_elements(content: Content) -> Mesh:
    """The mesh of a file, as `read_mesh` says, or ValueError that says what to export instead."""
    blocks = straight_triangles(content.blocks, content.points)
    _check_kinds(blocks)
    triangles, regions = _joined(blocks, "triangle", 3)
    lines, boundaries = _joined(blocks, "line", 2)
    _check_names(content, regions, boundaries)
    points = _flat(content.points, triangles)
    _check_overlap(regions, points[triangles].mean(axis=1))
    _check_lines(lines, triangles, boundaries, content.points)
    _warn_of_points(content)
    used, number = np.unique(triangles, return_inverse=True)
    row = np.full(len(points), -1)
    row[used] = np.arange(len(used))
    return Mesh(
        points=points[used],
        triangles=number.reshape(-1, 3),
        regions=_complete(regions, len(triangles)),
        boundaries={name: np.unique(np.sort(row[lines[index]], axis=1), axis=0) for name, index in boundaries.items()},
    )


def _joined(blocks: list[Block], kind: str, width: int) -> tuple[Integers, Groups]:
    """All elements of a kind, each once, and those of each group; some files write an element once for every group."""
    mine = [block for block in blocks if block.kind == kind]
    starts = np.cumsum([0, *(len(block.nodes) for block in mine)])
    rows = np.concatenate([np.empty((0, width), np.int64), *(block.nodes for block in mine)])
    _, first, same = np.unique(np.sort(rows, axis=1), axis=0, return_index=True, return_inverse=True)
    place = np.argsort(np.argsort(first))[same.ravel()]  # in the order of the file
    groups: dict[str, list[Integers]] = {}
    for start, block in zip(starts[:-1], mine, strict=True):
        for name, index in block.groups.items():
            groups.setdefault(name, []).append(place[start + index])
    joined = {name: np.unique(np.concatenate(parts)) for name, parts in groups.items()}
    return rows[np.sort(first)], {name: index for name, index in joined.items() if len(index)}


# --- checks --------------------------------------------------------------------------------------


def _check_kinds(blocks: list[Block]) -> None:
    """Triangles, beside points and lines."""
    held = sorted({block.kind for block in blocks if len(block.nodes)})
    foreign = [kind for kind in held if kind not in ("vertex", "line", "triangle")]
    if "triangle" in held and not foreign:
        return
    if foreign:
        remedy = "mesh the film's surface only, with straight triangles (Gmsh: `gmsh -2`, and no volumes)"
    else:
        remedy = (
            "mesh the surfaces (`gmsh -2`); where any group is given, Gmsh saves only elements in groups, so put each "
            "surface into one (`Physical Surface`)"
        )
    if "triangle" not in held:
        raise ValueError(f"the file has no triangles; it holds {held}: {remedy}")
    counts = {kind: sum(len(block.nodes) for block in blocks if block.kind == kind) for kind in held}
    raise ValueError(f"the file holds {foreign} beside triangles ({counts}); {remedy}")


def _check_names(content: Content, regions: Groups, boundaries: Groups) -> None:
    """Names of the file arrive, as regions or boundaries."""
    arrived = {1: boundaries, 2: regions}
    lost = [name for dimension, name in content.listed if dimension and name not in arrived.get(dimension, ())]
    if lost:
        found = f"it has regions {list(regions)} and boundaries {list(boundaries)}"
        raise ValueError(
            f"the file lists the groups {lost}, but no triangles or lines are in them; {found}. {content.lost}"
        )


def _warn_of_points(content: Content) -> None:
    of_points = [name for dimension, name in content.listed if dimension == 0]
    if of_points:
        warnings.warn(
            f"the groups {of_points} are of points and are left out: regions are groups of surfaces, and boundaries of "
            "curves",
            UserWarning,
            stacklevel=4,
        )


def _check_overlap(regions: Groups, centers: NDArray[np.float64]) -> None:
    names = list(regions)
    for k, name in enumerate(names):
        for other in names[:k]:
            shared = np.intersect1d(regions[other], regions[name])
            if shared.size:
                sizes = f"{len(regions[other])} and {len(regions[name])}"
                raise ValueError(
                    f"the surface groups {other!r} and {name!r} ({sizes} triangles) share {shared.size} triangles, the "
                    f"first at {_place(centers[shared[0]])}; each triangle must be in exactly one region: leave one of "
                    "the groups out, and export again (groups of curves may overlap)"
                )


def _check_lines(lines: Integers, triangles: Integers, boundaries: Groups, points: NDArray[np.float64]) -> None:
    """Lines of groups run along edges of triangles."""
    used = np.unique(triangles)
    for name, index in boundaries.items():
        apart = lines[index][~np.isin(lines[index], used).all(axis=1)]
        if len(apart):
            a, b = points[apart[0], :2]
            raise ValueError(
                f"{len(apart)} of {len(index)} lines of the curve group {name!r} touch no triangle, the first from "
                f"{_place(a)} to {_place(b)}: is the surface beside it in no group? Gmsh then saves the curve without "
                "it; put each surface into a group, or save everything (Mesh.SaveAll = 1, format 4.1)"
            )


def _flat(points: NDArray[np.float64], triangles: Integers) -> NDArray[np.float64]:
    """x and y of the points, where those of triangles lie in one plane."""
    used = points[np.unique(triangles)]
    if points.shape[1] == 3 and np.ptp(used[:, 2]) > 1e-10 * np.ptp(used[:, :2]):
        z = used[:, 2]
        raise ValueError(
            f"the points are not flat: z runs from {z.min():g} to {z.max():g}; expected a mesh in the x-y plane"
        )
    return points[:, :2]


def _complete(regions: Mapping[str, Integers], m: int) -> Groups:
    missing = np.setdiff1d(np.arange(m), np.concatenate([[], *regions.values()]))
    if not regions or not len(missing):
        return dict(regions)
    warnings.warn(
        f"{len(missing)} of {m} triangles are in none of the regions {list(regions)}; they are now region 'unnamed'",
        UserWarning,
        stacklevel=4,
    )
    return {**regions, "unnamed": missing}


def _place(point: NDArray[np.float64]) -> str:
    return f"({point[0]:.6g}, {point[1]:.6g})"
