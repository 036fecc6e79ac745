"""Fluctuations above Tc in the resistance of a strip of niobium nitride, and in how it screens a field."""

import matplotlib.pyplot as plt
import numpy as np

import jusadel as ju

u = ju.Units(Tc=10.0, D=0.5, resistivity=250.0, thickness=5.0)  # K, cm^2/s, micro-Ohm cm, nm
length, width = u.length(nm=160.0), u.length(nm=20.0)
metal = ju.Material(D=u.diffusion(), Tc=u.temperature(K=10.0))
strip = ju.Device(mesh=ju.rectangle(length, width, size=u.length(nm=2.5)), materials=metal)
normal = 1e6 / (250e-8 / 5e-9) * 20 / 160  # uS

kelvin = np.array([10.3, 10.5, 10.8, 11.2, 12.0])
found = [ju.fluctuations(strip, u.temperature(K=T), modes=100, across=("left", "right")) for T in kelvin]
more = np.array([u.to_uS(one.paraconductivity) for one in found])
print(found[0])
print(f"lambda = {found[0].eigenvalues[0]:.4f}")
print(f"paraconductivity_uS = {more[0]:.3f}")
print(f"heat_kB = {found[0].specific_heat:.1f}")

B = u.field(mT=200.0)
in_field = ju.Device(mesh=strip.mesh, materials=metal, vector_potential=ju.uniform_field(B))
moment = ju.fluctuations(in_field, u.temperature(K=10.3), modes=60).magnetisation
print(f"moment_meV_per_T = {u.to_meV(moment * u.field(mT=1000.0)):.4f}")

ax = plt.figure(figsize=(4.5, 3.2), layout="constrained").add_subplot()
ax.plot(kelvin, 1e3 / (normal + more), "o-")
ax.axhline(1e3 / normal, color="0.6", ls=":")
ax.set(xlabel="T in K", ylabel=r"R in k$\Omega$")
ax.figure.savefig("fluctuations.png", dpi=120)
