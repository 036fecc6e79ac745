"""Errors and warnings, and plain tools that every room uses: checked arguments, progress, files that are whole,
and compiled programs that are kept.

Imports none of the other rooms.
"""

from jusadel.common.atomic import InUseError
from jusadel.common.differentiability import NotDifferentiableError
from jusadel.common.errors import (
    BathWarning,
    ChargeWarning,
    CoarseEnergiesWarning,
    CoarseMeshWarning,
    FewModesWarning,
    SolveError,
    StabilityError,
    UncertifiedDerivativeWarning,
    UnstableStateWarning,
)
from jusadel.common.programs.folder import cache

__all__ = [
    "BathWarning",
    "ChargeWarning",
    "CoarseEnergiesWarning",
    "CoarseMeshWarning",
    "FewModesWarning",
    "InUseError",
    "NotDifferentiableError",
    "SolveError",
    "StabilityError",
    "UncertifiedDerivativeWarning",
    "UnstableStateWarning",
    "cache",
]
