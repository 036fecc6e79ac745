"""Weak localisation against closed forms: wires, films in a field, Rashba coupling, rings."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import curve_fit
from scipy.special import digamma

import jusadel as ju
from jusadel.action.assembly import discretise
from jusadel.action.block_hessian import hessian_blocks
from jusadel.action.matrix_free import lift, slope_and_curvature
from jusadel.action.sparse_hessian import Pattern

D, L = 1.3, 2.0
QUANTUM = 2.0
"""2 e^2/h in e^2/h."""


@pytest.fixture(scope="module")
def thin():
    """A wire so thin that its transverse modes have no share."""
    return ju.rectangle(L, 1e-3, size=0.02)


def wire(mesh, **fields):
    return ju.Device(mesh=mesh, materials=ju.Material(D=D, Tc=0.0, **fields))


def modes(rate, count=20000):
    """E = D q^2 + rate of the modes sin(n pi x/L), and what each gives of Sum 2 D/(L^2 E) = 1/3 at rate 0."""
    E = D * (np.pi * np.arange(1, count + 1) / L) ** 2 + rate
    return E, 2 * D / L**2


def thermal_sum(rate):
    """(coth x - 1/x)/x, x = L sqrt(rate/D): the sum over all modes."""
    x = L * np.sqrt(rate / D)
    return (1 / np.tanh(x) - 1 / x) / x


# --- wires -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("fields", "expected"), [({}, -1 / 3), ({"Gamma": 1e9}, 1 / 6)])
def test_universal_wire(thin, fields, expected, recwarn):
    """-(1/3) and +(1/6) of 2 e^2/h, without and with strong spin-orbit scattering."""
    assert ju.localisation(wire(thin, **fields)).correction[0] / QUANTUM == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(
    ("fields", "triplet", "singlet"),
    [
        ({"dephasing": 3.0}, 3.0, 3.0),
        ({"Gamma": 2.0}, 2.0, 0.0),
        ({"dephasing": 0.7, "Gamma": 5.0}, 5.7, 0.7),
        ({"dephasing": 1.0, "magnetic_Gamma": 2.0}, 1.0 + 1.0, 1.0 + 3.0),  # Hikami, Larkin, Nagaoka: 1 to 3
        ({"depairing": 0.6}, 1.2, 1.2),  # a rate of pairs is 2 omega
    ],
)
def test_rates_of_a_wire(thin, fields, triplet, singlet):
    """-(2e^2/h) (3 F(triplet) - F(singlet))/2 with F of Altshuler and Aronov's wire between reservoirs."""
    F = lambda rate: thermal_sum(rate) if rate else 1 / 3  # noqa: E731
    expected = -(3 * F(triplet) - F(singlet)) / 2
    assert ju.localisation(wire(thin, **fields)).correction[0] / QUANTUM == pytest.approx(expected, rel=2e-3, abs=1e-4)


@pytest.mark.parametrize("Gamma", [0.0, 4.0])
def test_exchange_mixes_singlet_and_triplet(thin, Gamma):
    """h couples them by 2 i h: nothing without spin relaxation, for the sum of both stays; with it, dephasing."""
    h, rate = 3.0, 0.5
    E, share = modes(rate)
    expected = -share * (2 / (E + Gamma) - Gamma / (E * (E + Gamma) + 4 * h**2)).sum() / 2
    found = ju.localisation(wire(thin, h=(0.0, h * 0.6, h * 0.8), Gamma=Gamma, dephasing=rate))
    assert found.correction[0] / QUANTUM == pytest.approx(expected, rel=2e-3)


def test_a_probe_ends_the_cooperon(thin):
    """One in the middle takes no current, but what reaches it does not come back: two wires in a row, half as much."""
    mesh = thin.with_boundaries({"probe": lambda p: (p[:, 1] > 5e-4) & (abs(p[:, 0] - L / 2) < 0.011)})
    device = ju.Device(mesh=mesh, materials=ju.Material(D=D, Tc=0.0), boundaries={"probe": ju.Reservoir(0.0)})
    assert ju.localisation(device).correction[0] / QUANTUM == pytest.approx(-1 / 6, rel=2e-3)


def test_narrow_wire_in_a_field():
    """1/tau_B = D B^2 W^2/3 beside 1/tau_phi, in a wire much thinner than 1/sqrt(B)."""
    W, B, rate = 0.2, 6.0, 1.0
    found = ju.localisation(wire(ju.rectangle(L, W, size=0.1), dephasing=rate), [B, 0.0])
    expected = -thermal_sum(rate + D * B**2 * W**2 / 3) + thermal_sum(rate)
    assert found.reference == 1
    assert found.change[0] / QUANTUM == pytest.approx(expected, rel=5e-3)


# --- barriers and probes ---------------------------------------------------------------------------


@pytest.mark.parametrize("g", [0.8, 1e5])
def test_a_wire_with_a_barrier_inside(g):
    """By the resistance r from the left: C(x, x') = r (R - r')/R, between the two sides of the barrier as well."""
    mesh = ju.rectangle(L, 1e-3, 0.02, regions={"a": lambda c: c[:, 0] < L / 2, "b": lambda c: c[:, 0] > L / 2})
    mesh, metal = ju.with_cut_between(mesh, "a", "b", "cut"), ju.Material(D=D, Tc=0.0)
    cut = {"cut": ju.Interface(g)}
    device = ju.Device(mesh=mesh, materials={"a": metal, "b": metal}, boundaries=cut)
    half, barrier = L / (2 * D), 2 / g
    R = 2 * half + barrier
    wire = 2 * (half**2 / 2 - half**3 / (3 * R)) / R**2
    between = barrier / R**2 * half**2 / R
    expected = -2 * (wire + between)
    assert g < 1e3 or expected == pytest.approx(-1 / 3, rel=1e-4)
    assert ju.localisation(device).correction[0] / QUANTUM == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(("left", "right"), [(None, [0.9, 0.4]), ([0.5], [0.7])])
def test_a_dot_between_barriers(left, right):
    """Brouwer and Beenakker: -(g g'^2 T + g^2 g' T')/(g + g')^3 of 2e^2/h; nothing through tunnel barriers."""
    mesh, g = ju.rectangle(0.1, 0.1, 0.05), (1.0, 2.5)
    ends = {
        name: ju.Tunnel(ju.Reservoir(0.0), conductance, transmissions)
        for name, conductance, transmissions in zip(("left", "right"), g, (left, right), strict=True)
    }
    device = ju.Device(mesh=mesh, materials=ju.Material(D=1e4, Tc=0.0), boundaries=ends)
    T = [0.0 if x is None else np.sum(np.square(x)) / np.sum(x) for x in (left, right)]
    expected = -(g[0] * g[1] ** 2 * T[0] + g[0] ** 2 * g[1] * T[1]) / sum(g) ** 3
    assert ju.localisation(device).correction[0] / QUANTUM == pytest.approx(expected, rel=1e-3)


def test_a_cross_of_wires():
    """Four contacts, a current through two: three arms end the Cooperon of the fourth, -1/4; alike both ways."""
    w, far = 0.01, 1.0
    outline = [(-far, -w), (-w, -w), (-w, -far), (w, -far), (w, -w), (far, -w)]
    outline += [(-x, -y) for x, y in outline]
    ends = {
        "left": [(-far, w), (-far, -w)],
        "bottom": [(-w, -far), (w, -far)],
        "right": [(far, -w), (far, w)],
        "top": [(w, far), (-w, far)],
    }
    mesh = ju.polygon(outline, 0.02, boundaries=ends)
    probes = {name: ju.Reservoir(0.0) for name in ends}
    device = ju.Device(mesh=mesh, materials=ju.Material(D=D, Tc=0.0), boundaries=probes)
    along, across = (ju.localisation(device, across=x).correction[0] for x in (("left", "right"), ("bottom", "top")))
    assert along / QUANTUM == pytest.approx(-1 / 4, rel=0.03)
    assert along == pytest.approx(across, rel=1e-2)


# --- films -----------------------------------------------------------------------------------------

FIELDS = np.array([0.0, 0.5, 1.0, 2.0])


@pytest.fixture(scope="module")
def film():
    """Six L_phi wide, where the dephasing rate is one."""
    return ju.rectangle(6.0, 6.0, size=0.25)


def in_the_middle(mesh, fields, **given):
    """delta sigma in the middle of a film of D = 1 and dephasing rate 1."""
    metal = ju.Material(**{"D": 1.0, "Tc": 0.0, "dephasing": 1.0} | given)
    found = ju.localisation(ju.Device(mesh=mesh, materials=metal), fields, local=True)
    return found.local[:, np.argmin(((mesh.points - 3.0) ** 2).sum(axis=1))]


def hikami(B, triplet, singlet):
    """delta sigma(B) - delta sigma(0) of Hikami, Larkin and Nagaoka, [e^2/h]: (3 f(x_t) - f(x_s))/2 pi."""
    f = lambda rate: digamma(0.5 + rate / (4 * B)) - np.log(rate / (4 * B))  # noqa: E731
    return (3 * f(triplet) - f(singlet)) / (4 * np.pi) * 2


@pytest.mark.parametrize("Gamma", [0.0, 3.0])
def test_film_in_a_field(film, Gamma):
    """Positive magnetoconductance, and negative with spin-orbit scattering."""
    local = in_the_middle(film, FIELDS, Gamma=Gamma)
    expected = hikami(FIELDS[1:], 1.0 + Gamma, 1.0)
    np.testing.assert_allclose(local[1:] - local[0], expected, rtol=0.015)


def rashba_series(B, rate, precession, terms):
    """Sum over n of Iordanskii, Lyanda-Geller and Pikus's terms less the singlet's, linear coupling alone.

    Pikus and Pikus, PRB 51, 16928 (1995), Eq. (24) with H'_so = H_so: in units of 4 D B, a_n = n + 1/2 + rate + s.
    """
    r, s, n = rate / (4 * B), precession / (4 * B), np.arange(1, terms)
    a = lambda n: n + 0.5 + r + s  # noqa: E731
    first = 1 / a(0) + (2 * a(0) + 1 + s) / (a(1) * (a(0) + s) - 2 * s)
    above = 3 * a(n) ** 2 + 2 * a(n) * s - 1 - 2 * (2 * n + 1) * s
    below = (a(n) + s) * a(n - 1) * a(n + 1) - 2 * s * ((2 * n + 1) * a(n) - 1)
    return first + (above / below).sum() - (1 / (np.arange(terms) + 0.5 + r)).sum()


def test_film_with_rashba_coupling(film):
    """The change between two fields, series cut at the same energy; spins in the plane relax at 4 D a^2."""
    a, fields, energy = 0.6, np.array([0.5, 2.0]), 200_000
    local = in_the_middle(film, fields, spin_field=ju.rashba(a))
    series = [rashba_series(B, 1.0, 4 * a**2, int(energy / B)) for B in fields]
    assert local[1] - local[0] == pytest.approx(-(series[1] - series[0]) / (2 * np.pi), rel=0.02)


def test_fit_by_the_formula_finds_the_rates(film):
    """Hikami, Larkin and Nagaoka's formula, fitted to our curve, has the rates that went in."""
    local = in_the_middle(film, FIELDS, Gamma=3.0)
    curve = lambda B, rate, Gamma: hikami(B, rate + Gamma, rate)  # noqa: E731
    (rate, Gamma), _ = curve_fit(curve, FIELDS[1:], local[1:] - local[0], p0=(0.5, 1.0))
    assert (rate, Gamma) == pytest.approx((1.0, 3.0), rel=0.05)


# --- the mesh --------------------------------------------------------------------------------------

ALL = {
    "h": (0.3, 0.0, 0.2),
    "Gamma": 0.4,
    "magnetic_Gamma": 0.2,
    "spin_field": ((0.0, 0.5), (-0.3, 0.0), (0.1, 0.0)),
    "gamma": ((0.0, 0.1), (-0.1, 0.0), (0.0, 0.0)),
    "kappa": (0.1, 0.0, 0.2),
}


@pytest.fixture(scope="module")
def small():
    return ju.rectangle(2.0, 0.8, size=0.4)


@pytest.fixture(scope="module")
def sample(small):
    """With everything on."""
    return ju.Device(mesh=small, materials=ju.Material(D=D, Tc=0.0, dephasing=0.5, **ALL))


@pytest.mark.filterwarnings("ignore::jusadel.CoarseMeshWarning")
def test_two_determinants(sample, small):
    """d ln|det(H + s W)|/ds of the eight real components, with the Hessian of Newton's method."""
    B, s = 0.8, 1e-3
    ends = {"left": ju.Reservoir(0.0), "right": ju.Reservoir(0.0)}
    device = ju.Device(mesh=small, materials=sample.materials, boundaries=ends, vector_potential=ju.uniform_field(B))
    lifted = lift(discretise(device, np.zeros((len(small.triangles), 3), complex)))
    V, omega = np.broadcast_to(np.eye(4), (1, len(small.points), 4, 4)), np.array([0.25])
    pattern = Pattern(lifted)
    H = pattern.matrix(hessian_blocks(lifted, V, slope_and_curvature(lifted, V, omega)[1], omega)).toarray()
    weight = np.zeros(len(small.points))  # of the uniform field 1/L
    np.add.at(weight, small.triangles, np.repeat(small.areas[:, None] / 3, 3, axis=1))
    W = np.diag(np.repeat(8 * D * weight[pattern.free] / 4.0, 8))
    plus, minus = (np.linalg.slogdet(H + x * W)[1] for x in (s, -s))
    assert ju.localisation(sample, B).correction[0] == pytest.approx((plus - minus) / (2 * s), rel=1e-5)


@pytest.mark.filterwarnings("ignore::jusadel.CoarseMeshWarning")
def test_local_map_adds_up(sample, small):
    """Int e.delta sigma e with e = 1/L is the whole correction."""
    found = ju.localisation(sample, [0.8], local=True)
    corners = found.local[0][small.triangles].mean(axis=1)
    assert (small.areas * corners).sum() / 4.0 == pytest.approx(found.correction[0], rel=1e-10)


@pytest.mark.filterwarnings("ignore::jusadel.CoarseMeshWarning")
def test_any_gauge(sample, small):
    """A vector potential of the device and a further field are one field, in any gauge."""
    given = lambda **field: ju.Device(mesh=small, materials=sample.materials, **field)  # noqa: E731
    along_x = given(vector_potential=ju.uniform_field(0.5, gauge="x"))
    along_y = lambda B: given(vector_potential=ju.uniform_field(B, gauge="y"))  # noqa: E731
    found = [ju.localisation(*x).correction for x in ((sample, 0.8), (along_x, 0.3), (along_y, 0.8))]
    np.testing.assert_allclose(found[1:], [found[0]] * 2, rtol=1e-11)


def test_flux_through_a_ring():
    """The flux in the hole has the period h/2e, which is pi here; half of it changes the correction most."""
    outline, hole = [(-2, -1), (2, -1), (2, 1), (-2, 1)], [(-1, -0.6), (1, -0.6), (1, 0.6), (-1, 0.6)]
    ends = {"left": [(-2, 1), (-2, -1)], "right": [(2, -1), (2, 1)]}
    mesh = ju.polygon(outline, 0.4, holes=[hole], boundaries=ends)
    metal = ju.Material(D=1.0, Tc=0.0, dephasing=0.3)

    def with_flux(flux):
        around = lambda p: flux / (2 * np.pi) * np.stack([-p[:, 1], p[:, 0]], 1) / (p**2).sum(1)[:, None]  # noqa: E731
        return ju.Device(mesh=mesh, materials=metal, vector_potential=around)

    found = ju.localisation(with_flux, [0.0, np.pi / 2, np.pi, 0.3, np.pi - 0.3])
    assert found.change[2] == pytest.approx(0.0, abs=1e-9)
    assert found.correction[3] == pytest.approx(found.correction[4], abs=1e-9)
    assert found.change[1] > found.change[3] > 0


# --- derivatives -----------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::jusadel.CoarseMeshWarning")
def test_derivatives(small):
    """With respect to fields, a rate, and what stands at nodes, along edges and in the potential."""

    def correction(p):
        metal = ju.Material(
            D=D * p[0],
            Tc=0.0,
            Gamma=0.4 * p[1],
            spin_field=p[2] * ju.rashba(0.5),
            nu=lambda x: 1 + 0.2 * p[3] * x[:, 0],
        )
        ends = {"left": ju.Tunnel(ju.Reservoir(0.0), 2.0 * p[6], transmissions=np.array([0.6, 0.2]))}
        device = ju.Device(mesh=small, materials=metal, boundaries=ends)
        return ju.localisation(device, np.array([0.8]) * p[4], dephasing=0.5 * p[5]).correction[0]

    at, step = np.ones(7), 1e-4
    plus, minus = (np.array([correction(at + along) for along in x * np.eye(7)]) for x in (step, -step))
    np.testing.assert_allclose(jax.grad(correction)(jnp.asarray(at)), (plus - minus) / (2 * step), rtol=1e-6, atol=1e-8)
    with pytest.raises(ju.NotDifferentiableError, match="first derivatives only"):
        jax.grad(lambda x: jax.grad(lambda y: correction(at * y))(x))(1.0)


def test_change_from_zero_field_where_fields_are_traced(sample):
    def first(x):
        given = {"dephasing": None, "across": ("left", "right"), "mesh_size": 0.4, "device": sample}
        return ju.Localisation(jnp.array([1.0, 3.0]) * x, jnp.array([2.0, 0.0]) * x, **given).change[0]

    assert float(jax.grad(first)(1.0)) == -2.0


# --- what is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"across": ("left", "left")}, "two boundaries"),
        ({"across": ("left", "nowhere")}, "no boundary"),
        ({"fields": [0.0, np.nan]}, "not finite"),
        ({"dephasing": -1.0}, "must be >= 0"),
        ({"fields": [0.0, 1.0], "dephasing": [1.0, 2.0, 3.0]}, "2 fields and 3 rates"),
    ],
)
def test_bad_arguments(sample, given, message):
    with pytest.raises(ValueError, match=message):
        ju.localisation(sample, **given)


@pytest.mark.parametrize(
    ("Tc", "ends", "message"),
    [
        (1.0, {}, "has Tc = 1"),
        (0.0, {"left": ju.Reservoir(1.0)}, "Delta = 1"),
        (0.0, {"left": ju.Tunnel(ju.Reservoir(0.0), 1.0, polarisation=(0.5, 0, 0))}, "barrier that filters or turns"),
        (0.0, {"left": ju.Surface(h=(0.1, 0.0, 0.0))}, "expected an electrode"),
    ],
)
def test_superconductors_and_barriers(small, Tc, ends, message):
    device = ju.Device(mesh=small, materials=ju.Material(D=1.0, Tc=Tc), boundaries=ends)
    with pytest.raises(ValueError, match=message):
        ju.localisation(device)


def test_material_refuses_negative_dephasing():
    with pytest.raises(ValueError, match="must be >= 0"):
        ju.Material(Tc=0.0, dephasing=-0.1)


def test_coarse_mesh(small):
    device = ju.Device(mesh=small, materials=ju.Material(D=1.0, Tc=0.0, dephasing=100.0))
    with pytest.warns(ju.CoarseMeshWarning, match="dephasing length"):
        ju.localisation(device)


def test_repr(small):
    text = repr(ju.localisation(ju.Device(mesh=small, materials=ju.Material(D=1.0, Tc=0.0)), [0.0, 0.1]))
    assert text.startswith("Localisation between 'left' and 'right', 2 fields: correction -")
    assert "cut-off" in text


def test_what_is_lost_has_lost_its_phase():
    """An inelastic rate Gamma, exp(-Gamma t) of an amplitude, is a rate 2 Gamma of dephasing."""
    mesh = ju.rectangle(2.0, 0.5, 0.25)

    def of(**rates):
        device = ju.Device(mesh=mesh, materials=ju.Material(Tc=0.0, **rates))
        return ju.localisation(device, [0.0, 1.0]).correction

    np.testing.assert_allclose(of(dephasing=0.3, inelastic=0.2), of(dephasing=0.7), rtol=1e-12)
