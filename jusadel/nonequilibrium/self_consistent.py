"""The pair potential out of equilibrium, together with the distributions that make it: `self_consistent_kinetics`.

At each site the gap equation takes the singlet amplitude of K = R F - F A instead of that of equilibrium,

    Delta Int tanh(E/2 Tc) E/(E^2 + eta^2) dE = Int (i/8) Tr[(R2 + i R1) K] dE    over E > 0,

real parts of either trace. Levels are broadened by eta, and Tc is that with it; for small eta the equilibrium is that
of `solve`. The tails of both sides cancel. In any other pair potential charge comes and goes where quasiparticles turn
into pairs; in this one the gradient of its phase carries it on, and what is fed in vanishes at every node once
integrated over the same energies.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.action.assembly import discretise
from jusadel.action.matsubara import GAP_RATIO
from jusadel.action.mesh_action import DiscreteAction, nodal_mean, with_pairing
from jusadel.action.nambu import R, advanced
from jusadel.common.arguments import real
from jusadel.common.differentiability import is_traced, waits, worked_out
from jusadel.common.errors import SolveError
from jusadel.common.programs.compilation import compilation_told
from jusadel.common.progress import Event, ProgressOption, reporter
from jusadel.common.types import ArrayLike
from jusadel.device.contact import Contact
from jusadel.device.pair_potential import as_pairs, as_vector, from_pairs
from jusadel.device.recurrence import times_to_come
from jusadel.nonequilibrium.contacts import electrode_contacts
from jusadel.nonequilibrium.derivatives.flows import traced_contacts
from jusadel.nonequilibrium.derivatives.in_programs import self_consistent_in_program
from jusadel.nonequilibrium.derivatives.pairing import Mixture, moved
from jusadel.nonequilibrium.energy_checks import warn_of_currents
from jusadel.nonequilibrium.keldysh import distribution
from jusadel.nonequilibrium.kinetic_equation import kinetics, unchecked_kinetics
from jusadel.nonequilibrium.kinetic_result import Kinetics
from jusadel.solver.checks import refuse_bad_input
from jusadel.solver.derivatives.tracing import still
from jusadel.solver.gap.sites import Sites, site_fields, superconducting_sites
from jusadel.solver.linear import LinearSolver
from jusadel.solver.linear.choice import checked_linear_solver, for_outer_iterations
from jusadel.solver.spectra import spectrum
from jusadel.solver.states.solution import Solution

Array = jax.Array

MEMORY = 12
"""Iterates that Anderson's mixing combines."""


def self_consistent_kinetics(
    sol: Solution,
    energies: ArrayLike,
    contacts: Mapping[str, Contact],
    *,
    eta: float = 0.01,
    bath: str | float = "elastic",
    weights: ArrayLike | None = None,
    tol: float = 1e-6,
    max_steps: int = 60,
    linear_solver: LinearSolver | None = None,
    progress: ProgressOption = False,
) -> Kinetics:
    """`spectrum` and `kinetics` with a pair potential that solves the gap equation of the distributions.

    By Anderson's mixing, each step of which solves for the spectrum and the distributions. Only stationary states: all
    of the superconductor is at voltage 0, and charge that enters an island without a superconducting electrode must
    leave it elsewhere (let one of its contacts float), or its phase runs.

    Args:
        sol: a Solution of the device, from whose pair potential it starts; its T is that of contacts without one.
        energies: as in `kinetics`; they should reach far above Delta: a cut at E costs some Delta^2/2E^2 of Delta.
        contacts, bath, weights, progress: as in `kinetics`.
        eta: as in `spectrum`.
        tol: largest change of the pair potential by another step, relative to the bulk gap at T = 0.
        max_steps: largest number of steps.
        linear_solver: `linear.SuperLU()` or `linear.Krylov()`, of both `spectrum` and `kinetics`; default each its own.

    Returns:
        A Kinetics; the pair potential is in its `spectrum.Delta`. Under `jax.grad` and its kin it has first derivatives
        with respect to all that `spectrum` and `kinetics` have; the Solution counts by its device alone.

    Raises:
        SolveError: it did not converge, or an energy did not; ValueError as `spectrum` and `kinetics` do, and where no
            region has Tc > 0. NotDifferentiableError: in a second derivative. Inside `jax.jit` and `jax.vmap` what
            depends on numbers is NaN where it would be refused.
    """
    if waits(asked := locals()):
        return worked_out(self_consistent_kinetics, asked)
    options: dict[str, Any] = {"tol": tol, "max_steps": max_steps, "linear_solver": linear_solver, "progress": progress}
    if is_traced((sol, energies, contacts, eta, bath, weights)):
        return _differentiated(sol, (energies, contacts, eta, bath, weights), options)
    return _found(sol, energies, contacts, eta, bath, weights, **options)


def _found(
    sol: Solution,
    energies: Any,
    contacts: Mapping[str, Contact],
    eta: float,
    bath: Any,
    weights: Any,
    *,
    tol: float,
    max_steps: int,
    linear_solver: LinearSolver | None,
    progress: ProgressOption,
) -> Kinetics:
    """As `self_consistent_kinetics`, of numbers."""
    if not isinstance(sol, Solution):
        raise TypeError(f"sol is {type(sol).__name__}; expected the Solution that jusadel.solve(device, ...) returns")
    refuse_bad_input(sol.device, tol)
    superconducting_sites(sol)  # there must be some
    report, mixing = reporter(progress), _Mixing()
    state = replace(sol, system=discretise(sol.device, sol.vertex_Delta, ("Delta",)))
    for step in range(max_steps + 1):
        with compilation_told(report):
            spec = spectrum(state, energies, eta, linear_solver=linear_solver)
            kin = unchecked_kinetics(spec, contacts, bath, weights, linear_solver)
        where = _sites(kin)
        Delta = where.from_vertices(state.vertex_Delta)
        change = _amplitudes(kin)[where.nodes] / where.a - Delta
        error = float(np.abs(change).max() / (GAP_RATIO * where.Tc.max()))
        if report:
            detail = f"change {error:.1e}, largest {np.abs(Delta).max():.5g}"
            report(Event("pair potential", step, detail=detail))
        if error <= tol:
            warn_of_currents(kin, stacklevel=4)
            return kin
        state = _with(state, where, mixing.after(Delta, change))
    raise SolveError(
        f"the pair potential still changes by {error:.1e} of the bulk gap after {max_steps} steps (tol = {tol:.0e}): "
        "start from a state at smaller voltages, raise max_steps, or see whether it can be stationary: what enters a "
        "superconductor without a superconducting electrode must leave it at voltage 0 (float a contact)"
    )


def _differentiated(sol: Solution, given: tuple[Any, ...], options: dict[str, Any]) -> Kinetics:
    """As `self_consistent_kinetics`, with numbers that JAX traces."""
    energies, contacts, eta, bath, weights = given
    at = still(energies), traced_contacts(contacts, still), still(eta), still(bath), still(weights)
    plain = still(sol)
    if is_traced((plain, at)):
        given = real("energies", energies), electrode_contacts(sol, contacts), eta, bath, weights
        return self_consistent_in_program(self_consistent_kinetics, sol, given, options)
    kin = _found(plain, *at, **options)
    where, Delta = _sites(kin), kin.spectrum.vertex_Delta
    x = as_pairs(where.from_vertices(Delta)).ravel()
    solver = options["linear_solver"]
    mixture = Mixture(partial(_change, replace(plain, system=_posed(plain)), at, where, solver), x)
    sol = replace(sol, system=_posed(sol))
    x = jnp.asarray(x) + moved(_change(sol, given, where, solver, jnp.asarray(x)), mixture)
    return _kinetics_of(sol, given, where, solver, x)


def _posed(sol: Solution) -> DiscreteAction:
    return discretise(sol.device, sol.vertex_Delta, ("Delta",))


def _kinetics_of(sol: Solution, given: tuple[Any, ...], where: Sites, solver: LinearSolver | None, x: Any) -> Kinetics:
    """The Kinetics at a pair potential x (2 K,), as pairs."""
    energies, contacts, eta, bath, weights = given
    places, weight = (where.at, where.phase, where.nodes), site_fields(sol.device, where)[0]
    vertex, at_nodes = _at_vertices(x, weight, places, len(sol.system.free))
    system = with_pairing(sol.system, at_nodes)
    state = replace(sol, vertex_Delta=vertex, Delta=nodal_mean(sol.mesh, vertex), system=system)
    accurate = for_outer_iterations(checked_linear_solver(solver, len(sol.system.free), len(energies), times_to_come()))
    with warnings.catch_warnings():  # of what was said of the numbers
        warnings.simplefilter("ignore")
        spec = spectrum(state, energies, eta, linear_solver=accurate)
        return kinetics(spec, contacts, bath=bath, weights=weights, linear_solver=solver)


def _change(sol: Solution, given: tuple[Any, ...], where: Sites, solver: LinearSolver | None, x: Any) -> Any:
    """What another step would add to the pair potential x (2 K,)."""
    kin = _kinetics_of(sol, given, where, solver, x)
    Tc = site_fields(sol.device, where)[1]
    a = kin.integrated(_of_pairing(jnp.asarray(kin.energies), kin.spectrum.eta, Tc))
    return _made(_amplitudes(kin), where.nodes, a) - x


@partial(jax.jit, static_argnums=3)
def _at_vertices(x: Array, weight: Array, places: tuple[Any, ...], N: int) -> tuple[Array, Array]:
    """The pair potential at the triangles' vertices (m, 3), and summed at the nodes (N, 2)."""
    at, phase, nodes = places
    Delta = jnp.reshape(x, (-1, 2))
    vertex = jnp.append(from_pairs(Delta), 0)[at] * jnp.exp(1j * jnp.asarray(phase))
    return vertex, jax.ops.segment_sum(weight[:, None] * Delta, nodes, num_segments=N)


@jax.jit
def _of_pairing(E: Array, eta: Any, Tc: Array) -> Array:
    return jnp.tanh(E[:, None] / (2 * Tc)) * E[:, None] / (E[:, None] ** 2 + eta**2)


@jax.jit
def _made(amplitudes: Array, nodes: Any, a: Array) -> Array:
    return (as_pairs(amplitudes[nodes]) / a[:, None]).ravel()


def _sites(kin: Kinetics) -> Sites:
    where, E, eta = superconducting_sites(kin), kin.energies[:, None], kin.spectrum.eta
    return replace(where, a=kin.integrated(np.tanh(E / (2 * where.Tc)) * E / (E**2 + eta**2)))


def _with(sol: Solution, where: Sites, Delta: np.ndarray) -> Solution:
    """The Solution with another pair potential (K,), for `spectrum`, which takes nothing else of it."""
    vertex = jnp.asarray(where.on_vertices(Delta))
    system = with_pairing(sol.system, jnp.asarray(where.on_nodes(Delta, len(sol.system.free))))
    return replace(sol, vertex_Delta=vertex, Delta=nodal_mean(sol.mesh, vertex), system=system)


def _amplitudes(kin: Kinetics) -> np.ndarray:
    """Int (i/8) Tr[(R2 + i R1) K] dE at the nodes of the discrete action, (N,) complex."""
    if is_traced((kin.spectrum.all_G, kin.all_f)):
        return kin.integrated(_of_energies(kin.spectrum.all_G, kin.all_f))
    each = [_of_energy(np, *at) for at in zip(kin.spectrum.all_G, kin.all_f, strict=True)]
    return np.asarray(kin.integrated(np.array(each)))


@jax.jit
@jax.vmap
def _of_energies(G: Array, f: Array) -> Array:
    return _of_energy(jnp, G, f)


def _of_energy(xp: Any, G: Any, f: Any) -> Any:
    F = distribution(f)
    keldysh = xp.asarray(G @ F - F @ advanced(G))
    two, one = (-xp.einsum("ij,nji->n", np.asarray(r), keldysh).imag / 8 for r in (R[1], R[0]))
    return two + 1j * one


class _Mixing:
    """Anderson's: the combination of the last iterates whose changes cancel best, and then its change."""

    def __init__(self) -> None:
        self.values: list[np.ndarray] = []
        self.changes: list[np.ndarray] = []

    def after(self, value: np.ndarray, change: np.ndarray) -> np.ndarray:
        """The next iterate, complex (K,)."""
        as_real = as_vector(change)
        self.values = [*self.values[1 - MEMORY :], value + change]
        self.changes = [*self.changes[1 - MEMORY :], as_real]
        if len(self.changes) == 1:
            return value + change
        apart = np.stack([c - as_real for c in self.changes[:-1]], axis=1)
        share = np.linalg.lstsq(apart, -as_real, rcond=1e-10)[0]
        return value + change + sum(s * (v - value - change) for s, v in zip(share, self.values[:-1], strict=True))
