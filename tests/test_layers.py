"""The order of the modules, read from their imports, and what `import jusadel` does and does not do."""

import ast
import os
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "jusadel"
FLOORS = (
    "version concrete atomic archive sampled progress points nambu matrices rows spin symmetry matsubara topology "
    "mesh_checks region_borders mesh_quality mesh stars recovery shapes doubling local_refinement elements msh_reader "
    "msh_writer mesh_io known_materials planar sizes border triangulation seeds refinement polygons mesh_smoothing "
    "layouts",
    "material boundary contact cuts scales units gauge gauge_completion vector_potential device_parts",
    "device",
    "action discrete seams discretisation lines whitney homogeneous pairing_response film_energy film depairing",
    "lifted hessian keldysh linear linear.protocol linear.factors linear.direct linear.dense linear.pardiso "
    "linear.multigrid linear.iterations linear.krylov linear.choice processes newton real_energies",
    "pair_potential solution resolution traced distributions solve_input stability problem guess lanczos gap "
    "linear_response implicit host differentiated compiled equilibrium spectral",
    "observables adaptation convergence screening_response screening fluxes magnetic thermodynamics phase_curve "
    "turning turns phase_errors junction critical workers sweep_file sweep spectroscopy spectral_currents flow "
    "floating normal spin_dynamics nonequilibrium energy_checks kinetic driven transforms parameters measured "
    "linearised least_squares descent covariance fit_result fitting fit stored_device stored_results files vtu",
    "plot plot.canvas plot.devices plot.fields plot.lines plot.spectra case_units case case_output case_run",
    "jusadel",
    "__main__",
)
"""Every module stands on one floor and imports from its own and from lower ones, never in a circle."""
FLOOR = {name: number for number, names in enumerate(FLOORS) for name in names.split()}
LAZY = {("mesh", "mesh_io")}
"""Imports inside functions or for type checkers that point upward or close a circle: (importer, imported)."""


def name_of(path):
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__") or "jusadel"


MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def lazy_nodes(tree):
    """Everything inside functions and inside `if TYPE_CHECKING`."""
    for node in ast.walk(tree):
        typing_only = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        if typing_only or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from ast.walk(node)


def imported(node, modules):
    """Our modules that an import statement names."""
    if isinstance(node, ast.Import):
        return {alias.name.removeprefix("jusadel.") for alias in node.names if alias.name.split(".")[0] == "jusadel"}
    if not isinstance(node, ast.ImportFrom):
        return set()
    assert node.level == 0, f"relative import in line {node.lineno}: write `from jusadel.{node.module} import ...`"
    if node.module.split(".")[0] != "jusadel":
        return set()
    inside = {f"{node.module}.{alias.name}".removeprefix("jusadel.") for alias in node.names}
    return {name if name in modules else node.module.removeprefix("jusadel.") for name in inside}


def imports_of(source, modules):
    """(imports when the module is loaded, lazy imports), both as names of our modules."""
    tree = ast.parse(source)
    lazy = {id(node) for node in lazy_nodes(tree)}
    found = [(id(node) in lazy, imported(node, modules)) for node in ast.walk(tree)]
    return tuple(set().union(*(names for is_lazy, names in found if is_lazy is which)) for which in (False, True))


IMPORTS = {name: imports_of(path.read_text(), MODULES) for name, path in MODULES.items()}


@pytest.mark.parametrize(
    ("source", "at_once", "lazy"),
    [
        ("import jax, jusadel.mesh", {"mesh"}, set()),
        ("from jusadel import mesh, nambu", {"mesh", "nambu"}, set()),
        ("from jusadel import Mesh", {"jusadel"}, set()),
        ("from jusadel.linear import SuperLU, dense", {"linear", "linear.dense"}, set()),
        ("try:\n    from jusadel.mesh import Mesh\nexcept ImportError:\n    pass", {"mesh"}, set()),
        ("def f():\n    from jusadel.mesh_io import write_mesh", set(), {"mesh_io"}),
        ("if TYPE_CHECKING:\n    from jusadel.mesh import Mesh", set(), {"mesh"}),
    ],
)
def test_imports_are_read(source, at_once, lazy):
    assert imports_of(source, MODULES) == (at_once, lazy)


def test_every_module_has_a_floor_and_every_name_a_module():
    assert set(MODULES) == set(FLOOR)


@pytest.mark.parametrize("name", MODULES)
def test_no_import_points_upward(name):
    upward = {other for other in IMPORTS[name][0] if FLOOR[other] > FLOOR[name]}
    assert not upward, f"{name} stands on floor {FLOOR[name]} and imports {upward} from above"


def test_no_circle():
    TopologicalSorter({name: at_once for name, (at_once, _) in IMPORTS.items()}).prepare()


def below(name):
    """All modules that are loaded with this one."""
    found, edge = set(), {name}
    while edge:
        found |= edge
        edge = set().union(*(IMPORTS[other][0] for other in edge)) - found
    return found


def test_lazy_imports_that_point_upward_are_listed():
    lazy = {(name, other) for name, (_, others) in IMPORTS.items() for other in others}
    assert {(name, other) for name, other in lazy if FLOOR[other] > FLOOR[name] or name in below(other)} == LAZY


# --- import jusadel ------------------------------------------------------------------------------


def run(code, **environment):
    inherited = {k: v for k, v in os.environ.items() if k not in ("JUSADEL_NO_X64", "JAX_ENABLE_X64")}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], env=inherited | environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")[:-1]


def test_import_switches_double_precision_on_and_loads_no_plots():
    code = "import sys, jusadel, jax; print(jax.config.jax_enable_x64); print('matplotlib' in sys.modules)"
    assert run(code) == ["True", "False"]


SOLVE_IN_SINGLE_PRECISION = """
import jax
import jusadel as ju
print(jax.config.jax_enable_x64)
device = ju.Device(mesh=ju.rectangle(1.0, 1.0, 0.5), materials=ju.Material())
try:
    ju.solve(device, T=0.1, pair_potential=0.1)
except ju.SolveError as error:
    print(error)
"""


def test_environment_variable_leaves_precision_alone_and_solve_says_so():
    x64, message = run(SOLVE_IN_SINGLE_PRECISION, JUSADEL_NO_X64="1")
    assert x64 == "False"
    assert message.startswith("double precision is off (jax_enable_x64 is False): unset JUSADEL_NO_X64, or call")
