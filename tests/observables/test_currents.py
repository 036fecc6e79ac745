"""Currents through boundaries and cuts, torques, total spin and triplet components, on solved devices."""

from dataclasses import replace
from itertools import pairwise

import jax.numpy as jnp
import numpy as np
import pytest
from random_device import mild

import jusadel as ju
from jusadel.action.assembly import discretise
from jusadel.observables.currents import current_across, current_through, spin_current_across, spin_current_through
from jusadel.observables.cuts import flux_through_triangles
from jusadel.observables.spin import SPIN_TERMS, magnetisation, spin_divergence, spin_torque, triplet_components

DELTA = 1.3
FREQUENCIES = ([0.4, 1.7], [1.0, 0.8])
TENSORS = mild(11) | {"Tc": 0.0, "h": (0.3, -0.2, 0.4)}
H_RIGHT = np.array([-0.3, 0.5, 0.1])
MESH = ju.rectangle(2.0, 1.0, 0.3)
NOTHING = 1e-100
"""A pair potential of zero that keeps the pairing term, so that one compiled program serves all solutions."""


def field(p):
    return jnp.stack([-0.4 * p[:, 1], 0.2 * p[:, 0] * (p[:, 0] - 2.0)], axis=1)


def solve(phase=0.7, h_right=H_RIGHT, pair_potential=NOTHING, **tensors):
    """A strip between a singlet and a magnetic electrode, every term on."""
    ends = {"left": ju.Reservoir(DELTA), "right": ju.Reservoir(DELTA, phase=phase, h=h_right)}
    device = ju.Device(
        mesh=MESH,
        materials=ju.Material(**(TENSORS | tensors)),
        boundaries=ends,
        vector_potential=field,
    )
    return ju.solve(device, T=0.3, pair_potential=pair_potential, frequencies=FREQUENCIES, tol=1e-11)


@pytest.fixture(scope="module")
def strip():
    return solve()


@pytest.fixture(scope="module")
def fed():
    """The same with a pair potential that solves no gap equation and feeds in charge."""
    return solve(pair_potential=lambda p: 0.6 * DELTA * (1 + 0.3 * p[:, 0]) * jnp.exp(0.4j * p[:, 1]))


# --- charge ----------------------------------------------------------------------------------------

CUTS = [
    ((0.013, -0.1), (0.013, 1.1)),
    ((0.5, 0.0), (0.5, 1.0)),
    ((1.0, 0.0), (1.0, 1.0)),  # along edges of the mesh
    ((1.99, -2.0), (1.99, 3.0)),
    ((0.2, 0.0), (1.7, 1.0)),
    ((1.9, 0.0), (0.1, 1.0)),
    ((0.3, -0.5), (0.7, 1.5)),
    ((0.1, 0.0), (1.9, 1.0)),
    ((0.0, -1.0), (0.0, 2.0)),  # along an electrode
    ((2.0, 0.0), (2.0, 1.0)),
]


def test_the_same_current_crosses_every_cut_and_both_electrodes(strip):
    through = float(current_through(strip, "right"))
    assert abs(through) > 1e-2
    assert float(current_through(strip, "left")) == pytest.approx(-through, rel=1e-8)
    for start, end in CUTS:
        assert float(current_across(strip, start, end)) == pytest.approx(through, rel=1e-8), (start, end)


def test_a_reversed_cut_sees_the_opposite_current(strip):
    start, end = CUTS[4]
    assert float(current_across(strip, end, start)) == pytest.approx(-float(current_across(strip, start, end)))


def test_a_cut_is_the_sum_of_its_pieces(strip):
    """Ends inside the sample, on no edge in particular."""
    start, end = np.array([0.4, -0.2]), np.array([1.3, 1.1])
    stops = [start + s * (end - start) for s in (0, 0.31, 0.37, 0.372, 0.8, 1)]
    pieces = [float(current_across(strip, a, b)) for a, b in pairwise(stops)]
    assert min(abs(piece) for piece in pieces) < 0.1 * max(abs(piece) for piece in pieces)
    assert sum(pieces) == pytest.approx(float(current_across(strip, start, end)), rel=1e-8)


def test_what_flows_into_a_triangle_of_cuts_flows_out_again(strip):
    """Three cuts whose ends lie inside the sample."""
    corners = [(0.45, 0.21), (1.53, 0.33), (0.9, 0.83)]
    flows = [float(current_across(strip, a, b)) for a, b in zip(corners, corners[1:] + corners[:1], strict=True)]
    assert min(abs(flow) for flow in flows) > 1e-2
    assert abs(sum(flows)) < 1e-8 * max(abs(flow) for flow in flows)


def test_vacuum_lets_nothing_out(strip):
    """Its corners belong to the electrodes."""
    scale = abs(float(current_through(strip, "left")))
    for name in ("top", "bottom"):
        assert abs(float(current_through(strip, name))) < 1e-9 * scale
        assert float(jnp.abs(spin_current_through(strip, name)).max()) < 1e-9 * scale


@pytest.mark.parametrize("pair_potential", [NOTHING, 0.9], ids=["normal", "fed"])
def test_current_is_the_derivative_of_the_free_energy_in_the_phase(pair_potential):
    """2 dF/dphase of the electrode that the current flows into, with the source of a fixed Delta as well."""
    step = 1e-4
    F = [float(ju.free_energy(solve(phase=0.7 + s * step, pair_potential=pair_potential))) for s in (1, -1)]
    current = float(current_through(solve(pair_potential=pair_potential), "right"))
    assert current == pytest.approx((F[0] - F[1]) / step, rel=1e-6, abs=1e-7)


def test_electrodes_take_up_what_a_fixed_pair_potential_feeds_in(fed):
    """The source is 2 dF/d(phase of Delta): turning everything does nothing."""
    turned = [fed.vertex_Delta * jnp.exp(1j * s * 1e-4) for s in (1, -1)]
    F = [float(ju.free_energy(replace(fed, system=discretise(fed.device, Delta)))) for Delta in turned]
    out = float(current_through(fed, "left") + current_through(fed, "right"))
    assert abs(out) > 1e-2
    assert out == pytest.approx(-(F[0] - F[1]) / 1e-4, rel=1e-6)


def test_a_node_shared_by_two_names_of_one_electrode_counts_once(strip):
    """The right electrode in two halves that meet in a node."""
    halves = {
        "upper": lambda m: (m[:, 0] > 1.99) & (m[:, 1] > 0.4),
        "lower": lambda m: (m[:, 0] > 1.99) & (m[:, 1] < 0.4),
    }
    mesh = MESH.with_boundaries(halves)
    assert len(np.intersect1d(mesh.boundary_nodes("upper"), mesh.boundary_nodes("lower"))) == 1
    right = strip.device.boundaries["right"]
    named = replace(strip.device, mesh=mesh, boundaries={"left": ju.Reservoir(DELTA), "upper": right, "lower": right})
    parts = [current_through(replace(strip, device=named), name) for name in ("upper", "lower")]
    assert float(sum(parts)) == pytest.approx(float(current_through(strip, "right")), rel=1e-12)


def perforated():
    """A square from 0 to 2 with a square hole in its middle."""
    full = ju.rectangle(2.0, 2.0, 0.3)
    keep = np.abs(np.asarray(full.centroids) - 1).max(axis=1) > 0.3
    used, triangles = np.unique(full.triangles[keep], return_inverse=True)
    return ju.Mesh(points=full.points[used], triangles=triangles.reshape(-1, 3))


def stream_function(mesh):
    """Nodal psi: 0 on the rim, 0.7 round the hole, and a function of points that is 0 or 0.7 beyond them."""
    x, y = mesh.points.T
    outer = np.unique(mesh.boundary_edges)
    from_middle = np.abs(mesh.points[outer] - 1).max(axis=1)
    psi = np.sin(3 * x + y) + x * y
    psi[outer] = np.where(from_middle > 0.9, 0.0, 0.7)

    def at(p):
        local = 1 / 3 + np.einsum("tik,tk->ti", mesh.shape_gradients, p - mesh.centroids)
        best = np.argmax(local.min(axis=1))
        beyond = 0.0 if np.abs(p - 1).max() > 0.9 else 0.7
        return local[best] @ psi[mesh.triangles[best]] if local[best].min() > -1e-12 else beyond

    return psi, at


def test_any_cut_of_any_divergence_free_current_is_exact():
    """j = (d_y psi, -d_x psi): the flux is psi(end) - psi(start), wherever the cut runs and ends."""
    mesh = perforated()
    psi, at = stream_function(mesh)
    slope = np.einsum("ti,tik->tk", psi[mesh.triangles], mesh.shape_gradients)
    current = jnp.asarray(np.stack([slope[:, 1], -slope[:, 0]], axis=1))
    rng = np.random.default_rng(5)
    nodes = [(mesh.points[i], mesh.points[j]) for i, j in rng.integers(len(mesh.points), size=(25, 2)) if i != j]
    edges = [mesh.points[edge] for edge in mesh.edges[::9]]
    anywhere = [c for c in rng.uniform(-0.5, 2.5, size=(40, 2, 2)) if np.all(c.max(axis=0) > 0.3)]
    for start, end in [*nodes, *edges, *anywhere]:
        try:
            flux = float(flux_through_triangles(mesh, current, start, end)[0])
        except ValueError:
            assert at(start) == at(end), (start, end)
        else:
            assert flux == pytest.approx(at(end) - at(start), abs=1e-9), (start, end)


@pytest.mark.parametrize("angle", [0.0, 0.3, 1.1, 2.0, 2.9])
def test_cuts_along_the_electrodes_of_a_turned_strip(angle):
    """Nodes on the line but for round-off; a uniform current along the strip, of height 1."""
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    mesh = MESH.with_points(MESH.points @ turn.T)
    current = jnp.broadcast_to(jnp.asarray(turn[:, 0]), (len(mesh.triangles), 2))
    for x in (0.0, 1.0, 2.0):
        bottom, top = turn @ [x, 0.0], turn @ [x, 1.0]
        assert float(flux_through_triangles(mesh, current, bottom, top)[0]) == pytest.approx(1.0, abs=1e-12)
        assert float(flux_through_triangles(mesh, current, top, bottom)[0]) == pytest.approx(-1.0, abs=1e-12)


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        ((0.3, 0.2), (0.3, 0.2), "are the same point; a cut has a length"),
        ((0.3, np.nan), (0.3, 0.2), "start = .* expected two finite numbers"),
        ((0.3, 0.1), (0.3, 0.2, 0.0), "end = .* expected two finite numbers"),
        ((3.0, 0.0), (3.0, 1.0), r"meets no triangle; the mesh spans \[0.0, 0.0\] to \[2.0, 1.0\]"),
        ((1.0, 2.0), (1.0, 3.0), "meets no triangle"),
    ],
)
def test_cuts_that_are_none_are_refused(strip, start, end, message):
    with pytest.raises(ValueError, match=message):
        current_across(strip, start, end)


@pytest.mark.parametrize("function", [current_through, spin_current_through])
def test_unknown_boundary_is_refused(strip, function):
    with pytest.raises(ValueError, match=r"no boundary 'middle'; its boundaries are \['left', 'right'"):
        function(strip, "middle")


# --- spin ------------------------------------------------------------------------------------------


def cross(a, b):
    return jnp.cross(jnp.broadcast_to(jnp.asarray(a), b.shape), b)


def test_divergence_of_the_spin_current_is_the_torque(strip):
    """At every free node, vacuum edges included, with every term on; the terms' shares add up."""
    free, torque = np.asarray(strip.system.free), spin_torque(strip)
    groups = (["exchange"], ["diffusion"], [name for name in SPIN_TERMS if name not in ("exchange", "diffusion")])
    shares = [spin_torque(strip, terms=names) for names in groups]
    assert all(float(jnp.abs(share).max()) > 1e-2 for share in shares)
    assert float(jnp.abs(sum(shares) - torque).max()) < 1e-12 * float(jnp.abs(torque).max())
    mismatch = jnp.abs(spin_divergence(strip) - torque)
    assert float(mismatch[free].max()) < 1e-9 * float(jnp.abs(torque).max())
    assert float(mismatch[~free].max()) > 1e-2  # what the electrodes take up


def test_exchange_turns_spins_twice_as_fast_as_h(strip):
    """d_k j_ak = 2 (h x S)_a, physics.md, section 5."""
    S = ju.spin_density(strip)
    expected = 2 * cross(TENSORS["h"], S)
    assert float(jnp.abs(spin_torque(strip, ["exchange"]) - expected).max()) < 1e-12 * float(jnp.abs(expected).max())


NO_COUPLING = {"spin_field": np.zeros((3, 2)), "gamma": np.zeros((3, 2)), "theta": np.zeros(3), "kappa": np.zeros(3)}


def test_without_coupling_to_orbits_exchange_alone_makes_spin_currents():
    """The divergence of the spin current (from dF/da) against the spin density (from dF/dh), node by node."""
    sol = solve(**NO_COUPLING, Gamma=0.0)
    free, divergence = np.asarray(sol.system.free), spin_divergence(sol)
    expected = 2 * cross(TENSORS["h"], ju.spin_density(sol))
    assert float(jnp.abs(expected[free]).max()) > 1e-2
    assert float(jnp.abs(divergence - expected)[free].max()) < 1e-9 * float(jnp.abs(divergence).max())


def test_the_spin_field_turns_the_spin_current(strip):
    """torque_l = -2 eps_lmr a_mk j_rk for the diffusion term, which holds a; up to the mesh size."""
    j = ju.spin_current(strip, terms=["diffusion"])
    areas = jnp.asarray(MESH.areas)
    turned = sum(-2 * cross(TENSORS["spin_field"][:, k], j[:, :, k]) for k in range(2))
    expected = areas @ turned
    total = jnp.asarray(MESH.nodal_areas) @ spin_torque(strip, ["diffusion"])
    assert float(jnp.abs(expected).max()) > 0.1
    assert np.asarray(total) == pytest.approx(np.asarray(expected), abs=0.02 * float(jnp.abs(expected).max()))


def test_electrodes_take_up_the_torque(strip):
    total = spin_current_through(strip, "left") + spin_current_through(strip, "right")
    torque = jnp.asarray(MESH.nodal_areas) @ spin_torque(strip)
    assert float(jnp.abs(total).max()) > 0.1
    assert np.asarray(total) == pytest.approx(np.asarray(torque), rel=1e-8)


def test_spin_current_into_a_magnet_is_the_torque_on_it():
    """A turn of the electrode's h by an angle about an axis costs dF = -(I/2).axis, spins being hbar/2."""
    axis, step = np.array([0.6, 0.0, 0.8]), 1e-4
    turned = [H_RIGHT + s * step * np.cross(axis, H_RIGHT) for s in (1, -1)]
    lengths = [h * np.linalg.norm(H_RIGHT) / np.linalg.norm(h) for h in turned]
    F = [float(ju.free_energy(solve(h_right=h))) for h in lengths]
    current = float(axis @ spin_current_through(solve(), "right"))
    assert abs(current) > 1e-2
    assert -current / 2 == pytest.approx((F[0] - F[1]) / (2 * step), rel=1e-6)


def test_spin_currents_of_two_cuts_differ_by_the_torque_between_them(strip):
    """Nodes right of the line of the first and left of that of the second, whole rows of the mesh."""
    first, second = (((x, 0.0), (x, 1.0)) for x in (0.45, 1.45))
    between = (MESH.points[:, 0] > 0.45) & (MESH.points[:, 0] < 1.45)
    torque = (np.asarray(MESH.nodal_areas)[:, None] * np.asarray(spin_torque(strip)))[between].sum(axis=0)
    gained = spin_current_across(strip, *second) - spin_current_across(strip, *first)
    assert np.asarray(gained) == pytest.approx(torque, rel=1e-8)


def test_unknown_terms_are_refused(strip):
    with pytest.raises(ValueError, match=r"terms = \['pairing'\]; expected a sequence of names from \['exchange'"):
        spin_torque(strip, ["pairing"])
    with pytest.raises(ValueError, match="terms = 'exchange'; expected a sequence"):
        spin_torque(strip, "exchange")


# --- magnetisation and triplets ----------------------------------------------------------------------

HALVES = MESH.with_regions({"magnet": lambda c: c[:, 0] < 1, "metal": lambda c: c[:, 0] > 1})
H_MAGNET = np.array([0.5, 0.2, -0.3])


def bilayer(h=H_MAGNET):
    """A magnet on a metal with h = 0 and another density of states."""
    materials = {
        "magnet": ju.Material(Tc=0.0, nu=0.7, h=h),
        "metal": ju.Material(Tc=0.0, nu=1.6, spin_field=ju.rashba(0.5)),
    }
    device = ju.Device(mesh=HALVES, materials=materials, boundaries={"right": ju.Reservoir(DELTA)})
    return ju.solve(device, T=0.3, pair_potential=NOTHING, frequencies=FREQUENCIES, tol=1e-11)


@pytest.fixture(scope="module")
def magnet():
    return bilayer()


def test_magnetisation_of_a_region_is_the_response_to_its_exchange_field(magnet):
    """M = dF/dh - 2 nu h x area of the region whose h changes."""
    step, direction = 1e-4, np.array([0.0, 0.6, 0.8])
    F = [float(ju.free_energy(bilayer(H_MAGNET + s * step * direction))) for s in (1, -1)]
    response = (F[0] - F[1]) / (2 * step) - 2 * 0.7 * H_MAGNET @ direction
    assert float(direction @ magnetisation(magnet, "magnet")) == pytest.approx(response, rel=1e-6)


def test_magnetisation_of_all_regions_is_the_integral_of_the_spin_density(magnet):
    parts = sum(magnetisation(magnet, name) for name in HALVES.regions)
    whole = jnp.asarray(HALVES.nodal_areas) @ ju.spin_density(magnet)
    assert np.asarray(magnetisation(magnet)) == pytest.approx(np.asarray(whole), rel=1e-12)
    assert np.asarray(parts) == pytest.approx(np.asarray(whole), rel=1e-12)
    assert float(jnp.abs(magnetisation(magnet, "metal")).max()) > 1e-4
    with pytest.raises(ValueError, match=r"no region 'film'; its regions are \['magnet', 'metal'\]"):
        magnetisation(magnet, "film")


def test_triplets_along_h_and_across_it(magnet):
    short, long = triplet_components(magnet, omega=0)
    triplet = ju.pair_amplitude(magnet, omega=0)[1]
    inside, outside = HALVES.points[:, 0] < 1.01, HALVES.points[:, 0] > 1.01
    n = H_MAGNET / np.linalg.norm(H_MAGNET)
    assert np.asarray(short)[inside] == pytest.approx((np.asarray(triplet) @ n)[inside], rel=1e-12)
    assert np.abs(np.asarray(long)[inside] @ n).max() < 1e-14
    assert np.abs(np.asarray(long)[inside]).max() > 1e-3  # spin-orbit coupling turns them
    assert np.all(np.asarray(short)[outside] == 0)
    assert np.array_equal(np.asarray(long)[outside], np.asarray(triplet)[outside])


def test_triplets_along_an_axis(magnet):
    n = np.array([0.0, 0.6, 0.8])
    short, long = triplet_components(magnet, axis=5 * n)
    triplet = np.asarray(ju.pair_amplitude(magnet)[1])
    assert np.asarray(short) == pytest.approx(triplet @ n, rel=1e-12)
    assert np.asarray(long) == pytest.approx(triplet - np.outer(triplet @ n, n), rel=1e-12)
    each = triplet_components(magnet, axis=np.tile(n, (len(triplet), 1)))
    assert np.asarray(each[0]) == pytest.approx(np.asarray(short), rel=1e-12)


@pytest.mark.parametrize(
    ("axis", "message"),
    [((0, 0, 0), "along a zero axis"), ((1, 0), "expected three finite"), ((0, np.inf, 0), "expected three finite")],
)
def test_axes_that_are_none_are_refused(magnet, axis, message):
    with pytest.raises(ValueError, match=message):
        triplet_components(magnet, axis=axis)


def test_without_exchange_field_an_axis_is_asked_for():
    device = ju.Device(mesh=HALVES, materials=ju.Material())
    sol = ju.solve(device, T=0.3, pair_potential=DELTA, frequencies=FREQUENCIES)
    with pytest.raises(ValueError, match="no exchange field: give axis"):
        triplet_components(sol)
