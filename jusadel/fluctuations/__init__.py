"""Second derivatives of the action in the normal state: weak localisation, and superconducting fluctuations above Tc.

Imports the rooms from `common` to `nonequilibrium`.
"""

from jusadel.fluctuations.gaussian.calculation import fluctuation_eigenvalues, gaussian_fluctuations
from jusadel.fluctuations.gaussian.ginzburg import ginzburg_number
from jusadel.fluctuations.gaussian.result import GaussianFluctuations
from jusadel.fluctuations.result import Localisation
from jusadel.fluctuations.weak_localisation import localisation

__all__ = [
    "GaussianFluctuations",
    "Localisation",
    "fluctuation_eigenvalues",
    "gaussian_fluctuations",
    "ginzburg_number",
    "localisation",
]
