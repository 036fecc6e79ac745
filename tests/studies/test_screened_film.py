"""Thin films in perpendicular fields: London's equation of disks and rings, flux quanta, energies, stray fields."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ellipe, ellipk

import jusadel as ju
from jusadel.action.assembly import discretise
from jusadel.studies.screening.edge_elements import edge_space
from jusadel.studies.screening.own_fields import self_field
from jusadel.studies.screening.solve import solve_screened
from jusadel.studies.screening.thin_film.film_model import film_model
from jusadel.studies.screening.thin_film.sheet_currents import mean_of_links
from jusadel.studies.screening.thin_film.triangle_potentials import double_integrals, potentials

pytestmark = [pytest.mark.filterwarnings("ignore:the mesh is too coarse")]
T, WEAK, D_FILM = 0.5, 1e-3, 0.02
DELTA = ju.bulk_gap(T)
DIRECT = {"linear_solver": ju.linear.SuperLU(), "frequencies": 2}


def permeability(Lambda, thickness=D_FILM):
    """For this Pearl length, 2 lambda^2/d, in the dirty limit: 1/(mu0 lambda^2) = 2 pi Delta tanh(Delta/2T)."""
    return 2 / (2 * np.pi * DELTA * np.tanh(DELTA / (2 * T)) * Lambda * thickness)


def film(device, Lambda, H, Delta=DELTA, **options):
    given = DIRECT | {"model": "film", "thickness": D_FILM} | options
    return solve_screened(device, T, H, permeability(Lambda), Delta, **given)


def annulus(radii, around):
    """Rings of triangles, with a middle where the first radius is 0, of the area of the round one."""
    radii = np.asarray(radii) * np.sqrt(2 * np.pi / around / np.sin(2 * np.pi / around))
    middle, radii = radii[0] == 0, radii[radii > 0]
    angles = 2 * np.pi * np.arange(around) / around
    points = np.stack([np.outer(radii, np.cos(angles)), np.outer(radii, np.sin(angles))], -1).reshape(-1, 2)
    node = np.arange(len(radii) * around).reshape(-1, around)
    a, d = node[:-1], node[1:]
    b, c = np.roll(a, -1, axis=1), np.roll(d, -1, axis=1)
    triangles = [np.stack([a, d, c], -1).reshape(-1, 3), np.stack([a, c, b], -1).reshape(-1, 3)]
    if middle:
        center = np.full(around, len(points))
        triangles.append(np.stack([center, node[0], np.roll(node[0], -1)], axis=1))
        points = np.concatenate([points, [[0.0, 0.0]]])
    loops = {
        name: np.stack([node[k], np.roll(node[k], -1)], axis=1)
        for name, k in (("inner", 0), ("middle", len(radii) // 2), ("outer", -1))
    }
    return ju.Mesh(points=points, triangles=np.concatenate(triangles), boundaries=loops)


def device_of(mesh):
    return ju.Device(mesh=mesh, materials=ju.Material())


# --- disks: the integral equation of Pearl and London -----------------------------------------------------


def moment_of_disk(Lambda, rings=400):
    """mu0 m/H of a disk of radius 1."""
    edge = np.sin(np.pi / 2 * np.linspace(0, 1, rings + 1))
    r, w, K = currents_of_rings(Lambda, edge, lambda r: -r / 2)
    return np.pi * np.sum(w * r**2 * K)


def currents_of_rings(Lambda, edge, given):
    """mu0 K at radii r with widths w: (mu0 Lambda/2) K + A[K] = given(r) with the A of current loops, from its elliptic
    integrals, and of a ring on itself, (mu0 w/2 pi) (ln(16 r/w) - 1)."""
    r, w = (edge[1:] + edge[:-1]) / 2, np.diff(edge)
    m = 4 * r[:, None] * r / (r[:, None] + r) ** 2
    np.fill_diagonal(m, 0.5)
    A = np.sqrt(r / r[:, None] / m) / np.pi * ((1 - m / 2) * ellipk(m) - ellipe(m)) * w
    np.fill_diagonal(A, w / (2 * np.pi) * (np.log(16 * r / w) - 1))
    return r, w, np.linalg.solve(A + Lambda / 2 * np.eye(len(r)), given(r))


DISK = device_of(annulus(np.sin(np.pi / 2 * np.linspace(0, 1, 8)), 32))


def moment(sol):
    return sol.magnetic_moment * sol.permeability * sol.thickness / sol.applied_field


def test_limits_of_the_integral_equation():
    """Of a superconductor without penetration, m = -(8/3) R^3 H/mu0; of weak screening, K = -2 H r/2 mu0 Lambda."""
    assert moment_of_disk(1e-4) == pytest.approx(-8 / 3, rel=2e-3)
    assert moment_of_disk(1e3) == pytest.approx(-np.pi / 4e3, rel=2e-3)


@pytest.mark.parametrize("Lambda", [0.1, 1.0, 10.0])
def test_moment_of_a_disk(Lambda):
    assert moment(film(DISK, Lambda, WEAK)) == pytest.approx(moment_of_disk(Lambda), rel=0.01)


def london_moment(rings, around, Lambda):
    """As `moment_of_disk`, of London's energy (1/mu0 Lambda) Int A^2 in the unknowns of a film on a mesh, mu0 = 1."""
    device = device_of(annulus(np.linspace(0, 1, rings + 1), around))
    system = discretise(device, np.zeros((len(device.mesh.triangles), 3)))
    model = film_model(device, edge_space(device, system), None, 1.0, 1.0, 1.0)
    space, areas = model.space, np.asarray(device.mesh.areas)
    by_cell = space.along_cells @ np.concatenate([space.steps.toarray(), space.induction.M], axis=1)
    mean = mean_of_links(device.mesh) * np.sqrt(2 * areas / Lambda)[:, None, None]
    averaged = lambda x: np.einsum("mik,mkx->mix", mean, x.reshape(len(areas), 3, -1)).reshape(2 * len(areas), -1)  # noqa: E731
    A, h = averaged(by_cell), averaged(space.along_cells @ space.offset)[:, 0]
    field = np.zeros((A.shape[1],) * 2)
    field[space.steps.shape[1] :, space.steps.shape[1] :] = space.induction.Q
    x = np.linalg.lstsq(A.T @ A + field, -A.T @ h, rcond=None)[0]
    return -h @ (h + A @ x)


def test_order_of_convergence():
    """Second order in the mesh size, but for the logarithm of the current at the rim."""
    sizes = np.array([3, 5, 10])
    errors = [abs(london_moment(n, 6 * n, 1.0) - moment_of_disk(1.0, 1600)) for n in sizes]
    assert np.polyfit(np.log(sizes), np.log(errors), 1)[0] < -1.7


# --- integrals over triangles ---------------------------------------------------------------------------


def parts_of(corners, times):
    """Small triangles (4^times m, 3, 2) of triangles."""
    for _ in range(times):
        middle = (corners + np.roll(corners, -1, axis=1)) / 2
        parts = [np.stack([corners[:, i], middle[:, i], middle[:, i - 1]], axis=1) for i in range(3)]
        corners = np.concatenate([*parts, middle])
    return corners


def midpoints(corners, times):
    """Centroids (k, 2) and areas (k,) of small parts."""
    small = parts_of(corners, times)
    a, b = small[:, 1] - small[:, 0], small[:, 2] - small[:, 0]
    return small.mean(axis=1), (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]) / 2


PAIR = np.array([[[0, 0], [1, 0.1], [0.3, 0.8]], [[4, 3], [5, 3.1], [4.3, 4]]])


def test_double_integrals_of_a_square():
    """Of two halves with themselves and with each other, 4 ln(1 + sqrt 2) - (4/3)(sqrt 2 - 1) in all."""
    corners = np.array([[[0, 0], [1, 0], [1, 1]], [[0, 0], [1, 1], [0, 1]]], float)
    ((_, found),) = double_integrals(np.array([[0, 1, 2], [0, 2, 3]]), corners)
    assert found.sum() == pytest.approx(4 * np.log(1 + np.sqrt(2)) - 4 / 3 * (np.sqrt(2) - 1), rel=2e-4)


@pytest.mark.parametrize("away", [1.0, 0.4])
def test_double_integrals_of_triangles_apart(away):
    """Far and near, against sums over small parts."""
    pair = np.stack([PAIR[0], PAIR[1] - (1 - away) * np.array([4, 3])])
    ((_, found),) = double_integrals(np.array([[0, 1, 2], [3, 4, 5]]), pair)
    (x, A), (y, B) = midpoints(pair[:1], 5), midpoints(pair[1:], 5)
    expected = A @ (1 / np.linalg.norm(x[:, None] - y, axis=-1)) @ B
    np.testing.assert_allclose([found[0, 1], found[1, 0]], expected, rtol=2e-4)


# --- fields and energies of disks -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def meissner():
    """Nonlinear: the field takes part of the pair potential away."""
    return consistent(ju.uniform_field(0.3), 0.3)


WIDE = device_of(annulus(2.0 * np.sin(np.pi / 2 * np.linspace(0, 1, 5)), 20))


def consistent(searched_from, H, **options):
    device = ju.Device(mesh=WIDE.mesh, materials=ju.Material(), vector_potential=searched_from)
    given = {"tol": 1e-12, "gap_tol": 1e-10} | options
    return film(device, 1.0, H, "self-consistent", **given)


def test_a_film_is_diamagnetic_and_its_rim_has_the_strongest_field(meissner):
    assert meissner.stats["state"] == "superconducting"
    r = np.linalg.norm(np.asarray(WIDE.mesh.centroids), axis=1)
    B = meissner.magnetic_field
    assert 0 < B[r.argmin()] < 0.8 * 0.3 < 0.3 < B[r.argmax()]
    assert np.abs(meissner.Delta).min() < 0.99 * np.abs(meissner.Delta).max()
    assert meissner.magnetic_moment < 0 < meissner.magnetic_energy


def test_moment_is_the_derivative_of_the_energy(meissner):
    """dG/dH = -m, across states that are each self-consistent."""
    ends = [consistent(meissner.device.vector_potential, 0.3 + step).gibbs_energy for step in (1e-3, -1e-3)]
    assert (ends[0] - ends[1]) / 2e-3 == pytest.approx(-meissner.magnetic_moment, rel=1e-5)


def with_gradient(points):
    x, y = points[:, 0], points[:, 1]
    return ju.uniform_field(0.3, gauge="x")(points) + np.stack([0.3 + 0.2 * y, 0.2 * x], axis=1)


def test_the_gauge_of_the_applied_field_is_arbitrary(meissner):
    other = consistent(with_gradient, with_gradient)
    assert np.abs(other.edges - meissner.edges).max() > 0.01
    assert other.magnetic_moment == pytest.approx(meissner.magnetic_moment, rel=1e-10)
    assert other.gibbs_energy == pytest.approx(meissner.gibbs_energy, rel=1e-10)
    np.testing.assert_allclose(other.sheet_current, meissner.sheet_current, atol=1e-10)
    np.testing.assert_allclose(other.magnetic_field, meissner.magnetic_field, atol=1e-10)


def test_sheet_current_is_the_current_of_the_solution(meissner):
    """That of the action, per triangle to first order in the mesh size, and its moment."""
    current, K = np.asarray(ju.charge_current(meissner)), meissner.sheet_current
    middle, areas = np.asarray(WIDE.mesh.centroids), np.asarray(WIDE.mesh.areas)
    size = lambda x: np.sqrt(areas @ np.sum(x**2, axis=1))  # noqa: E731
    assert size(current - K) < 0.1 * size(K)
    for x in (current, K):
        own = areas @ (middle[:, 0] * x[:, 1] - middle[:, 1] * x[:, 0]) / 2
        assert own == pytest.approx(meissner.magnetic_moment, rel=0.02)


@pytest.mark.parametrize("z", [0.2, -0.3])
def test_stray_field(meissner, z):
    """Biot and Savart, B = (mu0 d/4 pi) Int K x r/r^3, by sums over small parts."""
    points = np.array([[0.1, 0.2], [1.9, 0.1], [-2.5, 1.0]])
    found = ju.stray_field(meissner, points, z)
    corners = np.asarray(WIDE.mesh.points)[WIDE.mesh.triangles]
    expected = np.zeros((3, 3))
    for k, K in enumerate(meissner.sheet_current):
        at, area = midpoints(corners[k : k + 1], 4)
        away = np.concatenate([points[:, None] - at, np.full((3, len(at), 1), z)], axis=2)
        expected += np.einsum(
            "a,pai->pi", area, np.cross([*K, 0.0], away) / np.linalg.norm(away, axis=2)[..., None] ** 3
        )
    expected *= meissner.permeability * D_FILM / (4 * np.pi)
    np.testing.assert_allclose(found, expected, atol=2e-3 * np.abs(expected).max())


def test_own_field_of_the_currents(meissner):
    with pytest.warns(UserWarning, match=r"the currents' own field reaches .* % of the applied field"):
        own = self_field(meissner, meissner.permeability, model="film", thickness=D_FILM)
    np.testing.assert_allclose(own, meissner.magnetic_field - 0.3, atol=1e-6)


def test_a_vortex_in_a_film(meissner):
    """In a field of three flux quanta it lowers the energy, and lets flux in."""
    H = 3 * np.pi / np.sum(np.asarray(WIDE.mesh.areas))
    sol, without = consistent(None, H, start=ju.vortex(DELTA)), consistent(None, H)
    assert [ju.winding(x, "outer") for x in (sol, without)] == [1, 0]
    assert sol.gibbs_energy < without.gibbs_energy
    assert sol.magnetic_moment > without.magnetic_moment
    middle = np.linalg.norm(np.asarray(WIDE.mesh.points), axis=1).argmin()
    assert np.abs(sol.Delta[middle]) < 1e-6 < 0.5 * DELTA < np.abs(sol.Delta).max()
    assert sol.magnetic_field[np.linalg.norm(np.asarray(WIDE.mesh.centroids), axis=1).argmin()] > H


def test_above_the_critical_field_the_film_is_normal():
    sol = consistent(None, 6.0, start=0.01)
    assert sol.stats["state"] == "normal"
    np.testing.assert_allclose(sol.magnetic_field, 6.0, rtol=1e-7)
    assert sol.gibbs_energy == pytest.approx(0.0, abs=1e-12)


# --- rings: flux quanta and inductances -------------------------------------------------------------------

MIDDLE, WIDTH, AROUND = 20.0, 5.0, 48
RING = device_of(annulus(MIDDLE + WIDTH * np.array([-0.5, -0.46, -0.35, -0.2, 0.0, 0.2, 0.35, 0.46, 0.5]), AROUND))


def ring(Lambda, winding, H=0.0):
    return film(RING, Lambda, H, ju.vortex(DELTA, winding), tol=1e-12, gap_tol=1e-10)


@pytest.fixture(scope="module")
def strong():
    return ring(0.1 * WIDTH, 1)


@pytest.fixture(scope="module")
def weak():
    return ring(100 * WIDTH, 1)


@pytest.fixture(scope="module")
def between():
    return ring(WIDTH, 2, H=1e-3)


def momentum(sol, loop):
    """Int (A - grad phase/2).dl round a loop, counter-clockwise, by the phases of the pair potential."""
    return -np.pi * ju.fluxoid(sol, loop)


def round_loop(sol, loop):
    """The nodes of a loop in order, counter-clockwise."""
    x, y = np.asarray(sol.mesh.points).T
    nodes = np.unique(sol.mesh.boundaries[loop])
    return nodes[np.argsort(np.arctan2(y[nodes], x[nodes]))]


def own_flux(sol, loop):
    """Int A.dl of the sheet current round a loop, by Biot and Savart triangle by triangle."""
    points, mesh, i = np.asarray(sol.mesh.points), sol.mesh, round_loop(sol, loop)
    j = np.roll(i, -1)
    x, w = np.polynomial.legendre.leggauss(16)
    at = points[i][:, None] + (points[j] - points[i])[:, None] * ((x + 1) / 2)[:, None]
    A = potentials(at[:, :, None], points[mesh.triangles]) @ sol.sheet_current
    return sol.permeability * D_FILM / (4 * np.pi) * np.einsum("kqi,ki,q->", A, points[j] - points[i], w / 2)


@pytest.mark.parametrize("loop", ["inner", "middle"])
def test_flux_is_quantised(between, loop):
    """pi winding = the flux and the momentum of the pairs; the flux is that applied and that of the currents."""
    inside = np.linalg.norm(np.asarray(RING.mesh.centroids), axis=1) < MIDDLE
    of_film = between.magnetic_field[inside] @ np.asarray(RING.mesh.areas)[inside] if loop == "middle" else 0.0
    flux = between.hole_fluxes[0] + of_film
    assert flux - momentum(between, loop) == pytest.approx(2 * np.pi, rel=1e-8)
    x, y = np.asarray(RING.mesh.points)[round_loop(between, loop)].T
    applied = 1e-3 / 2 * np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))
    assert flux - applied == pytest.approx(own_flux(between, loop), rel=5e-3)


def test_current_of_a_fluxoid(strong):
    """Against the integral equation of rings, with the fluxoid on its right side."""
    edge = MIDDLE + WIDTH / 2 * np.sin(np.pi / 2 * np.linspace(-1, 1, 401))
    r, w, K = currents_of_rings(0.1 * WIDTH, edge, lambda r: 1 / (2 * r))
    mu = strong.permeability * D_FILM
    assert mu * strong.hole_currents[0] == pytest.approx(np.sum(w * K), rel=0.01)
    assert mu * strong.magnetic_moment == pytest.approx(np.pi * np.sum(w * r**2 * K), rel=0.01)
    assert strong.hole_fluxes[0] == pytest.approx(np.pi + momentum(strong, "inner"), rel=1e-8)


def test_inductances_of_a_narrow_ring(weak, strong):
    """A strip of uniform current has the mean distance w exp(-3/2) from itself, one that keeps the field out the radius
    w/4 of a wire: L = mu0 R (ln(8 R/a) - 2) with these for a; mu0 lambda^2/d times 2 pi over Int dr/r."""
    found, mu = ju.inductance(weak), weak.permeability * D_FILM
    squares = 2 * np.pi / np.log((MIDDLE + WIDTH / 2) / (MIDDLE - WIDTH / 2))
    assert found.kinetic == pytest.approx(mu * 100 * WIDTH / 2 * squares, rel=2e-3)
    assert found.geometric == pytest.approx(mu * MIDDLE * (np.log(8 * MIDDLE / WIDTH) - 0.5), rel=0.01)
    assert found.total == pytest.approx(np.pi / weak.hole_currents[0], rel=1e-12)
    mu = strong.permeability * D_FILM
    assert ju.inductance(strong).geometric == pytest.approx(mu * MIDDLE * (np.log(32 * MIDDLE / WIDTH) - 2), rel=0.01)


def test_a_current_flows_round_the_ring(weak):
    """Through a cut: the current of the stream function, and of the solution."""
    current = float(weak.hole_currents[0])
    assert float(ju.current_across(weak, (15.0, 1.0), (25.0, 1.7))) == pytest.approx(-current, rel=0.01)


# --- applied fields ---------------------------------------------------------------------------------------


def curl(A, point, step=1e-4):
    x, y = step * np.eye(2)
    ends = np.array([point + x, point - x, point + y, point - y])
    a = np.asarray(A(ends))
    return (a[0, 1] - a[1, 1] - a[2, 0] + a[3, 0]) / (2 * step)


def test_field_of_a_coil():
    """In the middle as given; elsewhere Biot and Savart round the wire."""
    A = ju.coil_field(B=0.7, radius=2.0, height=0.5, center=(0.3, -0.2))
    assert curl(A, np.array([0.3, -0.2])) == pytest.approx(0.7, rel=1e-6)
    t = 2 * np.pi * (np.arange(2000) + 0.5) / 2000
    wire, step = 2 * np.stack([np.cos(t), np.sin(t)], 1), 2 * np.stack([-np.sin(t), np.cos(t)], 1) * (t[1] - t[0])
    current = 0.7 / (2 * np.pi * 2.0**2 / (2.0**2 + 0.5**2) ** 1.5)  # mu0 I/4 pi
    points = np.array([[0.3, -0.2], [1.3, 0.4], [2.2, -0.2], [-4.0, 3.0]])
    away = points[:, None] - np.array([0.3, -0.2]) - wire
    expected = current * np.einsum("ki,pk->pi", step, 1 / np.sqrt((away**2).sum(-1) + 0.5**2))
    np.testing.assert_allclose(A(points), expected, atol=1e-9)


def test_field_of_a_dipole():
    """B_z = (3 (m.r) z - m_z r^2)/r^5."""
    m, at = np.array([0.2, -0.3, 0.5]), np.array([0.4, 0.1, 1.5])
    A = ju.dipole_field(moment=tuple(m), position=tuple(at))
    for point in ([0.0, 0.0], [1.0, -2.0]):
        r = np.array([*point, 0.0]) - at
        R = np.linalg.norm(r)
        assert curl(A, np.array(point)) == pytest.approx((3 * m @ r * r[2] - m[2] * R**2) / R**5, rel=1e-6)


def test_a_coil_far_away_makes_a_uniform_field(meissner):
    sol = consistent(ju.uniform_field(0.3), ju.coil_field(B=0.3, radius=300.0, height=1.0))
    assert sol.magnetic_moment == pytest.approx(meissner.magnetic_moment, rel=1e-3)


# --- refusals ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"model": "pearl"}, r"model = 'pearl'; expected 'bulk', nothing depends on z, or 'film'"),
        ({"thickness": None}, r"thickness = None; expected a finite number > 0"),
        ({"thickness": -1.0}, r"thickness = -1.0; expected a finite number > 0"),
        ({"model": "bulk"}, r"thickness = 0.02 is that of a film: give model='film' too"),
        (
            {"H": "strong"},
            r"H = 'strong'; expected a finite number, the applied field along z, or its vector potential",
        ),
        ({"permeability": 0.0}, r"permeability = 0.0; expected a finite number > 0"),
    ],
)
def test_bad_numbers_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        solve_screened(DISK, T, **({"H": 0.1, "permeability": 1.0, "model": "film", "thickness": D_FILM} | given))


def test_films_that_cannot_be_solved_are_refused():
    mesh = ju.rectangle(1.0, 1.0, 0.5)
    boundaries = {"right": ju.Periodic("left")}
    with pytest.raises(ValueError, match=r"boundaries \['right'\] are periodic, and a film that repeats itself"):
        film(ju.Device(mesh=mesh, materials=ju.Material(), boundaries=boundaries), 1.0, 0.1)


def test_a_thick_film_is_mentioned():
    with pytest.warns(UserWarning, match=r"thickness = 3 exceeds the penetration depth"):
        solve_screened(DISK, T, WEAK, permeability(1.0, 3.0), DELTA, model="film", thickness=3.0, **DIRECT)


def test_inductances_that_mean_nothing_are_refused(weak, between, meissner):
    with pytest.raises(ValueError, match=r"hole = 1; the film has 1 holes"):
        ju.inductance(weak, 1)
    with pytest.raises(ValueError, match=r"hole = 0; the film has 0 holes"):
        ju.inductance(meissner)
    with pytest.raises(ValueError, match=r"the film is in an applied field"):
        ju.inductance(between)
    with pytest.raises(ValueError, match=r"the holes hold \[0\] fluxoids; expected some in hole 0 alone"):
        ju.inductance(replace(weak, Delta=np.abs(weak.Delta)))


def test_points_on_lines_of_the_mesh_are_refused(meissner):
    with pytest.raises(ValueError, match=r"1 points lie on lines of the mesh, .* take z > 0"):
        ju.stray_field(meissner, [[0.0, 0.0]], 0.0)
    with pytest.raises(ValueError, match=r"points have the shape \(2,\); expected \(k, 2\)"):
        ju.stray_field(meissner, [0.0, 0.0], 1.0)
