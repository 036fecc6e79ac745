"""Sparse matrices of scalars on the nodes: diffusion within the mesh, couplings across barriers."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from jusadel.action.mesh_action import Cells, DiscreteAction
from jusadel.mesh.topology import summed_over_triangles


def stiffness(system: DiscreteAction) -> sp.csr_matrix:
    """Int nu grad phi_i . D . grad phi_j, (n, n)."""
    return summed_over_triangles(of_cells(system.cells, "D"), system.triangles, len(system.free))


def of_cells(cells: Cells, name: str) -> np.ndarray:
    """The share of each cell, (m, 3, 3), with this field in the place of D."""
    volume, gradients = np.asarray(cells.nu) * np.asarray(cells.area), np.asarray(cells.gradients)
    return np.einsum("t,tik,tkl,tjl->tij", volume, gradients, np.asarray(cells.fields[name]), gradients)


def with_joints(matrix: sp.csr_matrix, system: DiscreteAction) -> sp.csr_matrix:
    """The stiffness matrix with the barriers' conductances, between neighbours across them."""
    for joint in system.joints:
        matrix = matrix + coupling(joint.pairs, np.asarray(joint.conductance) / 2, matrix.shape[0])
    return matrix


def coupling(pairs: Any, weight: np.ndarray, n: int) -> sp.csr_matrix:
    """The matrix (n, n) of Sum_k weight_k (x_i - x_j)^2 over pairs (k, 2) of nodes i and j."""
    i, j = np.asarray(pairs).T
    values, row, column = [weight, weight, -weight, -weight], [i, j, i, j], [i, j, j, i]
    return sp.csr_matrix((np.concatenate(values), (np.concatenate(row), np.concatenate(column))), (n, n))


def diffusion_pairs(system: DiscreteAction) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nodes i, j (e,) and the entries K_ij of the stiffness matrix, which is all of diffusion without links."""
    K = sp.coo_matrix(stiffness(system))
    return K.row, K.col, K.data
