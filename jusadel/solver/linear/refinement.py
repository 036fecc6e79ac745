"""Linear responses by the program of Newton directions: iterative refinement from the host.

Each round solves, in the precision of the iterations, for what double precision finds to be left.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from jusadel.common.differentiability import on_device
from jusadel.solver.linear.krylov_programs import LOOSEST, TIGHTEST, KrylovSteps, left_over_on, run_program, steps_on
from jusadel.solver.linear.sqmr_gmres import sqmr

Array = jax.Array


def krylov_response(
    prepared: Any, limit: int, rounds: int, tol: float, V: Array, omega: Array, rhs: Array
) -> tuple[np.ndarray, np.ndarray]:
    """Solutions of H x = rhs (b, n, 8) at frames V (b, n, 4, 4) and their relative errors (b,).

    Args:
        prepared: the `PreparedKrylov`, of as many frequencies as its width.
        limit: most iterations of a round.
        rounds: most rounds; a single one is believed what it says of its error.
        tol: relative error wanted.
        V, omega, rhs: on the device.
    """
    devices, b, n = prepared.devices, len(omega), V.shape[1]
    program, left_over = steps_on(devices, sqmr, limit=limit), left_over_on(devices)

    def solve(left: Array, wanted: np.ndarray) -> KrylovSteps:
        asked = V, omega, np.full(b, np.nan), wanted, np.zeros((b, n)), left, np.ones(b, bool)
        return KrylovSteps(*run_program(devices, program, prepared.lifted, prepared.inner, prepared.levels, *asked))

    if rounds == 1:
        found = solve(rhs, np.full(b, tol))
        return np.asarray(found.step), np.asarray(found.accuracy)
    return _refined(
        solve, lambda x: run_program(devices, left_over, prepared.lifted, V, omega, x, rhs), rhs, tol, rounds
    )


def _refined(
    solve: Callable[[Array, np.ndarray], KrylovSteps],
    left_of: Callable[[Array], Array],
    rhs: Array,
    tol: float,
    rounds: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Until the error found in double precision is below tol, or no longer half of that before.

    An error is known once the next round begins, which has nothing to do where it is small enough.
    """
    x, left, whole = np.zeros(rhs.shape, rhs.dtype), rhs, None
    before, asked, wanted = np.full(len(rhs), np.inf), np.ones(len(rhs), bool), _wanted(np.ones(len(rhs)), tol)
    for done in range(rounds + 1):
        found = solve(left, wanted)
        energy = np.asarray(found.energy)
        whole = energy if whole is None else whole
        error = energy / np.where(whole == 0, 1, whole)
        if done == rounds or not ((error > tol) & (~asked | (error < before / 2))).any():
            break
        x, asked, before = x + np.asarray(found.step), wanted <= 1, error
        left = left_of(on_device(x))
        wanted = _wanted(error * np.where(asked, np.asarray(found.accuracy), 1), tol)
    return x, error


def _wanted(error: np.ndarray, tol: float) -> np.ndarray:
    """The relative accuracy of a round that begins with such errors; nothing is to be done above one."""
    return np.where(error > tol, np.clip(tol / error / 2, TIGHTEST, LOOSEST), 2.0)
