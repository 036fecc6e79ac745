"""Gaussian fluctuations above Tc against closed forms: uniform metals, grains, wires, films, strips in a field."""

from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import digamma, polygamma

import jusadel as ju
from jusadel.action.assembly import discretise
from jusadel.corrections.gaussian.pair_hessian import PairHessian
from jusadel.corrections.gaussian.pair_operator import PairOperator, PairSites

pytestmark = pytest.mark.filterwarnings("ignore:the mesh is too coarse:jusadel.CoarseMeshWarning")

PER_HBAR = 2 * np.pi
"""e^2/hbar in e^2/h."""
TWISTED = {"right": ju.Periodic("left")}
TORUS = TWISTED | {"top": ju.Periodic("bottom")}


def metal(mesh, boundaries=None, B=None, **fields):
    A = None if B is None else ju.uniform_field(B)
    material = ju.Material(**{"D": 1.0, "Tc": 1.0} | fields)
    return ju.Device(mesh=mesh, materials=material, boundaries=boundaries or {}, vector_potential=A)


def psi(energy, T):
    """psi(1/2 + E/2 pi T) - psi(1/2) of a pair-breaking energy."""
    return digamma(0.5 + energy / (2 * np.pi * T)) - digamma(0.5)


class Momentum:
    """A uniform metal of D = Tc = 1: lambda(q), its derivatives, and the delay, at E = q^2/2."""

    def __init__(self, T):
        self.T = T

    def eigenvalue(self, q):
        return np.log(self.T) + psi(q**2 / 2, self.T)

    def delay(self, q):
        """d lambda/d Omega at E + Omega/2."""
        return polygamma(1, 0.5 + q**2 / (4 * np.pi * self.T)) / (4 * np.pi * self.T)

    def velocity(self, q):
        """d lambda/dA of q - 2A, but for the sign."""
        return 4 * q * self.delay(q)

    def warming(self, q):
        """d lambda/d ln T."""
        y = q**2 / (4 * np.pi * self.T)
        return 1 - y * polygamma(1, 0.5 + y)

    def pairs_current(self, q):
        """What T tau Sum V^2/(2 lambda^3) adds at q."""
        return self.T * self.delay(q) * self.velocity(q) ** 2 / (2 * self.eigenvalue(q) ** 3)

    def heat(self, q):
        return (self.warming(q) / self.eigenvalue(q)) ** 2

    @property
    def xi(self):
        return np.sqrt(np.pi / (8 * self.T))


def along_a_line(f, highest=40.0):
    """Int dq/2 pi over all q."""
    return quad(f, 0, 1, limit=200)[0] / np.pi + quad(f, 1, highest, limit=200)[0] / np.pi


def over_a_plane(f, highest=40.0):
    """Int d2q/(2 pi)^2."""
    return along_a_line(lambda q: q * f(q), highest) / 2


@pytest.fixture(scope="module")
def small():
    return ju.rectangle(0.6, 0.6, size=0.35)


# --- eigenvalues -----------------------------------------------------------------------------------


@pytest.mark.parametrize("h", [0.0, 0.9])
def test_uniform_metal(small, h):
    """lambda at three frequencies of pairs, and the delay, with and without an exchange field."""
    T = 1.1
    device = metal(small, h=(0.0, 0.6 * h, 0.8 * h))
    for Omega in (0.0, 2 * np.pi * T, 6 * np.pi * T):
        expected = np.log(T) + psi(Omega / 2 + 1j * h, T).real
        assert ju.fluctuation_eigenvalues(device, T, Omega, modes=1)[0] == pytest.approx(expected, abs=1e-5)
    tau = {0.0: np.pi / (8 * T), 0.9: 0.30333802}[h]
    assert ju.fluctuations(device, T, modes=1).times[0] == pytest.approx(tau, abs=1e-8)


@pytest.mark.parametrize(("fields", "energy"), [({"magnetic_Gamma": 0.8}, 0.6), ({"depairing": 0.5}, 0.5)])
def test_pair_breaking(small, fields, energy):
    """Abrikosov and Gorkov: magnetic impurities break pairs at 3/4 of the rate at which Hikami's spins relax."""
    found = ju.fluctuation_eigenvalues(metal(small, **fields), 1.1, modes=1)[0]
    assert found == pytest.approx(np.log(1.1) + psi(energy, 1.1), abs=1e-5)


def test_spin_orbit_scattering_shields_from_exchange(small):
    """Singlets and triplets mix by h, triplets decay at Gamma/2: two digamma functions."""
    T, h, Gamma = 1.1, 0.9, 5.0
    root = np.sqrt(complex(Gamma**2 / 16 - h**2))
    fast, slow = Gamma / 4 + root, Gamma / 4 - root  # of (omega + Gamma/2)/(omega^2 + omega Gamma/2 + h^2)
    expected = np.log(T) + ((fast * psi(slow, T) - slow * psi(fast, T)) / (fast - slow)).real
    found = ju.fluctuation_eigenvalues(metal(small, h=(0.0, 0.0, h), Gamma=Gamma), T, modes=1)[0]
    assert found == pytest.approx(expected, abs=1e-5)
    assert found < np.log(T) + psi(1j * h, T).real - 0.05


def test_the_slowest_mode_vanishes_where_a_structure_becomes_superconducting():
    """A superconductor behind a barrier to a normal metal, in a field: the mode that the transition has."""
    halves = {"S": lambda p: p[:, 0] < 1, "N": lambda p: p[:, 0] > 1}
    mesh = ju.rectangle(2.0, 1.0, 0.5, x_lines=[1.0], regions=halves)
    mesh = ju.with_cut_between(mesh, "S", "N", "cut")
    materials = {"S": ju.Material(D=1.0, Tc=1.0, h=(0.0, 0.3, 0.0)), "N": ju.Material(D=2.0, Tc=0.0)}
    boundaries = {"cut": ju.Interface(0.7), "right": ju.Reservoir(0.0)}
    field = ju.uniform_field(0.4)
    device = ju.Device(mesh=mesh, materials=materials, boundaries=boundaries, vector_potential=field)
    at = ju.critical_temperature(device, frequencies=16)
    found = ju.fluctuations(device, at.T * (1 + 1e-9), frequencies=16, modes=6)
    assert found.eigenvalues[0] == pytest.approx(1e-9 * at.slope, abs=1e-6)
    assert found.slope == pytest.approx(at.slope, rel=1e-5)
    np.testing.assert_allclose(found.modes[0], at.mode, atol=2e-3)


# --- grains ----------------------------------------------------------------------------------------


def test_grain():
    """Heat 1/eps^2, and in a field the moment -T lambda_B/lambda of the mean square of 2A in a disk."""
    R, T, B = 0.25, 1.02, 3.0
    errors = []
    for size in (0.13, 0.06):
        disk = ju.disk(R, size=size)
        heat = ju.fluctuations(metal(disk), T, modes=4).specific_heat
        assert heat == pytest.approx(np.log(T) ** -2, rel=1e-3)
        moment = ju.fluctuations(metal(disk, B=B), T, modes=1).magnetisation
        energy = (B * R) ** 2 / 4
        eigenvalue = np.log(T) + psi(energy, T)
        slope = polygamma(1, 0.5 + energy / (2 * np.pi * T)) / (2 * np.pi * T) * 2 * energy / B
        assert -T * slope / eigenvalue == pytest.approx(-0.5512, abs=1e-4)
        errors.append(abs(moment + T * slope / eigenvalue))
    assert errors[0] < 0.004
    assert errors[1] < errors[0] / 3


# --- wires -----------------------------------------------------------------------------------------


def test_closed_wire():
    """Current and heat of a ring are integrals over momenta; the mesh errs by its square."""
    T, L = 1.1, 30.0
    expected = Momentum(T)
    errors = []
    for size in (0.5, 0.25):
        device = metal(ju.rectangle(L, 0.2, size), TWISTED)
        found = ju.fluctuations(device, T, modes=60, across=("left", "right"))
        current = found.paraconductivity * L / PER_HBAR / along_a_line(expected.pairs_current)
        heat = found.specific_heat / L / along_a_line(expected.heat)
        errors.append((abs(current - 1), abs(heat - 1)))
    assert max(errors[1]) < 3e-3
    assert np.all(np.array(errors[1]) < np.array(errors[0]) / 3)


def test_laws_of_a_wire():
    """Aslamazov and Larkin's pi xi/(16 eps^1.5), heat 1/(4 xi eps^1.5), close to Tc."""
    T, L = 1.0005, 300.0
    device = metal(ju.rectangle(L, 0.2, 1.5), TWISTED)
    found = ju.fluctuations(device, T, modes=60, across=("left", "right"))
    eps, xi = np.log(T), Momentum(T).xi
    assert found.paraconductivity * L == pytest.approx(PER_HBAR * np.pi * xi / (16 * eps**1.5), rel=0.02)
    assert found.specific_heat / L == pytest.approx(1 / (4 * xi * eps**1.5), rel=0.01)


def test_wire_between_contacts():
    """Modes sin(n pi x/L), coupled by the momentum between them: a double sum."""
    T, L, n = 1.0, 4.0, np.arange(1, 400)
    m = Momentum(T)
    q, i, j = n * np.pi / L, n[:, None], n[None, :]
    values, tau, energy = m.eigenvalue(q), m.delay(q), q**2 / 2
    odd, other = (i + j) % 2 == 1, i != j
    momentum = np.where(odd, 4 * i * j / np.where(other, i**2 - j**2, 1), 0) / L  # |<i|d/dx|j>|
    spread = np.where(other, energy[:, None] - energy[None, :], 1.0)
    V = 2 / L * momentum * np.where(other, (values[:, None] - values[None, :]) / spread, 0)
    g = values / tau
    expected = T * (V**2 / np.outer(tau, tau) / (np.outer(g, g) * np.add.outer(g, g))).sum()
    errors = []
    for size in (0.5, 0.25):
        found = ju.fluctuations(metal(ju.rectangle(L, 0.1, size)), T, modes=30, across=("left", "right"))
        assert found.paraconductivity == pytest.approx(PER_HBAR * expected, rel=2e-3)
        errors.append(np.abs(found.eigenvalues[:2] - values[:2]))
    assert np.all(errors[1] < errors[0] / 3)


def doubled(mesh, shift):
    """Two copies of a mesh, one above the other; what joins their left ends is part of the electrode there."""
    n, points = len(mesh.points), np.asarray(mesh.points)
    left = mesh.boundary_nodes("left")
    low, *_, below, top = left[np.argsort(points[left, 1])]
    above = left[np.argsort(points[left, 1])][1]
    height = points[top, 1]
    new = [(-0.3, height), (-0.3, shift)]  # numbers 2 n and 2 n + 1
    bridge = [(below, top, 2 * n), (top, 2 * n + 1, 2 * n), (top, low + n, 2 * n + 1), (low + n, above + n, 2 * n + 1)]
    held = [(below, 2 * n), (2 * n, 2 * n + 1), (top, low + n), (2 * n + 1, above + n)]
    ends = {name: np.concatenate([edges, edges + n]) for name, edges in mesh.boundaries.items()}
    ends["left"] = np.concatenate([ends["left"], held])
    return ju.Mesh(
        points=np.concatenate([points, points + np.array([0, shift]), new]),
        triangles=np.concatenate([mesh.triangles, mesh.triangles + n, bridge]),
        boundaries=ends,
    )


def test_wires_in_parallel_add():
    """Two equal wires carry twice as much, and have each mode twice; so do heat and the moment in a field."""
    mesh = ju.rectangle(4.0, 0.8, 0.4)
    given = {"T": 1.1, "across": ("left", "right")}
    one = ju.fluctuations(metal(mesh, B=0.4), modes=12, **given)
    two = ju.fluctuations(metal(doubled(mesh, 1.1), B=0.4), modes=24, **given)
    np.testing.assert_allclose(two.eigenvalues, np.repeat(one.eigenvalues, 2), rtol=1e-9)
    for name in ("paraconductivity", "specific_heat", "magnetisation"):
        assert getattr(two, name) == pytest.approx(2 * getattr(one, name), rel=1e-9)


# --- films -----------------------------------------------------------------------------------------


def test_film():
    """Paraconductivity, heat and Maki and Thompson's part of a torus: integrals over momenta, and sums over its own."""
    T, rate = 1.3, 0.2
    m = Momentum(T)
    L = 20 * m.xi
    errors = []
    for edges in (14, 20):
        mesh = ju.rectangle(L, L, L / edges)
        with pytest.warns(ju.FewModesWarning, match="maki_thompson"):
            found = ju.fluctuations(metal(mesh, TORUS, dephasing=rate), T, modes=149, across=("left", "right"))
        current = found.paraconductivity / PER_HBAR / over_a_plane(lambda q: m.pairs_current(q) / 2)
        heat = found.specific_heat / L**2 / over_a_plane(m.heat)
        q = np.sort(np.hypot(*np.meshgrid(*[2 * np.pi / L * np.arange(-12, 13)] * 2)).ravel())[:149]  # whole shells
        coherent = np.pi / L**2 * np.sum(1 / (2 * m.eigenvalue(q) * (q**2 + rate)))
        errors.append(np.abs([current - 1, heat - 1, found.maki_thompson / PER_HBAR / coherent - 1]))
    assert np.all(errors[1] < [0.07, 0.03, 0.03])
    assert np.all(errors[1] < errors[0] / 1.5)


def test_the_integrals_are_the_laws_of_films():
    """Those with which `test_film` compares: 1/16 eps, 1/(4 pi xi^2 eps), ln(eps/delta)/(8 (eps - delta)), near Tc."""
    T, rate = 1.0001, 3e-4
    m, eps, delta = Momentum(T), np.log(T), np.pi * rate / (8 * T)
    coherent = over_a_plane(lambda q: np.pi / (2 * m.eigenvalue(q) * (q**2 + rate)), 400.0)
    assert over_a_plane(lambda q: m.pairs_current(q) / 2) == pytest.approx(1 / (16 * eps), rel=5e-3)
    assert over_a_plane(m.heat) == pytest.approx(1 / (4 * np.pi * m.xi**2 * eps), rel=5e-3)
    assert coherent == pytest.approx(np.log(eps / delta) / (8 * (eps - delta)), rel=5e-3)


@pytest.mark.filterwarnings("ignore::jusadel.FewModesWarning")  # the estimate has the whole moment, edges and all
def test_susceptibility_of_a_film():
    """-T xi^2 B/(3 pi eps) per area: the moments of two strips, whose edges are the same, taken from each other."""
    T, L, B = 1.5, 12.0, 0.05
    moments = [
        ju.fluctuations(metal(ju.rectangle(L, W, 0.5), TWISTED, B=B), T, modes=70).magnetisation for W in (4.0, 7.0)
    ]
    xi, eps = Momentum(T).xi, np.log(T)
    found = (moments[1] - moments[0]) / (3.0 * L * B)
    assert found == pytest.approx(-T * xi**2 / (3 * np.pi * eps), rel=0.015)


# --- invariance ------------------------------------------------------------------------------------


@pytest.mark.parametrize("fields", [{}, {"h": (0.0, 0.3, 0.2), "spin_field": ju.rashba(0.4), "magnetic_Gamma": 0.1}])
def test_gauges(fields):
    """Nothing depends on the gauge of the vector potential."""
    mesh, found = ju.rectangle(3.0, 1.5, 0.5), []
    for gauge in ("symmetric", "x"):
        A = ju.uniform_field(0.5, gauge=gauge, center=(0.3, 0.1))
        device = ju.Device(mesh=mesh, materials=ju.Material(D=1.0, Tc=1.0, **fields), vector_potential=A)
        one = ju.fluctuations(device, 1.2, modes=8, across=("left", "right"))
        found.append([one.paraconductivity, one.specific_heat, one.magnetisation, *one.eigenvalues, *one.times])
    np.testing.assert_allclose(found[1], found[0], rtol=1e-9)
    assert found[0][2] < 0


# --- Ginzburg number -------------------------------------------------------------------------------


def test_ginzburg_number_of_a_wire():
    """Where the integral over momenta is as large as the conductance that is given."""
    T, L = 1.05, 40.0
    conductance = PER_HBAR / L * along_a_line(Momentum(T).pairs_current)
    device = metal(ju.rectangle(L, 0.2, 0.5), TWISTED)
    assert ju.ginzburg_number(device, conductance, modes=40) == pytest.approx(np.log(T), rel=0.01)
    with pytest.raises(ValueError, match="conductance = -1"):
        ju.ginzburg_number(device, -1)
    with pytest.raises(ValueError, match="every Tc is 0"):
        ju.ginzburg_number(metal(ju.rectangle(1.0, 1.0, 1.0), Tc=0.0), 1.0)


# --- what is left out, refused and told ------------------------------------------------------------


def test_a_result_says_what_it_leaves_out(small):
    found = ju.fluctuations(metal(small), 1.1, modes=8, across=("left", "right"))
    assert "left out: density of states, pairs at Omega_m != 0, Maki-Thompson" in repr(found)
    assert "edges" in found.left_out["Maki-Thompson"]
    assert found.maki_thompson is None
    assert ju.fluctuations(metal(small), 1.1, modes=4).paraconductivity is None


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({}, "dephasing = 0"),
        ({"h": (0.0, 0.0, 0.1), "dephasing": 0.1}, "has h"),
        ({"D": lambda p: 1 + 0.1 * p[:, 0], "dephasing": 0.1}, "D varies in space"),
    ],
)
def test_maki_and_thompson_want_a_film(fields, why):
    mesh = ju.rectangle(1.0, 1.0, 0.5)
    found = ju.fluctuations(metal(mesh, TORUS, **fields), 1.1, modes=40, across=("left", "right"))
    assert why in found.left_out["Maki-Thompson"]
    assert "no uniform field fits" in found.left_out["magnetisation"]
    assert found.magnetisation is None


def test_refusals(small):
    given = {"T": 1.1, "modes": 2}
    with pytest.raises(ValueError, match=r"below the transition: the slowest mode has lambda = -0\.105.* about 1"):
        ju.fluctuations(metal(small), 0.9, modes=2)
    with pytest.raises(ValueError, match=r"'left' has Delta = 1: .* no normal state to fluctuate about"):
        ju.fluctuations(metal(small, {"left": ju.Reservoir(1.0)}), **given)
    with pytest.raises(ValueError, match="every Tc is 0"):
        ju.fluctuations(metal(small, Tc=0.0), **given)
    tunnel = metal(small, {"left": ju.Tunnel(ju.Reservoir(0.0), 1.0)})
    with pytest.raises(ValueError, match=r"'left' is a barrier.*density of states"):
        ju.fluctuations(tunnel, **given, across=("left", "right"))
    ring = metal(small, TWISTED | {"top": ju.Reservoir(0.0)})
    with pytest.raises(ValueError, match=r"across = .* is a periodic boundary, and the device has electrodes"):
        ju.fluctuations(ring, **given, across=("left", "right"))
    with pytest.raises(ValueError, match="modes = 0"):
        ju.fluctuations(metal(small), 1.1, modes=0)
    with pytest.raises(ValueError, match="Omega = 'x'"):
        ju.fluctuation_eigenvalues(metal(small), 1.1, "x")


def test_tensors_with_which_the_normal_state_is_unstable(small):
    """Those that slip past the check of materials change the Hessian's inertia."""
    device = metal(small, kappa=(0.0, 0.0, 0.9), gamma=ju.rashba(0.3))
    system = discretise(device, np.zeros((len(small.triangles), 3), complex))
    for factor, refusal in (
        (1, nullcontext()),
        (3, pytest.raises(ju.StabilityError, match="normal state is unstable")),
    ):
        fields = system.cells.fields | {"kappa": factor * system.cells.fields["kappa"]}
        hessian = PairHessian.of(replace(system, cells=replace(system.cells, fields=fields)))
        operator = PairOperator(hessian, PairSites.of(device, hessian), 0.3, np.array([1.0]), np.ones(1))
        with refusal:
            operator.refuse_unstable()


def test_few_modes_are_told():
    """The estimate of what is missing is what is missing, within a factor of two."""
    device = metal(ju.rectangle(10.0, 0.2, 0.25), TWISTED)
    with pytest.warns(ju.FewModesWarning, match=r"7 modes may miss about \d+ % of paraconductivity; give modes=28"):
        ju.fluctuations(device, 1.8, modes=7, across=("left", "right"))
    few = ju.fluctuations(device, 1.8, modes=13, across=("left", "right"))
    many = ju.fluctuations(device, 1.8, modes=60, across=("left", "right"))
    missing = many.paraconductivity / few.paraconductivity - 1
    assert missing / 2 < few.rest["paraconductivity"] < 2 * missing


def test_a_mesh_too_coarse_for_the_modes_is_told():
    with pytest.warns(ju.CoarseMeshWarning, match=r"length sqrt\(pi D/8T lambda\) of modes up to lambda"):
        ju.fluctuations(metal(ju.rectangle(4.0, 4.0, 1.0)), 1.1, modes=10)
