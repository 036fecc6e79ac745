"""The order of the modules, read from their imports, and what `import jusadel` does and does not do."""

import ast
import os
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from jusadel.common.contents import ROOMS

PACKAGE = Path(__file__).parents[1] / "jusadel"
TOP = ("jusadel", "__main__")


def name_of(path):
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__") or "jusadel"


MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def lazy_nodes(tree):
    """Everything inside functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from ast.walk(node)


def typing_nodes(tree):
    """Everything inside `if TYPE_CHECKING`: annotations may name what stands above in the same room."""
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
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
    """Imports of our modules: (when the module is loaded, inside functions, for type checkers)."""
    tree = ast.parse(source)
    kind = {id(node): 1 for node in lazy_nodes(tree)} | {id(node): 2 for node in typing_nodes(tree)}
    found = [(kind.get(id(node), 0), imported(node, modules)) for node in ast.walk(tree)]
    return tuple(set().union(*(names for this, names in found if this == which)) for which in range(3))


def room(name):
    """The first folder of a module's name; the package and its command stand on top of all."""
    return name.split(".")[0]


def height(name):
    return [*ROOMS, *TOP].index(room(name))


def underscored(path):
    """Names with an underscore in front that a module takes from other modules: (module, name)."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] == "jusadel":
            for alias in node.names:
                if any(
                    part.startswith("_") and not part.endswith("__") for part in [*node.module.split("."), alias.name]
                ):
                    yield node.module.removeprefix("jusadel."), alias.name


IMPORTS = {name: imports_of(path.read_text(), MODULES) for name, path in MODULES.items()}


@pytest.mark.parametrize(
    ("source", "at_once", "lazy", "typing"),
    [
        ("import jax, jusadel.mesh.mesh", {"mesh.mesh"}, set(), set()),
        ("from jusadel import mesh, files", {"mesh", "files"}, set(), set()),
        ("from jusadel import Mesh", {"jusadel"}, set(), set()),
        ("from jusadel.solver.linear import SuperLU, dense", {"solver.linear", "solver.linear.dense"}, set(), set()),
        ("try:\n    from jusadel.mesh.mesh import Mesh\nexcept ImportError:\n    pass", {"mesh.mesh"}, set(), set()),
        ("def f():\n    from jusadel.mesh.mesh import Mesh", set(), {"mesh.mesh"}, set()),
        ("if TYPE_CHECKING:\n    from jusadel.mesh.mesh import Mesh", set(), set(), {"mesh.mesh"}),
    ],
)
def test_imports_are_read(source, at_once, lazy, typing):
    assert imports_of(source, MODULES) == (at_once, lazy, typing)


def test_every_folder_is_a_room():
    assert {room(name) for name in MODULES} == {*ROOMS, *TOP}
    assert not [
        name for name in MODULES if room(name) == name and (PACKAGE / f"{name}.py").exists() and name not in TOP
    ]


@pytest.mark.parametrize("name", MODULES)
def test_no_import_points_upward(name):
    upward = {other for kind in IMPORTS[name] for other in kind if height(other) > height(name)}
    assert not upward, f"{name} imports {upward} from rooms above its own"


def test_no_circle():
    """Not even by imports inside functions."""
    TopologicalSorter({name: at_once | lazy for name, (at_once, lazy, _) in IMPORTS.items()}).prepare()


@pytest.mark.parametrize("name", MODULES)
def test_what_a_room_keeps_for_itself_is_left_there(name):
    taken = [(other, hidden) for other, hidden in underscored(MODULES[name]) if room(other) != room(name)]
    assert not taken, f"{name} takes {taken} from other rooms"


def test_a_fit_knows_nothing_of_what_it_fits():
    assert {room(other) for name in MODULES if room(name) == "fitting" for other in IMPORTS[name][0]} == {
        "common",
        "fitting",
    }


MOST_LINES, MOST_ENTRIES = 300, 13


@pytest.mark.parametrize("name", MODULES)
def test_files_are_short_and_folders_can_be_looked_over(name):
    path = MODULES[name]
    assert len(path.read_text().splitlines()) <= MOST_LINES
    if path.name == "__init__.py":
        inside = [x for x in path.parent.iterdir() if x.suffix == ".py" or (x / "__init__.py").exists()]
        assert len(inside) - 1 <= MOST_ENTRIES  # besides itself


SHARED_NAMES = {
    "mesh": {"__main__", "plot.devices"},  # `jusadel.plot.mesh`, and the command `jusadel mesh` that calls it
    "spectrum": {"plot.spectra", "solver.spectra"},  # `jusadel.plot.spectrum` draws what `jusadel.spectrum` returns
}
"""Functions and classes that are called alike in several modules, on purpose."""


def test_one_name_for_one_thing():
    """What a module defines for others to use is called as nothing else in the package is."""
    owners = {}
    for module, path in MODULES.items():
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                owners.setdefault(node.name, set()).add(module)
    assert {name: modules for name, modules in owners.items() if len(modules) > 1} == SHARED_NAMES


# --- import jusadel ------------------------------------------------------------------------------


def run(code, **environment):
    inherited = {k: v for k, v in os.environ.items() if k not in ("JUSADEL_NO_X64", "JAX_ENABLE_X64")}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], env=inherited | environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")[:-1]


def test_import_switches_double_precision_on():
    assert run("import jusadel, jax; print(jax.config.jax_enable_x64)") == ["True"]


WHEN_FIRST_USED = (
    "gdstk",
    "matplotlib",
    "meshio",
    "optax",
    "pyamg",
    "scipy.interpolate",
    "scipy.optimize",
    "scipy.spatial",
    "scipy.special",
    "shapely",
    "tqdm",
)
"""Modules that take long to import, or are large, and that few programs need."""


def test_import_loads_nothing_that_few_need():
    assert run(f"import sys, jusadel; print([name for name in {WHEN_FIRST_USED} if name in sys.modules])") == ["[]"]


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
