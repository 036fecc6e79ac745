"""Charge and spin diffusion: closed forms of the typed equations, reciprocity, conservation, dissipation, time."""

from itertools import pairwise

import jax.numpy as jnp
import numpy as np
import pytest
from random_device import EVERY, mild, small_mesh

import jusadel as ju
from jusadel.action.assembly import discretise
from jusadel.nonequilibrium.diffusion import normal_equations, normal_problem
from jusadel.nonequilibrium.time_evolution import _Stepper
from jusadel.observables.densities import charge_currents_of_cells
from validation.normal_state import annulus

pytestmark = [
    pytest.mark.filterwarnings("ignore:the mesh is too coarse:jusadel.CoarseMeshWarning"),
]

NOTHING = 1e-100
"""For tensors that are off: their terms stay, so that one compiled program serves all devices here."""
OFF = {
    "Gamma": NOTHING,
    "Tc": 0.0,
    "h": 3 * (NOTHING,),
    "gamma": ju.rashba(NOTHING),
    "theta": 3 * (NOTHING,),
    "kappa": 3 * (NOTHING,),
    "spin_field": ju.rashba(NOTHING),
}
HELD, FREE = {"spin": (0.0, 0.0, 0.0)}, {"spin": None}


def metal(**tensors):
    return ju.Material(**(OFF | tensors))


def strip(length, width, size, material):
    return ju.Device(mesh=ju.rectangle(length, width, size), materials=material)


def driven(device, field=1.0, **ends):
    """d_x mu = field between left and right, where no spin leaves unless said."""
    voltage = field * float(np.ptp(np.asarray(device.mesh.points)[:, 0]))
    ends = ends or FREE
    contacts = {"left": ju.Contact(voltage=0.0, **ends), "right": ju.Contact(voltage=voltage, **ends)}
    return ju.diffuse(device, contacts)


def order(errors, factor=2.0):
    return np.log(np.array(errors[:-1]) / errors[1:]) / np.log(factor)


def at(flow, points):
    """Rows of the nodes nearest to these points."""
    mesh = np.asarray(flow.mesh.points)
    return [int(np.argmin(((mesh - p) ** 2).sum(axis=1))) for p in np.atleast_2d(points)]


# --- closed forms ------------------------------------------------------------------------------------


def test_spin_hall_accumulation(references):
    """j_yz = -D d_y S_z + theta D d_x mu = 0 at the edges: S_z = theta E l sinh(y/l)/cosh(w/2l), l^2 = D/Gamma.

    Where current enters and leaves, spin does not: the form is exact there too. The inverse effect adds to the current.
    """
    value, w, length = references["R220"]["value"], 3.0, np.sqrt(1 / 0.8)
    errors, currents = [], []
    for size in (0.4, 0.2, 0.1):
        flow = driven(strip(2.0, w, size, metal(Gamma=0.8, theta=(NOTHING, NOTHING, 0.1), nu=0.7)))
        y = np.asarray(flow.mesh.points)[:, 1] - w / 2
        errors.append(np.abs(flow.S[:, 2] - 0.1 * length * np.sinh(y / length) / np.cosh(w / 2 / length)).max())
        currents.append(float(ju.current_through(flow, "right")))
    assert flow.S[at(flow, (1.0, w)), 2] == pytest.approx(value["S_z_edge_right"], rel=2e-3)
    assert errors[-1] < 2e-3 * value["S_z_edge_right"]
    assert order(errors) == pytest.approx(2.0, abs=0.15)
    off = np.array(currents) - 2 * 0.7 * value["I_x_total"]  # mu rises along x, current leaves on the right: negative
    assert order(np.abs(off)) == pytest.approx(2.0, abs=0.15)
    assert abs(off[-1]) < 2e-5
    assert np.abs(flow.S[:, :2]).max() < 1e-12


def test_edelstein_density(references):
    """Uniform: S_l = -gamma_lx E/[(Gamma_aa - Gamma_ll)/2], and the current gains gamma_ix S_i; exact on any mesh."""
    value = references["R221"]["value"]
    material = metal(gamma=ju.rashba(0.3), Gamma=np.diag([0.5, 0.9, 1.3]), nu=1.3)
    flow = driven(strip(2.0, 1.0, 0.4, material))
    np.testing.assert_allclose(flow.S, np.tile([0.0, value["S_y"], 0.0], (len(flow.S), 1)), atol=1e-12)
    j = np.asarray(ju.charge_current(flow))
    np.testing.assert_allclose(j, np.tile([2 * 1.3 * value["j_x"], 0.0], (len(j), 1)), atol=1e-12)
    assert np.asarray(ju.spin_density(flow))[:, 1] == pytest.approx(2 * 1.3 * value["S_y"], rel=1e-12)


def test_inverse_edelstein_voltage(references):
    """Spin from the left drives charge until a voltage stops it: mu(L) = gamma_yx tanh(kL)/(D k)."""
    value, errors = references["R224"]["value"], []
    for size in (0.4, 0.2, 0.1):
        device = strip(4.0, 0.4, size, metal(gamma=ju.rashba(0.3), Gamma=0.8))
        flow = ju.diffuse(device, {"left": ju.Contact(voltage=0.0, spin=(0, 1, 0))})
        end = at(flow, [(4.0, 0.0), (4.0, 0.4)])
        errors.append(np.abs(flow.mu[end] - value["mu_L"]).max() + np.abs(flow.S[end, 1] - value["S_y_L"]).max())
    assert errors[-1] < 1e-3
    assert order(errors) == pytest.approx(2.0, abs=0.25)
    assert ju.current_through(flow, "left") == pytest.approx(0.0, abs=1e-12)


def test_hanle_precession(references):
    """S_x + i S_y = cosh(k (L - x))/cosh(k L), k^2 = (Gamma - 2 i h_z)/D."""
    errors = []
    for pieces in (16, 32, 64):
        x, y = np.linspace(0, 4, pieces + 1), np.linspace(0, 0.5, pieces // 8 + 1)
        mesh = ju.rectangle(4.0, 0.5, 0.5, x=x, y=y)
        device = ju.Device(mesh=mesh, materials=metal(Gamma=0.8, h=(NOTHING, NOTHING, 0.6)))
        flow = ju.diffuse(device, {"left": ju.Contact(voltage=0.0, spin=(1, 0, 0))})
        x, k = np.asarray(flow.mesh.points)[:, 0], np.sqrt(0.8 - 1.2j)
        exact = np.cosh(k * (4.0 - x)) / np.cosh(4.0 * k)
        errors.append(np.abs(flow.S[:, 0] + 1j * flow.S[:, 1] - exact).max())
    assert order(errors) == pytest.approx(2.0, abs=0.15)
    entry = references["R223"]["value"]
    rows = at(flow, np.stack([entry["x"], np.zeros(4)], axis=1))
    np.testing.assert_allclose(flow.S[rows, 0], entry["S_x"], atol=1e-3)
    np.testing.assert_allclose(flow.S[rows, 1], entry["S_y"], atol=1e-3)


def test_hanle_curve():
    """The spin at the far end of a wire that a spin current feeds: Re 1/(D k sinh kL) against the field."""
    fields, found = (0.0, 0.4, 1.2), []
    for h in fields:
        device = strip(2.0, 0.2, 0.1, metal(Gamma=0.8, h=(NOTHING, NOTHING, h + NOTHING)))
        contact = ju.Contact(voltage=0.0, spin_current=(0.2, 0, 0))
        flow = ju.diffuse(device, {"left": contact})
        found.append(flow.S[at(flow, (2.0, 0.0)), 0][0])
        assert ju.spin_current_through(flow, "left")[0] == pytest.approx(-0.2, rel=1e-12)
    k = np.sqrt(0.8 - 2j * np.array(fields))
    np.testing.assert_allclose(found, (0.5 / (k * np.sinh(2 * k))).real, atol=2e-3)  # 0.2 over the width is 2 nu 0.5
    assert found[2] < 0 < found[0]


def test_corbino_disc_with_rashba_coupling(references):
    """A curved sample: an annulus with a tangential Edelstein spin that its electrodes take up."""
    value, r1, r2 = references["R229"]["value"], 1.0, 3.0
    flow = ju.diffuse(
        ju.Device(mesh=annulus(r1, r2, 17, 72), materials=metal(gamma=ju.rashba(-0.3), Gamma=0.8)),
        {"inner": ju.Contact(voltage=0.0), "outer": ju.Contact(voltage=1.0)},
    )
    rows = at(flow, [(r * np.sqrt(0.5), r * np.sqrt(0.5)) for r in value["r"]])
    S_phi = (flow.S[rows, 1] - flow.S[rows, 0]) * np.sqrt(0.5)
    np.testing.assert_allclose(flow.mu[rows], value["mu"], rtol=2e-3)
    np.testing.assert_allclose(S_phi, value["S_phi"], rtol=5e-3)
    through = 4 * np.pi * value["I_over_2pi"]
    assert float(ju.current_through(flow, "outer")) == pytest.approx(through, rel=2e-3)


def test_spin_swapping():
    """A current of spin x along x makes one of spin y along y, which edges stop: d_y S_y = kappa d_x S_x.

    With kappa_zz, j_yy = -D d_y S_y + kappa D d_x S_x, and j_xx = -D (1 - kappa^2) d_x S_x is left.
    """
    kappa, nu = 0.5, 0.6
    mesh = ju.rectangle(2.0, 1.0, 0.4)
    device = ju.Device(mesh=mesh, materials=metal(kappa=(NOTHING, NOTHING, kappa), nu=nu))
    equations = normal_problem(device, {}, floating=True).equations
    x, y = np.asarray(mesh.points).T
    taken = equations(0.7 * np.stack([0 * x, x, kappa * y, 0 * x], axis=1))
    left, right = x < 1e-9, x > 2 - 1e-9
    assert np.abs(taken[~left & ~right]).max() < 1e-12
    assert 2 * taken[right].sum(axis=0)[1] == pytest.approx(2 * nu * (1 - kappa**2) * 0.7, rel=1e-12)


def test_spin_field_turns_spins_without_loss():
    """Pure gauge along a wire: spin injected at the left arrives at x turned by 2 a x, to round-off."""
    a = 0.9
    device = strip(3.0, 0.3, 0.3, metal(spin_field=[[NOTHING, 0], [a, 0], [0, 0]]))
    flow = ju.diffuse(device, {"left": ju.Contact(voltage=0.0, spin=(0, 0, 1))})
    x = np.asarray(flow.mesh.points)[:, 0]
    expected = np.stack([-np.sin(2 * a * x), 0 * x, np.cos(2 * a * x)], axis=1)  # d_x S = -2 a x S
    np.testing.assert_allclose(flow.S, expected, atol=1e-10)


# --- laws ------------------------------------------------------------------------------------------

MESH = small_mesh()


def random_equations(sign=1.0):
    odd = lambda fields: {k: sign * np.asarray(fields[k]) for k in ("h", "P", "K", "mu", "hall", "v")}  # noqa: E731
    materials = {name: ju.Material(Tc=0.0, **(fields | odd(fields))) for name, fields in EVERY.items()}
    device = ju.Device(mesh=MESH, materials=materials)
    return normal_equations(discretise(device, jnp.zeros((len(MESH.triangles), 3), complex)))[0].B.toarray()


def test_reciprocity_of_the_equations():
    """Onsager and Casimir: mu is even in time, S is odd as h and the tensors of magnets are, so that B_mn of these is
    e_m e_n B_nm of them reversed, e = (1, -1...).
    """
    B, reversed_B = random_equations(), random_equations(-1.0)
    signs = np.tile([1.0, -1.0, -1.0, -1.0], len(MESH.points))
    scale = np.abs(B).max()
    assert np.abs(B - signs[:, None] * signs * reversed_B.T).max() < 1e-12 * scale
    assert np.abs(B - B.T).max() > 0.1 * scale
    assert np.abs(B - reversed_B).max() > 0.02 * scale


TENSORS = mild(3, spin_orbit=0.3)
H = np.array([0.3, -0.2, 0.4])


def signal(flow, name):
    """Mean mu and S along a boundary."""
    edges, points = flow.mesh.boundaries[name], np.asarray(flow.mesh.points)
    lengths = np.linalg.norm(points[edges[:, 1]] - points[edges[:, 0]], axis=1)
    values = np.concatenate([flow.mu[:, None], flow.S], axis=1)[edges].mean(axis=1)
    return lengths @ values / lengths.sum()


def test_charge_signal_of_spin_injection_is_minus_the_spin_signal_of_charge_injection():
    """Between two contacts of one device, in the opposite exchange field; both signs are those of section 5."""
    ground = ju.Contact(voltage=0.0)

    def device(h):
        return strip(2.0, 1.0, 0.2, metal(**TENSORS, h=h))

    for spin in np.eye(3):
        injected = ju.diffuse(device(H), {"left": ground, "right": ju.Contact(spin_current=spin)})
        driven_back = ju.diffuse(device(-H), {"left": ground, "top": ju.Contact(current=1.0, spin=None)})
        there, back = signal(injected, "top")[0], signal(driven_back, "right")[1:] @ spin
        assert abs(there) > 1e-4
        assert there == pytest.approx(-back, rel=1e-9)


@pytest.mark.parametrize("size", [0.25, 0.125])
@pytest.mark.parametrize("order", [1, -1])
def test_a_current_is_fed_in_beside_a_voltage(size, order):
    """All of it, charge or spin, whatever the corner that both share belongs to."""
    device = ju.Device(mesh=ju.rectangle(1.0, 1.0, size), materials=metal())
    ends = {"left": ju.Contact(current=1.0, spin_current=(0.0, 0.5, 0.0)), "top": ju.Contact(voltage=0.0)}
    flow = ju.diffuse(device, dict(list(ends.items())[::order]))
    for name, sign in (("left", -1), ("top", 1)):
        assert ju.current_through(flow, name) == pytest.approx(sign, rel=1e-10)
        np.testing.assert_allclose(ju.spin_current_through(flow, name), [0, 0.5 * sign, 0], atol=1e-10)
    assert "top: 1" in repr(flow)
    assert ", together 0" in repr(flow)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"voltage": 1.0, "tunnel": 2.0}, {"voltage": 0.0, "spin_current": (0, 0, 0.2)}),
        ({"voltage": 1.0, "spin": None, "spin_current": (0.1, 0, 0)}, {"current": 0.3}),
        ({"current": 0.7}, {"voltage": 0.0, "spin_current": (0, 0, 0.2)}),
        ({"voltage": "floating", "spin": None, "current": 0.7}, {"current": 0.3}),
    ],
    ids=["tunnel", "spin", "current", "floating"],
)
def test_contacts_that_share_a_corner_conserve_charge_and_spin(first, second):
    """What the one does not hold there the other may; all that is fed in leaves."""
    device = ju.Device(mesh=ju.rectangle(1.0, 1.0, 0.25), materials=metal())
    ends = {"left": ju.Contact(**first), "bottom": ju.Contact(**second), "right": ju.Contact(voltage=0.0)}
    flow = ju.diffuse(device, {name: c for name, c in ends.items() if name != "right" or second.get("voltage") is None})
    charge = {name: float(ju.current_through(flow, name)) for name in flow.contacts}
    assert max(charge.values()) > 0.1
    assert sum(charge.values()) == pytest.approx(0.0, abs=1e-12)
    for name, given in (("left", first), ("bottom", second)):
        if "current" in given:
            assert charge[name] == pytest.approx(-given["current"], rel=1e-10)
    np.testing.assert_allclose(sum(ju.spin_current_through(flow, name) for name in flow.contacts), 0, atol=1e-12)


@pytest.fixture(scope="module")
def random_flow():
    """Everything on, a barrier at the left, and charge and spin that the top feeds in."""
    contacts = {
        "left": ju.Contact(voltage=1.0, tunnel=4.0),
        "right": ju.Contact(voltage=0.0, spin=(0.0, 0.3, 0.1)),
        "top": ju.Contact(current=0.2, spin_current=(0.1, 0.0, 0.3)),
    }
    return ju.diffuse(strip(2.0, 1.0, 0.15, metal(**TENSORS, h=H)), contacts)


def test_charge_is_conserved_through_every_cut(random_flow):
    out = {name: float(ju.current_through(random_flow, name)) for name in ("left", "right", "top", "bottom")}
    assert abs(sum(out.values())) < 1e-10
    assert out["top"] == pytest.approx(-0.2, abs=1e-10)
    assert out["bottom"] == pytest.approx(0.0, abs=1e-10)
    assert out["left"] < -0.5 < 0.5 < out["right"]
    feeding = [float(ju.current_across(random_flow, (x, -0.1), (x, 1.1))) for x in (0.4, 1.0, 1.6)]
    assert -out["left"] < feeding[0] < feeding[1] < feeding[2] < out["right"]
    around = [(0.51, 1.2), (0.61, 0.41), (1.31, 0.33), (1.4, 1.2)]  # a box below the middle of the top
    into = sum(float(ju.current_across(random_flow, a, b)) for a, b in pairwise(around))
    x, y = np.asarray(random_flow.mesh.points).T
    fed = 0.2 * np.sum((y > 0.99) & (x > 0.535) & (x < 1.379)) / (np.sum(y > 0.99) - 1)
    assert into == pytest.approx(fed, abs=1e-10)


@pytest.mark.parametrize("cut", [((0.3, -0.1), (0.3, 1.1)), ((0.2, 0.0), (1.7, 1.0)), ((1.95, 0.0), (1.2, 1.0))])
def test_the_same_current_crosses_every_cut(cut):
    contacts = {"left": ju.Contact(voltage=1.0), "right": ju.Contact(voltage=0.0, spin=(0.0, 0.3, 0.1))}
    flow = ju.diffuse(strip(2.0, 1.0, 0.15, metal(**TENSORS, h=H)), contacts)
    through = float(ju.current_through(flow, "right"))
    assert through > 1
    assert float(ju.current_through(flow, "left")) == pytest.approx(-through, rel=1e-10)
    assert float(ju.current_across(flow, *cut)) == pytest.approx(through, rel=1e-10)


def test_currents_along_an_edge_count():
    """A surface with spin-orbit terms of its own: the current along it is part of what crosses a cut."""
    edge = ju.Surface(gamma=ju.rashba(0.2), theta=(0.1, 0.0, 0.3), h=(0.2, 0.0, 0.1))
    device = ju.Device(
        mesh=ju.rectangle(2.0, 1.0, 0.2), materials=metal(**TENSORS, h=H), boundaries={"top": edge, "bottom": edge}
    )
    flow = driven(device)
    through = float(ju.current_through(flow, "left"))
    cells = np.asarray(charge_currents_of_cells(flow))[len(flow.mesh.triangles) :]
    assert np.abs(cells).max() > 1e-2
    for x in (0.13, 0.71, 1.52):
        assert float(ju.current_across(flow, (x, 1.1), (x, -0.1))) == pytest.approx(through, rel=1e-10)


def test_dissipation_is_the_power_that_contacts_supply(random_flow):
    """Sum of V I and S.I_s over the contacts; fed currents work against the potentials that they meet."""
    flow, power = random_flow, 0.0
    for name, held in {"left": (1.0, np.zeros(3)), "right": (0.0, np.array([0.0, 0.3, 0.1]))}.items():
        power -= held[0] * float(ju.current_through(flow, name))
        power -= held[1] @ np.asarray(ju.spin_current_through(flow, name))
    met = signal(flow, "top")
    power += 0.2 * met[0] + np.array([0.1, 0.0, 0.3]) @ met[1:]
    assert flow.dissipation > 0.1
    assert flow.dissipation == pytest.approx(power, rel=1e-9)


def test_entropy_production_is_not_negative():
    """Its form is the symmetric part of the equations: gamma and theta, however large, are not in it."""
    for seed in range(5):
        rng = np.random.default_rng(seed)
        Gamma, D = rng.normal(size=(3, 3)), rng.normal(size=(2, 2))
        tensors = {"gamma": 5 * rng.normal(size=(3, 2)), "theta": 5 * rng.normal(size=3), "h": rng.normal(size=3)}
        D, kappa = D @ D.T + 0.5 * np.eye(2), rng.normal(size=3)
        limit = 2 * np.sqrt(np.linalg.det(D)) / np.trace(D)
        material = metal(
            D=D,
            Gamma=np.trace(Gamma @ Gamma.T) * np.eye(3) - Gamma @ Gamma.T,
            spin_field=rng.normal(size=(3, 2)),
            kappa=0.99 * limit * kappa / np.linalg.norm(kappa),
            **tensors,
        )
        device = ju.Device(mesh=MESH, materials=material)
        B = normal_equations(discretise(device, jnp.zeros((len(MESH.triangles), 3), complex)))[0].B.toarray()
        eigenvalues = np.linalg.eigvalsh((B + B.T) / 2)
        assert eigenvalues[0] > -1e-12 * eigenvalues[-1]
        assert np.abs(B - B.T).max() > np.abs(B + B.T).max() / 20


def test_unstable_tensors_are_refused():
    with pytest.raises(ValueError, match=r"kappa = .* stable only for"):
        metal(kappa=(0, 0, 1.1))
    contacts = {"left": ju.Contact(voltage=0.0), "right": ju.Contact(voltage=1.0)}
    for surface in (ju.Surface(kappa=(0, 0, 3.0)), ju.Surface(beta=np.eye(3)[:, :, None] * np.array([0, -20.0]))):
        device = ju.Device(mesh=ju.rectangle(1.0, 1.0, 0.25), materials=metal(Gamma=0.1), boundaries={"top": surface})
        with pytest.raises(ju.StabilityError, match=r"surface terms of .*'top'.* outweigh"):
            ju.diffuse(device, contacts)
    harmless = ju.Device(
        mesh=ju.rectangle(1.0, 1.0, 0.25), materials=metal(Gamma=0.1), boundaries={"top": ju.Surface(Gamma=2.0)}
    )
    assert ju.diffuse(harmless, contacts).dissipation > 0


def test_barriers_in_series():
    """Barriers, with channels or without, and pieces of metal add their resistances."""
    regions = {"a": lambda c: c[:, 0] < 1.0, "b": lambda c: c[:, 0] > 1.0}
    mesh = ju.rectangle(2.0, 0.5, 0.25, x=np.linspace(0, 2, 9), regions=regions)
    mesh = ju.with_cut_between(mesh, "a", "b", "cut")
    boundaries = {"cut": ju.Interface(3.0, transmissions=[0.3, 0.9]), "left": ju.Tunnel(ju.Reservoir(1.0), 5.0)}
    device = ju.Device(
        mesh=mesh, materials={"a": metal(Gamma=0.5), "b": metal(D=2.0, nu=0.7, Gamma=0.5)}, boundaries=boundaries
    )
    flow = ju.diffuse(device, {"left": ju.Contact(voltage=1.0), "right": ju.Contact(voltage=0.0, tunnel=7.0)})
    resistance = (1 / 2 + 1 / (2 * 0.7 * 2) + 1 / 3 + 1 / 5 + 1 / 7) / 0.5
    assert float(ju.current_through(flow, "right")) == pytest.approx(1 / resistance, rel=1e-10)
    assert float(ju.current_across(flow, (1.3, 0.0), (1.3, 0.5))) == pytest.approx(1 / resistance, rel=1e-10)


def test_surface_relaxes_spin():
    """Spin Hall accumulation at an edge that takes it up: D d_y S = theta D E - Gamma_s S there."""
    device = ju.Device(
        mesh=ju.rectangle(1.0, 2.0, 0.1),
        materials=metal(Gamma=0.8, theta=(NOTHING, NOTHING, 0.1)),
        boundaries={"top": ju.Surface(Gamma=2.0), "bottom": ju.Surface(Gamma=2.0)},
    )
    flow = driven(device)
    k = np.sqrt(0.8)
    expected = 0.1 * np.sinh(k) / (k * np.cosh(k) + 2.0 * np.sinh(k))
    assert flow.S[at(flow, (0.5, 2.0)), 2] == pytest.approx(expected, rel=3e-3)


# --- floating contacts -------------------------------------------------------------------------------

FLOATING = {"voltage": "floating"}


@pytest.fixture(scope="module")
def dot():
    """A metal without resistance behind three barriers, whose third electrode floats: (device, contacts)."""
    contacts = {
        "left": ju.Contact(voltage=1.0, spin=(0.2, 0.0, 0.5), tunnel=3.0),
        "right": ju.Contact(voltage=-0.4, spin=(0.0, 0.3, 0.0), tunnel=5.0),
        "top": ju.Contact(**FLOATING, spin="floating", current=0.6, spin_current=(0.0, -0.2, 0.1), tunnel=2.0),
    }
    return strip(1.0, 1.0, 0.5, metal(D=1e6, nu=0.7, Gamma=0.8)), contacts


def test_floating_contact_on_a_dot(dot):
    """Kirchhoff: G_1 (V_1 - V) + G_2 (V_2 - V) + I = 0 on the dot and G_3 (V_3 - V) = I; spins relax there besides."""
    flow = ju.diffuse(*dot)
    mu = (3.0 * 1.0 - 5.0 * 0.4 + 0.6) / 8.0
    fed = 3.0 * np.array([0.2, 0.0, 0.5]) + 5.0 * np.array([0.0, 0.3, 0.0]) + np.array([0.0, -0.2, 0.1])
    S = fed / (8.0 + 2 * 0.7 * 0.8)
    top = flow.contacts["top"]
    assert flow.mu == pytest.approx(mu, rel=1e-4)
    assert top.voltage == pytest.approx(mu + 0.6 / 2.0, rel=1e-4)
    np.testing.assert_allclose(top.spin, S + np.array([0.0, -0.2, 0.1]) / 2.0, rtol=1e-4, atol=1e-6)
    assert float(ju.current_through(flow, "top")) == pytest.approx(-0.6, rel=1e-10)
    np.testing.assert_allclose(ju.spin_current_through(flow, "top"), [0.0, 0.2, -0.1], atol=1e-10)
    late = ju.spin_dynamics(*dot, [0.0, 10.0])[-1]
    np.testing.assert_allclose(late.f, flow.f, atol=1e-5)
    assert late.contacts["top"].voltage == pytest.approx(top.voltage, rel=1e-4)


def test_reciprocity_of_four_terminals():
    """R_ab,cd(h) = R_cd,ab(-h) between electrodes of one potential each (Buettiker 1986), with every tensor on."""
    pads = {
        "a": lambda m: (m[:, 0] < 1e-9) & (m[:, 1] < 0.7),
        "b": lambda m: (m[:, 0] > 2 - 1e-9) & (m[:, 1] > 0.3),
        "c": lambda m: (m[:, 1] > 1 - 1e-9) & (np.abs(m[:, 0] - 0.8) < 0.3),
        "d": lambda m: (m[:, 1] < 1e-9) & (np.abs(m[:, 0] - 1.4) < 0.3),
    }
    mesh = ju.rectangle(2.0, 1.0, 0.2).with_boundaries(pads)

    def resistance(h, source, drain, high, low):
        contacts = {source: ju.Contact(**FLOATING, current=1.0), drain: ju.Contact(voltage=0.0)}
        contacts |= {name: ju.Contact(**FLOATING) for name in (high, low)}
        flow = ju.diffuse(ju.Device(mesh=mesh, materials=metal(**TENSORS, h=h)), contacts)
        assert np.ptp(flow.mu[mesh.boundary_nodes(source)]) < 1e-12
        assert abs(float(ju.current_through(flow, high))) < 1e-10
        return flow.contacts[high].voltage - flow.contacts[low].voltage

    there, back = resistance(H, *"abcd"), resistance(-H, *"cdab")
    assert abs(there) > 1e-3
    assert back == pytest.approx(there, rel=1e-9)
    assert abs(resistance(-H, *"abcd") - there) > 1e-4 * abs(there)


# --- time ------------------------------------------------------------------------------------------


def test_relaxation_and_precession():
    """A uniform spin: S_x + i S_y = exp((2 i h - Gamma) t), within the tolerance asked for."""
    device = strip(1.0, 1.0, 0.4, metal(Gamma=0.8, h=(NOTHING, NOTHING, 1.5)))
    times = np.array([0.0, 0.3, 0.5, 2.0])
    flows = ju.spin_dynamics(device, {}, times, start=(0.3, (1.0, 0.0, 0.5)), tol=1e-6)
    for flow, t in zip(flows, times, strict=True):
        expected = np.exp((3j - 0.8) * t)
        S = [expected.real, expected.imag, 0.5 * np.exp(-0.8 * t)]
        np.testing.assert_allclose(flow.S, np.tile(S, (len(flow.S), 1)), atol=3e-6)
        np.testing.assert_allclose(flow.mu, 0.3, atol=1e-12)
        assert flow.time == t


def test_time_steps_are_of_second_order():
    device = strip(1.0, 1.0, 0.5, metal(Gamma=0.8, h=(NOTHING, NOTHING, 1.5)))
    stepper = _Stepper(normal_problem(device, {}, floating=True))
    f = np.zeros(stepper.problem.given.shape)
    f[:, 1] = 1.0
    errors = []
    for steps in (8, 16, 32):
        end = stepper.march(f, 0.0, 1.0, steps)
        errors.append(np.abs(end[:, 1] + 1j * end[:, 2] - np.exp(3j - 0.8)).max())
    assert order(errors) == pytest.approx(2.0, abs=0.15)


def test_diffusion_in_time():
    """A cosine of mu decays at D (pi/L)^2; lumped masses and linear triangles: 1 - (pi h/L)^2/12."""
    device = strip(2.0, 0.2, 0.1, metal(D=1.5))
    x = np.asarray(device.mesh.points)[:, 0]
    flow = ju.spin_dynamics(device, {}, [0.0, 0.2], start=(np.cos(np.pi * x / 2), 0.0), tol=1e-6)[-1]
    rate = 1.5 * (np.pi / 2) ** 2
    np.testing.assert_allclose(flow.mu, np.exp(-rate * 0.2) * np.cos(np.pi * x / 2), atol=1e-3)


def test_spins_across_a_seam():
    """A helix that the spin field holds, closed by a seam that turns spins: it only relaxes, seam included."""
    a, width = 0.4, 1.0
    device = ju.Device(
        mesh=ju.rectangle(1.0, width, 0.25),
        materials=metal(Gamma=0.8, spin_field=[[0, 0], [0, 0], [0, a]]),
        boundaries={"top": ju.Periodic("bottom", rotation=(0.0, 0.0, -2 * a * width))},
    )
    y = np.asarray(device.mesh.points)[:, 1]
    helix = np.stack([np.cos(2 * a * y), -np.sin(2 * a * y), 0 * y], axis=1)
    start = np.where(y[:, None] < width - 1e-9, helix, 0.0)  # the seam's own nodes are the others, turned
    first, last = ju.spin_dynamics(device, {}, [0.0, 1.0], start=(0.0, start), tol=1e-6)
    np.testing.assert_allclose(first.S, helix, atol=1e-12)
    np.testing.assert_allclose(last.S, np.exp(-0.8) * helix, atol=2e-6)


def test_steady_state_is_reached(random_flow):
    device = strip(2.0, 1.0, 0.15, metal(**TENSORS, h=H))
    flows = ju.spin_dynamics(device, random_flow.contacts, [0.0, 0.1, 1.0, 30.0])
    np.testing.assert_allclose(flows[-1].f, random_flow.f, atol=1e-6)
    assert np.abs(flows[1].f - random_flow.f).max() > 0.1
    assert "at time 30" in repr(flows[-1])
    going_on = ju.spin_dynamics(device, random_flow.contacts, [0.0, 1.0], start=flows[-1])
    np.testing.assert_allclose(going_on[-1].f, random_flow.f, atol=1e-6)


# --- what is refused ---------------------------------------------------------------------------------

PLAIN = strip(1.0, 1.0, 0.5, metal(Gamma=1.0))
GROUND = ju.Contact(voltage=0.0)


@pytest.mark.parametrize("temperature", [0.3, None])
def test_distribution_of_an_electrode(temperature):
    """tanh[(E - V tau3 - S.sigma)/2T] as a function of a Hermitian matrix, in the usual basis."""
    sigma, tau3 = ju.nambu.SIGMA, np.kron(ju.nambu.SIGMA[2], np.eye(2))
    spins = [np.kron(np.eye(2), s) for s in sigma]
    phi = np.array([np.eye(4), tau3, *spins, *(tau3 @ s for s in spins)])
    contact = ju.Contact(voltage=0.4, spin=(0.3, -0.2, 0.5), temperature=temperature)
    energies = np.array([0.1, 0.5, 2.0])
    for E, f in zip(energies, contact.distribution(energies), strict=True):
        x, U = np.linalg.eigh(E * np.eye(4) - 0.4 * tau3 - np.einsum("k,kij->ij", contact.spin, spins))
        t = np.tanh(x / 0.6) if temperature else np.sign(x)
        np.testing.assert_allclose(np.einsum("b,bij->ij", f, phi), (U * t) @ U.conj().T, atol=1e-12)
    assert ju.Contact(voltage=0.4).distribution(0.1)[1] == -1.0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "Contact without voltage, current, spin or spin_current; give voltage=0.0 for a grounded"),
        ({"tunnel": 1.0, "current": 1.0}, "tunnel = 1.0 without voltage or spin"),
        ({"voltage": 1.0, "current": 1.0}, "voltage = 1.0 and current = 1.0; expected one"),
        ({"voltage": 1.0, "spin": (0, 0, 1), "spin_current": (0, 0, 1)}, "spin_current = .*; expected one"),
        ({"voltage": np.nan}, "voltage = nan; expected None or a finite number"),
        ({"voltage": "floats"}, "voltage = 'floats'; expected None or a finite number"),
        ({"voltage": 1.0, "temperature": -0.1}, "temperature = -0.1; expected None or a finite number >= 0"),
        ({"voltage": 1.0, "tunnel": 0.0}, "tunnel = 0.0; expected None or a finite number > 0"),
        ({"voltage": 1.0, "spin": (0, 1)}, "spin = .* expected None or three finite numbers"),
    ],
)
def test_bad_contacts(given, message):
    with pytest.raises(ValueError, match=message):
        ju.Contact(**given)


@pytest.mark.parametrize(
    ("device", "contacts", "error", "message"),
    [
        (PLAIN, {"lift": GROUND}, ValueError, "contact on unknown boundary 'lift'; the mesh has"),
        (PLAIN, {"left": 1.0}, TypeError, "contacts\\['left'\\] is float; expected a jusadel.Contact"),
        (PLAIN, [GROUND], TypeError, "contacts is list; expected"),
        (
            PLAIN,
            {"left": ju.Contact(current=1.0)},
            ValueError,
            "nothing fixes the potential in the part of the device at",
        ),
        (PLAIN, {}, ValueError, "nothing fixes the potential"),
        (PLAIN, {"left": ju.Contact(voltage="floating")}, ValueError, "nothing fixes the potential"),
        (PLAIN, {"left": GROUND, "top": ju.Contact(voltage="floating")}, ValueError, "'left' and 'top' share the node"),
        (PLAIN, {"left": GROUND, "top": ju.Contact(voltage=1.0)}, ValueError, "'left' and 'top' share the node"),
        (
            strip(1.0, 1.0, 0.5, metal()),
            {"left": ju.Contact(voltage=0.0, spin=None)},
            ValueError,
            "nothing fixes the spin",
        ),
        (
            ju.Device(mesh=PLAIN.mesh, materials=metal(), boundaries={"left": ju.Reservoir(1.0)}),
            {"right": GROUND},
            ValueError,
            "the device has an electrode at 'left' and contacts has none",
        ),
        (
            ju.Device(mesh=PLAIN.mesh, materials=metal(), boundaries={"left": ju.Tunnel(ju.Reservoir(1.0), 1.0)}),
            {"left": ju.Contact(voltage=0.0, tunnel=1.0)},
            ValueError,
            "has tunnel = 1.0 and the device has Tunnel",
        ),
        (
            ju.Device(mesh=PLAIN.mesh, materials=metal(), boundaries={"left": ju.Periodic("right")}),
            {"right": GROUND},
            ValueError,
            "contact on boundary 'right', which is the partner of 'left'",
        ),
    ],
)
def test_bad_input(device, contacts, error, message):
    with pytest.raises(error, match=message):
        ju.diffuse(device, contacts)


def test_coarse_meshes_are_mentioned():
    with pytest.warns(ju.CoarseMeshWarning, match="longer than half the spin relaxation length"):
        ju.diffuse(strip(1.0, 1.0, 0.5, metal(Gamma=100.0)), {"left": GROUND})


@pytest.mark.parametrize(
    ("times", "options", "message"),
    [
        ([0.0], {}, "expected at least two finite increasing"),
        ([0.0, 1.0, 1.0], {}, "expected at least two finite increasing"),
        ([0.0, 1.0], {"tol": 0.0}, "tol = 0.0; expected"),
        ([0.0, 1.0], {"start": np.zeros(7)}, "start is not a pair"),
        ([0.0, 1.0], {"start": (np.nan, 0.0)}, "start is not finite"),
    ],
)
def test_bad_times(times, options, message):
    with pytest.raises(ValueError, match=message):
        ju.spin_dynamics(PLAIN, {"left": GROUND}, times, **options)
