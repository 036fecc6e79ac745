"""Actions filled up to a few sizes: the same results, and the same programs for meshes of similar size."""

import jax
import numpy as np
import pytest

import jusadel as ju
from jusadel.action.assembly import discretise
from jusadel.action.matrices import padding
from jusadel.action.matrices.padding import few_sizes, in_few_sizes
from jusadel.action.matrix_free import lift

STRIP = ju.rectangle(2.0, 1.0, size=0.5, x_lines=[1.0])
CUT = ju.with_cut_between(
    STRIP.with_regions({"S": lambda p: p[:, 0] < 1.0, "N": lambda p: p[:, 0] > 1.0}), "S", "N", "barrier"
)
MAGNET = ju.Material(D=6.0, Tc=0.0, h=(0.1, 0.7, 0.0), gamma=ju.rashba(0.2), spin_field=[[0, 0.2], [-0.2, 0], [0, 0]])
LEFT, RIGHT = ju.Reservoir(1.0), ju.Reservoir(1.0, phase=0.9)


def device(mesh=STRIP, material=MAGNET, **boundaries):
    return ju.Device(mesh=mesh, materials=material, boundaries=boundaries)


CROWDED = device(
    CUT,
    left=ju.Tunnel(LEFT, 1.5, transmissions=[0.3, 0.9], surface=ju.Surface(rashba=0.3)),
    right=RIGHT,
    barrier=ju.Interface(2.0),
    bottom=ju.Periodic("top", rotation=(0, 0, 0.4)),
)
"""Each thing that fills rows of its own: barriers, a surface, a seam."""


def numbers(device, **given):
    sol = ju.solve(device, 0.2, frequencies=3, **given)
    currents = ju.current_through(sol, "right"), ju.spin_current_through(sol, "right")
    fields = ju.charge_current(sol), ju.spin_torque(sol), ju.spin_density(sol)
    return sol.G, sol.margin, sol.stats["inertia"], *currents, *fields, ju.free_energy(sol), ju.entropy(sol)


def self_consistent():
    superconductor = ju.Material(D=6.0, Tc=1.0, h=(0.2, 0, 0))
    sol = ju.solve(device(STRIP, superconductor, left=RIGHT), 0.3, "self-consistent", frequencies=4)
    return sol.Delta, sol.stats["gap_eigenvalue"]


def spectrum_and_kinetics():
    normal = device(
        STRIP, ju.Material(D=6.0, Tc=0.0), left=ju.Reservoir(0.0), right=ju.Reservoir(0.0), bottom=ju.Tunnel(LEFT, 1.0)
    )
    spec = ju.spectrum(ju.solve(normal, 0.2, frequencies=3), [0.3, 1.4], eta=0.05)
    volts = {"left": 0.5, "right": -0.2, "bottom": 0.0}
    contacts = {name: ju.Contact(voltage=V, temperature=0.1) for name, V in volts.items()}
    kin = ju.kinetics(spec, contacts)
    return spec.G, spec.margin, ju.density_of_states(spec), kin.f


def gradient():
    def current(h, conductance):
        magnet = ju.Material(D=6.0, Tc=0.0, h=(0, h, 0), gamma=ju.rashba(0.2))
        edges = {"left": ju.Tunnel(LEFT, conductance), "right": RIGHT, "top": ju.Surface(rashba=0.3)}
        return ju.current_through(ju.solve(device(STRIP, magnet, **edges), 0.2, frequencies=3), "right")

    return jax.value_and_grad(current, (0, 1))(0.7, 1.5)


def krylov():
    return numbers(CROWDED, linear_solver=ju.linear.Krylov(inner="float64"))


def directly():
    return numbers(CROWDED)


@pytest.mark.parametrize("results", [directly, krylov, self_consistent, spectrum_and_kinetics, gradient])
def test_results_are_those_of_the_mesh(results, monkeypatch):
    """Without spare nodes, but for one, and with many."""
    found = []
    for ratio in (1 + 1e-9, 3.0):
        monkeypatch.setattr(padding, "COARSE", ratio)
        found.append([np.asarray(x) for x in jax.tree.leaves(results())])
    for plain, filled in zip(*found, strict=True):
        np.testing.assert_allclose(filled, plain, rtol=1e-8, atol=1e-10 * max(1.0, np.abs(plain).max()))


def test_sizes_are_few_and_close():
    sizes = [few_sizes(n) for n in range(1, 20000)]
    assert all(n <= size <= 1.26 * n + 1 for n, size in enumerate(sizes, 1))
    assert len(set(sizes)) < 80
    assert max(size / n for n, size in enumerate(sizes, 1) if n > 6000) < 1.06


def test_meshes_of_similar_size_have_the_same_programs():
    shapes = []
    for size in (0.25, 0.245):
        mesh = ju.rectangle(3.0, 1.0, size=size)
        one = device(mesh, left=ju.Tunnel(LEFT, 1.0), right=RIGHT)
        lifted = lift(in_few_sizes(discretise(one, np.zeros(mesh.triangles.shape, complex))))
        shapes.append((jax.tree.structure(lifted), [(x.shape, x.dtype) for x in jax.tree.leaves(lifted)], mesh.n_nodes))
    assert shapes[0][2] != shapes[1][2]
    assert shapes[0][:2] == shapes[1][:2]
