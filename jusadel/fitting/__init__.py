"""Parameters of a model from data, with error bars, and their likelihood for samplers.

Imports `common` alone.
"""

from jusadel.fitting.data import StructureError
from jusadel.fitting.fits import fit
from jusadel.fitting.likelihood import LogLikelihood, log_likelihood
from jusadel.fitting.parameters import above, below, bounded, positive
from jusadel.fitting.result import DegeneracyWarning, FitError, FitResult, FitWarning

__all__ = [
    "DegeneracyWarning",
    "FitError",
    "FitResult",
    "FitWarning",
    "LogLikelihood",
    "StructureError",
    "above",
    "below",
    "bounded",
    "fit",
    "log_likelihood",
    "positive",
]
