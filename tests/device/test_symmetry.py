"""Point groups and allowed tensors against textbook tables, characters and direct invariance."""

import importlib
import re

import numpy as np
import pytest

from jusadel.device.material import symmetry
from jusadel.device.material.symmetry import (
    allowed_form,
    allowed_tensor,
    check_allowed,
    elements,
    forbidden_part,
    generators,
    hermann_mauguin,
    is_allowed,
    point_group,
    point_groups,
    tensors,
)

# International Tables A, section 3.2: Hermann-Mauguin name and order
TABLE = {
    "C1": ("1", 1),
    "Ci": ("-1", 2),
    "C2": ("2", 2),
    "Cs": ("m", 2),
    "C2h": ("2/m", 4),
    "D2": ("222", 4),
    "C2v": ("mm2", 4),
    "D2h": ("mmm", 8),
    "C4": ("4", 4),
    "S4": ("-4", 4),
    "C4h": ("4/m", 8),
    "D4": ("422", 8),
    "C4v": ("4mm", 8),
    "D2d": ("-42m", 8),
    "D4h": ("4/mmm", 16),
    "C3": ("3", 3),
    "S6": ("-3", 6),
    "D3": ("32", 6),
    "C3v": ("3m", 6),
    "D3d": ("-3m", 12),
    "C6": ("6", 6),
    "C3h": ("-6", 6),
    "C6h": ("6/m", 12),
    "D6": ("622", 12),
    "C6v": ("6mm", 12),
    "D3h": ("-6m2", 12),
    "D6h": ("6/mmm", 24),
    "T": ("23", 12),
    "Th": ("m-3", 24),
    "O": ("432", 24),
    "Td": ("-43m", 24),
    "Oh": ("m-3m", 48),
}
CENTROSYMMETRIC = ["Ci", "C2h", "D2h", "C4h", "D4h", "S6", "D3d", "C6h", "D6h", "Th", "Oh"]

# A general pseudotensor of second rank; nothing in every other group
GYROTROPIC = {
    "C1": "[[a, b, c], [d, e, f], [g, h, i]]",
    "C2": "[[a, b, 0], [c, d, 0], [0, 0, e]]",
    "Cs": "[[0, 0, a], [0, 0, b], [c, d, 0]]",
    "D2": "[[a, 0, 0], [0, b, 0], [0, 0, c]]",
    "C2v": "[[0, a, 0], [b, 0, 0], [0, 0, 0]]",
    "S4": "[[a, b, 0], [b, -a, 0], [0, 0, 0]]",
    "D2d": "[[a, 0, 0], [0, -a, 0], [0, 0, 0]]",
    **dict.fromkeys(("C3", "C4", "C6"), "[[a, b, 0], [-b, a, 0], [0, 0, c]]"),
    **dict.fromkeys(("D3", "D4", "D6"), "[[a, 0, 0], [0, a, 0], [0, 0, b]]"),
    **dict.fromkeys(("C3v", "C4v", "C6v"), "[[0, a, 0], [-a, 0, 0], [0, 0, 0]]"),
    **dict.fromkeys(("T", "O"), "[[a, 0, 0], [0, a, 0], [0, 0, a]]"),
}

# Nye, Physical Properties of Crystals, table 8: independent piezoelectric moduli
PIEZOELECTRIC = {
    "C1": 18, "C2": 8, "Cs": 10, "D2": 3, "C2v": 5, "C4": 4, "S4": 4, "D4": 1, "C4v": 3, "D2d": 2,
    "C3": 6, "D3": 2, "C3v": 4, "C6": 4, "C3h": 2, "D6": 1, "C6v": 3, "D3h": 1, "T": 1, "Td": 1,
}  # fmt: skip

# Free entries of a symmetric (Nye, table 3) and of a general true tensor of second rank
SYSTEMS = {
    "C1 Ci": (6, 9),
    "C2 Cs C2h": (4, 5),
    "D2 C2v D2h": (3, 3),
    "C4 S4 C4h C3 S6 C6 C3h C6h": (2, 3),
    "D4 C4v D2d D4h D3 C3v D3d D6 C6v D3h D6h": (2, 2),
    "T Th O Td Oh": (1, 1),
}

TILT = np.array([[2.0, -1.0, 2.0], [2.0, 2.0, -1.0], [-1.0, 2.0, 2.0]]) / 3
QUARTER = np.sqrt(0.5) * np.array([[1, -1, 0], [1, 1, 0], [0, 0, np.sqrt(2)]])  # 45 degrees about z
Z_TO_X = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


PSEUDO = ("gamma", "spin_field", "alpha", "magnetic_gamma", "mu", "magnetoelectric")


def transformed(operation, name, tensor):
    """The definition, index by index, with the parity read off the physics page."""
    sign = np.linalg.det(operation) if name in (*PSEUDO, "h", "v", "hall", "P", "K") else 1.0
    indices = {1: "ia,a->i", 2: "ia,jb,ab->ij", 3: "ia,jb,kc,abc->ijk"}[tensor.ndim]
    return sign * np.einsum(indices, *[operation] * tensor.ndim, tensor)


def same_span(left, right):
    stacked = np.concatenate([left, right]).reshape(len(left) + len(right), left[0].size if len(left) else 0)
    rank = np.linalg.matrix_rank(stacked, tol=1e-9) if stacked.size else 0
    return len(left) == len(right) == rank


def test_names_and_orders_of_the_32_groups():
    assert set(point_groups) == set(TABLE)
    assert len(point_groups) == 32
    assert {g: (hermann_mauguin(g), len(elements(g))) for g in point_groups} == TABLE
    assert len({international for international, _ in TABLE.values()}) == 32


@pytest.mark.parametrize("group", TABLE)
def test_group_is_orthogonal_and_closed(group):
    assert 1 <= len(generators(group)) <= 3
    all_of = elements(group)
    np.testing.assert_allclose(np.matmul(all_of, all_of.swapaxes(1, 2)) - np.eye(3), 0, atol=1e-14)
    products = np.einsum("mij,njk->mnik", all_of, all_of).reshape(-1, 1, 3, 3)
    hits = (np.abs(products - all_of).max(axis=(2, 3)) < 1e-9).sum(axis=1)
    np.testing.assert_array_equal(hits, 1)  # every product is an element, and elements differ
    inverts = (np.abs(all_of + np.eye(3)).max(axis=(1, 2)) < 1e-9).any()
    assert inverts == (group in CENTROSYMMETRIC)


# One operation that tells each setting from the alternative one
@pytest.mark.parametrize(
    ("group", "operation"),
    [
        ("C2", np.diag([-1, -1, 1])),
        ("Cs", np.diag([1, 1, -1])),
        ("C2h", np.diag([1, 1, -1])),
        ("C2v", np.diag([1, -1, 1])),
        ("D2d", np.diag([-1, 1, -1])),
        ("D2d", [[0, 1, 0], [1, 0, 0], [0, 0, 1]]),
        ("D3", np.diag([1, -1, -1])),
        ("C3v", np.diag([-1, 1, 1])),
        ("D3d", np.diag([-1, 1, 1])),
        ("D3h", np.diag([-1, 1, 1])),
        ("D3h", np.diag([-1, 1, -1])),
        ("D6", np.diag([-1, 1, -1])),
        ("C6v", np.diag([1, -1, 1])),
        ("T", np.diag([1, -1, -1])),
        ("Td", [[0, 1, 0], [1, 0, 0], [0, 0, 1]]),
        ("O", [[0, 0, 1], [0, 1, 0], [-1, 0, 0]]),
    ],
)
def test_settings_are_those_of_the_docstring(group, operation):
    assert np.abs(elements(group) - np.array(operation)).max(axis=(1, 2)).min() < 1e-12


@pytest.mark.parametrize("group", TABLE)
def test_lookup_takes_both_notations(group):
    assert point_group(group) == group
    assert point_group(TABLE[group][0]) == group
    assert allowed_form(TABLE[group][0], "theta") == allowed_form(group, "theta")


@pytest.mark.parametrize(("alias", "group"), [("C1h", "Cs"), ("S2", "Ci"), ("V", "D2"), ("Vd", "D2d"), ("C3i", "S6")])
def test_aliases(alias, group):
    assert point_group(alias) == group


def test_classes_counted_from_the_tensors():
    assert len(symmetry.gyrotropic) == 18
    assert set(symmetry.gyrotropic) == set(GYROTROPIC)
    assert len(symmetry.piezoelectric) == 20
    assert set(symmetry.piezoelectric) == set(PIEZOELECTRIC)
    assert set(TABLE) - set(CENTROSYMMETRIC) - set(symmetry.piezoelectric) == {"O"}


def test_classes_can_be_imported_and_typos_cannot():
    assert importlib.import_module("jusadel.device.material.symmetry").gyrotropic[0] == "C1"
    with pytest.raises(AttributeError, match="gyrotopic"):
        _ = symmetry.gyrotopic


@pytest.mark.parametrize("group", TABLE)
@pytest.mark.parametrize("name", ["gamma", "spin_field", "alpha"])
def test_pseudotensor_forms(group, name):
    nothing = "[[0, 0, 0], [0, 0, 0], [0, 0, 0]]"
    assert allowed_form(group, name) == GYROTROPIC.get(group, nothing)


@pytest.mark.parametrize(("groups", "counts"), SYSTEMS.items())
def test_true_second_rank_counts(groups, counts):
    for group in groups.split():
        assert {len(allowed_tensor(group, name)) for name in ("D", "Gamma")} == {counts[0]}
        assert {len(allowed_tensor(group, name)) for name in ("theta", "kappa")} == {counts[1]}


def test_true_forms():
    assert allowed_form("C1", "Gamma") == "[[a, b, c], [b, d, e], [c, e, f]]"
    assert allowed_form("2/m", "D") == "[[a, b, 0], [b, c, 0], [0, 0, d]]"
    assert allowed_form("C4h", "theta") == "[[a, b, 0], [-b, a, 0], [0, 0, c]]"
    assert allowed_form("Oh", "kappa") == "[[a, 0, 0], [0, a, 0], [0, 0, a]]"


@pytest.mark.parametrize("group", TABLE)
def test_beta_counts(group):
    assert len(allowed_tensor(group, "beta")) == PIEZOELECTRIC.get(group, 0)


def test_beta_forms():
    """Nye, table 8 (space index first there): -43m d14 = d25 = d36; -6m2 d22 = -d21 = -d16/2;
    4mm e31 = e32, e15 = e24, e33."""
    assert same_span(allowed_tensor("Td", "beta"), [np.abs(symbol())])
    d3h = np.zeros((1, 3, 3, 3))
    d3h[0, 1, 1, 1] = 1
    d3h[0, 0, 0, 1] = d3h[0, 0, 1, 0] = d3h[0, 1, 0, 0] = -1
    assert same_span(allowed_tensor("D3h", "beta"), d3h)
    x, y, z = "[[0, 0, a], [0, 0, 0], [b, 0, 0]]", "[[0, 0, 0], [0, 0, a], [0, b, 0]]", "[b, 0, 0]"
    assert allowed_form("4mm", "beta") == f"[{x}, {y}, [{z}, [0, b, 0], [0, 0, c]]]"


def symbol():
    """Levi-Civita."""
    return np.array([[[(i - j) * (j - k) * (k - i) / 2 for k in range(3)] for j in range(3)] for i in range(3)])


@pytest.mark.parametrize("group", TABLE)
@pytest.mark.parametrize("name", tensors)
def test_basis_is_invariant_complete_and_readable(group, name):
    basis = allowed_tensor(group, name)
    for tensor in basis:
        for operation in elements(group):
            np.testing.assert_allclose(transformed(operation, name, tensor), tensor, atol=1e-12)
    # number of invariants = mean character over the group
    trace = np.trace(elements(group), axis1=1, axis2=2)
    square = np.trace(np.matmul(elements(group), elements(group)), axis1=1, axis2=2)
    characters = {
        **dict.fromkeys(("D", "Gamma", "magnetic_Gamma"), (trace**2 + square) / 2),
        **dict.fromkeys(("theta", "kappa"), trace**2),
        **dict.fromkeys(PSEUDO, np.linalg.det(elements(group)) * trace**2),
        "beta": trace * (trace**2 + square) / 2,
        **dict.fromkeys(("h", "v", "hall"), np.linalg.det(elements(group)) * trace),
        **dict.fromkeys(("P", "K"), np.linalg.det(elements(group)) * trace * (trace**2 + square) / 2),
    }
    assert len(basis) == pytest.approx(characters[name].mean(), abs=1e-9)
    if len(basis):
        assert np.linalg.matrix_rank(basis.reshape(len(basis), -1)) == len(basis)
    assert set(basis.ravel()) <= {0.0, 1.0, -1.0}


@pytest.mark.parametrize("name", tensors)
@pytest.mark.parametrize("group", ["C2", "C2v", "D2d", "C3v", "D3", "C4", "T"])
def test_orientation_rotates_the_allowed_space(group, name):
    oriented = allowed_tensor(group, name, TILT)
    turned = [transformed(TILT, name, tensor) for tensor in allowed_tensor(group, name)]
    assert same_span(oriented, np.reshape(turned, (-1, *oriented.shape[1:])))
    assert np.abs(oriented).max(initial=0) < 10  # well scaled in any orientation


def test_oriented_forms():
    assert allowed_form("D2d", "gamma", QUARTER) == "[[0, a, 0], [a, 0, 0], [0, 0, 0]]"
    assert allowed_form("C4v", "gamma", QUARTER) == "[[0, a, 0], [-a, 0, 0], [0, 0, 0]]"
    assert allowed_form("O", "gamma", TILT) == "[[a, 0, 0], [0, a, 0], [0, 0, a]]"
    # polar axis and so the Rashba form along x; in-plane mirror of "C1v": one x index each
    assert allowed_form("C4v", "gamma", Z_TO_X) == "[[0, 0, 0], [0, 0, a], [0, -a, 0]]"
    assert allowed_form("Cs", "gamma", Z_TO_X) == "[[0, a, b], [c, 0, 0], [d, 0, 0]]"


def test_form_with_several_letters_in_an_entry():
    """Uniaxial with its axis along (1, 0, 1): xx = zz = (u + v)/2, yy = u, xz = (v - u)/2."""
    half = np.sqrt(0.5)
    axis_x_plus_z = np.array([[half, 0, half], [0, 1, 0], [-half, 0, half]])
    assert allowed_form("C6v", "D", axis_x_plus_z) == "[[a, 0, a-b], [0, b, 0], [a-b, 0, a]]"
    u, v = 0.7, 1.9
    D = [[(u + v) / 2, 0, (v - u) / 2], [0, u, 0], [(v - u) / 2, 0, (u + v) / 2]]
    assert is_allowed("C6v", "D", D, axis_x_plus_z)
    assert not is_allowed("C6v", "D", D)


def test_forbidden_part_is_the_rest_of_the_projection():
    gamma = np.array([[0.1, 1.0, 0.0], [-0.5, 0.0, 0.0], [0.0, 0.0, 0.3]])
    expected = [[0.1, 0.25, 0.0], [0.25, 0.0, 0.0], [0.0, 0.0, 0.3]]
    np.testing.assert_allclose(forbidden_part("C4v", "gamma", gamma), expected, atol=1e-14)
    assert is_allowed("C4v", "gamma", gamma - expected)
    np.testing.assert_allclose(forbidden_part("D4h", "gamma", gamma), gamma)
    in_plane = forbidden_part("C4v", "gamma", gamma[:, :2])
    np.testing.assert_allclose(in_plane, np.array(expected)[:, :2], atol=1e-14)


@pytest.mark.parametrize(
    ("group", "name", "tensor", "allowed"),
    [
        # O needs gamma_zz beside xx and yy: free in two dimensions, zero in the padded tensor
        ("O", "gamma", np.eye(3)[:, :2], True),
        ("O", "gamma", np.diag([1, 1, 0]), False),
        ("O", "gamma", [[1, 0], [0, 2], [0, 0]], False),
        ("C4v", "spin_field", [[0, 2], [-2, 0], [0, 0]], True),
        ("C4v", "spin_field", [[0, 2], [2, 0], [0, 0]], False),
        ("Cs", "alpha", [[0, 0], [0, 0], [1, 2]], True),
        ("Cs", "alpha", [[0, 0], [1, 0], [0, 0]], False),
        ("Oh", "theta", [0, 0, 1], True),
        ("Oh", "theta", np.diag([0, 0, 1]), False),
        ("C4v", "kappa", [1, 0, 0], False),
        ("C1", "kappa", [1, 2, 3], True),
        ("D4", "D", 3 * np.eye(2), True),
        ("T", "D", np.eye(2), True),
        ("T", "D", np.diag([1, 1, 0]), False),
        ("D4", "D", np.diag([1, 2]), False),
        ("C2", "D", [[1, 0.5], [0.5, 2]], True),
        ("C2", "D", [[1, 0.5], [0.4, 2]], False),
        ("C1", "Gamma", [[1, 1, 0], [0, 1, 0], [0, 0, 1]], False),
        ("Td", "beta", np.abs(symbol())[:, :, :2], True),
        ("T", "beta", symbol(), False),
        ("Oh", "gamma", np.zeros((3, 2)), True),
    ],
)
def test_two_dimensional_shapes(group, name, tensor, allowed):
    assert is_allowed(group, name, tensor) == allowed


def test_mirror_in_the_plane_frees_theta_yz():
    """Mirror perpendicular to x: a true tensor keeps the entries with an even number of x."""
    assert is_allowed("Cs", "theta", [0, 0.3, 1], Z_TO_X)
    assert not is_allowed("Cs", "theta", [0.3, 0, 1], Z_TO_X)
    assert not is_allowed("Cs", "theta", [0, 0.3, 1])


@pytest.mark.parametrize("scale", [1e-20, 1.0, 1e20])
def test_tolerance_is_relative(scale):
    rashba = scale * np.array([[0.0, 1.0], [-1.0, 0.0], [0.0, 0.0]])
    bent = rashba + scale * np.array([[1e-9, 0.0], [0.0, 0.0], [0.0, 0.0]])
    assert is_allowed("C4v", "gamma", rashba)
    assert not is_allowed("C4v", "gamma", bent)
    assert is_allowed("C4v", "gamma", bent, tol=1e-8)
    check_allowed("C4v", "gamma", bent, tol=1e-8)


def test_basis_may_be_changed_by_the_caller():
    allowed_tensor("C4v", "gamma")[:] = 7
    assert allowed_form("C4v", "gamma") == GYROTROPIC["C4v"]


@pytest.mark.parametrize(
    ("group", "name", "tensor", "message"),
    [
        ("D4h", "gamma", np.eye(3), "gamma is not allowed by point group 'D4h' (it has inversion)"),
        (
            "Oh",
            "beta",
            np.abs(symbol()),
            "beta is not allowed by point group 'Oh' (it has inversion)",
        ),
        (
            "Td",
            "gamma",
            np.eye(3),
            "gamma is not allowed by point group 'Td' (its operations leave no such pseudotensor of rank 2)",
        ),
        (
            "C4v",
            "gamma",
            [[0.1, 1, 0], [-1, 0, 0], [0, 0, 0]],
            "gamma component xx = 0.1 is not allowed by point group 'C4v'; "
            "allowed form: [[0, a, 0], [-a, 0, 0], [0, 0, 0]]",
        ),
        (
            "D2d",
            "gamma",
            [[0.1, 0], [0, 0.1], [0, 0]],
            "gamma component xx = 0.1 does not fit the form that point group 'D2d' allows: [[a, 0], [0, -a], [0, 0]]",
        ),
        (
            "C4v",
            "theta",
            [0.2, 0, 1],
            "theta component xz = 0.2 is not allowed by point group 'C4v'; allowed form: [0, 0, a]",
        ),
    ],
)
def test_check_says_what_is_wrong(group, name, tensor, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        check_allowed(group, name, tensor)


@pytest.mark.parametrize(
    ("call", "pattern"),
    [
        (lambda: point_group("c4v"), "unknown point group 'c4v', did you mean 'C4v'[?].*D2d"),
        (lambda: allowed_tensor("D42", "D"), "unknown point group 'D42', did you mean 'D4"),
        (lambda: point_group("zzz"), "unknown point group 'zzz'[.] Known: C1,.*m-3m"),
        (
            lambda: allowed_tensor("D4", "gama"),
            "unknown tensor 'gama', did you mean 'gamma'[?].*beta",
        ),
        (
            lambda: is_allowed("D4", "gamma", np.eye(2)),
            r"shape \(2, 2\); expected \(3, 3\) or \(3, 2",
        ),
        (lambda: is_allowed("D4", "Gamma", np.eye(2)), r"shape \(2, 2\); expected \(3, 3\)$"),
        (
            lambda: is_allowed("D4", "theta", [0, 0, np.nan]),
            "theta has entries that are not finite",
        ),
        (lambda: allowed_tensor("D4", "D", np.eye(2)), "finite 3x3 matrix"),
        (lambda: allowed_tensor("D4", "D", np.full((3, 3), np.inf)), "finite 3x3 matrix"),
        (lambda: allowed_tensor("D4", "D", np.eye(3) + 1e-6), "not orthogonal: .* by 2.0e-06"),
        (lambda: allowed_tensor("D4", "D", -np.eye(3)), "determinant -1"),
    ],
)
def test_errors(call, pattern):
    with pytest.raises(ValueError, match=pattern):
        call()
