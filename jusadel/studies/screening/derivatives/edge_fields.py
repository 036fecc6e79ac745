"""The field of edge integrals as a function of its unknowns and of what JAX traces: of a bulk sample, and of a film."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp

from jusadel.device.device import Device
from jusadel.solver.derivatives.callback import called_linear
from jusadel.studies.screening.leads import given_edges
from jusadel.studies.screening.model import ScreeningModel
from jusadel.studies.screening.thin_film.film_model import FilmModel, in_gauge, linear
from jusadel.studies.screening.thin_film.induction import Induction, InductionMatrices

Array = jax.Array


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Linear:
    """M x + c of a sparse M, entry by entry."""

    row: Array
    column: Array
    value: Array
    shift: Array  # (rows,)

    @classmethod
    def of(cls, matrix: sp.spmatrix, shift: Any) -> Linear:
        """From SciPy's."""
        entries = sp.coo_matrix(matrix)
        return cls(*map(jnp.asarray, (entries.row, entries.col, entries.data, shift)))

    @jax.jit
    def __call__(self, x: Array) -> Array:
        """M x + c."""
        return self.shift + jax.ops.segment_sum(self.value * x[self.column], self.row, num_segments=len(self.shift))


class FieldOfEdges(Protocol):
    """What the equations of a screened solution ask of its field."""

    def edges(self, x: Array) -> Array:
        """All edge integrals (e,) from the unknowns (x,)."""

    def energy(self, x: Array) -> Array:
        """Of the field."""

    def results(self, x: Array, forces: Callable[[], Array]) -> dict[str, Any]:
        """Attributes of the solution; `forces` gives dF/dA along the edges (e,)."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class BulkField:
    """Where nothing depends on z."""

    own: Linear  # all edge integrals from the independent ones
    circulation: Linear  # round triangles and holes, from all
    areas: Array
    H: Any
    permeability: Any
    triangles: int = field(metadata={"static": True})

    def edges(self, x: Array) -> Array:
        """All edge integrals (e,)."""
        return self.own(x)

    @jax.jit
    def fields(self, x: Array) -> Array:
        """B in triangles and holes."""
        return self.circulation(self.own(x)) / self.areas

    @jax.jit
    def energy(self, x: Array) -> Array:
        """(1/2 mu0) Int (B - H)^2."""
        return jnp.sum((self.fields(x) - self.H) ** 2 * self.areas) / (2 * self.permeability)

    def results(self, x: Array, forces: Callable[[], Array]) -> dict[str, Any]:
        """Those of a ScreenedSolution."""
        B, m = self.fields(x), self.triangles
        return {"magnetic_field": B[:m], "hole_fields": B[m:], "edges": self.edges(x)}


def bulk_field(model: ScreeningModel, device: Device, H: Any, permeability: Any) -> BulkField:
    """That of a device with what JAX traces in it."""
    space = model.space
    offset = space.offset if space.stated is None else linear(space.stated, given_edges(device))
    return BulkField(
        own=Linear.of(space.independent, offset),
        circulation=_without_shift(sp.diags(space.areas) @ space.curl),
        areas=jnp.asarray(space.areas),
        H=H,
        permeability=permeability,
        triangles=len(space.mesh.triangles),
    )


# --- films ------------------------------------------------------------------------------------------


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class MatrixInduction:
    """Fluxes through hats and edge integrals of a stream function, by matrices."""

    Q: Array
    M: Array

    def __call__(self, g: Array) -> tuple[Array, Array]:
        """Q g and M g."""
        return self.Q @ g, self.M @ g


@jax.tree_util.register_static
@dataclass(frozen=True, eq=False)
class HostInduction:
    """The same by sums over triangles, outside of JAX."""

    induction: Induction
    edges: int

    def __call__(self, g: Array) -> tuple[Array, Array]:
        """Q g and M g."""
        found = called_linear(self._forward, self._transposed, g, len(g) + self.edges)
        return found[: len(g)], found[len(g) :]

    def _forward(self, g: np.ndarray) -> np.ndarray:
        return np.concatenate(self.induction.times(g))

    def _transposed(self, y: np.ndarray) -> np.ndarray:
        count = len(y) - self.edges
        return self.induction.transposed(y[:count], y[count:])


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class FilmField:
    """Of a thin film: unknowns are a gauge function and the stream function (see `film_model`)."""

    steps: Linear  # edge integrals (e,) of the gauge function
    applied: Array  # (e,) those of the applied field,
    uniform: Array  # (e,) and those of a uniform one of unit size
    induced: MatrixInduction | HostInduction
    ratio: Any  # of mu0 d to that of `induced`
    curl: Linear  # B in triangles and holes of all edge integrals
    areas: Array
    on_nodes: Linear  # the stream function at the nodes
    of_holes: np.ndarray
    turns: int = field(metadata={"static": True})  # unknowns of the gauge function
    triangles: int = field(metadata={"static": True})

    def edges(self, x: Array) -> Array:
        """All edge integrals (e,)."""
        return self.applied + self.steps(x[: self.turns]) + self.ratio * self.induced(x[self.turns :])[1]

    def energy(self, x: Array) -> Array:
        """g Q g/2 of the currents' own field."""
        g = x[self.turns :]
        return self.ratio * jnp.vdot(g, self.induced(g)[0]) / 2

    def results(self, x: Array, forces: Callable[[], Array]) -> dict[str, Any]:
        """Those of a ScreenedFilm."""
        edges, g, m = self.edges(x), x[self.turns :], self.triangles
        B = self.curl(edges)
        return {
            "magnetic_field": B[:m],
            "hole_fluxes": B[m:] * self.areas[m:],
            "hole_currents": jnp.append(g, 0.0)[self.of_holes],
            "stream_function": self.on_nodes(g),
            "edges": edges,
            "magnetic_energy": self.energy(x),
            "magnetic_moment": -jnp.vdot(forces(), self.uniform),
        }


def film_field(model: FilmModel, device: Device, applied: Any, permeability: Any) -> FilmField:
    """That of a device with the edge integrals (e,) of the applied field and mu0 d as JAX traces them."""
    space, induction = model.space, model.space.induction
    if isinstance(induction, InductionMatrices):
        induced: MatrixInduction | HostInduction = MatrixInduction(jnp.asarray(induction.Q), jnp.asarray(induction.M))
    else:
        induced = HostInduction(induction, len(space.offset))
    return FilmField(
        steps=_without_shift(space.steps),
        applied=jnp.asarray(in_gauge(device, space.stated, applied)),
        uniform=jnp.asarray(space.uniform),
        induced=induced,
        ratio=permeability / model.permeability,
        curl=_without_shift(space.curl),
        areas=jnp.asarray(space.areas),
        on_nodes=_without_shift(space.currents.on_nodes),
        of_holes=np.asarray(space.currents.of_holes),
        turns=int(space.steps.shape[1]),
        triangles=len(space.mesh.triangles),
    )


def _without_shift(matrix: sp.spmatrix) -> Linear:
    return Linear.of(matrix, np.zeros(matrix.shape[0]))
