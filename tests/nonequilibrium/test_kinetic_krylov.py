"""Distributions by iterations beside those by factors: around a gap's edge, with spins, barriers, what floats.

One energy after the other, and several together, of which `test_energies_together` has more.
"""

import numpy as np
import pytest
from kinetic_junction import GAP, driven, junction_spectrum

import jusadel as ju
from jusadel.action.assembly import discretise
from jusadel.action.nambu import advanced, bcs
from jusadel.nonequilibrium.keldysh import blocks, frequency_matrix
from jusadel.nonequilibrium.linear import modes_apart, multigrid, solving
from jusadel.nonequilibrium.linear.equations import Assembly
from jusadel.nonequilibrium.linear.factors import Reduced
from jusadel.nonequilibrium.linear.iterations import Iterated, MultigridGmres
from jusadel.nonequilibrium.linear.solving import kinetic_solver

pytestmark = [pytest.mark.filterwarnings("ignore:the mesh is too coarse:jusadel.CoarseMeshWarning")]


@pytest.fixture(scope="module")
def spec():
    return junction_spectrum()


@pytest.fixture(scope="module")
def exact(spec):
    return driven(spec, ju.linear.SuperLU())


TOGETHER = ju.linear.Krylov(width=2)
"""Three energies in two batches, the second of which is filled up."""


@pytest.mark.parametrize("solver", [ju.linear.Krylov(), TOGETHER], ids=["one by one", "together"])
def test_iterations_find_what_factors_find(spec, exact, monkeypatch, solver):
    """Nothing fell back. With a level or two more than so few nodes need."""
    monkeypatch.setattr(multigrid, "COARSEST", 5)
    monkeypatch.setattr(Iterated, "_direct", None)
    monkeypatch.setattr(solving, "Reduced", None)
    found = driven(spec, solver)
    assert (np.abs(exact.f[..., 2:]).max(axis=(1, 2)) > 1e-3).all()  # spins take part
    np.testing.assert_allclose(found.f, exact.f, atol=1e-8)
    assert found.contacts["top"].voltage == pytest.approx(exact.contacts["top"].voltage, abs=1e-8)
    for name in ("left", "right", "top"):
        np.testing.assert_allclose(found.currents_through(name), exact.currents_through(name), atol=1e-8)


@pytest.fixture(scope="module")
def equations(spec):
    """The pattern and B at the edge of the gap, and what is unknown, (N, 8)."""
    R, assembly = np.asarray(spec.all_G[1]), Assembly(spec.system)
    B = assembly.equations(blocks(spec.system, R, np.asarray(advanced(R)), frequency_matrix(0, 0))).B
    return assembly.pattern, B, np.repeat(np.asarray(spec.system.free)[:, None], 8, axis=1)


def test_transposed_equations(spec, equations, monkeypatch):
    """Those of gradients, at the edge of the gap: x.(H y) = (H^T x).y for the inverse of H, which factors give."""
    monkeypatch.setattr(multigrid, "COARSEST", 5)
    monkeypatch.setattr(Iterated, "_direct", None)
    pattern, B, unknown = equations
    ways = multigrid.coarsenings(spec.system, pattern, np.dtype(np.float32))
    iterated = MultigridGmres(pattern, ways, 150, np.dtype(np.float32))(B, unknown)
    x, y = np.random.default_rng(0).normal(size=(2, unknown.size)) * unknown.ravel()
    backward = iterated.respond(x, transposed=True)
    assert np.abs(backward - iterated.respond(x)).max() > 1e-3 * np.abs(backward).max()
    assert x @ Reduced(B, unknown).respond(y) == pytest.approx(backward @ y, rel=1e-9)


def test_the_transposed_cycle_is_the_cycle_transposed(spec, equations, monkeypatch):
    """x.(C y) = (C^T x).y to round-off, and coarse equations are P^T B P: GMRES would make up for wrong ones."""
    monkeypatch.setattr(multigrid, "COARSEST", 5)
    pattern, B, unknown = equations
    ways = multigrid.coarsenings(spec.system, pattern, np.dtype(np.float64))
    assert len(ways) >= 2
    among = unknown.astype(float)
    inside = B.data * among[pattern.rows][:, :, None] * among[pattern.columns][:, None]
    there, back = (multigrid.Cycle(pattern, M, unknown, ways) for M in (inside, pattern.transposed(inside)))
    x, y = np.random.default_rng(0).normal(size=(2, unknown.size)) * unknown.ravel()
    assert abs(x @ there(y) - back(x) @ y) < 1e-12 * np.linalg.norm(x) * np.linalg.norm(there(y))
    assert np.linalg.norm(there(x) - back(x)) > 1e-3 * np.linalg.norm(back(x))
    M = pattern.matrix(inside).toarray()
    for cycle, fine in ((there, M), (back, M.T)):
        P, coarse = np.kron(ways[0].up.toarray(), np.eye(8)), cycle._levels[1][0].matrix.toarray()
        expected = P.T @ fine @ P
        expected[np.diag(expected.diagonal() == 0)] = 1.0  # where no unknown takes part
        np.testing.assert_allclose(coarse, expected, rtol=0, atol=1e-13 * np.abs(M).max())


def test_modes_that_do_not_couple_are_iterated_apart(monkeypatch):
    """Without spins in four pairs; a coupling that is left out of the iterations is not left out of the result."""
    mesh = ju.rectangle(2.0, 1.0, 0.25)
    ends = {"left": ju.Tunnel(ju.Reservoir(0.0), 0.5), "right": ju.Reservoir(GAP)}
    device = ju.Device(mesh=mesh, materials=ju.Material(Tc=1.0), boundaries=ends)
    system = discretise(device, np.zeros((len(mesh.triangles), 3), complex))
    assembly, phase = Assembly(system), np.zeros(len(system.free))
    phase[: len(mesh.points)] = 0.3 * np.asarray(mesh.points)[:, 0]
    R = np.asarray(bcs(np.full(len(phase), 0.05 - 0.9j), GAP * np.exp(1j * phase)))
    B = assembly.equations(blocks(system, R, np.asarray(advanced(R)), frequency_matrix(0, 0))).B
    unknown = np.repeat(np.asarray(system.free)[:, None], 8, axis=1)
    given = np.where(unknown, 0.0, np.eye(8)[0] + 0.3 * np.eye(8)[1])
    monkeypatch.setattr(Iterated, "_direct", None)
    monkeypatch.setattr(modes_apart, "APART", 1e-2)
    solver = kinetic_solver(ju.linear.Krylov(), system, assembly.pattern)
    for coupling in (0.0, 1e-3):  # of the charge into a spin
        data, diagonal = B.data.copy(), B.data[assembly.pattern.diagonal]
        data[assembly.pattern.diagonal, 2, 1] += coupling * np.sqrt(diagonal[:, 2, 2] * diagonal[:, 1, 1])
        at = assembly.pattern.matrix(data)
        iterated, exact = solver(at, unknown), Reduced(at, unknown).solve(np.zeros_like(given), given)
        assert [list(modes) for modes in iterated._apart] == [[0, 1], [2, 5], [3, 6], [4, 7]]
        assert (np.abs(exact[:, 2]).max() > 1e-4) == (coupling > 0)
        np.testing.assert_allclose(iterated.solve(np.zeros_like(given), given), exact, atol=1e-9)
        batch = kinetic_solver(TOGETHER, system, assembly.pattern).together([B, at], [unknown] * 2, 2)
        assert [list(modes) for modes in batch.sets] == [[0, 1], [2, 5], [3, 6], [4, 7]]
        np.testing.assert_allclose(batch.solutions([[(np.zeros_like(given), given)] * 2])[0][1], exact, atol=1e-9)


@pytest.mark.parametrize("options", [{}, {"width": 3}], ids=["one by one", "together"])
def test_where_iterations_do_not_converge_factors_take_over(spec, exact, options):
    with pytest.warns(ju.linear.StagnationWarning, match="iterations for distributions stagnated"):
        found = driven(spec, ju.linear.Krylov(limit=1, **options))
    np.testing.assert_allclose(found.f, exact.f, atol=1e-12)


@pytest.mark.parametrize("solver", [ju.linear.Dense(), "fast"])
def test_other_solvers_are_refused(spec, solver):
    with pytest.raises(TypeError, match=r"not symmetric, expected jusadel.linear.SuperLU\(\), .Krylov\(\)"):
        driven(spec, solver)
