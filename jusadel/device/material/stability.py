"""What a material may be: tensors outside these limits have no stable normal state (physics.md, section 1)."""

from __future__ import annotations

import warnings
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


def check_magnetic_relaxation(values: np.ndarray, suffix: str) -> None:
    """Gamma^m (k, 3, 3) must be symmetric and positive: it breaks pairs."""
    _check_symmetric("magnetic_Gamma", values, suffix)
    smallest = np.linalg.eigvalsh(values)[:, 0]
    worst = int(np.argmin(smallest))
    if smallest[worst] < -1e-12 * np.abs(values[worst]).max():
        raise ValueError(
            f"magnetic_Gamma{suffix} = {values[worst].tolist()} has the eigenvalue {smallest[worst]:.3g}; magnetic "
            "relaxation must not be negative"
        )


def check_depairing(values: np.ndarray, suffix: str) -> None:
    """The rate (k,) must not be negative."""
    if values.min() < 0:
        raise ValueError(f"depairing{suffix} = {values.min():.3g}; a rate of depairing must be >= 0")


def check_inelastic(values: np.ndarray, suffix: str) -> None:
    """The rate (k,) must not be negative."""
    if values.min() < 0:
        raise ValueError(f"inelastic{suffix} = {values.min():.3g}; a rate of inelastic processes must be >= 0")


def check_dephasing(values: np.ndarray, suffix: str) -> None:
    """The rate (k,) must not be negative."""
    if values.min() < 0:
        raise ValueError(f"dephasing{suffix} = {values.min():.3g}; a rate 1/tau_phi of dephasing must be >= 0")


def check_pairs_of_space(values: np.ndarray, suffix: str, name: str = "P") -> None:
    """P or K (k, 3, 2, 2) must be symmetric in the two indices of space."""
    difference = np.abs(values - np.swapaxes(values, -1, -2)).max(axis=(1, 2, 3))
    worst = int(np.argmax(difference))
    if difference[worst] > 1e-12 * np.abs(values[worst]).max():
        raise ValueError(f"{name}{suffix} = {values[worst].tolist()}; expected {name}_ajk = {name}_akj")


class StrongPrecessionWarning(UserWarning):
    """A precessing diffusion K above one."""


def check_precession(values: np.ndarray, suffix: str) -> None:
    """K (k, 3, 2, 2): symmetric, and small enough to mean something."""
    check_pairs_of_space(values, suffix, "K")
    size = np.linalg.norm(values.reshape(len(values), -1, 2), ord=2, axis=(1, 2))
    worst = int(np.argmax(size))
    if size[worst] > 1:
        warnings.warn(
            f"K{suffix} = {values[worst].tolist()} is {size[worst]:.3g} in size; it comes from an expansion in h tau, "
            "K = -2 h tau for a ferromagnet and -3 h tau for a d-wave magnet, which means nothing above 1",
            StrongPrecessionWarning,
            stacklevel=4,
        )


EPSILON = np.array([[[(i - j) * (j - k) * (k - i) / 2 for k in range(3)] for j in range(3)] for i in range(3)])


def check_spin_diffusion(D: Any, kappa: Any, P: Any, where: str = "") -> None:
    """Refuse kappa and P for which some triplet does not diffuse, but grows.

    The triplet part of the gradient terms is, up to a factor, the Hermitian form
    D_jk delta_ab + (tr D/2)(i P_cjk eps_cab - kappa_c eps_cab e_jk), e_xy = -e_yx = 1, which must be positive. With
    kappa alone that is |kappa| tr D/2 < sqrt(det D), with P alone and isotropic D, |P| < 1.

    Args:
        D: (k, 2, 2) symmetric positive.
        kappa: (k, 3) at the same points.
        P: (k, 3, 2, 2) at the same points.
        where: said in the message.
    """
    if any(isinstance(x, jax.core.Tracer) for x in (D, kappa, P)):
        return
    D, kappa, P = (np.asarray(x) for x in (D, kappa, P))
    if not kappa.any() and not P.any():
        return
    scaled = D / np.abs(D).max(axis=(-1, -2), keepdims=True)
    mean = np.trace(scaled, axis1=-2, axis2=-1)[:, None, None, None, None] / 2
    swapping = np.einsum("nc,cab,jk->najbk", kappa, EPSILON, np.array([[0.0, 1.0], [-1.0, 0.0]]))
    splitting = 1j * np.einsum("ncjk,cab->najbk", P, EPSILON)
    form = np.einsum("njk,ab->najbk", scaled, np.eye(3)) + mean * (splitting - swapping)
    smallest = np.linalg.eigvalsh(form.reshape(-1, 6, 6))[:, 0]
    worst = int(np.argmin(smallest))
    if smallest[worst] > 1e-14:
        return
    at = f" in {where}" if where else ""
    limit = 2 * np.sqrt(np.linalg.det(scaled[worst])) / np.trace(scaled[worst])
    if not P.any():
        size = np.linalg.norm(kappa[worst])
        raise ValueError(
            f"kappa{at} = {kappa[worst].tolist()} has length {size:.3g}; with D = {D[worst].tolist()} spin swapping is "
            f"stable only for |kappa| < 2 sqrt(det D)/tr D = {limit:.3g} (beyond, free edges grow without bound)"
        )
    raise ValueError(
        f"P{at} = {P[worst].tolist()}, with kappa = {kappa[worst].tolist()} and D = {D[worst].tolist()}: a spin would "
        f"diffuse with {smallest[worst]:.3g} of the largest D; expected all above zero (P alone, isotropic D: |P| < 1)"
    )
