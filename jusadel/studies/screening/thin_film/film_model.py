"""The thin film in the plane z = 0 in a field along z, with the vector potentials that its own currents can make.

With h the edge integrals of the applied field's vector potential, those of the film are

    A = h + M g + d chi,

M g those of the sheet currents curl(g z) by Biot and Savart (`induction`), d chi the steps of a gauge function. Their
field has the energy g Q g/2, so that per thickness

    E[Delta, G; chi, g] = F[Delta, G; A] + (1/2) g Q g

is stationary where -dF/dA, the film's current, makes the same vector potential, seen by all others: M^T dF/dA = -Q g,
and where none of it is fed in: d^T dF/dA = 0. The unknowns are chi at the nodes and g; at superconducting electrodes
chi = 0 and h has the gauge of their phases (`film_leads`). London's term in g,
M^T (d2F/dA2) M, is close to Q k^-1 Q with the energy k of the pairs' motion in a stream function.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import jax
import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from jusadel.common.differentiability import is_traced
from jusadel.device.device import Device
from jusadel.device.vector_potential import integrated, uniform_field
from jusadel.solver import gap
from jusadel.studies.screening.edge_elements import EdgeSpace, WhitneyField, merged_nodes, steps_of_turns
from jusadel.studies.screening.leads import given_edges
from jusadel.studies.screening.model import ScreeningModel, factor
from jusadel.studies.screening.thin_film.film_leads import fitting_electrodes, lead_nodes
from jusadel.studies.screening.thin_film.induction import Induction, induction_of
from jusadel.studies.screening.thin_film.sheet_currents import SheetCurrents, sheet_currents


@dataclass(frozen=True, kw_only=True)
class FilmSpace(EdgeSpace):
    """The edge integrals of a film; `offset` are those of the applied field. Unknowns are chi (N,), then g (K,)."""

    steps: sp.csr_matrix  # (e, N): differences of chi
    turning: np.ndarray  # (N,) the nodes whose chi is unknown, of those that are one another's copies one
    uniform: np.ndarray  # (e,) the integrals by which `offset` changes with a uniform field
    currents: SheetCurrents
    induction: Induction

    @property
    def count(self) -> int:
        """Of unknowns."""
        return int(self.steps.shape[1] + self.currents.current.shape[1])

    @property
    def kinds(self) -> tuple[int, ...]:
        """How many unknowns are chi, and how many g."""
        return self.steps.shape[1], self.currents.current.shape[1]

    @property
    def idle(self) -> sp.csr_matrix:
        """One chi all over a piece of the film that no electrode holds, (x, k)."""
        piece = connected_components(self.steps.T @ self.steps, directed=False)[1]
        nodes = np.arange(len(piece))
        each = sp.csr_matrix((np.ones(len(piece)), (nodes, piece)), (self.count, int(piece.max(initial=-1)) + 1))
        return sp.csr_matrix(each[:, np.asarray(abs(self.steps @ each[: len(piece)]).sum(axis=0)).ravel() == 0])

    def split(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """chi and g."""
        return x[: self.steps.shape[1]], x[self.steps.shape[1] :]

    def change(self, x: np.ndarray) -> np.ndarray:
        """Of all edge integrals (e,), with the unknowns' (x,)."""
        chi, g = self.split(x)
        return np.asarray(self.steps @ chi + self.induction.times(g)[1])

    def gathered(self, values: np.ndarray) -> np.ndarray:
        """The transpose of `change`."""
        return np.concatenate([self.steps.T @ values, self.of_currents(values)])

    def of_currents(self, values: np.ndarray) -> np.ndarray:
        """The part of `gathered` that belongs to g, (K,)."""
        return self.induction.transposed(np.zeros(self.currents.current.shape[1]), values)

    def potential(self, edges: Any, applied: Any = None) -> WhitneyField:
        """The vector potential with these edge integrals (e,), and those of the applied one where JAX traces them."""
        return WhitneyField(
            self.mesh, edges, None if self.stated is None else self.offset if applied is None else applied
        )

    def turns(self, device: Device) -> sp.csr_matrix:
        """What turns chi of the nodes' phases change of the unknowns, (x, nodes)."""
        count, nodes = len(self.turning), int(merged_nodes(device).max()) + 1
        return sp.csr_matrix((np.ones(count), (np.arange(count), self.turning)), (self.count, nodes))

    def chosen(self, edges: np.ndarray) -> np.ndarray:
        """The unknowns with which hats see the same flux as with these edge integrals; chi is nearest to the rest."""
        own = edges - self.offset
        g = self.induction.solve(self.currents.through_hats @ own)
        laplace = self.steps.T @ self.steps + 1e-10 * sp.eye_array(self.steps.shape[1])
        left = own - self.induction.times(g)[1]
        return np.concatenate([factor(laplace.tocsc()).solve(self.steps.T @ left), g])


@dataclass(frozen=True, kw_only=True)
class FilmModel(ScreeningModel):
    """What stays the same while Delta and A change; H is the largest applied field, `permeability` mu0 d."""

    space: FilmSpace

    def stream(self, x: np.ndarray) -> np.ndarray:
        """Values of the stream function, (K,)."""
        return self.space.split(x)[1]

    def own_fluxes(self, x: np.ndarray) -> np.ndarray:
        """Q g, (K,)."""
        return self.space.induction.times(self.stream(x))[0]

    def field_gradient(self, x: np.ndarray) -> np.ndarray:
        """The derivative of the field's energy with respect to the unknowns, (x,)."""
        return np.concatenate([0 * self.space.split(x)[0], self.own_fluxes(x)])

    def field_change(self, x: np.ndarray) -> np.ndarray:
        """Its second derivative times a change (x,)."""
        return self.field_gradient(x)

    def unscreened(self, x: np.ndarray) -> np.ndarray:
        """No currents, no gauge."""
        return 0 * x

    @property
    def softest_field(self) -> float:
        """The second derivative of the field's energy along a vector potential as long as the sample."""
        return float(1 / (self.permeability * np.sqrt(self.space.areas.sum())))

    @property
    def forcing(self) -> float:
        """Tighter: of smooth currents, whose energies are small beside the norm, 1e-2 would leave nearly all."""
        return 1e-5

    def factored(self, london: sp.bsr_matrix) -> Callable[[np.ndarray], np.ndarray]:
        """What nearly solves London's equation for chi and g, each for itself."""
        onto_links, along_cells = self.space.along_cells @ self.space.steps, self.space.along_cells
        shift = london.diagonal().mean() * sp.eye_array(onto_links.shape[1])
        of_gauge = factor((onto_links.T @ london @ onto_links + 1e-6 * shift).tocsc()).solve
        of_currents = self.space.induction.nearly(london, along_cells.T @ london @ along_cells)

        def solve(r: np.ndarray) -> np.ndarray:
            of_chi, of_g = self.space.split(r)
            return np.concatenate([of_gauge(of_chi), of_currents(of_g)])

        return solve


def film_model(
    device: Device, space: EdgeSpace, where: gap.Sites | None, H: Any, permeability: float, thickness: float
) -> FilmModel:
    """That of a device in a field H along z, a number or the function of points that is its vector potential."""
    mu, currents = float(permeability) * float(thickness), sheet_currents(device)
    fit, held = fitting_electrodes(device), lead_nodes(device)
    applied, uniform = (in_gauge(device, fit, edges_of(device, B)) for B in (H if callable(H) else float(H), 1.0))
    uniform = uniform - in_gauge(device, fit, 0 * uniform)
    steps = steps_of_turns(device)
    turning = np.setdiff1d(np.arange(steps.shape[1]), merged_nodes(device)[held])
    own = {f.name: getattr(space, f.name) for f in fields(EdgeSpace)}
    return FilmModel(
        space=FilmSpace(
            **own | {"offset": np.asarray(applied), "held": held, "stated": fit},
            steps=steps[:, turning],
            turning=turning,
            uniform=np.asarray(uniform),
            currents=currents,
            induction=induction_of(device.mesh, currents, mu),
        ),
        where=where,
        H=float(np.abs(space.curl @ applied).max()),
        permeability=mu,
    )


def in_gauge(device: Device, fit: sp.csr_matrix | None, edges: Any) -> Any:
    """Those (e,) of an applied field with the gradient that fits the electrodes of a device."""
    return edges if fit is None else edges + linear(fit, given_edges(device) - edges)


def linear(matrix: sp.csr_matrix, x: Any) -> Any:
    """A matrix times x, which JAX may trace."""
    if not is_traced(x):
        return matrix @ np.asarray(x)
    entries = sp.coo_matrix(matrix)
    return jax.ops.segment_sum(entries.data * x[entries.col], entries.row, num_segments=entries.shape[0])


def own_field(model: FilmModel, forces: np.ndarray) -> np.ndarray:
    """B in each triangle (m,) of the film's currents alone, from dF/dA along its edges (e,)."""
    induction = model.space.induction
    g = -induction.solve(model.space.of_currents(forces))
    return np.asarray(model.space.curl @ induction.times(g)[1])[: len(model.space.mesh.triangles)]


def edges_of(device: Device, H: Any) -> Any:
    """Int A.dl along the mesh's edges (e,) of a field along z."""
    ends = np.asarray(device.mesh.points)[device.mesh.edges]
    A = H if callable(H) else uniform_field(H, gauge="symmetric")
    integrals = integrated(A, ends[:, :1], ends[:, 1:])[:, 0]
    if not is_traced(integrals) and not (finite := np.isfinite(integrals)).all():
        raise ValueError(
            f"H(points) is not finite near {np.round(ends[~finite][0].mean(axis=0), 4).tolist()}; expected the applied "
            "field's vector potential, which is finite all over the film: no source lies in its plane"
        )
    return integrals
