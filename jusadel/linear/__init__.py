"""Linear solvers for the Newton step: one protocol, one file each."""

from jusadel.linear.choice import chosen
from jusadel.linear.dense import Dense
from jusadel.linear.direct import SuperLU
from jusadel.linear.krylov import Krylov
from jusadel.linear.pardiso import Pardiso
from jusadel.linear.protocol import Direction, LinearSolver, StagnationWarning

__all__ = ["Dense", "Direction", "Krylov", "LinearSolver", "Pardiso", "StagnationWarning", "SuperLU", "chosen"]
