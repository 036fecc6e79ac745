"""Fits of a small junction: parameters from exact data, what data do not tell apart, solves that fail on the way."""

import jax.numpy as jnp
import numpy as np
import pytest

import jusadel as ju

pytestmark = pytest.mark.filterwarnings("ignore:the mesh is too coarse:jusadel.CoarseMeshWarning")  # small ones

MESH = ju.rectangle(1.0, 0.25, 0.25)
PHASES = np.array([-2.0, 0.0, 1.0, 2.5])
TRUE = {"gamma": 0.6, "Gamma": 1.0, "conductance": 5.0}
STARTS = (
    {"gamma": 0.3, "Gamma": 2.0, "conductance": 10.0},
    {"gamma": 0.1, "Gamma": 5.0, "conductance": 2.5},
    {"gamma": 1.0, "Gamma": 0.5, "conductance": 20.0},
)


def currents(gamma=0.6, Gamma=1.0, conductance=5.0, h=3.0, phases=PHASES):
    """Of a Rashba strip with a barrier on the right."""
    strip = ju.Material(D=1.0, Tc=0.0, h=jnp.stack([0.0, h, 0.0]), Gamma=Gamma, gamma=gamma * ju.rashba(1.0))
    ends = {"left": ju.Reservoir(8.0), "right": ju.Tunnel(ju.Reservoir(8.0), conductance)}
    device = ju.Device(mesh=MESH, materials=strip, boundaries=ends)
    solver = ju.linear.SuperLU()
    return jnp.asarray(
        ju.current_phase_relation(device, phases, 1.0, frequencies=2, tol=1e-11, linear_solver=solver).current
    )


@pytest.fixture(scope="module")
def exact():
    return np.asarray(currents(**TRUE))


@pytest.mark.parametrize(
    "start", [pytest.param(s, id=str(k), marks=pytest.mark.slow if k else ()) for k, s in enumerate(STARTS)]
)
def test_parameters_of_a_junction_come_back_from_everywhere(exact, start):
    transforms = dict.fromkeys(start, ju.positive)
    result = ju.fit(lambda p: currents(**p), exact, start, 1e-3, transforms=transforms, tol=1e-3)
    assert result.params == pytest.approx(TRUE, rel=1e-4)
    assert result.converged
    assert not result.degenerate


def test_fields_that_enter_as_a_sum_are_degenerate(exact):
    """An exchange and a Zeeman field: the data know what they are together, and neither alone."""
    with pytest.warns(ju.DegeneracyWarning, match="exchange.*zeeman|zeeman.*exchange"):
        result = ju.fit(
            lambda p: currents(h=p["exchange"] + p["zeeman"]), exact, {"exchange": 2.0, "zeeman": 1.5}, 1e-3
        )
    assert result.params["exchange"] + result.params["zeeman"] == pytest.approx(3.0, rel=1e-6)
    assert min(result.errors.values()) > 1e3  # nothing is known of either
    assert "not determined by the data" in str(result)


@pytest.mark.filterwarnings("ignore::jusadel.CoarseMeshWarning")  # the start lies where the mesh would not do
def test_an_unstable_trial_is_a_refused_step(exact):
    """From a relaxation this large a straight line leads far below zero, where the normal state is unstable."""
    failed = []

    def model(p):
        try:
            return currents(Gamma=p["Gamma"])
        except ju.StabilityError as error:
            failed.append(error)
            raise

    result = ju.fit(model, exact, {"Gamma": 20.0}, 1e-3, tol=1e-3)
    assert failed
    assert result.refused >= len(failed)
    assert result.params["Gamma"] == pytest.approx(TRUE["Gamma"], rel=1e-4)
    assert np.isfinite(result.history.loss).all()


ENERGIES, TEMPERATURES, NOISE = np.array([0.0, 1.0, 2.0, 4.0, 6.0, 8.0, 10.0]), (0.5, 2.0), {"map": 0.02, "Ic": 0.003}
BOTH = {"h": 3.0, "conductance": 5.0, "eta": 0.6, "offset": 0.1}


def spectra_and_currents(p):
    """A map of the density of states over the junction, with the offset of its amplifier, and currents at pi/2."""
    strip = ju.Material(D=1.0, Tc=0.0, h=jnp.stack([0.0, 0.0, p["h"]]))
    ends = {"left": ju.Reservoir(8.0), "right": ju.Tunnel(ju.Reservoir(8.0, phase=np.pi / 2), p["conductance"])}
    device = ju.Device(mesh=MESH, materials=strip, boundaries=ends)
    solver = ju.linear.SuperLU()
    sols = [ju.solve(device, T, frequencies=3, linear_solver=solver) for T in TEMPERATURES]
    seen = ju.density_of_states(ju.spectrum(sols[0], ENERGIES, p["eta"]))[:, :: MESH.n_nodes // 4]
    return {"map": p["offset"] + seen, "Ic": jnp.stack([ju.current_through(sol, "right") for sol in sols])}


def test_a_map_of_spectra_and_currents_in_one_fit():
    """Noise of their own; what either alone leaves open, broadening or barrier, both know, with smaller errors."""
    exact = {name: np.asarray(x) for name, x in spectra_and_currents(BOTH).items()}
    assert exact["map"].ndim == 2
    start = {"h": 2.0, "conductance": 8.0, "eta": 0.3, "offset": 0.0}
    ranges = dict.fromkeys(("h", "conductance", "eta"), ju.positive)
    rng = np.random.default_rng(5)
    data = {name: x + NOISE[name] * rng.normal(size=x.shape) for name, x in exact.items()}
    joint = ju.fit(spectra_and_currents, data, start, NOISE, transforms=ranges, tol=1e-3)
    only = ju.fit(
        lambda p: spectra_and_currents(p)["map"], data["map"], joint.params, NOISE["map"], transforms=ranges, tol=1e-3
    )
    for name, true in BOTH.items():
        assert abs(joint.params[name] - true) < 3 * joint.errors[name]
        assert joint.errors[name] <= only.errors[name] * 1.05
    assert joint.errors["conductance"] < 0.7 * only.errors["conductance"]
    assert joint.dof == data["map"].size + 2 - 4
