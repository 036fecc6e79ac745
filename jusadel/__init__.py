"""jusadel: the nonlinear Usadel equation with every symmetry-allowed spin-orbit term, in JAX.

Importing jusadel switches JAX to double precision (the environment variable JUSADEL_NO_X64=1 leaves it as it is).
"""

import os

import jax

if not os.environ.get("JUSADEL_NO_X64"):
    jax.config.update("jax_enable_x64", True)

from jusadel import action, linear, matsubara, nambu, plot, symmetry
from jusadel.adaptation import adapt, error_estimate
from jusadel.border import MeshingError
from jusadel.boundary import Interface, Periodic, Reservoir, Surface, Tunnel
from jusadel.case import CaseError, read_case
from jusadel.case_run import run_case
from jusadel.concrete import NotDifferentiableError
from jusadel.contact import Contact
from jusadel.convergence import Convergence, ConvergenceWarning, converge
from jusadel.critical import CriticalTemperature, critical_temperature
from jusadel.depairing import depairing_current
from jusadel.device import Device
from jusadel.doubling import with_cut_between
from jusadel.driven import self_consistent_kinetics
from jusadel.equilibrium import solve
from jusadel.files import load, save
from jusadel.film import film_critical_temperature, film_state, gap_of_temperature
from jusadel.fit import fit
from jusadel.fit_result import DegeneracyWarning, FitError, FitResult, FitWarning
from jusadel.flow import Flow
from jusadel.fluxes import (
    current_across,
    current_through,
    magnetisation,
    spin_current_across,
    spin_current_through,
    spin_torque,
    triplet_components,
)
from jusadel.gauge import GaugeError
from jusadel.homogeneous import bulk_value
from jusadel.junction import current_phase_relation
from jusadel.kinetic import kinetics
from jusadel.known_materials import KnownMaterial, materials
from jusadel.layouts import corbino, cross_junction, ring, squid_loop, strip, t_junction
from jusadel.linear import StagnationWarning
from jusadel.local_refinement import refine_at
from jusadel.magnetic import fluxoid, vortices, winding
from jusadel.material import AssumedTcWarning, Material, chiral, dresselhaus, rashba
from jusadel.matsubara import bulk_gap
from jusadel.mesh import Mesh
from jusadel.mesh_io import read_mesh
from jusadel.nambu import from_nambu, to_nambu
from jusadel.nonequilibrium import Kinetics, energy_current_through
from jusadel.normal import diffuse
from jusadel.observables import (
    charge_current,
    free_energy,
    pair_amplitude,
    spin_current,
    spin_density,
)
from jusadel.pair_potential import vortex
from jusadel.phase_curve import CurrentPhaseRelation
from jusadel.polygons import SharpCornerWarning, circle, polygon
from jusadel.screening import ScreenedSolution, self_field, solve_screened
from jusadel.shapes import disk, rectangle
from jusadel.sizes import graded
from jusadel.solution import (
    BathWarning,
    CoarseEnergiesWarning,
    CoarseMeshWarning,
    Solution,
    SolveError,
    StabilityError,
    UncertifiedDerivativeWarning,
    UnstableStateWarning,
)
from jusadel.spectral import Spectrum, spectrum
from jusadel.spectral_currents import (
    equilibrium_current,
    equilibrium_spin_current,
    spectral_current,
    spectral_current_density,
    spectral_spin_current,
    spectral_spin_current_density,
)
from jusadel.spectroscopy import density_of_states, mean_density_of_states, tunnelling_spectrum
from jusadel.spin_dynamics import spin_dynamics
from jusadel.sweep import sweep
from jusadel.symmetry import allowed_tensor, point_groups
from jusadel.thermodynamics import entropy, specific_heat
from jusadel.transforms import above, below, bounded, positive
from jusadel.units import Units
from jusadel.vector_potential import electrode_gauge, uniform_field
from jusadel.version import __version__ as __version__
from jusadel.vtu import write_vtu

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
