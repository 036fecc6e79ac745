"""Given currents against given phases, critical currents against relations and films, currents at several contacts."""

from dataclasses import replace

import jax
import numpy as np
import pytest

import jusadel as ju
from jusadel.studies.current_bias.phases import terminal_between, with_phases

pytestmark = pytest.mark.filterwarnings("ignore::jusadel.CoarseMeshWarning")  # what is held is not the mesh's

W = 0.1
MESH = ju.rectangle(1.0, W, 1.0, x=np.linspace(0, 1, 11), y=[0, W])
GIVEN = {"frequencies": 3, "linear_solver": ju.linear.SuperLU()}
CONSISTENT = {**GIVEN, "pair_potential": "self-consistent"}
T = 1.0


def junction(phase=0.0, **material):
    """Of normal metal, one triangle high."""
    ends = {"left": ju.Reservoir(10.0), "right": ju.Reservoir(10.0, phase=phase)}
    return ju.Device(mesh=MESH, materials=ju.Material(Tc=0.0, **material), boundaries=ends)


def current(phase, T=T, **material):
    return ju.current_through(ju.solve(junction(phase, **material), T, **GIVEN), "right")


def phase_of(sol, name="right"):
    return sol.device.electrodes()[name].phase


@pytest.fixture(scope="module")
def critical():
    return ju.critical_current(junction(), T, **GIVEN)


# --- one junction ----------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", [0.9, -1.4, 1.7])
def test_a_given_current_finds_the_phase_that_carries_it(phase):
    """Whatever phase the device has, as long as the minimum of energy is downhill."""
    for device in (junction(), junction(2.5)):
        sol = ju.solve_at_current(device, float(current(phase)), T, **GIVEN)
        assert phase_of(sol) == pytest.approx(phase, abs=1e-8)


def test_critical_currents_are_the_maxima_of_the_relation(critical):
    relation = ju.current_phase_relation(junction(), np.linspace(0, 2 * np.pi, 20, endpoint=False), T, **GIVEN)
    assert critical.plus == pytest.approx(relation.critical_current[0], rel=1e-7)
    assert critical.minus == pytest.approx(critical.plus, rel=1e-8)
    assert abs(critical.diode_efficiency) < 1e-8
    assert critical.phase_plus == pytest.approx(relation.critical_phase[0], abs=1e-4)
    u = ju.Units(Tc=1.2, D=60.0, resistivity=4.0, thickness=20.0)
    measured = replace(critical, sol_plus=replace(critical.sol_plus, device=replace(junction(), units=u)))
    assert f"CriticalCurrent: {u.to_uA(critical.plus):.6g} uA and" in repr(measured)
    assert f"CriticalCurrent: {critical.plus:.6g} and" in repr(critical)
    assert float(current(critical.phase_plus)) == pytest.approx(critical.plus, rel=1e-9)
    assert ju.current_through(critical.sol_minus, "right") == pytest.approx(-critical.minus, rel=1e-9)


@pytest.mark.parametrize("way", [1, -1])
def test_nothing_carries_more_than_the_critical_current(critical, way):
    sol = ju.solve_at_current(junction(), way * 0.9999 * critical.plus, T, **GIVEN)
    assert 0 < way * phase_of(sol) < critical.phase_plus  # the stable one of two
    with pytest.raises(ju.CriticalCurrentError, match=r"is beyond the critical current .* expected less") as error:
        ju.solve_at_current(junction(), way * 1.0001 * critical.plus, T, **GIVEN)
    assert error.value.critical == pytest.approx(way * critical.plus, rel=1e-8)


def test_a_pi_junction_rests_at_pi():
    """h L^2/D between the first zeros of the critical current."""
    device = junction(h=(0, 0, 12.0))
    assert float(current(0.5, h=(0, 0, 12.0))) < 0
    small = 1e-3 * ju.critical_current(device, T, **GIVEN).plus
    sol = ju.solve_at_current(device, small, T, **GIVEN)
    assert np.mod(phase_of(sol), 2 * np.pi) == pytest.approx(np.pi, abs=2e-3)
    assert ju.current_through(sol, "right") == pytest.approx(small, rel=1e-8)


def test_the_electrodes_of_between_carry_it_from_the_first_to_the_second():
    sol = ju.solve_at_current(junction(), 0.3, T, between=("right", "left"), **GIVEN)
    assert ju.current_through(sol, "left") == pytest.approx(0.3, rel=1e-9)
    assert phase_of(sol, "left") > 0 == phase_of(sol)


def test_derivatives():
    """dphase/dI is one over dI/dphase; the energy at a fixed current, for which the phase follows, by differences."""

    def solved(given, D=1.0, T=T):
        return ju.solve_at_current(junction(D=D), given, T, **GIVEN)

    def energy(*at):
        return ju.free_energy(solved(*at))

    def phase(given):
        return phase_of(solved(given))

    assert float(jax.grad(phase)(0.6)) == pytest.approx(1 / float(jax.grad(current)(phase(0.6))), rel=1e-6)
    at, step = np.array([0.6, 1.0, T]), 1e-4
    found = jax.grad(energy, argnums=(0, 1, 2))(*at)
    for slope, along in zip(found, step * np.eye(3), strict=True):
        assert slope == pytest.approx(float(energy(*(at + along)) - energy(*(at - along))) / (2 * step), rel=1e-6)
    assert float(jax.jit(jax.grad(energy))(0.6)) == pytest.approx(float(found[0]), rel=1e-9)
    with pytest.raises(ju.NotDifferentiableError, match="first derivatives only"):
        jax.grad(jax.grad(phase))(0.6)


def test_derivative_of_a_critical_current():
    def largest(D):
        return ju.critical_current(junction(D=D), T, **GIVEN).plus

    step = 1e-4
    difference = (largest(1 + step) - largest(1 - step)) / (2 * step)
    assert float(jax.grad(largest)(1.0)) == pytest.approx(difference, rel=1e-6)


# --- superconductors --------------------------------------------------------------------------------


def wire(material):
    """A uniform one of length 0.1, closed over its ends."""
    mesh = ju.rectangle(0.1, W, 1.0, x=[0, 0.05, 0.1], y=[0, W])
    return ju.Device(mesh=mesh, materials=material, boundaries={"right": ju.Periodic("left")})


def test_a_uniform_wire_has_the_depairing_currents_of_a_film():
    """Both ways, with a diode effect; the phase is q times the length."""
    film = ju.Material(Tc=1.0, h=(0, 0.9, 0), gamma=ju.rashba(0.5), Gamma=1.0)
    exact = ju.depairing_current(film, 0.3, frequencies=3, samples=9)
    found = ju.critical_current(wire(film), 0.3, **CONSISTENT)
    assert found.plus == pytest.approx(W * exact.plus, rel=3e-4)
    assert found.minus == pytest.approx(W * exact.minus, rel=3e-4)
    assert found.phase_plus == pytest.approx(0.1 * exact.q_plus, rel=2e-3)
    assert found.diode_efficiency == pytest.approx(exact.diode_efficiency, abs=3e-4)
    assert abs(exact.diode_efficiency) > 0.02


@pytest.mark.parametrize(("between", "phase"), [(("left", "right"), 0.3), (("right", "left"), -0.3)])
def test_the_seam_of_a_wire_turns_the_way_that_is_asked(between, phase):
    """As its current is counted."""
    device = wire(ju.Material(Tc=1.0))
    terminal = terminal_between(device, between)
    assert with_phases(device, [terminal], [0.3]).boundaries["right"].phase == phase
    assert terminal.names == ("right",)
    assert terminal.sign == np.sign(phase)


def test_a_long_wire_is_followed_beyond_a_turn():
    """Current bias of a self-consistent wire, against the phase bias; q = phase/length may be beyond pi/length."""
    device, given = wire(ju.Material(Tc=1.0)), CONSISTENT | {"gap_tol": 1e-11}
    mesh = ju.rectangle(12.0, W, 1.0, x=np.linspace(0, 12.0, 25), y=[0, W])
    device = replace(device, mesh=mesh)
    sol = ju.solve_at_current(device, 0.2, 0.5, **given)
    phase = sol.device.boundaries["right"].phase
    assert phase > 4.0
    biased = replace(device, boundaries={"right": ju.Periodic("left", phase=float(phase))})
    start = np.exp(1j * float(phase) * np.asarray(mesh.points)[:, 0] / 12.0)
    again = ju.solve(biased, 0.5, start=start, **given)
    assert float(ju.current_through(again, "right")) == pytest.approx(0.2, rel=1e-8)


def notched(field):
    """A strip of the width 1.5 with a notch of the depth 0.5 in one side, closed over its ends."""
    mesh = ju.polygon([(0, 0), (1.2, 0), (1.5, 0.5), (1.8, 0), (3, 0), (3, 1.5), (0, 1.5)], 0.4)
    outline = mesh.boundaries["outline"]
    x = np.asarray(mesh.points)[outline][:, :, 0]
    ends = {name: outline[(np.abs(x - at) < 1e-9).all(axis=1)] for name, at in (("left", 0.0), ("right", 3.0))}
    return ju.Device(
        mesh=mesh.with_boundaries(ends),
        materials=ju.Material(Tc=1.0),
        boundaries={"right": ju.Periodic("left")},
        vector_potential=ju.uniform_field(field),
    )


@pytest.mark.slow
def test_a_notch_in_one_side_makes_a_diode_in_a_field():
    """Currents crowd: it carries less than the whole strip; the directions differ, and change places with the field."""
    without, along, against = (ju.critical_current(notched(B), 0.5, **CONSISTENT) for B in (0.0, 0.4, -0.4))
    strip = ju.depairing_current(ju.Material(Tc=1.0), 0.5, frequencies=3).plus
    assert 1.0 * strip < without.plus < 1.5 * strip
    assert abs(without.diode_efficiency) < 1e-6
    assert along.plus < 0.95 * without.plus
    assert abs(along.diode_efficiency) > 5e-3
    assert along.plus == pytest.approx(against.minus, rel=1e-6)
    assert along.minus == pytest.approx(against.plus, rel=1e-6)


# --- several contacts --------------------------------------------------------------------------------

T_SHAPE = ju.t_junction(0.6, 0.5, 0.3)
PHASES = {"left": 0.0, "right": 0.9, "bottom": -0.6}
AT_REST = dict.fromkeys(PHASES, 0.0)


def three(phases=AT_REST, D=1.0):
    ends = {name: ju.Reservoir(5.0, phase=phase) for name, phase in phases.items()}
    return ju.Device(mesh=T_SHAPE, materials=ju.Material(Tc=0.0, D=D), boundaries=ends)


def times(factor, currents):
    return {name: factor * value for name, value in currents.items()}


@pytest.fixture(scope="module")
def currents():
    sol = ju.solve(three(PHASES), 0.5, **GIVEN)
    return {name: float(ju.current_through(sol, name)) for name in PHASES}


def test_currents_at_three_contacts_find_the_phases(currents):
    sol = ju.solve_at_current(three(), currents, 0.5, **GIVEN)
    assert [phase_of(sol, name) for name in PHASES] == pytest.approx(list(PHASES.values()), abs=1e-8)


def test_a_contact_that_is_not_named_takes_up_the_rest(currents):
    """It and the others keep their phases."""
    some = {name: currents[name] for name in ("left", "right")}
    sol = ju.solve_at_current(three(dict.fromkeys(PHASES, -0.6)), some, 0.5, **GIVEN)
    assert [phase_of(sol, name) for name in PHASES] == pytest.approx(list(PHASES.values()), abs=1e-8)


@pytest.mark.slow
def test_more_than_flows_at_three_contacts(currents):
    with pytest.raises(ju.CriticalCurrentError, match="no phases carry the currents") as error:
        ju.solve_at_current(three(), times(3, currents), 0.5, **GIVEN)
    share = error.value.critical
    ju.solve_at_current(three(), times(3 * share, currents), 0.5, **GIVEN)
    with pytest.raises(ju.CriticalCurrentError):
        ju.solve_at_current(three(), times(3 * (share + 0.03), currents), 0.5, **GIVEN)


@pytest.mark.slow
def test_derivatives_at_three_contacts(currents):
    def phase(right, bottom, D):
        sol = ju.solve_at_current(three(D=D), {"left": -right - bottom, "right": right, "bottom": bottom}, 0.5, **GIVEN)
        return phase_of(sol, "bottom")

    at, step = np.array([currents["right"], currents["bottom"], 1.0]), 1e-4
    found = jax.grad(phase, argnums=(0, 1, 2))(*at)
    for slope, along in zip(found, step * np.eye(3), strict=True):
        assert slope == pytest.approx((phase(*(at + along)) - phase(*(at - along))) / (2 * step), rel=1e-5)


# --- what is refused ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("device", "current", "given", "message"),
    [
        (junction(), 0.1, {"between": ("left", "top")}, r"between = .*expected two different .* \['left', 'right'\]"),
        (junction(), np.nan, {}, "current = nan; expected a finite number"),
        (three(), {"left": 0.1, "right": 0.1, "bottom": 0.1}, {}, "add up to 0.3; expected zero, or one contact left"),
        (three(), {"left": 0.1, "top": -0.1}, {}, r"currents at \['left', 'top'\]; expected electrodes"),
        (three(), {}, {}, "expected electrodes with Delta > 0"),
    ],
)
def test_currents_that_make_no_sense_are_refused(device, current, given, message):
    with pytest.raises(ValueError, match=message):
        ju.solve_at_current(device, current, T, **GIVEN, **given)


def test_uncertified_states_are_not_asked_for():
    for function in (
        lambda **k: ju.solve_at_current(junction(), 0.1, T, **k),
        lambda **k: ju.critical_current(junction(), T, **k),
    ):
        with pytest.raises(TypeError, match="has no argument throw"):
            function(throw=False)


def test_a_normal_device_carries_no_current():
    hot = wire(ju.Material(Tc=1.0))
    with pytest.raises(ju.SolveError, match="current hardly changes with the phase"):
        ju.critical_current(hot, 1.5, **CONSISTENT)
