"""The thin film in the plane z = 0 in a field along z: the energy of the field that its sheet currents make.

With the vector potential h of the applied field and C A = Int A.curl(phi_n z), what all hats see of A
(`sheet_currents`), the currents of the film have the energy g Q g/2 where C(A - h) = Q g. Per thickness

    E[Delta, G; A] = F[Delta, G; A] + (1/2) (C(A - h)) Q^-1 (C(A - h)),

stationary in A where dF/dA = -C^T g: the film's current is curl(g z), and the field its own by Biot and Savart.
The unknowns are those of a sample along which nothing depends on z, the edge integrals of A.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy
import scipy.sparse as sp

from jusadel.device.device import Device
from jusadel.device.vector_potential import integrated, uniform_field
from jusadel.solver import gap
from jusadel.studies.screening.edge_elements import EdgeSpace
from jusadel.studies.screening.model import ScreeningModel, factor
from jusadel.studies.screening.sheet_currents import SheetCurrents, sheet_currents

COLUMNS = 256
"""Right-hand sides at a time."""


@dataclass(frozen=True, kw_only=True)
class FilmModel(ScreeningModel):
    """What stays the same while Delta and A change; H is the largest applied field, `permeability` mu0 d."""

    currents: SheetCurrents
    applied: np.ndarray  # (e,) edge integrals of the applied field's vector potential
    Q: np.ndarray = field(repr=False)  # (K, K)
    factors: Any = field(repr=False)  # Cholesky's, of Q

    def stream(self, edges: np.ndarray) -> np.ndarray:
        """Values of the stream function (K,) whose field is A at all edges (e,) less that applied."""
        return self._solved(self.currents.through_hats @ (edges - self.applied))

    def field_gradient(self, edges: np.ndarray) -> np.ndarray:
        """The derivative of the field's energy with respect to the independent edges (x,), at all edges (e,)."""
        return self._hats.T @ self.stream(edges)

    def field_change(self, x: np.ndarray) -> np.ndarray:
        """Its second derivative times a change (x,)."""
        return self._hats.T @ self._solved(self._hats @ x)

    @property
    def softest_field(self) -> float:
        """The second derivative of the field's energy along a vector potential as long as the sample."""
        return float(1 / (self.permeability * np.sqrt(self.space.areas.sum())))

    def factored(self, local: sp.csr_matrix) -> Callable[[np.ndarray], np.ndarray]:
        """What solves (local + the second derivative of the field's energy) x = r, by Woodbury's formula."""
        of_edges, hats = factor(local.tocsc()).solve, self._hats
        felt = np.empty_like(self.Q)
        for first in range(0, len(felt), COLUMNS):
            some = slice(first, first + COLUMNS)
            felt[:, some] = hats @ of_edges(hats[some].T.toarray())
        both = scipy.linalg.cho_factor(self.Q + (felt + felt.T) / 2, overwrite_a=True)

        def solve(r: np.ndarray) -> np.ndarray:
            x = of_edges(r)
            return x - of_edges(hats.T @ scipy.linalg.cho_solve(both, hats @ x))

        return solve

    @property
    def _hats(self) -> sp.csr_matrix:
        """C of the independent edges, (K, x)."""
        return sp.csr_matrix(self.currents.through_hats @ self.space.independent)

    def _solved(self, flux: np.ndarray) -> np.ndarray:
        return scipy.linalg.cho_solve(self.factors, flux)


def film_model(
    device: Device, space: EdgeSpace, where: gap.Sites | None, H: Any, permeability: float, thickness: float
) -> FilmModel:
    """That of a device in a field H along z, a number or the function of points that is its vector potential."""
    currents, mu = sheet_currents(device), float(permeability) * float(thickness)
    applied = edges_of(device, H)
    Q = currents.inductances(mu)
    return FilmModel(
        space=space,
        where=where,
        H=float(np.abs(space.curl @ applied).max()),
        permeability=mu,
        currents=currents,
        applied=applied,
        Q=Q,
        factors=scipy.linalg.cho_factor(Q),
    )


def edges_of(device: Device, H: Any) -> np.ndarray:
    """Int A.dl along the mesh's edges (e,) of a field along z."""
    ends = np.asarray(device.mesh.points)[device.mesh.edges]
    A = H if callable(H) else uniform_field(float(H), gauge="symmetric")
    return np.asarray(integrated(A, ends[:, :1], ends[:, 1:]))[:, 0]
