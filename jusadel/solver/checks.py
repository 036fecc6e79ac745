"""What is refused before a solve: bad arguments, and tensors with which the normal state is unstable."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as sla

from jusadel.action.matrices.padding import in_few_sizes
from jusadel.action.matrix_free import lift
from jusadel.action.mesh_action import DiscreteAction
from jusadel.action.terms import Term
from jusadel.common.arguments import is_number
from jusadel.common.errors import SolveError, StabilityError
from jusadel.device.device import Device
from jusadel.solver.linear import LinearSolver, SuperLU

ROUND_OFF = 1e-10
"""Of the scaled entropy production, which may be zero."""


def refuse_unstable_tensors(system: DiscreteAction, omega: float, solver: LinearSolver, prepared: Any = None) -> None:
    """Refuse tensors for which the normal state is unstable: its Hessian must have inertia (2N, 6N).

    `prepared` is what the solver has prepared for this action, if anything.

    Diffusion, relaxation and the SU(2) field alone cannot break this (their values were checked point by
    point), so meshes without gamma, theta and kappa skip it, and so do meshes too large for one factor.
    """
    optional = [t for t in system.cell_terms if t.field != "D"]
    free = int(np.asarray(system.free).sum())
    gives_inertia = getattr(solver, "inertia", False)  # a solver of the user's own may say nothing
    solver, limit = (solver, INERTIA_LIMIT) if gives_inertia else (SuperLU(), EXTRA_FACTOR_LIMIT)
    prepared = prepared if gives_inertia else None
    if not optional or not 0 < free <= limit or normal_state_is_stable(system, omega, solver, free, prepared):
        return
    guilty = [t.field for t in optional if normal_state_is_stable(_without(system, t), omega, solver, free)]
    names = " or ".join(guilty) if guilty else " together with ".join(t.field for t in optional)
    raise StabilityError(
        f"the normal state is unstable at omega = {omega:.3g}: {names} too large (the Hessian there must have "
        f"2 positive and 6 negative eigenvalues a node); reduce {names}, or check its units and its jumps"
    )


def _without(system: DiscreteAction, term: Term) -> DiscreteAction:
    return replace(system, cell_terms=tuple(t for t in system.cell_terms if t is not term))


def normal_state_is_stable(
    system: DiscreteAction, omega: float, solver: LinearSolver, free: int, prepared: Any = None
) -> bool:
    """Whether the Hessian at G = R3 has 2 positive and 6 negative eigenvalues for each of `free` nodes."""
    prepared = solver.prepare(lift(in_few_sizes(system)), 1) if prepared is None else prepared
    normal = np.broadcast_to(np.eye(4), (1, len(prepared.lifted.system.free), 4, 4))
    inertia = solver.directions(prepared, normal, np.array([omega]), np.ones(1, bool), np.zeros((1, 1)), [{}]).inertia
    return inertia is None or tuple(inertia[0]) == (2 * free, 6 * free)


def refuse_growing_spins(B: sp.csr_matrix, unknown: np.ndarray, device: Device) -> None:
    """Refuse surface terms for which the normal state could produce negative entropy: f.B f must not be negative.

    Materials alone cannot: their tensors were checked point by point, and the spin-galvanic and spin Hall terms drop
    out of f.B f. A term along an edge has no diffusion beside it.

    Args:
        B: of charge and spin, (4 N, 4 N).
        unknown: (N, 4) bool.
        device: it names what to look at.
    """
    rows = np.flatnonzero(unknown.ravel())
    symmetric = ((B + B.T) / 2).tocsr()[rows][:, rows]
    scale = sp.diags(1 / np.sqrt(np.maximum(np.abs(symmetric.diagonal()), 1e-300)))
    shifted = sp.csc_matrix(scale @ symmetric @ scale + ROUND_OFF * sp.identity(len(rows)))
    lu = sla.splu(shifted, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    if (lu.U.diagonal() > 0).all():
        return
    surfaces = [name for name, b in device.boundaries.items() if any(b.surfaces)]
    raise StabilityError(
        f"the normal state is unstable: the surface terms of {surfaces} outweigh diffusion and relaxation, so that "
        "spins grow (entropy production must not be negative); reduce their kappa, beta or Gamma, or check their units"
    )


SMALLEST_TOL = 1e-12
"""Below it round-off decides."""


def refuse_bad_input(device: Any, tol: Any, gap_tol: Any = 1e-8) -> None:
    """Raise without double precision, for anything but a Device, and for a tolerance out of range."""
    if not jax.config.read("jax_enable_x64"):
        raise SolveError(
            "double precision is off (jax_enable_x64 is False): unset JUSADEL_NO_X64, or call "
            'jax.config.update("jax_enable_x64", True) before solving'
        )
    if not isinstance(device, Device):
        raise TypeError(f"device is {type(device).__name__}; expected a jusadel.Device (mesh and materials together)")
    if not is_number(tol) or not SMALLEST_TOL <= tol < 1:
        raise ValueError(f"tol = {tol!r}; expected a relative residual between {SMALLEST_TOL:g} and 1")
    if not is_number(gap_tol) or not 0 < gap_tol < 1:
        raise ValueError(f"gap_tol = {gap_tol!r}; expected a residual relative to the bulk gap, between 0 and 1")


INERTIA_LIMIT, EXTRA_FACTOR_LIMIT = 20_000, 2_000
"""Nodes up to which the normal state's inertia is checked before solving: by the direct solver that is used anyway, and
by one that is called for this alone."""
