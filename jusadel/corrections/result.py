"""What `localisation` returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from jusadel.common.differentiability import is_traced, values_of
from jusadel.common.types import Values
from jusadel.device.device import Device
from jusadel.device.units.of_device import OfDevice
from jusadel.device.units.shown import scale, with_unit


@dataclass(frozen=True, eq=False)
class Localisation(OfDevice):
    """The weak (anti)localisation correction to a conductance, in units of e^2/h (38.74 uS; 25.81 kOhm is one over it).

    Attributes:
        correction: delta G for each field, (m,) [e^2/h]; negative is localisation. In two dimensions it depends on
            the mesh as the logarithm of `mesh_size`, which stands for the mean free path: compare differences.
        fields: what was varied, (m,): perpendicular fields [flux quantum pi/length^2], or what the function of
            devices takes.
        dephasing: rates 1/tau_phi, (m,) [energy], or None where they are those of the materials.
        across: the two electrodes.
        mesh_size: the longest edge [length].
        device: the Device; where it was a function of the field, that of the first.
        local: on request, delta sigma at the nodes, (m, n) [e^2/h]; zero on electrodes.
    """

    correction: Values
    fields: Values
    dephasing: Values | None
    across: tuple[str, str]
    mesh_size: float
    device: Device = field(repr=False)
    local: np.ndarray | None = field(default=None, repr=False)

    @property
    def reference(self) -> int:
        """The number of the first field that is zero, or of the first of all."""
        return int(np.argmax(values_of(self.fields) == 0))

    @property
    def change(self) -> Values:
        """The correction less that at zero field (or at the first field, where none is zero), (m,) [e^2/h]."""
        return self.correction - self.correction[self.reference]

    def __repr__(self) -> str:
        text = f"Localisation between {self.across[0]!r} and {self.across[1]!r}, {len(self.fields)} fields: "
        if is_traced(self.correction):
            return text + "traced by JAX"
        shown: Any = np.asarray
        low, high = shown(self.correction).min(), shown(self.correction).max()
        size = with_unit(self.mesh_size, scale(self.units, "length"), 3)
        return (
            f"{text}correction {low:.4g} to {high:.4g} e^2/h at a cut-off by edges up to {size}, "
            f"change {shown(self.change).min():.4g} to {shown(self.change).max():.4g} e^2/h"
        )
