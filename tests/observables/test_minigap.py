"""The gap in a density of states: closed forms of films and of short and long junctions."""

from dataclasses import replace

import jax
import numpy as np
import pytest

import jusadel as ju

ONE = {"T": 0.1, "frequencies": ([3.0], [1.0])}
"""For spectra the Matsubara frequencies do not matter."""
ETA = 0.01
LINES = (1 - np.cos(np.pi * np.linspace(0, 1, 31))) / 2
pytestmark = pytest.mark.filterwarnings("ignore:the mesh is too coarse:jusadel.CoarseMeshWarning")  # uniform films
WIRE = ju.rectangle(x=LINES, y=[0.0, 0.04])


def film(h, energies, **regions):
    """A superconductor with Delta = 1 whose densities of both spins are apart by 2 h."""
    mesh = ju.rectangle(1.0, 0.5, 0.75, **regions)
    metal = ju.Material(Tc=1.0, h=(0.0, 0.0, h))
    other = {"S": metal, "N": ju.Material(Tc=0.0, D=1e-9)} if regions else metal
    device = ju.Device(mesh=mesh, materials=other)
    pairing = {"S": 1.0, "N": 0.0} if regions else 1.0
    return ju.spectrum(ju.solve(device, pair_potential=pairing, **ONE), energies, eta=ETA)


def junction(Delta, phase, energies, eta):
    """Between superconductors, with energies in D/L^2."""
    ends = {"left": ju.Reservoir(Delta), "right": ju.Reservoir(Delta, phase=phase)}
    wire = ju.Device(mesh=WIRE, materials=ju.Material(Tc=0.0), boundaries=ends)
    return ju.spectrum(ju.solve(wire, **ONE), energies, eta=eta)


@pytest.fixture(scope="module")
def split():
    return film(0.3, np.linspace(-0.2, 1.0, 481))


def test_the_lower_edge_of_a_film_in_an_exchange_field(split):
    """Delta - h, which eta lowers by 0.325 eta: the steepest point of Re (E - Delta + i eta)^(-1/2)."""
    assert ju.minigap(split) == pytest.approx(0.7 - 0.325 * ETA, abs=0.03 * ETA)
    assert ju.minigap(split, region="film") == ju.minigap(split)
    assert ju.minigap(split, at=(0.3, 0.2)) == pytest.approx(float(ju.minigap(split)), abs=1e-9)


@pytest.mark.parametrize("fraction", [0.05, 0.3, 0.9])
def test_the_fraction_does_not_matter(split, fraction):
    assert ju.minigap(split, fraction=fraction) == pytest.approx(float(ju.minigap(split)), abs=1e-12)


def test_the_gap_of_a_long_junction(references):
    """3.12 D/L^2; for Delta = 200 D/L^2 four times that of a layer with Delta = 50 D/L^2. Less as phase^2."""
    exact, eta, E = 4 * references["R067"]["value"], 0.004, np.linspace(-0.1, 0.05, 51)
    middle = (0.5, 0.0)
    at_zero = float(ju.minigap(junction(200.0, 0.0, 3.15 + E, eta), middle))
    assert at_zero == pytest.approx(exact, rel=3e-3)
    assert ju.minigap(junction(200.0, 0.8, 2.95 + E, eta), middle) == pytest.approx(
        at_zero * (1 - 0.0921 * 0.8**2), rel=0.005
    )


def test_the_gap_of_a_short_junction():
    """Delta |cos(phase/2)|."""
    Delta, eta = 1e-3, 5e-6
    for phase in (0.0, 2.0):
        exact = Delta * np.cos(phase / 2)
        spec = junction(Delta, phase, exact + eta * np.linspace(-20, 5, 101), eta)
        assert ju.minigap(spec, (0.5, 0.0)) == pytest.approx(exact - 0.325 * eta, rel=0.001)


def test_energies_far_from_each_other_tell_the_gap_to_their_distance():
    E = np.arange(0.0, 1.2, 0.05)
    assert ju.minigap(film(0.3, E)) == pytest.approx(0.7, abs=0.03)


def test_states_begin_in_one_region_before_they_do_in_another():
    """A normal metal beside a superconductor, with which next to nothing is exchanged."""
    spec = film(0.0, np.linspace(0, 1.2, 241), x_lines=[0.499, 0.501], regions={"S": (0.0, 0.5), "N": (0.5, 1.0)})
    assert ju.minigap(spec) == 0 == ju.minigap(spec, region="N") == ju.minigap(spec, (0.9, 0.1))
    assert ju.minigap(spec, at=(0.01, 0.01)) == pytest.approx(1.0, abs=0.02)


def test_its_derivative():
    """Delta - h by h."""
    E = 0.7 + np.linspace(-0.08, 0.02, 201)  # eta/20 apart
    assert jax.grad(lambda h: ju.minigap(film(h, E), fraction=0.3))(0.3) == pytest.approx(-1, abs=0.025)
    with pytest.raises(ju.NotDifferentiableError, match=r"minigap cannot stand inside jax.jit"):
        jax.jit(lambda h: ju.minigap(film(h, E)))(0.3)


def test_what_tells_no_gap_is_refused(split):
    for given, message in (
        ({"fraction": 100.0}, "up to E = 1 the density of states stays below 100: the gap is larger"),
        ({"fraction": 0.0}, "expected a share of the normal state's"),
        ({"at": (2.0, 0.0)}, r"the point \[2.0, 0.0\] is outside the mesh"),
        ({"at": "film"}, "a region is said by name: region='film'"),
        ({"region": "S"}, "the mesh has no region 'S'; its regions are \\['film'\\]"),
        ({"region": "film", "at": (0.0, 0.0)}, "are both given"),
    ):
        with pytest.raises(ValueError, match=message):
            ju.minigap(split, **given)
    with pytest.raises(ValueError, match=r"above 0.1 already at the lowest energy, E = 0.8: give"):
        ju.minigap(film(0.3, [0.9, 0.8, 1.0]))
    with pytest.raises(ValueError, match=r"rises ever more steeply up to the largest energy, E = 0.69"):
        ju.minigap(film(0.3, [0.0, 0.67, 0.68, 0.69]))
    in_kelvin = replace(split, device=replace(split.device, units=ju.Units(Tc=10.0, D=1.0)))
    with pytest.raises(ValueError, match=r"up to E = 0\.8617 meV the density"):  # 10 K
        ju.minigap(in_kelvin, fraction=100.0)
    with pytest.raises(ValueError, match="the spectrum has 2 energies; expected three"):
        ju.minigap(film(0.3, [-0.8, 0.8, 1.0]))
