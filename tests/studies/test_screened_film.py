"""Thin films in perpendicular fields: London's equation of disks and rings, flux quanta, energies, stray fields."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ellipe, ellipk

import jusadel as ju
from jusadel.studies.screening.edge_elements import edge_space, holes
from jusadel.studies.screening.sheet_currents import sheet_currents
from jusadel.studies.screening.solve import solve_screened
from jusadel.studies.screening.triangle_potentials import along_segments, double_integrals, potentials, solid_angles

pytestmark = [pytest.mark.filterwarnings("ignore:the mesh is too coarse")]
T, WEAK, D_FILM = 0.5, 1e-3, 0.02
DELTA = ju.bulk_gap(T)
DIRECT = {"linear_solver": ju.linear.SuperLU(), "frequencies": 2}


def permeability(Lambda, thickness=D_FILM):
    """For this Pearl length, 2 lambda^2/d, in the dirty limit: 1/(mu0 lambda^2) = 2 pi Delta tanh(Delta/2T)."""
    return 2 / (2 * np.pi * DELTA * np.tanh(DELTA / (2 * T)) * Lambda * thickness)


def film(device, Lambda, H, Delta=DELTA, **options):
    given = DIRECT | {"model": "film", "thickness": D_FILM} | options
    return solve_screened(device, T, H, permeability(Lambda), Delta, **given)


def annulus(radii, around):
    """Rings of triangles, with a middle where the first radius is 0, of the area of the round one."""
    radii = np.asarray(radii) * np.sqrt(2 * np.pi / around / np.sin(2 * np.pi / around))
    middle, radii = radii[0] == 0, radii[radii > 0]
    angles = 2 * np.pi * np.arange(around) / around
    points = np.stack([np.outer(radii, np.cos(angles)), np.outer(radii, np.sin(angles))], -1).reshape(-1, 2)
    node = np.arange(len(radii) * around).reshape(-1, around)
    a, d = node[:-1], node[1:]
    b, c = np.roll(a, -1, axis=1), np.roll(d, -1, axis=1)
    triangles = [np.stack([a, d, c], -1).reshape(-1, 3), np.stack([a, c, b], -1).reshape(-1, 3)]
    if middle:
        center = np.full(around, len(points))
        triangles.append(np.stack([center, node[0], np.roll(node[0], -1)], axis=1))
        points = np.concatenate([points, [[0.0, 0.0]]])
    loops = {
        name: np.stack([node[k], np.roll(node[k], -1)], axis=1)
        for name, k in (("inner", 0), ("middle", len(radii) // 2), ("outer", -1))
    }
    return ju.Mesh(points=points, triangles=np.concatenate(triangles), boundaries=loops)


def device_of(mesh):
    return ju.Device(mesh=mesh, materials=ju.Material())


# --- disks: the integral equation of Pearl and London -----------------------------------------------------


def moment_of_disk(Lambda, rings=400):
    """mu0 m/H of a disk of radius 1: (mu0 Lambda/2) K + A[K] = -H r/2 with the A of current loops, from its elliptic
    integrals, and of a ring on itself, (mu0 w/2 pi) (ln(16 r/w) - 1)."""
    edge = np.sin(np.pi / 2 * np.linspace(0, 1, rings + 1))
    r, w = (edge[1:] + edge[:-1]) / 2, np.diff(edge)
    m = 4 * r[:, None] * r / (r[:, None] + r) ** 2
    np.fill_diagonal(m, 0.5)
    A = np.sqrt(r / r[:, None] / m) / np.pi * ((1 - m / 2) * ellipk(m) - ellipe(m)) * w
    np.fill_diagonal(A, w / (2 * np.pi) * (np.log(16 * r / w) - 1))
    return np.pi * np.sum(w * r**2 * np.linalg.solve(A + Lambda / 2 * np.eye(rings), -r / 2))


DISK = device_of(annulus(np.sin(np.pi / 2 * np.linspace(0, 1, 8)), 32))


def moment(sol):
    return sol.magnetic_moment * sol.permeability * sol.thickness / sol.applied_field


def test_limits_of_the_integral_equation():
    """Of a superconductor without penetration, m = -(8/3) R^3 H/mu0; of weak screening, K = -2 H r/2 mu0 Lambda."""
    assert moment_of_disk(1e-4) == pytest.approx(-8 / 3, rel=2e-3)
    assert moment_of_disk(1e3) == pytest.approx(-np.pi / 4e3, rel=2e-3)


@pytest.mark.parametrize("Lambda", [0.1, 1.0, 10.0])
def test_moment_of_a_disk(Lambda):
    assert moment(film(DISK, Lambda, WEAK)) == pytest.approx(moment_of_disk(Lambda), rel=0.01)


def london_moment(rings, around, Lambda):
    """As `moment_of_disk`, on a mesh, of London's equation for the stream function alone."""
    device = device_of(annulus(np.linspace(0, 1, rings + 1), around))
    mesh, currents = device.mesh, sheet_currents(device)
    area = np.tile(np.asarray(mesh.areas), 2)
    kinetic = (currents.current.T @ (Lambda / 2 * area[:, None] * currents.current.toarray()))
    x, y = np.asarray(mesh.centroids).T
    g = np.linalg.solve(currents.inductances(1.0) + kinetic, currents.current.T @ (area * np.concatenate([-y, x]) / 2))
    return np.concatenate([-y, x]) * area / 2 @ (currents.current @ g)


def test_order_of_convergence():
    """Second order in the mesh size, but for the logarithm of the current at the rim."""
    sizes = np.array([3, 6, 12])
    errors = [abs(-london_moment(n, 6 * n, 1.0) - moment_of_disk(1.0, 1600)) for n in sizes]
    assert np.polyfit(np.log(sizes), np.log(errors), 1)[0] < -1.7
