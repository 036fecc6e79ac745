"""Layouts read from GDSII files that gdstk has written: areas, names, units, cells, and what is refused."""

import sys

import numpy as np
import pytest

import jusadel as ju

NEEDED = 'needs the extra: python -m pip install "jusadel[gds]"'
gdstk = pytest.importorskip("gdstk", reason=NEEDED)
pytest.importorskip("shapely", reason=NEEDED)

FILM, METAL, SOURCE, TEXT = (1, 0), (2, 5), (10, 0), (4, 0)
GIVEN = {"regions": {"S": METAL}, "boundaries": {"source": SOURCE}}


@pytest.fixture(scope="module")
def layout(tmp_path_factory):
    """In micrometres: a loop, of two halves in a cell that is used twice, with a strap, a contact and a letter.

    Each half has a window, to which a cut leads, since polygons of GDSII have no holes.
    """
    library = gdstk.Library(unit=1e-6, precision=1e-12)
    half = library.new_cell("HALF")
    openings = [gdstk.rectangle((1, 1), (2, 3)), gdstk.rectangle((0.4, 2.2), (0.7, 2.5))]
    half.add(*gdstk.boolean(gdstk.rectangle((0, 0), (2, 4)), openings, "not", layer=1))
    top = library.new_cell("TOP")
    top.add(gdstk.Reference(half), gdstk.Reference(half, (4, 4), rotation=np.pi))
    top.add(gdstk.FlexPath([(3.5, -1), (3.5, 6)], 0.5, layer=2, datatype=5))
    top.add(gdstk.rectangle((-1, 0.5), (0.25, 2), layer=10), gdstk.Label("a label", (1, 1), layer=3))
    top.add(*gdstk.text("I", 0.5, (0.5, 3.3), layer=4))
    path = tmp_path_factory.mktemp("gds") / "loop.gds"
    library.write_gds(path)
    return path


def length(mesh, name):
    a, b = mesh.points[mesh.boundaries[name]].transpose(1, 0, 2)
    return np.linalg.norm(b - a, axis=1).sum()


def test_layers_become_film_regions_holes_and_contacts(layout):
    mesh = ju.read_gds(layout, 0.8, FILM, holes={"letter": TEXT}, **GIVEN)
    letter = sum(each.area() for each in gdstk.text("I", 0.5, (0.5, 3.3)))
    area = {name: mesh.areas[index].sum() for name, index in mesh.regions.items()}
    assert area == pytest.approx({"S": 2 - 0.09, "film": 16 - 4 - 2 - 0.09 - letter}, rel=1e-9)
    assert set(mesh.boundaries) == {"outline", "hole0", "hole1", "hole2", "source", "letter"}
    assert length(mesh, "source") == pytest.approx(1.5, rel=1e-9)
    assert sorted(length(mesh, f"hole{k}") for k in range(3)) == pytest.approx([1.2, 1.2, 8.0], rel=1e-9)


def test_units_and_a_film_of_regions_alone(layout):
    u = ju.Units(Tc=9.2, length_scale=50.0)
    mesh = ju.read_gds(layout, 16.0, regions={"ring": 1, "S": METAL}, unit=u.length_unit)
    assert np.ptp(mesh.points, axis=0) == pytest.approx([80.0, 140.0])  # 4 and 7 micrometres
    assert set(mesh.regions) == {"ring", "S"}


def test_a_cell_by_name(layout):
    mesh = ju.read_gds(layout, 1.0, 1, cell="HALF")
    assert mesh.areas.sum() == pytest.approx(6.0 - 0.09, rel=1e-9)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "neither film nor regions"),
        ({"film": 7}, r"'loop.gds': layer 7, of the film, holds no polygon; those that do are \[\(1, 0\), \(2, 5\), "),
        ({"film": FILM, "regions": {"S": (2, 0)}}, r"layer \(2, 0\), of region 'S', holds no polygon"),
        ({"film": FILM, "cell": "TIP"}, r"has no cell 'TIP'; expected cell= one of \['HALF', 'TOP'\]"),
        ({"film": FILM, "unit": -1.0}, "unit = -1.0; expected a length in metres > 0"),
    ],
)
def test_what_is_refused(layout, given, message):
    with pytest.raises(ValueError, match=message):
        ju.read_gds(layout, 1.0, **given)


def test_other_files_and_missing_libraries_say_so(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match="there is no file"):
        ju.read_gds(tmp_path / "none.gds", 1.0, FILM)
    (tmp_path / "a.gds").write_bytes(b"not a layout at all")
    with pytest.raises(ValueError, match=r"'a.gds' (cannot be read as GDSII|has 0 top cells)"):
        ju.read_gds(tmp_path / "a.gds", 1.0, FILM)
    monkeypatch.setitem(sys.modules, "gdstk", None)
    with pytest.raises(ImportError, match=r'the extra: python -m pip install "jusadel\[gds\]"'):
        ju.read_gds(tmp_path / "a.gds", 1.0, FILM)
