"""A vortex in one radial dimension: an independent discretisation that the 2D mesh code is held against.

With winding +1 and tensors that a joint rotation of space and spin leaves as they are (Rashba gamma and
spin_field, theta_zz, kappa_zz), G(r, phi) = Q G(r) Q^-1 with Q = exp(phi (R3 - L3)/2), so that
d_phi G = [(R3 - L3)/2, G]. The density is the package's; mesh, interpolation and solver are not.
The profiles it gives are compared with references.json (C1, C3) in test_vortex.py, so it stands on those.
"""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
from scipy.linalg import solve_banded
from shared import commutator, optimised

from jusadel.action.nambu import L, R
from jusadel.action.nambu.frames import cap_step, expand, inverse, retract
from jusadel.action.terms import TERMS, density

TURN = jnp.asarray((R[2] - L[2]) / 2)
FIELDS = ("omega", "Delta", "h", "Gamma", "D", "gamma", "theta", "kappa")
CELL = tuple(t for t in TERMS if t.gradient and t.field in FIELDS)
NODE = tuple(t for t in TERMS if not t.gradient and t.field in FIELDS)


def _element(u, V, r, omega, p):
    G = expand(u, V, inverse(V))
    h, middle = r[1] - r[0], (r[0] + r[1]) / 2
    mean = (G[0] + G[1]) / 2
    connection = jnp.einsum("jk,jab->kab", p["spin_field"], L)
    dG = jnp.stack([(G[1] - G[0]) / h, commutator(TURN, mean) / middle]) - commutator(connection, mean)
    f = density(CELL, mean, dG, SimpleNamespace(**p))
    site = SimpleNamespace(omega=omega, **p)
    f = f + (density(NODE, G[0], None, site) + density(NODE, G[1], None, site)) / 2
    return 2 * jnp.pi * middle * h * f


@jax.jit
def _derivatives(V, r, omega, p):
    pairs, spans = jnp.stack([V[:-1], V[1:]], 1), jnp.stack([r[:-1], r[1:]], 1)
    zero = jnp.zeros((2, 8))
    f = lambda v, s, k: k(_element)(zero, v, s, omega, p)  # noqa: E731
    grad = jax.vmap(lambda v, s: f(v, s, jax.grad))(pairs, spans)
    hess = jax.vmap(lambda v, s: f(v, s, jax.hessian))(pairs, spans)
    energy = jnp.sum(jax.vmap(lambda v, s: _element(zero, v, s, omega, p))(pairs, spans))
    return grad, hess.reshape(-1, 16, 16), energy


@jax.jit
def _density_derivatives(V, r, omega, p):
    """-df/dA_phi at the element midpoints (current of one frequency) and df/dh at the nodes."""
    G = expand(jnp.zeros((len(V), 8)), V, inverse(V))
    middle, mean, h = (r[1:] + r[:-1]) / 2, (G[1:] + G[:-1]) / 2, r[1:] - r[:-1]
    connection = jnp.einsum("jk,jab->kab", p["spin_field"], L)

    def f(A, g, dg, rm):
        covariant = jnp.stack([dg, commutator(TURN, g) / rm]) - commutator(connection, g)
        covariant = covariant.at[1].add(-A * commutator(jnp.asarray(R[2]), g))
        return density(CELL, g, covariant, SimpleNamespace(**p))

    slope = (G[1:] - G[:-1]) / h[:, None, None]
    j = -jax.vmap(jax.grad(f), (None, 0, 0, 0))(0.0, mean, slope, middle)
    S = jnp.einsum("kab,nba->nk", jnp.asarray(L @ R[2]), G)
    return middle, j, S, -jnp.einsum("ab,nba->n", jnp.asarray(R[2]), G) / 4


class RadialVortex:
    """Solves one frequency after the other on n elements of a disk of radius `radius`."""

    def __init__(self, radius, Delta, D, Gamma, gamma=0.0, spin_field=0.0, theta=0.0, kappa=0.0, n=800):
        rashba = np.array([[0.0, 1.0], [-1.0, 0.0], [0.0, 0.0]])
        self.r = radius * np.linspace(0, 1, n + 1) ** 1.5
        self.p = {
            "Delta": jnp.array([Delta, 0.0]),
            "h": jnp.zeros(3),
            "Gamma": Gamma * jnp.eye(3),
            "D": D * jnp.eye(2),
            "gamma": jnp.array(gamma * rashba),
            "spin_field": jnp.array(spin_field * rashba),
            "theta": jnp.array([0, 0, theta]),
            "kappa": jnp.array([0, 0, kappa]),
        }

    @optimised()
    def solve(self, omega, start=None):
        """Profiles of one frequency: midpoints, j_phi there, nodes, (S_r, S_phi, S_z), cos theta; F; and the frames.

        From the normal state, or from frames to start from.
        """
        n, omega = len(self.r), float(omega)
        V = jnp.broadcast_to(jnp.eye(4), (n, 4, 4))
        normal = float(_derivatives(V, self.r, omega, self.p)[2])
        V = V if start is None else start
        for _ in range(30):
            grad, hess, energy = _derivatives(V, self.r, omega, self.p)
            step = _newton_step(np.asarray(grad), np.asarray(hess), n)
            V = retract(V, cap_step(jnp.asarray(step), 0.5))
            if np.abs(step).max() < 1e-9:
                break
        else:
            raise AssertionError("the radial reference did not converge")
        middle, j, S, cos = _density_derivatives(V, self.r, omega, self.p)
        return {
            "middle": np.asarray(middle),
            "j": np.asarray(j),
            "S": np.asarray(S),
            "cos": np.asarray(cos),
            "F": float(energy) - normal,  # stationary: that before the last step
            "frames": V,
        }


def _newton_step(grad, hess, n):
    residual = np.zeros((n, 8))
    residual[:-1] += grad[:, 0]
    residual[1:] += grad[:, 1]
    band = np.zeros((31, 8 * n))
    i, j = np.meshgrid(np.arange(16), np.arange(16), indexing="ij")
    column = 8 * np.arange(n - 1)[:, None, None] + j
    np.add.at(band, (np.broadcast_to(15 + i - j, column.shape), column), hess)
    return -solve_banded((15, 15), band, residual.ravel()).reshape(n, 8)
