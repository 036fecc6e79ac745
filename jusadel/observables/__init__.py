"""What is measured on a Solution or Spectrum: currents, spin, free energy, density of states, vortices.

Imports the rooms from `common` to `solver`.
"""

from jusadel.observables.currents import current_across, current_through, spin_current_across, spin_current_through
from jusadel.observables.densities import charge_current, pair_amplitude, spin_current, spin_density
from jusadel.observables.spectral_currents import (
    equilibrium_current,
    equilibrium_spin_current,
    spectral_current,
    spectral_current_density,
    spectral_spin_current,
    spectral_spin_current_density,
)
from jusadel.observables.spectroscopy import (
    density_of_states,
    mean_density_of_states,
    minigap,
    tunnelling_spectrum,
)
from jusadel.observables.spin import magnetisation, spin_torque, triplet_components
from jusadel.observables.thermodynamics import entropy, free_energy, specific_heat
from jusadel.observables.vorticity import fluxoid, winding

__all__ = [
    "charge_current",
    "current_across",
    "current_through",
    "density_of_states",
    "entropy",
    "equilibrium_current",
    "equilibrium_spin_current",
    "fluxoid",
    "free_energy",
    "magnetisation",
    "mean_density_of_states",
    "minigap",
    "pair_amplitude",
    "specific_heat",
    "spectral_current",
    "spectral_current_density",
    "spectral_spin_current",
    "spectral_spin_current_density",
    "spin_current",
    "spin_current_across",
    "spin_current_through",
    "spin_density",
    "spin_torque",
    "triplet_components",
    "tunnelling_spectrum",
    "winding",
]
