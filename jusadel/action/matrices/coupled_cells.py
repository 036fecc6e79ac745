"""The second derivative of a cell's gradient terms between L and K of its corners' matrices [[R, K], [L, A]].

Everything is a derivative of the densities where they are sampled. Terms of one gradient are linear in what a corner
sees of the other two: there one of L and K is the corner's own, so that few K, and few L, have to be gone through.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.action.matrices.off_diagonal import OffDiagonal
from jusadel.action.mesh_action import Cells, DiscreteAction, Seen, action_of_seen, cell_action, seen

Array = jax.Array
Bilinear = Callable[[Seen, Seen], Array]
"""The action, to first order in L and in K where they are seen; None is a zero."""

TOGETHER = 16
"""Cells whose numbers stay in the cache."""
OWNERS = Seen(*((np.arange(3) + turn) % 3 for turn in (0, 1, 2, 0)))
"""Whose matrices are seen."""


@jax.jit
def coupled_cells(system: DiscreteAction, phi: Array, R: Array, A: Array, cells: Cells) -> Array:
    """The derivatives of the gradient terms with respect to q_a and f_b at the corners of cells, (m, 3, b, 3, b).

    G turns by [W, G] with w = q_a Phi_a in the place of L, and f_b (R Phi_b - Phi_b A) stands in that of K.

    Args:
        system: the action, its terms alone.
        phi: Phi_b, (b, 4, 4).
        R, A: at the corners, (m, 3, 4, 4).
        cells: all m of them.
    """
    phi = jnp.moveaxis(phi, 0, -1)
    return jax.lax.map(lambda x: _of_cell(system, phi, *x), (R, A, cells), batch_size=TOGETHER)


def _of_cell(system: DiscreteAction, phi: Array, R: Array, A: Array, cell: Cells) -> Array:
    """[W, G] is w R - A w below the diagonal, and on it -K w and w K, which the slopes at R and A multiply."""
    K = jnp.einsum("cij,jkb->cikb", R, phi) - jnp.einsum("ijb,cjk->cikb", phi, A)
    L = jnp.einsum("ija,cjk->cika", phi, R) - jnp.einsum("cij,jka->cika", A, phi)
    slope = jax.grad(lambda G: jnp.sum(cell_action(system, G, cell)), holomorphic=jnp.iscomplexobj(R))
    at_R, at_A = jnp.moveaxis(slope(jnp.stack([R, A], axis=-1)), -1, 0)
    own = jnp.einsum("cji,jka,ckib->cab", at_A, phi, K) - jnp.einsum("cji,cjkb,kia->cab", at_R, K, phi)
    return _coupled(system, R, A, L, K, cell) + jnp.einsum("pab,pq->paqb", own, np.eye(3))


def _coupled(system: DiscreteAction, R: Array, A: Array, L: Array, K: Array, cell: Cells) -> Array:
    """d2S/dL dK for the L and K (3, 4, 4, b) of the corners, (3, b, 3, b)."""
    found: list[Array] = []
    for places, of in ((("edges", "middle"), _of_any_terms), (("corners",), _of_one_gradient)):
        terms = replace(system, cell_terms=tuple(t for t in system.cell_terms if t.sampled in places))
        if terms.cell_terms:
            at = (seen(terms, x, cell) for x in (R[..., None], A[..., None], L, K))
            found += of(*_bilinear(terms, cell, *at))
    return sum(found[1:], start=found[0])


def _bilinear(terms: DiscreteAction, cell: Cells, R: Seen, A: Seen, L: Seen, K: Seen) -> tuple[Bilinear, Seen, Seen]:
    def action(L: Seen, K: Seen) -> Array:
        at = (_in_blocks(*x) for x in zip(R, A, K, L, strict=True))
        return jnp.sum(action_of_seen(terms, Seen(*at), cell))

    return action, L, K


def _in_blocks(R: Any, *others: Any) -> Any:
    return OffDiagonal(R, *others) if len(R) else ()  # nothing is seen where no term is


def _of_any_terms(action: Bilinear, L: Seen, K: Seen) -> Iterable[Array]:
    """One corner's K at a time, (3, b, 3, b) each."""
    each = Seen(*(_one_by_one(*x) for x in zip(K, OWNERS, strict=True)))
    forces = _transposed(lambda x: action(x, each), each)
    for below, force, owner in zip(L, forces, OWNERS, strict=True):
        if len(below):
            split = force.reshape(*force.shape[:3], 3, -1)
            yield jnp.einsum("cija,cijqb->caqb", below, split)[np.argsort(owner)]


def _one_by_one(K: Any, owner: np.ndarray) -> Any:
    """K (3, 4, 4, b) as (3, 4, 4, 3 b): that of each owner beside zeros."""
    if not len(K):
        return K
    of = jnp.asarray(np.eye(3)[owner], K.dtype)[:, None, None, :, None]
    return (of * K[:, :, :, None]).reshape(*K.shape[:3], -1)


def _of_one_gradient(action: Bilinear, L: Seen, K: Seen) -> Iterable[Array]:
    """The corner's own K with all L, and its own L with the other K, (3, b, 3, b) each."""
    on_L = _transposed(lambda x: action(x, K._replace(following=None, previous=None)), L)
    on_K = _transposed(lambda x: action(L._replace(following=None, previous=None), x), K._replace(own=None))
    for below, force, owner in zip(L[:3], on_L[:3], OWNERS[:3], strict=True):
        yield jnp.einsum("qab,qp->paqb", _traces(below, force), np.eye(3)[owner])
    for force, above, owner in zip(on_K[1:3], K[1:3], OWNERS[1:3], strict=True):
        yield jnp.einsum("pab,pq->paqb", _traces(force, above), np.eye(3)[owner])


def _traces(left: Array, right: Array) -> Array:
    """Sum_ij left_ija right_ijb at each corner."""
    return jnp.einsum("cija,cijb->cab", left, right)


def _transposed(linear: Callable[[Seen], Array], like: Seen) -> Seen:
    """What a linear function multiplies each number of its argument with."""
    number = jax.eval_shape(linear, like)
    return jax.linear_transpose(linear, like)(jnp.ones((), number.dtype))[0]
