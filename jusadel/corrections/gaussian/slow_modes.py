"""The slowest modes: the lowest eigenvalues of J u = lambda w u, by Davidson's method in blocks.

It starts from the modes of the Ginzburg-Landau operator

    (pi/8T) D (-i nabla - 2 A)^2 + ln(T/Tc),     in normal metals with pi^2/4 in place of the logarithm,

which near Tc, and in uniform metals without spins at any T, are those of J already, and which is the preconditioner.
Blocks are larger than what is asked for, so that levels that coincide are all found.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import scipy.linalg
import scipy.sparse as sp
import scipy.sparse.linalg as sla

from jusadel.common.errors import SolveError
from jusadel.corrections.cooperon import PER_RATE
from jusadel.corrections.gaussian.pair_hessian import PairHessian
from jusadel.corrections.gaussian.pair_operator import PairOperator, PairSites
from jusadel.solver.linear.superlu import Factor, one_thread_each

Block = Callable[[np.ndarray], np.ndarray]

RESIDUAL = 1e-7
"""Of J u - lambda w u in the norm of 1/w; eigenvalues are as accurate as its square."""
DENSE = 600
"""Nodes up to which the operator of Ginzburg and Landau is diagonalised as a full matrix."""
MOST_STEPS = 60
WIDEST = 6
"""Blocks after which the subspace is made small again."""
SHIFT = 0.3
"""Above the lowest Ginzburg-Landau eigenvalue, what the preconditioner takes for slow."""


@dataclass(frozen=True, eq=False)
class GinzburgLandau:
    """The operator of Ginzburg and Landau at free nodes, (n, n) sparse, with the nodes' weights (n,)."""

    matrix: sp.csc_matrix
    weight: np.ndarray
    below: float  # all eigenvalues

    @classmethod
    def of(cls, hessian: PairHessian, sites: PairSites, T: float) -> GinzburgLandau:
        """That of a device at a temperature."""
        c, n = hessian.components, len(hessian.nodes)
        weight = np.asarray(hessian.system.nodes.weight)[hessian.nodes]
        condensing = np.bincount(sites.at, sites.weight, minlength=n)
        attraction = np.bincount(sites.at, sites.weight * np.log(T / sites.Tc), minlength=n)
        local = attraction + (weight - condensing).clip(0) * np.pi**2 / 4
        matrix = np.pi / (8 * T) / PER_RATE * hessian.bare[::c, ::c] + sp.diags(local)
        return cls(matrix.tocsc(), weight, float(np.log(T / sites.Tc.max())) - 0.1)

    def lowest(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Its lowest eigenvalues (m,) and modes (n, m)."""
        scale = sp.diags(1 / np.sqrt(self.weight))
        symmetric = scale @ self.matrix @ scale
        if len(self.weight) < max(DENSE, 10 * count):
            values, Z = scipy.linalg.eigh(symmetric.toarray(), subset_by_index=(0, count - 1))
            return values, scale @ Z
        inverse = Factor((symmetric - self.below * sp.eye(len(self.weight))).tocsc())
        operator = sla.LinearOperator(symmetric.shape, inverse.solve, dtype=symmetric.dtype)
        v0 = np.random.default_rng(0).normal(size=len(self.weight))
        values, Z = sla.eigsh(operator, count, which="LM", v0=v0)
        order = np.argsort(-values.real)
        return self.below + 1 / values.real[order], scale @ Z[:, order]

    def inverse(self, low: float) -> Factor:
        """Of the operator, shifted so that slow modes stay finite."""
        return Factor((self.matrix + (SHIFT - low) * sp.diags(self.weight)).tocsc())


class Guess(NamedTuple):
    """Where the search starts."""

    operator: GinzburgLandau
    values: np.ndarray  # (m,) of it, more than are wanted
    U: np.ndarray  # (n, m)

    @classmethod
    def of(cls, operator: GinzburgLandau, count: int) -> Guess:
        """For so many modes."""
        with one_thread_each():
            return cls(operator, *operator.lowest(min(len(operator.weight), count + max(4, count // 5))))


def slow_modes(J: PairOperator, guess: Guess, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The lowest eigenvalues (m,) and modes (K, m) with u^+ w u = 1.

    Raises:
        SolveError: no convergence.
    """
    with one_thread_each():
        return _slow_modes(J, guess, count)


def _slow_modes(J: PairOperator, guess: Guess, count: int) -> tuple[np.ndarray, np.ndarray]:
    sites, n = J.sites, len(guess.operator.weight)
    root = np.sqrt(sites.weight)[:, None]

    def apply(Z: np.ndarray) -> np.ndarray:
        return J(Z / root) / root

    if sites.count <= 3 * len(guess.values):
        dense = apply(np.eye(sites.count))
        values, Z = scipy.linalg.eigh((dense + dense.conj().T) / 2, subset_by_index=(0, count - 1))
        return values, Z / root
    inverse = guess.operator.inverse(guess.values[0])

    def preconditioned(R: np.ndarray) -> np.ndarray:
        return root * inverse.solve(sites.to_nodes(R / root, n))[sites.at]

    values, Z = _davidson(apply, preconditioned, _orthonormal(root * guess.U[sites.at]), count)
    return values, Z / root


def _davidson(apply: Block, preconditioned: Block, basis: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The lowest eigenvalues (count,) and orthonormal eigenvectors of a Hermitian operator, from a basis."""
    block, image = basis.shape[1], apply(basis)
    for _ in range(MOST_STEPS):
        values, vectors = scipy.linalg.eigh(basis.conj().T @ image)
        values, vectors = values[:block], vectors[:, :block]
        Z = basis @ vectors
        residual = image @ vectors - Z * values
        size = np.linalg.norm(residual, axis=0)
        if size[:count].max() < RESIDUAL:
            return values[:count], Z[:, :count]
        if basis.shape[1] > WIDEST * block:
            basis, image = Z, image @ vectors
        new = preconditioned(residual[:, size > RESIDUAL / 10])
        new = _orthonormal(new / np.linalg.norm(new, axis=0), basis)
        basis, image = np.hstack([basis, new]), np.hstack([image, apply(new)])
    raise SolveError(
        f"the {count} slowest modes were not found in {MOST_STEPS} steps: residual {size[:count].max():.1e}, wanted "
        f"{RESIDUAL:.0e}; ask for fewer modes, or refine the mesh"
    )


def _orthonormal(new: np.ndarray, basis: np.ndarray | None = None) -> np.ndarray:
    """New directions, orthogonal to a basis and to each other; those that it holds already fall out."""
    for _ in range(2):
        if basis is not None:
            new = new - basis @ (basis.conj().T @ new)
        Q, R, _ = scipy.linalg.qr(new, mode="economic", pivoting=True)
        size = np.abs(np.diagonal(R))
        new = Q[:, size > 1e-10 * max(size[0], 1e-300)]
    return new
