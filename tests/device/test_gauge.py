"""Vector potentials against the phases of electrodes and seams: what is refused, and what is completed."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse as sp
from scipy.optimize import brentq
from scipy.special import digamma

import jusadel as ju
from jusadel.device.gauge.phase_lines import Forest

NORMAL = ju.Material(Tc=0.0)
ON_ANY_MESH = pytest.mark.filterwarnings("ignore::jusadel.CoarseMeshWarning")
"""Gauge invariance and derivatives hold on coarse ones too; what is compared with theory says how well."""
WIDTH, HEIGHT = 1.0, 8.0
QUANTUM = np.pi / (WIDTH * HEIGHT)
"""The field of one flux quantum in the wide junction."""


def wide_junction(flux, gauge="electrodes", tunnel=False):
    """A junction much wider than long, with so many flux quanta in it."""
    ends = {"left": ju.Reservoir(2.0), "right": ju.Reservoir(2.0)}
    if tunnel:
        ends = {name: ju.Tunnel(electrode, 1.0) for name, electrode in ends.items()}
    mesh = ju.rectangle(WIDTH, HEIGHT, 0.25, x=np.linspace(0, WIDTH, 9), y=np.linspace(0, HEIGHT, 33))
    A = ju.uniform_field(flux * QUANTUM, gauge)
    return ju.Device(mesh=mesh, materials=NORMAL, boundaries=ends, vector_potential=A)


def critical_current(device):
    phases = np.linspace(0, 2 * np.pi, 8, endpoint=False)
    direct = ju.linear.SuperLU()  # in code that is compiled quickly, as here, faster than iterations
    return max(ju.current_phase_relation(device, phases, 1.0, frequencies=2, linear_solver=direct).critical_current)


@ON_ANY_MESH
@pytest.mark.parametrize("tunnel", [False, True])
def test_fraunhofer_pattern_of_a_wide_junction(tunnel):
    """|sin(pi f)/(pi f)| at f flux quanta, in the default gauge as in the one along the current."""
    at_zero = critical_current(wide_junction(0.0, tunnel=tunnel))
    for flux, pattern, within in ((0.5, 2 / np.pi, 0.01 * 2 / np.pi), (1.0, 0.0, 0.01)):
        ours = critical_current(wide_junction(flux, tunnel=tunnel)) / at_zero
        assert ours == pytest.approx(pattern, abs=within)
        along_x = critical_current(wide_junction(flux, "x", tunnel=tunnel)) / at_zero
        assert ours == pytest.approx(along_x, abs=1e-6)


def linear_critical_current(omega, flux, width, nx=80, ny=16):
    """(D - 2iA)^2 f = 2 omega f between f = Delta/omega and e^(i phi) Delta/omega: finite differences, links for A.

    x is the current's direction, of length 1, in the middle of cells; the current is Im f* D f, up to a factor.
    """
    dx, dy, B = 1 / nx, width / ny, np.pi * flux / width
    link = np.exp(2j * B * ((np.arange(ny) + 0.5) * dy - width / 2) * dx)  # of A = (-B (y - W/2), 0)
    inner = nx - 1
    along = sp.kron(sp.diags([1.0], [1], (inner, inner)), sp.diags(link))
    across = sp.diags([1.0, 1.0], [-1, 1], (ny, ny)) - sp.diags(np.r_[1.0, np.full(ny - 2, 2.0), 1.0])
    lines = (along + along.conj().T - 2 * sp.eye(inner * ny)) / dx**2 + sp.kron(sp.eye(inner), across) / dy**2
    solve = sp.linalg.splu((lines - 2 * omega * sp.eye(inner * ny)).tocsc()).solve
    left, right = np.zeros((inner, ny), complex), np.zeros((inner, ny), complex)
    left[0], right[-1] = -link.conj() / dx**2, -1j * link / dx**2  # phi = pi/2
    f = solve((left + right).ravel()).reshape(inner, ny)
    return np.sum((f[:-1].conj() * link * f[1:]).imag, axis=1)[inner // 2] / omega**2


@ON_ANY_MESH
def test_narrow_junction_decays_without_a_pattern():
    """Cuevas and Bergeret 2007: a field breaks pairs at the rate D B^2 W^2/6, here (pi f)^2/6 D/L^2, and no more.

    Weak electrodes, so that f is linear: Ic = Sum (Delta/omega)^2 k/sinh(kL), k^2 = 2 (omega + rate)/D, up to a factor
    and to (W/L)^2; at finite width the linear equation by differences.
    """
    width, T, phases = 0.2, 1.0, np.linspace(0, 2 * np.pi, 4, endpoint=False)
    omega, weights = ju.matsubara.plain_sum(T, 2)
    mesh = ju.rectangle(1.0, width, 1.0, x=np.linspace(0, 1, 41), y=np.linspace(0, width, 9))

    def by_solving(flux):
        ends, A = {"left": ju.Reservoir(0.02), "right": ju.Reservoir(0.02)}, ju.uniform_field(flux * np.pi / width)
        device = ju.Device(mesh=mesh, materials=NORMAL, boundaries=ends, vector_potential=A)
        found = ju.current_phase_relation(device, phases, T, frequencies=(omega, weights))
        return found.critical_current[0]

    def closed(flux):
        k = np.sqrt(2 * (omega + (np.pi * flux) ** 2 / 6))
        return np.sum(k / np.sinh(k) / omega**2)

    def by_differences(flux, width=width):
        return sum(linear_critical_current(w, flux, width) for w in omega)

    fluxes = (0.0, 0.5, 1.0, 1.5)
    ours, expected = (np.array([f(flux) for flux in fluxes]) for f in (by_solving, by_differences))
    assert ours / ours[0] == pytest.approx(expected / expected[0], rel=0.02)
    assert (np.diff(ours) < 0).all()
    assert ours[2] > 0.4 * ours[0]  # a wide one has its zero here
    narrow, limit = (np.array([f(flux) for flux in fluxes]) for f in (lambda f: by_differences(f, 0.02), closed))
    assert narrow / narrow[0] == pytest.approx(limit / limit[0], rel=0.01)


@ON_ANY_MESH
def test_lowest_landau_level_between_periodic_sides():
    """Tc of Abrikosov and Gorkov with the pair breaking D e B, in every gauge that fits."""
    b, mesh = 0.5, ju.rectangle(0.5, 9.0, 0.25, x=[0, 0.25, 0.5], y=np.linspace(0, 9, 41))
    exact = brentq(lambda t: np.log(t) + digamma(0.5 + b / (2 * np.pi * t)) - digamma(0.5), 0.1, 1.0)
    boundaries = {"right": ju.Periodic("left"), "bottom": ju.Reservoir(0.0), "top": ju.Reservoir(0.0)}
    for A in (ju.uniform_field(b), ju.uniform_field(b, "x", center=(0.0, 4.5)), ju.electrode_gauge(twisted(b))):
        device = ju.Device(mesh=mesh, materials=ju.Material(Tc=1.0), boundaries=boundaries, vector_potential=A)
        assert pytest.approx(exact, rel=5e-3) == ju.critical_temperature(device).T
    for gauge, turn in (("symmetric", "2.25"), ("y", "4.5")):
        with pytest.raises(ju.GaugeError, match=f"fit the boundary 'right': .* turns by {turn} rad .* partner"):
            replace(device, vector_potential=ju.uniform_field(b, gauge))


# --- one field in several gauges -----------------------------------------------------------------------


def eta(p):
    """Of a gauge transformation."""
    return 0.3 * p[..., 0] * p[..., 1] + 0.2 * np.sin(1.3 * p[..., 0] - 0.7 * p[..., 1])


def grad_eta(p):
    wave = 0.2 * np.cos(1.3 * p[..., 0] - 0.7 * p[..., 1])
    return np.stack([0.3 * p[..., 1] + 1.3 * wave, 0.3 * p[..., 0] - 0.7 * wave], axis=-1)


def twisted(B, center=(0.3, -0.2)):
    """A uniform field in a gauge that nobody would choose."""
    return lambda p: ju.uniform_field(B, "symmetric", center)(np.asarray(p)) + grad_eta(np.asarray(p))


def following(B, phase, start, center=(0.3, -0.2)):
    """The phase along a straight electrode from `start` that follows `twisted`, as a function of points."""
    across = B * np.array([-(start[1] - center[1]), start[0] - center[0]])  # 2 A of the symmetric gauge at the start
    return lambda p: phase + (p - start) @ across + 2 * (eta(np.asarray(p)) - eta(np.asarray(start)))


SQUID = ju.squid_loop(1.0, 1.0, 0.5, 0.4, 0.4, 0.3)
DEVICES = {
    "SQUID": (SQUID, {"left": 0.0, "right": 0.8}),
    "T": (ju.t_junction(0.6, 0.5, 0.25), {"left": 0.0, "right": 0.8, "bottom": -0.5}),
}


@ON_ANY_MESH
@pytest.mark.parametrize("name", ["SQUID", "T"])
def test_currents_do_not_depend_on_the_gauge(name):
    mesh, phases = DEVICES[name]
    B = 0.6

    def currents(A, given, T=0.5):
        boundaries = {k: ju.Reservoir(2.0, phase=phase) for k, phase in given.items()}
        device = ju.Device(mesh=mesh, materials=NORMAL, boundaries=boundaries, vector_potential=A)
        sol = ju.solve(device, T, frequencies=3, tol=1e-12)
        return device, np.array([ju.current_through(sol, k) for k in given])

    start = {k: np.asarray(mesh.points)[mesh.boundary_nodes(k)[0]] for k in phases}
    by_hand = {k: following(B, phase, start[k]) for k, phase in phases.items()}
    device, expected = currents(twisted(B), by_hand)
    invariant = device.electrode_phases()
    for A in (ju.uniform_field(B), ju.uniform_field(B, center=(3.0, 1.0)), ju.electrode_gauge(twisted(B))):
        device, ours = currents(A, invariant)
        assert ours == pytest.approx(expected, abs=1e-8 * np.abs(expected).max())
        assert device.electrode_phases() == pytest.approx(invariant, abs=1e-9)
    assert np.abs(currents(ju.uniform_field(B), phases)[1] - expected).max() > 1e-3


@ON_ANY_MESH
def test_a_ring_with_a_superconducting_lead_does_not_depend_on_the_gauge():
    mesh = ju.ring(0.7, 1.6, 0.4)
    outer = mesh.boundaries["outer"]
    mesh = mesh.with_boundaries({"lead": outer[:4], "inner": mesh.boundaries["inner"]})

    def screening(A):
        device = ju.Device(mesh=mesh, materials=NORMAL, boundaries={"lead": ju.Reservoir(2.0)}, vector_potential=A)
        return np.asarray(ju.charge_current(ju.solve(device, 0.5, frequencies=3, tol=1e-12)))

    one, other = screening(ju.uniform_field(0.6)), screening(ju.electrode_gauge(twisted(0.6)))
    assert other == pytest.approx(one, abs=1e-8 * np.abs(one).max())
    assert np.abs(one).max() > 1e-3


def test_phases_between_electrodes_are_those_along_the_middle_of_a_strip():
    """In the gauge (-B y, 0) the phase gained along the line at half the width is 2 Int A.dl = -B W L."""
    B, L, W = 0.7, 1.5, 2.0
    ends = {"left": ju.Reservoir(1.0, phase=0.1), "right": ju.Reservoir(1.0, phase=0.4)}
    device = ju.Device(
        mesh=ju.rectangle(L, W, 0.5), materials=NORMAL, boundaries=ends, vector_potential=ju.uniform_field(B, "x")
    )
    phases = device.electrode_phases()
    assert phases["right"] - phases["left"] == pytest.approx(0.3 + B * W * L, abs=1e-12)
    completed = replace(device, vector_potential=ju.uniform_field(B))
    assert completed.electrode_phases() == pytest.approx({"left": 0.1, "right": 0.4}, abs=1e-12)
    chi = completed.gauge()
    x, y = np.asarray(device.mesh.points).T
    assert np.ptp(chi + B * x * (y - W) / 2) < 1e-12  # A + grad chi = (-B (y - W/2), 0)


def test_both_sides_of_a_barrier_have_one_gauge():
    mesh = ju.rectangle(1.0, 1.0, 0.25, regions={"a": lambda c: c[:, 0] < 0.5, "b": lambda c: c[:, 0] > 0.5})
    mesh = ju.with_cut_between(mesh, "a", "b", "barrier")
    boundaries = {"left": ju.Reservoir(1.0), "right": ju.Reservoir(1.0), "barrier": ju.Interface(2.0)}
    device = ju.Device(mesh=mesh, materials=NORMAL, boundaries=boundaries, vector_potential=ju.uniform_field(0.5))
    chi, points = device.gauge(), np.asarray(device.mesh.points)
    sides = [device.mesh.boundary_nodes(f"barrier:{side}") for side in ("left", "right")]
    one, other = (chi[nodes[np.argsort(points[nodes, 1])]] for nodes in sides)
    assert one == pytest.approx(other, abs=1e-12)
    assert np.ptp(chi) > 0.01


@ON_ANY_MESH
def test_flux_through_a_periodic_device_is_that_of_a_given_potential():
    """A gradient cannot take it away: the current round a cylinder, and the phase in the gauge without A."""
    mesh, A = ju.rectangle(2.0, 1.0, 0.4), lambda p: np.array([0.2, 0.0]) + 0 * p
    currents = []
    for potential in (A, ju.electrode_gauge(A)):
        boundaries = {"right": ju.Periodic("left")}
        device = ju.Device(mesh=mesh, materials=NORMAL, boundaries=boundaries, vector_potential=potential)
        assert device.electrode_phases() == pytest.approx({"right": -2 * 0.2 * 2.0}, abs=1e-12)
        sol = ju.solve(device, 0.3, 1.0, frequencies=2)
        currents.append(float(np.asarray(ju.charge_current(sol))[:, 0].mean()))
    assert currents[1] == pytest.approx(currents[0], rel=1e-9)
    assert currents[0] < -0.1


@ON_ANY_MESH
def test_one_electrode_at_both_ends_of_a_wire_feels_the_flux_between():
    """A wire bent to a C on a superconductor at x = 0, along which the gauge (-B y, 0) has no part: it fits."""
    C = [(0, 0), (3, 0), (3, 3), (0, 3), (0, 2.6), (2.6, 2.6), (2.6, 0.4), (0, 0.4)]
    mesh, B = ju.polygon(C, 0.4), 0.1
    outline = mesh.boundaries["outline"]
    mesh = mesh.with_boundaries({"ends": outline[np.abs(np.asarray(mesh.points)[outline][:, :, 0]).max(axis=1) < 1e-9]})

    def current(A):
        device = ju.Device(
            mesh=mesh,
            materials=ju.Material(Tc=0.0, D=5.0),
            boundaries={"ends": ju.Reservoir(1.0)},
            vector_potential=A,
        )
        return device, float(ju.current_across(ju.solve(device, 0.2, frequencies=2), (1.5, -0.1), (1.5, 0.5)))

    given, expected = current(ju.uniform_field(B, "x"))
    completed, ours = current(ju.uniform_field(B, center=(0.7, -0.4)))
    assert ours == pytest.approx(expected, rel=1e-9)
    assert abs(expected) > 0.05
    assert len(completed.electrode_phases()) == 1
    with pytest.raises(ju.GaugeError, match="the electrode 'ends' has 2 pieces"):
        given.electrode_phases()


# --- what is refused -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("boundaries", "A", "message"),
    [
        ({"right": ju.Reservoir(1.0)}, "symmetric", r"'right': along it A asks for a phase that turns by 1 rad"),
        ({"right": ju.Tunnel(ju.Reservoir(1.0), 2.0)}, "y", r"'right': .* turns by 2 rad .* misses this by 2 rad"),
        ({"top": ju.Reservoir(1.0)}, "x", r"'top': .* turns by 2 rad"),
        ({"left": ju.Reservoir(1.0)}, lambda p: 3 * p[:, :1] * np.ones(2) + 1, r"'left': .*electrode_gauge\(A\)"),
        ({"right": ju.Periodic("left")}, "y", r"'right': .* turns by 2 rad .* against its partner"),
        (
            {"right": ju.Periodic("left"), "top": ju.Periodic("bottom")},
            "electrodes",
            r"\['right', 'top'\]: .* 0.3183 f",
        ),
        ({"left": ju.Reservoir(1.0, phase=lambda p: 0.7 * p[:, 1])}, "x", r"'left': .* by 0 rad .* misses this by 0.7"),
    ],
)
def test_a_gauge_that_does_not_fit_is_refused(boundaries, A, message):
    A = ju.uniform_field(1.0, A) if isinstance(A, str) else A
    with pytest.raises(ju.GaugeError, match=message):
        ju.Device(mesh=ju.rectangle(1.0, 1.0, 0.5), materials=NORMAL, boundaries=boundaries, vector_potential=A)


@pytest.mark.parametrize(
    ("boundaries", "A"),
    [
        ({"right": ju.Reservoir(0.0), "left": ju.Tunnel(ju.Reservoir(0.0), 1.0)}, "symmetric"),  # normal: no phase
        ({"right": ju.Reservoir(1.0)}, "x"),  # perpendicular
        ({"right": ju.Reservoir(1.0, phase=lambda p: 2.0 * p[:, 1])}, "y"),  # follows
        ({"right": ju.Periodic("left", phase=lambda p: 2.0 * p[:, 1])}, "y"),
        ({"right": ju.Reservoir(1.0)}, lambda p: np.array([3.0, 0.0]) + 0 * p),
        ({"left": ju.Reservoir(1.0)}, "y"),  # A = 0 at x = 0
    ],
)
def test_a_gauge_that_fits_is_taken_as_it_is(boundaries, A):
    A = ju.uniform_field(1.0, A) if isinstance(A, str) else A
    device = ju.Device(mesh=ju.rectangle(1.0, 1.0, 0.5), materials=NORMAL, boundaries=boundaries, vector_potential=A)
    assert not device.gauge().any()


def test_flux_through_a_closed_electrode_is_refused_unless_its_phase_follows():
    mesh = ju.disk(2.0, 0.5)
    rim = np.asarray(mesh.points)[mesh.boundary_nodes("rim")]
    area = float(np.sum(mesh.areas))
    device = {"mesh": mesh, "materials": NORMAL, "vector_potential": ju.uniform_field(np.pi / area)}
    with pytest.raises(ju.GaugeError, match=r"no gauge fits the boundaries \['rim'\]: they close round 1 flux quanta"):
        ju.Device(boundaries={"rim": ju.Reservoir(1.0)}, **device)
    turning = ju.Reservoir(1.0, phase=lambda p: np.arctan2(p[:, 1], p[:, 0]))
    for quantum in (np.pi / area, np.pi / (np.pi * 2.0**2)):  # through the mesh, and through the circle round it
        found = ju.Device(boundaries={"rim": turning}, **device | {"vector_potential": ju.uniform_field(quantum)})
        edges = mesh.boundaries["rim"]
        turn = np.diff(np.arctan2(*rim.T[::-1])[np.searchsorted(mesh.boundary_nodes("rim"), edges)], axis=1)[:, 0]
        missed = np.angle(np.exp(1j * (turn - 2 * np.asarray(found.between_nodes(edges)))))
        assert np.abs(missed).max() < 0.01 * 2 * np.pi


def test_two_pieces_of_a_mesh_and_shared_nodes_have_a_gauge():
    mesh = ju.rectangle(2.0, 1.0, 0.5, regions={"a": lambda c: c[:, 0] < 1, "b": lambda c: c[:, 0] > 1})
    mesh = ju.with_cut_between(mesh, "a", "b", "cut")
    same = ju.Reservoir(1.0)
    device = ju.Device(
        mesh=mesh,
        materials=NORMAL,
        boundaries={"left": same, "bottom": same, "top": ju.Tunnel(ju.Reservoir(1.0), 1.0)},
        vector_potential=ju.uniform_field(0.4),
    )
    assert np.isfinite(device.gauge()).all()
    steps = device.between_nodes(np.concatenate([device.mesh.boundaries[k] for k in ("left", "bottom", "top")]))
    assert np.abs(np.asarray(steps)).max() < 1e-12


def test_cycles_of_differences_are_found():
    forest = Forest.of(np.array([[0, 1], [1, 2], [2, 0], [5, 7]]))
    assert forest.nodes.tolist() == [0, 1, 2, 5, 7]
    assert np.unique(forest.root).size == 2
    assert np.abs(forest.cycles).tolist() == [[1, 1, 1, 0]]
    x = np.array([0.3, 1.0, -2.0, 4.0, 5.5])
    values = forest.offsets @ np.array([0.7, -3.0, 2.3, 1.5]) + x[forest.root]
    assert values == pytest.approx(x)


# --- derivatives, programs, files ------------------------------------------------------------------------


MESH = ju.rectangle(1.0, 1.2, size=0.25)


def current(B, points=None, phase=0.7):
    mesh = MESH if points is None else MESH.with_points(points)
    ends = {"left": ju.Reservoir(2.0), "right": ju.Tunnel(ju.Reservoir(2.0, phase=phase), 1.0)}
    device = ju.Device(mesh=mesh, materials=NORMAL, boundaries=ends, vector_potential=ju.uniform_field(B))
    return ju.current_through(ju.solve(device, 0.2, frequencies=2), "right")


@ON_ANY_MESH
def test_completed_potentials_are_differentiated():
    B, step = 0.8, 1e-4
    P, v = np.asarray(MESH.points), 0.1 * np.random.default_rng(0).normal(size=MESH.points.shape)
    slope, by_points = jax.grad(current, argnums=(0, 1))(B, jnp.asarray(P))
    inside = float(jax.jit(current)(B))
    assert float(slope) == pytest.approx(float(current(B + step) - current(B - step)) / (2 * step), rel=1e-6)
    assert inside == pytest.approx(float(current(B)), rel=1e-9)
    along = float(np.vdot(by_points, v))
    difference = float(current(B, P + step * v) - current(B, P - step * v)) / (2 * step)
    assert along == pytest.approx(difference, rel=1e-5)


@ON_ANY_MESH
def test_a_gauge_that_does_not_fit_is_refused_under_derivatives():
    def energy(B, gauge):
        ends = {"left": ju.Reservoir(2.0), "right": ju.Reservoir(2.0, phase=0.7)}
        A = ju.uniform_field(B, gauge)
        device = ju.Device(mesh=MESH, materials=NORMAL, boundaries=ends, vector_potential=A)
        return ju.free_energy(ju.solve(device, 0.3, frequencies=1))

    for gauge in ("symmetric", "y"):
        with pytest.raises(ju.GaugeError, match="does not fit the boundary"):
            jax.grad(energy)(0.8, gauge)


@ON_ANY_MESH
def test_completed_potentials_come_back_from_files(tmp_path):
    sol = ju.solve(wide_junction(0.5), 1.0, frequencies=1)
    for A in (sol.device.vector_potential, ju.electrode_gauge(twisted(0.3))):
        device = replace(sol.device, vector_potential=A)
        ju.save(replace(sol, device=device), tmp_path / "sol.npz")
        again = ju.load(tmp_path / "sol.npz").device
        assert np.asarray(again.line_integrals()) == pytest.approx(np.asarray(device.line_integrals()), abs=1e-12)


@ON_ANY_MESH
def test_a_file_with_a_gauge_that_does_not_fit_is_read_with_a_warning(tmp_path):
    sol = ju.solve(wide_junction(0.0), 1.0, frequencies=1)
    device = sol.device
    unfit = type(device).unchecked(device.mesh, device.materials, device.boundaries, ju.uniform_field(0.1, "symmetric"))
    ju.save(replace(sol, device=unfit), tmp_path / "sol.npz")
    with pytest.warns(UserWarning, match="would be refused today: the gauge of the vector potential does not fit"):
        again = ju.load(tmp_path / "sol.npz")
    assert np.asarray(again.all_G) == pytest.approx(np.asarray(sol.all_G))
