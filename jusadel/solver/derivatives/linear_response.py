"""The linear problem H x = r of a solution's derivatives, in G and the pair potential, by the solver that found it.

With c = d Tr(R G)/du and s the sites' weights, H is ((pi T w_p H_p, pi T w_p c s), (s c^T pi T w_p, 2 s a)).
Eliminating G leaves twice the operator J of the gap equation's Newton steps (`gap`), which MINRES solves.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.common.errors import SolveError
from jusadel.device.pair_potential import as_pairs, from_pairs
from jusadel.solver.gap.response import PairResponse, couplings, felt, pushed
from jusadel.solver.gap.sites import Sites
from jusadel.solver.linear.protocol import DERIVATIVES
from jusadel.solver.problem import Problem

ROUGH, REFINEMENTS = 1e-2, 30
"""Each refinement solves for what is left to this accuracy, with linear responses that are hardly better."""
FREE_PHASE = 1e-6
"""Response to a turn of the common phase relative to that without G, below which nothing holds this phase."""


class LinearProblem:
    """H^-1 at a solution; what it needs is prepared when it is first called.

    Args:
        problem: with the pair potential of the solution.
        V: frames (b, N, 4, 4).
        where: sites of the gap equation, or None where the pair potential is given.
        Delta: of the solution at the sites, (K,) complex.
    """

    def __init__(self, problem: Problem, V: np.ndarray, where: Sites | None = None, Delta: Any = None) -> None:
        self.problem, self.V, self.sites, self.Delta = problem, V, where, Delta

    def __call__(self, r: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
        """x of H x = r for r = (r_u (b, N, 8),) or (r_u, r_Delta (K, 2)).

        Raises:
            SolveError: the iterations for the pair potential do not converge.
        """
        return (np.asarray(self._H_inverse(r[0])),) if self.sites is None else self._coupled(*r)

    @cached_property
    def _H_inverse(self) -> Any:
        return self.problem.response(self.V, self._accuracy)

    @property
    def _accuracy(self) -> float:
        """Of x; with the gap equation no coarser than what tells a free common phase from a held one."""
        own = self.problem.solver.derivatives
        return own if self.sites is None else min(own, DERIVATIVES)

    # --- with the gap equation ------------------------------------------------------------------

    def _coupled(self, r_u: np.ndarray, r_Delta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        where, scale, c = self.sites, np.pi * self.problem.T * self.problem.weights, self._couplings
        assert where is not None
        u = np.asarray(self._H_inverse(r_u / scale[:, None, None]))
        pull = 4 * np.asarray(felt(c, jnp.asarray(u), jnp.asarray(scale)))[where.nodes]
        rest = r_Delta - where.weight[:, None] * pull
        Delta = self._response(from_pairs(rest)) / 2
        moved = pushed(c, jnp.asarray(where.on_nodes(Delta, u.shape[1])))
        u = u - np.asarray(self._H_inverse(np.asarray(moved) * self._free))
        return u, as_pairs(Delta)

    @cached_property
    def _couplings(self) -> jax.Array:
        return couplings(jnp.asarray(self.V))

    @cached_property
    def _free(self) -> np.ndarray:
        return np.asarray(self.problem.system.free)[:, None]

    @cached_property
    def _exact(self) -> PairResponse:
        assert self.sites is not None
        return PairResponse(self.problem, self.sites, self.V, solve=self._H_inverse)

    @cached_property
    def _quick(self) -> PairResponse:
        assert self.sites is not None
        return PairResponse(self.problem, self.sites, self.V)

    def _response(self, r: np.ndarray) -> np.ndarray:
        """J^-1 r (K,) complex, by iterative refinement; without the common phase where nothing holds it."""
        where = self.sites
        assert where is not None
        left, found = self._without_free_phase(r, 1.0), np.zeros_like(r)
        size = lambda x: float(np.sum(np.abs(x) ** 2 / (where.weight * where.a))) ** 0.5  # noqa: E731
        start = size(left)
        for _ in range(REFINEMENTS):
            if not size(left) > self._accuracy * start:
                return found
            step = self._quick.solve(left, ROUGH)
            found = self._without_free_phase(found + step, where.weight)
            left = self._without_free_phase(r - self._exact(found), 1.0)
        raise SolveError(
            f"the derivative of the pair potential is known to {size(left) / start:.0e} only, after {REFINEMENTS} "
            "refinements: the state is close to an instability, where derivatives diverge"
        )

    def _without_free_phase(self, x: np.ndarray, weight: Any) -> np.ndarray:
        """x less i Delta where H does not resist it: Delta in the metric `weight`, a residual in that of one."""
        turn = self._free_phase
        if turn is None:
            return x
        assert self.sites is not None
        metric = self.sites.weight
        share = np.vdot(turn, weight * x).real / np.vdot(turn, metric * turn).real
        return x - share * (turn if weight is metric else metric * turn)

    @cached_property
    def _free_phase(self) -> np.ndarray | None:
        assert self.sites is not None
        turn, scale = 1j * self.Delta, self.sites.weight * self.sites.a
        force = np.abs(self._exact(turn)).max() / max(np.abs(scale * turn).max(), 1e-300)
        return turn if force < FREE_PHASE else None
