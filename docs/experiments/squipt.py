"""A superconducting loop closed by a copper wire: its minigap against the flux, and what a tunnel probe reads."""

import numpy as np

import jusadel as ju

LENGTH = 30.0  # nm, of the wire
u = ju.Units(Tc=1.3, D=100.0)  # K of aluminium, cm^2/s of copper
gap = u.energy(meV=0.2)
x = np.linspace(0, u.length(nm=LENGTH), 21)
mesh = ju.rectangle(x[-1], x[1], x[1], x=x, y=[0.0, x[1]])
copper = ju.Material(D=u.diffusion(), Tc=0.0)
energies = u.energy(meV=np.linspace(0.002, 0.21, 105))
middle = [(x[-1] / 2, 0.0)]


def states(flux):
    """N(E) in the middle of the wire, with a flux in flux quanta through the loop."""
    ends = {"left": ju.Reservoir(gap), "right": ju.Reservoir(gap, phase=2 * np.pi * flux)}
    wire = ju.Device(mesh=mesh, materials=copper, boundaries=ends, units=u)
    return ju.spectrum(ju.solve(wire, u.temperature(K=0.1), frequencies=2), energies, eta=u.energy(meV=0.0003))


fluxes = np.array([0.0, 0.15, 0.25, 0.35, 0.45])
spectra = [states(flux) for flux in fluxes]
axis = None
for flux, spec in zip(fluxes, spectra, strict=True):
    print(f"minigap_ueV_{flux:g} = {1e3 * u.to_meV(ju.minigap(spec, middle[0])):.2f}")
    axis = ju.plot.spectrum(spec, at={f"$\\Phi = {flux:g}\\,\\Phi_0$": middle[0]}, ax=axis)
axis.figure.savefig("squipt.png")
