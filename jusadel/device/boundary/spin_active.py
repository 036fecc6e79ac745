"""A barrier whose channels transmit and turn spins differently, to all orders in its transmissions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.common.arguments import real
from jusadel.common.differentiability import numpy_if_few
from jusadel.common.types import ArrayLike, Values
from jusadel.device.boundary.base import Barrier, Boundary
from jusadel.device.material.printed import in_short
from jusadel.device.units.shown import of_powers

if TYPE_CHECKING:
    from jusadel.device.units.units import Units


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class SpinActive(Boundary):
    """The scattering of a magnetic barrier, in the place of a conductance: Tunnel(reservoir, SpinActive(up=0.7, ...)).

    Each channel has the unitary matrix S_s = d [[r_s, i t_s], [i t_s, r_s]] d of spin s = +-1 along the axis, with
    d = diag(exp(i s left/4), exp(i s right/4)) and t_s^2 = up or down; K = i (1 - S)/(1 + S) enters the functional as
    -(n/pi) ln det(1 - K diag(G, G')), docs/physics.md, section 6. Nothing here is expanded in transmissions or angles.
    A ferromagnetic insulator has up = down = 0 and the angle of its one side. Half metals, whose two spins have Green's
    functions of their own, and scattering that is not unitary are not covered.

    Args:
        up, down: transmissions of spins along and against the axis, from 0 to 1, (c,) or numbers.
        mixing: spin-mixing angles (left, right) of what is reflected on either side, from -pi to pi, numbers or (c,)
            each; left is the side of the device in a Tunnel, and that of the line's left in an Interface.
        axis: (3,) direction of its magnetisation; the length does not matter.
        channels: n, channels per length of each kind, number or (c,): the conductance is n (up + down)/(2 pi)
            [1/length].

    Raises:
        ValueError: numbers out of these ranges, an axis of no length, or lists of different lengths.
    """

    scatters: ClassVar[bool] = True
    up: ArrayLike
    down: ArrayLike
    mixing: tuple[ArrayLike, ArrayLike] = (0.0, 0.0)
    axis: ArrayLike = (0.0, 0.0, 1.0)
    channels: ArrayLike = 1.0

    def __post_init__(self) -> None:
        mixing = tuple(self.mixing) if hasattr(self.mixing, "__iter__") else (self.mixing,)
        if len(mixing) != 2:
            raise ValueError(f"SpinActive mixing = {self.mixing!r}; expected two angles (left, right)")
        given = {
            "up": self.up,
            "down": self.down,
            "mixing[0]": mixing[0],
            "mixing[1]": mixing[1],
            "channels": self.channels,
        }
        values = {name: real(f"SpinActive {name}", x) for name, x in given.items()}
        count = max(x.size for x in values.values())
        for name, x in values.items():
            _check(name, x, count)
        axis = real("SpinActive axis", self.axis)
        if axis.shape != (3,) or not (isinstance(axis, jax.core.Tracer) or np.linalg.norm(axis) > 0):
            raise ValueError(f"SpinActive axis = {self.axis!r}; expected a direction (3,)")
        for name, x in values.items():
            values[name] = (jnp if isinstance(x, jax.Array) else np).broadcast_to(x, (count,))
        for name in ("up", "down", "channels"):
            object.__setattr__(self, name, values[name])
        object.__setattr__(self, "axis", axis)
        object.__setattr__(self, "mixing", (values["mixing[0]"], values["mixing[1]"]))

    @property
    def barrier(self) -> Barrier:
        """Its conductance in the normal state, for what needs its size alone, and its K."""
        conductance = (self.channels * (self.up + self.down)).sum() / (2 * np.pi)  # type: ignore[operator,union-attr]
        return Barrier(conductance, None, None, (self.matrices(), self.channels))

    def matrices(self) -> Values:
        """K of each channel, (c, 2, 2, 4), between the two sides: its parts 1 and M_k = L_k R3, k = 1, 2, 3."""
        return _matrices(self.up, self.down, *self.mixing, self.axis)

    def __repr__(self) -> str:
        return self.printed(None)

    def printed(self, units: Units | None) -> str:
        """Its matrices' numbers; channels per length."""
        per_length = of_powers(units, (0, -1))
        numbers = {name: in_short(getattr(self, name)) for name in ("up", "down", "axis")}
        numbers |= {"channels": in_short(self.channels, per_length), "mixing": in_short(self.mixing)}
        return f"SpinActive({', '.join(f'{name}={x}' for name, x in numbers.items())})"


def _check(name: str, x: Any, count: int) -> None:
    low, high = {"up": (0, 1), "down": (0, 1), "channels": (0, np.inf)}.get(name, (-np.pi, np.pi))
    if x.shape not in ((), (1,), (count,)):
        raise ValueError(f"SpinActive {name} has shape {x.shape}; expected a number or ({count},)")
    if not isinstance(x, jax.core.Tracer) and not np.all((np.asarray(x) >= low) & (np.asarray(x) <= high)):
        raise ValueError(f"SpinActive {name} = {np.asarray(x).tolist()}; expected numbers from {low:.4g} to {high:.4g}")


@numpy_if_few
def _matrices(xp: Any, up: Any, down: Any, left: Any, right: Any, axis: Any) -> Any:
    m = axis / xp.sqrt(xp.sum(axis**2))
    one, other = (_of_spin(xp, s, t, left, right) for s, t in ((1, up), (-1, down)))
    return xp.concatenate([(one + other)[..., None] / 2, (other - one)[..., None] / 2 * m], axis=-1)


def _of_spin(xp: Any, s: int, transmission: Any, left: Any, right: Any) -> Any:
    """K_s (c, 2, 2), real and symmetric, of one spin."""
    r, t = xp.sqrt(1 - transmission), xp.sqrt(transmission)
    turn_left, turn_right = xp.exp(1j * s * left / 4), xp.exp(1j * s * right / 4)
    S11, S22, S12 = turn_left**2 * r, turn_right**2 * r, 1j * turn_left * turn_right * t
    det = S11 * S22 - S12**2
    rows = [[S11 - S22 + det - 1, 2 * S12], [2 * S12, S22 - S11 + det - 1]]
    K = -1j * xp.stack([xp.stack(row, axis=-1) for row in rows], axis=-2)
    return (K / (1 + det + S11 + S22)[:, None, None]).real
