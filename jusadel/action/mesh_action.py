"""The action on a mesh: the sum of the density over nodes, triangles and barriers.

Scheme (physics.md, section 3): G lives on the nodes, on its manifold exactly, and carried from node to node by links,
so that U(1) and constant SU(2) gauge transformations are exact on the mesh. Each term is sampled where it is cheapest
at second order, as `Term.sampled` says:

* no gradient: at the vertices, a third of the area each;
* diffusion: on the edges, D_k G along each being the difference of its ends, and the weight -K_ij, K the stiffness
  matrix: in a triangle without links that is the integral of the linearly interpolated G;
* one gradient: at the vertices, a third of the area each, with the triangle's gradient of G carried there;
* any other: at the centroid, with the mean of G there. For [Dx G, Dy G] and {G, [Dx G, Dy G]} these are, whatever the
  triangle's shape, products of the three matrices alone.

Terms of an edge are sampled at its midpoint, or at its two ends, with the gradient of the triangle there. A barrier
couples pairs of nodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.action.barriers import barrier
from jusadel.action.connectivity import Layout
from jusadel.action.matrices.links import (
    Matrices,
    as_stack,
    carried,
    edge_links,
    of_following,
    of_previous,
    over_seams,
    to_middle,
)
from jusadel.action.matrices.node_matrices import transposed
from jusadel.action.matrices.products import materialise
from jusadel.action.terms import Term, density
from jusadel.common.differentiability import numpy_if_few, on_device, summed_rows
from jusadel.common.types import Values
from jusadel.mesh.mesh import Mesh

Array = jax.Array


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
    middle: Values  # (m, 3) their values at the point of sampling: the weights of the corners
    steps: Values  # (m, 3, 2) from corner i to corner i + 1
    line_A: Array  # (m, 3) Int A.dl along these, less half the phase by which seams turn one more than the other
    line_a: Array  # (m, 3, 3) Int a_j.dl along these
    turn: Array | None  # (m, 3, 3) rotation vector by which a seam turns the vertex's spins
    fields: dict[str, Array]


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Joint:
    """Pairs of nodes on both sides of a barrier."""

    pairs: Values  # (k, 2)
    conductance: Array  # (k,) times length
    transmissions: Array | None  # (c,)
    polarisation: Array | None  # (k, 3)
    scattering: tuple[Array, Array] | None = None  # K (c, 2, 2, 4) and channels times length (k, c)


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


def scaled(share: Any, values: Any) -> Any:
    """Values (..., *any) times shares (...)."""
    return share.reshape(share.shape + (1,) * (values.ndim - share.ndim)) * values


# --- sums ----------------------------------------------------------------------------------------


def node_action(system: DiscreteAction, G: Array, node: Nodes, omega: Array) -> Array:
    """Terms without gradients at one node: every one is linear in its field, so the integrated field serves.

    G is (4, 4, ...) and omega the trailing axes, or a number.
    """
    p = SimpleNamespace(omega=omega * node.weight, **node.fields)
    return density(system.node_terms, G, None, p)


class Seen(NamedTuple):
    """The matrices of a cell where its terms are sampled, (3, n, n, ...) each; empty where no term asks for them."""

    own: Any  # at the corners
    following: Any  # those of the following corners, carried to the corners
    previous: Any  # those of the previous ones
    middle: Any  # those of the corners, carried to the middle


def cell_action(system: DiscreteAction, G: Matrices, cell: Cells, links: bool | None = None) -> Array:
    """Gradient terms of one cell from the matrices (4, 4, ...) of its corners' owners."""
    if not system.cell_terms:
        return jnp.zeros(G[0].shape[2:], G[0].dtype)
    return action_of_seen(system, seen(system, G, cell, links), cell)


def seen(system: DiscreteAction, G: Matrices, cell: Cells, links: bool | None = None) -> Seen:
    """The matrices (4, 4, ...) of the corners' owners, where the gradient terms are sampled."""
    links, G = system.links if links is None else links, as_stack(G)
    places = {t.sampled for t in system.cell_terms}
    middle = (to_middle(G, cell) if links else G) if "middle" in places else ()
    if not places & {"edges", "corners"}:
        return Seen((), (), (), middle)
    own = over_seams(G, cell) if links else G
    following, previous = of_following(own), of_previous(own)
    if links:
        U = edge_links(cell, G.shape[1], G.dtype)
        following = jax.vmap(carried)(U, following)
        previous = jax.vmap(carried)(of_previous(jnp.swapaxes(U, 1, 2)), previous)
    return Seen(own, following, previous, middle)


def action_of_seen(system: DiscreteAction, at: Seen, cell: Cells) -> Array:
    """Gradient terms of one cell from the matrices where they are sampled."""
    places = ("edges", "corners", "middle")
    edges, corners, middle = (tuple(t for t in system.cell_terms if t.sampled == place) for place in places)
    found = [edge_action(edges, at.own, at.following, cell)] if edges else []
    found += [corner_action(corners, at.own, at.following, at.previous, cell)] if corners else []
    found += [middle_action(middle, at.middle, cell)] if middle else []
    return sum(found[1:], start=found[0])


def edge_action(terms: tuple[Term, ...], G: Array, following: Array, cell: Cells) -> Array:
    """Terms like diffusion, -D_kj Dk G Dj G, as Sum over edges of -K_ij (G_j - G_i)^2: exact for linear G."""
    corner, total = np.arange(3), jnp.zeros(G.shape[3:], G.dtype)
    for t in terms:
        K = cell.nu * cell.area * (cell.gradients @ cell.fields[t.field] @ cell.gradients.T)
        along = lambda g, step, k, t=t: density((t,), g, [step], SimpleNamespace(**{t.field: k}))  # noqa: E731
        weights = -K[corner, (corner + 1) % 3].reshape(3, 1, 1)
        total += jnp.sum(jax.vmap(along)(G, materialise(following - G), weights), axis=0)
    return total


def corner_action(terms: tuple[Term, ...], G: Array, following: Array, previous: Array, cell: Cells) -> Array:
    """Terms with one gradient, at the corners."""
    p, slope = SimpleNamespace(**cell.fields), jnp.asarray(cell.gradients)

    def at_corner(matrices: Sequence[Array], slopes: Sequence[Array], weight: Array) -> Array:
        parts = lambda k: (s[k] * g for s, g in zip(slopes, matrices, strict=True))  # noqa: E731
        dG = [materialise(sum(parts(k), start=jnp.zeros((), G.dtype))) for k in range(2)]
        return density(terms, matrices[0], dG, p, weight)

    slopes = (slope, of_following(slope), of_previous(slope))
    weights = jnp.asarray(cell.middle) * cell.nu * cell.area
    return jnp.sum(jax.vmap(at_corner)((G, following, previous), slopes, weights), axis=0)


def middle_action(terms: tuple[Term, ...], G: Matrices, cell: Cells) -> Array:
    """All other terms, from three matrices that have been carried to the point of sampling."""
    return middle_density(terms, *mean_and_gradient(G, cell), cell)


def mean_and_gradient(G: Matrices, cell: Cells) -> tuple[Array, list[Array]]:
    """G and D_k G where a cell is sampled, from three matrices that have been carried there."""
    zero = jnp.zeros((), G[0].dtype)
    dG = [materialise(sum((cell.gradients[i, k] * G[i] for i in range(3)), start=zero)) for k in range(2)]
    return materialise(sum((cell.middle[i] * G[i] for i in range(3)), start=zero)), dG


def middle_density(terms: tuple[Term, ...], mean: Array, dG: Sequence[Array], cell: Cells) -> Array:
    """The terms in the middle of a cell from what is there."""
    return density(terms, mean, dG, SimpleNamespace(**cell.fields), cell.nu * cell.area)


def joint_action(joint: Joint, G: Array, other: Array) -> Array:
    """A barrier's term from the matrices (k, 4, 4, ...) on both sides, (k, ...)."""
    return jax.vmap(lambda g, o, pair: barrier(g, o, SimpleNamespace(**pair)))(G, other, of_pairs(joint))


def of_pairs(joint: Joint) -> dict[str, Any]:
    """What a barrier's term needs of each pair, (k, ...)."""
    everywhere = lambda x: None if x is None else jnp.broadcast_to(x, (len(joint.conductance), *x.shape))  # noqa: E731
    scattering = None if joint.scattering is None else (everywhere(joint.scattering[0]), joint.scattering[1])
    return {
        "conductance": joint.conductance,
        "transmissions": everywhere(joint.transmissions),
        "polarisation": joint.polarisation,
        "scattering": scattering,
    }


def action(system: DiscreteAction, G: Array, omega: Array) -> Array:
    """The whole functional of one frequency, Sum_cells nu Int f and the barriers, from the nodal G (n, 4, 4)."""
    nodal = jax.vmap(lambda g, node: node_action(system, g, node, omega))(G, system.nodes)
    cellwise = jax.vmap(lambda g, cell: cell_action(system, g, cell))(G[system.triangles], system.cells)
    barriers = (jnp.sum(joint_action(j, G[j.pairs[:, 0]], G[j.pairs[:, 1]])) for j in system.joints)
    return jnp.sum(nodal) + jnp.sum(cellwise) + sum(barriers)


# --- derivatives with respect to G ---------------------------------------------------------------


def local_slope(system: DiscreteAction, G: Array, omega: Array) -> Array:
    """Phi (n, 4, 4, w) with dS = Tr(Phi dG), of the terms without gradients and of the barriers."""
    total = node_slope(system, G, omega)
    for joint in system.joints:
        total = total.at[joint.pairs.T].add(jnp.stack(joint_slope(joint, G[joint.pairs[:, 0]], G[joint.pairs[:, 1]])))
    return total


def joint_slope(joint: Joint, G: Array, other: Array) -> tuple[Array, Array]:
    """The same of a barrier, with respect to the matrices (k, 4, 4, w) on both sides."""
    total = lambda g, o: jnp.sum(joint_action(joint, g, o))  # noqa: E731
    one, two = jax.grad(total, argnums=(0, 1), holomorphic=jnp.iscomplexobj(G))(G, other)
    return transposed(one), transposed(two)


def node_slope(system: DiscreteAction, G: Array, omega: Array) -> Array:
    """The same of the terms without gradients."""
    nodal = jax.vmap(lambda g, node: node_action(system, g, node, omega))
    total = lambda g: jnp.sum(nodal(g, system.nodes))  # noqa: E731
    return transposed(jax.grad(total, holomorphic=jnp.iscomplexobj(G))(G))


def with_pairing(system: DiscreteAction, Delta: Array) -> DiscreteAction:
    """The action with another pair potential times the area at each node, (N, 2)."""
    return replace(system, nodes=replace(system.nodes, fields=system.nodes.fields | {"Delta": Delta}))


def bath_rates(system: DiscreteAction, eta: Any) -> Any:
    """eta and the inelastic rate of each node, (N,): what couples to the bath, in place of the term of that rate."""
    weight = system.nodes.weight
    if not any(t.field == "inelastic" for t in system.node_terms):
        return eta * jnp.ones(len(weight))
    empty = weight == 0  # behind a barrier
    return eta + jnp.where(empty, 0.0, system.nodes.fields["inelastic"] / jnp.where(empty, 1.0, weight))
