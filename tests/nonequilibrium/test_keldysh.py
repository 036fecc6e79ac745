"""The kinetic equations of the discrete action: against typed equations, in equilibrium, and their symmetries."""

from dataclasses import replace
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
import scipy.sparse.linalg
from random_device import ALL, EVERY, OMEGA, dense, frames, small_mesh
from scipy.spatial.transform import Rotation
from shared import commutator

import jusadel as ju
from jusadel.action.assembly import discretise
from jusadel.action.barriers import barrier
from jusadel.action.matrix_free import lift
from jusadel.action.mesh_action import action
from jusadel.action.nambu import R, advanced, bcs, from_nambu
from jusadel.action.nambu.frames import frame_to_green, positivity, retract
from jusadel.action.sparse_hessian import Pattern
from jusadel.nonequilibrium.diffusion import normal_equations
from jusadel.nonequilibrium.keldysh import (
    ALL_MODES,
    CHARGE_AND_SPIN,
    PHI,
    blocks,
    currents_of_cells,
    frequency_matrix,
    keldysh_matrices,
)
from jusadel.nonequilibrium.linear import of_neighbours
from jusadel.nonequilibrium.linear.equations import Assembly
from jusadel.nonequilibrium.linear.factors import Reduced, SingularError
from jusadel.observables.cuts import flux_through_triangles
from jusadel.observables.densities import _spin_currents

MESH = small_mesh()
N = len(MESH.points)
EPSILON = np.array([[[(i - j) * (j - k) * (k - i) / 2 for k in range(3)] for j in range(3)] for i in range(3)])
ENERGY = 0.9  # real part of the complex frequency OMEGA - i ENERGY


def discrete(given=ALL, Delta=0.0, boundaries=None, A=None):
    materials = {name: ju.Material(Tc=1.0, **fields) for name, fields in given.items()}
    device = ju.Device(
        mesh=MESH, materials=materials, boundaries=boundaries or {}, vector_potential=A and ju.electrode_gauge(A)
    )
    return discretise(device, jnp.full((len(MESH.triangles), 3), Delta, complex))


def normal_state(count=N):
    retarded = np.broadcast_to(R[2], (count, 4, 4)).astype(complex)
    return retarded, np.asarray(advanced(jnp.asarray(retarded)))


# --- the typed equations of the normal state ---------------------------------------------------------


def typed_currents(p, mu, dmu, S, dS):
    """j_k and j_kl of charge and spin per 2 nu (docs/physics.md, sections 5 and 8), for dmu (2,), dS (2, 3)."""
    D, e = np.trace(p["D"]) / 2, EPSILON[:2, :2, 2]  # eps_jkz
    j = -p["D"] @ dmu + D * np.einsum("i,jk,ji->k", p["theta"], e, dS)
    j = j + (p["gamma"] + p["magnetic_gamma"]).T @ S
    j = j - D * np.einsum("ajk,ja->k", p["P"], dS) + D * p["hall"] * np.einsum("jk,j->k", e, dmu)
    spin = -p["D"] @ dS + D * np.einsum("l,jk,j->kl", p["theta"], e, dmu)
    spin = spin + D * np.einsum("i,jk,iml,jm->kl", p["kappa"], e, EPSILON, dS)
    spin = spin - D * np.einsum("ljk,j->kl", p["P"], dmu) + D * np.einsum("ajk,aml,jm->kl", p["K"], EPSILON, dS)
    return j, spin + D * p["hall"] * np.einsum("jk,jl->kl", e, dS)


def typed_weak_form(mesh, given, f):
    """Int (-j.grad phi_n) and Int (-j_kl d_k phi_n - phi_n torque_l) for mu and S linear in each triangle.

    Terms without gradients, and those with one, at the corners, those with two at the centroid. A spin field turns
    the spins on their way to the centroid, S -> S + 2 (offset_k a_k) x S + ...: d_k there becomes D_k = d_k + 2 a_k x.
    """
    out = np.zeros((len(mesh.points), 4))
    for t, corners in enumerate(mesh.triangles):
        p = {k: np.asarray(v) for k, v in given[list(mesh.regions)[mesh.region_of_triangle[t]]].items()}
        grad, volume = mesh.shape_gradients[t], mesh.areas[t] * p["nu"]
        offsets = mesh.points[corners] - mesh.centroids[t]
        turn = Rotation.from_rotvec(2 * offsets @ p["spin_field"].T).as_matrix()
        mu, S = f[corners, 0], np.einsum("ilm,im->il", turn, f[corners, 1:])
        dmu = grad.T @ mu
        j, j_spin = typed_currents(p, mu.mean(), dmu, f[corners, 1:].mean(axis=0), grad.T @ S)
        out[corners, 0] -= volume * grad @ j
        out[corners, 1:] += volume * np.einsum("iml,im->il", turn, -grad @ j_spin)
        out[corners, 1:] += volume * (p["gamma"] + p["magnetic_gamma"]) @ dmu / 3  # the torque -gamma_lm d_m mu
        out[corners] += volume / 2 * typed_odd_galvanic(p["mu"], f[corners], grad, turn)
        torque = 2 * np.cross(p["h"], f[corners, 1:])
        Gamma = p["Gamma"] + p["magnetic_Gamma"]
        torque -= (np.trace(Gamma) * f[corners, 1:] - f[corners, 1:] @ Gamma) / 2
        out[corners, 1:] -= volume / 3 * torque
    return out


def typed_odd_galvanic(tensor, f, grad, turn):
    """Twice Int (-j.grad phi_n) and Int (-phi_n torque_l) of mu by parts: half of each current as the other's torque.

    The integral along the edges that remains has the value of the corner itself in place of that along them.
    """
    mu, S = f[:, 0], f[:, 1:]
    carried = np.einsum("nml,cmi,ik->nclk", turn, turn, tensor)  # mu of corner c as corner n sees it
    out = np.zeros_like(f)
    slope_of_S = np.einsum("nim,ck,cij,cj->nkm", turn, grad, turn, S)
    out[:, 0] += np.einsum("lk,nkl->n", tensor, slope_of_S) / 3
    out[:, 0] -= np.einsum("nk,nclk,nl->n", grad, carried, S) / 3 + grad @ tensor.T @ S.mean(axis=0)
    out[:, 1:] -= tensor @ (grad.T @ mu) / 3
    out[:, 1:] -= np.einsum("nk,nclk,nc->nl", grad, carried, mu[:, None] - mu) / 3
    return out


def without(*names):
    return {region: fields | {k: np.zeros_like(fields[k]) for k in names} for region, fields in EVERY.items()}


@pytest.mark.parametrize("spin_field", [False, True])
def test_normal_state_is_that_of_the_typed_equations(spin_field):
    """Two materials with random tensors, irregular triangles, random mu and S."""
    given = EVERY if spin_field else without("spin_field")
    equations, mass = normal_equations(discrete(given))
    f = np.random.default_rng(5).normal(size=(N, 4))
    expected = typed_weak_form(MESH, given, f)
    assert np.abs(expected).max() > 1
    assert np.abs(equations(f) - expected).max() < 1e-12 * np.abs(expected).max()
    nu = np.array([given[name]["nu"] for name in MESH.regions])[MESH.region_of_triangle]
    weight = np.bincount(MESH.triangles.ravel(), np.repeat(nu * MESH.areas / 3, 3))
    np.testing.assert_allclose(mass, weight[:, None] * np.ones(4), rtol=1e-12)  # +d_t mu, +d_t S


def test_covariant_and_written_out_spin_field():
    """D_k S = d_k S + 2 a_k x S with Gamma is the typed equation with alpha = a D and Gamma + 8 D a a, at one point."""
    rng = np.random.default_rng(6)
    a, D, Gamma = rng.normal(size=(3, 2)), ALL["left"]["D"], ALL["left"]["Gamma"]
    S, dS, ddS = rng.normal(size=3), rng.normal(size=(2, 3)), rng.normal(size=(2, 2, 3))
    ddS = ddS + ddS.swapaxes(0, 1)

    def twist(v):
        return 2 * np.einsum("mk,lmr,...r->...kl", a, EPSILON, v)  # 2 a_k x v

    covariant = dS + twist(S)
    second = ddS + np.einsum("jkl->kjl", twist(dS))  # d_k (D_j S), [k, j, l]
    second = second + np.einsum("jkl->kjl", 2 * np.einsum("mk,lmr,jr->jkl", a, EPSILON, covariant))
    left = -np.einsum("kj,kjl->l", D, second)
    left += (np.trace(Gamma) * S - Gamma @ S) / 2
    alpha, total = a @ D, Gamma + 8 * np.einsum("kl,ik,jl->ij", D, a, a)
    divergence = -np.einsum("kj,kjl->l", D, ddS) - 2 * np.einsum("mk,lmr,kr->l", alpha, EPSILON, dS)
    torque = -(np.trace(total) * S - total @ S) / 2 + 2 * np.einsum("mk,lmr,kr->l", alpha, EPSILON, dS)
    np.testing.assert_allclose(left, divergence - torque, rtol=1e-12, atol=1e-12)


def test_currents_of_cells_are_the_typed_ones():
    """All but that of mu, which takes half of its S along the way, and is that of a triangle to first order only."""
    given = without("mu")
    system = discrete(given)
    f = np.random.default_rng(7).normal(size=(N, 4))
    found = currents_of_cells(system, *(x.real for x in normal_state()), f, CHARGE_AND_SPIN)
    for t, corners in enumerate(MESH.triangles):
        p = given[list(MESH.regions)[MESH.region_of_triangle[t]]]
        offsets = MESH.points[corners] - MESH.centroids[t]
        turn = Rotation.from_rotvec(2 * offsets @ p["spin_field"].T).as_matrix()
        S, grad = np.einsum("ilm,im->il", turn, f[corners, 1:]), MESH.shape_gradients[t]
        j, spin = typed_currents(p, None, grad.T @ f[corners, 0], f[corners, 1:].mean(axis=0), grad.T @ S)
        expected = 2 * p["nu"] * np.concatenate([j[None], spin.T])
        np.testing.assert_allclose(found[t], expected, rtol=1e-11, atol=1e-11)


green_of_steps = jax.jit(lambda V, u: frame_to_green(retract(V, u)))


def test_spin_currents_of_solutions_approach_those_of_cells():
    """At one energy in equilibrium both are Im(-dS/da)/2. Where a field turns spins -da acts along the way from a
    corner to the centroid, and in `currents_of_cells` at its end: triangles differ in first, fluxes in second order.
    """
    turns, differences = np.random.default_rng(8).normal(size=(2, 8, 2)) @ [1, 1j], []
    fields = {"spin_field": 0.5 * ALL["left"]["spin_field"], "gamma": ALL["left"]["gamma"]}
    for n in (8, 16):
        mesh = ju.rectangle(1.0, 1.0, 1.0, x=np.linspace(0, 1, n + 1), y=np.linspace(0, 1, n + 1))
        device = ju.Device(mesh=mesh, materials=ju.Material(**fields))
        system = discretise(device, jnp.zeros((len(mesh.triangles), 3), complex))
        x, y = mesh.points.T
        u = 0.2 * (np.sin(1 + 2 * x)[:, None] * turns[0] + np.cos(x - y)[:, None] * turns[1])
        G = green_of_steps(jnp.broadcast_to(jnp.eye(4, dtype=complex), (len(x), 4, 4)), jnp.asarray(u))
        equilibrium = np.eye(8)[np.zeros(len(x), int)].astype(complex)
        at_centroids = -currents_of_cells(system, G, advanced(G), equilibrium)[:, 2:5].real
        of_solutions = -np.asarray(jax.jit(_spin_currents)(system, G)).imag / 2
        both = [flux_through_triangles(mesh, j, (0.5, 0.0), (0.5, 1.0))[0] for j in (at_centroids, of_solutions)]
        differences.append(np.abs(both[0] - both[1]).max() / np.abs(both[1]).max())
    assert 1e-4 < differences[-1] < 0.01
    assert np.log2(differences[0] / differences[1]) == pytest.approx(2.0, abs=0.25)


def test_real_and_complex_arithmetic_agree_and_other_modes_do_not_couple():
    system, normal = discrete(), normal_state()
    at_rest = frequency_matrix(0.0, 0.0)
    whole = Assembly(system).equations(blocks(system, *normal, at_rest)).B.toarray().reshape(N, 8, N, 8)
    part = Assembly(system, CHARGE_AND_SPIN).equations(
        blocks(system, *(x.real for x in normal), at_rest, CHARGE_AND_SPIN)
    )
    chosen, others = list(CHARGE_AND_SPIN), [0, 5, 6, 7]
    part = part.B.toarray().reshape(N, 4, N, 4)
    np.testing.assert_allclose(part, whole[:, chosen][:, :, :, chosen], atol=1e-12 * np.abs(part).max())
    assert np.abs(whole[:, chosen][:, :, :, others]).max() == 0
    assert np.abs(whole[:, others][:, :, :, others]).max() > 0.1


@pytest.mark.parametrize("modes", [ALL_MODES, CHARGE_AND_SPIN])
def test_diffusion_without_links_is_that_of_the_cells(modes):
    """Its closed form, beside the other terms, for matrices that solve nothing; and where nothing else is there."""
    if modes == ALL_MODES:
        retarded = frame_to_green(frames(MESH, complex))
        adv = advanced(retarded)
    else:
        retarded, adv = (x.real for x in normal_state())
    for given in (without("spin_field"), without("spin_field", "gamma", "theta", "kappa")):
        system = discrete(given)
        assert not system.links
        quick, plain = (
            Assembly(s, modes).equations(blocks(s, retarded, adv, frequency_matrix(0.3, -0.3), modes)).B
            for s in (system, replace(system, links=True))
        )
        assert abs(quick - plain).max() < 1e-12 * abs(plain).max()


def test_real_matrices_do_not_serve_all_modes():
    with pytest.raises(ValueError, match="real R serves the modes"):
        blocks(discrete(), *(x.real for x in normal_state()), frequency_matrix(0.0, 0.0), ALL_MODES)


# --- superconductors -------------------------------------------------------------------------------

ENDS = {"left": ju.Reservoir(1.3), "right": ju.Reservoir(1.1, phase=0.9)}


def field(x):
    return jnp.stack([0.3 * jnp.cos(x[:, 1]), 0.2 * x[:, 0] ** 2], axis=1)


@pytest.fixture(scope="module")
def superconductor():
    """A retarded solution at OMEGA - i ENERGY with every term on, between two electrodes: (system, R, A)."""
    system = discrete(Delta=0.7 + 0.3j, boundaries=ENDS, A=field)
    free, n = np.asarray(system.free), N
    V = np.broadcast_to(np.eye(4, dtype=complex), (n, 4, 4)).copy()
    for real_energy in (0.0, ENERGY / 2, ENERGY):  # the first from the normal state
        omega = OMEGA - 1j * real_energy
        for name, electrode in ENDS.items():
            G = bcs(omega, electrode.Delta * np.exp(1j * electrode.phase))
            V[MESH.boundary_nodes(name)] = np.asarray(ju.nambu.green_to_frame(G))
        for _ in range(12):
            gradient, hessian = (np.asarray(x) for x in dense(system, jnp.asarray(V), omega))
            unknown = np.repeat(free, 8)
            step = np.zeros(8 * n, complex)
            step[unknown] = np.linalg.solve(hessian[np.ix_(unknown, unknown)], -gradient.ravel()[unknown])
            u = ju.nambu.cap_step(jnp.asarray(step.reshape(n, 8)), 0.5)
            V = np.array(retract(jnp.asarray(V), u))
            if np.abs(gradient[free]).max() < 1e-10:
                break
    assert np.abs(gradient[free]).max() < 1e-10
    retarded = frame_to_green(jnp.asarray(V))
    assert float(positivity(retarded).min()) > 0
    return system, retarded, advanced(retarded)


def omegas():
    omega = OMEGA - 1j * ENERGY
    return omega, -np.conj(omega)


def test_matrices_are_normalised(superconductor):
    _, retarded, adv = superconductor
    f = jnp.asarray(np.random.default_rng(0).normal(size=(N, 8)))
    G = keldysh_matrices(retarded, adv, f.astype(complex))
    assert float(jnp.abs(G @ G + jnp.eye(8)).max()) < 1e-12


def test_equilibrium_is_an_exact_solution(superconductor):
    """One distribution everywhere, if the bath has it too; without a bath what broadens the levels is a sink."""
    system, retarded, adv = superconductor
    f = np.zeros((N, 8))
    f[:, 0] = 0.7
    assembly, free = Assembly(system), np.asarray(system.free)
    exact, sink = (
        assembly.equations(blocks(system, retarded, adv, frequency_matrix(*omegas(), bath)))(f)
        for bath in (0.7 * np.eye(4), 0.0)
    )
    assert np.abs(exact[free]).max() < 1e-10
    assert np.abs(sink[free]).max() > 0.01


def test_reactions_in_equilibrium_are_the_supercurrent(superconductor):
    """What is left over at the electrodes is Im(dS/dchi)/4 where G is turned by exp(chi R3).

    The current is pi T Sum dS/dchi over Matsubara frequencies, (1/2) Int tanh(E/2T) Im dS/dchi dE over E > 0.
    """
    system, retarded, adv = superconductor
    f = np.zeros((N, 8))
    f[:, 0] = 1.0
    equations = Assembly(system).equations(blocks(system, retarded, adv, frequency_matrix(*omegas(), np.eye(4))))
    slope = jax.jit(jax.grad(lambda G: action(system, G, omegas()[0]), holomorphic=True))(retarded)
    turned = commutator(jnp.asarray(R[2], complex), retarded)
    expected = np.asarray(jnp.sum(slope * turned, axis=(1, 2)).imag) / 4
    held = ~np.asarray(system.free)
    assert np.abs(expected[held]).max() > 1e-2
    np.testing.assert_allclose(equations(f)[held, 1], expected[held], atol=1e-10)


def large(system, monkeypatch, modes=ALL_MODES):
    """Its assembly as on meshes of many triangles."""
    monkeypatch.setattr(of_neighbours, "CHUNKS", (1,))
    return Assembly(system, modes)


def test_large_meshes_have_the_equations_of_small_ones(superconductor, monkeypatch):
    """Blocks between neighbours, and the torques of 8x8 matrices by triangles: all terms, and a spin field alone."""
    spins = discrete({region: {k: fields[k] for k in ("D", "nu", "spin_field")} for region, fields in ALL.items()})
    normal, at_rest = [x.real for x in normal_state()], frequency_matrix(0.0, 0.0)
    cases = [(*superconductor, frequency_matrix(*omegas()), ALL_MODES), (spins, *normal, at_rest, CHARGE_AND_SPIN)]
    for system, retarded, adv, omega, modes in cases:
        expected = Assembly(system, modes).equations(blocks(system, retarded, adv, omega, modes))
        assembly = large(system, monkeypatch, modes)
        found = assembly.equations(assembly.blocks(retarded, adv, omega))
        assert abs(found.B - expected.B).max() < 1e-13 * abs(expected.B).max()
        np.testing.assert_array_equal(found.source, expected.source)


def test_large_meshes_take_advanced_from_retarded_matrices(superconductor, monkeypatch):
    system, retarded, adv = superconductor
    with pytest.raises(ValueError, match=r"A differs by .* A = -R3"):
        large(system, monkeypatch).blocks(retarded, adv * (1 + 1e-6), frequency_matrix(*omegas()))


def test_energy_is_conserved_where_nothing_takes_it(superconductor):
    """The energy column of B adds up to zero but for the bath, and charge but for the pair potential."""
    _, retarded, adv = superconductor
    metal = discrete(EVERY, boundaries=ENDS, A=field)
    B = Assembly(metal).equations(blocks(metal, retarded, adv, frequency_matrix(0.0, 0.0))).B
    sums = np.asarray(B.toarray()).reshape(N, 8, 8 * N).sum(axis=0)
    assert np.abs(sums[:2]).max() < 1e-12 * np.abs(B.toarray()).max()
    assert np.abs(sums[2:5]).max() > 0.1


@pytest.mark.parametrize(("energy", "ratio"), [(2.0, 1.064), (5.0, 1.1729), (12.0, 1.129)])
def test_reentrance_of_a_wire_on_a_superconductor(energy, ratio):
    """Conductance at one energy over the normal one, Delta = 50 D/L^2 (Nazarov and Stoof; Golubov et al.)."""
    x = np.linspace(0.0, 1.0, 61)
    mesh = ju.rectangle(1.0, 0.05, 0.05, x=x, y=np.array([0.0, 0.05]))
    ends = {"left": ju.Reservoir(0.0), "right": ju.Reservoir(50.0)}
    device = ju.Device(mesh=mesh, materials=ju.Material(Tc=0.0), boundaries=ends)
    system = discretise(device, jnp.zeros((len(mesh.triangles), 3), complex))
    lifted, left, right = lift(system), mesh.boundary_nodes("left"), mesh.boundary_nodes("right")
    pattern, V = Pattern(lifted), np.broadcast_to(np.eye(4, dtype=complex), (len(mesh.points), 4, 4))
    for eta in (10.0, 1.0, 1e-9):  # what broadens the levels takes up charge in proportion
        omega, V = eta - 1j * energy, np.array(V)
        V[right] = np.asarray(ju.nambu.green_to_frame(bcs(omega, 50.0)))
        for _ in range(8):
            (slope, matrix), step = pattern.slope_and_matrix(lifted, V, omega), np.zeros((len(V), 8), complex)
            step[pattern.free] = scipy.sparse.linalg.spsolve(matrix, -slope[pattern.free].ravel()).reshape(-1, 8)
            V = np.array(retract(jnp.asarray(V), ju.nambu.cap_step(jnp.asarray(step), 0.5)))
    retarded = frame_to_green(jnp.asarray(V))
    assert float(positivity(retarded).min()) > -1e-9
    equations = Assembly(system).equations(
        blocks(system, retarded, advanced(retarded), frequency_matrix(omega, -np.conj(omega)))
    )
    unknown, given = np.ones((len(V), 8), bool), np.zeros((len(V), 8))
    unknown[left] = unknown[right] = False
    given[left, 1] = 1.0
    taken = equations(Reduced(equations.B, unknown).solve(-equations.source, given))[:, 1]
    assert taken[left].sum() / 0.05 == pytest.approx(ratio, rel=2e-3)
    assert taken[right].sum() == pytest.approx(-taken[left].sum(), rel=1e-7)


def test_imaginary_equations_are_refused(superconductor):
    system, retarded, _ = superconductor
    wrong = -retarded.conj()
    with pytest.raises(ValueError, match=r"imaginary part of .* A = -R3"):
        Assembly(system).equations(blocks(system, retarded, wrong, frequency_matrix(*omegas())))


# --- barriers --------------------------------------------------------------------------------------


def physical_matrix(seed):
    V = frames(MESH, complex)[seed : seed + 1]
    return frame_to_green(V)[0]


@pytest.mark.parametrize("transmissions", [None, (0.2, 0.9)])
def test_barrier_on_keldysh_matrices(transmissions):
    """Its slope for [W, G] is that of -(G_B/2 Sum T) Sum Tr ln(1 - T A/4), and block by block the usual barrier."""
    channels = transmissions and jnp.asarray(transmissions)
    p = SimpleNamespace(conductance=1.7, transmissions=channels, polarisation=None, scattering=None)
    one, two = (physical_matrix(k) for k in (3, 8))
    f = np.random.default_rng(1).normal(size=(2, 8)).astype(complex)
    G, other = (keldysh_matrices(x, advanced(x), jnp.asarray(v)) for x, v in zip((one, two), f, strict=True))
    block_by_block = barrier(one, two, p) + barrier(advanced(one), advanced(two), p)
    difference = complex(barrier(G, other, p) - block_by_block) / 1.7
    if transmissions:  # the logarithms' branches aside
        difference = np.exp(2 * sum(transmissions) * difference) - 1
    assert abs(difference) < 1e-10
    slope = np.asarray(jax.jit(jax.grad(lambda g: barrier(g, other, p), holomorphic=True))(G))
    braces = G @ other + other @ G
    expected = 1.7 / 4 * np.asarray(other)
    if transmissions:
        inverse = [np.linalg.inv(np.eye(8) - t / 4 * (braces + 2 * np.eye(8))) for t in transmissions]
        weighted = sum(t / 4 * x for t, x in zip(transmissions, inverse, strict=True))
        expected = 1.7 / (2 * sum(transmissions)) * np.asarray(weighted @ other + other @ weighted)
    np.testing.assert_allclose(slope.T, expected, atol=1e-10)


def test_spin_matrices_are_the_usual_ones():
    """Phi_b are 1, tau3, sigma_k, tau3 sigma_k of the Nambu basis."""
    sigma, tau3 = ju.nambu.SIGMA, np.kron(ju.nambu.SIGMA[2], np.eye(2))
    spins = [np.kron(np.eye(2), s) for s in sigma]
    usual = np.array([np.eye(4), tau3, *spins, *(tau3 @ s for s in spins)])
    np.testing.assert_allclose(np.asarray(from_nambu(usual)), 1j * PHI, atol=1e-14)  # from_nambu gives i times it


# --- the linear solver -------------------------------------------------------------------------------


def test_reduced_equations_against_dense_algebra():
    equations, _ = normal_equations(discrete())
    unknown = np.ones((N, 4), bool)
    unknown[MESH.boundary_nodes("left")] = False
    rng = np.random.default_rng(2)
    given, load = np.where(unknown, 0.0, rng.normal(size=(N, 4))), rng.normal(size=(N, 4))
    f = Reduced(equations.B, unknown).solve(load, given)
    B, u = equations.B.toarray(), unknown.ravel()
    expected = scipy.linalg.solve(B[np.ix_(u, u)], (load.ravel() - B @ given.ravel())[u])
    np.testing.assert_allclose(f.ravel()[u], expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(f[~unknown], given[~unknown])


def test_nothing_holds_the_potential():
    equations, _ = normal_equations(discrete())
    with pytest.raises(SingularError, match="a pivot"):
        Reduced(equations.B, np.ones((N, 4), bool))
