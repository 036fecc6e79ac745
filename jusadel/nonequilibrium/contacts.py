"""Contacts: which boundaries they may be on, what each kind of calculation asks of them, and their nodes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import jax.numpy as jnp
import numpy as np

from jusadel.action.connectivity import Layout
from jusadel.action.periodic import Seams
from jusadel.common.differentiability import is_traced, summed_rows, values_of, with_rows
from jusadel.device.contact import NO_SPIN, Contact
from jusadel.device.device import Device
from jusadel.mesh.mesh import Mesh
from jusadel.solver.states.base import Solved, States


def own_nodes(solved: Solved, contacts: Iterable[str], name: str) -> np.ndarray:
    """The nodes of a boundary, or those behind its barrier, without those of contacts that come before it."""
    layout, mesh = solved.system.layout, solved.device.mesh
    nodes = layout.nodes_of_contact(mesh, name)
    for other in contacts:
        if other == name:
            break
        nodes = np.setdiff1d(nodes, layout.nodes_of_contact(mesh, other))
    return nodes


def refuse_no_contacts(contacts: Any, which: str) -> None:
    """Raise TypeError unless these are contacts by name."""
    if not isinstance(contacts, Mapping):
        raise TypeError(f"contacts is {type(contacts).__name__}; expected {{name: jusadel.Contact(...)}} {which}")
    for name, contact in contacts.items():
        if not isinstance(contact, Contact):
            raise TypeError(f"contacts[{name!r}] is {type(contact).__name__}; expected a jusadel.Contact")


def refuse_missing(device: Device, contacts: Mapping[str, Contact]) -> None:
    """Raise ValueError where an electrode has no contact."""
    missing = [name for name in device.electrodes() if name not in contacts]
    if missing:
        raise ValueError(
            f"the device has an electrode at {missing[0]!r} and contacts has none; say what it does, such as "
            f"contacts={{{missing[0]!r}: jusadel.Contact(voltage=0.0)}}"
        )


def diffusive_contacts(device: Device, contacts: Any) -> dict[str, Contact]:
    """The contacts of `diffuse`: on edges of the mesh, one barrier each."""
    refuse_no_contacts(contacts, f"with names of {list(device.mesh.boundaries)}")
    partners = {b.partner: name for name, b in device.periodic().items()}
    for name, contact in contacts.items():
        if name not in device.mesh.boundaries:
            raise ValueError(f"contact on unknown boundary {name!r}; the mesh has {list(device.mesh.boundaries)}")
        boundary = device.boundaries.get(name)
        shared = boundary is not None and (boundary.inner or boundary.partner is not None)
        if shared or name in partners:
            other = boundary if boundary is not None else f"the partner of {partners[name]!r}"
            raise ValueError(f"contact on boundary {name!r}, which is {other}; expected an edge of its own")
        if boundary is not None and boundary.barrier and contact.tunnel is not None:
            raise ValueError(
                f"contact {name!r} has tunnel = {contact.tunnel} and the device has {boundary} there; leave out one"
            )
    refuse_missing(device, contacts)
    return dict(contacts)


def electrode_contacts(spec: States, contacts: Any) -> dict[str, Contact]:
    """The contacts of `kinetics`: on electrodes of the device, each with a temperature."""
    electrodes = spec.device.electrodes()
    refuse_no_contacts(contacts, f"for the electrodes {list(electrodes)}")
    for name, contact in contacts.items():
        if name not in electrodes:
            raise ValueError(
                f"contact {name!r} is none of the device's electrodes, {list(electrodes)}; give the device "
                f"boundaries={{{name!r}: jusadel.Reservoir(0.0)}}, or a Tunnel to one, so that the Green's functions "
                "know of it"
            )
        _refuse_contact(name, contact, values_of(electrodes[name].Delta))
        if (is_traced(contact.spin) or contact.spin != NO_SPIN) and turns_spins(
            spec.system.layout.seam, spec.mesh, name
        ):
            raise ValueError(
                f"contact {name!r} has a spin and reaches a periodic boundary that rotates spins; leave an insulating "
                "edge between them"
            )
    refuse_missing(spec.device, contacts)
    return {name: c if c.temperature is not None else replace(c, temperature=spec.T) for name, c in contacts.items()}


def _refuse_contact(name: str, contact: Contact, Delta: Any) -> None:
    if contact.tunnel is not None:
        raise ValueError(
            f"contact {name!r} has tunnel = {contact.tunnel}; the barrier belongs to the device, "
            f"boundaries={{{name!r}: jusadel.Tunnel(jusadel.Reservoir(...), conductance)}}, where the "
            "Green's functions see it too"
        )
    if contact.voltage is None or contact.spin is None:
        raise ValueError(
            f"contact {name!r} has voltage = {contact.voltage}, spin = {contact.spin}; expected an electrode that "
            "holds both: its distribution is needed at every energy, which a given current does not say; with "
            'voltage="floating" it is that of an electrode at the voltage where this current flows'
        )
    if not is_traced(Delta) and Delta > 0 and not contact.grounded:
        raise ValueError(
            f"contact {name!r} is superconducting (Delta = {Delta:g}) and has voltage = {contact.voltage}, spin = "
            f"{contact.spin}; expected 0: its phase would turn with time at the rate 2 V, and spins would break its "
            "pairs; put the voltage on a normal electrode"
        )


def turns_spins(seam: Seams, mesh: Mesh, name: str) -> bool:
    """Whether a boundary touches a seam that rotates spins."""
    return seam.spin is not None and bool(np.isin(mesh.boundary_nodes(name), seam.slaves).any())


def values_held(contacts: Mapping[str, Contact], layout: Layout, mesh: Mesh, shape: tuple[int, ...]) -> Any:
    """The values of charge and spin (N, 4) that contacts hold at their nodes, zero elsewhere."""
    xp: Any = jnp if is_traced(contacts) else np
    given = xp.zeros(shape)
    for name, contact in contacts.items():
        held, values = contact.held()
        given = with_rows(xp, given, np.ix_(layout.nodes_of_contact(mesh, name), held), xp.asarray(values)[held])
    return given


def currents_fed(
    contacts: Mapping[str, Contact], layout: Layout, mesh: Mesh, shape: tuple[int, ...]
) -> tuple[Any, Any]:
    """Half the currents (N, 4) that contacts feed in along their edges, and, floating ones, at one of their nodes."""
    xp: Any = jnp if is_traced((contacts, mesh.points)) else np
    load, forced = xp.zeros(shape), xp.zeros(shape)
    for name, contact in contacts.items():
        edges, floating, fed = mesh.boundaries[name], contact.floating(), xp.asarray(contact.fed()) / 2
        lengths = xp.linalg.norm(mesh.points[edges[:, 1]] - mesh.points[edges[:, 0]], axis=1)
        share = xp.repeat(lengths / lengths.sum() / 2, 2)
        along = share[:, None] * xp.where(floating, 0.0, fed)
        load = load + summed_rows(xp, layout.seam.owner[edges.ravel()], along, shape[0])
        first = layout.nodes_of_contact(mesh, name)[:1]
        forced = forced + summed_rows(xp, first, xp.where(floating, fed, 0.0)[None], shape[0])
    return load, forced
