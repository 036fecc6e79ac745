"""jusadel: the nonlinear Usadel equation with every symmetry-allowed spin-orbit term, in JAX.

Importing jusadel switches JAX to double precision (the environment variable JUSADEL_NO_X64=1 leaves it as it is).
"""

import os

import jax

if not os.environ.get("JUSADEL_NO_X64"):
    jax.config.update("jax_enable_x64", True)

from jusadel import plot
from jusadel.action import matsubara, nambu
from jusadel.action import terms as action
from jusadel.action.homogeneous import bulk_value
from jusadel.action.matsubara import bulk_gap
from jusadel.action.nambu import from_nambu, to_nambu
from jusadel.common.concrete import NotDifferentiableError
from jusadel.common.errors import (
    BathWarning,
    CoarseEnergiesWarning,
    CoarseMeshWarning,
    SolveError,
    StabilityError,
    UncertifiedDerivativeWarning,
    UnstableStateWarning,
)
from jusadel.common.version import __version__ as __version__
from jusadel.device.boundary import Interface, Periodic, Reservoir, Surface, Tunnel
from jusadel.device.contact import Contact
from jusadel.device.device import Device
from jusadel.device.gauge.phase_lines import GaugeError
from jusadel.device.material import symmetry
from jusadel.device.material.known_materials import KnownMaterial, materials
from jusadel.device.material.material import AssumedTcWarning, Material
from jusadel.device.material.symmetry import allowed_tensor, point_groups
from jusadel.device.material.tensors import chiral, dresselhaus, rashba
from jusadel.device.pair_potential import vortex, vortices
from jusadel.device.units import Units
from jusadel.device.vector_potential import electrode_gauge, uniform_field
from jusadel.files.case import CaseError, read_case
from jusadel.files.case_run import run_case
from jusadel.files.saving import load, save
from jusadel.files.vtu import write_vtu
from jusadel.fitting.fit import fit
from jusadel.fitting.parameters import above, below, bounded, positive
from jusadel.fitting.result import DegeneracyWarning, FitError, FitResult, FitWarning
from jusadel.mesh.formats.reading import read_mesh
from jusadel.mesh.generator.constraints import MeshingError
from jusadel.mesh.generator.sizes import graded
from jusadel.mesh.interfaces import with_cut_between
from jusadel.mesh.layouts import corbino, cross_junction, ring, squid_loop, strip, t_junction
from jusadel.mesh.mesh import Mesh
from jusadel.mesh.polygon import SharpCornerWarning, circle, polygon
from jusadel.mesh.refinement import refine_at
from jusadel.mesh.shapes import disk, rectangle
from jusadel.nonequilibrium.diffusion import diffuse
from jusadel.nonequilibrium.flow import Flow
from jusadel.nonequilibrium.kinetic_equation import kinetics
from jusadel.nonequilibrium.kinetics import Kinetics, energy_current_through
from jusadel.nonequilibrium.self_consistent import self_consistent_kinetics
from jusadel.nonequilibrium.spin_dynamics import spin_dynamics
from jusadel.observables.currents import current_across, current_through, spin_current_across, spin_current_through
from jusadel.observables.density_of_states import density_of_states, mean_density_of_states, tunnelling_spectrum
from jusadel.observables.local import charge_current, pair_amplitude, spin_current, spin_density
from jusadel.observables.spectral_currents import (
    equilibrium_current,
    equilibrium_spin_current,
    spectral_current,
    spectral_current_density,
    spectral_spin_current,
    spectral_spin_current_density,
)
from jusadel.observables.spin import magnetisation, spin_torque, triplet_components
from jusadel.observables.thermodynamics import entropy, free_energy, specific_heat
from jusadel.observables.vorticity import fluxoid, winding
from jusadel.solver import linear
from jusadel.solver.equilibrium import solve
from jusadel.solver.linear import StagnationWarning
from jusadel.solver.solution import Solution
from jusadel.solver.spectrum import Spectrum, spectrum
from jusadel.studies.adaptation import adapt, error_estimate
from jusadel.studies.convergence import Convergence, ConvergenceWarning, converge
from jusadel.studies.current_phase.relation import current_phase_relation
from jusadel.studies.current_phase.result import CurrentPhaseRelation
from jusadel.studies.film.depairing import depairing_current
from jusadel.studies.film.states import film_critical_temperature, film_state, gap_of_temperature
from jusadel.studies.screening.solve import ScreenedSolution, self_field, solve_screened
from jusadel.studies.sweeps.sweep import sweep
from jusadel.studies.transition.critical_temperature import critical_temperature
from jusadel.studies.transition.search import CriticalTemperature

__all__ = [
    "AssumedTcWarning",
    "BathWarning",
    "CaseError",
    "CoarseEnergiesWarning",
    "CoarseMeshWarning",
    "Contact",
    "Convergence",
    "ConvergenceWarning",
    "CriticalTemperature",
    "CurrentPhaseRelation",
    "DegeneracyWarning",
    "Device",
    "FitError",
    "FitResult",
    "FitWarning",
    "Flow",
    "GaugeError",
    "Interface",
    "Kinetics",
    "KnownMaterial",
    "Material",
    "Mesh",
    "MeshingError",
    "NotDifferentiableError",
    "Periodic",
    "Reservoir",
    "ScreenedSolution",
    "SharpCornerWarning",
    "Solution",
    "SolveError",
    "Spectrum",
    "StabilityError",
    "StagnationWarning",
    "Surface",
    "Tunnel",
    "UncertifiedDerivativeWarning",
    "Units",
    "UnstableStateWarning",
    "above",
    "action",
    "adapt",
    "allowed_tensor",
    "below",
    "bounded",
    "bulk_gap",
    "bulk_value",
    "charge_current",
    "chiral",
    "circle",
    "converge",
    "corbino",
    "critical_temperature",
    "cross_junction",
    "current_across",
    "current_phase_relation",
    "current_through",
    "density_of_states",
    "depairing_current",
    "diffuse",
    "disk",
    "dresselhaus",
    "electrode_gauge",
    "energy_current_through",
    "entropy",
    "equilibrium_current",
    "equilibrium_spin_current",
    "error_estimate",
    "film_critical_temperature",
    "film_state",
    "fit",
    "fluxoid",
    "free_energy",
    "from_nambu",
    "gap_of_temperature",
    "graded",
    "kinetics",
    "linear",
    "load",
    "magnetisation",
    "materials",
    "matsubara",
    "mean_density_of_states",
    "nambu",
    "pair_amplitude",
    "plot",
    "point_groups",
    "polygon",
    "positive",
    "rashba",
    "read_case",
    "read_mesh",
    "rectangle",
    "refine_at",
    "ring",
    "run_case",
    "save",
    "self_consistent_kinetics",
    "self_field",
    "solve",
    "solve_screened",
    "specific_heat",
    "spectral_current",
    "spectral_current_density",
    "spectral_spin_current",
    "spectral_spin_current_density",
    "spectrum",
    "spin_current",
    "spin_current_across",
    "spin_current_through",
    "spin_density",
    "spin_dynamics",
    "spin_torque",
    "squid_loop",
    "strip",
    "sweep",
    "symmetry",
    "t_junction",
    "to_nambu",
    "triplet_components",
    "tunnelling_spectrum",
    "uniform_field",
    "vortex",
    "vortices",
    "winding",
    "with_cut_between",
    "write_vtu",
]
