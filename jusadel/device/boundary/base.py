"""What all boundary conditions have in common: what they say of themselves, being a pytree, and their checks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.common.arguments import is_number, real
from jusadel.common.pytrees import as_pytree
from jusadel.common.types import ArrayLike, Number, Values
from jusadel.device.material.material import check_field

if TYPE_CHECKING:
    from jusadel.device.boundary.conditions import Reservoir
    from jusadel.device.boundary.surface import Surface
    from jusadel.device.units.units import Units


Phase = Number | Callable[[Values], ArrayLike]
"""A phase in radians, or a function of points (k, 2) -> (k,)."""


class Barrier(NamedTuple):
    """What couples two matrices: a conductance per length, its channels (None: tunnel limit), and how it filters."""

    conductance: Any
    transmissions: Any  # (channels,)
    polarisation: Any = None  # (3,); None for nothing
    scattering: Any = None  # K (c, 2, 2, 4) and channels per length (c,); None for what stands above


@dataclass(frozen=True, eq=False, repr=False)
class Boundary:
    """A boundary condition: a frozen dataclass, and a pytree whose leaves are its numbers.

    A field that is a function of points (k, 2) -> (k,) is static, as words are. Two of them are the same where they
    are one object: an electrode on several boundaries is one Reservoir.
    """

    inner: ClassVar[bool] = False
    """Whether it stands on a line inside the mesh."""
    scatters: ClassVar[bool] = False
    """Whether it is a barrier alone, which stands in the place of a conductance."""
    partner: ClassVar[str | None] = None
    """The name of the other boundary which it is, shifted."""

    def __init_subclass__(cls) -> None:
        as_pytree(cls)

    @property
    def electrode(self) -> Reservoir | None:
        """The Reservoir whose G it fixes, or behind its barrier."""
        return None

    @property
    def barrier(self) -> Barrier | None:
        """What stands between its two sides; None where G is continuous."""
        return None

    @property
    def surfaces(self) -> tuple[Surface | None, ...]:
        """Terms along it, one for each side that the mesh has of it; None for nothing."""
        return ()

    @property
    def doubled(self) -> bool:
        """Whether it is a barrier inside the mesh, whose nodes stand on either side."""
        return self.inner and self.barrier is not None

    def printed(self, units: Units | None) -> str:
        """What it prints, in the units of a laboratory, if there are."""
        return repr(self)

    def with_electrode(self, new: Reservoir) -> Boundary:
        """The same with another electrode."""
        raise TypeError(f"{type(self).__name__} has no electrode")


# --- checks ------------------------------------------------------------------------------------


def phase_at(phase: Any, points: Any, where: str) -> Values:
    """A phase given as a number or a function, at points (k, 2), as (k,)."""
    value = real("phase(points)", phase(points) if callable(phase) else phase)
    if value.shape not in ((), (len(points),)):
        raise ValueError(f"phase(points) returned shape {value.shape}; expected ({len(points)},) or a number")
    check_field("phase(points)", value, where)
    return (np if isinstance(value, np.ndarray) else jnp).broadcast_to(value, (len(points),))


def check_phase(what: str, phase: Any) -> None:
    """Refuse what is neither a finite number nor a function."""
    if not callable(phase) and not is_number(phase):
        raise ValueError(f"{what} phase = {phase!r}; expected a finite number or a function of points")


def checked_conductance(what: str, value: Any) -> Any:
    """A conductance per length, or a SpinActive; anything else but a number >= 0 is refused."""
    if isinstance(value, Boundary) and value.scatters:
        return value
    if not is_number(value, at_least=0.0):
        raise ValueError(
            f"{what} conductance = {value!r}; expected a finite number >= 0, conductance per length, or a SpinActive"
        )
    return value


def checked_transmissions(given: Any) -> Any:
    """Transmission eigenvalues as (channels,), or None; others than in (0, 1] are refused."""
    if given is None:
        return None
    values = real("transmissions", given)
    values = values.reshape(1) if values.ndim == 0 else values
    if values.ndim != 1 or not values.size:
        raise ValueError(f"transmissions have shape {values.shape}; expected a list of numbers in (0, 1]")
    if not isinstance(values, jax.core.Tracer) and not np.all((np.asarray(values) > 0) & (np.asarray(values) <= 1)):
        raise ValueError(f"transmissions = {np.asarray(values).tolist()}; expected numbers in (0, 1]")
    return values


def checked_polarisation(given: Any, transmissions: Any) -> Any:
    """The polarisation of a barrier in the tunnel limit, (3,) of length one at most, or None."""
    if given is None:
        return None
    value = real("polarisation", given)
    if value.shape != (3,):
        raise ValueError(f"polarisation has shape {value.shape}; expected (3,), a vector of spin")
    if transmissions is not None:
        raise ValueError("polarisation beside transmissions; expected one of them: it stands for the tunnel limit")
    if not isinstance(value, jax.core.Tracer):
        check_field("polarisation", value[None], "a barrier")
        size = np.linalg.norm(value)
        if size > 1 + 1e-12:
            raise ValueError(f"polarisation = {np.asarray(value).tolist()} has length {size:.3g}; expected at most 1")
    return value


def barrier_of(conductance: Any, transmissions: Any, polarisation: Any) -> Barrier:
    """What a condition with these has between its sides."""
    if isinstance(conductance, Boundary) and (barrier := conductance.barrier):
        return barrier
    return Barrier(conductance, transmissions, polarisation)


def refuse_both(what: str, conductance: Any, *others: Any) -> None:
    """A SpinActive says all of a barrier."""
    if isinstance(conductance, Boundary) and any(x is not None for x in others):
        raise ValueError(f"{what} with a SpinActive and transmissions or a polarisation; expected the SpinActive alone")
