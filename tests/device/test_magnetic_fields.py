"""Fields of magnets: shapes, symmetry, and where they stop to be stable."""

import jax
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

import jusadel as ju
from jusadel.action.periodic import rotated_back

ALONG_Z = np.zeros((3, 2, 2))
ALONG_Z[2] = np.eye(2)
SPLITTER = np.zeros((3, 2, 2))
SPLITTER[2] = [[0, 1], [1, 0]]
KAPPA = (0.3, -0.2, 0.5)


def film(**fields):
    return ju.Material(Tc=0.0, **fields)


def edge(make):
    """The largest factor x for which make(x) is accepted, by bisection."""
    low, high = 0.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        try:
            make(middle)
            low = middle
        except ValueError:
            high = middle
    return low


@pytest.mark.parametrize("P", [ALONG_Z, SPLITTER, -SPLITTER])
def test_polarised_diffusion_is_stable_below_one(P):
    """D (1 +- P) of either spin must be positive."""
    assert edge(lambda x: film(P=x * P)) == pytest.approx(1.0, rel=1e-9)


def test_anisotropic_diffusion_narrows_it():
    """D_xx = 3, D_yy = 1 and P_xx = P_yy = P: 1 > 2 P."""
    assert edge(lambda x: film(D=[[3.0, 0], [0, 1.0]], P=x * ALONG_Z)) == pytest.approx(0.5, rel=1e-9)


def test_with_swapping_along_the_same_axis():
    """Along z the two act on the triplets +-1 in planes: D_jk +- (P_jk + i kappa e_jk), which is positive below
    P^2 + kappa^2 = 1 for traceless P.
    """
    bound = edge(lambda x: film(P=x * SPLITTER, kappa=(0, 0, 0.6)))
    assert bound == pytest.approx(0.8, rel=1e-9)


def test_swapping_alone_is_stable_below_one():
    assert edge(lambda x: film(kappa=x * np.array(KAPPA) / np.linalg.norm(KAPPA))) == pytest.approx(1.0, rel=1e-9)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"P": 1.2 * SPLITTER},
            r"a spin would diffuse with -0\.2 of the largest D; .*\(P alone, isotropic D: \|P\| < 1\)",
        ),
        ({"P": np.triu(np.ones((2, 2))) * np.ones((3, 1, 1)) / 9}, r"expected P_ajk = P_akj"),
        ({"K": np.triu(np.ones((2, 2))) * np.ones((3, 1, 1)) / 9}, r"expected K_ajk = K_akj"),
        ({"P": np.ones((2, 2))}, r"P has shape \(2, 2\); expected \(3, 2, 2\)"),
        ({"magnetic_Gamma": -0.1}, r"has the eigenvalue -0\.1; magnetic relaxation must not be negative"),
        ({"magnetic_Gamma": np.triu(np.ones((3, 3)))}, "magnetic_Gamma is not symmetric"),
        ({"depairing": -0.1}, "depairing = -0.1; a rate of depairing must be >= 0"),
        ({"hall": np.nan}, "hall is not finite"),
        ({"mu": (1, 2, 3)}, r"mu has shape \(3,\); expected \(3, 2\) \(spin index first"),
    ],
)
def test_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        film(**fields)


def test_a_function_of_position_is_checked_at_every_point():
    mesh = ju.rectangle(1.0, 1.0, 0.5)
    material = film(P=lambda p: p[:, 0, None, None, None] * 1.5 * SPLITTER)
    with pytest.raises(ValueError, match=r"in region 'film' = .* a spin would diffuse"):
        ju.Device(mesh=mesh, materials=material)


def test_strong_precession_warns():
    """Beyond one the expansion in h tau means nothing."""
    with pytest.warns(ju.StrongPrecessionWarning, match=r"is 1\.1 in size; it comes from an expansion in h tau"):
        film(K=1.1 * SPLITTER)
    film(K=0.99 * SPLITTER)


def test_numbers_stand_for_isotropic_relaxation():
    np.testing.assert_array_equal(film(magnetic_Gamma=0.3).magnetic_Gamma, 0.3 * np.eye(3))


def test_traced_fields_are_taken_as_they_are():
    jax.make_jaxpr(lambda x: film(P=x * SPLITTER, magnetic_Gamma=x, depairing=x).P)(3.0)


def test_a_magnetoelectric_edge_has_an_exchange_field_along_its_normal():
    """h_a = chi_ak n_k on either side."""
    chi = np.array([[0.1, 0.2], [0.0, 0.3], [0.5, -0.4]])
    normals = np.array([[1.0, 0.0], [-0.6, 0.8]])
    surface = ju.Surface(h=(0, 0, 0.1), magnetoelectric=chi)
    np.testing.assert_allclose(surface.at("h", normals), normals @ chi.T + [0, 0, 0.1], rtol=1e-14)
    np.testing.assert_allclose(ju.Surface(magnetic_Gamma=0.2).at("magnetic_Gamma", normals), [0.2 * np.eye(3)] * 2)
    with pytest.raises(ValueError, match=r"magnetoelectric has shape \(3,\); expected \(3, 2\)"):
        ju.Surface(magnetoelectric=(0, 0, 1))


def test_seams_turn_the_index_of_spin_alone():
    """P_ajk in the frame of the owner: a turned back by the rotation vector, j and k as they are."""
    rng = np.random.default_rng(4)
    P, spin = rng.normal(size=(2, 3, 2, 2)), rng.normal(size=(2, 3))
    turn = Rotation.from_rotvec(spin).as_matrix()
    np.testing.assert_allclose(rotated_back("P", P, spin), np.einsum("nba,nbjk->najk", turn, P), atol=1e-12)
    np.testing.assert_allclose(
        rotated_back("magnetic_Gamma", P[..., 0, :1] * np.ones(3), spin),
        np.einsum("nba,nbc,ncd->nad", turn, P[..., 0, :1] * np.ones(3), turn),
        atol=1e-12,
    )
