"""Densities of states, their gap, and tunnelling spectra from the retarded Green's functions at real energies."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.action.mesh_action import to_nodes
from jusadel.action.nambu import L, R
from jusadel.common.arguments import is_number, real
from jusadel.common.differentiability import is_traced, on_device, one_program, refuse_in_program, values_of
from jusadel.common.types import ArrayLike, Point
from jusadel.device.units.shown import Scale, scale, with_unit
from jusadel.mesh.point_search import PointSearch, corner_shares
from jusadel.observables.cuts import point
from jusadel.solver.spectra import Spectrum

Array = jax.Array

WINDOW = 8.0
"""Temperatures round a voltage within which the energies must lie; 3e-4 of a tip's thermal window is outside."""


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
    mesh, rows = spec.mesh, _rows_of(spec, region)
    xp = _numbers_of(spec)
    volumes = (xp.asarray(mesh.areas) * xp.asarray(spec.device.centroid_field("nu")))[rows]
    share = xp.asarray(to_nodes(mesh.triangles[rows], volumes[:, None] / 3 * np.ones((1, 3)), len(mesh.points)))
    return on_device(xp.einsum("n,en...->e...", share / share.sum(), _seen(spec, spin)))


def minigap(spec: Spectrum, at: Point | None = None, region: str | None = None, fraction: float = 0.1) -> Array:
    """The energy at which states begin: where their density rises most steeply on its first way up through `fraction`.

    The edge of a gap behind a superconductor, N ~ (E - E_g)^(1/2), is found 0.58 eta too high, and that of a
    superconductor itself, N ~ (E - E_g)^(-1/2), 0.32 eta too low, where the energies are closer to each other than
    eta, and both to about a distance of theirs where not. Pair breaking rounds an edge; then it is the steepest point.

        E_g = ju.minigap(ju.spectrum(sol, np.linspace(0.0, 4.0, 200), eta=0.01), at=(0.5, 0.0))

    Args:
        spec: the Spectrum; only |E| matters.
        at: a place (2,) of the mesh.
        region: a region's name. The largest density of states of its nodes counts, and of all nodes without a place
            or a region: where states begin anywhere.
        fraction: of the normal state's density; more than eta alone makes below the gap, less than the states' peak.

    Returns:
        A number [energy], 0 where the density of states is above the fraction at E = 0; `Units.to_meV` makes
        millielectronvolts of it. Its derivatives are those of what the given energies tell, wrong by up to half of
        their distance over eta.

    Raises:
        ValueError: energies that do not reach from below the gap to above it, that are fewer than three, or that are
            not all certified; a place outside the mesh; an unknown region.
        NotDifferentiableError: inside `jax.jit` or `jax.vmap`.
    """
    if not (is_number(fraction) and fraction > 0):
        raise ValueError(f"fraction = {fraction!r}; expected a share of the normal state's density of states, > 0")
    numbers = {"spec": values_of(spec.all_G), "its energies": values_of(spec.energies)}
    refuse_in_program("minigap", "jax.grad and jax.jvp can be used", **numbers)
    if not np.all(spec.converged & spec.stable):
        raise ValueError("the spectrum has energies that are not certified; see spec.converged and spec.stable")
    xp = _numbers_of(spec)
    order = np.unique(np.abs(np.asarray(values_of(spec.energies))), return_index=True)[1]
    E = xp.abs(xp.asarray(spec.energies))[order]
    N = _largest(spec, at, region)[order]
    energy = scale(spec.units, "energy")
    k = _first_above(np.asarray(values_of(E)), np.asarray(values_of(N)), fraction, energy)
    return on_device(np.zeros(()) if k == 0 else _steepest(xp, E, N, k - 1, energy))


def _largest(spec: Spectrum, at: Point | None, region: str | None) -> Any:
    """N (n_E,) at a place, or the largest of the nodes of a region or of all."""
    N, mesh = _seen(spec, False), spec.mesh
    if at is None:
        return N[:, slice(None) if region is None else np.unique(mesh.triangles[_rows_of(spec, region)])].max(axis=1)
    if region is not None:
        raise ValueError(f"at = {at!r} and region = {region!r} are both given; expected one of them")
    if isinstance(at, str):
        raise ValueError(f"at = {at!r}; expected a place (2,) of the mesh; a region is said by name: region={at!r}")
    place = point("at", at)
    inside = PointSearch(mesh).found(place[None])
    corners, shares = mesh.triangles[inside[0]], corner_shares(mesh, inside, place[None])[0]
    points = np.asarray(values_of(mesh.points))
    if np.linalg.norm(shares @ points[corners] - place) > 1e-9 * np.ptp(points, axis=0).max():
        raise ValueError(f"the point {place.tolist()} is outside the mesh")
    return N[:, corners] @ shares


def _first_above(E: np.ndarray, N: np.ndarray, fraction: float, energy: Scale) -> int:
    """The first of ascending energies at which N is above the fraction, checked to be bracketed by those given."""
    above = np.flatnonzero(fraction < N)
    if len(E) < 3:
        raise ValueError(f"the spectrum has {len(E)} energies; expected three and more, close to each other at the gap")
    if len(above) == 0:
        raise ValueError(
            f"up to E = {with_unit(E[-1], energy, 4)} the density of states stays below {fraction:g}: the gap is "
            "larger; give larger energies, or a smaller fraction"
        )
    if above[0] == 0 and E[0] > 0:
        raise ValueError(
            f"the density of states is above {fraction:g} already at the lowest energy, "
            f"E = {with_unit(E[0], energy, 4)}: give lower ones, and E = 0, where this says that "
            "there is no gap, or a smaller eta"
        )
    return int(above[0])


def _steepest(xp: Any, E: Any, N: Any, k: int, energy: Scale) -> Any:
    """Uphill from interval k to where dN/dE is largest, by a parabola through it and its two neighbours."""
    slope, middle = xp.diff(N) / xp.diff(E), (E[1:] + E[:-1]) / 2
    known = np.asarray(values_of(slope))
    while k + 1 < len(known) and known[k + 1] > known[k]:
        k += 1
    while k > 0 and known[k - 1] > known[k]:
        k -= 1
    if k == len(known) - 1:
        raise ValueError(
            "the density of states rises ever more steeply up to the largest energy, "
            f"E = {with_unit(values_of(E)[-1], energy, 4)}: give larger ones"
        )
    if k == 0:
        return middle[k]
    left, right = middle[k] - middle[k - 1], middle[k + 1] - middle[k]
    down, up = (slope[k] - slope[k - 1]) / left, (slope[k + 1] - slope[k]) / right
    return middle[k] + (down * right + up * left) / (2 * (down - up))


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
    polarisation = _checked_polarisation(polarisation)
    V = _voltages(spec, T, voltages)
    xp = jnp if is_traced((spec, T, voltages, polarisation)) else np
    E, N = _both_signs(xp, spec, polarisation)
    return on_device(_thermal_weights(E, V, T) @ N)


def _rows_of(spec: Spectrum, region: str | None) -> Any:
    """The triangles of a region, or all."""
    if region is not None and region not in spec.mesh.regions:
        raise ValueError(f"the mesh has no region {region!r}; its regions are {list(spec.mesh.regions)}")
    return slice(None) if region is None else spec.mesh.regions[region]


def _voltages(spec: Spectrum, T: Any, given: ArrayLike | None) -> Any:
    """Those given, or all that the energies serve for; checked as far as the numbers have values."""
    E, at = values_of(spec.energies), values_of(T)
    unknown = {"energies": E} | ({"T": at} if given is None else {})
    refuse_in_program("tunnelling_spectrum", "give it voltages, and a Spectrum at energies that are numbers", **unknown)
    if not is_traced(at) and (not is_number(at) or at <= 0):
        raise ValueError(f"T = {T!r}; expected the tip's temperature, a number > 0")
    reach = np.abs(E).max() - WINDOW * at
    V = spec.energies[np.abs(E) <= reach] if given is None else real("voltages", given).reshape(-1)
    if is_traced((values_of(V), at)):
        return jnp.where(jnp.abs(V) <= reach, V, jnp.nan)  # in a program, where nothing can be raised
    if not V.size or not np.all(np.abs(known := values_of(V)) <= reach):
        raise ValueError(
            f"the energies reach {np.abs(E).max():.4g}; with T = {at:g} that serves for voltages up to {reach:.4g} "
            f"({WINDOW:g} T less), but {'the smallest is' if given is None else 'they reach'} "
            f"{np.abs(E).min() if given is None else np.abs(known).max():.4g}: give more energies"
        )
    return V


def _numbers_of(spec: Spectrum) -> Any:
    return jnp if is_traced(spec) else np


def _seen(spec: Spectrum, spin: bool) -> Any:
    xp = _numbers_of(spec)
    return (_spins if spin else _states)(xp.asarray(spec.G))


def _of(x: Any) -> Any:
    return np if isinstance(x, np.ndarray) else jnp


@one_program
def _states(G: Any) -> Any:
    return -_of(G).einsum("ij,...ji->...", R[2], G).real / 4


@one_program
def _spins(G: Any) -> Any:
    matrices = (1j * R[2] - np.eye(4)) @ L  # (1 + tau3) sigma_k g = -(1 - i R3) L_k G
    return _of(G).einsum("aij,...ji->...a", matrices, G).real / 4


def _checked_polarisation(given: Any) -> Any:
    P = real("polarisation", given)
    known = values_of(P)
    if P.shape != (3,) or not (is_traced(known) or np.linalg.norm(known) <= 1):
        raise ValueError(f"polarisation = {given!r}; expected three numbers, together at most of length one")
    return P


def _both_signs(xp: Any, spec: Spectrum, polarisation: Any) -> tuple[Any, Any]:
    """All energies and their negatives, ascending (k,), and the density of states that the tip sees there, (k, n)."""
    known, G = values_of(spec.energies), xp.asarray(spec.G)
    first = np.unique(np.concatenate([known, -known]), return_index=True)[1]
    both = xp.concatenate([spec.energies, -spec.energies])
    seen = [_states(g) + _spins(g) @ polarisation for g in (G, G.conj())]
    return both[first], xp.concatenate(seen)[first]


@one_program
def _thermal_weights(E: Any, V: Any, T: Any) -> Any:
    """Weights (n_V, k) of the values at energies E (k,) in Int dE N(E) [-f'(E - V)], exact for N linear in between."""
    x = (E - V[:, None]) / T
    xp = _of(x)
    f, log = (1 - xp.tanh(x / 2)) / 2, xp.logaddexp(0, -x)  # f and its integral from E upward over T
    mass, step = f[:, :-1] - f[:, 1:], xp.diff(E)
    right = (T * (log[:, :-1] - log[:, 1:]) / step) - f[:, 1:] if len(E) > 1 else mass
    outside = xp.concatenate([1 - f[:, :1], 0 * f[:, 1:-1], f[:, -1:]], axis=1) if len(E) > 1 else 1 + 0 * f
    none = 0 * f[:, :1]
    return outside + xp.concatenate([mass - right, none], axis=1) + xp.concatenate([none, right], axis=1)
