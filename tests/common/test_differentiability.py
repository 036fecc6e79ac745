"""Every public function under jax.grad and jax.jit: a right derivative, or our own error in words."""

import inspect
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jusadel as ju
from jusadel.common import differentiability
from jusadel.common.differentiability import numpy_if_few, summed_rows, with_rows

pytestmark = pytest.mark.filterwarnings("ignore:the mesh is too coarse:jusadel.CoarseMeshWarning")  # small ones

MESH = ju.rectangle(1.0, 0.5, 0.5)
NORMAL = ju.Material(Tc=0.0)
SUPER = ju.Material(Tc=1.0)
ENDS = {"left": ju.Reservoir(0.0), "right": ju.Reservoir(0.0)}
CONTACTS = {"left": ju.Contact(voltage=0.0), "right": ju.Contact(voltage=0.1)}
LOOP = ["left", "right", "top", "bottom"]
SHUNTED = ju.ShuntedJunction([1.0], 1.0)
ENERGIES = np.linspace(0.1, 4.0, 5)


def device(x, Tc=0.0, **boundaries):
    return ju.Device(mesh=MESH, materials=ju.Material(D=x, Tc=Tc), boundaries=boundaries)


@pytest.fixture(scope="module")
def sol():
    return ju.solve(device(1.0, **ENDS), 0.3, frequencies=3)


@pytest.fixture(scope="module")
def spec(sol):
    return ju.spectrum(sol, ENERGIES)


def traced_solution(sol, x):
    return replace(sol, Delta=x * sol.Delta)


def traced_spectrum(spec, x):
    return replace(spec, all_G=x * spec.all_G)


def total(value):
    return jnp.sum(jnp.asarray(value))


REFUSED = {
    "above": lambda x, sol, spec: ju.above(x),
    "admittance": lambda x, sol, spec: ju.admittance(traced_solution(sol, x), 1.0),
    "adapt": lambda x, sol, spec: ju.adapt(device(x), sol, tolerance=0.5),
    "below": lambda x, sol, spec: ju.below(x),
    "bounded": lambda x, sol, spec: ju.bounded(0.0, x),
    "circle": lambda x, sol, spec: ju.circle(x, 0.5),
    "converge": lambda x, sol, spec: ju.converge(lambda mesh: x * mesh.n_nodes, MESH),
    "corbino": lambda x, sol, spec: ju.corbino(x, 2.0, 0.5),
    "current_voltage": lambda x, sol, spec: ju.current_voltage(SHUNTED, [1.0], T=x),
    "coil_field": lambda x, sol, spec: ju.coil_field(B=x, radius=1.0, height=1.0),
    "cross_junction": lambda x, sol, spec: ju.cross_junction(x, 1.0, 0.5),
    "dipole_field": lambda x, sol, spec: ju.dipole_field(moment=(0, 0, x), position=(0, 0, 1.0)),
    "disk": lambda x, sol, spec: ju.disk(x, 0.5),
    "error_estimate": lambda x, sol, spec: ju.error_estimate(traced_solution(sol, x)),
    "fit": lambda x, sol, spec: ju.fit(lambda p: p["a"] * np.arange(4.0), x * np.arange(4.0), {"a": 1.0}),
    "fluxoid": lambda x, sol, spec: ju.fluxoid(traced_solution(sol, x), LOOP),
    "fluctuations": lambda x, sol, spec: ju.fluctuations(device(1.0, 1.0), 2.0 * x),
    "ginzburg_number": lambda x, sol, spec: ju.ginzburg_number(device(1.0, 1.0), x),
    "graded": lambda x, sol, spec: ju.graded(x, [([0, 0], 0.1)]),
    "inductance": lambda x, sol, spec: ju.inductance(traced_solution(sol, x)),
    "log_likelihood": lambda x, sol, spec: ju.log_likelihood(lambda p: p["a"] * np.ones(4), x * np.ones(4), {"a": 1.0}),
    "polygon": lambda x, sol, spec: ju.polygon([(0, 0), (x, 0), (0, 1)], 0.5),
    "read_gds": lambda x, sol, spec: ju.read_gds("layout.gds", x, (1, 0)),
    "rectangle": lambda x, sol, spec: ju.rectangle(x, 1.0, 0.5),
    "refine_at": lambda x, sol, spec: ju.refine_at(replace_points(x), [0]),
    "response": lambda x, sol, spec: ju.response(traced_solution(sol, x), 1.0, A=(1.0, 0.0)),
    "ring": lambda x, sol, spec: ju.ring(x, 2.0, 0.5),
    "save": lambda x, sol, spec: ju.save(device(x), "never.npz"),
    "self_field": lambda x, sol, spec: ju.self_field(sol, 0.1 * x),
    "stray_field": lambda x, sol, spec: ju.stray_field(traced_solution(sol, x), [[0.0, 0.0]], 1.0),
    "squid_loop": lambda x, sol, spec: ju.squid_loop(x, 2.0, 0.5, 0.3, 0.1),
    "ShuntedJunction": lambda x, sol, spec: ju.ShuntedJunction([1.0], x),
    "Squid": lambda x, sol, spec: ju.Squid(SHUNTED, SHUNTED, x),
    "squid_pattern": lambda x, sol, spec: ju.squid_pattern(ju.Squid(SHUNTED, SHUNTED), [x]),
    "strip": lambda x, sol, spec: ju.strip(x, 1.0, 0.5),
    "sweep": lambda x, sol, spec: ju.sweep(lambda T, previous: {"a": x * T}, [0.1, 0.2]),
    "switching_currents": lambda x, sol, spec: ju.switching_currents(SHUNTED, x, 0.1),
    "switching_distribution": lambda x, sol, spec: ju.switching_distribution(SHUNTED, x, 0.1),
    "t_junction": lambda x, sol, spec: ju.t_junction(x, 1.0, 0.5),
    "vortices": lambda x, sol, spec: ju.vortices(1.0, [(0.3, 0.2)], core=x),
    "winding": lambda x, sol, spec: ju.winding(traced_solution(sol, x), LOOP),
    "with_cut_between": lambda x, sol, spec: ju.with_cut_between(replace_points(x), "a", "b", "cut"),
    "write_vtu": lambda x, sol, spec: ju.write_vtu(traced_solution(sol, x), "never.vtu"),
}
"""Functions without derivatives, called with a number that is traced."""

DIFFERENTIABLE = {
    "Contact": lambda x: 2 * ju.Contact(voltage=x).voltage,
    "Device": lambda x: total(device(x).centroid_field("D")),
    "electrode_gauge": lambda x: total(ju.electrode_gauge(lambda p: x * p)(np.ones((1, 2)))),
    "Interface": lambda x: ju.Interface(conductance=x).conductance,
    "Material": lambda x: total(ju.Material(Tc=0.0, h=(0, 0, x)).h),
    "Mesh": lambda x: total(replace_points(x).areas),
    "Periodic": lambda x: ju.Periodic("left", phase=x).phase,
    "Reservoir": lambda x: ju.Reservoir(x).Delta,
    "SpinActive": lambda x: ju.SpinActive(up=0.5 * x, down=0.1).matrices()[0, 0, 1, 0],
    "Surface": lambda x: total(ju.Surface(h=(0, 0, x)).h),
    "Tunnel": lambda x: ju.Tunnel(ju.Reservoir(x), x).conductance,
    "bulk_gap": lambda x: ju.bulk_gap(0.6 * x, 1.1),
    "bulk_value": lambda x: total(ju.bulk_value(jnp.array([1.0]), x, (0, 0, 0.2), 0.1)),
    "altermagnet": lambda x: ju.altermagnet(dxy=x)["P"][2, 0, 1],
    "chiral": lambda x: ju.chiral(x)[0, 0],
    "ferromagnet": lambda x: ju.ferromagnet(polarisation=x)["P"][2, 0, 0],
    "dresselhaus": lambda x: ju.dresselhaus(x)[0, 0],
    "from_nambu": lambda x: total(jnp.abs(ju.from_nambu(x * ju.to_nambu(jnp.eye(4))))),
    "rashba": lambda x: ju.rashba(x)[0, 1],
    "to_nambu": lambda x: total(jnp.abs(ju.to_nambu(x * jnp.eye(4)))),
    "uniform_field": lambda x: ju.uniform_field(x)(np.ones((2, 2)))[0, 0],
    "vortex": lambda x: total(jnp.abs(ju.vortex(x)(np.ones((2, 2))))),
}
"""Those that JAX passes through, but for what follows from a solution."""

OF_SOLUTIONS = {
    "self_consistent_kinetics",
    "solve_screened",
    "spin_dynamics",
    "kinetics",
    "gap_of_temperature",
    "film_state",
    "fluctuation_eigenvalues",
    "film_critical_temperature",
    "energy_current_through",
    "depairing_current",
    "charge_current",
    "critical_current",
    "critical_temperature",
    "current_across",
    "current_phase_relation",
    "current_through",
    "density_of_states",
    "diffuse",
    "entropy",
    "equilibrium_current",
    "equilibrium_spin_current",
    "free_energy",
    "localisation",
    "magnetisation",
    "mean_density_of_states",
    "minigap",
    "pair_amplitude",
    "solve",
    "solve_at_current",
    "specific_heat",
    "spectral_current",
    "spectral_current_density",
    "spectral_spin_current",
    "spectral_spin_current_density",
    "spectrum",
    "spin_current",
    "spin_current_across",
    "spin_current_through",
    "spin_density",
    "spin_torque",
    "triplet_components",
    "tunnelling_spectrum",
    "Admittance",
    "CriticalCurrent",
    "CriticalTemperature",
    "CurrentPhaseRelation",
    "DynamicResponse",
    "Flow",
    "Kinetics",
    "Localisation",
    "ScreenedSolution",
    "Solution",
    "Spectrum",
}
"""Their derivatives are compared with differences in the tests of gradients, of spectra, of flows, of distributions, of
films, of screening, of the phase, of given currents, of localisation, of fluctuations and of the transition."""
WITHOUT_NUMBERS = {
    "Convergence",
    "CurrentVoltage",
    "FitResult",
    "Fluctuations",
    "Inductance",
    "KnownMaterial",
    "LogLikelihood",
    "ScreenedFilm",
    "SwitchingDistribution",
    "Units",
    "action",
    "allowed_tensor",
    "cache",
    "cite",
    "linear",
    "load",
    "magnetic_point_groups",
    "materials",
    "matsubara",
    "nambu",
    "plot",
    "point_groups",
    "positive",
    "read_case",
    "read_mesh",
    "run_case",
    "symmetry",
}
"""Results, files, names, modules, and numbers with units, which are given once."""


def replace_points(x):
    points, tree = jax.tree.flatten(MESH)
    return jax.tree.unflatten(tree, [x * points[0]])


def test_every_public_name_is_here():
    named = [set(REFUSED), set(DIFFERENTIABLE), OF_SOLUTIONS, WITHOUT_NUMBERS]
    messages = {n for n in ju.__all__ if inspect.isclass(getattr(ju, n)) and issubclass(getattr(ju, n), Exception)}
    assert sum(map(len, named)) == len(set.union(*named))
    assert set.union(*named) == set(ju.__all__) - messages


@pytest.mark.parametrize("name", REFUSED)
def test_a_function_without_derivatives_says_so(name, sol, spec):
    for transformed in (jax.grad, jax.jit):
        with pytest.raises(ValueError, match=r"JAX|jax") as error:
            transformed(lambda x: REFUSED[name](x, sol, spec))(1.0)
        assert isinstance(error.value, ju.NotDifferentiableError) or "points are being traced" in str(error.value)
        assert "outside" in str(error.value)


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_a_function_has_the_derivative_of_its_differences(name):
    f = DIFFERENTIABLE[name]
    difference = (float(f(1 + 1e-4)) - float(f(1 - 1e-4))) / 2e-4
    assert difference != 0
    assert float(jax.grad(f)(1.0)) == pytest.approx(difference, rel=1e-6)
    assert float(jax.jit(f)(1.0)) == pytest.approx(float(f(1.0)), rel=1e-12)


def test_a_picture_of_traced_numbers_is_refused(sol):
    pytest.importorskip("matplotlib")
    with pytest.raises(ju.NotDifferentiableError, match="plot has no derivatives"):
        jax.grad(lambda x: ju.plot.field(MESH, x * np.ones(len(MESH.points))))(1.0)


def test_the_message_names_function_argument_and_remedy(sol):
    expected = r"self_field has no derivatives: .* not with permeability traced by JAX; take central differences"
    with pytest.raises(ju.NotDifferentiableError, match=expected):
        jax.grad(lambda x: REFUSED["self_field"](x, sol, None))(0.5)


WEAK_LINK = {"left": ju.Reservoir(1.0), "right": ju.Reservoir(1.0)}
OUTSIDE_ALONE = {
    "critical_current": lambda x, sol: ju.critical_current(device(x, **WEAK_LINK), 0.3),
    "current_phase_relation": lambda x, sol: ju.current_phase_relation(device(x, **WEAK_LINK), [0.1, 0.2], 0.3),
    "fluctuation_eigenvalues": lambda x, sol: ju.fluctuation_eigenvalues(device(1.0, 1.0), 2.0 * x),
    "localisation": lambda x, sol: ju.localisation(device(x, **ENDS), dephasing=0.1),
}


@pytest.mark.parametrize("name", OUTSIDE_ALONE)
def test_what_cannot_stand_inside_jit_says_so(name, sol):
    with pytest.raises(ju.NotDifferentiableError, match=rf"{name} cannot stand inside jax.jit .*jax.grad and jax.jvp"):
        jax.jit(lambda x: OUTSIDE_ALONE[name](x, sol))(1.0)


def biased(x):
    return CONTACTS | {"right": ju.Contact(voltage=0.1 * x, temperature=0.1)}


WHOLE = {
    "critical_temperature": lambda x, sol, spec: ju.critical_temperature(device(x, 1.0), frequencies=4).slope,
    "kinetics": lambda x, sol, spec: ju.current_through(ju.kinetics(spec, biased(x), weights=np.ones(5)), "left"),
    "solve_at_current": lambda x, sol, spec: ju.free_energy(
        ju.solve_at_current(device(1.0, **WEAK_LINK), 0.02 * x, 0.3, frequencies=3)
    ),
    "solve_screened": lambda x, sol, spec: (
        ju.solve_screened(device(1.0, 1.0), 0.5, 0.1 * x, 0.1, frequencies=3).magnetic_moment
    ),
    "spin_dynamics": lambda x, sol, spec: ju.spin_dynamics(device(1.0), biased(x), [0.0, 0.1 * x])[1].mu[3],
}
"""What is called back with all its numbers inside of programs; depairing currents are in the tests of films."""


@pytest.mark.parametrize("name", WHOLE)
def test_a_search_stands_inside_jit_and_vmap(name, sol, spec):
    f = lambda x: WHOLE[name](x, sol, spec)  # noqa: E731
    expected = [float(f(x)) for x in (1.0, 0.9)]
    np.testing.assert_allclose(jax.jit(jax.vmap(f))(jnp.array([1.0, 0.9])), expected, rtol=1e-9)


def test_what_depends_on_no_traced_number_is_worked_out_before_the_program(sol, spec):
    """`solve` with numbers alone inside jax.jit, and its observables."""

    def found(x):
        again = ju.solve(device(1.0, **WEAK_LINK), 0.3, frequencies=3)
        return x * jnp.stack([ju.free_energy(again), WHOLE["kinetics"](1.0, sol, spec)])

    np.testing.assert_allclose(jax.jit(found)(2.0), found(2.0), rtol=1e-12)


def test_a_field_that_hides_traced_numbers_is_refused_inside_programs():
    graded = lambda x: ju.Material(Tc=1.0, D=lambda points: 1 + x * points[:, 0])  # noqa: E731
    with pytest.raises(ju.NotDifferentiableError, match="a function of points that closes over numbers traced by JAX"):
        jax.jit(lambda x: ju.critical_temperature(ju.Device(mesh=MESH, materials=graded(x))).T)(0.1)


@pytest.mark.parametrize("T", [0.05, 0.3, 0.7, 0.99, 1.5])
def test_slope_of_the_bulk_gap(T):
    """Also of the second order, over T and Tc, and for many at once."""
    step = 1e-5 * T
    slope = lambda f, at: (f(at + step) - f(at - step)) / (2 * step)  # noqa: E731
    for k, at in enumerate((T, 1.0)):
        along = lambda x, k=k: ju.bulk_gap(*(x if j == k else y for j, y in enumerate((T, 1.0))))  # noqa: E731
        tol = {"rel": 2e-5, "abs": 1e-9}
        assert float(jax.grad(ju.bulk_gap, k)(T, 1.0)) == pytest.approx(slope(along, at), **tol)
    second = float(jax.grad(jax.grad(ju.bulk_gap))(T, 1.0))
    assert second == pytest.approx(float(slope(jax.grad(ju.bulk_gap), T)), rel=2e-5, abs=1e-9)
    assert float(jax.vmap(ju.bulk_gap)(jnp.array([T, 2.0]))[0]) == pytest.approx(ju.bulk_gap(T), abs=1e-15)


@pytest.mark.parametrize("Tc", [np.nan, np.inf, -1.0])
def test_a_critical_temperature_that_is_none_has_no_bulk_gap(Tc):
    with pytest.raises(ValueError, match="expected a finite critical temperature > 0"):
        ju.bulk_gap(0.3, Tc)


def test_frequencies_follow_a_traced_temperature():
    for sums in (ju.matsubara.quadrature, ju.matsubara.plain_sum):
        omega, _ = sums(1.0, 3)
        np.testing.assert_allclose(jax.jacfwd(lambda T, sums=sums: sums(T, 3)[0])(0.7), omega, rtol=1e-14)
    with pytest.raises(ju.NotDifferentiableError, match="say how many frequencies"):
        jax.jit(lambda T: ju.matsubara.enough_frequencies(T, 1.0))(0.1)


# --- functions for which nothing is compiled -------------------------------------------------------


def test_few_numbers_compile_nothing(monkeypatch):
    """One function with NumPy's arrays, many numbers, and tracers: the same values; only the last two are programs."""
    by = []

    @numpy_if_few
    def total(xp, x, rows, n):
        by.append(xp)
        return summed_rows(xp, rows, x**2, n) + with_rows(xp, xp.zeros(n), rows[:1], x[:1])

    x, rows = np.array([1.0, 2.0, 3.0]), np.array([0, 2, 0])
    expected = np.array([11.0, 0.0, 4.0])
    for given in (x, jnp.asarray(x)):
        np.testing.assert_allclose(total(given, rows, n=3), expected)
    assert by == [np, np]
    slope = jax.grad(lambda x: total(x, rows, n=3)[0])(jnp.asarray(x))
    np.testing.assert_allclose(slope, [3.0, 0.0, 6.0])
    monkeypatch.setattr(differentiability, "FEW", 2)
    np.testing.assert_allclose(total(x, rows, n=3), expected)
    assert set(by[2:]) == {jnp}
