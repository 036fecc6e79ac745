"""Krylov with multigrid: the iterations, the cycle, the same solutions as the direct solver, and what if it fails."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jusadel as ju
from jusadel.action.assembly import discretise
from jusadel.action.matrices.padded_rows import padded
from jusadel.action.matrices.stiffness import stiffness
from jusadel.action.matrix_free import lift
from jusadel.solver import newton
from jusadel.solver.linear import Krylov, StagnationWarning, SuperLU, chosen, krylov, krylov_programs
from jusadel.solver.linear.multigrid import cycle, hierarchy, screenings
from jusadel.solver.linear.sqmr_gmres import fgmres, sqmr

# --- the iterations -----------------------------------------------------------------------------


def batch(kind, seed=0, n=6, w=3):
    """Symmetric, indefinite, diagonally dominant matrices (w, 8n, 8n) with a sign pattern, and right-hand sides."""
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(w, 8 * n, 8 * n)) + (1j * rng.normal(size=(w, 8 * n, 8 * n)) if kind is complex else 0)
    sign = np.tile([1.0, 1.0, -1.0, -1.0, -1.0, -1.0, -1.0, -1.0], n)
    A = 0.3 * (A + A.transpose(0, 2, 1)) / np.sqrt(8 * n) + np.einsum("i,ij->ij", sign, np.eye(8 * n))
    b = rng.normal(size=(n, 8, w)) + (1j * rng.normal(size=(n, 8, w)) if kind is complex else 0)
    apply = lambda x: jnp.moveaxis(jnp.einsum("wij,wj->wi", A, jnp.moveaxis(x, -1, 0).reshape(w, -1)), 0, -1).reshape(  # noqa: E731
        x.shape
    )
    M = lambda r: jnp.asarray(sign.reshape(n, 8, 1)) * r  # noqa: E731
    return A, jnp.asarray(b), apply, M


@pytest.mark.parametrize("kind", [float, complex])
@pytest.mark.parametrize("method", ["sqmr", "fgmres"])
def test_iterations_solve_each_system_to_its_own_tolerance(method, kind):
    A, b, apply, M = batch(kind)
    tol = jnp.array([1e-4, 1e-9, 2.0])  # the third is to be left alone
    run = {"sqmr": lambda: sqmr(apply, M, b, tol, 200), "fgmres": lambda: fgmres(apply, M, b, tol, 12, 20)}[method]
    found = run()
    for k in range(2):
        r = np.asarray(b)[..., k].ravel() - A[k] @ np.asarray(found.x)[..., k].ravel()
        relative = np.linalg.norm(r) / np.linalg.norm(b[..., k])
        assert relative < 3 * tol[k]
        assert found.accuracy[k] <= 1.1 * tol[k]
    assert found.iterations[0] < found.iterations[1]
    assert found.iterations[2] == 0
    assert np.all(np.asarray(found.x)[..., 2] == 0)


def test_iterations_stop_at_their_limit_and_say_how_far_they_came():
    _, b, apply, M = batch(float)
    found = sqmr(apply, M, b, jnp.full(3, 1e-12), 4)
    assert found.iterations.tolist() == [4, 4, 4]
    assert np.all(np.asarray(found.accuracy) > 1e-6)


# --- the cycle ----------------------------------------------------------------------------------


def screened(size, material=None):
    device = ju.Device(mesh=ju.disk(4.0, size, size / 4), materials=material or ju.Material(Tc=0.0))
    system = discretise(device, jnp.zeros((len(device.mesh.triangles), 3)))
    levels = hierarchy(stiffness(system), np.asarray(system.free))
    s = np.asarray(system.nodes.weight)[:, None] * np.array([0.02, 2.0])
    return stiffness(system), levels, screenings(levels, jnp.asarray(s), jnp.asarray(3 * s)), s


def test_cycle_is_symmetric():
    _, levels, screening, s = screened(0.5)
    rng = np.random.default_rng(0)
    run = jax.jit(lambda r: cycle(levels, screening, r))
    a, b = (jnp.asarray(rng.normal(size=(len(s), 8, 2))) for _ in range(2))
    forth, back = (np.sum(np.asarray(x * run(y)), axis=(0, 1)) for x, y in ((a, b), (b, a)))
    np.testing.assert_allclose(forth, back, rtol=1e-10)
    assert np.all(np.sum(np.asarray(a * run(a)), axis=(0, 1)) > 0)


@pytest.mark.slow
def test_iterations_with_the_cycle_do_not_grow_with_the_mesh():
    """The scalar screened operators on graded meshes of 240 and 5000 nodes, at weak screening and strong."""
    counts = []
    for size in (0.8, 0.15):
        matrix, levels, screening, s = screened(size)
        rows, each = padded(8 * matrix), jnp.asarray(np.stack([s, 3 * s], axis=1)[:, [0, 0, 1, 1, 1, 1, 1, 1]])
        b = jnp.asarray(np.random.default_rng(0).normal(size=each.shape))
        with_cycle, apply = lambda r: cycle(levels, screening, r), lambda x: rows @ x + each * x  # noqa: B023
        found = jax.jit(lambda b: sqmr(apply, with_cycle, b, jnp.full(2, 1e-6), 100))(b)  # noqa: B023
        assert np.linalg.norm(apply(found.x) - b) < 1e-5 * np.linalg.norm(b)
        counts.append(np.asarray(found.iterations))
    assert counts[1].max() <= 15
    assert np.all(counts[1] <= 1.5 * counts[0])


# --- the same solutions -------------------------------------------------------------------------

ALL = {"gamma": ju.rashba(0.3), "spin_field": ju.rashba(0.15), "theta": (0, 0, 0.2), "kappa": (0, 0, 0.1)}
JUMP = {"left": lambda c: c[:, 0] < 1.5, "right": lambda c: c[:, 0] > 1.5}


def strip(material, **boundary):
    mesh = ju.rectangle(3.0, 1.0, 0.2, regions=JUMP)
    ends = {"left": ju.Reservoir(1.0), "right": ju.Reservoir(1.0, phase=2.0, **boundary)}
    return ju.Device(mesh=mesh, materials=material, boundaries=ends), 0.0


def vortex(material):
    return ju.Device(mesh=ju.disk(4.0, 0.8, 0.05), materials=material), ju.vortex(1.0)


def normal(**fields):
    return {region: ju.Material(**({"Tc": 0.0, "D": 1.0} | fields)) for region in JUMP}


CASES = {
    "every tensor": lambda: vortex(ju.Material(Gamma=0.5, **ALL)),
    "graded mesh": lambda: vortex(ju.Material(D=2.0)),
    "exchange field of the order of Delta": lambda: strip(normal(h=(0.6, 0.0, 0.8))),
    "anisotropic diffusion": lambda: strip(normal(D=np.array([[3.0, 0.5], [0.5, 0.2]]), h=(0.0, 0.0, 0.5))),
    "D and Gamma jump by 100": lambda: strip(
        normal() | {"right": ju.Material(D=0.05, Gamma=10.0, Tc=0.0), "left": ju.Material(D=5.0, Gamma=0.1, Tc=0.0)}
    ),
}
LOWEST = 0.0314
"""pi T at T = 0.01."""


@pytest.mark.parametrize("case", CASES)
def test_same_solution_as_the_direct_solver(case):
    device, Delta = CASES[case]()
    given = {"pair_potential": Delta, "T": 0.01, "frequencies": ([LOWEST, 0.3, 2.0], [1.0, 1.0, 1.0])}
    with warnings.catch_warnings():
        warnings.simplefilter("error", StagnationWarning)
        warnings.simplefilter("ignore", ju.CoarseMeshWarning)
        found = ju.solve(device, linear_solver=Krylov(), **given)
        expected = ju.solve(device, linear_solver=SuperLU(), **given)
    assert found.stable.all()
    assert np.abs(found.G - expected.G).max() < 1e-8  # far below tol = 1e-9 times the condition number
    assert found.stats["residual"].max() < 1e-9
    assert 0 < found.stats["iterations"].max() < 150
    assert found.stats["ladder"].max() == 0
    assert found.stats["inertia"] is None
    assert "SQMR with multigrid (" in repr(found)
    assert "iterations" not in repr(expected)


@pytest.fixture(scope="module")
def problem():
    device, Delta = strip(normal(h=(0.6, 0.0, 0.8)))
    return device, {"pair_potential": Delta, "T": 0.1, "frequencies": 3}


def test_chunks_give_what_all_together_give(problem):
    device, given = problem
    together = ju.solve(device, linear_solver=Krylov(), **given)
    assert Krylov(width=2).prepare(together_lifted(device), 3).width == 2
    in_chunks = ju.solve(device, linear_solver=Krylov(width=2), **given)
    assert np.abs(together.G - in_chunks.G).max() < 1e-9


@pytest.mark.parametrize("more", [0, 3])
def test_a_small_tol_is_met_by_further_steps(problem, monkeypatch, more):
    """Steps as small as Newton's method wants them may leave a residual above a tol of 1e-12, which is not refused."""
    device, given = problem
    monkeypatch.setattr(newton, "SMALL", 1e-7)  # so that they do here
    monkeypatch.setattr(newton, "MORE", more)
    near = ju.solve(device, linear_solver=Krylov(), **given | {"T": 0.11})
    found = ju.solve(device, linear_solver=Krylov(), **given, start=near.G, tol=1e-12, throw=False)  # no ladder helps
    assert found.converged.all() == (more > 0)
    assert (found.stats["residual"].max() < 1e-12) == (more > 0)


def test_single_precision_is_not_believed_about_its_last_digits(problem):
    device, _ = problem
    lifted, omega = together_lifted(device), np.array([0.5, 2.0])
    normal = np.broadcast_to(np.eye(4), (2, len(lifted.system.free), 4, 4))
    claimed = {}
    for inner in (jnp.float32, jnp.float64):
        solver = Krylov(inner=inner)
        memory = [{"residual": 1e9}, {"residual": 1e9}]  # as if the gradient had just fallen
        found = solver.directions(solver.prepare(lifted, 2), normal, omega, np.ones(2, bool), np.zeros((2, 1)), memory)
        claimed[inner] = found.accuracy
    assert (claimed[jnp.float32] == krylov.TRUSTED).all()
    assert (claimed[jnp.float64] <= krylov_programs.TIGHTEST).all()


def together_lifted(device):
    return lift(discretise(device, jnp.zeros((len(device.mesh.triangles), 3))))


@pytest.mark.parametrize(("cycles", "warned"), [(5, False), (0, True)], ids=["GMRES saves it", "so does SuperLU"])
def test_stagnation_is_handed_on(problem, monkeypatch, cycles, warned):
    """SQMR with one iteration a step cannot do it; GMRES can, or else the direct solver, with a warning."""
    device, given = problem
    monkeypatch.setattr(krylov, "CYCLES", cycles)
    monkeypatch.setattr(krylov, "USEFUL", 0.25)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = ju.solve(device, linear_solver=Krylov(limit=1), **given)
    texts = [str(w.message) for w in caught if issubclass(w.category, StagnationWarning)]
    assert bool(texts) == warned
    if warned:
        assert "stagnated at omega = [" in texts[0]
        assert "SuperLU takes over" in texts[0]
    expected = ju.solve(device, linear_solver=SuperLU(), **given)
    assert np.abs(found.G - expected.G).max() < 1e-8


def test_the_choice_depends_on_size_and_memory(monkeypatch):
    assert isinstance(chosen(500, 4), SuperLU)
    assert isinstance(chosen(500, 40), Krylov)
    assert isinstance(chosen(1015, 11), SuperLU)  # compiled sooner, for one solve
    assert isinstance(chosen(1015, 11, times=16), Krylov)
    device = jax.local_devices()[0]
    assert krylov.affordable_width(1000, device) == krylov.WIDTH
    monkeypatch.setattr(krylov, "_free_memory", lambda: 2 * 3.5 * krylov.BYTES * 64_000)
    assert krylov.affordable_width(64_000, device) == 3
    monkeypatch.setattr(krylov, "_free_memory", lambda: 1.0)
    assert krylov.affordable_width(64_000, device) == 1
