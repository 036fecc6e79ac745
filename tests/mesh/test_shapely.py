"""Polygons of shapely as outlines, holes, regions and contacts: exact areas, names, and refusals."""

import numpy as np
import pytest

import jusadel as ju

shapely = pytest.importorskip("shapely", reason='needs the extra: python -m pip install "jusadel[shapes]"')

SQUARE = shapely.box(0, 0, 4, 4)


@pytest.fixture(scope="module")
def mesh():
    """A square less a round and a square hole, with an arm, of which a ring and two far pads are regions."""
    film = SQUARE.union(shapely.box(3, 1, 6, 2)) - shapely.Point(2, 2).buffer(0.5) - shapely.box(0.5, 3, 1, 3.5)
    ring = shapely.Point(2, 2).buffer(1.0) - shapely.Point(2, 2).buffer(0.7)
    pads = shapely.union_all([shapely.box(-1, 0, 0.5, 1), shapely.box(5.5, 0, 7, 3)])
    return ju.polygon(
        film,
        0.4,
        regions={"ring": ring, "pads": pads},
        boundaries={
            "ends": pads,
            "round": shapely.Point(2, 2).buffer(0.6),
            "top": shapely.LineString([(1, 4), (3, 4)]),
        },
    )


def length(mesh, name):
    a, b = mesh.points[mesh.boundaries[name]].transpose(1, 0, 2)
    return np.linalg.norm(b - a, axis=1).sum()


def test_areas_are_those_of_shapely(mesh):
    disks = [shapely.Point(2, 2).buffer(r).area for r in (0.5, 0.7, 1.0)]
    area = {name: mesh.areas[index].sum() for name, index in mesh.regions.items()}
    ring, pads = disks[2] - disks[1], 0.5 + 0.5
    whole = 16 + 2 - disks[0] - 0.25
    assert area == pytest.approx({"ring": ring, "pads": pads, "film": whole - ring - pads}, rel=1e-9)


def test_contacts_are_the_border_that_polygons_cover(mesh):
    """In several pieces where they cover several; 64 sides make a circle of shapely."""
    assert length(mesh, "ends") == pytest.approx(1.5 + (0.5 + 1 + 0.5), rel=1e-9)
    assert length(mesh, "round") == pytest.approx(64 * 2 * 0.5 * np.sin(np.pi / 64), rel=1e-9)
    assert length(mesh, "top") == pytest.approx(2.0, rel=1e-12)
    assert set(mesh.boundaries) == {"outline", "hole1", "ends", "round", "top"}
    assert length(mesh, "hole1") == pytest.approx(2.0, rel=1e-12)


def test_holes_beside_those_of_the_outline():
    two = shapely.MultiPolygon([shapely.box(3, 3, 3.5, 3.5), shapely.box(3, 0.5, 3.5, 1)])
    film = SQUARE - shapely.box(1, 1, 2, 2)
    names = [ju.polygon(film, 1.0, holes).boundaries.keys() for holes in ({"dots": two}, [two], two)]
    assert names[0] == {"outline", "hole0", "dots0", "dots1"}
    assert names[1] == names[2] == {"outline", "hole0", "hole1", "hole2"}


@pytest.mark.parametrize(
    ("outline", "given", "message"),
    [
        (shapely.MultiPolygon([SQUARE, shapely.box(5, 5, 6, 6)]), {}, "outline consists of 2 separate polygons.*join"),
        (shapely.Polygon(), {}, "the outline is an empty Polygon of shapely; expected a Polygon or a MultiPolygon"),
        (SQUARE.boundary, {}, "the outline is a LineString of shapely; expected a Polygon"),
        (SQUARE, {"regions": {"S": shapely.Point(1, 1)}}, "region 'S' is a Point of shapely; expected a Polygon"),
        (SQUARE, {"holes": [shapely.box(1, 1, 3, 3) - shapely.box(1.5, 1.5, 2, 2)]}, "'hole0' has a hole itself"),
        (
            SQUARE,
            {"boundaries": {"source": shapely.box(4, 4, 5, 5)}},
            "'source' is a Polygon that covers no part of the film's border",
        ),
        (
            SQUARE - shapely.box(1, 1, 2, 2),
            {"holes": {"hole0": shapely.box(3, 3, 3.5, 3.5)}},
            r"\['hole0'\] must not stand for two things",
        ),
    ],
)
def test_what_is_refused(outline, given, message):
    with pytest.raises(ValueError, match=message):
        ju.polygon(outline, 1.0, **given)
