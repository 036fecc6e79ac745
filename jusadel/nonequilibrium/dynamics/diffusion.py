"""Diffusion without links between two frequencies, in closed form: S = -(1/4) K_ij Tr(G_i G_j).

A vector potential turns G_j against G_i by exp(-l_ij S R3), l_ij its line integral from i to j within each triangle, so
that to second order, with C = [S R3, G],

    b_i = (1/2) Sum_j (K l)_ij Tr(T_i C_j),     k = (1/4) Sum_ij (K l l')_ij Tr(G_i (G_j + R3 G'_j R3)),

G' being the G of the other frequency, and both taken in turn.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from jusadel.action.matrices.stiffness import of_cells
from jusadel.action.mesh_action import DiscreteAction
from jusadel.action.nambu import R
from jusadel.nonequilibrium.dynamics.doubled import STEPS, Frames


class Diffusion:
    """Its share of the equations; made once a device."""

    def __init__(self, system: DiscreteAction) -> None:
        self._of_cells, self._triangles = of_cells(system.cells, "D"), np.asarray(system.triangles)
        self._n = len(system.free)
        self.stiffness = self._summed(np.ones_like(self._of_cells))
        found = sp.coo_matrix(self.stiffness)
        self.row, self.column, self.K = found.row, found.col, found.data

    def _summed(self, factor: np.ndarray) -> sp.csr_matrix:
        """K_ij times factors (m, 3, 3) of each triangle."""
        rows, columns = (np.broadcast_to(x, factor.shape).ravel() for x in _pairs(self._triangles))
        return sp.csr_matrix(((self._of_cells * factor).ravel(), (rows, columns)), (self._n,) * 2)

    def slope(self, G: np.ndarray) -> np.ndarray:
        """Phi (N, 4, 4), S = Tr(Phi dG)."""
        return -_times(self.stiffness, G) / 2

    def across(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """-(1/2) K_ij Tr(left_ia right_jb) of tangents (N, 8, 4, 4), (e, 8, 8)."""
        one, other = (x.reshape(-1, STEPS, 16) for x in (left, right.swapaxes(-1, -2)))
        return -self.K[:, None, None] / 2 * (one[self.row] @ other[self.column].swapaxes(-1, -2))

    def turned(self, turns: np.ndarray) -> sp.csr_matrix:
        """K_ij l_ij from the turns (m, 3) of corners."""
        return self._summed(turns[:, None, :] - turns[:, :, None])

    def turned_twice(self, one: np.ndarray, other: np.ndarray) -> sp.csr_matrix:
        """K_ij l_ij l'_ij."""
        return self._summed((one[:, None, :] - one[:, :, None]) * (other[:, None, :] - other[:, :, None]))


def driven_diffusion(turned: sp.csr_matrix, at: Frames, back: np.ndarray) -> np.ndarray:
    """b (N, 8) from K_ij l_ij and the tangents T (N, 8, 4, 4) along p."""
    first, second = at.matrices
    C = R[2] @ second - first @ R[2]
    return np.einsum("naij,nji->na", back, _times(turned, C)) / 2


def own_diffusion(twice: sp.csr_matrix, at: Frames) -> complex:
    """k from K_ij l_ij l'_ij."""
    first, second = at.matrices
    total = 0.0 + 0.0j
    for G, H in ((first, second), (second, first)):
        total += np.einsum("nij,nji->", G, _times(twice, G + R[2] @ H @ R[2])) / 4
    return complex(total)


def _times(matrix: sp.csr_matrix, G: np.ndarray) -> np.ndarray:
    return (matrix @ G.reshape(-1, 16)).reshape(G.shape)


def _pairs(triangles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return triangles[:, :, None], triangles[:, None, :]
