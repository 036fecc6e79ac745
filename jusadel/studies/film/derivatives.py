"""States of a homogeneous film as functions of what JAX traces: frames and Delta make the free energy stationary.

    R = (pi T w_p dS_p/du_p, dF/dDelta) = 0,

and current and spin are derivatives of F at fixed frames and Delta.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.action import matsubara
from jusadel.action.homogeneous import frame_density
from jusadel.action.nambu import R
from jusadel.action.nambu.frames import generator
from jusadel.action.terms import NODAL, Term, density
from jusadel.common.arguments import is_count, real
from jusadel.common.differentiability import is_traced, values_of
from jusadel.device.material.material import Material
from jusadel.solver.derivatives.rule import Residual, implicit
from jusadel.solver.derivatives.tracing import still
from jusadel.studies.film.energy import FilmEnergy, constant_fields, terms_present
from jusadel.studies.film.pairing_response import PairingResponse, pairing_vectors

Array = jax.Array
Unknowns = tuple[Array, Array]
"""Frames V (n, 4, 4) and Delta; likewise steps u (n, 8) and a change of Delta."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class FilmEquations:
    """All numbers that a state depends on."""

    fields: dict[str, Array]
    Tc: Array
    nu: Array
    T: Array
    q: Array  # (2,)
    omega: Array  # (n,)
    weights: Array  # (n,)
    tail: Array  # as in `FilmEnergy`
    P: Any  # (8,) and b (8,) of `PairingResponse`, which are the same for all films
    b: Any
    terms: tuple[Term, ...] = field(metadata={"static": True})


def film_free_energy(eq: FilmEquations, V: Array, Delta: Array, q: Array, h: Array) -> Array:
    """F/nu at frames V (n, 4, 4), superconducting minus normal state."""
    sums = jnp.sum(eq.weights * jax.vmap(lambda V, w: _of_one(eq, jnp.zeros(8), V, w, Delta, q, h))(V, eq.omega))
    pairing = jnp.log(eq.T / eq.Tc) + 2 * jnp.pi * eq.T * jnp.sum(eq.weights / eq.omega)
    slope = jax.grad(lambda u: _action(eq, u, jnp.eye(4), 0.0, jnp.zeros(()), q, h))
    second = jax.jvp(slope, (jnp.zeros(8),), (eq.b / eq.P,))[1]
    tail = Delta**4 / 4 - second @ (second / eq.P) / 4 * Delta**2
    return pairing * Delta**2 + jnp.pi * eq.T * sums + eq.tail * tail


def _action(eq: FilmEquations, u: Array, V: Array, omega: Any, Delta: Array, q: Array, h: Array) -> Array:
    """f of one frequency at the step u from the frame V."""
    return frame_density(u, V, omega, _fields(eq, Delta, q, h), eq.terms)


def _fields(eq: FilmEquations, Delta: Array, q: Array, h: Array) -> dict[str, Array]:
    return eq.fields | {"Delta": jnp.stack([Delta, jnp.zeros_like(Delta)]), "A": -q / 2, "h": h}


def _of_one(eq: FilmEquations, u: Array, V: Array, omega: Array, Delta: Array, q: Array, h: Array) -> Array:
    """f - f[tau3] of one frequency at the step u from the frame V."""
    node_terms = tuple(t for t in eq.terms if t.field in ("omega", *NODAL))
    given = SimpleNamespace(omega=omega, **_fields(eq, Delta, q, h))
    return _action(eq, u, V, omega, Delta, q, h) - density(node_terms, jnp.asarray(R[2]), None, given)


def _slopes(eq: FilmEquations, x: Unknowns) -> Unknowns:
    V, Delta = x
    scale, h = jnp.pi * eq.T * eq.weights, eq.fields["h"]
    of_one = lambda V, w: jax.grad(lambda u: _of_one(eq, u, V, w, Delta, eq.q, h))(jnp.zeros(8))  # noqa: E731
    return scale[:, None] * jax.vmap(of_one)(V, eq.omega), jax.grad(lambda d: film_free_energy(eq, V, d, eq.q, h))(
        Delta
    )


def _product(eq: FilmEquations, x: Unknowns, dx: Unknowns) -> Unknowns:
    moved = lambda dx: _slopes(eq, (x[0] + x[0] @ generator(dx[0]), x[1] + dx[1]))  # noqa: E731
    return jax.jvp(moved, (jax.tree.map(jnp.zeros_like, dx),), (dx,))[1]


def _moved(_: FilmEquations, x: Unknowns, dx: Unknowns) -> Unknowns:
    return x[0] @ generator(dx[0]), dx[1]


FILM = Residual(jax.jit(_slopes), jax.jit(_product), jax.jit(_moved), symmetric=True)
"""The equations of a state."""


@jax.jit
def _solve(r: Unknowns, eq: FilmEquations, x: Unknowns) -> Unknowns:
    """H^-1 r: the steps of every frequency first, then Delta by what is left."""
    (V, Delta), h, scale = x, eq.fields["h"], jnp.pi * eq.T * eq.weights

    def of_one(V: Array, w: Array) -> tuple[Array, Array]:
        at = lambda z: _of_one(eq, z[:8], V, w, z[8], eq.q, h)  # noqa: E731
        H = jax.hessian(at)(jnp.append(jnp.zeros(8), Delta))
        return H[:8, :8], H[:8, 8]

    H, c = jax.vmap(of_one)(V, eq.omega)
    own = jnp.linalg.solve(H, jnp.stack([r[0] / scale[:, None], c], axis=-1))
    stiff = jax.grad(jax.grad(lambda d: film_free_energy(eq, V, d, eq.q, h)))(Delta)
    left = stiff - jnp.einsum("n,ni,ni->", scale, c, own[..., 1])
    dDelta = (r[1] - jnp.einsum("n,ni,ni->", scale, c, own[..., 0])) / left
    return own[..., 0] - own[..., 1] * dDelta, dDelta


def attached_state(eq: FilmEquations, V: Any, Delta: Any) -> Unknowns:
    """Frames V (n, 4, 4) and Delta of a state as functions of the numbers of its equations."""
    x = jnp.asarray(V), jnp.asarray(Delta, float)
    return implicit(FILM, eq, x, _solve, jax.lax.stop_gradient((eq, x)))


@jax.jit
def observables(eq: FilmEquations, V: Array, Delta: Array) -> tuple[Array, Array, Array]:
    """Free energy, current (2,) and spin (3,) of a state."""
    h = eq.fields["h"]
    F, (j, S) = jax.value_and_grad(lambda q, h: film_free_energy(eq, V, Delta, q, h), argnums=(0, 1))(eq.q, h)
    return eq.nu * F, 2 * eq.nu * j, eq.nu * (S - 2 * h)


# --- where nothing was found yet --------------------------------------------------------------------


def film_equations(material: Material, T: Any, q: Any, frequencies: Any, accuracy: float) -> FilmEquations:
    """The equations of a film with whatever JAX traces in them.

    Raises:
        ValueError: as `FilmEnergy.of`; inside `jax.jit` and `jax.vmap` frequencies=None.
    """
    fields, Tc, nu = constant_fields(material)
    at = [values_of(x) for x in (T, Tc, *fields.values())]
    if not is_traced(at):
        film = FilmEnergy.of(still(material), float(values_of(T)), still(frequencies), accuracy)
        omega, weights, tail = film.omega / film.T * T, film.weights, film.tail * (film.T / T) ** 2
    elif is_count(frequencies):
        x, weights = matsubara.quadrature(1.0, int(frequencies))
        omega, tail = x * T, 0.0
    else:
        raise ValueError(
            f"frequencies = {frequencies!r}; inside jax.jit and jax.vmap, where no number has a value, expected how "
            "many they are or a pair (omega, weights)"
        )
    if isinstance(frequencies, tuple | list):
        omega, weights = (real(f"frequencies[{k}]", x) for k, x in enumerate(frequencies))
    vectors = pairing_vectors()
    numbers = {"Tc": Tc, "nu": nu, "T": T, "q": q, "omega": omega, "weights": weights, "tail": tail}
    return FilmEquations(
        fields={name: jnp.asarray(value, float) for name, value in fields.items()},
        terms=terms_present(fields),
        P=vectors["P"],
        b=vectors["b"],
        **{name: jnp.asarray(value, float) for name, value in numbers.items()},
    )


def film_of(eq: FilmEquations) -> FilmEnergy:
    """The film of equations that are all numbers."""
    fields = {name: np.asarray(value) for name, value in eq.fields.items()}
    Tc, nu, T, tail = (float(x) for x in (eq.Tc, eq.nu, eq.T, eq.tail))
    response = PairingResponse.of(fields)
    return FilmEnergy(fields, response, Tc, nu, T, np.asarray(eq.omega), np.asarray(eq.weights), tail)
