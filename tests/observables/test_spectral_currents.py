"""Currents at real energies: their integrals are the Matsubara sums, and they are conserved energy by energy."""

import numpy as np
import pytest

import jusadel as ju

T, ETA = 1.0, 2.0


def quadrature(n=40, scale=4.0):
    """Nodes and weights from zero to infinity."""
    u, w = np.polynomial.legendre.leggauss(n)
    s = (u + 1) / 2
    return scale * s / (1 - s), scale * w / 2 / (1 - s) ** 2


@pytest.fixture(scope="module")
def junction():
    """A junction with every term and a barrier."""
    x = (1 - np.cos(np.pi * np.linspace(0, 1, 17))) / 2
    film = ju.Material(
        Tc=0.0,
        h=(0, 0.5, 0.2),
        gamma=ju.rashba(0.3),
        Gamma=0.3,
        spin_field=ju.rashba(0.4),
        theta=(0, 0, 0.1),
        kappa=(0, 0, 0.1),
    )
    device = ju.Device(
        mesh=ju.rectangle(1.0, 0.1, 1.0, x=x, y=[0, 0.1]),
        materials=film,
        boundaries={
            "left": ju.Tunnel(ju.Reservoir(4.0), conductance=8.0),
            "right": ju.Reservoir(4.0, phase=1.2),
        },
    )
    return ju.solve(device, T=T, frequencies=60)


@pytest.fixture(scope="module")
def smooth(junction):
    """At eta of the order of pi T everything is smooth."""
    return ju.spectrum(junction, quadrature()[0], eta=ETA)


CUT = ((0.5, 0.0), (0.5, 0.1))


@pytest.mark.parametrize("where", [("right",), ("left",), CUT])
def test_integral_over_energies_is_the_matsubara_current(junction, smooth, where):
    measured = ju.current_through if len(where) == 1 else ju.current_across
    current = float(measured(junction, *where))
    assert abs(current) > 0.1
    found = float(ju.equilibrium_current(smooth, *where, weights=quadrature()[1]))
    assert found == pytest.approx(current, rel=1e-6)


@pytest.mark.parametrize("where", [CUT])
def test_integral_over_energies_is_the_matsubara_spin_current(junction, smooth, where):
    measured = ju.spin_current_through if len(where) == 1 else ju.spin_current_across
    spin = np.asarray(measured(junction, *where))
    assert np.abs(spin).max() > 5e-5
    found = ju.equilibrium_spin_current(smooth, *where, weights=quadrature()[1])
    np.testing.assert_allclose(found, spin, atol=1e-5 * np.abs(spin).max())


def test_current_densities_integrate_to_the_matsubara_ones(junction, smooth):
    per_energy = ju.spectral_current_density(smooth)
    assert per_energy.shape == (40, len(junction.mesh.triangles), 2)
    assert ju.spectral_spin_current_density(smooth, at="nodes").shape == (40, junction.mesh.n_nodes, 3, 2)


def test_current_is_conserved_at_every_energy(junction):
    """The same through a cut and through both ends, also near the real axis: nothing feeds in charge."""
    spec = ju.spectrum(junction, np.linspace(0, 6, 13), eta=0.05)
    out, across, into = (np.asarray(ju.spectral_current(spec, *where)) for where in (("right",), CUT, ("left",)))
    np.testing.assert_allclose(out, across, atol=1e-9)
    np.testing.assert_allclose(out, -into, atol=1e-9)
    assert np.abs(out).max() > 0.1


def test_current_is_odd_in_energy_and_the_trapezoidal_rule_is_the_default(junction):
    E = np.linspace(0, 6, 7)
    spec = ju.spectrum(junction, E, eta=0.5)
    mirrored = ju.spectrum(junction, -E, eta=0.5)
    np.testing.assert_allclose(ju.spectral_current(mirrored, "left"), -ju.spectral_current(spec, "left"), atol=1e-12)
    by_hand = np.full(7, 1.0)
    by_hand[[0, -1]] = 0.5
    assert ju.equilibrium_current(spec, "left") == ju.equilibrium_current(spec, "left", weights=by_hand)
    with pytest.raises(ValueError, match="ascend from 0; give weights"):
        ju.equilibrium_current(mirrored, "left")
    with pytest.raises(ValueError, match=r"weights has shape \(2,\); expected \(7,\)"):
        ju.equilibrium_current(spec, "left", weights=[1.0, 2.0])
    with pytest.raises(ValueError, match=r"eta = 0.5, T = 0.1; expected eta < pi T"):
        ju.equilibrium_current(spec, "left", T=0.1)
    with pytest.raises(TypeError, match="name of a boundary, or start and end of a cut"):
        ju.spectral_current(spec)
    with pytest.raises(ValueError, match="nowhere"):
        ju.spectral_current(spec, "nowhere")
