"""An aluminium ring with a fluxoid: its current, its inductances, and what a scanning SQUID sees of it."""

import numpy as np

import jusadel as ju

u = ju.Units(Tc=1.3, D=50.0, resistivity=4.0, thickness=50.0)  # K, cm^2/s, micro-Ohm cm, nm
film = {"permeability": u.permeability, "thickness": u.length(nm=50.0), "model": "film"}
ring = ju.Device(mesh=ju.ring(u.length(nm=300.0), u.length(nm=500.0), size=0.26), materials=ju.Material())
T = u.temperature(K=0.4)

trapped = ju.solve_screened(ring, T, 0.0, start=ju.vortex(ju.bulk_gap(T)), **film)
print(f"current_uA = {u.to_uA(trapped.hole_currents[0]):.2f}")
print(f"flux_in_quanta = {trapped.hole_fluxes[0] / np.pi:.4f}")

found = ju.inductance(trapped)
print(f"geometric_pH = {u.to_pH(found.geometric):.3f}")
print(f"kinetic_pH = {u.to_pH(found.kinetic):.3f}")

line = np.stack([np.linspace(-8.0, 8.0, 81), np.zeros(81)], axis=1)
above = ju.stray_field(trapped, line, z=u.length(nm=200.0))
print(f"stray_uT = {1000 * u.to_mT(above[40, 2]):.2f}")

screened = ju.solve_screened(ring, T, u.field(mT=0.05), **film)
print(f"screened_to = {screened.hole_fluxes[0] / (screened.applied_field * np.pi * u.length(nm=300.0) ** 2):.4f}")
ju.plot.field(trapped, u.to_mT(trapped.magnetic_field), "$B_z$ (mT)", unit=("nm", u.to_nm(1.0))).figure.savefig(
    "film_in_field.png"
)
