"""The boundary conditions: a reservoir, a barrier before one, a line inside the mesh, a periodic boundary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar, cast

import jax
import numpy as np

from jusadel.common.arguments import is_number, real
from jusadel.common.types import ArrayLike, Number, Values
from jusadel.device.boundary.base import (
    Barrier,
    Boundary,
    Phase,
    barrier_of,
    check_phase,
    checked_conductance,
    checked_polarisation,
    checked_transmissions,
    phase_at,
    refuse_both,
)
from jusadel.device.boundary.spin_active import SpinActive
from jusadel.device.boundary.surface import Surface, checked_surface, same_surface
from jusadel.device.material.material import check_field, shaped
from jusadel.device.material.printed import in_short, present
from jusadel.device.units.shown import CODE, scale

if TYPE_CHECKING:
    from jusadel.device.units.units import Units

ELECTRODE_FIELDS = ("h", "Gamma", "magnetic_Gamma", "depairing", "inelastic")
"""Fields of a material that an electrode may have beside its Delta."""


@dataclass(frozen=True, eq=False, repr=False)
class Reservoir(Boundary):
    """A large bulk electrode: on its edge G is fixed to the homogeneous value of these numbers.

    Args:
        Delta: modulus of the pair potential [energy]; 0 is a normal reservoir.
        phase: its phase, a number or a function of points (k, 2) -> (k,).
        h: exchange field in the electrode, (3,) [energy].
        Gamma: its spin relaxation, number or (3, 3) [energy].
        magnetic_Gamma: its relaxation by magnetic impurities, number or (3, 3) [energy].
        depairing: its orbital pair breaking, a rate >= 0 [energy]. Abrikosov and Gorkov's rate is depairing plus 3/4 of
            an isotropic magnetic_Gamma.
        inelastic: its inelastic rate (Dynes), >= 0, beside the eta of a spectrum [energy].

    Raises:
        ValueError: not finite, Delta negative or complex, tensor of the wrong shape.
    """

    Delta: Number
    phase: Phase = 0.0
    h: ArrayLike = (0.0, 0.0, 0.0)
    Gamma: ArrayLike = 0.0
    magnetic_Gamma: ArrayLike = 0.0
    depairing: ArrayLike = 0.0
    inelastic: ArrayLike = 0.0

    def __post_init__(self) -> None:
        for name in ELECTRODE_FIELDS:
            value = shaped(name, getattr(self, name))
            object.__setattr__(self, name, value)
            check_field(name, value[None], "a reservoir")
        if not is_number(self.Delta, at_least=0.0):
            raise ValueError(
                f"Reservoir Delta = {self.Delta!r}; expected its modulus, a number >= 0 (the phase is `phase`)"
            )
        check_phase("Reservoir", self.phase)

    @property
    def electrode(self) -> Reservoir:
        """Itself."""
        return self

    def with_electrode(self, new: Reservoir) -> Reservoir:
        """The other one."""
        return new

    def phase_at(self, points: Values) -> Values:
        """The phase at points (k, 2), as (k,)."""
        return phase_at(self.phase, points, "a reservoir")

    def __repr__(self) -> str:
        return self.printed(None)

    def printed(self, units: Units | None) -> str:
        """Delta and the phase, and what else is not zero."""
        shown = scale(units, "energy")
        fields = present(self, ELECTRODE_FIELDS, lambda name: shown)
        Delta, phase = in_short(self.Delta, shown), in_short(self.phase)
        return f"Reservoir(Delta={Delta}, phase={phase}{', ' * bool(fields)}{fields})"


@dataclass(frozen=True, eq=False, repr=False)
class Tunnel(Boundary):
    """A barrier between the edge and a reservoir.

    Per length, -(G_B/4) Tr(g g_r) (Kupriyanov and Lukichev); with transmissions, Nazarov's
    -(G_B/(2 Sum T_n)) Sum_n Tr ln[1 + (T_n/4)({g, g_r} - 2)], which is the former for T_n -> 0.

    Args:
        reservoir: the Reservoir behind the barrier.
        conductance: G_B, of the interface per length, where normal metals conduct 2 nu D (e = hbar = 1); in the usual
            parameter gamma_B = G_N-resistance ratio, gamma_B xi = 2 nu D/G_B. Or a SpinActive, which says all of it.
        transmissions: None for the tunnel limit, or the transmission eigenvalues T_n in (0, 1] of the channels that
            share the conductance (two for one half, and so on, as they occur).
        surface: a Surface with terms on the edge itself.
        polarisation: how the barrier filters spins, (3,): spins along +-P pass with G_B (1 +- |P|)/2. Then the term is
            -(G_B/4) Tr(W g W g_r), W = u + v m.sigma tau3, u^2 + v^2 = 1, 2 u v m = P (docs/physics.md, section 6).

    Raises:
        ValueError: conductance negative or not finite, transmissions outside (0, 1], polarisation longer than one or
            beside transmissions.
    """

    reservoir: Reservoir
    conductance: Number | SpinActive
    transmissions: ArrayLike | None = None
    surface: Surface | None = None
    polarisation: ArrayLike | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.reservoir, Reservoir):
            raise TypeError(f"Tunnel's reservoir is {type(self.reservoir).__name__}; expected a jusadel.Reservoir")
        checked_conductance("Tunnel", self.conductance)
        refuse_both("Tunnel", self.conductance, self.transmissions, self.polarisation)
        object.__setattr__(self, "transmissions", checked_transmissions(self.transmissions))
        checked_surface("Tunnel", self.surface)
        object.__setattr__(self, "polarisation", checked_polarisation(self.polarisation, self.transmissions))

    @property
    def electrode(self) -> Reservoir:
        """The Reservoir behind the barrier."""
        return self.reservoir

    @property
    def barrier(self) -> Barrier:
        """Between the edge and the Reservoir."""
        return barrier_of(self.conductance, self.transmissions, self.polarisation)

    @property
    def surfaces(self) -> tuple[Surface | None, ...]:
        """Terms on the edge."""
        return (self.surface,)

    def with_electrode(self, new: Reservoir) -> Tunnel:
        """The same barrier before another Reservoir."""
        return replace(self, reservoir=new)

    def __repr__(self) -> str:
        return self.printed(None)

    def printed(self, units: Units | None) -> str:
        """The electrode behind it, its conductance or, in a laboratory, resistance times area, and its channels."""
        return f"Tunnel({self.reservoir.printed(units)}, {_conductance(self.conductance, units)}{_channels(self)})"


@dataclass(frozen=True, eq=False, repr=False)
class Interface(Boundary):
    """A named inner line of the mesh: a barrier between its two sides, or only terms along it.

    Args:
        conductance: G_B as in Tunnel; the nodes along the line are then doubled (`sol.mesh`). None: G is continuous.
        transmissions: as in Tunnel.
        polarisation: as in Tunnel.
        surface: a Surface; with a barrier it acts on both sides, or give a pair (left, right), None for nothing.
            Normals point out of each side; without a barrier from left to right of the line as the mesh stores it.

    Raises:
        ValueError: as in Tunnel; transmissions without conductance; neither conductance nor surface.
    """

    inner: ClassVar[bool] = True
    conductance: Number | SpinActive | None = None
    transmissions: ArrayLike | None = None
    surface: Surface | Sequence[Surface | None] | None = None
    polarisation: ArrayLike | None = None

    def __post_init__(self) -> None:
        sides = tuple(self.surface) if isinstance(self.surface, tuple | list) else (self.surface,) * 2
        alike = len(sides) == 2 and same_surface(*sides)
        filters = self.transmissions is not None or self.polarisation is not None
        if self.conductance is None and (filters or (alike and sides[0] is None)):
            raise ValueError("Interface without conductance; expected its conductance, or a surface for terms along it")
        if self.conductance is not None:
            checked_conductance("Interface", self.conductance)
            refuse_both("Interface", self.conductance, self.transmissions, self.polarisation)
        object.__setattr__(self, "transmissions", checked_transmissions(self.transmissions))
        object.__setattr__(self, "polarisation", checked_polarisation(self.polarisation, self.transmissions))
        if len(sides) != 2 or (self.conductance is None and not alike):
            raise ValueError("Interface surface; a pair (left, right) needs a conductance, which makes two sides")
        object.__setattr__(self, "surface", tuple(checked_surface("Interface", s) for s in sides))

    @property
    def barrier(self) -> Barrier | None:
        """Between its two sides, if there is one."""
        return None if self.conductance is None else barrier_of(self.conductance, self.transmissions, self.polarisation)

    @property
    def surfaces(self) -> tuple[Surface | None, ...]:
        """Terms on the left and on the right; on the line alone where G is continuous."""
        both = cast("tuple[Surface | None, ...]", self.surface)
        return both if self.doubled else both[:1]

    def __repr__(self) -> str:
        return self.printed(None)

    def printed(self, units: Units | None) -> str:
        """Its conductance or, in a laboratory, resistance times area, channels and terms along it."""
        sides = cast("tuple[Surface | None, ...]", self.surface)
        surfaces = ", ".join("None" if side is None else side.printed(units) for side in sides)
        return f"Interface({_conductance(self.conductance, units)}{_channels(self)}, surface=({surfaces}))"


@dataclass(frozen=True, eq=False, repr=False)
class Periodic(Boundary):
    """This boundary is another one, shifted: boundaries={"right": Periodic("left", phase=0.3)}.

    G here is that of the partner turned: Delta by exp(i phase), spins by the rotation. The nodes of both must match.

    Args:
        partner: name of the other boundary, which itself stays without a condition.
        phase: of this boundary relative to the partner, a number or a function of this one's points (k, 2) -> (k,),
            which a vector potential needs that is itself not periodic.
        rotation: rotation vector of spins (axis times angle, right-handed), (3,).

    Raises:
        ValueError: not finite, wrong shape.
    """

    partner: str = field()  # type: ignore[misc]  # what others have none of
    phase: Phase = 0.0
    rotation: ArrayLike = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        if not isinstance(self.partner, str):
            raise TypeError(f"Periodic partner = {self.partner!r}; expected the name of the other boundary")
        check_phase("Periodic", self.phase)
        rotation = real("rotation", self.rotation)
        object.__setattr__(self, "rotation", rotation)
        if rotation.shape != (3,):
            raise ValueError(f"rotation has shape {rotation.shape}; expected (3,), axis times angle")
        check_field("rotation", rotation[None], "a periodic boundary")

    def phase_at(self, points: Values) -> Values:
        """The phase at points (k, 2), as (k,)."""
        return phase_at(self.phase, points, "a periodic boundary")

    def __repr__(self) -> str:
        return f"Periodic({self.partner!r}, phase={self.phase}, rotation={self.rotation})"


def _conductance(given: Number | SpinActive | None, units: Units | None) -> str:
    if isinstance(given, SpinActive):
        return f"conductance={given.printed(units)}"
    known = given is not None and not isinstance(given, jax.core.Tracer)
    if units is not None and known and float(given) > 0:  # type: ignore[arg-type]
        try:
            return f"resistance times area={in_short(units.to_ohm_um2(float(given)))} Ohm um^2"  # type: ignore[arg-type]
        except ValueError:  # says what is missing
            return f"conductance={given} {CODE}"
    return f"conductance={given}"


def _channels(barrier: Tunnel | Interface) -> str:
    return "" if barrier.transmissions is None else f", {np.size(barrier.transmissions)} channels"
