"""The linear equations for distributions as a function of what JAX traces, whatever solves them.

B(p) f + r0(p) = load(p) at the unknown f. JAX differentiates the equations as the same terms give them, element by
element; solved they are by the factors of the numbers, and for gradients by the transposed of the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.action.mesh_action import DiscreteAction, of_pairs, to_nodes
from jusadel.action.nambu import advanced
from jusadel.common.errors import SolveError
from jusadel.nonequilibrium.keldysh import (
    Modes,
    bare_terms,
    torque_of_node,
    torques_of_cell,
    torques_of_sides,
)
from jusadel.nonequilibrium.linear.batched.energies import responses_of_all
from jusadel.nonequilibrium.linear.equations import Assembly, LinearEquations
from jusadel.nonequilibrium.linear.factors import Factors, Reduced, UnknownEquations
from jusadel.solver.derivatives.callback import UNKNOWN, called, kept
from jusadel.solver.derivatives.rule import Residual, implicit

Array = jax.Array
GIVEN = -1


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Transport:
    """All numbers that distributions depend on, at b energies."""

    system: DiscreteAction
    retarded: Array  # (b, N, 4, 4)
    omega: Array  # (b, N, 8, 8) `frequency_matrix` of every node
    given: Array  # (b, N, m), where f is not unknown
    load: Array  # (b, N, m) half of what is fed in along edges
    forced: Array  # (b, N, m) and through floating contacts
    place: Array  # (b, N m) the unknown that each is: itself, the first of those that are one, or GIVEN
    modes: Modes = field(metadata={"static": True})


def unknown_places(unknown: np.ndarray, together: Any = ()) -> np.ndarray:
    """`Transport.place` (N m,) of one energy from what is unknown, (N, m), and which of that is one."""
    place = np.where(unknown.ravel(), np.arange(unknown.size), GIVEN)
    for group in together:
        place[group] = group[0]
    return place


def of_all_nodes(system: DiscreteAction, modes: Modes, f: Array, retarded: Array, omega: Array) -> Array:
    """B f + r0 of the terms without gradients at one energy, (N, m)."""
    of_nodes = jax.vmap(partial(torque_of_node, bare_terms(system), modes))
    return _real(of_nodes(_as(f, retarded), retarded, advanced(retarded), system.nodes, omega))


def of_all(system: DiscreteAction, modes: Modes, f: Array, retarded: Array, omega: Array) -> Array:
    """B f + r0 of everything at one energy, (N, m)."""
    total = of_all_nodes(system, modes, f, retarded, omega)
    bare, adv, f, corners = bare_terms(system), advanced(retarded), _as(f, retarded), system.triangles
    if bare.cell_terms:
        of_cells = jax.vmap(partial(torques_of_cell, bare, modes))
        found = of_cells(f[corners], retarded[corners], adv[corners], system.cells)
        total += to_nodes(corners, _real(found), len(f))
    for joint in system.joints:
        of_sides, at = jax.vmap(partial(torques_of_sides, modes)), joint.pairs
        total = total.at[at].add(_real(of_sides(f[at], retarded[at], adv[at], of_pairs(joint))))
    return total


def _as(f: Array, retarded: Array) -> Array:
    return f.astype(retarded.dtype)


def _real(x: Array) -> Array:
    return jnp.real(x)


def over_energies(of_one: Callable[..., Array], transport: Transport, f: Array) -> Array:
    """of_one(system, modes, f, retarded, omega) of every energy, one after the other."""
    one = jax.checkpoint(lambda x: of_one(transport.system, transport.modes, *x))
    given = (f, transport.retarded, transport.omega)
    if len(f) == 1:
        return one(jax.tree.map(lambda x: x[0], given))[None]
    return jax.lax.map(one, given)


@jax.jit
def reactions(transport: Transport, f: Array) -> Array:
    """B f + r0, (b, N, m)."""
    return over_energies(of_all, transport, f)


# --- as an implicit function -----------------------------------------------------------------------


@jax.jit
def unbalanced(transport: Transport, f: Array) -> Array:
    """B f + r0 - load summed into the unknowns, (b, N m)."""
    left = reactions(transport, completed(transport, f)) - transport.load - transport.forced
    return gathered(transport, left)


@jax.jit
def _product(transport: Transport, _: Array, x: Array) -> Array:
    return gathered(transport, change_by_unknowns(transport, x))


@jax.jit
def change_by_unknowns(transport: Transport, x: Array) -> Array:
    """The change (b, N, m) of B f + r0 with the unknowns x (b, N m)."""
    still = jnp.zeros_like(transport.given)
    change = spread_unknowns(transport, still, x)
    return jax.jvp(partial(reactions, transport), (still,), (change,))[1]


@jax.jit
def spread_unknowns(transport: Transport, _: Array, x: Array) -> Array:
    """The change (b, N, m) of all f with the unknowns x (b, N m)."""
    own = jnp.take_along_axis(x, jnp.maximum(transport.place, 0), axis=1)
    return jnp.where(transport.place >= 0, own, 0.0).reshape(transport.given.shape)


def gathered(transport: Transport, r: Array) -> Array:
    """(b, N, m) summed into the unknowns, (b, N m)."""
    place = transport.place
    flat = jnp.where(place >= 0, r.reshape(place.shape), 0.0)
    rows = np.arange(len(place))[:, None]
    return jnp.zeros_like(flat).at[rows, jnp.maximum(place, 0)].add(flat)


def completed(transport: Transport, f: Array) -> Array:
    """f (b, N, m), and what is given where it is not unknown."""
    return jnp.where(transport.place.reshape(f.shape) >= 0, f, transport.given)


LINEAR = Residual(unbalanced, _product, spread_unknowns)
"""The equations for distributions."""


def attached_distributions(transport: Transport, f: Any, known: int = UNKNOWN) -> Array:
    """The distributions f (b, N, m) that solve the equations, as a function of their numbers.

    `known` is what `callback.keep` said of their `Factorised`.
    """
    host, numbers = TransportHost(), jax.lax.stop_gradient(transport)
    found = implicit(LINEAR, transport, f, host.linear, (known, numbers), host.transposed)
    return completed(transport, found)


def found_in_program(transport: Transport) -> Array:
    """The distributions where no number has a value; NaN where nothing was found."""
    numbers = jax.lax.stop_gradient(transport)
    return attached_distributions(transport, called(TransportHost().solve, jnp.zeros(transport.given.shape), numbers))


# --- the solver, called with numbers ---------------------------------------------------------------


@dataclass(frozen=True)
class Factorised:
    """The equations of the unknowns at every energy."""

    each: Sequence[UnknownEquations]

    @classmethod
    def of(cls, transport: Any) -> Factorised:
        """From numbers."""
        assembly = Assembly(transport.system, transport.modes)
        return cls([_reduced(transport, assembly, k) for k in range(len(transport.given))])

    def __call__(self, r: np.ndarray, transposed: bool = False) -> np.ndarray:
        """H^-1 r (b, N m), or with the transposed of H."""
        return responses_of_all(self.each, r, transposed)


@dataclass(frozen=True)
class TransportHost:
    """Factors of the numbers, called by JAX with NumPy's arrays."""

    def linear(self, r: Any, known: Any, numbers: Any) -> Any:
        """H^-1 r (b, N m)."""
        return called(partial(self._respond, False), r, known, numbers, r)

    def transposed(self, r: Any, known: Any, numbers: Any) -> Any:
        """H^-T r."""
        return called(partial(self._respond, True), r, known, numbers, r)

    def _respond(self, transposed: bool, known: Any, numbers: Any, r: np.ndarray) -> np.ndarray:
        if not np.isfinite(r).all():
            return np.full_like(r, np.nan)
        try:
            return (kept(known) or Factorised.of(numbers))(r, transposed)
        except SolveError:
            return np.full_like(r, np.nan)

    def solve(self, numbers: Any) -> np.ndarray:
        """f (b, N, m)."""
        try:
            assembly, found = Assembly(numbers.system, numbers.modes), []
            for k, (load, given) in enumerate(zip(numbers.load + numbers.forced, numbers.given, strict=True)):
                equations = equations_at(numbers, assembly, k)
                found.append(_reduced(numbers, assembly, k, equations).solve(load - equations.source, given))
            return np.stack(found)
        except (SolveError, ValueError):
            return np.full(numbers.given.shape, np.nan)


def equations_at(transport: Any, assembly: Assembly, k: int) -> LinearEquations:
    """The matrix and the source of one energy."""
    retarded = np.asarray(transport.retarded[k])
    adv = np.asarray(advanced(jnp.asarray(retarded)))
    return assembly.equations(assembly.blocks(retarded, adv, np.asarray(transport.omega[k])))


def _reduced(transport: Any, assembly: Assembly, k: int, equations: LinearEquations | None = None) -> Reduced:
    """Factorised by what is quick, else by what serves any matrix."""
    B = (equations or equations_at(transport, assembly, k)).B
    place = np.asarray(transport.place[k])
    unknown = (place >= 0).reshape(transport.given.shape[1:])
    first, size = np.unique(place[place >= 0], return_counts=True)
    together = [np.flatnonzero(place == number) for number in first[size > 1]]
    try:
        return Reduced(B, unknown, together=together)
    except SolveError:
        return Reduced(B, unknown, Factors.pivoted, together)
