"""What every result of a device has from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jusadel.device.device import Device
    from jusadel.device.units.units import Units
    from jusadel.mesh.mesh import Mesh


class OfDevice:
    """A result with a `device`."""

    device: Device

    @property
    def mesh(self) -> Mesh:
        """The mesh of the device, of which maps and densities are."""
        return self.device.mesh

    @property
    def units(self) -> Units | None:
        """Those of the device."""
        return self.device.units
