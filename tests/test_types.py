"""What a type checker makes of users' scripts: mypy reads this file, as pyproject.toml says, and the tests run it."""

import inspect
from collections.abc import Callable
from typing import Any, assert_type

import jax
import numpy as np
import pytest

import jusadel as ju

UNTYPED = {
    "solve_arguments",  # handed on to `solve`, which says what they are
    "start",  # of a sweep: whatever its point takes as `previous`
    "client",  # of any cluster: it has `submit`
    "prediction",  # what the model of a fit returned
}
ANY = {"load"}
"""What returns one of nine types, as the file says."""


def device() -> ju.Device:
    mesh = assert_type(ju.rectangle(1.0, 0.5, 0.25), ju.Mesh)
    material = ju.Material(D=2.0, Tc=0.0, h=(0.0, 0.0, 0.3), gamma=ju.rashba(0.1))
    ends = {"left": ju.Reservoir(1.0), "right": ju.Tunnel(ju.Reservoir(1.0, phase=0.5), 2.0)}
    return ju.Device(mesh=mesh, materials=material, boundaries=ends, vector_potential=ju.uniform_field(0.1))


@pytest.mark.filterwarnings("ignore:the mesh is too coarse")
def test_a_script_has_the_types_that_it_reads_as() -> None:
    sol = assert_type(ju.solve(device(), T=0.2, frequencies=2), ju.Solution)
    assert_type(ju.current_through(sol, "right"), jax.Array)
    assert_type(ju.charge_current(sol), jax.Array)
    assert_type(ju.triplet_components(sol), tuple[jax.Array, jax.Array])
    assert_type(ju.current_across(sol, (0.5, 0.0), (0.5, 0.5)), jax.Array)
    assert_type(ju.free_energy(sol), jax.Array)
    assert isinstance(sol, ju.Solution)


def test_devices_and_meshes_have_types() -> None:
    outline = [(0.0, 0.0), (2.0, 0.0), (2.0, 1.0), (0.0, 1.0)]
    mesh = assert_type(ju.polygon(outline, 0.5), ju.Mesh)
    assert_type(ju.refine_at(mesh, np.array([0])), ju.Mesh)
    assert_type(ju.vortex(1.0)(np.asarray(mesh.points)), jax.Array)
    assert_type(ju.bulk_gap(0.3), float)


def bare(annotation: object) -> bool:
    return annotation in (Any, "Any", inspect.Parameter.empty)


def untyped(function: Callable[..., object], result: bool) -> set[str]:
    try:
        signature = inspect.signature(function)
    except ValueError:  # of a class that Python itself builds
        return set()
    given = {p.name for p in signature.parameters.values() if p.name not in ("self", "cls") and bare(p.annotation)}
    return given | ({"return"} if result and bare(signature.return_annotation) else set())


@pytest.mark.parametrize("name", [name for name in ju.__all__ if callable(getattr(ju, name))])
def test_public_parameters_and_results_have_types(name: str) -> None:
    thing = getattr(ju, name)
    faults = untyped(thing, result=not inspect.isclass(thing) and name not in ANY) - UNTYPED
    for attribute, method in vars(thing).items() if inspect.isclass(thing) else ():
        if not attribute.startswith("_") and (inspect.isfunction(method) or isinstance(method, property)):
            function = method.fget if isinstance(method, property) else method
            faults |= {f"{attribute}: {fault}" for fault in untyped(function, result=True)}  # type: ignore[arg-type]
    assert not faults
