"""What solutions at Matsubara frequencies and spectra at real energies share, and what observables ask of both."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import jax
import numpy as np

from jusadel.action.mesh_action import DiscreteAction
from jusadel.common.differentiability import on_device
from jusadel.device.device import Device
from jusadel.device.units.units import Units
from jusadel.mesh.mesh import Mesh

Array = jax.Array


@dataclass(frozen=True, kw_only=True)
class States:
    """Green's functions of a device at n_w frequencies, or energies, and how they were found."""

    device: Device
    T: float
    all_G: Array = field(repr=False)  # (n_w, N, 4, 4), behind the mesh's nodes those of reservoirs behind barriers
    Delta: Array
    converged: np.ndarray
    stable: np.ndarray
    margin: np.ndarray
    stats: dict[str, Any]
    vertex_Delta: Array = field(repr=False)  # (m, 3), may jump between regions
    system: DiscreteAction = field(repr=False)

    @property
    def G(self) -> Array:
        """Green's functions at the mesh's nodes, (n_w, n, 4, 4)."""
        n = len(self.mesh.points)
        if isinstance(self.all_G, jax.core.Tracer):
            return self.all_G[:, :n]
        return self.all_G if self.all_G.shape[1] == n else on_device(np.asarray(self.all_G)[:, :n])

    @property
    def mesh(self) -> Mesh:
        """The mesh that was solved on."""
        return self.device.mesh

    @property
    def units(self) -> Units | None:
        """Those of the device; None where there are none, or no device (read from a sweep)."""
        return None if self.device is None else self.device.units

    def _how_found(self, helped: str, iterations: str = "") -> str:
        """Lines about certificates and Newton's method, which was `helped` where the plain start failed."""
        stats, count = self.stats, len(self.margin)
        compiling = stats.get("compile_seconds", 0.0)  # not in files from before it was there
        apart = f" and {compiling:.1f} s of compilation" if compiling >= 0.05 else ""
        return (
            f"  {int((self.converged & self.stable).sum())} of {count} certified, positivity margin "
            f"{self.margin.min():.3g}, residual {stats['residual'].max():.1e}\n"
            f"  {stats['steps'].min()} to {stats['steps'].max()} Newton steps, {int((stats['ladder'] > 0).sum())} "
            f"{helped}, {stats['linear_solver']}{iterations}, {stats['seconds'] - compiling:.1f} s{apart}"
        )


class Solved(Protocol):
    """What currents can be taken of: a Solution, a Flow."""

    @property
    def device(self) -> Device:
        """As it was solved."""

    @property
    def mesh(self) -> Mesh:
        """Its mesh."""

    @property
    def system(self) -> DiscreteAction:
        """The discrete action."""
