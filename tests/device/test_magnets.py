"""Presets of magnets against the tensors that their symmetry allows."""

import jax
import numpy as np
import pytest

from jusadel.device.material.magnets import altermagnet, ferromagnet
from jusadel.device.material.symmetry import allowed_tensor, check_allowed, collinear, is_allowed

TILTED = (1.0, 2.0, -2.0)
N = np.array(TILTED) / 3


def test_altermagnet_obeys_its_spin_group():
    fields = altermagnet(dxy=0.3, precession=(0.2, 0.0), along=TILTED, relaxation=0.5)
    group = collinear("D4h", "4z mx", along=TILTED)
    for name, value in fields.items():
        check_allowed(group, name, value)
    assert len(allowed_tensor(group, "P")) == 1
    np.testing.assert_allclose(np.einsum("a,ajk->jk", N, fields["P"]), [[0, 0.3], [0.3, 0]], atol=1e-15)
    np.testing.assert_allclose(np.einsum("a,ajk->jk", N, fields["K"]), [[0, 0.2], [0.2, 0]], atol=1e-15)
    np.testing.assert_allclose(fields["magnetic_Gamma"], 0.5 * np.outer(N, N), atol=1e-15)


def test_the_other_d_wave_and_the_magnetic_groups():
    fields = altermagnet(dx2y2=0.3, precession=(0.0, -0.2))
    np.testing.assert_allclose(fields["P"][2], np.diag([0.3, -0.3]))
    np.testing.assert_allclose(fields["K"][2], np.diag([-0.2, 0.2]))
    check_allowed(collinear("D4h", "4z md"), "P", fields["P"])
    assert not is_allowed(collinear("D4h", "4z mx"), "P", fields["P"])
    check_allowed("4'/mm'm", "P", fields["P"])
    check_allowed("4'/mmm'", "P", altermagnet(dxy=0.3)["P"])


def test_a_turned_crystal_mixes_both():
    """As altermagnet's docstring says."""
    phi = 0.3
    R = np.array([[np.cos(phi), -np.sin(phi)], [np.sin(phi), np.cos(phi)]])
    turned = np.einsum("jm,kn,amn->ajk", R, R, altermagnet(dxy=1.0)["P"])
    np.testing.assert_allclose(altermagnet(dxy=np.cos(2 * phi), dx2y2=-np.sin(2 * phi))["P"], turned, atol=1e-15)


def test_ferromagnet_obeys_its_spin_group():
    fields = ferromagnet(h=2.0, polarisation=0.4, precession=-0.1, relaxation=0.3, along=TILTED)
    for name, value in fields.items():
        check_allowed(collinear("Oh", along=TILTED), name, value)
    np.testing.assert_allclose(fields["h"], 2 * N)
    np.testing.assert_allclose(fields["P"], 0.4 * N[:, None, None] * np.eye(2))
    np.testing.assert_allclose(fields["K"], -0.1 * N[:, None, None] * np.eye(2))


def test_numbers_and_directions_may_be_traced():
    slope = jax.grad(lambda dxy: altermagnet(dxy=dxy)["P"][2, 0, 1])(0.3)
    assert slope == 1.0
    turned = jax.jacobian(lambda along: ferromagnet(h=2.0, along=along)["h"])(np.array([0.0, 0.0, 3.0]))
    np.testing.assert_allclose(turned, np.diag([2 / 3, 2 / 3, 0]), atol=1e-15)


@pytest.mark.parametrize("make", [altermagnet, ferromagnet])
@pytest.mark.parametrize("along", [(0, 0, 0), (0, 1), (0, 0, np.nan)])
def test_no_direction(make, along):
    with pytest.raises(ValueError, match="expected a direction"):
        make(along=along)
