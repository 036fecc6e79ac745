"""The gradient and the Hessian product of the discrete action, matrix-free, for all frequencies at once.

With G_i(u) = V (1 + 2Y + 2Y^2) R3 V^-1 and dS = Tr(Phi dG) the Hessian at u = 0, applied to steps x, is

    (H x)_a = Tr( 2 B_a R3 V^-1 dPhi(X) V ) + Tr( 2 B_a {Y, R3 Q} ),     X = 2 V Y R3 V^-1,     Q = V^-1 Phi V,

with Y = x_a B_a and dPhi(X) the derivative of Phi along X; Phi is a polynomial of second degree in G. Diffusion
without links is one scalar stiffness matrix for all entries and frequencies. The other gradient terms go triangle by
triangle, in blocks that fit the cache. Real or complex, in any precision; fields are (nodes, 4, 4, frequencies), steps
(nodes, 8, frequencies), and sums over neighbours are gathers over padded rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp

from jusadel.action.matrices.node_matrices import (
    TANGENTS,
    TWO_B_R3,
    anticommutator,
    generated,
    green,
    inverse_of_frames,
    product,
    times_constant,
    traces,
    transposed,
)
from jusadel.action.matrices.padded_rows import Rows, padded
from jusadel.action.matrices.products import materialise
from jusadel.action.matrices.stiffness import stiffness
from jusadel.action.mesh_action import (
    Cells,
    DiscreteAction,
    Joint,
    centroid_action,
    joint_action,
    links_to_centroid,
    node_action,
)
from jusadel.action.nambu import R

Array = jax.Array
Change = Callable[[Array], Array]

BLOCK = 2000
"""Triangles that are worked on together."""


# --- the action in this layout ------------------------------------------------------------------


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TriangleBlocks:
    """The triangles, (blocks, k, ...); the last block is filled up with triangles of no weight."""

    triangles: Array  # (blocks, k, 3)
    cells: Cells
    there: Array | None  # (blocks, k, 3, 4, 4) links to the centroid, where there are any
    back: Array | None


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class LiftedAction:
    """A discrete action with its sums over neighbours; made once a mesh by `lift`."""

    system: DiscreteAction  # without the diffusion term where the stiffness matrix serves
    stiffness: Rows  # (n, n), Int nu grad phi_i . D . grad phi_j
    corners: Rows  # (n, 3 m): the sum of what the triangles give to their corners
    blocks: TriangleBlocks

    @property
    def on_triangles(self) -> bool:
        """Whether anything is left to the triangles."""
        return bool(self.system.cell_terms)


def cast(tree: Any, dtype: Any) -> Any:
    """All real numbers of a pytree in another precision."""
    other = lambda x: jax.device_put(np.asarray(x).astype(dtype)) if jnp.issubdtype(x.dtype, jnp.floating) else x  # noqa: E731
    return jax.tree.map(other, tree)


def lift(system: DiscreteAction) -> LiftedAction:
    """The discrete action with the neighbour lists that the batched operations need."""
    system = _in_order_of_nodes(system)
    n, triangles = len(system.free), np.asarray(system.triangles)
    links = links_of_cells(system.cells) if system.links else (None, None)
    corner = np.flatnonzero(np.repeat(np.asarray(system.cells.nu) != 0, 3))  # not of spare cells
    corners = sp.csr_matrix((np.ones(len(corner)), (triangles.ravel()[corner], corner)), (n, triangles.size))
    everything = TriangleBlocks(system.triangles, system.cells, *links)
    return LiftedAction(
        system=system if system.links else _without_diffusion(system),
        stiffness=padded(stiffness(system)),
        corners=padded(corners),
        blocks=_in_blocks(everything, -(-len(triangles) // BLOCK)),
    )


@jax.jit
def links_of_cells(cells: Cells) -> tuple[Array, Array]:
    """The links from the corners of all cells to where they are sampled, and back, (m, 3, 4, 4) each."""
    return jax.vmap(links_to_centroid)(cells)


def _in_order_of_nodes(system: DiscreteAction) -> DiscreteAction:
    """The triangles sorted by their first node, so that what they share is still in the cache."""
    order = np.argsort(np.asarray(system.triangles).min(axis=1), kind="stable")
    triangles, cells = jax.tree.map(lambda x: jax.device_put(np.asarray(x)[order]), (system.triangles, system.cells))
    return replace(system, triangles=triangles, cells=cells)


def _without_diffusion(system: DiscreteAction) -> DiscreteAction:
    return replace(system, cell_terms=tuple(t for t in system.cell_terms if t.field != "D"))


def _in_blocks(everything: TriangleBlocks, blocks: int) -> TriangleBlocks:
    def split(x: Array) -> Array:
        filled = np.concatenate([x, np.zeros((-len(x) % blocks, *x.shape[1:]), x.dtype)])
        return jax.device_put(filled.reshape(blocks, -1, *x.shape[1:]))

    return jax.tree.map(split, everything)


# --- gradient -----------------------------------------------------------------------------------


def gradient(lifted: LiftedAction, G: Array, omega: Array) -> Array:
    """Phi with dS = Tr(Phi dG) for the action S, (n, 4, 4, w)."""
    forces = lambda block: phi_at_corners(block, slope_of_triangles(lifted, block)(*carried_from_corners(block, G)))  # noqa: E731
    return _with_triangles(lifted, _node_forces(lifted, G, omega), forces)


def gradient_change(lifted: LiftedAction, G: Array, omega: Array) -> Change:
    """The derivative of `gradient` at G, a function of the direction X (n, 4, 4, w).

    What depends on G alone is worked out again for each direction: on CPUs that is quicker than to read it.
    """

    def change(X: Array) -> Array:
        total = jax.jvp(lambda g: _node_forces(lifted, g, omega), (G,), (X,))[1]

        def forces(block: TriangleBlocks) -> Array:
            at, along = (tuple(carried_from_corners(block, field)) for field in (G, X))
            return phi_at_corners(block, jax.jvp(slope_of_triangles(lifted, block), at, along)[1])

        return _with_triangles(lifted, total, forces)

    return change


def _with_triangles(lifted: LiftedAction, total: Array, forces_of: Callable[[TriangleBlocks], Array]) -> Array:
    if not lifted.on_triangles:
        return total
    forces = jax.lax.map(forces_of, lifted.blocks)
    return materialise(total + lifted.corners @ forces.reshape(-1, *total.shape[1:]))


def _node_forces(lifted: LiftedAction, G: Array, omega: Array) -> Array:
    """What the terms without gradients, barriers and, without links, the stiffness matrix contribute."""
    total = local_slope(lifted.system, G, omega)
    return materialise(total if lifted.system.links else total - lifted.stiffness @ G / 2)


def local_slope(system: DiscreteAction, G: Array, omega: Array) -> Array:
    """As `gradient`, of the terms without gradients and of the barriers."""
    total = node_slope(system, G, omega)
    for joint in system.joints:
        total = total.at[joint.pairs.T].add(jnp.stack(joint_slope(joint, G[joint.pairs[:, 0]], G[joint.pairs[:, 1]])))
    return total


def joint_slope(joint: Joint, G: Array, other: Array) -> tuple[Array, Array]:
    """As `gradient`, of a barrier, with respect to the matrices (k, 4, 4, w) on both sides."""
    total = lambda g, o: jnp.sum(joint_action(joint, g, o))  # noqa: E731
    one, two = jax.grad(total, argnums=(0, 1), holomorphic=jnp.iscomplexobj(G))(G, other)
    return transposed(one), transposed(two)


def node_slope(system: DiscreteAction, G: Array, omega: Array) -> Array:
    """As `gradient`, of the terms without gradients."""
    nodal = jax.vmap(lambda g, node: node_action(system, g, node, omega))
    total = lambda g: jnp.sum(nodal(g, system.nodes))  # noqa: E731
    return transposed(jax.grad(total, holomorphic=jnp.iscomplexobj(G))(G))


def slope_of_triangles(lifted: LiftedAction, block: TriangleBlocks) -> Callable[..., tuple[Array, ...]]:
    """The triangles' gradient as a function of their three carried matrices, each (triangles, 4, 4, w)."""
    cells = _cut(block.cells)
    action = jax.vmap(lambda cell, *g: centroid_action(lifted.system, g, cell))
    total = lambda *g: jnp.sum(action(cells, *g))  # noqa: E731
    return lambda *g: jax.grad(total, argnums=(0, 1, 2), holomorphic=jnp.iscomplexobj(g[0]))(*g)


def carried_from_corners(block: TriangleBlocks, X: Array) -> list[Array]:
    """The three matrices of each triangle, carried to its centroid."""
    corners = [materialise(X[block.triangles[:, i]]) for i in range(3)]
    if block.there is None or block.back is None:
        return corners
    there, back = _cut((block.there, block.back))
    return [product(product(there[:, i, :, :, None], corners[i]), back[:, i, :, :, None]) for i in range(3)]


def phi_at_corners(block: TriangleBlocks, forces: tuple[Array, ...]) -> Array:
    """Gradients of carried matrices as Phi at the corners, (triangles, 3, 4, 4, w)."""
    Phi = [transposed(f) for f in forces]
    if block.there is not None and block.back is not None:
        there, back = _cut((block.there, block.back))
        Phi = [product(product(back[:, i, :, :, None], Phi[i]), there[:, i, :, :, None]) for i in range(3)]
    return jnp.stack(Phi, axis=1)


def _cut(slices: Any) -> Any:
    """Slices of blocked arrays, stored; else they would be cut anew for every use."""
    return jax.tree.map(materialise, slices)


# --- Hessian ------------------------------------------------------------------------------------


class Hessian(NamedTuple):
    """Gradient and Hessian product at given frames, as functions of the steps."""

    residual: Array  # (n, 8, w), zero on reservoirs
    curvature: Array  # R3 Q, (n, 4, 4, w)
    apply: Change  # (n, 8, w) to (n, 8, w)


def matrix_free_hessian(lifted: LiftedAction, V: Array, omega: Array) -> Hessian:
    """Gradient and Hessian product at the frames V (n, 4, 4, w) and the frequencies omega (w,)."""
    V_inverse, G, Phi = at_frames(lifted, V, omega)
    return in_frames(lifted, V, V_inverse, Phi, gradient_change(lifted, G, omega))


def at_frames(lifted: LiftedAction, V: Array, omega: Array) -> tuple[Array, Array, Array]:
    """V^-1, G and `gradient` at the frames V (n, 4, 4, w)."""
    V_inverse = inverse_of_frames(V)
    G = green(V, V_inverse)
    return V_inverse, G, gradient(lifted, G, omega)


def slope_in_frames(lifted: LiftedAction, V: Array, V_inverse: Array, Phi: Array) -> tuple[Array, Array]:
    """The gradient with respect to the steps, (n, 8, w), zero on reservoirs, and R3 Q."""
    Q = product(product(V_inverse, Phi), V)
    R3_Q = transposed(times_constant(transposed(Q), R[2].T))
    return jnp.where(lifted.system.free[:, None, None], traces((TWO_B_R3, Q)), 0), R3_Q


def in_frames(lifted: LiftedAction, V: Array, V_inverse: Array, Phi: Array, change: Change) -> Hessian:
    """The gradient Phi and its derivative `change` as functions of the steps."""
    free = lifted.system.free[:, None, None]
    slope, R3_Q = slope_in_frames(lifted, V, V_inverse, Phi)

    def apply(x: Array) -> Array:
        x = jnp.where(free, x, 0)
        X = product(product(V, generated(TWO_B_R3, x)), V_inverse)
        bent = anticommutator(generated(TANGENTS, x), R3_Q)
        turned = product(product(V_inverse, change(X)), V)
        return jnp.where(free, traces((TWO_B_R3, turned), (2 * TANGENTS, bent)), 0)

    return Hessian(slope, R3_Q, apply)


@jax.jit
def residual(lifted: LiftedAction, V: Array, omega: Array) -> Array:
    """Gradient with respect to the steps at the frames V (b, n, 4, 4) and frequencies omega (b,), (b, n, 8)."""
    V = jnp.moveaxis(V, 0, -1)
    V_inverse, _, Phi = at_frames(lifted, V, omega)
    return jnp.moveaxis(slope_in_frames(lifted, V, V_inverse, Phi)[0], -1, 0)
