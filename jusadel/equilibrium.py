"""solve(): the Matsubara Green's functions of a device in equilibrium, all frequencies, certified."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jusadel import matsubara
from jusadel.action import Term
from jusadel.device import Device
from jusadel.discrete import DiscreteAction, discretise, to_nodes
from jusadel.homogeneous import bulk_value
from jusadel.linear import LinearSolver, SuperLU
from jusadel.mesh import Mesh
from jusadel.nambu import R, bcs, frame_to_green, green_to_frame
from jusadel.newton import NewtonResult, solve_frequencies
from jusadel.pair_potential import at_vertices

Array = jax.Array
logger = logging.getLogger("jusadel")

INERTIA_LIMIT = 20_000
"""Nodes up to which the normal state's inertia is checked before solving."""


class SolveError(RuntimeError):
    """The solver did not reach a certified solution; the message says where and what to do."""


class StabilityError(ValueError):
    """The material tensors leave the domain in which the normal state is stable."""


class CoarseMeshWarning(UserWarning):
    """The mesh is coarser than the shortest physical length."""


@dataclass(frozen=True, kw_only=True)
class Solution:
    """Green's functions of a device in equilibrium and how they were found.

    Attributes:
        device: the Device; `mesh` is the mesh that was solved on.
        T: temperature [energy].
        omega, weights: frequencies and weights, (n_w,); every sum is T Sum_p w_p F(omega_p).
        G: (n_w, n, 4, 4) real in the quaternion basis; `to_nambu(sol.G)` gives the usual g.
        Delta: nodal pair potential, (n,) complex.
        converged, stable: per frequency, (n_w,): residual below tol; positivity at every node.
        margin: smallest eigenvalue of the Hermitian part of g tau3 over the nodes, (n_w,).
        stats: Newton steps, residuals, inertia, ladder rungs, seconds, name of the linear solver.
    """

    device: Device
    T: float
    omega: np.ndarray
    weights: np.ndarray
    G: Array
    Delta: Array
    converged: np.ndarray
    stable: np.ndarray
    margin: np.ndarray
    stats: dict[str, Any]
    vertex_Delta: Array = field(repr=False)  # (m, 3), may jump between regions
    system: DiscreteAction = field(repr=False)

    @property
    def mesh(self) -> Mesh:
        """The mesh that was solved on."""
        return self.device.mesh

    def __repr__(self) -> str:
        steps, seconds = self.stats["steps"], self.stats["seconds"]
        good = int((self.converged & self.stable).sum())
        return (
            f"Solution: {len(self.Delta)} nodes, {len(self.omega)} frequencies "
            f"({self.omega.min():.3g} to {self.omega.max():.3g}), T = {self.T:g}\n"
            f"  {good} of {len(self.omega)} certified, positivity margin {self.margin.min():.3g}, "
            f"residual {self.stats['residual'].max():.1e}\n"
            f"  {steps.min()} to {steps.max()} Newton steps, {int((self.stats['ladder'] > 0).sum())} by ladder, "
            f"{self.stats['linear_solver']}, {seconds:.1f} s"
        )


def solve(
    device: Device,
    T: float,
    pair_potential: Any = None,
    frequencies: Any = None,
    tol: float = 1e-9,
    start: Any = None,
    linear_solver: LinearSolver | None = None,
    throw: bool = True,
    accuracy: float = 1e-4,
    progress: bool | Callable[[str], None] = False,
) -> Solution:
    """Solve the nonlinear Usadel equation at given pair potential for all Matsubara frequencies.

    Args:
        device: mesh, materials, boundaries, vector potential.
        T: temperature > 0 [energy].
        pair_potential: `ju.vortex(...)`, a number, an array (n,), a function of points, or a dict by region;
            may be left out where every Tc is 0.
        frequencies: None (Gaussian quadrature with as many nodes as `accuracy` needs), the number of
            quadrature nodes, or (omega, weights) such as `matsubara.plain_sum(T, n)`.
        tol: relative norm of the residual, per frequency.
        start: None (the normal state, with the frequency ladder as fallback), a Solution on the same mesh
            (warm start, same fallback), "bulk" (local bulk value) or frames given as G (n_w, n, 4, 4):
            the last two are followed wherever they lead, without fallback.
        linear_solver: default SuperLU.
        throw: raise where a frequency is not certified; otherwise look at `sol.converged`, `sol.stable`.
        accuracy: relative accuracy of the frequency sums when `frequencies` is None.
        progress: True for lines of text on the "jusadel" logger and stderr, or a function of a line.

    Raises:
        SolveError: a frequency did not converge, or converged to an unphysical stationary point.
        StabilityError: the normal state is not stable against the material's tensors.
        ValueError: T <= 0, NaN, wrong shapes, missing pair potential.
    """
    if not jax.config.read("jax_enable_x64"):
        raise SolveError(
            "double precision is off (jax_enable_x64 is False): unset JUSADEL_NO_X64, or call "
            'jax.config.update("jax_enable_x64", True) before solving'
        )
    began, say = time.perf_counter(), _reporter(progress)
    Delta = at_vertices(device, _default_pair_potential(device, pair_potential))
    omega, weights = _frequencies(device, T, Delta, frequencies, accuracy)
    system = discretise(device, Delta)
    warn_if_coarse(device, Delta)
    solver = SuperLU() if linear_solver is None else linear_solver
    _refuse_unstable_tensors(system, float(omega.min()), solver)
    result = solve_frequencies(
        system,
        omega,
        _starting_frames(device, system, start),
        solver,
        boundary=lambda V, w: _with_reservoirs(device, V, w),
        ladder=start is None or isinstance(start, Solution),
        tol=tol,
        progress=say,
    )
    solution = _solution(device, T, omega, weights, Delta, system, result, solver, time.perf_counter() - began)
    if throw:
        _raise_unless_certified(solution, result, tol, forced=start is not None)
    return solution


# --- what goes in --------------------------------------------------------------------------------


def _reporter(progress: bool | Callable[[str], None]) -> Callable[[str], None] | None:
    if callable(progress):
        return progress
    if not progress:
        return None
    if not logger.handlers:
        logger.addHandler(logging.StreamHandler())
        logger.setLevel(logging.INFO)
    return logger.info


def _default_pair_potential(device: Device, pair_potential: Any) -> Any:
    if pair_potential is not None:
        return pair_potential
    superconducting = [
        name
        for name, m in device.materials.items()  # type: ignore[union-attr]
        if callable(m.Tc) or np.any(np.asarray(m.Tc) > 0)
    ]
    if superconducting:
        raise ValueError(
            f"regions {superconducting} have Tc > 0 but no pair_potential was given; pass one (a number, an array, "
            "a function, a dict by region, ju.vortex), or set Tc = 0 for a normal metal"
        )
    return 0.0


def _frequencies(
    device: Device, T: float, Delta: Array, frequencies: Any, accuracy: float
) -> tuple[np.ndarray, np.ndarray]:
    if np.ndim(T) or not np.isfinite(T) or T <= 0:
        raise ValueError(f"T = {T}; expected a finite temperature > 0, in the units of Delta (k_B = 1)")
    if frequencies is None:
        return matsubara.quadrature(T, matsubara.enough_frequencies(T, _largest_energy(device, Delta), accuracy))
    if np.ndim(frequencies) == 0:
        return matsubara.quadrature(T, int(frequencies))
    omega, weights = (np.atleast_1d(np.asarray(x, float)) for x in frequencies)
    if omega.shape != weights.shape or omega.ndim != 1 or not np.all(omega > 0) or not np.isfinite(weights).all():
        raise ValueError(
            f"frequencies = (omega, weights) with shapes {omega.shape} and {weights.shape}; expected two arrays "
            "(n_w,) with omega > 0 and finite weights"
        )
    return omega, weights


def _largest_energy(device: Device, Delta: Array) -> float:
    """The scale above which G is close to normal: pairing, exchange, and an eighth of the spin relaxation."""
    h = np.linalg.norm(np.asarray(device.vertex_field("h")), axis=-1).max()
    Gamma = np.abs(np.asarray(device.vertex_field("Gamma"))).max()
    electrodes = [float(r.Delta) for r in device.reservoirs().values()]
    return float(max(np.abs(np.asarray(Delta)).max(), h, *electrodes, 0.0) + Gamma / 8)


def physical_lengths(device: Device, Delta: Array) -> dict[str, np.ndarray]:
    """The lengths over which G varies, per triangle (m,), inf where the term is absent.

    sqrt(D/2 Delta), sqrt(D/2 h), sqrt(D/Gamma) (relaxation and decay) and 1/(2|a|) (spin precession).
    """
    D = np.trace(np.asarray(device.centroid_field("D")), axis1=-2, axis2=-1) / 2
    largest = lambda x, axes: np.sqrt((np.asarray(x) ** 2).sum(axis=axes))  # noqa: E731
    h = largest(device.vertex_field("h"), -1).max(axis=-1)
    Gamma = np.linalg.eigvalsh(np.asarray(device.centroid_field("Gamma")))[:, -1]
    a = largest(device.centroid_field("spin_field"), (-1, -2))
    with np.errstate(divide="ignore"):
        return {
            "coherence length sqrt(D/2 Delta)": np.sqrt(D / (2 * np.abs(np.asarray(Delta)).max(axis=-1))),
            "exchange length sqrt(D/2h)": np.sqrt(D / (2 * h)),
            "spin relaxation length sqrt(D/Gamma)": np.sqrt(D / np.maximum(Gamma, 0)),
            "spin precession length 1/2|a|": 1 / (2 * a),
        }


def warn_if_coarse(device: Device, Delta: Array) -> None:
    """Warn where triangles are longer than the shortest physical length."""
    mesh = device.mesh
    points = np.asarray(mesh.points)[mesh.triangles]
    longest = np.linalg.norm(points - np.roll(points, 1, axis=1), axis=-1).max(axis=1)
    for name, length in physical_lengths(device, Delta).items():
        ratio = longest / length
        if ratio.max() > 1:
            k = int(np.argmax(ratio))
            warnings.warn(
                f"the mesh is too coarse: {int((ratio > 1).sum())} of {len(ratio)} triangles are longer than the "
                f"{name}; worst edge {longest[k]:.3g} against {length[k]:.3g} near "
                f"{points[k].mean(axis=0).round(3).tolist()}; use a mesh with size <= {length.min():.3g} there",
                CoarseMeshWarning,
                stacklevel=3,
            )


def _with_reservoirs(device: Device, V: np.ndarray, omega: np.ndarray) -> np.ndarray:
    """Frames (b, n, 4, 4) with the reservoirs' bulk values at their nodes."""
    V = np.array(V)
    for name, reservoir in device.reservoirs().items():
        nodes = device.mesh.boundary_nodes(name)
        G = bulk_value(omega, reservoir.Delta, reservoir.h, reservoir.Gamma)  # (b, 4, 4) at phase 0
        half = jnp.asarray(reservoir.phase_at(jnp.asarray(device.mesh.points)[nodes]))[:, None, None] / 2
        turn, back = (jnp.cos(half) * jnp.eye(4) + s * jnp.sin(half) * R[2] for s in (1.0, -1.0))
        V[:, nodes] = np.asarray(green_to_frame(turn[None] @ G[:, None] @ back[None]))
    return V


def _starting_frames(device: Device, system: DiscreteAction, start: Any) -> Callable[[np.ndarray], np.ndarray]:
    n = len(device.mesh.points)
    if start is None:
        return lambda omega: np.broadcast_to(np.eye(4), (len(omega), n, 4, 4))
    if isinstance(start, str) and start == "bulk":
        Delta = system.nodes.fields["Delta"] / system.nodes.weight[:, None]
        local = Delta[:, 0] + 1j * Delta[:, 1]
        return lambda omega: np.asarray(green_to_frame(bcs(jnp.asarray(omega)[:, None], local[None])))
    if isinstance(start, Solution):
        return _from_solution(start, n)
    G = jnp.asarray(start, float) if not isinstance(start, str) else None
    if G is None or G.ndim != 4 or G.shape[1:] != (n, 4, 4):
        raise ValueError(
            f"start = {start if G is None else G.shape}; expected None, 'bulk', a Solution on this mesh, or G of "
            f"shape (n_w, {n}, 4, 4)"
        )
    frames = np.asarray(green_to_frame(G))

    def given(omega: np.ndarray) -> np.ndarray:
        if len(omega) != len(frames):
            raise ValueError(f"start holds {len(frames)} frequencies, but {len(omega)} are to be solved")
        return frames

    return given


def _from_solution(start: Solution, n: int) -> Callable[[np.ndarray], np.ndarray]:
    if start.G.shape[1] != n:
        raise ValueError(f"start was solved on {start.G.shape[1]} nodes, this mesh has {n}")
    order = np.argsort(start.omega)
    frames = np.asarray(green_to_frame(start.G))[order]

    def nearest(omega: np.ndarray) -> np.ndarray:
        return frames[np.argmin(np.abs(np.log(omega[:, None] / start.omega[order])), axis=1)]

    return nearest


# --- what comes out ------------------------------------------------------------------------------


def _solution(
    device: Device,
    T: float,
    omega: np.ndarray,
    weights: np.ndarray,
    Delta: Array,
    system: DiscreteAction,
    result: NewtonResult,
    solver: LinearSolver,
    seconds: float,
) -> Solution:
    shares = jnp.asarray(device.mesh.areas)[:, None] * jnp.ones((1, 3))
    n = len(device.mesh.points)
    nodal = to_nodes(device.mesh.triangles, shares * Delta, n) / to_nodes(device.mesh.triangles, shares, n)
    return Solution(
        device=device,
        T=float(T),
        omega=omega,
        weights=weights,
        G=frame_to_green(jnp.asarray(result.V)),
        Delta=nodal,
        vertex_Delta=Delta,
        converged=result.converged,
        stable=result.stable,
        margin=result.margin,
        system=system,
        stats={
            "steps": result.steps,
            "residual": result.residual,
            "inertia": result.inertia,
            "ladder": result.ladder,
            "linear_solver": solver.name,
            "seconds": seconds,
        },
    )


def _raise_unless_certified(sol: Solution, result: NewtonResult, tol: float, forced: bool) -> None:
    for k in np.nonzero(~sol.converged)[0]:
        raise SolveError(
            f"Newton stopped after {result.steps[k]} steps at omega = {sol.omega[k]:.3g} (relative residual "
            f"{result.residual[k]:.1e}, tol {tol:.0e}); {int((~sol.converged).sum())} of {len(sol.omega)} frequencies "
            "did not converge: start from a nearby solution (start=...), raise tol, or refine the mesh"
        )
    for k in np.nonzero(~sol.stable)[0]:
        remedy = "leave out start=..., so that the normal state is the start" if forced else "refine the mesh"
        raise SolveError(
            f"omega = {sol.omega[k]:.3g} converged to an unphysical stationary point: the Hermitian part of g tau3 "
            f"has the eigenvalue {sol.margin[k]:.3g} (must be > 0 at every node); {remedy}"
        )


def _refuse_unstable_tensors(system: DiscreteAction, omega: float, solver: LinearSolver) -> None:
    """Refuse tensors for which the normal state is unstable: its Hessian must have inertia (2N, 6N).

    Diffusion, relaxation and the SU(2) field alone cannot break this (their values were checked point by
    point), so meshes without gamma, theta and kappa skip it, and so do meshes too large for one factor.
    """
    optional = [t for t in system.cell_terms if t.field != "D"]
    free = int(np.asarray(system.free).sum())
    if not optional or not 0 < free <= INERTIA_LIMIT or _normal_state_is_stable(system, omega, solver, free):
        return
    guilty = [t.field for t in optional if _normal_state_is_stable(_without(system, t), omega, solver, free)]
    names = " or ".join(guilty) if guilty else " together with ".join(t.field for t in optional)
    raise StabilityError(
        f"the normal state is unstable at omega = {omega:.3g}: {names} too large (the Hessian there must have "
        f"2 positive and 6 negative eigenvalues a node); reduce {names}, or check its units and its jumps"
    )


def _without(system: DiscreteAction, term: Term) -> DiscreteAction:
    return replace(system, cell_terms=tuple(t for t in system.cell_terms if t is not term))


def _normal_state_is_stable(system: DiscreteAction, omega: float, solver: LinearSolver, free: int) -> bool:
    normal = np.broadcast_to(np.eye(4), (1, len(system.free), 4, 4))
    inertia = solver.directions(solver.prepare(system), system, normal, np.array([omega])).inertia
    return inertia is None or tuple(inertia[0]) == (2 * free, 6 * free)
