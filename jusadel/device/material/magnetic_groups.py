"""The 122 magnetic point groups: by name, or as a point group and its operations that reverse time.

A magnetic group is a point group with a sign for each operation, -1 where time reversal follows it ("black"). There are
32 colourless ones, without time reversal; 32 grey ones, which have time reversal itself (paramagnets, and
antiferromagnets whose sublattices a translation joins); and 58 black-white ones.

Names are those of Litvin and of Belov, Neronova and Smirnova: Hermann-Mauguin symbols with a prime on each black
operation, and 1' behind a grey group: "4/mmm" (colourless), "4/mmm1'" (grey), "4'/mm'm". **A name without prime is the
colourless group**, and so is its Schoenflies name. The places of a symbol are directions, as in `point_groups`: x, y, z
(orthorhombic), z, x, x + y (tetragonal), z, x, y (trigonal, hexagonal), so that "4'/mm'm" has black mirrors
perpendicular to x, and "4'/mmm'" is the same group turned by 45 degrees. Both are accepted, as are -4m2, -62m, 312,
31m, -31m, m2m, 2mm with primes. In cubic symbols the prime of -3 may be left out, and its bar: m'-3'm, m'-3m, m'3m.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from jusadel.device.material.point_groups import (
    Array,
    elements,
    generator_names,
    generators,
    hermann_mauguin,
    is_point_group,
    operations,
    point_group,
    point_groups,
    products,
    unknown,
)

# Each place of a symbol, and the operation there: what can have a prime
_SETTINGS = {
    "1": "1", "-1": "-1", "2": "2z", "m": "mz", "2 /m": "2z mz",
    "2 2 2": "2x 2y 2z", "m m m": "mx my mz", "m m 2": "mx my 2z", "m 2 m": "mx 2y mz", "2 m m": "2x my mz",
    "4": "4z", "-4": "-4z", "4 /m": "4z mz", "4 2 2": "4z 2x 2d", "4 m m": "4z mx md",
    "-4 2 m": "-4z 2x md", "-4 m 2": "-4z mx 2d", "4 /m m m": "4z mz mx md",
    "3": "3z", "-3": "-3z", "3 2": "3z 2x", "3 2 1": "3z 2x 1", "3 1 2": "3z 1 2y",
    "3 m": "3z mx", "3 m 1": "3z mx 1", "3 1 m": "3z 1 my",
    "-3 m": "-3z mx", "-3 m 1": "-3z mx 1", "-3 1 m": "-3z 1 my",
    "6": "6z", "-6": "-6z", "6 /m": "6z mz", "6 2 2": "6z 2x 2y", "6 m m": "6z mx my",
    "-6 m 2": "-6z mx 2y", "-6 2 m": "-6z 2x my", "6 /m m m": "6z mz mx my",
    "2 3": "2z 3d", "m -3": "mz -3d", "4 3 2": "4z 3d 2d", "-4 3 m": "-4z 3d md", "m -3 m": "mz -3d md",
}  # fmt: skip
_PLACES = {setting.replace(" ", ""): setting.split() for setting in _SETTINGS}

# By point group. Where two symbols are settings of one group, one stands here for both; books differ in which.
_BLACK_WHITE = {
    "Ci": "-1'", "C2": "2'", "Cs": "m'", "C2h": "2'/m 2/m' 2'/m'",
    "D2": "2'2'2", "C2v": "m'm2' m'm'2", "D2h": "m'mm m'm'm m'm'm'",
    "C4": "4'", "S4": "-4'", "C4h": "4'/m 4/m' 4'/m'", "D4": "4'22' 42'2'", "C4v": "4'm'm 4m'm'",
    "D2d": "-4'2'm -4'2m' -42'm'", "D4h": "4/m'mm 4'/mm'm 4'/m'm'm 4/mm'm' 4/m'm'm'",
    "S6": "-3'", "D3": "32'", "C3v": "3m'", "D3d": "-3'm -3'm' -3m'",
    "C6": "6'", "C3h": "-6'", "C6h": "6'/m 6/m' 6'/m'", "D6": "6'22' 62'2'", "C6v": "6'mm' 6m'm'",
    "D3h": "-6'm'2 -6'm2' -6m'2'", "D6h": "6/m'mm 6'/mmm' 6'/m'mm' 6/mm'm' 6/m'm'm'",
    "Th": "m'-3'", "O": "4'32'", "Td": "-4'3m'", "Oh": "m'-3'm m-3m' m'-3'm'",
}  # fmt: skip

magnetic_point_groups: tuple[str, ...] = tuple(
    name
    for group in point_groups
    for name in (hermann_mauguin(group), f"{hermann_mauguin(group)}1'", *_BLACK_WHITE.get(group, "").split())
)
"""Names of the 122 magnetic point groups: of each point group the colourless one, the grey one, those with primes."""


@dataclass(frozen=True, eq=False)
class Group:
    """Generators of a symmetry group: what each does to space, to spins and to time.

    Attributes:
        title: what errors call it.
        space: orthogonal matrices (n, 3, 3).
        spin: proper rotations (n, 3, 3); det(R) R where spins turn with the crystal, R being that of space.
        time: (n,), -1 where time is reversed.
        ordinary: whether it was given by a name of one of the 32 point groups, which says nothing about magnetism.
    """

    title: str
    space: Array
    spin: Array
    time: Array
    ordinary: bool = False

    def __str__(self) -> str:
        return self.title

    @property
    def turning(self) -> bool:
        """Whether spins turn with the crystal: not so in a spin group."""
        return bool(np.allclose(self.spin, _proper(self.space)))


AnyGroup = str | Group | tuple[str, str | Sequence[str | ArrayLike]]
"""A name, a group, or (point group, its black operations)."""


PRIMES = str.maketrans(dict.fromkeys("\u2019\u2032\u2018\u02b9`", "'"))
"""What stands for a prime where text was pasted."""


def group_of(given: AnyGroup) -> Group:
    """The group that a user means.

    Args:
        given: name of a point group or magnetic point group; or (point group, black operations), such as
            ("D4h", "4z mx") or ("D4h", ["4z", "mx"]), where operations are names of `operations` or matrices (3, 3);
            or a `Group`. Black operations must settle the others; only inversion is white where they leave it open,
            and everything where there are none.

    Raises:
        ValueError: an unknown name, with the nearest; signs that no group has, with the reason.
    """
    if isinstance(given, Group):
        return given
    if isinstance(given, str):
        return _named(given.translate(PRIMES))
    if not isinstance(given, Sequence) or len(given) != 2 or not isinstance(given[0], str):
        raise ValueError(f"group {given!r}; expected a name, or (point group, black operations) like ('D4h', '4z mx')")
    black: Any = given[1]
    keys = black.split() if isinstance(black, str) else black
    return _black_white(given[0], tuple(key if isinstance(key, str) else _rows(key) for key in keys))


def magnetic_elements(group: AnyGroup) -> tuple[Array, Array]:
    """All operations (order, 3, 3), and (order,): -1 where time reversal follows; the identity first.

    Raises: ValueError for a spin group, which has infinitely many.
    """
    found = group_of(group)
    if not found.turning:
        raise ValueError(f"{found} is no magnetic point group: its spins do not turn with the crystal")
    every = products(_signed(found.space, found.time))
    return every[:, :3, :3], every[:, 3, 3]


def magnetic_point_group(group: AnyGroup) -> str:
    """The one of `magnetic_point_groups` that a group is, in whatever setting: "4'/mm'm" for "4'/mmm'"."""
    return _by_signature()[_signature(group)]


# --- by name -----------------------------------------------------------------------------------------


@lru_cache(maxsize=256)
def _named(name: str) -> Group:
    if (space := _plain(name)) is not None:
        return crystal_group(f"point group {name!r}", space, np.ones(len(space)), ordinary=True)
    title = f"magnetic point group {name!r}"
    if name.endswith("1'") and (space := _plain(name[:-2] or "1")) is not None:
        return crystal_group(title, np.append(space, np.eye(3)[None], axis=0), np.append(np.ones(len(space)), -1.0))
    return crystal_group(title, *_with_primes(name))


def _plain(name: str) -> Array | None:
    """Generators of a group whose name has no prime, if there is one."""
    if is_point_group(name):
        return generators(name)
    symbol = _with_bar(name)
    return _at_places(symbol) if symbol in _PLACES else None


def _with_bar(name: str) -> str:
    """Cubic symbols as they are written today: m-3, with a prime on -3 where m has one."""
    return re.sub(r"^m('?)-?3(?!')", r"m\1-3\1", name)


def _at_places(symbol: str) -> Array:
    return np.array([operations[key] for key in _SETTINGS[" ".join(_PLACES[symbol])].split()])


def _with_primes(name: str) -> tuple[Array, Array]:
    """Generators and their signs, of a symbol read place by place."""
    symbol = _with_bar(name)
    bare = symbol.replace("'", "")
    primes = re.fullmatch("".join(re.escape(place) + "('?)" for place in _PLACES.get(bare, ())), symbol)
    if primes is None and "'" not in name:
        point_group(name)  # raises
    error = unknown("magnetic point group", name, magnetic_point_groups)
    if primes is None or bare not in _PLACES:
        raise error
    space, time = _at_places(bare), np.array([-1.0 if prime else 1.0 for prime in primes.groups()])
    if _reverses_time(space, time):
        raise ValueError(f"no group has these primes (their products contain time reversal itself): {error}")
    return space, time


# --- by black operations -----------------------------------------------------------------------------


def _rows(matrix: ArrayLike) -> Any:
    """A matrix as tuples, which a cache can hold."""
    return tuple(map(tuple, np.atleast_2d(np.asarray(matrix, dtype=float)).tolist()))


@lru_cache(maxsize=256)
def _black_white(base: str, keys: tuple[Any, ...]) -> Group:
    said = (
        f"point group {base!r} with black {', '.join(map(str, keys))}" if keys else f"colourless point group {base!r}"
    )
    space, black = generators(base), np.array([operation(key) for key in keys]).reshape(-1, 3, 3)
    for key, matrix in zip(keys, black, strict=True):
        if not _contains(elements(base), matrix):
            raise ValueError(f"{said}: {key} is not an operation of {base!r}, generated by {generator_names(base)}")
    fits = [time for time in product((1.0, -1.0), repeat=len(space)) if _fits(space, np.array(time), black)]
    if not fits:
        raise ValueError(f"{said}: no group has these; whatever its other signs, products contain time reversal itself")
    return crystal_group(said, space, np.array(_settled(said, fits, generator_names(base)) if keys else fits[0]))


def _settled(said: str, fits: list[tuple[float, ...]], names: list[str]) -> tuple[float, ...]:
    """The only signs that fit, or the only ones among them with white inversion."""
    if "-1" in names:
        inversion = names.index("-1")
        fits = [time for time in fits if time[inversion] > 0] or fits
    free = [name for name, signs in zip(names, zip(*fits, strict=True), strict=True) if len(set(signs)) > 1]
    if free:
        raise ValueError(f"{said}: this leaves open whether {free[0]} is black; name one more operation that is")
    return fits[0]


def operation(key: str | ArrayLike) -> Array:
    """The matrix (3, 3) of an operation given by its name or by itself."""
    if isinstance(key, str):
        if key not in operations:
            raise unknown("operation", key, operations)
        return operations[key]
    matrix = np.asarray(key, dtype=float)
    if matrix.shape != (3, 3):
        raise ValueError(f"operation of shape {matrix.shape}; expected a name or a (3, 3) matrix")
    return matrix


def _fits(space: Array, time: Array, black: Array) -> bool:
    """Whether the signs are those of a group in which these operations are black."""
    every = products(_signed(space, time))
    return not _contains(every, _signed(np.eye(3)[None], -np.ones(1))[0]) and all(
        _contains(every, operation) for operation in _signed(black, -np.ones(len(black)))
    )


# --- signs -------------------------------------------------------------------------------------------


def crystal_group(title: str, space: Array, time: Array, ordinary: bool = False) -> Group:
    """A group whose operations turn spins with the crystal, as spin-orbit coupling has it."""
    return Group(title, space, _proper(space), time, ordinary)


def _proper(space: Array) -> Array:
    """The rotations of axial vectors."""
    return np.linalg.det(space)[:, None, None] * space


def _signed(space: Array, time: Array) -> Array:
    """Operations as (n, 4, 4), the sign of time in the last corner: their products are those of the group."""
    signed = np.zeros((len(space), 4, 4))
    signed[:, :3, :3], signed[:, 3, 3] = space, time
    return signed


def _contains(every: Array, one: Array) -> bool:
    return bool(np.abs(every - one).max(axis=(1, 2)).min() < 1e-6)


def _reverses_time(space: Array, time: Array) -> bool:
    return not _fits(space, time, np.empty((0, 3, 3)))


def _signature(group: AnyGroup) -> tuple[tuple[float, ...], ...]:
    """Kind and sign of each operation: what tells magnetic groups apart in every setting."""
    space, time = magnetic_elements(group)
    kinds = np.stack([np.linalg.det(space), np.trace(space, axis1=1, axis2=2), time], axis=1)
    return tuple(sorted(map(tuple, kinds.round().tolist())))


@lru_cache(maxsize=1)
def _by_signature() -> dict[tuple[tuple[float, ...], ...], str]:
    return {_signature(name): name for name in magnetic_point_groups}
