"""Which linear solver a problem gets when the user names none."""

from __future__ import annotations

from typing import Any

import jax

from jusadel.solver.linear.krylov import Krylov
from jusadel.solver.linear.protocol import LinearSolver
from jusadel.solver.linear.superlu import SuperLU

WORK = 10_000
"""Nodes times frequencies above which the Krylov program is worth its compilation of 5 to 15 seconds."""


def chosen(nodes: int, frequencies: int) -> LinearSolver:
    """Krylov with multigrid on accelerators and for large problems, SuperLU for small ones on CPUs."""
    if jax.default_backend() != "cpu" or nodes * frequencies >= WORK:
        return Krylov()
    return SuperLU()


def checked_linear_solver(given: Any, nodes: int, frequencies: int) -> LinearSolver:
    """The given linear solver, or the one that suits the problem's size; anything else is refused."""
    if given is None:
        return chosen(nodes, frequencies)
    if isinstance(given, type) or not all(callable(getattr(given, name, None)) for name in ("prepare", "directions")):
        raise TypeError(
            f"linear_solver = {given!r}; expected an instance such as jusadel.linear.Krylov() or .SuperLU()"
        )
    return given
