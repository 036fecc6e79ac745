"""The gap equation: bulk references, its derivative, conservation, outcomes by name, and what is refused."""

import warnings

import jax.numpy as jnp
import numpy as np
import pytest

import jusadel as ju
from jusadel.device.pair_potential import at_vertices
from jusadel.solver import gap
from jusadel.solver.problem import pose
from jusadel.solver.start import bulk_with_phases, phase_factor, starting_frames

# what is said of bulk metals does not depend on the mesh, and the rest holds on any mesh
pytestmark = pytest.mark.filterwarnings("ignore:the mesh is too coarse:jusadel.CoarseMeshWarning")
DIRECT = ju.linear.SuperLU()
CONSISTENT = {"pair_potential": "self-consistent", "linear_solver": DIRECT}
TINY = ju.rectangle(0.2, 0.1, 0.15)


def solve_bulk(T, **given):
    fields = {name: given.pop(name) for name in ("h", "Gamma") if name in given}
    device = ju.Device(mesh=TINY, materials=ju.Material(Tc=1.0, **fields))
    return ju.solve(device, T=T, **(CONSISTENT | {"frequencies": 30} | given))


def largest(sol):
    return float(np.abs(sol.Delta).max())


# --- bulk ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("reference", ["R000", "R002", "R003", "R005", "R007"])
def test_bulk_gap(references, reference):
    entry = references[reference]
    T = float(entry["parameters"].split("=")[1])
    sol = solve_bulk(T, frequencies=60)
    assert np.abs(sol.Delta) == pytest.approx(entry["value"] * ju.matsubara.GAP_RATIO, rel=1e-5)
    assert sol.stats["state"] == "superconducting"
    assert abs(sol.stats["gap_eigenvalue"]) < 1e-3  # the common phase costs nothing


@pytest.mark.parametrize("reference", ["R022", "R023", "R025", "R028", "R030"])
def test_magnetic_bulk(references, reference):
    """References A4: the gap, the free energy and the spin with h and Gamma, along z."""
    entry = references[reference]
    T, h, Gamma = (float(part.split("=")[1].split()[0]) for part in entry["parameters"].split(","))
    sol = solve_bulk(T, h=(0, 0, h), Gamma=Gamma)
    area = float(np.sum(TINY.areas))
    assert largest(sol) == pytest.approx(entry["value"]["Delta"], rel=2e-5)
    assert float(ju.free_energy(sol)) / area == pytest.approx(entry["value"]["dF_over_nu"], rel=2e-4)
    spin = -np.asarray(ju.spin_density(sol))[:, 2] / (2 * h)
    np.testing.assert_allclose(spin, entry["value"]["S_phys_over_2nu_h"], atol=2e-4)


@pytest.mark.parametrize("T", [1.02, 1.5])
def test_above_tc_the_state_is_normal_and_the_eigenvalue_is_ln_of_t_over_tc(T):
    sol = solve_bulk(T, start=0.3)
    assert sol.stats["state"] == "normal"
    assert np.all(np.asarray(sol.Delta) == 0)
    assert sol.stats["gap_eigenvalue"] == pytest.approx(np.log(T), abs=1e-4)
    assert "self-consistent: normal" in repr(sol)


def test_below_tc_the_normal_state_is_left(references):
    sol = solve_bulk(0.5, start=0.0)
    assert largest(sol) == pytest.approx(ju.bulk_gap(0.5), rel=1e-5)


def test_two_solutions_at_strong_field_and_their_free_energies():
    """At h = 0.68 Delta0 and T = 0.1 the start decides; below the Clogston limit the superconductor is lower."""
    h = (0, 0, 0.68 * ju.bulk_gap(0.1))
    upper, lower = solve_bulk(0.1, h=h), solve_bulk(0.1, h=h, start=0.2)
    assert largest(upper) > 0.98 * ju.bulk_gap(0.1)
    assert (lower.stats["state"], largest(lower)) == ("normal", 0.0)
    assert lower.stats["gap_eigenvalue"] > 0.1  # both are minima
    assert float(ju.free_energy(upper)) < float(ju.free_energy(lower))


# --- the equation and its derivative ---------------------------------------------------------------

STRIP = ju.rectangle(
    3.0,
    0.6,
    0.5,
    x=np.linspace(0, 3, 11),
    y=np.linspace(0, 0.6, 4),
    regions={"S": lambda c: c[:, 0] < 0.9, "F": lambda c: abs(c[:, 0] - 1.5) < 0.6, "T": lambda c: c[:, 0] > 2.1},
)
SPINS = {"gamma": ju.rashba(0.2), "theta": (0, 0, 0.2), "kappa": (0, 0.1, 0.2), "spin_field": ju.rashba(0.1)}


def strip(phase=1.0):
    """Two different superconductors with a ferromagnet between them, every spin-orbit term on, electrodes outside."""
    materials = {
        "S": ju.Material(Tc=1.0, Gamma=0.2, **SPINS),
        "F": ju.Material(Tc=0.0, D=1.5, h=(0.3, 0.2, 0.4), Gamma=0.4, nu=0.8, **SPINS),
        "T": ju.Material(Tc=1.3, D=0.8, nu=1.2, **SPINS),
    }
    ends = {"left": ju.Reservoir(1.6), "right": ju.Reservoir(1.9, phase=phase, h=(0.1, 0, 0))}
    return ju.Device(mesh=STRIP, materials=materials, boundaries=ends)


@pytest.fixture(scope="module")
def junction():
    return ju.solve(strip(), T=0.3, frequencies=4, tol=1e-12, gap_tol=1e-10, **CONSISTENT)


def test_current_is_the_same_through_every_cut(junction):
    """Ten cuts and both electrodes, to 1e-8 of the current: nothing feeds in charge where Delta is self-consistent."""
    out = float(ju.current_through(junction, "right"))
    assert abs(out) > 0.05
    assert float(ju.current_through(junction, "left")) == pytest.approx(-out, rel=1e-8)
    for x in np.linspace(0.1, 2.9, 10):
        assert float(ju.current_across(junction, (x, -1.0), (x, 2.0))) == pytest.approx(out, rel=1e-8)


def test_spin_current_diverges_by_the_torque(junction):
    from jusadel.observables.spin import spin_divergence

    free = np.asarray(junction.system.free)
    torque, divergence = np.asarray(ju.spin_torque(junction)), np.asarray(spin_divergence(junction))
    assert np.abs(torque - divergence)[free].max() < 1e-8 * np.abs(torque).max()


def test_current_is_the_derivative_of_the_self_consistent_free_energy(junction):
    step = 1e-4
    given = {"T": 0.3, "frequencies": 4, "tol": 1e-12, "gap_tol": 1e-10, "start": junction}
    F = [float(ju.free_energy(ju.solve(strip(1.0 + x), **given, **CONSISTENT))) for x in (-step, step)]
    slope = (F[1] - F[0]) / (2 * step)
    assert 2 * slope == pytest.approx(float(ju.current_through(junction, "right")), rel=1e-7)


def test_the_gap_jumps_between_superconductors_and_vanishes_in_the_normal_metal(junction):
    vertex = np.abs(np.asarray(junction.vertex_Delta))
    assert np.all(vertex[STRIP.regions["F"]] == 0)
    assert vertex[STRIP.regions["S"]].min() > 0.1
    f, _ = ju.pair_amplitude(junction)
    for region, Tc in (("S", 1.0), ("T", 1.3)):  # Delta = 2 pi T Sum f / a at every vertex
        a = np.log(0.3 / Tc) + 2 * np.pi * 0.3 * np.sum(junction.weights / junction.omega)
        corners = STRIP.triangles[STRIP.regions[region]]
        expected = np.asarray(f)[corners] / a
        np.testing.assert_allclose(np.asarray(junction.vertex_Delta)[STRIP.regions[region]], expected, atol=1e-8)


def test_response_is_the_derivative_of_the_residual():
    device, T, rng = strip(), 0.3, np.random.default_rng(2)
    vertex = at_vertices(device, 1.0 + 0.2j)
    options = {"accuracy": 1e-4, "tol": 1e-12, "linear_solver": DIRECT, "progress": None}
    problem = pose(device, T, vertex, frequencies=3, **options)
    where = gap.weighted_sites(problem)
    Delta = where.from_vertices(vertex)
    Delta = Delta + 0.1 * rng.normal(size=Delta.shape)
    base = gap.Trial.of(problem, where, Delta, starting_frames(device, problem.system, None))
    change = rng.normal(size=Delta.shape) + 1j * rng.normal(size=Delta.shape)
    step = 1e-4
    above, below = (base.again(where, Delta + s * step * change).residual for s in (1, -1))
    response = gap.PairResponse(base.problem, where, base.newton.V, tol=1e-10)
    expected = (above - below) / (2 * step)
    found = response(change)
    assert np.abs(found - expected).max() < 1e-6 * np.abs(expected).max()
    other = rng.normal(size=Delta.shape) + 1j * rng.normal(size=Delta.shape)
    assert np.vdot(other, found).real == pytest.approx(np.vdot(response(other), change).real, rel=1e-10)
    solved = response.solve(found, 1e-10)
    np.testing.assert_allclose(solved, change, atol=1e-6 * np.abs(change).max())


def test_krylov_finds_the_same(junction):
    found = ju.solve(strip(), T=0.3, frequencies=4, pair_potential="self-consistent", linear_solver=ju.linear.Krylov())
    np.testing.assert_allclose(found.vertex_Delta, junction.vertex_Delta, atol=2e-7)


def test_a_solution_is_a_start(junction):
    again = ju.solve(strip(), T=0.3, frequencies=4, start=junction, **CONSISTENT)
    assert again.stats["gap_steps"] <= 1
    np.testing.assert_allclose(again.vertex_Delta, junction.vertex_Delta, atol=1e-6)


# --- vortices and seams ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def disk():
    return ju.Device(mesh=ju.disk(4.0, 0.9, 0.3), materials=ju.Material(D=3.5))


def test_a_vortex_without_a_field_is_stationary_but_not_stable(disk):
    with pytest.warns(ju.UnstableStateWarning, match="stationary but not stable: .* has the eigenvalue -0"):
        sol = ju.solve(disk, T=0.3, frequencies=3, start=ju.vortex(1.5), **CONSISTENT)
    assert sol.stats["state"] == "unstable"
    assert ju.winding(sol, "rim") == 1
    assert np.abs(sol.Delta[0]) < 1e-3  # the centre
    assert largest(sol) > 1.4
    plain = ju.solve(disk, T=0.3, frequencies=3, **CONSISTENT)
    assert float(ju.free_energy(plain)) < float(ju.free_energy(sol))


def test_gauge_invariance_in_a_uniform_field(disk):
    """Two gauges of the same field: the same |Delta|, free energy and current."""
    found = []
    for gauge in ("symmetric", "y"):
        device = ju.Device(
            mesh=disk.mesh, materials=disk.materials, vector_potential=ju.uniform_field(0.1, gauge=gauge)
        )
        found.append(ju.solve(device, T=0.3, frequencies=3, tol=1e-12, gap_tol=1e-10, **CONSISTENT))
    one, other = found
    assert largest(one) > 1.0
    assert np.abs(ju.charge_current(one)).max() > 0.1
    np.testing.assert_allclose(np.abs(one.Delta), np.abs(other.Delta), atol=1e-8)
    np.testing.assert_allclose(ju.charge_current(one), ju.charge_current(other), atol=1e-7)
    assert float(ju.free_energy(one)) == pytest.approx(float(ju.free_energy(other)), rel=1e-10)


def test_a_ring_with_a_phase_carries_the_current_of_a_film():
    """Periodic in x with the phase q L: the self-consistent state is the homogeneous film's."""
    q, ring = 0.5, ju.rectangle(1.2, 0.4, 0.3)
    device = ju.Device(mesh=ring, materials=ju.Material(), boundaries={"right": ju.Periodic("left", phase=1.2 * q)})
    sol = ju.solve(device, T=0.4, frequencies=40, **CONSISTENT)
    film = ju.film_state(ju.Material(), 0.4, q=(q, 0.0))
    assert np.abs(sol.Delta) == pytest.approx(film.Delta, rel=1e-3)
    current = np.asarray(ju.charge_current(sol))[:, 0] @ ring.areas / ring.areas.sum()
    assert current == pytest.approx(film.current[0], rel=5e-3)


# --- guesses and refusals ----------------------------------------------------------------------------


def test_guess_follows_the_phases_of_the_electrodes():
    device = strip(phase=2.0)
    psi = phase_factor(device)
    np.testing.assert_allclose(np.abs(psi), 1.0, atol=1e-12)
    middle = np.isclose(STRIP.points[:, 0], 1.5)
    np.testing.assert_allclose(np.angle(psi[middle]), 1.0, atol=1e-6)
    guess = np.abs(bulk_with_phases(device, 0.3))
    assert guess[STRIP.points[:, 0] < 0.8] == pytest.approx(ju.bulk_gap(0.3))
    assert guess[STRIP.points[:, 0] > 2.2] == pytest.approx(ju.bulk_gap(0.3, 1.3))
    assert np.all(guess[middle] == 0)


def test_a_soliton_near_the_transition_is_a_saddle():
    """Ginzburg and Landau: the odd kink across a long strip has the eigenvalue -(1 - T/Tc)/2."""
    length, T = 400.0, 0.999
    mesh = ju.rectangle(length, 5.0, 5.0, x=np.linspace(0, length, 81), y=[0, 5.0])
    xi = np.sqrt(np.pi / 8 / (1 - T))
    kink = lambda p: ju.bulk_gap(T) * np.tanh((p[:, 0] - length / 2) / (np.sqrt(2) * xi))  # noqa: E731
    with pytest.warns(ju.UnstableStateWarning):
        sol = ju.solve(ju.Device(mesh=mesh, materials=ju.Material()), T, "self-consistent", start=kink, frequencies=6)
    assert sol.stats["state"] == "unstable"
    assert sol.stats["gap_eigenvalue"] == pytest.approx(-(1 - T) / 2, rel=0.1)


def test_guess_in_a_gauge_has_no_current():
    """In a pure gauge A = grad chi the lowest mode is exp(2 i chi)."""
    A = lambda p: jnp.stack([0.7 + 0 * p[:, 0], jnp.cos(p[:, 1])], axis=1)  # noqa: E731
    device = ju.Device(mesh=STRIP, materials=ju.Material(), vector_potential=A)
    chi = 0.7 * STRIP.points[:, 0] + np.sin(STRIP.points[:, 1])
    turned = phase_factor(device) * np.exp(-2j * chi)
    np.testing.assert_allclose(turned, turned[0], atol=1e-6)


BILAYER = ju.with_cut_between(
    ju.rectangle(
        2.0, 0.6, 0.4, x=np.linspace(0, 2, 7), regions={"a": lambda c: c[:, 0] < 1, "b": lambda c: c[:, 0] > 1}
    ),
    "a",
    "b",
    "cut",
)


@pytest.mark.parametrize("conductance", [0.0, 0.05, 1.0])
@pytest.mark.parametrize("boundary", [{"left": ju.Reservoir(1.5, phase=0.4)}, {}])
def test_guess_has_the_same_phase_on_both_sides_of_a_barrier(boundary, conductance):
    """Not an arbitrary one, nor zero, on the side that no electrode touches."""
    for A in (None, lambda p: jnp.stack([0.3 * p[:, 1], 0 * p[:, 0]], axis=1)):
        ends = boundary | {"cut": ju.Interface(conductance)}
        device = ju.Device(mesh=BILAYER, materials=ju.Material(), boundaries=ends, vector_potential=A)
        psi = phase_factor(device)
        assert np.abs(psi).min() > 0.9
        turned = np.angle(psi[:, None] / psi)
        assert np.abs(turned).max() < 0.5
        if boundary:
            assert np.abs(np.angle(psi / np.exp(0.4j))).max() < 0.5


def test_guess_drops_the_phase_at_a_weak_barrier():
    ends = {"left": ju.Reservoir(1.5), "right": ju.Reservoir(1.5, phase=2.0), "cut": ju.Interface(0.01)}
    psi = phase_factor(ju.Device(mesh=BILAYER, materials=ju.Material(), boundaries=ends))
    a, b = (np.unique(BILAYER.triangles[BILAYER.regions[name]]) for name in "ab")
    a = a[BILAYER.points[a, 0] < 0.9]
    b = b[BILAYER.points[b, 0] > 1.1]
    assert np.abs(np.angle(psi[a])).max() < 0.05
    assert np.abs(np.angle(psi[b]) - 2.0).max() < 0.05


def test_two_superconductors_with_a_barrier_settle_in_their_ground_state():
    """One electrode, or none: no vortex, no phase slip, no normal half."""
    materials = {"a": ju.Material(Tc=1.0), "b": ju.Material(D=2.0, nu=0.7, Tc=1.2)}
    for boundary in ({"left": ju.Reservoir(1.5, phase=0.4)}, {}):
        device = ju.Device(mesh=BILAYER, materials=materials, boundaries=boundary | {"cut": ju.Interface(0.05)})
        sol = ju.solve(device, T=0.3, frequencies=4, **CONSISTENT)
        assert sol.stats["state"] == "superconducting"
        assert np.abs(sol.Delta).min() > 1.0
        np.testing.assert_allclose(np.angle(sol.Delta), 0.4 if boundary else 0.0, atol=1e-6)


def test_normal_metals_have_no_gap_equation():
    device = ju.Device(mesh=TINY, materials=ju.Material(Tc=0.0))
    with pytest.raises(ValueError, match=r"a region with Tc > 0; every Tc is 0 here: .* pair_potential=0\.0"):
        ju.solve(device, T=0.3, **CONSISTENT)


@pytest.mark.parametrize("tol", [0.0, -1e-8, np.nan, "tight"])
def test_a_tolerance_of_the_gap_equation_is_a_positive_number(tol):
    with pytest.raises(ValueError, match=r"gap_tol = .*; expected a residual relative to the bulk gap"):
        solve_bulk(0.5, gap_tol=tol)


def test_too_few_frequencies_are_refused():
    with pytest.raises(ValueError, match=r"the frequencies end at 0.314, too low for the gap equation"):
        solve_bulk(0.1, frequencies=([0.314], [1.0]))


def test_a_gap_equation_that_does_not_converge_says_so(monkeypatch):
    monkeypatch.setattr(gap.equation, "MAX_STEPS", 1)
    with pytest.raises(ju.SolveError, match=r"the gap equation did not converge in 1 steps: residual .* wanted 1e-08"):
        solve_bulk(0.5, start=0.4)


def test_what_did_not_converge_can_be_had_and_accepted(monkeypatch):
    monkeypatch.setattr(gap.equation, "MAX_STEPS", 3)
    with pytest.raises(
        ju.SolveError, match=r"wanted 1e-14 \(gap_tol\); .* gap_tol=\S+ accepts what was found"
    ) as error:
        solve_bulk(0.5, start=1.6, gap_tol=1e-14)
    enough = float(str(error.value).split("gap_tol=")[1].split()[0])
    sol = solve_bulk(0.5, start=1.6, gap_tol=1e-14, throw=False)
    assert (sol.stats["state"], sol.converged.any()) == ("not converged", False)
    assert 1e-14 < sol.stats["gap_residual"] < enough
    assert "self-consistent: not converged" in repr(sol)
    assert "0 of 30 certified" in repr(sol)
    assert solve_bulk(0.5, start=1.6, gap_tol=enough).stats["state"] == "superconducting"


def test_progress_tells_the_residual():
    lines = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        solve_bulk(0.5, start=1.0, progress=lines.append)
    assert any(line.startswith("gap equation: step 1, residual ") for line in lines)
