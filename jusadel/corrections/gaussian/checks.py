"""What is refused before fluctuations are computed, and meshes that are too coarse for the modes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from jusadel.common.arguments import check_temperature, is_count, is_number
from jusadel.corrections.checks import LENGTHS
from jusadel.corrections.gaussian.pair_hessian import PairHessian
from jusadel.device.device import Device
from jusadel.solver.checks import refuse_bad_input
from jusadel.solver.gap.sites import refuse_normal_metals
from jusadel.solver.resolution import decay_metric, metrics, warn_where_coarse

PLAIN = {"omega", "D", "Delta"}
"""Terms of a metal without magnetism and spin-orbit coupling."""
COUNTING = 2.0
"""Of the lowest eigenvalue: where modes have half of what a sum over them is."""


def refuse_arguments(T: Any, modes: Any, accuracy: Any) -> None:
    """Raise ValueError for numbers that make no sense."""
    check_temperature(T)
    if not is_count(modes):
        raise ValueError(f"modes = {modes!r}; expected how many of the slowest modes, a whole number >= 1")
    if not is_number(accuracy) or not 1e-12 <= accuracy < 1:
        raise ValueError(f"accuracy = {accuracy!r}; expected an error of eigenvalues between 1e-12 and 1")


def refuse_superconducting(device: Device) -> None:
    """Raise unless the device is a normal metal above a transition: no electrode with Delta, a region with Tc > 0."""
    if not isinstance(device, Device):
        raise TypeError(f"device is {type(device).__name__}; expected a jusadel.Device (mesh and materials together)")
    refuse_bad_input(device, tol=1e-9)
    refuse_normal_metals(device)
    for name, electrode in device.electrodes().items():
        if float(electrode.Delta) > 0:
            raise ValueError(
                f"the electrode {name!r} has Delta = {float(electrode.Delta):g}: beside it the device is "
                "superconducting by proximity at every temperature and has no normal state to fluctuate about; "
                "expected normal electrodes (Delta = 0), or use `solve`"
            )


def refuse_below(values: np.ndarray, T: float, slope: float) -> None:
    """Raise ValueError where the slowest mode grows; `slope` is its d lambda/d ln T."""
    if values[0] > 0:
        return
    guess = f", about {T * np.exp(-values[0] / slope):.4g}" if slope > 0 else ""
    raise ValueError(
        f"T = {T:g} is below the transition: the slowest mode has lambda = {values[0]:.4g} and grows; expected "
        f"T above the critical temperature{guess} (`critical_temperature` finds it)"
    )


def refuse_barriers(device: Device) -> None:
    """Raise ValueError where a conductance is asked for through a barrier."""
    barriers = [name for name, b in device.boundaries.items() if b.barrier is not None]
    if barriers:
        raise ValueError(
            f"the boundary {barriers[0]!r} is a barrier, {device.boundaries[barriers[0]]}: its own conductance changes "
            "with the density of states beside it, as much as pairs change that of the metal, which is left out here; "
            "expected contacts without barriers, jusadel.Reservoir(0.0), or leave out across=..."
        )


def why_no_film(device: Device, hessian: PairHessian, across: Sequence[str] | None) -> str | None:
    """Why Maki and Thompson's process is not worked out, or None for a film with dephasing."""
    system, given = hessian.system, {n: np.asarray(device.centroid_field(n)) for n in ("D", "nu", "dephasing")}
    magnetic = {t.field for t in (*system.node_terms, *system.cell_terms)} - PLAIN
    uneven = [name for name, values in given.items() if np.ptp(values, axis=0).any()]
    if across is None:
        return "no conductance was asked for"
    if _open_edges(device):
        return "the device has edges; a film is periodic in both directions"
    if system.links:
        return "the device has a vector potential"
    if magnetic:
        return f"the device has {' and '.join(sorted(magnetic))}, with which triplets take part"
    if uneven or np.ptp(np.asarray(device.vertex_field("Tc"))):
        return f"{' and '.join(uneven or ['Tc'])} varies in space"
    if not given["dephasing"].all():
        return "dephasing = 0, with which it is infinite"
    return None


def _open_edges(device: Device) -> bool:
    """Whether some outer edge is not a periodic one."""
    paired = [name for n, b in device.periodic().items() for name in (n, b.partner)]
    edges = {tuple(sorted(e)) for name in paired for e in np.asarray(device.mesh.boundaries[name]).tolist()}
    return any(tuple(sorted(e)) not in edges for e in np.asarray(device.mesh.boundary_edges).tolist())


def warn_if_modes_are_coarse(device: Device, T: float, values: np.ndarray) -> None:
    """Warn where edges are longer than half of a length over which the modes that count vary, spins, or the field."""
    highest = float(min(values[-1], COUNTING * values[0]))
    for name, metric in metrics(device, np.zeros((len(device.mesh.triangles), 3)), T).items():
        if name.startswith(LENGTHS):
            warn_where_coarse(device, name, metric, stacklevel=5)
    metric = decay_metric(device, 4 * T / np.pi * min(highest, 1.0))
    warn_where_coarse(
        device, f"length sqrt(pi D/8T lambda) of modes up to lambda = {highest:.3g}", metric, stacklevel=5
    )
