"""Second derivatives of the action in the normal state: weak localisation, and superconducting fluctuations above Tc.

Imports the rooms from `common` to `nonequilibrium`.
"""

from jusadel.corrections.gaussian.calculation import fluctuation_eigenvalues, fluctuations
from jusadel.corrections.gaussian.ginzburg import ginzburg_number
from jusadel.corrections.gaussian.result import Fluctuations
from jusadel.corrections.result import Localisation
from jusadel.corrections.weak_localisation import localisation

__all__ = [
    "Fluctuations",
    "Localisation",
    "fluctuation_eigenvalues",
    "fluctuations",
    "ginzburg_number",
    "localisation",
]
