"""What the gradient terms give to the equations for distributions: blocks between neighbours, quick on large meshes.

With K_b = R Phi_b - Phi_b A and L_a = Phi_a R - A Phi_a they are the coefficients of L_a and K_b in the action of
[[R, K], [L, A]] and, of nodes with themselves, what the slopes at R and A make of Phi_a K_b. As for the Hessian
(`block_hessian`), terms on edges and at corners need G at one node and sums of its neighbours' G, so that they are
differentiated node by node; everything is a derivative of the densities.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.action.block_hessian import across_pairs, contracted
from jusadel.action.matrices.carrying import merged, parts_of
from jusadel.action.matrices.neighbours import BLOCK, Neighbours, joined, split_like, weighted_sums
from jusadel.action.matrices.products import product, trace_of_product
from jusadel.action.matrices.triangles import TriangleBlocks
from jusadel.action.matrix_free import LiftedAction, gradient, lift
from jusadel.action.mesh_action import DiscreteAction
from jusadel.common.programs.chunks import CHUNKS
from jusadel.common.programs.memory import without_remains
from jusadel.nonequilibrium.linear.of_triangles import few_together, of_triangles
from jusadel.nonequilibrium.linear.real_matrices import (
    adjoint,
    as_complex,
    as_real,
    blocks_of,
    factors,
    one_as_two,
    two_as_one,
)

Array = jax.Array


@dataclass(frozen=True)
class NeighbourBlocks:
    """The gradient terms of an action with what their blocks need: made once a mesh."""

    lifted: LiftedAction
    triangles: TriangleBlocks | None  # where there are terms in the middle

    @classmethod
    def if_quicker(cls, system: DiscreteAction) -> NeighbourBlocks | None:
        """Where compilation pays: on large meshes, if there is more than diffusion without links."""
        large, more = len(system.triangles) > CHUNKS[-1], any(t.field != "D" for t in system.cell_terms)
        return cls.of(system) if large and (more or system.links) else None

    @classmethod
    def of(cls, system: DiscreteAction) -> NeighbourBlocks:
        """From the whole action."""
        lifted = without_remains(lift, replace(system, node_terms=(), joints=()))
        return cls(lifted, None if lifted.blocks is None else few_together(lifted.blocks))

    @property
    def pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """The two nodes of every pair, (e,) each; what fills up is a node with itself once more.

        With terms at corners every pair comes twice, as one of the node and of its neighbour.
        """
        index = np.asarray(self.lifted.pairs.index)
        node = np.broadcast_to(np.arange(len(index))[:, None], index.shape)
        both = ([node, index], [index, node]) if self.lifted.at_corners else ([node], [index])
        row, column = (np.stack(x, axis=1).ravel() for x in both)
        return row, column

    @property
    def corners(self) -> np.ndarray:
        """The nodes of the triangles, (m, 3), in the order of their blocks."""
        return np.asarray(self.lifted.system.triangles)

    def __call__(self, phi: np.ndarray, R: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """The blocks of the pairs (e, b, b) and of those of the corners of each triangle (9 m, b, b).

        Args:
            phi: Phi_b, (b, 4, 4) with an even b.
            R: at the nodes, (n, 4, 4) complex; A is its adjoint.
        """
        flat = lambda x: np.asarray(x).reshape(-1, len(phi), len(phi))  # noqa: E731
        pairs, triangles = _blocks(self.lifted, self.triangles, jnp.moveaxis(jnp.asarray(phi), 0, -1), R)
        return flat(pairs), None if triangles is None else flat(triangles)[: 9 * len(self.corners)]


@jax.jit
def _blocks(lifted: LiftedAction, triangles: TriangleBlocks | None, phi: Array, R: Array) -> tuple[Array, Array | None]:
    """(n, 1 or 2, p, b, b) and (m, 3, 3, b, b) from Phi (4, 4, b) and R (n, 4, 4); the factor 1/8 is with L."""
    R = R[..., None]
    at_nodes = R, gradient(lifted, R, jnp.zeros(()))
    above, below, own = jax.lax.map(lambda x: _of_node(phi, *x), at_nodes, batch_size=BLOCK)
    pairs = _between_nodes(lifted, own, R, above, below)
    each = jax.vmap(as_complex)(two_as_one(above))
    return pairs, None if triangles is None else of_triangles(lifted, triangles, R, each, below)


def _of_node(phi: Array, R: Array, slope: Array) -> tuple[Array, Array, Array]:
    """K and L / 8 in real numbers, (4, 4, b), and what the slope of the action at R, and its adjoint at A, give.

    That is Tr(slope_A Phi_a K_b) - Tr(slope_R K_b Phi_a), (b, b).
    """
    A = adjoint(R)
    K, L = product(R, phi) - product(phi, A), product(phi, R) - product(A, phi)
    own = -2 * jnp.real(contracted(phi[..., None], product(slope, K)[..., None])[..., 0])
    return as_real(K), as_real(L) / 8, own / 8


def _between_nodes(lifted: LiftedAction, own: Array, R: Array, above: Array, below: Array) -> Array:
    """Of edges and corners, as `NeighbourBlocks.pairs` has them; with what the nodes have besides, own (n, b, b)."""
    near = lifted.near
    backwards = replace(near, weights=near.weights.at(slice(None), slice(None), slice(1, None)))
    K, L = (merged(near.weights, parts_of(near.weights, x)) for x in (above, below))

    def of(x: tuple[Any, ...]) -> Array:
        near, backwards, itself, own, R, H, above, below = x
        at_node, from_L, from_K = jax.vmap(partial(_at_node, lifted))(R, H, above, below)
        own = own + jnp.einsum("nija,nijb->nab", at_node, above)
        found = [_across(near, from_L, K) + itself[:, :, None, None] * own[:, None]]
        found += [jnp.swapaxes(_across(backwards, from_K, L), 2, 3)] if lifted.at_corners else []
        return jnp.stack(found, axis=1)

    at_nodes = (lifted.pairs.itself, own, R, _sums(near, R), above, below)
    return joined(jax.lax.map(of, (near, backwards, *(split_like(near, x) for x in at_nodes))), len(R))


def _sums(near: Neighbours, R: Array) -> Array:
    """The H_c of R together, (n, c, 4, 4, 1)."""
    H = weighted_sums(near, R)[1]
    return jnp.stack(H, axis=1) if H else jnp.zeros((len(R), 0, *R.shape[1:]), R.dtype)


def _across(near: Neighbours, here: Array, there: Array) -> Array:
    """As `across_pairs`, of matrices (s, c, 4, 4, b): (s, k, b, b)."""
    return across_pairs(near, list(jnp.moveaxis(here, 1, 0)[..., None]), there)[..., 0]


def _at_node(lifted: LiftedAction, R: Array, H: Array, above: Array, below: Array) -> tuple[Array, Array, Array]:
    """What multiplies K at a node (4, 4, b) and at its neighbours (1 + c, 4, 4, b) for each L, and (c, 4, 4, b) L."""
    energy, A, HA = lifted.corner_energy, adjoint(R), jax.vmap(adjoint)(H)
    K, L, like = (as_complex(two_as_one(x)) for x in (above, below, above))

    def of_K(own: Array, along: Array, sums: Array) -> Array:
        G, KG = blocks_of(R, A, as_complex(own), L), blocks_of(R, A, as_complex(along))
        of_corners = energy(G, blocks_of(H, HA, jax.vmap(as_complex)(sums))) if lifted.at_corners else jnp.zeros(())
        return jnp.sum(of_corners) - jnp.sum(trace_of_product(G, KG)) / 2

    def of_sums_of_L(sums: Array) -> Array:
        return jnp.sum(energy(blocks_of(R, A, K), blocks_of(H, HA, None, jax.vmap(as_complex)(sums))))

    sums = jnp.zeros((len(H), *like.shape), like.dtype)
    own, along, on_sums = factors(of_K, like, like, sums)
    back = factors(of_sums_of_L, sums)[0] if lifted.at_corners else sums
    return one_as_two(own), one_as_two(jnp.concatenate([along[None], on_sums])), one_as_two(back)
