"""The gap equation: the pair potential that is stationary together with G, by Newton-Krylov with exact response.

At each site (a node of a superconducting region) the discrete functional asks for

    r = w (a Delta - 2 pi T Sum_p w_p f(omega_p)) = 0,    a = ln(T/Tc) + 2 pi T Sum_p w_p / omega_p,

w being the site's area times nu, f the singlet amplitude (physics.md, section 1). Its derivative, with f's response
df = (1/4) c.H^-1 c w dDelta and c = d Tr(R G)/du, is symmetric: the second derivative of the free energy with respect
to Delta at stationary G. Its smallest eigenvalue tells whether the state is a minimum; in a uniform metal at Delta = 0
it is ln(T/Tc).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse.linalg as sla

from jusadel.action.matrix_free import TWO_B_R3
from jusadel.action.matsubara import GAP_RATIO
from jusadel.action.mesh_action import to_nodes
from jusadel.action.nambu import SIGNATURE, R, frame_to_green, inverse, trace_of_product
from jusadel.action.periodic import seams
from jusadel.common.progress import Event
from jusadel.device.device import Device
from jusadel.solver.gap.lanczos import MOST, downhill, smallest_eigenvalue
from jusadel.solver.newton import NewtonResult
from jusadel.solver.problem import Problem, refuse_uncertified
from jusadel.solver.solution import SolveError

Array = jax.Array

MAX_STEPS = 40
CAP, TRUST = 0.5, 0.2
"""Of the largest change of Delta in a step, relative to the largest |Delta|: of any, and of one along soft modes."""
STUCK = 0.5
"""Of a residual, what a step leaves, and leaves of the linear equations, where a soft mode is not resolved."""
SMALLEST = 1e-4
"""Of max |Delta| over Tc, below which the state is taken to be normal."""
RELATIVE = 1e-5
"""Largest residual relative to max |Delta|: near Tc a small one says little about a small Delta."""
RESPONSE, EIGENVALUE = 1e-3, 1e-3
"""Relative accuracies of linear responses, and of the smallest eigenvalue relative to a."""
ZERO = 5e-5, 1e-3
"""How large eigenvalues are that vanish within their accuracy, as that of the common phase: near Tc, elsewhere."""


class GapResult(NamedTuple):
    """A pair potential and the Green's functions that belong to it."""

    problem: Problem
    newton: NewtonResult
    Delta: np.ndarray  # (K,) complex, at the sites
    residual: float  # largest |r| / (w a), relative to the bulk gap at T = 0
    steps: int
    responses: int
    eigenvalue: float
    growing: np.ndarray  # (K,) complex, the mode that belongs to it
    state: str  # "superconducting", "normal", "unstable" or, where it may be, "not converged"


@dataclass(frozen=True)
class Sites:
    """Where the pair potential is unknown: each node of each superconducting region."""

    nodes: np.ndarray  # (K,)
    weight: np.ndarray  # (K,) nu times area
    a: np.ndarray  # (K,)
    Tc: np.ndarray  # (K,)
    at: np.ndarray  # (m, 3) site of each triangle's vertex, K where there is none
    phase: Any  # (m, 3) by which a seam turns the vertex

    def on_nodes(self, Delta: np.ndarray, n: int) -> np.ndarray:
        """Delta times its weight summed into n nodes, (n, 2)."""
        total = np.zeros(n, complex)
        np.add.at(total, self.nodes, self.weight * Delta)
        return np.stack([total.real, total.imag], axis=1)

    def on_vertices(self, Delta: np.ndarray) -> np.ndarray:
        """(m, 3) complex, zero in normal metals."""
        return np.append(Delta, 0)[self.at] * np.exp(1j * np.asarray(self.phase))

    def from_vertices(self, values: Any) -> np.ndarray:
        """(K,) complex from values (m, 3): the last of a site's."""
        out = np.zeros(len(self.nodes) + 1, complex)
        out[self.at] = np.asarray(values) * np.exp(-1j * np.asarray(self.phase))
        return out[:-1]


def refuse_normal_metals(device: Device) -> None:
    """Raise ValueError where no region has Tc > 0, so that there is no gap equation."""
    if not (np.asarray(device.vertex_field("Tc")) > 0).any():
        raise ValueError("a self-consistent pair potential needs a region with Tc > 0; every Tc is 0 here")


def sites(device: Device, T: float, omega: np.ndarray, weights: np.ndarray) -> Sites:
    """The sites of a device.

    Raises:
        ValueError: no region has Tc > 0, or the frequencies do not reach far enough for the gap equation.
    """
    where = superconducting_sites(device)
    a = np.log(T / where.Tc) + 2 * np.pi * T * np.sum(weights / omega)
    if a.min() <= 0:
        raise ValueError(
            f"the frequencies end at {omega.max():.3g}, too low for the gap equation at T = {T:g} and Tc = "
            f"{where.Tc.max():.3g}; take more of them (frequencies=None chooses)"
        )
    return replace(where, a=a)


def superconducting_sites(device: Device) -> Sites:
    """The sites of a device with their weights and Tc; ValueError where no region has Tc > 0."""
    refuse_normal_metals(device)
    where = layout(device, np.asarray(device.vertex_field("Tc")) > 0)
    weight, Tc = (np.asarray(x) for x in site_fields(device, where))
    return replace(where, weight=weight, Tc=Tc)


def layout(device: Device, superconducting: np.ndarray) -> Sites:
    """Sites without numbers, given which of the triangles' vertices (m, 3) are superconducting."""
    mesh, seam = device.mesh, seams(device)
    key = mesh.region_of_triangle[:, None] * len(mesh.points) + seam.owner[mesh.triangles]
    kept, site = np.unique(key[superconducting], return_inverse=True)
    at = np.full(key.shape, len(kept))
    at[superconducting] = site
    nothing = np.zeros(0)
    return Sites(kept % len(mesh.points), nothing, nothing, nothing, at, seam.phase[mesh.triangles])


def site_fields(device: Device, where: Sites) -> tuple[Array, Array]:
    """nu times area, and Tc, of each site, (K,) each."""
    count = len(where.nodes)
    share = (jnp.asarray(device.centroid_field("nu")) * device.mesh.areas)[:, None] / 3 * jnp.ones((1, 3))
    last = np.zeros(count + 1, int)
    last[where.at.ravel()] = np.arange(where.at.size)
    Tc = jnp.asarray(device.vertex_field("Tc")).ravel()[last[:count]]
    return to_nodes(where.at, share, count + 1)[:count], Tc


# --- amplitudes and their response ------------------------------------------------------------------

_PAIRS = jnp.asarray(np.stack([R[1], R[0]]))  # go with Re Delta and Im Delta


@jax.jit
def amplitudes(V: Array, weights: Array) -> Array:
    """Sum_p w_p f(omega_p) at the nodes, (N, 2), from frames (b, N, 4, 4)."""
    one = lambda v: -trace_of_product(_PAIRS, frame_to_green(v)[:, None]) / 4  # noqa: E731
    add = lambda total, x: (total + x[1] * one(x[0]), None)  # noqa: E731
    return jax.lax.scan(add, jnp.zeros((V.shape[1], 2)), (V, weights))[0]


@jax.jit
def couplings(V: Array) -> Array:
    """c = d Tr(R_j G)/du_a, (b, N, 8, 2)."""
    B = jnp.moveaxis(jnp.asarray(TWO_B_R3), -1, 0)
    one = lambda v: jnp.einsum("nij,ajk,nkl,sli->nas", v, B, inverse(v), _PAIRS)  # noqa: E731
    return jax.lax.map(one, V)


@jax.jit
def pushed(c: Array, s: Array) -> Array:
    """The gradient c s with respect to the steps, (b, N, 8), of a pair potential times area s (N, 2)."""
    return jnp.einsum("bnas,ns->bna", c, s)


@jax.jit
def felt(c: Array, x: Array, weights: Array) -> Array:
    """(1/4) Sum_p w_p c.x, (N, 2)."""
    return jnp.einsum("bnas,bna,b->ns", c, x, weights) / 4


class Response:
    """The derivative of the gap residual, J dDelta = w (a dDelta - 2 pi T Sum_p w_p df), as a symmetric operator."""

    def __init__(
        self,
        problem: Problem,
        where: Sites,
        V: np.ndarray,
        tol: float = RESPONSE,
        solve: Callable[[Any], Any] | None = None,
    ) -> None:
        self.problem, self.sites, self.count = problem, where, 0
        self._couplings = couplings(jnp.asarray(V))
        self._solve = solve or problem.solver.response(problem.prepared, V, problem.omega, tol)
        self._free = np.asarray(problem.system.free)

    def __call__(self, Delta: np.ndarray) -> np.ndarray:
        """J Delta, (K,) complex as real pairs in one."""
        where, p = self.sites, self.problem
        self.count += 1
        s = jnp.asarray(where.on_nodes(Delta, len(self._free)))
        x = self._solve(pushed(self._couplings, s) * self._free[:, None])
        df = np.asarray(felt(self._couplings, jnp.asarray(x), jnp.asarray(p.weights)))[where.nodes]
        return where.weight * (where.a * Delta - 2 * np.pi * p.T * (df[:, 0] + 1j * df[:, 1]))

    def steps(self, Delta: np.ndarray) -> np.ndarray:
        """The response of G to a pair potential (K,), as steps (b, N, 8)."""
        s = jnp.asarray(self.sites.on_nodes(Delta, len(self._free)))
        return -np.asarray(self._solve(pushed(self._couplings, s) * self._free[:, None]))

    def _scaled(self, scale: np.ndarray, shift: float = 0.0) -> sla.LinearOperator:
        """scale J scale - shift on real vectors (2 K,)."""

        def product(z: np.ndarray) -> np.ndarray:
            z = np.ravel(z)
            return _real(scale * self(scale * _complex(z))) - shift * z

        n = 2 * len(scale)
        return sla.LinearOperator((n, n), matvec=product, dtype=float)

    def solve(self, rhs: np.ndarray, tol: float) -> np.ndarray:
        """J x = rhs, by MINRES in the metric of w a."""
        scale = self._metric
        x, _ = sla.minres(self._scaled(scale), _real(scale * rhs), rtol=tol, maxiter=MOST)
        return scale * _complex(x)

    def leaves(self, change: np.ndarray, residual: np.ndarray) -> float:
        """What a change (K,) leaves of a residual, relative to it: MINRES may stop before it resolves a soft mode."""
        left = residual + self(change)
        return float(np.linalg.norm(self._metric * left) / np.linalg.norm(self._metric * residual))

    def downhill(self, residual: np.ndarray, longest: float) -> np.ndarray:
        """The change (K,), nowhere above `longest`, that lowers the free energy along every mode in the residual."""
        back = lambda z: self._metric * _complex(z)  # noqa: E731
        allowed = lambda z: bool(np.abs(back(z)).max() <= longest)  # noqa: E731
        return back(downhill(self._scaled(self._metric), _real(self._metric * residual), allowed))

    @property
    def _metric(self) -> np.ndarray:
        return 1 / np.sqrt(self.sites.weight * self.sites.a)

    def smallest(
        self, Delta: np.ndarray, tol: float | None = None, near: np.ndarray | None = None
    ) -> tuple[float, np.ndarray]:
        """The smallest eigenvalue of J x = lambda w x at Delta, accurate to tol (`EIGENVALUE` times a), and its x (K,).

        Args:
            Delta: of the state, (K,).
            tol: absolute.
            near: a vector like x, (K,), where there is one better than the direction of the common phase.
        """
        scale = 1 / np.sqrt(self.sites.weight)
        start = np.random.default_rng(0).normal(size=2 * len(scale))
        phase = _real((1j * Delta if near is None else near) / scale)  # the common phase costs nothing
        start += np.linalg.norm(start) * phase / max(np.linalg.norm(phase), 1e-300)
        tol = EIGENVALUE * float(self.sites.a.mean()) if tol is None else tol
        value, vector = smallest_eigenvalue(self._scaled(scale), start, tol)
        return value, scale * _complex(vector)

    def slope(self, mode: np.ndarray) -> float:
        """d lambda/d ln T of an eigenvalue in the normal state, from its x (K,); omega goes with T, the weights do not.

        The normal state's Hessian depends on omega by 16 omega times each node's weight, negative for triplets.
        """
        where, p = self.sites, self.problem
        s = jnp.asarray(where.on_nodes(mode, len(self._free)))
        b = np.asarray(pushed(self._couplings, s) * self._free[:, None])
        x = np.asarray(self._solve(b))
        per_node = 16 * np.asarray(p.system.nodes.weight)[:, None] * SIGNATURE
        each = np.sum(b * x, axis=(1, 2)) - p.omega * np.sum(per_node * x**2, axis=(1, 2))
        return float(1 - 2 * np.pi * p.T * (p.weights @ each) / 4 / np.sum(where.weight * np.abs(mode) ** 2))


def _real(z: np.ndarray) -> np.ndarray:
    return np.concatenate([z.real, z.imag])


def _complex(x: np.ndarray) -> np.ndarray:
    half = len(x) // 2
    return x[:half] + 1j * x[half:]


# --- Newton's method -------------------------------------------------------------------------------


def solve_gap(
    problem: Problem,
    where: Sites,
    Delta: np.ndarray,
    start: Callable[[np.ndarray], np.ndarray],
    tol: float,
    throw: bool = True,
) -> GapResult:
    """Delta and G together, from the guess Delta (K,).

    Each step is capped and, where the residual grows, halved; then a step of the fixed-point iteration is taken. Where
    a soft mode is all that is left, such as vortices that turn against what little pins them, steps lead downhill along
    it, as long as they are trusted: the residual grows on the way.

    Raises:
        SolveError: a frequency is not certified, or the gap equation does not converge, unless throw=False, which
            returns what has the smallest residual.
    """
    found = _converged(problem, where, Delta, start, tol, throw)
    if found.state == "unstable" and not found.Delta.any():  # no minimum: follow the growing mode
        mode = found.growing / np.abs(found.growing).max()
        grown = _grown(found.problem, where, mode, lambda omega: found.newton.V)
        found = _converged(found.problem, where, grown.Delta, lambda omega: grown.newton.V, tol, throw)
    return found


def _grown(problem: Problem, where: Sites, mode: np.ndarray, start: Callable[[np.ndarray], np.ndarray]) -> Trial:
    """The growing mode with about the amplitude at which it stops growing: from there Newton finds the minimum."""
    amplitude, limit = 0.1 * where.Tc.max(), 4 * GAP_RATIO * where.Tc.max()
    trial = Trial.of(problem, where, amplitude * mode, start)
    while np.vdot(mode, trial.residual).real < 0 and amplitude < limit:
        amplitude *= 1.4
        trial = trial.again(where, amplitude * mode)
    return trial


def _converged(
    problem: Problem,
    where: Sites,
    Delta: np.ndarray,
    start: Callable[[np.ndarray], np.ndarray],
    tol: float,
    throw: bool,
) -> GapResult:
    responses, stuck = 0, False
    found = best = Trial.of(problem, where, Delta, start)
    for step in range(MAX_STEPS + 1):
        if problem.progress:
            error, largest = found.error(where), np.abs(found.Delta).max()
            detail = f"residual {error:.1e}, max |Delta| = {largest:.5g}"
            problem.progress(Event("gap equation", step, detail=detail))
        best = min(found, best, key=lambda trial: trial.size)
        if found.meets(tol, where) or step == MAX_STEPS:
            break
        response = Response(found.problem, where, found.newton.V)
        found, stuck = _next(found, where, response, stuck)
        responses += response.count
    if found.meets(tol, where):
        return _classified(found, where, step, responses)
    if throw:
        raise SolveError(_not_converged(best, where, tol))
    return _classified(best, where, step, responses)._replace(state="not converged")


def _next(found: Trial, where: Sites, response: Response, stuck: bool) -> tuple[Trial, bool]:
    """The trial after a step, and whether steps of Newton's method are stuck at a soft mode."""
    if stuck:
        longest = TRUST * max(np.abs(found.Delta).max(), 0.1 * where.Tc.max())
        return found.again(where, found.Delta + response.downhill(found.residual, longest)), True
    change = response.solve(-found.residual, min(1e-2, max(RESPONSE, found.error(where))))
    new = _improved(found, where, change)
    return new, new.size > STUCK * found.size and response.leaves(change, found.residual) > STUCK


def _not_converged(best: Trial, where: Sites, tol: float) -> str:
    error = best.error(where)
    accepted = f"gap_tol={1.1 * error:.1e} accepts what was found, " if best.meets(1.1 * error, where) else ""
    return (
        f"the gap equation did not converge in {MAX_STEPS} steps: residual {error:.1e} of the bulk gap, wanted "
        f"{tol:.0e} (gap_tol); start from a nearby solution (start=...), or refine the mesh; {accepted}throw=False "
        "returns it"
    )


class Trial(NamedTuple):
    """A pair potential with its G and its residual."""

    problem: Problem
    newton: NewtonResult
    Delta: np.ndarray
    residual: np.ndarray  # (K,) complex
    size: float  # largest |r| / (w a)

    def error(self, where: Sites) -> float:
        """The residual relative to the bulk gap at T = 0."""
        return float(self.size / (GAP_RATIO * where.Tc.max()))

    def meets(self, tol: float, where: Sites) -> bool:
        """Whether the residual is small beside the bulk gap and beside Delta itself."""
        largest = max(np.abs(self.Delta).max(), SMALLEST * where.Tc.max())
        return bool(self.error(where) < tol and self.size < RELATIVE * largest)

    @classmethod
    def of(cls, problem: Problem, where: Sites, Delta: np.ndarray, start: Callable[[np.ndarray], np.ndarray]) -> Trial:
        """The trial at Delta, with G from this start."""
        posed = problem.with_pairing(jnp.asarray(where.on_nodes(Delta, len(problem.system.free))))
        result = posed.newton(start)
        refuse_uncertified(posed, result, forced=False)
        f = np.asarray(amplitudes(jnp.asarray(result.V), jnp.asarray(posed.weights)))[where.nodes]
        f = 2 * np.pi * posed.T * (f[:, 0] + 1j * f[:, 1])
        residual = where.weight * (where.a * Delta - f)
        return cls(posed, result, Delta, residual, float(np.abs(residual / (where.weight * where.a)).max()))

    def again(self, where: Sites, Delta: np.ndarray) -> Trial:
        """Another pair potential, with G from here as the start."""
        return Trial.of(self.problem, where, Delta, lambda omega: self.newton.V)


def _improved(found: Trial, where: Sites, change: np.ndarray) -> Trial:
    longest = CAP * max(np.abs(found.Delta).max(), 0.1 * where.Tc.max())
    change = change * min(1.0, longest / max(np.abs(change).max(), 1e-300))
    for fraction in (1.0, 0.5, 0.25):
        new = found.again(where, found.Delta + fraction * change)
        if new.size < found.size:
            return new
    return found.again(where, found.Delta - found.residual / (where.weight * where.a))


def lowest_stable(where: Sites, T: float) -> float:
    """Eigenvalues below belong to a saddle: all of them scale with ln(T/Tc) near Tc."""
    return -float(np.clip(0.05 * abs(np.log(T / where.Tc.max())), *ZERO))


def _classified(found: Trial, where: Sites, step: int, responses: int) -> GapResult:
    """The state with its smallest eigenvalue; a vanishing pair potential is set to zero."""
    error = found.error(where)
    if np.abs(found.Delta).max() < SMALLEST * where.Tc.max():
        normal = np.broadcast_to(np.eye(4), found.newton.V.shape)
        found = Trial.of(found.problem, where, np.zeros_like(found.Delta), lambda omega: normal)
        state = "normal"
    else:
        state = "superconducting"
    response = Response(found.problem, where, found.newton.V)
    eigenvalue, mode = response.smallest(found.Delta)
    state = "unstable" if eigenvalue < lowest_stable(where, found.problem.T) else state
    count = responses + response.count
    return GapResult(found.problem, found.newton, found.Delta, error, step, count, eigenvalue, mode, state)
