"""Current-phase relation and critical current of a normal strip between two superconductors."""

import numpy as np

import jusadel as ju

mesh = ju.rectangle(1.0, 0.4, size=0.2)  # lengths in that of the strip, L
ends = {"left": ju.Reservoir(10.0), "right": ju.Reservoir(10.0)}  # energies in D/L^2
device = ju.Device(mesh=mesh, materials=ju.Material(Tc=0.0), boundaries=ends)
phases = np.linspace(-np.pi, np.pi, 8, endpoint=False)  # a whole turn

axis = None
for T in (1.0, 4.0):
    curve = ju.current_phase_relation(device, phases, T, frequencies=4)
    axis = ju.plot.current_phase(curve, f"T = {T:g}", ax=axis)
    print(f"Ic_T{T:g} = {curve.critical_current[0]:.5f}")
    print(f"phase_over_pi_T{T:g} = {curve.critical_phase[0] / np.pi:.5f}")
axis.figure.savefig("junction.png")
