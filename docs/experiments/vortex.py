"""A vortex in a niobium film with Rashba coupling, in a field: currents, and the spins that they make."""

import matplotlib.pyplot as plt
import numpy as np

import jusadel as ju

u = ju.Units(Tc=9.2, D=5.0, resistivity=15.0, thickness=10.0)  # K, cm^2/s, micro-Ohm cm, nm
T, radius = u.temperature(K=4.2), u.length(nm=70.0)
mesh = ju.disk(radius, u.length(nm=5.0))
Gamma = u.spin_relaxation(nm=20.0)
film = ju.Material(
    D=u.diffusion(), Tc=1.0, Gamma=Gamma, gamma=ju.rashba(u.spin_galvanic(edelstein_nm=0.3, Gamma=Gamma))
)
field = ju.uniform_field(u.field(mT=250.0))
disk = ju.Device(mesh=mesh, materials=film, vector_potential=field, units=u)
start = ju.vortex(ju.bulk_gap(T))
sol = ju.solve(disk, T, "self-consistent", start=start, frequencies=8)

x, y = np.asarray(mesh.points).T
r = np.hypot(x, y)
S = np.asarray(ju.spin_density(sol))
radial = (S[:, 0] * x + S[:, 1] * y) / np.maximum(r, 1e-9)
azimuthal = (S[:, 1] * x - S[:, 0] * y) / np.maximum(r, 1e-9)
gap = np.abs(np.asarray(sol.Delta))
print(f"gap_meV_centre = {u.to_meV(gap[r.argmin()]):.5f}")
print(f"gap_meV_largest = {u.to_meV(gap.max()):.4f}")
print(f"bulk_gap_meV = {u.to_meV(ju.bulk_gap(T)):.4f}")
print(f"radial_spin_per_nm3 = {u.to_spins_per_nm3(abs(radial).max()):.4e}")
print(f"azimuthal_spin_per_nm3 = {u.to_spins_per_nm3(abs(azimuthal).max()):.4e}")

figure, axes = plt.subplots(1, 3, figsize=(12, 3.6), layout="constrained")
ju.plot.field(sol, gap, r"$|\Delta|$", axes[0], quantity="energy")
ju.plot.arrows(sol, ax=axes[1])
ju.plot.field(sol, radial, "radial spin", axes[2], quantity="spin density")
figure.savefig("vortex.png")
