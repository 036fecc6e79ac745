"""Lanczos' method without restarts: a symmetric operator's smallest eigenvalue, and steps downhill along its modes.

With full orthogonalisation it stands inaccurate products.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import scipy.linalg
import scipy.sparse.linalg as sla

MOST, FEWEST = 200, 30
"""Steps; at least so many are taken where it is not known what the start may hold too little of."""
SOLVED = 1e-2
"""Of a gradient, what a step downhill may leave."""
EXHAUSTED = 1e-12
"""Of the largest diagonal element, below which the next basis vector is round-off."""
HALVINGS = 40
OVERLOOKED = 1e-3
"""Chance that a negative eigenvalue has not shown, which is small enough."""
INVARIANT = 1e-6
"""Of the largest diagonal element, what sticks out of a basis that holds all that the operator makes of the start."""

Vectors = Callable[[np.ndarray], np.ndarray]


class Tridiagonal(NamedTuple):
    """An operator in a basis x_k with x_j.M x_k = 1 for j = k, else 0; what sticks out of it is `beside[-1]`."""

    basis: np.ndarray  # (k, n)
    diagonal: np.ndarray  # (k,)
    beside: np.ndarray  # (k,)

    @property
    def exhausted(self) -> bool:
        """Whether the basis holds all that the operator makes of the start."""
        return bool(self.beside[-1] <= EXHAUSTED * np.abs(self.diagonal).max())

    def modes(self) -> tuple[np.ndarray, np.ndarray]:
        """Eigenvalues and eigenvectors in the basis."""
        return scipy.linalg.eigh_tridiagonal(self.diagonal, self.beside[:-1])


def _tridiagonals(operator: sla.LinearOperator, start: np.ndarray, inverse: Vectors) -> Iterator[Tridiagonal]:
    """A larger and larger basis; start is M x, and M > 0 is known by its inverse."""
    dual = np.zeros((min(len(start), MOST) + 1, len(start)))
    basis = np.zeros_like(dual)
    diagonal, beside = np.zeros(len(basis)), np.zeros(len(basis))
    u, x = start, inverse(start)
    length = np.sqrt(u @ x)
    for k in range(len(basis) - 1):
        dual[k], basis[k] = u / length, x / length
        u = operator @ basis[k]
        diagonal[k] = u @ basis[k]
        for _ in range(2):
            u = u - dual[: k + 1].T @ (basis[: k + 1] @ u)
        x = inverse(u)
        beside[k] = length = np.sqrt(max(u @ x, 0.0))
        yield Tridiagonal(basis[: k + 1], diagonal[: k + 1], beside[: k + 1])


def smallest_eigenvalue(
    operator: sla.LinearOperator, start: np.ndarray, tol: float, margin: float, free: np.ndarray | None = None
) -> tuple[float, np.ndarray]:
    """The smallest eigenvalue of a symmetric operator, and its unit vector.

    Steps end where it is settled and one that is smaller by more than `margin` would have shown, by the rule of
    `curvature`; or, after more than `FEWEST`, where it is settled to `margin` too.

    Args:
        operator: symmetric.
        start: a random vector, its components normal of variance one, or its sum with one that is known.
        tol: absolute accuracy.
        margin: absolute, > 0.
        free: a unit vector that may belong to the eigenvalue zero, as one product tells to within `margin`: then the
            others are looked for without it. Else the start holds much of it.
    """
    known = np.inf
    if free is not None:
        image = operator @ free
        if np.linalg.norm(image) < margin:
            known, operator, start = float(free @ image), _beside(operator, free), start - free * (free @ start)
        else:
            start = start + np.linalg.norm(start) * free
    value, vector = _smallest_of_rest(operator, start, tol, margin, known)
    return (value, vector) if free is None or value < known else (known, free)


def _beside(operator: sla.LinearOperator, x: np.ndarray) -> sla.LinearOperator:
    """The operator on vectors orthogonal to the unit vector x."""

    def product(z: np.ndarray) -> np.ndarray:
        y = operator @ np.ravel(z)
        return y - x * (x @ y)

    return sla.LinearOperator(operator.shape, matvec=product, dtype=float)


def _smallest_of_rest(
    operator: sla.LinearOperator, start: np.ndarray, tol: float, margin: float, known: float
) -> tuple[float, np.ndarray]:
    """The smallest eigenvalue, where one is known beside, with its vector; accurate where it is below the known one."""
    for found in _tridiagonals(operator, start, lambda u: u):
        values, vectors = found.modes()
        left = found.beside[-1] * abs(vectors[-1, 0])
        sure = _overlooked(values - min(values[0], known) + margin, found.beside, start @ start) < OVERLOOKED
        if found.exhausted or (sure and (left < tol or known < values[0])):
            break
        if len(values) > FEWEST and left < max(min(tol, margin), (values[0] - known) / 2):
            break
    return float(values[0]), found.basis.T @ vectors[:, 0]


def curvature(
    operator: sla.LinearOperator, start: np.ndarray, least: float, tol: float, inverse: Vectors = lambda u: u
) -> float:
    """The smallest eigenvalue of J x = lambda M x as far as its sign is known: what is found is never below it.

    It is negative as soon as one below `least` is found. Where the smallest one found is positive, a start that holds
    c of a mode with a negative eigenvalue would have shown it unless c < b_1...b_k/(t_1...t_k), with the eigenvalues t
    in the basis of k steps and what stuck out of it after each, b: these are the roots of the polynomial in J of norm
    b_1...b_k on the start, and the smallest of its kind. A random start of n components holds as little with the chance
    c sqrt(2 n/pi). Otherwise the smallest eigenvalue found is taken for what it is once it is settled.

    Args:
        operator: J, symmetric.
        start: M x of a random vector to start from.
        least: largest eigenvalue that counts as negative, <= 0.
        tol: accuracy of one that is near zero.
        inverse: of M > 0, by default one.
    """
    for found in _tridiagonals(operator, start, inverse):
        values, vectors = found.modes()
        if values[0] < least or found.beside[-1] <= INVARIANT * np.abs(found.diagonal).max():
            break
        settled = found.beside[-1] * abs(vectors[-1, 0]) < max(tol, values[0] / 2)
        if _overlooked(values, found.beside, len(start)) < OVERLOOKED or (settled and len(values) > FEWEST):
            break
    return float(values[0])


def _overlooked(values: np.ndarray, beside: np.ndarray, n: float) -> float:
    """The chance that none of these eigenvalues in a basis is negative although the operator has one that is.

    n is the square of the start's length over the variance of what is random in each of its components.
    """
    if values[0] <= 0:
        return 1.0
    with np.errstate(divide="ignore"):
        return float(np.exp(np.log(beside / values).sum() + np.log(2 * n / np.pi) / 2))


def downhill(
    operator: sla.LinearOperator,
    gradient: np.ndarray,
    allowed: Callable[[np.ndarray], bool],
    inverse: Vectors = lambda u: u,
) -> np.ndarray:
    """The step -|J|^-1 gradient, shortened along the softest modes until it is allowed.

    |J| has the moduli of J's eigenvalues: along every mode the step leads downhill, as Newton's own would not where
    the curvature is negative (Dauphin et al., arXiv:1406.2572). The eigenvalues count as no less than a floor, which
    is raised until the step is short enough, so that a nearly free mode does not hold back the stiff ones.

    Args:
        operator: J, symmetric.
        gradient: the gradient.
        allowed: whether a step is short enough.
        inverse: of the metric M > 0 in which eigenvalues are meant, by default one.
    """
    size = np.sqrt(gradient @ inverse(gradient))
    for found in _tridiagonals(operator, gradient, inverse):
        values, vectors = found.modes()
        moduli = np.maximum(np.abs(values), EXHAUSTED * np.abs(values).max())
        left = found.beside[-1] * abs(vectors[-1] @ (vectors[0] / moduli))
        if found.exhausted or left < SOLVED:
            break

    def step(floor: float) -> np.ndarray:
        return -size * (found.basis.T @ (vectors @ (vectors[0] / np.maximum(moduli, floor))))

    low, high = float(moduli.min()), float(moduli.max())
    if allowed(step(low)):
        return step(low)
    while not allowed(step(high)):
        high *= 4
    for _ in range(HALVINGS):
        middle = np.sqrt(low * high)
        low, high = (low, middle) if allowed(step(middle)) else (middle, high)
    return step(high)
