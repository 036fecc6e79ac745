"""A Flow as a function of what JAX traces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import numpy as np

from jusadel.action.mesh_action import DiscreteAction
from jusadel.common.differentiability import on_device
from jusadel.device.contact import Contact
from jusadel.device.device import Device
from jusadel.nonequilibrium.derivatives.transport import (
    Factorised,
    Transport,
    attached_distributions,
    found_in_program,
    reactions,
)
from jusadel.nonequilibrium.flow import Flow, normal_matrices
from jusadel.nonequilibrium.keldysh import CHARGE_AND_SPIN, frequency_matrix
from jusadel.nonequilibrium.linear.factors import Reduced
from jusadel.solver.derivatives.callback import keep

Array = jax.Array


@dataclass(frozen=True)
class TracedEquations:
    """The equations of a Flow where JAX traces them; as `LinearEquations`, without a matrix."""

    transport: Transport

    def __call__(self, f: Array) -> Array:
        """B f, (N, 4); in the normal state there is no source."""
        return reactions(self.transport, f[None])[0]

    of = __call__


def transport_of(system: DiscreteAction, given: Any, load: Any, forced: Any, place: np.ndarray) -> Transport:
    """The steady equations in the normal state: given, and fed in along edges and at points, (N, 4)."""
    numbers = {
        "retarded": np.array(normal_matrices(len(given))[0]),
        "omega": np.broadcast_to(frequency_matrix(0.0, 0.0), (len(given), 8, 8)),
        "given": given,
        "load": load,
        "forced": forced,
        "place": place,
    }
    return Transport(system=system, modes=CHARGE_AND_SPIN, **{name: on_device(x[None]) for name, x in numbers.items()})


def differentiated_flow(
    device: Device, contacts: Mapping[str, Contact], transport: Transport, found: tuple[np.ndarray, Reduced] | None
) -> Flow:
    """The steady Flow as a function of what JAX traces.

    Args:
        device: with contacts behind barriers in place of its electrodes.
        contacts: as given.
        transport: the equations.
        found: f (N, 4) and the factors; None inside programs, where nothing has a value.
    """
    if found is None:
        f = found_in_program(transport)[0]
    else:
        f = attached_distributions(transport, found[0][None], keep(Factorised([found[1]])))[0]
    return traced_flow(device, contacts, transport, f)


def traced_flow(
    device: Device, contacts: Mapping[str, Contact], transport: Transport, f: Array, time: float | None = None
) -> Flow:
    """The Flow of f (N, 4), all of which JAX traces."""
    nodes_of = partial(transport.system.layout.nodes_of_contact, device.mesh)
    return Flow(
        device=device,
        contacts={name: c.settled(f[nodes_of(name)[0]]) for name, c in contacts.items()},  # type: ignore[arg-type]
        f=f,  # type: ignore[arg-type]
        load=transport.load[0],  # type: ignore[arg-type]
        equations=TracedEquations(transport),  # type: ignore[arg-type]
        system=transport.system,
        time=time,
    )


def traced_contacts(contacts: Mapping[str, Contact], still: Any) -> dict[str, Contact]:
    """The contacts with what `still` makes of their numbers."""
    names = ("voltage", "spin", "current", "spin_current", "temperature", "tunnel", "polarisation")
    return {name: replace(c, **{key: still(getattr(c, key)) for key in names}) for name, c in contacts.items()}
