"""The action on a mesh: its derivatives, its gauge freedom, its symmetries, and how it is put together."""

from dataclasses import replace
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
from random_device import (
    EVERY as ALL,
    OMEGA,
    dense,
    frames,
    gauge_function,
    make,
    pair_potential,
    rotated,
    small_mesh,
    vector_potential,
)

from jusadel import Device, Material, Reservoir
from jusadel.action.assembly import discretise
from jusadel.action.matrices.links import link
from jusadel.action.matrix_free import lift, residual
from jusadel.action.mesh_action import action
from jusadel.action.nambu import L, R
from jusadel.action.nambu.frames import frame_to_green
from jusadel.action.sparse_hessian import Pattern
from jusadel.action.terms import TERMS

NAMES = [term.name for term in TERMS]

value = jax.jit(action)
green = jax.jit(frame_to_green)
exponential = jax.jit(jax.vmap(jax.scipy.linalg.expm))


@pytest.fixture(scope="module")
def mesh():
    return small_mesh()


@pytest.fixture(scope="module")
def system(mesh):
    return make(mesh, ALL)


@pytest.fixture(scope="module")
def G(mesh):
    return green(frames(mesh))


# --- derivatives --------------------------------------------------------------------------------


def assert_derivatives(system, V, omega, tolerance=1e-10):
    lifted = lift(system)
    found, matrix = Pattern(lifted).slope_and_matrix(lifted, V, omega)
    slope, curvature = (np.asarray(x) for x in dense(system, V, omega))
    free = np.asarray(system.free)
    slope = np.where(free[:, None], slope, 0)
    assert np.abs(found - slope).max() < tolerance * np.abs(slope).max()
    kept = np.repeat(free, 8)
    curvature = curvature[np.ix_(kept, kept)]
    matrix = matrix.toarray()
    assert matrix.shape == curvature.shape
    assert np.abs(matrix - curvature).max() < tolerance * np.abs(curvature).max()
    assert np.abs(matrix - matrix.T).max() < tolerance * np.abs(matrix).max()
    return SimpleNamespace(matrix=matrix, residual=found)


def only(system, name, others=0.0):
    """The same system, with the fields of all other terms times a number; links stay."""
    kept = TERMS[NAMES.index(name)].field
    clear = lambda fields: {k: v if k in (kept, "D", "mean_D") else others * v for k, v in fields.items()}  # noqa: E731
    cells = clear(system.cells.fields)
    if name not in ("diffusion", "spin_hall", "spin_swapping"):  # these are proportional to D
        cells["D"] = others * cells["D"]
    return replace(
        system,
        nodes=replace(system.nodes, fields=clear(system.nodes.fields)),
        cells=replace(system.cells, fields=cells),
    )


@pytest.mark.parametrize("name", ["everything", *NAMES])
def test_derivatives_are_those_of_the_action(system, mesh, name):
    """Of all terms, and of each with the others a thousand times weaker: there, so that one program serves."""
    if name == "everything":
        assert_derivatives(system, frames(mesh), OMEGA)
    else:
        omega = OMEGA if name == "frequency" else 1e-3 * OMEGA
        assert_derivatives(only(system, name, 1e-3), frames(mesh), omega)


def test_reservoir_nodes_drop_out(mesh):
    fixed = make(mesh, ALL, boundaries={"left": Reservoir(1.0), "right": Reservoir(0.0, h=(0, 0, 0.1))})
    held = ~np.asarray(fixed.free)
    expected = np.union1d(mesh.boundary_nodes("left"), mesh.boundary_nodes("right"))
    np.testing.assert_array_equal(np.flatnonzero(held), expected)
    found = assert_derivatives(fixed, frames(mesh), OMEGA)
    assert found.matrix.shape == (8 * (mesh.n_nodes - held.sum()),) * 2
    assert np.all(found.residual[held] == 0)
    assert np.abs(found.residual[~held]).min() > 0
    again = residual(lift(fixed), frames(mesh)[None], jnp.array([OMEGA]))[0]
    np.testing.assert_allclose(again, found.residual, atol=1e-13)


@pytest.mark.parametrize("name", ["everything", "spin_galvanic", "spin_hall"])
def test_derivatives_at_real_energies_are_holomorphic(system, mesh, name):
    """omega = eta - i E and complex frames: the Hessian is complex symmetric, not Hermitian."""
    V = frames(mesh, complex)
    chosen = system if name == "everything" else only(system, name, 1e-3)
    found = assert_derivatives(chosen, V, jnp.asarray(0.1 - 0.8j))
    assert np.abs(found.matrix.imag).max() > 0.1 * np.abs(found.matrix.real).max()
    assert np.abs(found.matrix - found.matrix.conj().T).max() > 0.1 * np.abs(found.matrix).max()


def test_derivatives_with_few_terms_and_without_links(mesh):
    bare = discretise(Device(mesh=mesh, materials=Material(Tc=0.0)), jnp.zeros((len(mesh.triangles), 3)))
    assert not bare.links
    assert_derivatives(bare, frames(mesh), OMEGA)


# --- assembly -----------------------------------------------------------------------------------


def test_absent_terms_are_left_out(mesh, system):
    names = lambda s: {t.name for t in (*s.node_terms, *s.cell_terms)}  # noqa: E731
    assert names(system) == set(NAMES)
    assert system.links
    zero = jnp.zeros((len(mesh.triangles), 3))
    always = {"frequency", "diffusion"}
    assert names(discretise(Device(mesh=mesh, materials=Material()), zero)) == always
    assert names(discretise(Device(mesh=mesh, materials=Material()), zero + 0.1j)) == always | {"pairing"}
    for field, name in [
        ("h", "exchange"),
        ("Gamma", "spin_relaxation"),
        ("gamma", "spin_galvanic"),
        ("theta", "spin_hall"),
        ("kappa", "spin_swapping"),
    ]:
        shape = np.shape(ALL["left"][field])
        one_region = {"left": Material(Tc=1.0), "right": Material(Tc=1.0, **{field: np.full(shape, 0.1)})}
        if field == "Gamma":
            one_region["right"] = Material(Tc=1.0, Gamma=0.1)
        assert names(discretise(Device(mesh=mesh, materials=one_region), zero)) == always | {name}
    assert not discretise(Device(mesh=mesh, materials=Material()), zero).links
    assert discretise(Device(mesh=mesh, materials=Material(spin_field=np.full((3, 2), 0.1))), zero).links
    assert discretise(Device(mesh=mesh, materials=Material(), vector_potential=vector_potential), zero).links


def test_leaving_terms_out_changes_nothing(mesh, system, G):
    """A device without spin-orbit terms against one that carries them with the value zero."""
    given = {region: {k: v for k, v in f.items() if k in ("D", "h", "nu")} for region, f in ALL.items()}
    lean = make(mesh, given, A=None)
    assert len(lean.cell_terms) == 1
    fields = {k: lean.cells.fields[k] for k in system.cells.fields}
    nodes = replace(lean.nodes, fields={k: lean.nodes.fields[k] for k in system.nodes.fields})
    carried = replace(system, nodes=nodes, cells=replace(lean.cells, fields=fields))
    assert value(carried, G, OMEGA) == pytest.approx(float(value(lean, G, OMEGA)), rel=1e-13)


def test_fields_of_two_materials_meet_at_shared_nodes(mesh):
    """Each triangle brings its own material's field to its vertices, times nu and a third of its area."""
    base, nu = {"left": np.array([1.0, 0, 0]), "right": np.array([0, 3.0, 0])}, {"left": 1.0, "right": 2.0}
    strength = lambda x: 2 + x[..., 0] - 0.5 * x[..., 1]  # noqa: E731
    h = {k: lambda x, v=v: jnp.asarray(strength(x)[:, None] * v) for k, v in base.items()}
    device = Device(mesh=mesh, materials={k: Material(Tc=1.0, h=h[k], nu=nu[k]) for k in h})
    system = discretise(device, jnp.zeros((len(mesh.triangles), 3)))
    weight, total = np.zeros(mesh.n_nodes), np.zeros((mesh.n_nodes, 3))
    for region, triangles in mesh.regions.items():
        for t in triangles:
            for node in mesh.triangles[t]:
                weight[node] += nu[region] * mesh.areas[t] / 3
                total[node] += nu[region] * mesh.areas[t] / 3 * base[region] * strength(mesh.points[node])
    np.testing.assert_allclose(system.nodes.weight, weight, rtol=1e-13)
    np.testing.assert_allclose(system.nodes.fields["h"], total, atol=1e-14)
    assert np.sum((total[:, 0] > 0) & (total[:, 1] > 0)) == 4  # the nodes of the line between the regions
    np.testing.assert_array_equal(device.centroid_field("nu"), np.array([1.0, 2.0])[mesh.region_of_triangle])


def test_action_scales_with_the_density_of_states(mesh, system, G):
    double = {region: fields | {"nu": 2.5 * fields["nu"]} for region, fields in ALL.items()}
    assert value(make(mesh, double), G, OMEGA) == pytest.approx(2.5 * float(value(system, G, OMEGA)), rel=1e-13)


def test_action_of_the_normal_state_is_its_frequency_and_relaxation(mesh):
    """Uniform G = R3: -4 omega nu area, -(1/16) Gamma_jk Tr(L_j R3 L_k R3) = -(1/4) tr Gamma, -(1/4) tr Gamma^m,
    -depairing, and the inelastic rate as omega, nothing else.
    """
    names, nu = ("Gamma", "magnetic_Gamma", "depairing", "inelastic"), 1.7
    same = {name: ALL["left"][name] for name in names}
    given = {region: fields | same | {"nu": nu} for region, fields in ALL.items()}
    given = {region: fields | {"spin_field": np.zeros((3, 2))} for region, fields in given.items()}
    system = make(mesh, given, A=None, uniform=(*names, "nu"))
    G = jnp.broadcast_to(R[2], (mesh.n_nodes, 4, 4))
    relaxation = (np.trace(same["Gamma"]) + np.trace(same["magnetic_Gamma"])) / 4 + same["depairing"]
    expected = -nu * mesh.areas.sum() * (4 * (OMEGA + same["inelastic"]) + relaxation)
    assert value(system, G, OMEGA) == pytest.approx(expected, rel=1e-12)


# --- gauge --------------------------------------------------------------------------------------


def conjugated(G, generators):
    """exp(X) G exp(-X) for one real X of each node."""
    return exponential(generators) @ G @ exponential(-generators)


def test_electromagnetic_gauge_is_exact(mesh, system, G):
    """G -> e^(chi R3) G e^(-chi R3), A -> A + grad chi, Delta -> Delta e^(2 i chi), any smooth chi."""
    points = jnp.asarray(mesh.points)
    slope = jax.vmap(jax.grad(gauge_function))
    chi = gauge_function(points)
    turned = make(
        mesh,
        ALL,
        A=lambda x: vector_potential(x) + slope(jnp.asarray(x)),
        Delta=pair_potential(mesh) * jnp.exp(2j * chi[mesh.triangles]),
    )
    after = value(turned, conjugated(G, chi[:, None, None] * R[2]), OMEGA)
    before = float(value(system, G, OMEGA))
    assert after == pytest.approx(before, rel=1e-12)
    for wrong in (0 * chi, -chi):
        assert abs(value(turned, conjugated(G, wrong[:, None, None] * R[2]), OMEGA) - before) > 1e-4 * abs(before)


def test_a_field_that_is_pure_gauge_can_be_removed(mesh, G):
    """Without any link matrix against links of A = grad chi: two different code paths."""
    given = {region: fields | {"spin_field": np.zeros((3, 2))} for region, fields in ALL.items()}
    chi = gauge_function(jnp.asarray(mesh.points))
    slope = jax.vmap(jax.grad(gauge_function))
    bare = make(mesh, given, A=None)
    turned = make(
        mesh,
        given,
        A=lambda x: slope(jnp.asarray(x)),
        Delta=pair_potential(mesh) * jnp.exp(2j * chi[mesh.triangles]),
    )
    assert (bare.links, turned.links) == (False, True)
    after = value(turned, conjugated(G, chi[:, None, None] * R[2]), OMEGA)
    assert after == pytest.approx(float(value(bare, G, OMEGA)), rel=1e-12)


def test_a_rotation_of_all_spins_changes_nothing(mesh, system, G):
    """S L_k S^-1 = L_j turn_jk, which acts on the spin index of h, Gamma, gamma, theta, kappa and spin_field."""
    axis = np.array([0.3, -1.1, 0.7])
    S = scipy.linalg.expm(np.tensordot(axis, L, 1))
    turn = np.einsum("ab,kbc,cd,jda->jk", S, L, np.linalg.inv(S), -L) / 4
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-14)
    turned = make(mesh, {region: rotated(fields, turn) for region, fields in ALL.items()})
    after, before = value(turned, S @ G @ np.linalg.inv(S), OMEGA), float(value(system, G, OMEGA))
    assert after == pytest.approx(before, rel=1e-12)
    for name in NAMES[2:]:
        single = only(system, name)
        changed = abs(value(only(turned, name), G, 0.0) - value(single, G, 0.0)) > 1e-3 * abs(value(single, G, 0.0))
        assert changed == (name not in ("orbital_depairing", "inelastic_life"))


def test_spin_field_along_one_direction_is_a_gauge(mesh, G):
    """a_jk = n_j q_k is removed by e^(-n.L q.x) if no other tensor tells n from a rotation about n."""
    rng = np.random.default_rng(5)
    n, q = rng.normal(size=3), np.array([1.2, -0.7])
    n = n / np.linalg.norm(n)
    axial = {}
    for region, fields in ALL.items():
        axial[region] = {
            "D": fields["D"],
            "nu": fields["nu"],
            "h": 0.8 * n,
            "Gamma": 2 * np.eye(3) + np.outer(n, n),
            "gamma": np.outer(n, rng.normal(size=2)),
            "theta": 0.5 * n,
            "kappa": -0.4 * n,
        }
    removed = make(mesh, axial)
    given = {region: fields | {"spin_field": np.outer(n, q)} for region, fields in axial.items()}
    system = make(mesh, given, uniform=("spin_field",))
    angle = jnp.asarray(mesh.points) @ q
    turned = conjugated(G, -angle[:, None, None] * np.tensordot(n, L, 1))
    before = float(value(system, G, OMEGA))
    assert value(removed, turned, OMEGA) == pytest.approx(before, rel=1e-12)
    assert abs(value(removed, G, OMEGA) - before) > 1e-2 * abs(before)


# --- links --------------------------------------------------------------------------------------

one_link = jax.jit(lambda A, a, n: link(A, a, n, float), static_argnums=2)
LINES = [(0.0, np.zeros(3)), (0.7, np.array([0.3, -1.2, 0.5])), (-2.0, np.array([1e-4, 2e-3, 0.0]))]


@pytest.mark.parametrize("n", [4, 8])
@pytest.mark.parametrize(("A", "a"), [*LINES, (0.0, np.array([0.0, 0.00999, 0.0])), (0.0, np.array([0.01001, 0, 0]))])
def test_link_is_the_exponential(n, A, a):
    blocks = np.eye(n // 4)
    expected = np.kron(blocks, scipy.linalg.expm(-A * R[2] - np.tensordot(a, L, 1)))
    U = one_link(A, jnp.asarray(a), n)
    np.testing.assert_allclose(U, expected, atol=1e-14)
    np.testing.assert_allclose(U @ one_link(-A, -jnp.asarray(a), n), np.eye(n), atol=1e-14)


def test_link_is_smooth_where_the_field_vanishes():
    """First derivatives -R3 and -L_k, second derivatives of exp(-a.L): -delta_jk, without NaN at zero."""
    zero = jnp.zeros(3)
    by_A, by_a = jax.jacfwd(one_link, argnums=(0, 1))(0.0, zero, 4)
    np.testing.assert_allclose(by_A, -R[2], atol=1e-15)
    np.testing.assert_allclose(by_a, -L.transpose(1, 2, 0), atol=1e-15)
    second = jax.jit(jax.hessian(lambda a: one_link(0.0, a, 4)))(zero)
    np.testing.assert_allclose(second, -np.einsum("ab,jk->abjk", np.eye(4), np.eye(3)), atol=1e-15)
    back = jax.jit(jax.grad(lambda a: jnp.sum(one_link(0.0, a, 4) * L[1])))(zero)
    np.testing.assert_allclose(back, [0, -4, 0], atol=1e-15)


@pytest.mark.parametrize("size", [0.3, 0.00999, 0.01001])
def test_link_derivative_agrees_with_differences(size):
    a = jnp.asarray(size * np.array([0.6, 0.0, -0.8]))
    step = 1e-4 * jnp.asarray(np.array([1.0, -2.0, 0.5]))
    by_ad = jax.jvp(lambda a: one_link(0.2, a, 4), (a,), (step,))[1]
    by_difference = (one_link(0.2, a + step, 4) - one_link(0.2, a - step, 4)) / 2
    np.testing.assert_allclose(by_ad, by_difference, atol=1e-11)


# --- time reversal of the contour -----------------------------------------------------------------


@pytest.mark.parametrize("kind", [float, complex])
@pytest.mark.parametrize("name", ["everything", *NAMES])
def test_chronological_symmetry_is_exact_on_the_mesh(system, mesh, kind, name):
    """S(-omega; -R3 G^T R3) = S(omega; G), sign + for every term, Kokkeler et al., Eqs. (2) and (3).

    With R3 and L antisymmetric: Tr(R3 G) changes sign and omega with it; in all other terms transposition
    reverses the products, which the brackets of the spin-galvanic and spin Hall terms undo.
    """
    G = green(frames(mesh, kind))
    omega = jnp.asarray(0.1 - 0.8j) if kind is complex else OMEGA
    if name != "everything":
        system = only(system, name)
        omega = omega if name == "frequency" else 0 * omega
    reversed_G = -R[2] @ jnp.swapaxes(G, 1, 2) @ R[2]
    fields = system.nodes.fields  # an inelastic rate has the sign of omega
    nodes = replace(system.nodes, fields=fields | {"inelastic": -fields["inelastic"]})
    before, after = value(system, G, omega), value(replace(system, nodes=nodes), reversed_G, -omega)
    assert abs(before) > 1e-3
    assert abs(after - before) < 1e-12 * abs(before)
    if name == "frequency":
        assert abs(value(system, reversed_G, omega) + before) < 1e-12 * abs(before)
