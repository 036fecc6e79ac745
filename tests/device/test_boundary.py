"""Reservoirs: every refusal with its message, phases given as functions, the pytree."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jusadel as ju
from jusadel import Reservoir
from jusadel.device.boundary import Boundary

POINTS = np.array([[0.0, 0.0], [1.0, 2.0]])


@pytest.mark.parametrize("Delta", [-1.0, 1j, np.nan, np.inf, [1.0, 2.0], "large", None, lambda points: 1.0])
def test_bad_modulus(Delta):
    with pytest.raises(ValueError, match=r"Reservoir Delta = .*; expected its modulus, a number >= 0"):
        Reservoir(Delta)


@pytest.mark.parametrize("phase", [np.nan, np.inf, 1j, [0.0, 1.0], "pi", None])
def test_bad_phase(phase):
    with pytest.raises(ValueError, match=r"Reservoir phase = .*; expected a finite number or a function of points"):
        Reservoir(1.0, phase=phase)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"h": (1.0, 2.0)}, r"h has shape \(2,\); expected \(3,\)"),
        ({"h": (0.0, np.nan, 0.0)}, r"h in a reservoir is not finite: \[nan\]"),
        ({"h": lambda points: points}, "h = .*; expected real numbers"),
        ({"Gamma": np.ones((2, 2))}, r"Gamma has shape \(2, 2\); expected \(3, 3\) or a number"),
        ({"Gamma": np.nan}, "Gamma in a reservoir is not finite"),
        ({"Gamma": -1.0}, "Gamma in a reservoir = .* makes a spin grow"),
    ],
)
def test_bad_tensors(given, message):
    with pytest.raises(ValueError, match=message):
        Reservoir(1.0, **given)


@pytest.mark.parametrize(
    ("phase", "message"),
    [
        (lambda p: p, r"phase\(points\) returned shape \(2, 2\); expected \(2,\) or a number"),
        (lambda p: p[:, 0] * np.nan, r"phase\(points\) in a reservoir is not finite"),
        (lambda p: p[:, 0] * 1j, r"phase\(points\) = .*; expected real numbers"),
    ],
)
def test_bad_phase_functions(phase, message):
    with pytest.raises(ValueError, match=message):
        Reservoir(1.0, phase=phase).phase_at(POINTS)


def test_phase_is_a_number_or_a_function_of_points():
    np.testing.assert_array_equal(Reservoir(1.0, phase=0.5).phase_at(POINTS), [0.5, 0.5])
    np.testing.assert_array_equal(Reservoir(1.0, phase=lambda p: p[:, 1]).phase_at(POINTS), [0, 2])
    np.testing.assert_array_equal(Reservoir(1.0, phase=lambda p: 0.25).phase_at(POINTS), [0.25, 0.25])


def test_is_a_boundary_and_prints_its_numbers():
    reservoir = Reservoir(1.5, phase=0.5, h=(0, 0, 0.25), Gamma=2.0)
    assert isinstance(reservoir, Boundary)
    np.testing.assert_array_equal(reservoir.Gamma, 2 * np.eye(3))
    for text in ("Delta=1.5", "phase=0.5", "0.25"):
        assert text in repr(reservoir)


@pytest.mark.parametrize("phase", [0.5, jnp.sin, 0.0])
def test_pytree_round_trip(phase):
    reservoir = Reservoir(1.5, phase=phase, h=(0, 0, 0.25))
    leaves, structure = jax.tree.flatten(reservoir)
    again = jax.tree.unflatten(structure, leaves)
    assert len(leaves) == (6 if callable(phase) else 7)
    assert (again.Delta, again.phase) == (1.5, phase)
    assert again.h is reservoir.h
    assert jax.tree.unflatten(structure, [-1.0, *leaves[1:]]).Delta == -1.0  # unchecked


def test_gradient_with_respect_to_a_whole_reservoir():
    slope = jax.grad(lambda r: r.Delta**2 + jnp.sum(r.phase_at(POINTS)) + r.h[2])(Reservoir(1.5, phase=0.5))
    assert (slope.Delta, slope.phase) == (3.0, 2.0)
    np.testing.assert_array_equal(slope.h, [0, 0, 1])


def test_gradient_through_the_factory():
    assert jax.grad(lambda x: Reservoir(x, h=(0, 0, x)).Delta * 2.0)(1.5) == 2.0


CONDITIONS = (
    ju.Reservoir(1.0, phase=0.3, h=(0, 0, 0.1), Gamma=0.2),
    ju.Tunnel(ju.Reservoir(1.0), 2.0, [0.3, 0.9], ju.Surface(h=(0.1, 0, 0))),
    ju.Interface(2.0, surface=(ju.Surface(h=(0.1, 0, 0)), None)),
    ju.Interface(surface=ju.Surface(h=(0.1, 0, 0))),
    ju.Periodic("left", phase=0.2, rotation=(0, 0, 0.1)),
    ju.Surface(rashba=0.1),
)


@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda c: type(c).__name__)
def test_conditions_can_be_replaced_after_jax_has_rebuilt_them(condition):
    rebuilt = jax.tree.map(lambda x: x, condition)
    assert repr(dataclasses.replace(rebuilt)) == repr(condition)
    traced = []
    jax.jit(lambda c: traced.append(repr(type(dataclasses.replace(c)))) or 0)(condition)
    assert traced == [repr(type(condition))]


def test_different_surfaces_need_two_sides():
    with pytest.raises(ValueError, match="needs a conductance, which makes two sides"):
        ju.Interface(surface=(ju.Surface(h=(0.1, 0, 0)), ju.Surface(h=(0.2, 0, 0))))
