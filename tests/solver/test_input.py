"""What solve() takes and refuses, the given pair potentials, and unstable tensors."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jusadel as ju
from jusadel.action.assembly import discretise
from jusadel.device.pair_potential import at_vertices
from jusadel.solver.checks import normal_state_is_stable, refuse_unstable_tensors
from jusadel.solver.linear import SuperLU
from jusadel.solver.problem import chosen_frequencies

ONE = ([1.0], [1.0])  # one frequency
DELTA = 0.1  # small against D/size^2, so that a coarse mesh is fine enough


@pytest.fixture(scope="module")
def device():
    return ju.Device(mesh=ju.rectangle(1.0, 1.0, 0.5), materials=ju.Material())


@pytest.fixture(scope="module")
def bilayer():
    regions = {"S": lambda c: c[:, 0] < 0.5, "N": lambda c: c[:, 0] > 0.5}
    mesh = ju.rectangle(1.0, 1.0, 0.5, x=[0.0, 0.5, 1.0], regions=regions)
    return ju.Device(mesh=mesh, materials={"S": ju.Material(), "N": ju.Material(Tc=0.0)})


@pytest.fixture(scope="module")
def solution(device):
    return ju.solve(device, T=0.1, pair_potential=DELTA, frequencies=ONE)


def solve(device, **changes):
    return ju.solve(device, **({"T": 0.1, "pair_potential": DELTA, "frequencies": ONE} | changes))


# --- temperature and frequencies -----------------------------------------------------------------


def test_not_a_device(device):
    with pytest.raises(TypeError, match=r"device is Mesh; expected a jusadel\.Device"):
        solve(device.mesh)


@pytest.mark.parametrize("T", [0, -0.1, np.nan, np.inf, 1j, [0.1], None, "cold"])
def test_bad_temperature(device, T):
    with pytest.raises(ValueError, match=r"T = .*; expected a finite temperature > 0, in the units of Delta"):
        solve(device, T=T)


@pytest.mark.parametrize(
    ("frequencies", "message"),
    [
        *((bad, "frequencies = .*; expected None, a whole number >= 1") for bad in (0, -1, 2.5, np.nan, "all", {})),
        (np.array([1.0, 2.0]), r"frequencies = array\(\[1., 2.\]\); .* or a pair \(omega, weights\)"),
        ([1.0, 2.0, 3.0], r"or a pair \(omega, weights\) of arrays \(n_w,\)"),
        ((1.0, 2.0), r"with shapes \(\) and \(\); expected two arrays \(n_w,\)"),
        (([1.0, 2.0], [1.0]), r"with shapes \(2,\) and \(1,\)"),
        (([[1.0]], [[1.0]]), r"with shapes \(1, 1\) and \(1, 1\)"),
        (([], []), r"with shapes \(0,\) and \(0,\)"),
        ((["a"], [1.0]), r"frequencies\[0\] = array of <U1; expected real numbers"),
        (([1.0, 0.0], [1.0, 1.0]), "frequency 1 has omega = 0 and weight 1; expected finite numbers with omega > 0"),
        (([-1.0], [1.0]), "frequency 0 has omega = -1"),
        (([np.nan], [1.0]), "frequency 0 has omega = nan"),
        (([np.inf], [1.0]), "frequency 0 has omega = inf"),
        (([1.0], [np.nan]), "frequency 0 has omega = 1 and weight nan"),
    ],
)
def test_bad_frequencies(device, frequencies, message):
    with pytest.raises(ValueError, match=message):
        solve(device, frequencies=frequencies)


@pytest.mark.parametrize("accuracy", [0, 1.0, -1e-4, np.nan])
def test_bad_accuracy(device, accuracy):
    with pytest.raises(ValueError, match=r"accuracy = .*; expected a relative error between 0 and 1"):
        solve(device, frequencies=None, accuracy=accuracy)


@pytest.mark.parametrize("solver", ["SuperLU", SuperLU, 3])
def test_bad_linear_solver(device, solver):
    with pytest.raises(
        TypeError,
        match=r"linear_solver = .*; expected an instance such as jusadel.linear.Krylov\(\) or .SuperLU\(\)",
    ):
        solve(device, linear_solver=solver)


# --- pair potential ------------------------------------------------------------------------------


def test_missing_pair_potential(bilayer):
    with pytest.raises(
        ValueError, match=r"regions \['S'\] have Tc > 0 but no pair_potential was given; pass one .* set Tc"
    ):
        solve(bilayer, pair_potential=None)


@pytest.mark.parametrize(
    ("pair_potential", "message"),
    [
        (np.nan, r"pair_potential is not finite, first at node 0 \(\[0.0, 0.0\]\)"),
        (lambda p: jnp.where(p[:, 0] > 0.9, jnp.nan, 1.0), r"not finite, first at node 3 \(\[1.0, 0.0\]\)"),
        (np.ones(3), r"pair_potential has shape \(3,\); expected \(16,\), one value a node"),
        (lambda p: p, r"pair_potential has shape \(16, 2\); expected \(16,\), one value a node, or a number"),
        ({"flim": 0.1}, r"pair potential for unknown region 'flim'; the mesh has \['film'\]"),
        ({"film": np.ones(3)}, r"pair_potential has shape \(3,\)"),
        ({"film": None}, "pair_potential = None; expected a number such as"),
        (ju.Material(), r"pair_potential = Material\((.|\n)*; expected a number such as"),
        (
            "self consistent",
            r"pair_potential = 'self consistent'; expected a number such as ju.bulk_gap\(T, Tc\), .* ju.vortex, or "
            "'self-consistent'",
        ),
    ],
)
def test_bad_pair_potential(device, pair_potential, message):
    with pytest.raises(ValueError, match=message):
        solve(device, pair_potential=pair_potential)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"winding": 1.5}, "winding = 1.5; the phase of a vortex turns an integer number of times"),
        ({"winding": np.nan}, "winding = nan; the phase"),
        ({"winding": "1"}, "winding = '1'; the phase"),
        ({"center": (0.0,)}, r"center = \(0.0,\); expected two finite numbers \(x, y\)"),
        ({"center": (0.0, np.inf)}, r"center = \(0.0, inf\); expected two finite"),
    ],
)
def test_bad_vortex(given, message):
    with pytest.raises(ValueError, match=message):
        ju.vortex(1.0, **given)


@pytest.mark.parametrize("winding", [1, -1, 2, 0, 3.0])
def test_vortex_turns_by_its_winding_and_vanishes_at_its_core(winding):
    center, angle = (0.3, -0.2), np.linspace(-3, 3, 7)
    ring = np.array(center) + 0.5 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    Delta = ju.vortex(1.7, winding=winding, center=center)(np.concatenate([ring, [center]]))
    np.testing.assert_allclose(Delta[:-1], 1.7 * np.exp(1j * winding * angle), atol=1e-14)
    assert Delta[-1] == 0


def test_vortex_knows_no_unit_of_length():
    points = np.random.default_rng(0).normal(size=(5, 2))
    np.testing.assert_allclose(ju.vortex(1.0)(1e-20 * points), ju.vortex(1.0)(points), rtol=1e-12)


def test_vortex_has_a_finite_gradient_at_its_core():
    points = jnp.array([[0.0, 0.0], [0.0, 2.0]])
    slope = jax.grad(lambda p: jnp.sum(jnp.real(ju.vortex(1.0)(p))))(points)  # of cos(phi)
    np.testing.assert_allclose(slope, [[0, 0], [0.5, 0]], atol=1e-15)


def test_pair_potential_is_a_number_an_array_or_a_function(device):
    points, triangles = device.mesh.points, device.mesh.triangles
    phase = np.exp(1j * points[:, 0])
    for given in (phase, list(phase), lambda p: jnp.exp(1j * p[:, 0])):
        np.testing.assert_allclose(at_vertices(device, given), phase[triangles])
    np.testing.assert_array_equal(at_vertices(device, 2), np.full(triangles.shape, 2 + 0j))


def test_pair_potential_by_region_jumps_at_the_border(bilayer):
    mesh = bilayer.mesh
    Delta = at_vertices(bilayer, {"S": lambda p: 1 + p[:, 1]})
    x, y = np.moveaxis(mesh.points[mesh.triangles], -1, 0)
    in_s = (mesh.region_of_triangle == 0)[:, None]
    np.testing.assert_allclose(Delta, np.where(in_s, 1 + y, 0))
    on_border = x == 0.5
    assert np.all(Delta[on_border & in_s] != 0)
    assert np.any(on_border & ~in_s)


def test_normal_metals_need_no_pair_potential(device):
    normal = ju.Device(mesh=device.mesh, materials=ju.Material(Tc=0.0))
    assert not np.any(solve(normal, pair_potential=None).Delta)


# --- start ---------------------------------------------------------------------------------------


def test_starts_lead_to_the_same_solution(device, solution):
    for start in (solution, "bulk", np.asarray(solution.G), solution.G):
        again = solve(device, start=start)
        np.testing.assert_allclose(again.G, solution.G, atol=1e-12)
        assert again.stats["steps"].max() < solution.stats["steps"].max()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda G: "bulks", "start is 'bulks'; expected None, 'bulk', a Solution, or real G of shape"),
        (lambda G: 3.0, "start is 3.0; expected None"),
        (lambda G: G[0], r"start is an array of shape \(16, 4, 4\) and type float64; .* \(n_w, 16, 4, 4\)"),
        (lambda G: G[:, :3], r"start is an array of shape \(1, 3, 4, 4\)"),
        (lambda G: G + 0j, "and type complex128; expected None"),
        (lambda G: G * np.nan, "start is not finite; expected G of a converged solution"),
        (lambda G: np.concatenate([G, G]), "start holds 2 frequencies, but 1 are to be solved"),
    ],
)
def test_bad_start(device, solution, change, message):
    with pytest.raises(ValueError, match=message):
        solve(device, start=change(np.asarray(solution.G)))


def test_start_without_a_mesh_that_does_not_fit(bilayer, solution):
    """As sweeps give it; with a mesh it is carried over (test_other_mesh.py)."""
    with pytest.raises(ValueError, match="start was solved on 16 nodes, this device has 12"):
        solve(bilayer, start=replace(solution, device=None))
    with pytest.raises(ValueError, match=r"start was solved on 18 triangles, this mesh has .* give a pair potential"):
        solve(bilayer, start=replace(solution, device=None), pair_potential="self-consistent")


# --- unstable ------------------------------------------------------------------------


def test_unstable_tensor_is_named_by_the_inertia(device):
    """The second line of defence: tensors that slipped past the pointwise check change the Hessian's inertia."""
    material = ju.Material(kappa=(0, 0, 0.9), gamma=ju.rashba(0.3))
    system = discretise(ju.Device(mesh=device.mesh, materials=material), at_vertices(device, DELTA))
    refuse_unstable_tensors(system, 1.0, ju.linear.SuperLU())
    beyond = replace(system.cells, fields=system.cells.fields | {"kappa": 3 * system.cells.fields["kappa"]})
    message = r"normal state is unstable at omega = 1: kappa too large .*; reduce kappa, or check its units"
    with pytest.raises(ju.StabilityError, match=message):
        refuse_unstable_tensors(replace(system, cells=beyond), 1.0, ju.linear.SuperLU())


@pytest.mark.parametrize("ratio", [0.05, 0.3])
def test_swapping_limit_is_where_the_inertia_changes(device, ratio):
    """The pointwise bound on kappa for anisotropic D against the Hessian itself, on both sides."""
    D = np.diag([1.0, ratio])
    limit = 2 * np.sqrt(ratio) / (1 + ratio)
    system = discretise(
        ju.Device(mesh=device.mesh.refined(2), materials=ju.Material(D=D, kappa=(0, 0, 0.5 * limit))),
        at_vertices(ju.Device(mesh=device.mesh.refined(2), materials=ju.Material()), 0.1),
    )
    for factor, stable in ((0.95, True), (1.1, False)):
        fields = system.cells.fields | {"kappa": factor * 2 * system.cells.fields["kappa"]}
        changed = replace(system, cells=replace(system.cells, fields=fields))
        assert normal_state_is_stable(changed, 0.1, ju.linear.SuperLU(), len(system.free)) == stable


def test_magnetic_field_is_the_curl(device):
    A = lambda p: jnp.stack([-0.3 * p[:, 1] ** 2, 0.7 * p[:, 0]], axis=1)  # noqa: E731
    field = ju.Device(mesh=device.mesh, materials=device.materials, vector_potential=A).magnetic_field()
    assert field == pytest.approx(0.7 + 0.6 * device.mesh.centroids[:, 1], abs=1e-12)


def test_reservoirs_count_for_the_number_of_frequencies(device):
    """The exchange field of an electrode, too, sets how far the sum has to go."""
    counts = [
        len(chosen_frequencies(electrode, 0.05, at_vertices(device, DELTA), None, 1e-4)[0])
        for electrode in (
            ju.Device(mesh=device.mesh, materials=device.materials, boundaries={"left": ju.Reservoir(1.0, h=h)})
            for h in ((0, 0, 0), (0, 0, 8.0))
        )
    ]
    assert counts[1] > 2 * counts[0]


def test_mesh_without_free_nodes_is_refused():
    mesh = ju.rectangle(1.0, 1.0, 2.0)
    everywhere = dict.fromkeys(mesh.boundaries, ju.Reservoir(0.1))
    with pytest.raises(ValueError, match="all 4 nodes of the mesh lie on reservoirs"):
        solve(ju.Device(mesh=mesh, materials=ju.Material(), boundaries=everywhere))


@pytest.mark.parametrize("tol", [0, -1.0, np.nan, 1e-30, 1.0, "a", None])
def test_tolerance_is_checked(device, tol):
    with pytest.raises(ValueError, match="expected a relative residual between 1e-12 and 1"):
        solve(device, tol=tol)
