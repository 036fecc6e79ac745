"""Materials: every refusal with its message, point groups, presets, functions of position, the pytree."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jusadel as ju
from jusadel import Material, chiral, dresselhaus, rashba
from jusadel.device.material.material import SHAPES

POINTS = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]])
QUARTER_TURN_HALVED = np.array([[1.0, -1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, np.sqrt(2)]]) / np.sqrt(2)


# --- refusals -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("D", np.ones((3, 3)), r"D has shape \(3, 3\); expected \(2, 2\) or a number"),
        ("Tc", [1.0, 2.0], r"Tc has shape \(2,\); expected a number"),
        ("h", [1.0, 2.0], r"h has shape \(2,\); expected \(3,\)"),
        ("Gamma", np.ones((2, 2)), r"Gamma has shape \(2, 2\); expected \(3, 3\) or a number"),
        ("spin_field", np.ones((3, 3)), r"spin_field has shape \(3, 3\); expected \(3, 2\) \(spin index first"),
        ("gamma", np.ones((2, 3)), r"gamma has shape \(2, 3\); expected \(3, 2\) \(spin index first, then x, y\)"),
        ("P", 0.4, r"P has shape \(\); expected \(3, 2, 2\), as \*\*ju.ferromagnet\(h=.* makes of a number"),
        ("theta", 0.1, r"theta has shape \(\); expected \(3,\)"),
        ("kappa", np.ones((3, 2)), r"kappa has shape \(3, 2\); expected \(3,\)"),
        ("nu", [1.0], r"nu has shape \(1,\); expected a number"),
    ],
)
def test_wrong_shape(name, given, message):
    with pytest.raises(ValueError, match=message):
        Material(**{name: given})


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("name", SHAPES)
def test_not_finite(name, bad):
    value = np.zeros(SHAPES[name])
    value[(0,) * value.ndim] = bad
    with pytest.raises(ValueError, match=rf"^{name} is not finite: \[{bad}\]"):
        Material(**{name: value})
    with pytest.raises(ValueError, match=rf"^{name} is not finite"):
        Material(**{name: jnp.asarray(value)})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"D": "fast"}, "D = 'fast'; expected real numbers"),
        ({"D": None}, "D = None; expected real numbers"),
        ({"h": [1j, 0, 0]}, "h = .*; expected real numbers"),
        ({"h": jnp.array([1j, 0, 0])}, "h = .*; expected real numbers"),
        ({"gamma": [[1, 2], [3], [4, 5]]}, r"gamma = \[\[1, 2\], \[3\], \[4, 5\]\]; expected an array of real numbers"),
        ({"D": -1.0}, r"D has the eigenvalue -1 .*; diffusion must be positive"),
        ({"D": 0.0}, "D has the eigenvalue 0 "),
        ({"D": [[1.0, 2.0], [2.0, 1.0]]}, r"D has the eigenvalue -1 \(\[\[1.0, 2.0\], \[2.0, 1.0\]\]\)"),
        ({"D": [[1.0, 0.1], [0.0, 1.0]]}, r"D is not symmetric: .*; expected D_jk = D_kj"),
        ({"Gamma": np.triu(np.ones((3, 3)))}, r"Gamma is not symmetric: .*; expected Gamma_jk = Gamma_kj"),
        ({"Gamma": -1.0}, r"makes a spin grow: its relaxation rates .* are \[-1.0, -1.0, -1.0\]; all must be >= 0"),
        ({"Gamma": np.diag([-1.0, 0.0, 0.0])}, r"rates \(tr Gamma - Gamma_i\)/2 are \[0.0, -0.5, -0.5\]"),
        ({"Gamma": -1e-22}, "makes a spin grow"),
        ({"D": [[1e-22, 1e-23], [0.0, 1e-22]]}, "D is not symmetric"),
        (
            {"kappa": (0.0, 0.8, 0.6)},
            r"kappa = \[0.0, 0.8, 0.6\] has length 1; .* only for \|kappa\| < 2 sqrt\(det D\)/tr D = 1",
        ),
        ({"D": [[1.0, 0.0], [0.0, 0.05]], "kappa": (0, 0, 0.5)}, r"kappa = .* only for \|kappa\| < .* = 0\.426"),
        ({"nu": 0.0}, "nu = 0; a density of states must be positive"),
        ({"nu": -2.0}, "nu = -2; a density of states must be positive"),
        ({"Tc": -1.0}, r"Tc = -1; expected >= 0 \(0 is a normal metal\)"),
    ],
)
def test_unphysical(given, message):
    with pytest.raises(ValueError, match=message):
        Material(**given)


@pytest.mark.parametrize("Gamma", [np.diag([3.0, 0.0, 0.0]), np.diag([1.0, 1.0, -1.0]), 1e-22])
def test_relaxation_at_the_edge_of_stability_is_allowed(Gamma):
    assert np.array_equal(Material(Gamma=Gamma).Gamma, Gamma * np.eye(3) if np.ndim(Gamma) == 0 else Gamma)


# --- point groups --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("group", "given", "message"),
    [
        (
            "C4v",
            {"gamma": {"xx": 0.1}},
            r"gamma component xx = 0.1 is not allowed by point group 'C4v'; allowed form: \[\[0, a, 0\], \[-a, 0, 0\]",
        ),
        (
            "C4v",
            {"gamma": chiral(0.1)},
            r"gamma component xx = 0.1 is not allowed by .* \[\[0, a\], \[-a, 0\], \[0, 0\]\]",
        ),
        ("D4h", {"gamma": rashba(0.1)}, r"gamma is not allowed by point group 'D4h' \(it has inversion\)"),
        ("D4h", {"gamma": {"xy": 0.1}}, r"gamma is not allowed by point group 'D4h' \(it has inversion\)"),
        ("D4h", {"D": [[1.0, 0.0], [0.0, 2.0]]}, r"D component .* \[\[a, 0\], \[0, a\]\]"),
        (
            "C4v",
            {"gamma": {"xy": 0.1, "yx": 0.1}},
            "gamma component xy = 0.1 contradicts the others in point group 'C4v'",
        ),
        ("C4v", {"gamma": {"xy": 1e-30, "xx": 1e-31}}, "gamma component xx = 1e-31 is not allowed by"),
        ("C4v", {"gamma": {"xw": 0.1}}, "gamma component 'xw' is not a pair of axes; expected a name like 'xy'"),
        ("C4v", {"gamma": {3: 0.1}}, "gamma component 3 is not a pair of axes"),
        ("C1", {"gamma": {"xz": 0.1}}, "'xz' does not enter in two dimensions; expected one of xx, xy, yx, yy, zx, zy"),
        ("C1", {"theta": {"zx": 0.1}}, "theta component 'zx' does not enter .* expected one of xz, yz, zz"),
        ("C1", {"D": {"zz": 1.0}}, "D component 'zz' does not enter .* expected one of xx, xy, yx, yy"),
        ("C4v", {"gamma": {"xy": "large"}}, "gamma components = .*; expected real numbers"),
        ("C4v", {"gamma": {"xy": np.nan}}, "gamma is not finite"),
        ("C5v", {"gamma": {"xy": 0.1}}, "unknown point group 'C5v', did you mean"),
        ("C4v", {"gamma": rashba(0.1), "orientation": np.eye(2)}, "orientation must be a finite 3x3 matrix"),
        ("C4v", {"gamma": rashba(0.1), "orientation": -np.eye(3)}, "orientation has determinant -1"),
    ],
)
def test_refused_by_the_point_group(group, given, message):
    with pytest.raises(ValueError, match=message):
        Material.of_group(group, **given)


@pytest.mark.parametrize(
    ("group", "name", "components", "expected"),
    [
        ("C4v", "gamma", {"xy": 0.1}, rashba(0.1)),
        ("4mm", "spin_field", {"yx": 0.1}, rashba(-0.1)),
        ("D2d", "gamma", {"yy": 0.1}, dresselhaus(-0.1)),
        ("D4", "gamma", {"xx": 0.1}, chiral(0.1)),
        ("O", "theta", {"zz": 0.2}, [0, 0, 0.2]),
        ("D4h", "kappa", {"zz": 0.3}, [0, 0, 0.3]),
        ("C4", "gamma", {"xy": 0.1, "xx": 0.2}, rashba(0.1) + chiral(0.2)),
        ("D4h", "D", {"xx": 2.0}, 2 * np.eye(2)),
        ("O", "Gamma", {"zz": 2.0}, 2 * np.eye(3)),
        ("C4v", "gamma", {}, np.zeros((3, 2))),
    ],
)
def test_tied_components_are_filled_in(group, name, components, expected):
    material = Material.of_group(group, **{name: components})
    np.testing.assert_allclose(getattr(material, name), expected, atol=1e-15)


def test_orientation_turns_the_allowed_form():
    turned = Material.of_group("D2d", orientation=QUARTER_TURN_HALVED, gamma={"xy": 0.1})
    np.testing.assert_allclose(turned.gamma, [[0, 0.1], [0.1, 0], [0, 0]], atol=1e-15)
    with pytest.raises(ValueError, match=r"gamma component xx = 0\.1 is not allowed by"):
        Material.of_group("D2d", orientation=QUARTER_TURN_HALVED, gamma={"xx": 0.1})


def test_fields_without_symmetry_row_and_functions_pass_through():
    material = Material.of_group("D4h", h=(0, 0, 0.5), Tc=2.0, gamma=lambda points: jnp.zeros((len(points), 3, 2)))
    assert (material.h[2], material.Tc) == (0.5, 2.0)
    assert material.at("gamma", POINTS).shape == (3, 3, 2)


# --- values --------------------------------------------------------------------------------------


def test_presets_have_the_paper_s_components():
    x, y, _ = np.eye(3)  # spin directions; columns are the directions of the current
    np.testing.assert_array_equal(rashba(0.3), 0.3 * np.stack([-y, x], axis=1))
    np.testing.assert_array_equal(dresselhaus(0.3), 0.3 * np.stack([x, -y], axis=1))
    np.testing.assert_array_equal(chiral(0.3), 0.3 * np.stack([x, y], axis=1))


def test_numbers_become_isotropic():
    material = Material(D=2.0, Gamma=3.0)
    np.testing.assert_array_equal(material.D, 2 * np.eye(2))
    np.testing.assert_array_equal(material.at("Gamma", POINTS), np.broadcast_to(3 * np.eye(3), (3, 3, 3)))


@pytest.mark.parametrize("name", SHAPES)
def test_constants_are_repeated_at_every_point(name):
    material = Material()
    assert material.at(name, POINTS).shape == (3, *SHAPES[name])
    np.testing.assert_array_equal(material.at(name, POINTS)[1], getattr(material, name))


def test_functions_are_called_with_the_points():
    material = Material(D=lambda p: 1 + p[:, 0], Tc=1.0, h=lambda p: jnp.stack([p[:, 1], p[:, 0], 0 * p[:, 0]], axis=1))
    np.testing.assert_array_equal(material.at("D", POINTS), np.array([1, 2, 1])[:, None, None] * np.eye(2))
    np.testing.assert_array_equal(material.at("h", POINTS), [[0, 0, 0], [0, 1, 0], [2, 0, 0]])


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda p: p, r"h\(points\) returned shape \(3, 2\) for 3 points; expected \(3, 3\)"),
        (lambda p: 1.0, r"h\(points\) returned shape \(\) for 3 points; expected \(3, 3\)"),
        (lambda p: None, r"h\(points\) = None; expected real numbers"),
        (lambda p: 1j * jnp.ones((len(p), 3)), r"h\(points\) = .*; expected real numbers"),
    ],
)
def test_functions_of_the_wrong_shape(function, message):
    with pytest.raises(ValueError, match=message):
        Material(Tc=1.0, h=function).at("h", POINTS)


@pytest.mark.parametrize(("name", "full"), [("D", "3, 2, 2"), ("Gamma", "3, 3, 3")])
def test_isotropic_fields_name_both_shapes_that_a_function_may_return(name, full):
    message = (
        rf"{name}\(points\) returned shape \(3, 2\) for 3 points; expected \({full}\), or \(3,\) of numbers for an iso"
    )
    with pytest.raises(ValueError, match=message):
        Material(**{name: lambda p: p}).at(name, POINTS)


# --- pytree --------------------------------------------------------------------------------------


def test_pytree_round_trip_keeps_numbers_and_functions():
    material = Material(D=2.0, gamma=rashba(0.1), Tc=1.0, h=lambda p: jnp.zeros((len(p), 3)))
    leaves, structure = jax.tree.flatten(material)
    again = jax.tree.unflatten(structure, leaves)
    assert len(leaves) == len(SHAPES) - 1
    assert again.h is material.h
    assert all(getattr(again, name) is getattr(material, name) for name in SHAPES)
    assert structure == jax.tree.structure(Material(D=3.0, Tc=1.0, h=material.h))
    assert structure != jax.tree.structure(Material(D=2.0))


def test_unflattening_checks_nothing():
    material = jax.tree.map(lambda leaf: -leaf, Material(D=2.0))
    assert material.D[0, 0] == -2


def test_gradient_with_respect_to_a_whole_material():
    def weighted(material):
        return jnp.sum(material.at("gamma", POINTS) ** 2) + 5 * jnp.trace(material.at("D", POINTS)[0])

    slope = jax.grad(weighted)(Material(D=2.0, gamma=rashba(0.1)))
    np.testing.assert_allclose(slope.gamma, 2 * 3 * rashba(0.1))
    np.testing.assert_array_equal(slope.D, 5 * np.eye(2))
    assert not np.any(slope.h)


@pytest.mark.parametrize(
    "make",
    [
        lambda x: Material(gamma=x * rashba(1.0)),
        lambda x: Material(gamma=[[0, x], [-x, 0], [0, 0]]),
        lambda x: Material.of_group("C4v", gamma=x * rashba(1.0)),
        lambda x: Material.of_group("C4v", gamma={"xy": x}),
    ],
    ids=["array", "list", "group", "components"],
)
def test_gradient_through_the_factory(make):
    assert jax.grad(lambda x: jnp.sum(jnp.asarray(make(x).gamma) ** 2))(0.1) == pytest.approx(0.4)


@pytest.mark.parametrize("scale", [1e-280, 1e-200, 1.0, 1e200])
def test_swapping_limit_does_not_depend_on_units(scale):
    D = scale * np.array([[2.0, 0.5], [0.5, 1.0]])
    limit = 2 * np.sqrt(1.75) / 3
    Material(D=D, kappa=(0, 0, 0.999 * limit))
    with pytest.raises(ValueError, match=r"stable only for \|kappa\| < 2 sqrt\(det D\)/tr D = 0\.882"):
        Material(D=D, kappa=(0, 0, 1.001 * limit))


def test_infinite_diffusion_is_called_that():
    with pytest.raises(ValueError, match=r"D is not finite: \[inf inf\]"):
        Material(D=np.inf)


# --- Tc that nobody gave -------------------------------------------------------------------------


@pytest.mark.parametrize("h", [(0, 0, 1.0), (0, 1e-9, 0), lambda p: jnp.ones((len(p), 3))])
@pytest.mark.parametrize("make", [Material, lambda **given: Material.of_group("C4v", **given)])
def test_a_magnet_without_Tc_is_told_what_it_is_taken_for(h, make):
    message = "no Tc is taken as a superconductor of Tc = 1; write Tc=0.0 for a ferromagnet .*, or Tc=1.0 to keep"
    with pytest.warns(ju.AssumedTcWarning, match=message):
        material = make(h=h)
    assert float(material.Tc) == 1.0


def test_a_magnet_without_Tc_is_told_where_it_stands():
    with pytest.warns(ju.AssumedTcWarning) as caught:
        Material(h=(0, 0, 1.0))
    assert caught[0].filename == __file__


def test_Tc_is_asked_for_once():
    """Not of metals without h, of those whose Tc is given, nor of one that was changed, mapped or differentiated."""
    Material(), Material(Tc=1.0, h=(0, 0, 1.0)), Material(Tc=0.0, h=(0, 0, 1.0)), Material(h=(0, 0, 0))
    with pytest.warns(ju.AssumedTcWarning):
        magnet = Material(h=(0, 0, 1.0))
    assert float(replace(magnet, D=2.0).Tc) == 1.0
    assert float(jax.tree.map(lambda x: 2 * x, magnet).Tc) == 2.0
    slope = jax.grad(lambda m: jnp.sum(m.h**2) * m.Tc)(magnet)
    assert slope.Tc == 1.0
    assert slope.h.tolist() == [0, 0, 2.0]
