"""Critical temperatures against those of uniform metals, depairing by fields and reservoirs, and against solve()."""

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import psi

import jusadel as ju
from jusadel.studies.transition.critical_temperature import critical_temperature

SIDE = 0.02
TINY = ju.rectangle(SIDE, SIDE, 1.5 * SIDE)


def abrikosov_gorkov(a):
    """Tc of the pair-breaking energy a, in units of Tc0."""
    return brentq(lambda t: np.log(t) + psi(0.5 + a / (2 * np.pi * t)) - psi(0.5), 1e-4, 1.0)


def strip(width, height=0.1, across=48, **given):
    """A strip along y, fine across."""
    mesh = ju.rectangle(width, height, 1.0, x=np.linspace(0, width, across + 1), y=[0, height / 2, height])
    return ju.Device(mesh=mesh, **{"materials": ju.Material()} | given)


# --- uniform metals --------------------------------------------------------------------------------


def test_uniform_metal_has_its_own():
    found = critical_temperature(ju.Device(mesh=TINY, materials=ju.Material(Tc=1.7), units=ju.Units(Tc=2.0, D=1.0)))
    assert repr(found).startswith("CriticalTemperature: T = 3.4 K; ")
    assert float(found) == found.T == pytest.approx(1.7, rel=1e-12)
    assert found.slope == pytest.approx(1.0, abs=1e-9)
    np.testing.assert_allclose(found.mode, np.ones(4), atol=1e-6)
    assert found.evaluations <= 4


@pytest.mark.parametrize("reference", ["R013", "R015", "R017", "R018", "R020"])
def test_exchange_field_and_spin_relaxation(references, reference):
    """A3: Tc(h, Gamma); the direction of h does not matter."""
    entry = references[reference]
    h, Gamma = (float(part.split("=")[1]) for part in entry["parameters"].split(","))
    device = ju.Device(mesh=TINY, materials=ju.Material(Tc=1.0, h=h * np.array([0.6, 0.0, 0.8]), Gamma=Gamma))
    found = critical_temperature(device)
    assert pytest.approx(entry["value"], rel=1e-6) == found.T
    assert abs(found.eigenvalue) < 1e-6


def zeeman(t, h):
    return np.log(t) + psi(0.5 + 0.5j * h / (np.pi * t)).real - psi(0.5)


@pytest.mark.parametrize("h", [1.0, 1.06, 1.08])
def test_the_uppermost_of_two_temperatures(h):
    """In strong exchange fields lambda(T) falls, vanishes twice and rises again."""
    t = np.linspace(0.3, 1, 2000)
    last = np.flatnonzero(zeeman(t, h) < 0)[-1]
    exact = brentq(lambda t: zeeman(t, h), t[last], t[last + 1])
    found = critical_temperature(ju.Device(mesh=TINY, materials=ju.Material(Tc=1.0, h=(0, 0, h))))
    assert pytest.approx(exact, rel=1e-6) == found.T
    assert found.slope > 0


@pytest.mark.parametrize("h", [1.12, 3.0])
def test_superconductivity_destroyed_at_all_temperatures(h):
    found = critical_temperature(ju.Device(mesh=TINY, materials=ju.Material(Tc=1.0, h=(0, 0, h))), accuracy=1e-4)
    assert float(found) == 0.0
    assert found.mode is None
    assert found.eigenvalue > 0


def test_uniform_current(references):
    """A2: the pair-breaking energy D q^2/2 of a phase gradient, held by a periodic boundary."""
    for reference, a in (("R008", 0.1), ("R010", 0.5), ("R012", 0.85)):
        q = np.sqrt(2 * a)
        turned = {"right": ju.Periodic("left", phase=q * SIDE)}
        found = critical_temperature(ju.Device(mesh=TINY, materials=ju.Material(), boundaries=turned))
        assert pytest.approx(references[reference]["value"], rel=1e-3) == found.T
        phases = np.angle(found.mode * np.conj(found.mode[0]))
        np.testing.assert_allclose(phases, q * np.asarray(TINY.points)[:, 0], atol=1e-6)


def test_many_plain_frequencies_agree():
    device = ju.Device(mesh=TINY, materials=ju.Material(Tc=1.0, h=(0, 0, 0.4), Gamma=0.3))
    plain = critical_temperature(device, frequencies=lambda T: ju.matsubara.plain_sum(T, 1000))
    few = critical_temperature(device, frequencies=40)
    assert (plain.frequencies, few.frequencies) == (1000, 40)
    assert pytest.approx(few.T, rel=1e-4) == plain.T  # what 1/omega^2 leaves behind 1000 terms
    assert pytest.approx(critical_temperature(device, accuracy=1e-8).T, rel=1e-7) == few.T


# --- fields, reservoirs, interfaces ----------------------------------------------------------------


@pytest.mark.parametrize(("reference", "b", "width"), [("R175", 0.5, 2.0), ("R177", 0.5, 4.0), ("R178", 1.0, 4.0)])
def test_strip_in_a_perpendicular_field(references, reference, b, width):
    """B7: from the thin limit to nucleation at the edges, 0.590106 b, at the best wave number along the strip."""
    entry, height = references[reference]["value"], 0.1
    field = ju.uniform_field(b / 2, "y", center=(width / 2, 0.0))
    turned = {"top": ju.Periodic("bottom", phase=entry["k"] * height)}
    found = critical_temperature(strip(width, height, boundaries=turned, vector_potential=field))
    assert pytest.approx(entry["Tc"], rel=1e-4) == found.T
    assert pytest.approx(abrikosov_gorkov(entry["lam"] / 2), rel=1e-4) == found.T


def test_film_in_a_parallel_field(references):
    """B7: a thin strip in a field is a film seen from the side."""
    field = ju.uniform_field(4.0 / 2, "y", center=(0.1, 0.0))
    device = strip(0.2, 0.02, boundaries={"top": ju.Periodic("bottom")}, vector_potential=field)
    assert pytest.approx(references["R182"]["value"]["Tc"], rel=1e-4) == critical_temperature(device).T


GAUGES = {"symmetric": ju.uniform_field(0.5), "x": ju.uniform_field(0.5, "x", center=(0.4, -0.3))}


@pytest.fixture(scope="module")
def disk_in_a_field():
    """The disk of B7 with radius 2 in two gauges."""
    devices = {
        name: ju.Device(mesh=ju.disk(2.0, 0.45), materials=ju.Material(), vector_potential=A)
        for name, A in GAUGES.items()
    }
    return {name: critical_temperature(device, accuracy=1e-9, frequencies=16) for name, device in devices.items()}


@pytest.mark.filterwarnings("ignore::jusadel.CoarseMeshWarning")  # Tc is exact to 1e-3 on edges of one length
def test_disk_in_a_field_nucleates_with_a_vortex(references, disk_in_a_field):
    entry, found = references["R187"]["value"], disk_in_a_field["symmetric"]
    assert pytest.approx(entry["Tc"], rel=1e-3) == found.T  # sixteen frequencies give 1e-5
    rim = ju.disk(2.0, 0.45).boundaries["rim"][:, 0]
    steps = np.angle(np.roll(found.mode[rim], -1) / found.mode[rim])
    assert round(steps.sum() / (2 * np.pi)) == entry["m"] == 1
    assert abs(found.mode[0]) < 1e-4  # the node on the centre


def test_gauge_does_not_matter(disk_in_a_field):
    symmetric, along = disk_in_a_field.values()
    assert pytest.approx(symmetric.T, rel=1e-8) == along.T
    np.testing.assert_allclose(np.abs(along.mode), np.abs(symmetric.mode), atol=1e-4)


@pytest.mark.parametrize("length", [8.0, 4.0, 3.3])
def test_wire_between_normal_reservoirs(length):
    """Pair breaking D (pi/L)^2/2, to the end of superconductivity at L = pi xi0; lengths in xi0."""
    xi = 1 / np.sqrt(ju.matsubara.GAP_RATIO)
    ends = {name: ju.Reservoir(0.0, h=(0, 0, 0.3), Gamma=0.5) for name in ("left", "right")}
    found = critical_temperature(strip(length * xi, boundaries=ends), accuracy=1e-4)
    assert pytest.approx(abrikosov_gorkov((np.pi / (length * xi)) ** 2 / 2), rel=5e-3) == found.T
    x = np.asarray(strip(length * xi).mesh.points)[:, 0]
    np.testing.assert_allclose(np.abs(found.mode), np.sin(np.pi * x / (length * xi)), atol=5e-3)


def test_wire_shorter_than_the_critical_length():
    xi = 1 / np.sqrt(ju.matsubara.GAP_RATIO)
    ends = {name: ju.Reservoir(0.0) for name in ("left", "right")}
    found = critical_temperature(strip(3.05 * xi, boundaries=ends), accuracy=1e-4)
    assert float(found) == 0.0
    assert "normal down to the lowest temperature" in repr(found)


def test_thin_film_behind_a_barrier():
    """G_B/(2 nu thickness) /2 breaks pairs where the film is thin: tunnelling into a normal electrode."""
    conductance, width = 0.1, 0.05
    barrier = {"left": ju.Tunnel(ju.Reservoir(0.0), conductance)}
    found = critical_temperature(strip(width, materials=ju.Material(nu=1.5), boundaries=barrier))
    assert pytest.approx(abrikosov_gorkov(conductance / (4 * 1.5 * width)), rel=2e-2) == found.T


# --- against solve ---------------------------------------------------------------------------------


ALL = {
    "h": (0.3, -0.2, 0.4),
    "Gamma": 0.4,
    "spin_field": ju.rashba(0.3),
    "gamma": ju.chiral(0.2),
    "theta": (0.1, 0.0, 0.2),
    "kappa": (0.0, 0.1, 0.2),
}


@pytest.fixture(scope="module")
def structure():
    """A superconductor on a normal metal, every tensor on, in a field, and its transition on six frequencies."""
    regions = {"S": lambda p: p[:, 0] < 1.0, "N": lambda p: p[:, 0] > 1.0}
    mesh = ju.rectangle(1.5, 0.5, 1.0, x=np.linspace(0, 1.5, 10), y=[0, 0.25, 0.5], regions=regions)
    device = ju.Device(
        mesh=mesh,
        materials={"S": ju.Material(gamma=ju.chiral(0.1)), "N": ju.Material(Tc=0.0, nu=0.8, **ALL)},
        vector_potential=ju.uniform_field(0.3),
    )
    return device, critical_temperature(device, frequencies=6)


@pytest.mark.filterwarnings("ignore::jusadel.CoarseMeshWarning")
def test_structure_is_superconducting_just_below_and_normal_just_above(structure):
    device, found = structure
    below, above = (
        ju.solve(device, T, "self-consistent", frequencies=6, start=0.07 * found.mode)
        for T in (found.T * 0.999, found.T * 1.001)
    )
    assert below.stats["state"] == "superconducting"
    assert 0.01 < np.abs(below.Delta).max() < 0.3
    assert above.stats["state"] == "normal"
    assert above.stats["gap_eigenvalue"] == pytest.approx(1e-3 * found.slope, rel=0.1)
    overlap = np.vdot(found.mode, below.Delta) / np.linalg.norm(found.mode) / np.linalg.norm(below.Delta)
    assert abs(overlap) > 0.99


@pytest.mark.filterwarnings("ignore::jusadel.CoarseMeshWarning")
def test_gap_closes_as_the_square_root(structure):
    """Delta^2 is linear in Tc - T."""
    device, found = structure
    gaps = [
        np.abs(ju.solve(device, T, "self-consistent", frequencies=6, start=0.07 * found.mode).Delta).max()
        for T in (found.T * 0.998, found.T * 0.996)
    ]
    assert gaps[1] ** 2 / gaps[0] ** 2 == pytest.approx(2.0, rel=0.02)


@pytest.mark.parametrize("reference", ["R002", "R003", "R005", "R007"])
def test_bulk_gap_by_solve(references, reference):
    entry = references[reference]
    T = float(entry["parameters"].split("=")[1])
    sol = ju.solve(ju.Device(mesh=TINY, materials=ju.Material()), T, "self-consistent", accuracy=1e-6)
    np.testing.assert_allclose(np.abs(sol.Delta), entry["absolute_over_Tc"], rtol=1e-5)


def test_gap_in_a_current_by_solve(references):
    """B6a: Delta(T, a) in the state of uniform current."""
    for reference, a in (("R167", 0.2), ("R168", 0.5)):
        turned = {"right": ju.Periodic("left", phase=SIDE * np.sqrt(2 * a))}
        device = ju.Device(mesh=TINY, materials=ju.Material(), boundaries=turned)
        sol = ju.solve(device, 0.5, "self-consistent", accuracy=1e-6)
        np.testing.assert_allclose(np.abs(sol.Delta), references[reference]["value"]["Delta"], rtol=1e-3)


def test_krylov_agrees():
    device = ju.Device(mesh=TINY, materials=ju.Material(Tc=1.0, h=(0.2, 0, 0.3), Gamma=0.3))
    direct, iterated = (
        critical_temperature(device, accuracy=1e-5, linear_solver=solver)
        for solver in (ju.linear.SuperLU(), ju.linear.Krylov())
    )
    assert pytest.approx(direct.T, rel=1e-5) == iterated.T


# --- errors ----------------------------------------------------------------------------------------


def test_superconducting_electrodes_are_refused():
    for electrode in (ju.Reservoir(0.3), ju.Tunnel(ju.Reservoir(0.3), 0.1)):
        device = ju.Device(mesh=TINY, materials=ju.Material(), boundaries={"left": electrode})
        with pytest.raises(ValueError, match=r"electrode 'left' has Delta = 0.3: .* only normal electrodes"):
            critical_temperature(device)


def test_no_superconductor_is_refused():
    with pytest.raises(ValueError, match="needs a region with Tc > 0"):
        critical_temperature(ju.Device(mesh=TINY, materials=ju.Material(Tc=0.0)))


@pytest.mark.parametrize("given", [{"accuracy": 0.0}, {"lowest": 2.0}, {"frequencies": "many"}, {"frequencies": 2.5}])
def test_bad_arguments(given):
    with pytest.raises(ValueError, match=next(iter(given))):
        critical_temperature(ju.Device(mesh=TINY, materials=ju.Material()), **given)
