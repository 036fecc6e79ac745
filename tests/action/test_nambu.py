"""Quaternion basis: its algebra, the way to the usual matrices, moving frames, symmetries and positivity."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jusadel.action import nambu
from jusadel.action.matrices import products
from jusadel.action.nambu import (
    SIGNATURE,
    TANGENT,
    L,
    R,
    bcs,
    charge_conjugate,
    chronological_conjugate,
    from_nambu,
    phase_turn,
    to_nambu,
    trace,
    units,
)
from jusadel.action.nambu.frames import cap_step, generator

# one compilation each, where eager calls would compile every operation
expand, retract, inverse = jax.jit(nambu.expand), jax.jit(nambu.retract), jax.jit(nambu.inverse)
frame_to_green, green_to_frame = jax.jit(nambu.frame_to_green), jax.jit(nambu.green_to_frame)
normalisation_error, positivity = jax.jit(nambu.normalisation_error), jax.jit(nambu.positivity)

PAULI = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
TAU = np.array([np.kron(t, np.eye(2)) for t in PAULI])
SPIN = np.array([np.kron(np.eye(2), s) for s in PAULI])
EPSILON = np.array([[[(i - j) * (j - k) * (k - i) / 2 for k in range(3)] for j in range(3)] for i in range(3)])


def random_matrices(seed, shape=(), kind=float):
    rng = np.random.default_rng(seed)
    matrices = rng.normal(size=(*shape, 4, 4))
    if np.issubdtype(kind, np.complexfloating):
        matrices = matrices + 1j * rng.normal(size=(*shape, 4, 4))
    return matrices.astype(kind)


def random_frames(seed, n, kind=float, spread=0.3):
    return np.eye(4) + spread * random_matrices(seed, (n,), kind)


# --- algebra ------------------------------------------------------------------------------------


@pytest.mark.parametrize("unit", [L, R], ids=["L", "R"])
def test_units_multiply_as_i_times_pauli_matrices(unit):
    product = np.einsum("kab,lbc->klac", unit, unit)
    expected = -np.einsum("kl,ab->klab", np.eye(3), np.eye(4)) - np.einsum("klm,mab->klab", EPSILON, unit)
    assert np.array_equal(product, expected)
    pauli = 1j * PAULI
    np.testing.assert_array_equal(
        np.einsum("kab,lbc->klac", pauli, pauli),
        -np.einsum("kl,ab->klab", np.eye(3), np.eye(2)) - np.einsum("klm,mab->klab", EPSILON, pauli),
    )


def test_left_and_right_units_commute_and_are_antisymmetric():
    assert np.array_equal(np.einsum("kab,jbc->kjac", L, R), np.einsum("jab,kbc->kjac", R, L))
    for unit in (L, R):
        assert np.array_equal(unit, -unit.swapaxes(1, 2))


def test_tangents_are_the_eight_directions_that_anticommute_with_r3():
    assert np.array_equal(TANGENT @ R[2], -R[2] @ TANGENT)
    gram = np.einsum("aij,bij->ab", TANGENT, TANGENT)
    assert np.array_equal(gram, 4 * np.eye(8))
    # singlets square to -1, triplets to +1: this is why the normal-state Hessian has the signature (2, 6)
    assert np.array_equal(TANGENT @ TANGENT, -SIGNATURE[:, None, None] * np.eye(4))


def test_units_of_keldysh_matrices_are_block_diagonal():
    for large, small in zip(units(8), (L, R), strict=True):
        blocks = np.asarray(large).reshape(3, 2, 4, 2, 4)
        for a in range(2):
            for b in range(2):
                np.testing.assert_array_equal(blocks[:, a, :, b], small if a == b else np.zeros((3, 4, 4)))
    assert units(4, jnp.complex128)[0].dtype == jnp.complex128


def test_traces():
    a, b = (np.asarray(random_matrices(seed, (2, 3), complex)) for seed in (1, 2))
    expected = np.array([[np.trace(x @ y) for x, y in zip(*row, strict=True)] for row in zip(a, b, strict=True)])
    np.testing.assert_allclose(trace(a @ b), expected, rtol=1e-13)
    first = [jnp.moveaxis(x, (-2, -1), (0, 1)) for x in (a, b)]
    np.testing.assert_allclose(products.trace_of_product(*first), expected, rtol=1e-13)


# --- the usual matrices -------------------------------------------------------------------------


def test_units_become_the_pauli_matrices():
    """G = L_k is i sigma_k, so g = -i G is sigma_k; G = R_j gives tau_j, and L_k R_j gives -i (i sigma_k)(i tau_j)."""
    np.testing.assert_array_equal(to_nambu(L), SPIN)
    np.testing.assert_array_equal(to_nambu(R), TAU)
    for k in range(3):
        for j in range(3):
            np.testing.assert_array_equal(to_nambu(L[k] @ R[j]), 1j * np.kron(PAULI[j], PAULI[k]))


@pytest.mark.parametrize("shape", [(), (5,), (2, 3)])
@pytest.mark.parametrize(("kind", "tolerance"), [(np.float32, 1e-6), (np.float64, 1e-14), (np.complex128, 1e-14)])
def test_to_nambu_and_from_nambu_are_inverse(kind, shape, tolerance):
    G = random_matrices(3, shape, kind)
    assert to_nambu(G).shape == (*shape, 4, 4)
    np.testing.assert_allclose(from_nambu(to_nambu(G)), G, atol=4 * tolerance)
    g = random_matrices(4, shape, np.complex128)
    np.testing.assert_allclose(to_nambu(from_nambu(g)), g, atol=1e-14)


@pytest.mark.parametrize("kind", [float, complex])
def test_to_nambu_is_multiplicative(kind):
    """(-i G1)(-i G2) = -i (-i G1 G2)."""
    G1, G2 = (random_matrices(seed, (4,), kind) for seed in (5, 6))
    np.testing.assert_allclose(to_nambu(G1) @ to_nambu(G2), -1j * to_nambu(G1 @ G2), atol=1e-13)
    np.testing.assert_allclose(trace(to_nambu(G1)), -1j * trace(G1), atol=1e-13)


def test_real_matrices_obey_the_reality_condition():
    """g = -sigma2 tau2 g* sigma2 tau2, charge conjugation with the chronological symmetry."""
    both = SPIN[1] @ TAU[1]
    g = np.asarray(to_nambu(random_matrices(7, (4,))))
    np.testing.assert_allclose(-both @ g.conj() @ both, g, atol=1e-14)
    assert np.abs(from_nambu(random_matrices(8, (4,), complex)).imag).max() > 0.1


@pytest.mark.parametrize("Delta", [0.7, 0.7j, 0.4 - 1.1j])
def test_bcs_value_is_the_usual_formula(Delta):
    """g = (omega tau3 + Delta^)/sqrt(omega^2 + |Delta|^2) with Delta^ = tau2 |Delta| exp(-i tau3 phi)."""
    omega = np.array([[0.2, 1.0, 3.0], [0.5 - 0.3j, 0.01 - 2j, 0.1 + 0.4j]])
    phase = np.diag(np.exp(-1j * np.angle(Delta) * np.array([1, 1, -1, -1])))
    pairing = TAU[1] @ phase * np.abs(Delta)
    root = np.sqrt(omega**2 + np.abs(Delta) ** 2)
    expected = (omega[..., None, None] * TAU[2] + pairing) / root[..., None, None]
    np.testing.assert_allclose(to_nambu(bcs(omega, Delta)), expected, atol=1e-14)
    assert bcs(omega[0].real, Delta).dtype == jnp.float64


@pytest.mark.parametrize("convert", [to_nambu, from_nambu, charge_conjugate, chronological_conjugate])
@pytest.mark.parametrize("shape", [(3, 3), (8, 8), (4,), (4, 4, 2)])
def test_wrong_shapes_are_named(convert, shape):
    with pytest.raises(ValueError, match=r"has shape \(" + ", ".join(map(str, shape)) + r".*expected \(\.\.\., 4, 4\)"):
        convert(np.zeros(shape))


# --- frames -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [float, complex])
def test_determinant_agrees_with_numpy(kind):
    rng = np.random.default_rng(11)
    m = rng.normal(size=(6, 4, 4)) + (1j * rng.normal(size=(6, 4, 4)) if kind is complex else 0)
    np.testing.assert_allclose(nambu.determinant(jnp.asarray(m)), np.linalg.det(m), rtol=1e-12)


@pytest.mark.parametrize("kind", [float, complex])
def test_inverse_agrees_with_numpy(kind):
    m = random_matrices(9, (3, 40), kind)
    expected = np.linalg.inv(np.asarray(m))
    condition = np.linalg.cond(np.asarray(m))[..., None, None] ** 2
    assert np.max(np.abs(inverse(m) - expected) / (np.abs(expected).max((-1, -2), keepdims=True) * condition)) < 1e-14
    # a vanishing leading 2x2 block, where block elimination would divide by zero
    swap = jnp.asarray(np.eye(4)[[2, 3, 0, 1]] * np.array([1.0, 2, 3, 4]), kind)
    np.testing.assert_array_equal(inverse(swap), np.linalg.inv(np.asarray(swap)))


@pytest.mark.parametrize("kind", [float, complex])
def test_frames_keep_the_normalisation(kind):
    V = random_frames(10, 50, kind, spread=0.2)
    G = frame_to_green(V)
    assert normalisation_error(G) < 1e-13
    np.testing.assert_allclose(G, V @ R[2] @ np.linalg.inv(np.asarray(V)), atol=1e-13)
    np.testing.assert_allclose(frame_to_green(7.3 * V), G, atol=1e-13)


@pytest.mark.parametrize("kind", [float, complex])
def test_a_frame_comes_back_from_its_green_function(kind):
    G = frame_to_green(random_frames(11, 50, kind, spread=0.2))
    np.testing.assert_allclose(frame_to_green(green_to_frame(G)), G, atol=1e-12)
    G = bcs(jnp.array([1e-3, 0.3, 5.0]), 1.2 * np.exp(2.0j))
    np.testing.assert_allclose(frame_to_green(green_to_frame(G)), G, atol=1e-13)


@pytest.mark.parametrize("kind", [float, complex])
def test_expansion_agrees_with_the_retraction_to_third_order(kind):
    V = random_frames(12, 6, kind, spread=0.2)
    u = random_matrices(13, (6,), kind).reshape(6, 16)[:, :8]
    sizes = np.array([4e-2, 2e-2, 1e-2, 5e-3])
    errors = [np.abs(np.asarray(expand(t * u, V, inverse(V))) - frame_to_green(retract(V, t * u))).max() for t in sizes]
    rate = np.polyfit(np.log(sizes), np.log(errors), 1)[0]
    assert rate == pytest.approx(3.0, abs=0.15)
    np.testing.assert_allclose(expand(0 * u, V, inverse(V)), frame_to_green(V), atol=1e-13)


def test_retraction_bounds_the_frame_and_moves_by_the_generator():
    V = random_frames(14, 6)
    u = random_matrices(15, (6,)).reshape(6, 16)[:, 3:11]
    moved = retract(V, u)
    np.testing.assert_allclose(jnp.max(jnp.abs(moved), axis=(1, 2)), 1.0, rtol=1e-14)
    plain = V @ (jnp.eye(4) + jnp.asarray(np.einsum("na,aij->nij", u, TANGENT)))
    np.testing.assert_allclose(frame_to_green(moved), frame_to_green(plain), atol=1e-11)
    np.testing.assert_allclose(generator(u)[0], np.tensordot(u[0], TANGENT, 1), atol=1e-15)


def test_steps_are_capped_node_by_node():
    short, long = jnp.full(8, 0.1), jnp.arange(8.0)
    capped = cap_step(jnp.stack([short, long, 0 * long]), 0.5)
    np.testing.assert_allclose(jnp.linalg.norm(capped, axis=1), [0.1 * np.sqrt(8), 0.5, 0.0], rtol=1e-14)
    np.testing.assert_allclose(capped[1], 0.5 * long / np.linalg.norm(long), rtol=1e-14)
    np.testing.assert_array_equal(capped[0], short)
    np.testing.assert_allclose(jnp.linalg.norm(cap_step(1j * long, 0.5)), 0.5, rtol=1e-14)


def test_a_phase_turns_the_pair_potential():
    omega, phase = jnp.array([0.1, 1.0, 4.0]), jnp.array([0.3, -2.0, 7.0])
    turned = phase_turn(phase) @ bcs(omega, 0.8j) @ phase_turn(-phase)
    np.testing.assert_allclose(turned, bcs(omega, 0.8j * np.exp(1j * phase)), atol=1e-14)


# --- positivity and symmetries ------------------------------------------------------------------


def test_positivity_tells_the_physical_branch():
    omega, Delta = jnp.array([0.1, 1.0, 4.0]), 0.8 * np.exp(0.5j)
    G = bcs(omega, Delta)
    cosine = omega / jnp.sqrt(omega**2 + 0.64)
    np.testing.assert_allclose(positivity(G), cosine, rtol=1e-12)
    np.testing.assert_allclose(positivity(-G), -cosine, rtol=1e-12)
    # the one spin direction on the wrong branch: G^2 = -1, stationary, not physical
    up, down = (jnp.eye(4) + s * to_nambu(L[2]) for s in (1, -1))
    wrong = from_nambu((up - down) / 2 @ to_nambu(G))
    assert normalisation_error(wrong) < 1e-14
    np.testing.assert_allclose(positivity(wrong), -cosine, rtol=1e-12)


def test_positivity_at_real_energies():
    """The retarded density of states cosh-like at all energies; its negative is the advanced one."""
    G = bcs(0.05 - 1j * jnp.linspace(-3, 3, 21), 1.0)
    assert positivity(G).shape == (21,)
    assert positivity(G).min() > 0
    assert positivity(-G).max() < 0


def test_both_conjugations_lead_to_minus_omega():
    omega, Delta = np.array([0.1, 1.0, 4.0]), 0.8 * np.exp(0.5j)
    g, opposite = to_nambu(bcs(omega, Delta)), to_nambu(bcs(-omega, Delta))
    np.testing.assert_allclose(charge_conjugate(g), opposite, atol=1e-15)
    np.testing.assert_allclose(chronological_conjugate(g), opposite, atol=1e-15)


def test_at_real_energies_the_chronological_conjugate_is_the_advanced_function():
    eta, E, Delta = 0.05, np.array([-2.0, 0.3, 1.4]), 0.8 * np.exp(0.5j)
    retarded = to_nambu(bcs(eta - 1j * E, Delta))
    np.testing.assert_allclose(chronological_conjugate(retarded), to_nambu(bcs(-eta - 1j * E, Delta)), atol=1e-14)
    np.testing.assert_allclose(charge_conjugate(retarded), to_nambu(bcs(-eta + 1j * E, Delta)), atol=1e-14)


def test_conjugations_agree_exactly_when_green_function_is_real():
    G = random_matrices(16, (20,))
    difference = charge_conjugate(to_nambu(G)) - chronological_conjugate(to_nambu(G))
    assert jnp.max(jnp.abs(difference)) < 1e-14
    difference = charge_conjugate(to_nambu((1 + 1e-6j) * G)) - chronological_conjugate(to_nambu((1 + 1e-6j) * G))
    np.testing.assert_allclose(jnp.linalg.norm(difference), 2e-6 * jnp.linalg.norm(G), rtol=1e-6)
    np.testing.assert_allclose(charge_conjugate(to_nambu(G)), to_nambu(-R[2] @ G.swapaxes(1, 2) @ R[2]), atol=1e-14)
