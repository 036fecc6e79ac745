"""Electrodes whose voltage, spin or temperature follows from zero net currents, in the superconducting state.

The kinetic equations are linear in the distributions of the electrodes, so that at each energy everything is known for
any distributions of the floating ones once it is known for unit ones. What is left are a few equations for the numbers
V, S and T in f = tanh[(E - V tau3 - S.sigma)/2T]: no net charge or spin, or the given currents, and no heat,
Int (E I_0 - V I_1 - S.I_k) dE = 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
import scipy

from jusadel.common.differentiability import is_traced
from jusadel.common.errors import SolveError
from jusadel.device.contact import NO_SPIN, Contact, is_floating

CHARGE, SPIN = 1, slice(2, 5)
BALANCED = 1e-7
"""Largest net current that is left, over the conductance and the largest voltage, spin or temperature."""


def floating_contacts(contacts: Mapping[str, Contact]) -> list[str]:
    """Names of the contacts of which something floats."""
    return [name for name, c in contacts.items() if c.floating().any() or is_floating(c.temperature)]


def at_start(contacts: Mapping[str, Contact], T: float) -> dict[str, Contact]:
    """The contacts with V = 0, S = 0 and this temperature for what floats."""
    return {name: c.settled(np.zeros(4), T) for name, c in contacts.items()}


def modes_of(contact: Contact) -> range:
    """The modes of `keldysh.PHI` that its distribution may have: without a spin those of energy and charge."""
    return range(2 if contact.spin == NO_SPIN else 8)


def numbers_that_float(contact: Contact, found: Contact) -> np.ndarray:
    """The potential, spins and temperature that were found, of those that float."""
    xp: Any = jnp if is_traced(found) else np
    numbers = xp.append(found.held()[1], found.temperature)
    return numbers[np.append(contact.floating(), is_floating(contact.temperature))]


def with_numbers(contacts: Mapping[str, Contact], x: Any) -> dict[str, Contact]:
    """The contacts with these numbers for what floats, as `numbers_that_float` orders them."""
    each, found = iter(x), {}
    for name, contact in contacts.items():
        four = [next(each) if floats else 0.0 for floats in contact.floating()]
        T: Any = next(each) if is_floating(contact.temperature) else None
        found[name] = contact.settled(four, T)
    return found


@dataclass(frozen=True, kw_only=True)
class Balance:
    """What leaves through the k floating contacts: at the start, and for each unit of their distributions."""

    contacts: Mapping[str, Contact]  # as given
    T: float  # of those that float, at the start
    energies: np.ndarray  # (n_E,)
    weights: np.ndarray  # (n_E,)
    currents: np.ndarray  # (n_E, 1 + s, k, 8); s runs over the floating contacts and their modes

    def factors(self, contacts: Mapping[str, Contact]) -> np.ndarray:
        """By which the start and the s units are to be multiplied for these contacts, (n_E, 1 + s)."""
        start, change = at_start(self.contacts, self.T), [np.ones((len(self.energies), 1))]
        for name in floating_contacts(self.contacts):
            f, f_start = (c[name].distribution(self.energies) for c in (contacts, start))
            change.append((f - f_start)[:, modes_of(self.contacts[name])])
        return np.concatenate(change, axis=1)

    def settled(self) -> dict[str, Contact]:
        """The contacts with numbers for what floats.

        Raises:
            SolveError: none balance the currents: at T = 0 they jump from energy to energy.
        """
        values = sum(int(c.floating().sum()) for c in self.contacts.values())
        squares = sum(is_floating(c.temperature) for c in self.contacts.values())
        size = max([self.T] + [float(np.abs(c.held()[1]).max()) for c in self.contacts.values()])
        start = np.concatenate([np.zeros(values), np.full(squares, (self.T or size) ** 2)])
        found = scipy.optimize.root(self._unbalanced, start, tol=1e-13)
        left = np.abs(self._unbalanced(found.x)) / np.repeat([size, size**2], [values, squares])
        if not left.max() <= BALANCED:
            raise SolveError(
                f"no voltage, spin or temperature of the floating contacts {floating_contacts(self.contacts)} balances "
                f"their currents ({left.max():.1e} is left over): give all contacts temperatures above the distance of "
                "the energies from each other, or more energies"
            )
        return self._with(found.x)

    def _with(self, x: np.ndarray) -> dict[str, Contact]:
        """The contacts with the voltages and spins x, behind which stand the squares of the temperatures."""
        values = sum(int(c.floating().sum()) for c in self.contacts.values())
        temperatures, numbers, first = iter(np.sqrt(np.abs(x[values:]))), [], 0
        for name in floating_contacts(self.contacts):
            contact = self.contacts[name]
            count = int(contact.floating().sum())
            numbers += [*x[first : first + count]]
            numbers += [next(temperatures)] if is_floating(contact.temperature) else []
            first += count
        return with_numbers(self.contacts, np.array(numbers))

    def _unbalanced(self, x: np.ndarray) -> np.ndarray:
        """Net currents and heats over conductances: voltages and spins, and squares of energies."""
        contacts, values, squares, row = self._with(x), [], [], 1
        leaving = np.einsum("es,eskm->ekm", self.factors(contacts), self.currents)
        for k, name in enumerate(floating_contacts(self.contacts)):
            given, found = self.contacts[name], contacts[name]
            of_heat, of_charge = (np.abs(self.currents[:, row + m, k, m]).max() for m in (0, CHARGE))
            net, energy = self.weights @ leaving[:, k], self.weights * self.energies @ leaving[:, k, 0]
            values.append((net[CHARGE : SPIN.stop] + given.fed())[given.floating()] / of_charge)
            if is_floating(given.temperature):
                squares.append([(energy - found.voltage * net[CHARGE] - net[SPIN] @ found.spin) / of_heat])
            row += len(modes_of(given))
        return np.concatenate([*values, *squares])
