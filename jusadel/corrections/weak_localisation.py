"""Weak localisation and antilocalisation: `localisation`.

Electrons that return to where they were interfere with themselves on the reversed path. To leading order in the
disorder that changes the conductance between two electrodes by

    delta G = Sum_n W_n tr_8 C_nn,     W_n = 8 w_n e_n.D e_n     [e^2/h]

with the field e of unit voltage (`classical`, where barriers have their share) and the Cooperon C (`cooperon`), the
inverse of the same Hessian of the same action as everywhere: all spin-orbit and magnetic terms act. Triplets have
negative eigenvalues, and singlets positive ones; hence the sign of either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.action.assembly import discretise
from jusadel.action.matrices.padding import without_layout
from jusadel.action.periodic import seams
from jusadel.common.differentiability import is_traced, refuse_in_program
from jusadel.common.distributed import processors
from jusadel.common.types import ArrayLike
from jusadel.corrections.checks import (
    checked_across,
    checked_values,
    refuse_not_normal,
    refuse_unstable,
    warn_if_too_coarse,
)
from jusadel.corrections.classical import conductance_weights, conductivity_weights, integrated_rates
from jusadel.corrections.cooperon import Cooperon, CooperonWeights, cooperon_of
from jusadel.corrections.derivatives import Inputs, Response, known_correction
from jusadel.corrections.fields import in_field, with_electrodes
from jusadel.corrections.result import Localisation
from jusadel.device.device import Device
from jusadel.solver.derivatives.tracing import still
from jusadel.solver.linear.superlu import in_threads, one_thread_each


def localisation(
    device: Device | Callable[[Any], Device],
    fields: ArrayLike = 0.0,
    *,
    across: Sequence[str] = ("left", "right"),
    dephasing: ArrayLike | None = None,
    local: bool = False,
) -> Localisation:
    """The weak (anti)localisation correction to the conductance between two electrodes, and its magnetoconductance.

    To leading order in the disorder, in the normal state, for samples of any shape between leads, where the Cooperon
    vanishes, and with barriers that do not filter spins. Material.dephasing acts here, beside all other fields of the
    materials and surfaces: an `inelastic` rate adds twice itself to dephasing; the exchange field does, h, but the spin
    that it polarises has no share in it. Where a field of the plane acts on spins, or the gate on spin-orbit coupling,
    give a function of the field or the gate that returns the device.

    One factorisation for each field; the derivatives cost as much again, however many parameters there are. JAX
    differentiates the correction once, forward or backward, with respect to fields, rates, and everything in the
    device; not the local map.

        wire = Device(mesh=rectangle(5.0, 0.5, 0.1), materials=Material(D=1.0, Tc=0.0, dephasing=0.5))
        found = localisation(wire, np.linspace(0.0, 4.0, 20))
        found.change                       # [e^2/h]

    Args:
        device: the Device, of normal metals (Tc = 0). Electrodes other than the two are probes, through which no
            current flows. Or a function of one number that returns it.
        fields: perpendicular fields (m,), or one, beside the vector potential of the device [flux quantum pi per
            length^2; `Units.field`]; or the numbers (m,) that the function takes.
        across: the two boundaries between which the conductance is measured; where the device has no electrode there
            they become normal ones.
        dephasing: rates 1/tau_phi (m,), or one [energy], everywhere in place of those of the materials; such as those
            of a temperature each.
        local: also the correction to the conductivity at each node.

    Returns:
        A Localisation with `correction` and `change` (m,) [e^2/h].

    Raises:
        ValueError: superconductors, barriers that filter spins, unknown electrodes, rates that are negative, numbers
            that are not finite.
        StabilityError: tensors with which the normal state is not stable.
        NotDifferentiableError: inside `jax.jit` or `jax.vmap`, or in a second derivative.

    Warns:
        CoarseMeshWarning: edges longer than a quarter of sqrt(D tau_phi), or half of 1/sqrt(2|B|) or a spin's length.
    """
    values, rates = checked_values(fields, dephasing)
    ends = checked_across(across)
    devices = [with_electrodes(in_field(device, value), ends) for value in values]
    plain, known = [still(d) for d in devices], [still(rate) for rate in rates]
    traced = is_traced((devices, rates))
    if traced:
        refuse_in_program("localisation", "jax.grad and jax.jvp can be used, once", device=plain, dephasing=known)
    for d in plain:
        refuse_not_normal(d)
    warn_if_too_coarse(plain, known)
    one = isinstance(device, Device)
    states = _states(plain, known, ends, one)
    with one_thread_each():
        found = in_threads(lambda k: _found(states[k], local, traced), range(len(states)), min(processors(), 8))
    correction: Any = np.array([x.correction for x in found])
    if traced:
        moving = _inputs(devices, rates, ends, one)
        correction = jnp.stack(
            [known_correction(x.correction, x.response, given) for x, given in zip(found, moving, strict=True)]
        )
    return Localisation(
        correction=correction,
        fields=_row(values),
        dephasing=None if dephasing is None else _row(rates),
        across=ends,
        mesh_size=_longest_edge(plain),
        device=with_electrodes(still(device), ends) if one else plain[0],
        local=np.stack([x.local for x in found]) if local else None,
    )


class NormalState(NamedTuple):
    """A Cooperon to be inverted."""

    inputs: Inputs
    cooperon: Cooperon
    device: Device


class FoundCorrection(NamedTuple):
    """The numbers of one field; the latter two where they are asked for."""

    correction: float
    response: Any
    local: Any


def _inputs(devices: Sequence[Device], rates: Sequence[Any], ends: tuple[str, str], one: bool) -> Iterator[Inputs]:
    """One after the other; in one device the classical current is the same in all fields."""
    weights = None
    for device, rate in zip(devices, rates, strict=True):
        system = discretise(device, np.zeros((len(device.mesh.triangles), 3), complex))
        if weights is None or not one:
            weights = conductance_weights(device, system, ends)
        yield Inputs(without_layout(system), weights, integrated_rates(system, device, rate))


def _states(devices: Sequence[Device], rates: Sequence[Any], ends: tuple[str, str], one: bool) -> list[NormalState]:
    states: list[NormalState] = []
    cooperon: Cooperon | None = None
    for device, given in zip(devices, _inputs(devices, rates, ends, one), strict=True):
        before, cooperon = cooperon, cooperon_of(given.system, np.asarray(device.mesh.points), cooperon)
        if before is None or before.of_cells is not cooperon.of_cells:
            refuse_unstable(cooperon)
        inputs = Inputs(given.system, *jax.tree.map(np.asarray, (given.weights, given.rates)))
        states.append(NormalState(inputs, cooperon, device))
    return states


def _found(state: NormalState, local: bool, derivatives: bool) -> FoundCorrection:
    (system, weights, rates), cooperon, device = state
    blocks = cooperon.inverse(rates, weights if derivatives else None)
    traces = CooperonWeights(cooperon.traces(blocks[0]), cooperon.traces_across(blocks[0]))
    return FoundCorrection(
        correction=float(weights.nodes @ traces.nodes + weights.pairs @ traces.pairs),
        response=Response.of(cooperon, traces, blocks[1]) if derivatives else None,
        local=_at_nodes(device, conductivity_weights(device, system) * traces.nodes) if local else None,
    )


def _at_nodes(device: Device, values: Any) -> np.ndarray:
    """Values (N,) of nodes that own others, at all nodes of the mesh (n,)."""
    return np.asarray(values)[seams(device).owner]


def _row(values: Sequence[Any]) -> Any:
    return jnp.stack([jnp.asarray(x) for x in values]) if is_traced(values) else np.array(values, float)


def _longest_edge(devices: Sequence[Device]) -> float:
    points, edges = np.asarray(devices[0].mesh.points), devices[0].mesh.edges
    return float(np.linalg.norm(points[edges[:, 0]] - points[edges[:, 1]], axis=1).max())
