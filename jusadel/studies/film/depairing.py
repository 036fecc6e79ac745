"""The depairing currents of a homogeneous film: the largest that it carries each way along a direction."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy

from jusadel.common.arguments import is_number
from jusadel.common.differentiability import is_traced, values_of, waits, worked_out
from jusadel.common.types import ArrayLike, Frequencies
from jusadel.device.material.material import Material
from jusadel.solver.derivatives.rule import implicit_numbers
from jusadel.solver.derivatives.tracing import still
from jusadel.solver.derivatives.whole import called_whole
from jusadel.studies.film.derivatives import (
    FilmEquations,
    attached_state,
    film_equations,
    film_of,
    observables,
)
from jusadel.studies.film.energy import FilmEnergy
from jusadel.studies.film.states import CRITICAL_BREAKING, film_states, gap_solutions, plane_vector

STEPS = 20
"""Of Newton's method for Delta, from a neighbour."""
SAMPLED = "q", "Delta", "current", "free_energy"
FLAT = 1e-6
"""Current at the least free energy, over the largest, that is round-off."""
SAMPLES = 41
"""Values of q along the direction of a current."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class DepairingCurrent:
    """The largest currents of a film both ways along a direction n, q = q n.

    Args:
        plus: largest current along +n, >= 0 [nu D energy/length].
        minus: largest current along -n, >= 0.
        q_plus: phase gradient along n at which `plus` flows [1/length].
        q_minus: the same for `minus`.
        q0: phase gradient along n of least free energy, where no current flows along n.
        q, Delta, current, free_energy: the superconducting branch as sampled, (k,) each, for pictures.
    """

    plus: float
    minus: float
    q_plus: float
    q_minus: float
    q0: float
    q: np.ndarray = field(repr=False)
    Delta: np.ndarray = field(repr=False)
    current: np.ndarray = field(repr=False)
    free_energy: np.ndarray = field(repr=False)

    @property
    def diode_efficiency(self) -> float:
        """(plus - minus)/(plus + minus)."""
        return (self.plus - self.minus) / (self.plus + self.minus)


def depairing_current(
    material: Material,
    T: float,
    direction: ArrayLike = (1.0, 0.0),
    frequencies: Frequencies = None,
    accuracy: float = 1e-8,
    samples: int = SAMPLES,
) -> DepairingCurrent:
    """The critical currents of a film along +direction and -direction: extrema of j(q) on the superconducting branch.

    The branch of largest Delta is followed both ways from the q of least free energy until it ends. With an exchange
    field and a spin-galvanic tensor that q is finite (helical state) and the two currents differ (diode effect:
    Ilic et al. 2024; Kokkeler et al.).

    Args:
        material, T, frequencies, accuracy: as for `film_state`.
        direction: n (2,), of any length; q = q n is varied, the component of j along n counts.
        samples: number of q on the branch between which the extrema are bracketed.

    Returns:
        DepairingCurrent. Under `jax.grad` and its kin it has derivatives with respect to all numbers; `q0` is NaN there
        where the branch ends before the free energy has a minimum, which then has none. Inside `jax.jit` and `jax.vmap`
        they are of first order, all is NaN where it fails, and so is the rest of `samples` behind the sampled branch.

    Raises:
        ValueError: as `film_state`; no superconducting state along this direction; too few samples.
    """
    if waits(asked := locals()):
        return worked_out(depairing_current, asked)
    if is_traced((material, T, direction, frequencies)):
        return _differentiated(material, T, direction, frequencies, accuracy, samples)
    n = plane_vector("direction", direction)
    if not np.linalg.norm(n) > 0 or not is_number(samples, at_least=9):
        raise ValueError(f"direction = {direction!r}, samples = {samples}; expected a non-zero vector and at least 9")
    film, n = FilmEnergy.of(material, T, frequencies, accuracy), n / np.linalg.norm(n)
    line = _Line(film, n)
    s, Delta, F, j = line.branch(int(samples))
    (q_plus, plus), (q_minus, minus) = line.extremum(s, Delta, j), line.extremum(s, Delta, -j)
    return DepairingCurrent(
        plus=plus,
        minus=minus,
        q_plus=q_plus,
        q_minus=q_minus,
        q0=line.balance(s, Delta, F),
        q=s,
        Delta=Delta,
        current=j,
        free_energy=F,
    )


def _differentiated(
    material: Material, T: Any, direction: Any, frequencies: Any, accuracy: float, samples: int
) -> DepairingCurrent:
    """As `depairing_current`, with numbers that JAX traces."""
    plain: Any = still((material, T, direction, frequencies))
    if is_traced(plain):
        return _in_program((material, T, direction, frequencies), accuracy, int(samples))
    found = depairing_current(*(*plain, accuracy, samples))
    n = plane_vector("direction", direction)
    n = n / jnp.linalg.norm(n)
    branch = _Branch(film_equations(material, T, n, frequencies, accuracy), n, found)
    q_plus, at_plus = branch.extremum(found.q_plus, 2)
    q_minus, at_minus = branch.extremum(found.q_minus, 2, -1.0)
    q0, at_q0 = branch.extremum(found.q0, 1)
    flat = np.abs(values_of(at_q0[2])) < FLAT * max(found.plus, found.minus)
    Delta, F, j = branch.samples()
    return DepairingCurrent(
        plus=at_plus[2],
        minus=-at_minus[2],
        q_plus=q_plus,
        q_minus=q_minus,
        q0=q0 if flat else np.nan,
        q=found.q,
        Delta=Delta,
        current=j,
        free_energy=F,
    )


def _in_program(given: tuple[Any, ...], accuracy: float, samples: int) -> DepairingCurrent:
    """As `depairing_current`, of numbers that have no values; behind the branch as sampled, NaN."""

    def of(given: Any) -> dict[str, Any]:
        found = depairing_current(*(*given, accuracy, samples))
        every = {name: jnp.asarray(getattr(found, name)) for name in like}
        return {name: jnp.append(x, np.full(samples - len(x), np.nan)) if x.ndim else x for name, x in every.items()}

    like = {f.name: np.zeros(samples if f.name in SAMPLED else ()) for f in fields(DepairingCurrent)}
    return DepairingCurrent(**called_whole("depairing_current", of, given, like))


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Along:
    """A state at q = s n, and which of its numbers has an extremum there: 0, 1, 2 of `_along`, with a sign."""

    eq: FilmEquations
    n: Any
    V: Any
    Delta: Any
    sign: Any
    which: int = field(metadata={"static": True})


def _along(at: Along, s: Any) -> tuple[Any, Any, Any]:
    """Delta, free energy and current along n."""
    eq = replace(at.eq, q=s * at.n)
    V, Delta = attached_state(eq, at.V, at.Delta)
    F, j, _ = observables(eq, V, Delta)
    return Delta, F, jnp.dot(j, at.n)


@jax.jit
def _slope(at: Along, s: Any) -> Any:
    """Of what has an extremum, (1,)."""
    return at.sign * jax.grad(lambda s: _along(at, s[0])[at.which])(s)


class _Branch:
    """The branch that was found, as a function of what JAX traces."""

    def __init__(self, eq: FilmEquations, n: Any, found: DepairingCurrent) -> None:
        self.eq, self.n, self.found = eq, n, found
        self.film, self.along = film_of(jax.lax.stop_gradient(eq)), np.asarray(values_of(n))

    def extremum(self, s: float, which: int, sign: float = 1.0) -> tuple[Any, tuple[Any, Any, Any]]:
        """Where the free energy (1) or the current (2) has an extremum, known to be at s, and all of them there."""
        near = float(self.found.Delta[np.argmin(np.abs(self.found.q - s))])
        Delta = _Line(self.film, self.along).gap(s, near)
        V = self.film.frames(Delta, s * self.along)
        at = Along(
            eq=self.eq, n=self.n, V=jnp.asarray(V), Delta=jnp.asarray(Delta), sign=jnp.asarray(sign), which=which
        )
        place = implicit_numbers(_slope, at, jnp.asarray([s], float))[0]
        return place, _along(at, place)

    def samples(self) -> tuple[Any, Any, Any]:
        """At all q that were sampled."""
        pairs = zip(self.found.q, self.found.Delta, strict=True)
        frames = np.stack([self.film.frames(Delta, s * self.along) for s, Delta in pairs])

        def of_one(s: Any, V: Any, Delta: Any) -> tuple[Any, Any, Any]:
            return _along(Along(eq=self.eq, n=self.n, V=V, Delta=Delta, sign=1.0, which=0), s)

        return jax.vmap(of_one)(*map(jnp.asarray, (self.found.q, frames, self.found.Delta)))


class _Line:
    """Phase gradients s n along a direction: the branch of largest Delta, its current and where that is extremal."""

    def __init__(self, film: FilmEnergy, n: np.ndarray):
        self.film, self.n = film, n
        # without the triplets, which only weaken pairing, superconductivity ends at n.D.n s^2/2 = breaking
        digamma = scipy.special.digamma
        weight = lambda a: np.log(film.T / film.Tc) + digamma(0.5 + a / (2 * np.pi * film.T)) - digamma(0.5)  # noqa: E731
        if film.Tc <= film.T:
            self._refuse()
        breaking = scipy.optimize.brentq(weight, 0, 1.01 * CRITICAL_BREAKING * film.Tc)
        self.reach = float(np.sqrt(2 * breaking / (n @ film.fields["D"] @ n)))

    def _refuse(self) -> None:
        raise ValueError(
            f"no superconducting state at T = {self.film.T:g} (Tc = {self.film.Tc:g}, h = {self.film.fields['h']}) for "
            f"any phase gradient along {self.n}: lower T or h"
        )

    def gaps(self, s: np.ndarray) -> np.ndarray:
        """Largest Delta at each s, 0 where normal."""
        return gap_solutions(self.film, s[:, None] * self.n)[0][:, 0]

    def branch(self, samples: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """s, Delta, F and j where the film superconducts, on the stretch that holds the least free energy."""
        low, high = -self.reach, self.reach
        for _ in range(4):
            s = np.linspace(low, high, samples)
            Delta = self.gaps(s)
            if not (Delta > 0).any():
                self._refuse()
            state = film_states(self.film, Delta, s[:, None] * self.n)
            best = int(np.argmin(np.where(Delta > 0, state.free_energy, np.inf)))
            normal = np.nonzero(Delta == 0)[0]
            first = int(max(normal[normal < best], default=-1)) + 1
            last = int(min(normal[normal > best], default=samples)) - 1
            if 2 * (last - first + 1) > samples:
                break
            low, high = s[max(first - 1, 0)], s[min(last + 1, samples - 1)]
        part = slice(first, last + 1)
        return s[part], Delta[part], state.free_energy[part], (state.current @ self.n)[part]

    def gap(self, s: float, start: float) -> float:
        """Delta at s by Newton's method from that of a neighbour on the branch; where it fails, by `gaps`."""
        q, x = np.array([[s]]) * self.n, start**2
        for _ in range(STEPS):
            m, slope = (a[0] for a in self.film.mismatch(np.sqrt([x]), q))
            if slope <= 0:
                break
            new = max(x - m / slope, x / 4)
            if abs(new - x) < 1e-12 * new:
                return float(np.sqrt(new))
            x = new
        return float(self.gaps(np.array([s]))[0])

    def current(self, s: float, start: float) -> float:
        """j along n."""
        q = np.array([[s]]) * self.n
        return float((film_states(self.film, np.array([self.gap(s, start)]), q).current @ self.n)[0])

    def slope(self, s: float, start: float) -> float:
        """dj/ds/nu along the branch, Delta following q; beyond its end, falling."""
        Delta, q = self.gap(s, start), np.array([[s]]) * self.n
        if Delta == 0:
            return float(-self.n @ self.film.fields["D"] @ self.n * self.film.Tc)
        C = self.film.sums(np.array([Delta]), q).curvature[0]
        along = C[0, 1:] @ self.n
        return float(2 * (self.n @ C[1:, 1:] @ self.n - along**2 / C[0, 0]))

    def extremum(self, s: np.ndarray, Delta: np.ndarray, j: np.ndarray) -> tuple[float, float]:
        """The s of the largest j, where dj/ds changes sign, and the current there; the branch may end before."""
        k, step = int(np.argmax(j)), s[1] - s[0]
        start = Delta[max(k - 1, 0) : k + 2].max()
        args = {"args": (start,), "xtol": 1e-11 * self.reach}
        place = float(scipy.optimize.brentq(self.slope, s[k] - step, s[k] + step, **args))
        return place, abs(self.current(place, start))

    def balance(self, s: np.ndarray, Delta: np.ndarray, F: np.ndarray) -> float:
        """The s of least F, where j vanishes."""
        k = int(np.argmin(F))
        low, high, start = s[max(k - 1, 0)], s[min(k + 1, len(s) - 1)], Delta[k]
        if not self.current(low, start) < 0 < self.current(high, start):  # the branch ends before F turns
            return float(s[k])
        return float(scipy.optimize.brentq(self.current, low, high, args=(start,), xtol=1e-12 * self.reach))
