"""Real energies where G does not depend on space, or hardly: closed forms, symmetries, certificates, errors."""

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.integrate
import scipy.optimize

import jusadel as ju
from jusadel.action.nambu import bcs, to_nambu
from jusadel.solver.spectra import _checked_solver

# nothing depends on the mesh where G does not depend on space
pytestmark = pytest.mark.filterwarnings("ignore:the mesh is too coarse:jusadel.CoarseMeshWarning")
LINES = np.linspace(0, 1.0, 4)
REGIONS = {"one": lambda p: p[:, 0] < LINES[1], "two": lambda p: p[:, 0] > LINES[1]}
ENERGIES = np.array([0.0, 0.4, 0.8, 0.95, 1.0, 1.05, 1.3, 2.0, 5.0])
ONE = {"T": 0.1, "frequencies": ([0.3], [1.0])}


def strip(lines=LINES, **options):
    return ju.rectangle(lines[-1], 0.3, 1.0, x=lines, y=[0, 0.3], **options)


def superconductor(**fields):
    """A uniform film, whose solution is the homogeneous one."""
    return ju.Device(mesh=strip(regions=REGIONS), materials=ju.Material(Tc=1.0, **fields))


def bcs_states(z, Delta=1.0):
    """Re cosh(arctanh(Delta/z)) of complex energies z."""
    w = -1j * np.asarray(z)
    return (w / np.sqrt(w**2 + Delta**2)).real


@pytest.fixture(scope="module")
def uniform():
    return ju.solve(superconductor(), pair_potential=np.exp(0.7j), **ONE)


@pytest.mark.parametrize("eta", [1e-6, 0.01, 0.3])
def test_bcs_density_of_states_with_dynes_broadening(uniform, eta):
    N = ju.density_of_states(ju.spectrum(uniform, ENERGIES, eta=eta))
    assert N.shape == (len(ENERGIES), uniform.mesh.n_nodes)
    exact = bcs_states(ENERGIES + 1j * eta)[:, None]
    accuracy = np.where(ENERGIES == 1, max(1e-7, 1e-12 / eta), 1e-7)  # at the edge N moves by N/2 eta with the energy
    assert (np.abs(N / exact - 1) < accuracy[:, None]).all()


def test_green_function_is_normalised_retarded_and_has_the_phase_of_the_pair_potential(uniform):
    spec = ju.spectrum(uniform, ENERGIES, eta=0.02)
    np.testing.assert_allclose(spec.G @ spec.G, -np.eye(4) * np.ones(spec.G.shape), atol=1e-12)
    np.testing.assert_allclose(spec.G, bcs(spec.omega, np.exp(0.7j))[:, None] * jnp.ones(spec.G.shape), atol=1e-7)
    assert spec.converged.all()
    assert spec.stable.all()
    assert spec.Delta.shape == (uniform.mesh.n_nodes,)
    assert "9 of 9 certified" in repr(spec)


def test_energies_of_either_sign_in_any_order(uniform):
    """G(-E) = conj G(E), and g^A(E) = -tau3 g^R(E)^+ tau3."""
    spec = ju.spectrum(uniform, [1.2, -0.5, 0.5, -3.0], eta=0.05)
    z = np.array([1.2, -0.5, 0.5, -3.0]) + 0.05j
    np.testing.assert_allclose(spec.G[:, 0], bcs(-1j * z, np.exp(0.7j)), atol=1e-9)
    np.testing.assert_allclose(spec.G[1], np.conj(spec.G[2]), atol=1e-14)
    tau3 = np.diag([1, 1, -1, -1])
    g, g_A = (np.asarray(to_nambu(x)) for x in (spec.G, spec.advanced))
    np.testing.assert_allclose(g_A, -tau3 @ g.conj().swapaxes(-1, -2) @ tau3, atol=1e-12)
    np.testing.assert_allclose(spec.advanced[:, 0], -bcs(1j * z.conj(), -np.exp(0.7j)), atol=1e-9)


def test_exchange_field_splits_the_density_of_states():
    """Electrons along h are BCS's at E - |h|, those against it at E + |h|."""
    h = np.array([0.1, -0.2, 0.3])
    size = np.linalg.norm(h)
    energies = np.sort(np.outer([-1, 1], [*ENERGIES[1:], 1 - size, 1 + size]).ravel())
    spec = ju.spectrum(ju.solve(superconductor(h=h), pair_potential=1.0, **ONE), energies, eta=1e-3)
    up, down = (bcs_states(energies - s * size + 1e-3j) for s in (1, -1))
    np.testing.assert_allclose(ju.density_of_states(spec)[:, 0], (up + down) / 2, rtol=1e-7, atol=1e-9)
    S = ju.density_of_states(spec, spin=True)
    assert S.shape == (len(energies), spec.mesh.n_nodes, 3)
    np.testing.assert_allclose(S[:, 3], np.outer((up - down) / 2, h / size), rtol=1e-6, atol=1e-8)
    tip = ju.tunnelling_spectrum(spec, T=0.2, voltages=[0.6], polarisation=h / size)
    kernel = lambda E: (  # noqa: E731
        np.interp(E, energies, up) / (4 * 0.2 * np.cosh((E - 0.6) / 0.4) ** 2)
    )
    exact = scipy.integrate.quad(kernel, -5, 5, points=energies, limit=500)[0]
    assert tip[0, 0] == pytest.approx(exact, rel=1e-6)


def abrikosov_gorkov(omega, alpha):
    """cos theta of omega sin - cos + alpha sin cos = 0 (Delta = 1), followed from high above the real axis."""
    theta = 0j
    for rung in [*np.geomspace(30, 1e-4, 60), 0.0]:
        for _ in range(30):
            s, c, w = np.sin(theta), np.cos(theta), omega + rung
            theta -= (w * s - c + alpha * s * c) / (w * c + s + alpha * np.cos(2 * theta))
    return np.cos(theta)


def test_abrikosov_gorkov_density_of_states_of_a_current_carrying_ring():
    """A along a periodic strip breaks pairs with alpha = 2 D A^2: gap (1 - alpha^(2/3))^(3/2), no square-root edge."""
    alpha, eta = 0.3, 1e-4
    A = np.sqrt(alpha / 2)
    device = ju.Device(
        mesh=strip(0.03 * LINES),  # short against 1/A
        materials=ju.Material(),
        vector_potential=lambda x: jnp.stack([A + 0 * x[:, 0], 0 * x[:, 0]], axis=1),
        boundaries={"left": ju.Periodic("right")},
    )
    gap = (1 - alpha ** (2 / 3)) ** 1.5
    energies = np.array([0.0, 0.9 * gap, 0.99 * gap, 1.01 * gap, 1.1 * gap, 1.0, 1.5, 3.0])
    sol = ju.solve(device, pair_potential=1.0, **ONE)
    N = np.asarray(ju.density_of_states(ju.spectrum(sol, energies, eta=eta)))
    exact = np.array([abrikosov_gorkov(eta - 1j * E, alpha).real for E in energies])
    np.testing.assert_allclose(N, exact[:, None] * np.ones(N.shape), rtol=1e-3)
    assert N[2].max() < 0.02
    assert N[3].min() > 0.1


FAST = 1e4
"""Diffusion so fast that G is uniform on either side of a barrier."""


def mcmillan(omega, rates):
    """cos theta of a normal metal and a superconductor (Delta = 1) that exchange electrons at the rates (N, S)."""
    t = np.array([0.5, 1.0], complex)
    for rung in [*np.geomspace(30, 1e-3, 40), 0.0]:
        w = omega + rung
        for _ in range(30):
            s, c, r = np.sin(t), np.cos(t), np.asarray(rates)
            across = np.array([np.sin(t[0] - t[1]), np.sin(t[1] - t[0])])
            F = w * s - np.array([0, 1]) * c + r * across
            near = r * np.cos(t[0] - t[1])
            J = np.diag(w * c + np.array([0, 1]) * s + near) - np.array([[0, near[0]], [near[1], 0]])
            t = t - np.linalg.solve(J, F)
    return np.cos(t)


def test_minigap_of_a_normal_film_behind_a_tunnel_barrier():
    """A thin film behind a barrier sees the rate G_B/(4 nu d) (McMillan)."""
    rate, nu = 0.3, 1.7
    lid = ju.Tunnel(ju.Reservoir(1.0), conductance=4 * rate * nu * LINES[-1])
    device = ju.Device(mesh=strip(), materials=ju.Material(D=FAST, Tc=0.0, nu=nu), boundaries={"left": lid})
    energies = np.array([0.0, 0.1, 0.2, 0.25, 0.3, 0.6, 0.97, 1.2])
    N = np.asarray(ju.density_of_states(ju.spectrum(ju.solve(device, **ONE), energies, eta=1e-3)))
    exact = np.array([mcmillan(1e-3 - 1j * E, (rate, 0.0))[0].real for E in energies])
    np.testing.assert_allclose(N, exact[:, None] * np.ones(N.shape), rtol=2e-3)


def circuit(omega, rate, channels):
    """cos theta of a normal metal behind a barrier to a superconductor (Delta = 1): the current of each channel is
    sin(x)/(1 - T (1 - cos x)/2) with x the difference of the angles (Nazarov 1999)."""
    theta = 0j
    for rung in [*np.geomspace(30, 1e-3, 40), 0.0]:
        w = omega + rung

        def leaving(t, w=w):
            x = t - np.arctan(1 / w)
            each = [T * np.sin(x) / (1 - T * (1 - np.cos(x)) / 2) for T in channels]
            return w * np.sin(t) + rate * sum(each) / sum(channels)

        theta = scipy.optimize.newton(leaving, theta, tol=1e-12)
    return np.cos(theta)


def test_normal_film_behind_channels_and_a_magnetic_surface():
    """Two thin films: one behind a barrier with channels, one with an exchange field at its surface, which is h/d."""
    channels, rate = [0.2, 0.95], 0.3
    lid = ju.Tunnel(ju.Reservoir(1.0), conductance=4 * rate * LINES[-1], transmissions=channels)
    device = ju.Device(mesh=strip(), materials=ju.Material(D=FAST, Tc=0.0), boundaries={"left": lid})
    energies = np.array([0.0, 0.1, 0.2, 0.25, 0.3, 0.6, 0.97, 1.2])
    N = np.asarray(ju.density_of_states(ju.spectrum(ju.solve(device, **ONE), energies, eta=1e-3)))
    exact = np.array([circuit(1e-3 - 1j * E, rate, channels).real for E in energies])
    tunnel = np.array([mcmillan(1e-3 - 1j * E, (rate, 0.0))[0].real for E in energies])
    assert np.abs(exact - tunnel).max() > 0.05
    np.testing.assert_allclose(N, exact[:, None] * np.ones(N.shape), rtol=2e-3)
    magnet = ju.Surface(h=(0.0, 0.3 * LINES[-1], 0.0))
    film = ju.Device(mesh=strip(), materials=ju.Material(D=FAST), boundaries={"left": magnet})
    spec = ju.spectrum(ju.solve(film, pair_potential=1.0, **ONE), energies, eta=1e-3)
    up, down = (bcs_states(energies - s * 0.3 + 1e-3j) for s in (1, -1))
    np.testing.assert_allclose(ju.density_of_states(spec)[:, 0], (up + down) / 2, rtol=2e-3)
    np.testing.assert_allclose(ju.density_of_states(spec, spin=True)[:, 0, 1], (up - down) / 2, rtol=2e-3, atol=1e-3)


def test_mcmillan_densities_of_states_on_both_sides_of_an_interface():
    halves = {"N": lambda p: p[:, 0] < 0.5, "S": lambda p: p[:, 0] > 0.5}
    mesh = strip(regions=halves, lines=np.linspace(0, 1, 3))
    mesh = ju.with_cut_between(mesh, "N", "S", "border")
    device = ju.Device(
        mesh=mesh,
        materials={"N": ju.Material(D=FAST, Tc=0.0, nu=0.5), "S": ju.Material(D=FAST)},
        boundaries={"border": ju.Interface(conductance=0.4)},
    )
    sol = ju.solve(device, pair_potential={"S": 1.0, "N": 0.0}, **ONE)
    energies = np.array([0.0, 0.1, 0.3, 0.5, 0.8, 1.0, 1.3])
    spec = ju.spectrum(sol, energies, eta=5e-3)
    exact = np.array([mcmillan(5e-3 - 1j * E, (0.4, 0.2)).real for E in energies])
    for k, region in enumerate("NS"):
        np.testing.assert_allclose(ju.mean_density_of_states(spec, region), exact[:, k], rtol=3e-3)
    both = exact @ np.array([0.5, 1.0]) / 1.5  # by the states that there are
    np.testing.assert_allclose(ju.mean_density_of_states(spec), both, rtol=3e-3)
    with pytest.raises(ValueError, match="no region 'F'; its regions are"):
        ju.mean_density_of_states(spec, "F")


def test_reservoir_with_exchange_field_and_relaxation_at_real_energies():
    """Without relaxation BCS, split; with it the equation of references A holds at complex frequency."""
    omega = 0.02 - 1j * ENERGIES
    G = ju.bulk_value(omega, 1.0, (0, 0.3, 0))
    N = -np.einsum("ij,eji->e", np.asarray(ju.nambu.R[2]), G).real / 4
    np.testing.assert_allclose(N, (bcs_states(1j * omega - 0.3) + bcs_states(1j * omega + 0.3)) / 2, rtol=1e-7)
    h, Gamma = 0.4, 0.5
    G = np.asarray(to_nambu(ju.bulk_value(omega, 1.0, (0, 0, h), Gamma)))
    c = [(G[:, k, k] - G[:, 2 + k, 2 + k]) / 2 for k in (0, 1)]  # cos theta of spin up and down
    s = [(G[:, k, 2 + k] - G[:, 2 + k, k]) / -2j for k in (0, 1)]
    for one, other, sign in ((0, 1, 1), (1, 0, -1)):
        torque = Gamma / 4 * (s[one] * c[other] - c[one] * s[other])  # triplets relax at the rate Gamma
        np.testing.assert_allclose((omega + 1j * sign * h) * s[one] - c[one] + torque, 0, atol=1e-7)


# --- tunnelling ----------------------------------------------------------------------------------


def test_tunnelling_spectrum_is_the_thermally_smeared_density_of_states(uniform):
    energies, T, V = np.linspace(0, 4, 41), 0.1, np.array([-0.9, 0.0, 0.3, 1.1, 3.0])
    spec = ju.spectrum(uniform, energies, eta=0.05)
    found = np.asarray(ju.tunnelling_spectrum(spec, T, V))
    states = np.asarray(ju.density_of_states(spec))
    N = lambda E: np.interp(abs(E), energies, states[:, 2])  # noqa: E731
    for v, value in zip(V, found[:, 2], strict=True):
        smeared = lambda E: N(E) / (4 * T * np.cosh((E - v) / (2 * T)) ** 2)  # noqa: E731, B023
        assert value == pytest.approx(
            scipy.integrate.quad(smeared, -6, 6, points=np.r_[-energies, energies], limit=500)[0], rel=1e-6
        )
    cold = ju.tunnelling_spectrum(spec, T=1e-6)
    np.testing.assert_allclose(cold[3:], states[3:-1], rtol=1e-4)
    np.testing.assert_array_equal(ju.tunnelling_spectrum(spec, voltages=V), found)  # the solution's own T


def test_tunnelling_spectrum_needs_energies_round_the_voltages(uniform):
    spec = ju.spectrum(uniform, np.linspace(0, 1, 5), eta=0.1)
    with pytest.raises(ValueError, match=r"reach 1; with T = 0.1 .* up to 0.2 .* but they reach 0.5"):
        ju.tunnelling_spectrum(spec, voltages=[0.1, -0.5])
    with pytest.raises(ValueError, match="give more energies"):
        ju.tunnelling_spectrum(spec, T=1.0)
    with pytest.raises(ValueError, match=r"T = 0; expected the tip's temperature"):
        ju.tunnelling_spectrum(spec, T=0)
    with pytest.raises(ValueError, match=r"polarisation = .*at most of length one"):
        ju.tunnelling_spectrum(spec, T=0.01, polarisation=(1, 1, 0))


# --- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "kind", "message"),
    [
        ({"energies": [0.1, np.nan]}, ValueError, "expected finite numbers"),
        ({"energies": [[0.1]]}, ValueError, r"shape \(1, 1\)"),
        ({"energies": [1.0], "eta": 0.0}, ValueError, "eta = 0.0; expected a number > 0"),
        ({"energies": [1.0], "eta": -0.1}, ValueError, "eta = -0.1"),
        ({"energies": [1.0], "tol": 2.0}, ValueError, "tol = 2.0"),
        ({"energies": [1.0], "linear_solver": ju.linear.Krylov}, TypeError, "expected an instance"),
    ],
)
def test_bad_input_is_refused(uniform, given, kind, message):
    with pytest.raises(kind, match=message):
        ju.spectrum(uniform, **given)


def test_only_solutions_have_a_spectrum():
    with pytest.raises(TypeError, match="sol is Device; expected the Solution"):
        ju.spectrum(superconductor(), [1.0])


def test_energies_without_a_solution_are_named(uniform, monkeypatch):
    monkeypatch.setattr("jusadel.solver.newton.MAX_STEPS", 1)
    with pytest.raises(ju.SolveError, match=r"E = 0\.4, eta = 0\.01 .* 2 of 2 energies did not converge: raise eta"):
        ju.spectrum(uniform, [0.5, 0.4])
    spec = ju.spectrum(uniform, [0.5], throw=False)
    assert not spec.converged.any()


def test_unphysical_stationary_points_are_refused(uniform, monkeypatch):
    """From -G, as stationary as G itself, nothing leads back; the certificate is below zero."""
    monkeypatch.setattr("jusadel.solver.real_energies.NORMAL", ju.nambu.R[0])
    with pytest.raises(ju.SolveError, match=r"E = 0\.4 converged to an unphysical .* eigenvalue -"):
        ju.spectrum(uniform, [0.4])


def test_both_direct_solvers_agree_and_hard_pivots_are_searched(uniform):
    a, b = (ju.spectrum(uniform, [0.3, 0.99], eta=1e-3, linear_solver=s) for s in (None, ju.linear.Dense()))
    np.testing.assert_allclose(a.G, b.G, atol=1e-9)
    import scipy.sparse as sp

    rng = np.random.default_rng(0)
    B = rng.normal(size=(6, 6)) + 1j * rng.normal(size=(6, 6))
    matrix = np.block([[1e-14 * np.eye(6), B], [B.T, 1e-14 * np.eye(6)]])
    rhs = rng.normal(size=12) + 1j * rng.normal(size=12)
    solve, inertia = ju.linear.SuperLU().factorise(sp.csc_matrix(matrix))
    np.testing.assert_allclose(matrix @ solve(rhs), rhs, atol=1e-8)
    assert inertia == (-1, -1)


def test_pardiso_is_refused_at_real_energies(uniform):
    """It would read complex numbers as pairs of real ones, also where Krylov falls back on it."""
    solver = object.__new__(ju.linear.Pardiso)  # the extra need not be there
    for given, name in ((solver, "PARDISO"), (ju.linear.Krylov(fallback=solver), "SQMR with multigrid")):
        with pytest.raises(
            TypeError, match=rf"linear_solver = {name}; at real energies expected .*Krylov\(\) .*PARDISO"
        ):
            _checked_solver(given, uniform, 1)
