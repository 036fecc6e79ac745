"""Charge and spin diffusion in the normal state: `diffuse`.

The linear Keldysh equations at R = tau3 (`keldysh`), of the same action as everything else; in bulk they are

    d_k j_k  = - d_t mu
    d_k j_kl = - d_t S_l + 2 eps_lmr h_m S_r - gamma_lm d_m mu - (1/2) (Gamma_aa S_l - Gamma_lm S_m) + ...

with all currents (docs/physics.md, section 5, has every term). Nothing but the linear equations is solved here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from jusadel.action.assembly import discretise
from jusadel.action.connectivity import edge_sides
from jusadel.action.mesh_action import DiscreteAction
from jusadel.common.differentiability import is_traced, values_of, waits, worked_out
from jusadel.device.boundary import Reservoir, Tunnel
from jusadel.device.contact import Contact
from jusadel.device.device import Device
from jusadel.nonequilibrium.contacts import currents_fed, diffusive_contacts, turns_spins, values_held
from jusadel.nonequilibrium.derivatives.flows import differentiated_flow, traced_contacts, transport_of
from jusadel.nonequilibrium.derivatives.transport import Transport, unknown_places
from jusadel.nonequilibrium.flow import Flow, normal_matrices
from jusadel.nonequilibrium.keldysh import CHARGE_AND_SPIN, blocks_of_nodes, frequency_matrix
from jusadel.nonequilibrium.linear.equations import Assembly, LinearEquations
from jusadel.nonequilibrium.linear.factors import Reduced, SingularError
from jusadel.solver.checks import refuse_bad_input, refuse_growing_spins
from jusadel.solver.derivatives.tracing import still
from jusadel.solver.resolution import metrics, warn_where_coarse


def diffuse(device: Device, contacts: Mapping[str, Contact]) -> Flow:
    """Steady charge and spin in the normal state of a device, whatever its critical temperature.

    All tensors act, and the exchange field turns spins (Hanle). The spin that an exchange field polarises in
    equilibrium is not part of the flow. Barriers and surfaces of the device stay as they are; where it has an electrode
    a contact must say what that does.

    Args:
        device: the Device. Its pair potential and vector potential do not matter here.
        contacts: {boundary: Contact}; boundaries not named are vacuum. On a boundary that is a Tunnel of the device
            the contact is what stands behind that barrier.

    Returns:
        A Flow with mu (n,) and S (n, 3); `charge_current`, `spin_current`, `current_through`, `current_across` and the
        others take it as they take a Solution. Under `jax.grad` and its kin it has derivatives with respect to all
        numbers of the device and the contacts. Inside `jax.jit` and `jax.vmap` nothing is raised that depends on
        numbers: a Flow that fails is NaN.

    Raises:
        ValueError: contacts on unknown, periodic or inner-barrier boundaries, contacts that share a node and hold
            different values, an electrode of the device without a contact, nothing that fixes the potential, or the
            spin. StabilityError: surface terms that make spins grow.
        SolveError: double precision is off, or round-off spoils the linear equations.
    """
    if waits(asked := locals()):
        return worked_out(diffuse, asked)
    if not is_traced((device, contacts)):
        problem = normal_problem(device, contacts)
        return problem.flow(problem.steady())
    plain = still(device), traced_contacts(diffusive_contacts(device, contacts), still)
    if is_traced(plain):
        return differentiated_flow(*normal_transport(device, contacts), None)
    problem = normal_problem(*plain)
    reduced = problem.reduced()
    found = reduced.solve(problem.load + problem.forced, problem.given), reduced
    return differentiated_flow(*normal_transport(device, contacts), found)


@dataclass(frozen=True, kw_only=True)
class NormalProblem:
    """A device with contacts, discretised."""

    device: Device
    contacts: dict[str, Contact]
    system: DiscreteAction
    equations: LinearEquations
    mass: np.ndarray  # (N, 4), what multiplies df/dt
    unknown: np.ndarray  # (N, 4) bool
    together: list[np.ndarray]  # of the unknowns, in one row, those that are one: of floating contacts
    given: np.ndarray  # (N, 4), zero where unknown
    load: np.ndarray  # (N, 4) half the currents that are fed in along edges
    forced: np.ndarray  # (N, 4) and those through floating contacts, at one of their nodes

    def steady(self) -> np.ndarray:
        """The steady f (N, 4)."""
        return self.reduced().solve(self.load + self.forced, self.given)

    def reduced(self) -> Reduced:
        """The equations of the unknowns, factorised."""
        try:
            return Reduced(self.equations.B, self.unknown, together=self.together)
        except SingularError as error:
            raise ValueError(
                f"nothing fixes the spin ({error}): no contact holds it and nothing relaxes it; give a contact "
                "spin=(0, 0, 0), or the material a relaxation Gamma"
            ) from error

    def flow(self, f: np.ndarray, time: float | None = None) -> Flow:
        """The Flow of f (N, 4); its contacts have numbers for what floated."""
        nodes_of = partial(self.system.layout.nodes_of_contact, self.device.mesh)
        first = {name: nodes_of(name)[0] for name in self.contacts}
        return Flow(
            device=self.device,
            contacts={name: c.settled(f[first[name]]) for name, c in self.contacts.items()},
            f=f,
            load=self.load,
            equations=self.equations,
            system=self.system,
            time=time,
        )


def normal_problem(device: Device, contacts: Mapping[str, Contact], floating: bool = False) -> NormalProblem:
    """The equations of a device with contacts, whose potential may be floating; otherwise as in `diffuse`."""
    refuse_bad_input(device, tol=1e-9)
    contacts = diffusive_contacts(device, contacts)
    device = _with_contacts(device, contacts)
    system = discretise(device, np.zeros((len(device.mesh.triangles), 3), complex))
    equations, mass = normal_equations(system)
    unknown, together = _unknowns(device, contacts, system)
    shape = unknown.shape
    given = values_held(contacts, system.layout, device.mesh, shape)
    if not floating:
        _refuse_floating(device, system, unknown, together)
    if edge_sides(device):
        refuse_growing_spins(equations.B, unknown, device)
    _warn_if_coarse(device)
    load, forced = currents_fed(contacts, system.layout, device.mesh, shape)
    return NormalProblem(
        device=device,
        contacts=contacts,
        system=system,
        equations=equations,
        mass=mass,
        unknown=unknown,
        together=together,
        given=given,
        load=load,
        forced=forced,
    )


def normal_transport(
    device: Device, contacts: Mapping[str, Contact], floating: bool = False
) -> tuple[Device, dict[str, Contact], Transport]:
    """The device as it is solved, its contacts, and the steady equations, with whatever JAX traces in them."""
    contacts = diffusive_contacts(device, contacts)
    device = _with_contacts(device, contacts)
    system = discretise(device, np.zeros((len(device.mesh.triangles), 3), complex))
    unknown, together = _unknowns(device, contacts, system)
    if not floating:
        _refuse_floating(device, system, unknown, together)
    given = values_held(contacts, system.layout, device.mesh, unknown.shape)
    load, forced = currents_fed(contacts, system.layout, device.mesh, unknown.shape)
    return device, contacts, transport_of(system, given, load, forced, unknown_places(unknown, together))


def normal_equations(system: DiscreteAction) -> tuple[LinearEquations, np.ndarray]:
    """B of charge and spin in the normal state, and what multiplies their time derivatives, (N, 4).

    A slow time dependence exp(s t) of F makes omega_R - omega_A = s.
    """
    normal, assembly = normal_matrices(len(system.free)), Assembly(system, CHARGE_AND_SPIN)
    at_rest = assembly.blocks(*normal, frequency_matrix(0.0, 0.0))
    growing, _ = blocks_of_nodes(system, *normal, frequency_matrix(0.5, -0.5), CHARGE_AND_SPIN)
    mass = np.diagonal(growing - at_rest.nodes, axis1=1, axis2=2)
    return assembly.equations(at_rest), mass


# --- contacts --------------------------------------------------------------------------------------


def _with_contacts(device: Device, contacts: dict[str, Contact]) -> Device:
    """The device without electrodes, but for what stands behind barriers."""
    boundaries = {name: b for name, b in device.boundaries.items() if name not in device.reservoirs()}
    for name, contact in contacts.items():
        if contact.tunnel is not None:
            surface = next(iter(boundaries[name].surfaces), None) if name in boundaries else None
            filters = contact.polarisation
            boundaries[name] = Tunnel(Reservoir(0.0), contact.tunnel, surface=surface, polarisation=filters)
    return Device(mesh=device.mesh, materials=device.materials, boundaries=boundaries, units=device.units)


def _unknowns(
    device: Device, contacts: Mapping[str, Contact], system: DiscreteAction
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Which f (N, 4) are unknown, and which of those are one."""
    shape = (len(system.free), 4)
    given, holder, together = np.zeros(shape), np.full(shape, -1), []
    for number, (name, contact) in enumerate(contacts.items()):
        nodes = system.layout.nodes_of_contact(device.mesh, name)
        if turns_spins(system.layout.seam, device.mesh, name):
            raise ValueError(
                f"contact {name!r} reaches a periodic boundary that rotates spins; leave an insulating edge between "
                "them"
            )
        (held, values), floating = contact.held(), contact.floating()
        values = np.full(4, np.nan) if is_traced(values) else np.where(floating, np.nan, values)  # equal to nothing
        clash = (holder[nodes] >= 0) & (held | floating) & ~(given[nodes] == values)
        if clash.any():
            node, mode = nodes[np.argwhere(clash)[0, 0]], np.argwhere(clash)[0, 1]
            other = list(contacts)[holder[node, mode]]
            raise ValueError(
                f"contacts {other!r} and {name!r} share the node {node} at "
                f"{np.asarray(device.mesh.points)[node].tolist()} and hold different values there; leave an insulating "
                "edge between them"
            )
        rows, columns = np.ix_(nodes, held | floating)
        given[rows, columns], holder[rows, columns] = values[held | floating], number
        together += [nodes * 4 + mode for mode in np.flatnonzero(floating)]
    unknown = np.zeros(shape, bool)
    unknown[_present(system)] = True  # nodes of a seam that others own are none
    unknown &= holder < 0
    unknown.reshape(-1)[np.concatenate([np.zeros(0, int), *together])] = True
    return unknown, together


# --- checks ----------------------------------------------------------------------------------------


def _refuse_floating(device: Device, system: DiscreteAction, unknown: np.ndarray, together: list[np.ndarray]) -> None:
    """Every part of the device that current can reach must have a contact with a voltage."""
    n, corners = len(unknown), np.asarray(system.triangles)
    pairs = [corners[:, [0, 1]], corners[:, [0, 2]]]
    pairs += [np.asarray(j.pairs)[_conducting(j.conductance)] for j in system.joints]
    pairs += [np.stack([group[:-1], group[1:]], axis=1) // 4 for group in together if group[0] % 4 == 0]
    row, column = np.concatenate(pairs).T
    _, part = connected_components(sp.coo_matrix((np.ones(len(row)), (row, column)), shape=(n, n)))
    inside = np.unique(corners)
    floating = np.setdiff1d(part[inside], part[_with_voltage(unknown, system)])
    if len(floating):
        node = inside[np.argmax(part[inside] == floating[0])]
        raise ValueError(
            "nothing fixes the potential in the part of the device at "
            f"{np.asarray(device.mesh.points)[node].round(6).tolist()}: no contact there holds a voltage; give one "
            "voltage=0.0"
        )


def _conducting(conductance: Any) -> np.ndarray:
    """Which conductances are not zero; where they have no value, all."""
    known = values_of(conductance)
    return np.ones(known.shape, bool) if is_traced(known) else known > 0


def _with_voltage(unknown: np.ndarray, system: DiscreteAction) -> np.ndarray:
    """Nodes whose potential is given."""
    present = _present(system)
    return present[~unknown[present, 0]]


def _present(system: DiscreteAction) -> np.ndarray:
    """Nodes that take part in some term."""
    elements = system.triangles, *(joint.pairs for joint in system.joints)
    return np.unique(np.concatenate([np.asarray(e).ravel() for e in elements]))


def _warn_if_coarse(device: Device) -> None:
    for name, metric in metrics(device, np.zeros((len(device.mesh.triangles), 3)), T=1.0).items():
        if not name.startswith(("thermal", "coherence", "healing", "magnetic")):
            warn_where_coarse(device, name, metric)
