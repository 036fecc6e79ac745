"""The 32 crystallographic point groups: their names, generators and elements.

Settings. The main axis is z, also in the monoclinic groups (unique axis c): C2 turns about z, Cs
mirrors z, C2h does both. D2 and D2h: two-fold axes x, y, z. C2v: mirrors perpendicular to x and y.
D2d: two-fold axes x and y, diagonal mirrors (-42m). D3: two-fold axis x (321). C3v: mirror
perpendicular to x (3m1). D3d: two-fold axis x, mirror perpendicular to x (-3m1). D3h: mirror
perpendicular to x, two-fold axis y (-6m2). D4, D6: two-fold axes x and y. C4v, C6v: mirrors
perpendicular to x and y. Cubic groups: the cube's axes along x, y, z. Any other setting is an
`orientation`: a proper rotation whose columns are the crystal axes in the lab.
"""

import difflib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def _turn(cosine: float, sine: float) -> Array:
    return np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])


_ROTATIONS = {
    "1": np.eye(3),
    "2x": np.diag([1.0, -1.0, -1.0]), "2y": np.diag([-1.0, 1.0, -1.0]), "2z": np.diag([-1.0, -1.0, 1.0]),
    "2d": np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, -1.0]]),  # about [110]
    "3z": _turn(-0.5, np.sqrt(0.75)), "6z": _turn(0.5, np.sqrt(0.75)), "4z": _turn(0.0, 1.0),
    "3d": np.eye(3)[[2, 0, 1]],  # about [111]: x -> y -> z -> x
}  # fmt: skip
operations: dict[str, Array] = _ROTATIONS | {
    f"m{name[1]}" if name.startswith("2") else f"-{name}": -turn for name, turn in _ROTATIONS.items()
}
"""{name: matrix}: 2x a half turn about x, mx the mirror perpendicular to x, 4z, -4z, and so on; d is the diagonal of
the plane, x + y (2d, md), or that of the cube, x + y + z (3d)."""

# Schoenflies name: (Hermann-Mauguin name, generators)
_GROUPS = {
    "C1": ("1", "1"), "Ci": ("-1", "-1"),
    "C2": ("2", "2z"), "Cs": ("m", "mz"), "C2h": ("2/m", "2z -1"),
    "D2": ("222", "2z 2x"), "C2v": ("mm2", "2z mx"), "D2h": ("mmm", "2z 2x -1"),
    "C4": ("4", "4z"), "S4": ("-4", "-4z"), "C4h": ("4/m", "4z -1"), "D4": ("422", "4z 2x"),
    "C4v": ("4mm", "4z mx"), "D2d": ("-42m", "-4z 2x"), "D4h": ("4/mmm", "4z 2x -1"),
    "C3": ("3", "3z"), "S6": ("-3", "3z -1"), "D3": ("32", "3z 2x"), "C3v": ("3m", "3z mx"),
    "D3d": ("-3m", "3z 2x -1"),
    "C6": ("6", "6z"), "C3h": ("-6", "3z mz"), "C6h": ("6/m", "6z -1"), "D6": ("622", "6z 2x"),
    "C6v": ("6mm", "6z mx"), "D3h": ("-6m2", "3z mz mx"), "D6h": ("6/mmm", "6z 2x -1"),
    "T": ("23", "2z 3d"), "Th": ("m-3", "2z 3d -1"), "O": ("432", "4z 3d"),
    "Td": ("-43m", "-4z 3d"), "Oh": ("m-3m", "4z 3d -1"),
}  # fmt: skip
_ALIASES = {"S2": "Ci", "C1h": "Cs", "V": "D2", "Vh": "D2h", "Vd": "D2d", "C3i": "S6"}
_KNOWN = {g: g for g in _GROUPS} | {hm: g for g, (hm, _) in _GROUPS.items()} | _ALIASES

point_groups: tuple[str, ...] = tuple(_GROUPS)
"""Schoenflies names of the 32 crystallographic point groups."""


def unknown(kind: str, given: object, allowed: Iterable[str]) -> ValueError:
    """The error for a name that is not among those allowed, with the nearest of them."""
    allowed = list(allowed)
    by_lower = {name.lower(): name for name in allowed}
    near = difflib.get_close_matches(str(given).lower(), by_lower, n=1)
    hint = f", did you mean {by_lower[near[0]]!r}?" if near else "."
    return ValueError(f"unknown {kind} {given!r}{hint} Known: {', '.join(allowed)}")


def is_point_group(name: str) -> bool:
    """Whether it is the name of one of the 32."""
    return name in _KNOWN


def point_group(name: str) -> str:
    """Schoenflies name of a point group given in Schoenflies or Hermann-Mauguin notation.

    Example: `point_group("4mm")` and `point_group("C4v")` are "C4v"; "C1h" is "Cs", "S2" is "Ci".

    Raises: ValueError for any other name.
    """
    if name not in _KNOWN:
        raise unknown("point group", name, _KNOWN)
    return _KNOWN[name]


def hermann_mauguin(group: str) -> str:
    """Hermann-Mauguin (international, short) name of a point group: "4mm" for "C4v"."""
    return _GROUPS[point_group(group)][0]


def generator_names(group: str) -> list[str]:
    """Names in `operations` of the generators."""
    return _GROUPS[point_group(group)][1].split()


def generators(group: str) -> Array:
    """Orthogonal matrices (n, 3, 3), n <= 3, whose products are the whole group."""
    return np.array([operations[name] for name in generator_names(group)])


def elements(group: str) -> Array:
    """All operations (order, 3, 3) of the group, the identity first."""
    return products(generators(group))


def products(matrices: Array) -> Array:
    """All products (order, k, k) of orthogonal matrices (n, k, k), the identity first."""
    found = [np.eye(matrices.shape[-1])]
    for element in found:  # grows while it is read, until the products close
        for generator in matrices:
            product = generator @ element
            if np.abs(np.array(found) - product).max(axis=(1, 2)).min() > 1e-6:
                found.append(product)
    return np.array(found)
