"""What a material may be: tensors outside these limits have no stable normal state (physics.md, section 1)."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np


def _check_symmetric(name: str, values: np.ndarray, suffix: str) -> None:
    difference = np.abs(values - np.swapaxes(values, -1, -2)).max(axis=(-1, -2))
    worst = int(np.argmax(difference))
    if difference[worst] > 1e-12 * np.abs(values[worst]).max():
        raise ValueError(f"{name}{suffix} is not symmetric: {values[worst].tolist()}; expected {name}_jk = {name}_kj")


def check_diffusion(values: np.ndarray, suffix: str) -> None:
    """D (k, 2, 2) must be symmetric and positive."""
    _check_symmetric("D", values, suffix)
    smallest = np.linalg.eigvalsh(values)[:, 0]
    worst = int(np.argmin(smallest))
    if smallest[worst] <= 0:
        raise ValueError(
            f"D{suffix} has the eigenvalue {smallest[worst]:.3g} ({values[worst].tolist()}); diffusion must be positive"
        )


def check_relaxation(values: np.ndarray, suffix: str) -> None:
    """Gamma (k, 3, 3) must be symmetric, and no spin may grow."""
    _check_symmetric("Gamma", values, suffix)
    traces = np.trace(values, axis1=-2, axis2=-1)
    rates = (traces[:, None] - np.linalg.eigvalsh(values)) / 2  # 1/2 (Gamma_aa delta_lm - Gamma_lm)
    worst = int(np.argmin(rates.min(axis=1)))
    if rates[worst].min() < -1e-12 * np.abs(values[worst]).max():
        raise ValueError(
            f"Gamma{suffix} = {values[worst].tolist()} makes a spin grow: its relaxation rates "
            f"(tr Gamma - Gamma_i)/2 are {np.round(rates[worst], 6).tolist()}; all must be >= 0"
        )


def check_states(values: np.ndarray, suffix: str) -> None:
    """nu (k,) must be positive."""
    if values.min() <= 0:
        raise ValueError(f"nu{suffix} = {values.min():.3g}; a density of states must be positive")


def check_critical_temperature(values: np.ndarray, suffix: str) -> None:
    """Tc (k,) must not be negative."""
    if values.min() < 0:
        raise ValueError(f"Tc{suffix} = {values.min():.3g}; expected >= 0 (0 is a normal metal)")


def check_swapping_limit(D: Any, kappa: Any, where: str = "") -> None:
    """Refuse |kappa| (D_xx + D_yy)/2 >= sqrt(det D): for isotropic D this is |kappa| < 1.

    The triplet part of the gradient terms is D_kj delta_ab + i (D_xx + D_yy)/2 kappa_c eps_cab eps_kj up to a
    factor; its smallest eigenvalue vanishes there, and free edges grow.

    Args:
        D: (k, 2, 2) symmetric positive.
        kappa: (k, 3) at the same points.
        where: said in the message.
    """
    if isinstance(D, jax.core.Tracer) or isinstance(kappa, jax.core.Tracer):
        return
    D, kappa = np.asarray(D), np.asarray(kappa)
    scaled = D / np.abs(D).max(axis=(-1, -2), keepdims=True)  # its determinant neither over- nor underflows
    limit = 2 * np.sqrt(np.maximum(np.linalg.det(scaled), 0)) / np.trace(scaled, axis1=-2, axis2=-1)
    size = np.linalg.norm(kappa, axis=-1)
    worst = int(np.argmax(size - limit))
    if size[worst] >= limit[worst] and size[worst] > 0:
        raise ValueError(
            f"kappa{' in ' + where if where else ''} = {kappa[worst].tolist()} has length {size[worst]:.3g}; with D = "
            f"{D[worst].tolist()} spin swapping is stable only for |kappa| < 2 sqrt(det D)/tr D = {limit[worst]:.3g} "
            "(beyond, free edges grow without bound)"
        )
