"""Derivatives of solutions against central differences, against each other, and against what they are in physics."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jusadel as ju
from jusadel.solver.derivatives.tracing import is_traced, still

# derivatives are those of the mesh's own equations, on any mesh
pytestmark = pytest.mark.filterwarnings("ignore:the mesh is too coarse:jusadel.CoarseMeshWarning")
EXACT = {"tol": 1e-12, "linear_solver": ju.linear.SuperLU()}


def central(f, step):
    """df/ds at s = 0, to second order."""
    return (np.asarray(f(step)) - np.asarray(f(-step))) / (2 * step)


def difference(f, step):
    """The same to fourth order, for steps that are not small."""
    return (4 * central(f, step) - central(f, 2 * step)) / 3


def directions(parameters, seed=0):
    """One random direction for each of the parameters."""
    rng = np.random.default_rng(seed)
    return {k: rng.normal(size=np.shape(v)) if np.ndim(v) else 1.0 for k, v in parameters.items()}


class Model:
    """A function of a dictionary of parameters with its Jacobian, and the central differences of one of them."""

    def __init__(self, function, parameters, step, rule=difference):
        self.function, self.step, self.rule = function, step, rule
        self.parameters = {k: jnp.asarray(v, float) for k, v in parameters.items()}
        self.along = directions(self.parameters)
        self.jacobian = jax.jacrev(function)(self.parameters)

    def gradient(self, name):
        return np.tensordot(self.jacobian[name], self.along[name], np.ndim(self.along[name]))

    def difference(self, name):
        moved = lambda s: self.parameters | {name: self.parameters[name] + s * jnp.asarray(self.along[name])}  # noqa: E731
        return self.rule(lambda s: self.function(moved(s)), self.step)


# --- an SNS junction with everything in it -----------------------------------------------------------

MESH = ju.rectangle(2.0, 0.8, 0.5)
NUMBERS = {
    "D": [[1.0, 0.1], [0.1, 0.8]],
    "h": [0.2, 0.3, 0.5],
    "Gamma": [[0.5, 0.1, 0.0], [0.1, 0.4, 0.0], [0.0, 0.0, 0.6]],
    "spin_field": 0.2 * ju.rashba(1.0),
    "gamma": 0.15 * ju.rashba(1.0),
    "theta": [0.0, 0.05, 0.1],
    "kappa": [0.0, 0.1, 0.2],
    "nu": 1.3,
    "Delta": 1.0,
    "phase": 0.8,
    "electrode h": [0.1, 0.0, 0.2],
    "electrode Gamma": 0.4,
    "conductance": 0.7,
    "transmissions": [0.3, 0.8],
    "surface h": [0.1, 0.0, 0.1],
    "surface rashba": 0.1,
    "B": 0.3,
    "T": 0.3,
    "pair potential": 0.2,
    "points": np.asarray(MESH.points),
}
SYMMETRIC = ("D", "Gamma")


def junction(p):
    sym = {name: (p[name] + p[name].T) / 2 for name in SYMMETRIC}
    bulk = {name: p[name] for name in ("h", "spin_field", "gamma", "theta", "kappa", "nu")}
    electrode = ju.Reservoir(p["Delta"], p["phase"], p["electrode h"], p["electrode Gamma"])
    boundaries = {
        "left": ju.Reservoir(p["Delta"]),
        "right": ju.Tunnel(electrode, p["conductance"], p["transmissions"]),
        "top": ju.Surface(h=p["surface h"], rashba=p["surface rashba"]),
    }
    device = ju.Device(
        mesh=MESH.with_points(p["points"]),
        materials=ju.Material(Tc=0.0, **bulk, **sym),
        boundaries=boundaries,
        vector_potential=ju.uniform_field(p["B"]),
    )
    return ju.solve(device, p["T"], p["pair potential"] * (1 + 0.5j), frequencies=3, **EXACT)


def measured(sol):
    S, f = ju.spin_density(sol), ju.pair_amplitude(sol)
    middle = len(S) // 2
    return jnp.stack(
        [ju.current_through(sol, "left"), S[middle] @ S[middle], jnp.abs(f[0][middle]), f[1][middle, 2].real]
    )


@pytest.fixture(scope="module")
def sns():
    return Model(lambda p: measured(junction(p)), NUMBERS, 2e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", NUMBERS)
def test_every_kind_of_parameter_of_a_junction(sns, name):
    exact = sns.difference(name)
    assert np.abs(exact).max() > 1e-4, "nothing to compare"
    np.testing.assert_allclose(sns.gradient(name), exact, rtol=1e-6, atol=1e-6 * np.abs(exact).max())


# --- a vortex, by Krylov iterations -------------------------------------------------------------------


def vortex(p):
    material = ju.Material(
        D=p["D"], Gamma=p["Gamma"], gamma=p["gamma"] * ju.rashba(1.0), spin_field=0.15 * ju.rashba(1.0)
    )
    device = ju.Device(mesh=VORTEX_MESH, materials=material)
    sol = ju.solve(device, 0.3, ju.vortex(p["Delta"]), frequencies=3, tol=1e-12, linear_solver=ju.linear.Krylov())
    return jnp.stack([ju.free_energy(sol), jnp.sum(ju.spin_density(sol)[:, :2] ** 2)])


VORTEX_MESH = ju.disk(3.0, 0.6, 0.2)


@pytest.mark.slow
def test_vortex():
    model = Model(vortex, {"D": 3.5, "Gamma": 1.0, "gamma": 0.4, "Delta": 1.764}, 1e-3)
    for name in model.parameters:
        np.testing.assert_allclose(model.gradient(name), model.difference(name), rtol=1e-6, err_msg=name)


# --- a self-consistent bilayer -----------------------------------------------------------------------

SIDES = {"S": lambda c: c[:, 0] < 1.5, "F": lambda c: c[:, 0] > 1.5}
BILAYER = ju.rectangle(3.0, 0.5, 0.5, x_lines=[1.5], regions=SIDES)
BILAYER_NUMBERS = {"Tc": 1.0, "Gamma": 0.5, "nu": 1.2, "D": 0.8, "h": [0.3, 0.0, 0.2], "T": 0.4, "length": 3.0}


def bilayer(p, **arguments):
    points = jnp.asarray(BILAYER.points) * jnp.stack([p["length"] / 3, 1.0])
    device = ju.Device(
        mesh=BILAYER.with_points(points),
        materials={
            "S": ju.Material(Tc=p["Tc"], Gamma=p["Gamma"], nu=p["nu"], h=0.3 * p["h"]),
            "F": ju.Material(D=p["D"], Tc=0.0, h=p["h"]),
        },
    )
    sol = ju.solve(device, p["T"], "self-consistent", **EXACT | {"frequencies": 4, "gap_tol": 1e-11} | arguments)
    S = ju.spin_density(sol)
    return jnp.stack([ju.free_energy(sol), S[0] @ S[0], jnp.abs(sol.Delta[0])])


@pytest.fixture(scope="module")
def self_consistent():
    return Model(bilayer, BILAYER_NUMBERS, 1.5e-4, central)


@pytest.mark.parametrize("name", BILAYER_NUMBERS)
def test_self_consistent_bilayer(self_consistent, name):
    exact = self_consistent.difference(name)
    np.testing.assert_allclose(self_consistent.gradient(name), exact, rtol=1e-6, atol=1e-8 * np.abs(exact).max())


def test_forward_and_backward_agree_self_consistently(self_consistent):
    direction = jax.tree.map(jnp.asarray, directions(self_consistent.parameters, 1))
    forward = jax.jvp(bilayer, (self_consistent.parameters,), (direction,))[1]
    backward = sum(np.tensordot(self_consistent.jacobian[k], v, np.ndim(v)) for k, v in direction.items())
    np.testing.assert_allclose(forward, backward, rtol=1e-10)


def film_at_a_normal_electrode(p):
    """D does not stand in the gap equation itself, and Tc in no other: each alone leaves one of them as it is."""
    film = ju.Material(D=p["D"], Tc=p["Tc"])
    device = ju.Device(mesh=NARROW, materials=film, boundaries={"right": ju.Reservoir(0.0)})
    sol = ju.solve(device, 0.2, "self-consistent", **EXACT | {"frequencies": 8, "gap_tol": 1e-11})
    return jnp.sum(jnp.abs(sol.Delta))


NARROW = ju.rectangle(1.0, 0.4, 0.35)


@pytest.mark.parametrize("name", ["D", "Tc"])
def test_of_what_stands_in_one_equation_alone(name):
    at = {"D": 0.05, "Tc": 1.0}
    f = lambda x: film_at_a_normal_electrode(at | {name: x})  # noqa: E731
    exact = difference(lambda s: f(at[name] + s), 1e-4)
    assert jax.grad(f)(at[name]) == pytest.approx(float(exact), rel=1e-8)


@pytest.mark.slow
def test_krylov_iterations_give_the_same_self_consistent_derivatives(self_consistent):
    p = self_consistent.parameters
    along = {k: jnp.ones_like(v) for k, v in p.items()}
    f = lambda p: bilayer(p, linear_solver=ju.linear.Krylov())  # noqa: E731
    direct = sum(np.tensordot(self_consistent.jacobian[k], v, np.ndim(v)) for k, v in along.items())
    np.testing.assert_allclose(jax.jvp(f, (p,), (along,))[1], direct, rtol=1e-8)


# --- a junction that is quick to compile ----------------------------------------------------------------


def plain_device(h, phase, B, gamma=0.3):
    """A Rashba wire in an exchange and a magnetic field, the latter a function that closes over a traced number."""
    return ju.Device(
        mesh=MESH,
        materials=ju.Material(Tc=0.0, h=jnp.stack([0.0, h, 0.0]), gamma=gamma * ju.rashba(1.0), Gamma=0.3),
        boundaries={"left": ju.Reservoir(1.0), "right": ju.Reservoir(1.0, phase)},
        vector_potential=ju.uniform_field(B),
    )


def solved(h, phase, B, T, frequencies=3):
    return ju.solve(plain_device(h, phase, B), T, frequencies=frequencies, **EXACT)


def energy(*given):
    return ju.free_energy(solved(*given))


AT = (0.3, 0.8, 0.4, 0.3)
VALUE_AND_SLOPE = jax.value_and_grad(energy, (0, 1, 2, 3))


@pytest.fixture(scope="module")
def known():
    """Free energy and its slopes."""
    value, slope = VALUE_AND_SLOPE(*AT)
    return value, np.array(slope)


def test_derivatives_of_the_free_energy_are_what_physics_says(known):
    """dF/dphase = I/2, -dF/dT = S, dF/dh = Int S: each computed by other code, from the solution alone."""
    sol, (_, slope) = solved(*AT), known
    np.testing.assert_allclose(2 * slope[1], ju.current_through(sol, "right"), rtol=1e-8)
    quasiclassical = ju.magnetisation(sol)[1] + 2 * AT[0] * float(sol.mesh.areas.sum())  # without the Pauli term
    np.testing.assert_allclose(slope[0], quasiclassical, rtol=1e-8)
    np.testing.assert_allclose(-slope[3], ju.entropy(sol), rtol=1e-8)


def test_forward_and_backward_agree(known):
    along = (0.7, -0.4, 0.5, 0.6)
    assert jax.jvp(energy, AT, along)[1] == pytest.approx(known[1] @ np.array(along), rel=1e-10)


def test_memory_does_not_grow_with_newtons_steps():
    """What is kept for the backward pass after one step from a solution, and after all steps from the normal state."""

    def kept(**start):
        def of_h(h):
            sol = ju.solve(plain_device(h, *AT[1:3]), AT[3], frequencies=3, **EXACT, **start)
            steps.append(max(sol.stats["steps"]))
            return ju.free_energy(sol)

        steps = []
        backward = jax.vjp(of_h, AT[0])[1]
        return sum(x.nbytes for x in jax.tree.leaves(backward)), steps[0]

    (long, many), (short, few) = kept(), kept(start=solved(*AT).G)
    assert few < many
    assert long == short > 0


def test_inside_jit(known):
    value, slope = jax.jit(VALUE_AND_SLOPE)(*AT)
    np.testing.assert_allclose(value, known[0], rtol=1e-12)
    np.testing.assert_allclose(slope, known[1], rtol=1e-9)


@pytest.mark.slow
def test_inside_vmap(known):
    values, slopes = jax.vmap(VALUE_AND_SLOPE, (0, None, None, None))(jnp.array([AT[0], 0.5]), *AT[1:])
    np.testing.assert_allclose(values, [known[0], energy(0.5, *AT[1:])], rtol=1e-10)
    np.testing.assert_allclose(np.array(slopes)[:, 0], known[1], rtol=1e-9)


def test_of_a_batch(known):
    """The derivative is taken outside of jax.vmap: that of each with respect to its own field, nothing else."""
    many = jax.jit(lambda h: jax.vmap(energy, (0, None, None, None))(h, *AT[1:]))
    matrix = jax.jacrev(many)(jnp.full(2, AT[0]))
    np.testing.assert_allclose(matrix, known[1][0] * np.eye(2), rtol=1e-9, atol=1e-12)


@pytest.mark.slow
def test_second_derivatives_forward_over_reverse():
    gradient = jax.grad(energy, (0, 1, 2))
    hessian = np.array(jax.jacfwd(gradient, (0, 1, 2))(*AT))
    np.testing.assert_allclose(hessian, hessian.T, atol=1e-9)
    along_h = difference(lambda s: gradient(AT[0] + s, *AT[1:]), 1e-3)
    np.testing.assert_allclose(hessian[:, 0], along_h, rtol=1e-6)


def test_self_consistent_inside_jit(self_consistent):
    f = lambda p: bilayer(p, start=1.5)  # noqa: E731
    np.testing.assert_allclose(jax.jit(f)(self_consistent.parameters), f(self_consistent.parameters), rtol=1e-8)


def test_what_a_program_must_be_told():
    with pytest.raises(ValueError, match=r"frequencies = None; inside jax.jit and jax.vmap"):
        jax.jit(lambda h: solved(h, *AT[1:], frequencies=None).G)(0.3)
    with pytest.raises(ValueError, match=r"start = None; inside jax.jit and jax.vmap.*needs a guess"):
        jax.jit(bilayer)({k: jnp.asarray(v) for k, v in BILAYER_NUMBERS.items()})


@pytest.mark.parametrize("gamma", [0.3, 0.0], ids=["the tensors are refused", "nothing physical is found"])
def test_failure_inside_a_program_is_nan_and_said(gamma):
    """Below zero temperature, which is refused outside, no stationary point is the physical one."""

    def cold(T):
        sol = ju.solve(plain_device(*AT[:3], gamma), T, frequencies=3, **EXACT)
        shown.append(repr(sol))
        return ju.free_energy(sol), sol.converged & sol.stable

    shown = []
    energy, accepted = jax.jit(cold)(-0.3)
    assert re.fullmatch(
        r"Solution: \d+ nodes, 3 frequencies, solved under jax.jit or read from a sweep: without statistics", shown[0]
    )
    assert np.isnan(energy)
    assert not np.any(accepted)
    with pytest.raises(ValueError, match="expected a finite temperature > 0"):
        cold(-0.3)


def test_too_few_frequencies_for_the_gap_equation_are_nan_inside_a_program():
    """Outside the same is refused."""
    given = {k: jnp.asarray(v) for k, v in BILAYER_NUMBERS.items()}
    low = {"frequencies": ([100.0], [1.0]), "start": 1.5}
    with pytest.raises(ValueError, match="too low for the gap equation"):
        bilayer(given, **low)
    assert np.isnan(jax.jit(lambda p: bilayer(p, **low))(given)).all()


# --- published quantities ------------------------------------------------------------------------------


TURN = np.linspace(0, 2 * np.pi, 6, endpoint=False)


def relation(p, phases=TURN):
    device = plain_device(p["h"], 0.0, 0.4, p["gamma"])
    return ju.current_phase_relation(device, phases, p["T"], frequencies=3, **EXACT)


def published(p):
    found = relation(p)
    return jnp.stack([found.diode_efficiency, found.phi0, *found.critical_current, found.current[1], found.energy[2]])


def test_current_phase_relation():
    model = Model(published, {"gamma": 0.8, "h": 0.4, "T": 0.2}, 3e-5, central)
    for name in model.parameters:
        np.testing.assert_allclose(model.gradient(name), model.difference(name), rtol=1e-6, err_msg=name)


@pytest.mark.slow
def test_current_phase_relation_by_splines():
    """The same critical current from phases that cover no whole turn, which splines interpolate."""
    largest = lambda h: relation({"gamma": 0.8, "h": h, "T": 0.2}, np.linspace(-2.5, 2.7, 6)).critical_current[0]  # noqa: E731
    assert jax.grad(largest)(0.4) == pytest.approx(difference(lambda s: largest(0.4 + s), 1e-3), rel=1e-6)


def transition(p):
    material = ju.Material(D=p["D"], Gamma=p["Gamma"], Tc=1.0, h=jnp.stack([0.0, 0.0, p["h"]]))
    boundaries = {"left": ju.Tunnel(ju.Reservoir(0.0), p["conductance"])}
    device = ju.Device(
        mesh=ju.rectangle(1.5, 0.8, 0.4),
        materials=material,
        boundaries=boundaries,
        vector_potential=ju.uniform_field(p["B"]),
    )
    return ju.critical_temperature(device, accuracy=1e-11, frequencies=4, linear_solver=ju.linear.SuperLU()).T


def test_critical_temperature():
    model = Model(transition, {"D": 1.0, "Gamma": 0.5, "h": 0.2, "conductance": 0.05, "B": 0.3}, 1e-4, central)
    for name in model.parameters:
        assert model.gradient(name) == pytest.approx(model.difference(name), rel=1e-6), name
    inside = jax.jit(jax.grad(transition))({name: jnp.asarray(value) for name, value in model.parameters.items()})
    for name, slope in inside.items():
        assert float(slope) == pytest.approx(model.gradient(name), rel=1e-9), name
    with pytest.raises(ju.NotDifferentiableError, match=r"critical_temperature has first derivatives only"):
        jax.grad(jax.grad(lambda h: transition(model.parameters | {"h": h})))(0.2)


@pytest.mark.parametrize("function", [jax.jit, jax.vmap])
def test_quantities_that_search_cannot_stand_in_programs(function):
    one = lambda x: x if function is jax.jit else jnp.stack([x])  # noqa: E731
    p = {k: one(jnp.asarray(v)) for k, v in {"gamma": 0.8, "h": 0.4, "T": 0.2}.items()}
    with pytest.raises(TypeError, match=r"current_phase_relation cannot stand inside jax.jit or jax.vmap"):
        function(published)(p)


# --- what is traced --------------------------------------------------------------------------------------


def test_traced_numbers_are_found_wherever_they_stand():
    def device(x):
        return {
            "field": ju.Device(mesh=MESH, materials=ju.Material(D=1 + x)),
            "function": ju.Device(mesh=MESH, materials=ju.Material(D=lambda r: 1 + x * r[:, 0])),
            "potential": ju.Device(mesh=MESH, materials=ju.Material(), vector_potential=ju.uniform_field(x)),
            "phase": ju.Device(
                mesh=MESH, materials=ju.Material(), boundaries={"left": ju.Reservoir(1.0, lambda r: x * r[:, 1])}
            ),
            "barrier": ju.Device(
                mesh=MESH, materials=ju.Material(), boundaries={"left": ju.Tunnel(ju.Reservoir(1.0, x), 1.0)}
            ),
            "points": ju.Device(mesh=MESH.with_points(jnp.asarray(MESH.points) * (1 + x)), materials=ju.Material()),
        }

    seen = {}

    def look(x):
        for name, one in device(x).items():
            plain = still(one)
            seen[name] = is_traced(one), is_traced(plain)
            assert isinstance(plain.mesh.points, np.ndarray)
        return x

    jax.grad(look)(0.5)
    assert seen == dict.fromkeys(device(0.5), (True, False))
    assert not any(is_traced(one) for one in device(0.5).values())
