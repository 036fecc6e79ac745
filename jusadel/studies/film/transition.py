"""The temperature at which a homogeneous film becomes superconducting, by a transition of second order."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy

from jusadel.action import matsubara
from jusadel.action.terms import Term
from jusadel.common.differentiability import is_traced, waits, worked_out
from jusadel.common.types import ArrayLike
from jusadel.device.material.material import Material
from jusadel.solver.derivatives.callback import called
from jusadel.solver.derivatives.rule import implicit_numbers
from jusadel.studies.film.energy import constant_fields
from jusadel.studies.film.pairing_response import PairingResponse, pole_sum, stiffness_at, terms_present
from jusadel.studies.film.states import CRITICAL_BREAKING, plane_vector

LOWEST = 1e-4
"""Temperature down to which a transition is looked for, in Tc."""
NODES = 200
"""Of the quadrature by which the transition is differentiated; its poles are known in closed form for numbers alone."""


def film_critical_temperature(material: Material, q: ArrayLike = (0.0, 0.0)) -> float:
    """Temperature of the second-order transition of a film: the largest root of the linearised gap equation.

    The normal state's linear response is a sum of poles, f_s/Delta = Sum_i r_i/(omega + lam_i), so that
    ln(T/Tc) = Sum_i r_i [psi(1/2) - psi(1/2 + lam_i/(2 pi T))]: Abrikosov and Gorkov for eight modes, exact.

    Args:
        material: with constant fields and Tc > 0.
        q: phase gradient (2,) [1/length], or None for the one of the highest transition (helical state).

    Returns:
        T [energy]; 0.0 where the normal state is stable at all temperatures down to 1e-4 Tc. A first-order transition
        may lie higher: compare `film_state(...).free_energy`.

    Raises:
        ValueError: fields that are functions of points, or Tc = 0.

    It has derivatives with respect to all numbers, inside `jax.jit` and `jax.vmap` too, where it is NaN if it fails.
    """
    if waits(asked := locals()):
        return worked_out(film_critical_temperature, asked)
    if is_traced((material, q)):
        return _differentiated(material, q)
    return _found(material, q)[0]


def _found(material: Material, q: Any) -> tuple[float, np.ndarray]:
    """The temperature, and the q (2,) that belongs to it."""
    fields, Tc, _ = constant_fields(material)
    return _of_numbers(fields, Tc, q)


def _of_numbers(fields: dict[str, Any], Tc: float, q: Any) -> tuple[float, np.ndarray]:
    transition = partial(_transition, PairingResponse.of(fields), fields["h"], Tc)
    if q is not None:
        q = plane_vector("q", q)
        return transition(q), q
    reach = np.sqrt(2 * CRITICAL_BREAKING * Tc / np.linalg.eigvalsh(fields["D"])[0])
    angles, lengths = np.meshgrid(np.arange(12) * np.pi / 6, np.arange(1, 13) / 12 * reach)
    circle = np.stack([lengths * np.cos(angles), lengths * np.sin(angles)], axis=-1).reshape(-1, 2)
    best = max([np.zeros(2), *circle], key=transition)
    found = scipy.optimize.minimize(
        lambda q: -transition(q),
        best,
        method="Nelder-Mead",
        options={"xatol": 1e-7 * reach, "fatol": 1e-13 * Tc, "initial_simplex": best + reach / 24 * _SIMPLEX},
    )
    return max((float(-found.fun), found.x), (transition(best), best), key=lambda x: x[0])


_SIMPLEX = np.array([[0.0, 0.0], [1.0, 0.3], [-0.3, 1.0]])


def _transition(response: PairingResponse, h: np.ndarray, Tc: float, q: np.ndarray) -> float:
    rates, shares = response.modes(q[None], h)
    mismatch = lambda T: np.log(T / Tc) + pole_sum(rates[0], shares[0], np.asarray(T))  # noqa: E731
    T = Tc * np.geomspace(1, LOWEST, 400)
    unstable = np.nonzero(mismatch(T) < 0)[0]
    if not len(unstable):
        return 0.0
    k = int(unstable[0])
    return Tc if k == 0 else float(scipy.optimize.brentq(mismatch, T[k], T[k - 1], xtol=1e-15 * Tc))


def _differentiated(material: Material, q: Any) -> Any:
    """As `film_critical_temperature`, of numbers that JAX traces; the best q moves with them."""
    given, Tc, _ = constant_fields(material)
    fields, terms = {name: jnp.asarray(value, float) for name, value in given.items()}, terms_present(given)
    q, Tc = None if q is None else jnp.asarray(plane_vector("q", q), float), jnp.asarray(Tc, float)
    found = called(_found_by_host, jnp.zeros(3), *jax.lax.stop_gradient((fields, Tc, q)))
    superconducting = found[0] > 0
    start = jnp.where(superconducting | jnp.isnan(found[0]), found, jnp.ones(3))  # any, of which nothing is taken
    eq = Normal(fields=fields, Tc=Tc, q=q, left=jnp.zeros(3), terms=terms)
    eq = replace(eq, left=_unstable(jax.lax.stop_gradient(eq), start))
    return jnp.where(superconducting, implicit_numbers(_unstable, eq, start)[0], found[0])


def _found_by_host(fields: dict[str, np.ndarray], Tc: np.ndarray, q: np.ndarray | None) -> np.ndarray:
    """The temperature and q, (3,), of numbers; NaN where they are none of a film."""
    if not all(np.isfinite(x).all() for x in jax.tree.leaves((fields, Tc, q))) or not Tc > 0:
        return np.full(3, np.nan)
    T, best = _of_numbers(fields, float(Tc), q)
    return np.array([T, *best])


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Normal:
    """All numbers that a transition depends on."""

    fields: dict[str, Any]
    Tc: Any
    q: Any  # (2,), or None for the best
    left: Any  # (3,) what the quadrature leaves of the equations at the transition
    terms: tuple[Term, ...] = field(metadata={"static": True})


def _mismatch(eq: Normal, T: Any, q: Any) -> Any:
    """ln T/Tc + 2 pi T Sum (1/omega - f_s/Delta)."""
    x, weights = matsubara.quadrature(1.0, NODES)
    P, b, M = stiffness_at(q, eq.fields["h"], eq.fields, eq.terms)
    response = jax.vmap(lambda w: b @ jnp.linalg.solve(jnp.diag(w * P) + M, b) / 4)(x * T)
    return jnp.log(T / eq.Tc) + 2 * jnp.pi * T * jnp.sum(weights * (1 / (x * T) - response))


@jax.jit
def _unstable(eq: Normal, z: Any) -> Any:
    """The mismatch at z = (T, q), and its slope along q or where q must be, (3,)."""
    if eq.q is not None:
        return jnp.append(_mismatch(eq, z[0], eq.q), z[1:] - eq.q) - eq.left
    value, slope = jax.value_and_grad(_mismatch, argnums=2)(eq, z[0], z[1:])
    return jnp.append(value, slope) - eq.left
