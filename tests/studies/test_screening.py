"""The field that currents screen: London's equation, flux quanta, Ampere's law, gauge, and the energy's derivatives."""

import warnings
from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import iv, kv

import jusadel as ju
from jusadel.action.assembly import discretise
from jusadel.action.mesh_action import to_nodes
from jusadel.observables.currents import current_across
from jusadel.solver import gap
from jusadel.solver.problem import pose
from jusadel.solver.start import starting_frames
from jusadel.studies.screening import model as screening_model, response as screening_response
from jusadel.studies.screening.edge_elements import WhitneyField, edge_space
from jusadel.studies.screening.own_fields import self_field
from jusadel.studies.screening.solve import solve_screened

pytestmark = [pytest.mark.filterwarnings("ignore:the mesh is too coarse")]
T, FEW = 0.5, 6
DELTA = ju.bulk_gap(T)
DIRECT = {"linear_solver": ju.linear.SuperLU(), "frequencies": FEW}


def permeability(lam):
    """For this penetration depth in the dirty limit, D = nu = 1: 1/(mu0 lambda^2) = 2 pi Delta tanh(Delta/2T)."""
    return 1 / (2 * np.pi * DELTA * np.tanh(DELTA / (2 * T)) * lam**2)


def energy_with(sol, edges):
    """The energy at the solution's G and other edge integrals, by way of the device and the action."""
    device = replace(sol.device, vector_potential=WhitneyField(sol.mesh, edges))
    line_A = discretise(device, sol.vertex_Delta).cells.line_A
    system = replace(sol.system, cells=replace(sol.system.cells, line_A=line_A))
    B, areas = np.asarray(device.magnetic_field()), np.asarray(sol.mesh.areas)
    return float(ju.free_energy(replace(sol, system=system))) + areas @ (B - sol.applied_field) ** 2 / (
        2 * sol.permeability
    )


# --- strips: London's equation -----------------------------------------------------------------------

WIDTH, LAMBDA, WEAK = 4.0, 1.0, 1e-3


@pytest.fixture(scope="module")
def strips():
    """A strip that is periodic along x, 16 rows of triangles high, for two penetration depths."""
    row = WIDTH / 16
    mesh = ju.rectangle(2 * row, WIDTH, 9, x=[0, row, 2 * row], y=row * np.arange(17))
    device = ju.Device(mesh=mesh, materials=ju.Material(), boundaries={"right": ju.Periodic("left")})
    return [solve_screened(device, T, WEAK, permeability(lam), DELTA, **DIRECT) for lam in (LAMBDA / 2, LAMBDA)]


def test_screening_in_a_strip(strips):
    """B = H cosh((y - w/2)/lambda)/cosh(w/2 lambda), second order in the mesh size over lambda."""
    errors = []
    for lam, sol in zip((LAMBDA / 2, LAMBDA), strips, strict=True):
        y = np.asarray(sol.mesh.centroids)[:, 1]
        exact = np.cosh((y - WIDTH / 2) / lam) / np.cosh(WIDTH / 2 / lam)
        errors.append(np.abs(sol.magnetic_field / WEAK - exact).max())
    assert errors[1] < 2e-3
    assert np.log2(errors[0] / errors[1]) > 1.7


def test_penetration_depth_of_the_dirty_limit(strips):
    """From the derivatives of the discrete functional, as the warning about coarse meshes has it."""
    sol = strips[1]
    weights = jnp.asarray(np.pi * T * sol.weights)
    london = np.asarray(screening_model.forces_and_london(sol.system, sol.all_G, weights)[1])
    depth = screening_model.penetration_depths(sol, london, sol.permeability)
    np.testing.assert_allclose(depth, LAMBDA, rtol=1e-4)


def test_a_mesh_coarser_than_the_penetration_depth_is_mentioned():
    with pytest.warns(ju.CoarseMeshWarning, match="edges longer than half the penetration depth"):
        ring(0.1, 0, 0.01)


def test_a_strip_carries_no_net_current(strips):
    assert abs(float(current_across(strips[1], (0.2, -1.0), (0.2, 5.0)))) < 1e-8


def test_own_field_of_the_screening_currents(strips):
    """By Ampere's law from the currents alone: what was subtracted from H."""
    sol = strips[1]
    with pytest.warns(UserWarning, match=r"the currents' own field reaches .* % of the applied field"):
        own = self_field(sol, sol.permeability)
    np.testing.assert_allclose(own, sol.magnetic_field - sol.applied_field, atol=1e-6 * WEAK)


def test_weak_own_fields_are_not_mentioned(strips):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        own = self_field(strips[1], strips[1].permeability / 1e3)
    assert 0 < np.abs(own).max() < 0.01 * WEAK


@pytest.mark.parametrize(
    "leads", [{"right": ju.Periodic("left")}, dict.fromkeys(("left", "right"), ju.Reservoir(DELTA))]
)
def test_own_field_of_a_transport_current(strips, leads):
    """A uniform current from lead to lead, or round a periodic device: mu0 j (y - w/2)."""
    along_x = lambda p: jnp.stack([0.05 + 0 * p[:, 0], 0 * p[:, 0]], axis=1)  # noqa: E731
    mesh = strips[1].mesh
    device = ju.Device(mesh=mesh, materials=ju.Material(), boundaries=leads, vector_potential=along_x)
    sol = ju.solve(device, T, DELTA, **DIRECT)
    with pytest.warns(UserWarning, match=r"% of the field of one flux quantum in the device: find it together"):
        own = self_field(sol, permeability(LAMBDA))
    exact = -0.05 / LAMBDA**2 * (np.asarray(mesh.centroids)[:, 1] - WIDTH / 2)
    np.testing.assert_allclose(own, exact, atol=1e-2 * np.abs(exact).max())


# --- rings: holes and flux quanta ----------------------------------------------------------------------

INNER, OUTER = 1.0, 2.5


def ring_mesh(rings, around):
    radii, angles = np.linspace(INNER, OUTER, rings), 2 * np.pi * np.arange(around) / around
    node = np.arange(rings * around).reshape(rings, around)
    a, d = node[:-1], node[1:]
    b, c = np.roll(a, -1, axis=1), np.roll(d, -1, axis=1)
    triangles = np.concatenate([np.stack([a, d, c], -1).reshape(-1, 3), np.stack([a, c, b], -1).reshape(-1, 3)])
    points = np.stack([np.outer(radii, np.cos(angles)), np.outer(radii, np.sin(angles))], -1).reshape(-1, 2)
    middle = node[rings // 2]
    return ju.Mesh(
        points=points, triangles=triangles, boundaries={"middle": np.stack([middle, np.roll(middle, -1)], axis=1)}
    )


RING = ju.Device(mesh=ring_mesh(7, 16), materials=ju.Material())


def ring(lam, winding, H):
    return solve_screened(RING, T, H, permeability(lam), ju.vortex(DELTA, winding), **DIRECT)


@pytest.fixture(scope="module")
def thin_ring():
    return ring(0.8, 1, 0.02)


def hole_field(lam, winding, H):
    """London in a ring: B = a I0 + b K0, lambda^2 B' = A - winding/2r, and 2 pi r A the flux at r = INNER."""
    r, R = INNER / lam, OUTER / lam
    rows = [
        [iv(0, R), kv(0, R)],
        [INNER / 2 * iv(0, r) - lam * iv(1, r), INNER / 2 * kv(0, r) + lam * kv(1, r)],
    ]
    return np.linalg.solve(rows, [H, winding / (2 * INNER)]) @ [iv(0, r), kv(0, r)]


def test_field_in_the_hole_of_a_ring(thin_ring):
    assert thin_ring.hole_fields == pytest.approx([hole_field(0.8, 1, 0.02)], rel=0.05)
    screened = ring(0.8, 0, 0.02)
    assert screened.hole_fields == pytest.approx([hole_field(0.8, 0, 0.02)], rel=0.05)
    assert screened.magnetic_moment < 0 < thin_ring.magnetic_moment


def test_amperes_law_for_the_hole(thin_ring):
    """The current round the hole makes the difference of the fields, on the mesh exactly; along +x, left to right of
    the cut is clockwise."""
    step = (thin_ring.hole_fields[0] - thin_ring.applied_field) / thin_ring.permeability
    for angle in (0.1, 2.0):
        end = 3 * np.array([np.cos(angle), np.sin(angle)])
        assert float(current_across(thin_ring, 0 * end, end)) == pytest.approx(-step, rel=1e-6)


def test_charge_is_conserved_at_given_pair_potential(thin_ring):
    """The phase of a given pair potential is but a gauge: A takes care that nothing is fed in."""
    cells, current = thin_ring.system.cells, ju.charge_current(thin_ring)
    fed = to_nodes(
        thin_ring.system.triangles,
        jnp.einsum("m,mk,mik->mi", cells.area, current, cells.gradients),
        len(thin_ring.Delta),
    )
    assert np.abs(current).max() > 0.1
    assert np.abs(fed).max() < 1e-6


@pytest.mark.parametrize("winding", [0, 1])
def test_flux_in_a_thick_ring_is_quantised(winding):
    sol = ring(0.1, winding, 0.3)
    assert ju.winding(sol, "middle") == winding
    assert ju.fluxoid(sol, "middle") == pytest.approx(0, abs=2e-3)
    r = np.linalg.norm(np.asarray(sol.mesh.centroids), axis=1)
    inside = r < (INNER + OUTER) / 2
    flux = sol.areas[-1] * sol.hole_fields[0] + sol.areas[:-1][inside] @ sol.magnetic_field[inside]
    assert flux == pytest.approx(winding * np.pi, abs=1e-2)


def test_energy_is_stationary(thin_ring):
    """Along random changes of the edge integrals, seen from the device alone; the hole's share is added here."""
    random, edges = np.random.default_rng(1), thin_ring.edges
    hole = edge_space(thin_ring.device, thin_ring.system).curl[-1:]

    def energy(e):
        B = (hole @ e)[0] - thin_ring.applied_field
        return energy_with(thin_ring, e) + thin_ring.areas[-1] * B**2 / (2 * thin_ring.permeability)

    assert energy(edges) == pytest.approx(thin_ring.gibbs_energy, rel=1e-10)
    for _ in range(3):
        step = random.normal(size=len(edges))
        rise, fall = energy(edges + 1e-3 * step), energy(edges - 1e-3 * step)
        assert abs(rise - fall) < 1e-4 * abs(rise + fall - 2 * energy(edges))
        assert rise + fall > 2 * energy(edges)


# --- disks: field and gap together, with spin-orbit coupling in an exchange field ---------------------------

DISK = ju.disk(1.6, 0.55)
MATERIAL = ju.Material(gamma=ju.rashba(0.4), Tc=1.0, h=(0.0, 0.3, 0.1))


def chi(points):
    return 0.3 * points[:, 0] + 0.2 * points[:, 0] * points[:, 1]


def with_gradient(points):
    x, y = points[:, 0], points[:, 1]
    return ju.uniform_field(0.3)(points) + jnp.stack([0.3 + 0.2 * y, 0.2 * x], axis=1)


@pytest.fixture(scope="module")
def meissner():
    device = ju.Device(mesh=DISK, materials=MATERIAL, vector_potential=ju.uniform_field(0.3))
    return solve_screened(device, T, 0.3, permeability(0.6), tol=1e-11, gap_tol=1e-9, **DIRECT)


def test_a_disk_is_diamagnetic(meissner):
    assert meissner.stats["state"] == "superconducting"
    assert meissner.magnetic_moment < 0
    r = np.linalg.norm(np.asarray(DISK.centroids), axis=1)
    assert 0 < meissner.magnetic_field[r.argmin()] < 0.6 * meissner.magnetic_field[r.argmax()] < 0.6 * 0.3
    assert np.abs(meissner.Delta).max() < DELTA
    assert 0 < meissner.magnetic_energy < abs(meissner.gibbs_energy)


def test_the_start_decides_the_gauge_only(meissner):
    device = ju.Device(mesh=DISK, materials=MATERIAL, vector_potential=with_gradient)
    other = solve_screened(device, T, 0.3, permeability(0.6), tol=1e-11, gap_tol=1e-9, **DIRECT)
    assert np.abs(other.edges - meissner.edges).max() > 0.05
    np.testing.assert_allclose(other.magnetic_field, meissner.magnetic_field, atol=1e-8)
    np.testing.assert_allclose(np.abs(other.Delta), np.abs(meissner.Delta), atol=1e-8)
    np.testing.assert_allclose(ju.charge_current(other), ju.charge_current(meissner), atol=1e-6)
    assert other.gibbs_energy == pytest.approx(meissner.gibbs_energy, rel=1e-10)


def test_gauge_transformed_solutions_are_solutions(meissner):
    """A + grad chi with Delta exp(2 i chi), on the mesh exactly: a given pair potential finds it again."""
    points = np.asarray(DISK.points)
    turned = np.asarray(meissner.Delta) * np.exp(2j * chi(points))
    device = ju.Device(mesh=DISK, materials=MATERIAL, vector_potential=meissner.device.vector_potential)
    again = solve_screened(device, T, 0.3, permeability(0.6), turned, **DIRECT)
    i, j = DISK.edges.T
    np.testing.assert_allclose(again.edges - meissner.edges, chi(points)[j] - chi(points)[i], atol=1e-7)


def test_without_permeability_the_given_field_stays():
    device = ju.Device(mesh=DISK, materials=MATERIAL, vector_potential=ju.uniform_field(0.3))
    free = solve_screened(device, T, 0.3, 1e-9, **DIRECT)
    given = ju.solve(device, T, "self-consistent", **DIRECT)
    np.testing.assert_allclose(free.magnetic_field, 0.3, atol=1e-7)
    np.testing.assert_allclose(np.abs(free.Delta), np.abs(given.Delta), atol=1e-7)
    np.testing.assert_allclose(ju.charge_current(free), ju.charge_current(given), atol=1e-6)
    assert float(ju.free_energy(free)) == pytest.approx(float(ju.free_energy(given)), rel=1e-7)


@pytest.mark.parametrize(
    ("mesh", "T", "H", "given"),
    [
        pytest.param(ju.disk(2.0, 0.4), 0.3, 4.0, {}, marks=pytest.mark.slow),  # above the upper critical field
        pytest.param(ju.disk(2.0, 0.4), 0.3, 4.0, {"start": 0.01}, id="a small pair potential"),
        pytest.param(ju.disk(1.0, 0.5), 1.5, 0.3, {}, id="above Tc"),
        pytest.param(ju.ring(0.5, 1.0, 0.3), 1.5, 0.5, {}, id="a ring above Tc"),
    ],
)
def test_the_normal_state_is_found_and_holds_the_applied_field(mesh, T, H, given):
    device = ju.Device(mesh=mesh, materials=ju.Material(Tc=1.0))
    sol = solve_screened(device, T, H, permeability=0.065, **(DIRECT | {"frequencies": 8} | given))
    assert sol.stats["state"] == "normal"
    assert np.all(np.asarray(sol.Delta) == 0)
    np.testing.assert_allclose(np.append(sol.magnetic_field, sol.hole_fields), H, rtol=1e-7)
    assert sol.gibbs_energy == pytest.approx(0.0, abs=1e-12)


def test_a_normal_metal_holds_the_applied_field():
    device = ju.Device(mesh=ju.disk(1.0, 0.5), materials=ju.Material(Tc=0.0))
    sol = solve_screened(device, 0.3, 0.3, 0.065, pair_potential=0.0, **DIRECT)
    np.testing.assert_allclose(sol.magnetic_field, 0.3, rtol=1e-7)


def test_a_weak_superconductor_stays_one():
    """Just below Tc, Delta is small but the normal state unstable."""
    device = ju.Device(mesh=ju.disk(0.2, 0.1), materials=ju.Material(Tc=1.0))
    sol = solve_screened(device, 0.9998, 0.0, 0.065, **DIRECT)
    assert sol.stats["state"] == "superconducting"
    assert np.abs(np.asarray(sol.Delta)) == pytest.approx(ju.bulk_gap(0.9998), rel=1e-3)


def test_a_solution_is_a_start(meissner):
    again = solve_screened(meissner.device, T, 0.3, permeability(0.6), start=meissner, **DIRECT)
    assert again.stats["screening_steps"] <= 1
    np.testing.assert_allclose(again.magnetic_field, meissner.magnetic_field, atol=1e-8)


def test_response_is_the_derivative_of_the_gradient_and_symmetric():
    """At a random pair potential, where nothing vanishes by symmetry."""
    device = ju.Device(mesh=DISK, materials=MATERIAL, vector_potential=ju.uniform_field(0.3))
    random, n = np.random.default_rng(0), DISK.n_nodes
    Delta = jnp.asarray(1.2 + 0.3 * random.normal(size=n) + 0.2j * random.normal(size=n))[DISK.triangles]
    posed = pose(
        device,
        T,
        Delta,
        frequencies=FEW,
        accuracy=1e-4,
        tol=1e-12,
        linear_solver=DIRECT["linear_solver"],
        progress=None,
        unknown=("A", "Delta"),
    )
    where = gap.weighted_sites(posed)
    model = screening_model.ScreeningModel(edge_space(device, posed.system), where, 0.3, 0.05)
    base = screening_model.first_state(model, posed, Delta, starting_frames(device, posed.system, None))
    response = screening_response.FieldResponse(model, base)
    a, b = random.normal(size=(2, len(base.z)))
    Ja = response(a)
    assert b @ Ja == pytest.approx(a @ response(b), rel=1e-9)
    ends = [
        screening_model.state_at(model, posed, base.z + s * 1e-4 * a, lambda omega: base.newton.V).gradient
        for s in (1, -1)
    ]
    np.testing.assert_allclose((ends[0] - ends[1]) / 2e-4, Ja, atol=1e-5 * np.abs(Ja).max())


# --- edge integrals --------------------------------------------------------------------------------------


def two_halves():
    halves = {"a": lambda c: c[:, 1] < 0.5, "b": lambda c: c[:, 1] > 0.5}
    mesh = ju.rectangle(2.0, 1.0, 0.5, y_lines=[0.5], regions=halves)
    return ju.Device(
        mesh=ju.with_cut_between(mesh, "a", "b", "cut"),
        materials=ju.Material(),
        boundaries={
            "right": ju.Periodic("left", phase=lambda p: 0.7 + 0.3 * p[:, 1]),
            "cut": ju.Interface(conductance=1.0),
            "top": ju.Surface(rashba=0.3),
        },
    )


def test_edge_integrals_give_the_links_of_the_action():
    """With a seam, a doubled line and a surface, by way of the vector potential as a function of points."""
    device = two_halves()
    space = edge_space(device, discretise(device, jnp.zeros((len(device.mesh.triangles), 3))))
    edges = space.edges(np.random.default_rng(3).normal(size=space.independent.shape[1]))
    assert len(edges) > space.independent.shape[1]
    np.testing.assert_allclose(space.edges(space.chosen(edges)), edges, atol=1e-14)
    given = replace(device, vector_potential=WhitneyField(device.mesh, edges))
    cells = discretise(given, jnp.zeros((len(device.mesh.triangles), 3))).cells
    assert len(cells.area) > len(device.mesh.triangles)
    np.testing.assert_allclose(space.line_A(edges), cells.line_A, atol=1e-12)
    np.testing.assert_allclose(space.curl @ edges, given.magnetic_field(), atol=1e-11)
    assert len(space.areas) == len(device.mesh.triangles)  # a periodic strip has no hole


def test_a_hole_is_found_through_a_cut():
    mesh, n = RING.mesh, 16
    radial = np.arange(0, 7 * n, n)
    mesh = mesh.with_boundaries({"cut": np.stack([radial[:-1], radial[1:]], axis=1)})
    whole, cut = (
        ju.Device(mesh=mesh, materials=ju.Material(), boundaries=b)
        for b in ({}, {"cut": ju.Interface(conductance=1.0)})
    )
    area = n / 2 * np.sin(2 * np.pi / n) * INNER**2
    for device in (whole, cut):
        space = edge_space(device, discretise(device, jnp.zeros((len(device.mesh.triangles), 3))))
        assert space.areas[len(mesh.triangles) :] == pytest.approx([area])
        assert space.independent.shape[1] == len(mesh.edges)
        ends = np.asarray(device.mesh.points)[device.mesh.edges]
        edges = np.asarray(
            replace(device, vector_potential=ju.uniform_field(2.0)).integrate_A(ends[:, :1], ends[:, 1:])
        )[:, 0]
        np.testing.assert_allclose(space.curl @ edges, 2.0, atol=1e-10)


# --- refusals ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"permeability": 0.0}, r"permeability = 0.0; expected a finite number > 0"),
        ({"H": "strong"}, r"H = 'strong'; expected a finite number"),
    ],
)
def test_bad_numbers_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        solve_screened(RING, **({"T": T, "H": 0.1, "permeability": 1.0} | given))
