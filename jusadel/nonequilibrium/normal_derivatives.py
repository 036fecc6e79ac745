"""A Flow as a function of what JAX traces: the linear equations of `diffuse`, of which each solve is a known one.

B(p) f = load(p) at the unknown f. JAX differentiates the equations, as the same terms give them, element by element;
it is the factors of the numbers that solve them, and transposed those of gradients.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.action.assembly import discretise
from jusadel.action.mesh_action import DiscreteAction, of_pairs, to_nodes
from jusadel.common.differentiability import on_device
from jusadel.device.contact import Contact
from jusadel.device.device import Device
from jusadel.nonequilibrium.flow import Flow, normal_matrices
from jusadel.nonequilibrium.keldysh import (
    CHARGE_AND_SPIN,
    bare_terms,
    frequency_matrix,
    torque_of_node,
    torques_of_cell,
    torques_of_sides,
)
from jusadel.solver.derivatives.callback import called

Array = jax.Array


@jax.jit
def torques(system: DiscreteAction, f: Array) -> Array:
    """B f of charge and spin in the normal state, (N, 4)."""
    bare, modes = bare_terms(system), CHARGE_AND_SPIN
    retarded, adv = (jnp.asarray(x) for x in normal_matrices(len(f)))
    at_rest, corners = jnp.asarray(frequency_matrix(0.0, 0.0)), system.triangles
    of_nodes = jax.vmap(partial(torque_of_node, bare, modes, w=at_rest))
    total = of_nodes(f, retarded, adv, system.nodes)
    if bare.cell_terms:
        of_cells = jax.vmap(partial(torques_of_cell, bare, modes))
        total += to_nodes(corners, of_cells(f[corners], retarded[corners], adv[corners], system.cells), len(f))
    for joint in system.joints:
        of_sides, at = jax.vmap(partial(torques_of_sides, modes)), joint.pairs
        total = total.at[at].add(of_sides(f[at], retarded[at], adv[at], of_pairs(joint)))
    return total


@dataclass(frozen=True)
class TracedEquations:
    """The equations of a Flow where JAX traces them; as `LinearEquations`, without a matrix."""

    system: DiscreteAction

    def __call__(self, f: Array) -> Array:
        """B f, (N, 4); in the normal state there is no source."""
        return torques(self.system, f)

    of = __call__


class Solver:
    """The factors of the numbers, called by JAX."""

    def __init__(self, problem: Any) -> None:
        self.reduced = problem.reduced()

    def solve(self, _: Any, r: Array) -> Array:
        """x of (S^T B S) x = r."""
        return called(self.reduced.factors.solve, r, r)

    def solve_transposed(self, _: Any, r: Array) -> Array:
        """x of (S^T B S)^T x = r."""
        return called(self.reduced.factors.solve_transposed, r, r)

    @property
    def column(self) -> np.ndarray:
        """Which unknown each f (N 4) is; -1 where it is given."""
        S = self.reduced.spread
        return np.where(np.diff(S.indptr) > 0, np.append(S.indices, 0)[S.indptr[:-1]], -1)


def differentiated_flow(problem: Any, device: Device, contacts: Mapping[str, Contact]) -> Flow:
    """The steady Flow of a problem of numbers, as a function of the device and the contacts that JAX traces.

    Args:
        problem: `diffusion.NormalProblem` of the numbers.
        device: with contacts behind barriers in place of its electrodes.
        contacts: as given.
    """
    system = discretise(device, np.zeros((len(device.mesh.triangles), 3), complex))
    given, load, forced = _contacts_of(problem, device, contacts)
    solver = Solver(problem)
    column = solver.column.reshape(given.shape)
    spread = lambda x: jnp.where(column >= 0, x[column], 0.0)  # noqa: E731
    gathered = partial(_gathered, column, solver.reduced.spread.shape[1])
    product = lambda f: jax.jvp(partial(torques, system), (jnp.zeros_like(f),), (f,))[1]  # noqa: E731
    x = jax.lax.custom_linear_solve(
        lambda x: gathered(product(spread(x))),
        gathered(load + forced - product(given)),
        solver.solve,
        solver.solve_transposed,
    )
    f = given + spread(x)
    nodes_of = partial(problem.system.layout.nodes_of_contact, device.mesh)
    return Flow(
        device=device,
        contacts={name: c.settled(f[nodes_of(name)[0]]) for name, c in contacts.items()},  # type: ignore[arg-type]
        f=f,  # type: ignore[arg-type]
        load=load,  # type: ignore[arg-type]
        equations=TracedEquations(system),  # type: ignore[arg-type]
        system=system,
    )


def _gathered(column: np.ndarray, size: int, f: Array) -> Array:
    """S^T f (k,) of f (N, 4)."""
    return jax.ops.segment_sum(jnp.where(column >= 0, f, 0.0).ravel(), np.maximum(column, 0).ravel(), num_segments=size)


def _contacts_of(problem: Any, device: Device, contacts: Mapping[str, Contact]) -> tuple[Array, Array, Array]:
    """What is given (N, 4), half of what is fed in along edges, and half of that through floating contacts."""
    given, load, forced = (jnp.zeros(problem.given.shape) for _ in range(3))
    mesh, layout = device.mesh, problem.system.layout
    for name, contact in contacts.items():
        nodes, floating = layout.nodes_of_contact(mesh, name), contact.floating()
        held, values = contact.held()
        given = given.at[np.ix_(nodes, held)].set(jnp.asarray(values)[held])
        fed = jnp.asarray(contact.fed()) / 2
        edges = mesh.boundaries[name]
        lengths = jnp.linalg.norm(mesh.points[edges[:, 1]] - mesh.points[edges[:, 0]], axis=1)
        share = jnp.repeat(lengths / lengths.sum() / 2, 2)
        owner = layout.seam.owner[edges.ravel()]
        load = load.at[owner].add(share[:, None] * jnp.where(floating, 0.0, fed))
        forced = forced.at[nodes[0]].add(jnp.where(floating, fed, 0.0))
    return on_device(given), load, forced


def traced_contacts(contacts: Mapping[str, Contact], still: Any) -> dict[str, Contact]:
    """The contacts with what `still` makes of their numbers."""
    names = ("voltage", "spin", "current", "spin_current", "temperature", "tunnel", "polarisation")
    return {name: replace(c, **{key: still(getattr(c, key)) for key in names}) for name, c in contacts.items()}
