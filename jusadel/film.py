"""A homogeneous film with a uniform phase gradient: its gap, currents, free energy and critical temperature.

Delta(r) = Delta exp(i q.r) without a vector potential is the same as a uniform Delta with A = -q/2. With G
stationary at every frequency there is one function left, the free energy per area (physics.md, section 1)

    F(Delta, q, h) = nu Delta^2 [ln(T/Tc) + 2 pi T Sum 1/omega] + pi nu T Sum (f - f[tau3]),

and everything here is a derivative of it: dF/dDelta = 0 is the gap equation, j_k = -dF/dA_k = 2 dF/dq_k the
current, S_a = dF/dh_a - 2 nu h_a the spin.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy.optimize
from scipy.special import digamma

from jusadel import matsubara
from jusadel.action import TERMS, Term
from jusadel.homogeneous import frame_density, solve_quasidefinite, stationary_frame
from jusadel.material import SHAPES, Material, is_number, real
from jusadel.nambu import frame_to_green, positivity
from jusadel.pairing_response import PairingResponse, cubic_tails, pole_sum

Array = jax.Array
BLOCK = 64
"""Points (frequency, Delta, q) in one call of the compiled code, so that it is compiled once."""
SPIN_ORBIT = ("gamma", "theta", "kappa")
STEPS = 20
"""Of Newton's method for Delta, from a neighbour."""
GRID, SAMPLES = 16, 41
"""Values of Delta among which solutions are looked for, and of q along the direction of a current."""
WIDEST = 1.02
"""Largest Delta looked at, in units of the gap without pair breaking."""
CRITICAL_BREAKING = 0.5 * matsubara.GAP_RATIO
"""Abrikosov-Gorkov: pair breaking D q^2/2 that destroys superconductivity at T = 0, in Tc."""
LOWEST = 1e-4
"""Temperature down to which a transition is looked for, in Tc."""


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


def film_state(
    material: Material,
    T: float,
    q: Any = (0.0, 0.0),
    frequencies: Any = None,
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
        FilmState; the normal state where there is no superconducting solution.

    Raises:
        ValueError: fields that are functions of points, Tc = 0, T <= 0, or G not found at some frequency.

    Example:
        >>> film = ju.Material(D=1.0, Tc=1.0, h=(0, 0.4, 0), gamma=ju.rashba(0.3))
        >>> state = film_state(film, T=0.1, q=(0.2, 0))
        >>> state.Delta, state.current
    """
    film = _Film.of(material, T, frequencies, accuracy)
    q = _vector("q", q)
    Delta, kind = (a[0] for a in film.solutions(q[None]))
    known = np.append(Delta[kind >= 0], 0.0)
    if start is not None and not is_number(start, at_least=0):
        raise ValueError(f"start = {start!r}; expected a pair potential >= 0, or None for the largest")
    chosen = known.max() if start is None else known[np.argmin(np.abs(known - start))]
    return _first(film.states(np.array([chosen]), q[None]))


def gap_of_temperature(
    material: Material, temperatures: Any, q: Any = (0.0, 0.0), frequencies: Any = None, accuracy: float = 1e-8
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
    temperatures = np.asarray(real("temperatures", temperatures))
    gaps = [film_state(material, T, q, frequencies, accuracy).Delta for T in temperatures.ravel()]
    return np.reshape(gaps, temperatures.shape)


def depairing_current(
    material: Material,
    T: float,
    direction: Any = (1.0, 0.0),
    frequencies: Any = None,
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
        DepairingCurrent.

    Raises:
        ValueError: as `film_state`; no superconducting state along this direction; too few samples.
    """
    n = _vector("direction", direction)
    if not np.linalg.norm(n) > 0 or not is_number(samples, at_least=9):
        raise ValueError(f"direction = {direction}, samples = {samples}; expected a non-zero vector and at least 9")
    film, n = _Film.of(material, T, frequencies, accuracy), n / np.linalg.norm(n)
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


def film_critical_temperature(material: Material, q: Any = (0.0, 0.0)) -> float:
    """Temperature of the second-order transition of a film: the largest root of the linearised gap equation.

    The normal state's linear response is a sum of poles, f_s/Delta = Sum_i r_i/(omega + lam_i), so that
    ln(T/Tc) = Sum_i r_i [psi(1/2) - psi(1/2 + lam_i/(2 pi T))]: Abrikosov and Gorkov for eight modes, exact.

    Args:
        material: with constant fields and Tc > 0.
        q: phase gradient (2,) [1/length], or None for the one of the highest transition (helical state).

    Returns:
        T [energy]; 0.0 where the normal state is stable at all temperatures down to 1e-4 Tc. A first-order transition
        may lie higher: compare `film_state(...).free_energy`.

    Raises:
        ValueError: fields that are functions of points, or Tc = 0.
    """
    fields, Tc, _ = _constant_fields(material)
    transition = partial(_transition, PairingResponse.of(fields), fields["h"], Tc)
    if q is not None:
        return transition(_vector("q", q))
    reach = np.sqrt(2 * CRITICAL_BREAKING * Tc / np.linalg.eigvalsh(fields["D"])[0])
    angles, lengths = np.meshgrid(np.arange(12) * np.pi / 6, np.arange(1, 13) / 12 * reach)
    circle = np.stack([lengths * np.cos(angles), lengths * np.sin(angles)], axis=-1).reshape(-1, 2)
    best = max([np.zeros(2), *circle], key=transition)
    found = scipy.optimize.minimize(
        lambda q: -transition(q),
        best,
        method="Nelder-Mead",
        options={"xatol": 1e-7 * reach, "fatol": 1e-13 * Tc, "initial_simplex": best + reach / 24 * _SIMPLEX},
    )
    return max(float(-found.fun), transition(best))


_SIMPLEX = np.array([[0.0, 0.0], [1.0, 0.3], [-0.3, 1.0]])


# --- the free energy and its derivatives ---------------------------------------------------------


class _Sums(NamedTuple):
    """F/nu (k,), its derivatives along (Delta, qx, qy, hx, hy, hz) (k, 6), and twice along (Delta, q) (k, 3, 3)."""

    value: np.ndarray
    slope: np.ndarray
    curvature: np.ndarray


@dataclass(frozen=True)
class _Film:
    """One material at one temperature, with the frequencies that both need."""

    fields: dict[str, np.ndarray]
    response: PairingResponse
    Tc: float
    nu: float
    T: float
    omega: np.ndarray
    weights: np.ndarray
    tail: float  # what the sum of 1/omega^3 misses, times 2 pi T; 0 for frequencies that the user gave

    @classmethod
    def of(cls, material: Material, T: float, frequencies: Any, accuracy: float) -> _Film:
        fields, Tc, nu = _constant_fields(material)
        if not is_number(T) or T <= 0:
            raise ValueError(f"T = {T!r}; expected a finite temperature > 0, in the units of Delta (k_B = 1)")
        energy = _largest_energy(fields, Tc)
        if frequencies is None:
            # the closed-form tail leaves the square of the quadrature's error
            omega, w = matsubara.quadrature(T, matsubara.enough_frequencies(T, energy, np.sqrt(accuracy)))
            exact = (digamma(0.5 + 0.5j * energy / (np.pi * T)) - digamma(0.5)).real
            tail = float(exact - 2 * np.pi * T * np.sum(w * (1 / omega - omega / (omega**2 + energy**2)))) / energy**2
        else:
            (omega, w), tail = _given_frequencies(T, frequencies), 0.0
        return cls(fields, PairingResponse.of(fields), Tc, nu, float(T), omega, w, tail)

    @property
    def widest(self) -> float:
        return WIDEST * matsubara.bulk_gap(self.T, self.Tc)

    def sums(self, Delta: np.ndarray, q: np.ndarray) -> _Sums:
        """F and its derivatives for Delta (k,) > 0 and q (k, 2)."""
        k, n = len(Delta), len(self.omega)
        points = np.column_stack([np.repeat(Delta, n), np.repeat(q, n, axis=0), np.tile(self.omega, k)])
        value, slope, curvature, good = _by_blocks(points, self.fields)
        if not good.all():
            gap, qx, qy, omega = points[~good][0]
            raise ValueError(
                f"no physical homogeneous solution found at omega = {omega:.4g}, Delta = {gap:.4g}, q = "
                f"({qx:.4g}, {qy:.4g}), h = {self.fields['h']}: raise T, or choose other frequencies"
            )
        total = lambda x: np.pi * self.T * np.einsum("n,kn...->k...", self.weights, x.reshape(k, n, *x.shape[1:]))  # noqa: E731
        F = _Sums(total(value), total(slope), total(curvature))
        pairing = np.log(self.T / self.Tc) + 2 * np.pi * self.T * np.sum(self.weights / self.omega)
        F.value[:] += pairing * Delta**2
        F.slope[:, 0] += 2 * pairing * Delta
        F.curvature[:, 0, 0] += 2 * pairing
        return self._with_tail(F, Delta, q) if self.tail else F

    def _with_tail(self, F: _Sums, Delta: np.ndarray, q: np.ndarray) -> _Sums:
        """Add what the quadrature misses of the terms in 1/omega^3."""
        x = np.column_stack([Delta, q, np.broadcast_to(self.fields["h"], (len(q), 3))])
        r = self.response
        missed = (np.asarray(a)[: len(q)] for a in cubic_tails(_padded(x), r.P, r.b, r.coefficients))
        return _Sums(*(a + self.tail * b for a, b in zip(F, missed, strict=True)))

    def mismatch(self, Delta: np.ndarray, q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """m = dF/dDelta/(2 nu Delta), zero where the gap equation holds, and its slope along Delta^2; (k,) each."""
        F = self.sums(Delta, q)
        m = F.slope[:, 0] / (2 * Delta)
        return m, (F.curvature[:, 0, 0] / 2 - m) / (2 * Delta**2)

    def normal_mismatch(self, q: np.ndarray) -> np.ndarray:
        """m at Delta -> 0 for q (k, 2): below zero the normal state is unstable."""
        rates, shares = self.response.modes(q, self.fields["h"])
        if self.tail:
            return np.log(self.T / self.Tc) + pole_sum(rates, shares, np.array(self.T))
        response = np.einsum("ki,kin->kn", shares, 1 / (self.omega + rates[..., None])).real
        terms = self.weights * (1 / self.omega - response)
        return np.log(self.T / self.Tc) + 2 * np.pi * self.T * terms.sum(axis=1)

    def solutions(self, q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """All solutions Delta > 0 of the gap equation that a grid of Delta tells apart, from the largest down.

        Args:
            q: (k, 2).

        Returns:
            Delta (k, m) and whether it is a minimum (1), a maximum (0) or none (-1).
        """
        k, x = len(q), self.widest**2 * (np.arange(GRID + 1) / GRID) ** 2
        if self.Tc <= self.T:
            return np.zeros((k, 1)), np.full((k, 1), -1)
        m = np.empty((k, GRID + 1))
        m[:, 0] = self.normal_mismatch(q)
        m[:, 1:] = self.mismatch(np.tile(np.sqrt(x[1:]), k), np.repeat(q, GRID, axis=0))[0].reshape(k, GRID)
        row, column = np.nonzero(np.sign(m[:, :-1]) != np.sign(m[:, 1:]))
        roots = self._refined(q[row], x[column], x[column + 1], m[row, column])
        most = int(np.bincount(row, minlength=k).max(initial=1))
        Delta, kind = np.zeros((k, most)), np.full((k, most), -1)
        place = np.array([np.sum((row == r) & (column > c)) for r, c in zip(row, column, strict=True)], int)
        Delta[row, place], kind[row, place] = roots, m[row, column] < 0
        return Delta, kind

    def _refined(self, q: np.ndarray, low: np.ndarray, high: np.ndarray, m_low: np.ndarray) -> np.ndarray:
        """Roots Delta (k,) of the mismatch between low and high, values of Delta^2: Newton, or halving."""
        x, active = (low + high) / 2, np.ones(len(q), bool)
        for _ in range(60):
            if not active.any():
                break
            m, slope = self.mismatch(np.sqrt(x[active]), q[active])
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

    def states(self, Delta: np.ndarray, q: np.ndarray) -> FilmState:
        """The states with the given Delta (k,) and q (k, 2), with a leading axis."""
        sc = Delta > 0
        F, j, S = np.zeros(len(q)), np.zeros((len(q), 2)), np.zeros((len(q), 3)) - 2 * self.fields["h"]
        stable = np.zeros(len(q), bool)
        if sc.any():
            sums = self.sums(Delta[sc], q[sc])
            F[sc], j[sc], stable[sc] = sums.value, 2 * sums.slope[:, 1:3], sums.curvature[:, 0, 0] > 0
            S[sc] += sums.slope[:, 3:]
        if not sc.all():
            stable[~sc] = self.normal_mismatch(q[~sc]) >= 0
        nu = self.nu
        return FilmState(T=self.T, q=q, Delta=Delta, free_energy=nu * F, current=nu * j, spin=nu * S, stable=stable)


class _Line:
    """Phase gradients s n along a direction: the branch of largest Delta, its current and where that is extremal."""

    def __init__(self, film: _Film, n: np.ndarray):
        self.film, self.n = film, n
        # without the triplets, which only weaken pairing, superconductivity ends at n.D.n s^2/2 = breaking
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
        return self.film.solutions(s[:, None] * self.n)[0][:, 0]

    def branch(self, samples: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """s, Delta, F and j where the film superconducts, on the stretch that holds the least free energy."""
        low, high = -self.reach, self.reach
        for _ in range(4):
            s = np.linspace(low, high, samples)
            Delta = self.gaps(s)
            if not (Delta > 0).any():
                self._refuse()
            state = self.film.states(Delta, s[:, None] * self.n)
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
        return float((self.film.states(np.array([self.gap(s, start)]), q).current @ self.n)[0])

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


def _by_blocks(points: np.ndarray, fields: dict[str, np.ndarray]) -> tuple[np.ndarray, ...]:
    parts = []
    for k in range(0, len(points), BLOCK):
        part = points[k : k + BLOCK]
        parts.append([np.asarray(a)[: len(part)] for a in _points(_padded(part), fields, _present(fields))])
    return tuple(np.concatenate(a) for a in zip(*parts, strict=True))


def _padded(x: np.ndarray) -> np.ndarray:
    """Rows up to a multiple of BLOCK, by repeating the last."""
    return np.concatenate([x, np.repeat(x[-1:], -len(x) % BLOCK, axis=0)])


def _present(fields: dict[str, np.ndarray]) -> tuple[Term, ...]:
    """The terms to compile: costly ones only where the material has them, whatever q is."""
    return tuple(t for t in TERMS if t.field not in SPIN_ORBIT or np.any(fields[t.field]))


def _at(fields: dict[str, Array], x: Array) -> dict[str, Array]:
    """The fields with Delta, q and (where x has it) h."""
    moving = {"Delta": jnp.array([x[0], 0.0]), "A": -x[1:3] / 2}
    return fields | moving | ({"h": x[3:6]} if len(x) > 3 else {})


@partial(jax.jit, static_argnums=2)
def _points(points: Array, fields: dict[str, Array], terms: tuple[Term, ...]) -> tuple[Array, ...]:
    """f - f[tau3] at points (k, 4) = (Delta, q, omega), as in _Sums, and whether G is physical."""

    def one(point: Array) -> tuple[Array, ...]:
        x, omega = point[:3], point[3]
        V = stationary_frame(omega, _at(fields, x), terms)
        at = lambda z: frame_density(z[:8], V, omega, _at(fields, z[8:]), terms)  # noqa: E731
        z = jnp.concatenate([jnp.zeros(8), x])
        f, slope = jax.value_and_grad(at)(jnp.concatenate([z, fields["h"]]))
        H = jax.hessian(at)(z)
        response = solve_quasidefinite(H[:8, :8], jnp.column_stack([H[:8, 8:], slope[:8]]))
        G = frame_to_green(V)
        good = (jnp.max(jnp.abs(response[:, 3])) < 1e-9) & (positivity(G) > 0)
        normal = -4 * omega - jnp.trace(fields["Gamma"]) / 4
        return f - normal, slope[8:], H[8:, 8:] - H[8:, :8] @ response[:, :3], good

    return jax.vmap(one)(points)


def _transition(response: PairingResponse, h: np.ndarray, Tc: float, q: np.ndarray) -> float:
    rates, shares = response.modes(q[None], h)
    mismatch = lambda T: np.log(T / Tc) + pole_sum(rates[0], shares[0], np.asarray(T))  # noqa: E731
    T = Tc * np.geomspace(1, LOWEST, 400)
    unstable = np.nonzero(mismatch(T) < 0)[0]
    if not len(unstable):
        return 0.0
    k = int(unstable[0])
    return Tc if k == 0 else float(scipy.optimize.brentq(mismatch, T[k], T[k - 1], xtol=1e-15 * Tc))


# --- input -----------------------------------------------------------------------------------------


def _constant_fields(material: Material) -> tuple[dict[str, np.ndarray], float, float]:
    """The tensors of the action, Tc and nu, as numbers."""
    functions = [name for name in SHAPES if callable(getattr(material, name))]
    if functions:
        raise ValueError(
            f"{', '.join(functions)} of the material {'is a function' if len(functions) == 1 else 'are functions'} of "
            "points; a homogeneous film needs numbers or arrays (solve a Device for fields that vary)"
        )
    values = {name: np.asarray(getattr(material, name)) for name in SHAPES}
    Tc, nu = float(values.pop("Tc")), float(values.pop("nu"))
    if Tc == 0:
        raise ValueError("Tc = 0: a normal metal has no gap of its own; expected a material with Tc > 0")
    return values, Tc, nu


def _largest_energy(fields: dict[str, np.ndarray], Tc: float) -> float:
    """The scale above which G is close to normal, for every q that superconductivity stands."""
    D = np.linalg.eigvalsh(fields["D"])
    galvanic = np.abs(fields["gamma"]).max() * np.sqrt(Tc / D[0])
    relaxation = np.abs(fields["Gamma"]).max() / 8 + D[1] * np.abs(fields["spin_field"]).max() ** 2
    return float(max(matsubara.GAP_RATIO * Tc, np.linalg.norm(fields["h"]) + galvanic) + relaxation)


def _given_frequencies(T: float, frequencies: Any) -> tuple[np.ndarray, np.ndarray]:
    if is_number(frequencies, at_least=1) and float(frequencies).is_integer():
        return matsubara.quadrature(T, int(frequencies))
    if isinstance(frequencies, tuple | list) and len(frequencies) == 2:
        omega, w = (np.asarray(real(f"frequencies[{k}]", x)) for k, x in enumerate(frequencies))
        if omega.ndim == 1 and omega.shape == w.shape and omega.size and np.all(omega > 0) and np.isfinite(w).all():
            return omega, w
    raise ValueError(
        f"frequencies = {frequencies!r}; expected None, a whole number >= 1 of quadrature nodes, or a pair (omega > 0, "
        "weights) of arrays (n_w,)"
    )


def _vector(name: str, value: Any) -> np.ndarray:
    vector = np.asarray(real(name, value))
    if vector.shape != (2,) or not np.isfinite(vector).all():
        raise ValueError(f"{name} = {value!r}; expected two finite numbers (x, y)")
    return vector


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
