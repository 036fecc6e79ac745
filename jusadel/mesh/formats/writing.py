"""Mesh files, written: Gmsh .msh (2.2 and 4.1, text and binary) and VTU for ParaView, with names and fields.

VTU goes through meshio, names as in `reading`; .msh is written by `msh_writer`.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jusadel.common.atomic import checked_target, replacing
from jusadel.mesh.formats.msh_writer import MshWriter

if TYPE_CHECKING:
    from jusadel.mesh.mesh import Mesh

# name: (extension, version, binary)
FORMATS: dict[str, tuple[str, str, bool]] = {
    "gmsh41": (".msh", "4.1", True),
    "gmsh41-ascii": (".msh", "4.1", False),
    "gmsh22": (".msh", "2.2", True),
    "gmsh22-ascii": (".msh", "2.2", False),
    "vtu": (".vtu", "", True),
}


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
    import meshio  # when it is first needed

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
