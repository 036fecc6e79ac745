"""Charge, spin and energy through named lines that are no electrodes: barriers, inner lines, seams, vacuum."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jusadel as ju

pytestmark = pytest.mark.filterwarnings("ignore:the mesh is too coarse:jusadel.CoarseMeshWarning")
N = ju.Material(Tc=0.0)
HALVES = {"A": lambda c: c[:, 0] < 1, "B": lambda c: c[:, 0] > 1}
BANKS = ("b", 1), ("b:left", 1), ("b:right", -1)


def two_squares(size=0.25, regions=None):
    """Two squares 1 x 0.5 with the line "b" between them."""
    x, y = (np.linspace(0, side, round(side / size) + 1) for side in (2.0, 0.5))
    mesh = ju.rectangle(2.0, 0.5, size, x=x, y=y)
    chosen = {name: np.flatnonzero(test(np.asarray(mesh.centroids))) for name, test in (regions or HALVES).items()}
    mesh = mesh.with_regions(chosen)  # by triangles, so that the line may be a zigzag
    return ju.with_cut_between(mesh, "A", "B", "b")


def crooked():
    """A line in zigzag between two regions, its edges in any order and direction, as mesh files have them."""
    slanted = {"A": lambda c: c[:, 0] < 0.7 + c[:, 1], "B": lambda c: c[:, 0] >= 0.7 + c[:, 1]}
    mesh = two_squares(0.1, slanted)
    edges = np.array(mesh.boundaries["b"])
    rng = np.random.default_rng(3)
    edges = np.where(rng.random(len(edges))[:, None] < 0.5, edges, edges[:, ::-1])[rng.permutation(len(edges))]
    return mesh.with_boundaries({"b": edges})


# --- in the normal state -------------------------------------------------------------------------


def test_through_a_barrier_flows_what_ohm_says():
    """Two squares of resistance 1/(2 D) x 1/0.5 and a barrier of 1/(3 x 0.5): 0.375 of charge, and of spin."""
    device = ju.Device(mesh=two_squares(), materials=N, boundaries={"b": ju.Interface(3.0)})
    flow = ju.diffuse(device, {"left": ju.Contact(voltage=1.0, spin=(0, 0.2, 0)), "right": ju.Contact(voltage=0.0)})
    for name, sign in BANKS:
        assert ju.current_through(flow, name) == pytest.approx(sign * 0.375, rel=1e-10)
        np.testing.assert_allclose(ju.spin_current_through(flow, name), [0, sign * 0.075, 0], atol=1e-10)
    assert ju.current_through(flow, "right") == pytest.approx(0.375, rel=1e-10)


def test_through_an_inner_line_flows_what_reaches_the_electrode():
    """Whatever the order of its edges: from A to B, since A comes first."""
    metals = {"A": ju.Material(Tc=0.0, D=[[1.3, 0.2], [0.2, 0.7]]), "B": ju.Material(Tc=0.0, D=0.4)}
    device = ju.Device(mesh=crooked(), materials=metals)
    flow = ju.diffuse(device, {"left": ju.Contact(voltage=1.0, spin=(0, 0.2, 0)), "right": ju.Contact(voltage=0.0)})
    through = float(ju.current_through(flow, "right"))
    assert through > 0.1
    assert ju.current_through(flow, "b") == pytest.approx(through, rel=1e-10)
    np.testing.assert_allclose(ju.spin_current_through(flow, "b"), [0, 0.2 * through, 0], atol=1e-10)
    assert ju.current_through(flow, "top") == 0


@pytest.mark.parametrize(("first", "last"), [(0, 2), (2, 4), (1, 3), (0, 4)])
def test_a_line_that_ends_inside_has_its_share(first, last):
    """The current density is 1/2 everywhere."""
    mesh, y = two_squares(0.125), np.linspace(0, 0.5, 5)
    edges = np.array(mesh.boundaries["b"])
    middle = np.asarray(mesh.points)[edges].mean(axis=1)[:, 1]
    mesh = mesh.with_boundaries({"b": edges[(middle > y[first]) & (middle < y[last])]})
    flow = ju.diffuse(
        ju.Device(mesh=mesh, materials=N), {"left": ju.Contact(voltage=0.5), "right": ju.Contact(voltage=0.0)}
    )
    assert ju.current_through(flow, "b") == pytest.approx((y[last] - y[first]) / 2, rel=1e-10)


def test_a_line_from_electrode_to_electrode():
    """Along the middle of a strip whose D is skew: with an insulating top and bottom nothing crosses it."""
    mesh = ju.rectangle(2.0, 0.5, 0.125, regions={"A": lambda c: c[:, 1] < 0.25, "B": lambda c: c[:, 1] > 0.25})
    mesh = ju.with_cut_between(mesh, "A", "B", "b")
    ends = {"left": ju.Contact(voltage=1.0), "right": ju.Contact(voltage=0.0)}
    flow = ju.diffuse(ju.Device(mesh=mesh, materials=N), ends | {"bottom": ju.Contact(current=0.0)})
    assert abs(ju.current_through(flow, "b")) < 1e-12
    across = {"bottom": ju.Contact(voltage=1.0), "top": ju.Contact(voltage=0.0)}
    flow = ju.diffuse(ju.Device(mesh=mesh, materials=N), across)
    assert ju.current_through(flow, "b") == pytest.approx(2 * 2.0 / 0.5, rel=1e-10)


def test_dynamics_leave_vacuum_and_current_sources_alone():
    """While charge still moves, nothing leaves through vacuum, and a source feeds in what it is told."""
    contacts = {"left": ju.Contact(current=1.0), "right": ju.Contact(voltage=0.0)}
    flow = ju.spin_dynamics(ju.Device(mesh=two_squares(), materials=N), contacts, [0.0, 0.05])[-1]
    assert 0 < float(ju.current_through(flow, "right")) < 0.5
    assert ju.current_through(flow, "left") == pytest.approx(-1.0, rel=1e-12)
    assert ju.current_through(flow, "top") == 0


# --- in equilibrium ------------------------------------------------------------------------------

MAGNETS = {"left": ju.Reservoir(1.0, h=(0.5, 0, 0)), "right": ju.Reservoir(1.0, phase=1.0, h=(0, 0.5, 0))}
FEW = {"T": 0.3, "frequencies": 3}


@pytest.fixture(scope="module", params=["barrier", "line"])
def bridge(request):
    """A normal bridge between superconductors whose exchange fields are at right angles: charge and spin flow."""
    barrier = {"b": ju.Interface(3.0)} if request.param == "barrier" else {}
    mesh = two_squares() if barrier else crooked()
    return ju.solve(ju.Device(mesh=mesh, materials=N, boundaries=MAGNETS | barrier), **FEW)


def names(result):
    return BANKS if "b" in result.device.boundaries else BANKS[:1]


def test_supercurrent_through_lines_is_that_of_the_electrode(bridge):
    charge, spin = float(ju.current_through(bridge, "right")), ju.spin_current_through(bridge, "right")
    assert abs(charge) > 1e-3
    assert np.abs(spin).max() > 1e-3
    for name, sign in names(bridge):
        assert ju.current_through(bridge, name) == pytest.approx(sign * charge, rel=1e-8)
        np.testing.assert_allclose(ju.spin_current_through(bridge, name), sign * spin, atol=1e-8)
    assert ju.current_through(bridge, "top") == 0


def test_supercurrent_of_each_energy(bridge):
    spec = ju.spectrum(bridge, [0.4, 1.3], eta=0.2)
    electrode = ju.spectral_current(spec, "right")
    assert np.abs(electrode).max() > 1e-3
    np.testing.assert_allclose(ju.spectral_current(spec, "b"), electrode, atol=1e-8)


def test_slope_of_the_current_through_a_line(bridge):
    """By the phase, of the same current."""

    def through(phase, name):
        ends = bridge.device.boundaries | {"right": ju.Reservoir(1.0, phase=phase)}
        sol = ju.solve(replace(bridge.device, boundaries=ends), **FEW)
        return ju.current_through(sol, name)

    slopes = [float(jax.grad(through)(1.0, name)) for name in ("b", "right")]
    assert abs(slopes[1]) > 1e-3
    assert slopes[0] == pytest.approx(slopes[1], rel=1e-7)


def test_current_round_a_tube():
    """Out over the seam at the top and in at the bottom: the current density times the length of the tube."""
    mesh = ju.rectangle(2.0, 1.0, 0.25)
    device = ju.Device(
        mesh=mesh,
        materials=ju.Material(),
        boundaries={"top": ju.Periodic("bottom")},
        vector_potential=lambda p: jnp.array([0.0, 0.3]) + 0 * p,
    )
    sol = ju.solve(device, pair_potential=1.0, **FEW)
    density = np.asarray(ju.charge_current(sol))[:, 1]
    assert abs(density[0]) > 0.1
    np.testing.assert_allclose(density, density[0], rtol=1e-8)
    assert ju.current_through(sol, "top") == pytest.approx(2.0 * density[0], rel=1e-8)
    assert ju.current_through(sol, "bottom") == pytest.approx(-2.0 * density[0], rel=1e-8)


# --- with distributions --------------------------------------------------------------------------


def test_charge_spin_and_energy_of_distributions(bridge):
    """In the normal state: Ohm's 0.375 with the barrier, 0.5 without, and the heat of the electrode."""
    normal = {"left": ju.Reservoir(0.0), "right": ju.Reservoir(0.0)}
    barrier = {"b": ju.Interface(3.0)} if "b" in bridge.device.boundaries else {}
    sol = ju.solve(ju.Device(mesh=bridge.mesh, materials=N, boundaries=normal | barrier), **FEW)
    u, w = np.polynomial.legendre.leggauss(12)
    spec = ju.spectrum(sol, (u + 1) / (1 - u), eta=1e-6)
    hot = ju.Contact(voltage=0.2, spin=(0.1, 0, 0), temperature=0.5)
    contacts = {"left": hot, "right": ju.Contact(voltage=0.0)}
    kin = ju.kinetics(spec, contacts, weights=2 * w / (1 - u) ** 2)
    conductance, heat = 0.375 if barrier else 0.5, ju.energy_current_through(kin, "right")
    assert heat > 0.05
    for name, sign in names(sol):
        assert ju.current_through(kin, name) == pytest.approx(sign * 0.2 * conductance, rel=1e-3)
        assert ju.spin_current_through(kin, name)[0] == pytest.approx(sign * 0.1 * conductance, rel=1e-3)
        assert ju.energy_current_through(kin, name) == pytest.approx(sign * heat, rel=1e-8)
        np.testing.assert_allclose(
            kin.currents_through(name)[:, :5], sign * kin.currents_through("right")[:, :5], atol=1e-9
        )
    assert ju.current_through(kin, "top") == 0


# --- electrodes that share a corner --------------------------------------------------------------


@pytest.mark.parametrize("order", [1, -1])
def test_a_barrier_beside_a_reservoir_counts_all_that_flows(order):
    """The derivative of the free energy by the phase behind it, and what the reservoir takes up."""
    square = ju.rectangle(1.0, 1.0, 0.5)

    def solved(phase):
        film = ju.Surface(Gamma=0.2)
        ends = {"left": ju.Tunnel(ju.Reservoir(1.0, phase=phase), 2.0, surface=film), "top": ju.Reservoir(1.0)}
        return ju.solve(ju.Device(mesh=square, materials=N, boundaries=dict(list(ends.items())[::order])), **FEW)

    before, sol, after = (solved(1.0 + step) for step in (-1e-3, 0.0, 1e-3))
    left, top = (float(ju.current_through(sol, name)) for name in ("left", "top"))
    assert abs(left) > 1e-2
    assert left == pytest.approx(float(ju.free_energy(after) - ju.free_energy(before)) / 1e-3, rel=1e-4)
    assert top == pytest.approx(-left, rel=1e-8)


def test_distributions_beside_a_barrier():
    """The same as in the normal state, times the voltage."""
    square = ju.rectangle(1.0, 1.0, 0.5)
    ends = {"left": ju.Tunnel(ju.Reservoir(0.0), 2.0), "top": ju.Reservoir(0.0)}
    sol = ju.solve(ju.Device(mesh=square, materials=N, boundaries=ends), **FEW)
    flow = ju.diffuse(sol.device, {"left": ju.Contact(voltage=0.2), "top": ju.Contact(voltage=0.0)})
    u, w = np.polynomial.legendre.leggauss(12)
    kin = ju.kinetics(ju.spectrum(sol, (u + 1) / (1 - u), eta=1e-6), flow.contacts, weights=2 * w / (1 - u) ** 2)
    top = float(ju.current_through(kin, "top"))
    assert top == pytest.approx(float(ju.current_through(flow, "top")), rel=1e-3)
    assert ju.current_through(kin, "left") == pytest.approx(-top, rel=1e-8)


# --- what is refused -----------------------------------------------------------------------------


def test_lines_without_a_flux_are_refused():
    mesh = two_squares()
    outline = {"outline": mesh.boundary_edges}
    x, y = np.asarray(mesh.points).T
    row = np.flatnonzero(np.abs(y - 0.25) < 1e-9)
    row = row[np.argsort(x[row])]
    cross = np.concatenate([mesh.boundaries["b"], np.stack([row[:-1], row[1:]], axis=1)])
    mesh = mesh.with_boundaries(outline | {"cross": cross})
    device = ju.Device(mesh=mesh, materials=N)
    ends = {"left": ju.Contact(voltage=1.0), "right": ju.Contact(voltage=0.0)}
    flow = ju.diffuse(device, ends)
    with pytest.raises(ValueError, match=r"no boundary 'middle'; its boundaries are \['left', .*'cross'\]"):
        ju.current_through(flow, "middle")
    with pytest.raises(ValueError, match=r"'outline' has 2 edges in common with the electrode 'left'.* through 'left'"):
        ju.current_through(flow, "outline")
    with pytest.raises(ValueError, match=r"'cross' has no direction \(.*branches at nodes .*current_across"):
        ju.current_through(flow, "cross")
    part = mesh.with_boundaries({"part": lambda middle: (middle[:, 1] == 0) & (middle[:, 0] < 1)})
    device = replace(device, mesh=part)
    flow = ju.diffuse(device, ends | {"part": ju.Contact(current=0.3)})
    with pytest.raises(ValueError, match="'b' ends where the contact 'part' does, at the node"):
        ju.current_through(flow, "b")
