"""Second derivatives of the action in the normal state: weak localisation and antilocalisation.

Imports the rooms from `common` to `nonequilibrium`.
"""

from jusadel.fluctuations.result import Localisation
from jusadel.fluctuations.weak_localisation import localisation

__all__ = [
    "Localisation",
    "localisation",
]
