"""Currents out of equilibrium."""

import numpy as np

import jusadel as ju
from validation.registry import case, draw, row

CONDUCTANCE = {0.1: 1.0000, 2: 1.064, 4: 1.160, 5: 1.1729, 12: 1.129}
WIDTH = 0.05


@case(
    "18",
    "kinetics",
    "Reentrant conductance of a wire on a superconductor",
    "18",
    pictures={"reentrance": "Conductance of a normal wire on a superconductor, Delta = 50 E_Th; dots: published."},
)
def reentrance():
    mesh = ju.rectangle(1.0, WIDTH, 10.0, x=np.linspace(0, 1, 81), y=[0, WIDTH])
    ends = {"left": ju.Reservoir(0.0), "right": ju.Reservoir(50.0)}
    device = ju.Device(mesh=mesh, materials=ju.Material(Tc=0.0), boundaries=ends)
    energies = sorted({*CONDUCTANCE, 0.5, 1, 1.5, 3, 6, 7, 8, 10, 15, 20})
    spec = ju.spectrum(ju.solve(device, T=0.1, frequencies=([3.0], [1.0])), energies, eta=1e-6)
    cold = {"left": ju.Contact(voltage=40.0, temperature=0.0), "right": ju.Contact(voltage=0.0, temperature=0.0)}
    g = ju.kinetics(spec, cold).currents_through("right")[:, 1] / (2 * WIDTH)
    for E, exact in CONDUCTANCE.items():
        yield row("18", f"g/g_N at {E:g} E_Th", g[energies.index(E)], exact, "81 x 2 nodes")
    axis, save = draw("reentrance")
    axis.plot(energies, g)
    axis.plot(*zip(*CONDUCTANCE.items(), strict=True), "o")
    axis.set(xlabel="$eV/E_{Th}$", ylabel="$g/g_N$")
    save()
