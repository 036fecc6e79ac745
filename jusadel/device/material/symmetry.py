"""Which entries of each material tensor a crystal's symmetry group leaves free.

A tensor is allowed when every symmetry operation R of the crystal maps it to itself,
    T_ij.. = s R_ia R_jb .. T_ab..,     s = det R for a pseudotensor, 1 for a true tensor,
so the allowed tensors are the null space of (R - 1) over the generators of the group (Kokkeler et
al., Eqs. (4) to (6) and the text around them). Index order is the paper's: spin first, then space.
Tensors of magnets are odd under time reversal: s has another -1 where time reversal follows R. In spin
groups, which hold without spin-orbit coupling, spin indices turn by another rotation than those of space.

Groups are the 32 point groups (`point_groups`), the 122 magnetic ones (`magnetic_groups`), and spin
groups (`spin_groups`). A name without prime says nothing about magnetism as far as tensors are concerned
that time reversal leaves alone; for those odd under it, it is the colourless group, as in the literature.
"""

from collections.abc import Iterator
from functools import lru_cache, reduce
from string import ascii_letters
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from jusadel.device.material.invariants import TensorSymmetry, invariant_tensors, readable, row_space, transformation
from jusadel.device.material.magnetic_groups import (
    AnyGroup,
    Group,
    group_of,
    magnetic_elements,
    magnetic_point_group as magnetic_point_group,
    magnetic_point_groups,
)
from jusadel.device.material.point_groups import (
    Array,
    elements as elements,
    generators as generators,
    hermann_mauguin as hermann_mauguin,
    operations as operations,
    point_group as point_group,
    point_groups,
    unknown,
)
from jusadel.device.material.spin_groups import collinear as collinear, spin_group as spin_group

Axes = ArrayLike | None


# One row per tensor. An axial (spin or dual) index brings det R, so two of them make a true tensor. Numbers, such as
# orbital depairing, have none: every group allows them.
tensors: dict[str, TensorSymmetry] = {
    "D": TensorSymmetry(2, False, True, np.s_[:2, :2], spins=0),
    "Gamma": TensorSymmetry(2, False, True, (...,), spins=2),
    "gamma": TensorSymmetry(2, True, False, np.s_[:, :2]),
    "spin_field": TensorSymmetry(2, True, False, np.s_[:, :2]),
    "alpha": TensorSymmetry(2, True, False, np.s_[:, :2]),
    "theta": TensorSymmetry(2, False, False, np.s_[:, 2]),
    "kappa": TensorSymmetry(2, False, False, np.s_[:, 2]),
    "beta": TensorSymmetry(3, False, True, np.s_[:, :, :2], spins=2),
    "magnetic_Gamma": TensorSymmetry(2, False, True, (...,), spins=2),
    "magnetic_gamma": TensorSymmetry(2, True, False, np.s_[:, :2]),
    "h": TensorSymmetry(1, True, False, (...,), odd=True),
    "v": TensorSymmetry(1, True, False, (...,), odd=True),
    "hall": TensorSymmetry(1, True, False, (2,), spins=0, odd=True),
    "P": TensorSymmetry(3, True, True, np.s_[:, :2, :2], odd=True, pair=(1, 2)),
    "K": TensorSymmetry(3, True, True, np.s_[:, :2, :2], odd=True, pair=(1, 2)),
    "mu": TensorSymmetry(2, True, False, np.s_[:, :2], odd=True),
    "magnetoelectric": TensorSymmetry(2, True, False, np.s_[:, :2], odd=True),
}

gyrotropic: tuple[str, ...]
"""The 18 groups that allow a second-rank pseudotensor: gamma, spin_field."""
piezoelectric: tuple[str, ...]
"""The 20 groups that allow a third-rank tensor symmetric in its first pair: beta."""
ferromagnetic: tuple[str, ...]
"""The 31 magnetic point groups that allow an axial vector odd under time reversal: h, v, hall."""
piezomagnetic: tuple[str, ...]
"""The 66 magnetic point groups that allow P and K."""
magnetoelectric: tuple[str, ...]
"""The 58 magnetic point groups that allow the magnetoelectric tensor: chi, mu."""

_CLASSES = {
    "gyrotropic": ("gamma", point_groups),
    "piezoelectric": ("beta", point_groups),
    "ferromagnetic": ("h", magnetic_point_groups),
    "piezomagnetic": ("P", magnetic_point_groups),
    "magnetoelectric": ("magnetoelectric", magnetic_point_groups),
}


def __getattr__(name: str) -> tuple[str, ...]:
    # Counted from the tensors on first use, so that importing stays free.
    if name not in _CLASSES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    witness, groups = _CLASSES[name]
    return tuple(g for g in groups if len(_crystal_basis(group_of(g), witness)))


@lru_cache(maxsize=4096)
def _crystal_basis(group: Group, name: str) -> Array:
    """Allowed tensors in crystal axes, flattened: (n_free, 3**rank)."""
    return invariant_tensors(group, tensors[name])


def _rotation(orientation: ArrayLike) -> Array:
    """The orientation as an array, checked."""
    matrix = np.asarray(orientation, dtype=float)
    if matrix.shape != (3, 3) or not np.isfinite(matrix).all():
        raise ValueError(f"orientation must be a finite 3x3 matrix, not {matrix.tolist()}")
    error = np.abs(matrix.T @ matrix - np.eye(3)).max()
    if error > 1e-12:
        raise ValueError(f"orientation is not orthogonal: R^T R is off by {error:.1e} (limit 1e-12)")
    if np.linalg.det(matrix) < 0:
        raise ValueError("orientation has determinant -1; give a proper rotation (determinant +1)")
    return matrix


def allowed_tensor(group: AnyGroup, name: str, orientation: Axes = None) -> Array:
    """Basis of the tensors that a crystal's symmetry allows, in lab axes.

    Args:
        group: point group, Schoenflies or Hermann-Mauguin ("C4v", "4mm"); magnetic point group ("4'/mm'm", grey
            "4/mmm1'"); (point group, its operations that reverse time), such as ("D4h", "4z mx"); or a spin
            group of `symmetry.collinear`. A name without prime is the colourless group for what is odd under time
            reversal.
        name: a key of `tensors`: D, Gamma, gamma, spin_field, alpha, theta, kappa, beta; magnetic_Gamma,
            magnetic_gamma; and, odd under time reversal, h, v, hall, P, K, mu, magnetoelectric.
        orientation: proper rotation (3, 3), columns the crystal axes in the lab; None: identity.

    Returns:
        (n_free, 3, 3), for beta, P, K (n_free, 3, 3, 3), for h, v, hall (n_free, 3), without units;
        n_free = 0: none allowed.

    Example: `allowed_tensor("C4v", "gamma")` is [[[0, 1, 0], [-1, 0, 0], [0, 0, 0]]] (Rashba).
    """
    if name not in tensors:
        group_of(group)
        raise unknown("tensor", name, tensors)
    basis = _crystal_basis(group_of(group), name)
    if orientation is not None:
        turn = _rotation(orientation)
        basis = readable(basis @ transformation(turn, turn, 1.0, tensors[name]).T)
    return basis.reshape((-1, *(3,) * tensors[name].rank)).copy()


def _cells(basis: Array) -> Any:
    """Entries of the general linear combination of the basis, as text with coefficients a, b, c, .."""
    cells = np.full(basis.shape[1:], "", dtype=object)
    for letter, vector in zip(ascii_letters, basis, strict=False):
        for index in np.argwhere(vector):
            factor = f"{vector[*index]:+.4g}"
            cells[*index] += (factor[0] if factor[1:] == "1" else factor) + letter
    return np.vectorize(lambda cell: cell.removeprefix("+") or "0", otypes=[object])(cells)


def _form(basis: Array) -> str:
    return str(_cells(basis).tolist()).replace("'", "")


def allowed_entries(group: AnyGroup, name: str, orientation: Axes = None) -> Any:
    """Entries of the general allowed tensor, (3, ..) of text: "0", "a", "-a", "a+b", .."""
    return _cells(allowed_tensor(group, name, orientation))


def allowed_form(group: AnyGroup, name: str, orientation: Axes = None) -> str:
    """The allowed tensor for reading: "[[0, a, 0], [-a, 0, 0], [0, 0, 0]]" for C4v and gamma."""
    return _form(allowed_tensor(group, name, orientation))


def _entries(name: str, tensor: ArrayLike) -> tuple[Array, tuple[Any, ...]]:
    """The tensor as an array, and the index that cuts the same entries out of the full tensor."""
    value, symmetry = np.asarray(tensor, dtype=float), tensors[name]
    full = np.empty((3,) * symmetry.rank)
    cuts = {full[cut].shape: cut for cut in ((...,), symmetry.plane)}
    if value.shape not in cuts:
        raise ValueError(f"{name} has shape {value.shape}; expected {' or '.join(map(str, cuts))}")
    if not np.isfinite(value).all():
        raise ValueError(f"{name} has entries that are not finite: {value.tolist()}")
    return value, cuts[value.shape]


def forbidden_part(group: AnyGroup, name: str, tensor: ArrayLike, orientation: Axes = None) -> Array:
    """The tensor minus its orthogonal projection on the allowed ones: zero where it is allowed.

    Full tensors are (3, 3), h and its like (3,), beta, P, K (3, 3, 3). Two-dimensional ones are D (2, 2), the xy
    block; gamma, spin_field, alpha, magnetic_gamma, mu, magnetoelectric (3, 2), beta (3, 3, 2), P and K (3, 2, 2),
    space along x, y; theta, kappa (3,), theta_iz; hall a number, its z component.
    The entries these lack are free: one is allowed if it can be completed to an allowed tensor.

    Returns: array of the shape and unit of `tensor`.
    """
    basis = allowed_tensor(group, name, orientation)
    value, cut = _entries(name, tensor)
    allowed = row_space(basis[:, *cut].reshape(len(basis), value.size))
    return value - (allowed.T @ (allowed @ value.ravel())).reshape(value.shape)


def is_allowed(group: AnyGroup, name: str, tensor: ArrayLike, orientation: Axes = None, tol: float = 1e-12) -> bool:
    """Whether the forbidden part is at most `tol` times the tensor's largest entry."""
    forbidden = forbidden_part(group, name, tensor, orientation)
    return bool(np.abs(forbidden).max() <= tol * np.abs(np.asarray(tensor)).max())


def _nothing_allowed(group: AnyGroup, name: str) -> str:
    symmetry = tensors[name]
    kind = f"{'pseudotensor' if symmetry.pseudo else 'tensor'} of rank {symmetry.rank}"
    reason = next(_flipping(group, symmetry), f"its operations leave no such {kind}")
    return f"{name} is not allowed by {group_of(group)} ({reason}){magnetic_hint(group, name)}"


def _flipping(group: AnyGroup, symmetry: TensorSymmetry) -> Iterator[str]:
    """Operations of the group that commute with all others and change the tensor's sign."""
    if not group_of(group).turning:
        return
    space, time = magnetic_elements(group)
    odd = symmetry.pseudo ^ bool(symmetry.rank % 2)  # changes sign under inversion
    for flips, sign, reversed_, said in (
        (symmetry.odd, 1.0, -1.0, "it has time reversal"),
        (odd, -1.0, 1.0, "it has inversion"),
        (odd ^ symmetry.odd, -1.0, -1.0, "it has inversion with time reversal"),
    ):
        if flips and np.any(np.isclose(space, sign * np.eye(3)).all(axis=(1, 2)) & (time == reversed_)):
            yield said


def magnetic_hint(group: AnyGroup, name: str) -> str:
    """What to do where a magnet's tensor meets a crystal of which nobody said how it is magnetic."""
    if not (tensors[name].odd and group_of(group).ordinary):
        return ""
    return f". As {name} is odd under time reversal, it wants a magnetic point group, such as \"4'/mm'm\""


def _misfit(group: AnyGroup, name: str, tensor: ArrayLike, orientation: Axes) -> str:
    """Names the entry with the largest forbidden part, the first of equals."""
    value, cut = _entries(name, tensor)
    forbidden = np.abs(forbidden_part(group, name, tensor, orientation)).ravel()
    worst = int(np.argmax(forbidden > forbidden.max() * (1 - 1e-6)))
    label = reduce(np.char.add, np.ix_(*[list("xyz")] * tensors[name].rank))[cut].ravel()[worst]
    entry = f"{name} component {label} = {value.flat[worst]:.6g}"
    basis = allowed_tensor(group, name, orientation)[:, *cut]
    form = _form(readable(basis.reshape(len(basis), -1)).reshape(-1, *value.shape))
    then = magnetic_hint(group, name)
    if basis.reshape(len(basis), -1)[:, worst].any():
        return f"{entry} does not fit the form that {group_of(group)} allows: {form}{then}"
    return f"{entry} is not allowed by {group_of(group)}; allowed form: {form}{then}"


def check_allowed(group: AnyGroup, name: str, tensor: ArrayLike, orientation: Axes = None, tol: float = 1e-12) -> None:
    """Raise ValueError, with the worst entry and the allowed form, unless the tensor is allowed.

    h, v and hall beside one of the 32 point groups are not refused: the name does not say how the crystal is magnetic,
    and a field that is applied, or a magnet beside, brings them into any crystal. Beside a magnetic point group
    they are checked.

    Shapes as in `forbidden_part`, `tol` as in `is_allowed`.
    """
    symmetry = tensors.get(name)
    brought = symmetry is not None and symmetry.odd and symmetry.rank == 1 and group_of(group).ordinary
    if brought or is_allowed(group, name, tensor, orientation, tol):
        return
    if not len(allowed_tensor(group, name)):
        raise ValueError(_nothing_allowed(group, name))
    raise ValueError(_misfit(group, name, tensor, orientation))
