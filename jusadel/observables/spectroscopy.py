"""Densities of states and tunnelling spectra from the retarded Green's functions at real energies."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import scipy

from jusadel.action.mesh_action import to_nodes
from jusadel.action.nambu import L, R
from jusadel.common.arguments import is_number, real
from jusadel.common.differentiability import DIFFERENCES, on_device, without_derivatives
from jusadel.common.types import ArrayLike
from jusadel.solver.spectra import Spectrum

Array = jax.Array

WINDOW = 8.0
"""Temperatures round a voltage within which the energies must lie; 3e-4 of a tip's thermal window is outside."""


@without_derivatives(DIFFERENCES)
def density_of_states(spec: Spectrum, spin: bool = False) -> Array:
    """Local density of states N(E) = Re Tr(tau3 g)/4 = -Re Tr(R3 G)/4 at the nodes, 1 in the normal state.

    With spin=True the vector S(E) = Re Tr[(1 + tau3) sigma g]/4: electrons with spin up or down along n have the
    densities N + n.S and N - n.S, each 1 in the normal state, so S is half the difference of the two. In an exchange
    field, H = + h.sigma, those along h are those of BCS at E - |h|. N is even in E; the singlets' and collinear
    triplets' S is odd.

    Args:
        spec: the Spectrum.
        spin: whether the spin-resolved part is wanted.

    Returns:
        (n_E, n), or S (n_E, n, 3) [density of states of the material, nu per spin].
    """
    return on_device(_seen(spec, spin))


@without_derivatives(DIFFERENCES)
def mean_density_of_states(spec: Spectrum, region: str | None = None, spin: bool = False) -> Array:
    """Int nu N dA / Int nu dA over a region or the device: all states relative to those of the normal state.

    Args:
        spec: the Spectrum.
        region: its name; None for the whole device.
        spin: as in `density_of_states`.

    Returns:
        (n_E,), or (n_E, 3).

    Raises:
        ValueError: unknown region.
    """
    mesh = spec.mesh
    if region is not None and region not in mesh.regions:
        raise ValueError(f"the mesh has no region {region!r}; its regions are {list(mesh.regions)}")
    rows = slice(None) if region is None else mesh.regions[region]
    volumes = (np.asarray(mesh.areas) * np.asarray(spec.device.centroid_field("nu")))[rows]
    share = np.asarray(to_nodes(mesh.triangles[rows], volumes[:, None] / 3 * np.ones((1, 3)), len(mesh.points)))
    return on_device(np.einsum("n,en...->e...", share / share.sum(), _seen(spec, spin)))


@without_derivatives(DIFFERENCES)
def tunnelling_spectrum(
    spec: Spectrum, T: float | None = None, voltages: ArrayLike | None = None, polarisation: ArrayLike = (0.0, 0.0, 0.0)
) -> Array:
    """dI/dV of a weakly coupled normal tip at each node, 1 in the normal state.

    dI/dV (V) = Int dE N(E) [-f'(E - V)], f the Fermi function at the tip's temperature. N is taken as linear between
    the energies of the Spectrum, for which the integral is exact, continued to negative energies by G(-E) = conj G(E),
    and held at its last value beyond them.

    Args:
        spec: the Spectrum; its energies should be as dense as N is structured.
        T: temperature of the tip > 0 [energy]; default that of the Solution.
        voltages: (n_V,), positive where electrons enter empty states, at E = V [energy, e = 1]; default those of the
            energies whose thermal window lies inside them.
        polarisation: of the tip's density of states, (3,): N + polarisation.S instead of N.

    Returns:
        (n_V, n).

    Raises:
        ValueError: T not positive, or voltages closer than 8 T to the largest energy or beyond it.
    """
    T = spec.T if T is None else T
    if not is_number(T) or T <= 0:
        raise ValueError(f"T = {T!r}; expected the tip's temperature, a number > 0")
    E, N = _both_signs(spec, _checked_polarisation(polarisation))
    reach = E[-1] - WINDOW * T
    if voltages is None:
        V = spec.energies[np.abs(spec.energies) <= reach]
    else:
        V = np.atleast_1d(np.asarray(real("voltages", voltages)))
    if not V.size or not np.all(np.abs(V) <= reach):
        raise ValueError(
            f"the energies reach {E[-1]:.4g}; with T = {T:g} that serves for voltages up to {reach:.4g} ({WINDOW:g} T "
            f"less), but {'the smallest is' if voltages is None else 'they reach'} "
            f"{np.abs(spec.energies).min() if voltages is None else np.abs(V).max():.4g}: give more energies"
        )
    return on_device(_thermal_weights(E, V, float(T)) @ N)


def _seen(spec: Spectrum, spin: bool) -> np.ndarray:
    return (_spins if spin else _states)(np.asarray(spec.G))


def _states(G: np.ndarray) -> np.ndarray:
    return -np.einsum("ij,...ji->...", R[2], G).real / 4


def _spins(G: np.ndarray) -> np.ndarray:
    matrices = (1j * R[2] - np.eye(4)) @ L  # (1 + tau3) sigma_k g = -(1 - i R3) L_k G
    return np.einsum("aij,...ji->...a", matrices, G).real / 4


def _checked_polarisation(given: Any) -> np.ndarray:
    P = np.asarray(real("polarisation", given))
    if P.shape != (3,) or not np.linalg.norm(P) <= 1:
        raise ValueError(f"polarisation = {given!r}; expected three numbers, together at most of length one")
    return P


def _both_signs(spec: Spectrum, polarisation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All energies and their negatives, ascending (k,), and the density of states that the tip sees there, (k, n)."""
    E, first = np.unique(np.concatenate([spec.energies, -spec.energies]), return_index=True)
    G = np.asarray(spec.G)
    seen = [_states(g) + _spins(g) @ polarisation for g in (G, G.conj())]
    return E, np.concatenate(seen)[first]


def _thermal_weights(E: np.ndarray, V: np.ndarray, T: float) -> np.ndarray:
    """Weights (n_V, k) of the values at energies E (k,) in Int dE N(E) [-f'(E - V)], exact for N linear in between."""
    x = (E - V[:, None]) / T
    f, log = scipy.special.expit(-x), np.logaddexp(0, -x)  # f and its integral from E upward over T
    mass, step = f[:, :-1] - f[:, 1:], np.diff(E)
    right = (T * (log[:, :-1] - log[:, 1:]) / step) - f[:, 1:] if len(E) > 1 else mass
    weights = np.zeros(x.shape)
    weights[:, :-1] += mass - right
    weights[:, 1:] += right
    weights[:, 0] += 1 - f[:, 0]
    weights[:, -1] += f[:, -1]
    return weights
