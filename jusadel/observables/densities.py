"""What is measured: each observable is a derivative of the action at the solution.

With the total free energy F = (...) + pi T Sum_p w_p Sum_triangles nu Int (f_omega - f_omega[tau3]):
charge current j_k = -dF/dA_k, spin current j_ak = -dF/da_ak, spin density S_a = dF/dh_a - 2 nu h_a
(physics.md, section 1). Carriers have charge +1, currents run along +grad phi, and each material's nu is in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial, singledispatch
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.action.matrices.links import ways_of
from jusadel.action.matrices.padding import few_sizes, filled_up, in_few_sizes, with_zeros, without_layout
from jusadel.action.matrices.products import code_for
from jusadel.action.mesh_action import Cells, DiscreteAction, action_of_seen, cell_action, nodal_mean, seen
from jusadel.action.nambu import L, R
from jusadel.action.terms import TERMS, Term
from jusadel.common.differentiability import at_once, is_traced, on_device
from jusadel.mesh.topology import SIDES
from jusadel.observables.recovery import recovered
from jusadel.solver.states.base import Solved
from jusadel.solver.states.solution import Solution

Array = jax.Array


def charge_current(sol: Solved, at: str = "triangles", terms: Sequence[str] | None = None) -> Array:
    """Charge current density j_k = -dF/dA_k; the normal conductivity is 2 nu D.

    Args:
        sol: the Solution, or the Flow of `diffuse`.
        at: "triangles" (m, 2), -dF/dA of each over its area: what balances exactly at the free nodes, but first-order
            accurate point by point, with eddies of the size of a triangle. Or "nodes" (n, 2), to look at and to
            compare: means of the conserved fluxes across edges that follow from these balances (`recovery`),
            none of them through vacuum; second-order accurate on regular meshes, between first and second order on
            others, and at borders of regions the mean of both sides. What flows along the edges of a Surface comes on
            top; `current_through` and `current_across` have it.
        terms: names of gradient terms of the action ("diffusion", "spin_galvanic", "spin_hall",
            "spin_swapping") whose share is wanted; None for all. A share alone is not conserved and can end at vacuum.

    Returns:
        Current per length of cross-section, (m, 2) or (n, 2) [nu D energy / length].
    """
    return _placed(sol, charge_currents_of_cells(sol, terms), at, terms)


def spin_current(sol: Solved, at: str = "triangles", terms: Sequence[str] | None = None) -> Array:
    """Spin current density j_ak = -dF/da_ak: spin a (up minus down) flowing along k.

    Args and accuracy as in `charge_current`. Where something turns or relaxes spins they are not conserved; what feeds
    them in at a node is then shared out evenly over its triangles.

    Returns:
        (m, 3, 2) at="triangles" or (n, 3, 2) at="nodes".
    """
    return _placed(sol, spin_currents_of_cells(sol, terms), at, terms)


@singledispatch
def charge_currents_of_cells(sol: Solved, terms: Sequence[str] | None = None) -> Array:
    """As `charge_current`, (m + k, 2): behind the triangles, currents times thickness of edges with own terms."""
    return _summed(sol, charge_currents, terms)


@singledispatch
def spin_currents_of_cells(sol: Solved, terms: Sequence[str] | None = None) -> Array:
    """As `charge_currents_of_cells`, (m + k, 3, 2)."""
    return _summed(sol, _spin_currents, terms)


@singledispatch
def spin_density(sol: Solved, pauli: bool = True) -> Array:
    """Spin density S_a = dF/dh_a - 2 nu h_a at the nodes, <sigma_a>, up minus down, (n, 3) [nu energy].

    Args:
        sol: the Solution, or the Flow of `diffuse`, of which this is 2 nu S, without the equilibrium's Pauli spin.
        pauli: whether to include the normal state's -2 nu h, which no quasi-classical sum contains.
    """
    sol = cast(Solution, sol)
    spin = jnp.einsum("w,aij,wnji->na", jnp.asarray(sol.weights), jnp.asarray(_L_R3), sol.G)
    nu = sol.device.centroid_field("nu")[:, None, None]
    S = jnp.pi * sol.T * nodal_mean(sol.mesh, nu * jnp.ones((1, 3, 1))) * spin
    if not pauli:
        return S
    return S - 2 * nodal_mean(sol.mesh, nu * sol.device.vertex_field("h"))


def pair_amplitude(sol: Solution, omega: int | None = None) -> tuple[Array, Array]:
    """Pair amplitudes 2 pi T Sum w f over omega > 0, singlet (n,) and triplet vector (n, 3), complex.

    The anomalous part of g is tau2 Re f + tau1 Im f + i sigma_k (tau2 Re f_k + tau1 Im f_k): the singlet has
    the phase of Delta, f = Delta/sqrt(omega^2 + |Delta|^2) in bulk; to first order f_k = -h_k f/omega.
    Where Delta > 0 the singlet sum grows with the logarithm of the highest frequency.

    Args:
        sol: the Solution.
        omega: index of one frequency, for its amplitude f without weight; None for the sum.
    """
    singlet, triplet = _amplitudes(sol.G if omega is None else sol.G[omega])
    if omega is not None:
        return singlet, triplet
    weights = 2 * jnp.pi * sol.T * jnp.asarray(sol.weights)
    return jnp.einsum("w,wn->n", weights, singlet), jnp.einsum("w,wna->na", weights, triplet)


def by_real_numbers(f: Any) -> Any:
    """The derivative with respect to its first argument, real, of a function that is real or, as at real energies,
    complex: that is no holomorphic derivative, since only the result is complex."""

    def slope(x: Array, *rest: Any) -> Array:
        if not jnp.issubdtype(jax.eval_shape(f, x, *rest).dtype, jnp.complexfloating):
            return jax.grad(f)(x, *rest)
        return jax.grad(lambda *a: f(*a).real)(x, *rest) + 1j * jax.grad(lambda *a: f(*a).imag)(x, *rest)

    return slope


# --- sums over frequencies -------------------------------------------------------------------------

_L_R3 = L @ R[2]


def _amplitudes(G: Array) -> tuple[Array, Array]:
    def part(matrix: Any) -> Array:
        return jnp.einsum("ij,...ji->...", matrix, G) / 4

    singlet = -(part(R[1]) + 1j * part(R[0]))
    triplet = jnp.stack([part(s @ R[1]) + 1j * part(s @ R[0]) for s in L], axis=-1)
    return singlet, triplet


def weighted_sum(system: DiscreteAction, density: Any, G: Any, weights: Any, count: int) -> Any:
    """Sum_p w_p density(system, G_p), of whose rows, cells or nodes, `count` are wanted.

    On numbers the program has shapes in few sizes.
    """
    if not is_traced((system, G, weights)):
        system, b = in_few_sizes(system), few_sizes(len(weights))
        G = on_device(filled_up(filled_up(G, len(system.free), axis=1), b))
        return np.asarray(at_once(_weighted_sum, system, density, G, on_device(with_zeros(weights, b))))[:count]
    return _weighted_sum(without_layout(system), density, G, on_device(weights))


@partial(jax.jit, static_argnums=1)
def _weighted_sum(system: DiscreteAction, density: Any, G: Array, weights: Array) -> Array:
    """One frequency after the other to keep the memory of one."""

    def each(system: DiscreteAction, G: Array) -> Array:
        with code_for(3 * G.size):
            return density(system, G)

    def add(total: Array, item: tuple[Array, Array]) -> tuple[Array, None]:
        return total + item[1] * each(system, item[0]), None

    shape = jax.eval_shape(each, system, G[0])
    start = jnp.zeros(shape.shape, shape.dtype)
    return jax.lax.scan(jax.checkpoint(add), start, (G, weights))[0]  # as in `_actions`


def _summed(sol: Any, per_triangle: Any, terms: Sequence[str] | None) -> Array:
    system = sol.system if terms is None else replace(sol.system, cell_terms=named(terms))
    return weighted_sum(system, per_triangle, sol.all_G, -np.pi * sol.T * sol.weights, len(system.triangles))


def named(terms: Sequence[str]) -> tuple[Term, ...]:
    """The gradient terms of the action with these names."""
    known = {t.name: t for t in TERMS if t.gradient}
    unknown = [name for name in terms if name not in known]
    if unknown or isinstance(terms, str):
        raise ValueError(f"terms = {terms!r}; expected a sequence of names from {list(known)}")
    return tuple(known[name] for name in terms)


def charge_currents(system: DiscreteAction, G: Array) -> Array:
    """df/dA per triangle: a uniform shift of A changes its line integrals along the edges."""
    return _by_turning(system, G, R[2:])[:, 0]


def _spin_currents(system: DiscreteAction, G: Array) -> Array:
    """df/da per triangle, (m, 3, 2); along a link that turns spins their direction is averaged."""
    if not system.links:
        return _by_turning(system, G, L)

    def shifted(a: Array, g: Array, cell: Cells) -> Array:
        moved = replace(cell, line_a=cell.line_a + cell.steps @ a.T)
        return cell_action(system, g, moved, links=True) / cell.area

    return jax.vmap(by_real_numbers(shifted), (None, 0, 0))(jnp.zeros((3, 2)), G[system.triangles], system.cells)


def _by_turning(system: DiscreteAction, G: Array, generators: np.ndarray) -> Array:
    """As each matrix that was carried turns by -[X, G] per length of its way, generators X that no link changes."""
    X = jnp.asarray(generators, G.dtype)

    def of_cell(g: Array, cell: Cells) -> Array:
        at = seen(system, g, cell)
        slope = jax.grad(lambda x: action_of_seen(system, x, cell), holomorphic=jnp.iscomplexobj(g))(at)
        steps, total = jnp.asarray(cell.steps), jnp.zeros((len(X), 2), g.dtype)
        for matrices, slopes, way in zip(at[1:], slope[1:], ways_of(cell.middle, steps), strict=True):
            if len(matrices):  # nothing is seen where no term is
                g = matrices[:, None]
                total += jnp.einsum("caij,cij,ck->ak", g @ X - X @ g, slopes, way)
        return total / cell.area

    return jax.vmap(of_cell)(G[system.triangles], system.cells)


def _placed(sol: Solved, values: Array, at: str, terms: Sequence[str] | None) -> Array:
    if at not in ("triangles", "nodes"):
        raise ValueError(f"at = {at!r}; expected 'triangles' or 'nodes'")
    if at == "triangles":
        return on_device(values[: len(sol.mesh.triangles)])
    return nodal_mean(sol.mesh, one_sided(sol, values, leaks=terms is not None))


def one_sided(sol: Solved, values: Array, leaks: bool = False) -> Array:
    """Currents at the triangles' corners, (m, 3, ..., 2), from those of cells; they differ at borders of regions.

    With `leaks` they can end at all outer edges, else only at boundaries that have a condition or a contact.
    """
    mesh = sol.mesh
    conditions = {*sol.device.boundaries, *getattr(sol, "contacts", ())}
    sides = {name + side for name in conditions for side in ("", *SIDES)}
    passable = None if leaks else sides & set(mesh.boundaries)
    return recovered(mesh, values[: len(mesh.triangles)], passable)
