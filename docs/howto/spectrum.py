"""Density of states of a normal wire on a superconductor, and what a tunnelling tip measures."""

import numpy as np

import jusadel as ju

mesh = ju.rectangle(1.0, 0.1, 1.0, x=np.linspace(0, 1, 13), y=[0.0, 0.1])  # energies in D/L^2, L its length
wire = ju.Device(mesh=mesh, materials=ju.Material(Tc=0.0), boundaries={"left": ju.Reservoir(10.0)})
sol = ju.solve(wire, T=0.05, frequencies=2)  # settles the pair potential, which is zero in this wire
spec = ju.spectrum(sol, np.linspace(0.0, 3.0, 31), eta=0.02)

print(f"certified = {int((spec.converged & spec.stable).sum())}")
print(f"gap = {ju.minigap(spec):.3f}")
tip = ju.tunnelling_spectrum(spec, T=0.1, voltages=[0.0, 1.5])  # dI/dV at each node, with a tip as warm as this
print(f"dIdV_at_0 = {tip[0, -1]:.4f}")
print(f"dIdV_at_1.5 = {tip[1, -1]:.4f}")
ju.plot.spectrum(spec, at=[(0.25, 0.05), (1.0, 0.05)]).figure.savefig("spectrum.png")
