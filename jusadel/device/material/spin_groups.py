"""Spin groups: symmetries of magnets without spin-orbit coupling, where spins turn apart from the crystal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from numpy.typing import ArrayLike

from jusadel.common.arguments import real
from jusadel.device.material.magnetic_groups import Array, Group, group_of, operation


def collinear(group: str, swaps: str | Sequence[str | ArrayLike] = (), along: ArrayLike = (0.0, 0.0, 1.0)) -> Group:
    """Spin group of a magnet whose moments are all along one axis N, for `allowed_tensor` and `Material.of_group`.

    An operation R of the crystal maps each sublattice to itself or, where it swaps spin up and spin down, is followed
    by a flip of all spins. With chi(R) = -1 for those, tensors with one spin index that are odd under time reversal
    are N_a times one of space: P_ajk = N_a P_jk with P_jk = chi(R) R_jm R_kn P_mn.

    Args:
        group: point group of the crystal, such as "D4h" or "4/mmm".
        swaps: operations that swap the sublattices, such as "4z mx" (those with a 2 in front in symbols of spin
            groups); they must settle all others but inversion, as the black ones of `group_of`, of which
            they need not be those: a mirror that swaps moments along itself is not black. None: a ferromagnet.
        along: (3,) direction of N, in crystal axes.

    Raises:
        ValueError: no direction; signs that no group has.

    Example: `allowed_tensor(collinear("D4h", "4z mx"), "P")` has zxy = zyx alone.
    """
    if "'" in group:
        raise ValueError(
            f"group {group!r} has primes; expected the crystal's point group: `swaps` says what they would"
        )
    found = group_of((group, swaps))
    N = direction(along)
    flip = _half_turn(np.linalg.svd(N[None])[2][-1])  # about an axis perpendicular to N
    # A swap flips spins; with the flip that reverses time as well, which every collinear magnet has, it reverses time.
    one = np.eye(3)
    space = np.concatenate([found.space, [one, one]])
    spin = np.concatenate([np.broadcast_to(one, found.space.shape), [_turn(N, 1.0), flip]])
    return Group(f"the spin group of {found}", space, spin, np.array([*found.time, 1.0, -1.0]))


def spin_group(operations: Sequence[tuple[str | ArrayLike, str | ArrayLike, float]]) -> Group:
    """Spin group from its generators, each (rotation of spins, operation in space, -1 where time is reversed or 1).

    Rotations and operations are names of `symmetry.operations`, such as "2z", or matrices (3, 3).

    Example: a p-wave magnet with spins in the plane, in which half a period flips them, and inversion is followed by a
    half turn about x: `spin_group([("2z", "1", 1), ("1", "1", -1), ("2x", "-1", 1)])` allows magnetic_gamma zx, zy, zz.

    Raises:
        ValueError: unknown names; matrices that are not orthogonal; a spin operation that is no rotation.
    """
    spin, space = (np.array([operation(given[k]) for given in operations]) for k in (0, 1))
    time = np.array([float(given[2]) for given in operations])
    for matrices in (spin, space):
        if np.abs(matrices @ matrices.swapaxes(1, 2) - np.eye(3)).max() > 1e-12:
            raise ValueError("operations of a spin group must be orthogonal matrices")
    if (np.linalg.det(spin) < 0).any():
        raise ValueError("spins can only be rotated (determinant 1); a mirror or inversion of spins is time reversal")
    if not np.isin(time, (-1.0, 1.0)).all():
        raise ValueError(f"signs {time.tolist()} of time; expected 1, or -1 where it is reversed")
    return Group("the spin group", space, spin, time)


def direction(along: Any) -> Any:
    """The unit vector (3,) along a direction; it may be traced."""
    vector = real("along", along)
    traced = isinstance(vector, jax.core.Tracer)
    if vector.shape != (3,) or not (traced or (np.isfinite(vector).all() and vector.any())):
        raise ValueError(f"along = {along!r}; expected a direction (3,)")
    return vector / (vector @ vector) ** 0.5


def _turn(axis: Array, angle: float) -> Array:
    """Rotation by an angle about a unit vector."""
    cross = np.cross(np.eye(3), axis)
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def _half_turn(axis: Array) -> Array:
    return 2 * np.outer(axis, axis) - np.eye(3)
