"""Inductances of the holes in thin films, from fluxoids that they hold without an applied field."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np

from jusadel.common.differentiability import DIFFERENCES, without_derivatives
from jusadel.studies.screening.edge_elements import holes
from jusadel.studies.screening.leads import lead_names
from jusadel.studies.screening.thin_film.film_result import ScreenedFilm
from jusadel.studies.screening.thin_film.sheet_currents import sheet_currents


@dataclass(frozen=True, kw_only=True, eq=False)
class Inductance:
    """Of a hole in a film, flux per current round it, with flux quanta of pi; of several holes a matrix.

    Attributes:
        geometric: of the field of the currents, I L I/2 being its energy.
        kinetic: of the motion of the pairs, what is left of the total; between holes in one film it need not vanish.
    """

    geometric: float | np.ndarray
    kinetic: float | np.ndarray

    @property
    def total(self) -> float | np.ndarray:
        """Fluxoids = total currents."""
        return self.geometric + self.kinetic


@overload
def inductance(screened: Sequence[ScreenedFilm]) -> Inductance: ...
@overload
def inductance(screened: ScreenedFilm, hole: int = ...) -> Inductance: ...
@without_derivatives(DIFFERENCES)
def inductance(screened: ScreenedFilm | Sequence[ScreenedFilm], hole: int = 0) -> Inductance:
    """That of a hole that holds a fluxoid without an applied field, or those of all holes with each other.

    Of a hole, total = pi winding/current, while the other holes hold no fluxoid, whatever currents flow round them. All
    holes together have a matrix, fluxoids = L currents: L_aa is the self inductance of a hole round the others of which
    no current flows, L_ab the mutual one. Weak currents are linear in the fluxoids, and L is symmetric.

    Args:
        screened: the ScreenedFilm, solved at H = 0 from a pair potential that winds round the hole, and no other; or
            as many as there are holes, on one mesh, whose fluxoids are linearly independent.
        hole: which, in the order of `hole_currents`.

    Raises:
        ValueError: no such hole; superconducting electrodes; an applied field; no fluxoid in the hole, or one in
            another, or Delta = 0 at its rim; not as many films as holes, or their fluxoids depend on each other.
    """
    if isinstance(screened, ScreenedFilm):
        return _of_one(screened, hole)
    films = list(screened)
    windings = np.array([_windings(film) for film in films]).T
    if windings.ndim != 2 or windings.shape[0] != windings.shape[1] or not abs(np.linalg.det(windings)) > 0.5:
        raise ValueError(
            f"{len(films)} films hold the fluxoids {windings.T.tolist()} in their holes; expected as many films as "
            "holes, with fluxoids that do not depend on each other, such as one in a hole alone for each"
        )
    if any(len(film.mesh.points) != len(films[0].mesh.points) for film in films):
        raise ValueError("the films have different meshes; expected states of one film")
    back = np.linalg.inv(np.array([film.hole_currents for film in films]).T)
    geometric = back.T @ _energies(films) @ back
    return Inductance(geometric=geometric, kinetic=np.pi * windings @ back - geometric)


def _energies(films: list[ScreenedFilm]) -> np.ndarray:
    """Int K_a.A_b of the films' own fields."""
    currents = sheet_currents(films[0].device)
    fluxes = np.array([currents.through_hats @ film.edges for film in films])
    values = np.array([film.stream_function for film in films])
    nodes = np.asarray(currents.on_nodes.sum(axis=0)).ravel()
    return np.asarray((currents.on_nodes.T @ values.T / nodes[:, None]).T @ fluxes.T)


def _of_one(film: ScreenedFilm, hole: int) -> Inductance:
    windings = _windings(film, hole)
    if not windings[hole] or sum(n != 0 for n in windings) > 1:
        raise ValueError(
            f"the holes hold {windings} fluxoids; expected some in hole {hole} alone: solve from a pair potential that "
            "winds round it, such as ju.vortex(Delta, winding=1, center=(x, y))"
        )
    current = float(film.hole_currents[hole])
    geometric = 2 * film.magnetic_energy / current**2
    return Inductance(geometric=geometric, kinetic=np.pi * windings[hole] / current - geometric)


def _windings(film: ScreenedFilm, hole: int = 0) -> list[int]:
    """Fluxoids in the holes."""
    if leads := lead_names(film.device):
        raise ValueError(
            f"the electrodes {leads} let currents in and out: expected a film without superconducting ones"
        )
    loops = [loop for loop, _ in holes(film.device)]
    if not 0 <= hole < len(loops):
        raise ValueError(f"hole = {hole}; the film has {len(loops)} holes, counted from 0")
    if callable(film.applied_field) or film.applied_field != 0:
        raise ValueError("the film is in an applied field, whose currents are no measure of an inductance: take H = 0")
    return [_winding(film, loop) for loop in loops]


def _winding(film: ScreenedFilm, loop: np.ndarray) -> int:
    """Of the phase of Delta round a hole, counter-clockwise; its directed edges have the film on their left."""
    start, end = (np.asarray(film.Delta)[loop[:, i]] for i in (0, 1))
    if min(np.abs(start)) <= 1e-12 * np.abs(film.Delta).max():
        raise ValueError("Delta vanishes at the rim of a hole, round which its phase would be counted")
    line_A = np.asarray(film.device.between_nodes(loop))
    steps = np.angle(end * np.conj(start) * np.exp(-2j * line_A))
    return -round(float((steps + 2 * line_A).sum()) / (2 * np.pi))
