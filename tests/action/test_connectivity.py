"""What the discrete action knows of its device's seams, barriers and edges."""

import jax
import jax.numpy as jnp
import numpy as np

import jusadel as ju
from jusadel.action import connectivity
from jusadel.action.assembly import discretise

MESH = ju.rectangle(1.5, 1.0, 0.5)


def device(phase=0.7):
    return ju.Device(
        mesh=MESH,
        materials=ju.Material(D=10.0, Tc=0.0),
        boundaries={
            "right": ju.Periodic("left", phase=phase, rotation=(0.0, 0.0, 0.3)),
            "top": ju.Tunnel(ju.Reservoir(1.0), 0.5, surface=ju.Surface(rashba=0.2)),
        },
    )


def bare(given):
    return discretise(given, jnp.zeros((len(given.mesh.triangles), 3), complex))


def test_nodes_of_seams_and_behind_barriers():
    found, n = bare(device()).layout, len(MESH.points)
    left, right = (MESH.boundary_nodes(name) for name in ("left", "right"))
    assert set(found.seam.slaves) == set(right)
    np.testing.assert_array_equal(np.sort(found.seam.owner[right]), np.sort(left))
    np.testing.assert_allclose(found.seam.phase[right], 0.7)
    np.testing.assert_allclose(found.seam.spin[right], np.broadcast_to([0, 0, 0.3], (len(right), 3)))
    np.testing.assert_array_equal(found.nodes_of_contact(MESH, "right"), np.sort(left))
    np.testing.assert_array_equal(found.nodes_of_contact(MESH, "top"), n + np.arange(len(MESH.boundary_nodes("top"))))


def test_cells_on_edges_are_beside_their_triangles():
    system = bare(device())
    m, beside = len(MESH.triangles), system.layout.beside
    assert len(beside) == len(MESH.boundaries["top"]) == len(system.triangles) - m
    np.testing.assert_array_equal(system.triangles[m:], system.layout.seam.owner[MESH.triangles[beside]])


def test_it_is_found_once(monkeypatch):
    """A solution, what is read from it, and its spectrum have it from the assembly."""
    found = []
    for name in ("seams", "ghosts"):
        whole = getattr(connectivity, name)
        monkeypatch.setattr(connectivity, name, lambda d, name=name, whole=whole: found.append(name) or whole(d))
    sol = ju.solve(device(), 0.3, frequencies=2)
    ju.current_through(sol, "top"), ju.spin_torque(sol), ju.spectrum(sol, [0.5], eta=0.3)
    assert sorted(found) == ["ghosts", "seams"]


def test_its_phases_may_be_traced():
    along = jax.jacobian(lambda phase: bare(device(phase)).layout.seam.phase)(0.7)
    np.testing.assert_array_equal(np.flatnonzero(along), np.sort(MESH.boundary_nodes("right")))
