"""Distributions by GMRES with an algebraic multigrid cycle over nodes, each with all of its modes.

Around a gap's edge the modes diffuse at rates that differ by decades, from each other and from place to place, and turn
into each other. So a node's modes are smoothed together (Gauss-Seidel by blocks), and the coarse equations are
P^T B P: B itself for smooth f. P is that of the mesh's stiffness matrix, one for all modes and energies. What is
constant everywhere, the equilibrium, which always solves the equations, is among what it gives.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cached_property

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as sla

from jusadel.action.matrices.stiffness import stiffness, with_joints
from jusadel.action.mesh_action import DiscreteAction
from jusadel.common.errors import SolveError
from jusadel.nonequilibrium.linear.factors import Factors, scale_of
from jusadel.solver.linear import StagnationWarning
from jusadel.solver.linear.multigrid import aggregated

COARSEST = 100
"""Nodes of the coarsest level at most, which is factorised."""
ACCURACY, RESTART = 1e-6, 50
"""Relative residual of GMRES, which is called once more for what is left, and its iterations before it restarts."""
MODES = 8


class Coarsening:
    """Which coarse nodes stand for the nodes of a device; made once for all energies.

    Args:
        system: the discrete action.
        limit: most iterations for one right-hand side.
    """

    def __init__(self, system: DiscreteAction, limit: int) -> None:
        levels = aggregated(with_joints(stiffness(system), system), np.asarray(system.free), COARSEST)
        self.prolongations = [sp.kron(level.P, sp.eye(MODES), format="csr") for level in levels[:-1]]
        self.count, self.limit = MODES * len(system.free), limit

    def factors(self, unknown: np.ndarray) -> Callable[[sp.spmatrix], Iterated]:
        """What stands in place of `Factors.of` for the matrix of these unknowns, (N, 8) bool."""
        return lambda matrix: Iterated(matrix, np.flatnonzero(unknown), self)


class Iterated:
    """A matrix (k, k) of the unknowns at these places of all N times eight, solved as by its `Factors`.

    Where the iterations do not converge the factors take over, with a StagnationWarning.
    """

    def __init__(self, matrix: sp.spmatrix, at: np.ndarray, coarsening: Coarsening) -> None:
        self._matrix, scale = matrix, scale_of(matrix)
        scaled = sp.csr_matrix(sp.diags(scale) @ matrix @ sp.diags(scale))
        self._iterations = Factors(scaled, scale, scale, _Iterations(scaled, at, scale, coarsening))

    def solve(self, rhs: np.ndarray) -> np.ndarray:
        """As `Factors.solve`."""
        return self._by_either(lambda factors: factors.solve(rhs))

    def solve_transposed(self, rhs: np.ndarray) -> np.ndarray:
        """As `Factors.solve_transposed`."""
        return self._by_either(lambda factors: factors.solve_transposed(rhs))

    def _by_either(self, solve: Callable[[Factors], np.ndarray]) -> np.ndarray:
        try:
            return solve(self._iterations)
        except SolveError as error:
            warnings.warn(
                f"the Krylov iterations for distributions stagnated ({error}); a direct solver takes over there. "
                "Where this happens often, pass linear_solver=jusadel.linear.SuperLU()",
                StagnationWarning,
                stacklevel=2,
            )
            return solve(self._direct)

    @cached_property
    def _direct(self) -> Factors:
        return Factors.of(self._matrix)


class _Iterations:
    """GMRES for a scaled matrix, or its transposed, among all nodes' modes, of which those not unknown stay zero."""

    def __init__(self, matrix: sp.csr_matrix, at: np.ndarray, scale: np.ndarray, coarsening: Coarsening) -> None:
        count, self._at, self._limit = coarsening.count, at, coarsening.limit
        place = sp.csr_matrix((np.ones(len(at)), (at, np.arange(len(at)))), shape=(count, len(at)))
        others = np.ones(count)
        others[at] = 0
        self._matrix = sp.csr_matrix(place @ matrix @ place.T + sp.diags(others))
        self._prolongations = list(coarsening.prolongations)
        for first in self._prolongations[:1]:  # nothing but for the unknowns, which are scaled
            self._prolongations[0] = sp.csr_matrix(place @ sp.diags(1 / scale) @ first[at])

    def __call__(self, b: np.ndarray, way: str = "N") -> np.ndarray:
        matrix, cycle = (self._matrix, self._cycle) if way == "N" else (self._matrix.T, self._transposed_cycle)
        limit, size, whole = self._limit, float(np.linalg.norm(b)), np.zeros(len(matrix.indptr) - 1)
        if not size:
            return np.zeros_like(b)
        whole[self._at] = b / size
        lengths = {"restart": min(RESTART, limit), "maxiter": -(-limit // RESTART)}
        precondition = sla.LinearOperator(matrix.shape, matvec=cycle, dtype=float)
        return size * sla.gmres(matrix, whole, rtol=ACCURACY, atol=0.0, M=precondition, **lengths)[0][self._at]

    @cached_property
    def _cycle(self) -> Cycle:
        return Cycle(self._matrix, self._prolongations)

    @cached_property
    def _transposed_cycle(self) -> Cycle:
        return Cycle(sp.csr_matrix(self._matrix.T), self._prolongations)


class Cycle:
    """One V-cycle for a matrix of nodes with eight modes each.

    Args:
        matrix: of the finest level.
        prolongations: to it, and on down.
    """

    def __init__(self, matrix: sp.csr_matrix, prolongations: list[sp.csr_matrix]) -> None:
        self._levels = []
        for up in prolongations:
            self._levels.append((_Level(matrix), up))
            matrix = _held(sp.csr_matrix(up.T @ matrix @ up))
        self._coarsest = sla.splu(sp.csc_matrix(matrix))

    def __call__(self, r: np.ndarray) -> np.ndarray:
        """About the solution for the right-hand side r (N 8,)."""
        return self._from(0, np.array(r, float).ravel())

    def _from(self, number: int, r: np.ndarray) -> np.ndarray:
        if number == len(self._levels):
            return self._coarsest.solve(r)
        level, up = self._levels[number]
        x = np.zeros_like(r)
        level.smooth(x, r, "forward")
        x += up @ self._from(number + 1, up.T @ (r - level.matrix @ x))
        level.smooth(x, r, "backward")
        return x


class _Level:
    """A matrix in blocks of a node's modes, and the inverse of those on its diagonal."""

    def __init__(self, matrix: sp.csr_matrix) -> None:
        from pyamg.util.utils import get_block_diag  # when it is first needed

        self.matrix = matrix.tobsr((MODES, MODES))
        self._inverse = _inverses(get_block_diag(self.matrix, MODES, inv_flag=False))

    def smooth(self, x: np.ndarray, r: np.ndarray, sweep: str) -> None:
        """x, by Gauss-Seidel in one direction, in place."""
        from pyamg.relaxation.relaxation import block_gauss_seidel

        block_gauss_seidel(self.matrix, x, r, 1, sweep, MODES, self._inverse)


def _inverses(blocks: np.ndarray) -> np.ndarray:
    """Of blocks (N, 8, 8), where they have one."""
    try:
        return np.linalg.inv(blocks)
    except np.linalg.LinAlgError:
        return np.linalg.pinv(blocks)


def _held(matrix: sp.csr_matrix) -> sp.csr_matrix:
    """With ones on the diagonal where a row has nothing: what no unknown takes part in."""
    return matrix + sp.diags((matrix.diagonal() == 0).astype(float))
