"""Solutions as starts on other meshes: fewer Newton steps to the same state, sides and regions kept, refusals."""

from dataclasses import replace

import numpy as np
import pytest

import jusadel as ju
from jusadel.action.nambu.frames import frame_to_green
from jusadel.solver.start import first_guess
from jusadel.solver.states.other_mesh import carried_frames, carried_pair_potential

pytestmark = [pytest.mark.filterwarnings("ignore:the mesh is too coarse")]
ONE = ([1.0], [1.0])
BILAYER = {"S": ju.Material(Tc=1.0), "N": ju.Material(Tc=0.0)}


def bilayer(size, materials=BILAYER):
    regions = {"S": lambda c: c[:, 0] < 1, "N": lambda c: c[:, 0] > 1}
    mesh = ju.rectangle(3.0, 0.5, size, x_lines=[1.0], regions=regions)
    return ju.Device(mesh=mesh, materials=materials, boundaries={"left": ju.Reservoir(1.7)})


def solve(device, **given):
    return ju.solve(device, 0.2, frequencies=ONE, pair_potential={"S": 1.7}, **given)


@pytest.fixture(scope="module")
def solved():
    return solve(bilayer(0.25))


def test_the_same_state_in_fewer_newton_steps(solved):
    other = bilayer(0.2)  # none of the inner nodes are the same
    cold, warm = solve(other), solve(other, start=solved)
    assert warm.stats["steps"][0] <= cold.stats["steps"][0] - 2
    np.testing.assert_allclose(warm.G, cold.G, atol=1e-9)


def test_what_is_carried_is_a_green_function_close_to_the_solution(solved):
    """At the nodes of the old mesh it is the solution itself; between them it is off by the square of an edge."""
    finer = replace(solved.device, mesh=solved.mesh.refined())
    G = np.asarray(frame_to_green(carried_frames(solved, finer)))
    np.testing.assert_allclose(G @ G, np.broadcast_to(-np.eye(4), G.shape), atol=1e-12)
    np.testing.assert_allclose(G[:, : solved.mesh.n_nodes], solved.G, atol=1e-9)
    a, b = solved.mesh.edges.T
    middle = (np.asarray(solved.G)[:, a] + np.asarray(solved.G)[:, b]) / 2
    np.testing.assert_allclose(G[:, solved.mesh.n_nodes :], middle, atol=0.01)


def test_a_pair_potential_that_jumps_is_not_smeared(solved):
    device = bilayer(0.13)
    Delta, _ = first_guess(device, 0.2, solved)
    np.testing.assert_allclose(Delta[device.mesh.regions["S"]], 1.7, rtol=1e-12)
    assert not Delta[device.mesh.regions["N"]].any()


def test_each_side_of_a_barrier_keeps_its_own():
    """Inside one region, where only the triangle of a node tells on which side it is; almost nothing gets across."""
    sides = []
    for mesh in (ju.rectangle(2.0, 0.5, 0.25, x_lines=[1.0]), ju.rectangle(2.0, 0.5, 0.17, x_lines=[1.0])):
        on_line = np.isclose(mesh.points[mesh.edges][..., 0], 1.0).all(axis=1)
        cut = mesh.with_boundaries({"cut": mesh.edges[on_line]})
        sides.append(ju.Device(mesh=cut, materials=ju.Material(), boundaries={"cut": ju.Interface(1e-6)}))
    left = np.zeros(len(sides[0].mesh.points))
    left[sides[0].mesh.triangles[sides[0].mesh.centroids[:, 0] < 1]] = 1.5
    sol = ju.solve(sides[0], 0.2, frequencies=ONE, pair_potential=left)
    triangles, at_left = sides[1].mesh.triangles, sides[1].mesh.centroids[:, 0] < 1
    G = np.asarray(frame_to_green(carried_frames(sol, sides[1])))[0]
    for rows, Delta in ((at_left, 1.5), (~at_left, 0.0)):
        bulk = ju.to_nambu(G[np.unique(triangles[rows])])
        np.testing.assert_allclose(np.abs(bulk).max(axis=(1, 2)), max(1.0, Delta) / np.hypot(1.0, Delta), atol=1e-4)
    Delta = carried_pair_potential(sol, sides[1])
    np.testing.assert_allclose(Delta, np.where(at_left, 1.5, 0.0)[:, None] * np.ones((1, 3)), atol=1e-12)


def test_regions_of_other_names_are_refused(solved):
    mesh = bilayer(0.2).mesh
    renamed = mesh.with_regions({"S": mesh.regions["S"], "F": mesh.regions["N"]})
    device = ju.Device(mesh=renamed, materials=ju.Material(Tc=0.0), boundaries={"left": ju.Reservoir(1.7)})
    with pytest.raises(ValueError, match=r"has the regions \['S', 'N'\] and not \['F'\]: .* name the regions alike"):
        solve(device, start=solved)


def test_superconductors_that_the_start_does_not_have_are_refused(solved):
    device = bilayer(0.2, {"S": ju.Material(Tc=1.0), "N": ju.Material(Tc=0.3)})
    with pytest.raises(ValueError, match=r"regions \['N'\] have Tc > 0, but not in start, .* give a pair potential to"):
        ju.solve(device, 0.2, pair_potential="self-consistent", start=solved)
