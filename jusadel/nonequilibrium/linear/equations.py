"""The sparse linear equations for distributions, B f + r0: put together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from jusadel.action.matrices.stiffness import diffusion_pairs
from jusadel.action.mesh_action import DiscreteAction
from jusadel.nonequilibrium.keldysh import ALL_MODES, KeldyshBlocks, Modes

REALITY = 1e-8
"""Largest imaginary part of B, relative to its entries, that counts as round-off."""


@dataclass(frozen=True)
class LinearEquations:
    """B f + r0 for the f (N, b) of all nodes, those behind barriers included."""

    B: sp.csr_matrix  # (N b, N b) real
    source: np.ndarray  # (N, b) r0

    def __call__(self, f: np.ndarray) -> np.ndarray:
        """B f + r0, (N, b): zero at free nodes; where f is given, half the current into the device."""
        return self.of(f) + self.source

    def of(self, f: np.ndarray) -> np.ndarray:
        """B f, (N, b)."""
        return (self.B @ np.ravel(f)).reshape(self.source.shape)


class Assembly:
    """Where the blocks go in the sparse matrix: made once a mesh and number of modes, for all energies."""

    def __init__(self, system: DiscreteAction, modes: Modes = ALL_MODES) -> None:
        self.nodes, self.b = len(system.free), len(modes)
        itself, corners = np.arange(self.nodes)[:, None], np.asarray(system.triangles)
        row, column, _ = diffusion_pairs(system)
        between = [(itself, itself), (row[:, None], column[:, None]), (corners, corners)]
        between += [(np.asarray(joint.pairs),) * 2 for joint in system.joints]
        self._places = [self._entries(*nodes) for nodes in between]

    def _entries(self, of: np.ndarray, by: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns of the blocks (e, p, b, q, b) of equations of nodes (e, p) and f of nodes (e, q)."""
        mode = np.arange(self.b)
        row, column = ((nodes[:, :, None] * self.b + mode).reshape(len(nodes), -1) for nodes in (of, by))
        return np.repeat(row, column.shape[1], axis=1).ravel(), np.tile(column, (1, row.shape[1])).ravel()

    def equations(self, found: KeldyshBlocks) -> LinearEquations:
        """The sparse matrix and the source.

        Raises:
            ValueError: they are not real, so R and A are not retarded and advanced solutions of one energy.
        """
        parts = (found.nodes, found.neighbours, found.cells, *found.joints)
        present = [(x.ravel(), *place) for x, place in zip(parts, self._places, strict=True) if x is not None]
        data, row, column = (np.concatenate(x) for x in zip(*present, strict=True))
        data, source = (_real_part(x) for x in (data, found.source))
        size = self.nodes * self.b
        return LinearEquations(sp.csr_matrix((data, (row, column)), shape=(size, size)), source)


def _real_part(x: np.ndarray) -> np.ndarray:
    largest = np.abs(x).max(initial=0.0)
    if not np.isfinite(largest) or np.abs(x.imag).max(initial=0.0) > REALITY * max(largest, 1e-300):
        raise ValueError(
            f"the kinetic equations have an imaginary part of {np.abs(x.imag).max():.1e} beside entries of "
            f"{largest:.1e}: R and A must be the retarded and advanced matrices of one energy, A = -R3 R^+ R3"
        )
    return x.real
