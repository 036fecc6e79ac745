"""The homogeneous solution against the collinear equation, references, differences and the Lifshitz invariant.

Compiling takes longer than running, so all tests share three compiled functions: `bulk` (exchange field and
relaxation, 80 frequencies, with its derivative by h), `moving` (every field, three frequencies, with its
derivative along a direction) and `expansion` (gradient and Hessian of one frequency's density).
"""

import json
import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
import scipy.optimize
from shared import load

from jusadel import bulk_value
from jusadel.action.homogeneous import FIELDS, homogeneous_density
from jusadel.action.matsubara import bulk_gap, quadrature
from jusadel.action.nambu import L, R, bcs, to_nambu
from jusadel.action.nambu.frames import expand, green_to_frame, inverse
from jusadel.device.material.material import SHAPES

uses = load("first_uses", Path(__file__).parents[2] / "benchmarks")
REFERENCES = json.loads((Path(__file__).parents[1] / "data" / "references.json").read_text())
COUNT = 80
OMEGA = np.geomspace(0.02, 50, COUNT)
THREE = np.array([0.05, 0.4, 2.5])
TAU = np.array([np.kron(t, np.eye(2)) for t in ([[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]])])


def family(name):
    """References as (numbers in `parameters`, in their order, and the record)."""
    records = [r for r in REFERENCES if r["name"].startswith(name + " ")]
    return [
        pytest.param([float(x) for x in re.findall(r"=([0-9.]+)", r["parameters"].split("(")[0])], r, id=r["id"])
        for r in records
    ]


def spin_of(G):
    """Tr(L_k R3 G) = -i Tr(sigma_k tau3 g), (..., 3): 2 pi T times its frequency sum is S_code."""
    return np.einsum("kab,bc,...ca->...k", L, R[2], G)


def triplets(G):
    """Tr(L_k R2 G)/4, the odd-frequency triplet of a real Delta, (..., 3)."""
    return np.einsum("kab,bc,...ca->...k", L, R[1], G) / 4


def smallest_eigenvalue(G):
    """Of the Hermitian part of g tau3."""
    M = to_nambu(G) @ TAU[2]
    return np.linalg.eigvalsh((M + M.conj().swapaxes(-1, -2)) / 2).min()


@jax.jit
def with_response(omega, Delta, h, Gamma):
    solve = lambda h: bulk_value(omega, Delta, h, Gamma)  # noqa: E731
    G, along = jax.linearize(solve, h)
    return G, jax.vmap(along)(jnp.eye(3))


def bulk(omega, Delta, h, Gamma):
    """G (n, 4, 4) and dG/dh_j (3, n, 4, 4)."""
    Gamma = Gamma * np.eye(3)
    G, by_h = with_response(omega, np.complex128(Delta), np.array(h, float), Gamma)
    return np.asarray(G), np.asarray(by_h)


def complete(**fields):
    """Every argument of bulk_value but the frequency, as arrays."""
    shapes = {"A": 2} | {name: SHAPES[name] for name in FIELDS}
    default = {k: np.zeros(v) for k, v in shapes.items()} | {"D": np.eye(2), "Delta": np.zeros(2)}
    return default | {k: np.array(v, float) for k, v in fields.items()}


@jax.jit
def along_direction(point, direction):
    def solve(point):
        rest = {k: v for k, v in point.items() if k not in ("omega", "Delta")}
        return bulk_value(point["omega"], jax.lax.complex(*point["Delta"]), **rest)

    return jax.jvp(solve, (point,), (direction,))


def moving(fields, **direction):
    """G (3, 4, 4) with any fields, and its derivative along the given changes."""
    point = {"omega": THREE} | fields
    change = {k: np.array(direction.get(k, np.zeros(v.shape))) for k, v in point.items()}
    return tuple(np.asarray(x) for x in along_direction(point, change))


@jax.jit
def expansion(V, omega, fields):
    """Gradient and Hessian of the density in (u, h, q): eight steps, exchange field, phase gradient q = -2 A."""

    def f(x):
        at = fields | {"h": fields["h"] + x[8:11], "A": fields["A"] - x[11:] / 2}
        return homogeneous_density(expand(x[:8], V, inverse(V)), omega, at)

    zero = jnp.zeros(13)
    return jax.grad(f)(zero), jax.hessian(f)(zero)


# --- the collinear equation ----------------------------------------------------------------------


def mismatch(x, omega, Delta, h, Gamma):
    """2 (omega +- i h) sin t_+- - 2 Delta cos t_+- +- (Gamma/2) sin(t_+ - t_-), real and imaginary parts."""
    up, down = x[0] + 1j * x[1], x[2] + 1j * x[3]
    mixing = Gamma / 2 * np.sin(up - down)
    a = 2 * (omega + 1j * h) * np.sin(up) - 2 * Delta * np.cos(up) + mixing
    b = 2 * (omega - 1j * h) * np.sin(down) - 2 * Delta * np.cos(down) - mixing
    return np.array([a.real, a.imag, b.real, b.imag])


def collinear_green(Delta, h, Gamma):
    """g = cos t_+- tau3 + sin t_+- tau2 for spin up and down at OMEGA, followed down from the largest frequency."""
    x, found = np.zeros(4), []
    for omega in OMEGA[::-1]:
        x = scipy.optimize.root(mismatch, x, args=(omega, Delta, h, Gamma), tol=1e-14).x
        assert np.abs(mismatch(x, omega, Delta, h, Gamma)).max() < 1e-12 * max(1, omega)
        found.append(x)
    angles = np.array(found[::-1]) @ [[1, 0], [1j, 0], [0, 1], [0, 1j]]
    g = 0
    for spin, angle in enumerate(angles.T[..., None, None]):
        projector = np.kron(np.eye(2), np.diag([1.0 - spin, 1.0 * spin]))
        g = g + projector @ (np.cos(angle) * TAU[2] + np.sin(angle) * TAU[1])
    return g


@pytest.mark.parametrize(("Delta", "h", "Gamma"), [(1.0, 0.5, 0.3), (1.0, 2.0, 0.7), (0.3, 1.5, 5.0), (1.2, 0.8, 0.0)])
def test_collinear_exchange_field(Delta, h, Gamma):
    G, _ = bulk(OMEGA, Delta, (0, 0, h), Gamma)
    assert np.abs(G @ G + np.eye(4)).max() < 1e-12
    assert smallest_eigenvalue(G) > 0
    np.testing.assert_allclose(to_nambu(G), collinear_green(Delta, h, Gamma), atol=1e-11)
    np.testing.assert_allclose(triplets(G)[:, :2], 0, atol=1e-13)


def test_without_exchange_field_it_is_the_bcs_value():
    G = bulk_value(THREE.reshape(3, 1) * np.ones((3, 2)), 0.4 - 0.9j)
    assert G.shape == (3, 2, 4, 4)
    expected = bcs(THREE, 0.4 - 0.9j)
    for column in range(2):
        np.testing.assert_allclose(G[:, column], expected, atol=1e-13)
    relaxed, _ = bulk(OMEGA, 0.4 - 0.9j, (0, 0, 0), 3.0)
    np.testing.assert_allclose(relaxed, bcs(OMEGA, 0.4 - 0.9j), atol=1e-13)
    normal, _ = bulk(OMEGA, 0.0, (0.3, 0, 1), 0.5)
    np.testing.assert_allclose(normal, np.broadcast_to(R[2], normal.shape), atol=1e-14)


def test_exchange_field_of_any_direction():
    """S G(h) S^-1 = G(turn h): the triplet vector turns with h; the phase of Delta turns G by R3."""
    h, n = np.array([0.2, -0.5, 0.4]), np.array([0.6, 0.3, -1.0])
    S = scipy.linalg.expm(np.tensordot(n, L, 1))
    turn = np.einsum("ab,kbc,cd,jda->jk", S, L, np.linalg.inv(S), -L) / 4
    (G, _), (turned, _) = bulk(OMEGA, 1.0, h, 0.3), bulk(OMEGA, 1.0, turn @ h, 0.3)
    np.testing.assert_allclose(turned, S @ G @ np.linalg.inv(S), atol=1e-12)
    np.testing.assert_allclose(triplets(turned), triplets(G) @ turn.T, atol=1e-12)
    np.testing.assert_allclose(np.cross(triplets(G), h), 0, atol=1e-12)
    assert np.linalg.norm(triplets(G)) > 0.1
    U = scipy.linalg.expm(0.45 * R[2])
    np.testing.assert_allclose(bulk(OMEGA, np.exp(0.9j), h, 0.3)[0], U @ G @ np.linalg.inv(U), atol=1e-12)


@pytest.mark.parametrize(
    "fields",
    [
        {"A": (0.3, -0.5), "D": ((2.0, 0.3), (0.3, 1.0)), "gamma": ((0.1, 0.4), (-0.4, 0.2), (0.3, 0))},
        {
            "A": (0.3, 0.1),
            "spin_field": ((0.5, 0.1), (0, -0.6), (0.2, 0.3)),
            "theta": (0.1, 0, 0.2),
            "kappa": (0, 0, 1),
        },
    ],
)
def test_the_density_is_stationary(fields):
    """All eight slopes vanish at the solution, with anisotropic Gamma, spin field and spin-orbit tensors."""
    plain = complete(h=(0.3, 0.2, -0.4), Gamma=np.diag([0.5, 1.0, 1.2]), Delta=(0.8, 0.3))
    full = plain | complete(**fields) | {k: plain[k] for k in ("h", "Gamma", "Delta")}
    G, without = moving(full)[0], moving(plain)[0]
    assert np.abs(G @ G + np.eye(4)).max() < 1e-12
    for omega, right, wrong in zip(THREE, G, without, strict=True):
        assert np.abs(expansion(green_to_frame(right), omega, full)[0][:8]).max() < 1e-11
        assert np.abs(expansion(green_to_frame(wrong), omega, full)[0][:8]).max() > 1e-2


# --- references ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("numbers", "reference"), family("A4"))
def test_spin_and_free_energy_of_a_bulk_superconductor(numbers, reference):
    """Delta is the reference's own; its uncertainty is below 2e-7, and 80 nodes err by 9e-7 at T = 0.1 Tc."""
    T, h, Gamma = numbers
    expected = reference["value"]
    Delta = expected["Delta"]
    omega, w = quadrature(T, COUNT)
    G, _ = bulk(omega, Delta, (0, 0, h), Gamma)
    S = 2 * np.pi * T * float(w @ spin_of(G)[:, 2])
    fields = complete(h=(0, 0, h), Gamma=Gamma * np.eye(3), Delta=(Delta, 0))
    above_normal = np.asarray(densities(G, omega, fields)) + 4 * omega + 0.75 * Gamma  # f - f[tau3]
    F = Delta**2 * np.log(T) + 2 * np.pi * T * float(w @ (Delta**2 / omega + above_normal / 2))
    for found, name in ((S, "S_code"), (1 - S / (4 * h), "S_phys_over_2nu_h"), (F, "dF_over_nu")):
        assert found == pytest.approx(expected[name], abs=2e-6), name


densities = jax.jit(jax.vmap(homogeneous_density, in_axes=(0, 0, None)))


@pytest.mark.parametrize(("numbers", "reference"), family("A5"))
def test_linear_spin_susceptibility(numbers, reference):
    """The derivative of bulk_value with respect to h at h = 0: isotropic, and 1 - S_code/(4 h) of the reference.

    With 80 nodes the frequency sum errs by 8e-7 at T = 0.05 Tc and by less than 3e-8 from 0.3 Tc on.
    """
    T, Gamma = numbers
    omega, w = quadrature(T, COUNT)
    _, by_h = bulk(omega, bulk_gap(T), (0, 0, 0), Gamma)
    response = 2 * np.pi * T * np.einsum("n,jnk->kj", w, spin_of(by_h))
    np.testing.assert_allclose(response, response[0, 0] * np.eye(3), atol=1e-12)
    assert 1 - response[0, 0] / 4 == pytest.approx(reference["value"], abs=2e-6 if T < 0.1 else 5e-8)


# --- derivatives --------------------------------------------------------------------------------

POINT = complete(
    Delta=(0.9, -0.4),
    h=(0.3, 0.1, -0.2),
    Gamma=((0.6, 0.1, 0), (0.1, 0.7, 0.2), (0, 0.2, 0.9)),
    A=(0.2, -0.4),
    D=((1.2, 0.1), (0.1, 0.8)),
    spin_field=((0.2, 0.1), (0, -0.3), (0.1, 0.4)),
    gamma=((0.1, 0.5), (-0.4, 0.2), (0.3, 0.1)),
    theta=(0.1, -0.2, 0.3),
    kappa=(0.2, 0.1, -0.3),
)


def central_difference(value, step=1e-3):
    """d value(s)/ds at s = 0, of fourth order in the step."""
    slope = lambda s: (value(s) - value(-s)) / (2 * s)  # noqa: E731
    return (4 * slope(step / 2) - slope(step)) / 3


@pytest.mark.parametrize("name", ["omega", *POINT])
def test_forward_derivative_agrees_with_differences(name):
    point = POINT | {"omega": THREE + 0.2}
    direction = np.random.default_rng(1).normal(size=point[name].shape)
    if name in ("Gamma", "D"):
        direction = direction + direction.T

    def value(step):
        return moving(point | {name: point[name] + step * direction})[0]

    by_ad = moving(point, **{name: direction})[1]
    scale = np.abs(by_ad).max()
    assert scale > 1e-3
    assert np.abs(by_ad - central_difference(value)).max() < 1e-8 * scale


def test_reverse_derivative_agrees_with_differences():
    """By frequency, pair potential, exchange field and relaxation, of a number that sees all entries of G."""
    mask = np.random.default_rng(0).normal(size=(3, 4, 4))
    point = [THREE + 0.2, np.array([0.9, -0.4]), POINT["h"], POINT["Gamma"]]

    @jax.jit
    @jax.value_and_grad
    def observed(point):
        omega, Delta, h, Gamma = point
        return jnp.sum(bulk_value(omega, jax.lax.complex(*Delta), h, Gamma) * mask)

    _, slopes = observed(point)
    rng = np.random.default_rng(1)
    for place, slope in enumerate(slopes):
        direction = rng.normal(size=slope.shape)
        direction = direction + direction.T if place == 3 else direction

        def value(step, place=place, direction=direction):
            return float(observed([x + step * direction if k == place else x for k, x in enumerate(point)])[0])

        by_ad = float(np.sum(slope * direction))
        assert abs(by_ad) > 1e-2
        assert by_ad == pytest.approx(central_difference(value), rel=1e-8)


# --- phase gradients: the Lifshitz invariant -------------------------------------------------------

GAMMA = np.array([[0.2, 0.9], [-0.7, 0.1], [0.4, -0.5]])


def test_a_phase_gradient_is_an_exchange_field():
    """h_k = gamma_kl q_l / 2 with q = -2 A (physics.md, section 4, (S2) of F), to first order in gamma.

    Pair breaking D q^2/2 is the same on both sides; what differs is of second order in gamma.
    """
    q = np.array([0.5, -0.3])
    common = {"A": -q / 2, "D": ((1.5, 0.2), (0.2, 1.0)), "Gamma": np.diag([0.3, 0.5, 0.6]), "Delta": (1.0, 0)}
    sizes, differences = np.array([0.4, 0.2, 0.1]), []
    for size in sizes:
        by_gradient, _ = moving(complete(gamma=size * GAMMA, **common))
        by_exchange, _ = moving(complete(h=size * GAMMA @ q / 2, **common))
        differences.append(np.abs(by_gradient - by_exchange).max())
        assert np.abs(triplets(by_exchange)).max() > 0.05 * size
    assert np.polyfit(np.log(sizes), np.log(differences), 1)[0] > 1.9
    slope_by_gamma, slope_by_h = (
        moving(complete(**common), **change)[1] for change in ({"gamma": GAMMA}, {"h": GAMMA @ q / 2})
    )
    np.testing.assert_allclose(slope_by_gamma, slope_by_h, atol=1e-12)
    assert np.abs(triplets(slope_by_h)).max() > 0.05


def test_a_phase_gradient_breaks_pairs():
    """Without triplets: omega sin - Delta cos + (1/2) D_kl q_k q_l sin cos = 0."""
    D, q, Delta = np.array([[1.5, 0.2], [0.2, 1.0]]), np.array([0.8, -0.5]), 0.9
    breaking = q @ D @ q / 2
    G, _ = moving(complete(A=-q / 2, D=D, Delta=(Delta, 0)))
    for omega, g in zip(THREE, np.asarray(to_nambu(G)), strict=True):
        balance = lambda t, w=omega: w * np.sin(t) - Delta * np.cos(t) + breaking * np.sin(t) * np.cos(t)  # noqa: E731
        angle = scipy.optimize.brentq(balance, 0, np.pi / 2, xtol=1e-15)
        np.testing.assert_allclose(g, np.cos(angle) * TAU[2] + np.sin(angle) * TAU[1], atol=1e-12)


@pytest.mark.parametrize("omega", [0.2, 1.5])
def test_lifshitz_invariant(omega):
    """d2F/dh_i dq_k = chi_ij gamma_jk / 2 with chi_ij = d2F/dh_i dh_j, for one frequency at its stationary point.

    F_xy = f_xy - f_xu f_uu^-1 f_uy at h = q = 0 (Kokkeler et al., Sec. F, (S4), with the factor of physics.md).
    """
    V = green_to_frame(bcs(jnp.asarray(omega), 0.8 - 0.5j))
    Gamma = ((0.6, 0.1, 0.0), (0.1, 0.7, 0.2), (0.0, 0.2, 0.9))
    fields = complete(D=((1.5, 0.2), (0.2, 1.0)), gamma=GAMMA, Gamma=Gamma, Delta=(0.8, -0.5))
    slope, H = (np.asarray(x) for x in expansion(V, omega, fields))
    assert np.abs(slope[:8]).max() < 1e-13
    F = H[8:, 8:] - H[8:, :8] @ np.linalg.solve(H[:8, :8], H[:8, 8:])
    chi, mixed = F[:3, :3], F[:3, 3:]
    assert np.abs(chi).max() > 0.1
    np.testing.assert_allclose(mixed, chi @ GAMMA / 2, atol=1e-13)


# --- refusals -----------------------------------------------------------------------------------


@pytest.mark.parametrize("omega", [0.0, -0.3, -1.0])
def test_frequencies_must_be_positive(omega):
    with pytest.raises(ValueError, match=r"omega = -?[01]\.[0-9]*; a bulk value needs omega > 0"):
        bulk_value(np.array([0.5, omega]), 1.0)


def test_unknown_fields_are_named():
    with pytest.raises(ValueError, match=r"unknown fields \['alpha'\]; expected some of \['A', 'D'"):
        bulk_value(1.0, 1.0, alpha=np.zeros((3, 2)))


def test_unphysical_numbers_give_an_error_not_nan():
    with pytest.raises(ValueError, match=r"no physical bulk solution found at omega = \[0\.5 1"):
        bulk_value(np.array([0.5, 1.0]), np.nan)


def test_numbers_take_one_program_for_any_few_frequencies():
    """Whatever the fields' numbers: a user meets electrodes of all kinds, and sums of all lengths."""
    fields = {"h": (0.0, 0.31, 0.0), "Gamma": 0.17}
    bulk_value([0.5, 1.0, 2.0], 1.76, **fields)
    with uses.Heard() as heard:
        many = bulk_value(np.linspace(0.4, 3.0, 8), 1.5 * np.exp(0.4j), h=(0.2, 0.0, 0.1), Gamma=0.4)
        one = bulk_value(0.4, 1.5 * np.exp(0.4j), h=(0.2, 0.0, 0.1), Gamma=0.4)
    assert heard.programs == 0
    assert np.abs(np.asarray(many)[0] - np.asarray(one)).max() < 1e-14
    inside = jax.jit(lambda x: x * bulk_value(0.4, 1.5 * np.exp(0.4j), h=(0.2, 0.0, 0.1), Gamma=0.4))
    assert np.abs(np.asarray(inside(2.0)) - 2 * np.asarray(one)).max() < 1e-14
