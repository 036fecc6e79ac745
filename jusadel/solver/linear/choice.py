"""Which linear solver a problem gets when the user names none."""

from __future__ import annotations

from copy import copy
from typing import Any

import jax

from jusadel.solver.linear.krylov import Krylov
from jusadel.solver.linear.protocol import DERIVATIVES, LinearSolver
from jusadel.solver.linear.superlu import SuperLU

WORK = 20_000
"""Nodes times frequencies above which the Krylov program is worth its compilation for one solve.

It compiles for three times as long as what SuperLU needs. SuperLU falls behind faster than the mesh grows, so that for
many solves of a small problem this number falls as the root of how many they are.
"""


def chosen(nodes: int, frequencies: int, times: int = 1) -> LinearSolver:
    """Krylov with multigrid on accelerators and for large problems, SuperLU for small ones on CPUs.

    Args:
        nodes, frequencies: of one problem.
        times: how often such problems are solved.
    """
    if jax.default_backend() != "cpu" or nodes * frequencies * times**0.5 >= WORK:
        return Krylov()
    return SuperLU()


def checked_linear_solver(given: Any, nodes: int, frequencies: int, times: int = 1) -> LinearSolver:
    """The given linear solver, or the one that suits the problem's size; anything else is refused."""
    if given is None:
        return chosen(nodes, frequencies, times)
    if isinstance(given, type) or not all(callable(getattr(given, name, None)) for name in ("prepare", "directions")):
        raise TypeError(
            f"linear_solver = {given!r}; expected an instance such as jusadel.linear.Krylov() or .SuperLU()"
        )
    return given


def for_outer_iterations(solver: LinearSolver) -> LinearSolver:
    """The solver with linear responses good enough for an iteration that multiplies by them, as with a gap equation."""
    if solver.derivatives <= DERIVATIVES:
        return solver
    other = copy(solver)
    other.derivatives = DERIVATIVES
    return other
