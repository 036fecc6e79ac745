"""The field that the currents of a solution make, which a given vector potential leaves out."""

from __future__ import annotations

import warnings
from typing import Any

import jax.numpy as jnp
import numpy as np

from jusadel.common.differentiability import DIFFERENCES, without_derivatives
from jusadel.solver.states.solution import Solution
from jusadel.studies.screening.checks import BULK, FILM, check_sample
from jusadel.studies.screening.edge_elements import EdgeSpace, edge_space, field_of_currents
from jusadel.studies.screening.model import forces_and_london
from jusadel.studies.screening.thin_film.film_model import film_model, own_field

WORTH_MENTIONING = 0.01
"""Of the applied field: currents whose own field is smaller need no self-consistent one."""


@without_derivatives(DIFFERENCES)
def self_field(sol: Solution, permeability: float, *, model: str = BULK, thickness: float | None = None) -> np.ndarray:
    """The field that the currents of a solution make themselves: is a given field enough?

    In a film by Biot and Savart. Where nothing depends on z, curl B = mu0 j with the field outside zero; where currents
    run in and out through electrodes or round a periodic device, the outer edges between them have different fields, of
    which the mean is zero.

    Args:
        sol: the Solution.
        permeability: mu0, as in `solve_screened`.
        model, thickness: as in `solve_screened`.

    Returns:
        B along z in each triangle, (m,) [1/length^2].

    Raises:
        ValueError: permeability or thickness <= 0; a film that is periodic or has superconducting electrodes that
            `solve_screened` refuses.

    Warns:
        UserWarning: it exceeds 1 % of the largest applied field or, where there is none, of the field of one flux
            quantum in the area of the device.
    """
    check_sample(sol.device, permeability, model, thickness)
    device = sol.device
    B = _of_film(sol, permeability, thickness) if model == FILM else _of_bulk(sol, permeability)
    applied = np.abs(np.asarray(device.magnetic_field())).max()
    largest = applied if applied > 0 else np.pi / float(np.sum(sol.mesh.areas))
    if np.abs(B).max() > WORTH_MENTIONING * largest:
        what = "applied field" if applied > 0 else "field of one flux quantum in the device"
        warnings.warn(
            f"the currents' own field reaches {np.abs(B).max():.3g}, {100 * np.abs(B).max() / largest:.2g} % of the "
            f"{what}: find it together with them (solve_screened)",
            stacklevel=2,
        )
    return B


def _of_bulk(sol: Solution, permeability: float) -> np.ndarray:
    space = edge_space(sol.device, sol.system)
    forces = space.gathered(_forces(sol, space))
    return field_of_currents(sol.device, space, -permeability * forces)[: len(sol.mesh.triangles)]


def _of_film(sol: Solution, permeability: float, thickness: Any) -> np.ndarray:
    space = edge_space(sol.device, sol.system)
    return own_field(film_model(sol.device, space, None, 0.0, permeability, thickness), _forces(sol, space))


def _forces(sol: Solution, space: EdgeSpace) -> np.ndarray:
    """dF/dA along the edges, (e,)."""
    weights = jnp.asarray(np.pi * sol.T * sol.weights)
    return space.along_cells.T @ np.asarray(forces_and_london(sol.system, sol.all_G, weights)[0]).ravel()
