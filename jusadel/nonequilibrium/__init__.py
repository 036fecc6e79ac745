"""Distribution functions: the Keldysh block, diffusion in the normal state, kinetics; linear response at a frequency.

Imports the rooms from `common` to `observables`.
"""

from jusadel.nonequilibrium.diffusion import diffuse
from jusadel.nonequilibrium.dynamics.linear_response import admittance, response
from jusadel.nonequilibrium.dynamics.result import Admittance, DynamicResponse
from jusadel.nonequilibrium.flow import Flow
from jusadel.nonequilibrium.kinetic_equation import kinetics
from jusadel.nonequilibrium.kinetic_result import Kinetics, energy_current_through
from jusadel.nonequilibrium.linear.factors import SingularError
from jusadel.nonequilibrium.self_consistent import self_consistent_kinetics
from jusadel.nonequilibrium.time_evolution import spin_dynamics

__all__ = [
    "Admittance",
    "DynamicResponse",
    "Flow",
    "Kinetics",
    "SingularError",
    "admittance",
    "diffuse",
    "energy_current_through",
    "kinetics",
    "response",
    "self_consistent_kinetics",
    "spin_dynamics",
]
