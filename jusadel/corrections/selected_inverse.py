"""Blocks of the inverse of a sparse Hermitian matrix, where the matrix itself has blocks, and their derivative.

Front by front (`dissection`), with pivots P and border B of the matrix F that is left there,

    X = F_PP^-1 F_PB,     F_BB <- F_BB - F_PB^+ X,

and back from the last front with Z the inverse,

    Z_PB = - X Z_BB,     Z_PP = F_PP^-1 - Z_PB X^+.

No other entries of Z are needed (Takahashi et al. 1973, Erisman and Tinney 1975). All matrices are stacks (t, ., .):
the matrix alone, or with its derivative along some direction behind it, and then so is what comes out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from jusadel.corrections.dissection import Front, downwards


def selected_inverse(fronts: Sequence[Front], blocks: np.ndarray) -> np.ndarray:
    """Blocks of the inverse at the places of the given ones, (t, k, c, c), as these are in shape.

    Args:
        fronts: of the pattern, which has k blocks.
        blocks: of a Hermitian matrix whose leading blocks are regular in every order, as those of a quasi-definite one
            are, (1, k, c, c); or of that matrix and of its derivative, (2, k, c, c).

    Raises:
        numpy.linalg.LinAlgError: an exactly singular matrix.
    """
    eliminated = []
    left: dict[int, np.ndarray] = {}
    for number, front in enumerate(fronts):
        F = _assembled(front, blocks)
        for child, places in front.children:
            _add(F, _spread(places, blocks), left.pop(child))
        p = front.pivots * blocks.shape[-1]
        inverse = _inverse(F[:, :p, :p])
        X = _times(inverse, F[:, :p, p:])
        eliminated.append((inverse, X))
        left[number] = F[:, p:, p:] - _times(_adjoint(F[:, :p, p:]), X)
    return _back(fronts, blocks, eliminated)


def _back(fronts: Sequence[Front], blocks: np.ndarray, eliminated: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """The blocks of the inverse, from the last front to the first."""
    found, borders = np.empty_like(blocks), {len(fronts) - 1: blocks[:, :0].reshape(len(blocks), 0, 0)}
    for number, front in downwards(fronts):
        inverse, X = eliminated.pop()
        Z_BB = borders.pop(number)
        Z_PB = -_times(X, Z_BB)
        Z_PP = inverse - _times(Z_PB, _adjoint(X))
        Z = np.block([[Z_PP, Z_PB], [_adjoint(Z_PB), Z_BB]])
        for child, places in front.children:
            borders[child] = _taken(Z, _spread(places, blocks))
        _keep(found, front, Z)
    return found


# --- blocks --------------------------------------------------------------------------------------


def _assembled(front: Front, blocks: np.ndarray) -> np.ndarray:
    """The blocks of the matrix that belong to the pivots of a front, (t, size c, size c)."""
    t, c = len(blocks), blocks.shape[-1]
    F = np.zeros((t, front.size, front.size, c, c), blocks.dtype)
    F[:, front.rows, front.columns] = blocks[:, front.slots]
    F[:, front.below, front.left] = blocks[:, front.turned]
    return F.swapaxes(2, 3).reshape(t, front.size * c, front.size * c)


def _keep(found: np.ndarray, front: Front, Z: np.ndarray) -> None:
    """Put the blocks of the inverse where the matrix has its own."""
    t, c = len(found), found.shape[-1]
    Z = Z.reshape(t, front.size, c, front.size, c).swapaxes(2, 3)
    found[:, front.slots] = Z[:, front.rows, front.columns]
    found[:, front.turned] = Z[:, front.below, front.left]


def _spread(places: np.ndarray, blocks: np.ndarray) -> np.ndarray:
    """The rows of blocks at these places."""
    c = blocks.shape[-1]
    return (places[:, None] * c + np.arange(c)).ravel()


def _add(F: np.ndarray, rows: np.ndarray, S: np.ndarray) -> None:
    for k in range(len(F)):
        F[k][np.ix_(rows, rows)] += S[k]


def _taken(Z: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return np.stack([part[np.ix_(rows, rows)] for part in Z])


# --- stacks of a matrix and its derivative -------------------------------------------------------


def _times(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The product, and its derivative."""
    if len(a) == 1:
        return a @ b
    return np.stack([a[0] @ b[0], a[1] @ b[0] + a[0] @ b[1]])


def _inverse(a: np.ndarray) -> np.ndarray:
    """The inverse, and its derivative."""
    inverse = np.linalg.inv(a[0])
    return inverse[None] if len(a) == 1 else np.stack([inverse, -inverse @ a[1] @ inverse])


def _adjoint(a: np.ndarray) -> np.ndarray:
    return a.conj().swapaxes(1, 2)
