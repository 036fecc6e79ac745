"""Which entries of each material tensor a crystal's point group leaves free.

A tensor is allowed when every symmetry operation R of the crystal maps it to itself,
    T_ij.. = s R_ia R_jb .. T_ab..,     s = det R for a pseudotensor, 1 for a true tensor,
so the allowed tensors are the null space of (R - 1) over the generators of the group (Kokkeler et
al., Eqs. (4) to (6) and the text around them). Index order is the paper's: spin first, then space.

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
from functools import lru_cache, reduce
from string import ascii_letters
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Axes = ArrayLike | None


class TensorSymmetry(NamedTuple):
    """How a tensor transforms, and the part of it that enters with gradients along x and y only."""

    rank: int
    pseudo: bool
    symmetric: bool  # in the first pair of indices
    plane: tuple[Any, ...]  # index of the entries kept in two dimensions; `...` keeps all


# One row per tensor. An axial (spin or dual) index brings det R, so two of them make a true tensor.
tensors: dict[str, TensorSymmetry] = {
    "D": TensorSymmetry(2, False, True, np.s_[:2, :2]),
    "Gamma": TensorSymmetry(2, False, True, (...,)),
    "gamma": TensorSymmetry(2, True, False, np.s_[:, :2]),
    "spin_field": TensorSymmetry(2, True, False, np.s_[:, :2]),
    "alpha": TensorSymmetry(2, True, False, np.s_[:, :2]),
    "theta": TensorSymmetry(2, False, False, np.s_[:, 2]),
    "kappa": TensorSymmetry(2, False, False, np.s_[:, 2]),
    "beta": TensorSymmetry(3, False, True, np.s_[:, :, :2]),
}


def _turn(cosine: float, sine: float) -> Array:
    return np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])


_OPERATIONS = {
    "1": np.eye(3), "-1": -np.eye(3),
    "2x": np.diag([1.0, -1.0, -1.0]), "2z": np.diag([-1.0, -1.0, 1.0]),
    "mx": np.diag([-1.0, 1.0, 1.0]), "mz": np.diag([1.0, 1.0, -1.0]),
    "3z": _turn(-0.5, np.sqrt(0.75)), "6z": _turn(0.5, np.sqrt(0.75)),
    "4z": _turn(0.0, 1.0), "-4z": -_turn(0.0, 1.0),
    "3d": np.eye(3)[[2, 0, 1]],  # about [111]: x -> y -> z -> x
}  # fmt: skip

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

point_groups: tuple[str, ...] = tuple(_GROUPS)
"""Schoenflies names of the 32 crystallographic point groups."""
gyrotropic: tuple[str, ...]
"""The 18 groups that allow a second-rank pseudotensor: gamma, spin_field."""
piezoelectric: tuple[str, ...]
"""The 20 groups that allow a third-rank tensor symmetric in its first pair: beta."""


def __getattr__(name: str) -> tuple[str, ...]:
    # Counted from the tensors on first use, so that importing stays free.
    witness = {"gyrotropic": "gamma", "piezoelectric": "beta"}
    if name not in witness:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return tuple(g for g in point_groups if len(_crystal_basis(g, witness[name])))


def _unknown(kind: str, given: object, allowed: Iterable[str]) -> ValueError:
    by_lower = {name.lower(): name for name in allowed}
    near = difflib.get_close_matches(str(given).lower(), by_lower, n=1)
    hint = f", did you mean {by_lower[near[0]]!r}?" if near else "."
    return ValueError(f"unknown {kind} {given!r}{hint} Known: {', '.join(by_lower.values())}")


def point_group(name: str) -> str:
    """Schoenflies name of a point group given in Schoenflies or Hermann-Mauguin notation.

    Example: `point_group("4mm")` and `point_group("C4v")` are "C4v"; "C1h" is "Cs", "S2" is "Ci".

    Raises: ValueError for any other name.
    """
    known = {g: g for g in _GROUPS} | {hm: g for g, (hm, _) in _GROUPS.items()} | _ALIASES
    if name not in known:
        raise _unknown("point group", name, known)
    return known[name]


def hermann_mauguin(group: str) -> str:
    """Hermann-Mauguin (international, short) name of a point group: "4mm" for "C4v"."""
    return _GROUPS[point_group(group)][0]


def generators(group: str) -> Array:
    """Orthogonal matrices (n, 3, 3), n <= 3, whose products are the whole group."""
    return np.array([_OPERATIONS[key] for key in _GROUPS[point_group(group)][1].split()])


def elements(group: str) -> Array:
    """All operations (order, 3, 3) of the group, the identity first."""
    found = [np.eye(3)]
    for element in found:  # grows while it is read, until the products close
        for generator in generators(group):
            product = generator @ element
            if np.abs(np.array(found) - product).max(axis=(1, 2)).min() > 1e-6:
                found.append(product)
    return np.array(found)


def _action(operation: Array, symmetry: TensorSymmetry) -> Array:
    """Matrix by which an operation acts on the flattened tensor."""
    action = np.eye(1) * (np.sign(np.linalg.det(operation)) if symmetry.pseudo else 1.0)
    for _ in range(symmetry.rank):
        action = np.kron(action, operation)
    return action


def _row_space(rows: Array) -> Array:
    """Orthonormal basis of the span of the rows."""
    _, size, basis = np.linalg.svd(rows, full_matrices=False)
    return basis[size > 1e-9]


def _readable(rows: Array) -> Array:
    """Basis of the span of the rows in which each vector has an entry 1 that the others lack.

    As a reduced row echelon form, but each such entry is one of the largest left in the span, so
    that numbers stay of order one in every orientation. Ties go to the first, as in textbooks.
    """
    orthonormal = _row_space(rows)
    projector = orthonormal.T @ orthonormal
    left, pivots = projector, []
    for _ in orthonormal:
        weight = np.diag(left)
        pivots.append(int(np.argmax(weight > weight.max() - 1e-6)))
        left = left - np.outer(left[:, pivots[-1]], left[pivots[-1]]) / weight[pivots[-1]]
    pivots.sort()
    basis = np.linalg.solve(projector[np.ix_(pivots, pivots)], projector[pivots])
    whole = np.round(basis)
    return np.where(np.abs(basis - whole) < 1e-12, whole, basis) + 0.0  # -0 becomes 0


@lru_cache
def _crystal_basis(group: str, name: str) -> Array:
    """Allowed tensors in crystal axes, flattened: (n_free, 3**rank). Names must be canonical."""
    symmetry = tensors[name]
    one = np.eye(3**symmetry.rank)
    conditions = [_action(operation, symmetry) - one for operation in generators(group)]
    if symmetry.symmetric:
        swap = one.reshape((3, 3, -1, len(one))).swapaxes(0, 1).reshape(one.shape)
        conditions.append(swap - one)
    _, size, vectors = np.linalg.svd(np.concatenate(conditions))
    return _readable(vectors[np.count_nonzero(size > 1e-9) :])


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


def allowed_tensor(group: str, name: str, orientation: Axes = None) -> Array:
    """Basis of the tensors that a point group allows, in lab axes.

    Args:
        group: point group, Schoenflies or Hermann-Mauguin.
        name: a key of `tensors`: D, Gamma, gamma, spin_field, alpha, theta, kappa or beta.
        orientation: proper rotation (3, 3), columns the crystal axes in the lab; None: identity.

    Returns:
        (n_free, 3, 3), for beta (n_free, 3, 3, 3), without units; n_free = 0: none allowed.

    Example: `allowed_tensor("C4v", "gamma")` is [[[0, 1, 0], [-1, 0, 0], [0, 0, 0]]] (Rashba).
    """
    group = point_group(group)
    if name not in tensors:
        raise _unknown("tensor", name, tensors)
    basis = _crystal_basis(group, name)
    if orientation is not None:
        basis = _readable(basis @ _action(_rotation(orientation), tensors[name]).T)
    return basis.reshape((-1, *(3,) * tensors[name].rank)).copy()


def _form(basis: Array) -> str:
    """General linear combination of the basis with coefficients a, b, c, .. as nested lists."""
    cells = np.full(basis.shape[1:], "", dtype=object)
    for letter, vector in zip(ascii_letters, basis, strict=False):
        for index in np.argwhere(vector):
            factor = f"{vector[*index]:+.4g}"
            cells[*index] += (factor[0] if factor[1:] == "1" else factor) + letter
    cells = np.vectorize(lambda cell: cell.removeprefix("+") or "0", otypes=[object])(cells)
    return str(cells.tolist()).replace("'", "")


def allowed_form(group: str, name: str, orientation: Axes = None) -> str:
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


def forbidden_part(group: str, name: str, tensor: ArrayLike, orientation: Axes = None) -> Array:
    """The tensor minus its orthogonal projection on the allowed ones: zero where it is allowed.

    Full tensors are (3, 3), beta (3, 3, 3). Two-dimensional ones are D (2, 2), the xy block; gamma,
    spin_field, alpha (3, 2) and beta (3, 3, 2), space along x, y; theta, kappa (3,), theta_iz.
    The entries these lack are free: one is allowed if it can be completed to an allowed tensor.

    Returns: array of the shape and unit of `tensor`.
    """
    basis = allowed_tensor(group, name, orientation)
    value, cut = _entries(name, tensor)
    allowed = _row_space(basis[:, *cut].reshape(len(basis), value.size))
    return value - (allowed.T @ (allowed @ value.ravel())).reshape(value.shape)


def is_allowed(group: str, name: str, tensor: ArrayLike, orientation: Axes = None, tol: float = 1e-12) -> bool:
    """Whether the forbidden part is at most `tol` times the tensor's largest entry."""
    forbidden = forbidden_part(group, name, tensor, orientation)
    return bool(np.abs(forbidden).max() <= tol * np.abs(np.asarray(tensor)).max())


def _nothing_allowed(group: str, name: str) -> str:
    symmetry = tensors[name]
    kind = f"{'pseudotensor' if symmetry.pseudo else 'tensor'} of rank {symmetry.rank}"
    odd = symmetry.pseudo ^ bool(symmetry.rank % 2)  # changes sign under inversion
    inverts = any(np.allclose(element, -np.eye(3)) for element in elements(group))
    reason = "it has inversion" if odd and inverts else f"its operations leave no such {kind}"
    return f"{name} is not allowed by point group {group!r} ({reason})"


def _misfit(group: str, name: str, tensor: ArrayLike, orientation: Axes) -> str:
    """Names the entry with the largest forbidden part, the first of equals."""
    value, cut = _entries(name, tensor)
    forbidden = np.abs(forbidden_part(group, name, tensor, orientation)).ravel()
    worst = int(np.argmax(forbidden > forbidden.max() * (1 - 1e-6)))
    label = reduce(np.char.add, np.ix_(*[list("xyz")] * tensors[name].rank))[cut].ravel()[worst]
    entry = f"{name} component {label} = {value.flat[worst]:.6g}"
    basis = allowed_tensor(group, name, orientation)[:, *cut]
    form = _form(_readable(basis.reshape(len(basis), -1)).reshape(-1, *value.shape))
    if basis.reshape(len(basis), -1)[:, worst].any():
        return f"{entry} does not fit the form that point group {group!r} allows: {form}"
    return f"{entry} is not allowed by point group {group!r}; allowed form: {form}"


def check_allowed(group: str, name: str, tensor: ArrayLike, orientation: Axes = None, tol: float = 1e-12) -> None:
    """Raise ValueError, with the worst entry and the allowed form, unless the tensor is allowed.

    Shapes as in `forbidden_part`, `tol` as in `is_allowed`.
    """
    if is_allowed(group, name, tensor, orientation, tol):
        return
    if not len(allowed_tensor(group, name)):
        raise ValueError(_nothing_allowed(group, name))
    raise ValueError(_misfit(group, name, tensor, orientation))
