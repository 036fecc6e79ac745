"""Contacts out of equilibrium: what stands at a boundary when voltages, currents or spins are applied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.common.arguments import is_number, real
from jusadel.common.differentiability import NotDifferentiableError, is_traced, values_of
from jusadel.common.types import ArrayLike
from jusadel.device.boundary.base import checked_polarisation

NO_SPIN = (0.0, 0.0, 0.0)
FLOATING = "floating"
"""What a voltage, spin or temperature is that follows from the currents."""


@dataclass(frozen=True, kw_only=True)
class Contact:
    """An electrode at a boundary: it holds its potential and its spin, or feeds in given currents.

    Args:
        voltage: electrochemical potential mu that the electrode holds [energy, charge 1]; None where `current` is given
            instead, or where no charge flows. "floating": an electrode of one potential, which settles where no net
            charge flows through it, as that of a voltage probe does; with a `current`, where that flows.
        spin: spin accumulation S that it holds, (3,), in units of the potential (half the difference of the potentials
            of the spins up and down along it) [energy]. The default is that of a large normal metal, which takes up
            all spin that arrives. None: no spin enters or leaves here (beside `spin_current`). "floating": one
            accumulation, which settles where no net spin flows, or the `spin_current`.
        current: instead of a voltage, the charge current that flows into the device through the whole boundary, spread
            evenly along it; potentials may vary along the boundary [nu D energy].
        spin_current: instead of a spin, the current of spins (up minus down) into the device, (3,).
        temperature: of the electrode [energy]. Charge and spin in the normal state do not depend on it. "floating",
            for `kinetics`: it settles where no net heat flows into the electrode.
        tunnel: None for an ideal contact, or the conductance per length of a barrier between the electrode and the
            device, where normal metals conduct 2 nu D.
        polarisation: how that barrier filters spins, (3,), as a ferromagnetic injector or detector does: spins along
            +-P pass with tunnel (1 +- |P|)/2.

    Raises:
        ValueError: nothing is given, or voltage and current both, or spin and spin current both; numbers that are not
            finite, negative temperature, conductance <= 0, a barrier without anything held behind it.
    """

    voltage: float | str | None = None
    spin: Sequence[float] | str | None = NO_SPIN
    current: float | None = None
    spin_current: Sequence[float] | None = None
    temperature: float | str | None = None
    tunnel: float | None = None
    polarisation: Sequence[float] | None = None

    def __post_init__(self) -> None:
        for name, least in (("voltage", -np.inf), ("current", -np.inf), ("temperature", 0.0), ("tunnel", 0.0)):
            value, bound = getattr(self, name), "" if least < 0 else " >= 0" if name == "temperature" else " > 0"
            if name in ("voltage", "temperature") and is_floating(value):
                continue
            insulating = name == "tunnel" and not is_traced(known := values_of(value)) and known == 0
            if value is not None and (insulating or not is_number(value, least)):
                raise ValueError(f"Contact {name} = {value!r}; expected None or a finite number{bound}")
        for name in ("spin", "spin_current"):
            if getattr(self, name) is not None and not (name == "spin" and is_floating(self.spin)):
                object.__setattr__(self, name, _vector(name, getattr(self, name)))
        if self.spin_current is not None and not is_floating(self.spin):
            if _is_some(self.spin):
                raise ValueError(f"Contact spin = {self.spin} and spin_current = {self.spin_current}; expected one")
            object.__setattr__(self, "spin", None)
        if self.voltage is not None and self.current is not None and not is_floating(self.voltage):
            raise ValueError(f"Contact voltage = {self.voltage} and current = {self.current}; expected one of them")
        nothing_held = self.voltage is None and not _is_some(self.spin)
        if nothing_held and self.current is None and self.spin_current is None:
            raise ValueError(
                "Contact without voltage, current, spin or spin_current; give voltage=0.0 for a grounded electrode, "
                "current=0.0 for one that takes up spin and no charge, or leave the boundary out for vacuum"
            )
        if self.polarisation is not None:
            if self.tunnel is None:
                raise ValueError(f"Contact polarisation = {self.polarisation} without tunnel; expected its conductance")
            object.__setattr__(self, "polarisation", _numbers(checked_polarisation(self.polarisation, None)))
        if self.tunnel is not None and nothing_held:
            raise ValueError(
                f"Contact tunnel = {self.tunnel} without voltage or spin behind the barrier; a given current crosses "
                "it whatever its conductance: leave out tunnel"
            )

    def held(self) -> tuple[np.ndarray, np.ndarray]:
        """Which of charge and the three spins it holds, (4,) bool, and at which values, (4,)."""
        charge, spin = (x is not None and not is_floating(x) for x in (self.voltage, self.spin))
        given: Any = self.spin if spin else NO_SPIN
        values = [self.voltage if charge else 0.0, *given]
        return np.array([charge, spin, spin, spin]), _stacked(values)

    def floating(self) -> np.ndarray:
        """Which of charge and the three spins have one value that follows from the currents, (4,) bool."""
        charge, spin = is_floating(self.voltage), is_floating(self.spin)
        return np.array([charge, spin, spin, spin])

    @property
    def grounded(self) -> bool:
        """Whether it holds the voltage 0 and no spin."""
        held, values = self.held()
        return bool(held.all() and not is_traced(values) and not values.any())

    def settled(self, values: Sequence[float] | np.ndarray, temperature: float | None = None) -> Contact:
        """The same with numbers, from the potential and spin (4,), in place of all that floats."""
        charge, spin, *_ = self.floating()
        numbers = _numbers(values)
        found: dict[str, Any] = {"voltage": numbers[0], "current": None} if charge else {}
        found |= {"spin": numbers[1:], "spin_current": None} if spin else {}
        found |= {"temperature": temperature} if is_floating(self.temperature) else {}
        return replace(self, **found) if found else self

    def fed(self) -> np.ndarray:
        """The currents of charge and spin that it feeds in, (4,); those of a floating electrode in all."""
        spin = NO_SPIN if self.spin_current is None else self.spin_current
        return _stacked([0.0 if self.current is None else self.current, *spin])

    def distribution(self, energies: ArrayLike) -> np.ndarray:
        """F = tanh[(E - V tau3 - S.sigma)/2T] of the electrode in the eight modes of `keldysh.PHI`, (..., 8).

        V and S are 0 where they are not given, and so is the temperature. With this sign the current into the device is
        -2 Int (B f + r0) dE over E > 0, of the supercurrent's part too.

        Args:
            energies: E (...), of the retarded functions.
        """
        E, held = real("energies", energies), self.held()[1]
        if is_traced((E, held, self.temperature)):
            if not is_traced(self.temperature) and not self.temperature:
                raise NotDifferentiableError(
                    "the distribution of an electrode at temperature 0 is a step: it has no derivatives with respect "
                    "to its voltage and spin, or the energy; give the Contact a temperature above zero"
                )
            return _distribution(E, held[0], held[1:], self.temperature)
        E = np.asarray(E)
        V, size = held[0], float(np.linalg.norm(held[1:]))
        axis = held[1:] / size if size else np.zeros(3)
        tau, s = np.array([1.0, 1.0, -1.0, -1.0]), np.array([1.0, -1.0, 1.0, -1.0])
        x = E[..., None] - tau * V - s * size
        t = np.tanh(x / (2 * self.temperature)) if self.temperature else np.sign(x)
        one, charge, spin, both = ((t * w).mean(axis=-1)[..., None] for w in (1.0, tau, s, tau * s))
        return np.concatenate([one, charge, spin * axis, both * axis], axis=-1)


SMALL = 1e-3
"""Spin in units of 2T below which its distribution is a series: its derivative at zero spin is finite."""


@jax.jit
def _distribution(E: Any, V: Any, S: Any, T: Any) -> Any:
    """As `Contact.distribution`, where JAX traces any of the numbers."""
    tau, rate = np.array([1.0, -1.0]), 1 / (2 * T)
    x, s2 = (E[..., None] - tau * V) * rate, jnp.sum(S**2) * rate**2
    small = s2 < SMALL**2
    s, u = jnp.sqrt(jnp.where(small, 1.0, s2)), jnp.tanh(x)
    up, down = jnp.tanh(x - s), jnp.tanh(x + s)
    u1 = 1 - u**2
    u2 = -2 * u * u1
    u3 = -2 * (u1**2 + u * u2)
    even = jnp.where(small, u + s2 / 2 * u2, (up + down) / 2)
    odd = jnp.where(small, -u1 - s2 / 6 * u3, (up - down) / (2 * s)) * rate
    one, charge, spin, both = ((t * w).mean(axis=-1)[..., None] for t in (even, odd) for w in (1.0, tau))
    return jnp.concatenate([one, charge, spin * S, both * S], axis=-1)


def is_floating(value: Any) -> bool:
    """Whether a voltage, spin or temperature is to follow from the currents."""
    return isinstance(value, str) and value == FLOATING


def _is_some(spin: Any) -> bool:
    return spin is not None and (is_floating(spin) or is_traced(spin) or bool(np.any(spin)))


def _vector(name: str, given: Any) -> tuple[Any, ...]:
    value = real(f"Contact {name}", given)
    if value.shape != (3,) or not (is_traced(value) or np.isfinite(np.asarray(value)).all()):
        raise ValueError(f"Contact {name} = {given!r}; expected None or three finite numbers (x, y, z)")
    return _numbers(value)


def _numbers(values: Any) -> tuple[Any, ...]:
    """One by one: numbers, or what JAX traces."""
    return tuple(values) if is_traced(values) else tuple(map(float, values))


def _stacked(values: list[Any]) -> Any:
    return jnp.stack([jnp.asarray(x, float) for x in values]) if is_traced(values) else np.array(values, float)
