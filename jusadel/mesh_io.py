"""Mesh files: Gmsh .msh (2.2 and 4.1, text and binary) and VTU for ParaView.

Physical names in a .msh are our names: of surfaces for regions, of curves for boundaries. A VTU has no such names;
there each region is a 0/1 cell array "region:NAME", and each boundary a 0/1 array "boundary:NAME" on line cells.

VTU goes through meshio; .msh is read by `msh_reader` and written by `msh_writer`.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import meshio
import numpy as np
from numpy.typing import ArrayLike, NDArray

from jusadel.atomic import checked_target, replacing
from jusadel.elements import Block, Content, mesh_of
from jusadel.mesh import Mesh
from jusadel.msh_reader import read_msh
from jusadel.msh_writer import MshWriter
from jusadel.topology import Integers

# name: (extension, version, binary)
FORMATS: dict[str, tuple[str, str, bool]] = {
    "gmsh41": (".msh", "4.1", True),
    "gmsh41-ascii": (".msh", "4.1", False),
    "gmsh22": (".msh", "2.2", True),
    "gmsh22-ascii": (".msh", "2.2", False),
    "vtu": (".vtu", "", True),
}
KINDS, LABELS, PREFIXES = ("line", "triangle"), ("curve", "surface"), ("boundary:", "region:")
"""What carries names, by dimension; what groups without a name are called; our arrays in a VTU."""


# --- reading -----------------------------------------------------------------------------------


def read_mesh(path: str | os.PathLike[str]) -> Mesh:
    """The mesh in a .msh (Gmsh 2.2 or 4.1) or .vtu file.

    Triangles of several Gmsh entities or partitions are joined; points that no triangle uses and a constant z
    are dropped. Groups with a number but no name are called "surface 7", "curve 7". Triangles in
    no group are "film" if there is no group at all, else "unnamed", with a warning. A warning names groups of points.

    Raises:
        FileNotFoundError: no such file.
        ValueError: unknown or unreadable format, no triangles, other surface or volume elements, names of regions or
            boundaries without elements, regions that overlap, not flat, or not a sound mesh (see `Mesh`).
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
        return mesh_of(content)
    except ValueError as error:
        raise ValueError(f"{file.name!r}: {error}") from error


EXPECTED = {".msh": "file of Gmsh", ".vtu": "XML file of VTK's type UnstructuredGrid, which ParaView can write"}


def _read_vtu(file: Path) -> Content:
    """Names come from our own arrays, or from the physical numbers that meshio keeps of Gmsh's groups."""
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
    """Cell numbers by name in one block of lines or triangles."""
    if kind not in KINDS:
        return {}
    prefix, label = PREFIXES[KINDS.index(kind)], LABELS[KINDS.index(kind)]
    physical = np.asarray(data["gmsh:physical"][block]) if "gmsh:physical" in data else np.zeros(0)
    groups = {f"{label} {tag}": np.flatnonzero(physical == tag) for tag in np.unique(physical[physical != 0])}
    marks = {key.removeprefix(prefix): values[block] for key, values in data.items() if key.startswith(prefix)}
    return groups | {name: np.flatnonzero(values) for name, values in marks.items()}


# --- writing -----------------------------------------------------------------------------------


def write_mesh(
    mesh: Mesh,
    path: str | os.PathLike[str],
    point_data: Mapping[str, ArrayLike] | None = None,
    cell_data: Mapping[str, ArrayLike] | None = None,
    file_format: str | None = None,
) -> None:
    """Write the mesh, its names and fields on it; the file appears whole or not at all.

    Args:
        mesh: the mesh.
        path: ends in .msh or .vtu.
        point_data, cell_data: arrays (n, ...) and (m, ...) by name. Complex ones are written as
            two, NAME_re and NAME_im; two components are filled up to three, as viewers want.
        file_format: "gmsh41" (default for .msh), "gmsh41-ascii", "gmsh22", "gmsh22-ascii", "vtu".
            Format 4.1 stores triangles region by region, so it does not keep their order.
    """
    file = Path(path)
    default = next((name for name, f in FORMATS.items() if f[0] == file.suffix.lower()), None)
    chosen = FORMATS.get(file_format or default or "")
    if chosen is None or chosen[0] != file.suffix.lower():
        raise ValueError(
            f"cannot write {file.name!r} with file_format={file_format!r}; expected an ending .msh "
            f"or .vtu and a matching format of {list(FORMATS)}"
        )
    _check_names(mesh, [*(point_data or {}), *(cell_data or {})])
    at_points = _fields("point_data", point_data, mesh.n_nodes)
    at_cells = _fields("cell_data", cell_data, len(mesh.triangles))
    with replacing(checked_target(file)) as partial:
        if file.suffix.lower() == ".vtu":
            _write_vtu(mesh, partial, at_points, at_cells)
        else:
            with open(partial, "wb") as stream:
                MshWriter(stream, chosen[1], chosen[2]).write(mesh, at_points, at_cells)


def _check_names(mesh: Mesh, fields: list[str]) -> None:
    for name in [*mesh.regions, *mesh.boundaries, *fields]:
        if any(c in name for c in "\"'\\<>&\n\r"):
            raise ValueError(f"the name {name!r} cannot be written: leave out quotes, \\, <, > and &")


def _fields(what: str, given: Mapping[str, ArrayLike] | None, count: int) -> dict[str, Any]:
    """Real arrays (count,) or (count, k) by name."""
    fields: dict[str, Any] = {}
    for name, values in (given or {}).items():
        array = np.asarray(values)
        if array.ndim == 0 or len(array) != count or array.dtype.kind not in "biufc":
            raise ValueError(
                f"{what} {name!r} has shape {array.shape} and type {array.dtype}; "
                f"expected numbers of shape ({count}, ...)"
            )
        array = array.reshape(count, -1) if array.ndim > 1 else array
        if array.shape[1:] == (2,):
            array = np.pad(array, ((0, 0), (0, 1)))
        if array.dtype.kind == "c":
            fields[f"{name}_re"], fields[f"{name}_im"] = array.real, array.imag
        else:
            fields[name] = array
    return {name: np.ascontiguousarray(a, dtype=np.float64) for name, a in fields.items()}


def _write_vtu(mesh: Mesh, file: Path, at_points: dict[str, Any], at_cells: dict[str, Any]) -> None:
    lines = np.concatenate([np.empty((0, 2), np.int64), *mesh.boundaries.values()])
    m, k = len(mesh.triangles), len(lines)
    data = {
        name: [a, np.full((k, *a.shape[1:]), np.nan)] for name, a in at_cells.items()
    }  # fields live on triangles only
    for name, index in mesh.regions.items():
        data[f"region:{name}"] = [_marks(index, m), _marks([], k)]
    start = 0
    for name, edges in mesh.boundaries.items():
        mine = np.arange(start, start + len(edges))
        data[f"boundary:{name}"] = [_marks([], m), _marks(mine, k)]
        start += len(edges)
    blocks = [("triangle", mesh.triangles), ("line", lines)] if k else [("triangle", mesh.triangles)]
    raw = meshio.Mesh(
        np.column_stack([np.asarray(mesh.points), np.zeros(mesh.n_nodes)]),
        blocks,
        point_data=at_points,
        cell_data={name: parts[: len(blocks)] for name, parts in data.items()},
    )
    with contextlib.redirect_stderr(io.StringIO()):
        meshio.vtu.write(str(file), raw)


def _marks(index: Any, count: int) -> NDArray[np.uint8]:
    marks = np.zeros(count, dtype=np.uint8)
    marks[np.asarray(index, dtype=int)] = 1
    return marks
