"""Magnetic point groups against the lists of the literature, and their tensors against characters and invariance."""

import re
from functools import cache
from itertools import product

import numpy as np
import pytest

import jusadel as ju
from jusadel.device.material import symmetry
from jusadel.device.material.components import from_components
from jusadel.device.material.magnetic_groups import (
    Group,
    crystal_group,
    group_of,
    magnetic_elements as elements_of,
    magnetic_point_group,
    magnetic_point_groups,
)
from jusadel.device.material.material import Material
from jusadel.device.material.point_groups import elements, generators, hermann_mauguin, operations, point_groups
from jusadel.device.material.symmetry import allowed_form, allowed_tensor, check_allowed, collinear, is_allowed, tensors

# The 31 and the 58 groups that books list (counts: Newnham, Properties of Materials, 2005), in our symbols
FERROMAGNETIC = """1 -1 2 2' m m' 2/m 2'/m' 2'2'2 m'm2' m'm'2 m'm'm 4 -4 4/m 42'2' 4m'm' -42'm' 4/mm'm'
    3 -3 32' 3m' -3m' 6 -6 6/m 62'2' 6m'm' -6m'2' 6/mm'm'"""
MAGNETOELECTRIC = """1 -1' 2 2' m m' 2/m' 2'/m 222 2'2'2 mm2 m'm2' m'm'2 m'mm m'm'm' 4 4' -4 -4' 4/m' 4'/m'
    422 4'22' 42'2' 4mm 4'm'm 4m'm' -42m -4'2'm -4'2m' -42'm' 4/m'mm 4'/m'm'm 4/m'm'm' 3 -3' 32 32' 3m 3m' -3'm -3'm'
    6 -6' 6/m' 622 62'2' 6mm 6m'm' -6'm'2 -6'm2' 6/m'mm 6/m'm'm' 23 m'-3' 432 -4'3m' m'-3'm'"""
# As Birss, Symmetry and Magnetism (1964), has them: groups with inversion, and with inversion that reverses time
INVERTED = """-1 2/m 2'/m' mmm m'm'm 4/m 4'/m 4/mmm 4'/mmm' 4/mm'm' -3 -3m -3m' 6/m 6'/m' 6/mmm 6'/m'mm' 6/mm'm'
    m-3 m-3m m-3m'"""
REVERSED = """-1' 2/m' 2'/m m'm'm' mmm' 4/m' 4'/m' 4/m'm'm' 4/m'mm 4'/m'm'm -3' -3'm' -3'm 6/m' 6'/m 6/m'm'm' 6/m'mm
    6'/mm'm m'-3' m'-3'm' m'-3'm"""
GREY = [f"{hermann_mauguin(group)}1'" for group in point_groups]


@cache
def magnetic_elements(name):
    return elements_of(name)


def kinds(space, time):
    """What does not depend on the setting: trace, determinant and sign of each operation."""
    return tuple(
        sorted(zip(np.trace(space, axis1=1, axis2=2).round(), np.linalg.det(space).round(), time, strict=True))
    )


def consistent(space, time):
    """Whether no product comes with both signs."""
    every, signs = elements_of(crystal_group("", space, np.array(time)))
    return not (np.isclose(every, np.eye(3)).all(axis=(1, 2)) & (signs < 0)).any()


def test_all_signs_of_all_point_groups_are_the_groups_listed():
    found = {}
    for name in point_groups:
        space = generators(name)
        for time in product((1.0, -1.0), repeat=len(space)):
            if consistent(space, time):
                found[kinds(*elements_of(crystal_group(name, space, np.array(time))))] = min(time) < 0
    assert (len(found), sum(found.values())) == (32 + 58, 58)
    black_white = {name for name in magnetic_point_groups if "'" in name} - {
        f"{hermann_mauguin(g)}1'" for g in point_groups
    }
    assert len(black_white) == 58
    assert {kinds(*magnetic_elements(name)) for name in black_white} == {k for k, black in found.items() if black}


def test_there_are_122_and_each_is_found_again():
    assert len(set(magnetic_point_groups)) == 122
    assert len({kinds(*magnetic_elements(name)) for name in magnetic_point_groups}) == 122
    assert [magnetic_point_group(name) for name in magnetic_point_groups] == list(magnetic_point_groups)


def test_half_of_the_operations_are_black():
    for name in magnetic_point_groups:
        _, time = magnetic_elements(name)
        assert time.sum() == (0 if "'" in name else len(time))


# --- counts ------------------------------------------------------------------------------------------


def test_the_31_ferromagnetic_groups():
    assert symmetry.ferromagnetic == tuple(sorted(FERROMAGNETIC.split(), key=magnetic_point_groups.index))
    for name in magnetic_point_groups:
        for other in ("v", "hall"):
            assert len(allowed_tensor(name, other)) == len(allowed_tensor(name, "h"))


def test_the_58_magnetoelectric_groups():
    assert symmetry.magnetoelectric == tuple(sorted(MAGNETOELECTRIC.split(), key=magnetic_point_groups.index))


def test_the_66_piezomagnetic_groups():
    """All but those with time reversal, by itself or with inversion, and three cubic ones without any."""
    without = {*GREY, *map(magnetic_point_group, REVERSED.split()), "432", "-43m", "m-3m"}
    assert len(without) == 122 - 66
    assert set(symmetry.piezomagnetic) == set(magnetic_point_groups) - without


def test_the_31_toroidal_groups():
    """A polar vector that is odd under time reversal: count of the literature."""
    toroidal = 0
    for name in magnetic_point_groups:
        space, time = magnetic_elements(name)
        toroidal += (time * np.trace(space, axis1=1, axis2=2)).mean() > 0.5 / len(time)
    assert toroidal == 31


@pytest.mark.parametrize(("names", "sign"), [(INVERTED.split(), 1), (REVERSED.split(), -1)])
def test_groups_with_inversion(names, sign):
    having = set()
    for name in set(magnetic_point_groups) - set(GREY):
        space, time = magnetic_elements(name)
        if (np.isclose(space, -np.eye(3)).all(axis=(1, 2)) & (time == sign)).any():
            having.add(name)
    assert (len(names), set(map(magnetic_point_group, names))) == (21, having)


def test_grey_groups_allow_nothing_odd_and_the_rest_as_ever():
    assert len(GREY) == 32
    for name in tensors:
        for grey in GREY:
            assert len(allowed_tensor(grey, name)) == (0 if tensors[name].odd else len(allowed_tensor(grey[:-2], name)))


# --- tensors -----------------------------------------------------------------------------------------


def character(name, space, time):
    trace, parity = np.trace(space, axis1=1, axis2=2), np.linalg.det(space)
    square = (trace**2 + np.trace(space @ space, axis1=1, axis2=2)) / 2
    return {
        "D": square,
        "gamma": parity * trace**2,
        "theta": trace**2,
        "h": time * parity * trace,
        "P": time * parity * trace * square,
        "mu": time * parity * trace**2,
    }[name]


@pytest.mark.parametrize("name", ["D", "gamma", "theta", "h", "P", "mu"])
def test_numbers_are_mean_characters(name):
    for group in magnetic_point_groups:
        free = character(name, *magnetic_elements(group)).mean()
        assert len(allowed_tensor(group, name)) == pytest.approx(free, abs=1e-9)


@pytest.mark.parametrize("name", ["4'/mm'm", "4'22'", "-6'm2'", "6'/m'mm'", "m-3m'", "-31m'", "mm'2'", ("Oh", "md")])
def test_tensors_are_invariant(name):
    for R, sign in zip(*magnetic_elements(name), strict=True):
        s = sign * np.linalg.det(R)
        for h in allowed_tensor(name, "h"):
            np.testing.assert_allclose(s * R @ h, h, atol=1e-12)
        for chi in allowed_tensor(name, "magnetoelectric"):
            np.testing.assert_allclose(s * R @ chi @ R.T, chi, atol=1e-12)
        for P in allowed_tensor(name, "P"):
            np.testing.assert_allclose(s * np.einsum("ia,jb,kc,abc->ijk", R, R, R, P), P, atol=1e-12)
            np.testing.assert_array_equal(P, P.swapaxes(1, 2))


def zxy(form):
    """The part of P with the spin along z."""
    return form[form.rindex("[[") :].removesuffix("]")


def test_published_forms():
    """Cr2O3 (Folen, Rado and Stalder, 1961); MnF2, P4_2'/mnm' (Dzyaloshinskii, 1957; Moriya, 1959); iron along z."""
    assert allowed_form("-3'm'", "magnetoelectric") == "[[a, 0, 0], [0, a, 0], [0, 0, b]]"
    assert zxy(allowed_form("4'/mmm'", "P")) == "[[0, b, 0], [b, 0, 0], [0, 0, 0]]"
    assert zxy(allowed_form("4'/mm'm", "P")) == "[[b, 0, 0], [0, -b, 0], [0, 0, 0]]"
    assert allowed_form("4/mm'm'", "h") == "[0, 0, a]"
    assert allowed_form("4/mm'm'", "hall") == "[0, 0, a]"
    assert allowed_form("m'm2'", "h") == "[0, a, 0]"
    assert allowed_form("m-3m'", "P").count("a") == 6


def test_two_settings_of_one_group_are_turned_by_45_degrees():
    c = np.sqrt(0.5)
    eighth = np.array([[c, -c, 0], [c, c, 0], [0, 0, 1]])
    for one, other in (("4'/mm'm", "4'/mmm'"), ("4'22'", "4'2'2"), ("-42'm'", "-4m'2'"), ("4'm'm", "4'mm'")):
        assert magnetic_point_group(one) == magnetic_point_group(other)
        for name in ("P", "mu", "gamma"):
            turned, there = allowed_tensor(one, name, eighth), allowed_tensor(other, name)
            assert len(turned) == len(there)
            together = np.concatenate([turned, there]).reshape(2 * len(there), 3 ** tensors[name].rank)
            assert not len(there) or np.linalg.matrix_rank(together, tol=1e-9) == len(there)


# --- names and black operations ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("4mm", "4mm"), ("C4v", "4mm"), ("4mm1'", "4mm1'"), ("C4v1'", "4mm1'"), ("1'", "11'"), ("3121'", "321'"),
        ("4'/mmm'", "4'/mm'm"), ("4'/m'mm'", "4'/m'm'm"), ("-4'm'2", "-4'2m'"), ("-4'm2'", "-4'2'm"),
        ("6'm'm", "6'mm'"), ("6'/mm'm", "6'/mmm'"), ("-6'2'm", "-6'm2'"), ("-62'm'", "-6m'2'"),
        ("m'3m'", "m'-3'm'"), ("m'-3m", "m'-3'm"), ("m3m'", "m-3m'"), ("m'3", "m'-3'"), ("-3'1m'", "-3'm'"),
        ("22'2'", "2'2'2"), ("mm'2'", "m'm2'"), ("2'm'm", "m'm2'"), ("m2'm'", "m'm2'"), ("mm'm", "m'mm"),
        (("D4h", "4z mx"), "4'/mm'm"), (("4/mmm", ["4z", "2d"]), "4'/mm'm"), (("D4h", "4z 2d -1"), "4'/m'm'm"),
        (("D4h", [operations["4z"], operations["md"]]), "4'/mm'm"), (("C6", "2z"), "6'"), (("O", "2d"), "4'32'"),
        (("D4h", ()), "4/mmm"), (("Oh", "md mx"), "m'-3'm'"), (("Th", "-1"), "m'-3'"),
    ],
)  # fmt: skip
def test_names(given, name):
    assert magnetic_point_group(given) == name


@pytest.mark.parametrize(
    ("name", "white", "black"),
    [
        ("m'm2'", "my", "mx 2z"), ("m'2m'", "2y", "mx mz"), ("2'mm'", "my", "2x mz"), ("m'mm", "my mz", "mx -1"),
        ("22'2'", "2x", "2y 2z"), ("2'/m", "mz", "2z"), ("2/m'", "2z", "mz"),
        ("4'm'm", "md 2z", "mx my 4z"), ("4'mm'", "mx my", "md"), ("4'22'", "2x", "2d"), ("4'2'2", "2d", "2x"),
        ("-4'2'm", "md", "2x -4z"), ("-4'2m'", "2x", "md"), ("-4'm2'", "mx", "2d"), ("-4'm'2", "2d", "mx"),
        ("4'/mm'm", "mz md 2d", "mx 2x 4z"), ("4'/m'mm'", "mx 2d", "mz md 2x -1"),
        ("32'", "3z", "2x"), ("312'", "3z", "2y"), ("3m'", "3z", "mx"), ("31m'", "3z", "my"), ("-3'm", "mx", "2x -1"),
        ("-31m'", "-1", "my 2y"), ("-3'1m'", "2y", "my -1"), ("6'mm'", "mx", "my 2z"), ("6'm'm", "my", "mx 6z"),
        ("6'22'", "2x", "2y"), ("-6'm2'", "mx", "2y mz"), ("-6'2m'", "2x", "my"), ("-62'm'", "mz", "2x my"),
        ("6'/mmm'", "mx mz 2y", "my 6z 2x -1"), ("6'/m'mm'", "mx 2x -1", "my mz 6z"),
        ("4'32'", "2x 3d", "4z 2d"), ("-4'3m'", "2z", "-4z md"), ("m-3m'", "mx", "md 4z"), ("m'-3'm", "md", "mx -3d"),
    ],
)  # fmt: skip
def test_primes_belong_to_the_directions_of_their_places(name, white, black):
    """International Tables A, table 2.1.3.1: x, y, z; or z, x, diagonal; or z, x, y."""
    space, time = magnetic_elements(name)
    for keys, sign in ((white, 1), (black, -1)):
        for key in keys.split():
            (place,) = np.flatnonzero(np.isclose(space, operations[key]).all(axis=(1, 2)))
            assert time[place] == sign, key


def test_primes_leave_the_point_group():
    for name in set(magnetic_point_groups) - set(GREY):
        space, crystal = magnetic_elements(name)[0], elements(name.replace("'", ""))
        assert len(space) == len(crystal)
        assert all(np.isclose(crystal, R).all(axis=(1, 2)).any() for R in space)


def test_black_operations_keep_their_axes():
    assert zxy(allowed_form(("D4h", "4z md"), "P")) == zxy(allowed_form("4'/mmm'", "P"))
    assert zxy(allowed_form(("D4h", "4z mx"), "P")) == zxy(allowed_form("4'/mm'm", "P"))
    assert isinstance(group_of("4'"), Group)
    assert group_of(group_of("4'")) is group_of("4'")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("4'/mm", 'unknown magnetic point group "4\'/mm", did you mean "4\'/m"[?] Known: 1, 11\', -1'),
        ("4/mm'm", "no group has these primes .*contain time reversal itself.*did you mean \"4/mm'm'\""),
        ("3'", "no group has these primes"),
        ("C17", "unknown point group 'C17', did you mean"),
        (("D4h", "4z"), "'D4h' with black 4z: this leaves open whether 2x is black; name one more operation that is"),
        (("C4", "2z"), "'C4' with black 2z: no group has these; .* products contain time reversal itself"),
        (("D4h", "3z"), r"3z is not an operation of 'D4h', generated by \['4z', '2x', '-1'\]"),
        (("D4h", "5z"), "unknown operation '5z'"),
        (("D4h", [np.eye(2)]), r"operation of shape \(2, 2\)"),
        (("C17", "2z"), "unknown point group 'C17'"),
        (7, "group 7; expected a name, or"),
        (("D4h", "4z", "mx"), "expected a name, or"),
    ],
)
def test_what_is_no_group(given, message):
    with pytest.raises(ValueError, match=message):
        allowed_tensor(given, "P")


# --- what a group refuses ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("group", "name", "tensor", "message"),
    [
        ("4/mmm1'", "h", [0, 0, 1], "h is not allowed by magnetic point group \"4/mmm1'\" (it has time reversal)"),
        ("-3'm'", "hall", 1.0, 'hall is not allowed by magnetic point group "-3\'m\'" (it has inversion with time'),
        ("4'/mm'm", "mu", np.eye(3), "mu is not allowed by magnetic point group \"4'/mm'm\" (it has inversion)"),
        ("4'/mm'm", "h", [0, 0, 1], "(its operations leave no such pseudotensor of rank 1)"),
        ("4/mm'm'", "h", [1, 0, 0], "1 is not allowed by magnetic point group \"4/mm'm'\"; allowed form: [0, 0, a]"),
        ("O", "P", np.ones((3, 3, 3)), "As P is odd under time reversal, it wants a magnetic point group, such as"),
    ],
)  # fmt: skip
def test_refusals(group, name, tensor, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        check_allowed(group, name, tensor)


def test_fields_from_outside_pass_where_the_name_says_nothing_about_magnetism():
    for name, tensor in (("h", [0, 0, 1.0]), ("v", [1.0, 0, 0]), ("hall", 0.1)):
        for crystal in ("C4v", "4mm", "-4m2", "m3m"):
            check_allowed(crystal, name, tensor)
        assert not is_allowed("C4v", name, tensor)
        for group in ("4mm1'", ("C4v", ())):
            with pytest.raises(ValueError, match=f"{name} (is not allowed|component)"):
                check_allowed(group, name, tensor)
    check_allowed("4m'm'", "hall", 0.1)


@pytest.mark.parametrize(
    ("group", "name", "given", "expected"),
    [
        ("4'/mmm'", "P", {"zxy": 0.3}, [np.zeros((2, 2)), np.zeros((2, 2)), [[0, 0.3], [0.3, 0]]]),
        ("4'/mm'm", "K", {"zyy": 0.3}, [np.zeros((2, 2)), np.zeros((2, 2)), [[-0.3, 0], [0, 0.3]]]),
        ("4/mm'm'", "h", {"z": 2.0}, [0, 0, 2.0]),
        ("4/mm'm'", "hall", {"z": 0.1}, 0.1),
        ("m'-3'm'", "magnetoelectric", {"yy": 0.2}, [[0.2, 0], [0, 0.2], [0, 0]]),
        ("C4v", "magnetic_gamma", {"xy": 0.2}, [[0, 0.2], [-0.2, 0], [0, 0]]),
        ("6/mm'm'", "magnetic_Gamma", {"xx": 1.0, "zz": 3.0}, np.diag([1.0, 1.0, 3.0])),
    ],
)
def test_tied_components_are_filled_in(group, name, given, expected):
    found = from_components(group, name, given, None)
    np.testing.assert_allclose(found, expected, atol=1e-15)
    check_allowed(group, name, found)


def test_materials_of_magnetic_groups():
    magnet = Material.of_group("4/mm'm'", Tc=0.0, h={"z": 2.0}, D={"xx": 2.0})
    assert magnet.h.tolist() == [0, 0, 2.0]
    assert magnet.D.tolist() == [[2.0, 0], [0, 2.0]]
    turned = Material.of_group("4/mm'm'", orientation=np.eye(3)[[2, 0, 1]], Tc=0.0, h={"x": 2.0})
    assert turned.h.tolist() == [2.0, 0, 0]
    assert Material.of_group(("C4v", ()), Tc=0.0).Tc == 0
    assert Material.of_group(collinear("D4h", along=(0, 1, 1)), Tc=0.0, h={"y": 1.0}).h == pytest.approx([0, 1.0, 1.0])
    with pytest.raises(ValueError, match="h component x = 1 is not allowed by magnetic point group"):
        Material.of_group("4/mm'm'", Tc=0.0, h=(1.0, 0, 0))
    with pytest.raises(ValueError, match="it has time reversal"):
        Material.of_group("4mm1'", Tc=0.0, h=(0, 0, 1.0))


@pytest.mark.parametrize(
    ("group", "name", "given", "message"),
    [
        ("4'/mmm'", "P", {"xy": 0.3}, "P component 'xy' is not three axes; expected a name like 'zxy'"),
        ("4'/mmm'", "P", {"zxz": 0.3}, "P component 'zxz' does not enter in two dimensions; expected one of xxx, xxy"),
        ("4/mm'm'", "h", {"zz": 0.3}, "h component 'zz' is not an axis; expected a name like 'z'"),
        ("4/mm'm'", "hall", {"x": 0.3}, "hall component 'x' does not enter in two dimensions; expected one of z"),
        ("4'/mmm'", "P", {"zxx": 0.3}, "P component zxx = 0.3 is not allowed by magnetic point group \"4'/mmm'\""),
        ("4'/mmm'", "P", {"zxy": 0.3, "zyx": 0.2}, "contradicts the others in magnetic point group"),
        ("D4h", "P", {"zxy": 0.3}, "zxy = 0.3 is not allowed by point group 'D4h'.*wants a magnetic point group"),
        ("4mm1'", "h", {"z": 0.3}, "h is not allowed by magnetic point group \"4mm1'\" .it has time reversal"),
    ],
)  # fmt: skip
def test_components_that_do_not_fit(group, name, given, message):
    with pytest.raises(ValueError, match=message):
        from_components(group, name, given, None)


def test_primes_as_they_are_printed():
    """Pasted text has typographic ones; without them the setting that a suggestion names would be another."""
    for prime in "\u2019\u2032":
        assert ju.symmetry.allowed_form(f"4{prime}/mmm{prime}", "P") == ju.symmetry.allowed_form("4'/mmm'", "P")


def test_unknown_fields_of_a_group():
    with pytest.raises(TypeError, match=r"Material.of_group with unknown fields \['Q'\]; expected some of \['D', 'Tc'"):
        ju.Material.of_group("C4v", Q=3.0)
    with pytest.raises(ValueError, match=r"unknown tensor 'Q'.*Known: D, Gamma, gamma"):
        ju.allowed_tensor("C4v", "Q")
