"""Gmsh's .msh files, written by ourselves: formats 2.2 and 4.1, text and binary.

meshio 5.3.5 under numpy 2 writes corrupt text as soon as there are fields, and its 4.1 writer loses names and the
order of nodes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

if TYPE_CHECKING:
    from jusadel.mesh.mesh import Mesh

LINE, TRIANGLE = 1, 2
"""Both the dimension and Gmsh's number of the element type."""


class MshWriter:
    """Gmsh's format 2.2 or 4.1; https://gmsh.info/doc/texinfo/gmsh.html#MSH-file-format."""

    def __init__(self, stream: BinaryIO, version: str, binary: bool):
        self.stream, self.version, self.binary = stream, version, binary
        self.count = np.int32 if version == "2.2" else np.uint64

    def write(self, mesh: Mesh, at_points: dict[str, Any], at_cells: dict[str, Any]) -> None:
        """The whole file: mesh, names and fields."""
        # one Gmsh entity and one physical group per name, numbered within each dimension
        groups = [
            *((LINE, tag, name, e) for tag, (name, e) in enumerate(mesh.boundaries.items(), 1)),
            *((TRIANGLE, tag, name, i) for tag, (name, i) in enumerate(mesh.regions.items(), 1)),
        ]
        points = np.column_stack([np.asarray(mesh.points, float), np.zeros(mesh.n_nodes)])
        with self.section("MeshFormat"):
            self.line(f"{self.version} {int(self.binary)} 8")
            if self.binary:
                self.stream.write(np.array([1], np.int32).tobytes() + b"\n")
        with self.section("PhysicalNames"):
            self.line(f"{len(groups)}")
            for dimension, tag, name, _ in groups:
                self.line(f'{dimension} {tag} "{name}"')
        if self.version == "2.2":
            self.body_22(mesh, points, groups)
        else:
            self.body_41(mesh, points, groups)
        m = len(mesh.triangles)
        order = np.arange(m) if self.version == "2.2" else np.concatenate([*mesh.regions.values()])
        # zeros on the lines: meshio, for one, reads fields only where they cover all elements
        for name, values in at_points.items():
            self.data("NodeData", name, values)
        for name, values in at_cells.items():
            padding = np.zeros((_n_lines(mesh), *values.shape[1:]))
            self.data("ElementData", name, np.concatenate([values[order], padding]))

    def body_22(self, mesh: Mesh, points: Any, groups: list[Any]) -> None:
        """Nodes and elements of format 2.2."""
        with self.section("Nodes"):
            self.line(f"{len(points)}")
            self.table(np.arange(1, len(points) + 1)[:, None], points)
        m = len(mesh.triangles)
        tag = mesh.region_of_triangle + 1
        ids = np.arange(1, m + 1)
        blocks = [(TRIANGLE, np.column_stack([ids, tag, tag, mesh.triangles + 1]))]
        for dimension, number, _, edges in groups:
            if dimension == LINE:
                ids = np.arange(ids[-1] + 1, ids[-1] + 1 + len(edges))
                same = np.full(len(edges), number)
                blocks.append((LINE, np.column_stack([ids, same, same, edges + 1])))
        with self.section("Elements"):
            self.line(f"{ids[-1]}")
            for kind, rows in blocks:
                if self.binary:
                    self.numbers(np.int32, kind, len(rows), 2)
                    self.table(rows)
                else:  # number, type, number of tags, tags, nodes
                    self.table(np.insert(rows, [1, 1], [kind, 2], axis=1))

    def body_41(self, mesh: Mesh, points: Any, groups: list[Any]) -> None:
        """Entities, nodes and elements of format 4.1."""
        n_lines = len(mesh.boundaries)
        with self.section("Entities"):
            self.numbers(self.count, 0, n_lines, len(groups) - n_lines, 0)
            for dimension, tag, _, members in groups:
                box = points[members if dimension == LINE else mesh.triangles[members]]
                box = box.reshape(-1, 3)
                self.numbers(np.int32, tag, end=" ")
                self.numbers(np.float64, *box.min(axis=0), *box.max(axis=0), end=" ")
                self.numbers(self.count, 1, end=" ")
                self.numbers(np.int32, tag, end=" ")
                self.numbers(self.count, 0)
        with self.section("Nodes"):  # all in one block, which keeps their order
            n = len(points)
            self.numbers(self.count, 1, n, 1, n)
            self.numbers(np.int32, TRIANGLE, 1, 0, end=" ")
            self.numbers(self.count, n)
            self.table(np.arange(1, n + 1)[:, None])
            self.table(None, points)
        total = len(mesh.triangles) + _n_lines(mesh)
        with self.section("Elements"):
            self.numbers(self.count, len(groups), total, 1, total)
            start = 1
            for dimension, tag, _, members in sorted(groups, key=lambda group: -group[0]):
                self.numbers(np.int32, dimension, tag, dimension, end=" ")
                self.numbers(self.count, len(members))
                nodes = members if dimension == LINE else mesh.triangles[members]
                self.table(np.column_stack([np.arange(start, start + len(nodes)), nodes + 1]))
                start += len(nodes)

    def data(self, title: str, name: str, values: Any) -> None:
        """One field."""
        rows = values.reshape(len(values), -1)
        width = next((w for w in (1, 3, 9) if w >= rows.shape[1]), None)  # all that Gmsh knows
        if width is None:
            raise ValueError(f"field {name!r} has {rows.shape[1]} components; Gmsh takes at most 9: write .vtu")
        rows = np.pad(rows, ((0, 0), (0, width - rows.shape[1])))
        with self.section(title):
            self.line(f'1\n"{name}"\n1\n0.0\n3\n0\n{width}\n{len(rows)}')
            self.table(np.arange(1, len(rows) + 1)[:, None], rows, integer=np.int32)

    @contextlib.contextmanager
    def section(self, title: str) -> Iterator[None]:
        """Between $title and $Endtitle."""
        self.line(f"${title}")
        yield
        if self.binary and title not in ("MeshFormat", "PhysicalNames"):
            self.line("")
        self.line(f"$End{title}")

    def line(self, text: str) -> None:
        """One line of text, in binary files too."""
        self.stream.write(f"{text}\n".encode())

    def numbers(self, kind: Any, *values: Any, end: str = "\n") -> None:
        """Numbers of one kind."""
        if self.binary:
            self.stream.write(np.array(values, kind).tobytes())
        else:
            pattern = "%.17g" if kind is np.float64 else "%d"
            self.stream.write((" ".join(pattern % v for v in values) + end).encode())

    def table(self, integers: Any, reals: Any = None, integer: Any = None) -> None:
        """Rows of integers, then reals."""
        n = len(reals if integers is None else integers)
        a = np.empty((n, 0), np.int64) if integers is None else integers
        b = np.empty((n, 0)) if reals is None else reals
        if self.binary:
            kind = integer or self.count
            rows = np.empty(n, [("a", kind, a.shape[1:]), ("b", np.float64, b.shape[1:])])
            rows["a"], rows["b"] = a, b
            self.stream.write(rows.tobytes())
        else:
            pattern = " ".join(["%d"] * a.shape[1] + ["%.17g"] * b.shape[1])
            for i, x in zip(a.tolist(), b.tolist(), strict=True):
                self.line(pattern % (*i, *x))


def _n_lines(mesh: Mesh) -> int:
    return sum(len(edges) for edges in mesh.boundaries.values())
