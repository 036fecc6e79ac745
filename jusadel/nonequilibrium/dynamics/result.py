"""What `response` and `admittance` return."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from jusadel.common.differentiability import is_traced
from jusadel.common.types import Values
from jusadel.device.device import Device
from jusadel.device.units.of_device import OfDevice
from jusadel.device.units.shown import CODE, scale, with_unit


@dataclass(frozen=True, eq=False, kw_only=True)
class AtFrequencies(OfDevice):
    """What a response and an admittance have in common; see there."""

    omega: np.ndarray
    axis: str
    Q: Values
    T: float
    energies: int
    device: Device = field(repr=False)
    phi: np.ndarray | None = field(repr=False)
    pairing: np.ndarray | None = field(repr=False)
    current: np.ndarray | None = field(repr=False)
    spin: np.ndarray | None = field(repr=False)

    @property
    def quality(self) -> Values:
        """Quality factor of the kinetic inductance, -Re Q/Im Q: Im sigma/Re sigma; infinite without absorption."""
        Q = np.asarray(self.Q, complex)
        found: Values = np.divide(-Q.real, Q.imag, out=np.full(Q.shape, np.inf), where=Q.imag != 0)[()]
        return found


@dataclass(frozen=True, eq=False, kw_only=True)
class DynamicResponse(AtFrequencies):
    """Linear response at one frequency or several, (n_omega,) or a number each; time goes as exp(-i omega t).

    Attributes:
        drive: "vector potential" or "exchange field", of the amplitude that was given.
        omega: frequencies [energy]; on the imaginary axis bosonic Matsubara frequencies.
        axis: "real" or "imaginary".
        Q: second derivative of the functional with respect to the drive's amplitude. For a vector potential A
            Q = - Int A.j [nu D]; for an exchange field h, Q = Int h.S with the Pauli spin in it [nu length^2].
        phi: scalar potential that keeps the device neutral, at the nodes, (..., n); None at omega = 0 alone.
        pairing: changes of Re Delta and Im Delta at the sites of the gap equation, (..., K, 2), complex amplitudes of
            two real numbers; None where the pair potential does not follow.
        current: on request, current densities of the triangles (and behind them of edges with terms of their own),
            (..., m + k, 2).
        spin: on request, spin densities at the nodes, (..., n, 3).
        energies: pairs of frequencies that were solved.
        device, T: of the Solution.

    Of omega = 0 there are no changes of the pair potential and no maps: None, and NaN beside other frequencies.
    """

    drive: str

    @property
    def sigma(self) -> Values:
        """Conductivity i Q/omega over the device's area, of a uniform A of length one; 2 nu D in normal metals.

        On the imaginary axis Q/omega.
        """
        if self.drive != "vector potential":
            raise ValueError(f"sigma of an {self.drive}; expected the response to a vector potential, A=(1, 0)")
        return _per_field(self) / np.asarray(self.mesh.areas).sum()

    @property
    def absorption(self) -> Values:
        """Power -(omega/2) Im Q that a real amplitude of one feeds in, averaged over time."""
        return np.asarray(-self.omega / 2 * np.imag(np.asarray(self.Q)))

    def __repr__(self) -> str:
        if is_traced(self.Q):
            return f"DynamicResponse to a {self.drive}: traced by JAX"
        article = "an" if self.drive.startswith("e") else "a"
        return f"DynamicResponse to {article} {self.drive} on the {self.axis} axis: {_shown(self, 'Q')}"


@dataclass(frozen=True, eq=False, kw_only=True)
class Admittance(AtFrequencies):
    """Admittance between two electrodes at one frequency or several, (n_omega,) or a number each.

    Attributes:
        between: the electrode at the voltage exp(-i omega t), and that through which the current leaves.
        omega, axis, phi, pairing, current, spin, energies, device, T: as of a DynamicResponse, per unit of a vector
            potential of voltage i omega.
        Q: the static or dynamic stiffness: current = i Q/omega voltage; real at omega = 0, where
            it is 2 dI/dphase of a junction [nu D].
    """

    between: tuple[str, str]

    @property
    def Y(self) -> Values:
        """Current per voltage, i Q/omega [conductance, 2 nu D per square of normal metal]; Q/omega, real, on the
        imaginary axis. At omega = 0 no number (NaN, infinite where there is a supercurrent): see `inductance`."""
        return _per_field(self)

    @property
    def inductance(self) -> Values:
        """Kinetic inductance [1/(nu D energy)]: Re(1/Q), that is - Im(1/Y)/omega."""
        if is_traced(self.Q):
            return 1 / self.Q
        with np.errstate(divide="ignore"):
            return np.real(1 / np.asarray(self.Q))

    @property
    def absorption(self) -> Values:
        """Re Y: power over the mean square of the voltage."""
        return np.real(np.asarray(self.Y))

    def __repr__(self) -> str:
        between = " and ".join(map(repr, self.between))
        if is_traced(self.Q):
            return f"Admittance between {between}: traced by JAX"
        if not np.any(self.omega):
            inductance = with_unit(np.ravel(self.inductance)[0], scale(self.units, "inductance"))
            return f"Admittance between {between}, static: kinetic inductance {inductance}"
        return f"Admittance between {between} on the {self.axis} axis: {_shown(self, 'Y', 'conductance')}"


def _per_field(result: Any) -> Any:
    """i Q/omega, of E = i omega A; on the imaginary axis Q/omega."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return (1.0 if result.axis == "imaginary" else 1j) * result.Q / result.omega


def _shown(result: Any, name: str, kind: str = "") -> str:
    """The first and the last value, and how they were found."""
    units, omega, values = result.units, np.atleast_1d(result.omega), np.atleast_1d(getattr(result, name))
    per_second, own = scale(units, "frequency"), (1.0, CODE if units is not None else "")
    factor, unit = scale(units, kind) if kind else own
    at = [
        f"{name}({with_unit(w, per_second, 4)}) = {_number(factor * v)}{' ' * bool(unit)}{unit}"
        for w, v in zip(omega, values, strict=True)
        if np.isfinite(v)
    ]
    shown = at[0] if len(at) == 1 else f"{at[0]} to {at[-1]}, {len(omega)} frequencies"
    return f"{shown}; T = {with_unit(result.T, scale(units, 'temperature'), 6)}, {result.energies} pairs of energies"


def _number(value: complex) -> str:
    return f"{value.real:.5g}" if not np.imag(value) else f"{value:.5g}"
