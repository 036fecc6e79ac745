"""Superconducting electrodes of screened devices: Josephson penetration, Ampere's law, energies, gauges."""

import warnings
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_bvp

import jusadel as ju
from jusadel.mesh.topology import edge_rows
from jusadel.studies.screening.edge_elements import edge_space, open_edges, signed_rows
from jusadel.studies.screening.model import forces_and_london

pytestmark = [pytest.mark.filterwarnings("ignore:the mesh is too coarse")]
T = 0.5
DELTA = ju.bulk_gap(T)
DIRECT = {"linear_solver": ju.linear.SuperLU(), "frequencies": 4, "tol": 1e-12}
D = 0.5
"""Between the electrodes of a junction: short, so that the current density depends on the phase there alone."""


def junction(mesh, phase=0.0, A=None, right=ju.Reservoir):
    """Normal metal between two electrodes."""
    leads = {"left": ju.Reservoir(DELTA), "right": right(DELTA, phase=phase)}
    return ju.Device(mesh=mesh, materials=ju.Material(Tc=0.0), boundaries=leads, vector_potential=A)


def screened(device, H, permeability, **options):
    return ju.solve_screened(device, T, H, permeability, 0.0, gap_tol=1e-11, **DIRECT, **options)


def current(sol, name="right"):
    return float(ju.current_through(sol, name))


# --- a wide junction: the equation of Ferrell and Prange --------------------------------------------------

WIDTH, ROWS = 12.0, 30
WIDE = ju.rectangle(D, WIDTH, 9.0, x=np.linspace(0, D, 4), y=np.linspace(0, WIDTH, ROWS + 1))


@pytest.fixture(scope="module")
def density():
    """j(phase) of the junction, as the sines of its own current without a field."""
    phases = np.pi * np.arange(1, 6) / 6
    j = [current(ju.solve(junction(WIDE, phase), T, 0.0, **DIRECT)) / WIDTH for phase in phases]
    parts = np.linalg.solve(np.sin(np.outer(phases, np.arange(1, 6))), j)
    return lambda phase: np.sin(np.multiply.outer(phase, np.arange(1, 6))) @ parts


def permeability_for(density, length):
    """With this penetration depth of small phases, 1/lambda_J^2 = 2 mu0 d dj/dphase."""
    return 1 / (2 * D * length**2 * (density(1e-4) / 1e-4))


def josephson(density, permeability, phase, H):
    """phase(y) and its slope from phase'' = 2 mu0 d j(phase), with the means of both ends given: phase' = 2 d B."""
    ends = lambda a, b: np.array([(a[0] + b[0]) / 2 - phase, (a[1] + b[1]) / 2 - 2 * D * H])  # noqa: E731
    slope = lambda y, f: np.stack([f[1], 2 * permeability * D * density(f[0])])  # noqa: E731
    y = np.linspace(0, WIDTH, 201)
    found = solve_bvp(slope, ends, y, np.stack([phase + 0 * y, 0 * y]), tol=1e-8, max_nodes=10000)
    assert found.success
    return found.sol


@pytest.mark.parametrize(("phase", "H"), [(1.6, 0.0), (0.0, 0.3), (1.0, 0.4)])
def test_fields_and_currents_penetrate_a_wide_junction(density, phase, H):
    permeability = permeability_for(density, 3.0)
    sol = screened(junction(WIDE, phase), H, permeability)
    exact = josephson(density, permeability, phase, H)
    y = np.asarray(WIDE.centroids)[:, 1]
    B = exact(y)[1] / (2 * D)
    np.testing.assert_allclose(sol.magnetic_field, B, atol=0.02 * np.abs(B).max())
    total = np.diff(exact(np.array([0.0, WIDTH]))[1])[0] / (2 * D * permeability)
    assert current(sol) == pytest.approx(total, abs=0.01 * WIDTH * density(1.6))
    assert current(sol, "left") == pytest.approx(-current(sol), abs=1e-8)


# --- a small junction -------------------------------------------------------------------------------------

SIZE, PHASE, MU, FIELD = 1.0, 1.0, 1.5, 1.2
SMALL = ju.rectangle(SIZE, SIZE, 9.0, x=np.linspace(0, SIZE, 5), y=np.linspace(0, SIZE, 5))


@pytest.fixture(scope="module")
def strong():
    return screened(junction(SMALL, PHASE), FIELD, MU)


@pytest.mark.parametrize("quanta", [0.0, 0.5, 1.0])
def test_weak_currents_leave_the_field_as_it_is(quanta):
    """The junction's pattern in a field that is given: the same current with a small permeability."""
    H = quanta * np.pi / SIZE**2
    given = ju.solve(junction(SMALL, PHASE, ju.uniform_field(H)), T, 0.0, **DIRECT)
    sol = screened(junction(SMALL, PHASE), H, 1e-6)
    np.testing.assert_allclose(sol.magnetic_field, H, atol=1e-5)
    assert current(sol) == pytest.approx(current(given), abs=1e-6)


def test_own_field_of_the_current():
    """What the currents of a given field add to it, by Ampere's law: to first order in the permeability."""
    given, mu = ju.solve(junction(SMALL, PHASE), T, 0.0, **DIRECT), 1e-5
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        own = ju.self_field(given, mu)
    sol = screened(junction(SMALL, PHASE), 0.0, mu)
    np.testing.assert_allclose(sol.magnetic_field, own, atol=1e-4 * np.abs(own).max())


def test_half_the_current_is_the_derivative_of_the_energy(strong):
    ends = [screened(junction(SMALL, PHASE + step), FIELD, MU).gibbs_energy for step in (1e-3, -1e-3)]
    assert (ends[0] - ends[1]) / 2e-3 == pytest.approx(current(strong) / 2, rel=1e-6)
    assert abs(current(strong)) < 0.9 * abs(current(screened(junction(SMALL, PHASE), FIELD, 1e-6)))


def test_moment_is_the_derivative_of_the_energy(strong):
    ends = [screened(junction(SMALL, PHASE), FIELD + step, MU).gibbs_energy for step in (1e-3, -1e-3)]
    assert (ends[0] - ends[1]) / 2e-3 == pytest.approx(-strong.magnetic_moment, rel=1e-6)


def outer_fields(sol):
    """The field outside of each outer edge by Ampere's law in it, that inside less mu0 times the current between."""
    mesh, device = sol.mesh, replace(sol.device, vector_potential=None)
    space = edge_space(device, sol.system)
    weights = jnp.asarray(np.pi * T * sol.weights)
    forces = space.along_cells.T @ np.asarray(forces_and_london(sol.system, sol.all_G, weights)[0]).ravel()
    row, sign = signed_rows(mesh, outer := open_edges(device))
    inside = space.curl.T @ (space.areas * np.append(sol.magnetic_field, sol.hole_fields))
    return outer, sign * (inside + sol.permeability * forces)[row]


def on(outer, mesh, *names):
    given = np.concatenate([mesh.boundaries[name] for name in names])
    return np.isin(edge_rows(mesh.edges, outer), edge_rows(mesh.edges, given))


def test_fields_on_both_sides_differ_by_the_current(strong):
    outer, B = outer_fields(strong)
    below, above = (B[on(outer, SMALL, name)] for name in ("bottom", "top"))
    np.testing.assert_allclose(below, FIELD - MU * current(strong) / 2, atol=1e-8)
    np.testing.assert_allclose(above, FIELD + MU * current(strong) / 2, atol=1e-8)


def crossed(points):
    """A gradient that vanishes along the electrodes, and the phase difference as a uniform A."""
    x, y = jnp.asarray(points).T
    return jnp.stack([0.3 * (SIZE - 2 * x) * y - PHASE / (2 * SIZE), 0.3 * x * (SIZE - x)], axis=1)


def test_gauges_and_ways_to_state_the_phase(strong):
    """In A instead of the electrodes; by a phase that varies along one of them; of both electrodes."""
    along_y = lambda p: PHASE + 2 * FIELD * SIZE * (p[:, 1] - SIZE / 2)  # noqa: E731
    shifted = ju.Device(
        mesh=SMALL,
        materials=ju.Material(Tc=0.0),
        boundaries={"left": ju.Reservoir(DELTA, phase=2.0), "right": ju.Reservoir(DELTA, phase=2.0 + PHASE)},
    )
    for device in (
        junction(SMALL, 0.0, crossed),
        junction(SMALL, along_y, ju.uniform_field(FIELD, gauge="y")),
        junction(SMALL, PHASE, ju.uniform_field(FIELD)),
        shifted,
    ):
        other = screened(device, FIELD, MU)
        assert current(other) == pytest.approx(current(strong), rel=1e-10)
        assert other.gibbs_energy == pytest.approx(strong.gibbs_energy, rel=1e-10)
        np.testing.assert_allclose(other.magnetic_field, strong.magnetic_field, atol=1e-10)
    again = screened(strong.device, FIELD, MU, start=strong)
    assert again.stats["screening_steps"] == 0


def test_derivatives(strong):
    """Of the field, by the phase, H, the permeability and the gauge, against differences."""

    def found(phase, H, mu, slope):
        along_x = lambda p: jnp.stack([slope + 0 * p[:, 0], 0 * p[:, 0]], axis=1)  # noqa: E731
        return screened(junction(SMALL, phase, along_x), H, mu).magnetic_field[3]

    at = np.array([PHASE, FIELD, MU, 0.0])
    slopes = np.array(jax.grad(found, argnums=(0, 1, 2, 3))(*at))
    for slope, step in zip(slopes, 1e-3 * np.eye(4), strict=True):
        a, b, c, d = (float(found(*(at + n * step))) for n in (-2, -1, 1, 2))
        assert slope == pytest.approx((8 * (c - b) - (d - a)) / 12e-3, rel=1e-6)
    assert slopes[3] == pytest.approx(-2 * SIZE * slopes[0], rel=1e-8)


def test_a_barrier_before_an_electrode():
    behind = lambda Delta, phase: ju.Tunnel(ju.Reservoir(Delta, phase=phase), conductance=3.0)  # noqa: E731
    at = lambda phase: screened(junction(SMALL, phase, right=behind), FIELD, MU)  # noqa: E731
    sol, ends = at(PHASE), [at(PHASE + step).gibbs_energy for step in (1e-3, -1e-3)]
    assert (ends[0] - ends[1]) / 2e-3 == pytest.approx(current(sol) / 2, rel=1e-6)
    assert current(sol, "left") == pytest.approx(-current(sol), abs=1e-8)
    outer, B = outer_fields(sol)
    np.testing.assert_allclose(B[on(outer, SMALL, "top")], FIELD + MU * current(sol) / 2, atol=1e-8)


# --- three electrodes, and superconductors between ---------------------------------------------------------


def test_three_electrodes():
    """The fields on the sides have the mean H and differ by the currents; these add up to nothing."""
    names = ("left", "right", "top")
    middle = np.asarray(SMALL.points)[SMALL.boundaries["top"], 0].mean(axis=1)
    mesh = SMALL.with_boundaries({"top": SMALL.boundaries["top"][np.abs(middle - SIZE / 2) < 0.3 * SIZE]})
    leads = {name: ju.Reservoir(DELTA, phase=p) for name, p in zip(names, (0.0, 1.0, 2.0), strict=True)}
    device = ju.Device(mesh=mesh, materials=ju.Material(Tc=0.0), boundaries=leads)
    sol = screened(device, FIELD, MU)
    found = {name: current(sol, name) for name in names}
    assert sum(found.values()) == pytest.approx(0, abs=1e-8)
    outer, B = outer_fields(sol)
    ends = np.asarray(mesh.points)[outer].mean(axis=1)
    vacuum = ~on(outer, mesh, *names)
    right, left, below = (
        (vacuum & (ends @ n > c)).nonzero()[0] for n, c in (((1, 1), 1.5), ((-1, 1), 0.5), ((0, -1), -0.1))
    )
    fields = [B[k].mean() for k in (below, right, left)]
    for k, own in zip((below, right, left), fields, strict=True):
        np.testing.assert_allclose(B[k], own, atol=1e-8)
    assert np.mean(fields) == pytest.approx(FIELD, abs=1e-8)
    jumps = fields[1] - fields[0], fields[2] - fields[1], fields[0] - fields[2]
    np.testing.assert_allclose(jumps, [MU * found[name] for name in ("right", "top", "left")], atol=1e-8)


# --- refusals ---------------------------------------------------------------------------------------------


def test_electrodes_whose_current_has_no_way_back_are_refused():
    lead = ju.Reservoir(DELTA)
    metal = ju.Material(Tc=0.0)
    whole = SMALL.boundaries["left"]
    cases = [
        (SMALL, {"bottom": lead, "right": ju.Periodic("left")}, r"boundaries \['right'\] are periodic and electrodes"),
        (SMALL.with_boundaries({"left": whole[[0, 3]]}), {"left": lead}, r"'left' has 2 pieces"),
        (SMALL, {"left": lead, "bottom": lead}, r"electrodes '.*' and '.*' touch each other"),
        (ju.ring(0.5, 1.0, 0.4), {"inner": lead}, r"'inner' lies in a hole or inside of the sample"),
    ]
    for mesh, boundaries, message in cases:
        device = ju.Device(mesh=mesh, materials=metal, boundaries=boundaries)
        with pytest.raises(ValueError, match=message):
            screened(device, 0.1, MU)


HALVES = ju.rectangle(1.0, 1.0, 0.5, x_lines=[0.5], regions={"a": (0, 0.5), "b": (0.5, 1)})
CUT = ju.with_cut_between(HALVES, "a", "b", "wall")


def through_a_wall(pair_potential):
    leads = {"left": ju.Reservoir(DELTA), "right": ju.Reservoir(DELTA, phase=1.0), "wall": ju.Interface(1.0)}
    device = ju.Device(mesh=CUT, materials=ju.Material(), boundaries=leads)
    return ju.solve_screened(device, T, 0.1, 1.0, pair_potential, gap_tol=1e-11, **DIRECT)


@pytest.mark.parametrize("given", [DELTA, 1j * DELTA])
def test_a_phase_across_a_barrier_is_not_given(given):
    """It would keep the phase there as it is: through the barrier went a thousandth of what runs up to it."""
    with pytest.raises(ValueError, match=r"not zero on both sides of the barrier 'wall': how the phase changes"):
        through_a_wall(given)


@pytest.mark.parametrize("found", [{"a": DELTA, "b": 0.0}, "self-consistent"])
def test_the_current_goes_through_the_barrier(found):
    sol = through_a_wall(found)
    assert current(sol) > 0.1
    assert current(sol, "wall") == pytest.approx(current(sol), rel=1e-7)
    assert current(sol, "left") == pytest.approx(-current(sol), rel=1e-7)
