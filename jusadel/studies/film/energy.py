"""The free energy of a homogeneous film as a function of (Delta, q, h), its derivatives and its frequency sums.

Delta(r) = Delta exp(i q.r) without a vector potential is the same as a uniform Delta with A = -q/2. With G
stationary at every frequency there is one function left, the free energy per area (physics.md, section 1)

    F(Delta, q, h) = nu Delta^2 [ln(T/Tc) + 2 pi T Sum 1/omega] + pi nu T Sum (f - f[tau3]),

and all of a film is a derivative of it: dF/dDelta = 0 is the gap equation, j_k = -dF/dA_k = 2 dF/dq_k the current,
S_a = dF/dh_a - 2 nu h_a the spin.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy

from jusadel.action import matsubara
from jusadel.action.homogeneous import field_energies, frame_density, solve_quasidefinite, stationary_frame
from jusadel.action.nambu import R
from jusadel.action.nambu.frames import frame_to_green, positivity
from jusadel.action.terms import NODAL, Term, density
from jusadel.common.arguments import check_temperature
from jusadel.common.differentiability import is_traced
from jusadel.device.material.material import SHAPES, Material
from jusadel.studies.film.pairing_response import PairingResponse, cubic_tails, pole_sum, terms_present

Array = jax.Array
BLOCK = 32
"""Points (frequency, Delta, q) in one call of the compiled code, so that it is compiled once."""


class Sums(NamedTuple):
    """F/nu (k,), its derivatives along (Delta, qx, qy, hx, hy, hz) (k, 6), and twice along (Delta, q) (k, 3, 3)."""

    value: np.ndarray
    slope: np.ndarray
    curvature: np.ndarray


@dataclass(frozen=True)
class FilmEnergy:
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
    def of(cls, material: Material, T: float, frequencies: Any, accuracy: float) -> FilmEnergy:
        """From what the user gives; see `film_state`."""
        fields, Tc, nu = constant_fields(material)
        check_temperature(T)
        energy = _largest_energy(fields, Tc)
        if frequencies is None:
            # the closed-form tail leaves the square of the quadrature's error
            omega, w = matsubara.quadrature(T, matsubara.enough_frequencies(T, energy, np.sqrt(accuracy)))
            digamma = scipy.special.digamma
            exact = (digamma(0.5 + 0.5j * energy / (np.pi * T)) - digamma(0.5)).real
            tail = float(exact - 2 * np.pi * T * np.sum(w * (1 / omega - omega / (omega**2 + energy**2)))) / energy**2
        else:
            (omega, w), tail = matsubara.given_sum(T, frequencies), 0.0
        return cls(fields, PairingResponse.of(fields), Tc, nu, float(T), omega, w, tail)

    def sums(self, Delta: np.ndarray, q: np.ndarray) -> Sums:
        """F and its derivatives for Delta (k,) > 0 and q (k, 2)."""
        k, n = len(Delta), len(self.omega)
        # high frequencies take fewer of Newton's steps: points of one frequency share blocks
        points = np.column_stack([np.tile(Delta, n), np.tile(q, (n, 1)), np.repeat(self.omega, k)])
        value, slope, curvature, _ = self._found(points)
        total = lambda x: np.pi * self.T * np.einsum("n,nk...->k...", self.weights, x.reshape(n, k, *x.shape[1:]))  # noqa: E731
        F = Sums(total(value), total(slope), total(curvature))
        pairing = np.log(self.T / self.Tc) + 2 * np.pi * self.T * np.sum(self.weights / self.omega)
        F.value[:] += pairing * Delta**2
        F.slope[:, 0] += 2 * pairing * Delta
        F.curvature[:, 0, 0] += 2 * pairing
        return self._with_tail(F, Delta, q) if self.tail else F

    def frames(self, Delta: float, q: np.ndarray) -> np.ndarray:
        """The frames V (n, 4, 4) of the frequencies at Delta and q (2,)."""
        n = len(self.omega)
        return self._found(np.column_stack([np.full(n, Delta), np.tile(q, (n, 1)), self.omega]))[3]

    def _found(self, points: np.ndarray) -> tuple[np.ndarray, ...]:
        """Of points (k, 4) = (Delta, q, omega), as in Sums, and frames."""
        value, slope, curvature, good, V = _by_blocks(points, self.fields)
        if not good.all():
            gap, qx, qy, omega = points[~good][0]
            raise ValueError(
                f"no physical homogeneous solution found at omega = {omega:.4g}, Delta = {gap:.4g}, q = "
                f"({qx:.4g}, {qy:.4g}), h = {self.fields['h']}: raise T, or choose other frequencies"
            )
        return value, slope, curvature, V

    def _with_tail(self, F: Sums, Delta: np.ndarray, q: np.ndarray) -> Sums:
        """Add what the quadrature misses of the terms in 1/omega^3."""
        x = np.column_stack([Delta, q, np.broadcast_to(self.fields["h"], (len(q), 3))])
        r = self.response
        missed = (np.asarray(a)[: len(q)] for a in cubic_tails(_padded(x), r.P, r.b, r.coefficients))
        return Sums(*(a + self.tail * b for a, b in zip(F, missed, strict=True)))

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


# --- points by the block, compiled once ---------------------------------------------------------------


def _by_blocks(points: np.ndarray, fields: dict[str, np.ndarray]) -> tuple[np.ndarray, ...]:
    parts = []
    for k in range(0, len(points), BLOCK):
        part = points[k : k + BLOCK]
        parts.append([np.asarray(a)[: len(part)] for a in _points(_padded(part), fields, terms_present(fields))])
    return tuple(np.concatenate(a) for a in zip(*parts, strict=True))


def _padded(x: np.ndarray) -> np.ndarray:
    """Rows up to a multiple of BLOCK, by repeating the last."""
    return np.concatenate([x, np.repeat(x[-1:], -len(x) % BLOCK, axis=0)])


def _at(fields: dict[str, Array], x: Array) -> dict[str, Array]:
    """The fields with Delta, q and (where x has it) h."""
    moving = {"Delta": jnp.array([x[0], 0.0]), "A": -x[1:3] / 2}
    return fields | moving | ({"h": x[3:6]} if len(x) > 3 else {})


@partial(jax.jit, static_argnums=2)
def _points(points: Array, fields: dict[str, Array], terms: tuple[Term, ...]) -> tuple[Array, ...]:
    """f - f[tau3] at points (k, 4) = (Delta, q, omega), as in Sums, whether G is physical, and its frame."""
    node_terms = tuple(t for t in terms if t.field in ("omega", *NODAL))  # in the normal state pairs add nothing
    R3 = jnp.asarray(R[2])

    def one(point: Array) -> tuple[Array, ...]:
        x, omega = point[:3], point[3]

        def derivatives(V: Array) -> tuple[Array, Array, Array]:
            at = lambda z: frame_density(z[:8], V, omega, _at(fields, z[8:]), terms)  # noqa: E731

            def slope(z: Array) -> tuple[Array, tuple[Array, Array]]:
                f, s = jax.value_and_grad(at)(jnp.concatenate([z, fields["h"]]))
                return s[:11], (s, f)

            H, (s, f) = jax.jacfwd(slope, has_aux=True)(jnp.concatenate([jnp.zeros(8), x]))
            return s, H, f

        V, (slope, H, f) = stationary_frame(derivatives)
        response = solve_quasidefinite(H[:8, :8], jnp.column_stack([H[:8, 8:], slope[:8]]))
        good = (jnp.max(jnp.abs(response[:, 3])) < 1e-9) & (positivity(frame_to_green(V)) > 0)
        normal = density(node_terms, R3, None, SimpleNamespace(omega=omega, **fields))
        return f - normal, slope[8:], H[8:, 8:] - H[8:, :8] @ response[:, :3], good, V

    return jax.vmap(one)(points)


# --- input -----------------------------------------------------------------------------------------


def constant_fields(material: Material) -> tuple[dict[str, Any], Any, Any]:
    """The tensors of the action, Tc and nu: numbers, or what JAX traces."""
    functions = [name for name in SHAPES if callable(getattr(material, name))]
    if functions:
        raise ValueError(
            f"{', '.join(functions)} of the material {'is a function' if len(functions) == 1 else 'are functions'} of "
            "points; a homogeneous film needs numbers or arrays (solve a Device for fields that vary)"
        )
    given = {name: getattr(material, name) for name in SHAPES}
    values = {name: x if is_traced(x) else np.asarray(x) for name, x in given.items()}
    Tc, nu = (x if is_traced(x) else float(x) for x in (values.pop("Tc"), values.pop("nu")))
    if not is_traced(Tc) and Tc == 0:
        raise ValueError("Tc = 0: a normal metal has no gap of its own; expected a material with Tc > 0")
    return values, Tc, nu


def _largest_energy(fields: dict[str, np.ndarray], Tc: float) -> float:
    """The scale above which G is close to normal, for every q that superconductivity stands."""
    D = np.linalg.eigvalsh(fields["D"])
    galvanic = np.abs(fields["gamma"]).max() * np.sqrt(Tc / D[0])
    splitting, relaxation = field_energies(fields.__getitem__)
    turning = D[1] * np.abs(fields["spin_field"]).max() ** 2
    return float(max(matsubara.GAP_RATIO * Tc, splitting + galvanic) + relaxation + turning)
