"""Units given to a Device once: what prints and warns is in a laboratory's units, and nothing else changes."""

import pickle
from dataclasses import replace

import jax
import numpy as np
import pytest
from scipy.constants import e, hbar, k

import jusadel as ju
from jusadel.device.units.shown import SHOWN, of_powers, scale
from jusadel.solver.derivatives.tracing import still
from jusadel.solver.resolution import warn_where_coarse

pytestmark = pytest.mark.filterwarnings("ignore:the mesh is too coarse:jusadel.CoarseMeshWarning")
AL = ju.Units(Tc=1.2, D=60.0, resistivity=4.0, thickness=20.0)
XI = 1e9 * np.sqrt(hbar * 60e-4 / (k * 1.2))
"""The unit of length [nm]."""
MEV = 1e3 * k * 1.2 / e
"""The unit of energy [meV]."""


def wire(units=AL, **ends):
    mesh = ju.rectangle(2.0, 1.0, 1.0, x=np.linspace(0, 2, 5), y=[0, 0.5, 1])
    return ju.Device(mesh=mesh, materials=ju.Material(Tc=0.0), boundaries=ends, units=units)


@pytest.fixture(scope="module")
def flow():
    """A tenth of a millivolt along two squares of 2 Ohm."""
    volts = {"left": ju.Contact(voltage=AL.voltage(mV=0.1)), "right": ju.Contact(voltage=0.0)}
    return ju.diffuse(wire(), volts)


@pytest.fixture(scope="module")
def sol():
    return ju.solve(wire(left=ju.Reservoir(1.7), right=ju.Reservoir(1.7, phase=1.0)), T=0.25, frequencies=2)


def test_a_device_prints_in_laboratory_units():
    metal = ju.Material(D=2.0, Tc=0.5, h=(0, 0, 1.0), gamma=ju.rashba(1.0), nu=3.0)
    surface = ju.Surface(Gamma=1.0, rashba=1.0)
    ends = {"left": ju.Reservoir(1.0, Gamma=0.5), "right": ju.Tunnel(ju.Reservoir(2.0), AL.conductance(ohm_um2=0.4))}
    device = replace(wire(**ends, top=surface), materials=metal)
    text = repr(device)
    assert f"Material(D=120 cm^2/s, Tc=0.6 K, h=[0, 0, {MEV:.5g}] meV" in text
    assert f"gamma=[[0, {MEV * XI:.5g}], [{-MEV * XI:.5g}, 0], [0, 0]] meV nm, nu=3)" in text
    assert f"left: Reservoir(Delta={MEV:.5g} meV, phase=0, Gamma={MEV / 2:.5g} meV)" in text
    assert f"right: Tunnel(Reservoir(Delta={2 * MEV:.5g} meV, phase=0), resistance times area=0.4 Ohm um^2)" in text
    assert f"top: Surface(Gamma={MEV * XI:.5g} meV nm, rashba={MEV * XI**2:.5g} meV nm^2)" in text
    assert text.splitlines()[-1].strip() == repr(AL)
    bare = replace(device, units=None)
    assert "Tc=0.5," in repr(bare)
    assert " meV" not in repr(bare)
    poor = replace(device, units=ju.Units(Tc=1.2, D=60.0))
    assert "conductance=" in repr(poor)
    assert "code units" in repr(poor)


def test_results_print_in_laboratory_units(flow, sol):
    assert "mu from 0 to 0.1 mV" in repr(flow)
    assert "left: -25 uA, right: 25 uA" in repr(flow)  # 0.1 mV over 4 Ohm
    assert "T = 0.3 K" in repr(sol)
    assert f"({sol.omega.min() * MEV:.3g} to {sol.omega.max() * MEV:.3g} meV)" in repr(sol)
    spec = ju.spectrum(sol, [0.5, 1.0], eta=0.2)
    assert f"({0.5 * MEV:.3g} to {MEV:.3g} meV), eta = {0.2 * MEV:.6g} meV" in repr(spec)
    assert flow.units == sol.units == spec.units == AL


def test_numbers_of_functions_stay_those_of_the_code(sol):
    bare = ju.solve(replace(sol.device, units=None), T=0.25, frequencies=2)
    assert bare.units is None
    assert float(ju.current_through(sol, "right")) == float(ju.current_through(bare, "right"))
    assert "T = 0.25\n" in repr(bare)


def test_units_pass_through_jax_files_and_copies(sol, tmp_path):
    device = sol.device
    leaves, tree = jax.tree.flatten(device)
    assert jax.tree.unflatten(tree, leaves).units == still(device).units == AL
    assert tree != jax.tree.structure(replace(device, units=None))
    assert hash(tree) == hash(jax.tree.structure(replace(device, units=ju.Units(**vars(AL)))))
    seen = []

    def mean(D):
        traced = replace(device, materials=ju.Material(D=D, Tc=0.0))
        seen.append(still(traced).units)
        return traced.centroid_field("D").mean()

    jax.grad(mean)(1.0)
    assert seen == [AL]
    for thing, name in ((device, "device.npz"), (sol, "sol.npz")):
        ju.save(thing, tmp_path / name)
        assert ju.load(tmp_path / name).units == AL
    phases = np.linspace(0, 2 * np.pi, 8, endpoint=False)
    curve = ju.CurrentPhaseRelation(phases, np.sin(phases), -np.cos(phases) / 2, AL)
    ju.save(curve, tmp_path / "curve.npz")
    assert ju.load(tmp_path / "curve.npz").units == AL
    assert pickle.loads(pickle.dumps(device.units)) == AL


def test_a_coarse_mesh_is_told_in_nanometres():
    """Edges of xi/2 along x, and of sqrt(1/2) xi across, against a length of 0.3 xi."""
    metric = np.broadcast_to(np.eye(2) / 0.3**2, (16, 2, 2))
    told = (
        rf"worst edge {np.sqrt(0.5) * XI:.3g} nm against {0.3 * XI:.3g} nm near \[.*\] nm, .*size <= {0.15 * XI:.3g} nm"
    )
    with pytest.warns(ju.CoarseMeshWarning, match=told):
        warn_where_coarse(wire(), "length", metric)
    with pytest.warns(ju.CoarseMeshWarning, match=r"worst edge 0.707 against 0.3 near \[[^a-z]*\], where"):
        warn_where_coarse(wire(None), "length", metric)


def test_every_kind_of_quantity_has_its_conversion():
    for kind, (unit, conversion) in SHOWN.items():
        assert scale(AL, kind) == (getattr(AL, conversion)(1.0), unit)
        assert scale(None, kind) == (1.0, "")
    assert scale(ju.Units(Tc=1.2, D=60.0), "current") == (1.0, "code units")
    assert of_powers(AL, (1, 2)) == (pytest.approx(MEV * XI**2), "meV nm^2")
    assert of_powers(AL, (0, -1)) == (pytest.approx(1 / XI), "nm^-1")
    assert of_powers(AL, (-1, -2)) == (1.0, "")


def test_units_are_units():
    with pytest.raises(TypeError, match=r"units is str; expected the jusadel\.Units"):
        wire("nm")
