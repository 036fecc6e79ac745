"""Diffusion between two frequencies, in closed form: S = -(1/4) K_ij Tr(G_i G_j) of the corners of each cell.

K is the cell's stiffness matrix, and G_i stands here for what has been carried from the corner to the cell's middle, by
links that commute with R3. A drive's vector potential turns G_j against G_i by exp(-l_ij S R3), l_ij its line integral
from i to j within the cell, so that to second order, with C = [S R3, G],

    b_i = (1/2) Sum_j (K l)_ij Tr(T_i C_j),     k = (1/4) Sum_ij (K l l')_ij Tr(G_i (G_j + R3 G'_j R3)),

G' being the G of the other frequency, and both taken in turn.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from jusadel.action.matrices.links import all_middle_links
from jusadel.action.matrices.stiffness import of_cells
from jusadel.action.mesh_action import DiscreteAction
from jusadel.action.nambu import R
from jusadel.nonequilibrium.dynamics.two_frequencies.doubled import STEPS, Frames


class Diffusion:
    """Its share of the equations; made once a device."""

    def __init__(self, system: DiscreteAction) -> None:
        self.K, self.triangles = of_cells(system.cells, "D"), np.asarray(system.triangles)
        self._links = np.asarray(all_middle_links(system.cells)) if system.links else None
        corners = self.triangles.ravel()
        at = (np.ones(len(corners)), (corners, np.arange(len(corners))))
        self._to_nodes = sp.csr_matrix(at, shape=(len(system.free), len(corners)))

    def slope(self, G: np.ndarray) -> np.ndarray:
        """Phi (N, 4, 4), S = Tr(Phi dG)."""
        return -self._neighbours(self.K, G) / 2

    def across(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """-(1/2) K_ij Tr(left_ia right_jb) of tangents (N, 8, 4, 4), between corners (m, 3, 3, 8, 8)."""
        one, other = (self._seen(x).reshape(-1, 3 * STEPS, 16) for x in (left, right.swapaxes(-1, -2)))
        pairs = (one @ other.swapaxes(1, 2)).reshape(-1, 3, STEPS, 3, STEPS)
        return (-self.K[:, :, None, :, None] / 2 * pairs).swapaxes(2, 3)

    def turned(self, turns: np.ndarray) -> np.ndarray:
        """K_ij l_ij (m, 3, 3) from the turns (m, 3) of corners."""
        return self.K * _between(turns)

    def driven(self, turned: np.ndarray, at: Frames, back: np.ndarray) -> np.ndarray:
        """b (N, 8) from K_ij l_ij and the tangents T (N, 8, 4, 4) along p."""
        first, second = at.matrices
        C = R[2] @ second - first @ R[2]
        return np.einsum("naij,nji->na", back, self._neighbours(turned, C)) / 2

    def own(self, one: np.ndarray, other: np.ndarray, at: Frames) -> complex:
        """k of the turns (m, 3) of two drives."""
        first, second = at.matrices
        twice, total = self.K * _between(one) * _between(other), 0.0 + 0.0j
        for G, H in ((first, second), (second, first)):
            total += np.einsum("nij,nji->", G, self._neighbours(twice, G + R[2] @ H @ R[2])) / 4
        return complex(total)

    def _neighbours(self, weights: np.ndarray, G: np.ndarray) -> np.ndarray:
        """Sum over cells and their corners j of weights (m, 3, 3) times G_j (N, 4, 4), as seen from the nodes i."""
        total = weights @ self._seen(G).reshape(-1, 3, 16)
        total = total.reshape(-1, 3, 4, 4)
        if self._links is not None:
            total = self._links.swapaxes(-1, -2) @ total @ self._links
        return (self._to_nodes @ total.reshape(-1, 16)).reshape(G.shape)

    def _seen(self, X: np.ndarray) -> np.ndarray:
        """What stands at nodes, (N, ..., 4, 4), carried to the middle of cells, (m, 3, ..., 4, 4)."""
        at_corners = X[self.triangles]
        if self._links is None:
            return at_corners
        U = self._links.reshape(*self._links.shape[:2], *(1,) * (X.ndim - 3), 4, 4)
        return U @ at_corners @ U.swapaxes(-1, -2)


def _between(turns: np.ndarray) -> np.ndarray:
    """l_ij (m, 3, 3) from the turns (m, 3) of corners."""
    return turns[:, None, :] - turns[:, :, None]
