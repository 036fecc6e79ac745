"""The linear solvers agree with each other, give the same inertia, and say so when they cannot solve."""

import os
import threading

import numpy as np
import pytest
import scipy.sparse as sp

import jusadel as ju
from jusadel.action.assembly import discretise
from jusadel.action.matrix_free import lift
from jusadel.action.sparse_hessian import Pattern
from jusadel.device.pair_potential import at_vertices
from jusadel.solver.linear import Dense, Pardiso, SuperLU, superlu


@pytest.fixture(scope="module")
def problem():
    """A strip with one reservoir and every gradient term: matrix, right-hand side."""
    material = ju.Material(
        Tc=1.0, h=(0.2, 0, 0.1), Gamma=0.5, gamma=ju.rashba(0.2), theta=(0, 0, 0.1), kappa=(0, 0, 0.2)
    )
    device = ju.Device(
        mesh=ju.rectangle(2.0, 1.0, 0.3), materials=material, boundaries={"left": ju.Reservoir(1.0, phase=0.4)}
    )
    system = discretise(device, at_vertices(device, 1.0))
    V = np.broadcast_to(np.eye(4), (len(device.mesh.points), 4, 4))
    lifted = lift(system)
    matrix = Pattern(lifted).slope_and_matrix(lifted, V, 0.3)[1]
    return device, matrix, np.random.default_rng(0).normal(size=matrix.shape[0])


def available(solver):
    if solver is Pardiso:
        pytest.importorskip("pypardiso")
    return solver()


@pytest.mark.parametrize("solver", [SuperLU, Pardiso, Dense])
def test_solution_and_inertia(problem, solver):
    _, matrix, rhs = problem
    solve, inertia = available(solver).factorise(matrix)
    eigenvalues = np.linalg.eigvalsh(matrix.toarray())
    assert np.abs(matrix @ solve(rhs) - rhs).max() < 1e-10 * np.abs(rhs).max()
    assert inertia == ((eigenvalues > 0).sum(), (eigenvalues < 0).sum())
    assert inertia[1] == 3 * inertia[0]


@pytest.mark.parametrize("solver", [SuperLU, Pardiso, Dense])
def test_singular_matrix_gives_nan_not_numbers(solver):
    singular = sp.csc_matrix(np.diag([1.0, 0.0, 2.0, -1.0]))
    solve, _ = available(solver).factorise(singular)
    assert np.isnan(solve(np.ones(4))).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_dense_matrix_that_is_not_finite_gives_nan(bad):
    """As where Newton's method has run away inside a program, which an error would end."""
    solve, inertia = Dense().factorise(sp.csc_matrix(np.array([[1.0, bad], [bad, 1.0]])))
    assert np.isnan(solve(np.ones(2))).all()
    assert inertia == (0, 0)


@pytest.mark.parametrize("kept", [0, 1, 3])
def test_responses_at_real_energies_keep_so_many_factors(problem, monkeypatch, kept):
    """And make the others again, with the same solutions; on the imaginary axis all are kept."""
    system = discretise(problem[0], at_vertices(problem[0], 1.0))
    solver, count = SuperLU(threads=1), 3
    prepared = solver.prepare(lift(system), count)
    V = np.broadcast_to(np.eye(4), (count, len(system.free), 4, 4)).astype(complex)
    rhs = np.random.default_rng(2).normal(size=(count, len(system.free), 8)) + 0j
    made = []
    factorise = solver.factorise
    monkeypatch.setattr(solver, "factorise", lambda matrix: made.append(matrix.dtype) or factorise(matrix))
    for omega, V_of, again in ((0.2 - 1j * np.arange(1.0, 4.0), V, count - kept), (np.arange(1.0, 4.0), V.real, 0)):
        made.clear()
        r = rhs if again or np.iscomplexobj(omega) else rhs.real
        monkeypatch.setattr(superlu, "KEPT", np.inf)
        respond = solver.response(prepared, V_of, omega, 1e-10)
        expected = respond(r)
        each = superlu._size(
            factorise(Pattern(prepared.lifted).slope_and_matrix(prepared.lifted, V_of[0], omega[0])[1])[0]
        )
        assert (each > 0) == np.iscomplexobj(omega)
        monkeypatch.setattr(superlu, "KEPT", (kept + 0.5) * each)
        respond = solver.response(prepared, V_of, omega, 1e-10)
        for call in range(2):
            made.clear()
            np.testing.assert_allclose(respond(r), expected, rtol=1e-9)
            assert len(made) == (again if call else count)


def test_each_thread_frees_its_own_factors(monkeypatch):
    """SciPy loses the memory of those that are dropped elsewhere."""
    freed_at_home = []

    class Recorded:
        U = sp.identity(2)

        def __init__(self, *_, **__):
            self.made_by = threading.get_ident()

        def __del__(self):
            freed_at_home.append(self.made_by == threading.get_ident() != threading.main_thread().ident)

    monkeypatch.setattr(superlu.sla, "splu", Recorded)
    made = superlu.in_threads(lambda k: superlu.Factor(None), range(6), 2)
    assert [factor.inertia for factor in made] == [(2, 0)] * 6
    del made
    superlu.forget(2)
    assert freed_at_home == [True] * 6
    superlu.Factor(None)  # nothing waits in this thread
    assert freed_at_home == [True] * 6 + [False]


def test_threads_are_those_of_the_process(monkeypatch):
    """A worker of a sweep, whose share NPROC says, takes no more; who asks for a number gets it."""
    monkeypatch.delenv("NPROC", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(6)), raising=False)
    assert [SuperLU().threads, SuperLU(threads=7).threads] == [6, 7]
    for wanted, given in (("2", 2), ("9", 6), ("0", 6), ("many", 6)):
        monkeypatch.setenv("NPROC", wanted)
        assert [SuperLU().threads, SuperLU(threads=7).threads] == [given, 7]


def test_pardiso_follows_a_change_of_pattern(problem):
    """The analysis of one mesh must not serve another of the same size."""
    pardiso = available(Pardiso)
    rng = np.random.default_rng(1)
    for where in ((0, 1), (1, 2)):
        dense = np.diag([4.0, 5.0, 6.0, -4.0])
        dense[where] = dense[where[::-1]] = 1.0
        rhs = rng.normal(size=4)
        solve, _ = pardiso.factorise(sp.csc_matrix(dense))
        assert np.abs(dense @ solve(rhs) - rhs).max() < 1e-12


@pytest.mark.parametrize("solver", [Pardiso, Dense])
def test_solve_gives_the_same_with_each(problem, solver):
    device, _, _ = problem
    solutions = [
        ju.solve(device, T=0.3, pair_potential=1.0, frequencies=2, linear_solver=s) for s in (None, available(solver))
    ]
    assert np.abs(solutions[0].G - solutions[1].G).max() < 1e-11
    assert solutions[0].stats["inertia"].tolist() == solutions[1].stats["inertia"].tolist()
    assert available(solver).name in repr(solutions[1])


def test_pardiso_without_its_package_names_the_extra(monkeypatch):
    import builtins

    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "pypardiso":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"jusadel\[mkl\]"):
        Pardiso()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"width": 0}, "width = 0; expected a whole number >= 1"),
        ({"limit": 2.5}, "limit = 2.5; expected a whole number >= 1"),
        ({"inner": "float16"}, "inner = 'float16'; expected float32 or float64"),
        ({"devices": []}, "devices is empty"),
        ({"fallback": "SuperLU"}, "fallback = 'SuperLU'; expected a solver"),
        ({"derivatives": 0.1}, "derivatives = 0.1; expected a relative accuracy from 1e-12 to 1e-3"),
        ({"derivatives": True}, "derivatives = True; expected a relative accuracy"),
    ],
)
def test_settings_of_the_krylov_iterations(given, message):
    with pytest.raises(ValueError, match=message):
        ju.linear.Krylov(**given)


class Quiet:
    """A solver of the user's own, which says nothing of itself."""

    name, derivatives = "own", 1e-10

    def __init__(self):
        self.inner = SuperLU(threads=1)

    def __getattr__(self, name):
        if name in ("inertia", "complex"):
            raise AttributeError(name)
        return getattr(self.inner, name)


@pytest.mark.parametrize(
    ("solver", "inertia", "at_real_energies"),
    [(SuperLU, True, True), (Dense, True, True), (Pardiso, True, False), (ju.linear.Krylov, False, True)],
)
def test_what_solvers_say(solver, inertia, at_real_energies):
    assert (solver.inertia, solver.complex) == (inertia, at_real_energies)


def test_a_solver_that_says_nothing_serves_where_nothing_is_asked_of_it(problem):
    device, _, _ = problem
    sol = ju.solve(device, 0.4, pair_potential=0.5, frequencies=2, linear_solver=Quiet())
    assert sol.stats["linear_solver"] == "own"
    with pytest.raises(TypeError, match="linear_solver = own; at real energies expected"):
        ju.spectrum(sol, [0.1], 0.1, linear_solver=Quiet())
