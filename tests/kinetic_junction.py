"""A small junction at energies inside a gap, at its edge and above, with spins, walls and a contact that floats."""

import numpy as np

import jusadel as ju

GAP = 1.0
ENERGIES = np.array([0.4, 1.0, 1.6])


def junction_spectrum():
    """A normal film with spins and a superconducting one behind a wall; energies around the gap."""
    mesh = ju.rectangle(2.0, 1.0, 0.2, x_lines=[1.0], regions={"a": (0.0, 1.0), "b": (1.0, 2.0)})
    normal = ju.Material(D=1.2, Tc=0.0, h=(0.1, 0.6, 0.4), Gamma=0.7, spin_field=ju.rashba(0.3))
    device = ju.Device(
        mesh=ju.with_cut_between(mesh, "a", "b", "wall"),
        materials={"a": normal, "b": ju.Material(Tc=1.0, Gamma=0.5)},
        boundaries={
            "wall": ju.Interface(1.5),
            "left": ju.Tunnel(ju.Reservoir(0.0), 2.0),
            "right": ju.Reservoir(GAP, phase=0.8),
            "top": ju.Tunnel(ju.Reservoir(0.0), 0.7),
        },
    )
    sol = ju.solve(device, T=0.2, pair_potential={"b": GAP}, frequencies=([3.0], [1.0]))
    return ju.spectrum(sol, ENERGIES, eta=0.01)


def driven(spec, solver):
    """Its distributions by a linear solver."""
    contacts = {
        "left": ju.Contact(voltage=0.7, spin=(0.2, 0.0, 0.1), temperature=0.2),
        "top": ju.Contact(voltage="floating", temperature=0.2),
        "right": ju.Contact(voltage=0.0, temperature=0.2),
    }
    return ju.kinetics(spec, contacts, weights=np.full(len(ENERGIES), 0.6), linear_solver=solver)
