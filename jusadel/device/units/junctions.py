"""Quantities of junctions and rings by the names they have in the field: E_Th, gamma_B, R_N, e R_N Ic, flux quanta."""

from __future__ import annotations

from dataclasses import dataclass
from math import pi
from typing import Any

from scipy.constants import e, hbar

from jusadel.common.types import Number
from jusadel.device.units.from_code import Laboratory, Quantity
from jusadel.device.units.scales import NM, UM, checked, named_units, one_of

MT_UM2 = 1e-3 * UM**2
"""One millitesla through a square micrometre [Wb]."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Junctions(Laboratory):
    """Scales with the named quantities of junctions; nu and D are those of the sample of the Units."""

    @property
    def flux_quantum(self) -> float:
        """h/2e in the code: pi."""
        return pi

    @named_units
    def flux(self, *, quanta: Number | None = None, mT_um2: Number | None = None) -> Number:
        """A flux, pi for each h/2e.

        Args:
            quanta: in flux quanta h/2e; or
            mT_um2: field times area, 2.0678 a flux quantum.
        """
        unit, value = one_of("flux", quanta=quanta, mT_um2=mT_um2)
        return value * pi if unit == "quanta" else value * MT_UM2 * e / hbar

    def to_flux_quanta(self, x: Quantity) -> Quantity:
        """A flux in h/2e: field times area over pi."""
        return checked("flux", x) / pi

    def to_mT_um2(self, x: Quantity) -> Quantity:
        """A flux in mT um^2, x hbar/e."""
        return checked("flux", x) * hbar / (e * MT_UM2)

    @named_units
    def thouless_energy(self, *, nm: Number, cm2_per_s: Number | None = None) -> Number:
        """E_Th = hbar D/L^2 of a metal of length L, over E0.

        Args:
            nm: the length L.
            cm2_per_s: D of the metal; None for that of the Units.
        """
        length = checked("thouless_energy nm", nm, True) * NM
        return hbar * self._diffusion_of(cm2_per_s) / (length**2 * self.energy_unit)

    @named_units
    def barrier(self, *, gamma_B: Number, nm: Number) -> Number:
        """conductance of a barrier of Kupriyanov and Lukichev's gamma_B = r/(rho xi): 2 nu D/(gamma_B xi).

        Args:
            gamma_B: resistance times area of the barrier over rho xi of the metal of the Units.
            nm: the length xi that gamma_B was counted with.
        """
        xi = checked("barrier nm", nm, True) * NM / self.length_unit
        return 2 * self._relative_diffusion / (checked("barrier gamma_B", gamma_B, True) * xi)

    @named_units
    def to_gamma_B(self, *, conductance: Quantity, nm: Number) -> Quantity:
        """gamma_B of a barrier with this conductance per length, as in `barrier`."""
        xi = checked("to_gamma_B nm", nm, True) * NM / self.length_unit
        return 2 * self._relative_diffusion / (checked("to_gamma_B conductance", conductance, True) * xi)

    @named_units
    def normal_resistance(self, *, length_nm: Number, width_nm: Number) -> Number:
        """R_N of a strip of the metal of the Units, along its length: L/(2 nu D W); `to_ohm` of it is R_square L/W."""
        length = checked("normal_resistance length_nm", length_nm, True)
        return length / (checked("normal_resistance width_nm", width_nm, True) * 2 * self._relative_diffusion)

    def to_Ic_R_N(self, current: Quantity, resistance: Any) -> Quantity:
        """e R_N Ic in meV (R_N Ic in mV), of a current and a resistance of the code: current times resistance, x E0."""
        return self.to_meV(checked("current", current) * checked("resistance", resistance))

    @property
    def _relative_diffusion(self) -> float:
        """D in the code."""
        return self._required_diffusion / self.diffusion_unit
