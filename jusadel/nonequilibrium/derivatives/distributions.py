"""The distributions of `kinetics` as a function of what JAX traces: of the spectrum, the contacts, the bath."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.action.mesh_action import bath_rates
from jusadel.common.differentiability import on_device
from jusadel.device.contact import Contact, is_floating
from jusadel.nonequilibrium.derivatives.reacting import attached_reactions
from jusadel.nonequilibrium.derivatives.transport import (
    Factorised,
    Transport,
    of_all_nodes,
    over_energies,
    reactions,
    unknown_places,
)
from jusadel.nonequilibrium.floating_contacts import floating_contacts, numbers_that_float, with_numbers
from jusadel.nonequilibrium.keldysh import ALL_MODES
from jusadel.nonequilibrium.kinetic_result import Kinetics
from jusadel.nonequilibrium.linear.factors import UnknownEquations
from jusadel.solver.derivatives.callback import keep
from jusadel.solver.spectra import Spectrum

Array = jax.Array
ONE = np.eye(8)[0]


def kinetic_transport(spec: Spectrum, contacts: Mapping[str, Contact], bath: Any, unknown: Any) -> Transport:
    """The equations with whatever JAX traces in them.

    Args:
        spec, contacts: of numbers for everything, nothing floating.
        bath: temperature of the bath, or None.
        unknown: (n_E, N, 8) bool; elsewhere f is that of equilibrium, but for what contacts hold.
    """
    held = [spec.system.layout.nodes_of_contact(spec.mesh, name) for name in contacts]
    E, N = jnp.asarray(spec.energies), len(spec.system.free)
    given = _given(
        E, _or_zero(spec.T if bath is None else bath), held, [c.distribution(E) for c in contacts.values()], N
    )
    nothing = on_device(np.zeros(given.shape))
    return Transport(
        system=spec.system,
        retarded=jnp.asarray(spec.all_G),
        omega=_omega(spec, E, bath),
        given=given,
        load=nothing,
        forced=nothing,
        place=on_device(np.stack([unknown_places(at) for at in np.asarray(unknown)])),
        modes=ALL_MODES,
    )


def _or_zero(T: Any) -> Any:
    """None for zero, where the tanh is a step."""
    return None if isinstance(T, float | int) and T == 0 else T


def _ground(E: Array, T: Any) -> Array:
    return jnp.ones_like(E) if T is None else jnp.tanh(E / (2 * T))


@partial(jax.jit, static_argnums=4)
def _given(E: Array, T: Any, held: list[np.ndarray], distributions: list[Any], N: int) -> Array:
    """That of equilibrium, and at the contacts' nodes theirs, (n_E, N, 8)."""
    given = _ground(E, T)[:, None, None] * ONE * jnp.ones((N, 1))
    for nodes, distribution in zip(held, distributions, strict=True):
        given = given.at[:, nodes].set(distribution[:, None])
    return given


def _omega(spec: Spectrum, E: Array, bath: Any) -> Array:
    """`frequency_matrix` of every energy; its real part drops out, since tau3 commutes with F."""
    if bath is None:
        return on_device(np.zeros((len(E), len(spec.system.free), 8, 8), complex))
    return _at_rates(bath_rates(spec.system, spec.eta), E, _or_zero(bath))


@jax.jit
def _at_rates(rates: Array, E: Array, bath: Any) -> Array:
    to_bath, sides = np.eye(8, k=4), np.diag([1.0] * 4 + [-1.0] * 4)
    of_one = (sides + 2 * _ground(E, bath)[:, None, None] * to_bath).astype(complex)
    return rates[:, None, None] * of_one[:, None]


def differentiated_kinetics(
    spec: Spectrum,
    contacts: dict[str, Contact],
    bath: Any,
    weights: Any,
    found: Kinetics,
    factors: list[UnknownEquations],
) -> Kinetics:
    """The Kinetics as a function of what JAX traces.

    Args:
        spec, contacts, bath, weights: as given, the bath a temperature or None.
        found: the Kinetics of numbers.
        factors: of every energy.
    """
    known, unknown = keep(Factorised(factors)), np.stack([one.unknown for one in factors])

    def at(contacts: dict[str, Contact]) -> Kinetics:
        transport = kinetic_transport(spec, contacts, bath, unknown)
        f, q = attached_reactions(transport, found.all_f, found.reactions / 2, known)
        return traced_kinetics(spec, contacts, bath, weights, transport, f, q)

    return at(settled(contacts, found.contacts, at) if floating_contacts(contacts) else contacts)


def settled(
    contacts: Mapping[str, Contact], found: Mapping[str, Contact], at: Callable[[dict[str, Contact]], Kinetics]
) -> dict[str, Contact]:
    """The contacts with numbers for what floats, as functions of what JAX traces.

    Args:
        contacts: as given.
        found: with the numbers that were found.
        at: the Kinetics of contacts with numbers.
    """
    floating = floating_contacts(contacts)
    start = np.concatenate([numbers_that_float(contacts[name], found[name]) for name in floating])

    def unbalanced(x: Array) -> Array:
        kin = at(with_numbers(contacts, x))
        return jnp.concatenate([_left_over(kin, contacts[name], name) for name in floating])

    solve = lambda g, y: jnp.linalg.solve(jax.jacobian(g)(jnp.zeros_like(y)), y)  # noqa: E731
    x = jax.lax.custom_root(unbalanced, jnp.asarray(start), lambda _, first: first, solve)
    return with_numbers(contacts, x)


def _left_over(kin: Kinetics, given: Contact, name: str) -> Array:
    """Net charge, spin and heat into the device through a floating contact, of each that must vanish."""
    contact, out = kin.contacts[name], kin.currents_through(name)
    net, energy = kin.integrated(out), kin.integrated(jnp.asarray(kin.energies) * out[:, 0])
    values = (net[1:5] + given.fed())[given.floating()]
    heat = energy - jnp.dot(net[1:5], contact.held()[1])
    return jnp.append(values, heat) if is_floating(given.temperature) else jnp.asarray(values)


def traced_kinetics(
    spec: Spectrum,
    contacts: dict[str, Contact],
    bath: Any,
    weights: Any,
    transport: Transport,
    f: Array,
    q: Array | None = None,
) -> Kinetics:
    """The Kinetics of distributions f (n_E, N, 8) and, where they are known, B f + r0, all of which JAX traces."""
    taken, fed = _of_bath_and_pairs(transport, f)
    return Kinetics(
        spectrum=spec,
        contacts=contacts,
        bath=bath,
        weights=weights,
        all_f=cast(Any, f),
        reactions=cast(Any, 2 * (reactions(transport, f) if q is None else q)),
        fed=cast(Any, 2 * fed),
        taken=cast(Any, -2 * taken),
    )


@jax.jit
def _of_bath_and_pairs(transport: Transport, f: Array) -> tuple[Array, Array]:
    """What the bath gives (n_E, 8), and of charge what else stands at the nodes (n_E, N): the pair potential."""
    at_rest = jnp.zeros_like(transport.omega)
    whole, local = (
        over_energies(of_all_nodes, replace(transport, omega=omega), f) for omega in (transport.omega, at_rest)
    )
    return (whole - local).sum(axis=1), local[..., 1]
