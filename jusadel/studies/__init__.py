"""What is published, made of many solutions: current-phase relations, Tc, films, screening, convergence,
sweeps, circuits.

Imports the rooms from `common` to `observables`, and may import `nonequilibrium`.
"""

from jusadel.studies.adaptation import adapt, error_estimate
from jusadel.studies.circuits.current_voltage import CurrentVoltage, current_voltage
from jusadel.studies.circuits.elements import ShuntedJunction, Squid
from jusadel.studies.circuits.pattern import squid_pattern
from jusadel.studies.circuits.switching import (
    SwitchingDistribution,
    switching_currents,
    switching_distribution,
)
from jusadel.studies.convergence import Convergence, ConvergenceWarning, converge
from jusadel.studies.current_bias.at_current import CriticalCurrentError, solve_at_current
from jusadel.studies.current_bias.critical import CriticalCurrent, critical_current
from jusadel.studies.current_phase.relation import current_phase_relation
from jusadel.studies.current_phase.result import CurrentPhaseRelation
from jusadel.studies.current_phase.uncertainty import PhaseGridWarning, PhaseRangeWarning
from jusadel.studies.film.depairing import depairing_current
from jusadel.studies.film.states import film_state, gap_of_temperature
from jusadel.studies.film.transition import film_critical_temperature
from jusadel.studies.screening.own_fields import self_field
from jusadel.studies.screening.result import ScreenedSolution
from jusadel.studies.screening.solve import solve_screened
from jusadel.studies.screening.thin_film.film_result import ScreenedFilm, stray_field
from jusadel.studies.screening.thin_film.inductances import Inductance, inductance
from jusadel.studies.sweeps.sweep import sweep
from jusadel.studies.transition.critical_temperature import critical_temperature
from jusadel.studies.transition.search import CriticalTemperature

__all__ = [
    "Convergence",
    "ConvergenceWarning",
    "CriticalCurrent",
    "CriticalCurrentError",
    "CriticalTemperature",
    "CurrentPhaseRelation",
    "CurrentVoltage",
    "Inductance",
    "PhaseGridWarning",
    "PhaseRangeWarning",
    "ScreenedFilm",
    "ScreenedSolution",
    "ShuntedJunction",
    "Squid",
    "SwitchingDistribution",
    "adapt",
    "converge",
    "critical_current",
    "critical_temperature",
    "current_phase_relation",
    "current_voltage",
    "depairing_current",
    "error_estimate",
    "film_critical_temperature",
    "film_state",
    "gap_of_temperature",
    "inductance",
    "self_field",
    "solve_at_current",
    "solve_screened",
    "squid_pattern",
    "stray_field",
    "sweep",
    "switching_currents",
    "switching_distribution",
]
