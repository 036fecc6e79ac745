"""Linear response at a frequency: `response` to a vector potential or an exchange field, `admittance` of electrodes."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from jusadel.common.arguments import real
from jusadel.common.differentiability import is_traced, refuse_traced
from jusadel.common.errors import ChargeWarning
from jusadel.common.types import ArrayLike, Frequencies
from jusadel.nonequilibrium.dynamics.drives import (
    checked_between,
    exchange_field,
    turn_of_pairs,
    vector_potential,
    voltage,
)
from jusadel.nonequilibrium.dynamics.evaluation import Evaluation, FoundResponse, Settings
from jusadel.nonequilibrium.dynamics.questions import REAL, checked_settings, refuse_without_response
from jusadel.nonequilibrium.dynamics.result import Admittance, DynamicResponse
from jusadel.nonequilibrium.dynamics.retarded import Retarded
from jusadel.nonequilibrium.dynamics.static import static_response
from jusadel.nonequilibrium.dynamics.two_frequencies.linearised import Drive
from jusadel.solver.derivatives.tracing import still
from jusadel.solver.linear import Krylov, LinearSolver, SuperLU
from jusadel.solver.linear.choice import checked_linear_solver
from jusadel.solver.states.solution import Solution

INSTEAD = "only the static response, omega = 0, has derivatives; take central differences of this one"
LARGE = 2000
"""Nodes from which on iterations cost less than factors do."""
CONSERVED = 1e-3
"""Part of a current that may be missing untold."""


def response(
    sol: Solution,
    omega: ArrayLike,
    *,
    A: ArrayLike | Callable[[Any], Any] | None = None,
    h: ArrayLike | Callable[[Any], Any] | None = None,
    axis: str = REAL,
    eta: float = 0.01,
    neutral: bool = True,
    gap: bool | None = None,
    maps: bool = False,
    accuracy: float = 1e-4,
    most_energies: int = 3000,
    frequencies: Frequencies = None,
    linear_solver: LinearSolver | None = None,
    tol: float = 1e-9,
) -> DynamicResponse:
    """Linear response to a vector potential A or an exchange field h that oscillates as exp(-i omega t).

    Q(omega) is the second derivative of the functional with respect to the drive's amplitude, on the Keldysh contour,
    with G, the scalar potential and the pair potential following: j = - Q A for a uniform A, so that sigma = i Q/omega
    per area, and S = Q h with the Pauli spin in it.

    Args:
        sol: from `solve`, certified.
        omega: frequencies >= 0, a number or (n_omega,) [energy]; 0 is the static response.
        A: a uniform vector potential (2,), or a function of points (k, 2) -> (k, 2) [1/length].
        h: a uniform exchange field (3,), values at the nodes (n, 3), or a function of points (k, 2) -> (k, 3) [energy].
        axis: "real", or "imaginary" for omega = 2 pi T m, a bosonic Matsubara frequency: no eta, real numbers.
        eta: distance from the real axis, in electrodes too, well below omega: Dynes' parameter [energy].
        neutral: whether a potential phi keeps every place neutral (screening is immediate); else phi = 0.
        gap: whether the pair potential follows by the gap equation; default where it was solved self-consistently. A
            pair potential that is given stays as it is in the gauge of the drive, and charge is not conserved.
        maps: whether to work out currents and spins in space too, which takes the time again.
        accuracy: of the sums over frequencies and energies, relative to Q.
        most_energies: after as many the integral over energies ends, with a CoarseEnergiesWarning.
        frequencies: of the Matsubara sum, as in `solve`; default those of the Solution where they reach far enough.
        linear_solver: for G and for its response, as in `spectrum`; default SuperLU below 2000 nodes, Krylov above.
        tol: relative residual of G.

    Returns:
        A DynamicResponse. At omega = 0 it is differentiable with respect to all that the Solution depends on.

    Raises:
        ValueError: omega not finite or negative, eta that does not resolve it, not one of A and h, a Solution that is
            not certified.
        SolveError: a Green's function is not certified, or an unstable state.
        NotDifferentiableError: traced by JAX at omega > 0.
    """
    if (A is None) == (h is None):
        raise ValueError("give one drive, either a vector potential A or an exchange field h")
    refuse_without_response(sol)
    plain = still(sol)
    drive = vector_potential(plain, A) if h is None else exchange_field(plain, h)
    options = checked_settings(sol, omega, axis, eta, neutral, gap, maps, accuracy, most_energies, frequencies, tol)
    found = _responses(sol, (drive,), omega, options, linear_solver, tol, "response")
    name = "vector potential" if h is None else "exchange field"
    return DynamicResponse(drive=name, Q=_entries(found, 0, omega), **_shared(sol, omega, axis, found))


def admittance(
    sol: Solution,
    omega: ArrayLike,
    between: tuple[str, str] = ("left", "right"),
    *,
    axis: str = REAL,
    eta: float = 0.01,
    neutral: bool = True,
    gap: bool | None = None,
    maps: bool = False,
    accuracy: float = 1e-4,
    most_energies: int = 3000,
    frequencies: Frequencies = None,
    linear_solver: LinearSolver | None = None,
    tol: float = 1e-9,
) -> Admittance:
    """Admittance between two electrodes: Y(omega), the current that a voltage exp(-i omega t) drives.

    The voltage is that of the first electrode, all others being grounded, and the current that which leaves through the
    second. Electrodes are rigid: each is in equilibrium at its own potential.

    Args:
        sol: from `solve`, certified.
        omega: frequencies >= 0, a number or (n_omega,) [energy]; 0 gives the static inductance alone.
        between: names of the two electrodes, those behind a Tunnel included.
        axis, eta, neutral, gap, maps, accuracy, most_energies, frequencies, linear_solver, tol: as in `response`.

    Returns:
        An Admittance: Y in the unit of conductance, sigma = 2 nu D per square (`Units.to_ohm` of 1/Y), inductance. At
        omega = 0 it is differentiable with respect to all that the Solution depends on.

    Raises:
        As `response`; ValueError: unknown electrodes.

    Warns:
        ChargeWarning: a pair potential inside the device does not follow and takes part of the current.
    """
    refuse_without_response(sol)
    plain = still(sol)
    names = checked_between(plain.device, between)
    drives = tuple(voltage(plain, name) for name in names)
    options = checked_settings(sol, omega, axis, eta, neutral, gap, maps, accuracy, most_energies, frequencies, tol)
    taken = None if options.gap else turn_of_pairs(plain, names[1])
    found = _responses(
        sol, drives if taken is None else (*drives, taken), omega, options, linear_solver, tol, "admittance"
    )
    if taken is not None:
        _warn_of_charge(omega, found)
    return Admittance(between=names, Q=-_entries(found, 1, omega), **_shared(sol, omega, axis, found))


def _warn_of_charge(omega: Any, found: list[FoundResponse]) -> None:
    """Warn where a pair potential that does not follow takes more charge than round-off, relative to the current."""
    if is_traced([f.Q for f in found]):
        return
    lost = [abs(complex(f.Q[2])) / max(abs(complex(f.Q[1])), 1e-300) for f in found]
    worst = int(np.argmax(lost))
    if lost[worst] > CONSERVED:
        warnings.warn(
            f"the pair potential is given and does not follow the drive, so that charge is not conserved: at omega = "
            f"{np.atleast_1d(omega)[worst]:.4g} the current in the electrode and that in the device differ by "
            f"{100 * lost[worst]:.2g} %; solve with pair_potential='self-consistent'",
            ChargeWarning,
            stacklevel=3,
        )


def _responses(
    sol: Solution,
    drives: tuple[Drive, ...],
    omega: Any,
    settings: Settings,
    linear_solver: LinearSolver | None,
    tol: float,
    name: str,
) -> list[FoundResponse]:
    values = np.atleast_1d(np.asarray(real("omega", omega)))
    solver = _chosen(sol, linear_solver)
    if is_traced(sol):
        refuse_traced(name, INSTEAD, **{"sol": sol} if values.any() else {})
    found = []
    evaluation = Evaluation(sol, drives, settings, Retarded(sol, solver, tol), solver) if values.any() else None
    for value in values:
        if value == 0 or evaluation is None:
            Q = [static_response(sol, (drives[0], drive), settings.gap, solver, tol) for drive in drives[1:] or drives]
            found.append(FoundResponse.static([None, *Q] if drives[1:] else Q, len(sol.mesh.points)))
        else:
            found.append(evaluation.at(float(value)))
    return found


def _chosen(sol: Solution, given: Any) -> LinearSolver:
    """The given solver, or Krylov where its factors would be large."""
    default = Krylov() if len(sol.system.free) > LARGE else SuperLU()
    return checked_linear_solver(given or default, 1, 1)


def _entries(found: list[FoundResponse], last: int, omega: Any) -> Any:
    """Of each frequency the response of this drive to the first, (n_omega,), or that of one number."""
    values = [f.Q[last] for f in found]
    if np.ndim(omega) == 0:
        return values[0]
    return jnp.stack(values) if is_traced(values) else np.array(values)


def _shared(sol: Solution, omega: Any, axis: str, found: list[FoundResponse]) -> dict[str, Any]:
    one = np.ndim(omega) == 0

    def stacked(name: str) -> Any:
        values = [getattr(f, name) for f in found]
        known = [v for v in values if v is not None]
        if one or not known:
            return values[0]
        return np.stack([np.full_like(known[0], np.nan) if v is None else v for v in values])

    pairs = stacked("pairs")
    return {
        "device": sol.device,
        "T": sol.T,
        "omega": np.asarray(omega, float),
        "axis": axis,
        "phi": stacked("phi"),
        "pairing": pairs,
        "current": stacked("current"),
        "spin": stacked("spin"),
        "energies": sum(f.energies for f in found),
    }
