"""A thin film in the field that its own currents change: sheet current, moment, energies, stray field, inductance."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any

import jax
import numpy as np

from jusadel.common.arguments import is_number, real
from jusadel.common.differentiability import DIFFERENCES, without_derivatives
from jusadel.device.vector_potential import LINE_WEIGHTS, gauss_points
from jusadel.observables.thermodynamics import free_energy
from jusadel.solver.states.solution import Solution
from jusadel.studies.screening.edge_elements import holes
from jusadel.studies.screening.film_model import FilmModel
from jusadel.studies.screening.model import State
from jusadel.studies.screening.result import in_its_field
from jusadel.studies.screening.triangle_potentials import BLOCK, along_segments, potentials, solid_angles

Array = jax.Array


@dataclass(frozen=True, kw_only=True, repr=False)
class ScreenedFilm(Solution):
    """A thin film in a perpendicular field and that of its own currents; `device.vector_potential` is the sum of both.

    Currents, moments and energies are those of the whole film, with nu per area, as everywhere (docs/units.md). Its
    stats are those of a ScreenedSolution.

    Attributes:
        applied_field: H, a number [1/length^2], or the function of points that is its vector potential.
        permeability: mu0.
        thickness: d.
        magnetic_field: B along z at the centroids of the triangles, the applied one included, (m,).
        hole_fluxes: through each hole, the applied one included, (holes,); a flux quantum is pi.
        hole_currents: that flow round each hole, counter-clockwise, (holes,).
        stream_function: g at the nodes, (n,); the sheet current is curl(g z).
        edges: Int A.dl along `mesh.edges`, from the smaller node to the larger, (e,).
        magnetic_energy: of the currents' own field, (1/2) Int K.A.
    """

    applied_field: Any
    permeability: float
    thickness: float
    magnetic_field: np.ndarray
    hole_fluxes: np.ndarray
    hole_currents: np.ndarray
    stream_function: np.ndarray = field(repr=False)
    edges: np.ndarray = field(repr=False)
    magnetic_energy: float

    @cached_property
    def sheet_current(self) -> np.ndarray:
        """K in each triangle, (m, 2): the current per width."""
        slopes = np.einsum("mvi,mv->mi", self.mesh.shape_gradients, self.stream_function[self.mesh.triangles])
        return np.stack([slopes[:, 1], -slopes[:, 0]], axis=1)

    @property
    def magnetic_moment(self) -> float:
        """(1/2) Int r x K along z: negative where the field is kept out. In a uniform field -d(gibbs_energy)/dH."""
        middle, K = np.asarray(self.mesh.centroids), self.sheet_current
        return float(np.asarray(self.mesh.areas) @ (middle[:, 0] * K[:, 1] - middle[:, 1] * K[:, 0])) / 2

    @property
    def gibbs_energy(self) -> float:
        """What is stationary: the free energy and that of the currents' own field, less the normal state's."""
        return float(free_energy(self)) + self.magnetic_energy


@without_derivatives(DIFFERENCES)
def stray_field(screened: ScreenedFilm, points: Any, z: float) -> np.ndarray:
    """The magnetic field that the currents of a film make above or below it, as scanning probes see it.

    By Biot and Savart, exactly for currents that are constant in triangles. The applied field comes on top.

    Args:
        screened: the ScreenedFilm.
        points: (k, 2), inside the film's outline or out of it.
        z: height above the film, of any sign; 0 is its upper side.

    Returns:
        (B_x, B_y, B_z) at the points, (k, 3) [1/length^2].

    Raises:
        ValueError: z no number; points not (k, 2); a point at z = 0 on a line of the mesh, where a current that
            jumps has an infinite field.
    """
    at = np.asarray(real("points", points))
    if at.ndim != 2 or at.shape[1] != 2:
        raise ValueError(f"points have the shape {at.shape}; expected (k, 2)")
    if not is_number(z):
        raise ValueError(f"z = {z!r}; expected a finite number, the height above the film")
    B = _own_field(screened, at, float(z))
    bad = np.flatnonzero(~np.isfinite(B).all(axis=1))
    if len(bad):
        raise ValueError(
            f"{len(bad)} points lie on lines of the mesh, first {at[bad[0]].tolist()}, where the field of currents that "
            "are constant in triangles is infinite at z = 0: take z > 0, or centroids (screened.magnetic_field)"
        )
    return B


def _own_field(film: ScreenedFilm, points: np.ndarray, z: float) -> np.ndarray:
    corners, K = np.asarray(film.mesh.points)[film.mesh.triangles], film.sheet_current
    B = np.empty((len(points), 3))
    B[:, 2] = _along_z(film, points, z)
    for some in _blocks(len(points), len(corners)):
        seen = solid_angles(points[some, None], corners, z)
        B[some, 0], B[some, 1] = seen @ K[:, 1], -seen @ K[:, 0]
    B[:, :2] *= _coupling(film)
    return B


def _along_z(film: ScreenedFilm, points: np.ndarray, z: float) -> np.ndarray:
    """Of the jumps of the current along the edges of the mesh, (k,)."""
    mesh, nodes = film.mesh, np.asarray(film.mesh.points)
    start, end = (nodes[mesh.topology.directed_edges[:, i]] for i in (0, 1))
    along = np.einsum("ei,ei->e", film.sheet_current.repeat(3, axis=0), end - start)
    jumps = np.bincount(mesh.triangle_edges.ravel(), -along / np.linalg.norm(end - start, axis=1))
    start, end = (nodes[mesh.edges[:, i]] for i in (0, 1))
    parts = [along_segments(points[some, None], start, end, z) @ jumps for some in _blocks(len(points), len(start))]
    return _coupling(film) * np.concatenate([np.zeros(0), *parts])


def _own_A(film: ScreenedFilm, points: np.ndarray) -> np.ndarray:
    """The vector potential of the currents in the plane of the film, (k, 2)."""
    corners = np.asarray(film.mesh.points)[film.mesh.triangles]
    parts = [
        potentials(points[some, None], corners) @ film.sheet_current for some in _blocks(len(points), len(corners))
    ]
    return _coupling(film) * np.concatenate([np.zeros((0, 2)), *parts])


def _coupling(film: ScreenedFilm) -> float:
    return film.permeability * film.thickness / (4 * np.pi)


def _blocks(count: int, each: int) -> list[slice]:
    rows = max(1, BLOCK // (4 * each))
    return [slice(first, first + rows) for first in range(0, count, rows)]


def screened_film(
    model: FilmModel,
    state: State,
    Delta: Array,
    seconds: float,
    stats: dict[str, Any],
    given: tuple[Any, float, float],
) -> ScreenedFilm:
    """That of a state that was found; Delta (m, 3) is used where it is given; H, mu0 and d as given."""
    sol, edges = in_its_field(model, state, Delta, seconds, stats)
    g, currents, curl = model.stream(edges), model.currents, model.space.curl
    m, (H, permeability, thickness) = len(sol.mesh.triangles), given
    plain = ScreenedFilm(
        **{f.name: getattr(sol, f.name) for f in fields(Solution)},
        applied_field=H,
        permeability=permeability,
        thickness=thickness,
        magnetic_field=np.zeros(m),
        hole_fluxes=np.zeros(0),
        hole_currents=np.append(g, 0.0)[currents.of_holes],
        stream_function=currents.on_nodes @ g,
        edges=edges,
        magnetic_energy=float(g @ model.Q @ g) / 2,
    )
    B = curl @ model.applied
    loops = [loop for loop, _ in holes(sol.device)]
    own = np.array([-_circulation(plain, loop) for loop in loops])
    return replace(
        plain,
        magnetic_field=B[:m] + _along_z(plain, np.asarray(sol.mesh.centroids), 0.0),
        hole_fluxes=B[m:] * model.space.areas[m:] + own,
    )


def _circulation(film: ScreenedFilm, loop: np.ndarray) -> float:
    """Int A.dl of the film's own currents along directed edges (k, 2)."""
    start, end = (np.asarray(film.mesh.points)[loop[:, i]] for i in (0, 1))
    at = gauss_points(start, end)
    A = _own_A(film, at.reshape(-1, 2)).reshape(at.shape)
    return float(np.einsum("kqi,ki,q->", A, end - start, LINE_WEIGHTS))
