"""Presets of magnets against the tensors that their symmetry allows."""

import re
from functools import reduce
from pathlib import Path

import jax
import numpy as np
import pytest

import jusadel as ju
from jusadel.device.material import symmetry
from jusadel.device.material.magnets import altermagnet, ferromagnet
from jusadel.device.material.material import SHAPES
from jusadel.device.material.spin_groups import collinear, spin_group

TILTED = (1.0, 2.0, -2.0)
N = np.array(TILTED) / 3


def test_altermagnet_obeys_its_spin_group():
    fields = altermagnet(dxy=0.3, precession=(0.2, 0.0), along=TILTED, relaxation=0.5)
    group = collinear("D4h", "4z mx", along=TILTED)
    for name, value in fields.items():
        symmetry.check_allowed(group, name, value)
    assert len(symmetry.allowed_tensor(group, "P")) == 1
    np.testing.assert_allclose(np.einsum("a,ajk->jk", N, fields["P"]), [[0, 0.3], [0.3, 0]], atol=1e-15)
    np.testing.assert_allclose(np.einsum("a,ajk->jk", N, fields["K"]), [[0, 0.2], [0.2, 0]], atol=1e-15)
    np.testing.assert_allclose(fields["magnetic_Gamma"], 0.5 * np.outer(N, N), atol=1e-15)


def test_the_other_d_wave_and_the_magnetic_groups():
    fields = altermagnet(dx2y2=0.3, precession=(0.0, -0.2))
    np.testing.assert_allclose(fields["P"][2], np.diag([0.3, -0.3]))
    np.testing.assert_allclose(fields["K"][2], np.diag([-0.2, 0.2]))
    symmetry.check_allowed(collinear("D4h", "4z md"), "P", fields["P"])
    assert not symmetry.is_allowed(collinear("D4h", "4z mx"), "P", fields["P"])
    symmetry.check_allowed("4'/mm'm", "P", fields["P"])
    symmetry.check_allowed("4'/mmm'", "P", altermagnet(dxy=0.3)["P"])


def test_a_turned_crystal_mixes_both():
    """As altermagnet's docstring says."""
    phi = 0.3
    R = np.array([[np.cos(phi), -np.sin(phi)], [np.sin(phi), np.cos(phi)]])
    turned = np.einsum("jm,kn,amn->ajk", R, R, altermagnet(dxy=1.0)["P"])
    np.testing.assert_allclose(altermagnet(dxy=np.cos(2 * phi), dx2y2=-np.sin(2 * phi))["P"], turned, atol=1e-15)


def test_ferromagnet_obeys_its_spin_group():
    fields = ferromagnet(h=2.0, polarisation=0.4, precession=-0.1, relaxation=0.3, along=TILTED)
    for name, value in fields.items():
        symmetry.check_allowed(collinear("Oh", along=TILTED), name, value)
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


# --- the page ----------------------------------------------------------------------------------------

PAGE = (Path(__file__).parents[2] / "docs" / "magnets.md").read_text()


def components(group, name):
    """The entries that a group allows in the plane, those tied to each other joined by signs of equality."""
    cut, rank = symmetry.tensors[name].plane, symmetry.tensors[name].rank
    labels = reduce(np.char.add, np.ix_(*[list("xyz")] * rank))
    tied = {}
    for label, entry in zip(np.ravel(labels[cut]), np.ravel(symmetry.allowed_entries(group, name)[cut]), strict=True):
        if entry != "0" and not (name == "P" and label.endswith("yx")):
            tied.setdefault(entry.removeprefix("-"), []).append("-" * entry.startswith("-") + label)
    return ", ".join(" = ".join(same) for same in tied.values()) or "-"


def table(first):
    """Rows of the table whose head has that second column, and the names of the tensors in it."""
    _, rest = PAGE.split(f"\n| magnet | {first} | ")
    head, _, *lines = rest.split("\n\n")[0].splitlines()
    return head.strip(" |").split(" | "), [line.strip("| ").split(" | ") for line in lines]


@pytest.mark.parametrize(("first", "rows"), [("group", 9), ("spin group", 6)])
def test_the_tables_of_the_page_are_what_the_code_says(first, rows):
    names, found = table(first)
    assert len(found) == rows
    for _, group, *said in found:
        text = group.strip("`")
        is_call = text.startswith(("collinear(", "spin_group("))
        known = eval(text, {"collinear": collinear, "spin_group": spin_group}) if is_call else text
        assert said == [components(known, name) for name in names], group


def test_the_page_s_code_runs():
    """But for the line that wants fields of Material, which stands in their tests."""
    names = {"ju": ju}
    for line in re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)[1].splitlines():
        if "of_group" not in line or "P" in SHAPES:
            exec(line, names)
