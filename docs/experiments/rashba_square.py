"""A superconducting square with Rashba coupling in a field of its plane: currents that circulate, spins at edges."""

import matplotlib.pyplot as plt
import numpy as np

import jusadel as ju

SIDE, FIELD, LINES = 500.0, 150.0, 29  # nm, mT along y, mesh lines
InAs = ju.materials["InAs"]
u = ju.Units(Tc=1.3, D=100.0, resistivity=5.0, thickness=10.0)  # K of aluminium, cm^2/s, micro-Ohm cm, nm
T = u.temperature(K=0.4)
rashba = u.rashba(eV_angstrom=InAs.rashba, mass=InAs.effective_mass, scattering_fs=150.0)
lines = np.linspace(0, u.length(nm=SIDE), LINES)
mesh, middle = ju.rectangle(x=lines, y=lines), LINES // 2


def film(mT):
    """The solution in a field along y that acts on spins alone (g = 10)."""
    h = (0, u.zeeman(mT=mT, g=10.0), 0)
    metal = ju.Material(D=u.diffusion(), Tc=u.temperature(K=1.3), h=h, **rashba)
    return ju.solve(ju.Device(mesh=mesh, materials=metal, units=u), T, "self-consistent", frequencies=6)


sol, turned = film(FIELD), film(-FIELD)
phase = np.angle(np.asarray(sol.Delta).reshape(LINES, LINES)[middle])
j, opposite = (u.to_uA_per_um(np.asarray(ju.charge_current(s, "nodes"))) for s in (sol, turned))
through = j.reshape(LINES, LINES, 2)[:, middle, 0]
total = ju.current_across(sol, (lines[middle], 0.0), (lines[middle], lines[-1]))
print(f"phase_per_um = {1e3 * (phase[middle + 1] - phase[middle - 1]) / u.to_nm(lines[2]):.5f}")
print(f"gap_meV = {u.to_meV(abs(sol.Delta).max()):.5f}\ncentre_uA_per_um = {through[middle]:.5f}")
print(f"edge_uA_per_um = {through[0]:.5f}\nlargest_uA_per_um = {through.max():.5f}\ntotal_uA = {u.to_uA(total):.7f}")
print(f"uneven = {abs(j + opposite).max() / abs(j).max():.7f}")
figure, axes = plt.subplots(1, 3, figsize=(12.5, 3.4), layout="constrained")
ju.plot.arrows(sol, ax=axes[0])
ju.plot.field(sol, ju.spin_density(sol)[:, 2], "spin along z", axes[1], quantity="spin density")
axes[2].plot(u.to_nm(lines), through)
axes[2].axhline(0, color="0.7", lw=0.8)
axes[2].set(xlabel="y [nm]", title="current along x in the middle [uA/um]")
figure.savefig("rashba_square.png")
