"""Distributions at several energies iterated together, in programs for any device that here run on the CPU.

That they are those of factors is in `test_kinetic_krylov`, gradients are in `test_kinetic_derivatives`.
"""

from pathlib import Path
from types import SimpleNamespace

import jax
import numpy as np
import pytest
from kinetic_junction import junction_spectrum
from shared import load

import jusadel as ju
from jusadel.action.assembly import discretise
from jusadel.action.nambu import advanced, bcs
from jusadel.nonequilibrium.keldysh import blocks, frequency_matrix
from jusadel.nonequilibrium.linear import multigrid, solving
from jusadel.nonequilibrium.linear.batched import energies, levels, programs
from jusadel.nonequilibrium.linear.batched.energies import Batch, BatchedGmres, OneOfBatch, responses_of_all
from jusadel.nonequilibrium.linear.equations import Assembly
from jusadel.nonequilibrium.linear.factors import Reduced
from jusadel.nonequilibrium.linear.iterations import MultigridGmres
from jusadel.nonequilibrium.linear.solving import kinetic_solver

uses = load("first_uses", Path(__file__).parents[2] / "benchmarks")

pytestmark = [pytest.mark.filterwarnings("ignore:the mesh is too coarse:jusadel.CoarseMeshWarning")]


@pytest.fixture(scope="module")
def spec():
    return junction_spectrum()


@pytest.fixture(scope="module")
def of_energies(spec):
    """The pattern, and B at all energies."""
    assembly, matrices = Assembly(spec.system), []
    for R in np.asarray(spec.all_G):
        found = blocks(spec.system, R, np.asarray(advanced(R)), frequency_matrix(0, 0))
        matrices.append(assembly.equations(found).B)
    return assembly.pattern, matrices


@pytest.fixture
def batch(spec, of_energies, monkeypatch):
    """All energies together, with more levels than so few nodes need."""
    monkeypatch.setattr(multigrid, "COARSEST", 5)
    pattern, matrices = of_energies
    unknown = np.repeat(np.asarray(spec.system.free)[:, None], 8, axis=1)
    return kinetic_solver(ju.linear.Krylov(width=3), spec.system, pattern).together(matrices, [unknown] * 3, 3)


def random_loads(batch):
    return np.random.default_rng(0).normal(size=(3, batch.unknown[0].size)) * batch.unknown[0].ravel()


def test_an_energy_does_not_see_what_it_is_iterated_with(batch, monkeypatch):
    """All digits are the same though the energies take different numbers of iterations; transposed, as factors say."""
    told = []

    def telling(*given):
        x, count = programs.one_round(*given)
        told.append(np.asarray(count))
        return x, count

    monkeypatch.setattr(energies, "one_round", telling)
    monkeypatch.setattr(Batch, "factors", None)
    loads, each = random_loads(batch), [OneOfBatch(batch, k) for k in range(3)]
    together = responses_of_all(each, loads, False)
    assert any(len(set(count)) > 1 for count in told)
    for k, one in enumerate(each):
        alone = one.respond(loads[k])
        np.testing.assert_allclose(together[k], alone, rtol=0, atol=1e-14 * np.abs(alone).max())
        exact = Reduced(batch.matrices[k], batch.unknown[k])
        np.testing.assert_allclose(alone, exact.respond(loads[k]), rtol=0, atol=1e-9 * np.abs(alone).max())
    backward = responses_of_all(each, loads, True)[1]
    exact = Reduced(batch.matrices[1], batch.unknown[1]).respond(loads[1], True)
    np.testing.assert_allclose(backward, exact, rtol=0, atol=1e-9 * np.abs(exact).max())
    assert np.abs(backward - together[1]).max() > 1e-3 * np.abs(backward).max()


def test_factors_take_over_at_the_energy_that_needs_them(spec, of_energies):
    pattern, matrices = of_energies
    unknown = np.repeat(np.asarray(spec.system.free)[:, None], 8, axis=1)
    solver = kinetic_solver(ju.linear.Krylov(width=3, limit=1), spec.system, pattern)
    stuck = solver.together(matrices, [unknown] * 3, 3)
    loads = random_loads(stuck) * np.array([0.0, 0.0, 1.0])[:, None]
    with pytest.warns(ju.linear.StagnationWarning, match="after 1 iterations|residual stays") as warned:
        found = responses_of_all([OneOfBatch(stuck, k) for k in range(3)], loads, False)
    assert len(warned) == 1
    assert not found[:2].any()
    np.testing.assert_array_equal(found[2], Reduced(matrices[2], unknown).respond(loads[2]))


def test_coarse_levels_are_those_of_one_energy(batch):
    """The matrix and its coarse ones, put together from slots of colours; GMRES would make up for wrong ones."""
    way, slots = batch.by.by.ways[0], batch.by.mesh.slots
    device = energies.OnDevice(batch, False)
    given = batch.by.mesh, device._blocks, np.arange(8), device._unknown, device._unit, np.dtype(float)
    made, coarsest = levels.block_levels(*given)
    assert len(made) >= 2
    for k, (B, at) in enumerate(zip(batch.matrices, batch.unknown, strict=True)):
        inside = np.diag(at.ravel() * 1.0) @ B.toarray() @ np.diag(at.ravel() * 1.0) / batch.unit[k]
        P = np.kron(way.up.toarray(), np.eye(8))
        for level, slot, expected in zip(made, slots, (inside, P.T @ inside @ P), strict=False):
            expected[np.diag(expected.diagonal() == 0)] = 1.0  # where no unknown takes part
            M = dense(level.rows[..., k], slot)
            np.testing.assert_allclose(M, expected, rtol=0, atol=1e-7)  # P is in single precision
            n = len(slot.slot)
            own = np.einsum("nanb->nab", M.reshape(n, 8, n, 8))
            inverse = np.asarray(level.inverse[..., k])[np.asarray(slot.slot)]
            np.testing.assert_allclose(inverse @ own, np.broadcast_to(np.eye(8), own.shape), atol=1e-9)
    assert coarsest.shape == (3, *(8 * len(slots[-1].slot),) * 2)


def dense(rows, slots):
    """The matrix of padded rows of blocks (slots, s, b, b), by nodes."""
    n, b = len(slots.slot), rows.shape[-1]
    M, node, neighbours = np.zeros((n, b, n, b)), np.asarray(slots.node), np.asarray(slots.neighbours)
    for slot, place in np.argwhere(np.asarray(slots.numbers) < len(slots.rows)):
        M[node[slot], :, node[neighbours[slot, place]]] += np.asarray(rows[slot, place])
    return M.reshape(n * b, n * b)


def test_no_neighbours_have_one_colour(batch):
    for slots in batch.by.mesh.slots[:-1]:
        colour = np.asarray(slots.slot) // (len(slots.node) // slots.colours)
        other = np.asarray(slots.rows) != np.asarray(slots.columns)
        assert (colour[slots.rows] != colour[slots.columns])[other].all()
        assert np.bincount(colour).max() <= 1.5 * len(colour) / slots.colours + 1


def test_normal_metals_together(monkeypatch):
    """Every mode by itself, and only those that something drives: at two energies, beside factors."""
    mesh = ju.rectangle(2.0, 1.0, 0.25)
    ends = {"left": ju.Tunnel(ju.Reservoir(0.0), 0.5), "right": ju.Reservoir(0.0)}
    device = ju.Device(mesh=mesh, materials=ju.Material(Tc=0.0, Gamma=0.4), boundaries=ends)
    system = discretise(device, np.zeros((len(mesh.triangles), 3), complex))
    assembly, N = Assembly(system), len(system.free)
    R = np.asarray(bcs(np.full(N, 0.05 - 0.9j), np.zeros(N)))
    B = assembly.equations(blocks(system, R, np.asarray(advanced(R)), frequency_matrix(0, 0))).B
    unknown = np.repeat(np.asarray(system.free)[:, None], 8, axis=1)
    given = np.where(unknown, 0.0, np.eye(8)[0] + 0.3 * np.eye(8)[1] + 0.2 * np.eye(8)[3])
    given[: len(mesh.points)] /= 2
    monkeypatch.setattr(Batch, "factors", None)
    batch = kinetic_solver(ju.linear.Krylov(width=2), system, assembly.pattern).together([B, 3 * B], [unknown] * 2, 2)
    assert {len(modes) for modes in batch.sets[:2]} == {1}
    exact = Reduced(B, unknown).solve(np.zeros_like(given), given)
    assert np.abs(exact[np.asarray(system.free)]).max() > 0.1
    for found in batch.solutions([[(np.zeros_like(given), given)] * 2])[0]:
        np.testing.assert_allclose(found, exact, atol=1e-9)


def test_other_energies_and_right_hand_sides_compile_nothing(spec, batch):
    """Nor do more of them, or more iterations."""
    of_all = lambda loads, transposed: responses_of_all([OneOfBatch(batch, k) for k in range(3)], loads, transposed)  # noqa: E731
    of_all(random_loads(batch), False)
    with uses.Heard() as heard:
        of_all(random_loads(batch)[::-1], True)
        again = batch.by.together(batch.matrices[1:], batch.unknown[1:], 3)
        again.solutions([[(np.ones_like(at, float), np.zeros(at.shape)) for at in again.unknown]] * 3)
    assert heard.programs == 0


def test_every_program_lowers_for_gpus_without_a_call_of_the_host(batch):
    device = energies.OnDevice(batch, False)
    mesh, modes = batch.by.mesh, np.arange(8)
    levels_given = mesh, device._blocks, modes, device._unknown, device._unit, np.dtype(np.float32)
    made, coarsest = levels.block_levels(*levels_given)
    x, of_each = device._scale, np.ones(3)
    given = {
        programs.exact_rows: (device._slots, device._blocks),
        programs.in_slots: (device._slots, device._unknown, 0),
        programs.at_nodes: (device._slots, x),
        programs.left_over: (device._slots, device._rows, device._among, x, x, x),
        levels.block_levels: levels_given,
        programs.one_round: (mesh, made, coarsest, modes, of_each, device._among, x, x, x, of_each, of_each, 30),
    }
    for program, arguments in given.items():
        exported = jax.export.export(program, platforms=["cuda"])(*arguments)
        assert "custom_call" not in exported.mlir_module()


def test_energies_go_together_on_accelerators_and_where_a_width_is_given(spec, of_energies):
    of = lambda **given: kinetic_solver(ju.linear.Krylov(**given), spec.system, of_energies[0])  # noqa: E731
    assert isinstance(of(), MultigridGmres)
    assert isinstance(of(width=1), MultigridGmres)
    assert of(width=4).width == 4
    gpu = SimpleNamespace(platform="gpu", memory_stats=lambda: {"bytes_limit": 8e9})
    assert isinstance(of(devices=[gpu]), BatchedGmres)
    assert of(devices=[gpu]).width == solving.WIDTH
    gpu.memory_stats = lambda: {"bytes_limit": 2 * 3.5 * solving.BYTES * of_energies[0].nodes}
    assert of(devices=[gpu]).width == 3
    parts = [(list(part), size) for part, size in solving.kinetic_energies(of(width=4), 6)]
    assert parts == [([0, 1, 2], 3), ([3, 4, 5], 3)]
    assert [size for _, size in solving.kinetic_energies(of(), 6)] == [1] * 6
