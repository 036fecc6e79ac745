"""Whether a state in the field of its own currents is a minimum: the sign of the energy's smallest second derivative.

Second derivatives are taken in what is free once electrodes hold their phases (`leads`), at stationary G: `response`.
Newton's method needs them symmetric, not positive, and finds saddles too: a wide junction of one phase, half a turn, is
one where its own field penetrates it, and so is every second state of a junction with fluxons.

Eigenvalues are relative to what the preconditioner is the inverse of. Changes of gauge, which cost nothing, are left
out. At a given pair potential they cost something: G follows A as far as pairs may turn away from the phase that is
given. As two springs in a row the energy m of that adds N m^-1 N^T to the preconditioner, N being the changes of gauge,
and per node with the weight w, from f = Delta/sqrt(omega^2 + |Delta|^2),

    m = 16 pi T w Sum_p w_p |Delta|^2/sqrt(omega_p^2 + |Delta|^2).

Without it such changes, which are many, would be the softer the finer the mesh.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as sla

from jusadel.solver import gap
from jusadel.studies.screening.edge_elements import gauge_changes, merged_nodes
from jusadel.studies.screening.model import ScreeningModel, State
from jusadel.studies.screening.response import FieldResponse

ROUND_OFF, NOTHING = 1e-13, 1e-9
"""Of the largest change of gauge, added to all; of the largest pair potential, what is none."""

Vectors = Callable[[np.ndarray], np.ndarray]


def least_curvature(model: ScreeningModel, T: float) -> float:
    """Eigenvalues below belong to a saddle."""
    return -gap.EIGENVALUE if model.where is None else gap.lowest_stable(model.where, T)


def smallest_curvature(model: ScreeningModel, state: State, response: FieldResponse) -> float:
    """The smallest eigenvalue of the energy's second derivative as far as its sign is known (`gap.curvature`)."""
    free, bound, stiffness = _gauges(model, state)
    without = without_part_along(sp.csr_matrix(sp.hstack([free, _padded(model, model.space.idle)])))

    def inverse(r: np.ndarray) -> np.ndarray:
        r = without(r)
        return state.metric.solve(r) + bound @ (bound.T @ r / stiffness)

    n = len(state.z)
    operator = sla.LinearOperator((n, n), matvec=lambda z: without(response(np.ravel(z))), dtype=float)
    start = without(_random(model, inverse))
    return gap.curvature(operator, start, least_curvature(model, state.problem.T), gap.EIGENVALUE, inverse)


def without_part_along(columns: sp.csr_matrix) -> Vectors:
    """What takes its part along these columns (z, k) out of a gradient (z,).

    Gradients have none along changes of gauge but round-off, which a preconditioner makes large.
    """
    used = columns[:, np.asarray(abs(columns).sum(axis=0)).ravel() > 0]
    if not used.shape[1]:
        return lambda r: r
    products = (used.T @ used).tocsc()
    shift = ROUND_OFF * products.diagonal().max()  # a constant turns nothing where no pair potential is unknown
    factors = sla.splu(products + shift * sp.eye_array(used.shape[1], format="csc"))
    return lambda r: r - used @ factors.solve(used.T @ r)


def _gauges(model: ScreeningModel, state: State) -> tuple[sp.csr_matrix, sp.csr_matrix, np.ndarray]:
    """Changes of gauge that cost nothing, those that turn a given pair potential, and what these cost."""
    changes = gauge_changes(state.problem.device, model.space, model.where, model.split(state.z)[0])
    stiffness = np.zeros(changes.shape[1]) if model.where is not None else _held_by_pairs(state)
    bound = stiffness > NOTHING**2 * stiffness.max()
    return changes[:, ~bound], changes[:, bound], stiffness[bound]


def _held_by_pairs(state: State) -> np.ndarray:
    """m of each node, of nodes that are one another's copies once."""
    problem, label = state.problem, merged_nodes(state.problem.device)
    nodes = problem.system.nodes
    weight = np.bincount(label, np.asarray(nodes.weight)[: len(label)])
    Delta = np.bincount(label, np.linalg.norm(np.asarray(nodes.fields["Delta"])[: len(label)], axis=1)) / weight
    f = problem.weights @ (Delta / np.sqrt(problem.omega[:, None] ** 2 + Delta**2))
    return 16 * np.pi * problem.T * weight * Delta * f


def _padded(model: ScreeningModel, of_field: sp.csr_matrix) -> sp.csr_matrix:
    """Changes (x, k) of the unknowns of A as those of all, (z, k)."""
    return sp.csr_matrix(sp.vstack([sp.csr_matrix((2 * model.sites, of_field.shape[1])), of_field]))


def _random(model: ScreeningModel, inverse: Vectors) -> np.ndarray:
    """A random gradient, of whose steps those of each kind of unknowns are as large."""
    random, kinds = np.random.default_rng(0), (2 * model.sites, *model.space.kinds)
    start = np.zeros(sum(kinds))
    for i, j in pairwise(np.cumsum((0, *kinds))):
        own = np.zeros(len(start))
        own[i:j] = random.normal(size=j - i)
        start += own / max(float(np.sqrt(own @ inverse(own))), 1e-300)
    return start
