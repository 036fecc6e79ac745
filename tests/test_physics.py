"""Gauge invariance, conservation laws, the spin-galvanic relation and junction currents, on solved devices."""

import jax.numpy as jnp
import numpy as np
import pytest
from random_device import mild
from shared import bare_frequency

import jusadel as ju

pytestmark = pytest.mark.filterwarnings("ignore:the mesh is too coarse:jusadel.CoarseMeshWarning")  # on any mesh
DELTA = 1.3
FREQUENCIES = ([0.4, 1.7], [1.0, 0.8])
TENSORS = mild(7) | {"Tc": 1.0, "h": (0.3, -0.2, 0.4)}
MESH = ju.rectangle(2.0, 1.0, 0.3)


def solve(chi=None, phase=0.7, h_reservoir=(0.2, 0.0, 0.3), pair_potential=None, **tensors):
    """A strip between reservoirs, every term on, in the gauge chi (a function of points and its gradient)."""
    turn = (lambda p: 0.0) if chi is None else chi[0]
    given = PAIR_POTENTIAL if pair_potential is None else pair_potential
    return ju.solve(
        ju.Device(
            mesh=MESH,
            materials=ju.Material(**(TENSORS | tensors)),
            boundaries={
                "left": ju.Reservoir(DELTA, phase=lambda p: 2 * turn(p) + 0 * p[:, 0], h=h_reservoir, Gamma=0.1),
                "right": ju.Reservoir(
                    DELTA, phase=lambda p: phase + 2 * turn(p) + 0 * p[:, 0], h=h_reservoir, Gamma=0.1
                ),
            },
            vector_potential=lambda p: VECTOR_POTENTIAL(p) + (0 if chi is None else chi[1](p)),
        ),
        T=0.3,
        pair_potential=lambda p: given(p) * jnp.exp(2j * turn(p)),
        frequencies=FREQUENCIES,
    )


def PAIR_POTENTIAL(p):
    return 0.6 * DELTA * (1 + 0.3 * p[:, 0]) * jnp.exp(0.4j * p[:, 1])


def VECTOR_POTENTIAL(p):
    return jnp.stack([-0.4 * p[:, 1], 0.2 * p[:, 0] * (p[:, 0] - 2.0)], axis=1)


CHI = (
    lambda p: 0.8 * jnp.sin(1.3 * p[:, 0] + 0.4) * p[:, 1] + 0.3 * p[:, 0],
    lambda p: jnp.stack(
        [1.04 * jnp.cos(1.3 * p[:, 0] + 0.4) * p[:, 1] + 0.3, 0.8 * jnp.sin(1.3 * p[:, 0] + 0.4)], axis=1
    ),
)


def observables(sol):
    return {
        "j": ju.charge_current(sol),
        "spin current": ju.spin_current(sol),
        "S": ju.spin_density(sol),
        "F": ju.free_energy(sol),
    }


def close(a, b, tol):
    return float(jnp.abs(a - b).max()) <= tol * float(jnp.abs(b).max())


@pytest.fixture(scope="module")
def plain():
    return solve()


# --- bulk, through the whole machinery -----------------------------------------------------------------


@pytest.mark.parametrize("name", ["R022", "R023", "R025", "R028", "R030"])
def test_bulk_spin_density_and_free_energy(references, name):
    """A4: a uniform film with exchange field and spin relaxation at its own Delta; S with the Pauli term."""
    T, h, Gamma = (float(x.split("=")[1]) for x in references[name]["parameters"].split(" (")[0].split(", "))
    value = references[name]["value"]
    material = ju.Material(D=4.0, Tc=1.0, h=(0, h, 0), Gamma=Gamma, nu=1.7)
    device = ju.Device(mesh=ju.rectangle(0.5, 0.5, 0.25), materials=material)
    sol = ju.solve(device, T=T, pair_potential=value["Delta"], frequencies=80)
    S = np.asarray(ju.spin_density(sol)) / (2 * 1.7 * h)
    assert -S[:, 1] == pytest.approx(value["S_phys_over_2nu_h"], abs=2e-6)
    assert np.abs(S[:, [0, 2]]).max() < 1e-12
    assert ju.free_energy(sol) / (1.7 * 0.25) == pytest.approx(value["dF_over_nu"], abs=2e-6)


# --- gauge ---------------------------------------------------------------------------------------


def test_u1_gauge_leaves_observables_unchanged(plain):
    turned = observables(solve(chi=CHI))
    for name, value in observables(plain).items():
        assert close(turned[name], value, 1e-10), name


def test_wrong_gauge_is_seen(plain):
    """The same with chi in the phases only is refused; in the pair potential only, the test above can fail."""
    with pytest.raises(ju.GaugeError, match="does not fit the boundary 'left'"):
        solve(chi=(CHI[0], lambda p: 0 * p))
    turned = lambda p: PAIR_POTENTIAL(p) * jnp.exp(2j * CHI[0](p))  # noqa: E731
    assert not close(ju.charge_current(solve(pair_potential=turned)), ju.charge_current(plain), 1e-3)


def rotation(axis, angle):
    K = np.cross(np.eye(3), np.asarray(axis) / np.linalg.norm(axis))
    return np.eye(3) - np.sin(angle) * K + (1 - np.cos(angle)) * K @ K


def test_constant_spin_rotation_rotates_spins_and_nothing_else(plain):
    O = rotation((1.0, 2.0, -0.5), 1.1)  # noqa: E741
    vectors = {k: O @ np.asarray(TENSORS[k]) for k in ("h", "spin_field", "gamma", "theta", "kappa")}
    turned = solve(h_reservoir=O @ np.array([0.2, 0.0, 0.3]), Gamma=O @ TENSORS["Gamma"] @ O.T, **vectors)
    assert close(ju.charge_current(turned), ju.charge_current(plain), 1e-10)
    assert close(ju.free_energy(turned), ju.free_energy(plain), 1e-10)
    assert close(ju.spin_density(turned), ju.spin_density(plain) @ O.T, 1e-10)
    assert close(ju.spin_current(turned), jnp.einsum("ab,mbk->mak", O, ju.spin_current(plain)), 1e-10)


def test_pure_gauge_spin_field_in_one_direction_does_nothing():
    off = {"gamma": np.zeros((3, 2)), "theta": np.zeros(3), "kappa": np.zeros(3), "Gamma": 0.0}
    n = np.array([0.0, 0.0, 1.0])
    common = off | {"h": 0.5 * n}
    bare = solve(h_reservoir=0.2 * n, spin_field=np.zeros((3, 2)), **common)
    along = solve(h_reservoir=0.2 * n, spin_field=np.outer(n, [0.7, -0.4]), **common)
    across = solve(h_reservoir=0.2 * n, spin_field=np.outer([1.0, 0.0, 0.0], [1.4, -0.8]), **common)
    assert close(ju.charge_current(along), ju.charge_current(bare), 1e-10)
    assert not close(ju.charge_current(across), ju.charge_current(bare), 1e-3)


# --- conservation ----------------------------------------------------------------------------------


def divergence(sol):
    """Sum over triangles of area j.grad phi_n: minus the current that leaves node n's patch."""
    flow = jnp.einsum("m,mk,mik->mi", sol.mesh.areas, ju.charge_current(sol), sol.mesh.shape_gradients)
    return np.asarray(jnp.zeros(len(sol.Delta)).at[sol.mesh.triangles].add(flow))


def source(sol):
    """dF/dchi_n of the pairing term when only Delta_n turns by exp(2 i chi_n)."""
    traces = [np.einsum("ab,wnba->wn", ju.nambu.R[k], sol.G) for k in (0, 1)]
    Delta = np.asarray(sol.system.nodes.fields["Delta"])
    local = 2 * (Delta[:, 0] * traces[0] - Delta[:, 1] * traces[1])
    return np.pi * sol.T * np.asarray(sol.weights) @ local


def test_charge_is_conserved_up_to_the_source_of_a_fixed_pair_potential(plain):
    free = np.asarray(plain.system.free)
    assert np.abs(source(plain)[free]).max() > 1e-2  # the given Delta does not solve the gap equation
    mismatch = (divergence(plain) - source(plain))[free]
    assert np.abs(mismatch).max() < 1e-10 * np.abs(divergence(plain)).max()


def test_charge_is_conserved_where_there_is_no_pair_potential():
    sol = solve(pair_potential=lambda p: 0 * p[:, 0])
    free, flow = np.asarray(sol.system.free), divergence(sol)
    assert np.abs(flow[~free]).max() > 1e-3
    assert np.abs(flow[free]).max() < 1e-10 * np.abs(flow).max()
    assert abs(flow.sum()) < 1e-10 * np.abs(flow).max()


# --- the spin-galvanic relation, Eq. (12) -----------------------------------------------------------

GAMMA = np.array([[0.3, 0.5], [-0.4, 0.2], [0.6, -0.1]])
FINE = ju.rectangle(2.0, 1.0, 0.1)
SMALL = 1e-3


def galvanic_device(kind, strength=SMALL, coupling=1.0):
    """A spin made in three ways: a uniform h, an h with a relaxation that varies, a magnetic electrode."""
    n = np.array([0.5, -0.3, 0.8])
    material = {"D": 1.0, "Tc": 1.0, "gamma": coupling * GAMMA, "Gamma": 0.3}
    boundaries = {}
    if kind == "uniform h":
        material |= {"h": strength * n, "Gamma": 0.0}
    elif kind == "relaxation gradient":
        material |= {"h": strength * n, "Gamma": lambda p: 0.3 + 0.8 * p[:, 0] ** 2}
    else:
        boundaries = {"left": ju.Reservoir(DELTA, h=strength * n)}
    return ju.Device(mesh=FINE, materials=ju.Material(**material), boundaries=boundaries)


@pytest.mark.parametrize("kind", ["uniform h", "relaxation gradient", "magnetic reservoir"])
def test_spin_galvanic_current_is_gamma_times_the_spin(kind):
    """j_k = gamma_ik S_i for the gamma term's share of j and S without Pauli part, one gamma for all three."""
    sol = ju.solve(galvanic_device(kind), T=0.3, pair_potential=DELTA, frequencies=FREQUENCIES)
    share = ju.charge_current(sol, terms=["spin_galvanic"])
    S = ju.spin_density(sol, pauli=False)[sol.mesh.triangles].mean(axis=1)
    expected = jnp.einsum("ik,mi->mk", GAMMA, S)
    assert close(share, expected, 2e-3 if kind != "uniform h" else 1e-5)


def test_spin_galvanic_relation_is_first_order_in_the_triplet():
    """At h = 1.5 Delta, omega = 0.3 the share is gamma S cosh^2(Im theta) (physics.md, section 1), not gamma S.

    Collinear h without Gamma: tan theta = Delta/(omega + i h) per spin.
    """
    omega, h = 0.3, 1.5 * DELTA
    device = ju.Device(mesh=FINE, materials=ju.Material(D=1.0, gamma=1e-4 * GAMMA, Tc=1.0, h=(0, 0, h)))
    strong = ju.solve(device, pair_potential=DELTA, **bare_frequency(omega))
    share = ju.charge_current(strong, terms=["spin_galvanic"])
    S = ju.spin_density(strong, pauli=False)[strong.mesh.triangles].mean(axis=1)
    factor = np.cosh(np.arctan(DELTA / (omega + 1j * h)).imag) ** 2
    assert factor > 1.2
    ratio = np.asarray(share[:, 0] / (1e-4 * GAMMA[2, 0] * S[:, 2]))
    assert ratio == pytest.approx(factor, rel=1e-4)


# --- junctions on a 2D strip ------------------------------------------------------------------------

STRIP = ju.rectangle(1.0, 0.15, 0.05, x=np.linspace(0, 1, 41))


def junction(phase, T, Delta, frequencies, **material):
    """e R_N I / E_Th of a strip of length 1, D = nu = 1 (so E_Th = 1) between rigid reservoirs, phase at x = 1."""
    device = ju.Device(
        mesh=STRIP,
        materials=ju.Material(D=1.0, Tc=0.0, **material),
        boundaries={"left": ju.Reservoir(Delta), "right": ju.Reservoir(Delta, phase=phase)},
    )
    sol = ju.solve(device, T=T, frequencies=frequencies)
    j = np.asarray(ju.charge_current(sol))[:, 0]
    return float(np.sum(j * STRIP.areas) / STRIP.areas.sum() / 2), sol


def cut_sum(T, top=110.0):
    n = int((top / (np.pi * T) + 1) // 2)
    return ju.matsubara.plain_sum(T, n)


@pytest.mark.parametrize("name", ["R110", "R123"])
def test_sns_current(references, name):
    given = dict(item.split("=") for item in references[name]["parameters"].split(", "))
    Delta, T, phase = (float(given[k]) for k in ("Delta/E_Th", "T/E_Th", "phi/pi"))
    current, _ = junction(phase * np.pi, T, Delta, 12 if Delta < 50 else 40)
    assert current == pytest.approx(references[name]["value"], rel=0.01)


def test_sfs_current_changes_sign(references):
    for name, h in (("R135", 3.0), ("R137", 10.0), ("R138", 15.0)):
        current, _ = junction(np.pi / 2, 1.0, 20.0, 16, h=(0, 0, h))
        assert current == pytest.approx(references[name]["value"], rel=0.01)


def test_phi0_junction(references):
    """A current at zero phase from gamma_yx and h_y, sign and size; none from a Rashba spin field alone."""
    gamma = [[0, 0], [0.3, 0], [0, 0]]
    current, sol = junction(0.0, 2.0, 20.0, cut_sum(2.0), h=(0, 3, 0), Gamma=5.0, gamma=gamma)
    value = references["R148"]["value"]
    assert current == pytest.approx(value["I"], rel=0.01)
    middle = np.argmin(np.hypot(*(STRIP.points - [0.5, 0.075]).T))
    S = np.asarray(ju.spin_density(sol, pauli=False))[middle]
    assert S[1] == pytest.approx(value["S_half"][1], rel=0.01)


def test_no_phi0_from_a_rashba_spin_field_alone():
    """B5c: spin_field without gamma gives no current at zero phase (but changes it elsewhere)."""
    field = [[0, -0.5], [0.5, 0], [0, 0]]
    strip = {"h": (0, 3, 0), "Gamma": 5.0}
    assert abs(junction(0.0, 2.0, 20.0, cut_sum(2.0), spin_field=field, **strip)[0]) < 1e-9
    with_field = junction(-np.pi / 2, 2.0, 20.0, cut_sum(2.0), spin_field=field, **strip)[0]
    without = junction(-np.pi / 2, 2.0, 20.0, cut_sum(2.0), **strip)[0]
    assert abs(with_field - without) > 1e-4 * abs(without)


def test_inverse_effect_has_the_sign_of_an_exchange_field(plain):
    """A phase gradient acts as h_k = gamma_kl q_l/2: the spin points as that h turns it (section F)."""
    gamma = np.array([[0, 0], [1e-3, 0], [0, 0]])
    _, driven = junction(0.5, 2.0, 20.0, cut_sum(2.0), Gamma=5.0, gamma=gamma)
    _, pushed = junction(0.5, 2.0, 20.0, cut_sum(2.0), Gamma=5.0, h=(0, 1e-3 * 0.25, 0))
    middle = np.argmin(np.hypot(*(STRIP.points - [0.5, 0.075]).T))
    S, T = (np.asarray(ju.spin_density(x, pauli=False))[middle, 1] for x in (driven, pushed))
    assert S * T > 0


def test_short_junction_on_a_fine_mesh():
    """KO-1 (references.md, row 7): D/edge^2 is 1e7 omega, so the residual must be measured against diffusion."""
    mesh = ju.rectangle(0.03, 0.003, 1.0, x=np.linspace(0, 0.03, 61), y=[0, 0.003])
    ends = {"left": ju.Reservoir(1.0), "right": ju.Reservoir(1.0, phase=2.0)}
    device = ju.Device(mesh=mesh, materials=ju.Material(Tc=0.0), boundaries=ends)
    sol = ju.solve(device, T=0.05, frequencies=20)
    current = float(np.sum(np.asarray(ju.charge_current(sol))[:, 0] * mesh.areas) / mesh.areas.sum() * 0.03 / 2)
    omega, weights = sol.omega, sol.weights
    c, s = np.cos(1.0), np.sin(1.0)
    d = np.sqrt(omega**2 + c**2)
    assert current == pytest.approx(4 * np.pi * 0.05 * np.sum(weights * c / d * np.arctan(s / d)), rel=2e-3)
