"""Large films: sums by clusters against those of all pairs, and films with either."""

import numpy as np
import pytest

import jusadel as ju
from jusadel.studies.screening.solve import solve_screened
from jusadel.studies.screening.thin_film import induction
from jusadel.studies.screening.thin_film.clusters import clusters, pairs_of_clusters, pairs_of_members
from jusadel.studies.screening.thin_film.sheet_currents import sheet_currents

MU = 0.7


@pytest.fixture(scope="module")
def both():
    """A disk with fine triangles in the middle, as matrices and by clusters."""
    device = ju.Device(mesh=ju.ring(1.0, 8.0, 0.8), materials=ju.Material())
    currents = sheet_currents(device)
    dense = induction.induction_of(device.mesh, currents, MU)
    sums = induction.InductionBySums(induction._pair_sums(device.mesh, currents), currents, device.mesh, MU)
    return dense, sums


def size(x):
    return np.abs(x).max()


def test_every_pair_of_members_once():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(300, 2))
    tree = clusters(points, np.zeros((300, 2)), np.full(300, 0.01), 10)
    far, near = pairs_of_clusters(tree)
    count = np.zeros((300, 300), int)
    for pairs in (far, near):
        np.add.at(count, pairs_of_members(tree, *pairs), 1)
    assert (count == 1).all()
    assert len(far[0]) > 100
    i, j = pairs_of_members(tree, *far)
    assert np.linalg.norm(points[i] - points[j], axis=1).min() > 0.02


def test_sums_by_clusters_are_those_of_all_pairs(both):
    """To 3e-6, of smooth and of rough currents, and forth as back."""
    dense, sums = both
    rng, points = np.random.default_rng(1), np.asarray(dense.mesh.points)
    smooth = np.linalg.lstsq(dense.currents.on_nodes.toarray(), np.sin(points[:, 0]) + points[:, 1] ** 2, rcond=None)[0]
    for g in (smooth, rng.normal(size=len(smooth))):
        for found, expected in zip(sums.times(g), dense.times(g), strict=True):
            assert size(found - expected) < 3e-6 * size(expected)
    fluxes, edges = rng.normal(size=len(smooth)), rng.normal(size=dense.M.shape[0])
    back = sums.transposed(fluxes, edges)
    assert size(back - dense.transposed(fluxes, edges)) < 3e-6 * size(back)
    Qg, Mg = sums.times(smooth)
    assert back @ smooth == pytest.approx(fluxes @ Qg + edges @ Mg, rel=1e-11)
    np.testing.assert_allclose(sums.currents.through_hats @ Mg, Qg, rtol=0, atol=1e-12 * size(Qg))


def test_currents_of_given_fluxes(both):
    """Conjugate gradients need few steps; they find what the factors of the matrix find."""
    dense, sums = both
    y = dense.currents.through_hats @ np.random.default_rng(2).normal(size=dense.M.shape[0])
    found, expected = sums.solve(y), dense.solve(y)
    assert size(found - expected) < 1e-4 * size(expected)
    calls = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(induction.InductionBySums, "times", counted_by(calls))
        sums.solve(y)
    assert len(calls) < 40


def counted_by(calls):
    plain = induction.InductionBySums.times

    def times(self, g):
        calls.append(1)
        return plain(self, g)

    return times


@pytest.mark.filterwarnings("ignore:the mesh is too coarse")
def test_a_film_by_clusters_is_that_of_matrices(monkeypatch):
    """Energy and moment; the moment is the derivative of the energy by the sums themselves."""
    device = ju.Device(mesh=ju.disk(2.0, 0.45), materials=ju.Material())
    given = {"model": "film", "thickness": 0.1, "frequencies": 2, "linear_solver": ju.linear.SuperLU()}
    solve = lambda H: solve_screened(device, 0.5, H, 4.0, ju.bulk_gap(0.5), tol=1e-12, gap_tol=1e-10, **given)  # noqa: E731
    dense = solve(0.1)
    monkeypatch.setattr(induction, "DENSE", 0)
    sums, ends = solve(0.1), [solve(0.1 + step).gibbs_energy for step in (1e-3, -1e-3)]
    assert -0.9 * 0.1 * np.pi * 2**2 < sums.magnetic_moment * 0.4 < -0.1
    assert sums.magnetic_moment == pytest.approx(dense.magnetic_moment, rel=1e-5)
    assert sums.gibbs_energy == pytest.approx(dense.gibbs_energy, rel=1e-5)
    assert max(sol.stats["screening_steps"] for sol in (sums, dense)) <= 3  # a weak field: nearly linear equations
    assert (ends[0] - ends[1]) / 2e-3 == pytest.approx(-sums.magnetic_moment, rel=1e-6)
