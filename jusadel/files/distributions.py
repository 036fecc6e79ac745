"""Flows and kinetics in files: what is packed, and how it is read."""

from __future__ import annotations

import jax.numpy as jnp

from jusadel.action.assembly import discretise
from jusadel.common.archive import Arrays
from jusadel.common.stored import Stored
from jusadel.files.devices import contacts_of, device_of, packed_contacts, packed_device
from jusadel.files.solutions import Content, packed_spectrum, spectrum_of
from jusadel.nonequilibrium.diffusion import normal_equations
from jusadel.nonequilibrium.flow import Flow
from jusadel.nonequilibrium.kinetic_result import Kinetics
from jusadel.observables.currents import current_through


def packed_flow(flow: Flow, arrays: Arrays) -> tuple[Content, Content]:
    """A Flow: its content, and what the header says about it."""
    content = {
        "device": packed_device(flow.device, arrays),
        "contacts": packed_contacts(flow.contacts),
        "f": arrays.put("f", flow.f),
        "load": arrays.put("load", flow.load),
        "time": None if flow.time is None else float(flow.time),
    }
    currents = {name: float(current_through(flow, name)) for name in flow.contacts}
    return content, {"nodes": len(flow.mesh.points), "currents": currents, "time": content["time"]}


def flow_of(part: Stored) -> Flow:
    """The Flow again."""
    device = device_of(part["device"])
    system = discretise(device, jnp.zeros((len(device.mesh.triangles), 3), complex))
    shape = (len(system.free), 4)
    return Flow(
        device=device,
        contacts=contacts_of(part["contacts"]),
        f=part["f"].array(shape),
        load=part["load"].array(shape),
        equations=normal_equations(system)[0],
        system=system,
        time=None if part["time"].missing else part["time"].number(),
    )


def packed_kinetics(kin: Kinetics, arrays: Arrays) -> tuple[Content, Content]:
    """Kinetics, with their Spectrum."""
    spectrum, about = packed_spectrum(kin.spectrum, arrays)
    content: Content = {
        "spectrum": spectrum,
        "contacts": packed_contacts(kin.contacts),
        "bath": None if kin.bath is None else float(kin.bath),
        "integration": None if kin.weights is None else arrays.put("integration", kin.weights),
    }
    return content | {k: arrays.put(k, getattr(kin, k)) for k in ("all_f", "reactions", "fed", "taken")}, about


def kinetics_of(part: Stored) -> Kinetics:
    """The Kinetics again."""
    spectrum = spectrum_of(part["spectrum"])
    count, N = spectrum.all_G.shape[:2]
    return Kinetics(
        spectrum=spectrum,
        contacts=contacts_of(part["contacts"]),
        bath=None if part["bath"].missing else part["bath"].number(),
        weights=None if part["integration"].missing else part["integration"].array((count,)),
        all_f=part["all_f"].array((count, N, 8)),
        reactions=part["reactions"].array((count, N, 8)),
        fed=part["fed"].array((count, N)),
        taken=part["taken"].array((count, 8)),
    )
