"""Mesh files: Gmsh .msh (2.2 and 4.1, text and binary) and VTU for ParaView.

Physical names in a .msh are our names: of surfaces for regions, of curves for boundaries. A VTU has no such names;
there each region is a 0/1 cell array "region:NAME", and each boundary a 0/1 array "boundary:NAME" on line cells.

Reading and VTU go through meshio; .msh is written by `msh_writer`.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import meshio
import numpy as np
from numpy.typing import ArrayLike, NDArray

from jusadel.atomic import checked_target, replacing
from jusadel.mesh import Mesh
from jusadel.msh_writer import LINE, TRIANGLE, MshWriter

# name: (extension, version, binary)
FORMATS: dict[str, tuple[str, str, bool]] = {
    "gmsh41": (".msh", "4.1", True),
    "gmsh41-ascii": (".msh", "4.1", False),
    "gmsh22": (".msh", "2.2", True),
    "gmsh22-ascii": (".msh", "2.2", False),
    "vtu": (".vtu", "", True),
}

Groups = dict[str, NDArray[np.int64]]


# --- reading -----------------------------------------------------------------------------------


def read_mesh(path: str | os.PathLike[str]) -> Mesh:
    """The mesh in a .msh (Gmsh 2.2 or 4.1) or .vtu file.

    Triangles of several Gmsh entities are joined; points that no triangle uses and a constant z
    are dropped. Groups with a number but no name are called "surface 7", "curve 7". Triangles in
    no group are "film" if there is no group at all, else "unnamed", with a warning.

    Raises:
        FileNotFoundError: no such file.
        ValueError: unknown or unreadable format, no triangles, other surface or volume elements,
            not flat, or not a sound mesh (see `Mesh`).
    """
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(f"there is no mesh file {str(file)!r}")
    if file.suffix.lower() not in (".msh", ".vtu"):
        raise ValueError(f"cannot read {file.name!r}: expected a name that ends in .msh or .vtu")
    try:
        with contextlib.redirect_stderr(io.StringIO()):  # meshio prints remarks there
            is_vtu = file.suffix.lower() == ".vtu"
            raw = meshio.vtu.read(str(file)) if is_vtu else _read_msh(file)
    except Exception as error:  # a parser of foreign files fails in many ways
        raise ValueError(_unreadable(file, error)) from error
    try:
        return _from_meshio(raw, _physical_names(file))
    except ValueError as error:
        raise ValueError(f"{file.name!r}: {error}") from error


def _unreadable(file: Path, error: Exception) -> str:
    if "gmsh:physical" in str(error):
        return (
            f"{file.name!r} has entities with and without physical group, which meshio cannot read "
            "from format 4.1: give every surface and curve a group, or save only the groups "
            "(Gmsh: Mesh.SaveAll = 0), or save format 2.2"
        )
    return f"{file.name!r} cannot be read as {file.suffix} ({type(error).__name__}: {error})"


def _read_msh(file: Path) -> Any:
    """Gmsh's mesh without its fields: meshio fails where those leave out an element."""
    content = file.read_bytes()
    fields = rb"\$((?:Node|Element|ElementNode)Data)\r?\n.*?\$End\1\r?\n?"
    bare = re.sub(fields, b"", content, flags=re.DOTALL)
    if bare == content:
        return meshio.gmsh.read(str(file))
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "mesh.msh"
        copy.write_bytes(bare)
        return meshio.gmsh.read(str(copy))


def _physical_names(file: Path) -> dict[tuple[int, int], str]:
    """Names by (dimension, number). meshio keeps one of two groups that share a name."""
    found = re.search(rb"\$PhysicalNames(.*?)\$EndPhysicalNames", file.read_bytes(), re.DOTALL)
    rows = re.findall(r'(\d+)\s+(\d+)\s+"([^"]*)"', found[1].decode()) if found else []
    return {(int(dimension), int(tag)): name for dimension, tag, name in rows}


def _from_meshio(raw: Any, names: dict[tuple[int, int], str]) -> Mesh:
    held = sorted({block.type for block in raw.cells})
    if "triangle" not in held:
        raise ValueError(f"the file has no triangles; it holds {held}")
    foreign = sorted(set(held) - {"vertex", "line", "triangle"})
    if foreign:
        raise ValueError(f"the file holds {foreign} beside triangles; mesh with straight triangles only")
    cells = {
        kind: np.concatenate([b.data for b in raw.cells if b.type == kind] or [np.empty((0, n))])
        for kind, n in (("triangle", 3), ("line", 2))
    }
    triangles, lines = (cells[kind].astype(np.int64) for kind in ("triangle", "line"))
    used, triangles = np.unique(triangles, return_inverse=True)
    number = np.full(len(raw.points), -1)
    number[used] = np.arange(len(used))
    regions = _groups(raw, names, "triangle", "surface", "region:")
    boundaries = _groups(raw, names, "line", "curve", "boundary:")
    return Mesh(
        points=_flat(np.asarray(raw.points, dtype=float)[used]),
        triangles=triangles.reshape(-1, 3),
        regions=_complete(regions, len(triangles.reshape(-1, 3))),
        boundaries={
            name: np.unique(np.sort(number[lines[index]], axis=1), axis=0) for name, index in boundaries.items()
        },
    )


def _flat(points: NDArray[np.float64]) -> NDArray[np.float64]:
    if points.shape[1] == 3:
        z = points[:, 2]
        if np.ptp(z) > 1e-10 * np.ptp(points[:, :2]):
            raise ValueError(
                f"the points are not flat: z runs from {z.min():g} to {z.max():g}; expected a mesh in the x-y plane"
            )
    return points[:, :2]


def _groups(raw: Any, named: dict[tuple[int, int], str], kind: str, label: str, prefix: str) -> Groups:
    """Cell numbers by group name, among all cells of a kind.

    Names come from 4.1's cell sets, from 2.2's physical numbers and from our own VTU arrays.
    """
    dimension = LINE if kind == "line" else TRIANGLE
    names = {tag: name for (dim, tag), name in named.items() if dim == dimension}
    found: dict[str, list[NDArray[np.int64]]] = {}
    start = 0
    for k, block in enumerate(raw.cells):
        if block.type != kind:
            continue
        for name in names.values():
            inside = raw.cell_sets[name][k] if name in raw.cell_sets else []
            found.setdefault(name, []).append(start + np.asarray(inside, dtype=np.int64))
        if "gmsh:physical" in raw.cell_data:
            physical = np.abs(raw.cell_data["gmsh:physical"][k])  # < 0: reversed curve
            for tag in np.unique(physical[physical != 0]):
                name = names.get(int(tag), f"{label} {tag}")
                found.setdefault(name, []).append(start + np.flatnonzero(physical == tag))
        for key, values in raw.cell_data.items():
            if key.startswith(prefix):
                name = key.removeprefix(prefix)
                found.setdefault(name, []).append(start + np.flatnonzero(values[k]))
        start += len(block.data)
    joined = {name: np.unique(np.concatenate(parts)) for name, parts in found.items()}
    return {name: index for name, index in joined.items() if len(index)}


def _complete(regions: Groups, m: int) -> Groups:
    missing = np.setdiff1d(np.arange(m), np.concatenate([[], *regions.values()]))
    if not regions or not len(missing):
        return regions
    warnings.warn(
        f"{len(missing)} of {m} triangles are in none of the regions {list(regions)}; they are now region 'unnamed'",
        UserWarning,
        stacklevel=4,
    )
    return {**regions, "unnamed": missing}


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
