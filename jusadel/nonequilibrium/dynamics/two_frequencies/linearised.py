"""The equations of two frequencies, linearised: how their G follow a drive that joins them, H q = - b.

H, the drive's b and the response's c are derivatives of the action of doubled matrices (`doubled`); diffusion
(`diffusion`) and the terms in which G stands once have closed forms. At one frequency H is the Hessian of Newton's
method.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp

from jusadel.action.matrices.node_matrices import TWO_B_R3
from jusadel.action.mesh_action import DiscreteAction, bath_rates, node_action, of_pairs
from jusadel.action.nambu import TANGENT, L, R
from jusadel.action.sparse_hessian import CompressedBlocks
from jusadel.common.programs.chunks import chunked
from jusadel.nonequilibrium.dynamics.two_frequencies.diffusion import Diffusion
from jusadel.nonequilibrium.dynamics.two_frequencies.doubled import (
    STEPS,
    Frames,
    doubled_forces,
    forces_of_cell,
    forces_of_node,
    forces_of_sides,
    stiffness_of,
)
from jusadel.nonequilibrium.keldysh import bare_terms

ONCE = ("omega", "Delta", "h", "inelastic")
"""Fields of the terms in which G stands once."""
EXCHANGE, PAIRS = L @ R[2], np.stack([R[1], R[0]])
"""What h_k, and Re Delta and Im Delta, multiply in the action."""

_TANGENTS = np.moveaxis(np.asarray(TWO_B_R3), -1, 0)  # 2 B_a R3, (8, 4, 4)
_PRODUCTS = 2 * np.einsum("aij,bjk->abik", TANGENT, TANGENT) @ R[2]  # 2 B_a B_b R3
_BENT = [x.transpose(3, 2, 0, 1).reshape(16, -1) for x in (_PRODUCTS.swapaxes(0, 1), _PRODUCTS)]
"""(16, 64), which give the traces with matrices."""


@dataclass(frozen=True)
class Drive:
    """What stands off the diagonal, of unit amplitude."""

    turns: np.ndarray  # (m, 3) line integrals of A from the middle of cells to their corners; none across barriers
    exchange: np.ndarray  # (N, 3) h at the nodes
    pairing: np.ndarray | None = None  # (N, 2) changes of Re Delta and Im Delta times the nodes' weights
    _known: dict[Any, Any] = field(default_factory=dict, repr=False)

    def at_nodes(self, weight: np.ndarray) -> np.ndarray:
        """What it multiplies G with at nodes of these weights (N,), Tr(M G): (N, 4, 4)."""
        found = np.einsum("nk,kij->nij", weight[:, None] * self.exchange, EXCHANGE)
        return found if self.pairing is None else found + np.einsum("nk,kij->nij", self.pairing, PAIRS)

    def known(self, key: Any, make: Callable[[], Any]) -> Any:
        """What was made once."""
        if key not in self._known:
            self._known[key] = make()
        return self._known[key]


class DoubledAction:
    """The discrete action for pairs of frequencies; made once a device."""

    def __init__(self, system: DiscreteAction, closed_form: bool = True) -> None:
        """With `closed_form` false diffusion goes through the terms of the action as well."""
        self.system, bare = jax.tree.map(np.asarray, system), bare_terms(system)
        self.nodes = len(self.system.free)
        self.diffusion = None
        if closed_form and any(t.field == "D" for t in system.cell_terms):
            self.diffusion = Diffusion(self.system)
            bare = replace(bare, cell_terms=tuple(t for t in bare.cell_terms if t.field != "D"))
        self._cells = bare
        self._nodes = replace(bare, node_terms=tuple(t for t in bare.node_terms if t.field not in ONCE))
        self._once = replace(bare, node_terms=tuple(t for t in bare.node_terms if t.field in ONCE))
        self._whole = bare_terms(system)
        itself, corners = np.arange(self.nodes)[:, None], self.system.triangles
        groups: list[tuple[Any, Any]] = [(itself, itself)]
        groups += [(corners, corners)] * bool(self.diffusion or bare.cell_terms)
        groups += [(joint.pairs, joint.pairs) for joint in self.system.joints]
        self.pattern = PairPattern(self.system, groups)

    @cached_property
    def slope(self) -> np.ndarray:
        """Phi (N, 4, 4), S = Tr(Phi G), of what holds G once and no frequency."""

        def of(node: Any) -> Any:
            return jax.grad(lambda G: node_action(self._once, G, node, jnp.zeros(())))(jnp.zeros((4, 4))).T

        return np.asarray(jax.jit(jax.vmap(of))(self.system.nodes))

    @cached_property
    def rates(self) -> np.ndarray:
        """At which nodes couple to the bath, (N,), beside eta."""
        return np.asarray(bath_rates(self.system, 0.0))

    # --- blocks ---------------------------------------------------------------------------------

    def blocks(self, at: Frames, omega: tuple[Any, Any]) -> np.ndarray:
        """H between the free nodes and their neighbours, (k, 8, 8): rows p, columns q; omega (N,) of each frequency."""
        return self.blocks_of_pairs([at], [omega])[0]

    def blocks_of_pairs(self, at: Sequence[Frames], omega: Sequence[tuple[Any, Any]]) -> list[np.ndarray]:
        """The same of some pairs of frequencies, which share the calls of programs."""
        kinds = [np.stack([self._bent(*pair) for pair in zip(at, omega, strict=True)])[:, :, None, None]]
        if self._nodes.node_terms:
            alone = [Frames(*(x[:, None] for x in a)) for a in at]
            kinds[0] = kinds[0] + _stiffness(forces_of_node, self._nodes, alone, self.system.nodes)
        if self.diffusion or self._cells.cell_terms:
            kinds.append(self._of_cells(at))
        for joint in self.system.joints:
            sides = [a.at(joint.pairs) for a in at]
            kinds.append(_stiffness(forces_of_sides, self._cells, sides, of_pairs(joint)))
        return [self.pattern.summed([kind[k] for kind in kinds]) for k in range(len(at))]

    def _of_cells(self, at: Sequence[Frames]) -> np.ndarray:
        """Of the gradient terms, between the corners of cells, (b, m, 3, 3, 8, 8)."""
        found: list[Any] = []
        if self.diffusion:
            across = self.diffusion.across
            found.append(np.stack([across(joining_tangents(a.swapped), joining_tangents(a)) for a in at]))
        if self._cells.cell_terms:
            corners = [a.at(self.system.triangles) for a in at]
            found.append(_stiffness(forces_of_cell, self._cells, corners, self.system.cells))
        return np.asarray(sum(found))

    def _bent(self, at: Frames, omega: tuple[Any, Any]) -> np.ndarray:
        """What the retraction bends of the terms that hold G once, and of diffusion, (N, 8, 8)."""
        total, G = np.zeros((self.nodes, 64), complex), at.matrices
        for k, (V, inverse) in enumerate(((at.first, at.first_inverse), (at.second, at.second_inverse))):
            Phi = self.slope + (omega[k] * self.system.nodes.weight)[:, None, None] * R[2]
            if self.diffusion:
                Phi = Phi + self.diffusion.slope(G[k])
            total += (inverse @ Phi @ V).reshape(-1, 16) @ _BENT[k]
        return total.reshape(-1, STEPS, STEPS)

    # --- drives -----------------------------------------------------------------------------------

    def driven(self, at: Frames, drive: Drive) -> np.ndarray:
        """b of a drive, (N, 8): the forces along p of its part next to q."""
        back = joining_tangents(at.swapped)
        b = np.einsum("naij,nji->na", back, drive.at_nodes(self.system.nodes.weight))
        if self.diffusion:
            turned = drive.known("turned", lambda: self.diffusion.turned(drive.turns))  # type: ignore[union-attr]
            b = b + self.diffusion.driven(turned, at, back)
        np.add.at(b, self.system.triangles, self._forced(self._cells, at, None, drive)[..., :STEPS])
        return b

    def own(self, at: Frames, one: Drive, other: Drive) -> complex:
        """k of two drives, the second derivative with G held fast."""
        total = complex((one.turns * self._forced(self._cells, at, None, other)[..., STEPS]).sum())
        return total + (self.diffusion.own(one.turns, other.turns, at) if self.diffusion else 0.0)

    def pauli(self, one: Drive, other: Drive) -> float:
        """What bands far from the Fermi level add to k, - 2 nu h.h."""
        return float(-2 * (self.system.nodes.weight[:, None] * one.exchange * other.exchange).sum())

    def felt(self, at: Frames, steps: np.ndarray, drive: Drive) -> np.ndarray:
        """The derivatives with respect to the turns of the cells' corners, (m, 3), at steps q (N, 8) and a drive."""
        return self._forced(self._whole, at, steps, drive)[..., STEPS]

    def _forced(self, terms: DiscreteAction, at: Frames, steps: Any, drive: Drive) -> np.ndarray:
        """Forces (m, 3, 9) of these terms of the cells."""
        corners = self.system.triangles
        q = np.zeros((*corners.shape, STEPS + 1), complex)
        q[..., STEPS] = drive.turns
        if steps is not None:
            q[..., :STEPS] = steps[corners]
        if not terms.cell_terms or not q.any():
            return q * 0
        return np.asarray(chunked(partial(doubled_forces, forces_of_cell, terms), at.at(corners), q, self.system.cells))


def _stiffness(of: Callable[..., Any], bare: DiscreteAction, at: Sequence[Frames], elements: Any) -> np.ndarray:
    """The matrices of steps of the same elements for some pairs of frequencies, (b, e, k, k, 8, 8)."""
    many = jax.tree.map(lambda x: np.concatenate([x] * len(at)), elements)
    found = chunked(partial(stiffness_of, of, bare), Frames(*map(np.concatenate, zip(*at, strict=True))), many)
    return found.reshape(len(at), -1, *found.shape[1:]).swapaxes(3, 4)


def joining_tangents(at: Frames) -> np.ndarray:
    """V_1 2 B_a R3 V_2^-1, (n, 8, 4, 4)."""
    return np.asarray(at.first[:, None] @ _TANGENTS @ at.second_inverse[:, None])


# --- where blocks go ---------------------------------------------------------------------------------


class PairPattern:
    """Made once a device, for all pairs of frequencies.

    Args:
        system: the discrete action.
        groups: nodes of rows and columns (e, p) and (e, q) of the blocks (e, p, q) of each kind.
    """

    def __init__(self, system: DiscreteAction, groups: list[tuple[Any, Any]]) -> None:
        self.free = np.flatnonzero(np.asarray(system.free))
        number = np.full(len(system.free), -1)
        number[self.free] = np.arange(len(self.free))
        n = len(self.free)
        rows, columns = (np.concatenate([_spread(g, k) for g in groups]) for k in (0, 1))
        rows, columns = number[rows], number[columns]
        kept = np.flatnonzero((rows >= 0) & (columns >= 0))
        places, slot = np.unique(rows[kept].astype(np.int64) * n + columns[kept], return_inverse=True)
        self.indices = places % n
        self.indptr = np.concatenate([[0], np.cumsum(np.bincount(places // n, minlength=n))])
        self._into = sp.csr_matrix((np.ones(len(kept)), (slot, kept)), (len(places), len(rows)))
        self._of_modes: dict[int, CompressedBlocks] = {}

    def summed(self, blocks: list[np.ndarray]) -> np.ndarray:
        """The blocks (e, p, q, a, b) of all kinds as those of the matrix, (k, a, b)."""
        flat = np.concatenate([b.reshape(-1, *b.shape[-2:]) for b in blocks])
        return (self._into @ flat.reshape(len(flat), -1)).reshape(-1, *flat.shape[1:])

    def matrix(self, blocks: np.ndarray) -> sp.csc_matrix:
        """The sparse matrix of blocks (k, a, a)."""
        a = blocks.shape[-1]
        if a not in self._of_modes:
            self._of_modes[a] = CompressedBlocks(self.indices, self.indptr, a)
        return self._of_modes[a].matrix(blocks)


def _spread(group: tuple[Any, Any], which: int) -> np.ndarray:
    """The nodes of rows, or of columns, of all blocks of a group, in the order of its blocks."""
    rows, columns = (np.asarray(x) for x in group)
    full = (len(rows), rows.shape[1], columns.shape[1])
    return np.broadcast_to(rows[:, :, None] if which == 0 else columns[:, None, :], full).ravel()
