"""Eigenvalues of J as functions of what JAX traces: known numbers, with derivatives when they are used.

With the responses x_p of a mode u, both stationary (Hellmann and Feynman),

    lambda = [ Sum w a |u|^2 - 2 pi T Sum_p w_p 16 (2 Re s^+ x_p - x_p^+ H_p x_p) ] / Sum w |u|^2

is right to first order in whatever moves w, a, s = w u, H and T, with u and x_p as they were.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.action.assembly import discretise
from jusadel.action.matrices.padding import without_layout
from jusadel.action.mesh_action import DiscreteAction
from jusadel.common.differentiability import on_device
from jusadel.corrections.cooperon import PER_RATE
from jusadel.corrections.gaussian.pair_operator import PAIRED, PairOperator
from jusadel.corrections.quadratic_form import SIGNS, cell_blocks, joint_blocks, node_blocks, turns
from jusadel.device.device import Device
from jusadel.solver.derivatives.rule import first_order
from jusadel.solver.gap.sites import bare_sites, site_fields

Array = jax.Array
ONCE = (
    "fluctuation_eigenvalues has first derivatives only; take central differences of them, or in fits the Gauss-Newton "
    "matrix of first derivatives, as `fit` does"
)


class EigenvalueInputs(NamedTuple):
    """What eigenvalues are functions of."""

    system: DiscreteAction
    weight: Any  # (K,) of the sites
    Tc: Any  # (K,)
    T: Any
    omega: Any  # (b,)


class KnownModes(NamedTuple):
    """Numbers that give the derivatives."""

    u: np.ndarray  # (m, K)
    x: np.ndarray  # (m, b, N, c)
    nodes: np.ndarray  # (K,) of the sites, among all
    weights: np.ndarray  # (b,) of the sum
    Omega: float


def known_eigenvalues(
    values: np.ndarray, U: np.ndarray, operator: PairOperator, device: Device, T: Any, given: bool
) -> Array:
    """The eigenvalues (m,) of modes (K, m) as functions of the device and of T.

    Args:
        values: the numbers.
        U: the modes.
        operator: J at these numbers.
        device: with whatever JAX traces.
        T: likewise.
        given: whether the frequencies are, so that they do not go with T.
    """
    hessian = operator.hessian
    system = discretise(device, np.zeros((len(device.mesh.triangles), 3), complex), tuple(_present(hessian.system)))
    kept, nodes, weight, Tc = _sites(device, operator)
    responses = operator.responses(U)
    x = np.zeros((len(responses), len(np.asarray(system.free)), hessian.components, U.shape[1]), responses.dtype)
    x[:, hessian.nodes] = responses.reshape(len(responses), -1, hessian.components, U.shape[1])
    known = KnownModes(U.T.copy(), np.moveaxis(x, -1, 0), nodes, operator.weights, operator.Omega)
    omega = jnp.asarray(operator.omega) * (1.0 if given else T / operator.T)
    inputs = EigenvalueInputs(without_layout(system), weight[kept], Tc[kept], jnp.asarray(T, float), omega)
    return first_order(inputs, on_device(known), jnp.asarray(values), _first_order, ONCE)


def _present(system: DiscreteAction) -> set[str]:
    return {t.field for t in (*system.node_terms, *system.cell_terms)} - {"omega"} | ({"A"} if system.links else set())


def _sites(device: Device, operator: PairOperator) -> tuple[np.ndarray, np.ndarray, Any, Any]:
    """Which of all sites are free, their nodes, and weights and Tc of all, with whatever JAX traces."""
    hessian = operator.hessian
    where = bare_sites(device, hessian.system.layout.seam, operator.sites.superconducting)
    kept = np.isin(where.nodes, hessian.nodes)
    return kept, where.nodes[kept], *site_fields(device, where)


@jax.jit
def _first_order(inputs: EigenvalueInputs, modes: KnownModes) -> Array:
    """What changes as the eigenvalues do, (m,)."""
    system, weight, Tc, T, omega = inputs
    c, scale = modes.x.shape[-1], 2 * jnp.pi * T * PAIRED * modes.weights
    a = jnp.log(T / Tc) + 2 * jnp.pi * T * jnp.sum(modes.weights / omega)
    cells = (cell_blocks(system) * turns(system.cells)[..., None, None])[..., :c, :c]
    nodes = node_blocks(system)[..., :c, :c]
    joints = [joint_blocks(joint)[..., :c, :c] for joint in system.joints]
    per_node = 2 * PER_RATE * system.nodes.weight[:, None] * SIGNS[:c]
    rates = omega + modes.Omega / 2

    @jax.checkpoint
    def one(mode: Any) -> Array:
        u, x = mode
        s = jax.ops.segment_sum(weight * u, modes.nodes, num_segments=x.shape[1])
        quadratic = _between(scale, x, system.triangles, cells) + _between(
            scale, x, np.arange(x.shape[1])[:, None], nodes[:, None, None]
        )
        quadratic += sum(_between(scale, x, j.pairs, b) for j, b in zip(system.joints, joints, strict=True))
        quadratic += jnp.einsum("p,p,nc,pnc->", scale, rates, per_node, jnp.abs(x) ** 2)
        linear = 2 * jnp.einsum("p,n,pn->", scale, jnp.conj(s), x[..., 0]).real
        return (jnp.sum(weight * a * jnp.abs(u) ** 2) - linear + quadratic) / jnp.sum(weight * jnp.abs(u) ** 2)

    return jax.lax.map(one, (modes.u, modes.x))


def _between(scale: Array, x: Array, places: Any, blocks: Array) -> Array:
    """Sum over p of scale x^+ H x, of blocks (m, k, k, c, c) between the nodes (m, k)."""
    at = x[:, places]  # (b, m, k, c)
    pairs = jnp.einsum("p,pmia,pmjb->mijab", scale, jnp.conj(at), at)
    return jnp.sum((pairs * blocks).real)
