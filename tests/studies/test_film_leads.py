"""Superconducting electrodes of thin films: energies, gauges, strips that carry currents, given currents."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jusadel as ju
from jusadel.studies.screening.thin_film import induction

pytestmark = [pytest.mark.filterwarnings("ignore:the mesh is too coarse")]
T = 0.5
DELTA = ju.bulk_gap(T)
DIRECT = {"linear_solver": ju.linear.SuperLU(), "frequencies": 2, "tol": 1e-12}
THIN = 2e-3
FILM = {"model": "film", "thickness": THIN, "gap_tol": 1e-11} | DIRECT
SIZE, PHASE, MU, FIELD = 1.0, 1.0, 3.0 / THIN, 1.2
LINES = np.linspace(0, SIZE, 5)
SMALL = ju.rectangle(SIZE, SIZE, 9.0, x=LINES, y=LINES)


def junction(phase=0.0, A=None, right=ju.Reservoir, **material):
    """Normal metal between two electrodes."""
    leads = {"left": ju.Reservoir(DELTA), "right": right(DELTA, phase=phase)}
    return ju.Device(mesh=SMALL, materials=ju.Material(Tc=0.0, **material), boundaries=leads, vector_potential=A)


def screened(device, H=FIELD, permeability=MU, **options):
    return ju.solve_screened(device, T, H, permeability, 0.0, **FILM | options)


def current(sol, name="right"):
    return float(ju.current_through(sol, name))


def on(sol, name):
    """The stream function on a side."""
    return np.asarray(sol.stream_function)[sol.mesh.boundary_nodes(name)]


@pytest.fixture(scope="module")
def strong():
    return screened(junction(PHASE))


# --- a small junction -------------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", [0.4, 1.0, 2.2])
def test_weak_currents_leave_the_field_as_it_is(phase):
    """The solution in a field that is given, but for what is of first order in the permeability, taken away."""
    given = current(ju.solve(junction(phase, ju.uniform_field(FIELD)), T, 0.0, **DIRECT))
    once, twice = (current(screened(junction(phase), permeability=mu)) for mu in (5e-6 / THIN, 1e-5 / THIN))
    assert 1e-6 < abs(once - given) < 1e-4
    assert 2 * once - twice == pytest.approx(given, abs=1e-4 * abs(once - given))


def test_half_the_current_is_the_derivative_of_the_energy(strong):
    ends = [screened(junction(PHASE + step)).gibbs_energy for step in (1e-3, -1e-3)]
    assert (ends[0] - ends[1]) / 2e-3 == pytest.approx(current(strong) / 2, rel=1e-6)
    assert abs(current(strong)) < 0.5 * abs(current(screened(junction(PHASE), permeability=1e-6 / THIN)))


def test_moment_is_the_derivative_of_the_energy(strong):
    ends = [screened(junction(PHASE), FIELD + step).gibbs_energy for step in (1e-3, -1e-3)]
    assert (ends[0] - ends[1]) / 2e-3 == pytest.approx(-strong.magnetic_moment, rel=1e-6)


def test_what_flows_in_flows_out(strong):
    """And is the step of the stream function from one insulating side to the other, to the order of the mesh."""
    assert current(strong, "left") == pytest.approx(-current(strong), abs=1e-9)
    below, above = on(strong, "bottom"), on(strong, "top")
    assert np.ptp(below) == np.ptp(above) == 0
    assert above[0] - below[0] == pytest.approx(current(strong), rel=0.03)
    K = np.asarray(SMALL.areas) @ strong.sheet_current[:, 0]
    assert pytest.approx(SIZE * current(strong), rel=0.03) == K


def test_what_is_turned_round_flows_back(strong):
    other = screened(junction(-PHASE), -FIELD)
    assert current(other) == pytest.approx(-current(strong), rel=1e-10)
    assert other.gibbs_energy == pytest.approx(strong.gibbs_energy, rel=1e-10)
    np.testing.assert_allclose(other.magnetic_field, -strong.magnetic_field, atol=1e-10)


def applied_with_a_gradient(points):
    x, y = points[:, 0], points[:, 1]
    return ju.uniform_field(FIELD, gauge="x")(points) + jnp.stack([0.3 + 0.2 * y, 0.2 * x], axis=1)


def stated_with_a_gradient(points):
    """A gradient that vanishes along the electrodes, and the phase difference as a uniform A."""
    x, y = jnp.asarray(points).T
    return jnp.stack([0.3 * (SIZE - 2 * x) * y - PHASE / (2 * SIZE), 0.3 * x * (SIZE - x)], axis=1)


def test_gauges_and_ways_to_state_the_phase(strong):
    """Of the applied field; of the phases: in A, by one that varies along an electrode, of both electrodes."""
    along_y = lambda p: PHASE + 2 * FIELD * SIZE * (p[:, 1] - SIZE / 2)  # noqa: E731
    leads = {"left": ju.Reservoir(DELTA, phase=2.0), "right": ju.Reservoir(DELTA, phase=2.0 + PHASE)}
    for device, H in (
        (strong.device, applied_with_a_gradient),
        (junction(PHASE), applied_with_a_gradient),
        (junction(PHASE, ju.uniform_field(FIELD)), FIELD),
        (junction(0.0, stated_with_a_gradient), FIELD),
        (junction(along_y, ju.uniform_field(FIELD, gauge="y")), FIELD),
        (replace(junction(), boundaries=leads), FIELD),
    ):
        other = screened(device, H)
        assert current(other) == pytest.approx(current(strong), rel=1e-10)
        assert other.gibbs_energy == pytest.approx(strong.gibbs_energy, rel=1e-10)
        np.testing.assert_allclose(other.magnetic_field, strong.magnetic_field, atol=1e-10)


def test_a_state_that_was_found_is_a_start_and_a_file(strong, tmp_path):
    ju.save(strong, tmp_path / "film.npz")
    stored = ju.load(tmp_path / "film.npz")
    np.testing.assert_array_equal(stored.device.vector_potential.stated, strong.device.vector_potential.stated)
    for device, start in ((junction(PHASE), strong), (strong.device, None), (stored.device, stored)):
        again = screened(device, start=start)
        assert again.stats["screening_steps"] == 0
        assert current(again) == pytest.approx(current(strong), rel=1e-9)
    assert current(ju.solve(strong.device, T, 0.0, **DIRECT)) == pytest.approx(current(strong), rel=1e-9)


def test_a_barrier_before_an_electrode():
    behind = lambda Delta, phase: ju.Tunnel(ju.Reservoir(Delta, phase=phase), conductance=3.0)  # noqa: E731
    at = lambda phase: screened(junction(phase, right=behind))  # noqa: E731
    sol, ends = at(PHASE), [at(PHASE + step).gibbs_energy for step in (1e-3, -1e-3)]
    assert (ends[0] - ends[1]) / 2e-3 == pytest.approx(current(sol) / 2, rel=1e-6)
    assert current(sol, "left") == pytest.approx(-current(sol), abs=1e-9)
    assert on(sol, "top")[0] - on(sol, "bottom")[0] == pytest.approx(current(sol), rel=0.05)


def test_three_electrodes():
    """Currents that add up to nothing, each twice the derivative of the energy and the step between its two sides."""
    middle = np.asarray(SMALL.points)[SMALL.boundaries["top"], 0].mean(axis=1)
    mesh = SMALL.with_boundaries({"top": SMALL.boundaries["top"][np.abs(middle - SIZE / 2) < 0.3 * SIZE]})
    names = "left", "right", "top"

    def at(*phases):
        leads = {name: ju.Reservoir(DELTA, phase=p) for name, p in zip(names, phases, strict=True)}
        return screened(ju.Device(mesh=mesh, materials=ju.Material(Tc=0.0), boundaries=leads))

    sol = at(0.0, 1.0, 2.0)
    found = {name: current(sol, name) for name in names}
    assert sum(found.values()) == pytest.approx(0, abs=1e-9)
    for k, step in enumerate(1e-3 * np.eye(3)):
        ends = [at(*(np.arange(3.0) + way * step)).gibbs_energy for way in (1, -1)]
        assert (ends[0] - ends[1]) / 2e-3 == pytest.approx(found[names[k]] / 2, rel=1e-6)
    g, points = np.asarray(sol.stream_function), np.asarray(mesh.points)
    below, right, left = (g[np.linalg.norm(points - at, axis=1).argmin()] for at in ([0.5, 0], [1, 1], [0, 1]))
    jumps = dict(zip(("right", "top", "left"), (right - below, left - right, below - left), strict=True))
    for name, jump in jumps.items():  # on this mesh, of currents that crowd at the ends of electrodes
        assert 0.4 < jump / found[name] < 1


def test_a_self_consistent_film():
    """The pair potential gives way, and phase and current stay conjugates."""
    leads = {"left": ju.Reservoir(DELTA), "right": ju.Reservoir(DELTA, phase=PHASE)}
    device = ju.Device(mesh=SMALL, materials=ju.Material(Gamma=0.1), boundaries=leads)

    def at(phase, start=None):
        there = replace(device, boundaries=leads | {"right": ju.Reservoir(DELTA, phase=phase)})
        return ju.solve_screened(there, T, 0.3, MU, start=start, **FILM)

    sol = at(PHASE)
    assert sol.stats["state"] == "superconducting"
    assert np.ptp(np.abs(sol.Delta)) > 1e-3 * DELTA
    ends = [at(PHASE + step, sol).gibbs_energy for step in (1e-3, -1e-3)]
    assert (ends[0] - ends[1]) / 2e-3 == pytest.approx(current(sol) / 2, rel=1e-6)
    assert current(sol, "left") == pytest.approx(-current(sol), abs=1e-8)


def test_sums_over_triangles_do_as_matrices(strong, monkeypatch):
    monkeypatch.setattr(induction, "DENSE", 0)
    sol = screened(junction(PHASE))
    assert current(sol) == pytest.approx(current(strong), rel=1e-4)
    np.testing.assert_allclose(sol.stream_function, strong.stream_function, atol=1e-3 * abs(current(strong)))


def test_own_field_of_the_current():
    """What the currents of a solution without a field of their own add to it, to first order in the permeability."""
    given = ju.solve(junction(PHASE), T, 0.0, **DIRECT)
    own = ju.self_field(given, 1e-5, model="film", thickness=THIN)
    sol = screened(junction(PHASE), 0.0, 1e-5)
    np.testing.assert_allclose(sol.magnetic_field, own, atol=1e-4 * np.abs(own).max())


# --- a strip that carries a current -----------------------------------------------------------------------

LENGTH, WIDTH, SLIGHT = 3.0, 1.0, 1e-3
EVENLY = np.linspace(0, WIDTH, 9)
ACROSS = EVENLY - 0.1 * WIDTH * np.sin(2 * np.pi * EVENLY / WIDTH)
STRIP = ju.rectangle(LENGTH, WIDTH, 9.0, x=np.linspace(0, LENGTH, 15), y=ACROSS)
STIFF = 2 * np.pi * DELTA * np.tanh(DELTA / (2 * T))
"""1/(mu0 lambda^2) in the dirty limit."""


def strip(Lambda):
    """A superconductor with this Pearl length and a slight phase difference."""
    leads = {"left": ju.Reservoir(DELTA), "right": ju.Reservoir(DELTA, phase=SLIGHT)}
    device = ju.Device(mesh=STRIP, materials=ju.Material(), boundaries=leads)
    return ju.solve_screened(device, T, 0.0, 2 / (STIFF * Lambda * THIN), DELTA, **FILM)


@pytest.fixture(scope="module")
def uniform():
    return strip(1e3 * WIDTH)


def partial_inductance(length, width):
    """Int Int dA dA'/(4 pi r) over width^2 of a rectangle, of a tape (Ruehli, IBM J. Res. Dev. 16, 470 (1972))."""
    u = length / width
    first = 3 * np.log(u + np.sqrt(u**2 + 1)) + u**2 + 1 / u + 3 * u * np.log(1 / u + np.sqrt(1 / u**2 + 1))
    return length / (6 * np.pi) * (first - (u ** (4 / 3) + u ** (-2 / 3)) ** 1.5)


def test_inductances_of_a_wide_spread_current(uniform):
    """Kinetic, by half the phase over the current; geometric, by the energy of the field."""
    own, mu = current(uniform), uniform.permeability * THIN
    geometric = mu * partial_inductance(LENGTH, WIDTH)
    assert 2 * uniform.magnetic_energy / own**2 == pytest.approx(geometric, rel=2e-4)
    assert SLIGHT / 2 / own == pytest.approx(LENGTH / WIDTH / STIFF + geometric, rel=2e-3)


def test_stray_field_of_a_current(uniform):
    """Above its middle the field of a rectangle by Biot and Savart: against y where the current is along x."""
    z, own = 0.1, current(uniform)
    assert own > 0
    sheet = 4 * np.arctan(LENGTH * WIDTH / (2 * z * np.sqrt(LENGTH**2 + WIDTH**2 + 4 * z**2)))
    found = ju.stray_field(uniform, [[LENGTH / 2, WIDTH / 2]], z)[0] / (uniform.permeability * THIN * own / WIDTH)
    np.testing.assert_allclose(found, [0, -sheet / (4 * np.pi), 0], atol=1e-4)


def crowded(Lambda, y, edges):
    """mu0 K of a long strip for a unit current at y, by (Lambda/2) K - (1/2 pi) Int K ln|y - y'| dy' = const."""
    a, b = edges[:-1] - y[:, None], edges[1:] - y[:, None]
    logarithms = b * (np.log(np.abs(b)) - 1) - a * (np.log(np.abs(a)) - 1)
    K = np.linalg.solve(Lambda / 2 * np.eye(len(y)) - logarithms / (2 * np.pi), np.ones(len(y)))
    return K / (K @ np.diff(edges))


@pytest.mark.parametrize(("Lambda", "accuracy"), [(0.05, 0.02), (0.5, 0.01)])
def test_current_across_a_strip(Lambda, accuracy):
    """Far from its ends by the integral equation of a long one; where it screens, 1/(pi sqrt(w^2/4 - x^2))."""
    sol = strip(Lambda * WIDTH)
    edges = WIDTH / 2 * (1 - np.cos(np.linspace(0, np.pi, 201)))
    y = (edges[1:] + edges[:-1]) / 2
    flowing = np.concatenate([[0.0], np.cumsum(crowded(Lambda * WIDTH, y, edges) * np.diff(edges))])
    points, g = np.asarray(STRIP.points), np.asarray(sol.stream_function) - on(sol, "bottom")[0]
    middle = np.flatnonzero(np.abs(points[:, 0] - LENGTH / 2) < 1e-9)
    total = on(sol, "top")[0] - on(sol, "bottom")[0]
    expected = np.interp(points[middle, 1], edges, flowing)
    np.testing.assert_allclose(g[middle] / total, expected, atol=accuracy)
    assert total == pytest.approx(current(sol), rel=accuracy / 2)
    if Lambda < 0.1:
        np.testing.assert_allclose(g[middle] / total, np.arccos(1 - 2 * points[middle, 1] / WIDTH) / np.pi, atol=0.05)


# --- a weak link between banks that are thin and wide -----------------------------------------------------

LINK, BANK = 0.08, 1.5


def phase_of_banks(y, B):
    """Along a link between half-infinite strips of width 1 and long Pearl length, by London's equation as a series.

    K = curl(g z) with laplace g = 2 B/(mu0 Lambda), g = 0 all round; Clem, PRB 81, 144515 (2010), here with the flux
    quantum pi: 28 zeta(3) w^2 B/pi^3 from end to end, beside what goes through the link itself.
    """
    k = np.pi * (2 * np.arange(200) + 1)
    return 16 * B * np.sin(np.outer(y, k)) @ ((-1.0) ** np.arange(200) / k**3) + 2 * B * LINK * y


def test_the_field_that_banks_turn_into_a_link():
    """The critical current of a weak link in a film: its pattern is that of the width squared."""
    near = BANK * np.linspace(0, 1, 8) ** 1.7
    x = np.concatenate([BANK - near[::-1], BANK + LINK * np.arange(1, 5) / 4, BANK + LINK + near[1:]])
    banks = {"S": lambda p: np.abs(p[:, 0] - BANK - LINK / 2) > LINK / 2, "N": (BANK, BANK + LINK)}
    mesh = ju.rectangle(x[-1], 1.0, 9.0, x=x, y=np.linspace(0, 1, 9), regions=banks)
    weak = {"S": ju.Material(D=1e-3), "N": ju.Material(D=1e-3, Tc=0.0, nu=0.01)}
    leads = {"left": ju.Reservoir(DELTA), "right": ju.Reservoir(DELTA, phase=np.pi / 2)}
    device = ju.Device(mesh=mesh, materials=weak, boundaries=leads)
    mu = 2 / (1e-3 * STIFF * 100 * THIN)
    y, zero = (np.arange(400) + 0.5) / 400 - 0.5, 1.3427 * np.pi
    assert np.mean(np.cos(phase_of_banks(y, zero))) == pytest.approx(0, abs=1e-3)
    whole, *found = (
        current(ju.solve_screened(device, T, H, mu, {"S": DELTA, "N": 0.0}, **FILM)) for H in (0, zero / 2, zero)
    )
    for H, flowing in zip((zero / 2, zero), found, strict=True):
        assert flowing / whole == pytest.approx(np.mean(np.cos(phase_of_banks(y, H))), abs=0.02)


# --- given currents ---------------------------------------------------------------------------------------

BIASED = FILM | {"pair_potential": 0.0, "permeability": 0.5 / THIN, "H": 0.3}


def phase_of(sol):
    return sol.device.electrodes()["right"].phase


def test_a_given_current_finds_the_phase_that_carries_it():
    """Of films and of samples along which nothing depends on z."""
    for given in (BIASED, {name: x for name, x in BIASED.items() if name not in ("model", "thickness")}):
        sol = ju.solve_at_current(junction(), 0.4, T, **given)
        options = {name: given[name] for name in given if name != "pair_potential"}
        again = ju.solve_screened(junction(phase_of(sol)), T, pair_potential=0.0, **options)
        assert current(again) == pytest.approx(0.4, rel=1e-9)
        assert type(sol) is type(again)


def test_nothing_carries_more_than_the_critical_current():
    """Which is close to that without a field of its own, at a larger phase."""
    alone = ju.critical_current(junction(A=ju.uniform_field(0.3)), T, pair_potential=0.0, **DIRECT)
    with pytest.raises(ju.CriticalCurrentError, match="is beyond the critical current") as error:
        ju.solve_at_current(junction(), 1.01 * alone.plus, T, **BIASED)
    assert error.value.critical == pytest.approx(alone.plus, rel=0.003)
    assert float(str(error.value).split("phase of ")[1].split()[0]) > alone.phase_plus + 0.2


def at_ends(function, at, along):
    """A derivative by differences of the fourth order."""
    a, b, c, d = (function(*(np.array(at) + n * np.array(along))) for n in (-2e-3, -1e-3, 1e-3, 2e-3))
    return (8 * (c - b) - (d - a)) / 12e-3


def test_derivatives():
    """With phase, field and permeability at once, by differences."""

    def measured(phase, H, mu):
        sol = screened(junction(phase), H, mu)
        found = ju.current_through(sol, "right"), sol.magnetic_moment, sol.gibbs_energy, sol.magnetic_field[3]
        return jnp.stack([jnp.asarray(x) for x in found])

    at, along = (1.1, 0.3, 0.2 * MU), (0.5, -0.2, 0.1 * MU)
    slopes = jax.jvp(measured, at, along)[1]
    np.testing.assert_allclose(slopes, at_ends(measured, at, along), rtol=1e-6)


@pytest.mark.slow
def test_derivatives_at_a_given_current():
    """Of the phase, by those of currents at a phase; what else is found is what is without derivatives."""

    def phase(given, H, mu):
        sol = ju.solve_at_current(junction(), given, T, **BIASED | {"H": H, "permeability": mu})
        return phase_of(sol), (sol.magnetic_moment, sol.gibbs_energy, sol.magnetic_field)

    carried = lambda phase, H, mu: current(screened(junction(phase), H, mu))  # noqa: E731
    mu = BIASED["permeability"]
    given = 0.3, mu
    (found, measured), slopes = jax.value_and_grad(phase, argnums=(0, 1, 2), has_aux=True)(0.4, *given)
    first, *others = (at_ends(carried, (float(found), *given), step) for step in np.diag([1, 1, mu]))
    expected = [1 / first, -others[0] / first, -others[1] / first]
    np.testing.assert_allclose(np.array(slopes) * [1, 1, mu], expected, rtol=1e-6)
    sol = screened(junction(float(found)), *given)
    for one, other in zip(measured, (sol.magnetic_moment, sol.gibbs_energy, sol.magnetic_field), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-8)


@pytest.mark.slow
def test_a_device_whose_inductance_folds_the_relation():
    """Its states end not far beyond the largest current: found in steps that stay on the branch."""
    found = ju.critical_current(junction(), T, **BIASED | {"permeability": MU})
    assert found.plus == pytest.approx(found.minus, rel=1e-7)
    assert found.phase_plus > 5
    ends = [
        ju.solve_at_current(junction(), share * found.plus, T, **BIASED | {"permeability": MU}) for share in (0.3, 0.6)
    ]
    slopes = [phase_of(sol) / current(sol) for sol in ends]
    assert 1 < slopes[1] / slopes[0] < 1.1  # an inductance in series


def test_what_cannot_be_is_refused(strong):
    ring = ju.disk(1.0, 0.5)
    name = next(iter(ring.boundaries))
    closed = ju.Device(mesh=ring, materials=ju.Material(), boundaries={name: ju.Reservoir(DELTA)})
    with pytest.raises(ValueError, match=r"electrodes \['.*'\] close round the film"):
        screened(closed)
    behind = ju.Tunnel(ju.Reservoir(DELTA), conductance=1.0)
    with pytest.raises(ValueError, match=r"not zero next to the barrier at 'right': how its phase differs"):
        ju.solve_screened(replace(junction(), boundaries={"right": behind}), T, 0.1, MU, DELTA, **FILM)
    with pytest.raises(ValueError, match=r"electrodes \['left', 'right'\] let currents in and out"):
        ju.inductance(strong)
    with pytest.raises(TypeError, match=r"was given \['H'\] without a permeability"):
        ju.solve_at_current(junction(), 0.1, T, H=0.3, **DIRECT)
    with pytest.raises(TypeError, match=r"was given a permeability without H: expected the applied field too, H=0\.0"):
        ju.solve_at_current(junction(), 0.1, T, permeability=MU, **FILM)
    with pytest.raises(ValueError, match=r"H\(points\) is not finite near \[0\.\d+, 0\.\d+\]; expected the applied"):
        screened(junction(), lambda p: jnp.where(p < 0.1, jnp.nan, p))
    with pytest.raises(ju.NotDifferentiableError, match=r"critical_current cannot stand inside jax\.jit"):
        jax.jit(lambda H: ju.critical_current(junction(), T, **BIASED | {"H": H}).plus)(0.1)
    with pytest.raises(
        ju.NotDifferentiableError, match=r"solve_at_current with screening cannot stand inside jax\.jit"
    ):
        jax.jit(lambda given: phase_of(ju.solve_at_current(junction(), given, T, **BIASED)))(0.1)
