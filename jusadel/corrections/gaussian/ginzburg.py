"""How close to the transition fluctuations are no longer small: `ginzburg_number`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from jusadel.common.arguments import is_number
from jusadel.common.differentiability import without_derivatives
from jusadel.common.errors import SolveError
from jusadel.corrections.gaussian.calculation import fluctuations
from jusadel.corrections.gaussian.checks import refuse_superconducting
from jusadel.device.device import Device

MOST_STEPS = 20
FIRST_POWER = 1.5
"""With which the paraconductivity is first taken to grow, that of wires."""
LONGEST = 5.0
"""By which factor lambda changes in a step, at most."""
ABOVE = 1.1
"""Where the search starts, in the largest Tc."""


@without_derivatives("take central differences of it")
def ginzburg_number(
    device: Device,
    conductance: float,
    *,
    across: Sequence[str] = ("left", "right"),
    modes: int = 50,
    tol: float = 1e-3,
) -> float:
    """The lambda of the slowest mode, ln(T/Tc) in a uniform metal, at which pairs carry as much as the normal metal.

    Nearer to the transition Gaussian fluctuations do not hold. e^2/(16 hbar) over the conductance of a square in films,
    [pi xi e^2/(16 hbar L G)]^(2/3) in rings and long wires of the conductance G and length L, xi^2 = pi D/8T. The
    device must be longer than some ten xi/sqrt(lambda) where it stands for a larger sample.

    Args:
        device: as in `fluctuations`.
        conductance: of the normal metal across the device, [e^2/h]: 25812.8 over its resistance in Ohm.
        across: the two boundaries between which it is measured.
        modes: how many, as in `fluctuations`.
        tol: relative error of the conductances' ratio at which the search ends.

    Raises:
        ValueError: as `fluctuations`, or a conductance that is not positive. SolveError: nothing found.
    """
    if not is_number(conductance) or conductance <= 0:
        raise ValueError(f"conductance = {conductance!r}; expected that of the normal metal in e^2/h, a number > 0")
    refuse_superconducting(device)
    T, power, before = ABOVE * float(np.asarray(device.vertex_field("Tc")).max()), FIRST_POWER, None
    for _ in range(MOST_STEPS):
        found = fluctuations(device, T, across=across, modes=modes)
        assert found.paraconductivity is not None
        x, y = np.log(found.eigenvalues[0]), np.log(found.paraconductivity / conductance)
        if abs(y) < tol:
            return float(np.exp(x))
        if before is not None and x != before[0]:
            power = max(-(y - before[1]) / (x - before[0]), 0.3)
        before = x, y
        step = float(np.clip(y / power, -np.log(LONGEST), np.log(LONGEST)))
        T *= np.exp((np.exp(x + step) - np.exp(x)) / found.slope)
    raise SolveError(
        f"no Ginzburg number after {MOST_STEPS} temperatures: at T = {T:.6g} pairs carry {np.exp(y):.3g} times "
        f"the {conductance:g} e^2/h of the normal metal; check the conductance"
    )
