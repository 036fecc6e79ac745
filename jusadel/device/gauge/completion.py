"""The gradient that completes a vector potential so that it fits the phases of boundaries (see `phase_lines`).

chi is linear in each triangle; ties say by how much it differs between two nodes: along electrodes, between the sides
of a barrier, and, up to a constant, between a periodic boundary and its partner. What they leave free minimises
Int |A + grad chi|^2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as sla
from scipy.sparse.csgraph import connected_components

from jusadel.device.gauge.phase_lines import RELATIVE, TOLERANCE, Forest, GaugeError, PhaseLine
from jusadel.mesh.interfaces import paired_edges
from jusadel.mesh.mesh import Mesh
from jusadel.mesh.topology import split_lines, summed_over_triangles

Array = Any


def completion(mesh: Mesh, found: list[PhaseLine], line_A: Array, keep: bool = False) -> Array:
    """chi (n,) for a vector potential with the line integrals line_A (m, 3) from the centroids to the corners.

    With `keep` the flux through a periodic device, round which no electrode goes, stays as it was given on the average
    over its width; else it is the one with the smallest A.
    """
    space, steps = _Space.of(mesh, found, keep), _steps(found)
    chi = space.held(steps)
    local = mesh.local_stiffness
    force = _forces(local, mesh.triangles, chi[mesh.triangles] + line_A, len(mesh.points))
    return chi + space.spread(_smallest(space, local, mesh.triangles, -space.gathered(force)))


def refuse_impossible(mesh: Mesh, found: list[PhaseLine]) -> None:
    """Refuse what no gradient fits, because of the flux through a closed electrode or a periodic device.

    Raises:
        GaugeError: with the boundaries and the flux.
    """
    if not found or any(isinstance(line.steps, jax.core.Tracer) for line in found):
        return
    closed = _Space.of(mesh, found, keep=False).closed
    flux = np.abs(closed @ np.concatenate([np.asarray(line.line_A) for line in found]))
    missing = np.abs(closed @ np.asarray(_steps(found)))
    beyond = 2 * missing - TOLERANCE - 2 * RELATIVE * flux
    if not len(missing) or beyond.max() < 0:
        return
    worst = beyond.argmax()
    owner = np.repeat([line.name for line in found], [len(line.steps) for line in found])
    names = sorted(set(owner[closed[worst] != 0].tolist()))
    raise GaugeError(
        f"no gauge fits the boundaries {names}: they close round {flux[worst] / np.pi:.4g} flux quanta, of which their "
        f"phases miss {missing[worst] / np.pi:.4g}. Expected phases, as functions of points, that turn by 2 pi for "
        "each quantum round a whole number of them (in the area of the mesh); or an insulating gap in the electrode"
    )


def _steps(found: list[PhaseLine]) -> Array:
    return _numpy_or_jax(*(line.steps for line in found)).concatenate([line.steps for line in found])


@dataclass(frozen=True)
class _Space:
    """What chi may be: fixed by the steps at some nodes, plus any combination of columns.

    The columns are the constants of the trees, of which the one at `pinned` changes nothing, and the constants between
    seams and their partners that nothing fixes.
    """

    nodes: np.ndarray  # (t,) that ties touch
    fixed: np.ndarray  # (t, steps)
    column: np.ndarray  # (n,) the constant of each node's tree
    seams: np.ndarray  # (t, q)
    closed: np.ndarray  # (c, steps): sums of steps that have to vanish; what little they do not is spread evenly
    pinned: np.ndarray  # one column of each piece of the mesh

    @classmethod
    def of(cls, mesh: Mesh, found: list[PhaseLine], keep: bool) -> _Space:
        """From the boundaries that fix phases."""
        pairs, along, shift, closed = _ties(mesh, found)
        forest, root = Forest.of(pairs), np.arange(len(mesh.points))
        constants = forest.cycles @ shift  # cycles through seams fix the constant between them and their partners
        ties = along - shift @ np.linalg.pinv(constants) @ (forest.cycles @ along)
        root[forest.nodes] = forest.nodes[forest.root]
        column = np.unique(root, return_inverse=True)[1]
        closed = np.concatenate([forest.cycles @ ties, closed])
        left = _null_space(constants)
        return cls(
            nodes=forest.nodes,
            fixed=forest.offsets @ ties @ (np.eye(closed.shape[1]) - np.linalg.pinv(closed) @ closed),
            column=column,
            seams=forest.offsets @ shift @ (left[:, :0] if keep else left),
            closed=closed,
            pinned=_one_of_each_piece(column[mesh.triangles]),
        )

    @property
    def trees(self) -> int:
        """How many columns are constants of trees; those of seams stand behind them."""
        return int(self.column.max()) + 1

    @property
    def moving(self) -> np.ndarray:
        """1 for each column, and 0 where it is pinned."""
        moving = np.ones(self.trees + self.seams.shape[1])
        moving[self.pinned] = 0
        return moving

    def held(self, steps: Array) -> Array:
        """The fixed part of chi (n,)."""
        return _summed(self.nodes, self.fixed @ steps, len(self.column))

    def spread(self, z: Array) -> Array:
        """The free part of chi (n,) from the constants z."""
        return z[self.column] + _summed(self.nodes, self.seams @ z[self.trees :], len(self.column))

    def gathered(self, force: Array) -> Array:
        """The transpose of `spread`."""
        xp = _numpy_or_jax(force)
        trees = _summed(self.column, force, self.trees)
        return xp.concatenate([trees, self.seams.T @ force[self.nodes]])

    def matrix(self) -> sp.csr_matrix:
        """`spread` as a matrix (n, z)."""
        n = len(self.column)
        trees = sp.csr_matrix((np.ones(n), (np.arange(n), self.column)), (n, self.trees))
        seams = sp.lil_matrix((n, self.seams.shape[1]))
        seams[self.nodes] = self.seams
        return sp.hstack([trees, seams]).tocsr()


def _ties(mesh: Mesh, found: list[PhaseLine]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of nodes (k, 2) between which chi differs by along @ steps + shift @ (a constant of each seam's).

    And sums (c, steps) that have to vanish because seams are closed.
    """
    count = sum(len(line.edges) for line in found)
    pairs: list[np.ndarray] = []
    along: list[np.ndarray] = []
    seams: list[np.ndarray] = []
    closed, first = [np.zeros((0, count))], 0
    for line in found:
        columns = np.zeros((len(line.edges), count))
        columns[:, first : first + len(line.edges)] = np.eye(len(line.edges))
        first += len(line.edges)
        if line.partners is None:
            pairs, along, seams = [*pairs, line.edges], [*along, columns], [*seams, np.full(len(columns), -1)]
            continue
        forest, partner = Forest.of(line.edges), np.zeros(len(mesh.points), int)
        partner[line.edges] = line.partners
        pairs.append(np.stack([partner[forest.nodes], forest.nodes], axis=1))
        along.append(_centred(forest) @ columns)
        closed.append(forest.cycles @ columns)
        seams.append(forest.nodes[forest.root])
    for name in split_lines(mesh.boundaries):
        both = np.unique(np.stack(paired_edges(mesh, name), axis=-1).reshape(-1, 2), axis=0)
        both = both[both[:, 0] != both[:, 1]]
        pairs, along = [*pairs, both], [*along, np.zeros((len(both), count))]
        seams.append(np.full(len(both), -1))
    seam = np.concatenate(seams)
    shift = (seam[:, None] == np.unique(seam[seam >= 0])).astype(float)
    return np.concatenate(pairs), np.concatenate(along), shift, np.concatenate(closed)


def _centred(forest: Forest) -> np.ndarray:
    """The offsets of each tree less their mean, so that the flux through a periodic device stays on the average."""
    offsets = forest.offsets.copy()
    for root in np.unique(forest.root):
        tree = forest.root == root
        offsets[tree] -= offsets[tree].mean(axis=0)
    return offsets


def _null_space(matrix: np.ndarray) -> np.ndarray:
    """(columns, q)."""
    _, values, rows = np.linalg.svd(matrix)
    return rows[int((values > 1e-9).sum()) :].T


def _one_of_each_piece(triangles: np.ndarray) -> np.ndarray:
    """One number of each connected set of the numbers that triangles (m, 3) join."""
    ends = triangles[:, [0, 1]].T, triangles[:, [1, 2]].T
    row, column = np.concatenate(ends, axis=1)
    n = int(triangles.max()) + 1
    labels = connected_components(sp.csr_matrix((np.ones(len(row)), (row, column)), (n, n)), directed=False)[1]
    return np.unique(labels, return_index=True)[1]


# --- the smallest ------------------------------------------------------------------------------------


def _smallest(space: _Space, local: Array, triangles: np.ndarray, load: Array) -> Array:
    """z (z,) with spread^T K spread z = load, zero where it is pinned."""
    moving = space.moving
    if _numpy_or_jax(load, local) is np:
        return _on_host(space, triangles, local, load * moving)

    def matvec(z: Array) -> Array:
        chi = space.spread(z * moving)
        force = space.gathered(_forces(local, triangles, chi[triangles], len(space.column)))
        return force * moving + z * (1 - moving)

    def solve(_: Any, load: Array) -> Array:
        found = jax.ShapeDtypeStruct(load.shape, load.dtype)
        host = lambda local, load: _on_host(space, triangles, np.asarray(local), np.asarray(load))  # noqa: E731
        return jax.pure_callback(host, found, jax.lax.stop_gradient(local), load, vmap_method="sequential")

    return jax.lax.custom_linear_solve(matvec, load * moving, solve, symmetric=True)


def _on_host(space: _Space, triangles: np.ndarray, local: np.ndarray, load: np.ndarray) -> np.ndarray:
    n, P = len(space.column), space.matrix()
    K = summed_over_triangles(local, triangles, n)
    only = sp.diags(space.moving)
    return sla.spsolve((only @ (P.T @ K @ P) @ only + sp.diags(1 - space.moving)).tocsc(), load)


def _forces(local: Array, triangles: np.ndarray, values: Array, n: int) -> Array:
    """K times values (m, 3) at the triangles' corners, summed into n nodes."""
    return _summed(triangles, _numpy_or_jax(local, values).einsum("tij,tj->ti", local, values), n)


def _summed(index: np.ndarray, values: Array, n: int) -> Array:
    if isinstance(values, jax.core.Tracer):
        return jnp.zeros(n).at[index].add(values)
    return np.bincount(index.ravel(), np.asarray(values).ravel(), n)


def _numpy_or_jax(*values: Any) -> Any:
    """The library that computes with these: nothing is compiled for numbers."""
    return jnp if any(isinstance(x, jax.core.Tracer) for x in values) else np
