"""What `fluctuations` returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from jusadel.device.device import Device
from jusadel.device.units.of_device import OfDevice
from jusadel.device.units.shown import CODE, scale, with_unit


@dataclass(frozen=True, eq=False, kw_only=True)
class Fluctuations(OfDevice):
    """Gaussian fluctuations of the pair potential above a transition, in the classical limit Omega = 0.

    Attributes:
        T: temperature [energy].
        eigenvalues: lambda (m,) of the slowest modes, ascending, one a complex mode; ln(T/Tc) in a uniform metal.
        times: delays tau (m,) of du/dt = - (lambda/tau) u, pi/8T without pair breaking [1/energy].
        modes: their shapes at the nodes, (m, n) complex, largest modulus 1, real and positive there.
        slope: d lambda/d ln T of the first, one in a uniform metal.
        specific_heat: of the whole sample, in k_B.
        magnetisation: -dF/dB of the whole sample along z [energy over flux quantum pi per length^2], or None.
        paraconductivity: what Cooper pairs carry between the electrodes, Aslamazov and Larkin's process, in e^2/h
            (38.74 uS), or None.
        maki_thompson: what electrons carry that scatter coherently from pairs, in e^2/h, of a film, or None.
        across: the two boundaries, or None.
        rest: by the name of a sum, an estimate of what modes beyond those here would change, relative to it.
        left_out: what is not in these numbers, with the reason.
        frequencies: number of frequencies in the sums.
        device: the Device.
    """

    T: float
    eigenvalues: np.ndarray
    times: np.ndarray
    modes: np.ndarray = field(repr=False)
    slope: float
    specific_heat: float
    magnetisation: float | None
    paraconductivity: float | None
    maki_thompson: float | None
    across: tuple[str, str] | None
    rest: Mapping[str, float]
    left_out: Mapping[str, str]
    frequencies: int
    device: Device = field(repr=False)

    def __repr__(self) -> str:
        code = f" {CODE}" * (self.units is not None)
        shown = [f"C = {self.specific_heat:.4g} k_B"]
        shown += [] if self.magnetisation is None else [f"M = {self.magnetisation:.4g}{code}"]
        shown += [] if self.paraconductivity is None else [f"Aslamazov-Larkin {self.paraconductivity:.4g} e^2/h"]
        shown += [] if self.maki_thompson is None else [f"Maki-Thompson {self.maki_thompson:.4g} e^2/h"]
        low, high, count = self.eigenvalues[0], self.eigenvalues[-1], len(self.eigenvalues)
        T = with_unit(self.T, scale(self.units, "temperature"), 6)
        return (
            f"Fluctuations at T = {T}, {count} modes with lambda = {low:.4g} to {high:.4g}: "
            f"{', '.join(shown)}; left out: {', '.join(self.left_out)}"
        )
