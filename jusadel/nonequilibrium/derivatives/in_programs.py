"""Distributions inside `jax.jit` and `jax.vmap`, where contacts float and states are left out by their numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import jax.numpy as jnp
import numpy as np

from jusadel.action.assembly import discretise
from jusadel.common.arguments import is_number
from jusadel.common.differentiability import is_traced
from jusadel.device.contact import Contact, is_floating
from jusadel.device.device import Device
from jusadel.device.material.material import Material
from jusadel.nonequilibrium.derivatives.flows import traced_contacts
from jusadel.nonequilibrium.floating_contacts import floating_contacts, numbers_that_float, with_numbers
from jusadel.nonequilibrium.kinetic_result import Kinetics
from jusadel.observables.spectral_currents import trapezoidal
from jusadel.solver.derivatives.whole import called_whole
from jusadel.solver.spectra import Spectrum
from jusadel.solver.states.solution import Solution


def kinetics_in_program(
    kinetics: Callable[..., Kinetics], spec: Spectrum, contacts: dict[str, Contact], bath: Any, weights: Any
) -> Kinetics:
    """As `kinetics`, of a Spectrum whose numbers have no values; NaN where it fails."""

    def of(given: Any) -> dict[str, Any]:
        spec, contacts, bath, weights = given
        return _numbers_of(kinetics(spec, _checked(contacts), bath=bath, weights=weights), contacts)

    _refuse_misshapen(len(spec.energies), bath, weights)
    electrodes = replace(spec, device=_without_materials(spec.device))  # what they are made of is in the action
    given = electrodes, contacts, bath, weights
    found = called_whole("kinetics", of, given, _like(len(spec.energies), len(spec.system.free), contacts))
    return _kinetics(spec, contacts, bath, found)


def self_consistent_in_program(
    self_consistent_kinetics: Callable[..., Kinetics], sol: Solution, given: tuple[Any, ...], options: dict[str, Any]
) -> Kinetics:
    """As `self_consistent_kinetics`, likewise; `given` has energies, contacts, eta, bath and weights."""
    energies, contacts, eta, bath, weights = given
    _refuse_misshapen(len(energies), bath, weights)

    def of(given: Any) -> dict[str, Any]:
        sol, (energies, contacts, eta, bath, weights) = given
        kin = self_consistent_kinetics(
            sol, energies, _checked(contacts), eta=eta, bath=bath, weights=weights, **options
        )
        spec = kin.spectrum
        own = {"G": spec.all_G, "Delta": spec.Delta, "vertex": spec.vertex_Delta, "margin": spec.margin}
        return _numbers_of(kin, contacts) | own

    E, N, nodes = len(energies), len(sol.system.free), len(sol.mesh.points)
    shapes = {"G": (E, N, 4, 4), "Delta": (nodes,), "vertex": sol.vertex_Delta.shape}
    like = _like(E, N, contacts) | {name: np.zeros(shape, complex) for name, shape in shapes.items()}
    like["margin"] = np.zeros(E)
    found = called_whole("self_consistent_kinetics", of, (sol, given), like)
    certified = found["margin"] == found["margin"]
    spec = Spectrum(
        device=sol.device,
        T=sol.T,
        energies=energies,
        eta=eta,
        all_G=found["G"],
        Delta=found["Delta"],
        vertex_Delta=found["vertex"],
        converged=certified,
        stable=certified,
        margin=found["margin"],
        system=discretise(sol.device, found["vertex"]),
        stats={},
    )
    return _kinetics(spec, contacts, bath, found)


def _refuse_misshapen(energies: int, bath: Any, weights: Any) -> None:
    """Of what must be seen without values."""
    if not (isinstance(bath, str) and bath in ("grounded", "elastic")) and not is_number(bath):
        raise ValueError(f"bath = {bath!r}; expected 'grounded', 'elastic', or a temperature >= 0")
    if weights is not None and np.shape(weights) != (energies,):
        raise ValueError(f"weights has shape {np.shape(weights)}; expected {(energies,)}, one for each energy")


def _like(energies: int, N: int, contacts: Mapping[str, Contact]) -> dict[str, Any]:
    shapes: dict[str, tuple[int, ...]] = {"f": (energies, N, 8), "reactions": (energies, N, 8), "fed": (energies, N)}
    shapes |= {"taken": (energies, 8), "weights": (energies,), "bath": ()}
    shapes["floating"] = (sum(int(_floats(contact).sum()) for contact in contacts.values()),)
    return {name: np.zeros(shape) for name, shape in shapes.items()}


def _numbers_of(kin: Kinetics, contacts: Mapping[str, Contact]) -> dict[str, Any]:
    """All that follows from numbers; weights are NaN where the energies are no grid for integrals."""
    weights: Any = kin.weights
    if weights is None:
        weights = np.full(len(kin.energies), np.nan) if kin.grid_fault else trapezoidal(kin.energies)
    floating = [numbers_that_float(contacts[name], kin.contacts[name]) for name in floating_contacts(contacts)]
    xp: Any = jnp if is_traced(floating) else np
    return {
        "f": kin.all_f,
        "reactions": kin.reactions,
        "fed": kin.fed,
        "taken": kin.taken,
        "weights": weights,
        "bath": 0.0 if kin.bath is None else kin.bath,
        "floating": xp.concatenate([np.zeros(0), *floating]),
    }


def _kinetics(spec: Spectrum, contacts: Mapping[str, Contact], bath: Any, found: dict[str, Any]) -> Kinetics:
    return Kinetics(
        spectrum=spec,
        contacts=with_numbers(contacts, found["floating"]),
        bath=None if isinstance(bath, str) and bath == "elastic" else found["bath"],
        weights=found["weights"],
        all_f=found["f"],
        reactions=found["reactions"],
        fed=found["fed"],
        taken=found["taken"],
    )


def _floats(contact: Contact) -> np.ndarray:
    return np.append(contact.floating(), is_floating(contact.temperature))


def _checked(contacts: Mapping[str, Contact]) -> dict[str, Contact]:
    """The contacts of a program with the checks of their numbers, which had no values when they were made."""
    return traced_contacts(contacts, lambda number: number)


def _without_materials(device: Device) -> Device:
    return Device.unchecked(device.mesh, dict.fromkeys(device.mesh.regions, Material(Tc=0.0)), device.boundaries, None)
