"""What flows at each energy: the observables of a Solution, evaluated on the retarded functions of a Spectrum.

A sum over Matsubara frequencies of F, real on the imaginary axis and analytic above the real one, is an integral along
it, with G at E + i eta and any eta < pi T,

    pi T Sum_{omega > 0} F(omega) = (1/2) Int_0^inf dE Im[ tanh((E + i eta)/2T) F(E + i eta) ]

(the poles of tanh are the Matsubara frequencies). So Im F/2 for eta -> 0 is the current per energy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.common.arguments import is_number, real
from jusadel.common.differentiability import is_traced, one_program, values_of
from jusadel.common.types import ArrayLike, Point
from jusadel.observables import currents as fluxes, densities as observables
from jusadel.solver.spectra import Spectrum
from jusadel.solver.states.solution import Solution

Array = jax.Array
Observable = Callable[..., Array]


def spectral_current(spec: Spectrum, *where: str | Point) -> Array:
    """Supercurrent per energy: I = Int_0^inf dE tanh(E/2T) spectral_current(E), out through a boundary or over a cut.

    Args:
        spec: the Spectrum.
        where: the name of a boundary, as in `current_through`, or start and end of a cut, as in `current_across`.

    Returns:
        (n_E,), odd in E [nu D].
    """
    return _half(_at_each_energy(spec, _charge(where), *where))


def spectral_spin_current(spec: Spectrum, *where: str | Point) -> Array:
    """Spin current per energy, (n_E, 3); as `spectral_current`."""
    return _half(_at_each_energy(spec, _spin(where), *where))


def spectral_current_density(spec: Spectrum, at: str = "triangles") -> Array:
    """Charge current density per energy, (n_E, m, 2) or (n_E, n, 2); `at` as in `charge_current`."""
    return _half(_at_each_energy(spec, observables.charge_current, at))


def spectral_spin_current_density(spec: Spectrum, at: str = "triangles") -> Array:
    """Spin current density per energy, (n_E, m, 3, 2) or (n_E, n, 3, 2); `at` as in `spin_current`."""
    return _half(_at_each_energy(spec, observables.spin_current, at))


def equilibrium_current(
    spec: Spectrum, *where: str | Point, T: float | None = None, weights: ArrayLike | None = None
) -> Array:
    """The supercurrent at temperature T as an integral over the energies of the Spectrum, which is the Matsubara sum.

    Args:
        spec: the Spectrum; eta < pi T may be of that order, which makes everything smooth and costs no accuracy.
        where: as in `spectral_current`.
        T: temperature [energy]; default that of the Solution, whose pair potential it is.
        weights: (n_E,) of a quadrature from zero to infinity with the energies as nodes; default the trapezoidal rule
            over the energies, which must then ascend from zero, with nothing beyond the last one.

    Returns:
        A number [nu D energy].

    Raises:
        ValueError: eta >= pi T, energies or weights that are none of a quadrature.
    """
    return _integrated(spec, _at_each_energy(spec, _charge(where), *where), T, weights)


def equilibrium_spin_current(
    spec: Spectrum, *where: str | Point, T: float | None = None, weights: ArrayLike | None = None
) -> Array:
    """The spin current, (3,); as `equilibrium_current`."""
    return _integrated(spec, _at_each_energy(spec, _spin(where), *where), T, weights)


def _charge(where: tuple[Any, ...]) -> Observable:
    return fluxes.current_through if _is_boundary(where) else fluxes.current_across


def _spin(where: tuple[Any, ...]) -> Observable:
    return fluxes.spin_current_through if _is_boundary(where) else fluxes.spin_current_across


def _is_boundary(where: tuple[Any, ...]) -> bool:
    if len(where) == 1 and isinstance(where[0], str):
        return True
    if len(where) == 2:
        return False
    raise TypeError(f"got {where!r} after the Spectrum; expected the name of a boundary, or start and end of a cut")


def _at_each_energy(spec: Spectrum, observable: Observable, *arguments: Any) -> Array:
    """F of every energy, complex: the observable of a Solution whose only frequency has the weight 1 and pi T = 1."""
    return jnp.stack([observable(_alone(spec, k), *arguments) for k in range(len(spec.energies))])


@one_program
def _half(F: Array) -> Array:
    return F.imag / 2


def _alone(spec: Spectrum, k: int) -> Solution:
    return Solution(
        device=spec.device,
        T=1 / np.pi,
        omega=spec.omega[k : k + 1],
        weights=np.ones(1),
        all_G=spec.all_G[k : k + 1],
        Delta=spec.Delta,
        vertex_Delta=spec.vertex_Delta,
        converged=spec.converged[k : k + 1],
        stable=spec.stable[k : k + 1],
        margin=spec.margin[k : k + 1],
        stats=spec.stats,
        system=spec.system,
    )


def _integrated(spec: Spectrum, F: Array, T: Any, weights: Any) -> Array:
    T = spec.T if T is None else T
    eta, at = values_of(spec.eta), values_of(T)
    if not is_number(at) or not (is_traced((eta, at)) or eta < np.pi * at):
        raise ValueError(f"eta = {eta:g}, T = {at!r}; expected eta < pi T, below the first pole of tanh")
    if is_traced((eta, at)):  # in a program, where nothing can be raised
        F = jnp.where(eta < np.pi * at, F, jnp.nan)
    w = jnp.asarray(trapezoidal(_ascending(spec.energies)) if weights is None else real("weights", weights))
    if w.shape != spec.energies.shape:
        raise ValueError(f"weights has shape {w.shape}; expected {spec.energies.shape}, one for each energy")
    return _sum_of_energies(F, spec.energies, spec.eta, T, w)


@one_program
def _sum_of_energies(F: Array, E: Any, eta: Any, T: Any, weights: Any) -> Array:
    tanh = jnp.tanh((E + 1j * eta) / (2 * T))
    return jnp.einsum("e,e...->...", weights, (tanh.reshape((-1,) + (1,) * (F.ndim - 1)) * F).imag) / 2


def _ascending(E: Any) -> Any:
    known = values_of(E)
    if is_traced(known):  # as above
        return jnp.where((E[0] == 0) & jnp.all(jnp.diff(E) > 0), E, jnp.nan)
    if len(E) < 2 or known[0] != 0 or not np.all(np.diff(known) > 0):
        raise ValueError("without weights the energies must ascend from 0; give weights=... of your quadrature")
    return E


def trapezoidal(energies: Any) -> Any:
    """Weights (n_E,) for ascending energies >= 0; values are constant up to the first, since all is even."""
    xp: Any = np if isinstance(energies, np.ndarray) else jnp
    step = xp.diff(energies)
    return xp.append(step, 0) / 2 + xp.append(energies[0], step / 2)
