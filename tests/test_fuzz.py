"""Random devices and random files: they are built and read whole, or refused with one of the documented errors."""

import io
import json
import zipfile
from functools import cache

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import jusadel as ju
from jusadel.common.archive import Arrays
from jusadel.device.material.material import SHAPES
from jusadel.files.saving import KINDS
from jusadel.fitting.result import History

pytestmark = [
    pytest.mark.filterwarnings("ignore::jusadel.SharpCornerWarning"),
    pytest.mark.filterwarnings("ignore::jusadel.AssumedTcWarning"),
]

REFUSED = (ValueError, TypeError)
"""MeshingError is a ValueError."""
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture]


def built(make):
    """What is made, or None and a message that says something."""
    try:
        return make()
    except REFUSED as error:
        message = str(error)
    assert len(message) > 10
    return None


def fuzz(examples):
    return settings(max_examples=examples, derandomize=True, deadline=None, database=None, suppress_health_check=SLOW)


ODD = st.sampled_from([0, -1.0, np.nan, np.inf, 1e300, -1e300, 1e-300, None, "x", (), [[]], 1j, True, object()])


def mostly(usual, odd=ODD):
    """The usual in 19 of 20."""
    return st.integers(0, 19).flatmap(lambda k: odd if k == 0 else usual)


# --- meshes ------------------------------------------------------------------------------------------

ON_GRID = st.integers(0, 8).map(lambda k: k / 2)  # sides that touch and run along each other
COORDINATE = st.one_of(ON_GRID, st.floats(0, 4))
POINT = st.tuples(mostly(COORDINATE), COORDINATE)


@st.composite
def rings(draw, least=0):
    """Polygons round a centre, and points in any order."""
    k = draw(st.integers(max(least, 3), 7))
    if draw(st.integers(0, 3)) == 0:
        return draw(st.lists(POINT, min_size=least, max_size=k))
    center, angles = draw(st.tuples(COORDINATE, COORDINATE)), 2 * np.pi * np.arange(k) / k
    radii = draw(st.lists(st.floats(0.05, 2.5), min_size=k, max_size=k))
    return [(center[0] + r * np.cos(a), center[1] + r * np.sin(a)) for r, a in zip(radii, angles, strict=True)]


NAMES = mostly(st.sampled_from(["film", "N", "F", "outline", "hole0", "left"]), st.sampled_from(["", " ", "a:b"]))
SHAPES_GIVEN = {
    "outline": mostly(rings(3)),
    "size": mostly(st.floats(0.4, 1.5), st.sampled_from([0, -1, np.nan, np.inf, 100.0, "x", None, lambda p: p])),
    "holes": st.lists(rings(), max_size=2),
    "regions": st.dictionaries(NAMES, rings(), max_size=2),
    "boundaries": st.dictionaries(NAMES, st.lists(POINT, max_size=3), max_size=1),
    "nodes": st.lists(POINT, max_size=2),
}


def test_polygons_are_meshed_or_refused():
    made = []

    @fuzz(150)
    @given(st.fixed_dictionaries(SHAPES_GIVEN))
    def each(shapes):
        mesh = built(lambda: ju.polygon(**shapes))
        if mesh is None:
            return
        made.append(mesh)
        areas = np.asarray(mesh.areas)
        assert np.isfinite(mesh.points).all()
        assert areas.min() > 0
        assert sum(len(rows) for rows in mesh.regions.values()) == len(areas)
        assert all(len(edges) for edges in mesh.boundaries.values())

    each()
    assert len(made) >= 5  # not everything is refused


# --- devices -----------------------------------------------------------------------------------------


@cache
def strip():
    regions = {"S": lambda c: c[:, 0] < 0.5, "F": lambda c: c[:, 0] > 0.5}
    return ju.with_cut_between(ju.rectangle(1.0, 0.5, 1.0, x=[0, 0.5, 1.0], regions=regions), "S", "F", "middle")


NUMBER = mostly(st.floats(-2, 2))
POSITIVE = mostly(st.floats(0, 2))


def tensors(name):
    """For this field: sound ones, such as are not stable or symmetric, and others."""
    shape = SHAPES[name]
    count = int(np.prod(shape))
    entries = st.lists(st.floats(-0.4, 0.4), min_size=count, max_size=count)
    whole = entries.map(lambda x: np.reshape(x, shape).tolist())
    if name in ("D", "Gamma", "magnetic_Gamma", "nu", "Tc"):
        sound = st.floats(0.1, 2).map(lambda x: (x * np.eye(shape[0])).tolist() if shape else x)
        whole = st.one_of(sound, sound, sound, mostly(whole))
    uniform = whole.map(lambda x: lambda p: np.tile(np.asarray(x), (len(p), *(1 for _ in shape))))
    infinite = st.sampled_from([np.nan, np.inf]).flatmap(
        lambda x: st.sampled_from([np.full(shape, x), lambda p: np.full((len(p), *shape), x)])
    )
    return mostly(st.one_of(whole, uniform), st.one_of(ODD, infinite, st.just([1.0] * 5)))


MATERIALS = st.builds(
    lambda fields: lambda: ju.Material(**fields),
    st.dictionaries(st.sampled_from(list(SHAPES)), st.none(), max_size=4).flatmap(
        lambda chosen: st.fixed_dictionaries({name: tensors(name) for name in chosen})
    ),
)
PHASES = mostly(st.one_of(st.floats(-7, 7), st.just(lambda p: np.asarray(p)[:, 1])), st.one_of(ODD, st.just(len)))
VECTOR = mostly(st.lists(NUMBER, min_size=3, max_size=3))
RESERVOIRS = st.builds(
    lambda *values: lambda: ju.Reservoir(*values), POSITIVE, PHASES, VECTOR, st.one_of(POSITIVE, tensors("Gamma"))
)
SURFACES = st.builds(
    lambda h, rashba, beta: lambda: ju.Surface(h=h, rashba=rashba, beta=beta), VECTOR, NUMBER, mostly(st.just(0.0))
)
CHANNELS = st.one_of(st.none(), mostly(st.lists(mostly(st.floats(0.01, 1)), max_size=3)))
CONDITIONS = mostly(
    st.one_of(
        RESERVOIRS,
        SURFACES,
        st.just(lambda: None),
        st.builds(lambda r, g, t: lambda: ju.Tunnel(r(), g, t), RESERVOIRS, POSITIVE, CHANNELS),
        st.builds(lambda g, t: lambda: ju.Interface(g, t), POSITIVE, CHANNELS),
        st.builds(lambda *x: lambda: ju.Periodic(*x), st.sampled_from(["left", "right", "top", "x"]), PHASES, VECTOR),
    ),
    st.just(object),
)
PLACES = st.sampled_from(["left", "right", "top", "bottom", "middle", "nowhere"])
POTENTIALS = st.sampled_from([None, lambda p: 0.1 * p[:, ::-1], lambda p: p[:, 0], lambda p: p * np.nan, 3.0])


def test_devices_are_built_or_refused():
    made = []

    @fuzz(120)
    @given(
        materials=st.one_of(MATERIALS, st.dictionaries(st.sampled_from(["S", "F", "x"]), MATERIALS, min_size=1)),
        conditions=st.dictionaries(PLACES, CONDITIONS, max_size=2),
        potential=mostly(st.just(None), POTENTIALS),
    )
    def each(materials, conditions, potential):
        def make():
            many = isinstance(materials, dict)
            fields = {name: material() for name, material in materials.items()} if many else materials()
            boundaries = {name: condition() for name, condition in conditions.items()}
            return ju.Device(mesh=strip(), materials=fields, boundaries=boundaries, vector_potential=potential)

        device = built(make)
        if device is None:
            return
        made.append(device)
        for name in SHAPES:
            assert np.isfinite(device.centroid_field(name)).all(), name
            assert np.isfinite(device.vertex_field(name)).all(), name

    each()
    assert len(made) >= 5  # not everything is refused


VALUES = {"voltage": NUMBER, "current": NUMBER, "spin": VECTOR, "spin_current": VECTOR}
FURTHER = {"temperature": POSITIVE, "tunnel": POSITIVE}


def test_contacts_are_made_or_refused():
    made = []

    @fuzz(150)
    @given(
        st.one_of(
            *(st.fixed_dictionaries({name: values}, optional=FURTHER) for name, values in VALUES.items()),
            st.fixed_dictionaries({}, optional=VALUES | FURTHER),
        )
    )
    def each(options):
        contact = built(lambda: ju.Contact(**options))
        if contact is None:
            return
        made.append(contact)
        given_numbers = [x for name in options if (x := getattr(contact, name)) is not None]
        assert np.isfinite(np.concatenate([np.ravel(x).astype(float) for x in given_numbers] or [[0.0]])).all()

    each()
    assert len(made) >= 5  # not everything is refused


# --- files -------------------------------------------------------------------------------------------


@cache
def file_of(kind):
    """(bytes, arrays of the file, what was saved): a small device, or a fit."""
    stream = io.BytesIO()
    result = {"device": small_device, "fit": small_fit}[kind]()
    arrays = Arrays()
    content, about = KINDS[type(result).__name__][1](result, arrays)
    header = {"format": "jusadel", "version": 1, "written by": {}, "kind": type(result).__name__}
    text = np.array(json.dumps(header | {"about": about, "content": content}))
    np.savez(stream, header=text, **arrays.held)
    return stream.getvalue(), arrays.held | {"header": text}, result


def small_device():
    return ju.Device(
        mesh=ju.rectangle(1.0, 0.5, 0.5),
        materials=ju.Material(Tc=lambda p: 1 + 0 * np.asarray(p)[:, 0], gamma=ju.rashba(0.1)),
        boundaries={"left": ju.Reservoir(1.0, phase=0.3), "right": ju.Tunnel(ju.Reservoir(1.0), 2.0, (0.5,))},
        vector_potential=ju.uniform_field(0.1),
    )


def small_fit():
    history = History(np.array([2.0, 1.0]), {"a": np.array([0.0, 0.5])}, np.array([0, 1]))
    shared = {"covariance": np.eye(1), "correlation": np.eye(1), "chi2": 1.0, "dof": 3, "scaled": False, "loss": 1.0}
    ending = {"steps": 1, "refused": 1, "converged": True, "stuck": False, "reason": "done", "distance": 1e-6}
    none = {"degenerate": (), "at_bound": (), "names": ("a",), "history": history}
    return ju.FitResult(
        params={"a": 0.5}, errors={"a": 1.0}, prediction={"up": np.arange(4.0)}, **shared, **ending, **none
    )


def numbers_of(result):
    """All that there is to compare."""
    if isinstance(result, ju.Device):
        fields = [result.centroid_field(name) for name in SHAPES] + [result.vertex_field(name) for name in SHAPES]
        barriers = [b.conductance for b in result.boundaries.values() if hasattr(b, "conductance")]
        return [result.mesh.points, result.mesh.triangles, *fields, *barriers]
    return [result.params["a"], result.covariance, result.history.loss, result.prediction["up"], result.chi2]


def read(path, kind):
    """What is loaded, sound whether or not it is what was saved; None where it is refused with the file's name."""
    try:
        found = ju.load(path)
    except ValueError as error:
        message = str(error)
    else:
        assert type(found) is type(file_of(kind)[2])
        if kind == "device":
            assert all(np.isfinite(np.asarray(x, float)).all() for x in numbers_of(found))
        else:
            assert repr(found).startswith("Fit: ")
        return found
    assert str(path) in message
    return None


@pytest.fixture
def path(tmp_path):
    return tmp_path / "result.npz"


KIND = st.sampled_from(["device", "fit"])


def test_whole_files_are_read(path):
    for kind in ("device", "fit"):
        path.write_bytes(file_of(kind)[0])
        for one, other in zip(numbers_of(read(path, kind)), numbers_of(file_of(kind)[2]), strict=True):
            np.testing.assert_array_equal(one, other)


@fuzz(100)
@given(content=st.binary(max_size=300), front=st.sampled_from([b"", b"PK\x03\x04", b"\x93NUMPY\x01\x00", b"\x80\x04"]))
def test_random_bytes_are_refused(path, content, front):
    path.write_bytes(front + content)
    assert read(path, "device") is None


@fuzz(300)
@given(kind=KIND, data=st.data())
def test_flipped_and_cut_files_are_refused_or_equal(path, kind, data):
    """Every byte that matters is under a checksum: what is read all the same is what was saved."""
    whole, _, result = file_of(kind)
    content = bytearray(whole)
    for _ in range(data.draw(st.integers(0, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    end = data.draw(st.one_of(st.none(), st.integers(0, len(content) - 1)))
    path.write_bytes(bytes(content[:end]))
    found = read(path, kind)
    if found is not None:
        for one, other in zip(numbers_of(found), numbers_of(result), strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("kind", ["device", "fit"])
def test_every_bit_in_front_of_the_first_array_counts_or_does_no_harm(path, kind):
    """Where zip and numpy say how long everything is, and in which version."""
    whole, _, result = file_of(kind)
    for place in range(140):
        for bit in range(8):
            content = bytearray(whole)
            content[place] ^= 1 << bit
            path.write_bytes(content)
            found = read(path, kind)
            for one, other in zip(numbers_of(found or result), numbers_of(result), strict=True):
                np.testing.assert_array_equal(one, other)


OTHER_ARRAYS = st.sampled_from(
    [
        np.zeros(0),
        np.zeros((2, 2)),
        np.array(np.nan),
        np.array("text"),
        np.arange(3),
        np.array(["a", "b"]),
        np.ones(6) > 0,
    ]
)


@fuzz(150)
@given(kind=KIND, data=st.data())
def test_files_with_other_members_are_refused_or_read(path, kind, data):
    """Arrays that are missing, renamed, exchanged or others."""
    arrays = dict(file_of(kind)[1])
    for _ in range(data.draw(st.integers(1, 2))):
        names = sorted(arrays)
        name, other = data.draw(st.sampled_from(names)), data.draw(st.sampled_from([*names, "surplus"]))
        how = data.draw(st.sampled_from(["without", "renamed", "exchanged", "changed", "cast"]))
        if how == "changed":
            arrays[name] = data.draw(OTHER_ARRAYS)
        elif how == "cast" and arrays[name].dtype.kind in "iufb":
            with np.errstate(invalid="ignore"):
                arrays[name] = arrays[name].astype(data.draw(st.sampled_from(["f4", "i8", "u1", "c16", ">f8"])))
        elif how == "exchanged" and other in arrays:
            arrays[name], arrays[other] = arrays[other], arrays[name]
        else:
            held = arrays.pop(name)
            arrays |= {other: held} if how == "renamed" else {}
        if not arrays:
            break
    np.savez(path, **arrays)
    read(path, kind)


LEAVES = st.sampled_from(
    [None, True, 0, -1, 1.5, 1e400, 10**400, "", "left", "x", [], {}, [[1]], {"array": "x"}, {"array": 3}]
)


def places(tree, way=()):
    """All ways into nested JSON."""
    yield way
    inside = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in inside:
        yield from places(value, (*way, key))


@fuzz(300)
@given(kind=KIND, data=st.data())
def test_files_with_another_header_are_refused_or_read(path, kind, data):
    arrays = dict(file_of(kind)[1])
    header = json.loads(str(arrays["header"]))
    *way, last = data.draw(st.sampled_from([way for way in places(header) if way]))
    part = header
    for key in way:
        part = part[key]
    if data.draw(st.booleans()):
        part[last] = data.draw(LEAVES)
    else:
        del part[last]
    np.savez(path, **arrays | {"header": np.array(json.dumps(header))})
    read(path, kind)


@pytest.mark.parametrize("depth", [900, 100_000])
def test_deep_headers_are_refused(path, depth):
    """Nesting that no reader of JSON can follow."""
    text = '{"format": "jusadel", "version": 1, "kind": "FitResult", "content": ' + "[" * depth + "]" * depth + "}"
    np.savez(path, header=np.array(text))
    with pytest.raises(ValueError, match=r"is not in the format 'jusadel'|content has no"):
        ju.load(path)


def test_members_of_other_kinds_are_refused(path):
    """Members that claim another length than they have, or lead out of the file."""
    whole, arrays, _ = file_of("fit")
    claim = io.BytesIO()
    np.lib.format.write_array_header_1_0(claim, {"descr": "<f8", "fortran_order": False, "shape": (10**15,)})
    for name, content in (("covariance.npy", claim.getvalue()), ("../out.npy", b""), ("covariance.npy", b"")):
        with zipfile.ZipFile(path, "w") as file:
            for key, array in arrays.items():
                if f"{key}.npy" != name:
                    stream = io.BytesIO()
                    np.lib.format.write_array(stream, array)
                    file.writestr(f"{key}.npy", stream.getvalue())
            file.writestr(name, content)
        assert read(path, "fit") is None
    assert not (path.parent.parent / "out.npy").exists()
    path.write_bytes(whole)
    assert read(path, "fit") is not None
