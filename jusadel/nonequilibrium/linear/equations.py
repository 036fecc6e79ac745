"""The sparse linear equations for distributions, B f + r0: put together."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from jusadel.action.matrices.stiffness import diffusion_pairs
from jusadel.action.mesh_action import DiscreteAction
from jusadel.action.nambu import advanced
from jusadel.nonequilibrium.keldysh import ALL_MODES, PHI, KeldyshBlocks, Modes, blocks, local_blocks
from jusadel.nonequilibrium.linear.node_blocks import NodeBlocks
from jusadel.nonequilibrium.linear.of_neighbours import NeighbourBlocks

REALITY = 1e-8
"""Largest imaginary part of B, relative to its entries, that counts as round-off."""
EXPECTED = "R and A must be the retarded and advanced matrices of one energy, A = -R3 R^+ R3"


@dataclass(frozen=True)
class LinearEquations:
    """B f + r0 for the f (N, b) of all nodes, those behind barriers included."""

    B: sp.bsr_matrix  # (N b, N b) real, in blocks (b, b) of a `NodeBlocks`
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
        nodes, self.b, self.system, self.modes = len(system.free), len(modes), system, modes
        self._near = NeighbourBlocks.if_quicker(system)
        row, column = self._near.pairs if self._near else diffusion_pairs(system)[:2]
        itself, corners = np.arange(nodes)[:, None], self._near.corners if self._near else np.asarray(system.triangles)
        between = [(itself, itself), (row[:, None], column[:, None]), (corners, corners)]
        between += [(np.asarray(joint.pairs),) * 2 for joint in system.joints]
        pairs = [_pairs(*each) for each in between]
        self.pattern = NodeBlocks.of(nodes, *(np.concatenate(x) for x in zip(*pairs, strict=True)))
        self._sums = [self.pattern.sums(*each) for each in pairs]

    def blocks(self, retarded: np.ndarray, adv: np.ndarray, omega: np.ndarray) -> KeldyshBlocks:
        """As `keldysh.blocks`, on large meshes by `NeighbourBlocks`.

        Raises:
            ValueError: there, if A is not that of R.
        """
        if self._near is None:
            return blocks(self.system, retarded, adv, omega, self.modes)
        _refuse_others(retarded, adv)
        neighbours, cells = self._near(PHI[list(self.modes)], np.asarray(retarded, complex))
        found = local_blocks(self.system, retarded, adv, omega, self.modes)
        return replace(found, neighbours=neighbours, cells=cells)

    def equations(self, found: KeldyshBlocks) -> LinearEquations:
        """The sparse matrix and the source.

        Raises:
            ValueError: they are not real, so R and A are not retarded and advanced solutions of one energy.
        """
        parts = (found.nodes, found.neighbours, found.cells, *found.joints)
        present = [(x, sums) for x, sums in zip(parts, self._sums, strict=True) if x is not None]
        data, (source,) = _real_parts([x for x, _ in present]), _real_parts([found.source])
        total = np.zeros((len(self.pattern.columns), self.b**2))
        for x, (_, sums) in zip(data, present, strict=True):
            total += sums @ self._of_pairs(x)
        return LinearEquations(self.pattern.matrix(total.reshape(-1, self.b, self.b)), source)

    def _of_pairs(self, x: np.ndarray) -> np.ndarray:
        """The blocks (e, b, b) or (e, p, b, q, b), one for each pair of nodes: (e p q, b b)."""
        return (x.swapaxes(2, 3) if x.ndim == 5 else x).reshape(-1, self.b**2)


def _pairs(of: np.ndarray, by: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The two nodes of the blocks (e, p, q) of equations of nodes (e, p) and f of nodes (e, q)."""
    return np.repeat(of, by.shape[1], axis=1).ravel(), np.tile(by, (1, of.shape[1])).ravel()


def _refuse_others(retarded: np.ndarray, adv: np.ndarray) -> None:
    """Blocks between neighbours take A from R."""
    difference = np.abs(adv - np.asarray(advanced(retarded))).max(initial=0.0)
    if difference > REALITY * np.abs(adv).max(initial=0.0):
        raise ValueError(f"A differs by {difference:.1e} from that of R: {EXPECTED}")


def _real_parts(parts: list[np.ndarray]) -> list[np.ndarray]:
    """Of all of them, whose entries are of one size."""
    largest = max((np.abs(x).max(initial=0.0) for x in parts), default=0.0)
    imaginary = max((np.abs(x.imag).max(initial=0.0) for x in parts if np.iscomplexobj(x)), default=0.0)
    if not np.isfinite(largest) or imaginary > REALITY * max(largest, 1e-300):
        raise ValueError(
            f"the kinetic equations have an imaginary part of {imaginary:.1e} beside entries of {largest:.1e}: "
            + EXPECTED
        )
    return [x.real for x in parts]
