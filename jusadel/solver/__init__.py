"""From a Device to a certified Solution or Spectrum: linear solvers, Newton, gap equation, derivatives.

Imports the rooms from `common` to `action`.
"""

from jusadel.solver import linear
from jusadel.solver.equilibrium import solve
from jusadel.solver.linear import StagnationWarning
from jusadel.solver.spectra import Spectrum, spectrum
from jusadel.solver.states.solution import Solution

__all__ = [
    "Solution",
    "Spectrum",
    "StagnationWarning",
    "linear",
    "solve",
    "spectrum",
]
