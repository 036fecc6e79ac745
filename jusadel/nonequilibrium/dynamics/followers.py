"""What follows a drive by its own equation: the scalar potential by neutrality, the pair potential by the gap equation.

Each is an amplitude y_j that multiplies Tr(M_j G) at a node. The second derivative of the functional with respect to
all y and the drives has, beside what G gives, local parts: - 2 nu of the potential and 2 nu a(T) of each component of
Delta, a = ln(T/Tc) + 2 pi T Sum 1/omega. The functional is stationary in y.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.sparse.linalg as sla
from scipy.linalg import lstsq

from jusadel.common.errors import SolveError
from jusadel.nonequilibrium.dynamics.two_frequencies.linearised import PAIRS
from jusadel.solver.gap.sites import Sites

POTENTIAL = -np.eye(4)
"""Of a scalar potential, - phi Tr G."""
DENSE = 600
"""Amplitudes up to which their matrix is worked out and solved; more are found by GMRES."""
SINGULAR = 1e-11
"""Of the largest singular value: smaller ones belong to gauges that nothing holds."""


@dataclass(frozen=True)
class Followers:
    """Amplitudes y (s,): first potentials of nodes, then Re Delta of all sites, then Im Delta."""

    nodes: np.ndarray  # (s,)
    matrices: np.ndarray  # (s, 4, 4), times nu area
    local: np.ndarray  # (s,)
    charged: np.ndarray  # the nodes of the first of them
    sites: Sites | None

    @classmethod
    def of(cls, weight: np.ndarray, charged: np.ndarray, sites: Sites | None) -> Followers:
        """Of potentials at these nodes, with weights nu area (N,), and of the sites of the gap equation."""
        parts = [(charged, weight[charged], -2 * weight[charged], POTENTIAL)]
        if sites is not None:
            parts += [(sites.nodes, sites.weight, 2 * sites.weight * sites.a, M) for M in PAIRS]
        nodes, local = (np.concatenate([p[k] for p in parts]) for k in (0, 2))
        matrices = np.concatenate([w[:, None, None] * M for _, w, _, M in parts])
        return cls(nodes, matrices, local, charged, sites)

    @property
    def scale(self) -> np.ndarray:
        """(s,), which gives all of them about the same weight."""
        return 1 / np.sqrt(np.abs(self.local))

    def potential(self, y: np.ndarray, n: int) -> np.ndarray:
        """phi at the nodes (n,), zero where it is not an amplitude."""
        phi = np.zeros(n, complex)
        phi[self.charged] = y[: len(self.charged)]
        return phi

    def pairing(self, y: np.ndarray) -> np.ndarray:
        """The change of Re Delta and Im Delta at the sites, (K, 2) complex."""
        return y[len(self.charged) :].reshape(2, -1).T


def eliminated(followers: Followers, own: np.ndarray, rhs: np.ndarray) -> np.ndarray:
    """The amplitudes y (s,) of Q_yy y = - Q_yd, from both (s, s) and (s,)."""
    scale = followers.scale
    own, rhs = own * scale[:, None] * scale, -rhs * scale
    y = lstsq(own, rhs, cond=SINGULAR)[0]
    left = np.abs(own @ y - rhs).max(initial=0.0)
    if not left <= 1e-6 * np.abs(rhs).max(initial=1e-300):
        raise SolveError(
            f"the potential and the pair potential do not follow the drive: their equations leave {left:.1e} of "
            f"{np.abs(rhs).max(initial=0.0):.1e}; the state is close to an instability"
        )
    return np.asarray(scale * y)


def iterated(
    followers: Followers, product: Callable[[np.ndarray], np.ndarray], rhs: np.ndarray, tol: float
) -> np.ndarray:
    """The same by GMRES, to the relative residual tol; `product` gives Q_yy y of vectors (s,), rhs is Q_yd (s,)."""
    scale = followers.scale
    matvec = lambda z: scale * product(scale * np.ravel(z))  # noqa: E731
    matrix = sla.LinearOperator((len(scale),) * 2, matvec=matvec, dtype=complex)
    z, failed = sla.gmres(matrix, -scale * rhs, rtol=tol, atol=0.0, restart=100, maxiter=5)
    if failed:
        raise SolveError(
            "the potential and the pair potential that follow the drive were not found in 500 iterations of GMRES"
        )
    return np.asarray(scale * z)
