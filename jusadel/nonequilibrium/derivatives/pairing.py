"""The pair potential of `self_consistent_kinetics` as a function of what JAX traces.

With h(p, Delta) = Delta' - Delta, where Delta' is what the distributions at Delta make,

    Delta(p) = Delta - (dh/dDelta)^-1 h(p, Delta)

has the value that was found and its first derivatives. Each product with dh/dDelta is one linear response of spectrum
and distributions; GMRES needs few of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse.linalg as sla

from jusadel.common.differentiability import once
from jusadel.common.errors import SolveError
from jusadel.solver.derivatives.callback import called_linear

Array = jax.Array
ACCURACY, MOST = 1e-11, 200
ENOUGH = 1e-8
"""Of the residual, where responses that were iterated leave more than that: each product is as good as they are."""
ONCE = (
    "self_consistent_kinetics has first derivatives only; take central differences of them, outside of a second "
    "jax.grad or jax.jvp"
)


@dataclass(frozen=True, eq=False)
class Mixture:
    """h of real unknowns (k,), with all else numbers, at the solution."""

    change: Callable[[Array], Array]
    at: np.ndarray

    def solve(self, r: np.ndarray) -> np.ndarray:
        """(dh/dDelta)^-1 r."""
        return _gmres(self._forward, r)

    def solve_transposed(self, r: np.ndarray) -> np.ndarray:
        """The same with the transposed."""
        return _gmres(self._backward, r)

    @cached_property
    def _forward(self) -> Callable[[Array], Array]:
        return jax.linearize(self.change, jnp.asarray(self.at))[1]

    @cached_property
    def _backward(self) -> Callable[[Array], Array]:
        pull = jax.vjp(self.change, jnp.asarray(self.at))[1]
        return lambda r: pull(r)[0]


def _gmres(product: Callable[[Array], Array], r: np.ndarray) -> np.ndarray:
    size = float(np.linalg.norm(r))
    if size == 0:
        return r
    matvec = lambda x: np.array(product(jnp.asarray(np.ravel(x))))  # noqa: E731
    operator = sla.LinearOperator((len(r),) * 2, matvec=matvec, dtype=float)
    x, failed = sla.gmres(operator, r / size, rtol=ACCURACY, restart=MOST, maxiter=1)
    left = float(np.linalg.norm(r / size - matvec(x))) if failed else 0.0
    if left > ENOUGH:
        raise SolveError(
            f"the derivative of the pair potential is known to {left:.0e} only, after {MOST} steps of GMRES at most: "
            "the state is close to an instability, where derivatives diverge"
        )
    return size * x


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def moved(h: Array, mixture: Mixture) -> Array:
    """- (dh/dDelta)^-1 h as a function of h, of which only the derivative counts: the value is zero."""
    return jnp.zeros_like(h)


@moved.defjvp
def _rule(mixture: Mixture, primals: Any, tangents: Any) -> Any:
    along = tangents[0] + 0 * once(primals[0], ONCE)
    return jnp.zeros_like(along), -called_linear(mixture.solve, mixture.solve_transposed, along)
