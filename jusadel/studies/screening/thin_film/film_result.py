"""A thin film in the field that its own currents change: sheet current, moment, energies, stray field."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.action.nambu.frames import frame_to_green
from jusadel.common.arguments import is_number, real
from jusadel.common.differentiability import DIFFERENCES, is_traced, without_derivatives
from jusadel.common.types import ArrayLike, Field
from jusadel.observables.thermodynamics import free_energy
from jusadel.solver.states.solution import Solution
from jusadel.studies.screening.model import State, forces_and_london
from jusadel.studies.screening.result import as_float, in_its_field
from jusadel.studies.screening.thin_film.biot_savart import field_above
from jusadel.studies.screening.thin_film.film_model import FilmModel

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
        magnetic_field: B along z, its mean over each triangle, the applied one included, (m,).
        hole_fluxes: through each hole, the applied one included, (holes,); a flux quantum is pi.
        hole_currents: that flow round each hole, counter-clockwise, (holes,); with electrodes on from the side with 0.
        stream_function: g at the nodes, (n,); the sheet current is curl(g z). With electrodes 0 on one insulating side.
        edges: Int A.dl along `mesh.edges`, from the smaller node to the larger, (e,).
        magnetic_energy: of the currents' own field, (1/2) Int K.A.
        magnetic_moment: -d(gibbs_energy)/dH in a uniform field, (1/2) Int r x K along z, negative where the field is
            kept out. With a current through electrodes that integral depends on the origin; the derivative is given.
    """

    applied_field: Field
    permeability: float
    thickness: float
    magnetic_field: np.ndarray
    hole_fluxes: np.ndarray
    hole_currents: np.ndarray
    stream_function: np.ndarray = field(repr=False)
    edges: np.ndarray = field(repr=False)
    magnetic_energy: float
    magnetic_moment: float

    @cached_property
    def sheet_current(self) -> np.ndarray:
        """K in each triangle, (m, 2): the current per width."""
        xp: Any = jnp if is_traced(self.stream_function) else np
        slopes = xp.einsum("mvi,mv->mi", self.mesh.shape_gradients, self.stream_function[self.mesh.triangles])
        return xp.stack([slopes[:, 1], -slopes[:, 0]], axis=1)

    @property
    def gibbs_energy(self) -> float:
        """What is stationary: the free energy and that of the currents' own field, less the normal state's."""
        return as_float(free_energy(self) + self.magnetic_energy)


@without_derivatives(DIFFERENCES)
def stray_field(screened: ScreenedFilm, points: ArrayLike, z: float) -> np.ndarray:
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
    B = field_above(screened.mesh, screened.sheet_current, screened.permeability * screened.thickness, at, float(z))
    bad = np.flatnonzero(~np.isfinite(B).all(axis=1))
    if len(bad):
        raise ValueError(
            f"{len(bad)} points lie on lines of the mesh, first {at[bad[0]].tolist()}, where the field of currents "
            "that are constant in triangles is infinite at z = 0: take z > 0, or screened.magnetic_field"
        )
    return B


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
    x, space, m = model.split(state.z)[1], model.space, len(sol.mesh.triangles)
    g, flux = model.stream(x), space.curl @ edges * space.areas
    return ScreenedFilm(
        **{f.name: getattr(sol, f.name) for f in fields(Solution)},
        **dict(zip(("applied_field", "permeability", "thickness"), given, strict=True)),
        magnetic_field=flux[:m] / space.areas[:m],
        hole_fluxes=flux[m:],
        hole_currents=np.append(g, 0.0)[space.currents.of_holes],
        stream_function=space.currents.on_nodes @ g,
        edges=edges,
        magnetic_energy=float(g @ model.own_fluxes(x)) / 2,
        magnetic_moment=_moment(model, state),
    )


def _moment(model: FilmModel, state: State) -> float:
    """-dE/dH in a uniform field: of the current of the action, -dF/dA."""
    problem = state.problem
    V, weights = jnp.asarray(state.newton.V), jnp.asarray(np.pi * problem.T * problem.weights)
    forces = np.asarray(forces_and_london(problem.system, frame_to_green(V), weights)[0]).ravel()
    return -float(model.space.along_cells.T @ forces @ model.space.uniform)
