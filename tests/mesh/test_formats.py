"""Mesh files as Gmsh writes them of two unit squares, S and N, with a source on the left and a drain on the right."""

import re
import struct

import numpy as np
import pytest

from jusadel.mesh.formats.reading import read_mesh
from jusadel.mesh.shapes import rectangle

NAMES = ['1 3 "source"', '1 4 "drain"', '2 1 "S"', '2 2 "N"']
NODES_22 = "$Nodes\n6\n1 0 0 0\n2 1 0 0\n3 2 0 0\n4 2 1 0\n5 1 1 0\n6 0 1 0\n$EndNodes\n"
LINES_22 = ["1 2 4 3 3 4", "1 2 3 6 6 1"]  # type, number of tags, physical, curve, nodes
TRIANGLES_22 = ["2 2 1 1 1 2 6", "2 2 1 1 6 2 5", "2 2 2 2 2 3 5", "2 2 2 2 5 3 4"]
PARTITIONED_22 = [  # two tags more: one partition, and its number
    *("1 4 4 3 1 1 3 4", "1 4 3 6 1 2 6 1"),
    *("2 4 1 1 1 2 1 2 6", "2 4 1 1 1 2 6 2 5", "2 4 2 2 1 1 2 3 5", "2 4 2 2 1 1 5 3 4"),
]
EVERYTHING_22 = [  # as Mesh.SaveAll = 1 does: all elements, and no physical number
    *(f"15 2 0 {k} {k}" for k in range(1, 7)),
    *(f"1 2 0 {k} {k} {k % 6 + 1}" for k in range(1, 7)),
    "1 2 0 7 2 5",
    *(re.sub("^2 2 .", "2 2 0", row) for row in TRIANGLES_22),
]
ENTITIES = """$Entities
6 7 2 0
1 0 0 0 0\x20
2 1 0 0 0\x20
3 2 0 0 0\x20
4 2 1 0 0\x20
5 1 1 0 0\x20
6 0 1 0 0\x20
1 0 0 0 1 0 0 0 2 1 -2\x20
2 1 0 0 2 0 0 0 2 2 -3\x20
3 2 0 0 2 1 0 1 4 2 3 -4\x20
4 1 1 0 2 1 0 0 2 4 -5\x20
5 0 1 0 1 1 0 0 2 5 -6\x20
6 0 0 0 0 1 0 1 3 2 6 -1\x20
7 1 0 0 1 1 0 0 2 2 -5\x20
1 0 0 0 1 1 0 1 1 4 1 7 5 6\x20
2 1 0 0 2 1 0 1 2 4 2 3 4 -7\x20
$EndEntities
"""
PARTITIONED = """$PartitionedEntities
2
0
8 8 2 0
7 0 1 1 2 0 0 0 0\x20
8 0 2 1 1 1 0 0 0\x20
9 0 3 1 1 2 0 0 0\x20
10 0 4 1 1 2 1 0 0\x20
11 0 5 1 1 1 1 0 0\x20
12 0 6 1 2 0 1 0 0\x20
13 1 4 2 1 2 0 0 0 0\x20
14 1 2 2 1 2 0 0 0 0\x20
8 1 1 1 2 0 0 0 1 0 0 0 2 7 -14\x20
9 1 2 1 1 1 0 0 2 0 0 0 2 14 -9\x20
10 1 3 1 1 2 0 0 2 1 0 1 4 2 9 -10\x20
11 1 4 1 1 1 1 0 2 1 0 0 2 10 -13\x20
12 1 5 1 2 0 1 0 1 1 0 0 2 13 -12\x20
13 1 6 1 2 0 0 0 0 1 0 1 3 2 12 -7\x20
14 1 7 1 2 1 0 0 1 1 0 0 2 14 -13\x20
15 2 2 2 1 2 1 0 0 1 1 0 0 2 13 -14\x20
3 2 1 1 2 0 0 0 1 1 0 1 1 5 8 12 13 14 -15\x20
4 2 2 1 1 1 0 0 2 1 0 1 2 5 -14 9 10 11 15\x20
$EndPartitionedEntities
"""
NODES_41 = """$Nodes
10 6 1 6
0 1 0 1
1
0 0 0
0 2 0 1
2
1 0 0
0 3 0 1
3
2 0 0
0 4 0 1
4
2 1 0
0 5 0 1
5
1 1 0
0 6 0 1
6
0 1 0
1 3 0 0
1 6 0 0
2 1 0 0
2 2 0 0
$EndNodes
"""
LINES_41 = ["1 3 1 1\n1 3 4 ", "1 6 1 1\n2 6 1 "]  # dimension, entity, type, count; number and nodes
TRIANGLES_41 = ["2 1 2 2\n3 1 2 6 \n4 6 2 5 ", "2 2 2 2\n5 2 3 5 \n6 5 3 4 "]
EVERYTHING_41 = [
    *(f"0 {k} 15 1\n{10 + k} {k} " for k in range(1, 7)),
    *LINES_41,
    *(f"1 {k} 1 1\n{20 + k} {k} {k % 6 + 1} " for k in (1, 2, 4, 5)),
    "1 7 1 1\n30 2 5 ",
    *TRIANGLES_41,
]


def start(version, names):
    return f"$MeshFormat\n{version} 0 8\n$EndMeshFormat\n$PhysicalNames\n" + "\n".join(
        [str(len(names)), *names, "$EndPhysicalNames\n"]
    )


def msh22(elements=(*LINES_22, *TRIANGLES_22), names=NAMES, nodes=NODES_22):
    rows = [f"{k} {row}" for k, row in enumerate(elements, 1)]
    return start("2.2", names) + nodes + "\n".join(["$Elements", str(len(rows)), *rows, "$EndElements\n"])


def msh41(blocks=(*LINES_41, *TRIANGLES_41), names=NAMES, entities=ENTITIES, nodes=NODES_41):
    count = sum(block.count("\n") for block in blocks)
    elements = "\n".join(["$Elements", f"{len(blocks)} {count} 1 40", *blocks, "$EndElements\n"])
    return start("4.1", names) + entities + nodes + elements


def parametric_22():
    return msh22(nodes=re.sub(r"\n(\d) (\d \d \d)", r"\n\1 \2 0 \1", NODES_22).replace("Nodes", "ParametricNodes"))


def on_a_curve(nodes):
    """The last point, of a corner, moved onto curve 6 of format 4.1, where it has one parameter."""
    return (
        nodes.replace("0 6 0 1\n6\n0 1 0\n", "").replace("1 6 0 0\n", "1 6 1 1\n6\n0 1 0 0.25\n").replace("10 6", "9 6")
    )


def partitioned(blocks):
    blocks = [re.sub(r"^(\d) (\d)", lambda m: f"{m[1]} {PART[m[0]]}", block) for block in blocks]
    owner = {"0 1": 7, "0 2": 8, "0 3": 9, "0 4": 10, "0 5": 11, "0 6": 12}
    nodes = re.sub(r"\n(0 \d) 0 1\n", lambda m: f"\n0 {owner[m[1]]} 0 1\n", NODES_41)
    nodes = nodes.replace("1 3 0 0\n1 6 0 0\n2 1 0 0\n2 2 0 0", "1 10 0 0\n1 13 0 0\n2 3 0 0\n2 4 0 0")
    return msh41(blocks, entities=ENTITIES + PARTITIONED, nodes=nodes)


PART = {"1 3": 10, "1 6": 13, "2 1": 3, "2 2": 4}


def typed(tmp_path, text):
    path = tmp_path / "a.msh"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def check_two_squares(mesh):
    """Every region and boundary where it belongs."""
    assert set(mesh.regions) >= {"S", "N"}
    for name, middle in (("S", 0.5), ("N", 1.5)):
        index = mesh.regions[name]
        assert mesh.areas[index].sum() == pytest.approx(1.0)
        assert mesh.areas[index] @ mesh.centroids[index] == pytest.approx([middle, 0.5])
    for name, x in (("source", 0), ("drain", 2)):
        assert sorted(mesh.points[mesh.boundary_nodes(name)].tolist()) == [[x, 0], [x, 1]]


def binary_parametric_22():
    """Node by node in bytes: number, place, dimension and number of the entity, parameters."""
    nodes = b""
    for row in NODES_22.splitlines()[2:8]:
        number, *place = map(int, row.split())
        on_curve = number == 6
        nodes += struct.pack("<i3dii", number, *place, int(on_curve), 6) + struct.pack("<d", 0.25) * on_curve
    rows = [[int(v) for v in row.split()] for row in (*LINES_22, *TRIANGLES_22)]
    elements = b"".join(struct.pack(f"<3i{len(r) - 1}i", r[0], 1, 2, k, *r[2:]) for k, r in enumerate(rows, 1))
    head = start("2.2", NAMES).replace("2.2 0 8\n", "2.2 1 8\n\1\0\0\0\n").encode()
    body = b"$ParametricNodes\n6\n%s\n$EndParametricNodes\n$Elements\n6\n%s\n$EndElements\n"
    return head + body % (nodes, elements)


@pytest.mark.parametrize(
    "text",
    [
        msh22(),
        msh41(),
        msh41(EVERYTHING_41),
        parametric_22(),
        binary_parametric_22(),
        msh41(nodes=on_a_curve(NODES_41)),
        partitioned([*LINES_41, *TRIANGLES_41]),
        msh22(PARTITIONED_22),
        msh22().replace("\n", "\r\n"),
        msh41().replace("4.1 0 8", "4 0 8"),
    ],
    ids=["2.2", "4.1", "4.1 SaveAll", "parametric 2.2", "parametric 2.2 binary", "parametric 4.1", "partitioned 4.1",
         "partitioned 2.2", "2.2 with CRLF", "4.1 called 4"],
)  # fmt: skip
def test_all_names_arrive(tmp_path, text):
    mesh = read_mesh(typed(tmp_path, text))
    check_two_squares(mesh)
    assert (set(mesh.regions), set(mesh.boundaries)) == ({"S", "N"}, {"source", "drain"})


def test_groups_of_curves_may_overlap(tmp_path):
    both = [*NAMES, '1 5 "contacts"']
    rows = [row for line in LINES_22 for row in (line, re.sub("^1 2 .", "1 2 5", line))]
    old = msh22([*rows, *TRIANGLES_22], names=both)
    entities = ENTITIES.replace("1 4 2 3 -4", "2 4 5 2 3 -4").replace("1 3 2 6 -1", "2 3 5 2 6 -1")
    for text in (old, msh41(names=both, entities=entities)):
        mesh = read_mesh(typed(tmp_path, text))
        check_two_squares(mesh)
        assert sorted(mesh.points[mesh.boundary_nodes("contacts"), 0]) == [0, 0, 2, 2]


def test_surfaces_outside_of_all_groups_are_unnamed_with_a_warning(tmp_path):
    only_s = ENTITIES.replace("2 1 0 0 2 1 0 1 2 4 2", "2 1 0 0 2 1 0 0 4 2")
    with pytest.warns(UserWarning, match=r"2 of 4 triangles are in none of the regions \['S'\]") as caught:
        mesh = read_mesh(typed(tmp_path, msh41(EVERYTHING_41, names=NAMES[:3], entities=only_s)))
    assert caught[0].filename == __file__
    assert mesh.areas[mesh.regions["unnamed"]] @ mesh.centroids[mesh.regions["unnamed"], 0] == pytest.approx(1.5)


def test_groups_of_points_are_left_out_with_a_warning(tmp_path):
    text = msh22(["15 2 7 1 1", *LINES_22, *TRIANGLES_22], names=['0 7 "probe"', *NAMES])
    with pytest.warns(UserWarning, match=r"\['probe'\] are of points and are left out") as caught:
        check_two_squares(read_mesh(typed(tmp_path, text)))
    assert caught[0].filename == __file__


SHARED = ENTITIES.replace("1 1 4 1 7", "2 1 5 4 1 7").replace("1 2 4 2 3", "2 2 5 4 2 3")
TWICE = [row for old in TRIANGLES_22 for row in (old, re.sub("^2 2 .", "2 2 5", old))]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            msh22(EVERYTHING_22),
            r"lists the groups \['source', 'drain', 'S', 'N'\], but no triangles or lines are in them.*In format 2.2 "
            r"Gmsh drops all groups when it saves all elements: export again with Mesh.SaveAll = 0 .*format 4.1",
        ),
        (msh22(names=[*NAMES, '1 9 "gate"']), r"lists the groups \['gate'\].*boundaries \['source', 'drain'\]"),
        (msh41(names=[*NAMES, '2 9 "F"']), r"lists the groups \['F'\].*it has regions \['S', 'N'\]"),
        (msh41(names=[*NAMES, '3 9 "block"']), r"lists the groups \['block'\]"),
        (msh41(entities=""), r"lists the groups .*\$Entities, which says what is in which group, is missing"),
        (msh41().replace("4.1 0 8", "4.0 0 8"), r"Gmsh's format 4.0; expected 4.1 or 2.2: convert it \(`gmsh OLD.msh"),
        (
            msh41().replace("4.1 0 8", "4 0 8").replace("10 6 1 6\n", "10 6\n"),
            "Gmsh's format 4.0; expected 4.1 or 2.2",
        ),
        (msh41().replace("4.1 0 8", "3 0 8"), "Gmsh's format 3; expected 4.1 or 2.2"),
        (
            msh22([*LINES_22, *TWICE], names=[*NAMES, '2 5 "film"']),
            r"surface groups 'S' and 'film' \(2 and 4 triangles\) share 2 triangles, the first at \(0.333333, 0.3",
        ),
        (
            msh41(names=[*NAMES, '2 5 "film"'], entities=SHARED),
            "surface groups 'S' and 'film' .* leave one of the groups",
        ),
        (msh22(LINES_22, names=NAMES[:2]), r"no triangles; it holds \['line'\]: mesh the surfaces \(`gmsh -2`\)"),
        (msh22([*TRIANGLES_22, "4 2 9 1 1 2 3 4"]), r"holds \['tetra'\] beside .*film's surface only"),
        (msh22([*TRIANGLES_22, "99 2 9 1 1 2 3 4"]), "elements of Gmsh's type 99; expected straight triangles"),
        (
            msh22([*LINES_22, *TRIANGLES_22[:2]], names=NAMES[:3]),
            r"1 of 1 lines of the curve group 'drain' touch no triangle, the first from \(2, 0\) to \(2, 1\): is the",
        ),
        (partitioned([*LINES_41, TRIANGLES_41[0]]), "holds one of several partitions.*PartitionSplitMeshFiles = 0"),
        (msh22()[:-30], r"there is no complete section \$Elements: the file was cut off"),
        (msh22().replace("$Elements\n6", "$Elements\n7"), r"\$Elements ends early"),
        (msh22().replace("5 2 5 3 4", "5 2 5 3").replace("2 2 2 2 5 3 4", "2 2 2 2 5 3"), r"\$Elements ends early"),
        (msh41().replace("10 6 1 6\n", "11 6 1 6\n"), r"\$Nodes ends early"),
        (msh41().replace("5 2 3 5 ", "5 2 3 77 "), r"a triangle has the node 77, which is not in \$Nodes"),
        (msh41().replace("10 6 1 6\n0 1 0 1", "10 6 1 6\n0 1 0 x"), "cannot be read as .msh: .*'x'"),
        ("solid film\n", r"there is no \$MeshFormat section: not a Gmsh file"),
    ],
)
def test_files_that_are_refused_say_what_to_export(tmp_path, text, message):
    with pytest.raises(ValueError, match=r"^'a.msh'[:\s](?s:.*)" + message):
        read_mesh(typed(tmp_path, text))


SECOND = [
    *("8 2 3 1 6 1 8", "8 2 4 2 3 4 7"),
    *("9 2 1 1 1 2 6 7 8 8", "9 2 1 1 6 2 5 7 8 7", "9 2 2 2 2 3 5 7 7 7", "9 2 2 2 5 3 4 8 8 8"),
]
CURVED_NODES = NODES_22.replace("\n6\n", "\n8\n", 1).replace("$End", "7 0.5 0.5 0\n8 0.3 0.4 0\n$End")
QUADS = ["3 2 1 1 1 2 5 6", "3 2 2 2 2 3 4 5"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (msh22(SECOND, nodes=CURVED_NODES), "4 elements 'triangle6' of the file are taken as straight triangles"),
        (msh22([*LINES_22, *QUADS]), "2 elements 'quad' of the file are cut into two straight triangles each"),
        (msh22([*LINES_22, QUADS[0], *TRIANGLES_22[2:]]), "1 elements 'quad'"),
    ],
)
def test_what_is_made_straight_triangles_is_said(tmp_path, text, message):
    """All names arrive, and the nodes between corners are no nodes of the mesh."""
    with pytest.warns(UserWarning, match=message) as caught:
        mesh = read_mesh(typed(tmp_path, text))
    assert caught[0].filename == __file__
    check_two_squares(mesh)
    assert (mesh.n_nodes, len(mesh.triangles)) == (6, 4)


def test_quadrilaterals_are_cut_inside(tmp_path):
    """An arrowhead, whose shorter diagonal lies outside, in a VTU as ParaView writes it."""
    import meshio

    points = [(0, 0, 0), (4, 0.5, 0), (0, 1, 0), (0.5, 0.5, 0)]
    cells = [("quad", np.array([[0, 1, 2, 3]])), ("line", np.array([[0, 1]]))]
    marks = {"region:head": [[1], [0]], "boundary:edge": [[0], [1]]}
    meshio.vtu.write(tmp_path / "a.vtu", meshio.Mesh(points, cells, cell_data=marks))
    with pytest.warns(UserWarning, match="1 elements 'quad'"):
        mesh = read_mesh(tmp_path / "a.vtu")
    assert mesh.areas == pytest.approx([0.875, 0.875])
    assert (list(mesh.regions), list(mesh.boundaries)) == (["head"], ["edge"])


def test_a_vtu_whose_lines_were_taken_away_is_refused(tmp_path):
    import meshio

    rectangle(1, 1, 0.8).write(tmp_path / "whole.vtu")
    raw = meshio.vtu.read(tmp_path / "whole.vtu")
    bare = {name: data[:1] for name, data in raw.cell_data.items()}
    meshio.vtu.write(tmp_path / "a.vtu", meshio.Mesh(raw.points, raw.cells[:1], cell_data=bare))
    with pytest.raises(ValueError, match=r"'a.vtu': .*\['left', 'right', 'bottom', 'top'\].*arrays mark no cell"):
        read_mesh(tmp_path / "a.vtu")


def test_an_error_without_words_is_told_in_words(tmp_path):
    (tmp_path / "a.vtu").write_text("")
    with pytest.raises(ValueError, match=r"'a.vtu' cannot be read as .vtu: \S+"):
        read_mesh(tmp_path / "a.vtu")


def test_a_foreign_vtu_file_is_called_that(tmp_path):
    (tmp_path / "foreign.vtu").write_text("<VTKFile><PolyData/></VTKFile>")
    with pytest.raises(ValueError, match=r"'foreign.vtu' cannot be read as .vtu: .* no XML file .* UnstructuredGrid"):
        read_mesh(tmp_path / "foreign.vtu")
