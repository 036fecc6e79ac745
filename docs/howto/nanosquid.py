"""A nano-SQUID of aluminium: inductance and effective area of its loop, critical current against the field."""

import matplotlib.pyplot as plt
import numpy as np

import jusadel as ju

u = ju.Units(Tc=1.3, D=50.0, resistivity=4.0, thickness=50.0)  # K, cm^2/s, micro-Ohm cm, nm
hole, arm, link, lead, size = (float(u.length(nm=x)) for x in (400.0, 150.0, 220.0, 150.0, 100.0))
T, mT, quantum = u.temperature(K=0.4), 0.05, 2.067833848  # mT um^2, or uA nH
film = {"permeability": u.permeability, "thickness": u.length(nm=50.0), "model": "film", "frequencies": 6}
loop = ju.Device(mesh=ju.squid_loop(hole, hole, arm, link, lead, size), materials=ju.Material())

trapped = ju.solve_screened(loop, T, 0.0, start=ju.vortex(ju.bulk_gap(T)), **film)
found = ju.inductance(trapped)
total = found.total / np.pi * quantum / u.to_uA(1.0)  # nH
print(f"geometric_pH = {1000 * total * found.geometric / found.total:.3f}")
print(f"kinetic_pH = {1000 * total * found.kinetic / found.total:.3f}")

screened = ju.solve_screened(loop, T, u.field(mT=mT), **film)
area = -u.to_uA(screened.hole_currents[0]) * total / mT  # um^2: the flux that the current keeps out
print(f"effective_area_um2 = {area:.4f}")
print(f"period_mT = {quantum / area:.3f}")

junction = ju.ShuntedJunction([60.0, -10.0], resistance=3.0)  # uA and Ohm, or a relation that was solved for
field = np.linspace(-10.0, 10.0, 201)
Ic, against = ju.squid_pattern(ju.Squid(junction, junction, 1000 * total / 2), field * area / quantum)
print(f"depth = {1 - Ic.min() / Ic.max():.3f}")
plt.figure(figsize=(4.6, 3.2), layout="constrained")
plt.plot(field, Ic, label="along the bias")
plt.plot(field, -against, label="against it")
plt.xlabel("applied field (mT)")
plt.ylabel("critical current (uA)")
plt.legend(loc="center")
plt.savefig("nanosquid.png")
