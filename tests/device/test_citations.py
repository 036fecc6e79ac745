"""What `cite` names for what was used."""

import re
from pathlib import Path

import jax.numpy as jnp
import pytest

import jusadel as ju

ROOT = Path(__file__).parents[2]
STRIP = ju.rectangle(1.0, 0.5, 0.5)


def test_always():
    lines = ju.cite().splitlines()
    assert lines[0] == f"The jusadel developers, jusadel {ju.__version__}: this program"
    assert "Kokkeler" in lines[1]
    assert ju.cite() == ju.cite(ju.Material(), STRIPPED)


STRIPPED = ju.Device(mesh=STRIP, materials=ju.Material(Tc=0.0), boundaries={"left": ju.Reservoir(1.0)})


def test_terms_and_barriers_add_what_they_stand_on():
    magnet = ju.Material(Tc=0.0, kappa=(0, 0, 0.1), magnetic_Gamma=lambda x: jnp.ones((len(x), 1, 1)) * jnp.eye(3))
    ends = {"left": ju.Tunnel(ju.Reservoir(1.0), 2.0), "right": ju.Tunnel(ju.Reservoir(1.0), 2.0, transmissions=[0.5])}
    device = ju.Device(mesh=STRIP, materials=magnet, boundaries=ends)
    added = set(ju.cite(device).splitlines()) - set(ju.cite().splitlines())
    assert {re.search(r": (\D+)$", line)[1] for line in added} == {
        "spin-current swapping",
        "magnetic impurities",
        "barriers in the tunnel limit",
        "barriers with transmissions",
    }
    flow = ju.diffuse(STRIPPED, {"left": ju.Contact(voltage=1.0), "right": ju.Contact(voltage=0.0)})
    assert ju.cite(flow) == ju.cite()
    assert "magnets" in ju.cite(flow, ju.Material(**ju.altermagnet(dxy=0.1)))


def test_what_has_no_device_is_refused():
    with pytest.raises(TypeError, match="cite of int; expected a result with a device"):
        ju.cite(3)


def test_the_citation_file_is_of_this_version():
    text = (ROOT / "CITATION.cff").read_text()
    assert f"version: {ju.__version__}\n" in text
    assert "universal phenomenology of charge-spin interconversion" in text
