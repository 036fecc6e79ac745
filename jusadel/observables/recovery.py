"""Currents at nodes from currents on triangles: what balances at the nodes, carried over to the edges of the mesh.

At its corner v a triangle with the current j feeds the balance of the node by j x (step between the midpoints of the
two edges there). Where this adds up to zero round every free node, a stream function psi exists at the midpoints of the
edges, jx = d psi/dy, jy = -d psi/dx, and the flux across a path over midpoints is what psi gains along it. Between two
midpoints that is exact, but j on a triangle is first-order accurate only: its normal component jumps at every edge, and
where large contributions cancel, as at the border of a magnet, eddies of the size of a triangle are left.

So psi goes on to the nodes: the mean of the edges that meet there, along vacuum of the vacuum edges alone. What it
gains along an edge of the mesh is the flux across it, the same for both triangles, and none leaves through vacuum.
Where something feeds in round a node, as torques do with spin, that is shared out evenly over the triangles there.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp

from jusadel.mesh.mesh import Mesh
from jusadel.observables.stars import Stars, stars

Array = jax.Array


def recovered(mesh: Mesh, currents: Any, passable: Iterable[str] | None) -> Array:
    """Current densities at the corners of triangles, (m, 3, ..., 2), one-sided at the borders of regions.

    Exact where the currents are uniform in each region. Between first and second order in the mesh size elsewhere, as
    means of the triangles are, and first order at electrodes.

    Args:
        mesh: the mesh; JAX may be tracing its points.
        currents: means over the triangles, (m, ..., 2).
        passable: names of boundaries that a current can pass, None for all outer edges. Through others nothing flows.
    """
    found = stars(mesh.topology, None if passable is None else frozenset(passable))
    return _at_corners(found, mesh.triangles, mesh.triangle_edges, mesh.points, mesh.areas, jnp.asarray(currents))


@jax.jit
def _at_corners(found: Stars, triangles: Any, edges: Any, points: Any, areas: Any, j: Array) -> Array:
    points, triangles, areas = (jnp.asarray(given) for given in (points, triangles, areas))
    x = points[triangles]
    before, after = ((jnp.roll(x, -k, axis=1) - x) / 2 for k in (1, 2))  # from each corner to the midpoints beside it
    gain = _gains(found, _patch_means(found, areas, j), _flux(j[:, None], after - before), before, after)
    sign = jnp.where(triangles < jnp.roll(triangles, -1, axis=1), 1.0, -1.0)
    outward = jnp.einsum("mk,mk...->mk...", sign, gain[edges])
    away = (x.mean(axis=1, keepdims=True) - jnp.roll(x, -2, axis=1)) / (2 * areas[:, None, None])
    return _patch_means(found, areas, jnp.einsum("mk...,mkx->m...x", outward, away))


def _gains(found: Stars, beside: Array, steps: Array, before: Array, after: Array) -> Array:
    """What psi gains along each edge, (e, ...), by the steps (m, 3, ...) over corners and the currents beside them."""
    halves = jnp.stack([_flat(_flux(beside, -way)) for way in (before, after)], axis=1)
    mean = _sums(jnp.einsum("ck,ck...->c...", found.halves, halves), found.around, len(found.star))
    over = jnp.einsum("p,p...->p...", found.share, _flat(steps)[found.corner])
    to_node = _sums(over, found.spoke, len(found.star)) + mean[found.star]
    return to_node[1::2] - to_node[::2]


def _flux(j: Array, way: Array) -> Array:
    """The flux of j (m, 1 or 3, ..., 2) to the right of the ways (m, 3, 2), which psi gains along them, (m, 3, ...)."""
    way = way.reshape(*way.shape[:2], *(1,) * (j.ndim - 3), 2)
    return j[..., 0] * way[..., 1] - j[..., 1] * way[..., 0]


def _flat(values: Array) -> Array:
    return values.reshape(-1, *values.shape[2:])


def _patch_means(found: Stars, areas: Array, j: Array) -> Array:
    """Area-weighted means (m, 3, ..., 2) over the triangles at a corner's node in its region."""
    count = found.patch.size
    weighted = jnp.einsum("m,m...->m...", areas, j)[:, None] * jnp.ones((1, 3) + (1,) * (j.ndim - 1))
    total = _sums(_flat(weighted), found.patch.ravel(), count)
    volume = _sums(jnp.repeat(areas, 3), found.patch.ravel(), count)
    return jnp.einsum("mk,mk...->mk...", 1 / volume[found.patch], total[found.patch])


def _sums(values: Array, group: Any, count: int) -> Array:
    return jax.ops.segment_sum(values, group, num_segments=count)
