"""Boundary conditions and interfaces by name. A boundary that is not named in the Device is vacuum: nothing flows out.

Each is a term of the functional (physics.md, section 6): a reservoir fixes G, a barrier couples two matrices, and what
acts along a line (spin-active surfaces, interfacial spin-orbit coupling) is a term of the bulk, per length. Whoever
meets one asks what it is: its `electrode`, `barrier`, `surfaces`, `partner`.
"""

from jusadel.device.boundary.base import Barrier, Boundary, phase_at
from jusadel.device.boundary.conditions import ELECTRODE_FIELDS, Interface, Periodic, Reservoir, Tunnel
from jusadel.device.boundary.spin_active import SpinActive
from jusadel.device.boundary.surface import ADDED, EDGE_FIELDS, Surface

CONDITIONS: dict[str, type[Boundary]] = {
    kind.__name__: kind for kind in (Reservoir, Tunnel, Interface, Periodic, Surface)
}
"""By name, as cases and files have them."""
PARTS: dict[str, type[Boundary]] = CONDITIONS | {"SpinActive": SpinActive}
"""With what stands inside of them."""

__all__ = [
    "ADDED",
    "CONDITIONS",
    "EDGE_FIELDS",
    "ELECTRODE_FIELDS",
    "PARTS",
    "Barrier",
    "Boundary",
    "Interface",
    "Periodic",
    "Reservoir",
    "SpinActive",
    "Surface",
    "Tunnel",
    "phase_at",
]
