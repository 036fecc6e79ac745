"""Tensors that the operations of a group leave as they are: bases of them, made to be read."""

from typing import Any, NamedTuple

import numpy as np

from jusadel.device.material.magnetic_groups import Group
from jusadel.device.material.point_groups import Array


class TensorSymmetry(NamedTuple):
    """How a tensor transforms, and the part of it that enters with gradients along x and y only."""

    rank: int
    pseudo: bool
    symmetric: bool  # in one pair of indices
    plane: tuple[Any, ...]  # index of the entries kept in two dimensions; `...` keeps all
    spins: int = 1  # so many indices, the first ones, are of spin
    odd: bool = False  # under time reversal
    pair: tuple[int, int] = (0, 1)  # of indices, in which it is symmetric where it is


def transformation(space: Array, spin: Array, time: float, symmetry: TensorSymmetry) -> Array:
    """Matrix by which an operation acts on the flattened tensor."""
    axial = symmetry.pseudo != bool(symmetry.spins % 2)  # what the spin indices have not brought
    matrix: Any = np.eye(1) * (np.sign(np.linalg.det(space)) if axial else 1.0) * (time if symmetry.odd else 1.0)
    for index in range(symmetry.rank):
        matrix = np.kron(matrix, spin if index < symmetry.spins else space)
    return matrix


def row_space(rows: Array) -> Array:
    """Orthonormal basis of the span of the rows."""
    _, size, basis = np.linalg.svd(rows, full_matrices=False)
    return basis[size > 1e-9]


def readable(rows: Array) -> Array:
    """Basis of the span of the rows in which each vector has an entry 1 that the others lack.

    As a reduced row echelon form, but each such entry is one of the largest left in the span, so
    that numbers stay of order one in every orientation. Ties go to the first, as in textbooks.
    """
    orthonormal = row_space(rows)
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


def invariant_tensors(group: Group, symmetry: TensorSymmetry) -> Array:
    """Basis of the tensors that the group allows in crystal axes, flattened: (n_free, 3**rank)."""
    one = np.eye(3**symmetry.rank)
    operations = zip(group.space, group.spin, group.time, strict=True)
    conditions = [transformation(*operation, symmetry) - one for operation in operations]
    if symmetry.symmetric:
        swap = one.reshape((3,) * symmetry.rank + one.shape[1:]).swapaxes(*symmetry.pair).reshape(one.shape)
        conditions.append(swap - one)
    _, size, vectors = np.linalg.svd(np.concatenate(conditions), full_matrices=False)
    return readable(vectors[np.count_nonzero(size > 1e-9) :])
