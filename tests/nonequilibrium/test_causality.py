"""The admittance on the imaginary axis from what is absorbed on the real one: Kramers and Kronig, of uneven devices."""

import numpy as np
import pytest

import jusadel as ju

pytestmark = pytest.mark.filterwarnings("ignore:the mesh is too coarse:jusadel.CoarseMeshWarning")

T, FREQUENCIES, ETA, SCALE = 0.5, 12, 2e-3, 4.0
SPINS = {
    "h": [0.17, 0.41, 0.17],
    "Gamma": [[0.8, 0.1, 0.0], [0.1, 0.6, 0.1], [0.0, 0.1, 0.9]],
    "spin_field": [[-0.39, 0.27], [0.13, -0.16], [0.11, 0.09]],
}


@pytest.mark.slow
@pytest.mark.parametrize("spins", [{}, SPINS], ids=["charge", "spins"])
def test_kramers_and_kronig(spins):
    """Y(i Omega) = Q(0)/Omega + (2/pi) Int_0^inf Re Y Omega/(omega^2 + Omega^2) d omega, the first of the condensate.

    An uneven wire in a magnetic field, a barrier, electrodes of two gaps; all smeared, so that few omega = s tan a do.
    """
    mesh = ju.rectangle(1.0, 0.3, 1.0, x=[0, 0.4, 1.0], y=[0.0, 0.3])
    metal = ju.Material(D=[[1.2, 0.2], [0.2, 0.9]], Tc=0.0, inelastic=0.4, **spins)
    ends = {
        "left": ju.Reservoir(1.8, depairing=0.7),
        "right": ju.Tunnel(ju.Reservoir(1.5, 1.1, depairing=0.6), 3.0),
    }
    device = ju.Device(mesh=mesh, materials=metal, boundaries=ends, vector_potential=ju.uniform_field(0.6))
    sol = ju.solve(device, T, frequencies=FREQUENCIES)
    Omega = 2 * np.pi * T * np.array([1, 3])
    there = ju.admittance(sol, Omega, axis="imaginary", frequencies=FREQUENCIES).Y.real
    condensate = float(ju.admittance(sol, 0.0, frequencies=FREQUENCIES).Q) / Omega
    assert (condensate > 0.05 * there).all()
    x, weights = np.polynomial.legendre.leggauss(6)
    angle = np.pi / 4 * (x + 1)
    omega, weights = SCALE * np.tan(angle), np.pi / 4 * weights * SCALE / np.cos(angle) ** 2
    absorbed = ju.admittance(sol, omega, eta=ETA, accuracy=3e-2, frequencies=FREQUENCIES).absorption
    assert np.ptp(absorbed) > 0.2 * absorbed.max()
    kernel = 2 / np.pi * Omega[:, None] / (omega**2 + Omega[:, None] ** 2)
    np.testing.assert_allclose(there, condensate + kernel @ (weights * absorbed), rtol=3e-3)
