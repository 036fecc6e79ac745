"""Flexible GMRES (Saad 2003, algorithm 9.6) for one right-hand side, in the precision of its numbers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Linear = Callable[[np.ndarray], np.ndarray]


def flexible_gmres(
    apply: Linear, precondition: Linear, b: np.ndarray, accuracy: float, limit: int
) -> tuple[np.ndarray, int]:
    """About the solution of apply(x) = b, and the number of iterations.

    Args:
        apply: of (n,) to (n,).
        precondition: about its inverse.
        b: (n,), not zero.
        accuracy: the relative residual to reach.
        limit: most iterations, whose vectors are all kept.
    """
    size, H = np.linalg.norm(b), np.zeros((limit + 1, limit))
    basis, tried = np.empty((limit + 1, len(b)), b.dtype), np.empty((limit, len(b)), b.dtype)
    basis[0], first = b / size, size * np.eye(limit + 1)[0]
    for k in range(limit):
        tried[k] = precondition(basis[k])
        w = apply(tried[k])
        for _ in range(2):  # which round-off needs
            along = basis[: k + 1] @ w
            w, H[: k + 1, k] = w - along @ basis[: k + 1], H[: k + 1, k] + along
        H[k + 1, k] = length = np.linalg.norm(w)
        y = np.linalg.lstsq(H[: k + 2, : k + 1], first[: k + 2], rcond=None)[0]
        if not np.linalg.norm(H[: k + 2, : k + 1] @ y - first[: k + 2]) > accuracy * size or not length:
            break
        basis[k + 1] = w / length
    return y.astype(b.dtype) @ tried[: k + 1], k + 1
