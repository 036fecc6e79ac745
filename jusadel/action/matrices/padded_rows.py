"""Sparse matrices as padded rows, whose products are gathers: no scatter, nothing that depends on the data."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp

from jusadel.action.matrices.padding import few_sizes
from jusadel.action.matrices.products import materialise, quickly_compiled

Array = jax.Array


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Rows:
    """A sparse matrix (n, columns); short rows are filled up with zeros in column 0."""

    index: Array  # (n, k) columns
    value: Array  # (n, k)

    def __matmul__(self, x: Array) -> Array:
        """The product with x (columns, ...), as (n, ...)."""
        flat = x.reshape(len(x), -1)
        if quickly_compiled(x):
            return jnp.einsum("nk,nkf->nf", self.value, flat[self.index]).reshape(len(self.index), *x.shape[1:])
        terms = (self.value[:, k, None] * flat[self.index[:, k]] for k in range(self.index.shape[1]))
        return materialise(sum(terms, start=jnp.zeros((), x.dtype))).reshape(len(self.index), *x.shape[1:])


def padded(matrix: sp.spmatrix) -> Rows:
    """The rows of a scipy matrix."""
    matrix = sp.csr_matrix(matrix)
    row, slot = places(matrix)
    index = np.zeros((matrix.shape[0], few_sizes(slot.max(initial=0) + 1)), np.int32)
    value = np.zeros(index.shape, matrix.dtype)
    index[row, slot], value[row, slot] = matrix.indices, matrix.data
    return Rows(*jax.device_put((index, value)))  # jnp.asarray would compile a program for each shape


def places(matrix: sp.csr_matrix) -> tuple[np.ndarray, np.ndarray]:
    """Row and place in the padded row of every stored entry."""
    length = np.diff(matrix.indptr)
    return np.repeat(np.arange(len(length)), length), np.arange(matrix.nnz) - np.repeat(matrix.indptr[:-1], length)
