"""The vortex: profiles against radial references, second order in the mesh size, weak and strongly nonlinear."""

import jax.numpy as jnp
import numpy as np
import pytest
from radial import RadialVortex
from scipy.interpolate import CubicSpline
from scipy.optimize import minimize_scalar
from shared import DELTA, OMEGA

import jusadel as ju

pytestmark = pytest.mark.filterwarnings(
    "ignore:the mesh is too coarse:jusadel.CoarseMeshWarning"
)  # errors are measured
RADII = np.array([0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.5])


def polar(mesh, vectors):
    """Radial and azimuthal components of nodal vectors (n, >= 2)."""
    r = np.hypot(*mesh.points.T)
    x, y = mesh.points.T / np.where(r > 0, r, 1)
    return x * vectors[:, 0] + y * vectors[:, 1], x * vectors[:, 1] - y * vectors[:, 0]


def ring_averages(mesh, values):
    """Means over the mesh's concentric rings, as a spline in r."""
    r, ring = np.unique(np.round(np.hypot(*mesh.points.T), 9), return_inverse=True)
    return CubicSpline(r, np.bincount(ring, values) / np.bincount(ring))


def profiles(sol):
    """{name: values at RADII} of one solution, and its free energy."""
    S = np.asarray(ju.spin_density(sol))
    _, j = polar(sol.mesh, np.asarray(ju.charge_current(sol, at="nodes")))
    S_r, _ = polar(sol.mesh, S)
    named = {"j": j, "S_r": S_r, "S_z": S[:, 2]}
    return {k: ring_averages(sol.mesh, v)(RADII) for k, v in named.items()} | {"F": np.array([ju.free_energy(sol)])}


def radial(case, n=800):
    strong = {"gamma": 0.7484018172, "spin_field": 0.15, "theta": 0.2, "kappa": 0.1}
    given = {"Gamma": 2 * DELTA, **strong} if case == "all" else {"Gamma": 10 * DELTA, "gamma": 1e-3}
    return RadialVortex(6.0, DELTA, 2 * DELTA, n=n, **given)


@pytest.fixture(scope="module")
def radial_profiles():
    out = {}
    for case, omega in OMEGA.items():
        vortex = radial(case)
        one = vortex.solve(omega)
        S = CubicSpline(vortex.r, one["S"])(RADII)
        pairing = DELTA**2 * (np.log(1 / np.pi) + 2 / omega) * np.pi * 6.0**2
        out[case] = {"j": CubicSpline(one["middle"], one["j"])(RADII), "S_r": S[:, 0], "S_z": S[:, 2]}
        out[case]["F"] = np.array([one["F"] + pairing])
    return out


def test_radial_code_agrees_with_the_nonlinear_reference(references, radial_profiles):
    value, ours = references["R208"]["value"], radial_profiles["all"]
    for name, key in (("j", "j_phi"), ("S_r", "S_r")):
        np.testing.assert_allclose(ours[name], value[key][:7], rtol=3e-5)
    np.testing.assert_allclose(ours["S_z"], value["S_z"][:7], rtol=5e-4)


def test_radial_code_agrees_with_the_weak_reference(references):
    """C1, the sum over all frequencies at T = 0.05 Tc: positions and heights of the maxima."""
    vortex = RadialVortex(8.0, DELTA, 2 * DELTA, 10 * DELTA, gamma=1e-3)
    omega, weights = ju.matsubara.quadrature(0.05, 24)
    solved = [vortex.solve(omega[0])]
    for w in omega[1:]:
        solved.append(vortex.solve(w, solved[-1]["frames"]))
    total = lambda name: np.pi * 0.05 * sum(w * one[name] for w, one in zip(weights, solved, strict=True))  # noqa: E731
    value = references["R192"]["value"]
    for where, profile, r, height in (
        (solved[0]["middle"], total("j"), value["r_j"], value["j_max"]),
        (vortex.r, total("S")[:, 0] / 1e-3, value["r_S"], value["S_max_over_gamma0"]),
    ):
        spline = CubicSpline(where, profile)
        peak = minimize_scalar(lambda x, s=spline: -s(x), bounds=(0.3, 2), method="bounded").x
        assert peak == pytest.approx(r, rel=3e-3)  # what 24 frequencies leave
        assert spline(peak) == pytest.approx(height, rel=1e-3)


@pytest.mark.parametrize("case", ["weak", "all"])
@pytest.mark.parametrize("name", ["j", "S_r", "F"])
def test_one_percent_at_4000_nodes(vortex_solutions, radial_profiles, case, name):
    sol, exact = vortex_solutions[case][-1], radial_profiles[case][name]
    assert 3500 < len(sol.Delta) < 4500
    assert np.abs(profiles(sol)[name] - exact).max() < 0.01 * np.abs(exact).max()


def test_nonlinear_vortex_against_the_reference_file(vortex_solutions, references):
    """C3 with gamma, theta, kappa and spin_field on, straight from the file, at every radius."""
    value, ours = references["R208"]["value"], profiles(vortex_solutions["all"][-1])
    np.testing.assert_allclose(ours["j"], value["j_phi"][:7], rtol=0.01)
    np.testing.assert_allclose(ours["S_r"], value["S_r"][:7], atol=0.01 * max(value["S_r"]))
    np.testing.assert_allclose(ours["S_z"], value["S_z"][:7], atol=0.01 * max(value["S_z"]))


@pytest.mark.parametrize("case", ["weak", "all"])
@pytest.mark.parametrize("name", ["j", "S_r", "S_z", "F"])
def test_second_order_in_the_mesh_size(vortex_solutions, radial_profiles, case, name):
    if case == "weak" and name == "S_z":
        pytest.skip("S_z vanishes to first order in gamma")
    exact = radial_profiles[case][name]
    errors = [np.abs(profiles(sol)[name] - exact).max() for sol in vortex_solutions[case]]
    sizes = [len(sol.Delta) ** -0.5 for sol in vortex_solutions[case]]
    order = np.polyfit(np.log(sizes), np.log(errors), 1)[0]
    assert 1.7 < order < 2.5, f"order {order:.2f}, errors {errors}"


def test_symmetry_of_the_texture(vortex_solutions):
    """Rashba: spin perpendicular to the current, outwards for gamma_xy > 0; no radial current."""
    sol = vortex_solutions["weak"][-1]
    S_r, S_phi = polar(sol.mesh, np.asarray(ju.spin_density(sol)))
    inside = np.hypot(*sol.mesh.points.T) < 5
    assert ring_averages(sol.mesh, S_r)(1.0) > 0
    assert np.abs(S_phi[inside]).max() < 2e-3 * S_r.max()


@pytest.mark.parametrize("case", ["weak", "all"])
def test_solution_is_certified_and_normalised(vortex_solutions, case):
    for sol in vortex_solutions[case]:
        assert sol.converged.all()
        assert sol.stable.all()
        assert sol.stats["inertia"].tolist() == [[2 * len(sol.Delta), 6 * len(sol.Delta)]]
        assert ju.nambu.normalisation_error(sol.G) < 1e-13


def test_symmetries_of_the_usual_green_function(vortex_solutions):
    """Charge conjugation, Eq. (2), and chronological symmetry, Eq. (3), give the same g at -omega; it solves there."""
    from jusadel.action import matrix_free as lifted, nambu

    sol = vortex_solutions["all"][0]
    g = ju.to_nambu(sol.G)
    minus = nambu.chronological_conjugate(g)
    assert np.abs(g @ g - np.eye(4)).max() < 1e-12
    assert np.abs(minus - nambu.charge_conjugate(g)).max() < 1e-12
    G_minus = jnp.real(nambu.from_nambu(minus[0]))  # near -R3 where the pair potential is weak
    frames = nambu.green_to_frame(-G_minus) @ jnp.asarray(nambu.TANGENT[0])  # R1 turns R3 into -R3
    assert np.abs(nambu.frame_to_green(frames) - G_minus).max() < 1e-12
    gradient = lambda V, omega: lifted.residual(lifted.lift(sol.system), V[None], jnp.array([omega]))  # noqa: E731
    residual = gradient(frames, -OMEGA["all"])
    normal = jnp.broadcast_to(jnp.eye(4), G_minus.shape)
    start = gradient(normal, OMEGA["all"])
    assert jnp.linalg.norm(residual) < 1e-9 * jnp.linalg.norm(start)
