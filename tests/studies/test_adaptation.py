"""Adapted meshes: the estimate against known errors, where triangles go, what is refused."""

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest

import jusadel as ju

pytestmark = [pytest.mark.filterwarnings("ignore:the mesh is too coarse")]
FREQUENCIES = ([1.0], [1.0])


def decay(mesh, **given):
    """A normal metal on a superconductor: all happens near the left edge."""
    device = ju.Device(mesh=mesh, materials=ju.Material(Tc=0.0), boundaries={"left": ju.Reservoir(2.0)}, **given)
    return device, ju.solve(device, 1 / np.pi, frequencies=FREQUENCIES)


@pytest.fixture(scope="module")
def coarse():
    return decay(ju.rectangle(6.0, 1.5, 0.8))


def relative(sol):
    """Square root of the sum of squares of the estimate."""
    return float(np.sqrt((ju.error_estimate(sol) ** 2).sum()))


def test_the_estimate_halves_with_the_mesh(coarse):
    errors = [relative(coarse[1]), *(relative(decay(coarse[0].mesh.refined(k))[1]) for k in (1, 2))]
    assert errors[0] / errors[1] == pytest.approx(2.0, rel=0.2)
    assert errors[1] / errors[2] == pytest.approx(2.0, rel=0.1)


def test_the_estimate_is_the_error_of_the_gradient(coarse):
    """G = (cos theta, sin theta) in a strip, with tan(theta/4) falling off as exp(-sqrt(2) x)."""
    mesh = coarse[0].mesh.refined(2)
    theta = lambda x: 4 * np.arctan(np.tan(np.arctan(2.0) / 4) * np.exp(-np.sqrt(2.0) * x))  # noqa: E731
    slope = lambda x: -2 * np.sqrt(2.0) * np.sin(theta(x) / 2)  # noqa: E731
    corners = np.asarray(mesh.points)[mesh.triangles]
    middles = ((corners + corners[:, [1, 2, 0]]) / 2)[..., 0]
    squares = 0.0
    for part, derivative in ((np.cos, lambda x: -np.sin(x)), (np.sin, np.cos)):
        linear = np.einsum("tik,ti->tk", np.asarray(mesh.shape_gradients), part(theta(corners[..., 0])))
        true = derivative(theta(middles)) * slope(middles)
        squares += ((true - linear[:, :1]) ** 2).mean(axis=1) + linear[:, 1] ** 2
    # pi T w nu/4 Tr(R^T R) = 1 for each of the two matrices R
    assert relative(decay(mesh)[1]) == pytest.approx(np.sqrt(np.asarray(mesh.areas) @ squares), rel=0.1)


def test_triangles_go_where_the_gradient_changes(coarse):
    device, sol = coarse
    finer = ju.adapt(device, sol, fraction=0.7)
    new = np.asarray(finer.mesh.points)[len(device.mesh.points) :]
    assert len(new) > 5
    assert np.quantile(new[:, 0], 0.8) < 2.0
    assert finer.boundaries is not None
    assert finer.materials == device.materials
    again = ju.solve(finer, 1 / np.pi, frequencies=FREQUENCIES)
    assert relative(again) < 0.8 * relative(sol)


def test_a_tolerance_is_met_in_a_few_rounds(coarse):
    """And the mesh then has fewer nodes than the uniform one that meets it."""
    device, sol = coarse
    norm = np.sqrt(4 * sum(_gradient_squares(sol)))
    for _ in range(5):
        finer = ju.adapt(device, sol, tolerance=0.04)
        if finer is device:
            break
        device, sol = finer, ju.solve(finer, 1 / np.pi, frequencies=FREQUENCIES)
    assert relative(sol) <= 0.04 * norm * 1.1
    uniform = coarse[0].mesh
    while relative(decay(uniform)[1]) > relative(sol):
        uniform = uniform.refined()
    assert device.mesh.n_nodes < uniform.n_nodes / 2


def _gradient_squares(sol):
    """area Tr(G'^T G')/16 of each triangle of a strip with D = nu = 1, times pi T w = 1."""
    G = np.asarray(sol.G[0])[sol.mesh.triangles]
    gradient = np.einsum("tik,tiab->tkab", np.asarray(sol.mesh.shape_gradients), G)
    return np.asarray(sol.mesh.areas) * (gradient**2).sum(axis=(1, 2, 3)) / 16


def test_the_estimate_is_gauge_invariant():
    mesh = ju.rectangle(2.0, 1.0, 0.5)
    chi = lambda p: 0.7 * p[:, 0] + 0.4 * p[:, 0] * p[:, 1]  # noqa: E731
    slope = lambda p: jnp.stack([0.7 + 0.4 * p[:, 1], 0.4 * p[:, 0]], axis=1)  # noqa: E731
    errors = []
    for sign in (0, 1):
        device = ju.Device(
            mesh=mesh,
            materials=ju.Material(Tc=0.0, h=(0.3, 0.2, 0.0), spin_field=ju.rashba(0.4)),
            boundaries={"left": ju.Reservoir(2.0, phase=lambda p, sign=sign: 2 * sign * chi(p))},
            vector_potential=lambda p, sign=sign: sign * slope(p) + jnp.stack([-0.5 * p[:, 1], 0 * p[:, 0]], axis=1),
        )
        errors.append(ju.error_estimate(ju.solve(device, 1 / np.pi, frequencies=FREQUENCIES)))
    np.testing.assert_allclose(errors[1], errors[0], rtol=1e-6)


def test_a_jump_of_the_conductivity_is_no_error():
    """Across it the flux, not the gradient, is continuous: two regions are not averaged over."""
    regions = {"a": lambda c: c[:, 0] < 1.0, "b": lambda c: c[:, 0] > 1.0}
    mesh = ju.rectangle(2.0, 0.5, 0.2, x=np.linspace(0, 2, 21), regions=regions)
    ends = {"left": ju.Reservoir(1.0), "right": ju.Reservoir(1.0, phase=0.8)}
    largest = []
    for D in (1.0, 10.0):
        materials = {"a": ju.Material(Tc=0.0), "b": ju.Material(Tc=0.0, D=D)}
        sol = ju.solve(ju.Device(mesh=mesh, materials=materials, boundaries=ends), 1 / np.pi, frequencies=FREQUENCIES)
        eta, x = ju.error_estimate(sol), np.asarray(sol.mesh.centroids)[:, 0]
        largest.append(eta[np.abs(x - 1.0) < 0.1].max() / np.median(eta))
    assert largest[1] < 3 * largest[0] + 1


# --- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"fraction": 0.0}, r"fraction = 0.0; expected a share of the error, in \(0, 1\]"),
        ({"fraction": 1.5}, "fraction = 1.5"),
        ({"tolerance": -1.0}, "tolerance = -1.0; expected a relative error > 0"),
        ({"fraction": 0.5, "tolerance": 0.1}, "expected one of them"),
        ({"max_nodes": 30}, r"the refined mesh would have \d+ nodes or more \(limit 30\)"),
    ],
)
def test_what_adapt_refuses(coarse, given, message):
    with pytest.raises(ValueError, match=message):
        ju.adapt(*coarse, **given)


def test_other_meshes_and_uncertified_solutions_are_refused(coarse):
    device, sol = coarse
    other = replace(device, mesh=device.mesh.refined())
    with pytest.raises(ValueError, match=r"the solution is of another mesh .* solve this device"):
        ju.adapt(other, sol)
    with pytest.raises(ValueError, match="1 of 1 frequencies of the solution are not certified, first omega = 1"):
        ju.adapt(device, replace(sol, stable=np.array([False])))
