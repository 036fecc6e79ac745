"""The current-voltage curve of a junction from its current-phase relation, with noise and under microwaves."""

import matplotlib.pyplot as plt
import numpy as np

import jusadel as ju

u = ju.Units(Tc=1.2, D=200.0, resistivity=1.5, thickness=20.0)  # K, cm^2/s, micro-Ohm cm, nm: copper, aluminium leads
T, gap = u.temperature(K=0.3), ju.bulk_gap(u.temperature(K=0.3), u.temperature(K=1.2))
mesh = ju.rectangle(u.length(nm=800.0), u.length(nm=200.0), size=u.length(nm=100.0))
ends = {"left": ju.Reservoir(gap), "right": ju.Reservoir(gap)}
device = ju.Device(mesh=mesh, materials=ju.Material(D=u.diffusion(), Tc=0.0), boundaries=ends)
relation = ju.current_phase_relation(device, np.linspace(0, 2 * np.pi, 12, endpoint=False), T, frequencies=4)

R = 1.5e-8 * 800e-9 / (200e-9 * 20e-9)  # Ohm, of the copper
junction = ju.ShuntedJunction(relation, resistance=R, unit=u.to_uA(1.0))  # capacitance= in pF
currents = np.linspace(0, 60, 61)  # uA
curves = {
    "0.3 K": ju.current_voltage(junction, currents, T=0.3, turns=30, copies=8),
    "20 GHz": ju.current_voltage(junction, currents, drive=(20.0, 20.0), turns=30),
}
print(f"Ic_uA = {junction.critical_current[0]:.4f}")
print(f"V_uV_at_60uA = {curves['0.3 K'].voltage[-1]:.3f}")
print(f"step_uA = {curves['20 GHz'].step_width(1):.2f}")
slow = ju.switching_distribution(junction, rate=1e-6, T=0.3)  # uA/ns: a milliampere per second
print(f"switching_uA = {slow.mean:.4f}")
print(f"spread_uA = {slow.spread:.4f}")

figure, axis = plt.subplots(figsize=(4.6, 3.2), layout="constrained")
for name, curve in curves.items():
    axis.plot(curve.voltage, curve.current, label=name)
axis.set(xlabel=r"voltage [$\mu$V]", ylabel=r"current [$\mu$A]")
axis.legend()
figure.savefig("circuit.png")
