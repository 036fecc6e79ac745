"""Linear solvers for the Newton step: one protocol, one file each."""

from jusadel.solver.linear.choice import chosen
from jusadel.solver.linear.dense import Dense
from jusadel.solver.linear.krylov import Krylov
from jusadel.solver.linear.pardiso import Pardiso
from jusadel.solver.linear.protocol import Direction, LinearSolver, StagnationWarning
from jusadel.solver.linear.superlu import SuperLU

__all__ = ["Dense", "Direction", "Krylov", "LinearSolver", "Pardiso", "StagnationWarning", "SuperLU", "chosen"]
