"""From the numbers that jusadel returns to nanometres, kelvin, microampere: the way back of `Units`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import jax
import numpy as np
from scipy.constants import e, k, physical_constants

from jusadel.device.units.scales import CM2_PER_S, MEV, NM, PS, UM, Scales, checked

CONDUCTANCE_QUANTUM = physical_constants["conductance quantum"][0]
"""2 e^2/h [S]."""

Quantity = TypeVar("Quantity", float, np.ndarray, jax.Array)
"""A number stays one, an array stays one."""
Admitted = TypeVar("Admitted", float, complex, np.ndarray, jax.Array)
"""The same of what may have a phase."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Laboratory(Scales):
    """Scales that take numbers of the code to laboratory units."""

    def __repr__(self) -> str:
        text = (
            f"Units: energy {self.to_meV(1.0):.4g} meV, length {self.to_nm(1.0):.4g} nm, field {self.to_mT(1.0):.4g} mT"
        )
        try:
            return f"{text}, current {self.to_uA(1.0):.4g} uA, resistance {self.to_ohm(1.0):.4g} Ohm"
        except ValueError:  # nothing known of the density of states
            return text

    def to_nm(self, x: Quantity) -> Quantity:
        """A length, x L0."""
        return checked("length", x) * self.length_unit / NM

    def to_meV(self, x: Quantity) -> Quantity:
        """An energy, x E0."""
        return checked("energy", x) * self.energy_unit / MEV

    def to_kelvin(self, x: Quantity) -> Quantity:
        """A temperature, x E0/k_B."""
        return checked("temperature", x) * self.energy_unit / k

    def to_mV(self, x: Quantity) -> Quantity:
        """A voltage or potential, x E0/e: flow.mu, and flow.S (half the difference of the spins' potentials)."""
        return self.to_meV(x)

    def to_ps(self, x: Quantity) -> Quantity:
        """A time, x hbar/E0."""
        return checked("time", x) * self.time_unit / PS

    def to_mT(self, x: Quantity) -> Quantity:
        """A magnetic field, x hbar/(e L0^2)."""
        return checked("field", x) * self.field_unit / 1e-3

    def to_cm2_per_s(self, x: Quantity) -> Quantity:
        """A diffusion coefficient, x E0 L0^2/hbar."""
        return checked("diffusion", x) * self.diffusion_unit / CM2_PER_S

    def to_uA(self, x: Quantity) -> Quantity:
        """A current of `current_through` and the like, x e N0 d E0^2 L0^2/hbar; spins count e each."""
        return checked("current", x) * self.current_unit / 1e-6

    def to_uA_per_um(self, x: Quantity) -> Quantity:
        """A current per width of the film, of `charge_current`."""
        return checked("current density", x) * self.current_unit / self.length_unit

    def to_MA_per_cm2(self, x: Quantity) -> Quantity:
        """A current density of `charge_current` through the film's thickness."""
        return self.to_uA_per_um(x) / self.required_thickness * 1e-10

    def to_ohm(self, x: Quantity) -> Quantity:
        """A resistance, voltage over current, x hbar/(e^2 N0 d E0 L0^2); one square of D = nu = 1 has 1/2."""
        return checked("resistance", x) / self.conductance_unit

    def to_mOhm(self, x: Quantity) -> Quantity:
        """A resistance in milliohm, as `to_ohm`."""
        return 1e3 * self.to_ohm(x)

    def to_mS(self, x: Admitted) -> Admitted:
        """A conductance or complex admittance in millisiemens, x e^2 N0 d E0 L0^2/hbar; those over e^2/h: `to_uS`."""
        return _with_phase("conductance", x) * self.conductance_unit / 1e-3

    def to_ohm_um2(self, conductance: Quantity) -> Quantity:
        """The resistance times area of a barrier with the given conductance per length, whatever the thickness."""
        return self.area_resistance_unit / checked("conductance", conductance, True) / UM**2

    def to_uS(self, x: Quantity) -> Quantity:
        """A conductance of `localisation` or `fluctuations` in microsiemens, x e^2/h: 38.74 uS each."""
        return checked("correction", x) * CONDUCTANCE_QUANTUM / 2 / 1e-6

    def to_GHz(self, omega: Quantity) -> Quantity:
        """A frequency omega/2 pi of `response` and `admittance`, omega E0/h."""
        return checked("frequency", omega) / (2e9 * np.pi * self.time_unit)

    def to_pH(self, inductance: Quantity) -> Quantity:
        """A kinetic inductance of `admittance`, x hbar^2/(e^2 N0 d E0^2 L0^2); per square for a film."""
        return checked("inductance", inductance) * self.time_unit / self.conductance_unit / 1e-12

    def to_impedance(self, admittance: complex | np.ndarray) -> Any:
        """1/Y in Ohm, complex; of `sigma` the surface impedance of a film thinner than its penetration depth."""
        return 1 / (_with_phase("admittance", np.asarray(admittance)) * self.conductance_unit)

    def to_spins_per_nm3(self, x: Quantity) -> Quantity:
        """A density of `spin_density`, x N0 E0: spins up minus down, in Bohr magnetons for g = 2 (moment opposite)."""
        return checked("spin density", x) * self.density_of_states * self.energy_unit * NM**3

    def to_spins(self, x: Quantity) -> Quantity:
        """A number of spins, of `magnetisation`, x N0 d E0 L0^2."""
        return checked("spin", x) * self.sheet_density_of_states * self.energy_unit * self.length_unit**2

    def to_eV(self, x: Quantity) -> Quantity:
        """A free energy of `free_energy`, x N0 d E0^2 L0^2: of the whole film (single energies: `to_meV`)."""
        return self.to_spins(x) * self.energy_unit / e

    def to_kB(self, x: Quantity) -> Quantity:
        """An entropy or specific heat of the whole film, in units of k_B: x N0 d E0 L0^2."""
        return self.to_spins(x)


def _with_phase(name: str, value: Any) -> Any:
    """As `checked`, and complex numbers too."""
    if not np.iscomplexobj(value):
        return checked(name, value)
    array = np.asarray(value)
    checked(name, np.stack([array.real, array.imag]))
    return array[()]
