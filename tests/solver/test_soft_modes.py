"""Where forces differ by many orders of magnitude, a small residual proves little: Krylov must still be right."""

import numpy as np
import pytest

import jusadel as ju
from jusadel.solver.linear import Krylov, SuperLU

pytestmark = [
    pytest.mark.filterwarnings("ignore::jusadel.CoarseMeshWarning"),
]

HALVES = {"a": lambda c: c[:, 0] < 7 / 15, "b": lambda c: c[:, 0] > 7 / 15}  # a line between the 15 columns of `grain`
THREE = {"T": 0.01, "frequencies": ([0.0314, 0.3, 3.0], [1.0, 1.0, 1.0])}


@pytest.fixture(scope="module")
def grain():
    return ju.rectangle(1.0, 1.0, 0.1, regions=HALVES)


def both(device, **given):
    """G by Krylov and by SuperLU."""
    return [np.asarray(ju.solve(device, linear_solver=solver, **given).G) for solver in (Krylov(), SuperLU())]


@pytest.mark.slow
@pytest.mark.parametrize(("D", "within"), [(1e4, 2e-9), (1e6, 2e-7)])
def test_a_grain_that_diffusion_makes_uniform(grain, D, within):
    materials = {"a": ju.Material(D=D), "b": ju.Material(D=D, Tc=0.0, h=(0, 0, 0.3))}
    given = THREE | {"pair_potential": {"a": 1.0, "b": 0.0}}
    krylov, direct = both(ju.Device(mesh=grain, materials=materials), **given)
    assert np.abs(krylov - direct).max() < within
    mean = ju.bulk_value(np.array(THREE["frequencies"][0]), 0.5, (0, 0, 0.15), 0.0)  # D -> infinity
    assert np.abs(krylov - np.asarray(mean)[:, None]).max() < 0.3 / D


@pytest.mark.parametrize("nu", [1e-4, 1e-8])
def test_a_region_with_a_small_density_of_states(grain, nu):
    materials = {"a": ju.Material(D=1.0), "b": ju.Material(D=0.5, Tc=0.0, h=(0.5, 0, 2.0), Gamma=5.0, nu=nu)}
    given = THREE | {"pair_potential": {"a": 1.0, "b": 0.0}}
    krylov, direct = both(ju.Device(mesh=grain, materials=materials), **given)
    assert np.abs(krylov - direct).max() < 1e-10


@pytest.mark.parametrize("Delta", [1e-3, 1e-6])
def test_weak_superconductivity_to_relative_accuracy(grain, Delta):
    device = ju.Device(mesh=grain, materials=ju.Material(D=2.0, Tc=1.0, h=(0, 0, 0.5)))
    krylov, direct = both(device, pair_potential=ju.vortex(Delta, center=(0.4, 0.4)), **THREE)
    assert np.abs(krylov - direct).max() < 1e-7 * Delta


def test_units_that_single_precision_cannot_hold():
    e, length = 1.6e-23, 1e-7
    mesh = ju.rectangle(3 * length, length, 0.25 * length)
    material = ju.Material(D=2 * e * length**2, Tc=0.0, h=(0, 0, 0.8 * e), Gamma=0.5 * e)
    ends = {"left": ju.Reservoir(e), "right": ju.Reservoir(e, phase=2.0)}
    frequencies = (e * np.array([0.0314, 0.3, 2.0]), np.ones(3))
    device = ju.Device(mesh=mesh, materials=material, boundaries=ends)
    krylov, direct = both(device, T=0.01 * e, frequencies=frequencies)
    assert np.abs(krylov - direct).max() < 1e-10
