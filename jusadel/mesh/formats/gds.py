"""Layouts in GDSII files: layers as the film, its regions, holes and contacts."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jusadel.common.differentiability import SHAPES, without_derivatives
from jusadel.mesh.generator.sizes import SizeFunction
from jusadel.mesh.mesh import Mesh
from jusadel.mesh.polygons import polygon

Layer = int | tuple[int, int]
"""A layer with data type 0, or layer and data type."""


@without_derivatives(SHAPES)
def read_gds(
    path: str | os.PathLike[str],
    size: float | SizeFunction,
    film: Layer | None = None,
    *,
    regions: Mapping[str, Layer] | None = None,
    holes: Mapping[str, Layer] | None = None,
    boundaries: Mapping[str, Layer] | None = None,
    rest: str = "film",
    cell: str | None = None,
    unit: float | None = None,
) -> Mesh:
    """The mesh of a layout in a GDSII file; needs the extra "gds" (gdstk and shapely).

        mesh = ju.read_gds("chip.gds", size=0.05, film=(1, 0), regions={"S": (2, 0)}, boundaries={"source": (10, 0)})

    The polygons of each layer are joined, those of paths, text made of polygons, and referenced cells included; the cut
    that leads from an outline to a hole in such files closes. Labels are no polygons and are left out.

    Args:
        path: the file.
        size: largest edge, or a function of points, as in `polygon` [lengths of the mesh].
        film: a layer as a number, or as layer and data type, (1, 0); None for a film that the regions make up.
        regions: layers by name; where two overlap the later one wins, outside of the film they count for nothing.
        holes: layers by name of what is cut out of the film, beside the holes that it has.
        boundaries: layers by name whose polygons cover the pieces of the film's border that are contacts.
        rest: name of the region that no layer of `regions` covers.
        cell: name of the cell; may be left out where the file has one top cell.
        unit: length of the mesh's unit in metres, 1e-9 for nanometres, `units.length_unit` for that of `Units`; None
            keeps the unit of the file, most often micrometres.

    Raises:
        FileNotFoundError: no such file.
        ImportError: gdstk or shapely is missing.
        ValueError: not a GDSII file, no such cell or layer, a film in several pieces, or what `polygon` refuses.
    """
    if film is None and not regions:
        raise ValueError("neither film nor regions are given; expected a layer for the film, such as film=(1, 0)")
    layers = _Layers(Path(path), cell, unit)
    covers = {name: layers.shape(f"region {name!r}", layer) for name, layer in (regions or {}).items()}
    outline = layers.joined(covers.values()) if film is None else layers.shape("the film", film)
    return polygon(
        outline,
        size,
        {name: layers.shape(f"hole {name!r}", layer) for name, layer in (holes or {}).items()},
        covers,
        boundaries={name: layers.shape(f"boundary {name!r}", layer) for name, layer in (boundaries or {}).items()},
        rest=rest,
    )


class _Layers:
    """The layers of a cell in a file, as geometries of shapely."""

    def __init__(self, file: Path, cell: str | None, unit: float | None) -> None:
        if not file.is_file():
            raise FileNotFoundError(f"there is no file {str(file)!r}")
        try:
            import gdstk  # when they are first needed
            import shapely
        except ImportError as error:
            raise ImportError('GDSII files need the extra: python -m pip install "jusadel[gds]"') from error
        self._shapely, self.file = shapely, file
        self.found: dict[tuple[int, int], list[Any]] = {}  # points of polygons by layer and data type
        for each in _chosen_cell(_library(gdstk, file, unit), file, cell).get_polygons():
            self.found.setdefault((each.layer, each.datatype), []).append(each.points)

    def shape(self, what: str, layer: Any) -> Any:
        """All that a layer covers."""
        key = (layer, 0) if isinstance(layer, int) else tuple(layer)
        if key not in self.found:
            raise ValueError(
                f"{self.file.name!r}: layer {layer!r}, of {what}, holds no polygon; those that do are "
                f"{sorted(self.found)} (layer, data type)"
            )
        return self.joined(
            self._shapely.make_valid(self._shapely.Polygon(points), method="structure", keep_collapsed=False)
            for points in self.found[key]
        )

    def joined(self, shapes: Any) -> Any:
        """Their union."""
        return self._shapely.union_all(list(shapes))


def _library(gdstk: Any, file: Path, unit: float | None) -> Any:
    if unit is not None and not (isinstance(unit, int | float) and 0 < unit < float("inf")):
        raise ValueError(f"unit = {unit!r}; expected a length in metres > 0, such as 1e-9")
    try:
        return gdstk.read_gds(str(file), unit=unit or 0)
    except Exception as error:  # of a library in C++
        raise ValueError(f"{file.name!r} cannot be read as GDSII: {error}") from error


def _chosen_cell(library: Any, file: Path, name: str | None) -> Any:
    """The cell of this name, or the one that no other refers to."""
    cells = [each for each in library.cells if each.name == name] if name else library.top_level()
    if len(cells) != 1:
        asked = f"no cell {name!r}" if name else f"{len(cells)} top cells"
        raise ValueError(f"{file.name!r} has {asked}; expected cell= one of {[each.name for each in library.cells]}")
    return cells[0]
