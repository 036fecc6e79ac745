"""The physics: the free-energy density of one frequency, term by term, and its sum over a triangular mesh.

Every other equation of the package is a derivative of what stands here: the Usadel equation (variation of G),
the currents (derivatives with respect to the vector potential and the spin field), the spin density (with
respect to h), the gap equation (with respect to Delta). Written for real G on the Matsubara axis; the same
formulas hold for complex G at real energies and for 8x8 Keldysh matrices, so nothing here conjugates.

Signs and factors: physics.md, sections 1 and 2, from Kokkeler et al., Eqs. (1), (4)-(6), with their errata.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace

import jax
import jax.numpy as jnp

from jusadel.nambu import anticommutator, commutator, trace, trace_of_product, units

Array = jax.Array
Density = Callable[..., Array]

CYCLIC = ((1, 2), (2, 0), (0, 1))
"""(i, j) with eps_ijl = 1, for l = 0, 1, 2."""


def frequency(G: Array, dG: Array | None, p: SimpleNamespace) -> Array:
    """omega Tr(R3 G), from -Tr(omega tau3 g); p.omega is a number, or a matrix on the Keldysh contour."""
    _, R = units(G.shape[-1], G.dtype)
    return trace(p.omega * R[2] @ G) if jnp.ndim(p.omega) == 0 else trace(p.omega @ R[2] @ G)


def pairing(G: Array, dG: Array | None, p: SimpleNamespace) -> Array:
    """Re(Delta) Tr(R2 G) + Im(Delta) Tr(R1 G), from -Tr(Delta^ g); p.Delta = (Re, Im)."""
    _, R = units(G.shape[-1], G.dtype)
    return trace((p.Delta[0] * R[1] + p.Delta[1] * R[0]) @ G)


def exchange(G: Array, dG: Array | None, p: SimpleNamespace) -> Array:
    """h_k Tr(L_k R3 G), from -i Tr(h.sigma tau3 g)."""
    L, R = units(G.shape[-1], G.dtype)
    return trace(jnp.einsum("k,kij->ij", p.h, L) @ R[2] @ G)


def spin_relaxation(G: Array, dG: Array | None, p: SimpleNamespace) -> Array:
    """-(1/16) Gamma_jk Tr(L_j G L_k G): spin relaxation beside that of the SU(2) field, Eq. (4)."""
    L, _ = units(G.shape[-1], G.dtype)
    LG = L @ G
    return -jnp.einsum("jk,jab,kba->", p.Gamma, LG, LG) / 16


def diffusion(G: Array, dG: Array, p: SimpleNamespace) -> Array:
    """-(1/4) D_kj Tr(Dk G Dj G): diffusion with the U(1) x SU(2) covariant derivative, Eq. (4)."""
    return -jnp.einsum("kj,kab,jba->", p.D, dG, dG) / 4


def spin_galvanic(G: Array, dG: Array, p: SimpleNamespace) -> Array:
    """(1/16) eps_ijl gamma_lk Tr(L_i G L_j [G, Dk G]): spin-galvanic coupling, Eq. (6), symmetrised."""
    L, _ = units(G.shape[-1], G.dtype)
    LGL = jnp.stack([L[i] @ G @ L[j] - L[j] @ G @ L[i] for i, j in CYCLIC])
    return jnp.einsum("lk,lab,kba->", p.gamma, LGL, commutator(G, dG)) / 16


def spin_hall(G: Array, dG: Array, p: SimpleNamespace) -> Array:
    """-(D/16) theta_iz eps_zjk Tr(L_i {G, [Dj G, Dk G]}): spin Hall effect, Eq. (5), symmetrised."""
    L, _ = units(G.shape[-1], G.dtype)
    curl = 2 * commutator(dG[0], dG[1])  # eps_zjk [Dj G, Dk G]
    weighted = jnp.einsum("i,iab->ab", p.theta, L)
    return -mean_diffusion(p.D) / 16 * trace_of_product(weighted, anticommutator(G, curl))


def spin_swapping(G: Array, dG: Array, p: SimpleNamespace) -> Array:
    """-(D/4) kappa_iz eps_zjk Tr(L_i Dj G Dk G): spin-current swapping, Eq. (5)."""
    L, _ = units(G.shape[-1], G.dtype)
    weighted = jnp.einsum("i,iab->ab", p.kappa, L)
    return -mean_diffusion(p.D) / 4 * trace_of_product(weighted, commutator(dG[0], dG[1]))


def mean_diffusion(D: Array) -> Array:
    """(D_xx + D_yy)/2, the D of the spin Hall and swapping terms when diffusion is anisotropic."""
    return (D[..., 0, 0] + D[..., 1, 1]) / 2


@dataclass(frozen=True)
class Term:
    """One term of the density: where it is sampled, and the field without which it vanishes."""

    density: Density
    field: str
    gradient: bool

    @property
    def name(self) -> str:
        """The name of the density function."""
        return self.density.__name__


TERMS = (
    Term(frequency, "omega", gradient=False),
    Term(pairing, "Delta", gradient=False),
    Term(exchange, "h", gradient=False),
    Term(spin_relaxation, "Gamma", gradient=False),
    Term(diffusion, "D", gradient=True),
    Term(spin_galvanic, "gamma", gradient=True),
    Term(spin_hall, "theta", gradient=True),
    Term(spin_swapping, "kappa", gradient=True),
)
"""Terms without gradients are sampled at the nodes, those with gradients at the triangles' centroids."""


def density(terms: tuple[Term, ...], G: Array, dG: Array | None, p: SimpleNamespace) -> Array:
    """The sum of the given terms at one point, in units of pi nu / 2."""
    return sum((t.density(G, dG, p) for t in terms), start=jnp.zeros((), G.dtype))
