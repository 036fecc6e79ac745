"""The Hessian of the discrete action as 8x8 blocks between neighbours, for many frequencies at once.

Along the eight tangents T_a = V (2 B_a R3) V^-1 of each node,

    H_ij,ab = Tr( T_ia dPhi_i(T_jb) ) and, at i = j, the curvature Tr( 2 B_a {B_b, R3 Q} ).

The tangents stand in front of the frequencies on the trailing axes, (4, 4, 8, w), and everything is a derivative of the
densities, node by node and triangle by triangle.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.action.matrices.neighbours import Neighbours, joined, split_like, weighted_sums
from jusadel.action.matrices.node_matrices import TANGENTS, TWO_B_R3, green, inverse_of_frames
from jusadel.action.matrices.products import code_for, materialise, product, quickly_compiled, transpose, with_axes_of
from jusadel.action.matrix_free import LiftedAction, TriangleBlocks, corner_energy
from jusadel.action.mesh_action import Cells, Joint, Nodes, joint_slope, middle_action, node_action
from jusadel.action.nambu import R

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
        return _assembled(lifted, V, inverse_of_frames(V), R3_Q, omega)


def _assembled(lifted: LiftedAction, V: Array, V_inverse: Array, R3_Q: Array, omega: Array) -> HessianBlocks:
    """As `hessian_blocks`, from frames (n, 4, 4, w)."""
    pairs = lifted.pairs
    own, across = _of_nodes(lifted, V, V_inverse, omega)
    if pairs.entries is not None:
        across = (pairs.entries @ across.reshape(-1, *across.shape[2:])).reshape(*pairs.index.shape, *across.shape[2:])
    if lifted.corners is not None and lifted.sides is not None:
        of_corners, of_sides = _of_cells(lifted, V, V_inverse)
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


def _curvature(R3_Q: Array) -> Array:
    """Tr(2 {B_a, B_b} R3 Q), (n, 8, 8, w)."""
    bent = jnp.asarray(BENT, R3_Q.dtype)[..., None]
    terms = (bent[i, j] * R3_Q[:, j, i, None, None] for i in range(4) for j in range(4))
    return materialise(sum(terms, start=jnp.zeros((), R3_Q.dtype)))


# --- nodes and their neighbours -----------------------------------------------------------------


def _of_nodes(lifted: LiftedAction, V: Array, V_inverse: Array, omega: Array) -> tuple[Array, Array]:
    """Nodes by themselves (n, 8, 8, w), and with neighbours (n, k, 8, 8, w): what is to be added to its transposed."""
    G = green(V, V_inverse)
    H, change = weighted_sums(lifted.near, G)[1], _change_at_node(lifted, omega)

    def of(near: Neighbours, node: Nodes, g: Array, h: Array, v: Array, v_inverse: Array) -> tuple[Array, Array]:
        T = tangents(v, v_inverse)
        own, back = change(T, g, h, node)

        def with_neighbour(entry: tuple[Array, ...]) -> Array:
            j, K, B, U = entry
            there, back_again = V[j], V_inverse[j]
            if U is not None:
                there, back_again = product(U[..., None], there), product(back_again, transpose(U)[..., None])
            by_field = sum((B[c] * back[c] for c in range(len(back))), start=jnp.zeros((), T.dtype))
            return contracted(materialise(by_field - K / 4 * T), tangents(there, back_again))

        return contracted(T, own), one_by_one(with_neighbour, T)((near.index, near.K, near.B.T, near.links))

    at_nodes = jax.tree.map(lambda x: split_like(lifted.near, x), (lifted.system.nodes, G, H, V, V_inverse))
    found = jax.lax.map(lambda x: jax.vmap(of)(*x), (lifted.near, *at_nodes))
    return jax.tree.map(lambda x: joined(x, len(V)), found)


def _change_at_node(lifted: LiftedAction, omega: Array) -> Callable[..., tuple[Array, Array]]:
    """The changes along T of Phi at a node, (4, 4, 8, w), and of what goes back to its neighbours, (c, 4, 4, 8, w)."""
    at_corners = corner_energy(lifted)

    def change(T: Array, g: Array, h: Array, node: Nodes) -> tuple[Array, Array]:
        def energy(g: Array, h: Array) -> Array:
            return jnp.sum(node_action(lifted.system, g, node, omega) + at_corners(g, h))

        slope = jax.grad(energy, argnums=(0, 1), holomorphic=jnp.iscomplexobj(T))
        along = jax.linearize(lambda g: slope(g, h), g)[1]
        own, back = jax.vmap(along, in_axes=2, out_axes=(2, 3))(T)
        return transpose(own), jnp.swapaxes(back, 1, 2)

    return change


# --- triangles and barriers ---------------------------------------------------------------------


def _of_cells(lifted: LiftedAction, V: Array, V_inverse: Array) -> tuple[Array, Array]:
    """Of each cell's terms in its middle: corners by themselves, and each with the following one, (m, 3, 8, 8, w)."""

    def of(block: TriangleBlocks) -> tuple[Array, Array]:
        v, back = V[block.triangles], V_inverse[block.triangles]
        if block.links is not None:
            U = block.links[..., None]
            v, back = each(U, v), each(back, jnp.swapaxes(U, 2, 3))
        turned = lambda i: jax.vmap(lambda *x: _of_corner(lifted, _counted_from(i, x)))(block.cells, v, back)  # noqa: E731
        return jax.tree.map(lambda x: jnp.moveaxis(x, 0, 1), one_by_one(turned, v)(jnp.arange(3)))

    each = jax.vmap(jax.vmap(product))
    return jax.tree.map(lambda x: joined(x, len(lifted.system.triangles)), jax.lax.map(of, lifted.blocks))


def _counted_from(first: Array, x: tuple[Cells, Array, Array]) -> tuple[Cells, Array, Array]:
    """A cell and its frames with the corners counted from another one."""
    cell, v, back = x
    turn = lambda y: jnp.roll(y, -first, axis=0)  # noqa: E731
    return replace(cell, gradients=turn(cell.gradients), middle=turn(cell.middle)), turn(v), turn(back)


def _of_corner(lifted: LiftedAction, x: tuple[Cells, Array, Array]) -> tuple[Array, Array]:
    """The first corner by itself, and with the second, (8, 8, w) each."""
    cell, v, back = x
    T, following = tangents(v[0], back[0]), tangents(v[1], back[1])
    R3 = with_axes_of(v[0], jnp.asarray(R[2], T.dtype))
    G = [product(product(v[i], R3), back[i]) for i in range(3)]
    energy = lambda one, two: jnp.sum(middle_action(lifted.in_the_middle, (one, two, G[2]), cell))  # noqa: E731
    slope = jax.grad(energy, argnums=(0, 1), holomorphic=jnp.iscomplexobj(T))
    along = jax.linearize(lambda one: slope(one, G[1]), G[0])[1]
    own, other = jax.vmap(along, in_axes=2, out_axes=2)(T)
    return contracted(T, transpose(own)), contracted(transpose(other), following)


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
