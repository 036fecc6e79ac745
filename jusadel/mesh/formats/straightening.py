"""Elements of files, and what becomes of curved and of four-sided ones: straight triangles."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from jusadel.mesh.topology import Integers

Groups = dict[str, Integers]
"""Numbers of elements by the name of a group."""

CORNERS = {"line": 2, "triangle": 3, "quad": 4}
"""Of the kinds that are taken, whose names a number of nodes follows where there are more: "triangle6"."""


@dataclass(frozen=True, kw_only=True)
class Block:
    """Elements of one kind."""

    kind: str  # "line", "triangle", ... as meshio calls them
    nodes: Integers  # (k, nodes of an element), rows of the points; corners come first
    groups: Groups  # which of the k elements


def family(kind: str) -> str:
    """The kind of the same corners without further nodes: "triangle" of "triangle6"."""
    base = kind.rstrip("0123456789")
    return base if base in CORNERS else kind


def straight_triangles(blocks: list[Block], points: Any) -> list[Block]:
    """Elements of higher order with straight sides between their corners, quadrilaterals as two triangles each.

    Warns:
        UserWarning: which elements were changed, and how.
    """
    _warn(blocks, lambda kind: family(kind) == "triangle" != kind, "taken as straight triangles between their corners")
    _warn(blocks, lambda kind: family(kind) == "quad", "cut into two straight triangles each")
    straight = [_without_midpoints(block) for block in blocks]
    return [_halved(block, points) if block.kind == "quad" else block for block in straight]


def _warn(blocks: list[Block], chosen: Callable[[str], bool], change: str) -> None:
    found = {block.kind for block in blocks if chosen(block.kind) and len(block.nodes)}
    for kind in sorted(found):
        count = sum(len(block.nodes) for block in blocks if block.kind == kind)
        warnings.warn(f"{count} elements {kind!r} of the file are {change}", UserWarning, stacklevel=5)


def _without_midpoints(block: Block) -> Block:
    kind = family(block.kind)
    return Block(kind=kind, nodes=block.nodes[:, : CORNERS.get(kind)], groups=block.groups)


def _halved(block: Block, points: Any) -> Block:
    """Along the shorter diagonal, unless it lies outside; the two triangles of element k are 2 k and 2 k + 1."""
    turned = np.roll(block.nodes, -1, axis=1)
    best = np.where(_badness(block.nodes, points) <= _badness(turned, points), block.nodes.T, turned.T).T
    triangles = best[:, [[0, 1, 2], [0, 2, 3]]].reshape(-1, 3)
    groups = {name: (2 * index[:, None] + np.arange(2)).ravel() for name, index in block.groups.items()}
    return Block(kind="triangle", nodes=triangles, groups=groups)


def _badness(corners: Integers, points: Any) -> np.ndarray:
    """Of the diagonal from corner 0 to corner 2 of quadrilaterals (k, 4): its length, infinite if not inside, (k,)."""
    a, b, c, d = points[corners][..., :2].transpose(1, 0, 2)
    along = c - a
    sides = [along[:, 0] * (x - a)[:, 1] - along[:, 1] * (x - a)[:, 0] for x in (b, d)]
    return np.where(sides[0] * sides[1] < 0, np.linalg.norm(along, axis=1), np.inf)
