"""Distribution functions out of equilibrium in the superconducting state: `kinetics`.

On a given retarded solution R the Keldysh block of the same discrete action is linear in F (`keldysh`): eight
real unknowns a node, one sparse solve for each energy,

    B f + r0 = 0 at free nodes,    f = tanh[(E - V tau3 - S.sigma)/2T] in the electrodes.

The broadening eta and the materials' inelastic rates are couplings to a bath, 2 (eta + Gamma_in) (F_bath - F), whose
distribution is unless told otherwise the local one, so that it takes nothing up; a bath at the ground takes charge as
well as energy.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from jusadel.common.arguments import is_number, real
from jusadel.common.differentiability import is_traced, waits, worked_out
from jusadel.common.programs.compilation import compilation_told
from jusadel.common.progress import Event, ProgressOption, reporter
from jusadel.common.types import ArrayLike
from jusadel.device.contact import Contact, is_floating
from jusadel.nonequilibrium.contacts import electrode_contacts, own_nodes
from jusadel.nonequilibrium.derivatives.distributions import differentiated_kinetics
from jusadel.nonequilibrium.derivatives.flows import traced_contacts
from jusadel.nonequilibrium.derivatives.in_programs import kinetics_in_program
from jusadel.nonequilibrium.energy_checks import refuse_spectrum, warn_of_currents
from jusadel.nonequilibrium.floating_contacts import Balance, at_start, floating_contacts, modes_of
from jusadel.nonequilibrium.kinetic_result import Kinetics
from jusadel.nonequilibrium.linear.answers import Answer, answers_at_energies
from jusadel.nonequilibrium.linear.equations import Assembly
from jusadel.nonequilibrium.linear.factors import UnknownEquations
from jusadel.nonequilibrium.linear.solving import kinetic_solver
from jusadel.observables.spectral_currents import trapezoidal
from jusadel.solver.derivatives.tracing import still
from jusadel.solver.linear import LinearSolver
from jusadel.solver.spectra import Spectrum


def kinetics(
    spec: Spectrum,
    contacts: Mapping[str, Contact],
    *,
    bath: str | float = "elastic",
    weights: ArrayLike | None = None,
    linear_solver: LinearSolver | None = None,
    progress: ProgressOption = False,
) -> Kinetics:
    """Distribution functions of a device whose electrodes have voltages, temperatures and spins of their own.

    On the retarded functions of a Spectrum, whose pair potential stays as it is. Where Delta = 0 charge is conserved;
    where it is given, or self-consistent in equilibrium only, `Kinetics.pairing_source` says what it feeds in;
    `self_consistent_kinetics` finds the one that feeds in nothing.

    Args:
        spec: from `spectrum`, with energies > 0: ascending and beyond the largest |V| + 8 T where integrals are wanted.
            Where currents change from one energy to the next, as at a gap's edge, they should be eta apart there.
        contacts: {boundary: Contact(voltage=..., temperature=..., spin=...)}, one for each electrode of the device,
            those behind a Tunnel included. The temperature's default is that of the Solution. Superconducting
            electrodes must be at voltage 0: all else is time-dependent. What is "floating" is found so that, integrated
            over the energies, no net charge, spin or heat flows, and stands in the contacts of the result.
        bath: what the broadening couples to: "elastic" for nothing, F unrelaxed, so that what enters leaves elsewhere;
            "grounded" for an equilibrium at voltage 0 with the temperature of the first contact there (else of the
            Solution), or a temperature for the same. Such a bath relaxes F at the rate 2 (eta + inelastic) and drains
            charge and spin too: `Kinetics.bath_current` has how much, and a BathWarning says where it is above one per
            cent. Inside a hard gap the few states that eta makes fill up behind a weak barrier if nothing relaxes them.
        weights: (n_E,) of a quadrature over E from zero to infinity; default the trapezoidal rule.
        linear_solver: `linear.SuperLU()`, or `linear.Krylov()` for GMRES with multigrid, one energy at a time on CPUs
            unless it has a width; default by nodes.
        progress: True for a bar where tqdm is installed (extra "progress") and stderr is a terminal, else for lines of
            text on the "jusadel" logger and stderr; "bar" or "lines"; or a function of a line.

    Returns:
        A Kinetics with f (n_E, n, 8), currents energy by energy and integrated, mu and S; `current_through`,
        `spin_current_through`, `energy_current_through`, `current_across`, `charge_current`, `spin_density` and the
        others take it. Under `jax.grad` and its kin it has derivatives with respect to all that the Spectrum depends
        on, to voltages, spins, currents and temperatures of the contacts, the bath's temperature and the weights; of
        first order inside `jax.jit` and `jax.vmap`, where what depends on numbers is NaN if it would be refused.

    Raises:
        ValueError: energies <= 0 or not certified; an electrode without a contact, a contact elsewhere, one that does
            not hold voltage and spin, or has a voltage at a superconductor.
        SolveError: the equations do not fix F, or nothing balances what floats. (Where there are no states F does not
            matter; there f is that of equilibrium, and zero for what vanishes in it.)
    """
    if waits(asked := locals()):
        return worked_out(kinetics, asked)
    if is_traced((spec, contacts, bath, weights)):
        return _differentiated(spec, contacts, bath, weights, linear_solver, progress)
    kin = unchecked_kinetics(spec, contacts, bath, weights, linear_solver, progress)
    warn_of_currents(kin)
    return kin


def _differentiated(
    spec: Spectrum, contacts: Any, bath: Any, weights: Any, linear_solver: LinearSolver | None, progress: ProgressOption
) -> Kinetics:
    """As `kinetics`, with numbers that JAX traces."""
    named = electrode_contacts(spec, contacts)
    plain = still(spec), traced_contacts(named, still), still(bath), still(weights)
    if is_traced(plain):
        return kinetics_in_program(partial(kinetics, linear_solver=linear_solver), spec, named, bath, weights)
    factors: list[UnknownEquations] = []
    kin = unchecked_kinetics(*plain, linear_solver, progress, factors)
    warn_of_currents(kin, stacklevel=4)
    if bath in ("elastic", "grounded"):
        bath = None if kin.bath is None else _grounded(spec, named)
    weights = real("weights", weights) if is_traced(weights) else kin.weights
    return differentiated_kinetics(spec, named, bath, weights, kin, factors)


def unchecked_kinetics(
    spec: Spectrum,
    contacts: Mapping[str, Contact],
    bath: Any,
    weights: Any,
    linear_solver: LinearSolver | None = None,
    progress: ProgressOption = False,
    factors: list[UnknownEquations] | None = None,
) -> Kinetics:
    """As `kinetics`, of which no current need be right; the factors of every energy are put where asked for."""
    if not isinstance(spec, Spectrum):
        raise TypeError(f"spec is {type(spec).__name__}; expected the Spectrum that jusadel.spectrum(sol, ...) returns")
    refuse_spectrum(spec)
    contacts, weights = electrode_contacts(spec, contacts), _checked_weights(spec, weights)
    temperature, report = _bath_temperature(spec, contacts, bath), reporter(progress)
    assembly, given = Assembly(spec.system), _given(spec, contacts)
    solver = kinetic_solver(linear_solver, spec.system, assembly.pattern)
    units = [_unit(spec, name, mode) for name in floating_contacts(contacts) for mode in modes_of(contacts[name])]
    answers: list[list[Answer]] = []
    found = answers_at_energies(spec, assembly, solver, given, units, temperature, factors)
    for k, E in enumerate(spec.energies):
        with compilation_told(report):
            answers.append(next(found))
        if report:
            report(Event("distributions", k + 1, len(given), detail=f"E = {E:.4g}"))
    if not units:
        return _superposed(spec, contacts, answers, np.ones((len(answers), 1)), temperature, weights)
    balance = _balance(spec, contacts, weights, answers)
    contacts = balance.settled()
    kin = _superposed(spec, contacts, answers, balance.factors(contacts), temperature, weights)
    kin.integrated(spec.energies)  # refuses energies that end too soon for what was found
    return kin


def _superposed(
    spec: Spectrum,
    contacts: dict[str, Contact],
    answers: list[list[Answer]],
    factors: np.ndarray,
    bath: float | None,
    weights: np.ndarray | None,
) -> Kinetics:
    """The Kinetics from the answers at every energy, each times its factor (n_E, 1 + units)."""
    total = [
        [np.einsum("s,s...->...", c, x) for x in zip(*of, strict=True)] for c, of in zip(factors, answers, strict=True)
    ]
    f, reactions, fed, taken = (np.stack(x) for x in zip(*total, strict=True))
    return Kinetics(
        spectrum=spec,
        contacts=contacts,
        bath=bath,
        weights=weights,
        all_f=f,
        reactions=reactions,
        fed=fed,
        taken=taken,
    )


def _balance(
    spec: Spectrum, contacts: dict[str, Contact], weights: np.ndarray | None, answers: list[list[Answer]]
) -> Balance:
    """What leaves through the floating contacts."""
    nodes = [own_nodes(spec, contacts, name) for name in floating_contacts(contacts)]
    return Balance(
        contacts=contacts,
        T=spec.T,
        energies=spec.energies,
        weights=trapezoidal(spec.energies) if weights is None else weights,
        currents=np.array([[[reactions[n].sum(axis=0) for n in nodes] for _, reactions, *_ in a] for a in answers]),
    )


# --- what is given ---------------------------------------------------------------------------------


def _given(spec: Spectrum, contacts: dict[str, Contact]) -> np.ndarray:
    """The electrodes' distributions at their nodes, zero elsewhere, (n_E, N, 8); what floats begins at zero."""
    given, holder = np.zeros((len(spec.energies), len(spec.system.free), 8)), np.full(len(spec.system.free), -1)
    floating = floating_contacts(contacts)
    for number, (name, contact) in enumerate(at_start(contacts, spec.T).items()):
        nodes, values = spec.system.layout.nodes_of_contact(spec.mesh, name), contact.distribution(spec.energies)
        shared = nodes[holder[nodes] >= 0]
        other = list(contacts)[holder[shared[0]]] if len(shared) else ""
        apart = len(shared) and np.abs(given[:, shared] - values[:, None]).max() > 0
        if apart or (len(shared) and {name, other} & set(floating)):
            raise ValueError(
                f"contacts {other!r} and {name!r} share the node {shared[0]} at "
                f"{np.asarray(spec.mesh.points)[shared[0]].tolist()} and hold different distributions there"
            )
        given[:, nodes], holder[nodes] = values[:, None], number
    return given


def _unit(spec: Spectrum, name: str, mode: int) -> np.ndarray:
    """One in a mode at the nodes of a contact, (N, 8)."""
    f = np.zeros((len(spec.system.free), 8))
    f[spec.system.layout.nodes_of_contact(spec.mesh, name), mode] = 1.0
    return f


def _bath_temperature(spec: Spectrum, contacts: dict[str, Contact], bath: Any) -> float | None:
    if isinstance(bath, str) and bath in ("grounded", "elastic"):
        return None if bath == "elastic" else float(_grounded(spec, contacts))
    if not is_number(bath, at_least=0.0):
        raise ValueError(f"bath = {bath!r}; expected 'grounded', 'elastic', or a temperature >= 0")
    return float(bath)


def _grounded(spec: Spectrum, contacts: dict[str, Contact]) -> Any:
    """The temperature of the first contact at the ground, else of the Solution."""
    held = [c.temperature for c in contacts.values() if c.grounded and not is_floating(c.temperature)]
    return held[0] if held else spec.T


def _checked_weights(spec: Spectrum, weights: Any) -> np.ndarray | None:
    if weights is None:
        return None
    w = np.asarray(real("weights", weights))
    if w.shape != spec.energies.shape or not np.isfinite(w).all():
        raise ValueError(f"weights has shape {w.shape}; expected {spec.energies.shape}, a finite one for each energy")
    return w
