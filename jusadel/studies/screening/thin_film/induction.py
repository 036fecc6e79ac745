"""What a film's currents do to each other: fluxes and edge integrals of the vector potential of a stream function.

Of g, the currents curl(g z) have the fluxes Q g through the hats and, by Biot and Savart, the edge integrals M g. To
these belongs the smallest correction with which hats see of them exactly Q g: it falls as the square of the mesh size
for smooth currents. Films with few nodes have Q and M as matrices, others as sums over triangles (`pair_sums`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import scipy
import scipy.sparse as sp
import scipy.sparse.linalg as sla

from jusadel.common.errors import SolveError
from jusadel.mesh.mesh import Mesh
from jusadel.studies.screening.model import factor
from jusadel.studies.screening.thin_film.levels import Levels, levels_of
from jusadel.studies.screening.thin_film.pair_sums import PairSums, pair_sums
from jusadel.studies.screening.thin_film.sheet_currents import SheetCurrents, mean_of_links
from jusadel.studies.screening.thin_film.triangle_potentials import NearPairs, moments, near_lines, near_triangles

DENSE = 3000
"""Nodes up to which all pairs stand in matrices."""
ACCURACY = 1e-12
"""Of currents from fluxes."""


class Induction(Protocol):
    """Fluxes through hats (K,) and edge integrals (e,) that belong to values of a stream function (K,)."""

    def times(self, g: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Q g and M g."""

    def transposed(self, fluxes: np.ndarray, edges: np.ndarray) -> np.ndarray:
        """Q fluxes + M^T edges, (K,)."""

    def solve(self, fluxes: np.ndarray) -> np.ndarray:
        """Q^-1 fluxes, (K,)."""

    def nearly(self, london: sp.bsr_matrix, on_edges: sp.csr_matrix) -> Callable[[np.ndarray], np.ndarray]:
        """What nearly solves Q + M^T (london of the edges) M; `on_edges` (e, e) is the same energy as a matrix."""


@dataclass(frozen=True)
class InductionMatrices:
    """As matrices."""

    Q: np.ndarray = field(repr=False)
    M: np.ndarray = field(repr=False)
    currents: SheetCurrents
    mesh: Mesh

    def times(self, g: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Q g and M g."""
        return self.Q @ g, self.M @ g

    def transposed(self, fluxes: np.ndarray, edges: np.ndarray) -> np.ndarray:
        """Q fluxes + M^T edges."""
        return np.asarray(self.Q @ fluxes + self.M.T @ edges)

    @cached_property
    def _factors(self) -> Any:
        return scipy.linalg.cho_factor(self.Q)

    def solve(self, fluxes: np.ndarray) -> np.ndarray:
        """Q^-1 fluxes."""
        return np.asarray(scipy.linalg.cho_solve(self._factors, fluxes))

    def nearly(self, london: sp.bsr_matrix, on_edges: sp.csr_matrix) -> Callable[[np.ndarray], np.ndarray]:
        """(Q + Q k^-1 Q)^-1 = (Q + k)^-1 k Q^-1, with the energy k of the pairs' motion for the currents alone."""
        kinetic = _kinetic(self.mesh, self.currents, london)
        both = scipy.linalg.cho_factor(self.Q + kinetic.toarray(), overwrite_a=True)
        return lambda r: scipy.linalg.cho_solve(both, kinetic @ self.solve(r))


def _kinetic(mesh: Mesh, currents: SheetCurrents, london: sp.bsr_matrix) -> sp.csr_matrix:
    """Int K (d2f/dA2)^-1 K of stream functions, (K, K)."""
    mean, areas = mean_of_links(mesh), np.asarray(mesh.areas)
    each = np.einsum("mil,mlk,mjk->mij", mean, np.linalg.inv(london.data[: len(areas)]), mean)
    each = each * areas[:, None, None] ** 2
    blocks = sp.block_array([[sp.diags(each[:, i, j]) for j in (0, 1)] for i in (0, 1)])
    return sp.csr_matrix(currents.current.T @ blocks @ currents.current)


@dataclass(frozen=True)
class InductionBySums:
    """As sums over triangles."""

    sums: PairSums
    currents: SheetCurrents
    mesh: Mesh
    permeability: float

    def times(self, g: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Q g and M g, of one g or of several (K, k)."""
        m, K = len(self.mesh.triangles), self.currents.current @ g.reshape(len(g), -1)
        count = K.shape[1]
        s = self.permeability / (4 * np.pi) * self.sums.times(np.concatenate([K[:m], K[m:]], axis=1))
        x, y = s[:, :count], s[:, count:]
        fluxes = self.currents.current.T @ np.concatenate([x[:m], y[:m]])
        edges = self._along[:, :1] * x[m:] + self._along[:, 1:] * y[m:]
        edges += self._hats.T @ self._solve(fluxes - self._hats @ edges)
        return fluxes.reshape(g.shape), edges.reshape(-1, *g.shape[1:])

    def transposed(self, fluxes: np.ndarray, edges: np.ndarray) -> np.ndarray:
        """Q fluxes + M^T edges, (K,)."""
        m, seen = len(self.mesh.triangles), self._solve(self._hats @ edges)
        K = (self.currents.current @ (fluxes + seen)).reshape(2, m).T
        left = (edges - self._hats.T @ seen)[:, None] * self._along
        s = self.permeability / (4 * np.pi) * self.sums.transposed(np.concatenate([K, left]))
        return np.asarray(self.currents.current.T @ s.T.ravel())

    def solve(self, fluxes: np.ndarray) -> np.ndarray:
        """Q^-1 fluxes, by conjugate gradients.

        Raises:
            SolveError: they do not converge.
        """
        n = len(fluxes)
        Q, near = (sla.LinearOperator((n, n), matvec=f, dtype=float) for f in (lambda g: self.times(g)[0], self._alone))
        found, failed = sla.cg(Q, fluxes, rtol=ACCURACY, M=near, maxiter=500)
        if failed:
            raise SolveError("the currents of given fluxes did not converge: see whether the mesh has flat triangles")
        return np.asarray(found)

    def nearly(self, london: sp.bsr_matrix, on_edges: sp.csr_matrix) -> Callable[[np.ndarray], np.ndarray]:
        """Level by level."""
        mean, areas = mean_of_links(self.mesh), np.asarray(self.mesh.areas)
        stiffness = np.linalg.inv(np.einsum("mil,mlk,mjk->mij", mean, np.linalg.inv(london.data[: len(areas)]), mean))
        each = np.trace(stiffness, axis1=1, axis2=2) / 2 / areas * self.permeability**2 / 4
        return self._levels.solver(self.currents.hats.T @ each, on_edges)

    @cached_property
    def _levels(self) -> Levels:
        return levels_of(
            self.currents, self.permeability / (4 * np.pi) * self.sums.near[: len(self.mesh.triangles)], self
        )

    @cached_property
    def _alone(self) -> Callable[[np.ndarray], np.ndarray]:
        e = len(self.mesh.edges)
        return self._levels.solver(np.zeros(self.currents.current.shape[1]), sp.csr_matrix((e, e)))

    @property
    def _hats(self) -> sp.csr_matrix:
        return self.currents.through_hats

    @cached_property
    def _solve(self) -> Callable[[np.ndarray], np.ndarray]:
        return factor((self._hats @ self._hats.T).tocsc()).solve

    @cached_property
    def _along(self) -> np.ndarray:
        start, end = _ends(self.mesh)
        return (end - start) / np.linalg.norm(end - start, axis=1)[:, None]


def induction_of(mesh: Mesh, currents: SheetCurrents, permeability: float) -> Induction:
    """That of a film for which A = (permeability/4 pi) Int K/|r - r'|."""
    if len(mesh.points) > DENSE:
        return InductionBySums(_pair_sums(mesh, currents), currents, mesh, permeability)
    Q, M, hats = currents.inductances(permeability), currents.along_edges(mesh, permeability), currents.through_hats
    M += hats.T @ factor((hats @ hats.T).tocsc()).solve(Q - hats @ M)
    return InductionMatrices(Q, M, currents, mesh)


def _pair_sums(mesh: Mesh, currents: SheetCurrents) -> PairSums:
    corners, ends = currents.corners, _ends(mesh)
    m, parts = len(corners), (near_triangles(currents.triangles, corners), near_lines(*ends, corners))
    first = np.concatenate([parts[0].first, m + parts[1].first])
    second, values = (np.concatenate([getattr(x, name) for x in parts]) for name in ("second", "values"))
    near = NearPairs(first, second, values, m)
    members = moments(corners).joined(moments(np.stack(ends, axis=1)))
    return pair_sums(members, near)


def _ends(mesh: Mesh) -> tuple[np.ndarray, np.ndarray]:
    points = np.asarray(mesh.points)
    return points[mesh.edges[:, 0]], points[mesh.edges[:, 1]]
