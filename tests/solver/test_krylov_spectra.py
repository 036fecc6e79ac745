"""Krylov at real energies: the spectra of the direct solver and of closed forms, their derivatives, and failure."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jusadel as ju
from jusadel.action.assembly import discretise
from jusadel.action.matrix_free import lift
from jusadel.solver.linear import Krylov, StagnationWarning, SuperLU, krylov, krylov_programs, refinement
from jusadel.solver.linear.krylov_programs import left_over_on, steps_on
from jusadel.solver.linear.sqmr_gmres import fgmres, sqmr

pytestmark = pytest.mark.filterwarnings("ignore:the mesh is too coarse:jusadel.CoarseMeshWarning")

ENERGIES = np.array([0.0, 0.2, 0.45, 0.97, 1.0, 1.03, 2.5])
"""Inside the minigap and above it, at the edge of the electrodes' gap, and above."""
GIVEN = {"T": 0.1, "frequencies": ([0.3], [1.0])}
JUMP = {"S": lambda p: p[:, 0] < 1.0, "N": lambda p: p[:, 0] > 1.0}


def junction(exchange=0.3, phase=1.0):
    """A superconductor on a normal metal with every kind of term, between an electrode and one behind a barrier."""
    normal = ju.Material(Tc=0.0, h=(0.0, 0.6 * exchange, 0.8 * exchange), Gamma=0.3, gamma=ju.rashba(0.3))
    ends = {"left": ju.Reservoir(1.0), "right": ju.Tunnel(ju.Reservoir(1.0, phase=phase), 1.5)}
    mesh = ju.rectangle(3.0, 1.0, 0.5, regions=JUMP, x_lines=[1.0])
    return ju.Device(mesh=mesh, materials={"S": ju.Material(Tc=1.0), "N": normal}, boundaries=ends)


def solved(device):
    return ju.solve(device, pair_potential={"S": 1.0, "N": 0.0}, linear_solver=SuperLU(), **GIVEN)


def strictly(sol, energies, eta, **options):
    """The spectrum by Krylov, from which a word about stagnation is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", StagnationWarning)
        return ju.spectrum(sol, energies, eta, linear_solver=Krylov(**options))


@pytest.fixture(scope="module")
def state():
    return solved(junction())


@pytest.fixture(scope="module")
def expected(state):
    """Spectra by the direct solver, {eta: spectrum}."""
    return {eta: ju.spectrum(state, ENERGIES, eta, linear_solver=SuperLU()) for eta in (0.1, 1e-3)}


@pytest.fixture(scope="module")
def by_krylov(state):
    return {eta: strictly(state, ENERGIES, eta) for eta in (0.1, 1e-3)}


@pytest.mark.parametrize("eta", [0.1, 1e-3])
def test_same_spectrum_as_the_direct_solver(by_krylov, expected, eta):
    found, expected = by_krylov[eta], expected[eta]
    assert found.converged.all()
    assert found.stable.all()
    assert 0 < found.stats["iterations"].max() < 400
    assert expected.stats["iterations"].max() == 0
    np.testing.assert_allclose(found.G, expected.G, atol=1e-8)
    for side in ("left", "right"):  # what enters leaves, energy by energy; the pair potential feeds in what is between
        currents = (ju.spectral_current(s, side) for s in (found, expected))
        np.testing.assert_allclose(*currents, atol=1e-8)


def test_charge_is_conserved_at_every_energy():
    """Nothing feeds in where Delta = 0: the same through both ends, and odd in the phase with the fields reversed."""
    ends = lambda phase: {"left": ju.Reservoir(1.0), "right": ju.Reservoir(1.0, phase=phase)}  # noqa: E731
    mesh, currents = ju.rectangle(3.0, 1.0, 0.5), {}
    for sign in (1.0, -1.0):
        metal = ju.Material(Tc=0.0, h=(0.0, sign * 0.4, 0.0), gamma=ju.rashba(0.2))
        sol = ju.solve(ju.Device(mesh=mesh, materials=metal, boundaries=ends(sign * 1.2)), pair_potential=0.0, **GIVEN)
        spec = strictly(sol, ENERGIES[1:], 0.02)
        currents[sign] = {side: np.asarray(ju.spectral_current(spec, side)) for side in ends(0.0)}
    scale = np.abs(currents[1.0]["right"]).max()
    assert scale > 0.1
    np.testing.assert_allclose(currents[1.0]["left"], -currents[1.0]["right"], atol=1e-8 * scale)
    np.testing.assert_allclose(currents[-1.0]["right"], -currents[1.0]["right"], atol=1e-8 * scale)


@pytest.mark.parametrize("eta", [1e-4, 0.02])
def test_gap_edge_of_a_uniform_superconductor(eta):
    """BCS's density of states at E + i eta, up to the edge, where the Hessian is nearly singular at eta = 0."""
    device = ju.Device(mesh=ju.rectangle(1.0, 0.3, 0.15), materials=ju.Material(Tc=1.0))
    energies = np.array([0.0, 0.5, 0.999, 1.0, 1.001, 2.0])
    spec = strictly(ju.solve(device, pair_potential=np.exp(0.7j), **GIVEN), energies, eta)
    z = energies + 1j * eta
    exact = (z / np.sqrt(z - 1) / np.sqrt(z + 1)).real[:, None]
    np.testing.assert_allclose(ju.density_of_states(spec), exact + np.zeros(spec.G.shape[:2]), rtol=1e-7, atol=1e-9)


def programs_of(where, monkeypatch):
    """The programs, with the shapes of their arguments, that a module runs from now on."""
    found, run = set(), where.run_program

    def told(devices, program, *arguments):
        found.add((program, *((x.shape, x.dtype) for x in jax.tree.leaves(arguments))))
        return run(devices, program, *arguments)

    monkeypatch.setattr(where, "run_program", told)
    return found


def test_derivatives_are_those_of_the_direct_solver_and_of_differences(monkeypatch):
    def density(x, solver):
        spec = ju.spectrum(solved(junction(x, phase=2 * x)), ENERGIES + 0.1 * x, 0.05, linear_solver=solver, tol=1e-12)
        return ju.mean_density_of_states(spec, "N").sum()

    exact = float(jax.grad(density)(0.3, SuperLU()))
    of_newton, of_responses = (programs_of(where, monkeypatch) for where in (krylov, refinement))
    assert float(jax.grad(density)(0.3, Krylov())) == pytest.approx(exact, rel=1e-6)
    assert len(of_newton) == 1
    assert of_newton == {at for at in of_responses if at[0] is not left_over_on(tuple(jax.local_devices()))}
    above, below = (float(density(0.3 + step, SuperLU())) for step in (1e-4, -1e-4))
    assert exact == pytest.approx((above - below) / 2e-4, rel=1e-5)


def test_inside_programs(state, by_krylov):
    found = jax.jit(lambda E: ju.spectrum(state, E, 0.1, linear_solver=Krylov()).all_G)(jnp.asarray(ENERGIES))
    np.testing.assert_allclose(found, by_krylov[0.1].all_G, atol=1e-9)


@pytest.mark.parametrize(("cycles", "warned"), [(5, False), (0, True)], ids=["GMRES saves it", "so does SuperLU"])
def test_stagnation_is_handed_on(state, expected, monkeypatch, cycles, warned):
    """SQMR with one iteration a step cannot do it; GMRES can, or else the direct solver, with a warning."""
    monkeypatch.setattr(krylov, "CYCLES", cycles)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = ju.spectrum(state, ENERGIES, 0.1, linear_solver=Krylov(limit=1))
    texts = [str(w.message) for w in caught if issubclass(w.category, StagnationWarning)]
    assert bool(texts) == warned
    assert all("stagnated at omega = [" in text and "SuperLU takes over" in text for text in texts)
    np.testing.assert_allclose(found.G, expected[0.1].G, atol=1e-8)


@pytest.mark.parametrize("kind", [float, complex], ids=["Matsubara", "real energies"])
def test_every_program_lowers_for_gpus_without_a_call_of_the_host(kind):
    device = ju.Device(mesh=ju.rectangle(1.0, 0.5, 0.25), materials=ju.Material(Tc=1.0, gamma=ju.rashba(0.2)))
    lifted = lift(discretise(device, jnp.ones((len(device.mesh.triangles), 3), complex)))
    prepared, n = Krylov(devices=jax.local_devices()[:1]).prepare(lifted, 2), len(lifted.system.free)
    omega = np.array([0.1, 0.2], kind) - (0.5j if kind is complex else 0)
    V = np.broadcast_to(np.eye(4, dtype=kind), (2, n, 4, 4))
    x, each, at = np.ones((2, n, 8), kind), np.ones(2), prepared.devices
    of_steps = prepared.inner, prepared.levels, V, omega, np.nan * each, each, np.zeros((2, n)), x, each > 0
    programs = {
        steps_on(at, sqmr, limit=150): of_steps,
        steps_on(at, fgmres, size=20, cycles=5): of_steps,
        left_over_on(at): (V, omega, x, x),
    }
    for program, arguments in programs.items():
        exported = jax.export.export(program, platforms=["cuda"])(prepared.lifted, *arguments)
        assert "custom_call" not in exported.mlir_module()


def test_memory_is_given_back_between_making_a_program_and_running_it(monkeypatch):
    """Once for each shape."""
    told = []

    class Telling:
        def lower(self, *arguments):
            return self

        def compile(self):
            told.append("made")
            return lambda x: told.append("ran") or x + 1

    program = Telling()
    monkeypatch.setattr(krylov_programs, "give_back", lambda: told.append("given back"))
    for size in (2, 2, 3):
        found = krylov_programs.run_program((None,), program, np.ones(size))
        np.testing.assert_array_equal(found, np.full(size, 2.0))
    assert told == ["made", "given back", "ran", "ran", "made", "given back", "ran"]
