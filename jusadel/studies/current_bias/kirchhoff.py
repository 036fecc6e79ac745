"""Currents given at several superconducting contacts: the phases that carry them.

The energy F(x) - Sum_k I_k x_k/2, of which they are a minimum, is followed downhill from the phases of the device, as
an overdamped circuit would go: by Newton's method on the currents, with the moduli of the Hessian's eigenvalues where
it is not positive, and with steps of a bounded length.
"""

from __future__ import annotations

import numpy as np

from jusadel.common.errors import SolveError
from jusadel.studies.current_bias.phases import Biased, BiasedState

STEP = 0.6
"""Radians, the longest."""
STEPS = 80
DIFFERENCE = 1e-5
"""Radians, of a slope."""
EXACT = 1e-10
"""Of the currents, over the largest slope of them."""
FLOOR = 0.05
"""Of the largest eigenvalue: what a smaller one counts for where the Hessian is not positive."""
FAR = 2.5 * np.pi
"""Radians after which phases run away."""
HALVINGS = 6
"""Of the share of the currents that flows."""


def resting(biased: Biased, currents: np.ndarray) -> BiasedState | None:
    """The state that carries the currents (k,), or None where the phases run away."""
    x = np.zeros(len(currents))
    for _ in range(STEPS):
        here = biased.at(x)
        slopes = slopes_at(biased, here)
        values, modes = np.linalg.eigh((slopes + slopes.T) / 2)
        missing = currents - here.currents
        close = np.abs(missing).max() < EXACT * np.abs(values).max()
        if close and values[0] > 0:
            return here
        if values[0] > 0:
            step = np.linalg.solve(slopes, missing)
        else:
            push = modes.T @ missing
            push[0] = push[0] or DIFFERENCE * abs(values[0])  # at rest on a saddle
            step = modes @ (push / np.maximum(np.abs(values), FLOOR * np.abs(values).max()))
        x = x + step * min(1.0, STEP / np.linalg.norm(step))
        if np.abs(x).max() > FAR:
            return None
    raise SolveError(
        f"no phases found for the currents {currents.tolist()} in {STEPS} steps, "
        f"{np.abs(missing).max():.2g} is missing: start from phases nearer to those that carry them"
    )


def slopes_at(biased: Biased, here: BiasedState) -> np.ndarray:
    """dI_k/dx_l (k, k) by differences."""
    columns = []
    for step in DIFFERENCE * np.eye(len(here.x)):
        columns.append((biased.at(here.x + step).currents - here.currents) / DIFFERENCE)
    return np.stack(columns, axis=1)


def share_that_flows(biased: Biased, currents: np.ndarray) -> float:
    """The largest share of the currents (k,) that phases carry, to 2^-HALVINGS below it."""
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if resting(biased, middle * currents) is None else (middle, high)
    return low
