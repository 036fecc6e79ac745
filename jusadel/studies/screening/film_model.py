"""The thin film in the plane z = 0 in a field along z, with the vector potentials that its own currents can make.

With h the edge integrals of the applied field's vector potential, those of the film are

    A = h + M g + d chi,

M g those of the sheet currents curl(g z) by Biot and Savart (`sheet_currents`), d chi the steps of a gauge function. To
M belongs the smallest correction with which the hats see of M g exactly Q g: it falls as the square of the mesh size
for smooth currents. Their field has the energy g Q g/2, so that per thickness

    E[Delta, G; chi, g] = F[Delta, G; A] + (1/2) g Q g

is stationary where -dF/dA, the film's current, makes the same vector potential, seen by all others: M^T dF/dA = -Q g,
and where none of it is fed in: d^T dF/dA = 0. The unknowns are chi at the nodes and y = Q g, fluxes through the hats,
on which London's term and that of the field have comparable weights.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import scipy
import scipy.sparse as sp

from jusadel.device.device import Device
from jusadel.device.vector_potential import integrated, uniform_field
from jusadel.solver import gap
from jusadel.studies.screening.edge_elements import EdgeSpace, merged_nodes
from jusadel.studies.screening.model import ScreeningModel, factor
from jusadel.studies.screening.sheet_currents import SheetCurrents, mean_of_links, sheet_currents


@dataclass(frozen=True, kw_only=True)
class FilmSpace(EdgeSpace):
    """The edge integrals of a film; `offset` are those of the applied field. Unknowns are chi (N,), then y (K,)."""

    steps: sp.csr_matrix  # (e, N): differences of chi, of nodes that are one another's copies once
    by_flux: np.ndarray  # (e, K): M Q^-1
    currents: SheetCurrents

    @property
    def count(self) -> int:
        """Of unknowns."""
        return int(self.steps.shape[1] + self.by_flux.shape[1])

    def split(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """chi and y."""
        return x[: self.steps.shape[1]], x[self.steps.shape[1] :]

    def change(self, x: np.ndarray) -> np.ndarray:
        """Of all edge integrals (e,), with the unknowns' (x,)."""
        chi, y = self.split(x)
        return self.steps @ chi + self.by_flux @ y

    def gathered(self, values: np.ndarray) -> np.ndarray:
        """The transpose of `change`."""
        return np.concatenate([self.steps.T @ values, self.by_flux.T @ values])

    def chosen(self, edges: np.ndarray) -> np.ndarray:
        """The unknowns with which hats see the same flux as with these edge integrals; chi is nearest to the rest."""
        own = edges - self.offset
        y = self.currents.through_hats @ own
        laplace = self.steps.T @ self.steps + 1e-10 * sp.eye_array(self.steps.shape[1])
        return np.concatenate([factor(laplace.tocsc()).solve(self.steps.T @ (own - self.by_flux @ y)), y])


@dataclass(frozen=True, kw_only=True)
class FilmModel(ScreeningModel):
    """What stays the same while Delta and A change; H is the largest applied field, `permeability` mu0 d."""

    space: FilmSpace
    Q: np.ndarray = field(repr=False)  # (K, K)
    factors: Any = field(repr=False)  # Cholesky's, of Q

    def stream(self, x: np.ndarray) -> np.ndarray:
        """Values of the stream function, Q^-1 y, (K,)."""
        return scipy.linalg.cho_solve(self.factors, self.space.split(x)[1])

    def field_gradient(self, x: np.ndarray) -> np.ndarray:
        """The derivative of the field's energy with respect to the unknowns, (x,)."""
        return np.concatenate([0 * self.space.split(x)[0], self.stream(x)])

    def field_change(self, x: np.ndarray) -> np.ndarray:
        """Its second derivative times a change (x,)."""
        return self.field_gradient(x)

    @property
    def softest_field(self) -> float:
        """The second derivative of the field's energy along a vector potential as long as the sample."""
        return float(1 / (self.permeability * np.sqrt(self.space.areas.sum())))

    def factored(self, london: sp.bsr_matrix) -> Callable[[np.ndarray], np.ndarray]:
        """What nearly solves London's equation for chi and y, each for itself: (Q^-1 + k^-1)^-1 = Q - Q (Q + k)^-1 Q.

        k is the energy of the pairs' motion, as a matrix of stream functions.
        """
        onto_links = self.space.along_cells @ self.space.steps
        shift = london.diagonal().mean() * sp.eye_array(onto_links.shape[1])
        of_gauge = factor((onto_links.T @ london @ onto_links + 1e-6 * shift).tocsc()).solve
        both = scipy.linalg.cho_factor(self.Q + self._kinetic(london), overwrite_a=True)

        def solve(r: np.ndarray) -> np.ndarray:
            of_chi, of_y = self.space.split(r)
            felt = self.Q @ of_y
            return np.concatenate([of_gauge(of_chi), felt - self.Q @ scipy.linalg.cho_solve(both, felt)])

        return solve

    def _kinetic(self, london: sp.bsr_matrix) -> np.ndarray:
        """Int K (d2f/dA2)^-1 K of stream functions, (K, K)."""
        m, current, areas = len(self.space.mesh.triangles), self.space.currents.current, self.space.mesh.areas
        mean = mean_of_links(self.space.mesh)
        each = np.einsum("mil,mlk,mjk->mij", mean, np.linalg.inv(london.data[:m]), mean)
        each = each * np.asarray(areas)[:, None, None] ** 2
        blocks = sp.block_array([[sp.diags(each[:, i, j]) for j in (0, 1)] for i in (0, 1)])
        return np.asarray((current.T @ blocks @ current).toarray())


def film_model(
    device: Device, space: EdgeSpace, where: gap.Sites | None, H: Any, permeability: float, thickness: float
) -> FilmModel:
    """That of a device in a field H along z, a number or the function of points that is its vector potential."""
    mu, applied = float(permeability) * float(thickness), edges_of(device, H)
    currents = sheet_currents(device)
    Q = currents.inductances(mu)
    factors = scipy.linalg.cho_factor(Q)
    by_flux = scipy.linalg.cho_solve(factors, currents.along_edges(device.mesh, mu).T, overwrite_b=True).T
    by_flux += _seen(currents.through_hats, np.eye(len(Q)) - currents.through_hats @ by_flux)
    own = {f.name: getattr(space, f.name) for f in fields(EdgeSpace)} | {"offset": applied}
    return FilmModel(
        space=FilmSpace(**own, steps=_steps(device), by_flux=by_flux, currents=currents),
        where=where,
        H=float(np.abs(space.curl @ applied).max()),
        permeability=mu,
        Q=Q,
        factors=factors,
    )


def own_field(model: FilmModel, forces: np.ndarray) -> np.ndarray:
    """B in each triangle (m,) of the film's currents alone, from dF/dA along its edges (e,)."""
    flux = -model.Q @ (model.space.by_flux.T @ forces)
    return (model.space.curl @ (model.space.by_flux @ flux))[: len(model.space.mesh.triangles)]


def _seen(hats: sp.csr_matrix, flux: np.ndarray) -> np.ndarray:
    """The smallest edge integrals (e, k) of which hats see this flux (K, k)."""
    return np.asarray(hats.T @ factor((hats @ hats.T).tocsc()).solve(flux))


def edges_of(device: Device, H: Any) -> np.ndarray:
    """Int A.dl along the mesh's edges (e,) of a field along z."""
    ends = np.asarray(device.mesh.points)[device.mesh.edges]
    A = H if callable(H) else uniform_field(float(H), gauge="symmetric")
    return np.asarray(integrated(A, ends[:, :1], ends[:, 1:]))[:, 0]


def _steps(device: Device) -> sp.csr_matrix:
    label, edges = merged_nodes(device), device.mesh.edges
    row = np.arange(len(edges)).repeat(2)
    shape = (len(edges), int(label.max()) + 1)
    return sp.csr_matrix((np.tile([-1.0, 1.0], len(edges)), (row, label[edges].ravel())), shape)
