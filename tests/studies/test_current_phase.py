"""Current-phase relations against formulas and reference numbers, on strips one triangle high.

D = nu = 1, so that a strip of length 1 has E_Th = 1; W is its height and R_N = L/(2 W).
"""

import re
import warnings
from dataclasses import replace

import jax
import numpy as np
import pytest
from scipy.optimize import brentq
from shared import optimised

import jusadel as ju
from jusadel.mesh.interfaces import split
from jusadel.studies.current_phase import relation as junction
from jusadel.studies.current_phase.relation import current_phase_relation
from jusadel.studies.current_phase.uncertainty import PhaseGridWarning

W = 0.004
"""Height over length; with it 1/R_N."""
R_N = 1 / (2 * W)
LINES = 41
UNIFORM = np.linspace(0, 1, LINES)
GRADED = (1 - np.cos(np.pi * UNIFORM)) / 2
TURN = np.linspace(0, 2 * np.pi, 12, endpoint=False)
TURN_OF_8 = np.linspace(0, 2 * np.pi, 8, endpoint=False)
QUARTERS = TURN_OF_8[::2]


def strip(L=1.0, x=UNIFORM, **given):
    return ju.rectangle(L, W * L, 1.0, x=L * x, y=[0, W * L], **given)


MESH = strip()


def relation(left, right, T, frequencies=8, phases=TURN, mesh=MESH, **material):
    """The relation of a strip of normal metal; electrodes as boundaries, or a gap."""
    ends = [b if isinstance(b, ju.Tunnel) else ju.Reservoir(b) for b in (left, right)]
    device = ju.Device(
        mesh=mesh, materials=ju.Material(Tc=0.0, **material), boundaries=dict(zip(("left", "right"), ends, strict=True))
    )
    return current_phase_relation(device, phases, T, frequencies=frequencies, linear_solver=ju.linear.SuperLU())


def barrier(Delta, r, **given):
    """A barrier of r times R_N."""
    return ju.Tunnel(ju.Reservoir(Delta), 2 / r, **given)


def numbers(entry):
    return {k.strip(): float(v) for k, v in (item.split("=") for item in entry["parameters"].split(","))}


# --- long and short junctions ---------------------------------------------------------------------


@pytest.mark.parametrize(("name", "frequencies"), [("R112", 12), ("R128", 16)])
def test_critical_current_of_a_long_junction(references, name, frequencies):
    given, value = numbers(references[name]), references[name]["value"]
    Delta, phases = given["Delta/E_Th"], np.linspace(0, 2 * np.pi, 192 // frequencies, endpoint=False)
    cpr = relation(Delta, Delta, given["T/E_Th"], frequencies, phases, strip(x=GRADED))
    plus, minus = cpr.critical_current
    assert R_N * plus == pytest.approx(value["Ic"], rel=2.5e-3)
    assert minus == pytest.approx(plus, rel=1e-8)
    assert cpr.critical_phase[0] / np.pi == pytest.approx(value["phi_c_over_pi"], rel=5e-3)
    assert abs(cpr.diode_efficiency) < 1e-9
    assert abs(cpr.phi0) < 1e-9
    assert cpr.interpolation_error < 2e-3


def at_zero_temperature(scale, n=12):
    """Frequencies for Int domega/(2 pi), to be used with T = 1."""
    s, w = (x / 2 for x in np.polynomial.legendre.leggauss(n))
    s = s + 0.5
    return scale * (s / (1 - s)) ** 2, w * scale * 2 * s / (1 - s) ** 3 / (2 * np.pi)


@pytest.mark.filterwarnings("ignore::jusadel.PhaseRangeWarning")
@pytest.mark.parametrize(
    ("Delta", "L", "Ic", "phase", "tol"),
    [
        (1e4, 1.0, 10.82, 0.635 * np.pi, 2e-3),  # Dubos et al. 2001
        (100.0, 1.0, 10.0017, None, 2e-3),  # references.md, row 9
        (1.0, 0.03, 2.082070, 1.971029, 3e-3),  # Kulik and Omelyanchuk 1975; E_Th = 1100 Delta
    ],
)
def test_critical_current_at_zero_temperature(Delta, L, Ic, phase, tol):
    """The current has a kink at pi, so the phases are those around the maximum."""
    around = np.linspace(1.4, 2.6, 8)
    scale = min(10.0, 10 * Delta) if L == 1.0 else 1.0
    cpr = relation(Delta, Delta, 1.0, at_zero_temperature(scale), around, strip(L, GRADED))
    assert R_N * cpr.critical_current[0] == pytest.approx(Ic, rel=tol)
    if phase is not None:
        assert cpr.critical_phase[0] == pytest.approx(phase, rel=8e-3)


# --- high temperature, barriers --------------------------------------------------------------------


def overlap(T, Delta, r, wall=None):
    """e R_N Ic = 4 pi T Sum k A_1 A_2 exp(-k), k^2 = 2 omega/E_Th, from the tails of half-infinite wires.

    They are theta = 4 atan(tan(theta_0/4) exp(-k x)), so A = 4 tan(theta_0/4), with
    2 r k sin(theta_0/2) = sin(theta_S - theta_0) at a barrier of r times R_N. For a transparent one, Delta -> oo and
    one frequency this is 32/(3 + 2 sqrt 2) k^3 exp(-k) (Zaikin and Zharkov 1981). A wall of `wall` times R_N in the
    middle lets 2/(2 + wall k) pass.
    """
    total = 0.0
    for omega in ju.matsubara.plain_sum(T, 8)[0]:
        k, S = np.sqrt(2 * omega), np.arctan(Delta / omega)
        angles = [brentq(lambda x, b=b, k=k, S=S: 2 * b * k * np.sin(x / 2) - np.sin(S - x), 0, S) for b in r]
        passing = 1.0 if wall is None else 2 / (2 + wall * k)
        total += 4 * np.pi * T * k * np.prod(4 * np.tan(np.array(angles) / 4)) * np.exp(-k) * passing
    return total


def test_overlap_is_that_of_zaikin_and_zharkov():
    k = np.sqrt(2 * np.pi * 40)
    assert overlap(40.0, 1e6, (0, 0)) == pytest.approx(32 / (3 + 2 * np.sqrt(2)) * k**3 * np.exp(-k), rel=2e-3)


@pytest.mark.parametrize("r", [(0, 0), (0.5, 2.0)])
def test_high_temperature_with_and_without_barriers(r):
    T, Delta = 8.0, 200.0
    ends = [barrier(Delta, x) if x else Delta for x in r]
    cpr = relation(*ends, T, phases=TURN_OF_8)
    assert R_N * cpr.critical_current[0] == pytest.approx(overlap(T, Delta, r), rel=1e-2)
    assert cpr.harmonics(1)[0][0] == pytest.approx(cpr.critical_current[0], rel=1e-3)  # sin phi


def test_wall_in_the_middle():
    T, Delta, r = 8.0, 200.0, 0.5
    halves = {"a": lambda p: p[:, 0] < 0.5, "b": lambda p: p[:, 0] > 0.5}
    device = ju.Device(
        mesh=ju.with_cut_between(strip(regions=halves), "a", "b", "wall"),
        materials={"a": ju.Material(Tc=0.0), "b": ju.Material(Tc=0.0)},
        boundaries={"left": ju.Reservoir(Delta), "right": ju.Reservoir(Delta), "wall": ju.Interface(2 / r)},
    )
    cpr = current_phase_relation(device, TURN_OF_8, T, frequencies=8, linear_solver=ju.linear.SuperLU())
    assert R_N * cpr.critical_current[0] == pytest.approx(overlap(T, Delta, (0, 0), wall=r), rel=1e-2)


@pytest.mark.parametrize("transparency", [None, 1e-6, 0.5, 1.0])
def test_barrier_between_bulk_superconductors(transparency):
    """e R I = (pi/2) Delta sin phi / E tanh(Delta E/2T), E^2 = 1 - T_n sin^2(phi/2).

    None and T_n -> 0: Ambegaokar and Baratoff 1963; T_n = 1: Kulik and Omelyanchuk 1977; between: Beenakker 1991.
    The strip is short (E_Th = 1100 Delta) and conducts 400 times better: it is a part of the left electrode.
    """
    T, L, r = 0.2, 0.03, 400.0
    cpr = relation(1.0, barrier(1.0, r * L, transmissions=transparency), T, mesh=strip(L))
    E = np.sqrt(1 - (transparency or 0) * np.sin(TURN / 2) ** 2)
    expected = np.pi / 2 * np.sin(TURN) / np.maximum(E, 1e-9) * np.tanh(E / (2 * T))
    assert r * R_N * cpr.current == pytest.approx(expected, abs=1.2e-2 * expected.max())


# --- exchange field: 0-pi and phi_0 ------------------------------------------------------------------


@pytest.mark.parametrize(("name", "phi0"), [("R135", 0.0), ("R137", np.pi)])
def test_magnet_turns_the_ground_state(references, name, phi0):
    cpr = relation(20.0, 20.0, 1.0, h=(0, 0, numbers(references[name])["h/E_Th"]))
    assert R_N * cpr.current[3] == pytest.approx(references[name]["value"], rel=1e-2)
    assert cpr.phi0 == pytest.approx(phi0, abs=1e-9)
    assert abs(cpr.diode_efficiency) < 1e-9


def test_0_pi_transition(references):
    """There the first harmonic vanishes, and I(pi/2) with the third."""
    h = references["R141"]["value"]
    below, above = (relation(20.0, 20.0, 1.0, phases=QUARTERS, h=(0, 0, x)) for x in (h - 0.1, h + 0.1))
    zero = h - 0.1 + 0.2 * below.current[1] / (below.current[1] - above.current[1])
    assert zero == pytest.approx(h, rel=5e-3)


def test_phi0_of_a_spin_galvanic_junction(references):
    cpr = relation(20.0, 20.0, 2.0, 6, TURN_OF_8, h=(0, 3, 0), Gamma=5.0, gamma=[[0, 0], [0.3, 0], [0, 0]])
    assert cpr.phi0 == pytest.approx(references["R150"]["value"]["phi0"], rel=5e-3)
    assert R_N * cpr.current[0] == pytest.approx(references["R150"]["value"]["I_at_0"], rel=5e-3)


AXES = dict(zip("xyz", np.eye(3), strict=True))
ALLOWED = {("rashba", "y"): 1, ("dresselhaus", "x"): -1, ("chiral", "x"): -1}
"""Where gamma_ix h_i is not zero for a current along x, and the sign of phi_0."""


@pytest.fixture(scope="module")
def anomalous():
    """Relations of all forms of gamma and directions of h."""
    forms = {form.__name__: form(0.6) for form in (ju.rashba, ju.dresselhaus, ju.chiral)}
    with optimised():
        return {
            (form, axis): relation(20.0, 20.0, 1.0, 2, TURN_OF_8, h=6 * n, Gamma=0.5, gamma=gamma)
            for form, gamma in forms.items()
            for axis, n in AXES.items()
        }


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("form", ["rashba", "dresselhaus", "chiral"])
def test_phi0_and_diode_effect_only_where_symmetry_allows(anomalous, form, axis):
    cpr = anomalous[form, axis]
    if (form, axis) not in ALLOWED:
        assert abs(cpr.phi0) < 1e-8
        assert abs(cpr.diode_efficiency) < 1e-8
        return
    first = anomalous["rashba", "y"]  # the others are turned: gamma_xx h_x is the same as gamma_yx h_y
    assert cpr.phi0 == pytest.approx(ALLOWED[form, axis] * first.phi0, abs=1e-8)
    assert cpr.diode_efficiency == pytest.approx(ALLOWED[form, axis] * first.diode_efficiency, abs=1e-8)
    assert first.phi0 > 0.3
    assert first.diode_efficiency < -0.1


def test_phi0_is_odd_in_the_exchange_field(anomalous):
    back = relation(20.0, 20.0, 1.0, 2, TURN_OF_8, h=(0, -6, 0), Gamma=0.5, gamma=ju.rashba(0.6))
    forth = anomalous["rashba", "y"]
    assert back.phi0 == pytest.approx(-forth.phi0, abs=1e-8)
    assert back.critical_current == pytest.approx(forth.critical_current[::-1], rel=1e-8)


@pytest.mark.parametrize("field", [ju.rashba(0.5), [[0.7, 0], [0, 0], [0, 0]]])
def test_no_phi0_from_a_spin_field_alone(field):
    """Neither with field strength (Rashba) nor as a pure gauge, whatever the direction of h."""
    cpr = relation(20.0, 20.0, 1.0, 2, TURN_OF_8, h=(2.0, 4.0, 3.0), Gamma=0.5, spin_field=field)
    assert abs(cpr.phi0) < 1e-8
    assert abs(cpr.diode_efficiency) < 1e-8


def weak_proximity(T, Delta, r, h, gamma, phi, omega, weights):
    """e R_N I between two barriers of r R_N each, to first order in f = f_0 + f_t sigma_y.

    D f'' = 2 omega f + 2 i h sigma f + gamma sigma f' (h_k + gamma_kl q_l/2 with q = -i d/dx, physics.md (S2)), so that
    f ~ exp(s gamma x/2D +- K x), K^2 = 2 (omega + i s h)/D + gamma^2/4D^2. Like the charge current, and unlike the spin
    current, the flux of singlets has a part of gamma: f_0' - gamma f_t/D and f_t' are (F - G f)/r at the barriers.
    """
    total = 0.0
    for w, share in zip(omega, weights, strict=True):
        F, G = Delta / np.hypot(w, Delta), w / np.hypot(w, Delta)
        spin = np.array([1, 1, -1, -1])
        rate = spin * gamma / 2 + np.array([1, -1, 1, -1]) * np.sqrt(2 * (w + 1j * spin * h) + gamma**2 / 4)
        modes = np.stack([np.ones(4), spin])
        flux = modes * rate - gamma * np.stack([spin, np.zeros(4)])
        equations = np.concatenate([G / r * modes - flux, (G / r * modes + flux) * np.exp(rate)])
        found = np.linalg.solve(equations, F / r * np.array([1, 0, np.exp(1j * phi), 0]))
        f_0 = np.sum(found * np.exp(rate))
        total -= share * 2 * np.pi * T * F / r * (np.exp(-1j * phi) * f_0).imag
    return total


def test_anomalous_current_at_weak_proximity():
    """Its size and sign from the linear equation, and its slope in gamma h."""
    T, Delta, r, at = 2.0, 20.0, 20.0, {}
    sums = ju.matsubara.quadrature(T, 8)
    for h, gamma in ((4.0, 0.3), (0.1, 0.03), (0.2, 0.03), (0.1, 0.06)):
        ends = barrier(Delta, r), barrier(Delta, r)
        cpr = relation(*ends, T, phases=QUARTERS, h=(0, h, 0), gamma=[[0, 0], [gamma, 0], [0, 0]])
        at[h, gamma] = R_N * cpr.current[0]
        assert at[h, gamma] == pytest.approx(weak_proximity(T, Delta, r, h, gamma, 0.0, *sums), rel=3e-3)
        expected = weak_proximity(T, Delta, r, h, gamma, np.pi / 2, *sums)
        assert R_N * cpr.current[1] == pytest.approx(expected, rel=2e-2 if h < 1 else 5e-2)
    assert at[0.2, 0.03] == pytest.approx(2 * at[0.1, 0.03], rel=3e-3)
    assert at[0.1, 0.06] == pytest.approx(2 * at[0.1, 0.03], rel=3e-3)


# --- the function itself ---------------------------------------------------------------------------

LAYERS = {"S1": lambda p: p[:, 0] < 1, "N": lambda p: abs(p[:, 0] - 1.5) < 0.5, "S2": lambda p: p[:, 0] > 2}
SNS = ju.rectangle(3.0, 0.2, 1.0, x=np.linspace(0, 3, 25), y=[0, 0.2], regions=LAYERS)
SUPERCONDUCTOR = ju.Material(Tc=1.0)
GAP = ju.bulk_gap(0.3)
FEW = {"frequencies": 6, "linear_solver": ju.linear.SuperLU()}


def layered(left, right, **middle):
    return ju.Device(
        mesh=SNS,
        materials={"S1": SUPERCONDUCTOR, "N": ju.Material(Tc=0.0, **middle), "S2": SUPERCONDUCTOR},
        boundaries={"left": left, "right": right},
    )


MAGNET = {
    "h": (0, 0.3, 0.2),
    "Gamma": 0.3,
    "gamma": ju.rashba(0.2),
    "spin_field": ju.dresselhaus(0.2),
}
BARRIER = ju.Tunnel(ju.Reservoir(GAP, h=(0, 0, 0.1)), 1.0, transmissions=[0.3, 0.9])


@pytest.mark.parametrize("pair_potential", [{"S1": 1.5, "S2": 1.2j}, "self-consistent"])
def test_current_is_twice_the_derivative_of_the_energy(pair_potential):
    """With exchange, spin-orbit terms, a barrier of two channels, and a pair potential that is not symmetric."""
    device, step = layered(ju.Reservoir(GAP, phase=0.4), BARRIER, **MAGNET), 0.02
    tight = {"tol": 1e-11} | ({"gap_tol": 1e-10} if pair_potential == "self-consistent" else {})
    phases = 1.1 + step * np.array([-2, -1, 0, 1, 2])
    cpr = current_phase_relation(device, phases, 0.3, pair_potential=pair_potential, **FEW, **tight)
    derivative = cpr.energy @ [1, -8, 0, 8, -1] / (12 * step)
    assert cpr.current[2] == pytest.approx(2 * derivative, rel=1e-7)


@pytest.mark.parametrize("phase", [0.7, lambda p: 0.7 + 0 * p[:, 0]])
def test_nothing_but_the_phase_of_the_electrode_changes(phase):
    """phi on top of the other electrode's phase, or of its own where that is a function; h, Gamma, surface stay."""
    end = lambda phase: ju.Tunnel(  # noqa: E731
        ju.Reservoir(GAP, phase=phase, h=(0, 0, 0.1), Gamma=0.2), 1.0, [0.3, 0.9], ju.Surface(h=(0.1, 0, 0))
    )
    device = layered(ju.Reservoir(GAP, phase=0.4), end(phase))
    at = junction._Junction.of(device, ("left", "right")).at(1.1)
    expected = end(1.8 if callable(phase) else 1.5)
    value = float(at.boundaries["right"].reservoir.phase_at(np.zeros((1, 2)))[0])
    assert value == pytest.approx(expected.reservoir.phase)
    found = at.boundaries["right"]
    found = replace(found, reservoir=replace(found.reservoir, phase=expected.reservoir.phase))
    assert repr(found) == repr(expected)
    same = jax.tree.map(
        np.array_equal, {**at.boundaries, "right": found}, {"left": device.boundaries["left"], "right": expected}
    )
    assert all(jax.tree.leaves(same))
    assert at.mesh is device.mesh


def test_self_consistent_relation_is_that_of_single_solutions():
    device = layered(ju.Reservoir(GAP, phase=0.4), BARRIER, **MAGNET)
    cpr = current_phase_relation(device, np.array([2.0, -0.8, 0.8]), 0.3, pair_potential="self-consistent", **FEW)
    barrier = ju.Tunnel(ju.Reservoir(GAP, phase=1.2, h=(0, 0, 0.1)), 1.0, transmissions=[0.3, 0.9])
    sol = ju.solve(layered(ju.Reservoir(GAP, phase=0.4), barrier, **MAGNET), 0.3, "self-consistent", **FEW)
    assert cpr.current[2] == pytest.approx(float(ju.current_through(sol, "right")), rel=1e-6)
    assert cpr.current[2] == pytest.approx(-float(ju.current_through(sol, "left")), rel=1e-5)
    assert cpr.energy[2] == pytest.approx(float(ju.free_energy(sol)), rel=1e-8)


def test_guess_turns_with_the_electrode():
    device = layered(ju.Reservoir(GAP), BARRIER)
    share = junction._turning_share(junction._Junction.of(device, ("left", "right")))
    assert share == pytest.approx(SNS.points[:, 0] / 3, abs=1e-6)


def test_ladder_takes_rungs_of_the_same_phase(monkeypatch):
    """Frequencies that fail in the common solution are found again, each at its own phase."""
    expected, common = relation(20.0, 20.0, 1.0), junction.solve_frequencies

    def failing(*args, **given):
        result = common(*args, **given)
        bad = np.isin(np.arange(len(result.margin)), [8, 9, 32])  # two of the second phase, one of the fifth
        result.converged[bad] = False
        result.V[bad] = np.nan
        return result

    monkeypatch.setattr(junction, "solve_frequencies", failing)
    again = relation(20.0, 20.0, 1.0)
    assert again.current == pytest.approx(expected.current, rel=1e-8, abs=1e-10)
    assert again.energy == pytest.approx(expected.energy, rel=1e-8, abs=1e-10)


def test_phases_in_blocks(monkeypatch):
    together = relation(20.0, 20.0, 1.0)
    monkeypatch.setattr(junction, "MEMORY", 6 * 8 * 128 * len(MESH.points))
    assert relation(20.0, 20.0, 1.0).current == pytest.approx(together.current, rel=1e-8, abs=1e-10)


def test_phases_that_are_functions_of_points():
    """That of b stays, with phi added; if it has none of its own, it is that of a plus phi."""
    bend, common = (lambda p: 0.3 * p[:, 0]), {"mesh": MESH, "materials": ju.Material(Tc=0.0)}
    plain, curved = ju.Reservoir(2.0, phase=0.4), ju.Reservoir(2.0, phase=bend, h=(0, 0, 1.0))
    points = np.array([[1.0, 0.0], [2.0, 1.0]])
    for first, second, expected in (
        (plain, curved, [0.3, 0.6]),
        (curved, plain, [0.3, 0.6]),
        (plain, ju.Reservoir(1.0, phase=9.0), [0.4, 0.4]),
    ):
        for b in (second, ju.Tunnel(second, 3.0, [0.5])):
            device = ju.Device(boundaries={"left": first, "right": b}, **common)
            turned = junction._Junction.of(device, ("left", "right")).at(0.7)
            assert turned.electrodes()["left"] is first
            new = turned.electrodes()["right"]
            assert new.phase_at(points) == pytest.approx(np.array(expected) + 0.7)
            assert (new.Delta, tuple(new.h)) == (second.Delta, tuple(second.h))
            assert isinstance(turned.boundaries["right"], type(b))


def test_electrode_with_several_names():
    """All of them turn, and the current is that into all of them."""
    mesh = MESH.with_boundaries({"again": MESH.boundaries["right"]})
    b = ju.Reservoir(20.0)
    ends = {"left": ju.Reservoir(20.0), "right": b, "again": b}
    device = ju.Device(mesh=mesh, materials=ju.Material(Tc=0.0), boundaries=ends)
    cpr = current_phase_relation(device, TURN, 1.0, ("left", "again"), frequencies=8, linear_solver=ju.linear.SuperLU())
    assert cpr.current == pytest.approx(relation(20.0, 20.0, 1.0).current, abs=1e-12)


@pytest.mark.parametrize("consistent", [False, True])
def test_a_coarse_mesh_is_told_once(consistent):
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        if consistent:
            mesh = replace(SNS, points=10 * SNS.points)
            device = replace(layered(ju.Reservoir(GAP, phase=0.4), BARRIER, **MAGNET), mesh=mesh)
            current_phase_relation(device, [0.1, 0.2], 0.8, pair_potential="self-consistent", **FEW)
        else:
            relation(1.0, 1.0, 0.8, mesh=strip(100.0))
    lengths = {re.search(r"longer than half the (.*?);", str(w.message))[1] for w in heard}
    assert len(heard) == len(lengths) > 0
    assert {w.category for w in heard} == {ju.CoarseMeshWarning}
    assert {w.filename for w in heard} == {__file__}


def test_refusals():
    ends = {"left": ju.Reservoir(1.0), "right": ju.Tunnel(ju.Reservoir(0.0), 1.0)}
    device = ju.Device(mesh=MESH, materials=ju.Material(Tc=0.0), boundaries=ends)
    for across in (("left", "right"), ("left", "top"), ("left", "left"), ("left",), "left"):
        with pytest.raises(ValueError, match=r"across = .*electrodes with Delta > 0, which are \['left'\]"):
            current_phase_relation(device, [0.1], 1.0, across=across)
    ends["right"] = ju.Reservoir(1.0)
    device = ju.Device(mesh=MESH, materials=ju.Material(Tc=0.0), boundaries=ends)
    for phases in (0.3, [], [0.1, np.nan], [[0.1]]):
        with pytest.raises(ValueError, match="finite phase differences"):
            current_phase_relation(device, phases, 1.0)
    with pytest.raises(ValueError, match="tol = 2"):
        current_phase_relation(device, [0.1], 1.0, tol=2)
    with pytest.raises(TypeError, match="start"):
        current_phase_relation(device, [0.1], 1.0, start="bulk")


@pytest.mark.parametrize("phases", [np.arange(7.0), np.arange(7.0) + 0.5])
def test_phases_that_close_no_turn_make_no_diode_of_a_symmetric_junction(phases):
    cpr = relation(20.0, 20.0, 1.0, phases=phases)
    with pytest.warns(PhaseGridWarning) as heard:
        efficiency, critical = cpr.diode_efficiency, cpr.critical_current
    assert any(re.search("the diode efficiency, .* may be 0", str(w.message)) for w in heard)
    assert 1e-5 < abs(efficiency) < cpr.diode_efficiency_error
    exact = relation(20.0, 20.0, 1.0).critical_current
    for found, error, value in zip(critical, cpr.critical_current_error, exact, strict=True):
        assert abs(found - value) < error < 0.3 * value


def test_electrodes_that_nothing_joins_have_no_relation():
    """A cut without barrier is vacuum; a barrier joins its sides."""
    middle = np.stack([np.flatnonzero(SNS.points[:, 0] == 1.5)[[0, 1]]])
    cut = split(SNS.with_boundaries({"cut": middle}), "cut")
    ends = {"left": ju.Reservoir(GAP), "right": ju.Reservoir(GAP)}
    device = ju.Device(mesh=cut, materials=ju.Material(Tc=0.0), boundaries=ends)
    with pytest.raises(ValueError, match="nothing joins the parts of the device that these electrodes touch"):
        current_phase_relation(device, [0.1], 0.3, **FEW)
    joined = replace(device, boundaries={**ends, "cut": ju.Interface(1.0)})
    assert current_phase_relation(joined, [0.5], 0.3, **FEW).current[0] > 1e-6


def test_an_uncertified_phase_is_named(monkeypatch):
    monkeypatch.setattr("jusadel.solver.newton.MAX_STEPS", 1)
    with pytest.raises(ju.SolveError) as error:
        relation(20.0, 20.0, 1.0, 1, phases=TURN[:2] + 0.1)
    assert error.value.__notes__ == ["at the phase difference 0.1"]
