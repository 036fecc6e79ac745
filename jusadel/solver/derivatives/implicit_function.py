"""Derivatives of a solution by the implicit function theorem: one linear solve, whatever Newton's method did.

A solution is stationary, R(u = 0; V, Delta, p) = 0 with R the derivative of the free energy with respect to the steps u
from the frames V and to the pair potential, and p all numbers of the discrete action. So

    H x = - dR/dp p',     V' = V Y(x),     H = dR/d(u, Delta),

and H is symmetric: the same solve serves tangents and, transposed by JAX, gradients. Since the rule is written with
R, H and the solution itself, JAX differentiates it again. At real energies frequencies, frames, R and H are complex
and H stays symmetric: nothing is conjugated.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.action.matrices.node_matrices import TWO_B_R3, green, inverse_of_frames, product, traces
from jusadel.action.matrices.products import code_for
from jusadel.action.mesh_action import DiscreteAction, cell_action, local_slope, to_nodes, with_pairing
from jusadel.action.nambu.frames import generator
from jusadel.common.differentiability import is_traced
from jusadel.solver.derivatives.rule import Residual, Solve, implicit
from jusadel.solver.gap.response import amplitudes

Array = jax.Array

GROUP, BLOCK, TOGETHER = 8, 1000, 20_000
"""Frequencies, triangles, and nodes times frequencies that are differentiated together: what bounds the memory."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class GapTerms:
    """What the gap equation adds: Sum_k weight_k a_k |Delta_k|^2 over the sites, and Delta_k to its node's pairing."""

    nodes: Array  # (K,)
    weight: Array  # (K,) nu times area
    a: Array  # (K,)
    scale: Array  # (b,) pi T w_p, of the frequencies' actions in the free energy

    def on_nodes(self, Delta: Array, n: int) -> Array:
        """Delta (K, 2) times its weight summed into n nodes, (n, 2)."""
        return jax.ops.segment_sum(self.weight[:, None] * Delta, self.nodes, num_segments=n)


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Equations:
    """All numbers that a solution depends on."""

    system: DiscreteAction
    omega: Array  # (b,)
    held: Array  # (b, N, 4, 4) frames of the nodes that are not free
    gap: GapTerms | None = None  # where the pair potential is an unknown; that in `system` is then not used

    def at(self, Delta: Array) -> DiscreteAction:
        """The action with the unknown pair potential Delta (K, 2) at the sites."""
        assert self.gap is not None
        return with_pairing(self.system, self.gap.on_nodes(Delta, len(self.system.free)))


Unknowns = tuple[Array, ...]
"""(V,) or (V, Delta), and likewise steps and slopes: (u,) or (u, Delta)."""


def attached(equations: Equations, solution: Unknowns, solve: Solve, given: Any = ()) -> Unknowns:
    """The solution as a function of the equations that it solves.

    Args:
        equations: with whatever JAX is tracing in it.
        solution: the numbers, frames V (b, N, 4, 4) and, with a gap equation, Delta (K, 2) at the sites.
        solve: x of H x = r for r = (r_u (b, N, 8),) or (r_u, r_Delta (K, 2)), called with r and what is given.
        given: whatever JAX may be tracing in `solve`. It must not close over that: where the derivative is taken
            outside of jax.jit or jax.vmap, the rule runs after their traces have ended.
    """
    V, *Delta = implicit(FRAMES, equations, solution, solve, given)
    if not is_traced(equations.held):  # then V has them, and its change is zero there
        return V, *Delta
    return _held(equations.system.free, V, equations.held), *Delta


@jax.jit
def _held(free: Array, V: Array, held: Array) -> Array:
    return jnp.where(free[:, None, None], V, held)


def _turned(_: Equations, solution: Unknowns, x: Unknowns) -> Unknowns:
    return _rotated(solution[0], x[0]), *x[1:]


@jax.jit
def _rotated(V: Array, u: Array) -> Array:
    return V @ generator(u)


# --- the residual, as a function of everything -----------------------------------------------------


@jax.jit
@jax.checkpoint
def slopes(equations: Equations, solution: Unknowns) -> Unknowns:
    """R: derivatives of the free energy with respect to the steps, (b, N, 8), and to Delta, (K, 2).

    Without a gap equation those of each frequency's action with respect to the steps. Its own derivatives keep the
    solution itself, and no copies of it in groups.
    """
    gap, V = equations.gap, jnp.where(equations.system.free[:, None, None], solution[0], equations.held)
    if gap is None:
        return (_in_groups(equations.system, V, equations.omega),)
    Delta = solution[1]
    r, f = _in_groups(equations.at(Delta), V, equations.omega), amplitudes(V, gap.scale)[gap.nodes]
    return gap.scale[:, None, None] * r, 2 * gap.weight[:, None] * (gap.a[:, None] * Delta - 2 * f)


@jax.jit
def hessian_product(equations: Equations, solution: Unknowns, x: Unknowns) -> Unknowns:
    """H x at a solution."""

    def moved(x: Unknowns) -> Unknowns:
        V = solution[0] + solution[0] @ generator(x[0])
        return slopes(equations, (V, *(Delta + d for Delta, d in zip(solution[1:], x[1:], strict=True))))

    return jax.jvp(moved, (jax.tree.map(jnp.zeros_like, x),), (x,))[1]


FRAMES = Residual(slopes, hessian_product, _turned, symmetric=True)
"""The equations of a solution, in the coordinates u and Delta."""


def _in_groups(system: DiscreteAction, V: Array, omega: Array) -> Array:
    """The slope of each frequency's action, (b, N, 8); as many of them at a time as `GROUP` and `TOGETHER` allow."""
    b = len(omega)
    groups = -(-b // int(np.clip(TOGETHER // V.shape[1], 1, GROUP)))
    size = -(-b // groups)
    pad = np.minimum(np.arange(groups * size), b - 1).reshape(groups, size)
    one = jax.checkpoint(lambda x: _slope(system, *x))
    r = jax.lax.map(one, (V[pad], omega[pad]))
    return r.reshape(-1, *r.shape[2:])[:b]


def _slope(system: DiscreteAction, V: Array, omega: Array) -> Array:
    V = jnp.moveaxis(V, 0, -1)
    with code_for(V.size):
        V_inverse = inverse_of_frames(V)
        Q = product(product(V_inverse, _gradient(system, green(V, V_inverse), omega)), V)
    return jnp.moveaxis(jnp.where(system.free[:, None, None], traces((TWO_B_R3, Q)), 0), -1, 0)


def _gradient(system: DiscreteAction, G: Array, omega: Array) -> Array:
    """Phi with dS = Tr(Phi dG), (N, 4, 4, w), with nothing worked out beforehand."""

    def forces(block: Any) -> Array:
        triangles, cells = block
        corners = tuple(G[triangles[:, i]] for i in range(3))
        each = jax.vmap(lambda cell, *g: cell_action(system, g, cell))
        total = lambda *g: jnp.sum(each(cells, *g))  # noqa: E731
        Phi = jax.grad(total, argnums=(0, 1, 2), holomorphic=jnp.iscomplexobj(G))(*corners)
        return jnp.stack([jnp.swapaxes(x, 1, 2) for x in Phi], axis=1)

    count = len(system.triangles)
    blocks = jax.tree.map(partial(_in_blocks, -(-count // BLOCK)), (system.triangles, system.cells))
    found = jax.lax.map(jax.checkpoint(forces), blocks)
    at_corners = found.reshape(-1, 3, *G.shape[1:])[:count]
    return local_slope(system, G, omega) + to_nodes(system.triangles, at_corners, len(G))


def _in_blocks(blocks: int, x: Array) -> Array:
    missing = -len(x) % blocks
    return jnp.concatenate([x, jnp.zeros((missing, *x.shape[1:]), x.dtype)]).reshape(blocks, -1, *x.shape[1:])
