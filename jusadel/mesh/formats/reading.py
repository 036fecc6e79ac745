"""Mesh files, read: Gmsh .msh (2.2 and 4.1, text and binary) and VTU of ParaView.

Physical names in a .msh are our names: of surfaces for regions, of curves for boundaries. A VTU has no such names;
there each region is a 0/1 cell array "region:NAME", and each boundary a 0/1 array "boundary:NAME" on line cells.

VTU goes through meshio; .msh is read by `msh_reader`.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jusadel.mesh.formats.elements import Content, mesh_of_elements
from jusadel.mesh.formats.msh_reader import read_msh
from jusadel.mesh.formats.straightening import Block, family
from jusadel.mesh.mesh import Mesh
from jusadel.mesh.topology import Integers

DIMENSIONS = {"line": 0, "triangle": 1, "quad": 1}
"""What carries names."""
LABELS, PREFIXES = ("curve", "surface"), ("boundary:", "region:")
"""What groups without a name are called, by dimension; our arrays in a VTU."""


def read_mesh(path: str | os.PathLike[str]) -> Mesh:
    """The mesh in a .msh (Gmsh 2.2 or 4.1) or .vtu file.

    Triangles of several Gmsh entities or partitions are joined; points that no triangle uses and a constant z
    are dropped. Elements of second and higher order become straight triangles between their corners, quadrilaterals two
    triangles each; warnings say so. Groups with a number but no name are called "surface 7", "curve 7". Triangles in
    no group are "film" if there is no group at all, else "unnamed", with a warning. A warning names groups of points.

    Raises:
        FileNotFoundError: no such file.
        ValueError: unknown or unreadable format, no triangles, volume elements, names of regions or boundaries
            without elements, regions that overlap, not flat, or not a sound mesh (see `Mesh`).
    """
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(f"there is no mesh file {str(file)!r}")
    if file.suffix.lower() not in (".msh", ".vtu"):
        raise ValueError(f"cannot read {file.name!r}: expected a name that ends in .msh or .vtu")
    try:
        with contextlib.redirect_stderr(io.StringIO()):  # meshio prints remarks there
            content = _read_vtu(file) if file.suffix.lower() == ".vtu" else read_msh(file.read_bytes())
    except Exception as error:  # a parser of foreign files fails in many ways
        why = str(error) or f"{type(error).__name__}, without a word: the file may be cut off"
        if isinstance(error, KeyError | IndexError | AttributeError):  # their text is a name in the parser
            why = f"{type(error).__name__} {why}: it is cut off, or no {EXPECTED[file.suffix.lower()]}"
        raise ValueError(f"{file.name!r} cannot be read as {file.suffix}: {why}") from error
    try:
        return mesh_of_elements(content)
    except ValueError as error:
        raise ValueError(f"{file.name!r}: {error}") from error


EXPECTED = {".msh": "file of Gmsh", ".vtu": "XML file of VTK's type UnstructuredGrid, which ParaView can write"}


def _read_vtu(file: Path) -> Content:
    """Names come from our own arrays, or from the physical numbers that meshio keeps of Gmsh's groups."""
    import meshio  # when it is first needed

    raw = meshio.vtu.read(str(file))
    blocks = [
        Block(kind=block.type, nodes=np.asarray(block.data, np.int64), groups=_vtu_groups(raw.cell_data, k, block.type))
        for k, block in enumerate(raw.cells)
    ]
    listed = [
        (PREFIXES.index(p) + 1, key.removeprefix(p)) for key in raw.cell_data for p in PREFIXES if key.startswith(p)
    ]
    lost = "Their arrays mark no cell: export the lines and triangles of all of them, or delete those arrays"
    return Content(points=np.asarray(raw.points, dtype=float), blocks=blocks, listed=listed, lost=lost)


def _vtu_groups(data: Mapping[str, Any], block: int, kind: str) -> dict[str, Integers]:
    """Cell numbers by name in one block of lines, triangles or quadrilaterals."""
    if family(kind) not in DIMENSIONS:
        return {}
    prefix, label = (of[DIMENSIONS[family(kind)]] for of in (PREFIXES, LABELS))
    physical = np.asarray(data["gmsh:physical"][block]) if "gmsh:physical" in data else np.zeros(0)
    groups = {f"{label} {tag}": np.flatnonzero(physical == tag) for tag in np.unique(physical[physical != 0])}
    marks = {key.removeprefix(prefix): values[block] for key, values in data.items() if key.startswith(prefix)}
    return groups | {name: np.flatnonzero(values) for name, values in marks.items()}
