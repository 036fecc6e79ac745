"""Every term of the action against a second copy of the physics, typed in the usual complex 4x4 matrices.

The formulas, the matrix current and the torque below are those of physics.md, sections 1 and 4 (Kokkeler et al.,
Eqs. (1), (4)-(9), with their errata), and of section 2 for magnets; nothing here uses the quaternion basis but the
conversion of the input.
"""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
from shared import commutator

from jusadel.action.nambu import from_nambu, to_nambu, units
from jusadel.action.terms import GRADIENT, NODAL, TERMS, Gradient, density
from jusadel.device.material.material import SHAPES

PAULI = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
TAU = np.array([np.kron(t, np.eye(2)) for t in PAULI])
SIGMA = np.array([np.kron(np.eye(2), s) for s in PAULI])
EPSILON = np.array([[[(i - j) * (j - k) * (k - i) / 2 for k in range(3)] for j in range(3)] for i in range(3)])
MAGNET = SIGMA @ TAU[2]
"""S_a = sigma_a tau3."""
NAMES = [term.name for term in TERMS]
SAMPLES = 4


def random_tensors(seed):
    rng = np.random.default_rng(seed)
    D, Gamma = rng.normal(size=(2, 2)), rng.normal(size=(3, 3))
    given = {"omega": 0.7, "Delta": rng.normal(size=2), "h": rng.normal(size=3)}
    given |= {"D": D @ D.T + np.eye(2), "Gamma": Gamma + Gamma.T}
    others = {k: rng.normal(size=SHAPES[k]) for k in (*NODAL, *GRADIENT) if k not in given}
    for name in ("magnetic_Gamma", "P", "K"):
        others[name] = others[name] + np.swapaxes(others[name], -1, -2)
    return SimpleNamespace(**given, **others)


TENSORS = random_tensors(0)


def bracket(a, b):
    return a @ b - b @ a


def braces(a, b):
    return a @ b + b @ a


def tr(a):
    return np.trace(a, axis1=-2, axis2=-1)


def random_green(seed, real):
    """g with g^2 = 1 and dk g with {g, dk g} = 0 in the usual basis, (samples, 4, 4) and (samples, 2, 4, 4)."""
    rng = np.random.default_rng(seed)

    def matrices(*shape):
        m = rng.normal(size=(SAMPLES, *shape, 4, 4))
        if not real:
            m = m + 1j * rng.normal(size=m.shape)
        return 1j * np.asarray(to_nambu(m))  # i to_nambu(real) keeps the reality condition under products

    M, X = np.eye(4) + 0.25 * matrices(), matrices(2)
    g = M @ TAU[2] @ np.linalg.inv(M)
    return g, bracket(X, g[:, None])


@pytest.fixture(scope="module", params=[True, False], ids=["real", "complex"])
def sample(request):
    g, dg = random_green(1, request.param)
    G, dG = np.asarray(from_nambu(g)), np.asarray(from_nambu(dg))
    if request.param:
        assert max(np.abs(G.imag).max(), np.abs(dG.imag).max()) < 1e-13
        G, dG = G.real, dG.real
    return SimpleNamespace(g=g, dg=dg, G=G, dG=dG, real=request.param)


def test_the_samples_are_what_they_claim(sample):
    assert np.abs(sample.g @ sample.g - np.eye(4)).max() < 1e-12
    assert np.abs(braces(sample.g[:, None], sample.dg)).max() < 1e-11
    assert np.abs(sample.dg).max() > 1
    both = SIGMA[1] @ TAU[1]
    broken = np.abs(both @ sample.g.conj() @ both + sample.g).max()
    assert broken < 1e-12 if sample.real else broken > 0.1


# --- the density against section 1 ---------------------------------------------------------------


def plain_density(name, g, dg, p):
    """One term of f at one point, physics.md, section 1; spin-galvanic and spin Hall terms as the paper has them."""
    D = np.trace(p.D) / 2
    pair = complex(*p.Delta)
    pairing = TAU[1] @ np.diag(np.abs(pair) * np.exp(-1j * np.angle(pair) * np.diag(TAU[2])))
    return {
        "frequency": lambda: -tr(p.omega * TAU[2] @ g),
        "pairing": lambda: -tr(pairing @ g),
        "exchange": lambda: -tr(1j * np.tensordot(p.h, SIGMA, 1) @ TAU[2] @ g),
        "diffusion": lambda: sum(p.D[k, j] * tr(dg[k] @ dg[j]) for k in range(2) for j in range(2)) / 4,
        "spin_relaxation": lambda: (
            -sum(p.Gamma[j, k] * tr(SIGMA[j] @ g @ SIGMA[k] @ g) for j in range(3) for k in range(3)) / 16
        ),
        "spin_galvanic": lambda: (
            0.125j
            * sum(
                EPSILON[i, j, m] * p.gamma[m, k] * tr(SIGMA[i] @ g @ SIGMA[j] @ g @ dg[k])
                for i, j, m in np.argwhere(EPSILON)
                for k in range(2)
            )
        ),
        "spin_hall": lambda: (
            -D / 4 * sum(p.theta[i] * e * tr(SIGMA[i] @ g @ dg[j] @ dg[k]) for i in range(3) for j, k, e in CURL)
        ),
        "spin_swapping": lambda: (
            0.25j * D * sum(p.kappa[i] * e * tr(SIGMA[i] @ dg[j] @ dg[k]) for i in range(3) for j, k, e in CURL)
        ),
        "magnetic_relaxation": lambda: (
            -sum(p.magnetic_Gamma[a, b] * tr(MAGNET[a] @ g @ MAGNET[b] @ g) for a in range(3) for b in range(3)) / 16
        ),
        "orbital_depairing": lambda: -p.depairing / 4 * tr(TAU[2] @ g @ TAU[2] @ g),
        "inelastic_life": lambda: -p.inelastic * tr(TAU[2] @ g),
        "polarised_depairing": lambda: sum(p.v[a] * tr(TAU[2] @ g @ SIGMA[a] @ g) for a in range(3)),
        "polarised_diffusion": lambda: (
            D / 4 * sum(p.P[a, j, k] * tr(MAGNET[a] @ dg[j] @ dg[k]) for a, j, k in np.ndindex(3, 2, 2))
        ),
        "precessing_diffusion": lambda: (
            1j * D / 8 * sum(p.K[a, j, k] * tr(MAGNET[a] @ braces(g, dg[j] @ dg[k])) for a, j, k in np.ndindex(3, 2, 2))
        ),
        "magnetic_galvanic": lambda: (
            1j
            / 16
            * sum(
                EPSILON[i, j, m] * p.magnetic_gamma[m, k] * tr(MAGNET[i] @ g @ MAGNET[j] @ bracket(g, dg[k]))
                for i, j, m in np.argwhere(EPSILON)
                for k in range(2)
            )
        ),
        "hall_effect": lambda: (
            -D / 8 * p.hall * sum(e / 2 * tr(TAU[2] @ braces(g, bracket(dg[j], dg[k]))) for j, k, e in CURL)
        ),
        "odd_galvanic": lambda: (
            -1j
            / 16
            * sum(
                EPSILON[a, b, m] * p.mu[m, k] * tr((SIGMA[a] @ g @ MAGNET[b] - MAGNET[b] @ g @ SIGMA[a]) @ dg[k])
                for a, b, m in np.argwhere(EPSILON)
                for k in range(2)
            )
        ),
    }[name]()


CURL = ((0, 1, 1.0), (1, 0, -1.0))  # j, k, eps_zjk


def symmetrised_density(name, g, dg, p):
    """The two terms that physics.md writes with brackets, for g and dg that need not anticommute."""
    if name == "spin_galvanic":
        return (
            1j
            / 16
            * sum(
                EPSILON[i, j, m] * p.gamma[m, k] * tr(SIGMA[i] @ g @ SIGMA[j] @ bracket(g, dg[k]))
                for i, j, m in np.argwhere(EPSILON)
                for k in range(2)
            )
        )
    D = np.trace(p.D) / 2
    return (
        -D
        / 16
        * sum(p.theta[i] * e * tr(SIGMA[i] @ braces(g, bracket(dg[j], dg[k]))) for i in range(3) for j, k, e in CURL)
    )


def batched(term):
    return jax.jit(jax.vmap(lambda G, dG: term.density(G, Gradient(dG), TENSORS)))


COMPILED = {term.name: batched(term) for term in TERMS}


def evaluated(term, G, dG):
    return np.asarray(COMPILED[term.name](G, dG))


@pytest.mark.parametrize("term", TERMS, ids=NAMES)
def test_each_term_is_the_formula_of_the_paper(term, sample):
    expected = np.array([plain_density(term.name, g, dg, TENSORS) for g, dg in zip(sample.g, sample.dg, strict=True)])
    found = evaluated(term, sample.G, sample.dG)
    scale = np.abs(expected).max()
    assert scale > 0.1
    assert np.abs(found - expected).max() < 1e-12 * scale
    if sample.real:
        assert found.dtype == np.float64
        assert np.abs(expected.imag).max() < 1e-12 * scale
    else:
        assert np.abs(expected.imag).max() > 1e-2 * scale


@pytest.mark.parametrize("name", ["spin_galvanic", "spin_hall"])
def test_symmetrised_terms_off_the_constraint(name, sample):
    """Where {g, dg} = 0 holds only to O(h), as in a triangle, the bracketed forms count, and they differ."""
    term = TERMS[NAMES.index(name)]
    rng = np.random.default_rng(4)
    dG = rng.normal(size=sample.dG.shape) + (0 if sample.real else 1j * rng.normal(size=sample.dG.shape))
    dg = np.asarray(to_nambu(dG))
    expected = np.array([symmetrised_density(name, g, d, TENSORS) for g, d in zip(sample.g, dg, strict=True)])
    plain = np.array([plain_density(name, g, d, TENSORS) for g, d in zip(sample.g, dg, strict=True)])
    scale = np.abs(expected).max()
    assert np.abs(evaluated(term, sample.G, dG) - expected).max() < 1e-12 * scale
    assert np.abs(plain - expected).max() > 1e-2 * scale


@pytest.mark.parametrize("term", TERMS, ids=NAMES)
def test_charge_conjugation(term, sample):
    """Eq. (2) of the paper: G(-omega) = -R3 G(omega)^T R3 has the same density, even without {G, dG} = 0."""
    R3 = np.asarray(units(4)[1][2])
    conjugate = lambda G: -R3 @ np.swapaxes(G, -1, -2) @ R3  # noqa: E731
    dG = sample.dG + np.random.default_rng(8).normal(size=sample.dG.shape)
    odd = term.name in ("frequency", "inelastic_life")  # sgn omega is their sign
    expected = evaluated(term, sample.G, dG) * (-1 if odd else 1)
    found = evaluated(term, conjugate(sample.G), conjugate(dG))
    np.testing.assert_allclose(found, expected, atol=1e-12 * np.abs(expected).max())


def test_density_is_the_sum_of_its_terms(sample):
    G, dG = sample.G[0], sample.dG[0]
    total = sum(evaluated(term, sample.G, sample.dG)[0] for term in TERMS)
    value = jax.jit(lambda G, dG: density(TERMS, G, dG, TENSORS))
    np.testing.assert_allclose(value(G, dG), total, rtol=1e-12)
    assert density((), G, dG, TENSORS) == 0


@pytest.mark.parametrize("term", TERMS, ids=NAMES)
def test_keldysh_blocks_add_up(term, sample):
    """8x8 block-diagonal G: the sum of the two 4x4 values; a frequency matrix with one value per block."""
    G = scipy.linalg.block_diag(*sample.G[:2])
    dG = np.array([scipy.linalg.block_diag(*sample.dG[:2, k]) for k in range(2)])
    value = jax.jit(lambda G, dG: term.density(G, Gradient(dG), TENSORS))
    parts = evaluated(term, sample.G, sample.dG)
    np.testing.assert_allclose(value(G, dG), parts[0] + parts[1], rtol=1e-12)
    if term.name == "frequency":
        omega = jnp.kron(jnp.diag(jnp.array([2.0, -3.0])), jnp.eye(4))
        p = SimpleNamespace(omega=omega)
        expected = (2.0 * parts[0] - 3.0 * parts[1]) / TENSORS.omega
        np.testing.assert_allclose(term.density(G, Gradient(dG), p), expected, rtol=1e-12)


# --- the variation against section 4 -------------------------------------------------------------


def variation(slope, g, dg):
    """f's response to dg = [W, g]: matrices X and J with df = Tr(W X) - Tr(d_k W J_k), W and d_k W arbitrary."""
    F, P = slope(from_nambu(g), from_nambu(dg))
    basis = np.eye(16, dtype=complex).reshape(16, 4, 4)
    local = np.einsum("ab,wab->w", F, from_nambu(bracket(basis, g)))
    local = local + np.einsum("kab,wkab->w", P, from_nambu(bracket(basis[:, None], dg)))
    gradient = np.einsum("kab,wab->kw", P, from_nambu(bracket(basis, g)))
    return local.reshape(4, 4).T, -gradient.reshape(2, 4, 4).swapaxes(1, 2)


def matrix_current(name, g, dg, p):
    """J_k of dJ/dr + [Lambda, g] = T - (1/8) Gamma_jk [sigma_j g sigma_k, g], term by term."""
    D, J = np.trace(p.D) / 2, np.zeros((2, 4, 4), complex)
    if name == "diffusion":
        J = -np.einsum("kj,ab,jbc->kac", p.D, g, dg)
    if name == "spin_galvanic":
        for i, j, m in np.argwhere(EPSILON):
            odd = braces(bracket(SIGMA[i], g), SIGMA[j] + g @ SIGMA[j] @ g)
            J += 1j / 16 * EPSILON[i, j, m] * p.gamma[m][:, None, None] * odd
    for a, j, k in np.ndindex(3, 2, 2):
        if name == "polarised_diffusion":
            J[k] -= D / 4 * p.P[a, j, k] * bracket(g, braces(MAGNET[a], dg[j]))
        if name == "precessing_diffusion":
            J[k] -= 0.25j * D * p.K[a, j, k] * bracket(MAGNET[a] + g @ MAGNET[a] @ g, dg[j])
    if name == "magnetic_galvanic":
        for i, j, m in np.argwhere(EPSILON):
            odd = braces(bracket(MAGNET[i], g), MAGNET[j] + g @ MAGNET[j] @ g)
            J += 1j / 16 * EPSILON[i, j, m] * p.magnetic_gamma[m][:, None, None] * odd
    if name == "odd_galvanic":
        for a, b, m in np.argwhere(EPSILON):
            odd = bracket(g, SIGMA[a] @ g @ MAGNET[b] - MAGNET[b] @ g @ SIGMA[a])
            J += 1j / 16 * EPSILON[a, b, m] * p.mu[m][:, None, None] * odd
    if name == "hall_effect":
        for j, k, e in CURL:
            J[k] += D / 4 * p.hall * e * braces(TAU[2] + g @ TAU[2] @ g, dg[j])
    for i in range(3):
        for j, k, e in CURL:  # e = eps_zjk = eps_jkz
            if name == "spin_hall":
                J[k] += D / 4 * p.theta[i] * e * braces(SIGMA[i] + g @ SIGMA[i] @ g, dg[j])
            if name == "spin_swapping":
                J[k] += 0.25j * D * p.kappa[i] * e * bracket(bracket(SIGMA[i], dg[j]), g)
    return J


def local_terms(name, g, dg, p):
    """X = [Lambda, g] - T + (1/8) Gamma_jk [sigma_j g sigma_k, g], term by term."""
    D, X = np.trace(p.D) / 2, np.zeros((4, 4), complex)
    if name == "frequency":
        return bracket(p.omega * TAU[2], g)
    if name == "pairing":
        return bracket(p.Delta[0] * TAU[1] + p.Delta[1] * TAU[0], g)
    if name == "exchange":
        return bracket(1j * np.tensordot(p.h, SIGMA, 1) @ TAU[2], g)
    if name == "spin_relaxation":
        return sum(p.Gamma[j, k] * bracket(SIGMA[j] @ g @ SIGMA[k], g) for j in range(3) for k in range(3)) / 8
    if name == "magnetic_relaxation":
        Gm = p.magnetic_Gamma
        return sum(Gm[a, b] * bracket(MAGNET[a] @ g @ MAGNET[b], g) for a in range(3) for b in range(3)) / 8
    if name == "orbital_depairing":
        return p.depairing / 2 * bracket(TAU[2] @ g @ TAU[2], g)
    if name == "inelastic_life":
        return bracket(p.inelastic * TAU[2], g)
    if name == "polarised_depairing":
        return -sum(p.v[a] * bracket(TAU[2] @ g @ SIGMA[a] + SIGMA[a] @ g @ TAU[2], g) for a in range(3))
    for a, j, k in np.ndindex(3, 2, 2):
        if name == "polarised_diffusion":
            X -= D / 4 * p.P[a, j, k] * bracket(MAGNET[a], dg[j] @ dg[k])
        if name == "precessing_diffusion":
            X -= 0.25j * D * p.K[a, j, k] * bracket(MAGNET[a], g @ dg[j] @ dg[k])
    if name == "magnetic_galvanic":
        for i, j, m in np.argwhere(EPSILON):
            for k in range(2):
                torque = bracket(braces(dg[k], g @ MAGNET[i] @ g), MAGNET[j])
                X -= 0.125j * EPSILON[i, j, m] * p.magnetic_gamma[m, k] * torque
    if name == "odd_galvanic":
        for a, b, m in np.argwhere(EPSILON):
            for k in range(2):
                around = MAGNET[b] @ dg[k] @ SIGMA[a] - SIGMA[a] @ dg[k] @ MAGNET[b]
                odd = bracket(dg[k], SIGMA[a] @ g @ MAGNET[b] - MAGNET[b] @ g @ SIGMA[a])
                X -= 1j / 16 * EPSILON[a, b, m] * p.mu[m, k] * (bracket(g, around) + odd)
    if name == "hall_effect":
        for j, k, e in CURL:
            X += D / 4 * p.hall * e * bracket(TAU[2], g @ dg[j] @ dg[k])
    if name == "spin_galvanic":
        for i, j, m in np.argwhere(EPSILON):
            for k in range(2):
                torque = bracket(braces(dg[k], g @ SIGMA[i] @ g), SIGMA[j])
                X -= 0.125j * EPSILON[i, j, m] * p.gamma[m, k] * torque
    for i in range(3):
        for j, k, e in CURL:
            if name == "spin_hall":
                X += D / 4 * p.theta[i] * e * bracket(SIGMA[i], g @ dg[j] @ dg[k])
            if name == "spin_swapping":
                X -= 0.25j * D * p.kappa[i] * e * bracket(SIGMA[i], dg[j] @ dg[k])
    return X


def assert_close(found, expected, size=None):
    scale = np.abs(expected).max() if size is None else size
    assert np.abs(found - expected).max() < 1e-12 * scale


@pytest.mark.parametrize("term", TERMS, ids=NAMES)
def test_variation_gives_the_matrix_current_and_torque(term, sample):
    """One factor for all terms: it is the one that gives diffusion J_k = -D_kj g d_j g."""
    slope = jax.jit(jax.grad(lambda G, dG: term.density(G, Gradient(dG), TENSORS), argnums=(0, 1), holomorphic=True))
    for g, dg in zip(sample.g[:2], sample.dg[:2], strict=True):
        X, J = variation(slope, g, dg)
        expected_J = matrix_current(term.name, g, dg, TENSORS)
        expected_X = local_terms(term.name, g, dg, TENSORS)
        assert max(np.abs(expected_J).max(), np.abs(expected_X).max()) > 0.1
        size = max(np.abs(expected_J).max(), np.abs(expected_X).max())
        assert_close(J, expected_J, size)
        assert_close(X, expected_X, size)


def test_spin_field_gives_the_precession_current_and_torque(sample):
    """alpha_jk = D_kl a_jl: J_k = i alpha g [sigma, g], T = -i alpha [sigma, g d g], relaxation 8 D a a."""
    a = np.random.default_rng(2).normal(size=(3, 2))
    L, _ = units(4, complex)
    diffusion = TERMS[NAMES.index("diffusion")].density
    connection = jnp.einsum("jk,jab->kab", a, L)

    def f(G, dG):
        return diffusion(G, dG - commutator(connection, G[None]), TENSORS)

    slope = jax.jit(jax.grad(f, argnums=(0, 1), holomorphic=True))
    alpha = a @ TENSORS.D
    relaxation = SimpleNamespace(D=TENSORS.D, Gamma=8 * a @ TENSORS.D @ a.T)
    for g, dg in zip(sample.g[:2], sample.dg[:2], strict=True):
        X, J = variation(slope, g, dg)
        expected_J = matrix_current("diffusion", g, dg, TENSORS)
        expected_X = local_terms("spin_relaxation", g, dg, relaxation)
        for j in range(3):
            for k in range(2):
                expected_J[k] += 1j * alpha[j, k] * g @ bracket(SIGMA[j], g)
                expected_X = expected_X + 1j * alpha[j, k] * bracket(SIGMA[j], g @ dg[k])
        assert_close(J, expected_J)
        assert_close(X, expected_X)


def test_vector_potential_enters_through_the_covariant_derivative(sample):
    """In the usual basis dG - [A R3 + a L, G] is dg - i [A tau3 + a sigma, g]."""
    rng = np.random.default_rng(3)
    A, a = rng.normal(size=2), rng.normal(size=(3, 2))
    L, R = units(4, sample.G.dtype)
    connection = A[:, None, None] * R[2] + jnp.einsum("jk,jab->kab", a, L)
    usual = A[:, None, None] * TAU[2] + np.einsum("jk,jab->kab", a, SIGMA)
    found = to_nambu(sample.dG[0] - commutator(connection, sample.G[0][None]))
    assert_close(np.asarray(found), sample.dg[0] - 1j * bracket(usual, sample.g[0]))
