"""What a user states: materials, boundary conditions, contacts, potentials, the Device that joins them; units.

Imports `common` and `mesh`.
"""

from jusadel.device.boundary import Interface, Periodic, Reservoir, SpinActive, Surface, Tunnel
from jusadel.device.citations import cite
from jusadel.device.contact import Contact
from jusadel.device.device import Device
from jusadel.device.gauge.phase_lines import GaugeError
from jusadel.device.gauge.sources import coil_field, dipole_field
from jusadel.device.material import symmetry
from jusadel.device.material.known_materials import KnownMaterial, materials
from jusadel.device.material.magnetic_groups import magnetic_point_groups
from jusadel.device.material.magnets import altermagnet, ferromagnet
from jusadel.device.material.material import AssumedTcWarning, Material
from jusadel.device.material.point_groups import point_groups
from jusadel.device.material.stability import StrongPrecessionWarning
from jusadel.device.material.symmetry import allowed_tensor
from jusadel.device.material.tensors import chiral, dresselhaus, rashba
from jusadel.device.pair_potential import vortex, vortices
from jusadel.device.units.units import Units
from jusadel.device.vector_potential import electrode_gauge, uniform_field

__all__ = [
    "AssumedTcWarning",
    "Contact",
    "Device",
    "GaugeError",
    "Interface",
    "KnownMaterial",
    "Material",
    "Periodic",
    "Reservoir",
    "SpinActive",
    "StrongPrecessionWarning",
    "Surface",
    "Tunnel",
    "Units",
    "allowed_tensor",
    "altermagnet",
    "chiral",
    "cite",
    "coil_field",
    "dipole_field",
    "dresselhaus",
    "electrode_gauge",
    "ferromagnet",
    "magnetic_point_groups",
    "materials",
    "point_groups",
    "rashba",
    "symmetry",
    "uniform_field",
    "vortex",
    "vortices",
]
