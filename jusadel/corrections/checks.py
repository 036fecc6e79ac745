"""What is refused before a Cooperon is computed, and meshes that are too coarse for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
import scipy.sparse as sp

from jusadel.common.arguments import real
from jusadel.common.errors import StabilityError
from jusadel.corrections.cooperon import Cooperon
from jusadel.device.device import Device
from jusadel.solver.checks import refuse_bad_input
from jusadel.solver.linear.superlu import Factor
from jusadel.solver.resolution import decay_metric, metrics, warn_where_coarse

LENGTHS = ("magnetic length 1/sqrt", "exchange", "spin", "magnetic relaxation", "depairing")
"""Of `metrics`: those over which a Cooperon varies."""


def checked_values(fields: Any, dephasing: Any) -> tuple[list[Any], list[Any]]:
    """Fields and rates, one of each for each correction; rates are None where the materials have them.

    Raises:
        ValueError: not numbers or rows of them, rows of different length, not finite, a negative rate.
    """
    values = _row("fields", fields)
    if dephasing is None:
        return values, [None] * len(values)
    rates = _row("dephasing", dephasing)
    for rate in rates:
        if not isinstance(rate, jax.core.Tracer) and rate < 0:
            raise ValueError(f"dephasing = {float(rate):.3g}; a rate 1/tau_phi of dephasing must be >= 0")
    if len(values) != len(rates) and 1 not in (len(values), len(rates)):
        raise ValueError(
            f"{len(values)} fields and {len(rates)} rates of dephasing; expected as many of both, or one of either"
        )
    count = max(len(values), len(rates))
    return values * (count // len(values)), rates * (count // len(rates))


def _row(name: str, given: Any) -> list[Any]:
    array = real(name, given)
    if array.ndim > 1 or array.size == 0:
        raise ValueError(f"{name} has shape {array.shape}; expected a number or a row of them (m,)")
    if not isinstance(array, jax.core.Tracer) and not np.isfinite(array).all():
        raise ValueError(f"{name} is not finite: {np.asarray(array)[~np.isfinite(array)][:3]}")
    return list(array.reshape(-1))


def checked_across(across: Any) -> tuple[str, str]:
    """The names of two boundaries."""
    ends = tuple(across) if isinstance(across, tuple | list) else ()
    if len(ends) != 2 or not all(isinstance(name, str) for name in ends) or ends[0] == ends[1]:
        raise ValueError(f"across = {across!r}; expected the names of two boundaries, such as ('left', 'right')")
    return ends[0], ends[1]


def refuse_not_normal(device: Device) -> None:
    """Raise ValueError for superconductors, and for barriers that act on spins.

    What weak localisation is above Tc goes together with the fluctuations of superconductivity.
    """
    refuse_bad_input(device, tol=1e-9)
    for name, electrode in device.electrodes().items():
        if float(electrode.Delta) > 0:
            raise ValueError(
                f"the electrode {name!r} has Delta = {float(electrode.Delta):g}: `localisation` is the interference of "
                "a normal metal between normal electrodes (Delta = 0); beside a superconductor the proximity effect is "
                "larger by the conductance in e^2/h: see `kinetics`"
            )
    Tc = np.asarray(device.vertex_field("Tc")).max()
    if Tc > 0:
        raise ValueError(
            f"a material has Tc = {Tc:g}: `localisation` is that of a normal metal, and above Tc fluctuations of "
            "superconductivity change the conductance too; write Tc=0.0 for a normal metal"
        )
    for name, boundary in device.boundaries.items():
        barrier: Any = boundary.barrier
        if barrier is not None and (barrier.polarisation is not None or barrier.scattering is not None):
            raise ValueError(
                f"the boundary {name!r} is a barrier that filters or turns spins, {boundary}: how interference changes "
                "its own conductance is not worked out; expected a conductance, with transmissions or without"
            )


def refuse_unstable(cooperon: Cooperon) -> None:
    """Raise StabilityError unless singlets are positive and triplets negative: without decay from either to nothing."""
    if all(t.field == "D" for t in cooperon.system.cell_terms):
        return
    pattern, nodes = cooperon.pattern, len(cooperon.pattern.free)
    blocks = cooperon.hessian(np.zeros(len(cooperon.system.free)))
    matrix = sp.bsr_matrix((blocks, pattern.indices, pattern.indptr), shape=(4 * nodes,) * 2).tocsc()
    inertia = Factor(matrix).inertia
    if inertia != (nodes, 3 * nodes):
        names = [t.field for t in cooperon.system.cell_terms if t.field != "D"]
        raise StabilityError(
            f"the normal state is unstable: {' or '.join(names)} too large (the Hessian must have {nodes} positive and "
            f"{3 * nodes} negative eigenvalues, and has {inertia[0]} and {inertia[1]}); reduce them, or check their "
            "units and their jumps"
        )


def warn_if_too_coarse(devices: Sequence[Device], rates: Sequence[Any]) -> None:
    """Warn where edges are longer than half a length over which the Cooperon varies, in the strongest field."""
    device = max(devices, key=lambda d: float(np.abs(np.asarray(d.magnetic_field())).max()))
    for name, metric in metrics(device, np.zeros((len(device.mesh.triangles), 3)), T=1.0).items():
        if name.startswith(LENGTHS):
            warn_where_coarse(device, name, metric, stacklevel=4)
    rate = np.asarray(device.centroid_field("dephasing")) if rates[0] is None else max(float(r) for r in rates)
    if np.any(rate):
        scale = np.broadcast_to(2 * rate, len(device.mesh.triangles))[:, None, None]
        metric = decay_metric(device, 1.0) * scale
        warn_where_coarse(device, "dephasing length over two, sqrt(D tau_phi)/2", metric, stacklevel=4)
