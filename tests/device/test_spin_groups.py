"""Spin groups of collinear magnets against the definition, and the altermagnets counted."""

import numpy as np
import pytest

import jusadel as ju
from jusadel.device.material.magnetic_groups import magnetic_elements, magnetic_point_groups
from jusadel.device.material.point_groups import hermann_mauguin, point_groups
from jusadel.device.material.symmetry import (
    allowed_form,
    allowed_tensor,
    check_allowed,
    collinear,
    is_allowed,
    spin_group,
    tensors,
)

NEEL = np.array([1.0, 2.0, -2.0]) / 3
P_WAVE = [("2z", "1", 1), ("1", "1", -1), ("2x", "-1", 1)]


def altermagnets():
    """(crystal, operations that swap) for each spin Laue group: inversion swaps nothing, something else does."""
    laue = {g for g in map(hermann_mauguin, point_groups) if is_allowed(g, "gamma", np.zeros((3, 3))) and inverts(g)}
    for name in magnetic_point_groups:
        crystal, (space, time) = name.replace("'", ""), magnetic_elements(name)
        inversion = np.isclose(space, -np.eye(3)).all(axis=(1, 2))
        if crystal in laue and (time < 0).any() and (time[inversion] > 0).all():
            yield crystal, space[time < 0]


def inverts(group):
    return np.isclose(magnetic_elements(group)[0], -np.eye(3)).all(axis=(1, 2)).any()


def test_ten_altermagnets_of_which_four_are_d_wave():
    """Smejkal, Sinova and Jungwirth, Phys. Rev. X 12, 031042 (2022), table I: the other six are g- or i-wave."""
    found = [(crystal, len(allowed_tensor(collinear(crystal, swaps), "P"))) for crystal, swaps in altermagnets()]
    assert len(found) == 10
    assert {crystal: free for crystal, free in found if free} == {"2/m": 2, "mmm": 1, "4/m": 2, "4/mmm": 1}
    assert sum(free > 0 for _, free in found) == 4


def test_waves_of_the_altermagnets():
    """The lowest even harmonic that changes sign where sublattices are swapped: d, g or i, as in the same table."""
    waves = []
    for crystal, swaps in altermagnets():
        space, chi = magnetic_elements((crystal, swaps))
        turns = np.linalg.det(space)[:, None, None] * space
        angle = np.arccos(np.clip((np.trace(turns, axis1=1, axis2=2) - 1) / 2, -1, 1))[:, None]
        free = {k: (chi * np.cos(np.arange(-k, k + 1) * angle).sum(axis=1)).mean() for k in (2, 4, 6)}
        waves.append(next(k for k in free if free[k] > 0.5))
    assert sorted(waves) == [2, 2, 2, 2, 4, 4, 4, 4, 6, 6]


@pytest.mark.parametrize("name", ["P", "K"])
def test_the_definition(name):
    """N_a P_jk with P = chi R P R^T, for all operations of 4/m and any N."""
    group = collinear("C4h", "4z", along=5 * NEEL)
    basis = allowed_tensor(group, name)
    assert len(basis) == 2
    for tensor in basis:
        form = np.einsum("a,ajk->jk", NEEL, tensor)
        np.testing.assert_allclose(tensor, NEEL[:, None, None] * form, atol=1e-12)
        for R, chi in zip(*magnetic_elements(("C4h", "4z")), strict=True):
            np.testing.assert_allclose(chi * R @ form @ R.T, form, atol=1e-12)


def test_rutile():
    """RuO2 and MnF2: the fourfold axis and the mirrors perpendicular to x and y swap the sublattices. With spin-orbit
    coupling and N along z that is 4'/mmm', where mirrors turn the moments too."""
    assert allowed_form(collinear("D4h", "4z mx"), "P").count("a") == 2
    (only,) = allowed_tensor(collinear("D4h", "4z mx"), "P")
    assert only[2, 0, 1] == only[2, 1, 0] == 1
    assert is_allowed("4'/mmm'", "P", only)
    check_allowed(collinear("D4h", "4z mx"), "P", 0.3 * only[:, :2, :2])


def test_ferromagnet_and_antiferromagnet():
    ferro = collinear("Oh", along=NEEL)
    np.testing.assert_allclose(
        allowed_tensor(ferro, "P")[0] / NEEL[:, None, None] * NEEL[1], [np.eye(3)] * 3, atol=1e-12
    )
    assert is_allowed(ferro, "h", 2 * NEEL)
    assert not is_allowed(ferro, "h", [0, 0, 1.0])
    anti = collinear("Oh", "-1 mx md", along=NEEL)  # inversion swaps the sublattices, rotations do not
    for name in ("h", "v", "P", "K"):
        assert not len(allowed_tensor(anti, name))
    assert is_allowed(anti, "magnetic_Gamma", np.outer(NEEL, NEEL))
    with pytest.raises(ValueError, match="h is not allowed by the spin group of point group 'Oh' with black -1"):
        check_allowed(anti, "h", [0, 0, 1.0])


def test_what_spin_orbit_coupling_alone_brings_is_forbidden():
    """Currents of one spin that are even under time reversal, and the Hall effect, need it in a collinear magnet."""
    for swaps in ((), "4z"):
        for name in ("theta", "kappa", "gamma", "spin_field", "magnetic_gamma", "hall"):
            assert not len(allowed_tensor(collinear("C4", swaps), name)), name
        assert len(allowed_tensor(collinear("C4", swaps), "D")) == 2


def test_turning_spins_with_the_crystal_gives_magnetic_groups():
    group = [(np.linalg.det(R) * R, R, s) for R, s in zip(*magnetic_elements("4'/mm'm"), strict=True)]
    for name in tensors:
        np.testing.assert_allclose(allowed_tensor(spin_group(group), name), allowed_tensor("4'/mm'm", name), atol=1e-12)


def test_p_wave_magnet():
    """Hellenes et al., arXiv:2309.01607: a current polarises the spins perpendicular to the plane of the moments."""
    assert allowed_form(spin_group(P_WAVE), "magnetic_gamma") == "[[0, 0, 0], [0, 0, 0], [a, b, c]]"
    assert not any(len(allowed_tensor(spin_group(P_WAVE), name)) for name in ("h", "P", "K", "hall"))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: collinear("D4h", "4z mx", along=(0, 0, 0)), "expected a direction"),
        (lambda: collinear("D4h", "4z mx", along=(0, 1)), "expected a direction"),
        (lambda: collinear("D4h", "4z"), "leaves open whether 2x is black"),
        (lambda: magnetic_elements(collinear("D4h")), "is no magnetic point group"),
        (lambda: spin_group([("mz", "1", 1)]), "spins can only be rotated"),
        (lambda: spin_group([("1", 2 * np.eye(3), 1)]), "orthogonal"),
        (lambda: spin_group([("1", "2z", 0)]), "expected 1, or -1"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_crystal_has_no_primes():
    with pytest.raises(ValueError, match=r"has primes; expected the crystal's point group"):
        ju.symmetry.collinear("4'/mmm'", "4z mx")
