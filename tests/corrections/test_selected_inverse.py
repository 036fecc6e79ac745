"""The selected inverse against the dense one."""

import numpy as np
import pytest
import scipy.sparse as sp

import jusadel as ju
from jusadel.corrections.dissection import LEAF, dissected
from jusadel.corrections.selected_inverse import selected_inverse


@pytest.fixture(scope="module")
def pattern():
    """The neighbours of a mesh of two pieces, of which the longer is cut several times."""
    mesh = ju.rectangle(2.0, 0.6, size=0.12)
    n = len(mesh.points) + 3
    corners = np.concatenate([mesh.triangles, [[n - 3, n - 2, n - 1]]])
    rows, columns = np.repeat(corners, 3, axis=1).ravel(), np.tile(corners, (1, 3)).ravel()
    adjacency = sp.csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(n, n))
    adjacency.sort_indices()
    return adjacency, np.concatenate([mesh.points, [[5.0, 0.0], [6.0, 0.0], [5.0, 1.0]]])


def hermitian(adjacency, rng, diagonal=0.0):
    """Random blocks of three where there are neighbours, dense."""
    n = adjacency.shape[0]
    here = np.kron(adjacency.toarray() > 0, np.ones((3, 3)))
    x = here * (rng.normal(size=here.shape) + 1j * rng.normal(size=here.shape))
    return x + x.conj().T + np.diag(np.tile([diagonal, -diagonal, -diagonal], n))


def test_blocks_of_the_inverse_and_their_derivative(pattern):
    adjacency, points = pattern
    rng, n = np.random.default_rng(3), len(points)
    H, along = hermitian(adjacency, rng, diagonal=50.0), hermitian(adjacency, rng)
    rows = np.repeat(np.arange(n), np.diff(adjacency.indptr))
    blocks = lambda x: x.reshape(n, 3, n, 3)[rows, :, adjacency.indices]  # noqa: E731
    fronts = dissected(adjacency.indices, adjacency.indptr, points)
    assert len(fronts) > 8
    assert max(front.pivots for front in fronts) <= LEAF
    inverse = np.linalg.inv(H)
    found = selected_inverse(fronts, np.stack([blocks(H), blocks(along)]))
    np.testing.assert_allclose(found[0], blocks(inverse), atol=1e-14)
    np.testing.assert_allclose(found[1], blocks(-inverse @ along @ inverse), atol=1e-14)
    np.testing.assert_allclose(selected_inverse(fronts, blocks(H)[None])[0], blocks(inverse), atol=1e-14)
