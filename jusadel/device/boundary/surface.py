"""Terms along edges and lines: each is that of the bulk, per length."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from jusadel.common.arguments import is_number, real
from jusadel.common.differentiability import numpy_if_few
from jusadel.common.types import ArrayLike, Number, Values
from jusadel.device.boundary.base import Boundary
from jusadel.device.material.material import ROWS, SHAPES, check_field, shaped
from jusadel.device.material.printed import present
from jusadel.device.units.shown import Scale, of_powers

if TYPE_CHECKING:
    from jusadel.device.units.units import Units

ADDED = {"beta": "Gamma", "rashba": "gamma", "magnetoelectric": "h"}
"""Numbers that add to a field as the edge's normal has it."""


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Surface(Boundary):
    """An edge to the vacuum, or an inner line, with terms of its own: each is that of the bulk, per length.

    Args:
        h: exchange field times thickness, (3,): spin mixing at a magnetic surface [energy x length].
        Gamma: spin relaxation times thickness, number or (3, 3) [energy x length].
        beta: beta_ijk, (3, 3, 2), symmetric in ij: adds the relaxation beta_ijk n_k with n the outward normal, which a
            crystal of a piezoelectric class has at its edges, Eq. (6) [energy x length].
        gamma: spin-galvanic tensor times thickness, (3, 2) [energy x length^2].
        rashba: adds gamma_ik = rashba eps_ikl n_l, spin along z for currents along the edge [energy x length^2].
        theta, kappa: spin Hall and swapping tensors times thickness, (3,) [length]; D is that of the material.
        magnetic_Gamma: magnetic relaxation times thickness, number or (3, 3) [energy x length].
        magnetoelectric: chi_ak, (3, 2): adds the exchange field h_a = chi_ak n_k with n the outward normal, which a
            magnetoelectric antiferromagnet has at its edges [energy x length].

    The density of states is that of the adjacent material.

    Raises:
        ValueError: wrong shape, not finite, relaxation that would grow spins (beta alone may: it changes sign with n).
    """

    h: ArrayLike = (0.0, 0.0, 0.0)
    Gamma: ArrayLike = 0.0
    beta: ArrayLike | None = None
    gamma: ArrayLike = ((0.0, 0.0), (0.0, 0.0), (0.0, 0.0))
    rashba: Number = 0.0
    theta: ArrayLike = (0.0, 0.0, 0.0)
    kappa: ArrayLike = (0.0, 0.0, 0.0)
    magnetic_Gamma: ArrayLike = 0.0
    magnetoelectric: ArrayLike = ((0.0, 0.0), (0.0, 0.0), (0.0, 0.0))

    def __post_init__(self) -> None:
        for f in fields(self):
            if f.name in SHAPES:
                value = shaped(f.name, getattr(self, f.name))
                object.__setattr__(self, f.name, value)
                check_field(f.name, value[None], "a surface")
        if not is_number(self.rashba):
            raise ValueError(f"Surface rashba = {self.rashba!r}; expected a finite number")
        object.__setattr__(self, "magnetoelectric", _checked_magnetoelectric(self.magnetoelectric))
        object.__setattr__(self, "beta", _checked_beta(np.zeros((3, 3, 2)) if self.beta is None else self.beta))

    @property
    def surfaces(self) -> tuple[Surface, ...]:
        """Itself."""
        return (self,)

    def parts(self, name: str) -> list[Any]:
        """The numbers that make up a field on edges, with what their normal adds."""
        return [getattr(self, f.name) for f in fields(self) if ADDED.get(f.name, f.name) == name]

    def at(self, name: str, normals: Values) -> Values:
        """A field on edges with these outward normals (k, 2), as (k, ...), with what the normal adds to it."""
        added = {other: getattr(self, other) for other, field in ADDED.items() if field == name}
        return _on_edges(getattr(self, name), added, normals, shape=SHAPES[name])

    def __repr__(self) -> str:
        return self.printed(None)

    def printed(self, units: Units | None) -> str:
        """The terms that are not zero."""

        def shown(name: str) -> Scale:
            energy, length = ROWS[ADDED.get(name, name)].unit
            return of_powers(units, (energy, length + 1))

        return f"Surface({present(self, [f.name for f in fields(self)], shown)})"


EDGE_FIELDS = tuple(f.name for f in fields(Surface) if f.name in SHAPES)
"""Fields of the action that act along edges too."""


@numpy_if_few
def _on_edges(xp: Any, value: Any, added: dict[str, Any], normals: Any, shape: tuple[int, ...]) -> Any:
    value = xp.broadcast_to(value, (len(normals), *shape))
    if "beta" in added:
        value = value + xp.einsum("ijk,ek->eij", added["beta"], normals)
    if "magnetoelectric" in added:
        value = value + xp.einsum("ak,ek->ea", added["magnetoelectric"], normals)
    if "rashba" in added:
        along = xp.stack([-normals[:, 1], normals[:, 0]], axis=1)  # eps_zkl n_l = -(z x n)_k
        value = value - np.eye(3)[2][:, None] * (added["rashba"] * along)[:, None]
    return value


def checked_surface(what: str, given: Any) -> Surface | None:
    """A Surface or None; anything else is refused."""
    if given is not None and not isinstance(given, Surface):
        raise TypeError(f"{what} surface is {type(given).__name__}; expected a jusadel.Surface or None")
    return given


def _checked_beta(given: Any) -> Any:
    beta = real("beta", given)
    if beta.shape != (3, 3, 2):
        raise ValueError(f"beta has shape {beta.shape}; expected (3, 3, 2): two spin indices, then x, y")
    check_field("beta", beta[None], "a surface")
    if not isinstance(beta, jax.core.Tracer) and np.abs(beta - np.swapaxes(beta, 0, 1)).max() > 1e-12:
        raise ValueError("beta is not symmetric in its spin indices; expected beta_ijk = beta_jik")
    return beta


def _checked_magnetoelectric(given: Any) -> Any:
    chi = real("magnetoelectric", given)
    if chi.shape != (3, 2):
        raise ValueError(f"magnetoelectric has shape {chi.shape}; expected (3, 2): the spin index, then x, y")
    check_field("magnetoelectric", chi[None], "a surface")
    return chi


def same_surface(one: Any, other: Any) -> bool:
    """Whether two are one, or of the same numbers, as JAX rebuilds them; traced numbers have nothing to compare."""
    if one is other or not isinstance(one, Surface) or not isinstance(other, Surface):
        return one is other
    pairs = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    return all(
        isinstance(a, jax.core.Tracer) or isinstance(b, jax.core.Tracer) or np.array_equal(a, b) for a, b in pairs
    )
