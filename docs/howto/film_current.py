"""An aluminium strip with a given current: how the current crowds at the sides, and the field that it makes."""

import numpy as np

import jusadel as ju

u = ju.Units(Tc=1.3, D=50.0, resistivity=2.0, thickness=100.0)  # K, cm^2/s, micro-Ohm cm, nm
length, width, T = u.length(nm=900.0), u.length(nm=600.0), u.temperature(K=0.4)
near = np.array([0.0, 0.03, 0.08, 0.15, 0.23, 0.32, 0.41, 0.5])  # lines closer to each other at the sides
mesh = ju.rectangle(length, width, x=np.linspace(0, length, 17), y=width * np.append(near, 1 - near[-2::-1]))
lead = ju.Reservoir(ju.bulk_gap(T))
strip = ju.Device(mesh=mesh, materials=ju.Material(), boundaries={"left": lead, "right": ju.Reservoir(lead.Delta)})
film = {"permeability": u.permeability, "thickness": u.length(nm=100.0), "model": "film"}

current = u.current(uA=200.0)
sol = ju.solve_at_current(strip, current, T, pair_potential=lead.Delta, H=0.0, frequencies=8, **film)
phase = sol.device.electrodes()["right"].phase
print(f"current_uA = {u.to_uA(ju.current_through(sol, 'right')):.3f}")
print(f"phase = {phase:.4f}")
print(f"inductance_pH = {u.to_pH(phase / 2 / current):.3f}")
print(f"geometric_pH = {u.to_pH(2 * sol.magnetic_energy / current**2):.3f}")

x, y = np.asarray(mesh.centroids).T
here = np.abs(x - length / 2) < length / 20
sides = here & (np.abs(y - width / 2) > 0.47 * width)
K = sol.sheet_current[:, 0] * width / current
print(f"crowding = {K[sides].mean() / K[here & (np.abs(y - width / 2) < 0.1 * width)].mean():.3f}")

above = ju.stray_field(sol, [[length / 2, width / 2]], z=u.length(nm=100.0))
print(f"stray_mT = {u.to_mT(above[0, 1]):.4f}")
ax = ju.plot.field(sol, u.to_mT(sol.magnetic_field), "$B_z$ (mT)", unit=("nm", u.to_nm(1.0)))
ax.tricontour(*u.to_nm(np.asarray(mesh.points)).T, mesh.triangles, sol.stream_function, 15, colors="k", linewidths=0.7)
ax.figure.savefig("film_current.png")
