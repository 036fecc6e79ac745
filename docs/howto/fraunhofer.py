"""The critical current of a wide junction against the field, in millitesla and microampere."""

import matplotlib.pyplot as plt
import numpy as np

import jusadel as ju

u = ju.Units(Tc=1.2, D=200.0, resistivity=1.5, thickness=40.0)  # K, cm^2/s, micro-Ohm cm, nm: copper, aluminium leads
length, width = u.length(nm=400.0), u.length(nm=2000.0)
T, gap = u.temperature(K=0.5), ju.bulk_gap(u.temperature(K=0.5), u.temperature(K=1.2))
mesh = ju.rectangle(length, width, size=u.length(nm=70.0))
ends = {"left": ju.Reservoir(gap), "right": ju.Reservoir(gap)}
phases = np.linspace(0, 2 * np.pi, 8, endpoint=False)

quantum = 2.0678e-15 / (400e-9 * 2000e-9) * 1e3  # mT for a flux quantum in the copper
fields, found = quantum * np.arange(0, 2.1, 0.25), []
for mT in fields:
    device = ju.Device(
        mesh=mesh,
        materials=ju.Material(D=u.diffusion(), Tc=0.0),
        boundaries=ends,
        vector_potential=ju.uniform_field(u.field(mT=mT)),
    )
    curve = ju.current_phase_relation(device, phases, T, frequencies=3)
    found.append(float(u.to_uA(max(curve.critical_current))))
    print(f"Ic_uA_{mT / quantum:.2f} = {found[-1]:.4f}")

figure, axis = plt.subplots(figsize=(4.6, 3.2), layout="constrained")
axis.plot(fields, found, "o-")
axis.set(xlabel="field [mT]", ylabel=r"$I_c$ [$\mu$A]", ylim=(0, None))
figure.savefig("fraunhofer.png")
