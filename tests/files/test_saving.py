"""Saving and loading: exact round trips, files that do not fit, interrupted writing, and columns for ParaView."""

import json
import os
import pickle
import signal
import subprocess
import sys
import time
import zipfile
from dataclasses import fields, replace
from pathlib import Path

import jax
import jax.numpy as jnp
import meshio
import numpy as np
import pytest
from random_device import EVERY

import jusadel as ju
from jusadel.action.assembly import discretise
from jusadel.action.nambu import bcs
from jusadel.action.nambu.frames import frame_to_green
from jusadel.common import archive, atomic
from jusadel.device.boundary import Boundary
from jusadel.device.tabulated import Sampled
from jusadel.files.saving import KINDS
from jusadel.studies.screening.edge_elements import WhitneyField
from jusadel.studies.sweeps.sweep import sweep

SURFACE = ju.Surface(h=(0.1, 0, 0.2), rashba=0.05, Gamma=0.3, theta=(0, 0, 0.02), beta=0.01 * np.ones((3, 3, 2)))


# --- what is saved -----------------------------------------------------------------------------------


def wavy(tensor):
    """A field that varies in space; numpy has nothing to compile."""
    return lambda p: np.multiply.outer(1 + 0.3 * np.sin(np.asarray(p) @ [1, -2]), np.asarray(tensor))


def vector_potential(p):
    """It fits the phases sin(y) at x = 0 and 0.3 + 0.5 y at x = 0.6, and has no part along y = 0 and y = 0.4."""
    x, y = np.asarray(p).T
    return np.stack([y * (y - 0.4) * np.cos(x), np.cos(y) / 2 * (1 - x / 0.6) + 0.25 * x / 0.6], axis=1)


def everything(**changes):
    """A device with functions of points wherever there can be any, a doubled line, a seam, and shared electrodes."""
    x, y = np.linspace(0, 0.6, 5), np.linspace(0, 0.4, 4)
    mesh = ju.rectangle(0.6, 0.4, 1.0, x=x, y=y, regions={"S": lambda c: c[:, 0] < 0.3, "F": lambda c: c[:, 0] > 0.3})
    right = mesh.boundaries["right"]
    mesh = ju.with_cut_between(mesh, "S", "F", "barrier").with_boundaries({"low": right[:1], "high": right[1:]})
    electrode = ju.Reservoir(1.5, phase=lambda p: 0.3 + 0.5 * p[:, 1], h=(0, 0, 0.3))
    given = {
        "mesh": mesh,
        "materials": {
            "S": ju.Material(
                Tc=lambda p: 1.0 + 0.1 * jnp.sin(p[:, 0]), gamma=ju.rashba(0.1), D=lambda p: 2 + np.asarray(p)[:, 1]
            ),
            "F": ju.Material(Tc=1.0, **{name: wavy(value) for name, value in EVERY["right"].items()}),
        },
        "boundaries": {
            "left": ju.Tunnel(
                ju.Reservoir(1.6, phase=lambda p: np.sin(np.asarray(p)[:, 1])), 3.0, (0.5, 0.9), surface=SURFACE
            ),
            "low": electrode,
            "high": electrode,
            "barrier": ju.Interface(2.0, surface=(SURFACE, None)),
            "top": ju.Periodic("bottom", phase=lambda p: 0.2 + 0 * p[:, 0]),
        },
        "vector_potential": vector_potential,
    }
    return ju.Device(**given | changes)


def made_up(device, kind=float, count=2):
    """Numbers of the right shapes that no equation is asked for: what one keeps is as good as what one finds."""
    rng = np.random.default_rng(5)
    Delta = jnp.asarray(rng.normal(size=(*device.mesh.triangles.shape, 2)) @ [1, 1j])
    system = discretise(device, Delta)
    V = np.eye(4) + 0.2 * rng.normal(size=(count, len(system.free), 4, 4))
    return system, {
        "device": device,
        "T": 0.1 + 0.2,
        "all_G": frame_to_green(jnp.asarray(V + (0.1j * V[::-1] if kind is complex else 0))),
        "Delta": jnp.asarray(rng.normal(size=(len(device.mesh.points), 2)) @ [1, 1j]),
        "vertex_Delta": Delta,
        "converged": np.array([True] * count),
        "stable": np.array([True, False][:count]),
        "margin": rng.normal(size=count),
        "stats": {
            "steps": np.arange(count),
            "residual": np.array([1e-10, np.nan][:count]),
            "ladder": np.zeros(count, int),
            "iterations": np.zeros(count, int),
            "inertia": np.ones((count, 3), int),
            "linear_solver": "SuperLU",
            "seconds": np.float64(0.1),
            "gap_eigenvalue": float("nan"),
            "tol": 1e-9,
        },
        "system": system,
    }


def solution_of(device):
    omega, weights = np.array([0.3, 1.7]), np.array([1.0, 1 / 3])
    return ju.Solution(omega=omega, weights=weights, **made_up(device)[1])


@pytest.fixture(scope="module")
def rich():
    return solution_of(everything())


@pytest.fixture(scope="module")
def spectrum():
    return ju.Spectrum(energies=np.array([0.2, 0.4]), eta=0.01, **made_up(everything(), complex)[1])


@pytest.fixture(scope="module")
def solved():
    """Self-consistent and small."""
    mesh = ju.rectangle(0.5, 0.5, 0.3)
    film = ju.Material(D=lambda p: 1 + 0.1 * p[:, 0])
    return ju.solve(ju.Device(mesh=mesh, materials=film), 0.4, "self-consistent", frequencies=12)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "result.npz"


def again(result, path):
    ju.save(result, path)
    return ju.load(path)


def same(one, other):
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_array_equal(a, b)
        assert np.asarray(a).dtype == np.asarray(b).dtype


# --- round trips -------------------------------------------------------------------------------------


def test_all_numbers_come_back(rich, path):
    found = again(rich, path)
    assert type(found) is ju.Solution
    assert found.mesh.topology == rich.mesh.topology
    for name in ("T", "omega", "weights", "all_G", "Delta", "vertex_Delta", "converged", "stable", "margin"):
        same(getattr(found, name), getattr(rich, name))
    assert list(found.stats) == list(rich.stats)
    same(found.stats, rich.stats)
    assert isinstance(found.stats["gap_eigenvalue"], float)
    assert repr(found) == repr(rich)


def test_discrete_action_comes_back(rich, path):
    """To the last digit, though functions are values now: so do all observables, which have nothing else."""
    found = again(rich, path)
    assert jax.tree.structure(found.system) == jax.tree.structure(rich.system)
    same(found.system, rich.system)


@pytest.mark.parametrize(
    "observable",
    [
        ju.charge_current,
        ju.spin_density,
        ju.free_energy,
        ju.pair_amplitude,
        ju.magnetisation,
        lambda sol: ju.current_through(sol, "left"),
    ],
)
def test_observables_are_the_same(rich, path, observable):
    same(observable(again(rich, path)), observable(rich))


def test_saving_what_was_loaded_changes_nothing(rich, path, tmp_path):
    ju.save(again(rich, path), tmp_path / "second.npz")
    first, second = (dict(np.load(p)) for p in (path, tmp_path / "second.npz"))
    same(first, second)


def test_conditions_come_back(rich, path):
    found = again(rich, path).device.boundaries
    assert list(found) == list(rich.device.boundaries)
    assert found["low"] is found["high"]
    assert found["barrier"].surface[1] is None
    assert found["top"].partner == "bottom"
    points = rich.mesh.points[rich.mesh.boundary_nodes("right")]
    same(found["high"].phase_at(points), rich.device.boundaries["high"].phase_at(points))
    given, read = (b["barrier"].surface[0] for b in (rich.device.boundaries, found))
    for name in (f.name for f in fields(SURFACE)):
        same(np.asarray(getattr(read, name), float), np.asarray(getattr(given, name), float))


def test_every_condition_can_be_saved(path):
    """Conditions that came later than this test belong into files too."""
    kept = {
        "left": ju.Surface(h=(0, 0, 1.0)),
        "right": ju.Tunnel(ju.Reservoir(0.0), ju.SpinActive(up=0.2, down=0.1)),
        "barrier": ju.Interface(surface=SURFACE),
        "top": ju.Periodic("bottom", rotation=(0, 0.1, 0)),
    }
    plain = ju.with_cut_between(ju.rectangle(0.6, 0.4, 1.0, x=[0, 0.3, 0.6], regions=halves()), "S", "F", "barrier")
    found = again(ju.Device(mesh=plain, materials=ju.Material(), boundaries=kept), path).boundaries
    assert {k: type(b) for k, b in found.items()} == {k: type(b) for k, b in kept.items()}
    assert found["barrier"].conductance is None
    assert found["right"].transmissions is None
    tested = {type(b) for b in (*found.values(), found["right"].reservoir, found["right"].conductance)}
    assert tested == set(Boundary.__subclasses__())


def halves():
    return {"S": lambda c: c[:, 0] < 0.3, "F": lambda c: c[:, 0] > 0.3}


def test_solved_solution_serves_as_start(solved, path):
    found = again(solved, path)
    assert found.stats["state"] == "superconducting"
    same(found.all_G, solved.all_G)
    same(found.Delta, solved.Delta)
    # the action is put together anew, and adds up what triangles give to a node in another order
    np.testing.assert_allclose(ju.free_energy(found), ju.free_energy(solved), rtol=1e-13)
    once_more = ju.solve(found.device, 0.4, "self-consistent", frequencies=12, start=found)
    assert once_more.stats["gap_steps"] == 0
    np.testing.assert_allclose(once_more.Delta, solved.Delta, rtol=1e-12)
    about = header_of(path)["about"]
    assert about["free_energy"] == float(ju.free_energy(solved))
    assert about["tol"] == 1e-9
    assert about["pair_potential"] == "self-consistent"
    assert about["converged"]
    assert about["stable"]


def test_uniform_field_comes_back(solved, path):
    field = ju.uniform_field(0.3, "x", (0.1, 0.2))
    sol = replace(solved, device=replace(solved.device, vector_potential=field))
    found = again(sol, path)
    assert found.device.vector_potential == field
    outline = list(sol.mesh.boundaries)
    assert ju.fluxoid(found, outline) == ju.fluxoid(sol, outline) != 0


def test_gauge_of_a_stored_function_comes_back(solved, path, tmp_path):
    """What it completes is a table then, and is not asked for other points when the device is looked at."""
    field = ju.electrode_gauge(lambda p: np.stack([-0.1 * np.asarray(p)[:, 1], 0.0 * np.asarray(p)[:, 0]], axis=1))
    device = again(replace(solved.device, vector_potential=field), path)
    ju.save(device, tmp_path / "second.npz")
    found = ju.load(tmp_path / "second.npz").vector_potential
    assert isinstance(found, ju.electrode_gauge)
    same(found.function.values, device.vector_potential.function.values)


def test_spectrum_of_a_loaded_solution(solved, path):
    """And a spectrum that was loaded itself."""
    one, other = (ju.spectrum(sol, [0.3], eta=0.2) for sol in (solved, again(solved, path)))
    np.testing.assert_allclose(one.G, other.G, atol=1e-12)
    same(ju.density_of_states(again(one, path)), ju.density_of_states(one))


def test_spectrum_comes_back(spectrum, path):
    found = again(spectrum, path)
    assert type(found) is ju.Spectrum
    for name in ("T", "energies", "eta", "all_G", "Delta", "vertex_Delta", "converged", "stable", "margin", "stats"):
        same(getattr(found, name), getattr(spectrum, name))
    same(found.system, spectrum.system)
    assert repr(found) == repr(spectrum)


def test_screened_solution_comes_back(path):
    mesh = ju.rectangle(0.5, 0.5, 0.3)
    rng = np.random.default_rng(1)
    edges = rng.normal(size=len(mesh.edges))
    device = ju.Device(mesh=mesh, materials=ju.Material(), vector_potential=WhitneyField(mesh, edges))
    plain, m = solution_of(device), len(mesh.triangles)
    given = {name: getattr(plain, name) for name in plain.__dataclass_fields__}
    sol = ju.ScreenedSolution(
        **given,
        applied_field=0.7,
        permeability=np.float64(2.0),
        magnetic_field=rng.normal(size=m),
        hole_fields=np.zeros(0),
        edges=edges,
        areas=np.asarray(mesh.areas),
    )
    found = again(sol, path)
    assert type(found) is ju.ScreenedSolution
    for name in ("magnetic_field", "hole_fields", "edges", "areas", "applied_field"):
        same(getattr(found, name), getattr(sol, name))
    np.testing.assert_allclose(found.system.cells.line_A, sol.system.cells.line_A, atol=1e-14)
    same(found.device.vector_potential(np.array([[0.2, 0.3]])), sol.device.vector_potential(np.array([[0.2, 0.3]])))
    np.testing.assert_allclose(found.gibbs_energy, sol.gibbs_energy, rtol=1e-12)


@pytest.mark.parametrize("applied", [0.7, ju.uniform_field(0.7)])
def test_screened_film_comes_back(path, applied):
    mesh = ju.rectangle(0.5, 0.5, 0.3)
    rng = np.random.default_rng(1)
    edges = rng.normal(size=len(mesh.edges))
    device = ju.Device(mesh=mesh, materials=ju.Material(), vector_potential=WhitneyField(mesh, edges))
    plain = solution_of(device)
    arrays = {
        "magnetic_field": len(mesh.triangles),
        "hole_fluxes": 2,
        "hole_currents": 2,
        "stream_function": len(mesh.points),
    }
    sol = ju.ScreenedFilm(
        **{name: getattr(plain, name) for name in plain.__dataclass_fields__},
        **{name: rng.normal(size=size) for name, size in arrays.items()},
        **dict(
            zip(("permeability", "thickness", "magnetic_energy", "magnetic_moment"), rng.normal(size=4), strict=True)
        ),
        applied_field=applied,
        edges=edges,
    )
    found = again(sol, path)
    assert type(found) is ju.ScreenedFilm
    for name in (*arrays, "edges", "permeability", "thickness", "magnetic_energy", "magnetic_moment"):
        same(getattr(found, name), getattr(sol, name))
    if callable(applied):
        ends = np.asarray(mesh.points)[mesh.edges]
        middle = ends.mean(axis=1)
        along = np.sum(found.applied_field(middle) * (ends[:, 1] - ends[:, 0]), axis=1)
        np.testing.assert_allclose(along, np.sum(applied(middle) * (ends[:, 1] - ends[:, 0]), axis=1), atol=1e-12)
    else:
        assert found.applied_field == applied


@pytest.fixture(scope="module")
def flow():
    device = ju.Device(mesh=ju.rectangle(1.0, 0.5, 0.5), materials=ju.Material(Tc=0, Gamma=1.0))
    contacts = {"left": ju.Contact(voltage=1.0), "right": ju.Contact(current=0.2, spin=(0, 0, 0.1), tunnel=3.0)}
    return ju.diffuse(device, contacts)


def test_flow_comes_back(flow, path):
    found = again(flow, path)
    same((found.mu, found.S, found.load), (flow.mu, flow.S, flow.load))
    assert found.contacts == flow.contacts
    assert found.time is None
    assert repr(found) == repr(flow)
    for observable in (ju.charge_current, ju.spin_density, lambda x: ju.current_through(x, "left")):
        same(observable(found), observable(flow))
    assert found.dissipation == flow.dissipation
    assert again(replace(flow, time=0.3), path).time == 0.3


def test_kinetics_comes_back(spectrum, path):
    rng, N = np.random.default_rng(2), spectrum.all_G.shape[1]
    kin = ju.Kinetics(
        spectrum=spectrum,
        contacts={name: ju.Contact(voltage=0.1, temperature=0.2) for name in ("left", "low", "high")},
        bath=0.2,
        weights=np.array([0.5, 0.6]),
        all_f=rng.normal(size=(2, N, 8)),
        reactions=rng.normal(size=(2, N, 8)),
        fed=rng.normal(size=(2, N)),
        taken=rng.normal(size=(2, 8)),
    )
    found = again(kin, path)
    for name in ("weights", "all_f", "reactions", "fed", "taken", "bath", "mu"):
        same(getattr(found, name), getattr(kin, name))
    assert found.contacts == kin.contacts
    assert repr(found) == repr(kin)
    nothing = again(replace(kin, bath=None, weights=None), path)
    assert nothing.bath is None
    assert nothing.weights is None


@pytest.mark.parametrize("given", [{}, {"dephasing": np.array([0.1, 0.2]), "local": np.ones((2, 4))}])
def test_localisation_comes_back(path, given):
    device = ju.Device(mesh=ju.rectangle(1.0, 1.0, 2.0), materials=ju.Material(Tc=0.0, dephasing=0.3))
    numbers = {"correction": np.array([-0.5, -0.4]), "fields": np.array([0.0, 1.5]), "dephasing": None, "local": None}
    given = {**numbers, "local": None} | given
    made = ju.Localisation(device=device, across=("left", "right"), mesh_size=1.5, **given)
    found = again(made, path)
    for name in numbers:
        same(getattr(found, name), getattr(made, name))
    assert (found.across, found.mesh_size) == (made.across, made.mesh_size)
    same(found.device.centroid_field("dephasing"), device.centroid_field("dephasing"))
    assert repr(found) == repr(made)


@pytest.mark.parametrize("rows", [(), (3,)])
def test_linear_responses_come_back(path, rows):
    device = ju.Device(mesh=ju.rectangle(1.0, 1.0, 2.0), materials=ju.Material(Tc=1.0))
    omega = np.arange(1.0, 1.0 + np.prod(rows, dtype=int)).reshape(rows)
    maps = {"phi": np.ones((*rows, 4)) * 1j, "pairing": None, "current": np.ones((*rows, 2, 2)) + 1j, "spin": None}
    shared = {"device": device, "T": 0.3, "axis": "real", "omega": omega, "Q": (omega * (1 + 2j))[()], "energies": 90}
    for made in (
        ju.Admittance(between=("left", "right"), **shared, **maps),
        ju.DynamicResponse(drive="vector potential", **shared, **maps),
    ):
        found = again(made, path)
        for name in ("omega", "Q", *maps):
            same(getattr(found, name), getattr(made, name))
        assert repr(found) == repr(made)
        same(found.quality, made.quality)


@pytest.mark.parametrize("given", [{}, {"magnetisation": -0.2, "paraconductivity": 1.5, "across": ("left", "right")}])
def test_gaussian_fluctuations_come_back(path, given):
    device = ju.Device(mesh=ju.rectangle(1.0, 1.0, 2.0), materials=ju.Material(Tc=1.0))
    arrays = {"eigenvalues": np.array([0.1, 0.3]), "times": np.array([0.4, 0.2]), "modes": np.ones((2, 4)) + 0.5j}
    numbers = {"T": 1.1, "slope": 0.9, "specific_heat": 30.0, "frequencies": 12}
    nothing = {"magnetisation": None, "paraconductivity": None, "maki_thompson": None, "across": None}
    told = {"rest": {"specific_heat": 0.02, "magnetisation": np.nan}, "left_out": {"Maki-Thompson": "no film"}}
    made = ju.Fluctuations(device=device, **arrays, **numbers, **(nothing | given), **told)
    found = again(made, path)
    for name in arrays:
        same(getattr(found, name), getattr(made, name))
    for name in (*numbers, *nothing, "left_out"):
        assert getattr(found, name) == getattr(made, name)
    np.testing.assert_equal(found.rest, told["rest"])
    assert repr(found) == repr(made)


def test_device_comes_back(path):
    device = everything(vector_potential=None)
    found = again(device, path)
    assert found.vector_potential is None
    for field in ("D", "Tc", "h", "Gamma", "gamma", "nu"):
        same(found.centroid_field(field), device.centroid_field(field))
        same(found.vertex_field(field), device.vertex_field(field))


def test_kinds_are_those_of_the_documents():
    text = (Path(__file__).parents[2] / "docs" / "files.md").read_text()
    assert all(f"`{kind}`" in text for kind in KINDS)


# --- functions of points -----------------------------------------------------------------------------


def test_stored_function_knows_its_points_alone(solved, path):
    D = again(solved, path).device.materials["film"].D
    assert isinstance(D, Sampled)
    points = solved.mesh.points[:3]
    same(D(points), D(points + 1e-12))
    assert D(np.zeros((0, 2))).shape == (0, 2, 2)
    message = (
        r"D of region 'film' comes from a file, which keeps .* where its own mesh needs them; \[0.01, 0.0\] is none"
    )
    with pytest.raises(ValueError, match=message):
        D(np.array([[0.01, 0.0]]))
    with pytest.raises(ValueError, match="D of region 'film' comes from a file"):
        replace(ju.load(path).device, mesh=solved.mesh.refined())


def test_stored_function_inside_a_program():
    h = Sampled([[0.0, 0.0], [1.0, 0.0]], [1.0, 2.0])
    points = jnp.array([[1.0, 0.0], [0.0, 0.0], [1.0, 0.0]])
    same(jax.jit(h)(points), jnp.array([2.0, 1.0, 2.0]))
    same(jax.vmap(h)(points[:, None]), jnp.array([[2.0], [1.0], [2.0]]))


def test_nothing_traced_is_saved(path):
    mesh = ju.rectangle(0.5, 0.5, 0.5)

    def saved(h):
        ju.save(ju.Device(mesh=mesh, materials=ju.Material(Tc=1.0, h=h * jnp.ones(3))), path)
        return h

    for transformed in (jax.jit(saved), jax.grad(saved)):
        with pytest.raises(ValueError, match=r"save has no derivatives: call it outside of jax\.grad, jax\.jit"):
            transformed(0.1)

    def closing(h):
        ju.save(ju.Device(mesh=mesh, materials=ju.Material(Tc=1.0, h=lambda p: h * jnp.ones((len(p), 3)))), path)
        return h

    with pytest.raises(ValueError, match="save has no derivatives"):
        jax.grad(closing)(0.1)
    assert not path.exists()


# --- writing -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("thing", [3.0, "text", None, ju.Material()])
def test_other_things_cannot_be_saved(path, thing):
    with pytest.raises(TypeError, match=r"cannot save \w+; expected one of \['Solution', 'ScreenedSolution'"):
        ju.save(thing, path)


def test_solution_of_a_sweeps_file_cannot_be_saved(rich, path):
    with pytest.raises(ValueError, match="was read from the file of a sweep and has no device"):
        ju.save(replace(rich, device=None, system=None), path)


def test_bad_paths(tmp_path):
    device = ju.Device(mesh=ju.rectangle(0.5, 0.5, 0.5), materials=ju.Material())
    (tmp_path / "folder.npz").mkdir()
    for name, error, message in (
        ("result.h5", ValueError, r"expected a name that ends in \.npz"),
        ("result", ValueError, r"expected a name that ends in \.npz"),
        ("folder.npz", IsADirectoryError, "it is a folder; give the name of a file in it"),
        ("missing/result.npz", FileNotFoundError, "there is no folder '.*missing'; make it first"),
    ):
        with pytest.raises(error, match=message):
            ju.save(device, tmp_path / name)
    with pytest.raises(TypeError, match="path is int; expected the name of a file"):
        ju.save(device, 3)
    assert [p.name for p in tmp_path.iterdir()] == ["folder.npz"]


def test_write_protected(tmp_path, monkeypatch):
    device = ju.Device(mesh=ju.rectangle(0.5, 0.5, 0.5), materials=ju.Material())
    monkeypatch.setattr(os, "access", lambda place, mode: Path(place) != tmp_path.resolve())
    with pytest.raises(PermissionError, match="is write-protected"):
        ju.save(device, tmp_path / "result.npz")


def test_links_stay(tmp_path):
    device = ju.Device(mesh=ju.rectangle(0.5, 0.5, 0.5), materials=ju.Material())
    (tmp_path / "there").mkdir()
    link = tmp_path / "link.npz"
    link.symlink_to(tmp_path / "there" / "real.npz")
    ju.save(device, link)
    assert link.is_symlink()
    assert isinstance(ju.load(tmp_path / "there" / "real.npz"), ju.Device)


@pytest.mark.parametrize(("module", "name"), [(np, "savez"), (os, "replace"), (os, "fsync")])
@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_interrupted_writing_leaves_the_old_file_or_none(path, monkeypatch, module, name, error):
    device = ju.Device(mesh=ju.rectangle(0.5, 0.5, 0.5), materials=ju.Material())

    def failing(*arguments, **options):
        if name == "savez":
            arguments[0].write(b"half a file")
        raise error

    for old in (None, device):
        if old is not None:
            ju.save(old, path)
        before = path.read_bytes() if path.exists() else None
        with monkeypatch.context() as patch:
            patch.setattr(module, name, failing)
            with pytest.raises(type(error)):
                ju.save(replace(device, materials=ju.Material(Tc=0.5)), path)
        assert (path.read_bytes() if path.exists() else None) == before
        assert [p.name for p in path.parent.iterdir()] == ([path.name] if before else [])


WRITING = """
import sys
import numpy as np
from jusadel.common.archive import Arrays, write_archive
for k in range(10**6):
    arrays = Arrays()
    reference = arrays.put("x", np.full(500_000, float(k)))
    write_archive(sys.argv[1], "test", {}, reference, arrays)
"""


def test_killed_process_leaves_a_whole_file(path):
    process = subprocess.Popen([sys.executable, "-c", WRITING, str(path)])
    while process.poll() is None and not path.exists():
        time.sleep(0.01)
    time.sleep(0.1)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    kind, content = archive.read_archive(path)
    assert kind == "test"
    assert np.ptp(content.array((500_000,))) == 0


# --- files that do not fit -----------------------------------------------------------------------------


def header_of(path):
    with np.load(path) as held:
        return json.loads(str(held["header"]))


def changed(path, change):
    """The file with its header and arrays changed in place."""
    with np.load(path) as held:
        arrays = dict(held)
    header = json.loads(str(arrays.pop("header")))
    change(header, arrays)
    np.savez(path, header=np.array(json.dumps(header)), **arrays)


@pytest.fixture(scope="module")
def stored(solved, tmp_path_factory):
    file = tmp_path_factory.mktemp("stored") / "solved.npz"
    ju.save(solved, file)
    return file.read_bytes()


def setting(*keys, value):
    def change(header, arrays):
        for key in keys[:-1]:
            header = header[key]
        header[keys[-1]] = value

    return change


def array(name, change):
    def changing(header, arrays):
        arrays[name] = change(arrays[name])

    return changing


def without(header_key=None, array_name=None):
    def change(header, arrays):
        if array_name is not None:
            del arrays[array_name]
        elif header_key in header:
            del header[header_key]
        else:
            del header["content"][header_key]

    return change


AT = {"center": [0.0, 0.0]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (setting("format", value="other"), "is not in the format 'jusadel'; expected one of save"),
        (without("format"), "is not in the format 'jusadel'"),
        (without("version"), "has the format version None; expected 1 to 1"),
        (setting("version", value="1"), "has the format version '1'"),
        (setting("version", value=0), "has the format version 0"),
        (without("kind"), "its header has no kind or no content"),
        (setting("kind", value="Universe"), "holds a 'Universe', which this version of jusadel does not know"),
        (setting("kind", value="Spectrum"), "content has no 'energies'"),
        (without("device"), "content has no 'device'"),
        (without("T"), "content has no 'T'"),
        (setting("content", "T", value="cold"), "content, T is 'cold'; expected a number"),
        (setting("content", "T", value=None), "content, T is None; expected a number"),
        (without(array_name="all_G"), "the array 'all_G' of content, all_G is missing"),
        (without(array_name="points"), "the array 'points' of content, device, mesh, points is missing"),
        (
            array("all_G", lambda x: x[:, 1:]),
            r"content, all_G has the shape \(12, 15, 4, 4\) and type float64; expected",
        ),
        (array("all_G", lambda x: x + 0j), r"and type complex128; expected \(12, \d+, 4, 4\) of type f"),
        (array("omega", lambda x: x[1:]), r"content, all_G has the shape \(12, .* expected \(11, "),
        (array("weights", lambda x: x[1:]), r"content, weights has the shape \(11,\) .* expected \(12,\)"),
        (array("Delta", lambda x: x[1:]), r"content, Delta has the shape \(15,\)"),
        (array("Delta", np.real), "content, Delta has the shape .* type float64; expected .* of type c"),
        (array("converged", lambda x: x * 1.0), "content, converged has .* of type b"),
        (array("triangles", lambda x: x + 1), "its triangles do not use each of its 16 points"),
        (array("triangles", lambda x: x[:, ::-1]), r"triangle \d+ is flat or runs clockwise"),
        (array("points", lambda x: x * np.nan), "its points are not finite"),
        (array("region", lambda x: x[1:]), r"triangles \[0\] are in no region of \['film'\]"),
        (array("boundary", lambda x: x + 5), "boundary 'left' is not made of edges of the mesh"),
        (array("D", lambda x: x[:, :1]), r"materials, film, D, values has the shape \(34, 1, 2\)"),
        (array("D", lambda x: x * np.nan), "D in region 'film' is not finite"),
        (setting("content", "device", "materials", value={}), "region 'film' has no material"),
        (setting("content", "device", "materials", "film", "D", value=-1.0), "diffusion must be positive"),
        (setting("content", "device", "materials", "film", "D", value="wide"), "film, D is 'wide'; expected numbers"),
        (setting("content", "device", "materials", "film", "zeta", value=0.1), "has the field 'zeta', which this vers"),
        (setting("content", "device", "materials", value=3), "content, device, materials is no collection"),
        (
            setting("content", "device", "boundaries", "left", value={"is": "Wall"}),
            "left is a 'Wall', which this versi",
        ),
        (setting("content", "device", "boundaries", "left", value={"same as": "right"}), "which does not come before"),
        (setting("content", "device", "vector_potential", value={"is": "coil"}), "vector_potential is a 'coil', which"),
        (
            setting(
                "content", "device", "vector_potential", value={"is": "uniform_field", "B": 1.0, "gauge": "z"} | AT
            ),
            "gauge = 'z'; expected one of",
        ),
    ],
)
def test_files_that_do_not_fit_are_refused(stored, path, change, message):
    path.write_bytes(stored)
    changed(path, change)
    with pytest.raises(ValueError, match=message) as caught:
        ju.load(path)
    assert str(path) in str(caught.value)


def test_later_version_is_refused(stored, path):
    path.write_bytes(stored)
    changed(path, setting("version", value=2))
    changed(path, setting("written by", "jusadel", value="9.1"))
    message = r"has the format version 2 and was written by jusadel 9.1; jusadel .* reads versions up to 1: update"
    with pytest.raises(ValueError, match=message):
        ju.load(path)


def test_another_version_of_jusadel_is_no_matter(stored, path):
    path.write_bytes(stored)
    changed(path, setting("written by", value={"jusadel": "0.0.1"}))
    assert isinstance(ju.load(path), ju.Solution)


def test_no_such_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no file '.*none\.npz'"):
        ju.load(tmp_path / "none.npz")
    with pytest.raises(IsADirectoryError, match="it is a folder"):
        ju.load(tmp_path)


def test_damaged_files_are_refused(stored, path):
    middle = len(stored) // 2
    for content in (
        b"",
        b"PK nonsense",
        stored[:-100],
        stored[:middle],
        stored[:middle] + bytes(200) + stored[middle + 200 :],
        pickle.dumps([1, 2]),
    ):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="is no readable file of jusadel"):
            ju.load(path)


def test_file_of_a_sweep_is_named(path):
    sweep(lambda v, previous: v, [1.0], path=path)
    with pytest.raises(ValueError, match=r"cannot be loaded: a sweep keeps its own file: give it to sweep\(path="):
        ju.load(path)
    np.savez(path, format="jusadel sweep 2")  # as they were
    with pytest.raises(ValueError, match=r"is not in the format 'jusadel'; a sweep keeps its own file"):
        ju.load(path)
    np.savez(path, header=np.array("{"))
    with pytest.raises(ValueError, match="is not in the format 'jusadel'"):
        ju.load(path)
    np.savez(path, header=np.zeros(3))
    with pytest.raises(ValueError, match="is not in the format 'jusadel'"):
        ju.load(path)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("header.txt", "jusadel")
    with pytest.raises(ValueError, match="it holds other things than arrays of numbers"):
        ju.load(path)


class Evil:
    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return Path.touch, (self.target,)


@pytest.mark.parametrize("place", ["header", "omega", "surplus"])
def test_pickles_are_refused_and_not_run(stored, path, place):
    trap = path.with_name("trapped")
    path.write_bytes(stored)
    with np.load(path) as held:
        arrays = dict(held)
    arrays[place] = np.array([Evil(trap)], dtype=object)
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match="it holds Python objects, which are never loaded"):
        ju.load(path)
    path.write_bytes(pickle.dumps(Evil(trap)))
    with pytest.raises(ValueError, match=r"it is no \.npz"):
        ju.load(path)
    assert not trap.exists()


def test_single_precision_is_refused(stored, path, monkeypatch):
    path.write_bytes(stored)
    monkeypatch.setattr(jax.config, "read", lambda name: False)
    with pytest.raises(ValueError, match="double precision is off"):
        ju.load(path)


# --- version 1, by hand ------------------------------------------------------------------------------

ZERO = {"h": [0, 0, 0], "Gamma": 0, "theta": [0, 0, 0], "kappa": [0, 0, 0]} | {
    name: [[0, 0]] * 3 for name in ("spin_field", "gamma")
}
BY_HAND = {
    "format": "jusadel",
    "version": 1,
    "kind": "Solution",
    "content": {
        "device": {
            "mesh": {
                "points": {"array": "p"},
                "triangles": {"array": "t"},
                "regions": {"film": {"array": "r"}},
                "boundaries": {"base": {"array": "b"}},
            },
            "materials": {
                "film": {"D": 2.0, "Tc": {"points": {"array": "x"}, "values": {"array": "v"}}, "nu": 1.5, **ZERO}
            },
            "boundaries": {
                "base": {"is": "Reservoir", "Delta": 1.2, "phase": 0.0, "h": [0, 0, 0], "Gamma": [[0, 0, 0]] * 3}
            },
            "vector_potential": None,
        },
        "T": 0.25,
        "omega": {"array": "w"},
        "weights": {"array": "one"},
        "all_G": {"array": "G"},
        "Delta": {"array": "Delta"},
        "vertex_Delta": {"array": "corners"},
        "converged": {"array": "yes"},
        "stable": {"array": "yes"},
        "margin": {"array": "one"},
        "stats": {"linear_solver": "SuperLU", "seconds": 0.5, "steps": {"array": "k"}},
    },
}


def test_version_1_written_by_hand_is_read(path):
    """After docs/files.md, without the function that writes: a square in two triangles with the bulk solution."""
    points, triangles = np.array([[0.0, 0], [1, 0], [1, 1], [0, 1]]), np.array([[0, 1, 2], [0, 2, 3]])
    centroids = points[triangles].mean(axis=1)
    arrays = {"p": points, "t": triangles, "r": np.arange(2), "b": np.array([[0, 1]]), "w": np.array([0.8])}
    arrays |= {"x": np.concatenate([centroids, points]), "v": np.array([0.9] * 6), "k": np.array([3])}
    arrays |= {"one": np.ones(1), "yes": np.array([True]), "Delta": np.full(4, 1.2 + 0j)}
    arrays |= {"corners": np.full((2, 3), 1.2 + 0j), "G": np.tile(frame_bulk(), (1, 4, 1, 1))}
    np.savez(path, header=np.array(json.dumps(BY_HAND)), **arrays)
    sol = ju.load(path)
    singlet, triplet = ju.pair_amplitude(sol, omega=0)
    np.testing.assert_allclose(singlet, 1.2 / np.hypot(0.8, 1.2), rtol=1e-14)
    np.testing.assert_allclose(triplet, 0, atol=1e-15)
    root = np.hypot(0.8, 1.2)
    pairing = 1.5 * 1.2**2 * (np.log(0.25 / 0.9) + 2 * np.pi * 0.25 / 0.8)
    np.testing.assert_allclose(ju.free_energy(sol), pairing + np.pi * 0.25 * 1.5 * bulk_density(0.8, root), rtol=1e-13)
    assert sol.device.boundaries["base"].Delta == 1.2
    assert sol.stats["steps"].tolist() == [3]


def frame_bulk():
    return np.asarray(bcs(jnp.array([0.8]), 1.2))[:, None]


def bulk_density(omega, root):
    """f - f[tau3] of the bulk: its derivative with respect to Delta makes the gap equation."""
    return -4 * (root - omega)


# --- sweeps by two processes -------------------------------------------------------------------------

SLOW = """
import sys, time
from jusadel.studies.sweeps.sweep import sweep
def point(v, previous):
    print(v, flush=True)
    if v == 2.0:
        time.sleep(60)
    return v, v
sweep(point, [1.0, 2.0, 3.0], path=sys.argv[1])
"""


def test_second_sweep_is_kept_out_until_the_first_ends(path):
    process = subprocess.Popen([sys.executable, "-c", SLOW, str(path)], stdout=subprocess.PIPE, text=True)
    assert [process.stdout.readline() for _ in range(2)] == ["1.0\n", "2.0\n"]
    before = path.read_bytes()
    with pytest.raises(
        atomic.InUseError, match=rf"is being written by process {process.pid} on .*: wait until it ends"
    ):
        sweep(lambda v, previous: -v, [1.0, 2.0, 3.0], path=path)
    assert path.read_bytes() == before
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    seen = []
    found = sweep(lambda v, previous: (seen.append(previous) or v, v), [1.0, 2.0, 3.0], path=path)
    assert seen == [1.0, 2.0]
    np.testing.assert_array_equal(found["result"], [1, 2, 3])
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_finished_sweep_is_read_by_all(path):
    sweep(lambda v, previous: v, [1.0, 2.0], path=path)
    with atomic.alone(path.resolve()):
        np.testing.assert_array_equal(sweep(None, [1.0, 2.0], path=path)["result"], [1, 2])
        with pytest.raises(atomic.InUseError), atomic.alone(path.resolve()):
            pass
    with atomic.alone(path.resolve()):
        pass


UNLOCKED = """
import sys
from contextlib import nullcontext
import numpy as np
from jusadel.studies.sweeps.sweep import sweep
sys.modules["jusadel.studies.sweeps.sweep"].alone = lambda file: nullcontext()  # a file system without locks
noise = np.random.default_rng(0).normal(size=100_000)
print("ready", flush=True)
sys.stdin.readline()
sweep(lambda v, previous: ([v, float(sys.argv[2])], noise), np.arange(30.0), path=sys.argv[1])
"""


def test_two_processes_without_locks_leave_whole_files(path):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    both = [subprocess.Popen([sys.executable, "-c", UNLOCKED, str(path), str(k)], **pipes) for k in range(2)]
    for process in both:
        assert process.stdout.readline() == "ready\n"
    for process in both:
        process.stdin.write("go\n")
        process.stdin.flush()
    while any(process.poll() is None for process in both):
        if path.exists():
            archive.plain_arrays(path)  # whole at any moment
    assert [process.returncode for process in both] == [0, 0]
    for process in both:
        process.communicate()
    found = sweep(None, np.arange(30.0), path=path)["result"]
    np.testing.assert_array_equal(found[:, 0], np.arange(30.0))
    assert [p.name for p in path.parent.iterdir()] == [path.name]


# --- ParaView ----------------------------------------------------------------------------------------


def read(path):
    """Columns at points, and on triangles."""
    raw = meshio.read(path)
    return raw.point_data, {name: values[0] for name, values in raw.cell_data.items()}


def test_columns_of_a_solution(rich, path):
    file = path.with_suffix(".vtu")
    ju.write_vtu(
        rich, file, point_data={"mine": np.arange(len(rich.Delta))}, cell_data={"own": np.asarray(rich.mesh.areas)}
    )
    points, cells = read(file)
    assert all(values.dtype.kind in "fu" for values in (*points.values(), *cells.values()))
    Delta, (singlet, triplet) = np.asarray(rich.Delta), ju.pair_amplitude(rich)
    plain = {"Delta_abs": np.abs(Delta), "Delta_phase": np.angle(Delta), "Delta_re": Delta.real, "Delta_im": Delta.imag}
    plain |= {"singlet_re": singlet.real, "singlet_im": singlet.imag, "triplet_im": triplet.imag}
    for name, values in (plain | {"spin_density": ju.spin_density(rich), "mine": np.arange(len(Delta))}).items():
        np.testing.assert_array_equal(points[name], values)
    for at, columns in (("nodes", points), ("triangles", cells)):
        np.testing.assert_array_equal(columns["charge_current"][:, :2], ju.charge_current(rich, at=at))
        np.testing.assert_array_equal(columns["spin_current_y"][:, :2], ju.spin_current(rich, at=at)[:, 1])
        assert not columns["charge_current"][:, 2].any()
    areas = np.asarray(rich.mesh.areas)
    np.testing.assert_allclose(areas @ cells["magnetisation"], ju.magnetisation(rich), rtol=1e-12)
    np.testing.assert_array_equal(cells["region"], rich.mesh.region_of_triangle)
    np.testing.assert_array_equal(cells["own"], areas)
    assert ju.read_mesh(file).regions.keys() == rich.mesh.regions.keys()


def test_columns_of_a_spectrum(spectrum, path):
    file = path.with_suffix(".vtu")
    ju.write_vtu(spectrum, file)
    points, cells = read(file)
    N = np.asarray(ju.density_of_states(spectrum))
    np.testing.assert_array_equal(points["density_of_states 001 E=0.4"], N[1])
    assert "region" in cells


def test_columns_of_a_flow(flow, path):
    ju.write_vtu(flow, path.with_suffix(".vtu"))
    points, cells = read(path.with_suffix(".vtu"))
    np.testing.assert_array_equal(points["mu"], flow.mu)
    np.testing.assert_array_equal(points["S"], flow.S)
    np.testing.assert_array_equal(points["spin_density"], ju.spin_density(flow))
    np.testing.assert_array_equal(cells["spin_current_z"][:, :2], ju.spin_current(flow)[:, 2])


def test_columns_that_cannot_be_written(rich, path):
    with pytest.raises(TypeError, match="cannot write Device; expected a Solution, Spectrum, Flow or Kinetics"):
        ju.write_vtu(rich.device, path.with_suffix(".vtu"))
    with pytest.raises(ValueError, match=r"cannot write '.*result\.npz': expected a name that ends in \.vtu"):
        ju.write_vtu(rich, path)
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        ju.write_vtu(rich, path.parent / "none" / "result.vtu")
