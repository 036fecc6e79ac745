"""What `diffuse` returns, and its currents: the same derivatives of the same action as in equilibrium."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.action.mesh_action import DiscreteAction, nodal_mean
from jusadel.action.nambu import R
from jusadel.action.periodic import rotation_matrices
from jusadel.common.differentiability import is_traced
from jusadel.device.contact import Contact
from jusadel.device.device import Device
from jusadel.device.units.of_device import OfDevice
from jusadel.device.units.shown import between, scale, with_unit
from jusadel.nonequilibrium.contacts import own_nodes
from jusadel.nonequilibrium.keldysh import CHARGE_AND_SPIN, current_over_joint, currents_of_cells
from jusadel.nonequilibrium.linear.equations import LinearEquations
from jusadel.observables.currents import current_through, flux_of_cells, spin_current_through
from jusadel.observables.densities import charge_currents_of_cells, named, spin_currents_of_cells, spin_density
from jusadel.observables.lines import barrier_at, line_at

Array = jax.Array


@dataclass(frozen=True, kw_only=True)
class Flow(OfDevice):
    """Charge and spin in the normal state, per 2 nu: potentials [energy].

    Attributes:
        device: the Device as it was solved, contacts behind barriers in place of its electrodes; `mesh` is its mesh.
        contacts: {boundary: Contact}.
        time: the time that it belongs to; None for the steady state.
    """

    device: Device
    contacts: Mapping[str, Contact]
    f: np.ndarray = field(repr=False)  # (N, 4) mu and S; behind the mesh's nodes those behind barriers
    load: np.ndarray = field(repr=False)  # (N, 4) half the currents that contacts feed in
    equations: LinearEquations = field(repr=False)
    system: DiscreteAction = field(repr=False)
    time: float | None = None

    @property
    def mu(self) -> np.ndarray:
        """Electrochemical potential at the nodes, (n,); the density of charge, per 2 nu."""
        return self._at_mesh()[:, 0]

    @property
    def S(self) -> np.ndarray:
        """Spin at the nodes, up minus down, per 2 nu, (n, 3); `spin_density` gives it with each material's 2 nu."""
        return self._at_mesh()[:, 1:]

    @property
    def dissipation(self) -> float:
        """Temperature times entropy production, charge and spin, of the whole device [nu D energy^2].

        2 f.B f: what diffusion, relaxation and barriers take. The spin-galvanic and spin Hall terms produce none.
        """
        return 2 * (self.f * self.equations.of(self.f)).sum()

    def __repr__(self) -> str:
        largest = np.linalg.norm(self.S, axis=1).max()
        when = "" if self.time is None else f" at time {with_unit(self.time, scale(self.units, 'time'), 6)}"
        volts = scale(self.units, "voltage")
        return (
            f"Flow{when}: {len(self.mu)} nodes, mu from {between(self.mu.min(), self.mu.max(), volts, 5)}, "
            f"max |S| = {with_unit(largest, volts)}\n  {listed_currents(self)}"
        )

    def _at_mesh(self) -> np.ndarray:
        """mu and S of the mesh's nodes, (n, 4); those of a seam from their owners, turned."""
        seam, n = self.system.layout.seam, len(self.mesh.points)
        values = self.f[:n][seam.owner]
        if seam.spin is None:
            return values
        xp: Any = jnp if is_traced(values) else np
        turned = xp.einsum("nij,nj->ni", np.asarray(rotation_matrices(seam.spin)), values[:, 1:])
        return xp.concatenate([values[:, :1], turned], axis=1)


def listed_currents(result: Any) -> str:
    """The currents of all contacts of a Flow or Kinetics, and what they add up to."""
    each = {name: float(current_through(result, name)) for name in result.contacts}
    unit = scale(result.units, "current")
    text = ", ".join(f"{name}: {with_unit(out, unit)}" for name, out in each.items())
    together = sum(each.values())
    round_off = abs(together) < 1e-8 * max(map(abs, each.values()), default=0.0)
    return f"currents out of the device: {text}, together {with_unit(0 if round_off else together, unit, 2)}"


def normal_matrices(count: int) -> tuple[np.ndarray, np.ndarray]:
    """R = R3 and A = -R3 at so many nodes, (count, 4, 4) real each."""
    retarded = np.broadcast_to(R[2], (count, 4, 4))
    return retarded, -retarded


# --- observables ---------------------------------------------------------------------------------


def _currents(flow: Flow, terms: Sequence[str] | None) -> Array:
    system = flow.system if terms is None else replace(flow.system, cell_terms=named(terms))
    return jnp.asarray(currents_of_cells(system, *normal_matrices(len(flow.f)), flow.f, CHARGE_AND_SPIN))


@charge_currents_of_cells.register
def _(flow: Flow, terms: Sequence[str] | None = None) -> Array:
    return _currents(flow, terms)[:, 0]


@spin_currents_of_cells.register
def _(flow: Flow, terms: Sequence[str] | None = None) -> Array:
    return _currents(flow, terms)[:, 1:]


@spin_density.register
def _(flow: Flow, pauli: bool = True) -> Array:
    """2 nu S, what the flow adds; the Pauli spin of an exchange field is not in it, with `pauli` or without."""
    nu = jnp.asarray(flow.device.centroid_field("nu"))[:, None, None] * jnp.ones((1, 3, 1))
    return 2 * nodal_mean(flow.mesh, nu) * flow.S


@current_through.register
def _(flow: Flow, name: str) -> Array:
    return _leaving(flow, name, slice(0, 1))[0]


@spin_current_through.register
def _(flow: Flow, name: str) -> Array:
    return _leaving(flow, name, slice(1, 4))


def _leaving(flow: Flow, name: str, modes: slice) -> Array:
    """Charge or spin out of the device through a boundary: what its nodes take where it holds them, else what it feeds
    in, with the minus sign; through other lines the currents of cells."""
    if name in flow.contacts:
        if not flow.contacts[name].held()[0][modes].all():
            return jnp.asarray(0.0 - flow.contacts[name].fed()[modes])
        nodes = own_nodes(flow, _holding(flow, modes), name)
        return jnp.asarray(-2 * (flow.equations(flow.f) - flow.load)[nodes, modes].sum(axis=0))
    if barrier := barrier_at(flow.device, name):
        matrices = normal_matrices(len(flow.f))
        return -jnp.asarray(current_over_joint(flow.system, *barrier, *matrices, flow.f, CHARGE_AND_SPIN)[modes])
    behind = flow.system.layout.ghosts
    held = [other for other in _holding(flow, modes) if other not in behind]
    fed = [other for other, contact in flow.contacts.items() if other in behind or contact.fed()[modes].any()]
    line = line_at(flow.device, name, held, fed)
    return flux_of_cells(flow, _currents(flow, None)[:, modes], line)


def _holding(flow: Flow, modes: slice) -> list[str]:
    """The contacts that hold the charge, or the spin."""
    return [name for name, contact in flow.contacts.items() if contact.held()[0][modes].all()]
