"""Gmsh's .msh files, read by ourselves: formats 2 and 4.1, text and binary, with all their physical groups.

meshio 5.3.5 loses groups where a file has entities in none or in several, and fails at partitions and parametric nodes.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jusadel.mesh.formats.elements import Content
from jusadel.mesh.formats.straightening import Block
from jusadel.mesh.topology import Integers

KINDS = {
    15: ("vertex", 1, 0),
    **{1: ("line", 2, 1), 8: ("line3", 3, 1), 26: ("line4", 4, 1), 27: ("line5", 5, 1), 28: ("line6", 6, 1)},
    **{2: ("triangle", 3, 2), 9: ("triangle6", 6, 2), 20: ("triangle9", 9, 2), 21: ("triangle10", 10, 2)},
    **{22: ("triangle12", 12, 2), 23: ("triangle15", 15, 2), 25: ("triangle21", 21, 2)},
    **{3: ("quad", 4, 2), 16: ("quad8", 8, 2), 10: ("quad9", 9, 2), 36: ("quad16", 16, 2)},
    **{4: ("tetra", 4, 3), 5: ("hexahedron", 8, 3), 6: ("wedge", 6, 3), 7: ("pyramid", 5, 3)},
    **{11: ("tetra10", 10, 3), 17: ("hexahedron20", 20, 3), 12: ("hexahedron27", 27, 3)},
    **{18: ("wedge15", 15, 3), 13: ("wedge18", 18, 3), 19: ("pyramid13", 13, 3), 14: ("pyramid14", 14, 3)},
}
"""Name, number of nodes and dimension of Gmsh's types of elements; the names are meshio's."""

SECTIONS = ("Entities", "PartitionedEntities", "Nodes", "ParametricNodes", "Elements")
LABELS = ("point", "curve", "surface", "volume")
"""What groups without a name are called, by dimension."""

Elements = list[tuple[int, Integers, dict[int, Integers]]]
"""Of each block: Gmsh's type, numbers of the nodes (k, nodes of an element), which of the k elements a group has."""


def read_msh(content: bytes) -> Content:
    """The file with this content.

    Raises:
        ValueError: no Gmsh file, a format that we do not read, or a file that ends early; says what to do.
    """
    version, binary, size = _header(content)
    order = ">" if binary and b"\n\x00\x00\x00\x01\n" in content[:100] else "<"
    sections = {name: _Numbers(name, content, f"{order}u{size}" if binary else "", order) for name in SECTIONS}
    tags, points, elements = (_read_2 if version.startswith("2") else _read_41)(sections)
    names = _physical_names(content)
    blocks = []
    for number, nodes, groups in elements:
        kind, _, dimension = KINDS[number]
        named = _named(names, dimension, groups)
        blocks.append(Block(kind=kind, nodes=_rows_of(tags, kind, nodes), groups=named))
    listed = [(dimension, name) for (dimension, _), name in names.items()]
    grouped = any(groups for _, _, groups in elements)
    return Content(points=points, blocks=blocks, listed=listed, lost=_why_lost(version, sections, grouped))


def _named(names: dict[tuple[int, int], str], dimension: int, groups: dict[int, Integers]) -> dict[str, Integers]:
    """Elements by the name of their group, in the order of the file's names; several groups may share a name."""
    known = {number: name for (d, number), name in names.items() if d == dimension}
    found: dict[str, Integers] = {name: np.empty(0, np.int64) for name in known.values()}
    for number, index in groups.items():
        name = known.get(number, f"{LABELS[dimension]} {number}")
        found[name] = np.concatenate([found.get(name, np.empty(0, np.int64)), index])
    return found


def _why_lost(version: str, sections: dict[str, _Numbers], grouped: bool) -> str:
    """What to do about names in $PhysicalNames without elements."""
    if version.startswith("2") and not grouped:
        return (
            f"In format {version} Gmsh drops all groups when it saves all elements: export again with Mesh.SaveAll = 0 "
            "(without -save_all), or in format 4.1 (Mesh.MshFileVersion = 4.1, -format msh41)"
        )
    if not version.startswith("2") and not sections["Entities"].there:
        return "The section $Entities, which says what is in which group, is missing: export the file with Gmsh itself"
    return "Mesh what they stand for and export again, or remove them from the model"


def _header(content: bytes) -> tuple[str, bool, int]:
    """Version, whether binary, and bytes of a count."""
    found = re.search(rb"\$MeshFormat\s+(\S+)\s+(\d+)\s+(\d+)", content)
    if not found:
        raise ValueError("there is no $MeshFormat section: not a Gmsh file of format 2 or 4.1, or an incomplete one")
    version, binary = found[1].decode(), found[2] == b"1"
    if version == "4" and re.search(rb"\$Nodes\s+\d+ +\d+ +\d+ +\d+\s", content):
        version = "4.1"  # some programs shorten it; Gmsh calls 4.0 so, whose section begins with two numbers
    if version not in ("2", "4.1") and not version.startswith("2."):
        found_version = "4.0" if version == "4" else version
        raise ValueError(
            f"it has Gmsh's format {found_version}; expected 4.1 or 2.2: convert it (`gmsh OLD.msh -save -format msh41 "
            "-o NEW.msh`), or export it again with Mesh.MshFileVersion = 4.1"
        )
    return version, binary, int(found[3])


def _physical_names(content: bytes) -> dict[tuple[int, int], str]:
    """By dimension and number."""
    found = re.search(rb"\$PhysicalNames(.*?)\$EndPhysicalNames", content, re.DOTALL)
    rows = re.findall(r'(\d+)\s+(\d+)\s+"([^"]*)"', found[1].decode()) if found else []
    return {(int(dimension), int(tag)): name for dimension, tag, name in rows}


class _Numbers:
    """The numbers of one section in their order, from text or from bytes.

    Args:
        section: its name.
        content: of the file.
        count: numpy's type of a count in a binary file; "" for text.
        order: of bytes, "<" or ">".
    """

    def __init__(self, section: str, content: bytes, count: str, order: str):
        pattern = rb"^\$%s[ \t]*\r?\n(.*?)\$End%s" % ((section.encode(),) * 2)
        found = re.search(pattern, content, re.DOTALL | re.MULTILINE)
        self.section, self.there, self.at = section, found is not None, 0
        self.kinds = {"int": f"{order}i4", "real": f"{order}f8", "count": count} if count else None
        self.content = found[1] if found else b""
        self.values = np.array([] if count else self.content.split(), dtype=float)  # integers are exact up to 2^53

    def rows(self, n: int, *columns: tuple[str, int]) -> list[NDArray[Any]]:
        """The next n rows of columns (kind, width), as one array (n, width) for each; kinds: int, count, real."""
        if self.kinds is None:
            widths = [width for _, width in columns]
            start = self._passed(n * sum(widths), len(self.values))
            table = self.values[start : self.at].reshape(n, sum(widths))
            parts = np.split(table, np.cumsum(widths)[:-1], axis=1)
        else:
            record = np.dtype([(f"{k}", self.kinds[kind], (width,)) for k, (kind, width) in enumerate(columns)])
            start = self._passed(n * record.itemsize, len(self.content))
            read = np.frombuffer(self.content, record, n, start) if self.at > start else np.empty(n, record)
            parts = [read[name] for name in record.names or ()]
        return [
            part.astype(float if kind == "real" else np.int64) for part, (kind, _) in zip(parts, columns, strict=True)
        ]

    def take(self, kind: str, n: int) -> list[Any]:
        """The next n numbers of one kind."""
        found: list[Any] = self.rows(1, (kind, n))[0][0].tolist()
        return found

    def one(self, kind: str) -> int:
        """The next number."""
        return int(self.take(kind, 1)[0])

    def line(self) -> int:
        """The number on the next line of text, which binary files of format 2 have too."""
        if self.kinds is None:
            return self.one("count")
        text, _, self.content = self.content.partition(b"\n")
        return int(text)

    def _passed(self, n: int, there: int) -> int:
        """Where the next n numbers (or bytes) begin; the ones after them are next."""
        if not 0 <= n <= there - self.at:
            raise self.cut_off()
        self.at += n
        return self.at - n

    def cut_off(self) -> ValueError:
        """The error that says that numbers are missing."""
        what = f"${self.section} ends early" if self.there else f"there is no complete section ${self.section}"
        return ValueError(f"{what}: the file was cut off, or is not what its header says; export it again")


def _rows_of(tags: Integers, kind: str, nodes: Integers) -> Integers:
    """The rows of the points that nodes are, by the numbers of all nodes (n,) in the file."""
    missing = np.setdiff1d(nodes, tags)
    if missing.size:
        raise ValueError(f"a {kind} has the node {missing[0]}, which is not in $Nodes: export the file again")
    order = np.argsort(tags)
    return np.asarray(order[np.searchsorted(tags, nodes, sorter=order)])


def _width(number: int) -> int:
    """Number of nodes of an element of this type."""
    if number not in KINDS:
        raise ValueError(f"it holds elements of Gmsh's type {number}; expected straight triangles and lines only")
    return KINDS[number][1]


# --- format 2 ------------------------------------------------------------------------------------


def _read_2(sections: dict[str, _Numbers]) -> tuple[Integers, NDArray[np.float64], Elements]:
    parametric, numbers = sections["ParametricNodes"], sections["Elements"]
    tags, points = _parametric_nodes_2(parametric) if parametric.there else _nodes_2(sections["Nodes"])
    elements: Elements = []
    rows = _elements_2_text(numbers) if numbers.kinds is None else _elements_2_binary(numbers)
    for (number, n_tags), table in rows.items():
        physical = np.abs(table[:, 1]) if n_tags else np.zeros(len(table), np.int64)  # < 0: a reversed curve
        groups = {int(g): np.flatnonzero(physical == g) for g in np.unique(physical[physical > 0])}
        elements.append((number, table[:, 1 + n_tags :], groups))
    return tags, points, elements


Rows = dict[tuple[int, int], Integers]
"""Rows of number, tags and nodes, by type of element and number of tags."""


def _elements_2_text(numbers: _Numbers) -> Rows:
    total, at, n = numbers.line(), 0, 0
    values = numbers.values[1:].astype(np.int64).tolist()
    found: dict[tuple[int, int], list[list[int]]] = {}
    while at + 3 <= len(values):  # number, type, number of tags, tags, nodes
        _, number, n_tags = values[at : at + 3]
        end = at + 3 + n_tags + _width(number)
        found.setdefault((number, n_tags), []).append([values[at], *values[at + 3 : end]])
        at, n = end, n + 1
    if n < total or at > len(values):
        raise numbers.cut_off()
    return {key: np.array(rows, np.int64) for key, rows in found.items()}


def _elements_2_binary(numbers: _Numbers) -> Rows:
    total = numbers.line()
    found: dict[tuple[int, int], list[Any]] = {}
    while total > 0:
        number, n, n_tags = numbers.take("int", 3)
        found.setdefault((number, n_tags), []).append(numbers.rows(n, ("int", 1 + n_tags + _width(number)))[0])
        total -= n
    return {key: np.concatenate(rows) for key, rows in found.items()}


def _nodes_2(numbers: _Numbers) -> tuple[Integers, NDArray[np.float64]]:
    tags, points = numbers.rows(numbers.line(), ("int", 1), ("real", 3))
    return tags[:, 0], points


def _parametric_nodes_2(numbers: _Numbers) -> tuple[Integers, NDArray[np.float64]]:
    """After the position come the dimension and number of the entity, and as many parameters as that has dimensions."""
    tags, points = [], []
    for _ in range(numbers.line()):
        tags.append(numbers.one("int"))
        points.append(numbers.take("real", 3))
        dimension, _ = numbers.take("int", 2)
        numbers.take("real", dimension)
    return np.array(tags), np.array(points)


# --- format 4.1 ----------------------------------------------------------------------------------


def _read_41(sections: dict[str, _Numbers]) -> tuple[Integers, NDArray[np.float64], Elements]:
    parts = _entities(sections["PartitionedEntities"], partitioned=True)
    groups = _entities(sections["Entities"]) | parts
    tags, points = _nodes_41(sections["Nodes"])
    numbers, elements, held = sections["Elements"], [], set()
    for _ in range(numbers.take("count", 4)[0]):
        dimension, entity, number = numbers.take("int", 3)
        nodes = numbers.rows(numbers.one("count"), ("count", 1 + _width(number)))[0][:, 1:]
        held.add((dimension, entity))
        mine = groups.get((dimension, entity), ())
        elements.append((number, nodes, dict.fromkeys(mine, np.arange(len(nodes)))))
    absent = [key for key in parts if key[0] == 2 and key not in held and (parts[key] or not any(groups.values()))]
    if absent:
        raise ValueError(
            f"it holds one of several partitions of a mesh: {len(absent)} parts of surfaces in $PartitionedEntities "
            "have no elements. Export them into one file (Mesh.PartitionSplitMeshFiles = 0), or do not partition"
        )
    return tags, points, elements


def _entities(numbers: _Numbers, partitioned: bool = False) -> dict[tuple[int, int], tuple[int, ...]]:
    """The physical groups of each entity (dimension, number)."""
    groups: dict[tuple[int, int], tuple[int, ...]] = {}
    if not numbers.there:
        return groups
    if partitioned:
        numbers.one("count")  # of partitions
        numbers.take("int", 2 * numbers.one("count"))  # ghost entities
    for dimension, count in enumerate(numbers.take("count", 4)):
        for _ in range(count):
            tag = numbers.one("int")
            if partitioned:
                numbers.take("int", 2)  # the entity that this is a part of
                numbers.take("int", numbers.one("count"))
            numbers.take("real", 6 if dimension else 3)  # bounding box
            groups[dimension, tag] = tuple(abs(g) for g in numbers.take("int", numbers.one("count")))
            if dimension:
                numbers.take("int", numbers.one("count"))  # what bounds it
    return groups


def _nodes_41(numbers: _Numbers) -> tuple[Integers, NDArray[np.float64]]:
    tags, points = [np.empty(0, np.int64)], [np.empty((0, 3))]
    for _ in range(numbers.take("count", 4)[0]):
        dimension, _, parametric = numbers.take("int", 3)
        n = numbers.one("count")
        tags.append(numbers.rows(n, ("count", 1))[0][:, 0])
        points.append(numbers.rows(n, ("real", 3 + (dimension if parametric else 0)))[0][:, :3])
    return np.concatenate(tags), np.concatenate(points)
