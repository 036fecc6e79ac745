"""Barriers, surfaces, interfaces and periodic boundaries: references, exact equivalences, derivatives, refusals."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize
from random_device import OMEGA, dense, make
from shared import bare_frequency

import jusadel as ju
from jusadel.action.matrix_free import lift, residual
from jusadel.action.mesh_action import Joint, joint_action
from jusadel.action.nambu.frames import frame_to_green
from jusadel.action.sparse_hessian import Pattern
from jusadel.device.boundary import Boundary

# what is compared with numbers of others stands on fine lines; the rest holds on any mesh
pytestmark = pytest.mark.filterwarnings("ignore:the mesh is too coarse:jusadel.CoarseMeshWarning")
DIRECT = ju.linear.SuperLU()
RNG = np.random.default_rng(11)


def angle(sol):
    """theta of G = cos(theta) R3 + sin(theta) R2, at the nodes, for one frequency."""
    g = np.asarray(ju.to_nambu(sol.G[0]))
    return np.arctan2(np.asarray(ju.pair_amplitude(sol, omega=0)[0]).real, g[:, 0, 0].real)


def graded(length, n=40):
    """Mesh lines from 0, dense there, and their mirror image."""
    return length * np.linspace(0, 1, n + 1) ** 1.5


def numbers(text):
    return {k: float(v) for k, v in (pair.split("=") for pair in text.replace(" ", "").split(","))}


def test_a_barrier_that_filters_spins_leaves_a_normal_metal_normal():
    """G = R3, which round-off does not let Newton's steps leave or reach better."""
    ends = {"left": ju.Tunnel(ju.Reservoir(0.0), 0.02, polarisation=(0, 0, 0.3)), "right": ju.Reservoir(0.0)}
    metal = ju.Material(Tc=0.0)
    sol = ju.solve(ju.Device(mesh=ju.rectangle(1.0, 0.2, 0.2), materials=metal, boundaries=ends), 0.08, frequencies=4)
    assert sol.converged.all()
    np.testing.assert_allclose(sol.G - jnp.asarray(ju.nambu.R[2]), 0, atol=1e-15)


# --- references --------------------------------------------------------------------------------


@pytest.mark.parametrize("reference", ["R088", "R090", "R092", "R093", "R095"])
def test_normal_layer_behind_a_tunnel_barrier(references, reference):
    """References B2a: theta(x), with gamma_B xi = 2 nu D/G_B."""
    entry = references[reference]
    given = numbers(entry["parameters"].replace("gamma_B*xi/L", "gammaB"))
    layer = ju.rectangle(1.0, 0.05, 0.1, x=graded(1.0))
    tunnel = ju.Tunnel(ju.Reservoir(given["Delta"]), conductance=2 / given["gammaB"])
    device = ju.Device(mesh=layer, materials=ju.Material(Tc=0.0), boundaries={"left": tunnel})
    theta = angle(ju.solve(device, linear_solver=DIRECT, **bare_frequency(given["w"])))
    for name, value in entry["value"].items():
        x = float(name.removeprefix("theta(").removesuffix(")"))
        at = np.interp(x, layer.points[:41, 0], theta[:41])
        assert at == pytest.approx(value, abs=3e-4), name


@pytest.mark.parametrize("reference", ["R097", "R100", "R107", "R108", "R103"])
def test_bilayer_with_and_without_a_barrier(references, reference):
    """References B2b: both sides of the interface and the outer edges; different D and nu."""
    entry = references[reference]
    given = numbers(entry["parameters"].replace("sigma_N/sigma_S", "ratio"))
    dS, dN, nu = given["dS"], given["dN"], given["ratio"] / given["D_N"]
    x = np.concatenate([dS - graded(dS)[::-1], dS + graded(dN)[1:]])
    mesh = ju.rectangle(dS + dN, 0.05, 0.1, x=x, regions={"S": lambda c: c[:, 0] < dS, "N": lambda c: c[:, 0] > dS})
    mesh = ju.with_cut_between(mesh, "S", "N", "border")
    barrier = {"border": ju.Interface(2 * nu * given["D_N"] / given["gammaB_xi"])} if given["gammaB_xi"] else {}
    layers = {"S": ju.Material(D=1.0), "N": ju.Material(D=given["D_N"], Tc=0.0, nu=nu)}
    device = ju.Device(mesh=mesh, materials=layers, boundaries=barrier)
    sol = ju.solve(device, pair_potential={"S": given["Delta"]}, linear_solver=DIRECT, **bare_frequency(given["w"]))
    theta, at = angle(sol), sol.mesh.points[:, 0]
    sides = {name: np.unique(sol.mesh.triangles[rows]) for name, rows in sol.mesh.regions.items()}
    border = {name: theta[nodes[np.isclose(at[nodes], dS)]] for name, nodes in sides.items()}
    found = {"theta(-dS)": theta[np.isclose(at, 0)], "theta(dN)": theta[np.isclose(at, dS + dN)]}
    found |= {"theta_S(0-)": border["S"], "theta_N(0+)": border["N"]}
    for name, value in entry["value"].items():
        np.testing.assert_allclose(found[name], value, atol=5e-4, err_msg=name)


@pytest.mark.parametrize("transmissions", [None, [1e-6], [1.0], [0.2, 0.7, 0.9]])
def test_island_between_two_barriers(transmissions):
    """A small island has one angle: the minimum of a function of one variable, typed in; its current follows."""
    omega, Delta, phase, G_B, size = 0.3, 1.0, 2.0, 0.7, 1e-2
    mesh = ju.rectangle(size, size, size)
    ends = {
        "left": ju.Tunnel(ju.Reservoir(Delta, phase=-phase / 2), G_B, transmissions),
        "right": ju.Tunnel(ju.Reservoir(Delta, phase=phase / 2), G_B, transmissions),
    }
    device = ju.Device(mesh=mesh, materials=ju.Material(D=50.0, Tc=0.0), boundaries=ends)
    sol = ju.solve(device, linear_solver=DIRECT, **bare_frequency(omega))

    def energy(theta, phase):
        bulk = np.arctan2(Delta, omega)
        overlap = np.cos(theta) * np.cos(bulk) + np.sin(theta) * np.sin(bulk) * np.cos(phase / 2)
        if transmissions is None:
            barrier = -G_B * overlap
        else:
            T = np.array(transmissions)
            barrier = -2 * G_B / T.sum() * np.log(1 - T / 2 * (1 - overlap)).sum()
        return -4 * omega * size**2 * np.cos(theta) + 2 * size * barrier

    best = lambda p: scipy.optimize.minimize_scalar(energy, (0.0, np.pi / 2), args=(p,), tol=1e-14)  # noqa: E731
    np.testing.assert_allclose(angle(sol), best(phase).x, rtol=2e-4)
    slope = (best(phase + 1e-3).fun - best(phase - 1e-3).fun) / 2e-3
    assert float(ju.current_through(sol, "right")) == pytest.approx(2 * slope, rel=1e-3)
    assert float(ju.current_through(sol, "left")) == pytest.approx(-2 * slope, rel=1e-3)


@pytest.mark.parametrize("transmissions", [None, [1.0, 0.4]])
def test_barrier_term_in_the_usual_matrices(transmissions):
    """-(G_B/4) Tr(g g'), or -(G_B/(2 Sum T)) Sum Tr ln[1 + T/4 ({g, g'} - 2)] by eigenvalues (physics.md, 6)."""
    V = np.eye(4) + 0.3 * RNG.normal(size=(2, 3, 4, 4))
    G = frame_to_green(jnp.asarray(V))
    conductance = np.array([0.5, 1.0, 2.0])
    T = None if transmissions is None else jnp.asarray(transmissions)
    joint = Joint(pairs=None, conductance=jnp.asarray(conductance), transmissions=T, polarisation=None)
    found = joint_action(joint, G[0], G[1])
    for k in range(3):
        g, h = (np.asarray(ju.to_nambu(x[k])) for x in G)
        if transmissions is None:
            expected = -np.trace(g @ h).real / 4
        else:
            mixed = g @ h + h @ g - 2 * np.eye(4)
            logs = [np.log(np.linalg.eigvals(np.eye(4) + t / 4 * mixed).astype(complex)).sum() for t in transmissions]
            expected = -np.sum(logs).real / (2 * np.sum(transmissions))
        assert found[k] == pytest.approx(conductance[k] * expected, rel=1e-12)


@pytest.mark.parametrize("polarisation", [(0.0, 0.0, 0.6), (0.3, -0.4, 0.5), (0.0, 1.0, 0.0)])
def test_a_barrier_that_filters_in_the_usual_matrices(polarisation):
    """-(G_B/4) Tr(W g W g'), W = u + v m.sigma tau3, u^2 + v^2 = 1, 2 u v = |P|."""
    G = frame_to_green(jnp.asarray(np.eye(4) + 0.3 * RNG.normal(size=(2, 1, 4, 4))))
    both = jnp.asarray([polarisation])
    joint = Joint(pairs=None, conductance=jnp.asarray([1.7]), transmissions=None, polarisation=both)
    size = np.linalg.norm(polarisation)
    u, v = np.cos(np.arcsin(size) / 2), np.sin(np.arcsin(size) / 2)
    magnet = np.kron(np.diag([1, -1]), np.tensordot(np.array(polarisation) / size, PAULI, 1))
    g, h = (np.asarray(ju.to_nambu(x[0])) for x in G)
    W = u * np.eye(4) + v * magnet
    assert joint_action(joint, G[0], G[1])[0] == pytest.approx(-1.7 / 4 * np.trace(W @ g @ W @ h).real, rel=1e-12)


PAULI = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"polarisation": (0, 0, 1.1)}, r"polarisation = \[0\.0, 0\.0, 1\.1\] has length 1\.1; expected at most 1"),
        ({"polarisation": 0.3}, r"polarisation has shape \(\); expected \(3,\), a vector of spin"),
        (
            {"polarisation": (0, 0, 0.3), "transmissions": [0.2]},
            "polarisation beside transmissions; expected one of them",
        ),
    ],
)
def test_filters_that_cannot_be(given, message):
    for kind in (lambda **x: ju.Tunnel(ju.Reservoir(1.0), 1.0, **x), lambda **x: ju.Interface(1.0, **x)):
        with pytest.raises(ValueError, match=message):
            kind(**given)


# --- what acts along edges ----------------------------------------------------------------------

THIN = 0.02
FIELDS = {
    "h": (0.3, -0.5, 0.4),
    "Gamma": [[0.9, 0.2, 0.0], [0.2, 0.7, 0.1], [0.0, 0.1, 0.8]],
    "gamma": 0.3 * RNG.normal(size=(3, 2)),
    "theta": (0.1, -0.2, 0.3),
    "kappa": (0.2, 0.1, -0.2),
}


def ribbon(boundary, **fields):
    """A thin ribbon, magnetic so that every tensor matters, with a phase difference; all of it near the top edge."""
    mesh = ju.rectangle(1.0, THIN, 0.2, x=np.linspace(0, 1, 17))
    ends = {"left": ju.Reservoir(1.0), "right": ju.Reservoir(1.0, phase=1.2, h=(0.2, 0.1, -0.3))}
    material = ju.Material(Tc=0.0, **({"h": (0.1, 0.4, 0.2), "gamma": ju.rashba(0.1)} | fields))
    device = ju.Device(mesh=mesh, materials=material, boundaries=ends | ({"top": boundary} if boundary else {}))
    return ju.solve(device, linear_solver=DIRECT, **bare_frequency(0.4))


@pytest.fixture(scope="module")
def bare():
    return ribbon(None)


@pytest.mark.parametrize("name", ["h", "Gamma"])
def test_a_surface_on_a_thin_ribbon_is_the_bulk_term_over_its_thickness(bare, name):
    base = np.array([0.1, 0.4, 0.2]) if name == "h" else 0.0
    value = np.asarray(FIELDS[name])
    with_surface, with_bulk = ribbon(ju.Surface(**{name: THIN * value})), ribbon(None, **{name: base + value})
    effect = np.abs(with_bulk.G - bare.G).max()
    assert effect > 0.01
    assert np.abs(with_surface.G - with_bulk.G).max() < THIN * effect  # corrections are of the order of the thickness


def everywhere(surface, **fields):
    """A strip of equal triangles with terms on every edge, or none, between a singlet and a magnetic electrode."""
    mesh = ju.rectangle(1.0, 0.5, 0.2, x=np.linspace(0, 1, 13), y=np.linspace(0, 0.5, 7))
    inner = mesh.edges[mesh.topology.edge_counts == 2]
    mesh = mesh.with_boundaries({"inner": inner, "outer": mesh.boundary_edges})
    ends = {"left": ju.Reservoir(1.0), "right": ju.Reservoir(1.0, phase=1.2, h=(0.2, 0.1, -0.3))}
    if surface:
        one, half = ({k: factor * np.asarray(v) for k, v in surface.items()} for factor in (1.0, 0.5))
        ends |= {"inner": ju.Interface(surface=ju.Surface(**one)), "outer": ju.Surface(**half)}
    material = ju.Material(Tc=0.0, **({"h": (0.1, 0.4, 0.2), "gamma": ju.rashba(0.1)} | fields))
    device = ju.Device(mesh=mesh, materials=material, boundaries=ends)
    return ju.solve(device, linear_solver=DIRECT, **bare_frequency(0.4))


def test_gradient_terms_on_every_edge_are_a_term_of_the_bulk():
    """Sums over edges with a weight of 2 area/perimeter are another quadrature of the integrals over triangles."""
    leg = 1 / 12
    thickness = leg / (2 + np.sqrt(2))  # 2 area / perimeter
    tensors = {name: np.asarray(FIELDS[name]) for name in ("gamma", "theta", "kappa")}
    on_edges = everywhere({name: thickness * value for name, value in tensors.items()})
    bulk = everywhere(None, **(tensors | {"gamma": ju.rashba(0.1) + tensors["gamma"]}))
    plain = everywhere(None)
    assert np.abs(on_edges.G - bulk.G).max() < 0.05 * np.abs(bulk.G - plain.G).max()
    for name in tensors:  # each is a visible part of the whole; a trace of it keeps the compiled program
        others = tensors | {name: 1e-9 * tensors[name]}
        others["gamma"] = ju.rashba(0.1) + others["gamma"]
        assert np.abs(everywhere(None, **others).G - bulk.G).max() > 0.1 * np.abs(bulk.G - plain.G).max()


def test_rashba_of_an_edge_couples_spin_z_to_currents_along_it(bare):
    """gamma_ik = rashba eps_ikl n_l with n = y: gamma_zx = rashba."""
    tensor = np.zeros((3, 2))
    tensor[2, 0] = 0.4
    by_name, by_tensor = ribbon(ju.Surface(rashba=0.4 * THIN)), ribbon(ju.Surface(gamma=THIN * tensor))
    assert np.abs(by_name.G - by_tensor.G).max() < 1e-12
    assert np.abs(by_name.G - bare.G).max() > 1e-2


def test_beta_relaxes_with_the_outward_normal(bare):
    """b_ij = beta_ijk n_k, Eq. (6): opposite edges of a uniform crystal cancel on a thin ribbon."""
    beta = np.zeros((3, 3, 2))
    beta[..., 1] = np.diag([0.5, 0.3, 0.9]) * THIN
    top = ribbon(ju.Surface(beta=beta))
    as_relaxation = ribbon(ju.Surface(Gamma=beta[..., 1]))
    assert np.abs(top.G - as_relaxation.G).max() < 1e-12
    assert np.abs(top.G - bare.G).max() > 1e-2
    mesh, ends = top.mesh, dict(top.device.boundaries)
    both = ju.Device(mesh=mesh, materials=top.device.materials, boundaries=ends | {"bottom": ju.Surface(beta=beta)})
    sol = ju.solve(both, linear_solver=DIRECT, **bare_frequency(0.4))
    assert np.abs(sol.G - bare.G).max() < 0.03 * np.abs(top.G - bare.G).max()


def test_an_inner_line_is_seen_from_both_sides():
    """Half of an inner line's terms belongs to either side: a sheet in the middle of a ribbon is a thin layer."""
    mesh = ju.rectangle(1.0, 2 * THIN, 0.2, x=np.linspace(0, 1, 17), y=[0.0, THIN, 2 * THIN])
    inner = np.flatnonzero(np.isclose(mesh.points[:, 1], THIN))
    inner = inner[np.argsort(mesh.points[inner, 0])]
    mesh = mesh.with_boundaries({"middle": np.stack([inner[:-1], inner[1:]], axis=1)})
    ends = {"left": ju.Reservoir(1.0), "right": ju.Reservoir(1.0, phase=1.2)}
    surface = ju.Surface(h=(0.0, 2 * THIN * 0.7, 0.0), gamma=2 * THIN * ju.rashba(0.3))
    sheet = ju.Device(
        mesh=mesh, materials=ju.Material(Tc=0.0), boundaries=ends | {"middle": ju.Interface(surface=surface)}
    )
    layer = ju.Device(mesh=mesh, materials=ju.Material(Tc=0.0, h=(0, 0.7, 0), gamma=ju.rashba(0.3)), boundaries=ends)
    one, other = (ju.solve(d, linear_solver=DIRECT, **bare_frequency(0.4)) for d in (sheet, layer))
    assert sheet.mesh.n_nodes == mesh.n_nodes
    assert np.abs(one.G - other.G).max() < 2e-3 < np.abs(other.G).max()


# --- conservation and derivatives with everything on -----------------------------------------------

MESH = ju.with_cut_between(
    ju.rectangle(
        2.0,
        1.0,
        0.5,
        x=np.linspace(0, 2, 7),
        y=np.linspace(0, 1, 4),
        regions={"a": lambda c: c[:, 0] < 1.0, "b": lambda c: c[:, 0] > 1.0},
    ),
    "a",
    "b",
    "cut",
)


ROUGH = ju.Surface(h=(0.1, 0.2, 0), Gamma=0.3, gamma=ju.rashba(0.1), rashba=0.1, theta=(0, 0, 0.1), kappa=(0, 0.1, 0))
SPINS = {"h": (0.3, -0.2, 0.4), "gamma": ju.rashba(0.2), "theta": (0, 0, 0.2), "spin_field": ju.chiral(0.2)}


def crowded(phase=0.9):
    """A tunnel contact, a reservoir, an interface with spin-active sides, and a surface."""
    materials = {
        "a": ju.Material(Tc=0.0, **SPINS),
        "b": ju.Material(Tc=0.0, D=2.0, nu=0.7, Gamma=0.5, kappa=(0, 0, 0.3), gamma=ju.dresselhaus(0.2)),
    }
    boundaries = {
        "left": ju.Tunnel(ju.Reservoir(1.2, phase=0.2, h=(0, 0, 0.2)), 2.0, surface=ROUGH),
        "right": ju.Reservoir(1.0, phase=phase),
        "cut": ju.Interface(3.0, (0.3, 0.8), (ROUGH, None)),
        "top": ROUGH,
    }
    return ju.Device(mesh=MESH, materials=materials, boundaries=boundaries)


@pytest.fixture(scope="module")
def crowd():
    return ju.solve(crowded(), T=0.2, frequencies=3, linear_solver=DIRECT, tol=1e-12)


def test_current_is_conserved_through_barriers_and_along_surfaces(crowd):
    into, out = (float(ju.current_through(crowd, name)) for name in ("left", "right"))
    assert abs(out) > 0.05
    assert into == pytest.approx(-out, rel=1e-9)
    for x in (0.1, 0.4, 0.9, 1.1, 1.5, 1.9):
        assert float(ju.current_across(crowd, (x, -1), (x + 0.05, 2))) == pytest.approx(out, rel=1e-8)


def test_current_is_the_derivative_of_the_free_energy(crowd):
    step = 1e-4
    given = {"T": 0.2, "frequencies": 3, "linear_solver": DIRECT, "tol": 1e-12, "start": crowd}
    F = [float(ju.free_energy(ju.solve(crowded(0.9 + x), **given))) for x in (-step, step)]
    slope = (F[1] - F[0]) / (2 * step)
    assert 2 * slope == pytest.approx(float(ju.current_through(crowd, "right")), rel=1e-7)


def test_currents_of_electrodes_that_share_corners():
    """Two barriers and a reservoir: each current is the derivative with respect to that electrode's phase."""

    def solved(left=0.0, right=1.0, top=2.0):
        ends = {
            "left": ju.Reservoir(1.0, phase=left),
            "right": ju.Tunnel(ju.Reservoir(1.0, phase=right), 3.0),
            "top": ju.Tunnel(ju.Reservoir(1.0, phase=top, h=(0, 0.2, 0)), 1.0, [0.5]),
        }
        device = ju.Device(mesh=RING, materials=ju.Material(Tc=0.0, h=(0.1, 0.2, 0.3)), boundaries=ends)
        return ju.solve(device, linear_solver=DIRECT, tol=1e-12, **bare_frequency(0.5))

    sol, phases, step = solved(), {"left": 0.0, "right": 1.0, "top": 2.0}, 1e-3
    currents = {name: float(ju.current_through(sol, name)) for name in phases}
    assert sum(currents.values()) == pytest.approx(0, abs=1e-10)
    for name, phase in phases.items():
        F = [float(ju.free_energy(solved(**{name: phase + x}))) for x in (step, -step)]
        assert currents[name] == pytest.approx((F[0] - F[1]) / step, rel=1e-5)


def test_krylov_and_direct_solver_agree(crowd):
    found = ju.solve(crowded(), T=0.2, frequencies=3, linear_solver=ju.linear.Krylov())
    assert np.abs(found.all_G - crowd.all_G).max() < 1e-8


def test_a_tunnel_contact_in_the_limit_of_good_conductance_is_a_reservoir():
    strip = ju.rectangle(1.0, 0.5, 0.3)
    ends = [ju.Reservoir(1.0), ju.Tunnel(ju.Reservoir(1.0), 1e7)]
    found = [
        ju.solve(
            ju.Device(mesh=strip, materials=ju.Material(Tc=0.0), boundaries={"left": end}),
            linear_solver=DIRECT,
            **bare_frequency(0.5),
        ).G
        for end in ends
    ]
    np.testing.assert_allclose(found[0], found[1], atol=1e-6)


def test_derivatives_are_those_of_the_action():
    """Two barriers, a surface along one of them and a seam that turns, which meet at corners."""
    every = ju.Surface(h=RNG.normal(size=3), Gamma=0.4, gamma=RNG.normal(size=(3, 2)), theta=(0.1, 0, 0.2), rashba=0.3)
    mesh = ju.rectangle(1.5, 1.2, 1.0, x=[0.0, 0.4, 0.9, 1.5], y=[0.0, 0.5, 1.2])
    mesh = mesh.with_regions({"left": lambda c: c[:, 0] < 0.9, "right": lambda c: c[:, 0] > 0.9})
    mesh = mesh.with_boundaries({"roof": mesh.boundaries["top"][1:], "floor": mesh.boundaries["bottom"][:2]})
    boundaries = {
        "roof": ju.Tunnel(ju.Reservoir(1.0), 1.3, [0.2, 0.9], surface=every),
        "floor": ju.Tunnel(ju.Reservoir(0.5), 0.8),
        "right": ju.Periodic("left", phase=0.7, rotation=(0.3, -0.2, 0.8)),
    }
    system = make(mesh, boundaries=boundaries)
    V = jnp.asarray(np.eye(4) + 0.2 * RNG.normal(size=(len(system.free), 4, 4)))
    slope, curvature = (np.asarray(x) for x in dense(system, V, OMEGA))
    kept, lifted = np.repeat(np.asarray(system.free), 8), lift(system)
    matrix = Pattern(lifted).slope_and_matrix(lifted, V, OMEGA)[1]
    expected = curvature[np.ix_(kept, kept)]
    assert np.abs(matrix.toarray() - expected).max() < 1e-10 * np.abs(expected).max()
    again = np.asarray(residual(lifted, V[None], jnp.array([OMEGA]))[0]).ravel()[kept]
    np.testing.assert_allclose(again, slope.ravel()[kept], atol=1e-11)


# --- periodic boundaries -------------------------------------------------------------------------

RING = ju.rectangle(1.5, 0.6, 0.4)
TENSORS = {"Gamma": 0.3, "gamma": ju.rashba(0.3), "theta": (0, 0.1, 0.2), "kappa": (0.1, 0, 0.2)}


def ring(material, boundary):
    device = ju.Device(mesh=RING, materials=material, boundaries={"right": boundary})
    return ju.solve(device, T=0.2, pair_potential=1.0, frequencies=2, linear_solver=DIRECT)


def test_a_ring_with_a_flux_is_homogeneous():
    """Its G is the bulk value with that vector potential, with every tensor on (closed in y too), to second order."""
    material = ju.Material(D=1.3, Tc=1.0, h=(0.2, 0.3, -0.1), spin_field=ju.chiral(0.2), **TENSORS)
    A, errors = (0.4, 0.0), []
    fields = {name: getattr(material, name) for name in ("D", "spin_field", "gamma", "theta", "kappa")}
    for size in (0.4, 0.2):  # of the triangles: the ring may have any length
        device = ju.Device(
            mesh=ju.rectangle(3 * size, 2 * size, 2 * size, x=size * np.arange(4), y=size * np.arange(3)),
            materials=material,
            boundaries={"right": ju.Periodic("left"), "top": ju.Periodic("bottom")},
            vector_potential=lambda p: jnp.broadcast_to(jnp.asarray(A), p.shape),
        )
        sol = ju.solve(device, T=0.2, pair_potential=1.0, frequencies=2, linear_solver=DIRECT)
        bulk = ju.bulk_value(sol.omega, 1.0, material.h, material.Gamma, A=A, **fields)
        errors.append(np.abs(sol.G - bulk[:, None]).max())
    assert errors[1] < 2e-3
    assert errors[0] / errors[1] == pytest.approx(4.0, rel=0.2)


def test_a_phase_at_the_seam_is_a_gauge_of_a_vector_potential():
    """With an electrode behind the top edge: what stands behind the seam's corner turns with it."""
    q = 0.8
    material = ju.Material(Tc=1.0, h=(0.2, 0.3, -0.1), spin_field=ju.rashba(0.2), **TENSORS)
    found = []
    for A, seam, phase, Delta in (
        (lambda p: jnp.broadcast_to(jnp.array([-q / 2, 0.0]), p.shape), ju.Periodic("left"), 0.0, 1.0),
        (None, ju.Periodic("left", phase=1.5 * q), lambda p: q * p[:, 0], lambda p: jnp.exp(1j * q * p[:, 0])),
    ):
        ends = {"right": seam, "top": ju.Tunnel(ju.Reservoir(1.0, phase=phase), 2.0)}
        device = ju.Device(mesh=RING, materials=material, boundaries=ends)
        device = ju.Device.unchecked(RING, device.materials, ends, A)  # the electrode carries a current on purpose
        found.append(ju.solve(device, T=0.2, pair_potential=Delta, frequencies=2, linear_solver=DIRECT))
    with_A, turned = found
    np.testing.assert_allclose(ju.charge_current(with_A), ju.charge_current(turned), atol=1e-9)
    np.testing.assert_allclose(ju.spin_density(with_A), ju.spin_density(turned), atol=1e-9)
    assert np.abs(ju.charge_current(with_A)[:, 0]).min() > 0.1
    assert float(ju.entropy(with_A)) == pytest.approx(float(ju.entropy(turned)), rel=1e-9)
    np.testing.assert_allclose(turned.Delta, np.exp(1j * q * RING.points[:, 0]), atol=1e-12)


def test_a_rotation_at_the_seam_is_a_gauge_of_a_spin_field():
    """G' = exp(-a x L_z) G exp(a x L_z) turns spins by 2 a x: a helical exchange field instead of a_zx = a."""
    a, h = 0.6, np.array([0.5, 0.0, 0.2])
    tensor = np.zeros((3, 2))
    tensor[2, 0] = a

    def helix(p):
        c, s = jnp.cos(2 * a * p[:, 0]), jnp.sin(2 * a * p[:, 0])
        return jnp.stack([h[0] * c - h[1] * s, h[0] * s + h[1] * c, jnp.full(len(p), h[2])], axis=1)

    straight = ring(ju.Material(Tc=1.0, h=h, Gamma=0.3, spin_field=tensor), ju.Periodic("left"))
    helical = ring(ju.Material(Tc=1.0, h=helix, Gamma=0.3), ju.Periodic("left", rotation=(0.0, 0.0, 2 * a * 1.5)))
    S, turned = np.asarray(ju.spin_density(straight)), np.asarray(ju.spin_density(helical))
    assert np.abs(S[:, :2]).max() > 0.05
    np.testing.assert_allclose(np.linalg.norm(S[:, :2], axis=1), np.linalg.norm(turned[:, :2], axis=1), atol=1e-9)
    angles = np.angle((turned[:, 0] + 1j * turned[:, 1]) / (S[:, 0] + 1j * S[:, 1]))
    np.testing.assert_allclose(np.exp(1j * angles), np.exp(2j * a * RING.points[:, 0]), atol=1e-8)
    np.testing.assert_allclose(S[:, 2], turned[:, 2], atol=1e-9)
    assert helical.G.shape == straight.G.shape


def test_rotation_vectors_turn_spins_right_handedly():
    from jusadel.action.periodic import rotation_matrices, turning

    vector = np.array([0.3, -0.5, 0.9])
    W = np.asarray(turning(0.0, jnp.asarray(vector)))
    for k in range(3):
        L = ju.nambu.L
        turned = W @ L[k] @ np.linalg.inv(W)
        expected = np.einsum("j,jab->ab", np.asarray(rotation_matrices(jnp.asarray(vector)[None])[0])[:, k], L)
        np.testing.assert_allclose(turned, expected, atol=1e-12)
    quarter = np.asarray(rotation_matrices(jnp.array([[0.0, 0.0, np.pi / 2]]))[0])
    np.testing.assert_allclose(quarter @ [1, 0, 0], [0, 1, 0], atol=1e-12)


# --- refusals ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make_one", "message"),
    [
        (lambda: ju.Tunnel(1.0, 2.0), "Tunnel's reservoir is float; expected a jusadel.Reservoir"),
        (lambda: ju.Tunnel(ju.Reservoir(1.0), -2.0), "Tunnel conductance = -2.0; expected a finite number >= 0"),
        (
            lambda: ju.Tunnel(ju.Reservoir(1.0), 1.0, [0.5, 1.2]),
            r"transmissions = \[0.5, 1.2\]; expected numbers in \(0, 1\]",
        ),
        (lambda: ju.Tunnel(ju.Reservoir(1.0), 1.0, []), r"transmissions have shape \(0,\); expected a list"),
        (lambda: ju.Tunnel(ju.Reservoir(1.0), 1.0, surface=3), "Tunnel surface is int; expected a jusadel.Surface"),
        (lambda: ju.Interface(), "Interface without conductance; expected its conductance, or a surface"),
        (lambda: ju.Interface(transmissions=[0.1], surface=ju.Surface()), "Interface without conductance"),
        (lambda: ju.Interface(surface=(ju.Surface(), None)), "needs a conductance, which makes two sides"),
        (lambda: ju.Surface(h=(1, 2)), r"h has shape \(2,\); expected \(3,\)"),
        (lambda: ju.Surface(Gamma=-1.0), "Gamma in a surface = .* makes a spin grow"),
        (lambda: ju.Surface(beta=np.zeros((3, 3))), r"beta has shape \(3, 3\); expected \(3, 3, 2\)"),
        (lambda: ju.Surface(beta=RNG.normal(size=(3, 3, 2))), "beta is not symmetric in its spin indices"),
        (lambda: ju.Surface(rashba=np.nan), "Surface rashba = nan; expected a finite number"),
        (lambda: ju.Periodic(3), "Periodic partner = 3; expected the name of the other boundary"),
        (lambda: ju.Periodic("left", phase=np.inf), "Periodic phase = inf; expected a finite number or a function"),
        (lambda: ju.Periodic("left", rotation=(1, 2)), r"rotation has shape \(2,\); expected \(3,\)"),
    ],
)
def test_bad_boundaries(make_one, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make_one()


@pytest.mark.parametrize(
    ("boundaries", "message"),
    [
        ({"right": ju.Periodic("rim")}, r"'right' is Periodic\('rim'\); expected another one of"),
        (
            {"right": ju.Periodic("left"), "left": ju.Surface()},
            "boundary 'left' is the partner of 'right', which is periodic",
        ),
        ({"left": ju.Interface(1.0)}, "'left' holds .* outer edges"),
        ({"gate": ju.Interface(1.0)}, "unknown boundary 'gate'"),
        ({"right": ju.Periodic("bottom")}, "boundary 'bottom' has 6 nodes and 'right' has 3"),
    ],
)
def test_bad_devices(boundaries, message):
    mesh = ju.rectangle(1.5, 0.6, 0.5)
    with pytest.raises(ValueError, match=message):
        ju.Device(mesh=mesh, materials=ju.Material(Tc=0.0), boundaries=boundaries)


def test_a_reservoir_beside_a_seam_must_be_on_both_sides():
    mesh = ju.rectangle(1.5, 0.6, 0.4)
    mesh = mesh.with_boundaries({"spot": mesh.boundaries["bottom"][:1]})
    ends = {"right": ju.Periodic("left"), "spot": ju.Reservoir(1.0)}
    with pytest.raises(ValueError, match="lies on a periodic boundary; it is on a reservoir on one side"):
        ju.solve(ju.Device(mesh=mesh, materials=ju.Material(Tc=0.0), boundaries=ends), **bare_frequency(0.4))


def test_a_reservoir_across_a_seam_must_turn_with_it():
    solved = lambda phase: ju.solve(  # noqa: E731
        ju.Device(
            mesh=RING,
            materials=ju.Material(Tc=0.0),
            boundaries={"right": ju.Periodic("left", phase=1.2), "bottom": ju.Reservoir(1.0, phase=phase)},
        ),
        linear_solver=DIRECT,
        **bare_frequency(0.4),
    )
    with pytest.raises(ValueError, match=r"the reservoir at the node .* is not the one on the other side with that"):
        solved(0.0)
    assert solved(lambda p: 0.8 * p[:, 0]).stable.all()


@pytest.mark.parametrize(
    ("right", "top", "closes"),
    [
        ({"rotation": (1, 0, 0)}, {"rotation": (0, 1, 0)}, False),
        ({"rotation": (1, 0, 0), "phase": 0.3}, {"rotation": (2, 0, 0), "phase": 0.4}, True),
        ({"phase": lambda p: 2 * np.pi * p[:, 1] / 0.6}, {}, True),
        ({"phase": lambda p: 5 * p[:, 1] / 0.6}, {}, False),
    ],
)
def test_two_seams_must_close(right, top, closes):
    """Rotations about two axes, or a flux through the torus that is no whole number of quanta, have no corner."""
    from jusadel.action.periodic import seams

    ends = {"right": ju.Periodic("left", **right), "top": ju.Periodic("bottom", **top)}
    device = ju.Device(mesh=RING, materials=ju.Material(), boundaries=ends)
    if closes:
        assert len(seams(device).slaves) == len(RING.boundary_nodes("right")) + len(RING.boundary_nodes("top")) - 1
    else:
        with pytest.raises(ValueError, match="turn it differently in either order: phases must close up to 2 pi"):
            seams(device)


def test_boundaries_are_pytrees():
    for boundary in (
        ju.Surface(h=(0, 0, 1), rashba=0.2),
        ju.Tunnel(ju.Reservoir(1.0, phase=lambda p: p[:, 0]), 2.0, [0.1, 0.2]),
        ju.Interface(2.0, surface=(ju.Surface(), None)),
        ju.Periodic("left", phase=0.3),
    ):
        leaves, tree = jax.tree.flatten(boundary)
        again = jax.tree.unflatten(tree, [2.0 * jnp.asarray(x) for x in leaves])
        assert isinstance(again, Boundary)
        assert repr(jax.tree.unflatten(tree, leaves)) == repr(boundary)
    assert jax.tree.leaves(ju.Periodic("left", phase=0.3))[0] == 0.3
