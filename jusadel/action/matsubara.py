"""Frequencies and weights of the Matsubara sum, and the bulk gap Delta(T)."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy
import scipy.linalg

from jusadel.common.arguments import check_temperature, is_count, real
from jusadel.common.differentiability import without_derivatives

GAP_RATIO = np.pi * np.exp(-np.euler_gamma)
"""Delta(0)/Tc of a BCS superconductor, 1.76388."""

MOST_FREQUENCIES = 1000
"""Quadrature nodes up to which `enough_frequencies` looks."""


def quadrature(T: float, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Gaussian quadrature of T Sum_{omega_n > 0} F(omega_n) = T Sum_p w_p F(omega_p).

    The poles and residues of the continued fraction of tanh: Ozaki, PRB 75, 035123 (2007). The first
    nodes are the Matsubara frequencies themselves with weight one.

    Args:
        T: temperature > 0 [energy].
        n: number of frequencies.

    Returns:
        omega (n,) ascending [energy] and weights (n,).
    """
    check_temperature(T)
    _check_count(n)
    i = np.arange(1, 2 * n)
    eigenvalues, vectors = scipy.linalg.eigh_tridiagonal(
        np.zeros(2 * n), 1 / (2 * np.sqrt((2 * i - 1.0) * (2 * i + 1)))
    )
    positive = eigenvalues > 0
    x, w = 1 / eigenvalues[positive], vectors[0, positive] ** 2 / (4 * eigenvalues[positive] ** 2)
    order = np.argsort(x)
    return T * x[order], w[order]


def plain_sum(T: float, n: int) -> tuple[np.ndarray, np.ndarray]:
    """The first n Matsubara frequencies (2k + 1) pi T with weight one: for checks, it converges slowly."""
    check_temperature(T)
    _check_count(n)
    return np.pi * T * (2 * np.arange(n) + 1), np.ones(n)


def given_sum(T: float, frequencies: Any) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies and weights, (n_w,) each, from how many there are to be, or a pair (omega, weights).

    Raises:
        ValueError: neither, shapes that differ, or omega not positive.
    """
    if is_count(frequencies):
        return quadrature(T, int(frequencies))
    if not isinstance(frequencies, tuple | list) or len(frequencies) != 2:
        raise ValueError(
            f"frequencies = {frequencies!r}; expected None, a whole number >= 1 of quadrature nodes, or a pair "
            "(omega, weights) of arrays (n_w,)"
        )
    omega, weights = (np.asarray(real(f"frequencies[{k}]", x)) for k, x in enumerate(frequencies))
    if omega.ndim != 1 or omega.shape != weights.shape or not omega.size:
        raise ValueError(
            f"frequencies = (omega, weights) with shapes {omega.shape} and {weights.shape}; expected two arrays (n_w,)"
        )
    if not np.all((omega > 0) & np.isfinite(omega) & np.isfinite(weights)):
        bad = int(np.nonzero(~((omega > 0) & np.isfinite(omega) & np.isfinite(weights)))[0][0])
        raise ValueError(
            f"frequency {bad} has omega = {omega[bad]:g} and weight {weights[bad]:g}; expected finite numbers with "
            "omega > 0"
        )
    return omega, weights


@without_derivatives("say how many frequencies there are to be")
def enough_frequencies(T: float, energy: float, accuracy: float = 1e-4) -> int:
    """The smallest number of quadrature nodes (at least 4, within a tenth) that sums test functions to the accuracy.

    They are 1/(omega^2 + E^2) and E^2/(omega^2 + E^2)^(3/2), the pair-amplitude response of a bulk
    superconductor, with E the largest energy of the problem; both sums are known in closed form. The second
    one decides: its error falls as n^-4, which sets the steps of the search.

    Args:
        T: temperature > 0 [energy].
        energy: largest of the pair potential, exchange field, ... [energy].
        accuracy: relative error allowed in both sums.

    Raises:
        ValueError: accuracy out of reach of `MOST_FREQUENCIES` nodes, with the accuracy that they reach.
    """
    check_temperature(T)
    if not 0 < accuracy < 1:
        raise ValueError(f"accuracy = {accuracy}; expected a relative error between 0 and 1")
    x = max(float(energy) / T, np.pi)
    if not np.isfinite(x):
        raise ValueError(f"energy/T = {energy}/{T} is not finite; expected a finite energy and a T not far below it")
    n = 4
    while (error := _quadrature_error(x, n)) >= accuracy:
        if n == MOST_FREQUENCIES:
            raise ValueError(
                f"accuracy = {accuracy:.3g} at energy/T = {x:.3g} needs more than {n} frequencies ({n} reach "
                f"{error:.1e}): ask for less accuracy, raise T, or choose the frequencies yourself"
            )
        ahead = 0.85 * n * (error / accuracy) ** 0.25  # falling short is repaired, overshooting is not
        n = min(max(n + max(1, n // 10), int(ahead)), MOST_FREQUENCIES)
    return n


def _quadrature_error(x: float, n: int) -> float:
    """Larger relative error of the two test sums with n nodes, at E = x T >= pi T."""
    omega, w = quadrature(1.0, n)
    pole = np.sum(w / (omega**2 + x**2)) * 4 * x / np.tanh(x / 2)
    # Poisson summation; z K1(z) falls as exp(-z), so twelve terms are all that double precision holds
    k = np.arange(1, 13)
    exact = (1 + 2 * np.sum((-1.0) ** k * k * x * scipy.special.k1(k * x))) / (2 * np.pi)
    root = np.sum(w * x**2 / np.hypot(omega, x) ** 3) / exact
    return float(max(abs(pole - 1), abs(root - 1)))


def bulk_gap(T: float, Tc: float = 1.0) -> float:
    """Delta(T) of a BCS superconductor [energy]: ln(T/Tc) = 2 pi T Sum (1/sqrt(omega^2 + Delta^2) - 1/omega).

    JAX differentiates it, and traces it, with NaN for T <= 0.

    Args:
        T: temperature > 0; at and above Tc the gap is zero.
        Tc: critical temperature > 0; 0 gives no gap.
    """
    if isinstance(T, jax.core.Tracer) or isinstance(Tc, jax.core.Tracer):
        return Tc * _reduced_gap(jnp.asarray(T / Tc, float))
    check_temperature(T)
    if not np.isfinite(Tc) or Tc < 0:
        raise ValueError(f"Tc = {Tc}; expected a finite critical temperature > 0, or 0 for a normal metal")
    return float(Tc * _gap_in_tc(T / Tc)) if Tc > T else 0.0


def _gap_in_tc(t: float) -> float:
    """Delta/Tc at t = T/Tc < 1."""
    if t < 0.03:  # Delta(0) - Delta(T) ~ exp(-Delta(0)/T) < 1e-25
        return float(GAP_RATIO)
    if 1 - t < 1e-9:  # Ginzburg-Landau; the equation itself drowns in round-off
        return float(np.sqrt(8 * np.pi**2 * (1 - t) / (7 * scipy.special.zeta(3))))
    omega, w = quadrature(t, 120)

    def mismatch(Delta: float) -> float:
        # omega/(omega^2 + Delta^2/2) has the same 1/omega^3 tail as 1/hypot and sums to a digamma function
        half = Delta / np.sqrt(2)
        analytic = scipy.special.psi(0.5 + 0.5j * half / (np.pi * t)).real - scipy.special.psi(0.5)
        rest = omega / (omega**2 + half**2) - 1 / np.hypot(omega, Delta)
        return float(np.log(t) + analytic + 2 * np.pi * t * np.sum(w * rest))

    return float(scipy.optimize.brentq(mismatch, 1e-9, 1.01 * GAP_RATIO, xtol=1e-15, rtol=1e-14))


@jax.custom_jvp
def _reduced_gap(t: Any) -> Any:
    """Delta/Tc of a number t = T/Tc that JAX traces."""
    gap = np.vectorize(lambda x: _gap_in_tc(x) if 0 < x < 1 else 0.0 if x >= 1 else np.nan, otypes=[float])
    return jax.pure_callback(gap, jax.ShapeDtypeStruct(t.shape, float), t, vmap_method="expand_dims")


@_reduced_gap.defjvp
def _slope_of_reduced_gap(primals: Any, tangents: Any) -> Any:
    """d ln Delta/d ln t = -Y/(1 - Y) with Yosida's function Y, from the gap equation."""
    (t,), (dt,) = primals, tangents
    gap = _reduced_gap(t)
    inside = (t > 0.03) & (t < 1)  # below, Y < 1e-23
    safe, at = jnp.where(inside, t, 0.5), jnp.where(inside, gap, 1.0)
    Y = _yosida(at / safe)
    return gap, jnp.where(inside, -at / safe * Y / (1 - Y), 0 * gap) * dt


def _yosida(x: Any) -> Any:
    """Int dxi/(2T cosh^2(E/2T)) over xi > 0, E^2 = xi^2 + Delta^2, of x = Delta/T.

    With E = Delta cosh u the trapezoidal rule errs by exp(-pi^2/step).
    """
    step = 0.25
    u = step * np.arange(120)
    y = x[..., None] * np.cosh(u)
    return jnp.sum(2 * step * np.where(u == 0, 0.5, 1.0) * y * jax.nn.sigmoid(y) * jax.nn.sigmoid(-y), axis=-1)


def _check_count(n: int) -> None:
    if int(n) != n or n < 1:
        raise ValueError(f"the number of frequencies is {n}; expected an integer >= 1")
