"""Critical temperature of a superconducting disk in a perpendicular magnetic field."""

import matplotlib.pyplot as plt
import numpy as np

import jusadel as ju

mesh = ju.disk(1.25, 0.4)  # lengths in sqrt(D/Tc)
fields = np.linspace(0.0, 1.6, 9)  # B; the flux quantum is pi


def Tc(B):
    disk = ju.Device(mesh=mesh, materials=ju.Material(Tc=1.0), vector_potential=ju.uniform_field(B))
    return ju.critical_temperature(disk, frequencies=8).T


found = np.array([Tc(B) for B in fields])
for B, T in zip(fields, found, strict=True):
    print(f"Tc_B{B:.2f} = {T:.5f}")

figure, axis = plt.subplots(figsize=(5, 3.4), layout="constrained")
axis.plot(fields, found, "o-")
axis.set(xlabel="$B$ [$T_c/D$]", ylabel="critical temperature / $T_c$")
figure.savefig("tc.png")
