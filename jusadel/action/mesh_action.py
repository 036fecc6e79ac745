"""The action on a mesh: link matrices, P1 interpolation of G, and the sum over nodes, triangles and barriers.

Scheme (physics.md, section 3): before interpolating, the three nodal G of a triangle are carried to the point where
it is sampled, G_i -> U_i G_i U_i^-1, so U(1) and constant SU(2) gauge transformations are exact on the mesh.
Terms with gradients are sampled at the centroid, and those of an edge at its midpoint, with the gradient of the
triangle there; terms without gradients at the vertices, a third of the area each. A barrier couples pairs of nodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp

from jusadel.action.connectivity import Layout
from jusadel.action.matrices.products import materialise, product, with_axes_of
from jusadel.action.nambu import units
from jusadel.action.terms import Term, barrier, density
from jusadel.common.differentiability import numpy_if_few, on_device, summed_rows
from jusadel.common.types import Values
from jusadel.mesh.mesh import Mesh

Array = jax.Array
Matrices = Sequence[Array] | Array
"""Three matrices (n, n, ...), or the stack of them."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Nodes:
    """Everything per node, already integrated: sums over the node's triangles of nu x area/3 x field."""

    weight: Array  # (n,) nu x area
    fields: dict[str, Array]  # Delta (n, 2), h (n, 3), Gamma (n, 3, 3), each times the weight


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Cells:
    """Everything per cell: the triangles, sampled at the centroid, then edges, sampled at the midpoint."""

    area: Values  # (m,), or length
    nu: Array  # (m,)
    gradients: Values  # (m, 3, 2) of the three shape functions
    middle: Values  # (m, 3) their values at the point of sampling
    offsets: Values  # (m, 3, 2) vertex minus that point
    line_A: Array  # (m, 3) Int A.dl from there to the vertex, less half the phase by which a seam turns the vertex
    turn: Array | None  # (m, 3, 3) rotation vector by which a seam turns the vertex's spins
    spin_field: Array  # (m, 3, 2)
    fields: dict[str, Array]


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Joint:
    """Pairs of nodes on both sides of a barrier."""

    pairs: Values  # (k, 2)
    conductance: Array  # (k,) times length
    transmissions: Array | None  # (c,)


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class DiscreteAction:
    """The functional of one frequency as a function of the nodal G, in units of pi/2 (nu is inside)."""

    triangles: Array  # (m, 3) nodes of each cell
    free: Array  # (n,) bool: not on a reservoir, not behind a barrier, not given by a seam
    nodes: Nodes
    cells: Cells
    joints: tuple[Joint, ...]
    layout: Layout
    node_terms: tuple[Term, ...] = field(metadata={"static": True})
    cell_terms: tuple[Term, ...] = field(metadata={"static": True})
    links: bool = field(metadata={"static": True})


def to_nodes(triangles: Any, values: Any, n: int) -> Any:
    """Sum values (m, 3, ...) at triangle vertices into nodes, (n, ...)."""
    return _to_nodes(triangles, values, n=n)


@numpy_if_few
def _to_nodes(xp: Any, triangles: Any, values: Any, n: int) -> Any:
    return summed_rows(xp, triangles.ravel(), values.reshape(-1, *values.shape[2:]), n)


def nodal_mean(mesh: Mesh, values: Array) -> Array:
    """Area-weighted mean over each node's triangles, (n, ...) from values (m, 3, ...) at their vertices."""
    return on_device(_nodal_mean(mesh.triangles, mesh.areas, values, n=len(mesh.points)))


@numpy_if_few
def _nodal_mean(xp: Any, triangles: Any, areas: Any, values: Any, n: int) -> Any:
    share = areas[:, None] * xp.ones((1, 3))
    total = to_nodes(triangles, share, n)
    return to_nodes(triangles, scaled(share, values), n) / total.reshape((-1,) + (1,) * (values.ndim - 2))


def scaled(share: Array, values: Array) -> Array:
    """Values (..., *any) times shares (...)."""
    return share.reshape(share.shape + (1,) * (values.ndim - share.ndim)) * values


# --- links ---------------------------------------------------------------------------------------


def _cos_and_sinc(s: Array) -> tuple[Array, Array]:
    """cos(sqrt s) and sin(sqrt s)/sqrt s, smooth at s = 0 in value and derivatives."""
    small = s < 1e-4
    root = jnp.sqrt(jnp.where(small, 1.0, s))
    cos = jnp.where(small, 1 - s / 2 + s**2 / 24 - s**3 / 720, jnp.cos(root))
    sinc = jnp.where(small, 1 - s / 6 + s**2 / 120 - s**3 / 5040, jnp.sin(root) / root)
    return cos, sinc


def link(line_A: Array, line_a: Array, n: int, dtype: Any) -> Array:
    """exp(-line_A R3 - line_a.L), (n, n): carries G from a vertex to the centroid; -line gives the inverse.

    Args:
        line_A: Int A.dl, a number.
        line_a: Int a_j.dl, (3,).
        n: matrix size, 4 or 8.
        dtype: of the result.
    """
    L, R = units(n, dtype)
    cos, sinc = _cos_and_sinc(jnp.sum(line_a**2))
    spin = cos * jnp.eye(n, dtype=dtype) - sinc * sum(line_a[k] * L[k] for k in range(3))
    return product(jnp.cos(line_A) * jnp.eye(n, dtype=dtype) - jnp.sin(line_A) * R[2], spin)


def links_to_centroid(cell: Cells, n: int = 4, dtype: Any = float) -> tuple[Array, Array]:
    """The link matrices U_i from the three vertices to the point of sampling and their inverses, (3, n, n) each."""
    line_a = [sum(cell.spin_field[:, k] * cell.offsets[i, k] for k in range(2)) for i in range(3)]
    links = lambda s: [link(s * cell.line_A[i], s * line_a[i], n, dtype) for i in range(3)]  # noqa: E731
    there, back = links(1), links(-1)
    if cell.turn is not None:
        turn = [link(jnp.zeros(()), s * cell.turn[i] / 2, n, dtype) for s in (1, -1) for i in range(3)]
        there = [product(there[i], turn[i]) for i in range(3)]
        back = [product(turn[3 + i], back[i]) for i in range(3)]
    return jnp.stack(there), jnp.stack(back)


def carry_to_centroid(G: Matrices, cell: Cells) -> list[Array]:
    """U_i G_i U_i^-1 for the three vertices of one cell, each (n, n, ...)."""
    links = links_to_centroid(cell, len(G[0]), G[0].dtype)
    there, back = (jax.vmap(partial(with_axes_of, G[0]))(u) for u in links)
    return [product(product(there[i], G[i]), back[i]) for i in range(3)]


# --- sums ----------------------------------------------------------------------------------------


def node_action(system: DiscreteAction, G: Array, node: Nodes, omega: Array) -> Array:
    """Terms without gradients at one node: every one is linear in its field, so the integrated field serves.

    G is (4, 4, ...) and omega the trailing axes, or a number.
    """
    p = SimpleNamespace(omega=omega * node.weight, **node.fields)
    return density(system.node_terms, G, None, p)


def cell_action(system: DiscreteAction, G: Matrices, cell: Cells, links: bool | None = None) -> Array:
    """Gradient terms of one cell from its three nodal G (4, 4, ...), at the point of sampling times the area."""
    if system.links if links is None else links:
        G = carry_to_centroid(G, cell)
    return centroid_action(system, G, cell)


def centroid_action(system: DiscreteAction, G: Matrices, cell: Cells) -> Array:
    """`cell_action` of three matrices that have been carried to the point of sampling."""
    zero = jnp.zeros((), G[0].dtype)
    dG = [materialise(sum((cell.gradients[i, k] * G[i] for i in range(3)), start=zero)) for k in range(2)]
    mean = materialise(sum((cell.middle[i] * G[i] for i in range(3)), start=zero))
    return density(system.cell_terms, mean, dG, SimpleNamespace(**cell.fields), cell.nu * cell.area)


def joint_action(joint: Joint, G: Array, other: Array) -> Array:
    """A barrier's term from the matrices (k, 4, 4, ...) on both sides, (k, ...)."""
    each = lambda g, o, c: barrier(g, o, SimpleNamespace(conductance=c, transmissions=joint.transmissions))  # noqa: E731
    return jax.vmap(each)(G, other, joint.conductance)


def action(system: DiscreteAction, G: Array, omega: Array) -> Array:
    """The whole functional of one frequency, Sum_cells nu Int f and the barriers, from the nodal G (n, 4, 4)."""
    nodal = jax.vmap(lambda g, node: node_action(system, g, node, omega))(G, system.nodes)
    cellwise = jax.vmap(lambda g, cell: cell_action(system, g, cell))(G[system.triangles], system.cells)
    barriers = (jnp.sum(joint_action(j, G[j.pairs[:, 0]], G[j.pairs[:, 1]])) for j in system.joints)
    return jnp.sum(nodal) + jnp.sum(cellwise) + sum(barriers)


def with_pairing(system: DiscreteAction, Delta: Array) -> DiscreteAction:
    """The action with another pair potential times the area at each node, (N, 2)."""
    return replace(system, nodes=replace(system.nodes, fields=system.nodes.fields | {"Delta": Delta}))
