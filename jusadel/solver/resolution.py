"""Is the mesh fine enough: the lengths over which G varies, each as a metric that measures edges, and the warning."""

from __future__ import annotations

import warnings
from typing import Any

import jax
import numpy as np

from jusadel.common.errors import CoarseMeshWarning
from jusadel.device.device import Device
from jusadel.device.units.shown import scale, with_unit

Array = jax.Array
FINE_ENOUGH = 0.5
"""Edges of this many lengths cost some per cent, docs/trust.md."""
COST = 0.2
"""Relative error over the square of the longest edge in lengths, of currents that decay over some six lengths."""


def warn_if_coarse(device: Device, Delta: Array, T: float) -> None:
    """Warn where edges are longer than half a physical length; Delta (m, 3) at the triangles' vertices."""
    for name, metric in metrics(device, Delta, T).items():
        warn_where_coarse(device, name, metric)


def metrics(device: Device, Delta: Any, T: float) -> dict[str, np.ndarray]:
    """The lengths over which G varies, where there are any, as metrics M (m, 2, 2): an edge e is sqrt(e M e) long.

    What decays at the rate E does so over sqrt(D/2E) along the eigenvectors of D. A pure gauge vector potential has no
    length: the links carry it exactly. A field has two: 1/sqrt(2|B|), and, since an edge e turns the phase across it by
    2 B e for each unit of length, 1/(B xi) with the xi of the direction across, over which pairs stay coherent. What an
    electrode changes is a layer only, where edges may be twice as long.
    """
    D, E = np.asarray(device.centroid_field("D")), np.abs(np.asarray(Delta)).max(axis=-1)
    B, root = np.abs(np.asarray(device.magnetic_field())), np.sqrt(np.linalg.det(D))
    h = np.linalg.norm(np.asarray(device.vertex_field("h")), axis=-1).max(axis=-1)
    Gamma = np.linalg.eigvalsh(np.asarray(device.centroid_field("Gamma")))[:, -1]
    magnetic_Gamma = np.trace(np.asarray(device.centroid_field("magnetic_Gamma")), axis1=1, axis2=2)
    slow, inverse = _of_the_slower_spin(device), np.linalg.inv(D)
    rates = {
        "thermal length sqrt(D/2 pi T)": np.full(len(B), np.pi * T),
        "coherence length sqrt(D/2 Delta)": E,
        "healing length sqrt(2 D/Delta) of the reservoir": _at_contacts(device) / 4,
        "exchange length sqrt(D/2h)": h / slow,
        "spin relaxation length sqrt(D/Gamma)": np.maximum(Gamma, 0) / 2 / slow,
        "magnetic relaxation length sqrt(2 D/tr magnetic_Gamma)": magnetic_Gamma / 4 / slow,
        "depairing length sqrt(D/2 depairing)": np.asarray(device.centroid_field("depairing")),
        "magnetic length 1/sqrt(2|B|)": B * root,
        "magnetic length 1/(|B| xi), xi = sqrt(D/2 pi T) across": (B * root) ** 2 / (4 * (np.pi * T + E)),
    }
    found = {name: 2 * rate[:, None, None] * inverse for name, rate in rates.items() if rate.any()}
    return found | {name: np.swapaxes(x, 1, 2) @ x for name, x in _slopes(device, inverse).items() if x.any()}


def _slopes(device: Device, inverse: np.ndarray) -> dict[str, np.ndarray]:
    """What turns a spin or a phase for each unit of length, (m, 3, 2)."""
    a, *galvanic = (np.asarray(device.centroid_field(name)) for name in ("spin_field", "gamma", "magnetic_gamma", "mu"))
    names = ("spin-galvanic length D/|gamma|", "spin-galvanic length D/|magnetic_gamma|", "spin-galvanic length D/|mu|")
    return {"spin precession length 1/2|a|": 2 * a} | {
        name: gamma @ inverse for name, gamma in zip(names, galvanic, strict=True)
    }


def _of_the_slower_spin(device: Device) -> np.ndarray:
    """1 - |P|: the part of D with which the slower spin diffuses, (m,)."""
    P = np.linalg.norm(np.asarray(device.centroid_field("P")), axis=1)
    return np.maximum(1 - np.linalg.norm(P, ord=2, axis=(1, 2)), 0.01)


def decay_metric(device: Device, energy: float) -> np.ndarray:
    """That of sqrt(D/2E), (m, 2, 2)."""
    return 2 * energy * np.linalg.inv(np.asarray(device.centroid_field("D")))


def isotropic_metric(length: np.ndarray) -> np.ndarray:
    """That of a length (m,) in every direction."""
    return np.eye(2) / np.asarray(length)[:, None, None] ** 2


def _at_contacts(device: Device) -> np.ndarray:
    """The larger of a reservoir's Delta and |h| on the triangles that touch it, (m,), else 0."""
    energy = np.zeros(len(device.mesh.points))
    for name, r in device.electrodes().items():
        energy[device.mesh.boundary_nodes(name)] = max(float(r.Delta), float(np.linalg.norm(r.h)))
    return energy[device.mesh.triangles].max(axis=1)


def warn_where_coarse(device: Device, name: str, metric: np.ndarray, stacklevel: int = 5) -> None:
    """Warn where edges are longer than half of the length that this metric (m, 2, 2) measures with."""
    mesh = device.mesh
    corners = np.asarray(mesh.points)[mesh.triangles]
    edges = corners - np.roll(corners, 1, axis=1)
    ratios = np.sqrt(np.einsum("tek,tkl,tel->te", edges, metric, edges))
    if ratios.max() <= FINE_ENOUGH:
        return
    k, side = np.unravel_index(int(np.argmax(ratios)), ratios.shape)
    unit = scale(device.units, "length")
    edge, place = float(np.linalg.norm(edges[k, side])), (unit[0] * corners[k].mean(axis=0)).round(3).tolist()
    length, many = edge / ratios[k, side], int((ratios.max(axis=1) > FINE_ENOUGH).sum())
    warnings.warn(
        f"the mesh is too coarse: {many} of {len(ratios)} triangles have edges longer than half the {name}; worst edge "
        f"{with_unit(edge, unit, 3)} against {with_unit(length, unit, 3)} near {place}{f' {unit[1]}' * bool(unit[1])}, "
        f"where this may cost {_percent(edge / length)} of a result; use a mesh with size <= "
        f"{with_unit(FINE_ENOUGH * length, unit, 3)} there, or see with ju.converge what it costs",
        CoarseMeshWarning,
        stacklevel=stacklevel,
    )


def _percent(ratio: float) -> str:
    return f"{100 * min(COST * ratio**2, 1.0):.0f} %"
