"""Free energy, entropy and specific heat, as differences to the normal state."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.action.matrices.padding import few_sizes, filled_up, in_few_sizes
from jusadel.action.mesh_action import DiscreteAction, action
from jusadel.action.nambu import R
from jusadel.action.nambu.frames import frame_to_green
from jusadel.common.arguments import check_temperature, is_number
from jusadel.common.differentiability import at_once, is_traced, numpy_if_few, on_device
from jusadel.common.types import PairPotential
from jusadel.device.device import Device
from jusadel.solver.equilibrium import solve
from jusadel.solver.reservoirs import held_nodes
from jusadel.solver.states.solution import Solution

Array = jax.Array


def entropy(sol: Solution) -> Array:
    """Entropy S_s - S_n = -dF/dT of the superconducting minus the normal state, from one solution.

    F is stationary, so only its explicit dependence on T counts: the frequencies omega_p = x_p T at fixed x_p, the
    factor T before the sum, and ln(T/Tc), at fixed Delta and fixed electrodes (whose G follows the frequency):
    S = -Int nu |Delta|^2/T - pi Sum_p w_p (1 + omega_p d/domega) Int nu (f - f[tau3]), where df/domega = Tr(R3 G).
    It is the whole derivative where Delta solves the gap equation; elsewhere it is the one at fixed Delta.

    Args:
        sol: the Solution. Where its frequencies were given, x_p = omega_p/T all the same: they move with T.

    Returns:
        A number [nu energy length^2]; the normal state itself has S_n = (2 pi^2/3) T Int nu.
    """
    each = _with_slopes(sol.system, sol.all_G, _slope_on_reservoirs(sol), jnp.asarray(sol.omega))
    return -_condensate(sol) / sol.T - jnp.pi * jnp.sum(jnp.asarray(sol.weights) * each)


def specific_heat(
    device: Device,
    T: float,
    pair_potential: PairPotential = None,
    step: float | None = None,
    **solve_arguments: Any,
) -> Array:
    """Specific heat C_s - C_n = T d(S_s - S_n)/dT of the superconducting minus the normal state.

    The central difference of `entropy` between T - step and T + step (two solutions with the same number of
    frequencies); the normal state has C_n = (2 pi^2/3) T Int nu.

    Args:
        device: the Device; its reservoirs do not change with T.
        T: temperature > 0 [energy].
        pair_potential: a function of the temperature that returns what `solve` takes, such as
            `lambda T: ju.bulk_gap(T)` or `lambda T: ju.vortex(ju.bulk_gap(T))`; anything that is no function
            is the same at all T.
        step: of the temperature, 0 < step < T; default T/1000.
        solve_arguments: of `solve`. Given frequencies (omega, weights) are for T and scale with the temperature.

    Returns:
        A number [nu energy length^2].

    Raises:
        ValueError: T or step out of range.
        TypeError: a pair potential that is a function of points.
    """
    check_temperature(T)
    step = T / 1000 if step is None else step
    if not is_number(step) or not 0 < step < T:
        raise ValueError(f"step = {step!r}; expected a number between 0 and T = {T:g}")
    frequencies = solve_arguments.pop("frequencies", None)

    def solved(temperature: float) -> Solution:
        Delta = _at_temperature(pair_potential, temperature)
        return solve(device, temperature, Delta, _scaled(frequencies, temperature / T), **solve_arguments)

    cold = solved(T - step)
    frequencies = len(cold.omega) if frequencies is None else frequencies
    return T * (entropy(solved(T + step)) - entropy(cold)) / (2 * step)


def _at_temperature(pair_potential: Any, T: float) -> Any:
    if not callable(pair_potential):
        return pair_potential
    try:
        return pair_potential(T)
    except (TypeError, IndexError) as error:
        raise TypeError(
            f"pair_potential(T) failed at T = {T:g}: {error}; expected a function of the temperature, such as "
            "lambda T: ju.vortex(ju.bulk_gap(T)), not one of points"
        ) from error


def _scaled(frequencies: Any, factor: float) -> Any:
    if not isinstance(frequencies, tuple | list) or len(frequencies) != 2:
        return frequencies
    return np.asarray(frequencies[0]) * factor, frequencies[1]


def _condensate(sol: Solution) -> Array:
    """Int nu |Delta|^2 where Tc > 0."""
    volumes = sol.device.centroid_field("nu") * jnp.asarray(sol.mesh.areas)
    squared = jnp.where(sol.device.vertex_field("Tc") > 0, jnp.abs(sol.vertex_Delta) ** 2, 0.0)
    return jnp.einsum("t,ti->", volumes / 3, squared)


@jax.jit
def _with_slopes(system: DiscreteAction, G: Array, dG: Array, omega: Array) -> Array:
    """(1 + omega d/domega) of the action minus that of the normal state, (n_w,), with dG/domega (n_w, n, 4, 4)."""
    normal = jnp.broadcast_to(jnp.asarray(R[2]), G.shape[1:])

    def one(x: tuple[Array, Array, Array]) -> Array:
        difference = lambda g, w: action(system, g, w) - action(system, normal, w)  # noqa: E731
        value, slope = jax.jvp(difference, (x[0], x[2]), (x[1], jnp.ones(())))
        return value + x[2] * slope

    return jax.lax.map(one, (G, dG, omega))


def _slope_on_reservoirs(sol: Solution) -> Array:
    """dG/domega at the nodes of reservoirs and behind barriers, zero at others, (n_w, N, 4, 4)."""
    omega, slope = jnp.asarray(sol.omega), jnp.zeros_like(sol.all_G)

    def values(w: Array) -> tuple[list[Array], list[np.ndarray]]:
        held = [(h.nodes, h.frames(w)) for h in held_nodes(sol.device, sol.system.layout)]
        return [frame_to_green(V) for _, V in held], [nodes for nodes, _ in held]

    _, slopes, places = jax.jvp(values, (omega,), (jnp.ones_like(omega),), has_aux=True)
    for nodes, dG in zip(places, slopes, strict=True):
        slope = slope.at[:, nodes].set(dG)
    return slope


def free_energy(sol: Solution) -> Array:
    """Free energy of the superconducting minus the normal state, with the pairing energy where Tc > 0.

    F = Int nu |Delta|^2 [ln(T/Tc) + 2 pi T Sum w/omega] + pi T Sum_p w_p Int nu (f - f[tau3]) [nu energy^2 length^2].
    """
    fields = sol.vertex_Delta, sol.device.vertex_field("Tc"), sol.device.centroid_field("nu"), sol.mesh.areas
    condensed = _pairing_sum(*fields, sol.T, np.sum(sol.weights / sol.omega))
    return on_device(condensed + np.pi * sol.T * (sol.weights * _each_action(sol)).sum())


def _each_action(sol: Solution) -> Any:
    """The action of each frequency minus that of the normal state, (n_w,); a program with shapes in few sizes."""
    if is_traced((sol.system, sol.all_G, sol.omega)):
        return _actions(sol.system, sol.all_G, jnp.asarray(sol.omega))
    system, b = in_few_sizes(sol.system), few_sizes(len(sol.omega))
    G = filled_up(filled_up(sol.all_G, len(system.free), axis=1), b)
    return np.asarray(at_once(_actions, system, *on_device((G, filled_up(sol.omega, b)))))[: len(sol.omega)]


@jax.jit
def _actions(system: DiscreteAction, G: Array, omega: Array) -> Array:
    """The action of each frequency minus that of the normal state, (n_w,)."""
    normal = jnp.broadcast_to(jnp.asarray(R[2]), G.shape[1:])
    one = lambda x: action(system, x[0], x[1]) - action(system, normal, x[1])  # noqa: E731
    return jax.lax.map(jax.checkpoint(one), (G, omega))  # a gradient keeps G and not what is worked out on the way


@numpy_if_few
def _pairing_sum(xp: Any, Delta: Any, Tc: Any, nu: Any, areas: Any, T: Any, inverse_omega: Any) -> Any:
    log = xp.log(T / xp.where(Tc > 0, Tc, T)) + 2 * np.pi * T * inverse_omega
    share = (nu * areas)[:, None] / 3
    return xp.sum(xp.where(Tc > 0, share * abs(Delta) ** 2 * log, 0.0))
