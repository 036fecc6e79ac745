"""The physics: the free-energy density of one frequency, term by term; `mesh_action` sums it over a mesh.

Every other equation of the package is a derivative of what stands here: the Usadel equation (variation of G),
the currents (derivatives with respect to the vector potential and the spin field), the spin density (with
respect to h), the gap equation (with respect to Delta). Written for real G on the Matsubara axis; the same
formulas hold for complex G at real energies and for 8x8 Keldysh matrices, so nothing here conjugates.
G is (n, n, ...), the covariant derivatives Dk G are a pair of such, and p holds the fields: trailing axes (frequencies,
directions of derivatives) may stand behind the matrix, and the result has the trailing axes.

Signs and factors: physics.md, sections 1 and 2, from Kokkeler et al., Eqs. (1), (4)-(6), with their errata. The terms
of magnets hold M_k = L_k R3, which stands for -sigma_k tau3: they are what charge conjugation and the symmetry
between times leave of the words with such matrices, up to two spins and two gradients.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from types import SimpleNamespace
from typing import Literal

import jax
import jax.numpy as jnp

from jusadel.action.matrices.products import (
    anticommutator,
    commutator,
    product,
    trace_of_product,
    trace_with,
    with_axes_of,
)
from jusadel.action.matrices.spins import (
    between_R3,
    between_spins,
    spin_conjugate,
    trace_between_spins,
    weighted_magnet,
    weighted_spin,
)
from jusadel.action.nambu import constants
from jusadel.device.material.material import SHAPES

Array = jax.Array
Dk = Sequence[Array] | Array
"""Dx G and Dy G, or the stack of them."""
Density = Callable[..., Array]


class Gradient(tuple[Array, ...]):
    """Dx G and Dy G, with what several terms make of them."""

    @cached_property
    def turning(self) -> Array:
        """[Dx G, Dy G]."""
        return commutator(self[0], self[1])

    @cached_property
    def squares(self) -> tuple[Array, Array, Array]:
        """(Dx G)^2, (Dy G)^2 and {Dx G, Dy G}."""
        return product(self[0], self[0]), product(self[1], self[1]), anticommutator(self[0], self[1])


def frequency(G: Array, dG: Dk | None, p: SimpleNamespace) -> Array:
    """omega Tr(R3 G), from -Tr(omega tau3 g); p.omega is a number, or a matrix on the Keldysh contour."""
    _, R = constants(len(G))
    if jnp.ndim(p.omega) == G.ndim:
        return trace_of_product(p.omega @ R[2], G)
    return p.omega * trace_with(R[2], G)


def inelastic_life(G: Array, dG: Dk | None, p: SimpleNamespace) -> Array:
    """Gamma_in Tr(R3 G): what a weak coupling to a normal bath adds to the frequency, omega + Gamma_in."""
    _, R = constants(len(G))
    return p.inelastic * trace_with(R[2], G)


def pairing(G: Array, dG: Dk | None, p: SimpleNamespace) -> Array:
    """Re(Delta) Tr(R2 G) + Im(Delta) Tr(R1 G), from -Tr(Delta^ g); p.Delta = (Re, Im)."""
    _, R = constants(len(G))
    return p.Delta[0] * trace_with(R[1], G) + p.Delta[1] * trace_with(R[0], G)


def exchange(G: Array, dG: Dk | None, p: SimpleNamespace) -> Array:
    """h_k Tr(L_k R3 G), from -i Tr(h.sigma tau3 g)."""
    L, R = constants(len(G))
    return _total(p.h[k] * trace_with(L[k] @ R[2], G) for k in range(3))


def spin_relaxation(G: Array, dG: Dk | None, p: SimpleNamespace) -> Array:
    """-(1/16) Gamma_jk Tr(L_j G L_k G): spin relaxation beside that of the SU(2) field, Eq. (4)."""
    return trace_between_spins(-p.Gamma / 16, G)


def diffusion(G: Array, dG: Dk, p: SimpleNamespace) -> Array:
    """-(1/4) D_kj Tr(Dk G Dj G): diffusion with the U(1) x SU(2) covariant derivative, Eq. (4)."""
    every = range(len(dG))
    return _total(-p.D[k, j] / 4 * trace_of_product(dG[k], dG[j]) for k in every for j in every)


def spin_galvanic(G: Array, dG: Dk, p: SimpleNamespace) -> Array:
    """(1/16) eps_ijl gamma_lk Tr(L_i G L_j [G, Dk G]): spin-galvanic coupling, Eq. (6), symmetrised.

    With the triplet part's sign turned, G -> G', eps_ijl L_i G L_j = -{L_l, G'}.
    """
    conjugate = spin_conjugate(G)
    each = [(weighted_spin(-p.gamma[:, k] / 16, G), dG[k]) for k in range(len(dG))]
    return _total(trace_of_product(anticommutator(spin, conjugate), commutator(G, along)) for spin, along in each)


def spin_hall(G: Array, dG: Gradient, p: SimpleNamespace) -> Array:
    """-(D/16) theta_iz eps_zjk Tr(L_i {G, [Dj G, Dk G]}): spin Hall effect, Eq. (5), symmetrised.

    The trace is cyclic: Tr(L_i {G, C}) = Tr({L_i, G} C), with C = eps_zjk [Dj G, Dk G] = 2 [Dx G, Dy G].
    """
    spin = weighted_spin(-mean_diffusion(p) / 8 * p.theta, G)
    return trace_of_product(anticommutator(spin, G), dG.turning)


def spin_swapping(G: Array, dG: Gradient, p: SimpleNamespace) -> Array:
    """-(D/4) kappa_iz eps_zjk Tr(L_i Dj G Dk G): spin-current swapping, Eq. (5)."""
    spin = weighted_spin(-mean_diffusion(p) / 4 * p.kappa, G)
    return trace_of_product(spin, dG.turning)


def magnetic_relaxation(G: Array, dG: Dk | None, p: SimpleNamespace) -> Array:
    """(1/16) Gamma^m_jk Tr(M_j G M_k G): Abrikosov and Gorkov's impurities, an axis of Neel order."""
    return trace_of_product(between_spins(p.magnetic_Gamma / 16, between_R3(G)), G)


def orbital_depairing(G: Array, dG: Dk | None, p: SimpleNamespace) -> Array:
    """-(alpha/4) Tr(R3 G R3 G): what breaks pairs by orbits alone, such as a field along a thin film."""
    return -p.depairing / 4 * trace_of_product(between_R3(G), G)


def polarised_depairing(G: Array, dG: Dk | None, p: SimpleNamespace) -> Array:
    """v_k Tr(R3 G L_k G): orbital depairing that differs between spins."""
    _, R = constants(len(G))
    turned = with_axes_of(G, jnp.asarray(R[2], G.dtype))
    return trace_of_product(product(turned, G), product(weighted_spin(p.v, G), G))


def polarised_diffusion(G: Array, dG: Gradient, p: SimpleNamespace) -> Array:
    """(D/4) P_ajk Tr(M_a Dj G Dk G): diffusion that differs between spins, the spin splitter."""
    return _along_both(dG, lambda j, k: weighted_magnet(mean_diffusion(p) / 4 * p.P[:, j, k], G))


def precessing_diffusion(G: Array, dG: Gradient, p: SimpleNamespace) -> Array:
    """(D/8) K_ajk Tr(M_a {G, Dj G Dk G}): spins precess as they diffuse; pairs feel an exchange field D K q q/2."""
    magnet = lambda j, k: weighted_magnet(mean_diffusion(p) / 8 * p.K[:, j, k], G)  # noqa: E731
    return _along_both(dG, lambda j, k: anticommutator(magnet(j, k), G))


def _along_both(dG: Gradient, matrix: Callable[[int, int], Array]) -> Array:
    """Tr(X_jk Dj G Dk G) for X that are symmetric in j and k."""
    xx, yy, both = dG.squares
    pairs = ((matrix(0, 0), xx), (matrix(1, 1), yy), (matrix(0, 1), both))
    return _total(trace_of_product(X, square) for X, square in pairs)


def magnetic_galvanic(G: Array, dG: Dk, p: SimpleNamespace) -> Array:
    """-(1/16) eps_ijl gamma^m_lk Tr(M_i G M_j [G, Dk G]): the spin-galvanic effect of p-wave magnets.

    M_i G M_j = L_i (R3 G R3) L_j, and eps_ijl L_i X L_j = -{L_l, X'} as in the spin-galvanic term.
    """
    conjugate = spin_conjugate(between_R3(G))
    each = [(weighted_spin(p.magnetic_gamma[:, k] / 16, G), dG[k]) for k in range(len(dG))]
    return _total(trace_of_product(anticommutator(spin, conjugate), commutator(G, along)) for spin, along in each)


def hall_effect(G: Array, dG: Gradient, p: SimpleNamespace) -> Array:
    """-(D/8) hall Tr(R3 {G, [Dx G, Dy G]}): the Hall effect, of a magnetic field or anomalous."""
    _, R = constants(len(G))
    turned = with_axes_of(G, -mean_diffusion(p) / 8 * p.hall * jnp.asarray(R[2], G.dtype))
    return trace_of_product(anticommutator(turned, G), dG.turning)


def odd_galvanic(G: Array, dG: Dk, p: SimpleNamespace) -> Array:
    """-(1/16) eps_abl mu_lk Tr(L_a G M_b Dk G - M_b G L_a Dk G): the spin-galvanic effect odd under time reversal.

    With G' of the spin-galvanic term that is (1/16) mu_lk Tr({L_l, {R3, G}'} Dk G).
    """
    _, R = constants(len(G))
    conjugate = spin_conjugate(anticommutator(with_axes_of(G, jnp.asarray(R[2], G.dtype)), G))
    each = [(weighted_spin(p.mu[:, k] / 16, G), dG[k]) for k in range(len(dG))]
    return _total(trace_of_product(anticommutator(spin, conjugate), along) for spin, along in each)


def _total(terms: Iterable[Array]) -> Array:
    return reduce(operator.add, terms)


def mean_diffusion(p: SimpleNamespace) -> Array:
    """(D_xx + D_yy)/2, the D of the spin Hall and swapping terms when diffusion is anisotropic.

    On edges, where nothing diffuses (D = 0), it is given apart, as p.mean_D.
    """
    return p.mean_D if hasattr(p, "mean_D") else (p.D[0, 0] + p.D[1, 1]) / 2


@dataclass(frozen=True)
class Term:
    """One term of the density: the field without which it vanishes, and where on the mesh it is sampled.

    "nodes": no gradient. "edges": -D_kj Dk G Dj G, in which D_kj may be any symmetric tensor. "corners": one gradient,
    times a field whose last axis is its direction; written for any number of directions, since a node sums over its
    triangles for each component of the field. "middle": any other product of gradients.
    """

    density: Density
    field: str
    sampled: Literal["nodes", "edges", "corners", "middle"]

    @property
    def name(self) -> str:
        """The name of the density function."""
        return self.density.__name__

    @property
    def gradient(self) -> bool:
        """Whether it has gradients."""
        return self.sampled != "nodes"


TERMS = (
    Term(frequency, "omega", "nodes"),
    Term(pairing, "Delta", "nodes"),
    Term(exchange, "h", "nodes"),
    Term(spin_relaxation, "Gamma", "nodes"),
    Term(magnetic_relaxation, "magnetic_Gamma", "nodes"),
    Term(orbital_depairing, "depairing", "nodes"),
    Term(inelastic_life, "inelastic", "nodes"),
    Term(polarised_depairing, "v", "nodes"),
    Term(diffusion, "D", "edges"),
    Term(spin_galvanic, "gamma", "corners"),
    Term(magnetic_galvanic, "magnetic_gamma", "corners"),
    Term(odd_galvanic, "mu", "corners"),
    Term(spin_hall, "theta", "middle"),
    Term(spin_swapping, "kappa", "middle"),
    Term(polarised_diffusion, "P", "middle"),
    Term(precessing_diffusion, "K", "middle"),
    Term(hall_effect, "hall", "middle"),
)
"""How each place is weighted on the mesh: see `mesh_action`."""
NODAL = tuple(t.field for t in TERMS if not t.gradient and t.field in SHAPES)
GRADIENT = tuple(t.field for t in TERMS if t.gradient)
"""Fields of a material that stand in them."""


def density(terms: tuple[Term, ...], G: Array, dG: Dk | None, p: SimpleNamespace, weight: Array | float = 1.0) -> Array:
    """The sum of the given terms at one point, in units of pi nu / 2; the trailing axes of G.

    Every term is linear in its own field, which takes the weight (an area) before any matrix is touched.
    """
    slope = None if dG is None else Gradient(dG)
    weighted = (SimpleNamespace(**vars(p) | {t.field: weight * getattr(p, t.field)}) for t in terms)
    return sum(
        (t.density(G, slope, w) for t, w in zip(terms, weighted, strict=True)), start=jnp.zeros(G.shape[2:], G.dtype)
    )
