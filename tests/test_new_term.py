"""A term or a condition costs what CONTRIBUTING says: lines in the files named there, and all else works with it.

Three terms are added to a copy of the package: two at the nodes like an exchange field, of which one acts along edges
too, and one with gradients like a spin-galvanic tensor. What they give is what the terms of the package give.
"""

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import jusadel as ju

TESTS = Path(__file__).parent
PACKAGE = TESTS.parent / "jusadel"
ADDED = {
    "action/terms.py": [
        (
            "\n\ndef spin_relaxation(",
            '''

def tilting(G: Array, dG: Dk | None, p: SimpleNamespace) -> Array:
    """tilt_k Tr(L_k R3 G)."""
    L, R = constants(len(G))
    return _total(p.tilt[k] * trace_with(L[k] @ R[2], G) for k in range(3))


def rim(G: Array, dG: Dk | None, p: SimpleNamespace) -> Array:
    """rim_k Tr(L_k R3 G)."""
    L, R = constants(len(G))
    return _total(p.rim[k] * trace_with(L[k] @ R[2], G) for k in range(3))


def twisting(G: Array, dG: Dk, p: SimpleNamespace) -> Array:
    """(1/16) eps_ijl twist_lk Tr(L_i G L_j [G, Dk G]), as it stands in Eq. (6)."""
    L, _ = constants(len(G))
    LG = [product(with_axes_of(G, l), G) for l in jnp.asarray(L)]
    cross = [product(LG[(l + 1) % 3], with_axes_of(G, L[(l + 2) % 3])) for l in range(3)]
    cross = [c - product(LG[(l + 2) % 3], with_axes_of(G, L[(l + 1) % 3])) for l, c in enumerate(cross)]
    slopes = [commutator(G, along) for along in dG]
    return _total(p.twist[l, k] / 16 * trace_of_product(cross[l], s) for l in range(3) for k, s in enumerate(slopes))
''',
        ),
        ("    commutator,\n", "    commutator,\n    product,\n"),
        (
            "\n    Term(spin_relaxation",
            """
    Term(tilting, "tilt", "nodes"),
    Term(rim, "rim", "nodes"),
    Term(twisting, "twist", "corners"),""",
        ),
    ],
    "device/material/material.py": [
        (
            "\n    nu: Field = field(",
            """
    tilt: Field = field(default=(0.0, 0.0, 0.0), metadata=row("s", (1, 0)))
    rim: Field = field(default=(0.0, 0.0, 0.0), metadata=row("s", (1, 0)))
    twist: Field = field(default=((0.0, 0.0), (0.0, 0.0), (0.0, 0.0)), metadata=row("sx", (1, 1)))""",
        ),
    ],
    "device/material/symmetry.py": [
        ('\n    "theta": TensorSymmetry(', '\n    "twist": TensorSymmetry(2, True, False, np.s_[:, :2]),'),
    ],
    "device/boundary/surface.py": [("\n    kappa: ArrayLike = ", "\n    rim: ArrayLike = (0.0, 0.0, 0.0)")],
    "device/boundary/conditions.py": [
        (
            "\n\ndef _channels(",
            """

@dataclass(frozen=True, eq=False, repr=False)
class Lead(Boundary):
    conductance: Any

    @property
    def electrode(self) -> Reservoir:
        return NORMAL

    @property
    def barrier(self) -> Barrier:
        return Barrier(self.conductance, None)


NORMAL = Reservoir(0.0)
""",
        ),
    ],
    "device/boundary/__init__.py": [
        (" Periodic, Reservoir, Tunnel\n", " Lead,"),
        ("Periodic, Surface)", "Lead, "),
    ],
}
"""By file: before which text stands what was added."""


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A folder with the package that has the new terms."""
    folder = tmp_path_factory.mktemp("copy")
    shutil.copytree(PACKAGE, folder / "jusadel", ignore=shutil.ignore_patterns("__pycache__"))
    for name, additions in ADDED.items():
        file = folder / "jusadel" / name
        text = file.read_text()
        for before, added in additions:
            assert text.count(before) == 1, (name, before)
            text = text.replace(before, f"{added}{before}")
        file.write_text(text)
    return folder


def run(package, *arguments):
    """What a script prints, with the package from that folder."""
    environment = os.environ | {"PYTHONPATH": str(package), "MPLBACKEND": "Agg"}
    quiet = ["-W", "error", "-W", "ignore:the mesh is too coarse"]
    done = subprocess.run(
        [sys.executable, *quiet, *map(str, arguments)], env=environment, capture_output=True, text=True, cwd=package
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_new_terms_do_what_those_of_the_package_do(copy, tmp_path):
    packages, names = (PACKAGE.parent, copy), (("h", "gamma", "h"), ("tilt", "twist", "rim"))
    with ThreadPoolExecutor() as both:
        said = both.map(lambda package, of: run(package, TESTS / "all_of_a_term.py", *of, tmp_path), packages, names)
        of_today, of_new = map(json.loads, said)
    assert len(of_today) > 20
    assert list(of_new) == list(of_today)
    for name, expected in of_today.items():
        size = np.abs(expected).max()
        assert size > 1e-3, name
        np.testing.assert_allclose(of_new[name], expected, atol=1e-8 * size, err_msg=name)


def test_new_terms_in_files_and_in_words(copy, tmp_path):
    """A file from before a term was there is read, one with a term that is not there is refused."""
    device = ju.Device(mesh=ju.rectangle(1.0, 0.5, 0.5), materials=ju.Material(Tc=1.0, h=(0.1, 0, 0)))
    surface = {"top": ju.Surface(h=(0, 0, 1.0))}
    ju.save(ju.Device(mesh=device.mesh, materials=device.materials, boundaries=surface), tmp_path / "before.npz")
    (tmp_path / "script.py").write_text(
        f"""
import jusadel as ju
from dataclasses import replace
old = ju.load({str(tmp_path / "before.npz")!r})
(film,) = old.materials.values()
print(film.h, film.tilt, film.twist.shape, old.boundaries["top"].rim)
ju.save(replace(old, materials=replace(film, tilt=(0, 0, 0.5))), {str(tmp_path / "after.npz")!r})
ju.Material.of_group("C4v", twist={{"xy": 0.2}})
from jusadel.__main__ import main
main(["symmetry", "C4v"])
"""
    )
    said = run(copy, tmp_path / "script.py")
    assert said.startswith("[0.1 0.  0. ] [0. 0. 0.] (3, 2) [0. 0. 0.]\n")
    assert "twist: 1 free" in said
    with pytest.raises(ValueError, match="has the field 'tilt', which this version of jusadel does not know"):
        ju.load(tmp_path / "after.npz")


def test_a_new_condition_is_known_by_what_it_says(copy, tmp_path):
    """A normal metal behind a barrier: nobody else needs to hear of it."""
    (tmp_path / "script.py").write_text(
        f"""
import numpy as np
import jusadel as ju
from jusadel.action.connectivity import Layout, edge_sides
from jusadel.device.boundary import Lead
from jusadel.files.case_units import QUANTITIES
from jusadel.solver.reservoirs import held_nodes
mesh = ju.rectangle(1.0, 0.5, 0.5)
ends = {{"left": Lead(2.0), "right": ju.Reservoir(1.0)}}
device = ju.Device(mesh=mesh, materials=ju.Material(Tc=1.0), boundaries=ends)
ju.save(device, {str(tmp_path / "lead.npz")!r})
again = ju.load({str(tmp_path / "lead.npz")!r})
print(type(again.boundaries["left"]).__name__, again.boundaries["left"].conductance, sorted(again.electrodes()))
layout = Layout.of(again, edge_sides(again))
print(list(again.reservoirs()), list(layout.ghosts))
print([len(h.nodes) == h.frames(np.ones(1)).shape[1] == 3 for h in held_nodes(again, layout)])
print(sorted(QUANTITIES["Lead"]))
"""
    )
    assert run(copy, tmp_path / "script.py").splitlines() == [
        "Lead 2.0 ['left', 'right']",
        "['right'] ['left']",
        "[True, True]",
        "['conductance', 'kind']",
    ]
