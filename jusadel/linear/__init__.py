"""Linear solvers for the Newton step: one protocol, one file each."""

from jusadel.linear.dense import Dense
from jusadel.linear.direct import SuperLU
from jusadel.linear.pardiso import Pardiso
from jusadel.linear.protocol import Direction, LinearSolver

__all__ = ["Dense", "Direction", "LinearSolver", "Pardiso", "SuperLU"]
