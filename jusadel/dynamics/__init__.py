"""Linear response at a frequency: admittance and kinetic inductance, conductivity, spin susceptibility.

Imports the rooms from `common` to `fluctuations`.
"""

from jusadel.dynamics.linear_response import admittance, response
from jusadel.dynamics.result import Admittance, DynamicResponse

__all__ = [
    "Admittance",
    "DynamicResponse",
    "admittance",
    "response",
]
