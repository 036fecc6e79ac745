"""Devices that come back: terms that were there once stay, and the choice of a solver knows of it."""

import numpy as np

import jusadel as ju
from jusadel.action.assembly import discretise
from jusadel.device.recurrence import recurring, times_to_come

MESH = ju.rectangle(2.0, 1.0, size=0.5)


def solved(h, B=0.0):
    material = ju.Material(D=4.0, Tc=0.0, h=(0, h, 0), gamma=ju.rashba(h))
    ends = {"left": ju.Reservoir(1.0), "right": ju.Reservoir(1.0, phase=0.7)}
    device = ju.Device(mesh=MESH, materials=material, boundaries=ends, vector_potential=ju.uniform_field(B))
    system = discretise(device, np.zeros(MESH.triangles.shape, complex))
    return {t.field for t in (*system.node_terms, *system.cell_terms)}, system.links, device


def test_terms_stay_once_they_were_there():
    bare, everything = solved(0.0), solved(0.4, B=0.2)
    assert bare[:2] == ({"omega", "D"}, False)
    assert everything[:2] == ({"omega", "D", "h", "gamma"}, True)
    with recurring(2):
        assert solved(0.0)[:2] == bare[:2]
        assert solved(0.4, B=0.2)[:2] == everything[:2]
        assert solved(0.0)[:2] == everything[:2]
        with recurring(3):
            assert times_to_come() == 6
            assert solved(0.0)[:2] == everything[:2]
    assert times_to_come() == 1
    assert solved(0.0)[:2] == bare[:2]


def test_a_zero_on_the_way_changes_nothing_in_a_sweep():
    kept = []

    def current(h):
        sol = ju.solve(solved(h)[2], 0.3, frequencies=2)
        kept.append(len(sol.system.cell_terms))
        return ju.current_through(sol, "right")

    swept = ju.sweep(lambda h, previous: current(h), [0.4, 0.0])
    assert kept == [2, 2]
    np.testing.assert_allclose(swept["result"], [current(0.4), current(0.0)], rtol=1e-9)
    assert kept[2:] == [2, 1]
