"""The Hessian of the discrete action as 8x8 blocks between neighbours, for many frequencies at once.

Along the eight tangents T_a = V (2 B_a R3) V^-1 of each node,

    H_ij,ab = Tr( T_ia dPhi_i(T_jb) ) and, at i = j, the curvature Tr( 2 B_a {B_b, R3 Q} ).

The tangents stand in front of the frequencies on the trailing axes, (4, 4, 8, w), and everything is a derivative of the
densities, node by node and triangle by triangle.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.action.matrices.carrying import merged, parts_of, summed, summed_over
from jusadel.action.matrices.gradient_terms import corner_slopes, slopes_of_triangle
from jusadel.action.matrices.neighbours import Neighbours, joined, split_like, weighted_sums
from jusadel.action.matrices.node_matrices import TANGENTS, TWO_B_R3, green, inverse_of_frames
from jusadel.action.matrices.products import code_for, materialise, product, quickly_compiled, transpose
from jusadel.action.matrices.triangles import TriangleBlocks, carried_from_corners
from jusadel.action.matrix_free import LiftedAction
from jusadel.action.mesh_action import Cells, Joint, Nodes, joint_slope, node_action

Array = jax.Array

BENT = 2 * np.einsum("ija,jkb->ikab", TANGENTS, TANGENTS)
BENT = BENT + BENT.swapaxes(2, 3)
"""2 {B_a, B_b}, (4, 4, 8, 8)."""


class HessianBlocks(NamedTuple):
    """The Hessian at the current frames."""

    blocks: Array  # (n, p, 8, 8, w) of each node with its neighbours, itself among them
    joints: tuple[Array, ...]  # (k, 2, 8, 2, 8, w) for each barrier


@jax.jit
def hessian_blocks(lifted: LiftedAction, V: Array, R3_Q: Array, omega: Array) -> HessianBlocks:
    """The Hessian at frames V (b, n, 4, 4), and omega (b,), real or complex; R3 Q as `slope_and_curvature` gives it."""
    V = jnp.moveaxis(V, 0, -1)
    with code_for(8 * V.size):
        return assembled(lifted, V, R3_Q, omega)


def assembled(lifted: LiftedAction, V: Array, R3_Q: Array, omega: Array) -> HessianBlocks:
    """As `hessian_blocks`, from frames (n, 4, 4, w)."""
    pairs, V_inverse = lifted.pairs, inverse_of_frames(V)
    T = jax.vmap(tangents)(V, V_inverse)
    own, across = _of_nodes(lifted, V, V_inverse, T, omega)
    if lifted.corners is not None and lifted.sides is not None and lifted.blocks is not None:
        of_corners, of_sides = _of_cells(lifted, lifted.blocks, green(V, V_inverse), T)
        own = own + lifted.corners @ of_corners.reshape(-1, *of_corners.shape[2:])
        across = across + (lifted.sides @ of_sides.reshape(-1, *of_sides.shape[2:])).reshape(across.shape)
    own = own + _curvature(R3_Q)
    flat = across.reshape(-1, *across.shape[2:])
    blocks = across + jnp.swapaxes(flat[pairs.mirror], 2, 3)
    blocks = blocks + pairs.itself[:, :, None, None, None] * own[:, None]
    joints = tuple(_of_joint(joint, V, V_inverse) for joint in lifted.system.joints)
    return HessianBlocks(materialise(blocks), joints)


def one_by_one(f: Callable[[Any], Any], like: Array) -> Callable[[Any], Any]:
    """f of the leading axis, one after the other, or all together where code is wanted soon and numbers are few."""
    return jax.vmap(f) if quickly_compiled(like) else partial(jax.lax.map, f)


def tangents(V: Array, V_inverse: Array) -> Array:
    """T_a (4, 4, 8, w) at frames (4, 4, w)."""
    return product(product(V[:, :, None], jnp.asarray(TWO_B_R3, V.dtype)[..., None]), V_inverse[:, :, None])


def contracted(left: Array, right: Array) -> Array:
    """Tr(left_a right_b), (8, 8, w) from (4, 4, 8, w) each."""
    if quickly_compiled(left):
        return jnp.einsum("ijaw,jibw->abw", left, right)
    terms = (left[i, j, :, None] * right[j, i, None] for i in range(4) for j in range(4))
    return materialise(sum(terms, start=jnp.zeros((), left.dtype)))


def overlap(left: Array, right: Array) -> Array:
    """Sum_ij left_ija right_ijb, (n, 8, 8, w) from (n, 4, 4, 8, w) each."""
    return jax.vmap(contracted)(jnp.swapaxes(left, 1, 2), right)


def flat(T: Array) -> Array:
    """Matrices (n, 4, 4, 8, w) as (n, 4, 4, 8 w)."""
    return T.reshape(*T.shape[:3], -1)


def _curvature(R3_Q: Array) -> Array:
    """Tr(2 {B_a, B_b} R3 Q), (n, 8, 8, w)."""
    if quickly_compiled(R3_Q):
        return jnp.einsum("ijab,njiw->nabw", jnp.asarray(BENT, R3_Q.dtype), R3_Q)
    bent = jnp.asarray(BENT, R3_Q.dtype)[..., None]
    terms = (bent[i, j] * R3_Q[:, j, i, None, None] for i in range(4) for j in range(4))
    return materialise(sum(terms, start=jnp.zeros((), R3_Q.dtype)))


# --- nodes and their neighbours -----------------------------------------------------------------


def _of_nodes(lifted: LiftedAction, V: Array, V_inverse: Array, T: Array, omega: Array) -> tuple[Array, Array]:
    """Nodes by themselves (n, 8, 8, w), and with neighbours (n, k, 8, 8, w): what is to be added to its transposed."""
    G, near = green(V, V_inverse), lifted.near
    H, change = weighted_sums(near, G)[1], jax.vmap(_change_at_node(lifted, omega))
    there = merged(near.weights, parts_of(near.weights, flat(T)))

    def of(x: tuple[Any, ...]) -> tuple[Array, Array]:
        near, node, g, h, T = x
        own, back = change(T, g, h, node)
        here = [jnp.swapaxes(y, 1, 2) for y in (-T / 4, *back)]
        return jax.vmap(contracted)(T, own), across_pairs(near, here, there)

    at_nodes = jax.tree.map(lambda x: split_like(near, x), (lifted.system.nodes, G, H, T))
    return jax.tree.map(lambda x: joined(x, len(V)), jax.lax.map(of, (near, *at_nodes)))


def across_pairs(near: Neighbours, here: Sequence[Array], there: Array) -> Array:
    """Sum_c W_c Tr(here_ca U there_b U^-1) of the nodes of a block with their neighbours, (s, k, 8, 8, w).

    here: (1 + c) of (s, 4, 4, 8, w); there: the components at all nodes, as `merged` gives them of (n, 4, 4, 8 w).
    """
    parts = [parts_of(near.weights, flat(materialise(y))) for y in here]
    back, tangents = near.weights.transposed, lambda x: x.reshape(*x.shape[:-1], *here[0].shape[3:])
    if quickly_compiled(here[0]):
        left = summed_over("nck,nc->nk", back, [jnp.stack(x, axis=1) for x in zip(*parts, strict=True)])
        return jax.vmap(overlap, in_axes=1, out_axes=1)(tangents(left), tangents(there[near.index]))

    def with_neighbour(e: Array) -> Array:
        left = summed((back.at(slice(None), c, e), x) for c, x in enumerate(parts))
        return overlap(tangents(left), tangents(there[near.index[:, e]]))

    return jnp.moveaxis(jax.lax.map(with_neighbour, jnp.arange(near.index.shape[1])), 0, 1)


def _change_at_node(lifted: LiftedAction, omega: Array) -> Callable[..., tuple[Array, tuple[Array, ...]]]:
    """The changes along T of Phi at a node, (4, 4, 8, w), and of what goes back to its neighbours, one for each c."""
    at_corners = lifted.corner_energy

    def change(T: Array, g: Array, h: tuple[Array, ...], node: Nodes) -> tuple[Array, tuple[Array, ...]]:
        local = jax.grad(lambda g: jnp.sum(node_action(lifted.system, g, node, omega)), holomorphic=jnp.iscomplexobj(T))

        def slope(g: Array) -> tuple[Array, tuple[Array, ...]]:
            own, back = corner_slopes(at_corners, g, h)
            return transpose(local(g)) + own, back

        return jax.vmap(jax.linearize(slope, g)[1], in_axes=2, out_axes=2)(T)

    return change


# --- triangles and barriers ---------------------------------------------------------------------


def _of_cells(lifted: LiftedAction, blocks: TriangleBlocks, G: Array, T: Array) -> tuple[Array, Array]:
    """Of each cell's terms in its middle: corners by themselves, and each with the following one, (m, 3, 8, 8, w)."""
    parts = [parts_of(blocks.links, x) for x in (G, flat(T))]

    def of(block: TriangleBlocks) -> tuple[Array, Array]:
        G, T = (jnp.stack(carried_from_corners(block, x), axis=1) for x in parts)
        T = T.reshape(*T.shape[:-1], 8, -1)
        turned = lambda i: jax.vmap(lambda *x: _of_corner(lifted, _counted_from(i, x)))(block.cells, G, T)  # noqa: E731
        return jax.tree.map(lambda x: jnp.moveaxis(x, 0, 1), one_by_one(turned, T)(jnp.arange(3)))

    return jax.tree.map(lambda x: joined(x, len(lifted.system.triangles)), jax.lax.map(of, blocks))


def _counted_from(first: Array, x: tuple[Cells, Array, Array]) -> tuple[Cells, Array, Array]:
    """A cell and its matrices with the corners counted from another one."""
    cell, G, T = x
    turn = lambda y: jnp.roll(y, -first, axis=0)  # noqa: E731
    return replace(cell, gradients=turn(cell.gradients), middle=turn(cell.middle)), turn(G), turn(T)


def _of_corner(lifted: LiftedAction, x: tuple[Cells, Array, Array]) -> tuple[Array, Array]:
    """The first corner by itself, and with the second, (8, 8, w) each."""
    cell, G, T = x
    slope = lambda one: slopes_of_triangle(lifted.in_the_middle, cell, one, G[1], G[2])[:2]  # noqa: E731
    own, other = jax.vmap(jax.linearize(slope, G[0])[1], in_axes=2, out_axes=2)(T[0])
    return contracted(T[0], own), contracted(other, T[1])


def _of_joint(joint: Joint, V: Array, V_inverse: Array) -> Array:
    """Both sides with both, (k, 2, 8, 2, 8, w)."""
    v, back = ([x[joint.pairs[:, side]] for side in (0, 1)] for x in (V, V_inverse))
    T = [jax.vmap(tangents)(*x) for x in zip(v, back, strict=True)]
    G = [jnp.broadcast_to(green(*x)[:, :, :, None], T[0].shape) for x in zip(v, back, strict=True)]
    columns = []
    for side in (0, 1):
        along = tuple(x if side == s else jnp.zeros_like(x) for s, x in enumerate(T))
        change = jax.jvp(lambda *g: joint_slope(joint, *g), tuple(G), along)[1]
        columns.append(jnp.stack([jax.vmap(contracted)(T[s], change[s]) for s in (0, 1)], axis=1))
    return jnp.stack(columns, axis=3)
