"""The equations of every energy put together, and what their solutions say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from jusadel.action.mesh_action import bath_rates
from jusadel.action.nambu import advanced
from jusadel.nonequilibrium.keldysh import blocks_of_nodes, frequency_matrix
from jusadel.nonequilibrium.linear.equations import Assembly, LinearEquations
from jusadel.nonequilibrium.linear.factors import UnknownEquations
from jusadel.nonequilibrium.linear.solving import (
    KineticSolver,
    PosedEnergy,
    kinetic_energies,
    solved,
)
from jusadel.solver.spectra import Spectrum

Answer = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""f and 2 (B f + r0) (N, 8), charge fed in by the pair potential (N,), and what the bath takes (8,)."""


@dataclass(frozen=True)
class Terms:
    """The equations of one energy, and what of them takes up charge and spin at the nodes."""

    equations: LinearEquations
    local: np.ndarray  # (N, 8, 8) of the nodes themselves, without the bath
    sink: np.ndarray  # (N, 8, 8) of the bath

    def answer(self, f: np.ndarray, source: np.ndarray) -> Answer:
        """What the distributions f (N, 8) say, with this source (N, 8)."""
        to_bath = np.einsum("nab,nb->a", self.sink, f).real + source.sum(axis=0)
        by_pairs = np.einsum("nb,nb->n", self.local[:, 1], f).real  # nothing else that is local touches charge
        return f, 2 * (self.equations.of(f) + source), 2 * by_pairs, -2 * to_bath


def answers_at_energies(
    spec: Spectrum,
    assembly: Assembly,
    solver: KineticSolver,
    given: np.ndarray,
    units: list[np.ndarray],
    bath: float | None,
    factors: list[UnknownEquations] | None,
) -> Iterator[list[Answer]]:
    """For every energy the answer to the given f (n_E, N, 8), and what each of the units (N, 8) adds to it.

    The equations are put where asked for.
    """
    free = np.asarray(spec.system.free)
    for energies, size in kinetic_energies(solver, len(given)):
        terms = [_terms(spec, assembly, k, bath) for k in energies]
        posed = [_posed(spec, k, each.equations, given[k], bath) for k, each in zip(energies, terms, strict=True)]
        for each, (reduced, solutions) in zip(terms, solved(posed, solver, free, units, size), strict=True):
            if factors is not None:
                factors.append(reduced)
            yield [each.answer(*solution) for solution in solutions]


def _terms(spec: Spectrum, assembly: Assembly, k: int, bath: float | None) -> Terms:
    system, E = spec.system, float(spec.energies[k])
    matrices = np.asarray(spec.all_G[k]), np.asarray(advanced(spec.all_G[k]))
    found = assembly.blocks(*matrices, frequency_matrix(0.0, 0.0))
    local = found.nodes
    sink, source = np.zeros_like(local), np.zeros_like(found.source)
    if bath is not None:  # the frequency's real part drops out: tau3 commutes with F
        of_one = frequency_matrix(1.0, -1.0, _equilibrium(E, bath) * np.eye(4))
        omega = np.asarray(bath_rates(system, spec.eta))[:, None, None] * of_one
        whole, source = blocks_of_nodes(system, *matrices, omega)
        sink = whole - local
    return Terms(assembly.equations(replace(found, nodes=local + sink, source=source)), local, sink)


def _posed(spec: Spectrum, k: int, equations: LinearEquations, given: np.ndarray, bath: float | None) -> PosedEnergy:
    E = float(spec.energies[k])
    start = _with_ground(given, E, spec.T if bath is None else bath)
    return PosedEnergy(equations, start, E, spec.eta)


def _with_ground(given: np.ndarray, E: float, T: float) -> np.ndarray:
    """The given f (N, 8), and equilibrium elsewhere."""
    f, missing = np.array(given), ~given.any(axis=1)
    f[missing, 0] = _equilibrium(E, T)
    return f


def _equilibrium(E: float, T: float) -> float:
    return float(np.tanh(E / (2 * T))) if T else 1.0
