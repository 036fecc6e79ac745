"""The phases of a circuit in time, many copies at once: Runge-Kutta without noise, Heun's method with it.

With noise that does not depend on the phase, Heun's method is of second order in the distribution.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.studies.circuits.elements import BOLTZMANN, PER_RADIAN, PF, POINTS, Circuit, Squid, junctions_of

Array = Any


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Motion:
    """The numbers of the equations: c phase'' + g phase' = force, of k junctions."""

    tables: Array  # (k, POINTS) [uA]
    mass: Array  # (k,) [uA ns^2]
    friction: Array  # (k,) [uA ns]
    share: Array  # (k,) of the bias current
    stiffness: Array  # () [uA] per radian of the phase between two junctions less that of the flux
    flux: Array  # () phase of the flux through the loop
    noise: Array  # (k,) sqrt(2 k_B T/R) [uA ns^(1/2)]
    amplitude: Array  # () of an alternating current [uA]
    frequency: Array  # () [1/ns], angular

    @classmethod
    def of(cls, circuit: Circuit, T: float, flux: float, drive: tuple[float, float]) -> Motion:
        """Of a circuit at a temperature [K], with a flux [flux quanta] and (amplitude [uA], frequency [GHz])."""
        parts, share, stiffness = junctions_of(circuit), np.ones(1), 0.0
        if isinstance(circuit, Squid):
            total = circuit.arms.sum()
            share, stiffness = circuit.arms[::-1] / total, PER_RADIAN / total
        R = np.array([part.resistance for part in parts])
        return cls(
            tables=np.stack([part.table for part in parts]),
            mass=PER_RADIAN * PF * np.array([part.capacitance for part in parts]),
            friction=PER_RADIAN / R,
            share=share,
            stiffness=stiffness,
            flux=2 * np.pi * flux,
            noise=np.sqrt(2 * BOLTZMANN * T / R),
            amplitude=drive[0],
            frequency=2 * np.pi * drive[1],
        )

    def fastest(self, largest: float) -> float:
        """The largest rate of all that moves, up to a current [1/ns]."""
        scale = max(largest + abs(float(self.amplitude)), float(np.abs(self.tables).max()))
        rates = [scale / self.friction.min(), self.frequency]
        if self.mass.any():
            rates += [np.sqrt(scale / self.mass.min()), self.friction.max() / self.mass.min()]
            rates.append(np.sqrt(2 * self.stiffness / self.mass.min()))
        else:
            rates.append(2 * self.stiffness / self.friction.min())
        return float(max(rates))


def _force(m: Motion, x: Array, bias: Array, t: Array) -> Array:
    """Bias, what joins the junctions, and less their currents: (copies, k) for phases x (copies, k)."""
    place = x * (POINTS / (2 * np.pi))
    below = jnp.floor(place)
    k = jnp.mod(below.astype(int), POINTS)
    rows = jnp.arange(x.shape[1])
    here, ahead = m.tables[rows, k], m.tables[rows, jnp.mod(k + 1, POINTS)]
    drive = m.amplitude * jnp.cos(m.frequency * t)
    force = m.share * (bias + drive)[:, None] - here - (place - below) * (ahead - here)
    if x.shape[1] == 2:  # the current round the loop
        force += m.stiffness * (x[:, 1] - x[:, 0] + m.flux)[:, None] * np.array([1.0, -1.0])
    return force


def _rates(m: Motion, inert: bool, y: tuple[Array, ...], bias: Array, t: Array, kick: Array) -> tuple[Array, ...]:
    """Of the phases, and with capacitors of their rates."""
    force = _force(m, y[0], bias, t) + kick
    return (y[1], (force - m.friction * y[1]) / m.mass) if inert else (force / m.friction,)


def _moved(y: tuple[Array, ...], dt: Any, rate: tuple[Array, ...]) -> tuple[Array, ...]:
    return tuple(a + dt * b for a, b in zip(y, rate, strict=True))


def _without_noise(f: Any, y: tuple[Array, ...], t: Array, dt: Array) -> tuple[Array, ...]:
    """A step of Runge and Kutta."""
    a = f(y, t)
    b = f(_moved(y, dt / 2, a), t + dt / 2)
    c = f(_moved(y, dt / 2, b), t + dt / 2)
    d = f(_moved(y, dt, c), t + dt)
    return tuple(y + dt * (a + 2 * b + 2 * c + d) / 6 for y, a, b, c, d in zip(y, a, b, c, d, strict=True))


def _with_noise(f: Any, y: tuple[Array, ...], t: Array, dt: Array) -> tuple[Array, ...]:
    """A step of Heun, the noise of which is in f."""
    a = f(y, t)
    b = f(_moved(y, dt, a), t + dt)
    return tuple(y + dt * (a + b) / 2 for y, a, b in zip(y, a, b, strict=True))


def _step(
    m: Motion, noisy: bool, key: Array, n: Array, dt: Array, y: tuple[Array, ...], bias: Any
) -> tuple[Array, ...]:
    """From n dt on; bias is a function of time."""
    kick: Any = 0.0
    if noisy:
        kick = m.noise * jax.random.normal(jax.random.fold_in(key, n), y[0].shape) / jnp.sqrt(dt)
    f = lambda y, t: _rates(m, len(y) == 2, y, bias(t), t, kick)  # noqa: E731
    return (_with_noise if noisy else _without_noise)(f, y, n * dt, dt)


@partial(jax.jit, static_argnames="noisy")
def mean_rates(m: Motion, y: Any, bias: Array, dt: Any, skipped: Any, steps: Any, key: Array, noisy: bool) -> Array:
    """Mean phase' (copies, k) over `steps` after those that are skipped, at constant bias (copies,).

    Without noise the mean is weighted by a smooth bump, which forgets where in a period it began.
    """

    def weight(n: Any) -> Any:
        s = (n - skipped + 0.5) / steps
        inside = (s > 0) & (s < 1)
        bump = jnp.exp(-1 / jnp.where(inside, s * (1 - s), 1.0))
        return jnp.where(inside, 1.0 if noisy else bump, 0.0)

    def advance(n: Any, carry: Any) -> Any:
        y, total, weights = carry
        new = _step(m, noisy, key, n, dt, y, lambda t: bias)
        return new, total + weight(n) * (new[0] - y[0]) / dt, weights + weight(n)

    start = (y, jnp.zeros_like(y[0]), 0.0)
    _, total, weights = jax.lax.fori_loop(0, skipped + steps, advance, start)
    return total / weights


@partial(jax.jit, static_argnames="noisy")
def first_passages(
    m: Motion, y: Any, first: Any, rate: Any, beyond: Any, dt: Any, steps: Any, key: Array, noisy: bool
) -> Array:
    """Currents (copies,) at which a phase first lies beyond one, while the bias grows from `first` at a rate.

    NaN for those that have not got there.
    """
    copies = y[0].shape[0]

    def goes_on(carry: Any) -> Any:
        n, _, passed = carry
        return (n < steps) & jnp.isnan(passed).any()

    def advance(carry: Any) -> Any:
        n, y, passed = carry
        y = _step(m, noisy, key, n, dt, y, lambda t: jnp.full(copies, first + rate * t))
        here = first + rate * (n + 1) * dt
        return n + 1, y, jnp.where(jnp.isnan(passed) & (y[0][:, 0] > beyond), here, passed)

    return jax.lax.while_loop(goes_on, advance, (0, y, jnp.full(copies, jnp.nan)))[2]
