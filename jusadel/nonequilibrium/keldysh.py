"""Distribution functions: the linear equations that the same discrete action gives for 8x8 Keldysh matrices.

At every node G = [[R, K], [0, A]] with K = R F - F A, where R is a given retarded solution, A = -R3 R^+ R3 the advanced
one, and F = Sum_b f_b Phi_b a distribution with eight real numbers: energy and charge, each with its three spins,

    Phi = 1, tau3, sigma_k, tau3 sigma_k = 1, -i R3, -i L_k, -L_k R3.

Then G^2 = -1 for any F. The action is varied with dG = [W, G], W = [[0, 0], [w, 0]]; to first order in w = q_a Phi_a
every term, cubic as it is in G, holds exactly one K. So the equations are linear: with dS = Tr(Phi dG),

    (1/8) dS/dq_a = (1/8) Tr(Phi_a [G, Phi]_12) = (B f + r0)_a,

the Keldysh block of the Usadel equation, and B is real because the Hermitian conjugate of the equation is the equation.
The frequency is the matrix [[omega_R, (omega_R - omega_A) F_bath], [0, omega_A]] with omega_R = eta - i E and
omega_A = -conj(omega_R): with the bath's own part F_bath = f(E) 1 everywhere is an exact solution in equilibrium.

At a node where f is given, B f + r0 is half of what flows into the device there. With F = tanh[(E - V tau3)/2T] in the
electrodes the charge current into the device is -2 Int (B f + r0)_1 dE over E > 0, supercurrents included; mu and S of
the normal state are minus Int f dE over E > 0, so that there it is 2 (B mu)_1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp

from jusadel.action.barriers import barrier
from jusadel.action.matrices.links import carried, corner_links, ways_of
from jusadel.action.matrices.products import commutator, transpose
from jusadel.action.matrices.stiffness import diffusion_pairs
from jusadel.action.mesh_action import (
    Cells,
    DiscreteAction,
    Joint,
    Nodes,
    action_of_seen,
    cell_action,
    node_action,
    of_pairs,
    seen,
)
from jusadel.action.nambu import L, R
from jusadel.common.differentiability import is_traced
from jusadel.common.programs.chunks import chunked

Array = jax.Array
Modes = tuple[int, ...]

PHI = np.array([np.eye(4), -1j * R[2], *(-1j * L), *(-(L @ R[2]))])
"""Phi_b, (8, 4, 4): energy, charge, spin, spin-energy."""
ALL_MODES: Modes = tuple(range(8))
CHARGE_AND_SPIN: Modes = (1, 2, 3, 4)
"""In the normal state they do not couple to the others: these have imaginary Phi, those real ones, and all else is
real."""


def frequency_matrix(omega_R: Any, omega_A: Any, bath: Any = 0.0) -> np.ndarray:
    """[[omega_R, (omega_R - omega_A) F], [0, omega_A]], (8, 8), with the bath's F (4, 4), 0 for none."""
    one, F = np.eye(4), np.broadcast_to(bath, (4, 4))
    return np.block([[omega_R * one, (omega_R - omega_A) * F], [np.zeros((4, 4)), omega_A * one]])


def distribution(f: Array, modes: Modes = ALL_MODES) -> Array:
    """F = Sum_b f_b Phi_b, (..., 4, 4) from (..., modes)."""
    return jnp.einsum("...b,bij->...ij", f, jnp.asarray(PHI[list(modes)]))


def _phi(modes: Modes, dtype: Any) -> tuple[np.ndarray, float]:
    """Phi_b and the factor of the equations; in real arithmetic the imaginary parts, since i i = -1 is the factor."""
    phi = PHI[list(modes)]
    if jnp.issubdtype(dtype, jnp.complexfloating):
        return phi, 1.0
    if phi.real.any():
        raise ValueError(f"real R serves the modes {CHARGE_AND_SPIN} alone; make it complex for the modes {modes}")
    return phi.imag, -1.0


def keldysh_matrices(retarded: Array, adv: Array, f: Array, modes: Modes = ALL_MODES) -> Array:
    """[[R, R F - F A], [0, A]], (..., 8, 8) from R and A (..., 4, 4) and f (..., modes).

    Where R is real, as in the normal state, -i F stands in place of F.
    """
    F = jnp.einsum("...b,bij->...ij", f, jnp.asarray(_phi(modes, retarded.dtype)[0]))
    upper = jnp.concatenate([retarded, retarded @ F - F @ adv], axis=-1)
    return jnp.concatenate([upper, jnp.concatenate([jnp.zeros_like(adv), adv], axis=-1)], axis=-2)


# --- the Keldysh block of the equations ------------------------------------------------------------


def _torques(action: Any, G: Array, modes: Modes) -> Array:
    """(1/8) Tr(Phi_a [G, Phi]_12) at each of the nodes of G (k, 8, 8), (k, modes), Phi being the action's slope."""
    slope = jax.grad(action, holomorphic=jnp.iscomplexobj(G))(G)
    return jnp.stack([_components(commutator(g, transpose(s)), modes) for g, s in zip(G, slope, strict=True)])


def _components(torque: Array, modes: Modes) -> Array:
    """(1/8) Tr(Phi_a M_12) of M (8, 8), (modes,)."""
    phi, factor = _phi(modes, torque.dtype)
    return factor / 8 * jnp.einsum("aij,ji->a", jnp.asarray(phi), torque[:4, 4:])


def torque_of_node(bare: DiscreteAction, modes: Modes, f: Array, r: Array, a: Array, node: Nodes, w: Array) -> Array:
    """(B f + r0) of the terms without gradients at one node, (b,)."""
    return _torques(lambda g: node_action(bare, g[0], node, w), keldysh_matrices(r, a, f, modes)[None], modes)[0]


def torques_of_cell(bare: DiscreteAction, modes: Modes, f: Array, r: Array, a: Array, cell: Cells) -> Array:
    """That of the gradient terms of one cell at its corners, (3, b)."""
    return _torques(lambda g: cell_action(bare, g, cell), keldysh_matrices(r, a, f, modes), modes)


def torques_of_sides(modes: Modes, f: Array, r: Array, a: Array, pair: dict[str, Any]) -> Array:
    """That of a barrier at the two nodes of one pair, (2, b)."""
    return _torques(lambda g: barrier(g[0], g[1], SimpleNamespace(**pair)), keldysh_matrices(r, a, f, modes), modes)


# --- elements --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class KeldyshBlocks:
    """Derivatives of the nodes' equations with respect to the f of nodes, corners and sides, and their values at f = 0.

    Complex as they come; b is the number of modes.
    """

    nodes: np.ndarray  # (N, b, b) of the terms without gradients
    neighbours: np.ndarray | None  # (e, b, b) of the pairs of `diffusion_pairs`
    cells: np.ndarray | None  # (m, 3, b, 3, b), or (9 m, b, b) pair by pair
    joints: tuple[np.ndarray, ...]  # (k, 2, b, 2, b) each
    source: np.ndarray  # (N, b)


def blocks(system: DiscreteAction, retarded: Any, adv: Any, omega: Any, modes: Modes = ALL_MODES) -> KeldyshBlocks:
    """The equations of one energy, element by element.

    Args:
        system: the discrete action.
        retarded, adv: R and A at its nodes, (N, 4, 4) complex, those behind barriers included; real ones serve
            CHARGE_AND_SPIN in the normal state.
        omega: `frequency_matrix`, (8, 8), or one for each node, (N, 8, 8).
        modes: which of the eight modes are unknown; the others are zero.
    """
    bare, corners = bare_terms(system), np.asarray(system.triangles)
    found = local_blocks(system, retarded, adv, omega, modes)
    retarded, adv, neighbours, cells = np.asarray(retarded), np.asarray(adv), None, None
    if not system.links:
        bare = replace(bare, cell_terms=tuple(t for t in bare.cell_terms if t.field != "D"))
        neighbours = _of_diffusion(system, retarded, adv, modes)
    if bare.cell_terms:
        cells = chunked(partial(_of_cells, bare, modes), retarded[corners], adv[corners], system.cells)
    return replace(found, neighbours=neighbours, cells=cells)


def local_blocks(
    system: DiscreteAction, retarded: Any, adv: Any, omega: Any, modes: Modes = ALL_MODES
) -> KeldyshBlocks:
    """Of `blocks`, all but the gradient terms."""
    nodes, source = blocks_of_nodes(system, retarded, adv, omega, modes)
    joints = (
        _blocks_of_joint(bare_terms(system), j, np.asarray(retarded), np.asarray(adv), modes) for j in system.joints
    )
    return KeldyshBlocks(nodes=nodes, neighbours=None, cells=None, joints=tuple(joints), source=source)


def _blocks_of_joint(
    bare: DiscreteAction, joint: Joint, retarded: np.ndarray, adv: np.ndarray, modes: Modes
) -> np.ndarray:
    pairs = np.asarray(joint.pairs)
    return chunked(partial(_of_sides, bare, modes), retarded[pairs], adv[pairs], of_pairs(joint))[0]


def current_over_joint(
    system: DiscreteAction, number: int, into: int, retarded: Any, adv: Any, f: Any, modes: Modes = ALL_MODES
) -> np.ndarray:
    """What flows over a barrier into one of its sides (0 or 1), (b,), in the unit of the reactions 2 (B f + r0)."""
    joint = system.joints[number]
    if is_traced((system, retarded, f)):
        pairs = jnp.asarray(joint.pairs)
        of_sides, _ = _of_sides(
            bare_terms(system), modes, *(jnp.asarray(x)[pairs] for x in (retarded, adv)), of_pairs(joint)
        )
        return 2 * jnp.einsum("kaqb,kqb->a", of_sides[:, into], f[pairs]).real  # type: ignore[return-value]
    of_sides = _blocks_of_joint(bare_terms(system), joint, np.asarray(retarded), np.asarray(adv), modes)
    return 2 * np.einsum("kaqb,kqb->a", of_sides[:, into], np.asarray(f)[np.asarray(joint.pairs)]).real


def blocks_of_nodes(
    system: DiscreteAction, retarded: Any, adv: Any, omega: Any, modes: Modes = ALL_MODES
) -> tuple[np.ndarray, np.ndarray]:
    """Of `blocks`, the part that holds the frequency: (N, b, b), and the source (N, b)."""
    omega = np.broadcast_to(omega, (len(retarded), 8, 8))
    return chunked(partial(_of_nodes, bare_terms(system), modes), retarded, adv, system.nodes, omega)


def currents_of_cells(system: DiscreteAction, retarded: Any, adv: Any, f: Any, modes: Modes = ALL_MODES) -> np.ndarray:
    """Current densities of the modes in every cell, (m, b, 2), in the unit of the reactions 2 (B f + r0).

    Minus the derivative with respect to a field that turns what is carried, by [W, G] at the rate of that field along
    the way: there the spin is that of the cell's point of sampling.
    For charge this is -dS/dA_k: these currents balance at every free node where nothing feeds in charge.
    """
    bare = bare_terms(system)
    if is_traced((system, retarded, f)):
        return _currents(bare, modes, *(jnp.asarray(x)[system.triangles] for x in (retarded, adv, f)), system.cells)
    corners = np.asarray(system.triangles)
    at_corners = (np.asarray(x)[corners] for x in (retarded, adv, f))
    return chunked(partial(_currents, bare, modes), *at_corners, system.cells)


def _of_diffusion(system: DiscreteAction, retarded: np.ndarray, adv: np.ndarray, modes: Modes) -> np.ndarray:
    """Diffusion without links, S = -(1/4) K_ij Tr(G_i G_j): -(1/16) Tr(Phi_a [G_i, K_ij G_j]_12), closed.

    With T = R Phi - Phi A at either node this is (e, b, b), the nodes' own f at the pairs of nodes with themselves.
    """
    phi, factor = _phi(modes, retarded.dtype)
    row, column, K = diffusion_pairs(system)
    T = retarded[:, None] @ phi - phi @ adv[:, None]
    left = phi @ retarded[:, None] - adv[:, None] @ phi
    sums = sp.csr_matrix((K, (row, column)), (len(retarded),) * 2)
    KR, KA = ((sums @ x.reshape(-1, 16)).reshape(-1, 4, 4) for x in (retarded, adv))
    own = np.einsum("naij,nbji->nab", KA[:, None] @ phi - phi @ KR[:, None], T, optimize=True)
    flat = (len(T), len(modes), 16)
    across = left.reshape(flat)[row] @ T.swapaxes(-1, -2).reshape(flat)[column].swapaxes(-1, -2)
    across *= K[:, None, None]
    itself = row == column
    across[itself] += own[row[itself]]
    return -factor / 16 * across


def bare_terms(system: DiscreteAction) -> DiscreteAction:
    """The same terms without a mesh, so that programs do not depend on one, and without a bath."""
    parts: dict[str, Any] = dict.fromkeys(("nodes", "cells", "layout", "triangles", "free"), np.zeros(0))
    parts["node_terms"] = tuple(t for t in system.node_terms if t.field != "inelastic")
    return replace(system, joints=(), **parts)


def _columns(equations: Any, shape: tuple[int, ...], dtype: Any) -> tuple[Array, Array]:
    """The matrix (k, ..., *shape) of linear equations of f (*shape) for k elements, and their values (k, ...) at 0.

    The equations are linear, so they are evaluated at unit vectors, one after the other: less to compile and to compute
    than to differentiate.
    """
    size = int(np.prod(shape))
    values = jax.lax.map(equations, jnp.eye(size + 1, size, k=-1, dtype=dtype).reshape(-1, *shape))
    columns = jnp.moveaxis(values[1:] - values[0], 0, -1)
    return columns.reshape(*values[0].shape, *shape), values[0]


@partial(jax.jit, static_argnums=1)
def _of_nodes(
    bare: DiscreteAction, modes: Modes, retarded: Array, adv: Array, nodes: Nodes, omega: Array
) -> tuple[Array, Array]:
    of_all = jax.vmap(partial(torque_of_node, bare, modes), (None, 0, 0, 0, 0))
    return _columns(lambda f: of_all(f, retarded, adv, nodes, omega), (len(modes),), retarded.dtype)


@partial(jax.jit, static_argnums=1)
def _of_cells(bare: DiscreteAction, modes: Modes, retarded: Array, adv: Array, cells: Cells) -> Array:
    of_all = jax.vmap(partial(torques_of_cell, bare, modes), (None, 0, 0, 0))
    return _columns(lambda f: of_all(f, retarded, adv, cells), (3, len(modes)), retarded.dtype)[0]


@partial(jax.jit, static_argnums=1)
def _of_sides(
    bare: DiscreteAction, modes: Modes, retarded: Array, adv: Array, pairs: dict[str, Any]
) -> tuple[Array, Array]:
    of_all = jax.vmap(partial(torques_of_sides, modes), (None, 0, 0, 0))
    return _columns(lambda f: of_all(f, retarded, adv, pairs), (2, len(modes)), retarded.dtype)


@partial(jax.jit, static_argnums=1)
def _currents(bare: DiscreteAction, modes: Modes, retarded: Array, adv: Array, f: Array, cells: Cells) -> Array:
    def of_cell(r: Array, a: Array, fs: Array, cell: Cells) -> Array:
        at = seen(bare, keldysh_matrices(r, a, fs, modes), cell)
        slope = jax.grad(lambda x: action_of_seen(bare, x, cell), holomorphic=jnp.iscomplexobj(r))(at)
        torque = jax.vmap(lambda g, s: commutator(g, transpose(s)))
        U, steps, total = corner_links(cell, 8, r.dtype), jnp.asarray(cell.steps), jnp.zeros((len(modes), 2), r.dtype)
        for k, way in enumerate(ways_of(cell.middle, steps), start=1):
            if len(at[k]):  # nothing is seen where no term is
                torques = torque(at[k], slope[k])
                if at[k] is not at.middle:
                    torques = jax.vmap(carried)(U, torques)
                total += jax.vmap(lambda t: _components(t, modes))(torques).T @ way
        return -2 * total / cell.area

    return jax.vmap(of_cell)(retarded, adv, f, cells)
