"""Saddles of the energy of pairs and field: found, said, and left by another start."""

import warnings

import numpy as np
import pytest
import scipy.linalg

import jusadel as ju
from jusadel.solver.problem import pose
from jusadel.solver.start import starting_frames
from jusadel.studies.screening.edge_elements import edge_space
from jusadel.studies.screening.leads import with_leads
from jusadel.studies.screening.model import ScreeningModel, first_state, state_at
from jusadel.studies.screening.thin_film.film_model import film_model

pytestmark = [pytest.mark.filterwarnings("ignore:the mesh is too coarse")]
T = 0.5
DELTA = ju.bulk_gap(T)
GIVEN = {"linear_solver": ju.linear.SuperLU(), "frequencies": 2, "tol": 1e-12}
D, WIDTH = 0.5, 8.0
MESH = ju.rectangle(D, WIDTH, 9.0, x=[0, D / 2, D], y=np.linspace(0, WIDTH, 9))


def junction(phase, A=None):
    """Normal metal between two electrodes."""
    leads = {"left": ju.Reservoir(DELTA), "right": ju.Reservoir(DELTA, phase=phase)}
    return ju.Device(mesh=MESH, materials=ju.Material(Tc=0.0), boundaries=leads, vector_potential=A)


def screened(device, permeability, Delta=0.0, H=0.0, **options):
    return ju.solve_screened(device, T, H, permeability, Delta, gap_tol=1e-10, **GIVEN, **options)


def silently(*args, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("error", ju.UnstableStateWarning)
        sol = screened(*args, **options)
    assert sol.stats["screening_stable"]
    return sol


def as_saddle(*args, **options):
    with pytest.warns(ju.UnstableStateWarning, match="stationary but not stable: .* has the eigenvalue -[0-9]"):
        sol = screened(*args, **options)
    assert not sol.stats["screening_stable"]
    return sol


def hessian(device, make, rows):
    """Of the energy at A = 0, by differences of its gradient: some rows and columns of it."""
    posed = pose(
        device, T, np.zeros((len(MESH.triangles), 3)), frequencies=2, accuracy=1e-4, tol=1e-12,
        linear_solver=GIVEN["linear_solver"], progress=None, unknown=("A",),
    )  # fmt: skip
    model = make(edge_space(device, posed.system))
    first = first_state(model, posed, None, starting_frames(device, posed.system, None))
    at = lambda z: state_at(model, posed, first.z + z, lambda omega: first.newton.V).gradient[rows]  # noqa: E731
    each = 1e-4 * np.eye(len(first.z))[rows]
    found = np.array([at(step) - at(-step) for step in each]) / 2e-4
    return (found + found.T) / 2, model


# --- half a turn between the electrodes of a wide junction ------------------------------------------------------
# Of phase'' = sin(phase)/lambda^2 one solution is pi. Along a change u of it, which the electrodes leave of opposite
# values and slopes at the two ends, the energy's second derivative is (pi/WIDTH)^2 - 1/lambda^2.


@pytest.fixture(scope="module")
def critical():
    """The permeability at which Josephson's length, from the slope of the current at pi, is WIDTH/pi."""
    ends = [float(ju.current_through(ju.solve(junction(np.pi + x), T, 0.0, **GIVEN), "right")) for x in (-1e-3, 1e-3)]
    slope = (ends[0] - ends[1]) / 2e-3 / WIDTH
    return (np.pi / WIDTH) ** 2 / (2 * D * slope)


def test_half_a_turn_is_a_saddle_from_the_critical_width_on(critical):
    silently(junction(np.pi), 0.97 * critical)
    just = as_saddle(junction(np.pi), 1.03 * critical)
    assert just.stats["screening_steps"] == 0
    assert -0.1 < just.stats["screening_eigenvalue"] < -0.01


def test_the_saddle_is_one_of_the_hessian_and_its_energy_is_lower_nearby(critical):
    mu = 2 * critical
    sol = as_saddle(junction(np.pi), mu)
    H, model = hessian(
        junction(np.pi), lambda space: ScreeningModel(with_leads(space, junction(np.pi)), None, 0.0, mu), slice(None)
    )
    values, vectors = np.linalg.eigh(H)
    assert np.sum(values < -1e-3 * values[-1]) > 0
    along = model.space.potential(model.space.edges(0.3 * vectors[:, 0] / np.abs(model.links(vectors[:, 0])).max()))
    lower = silently(junction(np.pi), mu, start=None) if along is None else lower_from(along, mu)
    assert lower.gibbs_energy < sol.gibbs_energy - 0.1
    assert abs(float(ju.current_through(lower, "right"))) > 1.0
