"""Plain tools that every room uses and no physicist needs to read: checked arguments, errors, progress, whole files.

Imports none of the other rooms.
"""

from jusadel.common.atomic import InUseError
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

__all__ = [
    "BathWarning",
    "CoarseEnergiesWarning",
    "CoarseMeshWarning",
    "InUseError",
    "NotDifferentiableError",
    "SolveError",
    "StabilityError",
    "UncertifiedDerivativeWarning",
    "UnstableStateWarning",
]
