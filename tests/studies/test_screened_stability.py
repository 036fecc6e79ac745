"""Saddles of the energy of pairs and field: found, said, and left by another start."""

import warnings

import numpy as np
import pytest
import scipy.linalg
import scipy.sparse as sp
import scipy.sparse.linalg as sla

import jusadel as ju
from jusadel.solver import gap
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


def junction(phase, A=None, Tc=0.0):
    """A metal between two electrodes."""
    leads = {"left": ju.Reservoir(DELTA), "right": ju.Reservoir(DELTA, phase=phase)}
    return ju.Device(mesh=MESH, materials=ju.Material(Tc=Tc), boundaries=leads, vector_potential=A)


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


@pytest.fixture
def products(monkeypatch):
    """One entry for each linear response that tells minima from saddles."""
    found, curvature = [], gap.curvature

    def counted(operator, *others):
        product = lambda z: found.append(1) or operator @ z  # noqa: E731
        return curvature(sla.LinearOperator(operator.shape, matvec=product, dtype=float), *others)

    monkeypatch.setattr(gap, "curvature", counted)
    return found


def hessian(device, make):
    """That of the energy at A = 0, by differences of its gradient, and its model."""
    posed = pose(
        device,
        T,
        np.zeros((len(device.mesh.triangles), 3)),
        frequencies=2,
        accuracy=1e-4,
        tol=1e-12,
        linear_solver=GIVEN["linear_solver"],
        progress=None,
        unknown=("A",),
    )
    model = make(edge_space(device, posed.system))
    first = first_state(model, posed, None, starting_frames(device, posed.system, None))
    at = lambda z: state_at(model, posed, first.z + z, lambda omega: first.newton.V).gradient  # noqa: E731
    found = np.array([at(step) - at(-step) for step in 1e-4 * np.eye(len(first.z))]) / 2e-4
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


def test_half_a_turn_is_a_saddle_from_the_critical_width_on(critical, products):
    silently(junction(np.pi), 0.97 * critical)
    assert len(products) <= 8  # changes of gauge in the metal, which cost nothing, are left out
    just = as_saddle(junction(np.pi), 1.03 * critical)
    assert just.stats["screening_steps"] == 0
    assert -0.1 < just.stats["screening_eigenvalue"] < -0.01


def test_its_hessian_has_two_negative_eigenvalues_and_a_lower_state_is_near(critical):
    device, mu = junction(np.pi), 2 * critical
    saddle = as_saddle(device, mu)
    H = hessian(device, lambda space: ScreeningModel(with_leads(space, device), None, 0.0, mu))[0]
    values = np.linalg.eigvalsh(H)
    assert np.sum(values < -1e-6 * values[-1]) == 2
    in_the_middle = lambda p: np.stack([1.5 * np.sin(np.pi * p[:, 1] / WIDTH), 0 * p[:, 1]], axis=1)  # noqa: E731
    lower = silently(junction(np.pi, in_the_middle), mu)
    assert lower.gibbs_energy < saddle.gibbs_energy - 0.1
    assert np.abs(lower.magnetic_field).max() > 0.1


def test_half_a_turn_of_a_wide_film():
    """Its energy is F + Q/2 of the sheet current's own field, with A and Q in proportion to the permeability: where the
    Hessian is e Q along a mode, it is (1 + (e - 1) mu'/mu) Q mu'/mu at another mu'."""
    device, mu = junction(np.pi), 0.2
    H, model = hessian(device, lambda space: film_model(device, space, None, 0.0, mu, 1.0))
    own = np.arange(len(H)) >= model.space.kinds[0]
    Q = np.array([model.own_fluxes(unit) for unit in np.eye(len(H))])[np.ix_(own, own[own])]
    smallest = scipy.linalg.eigh(H[np.ix_(own, own)], Q, eigvals_only=True)[0]
    turning = mu / (1 - smallest)
    silently(device, 0.97 * turning, model="film", thickness=1.0)
    as_saddle(device, 1.03 * turning, model="film", thickness=1.0)


# --- without electrodes -----------------------------------------------------------------------------------------


def test_pair_potentials_of_opposite_signs_find_each_other():
    """What the phase of a given one is but a gauge; as it is given, halfway round, A has nothing to decide by."""
    mesh = ju.rectangle(1.5, 1.0, 0.5, x_lines=[0.5, 1.0], regions={"a": (0, 0.5), "b": (0.5, 1.0), "c": (1.0, 1.5)})
    device = lambda A: ju.Device(mesh=mesh, materials=ju.Material(Tc=0.0), vector_potential=A)  # noqa: E731
    nearly = lambda p: np.stack([2.5 * (np.abs(p[:, 0] - 0.75) < 0.25), 0 * p[:, 0]], axis=1)  # noqa: E731
    given = {"a": DELTA, "b": 0.0, "c": -DELTA}
    saddle, found = as_saddle(device(None), 0.1, given), silently(device(nearly), 0.1, given)
    same = silently(device(None), 0.1, given | {"c": DELTA})
    assert saddle.gibbs_energy > found.gibbs_energy + 0.1
    assert found.gibbs_energy == pytest.approx(same.gibbs_energy, rel=1e-6)


def test_a_minimum_takes_few_products_at_a_given_pair_potential(products):
    """Where gauge changes are soft: without what pairs cost that are turned away from it, more than thirty; nor do
    those in the film's own terms count that change nothing."""
    mesh = ju.rectangle(1.0, 1.0, 9.0, x=np.linspace(0, 1, 9), y=np.linspace(0, 1, 9))
    for model in ({}, {"model": "film", "thickness": 1.0}):
        products.clear()
        silently(ju.Device(mesh=mesh, materials=ju.Material()), 0.1, DELTA, H=0.1, **model)
        assert len(products) <= 6


def test_half_a_turn_through_a_superconductor(critical):
    """Whose pair potential, which is found too, keeps its zero in the middle by symmetry."""
    device, odd = junction(np.pi, Tc=1.0), lambda p: DELTA * (1 - 2 * p[:, 0] / D)
    sol = as_saddle(device, 2 * critical, "self-consistent", start=odd)
    assert sol.stats["state"] == "unstable"


# --- Lanczos' method --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lowest", [-2e-3, -0.1])
def test_no_negative_eigenvalue_is_overlooked(lowest):
    """A hundred random starts, with the rest between 0.3 and 1, in a metric that is not one."""
    random, n = np.random.default_rng(0), 400
    values, metric = np.append(lowest, np.linspace(0.3, 1, n - 1)), np.exp(random.normal(size=n))
    for good in (False, True):
        J = sla.aslinearoperator(sp.diags(np.where(good, np.abs(values) + 0.2, values) * metric))
        for _ in range(100):
            start = np.sqrt(metric) * random.normal(size=n)
            found = gap.curvature(J, start, -1e-3, 1e-3, lambda u: u / metric)
            assert found > 0.2 if good else lowest <= found < -1e-3
