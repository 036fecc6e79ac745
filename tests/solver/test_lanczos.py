"""Lanczos' method: smallest eigenvalues that are not overlooked, in few products, and steps downhill."""

import numpy as np
import pytest
import scipy.sparse.linalg as sla

import jusadel as ju
from jusadel.solver import gap
from jusadel.solver.gap.lanczos import downhill
from jusadel.solver.problem import pose
from jusadel.solver.start import starting_frames

TOL, MARGIN = 5e-3, 1e-3


def smallest(H, start, free=None, tol=TOL, margin=MARGIN):
    """Of a matrix, or of a diagonal one, what is found: the eigenvalue, its vector and the number of products."""
    products = []
    product = lambda x: products.append(1) or (H * x if H.ndim == 1 else H @ x)  # noqa: E731
    operator = sla.LinearOperator((len(H), len(H)), matvec=product, dtype=float)
    return *gap.smallest_eigenvalue(operator, start, tol, margin, free), len(products)


def starts(count, n):
    random = np.random.default_rng(0)
    return (random.normal(size=n) for _ in range(count))


# --- the smallest eigenvalue ---------------------------------------------------------------------------------------


def test_smallest_eigenvalue_of_a_known_matrix():
    rng = np.random.default_rng(0)
    A = rng.normal(size=(60, 60))
    A = A @ A.T - 3 * np.eye(60)
    value, vector, _ = smallest(A, rng.normal(size=60), tol=1e-8, margin=30.0)
    values, vectors = np.linalg.eigh(A)
    assert value == pytest.approx(values[0], abs=1e-8)
    assert abs(vector @ vectors[:, 0]) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("second", [-0.1, -2e-3, 0.0, 2e-3, 0.3])
def test_no_eigenvalue_is_overlooked_beside_a_free_mode(second):
    """Two hundred random starts; the rest are between 0.5 and 4, as those of metals over their frequencies' sum."""
    n = 400
    values = np.concatenate([[0.0, second], 4 - 3.5 / np.arange(1, n - 1) ** 2])
    free = np.eye(n)[0]
    most = 0
    for start in starts(200, n):
        value, vector, products = smallest(values, start, free)
        assert min(second, 0.0) - 1e-12 <= value < min(second, 0.0) + 1e-5
        assert np.linalg.norm((values - value) * vector) < TOL
        most = max(most, products)
    assert most <= 10


def test_without_a_free_mode_positive_eigenvalues_are_told_apart():
    """The phase is held: what may be free is tried, is not, and only starts the search."""
    n = 400
    values = np.concatenate([[0.30, 0.33], 4 - 3.5 / np.arange(1, n - 1) ** 2])
    free = np.ones(n) / np.sqrt(n)
    for start in starts(200, n):
        value, _, products = smallest(values, start, free)
        assert value == pytest.approx(0.30, abs=1e-5)
        assert products <= 14


def test_a_saddle_near_the_transition_is_not_overlooked():
    """Phases beside the kink tanh(x/(sqrt(2) xi)) of Ginzburg and Landau: one of eigenvalue -1/2, the kink's own is 0.

    In units of 1 - T/Tc = 1e-3 and under a = 6, where accuracy relative to a says little.
    """
    small, a, dx = 1e-3, 6.0, 0.2
    x = dx * (np.arange(200) - 99.5)
    second = (np.diag(np.full(199, 1.0), 1) + np.diag(np.full(199, 1.0), -1) - 2 * np.eye(200)) / dx**2
    second[0, 0] = second[-1, -1] = -1 / dx**2
    H = small * (-second / 2 - np.diag(1 / np.cosh(x) ** 2))
    expected = np.linalg.eigvalsh(H)[0]
    assert expected == pytest.approx(-small / 2, rel=0.05)
    kink = np.tanh(x) / np.linalg.norm(np.tanh(x))
    for start in starts(60, 200):
        value, _, _ = smallest(H, start, kink, tol=1e-3 * a, margin=5e-5)
        assert value == pytest.approx(expected, abs=2.5e-5)


@pytest.mark.filterwarnings("ignore:the mesh is too coarse:jusadel.CoarseMeshWarning")
@pytest.mark.filterwarnings("ignore::jusadel.UnstableStateWarning")
@pytest.mark.parametrize("sign", [1, -1])
def test_two_islands_have_a_soft_mode_beside_the_common_phase(sign):
    """The difference of their phases costs little, or gains it half a turn away: by all columns of the derivative."""
    x = [0, 0.5, 1.0, 2.0, 3.0, 4.0, 4.5, 5.0]
    regions = {"a": lambda c: c[:, 0] < 1, "n": lambda c: abs(c[:, 0] - 2.5) < 1.5, "b": lambda c: c[:, 0] > 4}
    device = ju.Device(
        mesh=ju.rectangle(5.0, 0.5, 0.6, x=x, y=[0, 0.5], regions=regions),
        materials={"a": ju.Material(Tc=1.0), "n": ju.Material(Tc=0.0), "b": ju.Material(Tc=1.0)},
    )
    start = lambda p: 1.7 * np.where(p[:, 0] < 2.5, 1.0, sign)  # noqa: E731
    sol = ju.solve(device, 0.3, "self-consistent", frequencies=3, start=start)
    options = {"frequencies": 3, "accuracy": 1e-4, "tol": 1e-10, "linear_solver": ju.linear.SuperLU()}
    problem = pose(device, 0.3, sol.vertex_Delta, progress=None, **options)
    where = gap.weighted_sites(problem)
    found = gap.Trial.of(
        problem, where, where.from_vertices(sol.vertex_Delta), starting_frames(device, problem.system, sol)
    )
    response = gap.PairResponse(found.problem, where, found.newton.V)
    n = len(where.weight)
    columns = [response(x) for x in np.concatenate([np.eye(n), 1j * np.eye(n)]) / np.sqrt(where.weight)]
    rows = np.concatenate([np.real(columns), np.imag(columns)], axis=1) / np.sqrt(np.tile(where.weight, 2))
    values = np.linalg.eigvalsh((rows + rows.T) / 2)
    assert sol.stats["gap_eigenvalue"] == pytest.approx(values[0], abs=1e-6)
    assert sol.stats["state"] == {1: "superconducting", -1: "unstable"}[sign]
    assert 0.005 < abs(values[1] if sign > 0 else values[0]) < 0.05 < values[2]


# --- steps downhill --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("soft", [1e-6, -1e-6])
def test_a_step_downhill_of_a_known_matrix(soft):
    """Newton's step where the curvature is positive, downhill where it is negative, no longer than is allowed."""
    rng = np.random.default_rng(0)
    values, Q = np.linspace(0.5, 2.0, 40), np.linalg.qr(rng.normal(size=(40, 40)))[0]
    values[0] = soft
    g = Q @ np.append(1e-4, 1e-6 * np.ones(39))
    A = sla.aslinearoperator(Q @ np.diag(values) @ Q.T)
    free = Q.T @ downhill(A, g, lambda step: True)
    np.testing.assert_allclose(free, -(Q.T @ g) / np.abs(values), rtol=0.02, atol=1e-6)
    short = Q.T @ downhill(A, g, lambda step: bool(np.linalg.norm(step) <= 0.1))
    assert -0.1 <= short[0] < -0.0999
    np.testing.assert_allclose(short[1:], -(Q.T @ g / values)[1:], atol=2e-8)
