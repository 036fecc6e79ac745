"""What notebooks show of things, and what these print."""

import base64
import html
import re
import sys

import jax
import matplotlib.pyplot as plt
import numpy as np
import pytest

import jusadel as ju
from jusadel.plot.notebooks import THUMBNAILS

MESH = ju.rectangle(2.0, 1.0, 0.5)
METAL = ju.Material(D=3.5, Tc=0.0, h=(0, 0.8, 0), gamma=ju.rashba(0.3))
ENDS = {"left": ju.Reservoir(1.76), "right": ju.Reservoir(1.76, phase=1.0, Gamma=0.2)}
DEVICE = ju.Device(mesh=MESH, materials=METAL, boundaries=ENDS)

pytestmark = pytest.mark.filterwarnings("ignore:the mesh is too coarse:jusadel.CoarseMeshWarning")


@pytest.fixture(scope="module")
def things():
    sol = ju.solve(DEVICE, T=0.5, frequencies=2)
    volts = {"left": ju.Contact(voltage=1.0), "right": ju.Contact(voltage=0.0)}
    normal = ju.Device(mesh=MESH, materials=ju.Material(Tc=0.0))
    phases = np.linspace(0, 2 * np.pi, 13)
    return [
        MESH,
        DEVICE,
        sol,
        ju.spectrum(sol, [0.3, 0.6], eta=0.2),
        ju.diffuse(normal, volts),
        ju.current_phase_relation(DEVICE, phases, T=0.5, frequencies=2),
        ju.fit(lambda p: p["a"] * np.arange(3.0), [0.1, 0.9, 2.1], {"a": 0.5}),
    ]


def test_text_and_a_picture(things):
    for thing in things:
        shown = thing._repr_html_()
        assert html.escape(str(thing)) in shown
        picture = base64.b64decode(re.search(r"base64,([^\"]+)", shown)[1])
        assert picture.startswith(b"\x89PNG")
        assert len(picture) > 3000
    assert not plt.get_fignums()
    assert {type(thing) for thing in things} < set(THUMBNAILS)


def test_text_alone(monkeypatch):
    """Without matplotlib, and of what JAX traces."""
    seen = []
    jax.eval_shape(lambda D: seen.append(ju.Material(D=D)), 1.0)
    assert repr(seen[0]).startswith("Material(D=traced, Tc=1")
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert DEVICE._repr_html_() == f'<pre style="margin:0; text-align:left">{html.escape(str(DEVICE))}</pre>'


def test_devices_print_what_is_not_zero():
    assert repr(METAL) == "Material(D=3.5, Tc=0, h=[0, 0.8, 0], gamma=[[0, 0.3], [-0.3, 0], [0, 0]])"
    varied = ju.Material(D=[[2.0, 0.1], [0.1, 1.0]], Tc=1.0, nu=2.0, theta=lambda x: x @ np.ones((2, 3)))
    assert repr(varied) == "Material(D=[[2, 0.1], [0.1, 1]], Tc=1, theta=function of points, nu=2)"
    assert repr(DEVICE).splitlines() == [
        f"Device: {MESH!r}",
        f"  film: {METAL!r}",
        "  left: Reservoir(Delta=1.76, phase=0)",
        "  right: Reservoir(Delta=1.76, phase=1, Gamma=0.2)",
    ]
