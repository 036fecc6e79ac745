"""A homogeneous film with a uniform phase gradient q: its pair potential, currents, spin and critical temperature.

A state is a stationary point, over Delta, of the free energy of `energy`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.action import matsubara
from jusadel.common.arguments import is_number, real
from jusadel.common.differentiability import is_traced, waits, worked_out
from jusadel.common.types import ArrayLike, Frequencies
from jusadel.device.material.material import Material
from jusadel.solver.derivatives.callback import called
from jusadel.studies.film.derivatives import FilmEquations, attached_state, film_equations, film_of, observables
from jusadel.studies.film.energy import FilmEnergy

GRID = 16
"""Values of Delta among which solutions are looked for."""
WIDEST = 1.02
"""Largest Delta looked at, in units of the gap without pair breaking."""
CRITICAL_BREAKING = 0.5 * matsubara.GAP_RATIO
"""Abrikosov-Gorkov: pair breaking D q^2/2 that destroys superconductivity at T = 0, in Tc."""


@dataclass(frozen=True, kw_only=True)
class FilmState:
    """A homogeneous state of a film at given temperature and phase gradient (arrays may have leading axes).

    Args:
        T: temperature [energy].
        q: phase gradient (..., 2) [1/length].
        Delta: pair potential >= 0, 0 in the normal state (...) [energy].
        free_energy: superconducting minus normal state, per area (...) [nu energy^2].
        current: charge current j = 2 dF/dq, along +q for a usual film (..., 2) [nu D energy/length].
        spin: spin density <sigma>, with the Pauli response -2 nu h of the normal state (..., 3) [nu energy].
        stable: whether it is a minimum of the free energy among all Delta at this q; a minimum that lies above
            another one (compare `free_energy`, 0 in the normal state) is only metastable.
    """

    T: float
    q: np.ndarray
    Delta: Any
    free_energy: Any
    current: np.ndarray
    spin: np.ndarray
    stable: Any

    @property
    def superconducting(self) -> Any:
        """Whether Delta > 0."""
        return self.Delta > 0


def film_state(
    material: Material,
    T: float,
    q: ArrayLike = (0.0, 0.0),
    frequencies: Frequencies = None,
    accuracy: float = 1e-8,
    start: float | None = None,
) -> FilmState:
    """The self-consistent homogeneous state of a film with the pair potential Delta exp(i q.r).

    Solves Delta ln(T/Tc) = 2 pi T Sum (f_s - Delta/omega), f_s = Tr(tau2 g)/4, for Delta >= 0. Under a strong
    exchange field it has two superconducting solutions, of which the larger is stable.

    Args:
        material: with constant fields and Tc > 0.
        T: temperature > 0 [energy].
        q: phase gradient (2,) [1/length].
        frequencies: None (as many quadrature nodes as `accuracy` needs, and the remainder of the sum in closed
            form), or as for `solve`: a number of nodes, or (omega, weights), which are taken as they are.
        accuracy: relative accuracy of the frequency sums when `frequencies` is None.
        start: None for the superconducting solution of largest Delta, or a Delta: the solution nearest to it, the
            normal state (0) and unstable ones among them.

    Returns:
        FilmState; the normal state where there is no superconducting solution. Under `jax.grad` and its kin it has
        derivatives with respect to all numbers. Inside `jax.jit` and `jax.vmap` nothing is raised that depends on
        numbers: what fails is NaN.

    Raises:
        ValueError: fields that are functions of points, Tc = 0, T <= 0, or G not found at some frequency.

    Example:
        >>> film = ju.Material(D=1.0, Tc=1.0, h=(0, 0.4, 0), gamma=ju.rashba(0.3))
        >>> state = film_state(film, T=0.1, q=(0.2, 0))
        >>> state.Delta, state.current
    """
    if waits(asked := locals()):
        return worked_out(film_state, asked)
    if is_traced((material, T, q, frequencies)):
        return _differentiated(film_equations(material, T, plane_vector("q", q), frequencies, accuracy), start)
    film = FilmEnergy.of(material, T, frequencies, accuracy)
    return _first(_found(film, plane_vector("q", q), start))


def _found(film: FilmEnergy, q: np.ndarray, start: Any) -> FilmState:
    """The state nearest to `start`, or of largest Delta, with a leading axis."""
    Delta, kind = (a[0] for a in gap_solutions(film, q[None]))
    known = np.append(Delta[kind >= 0], 0.0)
    if start is not None and not is_number(start, at_least=0):
        raise ValueError(f"start = {start!r}; expected a pair potential >= 0, or None for the largest")
    chosen = known.max() if start is None else known[np.argmin(np.abs(known - start))]
    return film_states(film, np.array([chosen]), q[None])


def _differentiated(eq: FilmEquations, start: Any) -> FilmState:
    """As `film_state`, with numbers that JAX traces."""
    numbers, n = jax.lax.stop_gradient(eq), len(eq.omega)
    like = (jnp.zeros((n, 4, 4)), jnp.zeros(()), jnp.zeros((), bool))
    V, Delta, stable = called(partial(_in_numbers, start, is_traced(numbers)), like, numbers)
    V, Delta = attached_state(eq, V, Delta)
    F, j, S = observables(eq, V, Delta)
    return FilmState(T=eq.T, q=eq.q, Delta=Delta, free_energy=F, current=j, spin=S, stable=stable)  # type: ignore[arg-type]


def _in_numbers(start: Any, quiet: bool, eq: FilmEquations) -> tuple[Any, ...]:
    """Frames, Delta, and whether the state is stable; NaN where there is none and nothing may be raised."""
    try:
        film, q = film_of(eq), np.asarray(eq.q)
        found = _first(_found(film, q, start))
        return film.frames(found.Delta, q), found.Delta, found.stable
    except ValueError:
        if not quiet:
            raise
        return np.full((len(eq.omega), 4, 4), np.nan), np.nan, False


def gap_of_temperature(
    material: Material,
    temperatures: ArrayLike,
    q: ArrayLike = (0.0, 0.0),
    frequencies: Frequencies = None,
    accuracy: float = 1e-8,
) -> np.ndarray:
    """Delta(T) of a film: the largest solution of the gap equation at each temperature, 0 where there is none.

    Where the transition is of first order this is the branch reached on warming: it lasts, metastable, up to its
    spinodal (compare `film_state(...).free_energy` with 0 for the thermodynamic transition).

    Args:
        material, q, frequencies, accuracy: as for `film_state`.
        temperatures: (n,) > 0 [energy].

    Returns:
        (n,) [energy].
    """
    at = real("temperatures", temperatures)
    xp: Any = jnp if is_traced((material, at, q, frequencies)) else np
    each = [film_state(material, T, q, frequencies, accuracy).Delta for T in at.ravel()]
    return xp.stack(each).reshape(at.shape) if each else xp.zeros(at.shape)


# --- the gap equation --------------------------------------------------------------------------------


def gap_solutions(film: FilmEnergy, q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All solutions Delta > 0 of the gap equation that a grid of Delta tells apart, from the largest down.

    Args:
        q: (k, 2).

    Returns:
        Delta (k, m) and whether it is a minimum (1), a maximum (0) or none (-1).
    """
    k, x = len(q), (WIDEST * matsubara.bulk_gap(film.T, film.Tc)) ** 2 * (np.arange(GRID + 1) / GRID) ** 2
    if film.Tc <= film.T:
        return np.zeros((k, 1)), np.full((k, 1), -1)
    m = np.empty((k, GRID + 1))
    m[:, 0] = film.normal_mismatch(q)
    m[:, 1:] = film.mismatch(np.tile(np.sqrt(x[1:]), k), np.repeat(q, GRID, axis=0))[0].reshape(k, GRID)
    row, column = np.nonzero(np.sign(m[:, :-1]) != np.sign(m[:, 1:]))
    roots = _refined(film, q[row], x[column], x[column + 1], m[row, column])
    most = int(np.bincount(row, minlength=k).max(initial=1))
    Delta, kind = np.zeros((k, most)), np.full((k, most), -1)
    place = np.array([np.sum((row == r) & (column > c)) for r, c in zip(row, column, strict=True)], int)
    Delta[row, place], kind[row, place] = roots, m[row, column] < 0
    return Delta, kind


def _refined(film: FilmEnergy, q: np.ndarray, low: np.ndarray, high: np.ndarray, m_low: np.ndarray) -> np.ndarray:
    """Roots Delta (k,) of the mismatch between low and high, values of Delta^2: Newton, or halving."""
    x, active = (low + high) / 2, np.ones(len(q), bool)
    for _ in range(60):
        if not active.any():
            break
        m, slope = film.mismatch(np.sqrt(x[active]), q[active])
        below = np.sign(m) == np.sign(m_low[active])
        low[active], high[active] = (
            np.where(below, x[active], low[active]),
            np.where(below, high[active], x[active]),
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            new = x[active] - m / slope
        inside = (new >= low[active]) & (new <= high[active])
        new = np.where(inside, new, (low[active] + high[active]) / 2)
        step = np.abs(new - x[active])
        x[active] = new
        active[active] = step > 1e-12 * new
    return np.sqrt(x)


def film_states(film: FilmEnergy, Delta: np.ndarray, q: np.ndarray) -> FilmState:
    """The states with the given Delta (k,) and q (k, 2), with a leading axis."""
    sc = Delta > 0
    F, j, S = np.zeros(len(q)), np.zeros((len(q), 2)), np.zeros((len(q), 3)) - 2 * film.fields["h"]
    stable = np.zeros(len(q), bool)
    if sc.any():
        sums = film.sums(Delta[sc], q[sc])
        F[sc], j[sc], stable[sc] = sums.value, 2 * sums.slope[:, 1:3], sums.curvature[:, 0, 0] > 0
        S[sc] += sums.slope[:, 3:]
    if not sc.all():
        stable[~sc] = film.normal_mismatch(q[~sc]) >= 0
    nu = film.nu
    return FilmState(T=film.T, q=q, Delta=Delta, free_energy=nu * F, current=nu * j, spin=nu * S, stable=stable)


def _first(states: FilmState) -> FilmState:
    """The state without its leading axis."""
    return replace(
        states,
        q=states.q[0],
        Delta=float(states.Delta[0]),
        free_energy=float(states.free_energy[0]),
        current=states.current[0],
        spin=states.spin[0],
        stable=bool(states.stable[0]),
    )


def plane_vector(name: str, value: ArrayLike) -> np.ndarray:
    """A vector (2,) of the user, checked."""
    vector: Any = real(name, value)
    vector = vector if is_traced(vector) else np.asarray(vector)
    if vector.shape != (2,) or not (is_traced(vector) or np.isfinite(vector).all()):
        raise ValueError(f"{name} = {value!r}; expected two finite numbers (x, y)")
    return vector
