"""The self-consistent vector potential where nothing depends on z and the field is along z: currents screen the field.

Per length along z the functional is that of the Usadel equation and the energy of the field,

    E[Delta, G; A] = F[Delta, G; A] + (1/2 mu0) Int (curl A - H)^2 dA,

stationary in A too: curl curl A = mu0 j with curl A = H at the outer edge, j = -dF/dA. A hole holds a uniform field of
its own. The unknowns are the edge integrals of A (`jusadel.whitney`) next to the pair potential, and Newton's method
takes both together with the exact linear response of G, as the gap equation does alone. Its preconditioner leaves G as
it is: w a for Delta and curl curl/mu0 + d2F/dA2, London's equation, for A. A gauge transformation leads from any
solution to others of the same fields: MINRES does not mind, since the residual has no part along it.

In a dirty superconductor F = 4 pi nu D T Sum_{omega>0} sin^2(theta) Int A^2, so that j = -A/(mu0 lambda^2) with

    1/(mu0 lambda^2) = 8 pi nu D T Sum_{omega>0} Delta^2/(omega^2 + Delta^2) = 2 pi nu D Delta tanh(Delta/2T).
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as sla

from jusadel import gap
from jusadel.device import Device
from jusadel.discrete import Cells, DiscreteAction, centroid_action
from jusadel.equilibrium import SELF_CONSISTENT, refuse_bad_input, reporter
from jusadel.guess import first_guess
from jusadel.lifted import TWO_B_R3, links_of_cells
from jusadel.linear import LinearSolver
from jusadel.material import is_number
from jusadel.matsubara import GAP_RATIO
from jusadel.nambu import R, frame_to_green, inverse
from jusadel.newton import NewtonResult
from jusadel.observables import free_energy
from jusadel.pair_potential import at_vertices
from jusadel.problem import Problem, pose, refuse_uncertified
from jusadel.solution import Solution, SolveError, UnstableStateWarning
from jusadel.solve_input import default_pair_potential, starting_frames, warn_where_longer
from jusadel.whitney import EdgeSpace, WhitneyField, edge_space, field_of_currents

Array = jax.Array

MAX_STEPS, MAX_KRYLOV = 40, 400
CAP = 1.0
"""Of the change in a step of twice the line integrals from a centroid to the corners, which are phases."""
WORTH_MENTIONING = 0.01
"""Of the applied field: currents whose own field is smaller need no self-consistent one."""
FLOOR = 1e-4
"""Of the mean London term, added to it in the preconditioner, so that normal metals do not make it singular."""


@dataclass(frozen=True, kw_only=True, repr=False)
class ScreenedSolution(Solution):
    """A Solution in the field that its own currents screen; `device.vector_potential` is the one found.

    Its stats have "screening_residual", "screening_steps" and "screening_responses"; "gap_eigenvalue" is the smallest
    of the energy's second derivative with respect to Delta and A together, relative to that at fixed G.

    Attributes:
        applied_field: H along z, the field at the outer edge [1/length^2].
        permeability: mu0.
        magnetic_field: B in each triangle, (m,).
        hole_fields: B in each hole, (holes,).
        edges: Int A.dl along `mesh.edges`, from the smaller node to the larger, (e,).
        areas: of the triangles and the holes, (m + holes,).
    """

    applied_field: float
    permeability: float
    magnetic_field: np.ndarray
    hole_fields: np.ndarray
    edges: np.ndarray = field(repr=False)
    areas: np.ndarray = field(repr=False)

    @property
    def magnetic_energy(self) -> float:
        """(1/2 mu0) Int (B - H)^2 dA, holes included."""
        return float(self.areas @ (self._all_fields - self.applied_field) ** 2) / (2 * self.permeability)

    @property
    def gibbs_energy(self) -> float:
        """What is stationary: free and magnetic energy, less those of the normal state in the field H."""
        return float(free_energy(self)) + self.magnetic_energy

    @property
    def magnetic_moment(self) -> float:
        """Int (B - H) dA/mu0 per length along z, holes included: negative where the field is kept out."""
        return float(self.areas @ (self._all_fields - self.applied_field)) / self.permeability

    @property
    def _all_fields(self) -> np.ndarray:
        return np.concatenate([self.magnetic_field, self.hole_fields])


def solve_screened(
    device: Device,
    T: float,
    H: float,
    permeability: float,
    pair_potential: Any = SELF_CONSISTENT,
    frequencies: Any = None,
    tol: float = 1e-9,
    start: Any = None,
    linear_solver: LinearSolver | None = None,
    accuracy: float = 1e-4,
    gap_tol: float = 1e-8,
    progress: bool | Callable[[str], None] = False,
) -> ScreenedSolution:
    """Solve the Usadel equation together with Maxwell's, for a sample that is infinite along z in a field along z.

    Args:
        device: the Device; its vector potential is where the search starts, none being the field-free state. Seams
            keep the phases they were given; no net current flows through them.
        T: temperature > 0 [energy].
        H: the field outside, along z, in units where the flux quantum is pi [1/length^2].
        permeability: mu0 in the units of the other numbers, which sets the penetration depth of a dirty bulk
            superconductor, 1/lambda^2 = 2 pi mu0 nu D Delta tanh(Delta/2T).
        pair_potential: "self-consistent", or a given one as in `solve`. The phase of a given one only chooses the
            gauge: A is found such that no current is fed in.
        start: as in `solve`; a ScreenedSolution also gives the vector potential to start from.
        gap_tol: largest residual: of the gap equation relative to the bulk gap; of the field relative to the largest
            field; and of A along the mesh's links, as a phase.
        frequencies, tol, linear_solver, accuracy, progress: as in `solve`.

    Raises:
        SolveError: as in `solve`, or the field did not converge.
        ValueError: superconducting electrodes, since a current through them changes the field outside; permeability
            <= 0; H no number; and what `solve` refuses.
    """
    refuse_bad_input(device, tol)
    _check(device, H, permeability)
    began = time.perf_counter()
    if isinstance(start, ScreenedSolution):
        device = replace(device, vector_potential=start.device.vector_potential)
    consistent = isinstance(pair_potential, str) and pair_potential == SELF_CONSISTENT
    if consistent:
        Delta, start = first_guess(device, T, start)
    else:
        Delta = at_vertices(device, default_pair_potential(device, pair_potential))
    problem = pose(
        device,
        T,
        Delta,
        frequencies=frequencies,
        accuracy=accuracy,
        tol=tol,
        linear_solver=linear_solver,
        progress=reporter(progress),
        unknown=("A", "Delta") if consistent else ("A",),
    )
    where = gap.sites(device, T, problem.omega, problem.weights) if consistent else None
    model = Model(edge_space(device), where, float(H), float(permeability))
    first = _first(model, problem, Delta, starting_frames(device, problem.system, start))
    found, stats = _converged(model, first, gap_tol)
    found, named = _classified(model, found)
    depths = penetration_depths(found.problem, found.metric.london, permeability)
    warn_where_longer(device, "penetration depth", depths, stacklevel=3)
    return _solution(model, found, Delta, time.perf_counter() - began, stats | named)


def self_field(sol: Solution, permeability: float) -> np.ndarray:
    """The field that the currents of a solution make themselves, where nothing depends on z: is a given field enough?

    curl B = mu0 j, with the field outside zero; where currents run in and out through electrodes or round a periodic
    device, the outer edges between them have different fields, of which the mean is zero.

    Args:
        sol: the Solution.
        permeability: mu0, as in `solve_screened`.

    Returns:
        B along z in each triangle, (m,) [1/length^2].

    Warns:
        UserWarning: it exceeds 1 % of the largest applied field or, where there is none, of the field of one flux
            quantum in the area of the device.
    """
    if not is_number(permeability) or permeability <= 0:
        raise ValueError(f"permeability = {permeability!r}; expected a finite number > 0")
    device, weights = sol.device, jnp.asarray(np.pi * sol.T * sol.weights)
    model = Model(edge_space(device), None, 0.0, float(permeability))
    forces = _forces_and_london(sol.system, sol.all_G, weights)[0]
    B = field_of_currents(device, model.space, -permeability * model.from_links(forces))[: len(sol.mesh.triangles)]
    applied = np.abs(np.asarray(device.magnetic_field())).max()
    largest = applied if applied > 0 else np.pi / float(np.sum(sol.mesh.areas))
    if np.abs(B).max() > WORTH_MENTIONING * largest:
        what = "applied field" if applied > 0 else "field of one flux quantum in the device"
        warnings.warn(
            f"the currents' own field reaches {np.abs(B).max():.3g}, {100 * np.abs(B).max() / largest:.2g} % of the "
            f"{what}: find it together with them (solve_screened)",
            stacklevel=2,
        )
    return B


def _check(device: Device, H: Any, permeability: Any) -> None:
    if not is_number(H):
        raise ValueError(f"H = {H!r}; expected a finite number, the field along z outside the sample")
    if not is_number(permeability) or permeability <= 0:
        raise ValueError(f"permeability = {permeability!r}; expected a finite number > 0")
    leads = [name for name, r in device.electrodes().items() if float(r.Delta) > 0]
    if leads:
        raise ValueError(
            f"electrodes {leads} are superconducting: a current through them makes the field outside differ from one "
            "side to the other; make them regions of the mesh"
        )


# --- the model and its states ------------------------------------------------------------------------


@dataclass(frozen=True)
class Model:
    """What stays the same while Delta and A change. Vectors z are Re Delta, Im Delta (K,) each, then the edges (x,)."""

    space: EdgeSpace
    where: gap.Sites | None  # None where Delta is given
    H: float
    permeability: float

    @property
    def sites(self) -> int:
        """The number K of sites with an unknown pair potential."""
        return 0 if self.where is None else len(self.where.nodes)

    def split(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Delta (K,) complex and the edges' part (x,)."""
        K = self.sites
        return z[:K] + 1j * z[K : 2 * K], z[2 * K :]

    def joined(self, Delta: np.ndarray, x: np.ndarray) -> np.ndarray:
        """The inverse of `split`."""
        return np.concatenate([Delta.real, Delta.imag, x])

    def links(self, x: np.ndarray) -> np.ndarray:
        """The change (c, 3) of the line integrals with the independent edges' (x,)."""
        return (self.space.to_corners @ (self.space.independent @ x)).reshape(-1, 3)

    def from_links(self, values: Any) -> np.ndarray:
        """The transpose of `links`."""
        return self.space.independent.T @ (self.space.to_corners.T @ np.asarray(values).ravel())

    def curl(self, x: np.ndarray) -> np.ndarray:
        """The change of B in triangles and holes."""
        return self.space.curl @ (self.space.independent @ x)

    def field_force(self, B: np.ndarray) -> np.ndarray:
        """The transpose of `curl` of B areas/mu0, (x,)."""
        return self.space.independent.T @ (self.space.curl.T @ (self.space.areas * B / self.permeability))


class State(NamedTuple):
    """Delta and A with their G, the gradient of the energy, and how far it is from zero."""

    problem: Problem
    newton: NewtonResult
    z: np.ndarray
    gradient: np.ndarray
    metric: Metric
    errors: tuple[float, float, float]  # of the gap, the field and the links

    @property
    def error(self) -> float:
        """The largest."""
        return max(self.errors)


class Metric:
    """The preconditioner: the second derivative of the energy with G as it is, Delta and A each for itself."""

    def __init__(self, model: Model, london: np.ndarray) -> None:
        space = model.space
        self.london = london
        count = len(london)
        blocks = sp.bsr_matrix((_positive(london), np.arange(count), np.arange(count + 1)))
        onto_links = space.to_corners @ space.independent
        curl = space.curl @ space.independent
        matrix = onto_links.T @ blocks @ onto_links + curl.T @ sp.diags(space.areas / model.permeability) @ curl
        self._solve = sla.splu(matrix.tocsc(), permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True}).solve
        where = model.where
        self._sites = np.zeros(0) if where is None else np.tile(2 * where.weight * where.a, 2)

    def solve(self, gradient: np.ndarray) -> np.ndarray:
        """The step that belongs to a gradient."""
        K = len(self._sites)
        return np.concatenate([gradient[:K] / self._sites, self._solve(gradient[K:])])


def _positive(london: np.ndarray) -> np.ndarray:
    """Matrices (c, 3, 3) with their eigenvalues' moduli and a floor, which only differences of corners feel."""
    values, vectors = np.linalg.eigh(london)
    differences = np.eye(3) - 1 / 3
    typical = np.abs(np.trace(london, axis1=1, axis2=2)).mean()
    floor = FLOOR * (typical if typical > 0 else 1.0)
    return np.einsum("tik,tk,tjk->tij", vectors, np.abs(values), vectors) + floor * differences


def _first(model: Model, problem: Problem, Delta: Array, start: Callable[[np.ndarray], np.ndarray]) -> State:
    mesh = model.space.mesh
    ends = np.asarray(mesh.points)[mesh.edges]
    a = np.asarray(problem.device.integrate_A(ends[:, :1], ends[:, 1:]))[:, 0]
    own = np.zeros(0, complex) if model.where is None else model.where.from_vertices(Delta)
    return _state(model, problem, model.joined(own, model.space.chosen(a)), start)


def _state(model: Model, problem: Problem, z: np.ndarray, start: Callable[[np.ndarray], np.ndarray]) -> State:
    Delta, x = model.split(z)
    where, edges = model.where, model.space.edges(x)
    posed = problem.with_line_A(jnp.asarray(model.space.line_A(edges)))
    if where is not None:
        posed = posed.with_pairing(jnp.asarray(where.on_nodes(Delta, len(problem.system.free))))
    result = posed.newton(start)
    refuse_uncertified(posed, result, forced=False)
    V, weights = jnp.asarray(result.V), jnp.asarray(np.pi * posed.T * posed.weights)
    B = model.space.curl @ edges
    forces, london = (np.asarray(x) for x in _forces_and_london(posed.system, frame_to_green(V), weights))
    force = model.from_links(forces) + model.field_force(B - model.H)
    r = np.zeros(0, complex) if where is None else _gap_residual(posed, where, V, Delta)
    metric = Metric(model, london)
    gradient = model.joined(2 * r, force)
    of_gap = 0.0 if where is None else np.abs(r / (where.weight * where.a)).max() / (GAP_RATIO * where.Tc.max())
    step = model.split(metric.solve(gradient))[1]
    largest = max(np.abs(B).max(), abs(model.H), 1e-3 * np.pi / model.space.areas.sum())
    errors = (float(of_gap), float(np.abs(model.curl(step)).max() / largest), _turn(model, step))
    return State(posed, result, z, gradient, metric, errors)


def _turn(model: Model, x: np.ndarray) -> float:
    """The largest phase by which a change of A turns a corner's pairs."""
    return float(2 * np.abs(model.links(x)).max())


def _gap_residual(problem: Problem, where: gap.Sites, V: Array, Delta: np.ndarray) -> np.ndarray:
    f = np.asarray(gap.amplitudes(V, jnp.asarray(problem.weights)))[where.nodes]
    return where.weight * (where.a * Delta - 2 * np.pi * problem.T * (f[:, 0] + 1j * f[:, 1]))


def penetration_depths(problem: Problem | Solution, london: np.ndarray, permeability: float) -> np.ndarray:
    """London's penetration depth at each triangle, (m,), along the direction in which it is shortest."""
    m, cells = len(problem.device.mesh.triangles), problem.system.cells
    offsets, area = np.asarray(cells.offsets)[:m], np.asarray(cells.area)[:m]
    stiffness = np.einsum("tik,tij,tjl->tkl", offsets, london[:m], offsets) / area[:, None, None]
    with np.errstate(divide="ignore"):
        return 1 / np.sqrt(permeability * np.maximum(np.linalg.eigvalsh(stiffness)[:, -1], 0))


# --- derivatives with respect to the links --------------------------------------------------------------


def _force(system: DiscreteAction, C: Array, cell: Cells) -> Array:
    """dS/dline_A (3,) of a cell from its carried matrices C = exp(-line_A R3) G exp(line_A R3)."""
    slope = jax.grad(lambda c: centroid_action(system, c, cell))(C)
    return jnp.sum(slope * _turning(C), axis=(1, 2))


def _turning(C: Array) -> Array:
    """The derivative of carried matrices with respect to their own line integral."""
    R3 = jnp.asarray(R[2])
    return C @ R3 - R3 @ C


@jax.jit
def _forces_and_london(system: DiscreteAction, G: Array, weights: Array) -> tuple[Array, Array]:
    """dF/dline_A, (c, 3), and d2F/dline_A2 with G as it is, (c, 3, 3)."""
    there, back = links_of_cells(system.cells)
    force = partial(_force, system)

    def of_cell(C: Array, cell: Cells) -> tuple[Array, Array]:
        turned = lambda s: force(C + s[:, None, None] * _turning(C), cell)  # noqa: E731
        value, along = jax.linearize(turned, jnp.zeros(3))
        return value, jax.vmap(along, out_axes=1)(jnp.eye(3))

    def add(total: Any, x: tuple[Array, Array]) -> tuple[Any, None]:
        C = there @ x[0][system.triangles] @ back
        return jax.tree.map(lambda t, new: t + x[1] * new, total, jax.vmap(of_cell)(C, system.cells)), None

    count = len(system.cells.area)
    return jax.lax.scan(add, (jnp.zeros((count, 3)), jnp.zeros((count, 3, 3))), (G, weights))[0]


@jax.jit
def _couplings(system: DiscreteAction, V: Array) -> Array:
    """d2S/dline_A du, (b, c, 3, 3, 8): line integral, corner, step."""
    there, back = links_of_cells(system.cells)
    B = jnp.moveaxis(jnp.asarray(TWO_B_R3), -1, 0)

    def of_cell(C: Array, X: Array, cell: Cells) -> Array:
        moved = lambda u: _force(system, C + jnp.einsum("ia,iajk->ijk", u, X), cell)  # noqa: E731
        return jax.jacfwd(moved)(jnp.zeros((3, 8)))

    def one(v: Array) -> Array:
        tangents = jnp.einsum("nij,ajk,nkl->nail", v, B, inverse(v))
        C, X = frame_to_green(v)[system.triangles], tangents[system.triangles]
        C, X = there @ C @ back, there[:, :, None] @ X @ back[:, :, None]
        return jax.vmap(of_cell)(C, X, system.cells)

    return jax.lax.map(one, V)


@jax.jit
def _pushed(c: Array, line_A: Array, triangles: Array, zero: Array) -> Array:
    """The gradient with respect to the steps (b, N, 8) of a change of line_A (c, 3)."""
    one = lambda k: zero.at[triangles].add(jnp.einsum("mlia,ml->mia", k, line_A))  # noqa: E731
    return jax.lax.map(one, c)


@jax.jit
def _felt(c: Array, x: Array, triangles: Array, weights: Array) -> Array:
    """Sum_p w_p c.x, (c, 3)."""
    return jnp.einsum("bmlia,bmia,b->ml", c, x[:, triangles], weights)


class Response:
    """The second derivative of the energy with respect to Delta and A, G following them, as a symmetric operator."""

    def __init__(self, model: Model, state: State, tol: float = gap.RESPONSE) -> None:
        problem, V = state.problem, jnp.asarray(state.newton.V)
        self.model, self.problem, self.count = model, problem, 0
        self._triangles, self._free = problem.system.triangles, jnp.asarray(problem.system.free)[:, None]
        self._weights = jnp.asarray(np.pi * problem.T * problem.weights)
        self._london = state.metric.london
        self._couplings = _couplings(problem.system, V)
        self._of_gap = None if model.where is None else gap.couplings(V)
        self._solve = problem.solver.response(problem.prepared, state.newton.V, problem.omega, tol)

    def __call__(self, z: np.ndarray) -> np.ndarray:
        """The change of the gradient with z."""
        self.count += 1
        model = self.model
        Delta, x = model.split(z)
        links, where = model.links(x), model.where
        rhs = _pushed(self._couplings, jnp.asarray(links), self._triangles, jnp.zeros((len(self._free), 8)))
        if where is not None:
            rhs = rhs + gap.pushed(self._of_gap, jnp.asarray(where.on_nodes(Delta, len(self._free))))
        y = jnp.asarray(self._solve(rhs * self._free))
        followed = np.asarray(_felt(self._couplings, y, self._triangles, self._weights))
        force = model.from_links(np.einsum("mlk,mk->ml", self._london, links) - followed)
        r = np.zeros(0, complex)
        if where is not None:
            df = 2 * np.asarray(gap.felt(self._of_gap, y, self._weights))[where.nodes]
            r = where.weight * (where.a * Delta - df[:, 0] - 1j * df[:, 1])
        return model.joined(2 * r, force + model.field_force(model.curl(x)))

    def solve(self, gradient: np.ndarray, metric: Metric, tol: float) -> np.ndarray:
        """The step z at which the gradient changes by this, by preconditioned MINRES."""
        precondition = self._operator(len(gradient), metric.solve)
        return sla.minres(self._operator(len(gradient), self), gradient, M=precondition, rtol=tol, maxiter=MAX_KRYLOV)[
            0
        ]

    def smallest(self, metric: Metric) -> float:
        """The smallest eigenvalue relative to the metric: zero where only the gauge is free."""
        n = 2 * self.model.sites + self.model.space.independent.shape[1]
        start = self(np.random.default_rng(0).normal(size=n))  # without the gauge's many zeros
        return gap.smallest_eigenvalue(self._operator(n, self), start, gap.EIGENVALUE, metric.solve)[0]

    @staticmethod
    def _operator(n: int, product: Callable[[np.ndarray], np.ndarray]) -> sla.LinearOperator:
        return sla.LinearOperator((n, n), matvec=lambda z: product(np.ravel(z)), dtype=float)


# --- Newton's method -----------------------------------------------------------------------------------


def _converged(model: Model, state: State, tol: float) -> tuple[State, dict[str, Any]]:
    responses = 0
    for step in range(MAX_STEPS + 1):
        if state.problem.progress:
            of_gap, of_field, of_links = state.errors
            state.problem.progress(
                f"screening: step {step}, residuals {of_gap:.1e} (gap), {of_field:.1e} (field), {of_links:.1e} (links)"
            )
        if state.error < tol:
            break
        if step == MAX_STEPS:
            raise SolveError(
                f"gap equation and field did not converge in {MAX_STEPS} steps: residual {state.error:.1e}, wanted "
                f"{tol:.0e}; start from a nearby solution (start=...), or refine the mesh"
            )
        response = Response(model, state)
        change = response.solve(-state.gradient, state.metric, min(1e-2, max(gap.RESPONSE, state.error)))
        responses += response.count
        state = _improved(model, state, change)
    return state, {"screening_residual": state.error, "screening_steps": step, "screening_responses": responses}


def _improved(model: Model, state: State, change: np.ndarray) -> State:
    again = lambda z: _state(model, state.problem, z, lambda omega: state.newton.V)  # noqa: E731
    change = change * _fraction(model, state, change)
    for fraction in (1.0, 0.5, 0.25):
        new = again(state.z + fraction * change)
        if new.error < state.error:
            return new
    change = -state.metric.solve(state.gradient)
    return again(state.z + 0.5 * _fraction(model, state, change) * change)


def _fraction(model: Model, state: State, change: np.ndarray) -> float:
    """What is left of a step when neither Delta nor A may change too much."""
    dDelta, dx = model.split(change)
    allowed = [1.0, CAP / max(_turn(model, dx), 1e-300)]
    if model.where is not None:
        Delta = model.split(state.z)[0]
        longest = gap.CAP * max(np.abs(Delta).max(), 0.1 * model.where.Tc.max())
        allowed.append(longest / max(np.abs(dDelta).max(), 1e-300))
    return min(allowed)


def _classified(model: Model, state: State) -> tuple[State, dict[str, Any]]:
    """The state with its name and smallest eigenvalue; a vanishing pair potential is set to zero."""
    where, name = model.where, "superconducting"
    Delta, x = model.split(state.z)
    if where is None:
        return state, {}
    if np.abs(Delta).max() < gap.SMALLEST * where.Tc.max():
        normal = np.broadcast_to(np.eye(4), state.newton.V.shape)
        state, name = _state(model, state.problem, model.joined(0 * Delta, x), lambda omega: normal), "normal"
    eigenvalue = Response(model, state).smallest(state.metric)
    if eigenvalue < gap.UNSTABLE:
        name = "unstable"
        warnings.warn(
            f"pair potential and field are stationary but not stable: the energy's second derivative has the "
            f"eigenvalue {eigenvalue:.3g}; another start (start=...) leads to a lower state",
            UnstableStateWarning,
            stacklevel=3,
        )
    return state, {"state": name, "gap_residual": state.errors[0], "gap_eigenvalue": eigenvalue}


def _solution(model: Model, state: State, Delta: Array, seconds: float, stats: dict[str, Any]) -> ScreenedSolution:
    own, x = model.split(state.z)
    edges, m = model.space.edges(x), len(model.space.mesh.triangles)
    if model.where is not None:
        Delta = jnp.asarray(model.where.on_vertices(own))
        stats["gap_steps"] = stats["screening_steps"]
    device = replace(state.problem.device, vector_potential=WhitneyField(model.space.mesh, edges))
    sol = replace(state.problem, device=device).solution(state.newton, Delta, seconds, **stats)
    B = model.space.curl @ edges
    return ScreenedSolution(
        **{f.name: getattr(sol, f.name) for f in fields(Solution)},
        applied_field=model.H,
        permeability=model.permeability,
        magnetic_field=B[:m],
        hole_fields=B[m:],
        edges=edges,
        areas=model.space.areas,
    )
