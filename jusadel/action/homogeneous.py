"""The homogeneous solution: G of a bulk superconductor with exchange field, spin relaxation and phase gradient."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.action.nambu import TANGENT, units
from jusadel.action.nambu.frames import ROUND_OFF, cap_step, expand, frame_to_green, inverse, positivity, retract
from jusadel.action.terms import GRADIENT, NODAL, TERMS, Term, density
from jusadel.common.differentiability import at_once, is_traced, on_device, values_of
from jusadel.common.types import ArrayLike
from jusadel.device.material.material import ISOTROPIC, ROWS, SHAPES, Material
from jusadel.device.pair_potential import as_pairs

Array = jax.Array
STEPS = 60
FEW = 8
"""Frequencies of the smallest program."""
LAST_STEP = 1e-7
RUNGS = 4.0 * 3.0 ** -np.arange(13.0)
"""Heights above the real axis, in the largest energy, from which real energies are approached."""
FIELDS = ("spin_field", *NODAL, *GRADIENT)
"""What of a material stands in the action."""
PLAIN = Material()
WITHOUT_SCALE = ("D", *(name for name in FIELDS if ROWS[name].unit == (0, 0)))
"""Fields that say nothing of the energies in the spectrum."""


def bulk_value(
    omega: ArrayLike, Delta: ArrayLike, h: ArrayLike = (0.0, 0.0, 0.0), Gamma: ArrayLike = 0.0, **gradient: ArrayLike
) -> Array:
    """G of a homogeneous superconductor, solved from the normal state by Newton's method.

    Args:
        omega: Matsubara frequencies > 0, any shape (...), or eta - i E with eta > 0 for the retarded function at real
            energies E, which is followed there from far above the real axis [energy].
        Delta: complex pair potential, a number [energy].
        h: exchange field (3,) [energy].
        Gamma: spin relaxation, number or (3, 3) [energy].
        gradient: a phase gradient and spin-orbit tensors, in the gauge where Delta is uniform:
            A (2,) (minus half the phase gradient), D, spin_field, gamma, theta, kappa as in Material, as any other of
            its fields that stands in the action.

    Returns:
        (..., 4, 4), real where omega is; differentiable once with respect to everything.

    Raises:
        ValueError: omega not positive, no convergence, or a solution off the physical branch.
    """
    at: Any = _array(omega, complex if jnp.iscomplexobj(omega) else float)
    fields = _fields(Delta, h, Gamma, gradient)
    G, last = _of_few_sizes(at.ravel(), fields, _present(fields))
    G = G.reshape(*at.shape, 4, 4)
    _certify(G, last.reshape(at.shape), at, Delta, h)
    return on_device(G)


def homogeneous_density(G: Array, omega: Any, fields: dict[str, Array], terms: tuple[Term, ...] = TERMS) -> Array:
    """Free-energy density of one frequency with dk G = -[A_k R3 + a_jk L_j, G], in units of pi nu/2.

    Args:
        G: (4, 4).
        omega: frequency.
        fields: D, A, spin_field, h, Gamma, gamma, theta, kappa, and Delta as (Re, Im).
        terms: the terms to sum.
    """
    L, R = units(4, G.dtype)
    p = SimpleNamespace(omega=omega, **fields)
    connection = p.A[:, None, None] * R[2] + jnp.einsum("jk,jab->kab", p.spin_field, L)
    return density(terms, G, G @ connection - connection @ G, p)


def field_energies(field: Callable[[str], Any]) -> tuple[float, float]:
    """How far the terms without gradient split G in energy, and an eighth of how fast they relax it, at most.

    Args:
        field: from the name of a field of Material its values, (..., *shape).
    """
    splitting = relaxation = 0.0
    for name in NODAL:
        values = np.asarray(field(name))
        if name in ISOTROPIC:
            relaxation += np.abs(values).max() / 8
        else:
            splitting += np.linalg.norm(values.reshape(-1, int(np.prod(SHAPES[name]))), axis=-1).max()
    return float(splitting), float(relaxation)


def _fields(Delta: Any, h: Any, Gamma: Any, gradient: dict[str, Any]) -> dict[str, Array]:
    given = {name: getattr(PLAIN, name) for name in FIELDS} | {"A": np.zeros(2)}
    unknown = set(gradient) - (set(given) - {"h", "Gamma"})
    if unknown:
        expected = sorted(set(given) - {"h", "Gamma"})
        raise ValueError(f"unknown fields {sorted(unknown)}; expected some of {expected}")
    given |= gradient | {"h": h, "Gamma": Gamma}
    fields: dict[str, Any] = {name: _array(value, float) for name, value in given.items()}
    for name in ISOTROPIC:
        fields[name] = fields[name] * np.eye(SHAPES[name][0]) if fields[name].ndim == 0 else fields[name]
    return fields | {"Delta": as_pairs(_array(Delta, complex))}


def _array(value: Any, dtype: Any) -> Any:
    """NumPy's, for whose operations nothing is compiled, unless JAX traces any of it."""
    return jnp.asarray(value, dtype) if is_traced(value) else np.asarray(value, dtype)


def _present(fields: dict[str, Array]) -> tuple[Term, ...]:
    """The terms that do not vanish; without a connection no gradient term contributes."""
    moving = any(isinstance(fields[k], jax.core.Tracer) or np.any(fields[k]) for k in ("A", "spin_field"))

    def keep(term: Term) -> bool:
        value = fields.get(term.field)
        return (moving or not term.gradient) and (
            value is None or isinstance(value, jax.core.Tracer) or bool(np.any(value))
        )

    return tuple(t for t in TERMS if keep(t))


def _of_few_sizes(omega: Any, fields: dict[str, Array], terms: tuple[Term, ...]) -> tuple[Any, Any]:
    """As `_from_above`; of numbers in one program for `FEW` frequencies, for four times as many, and so on."""
    count = len(omega)
    if is_traced((omega, fields)):
        return _from_above(omega, fields, terms)
    size = FEW * 4 ** max(0, math.ceil(math.log(max(count, 1) / FEW, 4)))
    G, last = at_once(_from_above, np.pad(omega, (0, size - count), mode="edge"), fields, terms)
    return np.asarray(G)[:count], np.asarray(last)[:count]


def _from_above(omega: Any, fields: dict[str, Array], terms: tuple[Term, ...]) -> tuple[Array, Array]:
    """G and Newton's last step (b,): from the normal state; at real energies in steps towards the axis."""
    V: Any = np.broadcast_to(np.eye(4, dtype=omega.dtype), (len(omega), 4, 4))
    if jnp.iscomplexobj(omega):
        highest = values_of(_highest([v for name, v in fields.items() if name not in WITHOUT_SCALE]))
        for rung in RUNGS:
            V = _solve_all(omega + rung * highest, V, fields, terms)[2]
    return _solve_all(omega, V, fields, terms)[:2]


@jax.jit
def _highest(energies: list[Array]) -> Array:
    return sum((jnp.max(jnp.abs(v)) for v in energies), jnp.zeros(()))


@partial(jax.jit, static_argnums=3)
def _solve_all(omega: Array, V: Array, fields: dict[str, Array], terms: tuple[Term, ...]) -> tuple[Array, ...]:
    return jax.vmap(lambda w, start: _solve(w, start, fields, terms))(omega, V)


def _solve(omega: Array, V: Array, fields: dict[str, Array], terms: tuple[Term, ...]) -> tuple[Array, Array, Array]:
    """G, the largest component of Newton's last step, and the frame, from the frame V."""
    frozen, w = jax.lax.stop_gradient((fields, omega))
    zero = jnp.zeros(8, omega.dtype)
    slope_at = partial(jax.grad(frame_density, holomorphic=jnp.iscomplexobj(omega)), terms=terms)

    def derivatives(V: Array) -> tuple[Array, Array]:
        slope, H = with_slope(partial(slope_at, V=V, omega=w, fields=frozen))(zero)
        return slope, H

    V, (_, H) = stationary_frame(derivatives, V)
    # at the solution the last step vanishes, but its derivative is that of the solution (implicit function), also with
    # H held fast, for the derivative of H is multiplied by zero
    last = -solve_quasidefinite(H, slope_at(zero, V=V, omega=omega, fields=fields)[:, None])[:, 0]
    return expand_green(V, last - jax.lax.stop_gradient(last)), jnp.max(jnp.abs(jax.lax.stop_gradient(last))), V


def with_slope(slope: Callable[[Array], Array]) -> Callable[[Array], tuple[Array, Array]]:
    """The slope of a function at x, and the derivatives of the slope along the components of x, (n, n): one program."""

    def both(x: Array) -> tuple[Array, Array]:
        H, value = jax.jacfwd(lambda z: (slope(z),) * 2, has_aux=True, holomorphic=jnp.iscomplexobj(x))(x)
        return value, H

    return both


def stationary_frame(
    derivatives: Callable[[Array], tuple[Array, Array, *tuple[Any, ...]]], V: Array | None = None
) -> tuple[Array, Any]:
    """The frame V (4, 4) to which Newton's method leads, and the derivatives at it.

    Args:
        derivatives: from V slope and curvature of `frame_density` at u = 0, whose first 8 components are u, and
            whatever else is wanted at the solution. It stands only once in the program, which is long to compile.
        V: the frame to start from, real or complex; None for the normal state.

    Returns:
        V and derivatives(V), constants for derivatives.
    """

    def unfinished(state: tuple[Array, ...]) -> Array:
        _, _, last, count, _ = state
        return (count < STEPS + 1) & ~(last < LAST_STEP)

    def improve(state: tuple[Any, ...]) -> tuple[Any, ...]:
        V, u, _, count, _ = state
        V = retract(V, cap_step(u, 0.5))
        found = derivatives(V)
        last = jnp.where(count == 0, jnp.inf, jnp.max(jnp.abs(u)))  # the first u is no step
        u = -solve_quasidefinite(found[1][:8, :8], found[0][:8, None])[:, 0]
        return V, u, last, count + 1, found

    V = jnp.eye(4) if V is None else jax.lax.stop_gradient(V)
    nothing = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), jax.eval_shape(derivatives, V))
    V, _, _, _, found = jax.lax.while_loop(
        unfinished, improve, (V, jnp.zeros(8, V.dtype), jnp.asarray(jnp.inf), jnp.asarray(0), nothing)
    )
    return jax.lax.stop_gradient((V, found))


def frame_density(u: Array, V: Array, omega: Array, fields: dict[str, Array], terms: tuple[Term, ...] = TERMS) -> Array:
    """Free-energy density of one frequency at the step u (8,) from the frame V: exact to second order in u."""
    return homogeneous_density(expand(u, V, inverse(V)), omega, fields, terms)


def expand_green(V: Array, u: Array) -> Array:
    """G after the step u, to first order in u exact, with G^2 = -1 restored."""
    G = frame_to_green(V)
    T = 2 * jnp.einsum("ab,xbc,cd->xad", V, TANGENT @ units(4)[1][2], inverse(V))
    return G + jnp.einsum("x,xab->ab", u, T)


def solve_quasidefinite(H: Array, r: Array) -> Array:
    """H^-1 r, (8, k), without pivoting: 2 positive, 6 negative pivots on the physical branch."""
    system = jnp.concatenate([H, r], axis=1)
    for k in range(8):
        row = system[k] / system[k, k]
        system = (system - system[:, k, None] * row).at[k].set(row)
    return system[:, 8:]


def _certify(G: Any, last: Any, omega: Any, Delta: Any, h: Any) -> None:
    if isinstance(G, jax.core.Tracer):
        return
    if np.any(np.asarray(omega).real <= 0):
        raise ValueError(f"omega = {np.min(omega)}; a bulk value needs omega > 0, or eta - i E with eta > 0")
    least = -ROUND_OFF if np.iscomplexobj(G) else 0.0
    good = np.isfinite(G).all(axis=(-1, -2)) & (np.asarray(positivity(np.nan_to_num(G))) > least)
    good &= np.asarray(last) < LAST_STEP
    if not good.all():
        bad = np.asarray(omega)[~good]
        raise ValueError(
            f"no physical bulk solution found at omega = {bad[:3]} for Delta = {Delta}, h = {np.asarray(h)}"
        )
